"""Another connection takes over before the venue ends the old one: no update missed, none applied twice."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tidewire._channel import BookChannel
from tidewire._websocket import Server, Socket
from tidewire.book import BookState, OrderBook
from tidewire.stream import BookStream, Streams, TradeStream

from .exchange import Exchange, Market, Peer, trading

FAREWELL = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1723161255343}}'


def limited(stream: BookStream | TradeStream, **limits: Any) -> None:
    stream._channel = replace(stream._channel, feed=replace(stream._channel.feed, **limits))


async def rotations(streams: Streams, count: int, limit_s: float = 10.0) -> None:
    async with asyncio.timeout(limit_s):
        while streams.stats().connections[0].rotations < count:  # noqa: ASYNC110 - nothing tells of a rotation
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def busy(exchange: Exchange, pause_s: float) -> AsyncIterator[None]:
    """Every market changes all the time."""

    async def trade() -> None:
        for number in range(10**9):
            for native in exchange.markets:
                exchange.change(native, str(10 + number % 7), str(1 + number % 5))
            await asyncio.sleep(pause_s)

    task = asyncio.create_task(trade())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def watch(stream: BookStream, begun: asyncio.Semaphore) -> None:
    """Read for ever; the book must never show anything but LIVE, nor go back."""
    last = -1
    async for book in stream:
        assert book.state is BookState.LIVE, stream.reason
        assert book.sequence is not None
        assert book.sequence >= last
        if last < 0:
            begun.release()
        last = book.sequence


async def rotate(symbols: int, life_s: float, lasts_s: float, pause_s: float) -> tuple[int, int]:
    """Run books over connections that live so long; return how many rotations and updates there were."""
    async with trading() as (exchange, streams, server):
        natives = [f"A{number:03d}USDT" for number in range(symbols)]
        exchange.markets = {native: Market(native) for native in natives}
        opened = [streams.watch_book(f"{native[:-4]}-USDT") for native in natives]
        begun = asyncio.Semaphore(0)
        for stream in opened:
            limited(stream, life_s=life_s, commands_per_s=100.0)
        readers = [asyncio.create_task(watch(stream, begun)) for stream in opened]
        async with busy(exchange, pause_s):
            async with asyncio.timeout(10):
                for _ in opened:
                    await begun.acquire()
            await asyncio.sleep(lasts_s)
        await settle(exchange, opened)
        for reader in readers:
            assert not reader.done(), reader.exception()
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        updates = 0
        for native, stream in zip(natives, opened, strict=True):
            market, book, stats = exchange.markets[native], book_of(stream), stream.stats
            assert book.sequence == market.sequence
            assert {str(x.price): str(x.quantity) for x in book.bids()} == market.bids
            assert (stats.gaps, stats.resyncs, stats.snapshots) == (0, 0, 1)
            # The exchange numbers one by one: as many updates as numbers means that none was missed or applied twice.
            assert stats.updates == market.sequence - first_sequence(exchange, native)
            updates += stats.updates
        (connection,) = streams.stats().connections
        assert connection.reconnects == 0
        assert len(exchange.requests) == symbols, "no snapshot is needed to rotate"
        assert len(server.sockets) <= 2
        for stream in opened:
            await stream.aclose()
        return connection.rotations, updates


def book_of(stream: BookStream) -> OrderBook:
    book = stream._live._book  # type: ignore[union-attr]
    assert isinstance(book, OrderBook)
    return book


def first_sequence(exchange: Exchange, native: str) -> int:
    return exchange.snapshots_at[native]


async def settle(exchange: Exchange, opened: list[BookStream]) -> None:
    """Wait until every book has what has been sent."""
    async with asyncio.timeout(10):
        for stream in opened:
            native = f"{stream._channel.symbol.base}USDT"
            while book_of(stream).sequence != exchange.markets[native].sequence:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_fifty_books_rotate_every_moment_and_lose_nothing() -> None:
    rotated, updates = await rotate(symbols=50, life_s=0.15, lasts_s=4.0, pause_s=0.01)
    assert rotated >= 8, rotated
    assert updates > 5000


async def test_a_rotation_every_two_seconds_for_a_minute_loses_no_sequence_number() -> None:
    began = time.monotonic()
    rotated, updates = await rotate(symbols=50, life_s=2.0, lasts_s=58.0, pause_s=0.05)
    print(f"\n{rotated} rotations in {time.monotonic() - began:.0f} s, 50 books, {updates} updates, none lost")
    assert rotated >= 24, rotated


Venue = tuple[Exchange, Streams, Server]


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with trading() as made:
        yield made


async def test_a_farewell_is_followed_by_another_connection_and_the_book_stays_live(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("BTC-USDT") as stream:
        await anext(stream)
        (old,) = server.sockets
        old.send(FAREWELL)
        async with busy(exchange, 0.005):
            await rotations(streams, 1)
        await exchange.until(lambda: old not in server.sockets)
        await settle(exchange, [stream])
        assert (book_of(stream).state, stream.stats.resyncs, len(exchange.requests)) == (BookState.LIVE, 0, 1)
        assert "shutdown" in (streams.stats().connections[0].last_error or "")


async def test_a_quiet_book_is_handed_over_after_a_while_and_proves_itself_by_its_numbers(venue: Venue) -> None:
    exchange, streams, server = venue
    stream = streams.watch_book("BTC-USDT")
    limited(stream, answer_s=0.3)
    async with stream:
        await anext(stream)
        (old,) = server.sockets
        old.send(FAREWELL)
        await rotations(streams, 1)
        exchange.change("BTCUSDT", "11")
        await settle(exchange, [stream])
        assert (book_of(stream).state, stream.stats.gaps, stream.stats.resyncs) == (BookState.LIVE, 0, 0)


async def test_a_line_that_ends_before_the_next_is_ready_is_a_reconnection_without_the_wait(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("BTC-USDT") as stream:
        await anext(stream)
        (old,) = server.sockets
        exchange.answers_commands = False
        old.send(FAREWELL)
        await exchange.until(lambda: len(exchange.holders("btcusdt@depth@100ms")) == 2)
        old.abort()
        book = await asyncio.wait_for(anext(stream), 5)
        assert book.state is BookState.STALE
        async with busy(exchange, 0.005):
            await rotations(streams, 1)
            while book.state is not BookState.LIVE:
                await asyncio.wait_for(anext(stream), 5)
        assert (stream.stats.resyncs, streams.stats().connections[0].reconnects) == (1, 0)


async def test_a_line_that_cannot_be_replaced_goes_on_serving() -> None:
    async with trading() as (exchange, streams, server):
        async with streams.watch_book("BTC-USDT") as stream:
            await anext(stream)
            (old,) = server.sockets
            refused: list[Socket] = []

            def refuse(socket: Socket) -> Peer:
                refused.append(socket)
                socket.abort()
                return Peer(exchange, socket)

            exchange.peer_factory = refuse
            old.send(FAREWELL)
            async with asyncio.timeout(5):
                while len(refused) < 2:
                    exchange.change("BTCUSDT", str(11 + len(refused)))
                    await asyncio.sleep(0.01)
            assert streams.stats().connections[0].rotations == 0
            await settle(exchange, [stream])
            exchange.peer_factory = exchange.accept
            async with busy(exchange, 0.005):
                await rotations(streams, 1)
            await settle(exchange, [stream])
            assert (stream.stats.gaps, stream.stats.resyncs) == (0, 0)


async def test_a_reader_of_every_update_misses_none_across_rotations(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("BTC-USDT", every=True) as stream:
        seen = [(await anext(stream)).sequence]
        for round_ in range(3):
            (old,) = server.sockets
            old.send(FAREWELL)
            async with busy(exchange, 0.002):
                await rotations(streams, round_ + 1)
            await exchange.until(lambda: len(server.sockets) == 1)
        async with asyncio.timeout(5):
            while seen[-1] != exchange.markets["BTCUSDT"].sequence:
                seen.append((await anext(stream)).sequence)
        # Where the new connection joined on, the book is shown once more as it stands.
        assert sorted({*seen}) == list(range(100, exchange.markets["BTCUSDT"].sequence + 1))
        assert seen == sorted(seen)
        assert len(seen) - len({*seen}) <= 3


async def test_trades_come_once_across_a_rotation(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_trades("BTC-USDT") as stream:
        await exchange.until(lambda: bool(exchange.holders("btcusdt@trade")))
        got: list[int] = []
        for round_ in range(3):
            (old,) = server.sockets
            old.send(FAREWELL)
            async with asyncio.timeout(5):
                while streams.stats().connections[0].rotations == round_:
                    exchange.trade("BTCUSDT")
                    got.append(int((await anext(stream)).trade_id))
            await exchange.until(lambda: len(server.sockets) == 1)
        assert got == list(range(1, len(got) + 1))


async def test_what_joins_or_leaves_during_a_rotation_is_handed_over_too(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("BTC-USDT") as stream, streams.watch_book("ETH-USDT") as leaving:
        await asyncio.gather(anext(stream), anext(leaving))
        (old,) = server.sockets
        old.send(FAREWELL)
        await exchange.until(lambda: len(exchange.holders("ethusdt@depth@100ms")) == 2)
        await leaving.aclose()
        async with streams.watch_book("LTC-USDT") as joining:
            async with busy(exchange, 0.005):
                await asyncio.wait_for(anext(joining), 5)
                await rotations(streams, 1)
            await settle(exchange, [stream, joining])
            await exchange.until(lambda: not exchange.holders("ethusdt@depth@100ms") and len(server.sockets) == 1)
            assert isinstance(joining._channel, BookChannel)
            assert book_of(joining).state is BookState.LIVE
