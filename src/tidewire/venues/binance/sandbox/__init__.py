"""Binance's dialect of the sandbox: the mirror image of ``rest.py`` and ``stream.py``, and as pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ...._call import Request, Response
from ...._dialect import Breach, Exchange, Limit, Session
from ....errors import Error
from ....symbols import Kind, Symbol
from .account import FuturesAccountSession
from .api import ApiSession
from .ask import Ask, authenticate, check_names, key_of, read_params
from .endpoints import ENDPOINTS, Endpoint
from .info import limit_refusal
from .refusal import JSON, Refusal, refusal_of
from .stream import BinanceSession

__all__ = ["DIALECT", "ENDPOINTS"]

_HTML: Final = {"Content-Type": "text/html"}
_NOT_FOUND: Final = Response(404, b"<html><body><h2>404 Not found</h2></body></html>", _HTML)


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
        kind, endpoint = _kind(request), _endpoint(request)
        if endpoint is None:
            return {f"{kind}-weight": 1}
        return endpoint.costs(kind, read_params(request), self.limits)

    def refund(self, request: Request, response: Response) -> Mapping[str, int]:
        """See ``Endpoint.refund``."""
        endpoint = _endpoint(request)
        return {} if endpoint is None else endpoint.refund(_kind(request), response.status, self.limits)

    def answer(self, request: Request, exchange: Exchange) -> Response:
        """Route, authenticate, and answer in JSON."""
        kind, endpoint, params = _kind(request), _endpoint(request), read_params(request)
        if endpoint is None:
            return _NOT_FOUND
        try:
            owner = ""
            if endpoint.is_private:
                owner = authenticate(request, params, exchange) if endpoint.is_signed else key_of(request, exchange)
            check_names(params, endpoint.accepts)
            result = endpoint.answer(Ask(exchange, kind, params, owner))
        except Refusal as refusal:
            return refusal.response()
        except Error as error:
            return refusal_of(error, kind).response()
        return Response(200, json.dumps(result, separators=(",", ":")).encode(), JSON)

    def refuse(self, request: Request, breach: Breach) -> Response:
        """429 with the seconds to wait; 418 once banned."""
        return limit_refusal(breach).response({"Retry-After": f"{breach.retry_after_s:g}"})

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
        """``/ws…`` and ``/stream…`` are spot; under ``/public``, ``/market`` and ``/private`` they are futures."""
        return (
            BinanceSession.open(path, exchange)
            or FuturesAccountSession.open(path, exchange)
            or ApiSession.open(path, exchange)
        )


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


DIALECT = BinanceDialect()
