"""Binance's dialect over real sockets, asked by a plain HTTP client: shapes, windows, identity and refusals."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tidewire.credentials import Credentials
from tidewire.sandbox import Sandbox

Signed = Callable[..., httpx.Response]

MARKETS = [("/api/v3", 1000), ("/fapi/v1", 1500)]


def recorded(fixtures: Path, exchange: str, address: str) -> Any:
    """The first recorded answer whose URL contains ``address``."""
    with gzip.open(fixtures / "cryptofeed" / f"{exchange}.jsonl.gz", "rt") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["t"] == "http" and address in entry["url"]:
                return json.loads(entry["data"])
    raise LookupError(address)


# Shapes.


@pytest.mark.parametrize(("exchange", "path"), [("BINANCE", "/api/v3"), ("BINANCE_FUTURES", "/fapi/v1")])
def test_shapes_are_those_of_the_recordings(http: httpx.Client, fixtures: Path, exchange: str, path: str) -> None:
    ours, theirs = http.get(f"{path}/exchangeInfo").json(), recorded(fixtures, exchange, "exchangeInfo")
    assert set(ours) == set(theirs)
    assert {tuple(sorted(row)) for row in ours["rateLimits"]} == {tuple(sorted(row)) for row in theirs["rateLimits"]}
    symbol = next(row for row in theirs["symbols"] if row["symbol"] == "BTCUSDT")
    mine = next(row for row in ours["symbols"] if row["symbol"] == "BTCUSDT")
    since_then = {"settlePlan"}  # gone by 2026
    assert set(symbol) - since_then <= set(mine)
    price = next(row for row in mine["filters"] if row["filterType"] == "PRICE_FILTER")
    assert set(price) == set(next(row for row in symbol["filters"] if row["filterType"] == "PRICE_FILTER"))
    depth, book = http.get(f"{path}/depth", params={"symbol": "BTCUSDT"}).json(), recorded(fixtures, exchange, "depth")
    assert list(depth) == list(book)
    assert [type(text) for text in depth["bids"][0]] == [type(text) for text in book["bids"][0]]


def test_tickers_and_klines_have_the_venues_fields(http: httpx.Client, fixtures: Path) -> None:
    cases = json.loads((fixtures / "ccxt" / "response" / "binance.json").read_text())["methods"]
    ticker = http.get("/api/v3/ticker/24hr", params={"symbol": "BTCUSDT"}).json()
    assert set(ticker) == set(cases["fetchTicker"][0]["httpResponse"])
    real = json.loads((fixtures / "klines" / "binance_api_v3_klines_gct_0.json").read_text())
    row = http.get("/api/v3/klines", params={"symbol": "BTCUSDT", "interval": "1m", "limit": 1}).json()[0]
    real_row = real[0] if isinstance(real, list) else next(iter(real.values()))[0]
    assert [type(cell) for cell in row] == [type(cell) for cell in real_row]
    assert row[6] == row[0] + 59_999


@pytest.mark.parametrize(("path", "page"), MARKETS)
def test_every_public_address_answers(http: httpx.Client, path: str, page: int) -> None:
    btc = {"symbol": "BTCUSDT"}
    for name, query in [
        ("ping", {}),
        ("time", {}),
        ("exchangeInfo", {}),
        ("depth", btc),
        ("trades", btc),
        ("aggTrades", btc),
        ("klines", {**btc, "interval": "1m"}),
        ("ticker/24hr", btc),
        ("ticker/24hr", {}),
        ("ticker/price", btc),
        ("ticker/price", {}),
        ("ticker/bookTicker", btc),
        ("ticker/bookTicker", {}),
    ]:
        assert http.get(f"{path}/{name}", params=query).status_code == 200, name
    assert len(http.get(f"{path}/klines", params={**btc, "interval": "1m", "limit": 5000}).json()) == page


def test_futures_only_addresses(http: httpx.Client) -> None:
    btc = {"symbol": "BTCUSDT"}
    index = http.get("/fapi/v1/premiumIndex", params=btc).json()
    assert index["nextFundingTime"] % (8 * 3_600_000) == 0
    assert len(http.get("/fapi/v1/premiumIndex").json()) > 3
    rates = http.get("/fapi/v1/fundingRate", params={**btc, "limit": 5}).json()
    assert [row["fundingTime"] for row in rates] == sorted(row["fundingTime"] for row in rates)
    first = http.get("/fapi/v1/fundingRate", params={**btc, "startTime": rates[1]["fundingTime"], "limit": 2}).json()
    assert first == rates[1:3]
    assert float(http.get("/fapi/v1/openInterest", params=btc).json()["openInterest"]) > 0
    dated = next(row for row in http.get("/fapi/v1/exchangeInfo").json()["symbols"] if "_" in row["symbol"])
    assert dated["contractType"] == "CURRENT_QUARTER"
    assert dated["deliveryDate"] > time.time() * 1000


@pytest.mark.parametrize(("path", "page"), MARKETS)
def test_kline_windows_are_inclusive_on_both_ends(http: httpx.Client, path: str, page: int) -> None:
    minute, start = 60_000, 1_700_000_040_000

    def opens(**window: int) -> list[int]:
        query = {"symbol": "BTCUSDT", "interval": "1m", **window}
        return [row[0] for row in http.get(f"{path}/klines", params=query).json()]

    assert opens(startTime=start, endTime=start + 2 * minute) == [start, start + minute, start + 2 * minute]
    assert opens(startTime=start + 1, limit=2) == [start + minute, start + 2 * minute]
    assert opens(endTime=start + minute - 1, limit=2) == [start - minute, start]
    assert opens(startTime=start, endTime=start - 1) == []
    assert len(opens()) == 500
    now = http.get(f"{path}/time").json()["serverTime"]
    assert opens(limit=1)[0] == now // minute * minute
    assert opens(startTime=now + minute) == []


def test_agg_trades_are_paged_by_id_and_time(http: httpx.Client) -> None:
    rows = http.get("/api/v3/aggTrades", params={"symbol": "BTCUSDT", "limit": 50}).json()
    query = {"symbol": "BTCUSDT", "fromId": rows[10]["a"], "limit": 5}
    assert http.get("/api/v3/aggTrades", params=query).json() == rows[10:15]
    query = {"symbol": "BTCUSDT", "startTime": rows[0]["T"], "endTime": rows[20]["T"]}
    assert [row["a"] for row in http.get("/api/v3/aggTrades", params=query).json()][-1] >= rows[20]["a"]


def test_symbols_are_a_json_list(http: httpx.Client) -> None:
    asked = http.get("/api/v3/ticker/price", params={"symbols": '["ETHUSDT","BTCUSDT"]'}).json()
    assert [row["symbol"] for row in asked] == ["ETHUSDT", "BTCUSDT"]
    bad = http.get("/api/v3/ticker/price", params={"symbols": '["ETHUSDT", "BTCUSDT"]'})
    assert bad.json()["code"] == -1100


# Who is asking.

# Binance's published key and signatures, and the moment that they were made for.
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
MOMENT = 1499827319559
TERMS = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
REST = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
WIDE = TERMS.replace("LTCBTC", "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96")


@pytest.mark.parametrize(
    ("query", "body", "signature", "code"),
    [
        (f"{TERMS}&{REST}", "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71", -1121),
        ("", f"{TERMS}&{REST}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71", -1121),
        (TERMS, REST, "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77", -1121),
        (f"{WIDE}&{REST}", "", "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3", -1100),
        (f"{TERMS}&{REST}", "", "C8DB56825AE71D6D79447849E617115F4A920FA2ACDCAB2B053C4B2838BD6B71", -1121),
        (f"{TERMS}&{REST}", "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b72", -1022),
        (f"{REST}&{TERMS}", "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71", -1022),
    ],
)
def test_published_signatures(
    sandbox: Sandbox, http: httpx.Client, query: str, body: str, signature: str, code: int
) -> None:
    """With a right signature the venue complains about the symbol, which is not listed here."""
    sandbox.add_key("binance", Credentials(KEY, SECRET))
    sandbox.set_clock_offset("binance", MOMENT / 1000 - time.time())
    tail = f"&signature={signature}"
    url = "/api/v3/order?" + (query if body else query + tail)
    answer = http.post(url, content=(body + tail) if body else "", headers={"X-MBX-APIKEY": KEY})
    assert answer.json()["code"] == code


def test_ed25519_keys(sandbox: Sandbox, http: httpx.Client) -> None:
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    sandbox.add_key("binance", Credentials("ed25519-key", public.decode()))
    payload = f"timestamp={time.time_ns() // 1_000_000}"
    for signer, status in ((private, 200), (ed25519.Ed25519PrivateKey.generate(), 400)):
        signature = base64.b64encode(signer.sign(payload.encode())).decode()
        query = httpx.QueryParams({"signature": signature})
        answer = http.get(f"/api/v3/account?{payload}&{query}", headers={"X-MBX-APIKEY": "ed25519-key"})
        assert answer.status_code == status
    assert answer.json()["code"] == -1022
    garbage = http.get(f"/api/v3/account?{payload}&signature=***", headers={"X-MBX-APIKEY": "ed25519-key"})
    assert garbage.json()["code"] == -1022


@pytest.mark.parametrize(
    ("ahead_ms", "window", "code"),
    [
        (0, None, None),
        (900, None, None),
        (1500, None, -1021),
        (1500, 60_000, -1021),  # no window makes up for a clock that is ahead
        (-4000, None, None),
        (-6000, None, -1021),
        (-6000, 10_000, None),
        (-30_000, 60_000, None),
        (0, 60_001, -1131),
        (0, "soon", -1100),
    ],
)
def test_time_stamps(signed: Signed, ahead_ms: int, window: Any, code: int | None) -> None:
    stamp = {"timestamp": time.time_ns() // 1_000_000 + ahead_ms}
    answer = signed("GET", "/api/v3/account", **stamp, **({} if window is None else {"recvWindow": window}))
    assert answer.json().get("code") == code


def test_the_venues_clock_may_be_wrong(sandbox: Sandbox, http: httpx.Client, signed: Signed) -> None:
    sandbox.set_clock_offset("binance", 30)
    assert http.get("/api/v3/time").json()["serverTime"] == pytest.approx(time.time() * 1000 + 30_000, abs=2000)
    assert signed("GET", "/api/v3/account").json()["code"] == -1021
    assert signed("GET", "/api/v3/account", timestamp=time.time_ns() // 1_000_000 + 30_000).status_code == 200


@pytest.mark.parametrize(
    ("headers", "query", "status", "code"),
    [
        ({}, "timestamp=1&signature=0", 401, -2014),
        ({"X-MBX-APIKEY": "unknown"}, "timestamp=1&signature=0", 401, -2015),
        ({"X-MBX-APIKEY": "…"}, "signature=0", 400, -1102),
        ({"X-MBX-APIKEY": "…"}, "timestamp=1", 400, -1102),
        ({"X-MBX-APIKEY": "…"}, "timestamp=1&signature=0", 400, -1022),
    ],
)
def test_strangers(
    sandbox: Sandbox, http: httpx.Client, headers: dict[str, str], query: str, status: int, code: int
) -> None:
    known = {name: sandbox.credentials("binance").key if value == "…" else value for name, value in headers.items()}
    answer = http.get(f"/api/v3/account?{query}", headers=known)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


# Refusals.


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/api/v3/klines", {"interval": "1m"}, -1102),
        ("/api/v3/klines", {"symbol": "", "interval": "1m"}, -1102),
        ("/api/v3/klines", {"symbol": "BTCUSDT"}, -1102),
        ("/api/v3/klines", {"symbol": "NOPE", "interval": "1m"}, -1121),
        ("/api/v3/klines", {"symbol": "btcusdt", "interval": "1m"}, -1100),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1s"}, -1120),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "x"}, -1100),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "-5"}, -1100),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": ""}, -1105),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "until": "1"}, -1104),
        ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": "7"}, -4021),
        ("/fapi/v1/depth", {"symbol": "PEPEUSDT"}, -1121),
    ],
)
def test_bad_questions(http: httpx.Client, path: str, query: dict[str, str], code: int) -> None:
    answer = http.get(path, params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["msg"]


def terms(http: httpx.Client, market: str, **changes: Any) -> dict[str, Any]:
    """A good limit order one percent below the market, changed: ``None`` takes a field away."""
    book = http.get(f"{market}/depth", params={"symbol": "BTCUSDT", "limit": 5}).json()
    best = float(book["bids"][0][0])
    digits = 2 if market == "/api/v3" else 1
    values = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": f"{best * 0.99:.{digits}f}",
        **changes,
    }
    if callable(values["price"]):
        values["price"] = f"{values['price'](best):.{digits}f}"
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"side": "buy"}, -1117, "Invalid side."),
        ({"type": "ICEBERG"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"timeInForce": None}, -1102, "timeInForce"),
        ({"price": None}, -1102, "price"),
        ({"quantity": None}, -1102, "quantity"),
        ({"price": "1e3"}, -1100, "price"),
        ({"quantity": "-1"}, -1100, "quantity"),
        ({"quantity": "0.0000000001"}, -1111, "precision"),
        ({"quantity": "0.000001"}, -1013, "LOT_SIZE"),
        ({"quantity": "0"}, -1013, "quantity"),
        ({"price": "50000.123"}, -1013, "PRICE_FILTER"),
        ({"quantity": "0.00001"}, -1013, "NOTIONAL"),
        ({"price": lambda best: best * 0.1}, -1013, "PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "5000"}, -2010, "insufficient balance"),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "price": lambda best: best * 1.01}, -2010, "immediately match"),
        ({"newClientOrderId": "has space"}, -1100, "newClientOrderId"),
        ({"newClientOrderId": "x" * 37}, -1100, "newClientOrderId"),
        ({"type": "MARKET", "timeInForce": None}, -1106, "price"),
        ({"type": "MARKET", "price": None, "timeInForce": "GTC"}, -1106, "timeInForce"),
        ({"type": "MARKET", "price": None, "timeInForce": None, "quoteOrderQty": "10"}, -1128, "Combination"),
        ({"newOrderRespType": "MUCH"}, -1158, "newOrderRespType"),
        ({"reduceOnly": "true"}, -1104, "read"),
    ],
)
def test_bad_spot_orders(http: httpx.Client, signed: Signed, changes: dict[str, Any], code: int, words: str) -> None:
    answer = signed("POST", "/api/v3/order", **terms(http, "/api/v3", **changes))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert words in answer.json()["msg"]
    assert signed("GET", "/api/v3/openOrders").json() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "LIMIT_MAKER"}, -1116),
        ({"quantity": "0.001", "price": lambda best: best * 0.8}, -4164),
        ({"quantity": "0.0001"}, -4023),
        ({"quantity": "0"}, -4003),
        ({"price": "50000.12"}, -4014),
        ({"price": lambda best: best * 0.1}, -4024),
        ({"quantity": "900"}, -2019),
        ({"timeInForce": "GTX", "price": lambda best: best * 1.01}, -5022),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
    ],
)
def test_bad_futures_orders(http: httpx.Client, signed: Signed, changes: dict[str, Any], code: int) -> None:
    answer = signed("POST", "/fapi/v1/order", **terms(http, "/fapi/v1", **changes))
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(("market", "duplicate"), [("/api/v3", -2010), ("/fapi/v1", -4116)])
def test_an_orders_whole_life(http: httpx.Client, signed: Signed, market: str, duplicate: int) -> None:
    order = terms(http, market, newClientOrderId="mine-1")
    placed = signed("POST", f"{market}/order", **order).json()
    assert placed["status"] == "NEW"
    assert signed("POST", f"{market}/order", **order).json()["code"] == duplicate
    ids = {"symbol": "BTCUSDT", "origClientOrderId": "mine-1"}
    found = signed("GET", f"{market}/order", **ids).json()
    assert (found["orderId"], found["status"], found["price"]) == (placed["orderId"], "NEW", placed["price"])
    assert [row["orderId"] for row in signed("GET", f"{market}/openOrders", symbol="BTCUSDT").json()] == [
        placed["orderId"]
    ]
    canceled = signed("DELETE", f"{market}/order", **ids).json()
    assert canceled["status"] == "CANCELED"
    assert canceled.get("origClientOrderId", canceled["clientOrderId"]) == "mine-1"
    assert signed("DELETE", f"{market}/order", **ids).json()["code"] == -2011
    assert signed("GET", f"{market}/order", symbol="BTCUSDT", orderId=1).json()["code"] == -2013
    assert signed("GET", f"{market}/order", symbol="BTCUSDT").json()["code"] == -1102
    assert [row["status"] for row in signed("GET", f"{market}/allOrders", symbol="BTCUSDT").json()] == ["CANCELED"]


def test_answers_come_in_three_sizes(http: httpx.Client, signed: Signed) -> None:
    sizes = {}
    for shape in ("ACK", "RESULT", "FULL"):
        taking = {"type": "MARKET", "price": None, "timeInForce": None, "newOrderRespType": shape}
        sizes[shape] = signed("POST", "/api/v3/order", **terms(http, "/api/v3", **taking)).json()
    assert set(sizes["ACK"]) < set(sizes["RESULT"]) < set(sizes["FULL"])
    fills = sizes["FULL"]["fills"]
    assert sum(float(fill["qty"]) for fill in fills) == pytest.approx(0.01)
    own = signed("GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=sizes["FULL"]["orderId"]).json()
    assert [row["id"] for row in own] == [fill["tradeId"] for fill in fills]
    public = http.get("/api/v3/trades", params={"symbol": "BTCUSDT", "limit": 100}).json()
    assert {row["id"] for row in own} <= {row["id"] for row in public}


def test_a_test_order_changes_nothing(http: httpx.Client, signed: Signed) -> None:
    assert signed("POST", "/api/v3/order/test", **terms(http, "/api/v3")).json() == {}
    assert signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").json() == []


def test_windows_of_own_history_are_short(signed: Signed) -> None:
    now = time.time_ns() // 1_000_000
    for path, days, code in (("/api/v3/myTrades", 1, -1127), ("/fapi/v1/userTrades", 7, -4165)):
        good = {"symbol": "BTCUSDT", "startTime": now - days * 86_400_000, "endTime": now}
        assert signed("GET", path, **good).json() == []
        assert signed("GET", path, **{**good, "startTime": good["startTime"] - 86_400_000}).json()["code"] == code


def test_accounts_are_separate(sandbox: Sandbox, http: httpx.Client, signed: Signed) -> None:
    signed("POST", "/api/v3/order", **terms(http, "/api/v3", newClientOrderId="mine"))
    other = Credentials("another", "secret")
    sandbox.add_key("binance", other)
    assert signed("GET", "/api/v3/openOrders", key=other).json() == []
    assert len(signed("GET", "/api/v3/openOrders").json()) == 1
