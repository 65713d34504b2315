"""Coinbase Exchange's dialect of the sandbox: the mirror image of ``rest.py`` and ``stream.py``, and as pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from ...._call import Request, Response
from ...._dialect import Breach, Exchange, Limit, Session
from ....errors import Error
from ....symbols import Kind, Symbol
from . import market, trading
from .ask import Ask, Page, authenticate, read_body, read_query
from .refusal import JSON, Refusal, refusal_of
from .stream import CoinbaseSession

__all__ = ["DIALECT", "ENDPOINTS", "Endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an address takes, is metered by, and does. Names in braces are parts of the path."""

    method: str
    path: str
    answer: Callable[[Ask], Any]
    accepts: str = ""
    scope: str = "private"

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The named parts of a path that is this endpoint's."""
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path), path)
        return found.groupdict() if found and method == self.method else None


def _open(path: str, answer: Callable[[Ask], Any], accepts: str = "") -> Endpoint:
    return Endpoint("GET", path, answer, accepts, "public")


# Only what is honoured is accepted: a parameter that the sandbox does not know is refused, not ignored.
_PAGE: Final = "before after limit"
_ORDER: Final = "client_oid product_id side type size price time_in_force post_only"
ENDPOINTS: Final = (
    _open("/time", market.server_time),
    _open("/currencies", market.currencies),
    _open("/products", market.products),
    _open("/products/{product}", market.product),
    _open("/products/{product}/candles", market.candles, "granularity start end"),
    _open("/products/{product}/ticker", market.ticker),
    _open("/products/{product}/stats", market.stats),
    _open("/products/{product}/book", market.book, "level"),
    _open("/products/{product}/trades", market.trades, _PAGE),
    Endpoint("GET", "/fees", trading.fees),
    Endpoint("GET", "/accounts", trading.accounts),
    Endpoint("GET", "/orders", trading.orders, f"{_PAGE} product_id status start_date end_date"),
    Endpoint(
        "POST", "/orders", trading.new_order, "client_oid product_id side type size price time_in_force post_only"
    ),
    Endpoint("DELETE", "/orders", trading.cancel_all, "product_id"),
    Endpoint("GET", "/orders/{order}", trading.order),
    Endpoint("DELETE", "/orders/{order}", trading.cancel, "product_id"),
    Endpoint("GET", "/fills", trading.fills, f"{_PAGE} product_id order_id start_date end_date", "fills"),
)


class CoinbaseDialect:
    """REST interface and feed. The rates are met as whole seconds, without the bursts that the venue grants."""

    name = "coinbase"
    kinds: tuple[Kind, ...] = ("spot",)
    ping_s = 30.0
    charges_quote: Literal[True] = True
    limits: Mapping[str, Limit] = {
        "public": Limit(10, 1, bans=False),
        "private": Limit(15, 1, bans=False),
        "fills": Limit(10, 1, bans=False),
    }

    def native(self, symbol: Symbol) -> str:
        """``BTC-USD``."""
        return f"{symbol.base}-{symbol.quote}"

    def costs(self, request: Request) -> Mapping[str, int]:
        """One, of what the endpoint is metered by."""
        found = _find(request)
        return {"public" if found is None else found[0].scope: 1}

    def refund(self, request: Request, response: Response) -> Mapping[str, int]:
        """Nothing is given back."""
        return {}

    def answer(self, request: Request, exchange: Exchange) -> Response:
        """Route, authenticate, and answer in JSON; pages carry their cursors as headers."""
        try:
            if not _header(request, "user-agent"):
                raise Refusal("User-Agent header is required.")
            found = _find(request)
            if found is None:
                raise Refusal("Route not found", 404)
            endpoint, parts = found
            owner = "" if endpoint.scope == "public" else authenticate(request, exchange)
            sent = read_body(request) if request.method == "POST" else read_query(request)
            if unknown := set(sent) - set(endpoint.accepts.split()):
                raise Refusal(f"{min(unknown)} is not a valid parameter")
            value = endpoint.answer(Ask(exchange, {**sent, **parts}, owner))
        except Refusal as refusal:
            return refusal.response()
        except Error as error:
            return refusal_of(error).response()
        rows, cursors = (value.rows, value.cursors) if isinstance(value, Page) else (value, {})
        headers = {**JSON, **{f"CB-{name}": cursor for name, cursor in cursors.items()}}
        return Response(200, json.dumps(rows, separators=(",", ":")).encode(), headers)

    def refuse(self, request: Request, breach: Breach) -> Response:
        """429 in words, without a time to wait; the firewall's page once banned."""
        if breach.banned:
            return Response(403, b"<html><body>Access denied</body></html>", {"Content-Type": "text/html"})
        word = "Public" if breach.scope == "public" else "Private"
        return Refusal(f"{word} rate limit exceeded", 429).response()

    def headers(self, request: Request, exchange: Exchange) -> Mapping[str, str]:
        """Nothing is reported about limits."""
        return {}

    def session(self, path: str, exchange: Exchange) -> Session | None:
        """One address, whose subscriptions tell what flows."""
        return CoinbaseSession(exchange) if urlsplit(path).path in ("", "/") else None


def _find(request: Request) -> tuple[Endpoint, dict[str, str]] | None:
    path = unquote(urlsplit(request.url).path)
    for endpoint in ENDPOINTS:
        parts = endpoint.match(request.method, path)
        if parts is not None:
            return endpoint, parts
    return None


def _header(request: Request, name: str) -> str:
    return next((value for key, value in request.headers.items() if key.lower() == name), "")


DIALECT = CoinbaseDialect()
