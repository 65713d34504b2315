"""One order book out of several venues' books of the same market, each level with its venue."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation

import msgspec
import numpy as np
import numpy.typing as npt

from .. import _native
from ..errors import ConfigError
from ..symbols import Symbol
from .fees import Fees
from .venue_book import VenueBook

__all__ = ["ConsolidatedBook", "ConsolidatedLevel"]

_FEE_UNIT = 10**8
_FINEST_RATE = Decimal(1) / _FEE_UNIT
_EXACT = Context(prec=100, traps=[InvalidOperation, Inexact])


class ConsolidatedLevel(msgspec.Struct, frozen=True, gc=False):
    """One venue's level. ``price`` has the taker's fee inside where it was asked for; ``quoted`` is the venue's own.

    An order there is written with ``quoted``. Quantities are in base units.
    """

    price: Decimal
    quantity: Decimal
    venue: str
    quoted: Decimal


class ConsolidatedBook(_native.ConsolidatedBook):
    """One ladder a side out of the books of one symbol on several venues, a level for each price of each venue.

    The books stay where they are, and each change of one is a change of this: nothing is copied or sorted. A book that
    is not LIVE, crossed in itself, or older than ``max_age`` seconds is left out from that moment on, and ``excluded``
    names it. That the best bid of one venue reaches another's best ask is normal: ``crossed`` tells.

    With ``fees``, what a taker pays is inside every price, and decides the order: a bid brings that much less, an ask
    costs that much more. Prices of different steps compare exactly; of equal ones, the venue given first is first.

    ``absent`` are venues without a book, and why. Raises ``ConfigError`` for a book of another symbol, a venue given
    twice, or a fee that is unknown or finer than 1e-8. One thread at a time may use it and its books.
    """

    def __init__(
        self,
        symbol: str | Symbol,
        books: Iterable[VenueBook] = (),
        *,
        absent: Mapping[str, str] | None = None,
        fees: Fees | None = None,
        max_age: float | None = None,
    ) -> None:
        given, missing = tuple(books), absent or {}
        self.symbol = Symbol.parse(symbol)
        self.venues = (*(book.venue for book in given), *missing)
        """All venues, in the order of preference; ``arrays`` numbers by it."""
        if len(set(self.venues)) != len(self.venues):
            raise ConfigError(f"a consolidated book takes one book a venue, not {', '.join(self.venues)}")
        super().__init__(len(self.venues))
        self._fees = fees
        self._max_age = max_age
        self._books: list[VenueBook | None] = [None] * len(self.venues)
        self._rates = [Decimal(0)] * len(self.venues)
        self._absent: Mapping[str, str] = {}
        self.take(given, missing)

    def take(self, books: Iterable[VenueBook], absent: Mapping[str, str]) -> None:
        """Go on with these books of its venues, and without those ``absent`` for the reasons that they map to."""
        self._absent = absent
        taken = {book.venue: book for book in books}
        for number, venue in enumerate(self.venues):
            book = taken.pop(venue, None)
            if book is not self._books[number]:
                rate = Decimal(0) if book is None else self._rate(book)
                self.place(number, None if book is None else book.book, int(rate * _FEE_UNIT))
                self._books[number], self._rates[number] = book, rate
        if taken:
            raise ConfigError(f"{', '.join(taken)}: none of the venues of this book, which are {self.venues}")

    @property
    def included(self) -> tuple[str, ...]:
        """Venues whose levels are in the book now."""
        return tuple(book.venue for book in self._usable())

    @property
    def excluded(self) -> dict[str, str]:
        """The other venues, and why: ``"stale: …"``, ``"syncing"``, ``"older than 2 s"``, or why there is no book."""
        now_ns = time.time_ns()
        reasons = {}
        for venue, book in zip(self.venues, self._books, strict=True):
            why = self._absent.get(venue, "no book") if book is None else book.why_not(self._max_age, now_ns)
            if why is not None:
                reasons[venue] = why
        return reasons

    @property
    def sequences(self) -> dict[str, int | None]:
        """Each included venue's number of its book as it stands; ``None`` where it numbers nothing."""
        return {book.venue: book.sequence for book in self._usable()}

    @property
    def age(self) -> float:
        """Seconds since the oldest of the included books received its last message; infinite without any."""
        return max((book.age_s for book in self._usable()), default=math.inf)

    @property
    def expires_in(self) -> float | None:
        """Seconds until the first of the included books is older than ``max_age``; ``None`` if none ever is."""
        if self._max_age is None:
            return None
        age = max((book.age_s for book in self._usable()), default=None)
        return None if age is None else max(self._max_age - age, 0.0)

    @property
    def crossed(self) -> bool:
        """True when the best bid is not below the best ask: fees inside, an arbitrage."""
        return self.is_crossed(self._oldest_ns())

    @property
    def best_bid(self) -> ConsolidatedLevel | None:
        """Highest bid of all, exact; ``None`` when there is none."""
        return next(iter(self.bids(1)), None)

    @property
    def best_ask(self) -> ConsolidatedLevel | None:
        """Lowest ask of all, exact; ``None`` when there is none."""
        return next(iter(self.asks(1)), None)

    def bids(self, n: int | None = None) -> tuple[ConsolidatedLevel, ...]:
        """Up to ``n`` bids (all: ``None``), highest price first, exact."""
        return self._levels(bids=True, count=_count(n))

    def asks(self, n: int | None = None) -> tuple[ConsolidatedLevel, ...]:
        """Up to ``n`` asks (all: ``None``), lowest price first, exact."""
        return self._levels(bids=False, count=_count(n))

    @property
    def top(self) -> tuple[float, float, float, float]:
        """(bid price, bid quantity, ask price, ask quantity) as floats; NaN where there is no level."""
        bid, bid_quantity, _, ask, ask_quantity, _ = self.best_values(self._oldest_ns())
        return bid, bid_quantity, ask, ask_quantity

    def arrays(self, n: int | None = None, *, out: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.float64]:
        """Return the best ``n`` levels of each side (all: ``None``) as float64 of shape ``(2, n, 3)``.

        Axes: side (bids, asks), level (best first), (price, quantity, venue's number in ``venues``). The order is
        exact; each price is the float64 nearest to the exact one, or with a fee inside at most one off it. Levels that
        do not exist are NaN. ``out``, C-contiguous and of that shape, is filled and returned instead of a new array.
        Raises ``ConfigError`` for another shape or dtype.
        """
        if out is None:
            out = np.empty((2, self._deepest() if n is None else _count(n), 3))
        self.fill(out, n, self._oldest_ns())
        return out

    def __repr__(self) -> str:
        bid, ask = self.best_bid, self.best_ask
        best = " / ".join(f"{level.price} {level.venue}" if level else "-" for level in (bid, ask))
        without = f", without {', '.join(self.excluded)}" if self.excluded else ""
        return f"<ConsolidatedBook {self.symbol} {best}{without}>"

    def _usable(self) -> list[VenueBook]:
        now_ns = time.time_ns()
        return [book for book in self._books if book is not None and book.why_not(self._max_age, now_ns) is None]

    def _oldest_ns(self) -> int | None:
        return None if self._max_age is None else time.time_ns() - int(self._max_age * 1e9)

    def _deepest(self) -> int:
        books = [book.book for book in self._usable()]
        return max(sum(book.bid_count for book in books), sum(book.ask_count for book in books))

    def _levels(self, *, bids: bool, count: int) -> tuple[ConsolidatedLevel, ...]:
        found = self.consolidated_texts(bids, count, self._oldest_ns())
        return tuple(self._level(number, Decimal(price), quantity, bids=bids) for number, price, quantity in found)

    def _level(self, number: int, quoted: Decimal, quantity: str, *, bids: bool) -> ConsolidatedLevel:
        book = self._books[number]
        assert book is not None  # noqa: S101 — only a book has levels
        rate = self._rates[number]
        price = _EXACT.multiply(quoted, 1 - rate if bids else 1 + rate) if rate else quoted
        return ConsolidatedLevel(price, book.book.in_base_units(quantity), book.venue, quoted)

    def _rate(self, book: VenueBook) -> Decimal:
        """Return what a taker pays at a venue, as a fraction of the price."""
        if book.instrument.symbol != self.symbol:
            raise ConfigError(
                f"{book.instrument.symbol} at {book.venue} is not {self.symbol}: their prices cannot be compared",
                venue=book.venue,
            )
        rate = Decimal(0) if self._fees is None else self._fees.taker(book.venue, book.instrument)
        if rate % _FINEST_RATE:
            raise ConfigError(f"the fee {rate} at {book.venue} is finer than {_FINEST_RATE}", venue=book.venue)
        return rate


def _count(n: int | None) -> int:
    if n is None:
        return sys.maxsize
    if n < 0:
        raise ConfigError(f"a number of levels is not negative: {n}")
    return n
