"""``tidewire book --consolidated`` as a user meets it, against its own sandbox."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner, Result

from tidewire.cli.app import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ("book", "--consolidated", "BTC-USDT", *arguments))


def test_once_shows_the_venue_of_each_level() -> None:
    done = run("--once", "-d", "6", "--venues", "binance,huobi")
    assert done.exit_code == 0, done.output
    title, head, *rows = done.stdout.splitlines()
    assert title.startswith("BTC-USDT at binance, htx")
    assert head.split() == ["venue", "size", "bid", "ask", "size", "venue"]
    assert len(rows) == 6
    assert {name for row in rows for name in (row.split()[0], row.split()[-1])} == {"binance", "htx"}
    assert "local sandboxes, not the venues" in done.stderr


@contextmanager
def running(*arguments: str) -> Iterator[IO[str]]:
    """The program's lines; Ctrl-C ends it."""
    command = [sys.executable, "-c", "from tidewire.cli import main; main()", "book", "--consolidated", "BTC-USDT"]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "local sandboxes, not the venues" in talk
    assert "Traceback" not in talk


def test_live_is_the_default_and_json_a_line_per_change() -> None:
    with running("-d", "2", "--json", "--after-fees", "--venues", "binance,okx") as lines:
        book = next(told for told in map(json.loads, lines) if told["venues"] == ["binance", "okx"])
    assert book["excluded"] == {}
    assert all(float(level["price"]) < float(level["quoted"]) for level in book["bids"])
    assert all(float(level["price"]) > float(level["quoted"]) for level in book["asks"])


def test_live_in_a_pipe_is_plain_lines() -> None:
    with running("--venues", "okx") as lines:
        line = next(iter(lines))
    assert " okx | ask " in line
    assert "\x1b" not in line


def test_it_ends_by_itself_when_told_to() -> None:
    done = run("--seconds", "0.01", "--venues", "okx")
    assert done.exit_code == 0, done.output
    assert done.stderr.endswith(" changes\n")


def test_mistakes_are_named() -> None:
    runner = CliRunner()
    venue_too = runner.invoke(app, ("book", "--consolidated", "okx", "BTC-USDT"))
    assert venue_too.exit_code != 0
    assert "its venues are --venues" in venue_too.stderr
    no_symbol = runner.invoke(app, ("book", "okx"))
    assert no_symbol.exit_code != 0
    assert "which symbol at okx?" in no_symbol.stderr
    unknown = run("--once", "--venues", "nowhere")
    assert unknown.exit_code != 0
    assert "nowhere" in unknown.stderr
