"""From the bytes of a diff to the merged book; then also the best prices, and the 20 best levels as an array.

Two streams: one made here from a seed (20 levels a diff, about 1,000 a side, 29 % removals, a moving touch), one
recorded at Binance. The time is that of a whole block of diffs, onto a book that has seen the ones before. A rung is
written as the loop that its user would write; only tidewire also checks the sequence, and is exact.
"""

from __future__ import annotations

import gzip
import heapq
import json
import os
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import pytest

from tidewire.book import BookLayout, LevelArray, MessageLayout, OrderBook, SequenceRule

ccxtpro = pytest.importorskip("ccxt.pro")
orjson = pytest.importorskip("orjson")

SPOT = BookLayout(
    delta=MessageLayout(bids=LevelArray("b"), asks=LevelArray("a"), first="U", last="u"),
    snapshot=MessageLayout(bids=LevelArray("bids"), asks=LevelArray("asks"), last="lastUpdateId"),
    rule=SequenceRule.RANGE,
    envelope="data",
)
FIXTURES = Path(os.environ.get("TIDEWIRE_FIXTURES", Path(__file__).resolve().parents[2] / "shared" / "fixtures"))
WARM, BLOCK = 2_000, 1_000

Side = list[tuple[float, float]]
Stream = tuple[bytes, list[bytes]]


Read = Callable[[], object]


class Rung(Protocol):
    """A book made from a snapshot (``sample`` shows what frames look like). ``read`` is called after each frame."""

    def __init__(self, snapshot: bytes, sample: bytes) -> None: ...
    def merge(self, frames: list[bytes], read: Read | None = None) -> None: ...
    def best(self) -> tuple[float, float]: ...
    def top20(self) -> object: ...
    def sides(self) -> tuple[Side, Side]: ...


def put(levels: dict[float, float], changes: list[Any]) -> None:
    for price, quantity in changes:
        if quantity:
            levels[price] = quantity
        else:
            levels.pop(price, None)


class JsonDict:
    """Standard library: json and two dicts."""

    def __init__(self, snapshot: bytes, sample: bytes) -> None:
        body = json.loads(snapshot)
        self.bids = {float(p): float(q) for p, q in body["bids"]}
        self.asks = {float(p): float(q) for p, q in body["asks"]}

    def merge(self, frames: list[bytes], read: Read | None = None) -> None:
        for frame in frames:
            diff = json.loads(frame)
            diff = diff.get("data", diff)
            put(self.bids, [(float(p), float(q)) for p, q in diff["b"]])
            put(self.asks, [(float(p), float(q)) for p, q in diff["a"]])
            if read is not None:
                read()

    def best(self) -> tuple[float, float]:
        return max(self.bids), min(self.asks)

    def top20(self) -> object:
        bids = heapq.nlargest(20, self.bids.items())
        asks = heapq.nsmallest(20, self.asks.items())
        return np.array((bids, asks))

    def sides(self) -> tuple[Side, Side]:
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


class Diff(msgspec.Struct, gc=False):
    """What msgspec decodes quickest: numbers straight from their text."""

    b: list[tuple[float, float]]
    a: list[tuple[float, float]]


class Wrapped(msgspec.Struct, gc=False):
    """A combined stream's envelope."""

    data: Diff


def decoder(sample: bytes) -> Callable[[bytes], Diff]:
    if b'"data"' not in sample:
        return msgspec.json.Decoder(Diff, strict=False).decode
    decode = msgspec.json.Decoder(Wrapped, strict=False).decode
    return lambda frame: decode(frame).data


class MsgspecDict(JsonDict):
    """msgspec's typed decoding and two dicts: the quickest way to merge without a compiled book."""

    def __init__(self, snapshot: bytes, sample: bytes) -> None:
        super().__init__(snapshot, sample)
        self.decode = decoder(sample)

    def merge(self, frames: list[bytes], read: Read | None = None) -> None:
        decode, bids, asks = self.decode, self.bids, self.asks
        for frame in frames:
            diff = decode(frame)
            put(bids, diff.b)
            put(asks, diff.a)
            if read is not None:
                read()


class MsgspecBisect:
    """msgspec and lists kept sorted by hand: dearer to merge, cheap to read."""

    def __init__(self, snapshot: bytes, sample: bytes) -> None:
        self.decode = decoder(sample)
        body = json.loads(snapshot)
        bids = sorted((-float(p), float(q)) for p, q in body["bids"])
        asks = sorted((float(p), float(q)) for p, q in body["asks"])
        self.bids, self.bid_lots = [k for k, _ in bids], [q for _, q in bids]
        self.asks, self.ask_lots = [k for k, _ in asks], [q for _, q in asks]

    @staticmethod
    def set(keys: list[float], lots: list[float], key: float, quantity: float) -> None:
        i = bisect_left(keys, key)
        if i < len(keys) and keys[i] == key:
            if quantity:
                lots[i] = quantity
            else:
                del keys[i], lots[i]
        elif quantity:
            keys.insert(i, key)
            lots.insert(i, quantity)

    def merge(self, frames: list[bytes], read: Read | None = None) -> None:
        for frame in frames:
            diff = self.decode(frame)
            for price, quantity in diff.b:
                self.set(self.bids, self.bid_lots, -price, quantity)
            for price, quantity in diff.a:
                self.set(self.asks, self.ask_lots, price, quantity)
            if read is not None:
                read()

    def best(self) -> tuple[float, float]:
        return -self.bids[0], self.asks[0]

    def top20(self) -> object:
        bids = [(-p, q) for p, q in zip(self.bids[:20], self.bid_lots, strict=False)]
        return np.array((bids, list(zip(self.asks[:20], self.ask_lots, strict=False))))

    def sides(self) -> tuple[Side, Side]:
        return [(-p, q) for p, q in zip(self.bids, self.bid_lots, strict=True)], list(
            zip(self.asks, self.ask_lots, strict=True)
        )


class Ccxt:
    """ccxt.pro's own handler on orjson's dicts."""

    exchange: Any = None

    def __init__(self, snapshot: bytes, sample: bytes) -> None:
        if Ccxt.exchange is None:
            Ccxt.exchange = ccxtpro.binance()
        body = orjson.loads(snapshot)
        sides = {side: [[float(p), float(q)] for p, q in body[side]] for side in ("bids", "asks")}
        self.book = self.exchange.order_book({**sides, "nonce": body["lastUpdateId"]}, 100_000)

    def merge(self, frames: list[bytes], read: Read | None = None) -> None:
        handle, book = self.exchange.handle_order_book_message, self.book
        for frame in frames:
            diff = orjson.loads(frame)
            handle(None, diff.get("data", diff), book)
            if read is not None:
                read()

    def best(self) -> tuple[float, float]:
        return self.book["bids"][0][0], self.book["asks"][0][0]

    def top20(self) -> object:
        return np.array((self.book["bids"][:20], self.book["asks"][:20]))

    def sides(self) -> tuple[Side, Side]:
        return [(p, q) for p, q in self.book["bids"]], [(p, q) for p, q in self.book["asks"]]


class Tidewire:
    """Ours."""

    def __init__(self, snapshot: bytes, sample: bytes) -> None:
        self.book = OrderBook(tick_size="0.01", lot_size="0.00001")
        self.book.apply_snapshot(snapshot, SPOT)
        self.view = np.empty((2, 20, 2))

    def merge(self, frames: list[bytes], read: Read | None = None) -> None:
        apply = self.book.apply
        for frame in frames:
            apply(frame, SPOT)
            if read is not None:
                read()

    def best(self) -> tuple[float, float]:
        bid, _, ask, _ = self.book.top
        return bid, ask

    def top20(self) -> object:
        return self.book.arrays(20, out=self.view)

    def sides(self) -> tuple[Side, Side]:
        bids, asks = self.book.arrays()
        return [(p, q) for p, q in bids if p == p], [(p, q) for p, q in asks if p == p]


RUNGS = {
    "json + dict": JsonDict,
    "msgspec + dict": MsgspecDict,
    "msgspec + bisect": MsgspecBisect,
    "ccxt.pro": Ccxt,
    "tidewire": Tidewire,
}


def changes(rng: random.Random, levels: set[int], at: Callable[[int], int]) -> Iterator[tuple[int, str]]:
    """Ten changes of one side at prices ``at(distance from the touch)``: mostly near it, over a third removals."""
    taken: set[int] = set()
    while len(taken) < 10:
        pick = rng.random()
        distance = int(rng.expovariate(1 / 15 if pick < 0.7 else 1 / 150)) if pick < 0.93 else rng.randrange(1500)
        price = at(distance)
        if distance >= 1500 or price in taken:
            continue
        if rng.random() >= 0.37:
            levels.add(price)
            taken.add(price)
            yield price, f"{int(rng.expovariate(1.2))}.{rng.randint(1, 99999):05d}000"
        elif price in levels or rng.random() < 0.1:  # removing an unknown level is normal on Binance
            levels.discard(price)
            taken.add(price)
            yield price, "0.00000000"


def written(levels: list[tuple[int, str]]) -> str:
    return ",".join(f'["{price // 100}.{price % 100:02d}000000","{quantity}"]' for price, quantity in levels)


def generated(count: int, seed: int = 11) -> Stream:
    """A snapshot and ``count`` diffs of 20 levels in Binance's spot format; prices around 42,000.00."""
    rng = random.Random(seed)
    middle, last = 4_200_000, 1000
    bids = {price for price in range(middle - 1500, middle) if rng.random() < 0.67}
    asks = {price for price in range(middle, middle + 1500) if rng.random() < 0.67}
    start = [
        written([(price, "1.50000000") for price in sorted(side, reverse=high)])
        for side, high in ((bids, True), (asks, False))
    ]
    frames = []
    for i in range(count):
        moved = middle + round(rng.gauss((4_200_000 - middle) * 0.002, 1.2))
        gone = (
            [(p, "0.00000000") for p in range(middle, moved) if p in asks],
            [(p, "0.00000000") for p in range(moved, middle) if p in bids],
        )
        asks.difference_update(p for p, _ in gone[0])
        bids.difference_update(p for p, _ in gone[1])
        middle = moved
        near_bids = (gone[1] + list(changes(rng, bids, lambda d: moved - 1 - d)))[:10]  # noqa: B023
        near_asks = (gone[0] + list(changes(rng, asks, lambda d: moved + d)))[:10]  # noqa: B023
        first, last = last + 1, last + 20
        frames.append(
            f'{{"e":"depthUpdate","E":{1700000000000 + i * 100},"s":"BTCUSDT","U":{first},"u":{last},'
            f'"b":[{written(near_bids)}],"a":[{written(near_asks)}]}}'.encode()
        )
    return f'{{"lastUpdateId":1000,"bids":[{start[0]}],"asks":[{start[1]}]}}'.encode(), frames


def recorded(fixtures: Path) -> Stream:
    """The spot recording: its snapshot and the diffs that go beyond it."""
    with gzip.open(fixtures / "hftbacktest" / "spot_btcusdt_20240808.gz") as lines:
        bodies = [line.partition(b" ")[2].strip() for line in lines]
    snapshot = next(body for body in bodies if body.startswith(b'{"lastUpdateId"'))
    last = json.loads(snapshot)["lastUpdateId"]
    diffs = [body for body in bodies if b'"depthUpdate"' in body]
    return snapshot, [diff for diff in diffs if json.loads(diff)["data"]["u"] > last]


@pytest.fixture(scope="module")
def made() -> Stream:
    return generated(WARM + BLOCK)


@pytest.fixture(scope="module")
def real() -> Stream:
    if not FIXTURES.is_dir():
        pytest.skip(f"recordings are not here: {FIXTURES} (set TIDEWIRE_FIXTURES)")
    return recorded(FIXTURES)


def check(name: str, stream: Stream) -> None:
    """The rung's book must equal the dictionary's, level by level, after the whole stream."""
    snapshot, frames = stream
    reference, own = JsonDict(snapshot, frames[0]), RUNGS[name](snapshot, frames[0])
    reference.merge(frames)
    own.merge(frames)
    assert own.sides() == reference.sides()
    assert own.best() == reference.best()
    assert np.array_equal(own.top20(), reference.top20())


def climb(benchmark: Any, name: str, stream: Stream, read: str | None = None) -> None:
    check(name, stream)
    snapshot, frames = stream

    def prepare() -> tuple[tuple[Rung, Read | None], dict[str, Any]]:
        rung = RUNGS[name](snapshot, frames[0])
        rung.merge(frames[:WARM])
        return (rung, read and getattr(rung, read)), {}

    block = frames[WARM : WARM + BLOCK]
    benchmark.pedantic(lambda rung, read: rung.merge(block, read), setup=prepare, rounds=15, warmup_rounds=1)


@pytest.mark.benchmark(group="1,000 book diffs of 20 levels, bytes to merged book")
@pytest.mark.parametrize("rung", RUNGS)
def test_merge(benchmark: Any, rung: str, made: Stream) -> None:
    climb(benchmark, rung, made)


@pytest.mark.benchmark(group="the same, reading the best prices after each")
@pytest.mark.parametrize("rung", RUNGS)
def test_merge_and_read_best(benchmark: Any, rung: str, made: Stream) -> None:
    climb(benchmark, rung, made, "best")


@pytest.mark.benchmark(group="the same, reading the 20 best levels of each side after each")
@pytest.mark.parametrize("rung", RUNGS)
def test_merge_and_read_top20(benchmark: Any, rung: str, made: Stream) -> None:
    climb(benchmark, rung, made, "top20")


@pytest.mark.benchmark(group="1,000 recorded Binance spot diffs (35 levels), bytes to merged book")
@pytest.mark.parametrize("rung", RUNGS)
def test_merge_recorded(benchmark: Any, rung: str, real: Stream) -> None:
    climb(benchmark, rung, real)
