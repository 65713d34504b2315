"""What ``watch_consolidated_book`` returns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ..errors import VenuesFailed
from ..symbols import Symbol
from .consolidated import ConsolidatedBook
from .fees import Fees
from .live_books import LiveBooks

__all__ = ["ConsolidatedStream"]

_MARGIN_S = 0.001  # a timer may end early by the clock that ages are measured with


class ConsolidatedStream:
    """A live consolidated book: an async iterator that is also an async context manager.

    Yields the same ``ConsolidatedBook`` each time a book in it has changed, in content or in state, and when one gets
    older than ``max_age``; fewer times when the reader is slower. The first comes when the first venue is live: the
    others follow, and ``excluded`` tells why they have not. Between two ``await``s nothing in it changes.

    A venue that is lost leaves the book, and comes back by itself. Iterating raises ``VenuesFailed`` only when no venue
    ever can have a book, for example because none has the symbol. Closing it, leaving its ``async with`` or dropping it
    unsubscribes. For one task at a time.
    """

    def __init__(
        self,
        live: LiveBooks,
        symbol: Symbol,
        venues: Sequence[str],
        *,
        depth: int | None = None,
        fees: Fees | None = None,
        max_age: float | None = None,
    ) -> None:
        self._live = live
        self._watch = live.watch([(venue, symbol) for venue in venues], depth=depth)
        absent = dict.fromkeys(venues, "not opened")
        self._book = ConsolidatedBook(symbol, absent=absent, fees=fees, max_age=max_age)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ConsolidatedBook:
        if self._closed:
            raise StopAsyncIteration
        await self._open()
        while True:
            await self._change()
            self._book.take(self._watch.books, {venue: why for (venue, _), why in self._watch.reasons.items()})
            if len(errors := self._watch.errors) == len(self._watch.markets):
                await self.aclose()
                causes = {venue: error for (venue, _), error in errors.items()}
                raise VenuesFailed(f"no venue has a book of {self._book.symbol}", causes=causes)
            if self._watch.books:
                return self._book

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
        await self._watch.aclose()

    async def _open(self) -> None:
        if self._loop is None and not self._closed:
            self._loop = asyncio.get_running_loop()
            await self._watch.__aenter__()

    async def _change(self) -> None:
        expires_in = self._book.expires_in
        if expires_in is None:
            await self._watch.changed()
            return
        try:
            async with asyncio.timeout(expires_in + _MARGIN_S):
                await self._watch.changed()
        except TimeoutError:
            pass  # a book has grown too old: that is the change

    def __del__(self) -> None:
        # ``async for book in universal.watch_consolidated_book(…): break`` closes nothing by itself.
        loop = getattr(self, "_loop", None)
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._live.drop, self._watch)

    def __repr__(self) -> str:
        return f"<ConsolidatedStream {self._book.symbol} {', '.join(self._book.venues)}>"
