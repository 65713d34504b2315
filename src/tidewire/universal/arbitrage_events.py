"""When opportunities open and close, and why they do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

import msgspec

from .opportunity import Opportunity
from .venue_book import VenueBook

__all__ = ["ArbitrageChange", "ArbitrageEvent", "OpenOpportunities", "why_gone"]

_Route = tuple[object, ...]


class ArbitrageChange(StrEnum):
    """``OPEN``: it pays now. ``UPDATE``: it still does, at another size or profit. ``CLOSE``: it is over."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


class ArbitrageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an opportunity. Times are UTC nanoseconds by this machine's clock.

    ``opportunity`` is it as last seen: of a ``CLOSE``, before that. ``best`` is it at its greatest profit so far.
    ``closed_ns`` and ``reason`` are set by a ``CLOSE``: ``"the prices moved"``, or which book may not be acted on any
    more and why, or ``"less than asked for"``.
    """

    change: ArbitrageChange
    opportunity: Opportunity
    best: Opportunity
    opened_ns: int
    closed_ns: int | None = None
    reason: str | None = None

    @property
    def lasted_s(self) -> float:
        """Seconds from its opening to this event."""
        return ((self.closed_ns or self.opportunity.found_at_ns) - self.opened_ns) / 1e9


class OpenOpportunities:
    """The opportunities that are open, told apart by their route: the same trades in the same order."""

    def __init__(self) -> None:
        self._open: dict[_Route, ArbitrageEvent] = {}

    def __iter__(self) -> Iterator[Opportunity]:
        return (event.opportunity for event in self._open.values())

    def update(
        self, found: Iterable[Opportunity], why_gone: Callable[[Opportunity], str], now_ns: int
    ) -> list[ArbitrageEvent]:
        """Take what is there now; return what that changes, closings first. ``why_gone`` tells why one is over."""
        present: dict[_Route, Opportunity] = {(each.kind, *each.route): each for each in found}
        events = [self._close(route, why_gone, now_ns) for route in [*self._open] if route not in present]
        for route, each in present.items():
            known = self._open.get(route)
            if known is None:
                event = ArbitrageEvent(
                    change=ArbitrageChange.OPEN, opportunity=each, best=each, opened_ns=each.found_at_ns
                )
            elif _same(known.opportunity, each):
                continue
            else:
                best = each if each.profit > known.best.profit else known.best
                event = ArbitrageEvent(
                    change=ArbitrageChange.UPDATE, opportunity=each, best=best, opened_ns=known.opened_ns
                )
            self._open[route] = event
            events.append(event)
        return events

    def _close(self, route: _Route, why_gone: Callable[[Opportunity], str], now_ns: int) -> ArbitrageEvent:
        last = self._open.pop(route)
        return ArbitrageEvent(
            change=ArbitrageChange.CLOSE,
            opportunity=last.opportunity,
            best=last.best,
            opened_ns=last.opened_ns,
            closed_ns=now_ns,
            reason=why_gone(last.opportunity),
        )


def _same(one: Opportunity, other: Opportunity) -> bool:
    """The same trades at the same prices: what the books are numbered by now does not matter."""
    return [trade.fills for trade in one.trades] == [trade.fills for trade in other.trades]


def why_gone(gone: Opportunity, books: Iterable[VenueBook], max_age: float | None, now_ns: int) -> str:
    """Tell which book of an opportunity may not be acted on any more, and why; else its prices are others."""
    present = {(book.venue, book.instrument.symbol): book for book in books}
    for trade in gone.trades:
        book = present.get((trade.venue, trade.symbol))
        why = "no book" if book is None else book.why_not(max_age, now_ns)
        if why is not None:
            return f"{trade.symbol} at {trade.venue}: {why}"
    return "the prices moved"
