"""Keeping a book in step with its venue: snapshot, held deltas, replay, gap, again. Pure: no I/O, no clock, no venue.

A book is ``SYNCING`` until its first snapshot, ``LIVE`` while every delta continued the one before, and ``STALE`` from
the first doubt until it has been mended. The sequence rule is data (``BookLayout``), and the book checks it before it
applies anything; here is what happens when it is broken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from .book import BookLayout, OrderBook, SequenceRule
from .errors import BookError, ChecksumMismatch, CrossedBook, DecodeError, SequenceGap
from .latency import Latency

__all__ = ["BookStats", "BookSync"]

_REFUSALS = 5  # of snapshots in a row that lie behind what was seen before

BUFFER_BYTES = 4 * 1024 * 1024
"""Deltas held while a snapshot is awaited, per book: minutes of the busiest market."""


class BookStats(msgspec.Struct, frozen=True, kw_only=True):
    """A book's history in numbers.

    ``updates`` deltas applied, ``skipped`` ones that the book contained already, ``buffered`` ones that had to wait for
    a snapshot, ``discarded`` ones that did not fit the buffer; ``gaps`` times that the book went stale for a broken
    sequence or an unusable delta, ``snapshots`` applied, ``outdated`` ones among them that the deltas did not continue,
    ``resyncs`` times that the book became live again.

    ``messages`` and ``bytes`` are what came for it. ``latency`` is from the arrival of a frame to the book's having it,
    ``lag`` from the venue's own time of a message to its arrival (by our clock, so that it holds the clocks' offset).
    """

    updates: int = 0
    skipped: int = 0
    buffered: int = 0
    discarded: int = 0
    gaps: int = 0
    snapshots: int = 0
    outdated: int = 0
    resyncs: int = 0
    messages: int = 0
    bytes: int = 0
    latency: Latency = Latency()
    lag: Latency = Latency()


class BookSync:
    """Drives one book from raw frames and snapshots. ``ask`` is called whenever a snapshot is wanted.

    ``depth`` is how many levels a side its snapshots hold at most. ``in_stream``: snapshots come among the frames, the
    first one by itself.

    Deltas are held while a snapshot is awaited, unless the venue does not number them: a snapshot that comes late must
    not make a book LIVE that has been further. Where all connections number alike, nothing held or reached is forgotten
    until a snapshot fits it; after several that do not, the venue must have begun to count anew.

    Belongs to one thread. ``ticket`` numbers the stretch between two interruptions: take it when a snapshot is
    requested and hand it back with the answer, so that an answer from before an interruption is not used after it.
    ``reason`` tells why the book is not live; it is empty when it is. ``record``, where it is set, is given each frame
    that was applied to a live book and the time of its arrival, or ``None`` where another connection has joined on;
    ``version`` rises when the book changed in any other way.
    """

    def __init__(
        self,
        book: OrderBook,
        layout: BookLayout,
        ask: Callable[[], None],
        *,
        in_stream: bool = False,
        depth: int | None = None,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._book = book
        self._in_stream = in_stream
        self._holds = not in_stream or layout.rule not in (SequenceRule.NONE, SequenceRule.CONNECTION)
        self._judges_snapshots = in_stream and self._holds  # they come unasked, and may come late
        self._remembers = in_stream and layout.rule is SequenceRule.CHAIN
        self._refusals = 0
        self.depth = depth
        self._layout = layout
        self._ask = ask
        self._limit = buffer_bytes
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._second: tuple[OrderBook, BookSync] | None = None
        self._live_times = 0
        self._reached: int | None = None  # the number that the book had got to on this subscription
        self._buffered = self._discarded = self._gaps = self._outdated = 0
        self.ticket = 0
        self.version = 0
        self.record: Callable[[bytes | memoryview | None, int | None], None] | None = None
        self.is_live = False
        self.reason = "not connected yet"

    @property
    def stats(self) -> BookStats:
        """Counters since the book was made."""
        return BookStats(
            updates=self._book.updates,
            skipped=self._book.skipped,
            buffered=self._buffered,
            discarded=self._discarded,
            gaps=self._gaps,
            snapshots=self._book.snapshots,
            outdated=self._outdated,
            resyncs=max(self._live_times - 1, 0),
        )

    def connected(self) -> None:
        """Deltas flow from now on, on a new subscription: see that there is a snapshot to start from."""
        if self._judges_snapshots:
            self.ticket += 1  # the venue counts on within a connection: what is held still counts
            self._doubt("waiting for a snapshot")
        else:
            self.interrupted("waiting for a snapshot")
            self._reached = None  # the venue may begin to count anew
        if not self._in_stream:
            self._ask()

    def doubted(self, reason: str) -> None:
        """Deltas may be missing before those that come next: start over from another snapshot.

        In a stream, a snapshot may be on its way already that lies behind what is held: that must not be forgotten.
        """
        if self._judges_snapshots:
            self.ticket += 1
            self._doubt(reason)
        else:
            self.interrupted(reason)
        self._ask()

    def refresh(self) -> None:
        """Ask for another snapshot without doubting the book: a second one is begun from it, and takes its place."""
        if not self.is_live or self._in_stream:
            self.doubted("another snapshot is wanted")
        elif self._second is None:
            book = self._book.blank()
            self._second = book, BookSync(book, self._layout, self._ask, depth=self.depth)
            self._second[1].connected()

    @property
    def wants_snapshot(self) -> bool:
        """True while a snapshot would be of use."""
        return not self.is_live or self._second is not None

    def interrupted(self, reason: str) -> None:
        """Deltas may be missing from here on: what is held, and a snapshot on its way, is worthless."""
        self.ticket += 1
        self._doubt(reason)
        if not self._remembers:
            self._forget()
        if self._judges_snapshots and not self._remembers:
            self._reached = None  # another connection counts from another number

    def on_frame(self, frame: bytes | memoryview, received_ns: int | None = None) -> bool:
        """Take one delta; return whether the book or its state changed."""
        if not self.is_live:
            if self._in_stream:
                return self._begin(frame, received_ns)
            self._hold(frame)
            return False
        if self._second is not None:
            self._second[1].on_frame(frame)
        before = (self._book.sequence or 0, self._book.snapshots) if self._judges_snapshots else None
        try:
            applied = self._book.apply(frame, self._layout, received_ns)
            if before is not None and self._fell_back(*before):
                return True
            if applied and self._book.suspect:
                self._examine()
        except SequenceGap as error:
            self._lose(error)
            self._hold(frame)  # it does not continue this book, but may continue the next snapshot
            return True
        except (BookError, DecodeError) as error:
            self._lose(error)
            return True
        if applied and self.record is not None:
            self.record(frame, received_ns)
        return applied

    def _examine(self) -> None:
        """Refuse a crossed book, and to show an empty side where there are levels that the snapshot did not reach."""
        if self._book.crossed:
            raise CrossedBook("best bid and best ask crossed")
        if self._book.suspect:
            raise BookError("every level that was known is gone")

    def _fell_back(self, sequence: int, snapshots: int) -> bool:
        """Doubt a LIVE book that a snapshot has just put back to what it was long before."""
        now = self._book.sequence or 0
        if self._book.snapshots == snapshots or now >= sequence:
            return False
        self._lose(BookError(f"a snapshot at {now} came when the book was at {sequence} already"))
        self._reached = sequence
        return True

    def inherit(self, frames: Sequence[bytes]) -> bool:
        """Go on with what another connection has sent so far; return False while that does not join on to the book.

        Only for venues that number alike on all connections. A book that is not live has nothing to lose.
        """
        if not self.is_live:
            self.doubted("another connection took over")
            for frame in frames:
                self.on_frame(frame)
            return True
        spliced = self._book.splice(frames[0], self._layout) if frames else None
        if spliced is None:
            return False
        if self.record is not None:
            self.record(None, None)
        for frame in frames[1:]:
            self.on_frame(frame)
        return True

    def adopt(self, book: OrderBook) -> None:
        """Take over the levels of a book that has been kept in step on another connection."""
        self._forget()
        self.ticket += 1
        self._book.copy_from(book)
        self.version += 1
        if not self.is_live:
            self._settle()

    def _begin(self, frame: bytes | memoryview, received_ns: int | None) -> bool:
        """Start from a frame if it is a snapshot; return whether the book is live now."""
        try:
            self._book.apply(frame, self._layout, received_ns)
        except (ChecksumMismatch, DecodeError) as error:
            return self._reject(error)
        except BookError:
            self._hold(frame)  # a delta of a subscription that has been given up, or whose snapshot is still to come
            return False
        try:
            self._replay()
            self._check_age()
            self._examine()
        except (BookError, DecodeError) as error:
            return self._reject(error)
        self._settle()
        return True

    def _reject(self, error: BookError | DecodeError) -> bool:
        self._outdated += 1
        self._refusals += not isinstance(error, (DecodeError, ChecksumMismatch))  # a damaged one says nothing of age
        if self._refusals >= _REFUSALS:
            self._refusals, self._reached = 0, None
            self._forget()
        self.doubted(str(error))
        return False

    def on_snapshot(self, body: bytes, ticket: int, received_ns: int | None = None) -> bool:
        """Take a snapshot and replay what was held; return whether the book is live now.

        A snapshot that the deltas held do not continue is not used, and another one is asked for. Raises
        ``DecodeError``, and changes nothing, when the snapshot cannot be read.
        """
        if ticket != self.ticket or not self.wants_snapshot:
            return False
        if self._second is not None:
            return self._take_second(body, *self._second)
        self._book.apply_snapshot(body, self._layout, received_ns, limit=self.depth)
        try:
            self._replay()
            self._check_age()
            self._examine()
        except (BookError, DecodeError) as error:
            self._outdated += 1
            self._doubt(str(error))
            self._ask()
            return False
        self._settle()
        return True

    def _take_second(self, body: bytes, book: OrderBook, sync: BookSync) -> bool:
        """Begin the second book from its snapshot, and put it in the first one's place unless it lags behind."""
        sync._reached = self._book.sequence
        if sync.on_snapshot(body, sync.ticket):
            self._second = None
            self._book.copy_from(book)
            self.version += 1
        return self._second is None

    def _check_age(self) -> None:
        """Refuse a snapshot from a cache that lags behind what this book has shown before."""
        if self._reached is not None and (self._book.sequence or 0) < self._reached:
            raise BookError(f"the snapshot at {self._book.sequence} is older than the book was, at {self._reached}")

    def _settle(self) -> None:
        self.is_live, self.reason = True, ""
        self.version += 1
        self._refusals = 0
        self._live_times += 1

    def _replay(self) -> None:
        """Apply what is held, leaving what can still continue a newer snapshot."""
        unreadable: DecodeError | None = None
        while self._held:
            try:
                self._book.apply(self._held[0], self._layout)
            except SequenceGap:
                raise  # the snapshot is older than this delta, or one before it is missing
            except DecodeError as error:
                unreadable = error
            except BookError:
                self._release()
                raise
            self._release()
        if unreadable is not None:
            raise unreadable

    def _lose(self, error: BookError | DecodeError) -> None:
        self._gaps += 1
        self._doubt(str(error))
        self._ask()

    def _doubt(self, reason: str) -> None:
        if self.is_live:
            self._reached = self._book.sequence
        self._second = None
        self.version += 1
        self.is_live, self.reason = False, reason
        self._book.mark_stale(reason)

    def _hold(self, frame: bytes | memoryview) -> None:
        if not self._holds:
            return
        self._buffered += 1
        self._held.append(bytes(frame))
        self._held_bytes += len(frame)
        while self._held_bytes > self._limit:
            # A snapshot older than what remains will not be continued by it, so that a newer one is asked for.
            self._release()
            self._discarded += 1

    def _forget(self) -> None:
        self._held.clear()
        self._held_bytes = 0

    def _release(self) -> None:
        self._held_bytes -= len(self._held.popleft())
