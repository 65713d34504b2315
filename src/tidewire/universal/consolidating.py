"""The verbs of AsyncUniversal that make one book of several."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import VenuesFailed
from ..symbols import Symbol
from .asking import Asking
from .consolidated import ConsolidatedBook
from .consolidated_stream import ConsolidatedStream
from .market_books import market_books, told
from .venue_book import VenueBook

__all__ = ["Consolidating"]


class Consolidating(Asking):
    """``after_fees`` puts what a taker pays at each venue inside the prices: by ``fees``, as everywhere here."""

    def watch_consolidated_book(
        self,
        symbol: str | Symbol,
        depth: int | None = None,
        *,
        venues: Iterable[str] | None = None,
        after_fees: bool = False,
        max_age: float | None = None,
    ) -> ConsolidatedStream:
        """Follow the books of a symbol on several venues (all by default) as one ``ConsolidatedBook``.

        An async iterator, and an async context manager. Slow readers see the newest state. ``depth`` is as in
        ``watch_book``: a venue whose stream does not hold so many levels is left out. So is, at once, a book that is
        not LIVE or older than ``max_age`` seconds; ``excluded`` names them all.
        """
        return ConsolidatedStream(
            self._live,
            Symbol.parse(symbol),
            self._places(venues),
            depth=depth,
            fees=self._fees if after_fees else None,
            max_age=max_age,
        )

    async def consolidated_book(
        self,
        symbol: str | Symbol,
        depth: int = 100,
        *,
        venues: Iterable[str] | None = None,
        after_fees: bool = False,
    ) -> ConsolidatedBook:
        """Return the books of a symbol on several venues (all by default) as one, as they are now.

        Live books that are open are copied; the other venues are asked for theirs, ``depth`` levels a side or as many
        as each gives. One that fails is named in ``excluded``. Raises ``VenuesFailed`` when all do.
        """
        asked = Symbol.parse(symbol)
        books, failed = await market_books(
            self._clients,
            self._live,
            asked,
            depth=depth,
            timeout=self._desk.timeout,
            venues=self._places(venues),
        )
        if not books:
            raise VenuesFailed(f"no venue gave a book of {asked}", causes=failed)
        # What is returned must neither change by itself nor end with the stream of somebody else.
        copies = [_copy(book) for book in books]
        return ConsolidatedBook(asked, copies, absent=told(failed), fees=self._fees if after_fees else None)

    def _places(self, venues: Iterable[str] | None) -> tuple[str, ...]:
        return tuple(map(self._known, self.venues if venues is None else venues))


def _copy(book: VenueBook) -> VenueBook:
    copy = book.book.blank()
    copy.copy_from(book.book)
    return VenueBook(book.venue, book.instrument, copy)
