"""What the trades of an opportunity take from the books, and how much of it may be done. Pure and exact.

Everything here runs in the exact context of ``opportunity``: a figure that would have to be rounded raises instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ..errors import FilterViolation
from ..models import Instrument, Level, Side
from .opportunity import Holding
from .venue_book import VenueBook

__all__ = ["Balances", "Leg", "fitted", "required", "shared_lot"]

Balances = Mapping[str, Mapping[str, Decimal]]
"""Free quantity by venue and asset. What is not named is not there."""


_NOTHING = Decimal(0)


@dataclass(slots=True)
class Leg:
    """One trade: the levels that it takes of a book, best first. Nobody changes it."""

    book: VenueBook
    side: Side
    fee_rate: Decimal
    levels: tuple[Level, ...]
    quantity: Decimal = field(init=False)
    notional: Decimal = field(init=False)
    fee: Decimal = field(init=False)
    _limit_price: Decimal | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        quantity = notional = _NOTHING
        for level in self.levels:
            quantity += level.quantity
            notional += level.price * level.quantity
        self.quantity, self.notional, self.fee = quantity, notional, notional * self.fee_rate

    @property
    def instrument(self) -> Instrument:
        return self.book.instrument

    @property
    def cash(self) -> Decimal:
        """What it changes in quote currency."""
        return (self.notional if self.side is Side.SELL else -self.notional) - self.fee

    @property
    def limit_price(self) -> Decimal:
        """Price of the worst level, on the grid of orders: a level may be older than the grid."""
        if self._limit_price is None:
            worst, buys = self.levels[-1].price, self.side is Side.BUY
            self._limit_price = self.instrument.round_price(worst, "up" if buys else "down")
        return self._limit_price

    def first(self, quantity: Decimal) -> Leg:
        """The best ``quantity`` of it."""
        taken = []
        for level in self.levels:
            part = min(level.quantity, quantity)
            if part == 0:
                break
            taken.append(Level(level.price, part))
            quantity -= part
        return replace(self, levels=tuple(taken))


def shared_lot(lots: Iterable[Decimal]) -> Decimal:
    """The smallest quantity that is a whole number of each of these lots."""
    ratios = [lot.as_integer_ratio() for lot in lots]
    return Decimal(math.lcm(*(top for top, _ in ratios))) / math.gcd(*(bottom for _, bottom in ratios))


def required(legs: Sequence[Leg]) -> list[Holding]:
    """What must lie at each venue before the first trade, trades being done in order.

    A perpetual's leg needs its whole value: leverage is the trader's to choose.
    """
    balance: dict[tuple[str, str], Decimal] = {}
    lowest: dict[tuple[str, str], Decimal] = {}
    for leg in legs:
        for asset, change in _changes(leg):
            key = (leg.book.venue, asset)
            balance[key] = balance.get(key, Decimal(0)) + change
            lowest[key] = min(lowest.get(key, Decimal(0)), balance[key])
    return [Holding(venue=v, asset=a, quantity=-least) for (v, a), least in lowest.items() if least < 0]


def fitted(legs: Sequence[Leg], balances: Balances | None) -> Sequence[Leg] | None:
    """The largest size up to this one that balances and the venues' limits allow; ``None``: not even their smallest.

    Two legs trade one base. Of three, two do, and the third trades what the second is quoted in: it follows from them.
    """
    if _fits(legs, balances):
        return legs if all(map(_is_an_order, legs)) else None
    base = legs[1].instrument.symbol.base
    alike = [leg for leg in legs if leg.instrument.symbol.base == base]
    unit = shared_lot(leg.instrument.lot_size for leg in alike)
    whole = int(alike[0].quantity / unit)

    lots = _largest(whole, lambda lots: _fits(_sized(legs, lots * unit), balances))
    sized = _sized(legs, lots * unit)
    return sized if lots and all(map(_is_an_order, sized)) else None


def _sized(legs: Sequence[Leg], quantity: Decimal) -> Sequence[Leg]:
    if len(legs) == 2:
        return [leg.first(quantity) for leg in legs]
    first, inner, last = legs
    inner = inner.first(quantity)
    if inner.side is Side.BUY:
        lot = first.instrument.lot_size
        lots, rest = divmod(-inner.cash, lot)
        return [first.first((lots + bool(rest)) * lot), inner, last.first(quantity)]
    lot = last.instrument.lot_size
    return [first.first(quantity), inner, last.first(inner.cash // lot * lot)]


def _fits(legs: Sequence[Leg], balances: Balances | None) -> bool:
    for leg in legs:
        rules, quantity = leg.instrument, leg.quantity
        if rules.max_quantity is not None and quantity > rules.max_quantity:
            return False
        if quantity and rules.max_notional is not None and leg.limit_price * quantity > rules.max_notional:
            return False
    if balances is None:
        return True
    held = ((balances.get(need.venue, {}).get(need.asset, Decimal(0)), need.quantity) for need in required(legs))
    return all(have >= want for have, want in held)


def _largest(most: int, allowed: Callable[[int], bool]) -> int:
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        if allowed(middle):
            low = middle
        else:
            most = middle - 1
    return low


def _is_an_order(leg: Leg) -> bool:
    """Would the venue take it as a limit order?"""
    if not leg.levels:
        return False
    try:
        leg.instrument.check(quantity=leg.quantity, price=leg.limit_price)
    except FilterViolation:
        return False
    return True


def _changes(leg: Leg) -> list[tuple[str, Decimal]]:
    symbol = leg.instrument.symbol
    if symbol.kind != "spot":
        return [(symbol.settle or symbol.quote, -leg.notional - leg.fee)]
    given = leg.quantity if leg.side is Side.BUY else -leg.quantity
    return [(symbol.quote, leg.cash), (symbol.base, given)]
