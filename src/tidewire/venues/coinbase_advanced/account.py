"""Coinbase Advanced's private stream: own orders as they stand, at every change.

Its messages tell how much of an order was filled, and at what average price, but not by which fills: those are read
over REST whenever an order has moved on.

See: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels (user).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

import msgspec

from ..._channel import OrderChannel
from ..._feed import Acknowledged, Buffer, Feed, Message, Moment, Numbered, Refused
from ...errors import ConfigError, DecodeError
from ...models import Order, OrderStatus
from ...symbols import Kind, Symbol
from . import orders, wire
from .auth import token
from .errors import stream_refusal
from .stream import BEATS, CoinbaseAdvancedStreams

__all__ = ["CoinbaseAdvancedAccount", "read_account"]

_USER: Final = "user"


class CoinbaseAdvancedAccount(CoinbaseAdvancedStreams):
    """The private streaming half of ``CoinbaseAdvanced``. Balances of spot accounts are not streamed."""

    def watch_orders(self, *, kind: Kind = "spot") -> OrderChannel:
        """See: user. Begins with the open orders; fills are fetched over REST as orders move on."""
        self._check_kind(kind)
        feed = Feed(
            url=self.stream_hosts["user"],
            subscribe=partial(_command, "subscribe"),
            unsubscribe=partial(_command, "unsubscribe"),
            read=read_account,
            topics_per_connection=1,
            topics_per_command=1,
            commands_per_s=4.0,
            commands_burst=4,
            one_at_a_time=True,
            connect_costs={"connections": 1},
            idle_s=5.0,
            standing=(BEATS,),
            private=True,
        )
        parse = partial(_orders, symbol_of=lambda native: self.known_symbol(native, "spot"))
        return OrderChannel(feed=feed, topic=_USER, kind=kind, parse=parse)


def _command(type_: Literal["subscribe", "unsubscribe"], topics: Sequence[str], moment: Moment) -> str:
    if moment.credentials is None:
        raise ConfigError("an account's orders need credentials", venue=wire.VENUE)
    message = {"type": type_, "channel": topics[0], "jwt": token(moment.credentials, moment.time_ns)}
    return json.dumps(message, separators=(",", ":"))


# Frames.


class _Event(msgspec.Struct):
    subscriptions: dict[str, list[str] | None] = {}


class _Frame(msgspec.Struct):
    channel: str = ""
    sequence_num: int | None = None
    events: list[_Event] = []
    type: str = ""
    message: str = ""


_frame = wire.decoder(_Frame)


def read_account(frame: Buffer) -> Message:
    """Tell what a frame is: orders, the list of what is subscribed, or a refusal; with its number."""
    found = _frame(frame)  # type: ignore[arg-type]
    message: Message = None
    if found.type == "error":
        message = Refused(None, stream_refusal(found.message))
    elif found.channel == _USER:
        message = _USER, frame
    elif found.channel == BEATS:
        message = Acknowledged(topics=(BEATS,))  # whose answer was lost on the way
    elif found.channel == "subscriptions":
        topics = [name for event in found.events for name in event.subscriptions if name in (_USER, BEATS)]
        message = Acknowledged(topics=topics) if topics else None
    elif not found.channel:
        raise DecodeError("a message without a channel", venue=wire.VENUE, excerpt=bytes(frame[:1024]))
    return message if found.sequence_num is None else Numbered(found.sequence_num, message)


# Orders.


class _OwnOrder(msgspec.Struct):
    order_id: str
    product_id: str
    status: str
    client_order_id: str = ""
    order_side: str = ""
    order_type: str = ""
    cumulative_quantity: str = ""
    leaves_quantity: str = ""
    avg_price: str = ""
    filled_value: str = ""
    limit_price: str = ""
    stop_price: str = ""
    time_in_force: str = ""
    post_only: bool | None = None
    product_type: str = "SPOT"
    creation_time: str = ""

    def order(self, symbol: Symbol, time_ns: int | None) -> Order:
        """The order; its size shows only while something of it is left."""
        filled, left = wire.decimal(self.cumulative_quantity), wire.decimal(self.leaves_quantity)
        status = orders.status_of(self.order_id, self.status)
        is_partial = status is OrderStatus.OPEN and filled
        return Order(
            venue=wire.VENUE,
            symbol=symbol,
            order_id=self.order_id,
            client_order_id=self.client_order_id or None,
            status=OrderStatus.PARTIAL if is_partial else status,
            side=wire.side_of(self.order_side) if self.order_side else None,
            type=self.order_type.lower() or None,
            quantity=filled + left if left and filled is not None and not status.is_final else None,
            filled=filled,
            price=wire.positive(self.limit_price),
            average_price=wire.positive(self.avg_price),
            quote_filled=wire.decimal(self.filled_value),
            stop_price=wire.positive(self.stop_price),
            time_in_force=orders.FORCES.get(self.time_in_force),
            post_only=self.post_only,
            created_ns=wire.time_ns(self.creation_time),
            updated_ns=time_ns,
        )


class _Orders(msgspec.Struct):
    orders: list[_OwnOrder] = []


class _OrdersMessage(msgspec.Struct):
    events: list[_Orders]
    timestamp: str = ""


_orders_message = wire.decoder(_OrdersMessage)


def _orders(frame: Buffer, symbol_of: Callable[[str], Symbol]) -> list[Order]:
    """The orders of a message as they stand after it. Orders of futures are left out."""
    message = _orders_message(frame)  # type: ignore[arg-type]
    moment = wire.time_ns(message.timestamp)
    rows = [row for event in message.events for row in event.orders if row.product_type in ("SPOT", "")]
    return [row.order(symbol_of(row.product_id), moment) for row in rows]
