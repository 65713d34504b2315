"""A network and a clock that exist only in the test: frames take time that nobody waits for, in the order of a seed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from tidewire._websocket import Peer
from tidewire.errors import ConnectionFailed, Timeout

__all__ = ["End", "Network", "VirtualLoop", "virtual_time"]

EPOCH_NS = 1_790_000_000 * 10**9  # when the clock stood at zero


class _Idle(selectors.SelectSelector):
    """Sees no file; where it would wait, time passes at once."""

    passed = 1_000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everything waits, and for nothing that will ever happen")
        self.passed += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next thing that is due."""

    def __init__(self) -> None:
        self._idle = _Idle()
        super().__init__(self._idle)

    def time(self) -> float:
        return self._idle.passed


@contextlib.contextmanager
def virtual_time(loop: VirtualLoop) -> Iterator[None]:
    """Let the whole process tell the loop's time."""
    nanoseconds = lambda: round(loop.time() * 1e9)  # noqa: E731
    with mock.patch.multiple(
        time,
        monotonic=loop.time,
        monotonic_ns=nanoseconds,
        time=lambda: EPOCH_NS / 1e9 + loop.time(),
        time_ns=lambda: EPOCH_NS + nanoseconds(),
    ):
        yield


class End:
    """One end of a connection, in the place of ``tidewire._websocket.Socket``."""

    unsent = 0

    def __init__(self, network: Network, path: str) -> None:
        self.path = path
        self.last_received = network.loop.time()
        self.is_closing = False
        self.is_paused = False
        self.other: End = self
        self.peer: Peer | None = None
        self.on_received: Callable[[str | bytes], None] = lambda frame: None
        self._network = network
        self._gone = network.loop.create_future()
        self._under_way: deque[Callable[[], None]] = deque()

    def send(self, data: str | bytes) -> None:
        if not self.is_closing:
            self._carry(lambda: self.other._arrive(data))

    def ping(self, payload: bytes = b"") -> None:
        if not self.is_closing:
            self._carry(lambda: self.other._pinged())

    def close(self, code: int = 1000, reason: str = "") -> None:
        if not self.is_closing:
            self.is_closing = True
            self._carry(lambda: self.other._hear_of_the_end(f"closed by the other end ({code}: {reason})"))
            self._network.later(1.0, lambda: self._end("closed by us"))

    def abort(self) -> None:
        self.is_closing = True
        self._carry(lambda: self.other._hear_of_the_end("connection lost without a close frame"))
        self._network.later(0.0, lambda: self._end("closed by us"))

    def pause(self) -> None:
        self.is_paused = True

    async def wait_closed(self) -> None:
        await asyncio.shield(self._gone)

    # What the network does.

    def _carry(self, arrive: Callable[[], None]) -> None:
        """In order, whatever the latency: each arrival takes the oldest that is under way."""
        self._under_way.append(arrive)
        self._network.later(self._network.latency, lambda: self._under_way.popleft()())

    def _arrive(self, data: str | bytes) -> None:
        if self.is_paused or self.is_closing or self.peer is None:
            return
        self.last_received = self._network.loop.time()
        is_text = isinstance(data, str)
        payload = memoryview(data.encode() if isinstance(data, str) else data)
        try:
            self.peer.on_frame(payload, is_text)
        finally:
            payload.release()
        self.on_received(data)

    def _pinged(self) -> None:
        if not self.is_paused and not self.is_closing:
            self.last_received = self._network.loop.time()
            self._carry(lambda: self.other._ponged())

    def _ponged(self) -> None:
        if not self.is_paused:
            self.last_received = self._network.loop.time()

    def _hear_of_the_end(self, reason: str) -> None:
        if not self.is_paused:
            self.is_closing = True
            self._end(reason)
            if not self.other._gone.done():
                self._carry(lambda: self.other._end("closed by us"))

    def _end(self, reason: str) -> None:
        self.is_closing = True
        if not self._gone.done():
            self._gone.set_result(None)
            if self.peer is not None:
                self.peer.on_closed(reason)


class Network:
    """Connects clients to one venue's service, through its fault plan. ``latency`` is seconds, one way."""

    def __init__(self, loop: VirtualLoop, service: Any, latency: float) -> None:
        self.loop, self.service, self.latency = loop, service, latency
        self.clients: list[End] = []

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.loop.call_later(seconds, action)

    async def connect(self, url: str, peer_factory: Callable[[End], Peer], *, timeout: float = 10.0, **_: Any) -> End:  # noqa: ASYNC109
        """In the place of ``tidewire._websocket.connect``."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        await asyncio.sleep(2 * self.latency)
        armed = self.service.plan.on_connect(self.service.dialect.name)
        if armed is not None and armed.fault.kind == "stall":
            await asyncio.sleep(timeout)
            raise Timeout("no WebSocket connection")
        if armed is not None:
            raise ConnectionFailed("closed during the handshake")
        status = int(self.service._accepts(path))
        if status != 101:
            raise ConnectionFailed(f"refused the WebSocket: HTTP {status}")
        client, server = End(self, path), End(self, path)
        client.other, server.other = server, client
        server.peer = self.service._open(server)
        client.peer = peer_factory(client)
        self.clients.append(client)
        return client


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let everything that asks the process for chance get the seed's."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
