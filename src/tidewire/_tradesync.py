"""Keeping trades whole: each once, in order of id, holes mended from recent trades. Pure: no I/O, no venue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .errors import StreamClosed
from .models import Trade

__all__ = ["TradeSync"]

_ATTEMPTS = 5
_HELD = 100_000


class TradeSync:
    """Decides which trades to pass on. ``ask`` is called whenever the venue's recent trades are wanted.

    Where ids are ``contiguous`` a hole shows by itself; elsewhere they only rise, and holes are looked for after an
    interruption. Belongs to one thread. ``failure`` is set, after what could be passed on was, when trades are lost for
    good. ``gaps`` counts holes, ``duplicates`` trades that had been passed on before.
    """

    def __init__(self, ask: Callable[[], None], *, contiguous: bool = True) -> None:
        self._ask = ask
        self._contiguous = contiguous
        self._last: int | None = None
        self._held: dict[int, Trade] | None = None
        self._attempts = 0
        self.failure: StreamClosed | None = None
        self.gaps = 0
        self.duplicates = 0

    def on_trade(self, trade: Trade) -> Sequence[Trade]:
        """Take a trade from the stream; return those that may be passed on."""
        number = int(trade.trade_id)
        if self._held is not None:
            self._held[number] = trade
            if len(self._held) > _HELD:
                self._lose(min(self._held))
            return ()
        if self._last is None or number == self._last + 1 or (number > self._last and not self._contiguous):
            self._last = number
            return (trade,)
        if number <= self._last:
            self.duplicates += 1
            return ()
        self.gaps += 1
        self._held = {number: trade}
        self._ask()
        return ()

    def interrupted(self) -> None:
        """Trades may be missing from here on: hold what comes until that is known."""
        if self._held is None and self._last is not None:
            self.gaps += 1
            self._held = {}

    def resumed(self) -> None:
        """Trades flow again: find out what was missed, if anything was passed on before."""
        if self._held is not None:
            self._ask()

    def on_recent(self, recent: Iterable[Trade]) -> Sequence[Trade]:
        """Take the venue's latest trades; return those that may be passed on."""
        if self._held is None or self._last is None:
            return ()
        listed = {int(trade.trade_id): trade for trade in recent}
        if not self._contiguous:
            return self._join(listed)
        # From its oldest to its newest trade the venue's list is complete, whichever numbers it leaves out.
        oldest, newest = min(listed, default=0), max(listed, default=-1)
        passed: list[Trade] = []
        waiting = sorted((number, trade) for number, trade in (self._held | listed).items() if number > self._last)
        for index, (number, trade) in enumerate(waiting):
            if number != self._last + 1 and not (oldest <= self._last + 1 and number <= newest):
                self._attempts += 1
                if number <= newest or self._attempts >= _ATTEMPTS:
                    self._lose(number)
                else:
                    self._held = dict(waiting[index:])
                    self._ask()  # the list ends before the hole: the venue's REST side lags behind its stream
                return passed
            self._last = number
            passed.append(trade)
        self._held = None
        self._attempts = 0
        return passed

    def _join(self, listed: dict[int, Trade]) -> Sequence[Trade]:
        """Put the venue's latest trades between the last one and those held, if the list reaches from one to the other.

        Without contiguous ids, that is all that can be known.
        """
        held, last = self._held or {}, self._last or 0
        if held and listed and max(listed) < min(held) and self._attempts < _ATTEMPTS:
            self._attempts += 1
            self._ask()  # the venue's REST side lags behind its stream
            return ()
        if listed and min(listed) > last:
            self._lose(min(listed))
            return ()
        passed = [trade for number, trade in sorted((held | listed).items()) if number > last]
        self._last = max([last, *held, *listed])
        self._held = None
        self._attempts = 0
        return passed

    def _lose(self, number: int) -> None:
        missing = number - (self._last or 0) - 1 if self._contiguous else 1
        count = missing if self._contiguous else "an unknown number of"
        self.failure = StreamClosed(f"{count} trades were missed and could not be fetched", missed=missing)
