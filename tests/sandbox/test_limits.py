"""Weights, refusals and bans, as Binance counts them."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire._dialect import Limit
from tidewire.sandbox import Sandbox
from tidewire.sandbox.quotas import Quotas

Signed = Callable[..., httpx.Response]
SECOND = 10**9

WEIGHTS = [
    ("/api/v3/ping", {}, 1),
    ("/api/v3/exchangeInfo", {}, 20),
    ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1000}, 2),
    ("/api/v3/depth", {"symbol": "BTCUSDT"}, 5),
    ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": 101}, 25),
    ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": 1000}, 50),
    ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": 5000}, 250),
    ("/api/v3/trades", {"symbol": "BTCUSDT"}, 25),
    ("/api/v3/aggTrades", {"symbol": "BTCUSDT"}, 4),
    ("/api/v3/ticker/24hr", {"symbol": "BTCUSDT"}, 2),
    ("/api/v3/ticker/24hr", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 2),
    ("/api/v3/ticker/24hr", {}, 80),
    ("/api/v3/ticker/price", {}, 4),
    ("/api/v3/nothing", {}, 1),
    ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 99}, 1),
    ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m"}, 5),
    ("/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1500}, 10),
    ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 1000}, 20),
    ("/fapi/v1/ticker/24hr", {}, 40),
]


@pytest.mark.parametrize(("path", "query", "weight"), WEIGHTS)
def test_weights(sandbox: Sandbox, http: httpx.Client, path: str, query: dict[str, str], weight: int) -> None:
    answer = http.get(path, params=query)
    assert answer.headers["x-mbx-used-weight-1m"] == str(weight)
    assert sandbox.peak("binance", "linear-weight" if path.startswith("/fapi") else "spot-weight") == weight


def test_orders_weigh_only_when_refused(sandbox: Sandbox, signed: Signed) -> None:
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.01"}
    answer = signed("POST", "/api/v3/order", **order)
    assert (answer.status_code, answer.headers["x-mbx-used-weight-1m"]) == (200, "0")
    assert (answer.headers["x-mbx-order-count-10s"], answer.headers["x-mbx-order-count-1d"]) == ("1", "1")
    refused = signed("POST", "/api/v3/order", **{**order, "quantity": "5000"})
    assert (refused.status_code, refused.headers["x-mbx-used-weight-1m"]) == (400, "1")
    assert refused.headers["x-mbx-order-count-10s"] == "1"
    assert signed("GET", "/api/v3/rateLimit/order").json()[0]["count"] == 1


@pytest.fixture
def narrow() -> Iterator[Sandbox]:
    limits = {"spot-weight": (100, 2), "linear-weight": (50, 1), "orders-10s": (3, 10)}
    with Sandbox("binance", pace=None, limits=limits, patience=3, ban_s=1) as running:
        yield running


def start_window(sandbox: Sandbox, period_s: int) -> None:
    """Set the venue's clock to the beginning of a calendar window, so that a test does not straddle two."""
    sandbox.set_clock_offset("binance", period_s - time.time() % period_s)


def test_429_says_how_long_to_wait_and_keeps_its_word(narrow: Sandbox) -> None:
    url = narrow.base_url("binance") + "/api/v3/depth?symbol=BTCUSDT&limit=1000"
    with httpx.Client() as client:
        rules = client.get(narrow.base_url("binance") + "/api/v3/exchangeInfo").json()["rateLimits"]
        assert {"rateLimitType": "REQUEST_WEIGHT", "interval": "SECOND", "intervalNum": 2, "limit": 100} in rules
        start_window(narrow, 2)
        answers = [client.get(url) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["x-mbx-used-weight-2s"] for answer in answers] == ["50", "100", "100"]
        assert answers[2].json()["code"] == -1003
        wait = float(answers[2].headers["retry-after"])
        assert 0 < wait <= 2
        time.sleep(wait)
        assert client.get(url).status_code == 200
    assert narrow.peak("binance", "spot-weight") == 100
    assert max(narrow.windows("binance", "spot-weight").values()) == 100
    assert narrow.refusals("binance") == {429: 1}


def test_spot_and_futures_are_counted_apart(narrow: Sandbox) -> None:
    base = narrow.base_url("binance")
    with httpx.Client() as client:
        start_window(narrow, 1)
        assert client.get(base + "/fapi/v1/ticker/24hr").status_code == 200
        assert client.get(base + "/fapi/v1/ticker/24hr").status_code == 429
        assert client.get(base + "/api/v3/ping").status_code == 200
        assert narrow.usage("binance", "linear-weight").used == 40


def test_insisting_is_banned_and_the_ban_ends(narrow: Sandbox) -> None:
    url = narrow.base_url("binance") + "/api/v3/ticker/24hr"
    with httpx.Client() as client:
        start_window(narrow, 2)
        statuses = [client.get(url).status_code for _ in range(6)]
        assert statuses == [200, 429, 429, 429, 418, 418]
        banned = client.get(narrow.base_url("binance") + "/fapi/v1/ping")  # the address is banned, whatever it asks
        assert banned.status_code == 418
        assert "banned until" in banned.json()["msg"]
        time.sleep(float(banned.headers["retry-after"]))
        assert client.get(narrow.base_url("binance") + "/fapi/v1/ping").status_code == 200


def test_too_many_orders(narrow: Sandbox) -> None:
    key = narrow.credentials("binance")
    codes = []
    with httpx.Client(base_url=narrow.base_url("binance"), headers={"X-MBX-APIKEY": key.key}) as client:
        start_window(narrow, 10)
        for _ in range(4):
            now = client.get("/api/v3/time").json()["serverTime"]
            query = f"symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.01&timestamp={now}"
            signature = hmac.new(key.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
            codes.append(client.post(f"/api/v3/order?{query}&signature={signature}").json().get("code"))
    assert codes == [None, None, None, -1015]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30)), max_size=80), st.integers(1, 50))
def test_no_window_is_ever_granted_more_than_its_limit(requests: list[tuple[int, int]], limit: int) -> None:
    quotas = Quotas({"weight": Limit(limit, 1.0)}, patience=10**9)
    now, granted = 10**18, {}
    for gap_ms, cost in requests:
        now += gap_ms * 10**6
        breach = quotas.charge({"weight": cost}, now)
        window = now // SECOND
        if breach is None:
            granted[window] = granted.get(window, 0) + cost
        else:
            assert granted.get(window, 0) + cost > limit
            assert breach.until_ns == (window + 1) * SECOND
            assert quotas.charge({"weight": min(cost, limit)}, breach.until_ns) is None
            granted[window + 1] = granted.get(window + 1, 0) + min(cost, limit)
            now = breach.until_ns
    assert quotas.windows["weight"] == granted
    assert all(used <= limit for used in granted.values())


def test_bans_grow() -> None:
    quotas = Quotas({"weight": Limit(1, 1.0)}, patience=0, ban_s=120)
    now, lengths = 10**18, []
    for _ in range(14):
        while (breach := quotas.charge({"weight": 2}, now)) is None or not breach.banned:
            pass
        lengths.append(breach.retry_after_s)
        now = breach.until_ns
    assert lengths[:4] == [120, 240, 480, 960]
    assert lengths[-1] == 3 * 86_400
