"""A bare WebSocket client on a sandbox's streams, which queues what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from tidewire import _websocket
from tidewire.sandbox import Sandbox


class Listener:
    """Queues frames, inflated and parsed."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Any] = asyncio.Queue()
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.socket: _websocket.Socket | None = None

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        self.frames.put_nowait(json.loads(bytes(payload) if is_text else gzip.decompress(payload)))

    def on_closed(self, reason: str) -> None:
        self.closed.set_result(reason)

    def send(self, **message: Any) -> None:
        assert self.socket is not None
        self.socket.send(json.dumps(message))

    async def next(self) -> Any:
        return await asyncio.wait_for(self.frames.get(), 5)

    async def until(self, test: Callable[[Any], bool]) -> list[Any]:
        """Everything up to and including the first frame that passes."""
        frames = [await self.next()]
        while not test(frames[-1]):
            frames.append(await self.next())
        return frames

    async def drained(self, count: int) -> list[Any]:
        return [await self.next() for _ in range(count)]


@contextlib.asynccontextmanager
async def listen(sandbox: Sandbox, path: str, venue: str = "binance") -> AsyncIterator[Listener]:
    listener = Listener()

    def attach(socket: _websocket.Socket) -> Listener:
        listener.socket = socket
        return listener

    socket = await _websocket.connect(sandbox.stream_url(venue) + path, attach)
    try:
        yield listener
    finally:
        socket.close()
        await socket.wait_closed()
