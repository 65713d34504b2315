"""OKX's private streams, byte by byte: login, what is asked for, and what the account's messages mean."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidewire._feed import LOGIN, Acknowledged, Answer, Moment, Refused, Several
from tidewire.credentials import Credentials
from tidewire.errors import (
    AuthenticationError,
    ClockSkew,
    ConfigError,
    DecodeError,
    InsufficientFunds,
    RateLimited,
    UnknownSymbol,
)
from tidewire.models import Instrument, Order, OrderStatus, Side
from tidewire.symbols import Kind, Symbol
from tidewire.venues import venue
from tidewire.venues.okx.messages import read

OKX = venue("okx")
KEY = Credentials("the key", "22582BD0CFF14C41EDBF1AB98506286D", "the passphrase")


def listed(symbol: str, native: str, kind: Kind, contract: str = "1") -> Instrument:
    return Instrument(
        venue="okx",
        symbol=Symbol.parse(symbol),
        native=native,
        kind=kind,
        tick_size=Decimal("0.1"),
        lot_size=Decimal(contract),
        contract_size=Decimal(contract),
        native_code=10459 if kind == "linear" else None,
    )


OKX.learn([listed("BTC-USDT", "BTC-USDT", "spot"), listed("BTC-USDT-PERP", "BTC-USDT-SWAP", "linear", "0.01")])


def test_the_login_is_signed_as_the_venue_asks() -> None:
    """Vector OK3: computed with Python's own hmac, for the venue publishes none."""
    feed = OKX.watch_orders().feed
    assert feed.login is not None
    message = json.loads(feed.login(Moment(1, 1_538_054_050_999_999_999, KEY)))
    assert message == {
        "op": "login",
        "args": [
            {
                "apiKey": "the key",
                "passphrase": "the passphrase",
                "timestamp": "1538054050",
                "sign": "+LdIr8lkkvhr5hoA3g9TMC0+uQJ849ftAcocA/ouu4M=",
            }
        ],
    }
    for lacking in (None, Credentials("key", "secret")):
        with pytest.raises(ConfigError):
            feed.login(Moment(1, 0, lacking))


def test_where_and_what_to_subscribe() -> None:
    spot, linear = OKX.watch_orders(), OKX.watch_orders(kind="linear")
    assert spot.feed.url == linear.feed.url == "wss://ws.okx.com:8443/ws/v5/private"
    assert spot.feed.private
    topics = [spot.topic, linear.topic, OKX.watch_balances(kind="linear").topic]
    assert spot.feed.subscribe is not None
    assert json.loads(spot.feed.subscribe(topics, Moment(3, 0)))["args"] == [
        {"channel": "orders", "instType": "SPOT"},
        {"channel": "orders", "instType": "ANY"},
        {"channel": "account"},
    ]
    with pytest.raises(ConfigError, match="spot, linear"):
        OKX.watch_orders(kind="option")  # type: ignore[arg-type]


def test_the_account_s_one_channel_stays_for_the_other_kind() -> None:
    feed, topic = OKX.watch_balances().feed, OKX.watch_balances().topic
    assert topic != OKX.watch_balances(kind="linear").topic
    assert feed.unsubscribe is not None
    assert feed.unsubscribe([topic], Moment(3, 0)) == "ping"
    args = json.loads(feed.unsubscribe([topic, "orders:SPOT"], Moment(3, 0)))["args"]
    assert args == [{"channel": "orders", "instType": "SPOT"}]


def test_answers() -> None:
    assert read(b'{"event":"login","code":"0","msg":"","connId":"a4d3ae55"}') == Acknowledged(None, (LOGIN,))
    both = ("account:spot", "account:linear")
    assert read(b'{"event":"subscribe","arg":{"channel":"account"},"connId":"a4d3ae55"}') == Acknowledged(None, both)
    data = b'{"arg":{"channel":"account","uid":"7"},"eventType":"snapshot","data":[]}'
    assert read(data) == Several([(topic, data) for topic in both])
    order = b'{"id":"9","op":"order","code":"0","msg":"","data":[]}'
    assert read(order) == Answer(9, order)
    full = read(b'{"event":"channel-conn-count-error","channel":"orders","connCount":"30","connId":"a4d3ae55"}')
    assert isinstance(full, Refused)
    assert full.topics == ("orders:SPOT", "orders:ANY")


@pytest.mark.parametrize(("code", "kind"), [("60007", AuthenticationError), ("60006", ClockSkew)])
def test_a_login_that_is_refused(code: str, kind: type) -> None:
    message = read(json.dumps({"event": "error", "code": code, "msg": "no", "connId": "a4d3ae55"}).encode())
    assert isinstance(message, Refused)
    assert (type(message.error), message.number, message.topics) == (kind, None, ())


ROW: dict[str, Any] = {
    "instType": "SWAP", "instId": "BTC-USDT-SWAP", "ordId": "452", "clOrdId": "own", "side": "buy", "ordType": "limit",
    "px": "100", "sz": "10", "accFillSz": "4", "avgPx": "99", "state": "partially_filled", "tradeId": "77",
    "fillPx": "98.5", "fillSz": "3", "fillFee": "-0.02", "fillFeeCcy": "USDT", "fillPnl": "0.5", "execType": "T",
    "fillTime": "1654084353263", "cTime": "1654084334977", "uTime": "1654084353264",
}  # fmt: skip


def push(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"arg": {"channel": "orders", "instType": "ANY", "uid": "1"}, "data": rows}).encode()


def test_an_order_and_the_fill_that_brought_it_there() -> None:
    (order,) = OKX.watch_orders(kind="linear").parse(push(ROW))
    assert (order.status, order.quantity, order.filled) == (OrderStatus.PARTIAL, Decimal("0.10"), Decimal("0.04"))
    (fill,) = order.fills
    assert (fill.fill_id, fill.order_id, fill.client_order_id) == ("77", "452", "own")
    assert (fill.price, fill.quantity, fill.side) == (Decimal("98.5"), Decimal("0.03"), Side.BUY)
    assert (fill.fee, fill.fee_asset, fill.maker, fill.realized_pnl) == (
        Decimal("0.02"), "USDT", False, Decimal("0.5"),
    )  # fmt: skip
    assert fill.time_ns == 1_654_084_353_263_000_000


@pytest.mark.parametrize("nothing", [{"tradeId": ""}, {"fillSz": "0"}, {"fillSz": ""}, {"fillPx": ""}])
def test_an_order_that_nothing_was_filled_of(nothing: dict[str, str]) -> None:
    (order,) = OKX.watch_orders(kind="linear").parse(push(ROW | nothing))
    assert order.fills == ()


def test_what_is_not_of_the_kind_or_not_offered_is_left_out() -> None:
    rows = (ROW, ROW | {"instType": "SPOT", "instId": "BTC-USDT"}, ROW | {"instId": "BTC-USD-SWAP"})
    for kind, expected in (("linear", ["BTC-USDT-PERP"]), ("spot", ["BTC-USDT"])):
        orders = OKX.watch_orders(kind=kind).parse(push(*rows))  # type: ignore[arg-type]
        assert [str(order.symbol) for order in orders] == expected


@pytest.mark.parametrize(
    ("kind", "row"),
    [("linear", {"instId": "NEW-USDT-SWAP"}), ("spot", {"instType": "SPOT", "instId": "NEW-USDT"})],
)
def test_a_market_that_may_have_been_listed_since_is_asked_for(kind: Kind, row: dict[str, str]) -> None:
    with pytest.raises(UnknownSymbol, match="NEW-USDT"):
        OKX.watch_orders(kind=kind).parse(push(ROW | row))


@pytest.mark.parametrize("native", ["BTC-USD-SWAP", "BTC-USD-261225", "BTC-USD_UM-SWAP"])
def test_contracts_that_are_not_offered_are_not_asked_for(native: str) -> None:
    assert OKX.watch_orders(kind="linear").parse(push(ROW | {"instId": native})) == []


@pytest.mark.parametrize("change", [{"state": "pondering"}, {"side": "hold"}, {"ordId": None}, {"fillSz": "much"}])
def test_an_order_that_cannot_be_read(change: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        OKX.watch_orders(kind="linear").parse(push(ROW | change))


def body(path: Path) -> bytes:
    return path.read_text().partition("\n=")[2].strip().encode()


def test_recorded_account_messages(fixtures: Path) -> None:
    folder = fixtures / "jkorf" / "OKX" / "Unified"
    message = read(body(folder / "Account" / "Balance.txt"))
    assert isinstance(message, Several)
    spot, linear = (OKX.watch_balances(kind=kind) for kind in ("spot", "linear"))
    payloads = dict(message.messages)  # type: ignore[arg-type]
    (cash,), (margin,) = spot.parse(payloads[spot.topic]) or (), linear.parse(payloads[linear.topic]) or ()
    assert (cash.asset, cash.free, cash.locked) == ("USDT", Decimal("4734.371190691436"), Decimal("158.57998"))
    assert (margin.free, margin.total) == (Decimal("4734.371190691435"), Decimal("4892.951170691435"))
    topic, payload = read(body(folder / "Trading" / "Order.txt"))  # type: ignore[misc]
    assert topic == "orders:FUTURES"
    (order,) = OKX.watch_orders().parse(payload)
    assert (order.order_id, order.side, order.filled) == ("452197707845865472", Side.SELL, Decimal("0.001"))
    (fill,) = order.fills
    assert (fill.quantity, fill.fee, fill.maker) == (Decimal("0.001"), Decimal("0.02522168"), True)


# Orders over a socket.


def test_an_order_is_the_call_of_rest_in_another_wrapping() -> None:
    channel = OKX.order_entry(kind="linear")
    assert (channel.feed.url, channel.kinds) == ("wss://ws.okx.com:8443/ws/v5/private", ("spot", "linear"))
    assert channel.feed.subscribe is None
    over_rest = OKX.create_order(
        "BTC-USDT-PERP", side="buy", type="limit", quantity="0.05", price="100", client_order_id="own"
    )
    (terms,) = json.loads(over_rest.request.body)
    assert terms.pop("instId") == "BTC-USDT-SWAP"
    call = channel.command(over_rest)
    message = json.loads(channel.write(call.signed(KEY, 1_700_000_000_000_000_000), Moment(9, 0)))
    assert message == {
        "id": "9",
        "op": "batch-orders",
        "expTime": "1700000005000",
        "args": [{**terms, "instIdCode": 10459}],
    }
    assert (call.costs, call.writes, call.client_order_id) == (over_rest.costs, True, "own")
    cancel = channel.command(OKX.cancel_order("BTC-USDT", order_id="7"))
    message = json.loads(channel.write(cancel.signed(KEY, 0), Moment(10, 0)))
    assert cancel.needs_instrument, "its number may not be known yet"
    assert (message["op"], message["args"]) == ("cancel-order", [{"instId": "BTC-USDT", "ordId": "7"}])
    assert KEY.secret not in str(message)
    with pytest.raises(ConfigError, match="fetch_order"):
        channel.command(OKX.fetch_order("BTC-USDT", order_id="7"))


def test_an_operation_is_answered_in_rests_envelope() -> None:
    channel = OKX.order_entry()
    call = channel.command(OKX.create_order("BTC-USDT", side="buy", type="market", quantity="1"))
    row = {"ordId": "12", "clOrdId": "", "sCode": "0", "sMsg": "", "ts": "1700000000000"}

    def parse(**answer: Any) -> Order:
        frame = json.dumps({"id": "9", "op": "batch-orders", "inTime": "1", "outTime": "2", **answer}).encode()
        message = read(frame)
        assert message == Answer(9, frame)
        response = channel.response(frame)
        return call.parse(response.body, status=response.status)

    assert parse(code="0", msg="", data=[row]).order_id == "12"
    refused = row | {"sCode": "51008", "sMsg": "Insufficient balance"}
    with pytest.raises(InsufficientFunds):
        parse(code="1", msg="All operations failed", data=[refused])
    with pytest.raises(RateLimited):
        parse(code="50011", msg="Too Many Requests", data=[])
