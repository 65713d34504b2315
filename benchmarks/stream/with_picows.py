"""The recorded venue through a bare picows loop, which counts frames and does nothing else."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from importlib.metadata import version

import picows
from lap import Lap, ports


class Counter(picows.WSListener):
    """``lead`` and ``last`` are counts of frames here, the answer to the subscription not included."""

    def __init__(self, lap: Lap, rest: int) -> None:
        self._lap, self._rest, self._count = lap, rest, -1
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        transport.send(picows.WSMsgType.TEXT, json.dumps({"method": "SUBSCRIBE", "params": [], "id": 1}).encode())

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        frame.get_payload_as_memoryview()
        self._count += 1
        self._lap.mark(self._count)
        if self._count == 1:
            urllib.request.urlopen(f"http://127.0.0.1:{self._rest}/api/v3/depth").read()
        elif self._count == self._lap.lead:
            self._lap.go()
        elif self._count == self._lap.last:
            self._lap.stop()
            self.done.set_result(None)


async def main() -> None:
    rest, stream = ports()
    lap = Lap(rest)
    transport, counter = await picows.ws_connect(lambda: Counter(lap, rest), f"ws://127.0.0.1:{stream}/ws")
    await counter.done
    transport.disconnect()
    await transport.wait_disconnected()
    lap.tell(f"picows {version('picows')}", (), ())


asyncio.run(main())
