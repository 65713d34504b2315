"""What Market and Trader share: a session, its link and its worker, opened and closed in the right order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .._redact import install, register
from ..errors import ConfigError
from .login import State
from .models import Connection
from .session import Event, Session
from .streams import Stream
from .worker import Worker

__all__ = ["Opened"]

S = TypeVar("S", bound=Session)


class Opened(Generic[S]):
    """A session with its thread. ``open`` and ``close`` may be called from any thread but the session's own."""

    def __init__(
        self,
        session: S,
        *,
        name: str,
        secrets: tuple[str, ...],
        at_end: Callable[[], object] | None = None,
    ) -> None:
        register(*secrets)
        install()
        self.session = session
        self._worker = Worker(name, session.handle, session.pump)
        session.poke = self._worker.poke
        self._lock = threading.Lock()
        self._claimed = self._started = False
        self._at_end = at_end

    def open(self) -> None:
        """Connect and log in, or close and raise ``Timeout``, ``AuthenticationError`` or ``CtpError``."""
        self._claim()
        try:
            self._start()
            self.session.ready(self.session.timeout).result()
        except BaseException:
            self.close()
            raise

    async def aopen(self) -> None:
        """As ``open``, without blocking the event loop."""
        self._claim()
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
        if self._at_end is not None:
            self._at_end()

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

    def _claim(self) -> None:
        with self._lock:
            if self._claimed:
                raise ConfigError("a session is opened once; make another")
            self._claimed = True

    def _start(self) -> None:
        self._worker.start()
        self._started = True
        self.session.link.start(self._deliver, self.session.wants)
        if self.state is State.CLOSED:  # by somebody who did not wait for us
            self.session.link.close()

    def _deliver(self, event: Event) -> None:
        """In the vendor's thread: leave what it brought, and return at once."""
        if self.session.admits(event, self._worker.backlog):
            self._worker.put(event)


def shown(name: str, **parts: Any) -> str:
    """Repr of a face: no secret is ever among its parts."""
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in parts.items())})"
