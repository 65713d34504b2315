"""What is signed is what is sent, with both kinds of key, and it matches the venue's published examples."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest

import tidewire as tw
from tidewire._call import Request
from tidewire.venues.binance.auth import sign

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
NOW = 1_499_827_319_559_123_456


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_hmac_covers_all_that_is_sent(method: str) -> None:
    params = "symbol=LTCBTC&newClientOrderId=a%3Ab%20c"
    url = "https://api.binance.com/api/v3/order"
    request = Request(method, url, body=params.encode()) if method == "POST" else Request(method, f"{url}?{params}")
    signed = sign(request, tw.Credentials("the-key", SECRET), NOW)
    assert signed.headers["X-MBX-APIKEY"] == "the-key"
    assert ("signature" in signed.url) is (method != "POST")
    text = urlsplit(signed.url).query + signed.body.decode()
    payload, _, signature = text.rpartition("&signature=")
    assert payload == f"{params}&recvWindow=5000&timestamp=1499827319559"
    assert signature == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()


def test_a_request_without_parameters() -> None:
    signed = sign(Request("GET", "https://api.binance.com/api/v3/account"), tw.Credentials("k", SECRET), NOW)
    assert [name for name, _ in parse_qsl(urlsplit(signed.url).query)] == ["recvWindow", "timestamp", "signature"]


def test_every_parameter_is_percent_encoded() -> None:
    call = tw.venue("binance").create_order(
        "LTC-BTC", side="buy", type="limit", quantity="1E-1", price="0.10", client_order_id="１２ /&="
    )
    text = call.signed(tw.Credentials("k", SECRET), NOW).body.decode()
    assert text.isascii()
    fields = parse_qs(text)
    assert (fields["quantity"], fields["price"], fields["newClientOrderId"]) == (["0.1"], ["0.1"], ["１２ /&="])
    payload, _, signature = text.rpartition("&signature=")
    assert signature == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()


def test_ed25519_keys() -> None:
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    signed = sign(Request("GET", "https://api.binance.com/api/v3/account"), tw.Credentials("k", pem), NOW)
    payload, _, signature = urlsplit(signed.url).query.rpartition("&signature=")
    key.public_key().verify(base64.b64decode(unquote(signature)), payload.encode())


def test_a_call_that_is_not_signed_yet_holds_no_secret() -> None:
    call = tw.venue("binance").fetch_balances()
    signed = call.signed(tw.Credentials("the-api-key-itself", SECRET), NOW)
    assert "signature" not in call.request.url
    for shown in (repr(call), repr(signed), str(signed)):
        assert "the-api-key-itself" not in shown
        assert parse_qs(urlsplit(signed.url).query)["signature"][0] not in shown
