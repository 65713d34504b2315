"""Decimals into the whole units of the native allocation, and back, exactly."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact, InvalidOperation

import numpy as np

from .. import _native
from ..errors import ConfigError
from ..models import Level, Side
from .fees import FeeRate
from .venue_book import VenueBook

__all__ = ["EXACT", "Allocation", "Offer", "Taken"]

EXACT = Context(prec=100, traps=[InvalidOperation, Inexact])
"""Computes money: what it cannot hold exactly is an error."""

_WIDE = Context(prec=100, traps=[InvalidOperation])
_FINE, _ROOM = 8, 17
"""Decimals for parts of lots, where a quantity of so many digits has room for them."""

_MOST = 1 << 62
_NO_BOUND = 1 << 126


@dataclass(frozen=True, slots=True)
class Offer:
    """A venue's book and rates, and what bounds an order there beside the venue's rules.

    ``most`` is in base units. ``funds``, of a buy, is quote currency that limit price × quantity and the taker fee on
    it must not exceed: venues reserve so much before the order trades.
    """

    book: VenueBook
    rate: FeeRate
    most: Decimal | None = None
    funds: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What an order takes: ``value`` is price × quantity over its levels, ``limit`` their worst price, on tick."""

    quantity: Decimal
    value: Decimal
    limit: Decimal
    _rows: bytes = field(repr=False)
    _decimals: tuple[int, int] = field(repr=False)

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels taken, best first; of the last one so much as was needed."""
        price, quantity = self._decimals
        rest = self.quantity
        found = []
        for ticks, lots in np.frombuffer(self._rows, np.int64).reshape(-1, 2).tolist():
            part = min(rest, _number(lots, quantity))
            found.append(Level(_number(ticks, price), part))
            rest -= part
        return tuple(found)

    @property
    def best(self) -> Decimal:
        """The best price taken."""
        return _number(int(np.frombuffer(self._rows, np.int64, 1)[0]), self._decimals[0])

    @property
    def depth(self) -> int:
        """How many levels are touched."""
        return len(self._rows) // 16


class Allocation:
    """Offers as they stand now, ready to be allocated to.

    Books are read once: what happens to them later changes nothing. A level's quantity counts down to the venues'
    finest lot, and to 1e-8 where some hold parts of lots and there is room for so many digits. Raises
    ``ConfigError`` for numbers of more digits than 62 bits hold in units that the venues share.
    """

    def __init__(self, offers: Sequence[Offer], side: Side, quantity: Decimal) -> None:
        self._entries = [
            (each, each.book.book, each.book.book.tick_size, each.book.book.lot_size, each.book.instrument)
            for each in offers
        ]
        self._price = max((_decimals(s) for _, _, tick, _, i in self._entries for s in (tick, i.tick_size)), default=0)
        lots = (s for _, _, _, lot, i in self._entries for s in (lot, i.lot_size))
        self._quantity = max([_decimals(quantity), *map(_decimals, lots)])
        self._rate = max((_decimals(each.rate.taker) for each in offers), default=0)
        self._offers = self._read(side, quantity)
        finer = min(_FINE, _ROOM - quantity.adjusted())
        if self._offers.parts and finer > self._quantity:
            self._quantity = finer
            self._offers = self._read(side, quantity)

    def _read(self, side: Side, quantity: Decimal) -> _native.Offers:
        self._wanted = _whole(quantity, self._quantity)
        buys = side is Side.BUY
        entries = [
            (book, _whole(tick, self._price), _whole(lot, self._quantity), self._rules(each, buys=buys))
            for each, book, tick, lot, _ in self._entries
        ]
        return _native.Offers(entries, buy=buys, enough=self._wanted)

    def split(self, max_venues: int) -> list[Taken]:
        """Take from at most so many offers what comes closest to the whole, at the least cost; one answer an offer."""
        _, rows = self._offers.allocate(self._wanted, max_venues)
        return [self._taken(row) for row in rows]

    def alone(self, at: int) -> Taken:
        """Take from one offer alone as much of the whole as it allows."""
        _, rows = self._offers.allocate(self._wanted, 1, at)
        return self._taken(rows[0])

    def _rules(self, offer: Offer, *, buys: bool) -> tuple[int, ...]:
        instrument = offer.book.instrument
        price, quantity, value = self._price, self._quantity, self._price + self._quantity
        whole, fee = 10**self._rate, _whole(offer.rate.taker, self._rate)
        most = [each for each in (instrument.max_quantity, offer.most) if each is not None]
        return (
            _whole(instrument.lot_size, quantity) or 1,
            _whole(instrument.tick_size, price) or 1,
            _least(instrument.min_quantity, quantity),
            _most(min(most, default=None), quantity, _MOST),
            _least(instrument.min_price, price),
            _most(instrument.max_price, price, _MOST),
            _least(instrument.min_notional, value, _NO_BOUND),
            _most(instrument.max_notional, value, _NO_BOUND),
            _most(offer.funds, value + self._rate, _NO_BOUND),
            whole + fee if buys else whole - fee,
        )

    def _taken(self, row: tuple[int, int, int, bytes]) -> Taken:
        quantity, value, limit, levels = row
        return Taken(
            _number(quantity, self._quantity),
            _number(value, self._price + self._quantity),
            _number(limit, self._price),
            levels,
            (self._price, self._quantity),
        )


@functools.lru_cache(1024)
def _decimals(number: Decimal) -> int:
    exponent = number.normalize(_WIDE).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _whole(number: Decimal, decimals: int) -> int:
    """A number that has at most so many decimals, in units of the last."""
    units = int(EXACT.scaleb(number, decimals))
    if abs(units) >= _MOST:
        raise ConfigError(f"{number} in units of 1e-{decimals}, which the venues' steps need, has too many digits")
    return units


def _least(bound: Decimal | None, decimals: int, limit: int = _MOST) -> int:
    return 0 if bound is None else min(int(_WIDE.scaleb(bound, decimals).to_integral_value(ROUND_CEILING)), limit)


def _most(bound: Decimal | None, decimals: int, limit: int) -> int:
    return limit if bound is None else min(int(_WIDE.scaleb(bound, decimals).to_integral_value(ROUND_FLOOR)), limit)


def _number(units: int, decimals: int) -> Decimal:
    return EXACT.scaleb(Decimal(units), -decimals)
