"""Five million messages over two hundred books, with reconnections and rotations: memory flat, nothing left over.

The frames are made in another process, so that only the reader's memory is looked at. Where the machine is too slow for
all of them in the time given, as many as fit are read, and the figure printed says how many.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidewire._call import Call
from tidewire._websocket import Socket, connect
from tidewire.book import BookState
from tidewire.stream import BookStream, Streams
from tidewire.symbols import Symbol
from tidewire.venues import venue

from .exchange import QUICK, Exchange, ours
from .soak_source import DEPTH

SYMBOLS = 200
MESSAGES = int(os.environ.get("TIDEWIRE_SOAK_MESSAGES", "5000000"))
LIMIT_S = float(os.environ.get("TIDEWIRE_SOAK_SECONDS", "75"))
GROWTH = 0.02
SOURCE = Path(__file__).with_name("soak_source.py")

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")


class Control:
    """The wire to the other process."""

    def __init__(self) -> None:
        self.socket: Socket | None = None
        self._answers: list[asyncio.Future[int]] = []
        self._read = 0

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        self._answers.pop(0).set_result(int(bytes(payload)))

    def on_closed(self, reason: str) -> None:
        pass

    def say(self, text: str) -> None:
        assert self.socket is not None
        self.socket.send(text)

    def has_read(self, sequence: int) -> None:
        """Tell how far the books have come, now and then."""
        if sequence >= self._read + 10:
            self._read = sequence
            self.say(str(sequence))

    async def snapshot(self, call: Call[Any]) -> Any:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self.say("sequence")
        bids, asks = [
            [[f"{at + step * level}.00", "1.0"] for level in range(DEPTH)] for at, step in ((100, -1), (101, 1))
        ]
        return call.parse(json.dumps({"lastUpdateId": await answer, "bids": bids, "asks": asks}).encode())


def resident() -> int:
    """Bytes of memory in use by this process, without what the allocator only keeps for later."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


async def read(stream: BookStream, control: Control, live: list[int]) -> None:
    async for book in stream:
        live[0] += book.state is BookState.LIVE
        control.has_read(book.sequence or 0)


async def instrument(symbol: str | Symbol) -> Any:
    made = await Exchange().instrument("BTC-USDT")
    return msgspec.structs.replace(made, native=str(symbol))


def limited(stream: BookStream) -> BookStream:
    limits = {"topics_per_connection": 50, "life_s": 3.0, "commands_per_s": 100.0}
    stream._channel = replace(stream._channel, feed=replace(stream._channel.feed, **limits))
    return stream


async def soak(port: int) -> None:
    control, live, sizes, cuts, seen = Control(), [0], list[int](), 0, 0
    control.socket = await connect(f"ws://127.0.0.1:{port}/control", lambda socket: control)
    binance = venue("binance", stream_url=f"ws://127.0.0.1:{port}")
    streams = Streams(binance, run=control.snapshot, instrument=instrument, patience=QUICK)
    opened = [limited(streams.watch_book(f"A{number:03d}-USDT", DEPTH)) for number in range(SYMBOLS)]
    readers = [asyncio.create_task(read(stream, control, live)) for stream in opened]
    began, enough = time.monotonic(), False
    while not enough and time.monotonic() - began < LIMIT_S:
        await asyncio.sleep(0.25)
        connections = streams.stats().connections
        seen = sum(each.messages for each in connections)
        enough = seen >= MESSAGES and all(each.rotations and each.reconnects for each in connections)
        if time.monotonic() - began > (cuts + 1) * LIMIT_S / 12:
            cuts += 1
            control.say("cut")
        sizes.append(resident())
    stats, took = streams.stats(), time.monotonic() - began
    await streams.aclose()
    await asyncio.gather(*readers)
    control.say("stop")
    await control.socket.wait_closed()
    rotations = sum(each.rotations for each in stats.connections)
    reconnects = sum(each.reconnects for each in stats.connections)
    third = len(sizes) // 3
    # The floor: above it lies what is held for a moment, while books wait for snapshots after a reconnection.
    early, late = min(sizes[third : 2 * third]), min(sizes[2 * third :])
    print(
        f"\nsoak: {seen} messages in {took:.0f} s, {SYMBOLS} books on {len(stats.connections)} connections, "
        f"{reconnects} reconnections, {rotations} rotations, {live[0]} readings of a live book, "
        f"{late / 1e6:.1f} MB, grown by {late / early - 1:+.2%}, "
        f"latency p50 {stats.latency.p50_us:.1f} us, p99 {stats.latency.p99_us:.1f} us"
    )
    assert all(book.resyncs >= 1 for book in stats.books.values())
    assert reconnects >= len(stats.connections)
    assert rotations >= 1
    assert late / early - 1 < GROWTH
    assert not ours()


def test_memory_stays_flat_and_nothing_is_left_over() -> None:
    before = open_files()
    with subprocess.Popen([sys.executable, SOURCE, str(SYMBOLS)], stdout=subprocess.PIPE, text=True) as source:
        assert source.stdout is not None
        try:
            asyncio.run(soak(int(source.stdout.readline())))
            assert source.wait(10) == 0
        finally:
            source.kill()
    assert open_files() == before, "a socket is left over"
