"""Trading days and sessions of the Chinese futures exchanges.

Times are China Standard Time, which has had no summer time since 1991. A trading day begins in the evening before: the
night of a Friday, Saturday's small hours included, belongs to the next Monday; before a public holiday there is none.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from datetime import date, datetime, time, timedelta, timezone
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

import msgspec

from ..errors import ConfigError
from .products import Exchange, Grade, listing_day, product, rows

__all__ = ["CHINA", "Calendar", "Session", "shipped_calendar"]

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China Standard Time."""

_DAY = timedelta(days=1)
_FIRST_SESSIONS = date(2015, 1, 1)  # the day sessions of earlier years are not in our tables
_EVENING = time(18)  # nothing is traded between the afternoon's close and the night's first order
_INDEX_FUTURES_SHORTENED = date(2016, 1, 1)  # 09:15-15:15 before
_BOND_FUTURES_SHORTENED = date(2020, 7, 20)  # 09:15 before, 09:30 since
_BONDS = frozenset({"TS", "TF", "T", "TL"})


class Session(msgspec.Struct, frozen=True):
    """One stretch of continuous trading, ``[start, end)`` in China Standard Time, of ``minutes`` whole minutes.

    ``auction`` is when the orders of its opening auction are collected and matched: the minutes before it, or ``None``
    where it merely continues after a break. ``grade`` says how sure its hours are, as a product's does of its terms.
    """

    start: datetime
    end: datetime
    kind: Literal["night", "day"]
    auction: tuple[datetime, datetime] | None = None
    grade: Grade = "V"

    @property
    def minutes(self) -> int:
        """How long it lasts."""
        return int((self.end - self.start) / timedelta(minutes=1))


class _Night(msgspec.Struct, frozen=True):
    """From trading day ``first`` on (or from listing), nights end at ``end``, or are no more."""

    end: time | None
    first: date | None
    grade: Grade


class _Pause(msgspec.Struct, frozen=True):
    """No night on the trading days from ``first`` to ``last``, on one exchange or all."""

    first: date
    last: date
    exchange: str | None = None

    def covers(self, trading_day: date, exchange: str) -> bool:
        """True when there was no night before this trading day."""
        return self.first <= trading_day <= self.last and self.exchange in (None, exchange)


class Calendar:
    """Trading days from ``first`` to ``last``, and the sessions of each product on them.

    Beyond its last year a calendar raises ``ConfigError`` instead of guessing holidays: install a newer release, or
    read a file of your own in the same format with ``Calendar.load``. Sessions are known from 2015 on. ``version`` is
    the day on which its data were last brought up to date. Safe to share between threads.
    """

    def __init__(self, text: str | None = None) -> None:
        text = files("tidewire.futures").joinpath("data", "calendar.txt").read_text("utf-8") if text is None else text
        self.version = date.min
        self._closed: set[date] = set()
        self._years: set[int] = set()
        self._weekend_holidays: set[date] = set()  # evenings
        self._pauses: list[_Pause] = []
        self._late: dict[date, time] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if line and not line.startswith("#"):
                try:
                    self._read(line.split())
                except (ValueError, IndexError, TypeError) as error:
                    raise ConfigError(f"line {number} of the calendar cannot be read: {line!r} ({error})") from error
        if not self._years:
            raise ConfigError("the calendar has no year")
        if self._years != set(range(min(self._years), max(self._years) + 1)):
            raise ConfigError(f"the calendar's years have a hole: {sorted(self._years)}")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a calendar from a file in the format of ``tidewire/futures/data/calendar.txt``."""
        return cls(Path(path).read_text(encoding="utf-8"))

    def __repr__(self) -> str:
        return f"<Calendar {min(self._years)} to {max(self._years)}, version {self.version}>"

    @cached_property
    def trading_days(self) -> tuple[date, ...]:
        """Every trading day, ascending."""
        day, end = date(min(self._years), 1, 1), date(max(self._years), 12, 31)
        count = (end - day).days + 1
        every = (day + offset * _DAY for offset in range(count))
        return tuple(each for each in every if each.weekday() < 5 and each not in self._closed)

    @property
    def first(self) -> date:
        """First trading day known."""
        return self.trading_days[0]

    @property
    def last(self) -> date:
        """Last trading day known."""
        return self.trading_days[-1]

    def is_trading_day(self, day: date) -> bool:
        """Tell whether the exchanges are open; ``ConfigError`` for a year that is not known."""
        self._check(day)
        return day.weekday() < 5 and day not in self._closed

    def next(self, day: date) -> date:
        """Return the first trading day after a day."""
        return self._at(bisect_left(self.trading_days, day + _DAY), day + _DAY)

    def previous(self, day: date) -> date:
        """Return the last trading day before a day."""
        return self._at(bisect_left(self.trading_days, day) - 1, day - _DAY)

    def trading_day_of(self, moment: datetime, product_code: str | None = None) -> date:
        """Return the trading day that a moment belongs to; a naive one is China Standard Time.

        With a product, ``ConfigError`` when that is neither in a session nor in an auction at the moment.
        """
        local = _local(moment)
        # 18:00 counts as the next day, so that a night and the morning after it share a date.
        shifted = (local + (timedelta(days=1) - timedelta(hours=_EVENING.hour))).date()
        day = self._at(bisect_left(self.trading_days, shifted), shifted)
        if product_code is not None and not any(
            each.start <= local < each.end or (each.auction and each.auction[0] <= local < each.auction[1])
            for each in self.sessions(product_code, day)
        ):
            raise ConfigError(f"{product_code} is not traded at {local:%Y-%m-%d %H:%M:%S} (China Standard Time)")
        return day

    def sessions(self, product_code: str, trading_day: date, *, expires: bool = False) -> list[Session]:
        """List a product's sessions on a trading day, night first, in order of time.

        ``expires=True`` gives those of a contract's last trading day, where a bond future stops at 11:30. Raises
        ``ConfigError`` for a day that is no trading day, lies before 2015, or on which the product was not traded.
        """
        if not self.is_trading_day(trading_day):
            raise ConfigError(f"{trading_day} is not a trading day; the next is {self.next(trading_day)}")
        if trading_day < _FIRST_SESSIONS:
            raise ConfigError(f"sessions are known from {_FIRST_SESSIONS} on, not for {trading_day}")
        terms = product(product_code, on=trading_day)
        if terms.exchange == "CFFEX":
            return _financial(terms.code, trading_day, expires)
        night = self._night(terms.code, terms.exchange, trading_day)
        day = [
            _session(trading_day, "09:00", "10:15", None if night and terms.exchange != "DCE" else "08:55"),
            _session(trading_day, "10:30", "11:30"),
            _session(trading_day, "13:30", "15:00"),
        ]
        return [night, *day] if night else day

    def minute_index(self, product_code: str, moment: datetime) -> int | None:
        """Count the session minutes of the trading day before a moment; ``None`` outside every session."""
        local = _local(moment)
        passed = 0
        for each in self.sessions(product_code, self.trading_day_of(local)):
            if each.start <= local < each.end:
                return passed + int((local - each.start) / timedelta(minutes=1))
            passed += each.minutes
        return None

    def is_auction(self, product_code: str, moment: datetime) -> bool:
        """Tell whether an opening auction is being collected or matched at a moment."""
        local = _local(moment)
        found = (each.auction for each in self.sessions(product_code, self.trading_day_of(local)))
        return any(each is not None and each[0] <= local < each[1] for each in found)

    def check(self, trading_day: date, at: datetime) -> str | None:
        """Compare with the trading day that a front gave at login; return the contradiction in words, or ``None``.

        The front is right: a contradiction means that these data are out of date.
        """
        mine = self.trading_day_of(at)
        if mine == trading_day:
            return None
        return (
            f"the front says that {_local(at):%Y-%m-%d %H:%M} belongs to trading day {trading_day}, "
            f"the calendar of {self.version} says {mine}"
        )

    def _read(self, words: list[str]) -> None:
        match words:
            case ["version", day]:
                self.version = date.fromisoformat(day)
            case ["no-night", *days]:
                self._weekend_holidays.update(map(date.fromisoformat, days))
            case ["no-night-for", first, last, *exchange]:
                self._pauses.append(_Pause(date.fromisoformat(first), date.fromisoformat(last), *exchange))
            case ["late-night", day, start]:
                self._late[date.fromisoformat(day)] = time.fromisoformat(start)
            case [year, *days]:
                self._years.add(int(year))
                self._closed.update(date.fromisoformat(f"{int(year):04}-{day}") for day in days)

    def _night(self, code: str, exchange: Exchange, trading_day: date) -> Session | None:
        night = _standing_night(code, trading_day)
        evening = self.previous(trading_day)
        between = ((evening + offset * _DAY) for offset in range(1, (trading_day - evening).days))
        if (
            night is None
            or night.end is None
            or any(each.weekday() < 5 for each in between)  # a public holiday
            or evening in self._weekend_holidays
            or any(each.covers(trading_day, exchange) for each in self._pauses)
        ):
            return None
        start = datetime.combine(evening, time(21), CHINA)
        ends = datetime.combine(evening if night.end >= _EVENING else evening + _DAY, night.end, CHINA)
        if trading_day in self._late:
            start = datetime.combine(evening, self._late[trading_day], CHINA)
        return Session(start, ends, "night", (start - timedelta(minutes=5), start), night.grade)

    def _at(self, index: int, day: date) -> date:
        self._check(day)
        if not 0 <= index < len(self.trading_days):
            raise ConfigError(f"the calendar is of {min(self._years)} to {max(self._years)}; {_HOW_TO_UPDATE}")
        return self.trading_days[index]

    def _check(self, day: date) -> None:
        if day.year not in self._years:
            raise ConfigError(
                f"{day} lies outside the calendar of {min(self._years)} to {max(self._years)} "
                f"(version {self.version}); {_HOW_TO_UPDATE}"
            )


@cache
def shipped_calendar() -> Calendar:
    """Return the calendar of this release, read once."""
    return Calendar()


_HOW_TO_UPDATE = "the exchanges publish a year's holidays in the December before: update tidewire, or Calendar.load(…)"


def _financial(code: str, day: date, expires: bool) -> list[Session]:
    bond = code in _BONDS
    early = day < (_BOND_FUTURES_SHORTENED if bond else _INDEX_FUTURES_SHORTENED)
    opening = ("09:15", "09:10") if early else ("09:30", "09:25")
    morning = _session(day, opening[0], "11:30", opening[1])
    if bond and expires:
        return [morning]
    return [morning, _session(day, "13:00", "15:15" if bond or early else "15:00")]


def _session(day: date, start: str, end: str, auction: str | None = None) -> Session:
    begin, finish = (datetime.combine(day, time.fromisoformat(each), CHINA) for each in (start, end))
    called = None if auction is None else (datetime.combine(day, time.fromisoformat(auction), CHINA), begin)
    return Session(begin, finish, "day", called)


def _standing_night(code: str, trading_day: date) -> _Night | None:
    listed = listing_day(code)
    if listed is not None and trading_day <= listed:
        return None  # no night comes before a product's first morning
    standing = [each for each in _nights().get(code, ()) if each.first is None or each.first <= trading_day]
    return standing[-1] if standing else None


@cache
def _nights() -> dict[str, tuple[_Night, ...]]:
    found: dict[str, tuple[_Night, ...]] = {}
    for codes, end, first, grade in rows("nights.txt"):
        night = _Night(
            None if end == "-" else time.fromisoformat(end),
            None if first == "listed" else date.fromisoformat(first),
            msgspec.convert(grade, Grade),
        )
        for code in codes.split():
            found[code] = (*found.get(code, ()), night)
    return found


def _local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=CHINA) if moment.tzinfo is None else moment.astimezone(CHINA)
