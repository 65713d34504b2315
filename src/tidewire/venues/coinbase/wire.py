"""Coinbase Exchange's answers: their shapes on the wire, and how each becomes one of our models.

Numbers are text, built into decimals as they stand; a few are bare (the clock), and never pass through a double.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec

from ... import _call
from ...errors import DecodeError
from ...models import (
    Balance,
    BookSnapshot,
    Fill,
    Instrument,
    Level,
    Order,
    OrderStatus,
    Side,
    Ticker,
    Trade,
    TradingFee,
    utc,
)
from ...symbols import Symbol, parse_time

T = TypeVar("T")
Time = Annotated[dt.datetime, msgspec.Meta(tz=True)]
VENUE = "coinbase"


def decoder(shape: type[T]) -> Callable[[bytes], T]:
    """A decoder of one shape."""
    return _call.decoder(shape, VENUE)


def iso(time_ns: int) -> str:
    """A time as the venue takes it: ``2026-01-31T12:00:00Z``, with microseconds where there are some."""
    return utc(time_ns).isoformat(timespec="microseconds").replace(".000000", "").replace("+00:00", "Z")


def ns(time: Time | None) -> int | None:
    return parse_time(time)


def _flipped(maker: Side) -> Side:
    return Side.SELL if maker is Side.BUY else Side.BUY


def positive(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value > 0 else None


class Fees(msgspec.Struct):
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal

    def trading_fee(self, symbol: Symbol) -> TradingFee:
        return TradingFee(venue=VENUE, symbol=symbol, maker=self.maker_fee_rate, taker=self.taker_fee_rate)


class ServerTime(msgspec.Struct):
    epoch: Decimal

    @property
    def ns(self) -> int:
        return int(self.epoch * 10**9)


class Product(msgspec.Struct):
    id: str
    base_currency: str
    quote_currency: str
    quote_increment: Decimal
    base_increment: Decimal
    status: str
    min_market_funds: Decimal | None = None
    base_min_size: Decimal | None = None  # gone since 2022, but present in older answers
    base_max_size: Decimal | None = None
    cancel_only: bool = False
    trading_disabled: bool = False

    def instrument(self) -> Instrument:
        """``min_market_funds`` is the least value of limit orders too, since size limits went in June 2022."""
        return Instrument(
            venue=VENUE,
            symbol=Symbol(self.base_currency, self.quote_currency),
            native=self.id,
            kind="spot",
            tick_size=_step(self.quote_increment),
            lot_size=_step(self.base_increment),
            min_quantity=positive(self.base_min_size),
            max_quantity=positive(self.base_max_size),
            min_notional=positive(self.min_market_funds),
            active=self.status == "online" and not self.trading_disabled and not self.cancel_only,
            status=self.status,
        )


def _step(value: Decimal) -> Decimal:
    """A step without the zeros that the venue pads it with: what is rounded to it prints well."""
    return Decimal(f"{value.normalize():f}")


class Quotes(msgspec.Struct):
    """The ``ticker`` endpoint: the last trade and the best quotes. Its ``volume`` is of 24 hours."""

    price: Decimal
    time: Time
    bid: Decimal | None = None
    ask: Decimal | None = None
    volume: Decimal | None = None

    def ticker(self, symbol: Symbol) -> Ticker:
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            last=self.price,
            bid=positive(self.bid),
            ask=positive(self.ask),
            volume=self.volume,
            time_ns=ns(self.time),
        )


class Stats(msgspec.Struct):
    """The ``stats`` endpoint: 24 hours."""

    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    last: Decimal | None = None

    def complete(self, ticker: Ticker) -> Ticker:
        """The ticker with these statistics. ``last`` is theirs too, so that it lies between ``low`` and ``high``."""
        return msgspec.structs.replace(
            ticker,
            last=self.last if self.last is not None else ticker.last,
            open=self.open,
            high=self.high,
            low=self.low,
            volume=self.volume,
        )


class Book(msgspec.Struct):
    """Levels are ``[price, size, number of orders]``."""

    bids: list[tuple[Decimal, Decimal, int]]
    asks: list[tuple[Decimal, Decimal, int]]
    sequence: int | None = None
    time: Time | None = None

    def quote(self, symbol: Symbol) -> Ticker:
        """The best level of each side; ``None`` where a side is empty."""
        (bid, bid_size), (ask, ask_size) = ((side[0][:2] if side else (None, None)) for side in (self.bids, self.asks))
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            bid=bid,
            bid_quantity=bid_size,
            ask=ask,
            ask_quantity=ask_size,
            time_ns=ns(self.time),
        )

    def snapshot(self, symbol: Symbol, depth: int) -> BookSnapshot:
        return BookSnapshot(
            venue=VENUE,
            symbol=symbol,
            bids=tuple(Level(price, size) for price, size, _ in self.bids[:depth]),
            asks=tuple(Level(price, size) for price, size, _ in self.asks[:depth]),
            sequence=self.sequence,
            time_ns=ns(self.time),
        )


class PublicTrade(msgspec.Struct):
    """``side`` is the maker's: a taker who buys takes from a sell order."""

    trade_id: int
    side: Side
    size: Decimal
    price: Decimal
    time: Time

    def trade(self, symbol: Symbol) -> Trade:
        return Trade(
            venue=VENUE,
            symbol=symbol,
            trade_id=str(self.trade_id),
            price=self.price,
            quantity=self.size,
            side=_flipped(self.side),
            time_ns=parse_time(self.time) or 0,
        )


class Account(msgspec.Struct):
    id: str
    currency: str
    balance: Decimal
    hold: Decimal
    available: Decimal

    def model(self) -> Balance:
        return Balance(venue=VENUE, asset=self.currency, free=self.available, locked=self.hold, total=self.balance)


_STATUS = {
    "received": OrderStatus.PENDING,
    "pending": OrderStatus.PENDING,
    "open": OrderStatus.OPEN,
    "active": OrderStatus.OPEN,
    "canceling": OrderStatus.CANCELING,
    "rejected": OrderStatus.REJECTED,
}
_DONE = {
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "rejected": OrderStatus.REJECTED,
}
_FORCES = {"GTT": "gtd"}  # good till time


class OrderRow(msgspec.Struct):
    id: str
    product_id: str
    status: str
    side: Side | None = None
    type: str | None = None
    size: Decimal | None = None
    filled_size: Decimal | None = None
    executed_value: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str | None = None
    post_only: bool | None = None
    client_oid: str | None = None
    created_at: Time | None = None
    done_at: Time | None = None
    done_reason: str | None = None
    reject_reason: str | None = None

    def order(self, symbol: Symbol) -> Order:
        filled = positive(self.filled_size)
        value = self.executed_value
        force = self.time_in_force
        return Order(
            venue=VENUE,
            symbol=symbol,
            order_id=self.id,
            client_order_id=self.client_oid,
            status=self._status(),
            side=self.side,
            type=self.type,
            quantity=self.size,
            filled=self.filled_size,
            price=positive(self.price) if self.type != "market" else None,
            average_price=value / filled if value is not None and filled is not None else None,
            quote_filled=value,
            stop_price=positive(self.stop_price),
            time_in_force=None if force is None else _FORCES.get(force, force.lower()),
            post_only=self.post_only,
            created_ns=ns(self.created_at),
            updated_ns=ns(self.done_at or self.created_at),
        )

    def _status(self) -> OrderStatus:
        if self.status == "done" and self.done_reason in _DONE:
            return _DONE[self.done_reason]
        if self.status not in _STATUS:
            reason = f" ({self.done_reason})" if self.status == "done" else ""
            raise DecodeError(f"order {self.id} has the unknown status {self.status!r}{reason}", venue=VENUE)
        status = _STATUS[self.status]
        return OrderStatus.PARTIAL if status is OrderStatus.OPEN and positive(self.filled_size) else status


class FillRow(msgspec.Struct):
    """``side`` is the own order's here."""

    trade_id: int
    product_id: str
    order_id: str
    price: Decimal
    size: Decimal
    created_at: Time
    side: Side | None = None
    fee: Decimal | None = None
    liquidity: str | None = None

    def fill(self, symbol: Symbol) -> Fill:
        return Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=str(self.trade_id),
            order_id=self.order_id,
            side=self.side,
            price=self.price,
            quantity=self.size,
            fee=self.fee,
            fee_asset=None if self.fee is None else symbol.quote,
            maker={"M": True, "T": False}.get(self.liquidity or ""),
            time_ns=ns(self.created_at),
        )
