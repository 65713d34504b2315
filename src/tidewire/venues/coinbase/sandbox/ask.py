"""A request as Coinbase Exchange reads it: its parameters with the venue's complaints, and the proof of who sent it."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from ...._call import Request
from ...._dialect import Exchange
from ....errors import ConfigError
from ....models import Instrument
from ....symbols import parse_time
from .refusal import Refusal

__all__ = ["Ask", "Page", "authenticate", "iso", "read_body", "read_query"]

T = TypeVar("T")
_NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_MOST: Final = 1000
_WINDOW_S: Final = 30


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and the cursors to the pages before (newer) and after (older) them."""

    rows: list[Any]
    cursors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, ready to be answered. ``owner`` is the key that signed it, empty for public requests."""

    exchange: Exchange
    params: Mapping[str, Any]
    owner: str = ""

    def text(self, name: str) -> str | None:
        """An optional parameter that is text."""
        value = self.params.get(name)
        if value is not None and not isinstance(value, str):
            raise Refusal(f"{name} must be a string")
        return value

    def needed(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.text(name)
        if not value:
            raise Refusal(f"{name} is required")
        return value

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        """A word out of a few."""
        value = self.needed(name) if default is None else self.text(name) or default
        if value not in options:
            raise Refusal(f"Invalid {name}")
        return value

    def integer(self, name: str, default: int) -> int:
        """An optional whole number."""
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"[0-9]{1,18}", value):
            raise Refusal(f"Invalid {name}")
        return int(value)

    def decimal(self, name: str) -> Decimal:
        """A mandatory amount."""
        value = self.needed(name)
        if not _NUMBER.fullmatch(value):
            raise Refusal(f"Invalid {name}")
        return Decimal(value)

    def time(self, name: str) -> int | None:
        """An optional time, ISO 8601 or Unix seconds, as nanoseconds."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return int(value) * 10**9 if re.fullmatch(r"[0-9]{1,10}", value) else parse_time(value)
        except ConfigError:
            raise Refusal(f"Invalid {name}") from None

    def instrument(self, name: str = "product") -> Instrument:
        """A mandatory product."""
        return self.exchange.instrument(self.needed(name).upper(), "spot")

    def page(self, newest_first: Sequence[T], key: Callable[[T], int], write: Callable[[T], Any]) -> Page:
        """A page of rows by ``limit`` and the cursors ``before`` and ``after``; ``key`` falls along the rows."""
        size = min(self.integer("limit", _MOST), _MOST)
        before, after = self.integer("before", 0), self.integer("after", 10**18)
        rows = [row for row in newest_first if before < key(row) < after]
        # Asked for what is newer, the venue gives the newest page all the same.
        shown = rows[:size]
        cursors = {"BEFORE": str(key(shown[0])), "AFTER": str(key(shown[-1]))} if shown else {}
        return Page([write(row) for row in shown], cursors)


def iso(time_ns: int) -> str:
    """``2026-01-31T12:00:00.123456Z``."""
    time = dt.datetime.fromtimestamp(time_ns // 10**9, dt.UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time_ns % 10**9 // 1000:06d}Z"


def read_query(request: Request) -> dict[str, str]:
    """Parameters of the query; repeated ones are joined by commas."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(request.url).query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def read_body(request: Request) -> dict[str, Any]:
    """Parameters of a JSON body."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal("Bad Request")
    return body


def authenticate(request: Request, exchange: Exchange) -> str:
    """Return the key that signed the request, or refuse it: key, passphrase, time, signature."""
    sent = {name.lower(): value for name, value in request.headers.items()}
    for name in ("key", "sign", "timestamp", "passphrase"):
        if not sent.get(f"cb-access-{name}"):
            raise Refusal(f"CB-ACCESS-{name.upper()} header is required", 401)
    key = sent["cb-access-key"]
    credentials = exchange.credentials(key)
    if credentials is None:
        raise Refusal("Invalid API Key", 401)
    if sent["cb-access-passphrase"] != credentials.passphrase:
        raise Refusal("Invalid Passphrase", 401)
    stamp = sent["cb-access-timestamp"]
    if not _NUMBER.fullmatch(stamp):
        raise Refusal("invalid timestamp", 401)
    if abs(Decimal(exchange.now_ns()).scaleb(-9) - Decimal(stamp)) > _WINDOW_S:
        raise Refusal("request timestamp expired", 401)
    parts = urlsplit(request.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    message = f"{stamp}{request.method}{path}".encode() + request.body
    if not _is_signature(sent["cb-access-sign"], credentials.secret, message):
        raise Refusal("invalid signature", 401)
    return key


def _is_signature(signature: str, secret: str, message: bytes) -> bool:
    expected = hmac.new(base64.b64decode(secret), message, hashlib.sha256).digest()
    try:
        return hmac.compare_digest(expected, base64.b64decode(signature, validate=True))
    except (binascii.Error, ValueError):
        return False
