"""Arbitrage found slowly: lot by lot in rational numbers, over plain lists of levels. Knows nothing of the product."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Found", "Leg", "Side", "depth", "lcm", "pair", "pairs", "triangle", "whole", "worth"]

MOST_COUNTED = 1000
Side = Sequence[tuple[Fraction, Fraction]]  # (price, quantity), best first


@dataclass(frozen=True)
class Found:
    """Quantities by leg, in order, and what is earned in the asset that the cycle began with."""

    quantities: tuple[Fraction, ...]
    profit: Fraction


def whole(levels: Side, lot: Fraction) -> Side:
    """What of each level is whole lots."""
    return [(price, quantity // lot * lot) for price, quantity in levels]


def worth(levels: Side, quantity: Fraction) -> Fraction:
    """What a quantity comes to, from the best level on; of what is beyond the last, nothing."""
    total = Fraction(0)
    for price, there in levels:
        part = min(there, quantity)
        total += part * price
        quantity -= part
    return total


def depth(levels: Side) -> Fraction:
    """All that is there."""
    return sum((quantity for _, quantity in levels), Fraction(0))


def lcm(lots: Sequence[Fraction]) -> Fraction:
    """The least common multiple."""
    return Fraction(math.lcm(*(lot.numerator for lot in lots)), math.gcd(*(lot.denominator for lot in lots)))


def lots_while(pays: Callable[[int], bool], most: int) -> int:
    """One lot after the other while the last one pays. Too many to count: what is between was seen to pay, too."""
    if most <= MOST_COUNTED:
        return next((lots for lots in range(most) if not pays(lots + 1)), most)
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if pays(middle) else (low, middle - 1)
    return low


def pair(asks: Side, bids: Side, buy: Fraction, sell: Fraction, lot: Fraction) -> Found | None:
    """Buy at asks × ``buy``, sell at bids × ``sell``, one ``lot`` after the other while it pays."""

    def profit(lots: int) -> Fraction:
        return worth(bids, lots * lot) * sell - worth(asks, lots * lot) * buy

    most = min(depth(asks), depth(bids)) // lot
    size = lots_while(lambda lots: profit(lots) > profit(lots - 1), most)
    return Found((size * lot, size * lot), profit(size)) if size else None


def pairs(
    buys: Mapping[str, tuple[Side, Fraction, Fraction]], sells: Mapping[str, tuple[Side, Fraction, Fraction]]
) -> dict[tuple[str, str], Found]:
    """Every market of ``buys`` with every other of ``sells``; each is levels, factor and lot."""
    found = {}
    for (one, (asks, buy, first)), (other, (bids, sell, second)) in itertools.product(buys.items(), sells.items()):
        each = pair(asks, bids, buy, sell, lcm([first, second])) if one != other else None
        if each is not None:
            found[one, other] = each
    return found


@dataclass(frozen=True)
class Leg:
    """A market of a triangle: the side that is taken, what its prices are multiplied by, and its lot."""

    levels: Side
    factor: Fraction
    lot: Fraction

    def worth(self, quantity: Fraction) -> Fraction:
        return worth(self.levels, quantity) * self.factor


def triangle(outer: Leg, inner: Leg, middle: Leg, *, sells_outer: bool) -> Found | None:
    """One lot of the common base after the other while it pays, the middle asset divisible; then that is rounded."""
    lot = lcm([outer.lot, inner.lot])
    sign = 1 if sells_outer else -1

    def rounded(size: Fraction) -> Fraction:
        lots = inner.worth(size) / middle.lot
        return (math.ceil(lots) if sells_outer else math.floor(lots)) * middle.lot

    def profit(size: Fraction) -> Fraction:
        return sign * (outer.worth(size) - middle.worth(inner.worth(size)))

    def pays(lots: int) -> bool:
        there = not sells_outer or rounded(lots * lot) <= depth(middle.levels)
        return there and profit(lots * lot) > profit((lots - 1) * lot)

    size = lots_while(pays, min(depth(outer.levels), depth(inner.levels)) // lot) * lot
    quantity = min(rounded(size), depth(middle.levels) // middle.lot * middle.lot)
    earned = sign * (outer.worth(size) - middle.worth(quantity))
    if not size or earned <= 0:
        return None
    return Found((quantity, size, size) if sells_outer else (size, size, quantity), earned)
