"""Requests and answers in detail: windows, cursors, sides, states. Bodies are the venue's own examples, as a rule."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import tidewire as tw
from tidewire._call import Call, Response

VENUE: Any = tw.venue("coinbase")
MINUTE = 60 * 10**9
T0 = 1_700_000_040 * 10**9  # a whole minute
PRODUCT = {
    "id": "BTC-USD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "quote_increment": "0.01000000",
    "base_increment": "0.00000001",
    "display_name": "BTC/USD",
    "min_market_funds": "10",
    "margin_enabled": False,
    "post_only": False,
    "limit_only": False,
    "cancel_only": False,
    "status": "online",
    "status_message": "",
    "auction_mode": True,
}
ORDER = {
    "id": "a9625b04-fc66-4999-a876-543c3684d702",
    "price": "10.00000000",
    "size": "1.00000000",
    "product_id": "BTC-USD",
    "profile_id": "8058d771-2d88-4f0f-ab6e-299c153d4308",
    "side": "buy",
    "type": "limit",
    "time_in_force": "GTC",
    "post_only": True,
    "max_floor": "4",
    "created_at": "2020-03-11T20:48:46.622Z",
    "fill_fees": "0.0000000000000000",
    "filled_size": "0.00000000",
    "executed_value": "0.0000000000000000",
    "status": "open",
    "settled": False,
}


def query(call: Call[Any]) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(call.request.url).query).items()}


def parse(call: Call[Any], body: object) -> Any:
    return call.parse(json.dumps(body).encode())


# Klines.


@pytest.mark.parametrize(
    ("window", "asked"),
    [
        ({}, None),
        ({"start": T0, "limit": 5}, (0, 4)),
        ({"start": T0 + 1, "limit": 5}, (1, 5)),
        ({"start": T0, "end": T0 + 3 * MINUTE}, (0, 2)),
        ({"start": T0, "end": T0 + 3 * MINUTE + 1}, (0, 3)),
        ({"start": T0, "end": T0 + 900 * MINUTE}, (0, 299)),
        ({"end": T0, "limit": 5}, (-5, -1)),
        ({"end": T0 + 1, "limit": 5}, (-4, 0)),
        ({"end": T0, "limit": 5000}, (-300, -1)),
    ],
)
def test_a_page_of_klines_is_a_stretch_of_time(window: dict[str, int], asked: tuple[int, int] | None) -> None:
    sent = query(VENUE.fetch_klines("BTC-USD", "1m", **window))
    assert sent.pop("granularity") == "60"
    if asked is None:
        assert sent == {}
        return
    bounds = {name: tw.symbols.parse_time(value) for name, value in sent.items()}
    assert bounds == {"start": T0 + asked[0] * MINUTE, "end": T0 + asked[1] * MINUTE}


def test_rows_are_reversed_and_those_outside_left_out() -> None:
    def row(minute: int) -> list[float]:
        return [T0 // 10**9 + 60 * minute, 1.0, 4.0, 2.0, 3.0, 0.5]  # low, high, open, close

    body = [row(5), row(3), row(2), row(0), row(-1)]
    bars = parse(VENUE.fetch_klines("BTC-USD", "1m", start=T0, end=T0 + 4 * MINUTE), body)
    assert bars.open_time.tolist() == [T0 + n * MINUTE for n in (0, 2, 3)]
    assert (bars.low[0], bars.high[0], bars.open[0], bars.close[0], bars.volume[0]) == (1.0, 4.0, 2.0, 3.0, 0.5)
    assert bars.gaps == ((T0 + MINUTE, T0 + 2 * MINUTE),)
    assert [str(v) for v in bars.quote_volume] == ["nan"] * 3
    newest = parse(VENUE.fetch_klines("BTC-USD", "1m", limit=2), body)
    assert newest.open_time.tolist() == [T0 + n * MINUTE for n in (3, 5)]


def test_a_window_between_two_bars_is_empty() -> None:
    call = VENUE.fetch_klines("BTC-USD", "1m", start=T0 + 1, end=T0 + 2)
    sent = query(call)
    assert sent["start"] == sent["end"]
    assert len(parse(call, [[T0 // 10**9 + 60, 1, 4, 2, 3, 0.5]])) == 0


def test_intervals_the_venue_lacks() -> None:
    with pytest.raises(tw.ConfigError, match="1m 5m 15m 1h 6h 1d"):
        VENUE.fetch_klines("BTC-USD", "30m")


# Market data.


def test_products() -> None:
    (found,) = parse(VENUE.fetch_instruments(), [PRODUCT])
    assert str(found.symbol) == found.native == "BTC-USD"
    assert (str(found.tick_size), found.lot_size, found.min_notional) == ("0.01", Decimal("1e-8"), 10)
    assert found.active
    for change in ({"status": "delisted"}, {"trading_disabled": True}, {"cancel_only": True}):
        (closed,) = parse(VENUE.fetch_instruments(symbol="BTC-USD"), {**PRODUCT, **change})
        assert not closed.active
    (old,) = parse(VENUE.fetch_instruments(), [{**PRODUCT, "base_min_size": "0.001", "base_max_size": "280"}])
    assert (old.min_quantity, old.max_quantity) == (Decimal("0.001"), 280)


def test_the_clock_is_exact() -> None:
    assert (
        VENUE.server_time().parse(b'{"iso":"2015-01-07T23:47:25.201Z","epoch":1420674445.201}') == 1420674445201000000
    )


def test_a_ticker_takes_two_calls() -> None:
    first = VENUE.fetch_ticker("BTC-USD")
    quotes = {"trade_id": 1, "price": "6268.48", "size": "0.0069", "time": "2020-03-20T00:22:57.833Z"}
    body = json.dumps({**quotes, "bid": "6265.15", "ask": "6267.71", "volume": "53602.03940154"}).encode()
    ticker = first.parse(body)
    assert (ticker.bid, ticker.ask, ticker.last) == (Decimal("6265.15"), Decimal("6267.71"), Decimal("6268.48"))
    assert ticker.time_ns == 1584663777833000000
    second = first.then(Response(200, body), ticker)
    assert second.request.url.endswith("/products/BTC-USD/stats")
    stats = {"open": "5414.18", "high": "6441.37", "low": "5261.69", "volume": "53687.76764233", "last": "6250.02"}
    whole = parse(second, stats)
    assert (whole.open, whole.high, whole.low) == (Decimal("5414.18"), Decimal("6441.37"), Decimal("5261.69"))
    assert (whole.volume, whole.last, whole.bid) == (Decimal("53687.76764233"), Decimal("6250.02"), ticker.bid)
    assert second.then is None


def test_a_book_is_cut_and_one_level_is_asked_for_as_such() -> None:
    body = {
        "bids": [["0.1135", "35", 1], ["0.1134", "20606.7", 5]],
        "asks": [["0.1137", "10113.4", 4], ["0.1138", "49781.3", 6]],
        "sequence": 406959136,
        "auction_mode": False,
        "auction": None,
    }
    call = VENUE.fetch_book("DOGE-USD", 1)
    assert query(call) == {"level": "1"}
    assert len(parse(call, body).bids) == 1
    assert query(VENUE.fetch_book("DOGE-USD", 2)) == {"level": "2"}
    book = parse(VENUE.fetch_book("DOGE-USD"), body)
    assert (book.bids[1].quantity, book.sequence) == (Decimal("20606.7"), 406959136)
    quote = parse(VENUE.fetch_quote("DOGE-USD"), {**body, "asks": []})
    assert (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity) == (Decimal("0.1135"), 35, None, None)


def test_the_makers_side_becomes_the_takers() -> None:
    rows = [
        {"trade_id": 2, "side": "buy", "size": "2", "price": "10", "time": "2020-03-20T00:37:00.000001Z"},
        {"trade_id": 1, "side": "sell", "size": "1", "price": "11", "time": "2020-03-20T00:36:59.860Z"},
    ]
    older, newer = parse(VENUE.fetch_trades("BTC-USD"), rows)
    assert (older.trade_id, older.side, newer.side) == ("1", tw.Side.BUY, tw.Side.SELL)
    assert newer.time_ns == 1584664620000001000


# Pages.


def trades(ids: range) -> bytes:
    row = {"side": "buy", "size": "1", "price": "1", "time": "2020-03-20T00:36:59.860Z"}
    return json.dumps([{**row, "trade_id": n} for n in ids]).encode()


def test_pages_follow_the_cursor_of_the_headers() -> None:
    call = VENUE.fetch_trades("BTC-USD", 1500)
    assert query(call) == {"limit": "1000"}
    answer = Response(200, trades(range(2000, 1000, -1)), {"cb-before": "2000", "cb-after": "1001"})
    newest = call.parse(answer.body)
    following = call.then(answer, newest)
    assert query(following) == {"limit": "500", "after": "1001"}
    both = following.parse(trades(range(1000, 500, -1)))
    assert [row.trade_id for row in both] == [str(n) for n in range(501, 2001)]
    assert following.then(Response(200, trades(range(1000, 500, -1)), {"cb-after": "501"}), both) is None


@pytest.mark.parametrize("headers", [{}, {"cb-after": "9"}])
def test_a_short_page_is_the_last(headers: dict[str, str]) -> None:
    call = VENUE.fetch_trades("BTC-USD", 1500)
    body = trades(range(20, 10, -1))
    assert call.then(Response(200, body, headers), call.parse(body)) is None


def test_a_full_page_without_a_cursor_is_the_last() -> None:
    call = VENUE.fetch_open_orders("BTC-USD")
    body = json.dumps([ORDER] * 100).encode()
    assert call.then(Response(200, body), call.parse(body)) is None
    following = call.then(Response(200, body, {"cb-after": "2020-03-11"}), call.parse(body))
    assert query(following) == {"product_id": "BTC-USD", "after": "2020-03-11"}
    assert following.signer is not None


def test_with_a_start_every_page_is_read_and_the_oldest_are_kept() -> None:
    start = tw.symbols.parse_time("2020-03-11T20:48:00Z")
    call = VENUE.fetch_orders("BTC-USD", start=start, end="2020-03-11T20:50:00Z", limit=150)
    sent = query(call)
    assert (sent["start_date"], sent["end_date"]) == ("2020-03-11T20:48:00Z", "2020-03-11T20:50:00Z")
    assert (sent["status"], sent["limit"]) == ("all", "1000")

    def page(seconds: range) -> Response:
        rows = [{**ORDER, "id": str(n), "created_at": f"2020-03-11T20:48:{n % 60:02}.{n:06}Z"} for n in seconds]
        return Response(200, json.dumps(rows).encode(), {"cb-after": "c"})

    outside = {**ORDER, "id": "late", "created_at": "2020-03-11T20:50:00Z"}  # the venue's bound is inclusive
    first = page(range(1999, 1000, -1))
    first = Response(200, json.dumps([outside, *json.loads(first.body)]).encode(), first.headers)
    rows = call.parse(first.body)
    assert [row.order_id for row in rows] == [str(n) for n in range(1001, 1151)]
    following = call.then(first, rows)
    rest = page(range(1000, 900, -1))
    whole = following.parse(rest.body)
    assert [row.order_id for row in whole] == [str(n) for n in range(901, 1051)]
    assert following.then(rest, whole) is None


# Orders.


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "received"}, "pending"),
        ({"status": "pending"}, "pending"),
        ({}, "open"),
        ({"status": "active"}, "open"),
        ({"filled_size": "0.5", "executed_value": "5"}, "partial"),
        ({"status": "done", "done_reason": "filled"}, "filled"),
        ({"status": "done", "done_reason": "canceled"}, "canceled"),
        ({"status": "canceling"}, "canceling"),
        ({"status": "rejected"}, "rejected"),
    ],
)
def test_states(change: dict[str, str], status: str) -> None:
    found = parse(VENUE.fetch_order("BTC-USD", order_id=ORDER["id"]), {**ORDER, **change})
    assert str(found.status) == status


@pytest.mark.parametrize("change", [{"status": "new"}, {"status": "done", "done_reason": "moved"}, {"status": "done"}])
def test_an_unknown_state_is_not_guessed(change: dict[str, str]) -> None:
    with pytest.raises(tw.DecodeError, match="unknown status"):
        parse(VENUE.fetch_order("BTC-USD", order_id=ORDER["id"]), {**ORDER, **change})


def test_a_canceled_order_reports_its_fills() -> None:
    done = {"status": "done", "done_reason": "canceled", "filled_size": "0.5", "executed_value": "4.9"}
    times = {"done_at": "2020-03-11T20:49:00Z", "time_in_force": "GTT", "client_oid": "mine"}
    found = parse(VENUE.fetch_order("BTC-USD", order_id=ORDER["id"]), {**ORDER, **done, **times})
    assert (found.filled, found.quote_filled, found.average_price) == (Decimal("0.5"), Decimal("4.9"), Decimal("9.8"))
    assert (found.time_in_force, found.client_order_id, found.post_only) == ("gtd", "mine", True)
    assert found.updated_ns - found.created_ns == 13_378_000_000


def test_an_order_of_another_product_is_not_the_one_asked_for() -> None:
    with pytest.raises(tw.OrderNotFound, match="BTC-USD"):
        parse(VENUE.fetch_order("ETH-USD", order_id=ORDER["id"]), ORDER)


def body_of(**terms: Any) -> dict[str, Any]:
    order = {"side": "buy", "type": "limit", "quantity": "1", "price": "10", **terms}
    sent: dict[str, Any] = json.loads(VENUE.create_order("BTC-USD", **order).request.body)
    return sent


def test_terms() -> None:
    own = "6f7b1f0e-0b3a-4c55-9d5e-3f1f0b8f7a11"
    assert body_of(client_order_id=own) == {
        "client_oid": own,
        "product_id": "BTC-USD",
        "type": "limit",
        "side": "buy",
        "size": "1",
        "price": "10",
    }
    assert body_of(time_in_force="ioc")["time_in_force"] == "IOC"
    assert body_of(time_in_force="fok")["time_in_force"] == "FOK"
    assert body_of(post_only=True)["post_only"] is True
    market = body_of(type="market", price=None)
    assert (market["type"], market["size"]) == ("market", "1")
    assert "price" not in market
    assert body_of()["client_oid"] != body_of()["client_oid"]


@pytest.mark.parametrize("own", ["mine", "", "6f7b1f0e0b3a4c559d5e3f1f0b8f7a11"])
def test_client_order_ids_are_uuids(own: str) -> None:
    with pytest.raises(tw.ConfigError, match="UUID"):
        body_of(client_order_id=own)
    with pytest.raises(tw.ConfigError, match="UUID"):
        VENUE.fetch_order("BTC-USD", client_order_id=own)


@pytest.mark.parametrize("order_id", ["", "../accounts", "a?b", "a/b"])
def test_an_order_id_cannot_lead_elsewhere(order_id: str) -> None:
    with pytest.raises(tw.ConfigError):
        VENUE.cancel_order("BTC-USD", order_id=order_id)


def test_what_the_venue_lacks_is_refused() -> None:
    with pytest.raises(tw.NotSupported, match="reduce_only"):
        body_of(reduce_only=True)
    with pytest.raises(tw.NotSupported):
        VENUE.fetch_price("BTC-USD-PERP")
    with pytest.raises(tw.NotSupported):
        VENUE.fetch_balances(kind="linear")
    assert not {"fetch_tickers", "fetch_positions", "fetch_funding_rate"} & VENUE.capabilities


@pytest.mark.parametrize("body", [ORDER["id"], [ORDER["id"]]])
def test_a_cancel_only_repeats_the_id(body: object) -> None:
    call = VENUE.cancel_order("BTC-USD", order_id=ORDER["id"])
    assert (call.request.method, query(call)) == ("DELETE", {"product_id": "BTC-USD"})
    canceled = parse(call, body)
    assert (canceled.order_id, canceled.status, canceled.filled) == (ORDER["id"], tw.OrderStatus.CANCELED, None)
    ended = parse(VENUE.cancel_all_orders("BTC-USD"), ["a", "b"])
    assert [row.order_id for row in ended] == ["a", "b"]


def test_an_order_canceled_by_its_own_id_is_named_as_the_venue_names_it() -> None:
    own = "0f7f3f0c-9d14-4dd5-a0e9-6a5e5ed5d3aa"
    call = VENUE.cancel_order("BTC-USD", client_order_id=own)
    canceled = parse(call, own)
    assert (canceled.order_id, canceled.client_order_id) == (f"client:{own}", own)
    again = VENUE.fetch_order("BTC-USD", order_id=canceled.order_id)
    assert again.request == VENUE.fetch_order("BTC-USD", client_order_id=own).request
    assert (again.order_id, again.client_order_id) == (None, own)
    with pytest.raises(tw.ConfigError, match="UUID"):
        VENUE.fetch_order("BTC-USD", order_id="client:mine")


def test_fills() -> None:
    row = {
        "created_at": "2019-11-21T01:38:23.878Z",
        "trade_id": 78098253,
        "product_id": "BTC-USD",
        "order_id": "41473628-db2c-464e-b9f4-82df7e4fb4f4",
        "liquidity": "T",
        "price": "8087.38000000",
        "size": "0.00601800",
        "fee": "0.2433492642000000",
        "side": "sell",
        "settled": True,
        "usd_volume": "48.6698528400000000",
        "funding_currency": "USDC",
    }
    call = VENUE.fetch_fills("BTC-USD")
    assert call.costs == {"fills": 1}
    (fill,) = parse(call, [row])
    assert (fill.side, fill.maker, fill.fee, fill.fee_asset) == (
        tw.Side.SELL,
        False,
        Decimal("0.2433492642"),
        "USD",
    )
