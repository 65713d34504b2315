"""One ladder out of several books: always the naive merge of those that are live."""

from __future__ import annotations

import gzip
import json
import os
import random
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidewire as tw
from tidewire.book import BookLayout, LevelArray, MessageLayout
from tidewire.universal import ConsolidatedBook, Fees, VenueBook

from ..book_layouts import BINANCE_SPOT, COINBASE, HTX_DEPTH, OKX_2022, exact
from ..recorded.test_book_recordings import received
from .naive_merge import SYMBOL, Source, check

RECORDED = int(os.environ.get("TIDEWIRE_CONSOLIDATED_EVENTS", "1200"))
PLAIN = BookLayout(delta=MessageLayout(bids=LevelArray("b"), asks=LevelArray("a")))
VENUES = ("binance", "okx", "htx", "coinbase")
NOBODY_CHARGES = Fees({venue: {"spot": ("0", "0")} for venue in VENUES})


def fees(rates: dict[str, str]) -> Fees:
    return Fees({venue: {"spot": (rate, rate)} for venue, rate in rates.items()})


def consolidated(sources: list[Source], **options: Any) -> ConsolidatedBook:
    return ConsolidatedBook(SYMBOL, [source.venue_book for source in sources], **options)


def message(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> bytes:
    return json.dumps({"b": bids, "a": asks}).encode()


def put(source: Source, bids: list[tuple[str, str]], asks: list[tuple[str, str]], *, snapshot: bool = False) -> None:
    if snapshot:
        source.levels.replace(bids, asks)
        source.book.apply_snapshot(message(bids, asks), PLAIN)
    else:
        source.levels.merge(bids, asks)
        source.book.apply(message(bids, asks), PLAIN)


# What venues do: most changes near the touch, some far away; prices off the grid; quantities that are no whole lots.
thousandths = st.one_of(st.integers(1, 400), st.integers(1, 400).map(lambda n: n * 10), st.integers(1, 40_000))
quantities = st.sampled_from(["0", "0", "1", "0.5", "0.0001", "3.25", "0.00003", "12"])
levels = st.lists(st.tuples(thousandths, quantities), max_size=6, unique_by=lambda level: level[0])
events = st.tuples(
    st.integers(0, 3), st.sampled_from(["delta"] * 8 + ["snapshot", "stale", "reset", "copy"]), levels, levels
)
rates = st.sampled_from(["0", "0.001", "0.00025", "-0.00005", "0.00000001", "0.02"])


def prices(middle: int, side: list[tuple[int, str]], sign: int) -> list[tuple[str, str]]:
    return [(str(Decimal(middle + sign * distance) / 1000), quantity) for distance, quantity in side]


@settings(max_examples=120)
@given(st.lists(events, min_size=1, max_size=40), st.lists(rates, min_size=4, max_size=4), st.booleans())
def test_equals_the_naive_merge_after_every_event(
    history: list[tuple[int, str, list[tuple[int, str]], list[tuple[int, str]]]], charged: list[str], priced: bool
) -> None:
    sources = [
        Source("binance", tick="0.01"),
        Source("okx", tick="0.1", lot="0.01", contract="0.01"),
        Source("htx", tick="0.00025", lot="0.5"),
        Source("coinbase", tick="5", lot="0.001", contract="1000"),
    ]
    if priced:
        for source, rate in zip(sources, charged, strict=True):
            source.rate = Decimal(rate)
    table = fees(dict(zip(VENUES, charged, strict=True))) if priced else None
    book = consolidated(sources, fees=table)
    for number, kind, bids, asks in history:
        source = sources[number]
        middle = 100_000 + 60 * number  # of neighbours the spreads overlap
        below, above = prices(middle, bids, -1), prices(middle, asks, 1)
        if kind == "snapshot" or (kind == "delta" and source.book.state is not tw.BookState.LIVE):
            put(source, below, above, snapshot=True)
        elif kind == "delta":
            put(source, below, above)
        elif kind == "stale":
            source.book.mark_stale("gap")
        elif kind == "reset":
            source.book.reset()
            source.levels.replace([], [])
        else:  # as a book that another line has kept takes the place of this one
            other = Source(source.venue, source.tick, source.lot, source.contract)
            put(other, below, above, snapshot=True)
            source.book.copy_from(other.book)
            source.levels.replace(below, above)
        check(book, sources)


def binance(fixtures: Path) -> Iterator[tuple[bytes, Any, Any, bool]]:
    with gzip.open(fixtures / "hftbacktest" / "spot_btcusdt_20240808.gz") as lines:
        bodies = [line.partition(b" ")[2].strip() for line in lines]
    snapshot = next(body for body in bodies if body.startswith(b'{"lastUpdateId"'))
    start = json.loads(snapshot)
    yield snapshot, start["bids"], start["asks"], True
    for body in bodies:
        if b'"depthUpdate"' in body and (event := json.loads(body)["data"])["u"] > start["lastUpdateId"]:
            yield body, event["b"], event["a"], False


def okx(fixtures: Path) -> Iterator[tuple[bytes, Any, Any, bool]]:
    for frame in received(fixtures / "cryptofeed" / "OKX.jsonl.gz"):
        event = json.loads(frame)
        if "action" in event and event["arg"]["instId"] == "BTC-USDT":
            (data,) = event["data"]
            yield frame, data["bids"], data["asks"], event["action"] == "snapshot"


def htx(fixtures: Path) -> Iterator[tuple[bytes, Any, Any, bool]]:
    for frame in received(fixtures / "cryptofeed" / "HUOBI.jsonl.gz"):
        event = exact(frame)
        if ".depth." in event.get("ch", ""):  # of whatever market: each is a whole book
            yield frame, event["tick"]["bids"], event["tick"]["asks"], True


def coinbase(fixtures: Path) -> Iterator[tuple[bytes, Any, Any, bool]]:
    for frame in received(fixtures / "cryptofeed" / "COINBASE_EXCHANGE_2021.jsonl.gz"):
        event = json.loads(frame)
        if event.get("product_id") != "BTC-USD" or event["type"] not in ("snapshot", "l2update"):
            continue
        if event["type"] == "snapshot":
            yield frame, event["bids"], event["asks"], True
        else:
            changes = event["changes"]
            buys, sells = ([c[1:] for c in changes if c[0] == word] for word in ("buy", "sell"))
            yield frame, buys, sells, False


STREAMS = {"binance": (binance, BINANCE_SPOT), "okx": (okx, OKX_2022), "htx": (htx, HTX_DEPTH)}


def test_equals_the_naive_merge_of_recorded_streams(fixtures: Path) -> None:
    """Recorded years apart, they cross wildly: all the better. Some are lost and found on the way."""
    streams = STREAMS | {"coinbase": (coinbase, COINBASE)}
    sources = [Source(venue, rate=Decimal("0.001")) for venue in streams]
    book = consolidated(sources, fees=fees(dict.fromkeys(streams, "0.001")))
    running = {source.venue: streams[source.venue][0](fixtures) for source in sources}
    chance, applied = random.Random(5), 0
    while applied < RECORDED and running:
        source = chance.choice([each for each in sources if each.venue in running])
        event = next(running[source.venue], None)
        if event is None:
            del running[source.venue]
            continue
        frame, bids, asks, whole = event
        layout = streams[source.venue][1]
        if whole:
            source.book.apply_snapshot(frame, layout)
            source.levels.replace(bids, asks)
        else:
            source.book.apply(frame, layout)
            source.levels.merge(bids, asks)
        applied += 1
        check(book, sources, None if applied % 100 == 0 else 25)
        if applied % 100 == 50:
            other = sources[(applied // 100) % len(sources)]
            kept = other.book.blank()
            kept.copy_from(other.book)
            other.book.mark_stale("gap")
            check(book, sources, 25)
            other.book.copy_from(kept)
            check(book, sources, 25)
    assert applied == RECORDED or not running  # or all there is: 3,840


def test_fees_decide_the_order_exactly() -> None:
    sources = [Source("binance", rate=Decimal("0.001")), Source("okx"), Source("htx", rate=Decimal("-0.00000001"))]
    for source, bid in zip(sources, ("100.1", "99.9999", "99.999899"), strict=True):
        put(source, [(bid, "1")], [("200", "1")], snapshot=True)
    plain = consolidated(sources)
    assert [level.venue for level in plain.bids()] == ["binance", "okx", "htx"]
    book = consolidated(sources, fees=fees({"binance": "0.001", "okx": "0", "htx": "-0.00000001"}))
    # 100.1 · 0.999 = 99.9999 exactly: a tie, which the venue named first wins; the rebate is just too little.
    first, second, third = book.bids()
    assert (first.venue, first.price, first.quoted) == ("binance", Decimal("99.99990"), Decimal("100.1"))
    assert (second.venue, second.price) == ("okx", Decimal("99.9999"))
    assert (third.venue, third.price) == ("htx", Decimal("99.99989999999899"))
    assert [level.venue for level in book.asks()] == ["htx", "okx", "binance"]
    put(sources[2], [("99.9999", "1"), ("99.999899", "0")], [])
    assert [level.venue for level in book.bids()] == ["htx", "binance", "okx"]


@pytest.mark.parametrize("coarse", [4, 4_611_686_018_427_387_903])
def test_the_finest_and_the_coarsest_steps_compare_exactly(coarse: int) -> None:
    fine, whole = Source("binance", tick="0.000000000000000001"), Source("okx", tick="1")
    for just in (-1, 0, 1):
        units = 4 * 10**18 + just
        put(fine, [(f"{units // 10**18}.{units % 10**18:018d}", "1")], [], snapshot=True)
        put(whole, [(str(coarse), "1")], [], snapshot=True)
        best = "okx" if coarse > 4 or just < 0 else "binance"
        assert consolidated([fine, whole], fees=NOBODY_CHARGES).bids()[0].venue == best
        check(consolidated([fine, whole]), [fine, whole])


def test_a_crossed_market_is_shown_as_such() -> None:
    sources = [Source("binance"), Source("okx")]
    put(sources[0], [("101", "1")], [("102", "1")], snapshot=True)
    put(sources[1], [("99", "1")], [("100", "1")], snapshot=True)
    book = consolidated(sources)
    assert book.crossed
    assert book.top == (101.0, 1.0, 100.0, 1.0)
    assert "101.00 binance / 100.00 okx" in repr(book)
    assert not consolidated(sources, fees=fees(dict.fromkeys(VENUES, "0.01"))).crossed  # they eat it up
    sources[0].book.mark_stale("gap")
    assert not book.crossed
    assert book.excluded == {"binance": "stale: gap"}
    assert "without binance" in repr(book)


def test_what_is_too_old_is_left_out_while_it_is() -> None:
    sources = [Source("binance"), Source("okx")]
    old, new = time.time_ns() - 5 * 10**9, time.time_ns()
    for source, received_ns in zip(sources, (old, new), strict=True):
        source.levels.replace([("1", "1")], [])
        source.book.apply_snapshot(message([("1", "1")], []), PLAIN, received_ns)
    book = consolidated(sources, max_age=3600)
    assert book.included == ("binance", "okx")
    assert 5 <= book.age < 3600
    expires = book.expires_in
    assert expires is not None
    assert expires < 3600 - 5 + 1
    book = consolidated(sources, max_age=4)
    assert book.excluded == {"binance": "older than 4 s"}
    sources[0].book.apply(message([("2", "1")], []), PLAIN, time.time_ns() + 3600 * 10**9)
    assert book.included[0] == "binance"
    assert book.best_bid is not None
    assert book.best_bid.price == 2


def test_venues_without_a_book_are_named_until_they_have_one() -> None:
    source = Source("okx")
    put(source, [("1", "2")], [], snapshot=True)
    book = ConsolidatedBook("BTC-USDT", absent={"binance": "not connected yet", "okx": "syncing"})
    assert (book.venues, book.included, book.bids()) == (("binance", "okx"), (), ())
    assert book.age == float("inf")
    assert repr(book) == "<ConsolidatedBook BTC-USDT - / -, without binance, okx>"
    book.take([source.venue_book], {"binance": "UnknownSymbol: no BTC-USDT"})
    assert book.excluded == {"binance": "UnknownSymbol: no BTC-USDT"}
    assert [(level.venue, level.quantity) for level in book.bids()] == [("okx", 2)]
    book.take([], {"binance": "gone", "okx": "gone"})
    assert book.bids() == ()


def test_arrays_fill_what_they_are_given() -> None:
    sources = [Source("binance"), Source("okx")]
    put(sources[0], [("9", "1"), ("7", "1")], [("10", "4")], snapshot=True)
    put(sources[1], [("8", "2")], [("11", "3")], snapshot=True)
    book = consolidated(sources)
    out = np.empty((2, 4, 3))
    assert book.arrays(out=out) is out
    nan = [np.nan] * 3
    expected = [[[9, 1, 0], [8, 2, 1], [7, 1, 0], nan], [[10, 4, 0], [11, 3, 1], nan, nan]]
    assert np.array_equal(out, expected, equal_nan=True)
    assert book.arrays().shape == (2, 3, 3)
    assert book.arrays(2).shape == (2, 2, 3)
    for wrong in (np.empty((2, 4, 2)), np.empty((2, 4, 3), dtype=np.int64), np.empty((2, 4, 6))[:, :, ::2]):
        with pytest.raises(tw.ConfigError):
            book.arrays(out=wrong)
    with pytest.raises(tw.ConfigError):
        book.bids(-1)


def test_mistakes_are_named() -> None:
    source = Source("okx")
    with pytest.raises(tw.ConfigError, match="one book a venue"):
        ConsolidatedBook(SYMBOL, [source.venue_book, source.venue_book])
    with pytest.raises(tw.ConfigError, match="cannot be compared"):
        ConsolidatedBook("BTC-USDT-PERP", [source.venue_book])
    with pytest.raises(tw.ConfigError, match="finer than"):
        consolidated([source], fees=fees({"okx": "0.000000001"}))
    with pytest.raises(tw.ConfigError, match="none of the venues"):
        ConsolidatedBook(SYMBOL).take([source.venue_book], {})
    stranger = VenueBook("elsewhere", source.venue_book.instrument, source.book)
    with pytest.raises(tw.ConfigError, match="elsewhere"):
        ConsolidatedBook(SYMBOL, [stranger], fees=Fees())
    with pytest.raises(tw.ConfigError, match="no such fee"):
        consolidated([source]).place(0, source.book, 10**8)
