"""The client's streams against the sandbox: never wrong while LIVE, whatever the wire does, and whole again after."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from decimal import Decimal

import pytest

from tidewire import AsyncClient
from tidewire._connection import Patience
from tidewire.book import BookState, OrderBook
from tidewire.models import BookSnapshot
from tidewire.sandbox import Sandbox
from tidewire.stream import BookStream, TradeStream
from tidewire.symbols import Symbol
from tidewire.venues.binance.sandbox.text import sequence_of

Levels = tuple[tuple[tuple[Decimal, Decimal], ...], tuple[tuple[Decimal, Decimal], ...]]

QUICK = Patience(first_s=0.005, cap_s=0.05)
FAULTS = ("lose", "duplicate", "swap", "garble", "close")
STEPS = 60


def levels(book: OrderBook | BookSnapshot) -> Levels:
    bids, asks = (book.bids(), book.asks()) if isinstance(book, OrderBook) else (book.bids, book.asks)
    return tuple((x.price, x.quantity) for x in bids), tuple((x.price, x.quantity) for x in asks)


class Truth:
    """What the sandbox's book really was, by the sequence number that clients see."""

    def __init__(self, sandbox: Sandbox, symbol: str) -> None:
        self._sandbox = sandbox
        self._symbol = Symbol.parse(symbol)
        self.at: dict[int, Levels] = {}
        self.last = 0
        self.note()

    def note(self) -> None:
        book = self._sandbox.inspect("binance", lambda exchange: exchange.book(self._symbol, 5000))
        assert book.sequence is not None
        self.last = sequence_of(self._symbol.kind, book.sequence)
        self.at[self.last] = levels(book)

    def step(self) -> None:
        self._sandbox.step()
        self.note()


class Observer:
    """Writes down every state of a book that was shown as LIVE."""

    def __init__(self, stream: BookStream) -> None:
        self._stream = stream
        self.seen: list[tuple[int, Levels]] = []
        self.states: set[BookState] = set()
        self.book: OrderBook | None = None
        self._shown = asyncio.Event()

    async def run(self) -> None:
        async for book in self._stream:
            self.book = book
            self._shown.set()
            self.states.add(book.state)
            if book.state is BookState.LIVE:
                assert book.sequence is not None
                self.seen.append((book.sequence, levels(book)))

    async def until_shown(self) -> None:
        """Wait until the book was LIVE for the first time."""
        await self._shown.wait()

    async def glance(self) -> None:
        """Give the book a moment to show something new; with faults about, it need not."""
        self._shown.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await self._shown.wait()

    def is_right(self, truth: Truth) -> bool:
        book = self.book
        return book is not None and book.state is BookState.LIVE and book.sequence == truth.last


async def collect(stream: TradeStream, numbers: list[int]) -> None:
    async for trade in stream:
        numbers.append(int(trade.trade_id))


def hurried(client: AsyncClient) -> AsyncClient:
    client.streams.patience = replace(QUICK)
    return client


@pytest.mark.parametrize("symbol", ["BTC-USDT", "BTC-USDT-PERP"])
@pytest.mark.parametrize("seed", range(6))
async def test_a_book_is_right_or_not_live_and_heals(symbol: str, seed: int) -> None:
    async with Sandbox("binance", pace=None, seed=seed) as sandbox:
        async with hurried(AsyncClient("binance", environment=sandbox)) as client, client.watch_book(symbol) as stream:
            truth = await asyncio.to_thread(Truth, sandbox, symbol)
            observer = Observer(stream)
            watching = asyncio.create_task(observer.run())
            async with asyncio.timeout(20):
                await observer.until_shown()
                for kind in FAULTS:
                    sandbox.fail(kind, path="depthUpdate", times=None, probability=0.02 if kind == "close" else 0.06)
                for _ in range(STEPS):
                    await asyncio.to_thread(truth.step)
                    await observer.glance()
                sandbox.clear_faults()
                while not observer.is_right(truth):
                    await asyncio.to_thread(truth.step)
                    await observer.glance()
            await stream.aclose()
            await watching
    assert len(observer.seen) > 10
    assert BookState.STALE in observer.states, "the faults were felt"
    wrong = [sequence for sequence, shown in observer.seen if truth.at[sequence] != shown]
    assert not wrong, f"seed {seed}: LIVE and wrong at {wrong}"


async def test_a_clean_line_never_makes_a_book_stale() -> None:
    async with Sandbox("binance", pace=None) as sandbox:
        async with AsyncClient("binance", environment=sandbox) as client, client.watch_book("BTC-USDT") as stream:
            truth = await asyncio.to_thread(Truth, sandbox, "BTC-USDT")
            observer = Observer(stream)
            watching = asyncio.create_task(observer.run())
            async with asyncio.timeout(20):
                await observer.until_shown()
                for _ in range(STEPS):
                    await asyncio.to_thread(truth.step)
                while not observer.is_right(truth):
                    await observer.glance()
            assert (stream.stats.gaps, stream.stats.snapshots, stream.reason) == (0, 1, "")
            assert observer.states == {BookState.LIVE}
            assert client.streams.stats().connections[0].reconnects == 0
            await stream.aclose()
            await watching
    assert all(truth.at[sequence] == shown for sequence, shown in observer.seen)


@pytest.mark.parametrize("symbol", ["BTC-USDT", "BTC-USDT-PERP"])
@pytest.mark.parametrize("seed", range(3))
async def test_trades_are_whole_and_in_order(seed: int, symbol: str) -> None:
    async with Sandbox("binance", pace=None, seed=seed) as sandbox:
        async with hurried(AsyncClient("binance", environment=sandbox)) as client:
            numbers: list[int] = []
            stream = client.watch_trades(symbol)
            collecting = asyncio.create_task(collect(stream, numbers))
            async with asyncio.timeout(20):
                while not numbers:
                    await asyncio.to_thread(sandbox.step)
                for kind in FAULTS:
                    sandbox.fail(kind, path="rade", times=None, probability=0.02 if kind == "close" else 0.08)
                await asyncio.to_thread(sandbox.step, STEPS)
                sandbox.clear_faults()
                newest = (await client.fetch_trades(symbol, limit=1))[-1]
                # Aggregates of futures are numbered by themselves.
                while (numbers[-1] - int(newest.trade_id)) % 10**9 > 10**8:
                    await asyncio.to_thread(sandbox.step)
            await stream.aclose()
            await collecting
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_many_symbols_share_one_connection_and_leave_nothing() -> None:
    async with Sandbox("binance", pace=None) as sandbox:
        async with AsyncClient("binance", environment=sandbox) as client:
            symbols = [str(each.symbol) for each in await client.fetch_instruments("spot")][:10]
            streams = [client.watch_book(symbol) for symbol in symbols]
            async with asyncio.timeout(20):
                books = await asyncio.gather(*(anext(stream) for stream in streams))
            assert all(book.state is BookState.LIVE for book in books)
            assert sandbox.connections("binance") == 1
            assert set(client.streams.stats().books) == set(symbols)
        assert all(book.state is BookState.STALE for book in books)
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not {name for name in names if name.startswith("tidewire")}


async def test_tickers_and_funding_rates_stream() -> None:
    async with Sandbox("binance", seed=3) as sandbox:
        async with AsyncClient("binance", environment=sandbox) as client, asyncio.timeout(20):
            async with client.watch_ticker("BTC-USDT") as spot, client.watch_ticker("BTC-USDT-PERP") as linear:
                first, second = await anext(spot), await anext(linear)
                assert first.bid is not None
                assert first.ask is not None
                assert first.bid < first.ask
                assert (second.bid, second.ask) == (None, None)
            async with client.watch_funding_rate("BTC-USDT-PERP") as funding:
                rate = await anext(funding)
                assert rate.mark_price is not None
                assert rate.funding_time_ns > (rate.time_ns or 0)
