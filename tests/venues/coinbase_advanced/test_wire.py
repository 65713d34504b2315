"""Requests and answers in Coinbase Advanced's words: pages of candles, aliases, cursors, sides, books."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import tidewire as tw
from tidewire._call import Response
from tidewire._dialect import Placement
from tidewire.models import OrderType, Side
from tidewire.sandbox import Sandbox
from tidewire.symbols import Symbol
from tidewire.venues.coinbase_advanced import CoinbaseAdvanced

S = 10**9
MINUTE = 60
T0 = 1_700_000_040  # a whole minute
SPOT = "BTC-USD"


@pytest.fixture
def venue() -> CoinbaseAdvanced:
    return CoinbaseAdvanced()


def query(call: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(call.request.url).query)


def candles(*starts: int) -> bytes:
    rows = [
        {"start": str(at), "low": "1.1", "high": "4.4", "open": "2.2", "close": "3.3", "volume": "0.5"} for at in starts
    ]
    return json.dumps({"candles": rows}).encode()


def test_newest_first_candles_with_gaps_become_ascending_klines(venue: CoinbaseAdvanced) -> None:
    call = venue.fetch_klines(SPOT, "1m", start=T0 * S, limit=10)
    bars = call.parse(candles(T0 + 9 * MINUTE, T0 + 5 * MINUTE, T0, T0 - MINUTE))  # one before the window, too
    assert bars.open_time.tolist() == [T0 * S, (T0 + 5 * MINUTE) * S, (T0 + 9 * MINUTE) * S]
    assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]) == (2.2, 4.4, 1.1, 3.3, 0.5)
    assert len(bars.gaps) == 2  # reported, not invented
    assert not len(call.parse(b'{"candles":[]}'))


def test_the_real_answer(venue: CoinbaseAdvanced, fixtures: Path) -> None:
    body = (fixtures / "klines" / "GetKlines_Coinbase_AdvancedTrade.json").read_bytes()
    bars = tw.decode_klines(body, venue.kline_layout())
    assert bars.open_time.tolist() == [1_639_508_050 * S]
    assert (bars.close[0], bars.volume[0]) == (140.21, 56437345.0)


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ({"start": T0 * S}, T0, T0 + 350 * MINUTE),
        ({"start": T0 * S, "limit": 3}, T0, T0 + 3 * MINUTE),
        ({"start": T0 * S + 1, "limit": 3}, T0 + MINUTE, T0 + 4 * MINUTE),
        ({"start": T0 * S, "end": (T0 + 2 * MINUTE) * S}, T0, T0 + 2 * MINUTE),
        ({"start": T0 * S, "end": (T0 + 10**6) * S}, T0, T0 + 350 * MINUTE),
        ({"end": T0 * S, "limit": 5}, T0 - 5 * MINUTE, T0),
        ({"end": T0 * S + 1, "limit": 5}, T0 - 4 * MINUTE, T0 + MINUTE),
        ({"end": T0 * S, "limit": 9999}, T0 - 350 * MINUTE, T0),
    ],
)
def test_a_page_is_a_stretch_of_time(venue: CoinbaseAdvanced, window: dict[str, int], start: int, end: int) -> None:
    sent = query(venue.fetch_klines(SPOT, "1m", **window))
    assert sent == {"granularity": ["ONE_MINUTE"], "start": [str(start)], "end": [str(end - 1)]}


def test_bars_of_a_window_between_two_open_times_are_none(venue: CoinbaseAdvanced) -> None:
    call = venue.fetch_klines(SPOT, "1m", start=T0 * S + 1, end=T0 * S + 2)
    assert not len(call.parse(candles(T0 + MINUTE, T0)))


def test_times_keep_nanoseconds(venue: CoinbaseAdvanced) -> None:
    fill = {
        "trade_id": "t",
        "order_id": "o",
        "price": "21220.64",
        "size": "0.0046830664333996",
        "trade_time": "2023-01-18T01:37:38.091377090Z",
        "side": "BUY",
        "commission": "0.0000280983986004",
        "liquidity_indicator": "UNKNOWN_LIQUIDITY_INDICATOR",
    }
    (read,) = venue.fetch_fills(SPOT).parse(json.dumps({"fills": [fill]}).encode())
    assert read.time_ns == 1_674_005_858_091_377_090
    assert (read.quantity, read.fee, read.fee_asset) == (
        Decimal("0.0046830664333996"),
        Decimal("0.0000280983986004"),
        "USD",
    )
    assert read.maker is None
    in_quote = {**fill, "size": "6.36", "price": "21200", "size_in_quote": True}
    (read,) = venue.fetch_fills(SPOT).parse(json.dumps({"fills": [in_quote]}).encode())
    assert read.quantity == Decimal("0.0003")


def trade(number: str, price: str, size: str, time: str, side: str) -> dict[str, str]:
    return {"trade_id": number, "product_id": SPOT, "price": price, "size": size, "time": time, "side": side}


TRADES = {
    "trades": [
        trade("2", "68923.67", "0.00064", "2026-04-07T00:28:58.544778Z", "SELL"),
        trade("1", "68924.94", "0.01450854", "2026-04-07T00:28:57.296283Z", "BUY"),
    ],
    "best_bid": "68923.66",
    "best_ask": "68923.67",
}


def test_trades_oldest_first_with_a_switch_for_their_side(venue: CoinbaseAdvanced) -> None:
    body = json.dumps(TRADES).encode()
    read = venue.fetch_trades(SPOT).parse(body)
    assert [(row.trade_id, row.side) for row in read] == [("1", Side.BUY), ("2", Side.SELL)]
    venue.trades_name_the_maker = True
    assert [row.side for row in venue.fetch_trades(SPOT).parse(body)] == [Side.SELL, Side.BUY]


def test_a_ticker_is_quotes_and_then_volumes(venue: CoinbaseAdvanced) -> None:
    call = venue.fetch_ticker(SPOT)
    body = json.dumps(TRADES).encode()
    first = call.parse(body)
    assert (first.last, first.bid, first.ask) == (Decimal("68923.67"), Decimal("68923.66"), Decimal("68923.67"))
    assert call.then
    following = call.then(Response(200, body), first)
    assert following
    assert following.request.path == "/api/v3/brokerage/market/products/BTC-USD"
    whole = following.parse(json.dumps(product(SPOT, [])).encode())
    assert (whole.bid, whole.volume, whole.quote_volume) == (first.bid, Decimal("11005.02"), Decimal("758506771.41"))
    assert whole.high is None


def product(name: str, alias_to: list[str], **changes: Any) -> dict[str, Any]:
    base, quote = name.split("-")
    return {
        "product_id": name,
        "price": "68923.67",
        "volume_24h": "11005.02",
        "approximate_quote_24h_volume": "758506771.41",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "price_increment": "0.01",
        "quote_min_size": "1",
        "quote_max_size": "150000000",
        "base_min_size": "0.00000001",
        "base_max_size": "3400",
        "status": "online",
        "product_type": "SPOT",
        "base_currency_id": base,
        "quote_currency_id": quote,
        "alias_to": alias_to,
        "alias": "",
        **changes,
    }


def test_an_alias_is_read_from_the_product_that_it_stands_for(venue: CoinbaseAdvanced) -> None:
    body = json.dumps({"products": [product("BTC-USD", ["BTC-USDC"]), product("ETH-USD", [])]}).encode()
    read = venue.fetch_tickers(["BTC-USDC", "ETH-USD"]).parse(body)
    assert [str(row.symbol) for row in read] == ["BTC-USDC", "ETH-USD"]
    # An order book of an alias comes under the other name: what was asked for is what is returned.
    book = {"pricebook": {"product_id": "BTC-USD", "bids": [], "asks": [{"price": "1", "size": "2"}], "time": ""}}
    assert str(venue.fetch_book("BTC-USDC").parse(json.dumps(book).encode()).symbol) == "BTC-USDC"


def test_instruments(venue: CoinbaseAdvanced) -> None:
    rows = [
        product(SPOT, []),
        product("ABC-USD", [], trading_disabled=True),
        product("NEW-USD", [], price="", volume_24h="", base_increment="1", price_increment="0.00001000"),
    ]
    body = json.dumps({"products": rows}).encode()
    btc, abc, new = venue.fetch_instruments().parse(body)
    assert (btc.tick_size, btc.lot_size, btc.min_notional) == (Decimal("0.01"), Decimal("0.00000001"), 1)
    assert (btc.max_quantity, btc.max_notional, btc.active, btc.status) == (3400, 150_000_000, True, "online")
    assert not abc.active
    assert str(new.tick_size) == "0.00001"
    assert venue.fetch_tickers().parse(body)[2].last is None
    with pytest.raises(tw.DecodeError, match="NEW-USD has no price"):
        venue.fetch_price("NEW-USD").parse(json.dumps(rows[2]).encode())


STATES = [
    ("PENDING", {}, "pending"),
    ("QUEUED", {}, "pending"),
    ("OPEN", {}, "open"),
    ("OPEN", {"filled_size": "0.1"}, "partial"),
    ("OPEN", {"pending_cancel": True}, "canceling"),
    ("EDIT_QUEUED", {}, "open"),
    ("CANCEL_QUEUED", {}, "canceling"),
    ("FILLED", {"filled_size": "0.2"}, "filled"),
    ("CANCELLED", {"filled_size": "0.1", "filled_value": "0.0006"}, "canceled"),
    ("EXPIRED", {}, "expired"),
    ("FAILED", {}, "rejected"),
]


@pytest.mark.parametrize(("status", "more", "read"), STATES)
def test_order_states(venue: CoinbaseAdvanced, status: str, more: dict[str, Any], read: str) -> None:
    row = {
        "order_id": "9bc1",
        "product_id": SPOT,
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.2", "limit_price": "0.006", "post_only": True}},
        "side": "SELL",
        "client_order_id": "mine",
        "status": status,
        "time_in_force": "GOOD_UNTIL_CANCELLED",
        "created_time": "2023-01-16T23:37:23.947030Z",
        "filled_size": "0",
        "average_filled_price": "0",
        "filled_value": "0",
        "order_type": "LIMIT",
        **more,
    }
    order = venue.fetch_order(SPOT, order_id="9bc1").parse(json.dumps({"order": row}).encode())
    assert order.status == read
    assert order.filled == Decimal(more.get("filled_size", "0"))
    assert (order.side, order.type, order.time_in_force, order.post_only) == ("sell", "limit", "gtc", True)
    assert (order.price, order.quantity, order.average_price) == (Decimal("0.006"), Decimal("0.2"), None)


def test_an_order_is_its_markets_only_but_for_the_two_dollars(venue: CoinbaseAdvanced) -> None:
    body = json.dumps({"order": {"order_id": "1", "product_id": "BTC-USDC", "status": "OPEN"}}).encode()
    assert venue.fetch_order("BTC-USD", order_id="1").parse(body).symbol == Symbol("BTC", "USD")
    for other in ("ETH-USD", "BTC-USDT", "BTC-EUR"):
        with pytest.raises(tw.OrderNotFound, match="one of BTC-USDC"):
            venue.fetch_order(other, order_id="1").parse(body)


def test_an_unknown_state_is_not_guessed_at(venue: CoinbaseAdvanced) -> None:
    body = json.dumps({"order": {"order_id": "1", "product_id": SPOT, "status": "DREAMING"}}).encode()
    with pytest.raises(tw.DecodeError, match="DREAMING"):
        venue.fetch_order(SPOT, order_id="1").parse(body)


@pytest.mark.parametrize(
    ("terms", "sent"),
    [
        ({"type": "market"}, {"market_market_ioc": {"base_size": "0.5"}}),
        ({}, {"limit_limit_gtc": {"base_size": "0.5", "limit_price": "100", "post_only": False}}),
        ({"post_only": True}, {"limit_limit_gtc": {"base_size": "0.5", "limit_price": "100", "post_only": True}}),
        ({"time_in_force": "ioc"}, {"sor_limit_ioc": {"base_size": "0.5", "limit_price": "100"}}),
        ({"time_in_force": "fok"}, {"limit_limit_fok": {"base_size": "0.5", "limit_price": "100"}}),
    ],
)
def test_new_orders(venue: CoinbaseAdvanced, terms: dict[str, Any], sent: dict[str, Any]) -> None:
    price = {} if terms.get("type") == "market" else {"price": "100.00"}
    call = venue.create_order(SPOT, **{"side": "buy", "type": "limit", "quantity": "0.50", **price, **terms})
    body = json.loads(call.request.body)
    assert body.pop("client_order_id") == call.client_order_id
    assert body == {"product_id": SPOT, "side": "BUY", "order_configuration": sent}
    assert call.writes


@pytest.mark.parametrize(
    ("limit", "left", "used"),
    [
        ("10", "7", {"public-1s": 3}),
        ("10", "11", {"public-1s": 0}),
        ("30", "30", {}),  # not the limit of this call
        ("10", "", {}),
        ("ten", "1", {}),
        ("10", "-1", {}),
    ],
)
def test_what_is_left_of_a_limit(venue: CoinbaseAdvanced, limit: str, left: str, used: dict[str, int]) -> None:
    headers = {"x-ratelimit-limit": limit, "x-ratelimit-remaining": left, "x-ratelimit-reset": "1"}
    assert venue.usage(venue.fetch_price(SPOT), headers) == used
    assert venue.usage(venue.fetch_price(SPOT), {}) == {}
    private = {"x-ratelimit-limit": "30", "x-ratelimit-remaining": "28"}
    assert venue.usage(venue.fetch_balances(), private) == {"private-1s": 2}


def test_public_answers_are_asked_for_past_the_cache(venue: CoinbaseAdvanced) -> None:
    for call in (venue.fetch_price(SPOT), venue.fetch_book(SPOT), venue.fetch_klines(SPOT, "1m"), venue.server_time()):
        assert call.request.headers == {"Cache-Control": "no-cache"}


def test_accounts_of_one_asset_are_added_up_over_pages(venue: CoinbaseAdvanced) -> None:
    def page(cursor: str, *rows: tuple[str, str, str]) -> bytes:
        made = [{"currency": a, "available_balance": {"value": f}, "hold": {"value": h}} for a, f, h in rows]
        return json.dumps({"accounts": made, "has_next": bool(cursor), "cursor": cursor}).encode()

    call = venue.fetch_balances()
    assert query(call) == {"limit": ["250"]}
    body = page("next", ("BTC", "1.5", "0.5"), ("MASK", "0", "0"))
    first = call.parse(body)
    assert call.then
    following = call.then(Response(200, body), first)
    assert following
    assert query(following) == {"limit": ["250"], "cursor": ["next"]}
    body = page("", ("BTC", "1", "0"), ("USD", "3", "0"))
    both = following.parse(body)
    assert [(row.asset, row.free, row.locked, row.total) for row in both] == [
        ("BTC", Decimal("2.5"), Decimal("0.5"), Decimal("3.0")),
        ("USD", 3, 0, 3),
    ]
    assert following.then
    assert following.then(Response(200, body), both) is None


def test_more_open_orders_than_a_page_holds() -> None:
    pytest.importorskip("cryptography", reason="CDP keys need cryptography: pip install 'tidewire[asymmetric]'")
    name, count = "coinbase_advanced", 230
    with Sandbox(name, pace=None) as sandbox:
        credentials = sandbox.credentials(name)

        def rest(exchange: Any) -> None:
            price = (exchange.ticker(Symbol.parse(SPOT)).last / 2).quantize(Decimal("0.01"))
            for number in range(count):
                placement = Placement(
                    symbol=Symbol.parse(SPOT),
                    side=Side.BUY,
                    type=OrderType.LIMIT,
                    quantity=Decimal("0.001"),
                    price=price,
                    client_order_id=f"mine-{number}",
                )
                exchange.place(credentials.key, placement)

        sandbox.inspect(name, rest)
        with tw.Client(name, environment=sandbox, credentials=credentials) as client:
            found = client.fetch_open_orders(SPOT)
            assert [row.client_order_id for row in found] == [f"mine-{number}" for number in range(count)]
            assert len(client.fetch_open_orders()) == count
            assert [row.client_order_id for row in client.fetch_orders(SPOT, limit=3)] == [
                "mine-227",
                "mine-228",
                "mine-229",
            ]
            # The oldest of them, too, is found by its own id, which takes a search, and canceled by it.
            assert client.cancel_order(SPOT, client_order_id="mine-0").client_order_id == "mine-0"
            with pytest.raises(tw.OrderNotFound):
                client.cancel_order(SPOT, client_order_id="nobody's")
            assert len(client.cancel_all_orders(SPOT)) == count - 1
            assert client.fetch_open_orders(SPOT) == []


NOW = "2026-04-07T14:30:00Z"


def test_a_book_from_the_stream_and_from_rest(venue: CoinbaseAdvanced) -> None:
    def frame(kind: str, *updates: tuple[str, str, str]) -> bytes:
        rows = [{"side": s, "event_time": NOW, "price_level": p, "new_quantity": q} for s, p, q in updates]
        event = {"type": kind, "product_id": SPOT, "updates": rows}
        return json.dumps(
            {"channel": "l2_data", "client_id": "", "timestamp": NOW, "sequence_num": 0, "events": [event]}
        ).encode()

    layout = venue.book_layout()
    book = tw.OrderBook(tick_size="0.01", lot_size="0.00000001")
    book.apply(
        frame("snapshot", ("bid", "68900.00", "1.5"), ("bid", "68899.50", "2"), ("offer", "68901.00", "0.5")), layout
    )
    assert (book.best_bid.price, book.best_ask.price) == (Decimal(68900), Decimal(68901))
    book.apply(frame("update", ("bid", "68900.00", "0"), ("offer", "68900.50", "3")), layout)
    assert (book.best_bid.price, book.best_ask.price) == (Decimal("68899.5"), Decimal("68900.5"))
    pricebook = {
        "product_id": SPOT,
        "bids": [{"price": "68923.66", "size": "0.17189468"}],
        "asks": [{"price": "68923.67", "size": "0.16987193"}],
        "time": "2026-04-07T00:28:59.662782Z",
    }
    answer = json.dumps({"pricebook": pricebook, "last": "68923.665"}).encode()
    book.apply_snapshot(answer, layout)
    assert (book.best_bid.quantity, book.best_ask.quantity) == (Decimal("0.17189468"), Decimal("0.16987193"))
    read = venue.fetch_book(SPOT, 5).parse(answer)
    assert (read.bids[0].price, read.time_ns) == (Decimal("68923.66"), 1_775_521_739_662_782_000)
