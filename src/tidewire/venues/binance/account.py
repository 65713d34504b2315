"""Binance's private streams and its WebSocket API: what account events are, and orders over a socket.

Spot's events come over the WebSocket API, asked for with a signature; the futures' under an address with a listen key.

See: https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream,
https://developers.binance.com/docs/binance-spot-api-docs/websocket-api (both read 2026-07-21) and
https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from ..._call import Call, Request, Response
from ..._channel import BalanceChannel, EntryChannel, OrderChannel
from ..._feed import Acknowledged, Answer, Buffer, Feed, Leaving, ListenKey, Message, Moment, Refused, Several
from ..._venue import Venue
from ...credentials import Credentials
from ...errors import ConfigError, VenueError
from ...models import Order
from ...symbols import Kind
from . import events, wire
from .auth import identify, sign_params
from .errors import check

__all__ = ["BinanceAccount", "read_account", "read_entry"]

T = TypeVar("T")
ORDERS, BALANCES, ENTRY = "orders", "balances", "entry"

_PATHS: Final[Mapping[Kind, str]] = {"spot": "/ws-api/v3", "linear": "/ws-fapi/v1"}
_LISTEN_KEY = "/fapi/v1/listenKey"
_EXTEND_S = 1800.0  # a key is valid for 60 minutes
_METHODS: Final = {"create_order": "order.place", "cancel_order": "order.cancel"}
_NUMBERS: Final = frozenset({"orderId"})  # the documents want integers as JSON numbers, decimals as text


class BinanceAccount(Venue):
    """The private streaming half of ``Binance``."""

    def watch_orders(self, *, kind: Kind = "spot") -> OrderChannel:
        """See: executionReport, ORDER_TRADE_UPDATE."""
        read = events.spot_orders if kind == "spot" else events.linear_orders
        parse = partial(read, symbol_of=lambda native: self.known_symbol(native, kind))
        return OrderChannel(feed=self._account_feed(kind), topic=ORDERS, kind=kind, parse=parse)

    def watch_balances(self, *, kind: Kind = "spot") -> BalanceChannel:
        """See: outboundAccountPosition. The futures' ACCOUNT_UPDATE does not tell what is free, so it is fetched."""
        return BalanceChannel(feed=self._account_feed(kind), topic=BALANCES, kind=kind, parse=events.balances)

    def order_entry(self, *, kind: Kind = "spot") -> EntryChannel:
        """See: order.place, order.cancel."""
        feed = self._feed_to(self._api_url(kind), kind, read_entry)
        command = partial(_command, url=feed.url)
        return EntryChannel(feed=feed, topic=ENTRY, kinds=(kind,), command=command, write=_write, response=_response)

    def _account_feed(self, kind: Kind) -> Feed:
        if kind == "spot":
            return replace(self._feed_to(self._api_url(kind), kind, read_account), login=_subscribe)
        url = self.stream_hosts["linear"] + "/private/ws"
        key = ListenKey(
            obtain=self._listen_key("POST", events.listen_key),
            extend=lambda key: self._listen_key("PUT", lambda body: None),
            every_s=_EXTEND_S,
            url=lambda key: f"{url}?listenKey={key}",
        )
        return replace(self._feed_to(url, kind, read_account), key=key)

    def _feed_to(self, url: str, kind: Kind, read: Callable[[Buffer], Message]) -> Feed:
        return Feed(
            url=url,
            subscribe=None,
            unsubscribe=None,
            read=read,
            topics_per_connection=16,
            topics_per_command=16,
            commands_per_s=100.0,  # the quotas for weight and orders are far below
            commands_burst=100,
            connect_costs={f"{kind}-connections": 1, f"{kind}-weight": 2},
            idle_s=20.0,
            life_s=23.5 * 3600.0,
            private=True,
        )

    def _api_url(self, kind: Kind) -> str:
        if kind not in _PATHS:
            raise ConfigError(f"kind must be one of {', '.join(_PATHS)}, not {kind!r}")
        return self.stream_hosts[f"{kind}-api"] + _PATHS[kind]

    def _listen_key(self, method: str, parser: Callable[[bytes], T]) -> Call[T]:
        return Call(
            verb="watch_orders",
            request=Request(method, self.rest_hosts["linear"] + _LISTEN_KEY),
            parser=parser,
            check=check,
            costs={"linear-weight": 1},
            signer=identify,
            kind="linear",
        )


# Commands.


def _subscribe(moment: Moment) -> str:
    """Ask for the account's events; the answer is the login's."""
    if moment.credentials is None:
        raise ConfigError("an account's events need credentials")
    return _json(
        {
            "id": moment.number,
            "method": "userDataStream.subscribe.signature",
            "params": sign_params({}, moment.credentials, moment.time_ns),
        }
    )


def _command(call: Call[Order], url: str) -> Call[Order]:
    """A call of REST as one of the WebSocket API: the parameters are the same."""
    if call.verb not in _METHODS:
        raise ConfigError(f"{call.verb} cannot go over a stream")
    sent = parse_qsl(call.request.body.decode() or urlsplit(call.request.url).query)
    params = {name: int(value) if name in _NUMBERS else value for name, value in sent}
    return replace(call, request=Request(_METHODS[call.verb], url, body=_json(params).encode()), signer=_sign)


def _sign(request: Request, credentials: Credentials, time_ns: int) -> Request:
    params = sign_params(json.loads(request.body), credentials, time_ns)
    return replace(request, body=_json(params).encode())


def _write(request: Request, moment: Moment) -> str:
    return f'{{"id":{moment.number},"method":"{request.method}","params":{request.body.decode()}}}'


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


# Frames.


class _Event(msgspec.Struct):
    e: str


class _Limit(msgspec.Struct):
    rateLimitType: str  # noqa: N815
    interval: str
    intervalNum: int  # noqa: N815
    count: int = 0


class _RetryAt(msgspec.Struct):
    serverTime: int = 0  # noqa: N815
    retryAfter: int = 0  # noqa: N815


class _Error(msgspec.Struct):
    data: _RetryAt | None = None


class _Frame(msgspec.Struct):
    """Any frame: an answer (``id``), an event in spot's envelope, or a bare event of the futures."""

    id: int | None = None
    status: int = 200
    result: msgspec.Raw = msgspec.Raw(b"{}")
    error: msgspec.Raw = msgspec.Raw()
    rateLimits: list[_Limit] = []  # noqa: N815
    event: _Event | None = None
    e: str | None = None


_frame = wire.decoder(_Frame)
_error = wire.decoder(_Error)

_TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "executionReport": (ORDERS,),
    "outboundAccountPosition": (BALANCES,),
    "balanceUpdate": (BALANCES,),
    "externalLockUpdate": (BALANCES,),
    "ORDER_TRADE_UPDATE": (ORDERS, BALANCES),  # what an order holds is free no more, and no other event tells
    "ACCOUNT_UPDATE": (BALANCES,),
}
_FAREWELLS: Final[Mapping[str, str]] = {
    "serverShutdown": "server shutdown for maintenance",
    "eventStreamTerminated": "the subscription was ended",
    "listenKeyExpired": "the listen key has expired",
}


def read_account(frame: Buffer) -> Message:
    """Tell what a frame of an account's stream is."""
    found = _frame(frame)  # type: ignore[arg-type]
    name = found.event.e if found.event is not None else found.e
    if name is not None:
        if name in _FAREWELLS:
            return Leaving(_FAREWELLS[name])
        topics = _TOPICS.get(name, ())
        return Several([(topic, frame) for topic in topics]) if len(topics) != 1 else (topics[0], frame)
    refusal = _refusal(found)
    if refusal is not None:
        return Refused(found.id, refusal)
    return None if found.id is None else Acknowledged(found.id)


def read_entry(frame: Buffer) -> Message:
    """Tell what a frame of the WebSocket API is, where only orders were sent: their answers are whole frames."""
    found = _frame(frame)  # type: ignore[arg-type]
    name = found.event.e if found.event is not None else found.e
    if name is not None:
        return Leaving(_FAREWELLS[name]) if name in _FAREWELLS else None
    return None if found.id is None else Answer(found.id, frame)


def _refusal(found: _Frame) -> VenueError | None:
    try:
        check(_http(found))
    except VenueError as error:
        return error
    return None


def _response(frame: bytes) -> Response:
    """The HTTP answer that a frame stands for: same status, same body, and the headers that report limits."""
    return _http(_frame(frame))


def _http(found: _Frame) -> Response:
    headers = {}
    for limit in found.rateLimits:
        what = "used-weight" if limit.rateLimitType == "REQUEST_WEIGHT" else "order-count"
        headers[f"x-mbx-{what}-{limit.intervalNum}{limit.interval[0].lower()}"] = str(limit.count)
    if not bytes(found.error):
        return Response(found.status, bytes(found.result), headers)
    retry = _error(bytes(found.error)).data
    if retry is not None and retry.retryAfter:
        headers["retry-after"] = str(max(0.0, (retry.retryAfter - retry.serverTime) / 1e3))
    return Response(max(found.status, 400), bytes(found.error), headers)
