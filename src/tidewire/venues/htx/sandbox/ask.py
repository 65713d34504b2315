"""A request as HTX reads it: parameters with the venue's complaints, and the proof of who sent it."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from ...._call import Request
from ...._dialect import Exchange
from ....models import Instrument
from ....symbols import Kind
from .refusal import Refusal

__all__ = ["MS", "Ask", "authenticate", "check_names", "check_time", "read_params"]

MS: Final = 1_000_000
_AUTH: Final = ("AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp", "Signature")
_VALID_S: Final = 300


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, ready to be answered. ``owner`` is the key that signed it, empty for public requests."""

    exchange: Exchange
    kind: Kind
    params: Mapping[str, Any]
    owner: str = ""

    def text(self, name: str) -> str | None:
        """An optional parameter, as text."""
        value = self.params.get(name)
        return None if value is None or value == "" else str(value)

    def needed(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.text(name)
        if value is None:
            raise Refusal("validation-constraints-required", 1066, f"Field is missing: {name}.")
        return value

    def integer(self, name: str) -> int | None:
        """An optional whole number."""
        value = self.text(name)
        if value is not None and not value.isdigit():
            raise Refusal("validation-format-error", 1030, f"Format Error: {name}.")
        return None if value is None else int(value)

    def size(self, name: str, default: int, most: int) -> int:
        """A page's size; one that is too large is refused."""
        value = self.integer(name)
        if value is not None and not 1 <= value <= most:
            raise Refusal("invalid-parameter", 1030, f"invalid {name}, valid range: [1,{most}]")
        return default if value is None else value

    def decimal(self, name: str) -> Decimal | None:
        """An optional amount."""
        value = self.text(name)
        try:
            return None if value is None else Decimal(value)
        except InvalidOperation:
            raise Refusal("invalid-amount", 1041, f"Paramemter `{name}` is invalid.") from None

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        """A mandatory word out of a few."""
        value = self.needed(name)
        if value not in options:
            raise Refusal("invalid-parameter", 1034, f"invalid {name}")
        return value

    def instrument(self) -> Instrument:
        """The mandatory market."""
        return self.exchange.instrument(self.needed("symbol" if self.kind == "spot" else "contract_code"), self.kind)

    def window(self, start: str, end: str) -> tuple[int | None, int | None]:
        """Inclusive milliseconds, as half-open nanoseconds."""
        first, last = self.integer(start), self.integer(end)
        return (None if first is None else first * MS), (None if last is None else (last + 1) * MS)


def read_params(request: Request) -> dict[str, Any]:
    """Parameters of the query, without those of the signature, or of the JSON body."""
    query = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    params: dict[str, Any] = {name: value for name, value in query if name not in _AUTH}
    if request.body:
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refusal("bad-request", 1030, "The body is no JSON object.")
        params |= body
    return params


def check_names(sent: Mapping[str, Any], accepted: frozenset[str]) -> None:
    """Refuse parameters that the endpoint does not read."""
    stray = sorted(set(sent) - accepted)
    if stray:
        raise Refusal("bad-request", 1030, f"The sandbox does not know {', '.join(stray)} here.")


def authenticate(request: Request, exchange: Exchange) -> str:
    """Return the key that signed the request, or refuse it: key, then time, then signature over the host called."""
    parts = urlsplit(request.url)
    sent = dict(parse_qsl(parts.query, keep_blank_values=True))
    credentials = exchange.credentials(sent.get("AccessKeyId", ""))
    if credentials is None:
        raise _invalid("Incorrect Access key [Access key错误]")
    if (sent.get("SignatureMethod"), sent.get("SignatureVersion")) != ("HmacSHA256", "2"):
        raise _invalid("Incorrect Signature Method or Version [签名方法或版本错误]")
    check_time(sent.get("Timestamp", ""), exchange.now_ns())
    host = next((value for name, value in request.headers.items() if name.lower() == "host"), parts.netloc)
    signed = sorted((name, value) for name, value in sent.items() if name != "Signature")
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in signed)
    payload = "\n".join((request.method, host.lower(), parts.path, query))
    digest = hmac.new(credentials.secret.encode(), payload.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest), sent.get("Signature", "").encode()):
        raise _invalid("Verification failure [校验失败]")
    return credentials.key


def check_time(stamp: str, now_ns: int) -> None:
    """Refuse all but whole seconds of UTC, at most five minutes off."""
    try:
        then = dt.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=dt.UTC).timestamp()
    except ValueError:
        then = 0.0
    if abs(then - now_ns / 1e9) > _VALID_S:
        raise _invalid("Invalid submission time or incorrect time format [无效的提交时间，或时间格式错误]")


def _invalid(why: str) -> Refusal:
    return Refusal("api-signature-not-valid", 1003, f"Signature not valid: {why}")
