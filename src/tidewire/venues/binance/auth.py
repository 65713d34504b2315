"""Binance's signature: HMAC-SHA256 in hex, or Ed25519 in Base64, over the query and body exactly as sent.

See: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote, unquote

from ..._call import Request
from ...credentials import Credentials
from ...signing import Ed25519Signer, Signer, is_private_key

__all__ = ["RECV_WINDOW_MS", "identify", "sign", "sign_params"]

RECV_WINDOW_MS = 5000  # the venue's default, stated so that the sandbox and the reader see it
FORM = "application/x-www-form-urlencoded"


def sign(request: Request, credentials: Credentials, time_ns: int) -> Request:
    """Add time stamp, window, signature and key. Writes travel in the body, so that no log of URLs can hold them."""
    in_body = request.method in ("POST", "PUT")
    address, _, query = request.url.partition("?")
    params = request.body.decode() if in_body else query
    stamp = f"recvWindow={RECV_WINDOW_MS}&timestamp={time_ns // 1_000_000}"
    payload = f"{params}&{stamp}" if params else stamp
    signed = f"{payload}&signature={credentials.signer(_signer)(payload)}"
    headers = {**request.headers, "X-MBX-APIKEY": credentials.key}
    if in_body:
        return Request(request.method, request.url, {**headers, "Content-Type": FORM}, signed.encode())
    return Request(request.method, f"{address}?{signed}", headers)


def identify(request: Request, credentials: Credentials, time_ns: int) -> Request:
    """Add the key alone, where nothing is to be signed."""
    return Request(request.method, request.url, {**request.headers, "X-MBX-APIKEY": credentials.key}, request.body)


def sign_params(terms: Mapping[str, str | int], credentials: Credentials, time_ns: int) -> dict[str, str | int]:
    """Add key, window, time stamp and signature for the WebSocket API: over the sorted parameters, unencoded.

    See: https://developers.binance.com/docs/binance-spot-api-docs/websocket-api/request-security
    """
    signed: dict[str, str | int] = {
        **terms,
        "apiKey": credentials.key,
        "recvWindow": RECV_WINDOW_MS,
        "timestamp": time_ns // 1_000_000,
    }
    payload = "&".join(f"{name}={signed[name]}" for name in sorted(signed))
    return {**signed, "signature": unquote(credentials.signer(_signer)(payload))}


def _signer(secret: str) -> Callable[[str], str]:
    if not is_private_key(secret):
        return Signer(secret).hex
    key = Ed25519Signer(secret)
    return lambda payload: quote(key.base64(payload), safe="")
