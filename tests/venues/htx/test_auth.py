"""HTX's signature: published vectors, the host really called, and the account's number filled in before signing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

import tidewire as tw
from tidewire._call import Request
from tidewire.venues.htx.auth import sign

KEY, SECRET = "e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx", "b0xxxxxx-c6xxxxxx-94xxxxxx-dxxxx"
CREDENTIALS = tw.Credentials(KEY, SECRET)
NOW = 1_494_515_970_999_999_999  # 2017-05-11T15:19:30 UTC and nearly one second: cut, not rounded


def signature(request: Request) -> str:
    return dict(parse_qsl(urlsplit(request.url).query))["Signature"]


def recomputed(request: Request, host: str) -> str:
    parts = urlsplit(request.url)
    payload = f"{request.method}\n{host}\n{parts.path}\n{parts.query.rpartition('&Signature=')[0]}"
    return base64.b64encode(hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).digest()).decode()


def test_the_documents_request() -> None:
    signed = sign(Request("GET", "https://api.huobi.pro/v1/order/orders?order-id=1234567890"), CREDENTIALS, NOW)
    assert signature(signed) == "Nmd8AU8uAe0mkFpxNbiava0aeZzBEtYjCdie1ZYZjoM="
    assert "Timestamp=2017-05-11T15%3A19%3A30&order-id=1234567890&Signature=" in signed.url


def test_names_are_in_byte_order_and_values_percent_encoded() -> None:
    call = tw.venue("htx").fetch_order("BTC-USDT", client_order_id="a b/ä,Z")
    signed = call.signed(CREDENTIALS, NOW)
    query = urlsplit(signed.url).query
    assert [part.partition("=")[0] for part in query.split("&")] == [
        "AccessKeyId",
        "SignatureMethod",
        "SignatureVersion",
        "Timestamp",
        "clientOrderId",
        "Signature",
    ]
    assert "clientOrderId=a%20b%2F%C3%A4%2CZ&" in query
    assert signature(signed) == recomputed(signed, "api.huobi.pro")


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "api.hbdm.com"),
        ({"environment": "aws"}, "api.hbdm.vn"),
        ({"base_url": "https://Proxy.Example.org/"}, "proxy.example.org"),
        ({"base_url": "http://127.0.0.1:8080"}, "127.0.0.1:8080"),
    ],
)
def test_the_host_signed_is_the_one_called(settings: dict[str, str], host: str) -> None:
    signed = tw.venue("htx", **settings).fetch_balances(kind="linear").signed(CREDENTIALS, NOW)
    assert signature(signed) == recomputed(signed, host)


def test_a_body_is_not_signed_but_sent() -> None:
    venue = tw.venue("huobi")  # the alias
    venue.learn_account("44234548")
    calls = [
        venue.create_order("BTC-USDT", side="sell", type="limit", quantity="1E-3", price=price) for price in (1, 2)
    ]
    first, second = (call.signed(CREDENTIALS, NOW) for call in calls)
    assert first.url == second.url
    assert first.body != second.body
    sent = json.loads(first.body)
    own_id = sent.pop("client-order-id")
    assert own_id == calls[0].client_order_id
    assert sent == {
        "account-id": "44234548",
        "symbol": "btcusdt",
        "type": "sell-limit",
        "amount": "0.001",
        "price": "1",
    }
    assert first.headers["Content-Type"] == "application/json"


def test_the_account_is_asked_for_once_and_named() -> None:
    venue = tw.venue("htx")
    call = venue.fetch_balances()
    assert call.needs_account
    with pytest.raises(tw.ConfigError, match="account's id is not known"):
        call.signed(CREDENTIALS, NOW)
    query = venue.account_query()
    assert query is not None
    assert query.request.path == "/v1/account/accounts"
    rows = [
        {"id": 5202591, "type": "point", "subtype": "", "state": "working"},
        {"id": 7, "type": "spot", "subtype": "", "state": "lock"},
        {"id": 1528640, "type": "spot", "subtype": "", "state": "working"},
    ]
    venue.learn_account(query.parse(json.dumps({"status": "ok", "data": rows}).encode()))
    assert venue.account_query() is None
    assert call.signed(CREDENTIALS, NOW).path == "/v1/account/accounts/1528640/balance"
    assert signature(call.signed(CREDENTIALS, NOW)) == recomputed(call.signed(CREDENTIALS, NOW), "api.huobi.pro")
    some = venue.fetch_open_orders("BTC-USDT").signed(CREDENTIALS, NOW)
    assert dict(parse_qsl(urlsplit(some.url).query))["account-id"] == "1528640"
    assert not venue.fetch_open_orders().needs_account
    with pytest.raises(tw.ConfigError):
        venue.learn_account("not/digits")
