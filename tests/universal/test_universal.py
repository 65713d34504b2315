"""Universal over real sockets: the same verbs as a client's, answered by whichever venue can."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox
from tidewire.universal import AsyncUniversal, Universal

VENUES = ("binance", "okx", "htx")


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


def test_every_verb_is_documented_in_both() -> None:
    for name in public(Universal):
        assert inspect.getdoc(getattr(Universal, name)), name
        assert inspect.getdoc(getattr(AsyncUniversal, name)), name


def test_reading_gives_the_clients_models_and_says_who_answered(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, strategy="priority") as market:
        answer = market.answer(market.fetch_ticker, "BTC-USDT")
        assert (answer.value.venue, answer.provenance.venue, answer.provenance.failed) == ("binance", "binance", ())
        assert isinstance(market.fetch_price("BTC-USDT"), Decimal)
        assert market.fetch_klines("BTC-USDT", "1m", limit=5, venue="okx").venue == "okx"
        assert market.fetch_book("BTC-USDT", 5, venue="huobi").venue == "htx"
        assert {row.venue for row in market.fetch_instruments("spot", venue="htx")} == {"htx"}


def test_another_venue_answers_within_the_same_read(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, strategy="priority", retries=0) as market:
        sandbox.fail("status", venue="binance", times=None, status=503)
        answer = market.answer(market.fetch_price, "BTC-USDT")
        assert answer.provenance.venue == "okx"
        assert [failed.venue for failed in answer.provenance.failed] == ["binance"]
        assert isinstance(answer.provenance.failed[0].error, tw.VenueUnavailable)


def test_when_all_fail_one_error_lists_every_cause(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox) as market:
        with pytest.raises(tw.VenuesFailed) as caught:
            market.fetch_price("NOSUCH-USDT")
    assert set(caught.value.causes) == set(VENUES)
    assert all(isinstance(cause, tw.UnknownSymbol) for cause in caught.value.causes.values())
    assert not caught.value.retryable


def test_what_is_wrong_with_the_call_does_not_fail_over(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox) as market:
        with pytest.raises(tw.ConfigError, match="unknown interval '7m'"):
            market.fetch_klines("BTC-USDT", "7m")
        with pytest.raises(tw.ConfigError, match="cannot read the symbol"):
            market.fetch_price("btcusdt")
    assert sum(sum(sandbox.requests(venue).values()) for venue in VENUES) == 0


def test_closing_leaves_no_thread(sandbox: Sandbox) -> None:
    before = threading.active_count()
    market = Universal(VENUES, environment=sandbox)
    market.fetch_price("BTC-USDT")
    market.close()
    market.close()
    assert threading.active_count() == before
    with pytest.raises(tw.ConfigError, match="closed"):
        market.fetch_price("BTC-USDT")
