"""The HTTP server over real sockets: keep-alive, bounds, nonsense, and a clean end."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import threading

import httpx
import pytest

from tidewire.errors import ConfigError
from tidewire.sandbox import Fault, Sandbox


def raw(sandbox: Sandbox, *pieces: bytes) -> bytes:
    """Send bytes and read until the server closes the connection."""
    host, port = sandbox.base_url("binance").removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_one_connection_serves_many_requests(sandbox: Sandbox) -> None:
    request = b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n"
    assert raw(sandbox, request * 3).count(b"HTTP/1.1 200 OK") == 3


def test_a_request_may_arrive_in_pieces(sandbox: Sandbox) -> None:
    pieces = [b"GET /api/v3/ti", b"me HTTP/1.1\r\nHo", b"st: x\r\nConnection: close\r\n\r", b"\n"]
    answer = raw(sandbox, *pieces)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["serverTime"] > 0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET api/v3/ping HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /api/v3/ping HTTP/2.0\r\n\r\n", b"400"),
        (b"GET /api/v3/ping HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST /api/v3/order HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /api/v3/order HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /api/v3/order HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"GET /api/v3/ping HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
    ],
)
def test_nonsense_is_refused_and_hung_up_on(sandbox: Sandbox, sent: bytes, status: bytes) -> None:
    assert raw(sandbox, sent).startswith(b"HTTP/1.1 " + status)
    assert raw(sandbox, b"GET /api/v3/ping HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", b"GET /api", b"POST /api/v3/order HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"])
def test_half_a_request_is_no_request(sandbox: Sandbox, sent: bytes) -> None:
    assert raw(sandbox, sent) == b""
    assert sum(sandbox.requests("binance").values()) == 0


def test_an_unknown_address_is_a_404_page(http: httpx.Client) -> None:
    answer = http.get("/api/v3/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html")
    assert http.put("/api/v3/ping").status_code == 404


def test_stopping_ends_what_hangs_and_frees_the_ports() -> None:
    before = threading.active_count()
    sandbox = Sandbox("binance", pace=0.01).start()
    url = sandbox.base_url("binance")
    hang = sandbox.fail("hang", path="/api/v3/time")
    outcome: list[BaseException | httpx.Response] = []

    def ask() -> None:
        try:
            outcome.append(httpx.get(url + "/api/v3/time", timeout=10))
        except httpx.HTTPError as error:
            outcome.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    assert hang.wait()
    sandbox.stop()
    asker.join(timeout=10)
    assert len(outcome) == 1
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(url + "/api/v3/time")
    sandbox.stop()
    gc.collect()  # an unclosed socket would warn here, and warnings are errors


def test_it_can_run_again_and_on_fixed_ports() -> None:
    with Sandbox("binance", pace=None) as first:
        rest, stream = (int(url.rpartition(":")[2]) for url in (first.base_url("binance"), first.stream_url("binance")))
        assert rest != stream
    sandbox = Sandbox("binance", pace=None, ports={"binance": (rest, stream)})
    for _ in range(2):
        with sandbox:
            assert sandbox.base_url("binance").endswith(f":{rest}")
            assert httpx.get(sandbox.base_url("binance") + "/api/v3/ping").json() == {}


def test_a_taken_port_is_told_where_it_is_started() -> None:
    with Sandbox("binance", pace=None) as first:
        port = int(first.base_url("binance").rpartition(":")[2])
        second = Sandbox("binance", pace=None, ports={"binance": (port, 0)})
        with pytest.raises(OSError, match="address"):
            second.start()
        with pytest.raises(ConfigError, match="not running"):
            second.base_url("binance")


def test_a_failure_inside_is_raised_where_it_is_stopped() -> None:
    sandbox = Sandbox("binance", pace=None).start()
    sandbox.inspect("binance", lambda exchange: setattr(exchange, "ticker", lambda symbol: 1 / 0))
    answer = httpx.get(sandbox.base_url("binance") + "/api/v3/ticker/24hr", params={"symbol": "BTCUSDT"})
    assert answer.status_code == 500
    with pytest.raises(ZeroDivisionError):
        sandbox.stop()
    assert "stopped" in repr(sandbox)


def test_a_step_that_fails_ends_the_sandbox() -> None:
    sandbox = Sandbox("binance", pace=0.01)
    sandbox.exchange("binance").step = lambda followed: 1 / 0  # type: ignore[method-assign,assignment]
    sandbox.start()
    next(thread for thread in threading.enumerate() if thread.name == "tidewire-sandbox").join(5)
    with pytest.raises(ZeroDivisionError):
        sandbox.stop()


async def test_async_with() -> None:
    async with Sandbox("binance", pace=None) as sandbox, httpx.AsyncClient() as client:
        url = sandbox.base_url("binance") + "/api/v3/time"
        answers = await asyncio.gather(*(client.get(url) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


def test_bad_arguments() -> None:
    for build in (
        lambda: Sandbox("nowhere"),
        lambda: Sandbox("binance", pace=0),
        lambda: Sandbox("binance", limits={"nothing": (1, 1)}),
        lambda: Sandbox("binance", limits={"weight": (1, 0.5)}),
        lambda: Fault(kind="explode"),  # type: ignore[arg-type]
        lambda: Fault(kind="delay", probability=2),
    ):
        with pytest.raises(ConfigError):
            build()
    sandbox = Sandbox("binance")
    assert "stopped" in repr(sandbox)
    with pytest.raises(ConfigError, match="does not serve"):
        sandbox.credentials("okx")
