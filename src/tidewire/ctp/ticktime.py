"""Repair the times of China's exchanges.

At night each exchange writes another of the two days wrongly (facts as of 2026: the vendor's manual 6.7.8 and users'
reports):

=========  ======================  ======================
exchange   TradingDay at night     ActionDay at night
=========  ======================  ======================
SHFE, INE  the trading day         the natural day
DCE        the trading day         *the trading day*
CZCE       *the natural day*       the natural day
=========  ======================  ======================

No calendar is needed to repair them. There is no night session on the eve of a public holiday, so the evening that
belongs to a trading day is always that of the last weekday before it, and the evening of a weekday always belongs to
the next weekday. China has kept UTC+8 without summer time since 1991.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Stamp", "china_ns", "parse_day", "parse_seconds", "repair", "repair_texts"]

_DAY_S = 86_400
_CHINA_S = 8 * 3600
# Evening sessions begin at 21:00, their auction at 20:55, and fronts send snapshots from about 19:00 on; day sessions
# end at 15:15 and settlement is over by 18:00. Night sessions end at 02:30.
_EVENING_S = 18 * 3600
_MORNING_S = 6 * 3600


class Stamp(NamedTuple):
    """When a snapshot was taken: the day it counts for, its natural day in China, and UTC nanoseconds."""

    trading_day: dt.date | None
    action_day: dt.date | None
    time_ns: int | None


@lru_cache(maxsize=64)
def parse_day(text: str) -> dt.date | None:
    """Date of ``YYYYMMDD``, or ``None`` for the blanks and zeros that fronts send for none."""
    if len(text) != 8 or not text.isdecimal():
        return None
    try:
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def parse_seconds(text: str) -> int | None:
    """Seconds since midnight of ``HH:MM:SS``, or ``None``."""
    try:
        hours, minutes, seconds = int(text[:2]), int(text[3:5]), int(text[6:8])
    except ValueError:
        return None
    if len(text) != 8 or not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 60):
        return None
    return hours * 3600 + minutes * 60 + seconds


def china_ns(day: dt.date, seconds: int) -> int:
    """UTC nanoseconds of a day and a time of day in China."""
    return (_midnight_s(day) + seconds) * 10**9


def repair(exchange: str, trading_day: dt.date | None, action_day: dt.date | None, seconds: int | None) -> Stamp:
    """Find the true days of a time, given the days as the front wrote them.

    A night snapshot with two equal days has one that is wrong: CZCE's trading day, anybody else's natural day.
    ``exchange`` may be empty for any other than CZCE.
    """
    if seconds is None:
        return Stamp(trading_day, action_day, None)
    trading, natural = trading_day, action_day
    if trading == natural and not _MORNING_S <= seconds < _EVENING_S:
        if exchange == "CZCE":
            trading = None
        else:
            natural = None
    if trading is None and natural is not None:
        trading = _trading_day_of(natural, seconds)
    elif natural is None and trading is not None:
        natural = _natural_day_of(trading, seconds)
    time_ns = None if natural is None else china_ns(natural, seconds)
    return Stamp(trading, natural, time_ns)


@lru_cache(maxsize=4096)
def repair_texts(exchange: str, trading_day: str, action_day: str, clock: str) -> Stamp:
    """As ``repair``, of what a front wrote; remembered, because all instruments share their seconds."""
    return repair(exchange, parse_day(trading_day), parse_day(action_day), parse_seconds(clock))


@lru_cache(maxsize=64)
def _midnight_s(day: dt.date) -> int:
    return (day.toordinal() - dt.date(1970, 1, 1).toordinal()) * _DAY_S - _CHINA_S


def _natural_day_of(trading_day: dt.date, seconds: int) -> dt.date:
    if _MORNING_S <= seconds < _EVENING_S:
        return trading_day
    evening = _weekday(trading_day, -1)
    return evening if seconds >= _EVENING_S else evening + dt.timedelta(days=1)


def _trading_day_of(natural_day: dt.date, seconds: int) -> dt.date:
    if seconds >= _EVENING_S:
        return _weekday(natural_day, 1)
    if seconds < _MORNING_S:  # the night of the day before
        return _weekday(natural_day - dt.timedelta(days=1), 1)
    return natural_day


@lru_cache(maxsize=64)
def _weekday(day: dt.date, step: int) -> dt.date:
    """The nearest Monday to Friday after (1) or before (-1) a day."""
    day += dt.timedelta(days=step)
    while day.weekday() >= 5:
        day += dt.timedelta(days=step)
    return day
