"""The venue of the soak test, in a process of its own: deltas of every book, as fast as they are read.

Prints its port. A connection to ``/control`` may say ``sequence`` (answered with the last number sent), ``cut`` (every
other connection is aborted), ``stop``, and, as a number, how far it has read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys

from tidewire._websocket import Socket, serve

DEPTH = 20
AHEAD = 50
"""Changes of every book sent beyond what is known to be read. A venue does not outrun its reader for minutes; where it
does, the system's buffers fill, and rotations and snapshots wait for seconds behind what is in them."""
PATIENCE_S = 0.1
"""While books wait for their snapshots, nothing is known to be read."""


class Source:
    """Sends, and does as it is told."""

    def __init__(self, symbols: int) -> None:
        self._chosen = random.Random(7)
        self._parts = [self._make(f"A{number:03d}USDT") for number in range(symbols)]
        self._topics: dict[Socket, set[str]] = {}
        self.sequence = 1
        self._read = 1
        self._heard = asyncio.Event()
        self.stopped = False

    def _make(self, native: str) -> tuple[str, str, list[str]]:
        topic = f"{native.lower()}@depth@100ms"
        chosen, bodies = self._chosen, []
        for _ in range(32):
            bids = [[f"{100 - chosen.randrange(DEPTH)}.00", f"{chosen.randrange(1, 99)}.5"] for _ in range(4)]
            bodies.append(json.dumps({"b": bids, "a": []}, separators=(",", ":"))[1:])
        return topic, f'{{"stream":"{topic}","data":{{"e":"depthUpdate","E":1,"s":"{native}","U":', bodies

    def accept(self, socket: Socket) -> Peer:
        if socket.path != "/control":
            self._topics[socket] = set()
        return Peer(self, socket)

    def hear(self, socket: Socket, text: str) -> None:
        match text:
            case "sequence":
                socket.send(str(self.sequence))
            case "cut":
                for each in tuple(self._topics):
                    each.abort()
            case "stop":
                self.stopped = True
            case number if number.isdecimal():
                self._read = int(number)
                self._heard.set()
            case _:
                command = json.loads(text)
                socket.send(json.dumps({"result": None, "id": command["id"]}, separators=(",", ":")))
                change = set.update if command["method"] == "SUBSCRIBE" else set.difference_update
                change(self._topics[socket], command["params"])

    def gone(self, socket: Socket) -> None:
        self._topics.pop(socket, None)

    async def run(self) -> None:
        server = await serve(self.accept)
        print(server.port, flush=True)
        while not self.stopped:
            if not any(self._topics.values()) or any(socket.unsent > 1 << 20 for socket in self._topics):
                await asyncio.sleep(0.001)
                continue
            self.sequence += 1
            for topic, head, bodies in self._parts:
                text = f'{head}{self.sequence},"u":{self.sequence},{bodies[self.sequence % 32]}}}'
                for socket, topics in self._topics.items():
                    if topic in topics:
                        socket.send(text)
            await self._until_read()
        await server.close()

    async def _until_read(self) -> None:
        await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while self.sequence > self._read + AHEAD:
                    self._heard.clear()
                    await self._heard.wait()


class Peer:
    def __init__(self, source: Source, socket: Socket) -> None:
        self._source, self._socket = source, socket

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        self._source.hear(self._socket, bytes(payload).decode())

    def on_closed(self, reason: str) -> None:
        self._source.gone(self._socket)


if __name__ == "__main__":
    asyncio.run(Source(int(sys.argv[1])).run())
