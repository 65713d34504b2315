"""What lives behind a watched topic, shared by all who watch it: its keeper, its readers' inboxes, and trades."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from ._call import Call
from ._channel import Channel, TradeChannel
from ._connection import LiveSubscriber, Patience
from ._feed import Buffer, Query
from ._heir import Heir, PlainHeir, Ready
from ._tradesync import TradeSync
from .errors import BookError, DecodeError, Error, StreamClosed
from .latency import Histogram
from .models import Instrument, Trade
from .symbols import Symbol

__all__ = ["Engine", "Inbox", "Live", "LiveTrades", "NewestInbox", "QueueInbox", "Run"]

T = TypeVar("T")
C = TypeVar("C", bound="Channel")
I = TypeVar("I", bound="Inbox[Any]")  # noqa: E741
log = logging.getLogger("tidewire.stream")

_FIRST_ATTEMPTS = 3  # of a fetch, each with the session's own retries, before a stream that never worked gives up
_FORGET_S = 1.0  # of quiet make up for one fetch, so that a rare gap is mended at once and a storm is not fed


class Run(Protocol):
    """Performs a call, with its limits and retries."""

    def __call__(self, call: Call[T], /) -> Awaitable[T]: ...


class Engine(Protocol):
    """What a live thing needs from the streams that hold it."""

    patience: Patience
    run: Run
    instrument: Callable[[str | Symbol], Awaitable[Instrument]]
    now_ns: Callable[[], int]

    def join(self, live: Live[Any, Any]) -> None:
        """Subscribe to its topic."""

    def renew(self, live: Live[Any, Any]) -> None:
        """Subscribe to its topic anew."""

    def ask(self, live: Live[Any, Any], query: Query[T]) -> Awaitable[T]:
        """Ask something over the connection that carries its topic."""
        ...


class Inbox(ABC, Generic[T]):
    """Where one reader finds what is new. ``ready`` is set when there is something to take, or nothing will come."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.error: Error | None = None
        self.closed = False

    @abstractmethod
    def take(self) -> T | None:
        """The next item, or ``None``."""

    def end(self, error: Error | None = None) -> None:
        """Nothing more comes; with an error unless it was the reader's wish."""
        self.error = self.error or error
        self.closed = True
        self.ready.set()


class NewestInbox(Inbox[T]):
    """Keeps only what is newest: a slow reader sees that."""

    def __init__(self) -> None:
        super().__init__()
        self._newest: T | None = None

    def put(self, item: T) -> None:
        """Replace what was not taken yet."""
        if self._newest is None:
            self.ready.set()
        self._newest = item

    def take(self) -> T | None:
        """The newest item, if it is newer than the one last taken."""
        item, self._newest = self._newest, None
        return item


class QueueInbox(Inbox[T]):
    """Keeps everything until it is taken, up to ``limit``; then counts what it could not keep and says so.

    ``things`` is what it holds, in a word.
    """

    def __init__(self, limit: int, things: str) -> None:
        super().__init__()
        self._limit = limit
        self._things = things
        self._queue: deque[T] = deque()
        self._missed = 0

    def put(self, item: T) -> None:
        """Add an item, or count it as missed."""
        if self._missed or len(self._queue) >= self._limit:
            self._missed += 1
        else:
            self._queue.append(item)
        self.ready.set()

    def take(self) -> T | None:
        """The oldest item. After the last one before an overflow, ``error`` tells how many were missed."""
        if self._queue:
            return self._queue.popleft()
        if self._missed and self.error is None:
            self.error = StreamClosed(
                f"the reader fell behind: its queue of {self._limit} {self._things} overflowed and {self._missed} "
                "were missed",
                missed=self._missed,
            )
        return None


class Live(ABC, Generic[C, I]):
    """One topic and its readers: joins a connection, and fetches what mends a hole, for as long as it has readers."""

    def __init__(self, channel: C, engine: Engine) -> None:
        self.channel = channel
        self.inboxes: set[I] = set()
        self.latency: Histogram | None = None
        self.error: Error | None = None
        self.received_ns: int | None = None
        """When the venue last sent something for this topic (UTC nanoseconds)."""
        # Silence is measured by a clock that nobody sets.
        self._heard = self._renewed = time.monotonic()
        self._engine = engine
        self._asked = asyncio.Event()
        self._has_worked = False
        self._task = asyncio.create_task(self._keep(), name=f"tidewire {channel.topic}")
        self._task.add_done_callback(self._ended)

    def enter(self, inbox: I) -> None:
        """Let a reader in."""
        self.inboxes.add(inbox)

    def leave(self, inbox: I) -> None:
        """Let a reader go."""
        self.inboxes.discard(inbox)

    @abstractmethod
    def on_up(self) -> None:
        """Data flows from now on."""

    @abstractmethod
    def on_data(self, payload: Buffer) -> None:
        """Take one message; overridden methods call this one, which notes the time."""
        self.received_ns, self._heard = time.time_ns(), time.monotonic()

    @abstractmethod
    def on_doubt(self, reason: str) -> None:
        """Data may be missing here."""

    @abstractmethod
    def on_down(self, reason: str) -> None:
        """Data may be missing from now on."""

    @property
    def heard(self) -> float:
        """When the topic last showed a sign of life, or was last asked for (``time.monotonic``)."""
        return max(self._heard, self._renewed)

    def on_tick(self, now: float) -> None:
        """Doubt a topic that is silent for too long although its connection lives."""
        quiet_s = self.channel.quiet_s
        if quiet_s is not None and now - self.heard > quiet_s:
            self.silent(f"silent for {quiet_s:g} s")

    def silent(self, reason: str) -> None:
        """Nothing has come for long, which in a quiet market is no cause for alarm."""
        self.renew(reason, logging.INFO)

    def renew(self, reason: str, level: int = logging.WARNING) -> None:
        """Doubt the topic, and subscribe to it anew."""
        log.log(level, "%s: %s; subscribing anew", self.channel.topic, reason)
        self._renewed = time.monotonic()
        self.on_down(reason)
        self._engine.renew(self)

    @property
    def subscriptions(self) -> Mapping[str, LiveSubscriber]:
        """The topics that it lives on, and what takes each."""
        return {self.channel.topic: self}

    def on_failed(self, error: Error) -> None:
        """Nothing more will come: tell the readers."""
        self.error = error
        self.on_down(str(error))
        self._task.cancel()
        for inbox in self.inboxes:
            inbox.end(error)

    def heir(self, ready: Ready) -> Heir:
        """What takes the topic on a new line until it takes over."""
        return PlainHeir(self, ready)

    async def aclose(self) -> None:
        """Stop, and tell the readers that nothing more comes."""
        self.on_down("the stream is closed")
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for inbox in self.inboxes:
            inbox.end()

    @abstractmethod
    async def _prepare(self) -> None:
        """Learn what must be known before data can be read."""

    @abstractmethod
    async def _fetch(self) -> None:
        """Fetch what was asked for, and use it."""

    async def _keep(self) -> None:
        try:
            await self._prepare()
            self._engine.join(self)
            await self._mend()
        except Error as error:
            self.on_failed(error)

    async def _mend(self) -> None:
        """Fetch whenever that is asked for: at once, but ever more slowly when it does not help."""
        failures, asked, last = 0, 0.0, 0.0
        while True:
            await self._asked.wait()
            self._asked.clear()
            now = time.monotonic()
            asked = max(0.0, asked - (now - last) / _FORGET_S)
            if asked or failures:
                await asyncio.sleep(self._engine.patience.pause(max(round(asked), failures, 1)))
            asked, last = asked + 1, time.monotonic()
            try:
                await self._fetch()
                failures = 0
            except Error as error:
                failures += 1
                if not self._may_mend(error, failures):
                    raise
                log.warning("%s: %s; asking again", self.channel.topic, error)
                self._asked.set()

    def _may_mend(self, error: Error, failures: int) -> bool:
        if not (error.retryable or isinstance(error, (DecodeError, BookError))):
            return False
        return self._has_worked or failures < _FIRST_ATTEMPTS

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Leave no reader waiting for a keeper that a bug has ended."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.on_failed(StreamClosed(f"{self.channel.topic}: {type(error).__name__} in its keeper"))
            task.get_loop().call_exception_handler({"message": "a stream's keeper failed", "exception": error})


class LiveTrades(Live[TradeChannel, QueueInbox[Trade]]):
    """Trades in order, none missing."""

    def __init__(self, channel: TradeChannel, engine: Engine) -> None:
        super().__init__(channel, engine)
        self._sync = TradeSync(self._asked.set, contiguous=channel.contiguous)

    def on_up(self) -> None:
        """Find out whether anything was missed."""
        self._has_worked = True
        self._sync.resumed()

    def on_data(self, payload: Buffer) -> None:
        """Pass a trade on."""
        super().on_data(payload)
        try:
            trades = self.channel.parse(payload)
        except DecodeError as error:
            log.warning("%s: a trade cannot be read: %s", self.channel.topic, error)
            self.on_doubt("a trade could not be read")
        else:
            for trade in trades:
                self._pass(self._sync.on_trade(trade))

    def on_doubt(self, reason: str) -> None:
        """Find out what was missed."""
        self._sync.interrupted()
        self._sync.resumed()

    def on_down(self, reason: str) -> None:
        """Hold trades until it is known what was missed."""
        self._sync.interrupted()

    def heir(self, ready: Ready) -> Heir:
        """Trades with contiguous ids can come from both lines; elsewhere what was missed is asked for."""
        return PlainHeir(self, ready, merging=self.channel.contiguous)

    async def _prepare(self) -> None:
        await self._engine.instrument(self.channel.symbol)  # Binance accepts any name, and then says nothing

    async def _fetch(self) -> None:
        recent = await self._engine.run(self.channel.recent)
        self._pass(self._sync.on_recent(recent))

    def _pass(self, trades: Sequence[Trade]) -> None:
        for trade in trades:
            for inbox in self.inboxes:
                inbox.put(trade)
        if self._sync.failure is not None:
            self.on_failed(self._sync.failure)
