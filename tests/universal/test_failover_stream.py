"""A stream goes on at another venue when its own is lost, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox
from tidewire.universal import AsyncUniversal
from tidewire.universal.failover import Desk
from tidewire.universal.failover_stream import FailoverStream
from tidewire.universal.strategies import strategy

BTC = tw.Symbol.parse("BTC-USDT")
SILENCE = "silence"


class Script:
    """A venue's stream: items, errors to raise, and silence that lasts."""

    def __init__(self, *events: object) -> None:
        self._events = list(events)
        self.closed = False

    async def __anext__(self) -> object:
        if not self._events or self._events[0] == SILENCE:
            await asyncio.Event().wait()
        event = self._events.pop(0)
        if isinstance(event, Exception):
            raise event
        return event

    async def aclose(self) -> None:
        self.closed = True


class Venue:
    """A client as far as streams go: each watch plays the next script."""

    def __init__(self, *scripts: Script, connected: bool = True) -> None:
        self.scripts = list(scripts)
        self.opened: list[Script] = []
        connection = SimpleNamespace(connected=connected, last_error=None if connected else "refused")
        self.streams = SimpleNamespace(stats=lambda: SimpleNamespace(connections=[connection]))

    def watch(self) -> Script:
        self.opened.append(self.scripts.pop(0))
        return self.opened[-1]


def follow(timeout: float = 60.0, pinned: str | None = None, **venues: Any) -> FailoverStream[Any]:
    names = tuple(venues)
    desk = Desk(
        names,
        strategy("priority", names, None),
        patience=1.0,
        timeout=timeout,
        memory_s=60.0,
        clock=asyncio.get_running_loop().time,
    )
    return FailoverStream(desk, venues, "watch_ticker", BTC, lambda client: client.watch(), pinned)  # type: ignore[attr-defined]


async def take(stream: FailoverStream[Any], count: int) -> Sequence[object]:
    return [await anext(stream) for _ in range(count)]


async def test_a_venue_whose_stream_ends_for_good_is_followed_by_the_next() -> None:
    gone = tw.StreamClosed("the venue said goodbye")
    a, b = Venue(Script(1, 2, gone)), Venue(Script(3, 4))
    stream = follow(a=a, b=b)
    assert stream.venue is None
    assert await take(stream, 2) == [1, 2]
    assert (stream.venue, stream.failed) == ("a", ())
    assert await take(stream, 2) == [3, 4]
    assert stream.venue == "b"
    assert [(failed.venue, failed.error) for failed in stream.failed] == [("a", gone)]
    assert a.opened[0].closed
    await stream.aclose()
    assert b.opened[0].closed
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_venue_that_is_not_connected_is_given_up_after_the_time_out() -> None:
    stream = follow(timeout=0.05, a=Venue(Script(SILENCE), connected=False), b=Venue(Script(1)))
    assert await take(stream, 1) == [1]
    (failed,) = stream.failed
    assert isinstance(failed.error, tw.ConnectionFailed)
    assert str(failed.error) == "not connected for 0.05 s: refused"


async def test_a_quiet_market_is_not_a_lost_venue() -> None:
    quiet = Script(1, SILENCE)
    stream = follow(timeout=0.01, a=Venue(quiet), b=Venue(Script(2)))
    assert await take(stream, 1) == [1]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await anext(stream)
    assert stream.venue == "a"
    quiet._events = [3]
    assert await take(stream, 1) == [3]  # giving up waiting lost nothing


async def test_when_every_venue_is_lost_without_an_item_one_error_has_every_cause() -> None:
    banned, unknown = tw.Banned("go away"), tw.UnknownSymbol("no such market", venue="b")
    stream = follow(a=Venue(Script(1, banned)), b=Venue(Script(unknown)))
    assert await take(stream, 1) == [1]
    with pytest.raises(tw.VenuesFailed) as caught:
        await anext(stream)
    assert caught.value.causes == {"a": banned, "b": unknown}
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_lost_venue_may_be_followed_again_later() -> None:
    bye = tw.StreamClosed("bye")
    a, b = Venue(Script(1, bye), Script(3)), Venue(Script(2, bye))
    stream = follow(a=a, b=b)
    assert await take(stream, 3) == [1, 2, 3]
    assert [failed.venue for failed in stream.failed] == ["a", "b"]


async def test_a_reader_that_is_too_slow_is_told_and_not_sent_elsewhere() -> None:
    stream = follow(a=Venue(Script(1, tw.StreamClosed("too slow", missed=3))), b=Venue(Script(2)))
    assert await take(stream, 1) == [1]
    with pytest.raises(tw.StreamClosed, match="too slow"):
        await anext(stream)


async def test_a_pinned_stream_raises_what_its_venue_did() -> None:
    stream = follow(pinned="a", a=Venue(Script(tw.Banned("go away"))), b=Venue(Script(1)))
    with pytest.raises(tw.Banned):
        await anext(stream)


# Over real sockets.


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(("coinbase", "binance"), pace=0.05) as running:
        yield running


async def test_streams_of_the_first_venue_that_has_the_market(sandbox: Sandbox) -> None:
    async with AsyncUniversal(sandbox.venues, environment=sandbox, strategy="priority", timeout=60.0) as market:
        async with market.watch_ticker("BTC-USDT") as tickers:
            assert (await anext(tickers)).venue == tickers.venue == "coinbase"
        async with market.watch_trades("BTC-USDT", venue="binance") as trades:
            assert (await anext(trades)).venue == trades.venue == "binance"
        async with market.watch_book("BTC-USDT") as books:
            assert (await anext(books)).state is tw.BookState.LIVE
        # Coinbase streams no klines, and knows no perpetuals.
        async with market.watch_klines("BTC-USDT", "1m") as klines:
            assert (await anext(klines)).venue == "binance"
            assert [failed.venue for failed in klines.failed] == ["coinbase"]
        async with market.watch_funding_rate("BTC-USDT-PERP") as rates:
            assert (await anext(rates)).venue == "binance"
        async with market.watch_trades("NOSUCH-USDT") as nothing:
            with pytest.raises(tw.VenuesFailed) as caught:
                await anext(nothing)
        assert {type(cause) for cause in caught.value.causes.values()} <= {tw.UnknownSymbol, tw.SymbolRejected}
        assert set(caught.value.causes) == {"coinbase", "binance"}
        with pytest.raises(tw.ConfigError, match="unknown interval"):
            async with market.watch_klines("BTC-USDT", "7m") as wrong:
                await anext(wrong)
