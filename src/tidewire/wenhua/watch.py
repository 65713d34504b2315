"""Bars as a terminal writes them: a file is looked at from time to time, and what has been added is read.

A terminal may be in the middle of a record, correct its last bar, cut the file, or put another in its place. So a bar
counts once the next one is there, or once it is over and rests; and bars only ever go forward in time.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Unpack, cast

import numpy as np

from ..errors import ConfigError
from ..futures.bars import Bars, Provenance
from ..futures.calendar import Calendar, shipped_calendar
from ..symbols import Interval, Time, parse_time
from .clock import Stamp, TimeBase
from .dat import Reading, copy, decode
from .layouts import LAYOUTS, Memory, WenhuaFormatError

__all__ = ["Watch", "watch"]

_PATIENCE: Final = 3  # looks at a file that cannot be read and does not change, before that is an error
_NS: Final = 1_000_000_000

Fingerprint = tuple[int, int, int, int] | None  # of a file's state; None: it is not there


class _Anchor(NamedTuple):
    """A record that no longer changes: where it is, what it was, and how the file is read from there on."""

    row: int
    record: bytes
    interval: Interval
    reading: Reading
    provenance: Provenance


def watch(
    path: str | os.PathLike[str],
    *,
    after: Time | None = None,
    every_s: float = 1.0,
    grace_s: float = 10.0,
    code: str | None = None,
    interval: Interval | str | None = None,
    calendar: Calendar | None = None,
    **reading: Unpack[Reading],
) -> Watch:
    """Watch a bar file that a terminal writes; iterate over the result, with ``for`` or ``async for``, for new bars.

    Bars that open after ``after`` (UTC) are given first, when they are there already; without it only those that come
    from now on. The file is looked at every ``every_s`` seconds. A bar counts once another follows it, or ``grace_s``
    seconds after its end (by this machine's clock) if it has not changed between two looks. The rest is as in
    ``read_dat``, but that the file is never mapped.
    """
    if not every_s > 0 or not grace_s >= 0:
        raise ConfigError(f"every_s is above and grace_s not below zero, not {every_s!r} and {grace_s!r}")
    return Watch(
        Path(path),
        after=parse_time(after, "after"),
        every_s=every_s,
        grace_s=grace_s,
        code=code,
        interval=interval,
        calendar=calendar or shipped_calendar(),
        reading=reading,
    )


class Watch:
    """A file being watched. For one loop at a time; ``close`` may come from another thread, and ends it.

    Every frame of bars goes on where the last one ended: times ascend, none comes twice. ``rewrites`` counts how often
    what had been read was found changed, cut or replaced; bars that were given are not given again.

    Iterating raises ``ConfigError`` when the file is not there and ``WenhuaFormatError`` when it cannot be read; once
    it has been read, only after it has rested like that for three looks, because a terminal may be writing.
    """

    def __init__(
        self,
        path: Path,
        *,
        after: int | None,
        every_s: float,
        grace_s: float,
        code: str | None,
        interval: Interval | str | None,
        calendar: Calendar,
        reading: Reading,
        pick: Callable[[Bars], Bars] | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path = path
        self.rewrites = 0
        self._after = after
        self._every_s = every_s
        self._grace = round(grace_s * _NS)
        self._code = code
        self._interval = interval
        self._calendar = calendar
        self._reading = reading
        self._pick = pick
        self._now = now
        self._closed = threading.Event()
        self._anchor: _Anchor | None = None
        self._last: tuple[float, ...] = ()  # the last bar of the file, as it was when last looked at
        self._failed: Fingerprint = None
        self._failures = 0

    def poll(self) -> Bars | None:
        """Look once; return the bars that have come since, or ``None``."""
        try:
            bars = self._read()
        except (ConfigError, WenhuaFormatError) as error:
            self._bear(error)
            return None
        self._failures = 0
        count = len(bars) if self._rests(bars[-1:]) else len(bars) - 1
        counted = bars[:count]
        if self._after is None:
            self._after = int(counted.klines.open_time[-1]) if count else int(bars.klines.open_time[0]) - 1
        new = counted[int(np.searchsorted(counted.klines.open_time, self._after, "right")) :]
        if not len(new):
            return None
        self._after = int(new.klines.open_time[-1])
        new = new if self._pick is None else self._pick(new)
        return new if len(new) else None

    def close(self) -> None:
        """End the loop, at its next look at the latest."""
        self._closed.set()

    def __iter__(self) -> Iterator[Bars]:
        """Block until there are new bars, again and again."""
        while not self._closed.is_set():
            if (bars := self.poll()) is not None:
                yield bars
            self._closed.wait(self._every_s)

    async def __aiter__(self) -> AsyncIterator[Bars]:
        """Wait for new bars, again and again; files are read in a thread."""
        while not self._closed.is_set():
            if (bars := await asyncio.to_thread(self.poll)) is not None:
                yield bars
            await asyncio.sleep(self._every_s)

    def _read(self) -> Bars:
        """Read on from the anchor; or the whole file, the first time and when what was there is no longer."""
        anchor = self._anchor
        if anchor is not None and (bars := self._read_on(anchor)) is not None:
            return bars
        memory = copy(self.path)
        bars = decode(
            memory, self.path, code=self._code, interval=self._interval, calendar=self._calendar, **self._reading
        )
        if bars.klines.interval is None or bars.provenance is None:
            raise WenhuaFormatError(f"{self.path}: how long its bars are is not clear; give interval=")
        self.rewrites += anchor is not None
        self._anchor = _anchor_of(bars, memory, bars.provenance, bars.klines.interval)
        return bars

    def _read_on(self, anchor: _Anchor) -> Bars | None:
        """Read the anchor's record and those after it; ``None`` when it is not there any more."""
        layout = LAYOUTS[anchor.provenance.facts["layout"]]
        try:
            with self.path.open("rb") as file:
                count = int.from_bytes(file.read(layout.header), "little") - anchor.row
                file.seek(layout.header + anchor.row * layout.record)
                tail = file.read()
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be read: {error.strerror}") from error
        if not tail.startswith(anchor.record) or (layout.header and count < 1):
            return None
        header = count.to_bytes(4, "little") if layout.header else b""
        memory = np.frombuffer(header + tail, np.uint8)
        bars = decode(
            memory, self.path, code=self._code, interval=anchor.interval, calendar=self._calendar, **anchor.reading
        )
        bars.provenance = anchor.provenance
        self._anchor = _anchor_of(bars, memory, anchor.provenance, anchor.interval, before=anchor)
        return bars

    def _rests(self, bar: Bars) -> bool:
        """Tell whether a file's last bar is over, and was the same at the look before."""
        was, self._last = self._last, (*bar.klines[0][:6], *bar.open_interest.tolist())
        known = bar.provenance is not None and bar.provenance.facts["stamp"] != "unknown"
        return known and self._last == was and self._now() >= int(bar.end_time[0]) + self._grace

    def _bear(self, error: Exception) -> None:
        """Raise, but for a file that was read before and may be in the middle of being written."""
        try:
            told = self.path.stat()
            fingerprint: Fingerprint = (told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns)
        except OSError:
            fingerprint = None
        self._failures = self._failures + 1 if fingerprint == self._failed else 1
        self._failed = fingerprint
        if self._anchor is None or self._failures >= _PATIENCE:
            raise error


def _anchor_of(
    bars: Bars, memory: Memory, provenance: Provenance, interval: Interval, *, before: _Anchor | None = None
) -> _Anchor:
    """Put the anchor on the last record but one, which no terminal is writing any more."""
    facts = provenance.facts
    layout = LAYOUTS[facts["layout"]]
    row = max(0, len(bars) - 2)
    at = layout.header + row * layout.record
    if before is not None:
        return before._replace(row=before.row + row, record=memory[at : at + layout.record].tobytes())
    reading = Reading(
        layout=layout.name,
        tick=None if facts["rounded_to"] == "nothing" else facts["rounded_to"],
        time_base=cast("TimeBase", facts["time_base"]),
        stamp=None if facts["stamp"] == "unknown" else cast("Stamp", facts["stamp"]),
    )
    return _Anchor(row, memory[at : at + layout.record].tobytes(), interval, reading, provenance)
