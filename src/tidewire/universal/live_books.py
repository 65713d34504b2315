"""Live books of markets on several venues: opened once however many watch them, closed with the last who does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from ..client import AsyncClient
from ..errors import ConfigError, Error, StreamClosed
from ..stream import BookStream, Patience
from ..symbols import Symbol
from .venue_book import VenueBook

__all__ = ["BookWatch", "LiveBooks", "Market"]

Market = tuple[str, Symbol]
"""A venue and what is traded there."""

_Key = tuple[Market, int | None]


class LiveBooks:
    """The live books of several venues' clients, shared by all who watch them.

    A venue that is lost, banned or down is tried again for as long as somebody watches; a market that it does not have
    is not. For the tasks of one event loop.
    """

    def __init__(self, clients: Mapping[str, AsyncClient], *, patience: Patience | None = None) -> None:
        self._clients = clients
        self._patience = patience or Patience()
        self._kept: dict[_Key, _Kept] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def watch(self, markets: Iterable[tuple[str, str | Symbol]], *, depth: int | None = None) -> BookWatch:
        """Return a watch over markets; its ``async with`` opens their books, with ``depth`` levels a side at least.

        Raises ``ConfigError`` for a venue without a client, or a symbol that cannot be read.
        """
        asked = dict.fromkeys((venue, Symbol.parse(symbol)) for venue, symbol in markets)
        for venue, symbol in asked:
            if venue not in self._clients:
                raise ConfigError(
                    f"{symbol} at {venue}: there is no client of that venue, only {sorted(self._clients)}"
                )
        return BookWatch(self, tuple(asked), depth)

    def opened(self, symbol: str | Symbol) -> list[VenueBook]:
        """Return the books of one symbol that are open for somebody now, one a venue, live or not."""
        wanted = Symbol.parse(symbol)
        found = {
            kept.book.venue: kept.book for ((_, each), _), kept in self._kept.items() if each == wanted and kept.book
        }
        return list(found.values())

    async def aclose(self) -> None:
        """Close every book, and wait until no task is left."""
        kept, self._kept = tuple(self._kept.values()), {}
        await asyncio.gather(*(each.aclose() for each in kept), *self._closing)

    # For the watches.

    def enter(self, key: _Key, watch: BookWatch) -> _Kept:
        """Give a watch the keeper of a book."""
        kept = self._kept.get(key)
        if kept is None:
            market, depth = key
            kept = self._kept[key] = _Kept(market, depth, self._clients[market[0]], self._patience)
        kept.watches.add(watch)
        return kept

    async def leave(self, key: _Key, kept: _Kept, watch: BookWatch) -> None:
        """Take a watch away; with the last one goes the book."""
        kept.watches.discard(watch)
        if kept.watches:
            return
        if self._kept.get(key) is kept:
            del self._kept[key]
        await kept.aclose()

    def drop(self, watch: BookWatch) -> None:
        """Close a watch that nobody holds any more."""
        task = asyncio.ensure_future(watch.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class BookWatch:
    """The live books of some markets, for one task: ``async with`` opens and closes them.

    ``markets`` are those asked for, in order and each once.
    """

    def __init__(self, source: LiveBooks, markets: tuple[Market, ...], depth: int | None) -> None:
        self.markets = markets
        self._source = source
        self._depth = depth
        self._kept: dict[Market, _Kept] = {}
        self._changed: set[Market] = set()
        self._ready = asyncio.Event()
        self._closed = False

    async def __aenter__(self) -> Self:
        for market in self.markets:
            self._kept[market] = self._source.enter((market, self._depth), self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop watching. Closing twice does nothing."""
        self._closed = True
        self._ready.set()
        kept, self._kept = self._kept, {}
        await asyncio.gather(*(self._source.leave((market, self._depth), each, self) for market, each in kept.items()))

    @property
    def books(self) -> list[VenueBook]:
        """The books that have been live at least once, in the order asked for: ``why_not`` tells whether one is now."""
        return [kept.book for kept in self._kept.values() if kept.book is not None]

    @property
    def reasons(self) -> dict[Market, str]:
        """Why each of the other markets has no book yet, or never will."""
        return {market: kept.reason for market, kept in self._kept.items() if kept.book is None}

    @property
    def errors(self) -> dict[Market, Error]:
        """What keeps markets from ever having a book: waiting cannot mend it, such as ``UnknownSymbol``."""
        return {market: kept.error for market, kept in self._kept.items() if kept.error is not None}

    async def changed(self) -> set[Market]:
        """Wait until books have changed, in content or state, since the last call; return which.

        A book that fails to open counts as changed. Raises ``StreamClosed`` once the watch is closed.
        """
        while not self._changed and not self._closed:
            self._ready.clear()
            await self._ready.wait()
        if self._closed:
            raise StreamClosed("the watch over books is closed")
        changed, self._changed = self._changed, set()
        return changed

    def note(self, market: Market) -> None:
        """Take note that a book has changed."""
        self._changed.add(market)
        self._ready.set()


class _Kept:
    """One book, kept open for its watches."""

    def __init__(self, market: Market, depth: int | None, client: AsyncClient, patience: Patience) -> None:
        self.watches: set[BookWatch] = set()
        self.book: VenueBook | None = None
        self.error: Error | None = None
        self._market = market
        self._depth = depth
        self._client = client
        self._patience = patience
        self._failures = 0
        self._trouble = ""
        self._stream: BookStream | None = None
        self._task = asyncio.create_task(self._keep(), name=f"tidewire book {market[1]} at {market[0]}")
        self._task.add_done_callback(self._ended)

    @property
    def reason(self) -> str:
        """Why there is no book."""
        return self._trouble or (self._stream.reason if self._stream is not None else "") or "not connected yet"

    async def aclose(self) -> None:
        """Unsubscribe."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while self.error is None:
            try:
                await self._follow()
            except Error as error:
                self._failures += 1
                self._trouble = f"{type(error).__name__}: {error}"
                if isinstance(error, ConfigError):
                    self.error = error
                self._tell()
                if self.error is None:
                    pause = self._patience.pause(self._failures)
                    await asyncio.sleep(max(getattr(error, "retry_after", None) or 0.0, pause))

    async def _follow(self) -> None:
        venue, symbol = self._market
        instrument = await self._client.instrument(symbol)
        async with self._client.watch_book(symbol, self._depth) as self._stream:
            async for book in self._stream:
                if self.book is None or self.book.book is not book:
                    self.book = VenueBook(venue, instrument, book)
                self._failures, self._trouble = 0, ""
                self._tell()
        raise StreamClosed("the client is closed", venue=venue)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Leave nobody waiting for a keeper that a bug has ended."""
        if not task.cancelled() and (bug := task.exception()) is not None:
            self.error = StreamClosed(f"{type(bug).__name__} in the keeper of a book", venue=self._market[0])
            self._trouble = str(self.error)
            self._tell()
            task.get_loop().call_exception_handler({"message": "the keeper of a book failed", "exception": bug})

    def _tell(self) -> None:
        for watch in self.watches:
            watch.note(self._market)
