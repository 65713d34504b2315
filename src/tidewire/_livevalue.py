"""Live values and klines: what lives behind ``watch_ticker``, ``watch_funding_rate`` and ``watch_klines``."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from math import isnan
from typing import Generic, TypeVar

from ._channel import KlineChannel, ValueChannel
from ._feed import Buffer
from ._heir import Heir, PlainHeir, Ready
from ._klinesync import KlineSync
from ._live import Engine, Inbox, Live, NewestInbox
from .errors import DecodeError, StreamClosed
from .klines import Klines
from .models import KlineUpdate

__all__ = ["KlineInbox", "LiveKlines", "LiveValue"]

T = TypeVar("T")
log = logging.getLogger("tidewire.stream")


class LiveValue(Live[ValueChannel[T], NewestInbox[T]], Generic[T]):
    """A value of which the newest counts. A new reader is shown it at once."""

    def __init__(self, channel: ValueChannel[T], engine: Engine) -> None:
        super().__init__(channel, engine)
        self._newest: T | None = None

    def enter(self, inbox: NewestInbox[T]) -> None:
        """Let a reader in, and show it the value."""
        super().enter(inbox)
        if self._newest is not None:
            inbox.put(self._newest)

    def on_up(self) -> None:
        """Wait for a value."""

    def on_data(self, payload: Buffer) -> None:
        """Pass a value on."""
        super().on_data(payload)
        try:
            value = self.channel.parse(payload)
        except DecodeError as error:
            log.warning("%s cannot be read: %s", self.channel.topic, error)
            return
        if value is not None:
            self._newest = value
            for inbox in self.inboxes:
                inbox.put(value)

    def on_doubt(self, reason: str) -> None:
        """The next value makes up for any that was missed."""

    def on_down(self, reason: str) -> None:
        """A value that may be out of date is not shown to new readers."""
        self._newest = None

    async def _prepare(self) -> None:
        await self._engine.instrument(self.channel.symbol)

    async def _fetch(self) -> None:
        """Nothing is ever asked for."""


class KlineInbox(Inbox[KlineUpdate]):
    """Keeps every closed kline until it is taken, up to ``limit``, and of the forming one the newest state."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._queue: deque[KlineUpdate] = deque()
        self._missed = 0

    def put(self, kline: KlineUpdate) -> None:
        """Add a kline in place of the forming one before it, or count it as missed."""
        if self._queue and not self._queue[-1].closed:
            self._queue.pop()
        if self._missed or len(self._queue) >= self._limit:
            self._missed += kline.closed
        else:
            self._queue.append(kline)
        self.ready.set()

    def take(self) -> KlineUpdate | None:
        """The oldest kline. After the last one before an overflow, ``error`` tells how many closed ones were missed."""
        if self._queue:
            return self._queue.popleft()
        if self._missed and self.error is None:
            self.error = StreamClosed(
                f"the reader fell behind: {self._missed} closed klines did not fit its queue of {self._limit}",
                missed=self._missed,
            )
        return None


class LiveKlines(Live[KlineChannel, KlineInbox]):
    """Klines in order, no closed one missing."""

    def __init__(self, channel: KlineChannel, engine: Engine) -> None:
        super().__init__(channel, engine)
        self._sync = KlineSync(channel.interval, self._asked.set, says_closed=channel.says_closed)

    def on_up(self) -> None:
        """Find out whether anything was missed."""
        self._has_worked = True
        self._sync.resumed()

    def on_data(self, payload: Buffer) -> None:
        """Pass klines on."""
        super().on_data(payload)
        try:
            klines = self.channel.parse(payload)
        except DecodeError as error:
            log.warning("%s: a kline cannot be read: %s", self.channel.topic, error)
            self.on_doubt("a kline could not be read")
            return
        for kline in klines:
            self._pass(self._sync.on_kline(kline))

    def on_doubt(self, reason: str) -> None:
        """Find out what was missed."""
        self._sync.interrupted()
        self._sync.resumed()

    def on_down(self, reason: str) -> None:
        """Hold klines until it is known what was missed."""
        self._sync.interrupted()

    def heir(self, ready: Ready) -> Heir:
        """Klines can come from both lines: each carries its opening time."""
        return PlainHeir(self, ready, merging=True)

    async def _prepare(self) -> None:
        await self._engine.instrument(self.channel.symbol)

    async def _fetch(self) -> None:
        recent = await self._engine.run(self.channel.recent)
        self._pass(self._sync.on_recent(_updates(recent, self.channel)))

    def _pass(self, klines: Sequence[KlineUpdate]) -> None:
        for kline in klines:
            for inbox in self.inboxes:
                inbox.put(kline)


def _updates(klines: Klines, channel: KlineChannel) -> list[KlineUpdate]:
    """Rows as updates. The shortest text of a float64 is the venue's own, for numbers of up to 15 digits."""

    def exact(value: float) -> Decimal:
        return Decimal(repr(value))

    return [
        KlineUpdate(
            venue=klines.venue or "",
            symbol=channel.symbol,
            interval=channel.interval.text,
            open_time_ns=row.open_time,
            open=exact(row.open),
            high=exact(row.high),
            low=exact(row.low),
            close=exact(row.close),
            volume=exact(row.volume),
            quote_volume=None if isnan(row.quote_volume) else exact(row.quote_volume),
            trades=None if row.trades < 0 else row.trades,
        )
        for row in klines
    ]
