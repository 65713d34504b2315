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

__all__ = ["proof", "sign"]


def sign(request: Request, credentials: Credentials, time_ns: int) -> Request:
    """Add key, passphrase, time stamp (whole seconds) and signature as headers; the path is signed with its query."""
    parts = urlsplit(request.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    stamp, signature, passphrase = _signed(f"{request.method}{path}{request.body.decode()}", credentials, time_ns)
    headers = {
        **request.headers,
        "CB-ACCESS-KEY": credentials.key,
        "CB-ACCESS-SIGN": signature,
        "CB-ACCESS-TIMESTAMP": stamp,
        "CB-ACCESS-PASSPHRASE": passphrase,
    }
    return Request(request.method, request.url, headers, request.body)


def proof(credentials: Credentials, time_ns: int) -> dict[str, str]:
    """What a stream's command must hold besides: the signature of a request that is never sent."""
    stamp, signature, passphrase = _signed("GET/users/self/verify", credentials, time_ns)
    return {"signature": signature, "key": credentials.key, "passphrase": passphrase, "timestamp": stamp}


def _signed(message: str, credentials: Credentials, time_ns: int) -> tuple[str, str, str]:
    """Time stamp, signature and passphrase."""
    if credentials.passphrase is None:
        raise ConfigError("coinbase keys have a passphrase: Credentials(key, secret, passphrase)", venue="coinbase")
    stamp = str(time_ns // 10**9)
    return stamp, credentials.signer(_signer)(stamp + message), credentials.passphrase


def _signer(secret: str) -> Callable[[str], str]:
    return Signer(secret, encoding="base64").base64
