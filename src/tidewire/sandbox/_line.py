"""The way that frames take to one connection, with what happens to them on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .._websocket import Socket
from .faults import Fault, FaultPlan

__all__ = ["FaultyLine"]

_JUNK = b"\x00\xff\x8b neither JSON nor compressed"


class FaultyLine:
    """Carries frames to one connection through the plan. ``is_mute``: nothing goes through any more.

    ``later`` calls something after some seconds, unless the connection is gone by then.
    """

    def __init__(
        self, plan: FaultPlan, venue: str, socket: Socket, later: Callable[[float, Callable[[], None]], None]
    ) -> None:
        self._plan, self._venue, self._socket, self._later = plan, venue, socket, later
        self._kept: str | bytes | None = None
        self.is_mute = False

    def send_all(self, frames: Iterable[str | bytes]) -> None:
        """Send frames one after the other."""
        for frame in frames:
            self.send(frame)

    def send(self, frame: str | bytes) -> None:
        """Send a frame, or do to it what the plan says."""
        if self.is_mute:
            return
        armed = self._plan.on_frame(self._venue, frame)
        kept, self._kept = self._kept, None
        if armed is None:
            self._socket.send(frame)
        else:
            self._spoil(frame, armed.fault)
        if kept is not None:
            self._socket.send(kept)

    def _spoil(self, frame: str | bytes, fault: Fault) -> None:
        match fault.kind:
            case "duplicate":
                self._socket.send(frame)
                self._socket.send(frame)
            case "swap":
                self._kept = frame
            case "hold":
                self._hold(fault.seconds, frame)
            case "garble":
                self._socket.send(frame[: len(frame) // 2])
            case "scramble":
                self._socket.send(_scrambled(frame))
            case "junk":
                self._socket.send(_JUNK)
            case "mute":
                self.is_mute = True
                self._socket.pause()
                self._later(fault.seconds, self._socket.abort)
            case "close":
                self._socket.abort()

    def _hold(self, seconds: float, frame: str | bytes) -> None:
        self._later(seconds, lambda: None if self.is_mute else self._socket.send(frame))


def _scrambled(frame: str | bytes) -> str | bytes:
    """Overwritten with what may stand nowhere in JSON; a compressed frame fails its checksum."""
    middle = len(frame) // 2
    if isinstance(frame, str):
        return f"{frame[:middle]}\x00\x01{frame[middle + 2 :]}"
    return frame[:middle] + bytes(255 - byte for byte in frame[middle : middle + 2]) + frame[middle + 2 :]
