"""What users of the CTP layer hold in their hands: frozen, typed values.

Units everywhere: prices per unit as quoted, quantities in lots, money in the account's currency, times as UTC
nanoseconds (``*_ns``), trading days as dates. ``Decimal`` where money is, read from the 15 digits of the front's double
that are sure; ticks are floats as sent, with NaN for no value. ``symbol`` is the instrument's id as CTP spells it:
``rb2610``, ``SR701``, ``IF2612``.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from ..errors import FilterViolation
from ..models import OrderStatus, Side

__all__ = [
    "Account",
    "Connection",
    "Fill",
    "Hedge",
    "Instrument",
    "Offset",
    "Order",
    "Position",
    "PositionSide",
    "Tick",
]


class Offset(StrEnum):
    """Whether an order opens or closes, and which part of a position it closes."""

    OPEN = "open"
    CLOSE = "close"
    CLOSE_TODAY = "close_today"
    CLOSE_YESTERDAY = "close_yesterday"
    FORCED = "forced"


class Hedge(StrEnum):
    """The purpose under which a position is held; positions of different purposes do not mix."""

    SPECULATION = "speculation"
    ARBITRAGE = "arbitrage"
    HEDGE = "hedge"
    MARKET_MAKER = "market_maker"
    OTHER = "other"


class PositionSide(StrEnum):
    """Side of a position. ``net`` occurs only where the exchange keeps no sides."""

    LONG = "long"
    SHORT = "short"
    NET = "net"


class _Model(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Immutable, comparable, serialisable by msgspec."""


class Tick(_Model, frozen=True):
    """One snapshot of an instrument's market, with its times repaired.

    ``time_ns`` is the exchange's time and ``action_day`` its natural day in China, ``trading_day`` the day that the
    snapshot counts for (a night session counts for the next one); ``time_ns`` is ``None`` where the front gives no
    time. ``sequence`` counts the instrument's snapshots from 1, because several may carry one time stamp. ``volume``,
    ``turnover`` and ``open_interest`` are cumulative for the trading day; ``vwap`` is the day's average price per unit,
    NaN when turnover and volume give none that lies between low and high. ``bids`` and ``asks`` are ``(price, lots)``,
    best first, only levels that exist. ``stale`` marks the last snapshot of earlier times that a front sends on
    subscription.
    """

    symbol: str
    exchange: str
    trading_day: dt.date | None
    action_day: dt.date | None
    time_ns: int | None
    received_ns: int
    sequence: int
    stale: bool
    last: float
    volume: int
    turnover: float
    open_interest: float
    vwap: float
    bids: tuple[tuple[float, int], ...]
    asks: tuple[tuple[float, int], ...]
    open: float
    high: float
    low: float
    close: float
    settlement: float
    upper_limit: float
    lower_limit: float
    pre_close: float
    pre_settlement: float
    pre_open_interest: float

    @property
    def bid(self) -> float:
        """Best bid, NaN when nobody bids."""
        return self.bids[0][0] if self.bids else math.nan

    @property
    def ask(self) -> float:
        """Best ask, NaN when nobody offers."""
        return self.asks[0][0] if self.asks else math.nan

    @property
    def bid_quantity(self) -> int:
        """Lots at the best bid."""
        return self.bids[0][1] if self.bids else 0

    @property
    def ask_quantity(self) -> int:
        """Lots at the best ask."""
        return self.asks[0][1] if self.asks else 0


class Instrument(_Model, frozen=True):
    """A contract and its rules, as the front lists it.

    ``kind`` is ``futures options combination spot efp spot_option tas index`` or ``other``; ``multiplier`` is units per
    lot, ``tick_size`` the price step. ``max_*`` and ``min_*`` bound the lots of one order, 0 where the front sets none.
    """

    symbol: str
    exchange: str
    product: str
    name: str
    kind: str
    multiplier: int
    tick_size: Decimal
    min_limit_quantity: int = 0
    max_limit_quantity: int = 0
    min_market_quantity: int = 0
    max_market_quantity: int = 0
    listed: dt.date | None = None
    expires: dt.date | None = None
    active: bool = True
    long_margin_ratio: float = math.nan
    short_margin_ratio: float = math.nan
    underlying: str = ""
    strike: Decimal | None = None
    option: Literal["call", "put"] | None = None

    def check(self, *, quantity: int, price: Decimal | None) -> None:
        """Raise ``FilterViolation`` unless an order of these lots at this price keeps the contract's rules.

        ``price=None`` means a market order. Daily price limits are the exchange's to judge.
        """
        if price is None:
            low, high = self.min_market_quantity, self.max_market_quantity
        else:
            low, high = self.min_limit_quantity, self.max_limit_quantity
        if low and quantity < low:
            raise self._violation(f"{quantity} lots are fewer than the minimum of {low}")
        if high and quantity > high:
            raise self._violation(f"{quantity} lots are more than the maximum of {high}")
        if price is None or not self.tick_size:
            return
        below = price // self.tick_size * self.tick_size
        if price != below:
            below = below if price > 0 else below - self.tick_size  # // truncates towards zero; spreads may be negative
            raise self._violation(
                f"price {price} is not a multiple of {self.tick_size}; {below} and {below + self.tick_size} are"
            )

    def _violation(self, what: str) -> FilterViolation:
        return FilterViolation(f"{self.symbol}: {what}", venue=self.exchange)


class Account(_Model, frozen=True):
    """Money of the account. ``balance`` is the dynamic equity, ``available`` what new orders may use."""

    account_id: str
    currency: str
    trading_day: dt.date | None
    balance: Decimal
    available: Decimal
    pre_balance: Decimal
    margin: Decimal
    frozen_margin: Decimal
    frozen_commission: Decimal
    frozen_cash: Decimal
    commission: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    deposit: Decimal
    withdraw: Decimal
    withdrawable: Decimal


class Position(_Model, frozen=True):
    """A position on one side, for one purpose, merged from the front's rows.

    ``quantity = today + yesterday``, in lots. ``frozen`` are lots that working close orders hold, ``closable`` is what
    is left; ``closable_today`` and ``closable_yesterday`` matter on SHFE and INE, where each is closed by its own
    order. ``entry_price`` is the true average opening price, ``cost_price`` the average after daily settlement (marked
    to market); ``None`` without a multiplier. ``unrealized_pnl`` is against the settlement, as the front reckons it.
    """

    symbol: str
    exchange: str
    side: PositionSide
    hedge: Hedge
    quantity: int
    today: int
    yesterday: int
    frozen: int
    frozen_today: int
    frozen_yesterday: int
    entry_price: Decimal | None
    cost_price: Decimal | None
    margin: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    commission: Decimal
    combined: int = 0

    @property
    def closable(self) -> int:
        """Lots that a new order could close."""
        return max(0, self.quantity - self.frozen)

    @property
    def closable_today(self) -> int:
        """Today's lots that a new order could close."""
        return max(0, self.today - self.frozen_today)

    @property
    def closable_yesterday(self) -> int:
        """Yesterday's lots that a new order could close."""
        return max(0, self.yesterday - self.frozen_yesterday)


class Fill(_Model, frozen=True):
    """One execution. ``replayed`` marks those that happened before this session, told again by the front on login."""

    symbol: str
    exchange: str
    fill_id: str
    order_id: str
    client_order_id: str | None
    side: Side
    offset: Offset
    hedge: Hedge
    price: Decimal
    quantity: int
    trading_day: dt.date | None
    time_ns: int | None
    replayed: bool


class Order(_Model, frozen=True):
    """An order as far as it is known.

    ``order_id`` is ``"<exchange>:<OrderSysID>"``, empty until the exchange has given one (the blanks in it count);
    ``client_order_id`` is ours, ``None`` for an order placed elsewhere. ``(front_id, session_id, order_ref)`` names it
    to CTP. ``rejected_by`` says who refused, ``reason`` why, in Chinese as sent. A canceled order can still have fills.
    ``parent`` is the order id of the conditional order that this one came of; a conditional order that has been
    triggered is ``expired``. ``replayed`` as in ``Fill``.
    """

    symbol: str
    exchange: str
    order_id: str
    client_order_id: str | None
    status: OrderStatus
    side: Side
    offset: Offset
    hedge: Hedge
    type: str
    quantity: int
    filled: int
    price: Decimal | None
    average_price: Decimal | None
    stop_price: Decimal | None
    trigger: str | None
    time_in_force: str
    rejected_by: Literal["ctp", "exchange"] | None
    reason: str
    front_id: int
    session_id: int
    order_ref: str
    parent: str | None
    trading_day: dt.date | None
    created_ns: int | None
    updated_ns: int | None
    fills: tuple[Fill, ...]
    replayed: bool

    @property
    def remaining(self) -> int:
        """Lots still unfilled."""
        return self.quantity - self.filled


class Connection(_Model, frozen=True):
    """A change of the connection: ``state`` is one of ``login.State``; ``code`` and ``reason`` say why it was lost."""

    state: str
    reason: str
    code: int | None
    time_ns: int
