"""Faults strike where they are aimed, as often as they are told, and do exactly what they promise."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from tidewire.sandbox import Fault, Sandbox

Signed = Callable[..., httpx.Response]
PING = "/api/v3/ping"
TAKING = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.01"}


def resting(http: httpx.Client) -> dict[str, str]:
    best = float(http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 1}).json()["bids"][0][0])
    price = f"{best * 0.99:.2f}"
    return {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": price,
    }


def orders(signed: Signed) -> list[str]:
    return [order["status"] for order in signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()]


def test_a_lost_request_does_nothing(sandbox: Sandbox, signed: Signed) -> None:
    sandbox.fail("drop_before", method="POST", path="/order")
    with pytest.raises(httpx.TransportError):
        signed("POST", "/api/v3/order", **TAKING)
    assert orders(signed) == []
    assert signed("POST", "/api/v3/order", **TAKING).status_code == 200


def test_a_lost_answer_leaves_an_accepted_or_a_filled_order(
    sandbox: Sandbox, http: httpx.Client, signed: Signed
) -> None:
    armed = sandbox.fail("drop_after", method="POST", path="/order", times=2)
    for order in (resting(http), TAKING):
        with pytest.raises(httpx.TransportError):
            signed("POST", "/api/v3/order", **order)
    assert orders(signed) == ["NEW", "FILLED"]
    assert armed.hits == 2


def test_an_order_may_arrive_after_its_connection_died(sandbox: Sandbox, signed: Signed) -> None:
    sandbox.fail("drop_late", method="POST", seconds=0.2)
    with pytest.raises(httpx.TransportError):
        signed("POST", "/api/v3/order", **TAKING)
    assert orders(signed) == []
    deadline = time.monotonic() + 5
    while not orders(signed) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert orders(signed) == ["FILLED"]


@pytest.mark.parametrize(
    ("kind", "happened"), [("truncate", True), ("corrupt", True), ("html", True), ("status", False)]
)
def test_unreadable_answers(sandbox: Sandbox, signed: Signed, kind: str, happened: bool) -> None:
    sandbox.fail(kind, method="POST", status=502)  # type: ignore[arg-type]
    if kind == "truncate":
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            signed("POST", "/api/v3/order", **TAKING)
    else:
        answer = signed("POST", "/api/v3/order", **TAKING)
        assert answer.status_code == (502 if kind == "status" else 200)
        with pytest.raises(ValueError, match=r"Expecting|Invalid|decode"):
            json.loads(answer.content)
    assert orders(signed) == (["FILLED"] if happened else [])


@pytest.mark.parametrize(("kind", "status"), [("rate_limit", 429), ("ban", 418)])
def test_refusals_on_demand(sandbox: Sandbox, http: httpx.Client, kind: str, status: int) -> None:
    sandbox.fail(kind, path=PING, seconds=7)  # type: ignore[arg-type]
    answer = http.get(PING)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert answer.json()["code"] == -1003
    assert http.get(PING).status_code == 200
    assert sandbox.refusals("binance") == {status: 1}


def test_delays_and_hangs(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fail("delay", path=PING, seconds=0.2)
    started = time.monotonic()
    assert http.get(PING).status_code == 200
    assert time.monotonic() - started >= 0.2
    hang = sandbox.fail("hang", path=PING)
    with pytest.raises(httpx.ReadTimeout):
        http.get(PING, timeout=0.1)
    hang = sandbox.fail("hang", path=PING)
    answers: list[int] = []
    asker = threading.Thread(target=lambda: answers.append(http.get(PING).status_code))
    asker.start()
    assert hang.wait()
    assert answers == []
    hang.release()
    asker.join(5)
    assert answers == [200]


def test_aim(sandbox: Sandbox, http: httpx.Client) -> None:
    elsewhere = [
        sandbox.fail("status", venue="okx"),
        sandbox.fail("status", method="POST"),
        sandbox.fail("status", path="/klines"),
        sandbox.fail("lose"),
    ]
    assert http.get(PING).status_code == 200
    assert [armed.hits for armed in elsewhere] == [0, 0, 0, 0]
    always = sandbox.fail("status", path=PING, times=None, status=500)
    assert [http.get(PING).status_code for _ in range(3)] == [500] * 3
    always.cancel()
    assert http.get(PING).status_code == 200
    sandbox.fail("status", times=None)
    sandbox.clear_faults()
    assert http.get(PING).status_code == 200


def test_chance_is_seeded() -> None:
    def run(seed: int) -> list[int]:
        fault = Fault(kind="status", path=PING, times=None, probability=0.3)
        with Sandbox("binance", pace=None, seed=seed, faults=[fault]) as sandbox, httpx.Client() as client:
            return [client.get(sandbox.base_url("binance") + PING).status_code for _ in range(40)]

    first = run(1)
    assert run(1) == first
    assert run(2) != first
    assert 3 < first.count(503) < 25
