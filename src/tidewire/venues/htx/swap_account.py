"""HTX's private stream of swaps: that own orders have changed and how they stand, and that the account has.

Of version 5, as the orders are. A message tells how much of an order was filled, not by which fills (the channels of
executions name them by numbers that are not said to be those of REST): they are read over REST when an order moves on.
Of balances it does not tell what is free to open positions with: they are read over REST too.

See: https://www.htx.com/en-us/opend/newApiPages/?id=8cb89359-77b5-11ed-9966-195a208afe7 (orders) and
…-195a6c94551 (account), both read second-hand; their samples are of June 2025 and December 2024.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final, Literal
from urllib.parse import quote, urlsplit

import msgspec

from ..._feed import LOGIN, Acknowledged, Buffer, Feed, Leaving, Message, Moment, Refused, Reply
from ...errors import AuthenticationError, ConfigError, VenueError
from ...models import Balance, Order, OrderStatus
from ...symbols import Symbol
from . import reports, wire
from .auth import signature
from .wire import VENUE

__all__ = ["ACCOUNT", "ORDERS", "changed", "orders", "read_swaps", "swap_feed"]

ORDERS: Final = "orders"
ACCOUNT: Final = "account"
_PATH: Final = "/ws/v5/notification"
_ALL: Final = "*"  # contracts


def swap_feed(host: str) -> Feed:
    """The address of notifications of version 5."""
    url = host + _PATH
    return Feed(
        url=url,
        subscribe=partial(_command, "sub"),
        unsubscribe=partial(_command, "unsub"),
        read=read_swaps,
        gzip=True,
        topics_per_connection=16,
        topics_per_command=1,
        commands_per_s=20.0,  # of 50
        idle_s=15.0,  # three of the venue's pings
        private=True,
        login=partial(_login, url),
    )


# Commands.


def _login(url: str, moment: Moment) -> str:
    """Version 2 of the signature, as over REST."""
    if moment.credentials is None:
        raise ConfigError("an account's events need credentials")
    params = {
        "AccessKeyId": moment.credentials.key,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment.time_ns // 10**9)),
    }
    parts = urlsplit(url)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in params.items())
    signed = signature("GET", parts.netloc, parts.path, query, moment.credentials)
    return _json({"op": "auth", "type": "api", "cid": str(moment.number), **params, "Signature": signed})


def _command(word: Literal["sub", "unsub"], topics: Sequence[str], moment: Moment) -> str:
    (topic,) = topics
    about = {"contract_code": _ALL} if topic == ORDERS else {}
    return _json({"op": word, "cid": str(moment.number), "topic": topic, **about})


def _json(value: dict[str, str]) -> str:
    return json.dumps(value, separators=(",", ":"))


# Frames.


class _Frame(msgspec.Struct, rename={"code": "err-code", "message": "err-msg"}):
    op: str
    cid: str | None = None
    topic: str | None = None
    ts: int | str | None = None
    code: int = 0
    message: str = ""


_frame = wire.decoder(_Frame)


def read_swaps(frame: Buffer) -> Message:
    """Tell what a frame is."""
    found = _frame(frame)  # type: ignore[arg-type]
    number = int(found.cid) if found.cid is not None and found.cid.isdigit() else None
    match found.op:
        case "notify" if found.topic is not None:
            return found.topic, frame
        case "ping":
            return Reply(_json({"op": "pong", "ts": str(found.ts)}))
        case "close":
            return Leaving("it says so")
        case "auth" if found.code:
            return Refused(None, AuthenticationError(found.message, venue=VENUE, code=found.code), (LOGIN,))
        case "auth":
            return Acknowledged(topics=(LOGIN,))
        case "sub" | "unsub" if not found.code:
            return Acknowledged(number, () if found.topic is None else (found.topic,))
        case "sub" | "unsub" | "error":
            return Refused(number, VenueError(found.message, venue=VENUE, code=found.code))
    return None


# Data.

_orders = wire.decoder(reports.SwapOrderAnswer)


def orders(frame: Buffer, known: Callable[[str], tuple[Symbol, Decimal]]) -> list[Order]:
    """The order of a message; ``known`` tells a contract's symbol and size."""
    return [*_whole(row.order(*known(row.contract_code)) for row in _orders(frame).rows())]  # type: ignore[arg-type]


def _whole(found: Iterable[Order]) -> Iterable[Order]:
    """Where several makers fill one order, each message may call it filled already, before the last fill is counted."""
    for order in found:
        early = order.status is OrderStatus.FILLED and order.filled != order.quantity
        yield msgspec.structs.replace(order, status=OrderStatus.PARTIAL) if early else order


def changed(frame: Buffer) -> Sequence[Balance] | None:
    """Nothing but that the account has changed."""
    _frame(frame)  # type: ignore[arg-type]
    return None
