"""HTX's private stream of spot: who is asked for a signature, and how an owner's orders and balances look.

See: https://huobiapi.github.io/docs/spot/v1/en/#websocket-asset-and-order
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ...._dialect import BalanceUpdate, Disconnect, Event, Exchange, FollowsNoMarket, OrderUpdate
from ....models import Balance, Instrument, Order, OrderType, Side
from .ask import MS, check_time
from .refusal import Refusal
from .reports import spot_state, spot_type

__all__ = ["AccountSession"]

_CHANNELS = ("orders#*", "accounts.update#2")
_ZERO = Decimal(0)
_PATIENCE = 3
_SIGNED = ("accessKey", "signatureMethod", "signatureVersion", "timestamp")


class AccountSession(FollowsNoMarket):
    """``/ws/v2``: text frames, a login first, then channels by name."""

    beat_s = 20.0

    def __init__(self, exchange: Exchange) -> None:
        self._instruments = {each.symbol: each for each in exchange.instruments("spot")}
        self.host = ""
        self._owner = ""
        self._channels: set[str] = set()
        self._unanswered = 0

    def beat(self, exchange: Exchange) -> Iterable[str]:
        if self._unanswered >= _PATIENCE:
            raise Disconnect(1003, "ping check expired")
        self._unanswered += 1
        return (_json({"action": "ping", "data": {"ts": exchange.now_ns() // MS}}),)

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[str]:
        try:
            message = json.loads(text)
            action, channel = message["action"], message.get("ch")
        except (ValueError, KeyError, TypeError):
            return [_json({"action": "push", "code": 400, "message": "invalid.json"})]
        if action == "pong":
            self._unanswered = 0
            return []
        if action == "req" and channel == "auth":
            return [self._authenticate(message.get("params", {}), exchange)]
        if channel not in _CHANNELS:
            return [_answer(action, 2001, channel, "invalid.topic")]
        if not self._owner:
            return [_answer(action, 2002, channel, "invalid.auth.state")]
        if action == "unsub":
            self._channels.discard(channel)
            return [_answer(action, 200, channel)]
        return list(self._follow(channel, exchange))

    def publish(self, event: Event) -> Iterable[str]:
        match event:
            case OrderUpdate() if event.owner == self._owner and event.order.symbol in self._instruments:
                if "orders#*" in self._channels:
                    instrument = self._instruments[event.order.symbol]
                    yield _json({"action": "push", "ch": "orders#*", "data": _order(instrument, event)})
            case BalanceUpdate() if event.owner == self._owner and event.kind == "spot":
                if "accounts.update#2" in self._channels:
                    yield from (_balance(row, event.time_ns // MS) for row in event.balances)

    def _authenticate(self, params: dict[str, Any], exchange: Exchange) -> str:
        credentials = exchange.credentials(str(params.get("accessKey", "")))
        signed = {name: str(params.get(name, "")) for name in _SIGNED}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in signed.items())
        try:
            check_time(signed["timestamp"], exchange.now_ns())
        except Refusal:
            credentials = None
        if credentials is None or signed["signatureVersion"] != "2.1" or params.get("authType") != "api":
            return _answer("req", 2002, "auth", "invalid.auth.state")
        payload = f"GET\n{self.host}\n/ws/v2\n{query}"
        digest = hmac.new(credentials.secret.encode(), payload.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(digest), str(params.get("signature", "")).encode()):
            return _answer("req", 2002, "auth", "auth.fail")
        self._owner = credentials.key
        return _answer("req", 200, "auth")

    def _follow(self, channel: str, exchange: Exchange) -> Iterator[str]:
        self._channels.add(channel)
        yield _answer("sub", 200, channel)
        if channel == "accounts.update#2":
            yield from (_balance(row, None) for row in exchange.balances(self._owner, "spot"))


def _order(instrument: Instrument, event: OrderUpdate) -> dict[str, Any]:
    order, fill = event.order, event.fill
    common: dict[str, Any] = {
        "symbol": instrument.native,
        "accountId": 1_000_000,
        "orderId": int(order.order_id),
        "clientOrderId": order.client_order_id or "",
        "orderSource": "spot-api",
        "orderPrice": f"{order.price or _ZERO:f}",
        "type": spot_type(order),
        "orderStatus": spot_state(order),
        **_size(order),
    }
    moment = event.time_ns // MS
    if fill is not None:
        return {
            **common,
            "eventType": "trade",
            "tradePrice": f"{fill.price:f}",
            "tradeVolume": f"{fill.quantity:f}",
            "tradeId": int(fill.fill_id),
            "tradeTime": (fill.time_ns or 0) // MS,
            "aggressor": not fill.maker,
            "execAmt": f"{order.filled or _ZERO:f}",
            "remainAmt": f"{(order.quantity or _ZERO) - (order.filled or _ZERO):f}",
        }
    if order.status.is_final:
        remains = (order.quantity or _ZERO) - (order.filled or _ZERO)
        done = {"execAmt": f"{order.filled or _ZERO:f}", "remainAmt": f"{remains:f}", "lastActTime": moment}
        return {**common, "eventType": "cancellation", **done}
    return {**common, "eventType": "creation", "orderCreateTime": (order.created_ns or 0) // MS}


def _size(order: Order) -> dict[str, str]:
    """A market buy is of some value, every other order of some size."""
    if order.type == OrderType.MARKET and order.side is Side.BUY:
        return {"orderValue": f"{order.quote_filled or _ZERO:f}"}
    return {"orderSize": f"{order.quantity or _ZERO:f}"}


def _balance(row: Balance, changed_ms: int | None) -> str:
    """At first what there is, without a time or a reason."""
    data = {
        "currency": row.asset.lower(),
        "accountId": 1_000_000,
        "balance": f"{row.total:f}",
        "available": f"{row.free:f}",
        "changeType": None if changed_ms is None else "order.match",
        "accountType": "trade",
        "seqNum": "1",
        "changeTime": changed_ms,
    }
    return _json({"action": "push", "ch": "accounts.update#2", "data": data})


def _answer(action: str, code: int, channel: object, message: str = "") -> str:
    body: dict[str, Any] = {"action": action, "code": code, "ch": channel}
    return _json({**body, "message": message} if message else {**body, "data": {}})


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
