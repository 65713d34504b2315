"""Split an order over four venues of 1,000 levels each, at the least cost with fees.

Equal lots and no least orders, so that taking the cheapest lot next is right, and a merge-sort of the levels is the
whole problem: what one writes without a library. All begin with the live books, because these change between any two
routes, and all are exact, in whole ticks and lots. The rivals give quantities alone; tidewire the whole route, with
limits, fees and the comparison with every single venue. The other groups are what the rivals cannot do: the venues' own
lots and least orders.
"""

from __future__ import annotations

import heapq
import random
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tidewire as tw
from tidewire.universal import Fees, Route, VenueBook
from tidewire.universal.routing import ParentOrder, route

VENUES = ("binance", "okx", "htx", "coinbase")
TAKER = (100, 80, 200, 150)  # of 100,000
LEVELS = 1_000
EQUAL = ("0.00001",) * 4
OWN = ("0.00001", "0.00000001", "0.000001", "0.00000001")
FEES = Fees({venue: {"spot": (f"0.00{rate:03}", "0")} for venue, rate in zip(VENUES, TAKER, strict=True)})


Market = list[VenueBook]


def make(lots: tuple[str, ...], **rules: Decimal) -> Market:
    chance = random.Random(6)
    symbol, tick = tw.Symbol("BTC", "USDT"), Decimal("0.01")
    books = []
    for venue, lot in zip(VENUES, map(Decimal, lots), strict=True):
        price, levels = Decimal(60_000), []
        for _ in range(LEVELS):
            price += chance.randint(1, 30) * tick
            levels.append(tw.Level(price, chance.randint(1, int(Decimal("0.2") / lot)) * lot))
        listed = tw.Instrument(
            venue=venue, symbol=symbol, native="BTCUSDT", kind="spot", tick_size=tick, lot_size=lot, **rules
        )
        snapshot = tw.BookSnapshot(venue=venue, symbol=symbol, bids=(), asks=tuple(levels), sequence=1)
        books.append(VenueBook.of(snapshot, listed))
    return books


def arrays(market: Market) -> list[npt.NDArray[np.int64]]:
    """Asks of each venue: (levels, 2) of ticks and lots."""
    return [book.book.ticks()[1] for book in market]


def with_tidewire(market: Market, quantity: Decimal) -> Route:
    order = ParentOrder.of("BTC-USDT", "buy", quantity)
    return route(order, market, fees=FEES, absent={}, max_age_s=None, allow_partial=False)


def with_numpy(market: Market, quantity: Decimal) -> list[int]:
    """Quantities in lots: costs of all levels side by side, sorted, cut where the sum is reached."""
    sides = arrays(market)
    cost = np.concatenate([rows[:, 0] * (100_000 + rate) for rows, rate in zip(sides, TAKER, strict=True)])
    lots = np.concatenate([rows[:, 1] for rows in sides])
    venue = np.repeat(np.arange(len(sides)), [len(rows) for rows in sides])
    order = np.argsort(cost, kind="stable")
    wanted = int(quantity * 100_000)
    before = np.cumsum(lots[order]) - lots[order]
    taken = np.clip(wanted - before, 0, lots[order])
    return [int(taken[venue[order] == i].sum()) for i in range(len(sides))]


def with_python(market: Market, quantity: Decimal) -> list[int]:
    """The same by a lazy merge of the venues' levels, which ends where the sum is reached."""
    sides = [rows.tolist() for rows in arrays(market)]
    rates = zip(sides, TAKER, strict=True)
    merged = heapq.merge(*([(p * (100_000 + rate), i, q) for p, q in rows] for i, (rows, rate) in enumerate(rates)))
    taken, rest = [0] * len(sides), int(quantity * 100_000)
    for _, venue, lots in merged:
        part = min(rest, lots)
        taken[venue] += part
        rest -= part
        if not rest:
            break
    return taken


@pytest.fixture(scope="module")
def market() -> Market:
    return make(EQUAL)


RUNGS = {"heapq.merge": with_python, "NumPy argsort": with_numpy, "tidewire": with_tidewire}


@pytest.mark.parametrize("quantity", ["10", "200"])
@pytest.mark.parametrize("rung", RUNGS)
def test_route(benchmark: Any, market: Market, rung: str, quantity: str) -> None:
    wanted, work = Decimal(quantity), RUNGS[rung]
    ours = with_tidewire(market, wanted)
    lots = {each.venue: int(each.quantity * 100_000) for each in ours.slices}
    merged = with_numpy(market, wanted)
    assert sum(merged) == sum(lots.values()) == wanted * 100_000
    assert [lots.get(venue, 0) for venue in VENUES] == merged == with_python(market, wanted)
    benchmark.group = f"route {quantity} BTC over 4 venues of 1,000 levels, equal lots"
    benchmark.extra_info["rung"] = rung
    benchmark(work, market, wanted)


@pytest.mark.parametrize("quantity", ["10", "200"])
def test_route_with_the_venues_own_rules(benchmark: Any, quantity: str) -> None:
    own = make(OWN, min_notional=Decimal(5))
    wanted = Decimal(quantity) + Decimal("0.00000001")
    assert with_tidewire(own, wanted).quantity == wanted
    benchmark.group = f"route {quantity} BTC over 4 venues of 1,000 levels, their own lots and least orders"
    benchmark.extra_info["rung"] = "tidewire"
    benchmark(with_tidewire, own, wanted)
