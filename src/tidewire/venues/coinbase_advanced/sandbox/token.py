"""Who sent a request: the JSON Web Token checked claim by claim, the signature with the public key."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ...._call import Request
from ...._dialect import Exchange
from ....credentials import Credentials
from ....errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

__all__ = ["Unauthorized", "bearer_of", "issue_key", "owner_of", "verify"]

LONGEST_S: Final = 120
HOSTS: Final = ("api.coinbase.com", "api-sandbox.coinbase.com")
"""Hosts that a token may name besides the one called: a redirected client still signs for the real venue."""


class Unauthorized(Exception):
    """No, wrong or stale token. The venue does not say which; the text is for whoever debugs the sandbox."""


def owner_of(request: Request, exchange: Exchange) -> str:
    """Return the key that signed the request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer":
        raise Unauthorized("no bearer token")
    owner, claims = bearer_of(token, exchange)
    _check_address(claims, request)
    return owner


def bearer_of(token: str, exchange: Exchange) -> tuple[str, dict[str, Any]]:
    """Return the key that signed a token, and the token's claims: those that any token must make are checked."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Unauthorized("no token")
    head, claims = _json(parts[0]), _json(parts[1])
    key = head.get("kid")
    known = exchange.credentials(key) if isinstance(key, str) else None
    if known is None or claims.get("sub") != key:
        raise Unauthorized("unknown key")
    if not verify(head.get("alg"), _public_key(known.secret), f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2])):
        raise Unauthorized("wrong signature")
    _check_claims(head, claims, exchange.now_ns() / 1e9)
    return known.key, claims


def verify(algorithm: object, key: PublicKeyTypes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is the key's: 64 bytes, ``r`` and ``s`` for ES256. An algorithm not the key's is refused."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    if len(signature) != 64:
        return False
    try:
        if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        elif algorithm == "ES256" and isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
            pair = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
            key.verify(pair, message, ec.ECDSA(SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def issue_key(text: Callable[[str], str]) -> Credentials:
    """A CDP key: a name of the venue's form, and a P-256 private key."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    except ImportError:
        raise ConfigError(
            'keys of the coinbase_advanced sandbox need cryptography: pip install "tidewire[asymmetric]"',
            venue="coinbase_advanced",
        ) from None
    secret = ec.derive_private_key(int(text("secret")[:62], 16) + 1, ec.SECP256R1())
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return Credentials(f"organizations/{_uuid(text('organization'))}/apiKeys/{_uuid(text('key'))}", pem)


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def _check_claims(head: dict[str, Any], claims: dict[str, Any], now_s: float) -> None:
    start, end = claims.get("nbf"), claims.get("exp")
    if not isinstance(start, int) or not isinstance(end, int) or not head.get("nonce"):
        raise Unauthorized("nbf, exp or nonce is missing")
    if not start <= now_s < end or end - start > LONGEST_S + 1:
        raise Unauthorized(f"good from {start} to {end}; it is {now_s}")
    if claims.get("iss") not in ("cdp", "coinbase-cloud"):  # the second is what older clients say
        raise Unauthorized("wrong issuer")


def _check_address(claims: dict[str, Any], request: Request) -> None:
    named = [claims.get("uri"), *(claims.get("uris") or ())]  # "uris" as ccxt sends with Ed25519 keys
    hosts = (request.headers.get("host", ""), *HOSTS)
    path = urlsplit(request.url).path
    if not any(f"{request.method} {host}{path}" in named for host in hosts):
        raise Unauthorized(f"good for {named}, not for {request.method} {hosts[0]}{path}")


def _json(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(part))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Unauthorized("a part of the token is no JSON object")
    return value


def _decoded(part: str) -> bytes:
    if "=" in part or not part.isascii():
        raise Unauthorized("base64url has no padding in tokens")
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise Unauthorized("a part of the token is no base64url") from None


@lru_cache(maxsize=64)
def _public_key(secret: str) -> PublicKeyTypes:
    """The public half of a key: of PEM in either half, or of an Ed25519 seed in base64."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    text = secret.replace("\\n", "\n").encode()
    if b"PUBLIC KEY" in text:
        return load_pem_public_key(text)
    if b"PRIVATE KEY" in text:
        return load_pem_private_key(text, password=None).public_key()
    return Ed25519PrivateKey.from_private_bytes(b64decode(text)[:32]).public_key()
