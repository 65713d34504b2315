"""One venue, served: limits, faults and the dialect in front of its exchange."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterable
from http import HTTPStatus

from .. import _websocket
from .._call import Request, Response
from .._dialect import Breach, Dialect, Event, SignsHost
from ._door import Door
from ._peer import StreamPeer
from .exchange import VenueExchange
from .faults import Armed, FaultPlan
from .server import HttpServer, Reply, encode

__all__ = ["VenueService"]

_HTML = Response(
    200, b"<!DOCTYPE html><html><body><h1>Please wait ...</h1></body></html>", {"Content-Type": "text/html"}
)
_SILENCE = 3  # pings unanswered before the connection is cut
_REMEMBERED = 64  # addresses whose last answer is kept, for those who are to be answered the same again


class VenueService:
    """REST and streams of one venue on two ports of the loopback address. Lives in the sandbox's loop."""

    def __init__(self, dialect: Dialect, exchange: VenueExchange, plan: FaultPlan) -> None:
        self.dialect, self.exchange, self.plan = dialect, exchange, plan
        self.requests: Counter[str] = Counter()
        self.rest_port = self.stream_port = 0
        self._host = ""
        self._http = HttpServer(self._respond)
        self._peers: set[StreamPeer] = set()
        self._late: set[asyncio.TimerHandle] = set()
        self._answered: OrderedDict[str, Response] = OrderedDict()
        self._websocket: _websocket.Server | None = None
        self._pinger: asyncio.Task[None] | None = None

    async def start(self, host: str, rest_port: int = 0, stream_port: int = 0) -> None:
        """Listen on both ports."""
        self._host = host
        self.rest_port = await self._http.start(host, rest_port)
        door = Door(host, stream_port, lambda: self.plan.on_connect(self.dialect.name))
        self._websocket = await _websocket.serve(self._open, door, accepts=self._accepts)
        self.stream_port = self._websocket.port
        self._pinger = asyncio.create_task(self._ping())

    async def close(self) -> None:
        """Stop listening and end every connection."""
        for handle in self._late:
            handle.cancel()
        if self._pinger is not None:
            self._pinger.cancel()
            await asyncio.gather(self._pinger, return_exceptions=True)
        await self._http.close()
        if self._websocket is not None:
            await self._websocket.close()

    def step(self) -> None:
        """Move every market once and tell the streams."""
        self.exchange.step({symbol for peer in self._peers for symbol in peer.session.symbols()})
        sessions = [peer.session for peer in self._peers]
        bars = {pair for session in sessions for pair in session.intervals()}
        tickers = {symbol for session in sessions for symbol in session.tickers()}
        funding = {symbol for session in sessions for symbol in session.funding()}
        self.flush()
        self._publish(self.exchange.bar_updates(bars))
        self._publish(self.exchange.ticker(symbol) for symbol in sorted(tickers, key=str))
        self._publish(self.exchange.funding(symbol) for symbol in sorted(funding, key=str))

    def flush(self) -> None:
        """Tell the streams what happened since the last time."""
        self._publish(self.exchange.events(deltas=True))

    @property
    def connections(self) -> int:
        """Stream connections open now."""
        return len(self._peers)

    # REST.

    async def _respond(self, request: Request) -> Reply:
        self.requests[f"{request.method} {request.path}"] += 1
        armed = self.plan.on_request(self.dialect.name, request)
        if armed is None:
            return Reply(encode(self._answer(request)))
        return await self._respond_badly(request, armed)

    async def _respond_badly(self, request: Request, armed: Armed) -> Reply:
        fault = armed.fault
        match fault.kind:
            case "drop_before":
                return Reply(b"", cut=True)
            case "drop_late":
                self._answer_later(request, fault.seconds)
                return Reply(b"", cut=True)
            case "drop_after":
                self._answer(request)
                return Reply(b"", cut=True)
            case "status":
                body = b"<html><body>upstream failed</body></html>"
                return Reply(encode(Response(fault.status, body, {"Content-Type": "text/html"})))
            case "rate_limit" | "ban":
                banned = fault.kind == "ban"
                until = self.exchange.now_ns() + round(fault.seconds * 1e9)
                scope, limit = next(iter(self.exchange.limits.items()))
                self.exchange.quotas.refusals[418 if banned else 429] += 1
                return Reply(encode(self.dialect.refuse(request, Breach(scope, limit, fault.seconds, until, banned))))
            case "stale":
                return Reply(encode(self._answered.get(request.url) or self._answer(request)))
            case "delay":
                await asyncio.sleep(fault.seconds)
            case "hang":
                await armed.wait_released()
        return self._mangle(self._answer(request), fault.kind)

    def _mangle(self, response: Response, kind: str) -> Reply:
        body = response.body
        match kind:
            case "truncate":
                cut = Response(response.status, body[: len(body) // 2], response.headers)
                return Reply(encode(cut, length=len(body)), cut=True)
            case "corrupt":
                broken = body[: len(body) // 2] + b"\x00\xff" + body[len(body) // 2 + 2 :]
                return Reply(encode(Response(response.status, broken, response.headers)))
            case "html":
                return Reply(encode(_HTML))
        return Reply(encode(response))

    def _answer(self, request: Request) -> Response:
        exchange, quotas = self.exchange, self.exchange.quotas
        breach = quotas.charge(self.dialect.costs(request), exchange.now_ns())
        if breach is not None:
            response = self.dialect.refuse(request, breach)
        else:
            response = self.dialect.answer(request, exchange)
            quotas.refund(self.dialect.refund(request, response), exchange.now_ns())
            self._tell()
        headers = {**response.headers, **self.dialect.headers(request, exchange)}
        response = Response(response.status, response.body, headers)
        if request.method == "GET" and response.status == HTTPStatus.OK:
            self._remember(request.url, response)
        return response

    def _remember(self, url: str, response: Response) -> None:
        self._answered[url] = response
        self._answered.move_to_end(url)
        if len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)

    def _answer_later(self, request: Request, seconds: float) -> None:
        def act() -> None:
            self._late.discard(handle)
            self._answer(request)

        handle = asyncio.get_running_loop().call_later(seconds, act)
        self._late.add(handle)

    # Streams.

    def _accepts(self, path: str) -> int:
        armed = self.plan.on_upgrade(self.dialect.name, path)
        if armed is not None:
            return armed.fault.status
        has_one = self.dialect.session(path, self.exchange) is not None
        return HTTPStatus.SWITCHING_PROTOCOLS if has_one else HTTPStatus.NOT_FOUND

    def _open(self, socket: _websocket.Socket) -> StreamPeer:
        session = self.dialect.session(socket.path, self.exchange)
        if session is None:
            raise LookupError(f"no stream at {socket.path}")
        if isinstance(session, SignsHost):
            session.host = f"{self._host}:{self.stream_port}"
        peer = StreamPeer(
            socket, session, self.exchange, self.plan, self.dialect.name, self._peers, self.flush, self._tell
        )
        self._peers.add(peer)
        return peer

    def _tell(self) -> None:
        """Publish what has just been done, but not yet the levels that it changed."""
        self._publish(self.exchange.events(deltas=False))

    def _publish(self, events: Iterable[Event]) -> None:
        for event in events:
            for peer in tuple(self._peers):
                peer.publish(event)

    async def _ping(self) -> None:
        while (ping_s := self.dialect.ping_s) is not None:
            await asyncio.sleep(ping_s)
            for peer in tuple(self._peers):
                peer.ping(ping_s * _SILENCE)
