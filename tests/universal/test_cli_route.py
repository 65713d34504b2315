"""``tidewire route`` as a user meets it, against its own sandbox."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner, Result

from tidewire.cli.app import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ("route", *arguments))


def test_it_shows_the_slices_and_the_arithmetic() -> None:
    done = run("BTC-USDT", "buy", "2.5", "--venues", "binance,okx", "--execute")
    assert done.exit_code == 0, done.output
    words = done.stdout.split()
    for word in ("venue", "limit", "bps", "binance", "okx", "together", "2.50000"):
        assert word in words
    assert "together 2.5: value" in done.stdout
    assert "or better" in done.stdout
    assert "remains" in done.stdout  # the market moves on: how much is chance
    assert "local sandboxes, not the venues" in done.stderr


def test_json_holds_every_figure_as_text() -> None:
    done = run("ETH-USDT", "sell", "3", "--venues", "okx,huobi", "--json")
    assert done.exit_code == 0, done.output
    route = json.loads(done.stdout)
    assert {part["venue"] for part in route["slices"]} <= {"okx", "htx"}
    assert sum(Decimal(part["quantity"]) for part in route["slices"]) == 3
    assert sum(Decimal(part["cost"]) for part in route["slices"]) == Decimal(route["cost"])
    levels = [level for part in route["slices"] for level in part["levels"]]
    assert sum(Decimal(level["price"]) * Decimal(level["quantity"]) for level in levels) == Decimal(route["value"])


def test_live_routes_from_streams_again_and_again() -> None:
    lines: list[str] = []
    for seconds in ("1.5", "5", "20"):  # a busy machine needs longer until two books are live
        done = run("BTC-USDT", "buy", "1", "--venues", "binance,okx", "--live", "--seconds", seconds, "--json")
        assert done.exit_code == 0, done.output
        lines = done.stdout.splitlines()
        if lines:
            break
    assert lines
    assert {Decimal(json.loads(line)["quantity"]) for line in lines} == {Decimal(1)}


def test_what_cannot_be_filled_is_one_line() -> None:
    done = run("BTC-USDT", "buy", "100000", "--venues", "binance")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Unfillable" in done.stderr
    assert "at most" in done.stderr


def test_it_never_orders_outside_the_sandbox() -> None:
    done = run("BTC-USDT", "buy", "1", "--execute", "--environment", "live")
    assert done.exit_code == 2
    assert "--execute is for the sandbox" in done.stderr
