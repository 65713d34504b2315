"""Books across connections and behind cut snapshots: splicing, copying, and never a level that cannot be known."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire._booksync import BookSync
from tidewire._heir import SplicingHeir
from tidewire.book import BookLayout, BookState, LevelArray, MessageLayout, OrderBook, SequenceRule
from tidewire.errors import DecodeError

DELTA = MessageLayout(bids=LevelArray("b"), asks=LevelArray("a"), first="U", last="u", time="E")
RANGE = BookLayout(
    delta=DELTA,
    snapshot=MessageLayout(bids=LevelArray("bids"), asks=LevelArray("asks"), last="id"),
    rule=SequenceRule.RANGE,
)
CHAIN = msgspec.structs.replace(RANGE, delta=msgspec.structs.replace(DELTA, previous="pu"), rule=SequenceRule.CHAIN)
NONE = BookLayout(delta=MessageLayout(bids=LevelArray("b"), asks=LevelArray("a"), kind="type"))


def book() -> OrderBook:
    return OrderBook(tick_size="1", lot_size="1")


def snapshot(sequence: int, bids: dict[int, int], asks: dict[int, int]) -> bytes:
    sides = {"bids": [[str(p), str(q)] for p, q in bids.items()], "asks": [[str(p), str(q)] for p, q in asks.items()]}
    return json.dumps({"id": sequence, **sides}).encode()


def delta(first: int, last: int, bids: dict[int, int], **more: Any) -> bytes:
    levels = [[str(p), str(q)] for p, q in bids.items()]
    return json.dumps({"U": first, "u": last, "pu": first - 1, "b": levels, "a": [], **more}).encode()


def bids_of(held: OrderBook) -> dict[int, int]:
    return {int(level.price): int(level.quantity) for level in held.bids()}


# Splicing.


@pytest.mark.parametrize("layout", [RANGE, CHAIN])
def test_a_message_of_another_connection_is_applied_contained_or_too_early(layout: BookLayout) -> None:
    held = book()
    held.apply_snapshot(snapshot(10, {5: 1}, {7: 1}), layout)
    assert held.splice(delta(13, 14, {5: 9}), layout) is None
    assert (held.state, held.sequence, held.gaps) == (BookState.LIVE, 10, 0), "too early: nothing has changed"
    assert held.splice(delta(8, 9, {5: 8}), layout) is False
    assert held.splice(delta(9, 12, {5: 2}), layout) is True
    assert (held.sequence, bids_of(held)) == (12, {5: 2})
    assert held.apply(delta(13, 14, {5: 9}), layout) is True
    held.mark_stale()
    assert held.splice(delta(15, 16, {5: 1}), layout) is None
    with pytest.raises(DecodeError):
        held.splice(b"{", layout)


def test_after_a_contained_message_one_that_spans_the_books_end_follows() -> None:
    held = book()
    held.apply_snapshot(snapshot(10, {5: 1}, {7: 1}), CHAIN)
    held.apply(delta(11, 12, {5: 2}), CHAIN)
    assert held.splice(delta(8, 11, {5: 3}), CHAIN) is False
    assert held.apply(delta(12, 15, {5: 4}), CHAIN) is True


def test_an_in_band_snapshot_is_contained_once_the_book_has_reached_it() -> None:
    layout = BookLayout(
        delta=MessageLayout(
            bids=LevelArray("b"), asks=LevelArray("a"), kind="action", last="seqId", previous="prevSeqId"
        ),
        rule=SequenceRule.CHAIN,
        resets=True,
    )

    def message(kind: str, previous: int, last: int) -> bytes:
        return json.dumps(
            {"action": kind, "b": [["5", str(last)]], "a": [], "seqId": last, "prevSeqId": previous}
        ).encode()

    held = book()
    held.apply(message("snapshot", -1, 10), layout)
    assert held.splice(message("snapshot", -1, 12), layout) is None
    held.apply(message("update", 10, 11), layout)
    held.apply(message("update", 11, 12), layout)
    assert held.splice(message("snapshot", -1, 11), layout) is False
    assert held.apply(message("update", 11, 12), layout) is False
    assert held.apply(message("update", 12, 13), layout) is True
    assert bids_of(held) == {5: 13}


def test_where_nothing_is_numbered_nothing_can_be_spliced() -> None:
    held = book()
    held.apply(b'{"type":"snapshot","b":[["5","1"]],"a":[]}', NONE)
    assert held.splice(b'{"type":"update","b":[["5","2"]],"a":[]}', NONE) is None


@st.composite
def cuts(draw: st.DrawFn, count: int) -> list[tuple[int, int]]:
    """A stream of changes numbered 1 to count, cut into messages anywhere."""
    ends = [*sorted(draw(st.sets(st.integers(1, count), min_size=1))), count]
    begins = [1, *(end + 1 for end in ends)]
    return [(begin, end) for begin, end in zip(begins, ends, strict=False) if begin <= end]


@given(st.data(), st.sampled_from([RANGE, CHAIN]), st.integers(5, 40))
def test_two_connections_that_cut_alike_or_not_hand_a_book_over_without_a_gap(
    data: st.DataObject, layout: BookLayout, count: int
) -> None:
    """Any interleaving of two connections, the new one beginning anywhere, each cutting and lagging as it likes."""
    quantities = [data.draw(st.integers(0, 9)) for _ in range(count + 1)]

    def frame(begin: int, end: int) -> bytes:
        return delta(begin, end, {number % 5: quantities[number] for number in range(begin, end + 1)})

    held, asked, handed = book(), [], []
    sync = BookSync(held, layout, lambda: asked.append(1))
    sync.connected()
    sync.on_snapshot(snapshot(0, {}, {7: 1}), sync.ticket)
    heir = SplicingHeir(None, sync, lambda *, merging=False: handed.append(1), lambda: None)  # type: ignore[arg-type]
    old, new = data.draw(cuts(count)), data.draw(cuts(count))
    new = new[data.draw(st.integers(0, len(new) - 1)) :]
    while old or new:
        if old and (not new or data.draw(st.booleans())):
            first = old.pop(0)
            if not handed:
                assert sync.on_frame(frame(*first)) or sync.is_live
            heir.on_tick(0.0)
        else:
            (sync.on_frame if handed else heir.on_data)(frame(*new.pop(0)))
        assert sync.is_live
    assert handed
    assert (held.sequence, held.gaps, len(asked)) == (count, 0, 1)
    wanted = {number % 5: quantities[number] for number in range(1, count + 1)}
    assert bids_of(held) == {price: quantity for price, quantity in wanted.items() if quantity}


# Copying.


def test_a_copy_is_equal_and_goes_its_own_way() -> None:
    first, second = book(), book()
    first.apply_snapshot(snapshot(10, {5: 1, 3: 2}, {7: 1}), RANGE)
    first.apply(delta(11, 11, {5: 4}, b=[["5.5", "0.25"]], E=1700000000123), RANGE, 99)
    second.copy_from(first)
    assert (second.bids(), second.asks(), second.sequence) == (first.bids(), first.asks(), 11)
    assert (second.state, second.updated_ns, second.time_ns) == (BookState.LIVE, 99, 1700000000123_000_000)
    assert (second.updates, second.snapshots) == (0, 0)
    second.apply(delta(12, 12, {3: 0}), RANGE)
    assert first.sequence == 11
    assert second.bids()[0].quantity == Decimal("0.25")
    assert len(first.bids()) == 3


# Snapshots that were cut.


def test_beyond_a_cut_snapshot_nothing_is_shown_that_cannot_be_known() -> None:
    held = book()
    held.apply_snapshot(snapshot(10, {5: 1, 4: 1}, {7: 1, 8: 1}), RANGE, limit=2)
    assert (held.valid_bid, held.valid_ask, held.bids_cut, held.asks_cut) == (4, 8, True, True)
    held.apply(delta(11, 11, {3: 9, 4: 2, 6: 1}, a=[["9", "5"]]), RANGE)
    assert bids_of(held) == {6: 1, 5: 1, 4: 2}, "3 may not be the next best bid after 4"
    assert [int(level.price) for level in held.asks()] == [7, 8]
    held.apply(delta(12, 12, {4: 0}), RANGE)
    assert held.valid_bid == 4, "that there is no bid at 4 any more is known"


def test_a_side_that_was_not_cut_is_known_to_its_end() -> None:
    held = book()
    held.apply_snapshot(snapshot(10, {5: 1}, {7: 1, 8: 1}), RANGE, limit=2)
    assert (held.valid_bid, held.valid_ask) == (None, 8)
    held.apply(delta(11, 11, {3: 9}), RANGE)
    assert bids_of(held) == {5: 1, 3: 9}


@given(st.data())
def test_what_a_cut_book_shows_is_what_the_venue_has(data: st.DataObject) -> None:
    limit = data.draw(st.integers(1, 6))
    venue = dict.fromkeys(data.draw(st.sets(st.integers(1, 30), min_size=1)), 1)
    held = book()
    best = dict(sorted(venue.items(), reverse=True)[:limit])
    held.apply_snapshot(snapshot(0, best, {100: 1}), RANGE, limit=limit)
    bound = min(best) if len(best) == limit else 0
    for number in range(1, 30):
        price, quantity = data.draw(st.integers(1, 40)), data.draw(st.integers(0, 3))
        held.apply(delta(number, number, {price: quantity}), RANGE)
        venue[price] = quantity
        assert bids_of(held) == {p: q for p, q in venue.items() if q and p >= bound}


# Times.


@pytest.mark.parametrize(
    ("unit", "text", "wanted"),
    [
        ("ms", 1700000000123, 1700000000123_000_000),
        ("us", 1700000000123456, 1700000000123456_000),
        ("ns", "1700000000123456789", 1700000000123456789),
        ("iso", "2023-11-14T22:13:20.123456Z", 1700000000123456_000),
        ("ms", 10**17, None),
        ("ms", -5, None),
    ],
)
def test_the_venues_time_is_kept_whatever_its_spelling(unit: str, text: object, wanted: int | None) -> None:
    layout = msgspec.structs.replace(RANGE, time_unit=unit)
    held = book()
    held.apply_snapshot(snapshot(10, {5: 1}, {7: 1}), layout)
    assert held.time_ns is None
    for number in (11, 12, 13):  # scanned, then read by its shape
        held.apply(delta(number, number, {5: number}, E=text), layout)
        assert held.time_ns == wanted
    held.reset()
    assert held.time_ns is None
