"""The server's end of one stream connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from .._dialect import Beats, Disconnect, Event, Exchange, Session, Warns
from .._websocket import Socket
from ._line import FaultyLine
from .faults import FaultPlan

__all__ = ["StreamPeer"]


class StreamPeer:
    """Joins a socket to the dialect's session; what either end says passes the fault plan.

    ``flush`` publishes what the books have to tell, so that a snapshot asked for is continued by what follows;
    ``acted`` publishes what the client's message brought about, such as a fill.
    """

    def __init__(
        self,
        socket: Socket,
        session: Session,
        exchange: Exchange,
        plan: FaultPlan,
        venue: str,
        present: set[StreamPeer],
        flush: Callable[[], None],
        acted: Callable[[], None],
    ) -> None:
        self.session = session
        self._socket, self._exchange, self._plan, self._venue = socket, exchange, plan, venue
        self._present, self._flush, self._acted = present, flush, acted
        self._timers: set[asyncio.TimerHandle] = set()
        self._line = FaultyLine(plan, venue, socket, self._in)
        self._beat_later()
        self._meet_fate()

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        """Let the session answer a client's message."""
        message = bytes(payload)
        armed = None if self._line.is_mute else self._plan.on_message(self._venue, message)
        kind = "" if armed is None else armed.fault.kind
        if self._line.is_mute or kind == "ignore":
            return
        if kind == "close_before":
            self._socket.abort()
            return
        self._flush()
        try:
            frames = list(self.session.receive(message, self._exchange))
        except Disconnect as order:
            self._socket.close(order.code, order.reason)
            return
        if armed is not None and kind == "answer_late":
            self._in(armed.fault.seconds, lambda: self._line.send_all(frames))
        else:
            self._line.send_all(frames)
        if kind == "close_after":
            self._socket.abort()
        self._acted()

    def on_closed(self, reason: str) -> None:
        """Leave."""
        self._present.discard(self)
        for timer in self._timers:
            timer.cancel()

    def publish(self, event: Event) -> None:
        """Send the client what its subscriptions get for an event."""
        self._line.send_all(self.session.publish(event))

    def ping(self, silence_s: float) -> None:
        """Ask for a sign of life; cut the connection after ``silence_s`` without any."""
        if time.monotonic() - self._socket.last_received > silence_s:
            self._socket.abort()
        elif not self._line.is_mute:
            self._socket.ping()

    def _beat_later(self) -> None:
        if isinstance(self.session, Beats):
            self._in(self.session.beat_s, self._beat)

    def _beat(self) -> None:
        session = self.session
        if isinstance(session, Beats) and not self._socket.is_closing:
            try:
                self._line.send_all(session.beat(self._exchange))
            except Disconnect as order:
                self._socket.close(order.code, order.reason)
            else:
                self._beat_later()

    def _meet_fate(self) -> None:
        """What the plan holds for a connection that has just opened."""
        armed = self._plan.on_open(self._venue, self._socket.path)
        if armed is None:
            return
        seconds = armed.fault.seconds
        match armed.fault.kind:
            case "close_open":
                self._in(0.0, self._socket.abort)
            case "expire":
                self._in(seconds, self._expire)
            case "retire":
                self._in(seconds, lambda: self._line.send_all(self._farewell()))
                self._in(2 * seconds, self._expire)

    def _farewell(self) -> Iterable[str | bytes]:
        return self.session.farewell() if isinstance(self.session, Warns) else ()

    def _expire(self) -> None:
        self._socket.close(1001, "the connection has lived long enough")

    def _in(self, seconds: float, action: Callable[[], None]) -> None:
        def act() -> None:
            self._timers.discard(timer)
            action()

        timer = asyncio.get_running_loop().call_later(seconds, act)
        self._timers.add(timer)
