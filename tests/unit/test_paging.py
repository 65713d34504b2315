"""Pages of klines put together, on a market whose bars the test decides: with holes, with an end, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire import _paging
from tidewire._call import Call, Request
from tidewire._venue import Spec
from tidewire.klines import Klines
from tidewire.symbols import Interval, Symbol

MINUTE = 60 * 10**9
BAR = Interval.parse("1m")
MARKET = Symbol.parse("BTC-USD")
START = 1_700_000_040 * 10**9


class Venue:
    """``page`` bars a call, of the minutes in ``traded``; by spans of time, or as many as there are."""

    def __init__(self, traded: list[int], *, by_span: bool, page: int = 10) -> None:
        self.traded, self.asked = traded, list[tuple[int | None, int | None, int]]()
        self.whole_only = False
        self.kept = [Interval.parse(text) for text in ("1m", "5m", "1h", "1d", "1w")]
        self.spec = Spec(
            name="v",
            title="V",
            documentation="",
            environments={},
            quotas=(),
            kinds=("spot",),
            intervals={"spot": {text: text for text in ("1m", "5m", "1h", "1d", "1w", "1M")}},
            klines_page={"spot": page},
            book_depths={},
            trades_page={},
            klines_by_span=by_span,
        )

    def fetch_klines(
        self, market: Symbol, bar: Interval, *, start: int | None = None, end: int | None = None, limit: int
    ) -> Call[Klines]:
        self.asked.append((start, end, limit))
        length = bar.ns or 0
        times = sorted({bar.floor(START + n * MINUTE) for n in self.traded}) if bar in self.kept else []
        if self.whole_only and times and times[0] < START + self.traded[0] * MINUTE:
            del times[0]
        if start is not None:
            stop = start + limit * length if self.spec.klines_by_span else 2**62
            found = [t for t in times if start <= t < min(end or stop, stop)][:limit]
        else:
            last = end or START + 10**6 * MINUTE
            first = last - limit * length if self.spec.klines_by_span else 0
            found = [t for t in times if first <= t < last][-limit:]
        ones = [1.0] * len(found)
        bars = Klines(
            {"open_time": found, "open": ones, "high": ones, "low": ones, "close": ones, "volume": ones},
            symbol=market,
            interval=bar,
        )
        return Call("fetch_klines", Request("GET", ""), lambda body: bars, lambda response: None)


def run(venue: Venue, pager: Any, *args: Any) -> list[int]:
    """Drive a pager, whose every effect is answered at once; return the minutes of the bars."""

    def ask(call: Call[Klines]) -> Any:
        yield from ()
        return call.parse(b"")

    generator = pager(venue, ask, MARKET, BAR, *args)
    with pytest.raises(StopIteration) as done:
        next(generator)
    return [(int(t) - START) // MINUTE for page in done.value.value for t in page.open_time]


def at(minute: int) -> int:
    return START + minute * MINUTE


SPARSE = [0, 1, 2, 35, 36, 59, 60, 61, 62, 63, 90, 99]


def test_forward_passes_over_pages_without_bars() -> None:
    venue = Venue(SPARSE, by_span=True)
    assert run(venue, _paging.forward, at(0), at(100), None) == SPARSE


YEAR = 365 * 24 * 60


def test_forward_leaps_over_years_before_a_market_was_listed() -> None:
    listed = [16 * YEAR + n for n in (0, 1, 2, 400, 2000)]
    venue = Venue(listed, by_span=True, page=300)
    assert run(venue, _paging.forward, at(0), at(16 * YEAR + 2001), None) == listed
    assert len(venue.asked) < 30  # a page of minutes at a time, it would be 28,000
    venue.asked.clear()
    assert run(venue, _paging.forward, at(0), at(16 * YEAR + 2001), 2)[:2] == listed[:2]
    assert len(venue.asked) < 12


@given(
    st.lists(st.integers(0, 30 * 1440), max_size=30, unique=True).map(sorted),
    st.integers(0, 30 * 1440),
    st.sampled_from([7, 60, 300]),
)
def test_forward_leaps_over_no_bar(traded: list[int], first: int, page: int) -> None:
    venue = Venue(traded, by_span=True, page=page)
    assert run(venue, _paging.forward, at(first), at(31 * 1440), None) == [n for n in traded if n >= first]


@settings(max_examples=20)
@given(st.integers(0, 60 * 1440), st.sampled_from([60, 300]))
def test_forward_needs_no_coarse_bar_that_was_not_traded_from_its_beginning(listed: int, page: int) -> None:
    """Some venues leave the first one out."""
    traded = list(range(listed, listed + 20 * 1440, 4))
    venue = Venue(traded, by_span=True, page=page)
    venue.whole_only = True
    assert run(venue, _paging.forward, at(0), at(traded[-1] + 1), 5)[:5] == traded[:5]


def test_forward_asks_page_by_page_where_fine_bars_are_kept_for_a_shorter_time() -> None:
    venue = Venue([*range(0, 6000, 50)], by_span=True, page=10)
    venue.kept = venue.kept[1:]
    assert run(venue, _paging.forward, at(0), at(6000), None) == []
    assert 600 <= len(venue.asked) < 620  # every page, and a few guesses


def test_forward_stops_at_the_limit() -> None:
    assert run(Venue(SPARSE, by_span=True), _paging.forward, at(0), at(100), 5)[:5] == SPARSE[:5]


def test_forward_ends_with_a_short_page_where_pages_count_bars() -> None:
    venue = Venue(SPARSE, by_span=False)
    assert run(venue, _paging.forward, at(0), at(10**5), None) == SPARSE
    assert len(venue.asked) == 2


def test_backward_looks_further_where_bars_are_missing() -> None:
    assert run(Venue(SPARSE, by_span=True), _paging.backward, at(100), 2) == [90, 99]
    assert run(Venue(SPARSE, by_span=True, page=30), _paging.backward, at(100), 8)[-8:] == SPARSE[-8:]


def test_backward_gives_up_after_a_whole_page_without_bars() -> None:
    venue = Venue([0, 1, *range(90, 100)], by_span=True)
    assert run(venue, _paging.backward, at(100), 12) == list(range(90, 100))
    assert venue.asked[-1] == (None, at(90), 10)
    assert len(venue.asked) == 2


def test_backward_does_not_take_the_first_narrow_page_for_the_end() -> None:
    venue = Venue([95], by_span=True)
    assert run(venue, _paging.backward, at(100), 1) == [95]
    assert [size for _, _, size in venue.asked] == [1, 10]


def test_backward_ends_with_a_short_page_where_pages_count_bars() -> None:
    venue = Venue(SPARSE, by_span=False)
    assert run(venue, _paging.backward, at(100), 500) == SPARSE
    assert len(venue.asked) == 2
