"""Order books kept from a venue's own messages, exact to the tick, and the layouts that tell how it writes them."""

from __future__ import annotations

import functools
import math
import time
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from enum import StrEnum
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from . import _native
from .errors import BookError, ConfigError, CrossedBook
from .models import Level

__all__ = ["BookLayout", "BookState", "Guarantee", "LevelArray", "MessageLayout", "OrderBook", "SequenceRule"]


class SequenceRule(StrEnum):
    """How a delta proves that it continues the book. ``last`` is the number of the message applied before it.

    ``NONE``: the venue does not number its deltas; every one is applied (Coinbase Exchange ``level2``).

    ``RANGE``: a delta holds the changes ``first`` to ``last``; it follows when ``first <= last + 1``, and is old when
    its last change is not newer (Binance spot ``U``/``u``).

    ``CHAIN``: a delta names its predecessor; it follows when that is the last one (OKX, HTX, Binance USD-M). The first
    delta after a snapshot also follows when it spans the snapshot's number (Binance USD-M).

    ``INCREMENT``: numbers rise by one (HTX swaps).

    ``CONNECTION``: the venue numbers the messages of a connection, not those of a book (Coinbase Advanced). A book
    alone then applies every delta, as with ``NONE``; who reads the connection checks the numbers.
    """

    NONE = "none"
    RANGE = "range"
    CHAIN = "chain"
    INCREMENT = "increment"
    CONNECTION = "connection"


class LevelArray(msgspec.Struct, frozen=True):
    """Where an array of levels is, and where each level keeps its parts.

    ``path`` leads to the array. A level is an array (parts by index) or an object (parts by key); numbers may be quoted
    or bare. ``side`` is given where levels of both sides share the array. A quantity of zero removes the level.
    """

    path: str
    price: int | str = 0
    quantity: int | str = 1
    side: int | str | None = None


class MessageLayout(msgspec.Struct, frozen=True, kw_only=True):
    """Where one form of message keeps its parts.

    Paths join keys with dots, ``[0]`` is one element of an array and ``[*]`` each of them: ``"data[0].bids"``. Members
    that no path names are skipped, in any order. A side that is absent or ``null`` has no changes.

    ``kind`` leads to the word that tells snapshots from deltas where both come in this form. ``first``, ``last`` and
    ``previous`` lead to sequence numbers, ``checksum`` to the CRC32 of the book after the message, ``time`` to when the
    venue made it.
    """

    bids: LevelArray | None = None
    asks: LevelArray | None = None
    changes: LevelArray | None = None
    kind: str | None = None
    first: str | None = None
    last: str | None = None
    previous: str | None = None
    checksum: str | None = None
    time: str | None = None


class BookLayout(msgspec.Struct, frozen=True, kw_only=True):
    """How a venue writes order book messages, and how one follows another: all that a new venue needs.

    ``delta`` is the form that ``OrderBook.apply`` reads, ``snapshot`` the one that ``OrderBook.apply_snapshot`` reads
    (``None``: the same). ``envelope`` is a path under which either may be wrapped as a whole. ``resets``: the venue may
    lower its numbers in a chain (OKX does in maintenance). ``depth``: the venue maintains only so many levels a side;
    those that fall out are dropped. ``checksum_depth``: best levels of each side that the venue's CRC32 covers; a
    message's checksum that is not 0 is then verified. ``time_unit`` is that of times: ``"ms"``, ``"us"``, ``"ns"``, or
    ``"iso"`` for ISO-8601 text. The ``*_words`` are what the venue calls kinds and sides.

    Example, Binance spot::

        BookLayout(
            delta=MessageLayout(bids=LevelArray("b"), asks=LevelArray("a"), first="U", last="u"),
            snapshot=MessageLayout(bids=LevelArray("bids"), asks=LevelArray("asks"), last="lastUpdateId"),
            rule=SequenceRule.RANGE,
            envelope="data",
        )
    """

    delta: MessageLayout
    snapshot: MessageLayout | None = None
    rule: SequenceRule = SequenceRule.NONE
    envelope: str | None = None
    resets: bool = False
    depth: int | None = None
    checksum_depth: int | None = None
    time_unit: Literal["ms", "us", "ns", "iso"] = "ms"
    snapshot_words: tuple[str, ...] = ("snapshot",)
    delta_words: tuple[str, ...] = ("update", "l2update")
    buy_words: tuple[str, ...] = ("buy", "bid")
    sell_words: tuple[str, ...] = ("sell", "offer", "ask")

    def compiled(self) -> _native.CompiledBookLayout:
        """Return the layout as the parser wants it. Raise ``ConfigError`` for a path that makes no sense."""
        return _compile(self)


class BookState(StrEnum):
    """Whether a book can be trusted: ``LIVE``, ``SYNCING`` before its first snapshot, ``STALE`` after a loss."""

    SYNCING = "SYNCING"
    LIVE = "LIVE"
    STALE = "STALE"


_STATES = {state.value: state for state in BookState}


class Guarantee(StrEnum):
    """What a LIVE book proves, beside what silence, crossing and a checksum (where one is sent) tell.

    ``SEQUENCE``: its messages are numbered, and none is missing. ``CONNECTION``: the messages of the whole connection
    are numbered, and none is missing. ``NONE``: the venue numbers nothing; a message that it lost goes unnoticed.
    """

    SEQUENCE = "sequence"
    CONNECTION = "connection"
    NONE = "none"


# Longer than any quantity of a venue: the default 28 digits would round silently.
_EXACT = Context(prec=100, traps=[InvalidOperation, DivisionByZero, Inexact])


class OrderBook(_native.Book):
    """The levels of one market, kept from snapshots and deltas.

    ``tick_size`` and ``lot_size`` are the steps of price and quantity, as text or ``Decimal``. Numbers are held as
    whole ticks and lots, never rounded. Orders outlive rules, so venues do show others: a price off the grid refines
    ``tick_size``; a quantity that is no whole number of lots is kept as its text. Messages are ``bytes`` or anything
    with a buffer.

    ``lot_size`` and all quantities are in base units. Where a venue's messages count contracts, ``contract_size`` says
    how many base units one is.

    A message is read whole, judged by the layout's sequence rule, and only then applied: whatever is raised, every
    level is as it was before (after a ``ChecksumMismatch``, as the message made it).

    Raises ``ConfigError`` for a size that is no positive decimal. One thread at a time may use a book; a message above
    4 KiB is read without the GIL, and touching the book meanwhile raises ``BookError``.
    """

    def __init__(
        self,
        tick_size: str | Decimal | int,
        lot_size: str | Decimal | int,
        *,
        contract_size: str | Decimal | int = 1,
    ) -> None:
        for name, size in (("tick_size", tick_size), ("lot_size", lot_size), ("contract_size", contract_size)):
            if not isinstance(size, str | Decimal | int) or isinstance(size, bool):
                raise ConfigError(
                    f"{name} must be text or Decimal, not {size!r}: a float does not hold most decimals exactly"
                )
        counted = lot_size if contract_size in (1, "1") else _contracts(lot_size, contract_size)
        self._contract_size = None if contract_size in (1, "1") else Decimal(contract_size)
        super().__init__(str(tick_size), str(counted), str(lot_size))
        self._reason = ""

    def blank(self) -> OrderBook:
        """Return an empty book with the same steps."""
        return OrderBook(self.tick_size, self.lot_size, contract_size=self._contract_size or 1)

    @property
    def tick_size(self) -> Decimal:
        """Step of prices: as given, or finer since a price needed it."""
        return Decimal(self.step_texts()[0])

    @property
    def lot_size(self) -> Decimal:
        """Step of quantities, as given; a level may still hold a quantity between two steps."""
        return Decimal(self.step_texts()[1]) * (self._contract_size or 1)

    @property
    def state(self) -> BookState:
        """``LIVE``, or why not."""
        return _STATES[super().state]

    @property
    def reason(self) -> str:
        """Why the book is not ``LIVE``; empty when it is."""
        match self.state:
            case BookState.LIVE:
                return ""
            case BookState.SYNCING:
                return self._reason or "no snapshot yet"
            case _:
                return self._reason or "a message was missing or wrong"

    def mark_stale(self, reason: str = "") -> None:
        """Make a LIVE book STALE, and note why: its source is lost. A snapshot makes it LIVE again."""
        super().mark_stale()
        self._reason = reason

    def copy_from(self, other: OrderBook) -> None:  # type: ignore[override]
        """Take over all levels, the state and the sequence of another book. Counters and steps stay one's own."""
        super().copy_from(other)
        self._reason = other._reason

    @property
    def guarantee(self) -> Guarantee | None:
        """What it proves that the book is LIVE, by the layout of its last message; ``None`` before the first."""
        if self.layout is None:
            return None
        match self.layout.rule:
            case SequenceRule.NONE:
                return Guarantee.NONE
            case SequenceRule.CONNECTION:
                return Guarantee.CONNECTION
            case _:
                return Guarantee.SEQUENCE

    @property
    def age(self) -> float:
        """Seconds since the last message was received, of those applied with their time; infinite before."""
        return math.inf if self.updated_ns is None else (time.time_ns() - self.updated_ns) / 1e9

    def require_live(self) -> None:
        """Raise ``BookError`` unless the book is ``LIVE``, ``CrossedBook`` when bids reach asks."""
        if self.state is not BookState.LIVE:
            raise BookError(f"the book is {self.state}: {self.reason}")
        if self.crossed:
            raise CrossedBook(f"best bid {self.best_bid} is not below best ask {self.best_ask}")

    @property
    def best_bid(self) -> Level | None:
        """Highest bid, exact; ``None`` when there is none."""
        return next(iter(self.bids(1)), None)

    @property
    def best_ask(self) -> Level | None:
        """Lowest ask, exact; ``None`` when there is none."""
        return next(iter(self.asks(1)), None)

    def bids(self, n: int | None = None) -> tuple[Level, ...]:
        """Up to ``n`` bids (all: ``None``), highest price first, exact."""
        return self._levels(bids=True, count=self.bid_count if n is None else _count(n))

    def asks(self, n: int | None = None) -> tuple[Level, ...]:
        """Up to ``n`` asks (all: ``None``), lowest price first, exact."""
        return self._levels(bids=False, count=self.ask_count if n is None else _count(n))

    def arrays(self, n: int | None = None, *, out: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.float64]:
        """Return the best ``n`` levels of each side (all: ``None``) as float64 of shape ``(2, n, 2)``.

        Axes: side (bids, asks), level (best first), (price, quantity), so that ``bids, asks = book.arrays(20)`` works.
        Each value is the float64 nearest to the exact one; levels that do not exist are NaN. ``out``, C-contiguous and
        of that shape, is filled and returned instead of a new array. Raises ``ConfigError`` for another shape or dtype.
        """
        if out is None:
            out = np.empty((2, self._deepest() if n is None else _count(n), 2))
        self.fill(out, n, "d")
        return out

    def ticks(self, n: int | None = None, *, out: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
        """Return what ``arrays`` does in whole ``tick_size`` and ``lot_size``: int64, exact; absent levels are 0.

        Raises ``BookError`` when one of these quantities is no whole number of lots.
        """
        if out is None:
            out = np.empty((2, self._deepest() if n is None else _count(n), 2), dtype=np.int64)
        self.fill(out, n, "l")
        return out

    @property
    def valid_bid(self) -> Decimal | None:
        """Lowest bid price of the last snapshot. A book with a limit shows none below, another what deltas touched."""
        return _decimal(self.known_texts()[0])

    @property
    def valid_ask(self) -> Decimal | None:
        """Highest ask price of the last snapshot. A book with a limit shows none above, another what deltas touched."""
        return _decimal(self.known_texts()[1])

    @property
    def resyncs(self) -> int:
        """Snapshots applied after the first one."""
        return max(self.snapshots - 1, 0)

    def __repr__(self) -> str:
        bid, ask = self.best_bid, self.best_ask
        best = f"{bid.price if bid else '-'} / {ask.price if ask else '-'}"
        return (
            f"<OrderBook {self.state} {best}, {self.bid_count} bids, {self.ask_count} asks, sequence {self.sequence}>"
        )

    def _deepest(self) -> int:
        return max(self.bid_count, self.ask_count)

    def _levels(self, *, bids: bool, count: int) -> tuple[Level, ...]:
        texts = self.level_texts(bids, count)
        return tuple(Level(Decimal(price), self.in_base_units(quantity)) for price, quantity in texts)

    def in_base_units(self, quantity: str) -> Decimal:
        """Return a quantity as its text among ``level_texts``, which may count contracts, in base units, exactly."""
        size = self._contract_size
        return Decimal(quantity) if size is None else _EXACT.multiply(Decimal(quantity), size)


def _contracts(lot_size: str | Decimal | int, contract_size: str | Decimal | int) -> Decimal:
    """A lot in contracts."""
    try:
        return Decimal(f"{_EXACT.divide(Decimal(lot_size), Decimal(contract_size)):f}")
    except ArithmeticError:
        raise ConfigError(f"a lot of {lot_size!r} is no exact number of contracts of {contract_size!r}") from None


def _count(n: int) -> int:
    if n < 0:
        raise ConfigError(f"a number of levels cannot be negative: {n}")
    return n


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


# What the parser calls the places of a message, in its own order: see book_layout.hpp.
_FIELDS = {
    name: number
    for number, name in enumerate(
        "none bids asks changes level price quantity side kind first last previous checksum time".split()
    )
}
_NS = {"ms": 1_000_000, "us": 1000, "ns": 1, "iso": 0}
_RULES = {rule: number for number, rule in enumerate(SequenceRule)} | {SequenceRule.CONNECTION: 0}
# What each rule needs to know of a delta.
_NEEDS = {
    SequenceRule.NONE: (),
    SequenceRule.CONNECTION: (),
    SequenceRule.RANGE: ("first", "last"),
    SequenceRule.CHAIN: ("previous", "last"),
    SequenceRule.INCREMENT: ("last",),
}


@functools.cache
def _compile(layout: BookLayout) -> _native.CompiledBookLayout:
    _check(layout)
    return _native.CompiledBookLayout(
        delta=_places(layout.delta, layout.envelope),
        snapshot=_places(layout.snapshot or layout.delta, layout.envelope),
        rule=_RULES[layout.rule],
        resets=layout.resets,
        time_unit=_NS[layout.time_unit],
        depth=layout.depth or 0,
        checksum_depth=layout.checksum_depth or 0,
        snapshot_words=layout.snapshot_words,
        delta_words=layout.delta_words,
        buy_words=layout.buy_words,
        sell_words=layout.sell_words,
    )


def _check(layout: BookLayout) -> None:
    snapshot = layout.snapshot or layout.delta
    if layout.rule not in _NEEDS:
        raise ConfigError(f"book layout: no rule {layout.rule!r}: one of {', '.join(SequenceRule)}")
    for name in _NEEDS[layout.rule]:
        if getattr(layout.delta, name) is None:
            raise ConfigError(f"book layout: the rule {layout.rule} needs the path of {name!r} in delta")
    if _NEEDS[layout.rule] and snapshot.last is None:
        raise ConfigError(f"book layout: the rule {layout.rule} needs the path of 'last' in snapshot")
    for message in (layout.delta, snapshot):
        if message.bids is message.asks is message.changes is None:
            raise ConfigError("book layout: a message must hold bids, asks or changes")
        if message.checksum is not None and layout.checksum_depth is None:
            raise ConfigError("book layout: a checksum needs checksum_depth, the number of best levels that it covers")
    for depth in (layout.depth, layout.checksum_depth):
        if depth is not None and depth < 1:
            raise ConfigError(f"book layout: a depth is a positive number of levels or None, not {depth}")


def _places(message: MessageLayout, envelope: str | None) -> list[tuple[str, int]]:
    named: list[tuple[str, str]] = []
    for name in ("kind", "first", "last", "previous", "checksum", "time"):
        path = getattr(message, name)
        if path is not None:
            named.append((path, name))
    for side in ("bids", "asks", "changes"):
        array: LevelArray | None = getattr(message, side)
        if array is not None:
            named += [(array.path, side), (f"{array.path}[*]", "level")]
            named += [(f"{array.path}[*]{_step(part)}", name) for name, part in _parts(array, side)]
    wrapped = [(f"{envelope}.{path}", name) for path, name in named] if envelope else []
    return [(path, _FIELDS[name]) for path, name in named + wrapped]


def _parts(array: LevelArray, side: str) -> list[tuple[str, int | str]]:
    parts: list[tuple[str, int | str]] = [("price", array.price), ("quantity", array.quantity)]
    if (array.side is not None) != (side == "changes"):
        raise ConfigError(f"book layout: {array.path!r} must say where a level's side is exactly if it is of 'changes'")
    return parts if array.side is None else [*parts, ("side", array.side)]


def _step(part: int | str) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part}"
