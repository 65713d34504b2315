"""An independent client, ccxt, pointed at the sandbox: what it can do there shows that the dialect is OKX's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox

ccxt = pytest.importorskip("ccxt")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    # ccxt's own limiter is off: what the sandbox would refuse is tested elsewhere.
    with Sandbox("okx", pace=None, limits=dict.fromkeys(("ticker", "instruments", "balance"), (10000, 2))) as on:
        yield on


@pytest.fixture(params=["spot", "linear"])
def exchange(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Any]:
    key = sandbox.credentials("okx")
    options = {
        "fetchMarkets": {"types": ["spot", "swap", "future"]},
        "defaultType": "spot" if request.param == "spot" else "swap",
    }
    exchange = ccxt.okx(
        {
            "apiKey": key.key,
            "secret": key.secret,
            "password": key.passphrase,
            "options": options,
            "enableRateLimit": False,
            "timeout": 5000,
        }
    )
    exchange.has["fetchCurrencies"] = False  # wallet addresses, which the sandbox does not fake
    exchange.urls["api"]["rest"] = sandbox.base_url("okx")
    yield exchange
    if exchange.session is not None:
        exchange.session.close()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[tw.Client]:
    with tw.Client("okx", environment=sandbox, credentials=sandbox.credentials("okx")) as ours:
        yield ours


@pytest.fixture
def symbol(exchange: Any) -> str:
    return "BTC/USDT" if exchange.options["defaultType"] == "spot" else "BTC/USDT:USDT"


@pytest.fixture
def amount(symbol: str) -> float:
    """0.02 bitcoin, which are two contracts."""
    return 0.02 if symbol == "BTC/USDT" else 2


@pytest.fixture
def size(symbol: str) -> float:
    return 1 if symbol == "BTC/USDT" else 0.01


def test_markets_load(exchange: Any, symbol: str, client: tw.Client) -> None:
    markets = exchange.load_markets()
    assert markets[symbol]["active"]
    assert {market["type"] for market in markets.values()} == {"spot", "swap", "future"}
    listed = {item.native: item for item in client.fetch_instruments()}
    assert set(listed) == {market["id"] for market in markets.values()}
    for market in markets.values():
        ours = listed[market["id"]]
        assert ours.symbol == tw.Symbol.parse(market["symbol"])
        per_contract = float(ours.contract_size)
        assert per_contract == (market["contractSize"] or 1)
        assert float(ours.tick_size) == market["precision"]["price"]
        assert float(ours.lot_size) == pytest.approx(market["precision"]["amount"] * per_contract)
        assert float(ours.min_quantity or 0) == pytest.approx(market["limits"]["amount"]["min"] * per_contract)
        assert ours.active == market["active"]
        assert ours.expiry_ns == (market["expiry"] and market["expiry"] * 1_000_000)


def test_klines_are_300_ascending_minutes(exchange: Any, symbol: str, client: tw.Client) -> None:
    exchange.load_markets()
    rows = exchange.fetch_ohlcv(symbol, "1m", limit=300)
    assert len(rows) == 300
    assert {b[0] - a[0] for a, b in itertools.pairwise(rows)} == {60_000}
    ours = client.fetch_klines(symbol, "1m", start=rows[0][0] * 1_000_000, limit=300, closed=False)
    columns = (ours.open_time // 1_000_000, ours.open, ours.high, ours.low, ours.close)
    theirs = [row[:5] for row in rows[:-1]]  # the last one forms
    assert [list(row) for row in zip(*(c.tolist() for c in columns), strict=True)][: len(theirs)] == theirs
    assert ours.volume.tolist()[: len(theirs)] == pytest.approx([row[5] for row in rows[:-1]])


def test_klines_page_without_overlap(exchange: Any, symbol: str) -> None:
    exchange.load_markets()
    first = exchange.fetch_ohlcv(symbol, "1h", since=1_700_000_000_000, limit=100)
    second = exchange.fetch_ohlcv(symbol, "1h", since=first[-1][0] + 1, limit=100)
    assert second[0][0] - first[-1][0] == 3_600_000
    assert second[0][1] == first[-1][4]  # a bar opens where the one before it closed


def test_book_ticker_and_trades(exchange: Any, symbol: str, size: float, client: tw.Client) -> None:
    exchange.load_markets()
    book, ours = exchange.fetch_order_book(symbol, 20), client.fetch_book(symbol, 20)
    for theirs, levels in ((book["bids"], ours.bids), (book["asks"], ours.asks)):
        assert len(theirs) == 20
        assert [float(level.price) for level in levels] == [row[0] for row in theirs]
        assert [float(level.quantity) for level in levels] == pytest.approx([row[1] * size for row in theirs])
    ticker, mine = exchange.fetch_ticker(symbol), client.fetch_ticker(symbol)
    assert [float(x or 0) for x in (mine.last, mine.bid, mine.ask)] == [ticker[n] for n in ("last", "bid", "ask")]
    assert float(mine.bid_quantity or 0) == pytest.approx(ticker["bidVolume"] * size)
    assert exchange.fetch_tickers([symbol])[symbol]["last"] == ticker["last"]
    trades, tape = exchange.fetch_trades(symbol, limit=10), client.fetch_trades(symbol, 10)
    assert [trade["id"] for trade in trades] == [trade.trade_id for trade in tape]
    assert [trade["side"] for trade in trades] == [str(trade.side) for trade in tape]
    assert [trade["timestamp"] for trade in trades] == [trade.time_ns // 1_000_000 for trade in tape]
    assert [float(trade.quantity) for trade in tape] == pytest.approx([trade["amount"] * size for trade in trades])


def test_balances(exchange: Any, client: tw.Client) -> None:
    exchange.load_markets()
    theirs = exchange.fetch_balance()
    for row in client.fetch_balances():
        assert [float(x) for x in (row.free, row.locked, row.total)] == pytest.approx(
            [theirs[row.asset][name] for name in ("free", "used", "total")]
        )


def test_fees_agree(exchange: Any, symbol: str, client: tw.Client) -> None:
    theirs, ours = exchange.fetch_trading_fee(symbol), client.fetch_trading_fee(symbol)
    assert (theirs["maker"], theirs["taker"]) == (float(ours.maker), float(ours.taker))


def test_a_limit_order_is_placed_found_and_canceled(
    exchange: Any, symbol: str, amount: float, size: float, client: tw.Client
) -> None:
    exchange.load_markets()
    free = exchange.fetch_balance()["USDT"]["free"]
    price = exchange.fetch_order_book(symbol, 5)["bids"][0][0] * 0.9
    placed = exchange.create_order(symbol, "limit", "buy", amount, price)
    assert exchange.fetch_balance()["USDT"]["free"] < free
    assert placed["id"] in [order["id"] for order in exchange.fetch_open_orders(symbol)]
    found, ours = exchange.fetch_order(placed["id"], symbol), client.fetch_order(symbol, order_id=placed["id"])
    assert (found["status"], found["amount"], found["filled"]) == ("open", amount, 0)
    assert (ours.client_order_id, str(ours.side)) == (found["clientOrderId"], found["side"])
    assert (ours.status, ours.type, ours.filled) == (tw.OrderStatus.OPEN, "limit", 0)
    assert (float(ours.price or 0), float(ours.quantity or 0)) == (found["price"], pytest.approx(amount * size))
    exchange.cancel_order(placed["id"], symbol)
    assert exchange.fetch_order(placed["id"], symbol)["status"] == "canceled"
    assert placed["id"] in [order["id"] for order in exchange.fetch_canceled_orders(symbol)]
    assert exchange.fetch_balance()["USDT"]["free"] == pytest.approx(free)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order(placed["id"], symbol)


def test_what_we_place_ccxt_finds(exchange: Any, symbol: str, size: float, client: tw.Client) -> None:
    exchange.load_markets()
    rules = client.instrument(symbol)
    price = rules.round_price(client.fetch_price(symbol) * 9 / 10)
    placed = client.create_order(symbol, side="buy", type="limit", quantity="0.02", price=price, post_only=True)
    found = exchange.fetch_order(None, symbol, {"clientOrderId": placed.client_order_id})
    assert (found["id"], found["status"], found["postOnly"]) == (placed.order_id, "open", True)
    assert (found["price"], found["amount"] * size) == (float(price), pytest.approx(0.02))
    client.cancel_order(symbol, client_order_id=placed.client_order_id)
    assert exchange.fetch_order(placed.order_id, symbol)["status"] == "canceled"


def test_a_market_order_fills(exchange: Any, symbol: str, amount: float, size: float, client: tw.Client) -> None:
    exchange.load_markets()
    before = exchange.fetch_balance()
    placed = exchange.create_order(symbol, "market", "buy", amount)
    order, ours = exchange.fetch_order(placed["id"], symbol), client.fetch_order(symbol, order_id=placed["id"])
    assert (order["status"], order["filled"]) == ("closed", amount)
    assert (ours.status, float(ours.filled or 0)) == (tw.OrderStatus.FILLED, pytest.approx(amount * size))
    assert float(ours.average_price or 0) == pytest.approx(order["average"])
    assert float(ours.quote_filled or 0) == pytest.approx(order["cost"])
    fills = [trade for trade in exchange.fetch_my_trades(symbol) if trade["order"] == placed["id"]]
    mine = {fill.fill_id: fill for fill in client.fetch_fills(symbol) if fill.order_id == placed["id"]}
    assert sum(trade["amount"] for trade in fills) == pytest.approx(amount)
    assert set(mine) == {trade["id"] for trade in fills}
    for trade in fills:
        fill = mine[trade["id"]]
        assert (float(fill.price), str(fill.side), fill.fee_asset) == (
            trade["price"],
            trade["side"],
            trade["fee"]["currency"],
        )
        assert float(fill.quantity) == pytest.approx(trade["amount"] * size)
        assert float(fill.fee or 0) == pytest.approx(trade["fee"]["cost"])
        assert ("maker" if fill.maker else "taker") == trade["takerOrMaker"]
    if size == 1:
        gained = exchange.fetch_balance()["BTC"]["total"] - before["BTC"]["total"]
        assert gained == pytest.approx(0.02 * 0.999)
        return
    (position,), (held,) = exchange.fetch_positions([symbol]), client.fetch_positions()
    assert (position["contracts"], position["side"]) == (amount, "long")
    assert float(held.quantity) == pytest.approx(position["contracts"] * size)
    assert float(held.entry_price or 0) == pytest.approx(position["entryPrice"])
    assert float(held.unrealized_pnl or 0) == pytest.approx(position["unrealizedPnl"])
    exchange.create_order(symbol, "market", "sell", amount, params={"reduceOnly": True})
    assert exchange.fetch_positions([symbol]) == client.fetch_positions() == []


def test_a_market_buy_by_value(exchange: Any, symbol: str) -> None:
    if symbol != "BTC/USDT":
        pytest.skip("contracts are bought by number")
    exchange.load_markets()
    placed = exchange.create_market_buy_order_with_cost(symbol, 1000)
    found = exchange.fetch_order(placed["id"], symbol)
    assert found["cost"] == pytest.approx(1000, abs=1)


def test_several_orders_are_canceled_at_once(exchange: Any, symbol: str, amount: float) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(symbol, 5)["bids"][0][0]
    placed = {exchange.create_order(symbol, "limit", "buy", amount, best * part)["id"] for part in (0.8, 0.85, 0.9)}
    assert placed <= {order["id"] for order in exchange.fetch_open_orders(symbol)}
    exchange.cancel_orders(sorted(placed), symbol)
    assert exchange.fetch_open_orders(symbol) == []


def test_refusals_reach_ccxt_as_its_own_errors(exchange: Any, symbol: str, amount: float) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(symbol, 5)["asks"][0][0]
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order(symbol, "limit", "buy", amount * 50_000, best * 0.99)
    with pytest.raises(ccxt.BadSymbol):
        exchange.public_get_market_ticker({"instId": "NO-SUCH"})
    with pytest.raises(ccxt.OrderNotFound):
        exchange.fetch_order("1", symbol)
    taken = exchange.create_order(symbol, "limit", "buy", amount, best * 1.01, {"postOnly": True})
    assert exchange.fetch_order(taken["id"], symbol)["status"] == "canceled"


def test_who_signs_is_checked(exchange: Any) -> None:
    exchange.load_markets()
    right = exchange.secret
    exchange.secret = "not the secret"
    with pytest.raises(ccxt.AuthenticationError, match="50113"):
        exchange.fetch_balance()
    exchange.secret, exchange.password = right, "not the passphrase"
    with pytest.raises(ccxt.AuthenticationError, match="50105"):
        exchange.fetch_balance()


@pytest.mark.parametrize("exchange", ["linear"], indirect=True)
def test_funding(exchange: Any, symbol: str, client: tw.Client) -> None:
    exchange.load_markets()
    now, ours = exchange.fetch_funding_rate(symbol), client.fetch_funding_rate(symbol)
    assert float(ours.rate) == now["fundingRate"]
    assert ours.funding_time_ns == now["fundingTimestamp"] * 1_000_000
    rows, paid = exchange.fetch_funding_rate_history(symbol, limit=10), client.fetch_funding_history(symbol, limit=10)
    assert {b["timestamp"] - a["timestamp"] for a, b in itertools.pairwise(rows)} == {8 * 3_600_000}
    assert [(row["timestamp"] * 1_000_000, row["fundingRate"]) for row in rows] == [
        (row.funding_time_ns, float(row.rate)) for row in paid
    ]
    interest, mine = exchange.fetch_open_interest(symbol), client.fetch_open_interest(symbol)
    assert float(mine.contracts or 0) == pytest.approx(interest["openInterestAmount"], rel=1e-3)
