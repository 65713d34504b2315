"""The books of one market on several venues as they are now: live where one is open, else asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from ..client import AsyncClient
from ..errors import Error
from ..symbols import Symbol
from .live_books import LiveBooks
from .venue_book import VenueBook

__all__ = ["market_books"]


async def market_books(
    clients: Mapping[str, AsyncClient],
    live: LiveBooks,
    symbol: Symbol,
    *,
    depth: int,
    timeout: float,  # noqa: ASYNC109 — each venue's own: one that is late must not keep the others' books
    venues: Iterable[str] | None = None,
) -> tuple[list[VenueBook], dict[str, str]]:
    """Return the books in the order of the venues, and why each of the others has none.

    An open book that may be acted on is taken as it is; every other venue is asked for one, all at once, with ``depth``
    levels a side or as many as it gives. One that fails, or is not done within ``timeout`` seconds, is left out.
    """
    names = tuple(clients if venues is None else venues)
    opened = {book.venue: book for book in live.opened(symbol) if book.why_not() is None}
    found = await asyncio.gather(*(_ask(clients[name], symbol, depth, timeout) for name in names if name not in opened))
    asked = dict(zip((name for name in names if name not in opened), found, strict=True))
    books = [opened.get(name) or asked[name] for name in names]
    return (
        [book for book in books if isinstance(book, VenueBook)],
        {name: book for name, book in asked.items() if isinstance(book, str)},
    )


async def _ask(client: AsyncClient, symbol: Symbol, depth: int, seconds: float) -> VenueBook | str:
    """Return a venue's book, or why there is none."""
    try:
        async with asyncio.timeout(seconds):
            instrument = await client.instrument(symbol)
            deepest = client.venue.spec.book_depths[instrument.kind][-1]
            return VenueBook.of(await client.fetch_book(symbol, min(depth, deepest)), instrument)
    except TimeoutError:
        return f"no book within {seconds:g} s"
    except Error as error:
        return f"{type(error).__name__}: {error}"
