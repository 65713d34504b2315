"""Universal over real sockets: the same verbs as a client's, answered by whichever venue can."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox, exchange, listings
from tidewire.universal import AsyncUniversal, Universal

VENUES = ("binance", "okx", "htx")

PATIENT: dict[str, Any] = {"patience": 20.0, "timeout": 60.0, "retries": 0}
"""A busy machine is not a slow venue."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(VENUES, pace=None) as running:
        yield running


def public(cls: type) -> dict[str, inspect.Signature]:
    names = [name for name in dir(cls) if not name.startswith("_") and callable(getattr(cls, name))]
    return {name: inspect.signature(getattr(cls, name)) for name in names}


def test_both_shells_have_equal_signatures() -> None:
    blocking, awaiting = public(Universal), public(AsyncUniversal)
    streams = {name for name in awaiting if name.startswith("watch_")}
    assert set(blocking) == set(awaiting) - streams
    plain = {name: str(signature).replace("Awaitable[T]", "T") for name, signature in awaiting.items()}
    assert {name: str(signature) for name, signature in blocking.items()} == {name: plain[name] for name in blocking}
    assert str(inspect.signature(Universal)) == str(inspect.signature(AsyncUniversal))


def test_capabilities_are_verbs_that_there_are(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, **PATIENT) as market:
        assert market.capabilities >= {"fetch_klines", "fetch_funding_rate", "fetch_balances", "instrument", "health"}
        assert [verb for verb in market.capabilities if not hasattr(market, verb)] == []


def test_every_verb_is_documented_in_both() -> None:
    for name in public(Universal):
        assert inspect.getdoc(getattr(Universal, name)), name
        assert inspect.getdoc(getattr(AsyncUniversal, name)), name


def test_reading_gives_the_clients_models_and_says_who_answered(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, **PATIENT, strategy="priority") as market:
        answer = market.answer(market.fetch_ticker, "BTC-USDT")
        assert (answer.value.venue, answer.provenance.venue, answer.provenance.failed) == ("binance", "binance", ())
        assert isinstance(market.fetch_price("BTC-USDT"), Decimal)
        assert market.fetch_klines("BTC-USDT", "1m", limit=5, venue="okx").venue == "okx"
        assert market.fetch_book("BTC-USDT", 5, venue="huobi").venue == "htx"
        assert {row.venue for row in market.fetch_instruments("spot", venue="htx")} == {"htx"}


def test_another_venue_answers_within_the_same_read(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, strategy="priority", **PATIENT) as market:
        sandbox.fail("status", venue="binance", times=None, status=503)
        answer = market.answer(market.fetch_price, "BTC-USDT")
        assert answer.provenance.venue == "okx"
        assert [failed.venue for failed in answer.provenance.failed] == ["binance"]
        assert isinstance(answer.provenance.failed[0].error, tw.VenueUnavailable)


def test_when_all_fail_one_error_lists_every_cause(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, **PATIENT) as market:
        with pytest.raises(tw.VenuesFailed) as caught:
            market.fetch_price("NOSUCH-USDT")
    assert set(caught.value.causes) == set(VENUES)
    assert all(isinstance(cause, tw.UnknownSymbol) for cause in caught.value.causes.values())
    assert not caught.value.retryable


def test_what_is_wrong_with_the_call_does_not_fail_over(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, **PATIENT) as market:
        with pytest.raises(tw.ConfigError, match="unknown interval '7m'"):
            market.fetch_klines("BTC-USDT", "7m")
        with pytest.raises(tw.ConfigError, match="cannot read the symbol"):
            market.fetch_price("btcusdt")
    assert sum(sum(sandbox.requests(venue).values()) for venue in VENUES) == 0


def test_any_public_data_by_name(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, **PATIENT) as market:
        assert market.fetch_data("ticker", "BTC-USDT", venue="okx").venue == "okx"
        assert len(market.fetch_data("klines", "BTC-USDT", interval="1m", limit=3)) == 3
        with pytest.raises(tw.ConfigError, match="kind must be one of"):
            market.fetch_data("news", None)


def test_threads_may_share_it(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, strategy="round_robin", **PATIENT) as market:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: market.answer(market.fetch_price, "BTC-USDT"), range(40)))
    assert {answer.provenance.venue for answer in answers} == set(VENUES)  # each its own, none mixed up
    assert all(len(answer.trail) == 1 for answer in answers)


@pytest.mark.parametrize(
    ("venues", "options", "why"),
    [
        ("binance", {}, "give a list of venues"),
        ([], {}, "give a list of venues"),
        (["htx", "huobi"], {}, "the same venue twice"),
        (["binance", "mtgox"], {}, "no venue 'mtgox'"),
        (
            ["binance"],
            {"credentials": {"okx": tw.Credentials("k", "s", "p")}},
            "okx, which is none of",
        ),
        (["binance"], {"patience": 0.0}, "patience must be positive"),
        (["binance"], {"timeout": -1.0}, "timeout must be positive"),
        (["binance"], {"strategy": "best"}, "strategy must be one of"),
        (["binance"], {"quotes": "USDT"}, "give the currencies that stand for each other"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(venues: Any, options: dict[str, Any], why: str) -> None:
    before = threading.active_count()
    with pytest.raises(tw.ConfigError, match=why):
        Universal(venues, **options)
    assert threading.active_count() == before


def test_a_pin_must_be_one_of_the_venues(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, **PATIENT) as market:
        with pytest.raises(tw.ConfigError, match="no venue 'coinbase' here: one of binance, okx, htx"):
            market.fetch_price("BTC-USDT", venue="coinbase")


def test_closing_leaves_no_thread(sandbox: Sandbox) -> None:
    before = threading.active_count()
    market = Universal(VENUES, environment=sandbox, **PATIENT)
    market.fetch_price("BTC-USDT")
    market.close()
    market.close()
    assert threading.active_count() == before
    with pytest.raises(tw.ConfigError, match="closed"):
        market.fetch_price("BTC-USDT")


def test_closing_ends_what_other_threads_wait_for(sandbox: Sandbox) -> None:
    market = Universal(["binance"], environment=sandbox, **PATIENT)
    hanging = sandbox.fail("hang", times=None)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(market.fetch_price, "BTC-USDT")
        while not hanging.hits:
            assert not waiting.done()
        market.close()
        with pytest.raises(tw.ConfigError, match="closed meanwhile"):
            waiting.result()


async def test_a_cancelled_read_leaves_nothing_behind(sandbox: Sandbox) -> None:
    async with AsyncUniversal(VENUES, environment=sandbox, **PATIENT) as market:
        hanging = sandbox.fail("hang", times=None)
        before = asyncio.all_tasks()
        reading = asyncio.create_task(market.fetch_price("BTC-USDT"))
        while not hanging.hits:  # noqa: ASYNC110 — the sandbox tells in another thread
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert asyncio.all_tasks() == before
        sandbox.clear_faults()
        assert await market.fetch_price("BTC-USDT") > 0


# Several venues at once.


def test_klines_of_symbols_by_venues_with_what_failed(sandbox: Sandbox) -> None:
    told: list[tuple[int, int, str]] = []
    with Universal(VENUES, environment=sandbox, **PATIENT) as market:
        grid = market.fetch_klines_across(
            ["BTC-USDT", "ETH-USDT", "NOSUCH-USDT"],
            "1m",
            limit=20,
            concurrency=2,
            progress=lambda done, total, name: told.append((done, total, name)),
        )
    assert set(grid.klines) == {(symbol, venue) for symbol in ("BTC-USDT", "ETH-USDT") for venue in VENUES}
    assert all(bars.venue == venue and len(bars) == 20 for (_, venue), bars in grid.klines.items())
    assert {type(error) for error in grid.failed.values()} <= {tw.UnknownSymbol, tw.SymbolRejected}
    assert set(grid.failed) == {("NOSUCH-USDT", venue) for venue in VENUES}
    assert [done for done, _, _ in told] == [*range(1, 10)]
    assert {name for _, _, name in told} == {f"{symbol} {venue}" for symbol in grid.symbols for venue in VENUES}


def test_klines_of_many_symbols_each_of_one_venue(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, **PATIENT, strategy="round_robin") as market:
        found = market.fetch_klines_many(["BTC-USDT", "ETH-USDT", "SOL-USDT"], "1h", concurrency=1)
        assert [bars.venue for bars in found.values()] == ["binance", "okx", "htx"]
        with pytest.raises(tw.ConfigError, match="different symbols"):
            market.fetch_klines_many(["BTC-USDT", "BTC-USDT"], "1h")
        with pytest.raises(tw.VenuesFailed, match="fetch_klines NOSUCH-USDT"):
            market.fetch_klines_many(["BTC-USDT", "NOSUCH-USDT"], "1h")


def test_a_ticker_and_klines_of_all_venues_with_their_composite(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, **PATIENT) as market:
        ticker = market.aggregate_ticker("BTC-USDT")
        assert ticker.venues == VENUES
        assert ticker.last is not None
        prices = [row.last for row in ticker.tickers.values() if row.last is not None]
        assert min(prices) <= ticker.last <= max(prices)
        assert {venue: provenance.venue for venue, provenance in ticker.provenance.items()} == {v: v for v in VENUES}
        klines = market.aggregate_klines("BTC-USDT", "1m", limit=30)
        assert klines.venues == VENUES
        assert len(klines.composite) == 30
        sandbox.fail("status", venue="okx", times=None)
        ticker = market.aggregate_ticker("BTC-USDT")
        assert ticker.venues == ("binance", "htx")
        assert isinstance(ticker.failed["okx"], tw.VenueUnavailable)


# Own accounts.


def test_balances_of_every_account_or_of_none(sandbox: Sandbox) -> None:
    keys = {venue: sandbox.credentials(venue) for venue in ("binance", "okx")}
    with Universal(VENUES, environment=sandbox, **PATIENT, credentials=keys) as market:
        assert {row.venue for row in market.fetch_balances()} == {"binance", "okx"}
        assert {row.venue for row in market.fetch_balances(venue="okx")} == {"okx"}
        assert market.fetch_open_orders() == []
        with pytest.raises(tw.ConfigError, match="htx"):
            market.fetch_balances(venue="htx")
        sandbox.fail("status", venue="okx", times=None)
        with pytest.raises(tw.VenuesFailed, match="not every account") as caught:
            market.fetch_balances()
        assert set(caught.value.causes) == {"okx"}
    with Universal(VENUES, environment=sandbox, **PATIENT) as market:
        with pytest.raises(tw.ConfigError, match="needs credentials"):
            market.fetch_positions()


# Quote families.


@pytest.fixture
def dollars(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Binance lists XRP for USDT alone; Coinbase lists BTC for USD alone, and what a USDT is worth."""
    listed = {"binance": ("BTC-USDT", "XRP-USDT"), "coinbase": ("BTC-USD", "USDT-USD")}
    with_usdt = (*listings._SPOT, ("USDT-USD", 0.98, "0.0001", "0.01", "1"))
    monkeypatch.setattr(listings, "_SPOT", with_usdt)

    def chosen(venue: str, *rest: Any) -> list[listings.Listing]:
        return [row for row in listings.listings(venue, *rest) if str(row.instrument.symbol) in listed[venue]]

    monkeypatch.setattr(exchange, "listings", chosen)
    with Sandbox(tuple(listed), pace=None) as running:
        yield running


def test_no_other_currency_stands_in_unless_asked(dollars: Sandbox) -> None:
    with Universal(dollars.venues, environment=dollars, **PATIENT) as market:
        with pytest.raises(tw.VenuesFailed):
            market.fetch_price("XRP-USD")
    with Universal(["coinbase"], environment=dollars, **PATIENT, quotes={"USDT", "USD"}) as market:
        with pytest.raises(tw.VenuesFailed):
            market.instrument("BTC-USDT")  # another market's rules are no rules
        with pytest.raises(tw.ConfigError, match="quotes: give the currencies"):
            Universal(dollars.venues, quotes="USDT")


def test_a_price_in_another_currency_is_converted_by_a_live_price_that_is_told(dollars: Sandbox) -> None:
    with Universal(dollars.venues, environment=dollars, **PATIENT, quotes={"USDT", "USD"}) as market:
        rate = market.fetch_ticker("USDT-USD")
        ticker = market.fetch_ticker("XRP-USDT")
        answer = market.answer(market.fetch_price, "XRP-USD")
        told = answer.provenance
        assert (told.venue, str(told.asked), str(told.symbol)) == ("binance", "XRP-USD", "XRP-USDT")
        assert told.conversion is not None
        assert (told.conversion.venue, str(told.conversion.pair)) == ("coinbase", "USDT-USD")
        assert (told.conversion.price, told.conversion.inverted) == (rate.last, False)
        assert ticker.last is not None
        assert rate.last is not None
        assert answer.value == ticker.last * rate.last
        # What was asked for is listed nowhere: that was tried first.
        assert {(failed.venue, str(failed.symbol)) for failed in told.failed} >= {
            (v, "XRP-USD") for v in dollars.venues
        }


def test_the_opposite_market_converts_by_its_reciprocal(dollars: Sandbox) -> None:
    with Universal(["coinbase"], environment=dollars, **PATIENT, quotes={"USDT", "USD"}) as market:
        rate, listed = market.fetch_ticker("USDT-USD").last, market.fetch_ticker("BTC-USD")
        answer = market.answer(market.fetch_ticker, "BTC-USDT")
        assert answer.provenance.conversion is not None
        assert answer.provenance.conversion.inverted
        assert rate is not None
        assert listed.last is not None
        assert listed.bid is not None
        assert (answer.value.last, answer.value.bid) == (listed.last * (1 / rate), listed.bid * (1 / rate))
        assert answer.value.bid_quantity == listed.bid_quantity
        # Prices of other moments are not converted by the price of this one.
        assert (str(answer.value.symbol), answer.value.high, answer.value.low) == ("BTC-USDT", None, None)


def test_what_no_live_price_converts_is_answered_as_it_is_listed_and_says_so(dollars: Sandbox) -> None:
    with Universal(["coinbase"], environment=dollars, **PATIENT, quotes={"USDT", "USD"}) as market:
        for verb in (market.fetch_book, market.fetch_trades):
            provenance = market.answer(verb, "BTC-USDT").provenance
            assert (str(provenance.symbol), provenance.conversion) == ("BTC-USD", None)
        answer = market.answer(market.fetch_klines, "BTC-USDT", "1m", limit=5)
        assert (str(answer.value.symbol), str(answer.provenance.symbol)) == ("BTC-USD", "BTC-USD")


def test_an_exact_listing_needs_no_conversion(dollars: Sandbox) -> None:
    with Universal(
        ["coinbase", "binance"], environment=dollars, **PATIENT, strategy="priority", quotes={"USDT", "USD"}
    ) as market:
        provenance = market.answer(market.fetch_price, "BTC-USDT").provenance
        assert (provenance.venue, provenance.conversion) == ("binance", None), provenance.failed


def test_venues_that_list_different_currencies_are_compared_in_one(dollars: Sandbox) -> None:
    with Universal(dollars.venues, environment=dollars, **PATIENT, quotes={"USDT", "USD"}) as market:
        found = market.aggregate_ticker("BTC-USD", max_deviation="0.5")
        assert found.venues == ("binance", "coinbase")
        assert found.provenance["binance"].conversion is not None
        assert found.provenance["coinbase"].conversion is None
        assert {str(row.symbol) for row in found.tickers.values()} == {"BTC-USD"}
