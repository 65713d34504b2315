"""What a line works with: who receives its topics, the client that it belongs to, the connection that owns it."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ._call import Call
from ._feed import Buffer
from .credentials import Credentials
from .errors import Error
from .latency import Histogram

__all__ = ["Desk", "Owner", "Subscriber", "Traffic"]

T = TypeVar("T")


class Subscriber(Protocol):
    """What receives one topic from one line. Runs in the event loop's thread."""

    @property
    def latency(self) -> Histogram | None:
        """Counts the time from a frame's arrival to ``on_data``'s return, where that is wanted."""

    def on_up(self) -> None:
        """Data flows from now on, on a subscription that has just been made."""

    def on_data(self, payload: Buffer) -> None:
        """Take one message; ``payload`` is valid only until this returns."""

    def on_doubt(self, reason: str) -> None:
        """Data may be missing here; what follows flows on the same subscription."""

    def on_down(self, reason: str) -> None:
        """Data may be missing from now on, until ``on_up``."""

    def on_failed(self, error: Error) -> None:
        """The topic cannot be had: the first connection failed, or the venue refused. Nothing follows."""

    def on_tick(self, now: float) -> None:
        """Look at the clock (``time.monotonic``), every second or so while the topic is up."""


class Desk(Protocol):
    """What a line needs from the client that it belongs to."""

    @property
    def credentials(self) -> Credentials | None:
        """The user's key, for private feeds."""

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """How TLS is verified; ``None``: as the system does."""

    def run(self, call: Call[T], /) -> Awaitable[T]:
        """Perform a call, with its limits and retries."""
        ...

    def admit(self, costs: Mapping[str, int], /) -> Awaitable[None]:
        """Wait until the venue's quotas allow so much."""
        ...

    def venue_time(self) -> Awaitable[int]:
        """The venue's clock, UTC nanoseconds, asked for where it is not known well enough."""
        ...


class Owner(Protocol):
    """The connection that a line works for."""

    def on_alive(self) -> None:
        """The venue has acknowledged something, or sent data: this works."""

    def on_refused(self, topic: str, error: Error) -> None:
        """The venue does not let us have a topic."""

    def on_leaving(self, line: object, reason: str) -> None:
        """The venue will close this line soon."""


@dataclass(slots=True)
class Traffic:
    """What went through the lines of one connection."""

    messages: int = 0
    bytes: int = 0
    unreadable: int = 0
    missing: int = 0
    last_error: str | None = None
