"""Coinbase Advanced's dialect of the sandbox: the mirror image of ``rest.py`` and ``stream.py``, and as pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from ...._call import Request, Response
from ...._dialect import Breach, Exchange, Limit, Session
from ....credentials import Credentials
from ....errors import Error
from ....symbols import Kind, Symbol
from . import market, token, trading
from .ask import Ask, read_body, read_query
from .refusal import JSON, UNAUTHORIZED, Refusal, bad, refusal_of
from .stream import CoinbaseAdvancedSession

__all__ = ["DIALECT", "ENDPOINTS"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an address takes and does."""

    method: str
    path: re.Pattern[str]
    answer: Callable[[Ask], Any]
    accepts: frozenset[str]
    is_private: bool


def _endpoint(line: str, answer: Callable[[Ask], Any], accepts: str = "", *, is_private: bool = False) -> Endpoint:
    """``line`` is method and path under ``/api/v3/brokerage``; ``{}`` stands for one segment."""
    method, _, path = line.partition(" ")
    pattern = re.compile("/api/v3/brokerage" + re.escape(path).replace(r"\{\}", "([^/]+)"))
    return Endpoint(method, pattern, answer, frozenset(accepts.split()), is_private)


def _private(line: str, answer: Callable[[Ask], Any], accepts: str = "") -> Endpoint:
    return _endpoint(line, answer, accepts, is_private=True)


# Only what is honoured is accepted: a parameter that the sandbox does not know is refused, not ignored.
_PRODUCTS: Final = "limit offset product_type product_ids"
_ORDERS: Final = "product_id product_ids product_type order_status start_date end_date limit cursor"
_FILLS: Final = "product_id product_ids start_sequence_timestamp end_sequence_timestamp limit cursor"
ENDPOINTS: Final = (
    _endpoint("GET /time", market.server_time),
    _endpoint("GET /market/products", market.products, _PRODUCTS),
    _endpoint("GET /market/products/{}", market.product),
    _endpoint("GET /market/products/{}/candles", market.candles, "start end granularity limit"),
    _endpoint("GET /market/products/{}/ticker", market.ticker, "limit"),
    _endpoint("GET /market/product_book", market.book, "product_id limit"),
    _private("GET /accounts", trading.accounts, "limit cursor"),
    _private("POST /orders", trading.create),
    _private("POST /orders/batch_cancel", trading.batch_cancel),
    _private("GET /orders/historical/batch", trading.orders, _ORDERS),
    _private("GET /orders/historical/fills", trading.fills, _FILLS),
    _private("GET /orders/historical/{}", trading.order),
    _private("GET /transaction_summary", trading.transaction_summary, "product_type"),
)


class CoinbaseAdvancedDialect:
    """Everything under ``/api/v3/brokerage``, and the market data feed."""

    name = "coinbase_advanced"
    kinds: tuple[Kind, ...] = ("spot",)
    ping_s = 30.0
    charges_quote: Literal[True] = True
    limits: Mapping[str, Limit] = {"public": Limit(10, 1, bans=False), "private": Limit(30, 1, bans=False)}

    def native(self, symbol: Symbol) -> str:
        """``BTC-USD``."""
        return f"{symbol.base}-{symbol.quote}"

    def issue_key(self, text: Callable[[str], str]) -> Credentials:
        """A CDP key with a P-256 secret; ``ConfigError`` without the ``cryptography`` package."""
        return token.issue_key(text)

    def costs(self, request: Request) -> Mapping[str, int]:
        """Every request costs one."""
        return {_scope(request): 1}

    def refund(self, request: Request, response: Response) -> Mapping[str, int]:
        """Nothing is given back."""
        return {}

    def answer(self, request: Request, exchange: Exchange) -> Response:
        """Route, authenticate, and answer in JSON."""
        found = _find(request)
        if found is None:
            return Refusal(404, "NOT_FOUND", "Not Found").response()
        endpoint, name = found
        try:
            owner = token.owner_of(request, exchange) if endpoint.is_private else ""
            query = read_query(request)
            if stray := query.keys() - endpoint.accepts:
                raise bad(f"the sandbox does not know {', '.join(sorted(stray))}")
            body = read_body(request) if endpoint.method == "POST" else {}
            result = endpoint.answer(Ask(exchange, name, query, owner, body))
        except token.Unauthorized:
            return UNAUTHORIZED
        except Refusal as refusal:
            return refusal.response()
        except Error as error:
            return refusal_of(error).response()
        return Response(200, json.dumps(result, separators=(",", ":")).encode(), JSON)

    def refuse(self, request: Request, breach: Breach) -> Response:
        """429, without a hint how long to wait."""
        return Refusal(429, "rate_limit_exceeded", "Rate limit exceeded").response()

    def headers(self, request: Request, exchange: Exchange) -> Mapping[str, str]:
        """The date, which alone tells a client whose token is stale what is wrong, and what is left of the limit."""
        usage = exchange.usage(_scope(request))
        return {
            "Date": formatdate(exchange.now_ns() // 10**9, usegmt=True),
            "x-ratelimit-limit": str(usage.limit.limit),
            "x-ratelimit-remaining": str(max(0, usage.limit.limit - usage.used)),
            "x-ratelimit-reset": f"{usage.resets_in_s:.0f}",
        }

    def session(self, path: str, exchange: Exchange) -> Session | None:
        """One address, whose subscriptions tell what flows."""
        return CoinbaseAdvancedSession(exchange) if urlsplit(path).path in ("", "/") else None


def _find(request: Request) -> tuple[Endpoint, str] | None:
    path = urlsplit(request.url).path
    for endpoint in ENDPOINTS:
        if endpoint.method == request.method and (match := endpoint.path.fullmatch(path)):
            return endpoint, unquote(match[1]) if match.groups() else ""
    return None


def _scope(request: Request) -> str:
    found = _find(request)
    return "private" if found is not None and found[0].is_private else "public"


DIALECT = CoinbaseAdvancedDialect()
