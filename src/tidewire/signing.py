"""Signatures of requests: HMAC in native code, Ed25519 through ``cryptography`` where a venue issues such keys."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NoReturn

from ._native import Signer, cpu_features
from .errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Ed25519Signer", "Signer", "cpu_features", "is_private_key"]

_ARMOUR = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*)-----END \1-----", re.DOTALL)
# Base64 of the 16 bytes that begin every PKCS #8 Ed25519 key with a 32-byte seed (RFC 8410, section 7), less the last,
# partial character.
_PKCS8_ED25519 = "MC4CAQAwBQYDK2VwBCIEI"


def is_private_key(secret: str) -> bool:
    """Say whether a credential's secret is a private key rather than an HMAC secret.

    True for PEM text of any kind, and for the bare base64 of a PKCS #8 Ed25519 key: it is as long as Binance's HMAC
    secrets, and used as one would only ever give refused signatures.
    """
    text = secret.strip()
    return text.startswith(("-----BEGIN ", _PKCS8_ED25519))


class Ed25519Signer:
    """Sign messages with an Ed25519 private key.

    ``private_key`` is text: PKCS #8 PEM (line ends may be the two characters ``\\n``, as environment files have them),
    the base64 of the same DER bytes, or base64 of the 32-byte seed, alone or followed by the 32-byte public key. Raises
    ``ConfigError`` for any other key, and where ``cryptography`` is not installed. Immutable; any number of threads may
    share one. Not picklable.

    See: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
    """

    __slots__ = ("__key",)

    algorithm = "ed25519"

    def __init__(self, private_key: str) -> None:
        if not isinstance(private_key, str):
            raise TypeError(f"private_key must be str, not {type(private_key).__name__}")
        self.__key = _load_ed25519(_key_bytes(private_key))

    def base64(self, message: str | bytes | bytearray | memoryview) -> str:
        """Return the signature of a str or bytes-like message as base64 text."""
        if isinstance(message, str):
            try:
                message = message.encode()
            except UnicodeEncodeError:
                raise ConfigError("message holds lone surrogates, which have no UTF-8 form") from None
        elif not isinstance(message, (bytes, bytearray, memoryview)):
            raise TypeError(f"message must be str or bytes-like, not {type(message).__name__}")
        return base64.b64encode(self.__key.sign(message)).decode("ascii")

    def __repr__(self) -> str:
        return "Ed25519Signer()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Ed25519Signer is not picklable: make one where it is used")


def _key_bytes(text: str) -> bytes:
    """Undo armour and base64. Errors never quote the text: it is a secret."""
    text = text.replace("\\n", "\n").strip()
    if armour := _ARMOUR.fullmatch(text):
        label, text = armour.groups()
        if label != "PRIVATE KEY":
            raise ConfigError(f"a PEM key must be an unencrypted PKCS #8 PRIVATE KEY, not {label}")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError("the private key is neither PEM nor base64") from None


def _load_ed25519(key: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_der_private_key
    except ImportError:
        raise ConfigError('Ed25519 keys need cryptography: pip install "tidewire[asymmetric]"') from None
    if len(key) in (32, 64):
        seed, public = key[:32], key[32:]
        loaded = Ed25519PrivateKey.from_private_bytes(seed)
        if public and loaded.public_key().public_bytes_raw() != public:
            raise ConfigError("the second half of the 64-byte private key is not the public key of the first")
        return loaded
    try:
        der = load_der_private_key(key, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{len(key)} bytes of private key are neither unencrypted PKCS #8 nor an Ed25519 seed"
        ) from None
    if not isinstance(der, Ed25519PrivateKey):
        kind = type(der).__name__.removesuffix("PrivateKey")
        raise ConfigError(f"the private key must be an Ed25519 key, not {kind}")
    return der
