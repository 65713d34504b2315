"""Signatures of requests: HMAC in native code, Ed25519 and ES256 through ``cryptography`` where venues issue them."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NoReturn

from ._native import Signer, cpu_features
from .errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["Ed25519Signer", "Es256Signer", "Signer", "cpu_features", "is_private_key", "private_key_signer"]

Message = str | bytes | bytearray | memoryview

_ARMOUR = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*)-----END \1-----", re.DOTALL)
# Base64 of the 16 bytes that begin every PKCS #8 Ed25519 key with a 32-byte seed (RFC 8410, section 7), less the last,
# partial character.
_PKCS8_ED25519 = "MC4CAQAwBQYDK2VwBCIEI"
_BARE_ED25519 = (32, 64)  # bytes of a seed, alone or followed by the public key


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
        self.__key = _load_ed25519(_key_bytes(private_key, "PRIVATE KEY"))

    def digest(self, message: Message) -> bytes:
        """Return the 64-byte signature of a str or bytes-like message."""
        return self.__key.sign(_message_bytes(message))

    def base64(self, message: Message) -> str:
        """Return the signature of a str or bytes-like message as base64 text."""
        return base64.b64encode(self.digest(message)).decode("ascii")

    def __repr__(self) -> str:
        return "Ed25519Signer()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Ed25519Signer is not picklable: make one where it is used")


class Es256Signer:
    """Sign messages with an ECDSA P-256 private key over SHA-256: JSON Web Signatures' ES256.

    ``private_key`` is text: PEM of a SEC 1 ``EC PRIVATE KEY`` or a PKCS #8 ``PRIVATE KEY`` (line ends may be the two
    characters ``\\n``, as environment files have them), or the base64 of the same DER bytes. A signature is ``r`` and
    ``s``, 32 bytes each, and differs each time: ECDSA takes a fresh random number. Raises ``ConfigError`` for any other
    key, and where ``cryptography`` is not installed. Immutable; any number of threads may share one. Not picklable.

    See: https://www.rfc-editor.org/rfc/rfc7518#section-3.4
    """

    __slots__ = ("__key",)

    algorithm = "es256"

    def __init__(self, private_key: str) -> None:
        if not isinstance(private_key, str):
            raise TypeError(f"private_key must be str, not {type(private_key).__name__}")
        self.__key = _load_p256(_key_bytes(private_key, "PRIVATE KEY", "EC PRIVATE KEY"))

    def digest(self, message: Message) -> bytes:
        """Return the 64-byte signature, ``r`` then ``s``, of a str or bytes-like message."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        r, s = decode_dss_signature(self.__key.sign(_message_bytes(message), ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def base64(self, message: Message) -> str:
        """Return the signature of a str or bytes-like message as base64 text."""
        return base64.b64encode(self.digest(message)).decode("ascii")

    def __repr__(self) -> str:
        return "Es256Signer()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Es256Signer is not picklable: make one where it is used")


def private_key_signer(private_key: str) -> Ed25519Signer | Es256Signer:
    """Return the signer that a private key is for: P-256 or Ed25519, in any form that either signer takes.

    Raises ``ConfigError`` for any other key, and where ``cryptography`` is not installed.
    """
    key = _key_bytes(private_key, "PRIVATE KEY", "EC PRIVATE KEY")
    if len(key) in _BARE_ED25519:
        return Ed25519Signer(private_key)
    _, ec = _key_types()
    return Es256Signer(private_key) if isinstance(_load_der(key), ec) else Ed25519Signer(private_key)


def _message_bytes(message: Message) -> bytes | bytearray | memoryview:
    if isinstance(message, str):
        try:
            return message.encode()
        except UnicodeEncodeError:
            raise ConfigError("message holds lone surrogates, which have no UTF-8 form") from None
    if not isinstance(message, (bytes, bytearray, memoryview)):
        raise TypeError(f"message must be str or bytes-like, not {type(message).__name__}")
    return message


def _key_bytes(text: str, *labels: str) -> bytes:
    """Undo armour and base64. Errors never quote the text: it is a secret."""
    text = text.replace("\\n", "\n").strip()
    if armour := _ARMOUR.fullmatch(text):
        label, text = armour.groups()
        if label not in labels:
            raise ConfigError(f"a PEM key must be an unencrypted PKCS #8 {' or '.join(labels)}, not {label}")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError("the private key is neither PEM nor base64") from None


def _load_ed25519(key: bytes) -> Ed25519PrivateKey:
    ed25519, _ = _key_types()
    if len(key) in _BARE_ED25519:
        seed, public = key[:32], key[32:]
        loaded = ed25519.from_private_bytes(seed)
        if public and loaded.public_key().public_bytes_raw() != public:
            raise ConfigError("the second half of the 64-byte private key is not the public key of the first")
        return loaded
    der = _load_der(key)
    if not isinstance(der, ed25519):
        raise ConfigError(f"the private key must be an Ed25519 key, not {_type_name(der)}")
    return der


def _load_p256(key: bytes) -> EllipticCurvePrivateKey:
    _, ec = _key_types()
    der = _load_der(key)
    if not isinstance(der, ec):
        raise ConfigError(f"the private key must be a P-256 key, not {_type_name(der)}")
    if der.curve.name != "secp256r1":
        raise ConfigError(f"the private key must be on the curve P-256, not {der.curve.name}")
    return der


def _load_der(key: bytes) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(key, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{len(key)} bytes of private key are neither unencrypted PKCS #8 nor an Ed25519 seed"
        ) from None


def _key_types() -> tuple[type[Ed25519PrivateKey], type[EllipticCurvePrivateKey]]:
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise ConfigError('private keys need cryptography: pip install "tidewire[asymmetric]"') from None
    return Ed25519PrivateKey, EllipticCurvePrivateKey


def _type_name(key: PrivateKeyTypes) -> str:
    return type(key).__name__.removesuffix("PrivateKey")
