"""A request as OKX reads it: parameters with the venue's complaints, and the proof of who sent it."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from ...._call import Request
from ...._dialect import Exchange
from ....errors import UnknownSymbol
from ....models import Instrument
from ....symbols import Interval, Kind
from .refusal import Refusal
from .text import MS

__all__ = ["INTERVALS", "Ask", "authenticate", "inst_type", "read_body", "read_query"]

EXPIRY_S: Final = 30
INTERVALS: Final = {
    **{text: text for text in ("1s", "1m", "3m", "5m", "15m", "30m")},
    "1H": "1h",
    "2H": "2h",
    "4H": "4h",
    "6Hutc": "6h",
    "12Hutc": "12h",
    "1Dutc": "1d",
    "3Dutc": "3d",
    "1Wutc": "1w",
    "1Mutc": "1M",
    "3Mutc": "3M",
}
_KINDS: Final[Mapping[str, Kind]] = {"SPOT": "spot", "SWAP": "linear", "FUTURES": "linear"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, or one order of several, ready to be answered. ``owner`` is the key that signed it."""

    exchange: Exchange
    params: Mapping[str, Any]
    owner: str = ""
    expires_ms: int | None = None

    def each(self, items: Iterable[Mapping[str, Any]]) -> list[Ask]:
        """One ask for each order of a batch."""
        return [replace(self, params=item) for item in items]

    def text(self, name: str) -> str | None:
        """An optional parameter: sent empty is not sent."""
        value = self.params.get(name)
        return None if value is None or value == "" else str(value)

    def needed(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.text(name)
        if value is None:
            raise Refusal("50014", f"Parameter {name} cannot be empty.", 400)
        return value

    def choice(self, name: str, options: Iterable[str]) -> str:
        """A mandatory word out of a few."""
        value = self.needed(name)
        if value not in options:
            raise Refusal("51000", f"Parameter {name} error")
        return value

    def integer(self, name: str) -> int | None:
        """An optional whole number."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,19}", value):
            raise Refusal("51000", f"Parameter {name} error")
        return int(value)

    def decimal(self, name: str) -> Decimal:
        """A mandatory positive amount."""
        value = self.needed(name)
        if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", value) or not Decimal(value):
            raise Refusal("51000", f"Parameter {name} error")
        return Decimal(value)

    def limit(self, default: int, most: int, name: str = "limit") -> int:
        """The page size: too large a one is cut silently."""
        value = self.integer(name)
        if value == 0:
            raise Refusal("51000", f"Parameter {name} error")
        return min(default if value is None else value, most)

    def interval(self) -> Interval:
        """``bar``, of which only the UTC kinds are known here."""
        return Interval.parse(INTERVALS[self.choice("bar", INTERVALS) if self.text("bar") else "1m"])

    def instrument(self) -> Instrument:
        """The mandatory ``instId``."""
        native = self.needed("instId")
        for kind in ("linear", "spot"):
            try:
                return self.exchange.instrument(native, kind)
            except UnknownSymbol:
                continue
        raise UnknownSymbol(f"no instrument {native!r}")

    def listed(self) -> list[Instrument]:
        """Instruments of the mandatory ``instType``; only ``instId``'s where it is sent."""
        wanted = self.choice("instType", _KINDS)
        found = [i for i in self.exchange.instruments(_KINDS[wanted]) if inst_type(i) == wanted]
        if self.text("instId") is None:
            return found
        one = self.instrument()
        if one not in found:
            raise Refusal("51015", "Instrument ID does not match instrument type.")
        return [one]

    def between(self) -> tuple[int | None, int | None]:
        """``after`` (older than) and ``before`` (newer than), both exclusive milliseconds, as half-open nanoseconds."""
        older, newer = self.integer("after"), self.integer("before")
        return (None if newer is None else newer * MS + 1), (None if older is None else older * MS)

    def window(self) -> tuple[int, int]:
        """``begin`` and ``end``, inclusive milliseconds, as half-open nanoseconds."""
        begin, end = self.integer("begin"), self.integer("end")
        return (begin or 0) * MS, (2**63 - 1 if end is None else (end + 1) * MS)


def inst_type(instrument: Instrument) -> str:
    """The list that an instrument is in."""
    return "SPOT" if instrument.kind == "spot" else "FUTURES" if instrument.symbol.expiry else "SWAP"


def read_query(request: Request) -> dict[str, str]:
    """Parameters of the query."""
    return dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))


def read_body(request: Request) -> list[dict[str, Any]]:
    """The orders that a body holds: one object, or an array of them."""
    try:
        body: Any = json.loads(request.body)
    except ValueError:
        body = None
    items: list[Any] = body if isinstance(body, list) else [body]
    if not items or not all(isinstance(item, dict) for item in items):
        raise Refusal("50002", "JSON syntax error", 400)
    return items


def authenticate(request: Request, exchange: Exchange) -> str:
    """Return the key that signed the request, or refuse it: headers, key, passphrase, time, then signature."""
    sent = {name.lower(): value for name, value in request.headers.items()}
    for number, name in ((103, "KEY"), (104, "PASSPHRASE"), (106, "SIGN"), (107, "TIMESTAMP")):
        if not sent.get(f"ok-access-{name.lower()}"):
            raise Refusal(f"50{number}", f'Request header "OK-ACCESS-{name}" cannot be empty.', 401)
    credentials = exchange.credentials(sent["ok-access-key"])
    if credentials is None:
        raise Refusal("50111", "Invalid OK-ACCESS-KEY.", 401)
    if not hmac.compare_digest((credentials.passphrase or "").encode(), sent["ok-access-passphrase"].encode()):
        raise Refusal("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.', 401)
    time = sent["ok-access-timestamp"]
    _check_time(time, exchange.now_ns())
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    payload = time.encode() + request.method.encode() + target.encode() + request.body
    expected = b64encode(hmac.new(credentials.secret.encode(), payload, hashlib.sha256).digest())
    if not hmac.compare_digest(expected, sent["ok-access-sign"].encode()):
        raise Refusal("50113", "Invalid Sign", 401)
    return sent["ok-access-key"]


def _check_time(text: str, now_ns: int) -> None:
    try:
        moment = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=dt.UTC)
    except ValueError:
        raise Refusal("50112", "Invalid OK-ACCESS-TIMESTAMP", 401) from None
    if abs(moment.timestamp() - now_ns / 1e9) > EXPIRY_S:
        raise Refusal("50102", "Timestamp request expired", 401)
