"""A small HTTP/1.1 server on asyncio streams: keep-alive, bounded, and able to break its word when told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import responses

from .._call import Request, Response

__all__ = ["HttpServer", "Reply", "encode"]

MAX_HEAD = 16 * 1024
MAX_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes for the wire; ``cut`` ends the connection after them, without a word."""

    data: bytes
    cut: bool = False


Handler = Callable[[Request], Awaitable[Reply]]


def encode(response: Response, *, length: int | None = None) -> bytes:
    """An HTTP/1.1 answer; ``length`` is the content length to claim, if not the true one."""
    size = len(response.body) if length is None else length
    reason = responses.get(response.status, "Unknown")
    headers = {**response.headers, "Content-Length": str(size)}
    lines = [f"HTTP/1.1 {response.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body


class _BadRequest(Exception):
    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class HttpServer:
    """Listens on one address and hands whole requests to ``handler``."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._base = ""

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=MAX_HEAD)
        chosen: int = self._server.sockets[0].getsockname()[1]
        self._base = f"http://{host}:{chosen}"
        return chosen

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away: its business
        except asyncio.CancelledError:
            pass  # the server closes
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await self._read(reader)
            except _BadRequest as error:
                body = error.status.phrase.encode()
                writer.write(
                    encode(Response(error.status, body, {"Content-Type": "text/plain", "Connection": "close"}))
                )
                await writer.drain()
                return
            if request is None:
                return
            reply = await self._handle(request)
            writer.write(reply.data)
            if reply.cut:
                if not reply.data:
                    writer.transport.abort()
                return
            await writer.drain()
            if request.headers.get("connection", "").lower() == "close":
                return

    async def _handle(self, request: Request) -> Reply:
        try:
            return await self._handler(request)
        except Exception as error:  # noqa: BLE001 - the boundary: a bug of ours must be seen, and answered
            context = {"message": f"the sandbox failed at {request!r}", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return Reply(encode(Response(500, b"Internal Server Error", {"Content-Type": "text/plain"})))

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise _BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
            raise _BadRequest(HTTPStatus.BAD_REQUEST)
        headers = _headers(lines[1:-2])
        if "transfer-encoding" in headers:
            raise _BadRequest(HTTPStatus.LENGTH_REQUIRED)
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise _BadRequest(HTTPStatus.BAD_REQUEST)
        if int(length) > MAX_BODY:
            raise _BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = await reader.readexactly(int(length))
        return Request(words[0], self._base + words[1], headers, body)


def _headers(lines: list[str]) -> Mapping[str, str]:
    """Header names in lower case."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _BadRequest(HTTPStatus.BAD_REQUEST)
        headers[name.lower()] = value.strip()
    return headers
