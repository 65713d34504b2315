"""A live book: what lives behind every ``watch_book`` of one symbol."""

from __future__ import annotations

import time

from ._booksync import BookStats, BookSync
from ._channel import BookChannel
from ._feed import Buffer, Query
from ._heir import Heir, PlainHeir, Ready, ShadowHeir, SplicingHeir, numbers_alike
from ._live import Engine, Live, NewestInbox
from .book import OrderBook

__all__ = ["LiveBook"]


class LiveBook(Live[BookChannel, NewestInbox[OrderBook]]):
    """A book kept in step with the venue."""

    def __init__(self, channel: BookChannel, engine: Engine) -> None:
        super().__init__(channel, engine)
        self._book: OrderBook | None = None
        self._sync: BookSync | None = None
        self._is_up = False

    @property
    def stats(self) -> BookStats:
        """The book's counters."""
        return BookStats() if self._sync is None else self._sync.stats

    @property
    def reason(self) -> str:
        """Why the book is not live; empty when it is."""
        return "not connected yet" if self._sync is None else self._sync.reason

    def enter(self, inbox: NewestInbox[OrderBook]) -> None:
        """Let a reader in, and show it the book as it stands."""
        super().enter(inbox)
        if self._has_worked and self._book is not None:
            inbox.put(self._book)

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
        return ShadowHeir(self, self._sync, ready, self._tell, self._book.blank(), layout)

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
                inbox.put(self._book)
