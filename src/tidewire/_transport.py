"""The only importer of httpx: performs the session's effects with threads or with asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import httpx

from . import _redact
from ._call import Request, Response, redact_url
from ._session import All, Effects, Send, Sleep
from .errors import ConfigError, ConnectionFailed, Timeout, TransportError

__all__ = ["AsyncTransport", "SyncTransport"]

T = TypeVar("T")
Exchange = Callable[[Request], Awaitable[Response]]

# Nothing had been sent yet when these are raised.
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)
_HEADERS = {"User-Agent": "tidewire", "Accept": "application/json"}  # Coinbase refuses requests without an agent


class _Answer(Protocol):
    """Of an HTTP library's response, what we read; httpx, httpx2 and their mocks all have it."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Any: ...
    @property
    def content(self) -> bytes: ...


class SyncTransport:
    """Runs effects in the calling thread."""

    def __init__(self, http: Any, timeout: float) -> None:
        _redact.install()
        if http is not None and asyncio.iscoroutinefunction(getattr(http, "request", None)):
            raise ConfigError("http: Client takes a synchronous httpx.Client; AsyncClient takes the asynchronous one")
        self._own = http is None
        self._http = httpx.Client(timeout=timeout, limits=_LIMITS, headers=_HEADERS) if http is None else http
        self._timeout = timeout

    def run(self, effects: Effects[T]) -> T:
        """Drive a generator to its value."""
        step: Callable[[Any], Any] = effects.send
        value: Any = None
        while True:
            try:
                effect = step(value)
            except StopIteration as stop:
                result: T = stop.value
                return result
            try:
                step, value = effects.send, self._perform(effect)
            except BaseException as error:  # noqa: BLE001 — thrown into the generator, which decides
                step, value = effects.throw, error

    def close(self) -> None:
        """Close the connections, unless they are the user's own."""
        if self._own:
            self._http.close()

    def _perform(self, effect: object) -> Any:
        match effect:
            case Send(request):
                return self._send(request)
            case Sleep(seconds):
                return time.sleep(seconds)
            case Future():
                return effect.result()
            case All():
                return self._all(effect)
        raise TypeError(f"no such effect: {effect!r}")

    def _send(self, request: Request) -> Response:
        try:
            answer = self._http.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body or None,
                timeout=self._timeout,
            )
        except Exception as error:  # noqa: BLE001 — mapped, or raised again
            raise _translate(error, request) from None
        return _response(answer)

    def _all(self, effect: All) -> list[Any]:
        results: list[Any] = [None] * len(effect.parts)

        def one(index: int) -> None:
            results[index] = self.run(effect.parts[index])
            effect.done(index)

        with ThreadPoolExecutor(min(effect.concurrency, max(1, len(effect.parts))), "tidewire") as pool:
            futures = [pool.submit(one, index) for index in range(len(effect.parts))]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return results


class AsyncTransport:
    """Runs effects in the calling task."""

    def __init__(self, http: Any, timeout: float) -> None:
        _redact.install()
        if http is not None and not asyncio.iscoroutinefunction(getattr(http, "request", None)):
            raise ConfigError("http: AsyncClient takes an httpx.AsyncClient; Client takes the synchronous one")
        self._own = http is None
        self._http = httpx.AsyncClient(timeout=timeout, limits=_LIMITS, headers=_HEADERS) if http is None else http
        self._timeout = timeout

    async def run(self, effects: Effects[T], over: Exchange | None = None) -> T:
        """Drive a generator to its value. Cancelling the task ends the generator at the effect it waits for.

        ``over`` exchanges the requests that go to WebSocket addresses.
        """
        step: Callable[[Any], Any] = effects.send
        value: Any = None
        while True:
            try:
                effect = step(value)
            except StopIteration as stop:
                result: T = stop.value
                return result
            try:
                step, value = effects.send, await self._perform(effect, over)
            except BaseException as error:  # noqa: BLE001 — thrown into the generator, which decides
                step, value = effects.throw, error

    async def close(self) -> None:
        """Close the connections, unless they are the user's own."""
        if self._own:
            await self._http.aclose()

    def _perform(self, effect: object, over: Exchange | None) -> Awaitable[Any]:
        match effect:
            case Send(request) if over is not None and request.url.startswith("ws"):
                return over(request)
            case Send(request):
                return self._send(request)
            case Sleep(seconds):
                return asyncio.sleep(seconds)
            case Future():
                return asyncio.wrap_future(effect)
            case All():
                return self._all(effect)
        raise TypeError(f"no such effect: {effect!r}")

    async def _send(self, request: Request) -> Response:
        try:
            answer = await self._http.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body or None,
                timeout=self._timeout,
            )
        except Exception as error:  # noqa: BLE001 — mapped, or raised again
            raise _translate(error, request) from None
        return _response(answer)

    async def _all(self, effect: All) -> list[Any]:
        room = asyncio.Semaphore(effect.concurrency)

        async def one(index: int) -> Any:
            async with room:
                result = await self.run(effect.parts[index])
            effect.done(index)
            return result

        # Not a TaskGroup: its ExceptionGroup would hide the typed error from the caller's except clause.
        tasks = [asyncio.create_task(one(index)) for index in range(len(effect.parts))]
        try:
            return await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise


def _response(answer: _Answer) -> Response:
    return Response(answer.status_code, answer.content, {k.lower(): v for k, v in answer.headers.items()})


def _translate(error: Exception, request: Request) -> Exception:
    """Our error for an HTTP library's: by name, as the user's client may be httpx2's. The text never has the query."""
    names = {base.__name__ for base in type(error).__mro__}
    if "HTTPError" not in names and "RequestError" not in names and "InvalidURL" not in names:
        return error
    where = f"{request.method} {redact_url(request.url)}"
    if "InvalidURL" in names or "UnsupportedProtocol" in names:
        return ConfigError(f"{where} is not an address that HTTP can use")
    sent = not names & {kind.__name__ for kind in _BEFORE_SENDING}
    kind: type[TransportError] = Timeout if "TimeoutException" in names else ConnectionFailed
    what = "no answer in time from" if kind is Timeout else "no connection to" if not sent else "connection lost to"
    return kind(f"{what} {where} ({type(error).__name__})", sent=sent)
