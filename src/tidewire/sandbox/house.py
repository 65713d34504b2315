"""The market model's own trading: it quotes a ladder around the price path and takes what stands in the path's way."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from ..models import Instrument, Side
from .matching import HOUSE, MatchingBook
from .path import PricePath

__all__ = ["LEVELS", "House"]

LEVELS = 400
"""Levels a side that a market's house quotes unless told otherwise."""
_CHURN = 3  # levels a side whose quantity changes at a step
_VALUE = 4_000.0  # mean value of a level in quote units of a dollar


class House:
    """Quotes one market, ``levels`` a side.

    ``rng`` alone decides what is random, so that a seed and a series of steps repeat exactly. ``lean`` is how far, as a
    fraction of the price, it stands beside the path; ``wander`` adds to that what it does of its own accord.
    """

    def __init__(
        self,
        instrument: Instrument,
        path: PricePath,
        rng: random.Random,
        levels: int,
        wander: Callable[[int], float] = lambda time_ns: 0.0,
    ) -> None:
        self.lean = 0.0
        self._path, self._rng, self._levels, self._wander = path, rng, levels, wander
        self._tick, self._lot = float(instrument.tick_size), float(instrument.lot_size)
        dollar = 60_000.0 if instrument.symbol.quote == "BTC" else 1.0
        self._mean_lots = _VALUE / dollar / path.at(0) / self._lot

    def middle(self, time_ns: int) -> float:
        """The price in ticks around which it quotes."""
        return self._path.at(time_ns) * (1 + self.lean + self._wander(time_ns)) / self._tick

    def open(self, book: MatchingBook, middle: float) -> None:
        """Quote the whole ladder."""
        for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
            ticks = math.floor(middle) if sign < 0 else math.floor(middle) + 1
            for level in range(self._levels):
                if ticks < 1:
                    break
                book.set_house(side, ticks, self._lots())
                ticks += sign * self._gap(middle, level)

    def orders(self, book: MatchingBook, middle: float) -> Iterator[tuple[Side, int, int]]:
        """Orders (side, lots, limit ticks) by which the house takes at this step. Execute each before the next."""
        for side, limit in ((Side.BUY, math.floor(middle)), (Side.SELL, math.floor(middle) + 1)):
            lots = sum(offer for _, offer in book.offers(side, limit))
            if lots:
                yield side, lots, limit
        if self._rng.random() < 0.5:
            side = self._rng.choice((Side.BUY, Side.SELL))
            for ticks, offer in book.offers(side):
                yield side, self._rng.randint(1, max(1, offer // 4)), ticks
                break

    def quote(self, book: MatchingBook, middle: float) -> None:
        """Close the ranks around the price, change a few levels, and keep the ladder's length."""
        for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
            self._close_ranks(book, side, sign, middle)
            self._churn(book, side)
            self._trim(book, side, sign, middle)

    def _close_ranks(self, book: MatchingBook, side: Side, sign: int, middle: float) -> None:
        front = math.floor(middle) if sign < 0 else math.floor(middle) + 1
        best = book.side(side).best
        room = self._gap(middle, 0) * 3
        if front >= 1 and not book.crosses(side, front) and (best is None or abs(best - front) > room):
            book.set_house(side, front, self._lots())

    def _churn(self, book: MatchingBook, side: Side) -> None:
        near = [ticks for ticks, _ in zip(book.side(side), range(40), strict=False)]
        for ticks in self._rng.sample(near, min(_CHURN, len(near))):
            gone = self._rng.random() < 0.15 and len(book.side(side).keys) > self._levels // 2
            book.set_house(side, ticks, 0 if gone else self._lots())

    def _trim(self, book: MatchingBook, side: Side, sign: int, middle: float) -> None:
        levels = book.side(side)
        while len(levels.keys) < self._levels:
            worst = levels.sign * levels.keys[0] if levels.keys else math.floor(middle)
            ticks = worst + sign * self._gap(middle, self._levels)
            if ticks < 1:
                break
            book.set_house(side, ticks, self._lots())
        if len(levels.keys) > self._levels * 5 // 4:
            far = (levels.sign * key for key in levels.keys[: self._levels // 8])
            for ticks in [t for t in far if all(order.owner == HOUSE for order in levels.queues[t])]:
                book.set_house(side, ticks, 0)

    def _gap(self, middle: float, level: int) -> int:
        """Ticks from one level to the next: more levels than usual stand closer, within the same range of prices."""
        crowding = max(1.0, self._levels / LEVELS)
        mean = middle * 1e-5 / crowding * math.exp(level / crowding / 120)
        return max(1, round(mean * self._rng.uniform(0.5, 1.5)))

    def _lots(self) -> int:
        return max(1, round(self._mean_lots * self._rng.lognormvariate(-0.5, 1.0)))
