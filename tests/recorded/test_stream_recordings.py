"""Recorded sessions through the path that live frames take: inflated, told apart by the feed, put together by the rule.

Binance's, which need their REST snapshots, are in ``test_binance_stream_recording.py``.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tidewire._booksync import BookSync
from tidewire._feed import Buffer, Feed, Message, Reply
from tidewire._inflate import Inflater
from tidewire._websocket import MAX_MESSAGE
from tidewire.book import BookLayout, BookState, OrderBook
from tidewire.symbols import Symbol
from tidewire.venues import venue

from ..book_layouts import HTX_DEPTH, OKX_2022


def recorded(path: Path) -> Iterator[bytes]:
    """Frames as they came."""
    with gzip.open(path, "rt") as lines:
        for entry in map(json.loads, lines):
            if entry["t"] == "recv":
                yield base64.b64decode(entry["b64"]) if "b64" in entry else entry["data"].encode()


class Client:
    """Books of one recorded session by topic, kept as the engine keeps them."""

    def __init__(self, feed: Feed, layout: BookLayout, is_book: Callable[[str], bool]) -> None:
        self.books: dict[str, OrderBook] = {}
        self.syncs: dict[str, BookSync] = {}
        self.others: list[Message] = []
        self.asked: list[str] = []
        self._feed, self._layout, self._is_book = feed, layout, is_book
        self._inflater = Inflater(MAX_MESSAGE)

    def play(self, frames: Iterable[bytes]) -> Iterator[OrderBook]:
        """Take every frame; yield each book when it has changed."""
        for frame in frames:
            if self._feed.gzip:
                with self._inflater.inflate(frame) as text:
                    found = self._take(text)
            else:
                found = self._take(memoryview(frame))
            if found is not None:
                yield found

    def _take(self, frame: Buffer) -> OrderBook | None:
        message = self._feed.read(frame)
        if not isinstance(message, tuple) or not self._is_book(message[0]):
            self.others.append(message)
            return None
        topic, payload = message
        if topic not in self.syncs:
            self.books[topic] = OrderBook(tick_size="1", lot_size="1")
            self.syncs[topic] = BookSync(
                self.books[topic], self._layout, lambda: self.asked.append(topic), in_stream=True
            )
            self.syncs[topic].connected()
        return self.books[topic] if self.syncs[topic].on_frame(payload) else None

    @property
    def gaps(self) -> int:
        return sum(sync.stats.gaps for sync in self.syncs.values())

    @property
    def is_live(self) -> bool:
        return all(book.state is BookState.LIVE and not book.crossed for book in self.books.values())


@pytest.mark.parametrize(("session", "checksums"), [("OKX", 290), ("OKCOIN", 6)])
def test_okx_checksums(fixtures: Path, capsys: pytest.CaptureFixture[str], session: str, checksums: int) -> None:
    """Books of 2022 had no sequence numbers and a checksum of the venue's own in every message."""
    feed = venue("okx").watch_book("BTC-USDT").feed
    client = Client(feed, OKX_2022, lambda topic: topic.startswith("books"))
    frames = list(recorded(fixtures / "cryptofeed" / f"{session}.jsonl.gz"))
    sent = [json.loads(frame)["data"][0]["checksum"] for frame in frames if b'"checksum"' in frame]
    valid = sum(book.checksum(OKX_2022) == checksum for book, checksum in zip(client.play(frames), sent, strict=True))
    with capsys.disabled():
        print(f"\n{session}: {valid} of {checksums} CRC32 checksums through the stream path, {len(client.books)} books")
    assert valid == checksums == len(sent)
    assert 0 not in sent
    assert client.is_live
    assert (client.gaps, client.asked) == (0, [])


def test_okx_sequences(fixtures: Path) -> None:
    """Real level changes under the sequence numbers of today, which the layout of the live stream checks."""
    channel = venue("okx").watch_book("BTC-USDT")
    frames = gzip.decompress((fixtures / "derived" / "okx_books_seq.jsonl.gz").read_bytes()).splitlines()
    client = Client(channel.feed, channel.layout, lambda topic: topic.startswith("books"))
    assert len(list(client.play(frames))) == len(frames) == 290
    assert channel.topic in client.books
    assert client.is_live
    assert (client.gaps, client.asked, client.others) == (0, [], [])


def test_coinbase_never_crosses(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    channel = venue("coinbase").watch_book("SKL-USD")
    client = Client(channel.feed, channel.layout, lambda topic: topic.startswith("level2"))
    changes = 0
    for book in client.play(recorded(fixtures / "cryptofeed" / "COINBASE_EXCHANGE_2021.jsonl.gz")):
        changes += 1
        assert book.state is BookState.LIVE
        assert not book.crossed
    with capsys.disabled():
        print(f"\nCOINBASE_EXCHANGE_2021: {changes} messages through the stream path, {len(client.books)} books")
    assert changes == 10 + 9_719
    assert len(client.books) == 10
    assert (client.gaps, client.asked) == (0, [])


def test_htx_gzip_session(fixtures: Path) -> None:
    """Whole books of the channel ``depth.step0``, which numbers nothing that continues; and pings, to be echoed."""
    feed = venue("htx").watch_book("BTC-USDT").feed
    inflater, kinds = Inflater(MAX_MESSAGE), Counter[str]()
    book = OrderBook(tick_size="0.01", lot_size="0.01")
    for frame in recorded(fixtures / "cryptofeed" / "HUOBI.jsonl.gz"):
        with inflater.inflate(frame) as text:
            match feed.read(text):
                case (str(topic), payload) if ".depth." in topic:
                    kinds["book"] += 1
                    book.apply_snapshot(payload, HTX_DEPTH)
                    assert (book.state, book.crossed) == (BookState.LIVE, False)
                case (str(topic), _):
                    kinds[topic.split(".")[2]] += 1
                case Reply(data):
                    kinds["ping"] += 1
                    assert data == bytes(text).decode().replace("ping", "pong").replace(" ", "")
                case other:
                    kinds[type(other).__name__] += 1
    assert kinds["book"] == 292
    assert kinds["ping"] > 0
    assert kinds["trade"] > 0
    assert kinds["Acknowledged"] > 0


def test_the_native_names_of_these_sessions_are_the_live_ones() -> None:
    """The topics that a client subscribes to are the ones that the feed finds in frames."""
    for name, symbol, frame in (
        ("okx", "BTC-USDT", b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[]}'),
        ("coinbase", "BTC-USD", b'{"type":"l2update","product_id":"BTC-USD","changes":[]}'),
        ("htx", "BTC-USDT", b'{"ch":"market.btcusdt.mbp.150","ts":1,"tick":{}}'),
    ):
        channel = venue(name).watch_book(Symbol.parse(symbol))
        found = channel.feed.read(frame)
        assert isinstance(found, tuple)
        assert found[0] == channel.topic
