"""``tidewire book --consolidated`` as a user meets it, against its own sandbox."""

from __future__ import annotations

import json

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


def test_live_is_the_default_and_json_a_line_per_change() -> None:
    done = run("--seconds", "1.5", "-d", "2", "--json", "--after-fees", "--venues", "binance,okx")
    assert done.exit_code == 0, done.output
    *_, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert {*last["venues"], *last["excluded"]} == {"binance", "okx"}
    assert all(float(level["price"]) < float(level["quoted"]) for level in last["bids"])
    assert all(float(level["price"]) > float(level["quoted"]) for level in last["asks"])
    assert "changes" in done.stderr


def test_live_in_a_pipe_is_plain_lines() -> None:
    done = run("--seconds", "1.5", "--venues", "okx")
    assert done.exit_code == 0, done.output
    assert " okx | ask " in done.stdout
    assert "\x1b" not in done.stdout


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
