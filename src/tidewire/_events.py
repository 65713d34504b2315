"""What happens at a venue of the sandbox, in neutral terms: of the market, and of one owner."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from .models import Balance, Fill, FundingRate, Level, Order, Position, Ticker, Trade
from .symbols import Interval, Kind, Symbol

__all__ = [
    "BalanceUpdate",
    "Bar",
    "BarUpdate",
    "BookDelta",
    "Event",
    "OrderUpdate",
    "PassEnded",
    "Private",
    "Quote",
]


class Bar(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One kline: opens at ``open_ns``, ends before ``end_ns``; ``taker_*`` is the part bought by takers."""

    open_ns: int
    end_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    taker_volume: Decimal
    taker_quote_volume: Decimal
    closed: bool


class BookDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Levels that changed, with their new quantities (zero: gone), by book changes number ``first`` to ``last``."""

    symbol: Symbol
    first: int
    last: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    time_ns: int


class Quote(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A new best bid or ask, after book change number ``sequence``. An empty side has quantity zero."""

    symbol: Symbol
    sequence: int
    bid: Level
    ask: Level
    time_ns: int


class BarUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A kline that is forming, or has just closed."""

    symbol: Symbol
    interval: Interval
    bar: Bar
    time_ns: int


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An owner's order was accepted, was filled (by ``fill``), or ended; ``order`` is how it stands then."""

    owner: str
    order: Order
    fill: Fill | None
    time_ns: int


class BalanceUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an owner has now of the assets, and on derivatives of the markets, that something just touched.

    ``changes`` tells by how much each asset's total moved. A position that was closed is here with quantity zero.
    """

    owner: str
    kind: Kind
    balances: tuple[Balance, ...]
    changes: Mapping[str, Decimal]
    positions: tuple[Position, ...]
    time_ns: int


class PassEnded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The pass to an owner's private stream (``Exchange.open_pass``) is valid no more."""

    owner: str
    text: str
    time_ns: int


Private = OrderUpdate | BalanceUpdate | PassEnded
"""What concerns one owner. Sessions show it to that owner's connections only."""

Event = BookDelta | Quote | Trade | BarUpdate | Ticker | FundingRate | Private
