"""HTX's signature, version 2: Base64(HMAC-SHA256) over method, host, path and the sorted query. A body is not signed.

See: https://huobiapi.github.io/docs/spot/v1/en/#authentication
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from ..._call import Request
from ...credentials import Credentials
from ...signing import Signer

__all__ = ["sign", "signature"]


def sign(request: Request, credentials: Credentials, time_ns: int) -> Request:
    """Add key, UTC time (whole seconds) and signature to the query. The host signed is the one really called."""
    parts = urlsplit(request.url)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ns // 10**9))
    ours = {
        "AccessKeyId": credentials.key,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": stamp,
    }
    pairs = [f"{name}={quote(value, safe='')}" for name, value in ours.items()]
    # By byte order of the names: upper case comes first.
    query = "&".join(sorted([*pairs, *filter(None, parts.query.split("&"))], key=lambda pair: pair.partition("=")[0]))
    signed = quote(signature(request.method, parts.netloc, parts.path, query, credentials), safe="")
    url = f"{parts.scheme}://{parts.netloc}{parts.path}?{query}&Signature={signed}"
    headers = {**request.headers, "Content-Type": "application/json"} if request.body else request.headers
    return Request(request.method, url, headers, request.body)


def signature(method: str, host: str, path: str, query: str, credentials: Credentials) -> str:
    """Sign a request whose query is sorted by name."""
    return credentials.signer(_signer)("\n".join((method, host.lower(), path, query)))


def _signer(secret: str) -> Callable[[str], str]:
    return Signer(secret).base64
