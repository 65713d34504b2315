"""A matching engine: price-time priority on integer ticks and lots. It knows orders, not money."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from ..models import Side

__all__ = ["HOUSE", "Match", "MatchingBook", "Resting"]

HOUSE = ""
"""Owner of the liquidity that the market model quotes."""


@dataclass(slots=True, eq=False)
class Resting:
    """An order, or what is left of it, in the book."""

    order_id: int
    owner: str
    side: Side
    ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class Match:
    """One execution at the maker's price."""

    maker: Resting
    ticks: int
    lots: int


class _Levels:
    """One side: queues by price, and the prices sorted from worst to best."""

    def __init__(self, sign: int) -> None:
        self.sign = sign  # a bid's key grows with price, an ask's falls: the best key is always the last
        self.queues: dict[int, deque[Resting]] = {}
        self.lots: dict[int, int] = {}
        self.keys: list[int] = []

    @property
    def best(self) -> int | None:
        return self.sign * self.keys[-1] if self.keys else None

    def __iter__(self) -> Iterator[int]:
        """Prices, best first."""
        return (self.sign * key for key in reversed(self.keys))

    def add(self, order: Resting) -> None:
        queue = self.queues.get(order.ticks)
        if queue is None:
            queue = self.queues[order.ticks] = deque()
            self.lots[order.ticks] = 0
            insort(self.keys, self.sign * order.ticks)
        queue.append(order)
        self.lots[order.ticks] += order.lots

    def reduce(self, order: Resting, lots: int) -> None:
        """Take ``lots`` off an order; an order of nothing leaves, and so does a level of nothing."""
        order.lots -= lots
        self.lots[order.ticks] -= lots
        if order.lots == 0:
            queue = self.queues[order.ticks]
            queue.remove(order)
            if not queue:
                del self.queues[order.ticks], self.lots[order.ticks]
                del self.keys[bisect_left(self.keys, self.sign * order.ticks)]


class MatchingBook:
    """Both sides of one market. Every change of a level advances ``sequence`` and is remembered until drained."""

    def __init__(self, sequence: int = 1) -> None:
        self.bids, self.asks = _Levels(+1), _Levels(-1)
        self.sequence = sequence
        self._drained = sequence
        self._changed: dict[tuple[Side, int], None] = {}

    def side(self, side: Side) -> _Levels:
        """Where an order of this side would rest."""
        return self.bids if side is Side.BUY else self.asks

    def against(self, side: Side) -> _Levels:
        """Where an order of this side would find its makers."""
        return self.asks if side is Side.BUY else self.bids

    def crosses(self, side: Side, ticks: int) -> bool:
        """Tell whether an order at this price would match at once."""
        best = self.against(side).best
        return best is not None and (best <= ticks if side is Side.BUY else best >= ticks)

    def offers(
        self, side: Side, limit: int | None = None, *, excluding: str | None = None
    ) -> Iterator[tuple[int, int]]:
        """(ticks, lots) that an order of this side would meet, best first, to its limit, without an owner's own."""
        levels = self.against(side)
        for ticks in levels:
            if limit is not None and (ticks > limit if side is Side.BUY else ticks < limit):
                return
            lots = levels.lots[ticks]
            if excluding is not None:
                lots -= sum(order.lots for order in levels.queues[ticks] if order.owner == excluding)
            if lots:
                yield ticks, lots

    def match(self, side: Side, lots: int, limit: int | None, owner: str) -> tuple[list[Match], list[Resting]]:
        """Execute up to ``lots`` against the book; return the matches, and the owner's own orders that were in the way.

        Those are taken out unfilled instead of trading with their owner (self-trade prevention, "expire maker").
        """
        levels = self.against(side)
        matches: list[Match] = []
        expired: list[Resting] = []
        while lots and (ticks := levels.best) is not None:
            if limit is not None and (ticks > limit if side is Side.BUY else ticks < limit):
                break
            maker = levels.queues[ticks][0]
            if maker.owner == owner != HOUSE:
                expired.append(Resting(maker.order_id, maker.owner, maker.side, ticks, maker.lots))
                self.remove(maker)
                continue
            part = min(lots, maker.lots)
            matches.append(Match(maker, ticks, part))
            self._reduce(maker, part)
            lots -= part
        return matches, expired

    def rest(self, order: Resting) -> None:
        """Queue an order behind those at its price. It must not cross."""
        if order.lots <= 0 or self.crosses(order.side, order.ticks):
            raise ValueError(f"{order} cannot rest: it is empty or crosses the book")
        self.side(order.side).add(order)
        self._touch(order.side, order.ticks)

    def remove(self, order: Resting) -> None:
        """Take an order out."""
        self._reduce(order, order.lots)

    def set_house(self, side: Side, ticks: int, lots: int) -> None:
        """Let the house's quantity at a price be ``lots``: more queues behind, less leaves from the back."""
        levels = self.side(side)
        own = [order for order in levels.queues.get(ticks, ()) if order.owner == HOUSE]
        change = lots - sum(order.lots for order in own)
        if change > 0:
            self.rest(Resting(0, HOUSE, side, ticks, change))
        while change < 0:
            part = min(-change, own[-1].lots)
            self._reduce(own.pop(), part)
            change += part

    def drain(self) -> tuple[int, int, list[tuple[int, int]], list[tuple[int, int]]] | None:
        """Changes since the last call: first and last sequence, then (ticks, lots now) of the changed bids and asks."""
        if not self._changed:
            return None
        sides: dict[Side, list[tuple[int, int]]] = {Side.BUY: [], Side.SELL: []}
        for side, ticks in self._changed:
            sides[side].append((ticks, self.side(side).lots.get(ticks, 0)))
        first, last = self._drained + 1, self.sequence
        self._drained = last
        self._changed.clear()
        return first, last, sorted(sides[Side.BUY], reverse=True), sorted(sides[Side.SELL])

    def _reduce(self, order: Resting, lots: int) -> None:
        self.side(order.side).reduce(order, lots)
        self._touch(order.side, order.ticks)

    def _touch(self, side: Side, ticks: int) -> None:
        self.sequence += 1
        self._changed[side, ticks] = None
