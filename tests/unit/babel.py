"""A venue that speaks whatever the test wants: one small JSON protocol with a switch for every style in the field."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tidewire._channel import BookChannel
from tidewire._feed import (
    LOGIN,
    Acknowledged,
    Answer,
    Buffer,
    Ended,
    Feed,
    Leaving,
    Message,
    Moment,
    Numbered,
    Refused,
    Reply,
    Several,
)
from tidewire._live import NewestInbox
from tidewire._websocket import Server, Socket, serve
from tidewire.book import BookLayout, LevelArray, MessageLayout, SequenceRule
from tidewire.credentials import Credentials
from tidewire.errors import AuthenticationError, DecodeError, VenueError
from tidewire.models import Instrument
from tidewire.stream import BookStream, Streams
from tidewire.symbols import Symbol
from tidewire.venues import venue

from .exchange import QUICK, ours

LAYOUT = BookLayout(
    delta=MessageLayout(bids=LevelArray("b"), asks=LevelArray("a"), kind="kind", last="n", previous="p"),
    rule=SequenceRule.CHAIN,
    delta_words=("delta",),
)


def written(op: str) -> Callable[[Sequence[str], Moment], str]:
    def write(topics: Sequence[str], moment: Moment) -> str:
        key = None if moment.credentials is None else moment.credentials.key
        return json.dumps({"op": op, "topics": [*topics], "id": moment.number, "ns": moment.time_ns, "key": key})

    return write


def read(frame: Buffer) -> Message:
    if bytes(frame) == b"pong":
        return None
    try:
        return _message(json.loads(bytes(frame)), frame)
    except (ValueError, KeyError):
        raise DecodeError("not of this venue") from None


def _message(found: Any, frame: Buffer) -> Message:
    match found:
        case [*parts]:
            return Several([_message(part, json.dumps(part).encode()) for part in parts])
        case {"seq": number}:
            del found["seq"]
            return Numbered(number, _message(found, json.dumps(found).encode()))
        case {"ping": number}:
            return Reply(json.dumps({"pong": number}))
        case {"ok": number, "topics": topics}:
            return Acknowledged(number, tuple(topics))
        case {"no": number, "topics": topics}:
            return Refused(number, AuthenticationError("no") if LOGIN in topics else VenueError("no"), tuple(topics))
        case {"answer": number}:
            return Answer(number, frame)
        case {"t": topic}:
            return topic, frame
        case {"ended": topics}:
            return Ended(tuple(topics), "the venue has ended it")
        case {"bye": reason}:
            return Leaving(reason)
    return None


@dataclass
class Babel:
    """The venue: who holds which topics, what was said to it, and how it answers."""

    answers: str = "number"  # number, topics, state, nothing
    gzips: bool = False
    snapshots: bool = True  # comes with a subscription
    refuses: set[str] = field(default_factory=set)
    names_refused: bool = True
    held: dict[Socket, list[str]] = field(default_factory=dict)
    said: list[Any] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    holds_answers: bool = False
    admitted: list[Mapping[str, int]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    seq: int | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def accept(self, socket: Socket) -> Peer:
        self.held[socket] = []
        self.opened.append(socket.path)
        self._changed.set()
        return Peer(self, socket)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def send(self, socket: Socket, message: Any) -> None:
        if self.seq is not None and isinstance(message, dict):
            self.seq += 1
            message = {"seq": self.seq, **message}
        text = json.dumps(message)
        socket.send(gzip.compress(text.encode()) if self.gzips else text)

    def hear(self, socket: Socket, text: str) -> None:
        said = json.loads(text) if text.startswith("{") else text
        self.said.append(said)
        if said == "ping" and self.answers != "nothing":
            socket.send("pong")
        if isinstance(said, dict) and "op" in said:
            self._command(socket, said)
        self._changed.set()

    def _command(self, socket: Socket, said: dict[str, Any]) -> None:
        topics, number = said["topics"], said["id"]
        refused = self.refuses & {*topics}
        if refused:
            named = sorted(refused) if self.names_refused else []
            self.send(socket, {"no": number if self.answers == "number" else None, "topics": named})
            if not self.names_refused:
                return
            topics = [topic for topic in topics if topic not in refused]
        if said["op"] == "ask":
            if not self.holds_answers:
                self.send(socket, {"answer": number, **self.snapshot(topics[0])})
            return
        if said["op"] == "unsub":
            self.held[socket] = [topic for topic in self.held[socket] if topic not in topics]
        else:
            self.held[socket] += [topic for topic in topics if topic != LOGIN]
        match self.answers:
            case "number":
                self.send(socket, {"ok": number, "topics": []})
            case "topics":
                for topic in topics:
                    self.send(socket, {"ok": None, "topics": [topic]})
            case "state":
                self.send(socket, {"ok": None, "topics": [*self.held[socket], *([LOGIN] if LOGIN in topics else [])]})
        if said["op"] == "sub" and self.snapshots:
            for topic in topics:
                if topic.startswith("book"):
                    self.send(socket, self.snapshot(topic))

    def snapshot(self, topic: str) -> dict[str, Any]:
        number = self.numbers.setdefault(topic, 10)
        return {"t": topic, "kind": "snapshot", "b": [["10", str(number)]], "a": [["20", "1"]], "n": number, "p": -1}

    def change(self, topic: str, *, lost: bool = False) -> None:
        """Set the bid's quantity to the message's number."""
        before = self.numbers.setdefault(topic, 10)
        self.numbers[topic] = before + 1
        event = {"t": topic, "kind": "delta", "b": [["10", str(before + 1)]], "a": [], "n": before + 1, "p": before}
        for socket, topics in self.held.items():
            if lost and topic in topics and self.seq is not None:
                self.seq += 1
            elif topic in topics and not lost:
                self.send(socket, event)

    def gone(self, socket: Socket) -> None:
        self.held.pop(socket, None)
        self._changed.set()

    def ops(self, op: str) -> list[list[str]]:
        return [said["topics"] for said in self.said if isinstance(said, dict) and said.get("op") == op]

    async def admit(self, costs: Mapping[str, int]) -> None:
        self.admitted.append(costs)

    async def instrument(self, symbol: str | Symbol) -> Instrument:
        parsed, one = Symbol.parse(symbol), Decimal(1)
        return Instrument(venue="x", symbol=parsed, native="x", kind="spot", tick_size=one, lot_size=one)


class Peer:
    def __init__(self, babel: Babel, socket: Socket) -> None:
        self._babel, self._socket = babel, socket

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        self._babel.hear(self._socket, bytes(payload).decode())

    def on_closed(self, reason: str) -> None:
        self._babel.gone(self._socket)


class Desk:
    """A client of the venue."""

    def __init__(self, babel: Babel, server: Server, streams: Streams, feed: dict[str, Any]) -> None:
        self.babel, self.server, self.streams = babel, server, streams
        defaults = {
            "url": f"ws://127.0.0.1:{server.port}/",
            "subscribe": written("sub"),
            "unsubscribe": written("unsub"),
            "read": read,
            "topics_per_connection": 100,
            "topics_per_command": 10,
            "commands_per_s": 1000.0,
            "idle_s": 5.0,
            "answer_s": 2.0,
        }
        self.feed = Feed(**(defaults | feed))

    def book(self, name: str = "A", **channel: Any) -> BookStream:
        made = {"feed": self.feed, "topic": f"book-{name}", "symbol": Symbol.parse(f"{name}-USD"), "layout": LAYOUT}
        return BookStream(self.streams, BookChannel(**({"snapshot": None} | made | channel)), NewestInbox())

    @property
    def socket(self) -> Socket:
        (socket,) = self.babel.held
        return socket


@contextlib.asynccontextmanager
async def talking(babel: Babel, *, run: Any = None, **feed: Any) -> AsyncIterator[Desk]:
    """The venue on a real socket, and streams whose feed talks to it; both gone without a trace afterwards."""
    server = await serve(babel.accept)
    credentials = Credentials("the key", "the secret") if feed.get("private") else None
    streams = Streams(
        venue("binance"), run=run or _nothing, instrument=babel.instrument, admit=babel.admit, patience=QUICK,
        venue_time=_noon, credentials=credentials,
    )  # fmt: skip
    try:
        yield Desk(babel, server, streams, feed)
    finally:
        await streams.aclose()
        await server.close()
    assert not ours()


async def _nothing(call: object) -> Any:
    raise AssertionError("no call is expected")


async def _noon() -> int:
    return 1_700_000_000 * 10**9
