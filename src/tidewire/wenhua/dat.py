"""Reading and writing the bar files of Wenhua's terminals."""

from __future__ import annotations

import mmap
import os
import struct
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from .._native import read_dat as read_records
from ..errors import ConfigError
from ..futures.bars import Bars, Provenance
from ..futures.calendar import Calendar, shipped_calendar
from ..futures.products import price_step
from ..klines import Klines
from ..symbols import Interval
from .clock import OFFSET_S, Stamp, TimeBase, find_stamp, find_time_base
from .layouts import LAYOUTS, Layout, Memory, WenhuaFormatError, body, detect

__all__ = ["Reading", "copy", "decode", "interval_of", "read_dat", "trading_days", "write_dat"]

Seconds = npt.NDArray[np.int64]
Column = npt.NDArray[np.float64]

_COLUMNS = ("open", "high", "low", "close", "volume", "open_interest", "settlement")
_TAIL = 16  # records at the end that may be unsound, being written while we read
_NS = 1_000_000_000
_DAY_S = 86_400
_SAMPLE = 100_000  # rows show what the distance of bars is
_SOME = 10  # distances are enough to contradict a length that is given; sessions' ends make some shorter


class Reading(TypedDict, total=False):
    """What a reader may be told instead of finding it out: see ``read_dat``."""

    layout: str
    tick: Decimal | str | None
    time_base: TimeBase | Literal["auto"]
    stamp: Stamp | Literal["auto"] | None


def read_dat(
    path: str | os.PathLike[str],
    *,
    code: str | None = None,
    interval: Interval | str | None = None,
    calendar: Calendar | None = None,
    **reading: Unpack[Reading],
) -> Bars:
    """Read a bar file; its layout, clock and stamps are found from its content, or refused where they are in doubt.

    ``layout`` names one of ``LAYOUTS`` instead of looking. Files keep 32-bit floats: prices are rounded to ``tick``, or
    to the step that all ticks of the product ``code`` share, and refused if they do not lie on it; without either they
    stay as stored. ``interval`` is found from the distance of bars when not given. ``open_time`` is the bar's beginning
    where the stamp is known (``provenance.facts["stamp"]``), and the file's own time where it is not; ``time_base`` and
    ``stamp`` say what you know of them (``None``: nothing). ``trading_day`` is NaT outside the calendar's years.

    The file is mapped, never changed, and read once. At most 16 unsound records at its end are cut, since a terminal
    may be writing; ``provenance.facts["cut"]`` counts them. Raises ``WenhuaFormatError`` when the layout or the clock
    is not clear, or a record before the end is not sound; ``ConfigError`` for a file that is not there.

    The layouts are as publicly described; they were not compared with a file of the vendor's.
    """
    _check_layout(reading.get("layout", "auto"))
    return decode(_map(path), path, code=code, interval=interval, calendar=calendar, **reading)


def decode(
    memory: Memory,
    source: str | os.PathLike[str],
    *,
    code: str | None = None,
    interval: Interval | str | None = None,
    calendar: Calendar | None = None,
    layout: str = "auto",
    tick: Decimal | str | None = None,
    time_base: TimeBase | Literal["auto"] = "auto",
    stamp: Stamp | Literal["auto"] | None = "auto",
) -> Bars:
    """Read a file's bytes as ``read_dat`` does; ``source`` names them."""
    step = Decimal(tick) if tick is not None else price_step(code) if code is not None else None
    chosen, score = (LAYOUTS[layout], float("nan")) if layout != "auto" else detect(memory)
    times, columns, cut = _records(memory, chosen, step, source)
    length = None if interval is None else Interval.parse(interval)
    daily = _is_daily(times) if length is None else str(length)[-1] in "dwMy"
    if (daily or chosen.name == "daily") and not _is_daily(times):
        raise WenhuaFormatError(f"{os.fspath(source)}: bars of days or more, and not all are whole days apart")
    base = find_time_base(times, daily=daily) if time_base == "auto" else time_base
    local = times + (OFFSET_S if base == "utc" else 0)
    length = length or interval_of(times, daily=daily)
    seconds = 0 if length is None or length.ns is None else length.ns // _NS
    distances = np.diff(times[:_SAMPLE])
    if len(distances) >= _SOME and np.mean(distances < seconds) > 0.5:
        raise WenhuaFormatError(
            f"{os.fspath(source)}: most bars are less than {length} apart, so they are not of {length}"
        )
    found = _stamp(local, length, daily=daily) if stamp == "auto" else stamp
    begins = local - (seconds if found == "end" else 0)
    facts = {
        "layout": chosen.name,
        "layout_known_from": chosen.source,
        "score": f"{score:.4f}",
        "time_base": base,
        "stamp": found or "unknown",
        "cut": str(cut),
        "rounded_to": "nothing" if step is None else f"{step:f}",
    }
    open_time = (begins - OFFSET_S) * _NS
    values: dict[str, Column] = dict(zip(_COLUMNS, columns, strict=True))
    return Bars(
        _klines(open_time, values, code, length),
        end_time=open_time + seconds * _NS,
        trading_day=trading_days(begins, calendar or shipped_calendar(), daily=daily),
        open_interest=values["open_interest"],
        settlement=values["settlement"] if chosen.offsets[-1] >= 0 else None,
        provenance=Provenance("wenhua", os.fspath(source), facts),
    )


def write_dat(
    path: str | os.PathLike[str],
    bars: Bars,
    *,
    layout: str = "intraday",
    time_base: TimeBase = "utc",
    stamp: Stamp = "begin",
) -> None:
    """Write a bar file in one of ``LAYOUTS``, for conversion and tests. Prices become 32-bit floats.

    A file that is there is not overwritten (``ConfigError``): a terminal's own data are never changed.
    """
    _check_layout(layout)
    shape = LAYOUTS[layout]
    klines = bars.klines
    stamps = klines.open_time if stamp == "begin" else bars.end_time
    seconds = stamps // _NS + (OFFSET_S if time_base == "local" else 0)
    records = np.zeros((len(bars), shape.record), np.uint8)
    records[:, :4] = seconds.astype("<u4").view(np.uint8).reshape(-1, 4)
    settlement = klines.close * 0 if bars.settlement is None else bars.settlement
    values = (klines.open, klines.high, klines.low, klines.close, klines.volume, bars.open_interest, settlement)
    for offset, column in zip(shape.offsets, values, strict=True):
        if offset >= 0:
            records[:, offset : offset + 4] = column.astype("<f4").view(np.uint8).reshape(-1, 4)
    header = np.array([len(bars)], "<u4").tobytes() if shape.header else b""
    try:
        with Path(path).open("xb") as file:
            file.write(header + records.tobytes())
    except FileExistsError as error:
        raise ConfigError(f"{os.fspath(path)} is there already, and is not overwritten") from error


def copy(path: str | os.PathLike[str]) -> Memory:
    """Read a file that a terminal may be writing to: mapped, it could neither be cut nor replaced meanwhile."""
    try:
        memory = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ConfigError(f"{os.fspath(path)} cannot be read: {error.strerror}") from error
    if not len(memory):
        raise WenhuaFormatError(f"{os.fspath(path)} is empty")
    return memory


def _check_layout(layout: str) -> None:
    if layout not in (*LAYOUTS, "auto"):
        raise ConfigError(f"there is no layout {layout!r}; there are {', '.join(LAYOUTS)}")


def _map(path: str | os.PathLike[str]) -> Memory:
    try:
        with Path(path).open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise WenhuaFormatError(f"{os.fspath(path)} is empty")
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except OSError as error:
        raise ConfigError(f"{os.fspath(path)} cannot be read: {error.strerror}") from error


def _records(
    memory: Memory, layout: Layout, step: Decimal | None, source: str | os.PathLike[str]
) -> tuple[Seconds, Column, int]:
    """Read every record: times, columns, and how many at the end were cut."""
    records = body(memory, layout)
    rows = len(records) // layout.record
    sign, digits, exponent = (Decimal(0) if step is None else step).as_tuple()
    if sign or not isinstance(exponent, int) or exponent < -18:
        raise ConfigError(f"a tick is a positive number, not {step}")
    units = int("".join(map(str, digits))) * 10 ** max(exponent, 0)
    times, columns = np.empty(rows, np.int64), np.empty((7, rows))
    sound = read_records(records, layout.record, layout.offsets, units, max(-exponent, 0), times, columns)
    if rows - sound > _TAIL or sound == 0:
        raise WenhuaFormatError(f"{os.fspath(source)}: {_told(records, layout, sound, rows, step)}")
    left = (len(memory) - layout.header) // layout.record - rows
    return times[:sound], columns[:, :sound], rows - sound + max(left, 0)


def _told(records: Memory, layout: Layout, row: int, rows: int, step: Decimal | None) -> str:
    """Say what is in a record that is not sound."""
    if not rows:
        return f"there is no record of {layout.name}"
    record = records[row * layout.record : (row + 1) * layout.record].tobytes()
    prices = ", ".join(f"{struct.unpack_from('<f', record, offset)[0]:g}" for offset in layout.offsets[:4])
    on_tick = "" if step is None else f" on a tick of {step}"
    at = layout.header + row * layout.record
    return f"record {row} of {rows}, at byte {at}, is not sound as {layout.name}{on_tick}: its prices are {prices}"


def _stamp(local: Seconds, length: Interval | None, *, daily: bool) -> Stamp | None:
    if not daily:
        return find_stamp(local, 0 if length is None or length.ns is None else length.ns // _NS)
    # Whether weeks and months are stamped with their first day or their last is not known.
    return "begin" if length is not None and str(length) == "1d" else None


def _klines(open_time: Seconds, values: dict[str, Column], code: str | None, interval: Interval | None) -> Klines:
    columns = {"open_time": open_time, **{name: values[name] for name in ("open", "high", "low", "close", "volume")}}
    # What no file tells, one value for all rows: written out it would cost more than reading the file.
    columns["quote_volume"] = np.broadcast_to(np.nan, len(open_time))
    columns["trades"] = np.broadcast_to(np.int64(-1), len(open_time))
    for column in columns.values():
        column.flags.writeable = False
    return Klines.wrap(columns, symbol=code, interval=interval)


def _is_daily(times: Seconds) -> bool:
    # Times rise, so that whole days from the first on are at least a day apart.
    return not np.any((times - times[0]) % _DAY_S)


def interval_of(times: Seconds, *, daily: bool) -> Interval | None:
    """The commonest distance of bars, where that is an interval that we know."""
    if daily:
        return Interval.parse("1d") if len(times) > 1 and int(np.diff(times).min()) == _DAY_S else None
    distances, counts = np.unique(np.diff(times[:_SAMPLE]), return_counts=True)
    if not len(distances):
        return None
    seconds = int(distances[counts.argmax()])
    names = {60: "1m", 180: "3m", 300: "5m", 900: "15m", 1800: "30m", 3600: "1h", 7200: "2h"}
    return Interval.parse(names[seconds]) if seconds in names else None


def trading_days(begins: Seconds, calendar: Calendar, *, daily: bool) -> npt.NDArray[np.datetime64]:
    """The trading day of each bar, by its beginning in China; NaT beyond the calendar."""
    days = (begins + (0 if daily else 6 * 3600)) // _DAY_S
    first = np.flatnonzero(np.diff(days, prepend=-1))  # row of each day
    dates = days[first].astype("datetime64[D]")
    known = _known_days(calendar)
    index = np.searchsorted(known, dates)
    inside = (index < len(known)) & (dates >= known[0].astype("datetime64[Y]").astype("datetime64[D]"))
    found = np.where(inside, known[np.minimum(index, len(known) - 1)], np.datetime64("NaT", "D"))
    return np.repeat(found, np.diff(first, append=len(days)))


@lru_cache(maxsize=8)
def _known_days(calendar: Calendar) -> npt.NDArray[np.datetime64]:
    return np.array(calendar.trading_days, "datetime64[D]")
