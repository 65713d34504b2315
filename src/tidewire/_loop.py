"""A background thread with an event loop of its own, which ends clean and tells what went wrong in it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["LoopThread"]

T = TypeVar("T")
Serve = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]


class LoopThread:
    """Runs one coroutine until it is stopped. Methods may be called from any other thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    @property
    def is_running(self) -> bool:
        """True between ``start`` and ``stop``, unless the coroutine has failed meanwhile."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, serve: Serve) -> None:
        """Run ``serve(ready)`` and return when it has called ``ready()``; raise what it raised before that."""
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(serve, ready), name=self._name, daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self.stop()

    def stop(self) -> None:
        """Cancel the coroutine, wait for its end, and raise the first failure of anything that ran in the loop."""
        if self._thread is None:
            return
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()
        self._thread = self._loop = self._task = None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def call(self, action: Callable[[], T]) -> T:
        """Run ``action()`` in the loop's thread and return its result; right here when the loop is not running."""
        if self._loop is None or not self.is_running:
            return action()

        async def run() -> T:
            return action()

        return self.wait(run())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop's thread and return its result. Leaving early, as by Ctrl-C, cancels it."""
        if self._loop is None:
            work.close()
            raise RuntimeError(f"the thread {self._name} is not running")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _run(self, serve: Serve, ready: threading.Event) -> None:
        try:
            asyncio.run(self._main(serve, ready))
        except asyncio.CancelledError:
            pass  # how it is meant to end
        except BaseException as error:  # noqa: BLE001 - handed to the thread that starts or stops us
            self._failure = self._failure or error
        finally:
            ready.set()

    async def _main(self, serve: Serve, ready: threading.Event) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._loop.set_exception_handler(self._note)
        await serve(ready.set)

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._failure = self._failure or context.get("exception")
        loop.default_exception_handler(context)
