"""Where the callbacks of a queue run: in a thread of their own, or in an event loop."""

from __future__ import annotations

import asyncio
import os
import threading

from tidewire import _ctp

__all__ = ["Drainer"]


class Drainer:
    """Runs the callbacks of a queue: in a thread of its own, or in an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None, name: str) -> None:
        self._loop = loop
        self._thread: threading.Thread | None = None
        self._name = name
        self.wake_fd = -1 if loop is None else os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def start(self, session: _ctp.Session) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.add_reader, self.wake_fd, self._wake, session)
            return
        self._thread = threading.Thread(target=self._run, args=(session,), name=self._name, daemon=True)
        self._thread.start()

    def _run(self, session: _ctp.Session) -> None:
        while session.drain(3600.0) >= 0:
            pass

    def _wake(self, session: _ctp.Session) -> None:
        os.eventfd_read(self.wake_fd)
        session.drain(0.0)

    def finish(self, session: _ctp.Session) -> None:
        """Deliver what waits and end."""
        if self._loop is None:
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join()
            return
        if self._loop.is_running() and self._loop is not _running_loop():
            self._loop.call_soon_threadsafe(self._leave_loop, session)
        else:
            self._leave_loop(session)

    def _leave_loop(self, session: _ctp.Session) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self.wake_fd)
        while session.drain(0.0) >= 0:
            pass
        os.close(self.wake_fd)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
