"""Snapshots of one contract in columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from .bars import Provenance

__all__ = ["Ticks"]

_DTYPES: Mapping[str, str] = {
    "time": "i8",
    "last": "f8",
    "volume": "i8",
    "turnover": "f8",
    "open_interest": "f8",
    "bid": "f8",
    "bid_quantity": "i8",
    "ask": "f8",
    "ask_quantity": "i8",
    "trading_day": "M8[D]",
}


class Ticks:
    """Snapshots, ascending by time; several may share one. Immutable; safe to share.

    ``columns``, read-only: ``time`` (int64 UTC nanoseconds), ``last``, ``bid``, ``ask`` (float64, NaN for none),
    ``volume`` (int64 lots), ``turnover`` (float64 yuan) and ``open_interest`` (float64 lots), which are the trading
    day's so far, ``bid_quantity``, ``ask_quantity`` (int64 lots), ``trading_day`` (datetime64[D]). The first five are
    what ``BarBuilder.add`` takes: ``builder.add(*ticks.for_bars)``.
    """

    __slots__ = ("columns", "provenance", "symbol")

    def __init__(
        self, columns: Mapping[str, npt.ArrayLike], *, symbol: str | None = None, provenance: Provenance | None = None
    ) -> None:
        """Copy columns; ``ConfigError`` for missing, unknown or uneven ones, and unless times ascend."""
        if set(columns) != set(_DTYPES):
            raise ConfigError(f"Ticks: the columns are {', '.join(_DTYPES)}, not {', '.join(columns)}")
        own: dict[str, npt.NDArray[Any]] = {name: np.array(columns[name], dtype) for name, dtype in _DTYPES.items()}
        shapes = {column.shape for column in own.values()}
        if shapes != {(np.size(columns["time"]),)}:
            raise ConfigError(f"Ticks: columns are of one length, not {sorted(shapes)}")
        if np.any(np.diff(own["time"]) < 0):
            raise ConfigError("Ticks: time must ascend")
        for column in own.values():
            column.flags.writeable = False
        self.columns = own
        self.symbol = symbol
        self.provenance = provenance

    @property
    def time(self) -> npt.NDArray[np.int64]:
        """Times, int64 UTC nanoseconds."""
        return self.columns["time"]

    @property
    def for_bars(self) -> tuple[npt.NDArray[Any], ...]:
        """Time, price, volume, turnover and open interest: what ``BarBuilder.add`` takes."""
        return tuple(self.columns[name] for name in ("time", "last", "volume", "turnover", "open_interest"))

    def between(self, start: int | None = None, end: int | None = None) -> Ticks:
        """Snapshots of ``[start, end)``, UTC nanoseconds; ``None`` leaves a side open."""
        first = 0 if start is None else int(np.searchsorted(self.time, start))
        last = len(self) if end is None else int(np.searchsorted(self.time, end))
        rows = {name: column[first : max(first, last)] for name, column in self.columns.items()}
        return Ticks(rows, symbol=self.symbol, provenance=self.provenance)

    def labelled(self, *, symbol: str, provenance: Provenance) -> Ticks:
        """Return the same ticks under another name and provenance."""
        return Ticks(self.columns, symbol=symbol, provenance=provenance)

    def __len__(self) -> int:
        return len(self.time)

    def __repr__(self) -> str:
        return f"<Ticks {self.symbol or ''}, {len(self)}>"
