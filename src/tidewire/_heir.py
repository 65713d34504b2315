"""What takes a topic's data on a new connection until it can take over from the old one: nothing missed, none twice.

Where a venue numbers a book's messages alike on all connections, the new one's are held until they join on to the
book, which then goes on with them. Elsewhere a second book is kept in step on the new connection, and takes the first
one's place when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ._booksync import BookSync
from ._feed import Buffer
from ._subscriber import Subscriber
from .book import BookLayout, OrderBook, SequenceRule
from .errors import DecodeError, Error

__all__ = ["BookHeir", "Heir", "PlainHeir", "Ready", "ShadowHeir", "SplicingHeir", "numbers_alike"]

HELD_FRAMES = 10_000
"""Messages of a new connection kept per book while the old one has not come so far: minutes of the busiest market."""


class Ready(Protocol):
    """Called by an heir, once, when the topic's data on the new connection goes to the subscriber itself."""

    def __call__(self, *, merging: bool = False) -> None:
        """``merging``: data of the old connection is still welcome, because the subscriber knows what it has had."""


class Heir(Subscriber, Protocol):
    """The subscriber of a topic on a connection that is to replace another one."""

    def take_over(self) -> None:
        """Take over now, ready or not: the old connection ends."""


class PlainHeir:
    """Takes over with the first sign of life, and lets the subscriber find out what it may have missed."""

    latency = None

    def __init__(self, subscriber: Subscriber, ready: Ready, *, merging: bool = False) -> None:
        self._subscriber = subscriber
        self._ready = ready
        self._merging = merging

    def on_up(self) -> None:
        """Take over."""
        self._ready(merging=self._merging)
        if not self._merging:
            self._subscriber.on_doubt("another connection took over")

    def on_data(self, payload: Buffer) -> None:
        """Pass on what comes in the same breath."""
        self._subscriber.on_data(payload)

    def on_doubt(self, reason: str) -> None:
        """Nothing has been taken over yet."""

    def on_down(self, reason: str) -> None:
        """Nothing has been taken over yet."""

    def on_failed(self, error: Error) -> None:
        """Tell the subscriber."""
        self._subscriber.on_failed(error)

    def on_tick(self, now: float) -> None:
        """Nothing to look after."""

    def take_over(self) -> None:
        """Leave it to the new connection's first answer."""
        self._ready()
        self._subscriber.on_down("its connection was replaced before it was ready")


class BookHeir:
    """What both ways to inherit a book share. ``changed`` is called when the book has moved on by inheriting."""

    latency = None

    def __init__(self, subscriber: Subscriber, sync: BookSync, ready: Ready, changed: Callable[[], None]) -> None:
        self._subscriber = subscriber
        self._sync = sync
        self._ready = ready
        self._changed = changed

    def on_up(self) -> None:
        """Wait for data."""

    def on_doubt(self, reason: str) -> None:
        """Start over: what comes next need not follow what has come."""
        self.on_down(reason)

    def on_down(self, reason: str) -> None:
        """Forget what has come."""

    def on_failed(self, error: Error) -> None:
        """Tell the subscriber."""
        self._subscriber.on_failed(error)

    def on_tick(self, now: float) -> None:
        """Nothing to look after."""


class SplicingHeir(BookHeir):
    """Holds the new connection's messages until they join on to the book."""

    def __init__(self, subscriber: Subscriber, sync: BookSync, ready: Ready, changed: Callable[[], None]) -> None:
        super().__init__(subscriber, sync, ready, changed)
        self._held: list[bytes] = []

    def on_data(self, payload: Buffer) -> None:
        """Hold a message, and try."""
        self._held.append(bytes(payload))
        self._try()
        if len(self._held) > HELD_FRAMES:
            self._held.clear()

    def on_down(self, reason: str) -> None:
        """Forget what has come."""
        self._held.clear()

    def on_tick(self, now: float) -> None:
        """The old connection may have brought the book further."""
        self._try()

    def take_over(self) -> None:
        """Go on from here: a quiet market has shown nothing yet, and the next message proves itself or shows a gap."""
        if self._held and not self._try():
            self._sync.doubted("the new connection began later than the old one ended")
            for frame in self._held:
                self._sync.on_frame(frame)
        self._ready()
        self._changed()

    def _try(self) -> bool:
        try:
            if not self._held or not self._sync.inherit(self._held):
                return False
        except DecodeError:
            self._held.clear()
            return False
        self._held = []
        self._ready()
        self._changed()
        return True


class ShadowHeir(BookHeir):
    """Keeps a second book, begun from the new connection's own snapshot."""

    def __init__(
        self,
        subscriber: Subscriber,
        sync: BookSync,
        ready: Ready,
        changed: Callable[[], None],
        book: OrderBook,
        layout: BookLayout,
    ) -> None:
        super().__init__(subscriber, sync, ready, changed)
        self._book = book
        self._shadow = BookSync(book, layout, lambda: None, in_stream=True, depth=sync.depth)

    def on_data(self, payload: Buffer) -> None:
        """Apply a message, and take over once the second book is whole."""
        self._shadow.on_frame(payload)
        if self._shadow.is_live:
            self._sync.adopt(self._book)
            self._ready()
            self._changed()

    def on_down(self, reason: str) -> None:
        """Wait for another snapshot."""
        self._shadow.interrupted(reason)

    def take_over(self) -> None:
        """Start over on the new connection, in sight of everyone."""
        self._sync.doubted("the new connection's snapshot did not come in time")
        self._ready()
        self._changed()


def numbers_alike(layout: BookLayout) -> bool:
    """True when a venue numbers a book's messages alike on all its connections."""
    return layout.rule in (SequenceRule.RANGE, SequenceRule.CHAIN)
