"""A recorded session of 17 April 2021 (cryptofeed's sample): instruments, and books against what the tickers quote.

This product includes software developed by Bryant Moscon (http://www.bryantmoscon.com/): the recording is from his
cryptofeed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tidewire as tw
from tidewire._booksync import BookSync
from tidewire._call import Call
from tidewire._feed import Acknowledged, Buffer
from tidewire._websocket import Socket, serve
from tidewire.stream import Streams
from tidewire.venues.coinbase.stream import read


@pytest.fixture(scope="module")
def session(fixtures: Path) -> list[dict[str, Any]]:
    path = fixtures / "cryptofeed" / "COINBASE_EXCHANGE_2021.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def instruments(session: list[dict[str, Any]]) -> dict[str, tw.Instrument]:
    (body,) = (record["data"] for record in session if record["t"] == "http")
    rows = tw.venue("coinbase").fetch_instruments().parse(body.encode())
    return {row.native: row for row in rows}


def test_instruments(instruments: dict[str, tw.Instrument]) -> None:
    assert len(instruments) == 162
    assert all(row.active and str(row.symbol) == row.native for row in instruments.values())
    bitcoin = instruments["BTC-USD"]
    assert (bitcoin.tick_size, bitcoin.lot_size) == (Decimal("0.01"), Decimal("1e-8"))
    assert (bitcoin.min_quantity, bitcoin.max_quantity, bitcoin.min_notional) == (Decimal("0.0001"), 280, 5)


def frames(session: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], bytes]]:
    for record in session:
        if record["t"] == "recv":
            yield json.loads(record["data"]), record["data"].encode()


def test_books(session: list[dict[str, Any]], instruments: dict[str, tw.Instrument]) -> None:
    """Every book agrees with a plain dict of levels to the last one, and with nearly every ticker's quotes."""
    layout = tw.venue("coinbase").book_layout()
    books: dict[str, tw.OrderBook] = {}
    plain: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
    seen: Counter[str] = Counter()
    agreed = 0
    for message, frame in frames(session):
        kind, product = message["type"], message.get("product_id", "")
        seen[kind] += 1
        if kind == "snapshot":
            rules = instruments[product]
            books[product] = tw.OrderBook(rules.tick_size, rules.lot_size)
            books[product].apply_snapshot(frame, layout)
            sides = {side: {Decimal(p): Decimal(q) for p, q in message[side]} for side in ("bids", "asks")}
            plain[product] = sides
        elif kind == "l2update":
            books[product].apply(frame, layout)
            for side, price, size in message["changes"]:
                levels = plain[product]["bids" if side == "buy" else "asks"]
                levels[Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del levels[Decimal(price)]
        elif kind == "ticker" and product in books and seen["l2update"] > 1000:
            best = books[product].best_bid, books[product].best_ask
            agreed += [level and level.price for level in best] == [
                Decimal(message["best_bid"]),
                Decimal(message["best_ask"]),
            ]
            seen["compared"] += 1
    assert (seen["snapshot"], seen["l2update"]) == (10, 9719)
    for product, book in books.items():
        assert book.state is tw.BookState.LIVE
        for ours, theirs, newest in ((book.bids, "bids", True), (book.asks, "asks", False)):
            levels = plain[product][theirs]
            expected = [(p, levels[p]) for p in sorted(levels, reverse=newest)]
            assert [(level.price, level.quantity) for level in ours(10**6)] == expected
    assert seen["compared"] > 50
    assert agreed >= 0.9 * seen["compared"]  # quotes and levels come over separate paths of the venue


def test_books_through_the_path_of_live_frames_never_cross(
    session: list[dict[str, Any]], instruments: dict[str, tw.Instrument], capsys: pytest.CaptureFixture[str]
) -> None:
    venue = tw.venue("coinbase")
    syncs: dict[str, BookSync] = {}
    books: dict[str, tw.OrderBook] = {}
    acknowledged: set[str] = set()
    for _, frame in frames(session):
        message = read(memoryview(frame))
        if isinstance(message, Acknowledged):
            acknowledged.update(message.topics)
            continue
        topic, payload = message  # type: ignore[misc]
        channel, _, product = topic.partition("@")
        if channel != "level2_batch":
            continue
        if product not in syncs:
            rules = instruments[product]
            books[product] = tw.OrderBook(rules.tick_size, rules.lot_size)
            syncs[product] = BookSync(books[product], venue.book_layout(), lambda: None, in_stream=True)
        syncs[product].on_frame(payload)
        assert not books[product].crossed
    assert len(acknowledged) == 30
    assert len(books) == 10
    assert all(sync.is_live for sync in syncs.values())
    assert sum(sync.stats.gaps for sync in syncs.values()) == 0
    assert sum(sync.stats.updates for sync in syncs.values()) == 9719
    with capsys.disabled():
        print(f"\nCoinbase 2021: 10 books, {sum(s.stats.updates for s in syncs.values())} updates, never crossed")


def test_every_trade_and_ticker_parses_and_no_trade_is_missing(session: list[dict[str, Any]]) -> None:
    venue = tw.venue("coinbase")
    ids: dict[str, list[int]] = defaultdict(list)
    tickers = 0
    for _, frame in frames(session):
        message = read(frame)
        if not isinstance(message, tuple):
            continue
        channel, _, product = message[0].partition("@")
        if channel == "matches":
            ids[product] += [int(trade.trade_id) for trade in venue.watch_trades(product).parse(frame)]
        elif channel == "ticker":
            ticker = venue.watch_ticker(product).parse(frame)
            assert ticker is not None
            assert ticker.bid is not None
            assert ticker.ask is not None
            assert ticker.bid < ticker.ask
            tickers += 1
    assert sum(map(len, ids.values())) == 107
    assert all(numbers == list(range(numbers[0], numbers[0] + len(numbers))) for numbers in ids.values())
    assert tickers == 107


class Replay:
    """The recording as a venue: it sends all of it to the first who subscribes."""

    def __init__(self, frames: list[str]) -> None:
        self.frames: list[str] = frames
        self.socket: Socket | None = None

    def accept(self, socket: Socket) -> Replay:
        self.socket = socket
        return self

    def on_frame(self, payload: Buffer, is_text: bool) -> None:
        if self.socket is not None:
            for frame in self.frames:
                self.socket.send(frame)
        self.frames = []

    def on_closed(self, reason: str) -> None:
        self.socket = None


async def test_the_whole_engine_over_a_real_socket(
    session: list[dict[str, Any]], instruments: dict[str, tw.Instrument]
) -> None:
    recorded = [(message, frame) for message, frame in frames(session) if message.get("product_id") == "SKL-USD"]
    replay = Replay([frame.decode() for _, frame in recorded])
    updates = sum(message["type"] == "l2update" for message, _ in recorded)
    server = await serve(replay.accept)

    async def instrument(symbol: str | tw.Symbol) -> tw.Instrument:
        return instruments[str(symbol)]

    async def run(call: Call[Any]) -> Any:
        raise AssertionError(f"nothing is to be mended here: {call}")

    venue = tw.venue("coinbase", stream_url=f"ws://127.0.0.1:{server.port}")
    streams = Streams(venue, run=run, instrument=instrument)
    trades: list[tw.Trade] = []
    async with asyncio.timeout(30), streams.watch_trades("SKL-USD") as tape, streams.watch_book("SKL-USD") as books:
        async for book in books:
            assert not book.crossed
            if books.stats.updates == updates:
                break
        while len(trades) < 53:
            trades.append(await anext(tape))
        assert (books.stats.gaps, books.stats.snapshots) == (0, 1)
    await streams.aclose()
    await server.close()
    numbers = [int(trade.trade_id) for trade in trades]
    assert numbers == list(range(numbers[0], numbers[0] + 53))
