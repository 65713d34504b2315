"""What may go wrong, on purpose: faults that a test or a demo arms, hit by plan or by seeded chance."""

from __future__ import annotations

import asyncio
import gzip
import random
import threading
import zlib
from collections.abc import Iterable, Sequence
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
    "stale",
    "rate_limit",
    "ban",
]
DoorKind = Literal["refuse", "half_upgrade", "stall"]
UpgradeKind = Literal["reject"]
OpenKind = Literal["close_open", "expire", "retire"]
AskKind = Literal["ignore", "answer_late", "close_before", "close_after"]
FrameKind = Literal["lose", "duplicate", "swap", "hold", "garble", "scramble", "junk", "mute", "close"]
FaultKind = RestKind | DoorKind | UpgradeKind | OpenKind | AskKind | FrameKind
_REST, _DOOR, _UPGRADE = get_args(RestKind), get_args(DoorKind), get_args(UpgradeKind)
_OPEN, _ASK, _FRAME = get_args(OpenKind), get_args(AskKind), get_args(FrameKind)
_KINDS = _REST + _DOOR + _UPGRADE + _OPEN + _ASK + _FRAME


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes wrong.

    On REST: ``delay`` (answer ``seconds`` later), ``hang`` (until released), ``drop_before`` (cut before anything is
    done), ``drop_after`` (done, but the answer is lost), ``drop_late`` (cut, and done ``seconds`` later), ``status``
    (answer with ``status`` and do nothing), ``truncate``, ``corrupt`` and ``html`` (done, but the answer is
    unreadable), ``stale`` (answer as the same address was answered the last time, if it was), ``rate_limit`` (429) and
    ``ban`` (418), both with ``Retry-After`` of ``seconds``.

    A stream's connection: ``refuse`` (accepted and closed), ``half_upgrade`` (closed in the middle of the upgrade's
    answer), ``stall`` (accepted, and never a word), ``reject`` (the upgrade is answered with ``status``),
    ``close_open`` (closed right after the upgrade), ``expire`` (closed ``seconds`` after it opened), ``retire`` (the
    venue says ``seconds`` after it opened that it will close, and closes ``seconds`` later).

    A client's message on a stream, such as a login or a subscription: ``ignore`` (neither done nor answered),
    ``answer_late`` (done, and answered ``seconds`` later), ``close_before`` (cut instead of doing it), ``close_after``
    (done, answered, and cut).

    A frame to the client: ``lose``, ``duplicate``, ``swap`` (with the next), ``hold`` (send ``seconds`` later),
    ``garble`` (cut in half), ``scramble`` (bytes in its middle overwritten), ``junk`` (something else instead that no
    venue says), ``mute`` (from here on the connection is open and dead; gone ``seconds`` later) and ``close`` (cut).

    ``venue``, ``method`` and ``path`` narrow it down (``path`` is a part of the address, of the client's message, or of
    a frame's text, inflated); ``times`` is how often it strikes (``None``: always) and ``probability`` how likely each
    time.
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
        if self.kind not in _KINDS:
            raise ConfigError(f"unknown fault {self.kind!r}: one of {' '.join(_KINDS)}")
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
        return self._hit(_REST, venue, request.path, request.method)

    def on_connect(self, venue: str) -> Armed | None:
        """The fault that hits a connection before it is a WebSocket."""
        return self._hit(_DOOR, venue, "")

    def on_upgrade(self, venue: str, path: str) -> Armed | None:
        """The fault that hits a connection that asks to become a WebSocket."""
        return self._hit(_UPGRADE, venue, path)

    def on_open(self, venue: str, path: str) -> Armed | None:
        """The fault that hits a WebSocket as it opens."""
        return self._hit(_OPEN, venue, path)

    def on_message(self, venue: str, message: str | bytes) -> Armed | None:
        """The fault that hits what a client said."""
        return self._hit(_ASK, venue, message)

    def on_frame(self, venue: str, frame: str | bytes) -> Armed | None:
        """The fault that hits a frame."""
        return self._hit(_FRAME, venue, frame)

    def _hit(self, kinds: Sequence[str], venue: str, what: str | bytes, method: str = "") -> Armed | None:
        if not self.armed:
            return None
        text = _text(what)
        return next((armed for armed in self.armed if armed.strikes(kinds, venue, method, text)), None)


def _text(frame: str | bytes) -> str:
    if isinstance(frame, str):
        return frame
    try:
        return gzip.decompress(frame).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error):
        return frame.decode("utf-8", "replace")
