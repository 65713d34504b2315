"""Coinbase Exchange's private stream, byte by byte: the proof, and an order's steps."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire._feed import Acknowledged, Moment, Refused
from tidewire.errors import AuthenticationError, ConfigError, DecodeError, NotSupported
from tidewire.models import Instrument, Order, OrderStatus, Side
from tidewire.symbols import Symbol
from tidewire.venues.coinbase import Coinbase
from tidewire.venues.coinbase.account import OrderReader, read_account

KEY = tw.Credentials("key", "Y29pbmJhc2UtZXhjaGFuZ2UtZXhhbXBsZS1zZWNyZXQtMzJieXRlcyE=", "phrase")
TIME = "2026-04-07T14:30:00.000001Z"
OWN, OTHER = "d50ec984-77a8-460a-b958-66f114b0de9b", "ac928c66-ca53-498f-9c13-a110027a60e8"
USER = "5844eceecf7e803e259d0365"


def step(kind: str, **fields: Any) -> bytes:
    head = {"type": kind, "product_id": "BTC-USD", "time": TIME, "user_id": USER, "profile_id": USER}
    return json.dumps({**head, **fields}).encode()


RECEIVED = step(
    "received", order_id=OWN, client_oid="4d7f", side="buy", order_type="limit", size="1.50", price="502.10"
)
FILL = {"trade_id": 10, "size": "0.5", "price": "502.00", "side": "sell"}
TAKEN = step("match", maker_order_id=OTHER, taker_order_id=OWN, taker_user_id=USER, taker_fee_rate="0.005", **FILL)
GIVEN = step("match", maker_order_id=OWN, taker_order_id=OTHER, maker_user_id=USER, maker_fee_rate="0.001", **FILL)


@pytest.fixture
def reader() -> OrderReader:
    return OrderReader(Symbol.parse)


def only(orders: tuple[Order, ...]) -> Order:
    (order,) = orders
    return order


def test_the_command_is_signed_like_a_request_and_names_every_known_product() -> None:
    venue = Coinbase()
    symbols = [Symbol("ETH", "USD"), Symbol("BTC", "USD")]
    venue.learn(
        Instrument(venue="coinbase", symbol=s, native=str(s), kind="spot", tick_size=Decimal(1), lot_size=Decimal(1))
        for s in symbols
    )
    channel = venue.watch_orders()
    assert (channel.feed.url, channel.topic, channel.feed.private) == (
        "wss://ws-feed.exchange.coinbase.com",
        "user",
        True,
    )
    sent = json.loads(channel.feed.subscribe(["user"], Moment(1, 1_700_000_000 * 10**9, KEY)))  # type: ignore[misc]
    assert sent["channels"] == [{"name": "user", "product_ids": ["BTC-USD", "ETH-USD"]}]
    digest = hmac.new(base64.b64decode(KEY.secret), b"1700000000GET/users/self/verify", hashlib.sha256).digest()
    assert (sent["type"], sent["key"], sent["passphrase"]) == ("subscribe", "key", "phrase")
    assert (sent["timestamp"], sent["signature"]) == ("1700000000", base64.b64encode(digest).decode())
    # The same, computed elsewhere.
    assert sent["signature"] == "dgQvXy1TsQO/Bex2Hj0dIp7CuOqmN5mdES1P0UNHNWs="


def test_a_key_needs_a_passphrase() -> None:
    feed = Coinbase().watch_orders().feed
    with pytest.raises(ConfigError, match="passphrase"):
        feed.subscribe(["user"], Moment(1, 0, tw.Credentials("key", KEY.secret)))  # type: ignore[misc]


def test_what_is_offered() -> None:
    with pytest.raises(NotSupported):
        Coinbase().watch_orders(kind="linear")
    with pytest.raises(NotSupported):
        Coinbase().watch_balances(kind="linear")


def test_balances_are_asked_for_by_the_accounts_ids() -> None:
    channel = Coinbase().watch_balances()
    assert channel.accounts is not None
    assert channel.accounts.request.url == "https://api.exchange.coinbase.com/accounts"
    row = {"currency": "BTC", "balance": "0.0", "hold": "0.0", "available": "0.0"}
    channel.accounts.parse(json.dumps([{"id": OWN, **row}, {"id": OTHER, **row, "currency": "USD"}]).encode())
    sent = json.loads(channel.feed.subscribe(["balance"], Moment(1, 1_700_000_000 * 10**9, KEY)))  # type: ignore[misc]
    assert sent["channels"] == [{"name": "balance", "account_ids": [OWN, OTHER]}]
    assert sent["signature"] == "dgQvXy1TsQO/Bex2Hj0dIp7CuOqmN5mdES1P0UNHNWs="


def test_a_balance() -> None:
    """The documented message."""
    frame = json.dumps(
        {
            "type": "balance",
            "account_id": OWN,
            "currency": "USD",
            "holds": "1000.23",
            "available": "102030.99",
            "updated": "2023-10-10T20:42:27.265Z",
            "timestamp": "2023-10-10T20:42:29.265Z",
        }
    ).encode()
    assert read_account(frame) == ("balance", frame)
    (held,) = Coinbase().watch_balances().parse(frame) or ()
    assert (held.asset, held.free, held.locked) == ("USD", Decimal("102030.99"), Decimal("1000.23"))
    assert held.total == Decimal("103031.22")
    with pytest.raises(DecodeError):
        Coinbase().watch_balances().parse(frame.replace(b"holds", b"hoods"))
    listed = {"type": "subscriptions", "channels": [{"name": "balance", "product_ids": None, "account_ids": [OWN]}]}
    assert read_account(json.dumps(listed).encode()) == Acknowledged(topics=("balance",))


def test_frames() -> None:
    assert read_account(RECEIVED) == ("user", RECEIVED)
    listed = b'{"type":"subscriptions","channels":[{"name":"user","product_ids":["BTC-USD"]}]}'
    assert read_account(listed) == Acknowledged(topics=("user",))
    assert read_account(b'{"type":"subscriptions","channels":[]}') is None
    assert read_account(b'{"type":"activate","order_id":"7"}') is None
    refused = read_account(
        b'{"type":"error","message":"Authentication Failed","reason":"{\\"message\\":\\"Unauthorized.\\"}"}'
    )
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, AuthenticationError)
    with pytest.raises(DecodeError):
        read_account(b"<html>")


def test_the_life_of_an_order(reader: OrderReader) -> None:
    order = only(reader(RECEIVED))
    assert (order.order_id, order.client_order_id, order.status) == (OWN, "4d7f", OrderStatus.PENDING)
    assert (order.side, order.type, order.quantity, order.price) == (
        Side.BUY,
        "limit",
        Decimal("1.50"),
        Decimal("502.10"),
    )
    assert (order.filled, order.created_ns) == (0, 1_775_572_200_000_001_000)
    fill = only(reader(TAKEN)).fills[0]
    assert (fill.fill_id, fill.order_id, fill.side, fill.maker) == ("10", OWN, Side.BUY, False)
    assert (fill.price, fill.quantity, fill.fee, fill.fee_asset) == (502, Decimal("0.5"), Decimal("1.255"), "USD")
    resting = only(reader(step("open", order_id=OWN, side="buy", price="502.10", remaining_size="1.00")))
    assert (resting.status, resting.filled) == (OrderStatus.PARTIAL, Decimal("0.50"))
    ended = only(
        reader(step("done", order_id=OWN, side="buy", reason="canceled", price="502.10", remaining_size="0.25"))
    )
    assert (ended.status, ended.filled) == (OrderStatus.CANCELED, Decimal("1.25"))


def test_as_the_maker(reader: OrderReader) -> None:
    order = only(reader(GIVEN))
    assert (order.order_id, order.side, order.fills[0].maker) == (OWN, Side.SELL, True)
    assert order.fills[0].fee == Decimal("0.2510")


def test_one_s_own_order_met_another(reader: OrderReader) -> None:
    both = {**json.loads(GIVEN), "taker_user_id": USER, "taker_fee_rate": "0.005"}
    maker, taker = reader(json.dumps(both).encode())
    assert (maker.order_id, maker.side, taker.order_id, taker.side) == (OWN, Side.SELL, OTHER, Side.BUY)


def test_what_an_unknown_size_leaves_open(reader: OrderReader) -> None:
    """An order from before the connection: what is filled is for the lists, or its own fills, to tell."""
    done = only(reader(step("done", order_id=OWN, side="buy", reason="filled", remaining_size="0")))
    assert (done.status, done.filled) == (OrderStatus.FILLED, None)


def test_less_of_an_order(reader: OrderReader) -> None:
    reader(RECEIVED)
    changed = only(reader(step("change", order_id=OWN, side="buy", old_size="1.50", new_size="1.00")))
    assert changed.quantity == 1
    done = only(reader(step("done", order_id=OWN, side="buy", reason="filled", remaining_size="0")))
    assert done.filled == 1


def test_sizes_are_not_kept_for_ever(reader: OrderReader) -> None:
    for number in range(12_000):
        reader(RECEIVED.replace(OWN.encode(), str(number).encode()))
    assert len(reader._sizes) == 10_000


@pytest.mark.parametrize("frame", [b"{}", step("match", side="buy"), step("done", order_id=OWN, reason="boredom")])
def test_what_cannot_be_read(reader: OrderReader, frame: bytes) -> None:
    with pytest.raises(DecodeError):
        reader(frame)
