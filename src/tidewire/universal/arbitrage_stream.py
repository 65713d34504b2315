"""What ``watch_arbitrage`` returns."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Self

import msgspec

from .._order import Number
from ..errors import VenuesFailed
from .arbitrage import ArbitrageScanner
from .arbitrage_events import ArbitrageChange, ArbitrageEvent, OpenOpportunities, why_gone
from .funding import Funding, FundingKeeper
from .live_books import LiveBooks, Market
from .opportunity import Opportunity
from .venue_book import VenueBook

__all__ = ["ArbitrageStream", "ArbitrageTerms"]

_MARGIN_S = 0.001  # a timer may end early by the clock that ages are measured with


class ArbitrageTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What an opportunity must come to."""

    min_profit: Decimal
    min_bps: Decimal
    max_age: float | None
    balances: Mapping[str, Mapping[str, Number]] | None

    def met(self, found: Opportunity) -> bool:
        """Does it earn what is asked for?"""
        return found.profit >= self.min_profit and found.profit_bps >= self.min_bps


class ArbitrageStream:
    """Opportunities as they open and close: an async iterator that is also an async context manager.

    Every book is looked at again whenever one of them changes, or gets older than ``max_age``. Yields an
    ``ArbitrageEvent`` for each opening and each closing, and for what happens to an open one if ``updates`` were asked
    for. A reader that is slower than the books sees what is so when it looks: what opened and closed in between is not
    told. ``open`` are those open now, ``excluded`` says which books take no part and why.

    A venue that is lost closes its opportunities, and takes part again by itself. Iterating raises ``VenuesFailed``
    when no market ever can have a book. Closing it, leaving its ``async with`` or dropping it unsubscribes. For one
    task at a time.
    """

    def __init__(
        self,
        live: LiveBooks,
        markets: Sequence[Market],
        scanner: Callable[[Sequence[VenueBook], Mapping[Market, Funding]], ArbitrageScanner],
        funding: FundingKeeper,
        terms: ArbitrageTerms,
        *,
        updates: bool,
    ) -> None:
        self._live = live
        self._watch = live.watch(markets)
        self._make, self._funding, self._terms, self._updates = scanner, funding, terms, updates
        self._books: list[VenueBook] = []
        self._rates = funding.rates
        self._scanner = scanner(self._books, self._rates)
        self._open_ones = OpenOpportunities()
        self._events: deque[ArbitrageEvent] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def open(self) -> list[Opportunity]:
        """The opportunities that are open, as last seen."""
        return list(self._open_ones)

    @property
    def excluded(self) -> dict[str, str]:
        """Why books take no part, by "venue symbol"."""
        absent = {f"{venue} {symbol}": why for (venue, symbol), why in self._watch.reasons.items()}
        absent |= {f"{venue} {symbol} funding": why for (venue, symbol), why in self._funding.reasons.items()}
        return absent | self._scanner.excluded(self._terms.max_age)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ArbitrageEvent:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            await self._open()
            await self._change()
            self._renew()
            self._look()
        return self._events.popleft()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Unsubscribe. Closing twice does nothing."""
        self._closed, self._loop = True, None
        self._events.clear()
        await self._funding.aclose()
        await self._watch.aclose()

    async def _open(self) -> None:
        if self._loop is None and not self._closed:
            self._loop = asyncio.get_running_loop()
            self._funding.start()
            await self._watch.__aenter__()

    async def _change(self) -> None:
        """Wait until a book has changed, or has grown too old for an opportunity that is open."""
        try:
            async with asyncio.timeout(self._expires_in()):
                await self._watch.changed()
        except TimeoutError:
            return
        if len(errors := self._watch.errors) == len(self._watch.markets):
            await self.aclose()
            causes = {f"{venue} {symbol}": error for (venue, symbol), error in errors.items()}
            raise VenuesFailed("no venue has a book of these markets", causes=causes)

    def _expires_in(self) -> float | None:
        if self._terms.max_age is None:
            return None
        now = time.time_ns()
        used = {(trade.venue, trade.symbol) for each in self._open_ones for trade in each.trades}
        ages = [book.age_at(now) for book in self._books if (book.venue, book.instrument.symbol) in used]
        return max(0.0, self._terms.max_age - max(ages)) + _MARGIN_S if ages else None

    def _renew(self) -> None:
        """Set the scanner up anew when there are other books, or new rates of funding."""
        books = self._watch.books
        if books != self._books or self._funding.rates is not self._rates:
            self._books, self._rates = books, self._funding.rates
            self._scanner = self._make(books, self._rates)

    def _look(self) -> None:
        now = time.time_ns()
        terms = self._terms
        found = self._scanner.scan(max_age=terms.max_age, balances=terms.balances, now_ns=now)
        there = {each.route for each in found}

        def why(gone: Opportunity) -> str:
            return "less than asked for" if gone.route in there else why_gone(gone, self._books, terms.max_age, now)

        events = self._open_ones.update(filter(terms.met, found), why, now)
        self._events.extend(each for each in events if self._updates or each.change is not ArbitrageChange.UPDATE)

    def __del__(self) -> None:
        # ``async for event in universal.watch_arbitrage(…): break`` closes nothing by itself.
        loop = getattr(self, "_loop", None)
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._funding.stop)
            loop.call_soon_threadsafe(self._live.drop, self._watch)

    def __repr__(self) -> str:
        return f"<ArbitrageStream {len(self._watch.markets)} markets, {len(self.open)} open>"
