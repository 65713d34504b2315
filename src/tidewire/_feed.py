"""What a stream is: data and pure functions that a venue supplies and the engine connects. No I/O, and no venue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ._call import Call, redact_url
from .book import BookLayout
from .errors import VenueError
from .models import Trade
from .symbols import Symbol

__all__ = ["Acknowledged", "BookChannel", "Buffer", "Feed", "Leaving", "Message", "Refused", "TradeChannel"]

Buffer = memoryview | bytes


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The venue carried out the command with this number."""

    number: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue refused the command with this number, or one that it does not name."""

    number: int | None
    error: VenueError


@dataclass(frozen=True, slots=True)
class Leaving:
    """The venue announces that it will close this connection."""

    reason: str


Message = tuple[str, Buffer] | Acknowledged | Refused | Leaving | None
"""What a frame turned out to be. Data is a plain (topic, payload) pair: that one is met a thousand times a second. The
payload is what the topic's layout or parser reads: the frame itself, or a part of it.

``None`` is a well-formed message that concerns nobody here.
"""


@dataclass(frozen=True, slots=True)
class Feed:
    """One WebSocket endpoint and how to talk to it. Topics of feeds with one address share connections.

    ``subscribe`` and ``unsubscribe`` write the command for some topics under a number; ``read`` tells what a frame
    is, raising ``DecodeError`` for one that cannot be read. The limits are the venue's own, per connection. After
    ``idle_s`` without a sign of life the engine asks for one, and gives up ``answer_s`` later; an unanswered command
    counts as silence too.
    """

    url: str
    subscribe: Callable[[Sequence[str], int], str] = field(repr=False)
    unsubscribe: Callable[[Sequence[str], int], str] = field(repr=False)
    read: Callable[[Buffer], Message] = field(repr=False)
    topics_per_connection: int
    topics_per_command: int
    commands_per_s: float
    idle_s: float
    answer_s: float = 10.0

    def __str__(self) -> str:
        return redact_url(self.url)


@dataclass(frozen=True, slots=True)
class BookChannel:
    """A book's deltas in a feed, and the call that fetches the snapshot they continue, as the venue's own bytes.

    ``depth`` is how many levels a side the snapshot holds.
    """

    feed: Feed
    topic: str
    symbol: Symbol
    layout: BookLayout
    snapshot: Call[bytes]
    depth: int


@dataclass(frozen=True, slots=True)
class TradeChannel:
    """Public trades in a feed, and the call that fetches the latest ones, to mend a hole.

    Their ids are integers that grow by one within a symbol, so that a hole can be seen.
    """

    feed: Feed
    topic: str
    symbol: Symbol
    parse: Callable[[Buffer], Trade] = field(repr=False)
    recent: Call[list[Trade]]
