"""Log in, step by step, after every connection; and stop at once when the front says no.

Six to ten failed logins lock a user for the day, so a refusal ends it: only those that pass by themselves (the system
is starting, or synchronising) are tried again, ever more slowly.
"""

from __future__ import annotations

from enum import StrEnum

from ..errors import Error

__all__ = ["REASONS", "Login", "State", "reason_text"]

# Why a connection was lost, from the vendor's manual (6.7.8) and seen on loopback.
REASONS = {
    0x1001: "network read failed: the front closed the connection",
    0x1002: "network write failed",
    0x2001: "no heartbeat from the front",
    0x2002: "heartbeat could not be sent",
    0x2003: "the front sent a malformed packet",
}

_RETRY_S = 1.0
_RETRY_CAP_S = 60.0


def reason_text(code: int) -> str:
    """Name the reason of a disconnection, with its number."""
    return f"{REASONS.get(code, 'unknown reason')} (0x{code:04x})"


class State(StrEnum):
    """Where a session is on its way to work."""

    OFFLINE = "offline"
    AUTHENTICATING = "authenticating"
    LOGGING_IN = "logging_in"
    CONFIRMING = "confirming"
    READY = "ready"
    REFUSED = "refused"
    CLOSED = "closed"


class Login:
    """The way from a connection to a working session. Pure: each event returns the step to send now, or ``None``.

    ``steps`` are the states to pass, such as ``(AUTHENTICATING, LOGGING_IN, CONFIRMING)``. An answer that belongs to an
    earlier connection is the caller's to drop, by its request id.
    """

    def __init__(self, steps: tuple[State, ...], *, timeout: float) -> None:
        self._steps = steps
        self._timeout = timeout
        self._failures = 0
        self._due: float | None = None
        self._waiting = False  # for an answer, rather than for the time to try again
        self.state = State.OFFLINE
        self.error: Error | None = None

    @property
    def is_over(self) -> bool:
        """True when no further login will be tried."""
        return self.state in (State.REFUSED, State.CLOSED)

    @property
    def due(self) -> float | None:
        """When ``wake`` must be called, or ``None``."""
        return self._due

    def connected(self, now: float) -> State | None:
        """The front is there: begin with the first step."""
        return None if self.is_over else self._send(self._steps[0], now)

    def disconnected(self) -> None:
        """Everything is to be done again; the library reconnects by itself."""
        if not self.is_over:
            self.state, self._due, self._waiting = State.OFFLINE, None, False

    def accepted(self, now: float) -> State | None:
        """The front granted the step: on to the next."""
        if self.state not in self._steps:
            return None
        rest = self._steps[self._steps.index(self.state) + 1 :]
        if rest:
            return self._send(rest[0], now)
        self.state, self._due, self._waiting, self._failures = State.READY, None, False, 0
        self.error = None
        return None

    def refused(self, error: Error, now: float, *, transient: bool) -> None:
        """The front said no: for good, or until it is asked again later."""
        if self.state not in self._steps:
            return
        self.error = error
        if transient:
            self._later(now)
        else:
            self.state, self._due, self._waiting = State.REFUSED, None, False

    def unsent(self, error: Error, now: float) -> None:
        """The step could not be put on the wire: try again later."""
        self.error = error
        self._later(now)

    def wake(self, now: float) -> State | None:
        """Time has passed: the step to send again, if one is due."""
        if self._due is None or now < self._due:
            return None
        if self._waiting:  # no answer came; a repeated login is harmless, a hasty one is not
            self._later(now)
            return None
        return self._send(self.state, now)

    def close(self) -> None:
        """Nothing more is wanted."""
        self.state, self._due, self._waiting = State.CLOSED, None, False

    def _send(self, step: State, now: float) -> State:
        self.state, self._due, self._waiting = step, now + self._timeout, True
        return step

    def _later(self, now: float) -> None:
        self._due = now + min(_RETRY_CAP_S, _RETRY_S * 2**self._failures)
        self._failures += 1
        self._waiting = False
