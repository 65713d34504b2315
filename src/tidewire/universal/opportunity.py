"""What a scan for arbitrage finds: trades that pay after their fees, with every figure that the profit is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, localcontext
from enum import StrEnum
from types import MappingProxyType

import msgspec

from ..models import Level, Side, utc
from ..symbols import Symbol

__all__ = ["ArbitrageKind", "ArbitrageScan", "ArbitrageTrade", "Carry", "Holding", "Opportunity"]

Route = tuple[tuple[str, Symbol, Side], ...]
"""Venue, symbol and side of each trade, in order."""

# The default 28 digits would round products of prices and quantities silently.
EXACT = Context(prec=200, traps=[InvalidOperation, DivisionByZero, Inexact])


class ArbitrageKind(StrEnum):
    """``CROSS``: one market, bought on one venue and sold on another. ``BASIS``: spot against a perpetual, on one venue
    or two. ``TRIANGULAR``: three spot markets of one venue.
    """

    CROSS = "cross"
    BASIS = "basis"
    TRIANGULAR = "triangular"


class ArbitrageTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One order of an opportunity: immediate-or-cancel at ``limit_price`` buys or sells ``quantity`` base units.

    ``fills`` are the levels that it takes, best first, and what it takes of each. ``notional`` is their value in quote
    currency; ``fee``, in quote currency too, is ``notional × fee_rate``, the taker's. ``worst_price`` is that of the
    last level and ``limit_price`` the same on the venue's tick grid; ``average_price`` is rounded, no other figure is.
    ``sequence`` is the venue's number of the book that was read (``None``: it numbers nothing), ``received_ns`` when
    that book's last message was received (UTC nanoseconds; ``None``: not told).
    """

    venue: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    average_price: Decimal
    worst_price: Decimal
    limit_price: Decimal
    notional: Decimal
    fee_rate: Decimal
    fee: Decimal
    fills: tuple[Level, ...]
    sequence: int | None
    received_ns: int | None


class Carry(msgspec.Struct, frozen=True, kw_only=True):
    """Funding that a perpetual's side of a position receives (positive) or pays, at the rate now forming.

    ``amount`` is that of one payment in quote currency, on the notional at entry; venues reckon with the mark price of
    the hour. ``interval_s`` is the time between payments (``None``: not known), ``due_ns`` the next one. ``payments``
    of them are counted in the profit: as many as the scan was told to count, at a rate that may change before each.
    """

    venue: str
    symbol: Symbol
    rate: Decimal
    interval_s: float | None
    due_ns: int
    amount: Decimal
    payments: int


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of an asset at a venue."""

    venue: str
    asset: str
    quantity: Decimal


class Opportunity(msgspec.Struct, frozen=True, kw_only=True):
    """Trades that together pay, at the largest size whose last lot still does.

    ``profit``, in ``asset``, is ``gross`` (what is sold less what is bought) less ``fees``, and with the ``carry`` that
    was asked for; ``profit_bps`` is its share of what is bought, in 1/10,000, rounded. ``quantity`` is in base units of
    the first trade's counterpart: what is bought and sold. ``required`` is what must lie at the venues before the first
    trade, trades being done in order; ``leftover`` what remains of other assets, worth nothing in the profit.
    """

    kind: ArbitrageKind
    trades: tuple[ArbitrageTrade, ...]
    quantity: Decimal
    asset: str
    gross: Decimal
    fees: Decimal
    profit: Decimal
    profit_bps: Decimal
    required: tuple[Holding, ...]
    leftover: tuple[Holding, ...] = ()
    carry: Carry | None = None
    assumptions: tuple[str, ...] = ()
    found_at_ns: int

    @property
    def route(self) -> Route:
        """Where, what and which way, in order: the same from one scan to the next while an opportunity lasts."""
        return tuple((trade.venue, trade.symbol, trade.side) for trade in self.trades)

    @property
    def sequences(self) -> Mapping[tuple[str, Symbol], int | None]:
        """The venue's number of each book used, by (venue, symbol)."""
        return MappingProxyType({(trade.venue, trade.symbol): trade.sequence for trade in self.trades})

    @property
    def ages(self) -> Mapping[tuple[str, Symbol], float]:
        """How old each book used was when this was found, in seconds, by (venue, symbol); infinite where not told."""
        return MappingProxyType(
            {
                (trade.venue, trade.symbol): math.inf
                if trade.received_ns is None
                else (self.found_at_ns - trade.received_ns) / 1e9
                for trade in self.trades
            }
        )

    @property
    def age_s(self) -> float:
        """Age of the oldest book used, in seconds."""
        return max(self.ages.values())

    def explain(self) -> str:
        """Return the arithmetic, line by line, so that each figure can be recomputed by hand."""
        with localcontext(EXACT):
            return "\n".join(_lines(self))


class ArbitrageScan(msgspec.Struct, frozen=True, kw_only=True):
    """The opportunities of one look at the books, most profitable first; iterating and indexing give these.

    Profits in different assets are not compared: opportunities stand by asset, and in each by profit. ``books`` is how
    many were looked at; ``excluded`` says, by "venue symbol", which take no part and why.
    """

    opportunities: tuple[Opportunity, ...]
    books: int
    excluded: Mapping[str, str]

    def __iter__(self) -> Iterator[Opportunity]:
        return iter(self.opportunities)

    def __len__(self) -> int:
        return len(self.opportunities)

    def __getitem__(self, index: int) -> Opportunity:
        return self.opportunities[index]


def _text(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _lines(found: Opportunity) -> Iterator[str]:
    when = f"{utc(found.found_at_ns):%Y-%m-%d %H:%M:%S.%f} UTC"
    yield f"{found.kind}: {_text(found.profit)} {found.asset} on {_text(found.quantity)}, found {when}"
    for number, trade in enumerate(found.trades, 1):
        yield from _trade_lines(number, trade, found.ages[trade.venue, trade.symbol])
    mine = [trade for trade in found.trades if trade.symbol.quote == found.asset]
    sold = " + ".join(f"{_text(trade.notional)}" for trade in mine if trade.side is Side.SELL)
    bought = " - ".join(f"{_text(trade.notional)}" for trade in mine if trade.side is Side.BUY)
    yield f"gross   {sold} - {bought} = {_text(found.gross)} {found.asset}"
    yield f"fees    {' + '.join(f'{_text(trade.fee)}' for trade in mine)} = {_text(found.fees)} {found.asset}"
    counted = ""
    if found.carry is not None:
        yield from _carry_lines(found.carry, found.asset)
        counted = f" + {found.carry.payments} × {_text(found.carry.amount)}" if found.carry.payments else ""
    total = f"{_text(found.profit)} {found.asset} ({_text(found.profit_bps)} bps)"
    yield f"profit  {_text(found.gross)} - {_text(found.fees)}{counted} = {total}"
    for name, holdings in (("before", found.required), ("left", found.leftover)):
        for holding in holdings:
            yield f"{name:<8}{_text(holding.quantity)} {holding.asset} at {holding.venue}"
    yield from (f"assumed {assumption}" for assumption in found.assumptions)


def _trade_lines(number: int, trade: ArbitrageTrade, age_s: float) -> Iterator[str]:
    book = f"book #{trade.sequence}" if trade.sequence is not None else "book without a number"
    quote = trade.symbol.quote
    where = f"{trade.symbol} at {trade.venue} ({book}, {age_s:.3f} s old)"
    yield f"{number}. {trade.side} {_text(trade.quantity)} {where}"
    for level in trade.fills:
        yield f"        {_text(level.quantity)} × {_text(level.price)} = {_text(level.quantity * level.price)}"
    yield f"        {_text(trade.notional)} {quote} in all, {_text(trade.average_price)} on average"
    yield f"        fee {_text(trade.notional)} × {_text(trade.fee_rate)} = {_text(trade.fee)} {quote}"


def _carry_lines(carry: Carry, asset: str) -> Iterator[str]:
    every = "at an interval that is not known" if carry.interval_s is None else f"every {carry.interval_s / 3600:g} h"
    due = f"{utc(carry.due_ns):%Y-%m-%d %H:%M} UTC"
    yield f"funding {_text(carry.rate)} {every}, next {due}: {_text(carry.amount)} {asset} a payment"
