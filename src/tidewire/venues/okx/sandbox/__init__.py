"""OKX's dialect of the sandbox: the mirror image of its REST calls and streams, and as pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ...._call import Request, Response
from ...._dialect import Breach, Exchange, Limit, Session
from ....errors import Error
from ....symbols import Kind, Symbol
from . import market, trading
from .ask import Ask, authenticate, read_body, read_query
from .private import OKXPrivateSession
from .refusal import JSON, Refusal, envelope, refusal_of
from .stream import OKXSession

__all__ = ["DIALECT"]

_NOT_FOUND: Final = Refusal("50404", "Not Found", 404)
_BLOCKED: Final = Response(403, b"<html><body><h1>403 Forbidden</h1></body></html>", {"Content-Type": "text/html"})
_BATCH: Final = 20
_ELSEWHERE: Final = "other"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an address is metered as and does. ``limit`` is requests, or orders, per two seconds."""

    scope: str
    limit: int
    answer: Callable[[Ask], Any]
    is_private: bool = False


_GET: Final[Mapping[str, Endpoint]] = {
    "/public/time": Endpoint("time", 10, market.server_time),
    "/public/instruments": Endpoint("instruments", 20, market.instruments),
    "/public/funding-rate": Endpoint("funding-rate", 10, market.funding_rate),
    "/public/funding-rate-history": Endpoint("funding-rate-history", 10, market.funding_history),
    "/public/open-interest": Endpoint("open-interest", 20, market.open_interest),
    "/public/mark-price": Endpoint("mark-price", 10, market.mark_price),
    "/market/candles": Endpoint("candles", 40, market.candles),
    "/market/history-candles": Endpoint("history-candles", 20, market.history_candles),
    "/market/ticker": Endpoint("ticker", 20, market.ticker),
    "/market/tickers": Endpoint("tickers", 20, market.tickers),
    "/market/books": Endpoint("books", 40, market.book),
    "/market/books-full": Endpoint("books-full", 10, market.full_book),
    "/market/trades": Endpoint("trades", 100, market.trades),
    "/account/trade-fee": Endpoint("trade-fee", 5, trading.trade_fee, is_private=True),
    "/account/balance": Endpoint("balance", 10, trading.balance, is_private=True),
    "/account/positions": Endpoint("positions", 10, trading.positions, is_private=True),
    "/account/leverage-info": Endpoint("leverage-info", 20, trading.leverage, is_private=True),
    "/trade/order": Endpoint("order", 60, trading.order, is_private=True),
    "/trade/orders-pending": Endpoint("orders-pending", 60, trading.open_orders, is_private=True),
    "/trade/orders-history": Endpoint("orders-history", 40, trading.order_history, is_private=True),
    "/trade/orders-history-archive": Endpoint("orders-history-archive", 20, trading.order_history, is_private=True),
    "/trade/fills": Endpoint("fills", 60, trading.fills, is_private=True),
    "/trade/fills-history": Endpoint("fills-history", 10, trading.fills, is_private=True),
}
_POST: Final[Mapping[str, Endpoint]] = {
    "/trade/order": Endpoint("place-order", 60, trading.place, is_private=True),
    "/trade/batch-orders": Endpoint("batch-orders", 300, trading.place, is_private=True),
    "/trade/cancel-order": Endpoint("cancel-order", 60, trading.cancel, is_private=True),
    "/trade/cancel-batch-orders": Endpoint("cancel-batch-orders", 300, trading.cancel, is_private=True),
}


class OKXDialect:
    """REST under ``/api/v5`` and streams under ``/ws/v5``: spot, linear swaps and linear futures."""

    name = "okx"
    kinds: tuple[Kind, ...] = ("spot", "linear")
    ping_s = None  # the client pings, in words
    limits: Mapping[str, Limit] = {
        **{e.scope: Limit(e.limit, 2.0, bans=False) for e in (*_GET.values(), *_POST.values())},
        _ELSEWHERE: Limit(20, 2.0, bans=False),
    }

    def native(self, symbol: Symbol) -> str:
        """``BTC-USDT``, ``BTC-USDT-SWAP``, ``BTC-USDT-261225``."""
        pair = f"{symbol.base}-{symbol.quote}"
        return pair if symbol.settle is None else f"{pair}-{symbol.expiry or 'SWAP'}"

    def costs(self, request: Request) -> Mapping[str, int]:
        """One a request, but each order of a batch counts."""
        endpoint = _endpoint(request)
        if endpoint is None:
            return {_ELSEWHERE: 1}
        try:
            return {endpoint.scope: len(read_body(request)) if request.method == "POST" else 1}
        except Refusal:
            return {endpoint.scope: 1}

    def refund(self, request: Request, response: Response) -> Mapping[str, int]:
        """Nothing is given back."""
        return {}

    def answer(self, request: Request, exchange: Exchange) -> Response:
        """Route, authenticate, and answer in the envelope."""
        endpoint = _endpoint(request)
        if endpoint is None:
            return _NOT_FOUND.response()
        try:
            owner = authenticate(request, exchange) if endpoint.is_private else ""
            if request.method == "POST":
                return _answer_orders(request, exchange, endpoint, owner)
            return Response(200, envelope(endpoint.answer(Ask(exchange, read_query(request), owner))), JSON)
        except Refusal as refusal:
            return refusal.response()
        except Error as error:
            return refusal_of(error).response()

    def refuse(self, request: Request, breach: Breach) -> Response:
        """50011; an address that is blocked meets the network in front."""
        return _BLOCKED if breach.banned else Refusal("50011", "Too Many Requests", 429).response()

    def headers(self, request: Request, exchange: Exchange) -> Mapping[str, str]:
        """The venue reports no use of limits."""
        return {}

    def session(self, path: str, exchange: Exchange) -> Session | None:
        """``/ws/v5/public``, ``/ws/v5/business`` and ``/ws/v5/private``."""
        return OKXSession.open(path, exchange) or OKXPrivateSession.open(path, exchange)


def _endpoint(request: Request) -> Endpoint | None:
    path = urlsplit(request.url).path
    table = {"GET": _GET, "POST": _POST}.get(request.method, {})
    return table.get(path.removeprefix("/api/v5")) if path.startswith("/api/v5/") else None


def _answer_orders(request: Request, exchange: Exchange, endpoint: Endpoint, owner: str) -> Response:
    items = read_body(request)
    if len(items) > _BATCH:
        raise Refusal("51111", f"Maximum {_BATCH} orders can be placed in bulk.")
    expires = next((value for name, value in request.headers.items() if name.lower() == "exptime"), "")
    ask = Ask(exchange, {}, owner, int(expires) if expires.isdigit() else None)
    rows = [endpoint.answer(each) for each in ask.each(items)]
    return Response(200, envelope(rows, *trading.verdict(rows)), JSON)


DIALECT = OKXDialect()
