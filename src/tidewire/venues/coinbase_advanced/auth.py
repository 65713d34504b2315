"""Coinbase's CDP keys: a JSON Web Token for every request, signed with ES256 or EdDSA.

See: https://docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication
"""

from __future__ import annotations

import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ..._call import Request
from ...credentials import Credentials
from ...errors import ConfigError
from ...signing import Ed25519Signer, Es256Signer, private_key_signer
from .spec import LIFETIME_S

__all__ = ["sign", "token"]

_KEY_NAME: Final = re.compile(
    r"organizations/[^/]+/apiKeys/[^/]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)
_JWT_NAMES: Final = {"es256": "ES256", "ed25519": "EdDSA"}
_CDP: Final = (
    "coinbase_advanced takes CDP keys: as key the name 'organizations/{org}/apiKeys/{id}' or the UUID, as secret the "
    "EC private key in PEM or the Ed25519 key in base64; legacy (HMAC) API keys are not supported"
)


def sign(request: Request, credentials: Credentials, time_ns: int) -> Request:
    """Add a token that is good for this method, host and path (not the query), for a minute from the venue's now."""
    where = urlsplit(request.url)
    made = token(credentials, time_ns, f"{request.method} {where.netloc}{where.path}")
    headers = {**request.headers, "Authorization": f"Bearer {made}"}
    return Request(request.method, request.url, headers, request.body)


def token(credentials: Credentials, time_ns: int, uri: str | None = None) -> str:
    """A token for a request, or without ``uri`` for one command of a stream."""
    if not _KEY_NAME.fullmatch(credentials.key):
        raise ConfigError(f"this is no CDP key's name; {_CDP}", venue="coinbase_advanced")
    now = time_ns // 10**9
    signer = credentials.signer(_signer)
    head = {
        "alg": _JWT_NAMES[signer.algorithm],
        "typ": "JWT",
        "kid": credentials.key,
        "nonce": secrets.token_hex(16),
    }
    claims = {
        "sub": credentials.key,
        "iss": "cdp",
        "nbf": now - 1,  # our estimate of the venue's clock may be a little ahead of it
        "exp": now + LIFETIME_S,
        **({} if uri is None else {"uri": uri}),
    }
    text = f"{_part(head)}.{_part(claims)}"
    return f"{text}.{_base64url(signer.digest(text))}"


def _signer(secret: str) -> Ed25519Signer | Es256Signer:
    try:
        return private_key_signer(secret)
    except ConfigError as error:
        raise ConfigError(f"{error}; {_CDP}", venue="coinbase_advanced") from None


def _part(values: Mapping[str, object]) -> str:
    return _base64url(json.dumps(values, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
