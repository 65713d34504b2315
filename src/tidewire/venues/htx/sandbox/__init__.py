"""HTX's dialect of the sandbox: the mirror image of the venue's verbs, and as pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from ...._call import Request, Response
from ...._dialect import Breach, Exchange, Limit, Session
from ....errors import Error
from ....symbols import Kind, Symbol
from . import market, swaps, trading
from .ask import MS, Ask, authenticate, check_names, read_params
from .refusal import JSON, Envelope, Refusal, refusal_of
from .stream import open_session

__all__ = ["DIALECT"]

_NOT_FOUND: Final = Response(404, b"<html><body><h1>404 Not Found</h1></body></html>", {"Content-Type": "text/html"})
_encode = msgspec.json.Encoder(decimal_format="number").encode  # market data are bare numbers here
_STAR: Final = "*"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an address takes, counts as and does. ``piece`` names the variable part of its path."""

    answer: Callable[[Ask], Any]
    accepts: frozenset[str]
    scope: str
    envelope: Envelope
    is_private: bool
    piece: str = ""


def _spot(answer: Callable[[Ask], Any], accepts: str, scope: str) -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), f"spot-{scope}", "spot", False)


def _own(answer: Callable[[Ask], Any], accepts: str, scope: str, piece: str = "") -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), f"spot-{scope}", "spot", True, piece)


def _v2(answer: Callable[[Ask], Any], accepts: str, scope: str) -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), f"spot-{scope}", "v2", True)


def _swap(answer: Callable[[Ask], Any], accepts: str, scope: str = "market") -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), f"linear-{scope}", "swap", False)


def _v5(answer: Callable[[Ask], Any], accepts: str, scope: str) -> Endpoint:
    return Endpoint(answer, frozenset(accepts.split()), f"linear-{scope}", "v5", scope != "reference")


# Only what is honoured is accepted: a parameter that the sandbox does not know is refused, not ignored.
_PLACE = "account-id symbol type amount price client-order-id source"
_SWAP_PLACE = "contract_code margin_mode side type time_in_force volume price reduce_only client_order_id channel_code"
_IDS = "contract_code margin_mode order_id client_order_id"
_HISTORY = "contract_code margin_mode states start_time end_time limit"

_ENDPOINTS: Final[dict[tuple[str, str], Endpoint]] = {
    ("GET", "/v1/common/timestamp"): _spot(market.server_time, "", "reference"),
    ("GET", "/v1/common/symbols"): _spot(market.symbols, "", "reference"),
    ("GET", "/market/history/candles"): _spot(market.klines, "symbol period size from to", "klines"),
    ("GET", "/market/history/kline"): _spot(market.klines, "symbol period size", "klines"),
    ("GET", "/market/trade"): _spot(market.last_trade, "symbol", "price"),
    ("GET", "/market/history/trade"): _spot(market.trades, "symbol size", "trades"),
    ("GET", "/market/detail/merged"): _spot(market.merged, "symbol", "ticker"),
    ("GET", "/market/tickers"): _spot(market.spot_tickers, "", "tickers"),
    ("GET", "/market/depth"): _spot(market.depth, "symbol type depth", "depth"),
    ("GET", "/v2/reference/transact-fee-rate"): _v2(trading.fee_rates, "symbols", "fees"),
    ("GET", "/v1/account/accounts"): _own(trading.accounts, "", "accounts"),
    ("GET", "/v1/account/accounts/*/balance"): _own(trading.balance, "", "balance", "account-id"),
    ("POST", "/v1/order/orders/place"): _own(trading.place, _PLACE, "place"),
    ("GET", "/v1/order/openOrders"): _own(trading.open_orders, "account-id symbol size", "open"),
    ("GET", "/v1/order/orders"): _own(trading.orders, "symbol states start-time end-time size", "orders"),
    ("GET", "/v1/order/orders/getClientOrder"): _own(trading.order, "clientOrderId", "order"),
    ("GET", "/v1/order/orders/*"): _own(trading.order, "", "order", "order-id"),
    ("POST", "/v1/order/orders/*/submitcancel"): _own(trading.cancel, "", "cancel", "order-id"),
    ("POST", "/v1/order/orders/submitCancelClientOrder"): _own(trading.cancel_by_own_id, "client-order-id", "cancel"),
    ("POST", "/v1/order/orders/batchCancelOpenOrders"): _own(trading.cancel_all, "account-id symbol", "cancel"),
    ("GET", "/v1/order/matchresults"): _own(trading.fills, "symbol start-time end-time size", "fills"),
    ("GET", "/linear-swap-api/v1/swap_contract_info"): _swap(market.contracts, "business_type", "reference"),
    ("GET", "/linear-swap-ex/market/history/kline"): _swap(market.klines, "contract_code period size from to"),
    ("GET", "/linear-swap-ex/market/trade"): _swap(market.last_trade, "contract_code"),
    ("GET", "/linear-swap-ex/market/history/trade"): _swap(market.trades, "contract_code size"),
    ("GET", "/linear-swap-ex/market/detail/merged"): _swap(market.merged, "contract_code"),
    ("GET", "/linear-swap-ex/market/detail/batch_merged"): _swap(market.swap_tickers, "business_type"),
    ("GET", "/linear-swap-ex/market/depth"): _swap(market.depth, "contract_code type"),
    ("GET", "/v5/market/funding_rate"): _v5(swaps.funding_rate, "contract_code", "reference"),
    ("GET", "/v5/market/funding_rate_history"): _v5(
        swaps.funding_history, "contract_code start_time end_time limit", "reference"
    ),
    ("GET", "/v5/market/open_interest"): _v5(swaps.open_interest, "contract_code", "reference"),
    ("GET", "/v5/account/balance"): _v5(swaps.balance, "", "query"),
    ("GET", "/v5/trade/position/opens"): _v5(swaps.positions, "contract_code", "query"),
    ("GET", "/v5/trade/order"): _v5(swaps.order, _IDS, "query"),
    ("GET", "/v5/trade/order/opens"): _v5(swaps.open_orders, "contract_code margin_mode limit", "query"),
    ("GET", "/v5/trade/order/history"): _v5(swaps.orders, _HISTORY, "query"),
    ("GET", "/v5/trade/order/details"): _v5(swaps.fills, _HISTORY, "query"),
    ("POST", "/v5/trade/order"): _v5(swaps.place, _SWAP_PLACE, "trade"),
    ("POST", "/v5/trade/cancel_order"): _v5(swaps.cancel, "contract_code order_id client_order_id", "trade"),
    ("POST", "/v5/trade/cancel_all_orders"): _v5(swaps.cancel_all, "contract_code", "trade"),
}
_PUBLIC: Final = ("reference", "klines", "price", "ticker", "tickers", "depth", "trades", "fills", "fees")


class HtxDialect:
    """Spot and swap addresses on one port."""

    name = "htx"
    kinds: tuple[Kind, ...] = ("spot", "linear")
    ping_s = None
    limits: Mapping[str, Limit] = {
        **{f"spot-{name}": Limit(10, 1, bans=False) for name in _PUBLIC},
        **{f"spot-{name}": Limit(100, 2, bans=False) for name in ("accounts", "balance", "place", "cancel")},
        **{f"spot-{name}": Limit(50, 2, bans=False) for name in ("open", "order", "orders")},
        "linear-market": Limit(800, 1, bans=False),
        "linear-reference": Limit(120, 3, bans=False),
        "linear-query": Limit(36, 3, bans=False),
        "linear-trade": Limit(36, 3, bans=False),
    }

    def native(self, symbol: Symbol) -> str:
        """``btcusdt``; perpetuals ``BTC-USDT``, dated contracts ``BTC-USDT-261225``."""
        if symbol.kind == "spot":
            return (symbol.base + symbol.quote).lower()
        return "-".join(filter(None, (symbol.base, symbol.quote, symbol.expiry)))

    def costs(self, request: Request) -> Mapping[str, int]:
        """One request at its address (spot) or in its group (swaps)."""
        endpoint, _ = _find(request)
        return {} if endpoint is None else {endpoint.scope: 1}

    def refund(self, request: Request, response: Response) -> Mapping[str, int]:
        """Nothing is given back."""
        return {}

    def answer(self, request: Request, exchange: Exchange) -> Response:
        """Route, authenticate, and answer in JSON; refusals come with HTTP 200."""
        endpoint, piece = _find(request)
        if endpoint is None:
            return _NOT_FOUND
        kind: Kind = "linear" if endpoint.envelope in ("swap", "v5") else "spot"
        now_ms = exchange.now_ns() // MS
        try:
            owner = authenticate(request, exchange) if endpoint.is_private else ""
            params = read_params(request)
            check_names(params, endpoint.accepts)
            result = endpoint.answer(Ask(exchange, kind, {**params, **piece}, owner))
        except Refusal as refusal:
            return refusal.response(endpoint.envelope, now_ms)
        except Error as error:
            return refusal_of(error, kind).response(endpoint.envelope, now_ms)
        if endpoint.envelope == "v5":
            return Response(200, _encode({"code": 200, "message": "Success", "data": result, "ts": now_ms}), JSON)
        if endpoint.envelope == "v2":
            return Response(200, _encode({"code": 200, "data": result, "success": True}), JSON)
        whole = result if isinstance(result, market.Whole) else {"data": result}
        return Response(200, _encode({"status": "ok", **whole, "ts": now_ms}), JSON)

    def refuse(self, request: Request, breach: Breach) -> Response:
        """429, in the envelope of the address."""
        endpoint, _ = _find(request)
        envelope: Envelope = "spot" if endpoint is None else endpoint.envelope
        refusal = Refusal("rate-too-many-requests", 1032, "exceeded rate limit [超出访问频率限制]")
        response = refusal.response(envelope, breach.until_ns // MS, status=429)
        return Response(429, response.body, {**JSON, "Retry-After": f"{breach.retry_after_s:g}"})

    def headers(self, request: Request, exchange: Exchange) -> Mapping[str, str]:
        """What is left of the address's limit."""
        endpoint, _ = _find(request)
        if endpoint is None:
            return {}
        usage = exchange.usage(endpoint.scope)
        left, resets_ms = max(0, usage.limit.limit - usage.used), round(usage.resets_in_s * 1000)
        if endpoint.envelope in ("spot", "v2"):
            return {"X-HB-RateLimit-Requests-Remain": str(left), "X-HB-RateLimit-Requests-Expire": str(resets_ms)}
        return {
            "ratelimit-limit": str(usage.limit.limit),
            "ratelimit-interval": str(round(usage.limit.period_s * 1000)),
            "ratelimit-remaining": str(left),
            "ratelimit-reset": str(exchange.now_ns() // MS + resets_ms),
        }

    def session(self, path: str, exchange: Exchange) -> Session | None:
        """Market data of spot, its books, market data of swaps, and their notifications."""
        return open_session(path, exchange)


def _find(request: Request) -> tuple[Endpoint | None, Mapping[str, str]]:
    """The endpoint, and the variable part of its path by name."""
    path = urlsplit(request.url).path
    exact = _ENDPOINTS.get((request.method, path))
    if exact is not None:
        return exact, {}
    parts = path.split("/")
    for (method, pattern), endpoint in _ENDPOINTS.items():
        wanted = pattern.split("/")
        if method != request.method or not endpoint.piece or len(wanted) != len(parts):
            continue
        if all(want in (_STAR, part) for want, part in zip(wanted, parts, strict=True)):
            return endpoint, {endpoint.piece: parts[wanted.index(_STAR)]}
    return None, {}


DIALECT = HtxDialect()
