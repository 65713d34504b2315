"""Which markets, traded one after another, lead back to the asset that one began with. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..symbols import Symbol
from .opportunity import ArbitrageKind

__all__ = ["Cycle", "Pairs", "Triangle", "cycles"]

Market = tuple[str, Symbol]
"""Venue and symbol."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Buy on any market of ``buys``, sell on any other of ``sells``: numbers of markets."""

    kind: ArbitrageKind
    buys: tuple[int, ...]
    sells: tuple[int, ...]

    @property
    def markets(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys((*self.buys, *self.sells)))


@dataclass(frozen=True, slots=True)
class Triangle:
    """Three markets of one venue and three assets: ``outer`` and ``inner`` have one base, which ``outer`` trades for
    the quote of ``middle`` and ``inner`` for its base. (ETH-USDT, ETH-BTC, BTC-USDT.)
    """

    outer: int
    inner: int
    middle: int
    sells_outer: bool
    kind: ArbitrageKind = ArbitrageKind.TRIANGULAR

    @property
    def markets(self) -> tuple[int, ...]:
        return self.outer, self.inner, self.middle


Cycle = Pairs | Triangle


def cycles(markets: Sequence[Market], kinds: Iterable[ArbitrageKind]) -> Iterator[Cycle]:
    """Yield every cycle of these kinds."""
    for kind in dict.fromkeys(kinds):
        yield from _FINDERS[kind](markets)


def _cross(markets: Sequence[Market]) -> Iterator[Cycle]:
    groups: defaultdict[Symbol, list[int]] = defaultdict(list)
    for number, (_, symbol) in enumerate(markets):
        groups[symbol].append(number)
    for group in groups.values():
        if len(group) > 1:
            yield Pairs(ArbitrageKind.CROSS, tuple(group), tuple(group))


def _basis(markets: Sequence[Market]) -> Iterator[Cycle]:
    spot: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    perpetual: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, (_, symbol) in enumerate(markets):
        if symbol.kind == "spot":
            spot[symbol.base, symbol.quote].append(number)
        elif symbol.expiry is None and symbol.settle == symbol.quote:
            perpetual[symbol.base, symbol.quote].append(number)
    for pair, held in spot.items():
        if pair in perpetual:
            yield Pairs(ArbitrageKind.BASIS, tuple(held), tuple(perpetual[pair]))
            yield Pairs(ArbitrageKind.BASIS, tuple(perpetual[pair]), tuple(held))


def _triangular(markets: Sequence[Market]) -> Iterator[Cycle]:
    venues: defaultdict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for number, (venue, symbol) in enumerate(markets):
        if symbol.kind == "spot":
            venues[venue][symbol.base, symbol.quote] = number
    for pairs in venues.values():
        quotes: defaultdict[str, list[str]] = defaultdict(list)
        for base, quote in pairs:
            quotes[base].append(quote)
        for base, among in quotes.items():
            for outer, middle in ((one, other) for one in among for other in among if (other, one) in pairs):
                legs = pairs[base, outer], pairs[base, middle], pairs[middle, outer]
                yield Triangle(*legs, sells_outer=True)
                yield Triangle(*legs, sells_outer=False)


_FINDERS: Mapping[ArbitrageKind, Callable[[Sequence[Market]], Iterator[Cycle]]] = {
    ArbitrageKind.CROSS: _cross,
    ArbitrageKind.BASIS: _basis,
    ArbitrageKind.TRIANGULAR: _triangular,
}
