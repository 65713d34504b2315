"""Klines as they end, with the history before them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal

from ..errors import Error
from ..models import KlineUpdate, exact
from .bars import Bars, Provenance
from .contracts import Contract, ContractSymbol
from .join import Seam, join
from .watch import LiveSource, Watch

__all__ = ["KlineStream"]

_CHUNK = 10_000  # rows of a long history that are made Python objects at a time

History = Callable[[int | None], Bars]
"""Bars from a moment on, or from the beginning; an error where nobody has any."""


class KlineStream(Watch[KlineUpdate]):
    """Closed klines, each once and in order: those of history first, where a ``start`` was given, then the live ones.

    Live bars are subscribed before history is read. When the first of them ends, history is read once more from its end
    on and joined to it, and so are those that follow as long as history has them, too: ``seam`` tells how (``None``
    until then), with all that differs. ``bars`` is everything so far as one frame. For one reader at a time.
    """

    def __init__(
        self, live: LiveSource[Bars], label: Callable[[Bars], Bars], contract: Contract, history: History | None
    ) -> None:
        self.seam: Seam | None = None
        self._live = live
        self._label = label
        self._symbol = ContractSymbol.of(contract)
        self._history = history
        self._past: Bars | None = None  # history that live bars may still overlap
        self._fresh: list[Bars] = []  # live bars that are joined to it
        self._parts: list[Bars] = []
        self._unread: deque[Iterator[KlineUpdate]] = deque()
        self._has_begun = False

    @property
    def bars(self) -> Bars | None:
        """All bars so far, read or not, as one frame; ``None`` before the first."""
        if len(self._parts) > 1:
            whole = Bars.concat(self._parts)
            whole.provenance = self._parts[0].provenance
            self._parts = [whole]
        return self._parts[0] if self._parts else None

    def next(self, timeout: float | None = None) -> KlineUpdate | None:
        """The next kline, ``None`` at the end; ``TimeoutError`` after ``timeout`` seconds without one."""
        self._begin()
        while (update := self._read()) is None:
            bars = self._live.next(timeout)
            if bars is None:
                return None
            self._take(bars)
        return update

    async def __anext__(self) -> KlineUpdate:
        if not self._has_begun:
            await asyncio.to_thread(self._begin)  # history is read from files
        while (update := self._read()) is None:
            bars = await self._live.__anext__()
            if self._past is None:
                self._take(bars)
            else:
                await asyncio.to_thread(self._take, bars)  # history is read once more
        return update

    def close(self) -> None:
        """End the stream. Repeating it is harmless."""
        self._live.close()

    def _begin(self) -> None:
        if self._has_begun:
            return
        if self._history is not None:
            self._past = self._history(None)
            self._append(self._past)
        self._has_begun = True

    def _take(self, bars: Bars) -> None:
        """Take live bars; those that history reaches into are joined to it."""
        live = self._label(bars)
        if self._past is None or self._history is None:
            self._append(live)
            return
        last = int(self._parts[-1].open_time[-1])
        if not self._fresh:
            self._past = _longer(self._past, self._history, last + 1)
        self._fresh.append(live)
        fresh = Bars.concat(self._fresh)
        joined, self.seam = join(self._past, fresh)
        self._parts = [joined]
        self._unread.append(self._updates(self._past.between(last + 1, self.seam.at)))
        self._unread.append(self._updates(fresh.between(max(last + 1, self.seam.at))))
        if fresh.open_time[-1] > self._past.open_time[-1]:
            self._past = None  # history reaches no further

    def _append(self, bars: Bars) -> None:
        self._parts.append(bars)
        self._unread.append(self._updates(bars))

    def _read(self) -> KlineUpdate | None:
        while self._unread:
            update = next(self._unread[0], None)
            if update is not None:
                return update
            self._unread.popleft()
        return None

    def _updates(self, bars: Bars) -> Iterator[KlineUpdate]:
        for begin in range(0, len(bars), _CHUNK):
            chunk = bars[begin : begin + _CHUNK]
            for row, end in zip(chunk, chunk.end_time.tolist(), strict=True):
                yield KlineUpdate(
                    venue=bars.venue or "",
                    symbol=self._symbol,
                    interval=str(bars.interval),
                    open_time_ns=row.open_time,
                    open=_decimal(row.open),
                    high=_decimal(row.high),
                    low=_decimal(row.low),
                    close=_decimal(row.close),
                    volume=_decimal(row.volume),
                    quote_volume=None if row.quote_volume != row.quote_volume else _decimal(row.quote_volume),
                    trades=None if row.trades < 0 else row.trades,
                    closed=True,
                    time_ns=end,
                )


def _longer(before: Bars, history: History, after: int) -> Bars:
    """History with what has been added to it meanwhile, if anything; why there is nothing is kept in its provenance."""
    told = before.provenance or Provenance("unknown", "")
    try:
        more = history(after)
    except Error as error:
        longer, fact = before[:], {"nothing_newer": str(error)}
    else:
        longer, fact = Bars.concat([before, more]), {}
        if more.venue != before.venue:  # another had it this time
            fact = {"continued_by": f"{more.venue}"}
    told = Provenance(told.provider, told.source, {**told.facts, **fact})
    longer.provenance = told
    return longer


def _decimal(value: float) -> Decimal:
    return exact(f"{value:.15g}", "value")  # what a double surely holds; the rest is noise of arithmetic
