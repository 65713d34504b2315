"""Recorded snapshots for the simulated front: CSV into rows of the vendor's layout, and when each is due."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .structs import structs

__all__ = ["EPOCH", "NO_VALUE", "millis", "pauses", "read_ticks", "struct_dtype"]

_VERSION = "6.7.11"
NO_VALUE = float(np.finfo(np.float64).max)  # CTP's "no value"
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - simulated time is China's clock, without a zone
_LONGEST_PAUSE_MS = 60_000


@cache
def struct_dtype(name: str) -> np.dtype[np.void]:
    """Return the NumPy layout of a struct of the simulated version, such as ``"DepthMarketData"``."""
    return structs(_VERSION).dtype(name)


def read_ticks(source: str | Path | Iterable[str]) -> NDArray[np.void]:
    """Read recorded snapshots: CSV whose columns are named as the fields of DepthMarketData.

    ``source`` is a file, plain or ``.gz``, or its lines. A number that is empty or ``N/A`` is CTP's "no value".
    ``ValueError`` for a column that is no field.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return read_ticks(data.decode("gb18030").splitlines())
    rows = list(csv.DictReader(source))
    ticks = np.zeros(len(rows), struct_dtype("DepthMarketData"))
    for name in rows[0] if rows else ():
        if name not in (ticks.dtype.names or ()):
            raise ValueError(f"{name!r} is no field of DepthMarketData: name the columns as CTP does")
        column = [row[name] for row in rows]
        if ticks.dtype[name].kind == "S":
            ticks[name] = [text.encode("gb18030") for text in column]
        else:
            ticks[name] = [NO_VALUE if text in {"", "N/A"} else float(text) for text in column]
    return ticks


def millis(time: datetime) -> int:
    """Simulated time in milliseconds."""
    return round((time - EPOCH) / timedelta(milliseconds=1))


def pauses(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """When each snapshot is due after the first, by its own stamps; stamps that go back do not."""
    stamps = [
        millis(datetime.strptime(f"{row['ActionDay'].decode()} {row['UpdateTime'].decode()}", "%Y%m%d %H:%M:%S"))  # noqa: DTZ007
        + int(row["UpdateMillisec"])
        for row in rows
    ]
    gaps = np.diff(np.array(stamps, dtype=np.int64), prepend=stamps[0] if stamps else 0)
    return np.cumsum(np.clip(gaps, 0, _LONGEST_PAUSE_MS))
