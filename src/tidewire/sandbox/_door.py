"""The listening socket of the streams, where a connection can already fail before it is one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from .faults import Armed

__all__ = ["Door"]

_HALF_AN_UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso"


class Door(socket.socket):
    """Accepts connections; ``judge`` tells which of them are turned away, and how."""

    def __init__(self, host: str, port: int, judge: Callable[[], Armed | None]) -> None:
        super().__init__(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._judge = judge
        self._stalled: list[socket.socket] = []
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.bind((host, port))
        except OSError:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept one; raise ``BlockingIOError``, as if nobody had come, for one that is turned away."""
        visitor, address = super().accept()
        armed = self._judge()
        if armed is None:
            return visitor, address
        if armed.fault.kind == "stall":
            self._stalled.append(visitor)
        else:
            if armed.fault.kind == "half_upgrade":
                visitor.send(_HALF_AN_UPGRADE)
            visitor.close()
        raise BlockingIOError

    def close(self) -> None:
        """Hang up on those who still wait, too."""
        for visitor in self._stalled:
            visitor.close()
        self._stalled.clear()
        super().close()
