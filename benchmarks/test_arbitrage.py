"""Four venues × 200 markets looked at again for arbitrage after one book has changed: plain Python, NumPy, the core.

The rivals are given more than they would have: their levels and best prices lie ready, in whole ticks and lots.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tidewire.models import BookSnapshot, Instrument, Level
from tidewire.symbols import Symbol
from tidewire.universal import ArbitrageScanner, Fees, VenueBook

VENUES = ("binance", "okx", "htx", "coinbase")
SYMBOLS = 200
TICK, LOT = Decimal("0.01"), Decimal("0.001")
BUY, SELL = 1001, 999  # thousandths of the price, with a fee of 0.1 %
FEES = Fees({venue: {"spot": ("0.001", 0)} for venue in VENUES})
Levels = list[tuple[int, int]]
Found = set[tuple[int, int, int, int, int]]  # symbol, buying and selling venue, lots, profit in 1e-8


class Markets:
    """The same books as lists, as arrays and as the core's. One venue of each symbol in ``apart`` stands 1 % higher."""

    def __init__(self, apart: int) -> None:
        rng = random.Random(7)
        self.sides: list[list[tuple[Levels, Levels]]] = []
        for symbol in range(SYMBOLS):
            self.sides.append([self._sides(rng, 100 if symbol < apart and venue == 2 else 0) for venue in range(4)])
        self.bids = np.array([[bids[0][0] for bids, _ in row] for row in self.sides])
        self.asks = np.array([[asks[0][0] for _, asks in row] for row in self.sides])
        self.books = [[self._book(s, v) for v in range(4)] for s in range(SYMBOLS)]
        self.scanner = ArbitrageScanner([book for row in self.books for book in row], fees=FEES, kinds=["cross"])

    def _sides(self, rng: random.Random, shift: int) -> tuple[Levels, Levels]:
        around = 10_000 + shift + rng.randint(-2, 2)
        bids, asks = ([(around + sign * n, rng.randint(1, 5000)) for n in range(2, 22)] for sign in (-1, 1))
        return bids, asks

    def _book(self, symbol: int, venue: int) -> VenueBook:
        name = Symbol(f"A{symbol}", "USDT")
        instrument = Instrument(
            venue=VENUES[venue], symbol=name, native=str(name), kind="spot", tick_size=TICK, lot_size=LOT
        )
        bids, asks = (tuple(Level(TICK * p, LOT * q) for p, q in side) for side in self.sides[symbol][venue])
        return VenueBook.of(BookSnapshot(venue=VENUES[venue], symbol=name, bids=bids, asks=asks), instrument)

    def change(self) -> None:
        """Let the best bid of one market that stands apart have other lots: the work of a look, not of a stream."""
        bids = self.sides[0][2][0]
        bids[0] = (bids[0][0], bids[0][1] % 5000 + 1)
        self.books[0][2].book.copy_from(self._book(0, 2).book)


def walk(asks: Levels, bids: Levels) -> tuple[int, int]:
    """Lots and profit of the largest size whose last lot pays."""
    lots = profit = i = j = 0
    left_ask, left_bid = asks[0][1], bids[0][1]
    while (gain := bids[j][0] * SELL - asks[i][0] * BUY) > 0:
        part = min(left_ask, left_bid)
        lots, profit = lots + part, profit + part * gain
        left_ask, left_bid = left_ask - part, left_bid - part
        if left_ask == 0:
            i += 1
            if i == len(asks):
                break
            left_ask = asks[i][1]
        if left_bid == 0:
            j += 1
            if j == len(bids):
                break
            left_bid = bids[j][1]
    return lots, profit


def with_python(markets: Markets) -> Found:
    found = set()
    for symbol, row in enumerate(markets.sides):
        for buy, sell in itertools.permutations(range(4), 2):
            asks, bids = row[buy][1], row[sell][0]
            if bids[0][0] * SELL > asks[0][0] * BUY:
                found.add((symbol, buy, sell, *walk(asks, bids)))
    return found


def with_numpy(markets: Markets) -> Found:
    pays = markets.bids[:, None, :] * SELL > markets.asks[:, :, None] * BUY
    return {
        (symbol, buy, sell, *walk(markets.sides[symbol][buy][1], markets.sides[symbol][sell][0]))
        for symbol, buy, sell in np.argwhere(pays).tolist()
    }


def with_tidewire(markets: Markets) -> Found:
    return markets.scanner.scan(max_age=None)  # type: ignore[return-value]


def told(scanned: Any) -> Found:
    return {
        (
            int(each.trades[0].symbol.base[1:]),
            VENUES.index(each.trades[0].venue),
            VENUES.index(each.trades[1].venue),
            int(each.quantity / LOT),
            int(each.profit * 10**8),
        )
        for each in scanned
    }


@pytest.mark.parametrize("apart", [0, 5], ids=["nothing pays", "5 markets apart"])
@pytest.mark.parametrize("look", [with_python, with_numpy, with_tidewire], ids=["python", "numpy", "tidewire"])
def test_a_look_at_all_books(benchmark: Any, look: Callable[[Markets], Found], apart: int) -> None:
    markets = Markets(apart)
    markets.change()
    assert told(with_tidewire(markets)) == with_python(markets) == with_numpy(markets)
    assert len(with_python(markets)) == 3 * apart
    benchmark.group = f"arbitrage among 4 × {SYMBOLS} books, {f'{apart} apart' if apart else 'nothing pays'}"
    benchmark.extra_info["rung"] = look.__name__.removeprefix("with_")
    benchmark.pedantic(look, setup=lambda: (markets.change(), ((markets,), {}))[1], rounds=300, warmup_rounds=5)
