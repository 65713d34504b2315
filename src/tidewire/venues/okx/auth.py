"""OKX's signature: Base64 of HMAC-SHA256 over time, method, path with query, and body.

See: https://www.okx.com/docs-v5/en/#overview-rest-authentication and #overview-websocket-login
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from ..._call import Request
from ...credentials import Credentials
from ...errors import ConfigError
from ...models import utc
from ...signing import Signer

__all__ = ["EXPIRY_MS", "expiry", "login", "sign", "timestamp"]

EXPIRY_MS = 5000
"""An order that reaches the engine later than this after signing dies: the header ``expTime``."""


def sign(request: Request, credentials: Credentials, time_ns: int) -> Request:
    """Add key, passphrase, time stamp and signature, and to writes the time after which the venue must not act."""
    passphrase = _passphrase(credentials)
    stamp = timestamp(time_ns)
    parts = urlsplit(request.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    payload = f"{stamp}{request.method}{path}{request.body.decode()}"
    headers = {
        **request.headers,
        "OK-ACCESS-KEY": credentials.key,
        "OK-ACCESS-SIGN": credentials.signer(_signer)(payload),
        "OK-ACCESS-TIMESTAMP": stamp,
        "OK-ACCESS-PASSPHRASE": passphrase,
    }
    if request.method == "POST":
        headers |= {"Content-Type": "application/json", "expTime": expiry(time_ns)}
    return Request(request.method, request.url, headers, request.body)


def expiry(time_ns: int) -> str:
    """The time, in milliseconds, after which the venue must not act on a write."""
    return str(time_ns // 1_000_000 + EXPIRY_MS)


def login(credentials: Credentials, time_ns: int) -> str:
    """The message that opens a private stream: the time is in whole seconds there."""
    seconds = str(time_ns // 10**9)
    proof = {
        "apiKey": credentials.key,
        "passphrase": _passphrase(credentials),
        "timestamp": seconds,
        "sign": credentials.signer(_signer)(f"{seconds}GET/users/self/verify"),
    }
    return json.dumps({"op": "login", "args": [proof]}, separators=(",", ":"))


def _passphrase(credentials: Credentials) -> str:
    if credentials.passphrase is None:
        raise ConfigError("okx keys have a passphrase: Credentials(key, secret, passphrase)", venue="okx")
    return credentials.passphrase


def timestamp(time_ns: int) -> str:
    """ISO-8601 with milliseconds: ``2020-12-08T09:08:57.715Z``."""
    moment = utc(time_ns).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def _signer(secret: str) -> Callable[[str], str]:
    return Signer(secret).base64
