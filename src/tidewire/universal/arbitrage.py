"""Which trades over several books pay after their fees: cycles are set up once, then scanned in the core."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Context, Decimal, localcontext

from msgspec.structs import replace

from .. import _native
from .._order import Number
from ..errors import ConfigError
from ..models import Level, Side, exact
from ..symbols import Symbol
from .cycles import Cycle, Pairs, cycles
from .fees import Fees
from .funding import Funding
from .legs import Balances, Leg, fitted, required
from .opportunity import EXACT, ArbitrageKind, ArbitrageTrade, Carry, Holding, Opportunity
from .venue_book import VenueBook

__all__ = ["KINDS", "ArbitrageScanner"]

KINDS = tuple(ArbitrageKind)
_CARRY_STEPS = 10**8  # in 1, of a carry in sizing: venues give rates to 16 places, which times prices exceed 64 bits
_MOST_DECIMALS = 12
_BPS = Decimal("0.0001")
_ROUNDED = Context(prec=28)  # for what is shown: averages and shares

_FEES = "fees are reckoned in quote currency, whichever asset the venue takes them in"
_AT_ONCE = "both trades are done at once, from what lies at each venue"
_OPEN = "the positions stay open: what closing them brings or costs is not in the profit"
_IN_ORDER = "trades are done in order; the middle asset is rounded to its lot, and what is left of it counts nothing"
_MARGIN = "a perpetual is backed by its whole value, without leverage"


_Trade = tuple[int, bool, int, int, tuple[tuple[int, int], ...]]
_Trades = tuple[_Trade, ...]
"""As the core tells them."""


class ArbitrageScanner:
    """Looks for arbitrage among books, which it reads where they are: keep it, and scan whenever one has changed.

    ``kinds`` are those to look for. ``funding`` by (venue, symbol) is told with every basis that uses the perpetual;
    ``payments`` of it are counted in the profit, none by default. A triangle needs its three markets among the books.

    Sizes are exact: prices and quantities are whole ticks and lots, and numbers too large for that are refused. For
    the thread that the books belong to. Raises ``ConfigError`` for a market without a known fee.
    """

    def __init__(
        self,
        books: Iterable[VenueBook],
        *,
        fees: Fees | None = None,
        kinds: Collection[str] = KINDS,
        funding: Mapping[tuple[str, Symbol], Funding] | None = None,
        payments: int = 0,
    ) -> None:
        wanted = [_kind(kind) for kind in kinds]
        if payments < 0:
            raise ConfigError(f"payments must be a number of funding payments, not {payments}")
        given = tuple(books)
        self.books = tuple(book for book in given if book.instrument.active)
        self._inactive = tuple(book for book in given if not book.instrument.active)
        self._funding, self._payments = dict(funding or {}), payments
        table = fees or Fees()
        self._rates = [table.taker(book.venue, book.instrument) for book in self.books]
        self._refused: list[Cycle] = []
        self._known: dict[tuple[int, ...], tuple[_Trades, Balances | None, Opportunity | None]] = {}
        self._kernel = _native.ArbitrageKernel()
        for book in self.books:
            self._kernel.add_market(book.book, f"{book.instrument.lot_size:f}")
        self._cycles = tuple(cycles([(book.venue, book.instrument.symbol) for book in self.books], wanted))
        with localcontext(EXACT):
            for cycle in self._cycles:
                self._add(cycle)

    def scan(
        self,
        *,
        min_profit: Number = 0,
        min_bps: Number = 0,
        max_age: float | None = 5.0,
        balances: Mapping[str, Mapping[str, Number]] | None = None,
        now_ns: int | None = None,
    ) -> list[Opportunity]:
        """Return what pays now: by asset, and in each most profitable first.

        ``min_profit`` is in an opportunity's own asset, ``min_bps`` in 1/10,000 of what is bought; a profit of nothing
        is none. A book whose last message is older than ``max_age`` seconds takes no part (``None``: any age), nor does
        one that is not LIVE: see ``excluded``. ``balances`` (free quantity by venue and asset) bound the size.
        ``now_ns`` is the moment to judge ages at.
        """
        now = time.time_ns() if now_ns is None else now_ns
        least, least_bps = exact(min_profit, "min_profit"), exact(min_bps, "min_bps")
        held = None if balances is None else _held(balances)
        found: list[Opportunity] = []
        self._refused = []
        with localcontext(EXACT):
            for number, trades in self._kernel.scan():
                if not trades:
                    self._refused.append(self._cycles[number])
                    continue
                # The core has left out what is not LIVE, or crossed.
                if max_age is not None and any(self.books[trade[0]].age_at(now) > max_age for trade in trades):
                    continue
                each = self._reckon(number, trades, held, now)
                if each is not None and each.profit >= least and each.profit_bps >= least_bps:
                    found.append(each)
        return sorted(found, key=lambda each: (each.asset, -each.profit))

    def excluded(self, max_age: float | None = 5.0, now_ns: int | None = None) -> dict[str, str]:
        """Tell why books take no part, by "venue symbol"; and which cycles the last scan could not reckon with."""
        reasons = ((book, book.why_not(max_age, now_ns)) for book in self.books)
        found = {f"{book.venue} {book.instrument.symbol}": why for book, why in reasons if why is not None}
        for book in self._inactive:
            found[f"{book.venue} {book.instrument.symbol}"] = "the venue takes no orders there"
        return found | {self._name(cycle): "numbers too large for exact arithmetic" for cycle in self._refused}

    # Cycles.

    def _add(self, cycle: Cycle) -> None:
        """Set a cycle up in the core, which numbers them as they come."""
        if isinstance(cycle, Pairs):
            self._kernel.add_pairs(
                [self._factor(market, Side.BUY, cycle.kind) for market in cycle.buys],
                [self._factor(market, Side.SELL, cycle.kind) for market in cycle.sells],
            )
            return
        way, back = (Side.SELL, Side.BUY) if cycle.sells_outer else (Side.BUY, Side.SELL)
        legs = ((cycle.outer, way), (cycle.inner, back), (cycle.middle, back))
        outer, inner, middle = (self._factor(market, side, cycle.kind) for market, side in legs)
        self._kernel.add_triangle(outer, inner, middle, sells_outer=cycle.sells_outer)

    def _factor(self, market: int, side: Side, kind: ArbitrageKind) -> tuple[int, int, int]:
        """What a price is multiplied by to be compared: the fee, and for a basis the carry that is asked for."""
        sign = 1 if side is Side.BUY else -1
        factor = 1 + sign * self._rates[market]
        funding = self._funding_of(market) if kind is ArbitrageKind.BASIS else None
        if funding is not None:
            received = -sign * self._payments * funding.rate
            factor -= sign * Decimal(math.floor(received * _CARRY_STEPS)) / _CARRY_STEPS
        decimals = max(0, -int(factor.normalize().as_tuple().exponent))
        if decimals > _MOST_DECIMALS:
            raise ConfigError(f"{self.books[market].venue}: a fee of {self._rates[market]} has too many decimals")
        return market, int(factor * 10**decimals), decimals

    def _funding_of(self, market: int) -> Funding | None:
        book = self.books[market]
        return self._funding.get((book.venue, book.instrument.symbol))

    def _name(self, cycle: Cycle) -> str:
        symbols = dict.fromkeys(str(self.books[market].instrument.symbol) for market in cycle.markets)
        return f"{cycle.kind} {' '.join(symbols)}"

    # Opportunities.

    def _reckon(self, number: int, trades: _Trades, held: Balances | None, now_ns: int) -> Opportunity | None:
        """The opportunity of these trades, if there is one: the last scan's while they are the same levels."""
        route = (number, *(market for market, *_ in trades))
        known = self._known.get(route)
        if known is not None and known[:2] == (trades, held):
            return None if known[2] is None else self._again(known[2], trades, now_ns)
        legs = fitted([self._leg(trade) for trade in trades], held)
        found = None if legs is None else self._opportunity(self._cycles[number].kind, legs, now_ns)
        found = found if found is not None and found.profit > 0 else None
        self._known[route] = (trades, held, found)
        return found

    def _again(self, found: Opportunity, trades: _Trades, now_ns: int) -> Opportunity:
        """The same at another moment, from books that may have other numbers by now."""
        books = [self.books[trade[0]].book for trade in trades]
        states = [(book.sequence, book.updated_ns) for book in books]
        if states == [(trade.sequence, trade.received_ns) for trade in found.trades]:
            return replace(found, found_at_ns=now_ns)
        told = zip(found.trades, states, strict=True)
        renewed = tuple(replace(trade, sequence=number, received_ns=at) for trade, (number, at) in told)
        return replace(found, trades=renewed, found_at_ns=now_ns)

    def _leg(self, trade: _Trade) -> Leg:
        market, sells, price_places, quantity_places, fills = trade
        tick, unit = Decimal(10) ** -price_places, Decimal(10) ** -quantity_places
        levels = tuple(Level(tick * price, unit * quantity) for price, quantity in fills)
        return Leg(self.books[market], Side.SELL if sells else Side.BUY, self._rates[market], levels)

    def _opportunity(self, kind: ArbitrageKind, legs: Sequence[Leg], now_ns: int) -> Opportunity:
        asset = legs[0].instrument.symbol.quote
        mine = [leg for leg in legs if leg.instrument.symbol.quote == asset]
        gross = sum((leg.notional if leg.side is Side.SELL else -leg.notional for leg in mine), Decimal(0))
        fees = sum((leg.fee for leg in mine), Decimal(0))
        carry = self._carry(legs) if kind is ArbitrageKind.BASIS else None
        profit = gross - fees + (carry.amount * carry.payments if carry else 0)
        paid = sum((leg.notional for leg in mine if leg.side is Side.BUY), Decimal(0))
        return Opportunity(
            kind=kind,
            trades=tuple(map(_trade, legs)),
            quantity=legs[1].quantity,
            asset=asset,
            gross=gross,
            fees=fees,
            profit=profit,
            profit_bps=_ROUNDED.quantize(_ROUNDED.divide(profit * 10_000, paid), _BPS),
            required=tuple(required(legs)),
            leftover=_leftover(legs) if kind is ArbitrageKind.TRIANGULAR else (),
            carry=carry,
            assumptions=_assumptions(kind, legs),
            found_at_ns=now_ns,
        )

    def _carry(self, legs: Sequence[Leg]) -> Carry | None:
        for leg in legs:
            venue, symbol = leg.book.venue, leg.instrument.symbol
            funding = self._funding.get((venue, symbol))
            if symbol.kind == "linear" and funding is not None:
                return Carry(
                    venue=venue,
                    symbol=symbol,
                    rate=funding.rate,
                    interval_s=funding.interval_s,
                    due_ns=funding.due_ns,
                    amount=(leg.notional if leg.side is Side.SELL else -leg.notional) * funding.rate,
                    payments=self._payments,
                )
        return None


def _kind(kind: str) -> ArbitrageKind:
    try:
        return ArbitrageKind(kind)
    except ValueError:
        raise ConfigError(f"no kind of arbitrage is called {kind!r}: one of {', '.join(KINDS)}") from None


def _held(balances: Mapping[str, Mapping[str, Number]]) -> Balances:
    return {
        venue: {asset: exact(free, f"balance of {asset} at {venue}") for asset, free in assets.items()}
        for venue, assets in balances.items()
    }


def _trade(leg: Leg) -> ArbitrageTrade:
    symbol, quantity = leg.instrument.symbol, leg.quantity
    return ArbitrageTrade(
        venue=leg.book.venue,
        symbol=symbol,
        side=leg.side,
        quantity=quantity,
        average_price=_ROUNDED.divide(leg.notional, quantity),
        worst_price=leg.levels[-1].price,
        limit_price=leg.limit_price,
        notional=leg.notional,
        fee_rate=leg.fee_rate,
        fee=leg.fee,
        fills=leg.levels,
        sequence=leg.book.sequence,
        received_ns=leg.book.book.updated_ns,
    )


def _leftover(legs: Sequence[Leg]) -> tuple[Holding, ...]:
    """What of the middle asset is neither spent nor sold."""
    inner = legs[1]
    middle = legs[0] if inner.side is Side.BUY else legs[2]
    rest = inner.cash + (middle.quantity if middle.side is Side.BUY else -middle.quantity)
    asset = middle.instrument.symbol.base
    return (Holding(venue=middle.book.venue, asset=asset, quantity=rest),) if rest else ()


def _assumptions(kind: ArbitrageKind, legs: Sequence[Leg]) -> tuple[str, ...]:
    contracts = any(leg.instrument.symbol.kind != "spot" for leg in legs)
    how = _IN_ORDER if kind is ArbitrageKind.TRIANGULAR else _AT_ONCE
    return (_FEES, how, _OPEN, _MARGIN) if contracts else (_FEES, how)
