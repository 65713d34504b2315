"""The books of one market on several venues as they are now: live where one is open, else asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from ..client import AsyncClient
from ..errors import Error, Timeout
from ..symbols import Symbol
from .live_books import LiveBooks
from .venue_book import VenueBook

__all__ = ["market_books", "told"]


async def market_books(
    clients: Mapping[str, AsyncClient],
    live: LiveBooks,
    symbol: Symbol,
    *,
    depth: int,
    timeout: float,  # noqa: ASYNC109 — each venue's own: one that is late must not keep the others' books
    venues: Iterable[str] | None = None,
    max_age_s: float | None = None,
) -> tuple[list[VenueBook], dict[str, Error]]:
    """Return the books in the order of the venues, and what each of the others raised instead.

    An open book that may be acted on, and is not older than ``max_age_s`` seconds, is taken as it is. Every other venue
    is asked for one, all at once, with ``depth`` levels a side or as many as it gives. One that fails, or is not done
    within ``timeout`` seconds, is left out.
    """
    names = tuple(clients if venues is None else venues)
    opened = {book.venue: book for book in live.opened(symbol) if book.why_not(max_age_s) is None}
    found = await asyncio.gather(*(_ask(clients[name], symbol, depth, timeout) for name in names if name not in opened))
    asked = dict(zip((name for name in names if name not in opened), found, strict=True))
    books = [opened.get(name) or asked[name] for name in names]
    return (
        [book for book in books if isinstance(book, VenueBook)],
        {name: book for name, book in asked.items() if isinstance(book, Error)},
    )


async def _ask(client: AsyncClient, symbol: Symbol, depth: int, seconds: float) -> VenueBook | Error:
    """Return a venue's book, or what it raised."""
    try:
        async with asyncio.timeout(seconds):
            instrument = await client.instrument(symbol)
            deepest = client.venue.spec.book_depths[instrument.kind][-1]
            return VenueBook.of(await client.fetch_book(symbol, min(depth, deepest)), instrument)
    except TimeoutError:
        return Timeout(f"no book within {seconds:g} s", venue=client.venue.name)
    except Error as error:
        return error


def told(errors: Mapping[str, Error]) -> dict[str, str]:
    """Return each error as text, by venue."""
    return {venue: f"{type(error).__name__}: {error}" for venue, error in errors.items()}
