"""Binance's WebSocket API: the REST endpoints over one connection, and on spot the account's events.

See: https://developers.binance.com/docs/binance-spot-api-docs/websocket-api (read 2026-07-21) and
https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-api-general-info
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from ...._dialect import Breach, Event, Exchange, FollowsNoMarket
from ....errors import Error
from ....symbols import Kind
from .account import Accounts
from .ask import MS, Ask, authenticate_params, check_names, check_time
from .endpoints import ENDPOINTS, Endpoint
from .info import limit_refusal, rate_limits
from .refusal import Refusal, refusal_of

__all__ = ["ApiSession"]

_PATHS: Final[Mapping[str, Kind]] = {"/ws-api/v3": "spot", "/ws-fapi/v1": "linear"}
_METHODS: Final[Mapping[Kind, Mapping[str, tuple[str, str]]]] = {
    "spot": {
        "ping": ("GET", "/api/v3/ping"),
        "time": ("GET", "/api/v3/time"),
        "order.place": ("POST", "/api/v3/order"),
        "order.test": ("POST", "/api/v3/order/test"),
        "order.status": ("GET", "/api/v3/order"),
        "order.cancel": ("DELETE", "/api/v3/order"),
        "openOrders.status": ("GET", "/api/v3/openOrders"),
        "openOrders.cancelAll": ("DELETE", "/api/v3/openOrders"),
        "account.status": ("GET", "/api/v3/account"),
    },
    "linear": {
        "order.place": ("POST", "/fapi/v1/order"),
        "order.status": ("GET", "/fapi/v1/order"),
        "order.cancel": ("DELETE", "/fapi/v1/order"),
    },
}
_SESSION_WEIGHT: Final = 2
_OPTIONS: Final = frozenset({"apiKey", "returnRateLimits"})


class ApiSession(FollowsNoMarket):
    """One connection: who has logged on, and whose events it subscribed to."""

    def __init__(self, kind: Kind, exchange: Exchange) -> None:
        self._kind: Kind = kind
        self._accounts = Accounts(kind, exchange)
        self._opened_ns = exchange.now_ns()
        self._owner: str | None = None
        self._since_ns: int | None = None
        self._subscriptions: dict[int, str] = {}
        self._subscribed = 0
        self._own: dict[str, Callable[[Mapping[str, str], Exchange], Any]] = {"session.logon": self._log_on}
        if kind == "spot":
            self._own |= {
                "session.status": self._status,
                "session.logout": self._log_out,
                "session.subscriptions": self._list,
                "userDataStream.subscribe": self._subscribe,
                "userDataStream.subscribe.signature": self._subscribe_signed,
                "userDataStream.unsubscribe": self._unsubscribe,
            }

    @classmethod
    def open(cls, path: str, exchange: Exchange) -> ApiSession | None:
        """``/ws-api/v3`` is spot, ``/ws-fapi/v1`` futures."""
        kind = _PATHS.get(urlsplit(path).path)
        return None if kind is None else cls(kind, exchange)

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[str]:
        """Do what the request asks, or refuse it; either way under its id."""
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("params", {}), dict):
            return [_json({"id": None, "status": 400, "error": {"code": -1100, "msg": "Malformed request."}})]
        number, method = message.get("id"), str(message.get("method"))
        params = {name: _text(value) for name, value in message.get("params", {}).items()}
        endpoint = ENDPOINTS.get(_METHODS[self._kind].get(method, ("", "")))
        answer = self._answer(method, endpoint, params, exchange)
        if params.get("returnRateLimits") != "false":
            answer["rateLimits"] = self._rates(endpoint, exchange)
        return [_json({"id": number, **answer})]

    def publish(self, event: Event) -> Iterator[str]:
        """The events of every owner subscribed to."""
        for number, owner in self._subscriptions.items():
            data = self._accounts.render(event, owner)
            if data is not None:
                yield _json({"subscriptionId": number, "event": data})

    # Requests.

    def _answer(
        self, method: str, endpoint: Endpoint | None, params: Mapping[str, str], exchange: Exchange
    ) -> dict[str, Any]:
        costs = {f"{self._kind}-weight": _SESSION_WEIGHT}
        if endpoint is not None:
            costs = endpoint.costs(self._kind, params, exchange.limits)
        breach = exchange.charge(costs)
        if breach is not None:
            return _refused(limit_refusal(breach), breach, exchange.now_ns())
        try:
            result = self._do(method, endpoint, params, exchange)
        except Refusal as refusal:
            answer = _refused(refusal)
        except Error as error:
            answer = _refused(refusal_of(error, self._kind))
        else:
            answer = {"status": 200, "result": result}
        if endpoint is not None:
            exchange.refund(endpoint.refund(self._kind, answer["status"], exchange.limits))
        return answer

    def _do(self, method: str, endpoint: Endpoint | None, params: Mapping[str, str], exchange: Exchange) -> Any:
        if endpoint is None:
            if method not in self._own:
                raise Refusal(-1020, "This operation is not supported.")
            return self._own[method](params, exchange)
        owner = self._who(params, exchange) if endpoint.is_private else ""
        check_names(params, endpoint.accepts | _OPTIONS)
        return endpoint.answer(Ask(exchange, self._kind, params, owner))

    def _who(self, params: Mapping[str, str], exchange: Exchange) -> str:
        """The key that signed, or that has logged on."""
        if self._owner is None or "apiKey" in params:
            return authenticate_params(params, exchange)
        if not params.get("timestamp"):
            raise Refusal(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
        check_time(params, exchange.now_ns())
        return self._owner

    def _rates(self, endpoint: Endpoint | None, exchange: Exchange) -> list[dict[str, object]]:
        scopes = [f"{self._kind}-weight"]
        if endpoint is not None and endpoint.is_order:
            scopes = [*(s for s in exchange.limits if s.startswith(f"{self._kind}-orders")), *scopes]
        rows = rate_limits({scope: exchange.limits[scope] for scope in scopes}, self._kind)
        return [{**row, "count": exchange.usage(scope).used} for row, scope in zip(rows, scopes, strict=True)]

    # The session itself.

    def _log_on(self, params: Mapping[str, str], exchange: Exchange) -> Any:
        owner = authenticate_params(params, exchange)
        credentials = exchange.credentials(owner)
        if credentials is not None and not credentials.secret.startswith("-----BEGIN PUBLIC KEY"):
            raise Refusal(-4056, "HMAC_SHA256 API key is not supported.")
        self._owner, self._since_ns = owner, exchange.now_ns()
        return self._status(params, exchange)

    def _log_out(self, params: Mapping[str, str], exchange: Exchange) -> Any:
        self._owner = self._since_ns = None
        return self._status(params, exchange)

    def _status(self, params: Mapping[str, str], exchange: Exchange) -> Any:
        return {
            "apiKey": self._owner,
            "authorizedSince": None if self._since_ns is None else self._since_ns // MS,
            "connectedSince": self._opened_ns // MS,
            "returnRateLimits": True,
            "serverTime": exchange.now_ns() // MS,
            "userDataStream": bool(self._subscriptions),
        }

    def _list(self, params: Mapping[str, str], exchange: Exchange) -> Any:
        return [{"subscriptionId": number} for number in self._subscriptions]

    def _subscribe(self, params: Mapping[str, str], exchange: Exchange) -> Any:
        if self._owner is None:
            raise Refusal(-1002, "You are not authorized to execute this request.", 401)
        return self._follow(self._owner)

    def _subscribe_signed(self, params: Mapping[str, str], exchange: Exchange) -> Any:
        return self._follow(authenticate_params(params, exchange))

    def _follow(self, owner: str) -> Any:
        if owner in self._subscriptions.values():
            raise Refusal(-2035, "User Data Stream subscription already active.")
        number, self._subscribed = self._subscribed, self._subscribed + 1
        self._subscriptions[number] = owner
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Mapping[str, str], exchange: Exchange) -> Any:
        text = params.get("subscriptionId")
        if text is None:
            self._subscriptions.clear()
        elif self._subscriptions.pop(int(text) if text.isdigit() else -1, None) is None:
            raise Refusal(-2036, "User Data Stream subscription not active.")
        return {}


def _refused(refusal: Refusal, breach: Breach | None = None, now_ns: int = 0) -> dict[str, Any]:
    error: dict[str, Any] = {"code": refusal.code, "msg": refusal.message}
    if breach is not None:
        retry_ms = (now_ns + round(breach.retry_after_s * 1e9)) // MS
        error["data"] = {"serverTime": now_ns // MS, "retryAfter": retry_ms}
    return {"status": refusal.status, "error": error}


def _text(value: object) -> str:
    """A parameter as it is signed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
