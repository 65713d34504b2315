"""Klines as text, tables and files."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import msgspec
import numpy as np
from rich.console import Group
from rich.text import Text

import tidewire as tw

from .output import table
from .plot import plot

__all__ = ["COLUMNS", "picture", "write_csv", "write_json", "writer"]

COLUMNS = ("open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades")
_SHOWN = ("open (UTC)", "open", "high", "low", "close", "volume", "trades")
_CHUNK = 10_000

Writer = Callable[[tw.Klines, Path], None]


def rows(klines: tw.Klines) -> Iterator[tuple[Any, ...]]:
    """Yield rows with ISO-8601 times (UTC) and ``None`` for what the venue does not say, a chunk at a time."""
    for begin in range(0, len(klines), _CHUNK):
        part = klines[begin : begin + _CHUNK]
        times = np.datetime_as_string(part.open_time.view("M8[ns]"), unit="s")
        prices = (getattr(part, name).tolist() for name in COLUMNS[1:6])
        quoted = (None if volume != volume else volume for volume in part.quote_volume.tolist())
        trades = (None if count < 0 else count for count in part.trades.tolist())
        yield from zip((f"{time}Z" for time in times), *prices, quoted, trades, strict=True)


def write_csv(klines: tw.Klines, file: TextIO) -> None:
    """Write a header and a line per kline."""
    out = csv.writer(file, lineterminator="\n")
    out.writerow(COLUMNS)
    out.writerows(rows(klines))


def write_json(klines: tw.Klines, file: TextIO) -> None:
    """Write an array with an object per kline, one a line."""
    lines = (msgspec.json.encode(dict(zip(COLUMNS, row, strict=True))).decode() for row in rows(klines))
    file.write("[" + ",\n".join(lines) + "]\n")


def writer(path: Path) -> Writer:
    """Return what writes a file of this kind; raise ``ConfigError`` before anything has been fetched in vain."""
    if not path.parent.is_dir():
        raise tw.ConfigError(f"{path}: there is no folder {path.parent}")
    match path.suffix.lower():
        case ".csv":
            return lambda klines, to: _as_text(write_csv, klines, to)
        case ".json":
            return lambda klines, to: _as_text(write_json, klines, to)
        case ".parquet":
            if importlib.util.find_spec("pyarrow"):
                return _parquet_by_arrow
            if importlib.util.find_spec("polars"):
                return lambda klines, to: klines.to_polars().write_parquet(to)
            raise tw.ConfigError('a .parquet file needs pyarrow or polars: pip install "tidewire[frames]"')
    raise tw.ConfigError(f"{path}: the name must end in .csv, .json or .parquet")


def picture(klines: tw.Klines, width: int, *, ends: int = 5) -> Group:
    """Return the first and last rows, and a chart of the closes."""
    short = len(klines) <= 2 * ends
    shown = rows(klines) if short else (*rows(klines[:ends]), *rows(klines[-ends:]))
    cells: list[tuple[str, ...]] = [
        (time[:-4].replace("T", " "), *(f"{price:.10g}" for price in prices), f"{volume:.6g}", trades)
        for time, *prices, volume, _, trades in shown
    ]
    if not short:
        cells.insert(ends, ("…",) * len(_SHOWN))
    title = f"{klines.symbol} {klines.interval} at {klines.venue}: {len(klines):,} klines"
    sheet = table(*_SHOWN, rows=cells, title=title, numbers=" ".join(_SHOWN[1:]))
    if len(klines) < 2:
        return Group(sheet)
    closes = klines.close.tolist()
    chart = Text("\n".join(plot(closes, width, height=6)), style="cyan", no_wrap=True)
    return Group(sheet, "", chart, Text(f"close {closes[0]:.10g} → {closes[-1]:.10g}", style="dim"))


def _as_text(write: Callable[[tw.Klines, TextIO], None], klines: tw.Klines, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write(klines, file)


def _parquet_by_arrow(klines: tw.Klines, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(klines.to_arrow(), path)
