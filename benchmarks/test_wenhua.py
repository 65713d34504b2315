"""A bar file of ten million records: a struct loop, NumPy's memmap, and ours, which also proves every record sound."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidewire.wenhua import read_dat

ROWS = 10_000_000  # and a fiftieth where only the results are compared
RECORD = np.dtype(
    [
        ("time", "<u4"),
        *((name, "<f4") for name in ("open", "close", "high", "low", "volume", "interest", "settle", "x")),
    ]
)
NAMES = ("open", "high", "low", "close", "volume", "interest", "settle")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Every second of the hours from 09:00 to 15:00, day after day: more than there is, and denser."""
    rows = ROWS // 50 if request.config.getoption("benchmark_disable") else ROWS
    source = np.random.default_rng(7)
    records = np.zeros(rows, RECORD)
    day, second = np.divmod(np.arange(rows), 21_600)
    records["time"] = 631_155_600 + day * 86_400 + second  # to fit so many below 2040
    price = 3000.0 + np.cumsum(source.integers(-1, 2, rows)) % 1000
    for name, shift in (("open", 0), ("close", 1), ("high", 2), ("low", -2)):
        records[name] = price + shift
    records["volume"] = source.integers(0, 900, rows)
    records["interest"] = 100_000
    path = tmp_path_factory.mktemp("wenhua") / "00063580.dat"
    with path.open("wb") as out:
        out.write(struct.pack("<I", rows))
        records.tofile(out)
    return path


def with_struct(path: Path) -> dict[str, list[Any]]:
    rows = list(struct.iter_unpack("<I8f", path.read_bytes()[4:]))
    columns: list[Any] = list(zip(*rows, strict=True))
    return dict(zip(("open", "close", "high", "low", "volume", "interest", "settle"), columns[1:8], strict=True))


def with_memmap(path: Path) -> dict[str, Any]:
    records = np.memmap(path, RECORD, "r", 4)
    return {name: records[name].astype(np.float64) for name in NAMES} | {"time": records["time"].astype(np.int64)}


def with_tidewire(path: Path) -> dict[str, Any]:
    bars = read_dat(path, code="rb", interval="1s")
    columns = {name: getattr(bars.klines, name) for name in ("open", "high", "low", "close", "volume")}
    return columns | {"interest": bars.open_interest}


@pytest.mark.benchmark(group="wenhua: a file of 10 million bars")
@pytest.mark.parametrize("read", [with_struct, with_memmap, with_tidewire], ids=["struct", "NumPy memmap", "tidewire"])
def test_read(benchmark: Any, file: Path, read: Callable[[Path], Any]) -> None:
    ours, reference = with_tidewire(file), with_memmap(file)
    for name, column in ours.items():
        np.testing.assert_array_equal(column, reference[name])
    # A gigabyte of fresh pages is made each time, over which a system takes seconds now and then: hence the rounds.
    once = read is with_struct or benchmark.disabled
    benchmark.pedantic(read, args=(file,), rounds=1 if once else 9, warmup_rounds=0 if once else 1)
