"""A thousand Binance klines, bytes to columns, up the ladder.

The real bodies are rows of the recordings, written compact as the venue sends them; the generated one is a seeded walk.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ccxt
import msgspec
import numpy as np
import orjson
import pytest

from tidewire.klines import KlineLayout, decode_klines

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = Path(os.environ.get("TIDEWIRE_FIXTURES", ROOT.parent / "shared" / "fixtures"))
ROWS = 1000

LAYOUT = KlineLayout(open_time=0, open=1, high=2, low=3, close=4, volume=5, quote_volume=7, trades=8)
FLOATS = ("open", "high", "low", "close", "volume", "quote_volume")
PLACES = {"open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "quote_volume": 7}

Columns = dict[str, Any]


def real_rows() -> list[list[Any]]:
    """Spot and futures rows of every recording, in time order, one of each open time."""
    rows: dict[int, list[Any]] = {}
    for file in sorted((FIXTURES / "klines").glob("binance_[af]*.json")):
        rows |= {row[0]: row for row in json.loads(file.read_bytes())}
    return [rows[time] for time in sorted(rows)]


def generated_rows() -> Iterator[list[Any]]:
    source, price = random.Random(7), 42000.0
    for i in range(ROWS):
        open_, close = price, max(1.0, price + source.gauss(0, 12))
        high, low = max(open_, close) + abs(source.gauss(0, 5)), min(open_, close) - abs(source.gauss(0, 5))
        volume, share, price = source.lognormvariate(3.2, 1.1), source.uniform(0.4, 0.6), close
        prices = [f"{value:.2f}000000" for value in (open_, high, low, close)]
        time = 1_700_000_040_000 + 60_000 * i
        traded = [f"{volume:.5f}000", time + 59_999, f"{volume * close:.8f}", source.randint(200, 9000)]
        yield [time, *prices, *traded, f"{volume * share:.5f}000", f"{volume * share * close:.8f}", "0"]


def compact(rows: list[list[Any]]) -> bytes:
    return json.dumps(rows, separators=(",", ":")).encode()


def bodies() -> dict[str, bytes]:
    made = {"generated": compact(list(generated_rows()))}
    if FIXTURES.is_dir():
        real = real_rows()
        made |= {f"real {name}": compact(real[start:][:ROWS]) for name, start in (("oldest", 0), ("newest", -ROWS))}
    return made


class Bar(msgspec.Struct, array_like=True, gc=False):
    """The best of msgspec: typed, numbers converted while decoding."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_time: int
    quote_volume: float
    trades: int


def of_lists(rows: list[list[Any]]) -> Columns:
    columns: Columns = {name: np.array([float(row[place]) for row in rows]) for name, place in PLACES.items()}
    columns["open_time"] = np.array([row[0] for row in rows], np.int64) * 1_000_000
    return columns | {"trades": np.array([row[8] for row in rows], np.int64)}


def standard_library(body: bytes) -> Columns:
    return of_lists(json.loads(body))


def with_orjson(body: bytes) -> Columns:
    return of_lists(orjson.loads(body))


BARS = msgspec.json.Decoder(list[Bar], strict=False)


def with_msgspec(body: bytes) -> Columns:
    """The fastest way to arrays that we found: a list of each attribute."""
    bars = BARS.decode(body)
    return {
        "open_time": np.array([bar.open_time for bar in bars], np.int64) * 1_000_000,
        "open": np.array([bar.open for bar in bars]),
        "high": np.array([bar.high for bar in bars]),
        "low": np.array([bar.low for bar in bars]),
        "close": np.array([bar.close for bar in bars]),
        "volume": np.array([bar.volume for bar in bars]),
        "quote_volume": np.array([bar.quote_volume for bar in bars]),
        "trades": np.array([bar.trades for bar in bars], np.int64),
    }


EXCHANGE = ccxt.binance()
MARKET = {"id": "BTCUSDT", "symbol": "BTC/USDT", "spot": True, "inverse": False}


def with_ccxt(body: bytes) -> Columns:
    """What ccxt's fetch_ohlcv does with a body; it keeps six columns."""
    rows = EXCHANGE.parse_ohlcvs(EXCHANGE.parse_json(body.decode()), MARKET, "1m")
    names = ("open_time", *FLOATS[:5])
    columns: Columns = dict(zip(names, np.array(rows).T, strict=True))
    return columns | {"open_time": columns["open_time"].astype(np.int64) * 1_000_000}


def with_tidewire(body: bytes) -> Columns:
    bars = decode_klines(body, LAYOUT)
    return {name: getattr(bars, name) for name in ("open_time", *FLOATS, "trades")}


LADDER: dict[str, Callable[[bytes], Columns]] = {
    "json": standard_library,
    "orjson": with_orjson,
    "msgspec": with_msgspec,
    "ccxt": with_ccxt,
    "tidewire": with_tidewire,
}


def ladder() -> Iterator[Any]:
    for source, body in bodies().items():
        for name, decode in LADDER.items():
            group = pytest.mark.benchmark(group=f"1,000 Binance klines to columns, {source}")
            yield pytest.param(body, decode, marks=group, id=f"{name}-{source.replace(' ', '-')}")


@pytest.mark.parametrize(("body", "decode"), list(ladder()))
def test_klines(benchmark: Any, body: bytes, decode: Callable[[bytes], Columns]) -> None:
    expected, got = standard_library(body), decode(body)
    for name, column in got.items():
        assert column.tobytes() == expected[name].tobytes(), name
    assert len(got["open"]) == ROWS
    benchmark.extra_info["rung"] = next(name for name, rung in LADDER.items() if rung is decode)
    benchmark(decode, body)
