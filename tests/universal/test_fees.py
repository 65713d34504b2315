"""Rates per venue and market: the user's own, else the published base tier, never a silent zero."""

from __future__ import annotations

from decimal import Decimal

import pytest

import tidewire as tw
from tidewire.universal import Fees
from tidewire.universal.fees import BASE_TIERS


def instrument(venue: str, symbol: str = "BTC-USDT") -> tw.Instrument:
    parsed = tw.Symbol.parse(symbol)
    return tw.Instrument(
        venue=venue, symbol=parsed, native=symbol, kind=parsed.kind, tick_size=Decimal("0.01"), lot_size=Decimal("1e-5")
    )


def test_every_venue_and_market_has_a_base_tier_with_page_and_date() -> None:
    markets = {(name, kind) for name in tw.venues() for kind in tw.venue(name).spec.kinds}
    assert set(BASE_TIERS) == markets
    for rate in BASE_TIERS.values():
        assert "https://" in rate.source
        assert "check yours" in rate.source
        assert Decimal(0) < rate.maker <= rate.taker < Decimal("0.02")


def test_own_rates_replace_the_base_tier_of_their_market_only() -> None:
    fees = Fees({"binance": {"spot": ("0.00075", -0.0001)}})
    spot, perpetual = instrument("binance"), instrument("binance", "BTC-USDT-PERP")
    assert fees.taker("binance", spot) == Decimal("0.00075")
    assert fees.maker("binance", spot) == Decimal("-0.0001")
    assert fees.rate("binance", spot).source == "own rate"
    assert fees.rate("binance", perpetual) == BASE_TIERS["binance", "linear"]


def test_an_alias_names_the_same_venue() -> None:
    assert Fees({"huobi": {"spot": ("0.001", "0")}}).taker("htx", instrument("htx")) == Decimal("0.001")


def test_an_unknown_fee_is_an_error_that_says_what_to_pass() -> None:
    with pytest.raises(tw.ConfigError, match=r"fees=Fees\(\{'elsewhere': \{'spot'") as caught:
        Fees().taker("elsewhere", instrument("elsewhere"))
    assert caught.value.venue == "elsewhere"


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"binance": {"spot": ("0.1", "0.1")}}, "10.* % of the value"),
        ({"binance": {"margin": ("0.001", "0.001")}}, "'spot' or 'linear'"),
        ({"binance": {"spot": ("0.001",)}}, "taker, maker"),
        ({"binance": {"spot": "0.001"}}, "taker, maker"),
        ({"binance": {"spot": ("none", "0")}}, "not a decimal"),
        ({"bynance": {"spot": ("0", "0")}}, "did you mean 'binance'"),
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, dict[str, tuple[str, str]]], what: str) -> None:
    with pytest.raises(tw.ConfigError, match=what):
        Fees(table)  # type: ignore[arg-type]
