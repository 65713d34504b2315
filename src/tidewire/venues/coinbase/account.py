"""Coinbase Exchange's private streams: what becomes of own orders, step by step, and what the accounts hold.

The venue does not number these messages, and warns that it may drop some. Only the first one about an order tells its
size; the last one tells what remained, which shows whether a fill is missing.

See: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels (user, balance; read
second-hand, March 2025) and …/websocket-feed/authentication.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final, Literal

import msgspec

from ..._channel import BalanceChannel, OrderChannel
from ..._feed import Acknowledged, Buffer, Feed, Message, Moment, Refused
from ...errors import ConfigError, DecodeError, NotSupported
from ...models import Balance, Fill, Order, OrderStatus, Side
from ...symbols import Kind, Symbol
from . import wire
from .auth import proof
from .errors import refusal
from .stream import CoinbaseStreams

__all__ = ["CoinbaseAccount", "OrderReader", "read_account"]

_USER: Final = "user"
_BALANCE: Final = "balance"
_STEPS: Final = ("received", "open", "match", "change", "done")
_REMEMBERED: Final = 10_000  # orders whose size is known


class CoinbaseAccount(CoinbaseStreams):
    """The private streaming half of ``Coinbase``."""

    def watch_orders(self, *, kind: Kind = "spot") -> OrderChannel:
        """See: user. Every product known when the connection opens is asked for."""
        if kind != "spot":
            raise NotSupported(f"{self.name} has no {kind} account", venue=self.name)
        reader = OrderReader(lambda native: self.known_symbol(native, "spot"))
        return OrderChannel(feed=self._account_feed(self._products), topic=_USER, kind=kind, parse=reader)

    def watch_balances(self, *, kind: Kind = "spot") -> BalanceChannel:
        """See: balance, of every account that the key's profile has when the stream is opened."""
        if kind != "spot":
            raise NotSupported(f"{self.name} has no {kind} account", venue=self.name)
        ids: list[str] = []

        def learn(body: bytes) -> None:
            ids[:] = (row.id for row in _accounts(body))

        accounts = replace(self.fetch_balances(), parser=learn)  # type: ignore[arg-type]
        feed = self._account_feed(lambda: {"name": _BALANCE, "account_ids": ids})
        return BalanceChannel(feed=feed, topic=_BALANCE, kind=kind, parse=_balances, accounts=accounts)  # type: ignore[arg-type]

    def _account_feed(self, channel: Callable[[], Mapping[str, object]]) -> Feed:
        """A connection for one channel, which tells what to write for it."""
        return Feed(
            url=self.stream_hosts["spot"],
            subscribe=partial(self._command, "subscribe", channel),
            unsubscribe=partial(self._command, "unsubscribe", channel),
            read=read_account,
            topics_per_connection=1,
            topics_per_command=1,
            commands_per_s=20.0,
            one_at_a_time=True,
            connect_costs={"connections": 1},
            idle_s=10.0,
            private=True,
        )

    def _products(self) -> Mapping[str, object]:
        return {"name": _USER, "product_ids": sorted(self.native_symbol(symbol) for symbol in self._instruments)}

    def _command(
        self,
        type_: Literal["subscribe", "unsubscribe"],
        channel: Callable[[], Mapping[str, object]],
        topics: Sequence[str],
        moment: Moment,
    ) -> str:
        if moment.credentials is None:
            raise ConfigError("an account's streams need credentials", venue=self.name)
        message = {"type": type_, "channels": [channel()], **proof(moment.credentials, moment.time_ns)}
        return json.dumps(message, separators=(",", ":"))


class _Channel(msgspec.Struct):
    name: str


class _Step(msgspec.Struct):
    """One step of an order's life; which fields there are depends on ``type``."""

    type: str
    product_id: str = ""
    time: wire.Time | None = None
    order_id: str = ""
    client_oid: str | None = None
    side: Side | None = None
    order_type: str | None = None
    size: Decimal | None = None
    price: Decimal | None = None
    remaining_size: Decimal | None = None
    reason: str = ""
    old_size: Decimal | None = None
    new_size: Decimal | None = None
    trade_id: int | None = None
    maker_order_id: str = ""
    taker_order_id: str = ""
    maker_user_id: str | None = None
    taker_user_id: str | None = None
    maker_fee_rate: Decimal | None = None
    taker_fee_rate: Decimal | None = None
    message: str = ""
    channels: list[_Channel] = []


class _Holding(msgspec.Struct):
    """What of an account can be traded with, and what is held for orders and withdrawals."""

    currency: str
    available: Decimal
    holds: Decimal


_step = wire.decoder(_Step)
_holding = wire.decoder(_Holding)
_accounts = wire.decoder(list[wire.Account])


def read_account(frame: Buffer) -> Message:
    """Tell what a frame is: a step of an order, a balance, the list of what is subscribed, or a refusal."""
    found = _step(frame)  # type: ignore[arg-type]
    if found.type in _STEPS:
        return _USER, frame
    if found.type == _BALANCE:
        return _BALANCE, frame
    if found.type == "subscriptions":
        topics = tuple(each.name for each in found.channels if each.name in (_USER, _BALANCE))
        return Acknowledged(topics=topics) if topics else None
    if found.type == "error":
        return Refused(None, refusal(found.message, found.reason))
    return None


class OrderReader:
    """Reads steps, each as the order after it: what the step does not tell is ``None``.

    It remembers the sizes of orders, from which and what remains follows what has been filled.
    """

    def __init__(self, symbol_of: Callable[[str], Symbol]) -> None:
        self._symbol_of = symbol_of
        self._sizes: dict[str, Decimal] = {}

    def __call__(self, frame: Buffer) -> tuple[Order, ...]:
        """The order of one message; two if an own order met another one."""
        step = _step(frame)  # type: ignore[arg-type]
        symbol = self._symbol_of(step.product_id)
        match step.type:
            case "received":
                return (self._received(step, symbol),)
            case "open":
                return (self._open(step, symbol),)
            case "change":
                return (self._changed(step, symbol),)
            case "done":
                return (self._done(step, symbol),)
        return _matched(step, symbol)

    def _received(self, step: _Step, symbol: Symbol) -> Order:
        if step.size is not None:
            self._remember(step.order_id, step.size)
        moment = wire.ns(step.time)
        return Order(
            venue=wire.VENUE,
            symbol=symbol,
            order_id=step.order_id,
            client_order_id=step.client_oid or None,
            status=OrderStatus.PENDING,
            side=step.side,
            type=step.order_type,
            quantity=step.size,
            filled=Decimal(0),
            price=wire.positive(step.price),
            created_ns=moment,
            updated_ns=moment,
        )

    def _open(self, step: _Step, symbol: Symbol) -> Order:
        filled = self._filled(step)
        status = OrderStatus.PARTIAL if filled else OrderStatus.OPEN
        return self._view(step, symbol, status, filled, step.price)

    def _changed(self, step: _Step, symbol: Symbol) -> Order:
        """The venue took something off to keep the order from meeting another one of its owner."""
        size = self._sizes.get(step.order_id)
        if size is not None and step.old_size is not None and step.new_size is not None:
            size += step.new_size - step.old_size
            self._remember(step.order_id, size)
        order = self._view(step, symbol, OrderStatus.OPEN, None, step.price)
        return msgspec.structs.replace(order, quantity=size)

    def _done(self, step: _Step, symbol: Symbol) -> Order:
        filled = self._filled(step)
        self._sizes.pop(step.order_id, None)
        if step.reason not in ("filled", "canceled"):
            raise DecodeError(f"an order was done for the unknown reason {step.reason!r}", venue=wire.VENUE)
        status = OrderStatus.FILLED if step.reason == "filled" else OrderStatus.CANCELED
        return self._view(step, symbol, status, filled, step.price)

    def _view(
        self, step: _Step, symbol: Symbol, status: OrderStatus, filled: Decimal | None, price: Decimal | None
    ) -> Order:
        return Order(
            venue=wire.VENUE,
            symbol=symbol,
            order_id=step.order_id,
            status=status,
            side=step.side,
            filled=filled,
            price=wire.positive(price),
            updated_ns=wire.ns(step.time),
        )

    def _remember(self, order_id: str, size: Decimal) -> None:
        self._sizes[order_id] = size
        if len(self._sizes) > _REMEMBERED:
            del self._sizes[next(iter(self._sizes))]

    def _filled(self, step: _Step) -> Decimal | None:
        size = self._sizes.get(step.order_id)
        return None if size is None or step.remaining_size is None else size - step.remaining_size


def _matched(step: _Step, symbol: Symbol) -> tuple[Order, ...]:
    """Whose order it was is told by whose user and fee are named; ``side`` is the maker's."""
    if step.side is None or step.price is None or step.size is None or step.trade_id is None:
        raise DecodeError("a match lacks its side, price, size or id", venue=wire.VENUE)
    other = Side.SELL if step.side is Side.BUY else Side.BUY
    is_taker = step.taker_user_id is not None or step.taker_fee_rate is not None
    is_maker = step.maker_user_id is not None or step.maker_fee_rate is not None or not is_taker
    own: list[Order] = []
    for is_mine, maker, order_id, side, rate in (
        (is_maker, True, step.maker_order_id, step.side, step.maker_fee_rate),
        (is_taker, False, step.taker_order_id, other, step.taker_fee_rate),
    ):
        if is_mine:
            fee = None if rate is None else rate * step.price * step.size
            fill = Fill(
                venue=wire.VENUE,
                symbol=symbol,
                fill_id=str(step.trade_id),
                order_id=order_id,
                price=step.price,
                quantity=step.size,
                side=side,
                fee=fee,
                fee_asset=None if fee is None else symbol.quote,
                maker=maker,
                time_ns=wire.ns(step.time),
            )
            own.append(
                Order(
                    venue=wire.VENUE,
                    symbol=symbol,
                    order_id=order_id,
                    status=OrderStatus.PARTIAL,
                    side=side,
                    fills=(fill,),
                    updated_ns=fill.time_ns,
                )
            )
    return tuple(own)


def _balances(frame: Buffer) -> tuple[Balance]:
    row = _holding(frame)  # type: ignore[arg-type]
    held = Balance(
        venue=wire.VENUE,
        asset=row.currency,
        free=row.available,
        locked=row.holds,
        total=row.available + row.holds,
    )
    return (held,)
