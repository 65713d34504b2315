"""HTX's private stream of spot: own orders and balances.

That of swaps is in ``swap_account``.

See: https://huobiapi.github.io/docs/spot/v1/en/#websocket-asset-and-order (June 2021)
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from ..._channel import BalanceChannel, OrderChannel
from ..._feed import LOGIN, Acknowledged, Buffer, Feed, Message, Moment, Refused, Reply
from ...errors import AuthenticationError, ConfigError, VenueError
from ...models import Balance, Fill, Order
from ...symbols import Kind, Symbol
from . import reports, swap_account, wire
from .auth import signature
from .reports import side_of
from .stream import HtxStreams
from .wire import MS, VENUE

__all__ = ["HtxAccount", "read_account"]

ORDERS: Final = "orders#*"
BALANCES: Final = "accounts.update#2"  # 2: every change, with the total and what is free of it
_PATH: Final = "/ws/v2"
_OK: Final = 200


class HtxAccount(HtxStreams):
    """The private streams of ``Htx``."""

    def watch_orders(self, *, kind: Kind = "spot") -> OrderChannel:
        """See: orders#*, orders of version 5. Fills of spot carry no fee: ``fetch_fills`` has it."""
        if kind == "linear":
            parse = partial(swap_account.orders, known=self._contract_of)
            return OrderChannel(feed=self._swap_feed(), topic=swap_account.ORDERS, kind=kind, parse=parse)
        feed = self._account_feed("watch_orders", kind)
        return OrderChannel(feed=feed, topic=ORDERS, kind=kind, parse=self._read_orders)

    def watch_balances(self, *, kind: Kind = "spot") -> BalanceChannel:
        """See: accounts.update#2, which begins with what there is; account of version 5, at which they are fetched."""
        if kind == "linear":
            return BalanceChannel(
                feed=self._swap_feed(), topic=swap_account.ACCOUNT, kind=kind, parse=swap_account.changed
            )
        return BalanceChannel(
            feed=self._account_feed("watch_balances", kind), topic=BALANCES, kind=kind, parse=_balances
        )

    def _swap_feed(self) -> Feed:
        return swap_account.swap_feed(self.stream_hosts["linear"])

    def _contract_of(self, native: str) -> tuple[Symbol, Decimal]:
        symbol = self.known_symbol(native, "linear")
        return symbol, self._size(symbol)

    def _account_feed(self, verb: str, kind: Kind) -> Feed:
        if kind != "spot":
            raise self._unsupported(f"{verb} for {kind}")
        url = self.stream_hosts["spot"] + _PATH
        return Feed(
            url=url,
            subscribe=partial(_command, "sub"),
            unsubscribe=partial(_command, "unsub"),
            read=read_account,
            topics_per_connection=16,
            topics_per_command=1,
            commands_per_s=20.0,  # of 50
            idle_s=30.0,  # the venue pings every 20 s
            private=True,
            login=partial(_login, url),
        )

    def _read_orders(self, frame: Buffer) -> Sequence[Order]:
        event = _order_frame(frame).data  # type: ignore[arg-type]
        if event.order_id is None:
            return ()  # of an order that waits for its trigger
        symbol = self.known_symbol(event.symbol, "spot")
        order = event.report().order(symbol)
        if event.trade_id is None or event.trade_price is None or event.trade_volume is None:
            return (order,)
        fill = Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=str(event.trade_id),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=side_of(event.type),
            price=event.trade_price,
            quantity=event.trade_volume,
            maker=None if event.aggressor is None else not event.aggressor,
            time_ns=(event.trade_time or 0) * MS,
        )
        return (msgspec.structs.replace(order, fills=(fill,)),)


# Commands.


def _login(url: str, moment: Moment) -> str:
    """Version 2.1 of the signature: the same text, with names of its own."""
    if moment.credentials is None:
        raise ConfigError("an account's events need credentials")
    params = {
        "accessKey": moment.credentials.key,
        "signatureMethod": "HmacSHA256",
        "signatureVersion": "2.1",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment.time_ns // 10**9)),
    }
    parts = urlsplit(url)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in params.items())
    signed = signature("GET", parts.netloc, parts.path, query, moment.credentials)
    return _json({"action": "req", "ch": "auth", "params": {"authType": "api", **params, "signature": signed}})


def _command(action: str, topics: Sequence[str], moment: Moment) -> str:
    (topic,) = topics
    return _json({"action": action, "ch": topic})


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


# Frames.


class _Ping(msgspec.Struct):
    ts: int | None = None


class _Frame(msgspec.Struct):
    action: str = "push"
    ch: str | None = None
    code: int | None = None
    message: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _OrderEvent(msgspec.Struct, rename="camel"):
    symbol: str
    type: str = ""
    order_id: int | None = None
    order_status: str = ""
    client_order_id: str | None = None
    order_price: Decimal | None = None
    order_size: Decimal | None = None
    order_value: Decimal | None = None
    order_create_time: int | None = None
    last_act_time: int | None = None
    exec_amt: Decimal | None = None
    trade_id: int | None = None
    trade_price: Decimal | None = None
    trade_volume: Decimal | None = None
    trade_time: int | None = None
    aggressor: bool | None = None

    def report(self) -> reports.SpotOrder:
        """As REST would tell it."""
        return reports.SpotOrder(
            id=self.order_id or 0,
            symbol=self.symbol,
            type=self.type,
            state=self.order_status,
            amount=self.order_size or self.order_value or Decimal(0),
            price=self.order_price,
            client_order_id=self.client_order_id,
            filled_amount=Decimal(0) if self.exec_amt is None else self.exec_amt,
            created_at=self.order_create_time,
            updated_at=max(self.last_act_time or 0, self.trade_time or 0, self.order_create_time or 0),
        )


class _OrderFrame(msgspec.Struct):
    data: _OrderEvent


class _Account(msgspec.Struct, rename="camel"):
    currency: str
    account_type: str
    balance: Decimal | None = None
    available: Decimal | None = None


class _AccountFrame(msgspec.Struct):
    data: _Account


_frame = wire.decoder(_Frame)
_ping = wire.decoder(_Ping)
_order_frame = wire.decoder(_OrderFrame)
_account_frame = wire.decoder(_AccountFrame)


def read_account(frame: Buffer) -> Message:
    """Tell what a frame of the private stream is."""
    found = _frame(frame)  # type: ignore[arg-type]
    channel = found.ch or ""
    topic = LOGIN if channel == "auth" else channel
    if found.action == "ping":
        return Reply(_json({"action": "pong", "data": {"ts": _ping(bytes(found.data)).ts}}))
    if found.code not in (None, _OK):
        kind = AuthenticationError if topic == LOGIN else VenueError
        return Refused(None, kind(found.message, venue=VENUE, code=found.code), (topic,) if topic else ())
    if found.action in ("req", "sub"):
        return Acknowledged(topics=(topic,))
    # An order's channel may be named after its symbol, whatever was asked for.
    return (ORDERS if channel.startswith("orders#") else channel, frame) if found.action == "push" else None


def _balances(frame: Buffer) -> Sequence[Balance] | None:
    """The asset that changed; ``None``: not enough is told."""
    found = _account_frame(frame).data  # type: ignore[arg-type]
    if found.account_type != "trade":
        return ()  # of margin accounts
    if found.balance is None or found.available is None:
        return None
    held = found.balance - found.available
    return (Balance(venue=VENUE, asset=found.currency.upper(), free=found.available, locked=held, total=found.balance),)
