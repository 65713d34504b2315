"""The order book against dicts of Decimals, rule by rule and byte by byte."""

from __future__ import annotations

import json
import threading
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire.book import BookLayout, BookState, LevelArray, MessageLayout, OrderBook, SequenceRule
from tidewire.errors import BookError, ChecksumMismatch, ConfigError, CrossedBook, DecodeError, SequenceGap

from ..book_layouts import (
    BINANCE_LINEAR,
    BINANCE_SPOT,
    COINBASE,
    COINBASE_ADVANCED,
    HTX_MBP,
    HTX_SWAP,
    OKX,
    DictBook,
    sides,
)

SNAPSHOT = b'{"lastUpdateId":10,"bids":[["0.99","3"],["0.98","4"]],"asks":[["1.01","5"]]}'
DELTA = b'{"stream":"x","data":{"e":"depthUpdate","E":1,"s":"X","U":11,"u":12,"b":[["0.99","0"]],"a":[["1.00","2.5"]]}}'


def live(layout: BookLayout = BINANCE_SPOT, snapshot: bytes = SNAPSHOT) -> OrderBook:
    book = OrderBook(tick_size="0.01", lot_size="0.001")
    book.apply_snapshot(snapshot, layout)
    return book


def pairs(levels: dict[int, str]) -> list[list[str]]:
    return [[f"{price / 100:.2f}", quantity] for price, quantity in levels.items()]


def test_a_book_from_snapshot_to_gap() -> None:
    book = OrderBook(tick_size="0.01", lot_size="0.001")
    assert (book.state, book.sequence, book.best_bid, book.best_ask) == (BookState.SYNCING, None, None, None)
    with pytest.raises(BookError, match="SYNCING"):
        book.apply(b'{"U":1,"u":2,"b":[],"a":[]}', BINANCE_SPOT)
    book.apply_snapshot(SNAPSHOT, BINANCE_SPOT)
    assert book.state is BookState.LIVE
    assert book.apply(b'{"U":9,"u":10,"b":[["0.50","1"]],"a":[]}', BINANCE_SPOT) is False
    assert book.apply(DELTA, BINANCE_SPOT) is True
    assert book.sequence == 12
    assert sides(book) == (
        [(Decimal("0.98"), Decimal(4))],
        [(Decimal("1.00"), Decimal("2.5")), (Decimal("1.01"), Decimal(5))],
    )
    before = sides(book)
    with pytest.raises(SequenceGap, match="expected 13, received 14") as gap:
        book.apply(b'{"U":14,"u":15,"b":[["0.50","1"]],"a":[]}', BINANCE_SPOT)
    assert (gap.value.expected, gap.value.received) == (13, 14)
    assert (book.state, sides(book)) == (BookState.STALE, before)
    with pytest.raises(BookError, match="STALE"):
        book.apply(b'{"U":13,"u":15,"b":[["0.50","1"]],"a":[]}', BINANCE_SPOT)
    book.apply_snapshot(SNAPSHOT, BINANCE_SPOT)
    assert (book.state, book.updates, book.skipped, book.gaps, book.snapshots, book.resyncs) == ("LIVE", 1, 1, 1, 2, 1)
    assert (book.valid_bid, book.valid_ask) == (Decimal("0.98"), Decimal("1.01"))
    book.reset()
    assert (book.state, sides(book), book.valid_bid) == (BookState.SYNCING, ([], []), None)


# What follows what: the messages' numbers, and what becomes of the last one.

APPLIED, CONTAINED = True, False


def spot(first: int, last: int) -> bytes:
    return json.dumps({"U": first, "u": last, "b": [], "a": []}).encode()


def linear(first: int, last: int, previous: int) -> bytes:
    return json.dumps({"U": first, "u": last, "pu": previous, "b": [], "a": []}).encode()


def okx(last: int, previous: int) -> bytes:
    data = {"bids": [], "asks": [], "checksum": 0, "seqId": last, "prevSeqId": previous}
    return json.dumps({"action": "snapshot" if previous == -1 else "update", "data": [data]}).encode()


def mbp(last: int, previous: int) -> bytes:
    return json.dumps({"tick": {"seqNum": last, "prevSeqNum": previous}}).encode()


def swap(version: int, event: str = "update") -> bytes:
    return json.dumps({"tick": {"event": event, "version": version, "bids": None, "asks": []}}).encode()


@pytest.mark.parametrize(
    ("layout", "messages", "outcome"),
    [
        # Binance spot: snapshot 10.
        (BINANCE_SPOT, [spot(11, 11)], APPLIED),
        (BINANCE_SPOT, [spot(5, 11)], APPLIED),
        (BINANCE_SPOT, [spot(5, 10)], CONTAINED),
        (BINANCE_SPOT, [spot(12, 13)], (11, 12)),
        (BINANCE_SPOT, [spot(11, 15), spot(16, 20)], APPLIED),
        (BINANCE_SPOT, [spot(11, 15), spot(11, 15)], CONTAINED),
        (BINANCE_SPOT, [spot(11, 15), spot(17, 20)], (16, 17)),
        # Binance USD-M: the first delta spans the snapshot, then each names its predecessor.
        (BINANCE_LINEAR, [linear(8, 12, 7)], APPLIED),
        (BINANCE_LINEAR, [linear(11, 12, 10)], APPLIED),
        (BINANCE_LINEAR, [linear(6, 9, 5)], CONTAINED),
        (BINANCE_LINEAR, [linear(13, 15, 12)], (10, 12)),
        (BINANCE_LINEAR, [linear(8, 12, 7), linear(15, 19, 12)], APPLIED),
        (BINANCE_LINEAR, [linear(8, 12, 7), linear(11, 19, 7)], (12, 7)),
        (BINANCE_LINEAR, [linear(8, 12, 7), linear(13, 19, 14)], (12, 14)),
        # OKX: keep-alives repeat the number, maintenance may lower it.
        (OKX, [okx(10, -1), okx(15, 10)], APPLIED),
        (OKX, [okx(10, -1), okx(10, 10)], APPLIED),
        (OKX, [okx(10, -1), okx(15, 10), okx(3, 15), okx(5, 3)], APPLIED),
        (OKX, [okx(10, -1), okx(9, 8)], CONTAINED),
        (OKX, [okx(10, -1), okx(15, 10), okx(15, 10)], CONTAINED),
        (OKX, [okx(10, -1), okx(15, 10), okx(12, 11)], (15, 11)),
        (OKX, [okx(10, -1), okx(15, 12)], (10, 12)),
        # HTX spot: snapshot 10 by request.
        (HTX_MBP, [mbp(12, 10)], APPLIED),
        (HTX_MBP, [mbp(9, 7)], CONTAINED),
        (HTX_MBP, [mbp(12, 10), mbp(12, 10)], CONTAINED),
        (HTX_MBP, [mbp(14, 12)], (10, 12)),
        # HTX swap: versions without holes.
        (HTX_SWAP, [swap(10, "snapshot"), swap(11)], APPLIED),
        (HTX_SWAP, [swap(10, "snapshot"), swap(10)], CONTAINED),
        (HTX_SWAP, [swap(10, "snapshot"), swap(12)], (11, 12)),
        (HTX_SWAP, [swap(10, "snapshot"), swap(11), swap(3, "snapshot"), swap(4)], APPLIED),
    ],
)
def test_sequence_rules(layout: BookLayout, messages: list[bytes], outcome: bool | tuple[int, int]) -> None:
    book = OrderBook(tick_size="0.01", lot_size="0.001")
    if layout is HTX_MBP:
        book.apply_snapshot(b'{"data":{"seqNum":10,"bids":[],"asks":[]}}', layout)
    elif layout in (BINANCE_SPOT, BINANCE_LINEAR):
        book.apply_snapshot(SNAPSHOT, layout)
    for message in messages[:-1]:
        assert book.apply(message, layout)
    before = book.sequence
    if isinstance(outcome, bool):
        assert book.apply(messages[-1], layout) is outcome
        assert book.state is BookState.LIVE
        assert (book.sequence != before) or not outcome or messages[-1] == okx(10, 10)
    else:
        with pytest.raises(SequenceGap) as gap:
            book.apply(messages[-1], layout)
        assert (gap.value.expected, gap.value.received) == outcome
        assert (book.state, book.sequence) == (BookState.STALE, before)


# A market that wanders, jumps and prints absurd prices.

PRICE = st.one_of(
    st.integers(100_000, 100_040),
    st.integers(95_000, 105_000),
    st.integers(1, 10**7),
    st.integers(10**13, 10**13 + 50),
)
QUANTITY = st.one_of(st.just("0"), st.sampled_from(["1", "2.5", "0.001", "12345.678", "0.0001", "0.575610404535042"]))
CHANGES = st.dictionaries(PRICE, QUANTITY, max_size=12)


@settings(max_examples=150)
@given(CHANGES, CHANGES, st.lists(st.tuples(CHANGES, CHANGES), max_size=25), st.booleans())
def test_any_session_gives_the_book_that_dicts_give(
    bids: dict[int, str], asks: dict[int, str], deltas: list[tuple[dict[int, str], dict[int, str]]], shuffled: bool
) -> None:
    book, reference = OrderBook(tick_size="0.01", lot_size="0.001"), DictBook()
    start = {"lastUpdateId": 0, "bids": pairs(bids), "asks": pairs(asks)}
    book.apply_snapshot(json.dumps(start).encode(), BINANCE_SPOT)
    reference.replace(start["bids"], start["asks"])  # type: ignore[arg-type]
    assert sides(book) == reference.sides()
    for number, (bid_changes, ask_changes) in enumerate(deltas, 1):
        b, a = pairs(bid_changes), pairs(ask_changes)
        message = {"a": a, "u": number, "b": b, "U": number} if shuffled else {"U": number, "u": number, "b": b, "a": a}
        text = json.dumps(message, separators=None if shuffled else (",", ":")).encode()
        assert book.apply(text, BINANCE_SPOT)
        reference.merge(b, a)
        own = sides(book)
        assert own == reference.sides()
        assert (book.bid_count, book.ask_count) == (len(own[0]), len(own[1]))
        assert book.crossed == bool(own[0] and own[1] and own[0][0][0] >= own[1][0][0])
        for n in (1, 3):
            shown = [[[float(p), float(q)] for p, q in side[:n]] for side in own]
            expected = [side + [[float("nan")] * 2] * (n - len(side)) for side in shown]
            assert np.array_equal(book.arrays(n), np.array(expected), equal_nan=True)


WHOLE = {
    "binance spot": (BINANCE_SPOT, SNAPSHOT, DELTA),
    "okx": (
        OKX,
        b"""{"arg":{},"action":"snapshot","data":[{"asks":[["3366.8","9","0","1"],["3368","8","0","1"]],
        "bids":[["3366.1","7","0","1"],["3366","6","0","1"]],"ts":"1","checksum":-1881014294,"prevSeqId":-1,"seqId":10}]}""",
        b"""{"arg":{},"action":"update","data":[{"asks":[["3372","8","0","1"]],
        "bids":[["3366","0","0","0"]],"ts":"2","checksum":831078360,"prevSeqId":10,"seqId":15}]}""",
    ),
    "coinbase": (
        COINBASE,
        b"""{"type":"snapshot","product_id":"BAND-GBP","asks":[["14.8024","12.77"]],"bids":[["14.75","1"]]}""",
        b"""{"type":"l2update","changes":[["sell","14.8024","0"],["buy","14.7601","660.5"]],"time":"x"}""",
    ),
    "coinbase advanced": (
        COINBASE_ADVANCED,
        b"""{"channel":"l2_data","sequence_num":0,"events":[{"type":"snapshot","product_id":"BTC-USD","updates":[
        {"side":"bid","event_time":"x","price_level":"21921.73","new_quantity":"0.06"},
        {"side":"offer","event_time":"x","price_level":"21921.8","new_quantity":"0.4"}]}]}""",
        b"""{"channel":"l2_data","sequence_num":1,"events":[{"type":"update","product_id":"BTC-USD","updates":[
        {"side":"offer","event_time":"y","price_level":"21921.8","new_quantity":"0"}]}]}""",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_message_cut_anywhere_changes_nothing(name: str) -> None:
    layout, snapshot, delta = WHOLE[name]
    book = OrderBook(tick_size="0.01", lot_size="0.001")
    start = book.apply_snapshot if layout is BINANCE_SPOT else book.apply
    start(snapshot, layout)
    before = sides(book), book.sequence, book.state
    for size in range(len(delta)):
        with pytest.raises(DecodeError) as error:
            book.apply(delta[:size], layout)
        assert error.value.offset is not None
        assert error.value.offset <= size
        assert (sides(book), book.sequence, book.state) == before
    assert book.apply(delta, layout)
    assert (sides(book), book.sequence) != before[:2]


@pytest.mark.parametrize(
    "frame",
    [
        b'{"U":11,"u":12,"b":[["0.99"]],"a":[]}',
        b'{"U":11,"u":12,"b":[["0.99",{}]],"a":[]}',
        b'{"U":11,"u":12,"b":[["0.99","1"],null],"a":[]}',
        b'{"U":11,"u":12,"b":"x","a":[]}',
        b'{"U":11,"b":[["0.99","1"]],"a":[]}',
        b'{"U":11,"u":12,"u":13,"b":[],"a":[]}',
        b'{"U":11,"u":12,"b":[],"a":[]}]',
        b'{"U":11,"u":99999999999999999999,"b":[],"a":[]}',
        b'{"code":-1121,"msg":"Invalid symbol."}',
        b"<html>502</html>",
        b"[]",
        b"null",
        b"",
    ],
)
def test_malformed_messages(frame: bytes) -> None:
    book = live()
    before = sides(book)
    with pytest.raises(DecodeError, match="book message"):
        book.apply(frame, BINANCE_SPOT)
    with pytest.raises(DecodeError):
        book.apply_snapshot(frame, BINANCE_SPOT)
    assert (book.state, book.sequence, sides(book)) == (BookState.LIVE, 10, before)


def test_prices_and_quantities_older_than_the_rules_are_kept_exactly() -> None:
    book = OrderBook(tick_size="0.05", lot_size="0.001")
    book.apply_snapshot(b'{"lastUpdateId":10,"bids":[["0.95","3"],["0.9","4"]],"asks":[["1.05","5"]]}', BINANCE_SPOT)
    assert book.apply(
        b'{"U":11,"u":11,"b":[["0.87","1"],["0.9","0"]],"a":[["1.1234","0.00005"],["1.2","1"]]}', BINANCE_SPOT
    )
    assert (book.tick_size, book.lot_size) == (Decimal("0.0001"), Decimal("0.001"))
    assert sides(book) == (
        [(Decimal("0.95"), Decimal(3)), (Decimal("0.87"), Decimal(1))],
        [(Decimal("1.05"), Decimal(5)), (Decimal("1.1234"), Decimal("0.00005")), (Decimal("1.2"), Decimal(1))],
    )
    assert (book.valid_bid, book.valid_ask) == (Decimal("0.9"), Decimal("1.05"))
    assert book.ticks(1).tolist() == [[[9500, 3000]], [[10500, 5000]]]
    with pytest.raises(BookError, match="whole number of lots"):
        book.ticks(2)
    assert book.apply(b'{"U":12,"u":12,"b":[["0.95","0"]],"a":[["1.1234","0"]]}', BINANCE_SPOT)
    assert (len(book.bids()), len(book.asks())) == (1, 2)


@pytest.mark.parametrize("price", ["1e-19", "1" * 30, "0.0000000000000000001"])
def test_a_price_that_no_grid_can_hold_changes_nothing(price: str) -> None:
    book = live()
    before = sides(book)
    with pytest.raises(DecodeError):
        book.apply(f'{{"U":11,"u":11,"b":[["{price}","1"],["0.98","7"]],"a":[]}}'.encode(), BINANCE_SPOT)
    assert (sides(book), book.state, book.sequence) == (before, BookState.LIVE, 10)


# What users read.


def test_arrays_and_ticks() -> None:
    book = live()
    bids, asks = book.arrays(2)
    assert bids.tolist() == [[0.99, 3.0], [0.98, 4.0]]
    assert asks[0].tolist() == [1.01, 5.0]
    assert np.isnan(asks[1]).all()
    assert book.arrays().shape == (2, 2, 2)
    assert book.arrays(0).shape == (2, 0, 2)
    assert book.ticks(2).tolist() == [[[99, 3000], [98, 4000]], [[101, 5000], [0, 0]]]
    assert book.top == (0.99, 3.0, 1.01, 5.0)
    assert all(np.isnan(OrderBook("1", "1").top))
    out = np.zeros((2, 2, 2))
    assert book.arrays(2, out=out) is out
    assert np.array_equal(out, book.arrays(2), equal_nan=True)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((2, 3, 2)),
        np.zeros((2, 2, 3)),
        np.zeros((1, 2, 2)),
        np.zeros((4, 2)),
        np.zeros((2, 2, 2), dtype=np.float32),
        np.zeros((2, 2, 2), dtype=np.int64),
        np.zeros((2, 2, 4))[:, :, ::2],
    ],
    ids=lambda out: f"{out.shape} {out.dtype} {out.flags.c_contiguous}",
)
def test_an_array_that_does_not_fit_is_refused(out: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="out must"):
        live().arrays(2, out=out)


def test_a_read_only_array_is_refused() -> None:
    out = np.zeros((2, 2, 2))
    out.flags.writeable = False
    with pytest.raises(ConfigError, match="out must"):
        live().arrays(2, out=out)


def test_negative_counts_are_refused() -> None:
    book = live()
    for read in (book.bids, book.asks, book.arrays, book.ticks):
        with pytest.raises(ConfigError, match="negative"):
            read(-1)


def test_require_live_and_crossed() -> None:
    book = live()
    book.require_live()
    assert book.apply(b'{"U":11,"u":11,"b":[["1.01","1"]],"a":[]}', BINANCE_SPOT)
    assert book.crossed
    with pytest.raises(CrossedBook, match=r"1\.01"):
        book.require_live()
    book.mark_stale()
    with pytest.raises(BookError, match="STALE"):
        book.require_live()


def test_updated_ns_is_the_time_that_was_given() -> None:
    book = live()
    assert book.updated_ns is None
    book.apply(DELTA, BINANCE_SPOT, 123)
    assert book.updated_ns == 123
    book.apply(DELTA, BINANCE_SPOT, 456)
    assert book.updated_ns == 123, "the second was contained already"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_messages_are_anything_with_a_buffer(kind: type) -> None:
    book = live()
    assert book.apply(kind(DELTA), BINANCE_SPOT)
    with pytest.raises(TypeError):
        book.apply(DELTA.decode(), BINANCE_SPOT)  # type: ignore[arg-type]


def test_checksums() -> None:
    layout, snapshot, delta = WHOLE["okx"]
    book = OrderBook(tick_size="0.1", lot_size="1")
    book.apply(snapshot, layout)
    assert book.checksum(layout) == -1881014294
    book.apply(delta, layout)
    assert book.checksum(layout) == 831078360
    wrong = delta.replace(b"831078360", b"831078361").replace(b"10,", b"15,").replace(b'"seqId":15', b'"seqId":16')
    with pytest.raises(ChecksumMismatch, match="831078361"):
        book.apply(wrong, layout)
    assert book.state is BookState.STALE
    with pytest.raises(BookError, match="checksum"):
        live().checksum(BINANCE_SPOT)


def test_only_the_levels_that_the_venue_maintains_are_kept() -> None:
    layout = BookLayout(delta=BINANCE_SPOT.delta, snapshot=BINANCE_SPOT.snapshot, rule=SequenceRule.RANGE, depth=2)
    book = live(layout)
    book.apply(b'{"U":11,"u":11,"b":[["1.00","1"]],"a":[["1.02","1"],["1.03","1"]]}', layout)
    assert [str(level.price) for level in book.bids()] == ["1.00", "0.99"]
    assert [str(level.price) for level in book.asks()] == ["1.01", "1.02"]


BIDS = LevelArray("b")


@pytest.mark.parametrize(
    "layout",
    [
        BookLayout(delta=MessageLayout(bids=LevelArray(""))),
        BookLayout(delta=MessageLayout(bids=LevelArray("a..b"))),
        BookLayout(delta=MessageLayout(bids=LevelArray("a["))),
        BookLayout(delta=MessageLayout(bids=BIDS, asks=BIDS)),
        BookLayout(delta=MessageLayout(bids=BIDS, last="b")),
        BookLayout(delta=MessageLayout(bids=LevelArray("a", price=0, quantity=0))),
        BookLayout(delta=MessageLayout(bids=LevelArray("a", price=0, quantity="q"))),
        BookLayout(delta=MessageLayout(bids=LevelArray("a", side=2))),
        BookLayout(delta=MessageLayout(changes=LevelArray("a"))),
        BookLayout(delta=MessageLayout(last="u")),
        BookLayout(delta=MessageLayout(bids=BIDS), rule=SequenceRule.INCREMENT),
        BookLayout(delta=MessageLayout(bids=BIDS, last="u"), rule=SequenceRule.RANGE),
        BookLayout(delta=MessageLayout(bids=BIDS, last="u"), rule=SequenceRule.CHAIN),
        BookLayout(delta=MessageLayout(bids=BIDS, last="u"), rule="rising"),  # type: ignore[arg-type]
        BookLayout(
            delta=MessageLayout(bids=BIDS, last="u"), snapshot=MessageLayout(bids=BIDS), rule=SequenceRule.INCREMENT
        ),
        BookLayout(delta=MessageLayout(bids=BIDS, checksum="c")),
        BookLayout(delta=MessageLayout(bids=BIDS), depth=0),
        BookLayout(delta=MessageLayout(bids=BIDS), checksum_depth=-1),
    ],
)
def test_layouts_that_make_no_sense(layout: BookLayout) -> None:
    with pytest.raises(ConfigError, match="book layout"):
        OrderBook("1", "1").apply(b"{}", layout)


def test_a_book_says_what_it_is() -> None:
    assert repr(live()) == "<OrderBook LIVE 0.99 / 1.01, 2 bids, 1 asks, sequence 10>"
    assert repr(OrderBook("1", "1")) == "<OrderBook SYNCING - / -, 0 bids, 0 asks, sequence None>"


def test_a_book_that_another_thread_is_writing_refuses_to_be_read() -> None:
    levels = [[f"{price / 100:.2f}", "1"] for price in range(1, 20_000)]
    large = json.dumps({"lastUpdateId": 1, "bids": levels, "asks": []}).encode()
    book = live()
    refused = threading.Event()

    def write() -> None:
        while not refused.is_set():
            book.apply_snapshot(large, BINANCE_SPOT)

    writer = threading.Thread(target=write)
    writer.start()
    while not refused.is_set():
        try:
            assert book.top[0] in (0.99, 199.99)
        except BookError:
            refused.set()
    writer.join()
    assert book.bid_count == 19_999
