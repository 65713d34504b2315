"""Symbols and intervals: parse, print, compare. Nothing here knows a venue."""

from __future__ import annotations

import datetime as dt
import re
from numbers import Integral
from typing import Literal, SupportsIndex

import msgspec

from .errors import ConfigError

__all__ = ["Interval", "Kind", "Symbol", "Time", "parse_time", "parse_window"]

Kind = Literal["spot", "linear"]
Time = str | SupportsIndex | dt.datetime | dt.date

# An asset is any run without separators: venues list names such as 1000SHIB, and some that are not Latin at all.
_ASSET = r"([^\s/:?&=-]+)"
_PRINTED = re.compile(rf"{_ASSET}-{_ASSET}(?:-(PERP|\d{{6}})(?::{_ASSET})?)?")
_CCXT = re.compile(rf"{_ASSET}/{_ASSET}(?::{_ASSET}(?:-(\d{{6}}))?)?")


class Symbol(msgspec.Struct, frozen=True, order=True, gc=False):
    """A market's name: ``BTC-USDT`` spot, ``BTC-USDT-PERP`` perpetual, ``BTC-USDT-261225`` dated (yymmdd).

    ``settle`` is the currency of profit and loss for derivatives, ``None`` for spot. A contract settled in another
    currency than its quote prints it: ``BTC-USD-PERP:BTC``.
    """

    base: str
    quote: str
    settle: str | None = None
    expiry: str | None = None

    @classmethod
    def parse(cls, text: str | Symbol) -> Symbol:
        """Read ``BTC-USDT``, ``BTC-USDT-PERP``, ``BTC-USDT-261225``, ``BTC/USDT`` or ``BTC/USDT:USDT``.

        Raises ``ConfigError`` for anything else, such as a venue's own ``btcusdt``: only the venue can split that.
        """
        if isinstance(text, Symbol):
            return text
        if not isinstance(text, str):
            raise ConfigError(f"a symbol is text such as 'BTC-USDT', not {type(text).__name__}")
        upper = text.upper()
        if match := _PRINTED.fullmatch(upper):
            base, quote, expiry, settle = match.groups()
            if expiry is None:
                return cls(base, quote)
            return cls(base, quote, settle or quote, None if expiry == "PERP" else expiry)
        if match := _CCXT.fullmatch(upper):
            base, quote, settle, expiry = match.groups()
            return cls(base, quote, settle, expiry)
        raise ConfigError(
            f"cannot read the symbol {text!r}: write spot as 'BTC-USDT', a perpetual as 'BTC-USDT-PERP', "
            "a dated contract as 'BTC-USDT-261225'"
        )

    @property
    def kind(self) -> Kind:
        """``"spot"``, or ``"linear"`` for a contract."""
        return "spot" if self.settle is None else "linear"

    def __str__(self) -> str:
        if self.settle is None:
            return f"{self.base}-{self.quote}"
        tail = "" if self.settle == self.quote else f":{self.settle}"
        return f"{self.base}-{self.quote}-{self.expiry or 'PERP'}{tail}"

    def __repr__(self) -> str:
        return f"Symbol({str(self)!r})"


_UNIT_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9, "w": 7 * 86_400 * 10**9}
_INTERVALS = (
    "1s",
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
    "3M",
    "1y",
)
_MONDAY_NS = 4 * _UNIT_NS["d"]  # 1970-01-05 was the first Monday of the epoch


class Interval(msgspec.Struct, frozen=True, gc=False):
    """A kline's length, written as everywhere: ``1s 1m 3m … 1h … 1d 3d 1w 1M 3M 1y`` (``m`` minute, ``M`` month)."""

    text: str

    @classmethod
    def parse(cls, text: str | Interval) -> Interval:
        """Raise ``ConfigError`` with the list of intervals unless ``text`` is one of them."""
        if isinstance(text, Interval):
            return text
        if text not in _INTERVALS:
            raise ConfigError(f"unknown interval {text!r}: one of {' '.join(_INTERVALS)}")
        return cls(text)

    @property
    def ns(self) -> int | None:
        """Length in nanoseconds; ``None`` for months and years, whose length varies."""
        unit = _UNIT_NS.get(self.text[-1])
        return None if unit is None else int(self.text[:-1]) * unit

    def floor(self, time_ns: int) -> int:
        """Open time (UTC ns) of the bar that contains ``time_ns``. Weeks open on Monday, months on the first."""
        length = self.ns
        if length is not None:
            origin = _MONDAY_NS if self.text[-1] == "w" else 0
            return (time_ns - origin) // length * length + origin
        day = dt.datetime.fromtimestamp(time_ns // 10**9, dt.UTC)
        months = self._months
        index = (day.year * 12 + day.month - 1) // months * months
        return _month_start_ns(index)

    def next(self, open_ns: int) -> int:
        """Open time (UTC ns) of the bar after the one that opens at ``open_ns``."""
        length = self.ns
        if length is not None:
            return open_ns + length
        day = dt.datetime.fromtimestamp(open_ns // 10**9, dt.UTC)
        return _month_start_ns(day.year * 12 + day.month - 1 + self._months)

    def after(self, start_ns: int, bars: int) -> int:
        """End (UTC ns, exclusive) of the stretch in which the next ``bars`` bars from ``start_ns`` on open."""
        if self.ns is not None:
            return start_ns + bars * self.ns
        end = self.floor(start_ns - 1)  # the last open time before the stretch
        for _ in range(bars):
            end = self.next(end)
        return end + 1

    @property
    def _months(self) -> int:
        return int(self.text[:-1]) * (12 if self.text[-1] == "y" else 1)

    def __str__(self) -> str:
        return self.text


def _month_start_ns(index: int) -> int:
    return int(dt.datetime(index // 12, index % 12 + 1, 1, tzinfo=dt.UTC).timestamp()) * 10**9


def parse_time(value: Time | None, name: str = "time") -> int | None:
    """Turn a user's time into UTC nanoseconds.

    Accepts an aware ``datetime``, a ``date`` (its UTC midnight), ISO-8601 text (a bare date is its UTC midnight; a time
    needs an offset or ``Z``) or whole nanoseconds, NumPy's integers included. Raises ``ConfigError`` for naive
    times: guessing a zone is how data goes missing; and for integers that can only be seconds, milliseconds or
    microseconds.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, Integral, dt.datetime, dt.date)):
        raise ConfigError(
            f"{name}: expected a datetime, ISO-8601 text or integer nanoseconds, not {type(value).__name__}"
        )
    if isinstance(value, Integral):
        time_ns = int(value)
        if 0 < abs(time_ns) < 10**17:
            raise ConfigError(f"{name}: integers are UTC nanoseconds; {time_ns} looks like a coarser unit")
        return time_ns
    if isinstance(value, str):
        value = _parse_iso(value, name)
    elif not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if value.tzinfo is None:
        raise ConfigError(
            f"{name}: {value.isoformat()} has no time zone; write datetime(..., tzinfo=UTC) or append 'Z'"
        )
    since = value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def parse_window(start: Time | None, end: Time | None) -> tuple[int | None, int | None]:
    """Turn a half-open window into UTC nanoseconds; raise ``ConfigError`` when nothing can lie in it."""
    first, last = parse_time(start, "start"), parse_time(end, "end")
    if first is not None and last is not None and last <= first:
        raise ConfigError(f"the window is empty: end ({end}) must be after start ({start})")
    return first, last


def _parse_iso(text: str, name: str) -> dt.datetime:
    try:
        if len(text) == 10:
            return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{name}: cannot read {text!r} as ISO-8601, such as '2026-01-31' or '2026-01-31T12:00Z'"
        ) from error
