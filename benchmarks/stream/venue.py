"""Binance's spot venue as it was recorded, for one client at a time: standard library only, so that any Python runs it.

Usage: python venue.py RECORDING PASSES MICROSECONDS [FRAMES]

It prints its two ports. A client gets the deltas from before the snapshot, the snapshot over REST, and ``LEAD`` deltas
after it; once it has asked for ``/go`` all the others, ``PASSES`` times over with rising numbers, as quickly as it
takes them, or one every so many microseconds. ``/sent`` then tells when each was given to the socket. ``FRAMES`` is
how much of the recording there is to a pass, if not all of it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LEAD = 50
_PATIENCE_S = 60
_CHUNK = 256  # frames to a write when nobody waits in between
_NUMBERS = re.compile(rb'"U":(\d+),"u":(\d+)')
_RULES = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
]
_MARKET = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "baseAssetPrecision": 8, "quoteAsset": "USDT",
    "quotePrecision": 8, "quoteAssetPrecision": 8, "isSpotTradingAllowed": True, "permissions": ["SPOT"],
    "orderTypes": ["LIMIT", "MARKET"], "filters": _RULES,
}  # fmt: skip


def recorded(path: Path) -> tuple[list[bytes], bytes, list[bytes]]:
    """Deltas that the snapshot holds already, the snapshot, and the deltas that continue it."""
    with gzip.open(path) as lines:
        bodies = [line.rstrip(b"\n").split(b" ", 1)[1] for line in lines]
    snapshot = next(body for body in bodies if body.startswith(b'{"lastUpdateId"'))
    deltas = [body for body in bodies if b'"depthUpdate"' in body[:80]]
    held = sum(last_number(delta) <= json.loads(snapshot)["lastUpdateId"] for delta in deltas)
    return deltas[:held], snapshot, deltas[held:]


def last_number(delta: bytes) -> int:
    """The number that a book stands at after a delta."""
    return int(_NUMBERS.search(delta)[2])  # type: ignore[index]


def repeated(snapshot: bytes, frames: list[bytes], passes: int) -> list[bytes]:
    """The frames several times over, each pass continuing the numbers of the one before.

    Between two passes one delta takes the book back to the snapshot.
    """
    last = last_number(frames[-1])
    first = int(json.loads(snapshot)["lastUpdateId"]) + 1  # the first frame may begin before it
    frames = [*frames, way_back(snapshot, frames, last + 1)]
    span = last + 2 - first

    def renumber(frame: bytes, by: int) -> bytes:
        numbers = _NUMBERS.search(frame)
        low = max(int(numbers[1]), first) if by else int(numbers[1])  # type: ignore[index]
        return _NUMBERS.sub(b'"U":%d,"u":%d' % (low + by, int(numbers[2]) + by), frame, count=1)  # type: ignore[index]

    return [renumber(frame, span * index) for index in range(passes) for frame in frames]


def way_back(snapshot: bytes, frames: list[bytes], number: int) -> bytes:
    """The delta from the book after the frames to the snapshot."""
    start = json.loads(snapshot)
    sides = {}
    for key, name in (("b", "bids"), ("a", "asks")):
        before = dict(start[name])
        after = dict(before)
        for frame in frames:
            after.update(json.loads(frame)["data"][key])
        gone = [[price, "0.00000000"] for price in after if price not in before]
        sides[key] = gone + [[price, quantity] for price, quantity in before.items() if after[price] != quantity]
    event = json.loads(frames[-1])
    event["data"] |= {"U": number, "u": number, **sides}
    return json.dumps(event, separators=(",", ":")).encode()


def on_the_wire(payload: bytes) -> bytes:
    """One unmasked text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class Venue:
    """Plays the recording. ``sent`` holds ``time.monotonic_ns`` by frame when they are paced."""

    def __init__(self, path: Path, passes: int, pause_us: float, count: int | None) -> None:
        before, self.snapshot, after = recorded(path)
        after = after[:count]
        frames = repeated(self.snapshot, after, passes)
        self.frames, self.per_pass, self.given = frames, len(frames) // passes, 0
        self.before = b"".join(map(on_the_wire, before))
        self.lead = b"".join(map(on_the_wire, frames[:LEAD]))
        self.rest = list(map(on_the_wire, frames[LEAD:]))
        self.sent = [0] * len(self.rest)
        self.pause_s = pause_us / 1e6
        self.asked, self.go, self.done = threading.Event(), threading.Event(), threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))

    def depth(self) -> bytes:
        """The snapshot, or once deltas have been given to the socket, the book that they have made of it."""
        given = self.given
        if not given:
            return self.snapshot
        start = json.loads(self.snapshot)
        sides = {key: dict(start[name]) for key, name in (("b", "bids"), ("a", "asks"))}
        for frame in self.frames[: given % self.per_pass]:  # a whole pass leads back to the snapshot
            event = json.loads(frame)["data"]
            for key, levels in sides.items():
                levels.update(event[key])
        best = {
            name: sorted(([p, q] for p, q in sides[key].items() if float(q)), key=lambda level: sign * float(level[0]))
            for key, name, sign in (("b", "bids", -1), ("a", "asks", 1))
        }
        number = last_number(self.frames[given - 1])
        return json.dumps({"lastUpdateId": number, **{name: side[:1000] for name, side in best.items()}}).encode()

    def serve(self) -> None:
        """Play to whoever connects, one after the other."""
        while True:
            connection, _ = self.listening.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for event in (self.asked, self.go, self.done):
                event.clear()
            try:
                self._upgrade(connection)
                self._play(connection)
            except OSError:
                pass  # the client has left
            finally:
                connection.close()

    def _upgrade(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1]  # type: ignore[index]
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        if b"streams=" not in head.split(b"\r\n", 1)[0]:
            command = json.loads(_read_text(connection))
            connection.sendall(on_the_wire(json.dumps({"result": None, "id": command["id"]}).encode()))

    def _play(self, connection: socket.socket) -> None:
        self.given = 0
        connection.sendall(self.before)
        self._await(self.asked)
        time.sleep(0.1)  # the snapshot is read meanwhile
        self.given = LEAD
        connection.sendall(self.lead)
        self._await(self.go)
        if self.pause_s:
            self._paced(connection)
        else:
            for start in range(0, len(self.rest), _CHUNK):
                self.given = LEAD + min(start + _CHUNK, len(self.rest))
                connection.sendall(b"".join(self.rest[start : start + _CHUNK]))
        self.done.set()
        while connection.recv(4096):
            pass

    def _await(self, event: threading.Event) -> None:
        if not event.wait(_PATIENCE_S):
            raise OSError("the client has left without a word")

    def _paced(self, connection: socket.socket) -> None:
        due = time.monotonic()
        for index, frame in enumerate(self.rest):
            due += self.pause_s
            while (early := due - time.monotonic()) > 0:
                time.sleep(early if early > 2e-4 else 0)
            self.given = LEAD + index + 1
            self.sent[index] = time.monotonic_ns()
            connection.sendall(frame)


def _read_text(connection: socket.socket) -> bytes:
    """One masked frame of less than 64 KiB."""
    size = _exactly(connection, 2)[1] & 0x7F
    if size == 126:
        size = int.from_bytes(_exactly(connection, 2), "big")
    mask, body = _exactly(connection, 4), _exactly(connection, size)
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise OSError("closed")
        data += piece
    return data


def rest(venue: Venue) -> type[BaseHTTPRequestHandler]:
    """What REST answers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.answer(urlsplit(self.path).path)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def answer(self, path: str) -> bytes:
            if path == "/api/v3/depth":
                venue.asked.set()
                return venue.depth()
            if path == "/go":
                venue.go.set()
            if path == "/sent":
                venue.done.wait()
                return json.dumps(venue.sent).encode()
            if path == "/api/v3/exchangeInfo":
                return json.dumps({"timezone": "UTC", "rateLimits": [], "symbols": [_MARKET]}).encode()
            return json.dumps({"serverTime": time.time_ns() // 1_000_000}).encode()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def main(path: str, passes: str, pause_us: str, count: str = "0") -> None:
    venue = Venue(Path(path), int(passes), float(pause_us), int(count) or None)
    http = ThreadingHTTPServer(("127.0.0.1", 0), rest(venue))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    print(json.dumps({"rest": http.server_address[1], "stream": venue.listening.getsockname()[1]}), flush=True)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    venue.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
