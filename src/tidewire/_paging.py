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


def forward(
    venue: Venue, ask: Ask, market: Symbol, bar: Interval, first: int, until: int, limit: int | None
) -> Effects[list[Klines]]:
    """The oldest ``limit`` bars, or all, that open in ``[first, until)``."""
    page, pages, have = venue.spec.klines_page[market.kind], list[Klines](), 0
    while first < until and (limit is None or have < limit):
        size = page if limit is None else min(page, limit - have)
        part = yield from ask(venue.fetch_klines(market, bar, start=first, end=until, limit=size))
        if len(part):
            pages.append(part)
            have += len(part)
        if venue.spec.klines_by_span:
            first = bar.after(first, size)
        elif len(part) < size:
            break
        else:
            first = bar.next(int(part.open_time[-1]))
    return pages


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
