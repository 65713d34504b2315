"""Parquet: a store of bars and ticks that is a provider, too. Needs ``pip install "tidewire[frames]"``.

One folder a contract and interval, or a contract and trading day; one file a write::

    klines/symbol=SHFE.rb2610/interval=1m/1751331600000000000-1751353140000000000.parquet
    ticks/symbol=SHFE.rb2610/day=2026-07-01/1751331600500000000-1751353199500000000.parquet

A file's name tells its first and last time in UTC nanoseconds. Months are written ``1mo``, because some file systems
take ``1M`` for ``1m``.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, UnknownSymbol
from ..klines import Klines
from ..symbols import Interval
from .bars import Bars, Provenance
from .contracts import Contract
from .symbols import parse_symbol
from .ticks import Ticks

__all__ = ["Parquet"]

_KEY = b"tidewire.provenance"
_FLOATS = ("open", "high", "low", "close", "volume", "quote_volume", "open_interest", "settlement")
Columns = dict[str, npt.NDArray[Any]]


class Parquet:
    """Bars and ticks in Parquet files under a folder, partitioned so that other readers of Parquet find them, too.

    What is stored is never changed: ``write`` adds what is new, and raises ``ConfigError`` when a bar that is stored
    already has other values. Files appear whole or not at all. Any number of readers, one writer at a time. Raises
    ``ConfigError`` where pyarrow is not installed.
    """

    capabilities = frozenset({"fetch_contracts", "fetch_klines", "fetch_ticks"})

    def __init__(self, path: str | os.PathLike[str], *, name: str = "parquet") -> None:
        self.name = name
        self._root = Path(path)
        try:
            self._arrow = importlib.import_module("pyarrow")
            self._files = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise ConfigError('Parquet needs pyarrow: pip install "tidewire[frames]"') from error

    def __repr__(self) -> str:
        return f"Parquet({os.fspath(self._root)!r})"

    def write(self, bars: Bars) -> int:
        """Store bars of one contract and interval; return how many of them are new."""
        if bars.interval is None:
            raise ConfigError("Parquet.write: the interval of the bars is unknown")
        folder = self._klines(_contract_of(bars.symbol), bars.interval)
        if not len(bars):
            return 0
        columns = _columns(bars)
        times = columns["open_time"]
        stored, _ = self._read(folder, int(times[0]), int(times[-1]) + 1)
        fresh = np.ones(len(bars), np.bool_)
        if stored:
            common, at_stored, at_new = np.intersect1d(stored["open_time"], times, return_indices=True)
            for name, column in columns.items():
                other = column[at_new] != stored[name][at_stored]
                if column.dtype.kind in "fM":
                    other &= ~(_unknown(column[at_new]) & _unknown(stored[name][at_stored]))
                if other.any():
                    row = int(other.argmax())
                    raise ConfigError(
                        f"{self!r} has another {name} of {bars.symbol} {bars.interval} at {int(common[row])}: "
                        f"{stored[name][at_stored][row]}, not {column[at_new][row]}"
                    )
            fresh[at_new] = False
        if fresh.any():
            self._save(folder, {name: column[fresh] for name, column in columns.items()}, "open_time", bars.provenance)
        return int(fresh.sum())

    def write_ticks(self, ticks: Ticks) -> int:
        """Store ticks of one contract, which must be later than those that are stored; return how many they are."""
        contract = _contract_of(ticks.symbol)
        if not len(ticks):
            return 0
        parts = sorted((self._root / "ticks" / f"symbol={contract}").glob("day=*/*.parquet"), key=_last)
        if parts and _last(parts[-1]) >= int(ticks.time[0]):
            raise ConfigError(f"{self!r} has ticks of {contract} until {_last(parts[-1])}, later than {ticks.time[0]}")
        for day in np.unique(ticks.columns["trading_day"]):
            rows = ticks.columns["trading_day"] == day
            folder = self._root / "ticks" / f"symbol={contract}" / f"day={day}"
            self._save(folder, {name: column[rows] for name, column in ticks.columns.items()}, "time", ticks.provenance)
        return len(ticks)

    def fetch_contracts(self, product: str) -> list[Contract]:
        """Contracts of a product that bars are stored of."""
        folders = (self._root / "klines").glob("symbol=*")
        found = [parse_symbol(folder.name.partition("=")[2], "canonical") for folder in folders]
        return sorted(each for each in found if isinstance(each, Contract) and each.product == product)

    def fetch_klines(self, contract: Contract, interval: Interval, start: int | None, end: int | None) -> Bars:
        """Bars that are stored."""
        columns, provenance = self._read(self._klines(contract, interval), start, end)
        if not columns:
            raise UnknownSymbol(f"{self!r} has no {interval} bars of {contract} in this window")
        klines = {name: columns[name] for name in ("open_time", *_FLOATS[:6], "trades")}
        known = not np.isnan(columns["settlement"]).all()
        return Bars(
            Klines(klines, symbol=str(contract), interval=interval),
            end_time=columns["end_time"],
            trading_day=columns["trading_day"],
            open_interest=columns["open_interest"],
            settlement=columns["settlement"] if known else None,
            provenance=provenance,
        )

    def fetch_ticks(self, contract: Contract, start: int | None, end: int | None) -> Ticks:
        """Ticks that are stored."""
        columns, provenance = self._read(self._root / "ticks" / f"symbol={contract}", start, end, "day=*/*.parquet")
        if not columns:
            raise UnknownSymbol(f"{self!r} has no ticks of {contract} in this window")
        return Ticks(columns, symbol=str(contract), provenance=provenance)

    def _klines(self, contract: Contract, interval: Interval) -> Path:
        return self._root / "klines" / f"symbol={contract}" / f"interval={str(interval).replace('M', 'mo')}"

    def _save(self, folder: Path, columns: Columns, time: str, provenance: Provenance | None) -> None:
        table = self._arrow.table({name: _to_arrow(self._arrow, name, column) for name, column in columns.items()})
        if provenance is not None:
            table = table.replace_schema_metadata({_KEY: msgspec.json.encode(provenance)})
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{columns[time][0]}-{columns[time][-1]}.parquet"
        draft = path.with_suffix(".tmp")
        self._files.write_table(table, draft)
        draft.replace(path)

    def _read(
        self, folder: Path, start: int | None, end: int | None, pattern: str = "*.parquet"
    ) -> tuple[Columns, Provenance]:
        """Columns of every file that could have something of the window, ascending; none where there is no file."""
        paths = [each for each in sorted(folder.glob(pattern), key=_first) if _within(each, start, end)]
        tables = [self._files.ParquetFile(path).read() for path in paths]
        wrote = dict.fromkeys(_wrote(table.schema.metadata) for table in tables)
        provenance = Provenance(self.name, os.fspath(self._root), {"files": str(len(paths)), "from": "; ".join(wrote)})
        if not tables:
            return {}, provenance
        columns = {name: _from_arrow(tables, name) for name in tables[0].column_names}
        time = columns["open_time" if "open_time" in columns else "time"]
        order = np.argsort(time, kind="stable")
        inside = order[(time[order] >= (start or -(2**63))) & (time[order] < (end or 2**63 - 1))]
        return ({name: column[inside] for name, column in columns.items()} if len(inside) else {}), provenance


def _contract_of(symbol: object) -> Contract:
    found = parse_symbol(str(symbol), "canonical") if symbol is not None else None
    if not isinstance(found, Contract):
        raise ConfigError(f"only frames of one contract are stored, named as 'SHFE.rb2610', not {symbol!r}")
    return found


def _columns(bars: Bars) -> Columns:
    unknown = np.full(len(bars), np.nan)
    names = ("open_time", *_FLOATS[:6], "trades", "end_time", "trading_day", "open_interest")
    columns = {name: getattr(bars, name) for name in names}
    return {**columns, "settlement": unknown if bars.settlement is None else bars.settlement}


def _to_arrow(arrow: Any, name: str, column: npt.NDArray[Any]) -> Any:
    if name in ("open_time", "end_time", "time"):
        return arrow.array(column.view("M8[ns]"), arrow.timestamp("ns", "UTC"))
    return arrow.array(column)


def _from_arrow(tables: list[Any], name: str) -> npt.NDArray[Any]:
    columns = [table.column(name).to_numpy() for table in tables]
    column = np.concatenate(columns)
    if name == "trading_day":
        return column.astype("M8[D]")
    return column.view(np.int64) if column.dtype.kind == "M" else column


def _wrote(metadata: Mapping[bytes, bytes] | None) -> str:
    """Who made what a file has."""
    if metadata is None or _KEY not in metadata:
        return "unknown"
    told = msgspec.json.decode(metadata[_KEY], type=Provenance)
    return f"{told.provider} {told.source}".rstrip()


def _unknown(column: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    unknown: npt.NDArray[np.bool_] = np.isnat(column) if column.dtype.kind == "M" else np.isnan(column)
    return unknown


def _within(path: Path, start: int | None, end: int | None) -> bool:
    return (start is None or _last(path) >= start) and (end is None or _first(path) < end)


def _first(path: Path) -> int:
    return int(path.stem.partition("-")[0])


def _last(path: Path) -> int:
    return int(path.stem.partition("-")[2])
