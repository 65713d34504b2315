"""A route: what to trade where, what it is expected to cost, and the arithmetic behind every figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ..models import Level, Side
from ..symbols import Symbol
from .allocation import EXACT, Taken
from .fees import FeeRate

__all__ = ["BestVenue", "Route", "Slice"]

_SHOWN = 8  # levels of a slice that explain() writes out


@dataclass(frozen=True, slots=True)
class Slice:
    """One venue's part: an order that takes from the book as it stood. Quantities in base units, money in quote.

    ``fee_rate`` says what the venue takes and who says so; ``sequence`` and ``age_s`` are the book's.
    """

    venue: str
    symbol: Symbol
    side: Side
    taken: Taken = field(repr=False)
    fee_rate: FeeRate
    sequence: int | None
    age_s: float

    @property
    def quantity(self) -> Decimal:
        """What is traded there."""
        return self.taken.quantity

    @property
    def limit_price(self) -> Decimal:
        """The worst price touched, on the venue's tick: what the order names."""
        return self.taken.limit

    @property
    def value(self) -> Decimal:
        """Price times quantity over the levels taken, exact."""
        return self.taken.value

    @property
    def fee(self) -> Decimal:
        """What the venue is expected to charge, exact; some take it in base currency, worth so much."""
        return EXACT.multiply(self.value, self.fee_rate.taker)

    @property
    def cost(self) -> Decimal:
        """All-in: what a buy costs with its fee, or what a sell brings after it."""
        return EXACT.add(self.value, self.fee if self.side is Side.BUY else -self.fee)

    @property
    def average_price(self) -> Decimal:
        """Expected price, before the fee, to 28 digits."""
        return self.value / self.quantity

    @property
    def best_price(self) -> Decimal:
        """The venue's best price."""
        return self.taken.best

    @property
    def slippage(self) -> Decimal:
        """How much worse the average price is than the best one, as a fraction of it."""
        worse = self.average_price - self.best_price
        return (worse if self.side is Side.BUY else -worse) / self.best_price

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels taken, best first, of the last so much as is needed."""
        return self.taken.levels

    @property
    def depth(self) -> int:
        """How many levels are taken."""
        return self.taken.depth

    def explain(self) -> str:
        """Return the arithmetic, a line a step."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        levels = self.levels
        yield f"{self.venue}: {self.side} {_text(self.quantity)} at {_text(self.limit_price)} or better"
        for level in levels[:_SHOWN]:
            value = EXACT.multiply(level.quantity, level.price)
            yield f"  {_text(level.quantity)} × {_text(level.price)} = {_text(value)}"
        if rest := levels[_SHOWN:]:
            quantity = _sum(level.quantity for level in rest)
            value = _sum(EXACT.multiply(level.quantity, level.price) for level in rest)
            yield f"  {len(rest)} more levels to {_text(rest[-1].price)}: {_text(quantity)}, together {_text(value)}"
        sign = "+" if self.side is Side.BUY else "-"
        rate = f"{_text(self.fee_rate.taker * 100)} % ({self.fee_rate.source})"
        yield f"  value {_text(self.value)} {sign} fee {_text(self.fee)} = {_text(self.cost)}; fee {rate}"
        yield (
            f"  average {self.average_price:.10g}, {self.slippage * 10_000:.2f} bps beyond the best price"
            f" {_text(self.best_price)}; book #{self.sequence}, {self.age_s:.3f} s old"
        )


@dataclass(frozen=True, slots=True)
class Route:
    """The split of an order over venues that costs least, fees included, by the books as they stood.

    ``requested`` was asked for, ``quantity`` is filled: they differ only in a partial route. ``best_single`` is the
    venue that does as much alone for the least, ``None`` when none can. ``excluded`` tells why venues are out.
    """

    symbol: Symbol
    side: Side
    requested: Decimal
    slices: tuple[Slice, ...]
    best_single: Slice | None
    excluded: Mapping[str, str]

    @property
    def quantity(self) -> Decimal:
        """What the slices come to, in base units."""
        return _sum(each.quantity for each in self.slices)

    @property
    def unfilled(self) -> Decimal:
        """What was asked for and cannot be had."""
        return EXACT.subtract(self.requested, self.quantity)

    @property
    def value(self) -> Decimal:
        """Price times quantity over all slices, exact."""
        return _sum(each.value for each in self.slices)

    @property
    def fee(self) -> Decimal:
        """Expected fees of all slices, exact."""
        return _sum(each.fee for each in self.slices)

    @property
    def cost(self) -> Decimal:
        """All-in: what a buy costs with its fees, or what a sell brings after them."""
        return _sum(each.cost for each in self.slices)

    @property
    def average_price(self) -> Decimal:
        """Expected price, before fees."""
        return self.value / self.quantity

    @property
    def all_in_price(self) -> Decimal:
        """Expected price with fees."""
        return self.cost / self.quantity

    @property
    def saving(self) -> Decimal | None:
        """What the split costs less, or brings more, than the best single venue; ``None`` when no single one can."""
        if self.best_single is None:
            return None
        less = EXACT.subtract(self.best_single.cost, self.cost)
        return less if self.side is Side.BUY else -less

    def explain(self) -> str:
        """Return the arithmetic of every figure, from the levels taken."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.side} {_text(self.requested)} {self.symbol} over {len(self.slices)} venues"
        for each in self.slices:
            yield each.explain()
        sign = "+" if self.side is Side.BUY else "-"
        yield (
            f"together {_text(self.quantity)}: value {_text(self.value)} {sign} fees {_text(self.fee)} ="
            f" {_text(self.cost)}, {self.all_in_price:.10g} each"
        )
        if self.unfilled:
            yield f"not to be had: {_text(self.unfilled)}"
        if self.best_single is None:
            yield "no single venue can do this alone"
        elif self.saving is not None:
            single = self.best_single
            yield f"{single.venue} alone: {_text(single.cost)}, so the split saves {_text(self.saving)}"
        yield from _out(self.excluded)


@dataclass(frozen=True, slots=True)
class BestVenue:
    """The venues that can fill an order alone, by all-in cost. ``excluded`` tells why the others cannot."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    ranking: tuple[Slice, ...]
    excluded: Mapping[str, str]

    @property
    def best(self) -> Slice:
        """The order at the best venue."""
        return self.ranking[0]

    @property
    def venue(self) -> str:
        """Name of the best venue."""
        return self.best.venue

    def explain(self) -> str:
        """Return the arithmetic of every venue, the best first."""
        head = f"{self.side} {_text(self.quantity)} {self.symbol} at one venue, the best first"
        return "\n".join([head, *(each.explain() for each in self.ranking), *_out(self.excluded)])


def _out(excluded: Mapping[str, str]) -> Iterator[str]:
    return (f"{venue}: out, {reason}" for venue, reason in sorted(excluded.items()))


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for number in numbers:
        total = EXACT.add(total, number)
    return total


def _text(number: Decimal) -> str:
    return f"{EXACT.plus(number).normalize(EXACT):f}"
