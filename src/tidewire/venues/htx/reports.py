"""HTX's private answers: balances, positions, orders and fills as they come, and as our models.

Spot spells with hyphens and packs side, type and time in force into one word; swaps (version 5) spell with underscores
and count contracts. Spot calls the same figures ``field-…`` or ``filled-…`` from one address to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ...errors import DecodeError
from ...models import Balance, Fill, Order, OrderStatus, Position, Side, TradingFee
from ...symbols import Symbol
from .wire import EXACT, VENUE, base, nanoseconds, positive

_STATUS = {
    "pre-submitted": OrderStatus.PENDING,
    "created": OrderStatus.PENDING,
    "submitted": OrderStatus.OPEN,
    "new": OrderStatus.OPEN,
    "active": OrderStatus.OPEN,
    "partial-filled": OrderStatus.PARTIAL,
    "partially_filled": OrderStatus.PARTIAL,
    "filled": OrderStatus.FILLED,
    "partial-canceled": OrderStatus.CANCELED,
    "partially_canceled": OrderStatus.CANCELED,
    "canceled": OrderStatus.CANCELED,
    "canceling": OrderStatus.CANCELING,
    "rejected": OrderStatus.REJECTED,
}
# The middle of ``buy-limit-maker`` and its like: type, time in force, post-only.
_TERMS: dict[str, tuple[str, str | None, bool]] = {
    "limit": ("limit", "gtc", False),
    "limit-maker": ("limit", "gtc", True),
    "ioc": ("limit", "ioc", False),
    "limit-fok": ("limit", "fok", False),
    "market": ("market", None, False),
}


def side_of(kind: str) -> Side:
    """The first part of ``buy-limit`` and its like."""
    try:
        return Side(kind.partition("-")[0])
    except ValueError:
        raise DecodeError(f"an order of the unknown type {kind!r}", venue=VENUE) from None


def status_of(word: str, order_id: str) -> OrderStatus:
    try:
        return _STATUS[word]
    except KeyError:
        raise DecodeError(f"order {order_id} has the unknown state {word!r}", venue=VENUE) from None


class Account(msgspec.Struct):
    id: int
    type: str
    state: str = ""


class Accounts(msgspec.Struct):
    data: list[Account]

    def spot_id(self) -> str:
        """The id of the spot account that works."""
        for row in self.data:
            if row.type == "spot" and row.state == "working":
                return str(row.id)
        raise DecodeError(f"this key has no working spot account among {len(self.data)}", venue=VENUE)


class FeeRate(msgspec.Struct, rename="camel"):
    symbol: str
    actual_maker_rate: Decimal
    actual_taker_rate: Decimal


class FeeRates(msgspec.Struct):
    data: list[FeeRate]

    def trading_fee(self, native: str, symbol: Symbol) -> TradingFee:
        for row in self.data:
            if row.symbol == native:
                rates = {"maker": row.actual_maker_rate, "taker": row.actual_taker_rate}
                return TradingFee(venue=VENUE, symbol=symbol, **rates)
        raise DecodeError(f"the answer holds no fee of {symbol}", venue=VENUE)


class SpotBalance(msgspec.Struct):
    currency: str
    type: str
    balance: Decimal


class SpotBalances(msgspec.Struct, rename={"rows": "list"}):
    rows: list[SpotBalance]


class SpotAccount(msgspec.Struct):
    """One row per currency and type: ``trade`` is free, ``frozen`` is locked; loans and interest are not spot's."""

    data: SpotBalances

    def nonzero(self) -> list[Balance]:
        held: dict[str, dict[str, Decimal]] = {}
        for row in self.data.rows:
            held.setdefault(row.currency.upper(), {})[row.type] = row.balance
        none = Decimal(0)
        rows = [(asset, kinds.get("trade", none), kinds.get("frozen", none)) for asset, kinds in held.items()]
        return [
            Balance(venue=VENUE, asset=asset, free=free, locked=locked, total=EXACT.add(free, locked))
            for asset, free, locked in rows
            if free or locked
        ]


class MarginBalance(msgspec.Struct):
    currency: str
    equity: Decimal
    available_margin: Decimal

    def model(self) -> Balance:
        return Balance(
            venue=VENUE,
            asset=self.currency.upper(),
            free=self.available_margin,
            locked=max(self.equity - self.available_margin, Decimal(0)),
            total=self.equity,
        )


class MarginDetails(msgspec.Struct):
    details: list[MarginBalance] = []


class MarginAccount(msgspec.Struct):
    data: MarginDetails


class OpenPosition(msgspec.Struct):
    contract_code: str
    volume: Decimal
    direction: Side
    position_side: str | None = None
    margin_mode: str | None = None
    open_avg_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    mark_price: Decimal | None = None
    profit_unreal: Decimal | None = None
    lever_rate: Decimal | None = None
    updated_time: int | None = None

    def position(self, symbol: Symbol, size: Decimal) -> Position:
        quantity = base(self.volume, size if self.direction is Side.BUY else -size)
        return Position(
            venue=VENUE,
            symbol=symbol,
            quantity=quantity,
            entry_price=positive(self.open_avg_price),
            mark_price=positive(self.mark_price),
            liquidation_price=positive(self.liquidation_price),
            unrealized_pnl=self.profit_unreal,
            notional=None if self.mark_price is None else EXACT.multiply(quantity, self.mark_price),
            leverage=self.lever_rate,
            margin_mode=self.margin_mode,
            position_side=self.position_side,
            time_ns=nanoseconds(self.updated_time),
        )


class Positions(msgspec.Struct):
    data: list[OpenPosition]


class SpotOrder(msgspec.Struct, rename="kebab"):
    id: int
    symbol: str
    type: str
    state: str
    amount: Decimal
    price: Decimal | None = None
    client_order_id: str | None = None
    field_amount: Decimal | None = None
    filled_amount: Decimal | None = None
    field_cash_amount: Decimal | None = None
    filled_cash_amount: Decimal | None = None
    stop_price: Decimal | None = None
    created_at: int | None = None
    updated_at: int | None = None
    finished_at: int | None = None
    canceled_at: int | None = None

    def order(self, symbol: Symbol) -> Order:
        word = self.type.partition("-")[2]
        kind, force, post_only = _TERMS.get(word, (word, None, False))
        filled = self.filled_amount if self.filled_amount is not None else self.field_amount
        value = self.filled_cash_amount if self.filled_cash_amount is not None else self.field_cash_amount
        stamps = (self.created_at, self.updated_at, self.finished_at, self.canceled_at)
        return Order(
            venue=VENUE,
            symbol=symbol,
            order_id=str(self.id),
            client_order_id=self.client_order_id or None,
            status=status_of(self.state, str(self.id)),
            side=side_of(self.type),
            type=kind,
            # A market buy's amount is the money to spend.
            quantity=None if self.type == "buy-market" else self.amount,
            filled=filled,
            price=None if kind == "market" else positive(self.price),
            average_price=value / filled if value is not None and positive(filled) and filled else None,
            quote_filled=value,
            stop_price=positive(self.stop_price),
            time_in_force=force,
            post_only=post_only,
            created_ns=nanoseconds(self.created_at),
            updated_ns=nanoseconds(max(stamp or 0 for stamp in stamps)),
        )


class SpotOrderAnswer(msgspec.Struct):
    data: SpotOrder


class SpotOrders(msgspec.Struct):
    data: list[SpotOrder]


class SwapOrder(msgspec.Struct):
    order_id: str
    contract_code: str
    state: str
    volume: Decimal
    side: Side | None = None
    type: str | None = None
    price: Decimal | None = None
    client_order_id: str | None = None
    trade_avg_price: Decimal | None = None
    trade_volume: Decimal | None = None
    trade_turnover: Decimal | None = None
    reduce_only: bool | None = None
    time_in_force: str | None = None
    created_time: int | None = None
    updated_time: int | None = None

    def order(self, symbol: Symbol, size: Decimal) -> Order:
        post_only = self.type == "post_only"
        return Order(
            venue=VENUE,
            symbol=symbol,
            order_id=self.order_id,
            client_order_id=self.client_order_id or None,
            status=status_of(self.state, self.order_id),
            side=self.side,
            type="limit" if post_only else self.type,
            quantity=base(self.volume, size),
            filled=None if self.trade_volume is None else base(self.trade_volume, size),
            price=positive(self.price),
            average_price=positive(self.trade_avg_price),
            quote_filled=self.trade_turnover,
            time_in_force=None if self.type == "market" else self.time_in_force,
            post_only=post_only,
            reduce_only=self.reduce_only,
            created_ns=nanoseconds(self.created_time),
            updated_ns=nanoseconds(self.updated_time),
        )


class SwapOrderAnswer(msgspec.Struct):
    """One order, bare or in a list: peers have met both."""

    data: SwapOrder | list[SwapOrder] | None

    def rows(self) -> Sequence[SwapOrder]:
        return self.data if isinstance(self.data, list) else [] if self.data is None else [self.data]


class SwapOrders(msgspec.Struct):
    data: list[SwapOrder]


class SpotPlaced(msgspec.Struct):
    """The order's id, as text, to a new order as to a cancel by it."""

    data: str | int


class SpotCancelState(msgspec.Struct):
    """What a cancel by client id found."""

    data: int


class SwapNamed(msgspec.Struct):
    order_id: str
    client_order_id: str | None = None
    code: str | int | None = None
    message: str | None = None


class SwapPlaced(msgspec.Struct):
    data: SwapNamed


class SwapCanceled(msgspec.Struct):
    data: list[SwapNamed]


class SpotCanceled(msgspec.Struct, rename="kebab"):
    success_count: int = 0
    failed_count: int = 0
    next_id: int = -1


class SpotCanceledAnswer(msgspec.Struct):
    data: SpotCanceled


class SpotFill(msgspec.Struct, rename="kebab"):
    order_id: int
    type: str
    price: Decimal
    filled_amount: Decimal
    id: int
    trade_id: int | None = None
    role: str | None = None
    filled_fees: Decimal | None = None
    fee_currency: str | None = None
    filled_points: Decimal | None = None
    fee_deduct_currency: str | None = None
    created_at: int | None = None

    def fill(self, symbol: Symbol) -> Fill:
        fee, asset = self.filled_fees, self.fee_currency
        if not fee and self.filled_points and self.fee_deduct_currency:  # paid in the venue's own points or coin
            fee, asset = self.filled_points, self.fee_deduct_currency
        return Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=str(self.id if self.trade_id is None else self.trade_id),
            order_id=str(self.order_id),
            side=side_of(self.type),
            price=self.price,
            quantity=self.filled_amount,
            fee=fee,
            fee_asset=asset.upper() if asset else None,
            maker=None if self.role is None else self.role.lower() == "maker",
            time_ns=nanoseconds(self.created_at),
        )


class SpotFills(msgspec.Struct):
    data: list[SpotFill]


class SwapFill(msgspec.Struct):
    """``trade_fee`` is positive when charged: a taker's sample says 0.075 where the order's own ``fee`` says -0.075.

    ``trade_id`` is the match's: fills of one order from several makers may share it, where ``id`` is each one's own.
    """

    order_id: str
    trade_id: str
    side: Side
    trade_price: Decimal
    trade_volume: Decimal
    id: str | None = None
    role: str | None = None
    trade_fee: Decimal | None = None
    fee_currency: str | None = None
    profit: Decimal | None = None
    created_time: int | None = None

    def fill(self, symbol: Symbol, size: Decimal) -> Fill:
        return Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=self.id or self.trade_id,
            order_id=self.order_id,
            side=self.side,
            price=self.trade_price,
            quantity=base(self.trade_volume, size),
            fee=self.trade_fee,
            fee_asset=self.fee_currency or None,
            maker=None if self.role is None else self.role.lower() == "maker",
            realized_pnl=self.profit,
            time_ns=nanoseconds(self.created_time),
        )


class SwapFills(msgspec.Struct):
    data: list[SwapFill]
