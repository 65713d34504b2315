"""How each venue is doing: evidence that fades, and a breaker that cools down and probes. Pure; the clock is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from ..errors import DecodeError, Error, RateLimited, TransportError, VenueError, VenueUnavailable

__all__ = ["Record", "VenueHealth", "blames"]

HALF_LIFE_S = 30.0
"""After so long, evidence counts half: a venue that recovers is trusted again within a few minutes."""

COOL_DOWN_S = 1.0
"""Rest after the first failure; each further one in a row doubles it."""

LONGEST_COOL_DOWN_S = 60.0

_LATENCY_PRIOR = 0.1
"""Weight of the belief that a venue about which nothing is known answers at once, so that each is tried in turn."""

State = Literal["ready", "cooling", "probing"]


class VenueHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A venue as the strategies see it now.

    ``success_rate`` (0 to 1), ``latency_ms`` and ``staleness_ms`` (age of what it answers, by its own time stamps) are
    means in which evidence counts half after every 30 seconds, towards what is assumed of an unknown venue: that it
    works and answers at once. ``cost_ms`` sums them up: the milliseconds that asking it is expected to take, waiting
    for a failure included, plus the age of the answer. A ``cooling`` venue is asked only when no other is left, for
    ``cooling_s`` seconds more; ``probing``: it has rested, and one read at a time tries whether it is back.
    """

    venue: str
    state: State
    success_rate: float
    latency_ms: float
    staleness_ms: float
    cost_ms: float
    cooling_s: float
    last_error: str | None


class _Mean:
    """A mean whose evidence fades."""

    __slots__ = ("_at", "_sum", "_weight")

    def __init__(self) -> None:
        self._weight = self._sum = self._at = 0.0

    def add(self, now: float, value: float) -> None:
        fading = self._fading(now)
        self._weight = self._weight * fading + 1.0
        self._sum = self._sum * fading + value
        self._at = now

    def value(self, now: float, prior: float, weight: float) -> float:
        """The mean, with a prior belief of some weight."""
        fading = self._fading(now)
        return float((self._sum * fading + prior * weight) / (self._weight * fading + weight))

    def _fading(self, now: float) -> float:
        return float(0.5 ** (max(0.0, now - self._at) / HALF_LIFE_S))


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    open_until: float = 0.0
    probing: bool = False

    def failed(self, now: float) -> None:
        self.failures += 1
        self.rest(now + min(LONGEST_COOL_DOWN_S, COOL_DOWN_S * 2.0 ** min(self.failures - 1, 10)))

    def rest(self, until: float) -> None:
        self.open_until = max(self.open_until, until)

    def succeeded(self) -> None:
        self.failures, self.open_until, self.probing = 0, 0.0, False


class Record:
    """What is known about one venue. Times are seconds of one monotonic clock."""

    def __init__(self, venue: str, patience: float) -> None:
        self.venue = venue
        self._patience = patience
        self._success, self._latency, self._staleness = _Mean(), _Mean(), _Mean()
        self._breaker = _Breaker()
        self.last_error: Error | None = None

    # What has happened.

    def asked(self, now: float) -> bool:
        """A read goes there; tell whether it is the one that probes."""
        if self.state(now) != "probing" or self._breaker.probing:
            return False
        self._breaker.probing = True
        return True

    def dropped(self) -> None:
        """The read that probes was given up without a verdict: another may."""
        self._breaker.probing = False

    def succeeded(self, now: float, latency_s: float, staleness_s: float | None = None) -> None:
        """It answered."""
        self._success.add(now, 1.0)
        self._latency.add(now, latency_s)
        if staleness_s is not None:
            self._staleness.add(now, max(0.0, staleness_s))
        self._breaker.succeeded()

    def failed(self, now: float, error: Error, *, again: bool = False) -> None:
        """It failed. What is not the venue's fault, such as an unknown symbol, changes nothing.

        ``again``: within the same read, which counts as one failure however often a request was repeated.
        """
        self.last_error = error
        self._breaker.probing = False
        if not blames(error):
            return
        if not again:
            self._success.add(now, 0.0)
            self._breaker.failed(now)
        if isinstance(error, RateLimited) and error.retry_after is not None:
            self._breaker.rest(now + error.retry_after)

    # What follows.

    def state(self, now: float) -> State:
        """Whether it may be asked."""
        if not self._breaker.failures:
            return "ready"
        return "cooling" if now < self._breaker.open_until else "probing"

    def may_be_asked(self, now: float) -> bool:
        """False while it cools down, or while another read probes."""
        return self.state(now) == "ready" or (self.state(now) == "probing" and not self._breaker.probing)

    def why_not(self, now: float) -> str:
        """Why it may not be asked first."""
        error = self.last_error
        cause = "" if error is None else f" after {type(error).__name__}: {error}"
        left = self._breaker.open_until - now
        return f"cooling down for {left:.1f} s{cause}" if left > 0 else f"another read is probing it{cause}"

    def latency_s(self, now: float) -> float:
        """Expected time to answer."""
        return self._latency.value(now, 0.0, _LATENCY_PRIOR)

    def cost_s(self, now: float) -> float:
        """Expected time until an answer, failures included, plus the answer's age."""
        risk = 1.0 - self._success.value(now, 1.0, 1.0)
        return self.latency_s(now) + self._staleness.value(now, 0.0, _LATENCY_PRIOR) + risk * self._patience

    def health(self, now: float) -> VenueHealth:
        """The record as users see it."""
        error = self.last_error
        return VenueHealth(
            venue=self.venue,
            state=self.state(now),
            success_rate=self._success.value(now, 1.0, 1.0),
            latency_ms=self.latency_s(now) * 1e3,
            staleness_ms=self._staleness.value(now, 0.0, _LATENCY_PRIOR) * 1e3,
            cost_ms=self.cost_s(now) * 1e3,
            cooling_s=max(0.0, self._breaker.open_until - now),
            last_error=None if error is None else f"{type(error).__name__}: {error}",
        )


def blames(error: Error) -> bool:
    """Whether an error says something about the venue's condition, rather than about what it was asked."""
    if isinstance(error, (TransportError, RateLimited, VenueUnavailable, DecodeError)):
        return True
    return isinstance(error, VenueError) and (error.http_status or 0) >= 500
