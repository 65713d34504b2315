"""A session with a market data front: what is subscribed stays so, and its snapshots become ticks."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from ..errors import CtpDisconnected, Error
from .login import State
from .models import Instrument, Tick
from .refusals import read_info, request_refused
from .session import Event, Link, Session
from .streams import Stream, Topic
from .ticks import TickMaker
from .ticktime import parse_day

__all__ = ["MarketSession"]

log = logging.getLogger("tidewire.ctp")

# Fronts drop a session that subscribes to thousands at once (openctp-ctp-python#30): so many in a second.
_BATCH = 500
_PAUSE_S = 1.0

# Snapshots that wait to be made ticks: some hundred megabytes, and half a minute of every instrument there is. Beyond
# that they are left out, and the readers told.
_BACKLOG = 65_536


class MarketSession(Session):
    """Ticks of any number of instruments, for any number of readers."""

    steps = (State.LOGGING_IN,)

    def __init__(self, link: Link, *, front: str, timeout: float, broker_id: str, user_id: str, password: str) -> None:
        super().__init__(link, front=front, timeout=timeout)
        self._credentials = {"BrokerID": broker_id, "UserID": user_id, "Password": password}
        self._maker = TickMaker()
        self._topics: dict[str, Topic[Tick]] = {}
        self._latest: dict[str, Tick] = {}
        self._kept: Counter[str] = Counter()  # subscribed by name, whoever reads
        self._queue: deque[str] = deque()  # wanted, but not asked for in this connection yet
        self._not_before = 0.0
        self._room = 0  # how many may still be asked for before then
        self._left_out = 0  # counted in the vendor's thread, told in ours
        self._told_out = 0
        self.trading_day: dt.date | None = None

    # For the faces.

    def watch(self, symbols: Iterable[str], limit: int, *, conflate: bool) -> Stream[Tick]:
        """Ticks of these instruments from now on, in one stream."""
        names = list(dict.fromkeys(symbols))
        stream: Stream[Tick] = Stream(limit, lambda each: self._leave(each, names), _symbol_of if conflate else None)
        with self.lock:
            if self.login.is_over:
                stream.end(self.closed_error())
                return stream
            self._ask_for(names)
            for name in names:
                self._topics.setdefault(name, Topic()).join(stream)
        return stream

    def subscribe(self, symbols: Iterable[str]) -> None:
        """Keep these instruments subscribed, whoever watches."""
        with self.lock:
            names = list(dict.fromkeys(symbols))
            self._ask_for(names)
            self._kept.update(names)

    def unsubscribe(self, symbols: Iterable[str]) -> None:
        """Undo ``subscribe``."""
        with self.lock:
            names = [name for name in dict.fromkeys(symbols) if self._kept[name]]
            self._kept.subtract(names)
            self._let_go(names)

    def latest(self, symbol: str) -> Tick | None:
        """The newest tick of an instrument, if one has come."""
        return self._latest.get(symbol)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take exchanges and multipliers from a catalogue."""
        with self.lock:
            for instrument in instruments:
                self._maker.learn(instrument)

    # The session's life.

    def step_request(self, step: State) -> tuple[str, dict[str, Any]]:
        return "ReqUserLogin", self._credentials

    def logged_in(self, answer: Any) -> None:
        self.trading_day = parse_day(answer.TradingDay)

    def on_ready(self) -> None:
        kept = [symbol for symbol, count in self._kept.items() if count]
        self._queue = deque(dict.fromkeys([*self._topics, *kept]))  # a front forgets subscriptions with the connection
        self._not_before = 0.0

    def on_lost(self, error: CtpDisconnected) -> None:
        self._queue.clear()

    def on_over(self, error: Error) -> None:
        ending = None if self.login.state is State.CLOSED else error
        for topic in self._topics.values():
            topic.end(ending)

    def admits(self, event: Event, backlog: int) -> bool:
        if backlog < _BACKLOG or event.name != "OnRtnDepthMarketData":
            return True
        self._left_out += 1
        return False

    def pump_more(self, now: float) -> float | None:
        if self.login.state is not State.READY or not self._queue:
            return None
        if now >= self._not_before:
            self._room, self._not_before = _BATCH, now + _PAUSE_S
        batch = [self._queue.popleft() for _ in range(min(self._room, len(self._queue)))]
        if batch:
            self._room -= len(batch)
            for symbol in batch:
                self._maker.subscribed(symbol)
            if self.link.subscribe(batch):
                self._queue.extendleft(reversed(batch))
                self._room = 0
        return self._not_before if self._queue else None

    # Callbacks.

    def _find_handlers(self) -> dict[str, Any]:
        return {
            **super()._find_handlers(),
            "OnRtnDepthMarketData": self._on_snapshot,
            "OnRspSubMarketData": self._on_subscribed,
        }

    def _on_snapshot(self, row: Any) -> None:
        if self._left_out != self._told_out:
            missed, self._told_out = self._left_out - self._told_out, self._left_out
            log.warning("CTP %s: %s snapshots came faster than they could be taken", self.front, missed)
            for each in self._topics.values():
                each.miss(missed)
        tick = self._maker.make(row, time.time_ns())
        self._latest[tick.symbol] = tick
        topic = self._topics.get(tick.symbol)
        if topic is not None and not topic.put(tick):
            self._let_go([tick.symbol])  # its readers are gone without a word

    def _on_subscribed(self, row: Any, info: Any, request_id: int, last: bool) -> None:
        error_id, message = read_info(info)
        if row is None or not error_id:
            return
        symbol, error = row.InstrumentID, request_refused(error_id, f"{row.InstrumentID}: {message}")
        log.warning("CTP %s: subscription refused: %s", self.front, error)
        self._kept.pop(symbol, None)
        topic = self._topics.pop(symbol, None)
        if topic is not None:
            topic.end(error)

    # Who wants what.

    def _ask_for(self, symbols: list[str]) -> None:
        new = [symbol for symbol in symbols if not self._topics.get(symbol) and not self._kept[symbol]]
        if self.login.state is State.READY and new:
            self._queue.extend(new)
            self.poke()

    def _let_go(self, symbols: list[str]) -> None:
        """Unsubscribe from what nobody wants any more."""
        gone = [symbol for symbol in symbols if not self._topics.get(symbol) and not self._kept[symbol]]
        for symbol in gone:
            self._topics.pop(symbol, None)
            self._latest.pop(symbol, None)  # it would grow old without anybody knowing
            del self._kept[symbol]
        self._queue = deque(symbol for symbol in self._queue if symbol not in gone)
        if gone and self.login.state is State.READY:
            self.link.unsubscribe(gone)

    def _leave(self, stream: Stream[Tick], symbols: list[str]) -> None:
        with self.lock:
            left = [symbol for symbol in symbols if symbol in self._topics]
            for symbol in left:
                self._topics[symbol].leave(stream)
            self._let_go(left)


def _symbol_of(tick: Tick) -> str:
    return tick.symbol
