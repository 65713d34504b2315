"""HTX's private stream: its login by a published vector, and messages recorded by others."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest

import tidewire as tw
from tidewire._feed import LOGIN, Acknowledged, Moment, Refused, Reply
from tidewire.models import Instrument, OrderStatus, Side
from tidewire.symbols import Symbol
from tidewire.venues import venue
from tidewire.venues.htx.account import read_account

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


def test_swaps_are_not_offered() -> None:
    for verb in ("watch_orders", "watch_balances"):
        with pytest.raises(tw.NotSupported, match="for linear"):
            getattr(venue("htx"), verb)(kind="linear")


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
