"""Rates per venue and market: the user's own, else the published base tier, never a silent zero."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox
from tidewire.universal import FeeRate, Fees, Universal
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


# What venues tell of an account.


def told(venue: str, symbol: str = "BTC-USDT", taker: str = "0.0004") -> tw.TradingFee:
    return tw.TradingFee(venue=venue, symbol=tw.Symbol.parse(symbol), maker=Decimal("-0.0001"), taker=Decimal(taker))


def test_what_the_venue_tells_comes_before_the_base_tier_and_after_rates_given_by_hand() -> None:
    fees = Fees({"okx": {"spot": ("0.0003", "0.0002")}}).with_account([told("binance"), told("okx")])
    assert fees.taker("binance", instrument("binance")) == Decimal("0.0004")
    assert fees.maker("binance", instrument("binance")) == Decimal("-0.0001")
    assert "told by the venue" in fees.rate("binance", instrument("binance")).source
    assert fees.rate("binance", instrument("binance", "ETH-USDT")) == BASE_TIERS["binance", "spot"]  # each its own
    assert fees.rate("okx", instrument("okx")).source == "own rate"
    assert fees.with_account([told("binance", taker="0.0005")]).taker("binance", instrument("binance")) == Decimal(
        "5e-4"
    )
    assert fees.taker("binance", instrument("binance")) == Decimal("0.0004")  # a copy was made


def test_a_rate_that_is_not_known_says_why() -> None:
    market = ("htx", tw.Symbol.parse("BTC-USDT"))
    fees = Fees().with_account([], {market: "no credentials"})
    rate = fees.rate("htx", instrument("htx"))
    assert rate.taker == BASE_TIERS["htx", "spot"].taker
    assert rate.source.endswith("check yours; the account's own is not known: no credentials")
    later = fees.with_account([told("htx")])
    assert later.rate("htx", instrument("htx")).source == "the account's own, told by the venue"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("binance", "okx", "htx", "coinbase"), pace=None) as running:
        yield running


def test_a_route_reckons_with_the_accounts_own_rates(sandbox: Sandbox) -> None:
    keys = {venue: sandbox.credentials(venue) for venue in ("binance", "htx", "coinbase")}
    with Universal(sandbox.venues, environment=sandbox, credentials=keys, timeout=60.0) as market:
        fees = market.load_fees(["BTC-USDT", "BTC-USDT-PERP", "NOSUCH-USDT"])
        choice = market.best_venue("BTC-USDT", "sell", "0.1")
        book = market.consolidated_book("BTC-USDT", 20, after_fees=True)
        rates = {each.venue: each.fee_rate for each in choice.ranking}
        assert set(rates) == {"binance", "okx", "htx", "coinbase"}
        for venue in keys:
            assert rates[venue] == FeeRate(Decimal("0.001"), Decimal("0.001"), "the account's own, told by the venue")
        assert rates["okx"].source.endswith("not known: no credentials")
        assert "not known: no credentials" in choice.explain()
        assert {level.price / level.quoted for level in book.bids(40) if level.venue == "coinbase"} == {
            Decimal("0.999")
        }
        assert "not known: htx does not offer" in fees.rate("htx", instrument("htx", "BTC-USDT-PERP")).source
        assert "Invalid symbol" in fees.rate("binance", instrument("binance", "NOSUCH-USDT")).source
        report = market.execute(market.route("BTC-USDT", "sell", "1", limits={"okx": 0}))
        assert report.filled
        assert abs(report.fee - report.value * Decimal("0.001")) < Decimal("1e-6")  # venues round to eight decimals


def test_rates_that_could_not_be_read_change_nothing(sandbox: Sandbox) -> None:
    keys = {"binance": sandbox.credentials("binance"), "okx": tw.Credentials("wrong", "wrong", "wrong")}
    with Universal(["binance", "okx"], environment=sandbox, credentials=keys, timeout=60.0) as market:
        with pytest.raises(tw.VenuesFailed) as caught:
            market.load_fees(["BTC-USDT"])
        assert isinstance(caught.value.causes["okx"], tw.AuthenticationError)
        assert set(caught.value.causes) == {"okx"}
        route = market.route("BTC-USDT", "buy", "1")
        assert {each.fee_rate.source for each in route.slices} <= {rate.source for rate in BASE_TIERS.values()}


def test_rates_are_asked_with_keys_and_of_a_list(sandbox: Sandbox) -> None:
    with Universal(["binance"], environment=sandbox) as market:
        with pytest.raises(tw.ConfigError, match="load_fees needs credentials"):
            market.load_fees(["BTC-USDT"])
        with pytest.raises(tw.ConfigError, match="list of symbols"):
            market.load_fees("BTC-USDT")
