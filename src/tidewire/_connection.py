"""One managed WebSocket connection: a line that is kept up, replaced when it breaks, and told what to carry."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ._feed import Buffer, Feed, Moment
from ._heir import Heir, Ready
from ._line import Line
from ._subscriber import Desk, Subscriber, Traffic
from .errors import Error, StreamClosed, TransportError
from .latency import Latency

__all__ = ["Connection", "ConnectionStats", "LiveSubscriber", "Patience"]

log = logging.getLogger("tidewire.stream")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds, before trying again: ``first_s`` doubling up to ``cap_s``, each spread by half.

    The doubling starts anew after ``calm_s`` without a failure. ``connect_s`` is the time one attempt to connect may
    take.
    """

    first_s: float = 0.25
    cap_s: float = 30.0
    calm_s: float = 30.0
    connect_s: float = 10.0

    def pause(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        return min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, 32)) * random.uniform(0.5, 1.0)


class ConnectionStats(msgspec.Struct, frozen=True, kw_only=True):
    """A connection's history in numbers.

    ``unreadable`` counts frames that could not be read at all, ``missing`` messages that the venue numbered and that
    never came; ``rotations`` times that another line took over, prepared before the old one ended.
    ``gaps``, ``latency`` and ``lag`` sum up those of its books.
    """

    url: str
    connected: bool
    topics: int
    messages: int
    bytes: int
    unreadable: int
    missing: int
    reconnects: int
    rotations: int
    last_error: str | None
    gaps: int = 0
    latency: Latency = Latency()
    lag: Latency = Latency()


class LiveSubscriber(Subscriber, Protocol):
    """A subscriber that outlives lines."""

    def heir(self, ready: Ready) -> Heir:
        """What takes the topic on a new line until ``ready`` is called."""
        ...


class Connection:
    """Keeps a feed's topics flowing for as long as it lives. For one event loop.

    What fails before the connection was ever up is told to the subscribers; what breaks later is mended without end,
    and shows as ``on_down`` and ``on_up``. Before the venue ends a line, another one takes over, topic by topic.
    """

    def __init__(self, feed: Feed, desk: Desk, patience: Patience) -> None:
        self._feed = feed
        self._desk = desk
        self._patience = patience
        self._subscribers: dict[str, LiveSubscriber] = {}
        self._traffic = Traffic()
        self._line = self._new_line(dict(self._subscribers))
        self._successor: Line | None = None
        self._heirs: dict[str, Heir] = {}
        self._running: set[asyncio.Task[Error]] = set()
        self._retiring = asyncio.Event()
        self._handed_over = asyncio.Event()
        self._was_up = False
        self._reconnects = self._rotations = 0
        self._task = asyncio.create_task(self._run(), name=f"tidewire connection to {feed}")
        self._task.add_done_callback(self._ended)

    @property
    def has_room(self) -> bool:
        """True while another topic may join."""
        return len(self._subscribers) < self._feed.topics_per_connection and not self._task.done()

    @property
    def is_idle(self) -> bool:
        """True when no topic is left."""
        return not self._subscribers

    @property
    def stats(self) -> ConnectionStats:
        """Counters since the connection was made."""
        traffic = self._traffic
        return ConnectionStats(
            url=str(self._feed),
            connected=self._line.connected,
            topics=len(self._subscribers),
            messages=traffic.messages,
            bytes=traffic.bytes,
            unreadable=traffic.unreadable,
            missing=traffic.missing,
            reconnects=self._reconnects,
            rotations=self._rotations,
            last_error=traffic.last_error,
        )

    def add(self, topic: str, subscriber: LiveSubscriber) -> None:
        """Ask for a topic, now or as soon as the connection is up."""
        self._subscribers[topic] = self._line.topics[topic] = subscriber
        if topic in self._line.up:
            subscriber.on_up()
        self._line.wake()
        if self._successor is not None:
            self._name_heir(self._successor, topic, subscriber)

    def remove(self, topic: str, subscriber: LiveSubscriber) -> None:
        """Want a topic no more, unless another subscriber has taken it over."""
        if self._subscribers.get(topic) is not subscriber:
            return
        del self._subscribers[topic]
        self._heirs.pop(topic, None)
        for line in self._lines():
            line.topics.pop(topic, None)
            line.wake()

    def renew(self, topic: str) -> None:
        """Subscribe to a topic anew, which makes the venue send its snapshot again."""
        self._line_of(topic).renew(topic)

    async def ask(self, topic: str, write: Callable[[Moment], str]) -> bytes:
        """Ask the venue something over the socket that carries a topic, and return the answer's payload."""
        return await self._line_of(topic).ask(write)

    async def aclose(self) -> None:
        """Close the sockets and wait until nothing of them is left. Subscribers are told nothing."""
        self._subscribers.clear()
        for line in self._lines():
            line.topics.clear()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _lines(self) -> list[Line]:
        return [self._line] if self._successor is None else [self._line, self._successor]

    def _line_of(self, topic: str) -> Line:
        return self._line if self._successor is None or topic in self._heirs else self._successor

    # Owner of the lines.

    def on_alive(self) -> None:
        """Note that the venue talks to us: from now on, what breaks is mended."""
        self._was_up = True
        self._handed_over.set()

    def on_refused(self, topic: str, error: Error) -> None:
        """Tell who wanted the topic."""
        subscriber = self._subscribers.pop(topic, None)
        self._heirs.pop(topic, None)
        for line in self._lines():
            line.topics.pop(topic, None)
        if subscriber is not None:
            subscriber.on_failed(error)

    def on_leaving(self, line: object, reason: str) -> None:
        """Have another line take over."""
        self._traffic.last_error = f"the venue closes the connection: {reason}"
        log.info("%s: %s", self._feed, self._traffic.last_error)
        if line is self._line:
            self._retiring.set()

    # The keeper.

    def _new_line(self, topics: dict[str, Subscriber]) -> Line:
        return Line(self._feed, self._desk, self, topics, self._traffic, self._patience.connect_s)

    async def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            error = await self._serve()
            log.warning("connection lost: %s", error)
            self._traffic.last_error = str(error)
            if not self._was_up or not (isinstance(error, TransportError) or error.retryable):
                self._give_up(error)
                return
            self._line = self._new_line(dict(self._subscribers))
            failures = 1 if time.monotonic() - began > self._patience.calm_s else failures + 1
            await asyncio.sleep(self._patience.pause(failures))
            self._reconnects += 1

    async def _serve(self) -> Error:
        """Serve on one line after another until one ends without a successor; return why."""
        self._retiring.clear()
        running = self._start(self._line)
        failures = 0
        try:
            while True:
                if not running.done():
                    await self._until_retirement(failures)
                if running.done():
                    return running.result()
                successor = await self._rotate(running)
                failures = failures + 1 if successor is running else 0
                running = successor
        finally:
            await _end(*self._running)

    async def _until_retirement(self, failures: int) -> None:
        """Return when the line has ended, or it is time that another one took over."""
        life_s = self._patience.pause(failures) if failures else self._feed.life_s
        # Spread a little: connections made together need not all be replaced together.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if life_s is None else life_s * random.uniform(0.97, 1.0)):
                await self._retiring.wait()
        self._retiring.clear()

    def _start(self, line: Line) -> asyncio.Task[Error]:
        def ended(task: asyncio.Task[Error]) -> None:
            self._running.discard(task)
            self._handed_over.set()
            if line is self._line:
                self._retiring.set()

        task = asyncio.create_task(line.run(), name=f"tidewire line to {self._feed}")
        self._running.add(task)
        task.add_done_callback(ended)
        return task

    # Rotation.

    async def _rotate(self, running: asyncio.Task[Error]) -> asyncio.Task[Error]:
        """Bring another line up and let it take over; return the task of the line that serves from now on."""
        successor = self._successor = self._new_line({})
        for topic, subscriber in self._subscribers.items():
            self._name_heir(successor, topic, subscriber)
        starting = self._start(successor)
        await self._until_handed_over(successor, running, starting)
        if starting.done() and not running.done():
            self._disinherit()
            return running
        was_alive = not running.done()
        for topic, heir in tuple(self._heirs.items()):
            heir.take_over()
            if not was_alive and topic in successor.up and topic in self._subscribers:
                self._subscribers[topic].on_up()
        retired, self._line, self._successor = self._line, successor, None
        retired.topics.clear()
        self._rotations += 1
        if was_alive:
            await retired.settle()
        await _end(running)
        return starting

    def _name_heir(self, successor: Line, topic: str, subscriber: LiveSubscriber) -> None:
        def ready(*, merging: bool = False) -> None:
            if self._heirs.pop(topic, None) is None:
                return
            successor.topics[topic] = subscriber
            if not merging:
                self._line.topics[topic] = _DEAF
            self._handed_over.set()

        self._heirs[topic] = successor.topics[topic] = subscriber.heir(ready)
        successor.wake()

    async def _until_handed_over(
        self, successor: Line, running: asyncio.Task[Error], starting: asyncio.Task[Error]
    ) -> None:
        """Return once every topic is handed over, or will not be: a line has ended, or has had its time."""
        deadline = None
        while self._heirs and not running.done() and not starting.done():
            if deadline is None and successor.complete:
                deadline = time.monotonic() + self._feed.answer_s
            self._handed_over.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if deadline is None else max(0.0, deadline - time.monotonic())):
                    await self._handed_over.wait()
            if deadline is not None and time.monotonic() >= deadline:
                return

    def _disinherit(self) -> None:
        """The successor has failed: the old line keeps what it has, and takes back what it had given."""
        self._heirs.clear()
        self._successor = None
        for topic, subscriber in self._subscribers.items():
            if self._line.topics.get(topic) is not subscriber:
                self._line.topics[topic] = subscriber
                subscriber.on_doubt("a connection that took over has failed")

    def _give_up(self, error: Error) -> None:
        failed, self._subscribers = self._subscribers, {}
        for subscriber in failed.values():
            subscriber.on_failed(error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Leave nobody waiting for a keeper that a bug has ended."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(StreamClosed(f"{self._feed}: {type(error).__name__} in its keeper"))
            task.get_loop().call_exception_handler({"message": "a connection's keeper failed", "exception": error})


async def _end(*running: asyncio.Task[Error]) -> None:
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


class _Deaf:
    """The old line's subscriber of a topic that has been handed over."""

    latency = None

    def on_up(self) -> None: ...
    def on_data(self, payload: Buffer) -> None: ...
    def on_doubt(self, reason: str) -> None: ...
    def on_down(self, reason: str) -> None: ...
    def on_failed(self, error: Error) -> None: ...
    def on_tick(self, now: float) -> None: ...


_DEAF = _Deaf()
