"""Coinbase Exchange's signature: HMAC-SHA256 in Base64, with a secret that is Base64 itself, over time and request.

See: https://docs.cdp.coinbase.com/exchange/rest-api/authentication
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from ..._call import Request
from ...credentials import Credentials
from ...errors import ConfigError
from ...signing import Signer

__all__ = ["sign"]


def sign(request: Request, credentials: Credentials, time_ns: int) -> Request:
    """Add key, passphrase, time stamp (whole seconds) and signature as headers; the path is signed with its query."""
    if credentials.passphrase is None:
        raise ConfigError("coinbase keys have a passphrase: Credentials(key, secret, passphrase)", venue="coinbase")
    parts = urlsplit(request.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    stamp = str(time_ns // 10**9)
    message = f"{stamp}{request.method}{path}{request.body.decode()}"
    headers = {
        **request.headers,
        "CB-ACCESS-KEY": credentials.key,
        "CB-ACCESS-SIGN": credentials.signer(_signer)(message),
        "CB-ACCESS-TIMESTAMP": stamp,
        "CB-ACCESS-PASSPHRASE": credentials.passphrase,
    }
    return Request(request.method, request.url, headers, request.body)


def _signer(secret: str) -> Callable[[str], str]:
    return Signer(secret, encoding="base64").base64
