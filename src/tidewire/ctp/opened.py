"""What Market and Trader share: a session, its link and its worker, opened and closed in the right order."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Generic, TypeVar

from .._redact import install, register
from ..errors import ConfigError
from .login import State
from .models import Connection
from .session import Session
from .streams import Stream
from .worker import Worker

__all__ = ["Opened"]

S = TypeVar("S", bound=Session)


class Opened(Generic[S]):
    """A session with its thread. ``open`` and ``close`` may be called from any thread but the session's own."""

    def __init__(self, session: S, *, name: str, secrets: tuple[str, ...]) -> None:
        register(*secrets)
        install()
        self.session = session
        self._worker = Worker(name, session.handle, session.pump)
        session.poke = self._worker.poke
        self._lock = threading.Lock()
        self._started = False

    def open(self) -> None:
        """Connect and log in, or close and raise ``Timeout``, ``AuthenticationError`` or ``CtpError``."""
        try:
            self._start()
            self.session.ready(self.session.timeout).result()
        except BaseException:
            self.close()
            raise

    async def aopen(self) -> None:
        """As ``open``, without blocking the event loop."""
        try:
            await asyncio.to_thread(self._start)
            await asyncio.wrap_future(self.session.ready(self.session.timeout))
        except BaseException:
            await self.aclose()
            raise

    def close(self) -> None:
        """End the session and its thread. Repeating it is harmless."""
        self.session.close()
        if self._started:
            self._worker.stop()

    async def aclose(self) -> None:
        """As ``close``, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    @property
    def state(self) -> State:
        """Where the session is on its way to work."""
        return self.session.login.state

    def watch(self) -> Stream[Connection]:
        """What becomes of the connection."""
        return self.session.connections.watch(1000)

    def _start(self) -> None:
        with self._lock:
            if self._started:
                raise ConfigError("a session is opened once; make another")
            self._started = True
        self._worker.start()
        self.session.link.start(self._worker.put, self.session.wants)


def shown(name: str, **parts: Any) -> str:
    """Repr of a face: no secret is ever among its parts."""
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in parts.items())})"
