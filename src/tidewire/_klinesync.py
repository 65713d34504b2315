"""Keeping klines whole: each closed one once, in order, holes mended from the latest ones. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from .models import KlineUpdate
from .symbols import Interval

__all__ = ["KlineSync"]

_ATTEMPTS = 5
_HELD = 10_000


class KlineSync:
    """Decides which klines to pass on. ``ask`` is called whenever the venue's latest klines are wanted.

    Belongs to one thread. Where the venue does not say that a kline has closed (``says_closed`` false), the next one
    closes it. ``gaps`` counts holes.
    """

    def __init__(self, interval: Interval, ask: Callable[[], None], *, says_closed: bool = True) -> None:
        self._interval = interval
        self._ask = ask
        self._says_closed = says_closed
        self._closed_ns: int | None = None  # opening of the last closed kline that was passed on
        self._forming: KlineUpdate | None = None
        self._held: list[KlineUpdate] | None = None
        self._attempts = 0
        self.gaps = 0

    def on_kline(self, kline: KlineUpdate) -> Sequence[KlineUpdate]:
        """Take a kline from the stream; return those that may be passed on."""
        if self._held is None and self._leaves_hole(kline):
            self.gaps += 1
            self._held = []
            self._ask()
        if self._held is not None:
            if len(self._held) < _HELD:  # beyond, what is asked for brings it back
                self._held.append(kline)
            return ()
        return self._pass(kline)

    def interrupted(self) -> None:
        """Klines may be missing from here on: hold what comes until that is known."""
        if self._held is None and (self._forming is not None or self._closed_ns is not None):
            self.gaps += 1
            self._held = []

    def resumed(self) -> None:
        """Klines flow again: find out what was missed, if anything was passed on before."""
        if self._held is not None:
            self._ask()

    def on_recent(self, recent: Sequence[KlineUpdate]) -> Sequence[KlineUpdate]:
        """Take the venue's latest klines, the newest of which may be forming; return those that may be passed on."""
        held = self._held
        if held is None:
            return ()
        self._attempts += 1
        newest = recent[-1].open_time_ns if recent else 0
        if held and newest < held[0].open_time_ns and self._attempts < _ATTEMPTS:
            self._ask()  # the venue's REST side lags behind its stream
            return ()
        self._held, self._attempts = None, 0
        since = self._closed_ns if self._closed_ns is not None else -1
        if self._closed_ns is None and self._forming is not None:
            since = self._forming.open_time_ns - 1
        passed = [msgspec.structs.replace(kline, closed=True) for kline in recent[:-1] if kline.open_time_ns > since]
        if passed:
            self._closed_ns, self._forming = passed[-1].open_time_ns, None
        elif self._forming is not None and held and held[0].open_time_ns > self._forming.open_time_ns:
            self._closed_ns, self._forming = self._forming.open_time_ns, None
        for kline in held:
            passed += self._pass(kline)
        return passed

    def _leaves_hole(self, kline: KlineUpdate) -> bool:
        """Whether a kline that has closed, or closes now, was not passed on."""
        forming, opens = self._forming, kline.open_time_ns
        if forming is not None and opens > forming.open_time_ns:
            return self._says_closed or opens > self._next(forming.open_time_ns)
        return forming is None and self._closed_ns is not None and opens > self._next(self._closed_ns)

    def _next(self, open_ns: int) -> int:
        return self._interval.next(open_ns)

    def _pass(self, kline: KlineUpdate) -> list[KlineUpdate]:
        opens = kline.open_time_ns
        passed: list[KlineUpdate] = []
        if self._closed_ns is not None and opens <= self._closed_ns:
            return passed
        if (forming := self._forming) is not None:
            if opens < forming.open_time_ns:
                return passed
            if opens > forming.open_time_ns:
                passed.append(msgspec.structs.replace(forming, closed=True))
                self._closed_ns = forming.open_time_ns
        if kline.closed:
            self._closed_ns, self._forming = opens, None
        else:
            self._forming = kline
        return [*passed, kline]
