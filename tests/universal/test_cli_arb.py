"""``tidewire arb`` as a user meets it, against its own sandbox. Whether anything pays at that moment is chance."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner, Result

from tidewire.cli.app import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ("arb", *arguments))


def check(found: dict[str, Any]) -> None:
    assert Decimal(found["profit"]) > 0
    for trade in found["trades"]:
        fills = sum(Decimal(fill["price"]) * Decimal(fill["quantity"]) for fill in trade["fills"])
        assert fills == Decimal(trade["notional"])


def test_one_look_shows_what_is_open_and_what_takes_no_part() -> None:
    done = run("BTC-USDT", "BTC-USDT-PERP", "--once", "--venues", "binance,coinbase", "--max-age", "60")
    assert done.exit_code == 0, done.output
    assert {"kind", "trades", "profit", "bps", "funding"} <= set(done.stdout.split())
    assert "coinbase BTC-USDT-PERP: UnknownSymbol" in done.stderr
    assert "local sandboxes, not the venues" in done.stderr


def test_json_holds_every_figure_as_text() -> None:
    done = run("BTC-USDT", "ETH-USDT", "ETH-BTC", "--once", "--venues", "binance,okx", "--json", "--max-age", "60")
    assert done.exit_code == 0, done.output
    scan = json.loads(done.stdout)
    assert (scan["books"], scan["excluded"]) == (6, {})
    for each in scan["opportunities"]:
        check(each)


def test_live_tells_openings_and_closings_as_lines() -> None:
    done = run("BTC-USDT", "--venues", "binance,okx", "--seconds", "1.5", "--json")
    assert done.exit_code == 0, done.output
    for line in done.stdout.splitlines():
        event = json.loads(line)
        assert event["change"] in ("open", "close")
        assert (event["reason"] is None) == (event["change"] == "open")
        check(event["opportunity"])


def test_what_makes_no_sense_is_one_line() -> None:
    done = run("--kinds", "magic", "--venues", "binance")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no kind of arbitrage" in done.stderr
