"""What may go wrong, on purpose: faults that a test or a demo arms, hit by plan or by seeded chance."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, get_args

import msgspec

from .._call import Request
from ..errors import ConfigError

__all__ = ["Armed", "Fault", "FaultKind", "FaultPlan"]

RestKind = Literal[
    "delay",
    "hang",
    "drop_before",
    "drop_after",
    "drop_late",
    "status",
    "truncate",
    "corrupt",
    "html",
    "rate_limit",
    "ban",
]
StreamKind = Literal["lose", "duplicate", "swap", "hold", "garble", "close"]
FaultKind = RestKind | StreamKind
_REST, _STREAM = get_args(RestKind), get_args(StreamKind)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes wrong.

    On REST: ``delay`` (answer ``seconds`` later), ``hang`` (until released), ``drop_before`` (cut before anything is
    done), ``drop_after`` (done, but the answer is lost), ``drop_late`` (cut, and done ``seconds`` later), ``status``
    (answer with ``status`` and do nothing), ``truncate``, ``corrupt`` and ``html`` (done, but the answer is
    unreadable), ``rate_limit`` (429) and ``ban`` (418), both with ``Retry-After`` of ``seconds``. On streams, per
    frame: ``lose``, ``duplicate``, ``swap`` (with the next), ``hold`` (send ``seconds`` later), ``garble`` and
    ``close`` (cut the connection).

    ``venue``, ``method`` and ``path`` narrow it down (``path`` is a part of the address, or of a frame's text);
    ``times`` is how often it strikes (``None``: always) and ``probability`` how likely each time.
    """

    kind: FaultKind
    venue: str = ""
    method: str = ""
    path: str = ""
    times: int | None = 1
    probability: float = 1.0
    seconds: float = 1.0
    status: int = 503

    def __post_init__(self) -> None:
        if self.kind not in _REST + _STREAM:
            raise ConfigError(f"unknown fault {self.kind!r}: one of {' '.join(_REST + _STREAM)}")
        if not 0 <= self.probability <= 1 or self.seconds < 0 or (self.times is not None and self.times < 1):
            raise ConfigError(
                "a fault needs a probability of 0 to 1, seconds of 0 or more, and times of 1 or more (or None)"
            )


class Armed:
    """A fault lying in wait. ``hits`` counts how often it struck."""

    def __init__(self, fault: Fault, rng: random.Random) -> None:
        self.fault = fault
        self.hits = 0
        self._rng = rng
        self._cancelled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._released = asyncio.Event()
        self._struck = threading.Event()

    def wait(self, timeout: float = 10.0) -> bool:
        """Wait in a test's thread until the fault has struck; ``False`` when it did not within ``timeout`` seconds."""
        return self._struck.wait(timeout)

    def cancel(self) -> None:
        """Never strike again, and let go of what hangs. Any thread."""
        self._cancelled = True
        self.release()

    def release(self) -> None:
        """Let requests that hang go on. Any thread."""
        if self._loop is None:
            self._released.set()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._released.set)

    async def wait_released(self) -> None:
        """Hang, in the server."""
        self._loop = asyncio.get_running_loop()
        await self._released.wait()

    def strikes(self, kinds: Sequence[str], venue: str, method: str, text: str) -> bool:
        """Decide whether this request or frame is hit, and count it."""
        fault = self.fault
        if self._cancelled or fault.kind not in kinds or (fault.times is not None and self.hits >= fault.times):
            return False
        if fault.venue not in ("", venue) or fault.method not in ("", method) or fault.path not in text:
            return False
        if fault.probability < 1 and self._rng.random() >= fault.probability:
            return False
        self.hits += 1
        self._struck.set()
        return True


class FaultPlan:
    """All armed faults of a sandbox; ``seed`` alone decides what chance does."""

    def __init__(self, seed: int, faults: Iterable[Fault] = ()) -> None:
        self._rng = random.Random(f"faults/{seed}")
        self.armed: list[Armed] = []
        for fault in faults:
            self.arm(fault)

    def arm(self, fault: Fault) -> Armed:
        """Add a fault. Any thread."""
        armed = Armed(fault, self._rng)
        self.armed = [*self.armed, armed]
        return armed

    def clear(self) -> None:
        """Disarm everything and let go of what hangs. Any thread."""
        armed, self.armed = self.armed, []
        for fault in armed:
            fault.cancel()

    def on_request(self, venue: str, request: Request) -> Armed | None:
        """The fault that hits a request, if one does."""
        return next((a for a in self.armed if a.strikes(_REST, venue, request.method, request.path)), None)

    def on_frame(self, venue: str, frame: str | bytes) -> Armed | None:
        """The fault that hits a frame, if one does."""
        text = frame if isinstance(frame, str) else ""
        return next((a for a in self.armed if a.strikes(_STREAM, venue, "", text)), None)


class FaultyLine:
    """Carries frames to one connection through the plan."""

    def __init__(
        self, plan: FaultPlan, venue: str, send: Callable[[str | bytes], None], cut: Callable[[], None]
    ) -> None:
        self._plan, self._venue, self._send, self._cut = plan, venue, send, cut
        self._kept: str | bytes | None = None

    def send(self, frame: str | bytes) -> None:
        """Send a frame, or do to it what the plan says."""
        armed = self._plan.on_frame(self._venue, frame)
        kind = None if armed is None else armed.fault.kind
        kept, self._kept = self._kept, None
        if armed is None:
            self._send(frame)
        elif kind == "duplicate":
            self._send(frame)
            self._send(frame)
        elif kind == "swap":
            self._kept = frame
        elif kind == "hold":
            asyncio.get_running_loop().call_later(armed.fault.seconds, self._send, frame)
        elif kind == "garble":
            self._send(frame[: len(frame) // 2])
        elif kind == "close":
            self._cut()
        if kept is not None:
            self._send(kept)
