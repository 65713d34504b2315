"""What is signed is what is sent, and the worked examples' signatures come out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import urlsplit

import pytest

import tidewire as tw
from tidewire._call import Request
from tidewire.venues.okx.auth import sign, timestamp

SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
KEY = tw.Credentials("the-key", SECRET, "the passphrase")
MOMENT = 1_607_418_537_715_999_999  # 2020-12-08T09:08:57.715Z
ORDER = '{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"2.15","sz":"2"}'

EXAMPLES = [
    ("GET", "/api/v5/account/balance?ccy=BTC", "", "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="),
    ("POST", "/api/v5/trade/order", ORDER, "iwrdSpN7pm4G4u8+fswZUyH6mOM48+sBF6WvKpj4Dvk="),
]


@pytest.mark.parametrize(("method", "target", "body", "signature"), EXAMPLES)
def test_worked_examples(method: str, target: str, body: str, signature: str) -> None:
    signed = sign(Request(method, f"https://www.okx.com{target}", body=body.encode()), KEY, MOMENT)
    assert signed.headers["OK-ACCESS-SIGN"] == signature
    assert signed.headers["OK-ACCESS-TIMESTAMP"] == "2020-12-08T09:08:57.715Z"
    assert signed.headers["OK-ACCESS-KEY"] == "the-key"
    assert signed.headers["OK-ACCESS-PASSPHRASE"] == "the passphrase"
    assert (signed.url, signed.body) == (f"https://www.okx.com{target}", body.encode())


def test_the_login_of_streams_is_signed_alike() -> None:
    """Over whole seconds, ``GET`` and ``/users/self/verify``: the third worked example."""
    assert tw.Signer(SECRET).base64("1538054050GET/users/self/verify") == "+LdIr8lkkvhr5hoA3g9TMC0+uQJ849ftAcocA/ouu4M="


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_785_000_000_123_000_000, "2026-07-25T17:20:00.123Z"),
        (1_785_000_000_000_000_000, "2026-07-25T17:20:00.000Z"),
        (1_785_000_000_999_999_999, "2026-07-25T17:20:00.999Z"),
    ],
)
def test_time_stamps_are_cut_to_milliseconds(time_ns: int, text: str) -> None:
    assert timestamp(time_ns) == text


def test_the_signature_covers_query_and_body() -> None:
    venue = tw.venue("okx")
    calls = [
        venue.fetch_order("BTC-USDT", client_order_id="abc"),
        venue.fetch_balances(),
        venue.create_order("BTC-USDT", side="buy", type="limit", quantity="1E-3", price="60000.10"),
    ]
    for call in calls:
        signed = call.signed(KEY, MOMENT)
        parts = urlsplit(signed.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        payload = f"2020-12-08T09:08:57.715Z{signed.method}{target}".encode() + signed.body
        expected = base64.b64encode(hmac.new(SECRET.encode(), payload, hashlib.sha256).digest()).decode()
        assert signed.headers["OK-ACCESS-SIGN"] == expected


def test_orders_die_when_they_come_late() -> None:
    call = tw.venue("okx").create_order("BTC-USDT", side="buy", type="market", quantity="1")
    signed = call.signed(KEY, MOMENT)
    assert signed.headers["expTime"] == str(MOMENT // 1_000_000 + 5000)
    assert "expTime" not in tw.venue("okx").fetch_balances().signed(KEY, MOMENT).headers


def test_the_passphrase_is_asked_for() -> None:
    bare = tw.Credentials("the-key", SECRET)
    with pytest.raises(tw.ConfigError, match="passphrase"):
        tw.Client("okx", credentials=bare)
    with pytest.raises(tw.ConfigError, match="passphrase"):
        tw.venue("okx").fetch_balances().signed(bare, MOMENT)


@pytest.mark.parametrize("environment", ["demo", "testnet", "eea-demo"])
def test_demo_trading_is_a_header(environment: str) -> None:
    venue = tw.venue("okx", environment=environment)
    for call in (venue.fetch_price("BTC-USDT"), venue.fetch_balances(), venue.cancel_order("BTC-USDT", order_id="1")):
        assert call.request.headers["x-simulated-trading"] == "1"
        assert call.signed(KEY, MOMENT).headers["x-simulated-trading"] == "1"
    assert "pap." in venue.stream_hosts["spot"]
    for live in ("live", "eea", "us"):
        assert not tw.venue("okx", environment=live).fetch_balances().request.headers


def test_an_order_is_the_json_that_the_venue_documents() -> None:
    call = tw.venue("okx").create_order("BTC-USDT", side="sell", type="market", quantity="0.10", client_order_id="own1")
    assert json.loads(call.request.body) == [
        {
            "instId": "BTC-USDT",
            "tdMode": "cash",
            "side": "sell",
            "ordType": "market",
            "sz": "0.1",
            "clOrdId": "own1",
            "tgtCcy": "base_ccy",
        }
    ]
