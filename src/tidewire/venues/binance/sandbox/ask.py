"""A request as Binance reads it: parameters with the venue's complaints, and the proof of who sent it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from ...._call import Request
from ...._dialect import Exchange
from ....credentials import Credentials
from ....models import Instrument
from ....symbols import Interval, Kind
from .refusal import Refusal

__all__ = ["MS", "Ask", "authenticate", "authenticate_params", "check_names", "check_time", "key_of", "read_params"]

MS: Final = 1_000_000
_PATTERNS: Final = {
    "symbol": r"^[A-Z0-9-_.]{1,20}$",
    "symbols": r"^\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\]$",
    "integer": r"^[0-9]{1,20}$",
    "decimal": r"^([0-9]{1,20})(\.[0-9]{1,20})?$",
    "id": r"^[a-zA-Z0-9-_:/.]{1,36}$",
}
_INTERVALS: Final = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"]
_SECURITY: Final = frozenset({"timestamp", "recvWindow", "signature"})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, ready to be answered. ``owner`` is the key that signed it, empty for public requests."""

    exchange: Exchange
    kind: Kind
    params: Mapping[str, str]
    owner: str = ""

    def text(self, name: str, pattern: str | None = None) -> str | None:
        """An optional parameter; -1100 unless its characters are legal, -1105 when it is sent empty."""
        value = self.params.get(name)
        if value == "":
            raise Refusal(-1105, f"Parameter '{name}' was empty.")
        if value is not None and pattern is not None and not re.match(_PATTERNS[pattern], value):
            raise Refusal(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '{_PATTERNS[pattern]}'."
            )
        return value

    def needed(self, name: str, pattern: str | None = None) -> str:
        """A mandatory parameter."""
        value = self.params.get(name)
        if not value:
            raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return self.text(name, pattern) or value

    def integer(self, name: str) -> int | None:
        """An optional whole number."""
        value = self.text(name, "integer")
        return None if value is None else int(value)

    def limit(self, default: int, most: int) -> int:
        """The page size: too large a one is cut silently, zero is refused."""
        value = self.integer("limit")
        if value == 0:
            raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(default if value is None else value, most)

    def decimal(self, name: str) -> Decimal | None:
        """An optional amount of at most eight decimals on spot."""
        value = self.text(name, "decimal")
        if value is None:
            return None
        if self.kind == "spot" and len(value.partition(".")[2].rstrip("0")) > 8:
            raise Refusal(-1111, f"Parameter '{name}' has too much precision.")
        return Decimal(value)

    def choice(self, name: str, options: tuple[str, ...], code: int, message: str) -> str:
        """A mandatory word out of a few."""
        value = self.needed(name)
        if value not in options:
            raise Refusal(code, message)
        return value

    def flag(self, name: str) -> bool:
        """An optional ``true`` or ``false``."""
        return (self.text(name) or "false").lower() == "true"

    def instrument(self) -> Instrument:
        """The mandatory ``symbol``."""
        return self.exchange.instrument(self.needed("symbol", "symbol"), self.kind)

    def instruments(self) -> list[Instrument]:
        """``symbol``, or the JSON list ``symbols``, or everything."""
        if self.text("symbol") is not None:
            return [self.instrument()]
        listed = self.text("symbols") if self.kind == "spot" else None
        if listed is None:
            return list(self.exchange.instruments(self.kind))
        try:
            names = json.loads(listed)
        except ValueError:
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or " " in listed:
            raise Refusal(
                -1100, f"Illegal characters found in parameter 'symbols'; legal range is '{_PATTERNS['symbols']}'."
            )
        return [self.exchange.instrument(name, self.kind) for name in names]

    def interval(self) -> Interval:
        """The mandatory kline interval."""
        value = self.needed("interval")
        if value not in _INTERVALS and not (value == "1s" and self.kind == "spot"):
            raise Refusal(-1120, "Invalid interval.")
        return Interval.parse(value)

    def window(self) -> tuple[int | None, int | None]:
        """``startTime`` and ``endTime``, inclusive milliseconds, as half-open nanoseconds."""
        start, end = self.integer("startTime"), self.integer("endTime")
        return (None if start is None else start * MS), (None if end is None else end * MS + 1)


def read_params(request: Request) -> dict[str, str]:
    """Parameters of the query and the form body; the query wins, as the venue documents."""
    query = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    body = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {**dict(body), **dict(query)}


def check_names(sent: Mapping[str, str], accepted: frozenset[str]) -> None:
    """-1104 when a parameter was sent that the endpoint does not read."""
    read = [name for name in sent if name in accepted or name in _SECURITY]
    if len(read) != len(sent):
        raise Refusal(
            -1104, f"Not all sent parameters were read; read '{len(read)}' parameter(s) but was sent '{len(sent)}'."
        )


def key_of(request: Request, exchange: Exchange) -> str:
    """Return the key that the request names, or refuse it: enough where nothing is signed."""
    key = next((value for name, value in request.headers.items() if name.lower() == "x-mbx-apikey"), "")
    return _known(key, exchange).key


def authenticate(request: Request, sent: Mapping[str, str], exchange: Exchange) -> str:
    """Return the key that signed the request, or refuse it: key, then signature, then time."""
    credentials = _known(key_of(request, exchange), exchange)
    query = urlsplit(request.url).query
    payload = _unsigned(query) + _unsigned(request.body.decode("latin-1"))
    return _prove(credentials, sent, payload.encode("latin-1"), exchange)


def authenticate_params(sent: Mapping[str, str], exchange: Exchange) -> str:
    """As ``authenticate``, for the WebSocket API: the sorted parameters are signed, key included, unencoded."""
    credentials = _known(sent.get("apiKey", ""), exchange)
    payload = "&".join(f"{name}={sent[name]}" for name in sorted(sent) if name != "signature")
    return _prove(credentials, sent, payload.encode(), exchange)


def _known(key: str, exchange: Exchange) -> Credentials:
    if not key:
        raise Refusal(-2014, "API-key format invalid.", 401)
    credentials = exchange.credentials(key)
    if credentials is None:
        raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    return credentials


def _prove(credentials: Credentials, sent: Mapping[str, str], payload: bytes, exchange: Exchange) -> str:
    for name in ("timestamp", "signature"):
        if not sent.get(name):
            raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    if not _is_valid(credentials.secret, payload, unquote(sent["signature"])):
        raise Refusal(-1022, "Signature for this request is not valid.")
    check_time(sent, exchange.now_ns())
    return credentials.key


def _unsigned(text: str) -> str:
    """The text as it was before the signature joined it."""
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def _is_valid(secret: str, payload: bytes, signature: str) -> bool:
    if not secret.startswith("-----BEGIN PUBLIC KEY"):
        expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())
    from cryptography.exceptions import InvalidSignature  # an extra: only asymmetric keys need it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = load_pem_public_key(secret.encode())
    try:
        if isinstance(public, Ed25519PublicKey):
            public.verify(b64decode(signature.replace(" ", "+")), payload)
            return True
    except (InvalidSignature, Base64Error):
        pass
    return False


def check_time(sent: Mapping[str, str], now_ns: int) -> None:
    """Refuse unless ``timestamp < serverTime + 1000 and serverTime - timestamp <= recvWindow``, in milliseconds."""
    values = []
    for name, fallback in (("timestamp", ""), ("recvWindow", "5000")):
        text = sent.get(name, fallback)
        if not re.match(r"^[0-9]{1,20}(\.[0-9]{1,3})?$", text):
            raise Refusal(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '{_PATTERNS['integer']}'."
            )
        values.append(Decimal(text))
    stamp, window = values
    if window > 60_000:
        raise Refusal(-1131, "recvWindow must be less than 60000.")
    server = now_ns // MS
    if stamp >= server + 1000:
        raise Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if server - stamp > window:
        raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
