"""HTX's dialect by hand: what a plain HTTP client gets, signed without any of our own code."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import pytest

import tidewire as tw
from tidewire._dialect import Placement
from tidewire.sandbox import Sandbox

Signed = Callable[..., Any]
PERP = tw.Instrument(
    venue="htx",
    symbol=tw.Symbol.parse("BTC-USDT-PERP"),
    native="BTC-USDT",
    kind="linear",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
    contract_size=Decimal("0.001"),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    # Ten seconds where the venue takes one: a busy machine asks ten times in them.
    with Sandbox("htx", pace=None, limits=dict.fromkeys(("spot-tickers", "spot-depth"), (10, 10))) as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url("htx"), timeout=5) as client:
        yield client


@pytest.fixture
def signed(sandbox: Sandbox, http: httpx.Client) -> Signed:
    """``signed("GET", "/v1/…", {"symbol": "btcusdt"})``; ``host``, ``late`` and ``body`` bend the rules."""
    key = sandbox.credentials("htx")

    def send(
        method: str, path: str, params: dict[str, str] | None = None, *, host: str = "", late: int = 0, body: Any = None
    ) -> Any:
        stamp = (dt.datetime.now(dt.UTC) - dt.timedelta(seconds=late)).strftime("%Y-%m-%dT%H:%M:%S")
        names = {
            "AccessKeyId": key.key,
            "SignatureMethod": "HmacSHA256",
            "SignatureVersion": "2",
            "Timestamp": stamp,
            **(params or {}),
        }
        query = "&".join(f"{name}={quote(names[name], safe='')}" for name in sorted(names))
        where = host or http.base_url.netloc.decode()
        digest = hmac.new(key.secret.encode(), f"{method}\n{where}\n{path}\n{query}".encode(), hashlib.sha256).digest()
        url = f"{path}?{query}&Signature={quote(base64.b64encode(digest), safe='')}"
        answer = http.request(method, url, json=body)
        assert answer.status_code == 200
        return answer.json()

    return send


def test_the_signature_covers_host_time_and_query(signed: Signed) -> None:
    assert signed("GET", "/v1/account/accounts")["status"] == "ok"
    for bent in ({"host": "api.huobi.pro"}, {"late": 301}, {"late": -301}):
        answer = signed("GET", "/v1/account/accounts", **bent)
        assert (answer["status"], answer["err-code"]) == ("error", "api-signature-not-valid")
    assert signed("GET", "/v1/account/accounts", late=299)["status"] == "ok"
    assert signed("GET", "/v5/account/balance", late=301)["code"] == 1003


def test_the_account_must_be_ones_own(signed: Signed) -> None:
    rows = signed("GET", "/v1/account/accounts")["data"]
    own = next(row["id"] for row in rows if row["type"] == "spot")
    assert signed("GET", f"/v1/account/accounts/{own}/balance")["data"]["list"]
    assert signed("GET", f"/v1/account/accounts/{own + 5}/balance")["status"] == "error"


def test_market_data_are_bare_numbers_newest_first(http: httpx.Client) -> None:
    answer = http.get("/market/history/candles", params={"symbol": "btcusdt", "period": "60min", "size": "3"})
    rows = answer.json()["data"]
    assert [a["id"] - b["id"] for a, b in itertools.pairwise(rows)] == [3600, 3600]
    assert all(not isinstance(value, str) for row in rows for value in row.values())
    trade = http.get("/market/history/trade", params={"symbol": "btcusdt", "size": "1"}).text
    assert '"id":10000000000000' in trade  # 23 digits


def test_swap_windows(http: httpx.Client) -> None:
    end = 1_760_000_040
    ask = {"contract_code": "BTC-USDT", "period": "1min"}

    def rows(**window: int) -> list[int]:
        answer = http.get("/linear-swap-ex/market/history/kline", params={**ask, **window}).json()
        return [row["id"] for row in answer["data"]]

    assert rows(**{"from": end - 120, "to": end}) == [end - 120, end - 60, end]  # inclusive, oldest first
    assert len(rows(**{"from": end - 1999 * 60, "to": end})) == 2000
    assert rows(**{"from": end - 2000 * 60, "to": end}) == []  # more than a page is no answer
    assert len(rows(size=5, **{"from": end - 60, "to": end})) == 5  # a size makes the venue ignore the window
    assert rows(size=5)[-1] > end


def test_refusals_come_with_200_in_the_addresss_envelope(http: httpx.Client, signed: Signed) -> None:
    spot = http.get("/market/depth", params={"symbol": "nosuch", "type": "step0"})
    assert (spot.status_code, spot.json()["err-code"]) == (200, "base-symbol-error")
    swap = http.get("/linear-swap-ex/market/depth", params={"contract_code": "NO-SUCH", "type": "step0"})
    assert (swap.status_code, swap.json()["err_code"]) == (200, 1013)
    assert signed("GET", "/v5/trade/order", {"contract_code": "BTC-USDT", "order_id": "1"})["code"] == 1017
    unknown = http.get("/market/depth", params={"symbol": "btcusdt", "type": "step0", "colour": "red"})
    assert unknown.json()["err-code"] == "bad-request"
    body = {"contract_code": "BTC-USDT", "side": "buy", "type": "market", "volume": "1.5"}
    assert signed("POST", "/v5/trade/order", body=body)["code"] == 1041
    assert http.get("/no/such/address").status_code == 404


def test_an_address_too_often_asked_answers_429(http: httpx.Client) -> None:
    answers = [http.get("/market/tickers") for _ in range(25)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["err-code"] == "rate-too-many-requests"
    assert answers[0].headers["x-hb-ratelimit-requests-remain"].isdigit()
    assert http.get("/v1/common/timestamp").status_code == 200  # every spot address counts by itself


def test_the_clients_ask_for_the_account_once(sandbox: Sandbox) -> None:
    before = sandbox.requests("htx")["GET /v1/account/accounts"]
    with tw.Client("htx", environment=sandbox, credentials=sandbox.credentials("htx")) as client:
        for _ in range(3):
            assert client.fetch_balances()
        assert client.fetch_open_orders("BTC-USDT") == []
    assert sandbox.requests("htx")["GET /v1/account/accounts"] == before + 1


def test_clients_learn_from_the_headers_what_others_have_used(sandbox: Sandbox, http: httpx.Client) -> None:
    """Another program on the same address spends most of a limit: ours sees it with its own next answer."""
    params = {"symbol": "btcusdt", "type": "step0"}
    with tw.Client("htx", environment=sandbox) as client:
        client.fetch_book("BTC-USDT", 5)
        for _ in range(60):
            http.get("/market/depth", params=params)
            if sandbox.usage("htx", "spot-depth").used >= 8:
                client.fetch_book("BTC-USDT", 5)
            if client.health().limits["spot-depth-1s"] > 0.8:
                break
        else:
            raise AssertionError("the client knows of its own calls only")
        assert client.health().limits["spot-klines-1s"] == 0  # each address has its own limit


@pytest.mark.parametrize(
    ("verb", "headers", "used"),
    [
        ("spot", {"x-hb-ratelimit-requests-remain": "3"}, {"spot-depth-1s": 7}),
        ("spot", {"x-hb-ratelimit-requests-remain": "90"}, {}),  # it allows more than the page of the documents says
        ("spot", {}, {}),
        ("linear", {"ratelimit-limit": "240", "ratelimit-remaining": "239"}, {"linear-market-1s": 1}),
        ("linear", {"ratelimit-remaining": "many"}, {}),
    ],
)
def test_rate_headers(verb: str, headers: dict[str, str], used: dict[str, int]) -> None:
    venue = tw.venue("htx")
    call = venue.fetch_book("BTC-USDT" if verb == "spot" else "BTC-USDT-PERP", 5)
    assert venue.usage(call, headers) == used


def test_spot_takes_a_client_order_id_twice(sandbox: Sandbox) -> None:
    """As the venue does since 2021: what is repeated after a lost answer is a second order."""
    with tw.Client("htx", environment=sandbox, credentials=sandbox.credentials("htx")) as client:
        rules = client.instrument("BTC-USDT")
        low = rules.round_price(client.fetch_price("BTC-USDT") * 9 / 10)
        for _ in range(2):
            client.create_order(
                "BTC-USDT", side="buy", type="limit", quantity="0.001", price=low, client_order_id="once"
            )
        working = client.fetch_open_orders("BTC-USDT")
        assert [order.client_order_id for order in working] == ["once", "once"]
        latest = max(working, key=lambda order: int(order.order_id))
        assert client.fetch_order("BTC-USDT", client_order_id="once") == latest
        client.cancel_all_orders("BTC-USDT")


def test_an_empty_client_order_id_is_refused_not_replaced() -> None:
    for symbol in ("BTC-USDT", "BTC-USDT-PERP"):
        venue = tw.venue("htx")
        venue.learn([PERP])
        with pytest.raises(tw.ConfigError, match="client order id"):
            venue.create_order(symbol, side="sell", type="market", quantity="0.001", client_order_id="")


def test_a_market_buy_on_spot_is_refused_with_what_to_do_instead() -> None:
    venue = tw.venue("htx")
    with pytest.raises(tw.NotSupported, match="time_in_force='ioc' and the highest price"):
        venue.create_order("BTC-USDT", side="buy", type="market", quantity="0.001")


def test_more_open_orders_on_swaps_than_come_unasked(sandbox: Sandbox) -> None:
    """Version 5 gives twenty rows to those who name no number."""
    key, symbol = sandbox.credentials("htx"), tw.Symbol.parse("BTC-USDT-PERP")

    def place(exchange: Any) -> None:
        low = exchange.book(symbol, 1).bids[0].price * 9 // 10
        for number in range(30):
            terms = {"price": low - number, "quantity": Decimal("0.01")}
            exchange.place(key.key, Placement(symbol=symbol, side=tw.Side.BUY, type=tw.OrderType.LIMIT, **terms))

    sandbox.inspect("htx", place)
    with tw.Client("htx", environment=sandbox, credentials=key) as client:
        assert len(client.fetch_open_orders(symbol)) == 30
        assert len(client.cancel_all_orders(symbol)) == 30
