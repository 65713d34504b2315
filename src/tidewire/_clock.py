"""What time it is at the venue, and how sure we are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

__all__ = ["VenueClock"]

_MS = 1_000_000
_S = 1_000_000_000

_DRIFT_PPM = 100
"""How fast two undisciplined computer clocks may part: crystals are specified to 20-100 parts per million."""

_REFRESH_NS = 300 * _S
_RETRY_NS = 5 * _S
_TOLERANCE_NS = 250 * _MS
"""Binance refuses a time stamp 1,000 ms ahead of its clock (rest-api.md, "Timing security", 2026-07-21)."""


class VenueClock:
    """Bounds the venue's clock minus ours between two numbers, by everything that the venue says about its time.

    The venue read its clock after we sent and before we received, so each answer gives an interval that surely holds
    the offset, however unequal the two ways were. The intersection of all intervals is the estimate: its middle is the
    offset, half its width the error. It widens as clocks drift apart, which is how old answers lose their weight. Times
    are UTC nanoseconds. Thread-safe.
    """

    def __init__(self, local_ns: Callable[[], int] = time.time_ns) -> None:
        self.local_ns = local_ns
        self._lock = threading.Lock()
        self._bounds: tuple[int, int] | None = None
        self._at = 0
        self._sampled: int | None = None
        self._doubted = False

    def sample(self, sent_ns: int, server_ns: int, received_ns: int, *, resolution_ns: int = _MS) -> None:
        """Learn from an answer that states the venue's time, cut to ``resolution_ns``; ours before and after it.

        One that contradicts what we knew (a clock has been set) replaces it.
        """
        with self._lock:
            news = _interval(sent_ns, server_ns, resolution_ns, received_ns)
            known = self._widened(received_ns) if self._sampled is not None and not self._doubted else None
            self._learn(news, known, received_ns)
            self._sampled, self._doubted = received_ns, False

    def observe(self, sent_ns: int, headers: Mapping[str, str], received_ns: int) -> None:
        """Learn from the ``date`` header (lower case) of any answer: it states the time to the second, for nothing.

        It may come from another machine than the one that judges our time stamps, so it never moves an estimate made
        from samples; one that plainly contradicts it makes ``needs_sample`` true.
        """
        server_ns = _date_ns(headers)
        if server_ns is None:
            return
        with self._lock:
            news = _interval(sent_ns, server_ns, _S, received_ns)
            known = self._widened(received_ns)
            if self._sampled is None:
                self._learn(news, known, received_ns)
            elif known and max(news[0] - known[1], known[0] - news[1]) > _TOLERANCE_NS:
                self._doubted = True

    def distrust(self) -> None:
        """Note that the venue refused our time stamp: a sample is due at once, and it alone will count."""
        with self._lock:
            self._sampled, self._doubted = None, True

    def needs_sample(self, now_ns: int | None = None) -> bool:
        """Whether a sample is due: none yet, old, contradicted, or too inexact; at most every five seconds."""
        with self._lock:
            now = self.local_ns() if now_ns is None else now_ns
            if self._sampled is None:
                return True
            age = abs(now - self._sampled)
            low, high = self._widened(now) or (0, 0)
            poor = self._doubted or (high - low) // 2 > _TOLERANCE_NS
            return age >= (_RETRY_NS if poor else _REFRESH_NS)

    @property
    def is_doubted(self) -> bool:
        """Whether a ``date`` header has contradicted the samples since the last of them."""
        return self._doubted

    @property
    def offset_ns(self) -> int:
        """The venue's clock minus ours; 0 while nothing is known."""
        bounds = self._bounds
        return (bounds[0] + bounds[1]) // 2 if bounds else 0

    @property
    def error_ns(self) -> int | None:
        """The most by which ``offset_ns`` is wrong now; ``None`` while nothing is known."""
        with self._lock:
            bounds = self._widened(self.local_ns())
            return (bounds[1] - bounds[0] + 1) // 2 if bounds else None

    def now_ns(self) -> int:
        """The venue's time now, as far as we know: our own while we know nothing."""
        return self.local_ns() + self.offset_ns

    def _widened(self, now: int) -> tuple[int, int] | None:
        if self._bounds is None:
            return None
        drift = _drift(now - self._at)
        return self._bounds[0] - drift, self._bounds[1] + drift

    def _learn(self, news: tuple[int, int], known: tuple[int, int] | None, now: int) -> None:
        self._at = now
        self._bounds = news
        if known:
            both = max(news[0], known[0]), min(news[1], known[1])
            if both[0] <= both[1]:
                self._bounds = both


def _interval(sent_ns: int, server_ns: int, resolution_ns: int, received_ns: int) -> tuple[int, int]:
    drift = _drift(received_ns - sent_ns)
    return server_ns - received_ns - drift, server_ns + resolution_ns - sent_ns + drift


def _drift(elapsed_ns: int) -> int:
    return abs(elapsed_ns) * _DRIFT_PPM // 1_000_000


def _date_ns(headers: Mapping[str, str]) -> int | None:
    """The ``date`` header; ``None`` when there is none, it cannot be read, or the answer comes out of a cache."""
    if "date" not in headers or headers.get("age", "0") != "0":
        return None
    try:
        return int(parsedate_to_datetime(headers["date"]).timestamp()) * _S
    except ValueError:
        return None
