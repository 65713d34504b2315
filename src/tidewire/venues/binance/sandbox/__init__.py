"""Binance's dialect of the sandbox: the mirror image of ``rest.py`` and ``stream.py``, and as pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ...._call import Request, Response
from ...._dialect import Breach, Exchange, Limit, Session
from ....errors import Error
from ....symbols import Kind, Symbol
from . import info, market, trading
from .ask import MS, Ask, authenticate, check_names, read_params
from .refusal import JSON, Refusal, refusal_of
from .stream import BinanceSession

__all__ = ["DIALECT", "ENDPOINTS"]

_HTML: Final = {"Content-Type": "text/html"}
_NOT_FOUND: Final = Response(404, b"<html><body><h2>404 Not found</h2></body></html>", _HTML)
_MAY_FAIL: Final = 1  # weight of placing and cancelling: free when it succeeds, 1 when it fails (since 2026-04-02)

Weight = int | Callable[[Mapping[str, str]], int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an address takes, costs and does."""

    answer: Callable[[Ask], Any]
    accepts: frozenset[str]
    weight: Weight
    is_private: bool
    is_order: bool
    free_if_done: bool


def _open(answer: Callable[[Ask], Any], accepts: str, weight: Weight) -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), weight, False, False, False)


def _private(
    answer: Callable[[Ask], Any], accepts: str, weight: Weight, *, is_order: bool = False, free_if_done: bool = False
) -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), weight, True, is_order, free_if_done)


def _steps(name: str, default: int, *steps: tuple[int, int]) -> Weight:
    """Weight by the size of a page: (up to, weight) pairs."""

    def weigh(params: Mapping[str, str]) -> int:
        text = params.get(name, "")
        size = int(text) if text.isdigit() else default
        return next((weight for most, weight in steps if size <= most), steps[-1][1])

    return weigh


def _by_symbols(one: int, some: tuple[tuple[int, int], ...], everything: int) -> Weight:
    """Weight by how many symbols are asked for."""

    def weigh(params: Mapping[str, str]) -> int:
        if "symbol" in params:
            return one
        if "symbols" in params and some:
            count = params["symbols"].count(",") + 1
            return next((weight for most, weight in some if count <= most), everything)
        return everything

    return weigh


# Only what is honoured is accepted: a parameter that the sandbox does not know is refused, not ignored.
_PAGE = "symbol orderId startTime endTime limit"
_ORDER = "symbol side type timeInForce quantity price newClientOrderId newOrderRespType"
_KLINES = "symbol interval startTime endTime limit"
_IDS = "symbol orderId origClientOrderId"
_TICKERS_SPOT = "symbol symbols"

_SPOT: Final[dict[tuple[str, str], Endpoint]] = {
    ("GET", "/api/v3/ping"): _open(market.ping, "", 1),
    ("GET", "/api/v3/time"): _open(market.server_time, "", 1),
    ("GET", "/api/v3/exchangeInfo"): _open(info.exchange_info, "symbol symbols", 20),
    ("GET", "/api/v3/depth"): _open(
        market.depth, "symbol limit", _steps("limit", 100, (100, 5), (500, 25), (1000, 50), (5000, 250))
    ),
    ("GET", "/api/v3/trades"): _open(market.trades, "symbol limit", 25),
    ("GET", "/api/v3/aggTrades"): _open(market.agg_trades, "symbol fromId startTime endTime limit", 4),
    ("GET", "/api/v3/klines"): _open(market.klines, _KLINES, 2),
    ("GET", "/api/v3/uiKlines"): _open(market.klines, _KLINES, 2),
    ("GET", "/api/v3/ticker/24hr"): _open(market.tickers, _TICKERS_SPOT, _by_symbols(2, ((20, 2), (100, 40)), 80)),
    ("GET", "/api/v3/ticker/price"): _open(market.prices, _TICKERS_SPOT, _by_symbols(2, (), 4)),
    ("GET", "/api/v3/ticker/bookTicker"): _open(market.best_quotes, _TICKERS_SPOT, _by_symbols(2, (), 4)),
    ("GET", "/api/v3/account"): _private(trading.account, "omitZeroBalances", 20),
    ("POST", "/api/v3/order"): _private(
        trading.new_order,
        f"{_ORDER} quoteOrderQty",
        _MAY_FAIL,
        is_order=True,
        free_if_done=True,
    ),
    ("POST", "/api/v3/order/test"): _private(trading.test_order, f"{_ORDER} quoteOrderQty", 1),
    ("DELETE", "/api/v3/order"): _private(trading.cancel, f"{_IDS} newClientOrderId", _MAY_FAIL, free_if_done=True),
    ("GET", "/api/v3/order"): _private(trading.order, _IDS, 4),
    ("GET", "/api/v3/openOrders"): _private(trading.open_orders, "symbol", _by_symbols(6, (), 80)),
    ("DELETE", "/api/v3/openOrders"): _private(trading.cancel_all, "symbol", _MAY_FAIL, free_if_done=True),
    ("GET", "/api/v3/allOrders"): _private(trading.all_orders, _PAGE, 20),
    ("GET", "/api/v3/myTrades"): _private(
        trading.own_trades, f"{_PAGE} fromId", lambda params: 5 if "orderId" in params else 20
    ),
    ("GET", "/api/v3/rateLimit/order"): _private(trading.order_counts, "", 40),
}
_LINEAR: Final[dict[tuple[str, str], Endpoint]] = {
    ("GET", "/fapi/v1/ping"): _open(market.ping, "", 1),
    ("GET", "/fapi/v1/time"): _open(market.server_time, "", 1),
    ("GET", "/fapi/v1/exchangeInfo"): _open(info.exchange_info, "", 1),
    ("GET", "/fapi/v1/depth"): _open(
        market.depth, "symbol limit", _steps("limit", 500, (50, 2), (100, 5), (500, 10), (1000, 20))
    ),
    ("GET", "/fapi/v1/trades"): _open(market.trades, "symbol limit", 5),
    ("GET", "/fapi/v1/aggTrades"): _open(market.agg_trades, "symbol fromId startTime endTime limit", 20),
    ("GET", "/fapi/v1/klines"): _open(
        market.klines, _KLINES, _steps("limit", 500, (99, 1), (499, 2), (1000, 5), (10**9, 10))
    ),
    ("GET", "/fapi/v1/ticker/24hr"): _open(market.tickers, "symbol", _by_symbols(1, (), 40)),
    ("GET", "/fapi/v1/ticker/price"): _open(market.prices, "symbol", _by_symbols(1, (), 2)),
    ("GET", "/fapi/v2/ticker/price"): _open(market.prices, "symbol", _by_symbols(1, (), 2)),
    ("GET", "/fapi/v1/ticker/bookTicker"): _open(market.best_quotes, "symbol", _by_symbols(2, (), 5)),
    ("GET", "/fapi/v1/premiumIndex"): _open(market.premium_index, "symbol", _by_symbols(1, (), 10)),
    ("GET", "/fapi/v1/fundingRate"): _open(market.funding_history, "symbol startTime endTime limit", 1),
    ("GET", "/fapi/v1/openInterest"): _open(market.open_interest, "symbol", 1),
    ("GET", "/fapi/v2/account"): _private(trading.linear_account, "", 5),
    ("GET", "/fapi/v3/account"): _private(trading.linear_account, "", 5),
    ("GET", "/fapi/v2/balance"): _private(trading.balances, "", 5),
    ("GET", "/fapi/v3/balance"): _private(trading.balances, "", 5),
    ("GET", "/fapi/v2/positionRisk"): _private(trading.positions, "symbol", 5),
    ("GET", "/fapi/v3/positionRisk"): _private(trading.positions, "symbol", 5),
    ("GET", "/fapi/v1/leverageBracket"): _private(trading.leverage_brackets, "symbol", 1),
    ("POST", "/fapi/v1/order"): _private(
        trading.new_order,
        f"{_ORDER} positionSide reduceOnly",
        0,
        is_order=True,
    ),
    ("DELETE", "/fapi/v1/order"): _private(trading.cancel, _IDS, 1),
    ("GET", "/fapi/v1/order"): _private(trading.order, _IDS, 1),
    ("GET", "/fapi/v1/openOrders"): _private(trading.open_orders, "symbol", _by_symbols(1, (), 40)),
    ("DELETE", "/fapi/v1/allOpenOrders"): _private(trading.cancel_all, "symbol", 1),
    ("GET", "/fapi/v1/allOrders"): _private(trading.all_orders, _PAGE, 5),
    ("GET", "/fapi/v1/userTrades"): _private(trading.own_trades, f"{_PAGE} fromId", 5),
}
ENDPOINTS: Final = {**_SPOT, **_LINEAR}


class BinanceDialect:
    """Spot under ``/api``, USD-M futures under ``/fapi``, both on one port."""

    name = "binance"
    kinds: tuple[Kind, ...] = ("spot", "linear")
    ping_s = 20.0
    limits: Mapping[str, Limit] = {
        "spot-weight": Limit(6000, 60),
        "spot-raw": Limit(300_000, 300),
        "spot-orders-10s": Limit(50, 10, bans=False),
        "spot-orders-1d": Limit(160_000, 86_400, bans=False),
        "linear-weight": Limit(2400, 60),
        "linear-orders-10s": Limit(300, 10, bans=False),
        "linear-orders-1m": Limit(1200, 60, bans=False),
    }

    def native(self, symbol: Symbol) -> str:
        """``BTCUSDT``, dated contracts ``BTCUSDT_261225``."""
        return symbol.base + symbol.quote + (f"_{symbol.expiry}" if symbol.expiry else "")

    def costs(self, request: Request) -> Mapping[str, int]:
        """Weight, and one order for each placement. Unknown addresses cost 1."""
        kind, endpoint, params = _kind(request), _endpoint(request), read_params(request)
        if endpoint is None:
            return {f"{kind}-weight": 1}
        weight = endpoint.weight if isinstance(endpoint.weight, int) else endpoint.weight(params)
        costs = {f"{kind}-weight": weight}
        if kind == "spot":
            costs["spot-raw"] = 1
        if endpoint.is_order:
            costs |= {scope: 1 for scope in self.limits if scope.startswith(f"{kind}-orders")}
        return costs

    def refund(self, request: Request, response: Response) -> Mapping[str, int]:
        """Placing and cancelling cost nothing when they succeed; a refused order was none."""
        endpoint, kind = _endpoint(request), _kind(request)
        if endpoint is None:
            return {}
        if response.status == 200:
            return {f"{kind}-weight": _MAY_FAIL} if endpoint.free_if_done else {}
        return {scope: 1 for scope in self.limits if endpoint.is_order and scope.startswith(f"{kind}-orders")}

    def answer(self, request: Request, exchange: Exchange) -> Response:
        """Route, authenticate, and answer in JSON."""
        kind, endpoint, params = _kind(request), _endpoint(request), read_params(request)
        if endpoint is None:
            return _NOT_FOUND
        try:
            owner = authenticate(request, params, exchange) if endpoint.is_private else ""
            check_names(params, endpoint.accepts)
            result = endpoint.answer(Ask(exchange, kind, params, owner))
        except Refusal as refusal:
            return refusal.response()
        except Error as error:
            return refusal_of(error, kind).response()
        return Response(200, json.dumps(result, separators=(",", ":")).encode(), JSON)

    def refuse(self, request: Request, breach: Breach) -> Response:
        """429 with the seconds to wait; 418 once banned."""
        limit, headers = breach.limit, {"Retry-After": f"{breach.retry_after_s:g}"}
        if breach.banned:
            return Refusal(
                -1003,
                f"Way too much request weight used; IP banned until {breach.until_ns // MS}. "
                "Please use WebSocket Streams for live updates to avoid bans.",
                418,
            ).response(headers)
        if "orders" in breach.scope:
            text = f"Too many new orders; current limit is {limit.limit} orders per {_span(limit)}."
            return Refusal(-1015, text, 429).response(headers)
        text = (
            f"Too much request weight used; current limit is {limit.limit} request weight per {_span(limit)}. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        return Refusal(-1003, text, 429).response(headers)

    def headers(self, request: Request, exchange: Exchange) -> Mapping[str, str]:
        """``X-MBX-USED-WEIGHT-1M`` on every answer, ``X-MBX-ORDER-COUNT-10S`` … on placements."""
        kind, endpoint = _kind(request), _endpoint(request)
        used = exchange.usage(f"{kind}-weight").used
        headers = {f"X-MBX-USED-WEIGHT-{_window(exchange.limits[f'{kind}-weight'])}": str(used)}
        if kind == "spot":
            headers["X-MBX-USED-WEIGHT"] = str(used)
        if endpoint is not None and endpoint.is_order:
            for scope, limit in exchange.limits.items():
                if scope.startswith(f"{kind}-orders"):
                    headers[f"X-MBX-ORDER-COUNT-{_window(limit)}"] = str(exchange.usage(scope).used)
        return headers

    def session(self, path: str, exchange: Exchange) -> Session | None:
        """``/ws…`` and ``/stream…`` are spot; under ``/public`` and ``/market`` they are futures."""
        return BinanceSession.open(path, exchange)


def _endpoint(request: Request) -> Endpoint | None:
    return ENDPOINTS.get((request.method, urlsplit(request.url).path))


def _kind(request: Request) -> Kind:
    return "linear" if urlsplit(request.url).path.startswith("/fapi") else "spot"


def _window(limit: Limit) -> str:
    """A limit's window as headers write it: ``1M``, ``10S``, ``1D``."""
    seconds, letter = next(
        (s, c) for s, c in ((86_400, "D"), (3600, "H"), (60, "M"), (1, "S")) if limit.period_s % s == 0
    )
    return f"{int(limit.period_s // seconds)}{letter}"


def _span(limit: Limit) -> str:
    row = info.rate_limits({"spot-weight": limit}, "spot")[0]
    return f"{row['intervalNum']} {row['interval']}"


DIALECT = BinanceDialect()
