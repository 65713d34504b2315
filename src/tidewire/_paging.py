"""Pages of klines for any window: forward from its start, or backward from its end. Generators of effects, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ._call import Call
from ._session import Effects
from ._venue import Venue
from .klines import Klines
from .symbols import Interval, Symbol

if TYPE_CHECKING:
    Ask = Callable[[Call[Klines]], Effects[Klines]]

__all__ = ["backward", "forward"]

_GUESSES = 2
"""Empty pages in a row after which coarser bars are asked. The first may be of a bar that had its trades before."""


def forward(
    venue: Venue, ask: Ask, market: Symbol, bar: Interval, first: int, until: int, limit: int | None
) -> Effects[list[Klines]]:
    """The oldest bars that open in ``[first, until)``: all, or at least ``limit``.

    Where pages are stretches of time, an empty one may be followed by years of them, as before a market was listed:
    coarser bars then tell where to go on. Where they tell wrong, as when a venue keeps fine bars for a shorter time,
    page after page is asked for, until one holds bars again.
    """
    page, pages, have = venue.spec.klines_page[market.kind], list[Klines](), 0
    guesses = 0
    while first < until and (limit is None or have < limit):
        size = page if limit is None or guesses else min(page, limit - have)
        part = yield from ask(venue.fetch_klines(market, bar, start=first, end=until, limit=size))
        if len(part):
            pages.append(part)
            have += len(part)
            guesses = 0
        if not venue.spec.klines_by_span:
            if len(part) < size:
                break
            first = bar.next(int(part.open_time[-1]))
            continue
        first = bar.after(first, size)
        if not len(part) and guesses < _GUESSES:
            guesses += 1
            first = yield from _traded_again(venue, ask, market, bar, first, until)
    return pages


def _traded_again(venue: Venue, ask: Ask, market: Symbol, bar: Interval, first: int, until: int) -> Effects[int]:
    """A time from which a page of ``bar`` should hold some, no later than the first of them from ``first`` on."""
    page = venue.spec.klines_page[market.kind]
    own = bar.ns or 2**63  # a page of months is all there is
    lengths = {each.ns or 0: each for each in map(Interval.parse, venue.spec.intervals[market.kind])}
    coarser = [(length, lengths[length]) for length in sorted(lengths) if length > own]
    rung = len(coarser) - 1
    while coarser and first < until:
        length, interval = coarser[rung]
        since = first - length + 1  # a bar that opened before may hold trades from after
        part = yield from ask(venue.fetch_klines(market, interval, start=since, end=until, limit=page))
        # One bar is spared: venues may leave out the first, which was not traded from its beginning.
        spared = (int(part.open_time[0]) if len(part) else min(since + page * length, until)) - length
        if not len(part):
            if spared > first:
                first, rung = spared, len(coarser) - 1
            elif rung:
                rung -= 1
            else:
                return first
            continue
        first = max(first, spared)
        if own * page >= 2 * length or not rung:
            return first
        rung = next((n for n in range(rung) if coarser[n][0] * page >= 2 * length), rung - 1)
    return first


def backward(
    venue: Venue, ask: Ask, market: Symbol, bar: Interval, last: int | None, limit: int
) -> Effects[list[Klines]]:
    """The newest ``limit`` bars that open before ``last``.

    Where pages are stretches of time, it looks further back than the first page only through whole pages, and gives up
    at the first of them that holds no bar at all: there the history ends, or the market slept that long.
    """
    page, pages, sparse = venue.spec.klines_page[market.kind], list[Klines](), venue.spec.klines_by_span
    size = min(page, limit)
    while limit > 0:
        part = yield from ask(venue.fetch_klines(market, bar, end=last, limit=size))
        if len(part):
            pages.append(part)
            limit -= len(part)
            last = int(part.open_time[0])
        if len(part) < size and not (sparse and (len(part) or size < page)):
            break
        size = page if sparse else min(page, limit)
    return pages[::-1]
