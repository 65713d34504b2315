"""WebSocket connections, client and server. The only module that imports the WebSocket library."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket as net
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

import picows

from ._call import redact_url
from .errors import ConfigError, ConnectionFailed, Timeout, TransportError

__all__ = ["MAX_MESSAGE", "Peer", "Server", "Socket", "connect", "serve"]

MAX_MESSAGE = 32 * 1024 * 1024
"""Largest message accepted, in bytes. A full Coinbase BTC-USD snapshot (46,000 levels) is about 1.5 MB in one frame."""

_CLOSE_WAIT_S = 1.0
_UPGRADE_S = 1.0  # for a client to ask, once it is connected: a server that closes waits for those that have not
_KIND, _CODE = picows.WSMsgType, picows.WSCloseCode
_TEXT = _KIND.TEXT


class Peer(Protocol):
    """What owns one end of a connection. Both methods run in the event loop's thread and must not block."""

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        """Take one whole message.

        ``payload`` is a view into the receive buffer unless the message was fragmented: it is valid only until this
        method returns. Copy what you keep.
        """

    def on_closed(self, reason: str) -> None:
        """Learn, once, that the connection is gone and why. No frame comes after it."""


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """Keeps the library from writing the upgrade request, whose query may hold a key, at its trace level."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        return level >= logging.INFO and super().isEnabledFor(level)


_LOG = _Quiet(logging.getLogger("tidewire.websocket"), {})


class Socket:
    """One open connection, made by ``connect`` or handed out by ``serve``. Belongs to its event loop's thread."""

    __slots__ = ("_gone", "_loop", "_transport", "is_closing", "last_received", "path")

    def __init__(self, transport: picows.WSTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._gone = loop.create_task(_outlive(transport), name="tidewire socket")
        self.path = transport.request.path.decode("ascii", "replace")
        """Request target, query included."""
        self.last_received = time.monotonic()
        """``time.monotonic()`` of the last message, ping or pong: what a silence watchdog compares."""
        self.is_closing = False
        """True from ``close``, ``abort`` or the other end's close on; nothing more is sent or delivered."""

    @property
    def unsent(self) -> int:
        """Bytes that the other end has not taken yet and that wait in our memory."""
        return self._transport.underlying_transport.get_write_buffer_size()

    def send(self, data: str | bytes) -> None:
        """Send a text (``str``) or binary (``bytes``) message. Does nothing once closing: ``on_closed`` tells."""
        if self.is_closing:  # after an abort half a frame may be on the wire: nothing may follow it
            return
        self._transport.send(_KIND.TEXT if isinstance(data, str) else _KIND.BINARY, data)

    def ping(self, payload: bytes = b"") -> None:
        """Ask for a sign of life (at most 125 bytes of payload); the pong moves ``last_received``."""
        self._transport.send_ping(payload)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake; cut the connection if the other end has not answered within a second."""
        if self.is_closing:
            return
        self.is_closing = True
        self._transport.send_close(code, reason.encode("ascii", "replace")[:123])  # type: ignore[arg-type]
        timer = self._loop.call_later(_CLOSE_WAIT_S, self.abort)
        self._gone.add_done_callback(lambda _: timer.cancel())

    def abort(self) -> None:
        """Cut the connection now, without a word, dropping what is unsent."""
        self.is_closing = True
        self._transport.disconnect(False)

    def pause(self) -> None:
        """Read nothing more: to the other end, a connection that is open and dead. For a server that plays dead."""
        self._transport.underlying_transport.pause_reading()

    async def wait_closed(self) -> None:
        """Return when the socket is closed and ``on_closed`` has run."""
        await asyncio.shield(self._gone)


async def _outlive(transport: picows.WSTransport) -> None:
    # The library keeps a local failure as an exception for whoever waits; ``on_closed`` has told it already.
    with contextlib.suppress(Exception):
        await transport.wait_disconnected()


class _Listener(picows.WSListener):
    """Turns the library's frames into whole messages for one peer."""

    def __init__(self, peer_factory: Callable[[Socket], Peer], sockets: set[Socket], limit: int) -> None:
        self._peer_factory = peer_factory
        self._sockets = sockets
        self._limit = limit
        self._parts: bytearray | None = None
        self._parts_are_text = False
        self._failure = ""
        self.socket: Socket | None = None
        self.peer: Peer | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.socket = Socket(transport, asyncio.get_running_loop())
        self._sockets.add(self.socket)
        self.peer = self._peer_factory(self.socket)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        socket = self.socket
        if socket is None:
            return
        if (
            frame.msg_type == _TEXT
            and frame.fin
            and self._parts is None
            and not (socket.is_closing or transport.is_close_frame_sent or frame.rsv1 or frame.rsv2 or frame.rsv3)
        ):
            self._deliver(frame.get_payload_as_memoryview(), True)
        else:
            self._on_other(transport, frame, socket)
        socket.last_received = time.monotonic()

    def _on_other(self, transport: picows.WSTransport, frame: picows.WSFrame, socket: Socket) -> None:
        """Take what is not simply a whole text."""
        kind = frame.msg_type
        if kind == _KIND.CLOSE:
            socket.is_closing = True
            transport.send_close(frame.get_close_code() if frame.payload_size else _CODE.OK)  # nothing if sent before
            transport.disconnect()
        elif socket.is_closing or transport.is_close_frame_sent:
            return
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(1002, "a frame uses an extension that was not negotiated")
        elif kind == _KIND.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind == _KIND.PONG:
            return
        elif frame.fin and self._parts is None and kind != _KIND.CONTINUATION:
            self._deliver(frame.get_payload_as_memoryview(), kind == _KIND.TEXT)
        else:
            self._assemble(frame)

    def _assemble(self, frame: picows.WSFrame) -> None:
        first = frame.msg_type != _KIND.CONTINUATION
        if first != (self._parts is None):
            self._fail(1002, "continuation frames out of order")
            return
        if first or self._parts is None:
            self._parts, self._parts_are_text = bytearray(), frame.msg_type == _KIND.TEXT
        if len(self._parts) + frame.payload_size > self._limit:
            self._fail(1009, f"a message is larger than {self._limit} bytes")
            return
        self._parts += frame.get_payload_as_memoryview()
        if frame.fin:
            whole, self._parts = bytes(self._parts), None
            self._deliver(whole, self._parts_are_text)

    def _deliver(self, payload: memoryview | bytes, is_text: bool) -> None:
        if self.peer is None:
            return
        try:
            self.peer.on_frame(payload, is_text)
        except Exception as error:  # noqa: BLE001 - the boundary: a peer's bug must be seen, and must not stop the loop
            self._fail(1011, f"{type(error).__name__} while a message was handled")
            context = {"message": "a WebSocket peer failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
        finally:
            if isinstance(payload, memoryview):
                payload.release()  # a view kept for later then raises instead of showing other bytes

    def _fail(self, code: int, reason: str) -> None:
        self._failure = reason
        if self.socket is not None:
            self.socket.close(code, reason)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        if self.socket is None:
            return
        self.socket.is_closing = True
        self._sockets.discard(self.socket)
        if self.peer is not None:
            self.peer.on_closed(self._failure or _why(transport.close_handshake))

    def pause_writing(self) -> None:
        """Nothing to pause here: ``Socket.unsent`` shows a slow reader to who sends."""

    def resume_writing(self) -> None:
        """See ``pause_writing``."""


def _why(handshake: picows.picows.WSCloseHandshake | None) -> str:
    if handshake is None:
        return "connection lost without a close frame"
    by_us = handshake.recv is None or not handshake.recv_then_sent
    info = handshake.sent if by_us else handshake.recv
    reason = f": {info.reason}" if info is not None and info.reason else ""
    code = int(info.code) if info is not None else 1005  # type: ignore[call-overload]
    return f"closed by {'us' if by_us else 'the other end'} ({code}{reason})"


async def connect(
    url: str,
    peer_factory: Callable[[Socket], Peer],
    *,
    ssl_context: ssl.SSLContext | None = None,
    timeout: float = 10.0,  # noqa: ASYNC109 - one budget over four steps, reported as our Timeout
    max_message: int = MAX_MESSAGE,
) -> Socket:
    """Open a connection; TLS certificates and host names are verified unless ``ssl_context`` says otherwise.

    ``timeout`` (seconds) covers name resolution, TCP, TLS and the upgrade. Compression is never negotiated and
    redirects are not followed. Raises ``Timeout``, ``ConnectionFailed``, or ``ConfigError`` for a URL that is not
    ``ws://`` or ``wss://``. A URL in a message has lost its query, which may hold a key.
    """
    raw: list[net.socket] = []

    async def dial(parsed: picows.WSParsedURL) -> net.socket:
        raw.append(await _dial(parsed.host, parsed.port))
        return raw[0]

    def listener() -> _Listener:
        return _Listener(peer_factory, set(), max_message)

    try:
        async with asyncio.timeout(timeout):
            transport, opened = await picows.ws_connect(
                listener, url, ssl_context=ssl_context, websocket_handshake_timeout=None, logger_name=_LOG,
                enable_auto_pong=False, max_frame_size=max_message, max_redirects=0, socket_factory=dial,
            )  # fmt: skip
    except (OSError, picows.WSError, ValueError) as error:
        _hang_up(raw)
        raise _translate(error, url, timeout) from None
    except BaseException:
        _hang_up(raw)
        raise
    return await _accept_opened(transport, opened, url)


async def _accept_opened(transport: picows.WSTransport, opened: Any, url: str) -> Socket:
    """Return the socket of a finished handshake, or raise what stopped it."""
    if not isinstance(opened, _Listener) or opened.socket is None:
        raise ConnectionFailed(f"{redact_url(url)} closed the connection during the WebSocket handshake")
    if opened.peer is None:
        transport.disconnect(False)
        await transport.wait_disconnected()  # raises what the peer factory raised
    return opened.socket


async def _dial(host: str, port: int) -> net.socket:
    """Return a connected TCP socket to the first address that answers.

    Our own, so that a caller who gives up half-way can hang up: the library forgets its transport then.
    """
    loop = asyncio.get_running_loop()
    last: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=net.SOCK_STREAM):
        sock = net.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last


def _hang_up(raw: list[net.socket]) -> None:
    # Shutting down, not closing: the transport that owns the descriptor sees the end of stream and closes it.
    for sock in raw:
        with contextlib.suppress(OSError):
            sock.shutdown(net.SHUT_RDWR)


def _translate(error: BaseException, url: str, timeout: float) -> TransportError | ConfigError:
    where = redact_url(url)
    match error:
        case TimeoutError():
            return Timeout(f"no WebSocket connection to {where} within {timeout:g} s")
        case picows.WSInvalidURL() | ValueError() if not isinstance(error, ssl.SSLError):
            return ConfigError(f"{where} is not a WebSocket URL: it must start with ws:// or wss://")
        case picows.WSInvalidStatusError():
            status = error.response.status if error.response is not None else HTTPStatus.BAD_GATEWAY
            return ConnectionFailed(f"{where} refused the WebSocket: HTTP {int(status)} {status.phrase}")
        case picows.WSError():
            return ConnectionFailed(f"{where} did not answer as a WebSocket server")
        case ssl.SSLCertVerificationError():
            return ConnectionFailed(f"{where}: its certificate was refused: {error.verify_message}")
        case _:
            return ConnectionFailed(f"cannot connect to {where}: {error}")


class Server:
    """A listening WebSocket server; ``port`` is the one that the system gave it."""

    def __init__(self, listening: asyncio.Server, sockets: set[Socket]) -> None:
        self._listening = listening
        self._sockets = sockets
        self.port: int = listening.sockets[0].getsockname()[1]

    @property
    def sockets(self) -> frozenset[Socket]:
        """Connections open now."""
        return frozenset(self._sockets)

    async def close(self) -> None:
        """Stop listening, close every connection (1001) and wait until they are gone."""
        self._listening.close()
        leaving = tuple(self._sockets)
        for socket in leaving:
            socket.close(1001, "server stops")
        await asyncio.gather(*(socket.wait_closed() for socket in leaving))
        await self._listening.wait_closed()


async def serve(
    peer_factory: Callable[[Socket], Peer],
    host: str | net.socket = "127.0.0.1",
    port: int = 0,
    *,
    accepts: Callable[[str], int] = lambda path: HTTPStatus.SWITCHING_PROTOCOLS,
    ssl_context: ssl.SSLContext | None = None,
    max_message: int = MAX_MESSAGE,
) -> Server:
    """Listen for WebSocket connections, at an address or on a bound socket; ``port`` 0 lets the system choose.

    ``peer_factory`` is called with each open socket, whose ``path`` holds the request target; it may send at once.
    ``accepts`` gives the HTTP status for a path: 101 accepts it, any other refuses it.
    """
    sockets: set[Socket] = set()

    def listener(request: picows.WSUpgradeRequest) -> _Listener | picows.WSUpgradeResponseWithListener:
        status = HTTPStatus(accepts(request.path.decode("ascii", "replace")))
        if status is HTTPStatus.SWITCHING_PROTOCOLS:
            return _Listener(peer_factory, sockets, max_message)
        refusal = picows.WSUpgradeResponse.create_error_response(status, status.phrase.encode())
        return picows.WSUpgradeResponseWithListener(refusal, None)

    place: dict[str, Any] = {"host": host, "port": port} if isinstance(host, str) else {"sock": host}
    listening = await picows.ws_create_server(
        listener,
        **place,
        ssl=ssl_context,
        logger_name=_LOG,
        websocket_handshake_timeout=_UPGRADE_S,
        enable_auto_pong=False,
        max_frame_size=max_message,
    )
    return Server(listening, sockets)
