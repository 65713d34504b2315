"""What goes wrong with stream connections, on purpose: at the door, while they open, in their middle, at their end."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpx
import pytest

import tidewire as tw
from tidewire import _websocket
from tidewire._dialect import BookDelta, DepthView, Disconnect, Event, Exchange
from tidewire.errors import ConnectionFailed, Timeout, TransportError
from tidewire.sandbox import Sandbox
from tidewire.symbols import Symbol
from tidewire.venues.binance.sandbox import DIALECT
from tidewire.venues.binance.sandbox.stream import BinanceSession

from .listener import Listener, listen

DEPTH = "/ws/btcusdt@depth"
BTC = Symbol.parse("BTC-USDT")


async def step(sandbox: Sandbox, times: int = 1) -> None:
    await asyncio.to_thread(sandbox.step, times)


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("refuse", TransportError, "connect|connection|answer"),
        ("half_upgrade", TransportError, "connect|connection|answer"),
        ("stall", Timeout, "within"),
        ("reject", ConnectionFailed, "503"),
    ],
)
async def test_a_connection_fails_before_it_is_one(
    sandbox: Sandbox, kind: Any, error: type[Exception], message: str
) -> None:
    armed = sandbox.fail(kind)
    with pytest.raises(error, match=message):
        await _websocket.connect(sandbox.stream_url("binance") + "/ws", lambda _: Listener(), timeout=0.3)
    assert armed.hits == 1
    async with listen(sandbox, "/ws") as listener:
        listener.send(method="LIST_SUBSCRIPTIONS", id=1)
        assert await listener.next() == {"result": [], "id": 1}


async def test_a_connection_is_closed_as_soon_as_it_is_open(sandbox: Sandbox) -> None:
    sandbox.fail("close_open", path="/ws")
    async with listen(sandbox, "/ws") as listener:
        await asyncio.wait_for(listener.closed, 5)


@pytest.mark.parametrize("kind", ["close_before", "close_after"])
async def test_a_connection_is_cut_at_a_clients_message(sandbox: Sandbox, kind: Any) -> None:
    sandbox.fail(kind, path='"SUBSCRIBE"')
    async with listen(sandbox, "/ws") as listener:
        listener.send(method="LIST_SUBSCRIPTIONS", id=1)
        assert (await listener.next())["id"] == 1
        listener.send(method="SUBSCRIBE", params=["btcusdt@depth"], id=2)
        await asyncio.wait_for(listener.closed, 5)
        assert listener.frames.qsize() == (kind == "close_after")


async def test_a_clients_message_is_ignored_or_answered_late(sandbox: Sandbox) -> None:
    async with listen(sandbox, "/ws") as listener:
        sandbox.fail("ignore")
        sandbox.fail("answer_late", path='"id": 2', seconds=0.1)
        listener.send(method="SUBSCRIBE", params=["btcusdt@trade"], id=1)
        listener.send(method="SUBSCRIBE", params=["btcusdt@depth"], id=2)
        listener.send(method="LIST_SUBSCRIPTIONS", id=3)
        assert await listener.next() == {"result": ["btcusdt@depth"], "id": 3}
        assert await listener.next() == {"result": None, "id": 2}


async def test_a_dead_connection_neither_speaks_nor_hears(sandbox: Sandbox) -> None:
    async with listen(sandbox, DEPTH) as listener:
        await step(sandbox)
        await listener.next()
        sandbox.fail("mute", seconds=0.3)
        await step(sandbox, 2)
        listener.send(method="LIST_SUBSCRIPTIONS", id=1)
        assert listener.socket is not None
        heard = listener.socket.last_received
        listener.socket.ping()
        began = time.monotonic()
        await asyncio.wait_for(listener.closed, 5)
        assert time.monotonic() - began > 0.2
        assert listener.socket.last_received == heard
        assert listener.frames.empty()
    assert sandbox.connections("binance") == 0


@pytest.mark.parametrize("kind", ["garble", "scramble", "junk"])
async def test_frames_that_cannot_be_read(sandbox: Sandbox, kind: Any) -> None:
    raw: asyncio.Queue[bytes] = asyncio.Queue()

    class Raw(Listener):
        def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
            raw.put_nowait(bytes(payload))

    socket = await _websocket.connect(sandbox.stream_url("binance") + DEPTH, lambda _: Raw())
    sandbox.fail(kind)
    await step(sandbox)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter|control|decode"):
        json.loads(await asyncio.wait_for(raw.get(), 5))
    socket.close()
    await socket.wait_closed()


async def test_the_venues_24_hours_in_a_moment(sandbox: Sandbox) -> None:
    sandbox.fail("expire", seconds=0.1, times=None)
    for _ in range(2):
        async with listen(sandbox, DEPTH) as listener:
            assert "1001" in await asyncio.wait_for(listener.closed, 5)


def test_a_stale_answer_is_the_one_before(sandbox: Sandbox, http: httpx.Client) -> None:
    def last() -> int:
        return http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 5}).json()["lastUpdateId"]

    first = last()
    sandbox.step()
    sandbox.fail("stale", path="/depth")
    assert last() == first
    assert last() > first
    sandbox.fail("stale", path="/depth")
    assert http.get("/api/v3/depth", params={"symbol": "ETHUSDT"}).json()["lastUpdateId"] > 0, "never answered before"


def test_a_book_of_46000_levels() -> None:
    with Sandbox("binance", pace=None, levels=46_000) as sandbox:
        snapshot = sandbox.inspect("binance", lambda exchange: exchange.book(BTC, 100_000))
    assert len(snapshot.bids) == len(snapshot.asks) == 46_000
    assert all(a.price > b.price for a, b in itertools.pairwise(snapshot.bids))
    assert snapshot.bids[-1].price > 0


# What a dialect may do beside answering.


class Talkative(BinanceSession):
    """Pings in words, hangs up after two that were not answered, and says goodbye."""

    beat_s = 0.05
    unanswered = 0

    def beat(self, exchange: Exchange) -> Iterable[str]:
        if self.unanswered == 2:
            raise Disconnect(1000, "no pong")
        self.unanswered += 1
        return ['{"ping":1}']

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[str]:
        self.unanswered = 0
        return ()

    def publish(self, event: Event) -> Iterator[str]:
        raise AssertionError("the markets stand still")

    def farewell(self) -> Iterable[str]:
        return ['{"e":"serverShutdown"}']


@pytest.fixture
async def talkative(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    def session(path: str, exchange: Exchange) -> Talkative:
        return Talkative("spot", exchange, [], combined=False)

    monkeypatch.setattr(DIALECT, "session", session)
    async with Sandbox("binance", pace=None) as sandbox:
        yield sandbox


async def test_a_session_that_pings_in_words(talkative: Sandbox) -> None:
    async with listen(talkative, "/ws") as listener:
        for _ in range(4):
            assert await listener.next() == {"ping": 1}
            listener.send(pong=1)
        assert "no pong" in await asyncio.wait_for(listener.closed, 5)


async def test_a_venue_that_announces_its_end(talkative: Sandbox) -> None:
    talkative.fail("retire", seconds=0.12)
    async with listen(talkative, "/ws") as listener:
        frames = await listener.until(lambda frame: "e" in frame)
        listener.send(pong=1)
        assert frames[-1] == {"e": "serverShutdown"}
        assert "1001" in await asyncio.wait_for(listener.closed, 5)


def test_a_view_of_the_best_levels_follows_the_book() -> None:
    sandbox = Sandbox("binance", pace=None, levels=12)
    exchange = sandbox.exchange("binance")
    view = DepthView(exchange, BTC, 5)
    exchange.events(deltas=True)
    start = view.snapshot()
    levels = [{level.price: level.quantity for level in side} for side in (start.bids, start.asks)]
    sequence, entered = start.sequence, 0
    for _ in range(200):
        exchange.step([BTC])
        for event in exchange.events(deltas=True):
            if not isinstance(event, BookDelta):
                continue
            seen = view.changes(event)
            assert (seen.first, seen.last) == (sequence + 1, event.last)
            sequence = seen.last
            for held, changes in zip(levels, (seen.bids, seen.asks), strict=True):
                entered += sum(level.price not in held for level in changes)
                held.update((level.price, level.quantity) for level in changes)
                for price in [price for price, quantity in held.items() if not quantity]:
                    del held[price]
            now = exchange.book(BTC, 5)
            assert levels == [{level.price: level.quantity for level in side} for side in (now.bids, now.asks)]
            assert sequence == now.sequence
    assert entered > 20


async def test_a_frame_of_46000_levels_a_side_makes_a_book() -> None:
    """As large as Coinbase's largest snapshots, in one frame."""
    async with Sandbox("coinbase", pace=None, levels=46_000) as sandbox:
        async with tw.AsyncClient("coinbase", environment=sandbox) as client:
            async with asyncio.timeout(60), client.watch_book("BTC-USD") as books:
                book = await anext(books)
                book.require_live()
                assert (book.bid_count, book.ask_count) == (46_000, 46_000)
                await step(sandbox)
                assert (await anext(books)).state is tw.BookState.LIVE
