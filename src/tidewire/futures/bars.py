"""Bars from ticks, by the rules that Chinese futures need: auctions, breaks, nights, closing ticks, trading days.

A tick is a snapshot, twice a second, with the trading day's running totals. The calendar says which stretch of time
belongs to which bar; the compiled kernel does the rest, the same for a whole day at once as for one tick at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt

from .._native import BarKernel
from ..errors import ConfigError
from ..klines import Klines
from ..symbols import Interval
from .calendar import CHINA, Calendar, Session, shipped_calendar
from .products import product

if TYPE_CHECKING:
    import pandas

__all__ = ["BarBuilder", "BarStats", "Bars", "Provenance"]

_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
_DAY_ENDS = 18 * 3600 * 1_000_000_000  # nanoseconds after midnight; what comes later is the next day's
_GRACE_S = 5.0  # closing ticks are stamped up to so much after the close
_ROW = np.dtype(
    [
        ("bar", "i8"),
        ("open", "f8"),
        ("high", "f8"),
        ("low", "f8"),
        ("close", "f8"),
        ("volume", "i8"),
        ("turnover", "f8"),
        ("open_interest", "f8"),
        ("ticks", "i8"),
    ]
)
# The columns of bars: their type, and where they come from: a field of the kernel's rows, or start, end or day.
_COLUMNS: Final[Mapping[str, tuple[str, str | int]]] = {
    "open_time": ("i8", 0),
    **{name: ("f8", name) for name in ("open", "high", "low", "close", "volume")},
    "quote_volume": ("f8", "turnover"),
    "trades": ("i8", "ticks"),
    "end_time": ("i8", 1),
    "trading_day": ("i8", 2),
    "open_interest": ("f8", "open_interest"),
}
_KLINES = tuple(_COLUMNS)[:8]
_Table = npt.NDArray[np.void]
_Spans = npt.NDArray[np.int64]
_AHEAD = timedelta(days=16)
_UTC_EPOCH = datetime(1970, 1, 1, tzinfo=CHINA) + timedelta(hours=8)


class Provenance(msgspec.Struct, frozen=True):
    """Where bars come from: the provider, its source (a path, a front), and what was found or assumed on the way."""

    provider: str
    source: str
    facts: dict[str, str] = {}


class BarStats(msgspec.Struct, frozen=True, kw_only=True):
    """What a builder did not use, in snapshots, and why; ``missed_volume`` (lots) was traded before the first one."""

    outside: int
    late: int
    shrinking: int
    unpriced: int
    missed_volume: int


class Bars(Klines):
    """Klines of one contract, with what futures have besides; wherever ``Klines`` go, these go.

    open_time is int64 UTC nanoseconds, volume in lots, quote_volume the turnover in yuan, trades the snapshots with new
    volume. ``end_time`` is int64 UTC nanoseconds, exclusive; ``trading_day`` datetime64[D]; ``open_interest`` float64
    lots at the bar's end; ``settlement`` prices, where there are any; ``provenance`` says where they come from, if
    known. ``klines`` are the same bars without these. Arrays are read-only. Immutable; safe to share.
    """

    __slots__ = ("end_time", "open_interest", "provenance", "settlement", "trading_day")

    def __init__(
        self,
        klines: Klines,
        *,
        end_time: npt.NDArray[np.int64],
        trading_day: npt.NDArray[np.datetime64],
        open_interest: npt.NDArray[np.float64],
        settlement: npt.NDArray[np.float64] | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self._fill(klines._columns, klines.symbol, klines.interval, klines.venue)  # noqa: SLF001 - of our own base
        self.settlement = settlement
        self.provenance = provenance
        self.end_time = end_time
        self.trading_day = trading_day
        self.open_interest = open_interest
        for column in (end_time, trading_day, open_interest, settlement):
            if column is not None:
                column.flags.writeable = False

    @property
    def klines(self) -> Klines:
        """The columns that every market has, over the same memory."""
        return Klines.wrap(self._columns, symbol=self.symbol, interval=self.interval, venue=self.venue)

    def _cut(self, rows: slice) -> Self:
        cut = super()._cut(rows)
        for name in ("end_time", "trading_day", "open_interest"):
            setattr(cut, name, getattr(self, name)[rows])
        cut.settlement = None if self.settlement is None else self.settlement[rows]
        cut.provenance = self.provenance
        return cut

    def labelled(self, *, symbol: str, interval: Interval | None, venue: str | None, provenance: Provenance) -> Bars:
        """Return the same bars under another name and provenance, without copying."""
        return Bars(
            Klines.wrap(self._columns, symbol=symbol, interval=interval, venue=venue),
            end_time=self.end_time,
            trading_day=self.trading_day,
            open_interest=self.open_interest,
            settlement=self.settlement,
            provenance=provenance,
        )

    @classmethod
    def concat(cls, parts: Sequence[Bars]) -> Bars:  # type: ignore[override]
        """Join bars that follow each other; ``ConfigError`` unless each part begins after the one before."""
        if not parts:
            raise ConfigError("Bars.concat: there is nothing to join")
        filled = [part for part in parts if len(part)]
        if any(before.open_time[-1] >= after.open_time[0] for before, after in pairwise(filled)):
            raise ConfigError("Bars.concat: parts overlap; tidewire.futures.join compares what they have in common")
        return cls(
            Klines.concat(parts),
            end_time=np.concatenate([part.end_time for part in parts]),
            trading_day=np.concatenate([part.trading_day for part in parts]),
            open_interest=np.concatenate([part.open_interest for part in parts]),
            settlement=_joined([part.settlement for part in parts]),
            provenance=parts[0].provenance if all(p.provenance == parts[0].provenance for p in parts) else None,
        )

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with all columns; times are China Standard Time. Needs ``tidewire[frames]``."""
        frame = super().to_pandas()
        frame["open_time"] = frame["open_time"].dt.tz_convert("Asia/Shanghai")
        frame.insert(1, "trading_day", self.trading_day)
        frame["open_interest"] = self.open_interest
        return frame


class BarBuilder:
    """Makes bars of one product from its contract's ticks, all at once or as they come. For one thread at a time.

    ``interval`` is ``"1m"``, ``"5m"``, ``"1h"`` and the like, or ``"1d"`` for trading days (night first). ``align``
    tells where bars of several minutes are cut: ``"session"`` counts the minutes traded, across breaks (10:00–10:15 and
    10:30–10:45 are one half hour); ``"clock"`` cuts at full multiples of the clock, so that breaks make short bars.
    ``fill="flat"`` writes bars without a trade at the last price, ``"skip"`` leaves them out.

    Opening auctions belong to the first bar of their session; ticks stamped at a session's end, or up to ``grace_s``
    seconds after, to its last. A tick's volume is what its running total has grown by; the total begins anew with each
    trading day, so no volume is lost between ticks, and the day's bars sum to its total. Ticks outside every session
    (yesterday's snapshot at login), that go back in time, or whose total shrinks are left out and counted in ``stats``.
    ``symbol`` and ``provenance`` are what the bars carry.
    """

    def __init__(
        self,
        product_code: str,
        interval: Interval | str = "1m",
        *,
        calendar: Calendar | None = None,
        align: Literal["session", "clock"] = "session",
        fill: Literal["skip", "flat"] = "skip",
        grace_s: float = _GRACE_S,
        symbol: str | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self.product = product(product_code).code
        self.interval = Interval.parse(interval)
        self.symbol = symbol
        self._minutes = _minutes(self.interval)
        self._calendar = calendar or shipped_calendar()
        if align not in ("session", "clock"):
            raise ConfigError(f"align is 'session' or 'clock', not {align!r}")
        if fill not in ("skip", "flat"):
            raise ConfigError(f"fill is 'skip' or 'flat', not {fill!r}")
        if not 0 <= grace_s < 60:
            raise ConfigError(f"grace_s is from 0 to under 60 seconds, not {grace_s!r}")
        self._align = align
        self._grace = timedelta(seconds=grace_s)
        self._kernel = BarKernel(flat=fill == "flat")
        self._day: date | None = None  # the last whose slots the kernel has
        self._horizon = -(2**63)  # where that day ends
        self._count = 0  # of bars until then
        self._shapes: dict[object, _Shape] = {}
        self._none: Bars | None = None
        self._provenance = provenance or Provenance("BarBuilder", "ticks", {"align": align, "fill": fill})
        self._ended: list[tuple[_Table, _Spans]] = []  # bars, and the start, end and day of each
        self._spans = np.empty((0, 3), np.int64)  # of the bars from number `_first_span` on, which have not ended
        self._first_span = 0

    @property
    def stats(self) -> BarStats:
        """What was not used so far."""
        outside, late, shrinking, unpriced, missed_volume = self._kernel.counters
        return BarStats(outside=outside, late=late, shrinking=shrinking, unpriced=unpriced, missed_volume=missed_volume)

    def add(
        self,
        times: npt.ArrayLike,
        price: npt.ArrayLike,
        volume: npt.ArrayLike,
        turnover: npt.ArrayLike,
        open_interest: npt.ArrayLike,
    ) -> Bars:
        """Take ticks as columns, or one as five numbers; return the bars that they ended.

        ``times`` in UTC nanoseconds; ``volume`` (lots) and ``turnover`` (yuan) are the trading day's totals so far. A
        price of NaN or of the largest double is none. Raises ``ConfigError`` for uneven columns, and for a time beyond
        the calendar: ticks from there on are not taken, and bars that those before it ended come with the next call.
        """
        moments = np.atleast_1d(np.ascontiguousarray(times, np.int64))
        columns = [
            np.atleast_1d(np.ascontiguousarray(column, kind))
            for column, kind in ((price, float), (volume, np.int64), (turnover, float), (open_interest, float))
        ]
        if any(column.shape != moments.shape for column in columns) or moments.ndim != 1:
            raise ConfigError(f"ticks are columns of one length, not {[moments.shape, *(c.shape for c in columns)]}")
        if len(moments) and moments[-1] >= self._horizon:
            self._calendar.trading_day_of(_moment(int(moments[-1])))  # raises before any is taken
        taken = 0
        while taken < len(moments):
            self._prepare(int(moments[taken]), int(moments[-1]))
            rows, ended = self._kernel.add(moments[taken:], *(column[taken:] for column in columns))
            taken += rows
            self._keep(ended)
        return self._bars()

    def advance(self, now: int) -> Bars:
        """End every bar that is over at ``now`` (UTC nanoseconds), whether or not a tick came; return them.

        A bar at the end of a session is over ``grace_s`` after it. Call this by a timer to have bars in time.
        """
        if self._day is not None:
            self._prepare(now, now)
        self._keep(self._kernel.advance(now))
        return self._bars()

    def finish(self) -> Bars:
        """End the bar in the making and return it, or no bar."""
        self._keep(self._kernel.finish())
        return self._bars()

    def _keep(self, rows: memoryview) -> None:
        """Put bars that have ended aside, with where they begin and end."""
        if not rows:
            return
        table = np.frombuffer(rows, _ROW)
        at = table["bar"] - self._first_span
        self._ended.append((table, self._spans[at]))
        over = int(at[-1]) + 1
        self._spans, self._first_span = self._spans[over:], self._first_span + over

    def _bars(self) -> Bars:
        """All bars that were put aside."""
        if not self._ended and self._none is not None:
            return self._none  # most ticks end no bar
        tables = [table for table, _ in self._ended] or [np.empty(0, _ROW)]
        spans = [span for _, span in self._ended] or [np.empty((0, 3), np.int64)]
        # One block for all columns: a fresh page costs more than what is written into it, and large blocks have few.
        block = np.empty((len(_COLUMNS), sum(map(len, tables))))
        columns: dict[str, npt.NDArray[Any]] = {}
        for row, (name, (kind, source)) in zip(block, _COLUMNS.items(), strict=True):
            column = row.view(kind)
            parts = [span[:, source] for span in spans] if isinstance(source, int) else [t[source] for t in tables]
            columns[name] = np.concatenate(parts, out=column)
            column.flags.writeable = False
        bars = Bars(
            Klines.wrap({name: columns[name] for name in _KLINES}, symbol=self.symbol, interval=self.interval),
            end_time=columns["end_time"],
            trading_day=columns["trading_day"].view("datetime64[D]"),
            open_interest=columns["open_interest"],
            provenance=self._provenance,
        )
        if not self._ended:
            self._none = bars
        self._ended.clear()
        return bars

    def _prepare(self, moment: int, latest: int) -> None:
        """Give the kernel the slots of the trading days up to a moment, and of some more if they come up to ``latest``.

        Not of all at once: a history of years has more slots than the processor's cache can hold.
        """
        if moment < self._horizon:
            return
        day = self._calendar.trading_day_of(_moment(moment))
        last = min(self._calendar.trading_day_of(_moment(latest)), day + _AHEAD) if latest > moment else day
        parts = [self._spans]
        while self._day is None or self._day < max(day, last):
            parts.append(self._add_day(day if self._day is None else self._calendar.next(self._day)))
        self._spans = np.concatenate(parts)

    def _add_day(self, day: date) -> _Spans:
        sessions = self._calendar.sessions(self.product, day)
        midnight = datetime.combine(day, time.min, CHINA)
        key = tuple((each.start - midnight, each.end - midnight, each.auction is None) for each in sessions)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = self._shape(sessions, midnight)
        at, number = _ns(midnight), (day - date(1970, 1, 1)).days
        self._horizon = at + _DAY_ENDS
        self._kernel.extend(shape.slots + np.array([at, at, self._count, number]), self._horizon)
        self._day = day
        self._count += len(shape.bars)
        spans: _Spans = shape.bars + np.array([at, at, number])
        return spans

    def _shape(self, sessions: list[Session], midnight: datetime) -> _Shape:
        """Which stretches of a trading day belong to which bar, in nanoseconds from its midnight."""
        slots: list[tuple[int, int, int, int]] = []
        bars: list[tuple[int, int, int]] = []
        passed, cut = 0, None
        for session in sessions:
            begin = session.start
            while begin < session.end:
                key = self._key(session, begin, passed)
                end = begin + _MINUTE
                while end < session.end and self._key(session, end, passed) == key:
                    end += _MINUTE
                opens = session.auction[0] if session.auction and begin == session.start else begin
                closes = end + self._grace if end == session.end else end
                start = bars.pop()[0] if key == cut else (begin - midnight) // _MICROSECOND
                bars.append((start, (end - midnight) // _MICROSECOND, 0))
                slots.append(
                    ((opens - midnight) // _MICROSECOND, (closes - midnight) // _MICROSECOND, len(bars) - 1, 0)
                )
                begin, cut = end, key
            passed += session.minutes
        nanoseconds = 1000  # timedeltas count microseconds
        return _Shape(
            np.array(slots, np.int64) * np.array([nanoseconds, nanoseconds, 1, 1]),
            np.array(bars, np.int64) * np.array([nanoseconds, nanoseconds, 1]),
        )

    def _key(self, session: Session, minute: datetime, passed: int) -> object:
        """Tell bars of one trading day apart."""
        if self._minutes is None:
            return 0
        if self._align == "session":
            return (passed + (minute - session.start) // _MINUTE) // self._minutes
        return session.start, minute.date(), (minute.hour * 60 + minute.minute) // self._minutes


class _Shape(NamedTuple):
    """A trading day's slots (from, to, bar) and bars (start, end), counted from its midnight and its first bar."""

    slots: npt.NDArray[np.int64]
    bars: npt.NDArray[np.int64]


def _joined(parts: list[npt.NDArray[np.float64] | None]) -> npt.NDArray[np.float64] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _minutes(interval: Interval) -> int | None:
    """Length in minutes; ``None`` for a trading day."""
    if str(interval) == "1d":
        return None
    if interval.ns is None or interval.ns % 60_000_000_000 or interval.ns >= 24 * 3600 * 1_000_000_000:
        raise ConfigError(f"bars have whole minutes or are of a trading day ('1d'), not {interval}")
    return interval.ns // 60_000_000_000


def _moment(ns: int) -> datetime:
    return _UTC_EPOCH + timedelta(microseconds=ns // 1000)


def _ns(moment: datetime) -> int:
    return (moment - _UTC_EPOCH) // _MICROSECOND * 1000
