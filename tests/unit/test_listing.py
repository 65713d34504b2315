"""Lists in pages, newest first: whatever was asked for comes whole, once, and in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire._call import Call, Request, Response
from tidewire._listing import Listing
from tidewire.errors import ConfigError

MS = 1_000_000
Row = tuple[int, str]  # milliseconds, name


class Venue:
    """Rows at some milliseconds; answers hold the newest ``page`` of a window that is never longer than ``span``."""

    def __init__(self, rows: Sequence[Row], page: int, span: int | None = None) -> None:
        self.rows, self.page, self.span = sorted(rows), page, span
        self.asked: list[tuple[int | None, int | None, int | None]] = []

    def call(
        self, first: int | None, last: int | None, size: int | None, parse: Callable[[bytes], list[Row]], then: Any
    ) -> Call[list[Row]]:
        assert None in (first, last, self.span) or last - first <= self.span  # type: ignore[operator]
        self.asked.append((first, last, size))
        within = [r for r in self.rows if (first or 0) <= r[0] * MS < (last or 2**63)]
        found = within[-min(size or 5, self.page) :]
        body = msgspec.json.encode(found[::-1])
        return Call("list", Request("GET", ""), lambda _: parse(body), lambda response: None, then=then)

    def list(self, **terms: Any) -> list[Row]:
        def read(body: bytes) -> Any:
            return msgspec.json.decode(body, type=list[Row])[::-1]

        call = Listing(
            self.call, read, lambda row: row[0] * MS, lambda row: row[1], self.page, span=self.span, **terms
        ).begin()
        while True:
            value = call.parse(b"")
            answer = [r for r in self.rows if (self.asked[-1][0] or 0) <= r[0] * MS < (self.asked[-1][1] or 2**63)]
            answer = answer[-min(self.asked[-1][2] or 5, self.page) :]
            assert call.then is not None
            following = call.then(Response(200, msgspec.json.encode(answer[::-1])), value)
            if following is None:
                return value
            call = following


ROWS = st.lists(st.integers(0, 200), max_size=60).map(
    # At most three in a millisecond: no page, of four at least, is all of one.
    lambda times: [(t, f"{t}.{n}") for t in set(times) for n in range(min(3, times.count(t)))]
)


@given(ROWS, st.integers(4, 9), st.integers(0, 150), st.integers(1, 80), st.sampled_from([None, 7, 50]))
def test_a_window_comes_whole(rows: list[Row], page: int, first: int, length: int, span: int | None) -> None:
    venue = Venue(rows, page, None if span is None else span * MS)
    found = venue.list(window=(first * MS, (first + length) * MS))
    assert found == [row for row in venue.rows if first <= row[0] < first + length]


@given(ROWS, st.integers(4, 9), st.integers(0, 150), st.integers(1, 30), st.sampled_from([None, 7, 50]))
def test_a_start_and_a_limit_give_the_oldest(
    rows: list[Row], page: int, first: int, limit: int, span: int | None
) -> None:
    venue = Venue(rows, page, None if span is None else span * MS)
    found = venue.list(window=(first * MS, 201 * MS), limit=limit)
    assert [t for t, _ in found[:limit]] == [t for t, _ in venue.rows if t >= first][:limit]


@given(ROWS, st.integers(4, 9), st.integers(1, 80), st.none() | st.integers(1, 200))
def test_a_limit_alone_gives_the_newest(rows: list[Row], page: int, limit: int, last: int | None) -> None:
    venue = Venue(rows, page)
    found = venue.list(window=(None, None if last is None else last * MS), limit=limit)
    within = [t for t, _ in venue.rows if last is None or t < last]
    assert [t for t, _ in found[-limit:]] == within[-limit:]


def test_without_start_and_limit_one_answer_is_all() -> None:
    venue = Venue([(n, str(n)) for n in range(20)], page=10)
    assert [t for t, _ in venue.list()] == [15, 16, 17, 18, 19]
    assert venue.asked == [(None, None, None)]


def test_a_millisecond_that_fills_a_page_does_not_stop_the_rest() -> None:
    """What of it did not fit cannot be asked for; what is older still comes."""
    venue = Venue([(1, "a"), *((5, str(n)) for n in range(10)), (9, "z")], page=4)
    found = venue.list(window=(0, 10 * MS))
    assert (found[0], found[-1]) == ((1, "a"), (9, "z"))


def test_no_window_ends_after_now() -> None:
    """The last one has no end: the venue's clock, not ours, says what now is. And nothing is asked about tomorrow."""
    now = time.time_ns() // MS * MS
    day = 86_400 * 10**9
    venue = Venue([(now // MS - 1, "just now")], page=4, span=2 * day)
    assert venue.list(window=(now - 5 * day, None)) == [(now // MS - 1, "just now")]
    ages = [(round((now - (first or 0)) / day), last is None) for first, last, _ in venue.asked]
    assert ages == [(5, False), (3, False), (1, True)]


def test_what_is_not_kept_is_asked_for_once() -> None:
    now = time.time_ns() // MS * MS
    day = 86_400 * 10**9
    venue = Venue([(now // MS - 1, "just now")], page=4, span=2 * day)
    assert venue.list(window=(now - 1000 * day, None), kept=3 * day) == [(now // MS - 1, "just now")]
    assert [round((now - (first or 0)) / day) for first, _, _ in venue.asked] == [1000, 3, 1]
    venue.asked.clear()
    assert venue.list(window=(now - 1000 * day, now - 500 * day), kept=3 * day) == []
    assert len(venue.asked) == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_positive(limit: int) -> None:
    with pytest.raises(ConfigError, match="limit"):
        Venue([], page=4).list(limit=limit)
