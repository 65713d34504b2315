"""How to talk to a WebSocket endpoint: data and pure functions that a venue supplies. No I/O, and no venue.

A ``Feed`` writes commands and reads frames; what a frame turned out to be is a ``Message``. ``_channel`` says what
flows in a feed's topics, and the engine (``_line``, ``_connection``) does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ._call import Call, redact_url
from .credentials import Credentials
from .errors import VenueError

__all__ = [
    "LOGIN",
    "Acknowledged",
    "Answer",
    "Buffer",
    "Ended",
    "Feed",
    "Leaving",
    "ListenKey",
    "Message",
    "Moment",
    "Numbered",
    "Query",
    "Refused",
    "Reply",
    "Several",
]

T = TypeVar("T")

Buffer = memoryview | bytes

LOGIN = "login"
"""The topic that a login is acknowledged or refused under, by venues that do not echo a command's number."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a command is made of when it is sent: its number, the venue's clock (UTC ns) and the user's key.

    Numbers start at 1 on each connection and are never used twice on it. Only feeds that are ``private`` get the key.
    """

    number: int
    time_ns: int
    credentials: Credentials | None = field(default=None, repr=False)


# What a frame can be.


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The venue carried out a command: all of the one with this number, or only these topics, of whichever command.

    A venue that lists everything subscribed so far (Coinbase) may simply be quoted: what is known already is no news.
    """

    number: int | None = None
    topics: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue refused a command: all of the one with this number, or these topics, or one that it does not name.

    A refusal that names nothing is taken for the answer to the command that waits for one, if only one does. Where
    several topics were refused together without being named, each is asked for again alone.
    """

    number: int | None
    error: VenueError
    topics: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the ``Query`` with this number. A refusal of it is ``Refused``."""

    number: int
    payload: Buffer


@dataclass(frozen=True, slots=True)
class Reply:
    """The venue wants this sent back: its own ping, echoed."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The venue has ended these topics on its own account: they are asked for again, and doubted until then."""

    topics: Sequence[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """The venue will close this connection: another one takes over before it does."""

    reason: str


@dataclass(frozen=True, slots=True)
class Numbered:
    """A message with its place among all messages of the connection, where the venue counts those (Coinbase Advanced).

    Numbers rise by one. When some are missing, everything on the connection is doubted.
    """

    number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Several:
    """A frame that holds more than one message, oldest first."""

    messages: Sequence[Message]


Message = tuple[str, Buffer] | Acknowledged | Refused | Answer | Reply | Ended | Leaving | Numbered | Several | None
"""What a frame turned out to be. Data is a plain (topic, payload) pair: that one is met a thousand times a second. The
payload is what the topic's layout or parser reads: the frame itself, or a part of it.

``None`` is a well-formed message that concerns nobody here: a pong, a subscription that nobody waits for.
"""


# What goes the other way.


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """A question asked over a connection and answered under its number: an in-band snapshot, an order.

    ``write`` makes the message. ``parse`` reads the ``Answer``. ``costs`` is its weight, as in ``Call``.
    """

    verb: str
    write: Callable[[Moment], str] = field(repr=False)
    parse: Callable[[bytes], T] = field(repr=False)
    costs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListenKey:
    """A part of the URL that the venue hands out over REST, and that must be kept alive (Binance futures).

    ``url`` makes the address from the key, ``extend`` the call that prolongs it every ``every_s`` seconds.
    """

    obtain: Call[str]
    extend: Callable[[str], Call[None]] = field(repr=False)
    every_s: float
    url: Callable[[str], str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One WebSocket endpoint and how to talk to it.

    Topics of feeds with one ``url`` share connections, private ones apart from public ones.

    ``subscribe`` and ``unsubscribe`` write the command for some topics; both are ``None`` where everything comes
    unasked once the connection is open and logged in (Binance's account events). ``read`` tells what a frame is,
    raising ``DecodeError`` for one that cannot be read. With ``gzip`` binary frames are inflated before they are read.

    Limits are the venue's own: topics per connection, and per command; ``commands_per_s`` on the whole, after
    ``commands_burst`` at once (pings and replies do not wait for their turn: leave room for them). ``together``, where
    it is given, says which topics may share a command: those for which it returns the same. ``one_at_a_time``: a
    command waits for the answer to the one before it, as it must where answers name neither number nor topic.
    ``connect_costs`` is what an attempt to connect costs, as in ``Call.costs``: the venue's quotas limit it.

    After ``idle_s`` without a frame the engine sends ``ping`` (``None``: a WebSocket ping), and gives up ``answer_s``
    later; an unanswered command counts as silence too. ``standing`` topics are subscribed on every connection for its
    own sake, and their data is nobody's (a channel of heartbeats). ``life_s`` is the age at which another connection
    takes over, before the venue ends this one.

    A ``private`` feed's commands are given the user's credentials. ``login`` writes the command that must be
    acknowledged before anything else is sent; ``key`` replaces ``url``, which then only names the feed.
    """

    url: str
    subscribe: Callable[[Sequence[str], Moment], str] | None = field(repr=False)
    unsubscribe: Callable[[Sequence[str], Moment], str] | None = field(repr=False)
    read: Callable[[Buffer], Message] = field(repr=False)
    gzip: bool = False
    topics_per_connection: int
    topics_per_command: int
    commands_per_s: float
    commands_burst: int = 1
    together: Callable[[str], object] | None = field(default=None, repr=False)
    one_at_a_time: bool = False
    connect_costs: Mapping[str, int] = field(default_factory=dict)
    idle_s: float
    answer_s: float = 10.0
    ping: str | bytes | None = None
    standing: tuple[str, ...] = ()
    life_s: float | None = None
    private: bool = False
    login: Callable[[Moment], str] | None = field(default=None, repr=False)
    key: ListenKey | None = None

    def __str__(self) -> str:
        return redact_url(self.url)
