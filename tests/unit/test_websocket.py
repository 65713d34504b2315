"""The WebSocket boundary over real loopback sockets: whole messages, heartbeats, closing, and every way to fail."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import logging
import os
import shutil
import socket as net
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tidewire._websocket import Server, Socket, connect, serve
from tidewire.errors import ConfigError, ConnectionFailed, Timeout

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Recorder:
    """A peer that keeps what it is told and can be waited for."""

    def __init__(self, socket: Socket, answer: Callable[[Socket, bytes, bool], None] | None = None) -> None:
        self.socket = socket
        self.answer = answer
        self.messages: list[tuple[bytes, bool]] = []
        self.kept: memoryview | bytes | None = None
        self.closed: list[str] = []
        self._changed = asyncio.Event()

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        self.kept = payload
        self.messages.append((bytes(payload), is_text))
        self._changed.set()
        if self.answer is not None:
            self.answer(self.socket, bytes(payload), is_text)

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)
        self._changed.set()

    async def until(self, condition: Callable[[Recorder], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()


def echo(socket: Socket, payload: bytes, is_text: bool) -> None:
    socket.send(payload.decode() if is_text else payload)


class Peers(list[Recorder]):
    """A peer factory that keeps its peers."""

    def __init__(self, answer: Callable[[Socket, bytes, bool], None] | None = None) -> None:
        super().__init__()
        self._answer = answer

    def __call__(self, socket: Socket) -> Recorder:
        self.append(Recorder(socket, self._answer))
        return self[-1]


@contextlib.asynccontextmanager
async def serving(peers: Callable[[Socket], Any], **options: Any) -> AsyncIterator[Server]:
    server = await serve(peers, **options)
    try:
        yield server
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def raw_server(script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    """A TCP server that speaks bytes: for what a proper WebSocket server never does."""
    running: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await script(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            running.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Answer the handshake; return the request's head."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    digest = hashlib.sha1(key.split(b":")[1].strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )
    return head


def frame(opcode: int, payload: bytes = b"", *, fin: int = 1, rsv: int = 0) -> bytes:
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return head + bytes([126]) + struct.pack(">H", len(payload)) + payload
    return head + bytes([127]) + struct.pack(">Q", len(payload)) + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one short masked frame as a client sends it."""
    first, second = await reader.readexactly(2)
    assert second & 0x80, "clients must mask"
    mask = await reader.readexactly(4)
    body = await reader.readexactly(second & 0x7F)
    return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))


async def test_text_and_binary_of_every_length_class_come_back_whole() -> None:
    sizes = [0, 1, 125, 126, 127, 65535, 65536, 1_000_003]
    async with serving(Peers(echo)) as server:
        peers = Peers()
        socket = await connect(f"ws://127.0.0.1:{server.port}/", peers)
        sent = [(os.urandom(size), False) for size in sizes] + [(b"x" * size, True) for size in sizes]
        for payload, is_text in sent:
            socket.send(payload.decode() if is_text else payload)
        await peers[0].until(lambda peer: len(peer.messages) == len(sent))
        assert peers[0].messages == sent
        socket.close()
        await socket.wait_closed()


async def test_the_view_dies_with_the_callback() -> None:
    async with serving(Peers(echo)) as server:
        peers = Peers()
        socket = await connect(f"ws://127.0.0.1:{server.port}/", peers)
        socket.send("hello")
        await peers[0].until(lambda peer: bool(peer.messages))
        assert isinstance(peers[0].kept, memoryview)
        with pytest.raises(ValueError, match="released"):
            peers[0].kept.tobytes()
        socket.abort()
        await socket.wait_closed()


async def test_the_path_reaches_the_server_and_a_refused_one_is_404() -> None:
    peers = Peers()
    async with serving(peers, accepts=lambda path: 101 if path.startswith("/ws") else 404) as server:
        socket = await connect(f"ws://127.0.0.1:{server.port}/ws/btcusdt@trade?a=1", Peers())
        assert peers[0].socket.path == socket.path == "/ws/btcusdt@trade?a=1"
        socket.close()
        await socket.wait_closed()
        with pytest.raises(ConnectionFailed, match="HTTP 404 Not Found"):
            await connect(f"ws://127.0.0.1:{server.port}/other", Peers())


async def test_closing_is_told_once_to_both_ends_with_its_reason() -> None:
    server_peers, peers = Peers(), Peers()
    async with serving(server_peers) as server:
        socket = await connect(f"ws://127.0.0.1:{server.port}/", peers)
        socket.close(1000, "enough")
        assert socket.is_closing
        await socket.wait_closed()
        await server_peers[0].until(lambda peer: bool(peer.closed))
        assert peers[0].closed == ["closed by us (1000: enough)"]
        assert server_peers[0].closed == ["closed by the other end (1000: enough)"]
        assert not server.sockets


async def test_server_close_leaves_no_connection() -> None:
    server_peers, peers = Peers(), Peers()
    server = await serve(server_peers)
    sockets = [await connect(f"ws://127.0.0.1:{server.port}/", peers) for _ in range(3)]
    assert len(server.sockets) == 3
    await server.close()
    await asyncio.gather(*(socket.wait_closed() for socket in sockets))
    assert [peer.closed for peer in peers] == [["closed by the other end (1001: server stops)"]] * 3
    with pytest.raises(ConnectionFailed):
        await connect(f"ws://127.0.0.1:{server.port}/", peers)


async def test_server_close_does_not_wait_long_for_who_never_upgraded() -> None:
    server = await serve(Peers())
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(3):
        await server.close()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.parametrize(("payload", "told"), [(b"", "1005|0"), (b"\x0f\xa7bye", "4007: bye")])
async def test_every_close_code_is_reported(payload: bytes, told: str) -> None:
    answers: list[tuple[int, bytes]] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.write(frame(CLOSE, payload))
        answers.append(await read_frame(reader))

    async with raw_server(script) as port:
        peers = Peers()
        socket = await connect(f"ws://127.0.0.1:{port}/", peers)
        await socket.wait_closed()
        assert any(part in peers[0].closed[0] for part in told.split("|"))
    assert answers == [(CLOSE, payload[:2] or b"\x03\xe8")]


async def test_pings_are_answered_with_their_payload_and_count_as_life() -> None:
    answers: list[tuple[int, bytes]] = []
    connected, answered = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await connected.wait()
        writer.write(frame(PING, b"1723161255208") + frame(PING))
        answers.extend([await read_frame(reader), await read_frame(reader)])
        answered.set()
        await reader.read()

    async with raw_server(script) as port:
        peers = Peers()
        socket = await connect(f"ws://127.0.0.1:{port}/", peers)
        before = socket.last_received
        connected.set()
        await answered.wait()
        assert answers == [(PONG, b"1723161255208"), (PONG, b"")]
        assert socket.last_received > before
        assert not peers[0].messages
        socket.abort()
        await socket.wait_closed()


async def test_our_ping_is_answered_by_a_pong_that_counts_as_life() -> None:
    async with serving(Peers()) as server:
        socket = await connect(f"ws://127.0.0.1:{server.port}/", Peers())
        before = socket.last_received
        socket.ping(b"there?")
        async with asyncio.timeout(5):
            while socket.last_received == before:  # noqa: ASYNC110 - a pong has no callback to wait for
                await asyncio.sleep(0.001)
        socket.close()
        await socket.wait_closed()


async def test_fragments_are_joined_around_control_frames() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        parts = [frame(TEXT, b"one ", fin=0), frame(PING, b"p"), frame(0, b"two ", fin=0), frame(0, b"three")]
        parts += [frame(BINARY, b"", fin=0), frame(0, b"\x00\xff"), frame(TEXT, b"whole")]
        for byte in b"".join(parts):
            writer.write(bytes([byte]))
            await writer.drain()
        await reader.read()

    async with raw_server(script) as port:
        peers = Peers()
        socket = await connect(f"ws://127.0.0.1:{port}/", peers)
        await peers[0].until(lambda peer: len(peer.messages) == 3)
        assert peers[0].messages == [(b"one two three", True), (b"\x00\xff", False), (b"whole", True)]
        socket.abort()
        await socket.wait_closed()


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        pytest.param(frame(0, b"tail"), 1002, id="continuation of nothing"),
        pytest.param(frame(TEXT, b"a", fin=0) + frame(TEXT, b"b"), 1002, id="new message inside a fragmented one"),
        pytest.param(frame(TEXT, b"a", rsv=4), 1002, id="compressed without agreement"),
        pytest.param(frame(3, b"a"), 1002, id="unknown opcode"),
        pytest.param(frame(PING, b"a", fin=0), 1002, id="fragmented ping"),
        pytest.param(frame(TEXT, b"a" * 1001), 1009, id="message too large"),
        pytest.param(frame(TEXT, b"a" * 600, fin=0) + frame(0, b"a" * 600), 1009, id="fragments too large together"),
    ],
)
async def test_broken_protocol_closes_with_its_code_and_delivers_nothing(frames: bytes, code: int) -> None:
    got: list[tuple[int, bytes]] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.write(frames + frame(TEXT, b"never delivered"))
        got.append(await read_frame(reader))
        writer.write(frame(CLOSE, got[0][1][:2]))

    async with raw_server(script) as port:
        peers = Peers()
        socket = await connect(f"ws://127.0.0.1:{port}/", peers, max_message=1000)
        await socket.wait_closed()
        assert not peers[0].messages
        assert len(peers[0].closed) == 1
    assert got[0][0] == CLOSE
    assert int.from_bytes(got[0][1][:2], "big") == code


async def test_a_lost_connection_is_told() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.transport.abort()

    async with raw_server(script) as port:
        peers = Peers()
        socket = await connect(f"ws://127.0.0.1:{port}/", peers)
        await socket.wait_closed()
        assert peers[0].closed == ["connection lost without a close frame"]


async def test_no_frame_is_delivered_after_abort_even_from_the_same_read() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.write(frame(TEXT, b"1") + frame(TEXT, b"2") + frame(TEXT, b"3"))
        await reader.read()

    async with raw_server(script) as port:
        peers = Peers(lambda socket, payload, is_text: socket.abort())
        socket = await connect(f"ws://127.0.0.1:{port}/", peers)
        await socket.wait_closed()
        assert peers[0].messages == [(b"1", True)]


async def test_closing_a_silent_peer_takes_a_second_at_most() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await reader.read()

    async with raw_server(script) as port:
        peers = Peers()
        socket = await connect(f"ws://127.0.0.1:{port}/", peers)
        async with asyncio.timeout(3):
            socket.close()
            await socket.wait_closed()
        assert peers[0].closed == ["closed by us (1000)"]


async def test_a_bug_in_the_peer_is_reported_and_ends_the_connection() -> None:
    def broken(socket: Socket, payload: bytes, is_text: bool) -> None:
        raise KeyError("bug")

    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    async with serving(Peers(echo)) as server:
        peers = Peers(broken)
        socket = await connect(f"ws://127.0.0.1:{server.port}/", peers)
        socket.send("x")
        await socket.wait_closed()
        assert peers[0].closed == ["KeyError while a message was handled"]
    assert isinstance(reported[0]["exception"], KeyError)


async def test_a_bug_in_the_peer_factory_reaches_the_caller() -> None:
    def broken(socket: Socket) -> Recorder:
        raise KeyError("bug")

    async with serving(Peers()) as server:
        with pytest.raises(KeyError):
            await connect(f"ws://127.0.0.1:{server.port}/", broken)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "127.0.0.1:80", "ws://", "ws://127.0.0.1:99999/"])
async def test_a_url_that_is_none_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ConfigError, match="not a WebSocket URL"):
        await connect(url, Peers())


async def test_failures_are_typed_and_show_no_query() -> None:
    async def html(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 6\r\n\r\n<html>")
        await writer.drain()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x00\x01\x02\r\n\r\n")
        await writer.drain()

    cases = [(html, ConnectionFailed, "HTTP 429"), (silence, Timeout, "within 0.2 s")]
    cases += [
        (hang_up, ConnectionFailed, "during the WebSocket handshake"),
        (garbage, ConnectionFailed, "did not answer"),
    ]
    for script, kind, message in cases:
        async with raw_server(script) as port:
            with pytest.raises(kind, match=message) as caught:
                await connect(f"ws://127.0.0.1:{port}/ws?listenKey=TOPSECRET", Peers(), timeout=0.2)
            assert "TOPSECRET" not in str(caught.value)


async def test_giving_up_half_way_hangs_up() -> None:
    hung_up = asyncio.Event()
    begun = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        begun.set()
        await reader.read()
        hung_up.set()

    async with raw_server(silence) as port:
        task = asyncio.create_task(connect(f"ws://127.0.0.1:{port}/", Peers()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await hung_up.wait()


async def test_the_query_is_not_logged_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    logging.getLogger("tidewire").setLevel(1)
    try:
        async with serving(Peers()) as server:
            socket = await connect(f"ws://127.0.0.1:{server.port}/ws?listenKey=TOPSECRET", Peers())
            socket.close()
            await socket.wait_closed()
    finally:
        logging.getLogger("tidewire").setLevel(logging.NOTSET)
    assert "TOPSECRET" not in caplog.text


async def test_unsent_shows_a_reader_that_does_not_read() -> None:
    peers, accepted = Peers(), asyncio.Event()

    def accept(socket: Socket) -> Recorder:
        accepted.set()
        return peers(socket)

    async with serving(accept) as server:
        client = net.create_connection(("127.0.0.1", server.port))
        try:
            client.sendall(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            await accepted.wait()
            assert peers[0].socket.unsent == 0
            peers[0].socket.send(b"x" * 30_000_000)
            assert peers[0].socket.unsent > 10_000_000
        finally:
            client.close()
            peers[0].socket.abort()
            await peers[0].socket.wait_closed()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for ``localhost`` and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [*command, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True
    )
    return folder / "cert.pem", folder / "key.pem"


async def test_tls_is_verified(certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    async with serving(Peers(echo), ssl_context=context) as server:
        with pytest.raises(ConnectionFailed, match="certificate"):
            await connect(f"wss://localhost:{server.port}/", Peers())
        with pytest.raises(ConnectionFailed, match="certificate"):
            await connect(f"wss://127.0.0.1:{server.port}/", Peers(), ssl_context=trusting)
        peers = Peers()
        socket = await connect(f"wss://localhost:{server.port}/", peers, ssl_context=trusting)
        socket.send(b"x" * 200_000)
        await peers[0].until(lambda peer: bool(peer.messages))
        assert peers[0].messages == [(b"x" * 200_000, False)]
        socket.close()
        await socket.wait_closed()
