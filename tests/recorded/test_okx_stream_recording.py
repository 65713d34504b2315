"""OKX's recorded sessions beside their books' checksums: every kind of frame, lost ones, and the whole engine."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from tidewire._booksync import BookSync
from tidewire._call import Call
from tidewire._channel import KlineChannel, TradeChannel, ValueChannel
from tidewire._feed import Acknowledged, Buffer
from tidewire._websocket import Socket, serve
from tidewire.book import BookState, OrderBook
from tidewire.errors import DecodeError
from tidewire.models import Instrument
from tidewire.stream import Streams
from tidewire.symbols import Symbol
from tidewire.venues import venue
from tidewire.venues.okx import wire
from tidewire.venues.okx.messages import read

from ..book_layouts import OKX as LAYOUT
from ..book_layouts import OKX_2022

T = TypeVar("T")
OKX = venue("okx")


def received(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rt") as lines:
        for entry in map(json.loads, lines):
            if entry["t"] == "recv":
                yield entry["data"].encode()


def lines(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()


class Books:
    """A book for each topic, kept as the engine keeps it."""

    def __init__(self, layout: Any) -> None:
        self._layout = layout
        self.asked = 0
        self.books: dict[str, OrderBook] = {}
        self.syncs: dict[str, BookSync] = {}

    def take(self, topic: str, payload: Buffer) -> OrderBook:
        if topic not in self.syncs:
            self.books[topic] = OrderBook(tick_size="0.1", lot_size="1")
            self.syncs[topic] = BookSync(self.books[topic], self._layout, self._ask, in_stream=True)
            self.syncs[topic].connected()
        assert self.syncs[topic].on_frame(payload)
        return self.books[topic]

    def _ask(self) -> None:
        self.asked += 1


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ("OKX", {"books": 290, "trades": 74, "tickers": 28, "subscribe": 18}),
        ("OKCOIN", {"books": 6, "trades": 4, "tickers": 8, "candle1m": 12, "subscribe": 40}),
    ],
)
def test_every_frame_is_understood_and_no_more_levels_are_kept_than_the_venue_has(
    fixtures: Path, session: str, expected: dict[str, int]
) -> None:
    kept, kinds = Books(OKX_2022), Counter[str]()
    for frame in received(fixtures / "cryptofeed" / f"{session}.jsonl.gz"):
        message = read(frame)
        if isinstance(message, Acknowledged):
            kinds["subscribe"] += 1
            continue
        assert isinstance(message, tuple)
        kinds[message[0].partition(":")[0]] += 1
        if message[0].startswith("books:"):
            book = kept.take(*message)
            assert max(book.bid_count, book.ask_count) <= 400
    assert kinds == expected


def test_any_lost_frame_is_noticed_before_it_does_harm(fixtures: Path) -> None:
    frames = [f for f in lines(fixtures / "derived" / "okx_books_seq.jsonl.gz") if b'"BTC-USDT"' in f]
    for lost in range(1, len(frames) - 1):
        kept = Books(LAYOUT)
        for frame in frames[:lost]:
            book = kept.take(*read(frame))  # type: ignore[misc]
        before = book.bids(), book.asks()
        kept.take(*read(frames[lost + 1]))  # type: ignore[misc]
        assert (book.state, kept.asked) == (BookState.STALE, 1)
        assert (book.bids(), book.asks()) == before


class Replay:
    """The derived stream as a venue."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = frames
        self._socket: Socket | None = None

    def accept(self, socket: Socket) -> Replay:
        self._socket = socket
        return self

    def on_frame(self, payload: Buffer, is_text: bool) -> None:
        command = json.loads(bytes(payload))
        assert self._socket is not None
        for arg in command["args"]:
            self._socket.send(json.dumps({"event": command["op"], "arg": arg}))
        for frame in self._frames:
            self._socket.send(frame.decode())

    def on_closed(self, reason: str) -> None:
        self._socket = None

    async def run(self, call: Call[T]) -> T:
        raise AssertionError("nothing is asked over REST")

    async def instrument(self, symbol: str | Symbol) -> Instrument:
        tick, lot = Decimal("0.1"), Decimal("0.00000001")
        parsed = Symbol.parse(symbol)
        return Instrument(venue="okx", symbol=parsed, native="BTC-USDT", kind="spot", tick_size=tick, lot_size=lot)


async def test_the_whole_engine_over_a_real_socket_gives_the_same_book(fixtures: Path) -> None:
    frames = [f for f in lines(fixtures / "derived" / "okx_books_seq.jsonl.gz") if b'"BTC-USDT"' in f]
    kept = Books(LAYOUT)
    for frame in frames:
        alone = kept.take(*read(frame))  # type: ignore[misc]
    replay = Replay(frames)
    server = await serve(replay.accept)
    place = venue("okx", stream_url=f"ws://127.0.0.1:{server.port}")
    streams = Streams(place, run=replay.run, instrument=replay.instrument)
    async with streams.watch_book("BTC-USDT") as books:
        async for book in books:
            if book.sequence == alone.sequence:
                break
        assert (books.stats.gaps, books.stats.snapshots, books.stats.updates) == (0, 1, len(frames) - 1)
        assert (book.bids(), book.asks()) == (alone.bids(), alone.asks())
    await streams.aclose()
    await server.close()


def test_recorded_trades_tickers_and_klines(fixtures: Path) -> None:
    """Of BTC-USDT, by what ``watch_*`` would parse them with; the trades' ids have no holes."""
    tickers, trades = OKX.watch_ticker("BTC-USDT"), OKX.watch_trades("BTC-USDT")
    numbers, asks = [], []
    for frame in received(fixtures / "cryptofeed" / "OKX.jsonl.gz"):
        message = read(frame)
        if isinstance(message, tuple) and message[0] == "trades:BTC-USDT":
            numbers += [int(trade.trade_id) for trade in trades.parse(message[1])]
        elif isinstance(message, tuple) and message[0] == tickers.topic:
            ticker = tickers.parse(message[1])
            assert ticker is not None
            assert ticker.bid is not None
            assert ticker.ask is not None
            assert ticker.bid < ticker.ask
            asks.append(ticker.ask)
    assert numbers == list(range(numbers[0], numbers[0] + 69))
    assert len(asks) > 10
    klines = OKX.watch_klines("USDC-USDT", "1m")
    bars = []
    for frame in received(fixtures / "cryptofeed" / "OKCOIN.jsonl.gz"):
        message = read(frame)
        if isinstance(message, tuple) and message[0] == klines.topic:
            bars += klines.parse(message[1])
    assert {bar.close for bar in bars} == {Decimal("0.9981")}
    assert {bar.open_time_ns % (60 * 10**9) for bar in bars} == {0}


def test_messages_collected_by_others(fixtures: Path) -> None:
    """Every message of 2022 is told by its topic, and read where we offer its kind; klines had fewer columns then."""
    channels: dict[str, TradeChannel | ValueChannel[Any] | KlineChannel] = {
        "trade": OKX.watch_trades("BTC-USDT"),
        "ticker": OKX.watch_ticker("BTC-USDT"),
        "funding_rate": OKX.watch_funding_rate("BTC-USDT-PERP"),
        "candlestick": OKX.watch_klines("BTC-USDT", "1m"),
    }
    # The samples of books were cut: their checksums are of levels that are not there.
    unchecked = msgspec.structs.replace(OKX_2022, delta=msgspec.structs.replace(OKX_2022.delta, checksum=None))
    seen: defaultdict[str, int] = defaultdict(int)
    for line in (fixtures / "crypto_msg_parser" / "okx.jsonl").read_text().splitlines():
        entry = json.loads(line)
        raw = entry["raw"].encode()
        if not raw.startswith(b'{"arg"'):
            continue  # REST, and the version before
        topic, payload = read(raw)  # type: ignore[misc]
        arg = json.loads(raw)["arg"]
        assert topic == f"{arg['channel']}:{arg['instId']}"
        seen[entry["kind"]] += 1
        if entry["kind"] == "candlestick":
            with pytest.raises(DecodeError, match="7 columns"):
                channels["candlestick"].parse(payload)
        elif entry["kind"] in channels:
            assert channels[entry["kind"]].parse(payload)
        elif entry["case"].endswith("_snapshot"):
            book = OrderBook("0.1", "0.00000001")
            assert book.apply(payload, unchecked)
            assert len(book.asks()) == len(json.loads(raw)["data"][0]["asks"])
    assert dict(seen) == {
        "trade": 6, "funding_rate": 2, "l2_event": 5, "l2_topk": 6, "bbo": 6, "candlestick": 6, "ticker": 6,
    }  # fmt: skip


def test_subscriptions_and_their_messages_as_another_client_has_them(fixtures: Path) -> None:
    folder = fixtures / "jkorf" / "OKX" / "Unified" / "ExchangeData"
    for name, channel in {
        "Klines": OKX.watch_klines("ETH-USDT", "1d"),
        "Ticker": OKX.watch_ticker("ETH-USDT"),
        "Trades": OKX.watch_trades("ETH-USDT"),
        "FundingRate": OKX.watch_funding_rate("ETH-USDT-PERP"),
    }.items():
        text = (folder / f"{name}.txt").read_text()
        acknowledged = read(text.split("\n")[1].removeprefix("< ").encode())
        assert isinstance(acknowledged, Acknowledged)
        topic, payload = read(text.partition("\n=")[2].strip().encode())  # type: ignore[misc]
        assert acknowledged.topics == (topic,)
        assert channel.parse(payload)
    (trade,) = wire.rows(wire.TradeRow)((folder / "Trades.txt").read_text().partition("\n=")[2].strip().encode())
    assert trade.tradeId == "130639474"
