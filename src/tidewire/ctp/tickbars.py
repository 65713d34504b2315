"""Bars made of live ticks, each as soon as it is over: by the next tick, or by the clock where none comes."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

from ..futures.bars import BarBuilder, Bars
from ..futures.watch import LiveSource, Watch
from .models import Tick

__all__ = ["BarWatch"]

# How often the clock is looked at while no tick comes: as often as fronts send them.
_POLL_S = 0.5
_AT_ONCE = 10_000


class BarWatch(Watch[Bars]):
    """Bars of one instrument as they end.

    The clock is the exchange's: the time of the newest tick and what has passed here since, so that neither our own
    clock nor a simulated front's speed matters. The snapshot that a front sends on subscription, however old, tells the
    volume so far; the bar that it falls into is left out, unless all of its volume was seen. Ticks without a time are
    left out. After a lost connection the bar then in the making has the volume of those that were missed.
    """

    def __init__(
        self, ticks: LiveSource[Tick], builder: BarBuilder, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ticks = ticks
        self._builder = builder
        self._clock = clock
        self._ready: deque[Bars] = deque()
        self._first_ns: int | None = None  # exchange time of the first tick in a session
        self._newest: tuple[int, float] = (0, 0.0)  # exchange time of the newest, and ours when it was taken
        self._is_over = False

    def next(self, timeout: float | None = None) -> Bars | None:
        """Bars that have ended, ``None`` at the end; ``TimeoutError`` after ``timeout`` seconds without any."""
        until = math.inf if timeout is None else self._clock() + timeout
        while not self._ready and not self._is_over:
            left = until - self._clock()
            try:
                tick = self._ticks.next(max(0.0, min(left, _POLL_S)))
            except TimeoutError:
                self._look_at_the_clock()
            else:
                self._take(tick)
            if left <= 0 and not self._ready and not self._is_over:
                raise TimeoutError(f"no bar ended within {timeout} s")
        return self._ready.popleft() if self._ready else None

    async def __anext__(self) -> Bars:
        while not self._ready and not self._is_over:
            try:
                self._take(await asyncio.wait_for(self._ticks.__anext__(), _POLL_S))
            except TimeoutError:
                self._look_at_the_clock()
            except StopAsyncIteration:
                self._take(None)
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    def close(self) -> None:
        """End the stream; the bar in the making is not told. Repeating it is harmless."""
        self._ticks.close()

    def _take(self, tick: Tick | None) -> None:
        """Take a tick, and all that wait behind it."""
        ticks: list[Tick] = []
        while tick is not None and len(ticks) < _AT_ONCE:
            ticks.append(tick)
            try:
                tick = self._ticks.next(0)
            except TimeoutError:
                break
        if tick is None:
            self._is_over = True
        rows = [
            (at, each.last, each.volume, each.turnover, each.open_interest) for each in ticks if (at := each.time_ns)
        ]
        if rows:
            self._newest = (max(row[0] for row in rows), self._clock())
        while rows and self._first_ns is None:
            outside = self._builder.stats.outside
            self._put(self._builder.add(*rows[0]))
            if self._builder.stats.outside == outside:
                self._first_ns = rows[0][0]
            del rows[0]
        if rows:
            self._put(self._builder.add(*zip(*rows, strict=True)))

    def _look_at_the_clock(self) -> None:
        newest_ns, taken = self._newest
        if newest_ns:
            self._put(self._builder.advance(newest_ns + round((self._clock() - taken) * 1e9)))

    def _put(self, bars: Bars) -> None:
        if len(bars) and self._first_ns is not None and self._builder.stats.missed_volume:
            whole = bars.open_time > self._first_ns  # the bar of the first tick was not seen from its beginning
            bars = bars[int(whole.argmax()) if whole.any() else len(bars) :]
        if len(bars):
            self._ready.append(bars)
