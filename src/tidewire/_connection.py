"""One managed WebSocket connection: it connects, subscribes in paced batches, watches for silence, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import msgspec

from ._feed import Acknowledged, Buffer, Feed, Leaving, Refused
from ._websocket import Socket, connect
from .errors import ConnectionFailed, DecodeError, Error, StreamClosed, TransportError

__all__ = ["Connection", "ConnectionStats", "Patience", "Subscriber"]

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
    """A connection's history in numbers. ``unreadable`` counts frames that could not be read at all."""

    url: str
    connected: bool
    topics: int
    messages: int
    bytes: int
    unreadable: int
    reconnects: int
    last_error: str | None


class Subscriber(Protocol):
    """What receives one topic. Runs in the event loop's thread."""

    def on_up(self) -> None:
        """Data flows from now on."""

    def on_data(self, payload: Buffer) -> None:
        """Take one message; ``payload`` is valid only until this returns."""

    def on_down(self, reason: str) -> None:
        """Data may be missing from now on, until ``on_up``."""

    def on_failed(self, error: Error) -> None:
        """The topic cannot be had: the first connection failed, or the venue refused. Nothing follows."""


class Connection:
    """Keeps a feed's topics flowing over one socket for as long as it lives. For one event loop.

    What fails before the connection was ever up is told to the subscribers; what breaks later is mended without end,
    and shows as ``on_down`` and ``on_up``.
    """

    def __init__(self, feed: Feed, patience: Patience, ssl_context: ssl.SSLContext | None = None) -> None:
        self._feed = feed
        self._patience = patience
        self._ssl = ssl_context
        self._read = feed.read
        self._subscribers: dict[str, Subscriber] = {}
        self._held: set[str] = set()  # topics that the venue was asked for on this socket
        self._up: set[str] = set()
        self._commands: dict[int, tuple[Sequence[str], float]] = {}  # unanswered: topics asked for, when sent
        self._number = 0
        self._socket: Socket | None = None
        self._was_up = False
        self._why_down = ""
        self._pinged = 0.0
        self._wake = asyncio.Event()
        self._messages = self._bytes = self._unreadable = self._reconnects = 0
        self._last_error: str | None = None
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
        return ConnectionStats(
            url=str(self._feed),
            connected=self._socket is not None and not self._socket.is_closing,
            topics=len(self._subscribers),
            messages=self._messages,
            bytes=self._bytes,
            unreadable=self._unreadable,
            reconnects=self._reconnects,
            last_error=self._last_error,
        )

    def add(self, topic: str, subscriber: Subscriber) -> None:
        """Ask for a topic, now or as soon as the connection is up."""
        self._subscribers[topic] = subscriber
        if topic in self._up:
            subscriber.on_up()
        self._wake.set()

    def remove(self, topic: str, subscriber: Subscriber) -> None:
        """Want a topic no more, unless another subscriber has taken it over."""
        if self._subscribers.get(topic) is subscriber:
            del self._subscribers[topic]
            self._wake.set()

    async def aclose(self) -> None:
        """Close the socket and wait until nothing of it is left. Subscribers are told nothing."""
        self._subscribers.clear()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # Peer of the socket.

    def on_frame(self, payload: Buffer, is_text: bool) -> None:
        """Read one frame and hand it on."""
        self._messages += 1
        self._bytes += len(payload)
        try:
            message = self._read(payload)
        except DecodeError as error:
            self._lost_frame(error)
            return
        if not isinstance(message, tuple):
            self._control(message)
            return
        topic, data = message
        subscriber = self._subscribers.get(topic)
        if subscriber is None:
            return  # still under way when it was unsubscribed
        if topic not in self._up:
            self._now_up((topic,))
        subscriber.on_data(data)

    def on_closed(self, reason: str) -> None:
        """Tell the subscribers why, and let the keeper act."""
        self._why_down = self._why_down or reason
        self._tell_down(self._why_down)
        self._wake.set()

    # Messages that are not data.

    def _control(self, message: Acknowledged | Refused | Leaving | None) -> None:
        match message:
            case Acknowledged(number):
                self._now_up(self._answered(number))
            case Refused(number, error):
                self._refused(self._answered(number), error)
            case Leaving(reason):
                self._hang_up(f"the venue closes the connection: {reason}")

    def _answered(self, number: int | None) -> Sequence[str]:
        return self._commands.pop(number, ((), 0.0))[0] if number is not None else ()

    def _now_up(self, topics: Sequence[str]) -> None:
        self._was_up = True
        for topic in topics:
            subscriber = self._subscribers.get(topic)
            if topic in self._held and topic not in self._up:
                self._up.add(topic)
                if subscriber is not None:
                    subscriber.on_up()

    def _refused(self, topics: Sequence[str], error: Error) -> None:
        log.warning("%s refused %s: %s", self._feed, ", ".join(topics) or "a command", error)
        self._last_error = str(error)
        for topic in topics:
            subscriber = self._subscribers.pop(topic, None)
            self._held.discard(topic)
            if subscriber is not None:
                subscriber.on_failed(error)

    def _lost_frame(self, error: DecodeError) -> None:
        """Whose frame that was cannot be known: every topic may have lost something."""
        self._unreadable += 1
        self._last_error = str(error)
        log.warning("%s sent a frame that cannot be read: %s", self._feed, error)
        for topic in tuple(self._up):
            subscriber = self._subscribers.get(topic)
            if subscriber is not None:
                subscriber.on_down("a frame could not be read")
                subscriber.on_up()

    # The keeper.

    async def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            error = await self._stay_connected()
            self._went_down(error)
            if not self._was_up or not isinstance(error, TransportError):
                self._give_up(error)
                return
            failures = 1 if time.monotonic() - began > self._patience.calm_s else failures + 1
            await asyncio.sleep(self._patience.pause(failures))
            self._reconnects += 1

    async def _stay_connected(self) -> Error:
        """Connect and serve until that ends; return why."""
        self._why_down = ""
        try:
            socket = await connect(
                self._feed.url, self._attach, ssl_context=self._ssl, timeout=self._patience.connect_s
            )
        except Error as error:
            return error
        try:
            await self._attend(socket)
        finally:
            socket.close()
            await socket.wait_closed()
        return ConnectionFailed(f"{self._feed}: {self._why_down}")

    def _attach(self, socket: Socket) -> Self:
        self._socket = socket
        self._held.clear()
        self._commands.clear()
        return self

    async def _attend(self, socket: Socket) -> None:
        """Send what is to be sent, no faster than the venue allows, and watch for silence."""
        while not socket.is_closing:
            self._wake.clear()
            if self._send_command(socket):
                await asyncio.sleep(1.0 / self._feed.commands_per_s)
                continue
            self._check_silence(socket)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._feed.idle_s, self._feed.answer_s) / 4):
                    await self._wake.wait()

    def _send_command(self, socket: Socket) -> bool:
        """Bring the venue's idea of our topics one batch closer to ours; return whether a command was needed."""
        surplus = [topic for topic in self._held if topic not in self._subscribers]
        missing = [topic for topic in self._subscribers if topic not in self._held]
        if not surplus and not missing:
            return False
        batch = (surplus or missing)[: self._feed.topics_per_command]
        self._number += 1
        if surplus:
            self._held.difference_update(batch)
            self._up.difference_update(batch)
            command = self._feed.unsubscribe(batch, self._number)
        else:
            self._held.update(batch)
            command = self._feed.subscribe(batch, self._number)
        self._commands[self._number] = (() if surplus else batch, time.monotonic())
        socket.send(command)
        return True

    def _check_silence(self, socket: Socket) -> None:
        now = time.monotonic()
        quiet = now - socket.last_received
        oldest = min((sent for _, sent in self._commands.values()), default=now)
        if now - oldest > self._feed.answer_s:
            self._hang_up(f"a command was not answered within {self._feed.answer_s:g} s")
        elif quiet > self._feed.idle_s + self._feed.answer_s:
            self._hang_up(f"silent for {quiet:.1f} s")
        elif quiet > self._feed.idle_s and self._pinged <= socket.last_received:
            self._pinged = now
            socket.ping()

    def _hang_up(self, reason: str) -> None:
        self._why_down = reason
        self._tell_down(reason)
        if self._socket is not None:
            self._socket.abort()

    def _went_down(self, error: Error) -> None:
        log.warning("connection lost: %s", error)
        self._last_error = str(error)
        self._socket = None
        self._tell_down(str(error))

    def _tell_down(self, reason: str) -> None:
        down, self._up = self._up, set()
        for topic in down:
            if topic in self._subscribers:
                self._subscribers[topic].on_down(reason)

    def _give_up(self, error: Error) -> None:
        failed, self._subscribers = self._subscribers, {}
        for subscriber in failed.values():
            subscriber.on_failed(error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Leave nobody waiting for a keeper that a bug has ended."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(StreamClosed(f"{self._feed}: {type(error).__name__} in its keeper"))
            task.get_loop().call_exception_handler({"message": "a connection's keeper failed", "exception": error})
