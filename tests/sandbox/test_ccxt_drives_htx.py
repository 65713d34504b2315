"""An independent client, ccxt, pointed at the sandbox: what it can do there shows that the dialect is HTX's.

ccxt counts swaps in contracts; ``size`` is what one is worth in base units.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox

ccxt = pytest.importorskip("ccxt")
MS = 1_000_000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    # ccxt's own limiter is off: what the sandbox would refuse is tested elsewhere.
    busy = ("reference", "klines", "price", "ticker", "tickers", "depth", "trades", "fills", "query", "linear-trade")
    with Sandbox("htx", pace=None, limits=dict.fromkeys(busy, (10_000, 2))) as running:
        yield running


@pytest.fixture(params=["spot", "linear"])
def exchange(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Any]:
    key = sandbox.credentials("htx")
    options = {
        "fetchMarkets": {"types": {"spot": True, "linear": True, "inverse": False}},
        "defaultType": "spot" if request.param == "spot" else "swap",
        "defaultSubType": "linear",
    }
    exchange = ccxt.htx(
        {"apiKey": key.key, "secret": key.secret, "options": options, "enableRateLimit": False, "timeout": 5000}
    )
    exchange.has["fetchCurrencies"] = False  # wallet addresses, which the sandbox does not fake
    scheme, _, host = sandbox.base_url("htx").partition("://")
    exchange.urls["hostnames"] = {"contract": host, "spot": host}
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], f"{scheme}://{{hostname}}")
    yield exchange
    if exchange.session is not None:
        exchange.session.close()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[tw.Client]:
    with tw.Client("htx", environment=sandbox, credentials=sandbox.credentials("htx")) as ours:
        yield ours


@pytest.fixture
def symbol(exchange: Any) -> str:
    return "BTC/USDT" if exchange.options["defaultType"] == "spot" else "BTC/USDT:USDT"


@pytest.fixture
def size(symbol: str) -> Decimal:
    return Decimal(1) if symbol == "BTC/USDT" else Decimal("0.001")


@pytest.fixture
def amount(size: Decimal) -> float:
    """0.02 BTC."""
    return float(Decimal("0.02") / size)


def base(number: float, size: Decimal) -> Decimal:
    return Decimal(str(number)) * size


def test_markets_load_and_agree(exchange: Any, symbol: str, size: Decimal, client: tw.Client) -> None:
    market = exchange.load_markets()[symbol]
    ours = client.instrument(symbol)
    assert market["active"] is ours.active is True
    assert (market["id"], base(market["precision"]["amount"], size)) == (ours.native, ours.lot_size)
    assert market["precision"]["price"] == float(ours.tick_size)
    assert Decimal(str(market["contractSize"] or 1)) == ours.contract_size == size
    if ours.kind == "spot":
        assert market["limits"]["cost"]["min"] == ours.min_notional == 5
        assert market["limits"]["amount"] == {"min": float(ours.min_quantity), "max": float(ours.max_quantity)}
    dated = [row for row in exchange.markets.values() if row["future"]]
    assert len(dated) == 1
    mine = client.instrument(dated[0]["symbol"])
    assert dated[0]["expiry"] == mine.expiry_ns // MS
    assert dated[0]["id"] == mine.native


def test_klines_agree(exchange: Any, symbol: str, client: tw.Client) -> None:
    rows = exchange.fetch_ohlcv(symbol, "1m", limit=1000)
    assert len(rows) == 1000
    assert {b[0] - a[0] for a, b in itertools.pairwise(rows)} == {60_000}
    ours = client.fetch_klines(symbol, "1m", start=rows[0][0] * MS, end=rows[-1][0] * MS)
    columns = (ours.open_time // MS, ours.open, ours.high, ours.low, ours.close, ours.volume)
    assert [list(row) for row in zip(*(c.tolist() for c in columns), strict=True)] == rows[:-1]


def test_klines_page_without_overlap(exchange: Any, symbol: str) -> None:
    # For swaps ccxt sends a size beside the window, and the venue then ignores the window: only pages without a limit.
    pages = {"limit": 100} if symbol == "BTC/USDT" else {}
    first = exchange.fetch_ohlcv(symbol, "1h", since=1_700_000_000_000, **pages)
    second = exchange.fetch_ohlcv(symbol, "1h", since=first[-1][0] + 1, **pages)
    assert second[0][0] - first[-1][0] == 3_600_000
    assert second[0][1] == first[-1][4]  # a bar opens where the one before it closed


@pytest.mark.parametrize("interval", ["1d", "1w"])
def test_days_begin_in_singapore(exchange: Any, symbol: str, client: tw.Client, interval: str) -> None:
    rows = exchange.fetch_ohlcv(symbol, interval, limit=4)
    assert {row[0] // 3_600_000 % 24 for row in rows} == {16}
    ours = client.fetch_klines(symbol, interval, limit=3)
    assert (ours.open_time // MS).tolist() == [row[0] for row in rows[:-1]]
    assert ours.close.tolist() == [row[4] for row in rows[:-1]]
    assert rows[-1][0] <= time.time() * 1000 < rows[-1][0] + exchange.parse_timeframe(interval) * 1000


def test_book_ticker_and_trades_agree(exchange: Any, symbol: str, size: Decimal, client: tw.Client) -> None:
    book = exchange.fetch_order_book(symbol, 20)
    ours = client.fetch_book(symbol, 20)
    assert book["nonce"] == ours.sequence
    for side, levels in (("bids", ours.bids), ("asks", ours.asks)):
        theirs = [(Decimal(str(price)), base(quantity, size)) for price, quantity in book[side][:20]]
        assert theirs == [(level.price, level.quantity) for level in levels]
    ticker, mine = exchange.fetch_ticker(symbol), client.fetch_ticker(symbol)
    names = {"last": "last", "bid": "bid", "ask": "ask", "open": "open", "high": "high", "low": "low"}
    assert {name: ticker[theirs] for name, theirs in names.items()} == {
        name: float(getattr(mine, name)) for name in names
    }
    assert (base(ticker["bidVolume"], size), base(ticker["askVolume"], size)) == (mine.bid_quantity, mine.ask_quantity)
    assert ticker["baseVolume"] == pytest.approx(float(mine.volume), rel=1e-3)  # the day moves on between the two
    assert ticker["quoteVolume"] == pytest.approx(float(mine.quote_volume), rel=1e-3)
    assert exchange.fetch_tickers([symbol])[symbol]["last"] == float(client.fetch_tickers([symbol])[0].last)
    trades, own = exchange.fetch_trades(symbol, limit=10), client.fetch_trades(symbol, 10)
    assert [
        (row["id"], row["side"], Decimal(str(row["price"])), base(row["amount"], size), row["timestamp"] * MS)
        for row in trades
    ] == [(row.trade_id, row.side, row.price, row.quantity, row.time_ns) for row in own]


def test_balances_agree(exchange: Any, client: tw.Client) -> None:
    kind = "spot" if exchange.options["defaultType"] == "spot" else "linear"
    theirs, ours = exchange.fetch_balance(), client.fetch_balances(kind=kind)
    assert ours
    for row in ours:
        held = theirs[row.asset]
        assert [held["free"], held["used"], held["total"]] == [float(row.free), float(row.locked), float(row.total)]


@pytest.mark.parametrize("exchange", ["spot"], indirect=True)
def test_fees_agree(exchange: Any, symbol: str, client: tw.Client) -> None:
    theirs, ours = exchange.fetch_trading_fee(symbol), client.fetch_trading_fee(symbol)
    assert (theirs["maker"], theirs["taker"]) == (float(ours.maker), float(ours.taker))


def agrees(theirs: dict[str, Any], ours: tw.Order, size: Decimal) -> None:
    words = {"open": ("open", "partial"), "closed": ("filled",), "canceled": ("canceled",)}
    assert str(ours.status) in words[theirs["status"]]
    assert (theirs["id"], theirs["side"], theirs["type"]) == (ours.order_id, ours.side, ours.type)
    assert theirs["clientOrderId"] == ours.client_order_id
    assert base(theirs["amount"], size) == ours.quantity
    assert base(theirs["filled"], size) == ours.filled
    assert theirs["timestamp"] * MS == ours.created_ns
    if ours.price is not None:
        assert theirs["price"] == float(ours.price)


def test_a_limit_order_is_placed_found_and_canceled(
    exchange: Any, symbol: str, amount: float, size: Decimal, client: tw.Client
) -> None:
    exchange.load_markets()
    free = exchange.fetch_balance()["USDT"]["free"]
    price = exchange.fetch_order_book(symbol, 5)["bids"][0][0] * 0.9
    placed = exchange.create_order(symbol, "limit", "buy", amount, price)
    assert exchange.fetch_balance()["USDT"]["free"] < free
    assert placed["id"] in [order["id"] for order in exchange.fetch_open_orders(symbol)]
    found, ours = exchange.fetch_order(placed["id"], symbol), client.fetch_order(symbol, order_id=placed["id"])
    assert (found["status"], found["amount"], found["filled"]) == ("open", amount, 0)
    agrees(found, ours, size)
    exchange.cancel_order(placed["id"], symbol)
    found, ours = exchange.fetch_order(placed["id"], symbol), client.fetch_order(symbol, order_id=placed["id"])
    assert found["status"] == "canceled"
    agrees(found, ours, size)
    assert exchange.fetch_balance()["USDT"]["free"] == pytest.approx(free)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order(placed["id"], symbol)


@pytest.mark.parametrize("terms", [{}, {"post_only": True}, {"time_in_force": "fok"}], ids=str)
def test_what_we_place_ccxt_finds(
    exchange: Any, symbol: str, size: Decimal, client: tw.Client, terms: dict[str, Any]
) -> None:
    exchange.load_markets()
    rules = client.instrument(symbol)
    price = rules.round_price(client.fetch_price(symbol) * Decimal("0.9"))
    placed = client.create_order(symbol, side="buy", type="limit", quantity="0.02", price=price, **terms)
    ours = client.fetch_order(symbol, client_order_id=placed.client_order_id)
    assert ours.status is (tw.OrderStatus.CANCELED if "time_in_force" in terms else tw.OrderStatus.OPEN)
    assert (ours.quantity, ours.price, ours.post_only) == (Decimal("0.02"), price, "post_only" in terms)
    theirs = exchange.fetch_order(placed.order_id, symbol)
    if not terms:
        agrees(theirs, ours, size)
    assert (theirs["id"], theirs["status"] == "open") == (ours.order_id, not ours.status.is_final)
    if not ours.status.is_final:
        client.cancel_order(symbol, client_order_id=placed.client_order_id)
        assert exchange.fetch_order(placed.order_id, symbol)["status"] == "canceled"


def test_a_market_order_fills(exchange: Any, symbol: str, amount: float, size: Decimal, client: tw.Client) -> None:
    exchange.load_markets()
    side = "sell" if symbol == "BTC/USDT" else "buy"
    placed = exchange.create_order(symbol, "market", side, amount)
    found, ours = exchange.fetch_order(placed["id"], symbol), client.fetch_order(symbol, order_id=placed["id"])
    assert (found["status"], found["filled"]) == ("closed", amount)
    agrees(found, ours, size)
    assert found["average"] == pytest.approx(float(ours.average_price))
    theirs = [row for row in exchange.fetch_my_trades(symbol) if row["order"] == placed["id"]]
    mine = [row for row in client.fetch_fills(symbol) if row.order_id == placed["id"]]
    assert sum(row["amount"] for row in theirs) == pytest.approx(amount)
    # ccxt names a swap's fill by its match, which several may share.
    assert [
        (
            row["info"]["id"] if ":" in symbol else row["id"],
            row["side"],
            Decimal(str(row["price"])),
            base(row["amount"], size),
            row["takerOrMaker"],
        )
        for row in theirs
    ] == [(row.fill_id, row.side, row.price, row.quantity, "maker" if row.maker else "taker") for row in mine]
    if side == "sell":
        assert [row["fee"] for row in theirs] == [{"cost": float(row.fee), "currency": row.fee_asset} for row in mine]
        return
    position, held = exchange.fetch_positions([symbol])[0], client.fetch_positions()[0]
    assert (position["side"], base(position["contracts"], size)) == ("long", held.quantity)
    assert (position["entryPrice"], position["leverage"]) == (float(held.entry_price), float(held.leverage))
    exchange.create_order(symbol, "market", "sell", amount, params={"reduceOnly": True})
    assert exchange.fetch_positions([symbol]) == client.fetch_positions() == []


@pytest.mark.parametrize("exchange", ["spot"], indirect=True)
def test_a_market_buy_spends_money(exchange: Any, symbol: str, client: tw.Client) -> None:
    exchange.load_markets()
    placed = exchange.create_order(symbol, "market", "buy", 0, None, {"cost": 1000})
    ours = client.fetch_order(symbol, order_id=placed["id"])
    assert (ours.status, ours.quantity) == (tw.OrderStatus.FILLED, None)
    assert 990 < ours.quote_filled <= 1000
    assert exchange.fetch_order(placed["id"], symbol)["filled"] == float(ours.filled)


def test_several_orders_are_canceled_at_once(exchange: Any, symbol: str, amount: float) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(symbol, 5)["bids"][0][0]
    placed = {exchange.create_order(symbol, "limit", "buy", amount, best * part)["id"] for part in (0.8, 0.85, 0.9)}
    assert placed <= {order["id"] for order in exchange.fetch_open_orders(symbol)}
    exchange.cancel_all_orders(symbol)
    assert exchange.fetch_open_orders(symbol) == []
    assert placed <= {order["id"] for order in exchange.fetch_orders(symbol) if order["status"] == "canceled"}


def test_refusals_reach_ccxt_as_its_own_errors(exchange: Any, symbol: str, amount: float) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(symbol, 5)["asks"][0][0]
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order(symbol, "limit", "buy", amount * 50_000, best * 0.9)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.fetch_order("999999999", symbol)


def test_who_signs_is_checked(exchange: Any) -> None:
    exchange.load_markets()
    real = exchange.milliseconds
    exchange.milliseconds = lambda: real() - 301_000
    with pytest.raises(ccxt.AuthenticationError, match="submission time"):
        exchange.fetch_balance()
    exchange.milliseconds = real
    exchange.secret = "not the secret"
    with pytest.raises(ccxt.AuthenticationError, match="Verification failure"):
        exchange.fetch_balance()


@pytest.mark.parametrize("exchange", ["linear"], indirect=True)
def test_funding_agrees(exchange: Any, symbol: str, client: tw.Client) -> None:
    theirs, ours = exchange.fetch_funding_rate(symbol), client.fetch_funding_rate(symbol)
    assert (theirs["fundingRate"], theirs["fundingTimestamp"] * MS) == (float(ours.rate), ours.funding_time_ns)
    rows = exchange.fetch_funding_rate_history(symbol, limit=10)
    history = client.fetch_funding_history(symbol, limit=10)
    assert {b["timestamp"] - a["timestamp"] for a, b in itertools.pairwise(rows)} == {8 * 3_600_000}
    assert [(row["fundingRate"], row["timestamp"] * MS) for row in rows] == [
        (float(row.rate), row.funding_time_ns) for row in history
    ]
    interest = client.fetch_open_interest(symbol)
    assert exchange.fetch_open_interest(symbol)["openInterestAmount"] == float(interest.contracts)
    assert interest.contracts * Decimal("0.001") == interest.quantity
