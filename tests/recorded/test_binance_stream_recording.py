"""Binance sessions as they were recorded, through the path that live frames take: reader, synchroniser, book."""

from __future__ import annotations

import asyncio
import gzip
import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tidewire._booksync import BookSync
from tidewire._call import Call
from tidewire._feed import Buffer
from tidewire._websocket import Socket, serve
from tidewire.book import BookState, OrderBook
from tidewire.models import Instrument, Level, Trade
from tidewire.stream import Streams
from tidewire.symbols import Kind, Symbol
from tidewire.venues import venue
from tidewire.venues.binance.stream import BOOK, read

T = TypeVar("T")
Quote = tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]

BTC = "btcusdt"
BINANCE = venue("binance")


@dataclass
class Comparison:
    """A book's best prices and quantities against the quotes that the venue sent beside it.

    Both carry the venue's update id. After every delta, the book must equal the newest quote whose id is not beyond the
    book's own: what the venue quoted at that very moment, or before it and unchanged since. Each side counts once.
    """

    quotes: list[tuple[int, Quote]] = field(default_factory=list)
    tops: list[tuple[int, Quote]] = field(default_factory=list)

    def quote(self, event: dict[str, Any]) -> None:
        sides = ((Decimal(event[price]), Decimal(event[quantity])) for price, quantity in ("bB", "aA"))
        self.quotes.append((event["u"], (next(sides), next(sides))))

    def top(self, book: OrderBook) -> None:
        bid, ask = book.best_bid, book.best_ask
        assert bid is not None
        assert ask is not None
        assert book.sequence is not None
        self.tops.append((book.sequence, (_pair(bid), _pair(ask))))

    def count(self) -> tuple[int, int]:
        """(equal, compared)."""
        ids = [number for number, _ in self.quotes]
        assert ids == sorted(ids)
        equal = compared = 0
        for sequence, top in self.tops:
            index = bisect_right(ids, sequence) - 1
            if index >= 0:
                compared += 2
                equal += sum(ours == theirs for ours, theirs in zip(top, self.quotes[index][1], strict=True))
        return equal, compared


def _pair(level: Level) -> tuple[Decimal, Decimal]:
    return level.price, level.quantity


def data(frame: bytes) -> tuple[str, Buffer]:
    message = read(frame)
    assert isinstance(message, tuple)
    return message


# Spot BTC-USDT on 8 August 2024: 3,451 depth frames, 28,040 quotes, 9,757 trades and one snapshot.


@pytest.fixture(scope="module")
def frames(fixtures: Path) -> list[bytes]:
    with gzip.open(fixtures / "hftbacktest" / "spot_btcusdt_20240808.gz") as lines:
        return [line.rstrip(b"\n").split(b" ", 1)[1] for line in lines]


def is_snapshot(frame: bytes) -> bool:
    return frame.startswith(b'{"lastUpdateId"')


def is_delta(frame: bytes) -> bool:
    return b'"depthUpdate"' in frame[:80]


def new_book() -> OrderBook:
    return OrderBook(tick_size="0.01", lot_size="0.00001")


def test_the_book_equals_what_the_venue_quoted(frames: list[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    comparison, kinds, asked = Comparison(), Counter[str](), []
    book = new_book()
    sync = BookSync(book, BOOK["spot"], lambda: asked.append(True))
    sync.connected()
    for frame in frames:
        if is_snapshot(frame):
            assert sync.on_snapshot(frame, sync.ticket)
            continue
        topic, event = data(frame)
        kinds[topic] += 1
        if topic.endswith("@bookTicker"):
            comparison.quote(json.loads(bytes(event))["data"])
        elif topic.endswith("@depth@100ms"):
            sync.on_frame(event)
            if sync.is_live:
                comparison.top(book)
    equal, compared = comparison.count()
    with capsys.disabled():
        print(
            f"\nspot_btcusdt_20240808: best level equals bookTicker on {equal} of {compared} comparisons; {sync.stats}"
        )
    assert compared >= 6_490
    assert compared - equal <= 2
    assert len(asked) == 1, "the one snapshot of the recording was enough"
    assert (sync.stats.gaps, sync.stats.outdated) == (0, 0)
    assert sync.stats.updates + sync.stats.skipped == kinds[f"{BTC}@depth@100ms"] == 3_451
    assert book.state is BookState.LIVE
    assert not book.crossed


def test_every_trade_parses_and_none_is_missing(frames: list[bytes]) -> None:
    channel = BINANCE.watch_trades("BTC-USDT")
    events = [data(frame) for frame in frames if not is_snapshot(frame)]
    trades = [trade for topic, event in events if topic == channel.topic for trade in channel.parse(event)]
    assert len(trades) == 9_757
    numbers = [int(trade.trade_id) for trade in trades]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(trade.price > 0 and trade.quantity > 0 and trade.time_ns > 1_723_161_000 * 10**9 for trade in trades)


class Replay:
    """The recording as a venue: it answers SUBSCRIBE, sends what came before the snapshot, and after it the rest."""

    def __init__(self, frames: list[bytes]) -> None:
        self.split = next(index for index, frame in enumerate(frames) if is_snapshot(frame))
        self.frames = frames
        self.socket: Socket | None = None

    def accept(self, socket: Socket) -> Replay:
        self.socket = socket
        return self

    def on_frame(self, payload: Buffer, is_text: bool) -> None:
        command = json.loads(bytes(payload))
        if self.socket is not None and command["method"] == "SUBSCRIBE":
            self.socket.send(json.dumps({"result": None, "id": command["id"]}))
            self.send(self.frames[: self.split])

    def on_closed(self, reason: str) -> None:
        self.socket = None

    def send(self, frames: list[bytes]) -> None:
        assert self.socket is not None
        for frame in frames:
            self.socket.send(frame.decode())

    async def run(self, call: Call[T]) -> T:
        assert call.request.path == "/api/v3/depth"
        self.send(self.frames[self.split + 1 :])
        return call.parse(self.frames[self.split])

    async def instrument(self, symbol: str | Symbol) -> Instrument:
        return Instrument(
            venue="binance",
            symbol=Symbol.parse(symbol),
            native="BTCUSDT",
            kind="spot",
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.00001"),
        )


async def test_the_whole_engine_over_a_real_socket_gives_the_same_book_and_trades(frames: list[bytes]) -> None:
    replay = Replay(frames)
    server = await serve(replay.accept)
    place = venue("binance", stream_url=f"ws://127.0.0.1:{server.port}")
    streams = Streams(place, run=replay.run, instrument=replay.instrument)
    last = json.loads(bytes(data(next(filter(is_delta, reversed(frames))))[1]))["data"]["u"]
    trades: list[Trade] = []
    watched = streams.watch_book("BTC-USDT")
    # The recording has one snapshot, and the market leaves its 1000 levels: live, another would be fetched in time.
    watched._channel = replace(watched._channel, depth=None)
    async with asyncio.timeout(60), streams.watch_trades("BTC-USDT") as tape, watched as books:
        async for book in books:
            if book.sequence == last:
                break
        while len(trades) < 9_757:
            trades.append(await anext(tape))
        assert (books.stats.gaps, books.stats.snapshots) == (0, 1)
        assert books.stats.updates + books.stats.skipped == 3_451
        levels = book.bids(), book.asks()
    connection = streams.stats().connections
    await streams.aclose()
    await server.close()
    assert not connection
    assert int(trades[-1].trade_id) - int(trades[0].trade_id) == 9_756

    alone = new_book()
    sync = BookSync(alone, BOOK["spot"], lambda: None)
    sync.connected()
    for frame in frames:
        if is_snapshot(frame):
            sync.on_snapshot(frame, sync.ticket)
        elif is_delta(frame):
            sync.on_frame(data(frame)[1])
    assert sync.is_live
    assert levels == (alone.bids(), alone.asks())


# Older sessions of several symbols each, with their REST answers and their instruments.


@dataclass
class Session:
    """One recorded client: what it fetched and what it was sent, in order of time."""

    instruments: dict[str, Instrument]
    records: list[tuple[float, str, bytes]]

    @classmethod
    def load(cls, path: Path, kind: Kind) -> Session:
        records, instruments = [], {}
        for record in _records(path):
            body = record.get("data", "").encode()
            if record["t"] == "http" and "exchangeInfo" in record["url"]:
                listed = BINANCE.fetch_instruments(kind).parse(body)
                instruments = {instrument.native: instrument for instrument in listed}
            elif record["t"] == "http":
                native = record["url"].partition("symbol=")[2].partition("&")[0]
                records.append((record["ts"], native, body))
            elif record["t"] == "recv":
                records.append((record["ts"], "", body))
        return cls(instruments, sorted(records, key=lambda record: record[0]))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        yield from map(json.loads, lines)


@pytest.mark.parametrize(
    ("name", "kind", "books"), [("BINANCE", "spot", 4), ("BINANCE_FUTURES", "linear", 4)], ids=["spot", "linear"]
)
def test_several_books_of_one_connection(
    fixtures: Path, capsys: pytest.CaptureFixture[str], name: str, kind: Kind, books: int
) -> None:
    session = Session.load(fixtures / "cryptofeed" / f"{name}.jsonl.gz", kind)
    syncs: dict[str, BookSync] = {}
    held: dict[str, OrderBook] = {}
    comparisons: defaultdict[str, Comparison] = defaultdict(Comparison)
    for _, native, body in session.records:
        if native:
            syncs[native].on_snapshot(body, syncs[native].ticket)
            continue
        topic, event = data(body)
        native = topic.partition("@")[0].upper()
        if topic.endswith("@bookTicker"):
            comparisons[native].quote(json.loads(bytes(event))["data"])
        elif topic.endswith("@depth@100ms"):
            if native not in syncs:
                rules = session.instruments[native]
                held[native] = OrderBook(tick_size=rules.tick_size, lot_size=rules.lot_size)
                syncs[native] = BookSync(held[native], BOOK[kind], lambda: None)
                syncs[native].connected()
            syncs[native].on_frame(event)
            if syncs[native].is_live:
                comparisons[native].top(held[native])
    results = {native: comparisons[native].count() for native in syncs}
    with capsys.disabled():
        print(f"\n{name}: best level equals bookTicker on {results}")
    assert len(held) == books
    for native, book in held.items():
        assert book.state is BookState.LIVE, f"{native}: {syncs[native].reason}"
        assert syncs[native].stats.gaps == 0
        assert syncs[native].stats.updates > 0
        assert results[native][0] == results[native][1]
