"""Coinbase's dialect over plain HTTP, signed here without any of our own code: pages, bounds, refusals, fees."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from tidewire._dialect import Bar
from tidewire.sandbox import Sandbox

Signed = Callable[..., httpx.Response]
UNHURRIED = dict.fromkeys(("public", "private", "fills"), (1000, 1.0))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("coinbase", pace=None, limits=UNHURRIED) as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url("coinbase"), timeout=5) as client:
        yield client


@pytest.fixture
def signed(sandbox: Sandbox, http: httpx.Client) -> Signed:
    """``signed("POST", "/orders", {…})``; ``stamp``, ``secret`` and ``headers`` can be wrong on purpose."""
    key = sandbox.credentials("coinbase")

    def send(
        method: str,
        path: str,
        body: object = None,
        *,
        stamp: str = "",
        secret: str = key.secret,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        text = "" if body is None else json.dumps(body)
        stamp = stamp or f"{time.time():.3f}"
        digest = hmac.new(base64.b64decode(secret), f"{stamp}{method}{path}{text}".encode(), hashlib.sha256).digest()
        sent = {
            "CB-ACCESS-KEY": key.key,
            "CB-ACCESS-SIGN": base64.b64encode(digest).decode(),
            "CB-ACCESS-TIMESTAMP": stamp,
            "CB-ACCESS-PASSPHRASE": str(key.passphrase),
            **(headers or {}),
        }
        return http.request(method, path, content=text, headers=sent)

    return send


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["message"]


def limit_order(**terms: object) -> dict[str, object]:
    return {"product_id": "BTC-USD", "side": "buy", "type": "limit", "size": "0.01", "price": "30000.00", **terms}


def bid(http: httpx.Client, part: float = 1.0) -> str:
    best = Decimal(http.get("/products/BTC-USD/ticker").json()["bid"])
    return f"{best * Decimal(str(part)):.2f}"


# Candles.


def test_candles_are_newest_first_and_bounded(http: httpx.Client) -> None:
    path = "/products/BTC-USD/candles"
    rows = http.get(path, params={"granularity": "60"}).json()
    assert len(rows) == 300
    times = [row[0] for row in rows]
    assert times == sorted(times, reverse=True)
    assert all(low <= min(o, c) <= max(o, c) <= high for _, low, high, o, c, _ in rows)
    window = {"granularity": "3600", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T05:00:00Z"}
    assert len(http.get(path, params=window).json()) == 6  # both ends count
    assert http.get(path, params={**window, "start": "1767225600", "end": "1767243600"}).json() == (
        http.get(path, params=window).json()
    )
    alone = {"granularity": "60", "start": "2026-01-01T00:00:00Z"}
    assert http.get(path, params=alone).json()[0][0] >= times[0]  # one bound alone is ignored
    wide = http.get(path, params={**window, "end": "2026-01-14T00:00:00Z"})
    assert refusal(wide)[0] == 400
    assert "exceeds 300" in refusal(wide)[1]
    assert refusal(http.get(path, params={"granularity": "1800"})) == (400, "Unsupported granularity")


def test_bars_without_trades_are_left_out(
    sandbox: Sandbox, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = sandbox.exchange("coinbase")
    whole = exchange.bars

    def thin(*args: Any, **window: Any) -> list[Bar]:
        rows = whole(*args, **window)
        return [row if row.open_ns // 10**9 % 180 == 0 else _idle(row) for row in rows]

    monkeypatch.setattr(exchange, "bars", thin)
    rows = http.get("/products/BTC-USD/candles", params={"granularity": "60"}).json()
    assert len(rows) == 100
    assert {row[0] % 180 for row in rows} == {0}


def _idle(bar: Bar) -> Bar:
    return msgspec.structs.replace(bar, trades=0, volume=Decimal(0))


# Pages.


def test_trades_page_by_cursor(http: httpx.Client) -> None:
    path = "/products/BTC-USD/trades"
    first = http.get(path, params={"limit": "10"})
    ids = [row["trade_id"] for row in first.json()]
    assert ids == sorted(ids, reverse=True)
    assert (first.headers["cb-before"], first.headers["cb-after"]) == (str(ids[0]), str(ids[-1]))
    older = http.get(path, params={"limit": "10", "after": first.headers["cb-after"]})
    assert [row["trade_id"] for row in older.json()] == [n - 10 for n in ids]
    newer = http.get(path, params={"before": older.headers["cb-before"]})
    assert [row["trade_id"] for row in newer.json()] == ids
    nothing = http.get(path, params={"before": str(ids[0])})
    assert nothing.json() == []
    assert "cb-after" not in nothing.headers


def test_open_orders_page_by_cursor(http: httpx.Client, signed: Signed) -> None:
    price = bid(http, 0.5)
    ids = [signed("POST", "/orders", limit_order(price=price)).json()["id"] for _ in range(5)]
    first = signed("GET", "/orders?limit=2")
    assert [row["id"] for row in first.json()] == ids[:2:-1]
    second = signed("GET", f"/orders?limit=2&after={first.headers['cb-after']}")
    assert [row["id"] for row in second.json()] == ids[2:0:-1]


# Refusals.


def test_authentication(sandbox: Sandbox, http: httpx.Client, signed: Signed) -> None:
    assert signed("GET", "/accounts").status_code == 200
    assert refusal(http.get("/accounts"))[0] == 401
    assert refusal(signed("GET", "/accounts", secret="AAAA")) == (401, "invalid signature")
    assert refusal(signed("GET", "/accounts", headers={"CB-ACCESS-SIGN": "%%"})) == (401, "invalid signature")
    assert refusal(signed("GET", "/accounts", headers={"CB-ACCESS-KEY": "other"})) == (401, "Invalid API Key")
    assert refusal(signed("GET", "/accounts", headers={"CB-ACCESS-PASSPHRASE": "no"})) == (401, "Invalid Passphrase")
    assert refusal(signed("GET", "/accounts", stamp="soon")) == (401, "invalid timestamp")
    for offset, status in ((-29, 200), (29, 200), (-31, 401), (31, 401)):
        answer = signed("GET", "/accounts", stamp=str(time.time() + offset))
        assert answer.status_code == status
        assert status == 200 or refusal(answer)[1] == "request timestamp expired"


def test_a_client_must_name_itself(http: httpx.Client) -> None:
    assert refusal(http.get("/time", headers={"User-Agent": ""})) == (400, "User-Agent header is required.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_oid": "mine"}, "UUID"),
        ({"post_only": "true"}, "boolean"),
        ({"post_only": True, "time_in_force": "IOC"}, "post only"),
        ({"side": "long"}, "Invalid side"),
        ({"size": 1}, "must be a string"),
        ({"size": "1e-3"}, "Invalid size"),
        ({"size": "0.000000001"}, "size is too accurate"),
        ({"price": "30000.001"}, "price is too accurate"),
        ({"price": None}, "price is required"),
        ({"stop": "loss"}, "not a valid parameter"),
    ],
)
def test_orders_that_are_no_orders(http: httpx.Client, signed: Signed, change: dict[str, object], words: str) -> None:
    status, message = refusal(signed("POST", "/orders", limit_order(price=bid(http, 0.5)) | change))
    assert status == 400
    assert words in message


def test_unknown_things(signed: Signed, http: httpx.Client) -> None:
    assert refusal(http.get("/products/NO-SUCH")) == (404, "NotFound")
    assert http.get("/products/btc-usd").json()["id"] == "BTC-USD"
    assert refusal(http.get("/nowhere"))[0] == 404
    assert refusal(http.get("/products/BTC-USD/book", params={"level": "3"}))[0] == 400
    assert refusal(signed("GET", "/orders/7")) == (400, "Invalid order id")
    assert refusal(signed("GET", f"/orders/{uuid4()}")) == (404, "NotFound")
    assert refusal(signed("GET", f"/orders/client:{uuid4()}")) == (404, "NotFound")
    assert refusal(signed("DELETE", "/orders?product_id=FOO-BAR"))[0] == 404
    assert refusal(signed("POST", "/orders", [1])) == (400, "Bad Request")
    assert refusal(signed("GET", "/fills"))[0] == 400


def test_limits_are_told_in_words() -> None:
    with Sandbox("coinbase", pace=None) as sandbox, httpx.Client(base_url=sandbox.base_url("coinbase")) as http:
        answers = [http.get("/time") for _ in range(40)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert refusal(refused[0]) == (429, "Public rate limit exceeded")
        assert "retry-after" not in refused[0].headers


# Fees.


def test_fees_are_paid_in_quote_currency_and_never_overdrawn(
    sandbox: Sandbox, http: httpx.Client, signed: Signed
) -> None:
    def balances() -> dict[str, dict[str, Decimal]]:
        rows = signed("GET", "/accounts").json()
        names = ("balance", "hold", "available")
        return {row["currency"]: {name: Decimal(row[name]) for name in names} for row in rows}

    before = balances()
    order = signed("POST", "/orders", {"product_id": "BTC-USD", "side": "buy", "type": "market", "size": "0.5"}).json()
    (fill, *rest) = signed("GET", f"/fills?order_id={order['id']}").json()
    value = sum(Decimal(row["price"]) * Decimal(row["size"]) for row in (fill, *rest))
    fee = sum(Decimal(row["fee"]) for row in (fill, *rest))
    after = balances()
    assert after["BTC"]["balance"] - before["BTC"]["balance"] == Decimal("0.5")
    assert before["USD"]["balance"] - after["USD"]["balance"] == value + fee
    assert value * Decimal("0.00099") < fee <= value * Decimal("0.001")

    price = Decimal(bid(http, 0.9))
    size = f"{after['USD']['available'] / price:.8f}"
    assert refusal(signed("POST", "/orders", limit_order(price=str(price), size=size))) == (400, "Insufficient funds")
    size = f"{after['USD']['available'] / price / Decimal('1.00101'):.6f}"
    assert signed("POST", "/orders", limit_order(price=str(price), size=size)).status_code == 200
    held = balances()["USD"]
    assert held["hold"] == price * Decimal(size) * Decimal("1.001")
    assert held["available"] >= 0
    signed("DELETE", "/orders?product_id=BTC-USD")
    assert balances()["USD"]["hold"] == 0
