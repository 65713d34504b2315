"""A venue for the streams' tests: Binance's protocol on real sockets and its REST answers, at the test's command."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from tidewire._call import Call
from tidewire._connection import Patience
from tidewire._websocket import Server, Socket, serve
from tidewire.errors import Error, UnknownSymbol
from tidewire.models import Instrument
from tidewire.stream import Streams
from tidewire.symbols import Symbol
from tidewire.venues import venue

T = TypeVar("T")
QUICK = Patience(first_s=0.01, cap_s=0.05, calm_s=10.0, connect_s=2.0)


@dataclass
class Market:
    """One symbol at the exchange: its book and its trades."""

    native: str
    sequence: int = 100
    bids: dict[str, str] = field(default_factory=lambda: {"10": "1", "9": "1"})
    asks: dict[str, str] = field(default_factory=lambda: {"20": "1", "21": "1"})
    trades: list[dict[str, Any]] = field(default_factory=list)
    klines: list[list[Any]] = field(default_factory=list)

    def change(self, bid: str, quantity: str = "1") -> dict[str, Any]:
        """Set a bid level; return the event."""
        self.sequence += 1
        self.bids[bid] = quantity
        if quantity == "0":
            del self.bids[bid]
        changes = {"b": [[bid, quantity]], "a": []}
        return {"e": "depthUpdate", "E": 1, "s": self.native, "U": self.sequence, "u": self.sequence, **changes}

    def trade(self, price: str = "15") -> dict[str, Any]:
        """Make a trade; return the event."""
        number = len(self.trades) + 1
        self.trades.append({"id": number, "price": price, "qty": "1", "time": 1723161255342, "isBuyerMaker": True})
        event = {"e": "trade", "E": 1723161255343, "s": self.native, "t": number, "p": price, "q": "1"}
        return event | {"T": 1723161255342, "m": True, "M": True}

    def kline(self, index: int, close: str, *, closed: bool = False) -> dict[str, Any]:
        """Change a one-minute kline; return the event."""
        opens = index * 60_000
        del self.klines[index:]
        self.klines.append([opens, "1", "9", "1", close, "5", opens + 59_999, "50", 3, "1", "10", "0"])
        bar = {"t": opens, "T": opens + 59_999, "o": "1", "h": "9", "l": "1", "c": close, "v": "5", "q": "50", "n": 3}
        return {"e": "kline", "E": opens + 1, "s": self.native, "k": bar | {"x": closed}}

    def snapshot(self) -> bytes:
        """What REST answers now."""
        sides = {"bids": [*map(list, self.bids.items())], "asks": [*map(list, self.asks.items())]}
        return json.dumps({"lastUpdateId": self.sequence, **sides}).encode()


class Exchange:
    """The venue: sockets, subscriptions, commands received, and what it does wrong when told to."""

    def __init__(self) -> None:
        self.markets = {name: Market(name) for name in ("BTCUSDT", "ETHUSDT", "LTCUSDT", "XRPUSDT")}
        self.subscribed: dict[Socket, set[str]] = {}
        self.commands: list[tuple[float, dict[str, Any]]] = []
        self.requests: list[str] = []
        self.rest_errors: list[Error] = []
        self.rest_open = asyncio.Event()
        self.rest_open.set()
        self.answers_commands = True
        self.refuses: set[str] = set()
        self.recent_trades = 1000
        self.snapshots_at: dict[str, int] = {}
        self.peer_factory = self.accept
        self._changed = asyncio.Event()

    # The socket side.

    def accept(self, socket: Socket) -> Peer:
        self.subscribed[socket] = set()
        self._changed.set()
        return Peer(self, socket)

    def command(self, socket: Socket, command: dict[str, Any]) -> None:
        self.commands.append((asyncio.get_running_loop().time(), command))
        topics = set(command["params"])
        if topics & self.refuses:
            socket.send(json.dumps({"error": {"code": 2, "msg": "Invalid request"}, "id": command["id"]}))
            return
        if command["method"] == "SUBSCRIBE":
            self.subscribed[socket] |= topics
        else:
            self.subscribed[socket] -= topics
        if self.answers_commands:
            socket.send(json.dumps({"result": None, "id": command["id"]}, separators=(",", ":")))
        self._changed.set()

    def gone(self, socket: Socket) -> None:
        self.subscribed.pop(socket, None)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that happens at the venue."""
        async with asyncio.timeout(5):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def holders(self, topic: str) -> list[Socket]:
        return [socket for socket, topics in self.subscribed.items() if topic in topics]

    def publish(self, topic: str, event: dict[str, Any]) -> None:
        for socket in self.holders(topic):
            socket.send(json.dumps({"stream": topic, "data": event}, separators=(",", ":")))

    def change(self, native: str, bid: str, quantity: str = "1", *, lost: bool = False) -> None:
        """Change a book, and tell the subscribers unless the message gets lost."""
        event = self.markets[native].change(bid, quantity)
        if not lost:
            self.publish(f"{native.lower()}@depth@100ms", event)

    def trade(self, native: str, *, lost: bool = False) -> None:
        event = self.markets[native].trade()
        if not lost:
            self.publish(f"{native.lower()}@trade", event)

    # The REST side: what a client's session would do.

    async def run(self, call: Call[T]) -> T:
        url = urlsplit(call.request.url)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.requests.append(f"{url.path}?{url.query}")
        market = self.markets[query["symbol"]]
        if url.path == "/api/v3/klines":
            self._changed.set()
            await self.rest_open.wait()
            return call.parse(json.dumps(market.klines).encode())
        if url.path == "/api/v3/depth":
            self.snapshots_at[query["symbol"]] = market.sequence
        body = market.snapshot() if url.path == "/api/v3/depth" else self._recent(market)
        self._changed.set()
        await self.rest_open.wait()
        if self.rest_errors:
            raise self.rest_errors.pop(0)
        return call.parse(body)

    def _recent(self, market: Market) -> bytes:
        return json.dumps(market.trades[-self.recent_trades :] if self.recent_trades else []).encode()

    async def instrument(self, symbol: str | Symbol) -> Instrument:
        parsed = Symbol.parse(symbol)
        native = f"{parsed.base}{parsed.quote}"
        if native not in self.markets:
            raise UnknownSymbol(f"no instrument {parsed}", venue="binance")
        size = Decimal(1)
        return Instrument(venue="binance", symbol=parsed, native=native, kind="spot", tick_size=size, lot_size=size)


class Peer:
    """The exchange's end of one connection."""

    def __init__(self, exchange: Exchange, socket: Socket) -> None:
        self._exchange = exchange
        self._socket = socket

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        self._exchange.command(self._socket, json.loads(bytes(payload)))

    def on_closed(self, reason: str) -> None:
        self._exchange.gone(self._socket)


class Wire:
    """A TCP relay that can freeze: the half-open connection that no close ever announces."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._target)
        pumps = [asyncio.create_task(self._pump(a, b)) for a, b in ((reader, ours), (theirs, writer))]
        self._tasks.update(pumps)
        await asyncio.wait(pumps)
        for end in (ours, writer):
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._flows.wait()
                sink.write(data)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            sink.close()

    def cut(self) -> None:
        for task in self._tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def wired(target: int) -> AsyncIterator[tuple[Wire, int]]:
    """A relay to a port, and the port it listens on."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.handle, "127.0.0.1", 0)
    try:
        yield wire, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        wire.thaw()
        wire.cut()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def mute() -> AsyncIterator[int]:
    """The port of a server that accepts connections, says nothing, and waits until they are hung up."""
    handlers: set[asyncio.Task[Any] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        async with asyncio.timeout(5):
            await asyncio.gather(*filter(None, handlers))


def streams_of(exchange: Exchange, port: int, **options: Any) -> Streams:
    """Streams of Binance that reach the exchange through ``port``."""
    options = {"patience": QUICK, "run": exchange.run, "instrument": exchange.instrument} | options
    return Streams(venue("binance", stream_url=f"ws://127.0.0.1:{port}"), **options)


@contextlib.asynccontextmanager
async def trading(**options: Any) -> AsyncIterator[tuple[Exchange, Streams, Server]]:
    """An exchange, and streams connected to it; both gone without a trace afterwards."""
    exchange = Exchange()
    server = await serve(lambda socket: exchange.peer_factory(socket))
    streams = streams_of(exchange, server.port, **options)
    try:
        yield exchange, streams, server
    finally:
        await streams.aclose()
        assert not ours() - {"tidewire socket"}
        await server.close()
    assert not ours()


def ours() -> set[str]:
    """Names of our tasks that still run."""
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("tidewire")}
