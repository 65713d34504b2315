"""Signatures match the venue's rule: time, method, path with query, body, under a secret that is Base64 itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

import tidewire as tw
from tidewire._call import Request
from tidewire.venues.coinbase.auth import sign

SECRET = "Y29pbmJhc2UtZXhjaGFuZ2UtZXhhbXBsZS1zZWNyZXQtMzJieXRlcyE="
NOW = 1_700_000_000_999_999_999
KEY = tw.Credentials("the-key", SECRET, "words")
HOST = "https://api.exchange.coinbase.com"
ORDER = b'{"type":"limit","side":"buy","product_id":"BTC-USD","price":"10000.00","size":"0.01"}'


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (Request("GET", f"{HOST}/accounts"), "PUqaJmex9wBjD4pY3Xn+Fe4JFPWMjZuyYIhlGy0x1DU="),
        (Request("POST", f"{HOST}/orders", body=ORDER), "1/NtPPmDjFRr6Ueo24+RvwSaqHl4n7SdcZZCOGeospI="),
        (Request("GET", f"{HOST}/users/self/verify"), "dgQvXy1TsQO/Bex2Hj0dIp7CuOqmN5mdES1P0UNHNWs="),
    ],
)
def test_vectors(request_: Request, signature: str) -> None:
    signed = sign(request_, KEY, NOW)
    assert signed.headers["CB-ACCESS-SIGN"] == signature
    assert signed.headers["CB-ACCESS-TIMESTAMP"] == "1700000000"
    assert (signed.headers["CB-ACCESS-KEY"], signed.headers["CB-ACCESS-PASSPHRASE"]) == ("the-key", "words")
    assert (signed.method, signed.url, signed.body) == (request_.method, request_.url, request_.body)


def test_the_query_is_signed_with_the_path() -> None:
    venue = tw.venue("coinbase")
    signed = venue.cancel_order("BTC-USD", order_id="a-b").signed(KEY, NOW)
    message = b"1700000000DELETE/orders/a-b?product_id=BTC-USD"
    expected = base64.b64encode(hmac.new(base64.b64decode(SECRET), message, hashlib.sha256).digest()).decode()
    assert signed.headers["CB-ACCESS-SIGN"] == expected


def test_the_body_is_signed_as_sent() -> None:
    call = tw.venue("coinbase").create_order("BTC-USD", side="sell", type="limit", quantity="1E-1", price="10.50")
    signed = call.signed(KEY, NOW)
    message = b"1700000000POST/orders" + signed.body
    expected = base64.b64encode(hmac.new(base64.b64decode(SECRET), message, hashlib.sha256).digest()).decode()
    assert signed.headers["CB-ACCESS-SIGN"] == expected
    body = json.loads(signed.body)
    assert (body["size"], body["price"]) == ("0.1", "10.5")


def test_a_key_needs_its_passphrase() -> None:
    with pytest.raises(tw.ConfigError, match="passphrase"):
        sign(Request("GET", f"{HOST}/accounts"), tw.Credentials("k", SECRET), NOW)
    with pytest.raises(tw.ConfigError, match="passphrase"):
        tw.Client("coinbase", credentials=tw.Credentials("k", SECRET))


def test_a_secret_that_is_not_base64_is_refused_without_showing_it() -> None:
    secret = "this-is-no-base64!"
    with pytest.raises(tw.ConfigError) as caught:
        sign(Request("GET", f"{HOST}/accounts"), tw.Credentials("k", secret, "p"), NOW)
    assert secret not in str(caught.value)


def test_every_request_names_its_client() -> None:
    venue = tw.venue("coinbase")
    for call in (venue.fetch_price("BTC-USD"), venue.fetch_balances(), venue.cancel_all_orders("BTC-USD")):
        assert call.request.headers["User-Agent"] == "tidewire"
        assert call.signed(KEY, NOW).headers["User-Agent"] == "tidewire"
