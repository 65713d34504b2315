"""Binance's addresses: what each takes, weighs and does. Requests over HTTP and over the WebSocket API share them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ....symbols import Kind
from . import info, keys, market, trading
from .ask import Ask

__all__ = ["ENDPOINTS", "Endpoint"]

_MAY_FAIL: Final = 1  # weight of placing and cancelling: free when it succeeds, 1 when it fails (since 2026-04-02)

Weight = int | Callable[[Mapping[str, str]], int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an address takes, costs and does."""

    answer: Callable[[Ask], Any]
    accepts: frozenset[str]
    weight: Weight
    is_private: bool
    is_order: bool = False
    free_if_done: bool = False
    is_signed: bool = True

    def costs(self, kind: Kind, sent: Mapping[str, str], scopes: Iterable[str]) -> dict[str, int]:
        """Weight, and one order for a placement."""
        costs = {f"{kind}-weight": self.weight if isinstance(self.weight, int) else self.weight(sent)}
        if kind == "spot":
            costs["spot-raw"] = 1
        return costs | (dict.fromkeys(_orders(kind, scopes), 1) if self.is_order else {})

    def refund(self, kind: Kind, status: int, scopes: Iterable[str]) -> dict[str, int]:
        """Placing and cancelling cost nothing when they succeed; a refused order was none."""
        if status == 200:
            return {f"{kind}-weight": _MAY_FAIL} if self.free_if_done else {}
        return dict.fromkeys(_orders(kind, scopes), 1) if self.is_order else {}


def _orders(kind: Kind, scopes: Iterable[str]) -> list[str]:
    return [scope for scope in scopes if scope.startswith(f"{kind}-orders")]


def _open(answer: Callable[[Ask], Any], accepts: str, weight: Weight) -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), weight, False)


def _private(
    answer: Callable[[Ask], Any], accepts: str, weight: Weight, *, is_order: bool = False, free_if_done: bool = False
) -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), weight, True, is_order, free_if_done)


def _by_key(answer: Callable[[Ask], Any]) -> Endpoint:
    """Private, but by the key alone: nothing is signed."""
    return Endpoint(answer, frozenset(("listenKey",)), 1, True, is_signed=False)


def _steps(name: str, default: int, *steps: tuple[int, int]) -> Weight:
    """Weight by the size of a page: (up to, weight) pairs."""

    def weigh(sent: Mapping[str, str]) -> int:
        text = sent.get(name, "")
        size = int(text) if text.isdigit() else default
        return next((weight for most, weight in steps if size <= most), steps[-1][1])

    return weigh


def _by_symbols(one: int, some: tuple[tuple[int, int], ...], everything: int) -> Weight:
    """Weight by how many symbols are asked for."""

    def weigh(sent: Mapping[str, str]) -> int:
        if "symbol" in sent:
            return one
        if "symbols" in sent and some:
            count = sent["symbols"].count(",") + 1
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
    ("GET", "/api/v3/account/commission"): _private(trading.commission, "symbol", 20),
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
        trading.own_trades, f"{_PAGE} fromId", lambda sent: 5 if "orderId" in sent else 20
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
    ("GET", "/fapi/v1/commissionRate"): _private(trading.commission_rate, "symbol", 20),
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
    ("POST", "/fapi/v1/listenKey"): _by_key(keys.open_key),
    ("PUT", "/fapi/v1/listenKey"): _by_key(keys.renew_key),
    ("DELETE", "/fapi/v1/listenKey"): _by_key(keys.close_key),
    ("GET", "/fapi/v1/userTrades"): _private(trading.own_trades, f"{_PAGE} fromId", 5),
}
ENDPOINTS: Final = {**_SPOT, **_LINEAR}
