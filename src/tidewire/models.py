"""What users hold in their hands: frozen, typed values.

Units everywhere: ``Decimal`` prices in quote currency, ``Decimal`` quantities in base units, times as UTC nanoseconds
(``*_ns``), ``side`` is the taker's for trades. ``None`` means that the venue does not say.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import StrEnum
from numbers import Integral

import msgspec

from .errors import ConfigError, FilterViolation
from .symbols import Kind, Symbol

__all__ = [
    "Balance",
    "BookSnapshot",
    "Fill",
    "FundingRate",
    "Health",
    "Instrument",
    "KlineUpdate",
    "Level",
    "OpenInterest",
    "Order",
    "OrderStatus",
    "OrderType",
    "Position",
    "Side",
    "Ticker",
    "TimeInForce",
    "Trade",
    "TradingFee",
]


class Side(StrEnum):
    """Direction of an order, or of a trade's taker."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """What ``create_order`` accepts. An order read back may carry another of the venue's types, as plain text."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order works: until cancelled, immediate-or-cancel, fill-or-kill, good-till-date."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class OrderStatus(StrEnum):
    """State of an order. A canceled or expired order can still have fills: read ``Order.filled``."""

    PENDING = "pending"
    OPEN = "open"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELING = "canceling"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """True when the order can no longer change."""
        return self in _FINAL


_FINAL = {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED}


class _Model(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Immutable, comparable, serialisable by msgspec."""


class Level(msgspec.Struct, frozen=True, gc=False):
    """One price level of a book."""

    price: Decimal
    quantity: Decimal


class Instrument(_Model, frozen=True):
    """A tradable market and its rules.

    ``native`` is the venue's own id, ``native_code`` a second one, a number, where it has one. ``tick_size`` and
    ``lot_size`` are the price and quantity steps; ``min_*``/``max_*`` bounds are ``None`` where the venue sets none.
    ``contract_size`` is base units per contract (1 for spot). ``active`` is true while orders are accepted; ``status``
    is the venue's own word. ``expiry_ns`` is set for dated contracts.
    """

    venue: str
    symbol: Symbol
    native: str
    kind: Kind
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal | None = None
    max_quantity: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_notional: Decimal | None = None
    max_notional: Decimal | None = None
    market_lot_size: Decimal | None = None
    market_min_quantity: Decimal | None = None
    market_max_quantity: Decimal | None = None
    contract_size: Decimal = Decimal(1)
    active: bool = True
    status: str = ""
    expiry_ns: int | None = None
    native_code: int | None = None

    def round_price(self, price: Decimal | str | int | float, direction: str = "nearest") -> Decimal:
        """Price on the tick grid; ``direction`` is ``"nearest"``, ``"down"`` or ``"up"``. Orders are never rounded."""
        return _to_step(price, self.tick_size, direction)

    def round_quantity(self, quantity: Decimal | str | int | float, direction: str = "down") -> Decimal:
        """Quantity on the lot grid, down unless told otherwise."""
        return _to_step(quantity, self.lot_size, direction)

    def check(self, *, quantity: Decimal, price: Decimal | None) -> None:
        """Raise ``FilterViolation`` unless an order with this quantity (base units) and price keeps the instrument's
        rules.

        ``price=None`` means a market order. What depends on the market of the moment (price bands, position limits) is
        the venue's to judge.
        """
        lot, low, high = self.lot_size, self.min_quantity, self.max_quantity
        if price is None:
            lot = self.market_lot_size or lot
            low = self.market_min_quantity or low
            high = self.market_max_quantity or high
        self._check_range("quantity", quantity, lot, low, high)
        if price is None:
            return
        self._check_range("price", price, self.tick_size, self.min_price, self.max_price)
        notional = price * quantity
        if self.min_notional is not None and notional < self.min_notional:
            raise self._violation(f"notional {notional} is below the minimum {self.min_notional}")
        if self.max_notional is not None and notional > self.max_notional:
            raise self._violation(f"notional {notional} is above the maximum {self.max_notional}")

    def _check_range(self, name: str, value: Decimal, step: Decimal, low: Decimal | None, high: Decimal | None) -> None:
        if value <= 0:
            raise ConfigError(f"{self.symbol}: {name} must be positive, not {value}", venue=self.venue)
        if high is not None and value > high:
            raise self._violation(f"{name} {value} is above the maximum {high}")
        below = _to_step(value, step, "down")
        if value != below:
            raise self._violation(f"{name} {value} is not a multiple of {step:f}; {below:f} and {below + step:f} are")
        if low is not None and value < low:
            raise self._violation(f"{name} {value} is below the minimum {low}")

    def _violation(self, what: str) -> FilterViolation:
        return FilterViolation(f"{self.symbol}: {what}", venue=self.venue)


_ROUNDING = {"nearest": ROUND_HALF_EVEN, "down": ROUND_FLOOR, "up": ROUND_CEILING}

# The default 28 digits cannot hold a large price on a fine grid, and would round it silently.
_WIDE = Context(prec=100, traps=[InvalidOperation])


def exact(value: Decimal | str | int | float, name: str) -> Decimal:
    """Exact decimal of a user's number; a float counts as its shortest text. Raises ``ConfigError`` for any other."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, str, float, Integral)):
        raise ConfigError(f"{name}: expected a number, not {type(value).__name__}")
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise ConfigError(f"{name}: {value!r} is not a decimal number") from None
    if not number.is_finite():
        raise ConfigError(f"{name}: {value} is not a finite number")
    return number


def _to_step(value: Decimal | str | int | float, step: Decimal, direction: str) -> Decimal:
    """Nearest multiple of ``step``; ``step`` 0 means that there is no grid."""
    if direction not in _ROUNDING:
        raise ConfigError(f"direction must be 'nearest', 'down' or 'up', not {direction!r}")
    number = exact(value, "value")
    if not step:
        return number
    steps = _WIDE.divide(number, step).to_integral_value(_ROUNDING[direction])
    return _WIDE.multiply(steps, step)


class Ticker(_Model, frozen=True):
    """Last price, best quotes and rolling 24 h statistics. ``volume`` in base, ``quote_volume`` in quote currency."""

    venue: str
    symbol: Symbol
    last: Decimal | None = None
    bid: Decimal | None = None
    bid_quantity: Decimal | None = None
    ask: Decimal | None = None
    ask_quantity: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    quote_volume: Decimal | None = None
    trades: int | None = None
    time_ns: int | None = None


class Trade(_Model, frozen=True):
    """One public trade; ``side`` is the taker's."""

    venue: str
    symbol: Symbol
    trade_id: str
    price: Decimal
    quantity: Decimal
    side: Side
    time_ns: int


class KlineUpdate(_Model, frozen=True):
    """One bar of a stream, ``closed`` or still forming; it opens at ``open_time_ns``. Volumes as in ``Ticker``."""

    venue: str
    symbol: Symbol
    interval: str
    open_time_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal | None = None
    trades: int | None = None
    closed: bool = False
    time_ns: int | None = None


class BookSnapshot(_Model, frozen=True):
    """A book at one moment: ``bids`` descending, ``asks`` ascending. ``sequence`` is the venue's own number."""

    venue: str
    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    sequence: int | None = None
    time_ns: int | None = None


class FundingRate(_Model, frozen=True):
    """A perpetual's funding: ``rate`` per period, due (or paid) at ``funding_time_ns``."""

    venue: str
    symbol: Symbol
    rate: Decimal
    funding_time_ns: int
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    time_ns: int | None = None


class OpenInterest(_Model, frozen=True):
    """Open contracts: ``quantity`` in base units, ``contracts`` and ``notional`` (quote) where the venue gives them."""

    venue: str
    symbol: Symbol
    quantity: Decimal
    contracts: Decimal | None = None
    notional: Decimal | None = None
    time_ns: int | None = None


class TradingFee(_Model, frozen=True):
    """What the account pays in a market: fractions of a trade's value, ``Decimal("0.001")`` being 0.1 %.

    Positive is charged and negative a rebate, whichever sign the venue writes. ``taker`` is for an order that trades at
    once, ``maker`` for one that waited in the book. Discounts for paying in the venue's own coin are counted only where
    the venue counts them itself.
    """

    venue: str
    symbol: Symbol
    maker: Decimal
    taker: Decimal


class Balance(_Model, frozen=True):
    """One asset of the account; ``total = free + locked`` unless the venue reports equity instead."""

    venue: str
    asset: str
    free: Decimal
    locked: Decimal
    total: Decimal


class Position(_Model, frozen=True):
    """An open derivatives position. ``quantity`` in base units, signed: negative is short."""

    venue: str
    symbol: Symbol
    quantity: Decimal
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    notional: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: str | None = None
    position_side: str | None = None
    time_ns: int | None = None


class Fill(_Model, frozen=True):
    """One execution of an own order. ``fee`` is positive when charged; ``maker`` tells the liquidity side."""

    venue: str
    symbol: Symbol
    fill_id: str
    order_id: str
    price: Decimal
    quantity: Decimal
    side: Side | None = None
    client_order_id: str | None = None
    fee: Decimal | None = None
    fee_asset: str | None = None
    maker: bool | None = None
    realized_pnl: Decimal | None = None
    time_ns: int | None = None


class Order(_Model, frozen=True):
    """An order as the venue reports it. ``quantity``, ``filled`` in base units, ``quote_filled`` in quote currency."""

    venue: str
    symbol: Symbol
    order_id: str
    status: OrderStatus
    client_order_id: str | None = None
    side: Side | None = None
    type: str | None = None
    quantity: Decimal | None = None
    filled: Decimal | None = None
    price: Decimal | None = None
    average_price: Decimal | None = None
    quote_filled: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    fills: tuple[Fill, ...] = ()
    created_ns: int | None = None
    updated_ns: int | None = None

    @property
    def remaining(self) -> Decimal | None:
        """Quantity still unfilled, or ``None`` when the venue did not report both figures."""
        return None if self.quantity is None or self.filled is None else self.quantity - self.filled


class Health(_Model, frozen=True):
    """How the connection to a venue is doing.

    ``latency_ms`` is the smoothed round trip, ``clock_offset_ms`` the venue's clock minus ours, ``limits`` maps each
    quota scope to its used fraction, ``last_error`` describes the latest failure.
    """

    ok: bool
    latency_ms: float | None = None
    clock_offset_ms: float | None = None
    limits: dict[str, float] = msgspec.field(default_factory=dict)
    last_error: str | None = None


def utc(time_ns: int) -> dt.datetime:
    """Aware UTC ``datetime`` of a time in nanoseconds (truncated to microseconds)."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=time_ns // 1000)
