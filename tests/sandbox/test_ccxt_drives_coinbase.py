"""An independent client, ccxt, pointed at the sandbox: what it can do there shows that the dialect is Coinbase's.

Then both clients read the same market that stands still, and have to agree field by field.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox

ccxt = pytest.importorskip("ccxt")
SYMBOL, OURS = "BTC/USD", "BTC-USD"
MS = 1_000_000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    unhurried = dict.fromkeys(("public", "private", "fills"), (1000, 1.0))  # two clients share one address here
    with Sandbox("coinbase", pace=None, limits=unhurried) as running:
        yield running


@pytest.fixture
def exchange(sandbox: Sandbox) -> Iterator[Any]:
    key = sandbox.credentials("coinbase")
    exchange = ccxt.coinbaseexchange(
        {"apiKey": key.key, "secret": key.secret, "password": key.passphrase, "enableRateLimit": False, "timeout": 5000}
    )
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], sandbox.base_url("coinbase"))
    yield exchange
    if exchange.session is not None:
        exchange.session.close()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[tw.Client]:
    with tw.Client("coinbase", environment=sandbox, credentials=sandbox.credentials("coinbase")) as made:
        yield made


def test_markets_load(exchange: Any, client: tw.Client) -> None:
    markets = exchange.load_markets()
    rows = client.fetch_instruments()
    assert len(rows) == len(markets)
    for row in rows:
        theirs = markets[f"{row.symbol.base}/{row.symbol.quote}"]
        assert (row.native, row.active) == (theirs["id"], theirs["active"])
        assert float(row.tick_size) == theirs["precision"]["price"]
        assert float(row.lot_size) == theirs["precision"]["amount"]
        assert float(row.min_notional or 0) == theirs["limits"]["cost"]["min"]


def test_the_time(exchange: Any) -> None:
    assert abs(exchange.fetch_time() - exchange.milliseconds()) < 5000


def test_klines_agree(exchange: Any, client: tw.Client) -> None:
    since = 1_700_000_040_000
    theirs = exchange.fetch_ohlcv(SYMBOL, "1m", since, 300)
    assert len(theirs) == 300
    assert {b[0] - a[0] for a, b in itertools.pairwise(theirs)} == {60_000}
    bars = client.fetch_klines(OURS, "1m", start=since * MS, limit=300)
    columns = (bars.open_time // MS, bars.open, bars.high, bars.low, bars.close, bars.volume)
    ours = zip(*(column.tolist() for column in columns), strict=True)
    assert [list(row) for row in ours] == theirs


def test_klines_page_without_overlap(exchange: Any) -> None:
    first = exchange.fetch_ohlcv(SYMBOL, "1h", 1_700_002_800_000, 100)
    second = exchange.fetch_ohlcv(SYMBOL, "1h", first[-1][0] + 3_600_000, 100)
    assert second[0][0] - first[-1][0] == 3_600_000
    assert second[0][1] == first[-1][4]  # a bar opens where the one before it closed


def test_book_ticker_and_trades_agree(exchange: Any, client: tw.Client) -> None:
    theirs = exchange.fetch_order_book(SYMBOL)
    book = client.fetch_book(OURS, 10_000)
    for name in ("bids", "asks"):
        levels = [[float(row.price), float(row.quantity)] for row in getattr(book, name)]
        assert levels == [row[:2] for row in theirs[name]]
    assert book.sequence == theirs["nonce"]
    ticker, summary = client.fetch_ticker(OURS), exchange.fetch_ticker(SYMBOL)
    assert [float(v) for v in (ticker.bid, ticker.ask, ticker.last)] == [summary[n] for n in ("bid", "ask", "last")]
    assert float(ticker.volume) == pytest.approx(summary["baseVolume"], rel=1e-4)  # of 24 hours, which roll on
    assert ticker.time_ns // MS == summary["timestamp"]
    assert float(client.fetch_price(OURS)) == summary["last"]
    trades = exchange.fetch_trades(SYMBOL, limit=50)
    assert len(trades) == 50
    for ours, other in zip(client.fetch_trades(OURS, 50), trades, strict=True):
        assert (ours.trade_id, str(ours.side)) == (other["id"], other["side"])
        assert (float(ours.price), float(ours.quantity)) == (other["price"], other["amount"])
        assert ours.time_ns // MS == other["timestamp"]


def agree(order: tw.Order, theirs: dict[str, Any]) -> None:
    assert (order.order_id, order.client_order_id) == (theirs["id"], theirs["clientOrderId"])
    statuses = {"open": "open", "partial": "open", "pending": "open", "filled": "closed", "canceled": "canceled"}
    assert statuses[str(order.status)] == theirs["status"]
    assert (str(order.side), order.type, order.post_only) == (theirs["side"], theirs["type"], theirs["postOnly"])
    assert (float(order.quantity), float(order.filled)) == (theirs["amount"], theirs["filled"])
    assert float(order.quote_filled) == theirs["cost"]
    if order.price is not None:
        assert float(order.price) == theirs["price"]
    if order.average_price is not None:
        assert float(order.average_price) == pytest.approx(theirs["average"])
    assert order.created_ns // MS == theirs["timestamp"]


def test_a_limit_order_is_placed_found_and_canceled(exchange: Any, client: tw.Client) -> None:
    exchange.load_markets()
    free = exchange.fetch_balance()["USD"]["free"]
    price = exchange.fetch_order_book(SYMBOL)["bids"][0][0] * 0.9
    own = str(uuid4())
    placed = exchange.create_order(SYMBOL, "limit", "buy", 0.01, price, {"clientOrderId": own})
    assert placed["status"] == "open"
    assert exchange.fetch_balance()["USD"]["free"] < free
    assert placed["id"] in [order["id"] for order in exchange.fetch_open_orders(SYMBOL)]
    found = exchange.fetch_order(placed["id"], SYMBOL)
    assert (found["status"], found["amount"], found["filled"]) == ("open", 0.01, 0)
    agree(client.fetch_order(OURS, order_id=placed["id"]), found)
    agree(client.fetch_order(OURS, client_order_id=own), exchange.fetch_order("", SYMBOL, {"clientOrderId": own}))
    (ours,) = client.fetch_open_orders()
    agree(ours, found)
    exchange.cancel_order(placed["id"], SYMBOL)
    assert exchange.fetch_balance()["USD"]["free"] == pytest.approx(free)
    for gone in (exchange.fetch_order, exchange.cancel_order):
        with pytest.raises(ccxt.OrderNotFound):
            gone(placed["id"], SYMBOL)
    assert client.fetch_open_orders(OURS) == []


def test_our_order_is_found_by_ccxt(exchange: Any, client: tw.Client) -> None:
    price = client.instrument(OURS).round_price(client.fetch_price(OURS) * 9 / 10)
    placed = client.create_order(OURS, side="buy", type="limit", quantity="0.02", price=price, post_only=True)
    agree(client.fetch_order(OURS, order_id=placed.order_id), exchange.fetch_order(placed.order_id, SYMBOL))
    exchange.cancel_order("", SYMBOL, {"clientOrderId": placed.client_order_id})
    with pytest.raises(tw.OrderNotFound):
        client.fetch_order(OURS, order_id=placed.order_id)


def test_a_market_order_fills(exchange: Any, client: tw.Client) -> None:
    exchange.load_markets()
    before = exchange.fetch_balance()
    placed = exchange.create_order(SYMBOL, "market", "buy", 0.02)
    found = exchange.fetch_order(placed["id"], SYMBOL)
    assert (found["status"], found["filled"]) == ("closed", 0.02)
    agree(client.fetch_order(OURS, order_id=placed["id"]), found)
    theirs = [trade for trade in exchange.fetch_my_trades(SYMBOL) if trade["order"] == placed["id"]]
    ours = [fill for fill in client.fetch_fills(OURS) if fill.order_id == placed["id"]]
    for fill, other in zip(ours, theirs, strict=True):
        assert (fill.fill_id, str(fill.side)) == (other["id"], other["side"])
        assert (float(fill.price), float(fill.quantity)) == (other["price"], other["amount"])
        assert (float(fill.fee), fill.fee_asset) == (other["fee"]["cost"], other["fee"]["currency"])
        assert (fill.maker, fill.time_ns // MS) == (other["takerOrMaker"] == "maker", other["timestamp"])
    after = exchange.fetch_balance()
    cost, fee = (sum(part) for part in zip(*((t["cost"], t["fee"]["cost"]) for t in theirs), strict=True))
    assert after["BTC"]["total"] - before["BTC"]["total"] == pytest.approx(0.02)
    assert before["USD"]["total"] - after["USD"]["total"] == pytest.approx(cost + fee)


def test_balances_agree(exchange: Any, client: tw.Client) -> None:
    theirs = exchange.fetch_balance()
    rows = client.fetch_balances()
    assert rows
    for row in rows:
        shown = theirs[row.asset]
        assert [float(v) for v in (row.free, row.locked, row.total)] == [shown[n] for n in ("free", "used", "total")]


def test_fees_agree(exchange: Any, client: tw.Client) -> None:
    theirs, ours = exchange.fetch_trading_fees()[SYMBOL], client.fetch_trading_fee(SYMBOL)
    assert (theirs["maker"], theirs["taker"]) == (float(ours.maker), float(ours.taker))


def test_several_orders_are_canceled_at_once(exchange: Any, client: tw.Client) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(SYMBOL)["bids"][0][0]
    placed = {exchange.create_order(SYMBOL, "limit", "buy", 0.01, best * part)["id"] for part in (0.8, 0.85, 0.9)}
    assert placed <= {order["id"] for order in exchange.fetch_open_orders(SYMBOL)}
    exchange.cancel_all_orders(SYMBOL)
    assert exchange.fetch_open_orders(SYMBOL) == []
    ended = {order["id"] for order in exchange.fetch_orders(SYMBOL)}
    assert not placed & ended  # what ended without a fill is gone
    assert ended == {order.order_id for order in client.fetch_orders(OURS)}


def test_refusals_reach_ccxt_as_its_own_errors(exchange: Any) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(SYMBOL)["asks"][0][0]
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order(SYMBOL, "limit", "buy", 1000, best * 0.99)
    crossing = exchange.create_order(SYMBOL, "limit", "buy", 0.01, best * 1.01, {"postOnly": True})
    assert crossing["status"] == "rejected"
    with pytest.raises(ccxt.InvalidOrder):
        exchange.fetch_order("7", SYMBOL)


def test_wrong_credentials_are_refused(exchange: Any) -> None:
    exchange.load_markets()
    exchange.secret = "bm90IHRoZSBzZWNyZXQ="
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()
