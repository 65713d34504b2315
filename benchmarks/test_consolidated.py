"""What one book out of four venues' books costs on top of keeping those four.

The streams are those of ``test_book``: 1,000 diffs of 20 levels, in turn onto four books of 1,000 levels a side that
tidewire keeps in every rung; fees are inside the prices. A rung only differs in how it reads the best of all four after
each diff. ``added`` is that time alone: with reading minus without, per diff.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tidewire.book import OrderBook
from tidewire.models import Instrument
from tidewire.symbols import Symbol
from tidewire.universal import ConsolidatedBook, Fees, VenueBook

from .test_book import BLOCK, SPOT, WARM, generated

VENUES = ("binance", "okx", "htx", "coinbase")
RATES = ("0.001", "0.0008", "0.002", "0.006")
SYMBOL = Symbol("BTC", "USDT")
DEPTH = 20
Frames = list[tuple[OrderBook, bytes]]
Read = Callable[[], object]


class Market:
    """Four books and how they change."""

    def __init__(self) -> None:
        self.books: list[OrderBook] = []
        streams: list[list[tuple[OrderBook, bytes]]] = []
        for seed in range(len(VENUES)):
            snapshot, frames = generated((WARM + BLOCK) // len(VENUES), seed=seed)
            book = OrderBook("0.01", "0.00001")
            book.apply_snapshot(snapshot, SPOT)
            self.books.append(book)
            streams.append([(book, frame) for frame in frames])
        frames = [each for turn in zip(*streams, strict=True) for each in turn]
        merge(frames[:WARM])
        self.block = frames[WARM:]


def merge(frames: Frames, read: Read | None = None) -> None:
    for book, frame in frames:
        book.apply(frame, SPOT)
        if read is not None:
            read()


class Tidewire:
    """Ours."""

    def __init__(self, books: list[OrderBook]) -> None:
        table = {venue: {"spot": (rate, rate)} for venue, rate in zip(VENUES, RATES, strict=True)}
        given = [VenueBook(venue, instrument(venue), book) for venue, book in zip(VENUES, books, strict=True)]
        self.book = ConsolidatedBook(SYMBOL, given, fees=Fees(table))
        self.view = np.empty((2, DEPTH, 3))

    def best(self) -> tuple[float, float]:
        bid, _, ask, _ = self.book.top
        return bid, ask

    def levels(self) -> npt.NDArray[np.float64]:
        return self.book.arrays(DEPTH, out=self.view)


class Numpy:
    """The best levels of each book as arrays, put together and sorted again."""

    def __init__(self, books: list[OrderBook]) -> None:
        self.books = books
        self.view = np.empty((2, len(VENUES), DEPTH, 3))
        self.view[..., 2] = np.arange(len(VENUES))[:, None]
        kept = np.array([float(rate) for rate in RATES])[:, None]
        self.kept = np.array([1 - kept, 1 + kept])
        self.single = np.empty((2, DEPTH, 2))

    def best(self) -> tuple[float, float]:
        tops = np.array([book.top for book in self.books])
        return (tops[:, 0] * self.kept[0, :, 0]).max(), (tops[:, 2] * self.kept[1, :, 0]).min()

    def levels(self) -> npt.NDArray[np.float64]:
        view = self.view
        for number, book in enumerate(self.books):
            view[:, number, :, :2] = book.arrays(DEPTH, out=self.single)
        view[..., 0] *= self.kept
        flat = view.reshape(2, -1, 3)
        bids, asks = flat
        best_bids = bids[np.argsort(-bids[:, 0], kind="stable")[:DEPTH]]
        return np.array([best_bids, asks[np.argsort(asks[:, 0], kind="stable")[:DEPTH]]])


class Python:
    """The same with lists and sorted."""

    def __init__(self, books: list[OrderBook]) -> None:
        self.books = books
        self.rates = [float(rate) for rate in RATES]

    def best(self) -> tuple[float, float]:
        tops = [book.top for book in self.books]
        bid = max(top[0] * (1 - rate) for top, rate in zip(tops, self.rates, strict=True))
        return bid, min(top[2] * (1 + rate) for top, rate in zip(tops, self.rates, strict=True))

    def levels(self) -> npt.NDArray[np.float64]:
        bids, asks = [], []
        for number, (book, rate) in enumerate(zip(self.books, self.rates, strict=True)):
            below, above = book.arrays(DEPTH).tolist()
            bids += [(price * (1 - rate), quantity, number) for price, quantity in below]
            asks += [(price * (1 + rate), quantity, number) for price, quantity in above]
        bids.sort(key=lambda level: -level[0])
        asks.sort(key=lambda level: level[0])
        return np.array([bids[:DEPTH], asks[:DEPTH]])


RUNGS = {"python sorted": Python, "numpy argsort": Numpy, "tidewire": Tidewire}


def instrument(venue: str) -> Instrument:
    steps = {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.00001")}
    return Instrument(venue=venue, symbol=SYMBOL, native="BTCUSDT", kind="spot", **steps)


def naive(books: list[OrderBook]) -> npt.NDArray[np.float64]:
    """All levels as Decimals, sorted."""
    sides = []
    for bids in (True, False):
        found = []
        for number, (book, rate) in enumerate(zip(books, map(Decimal, RATES), strict=True)):
            for level in book.bids() if bids else book.asks():
                price = level.price * (1 - rate if bids else 1 + rate)
                found.append((-price if bids else price, number, level.quantity))
        best = sorted(found)[:DEPTH]
        sides.append([(abs(float(price)), float(quantity), number) for price, number, quantity in best])
    return np.array(sides)


def check(rung: str) -> None:
    """After every fiftieth diff, the rung's levels must be those of the naive merge."""
    market = Market()
    own = RUNGS[rung](market.books)
    for frames in batches(market.block):
        merge(frames)
        expected = naive(market.books)
        levels = own.levels()
        np.testing.assert_allclose(levels[..., 0], expected[..., 0], rtol=2**-51)
        np.testing.assert_array_equal(levels[..., 1:], expected[..., 1:])
        np.testing.assert_allclose(own.best(), expected[:, 0, 0], rtol=2**-51)


def batches(frames: Frames) -> list[Frames]:
    return [frames[at : at + 50] for at in range(0, len(frames), 50)]


def added_ns(rung: str, read: str) -> float:
    """Nanoseconds a diff with reading takes more than one without: the least of several rounds of each, in turn."""
    least = {False: float("inf"), True: float("inf")}
    for reading in (False, True) * 7:
        market = Market()
        look = getattr(RUNGS[rung](market.books), read) if reading else None
        begun = time.perf_counter_ns()
        merge(market.block, look)
        least[reading] = min(least[reading], (time.perf_counter_ns() - begun) / len(market.block))
    return least[True] - least[False]


def climb(benchmark: Any, capsys: pytest.CaptureFixture[str], rung: str, read: str) -> None:
    check(rung)

    def prepare() -> tuple[tuple[Frames, Read], dict[str, Any]]:
        market = Market()
        return (market.block, getattr(RUNGS[rung](market.books), read)), {}

    benchmark.extra_info["added_ns"] = added = added_ns(rung, read)
    with capsys.disabled():
        print(f"\n{rung}, {read}: {added:,.0f} ns added per diff")
    benchmark.pedantic(merge, setup=prepare, rounds=15, warmup_rounds=1)


@pytest.mark.benchmark(group="1,000 diffs over the books of four venues, the best bid and ask of all after each")
@pytest.mark.parametrize("rung", RUNGS)
def test_best_of_four(benchmark: Any, capsys: pytest.CaptureFixture[str], rung: str) -> None:
    climb(benchmark, capsys, rung, "best")


@pytest.mark.benchmark(group="the same, the 20 best levels of all with their venues after each")
@pytest.mark.parametrize("rung", RUNGS)
def test_levels_of_four(benchmark: Any, capsys: pytest.CaptureFixture[str], rung: str) -> None:
    climb(benchmark, capsys, rung, "levels")
