"""A live book: what lives behind every ``watch_book`` of one symbol."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

import msgspec

from ._booksync import BookStats, BookSync
from ._channel import BookChannel, Guard
from ._connection import LiveSubscriber
from ._feed import Buffer, Query
from ._heir import Heir, PlainHeir, Ready, ShadowHeir, SplicingHeir, numbers_alike
from ._live import Engine, Inbox, Live, NewestInbox
from .book import BookLayout, OrderBook
from .errors import DecodeError, Error, StreamClosed
from .latency import Histogram, Latency

__all__ = ["EveryInbox", "LiveBook", "Sentry"]


class EveryInbox(Inbox[OrderBook]):
    """Keeps every change until it is taken: as messages, applied one by one to a book of the reader's own.

    At most ``limit`` changes are kept; then it counts what it could not keep and says so.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._queue: deque[OrderBook | tuple[bytes, BookLayout, int | None]] = deque()
        self._book: OrderBook | None = None
        self._missed = 0

    def put(self, change: OrderBook | tuple[bytes, BookLayout, int | None]) -> None:
        """Add a message, or the book as it stands where it changed otherwise."""
        if self._missed or len(self._queue) >= self._limit:
            self._missed += 1
        else:
            self._queue.append(change)
        self.ready.set()

    def take(self) -> OrderBook | None:
        """The reader's book after the next change."""
        if self._queue:
            change, book = self._queue.popleft(), self._book
            if isinstance(change, OrderBook):
                if book is None:
                    self._book = change
                else:
                    book.copy_from(change)
            elif book is not None:
                book.apply(*change)
            return self._book
        if self._missed and self.error is None:
            self.error = StreamClosed(
                f"the reader fell behind: {self._missed} changes of the book did not fit its queue of {self._limit}",
                missed=self._missed,
            )
        return None


class LiveBook(Live[BookChannel, NewestInbox[OrderBook] | EveryInbox]):
    """A book kept in step with the venue."""

    def __init__(self, channel: BookChannel, engine: Engine) -> None:
        super().__init__(channel, engine)
        self._book: OrderBook | None = None
        self._sync: BookSync | None = None
        self._is_up = False
        self._begun = 0.0
        self.latency = Histogram()
        self._messages = self._bytes = 0
        self._probing = False
        self._suspected: int | None = None  # how many messages had come when the market was seen to be ahead
        self._every: set[EveryInbox] = set()
        self._newest: set[NewestInbox[OrderBook]] = set()
        self._told = -1  # the version of the book that those who want every change were given as a whole
        self._sentry = None if channel.guard is None else Sentry(self, channel.guard)

    @property
    def stats(self) -> BookStats:
        """The book's counters."""
        counted = BookStats() if self._sync is None else self._sync.stats
        return msgspec.structs.replace(
            counted,
            messages=self._messages,
            bytes=self._bytes,
            latency=Latency.of(self.histograms[0]),
            lag=Latency.of(self.histograms[1]),
        )

    @property
    def histograms(self) -> tuple[list[Histogram], list[Histogram]]:
        """Latencies and lags, as they are counted."""
        lag = None if self._book is None else self._book.lag
        return [self.latency] if self.latency is not None else [], [lag] if lag is not None else []

    @property
    def reason(self) -> str:
        """Why the book is not live; empty when it is."""
        return "not connected yet" if self._sync is None else self._sync.reason

    def enter(self, inbox: NewestInbox[OrderBook] | EveryInbox) -> None:
        """Let a reader in, and show it the book as it stands."""
        super().enter(inbox)
        if isinstance(inbox, EveryInbox):
            self._every.add(inbox)
            if self._sync is not None:
                self._sync.record = self._record
        else:
            self._newest.add(inbox)
        if self._has_worked and self._book is not None:
            inbox.put(_copy(self._book) if isinstance(inbox, EveryInbox) else self._book)

    def leave(self, inbox: NewestInbox[OrderBook] | EveryInbox) -> None:
        """Let a reader go."""
        super().leave(inbox)
        if isinstance(inbox, EveryInbox):
            self._every.discard(inbox)
        else:
            self._newest.discard(inbox)
        if not self._every and self._sync is not None:
            self._sync.record = None

    def deepen(self, channel: BookChannel) -> None:
        """Take snapshots with more levels from now on, beginning with one."""
        self.channel = channel
        if self._sync is not None:
            self._sync.depth = channel.depth
            if self._is_up:
                self._sync.refresh()

    def on_up(self) -> None:
        """Start over from a snapshot."""
        self._is_up = True
        self._begun = time.monotonic()
        if self._sync is not None:
            self._sync.connected()
            self._tell()

    def on_data(self, payload: Buffer) -> None:
        """Apply a delta, or hold it until there is a snapshot."""
        self.received_ns, sync = time.time_ns(), self._sync
        if sync is not None and sync.on_frame(payload, self.received_ns):
            self._has_worked = self._has_worked or sync.is_live
            self._tell()
        # Afterwards, so that the book is not kept waiting.
        self._heard = time.monotonic()
        self._messages += 1
        self._bytes += len(payload)

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

    def on_tick(self, now: float) -> None:
        """Look for silence, for a snapshot that does not come, and for a side that has too few known levels left."""
        super().on_tick(now)
        book, sync = self._book, self._sync
        if book is None or sync is None:
            return
        if self._suspected is not None and self._suspected == self._messages:
            self.renew(f"silent for {self.channel.quiet_s:g} s while the market moved")
        self._suspected = None
        if not sync.is_live:
            late = now - max(self._begun, self._renewed) > self.channel.feed.answer_s
            if late and self.channel.snapshot is None:
                self.renew("its snapshot did not come")
        elif (few := (self.channel.depth or 0) // 2) and (
            (book.bids_cut and book.bid_count < few) or (book.asks_cut and book.ask_count < few)
        ):
            sync.refresh()

    def silent(self, reason: str) -> None:
        """Ask the venue first where that is possible."""
        if self.channel.probe is None or self._sync is None or not self._sync.is_live:
            super().silent(reason)
        else:
            self._renewed = time.monotonic()
            self._probing = True
            self._asked.set()

    @property
    def subscriptions(self) -> Mapping[str, LiveSubscriber]:
        """The book's topic, and that of its guard."""
        return {**super().subscriptions, **({self._sentry.topic: self._sentry} if self._sentry is not None else {})}

    def heir(self, ready: Ready) -> Heir:
        """Messages that join on to the book, or a second book; a book that has not begun needs neither."""
        if self._sync is None or self._book is None:
            return PlainHeir(self, ready)
        layout = self.channel.layout
        if numbers_alike(layout):
            return SplicingHeir(self, self._sync, ready, self._tell)
        return ShadowHeir(self, self._sync, ready, self._tell, self._book.blank(), layout)

    async def _prepare(self) -> None:
        instrument = await self._engine.instrument(self.channel.symbol)
        contract = instrument.contract_size if self.channel.in_contracts else None
        self._book = OrderBook(instrument.tick_size, instrument.lot_size, contract_size=contract or 1)
        channel = self.channel
        self._book.lag = Histogram()
        self._sync = BookSync(
            self._book, channel.layout, self._asked.set, in_stream=channel.snapshot is None, depth=channel.depth
        )
        self._sync.record = self._record if self._every else None

    async def _fetch(self) -> None:
        sync, snapshot = self._sync, self.channel.snapshot
        if sync is None:
            return
        if not sync.wants_snapshot:
            await self._probe()
            return
        if snapshot is None:
            self._renewed = time.monotonic()
            self._engine.renew(self)
            return
        ticket = sync.ticket
        asking = self._engine.ask(self, snapshot) if isinstance(snapshot, Query) else self._engine.run(snapshot)
        body = await asking
        if sync.on_snapshot(body, ticket, time.time_ns()):
            self._has_worked = True
            self._tell()

    async def _probe(self) -> None:
        """Ask where the market is. If it is ahead of the book, and stays so, nothing comes on this topic any more."""
        if self._book is None or self.channel.probe is None or not self._probing:
            return
        self._probing, messages, there = False, self._messages, self._book.blank()
        body = await self._engine.run(self.channel.probe)
        there.apply_snapshot(body, self.channel.layout)
        if messages == self._messages and (there.sequence or 0) > (self._book.sequence or 0):
            self._suspected = messages

    def _tell(self) -> None:
        book, sync = self._book, self._sync
        if not self._has_worked or book is None or sync is None:
            return
        for inbox in self._newest:
            inbox.put(book)
        if self._every and sync.version != self._told:
            for each in self._every:
                each.put(_copy(book))
        self._told = sync.version

    def _record(self, frame: Buffer | None, received_ns: int | None) -> None:
        kept = None if frame is None else (bytes(frame), self.channel.layout, received_ns)
        for inbox in self._every:
            if kept is not None:
                inbox.put(kept)
            elif self._book is not None:
                inbox.put(_copy(self._book))


def _copy(book: OrderBook) -> OrderBook:
    copy = book.blank()
    copy.copy_from(book)
    return copy


class Sentry:
    """Takes the topic that watches over a book."""

    latency = None

    def __init__(self, book: LiveBook, guard: Guard) -> None:
        self.topic = guard.topic
        self._book = book
        self._guard = guard
        self._number: int | None = None
        self._heard = time.monotonic()

    def on_up(self) -> None:
        """Begin to listen for silence."""
        self._heard = time.monotonic()
        self._number = None

    def on_data(self, payload: Buffer) -> None:
        """Compare the venue's number with the last one, and with what the book has received."""
        try:
            number = self._guard.number(payload)
        except DecodeError:
            return  # the silence that follows, if it does, tells
        last, self._number = self._number, number
        self._heard = now = time.monotonic()
        if last is None or number == last:
            return
        if number < last:
            self._book.renew(f"the venue's sequence fell from {last} to {number}")
        elif now - self._book.heard > self._guard.quiet_s:
            self._book.renew(f"silent for {self._guard.quiet_s:g} s while the market moved")

    def on_doubt(self, reason: str) -> None:
        """The book is told itself."""

    def on_down(self, reason: str) -> None:
        """The book is told itself."""

    def on_failed(self, error: Error) -> None:
        """A book without its guard cannot be trusted."""
        self._book.on_failed(error)

    def on_tick(self, now: float) -> None:
        """Doubt the book when its guard has fallen silent."""
        if now - self._heard > self._guard.quiet_s:
            self._heard = now
            self._book.renew(f"its guard is silent for {self._guard.quiet_s:g} s")

    def heir(self, ready: Ready) -> Heir:
        """Both lines may bring it."""
        return PlainHeir(self, ready, merging=True)
