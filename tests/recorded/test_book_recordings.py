"""Books kept from recorded sessions, against the venues' own checksums and against dicts of Decimals."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidewire.book import BookState, OrderBook
from tidewire.errors import DecodeError, SequenceGap

from ..book_layouts import BINANCE_SPOT, COINBASE, HTX_DEPTH, HTX_MBP, HTX_SWAP, OKX, OKX_2022, DictBook, exact, sides


def received(path: Path) -> Iterator[bytes]:
    """Frames of a cryptofeed session as they came, inflated."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["t"] == "recv":
                yield gzip.decompress(base64.b64decode(entry["b64"])) if "b64" in entry else entry["data"].encode()


@pytest.mark.parametrize(("session", "checksums"), [("OKX", 290), ("OKCOIN", 6)])
def test_checksums_of_the_venue(
    fixtures: Path, capsys: pytest.CaptureFixture[str], session: str, checksums: int
) -> None:
    books: dict[str, OrderBook] = {}
    valid = 0
    for frame in received(fixtures / "cryptofeed" / f"{session}.jsonl.gz"):
        message = json.loads(frame)
        if "action" not in message:
            continue
        book = books.setdefault(message["arg"]["instId"], OrderBook(tick_size="0.1", lot_size="1"))
        assert book.apply(frame, OKX_2022)
        checksum = message["data"][0]["checksum"]
        assert checksum != 0
        assert book.checksum(OKX_2022) == checksum
        valid += 1
    with capsys.disabled():
        print(f"\n{session}: {valid} of {checksums} CRC32 checksums equal the venue's, {len(books)} books")
    assert valid == checksums
    assert all(book.state is BookState.LIVE and not book.crossed for book in books.values())


def test_a_wrong_level_is_caught_by_the_next_checksum(fixtures: Path) -> None:
    frames = [f for f in received(fixtures / "cryptofeed" / "OKX.jsonl.gz") if b'"BTC-USDT"' in f and b'"action"' in f]
    book = OrderBook(tick_size="0.1", lot_size="1")
    book.apply(frames[0], OKX_2022)
    best = json.loads(frames[0])["data"][0]["bids"][0]
    wrong = {"action": "update", "data": [{"bids": [[best[0], "77.7"]], "asks": [], "checksum": 0}]}
    book.apply(json.dumps(wrong).encode(), OKX_2022)
    update = json.loads(frames[1])
    update["data"][0]["bids"] = [level for level in update["data"][0]["bids"] if level[0] != best[0]]
    with pytest.raises(Exception, match="CRC32"):
        book.apply(json.dumps(update).encode(), OKX_2022)
    assert book.state is BookState.STALE


def test_okx_sequence_chain(fixtures: Path) -> None:
    frames = gzip.decompress((fixtures / "derived" / "okx_books_seq.jsonl.gz").read_bytes()).splitlines()
    books: dict[str, OrderBook] = defaultdict(lambda: OrderBook(tick_size="0.1", lot_size="1"))
    for frame in frames:
        assert books[json.loads(frame)["arg"]["instId"]].apply(frame, OKX)
    assert {name: book.gaps for name, book in books.items()} == dict.fromkeys(books, 0)
    assert sum(book.updates + book.snapshots for book in books.values()) == len(frames) == 290


def test_every_lost_okx_frame_is_noticed(fixtures: Path) -> None:
    frames = gzip.decompress((fixtures / "derived" / "okx_books_seq.jsonl.gz").read_bytes()).splitlines()
    one = [frame for frame in frames if b'"BTC-USDT"' in frame]
    for lost in range(1, len(one) - 1):
        book = OrderBook(tick_size="0.1", lot_size="1")
        for frame in one[:lost]:
            book.apply(frame, OKX)
        before, previous = sides(book), book.sequence
        with pytest.raises(SequenceGap) as gap:
            book.apply(one[lost + 1], OKX)
        assert gap.value.expected == previous
        assert gap.value.received == json.loads(one[lost + 1])["data"][0]["prevSeqId"]
        assert (book.state, sides(book)) == (BookState.STALE, before)


def test_coinbase_books_equal_dicts_and_never_cross(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    books: dict[str, OrderBook] = {}
    dicts: dict[str, DictBook] = {}
    kinds = Counter[str]()
    for frame in received(fixtures / "cryptofeed" / "COINBASE_EXCHANGE_2021.jsonl.gz"):
        message = json.loads(frame)
        kinds[message["type"]] += 1
        if message["type"] not in ("snapshot", "l2update"):
            continue
        product = message["product_id"]
        book = books.setdefault(product, OrderBook(tick_size="1", lot_size="1"))
        reference = dicts.setdefault(product, DictBook())
        book.apply(frame, COINBASE)
        if message["type"] == "snapshot":
            reference.replace(message["bids"], message["asks"])
        else:
            changes = message["changes"]
            reference.merge([c[1:] for c in changes if c[0] == "buy"], [c[1:] for c in changes if c[0] == "sell"])
        assert not book.crossed
    assert {name: sides(book) for name, book in books.items()} == {name: own.sides() for name, own in dicts.items()}
    with capsys.disabled():
        print(
            f"\nCOINBASE_EXCHANGE_2021: {len(books)} books, {kinds['l2update']} updates, never crossed, equal to dicts"
        )
    assert (kinds["snapshot"], kinds["l2update"]) == (10, 9_719)


def test_htx_snapshots_with_bare_numbers_and_exponents(fixtures: Path) -> None:
    books: dict[str, OrderBook] = defaultdict(lambda: OrderBook(tick_size="0.01", lot_size="0.01"))
    seen = exponents = 0
    for frame in received(fixtures / "cryptofeed" / "HUOBI.jsonl.gz"):
        message = exact(frame)
        if ".depth." not in message.get("ch", ""):
            continue
        reference = DictBook()
        reference.replace(message["tick"]["bids"], message["tick"]["asks"])
        book = books[message["ch"]]
        book.apply_snapshot(frame, HTX_DEPTH)
        assert sides(book) == reference.sides()
        assert not book.crossed
        seen += 1
        exponents += b"E-" in frame
    assert seen == 292
    assert exponents > 50


def test_odd_shapes_of_htx(fixtures: Path) -> None:
    """Null sides, one-sided updates, exponents, integers: each message from both collections of HTX messages."""
    lines = (fixtures / "crypto_msg_parser" / "huobi.jsonl").read_text().splitlines()
    messages = [json.loads(line)["raw"] for line in lines if '"l2_event"' in line]
    for name in ("Spot/OrderBookChange", "UsdtMarginSwap/OrderBookIncr"):
        path = next((fixtures / "jkorf" / "HTX").rglob(f"{name}.txt"))
        messages.append(path.read_text().partition("\n= ")[2])
    kinds = Counter[str]()
    for text in messages:
        message = exact(text)
        tick = message["tick"]
        reference, book = DictBook(), OrderBook(tick_size="0.01", lot_size="1")
        if "event" not in tick:
            kinds["mbp"] += 1
            start = {"data": {"seqNum": int(tick["prevSeqNum"]), "bids": [[1, 2]], "asks": []}}
            book.apply_snapshot(json.dumps(start).encode(), HTX_MBP)
            reference.replace([("1", "2")], [])
            assert book.apply(text.encode(), HTX_MBP)
        else:
            kinds[tick["event"]] += 1
            if tick["event"] == "update":
                start = {"tick": {"event": "snapshot", "version": int(tick["version"]) - 1, "bids": None, "asks": []}}
                book.apply(json.dumps(start).encode(), HTX_SWAP)
            assert book.apply(text.encode(), HTX_SWAP)
        reference.merge(tick.get("bids") or [], tick.get("asks") or [])
        assert sides(book) == reference.sides()
    assert kinds["mbp"] >= 3
    assert kinds["snapshot"] >= 3
    assert kinds["update"] >= 3


def test_the_binance_book_equals_a_dict_after_every_hundredth_delta(fixtures: Path) -> None:
    with gzip.open(fixtures / "hftbacktest" / "spot_btcusdt_20240808.gz") as lines:
        bodies = [line.partition(b" ")[2].strip() for line in lines]
    snapshot = next(body for body in bodies if body.startswith(b'{"lastUpdateId"'))
    book, reference = OrderBook(tick_size="0.01", lot_size="0.00001"), DictBook()
    book.apply_snapshot(snapshot, BINANCE_SPOT)
    start = json.loads(snapshot)
    reference.replace(start["bids"], start["asks"])
    applied = 0
    for body in bodies:
        if b'"depthUpdate"' not in body or not book.apply(body, BINANCE_SPOT):
            continue
        event = json.loads(body)["data"]
        reference.merge(event["b"], event["a"])
        applied += 1
        if applied % 100 == 0:
            assert sides(book) == reference.sides()
    assert (applied, book.gaps, book.sequence) == (3_449, 0, event["u"])
    assert sides(book) == reference.sides()
    assert (str(book.valid_bid), str(book.valid_ask)) == ("61631.55", "62053.18")


@pytest.mark.parametrize(("verdict", "count"), [("y", 95), ("n", 188)])
def test_json_beside_the_levels_is_read_as_strictly_as_the_suite_asks(fixtures: Path, verdict: str, count: int) -> None:
    """Each text alone is no message; as an unknown member of one it is skipped if it is JSON, and an error if not."""
    texts = [p.read_bytes() for p in sorted((fixtures / "json_suite" / "test_parsing").glob(f"{verdict}_*.json"))]
    assert len(texts) >= count
    book = OrderBook(tick_size="0.01", lot_size="1")
    book.apply_snapshot(b'{"lastUpdateId":0,"bids":[["0.99","3"]],"asks":[["1.01","5"]]}', BINANCE_SPOT)
    before = sides(book)
    for number, text in enumerate(texts, 1):
        with pytest.raises(DecodeError) as error:
            book.apply(text, BINANCE_SPOT)
        assert error.value.offset is not None
        assert error.value.offset <= len(text)
        message = b'{"x":%s,"U":%d,"u":%d,"b":[],"a":[]}' % (text, number, number)
        if verdict == "y":
            assert book.apply(message, BINANCE_SPOT)
        else:
            with pytest.raises(DecodeError):
                book.apply(message, BINANCE_SPOT)
    assert (book.state, sides(book)) == (BookState.LIVE, before)
