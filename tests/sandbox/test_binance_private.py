"""Binance's private streams and WebSocket API in the sandbox, in the shapes of its documents and recordings."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tidewire.credentials import Credentials
from tidewire.errors import ConnectionFailed
from tidewire.sandbox import Sandbox

from .test_streams import Listener, listen

Signed = Callable[..., httpx.Response]
PLACES = {"spot": "/ws-api/v3", "linear": "/ws-fapi/v1"}
ORDERS = {"spot": "/api/v3/order", "linear": "/fapi/v1/order"}


def proof(key: Credentials, **params: Any) -> dict[str, Any]:
    """Parameters with key, time and the WebSocket API's signature: sorted, unencoded."""
    params |= {"apiKey": key.key, "timestamp": time.time_ns() // 1_000_000}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return {**params, "signature": hmac.new(key.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()}


def resting(sandbox: Sandbox, symbol: str = "BTCUSDT", kind: Any = "spot") -> dict[str, Any]:
    def look(exchange: Any) -> str:
        market = exchange.markets[exchange.instrument(symbol, kind).symbol]
        return str(market.instrument.round_price(market.mark() * Decimal("0.9")))

    price = sandbox.inspect("binance", look)
    return {"symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010", "price": price}


def market(**more: Any) -> dict[str, Any]:
    return {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010", **more}


async def ask(listener: Listener, method: str, **params: Any) -> Any:
    listener.send(id=method, method=method, params=params)
    return (await listener.until(lambda frame: frame.get("id") == method))[-1]


def recorded(fixtures: Path, name: str) -> dict[str, Any]:
    text = (fixtures / "jkorf" / "Binance" / name).read_text()
    pushed = json.loads(text[text.index("\n= ") + 3 :])
    return pushed.get("event") or pushed["data"]


async def test_spot_events_have_the_recorded_shapes(sandbox: Sandbox, signed: Signed, fixtures: Path) -> None:
    async with listen(sandbox, PLACES["spot"]) as listener:
        answer = await ask(listener, "userDataStream.subscribe.signature", **proof(sandbox.credentials("binance")))
        assert answer["result"] == {"subscriptionId": 0}
        assert answer["rateLimits"][0]["count"] == 2
        signed("POST", ORDERS["spot"], **market()).raise_for_status()
        frames = await listener.until(lambda frame: frame["event"]["e"] == "outboundAccountPosition")
    assert {frame["subscriptionId"] for frame in frames} == {0}
    events = [frame["event"] for frame in frames]
    order, account = (
        recorded(fixtures, "Spot/Account/Order.txt"),
        recorded(fixtures, "Spot/Account/AccountPosition.txt"),
    )
    assert set(events[0]) == set(order)
    assert [event["x"] for event in events[:-1]] == ["NEW", *["TRADE"] * (len(events) - 2)]
    assert events[-2]["X"] == "FILLED"
    assert set(order) - set(events[-2]) == {"W"}  # only while it is on the book
    assert set(events[-1]) == set(account)
    assert {row["a"] for row in events[-1]["B"]} == {"BTC", "USDT"}
    fills = [Decimal(event["l"]) for event in events[1:-1]]
    assert sum(fills) == Decimal(events[-2]["z"]) == Decimal("0.01")


async def test_a_cancel_moves_the_order_s_own_id(sandbox: Sandbox, signed: Signed) -> None:
    async with listen(sandbox, PLACES["spot"]) as listener:
        await ask(listener, "userDataStream.subscribe.signature", **proof(sandbox.credentials("binance")))
        placed = signed("POST", ORDERS["spot"], **resting(sandbox), newClientOrderId="mine").json()
        signed("DELETE", ORDERS["spot"], symbol="BTCUSDT", orderId=placed["orderId"]).raise_for_status()
        frames = await listener.until(lambda frame: frame["event"].get("x") == "CANCELED")
    new, canceled = frames[0]["event"], frames[-1]["event"]
    assert (new["c"], new["C"]) == ("mine", "")
    assert canceled["C"] == "mine" != canceled["c"]


async def test_futures_events_have_the_recorded_shapes(sandbox: Sandbox, signed: Signed, fixtures: Path) -> None:
    key = signed("POST", "/fapi/v1/listenKey").json()["listenKey"]
    async with listen(sandbox, f"/private/ws?listenKey={key}") as listener:
        signed("POST", ORDERS["linear"], **market()).raise_for_status()
        frames = await listener.until(lambda frame: frame["e"] == "ACCOUNT_UPDATE")
    order, account = (
        recorded(fixtures, "UsdFutures/OrderUpdate.txt"),
        recorded(fixtures, "UsdFutures/AccountUpdate.txt"),
    )
    assert [frame["o"]["x"] for frame in frames[:-1]] == ["NEW", *["TRADE"] * (len(frames) - 2)]
    assert set(frames[0]) == set(order)
    conditional = {"AP", "cr"}  # of trailing stops
    assert set(order["o"]) - set(frames[-2]["o"]) == conditional
    assert set(frames[-2]["o"]) <= set(order["o"])
    assert set(frames[-1]["a"]) == set(account["a"])
    assert set(frames[-1]["a"]["B"][0]) == set(account["a"]["B"][0])
    assert set(frames[-1]["a"]["P"][0]) == {*account["a"]["P"][0], "ma"}
    assert frames[-1]["a"]["P"][0]["pa"] == "0.010"


async def test_only_the_owner_hears_of_it(sandbox: Sandbox, signed: Signed) -> None:
    other = Credentials("other-key", "other-secret")
    sandbox.add_key("binance", other)
    async with listen(sandbox, PLACES["spot"]) as mine, listen(sandbox, PLACES["spot"]) as theirs:
        await ask(mine, "userDataStream.subscribe.signature", **proof(sandbox.credentials("binance")))
        await ask(theirs, "userDataStream.subscribe.signature", **proof(other))
        signed("POST", ORDERS["spot"], **resting(sandbox)).raise_for_status()
        signed("POST", ORDERS["spot"], key=other, **resting(sandbox), newClientOrderId="theirs").raise_for_status()
        assert (await mine.next())["event"]["c"] != "theirs"
        assert (await theirs.next())["event"]["c"] == "theirs"


async def test_a_listen_key_lives_an_hour_unless_renewed(sandbox: Sandbox, signed: Signed) -> None:
    key = signed("POST", "/fapi/v1/listenKey").json()["listenKey"]
    assert signed("POST", "/fapi/v1/listenKey").json()["listenKey"] == key
    async with listen(sandbox, f"/private/ws?listenKey={key}") as listener:
        sandbox.set_clock_offset("binance", 3000)
        assert signed("PUT", "/fapi/v1/listenKey").json()["listenKey"] == key
        sandbox.set_clock_offset("binance", 6000)
        sandbox.step()
        sandbox.set_clock_offset("binance", 7000)
        sandbox.step()
        ended = await listener.next()
    assert (ended["e"], ended["listenKey"]) == ("listenKeyExpired", key)
    assert signed("PUT", "/fapi/v1/listenKey").json()["code"] == -1125
    with pytest.raises(ConnectionFailed, match="404"):
        async with listen(sandbox, f"/private/ws?listenKey={key}"):
            pass


@pytest.mark.parametrize("kind", ["spot", "linear"])
async def test_an_order_over_the_socket(sandbox: Sandbox, signed: Signed, kind: str) -> None:
    key = sandbox.credentials("binance")
    async with listen(sandbox, PLACES[kind]) as listener:
        placed = await ask(listener, "order.place", **proof(key, **resting(sandbox, kind=kind), newClientOrderId="a"))
        assert placed["status"] == 200
        assert {row["rateLimitType"] for row in placed["rateLimits"]} == {"ORDERS", "REQUEST_WEIGHT"}
        stored = signed("GET", ORDERS[kind], symbol="BTCUSDT", origClientOrderId="a").json()
        assert stored["orderId"] == placed["result"]["orderId"]
        again = await ask(listener, "order.place", **proof(key, **resting(sandbox, kind=kind), newClientOrderId="a"))
        assert (again["status"], again["error"]["code"]) == (400, -2010 if kind == "spot" else -4116)
        gone = await ask(listener, "order.cancel", **proof(key, symbol="BTCUSDT", origClientOrderId="a"))
        assert gone["result"]["status"] == "CANCELED"


async def test_signatures_and_times_are_checked(sandbox: Sandbox) -> None:
    key = sandbox.credentials("binance")
    async with listen(sandbox, PLACES["spot"]) as listener:

        async def code(**changes: Any) -> int:
            answer = await ask(listener, "order.place", **{**proof(key, **resting(sandbox)), **changes})
            return int(answer["error"]["code"])

        assert await code(price="1.00") == -1022
        assert await code(apiKey="nobody") == -2015
        assert await code(signature="") == -1102
        sandbox.set_clock_offset("binance", 10)
        assert await code() == -1021


async def test_session_logon_is_for_ed25519_keys(sandbox: Sandbox) -> None:
    async with listen(sandbox, PLACES["spot"]) as listener:
        refused = await ask(listener, "session.logon", **proof(sandbox.credentials("binance")))
        assert refused["error"]["code"] == -4056
        assert (await ask(listener, "userDataStream.subscribe"))["error"]["code"] == -1002
        assert (await ask(listener, "nonsense"))["error"]["code"] == -1020
        twice = [
            await ask(listener, "userDataStream.subscribe.signature", **proof(sandbox.credentials("binance")))
            for _ in range(2)
        ]
        assert twice[1]["error"]["code"] == -2035
        assert (await ask(listener, "session.subscriptions"))["result"] == [{"subscriptionId": 0}]
        assert (await ask(listener, "userDataStream.unsubscribe"))["result"] == {}


async def test_an_ed25519_key_logs_on_once(sandbox: Sandbox) -> None:
    keys = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    forms = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from base64 import b64encode

    private = keys.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo).decode()
    sandbox.add_key("binance", Credentials("pair", public))
    params = {"apiKey": "pair", "timestamp": time.time_ns() // 1_000_000}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["signature"] = b64encode(private.sign(payload.encode())).decode()
    async with listen(sandbox, PLACES["spot"]) as listener:
        logged_on = await ask(listener, "session.logon", **params)
        assert logged_on["result"]["apiKey"] == "pair"
        assert (await ask(listener, "userDataStream.subscribe"))["status"] == 200
        placed = await ask(
            listener, "order.place", **resting(sandbox), timestamp=time.time_ns() // 1_000_000
        )  # neither key nor signature
        assert placed["status"] == 200


async def test_limits_are_shared_with_rest(signed: Signed) -> None:
    with Sandbox("binance", pace=None, limits={"spot-orders-10s": (2, 10)}) as sandbox:
        key = sandbox.credentials("binance")
        async with listen(sandbox, PLACES["spot"]) as listener:
            answers = [await ask(listener, "order.place", **proof(key, **resting(sandbox))) for _ in range(3)]
        if [answer["status"] for answer in answers] == [200] * 3:
            pytest.skip("the window of ten seconds turned in between")
        error = answers[-1]["error"]
        assert (answers[-1]["status"], error["code"]) == (429, -1015)
        assert error["data"]["retryAfter"] > error["data"]["serverTime"]
        assert re.search("2 orders per 10 SECOND", error["msg"])
