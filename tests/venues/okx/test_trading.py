"""OKX's private calls: what is sent, and what answers mean, in base units."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

import tidewire as tw
from tidewire._call import Response
from tidewire.models import Instrument
from tidewire.sandbox import Sandbox


def learnt(native: str, size: str) -> Instrument:
    symbol = tw.Symbol.parse(native.replace("SWAP", "PERP"))
    step = Decimal("0.001")
    return Instrument(
        venue="okx",
        symbol=symbol,
        native=native,
        kind=symbol.kind,
        tick_size=step,
        lot_size=step,
        contract_size=Decimal(size),
    )


@pytest.fixture
def okx() -> Any:
    venue = tw.venue("okx")
    venue.learn([learnt("BTC-USDT", "1"), learnt("BTC-USDT-SWAP", "0.01")])
    return venue


def answer(*rows: Any) -> bytes:
    return json.dumps({"code": "0", "msg": "", "data": rows}).encode()


def sent(call: Any) -> dict[str, Any]:
    (order,) = json.loads(call.request.body)
    return order


# Orders out.


@pytest.mark.parametrize(
    ("terms", "kind"),
    [
        ({"type": "market"}, "market"),
        ({"type": "limit", "price": "9"}, "limit"),
        ({"type": "limit", "price": "9", "time_in_force": "gtc"}, "limit"),
        ({"type": "limit", "price": "9", "time_in_force": "ioc"}, "ioc"),
        ({"type": "limit", "price": "9", "time_in_force": "fok"}, "fok"),
        ({"type": "limit", "price": "9", "post_only": True}, "post_only"),
    ],
)
def test_order_types(okx: Any, terms: dict[str, Any], kind: str) -> None:
    order = sent(okx.create_order("BTC-USDT", side="buy", quantity="0.5", **terms))
    assert (order["ordType"], order.get("px")) == (kind, terms.get("price"))
    assert (order["tdMode"], order["tgtCcy"], order["sz"]) == ("cash", "base_ccy", "0.5")


def test_contracts_are_counted(okx: Any) -> None:
    call = okx.create_order("BTC-USDT-PERP", side="sell", type="market", quantity="0.020", reduce_only=True)
    order = sent(call)
    assert (order["instId"], order["sz"], order["tdMode"]) == ("BTC-USDT-SWAP", "2", "cross")
    assert order["reduceOnly"] is True
    assert "tgtCcy" not in order
    placed = call.parse(answer({"ordId": "7", "clOrdId": order["clOrdId"], "sCode": "0", "ts": "5"}))
    assert (placed.order_id, placed.quantity, placed.status) == ("7", Decimal("0.020"), tw.OrderStatus.PENDING)


def test_client_order_ids(okx: Any) -> None:
    def place(own: str | None) -> Any:
        return okx.create_order("BTC-USDT", side="buy", type="market", quantity="1", client_order_id=own)

    made = {place(None).client_order_id for _ in range(50)}
    assert len(made) == 50
    assert all(own.isalnum() and len(own) <= 32 for own in made)
    for bad in ("with-dash", "a" * 33, "", "ü", "a b"):
        with pytest.raises(tw.ConfigError, match="letters and digits"):
            place(bad)


def test_what_the_venue_lacks_is_refused_before_sending(okx: Any) -> None:
    with pytest.raises(tw.NotSupported, match="reduce_only"):
        okx.create_order("BTC-USDT", side="buy", type="market", quantity="1", reduce_only=True)
    with pytest.raises(tw.NotSupported):
        okx.create_order("BTC-USD-PERP:BTC", side="buy", type="market", quantity="1")
    with pytest.raises(tw.NotSupported):
        okx.cancel_all_orders("BTC-USDT")  # not in one call
    assert "cancel_all_orders" in okx.capabilities


# Orders back.

ORDER = {"instId": "BTC-USDT-SWAP", "ordId": "1", "clOrdId": "own", "state": "partially_filled", "side": "buy"}
ORDER |= {"ordType": "limit", "px": "100", "sz": "10", "accFillSz": "4", "avgPx": "99", "reduceOnly": "true"}
ORDER |= {"cTime": "1700000000000", "uTime": "1700000000001"}


def test_an_order(okx: Any) -> None:
    order = okx.fetch_order("BTC-USDT-PERP", order_id="1").parse(answer(ORDER))
    assert (order.quantity, order.filled, order.remaining) == (Decimal("0.10"), Decimal("0.04"), Decimal("0.06"))
    assert (order.average_price, order.quote_filled, order.price) == (99, Decimal("3.96"), 100)
    assert (order.type, order.time_in_force, order.post_only, order.reduce_only) == ("limit", "gtc", False, True)
    assert (order.created_ns, order.updated_ns) == (1_700_000_000_000_000_000, 1_700_000_000_001_000_000)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("live", tw.OrderStatus.OPEN),
        ("partially_filled", tw.OrderStatus.PARTIAL),
        ("filled", tw.OrderStatus.FILLED),
        ("canceled", tw.OrderStatus.CANCELED),
        ("mmp_canceled", tw.OrderStatus.CANCELED),
    ],
)
def test_states(okx: Any, state: str, status: tw.OrderStatus) -> None:
    order = okx.fetch_order("BTC-USDT", order_id="1").parse(answer(ORDER | {"state": state}))
    assert order.status is status
    assert order.filled == 4  # also of a canceled one


def test_an_unknown_state_is_no_guess(okx: Any) -> None:
    with pytest.raises(tw.DecodeError, match="sleeping"):
        okx.fetch_order("BTC-USDT", order_id="1").parse(answer(ORDER | {"state": "sleeping"}))


def test_a_market_order_by_value_has_no_base_quantity(okx: Any) -> None:
    by_value = ORDER | {"ordType": "market", "tgtCcy": "quote_ccy", "px": "", "state": "filled"}
    order = okx.fetch_order("BTC-USDT", order_id="1").parse(answer(by_value))
    assert (order.type, order.quantity, order.filled, order.price) == ("market", None, 4, None)


def test_nothing_filled_is_nothing_spent(okx: Any) -> None:
    fresh = ORDER | {"accFillSz": "0", "avgPx": "", "state": "live"}
    order = okx.fetch_order("BTC-USDT", order_id="1").parse(answer(fresh))
    assert (order.filled, order.quote_filled, order.average_price) == (0, 0, None)


def test_fees_are_positive_when_charged(okx: Any) -> None:
    row = {"instId": "BTC-USDT-SWAP", "tradeId": "5", "ordId": "1", "fillPx": "100", "fillSz": "3", "side": "sell"}
    row |= {"fee": "-0.015", "feeCcy": "USDT", "execType": "M", "fillPnl": "1.5", "fillTime": "1", "ts": "2"}
    rebate = row | {"fee": "0.01", "execType": "T", "tradeId": "4"}
    older, newer = okx.fetch_fills("BTC-USDT-PERP").parse(answer(row, rebate))
    assert (older.fill_id, older.fee, older.maker) == ("4", Decimal("-0.01"), False)
    assert (newer.fee, newer.fee_asset, newer.maker, newer.quantity) == (
        Decimal("0.015"),
        "USDT",
        True,
        Decimal("0.03"),
    )
    assert (newer.realized_pnl, newer.time_ns) == (Decimal("1.5"), 1_000_000)


def test_positions_of_both_modes(okx: Any) -> None:
    row = {"instId": "BTC-USDT-SWAP", "instType": "SWAP", "pos": "-5", "posSide": "net", "ccy": "USDT", "avgPx": "100"}
    row |= {"markPx": "110", "upl": "-0.5", "lever": "3", "mgnMode": "cross", "liqPx": ""}
    hedged = row | {"pos": "5", "posSide": "short"}
    closed = row | {"pos": "0"}
    inverse = row | {"instId": "BTC-USD-SWAP", "ccy": "BTC"}
    found = okx.fetch_positions().parse(answer(row, hedged, closed, inverse))
    assert [p.quantity for p in found] == [Decimal("-0.05"), Decimal("-0.05")]
    assert [p.position_side for p in found] == ["net", "short"]
    assert (found[0].notional, found[0].leverage, found[0].liquidation_price) == (Decimal("-5.50"), 3, None)


def test_balances(okx: Any) -> None:
    plain = {"ccy": "BTC", "cashBal": "3", "availBal": "2", "availEq": "", "frozenBal": "1", "eq": "3"}
    margin = {"ccy": "USDT", "cashBal": "10", "availBal": "8", "availEq": "7", "frozenBal": "2", "eq": "9.5"}
    empty = {"ccy": "ETH", "cashBal": "0", "availBal": "0", "availEq": "", "frozenBal": "0", "eq": "0"}
    body = answer({"details": [plain, margin, empty]})
    spot = {row.asset: row for row in okx.fetch_balances().parse(body)}
    assert set(spot) == {"BTC", "USDT"}
    assert (spot["BTC"].free, spot["BTC"].locked, spot["BTC"].total) == (2, 1, 3)
    linear = {row.asset: row for row in okx.fetch_balances(kind="linear").parse(body)}
    assert (linear["USDT"].free, linear["USDT"].total) == (7, Decimal("9.5"))


def test_old_orders_are_in_the_archive(okx: Any) -> None:
    recent, old = okx.fetch_orders("BTC-USDT", limit=500), okx.fetch_orders("BTC-USDT", start="2024-01-01")
    assert urlsplit(recent.request.url).path.endswith("/orders-history")
    assert dict(parse_qsl(urlsplit(recent.request.url).query))["limit"] == "100"
    assert urlsplit(old.request.url).path.endswith("/orders-history-archive")
    window = okx.fetch_fills("BTC-USDT", start="2024-01-01T00:00Z", end="2024-01-01T00:00:01Z")
    sent = dict(parse_qsl(urlsplit(window.request.url).query))
    assert (sent["begin"], sent["end"]) == ("1704067200000", "1704067200999")


def test_a_full_page_of_open_orders_is_followed_by_the_next(okx: Any) -> None:
    call = okx.fetch_open_orders("BTC-USDT")
    row = ORDER | {"instId": "BTC-USDT"}
    newest = answer(*(row | {"ordId": str(number)} for number in range(200, 100, -1)))
    first = call.parse(newest)
    following = call.then(Response(200, newest), first)
    assert dict(parse_qsl(urlsplit(following.request.url).query))["after"] == "101"
    rest = answer(row | {"ordId": "100"}, row | {"ordId": "99"})
    everything = following.parse(rest)
    assert [int(order.order_id) for order in everything] == [*range(99, 201)]
    assert following.then(Response(200, rest), everything) is None


def test_more_open_orders_than_a_page_are_all_seen_and_canceled() -> None:
    limits = {"batch-orders": (1000, 2), "orders-pending": (1000, 2)}
    with Sandbox("okx", pace=None, limits=limits) as sandbox:
        with tw.Client("okx", environment=sandbox, credentials=sandbox.credentials("okx")) as client:
            price = client.instrument("BTC-USDT-PERP").round_price(client.fetch_price("BTC-USDT-PERP") / 2)
            terms = {"side": "buy", "type": "limit", "quantity": "0.002", "price": price}
            placed = [client.create_order("BTC-USDT-PERP", **terms).order_id for _ in range(105)]
            assert [order.order_id for order in client.fetch_open_orders("BTC-USDT-PERP")] == placed
            canceled = client.cancel_all_orders("BTC-USDT-PERP")
            assert [order.order_id for order in canceled] == placed
            assert client.fetch_open_orders("BTC-USDT-PERP") == []
        assert sandbox.requests("okx")["POST /api/v5/trade/cancel-batch-orders"] == 6


def test_history_and_working_orders_are_one_list() -> None:
    with Sandbox("okx", pace=None) as sandbox:
        with tw.Client("okx", environment=sandbox, credentials=sandbox.credentials("okx")) as client:
            price = client.instrument("BTC-USDT").round_price(client.fetch_price("BTC-USDT") / 2)
            terms = {"side": "buy", "type": "limit", "quantity": "0.01", "price": price}
            first, second = (client.create_order("BTC-USDT", **terms).order_id for _ in range(2))
            client.cancel_order("BTC-USDT", order_id=first)
            found = client.fetch_orders("BTC-USDT")
            assert [(order.order_id, str(order.status)) for order in found] == [(first, "canceled"), (second, "open")]
            assert [order.order_id for order in client.fetch_orders("BTC-USDT", limit=1)] == [second]
            assert client.fetch_orders("BTC-USDT", end="2026-01-01", start="2025-12-31") == []


def test_a_late_order_dies() -> None:
    """An order that the network held up is refused by its expiry, not placed late."""
    with Sandbox("okx", pace=None) as sandbox:
        with tw.Client("okx", environment=sandbox, credentials=sandbox.credentials("okx"), retries=0) as client:
            client.fetch_balances()  # learns the clock
            client.instrument("BTC-USDT")
            sandbox.set_clock_offset("okx", 10)  # within the signature's thirty seconds
            with pytest.raises(tw.OrderRejected, match="51149"):
                client.create_order("BTC-USDT", side="buy", type="market", quantity="0.01")
            sandbox.set_clock_offset("okx", 0)
            assert client.fetch_orders("BTC-USDT") == []
