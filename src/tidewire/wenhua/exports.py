"""Bars in text files, as people export them from Wenhua and its like: read tolerantly, guessed at never.

What a file leaves open (encoding, delimiter, columns, whether nights carry natural or trading days) is found from its
content when only one reading fits. Otherwise ``WenhuaFormatError`` says what to state.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..futures.bars import Bars, Provenance
from ..futures.calendar import CHINA, Calendar, shipped_calendar
from ..futures.products import price_step
from ..klines import Klines
from ..symbols import Interval
from .clock import Stamp, find_stamp
from .dat import interval_of, trading_days
from .layouts import WenhuaFormatError

__all__ = ["read_csv", "write_csv"]

Column = npt.NDArray[np.float64]

_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "date": ("日期", "交易日期", "date", "日期时间", "datetime", "trade_date"),
    "time": ("时间", "time"),
    "open": ("开盘", "开盘价", "开", "open"),
    "high": ("最高", "最高价", "高", "high"),
    "low": ("最低", "最低价", "低", "low"),
    "close": ("收盘", "收盘价", "收", "close", "最新价"),
    "volume": ("成交量", "总手", "量", "volume", "vol"),
    "open_interest": ("持仓量", "持仓", "空盘量", "仓", "open_interest", "openinterest", "oi"),
    "settlement": ("结算价", "结算", "settlement", "settle"),
    "turnover": ("成交额", "金额", "turnover", "amount"),
}
_NEEDED: Final = ("date", "open", "high", "low", "close", "volume")
# The two orders in which prices are known to be written.
_ORDERS: Final = (("open", "high", "low", "close"), ("open", "close", "high", "low"))
_DELIMITERS: Final = (",", "\t", ";", "|")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d{2})(\d{2})|(\d{2})(\d{2})(\d{2})(?!\d)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?|(\d{1,2})(\d{2})(\d{2})?")
_EVENING = time(18)


class _Row(NamedTuple):
    """A line's values by column, and where it stood."""

    line: int
    values: Mapping[str, str]


def read_csv(
    path: str | os.PathLike[str],
    *,
    code: str | None = None,
    columns: Sequence[str] | None = None,
    interval: Interval | str | None = None,
    stamp: Stamp | Literal["auto"] = "auto",
    night_date: Literal["natural", "trading", "auto"] = "auto",
    calendar: Calendar | None = None,
) -> Bars:
    """Read bars from a text file in UTF-8 or GB18030, with any of the usual delimiters, with or without a header.

    ``columns`` says what each column is (``date time open high low close volume open_interest settlement turnover``, or
    ``-``), for files without a header whose order is not clear. ``night_date`` says whether bars at night carry the
    natural or the trading day; found from the file, in which times must rise, when not given. ``code`` gives the
    symbol, and the tick that prices must lie on. ``stamp`` as in ``read_dat``.

    Raises ``WenhuaFormatError`` with the line for what cannot be read, and for every doubt; ``ConfigError`` for a file
    that is not there, or columns that make no sense.
    """
    text, encoding = _text(path)
    delimiter, lines = _split(text)
    header, rows = _rows(lines, columns)
    calendar = calendar or shipped_calendar()
    moments, nights = _moments([_moment(row) for row in rows], night_date, calendar)
    local = np.array([int(each.replace(tzinfo=CHINA).timestamp()) for each in moments], np.int64) + 8 * 3600
    daily = not any("time" in row.values for row in rows) and not np.any(local % 86_400)
    length = Interval.parse(interval) if interval is not None else interval_of(local, daily=daily)
    seconds = 0 if length is None or length.ns is None else length.ns // 10**9
    found = ("begin" if daily else find_stamp(local, seconds)) if stamp == "auto" else stamp
    begins = local - (seconds if found == "end" else 0)
    numbers = {name: _numbers(rows, name) for name in rows[0].values if name not in ("date", "time")}
    _check(rows, numbers, code)
    facts = {
        "encoding": encoding,
        "delimiter": {" ": "blanks"}.get(delimiter, delimiter),
        "columns": " ".join(header),
        "night_date": nights,
        "stamp": found or "unknown",
    }
    open_time = (begins - 8 * 3600) * 10**9
    values: dict[str, npt.ArrayLike] = {name: numbers[name] for name in ("open", "high", "low", "close", "volume")}
    if "turnover" in numbers:
        values["quote_volume"] = numbers["turnover"]
    return Bars(
        Klines({"open_time": open_time, **values}, symbol=code, interval=length),
        end_time=open_time + seconds * 10**9,
        trading_day=trading_days(begins, calendar, daily=daily),
        open_interest=numbers.get("open_interest", np.full(len(rows), np.nan)),
        settlement=numbers.get("settlement"),
        provenance=Provenance("wenhua", os.fspath(path), facts),
    )


def write_csv(
    path: str | os.PathLike[str], bars: Bars, *, dialect: Literal["wenhua", "tdx"] = "wenhua", title: str = ""
) -> None:
    """Write bars as Wenhua's export is described, in UTF-8, or as that of 通达信, in GB18030 with titles and a trailer.

    Times are China's, and stamp a bar's beginning. Prices are written in full. A file that is there is not overwritten.
    """
    klines = bars.klines
    names = ["日期", "时间", "开盘", "最高", "最低", "收盘", "成交量", "持仓量"]
    prices = (klines.open, klines.high, klines.low, klines.close, klines.volume, bars.open_interest)
    rows = []
    for at, *values in zip(klines.open_time.tolist(), *(column.tolist() for column in prices), strict=True):
        moment = datetime.fromtimestamp(at // 10**9, CHINA)
        clock = f"{moment:%H:%M}" if dialect == "wenhua" else f"{moment:%H%M}"
        rows.append([f"{moment:%Y/%m/%d}", clock, *(_plain(value) for value in values)])
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if dialect == "tdx":
        out.write(f"{title or klines.symbol or ''}\r\n      {'      '.join(names)}\r\n")
        writer.writerows(rows)
        out.write("数据来源:通达信\r\n")
    else:
        writer.writerows([names, *rows])
    data = out.getvalue().encode("gb18030" if dialect == "tdx" else "utf-8-sig")
    try:
        with Path(path).open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise ConfigError(f"{os.fspath(path)} is there already, and is not overwritten") from error


# Reading.


def _text(path: str | os.PathLike[str]) -> tuple[str, str]:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{os.fspath(path)} cannot be read: {error.strerror}") from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise WenhuaFormatError(f"{os.fspath(path)} is text neither in UTF-8 nor in GB18030")


def _split(text: str) -> tuple[str, list[tuple[int, list[str]]]]:
    """The delimiter, and the fields of every line that begins with a date or could be a header."""
    lines = [(number, line.strip()) for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1) if line.strip()]
    dated = [line for _, line in lines if _DATE.match(line)]
    if not dated:
        raise WenhuaFormatError("no line begins with a date")
    fits = [each for each in _DELIMITERS if len({line.count(each) for line in dated}) == 1 and each in dated[0]]
    delimiter = fits[0] if len(fits) == 1 else " "
    widths = {len(_fields(line, delimiter)) for line in dated}
    if len(fits) > 1 or len(widths) > 1 or widths == {1}:
        raise WenhuaFormatError("what separates the columns is not clear: lines have different numbers of fields")
    return delimiter, [(number, _fields(line, delimiter)) for number, line in lines]


def _fields(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    return [field.strip().strip('"') for field in line.split(delimiter)]


def _rows(lines: list[tuple[int, list[str]]], columns: Sequence[str] | None) -> tuple[list[str], list[_Row]]:
    """Name the columns by a header, as told, or by their content; leave out titles before and trailers after."""
    data = [index for index, (_, fields) in enumerate(lines) if _DATE.fullmatch(fields[0].split(" ")[0])]
    first, last = data[0], data[-1]
    if stray := [lines[index][0] for index in range(first, last) if index not in set(data)]:
        raise WenhuaFormatError(f"line {stray[0]} lies among bars and does not begin with a date")
    table = lines[first : last + 1]
    headers = [names for _, fields in lines[:first] if (names := _header(fields)) is not None]
    told = columns if columns is not None else headers[-1] if headers else _infer([fields for _, fields in table])
    names = list(told)
    if unknown := set(names) - set(_SYNONYMS) - {"-"}:
        raise ConfigError(f"there are no columns {', '.join(sorted(unknown))}; there are {', '.join(_SYNONYMS)}, and -")
    if missing := [name for name in _NEEDED if name not in names]:
        raise WenhuaFormatError(f"columns are missing: {', '.join(missing)}; give columns=")
    rows = []
    for number, fields in table:
        if len(fields) != len(names):
            raise WenhuaFormatError(f"line {number} has {len(fields)} fields, not {len(names)}")
        rows.append(_Row(number, {name: value for name, value in zip(names, fields, strict=True) if name != "-"}))
    return names, rows


def _header(fields: list[str]) -> list[str] | None:
    names = []
    for field in fields:
        word = field.strip().lower()
        names.append(next((name for name, words in _SYNONYMS.items() if word in words), "-"))
    return names if sum(name != "-" for name in names) >= len(_NEEDED) else None


def _infer(table: list[list[str]]) -> list[str]:
    """Name the columns of a file without a header, where only one order of prices is possible."""
    width = len(table[0])
    begin = ["date", "time"] if width > 1 and all(_TIME.fullmatch(fields[1]) for fields in table) else ["date"]
    rest = width - len(begin) - 4
    ends = {1: ["volume"], 2: ["volume", "open_interest"]}
    if rest not in ends:
        raise WenhuaFormatError(f"there is no header, and {width} columns could mean anything; give columns=")
    possible = [order for order in _ORDERS if _is_order(table, len(begin), order)]
    if len(possible) != 1:
        raise WenhuaFormatError("which column is which price is not clear; give columns=")
    return [*begin, *possible[0], *ends[rest]]


def _is_order(table: list[list[str]], first: int, order: tuple[str, ...]) -> bool:
    for fields in table:
        try:
            price = dict(zip(order, map(Decimal, fields[first : first + 4]), strict=True))
        except ArithmeticError:
            return False
        if not _in_order(price):
            return False
    return True


def _in_order(price: Mapping[str, Decimal]) -> bool:
    least, most = sorted((price["open"], price["close"]))
    return price["low"] <= least and most <= price["high"]


def _moment(row: _Row) -> datetime:
    """The date and time of a line, as written."""
    text, clock = row.values["date"], row.values.get("time", "")
    written, _, more = text.partition(" ")
    clock = clock or more
    date_match, time_match = _DATE.fullmatch(written), _TIME.fullmatch(clock) if clock else None
    if date_match is None or (clock and time_match is None):
        raise WenhuaFormatError(f"line {row.line}: {text} {clock} is no date and time")
    year, month, number = (int(part) for part in date_match.groups() if part is not None)
    parts = [int(part) for part in (time_match.groups() if time_match else ()) if part is not None]
    try:
        day = date(year + (2000 if year < 100 else 0), month, number)
        hour, minute, second = [*parts, 0, 0, 0][:3]
        return datetime.combine(day, time(hour, minute, second))
    except ValueError as error:
        raise WenhuaFormatError(f"line {row.line}: {text} {clock}: {error}") from error


def _moments(
    written: list[datetime], night_date: Literal["natural", "trading", "auto"], calendar: Calendar
) -> tuple[list[datetime], str]:
    """The moments on the wall's clock; in one reading they must rise."""
    readings = {"natural": lambda: written, "trading": lambda: [_natural(each, calendar) for each in written]}
    for name in readings if night_date == "auto" else (night_date,):
        moments = readings[name]()
        if all(one < two for one, two in pairwise(moments)):
            return moments, name
    wrong = next(index for index, (one, two) in enumerate(pairwise(written)) if one >= two)
    raise WenhuaFormatError(f"times do not rise: {written[wrong + 1]} comes after {written[wrong]}")


def _natural(moment: datetime, calendar: Calendar) -> datetime:
    """From the trading day, which a bar at night carries, to the day on which it was."""
    if moment.time() >= _EVENING:
        return datetime.combine(calendar.previous(moment.date()), moment.time())
    if moment.time() < time(4):
        return datetime.combine(calendar.previous(moment.date()) + timedelta(days=1), moment.time())
    return moment


def _numbers(rows: list[_Row], name: str) -> Column:
    found = np.empty(len(rows))
    for index, row in enumerate(rows):
        try:
            found[index] = float(row.values[name])
        except ValueError as error:
            raise WenhuaFormatError(f"line {row.line}: {name} is {row.values[name]!r}, which is no number") from error
    return found


def _check(rows: list[_Row], numbers: Mapping[str, Column], code: str | None) -> None:
    """Refuse lines whose prices are not in order, not positive, or off the product's tick."""
    tick = None if code is None else price_step(code)
    for row in rows:
        price = {name: Decimal(row.values[name]) for name in _ORDERS[0]}
        if not _in_order(price) or price["low"] <= 0:
            raise WenhuaFormatError(f"line {row.line}: low, open, close and high are not in order")
        if tick is not None and any(value % tick for value in price.values()):
            raise WenhuaFormatError(f"line {row.line}: a price is no multiple of {code}'s tick of {tick}")
    if np.any(numbers["volume"] < 0):
        raise WenhuaFormatError(f"line {rows[int(np.argmax(numbers['volume'] < 0))].line}: a volume below zero")


def _plain(value: float) -> str:
    """Without an exponent, or a point that says nothing."""
    return f"{Decimal(repr(value)).normalize():f}"
