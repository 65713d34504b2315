"""Coinbase Advanced's private stream, byte by byte: the token, and orders as they stand."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tidewire as tw
from tidewire._feed import Acknowledged, Moment, Numbered, Refused
from tidewire.errors import AuthenticationError, DecodeError, NotSupported
from tidewire.models import Instrument, OrderStatus, Side
from tidewire.symbols import Symbol
from tidewire.venues.coinbase_advanced import CoinbaseAdvanced
from tidewire.venues.coinbase_advanced.account import read_account

NOW_NS = 1_785_000_000 * 10**9


@pytest.fixture
def venue() -> CoinbaseAdvanced:
    made = CoinbaseAdvanced()
    bitcoin = Instrument(
        venue="coinbase_advanced",
        symbol=Symbol("BTC", "USD"),
        native="BTC-USD",
        kind="spot",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00000001"),
    )
    made.learn([bitcoin])
    return made


def message(*orders: dict[str, Any], kind: str = "update") -> bytes:
    head = {"channel": "user", "client_id": "", "timestamp": "2026-04-07T14:30:00.5Z", "sequence_num": 3}
    return json.dumps({**head, "events": [{"type": kind, "orders": orders}]}).encode()


ORDER = {
    "order_id": "0b5e", "client_order_id": "mine", "product_id": "BTC-USD", "product_type": "SPOT", "status": "OPEN",
    "order_side": "BUY", "order_type": "Limit", "cumulative_quantity": "0.25", "leaves_quantity": "0.75",
    "avg_price": "50000", "filled_value": "12500", "limit_price": "50001", "stop_price": "", "post_only": "false",
    "time_in_force": "GOOD_UNTIL_CANCELLED", "creation_time": "2026-04-07T14:29:13.909347Z",
}  # fmt: skip


def test_every_command_has_a_token_of_its_own(venue: CoinbaseAdvanced) -> None:
    pytest.importorskip("cryptography")
    key = tw.sandbox.Sandbox("coinbase_advanced").credentials("coinbase_advanced")
    feed = venue.watch_orders().feed
    assert (feed.url, feed.private, feed.standing) == (
        "wss://advanced-trade-ws-user.coinbase.com",
        True,
        ("heartbeats",),
    )
    assert feed.subscribe is not None
    sent = [json.loads(feed.subscribe([topic], Moment(1, NOW_NS, key))) for topic in ("user", "user", "heartbeats")]
    assert [row["channel"] for row in sent] == ["user", "user", "heartbeats"]
    assert len({row["jwt"] for row in sent}) == 3
    head, claims = (json.loads(urlsafe_b64decode(part + "==")) for part in sent[0]["jwt"].split(".")[:2])
    assert (head["kid"], head["alg"]) == (key.key, "ES256")
    assert claims == {"sub": key.key, "iss": "cdp", "nbf": 1_785_000_000 - 1, "exp": 1_785_000_060}, "no uri"


def test_frames() -> None:
    listed = {"channel": "subscriptions", "sequence_num": 4, "events": [{"subscriptions": {"user": ["3e62"]}}]}
    assert read_account(json.dumps(listed).encode()) == Numbered(4, Acknowledged(topics=["user"]))
    beat = {"channel": "heartbeats", "sequence_num": 5, "events": [{"heartbeat_counter": 1}]}
    assert read_account(json.dumps(beat).encode()) == Numbered(5, Acknowledged(topics=("heartbeats",)))
    assert read_account(message(ORDER)) == Numbered(3, ("user", message(ORDER)))
    refused = read_account(b'{"type":"error","message":"authentication failure"}')
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, AuthenticationError)
    for broken in (b"<html>", b"{}"):
        with pytest.raises(DecodeError):
            read_account(broken)


def test_an_order_as_it_stands(venue: CoinbaseAdvanced) -> None:
    (order,) = venue.watch_orders().parse(message(ORDER))
    assert (order.order_id, order.client_order_id, str(order.symbol)) == ("0b5e", "mine", "BTC-USD")
    assert (order.status, order.side, order.type) == (OrderStatus.PARTIAL, Side.BUY, "limit")
    assert (order.quantity, order.filled, order.price) == (1, Decimal("0.25"), 50001)
    assert (order.average_price, order.quote_filled, order.stop_price) == (50000, 12500, None)
    assert (order.time_in_force, order.post_only, order.fills) == ("gtc", False, ())
    assert (order.created_ns, order.updated_ns) == (1_775_572_153_909_347_000, 1_775_572_200_500_000_000)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING", OrderStatus.PENDING),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELLED", OrderStatus.CANCELED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("FAILED", OrderStatus.REJECTED),
        ("CANCEL_QUEUED", OrderStatus.CANCELING),
    ],
)
def test_states(venue: CoinbaseAdvanced, word: str, status: OrderStatus) -> None:
    (order,) = venue.watch_orders().parse(message({**ORDER, "status": word}))
    assert order.status is status
    if status.is_final:
        assert order.quantity is None, "what is left of an order that is over says nothing of its size"


def test_futures_are_left_out_and_unknown_words_refused(venue: CoinbaseAdvanced) -> None:
    parse = venue.watch_orders().parse
    assert parse(message({**ORDER, "product_id": "BIT-28JUN24-CDE", "product_type": "FUTURE"})) == []
    with pytest.raises(DecodeError, match="MELTED"):
        parse(message({**ORDER, "status": "MELTED"}))


def test_what_is_offered(venue: CoinbaseAdvanced) -> None:
    assert "watch_balances" not in venue.capabilities
    with pytest.raises(NotSupported):
        venue.watch_orders(kind="linear")


def test_a_message_that_others_keep(venue: CoinbaseAdvanced, fixtures: Path) -> None:
    """See: JKorf/Coinbase.Net's tests."""
    text = (fixtures / "jkorf" / "Coinbase" / "AdvancedTrade" / "User.txt").read_text()
    answer, data = re.match(r"> .*\n< (.*)\n= ?((?:.|\n)*)", text).groups()  # type: ignore[union-attr]
    acknowledged, numbered = read_account(answer.encode()), read_account(data.encode())
    assert acknowledged == Numbered(1, Acknowledged(topics=["user"]))
    assert isinstance(numbered, Numbered)
    (order,) = venue.watch_orders().parse(numbered.message[1])  # type: ignore[index]
    assert (order.status, order.filled, order.average_price) == (OrderStatus.FILLED, Decimal("0.01"), 50000)
    assert (order.order_id, order.client_order_id, order.post_only) == ("YYY", "XXX", False)
