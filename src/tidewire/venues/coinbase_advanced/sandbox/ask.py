"""A request as Coinbase Advanced reads it: path, query and JSON body, with the venue's complaints."""

from __future__ import annotations

import datetime as dt
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from ...._call import Request
from ...._dialect import Exchange
from ....models import Instrument
from .refusal import bad

__all__ = ["Ask", "iso", "number", "read_body", "read_query"]

T = TypeVar("T")
S: Final = 10**9


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, ready to be answered. ``name`` is the path's last part where it varies; ``owner`` signed it."""

    exchange: Exchange
    name: str
    query: Mapping[str, Sequence[str]]
    owner: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """An optional parameter."""
        values = self.query.get(name)
        return None if not values else values[-1]

    def needed(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.text(name)
        if not value:
            raise bad(f"{name} is required")
        return value

    def integer(self, name: str) -> int | None:
        """An optional whole number."""
        value = self.text(name)
        if value is not None and not (value.isascii() and value.isdigit()):
            raise bad(f"{name} must be a whole number")
        return None if value is None else int(value)

    def limit(self, default: int, most: int) -> int:
        """The page size."""
        value = self.integer("limit")
        if value is not None and not 1 <= value <= most:
            raise bad(f"limit must be between 1 and {most}")
        return default if value is None else value

    def time(self, name: str) -> int | None:
        """An optional RFC 3339 time, as UTC nanoseconds."""
        value = self.text(name)
        if value is None:
            return None
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            raise bad(f"{name} must be an RFC 3339 time") from None
        if moment.tzinfo is None:
            raise bad(f"{name} must be an RFC 3339 time with a zone")
        return round(moment.timestamp() * 10**6) * 1000

    def instrument(self, native: str) -> Instrument:
        """What a product id stands for."""
        return self.exchange.instrument(native, "spot")

    def products(self) -> list[Instrument] | None:
        """The products named by ``product_ids`` or ``product_id``; ``None`` if none are."""
        names = [*self.query.get("product_ids", ()), *self.query.get("product_id", ())]
        return [self.instrument(name) for name in names] or None

    def page(self, rows: Sequence[T], size: int) -> tuple[Sequence[T], bool, str]:
        """The rows at the cursor, whether more follow, and the cursor of those."""
        start = self._offset()
        end = start + size
        more = end < len(rows)
        return rows[start:end], more, urlsafe_b64encode(str(end).encode()).decode() if more else ""

    def _offset(self) -> int:
        cursor = self.text("cursor")
        try:
            return int(urlsafe_b64decode(cursor)) if cursor else 0
        except ValueError:
            raise bad("cursor is not one of ours") from None


def read_query(request: Request) -> dict[str, list[str]]:
    """Parameters by name; those sent several times keep all their values."""
    return parse_qs(urlsplit(request.url).query, keep_blank_values=True)


def read_body(request: Request) -> dict[str, Any]:
    """The JSON object of a POST."""
    try:
        value = json.loads(request.body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad("the body must be a JSON object")
    return value


def number(values: Mapping[str, Any], name: str) -> Decimal | None:
    """An optional number of the body, which the venue takes as text only."""
    value = values.get(name)
    if value is None or value == "":
        return None
    try:
        parsed = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        parsed = None
    if parsed is None or not parsed.is_finite():
        raise bad(f"{name} must be a number as text")
    return parsed


def iso(time_ns: int) -> str:
    """``2026-04-07T00:28:58.544778Z``."""
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=time_ns // 1000)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
