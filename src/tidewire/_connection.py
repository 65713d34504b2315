"""One managed WebSocket connection: a line that is kept up, replaced when it breaks, and told what to carry."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ._feed import Feed, Moment
from ._line import Desk, Line, Subscriber, Traffic
from .errors import Error, StreamClosed, TransportError

__all__ = ["Connection", "ConnectionStats", "Patience"]

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
    never came.
    """

    url: str
    connected: bool
    topics: int
    messages: int
    bytes: int
    unreadable: int
    missing: int
    reconnects: int
    last_error: str | None


class Connection:
    """Keeps a feed's topics flowing for as long as it lives. For one event loop.

    What fails before the connection was ever up is told to the subscribers; what breaks later is mended without end,
    and shows as ``on_down`` and ``on_up``.
    """

    def __init__(self, feed: Feed, desk: Desk, patience: Patience) -> None:
        self._feed = feed
        self._desk = desk
        self._patience = patience
        self._subscribers: dict[str, Subscriber] = {}
        self._traffic = Traffic()
        self._line = self._new_line()
        self._was_up = False
        self._reconnects = 0
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
            last_error=traffic.last_error,
        )

    def add(self, topic: str, subscriber: Subscriber) -> None:
        """Ask for a topic, now or as soon as the connection is up."""
        self._subscribers[topic] = self._line.topics[topic] = subscriber
        if topic in self._line.up:
            subscriber.on_up()
        self._line.wake()

    def remove(self, topic: str, subscriber: Subscriber) -> None:
        """Want a topic no more, unless another subscriber has taken it over."""
        if self._subscribers.get(topic) is subscriber:
            del self._subscribers[topic], self._line.topics[topic]
            self._line.wake()

    def renew(self, topic: str) -> None:
        """Subscribe to a topic anew, which makes the venue send its snapshot again."""
        self._line.renew(topic)

    async def ask(self, write: Callable[[Moment], str]) -> bytes:
        """Ask the venue something over the socket, and return the answer's payload."""
        return await self._line.ask(write)

    async def aclose(self) -> None:
        """Close the socket and wait until nothing of it is left. Subscribers are told nothing."""
        self._subscribers.clear()
        self._line.topics.clear()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # Owner of the line.

    def on_alive(self) -> None:
        """Note that the venue talks to us: from now on, what breaks is mended."""
        self._was_up = True

    def on_refused(self, topic: str, error: Error) -> None:
        """Tell who wanted the topic."""
        subscriber = self._subscribers.pop(topic, None)
        if subscriber is not None:
            subscriber.on_failed(error)

    def on_leaving(self, line: Line, reason: str) -> None:
        """Come back at once, rather than when the venue hangs up."""
        line.hang_up(f"the venue closes the connection: {reason}")

    # The keeper.

    def _new_line(self) -> Line:
        return Line(self._feed, self._desk, self, dict(self._subscribers), self._traffic, self._patience.connect_s)

    async def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            error = await self._line.run()
            log.warning("connection lost: %s", error)
            self._traffic.last_error = str(error)
            if not self._was_up or not isinstance(error, TransportError):
                self._give_up(error)
                return
            self._line = self._new_line()
            failures = 1 if time.monotonic() - began > self._patience.calm_s else failures + 1
            await asyncio.sleep(self._patience.pause(failures))
            self._reconnects += 1

    def _give_up(self, error: Error) -> None:
        failed, self._subscribers = self._subscribers, {}
        for subscriber in failed.values():
            subscriber.on_failed(error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Leave nobody waiting for a keeper that a bug has ended."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(StreamClosed(f"{self._feed}: {type(error).__name__} in its keeper"))
            task.get_loop().call_exception_handler({"message": "a connection's keeper failed", "exception": error})
