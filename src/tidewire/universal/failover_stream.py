"""A live stream that goes on at another venue when its own is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from ..client import AsyncClient
from ..errors import ConfigError, ConnectionFailed, Error, StreamClosed, VenuesFailed
from ..symbols import Symbol
from .failover import Desk, Option
from .provenance import Failed

__all__ = ["FailoverStream"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Stream(Protocol[T_co]):
    async def __anext__(self) -> T_co: ...
    async def aclose(self) -> None: ...


class FailoverStream(Generic[T]):
    """An async iterator of one market's live data, of one venue at a time; also an async context manager.

    A venue's stream mends itself. This one moves on to the next venue when waiting cannot mend it, or when the venue
    has not been connected for the time-out of ``AsyncUniversal``, and then stays there. What happened between the two
    is not fetched: items say which venue they are of, books by ``venue``. A quiet market is no lost one.

    Raises ``VenuesFailed`` when every venue has been lost without giving an item, and ``StreamClosed`` with ``missed``
    when the reader is too slow, which no other venue would mend. For one task at a time.
    """

    def __init__(
        self,
        desk: Desk,
        clients: Mapping[str, AsyncClient],
        verb: str,
        symbol: Symbol,
        begin: Callable[[AsyncClient], _Stream[T]],
        pinned: str | None,
    ) -> None:
        self._desk, self._clients, self._verb, self._symbol = desk, clients, verb, symbol
        self._begin, self._pinned = begin, pinned
        self._current: tuple[Option, _Stream[T]] | None = None
        self._failed: dict[str, Failed] = {}
        self._opened = desk.clock()
        self._closed = False

    @property
    def venue(self) -> str | None:
        """The venue that is followed now; ``None`` before the first item is asked for."""
        return None if self._current is None else self._current[0].venue

    @property
    def failed(self) -> tuple[Failed, ...]:
        """Venues lost so far, the latest loss of each, in their order; ``after_s`` counts from the first opening."""
        return tuple(self._failed.values())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        tried: set[str] = set()
        while not self._closed:
            try:
                option, stream = self._current or self._open(tried)
                return await self._item(stream, self._clients[option.venue])
            except Error as error:
                await self._lose(error, tried)
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Unsubscribe. Closing twice does nothing."""
        self._closed = True
        current, self._current = self._current, None
        if current is not None:
            await current[1].aclose()

    def _open(self, tried: set[str]) -> tuple[Option, _Stream[T]]:
        """Subscribe at the first venue not tried since the last item."""
        plan = self._desk.plan(self._verb, (self._symbol,), self._pinned)
        for option in plan.options:
            if option.venue not in tried:
                tried.add(option.venue)
                try:
                    self._current = option, self._begin(self._clients[option.venue])
                except Error as error:
                    self._note(option, error)
                else:
                    return self._current
        self._closed = True
        causes: dict[str, Error] = {option.venue: error for option, error in plan.lacking.items()}
        causes |= {venue: failed.error for venue, failed in self._failed.items() if venue in tried}
        if self._pinned is not None:
            raise causes[self._pinned]
        raise VenuesFailed(f"{self._verb} {self._symbol}: every venue was lost", causes=causes)

    async def _item(self, stream: _Stream[T], client: AsyncClient) -> T:
        while True:
            try:
                async with asyncio.timeout(self._desk.timeout):
                    return await stream.__anext__()
            except TimeoutError:
                connections = client.streams.stats().connections
                if not any(each.connected for each in connections):
                    why = next((each.last_error for each in connections if each.last_error), "none was opened")
                    raise ConnectionFailed(f"not connected for {self._desk.timeout:g} s: {why}") from None

    async def _lose(self, error: Error, tried: set[str]) -> None:
        current, self._current = self._current, None
        if current is None:
            raise error  # nothing is left to open
        option, stream = current
        tried.add(option.venue)
        await stream.aclose()
        self._note(option, error)

    def _note(self, option: Option, error: Error) -> None:
        """Remember why a venue was lost; raise what is no venue's fault: a wrong call, or a reader that is too slow."""
        if (isinstance(error, ConfigError) and error.venue is None) or (
            isinstance(error, StreamClosed) and error.missed
        ):
            self._closed = True
            raise error
        error.venue = error.venue or option.venue
        self._desk.failed(option, error)
        self._failed.pop(option.venue, None)
        after_s = self._desk.clock() - self._opened
        self._failed[option.venue] = Failed(option.venue, option.symbol, error, after_s)
