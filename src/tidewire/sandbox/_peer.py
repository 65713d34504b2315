"""The server's end of one stream connection."""

from __future__ import annotations

import time

from .._dialect import Disconnect, Event, Exchange, Session
from .._websocket import Socket
from .faults import FaultyLine

__all__ = ["StreamPeer"]


class StreamPeer:
    """Joins a socket to the dialect's session; what it publishes passes the fault plan."""

    def __init__(
        self, socket: Socket, session: Session, exchange: Exchange, line: FaultyLine, present: set[StreamPeer]
    ) -> None:
        self.session = session
        self._socket, self._exchange, self._line, self._present = socket, exchange, line, present

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        """Let the session answer a client's message."""
        try:
            for frame in self.session.receive(bytes(payload), self._exchange):
                self._socket.send(frame)
        except Disconnect as order:
            self._socket.close(order.code, order.reason)

    def on_closed(self, reason: str) -> None:
        """Leave."""
        self._present.discard(self)

    def publish(self, event: Event) -> None:
        """Send the client what its subscriptions get for an event."""
        for frame in self.session.publish(event):
            self._line.send(frame)

    def ping(self, silence_s: float) -> None:
        """Ask for a sign of life; cut the connection after ``silence_s`` without any."""
        if time.monotonic() - self._socket.last_received > silence_s:
            self._socket.abort()
        else:
            self._socket.ping()
