"""An independent client, ccxt, pointed at the sandbox with a JWT: what it can do there shows whose dialect it is."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox

pytest.importorskip("cryptography", reason="CDP keys need cryptography: pip install 'tidewire[asymmetric]'")

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ccxt = pytest.importorskip("ccxt")
VENUE, SPOT, SYMBOL = "coinbase_advanced", "BTC/USD", "BTC-USD"


class Redirected(ccxt.coinbase):  # type: ignore[misc]
    """ccxt signs for api.coinbase.com; only where its requests go is another place."""

    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        return super().fetch(url.replace("https://api.coinbase.com", self.options["where"]), method, headers, body)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(VENUE, pace=None) as running:
        yield running


def es256_key() -> tw.Credentials:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    return tw.Credentials("organizations/11111111-aaaa/apiKeys/22222222-bbbb", pem.decode())


def eddsa_key() -> tw.Credentials:
    key = ed25519.Ed25519PrivateKey.generate()
    both = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return tw.Credentials("33333333-cccc-4ccc-8ccc-cccccccccccc", base64.b64encode(both).decode())


@pytest.fixture(scope="module", params=[es256_key, eddsa_key], ids=["ES256", "EdDSA"])
def credentials(request: pytest.FixtureRequest, sandbox: Sandbox) -> tw.Credentials:
    made: tw.Credentials = request.param()
    sandbox.add_key(VENUE, made)
    return made


@pytest.fixture
def exchange(sandbox: Sandbox, credentials: tw.Credentials) -> Iterator[Any]:
    options = {
        "where": sandbox.base_url(VENUE),
        "createMarketBuyOrderRequiresPrice": False,
        "fetchBalance": "v3PrivateGetBrokerageAccounts",
    }
    made = Redirected(
        {
            "apiKey": credentials.key,
            "secret": credentials.secret,
            "options": options,
            "rateLimit": 110,
            "timeout": 5000,
        }
    )
    made.has["fetchCurrencies"] = False  # wallet addresses, which the sandbox does not fake
    yield made
    if made.session is not None:
        made.session.close()


@pytest.fixture
def client(sandbox: Sandbox, credentials: tw.Credentials) -> Iterator[tw.Client]:
    with tw.Client(VENUE, environment=sandbox, credentials=credentials) as made:
        yield made


def same(ours: Decimal | None, theirs: Any) -> bool:
    return ours is not None and float(ours) == float(theirs)


def test_markets_are_read_alike(exchange: Any, client: tw.Client) -> None:
    markets = exchange.load_markets()
    ours = {str(item.symbol): item for item in client.fetch_instruments()}
    assert len(ours) == len(markets) > 5
    for name, theirs in markets.items():
        item = ours[name.replace("/", "-")]
        assert theirs["active"] is item.active
        assert theirs["id"] == item.native
        assert same(item.tick_size, theirs["precision"]["price"])
        assert same(item.lot_size, theirs["precision"]["amount"])
        assert same(item.min_quantity, theirs["limits"]["amount"]["min"])
        assert same(item.max_quantity, theirs["limits"]["amount"]["max"])
        assert same(item.min_notional, theirs["limits"]["cost"]["min"])
        assert same(item.max_notional, theirs["limits"]["cost"]["max"])


@pytest.mark.parametrize("interval", ["1m", "1h", "1d"])
def test_klines_are_read_alike(exchange: Any, client: tw.Client, interval: str) -> None:
    since = 1_700_006_400_000 // 86_400_000 * 86_400_000
    rows = exchange.fetch_ohlcv(SPOT, interval, since=since, limit=200)
    bars = client.fetch_klines(SYMBOL, interval, start=since * 10**6, limit=200)
    assert len(rows) == len(bars) == 200
    columns = (bars.open_time // 10**6, bars.open, bars.high, bars.low, bars.close, bars.volume)
    assert [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)] == rows
    second = exchange.fetch_ohlcv(SPOT, interval, since=rows[-1][0] + 1000, limit=200)
    assert second[0][0] - rows[-1][0] == rows[1][0] - rows[0][0]


def test_book_ticker_and_trades_are_read_alike(exchange: Any, client: tw.Client) -> None:
    theirs, book = exchange.fetch_order_book(SPOT, 20), client.fetch_book(SYMBOL, 20)
    assert len(book.bids) == len(book.asks) == 20
    for side in ("bids", "asks"):
        assert [[float(row.price), float(row.quantity)] for row in getattr(book, side)] == theirs[side]
    ticker, quote = client.fetch_ticker(SYMBOL), exchange.fetch_ticker(SPOT)
    assert same(ticker.last, quote["last"])
    assert same(ticker.bid, quote["bid"])
    assert same(ticker.ask, quote["ask"])
    assert ticker.time_ns is not None
    assert ticker.time_ns // 10**6 == quote["timestamp"]
    day = exchange.fetch_tickers([SPOT])[SPOT]
    assert ticker.volume == pytest.approx(Decimal(str(day["baseVolume"])), rel=Decimal("0.001"))  # it rolls on
    assert ticker.quote_volume == pytest.approx(Decimal(str(day["quoteVolume"])), rel=Decimal("0.001"))
    trades, rows = client.fetch_trades(SYMBOL, 50), exchange.fetch_trades(SPOT, limit=50)
    assert len(trades) == len(rows) == 50
    for own, other in zip(trades, rows, strict=True):
        assert (own.trade_id, str(own.side), own.time_ns // 10**6) == (other["id"], other["side"], other["timestamp"])
        assert same(own.price, other["price"])
        assert same(own.quantity, other["amount"])


def agree(own: tw.Order, other: dict[str, Any]) -> None:
    assert (own.order_id, own.client_order_id) == (other["id"], other["clientOrderId"])
    assert (str(own.side), own.type) == (other["side"], other["type"])
    assert own.created_ns is not None
    assert own.created_ns // 10**6 == other["timestamp"]
    assert {"open": "open", "filled": "closed", "canceled": "canceled"}[own.status] == other["status"]
    assert same(own.quantity, other["amount"])
    assert same(own.filled, other["filled"])
    if other["price"] and own.price is not None:
        assert same(own.price, other["price"])
    if other["average"]:
        assert same(own.average_price, other["average"])


def test_fees_agree(exchange: Any, client: tw.Client) -> None:
    theirs, ours = exchange.fetch_trading_fees()[SPOT], client.fetch_trading_fee(SPOT)
    assert (theirs["maker"], theirs["taker"]) == (float(ours.maker), float(ours.taker))


def test_an_order_is_placed_found_and_canceled(exchange: Any, client: tw.Client) -> None:
    exchange.load_markets()
    free = exchange.fetch_balance()["USD"]["free"]
    price = exchange.fetch_order_book(SPOT, 5)["bids"][0][0] * 0.9
    placed = exchange.create_order(SPOT, "limit", "buy", 0.01, price, {"postOnly": True})
    balance = exchange.fetch_balance()
    assert balance["USD"]["free"] < free
    for row in client.fetch_balances():
        assert same(row.free, balance[row.asset]["free"])
        assert same(row.locked, balance[row.asset]["used"])
        assert same(row.total, balance[row.asset]["total"])
    assert placed["id"] in [order["id"] for order in exchange.fetch_open_orders(SPOT)]
    found = exchange.fetch_order(placed["id"], SPOT)
    assert (found["status"], found["amount"], found["filled"], found["postOnly"]) == ("open", 0.01, 0, True)
    agree(client.fetch_order(SYMBOL, order_id=placed["id"]), found)
    assert exchange.cancel_order(placed["id"], SPOT)["id"] == placed["id"]
    gone = exchange.fetch_order(placed["id"], SPOT)
    assert gone["status"] == "canceled"
    agree(client.fetch_order(SYMBOL, client_order_id=found["clientOrderId"]), gone)
    assert exchange.fetch_balance()["USD"]["free"] == pytest.approx(free)
    with pytest.raises(ccxt.BadRequest):
        exchange.cancel_order(placed["id"], SPOT)


def test_our_order_is_read_by_ccxt(exchange: Any, client: tw.Client) -> None:
    exchange.load_markets()
    ours = client.create_order(SYMBOL, side="sell", type="market", quantity="0.02")
    agree(client.fetch_order(SYMBOL, order_id=ours.order_id), exchange.fetch_order(ours.order_id, SPOT))
    fills = {fill.fill_id: fill for fill in client.fetch_fills(SYMBOL) if fill.order_id == ours.order_id}
    theirs = [row for row in exchange.fetch_my_trades(SPOT) if row["order"] == ours.order_id]
    assert len(fills) == len(theirs) > 0
    for other in theirs:
        own = fills[other["id"]]
        assert (str(own.side), own.maker) == (other["side"], other["takerOrMaker"] == "maker")
        assert same(own.price, other["price"])
        assert same(own.quantity, other["amount"])
        assert same(own.fee, other["fee"]["cost"])
        assert own.fee_asset == other["fee"]["currency"]


def test_a_market_order_by_value_fills(exchange: Any, client: tw.Client) -> None:
    exchange.load_markets()
    placed = exchange.create_order(SPOT, "market", "buy", 500)  # dollars
    order = client.fetch_order(SYMBOL, order_id=placed["id"])
    assert order.status is tw.OrderStatus.FILLED
    assert order.quote_filled is not None
    assert 490 < order.quote_filled <= 500


def test_several_orders_are_canceled_at_once(exchange: Any) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(SPOT, 5)["bids"][0][0]
    placed = [exchange.create_order(SPOT, "limit", "buy", 0.01, best * part)["id"] for part in (0.8, 0.85, 0.9)]
    assert {*placed} <= {order["id"] for order in exchange.fetch_open_orders(SPOT)}
    exchange.cancel_orders(placed, SPOT)
    assert exchange.fetch_open_orders(SPOT) == []
    times = [order["timestamp"] for order in exchange.fetch_orders(SPOT)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))
    assert {*placed} <= {order["id"] for order in exchange.fetch_canceled_orders(SPOT)}


def test_refusals_reach_ccxt_as_its_own_errors(exchange: Any) -> None:
    exchange.load_markets()
    best = exchange.fetch_order_book(SPOT, 5)["asks"][0][0]
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order(SPOT, "limit", "buy", 1000, best * 0.99)
    with pytest.raises(ccxt.ExchangeError, match="INVALID_LIMIT_PRICE_POST_ONLY"):
        exchange.create_order(SPOT, "limit", "buy", 0.01, best * 1.01, {"postOnly": True})


def test_a_wrong_secret_is_refused(exchange: Any, credentials: tw.Credentials) -> None:
    exchange.load_markets()
    exchange.secret = (es256_key() if "BEGIN" in credentials.secret else eddsa_key()).secret
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()
