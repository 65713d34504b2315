"""Hand what happens to those who watch: one bounded queue per reader, for threads and for asyncio alike."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

from ..errors import Error, StreamClosed

__all__ = ["Stream", "Topic"]

T = TypeVar("T")


class Stream(Generic[T]):
    """What one reader has not read yet. Iterate with ``for`` or with ``async for``; one thread or task at a time.

    Holds up to ``limit`` items; a reader that falls further behind gets ``StreamClosed`` with the number it ``missed``,
    after what was kept. With ``latest_of``, an item takes the place of an unread one with the same key instead, and
    none is missed. Leaving the ``with`` block, or ``close``, ends the stream.
    """

    def __init__(
        self, limit: int, leave: Callable[[Stream[T]], object], latest_of: Callable[[T], object] | None
    ) -> None:
        self._limit = limit
        self._leave = leave
        self._latest_of = latest_of
        self._queue: deque[T] = deque()
        self._latest: dict[object, T] = {}
        self._changed = threading.Condition()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None
        self._missed = 0
        self._ended = False
        self._departed = False
        self._error: Error | None = None

    def close(self) -> None:
        """Read no more. Repeating it is harmless; any thread may."""
        self.end(None)
        self._depart()

    # The writer's side: any thread, never blocks.

    def put(self, item: T) -> None:
        """Add an item, or count it as missed."""
        with self._changed:
            if self._ended:
                return
            if self._latest_of is not None:
                self._latest[self._latest_of(item)] = item
            elif self._missed or len(self._queue) >= self._limit:
                self._missed += 1
            else:
                self._queue.append(item)
            self._wake()

    def miss(self, count: int) -> None:
        """So many items were lost on their way; a reader of the newest does not mind."""
        with self._changed:
            if not self._ended and self._latest_of is None:
                self._missed += count
                self._wake()

    def end(self, error: Error | None) -> None:
        """Nothing more comes: with an error unless the reader wished it."""
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
                self._wake()

    # The reader's side.

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        item = self.next()
        if item is None:
            raise StopIteration
        return item

    def next(self, timeout: float | None = None) -> T | None:
        """The next item; ``None`` when the stream is closed.

        Raises ``TimeoutError`` after ``timeout`` seconds without one.
        """
        try:
            with self._changed:
                if not self._changed.wait_for(self._is_ready, timeout):
                    raise TimeoutError(f"nothing came within {timeout} s")
                return self._take()
        except StreamClosed:
            self._depart()
            raise

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        loop = asyncio.get_running_loop()
        while True:
            with self._changed:
                if self._is_ready():
                    break
                waiting: asyncio.Future[None] = loop.create_future()
                self._waiter = (loop, waiting)
            await waiting
        item = self.next()  # does not wait: only this reader takes
        if item is None:
            raise StopAsyncIteration
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _depart(self) -> None:
        """Be forgotten by the writer. Not under our lock: the writer's is taken before it, when it puts."""
        with self._changed:
            departed, self._departed = self._departed, True
        if not departed:
            self._leave(self)

    def _is_ready(self) -> bool:
        return bool(self._queue or self._latest or self._missed or self._ended)

    def _take(self) -> T | None:
        if self._queue:
            return self._queue.popleft()
        if self._latest:
            return self._latest.pop(next(iter(self._latest)))
        if self._missed:
            missed, self._missed = self._missed, 0
            self._ended = True
            raise StreamClosed(
                f"the reader fell behind a queue of {self._limit}, or all of us behind the front: {missed} were missed",
                venue="ctp",
                missed=missed,
            )
        if self._error is not None:
            raise self._error
        return None

    def _wake(self) -> None:
        self._changed.notify()
        if self._waiter is not None:
            (loop, waiting), self._waiter = self._waiter, None
            with suppress(RuntimeError):  # the reader's loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, waiting)


def _resolve(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class Topic(Generic[T]):
    """All readers of one thing. It does not hold them: a stream that nobody reads any more is gone by itself."""

    def __init__(self) -> None:
        self._streams: tuple[weakref.ref[Stream[T]], ...] = ()
        self._lock = threading.Lock()
        self._over: tuple[Error | None] | None = None

    def watch(self, limit: int, latest_of: Callable[[T], object] | None = None) -> Stream[T]:
        """A new reader, who finds what comes from now on."""
        stream: Stream[T] = Stream(limit, self.leave, latest_of)
        self.join(stream)
        return stream

    def join(self, stream: Stream[T]) -> None:
        """Let a stream have what comes here, too."""
        with self._lock:
            if self._over is None:
                self._streams = (*self._streams, weakref.ref(stream))
                return
        stream.end(self._over[0])

    def put(self, item: T) -> bool:
        """Give an item to every reader; false when there is none."""
        found = False
        for held in self._streams:
            stream = held()
            if stream is not None:
                stream.put(item)
                found = True
        return found

    def miss(self, count: int) -> None:
        """Tell every reader that items were lost on their way."""
        for stream in self._living():
            stream.miss(count)

    def end(self, error: Error | None) -> None:
        """Nothing more comes."""
        with self._lock:
            self._over = (error,)
            streams = self._living()
            self._streams = ()
        for stream in streams:
            stream.end(error)

    def leave(self, stream: Stream[T]) -> None:
        """Take a reader away, and those that nobody holds."""
        with self._lock:
            self._streams = tuple(held for held in self._streams if held() not in (stream, None))

    def __bool__(self) -> bool:
        return any(held() is not None for held in self._streams)

    def _living(self) -> list[Stream[T]]:
        return [stream for held in self._streams if (stream := held()) is not None]
