"""The snapshot-and-delta rule of Binance, and what the engine does whenever it is broken."""

from __future__ import annotations

import json
import random
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire._booksync import BookSync
from tidewire.book import BookLayout, BookState, OrderBook
from tidewire.errors import DecodeError
from tidewire.venues.binance.stream import BOOK
from tidewire.venues.htx.spec import BOOK as HTX
from tidewire.venues.okx.spec import BOOK as OKX

Levels = list[list[str]]
Side = dict[Decimal, Decimal]


def delta(first: int, last: int, bids: Levels | None = None, asks: Levels | None = None, previous: int = 0) -> bytes:
    event = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last, "pu": previous}
    return json.dumps(event | {"b": bids or [], "a": asks or []}).encode()


def snapshot(last: int, bids: Levels | None = None, asks: Levels | None = None) -> bytes:
    return json.dumps({"lastUpdateId": last, "bids": bids or [["10", "1"]], "asks": asks or [["20", "1"]]}).encode()


@dataclass
class Followed:
    """A book that is driven, and the questions it asked."""

    layout: BookLayout = BOOK["spot"]
    buffer_bytes: int = 1 << 20
    asked: int = 0
    book: OrderBook = field(default_factory=lambda: OrderBook(tick_size="0.01", lot_size="0.01"))

    def __post_init__(self) -> None:
        self.sync = BookSync(self.book, self.layout, self._ask, buffer_bytes=self.buffer_bytes)

    def _ask(self) -> None:
        self.asked += 1

    def snap(self, body: bytes) -> bool:
        return self.sync.on_snapshot(body, self.sync.ticket)

    @property
    def state(self) -> BookState:
        return self.book.state


def live(last: int = 100, layout: BookLayout = BOOK["spot"]) -> Followed:
    followed = Followed(layout)
    followed.sync.connected()
    assert followed.snap(snapshot(last))
    return followed


def test_it_asks_once_connected_and_is_live_with_the_snapshot() -> None:
    followed = Followed()
    assert (followed.state, followed.asked) == (BookState.SYNCING, 0)
    followed.sync.connected()
    assert (followed.state, followed.asked) == (BookState.SYNCING, 1)
    assert followed.sync.reason == "waiting for a snapshot"
    assert followed.snap(snapshot(100))
    assert (followed.state, followed.sync.reason, followed.book.sequence) == (BookState.LIVE, "", 100)


@pytest.mark.parametrize(
    ("first", "last", "applied"),
    [
        pytest.param(90, 99, False, id="wholly older"),
        pytest.param(90, 100, False, id="ends at the snapshot"),
        pytest.param(90, 101, True, id="spans it"),
        pytest.param(100, 105, True, id="begins at it"),
        pytest.param(101, 105, True, id="exactly adjacent"),
        pytest.param(101, 101, True, id="exactly adjacent, one change"),
    ],
)
@pytest.mark.parametrize("held", [True, False], ids=["held", "direct"])
def test_the_first_delta_that_may_follow_a_snapshot_at_100(first: int, last: int, applied: bool, held: bool) -> None:
    followed = Followed()
    followed.sync.connected()
    frame = delta(first, last, [["11", "2"]])
    if held:
        assert not followed.sync.on_frame(frame)
    assert followed.snap(snapshot(100))
    if not held:
        assert followed.sync.on_frame(frame) is applied
    assert followed.state is BookState.LIVE
    assert followed.book.sequence == (last if applied else 100)
    best = followed.book.best_bid
    assert best is not None
    assert best.price == (11 if applied else 10)
    assert (followed.sync.stats.updates, followed.sync.stats.skipped) == ((1, 0) if applied else (0, 1))


def test_a_snapshot_older_than_the_first_delta_is_asked_for_again_and_the_deltas_are_kept() -> None:
    followed = Followed()
    followed.sync.connected()
    for frame in (delta(105, 106), delta(107, 109)):
        followed.sync.on_frame(frame)
    assert not followed.snap(snapshot(103))
    assert followed.state is not BookState.LIVE
    assert (followed.asked, followed.sync.stats.outdated) == (2, 1)
    followed.sync.on_frame(delta(110, 110))
    assert followed.snap(snapshot(106))
    assert (followed.book.sequence, followed.state) == (110, BookState.LIVE)
    assert followed.sync.stats.buffered == 3


def test_a_hole_among_the_held_deltas_needs_a_newer_snapshot() -> None:
    followed = Followed()
    followed.sync.connected()
    for frame in (delta(101, 102), delta(103, 104), delta(107, 108)):
        followed.sync.on_frame(frame)
    assert not followed.snap(snapshot(100))
    assert followed.state is not BookState.LIVE
    assert followed.snap(snapshot(106))
    assert (followed.book.sequence, followed.state) == (108, BookState.LIVE)


def test_a_gap_makes_the_book_stale_and_the_delta_after_it_still_counts() -> None:
    followed = live(100)
    assert followed.sync.on_frame(delta(101, 105))
    assert followed.sync.on_frame(delta(107, 108, [["12", "1"]]))
    assert (followed.state, followed.asked, followed.sync.stats.gaps) == (BookState.STALE, 2, 1)
    assert "gap" in followed.sync.reason
    assert followed.book.sequence == 105, "the delta after the gap must not be in the book"
    assert followed.snap(snapshot(106))
    assert (followed.state, followed.book.sequence) == (BookState.LIVE, 108)
    assert followed.sync.stats.resyncs == 1


def test_a_repeated_delta_changes_nothing() -> None:
    followed = live(100)
    frame = delta(101, 105, [["11", "2"]])
    assert followed.sync.on_frame(frame)
    assert not followed.sync.on_frame(frame)
    assert (followed.state, followed.sync.stats.skipped) == (BookState.LIVE, 1)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b'{"e":"depthUpdate","U":101,"u":1', id="truncated"),
        pytest.param(delta(101, 105, [["eleven", "2"]]), id="not a number"),
        pytest.param(delta(101, 105, [["1e-19", "2"]]), id="off every grid"),
        pytest.param(b'{"e":"depthUpdate"}', id="no sequence"),
        pytest.param(b"<html>502 Bad Gateway</html>", id="HTML"),
        pytest.param(b"", id="empty"),
        pytest.param(delta(101, 105, [["21", "2"]]), id="crosses the book"),
    ],
)
@pytest.mark.parametrize("held", [True, False], ids=["held", "direct"])
def test_a_delta_that_cannot_be_used_costs_a_resync(frame: bytes, held: bool) -> None:
    followed = Followed()
    followed.sync.connected()
    if held:
        followed.sync.on_frame(frame)
        assert not followed.snap(snapshot(100))
    else:
        assert followed.snap(snapshot(100))
        assert followed.sync.on_frame(frame)
    assert followed.state is BookState.STALE
    assert followed.asked == 2
    assert followed.sync.reason
    followed.sync.on_frame(delta(106, 107))
    assert followed.snap(snapshot(105))
    assert (followed.state, followed.book.sequence) == (BookState.LIVE, 107)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"code":-1003,"msg":"Too many requests"}', snapshot(100)[:-5]])
def test_a_snapshot_that_cannot_be_read_is_the_callers_to_handle(body: bytes) -> None:
    followed = Followed()
    followed.sync.connected()
    with pytest.raises(DecodeError):
        followed.snap(body)
    assert followed.state is BookState.SYNCING
    assert followed.snap(snapshot(100))


def test_a_crossed_snapshot_is_not_believed() -> None:
    followed = Followed()
    followed.sync.connected()
    assert not followed.snap(snapshot(100, [["21", "1"]], [["20", "1"]]))
    assert followed.state is BookState.STALE
    assert followed.asked == 2


def test_a_snapshot_from_before_what_the_book_has_shown_is_asked_for_again() -> None:
    """A cache may lag; nothing that is held would show it when the frame that broke the book could not be read."""
    followed = live(100)
    followed.sync.on_frame(delta(101, 105))
    followed.sync.on_frame(b"{")
    assert (followed.state, followed.asked) == (BookState.STALE, 2)
    assert not followed.snap(snapshot(103))
    assert (followed.state, followed.asked, followed.sync.stats.outdated) == (BookState.STALE, 3, 1)
    assert "older" in followed.sync.reason
    assert followed.snap(snapshot(105))
    followed.sync.interrupted("connection lost")
    followed.sync.connected()
    assert followed.snap(snapshot(7)), "on another subscription the venue may have begun to count anew"


def test_an_interruption_voids_what_is_held_and_the_snapshot_on_its_way() -> None:
    followed = live(100)
    ticket = followed.sync.ticket
    followed.sync.interrupted("connection lost")
    assert (followed.state, followed.sync.reason, followed.asked) == (BookState.STALE, "connection lost", 1)
    followed.sync.connected()
    assert followed.asked == 2
    followed.sync.on_frame(delta(201, 205))
    assert not followed.sync.on_snapshot(snapshot(200), ticket), "asked for before the interruption"
    assert followed.state is BookState.STALE
    assert followed.snap(snapshot(200))
    assert (followed.state, followed.book.sequence) == (BookState.LIVE, 205)


def test_deltas_held_before_an_interruption_are_not_replayed_after_it() -> None:
    followed = Followed()
    followed.sync.connected()
    followed.sync.on_frame(delta(101, 102))
    followed.sync.interrupted("connection lost")
    followed.sync.connected()
    assert followed.snap(snapshot(100))
    assert followed.book.sequence == 100


def test_a_snapshot_that_nobody_wants_any_more_is_ignored() -> None:
    followed = live(100)
    followed.sync.on_frame(delta(101, 105))
    assert not followed.snap(snapshot(99))
    assert (followed.state, followed.book.sequence) == (BookState.LIVE, 105)


def test_the_buffer_is_bounded_and_what_fell_out_is_not_forgotten() -> None:
    frame = delta(101, 101)
    followed = Followed(buffer_bytes=3 * len(frame))
    followed.sync.connected()
    for number in range(101, 111):
        followed.sync.on_frame(delta(number, number))
    assert (followed.sync.stats.buffered, followed.sync.stats.discarded) == (10, 7)
    assert not followed.snap(snapshot(100)), "102 to 107 are gone"
    assert followed.snap(snapshot(107))
    assert (followed.state, followed.book.sequence) == (BookState.LIVE, 110)


def test_a_frame_is_copied_when_it_is_held() -> None:
    """The socket's buffer is used again as soon as ``on_frame`` returns."""
    followed = Followed()
    followed.sync.connected()
    buffer = bytearray(delta(101, 102, [["11", "2"]]))
    followed.sync.on_frame(memoryview(buffer))
    buffer[:] = b"x" * len(buffer)
    assert followed.snap(snapshot(100))
    assert followed.book.sequence == 102


@pytest.mark.parametrize(
    ("first", "last", "previous", "state"),
    [
        pytest.param(90, 99, 89, BookState.LIVE, id="older: dropped"),
        pytest.param(95, 105, 94, BookState.LIVE, id="spans the snapshot"),
        pytest.param(100, 100, 90, BookState.LIVE, id="is the snapshot"),
        pytest.param(103, 109, 100, BookState.LIVE, id="names the snapshot as its predecessor"),
        pytest.param(103, 109, 102, BookState.STALE, id="does neither"),
    ],
)
def test_futures_first_delta(first: int, last: int, previous: int, state: BookState) -> None:
    followed = live(100, BOOK["linear"])
    followed.sync.on_frame(delta(first, last, previous=previous))
    assert followed.state is state


def test_futures_deltas_name_their_predecessor_and_may_skip_numbers() -> None:
    followed = live(100, BOOK["linear"])
    followed.sync.on_frame(delta(95, 105, previous=94))
    followed.sync.on_frame(delta(150, 160, previous=105))
    assert (followed.state, followed.book.sequence) == (BookState.LIVE, 160)
    followed.sync.on_frame(delta(161, 170, previous=159))
    assert followed.state is BookState.STALE


# Any plan of faults.


@dataclass
class Market:
    """The truth: a book by sequence number, and the deltas between."""

    seed: int
    length: int
    kind: str

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        bids: Side = {Decimal(10 - i): Decimal(1) for i in range(5)}
        asks: Side = {Decimal(20 + i): Decimal(1) for i in range(5)}
        number = 100
        self.frames: list[bytes] = []
        self.at: dict[int, tuple[Side, Side]] = {number: (dict(bids), dict(asks))}
        self.ends = [number]
        for _ in range(self.length):
            first = number + 1 + (rng.randrange(3) if self.kind == "linear" else 0)
            last = first + rng.randrange(3)
            changes: tuple[Levels, Levels] = ([], [])
            for side, levels, low in ((0, bids, 5), (1, asks, 16)):
                for price in rng.sample(range(low, low + 10), rng.randrange(4)):
                    quantity = rng.choice([0, 1, 2, 3])
                    changes[side].append([str(price), str(quantity)])
                    if quantity:
                        levels[Decimal(price)] = Decimal(quantity)
                    else:
                        levels.pop(Decimal(price), None)
            self.frames.append(delta(first, last, *changes, previous=number))
            number = last
            self.at[number] = (dict(bids), dict(asks))
            self.ends.append(number)

    def snapshot(self, index: int) -> bytes:
        """What REST answers when ``index`` deltas have happened."""
        number = self.ends[index]
        bids, asks = ([[str(p), str(q)] for p, q in side.items()] for side in self.at[number])
        return json.dumps({"lastUpdateId": number, "bids": bids, "asks": asks}).encode()


def contents(book: OrderBook) -> tuple[Side, Side]:
    return {x.price: x.quantity for x in book.bids()}, {x.price: x.quantity for x in book.asks()}


faults = st.lists(st.sampled_from(["pass"] * 6 + ["drop", "twice", "swap", "corrupt", "cut"]), min_size=1, max_size=60)


@pytest.mark.parametrize("kind", ["spot", "linear"])
@settings(max_examples=300)
@given(plan=faults, seed=st.integers(0, 2**32), delay=st.integers(0, 6), lag=st.integers(0, 4))
def test_whatever_is_lost_the_book_is_right_or_not_live_and_heals(
    kind: str, plan: list[str], seed: int, delay: int, lag: int
) -> None:
    """Snapshots arrive ``delay`` deltas after they are asked for, and are ``lag`` deltas old.

    Healed within ``(faults + 2) * (delay + lag + 1) + 10`` good deltas, usually far sooner.
    """
    rounds = 2 + sum(fault != "pass" for fault in plan)  # a hole among the held deltas can cost a snapshot each
    quiet = rounds * (delay + lag + 1) + 10
    market = Market(seed, len(plan) + quiet, kind)
    asked: deque[tuple[int, int]] = deque()
    now = 0
    book = OrderBook(tick_size="1", lot_size="1")
    sync = BookSync(book, BOOK[kind], lambda: asked.append((now + delay, sync.ticket)))  # type: ignore[index]
    sync.connected()

    def check() -> None:
        if book.state is BookState.LIVE:
            assert sync.is_live
            assert book.sequence is not None
            assert contents(book) == market.at[book.sequence]

    waiting: bytes | None = None
    for index, fault in enumerate([*plan, *["pass"] * quiet]):
        now = index + 1
        arrivals = [market.frames[index]]
        if fault == "drop":
            arrivals = []
        elif fault == "twice":
            arrivals *= 2
        elif fault == "corrupt":
            arrivals = [arrivals[0].replace(b'"u"', b'"v"')]
        elif fault == "cut":
            sync.interrupted("connection lost")
            sync.connected()
            arrivals = []
        elif fault == "swap" and waiting is None:
            waiting, arrivals = arrivals[0], []
        if arrivals and waiting is not None:
            arrivals, waiting = [*arrivals, waiting], None
        for frame in arrivals:
            sync.on_frame(frame)
            check()
        for due, ticket in tuple(asked):
            if due > now:
                break
            asked.popleft()
            sync.on_snapshot(market.snapshot(max(now - lag, 0)), ticket)
            check()
    assert book.state is BookState.LIVE
    assert book.sequence == market.ends[-1]
    assert contents(book) == market.at[market.ends[-1]]


def test_the_market_of_these_tests_is_what_it_claims() -> None:
    market = Market(7, 50, "spot")
    starts = [json.loads(frame)["U"] for frame in market.frames]
    assert all(start == end + 1 for end, start in zip(market.ends, starts, strict=False))
    assert all(a < b for a, b in pairwise(market.ends))


# Snapshots among the frames: OKX.


def okx(sequence: int, previous: int = -1, *, bid: str = "10") -> bytes:
    action = "snapshot" if previous < 0 else "update"
    row = {"bids": [[bid, "1", "0", "1"]], "asks": [["20", "1", "0", "1"]], "seqId": sequence, "prevSeqId": previous}
    return json.dumps({"arg": {}, "action": action, "data": [row]}).encode()


def in_stream() -> tuple[BookSync, OrderBook, list[bool]]:
    book, asked = OrderBook(tick_size="0.01", lot_size="0.01"), []
    sync = BookSync(book, OKX, lambda: asked.append(True), in_stream=True)
    sync.connected()
    return sync, book, asked


def test_a_snapshot_that_comes_after_its_deltas_is_brought_up_to_date() -> None:
    sync, book, asked = in_stream()
    assert not sync.on_frame(okx(11, 10, bid="11"))
    assert not sync.on_frame(okx(12, 11, bid="12"))
    assert sync.on_frame(okx(10))
    assert (book.state, book.sequence, str(book.bids(1)[0].price)) == (BookState.LIVE, 12, "12.00")
    assert not asked, "the first snapshot comes by itself"


def test_a_snapshot_that_what_has_come_does_not_continue_is_asked_for_again() -> None:
    sync, book, asked = in_stream()
    sync.on_frame(okx(12, 11))
    assert not sync.on_frame(okx(10))
    assert (book.state, len(asked), sync.stats.outdated) == (BookState.STALE, 1, 1)
    assert sync.on_frame(okx(13))
    assert (book.state, book.sequence) == (BookState.LIVE, 13)


def test_a_live_book_is_not_put_back_by_a_snapshot_of_a_subscription_that_was_given_up() -> None:
    sync, book, asked = in_stream()
    sync.on_frame(okx(10))
    sync.on_frame(okx(11, 10))
    assert sync.on_frame(okx(9)), "its state changes"
    assert (book.state, len(asked)) == (BookState.STALE, 1)
    assert "11 already" in sync.reason
    assert not sync.on_frame(okx(10)), "behind what the book has shown"
    assert sync.on_frame(okx(11))
    assert (book.state, book.sequence) == (BookState.LIVE, 11)


def test_a_keep_alive_and_a_legal_fall_of_numbers_change_nothing() -> None:
    sync, book, asked = in_stream()
    for frame in (okx(10), okx(10, 10), okx(15, 10), okx(3, 15), okx(5, 3)):
        assert sync.on_frame(frame)
        assert book.state is BookState.LIVE
    assert (book.sequence, book.gaps, asked) == (5, 0, [])


def test_damaged_snapshots_do_not_make_an_old_one_credible() -> None:
    sync, book, _ = in_stream()
    sync.on_frame(okx(1000))
    sync.doubted("a frame could not be read")
    for _ in range(9):
        assert not sync.on_frame(okx(1001)[:-5])
    assert not sync.on_frame(okx(999))
    assert sync.on_frame(okx(1001))
    assert (book.state, book.sequence) == (BookState.LIVE, 1001)


def test_a_venue_that_counts_anew_is_believed_in_the_end() -> None:
    sync, book, asked = in_stream()
    sync.on_frame(okx(1000))
    sync.interrupted("connection lost")
    sync.connected()
    refused = 0
    while not sync.on_frame(okx(7)):
        refused += 1
    assert refused == len(asked) == 5
    assert (book.state, book.sequence) == (BookState.LIVE, 7)


def swap(event: str, version: int, bids: Levels) -> bytes:
    return json.dumps({"ch": "x", "tick": {"event": event, "version": version, "bids": bids, "asks": []}}).encode()


def test_a_late_snapshot_of_a_stream_that_only_counts_does_not_hide_what_came_before_it() -> None:
    """HTX's swaps: the snapshot at 3 comes after 4 and 5, and after a frame that could not be read."""
    book, asked = OrderBook(tick_size="1", lot_size="1"), []
    sync = BookSync(book, HTX["linear"], lambda: asked.append(True), in_stream=True)
    sync.connected()
    sync.on_frame(swap("update", 4, [["10", "4"]]))
    sync.on_frame(swap("update", 5, [["10", "5"]]))
    sync.doubted("a frame could not be read")
    sync.on_frame(swap("snapshot", 3, [["10", "3"]]))
    assert (book.state, book.sequence) == (BookState.LIVE, 5)
    assert contents(book)[0] == {Decimal(10): Decimal(5)}
    sync.on_frame(swap("snapshot", 2, [["10", "2"]]))
    assert book.state is BookState.STALE, "a book that is live has been further"
    assert len(asked) == 2


def cut_book() -> tuple[BookSync, OrderBook, list[bool]]:
    """Live at 100, of two levels a side asked for and two got: what lies beyond is not known."""
    book, asked = OrderBook(tick_size="1", lot_size="1"), []
    sync = BookSync(book, BOOK["spot"], lambda: asked.append(True), depth=2)
    sync.connected()
    assert sync.on_snapshot(snapshot(100, [["10", "1"], ["9", "1"]], [["20", "1"], ["21", "1"]]), sync.ticket)
    return sync, book, asked


def test_a_side_whose_known_levels_are_all_gone_is_not_shown_as_empty() -> None:
    sync, book, asked = cut_book()
    sync.on_frame(delta(101, 101, asks=[["20", "0"]]))
    assert book.state is BookState.LIVE
    sync.on_frame(delta(102, 102, asks=[["21", "0"]]))
    assert (book.state, len(asked)) == (BookState.STALE, 2)
    assert "known" in sync.reason


def test_a_second_snapshot_that_lags_behind_does_not_replace_a_live_book() -> None:
    sync, book, asked = cut_book()
    sync.on_frame(delta(101, 105, [["10", "5"]]))
    sync.refresh()
    assert not sync.on_snapshot(snapshot(103, [["10", "3"], ["9", "1"]]), sync.ticket)
    assert (book.state, book.sequence, len(asked)) == (BookState.LIVE, 105, 3)
    assert sync.on_snapshot(snapshot(105, [["10", "5"], ["9", "1"]]), sync.ticket)
    assert (book.state, book.sequence) == (BookState.LIVE, 105)
