"""Streams against a venue on real sockets: shared, mended, bounded, and gone without a trace."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from tidewire._channel import BookChannel
from tidewire._websocket import Server, serve
from tidewire.book import BookState, OrderBook
from tidewire.errors import (
    Banned,
    ConfigError,
    ConnectionFailed,
    DecodeError,
    NotSupported,
    StreamClosed,
    Timeout,
    UnknownSymbol,
    VenueError,
    VenueUnavailable,
)
from tidewire.models import Side
from tidewire.stream import BookStream, Streams
from tidewire.symbols import Symbol
from tidewire.venues import venue as binance

from .exchange import QUICK, Exchange, mute, ours, streams_of, trading, wired

T = TypeVar("T")
BTC = "btcusdt@depth@100ms"
Venue = tuple[Exchange, Streams, Server]


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with trading() as made:
        yield made


async def soon(awaitable: Awaitable[T]) -> T:
    async with asyncio.timeout(5):
        return await awaitable


async def until(stream: BookStream, condition: Callable[[OrderBook], bool]) -> OrderBook:
    """Read until the book is as wanted."""
    async with asyncio.timeout(5):
        async for book in stream:
            if condition(book):
                return book
    raise AssertionError("the stream ended")


def best(book: OrderBook) -> Decimal:
    level = book.best_bid
    assert level is not None
    return level.price


def is_live_at(exchange: Exchange, native: str = "BTCUSDT") -> Callable[[OrderBook], bool]:
    def condition(book: OrderBook) -> bool:
        market = exchange.markets[native]
        if book.state is not BookState.LIVE or book.sequence != market.sequence:
            return False
        assert {str(x.price): str(x.quantity) for x in book.bids()} == market.bids
        return True

    return condition


def is_stale(book: OrderBook) -> bool:
    return book.state is BookState.STALE


# Books.


async def test_a_book_comes_live_and_follows(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_book("BTC-USDT") as stream:
        book = await soon(anext(stream))
        assert (book.state, best(book), stream.reason) == (BookState.LIVE, 10, "")
        assert book.age < 5
        exchange.change("BTCUSDT", "11")
        assert await soon(anext(stream)) is book
        assert best(book) == 11
        assert stream.stats.updates == 1
        assert stream.age < 5
    assert book.state is BookState.STALE, "a book that is watched no more must not look live"


async def test_the_snapshot_is_asked_for_only_once_deltas_flow(venue: Venue) -> None:
    exchange, streams, _ = venue
    exchange.answers_commands = False
    async with streams.watch_book("BTC-USDT") as stream:
        await exchange.until(lambda: bool(exchange.holders(BTC)))
        assert not exchange.requests
        exchange.change("BTCUSDT", "11")  # data is as good as an answer
        await until(stream, is_live_at(exchange))
        assert exchange.requests == ["/api/v3/depth?symbol=BTCUSDT&limit=1000"]


async def test_deltas_that_come_before_the_snapshot_are_replayed(venue: Venue) -> None:
    exchange, streams, _ = venue
    exchange.rest_open.clear()
    async with streams.watch_book("BTC-USDT") as stream:
        await exchange.until(lambda: bool(exchange.requests))
        for bid in ("11", "12", "13"):
            exchange.change("BTCUSDT", bid)
        exchange.rest_open.set()
        book = await until(stream, is_live_at(exchange))
        assert best(book) == 13


async def test_a_gap_shows_as_stale_and_is_mended(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_book("BTC-USDT") as stream:
        book = await soon(anext(stream))
        exchange.rest_open.clear()
        exchange.change("BTCUSDT", "11", lost=True)
        exchange.change("BTCUSDT", "12")
        await until(stream, is_stale)
        assert best(book) == 10, "what cannot be trusted is not applied"
        assert "gap" in stream.reason
        exchange.rest_open.set()
        await until(stream, is_live_at(exchange))
        assert best(book) == 12
        assert (stream.stats.gaps, stream.stats.resyncs) == (1, 1)


async def test_a_slow_reader_sees_the_newest_state_only(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_book("BTC-USDT") as slow, streams.watch_book("BTC-USDT") as quick:
        book = await soon(anext(slow))
        for number in range(500):
            exchange.change("BTCUSDT", str(10 + number % 9), str(1 + number))
        await until(quick, is_live_at(exchange))
        seen = 0
        async with asyncio.timeout(5):
            async for same in slow:
                assert same is book
                seen += 1
                if is_live_at(exchange)(same):
                    break
        assert seen == 1
        assert slow.stats.updates == 500


async def test_a_reader_of_every_update_sees_each_however_slow_he_is(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_book("BTC-USDT", every=True) as every, streams.watch_book("BTC-USDT") as newest:
        book = await soon(anext(every))
        await soon(anext(newest))
        for number in range(50):
            exchange.change("BTCUSDT", "11", str(1 + number))
        await until(newest, is_live_at(exchange))
        for number in range(50):
            same = await soon(anext(every))
            assert same is book
            assert same.best_bid is not None
            assert (same.sequence, same.best_bid.quantity) == (101 + number, 1 + number)
        exchange.change("BTCUSDT", "12", lost=True)
        exchange.change("BTCUSDT", "13")
        await until(newest, is_live_at(exchange))
        states = [(await soon(anext(every))).state, (await soon(anext(every))).state]
        assert states == [BookState.STALE, BookState.LIVE]
        assert is_live_at(exchange)(book)
        async with streams.watch_book("BTC-USDT", every=True) as late:
            assert is_live_at(exchange)(await soon(anext(late)))


async def test_a_reader_of_every_update_who_falls_too_far_behind_is_told_how_far() -> None:
    async with trading(trade_queue=5) as (exchange, streams, _):
        async with streams.watch_book("BTC-USDT", every=True) as every, streams.watch_book("BTC-USDT") as newest:
            await soon(anext(every))
            for number in range(20):
                exchange.change("BTCUSDT", "11", str(1 + number))
            await until(newest, is_live_at(exchange))
            for number in range(5):
                assert (await soon(anext(every))).sequence == 101 + number
            with pytest.raises(StreamClosed, match="15 changes") as caught:
                await soon(anext(every))
            assert caught.value.missed == 15


async def test_one_object_tells_how_late_and_how_much(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_book("BTC-USDT") as btc, streams.watch_book("ETH-USDT") as eth:
        await soon(asyncio.gather(anext(btc), anext(eth)))
        for number in range(100):
            exchange.change("BTCUSDT", "11", str(1 + number))
        exchange.change("ETHUSDT", "11")
        await soon(asyncio.gather(until(btc, is_live_at(exchange)), until(eth, is_live_at(exchange, "ETHUSDT"))))
        stats = streams.stats()
        (connection,) = stats.connections
        assert {name: book.messages for name, book in stats.books.items()} == {"BTC-USDT": 100, "ETH-USDT": 1}
        for latency in (stats.latency, connection.latency):
            assert latency.count == 101
            assert 0 < latency.p50_us <= latency.p99_us <= latency.max_us < 1e6
        # The exchange says that it is 1970.
        assert stats.books["BTC-USDT"].lag.count == connection.lag.count - 1 == 100
        assert stats.lag.p50_us > 1e9
        assert stats.books["BTC-USDT"].bytes > 100 * stats.books["ETH-USDT"].bytes // 2
        assert (btc.stats.latency.count, eth.stats.latency.count) == (100, 1)


async def test_readers_of_one_symbol_share_book_subscription_and_snapshot(venue: Venue) -> None:
    exchange, streams, server = venue
    first, second = streams.watch_book("BTC-USDT"), streams.watch_book(Symbol.parse("BTC/USDT"))
    assert await soon(anext(first)) is await soon(anext(second))
    assert len(exchange.commands) == len(exchange.requests) == 1
    await first.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(first)
    exchange.change("BTCUSDT", "11")
    assert best(await soon(anext(second))) == 11
    assert exchange.holders(BTC)
    await second.aclose()
    await exchange.until(lambda: not server.sockets)


async def test_a_late_reader_is_shown_the_book_at_once(venue: Venue) -> None:
    _, streams, _ = venue
    async with streams.watch_book("BTC-USDT") as first:
        book = await soon(anext(first))
        async with streams.watch_book("BTC-USDT") as late:
            assert await soon(anext(late)) is book


async def test_leaving_one_symbol_unsubscribes_it_and_leaves_the_others(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("ETH-USDT") as kept:
        await soon(anext(kept))
        async with streams.watch_book("BTC-USDT") as stream:
            await soon(anext(stream))
            assert len(server.sockets) == 1
        await exchange.until(lambda: not exchange.holders(BTC))
        assert exchange.commands[-1][1]["method"] == "UNSUBSCRIBE"
        async with streams.watch_book("BTC-USDT") as again:
            await until(again, is_live_at(exchange))
        exchange.change("ETHUSDT", "12")
        assert best(await soon(anext(kept))) == 12


async def test_a_reader_that_is_dropped_unsubscribes(venue: Venue) -> None:
    exchange, streams, server = venue
    async for _ in streams.watch_book("BTC-USDT"):
        break
    gc.collect()
    await exchange.until(lambda: not server.sockets)
    assert not streams.stats().connections


async def test_commands_are_batched_and_paced(venue: Venue) -> None:
    exchange, streams, _ = venue
    opened = [streams.watch_book(f"{base}-USDT") for base in ("BTC", "ETH", "LTC", "XRP")]
    opened[0]._channel = limited(opened[0], topics_per_command=2, commands_per_s=20.0)
    await soon(asyncio.gather(*(anext(stream) for stream in opened)))
    times = [time for time, _ in exchange.commands]
    sizes = [len(command["params"]) for _, command in exchange.commands]
    assert max(sizes) <= 2
    assert sum(sizes) == 4
    assert all(later - earlier >= 0.045 for earlier, later in pairwise(times))
    for stream in opened:
        await stream.aclose()


async def test_topics_spread_over_connections_when_one_is_full(venue: Venue) -> None:
    exchange, streams, server = venue
    opened = [streams.watch_book(f"{base}-USDT") for base in ("BTC", "ETH", "LTC")]
    for stream in opened:
        stream._channel = limited(stream, topics_per_connection=2)
    await soon(asyncio.gather(*(anext(stream) for stream in opened)))
    assert sorted(len(topics) for topics in exchange.subscribed.values()) == [1, 2]
    assert [each.topics for each in streams.stats().connections] == [2, 1]
    for stream in opened:
        await stream.aclose()
    await exchange.until(lambda: not server.sockets)


def limited(stream: BookStream, **limits: Any) -> BookChannel:
    channel = stream._channel
    assert isinstance(channel, BookChannel)
    return replace(channel, feed=replace(channel.feed, **limits))


async def test_a_deeper_reader_gets_a_deeper_snapshot(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_book("BTC-USDT", 100) as first:
        await soon(anext(first))
        async with streams.watch_book("BTC-USDT", 5000) as deep, streams.watch_book("BTC-USDT", 20) as shallow:
            await exchange.until(lambda: len(exchange.requests) == 2)
            await until(deep, is_live_at(exchange))
            await until(shallow, is_live_at(exchange))
    assert [request.rpartition("=")[2] for request in exchange.requests] == ["500", "5000"]


# Connections that break.


async def test_after_a_disconnection_every_book_is_stale_then_right_again(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("BTC-USDT") as btc, streams.watch_book("ETH-USDT") as eth:
        books = await soon(asyncio.gather(anext(btc), anext(eth)))
        exchange.rest_open.clear()
        for socket in server.sockets:
            socket.abort()
        await asyncio.gather(until(btc, is_stale), until(eth, is_stale))
        exchange.change("BTCUSDT", "11", lost=True)
        exchange.rest_open.set()
        await until(btc, is_live_at(exchange))
        await until(eth, is_live_at(exchange, "ETHUSDT"))
        exchange.change("BTCUSDT", "12")
        exchange.change("ETHUSDT", "12")
        assert books == await soon(asyncio.gather(until(btc, has_bid_12), until(eth, has_bid_12)))
        (connection,) = streams.stats().connections
        assert (connection.reconnects, connection.connected) == (1, True)
        assert connection.last_error is not None
        assert "lost" in connection.last_error


def has_bid_12(book: OrderBook) -> bool:
    return best(book) == 12


async def test_it_keeps_trying_while_the_venue_is_away() -> None:
    exchange = Exchange()
    server = await serve(exchange.accept)
    port = server.port
    streams = streams_of(exchange, port)
    try:
        async with streams.watch_book("BTC-USDT") as stream:
            await soon(anext(stream))
            await server.close()
            await until(stream, is_stale)
            async with asyncio.timeout(5):
                while streams.stats().connections[0].reconnects < 3:  # noqa: ASYNC110 - nothing tells of a failed attempt
                    await asyncio.sleep(0.01)
            exchange.change("BTCUSDT", "11", lost=True)
            server = await serve(exchange.accept, port=port)
            await until(stream, is_live_at(exchange))
    finally:
        await streams.aclose()
        await server.close()


async def test_a_connection_that_falls_silent_is_replaced() -> None:
    async with trading() as (exchange, _, server), wired(server.port) as (wire, port):
        streams = streams_of(exchange, port)
        stream = streams.watch_book("BTC-USDT")
        stream._channel = limited(stream, idle_s=0.05, answer_s=0.1, commands_per_s=100.0)
        try:
            await soon(anext(stream))
            await asyncio.sleep(0.3)
            assert wire.connections == 1, "an idle connection that answers is kept"
            wire.freeze()
            book = await until(stream, is_stale)
            wire.thaw()
            await until(stream, is_live_at(exchange))
            assert book.state is BookState.LIVE
            assert wire.connections >= 2
            assert "silent" in (streams.stats().connections[0].last_error or "")
        finally:
            await streams.aclose()


async def test_an_unanswered_command_counts_as_silence(venue: Venue) -> None:
    exchange, streams, _ = venue
    exchange.answers_commands = False
    stream = streams.watch_book("BTC-USDT")
    stream._channel = limited(stream, answer_s=0.05)
    with pytest.raises(ConnectionFailed, match="not answered within"):
        await soon(anext(stream))


async def test_a_frame_that_cannot_be_read_taints_every_book_of_the_connection(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("BTC-USDT") as btc, streams.watch_book("ETH-USDT") as eth:
        await soon(asyncio.gather(anext(btc), anext(eth)))
        exchange.rest_open.clear()
        (socket,) = server.sockets
        socket.send('{"stream":"btcu\x00')
        await asyncio.gather(until(btc, is_stale), until(eth, is_stale))
        exchange.rest_open.set()
        await until(btc, is_live_at(exchange))
        await until(eth, is_live_at(exchange, "ETHUSDT"))
        assert streams.stats().connections[0].unreadable == 1
        assert socket in server.sockets, "the connection itself is kept"


async def test_strange_but_well_formed_frames_are_passed_over(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("BTC-USDT") as stream:
        book = await soon(anext(stream))
        (socket,) = server.sockets
        for text in ('{"id":null,"result":["a@trade"]}', '{"stream":"xrpusdt@depth@100ms","data":{"u":1}}', "{}"):
            socket.send(text)
        exchange.change("BTCUSDT", "11")
        await soon(anext(stream))
        assert (book.state, best(book)) == (BookState.LIVE, 11)


# What is raised.


async def test_what_is_wrong_with_the_question_is_raised_before_anything_is_sent(venue: Venue) -> None:
    exchange, streams, server = venue
    with pytest.raises(ConfigError):
        streams.watch_book("btcusdt")
    with pytest.raises(ConfigError, match="depth"):
        streams.watch_book("BTC-USDT", 100_000)
    for refused in (
        lambda: streams.watch_funding_rate("BTC-USDT"),
        lambda: streams.watch_funding_rate("BTC-USDT-261225"),
    ):
        with pytest.raises(NotSupported):
            refused()
    with pytest.raises(ConfigError, match="7m"):
        streams.watch_klines("BTC-USDT", "7m")
    for private in (streams.watch_orders, streams.watch_balances):
        with pytest.raises(ConfigError, match="credentials"):
            private()
    for opened in (
        streams.watch_book("NO-SUCH"),
        streams.watch_trades("NO-SUCH"),
        streams.watch_ticker("NO-SUCH"),
        streams.watch_klines("NO-SUCH", "1m"),
    ):
        with pytest.raises(UnknownSymbol):
            await soon(anext(opened))
    assert not server.sockets
    assert not exchange.requests


async def test_a_venue_that_cannot_be_reached_at_first_is_an_error() -> None:
    exchange = Exchange()
    server = await serve(exchange.accept)
    await server.close()
    streams = streams_of(exchange, server.port)
    for stream in (streams.watch_book("BTC-USDT"), streams.watch_trades("BTC-USDT")):
        with pytest.raises(ConnectionFailed, match="cannot connect"):
            await soon(anext(stream))
    assert not streams.stats().connections
    await streams.aclose()


async def test_a_venue_that_accepts_and_says_nothing_is_a_timeout() -> None:
    async with mute() as port:
        streams = streams_of(Exchange(), port, patience=replace(QUICK, connect_s=0.1))
        with pytest.raises(Timeout, match="no WebSocket connection"):
            await soon(anext(streams.watch_book("BTC-USDT")))
        await streams.aclose()


async def test_a_refused_subscription_is_the_venues_error_and_can_be_tried_again(venue: Venue) -> None:
    exchange, streams, _ = venue
    exchange.refuses = {BTC}
    async with streams.watch_book("ETH-USDT") as kept:
        await soon(anext(kept))
        stream = streams.watch_book("BTC-USDT")
        for _ in range(2):
            with pytest.raises(VenueError, match="Invalid request") as caught:
                await soon(anext(stream))
            assert caught.value.code == 2
        exchange.refuses = set()
        async with streams.watch_book("BTC-USDT") as again:
            await until(again, is_live_at(exchange))


async def test_a_snapshot_that_never_comes_is_an_error_at_first(venue: Venue) -> None:
    exchange, streams, _ = venue
    exchange.rest_errors = [VenueUnavailable("maintenance") for _ in range(3)]
    with pytest.raises(VenueUnavailable):
        await soon(anext(streams.watch_book("BTC-USDT")))
    exchange.rest_errors = [Banned("banned")]
    with pytest.raises(Banned):
        await soon(anext(streams.watch_book("BTC-USDT")))
    assert len(exchange.requests) == 4


async def test_a_reader_of_a_stream_that_failed_does_not_end_the_one_that_came_after(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_book("ETH-USDT") as kept:
        await soon(anext(kept))
        exchange.rest_errors = [Banned("banned")]
        failed = streams.watch_book("BTC-USDT")
        async with failed:
            await exchange.until(lambda: not exchange.rest_errors)
            async with asyncio.timeout(5):
                await failed._inbox.ready.wait()
            async with streams.watch_book("BTC-USDT") as later:
                await soon(anext(later))
                with pytest.raises(Banned):
                    await soon(anext(failed))
                exchange.change("BTCUSDT", "11")
                assert best(await soon(anext(later))) == 11
                exchange.change("BTCUSDT", "12")
                assert best(await soon(anext(later))) == 12


async def test_snapshots_that_fail_later_are_asked_for_until_they_come(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_book("BTC-USDT") as stream:
        await soon(anext(stream))
        exchange.rest_errors = [Timeout("late"), VenueUnavailable("busy"), DecodeError("HTML"), Timeout("late")]
        exchange.change("BTCUSDT", "11", lost=True)
        exchange.change("BTCUSDT", "12")
        await until(stream, is_live_at(exchange))
        assert not exchange.rest_errors


async def test_a_bug_ends_the_stream_instead_of_hanging_it(venue: Venue) -> None:
    _, streams, _ = venue

    async def broken(symbol: str | Symbol) -> Any:
        raise KeyError("bug")

    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    streams.instrument = broken
    with pytest.raises(StreamClosed, match="KeyError"):
        await soon(anext(streams.watch_book("BTC-USDT")))
    assert isinstance(reported[0]["exception"], KeyError)


async def test_a_closed_client_ends_its_streams_and_opens_no_more(venue: Venue) -> None:
    exchange, streams, server = venue
    book, trades = streams.watch_book("BTC-USDT"), streams.watch_trades("BTC-USDT")
    await soon(anext(book))
    waiting = asyncio.create_task(drain(trades))
    await exchange.until(lambda: bool(exchange.holders("btcusdt@trade")))
    await streams.aclose()
    assert await soon(waiting) == []
    with pytest.raises(StopAsyncIteration):
        await anext(book)
    with pytest.raises(StreamClosed, match="closed"):
        await anext(streams.watch_book("BTC-USDT"))
    await exchange.until(lambda: not server.sockets)
    await book.aclose()


async def drain(stream: Any) -> list[Any]:
    return [item async for item in stream]


async def test_closing_while_connecting_leaves_nothing() -> None:
    async with mute() as port:
        streams = streams_of(Exchange(), port)
        waiting = asyncio.create_task(drain(streams.watch_book("BTC-USDT")))
        for _ in range(10):
            await asyncio.sleep(0)
        await streams.aclose()
        assert await soon(waiting) == []
        assert not ours()


# Trades.


async def numbers(stream: Any, count: int) -> list[int]:
    found: list[int] = []
    async with asyncio.timeout(5):
        async for trade in stream:
            found.append(int(trade.trade_id))
            if len(found) == count:
                return found
    return found


async def watching(exchange: Exchange, topic: str = "btcusdt@trade") -> None:
    await exchange.until(lambda: bool(exchange.holders(topic)))


async def test_trades_come_typed_and_in_order(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_trades("BTC-USDT") as stream:
        await watching(exchange)
        for _ in range(3):
            exchange.trade("BTCUSDT")
        trade = await soon(anext(stream))
        assert (trade.venue, str(trade.symbol), trade.trade_id, trade.side) == ("binance", "BTC-USDT", "1", Side.SELL)
        assert (trade.price, trade.quantity, trade.time_ns) == (Decimal(15), Decimal(1), 1723161255342_000_000)
        assert await numbers(stream, 2) == [2, 3]
    assert not exchange.requests


async def test_a_queue_that_overflows_says_how_many_were_missed() -> None:
    async with trading(trade_queue=5) as (exchange, streams, _):
        async with streams.watch_trades("BTC-USDT") as slow, streams.watch_trades("BTC-USDT") as quick:
            await watching(exchange)
            for index in range(20):
                exchange.trade("BTCUSDT")
                assert await numbers(quick, 1) == [index + 1]
            assert await numbers(slow, 5) == [1, 2, 3, 4, 5]
            with pytest.raises(StreamClosed, match="15 were missed") as caught:
                await soon(anext(slow))
            assert caught.value.missed == 15
            exchange.trade("BTCUSDT")
            assert await numbers(quick, 1) == [21], "one slow reader does not hurt another"


async def test_trades_missed_while_disconnected_are_fetched(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_trades("BTC-USDT") as stream:
        await watching(exchange)
        exchange.trade("BTCUSDT")
        assert await numbers(stream, 1) == [1]
        for socket in server.sockets:
            socket.abort()
        await exchange.until(lambda: not server.sockets)
        for _ in range(3):
            exchange.trade("BTCUSDT", lost=True)
        assert await numbers(stream, 3) == [2, 3, 4]
        exchange.trade("BTCUSDT")
        assert await numbers(stream, 1) == [5]


async def test_lost_repeated_and_swapped_trades_are_put_right(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_trades("BTC-USDT") as stream:
        await watching(exchange)
        exchange.trade("BTCUSDT")
        exchange.trade("BTCUSDT", lost=True)
        exchange.trade("BTCUSDT")
        assert await numbers(stream, 3) == [1, 2, 3]
        market = exchange.markets["BTCUSDT"]
        fourth, fifth = market.trade(), market.trade()
        for event in (fourth, fourth, fifth, fourth):
            exchange.publish("btcusdt@trade", event)
        exchange.trade("BTCUSDT")
        assert await numbers(stream, 3) == [4, 5, 6]


async def test_trades_that_cannot_be_fetched_any_more_are_counted(venue: Venue) -> None:
    exchange, streams, _ = venue
    exchange.recent_trades = 3
    async with streams.watch_trades("BTC-USDT") as stream:
        await watching(exchange)
        exchange.trade("BTCUSDT")
        for _ in range(10):
            exchange.trade("BTCUSDT", lost=True)
        exchange.trade("BTCUSDT")
        assert await numbers(stream, 1) == [1]
        with pytest.raises(StreamClosed, match="8 trades") as caught:
            await soon(anext(stream))
        assert caught.value.missed == 8


async def test_a_trade_that_cannot_be_read_is_fetched(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_trades("BTC-USDT") as stream:
        await watching(exchange)
        exchange.trade("BTCUSDT")
        assert await numbers(stream, 1) == [1]
        exchange.publish("btcusdt@trade", exchange.markets["BTCUSDT"].trade() | {"p": "fifteen"})
        assert await numbers(stream, 1) == [2]


async def test_the_books_and_trades_of_a_symbol_share_a_connection(venue: Venue) -> None:
    exchange, streams, server = venue
    async with streams.watch_book("BTC-USDT") as book, streams.watch_trades("BTC-USDT") as trades:
        await soon(anext(book))
        await watching(exchange)
        exchange.trade("BTCUSDT")
        await soon(anext(trades))
        assert len(server.sockets) == 1
        stats = streams.stats()
        assert stats.connections[0].messages >= 2
        assert stats.connections[0].bytes > 100
        assert set(stats.books) == {"BTC-USDT"}
        assert json.loads(json.dumps(stats.connections[0].url)).startswith("ws://127.0.0.1")


# Values and klines.


async def test_a_slow_reader_of_a_ticker_sees_the_newest(venue: Venue) -> None:
    exchange, streams, _ = venue
    async with streams.watch_ticker("BTC-USDT") as slow, streams.watch_ticker("BTC-USDT") as quick:
        await watching(exchange, "btcusdt@ticker")
        for price in ("15", "16", "17"):
            exchange.publish("btcusdt@ticker", ticker(price))
            assert (await soon(anext(quick))).last == Decimal(price)
        seen = await soon(anext(slow))
        assert (seen.last, seen.bid, seen.trades, seen.time_ns) == (17, Decimal("14.5"), 7, 1723161255343_000_000)
        exchange.publish("btcusdt@ticker", {"e": "24hrTicker", "c": "no number"})
        exchange.publish("btcusdt@ticker", ticker("18"))
        assert (await soon(anext(slow))).last == 18
        async with streams.watch_ticker("BTC-USDT") as late:
            assert (await soon(anext(late))).last == 18


def ticker(price: str) -> dict[str, Any]:
    rest = {
        "o": "10",
        "h": "20",
        "l": "5",
        "v": "100",
        "q": "1500",
        "n": 7,
        "b": "14.5",
        "B": "1",
        "a": "15.5",
        "A": "2",
    }
    return {"e": "24hrTicker", "E": 1723161255343, "s": "BTCUSDT", "c": price, **rest}


async def test_closed_klines_come_once_also_those_missed_while_disconnected(venue: Venue) -> None:
    exchange, streams, server = venue
    topic, market = "btcusdt@kline_1m", exchange.markets["BTCUSDT"]
    async with streams.watch_klines("BTC-USDT", "1m") as stream:
        await watching(exchange, topic)
        exchange.publish(topic, market.kline(0, "5"))
        first = await soon(anext(stream))
        assert (first.open, first.close, first.closed, first.interval, first.trades) == (1, 5, False, "1m", 3)
        for socket in server.sockets:
            socket.abort()
        await exchange.until(lambda: not server.sockets)
        for index in range(3):
            market.kline(index, f"{index + 6}.25", closed=True)
        await watching(exchange, topic)
        exchange.publish(topic, market.kline(3, "9"))
        got = [await soon(anext(stream)) for _ in range(4)]
        assert [(x.open_time_ns // 60_000_000_000, str(x.close), x.closed) for x in got] == [
            (0, "6.25", True),
            (1, "7.25", True),
            (2, "8.25", True),
            (3, "9", False),
        ]


async def test_a_slow_reader_of_klines_sees_every_closed_one_and_the_newest_forming(venue: Venue) -> None:
    exchange, streams, _ = venue
    topic, market = "btcusdt@kline_1m", exchange.markets["BTCUSDT"]
    async with streams.watch_klines("BTC-USDT", "1m") as slow, streams.watch_klines("BTC-USDT", "1m") as quick:
        await watching(exchange, topic)
        for index in range(3):
            for close in ("5", "6"):
                exchange.publish(topic, market.kline(index, close))
                await soon(anext(quick))
            exchange.publish(topic, market.kline(index, "7", closed=True))
            await soon(anext(quick))
        exchange.publish(topic, market.kline(3, "8"))
        await soon(anext(quick))
        assert [(int(x.close), x.closed) for x in [await soon(anext(slow)) for _ in range(4)]] == [
            (7, True),
            (7, True),
            (7, True),
            (8, False),
        ]


async def test_a_funding_rate_is_typed() -> None:
    channel = binance("binance").watch_funding_rate("BTC-USDT-PERP")
    assert channel.feed.url == "wss://fstream.binance.com/market/stream"
    event = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "11.5", "i": "11.4", "P": "0", "r": "0.0001", "T": 2}
    found = channel.parse(json.dumps({"stream": channel.topic, "data": event}).encode())
    assert found is not None
    assert (found.rate, found.mark_price, found.funding_time_ns) == (Decimal("0.0001"), Decimal("11.5"), 2_000_000)
