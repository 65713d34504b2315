"""What lives behind a watched symbol: one book or one run of trades, shared by all who watch it."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from ._booksync import BookStats, BookSync
from ._call import Call
from ._channel import BookChannel, TradeChannel
from ._connection import Patience
from ._feed import Buffer, Query
from ._heir import Heir, PlainHeir, Ready, ShadowHeir, SplicingHeir, numbers_alike
from ._tradesync import TradeSync
from .book import OrderBook
from .errors import BookError, DecodeError, Error, StreamClosed
from .models import Instrument, Trade
from .symbols import Symbol

__all__ = ["BookInbox", "Engine", "Inbox", "Live", "LiveBook", "LiveTrades", "Run", "TradeInbox"]

T = TypeVar("T")
C = TypeVar("C", bound="BookChannel | TradeChannel")
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

    def join(self, live: Live[Any, Any]) -> None:
        """Subscribe to its topic."""

    def renew(self, live: Live[Any, Any]) -> None:
        """Subscribe to its topic anew."""

    def ask(self, live: Live[Any, Any], query: Query[T]) -> Awaitable[T]:
        """Ask something over the connection that carries its topic."""


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


class BookInbox(Inbox[OrderBook]):
    """Remembers only that the book changed: a slow reader sees the newest state."""

    def __init__(self) -> None:
        super().__init__()
        self._changed: OrderBook | None = None

    def changed(self, book: OrderBook) -> None:
        """Note a change."""
        self._changed = book
        self.ready.set()

    def take(self) -> OrderBook | None:
        """The book, if it changed since it was last taken."""
        book, self._changed = self._changed, None
        return book


class TradeInbox(Inbox[Trade]):
    """Keeps every trade until it is taken, up to ``limit``; then counts what it could not keep and says so."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._queue: deque[Trade] = deque()
        self._missed = 0

    def put(self, trade: Trade) -> None:
        """Add a trade, or count it as missed."""
        if self._missed or len(self._queue) >= self._limit:
            self._missed += 1
        else:
            self._queue.append(trade)
        self.ready.set()

    def take(self) -> Trade | None:
        """The oldest trade. After the last one before an overflow, ``error`` tells how many were missed."""
        if self._queue:
            return self._queue.popleft()
        if self._missed and self.error is None:
            self.error = StreamClosed(
                f"the reader fell behind: its queue of {self._limit} trades overflowed and {self._missed} were missed",
                missed=self._missed,
            )
        return None


class Live(ABC, Generic[C, I]):
    """One topic and its readers: joins a connection, and fetches what mends a hole, for as long as it has readers."""

    def __init__(self, channel: C, engine: Engine) -> None:
        self.channel = channel
        self.inboxes: set[I] = set()
        self.error: Error | None = None
        self._engine = engine
        self._asked = asyncio.Event()
        self._has_worked = False
        self._task = asyncio.create_task(self._keep(), name=f"tidewire {channel.topic}")
        self._task.add_done_callback(self._ended)

    def enter(self, inbox: I) -> None:
        """Let a reader in."""
        self.inboxes.add(inbox)

    @abstractmethod
    def on_up(self) -> None:
        """Data flows from now on."""

    @abstractmethod
    def on_data(self, payload: Buffer) -> None:
        """Take one message."""

    @abstractmethod
    def on_doubt(self, reason: str) -> None:
        """Data may be missing here."""

    @abstractmethod
    def on_down(self, reason: str) -> None:
        """Data may be missing from now on."""

    def on_tick(self, now: float) -> None:
        """Nothing to look after."""

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


class LiveBook(Live[BookChannel, BookInbox]):
    """A book kept in step with the venue."""

    def __init__(self, channel: BookChannel, engine: Engine) -> None:
        super().__init__(channel, engine)
        self._book: OrderBook | None = None
        self._sync: BookSync | None = None
        self._is_up = False
        self.received_ns: int | None = None
        """When the venue last sent something for this book (UTC nanoseconds)."""

    @property
    def stats(self) -> BookStats:
        """The book's counters."""
        return BookStats() if self._sync is None else self._sync.stats

    @property
    def reason(self) -> str:
        """Why the book is not live; empty when it is."""
        return "not connected yet" if self._sync is None else self._sync.reason

    def enter(self, inbox: BookInbox) -> None:
        """Let a reader in, and show it the book as it stands."""
        super().enter(inbox)
        if self._has_worked and self._book is not None:
            inbox.changed(self._book)

    def deepen(self, channel: BookChannel) -> None:
        """Take snapshots with more levels from now on, beginning with one."""
        self.channel = channel
        if self._is_up and self._sync is not None:
            self._sync.depth = channel.depth
            self._sync.doubted("more levels are wanted")
            self._tell()

    def on_up(self) -> None:
        """Start over from a snapshot."""
        self._is_up = True
        if self._sync is not None:
            self._sync.connected()
            self._tell()

    def on_data(self, payload: Buffer) -> None:
        """Apply a delta, or hold it until there is a snapshot."""
        self.received_ns = time.time_ns()
        if self._sync is not None and self._sync.on_frame(payload, self.received_ns):
            self._has_worked = self._has_worked or self._sync.is_live
            self._tell()

    def on_doubt(self, reason: str) -> None:
        """Start over: the book can have missed something."""
        if self._sync is not None:
            self._sync.doubted(reason)
            self._tell()

    def on_down(self, reason: str) -> None:
        """Doubt the book."""
        self._is_up = False
        if self._sync is not None:
            self._sync.interrupted(reason)
            self._tell()

    def heir(self, ready: Ready) -> Heir:
        """Messages that join on to the book, or a second book; a book that has not begun needs neither."""
        if self._sync is None or self._book is None:
            return PlainHeir(self, ready)
        layout = self.channel.layout
        if numbers_alike(layout):
            return SplicingHeir(self, self._sync, ready, self._tell)
        second = OrderBook(tick_size=self._book.tick_size, lot_size=self._book.lot_size)
        return ShadowHeir(self, self._sync, ready, self._tell, second, layout)

    async def _prepare(self) -> None:
        instrument = await self._engine.instrument(self.channel.symbol)
        contract = instrument.contract_size if self.channel.in_contracts else None
        self._book = OrderBook(instrument.tick_size, instrument.lot_size, contract_size=contract or 1)
        channel = self.channel
        self._sync = BookSync(
            self._book, channel.layout, self._asked.set, in_stream=channel.snapshot is None, depth=channel.depth
        )

    async def _fetch(self) -> None:
        sync, snapshot = self._sync, self.channel.snapshot
        if sync is None or sync.is_live:
            return
        if snapshot is None:
            self._engine.renew(self)
            return
        ticket = sync.ticket
        asking = self._engine.ask(self, snapshot) if isinstance(snapshot, Query) else self._engine.run(snapshot)
        if sync.on_snapshot(await asking, ticket):
            self._has_worked = True
            self._tell()

    def _tell(self) -> None:
        if self._has_worked and self._book is not None:
            for inbox in self.inboxes:
                inbox.changed(self._book)


class LiveTrades(Live[TradeChannel, TradeInbox]):
    """Trades in order, none missing."""

    def __init__(self, channel: TradeChannel, engine: Engine) -> None:
        super().__init__(channel, engine)
        self._sync = TradeSync(self._asked.set)

    def on_up(self) -> None:
        """Find out whether anything was missed."""
        self._has_worked = True
        self._sync.resumed()

    def on_data(self, payload: Buffer) -> None:
        """Pass a trade on."""
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
