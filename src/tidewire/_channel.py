"""What flows in a feed's topics, and how to mend it: one kind of channel per kind of stream. Data, no I/O, no venue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ._call import Call, Request, Response
from ._feed import Buffer, Feed, Moment, Query
from .book import BookLayout
from .klines import Klines
from .models import Balance, KlineUpdate, Order, Trade
from .symbols import Interval, Kind, Symbol

__all__ = [
    "BalanceChannel",
    "BookChannel",
    "Channel",
    "EntryChannel",
    "Guard",
    "KlineChannel",
    "OrderChannel",
    "TradeChannel",
    "ValueChannel",
]

T = TypeVar("T")

ACCOUNT_QUIET_S = 900.0
"""An account may be idle for hours: so often it is subscribed to anew and read over REST, in case nobody tells us."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A second topic that watches over a book whose own messages prove nothing (Coinbase Exchange's heartbeat).

    Subscribed with the book. ``number`` reads the venue's sequence number from a message: the book is doubted when it
    falls, when the guard falls silent for ``quiet_s``, and when it moves on while the book gets nothing for that long.
    """

    topic: str
    number: Callable[[Buffer], int] = field(repr=False)
    quiet_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChannel:
    """A book's messages in a feed, and where the snapshot comes from that they continue.

    ``snapshot`` is a call over REST for the venue's own bytes; or a query over the same connection; or ``None`` where
    the stream itself begins with a snapshot, which the layout's ``kind`` tells, and which subscribing anew brings
    again. ``depth`` is how many levels a side it holds at most: what lies beyond a full one is not known.

    ``in_contracts``: the messages count contracts, not base units.

    ``quiet_s``: seconds without a message after which the topic is doubted although the connection lives; ``None``
    where a quiet market may say nothing for long. With a ``probe``, a cheap call for the book's present number in the
    snapshot's form, the venue is asked first, and the topic is doubted only if the market has moved on.
    """

    feed: Feed
    topic: str
    symbol: Symbol
    layout: BookLayout
    snapshot: Call[bytes] | Query[bytes] | None
    depth: int | None = None
    in_contracts: bool = False
    quiet_s: float | None = None
    probe: Call[bytes] | None = None
    guard: Guard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeChannel:
    """Public trades in a feed, and the call that fetches the latest ones, to mend a hole.

    ``parse`` returns a message's trades, oldest first. Their ids are integers that rise within a symbol; where they
    are ``contiguous``, growing by one, a hole shows by itself, elsewhere only an interruption is mended.
    """

    feed: Feed
    topic: str
    symbol: Symbol
    parse: Callable[[Buffer], Sequence[Trade]] = field(repr=False)
    recent: Call[list[Trade]]
    contiguous: bool = True
    quiet_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KlineChannel:
    """A forming kline and those that close, and the call that fetches the latest ones, to mend a hole.

    ``parse`` returns a message's klines, oldest first. Where the venue does not say that a kline has closed, the next
    one closes it: ``says_closed`` is then false, and so is ``KlineUpdate.closed`` in what ``parse`` returns.
    """

    feed: Feed
    topic: str
    symbol: Symbol
    interval: Interval
    parse: Callable[[Buffer], Sequence[KlineUpdate]] = field(repr=False)
    recent: Call[Klines]
    says_closed: bool = True
    quiet_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChannel(Generic[T]):
    """A value of which only the newest matters: a ticker, a funding rate. A slow reader gets the newest one.

    ``parse`` returns ``None`` for a message that brings nothing new.
    """

    feed: Feed
    topic: str
    symbol: Symbol
    parse: Callable[[Buffer], T | None] = field(repr=False)
    quiet_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChannel:
    """Own orders of one kind of account in a feed; the venue's lists over REST mend it.

    ``parse`` returns a message's orders as they stand after it, oldest first, with their cumulative ``filled``; their
    ``fills`` are those that the message tells of, each with the venue's id of it.
    """

    feed: Feed
    topic: str
    kind: Kind
    parse: Callable[[Buffer], Sequence[Order]] = field(repr=False)
    quiet_s: float | None = ACCOUNT_QUIET_S


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChannel:
    """Balances of one kind of account in a feed.

    ``parse`` returns the assets that a message tells of, in full; ``None`` when it tells only that something changed,
    or not enough: then the balances are fetched over REST. ``accounts`` is a call that must have been made before the
    topic is asked for, where the command names what it lists.
    """

    feed: Feed
    topic: str
    kind: Kind
    parse: Callable[[Buffer], Sequence[Balance] | None] = field(repr=False)
    accounts: Call[None] | None = None
    quiet_s: float | None = ACCOUNT_QUIET_S


Channel = BookChannel | TradeChannel | KlineChannel | ValueChannel[Any] | OrderChannel | BalanceChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChannel:
    """Orders over a feed: the calls of REST in another wrapping, so that everything else about them stays the same.

    ``command`` makes a call's request one of this feed (its URL, and how it is signed), ``write`` the message of a
    signed one, and ``response`` the HTTP answer that the ``Answer``'s payload stands for. ``topic`` is up while orders
    can be placed, those of ``kinds``.
    """

    feed: Feed
    topic: str
    kinds: tuple[Kind, ...]
    command: Callable[[Call[Order]], Call[Order]] = field(repr=False)
    write: Callable[[Request, Moment], str] = field(repr=False)
    response: Callable[[bytes], Response] = field(repr=False)
