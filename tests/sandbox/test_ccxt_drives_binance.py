"""An independent client, ccxt, pointed at the sandbox: what it can do there shows that the dialect is Binance's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tidewire.sandbox import Sandbox

ccxt = pytest.importorskip("ccxt")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("binance", pace=None) as running:
        yield running


@pytest.fixture(params=["spot", "linear"])
def exchange(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Any]:
    key = sandbox.credentials("binance")
    options = {
        "fetchMarkets": {"types": [request.param]},
        "fetchCurrencies": False,  # wallet and margin addresses, which the sandbox does not fake
        "fetchMargins": False,
        "defaultType": "spot" if request.param == "spot" else "swap",
    }
    exchange = ccxt.binance(
        {"apiKey": key.key, "secret": key.secret, "options": options, "enableRateLimit": False, "timeout": 5000}
    )
    for name, url in exchange.urls["api"].items():
        if isinstance(url, str):
            path = url.split("binance.com")[1]
            exchange.urls["api"][name] = sandbox.base_url("binance") + path
    yield exchange
    if exchange.session is not None:
        exchange.session.close()


@pytest.fixture
def symbol(exchange: Any) -> str:
    return "BTC/USDT" if exchange.options["defaultType"] == "spot" else "BTC/USDT:USDT"


def test_markets_load(exchange: Any, symbol: str) -> None:
    markets = exchange.load_markets()
    assert markets[symbol]["active"]
    assert markets[symbol]["precision"]["price"] in (0.01, 0.1)
    assert markets[symbol]["limits"]["cost"]["min"] in (5, 50)


def test_klines_are_1000_ascending_minutes(exchange: Any, symbol: str) -> None:
    rows = exchange.fetch_ohlcv(symbol, "1m", limit=1000)
    assert len(rows) == 1000
    assert {b[0] - a[0] for a, b in itertools.pairwise(rows)} == {60_000}
    assert all(low <= min(o, c) <= max(o, c) <= high for _, o, high, low, c, _ in rows)


def test_klines_page_without_overlap(exchange: Any, symbol: str) -> None:
    first = exchange.fetch_ohlcv(symbol, "1h", since=1_700_000_000_000, limit=100)
    second = exchange.fetch_ohlcv(symbol, "1h", since=first[-1][0] + 1, limit=100)
    assert second[0][0] - first[-1][0] == 3_600_000
    assert second[0][1] == first[-1][4]  # a bar opens where the one before it closed


def test_book_ticker_and_trades(exchange: Any, symbol: str) -> None:
    book = exchange.fetch_order_book(symbol, 20)
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["bids"][0][0] < book["asks"][0][0]
    ticker = exchange.fetch_ticker(symbol)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert exchange.fetch_tickers([symbol])[symbol]["last"] == ticker["last"]
    trades = exchange.fetch_trades(symbol, limit=10)
    assert [trade["timestamp"] for trade in trades] == sorted(trade["timestamp"] for trade in trades)


def test_a_limit_order_is_placed_found_and_canceled(exchange: Any, symbol: str) -> None:
    exchange.load_markets()
    free = exchange.fetch_balance()["USDT"]["free"]
    price = exchange.fetch_order_book(symbol, 5)["bids"][0][0] * 0.9
    placed = exchange.create_order(symbol, "limit", "buy", 0.01, price)
    assert placed["status"] == "open"
    assert exchange.fetch_balance()["USDT"]["free"] < free
    assert placed["id"] in [order["id"] for order in exchange.fetch_open_orders(symbol)]
    found = exchange.fetch_order(placed["id"], symbol)
    assert (found["status"], found["amount"], found["filled"]) == ("open", 0.01, 0)
    assert exchange.cancel_order(placed["id"], symbol)["status"] == "canceled"
    assert exchange.fetch_order(placed["id"], symbol)["status"] == "canceled"
    assert exchange.fetch_balance()["USDT"]["free"] == pytest.approx(free)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order(placed["id"], symbol)


def test_a_market_order_fills(exchange: Any, symbol: str) -> None:
    exchange.load_markets()
    before = exchange.fetch_balance()
    placed = exchange.create_order(symbol, "market", "buy", 0.02)
    assert (placed["status"], placed["filled"]) == ("closed", 0.02)
    fills = [trade for trade in exchange.fetch_my_trades(symbol) if trade["order"] == placed["id"]]
    assert sum(trade["amount"] for trade in fills) == pytest.approx(0.02)
    if exchange.options["defaultType"] == "spot":
        gained = exchange.fetch_balance()["BTC"]["total"] - before["BTC"]["total"]
        assert gained == pytest.approx(0.02 * 0.999)
        return
    assert [position["contracts"] for position in exchange.fetch_positions([symbol])] == [0.02]
    exchange.create_order(symbol, "market", "sell", 0.02, params={"reduceOnly": True})
    assert exchange.fetch_positions([symbol]) == []


def test_several_orders_are_canceled_at_once(exchange: Any, symbol: str) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(symbol, 5)["bids"][0][0]
    placed = {exchange.create_order(symbol, "limit", "buy", 0.01, best * part)["id"] for part in (0.8, 0.85, 0.9)}
    assert placed <= {order["id"] for order in exchange.fetch_open_orders(symbol)}
    exchange.cancel_all_orders(symbol)
    assert exchange.fetch_open_orders(symbol) == []
    assert placed <= {order["id"] for order in exchange.fetch_orders(symbol) if order["status"] == "canceled"}


def test_refusals_reach_ccxt_as_its_own_errors(exchange: Any, symbol: str) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(symbol, 5)["asks"][0][0]
    # ccxt knows futures' own codes by the host's name, which is not ours: there it raises its general error.
    spot = exchange.options["defaultType"] == "spot"
    with pytest.raises(ccxt.InsufficientFunds if spot else ccxt.ExchangeError, match=r"-2010|-2019|balance"):
        exchange.create_order(symbol, "limit", "buy", 1000, best * 0.99)
    with pytest.raises(ccxt.OrderImmediatelyFillable if spot else ccxt.ExchangeError, match=r"-2010|-5022|immediately"):
        exchange.create_order(symbol, "limit", "buy", 0.01, best * 1.01, {"postOnly": True})
    with pytest.raises(ccxt.InvalidNonce):
        exchange.fetch_balance({"timestamp": exchange.milliseconds() - 60_000})


def test_a_wrong_secret_is_refused(exchange: Any) -> None:
    exchange.load_markets()
    exchange.secret = "not the secret"
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()


@pytest.mark.parametrize("exchange", ["linear"], indirect=True)
def test_funding(exchange: Any, symbol: str) -> None:
    assert abs(exchange.fetch_funding_rate(symbol)["fundingRate"]) < 0.001
    rows = exchange.fetch_funding_rate_history(symbol, limit=10)
    assert {b["timestamp"] - a["timestamp"] for a, b in itertools.pairwise(rows)} == {8 * 3_600_000}
    assert exchange.fetch_open_interest(symbol)["openInterestAmount"] > 0


@pytest.mark.parametrize("exchange", ["linear"], indirect=True)
def test_the_fee(exchange: Any, symbol: str) -> None:
    fee = exchange.fetch_trading_fee(symbol)  # of spot ccxt asks another address, of the wallet
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)
