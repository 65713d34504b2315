"""OKX's dialect over real sockets, by a plain HTTP client and signatures made without any of our own code."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tidewire.sandbox import Sandbox


@pytest.fixture(scope="module")
def venue() -> Iterator[Sandbox]:
    with Sandbox("okx", pace=None, limits={"balance": (1000, 2)}) as running:
        yield running


@pytest.fixture
def http(venue: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{venue.base_url('okx')}/api/v5", timeout=5) as client:
        yield client


def get(http: httpx.Client, path: str, **params: Any) -> Any:
    answer = http.get(path, params=params)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["code"], body["msg"]) == ("0", "")
    return body["data"]


def stamp(seconds: float = 0) -> str:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def ask(
    venue: Sandbox, http: httpx.Client, method: str, target: str, body: Any = None, time: str = "", **changes: str
) -> httpx.Response:
    """A signed request; ``changes`` replace headers afterwards, empty ones vanish."""
    key, time = venue.credentials("okx"), time or stamp()
    text = "" if body is None else json.dumps(body)
    payload = f"{time}{method}/api/v5{target}{text}"
    signature = base64.b64encode(hmac.new(key.secret.encode(), payload.encode(), hashlib.sha256).digest()).decode()
    headers = {"KEY": key.key, "SIGN": signature, "TIMESTAMP": time, "PASSPHRASE": key.passphrase or "", **changes}
    return http.request(
        method, target, content=text, headers={f"OK-ACCESS-{name}": value for name, value in headers.items() if value}
    )


def test_candles_come_newest_first_in_pages_of_300(http: httpx.Client) -> None:
    rows = get(http, "/market/candles", instId="BTC-USDT", bar="1m", limit=1000)
    assert len(rows) == 300
    times = [int(row[0]) for row in rows]
    assert {a - b for a, b in itertools.pairwise(times)} == {60_000}
    assert [row[8] for row in rows[:2]] == ["0", "1"]  # the newest still forms
    assert len(get(http, "/market/candles", instId="BTC-USDT")) == 100
    older = get(http, "/market/candles", instId="BTC-USDT", bar="1m", after=times[-1], limit=2)
    assert [int(row[0]) for row in older] == [times[-1] - 60_000, times[-1] - 120_000]
    newer = get(http, "/market/candles", instId="BTC-USDT", bar="1m", before=times[10], limit=300)
    assert [int(row[0]) for row in newer] == times[:10]
    latest = get(http, "/market/candles", instId="BTC-USDT", bar="1m", before=times[299], limit=3)
    assert [int(row[0]) for row in latest] == times[:3]  # the newest, not those after the start


def test_recent_candles_end_after_1440_bars(http: httpx.Client) -> None:
    newest = int(get(http, "/market/candles", instId="BTC-USDT", bar="1m", limit=1)[0][0])
    edge = newest - 1439 * 60_000
    assert int(get(http, "/market/candles", instId="BTC-USDT", bar="1m", after=edge + 1, limit=1)[0][0]) == edge
    assert get(http, "/market/candles", instId="BTC-USDT", bar="1m", after=edge) == []
    assert len(get(http, "/market/history-candles", instId="BTC-USDT", bar="1m", after=edge, limit=300)) == 300
    assert get(http, "/market/history-candles", instId="BTC-USDT", bar="1s", limit=5)[0][8] == "1"


def test_contracts_are_counted(http: httpx.Client) -> None:
    (row,) = get(http, "/public/instruments", instType="SWAP", instId="BTC-USDT-SWAP")
    assert (row["ctVal"], row["lotSz"], row["tickSz"]) == ("0.01", "0.1", "0.1")
    bar = get(http, "/market/history-candles", instId="BTC-USDT-SWAP", bar="1H", limit=1)[0]
    assert float(bar[5]) * 0.01 == pytest.approx(float(bar[6]))
    spot = get(http, "/market/history-candles", instId="BTC-USDT", bar="1H", limit=1)[0]
    assert spot[6] == spot[7]
    assert {row["instType"] for row in get(http, "/market/tickers", instType="FUTURES")} == {"FUTURES"}


def test_books_are_one_level_deep_unless_asked(http: httpx.Client) -> None:
    (book,) = get(http, "/market/books", instId="BTC-USDT")
    assert [len(book[side]) for side in ("bids", "asks")] == [1, 1]
    assert len(book["bids"][0]) == 4
    (full,) = get(http, "/market/books-full", instId="BTC-USDT", sz=350)
    assert len(full["bids"]) == 350
    assert len(full["bids"][0]) == 3


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("/market/ticker", {}, "50014"),
        ("/market/ticker", {"instId": "NO-SUCH"}, "51001"),
        ("/market/candles", {"instId": "BTC-USDT", "bar": "7m"}, "51000"),
        ("/market/candles", {"instId": "BTC-USDT", "after": "yesterday"}, "51000"),
        ("/public/instruments", {"instType": "SWAP", "instId": "BTC-USDT"}, "51015"),
        ("/public/funding-rate", {"instId": "BTC-USDT"}, "51000"),
    ],
)
def test_complaints(http: httpx.Client, path: str, params: dict[str, str], code: str) -> None:
    body = http.get(path, params=params).json()
    assert (body["code"], body["data"]) == (code, [])
    assert body["msg"]


def test_an_address_that_is_none(http: httpx.Client) -> None:
    assert http.get("/market/nothing").status_code == 404
    assert http.put("/public/time").status_code == 404


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"KEY": ""}, "50103"),
        ({"PASSPHRASE": ""}, "50104"),
        ({"PASSPHRASE": "another"}, "50105"),
        ({"SIGN": ""}, "50106"),
        ({"TIMESTAMP": ""}, "50107"),
        ({"KEY": "another"}, "50111"),
        ({"TIMESTAMP": "1700000000"}, "50112"),
        ({"SIGN": "AAAA"}, "50113"),
        ({"time": stamp(-31)}, "50102"),
        ({"time": stamp(3600)}, "50102"),
    ],
)
def test_who_asks_is_checked(venue: Sandbox, http: httpx.Client, changes: dict[str, str], code: str) -> None:
    answer = ask(venue, http, "GET", "/account/balance", **changes)
    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_the_query_and_the_body_are_signed(venue: Sandbox, http: httpx.Client) -> None:
    assert ask(venue, http, "GET", "/account/balance?ccy=BTC").json()["code"] == "0"
    right = ask(venue, http, "GET", "/account/balance?ccy=BTC").request
    right.url = right.url.copy_set_param("ccy", "ETH")
    assert http.send(right).json()["code"] == "50113"


def order(**changes: Any) -> dict[str, Any]:
    terms = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.01", "px": "30000"}
    return {**terms, **changes}


def test_orders_are_judged_one_by_one(venue: Sandbox, http: httpx.Client) -> None:
    def send(*orders: Any) -> tuple[str, list[str]]:
        body = ask(venue, http, "POST", "/trade/batch-orders", [*orders]).json()
        return body["code"], [row["sCode"] for row in body["data"]]

    assert send(order(), order(clOrdId="a1")) == ("0", ["0", "0"])
    assert send(order(clOrdId="a1"), order()) == ("2", ["51016", "0"])
    refused = {
        "51000": order(side="up"),
        "51008": order(sz="1000"),
        "51006": order(px="1"),
        "51020": order(sz="0.00001"),
        "51121": order(sz="0.000000001"),
        "51001": order(instId="NO-SUCH"),
        "50014": order(px=""),
    }
    assert send(*refused.values()) == ("1", [*refused])
    assert ask(venue, http, "POST", "/trade/batch-orders", [order()] * 21).json()["code"] == "51111"
    assert (
        ask(venue, http, "POST", "/trade/cancel-order", {"instId": "BTC-USDT", "clOrdId": "a1"}).json()["code"] == "0"
    )
    again = ask(venue, http, "POST", "/trade/cancel-order", {"instId": "BTC-USDT", "clOrdId": "a1"}).json()
    assert (again["code"], again["data"][0]["sCode"]) == ("1", "51400")


def test_a_spot_market_buy_names_its_value_unless_told(venue: Sandbox, http: httpx.Client) -> None:
    def buy(**changes: str) -> Any:
        terms = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "market", **changes}
        placed = ask(venue, http, "POST", "/trade/order", terms).json()["data"][0]["ordId"]
        return ask(venue, http, "GET", f"/trade/order?instId=BTC-USDT&ordId={placed}").json()["data"][0]

    by_value = buy(sz="600")
    assert float(by_value["avgPx"]) * float(by_value["accFillSz"]) == pytest.approx(600, abs=1)
    assert buy(sz="0.01", tgtCcy="base_ccy")["accFillSz"] == "0.01"


def test_each_address_has_its_own_limit() -> None:
    with Sandbox("okx", pace=None, limits={"ticker": (3, 60)}) as sandbox:
        with httpx.Client(base_url=f"{sandbox.base_url('okx')}/api/v5", timeout=5) as http:
            answers = [http.get("/market/ticker", params={"instId": "BTC-USDT"}) for _ in range(30)]
            statuses = [answer.status_code for answer in answers]
            assert statuses == [200] * 3 + [429] * 27  # and never a ban
            assert answers[-1].json() == {"code": "50011", "msg": "Too Many Requests", "data": []}
            assert get(http, "/market/trades", instId="BTC-USDT", limit=1)
