"""HTX's private streams: spot's login by a published vector, and messages recorded by others."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tidewire as tw
from tidewire._feed import LOGIN, Acknowledged, Leaving, Moment, Refused, Reply
from tidewire.models import Instrument, OrderStatus, Side
from tidewire.symbols import Symbol
from tidewire.venues import venue
from tidewire.venues.htx.account import read_account
from tidewire.venues.htx.swap_account import read_swaps

KEY = tw.Credentials("0664b695-rfhfg2mkl3-abbf6c5d-49810", "b0xxxxxx-c6xxxxxx-94xxxxxx-dxxxx")


def known() -> tw.Venue:
    htx = venue("htx")
    symbol, one = Symbol.parse("BTC-USDT"), Decimal("0.01")
    htx.learn([Instrument(venue="htx", symbol=symbol, native="btcusdt", kind="spot", tick_size=one, lot_size=one)])
    return htx


def test_the_login_is_signed_as_published() -> None:
    feed = venue("htx").watch_orders().feed
    at = dt.datetime(2019, 12, 5, 11, 53, 3, tzinfo=dt.UTC)
    assert feed.login is not None
    sent = json.loads(feed.login(Moment(1, int(at.timestamp()) * 10**9, KEY)))
    assert (sent["action"], sent["ch"]) == ("req", "auth")
    assert sent["params"] == {
        "authType": "api",
        "accessKey": KEY.key,
        "signatureMethod": "HmacSHA256",
        "signatureVersion": "2.1",
        "timestamp": "2019-12-05T11:53:03",
        "signature": "SK7gFpd9yXNOK/y9G5rRONG+lpjm7mnpKFNMx+HXaH8=",
    }


def test_without_a_key_nothing_is_signed() -> None:
    feed = venue("htx").watch_orders().feed
    assert feed.login is not None
    with pytest.raises(tw.ConfigError, match="need credentials"):
        feed.login(Moment(1, 0))


def test_frames_that_are_not_data() -> None:
    assert read_account(b'{"action":"req","code":200,"ch":"auth","data":{}}') == Acknowledged(topics=(LOGIN,))
    assert read_account(b'{"action":"sub","code":200,"ch":"orders#*","data":{}}') == Acknowledged(topics=("orders#*",))
    pong = read_account(b'{"action":"ping","data":{"ts":1575537778295}}')
    assert pong == Reply('{"action":"pong","data":{"ts":1575537778295}}')
    refusal = read_account(b'{"action":"req","code":2002,"ch":"auth","message":"auth.fail"}')
    assert isinstance(refusal, Refused)
    assert refusal.topics == (LOGIN,)
    assert isinstance(refusal.error, tw.AuthenticationError)


SWAP_ORDER = {
    "side": "buy",
    "type": "limit",
    "price": "0.0000124",
    "volume": "2",
    "state": "new",
    "profit": "0",
    "contract_code": "SHIB-USDT",
    "position_side": "short",
    "price_match": "opponent",
    "order_id": "1381668675223068672",
    "client_order_id": "1381668675223068672",
    "margin_mode": "cross",
    "lever_rate": 30,
    "order_source": "web",
    "reduce_only": True,
    "time_in_force": "gtc",
    "trade_avg_price": "0",
    "trade_volume": "0",
    "trade_turnover": "0",
    "fee_currency": None,
    "fee": "0",
    "contract_type": "swap",
    "cancel_reason": "",
    "created_time": 1749457082341,
    "updated_time": 1749457082341,
    "self_match_prevent": "cancel_both",
}
"""The documented sample."""


def shib() -> tw.Venue:
    htx = venue("htx")
    symbol, tick = Symbol.parse("SHIB-USDT-PERP"), Decimal("0.0000001")
    size = Decimal(1000)
    rules = Instrument(
        venue="htx",
        symbol=symbol,
        native="SHIB-USDT",
        kind="linear",
        tick_size=tick,
        lot_size=size,
        contract_size=size,
    )
    htx.learn([rules])
    return htx


def push(**changes: Any) -> bytes:
    return json.dumps({"op": "notify", "topic": "orders", "ts": 1, "data": SWAP_ORDER | changes}).encode()


def test_swaps_log_in_by_the_signature_of_rest() -> None:
    feed = venue("htx").watch_orders(kind="linear").feed
    assert feed.url == "wss://api.hbdm.com/ws/v5/notification"
    assert feed.login is not None
    at = dt.datetime(2019, 12, 5, 11, 53, 3, tzinfo=dt.UTC)
    sent = json.loads(feed.login(Moment(1, int(at.timestamp()) * 10**9, KEY)))
    signature = sent.pop("Signature")
    assert sent == {
        "op": "auth",
        "type": "api",
        "cid": "1",
        "AccessKeyId": KEY.key,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": "2019-12-05T11:53:03",
    }
    text = (
        f"GET\napi.hbdm.com\n/ws/v5/notification\nAccessKeyId={KEY.key}&SignatureMethod=HmacSHA256&SignatureVersion=2"
        "&Timestamp=2019-12-05T11%3A53%3A03"
    )
    digest = hmac.new(KEY.secret.encode(), text.encode(), hashlib.sha256).digest()
    assert signature == base64.b64encode(digest).decode()
    with pytest.raises(tw.ConfigError, match="need credentials"):
        feed.login(Moment(1, 0))


def test_what_is_asked_for_and_answered_on_swaps() -> None:
    subscribe = venue("htx").watch_orders(kind="linear").feed.subscribe
    assert subscribe is not None
    asked = json.loads(subscribe(["orders"], Moment(7, 0)))
    assert asked == {"op": "sub", "cid": "7", "topic": "orders", "contract_code": "*"}
    assert json.loads(subscribe(["account"], Moment(8, 0))) == {"op": "sub", "cid": "8", "topic": "account"}
    assert read_swaps(b'{"op":"auth","type":"api","err-code":0,"ts":1}') == Acknowledged(topics=(LOGIN,))
    assert read_swaps(b'{"op":"sub","cid":"7","topic":"orders","err-code":0,"ts":1}') == Acknowledged(7, ("orders",))
    assert read_swaps(b'{"op":"ping","ts":"1575537778295"}') == Reply('{"op":"pong","ts":"1575537778295"}')
    assert isinstance(read_swaps(b'{"op":"close","ts":1}'), Leaving)
    login, refused = (
        read_swaps(b'{"op":"auth","err-code":2003,"err-msg":"no"}'),
        read_swaps(b'{"op":"sub","cid":"7","err-code":2013,"err-msg":"no"}'),
    )
    assert isinstance(login, Refused)
    assert isinstance(refused, Refused)
    assert (type(login.error), login.topics) == (tw.AuthenticationError, (LOGIN,))
    assert (refused.number, refused.error.code) == (7, 2013)


def test_a_swap_s_order() -> None:
    topic, frame = read_swaps(push())  # type: ignore[misc]
    assert topic == "orders"
    (order,) = shib().watch_orders(kind="linear").parse(frame)
    assert (order.order_id, order.status, str(order.symbol)) == (
        "1381668675223068672",
        OrderStatus.OPEN,
        "SHIB-USDT-PERP",
    )
    assert (order.side, order.price, order.quantity, order.filled) == (
        Side.BUY,
        Decimal("0.0000124"),
        Decimal(2000),
        Decimal(0),
    )
    assert (order.reduce_only, order.created_ns, order.fills) == (True, 1749457082341 * 10**6, ())


def test_an_order_that_is_called_filled_before_it_is() -> None:
    parse = shib().watch_orders(kind="linear").parse
    early, last = parse(push(state="filled", trade_volume="1")), parse(push(state="filled", trade_volume="2"))
    assert [(each.status, each.filled) for each in (*early, *last)] == [
        (OrderStatus.PARTIAL, Decimal(1000)),
        (OrderStatus.FILLED, Decimal(2000)),
    ]


def test_a_swap_s_balances_are_fetched_when_they_changed() -> None:
    channel = venue("htx").watch_balances(kind="linear")
    assert channel.parse(b'{"op":"notify","topic":"account","event":"snapshot","data":{"details":[]}}') is None
    with pytest.raises(tw.DecodeError):
        channel.parse(b"<html>")


def jkorf(fixtures: Path, name: str) -> bytes:
    path = fixtures / "jkorf" / "HTX" / "Spot" / f"{name}.txt"
    return path.read_text(encoding="utf-8").partition("\n= ")[2].split("\n= ")[0].encode()


def test_an_order_of_others(fixtures: Path) -> None:
    topic, frame = read_account(jkorf(fixtures, "Order1"))  # type: ignore[misc]
    assert topic == "orders#*"
    (order,) = known().watch_orders().parse(frame)
    assert (order.order_id, order.client_order_id, order.status) == ("27163533", "abc123", OrderStatus.OPEN)
    assert (order.side, order.price, order.quantity, order.filled) == (Side.SELL, Decimal(77), Decimal(2), Decimal(0))
    assert order.fills == ()


def test_a_trade_in_the_documents_words() -> None:
    data = {
        "tradePrice": "76.000000000000000000",
        "tradeVolume": "1.013157894736842100",
        "tradeId": 301,
        "tradeTime": 1583854188883,
        "aggressor": True,
        "remainAmt": "0.000000000000000400",
        "execAmt": "2",
        "orderId": 27163536,
        "type": "sell-limit",
        "clientOrderId": "abc123",
        "orderSource": "spot-api",
        "orderPrice": "15000",
        "orderSize": "0.01",
        "orderStatus": "filled",
        "symbol": "btcusdt",
        "eventType": "trade",
    }
    topic, frame = read_account(json.dumps({"action": "push", "ch": "orders#btcusdt", "data": data}).encode())  # type: ignore[misc]
    assert topic == "orders#*"
    (order,) = known().watch_orders().parse(frame)
    (fill,) = order.fills
    assert (order.status, order.filled) == (OrderStatus.FILLED, Decimal(2))
    assert (fill.fill_id, fill.price, fill.quantity) == ("301", Decimal(76), Decimal("1.0131578947368421"))
    assert (fill.maker, fill.fee, fill.time_ns) == (False, None, 1583854188883 * 10**6)


def test_an_order_that_waits_for_its_trigger_is_not_one_yet() -> None:
    data = {"symbol": "btcusdt", "eventType": "trigger", "orderSide": "buy", "clientOrderId": "x", "lastActTime": 1}
    frame = json.dumps({"action": "push", "ch": "orders#btcusdt", "data": data}).encode()
    assert known().watch_orders().parse(frame) == ()


def test_balances_of_others(fixtures: Path) -> None:
    channel = venue("htx").watch_balances()
    assert channel.parse(jkorf(fixtures, "Account")) is None  # in the older mode, which does not tell all
    whole = {"currency": "usdt", "accountId": 1, "accountType": "trade", "balance": "5", "available": "3"}
    (row,) = channel.parse(json.dumps({"action": "push", "data": whole}).encode()) or ()
    assert (row.asset, row.free, row.locked, row.total) == ("USDT", Decimal(3), Decimal(2), Decimal(5))
    assert channel.parse(json.dumps({"action": "push", "data": whole | {"accountType": "margin"}}).encode()) == ()
