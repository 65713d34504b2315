"""Klines (OHLCV bars) as columns, and the layouts that tell the compiled decoder where a venue keeps them."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, overload

import msgspec
import numpy as np
import numpy.typing as npt

from ._kline_html import render
from ._native import KlineDecoder, arrow_stream
from .errors import ConfigError, DecodeError
from .models import utc
from .symbols import Interval, Symbol

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Kline", "KlineLayout", "Klines", "decode_klines"]

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[Any]]
ArrowColumn = tuple[bytes, bytes, npt.NDArray[Any], npt.NDArray[Any] | None, int, bool]

_DTYPES: dict[str, type[np.generic]] = {
    "open_time": np.int64,
    **dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), np.float64),
    "trades": np.int64,
}
_FLAGS: dict[str, type[np.generic]] = {"closed": np.bool_}  # kept only where the venue says
_FIELDS = (*_DTYPES, *_FLAGS)  # in the order of the decoder's block


class KlineLayout(msgspec.Struct, frozen=True, kw_only=True):
    """Where the fields of a kline are in a venue's JSON, so that a new venue needs no new decoder.

    Each field is a column number where rows are arrays (``[[1586987400000, "6733.55", …], …]``) or a key where rows
    are objects (``[{"id": 1629769200, "open": 49056.37, …}, …]``), the same kind for all of a layout. Numbers may be
    quoted or bare; rows may come oldest or newest first; what the layout does not name is skipped.

    ``rows`` are the keys that lead from the top of the body to the array of rows: ``("data",)`` for
    ``{"data": [[…], …]}``. ``time_unit`` is the unit of ``open_time``: ``"s" "ms" "us" "ns"``, or ``"iso"`` for
    ISO-8601 text with a zone. ``quote_volume`` (volume in quote currency), ``trades`` (their number) and ``closed``
    (true, ``1`` or ``"1"`` once the bar is final) are ``None`` where the venue has no such field; the first two may
    also be null or missing in single rows.

    Raises ``ConfigError`` for a layout that mixes both kinds, repeats a field, or has a negative column.
    """

    open_time: int | str
    open: int | str
    high: int | str
    low: int | str
    close: int | str
    volume: int | str
    quote_volume: int | str | None = None
    trades: int | str | None = None
    closed: int | str | None = None
    rows: tuple[str, ...] = ()
    time_unit: Literal["s", "ms", "us", "ns", "iso"] = "ms"

    def __post_init__(self) -> None:
        named = [field for field in _places(self) if field is not None]
        if len({type(field) for field in named}) != 1 or not isinstance(named[0], (int, str)):
            raise ConfigError("KlineLayout: give every field as a column number, or every field as a key")
        if len(set(named)) < len(named):
            raise ConfigError(f"KlineLayout: two fields in one place: {named}")
        if any(field == "" or (isinstance(field, int) and not 0 <= field < 2**31) for field in named):
            raise ConfigError(f"KlineLayout: columns count from 0 and keys are not empty: {named}")
        if self.time_unit not in ("s", "ms", "us", "ns", "iso"):
            raise ConfigError(f"KlineLayout: time_unit {self.time_unit!r} is none of s ms us ns iso")
        if not isinstance(self.rows, tuple):
            raise ConfigError(f"KlineLayout: rows is a tuple of keys such as ('data',), not {self.rows!r}")


class Kline(NamedTuple):
    """One bar. ``open_time`` in UTC nanoseconds; the venue does not say a ``quote_volume`` of NaN, ``trades`` of -1."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int


class Klines:
    """Bars of one market in columns, ascending by open time. Immutable; safe to share between threads.

    The columns are read-only NumPy arrays over the decoder's own memory: nothing is copied. ``symbol``, ``interval``
    and ``venue`` are ``None`` when unknown. ``len``, iteration and ``klines[i]`` give single ``Kline`` rows;
    ``klines[a:b]`` is a view. ``to_pandas()``, ``to_polars()``, ``to_arrow()`` and the Arrow PyCapsule interface
    (``__arrow_c_stream__``: DuckDB, Polars, PyArrow, pandas …) give frames.
    """

    __slots__ = ("_columns", "interval", "symbol", "venue")

    def __init__(
        self,
        columns: Mapping[str, npt.ArrayLike],
        *,
        symbol: Symbol | str | None = None,
        interval: Interval | str | None = None,
        venue: str | None = None,
    ) -> None:
        """Make klines of columns of one length, by name; ``quote_volume``, ``trades`` and ``closed`` may be missing.

        The values are copied. Raises ``ConfigError`` for unknown, missing or uneven columns, and unless ``open_time``
        ascends.
        """
        if stray := set(columns) - set(_FIELDS):
            raise ConfigError(f"Klines: no such columns: {', '.join(sorted(stray))}")
        if missing := set(_DTYPES) - set(columns) - {"quote_volume", "trades"}:
            raise ConfigError(f"Klines: columns are missing: {', '.join(sorted(missing))}")
        rows = np.size(columns["open_time"])
        whole = {"quote_volume": np.full(rows, np.nan), "trades": np.full(rows, -1)} | dict(columns)
        own = {name: np.array(whole[name], dtype) for name, dtype in (_DTYPES | _FLAGS).items() if name in whole}
        for name, column in own.items():
            if column.shape != (rows,):
                raise ConfigError(f"Klines: {name} has shape {column.shape}, open_time has {rows} rows")
        if np.any(np.diff(own["open_time"]) < 0):
            raise ConfigError("Klines: open_time must ascend")
        self._fill(_frozen(own), symbol, interval, venue)

    def _fill(
        self, columns: Columns, symbol: Symbol | str | None, interval: Interval | str | None, venue: str | None
    ) -> None:
        self._columns = columns
        self.symbol = symbol
        self.interval = None if interval is None else Interval.parse(interval)
        self.venue = venue

    @classmethod
    def wrap(
        cls,
        columns: Columns,
        *,
        symbol: Symbol | str | None = None,
        interval: Interval | str | None = None,
        venue: str | None = None,
    ) -> Klines:
        """Make klines of read-only arrays that are known to be right, without copying or checking.

        Needs every column that ``__init__`` names except ``closed``, with its dtype.
        """
        self = Klines.__new__(Klines)  # heirs have more columns than these
        self._fill(columns, symbol, interval, venue)
        return self

    @classmethod
    def concat(
        cls,
        parts: Sequence[Klines],
        *,
        symbol: Symbol | str | None = None,
        interval: Interval | str | None = None,
        venue: str | None = None,
    ) -> Klines:
        """Join parts in any order into one, ascending, one bar per open time: that of the latest part that has it.

        ``symbol``, ``interval`` and ``venue`` are taken from the first part unless given.
        """
        if parts:
            symbol = parts[0].symbol if symbol is None else symbol
            interval = parts[0].interval if interval is None else interval
            venue = parts[0].venue if venue is None else venue
        flagged = bool(parts) and all(part.closed is not None for part in parts)
        columns = {
            name: np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in parts)])
            for name, dtype in (_DTYPES | _FLAGS if flagged else _DTYPES).items()
        }
        times = columns["open_time"]
        if not np.all(np.diff(times) > 0):
            order = np.argsort(times, kind="stable")
            keep = order[np.append(np.diff(times[order]) != 0, True)[: len(order)]]
            columns = {name: column[keep] for name, column in columns.items()}
        joined = _frozen(columns)
        return cls.wrap(joined, symbol=symbol, interval=interval, venue=venue)

    @property
    def open_time(self) -> Int64:
        """Open times, int64 UTC nanoseconds, ascending."""
        return self._columns["open_time"]

    @property
    def open(self) -> Float64:
        """Opening prices, float64."""
        return self._columns["open"]

    @property
    def high(self) -> Float64:
        """Highest prices, float64."""
        return self._columns["high"]

    @property
    def low(self) -> Float64:
        """Lowest prices, float64."""
        return self._columns["low"]

    @property
    def close(self) -> Float64:
        """Closing prices, float64."""
        return self._columns["close"]

    @property
    def volume(self) -> Float64:
        """Traded quantity as the venue counts it (spot: base units), float64."""
        return self._columns["volume"]

    @property
    def quote_volume(self) -> Float64:
        """Traded value in quote currency, float64; NaN where the venue does not say."""
        return self._columns["quote_volume"]

    @property
    def trades(self) -> Int64:
        """Number of trades, int64; -1 where the venue does not say."""
        return self._columns["trades"]

    @property
    def closed(self) -> Bool | None:
        """Whether each bar is final, bool; ``None`` where the venue does not flag it."""
        return self._columns.get("closed")

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Stretches ``(start_ns, end_ns)`` without bars between the first and the last, half-open.

        A venue that omits bars without trades (Coinbase) has gaps where nothing traded. Raises ``ConfigError`` when
        ``interval`` is unknown.
        """
        if self.interval is None:
            raise ConfigError("Klines.gaps: the interval is unknown; decode with interval='1m' or the like")
        times = self.open_time
        if self.interval.ns is None:
            due = np.array([self.interval.next(int(time)) for time in times[:-1]], np.int64)
        else:
            due = times[:-1] + self.interval.ns
        late = np.flatnonzero(times[1:] > due)
        return tuple((int(due[i]), int(times[i + 1])) for i in late)

    def between(self, start: int | None = None, end: int | None = None) -> Self:
        """View of the bars that open in ``[start, end)``, UTC nanoseconds; ``None`` leaves a side open."""
        first = 0 if start is None else int(np.searchsorted(self.open_time, start, "left"))
        last = len(self) if end is None else int(np.searchsorted(self.open_time, end, "left"))
        return self[first : max(first, last)]

    def finished(self, now_ns: int) -> Self:
        """View without the bars at the end that still form at ``now_ns`` (UTC nanoseconds, venue time).

        Goes by ``closed`` where the venue flags final bars, else by ``interval``; without either: ``ConfigError``.
        """
        last = len(self)
        while last and not self._is_final(last - 1, now_ns):
            last -= 1
        return self[:last]

    def _is_final(self, row: int, now_ns: int) -> bool:
        if self.closed is not None:
            return bool(self.closed[row])
        if self.interval is None:
            raise ConfigError("Klines.finished: the interval is unknown; decode with interval='1m' or the like")
        return self.interval.next(int(self.open_time[row])) <= now_ns

    def __len__(self) -> int:
        return len(self.open_time)

    @overload
    def __getitem__(self, index: int) -> Kline: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Kline | Self:
        if not isinstance(index, slice):
            return Kline(*(self._columns[name][index].item() for name in _DTYPES))
        if index.step is not None and index.step < 0:
            raise ConfigError("Klines ascend by open time: slice with a positive step")
        return self._cut(index)

    def _cut(self, rows: slice) -> Self:
        cut = type(self).__new__(type(self))
        columns = {name: column[rows] for name, column in self._columns.items()}
        cut._fill(columns, self.symbol, self.interval, self.venue)  # noqa: SLF001 - of this very class
        return cut

    def __iter__(self) -> Iterator[Kline]:
        return map(Kline._make, zip(*(self._columns[name].tolist() for name in _DTYPES), strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Klines):
            return NotImplemented
        same = (self.symbol, self.interval, self.venue) == (other.symbol, other.interval, other.venue)
        return same and all(
            np.array_equal(self._columns[name], getattr(other, name), equal_nan=dtype is np.float64)
            for name, dtype in _DTYPES.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export one record batch without copying: ``open_time`` as timestamp[ns, UTC], unknown values as null.

        See: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
        """
        unknown = {"quote_volume": np.isnan(self.quote_volume), "trades": self.trades < 0}
        columns: list[ArrowColumn] = []
        for name, dtype in _DTYPES.items():
            missing = unknown.get(name)
            nulls = 0 if missing is None else int(missing.sum())
            validity = np.packbits(~missing, bitorder="little") if missing is not None and nulls else None
            kind = b"tsn:UTC" if name == "open_time" else b"g" if dtype is np.float64 else b"l"
            data = np.ascontiguousarray(self._columns[name])
            columns.append((name.encode(), kind, data, validity, nulls, missing is not None))
        return arrow_stream(tuple(columns), len(self))

    def to_arrow(self) -> pyarrow.Table:
        """Return a PyArrow table over the same memory. Needs ``pip install "tidewire[frames]"``."""
        return _frames("pyarrow").RecordBatchReader.from_stream(self).read_all()

    def to_polars(self) -> polars.DataFrame:
        """Return a Polars frame; unknown values are null. Needs ``pip install "tidewire[frames]"``."""
        frame: polars.DataFrame = _frames("polars").DataFrame(self)
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame: ``open_time`` as UTC datetime64[ns], no index set.

        ``trades`` is int64, or nullable Int64 where some are unknown. Needs ``pip install "tidewire[frames]"``.
        """
        library = _frames("pandas")
        data: dict[str, Any] = {name: self._columns[name] for name in _DTYPES}
        data["open_time"] = library.DatetimeIndex(self.open_time.view("datetime64[ns]")).tz_localize("UTC")
        unknown = self.trades < 0
        if unknown.any():
            data["trades"] = library.arrays.IntegerArray(self.trades.copy(), unknown)
        frame: pandas.DataFrame = library.DataFrame(data)  # copied: a frame is there to be changed
        return frame

    def __repr__(self) -> str:
        ends = [f"{utc(int(time)):%Y-%m-%d %H:%M}" for time in self.open_time[[0, -1]]] if len(self) else []
        return f"<{self._title}{': ' if ends else ''}{' … '.join(ends)}>"

    def _repr_html_(self) -> str:
        return render(self._title, {name: self._columns[name] for name in _DTYPES})

    @property
    def _title(self) -> str:
        known = [str(part) for part in (self.venue, self.symbol, self.interval) if part is not None]
        return f"{type(self).__name__} {' '.join(known)}{', ' if known else ''}{len(self)} bars"


def decode_klines(
    body: bytes | bytearray | memoryview,
    layout: KlineLayout,
    *,
    symbol: Symbol | str | None = None,
    interval: Interval | str | None = None,
    venue: str | None = None,
) -> Klines:
    """Decode a venue's kline body into columns, ascending by open time.

    Rows that share an open time are all kept. ``symbol``, ``interval`` and ``venue`` are carried along. Raises
    ``DecodeError`` with the byte offset for anything but sound JSON that has the layout's fields as finite numbers.
    Releases the GIL for bodies of 4 KiB and more; thread-safe.
    """
    try:
        block, capacity, rows, ascending, _ = _decoder(layout).decode(body)
    except DecodeError as error:
        error.venue = venue
        raise
    kept = _DTYPES if layout.closed is None else _DTYPES | _FLAGS
    columns = {n: np.frombuffer(block, kept[n], rows, i * capacity * 8) for i, n in enumerate(kept)}
    if not ascending:
        order = np.argsort(columns["open_time"], kind="stable")
        columns = _frozen({name: column[order] for name, column in columns.items()})
    return Klines.wrap(columns, symbol=symbol, interval=interval, venue=venue)


@functools.lru_cache(maxsize=64)
def _decoder(layout: KlineLayout) -> KlineDecoder:
    return KlineDecoder(_places(layout), layout.rows, layout.time_unit)


def _places(layout: KlineLayout) -> tuple[int | str | None, ...]:
    return tuple(getattr(layout, name) for name in _FIELDS)


def _frozen(columns: Columns) -> Columns:
    for column in columns.values():
        column.flags.writeable = False
    return columns


def _frames(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise ConfigError(f'{library} is not installed: pip install "tidewire[frames]"') from error
