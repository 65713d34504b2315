"""OKX's private stream connections: login, the account's events, and orders."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ...._dialect import Exchange, FollowsNoMarket
from ...._events import BalanceUpdate, Event, OrderUpdate
from ....models import Fill
from . import trading
from .ask import Ask, inst_type
from .talk import SECOND_NS, Talk, compact
from .text import native_code, number_text, size_text, stamp

__all__ = ["OKXPrivateSession"]

_PATH: Final = "/ws/v5/private"
_LISTS: Final = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION", "ANY")
_EXPIRY_NS: Final = 30 * SECOND_NS
# What each order operation is, and which limit of REST it shares.
_OPERATIONS: Final[Mapping[str, tuple[Callable[[Ask], dict[str, object]], str]]] = {
    "order": (trading.place, "place-order"),
    "batch-orders": (trading.place, "batch-orders"),
    "cancel-order": (trading.cancel, "cancel-order"),
    "batch-cancel-orders": (trading.cancel, "cancel-batch-orders"),
}
_NO_FILL: Final[Mapping[str, object]] = dict.fromkeys(
    ("fillPx", "tradeId", "fillTime", "fillFee", "fillFeeCcy", "execType", "fillPnl", "fillNotionalUsd"), ""
)


class OKXPrivateSession(FollowsNoMarket, Talk):
    """One connection: who logged in on it, and what it follows."""

    commands = ("login", "subscribe", "unsubscribe", *_OPERATIONS)

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._owner: str | None = None
        self._channels: dict[str, dict[str, str]] = {}
        listed = (item for kind in ("spot", "linear") for item in exchange.instruments(kind))
        self._items = {item.symbol: item for item in listed}
        self._natives = {native_code(item): item.native for item in self._items.values()}

    @classmethod
    def open(cls, path: str, exchange: Exchange) -> OKXPrivateSession | None:
        """``/ws/v5/private``."""
        return cls(exchange) if path.partition("?")[0] == _PATH else None

    def _obey(self, op: str, number: str, args: list[dict[str, Any]], message: Mapping[str, Any]) -> Iterator[str]:
        if op == "login":
            yield self._login(args[0] if args else {})
        elif self._owner is None:
            yield self._error(number, "60011", "Please log in")
        elif op in _OPERATIONS:
            yield self._operate(op, number, args, message, self._owner)
        else:
            for arg in args:
                yield from self._follow(op, number, {str(name): str(value) for name, value in arg.items()})

    def _login(self, proof: Mapping[str, Any]) -> str:
        time, now = str(proof.get("timestamp", "")), self._exchange.now_ns()
        credentials = self._exchange.credentials(str(proof.get("apiKey", "")))
        if credentials is None:
            return self._error("", "60005", "Invalid apiKey")
        if credentials.passphrase != proof.get("passphrase"):
            return self._error("", "60024", "Wrong passphrase")
        if not time.isdigit():
            return self._error("", "60004", "Invalid timestamp")
        if abs(int(time) * SECOND_NS - now) > _EXPIRY_NS:
            return self._error("", "60006", "Timestamp request expired")
        payload = f"{time}GET/users/self/verify".encode()
        expected = b64encode(hmac.new(credentials.secret.encode(), payload, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(expected, str(proof.get("sign", ""))):
            return self._error("", "60007", "Invalid sign")
        self._owner = credentials.key
        return compact({"event": "login", "code": "0", "msg": "", "connId": self._id})

    def _follow(self, op: str, number: str, arg: dict[str, str]) -> Iterator[str]:
        channel = arg.get("channel")
        if channel not in ("orders", "account") or (channel == "orders" and arg.get("instType") not in _LISTS):
            yield self._no_channel(number, arg)
            return
        yield self._told(op, number, arg)
        if op == "unsubscribe":
            self._channels.pop(compact(arg), None)
            return
        self._channels[compact(arg)] = arg
        if channel == "account" and self._owner is not None:
            yield self._account(arg, self._owner, None, "snapshot")

    def _operate(self, op: str, number: str, args: list[dict[str, Any]], message: Mapping[str, Any], owner: str) -> str:
        """An order operation: answered under its number, in the envelope of REST."""
        act, scope = _OPERATIONS[op]
        taken = stamp(self._exchange.now_ns())
        expires = str(message.get("expTime", ""))
        if self._exchange.charge({scope: len(args)}) is not None:
            rows, code, why = [], "50011", "Too Many Requests"
        else:
            ask = Ask(self._exchange, {}, owner, int(expires) if expires.isdigit() else None)
            rows = [act(each) for each in ask.each([self._named(arg) for arg in args])]
            code, why = trading.verdict(rows)
        done = stamp(self._exchange.now_ns())
        answer = {"id": number, "op": op, "code": code, "msg": why, "data": rows, "inTime": taken, "outTime": done}
        return compact(answer)

    def _named(self, arg: dict[str, Any]) -> dict[str, Any]:
        """Operations name markets by number, and take no ``instId`` any more."""
        return {**arg, "instId": self._natives.get(arg.get("instIdCode", 0), "")}

    # What the owner is told.

    def publish(self, event: Event) -> Iterator[str]:
        """Orders of the owner, and what each changes of the account."""
        for arg in self._channels.values():
            match event:
                case OrderUpdate(owner=self._owner) if arg["channel"] == "orders":
                    yield from self._order(arg, event)
                case OrderUpdate(owner=self._owner) if event.order.symbol.settle is not None:
                    yield self._account(arg, event.owner, {event.order.symbol.settle}, "event_update")
                case BalanceUpdate(owner=self._owner) if arg["channel"] == "account":
                    assets = {balance.asset for balance in event.balances}
                    yield self._account(arg, event.owner, assets, "event_update")

    def beat(self, exchange: Exchange) -> Iterator[str]:
        """The whole account, every few seconds: what contracts are worth changes without any event."""
        for arg in self._channels.values():
            if arg["channel"] == "account" and self._owner is not None:
                yield self._account(arg, self._owner, None, "snapshot")
        yield from super().beat(exchange)

    def _order(self, arg: dict[str, str], event: OrderUpdate) -> Iterator[str]:
        item = self._items[event.order.symbol]
        if arg["instType"] not in ("ANY", inst_type(item)) or arg.get("instId", item.native) != item.native:
            return
        fill = event.fill
        size = "0" if fill is None else size_text(item, fill.quantity)
        execution: Mapping[str, object] = _NO_FILL if fill is None else _execution(fill)
        happened = {"fillSz": size, **execution, "code": "0", "msg": ""}
        yield self._push({**arg, "uid": "446"}, {**trading.order_row(item, event.order), **happened})

    def _account(self, arg: dict[str, str], owner: str, assets: set[str] | None, kind: str) -> str:
        row = trading.account_row(self._exchange, owner, assets)
        return self._push({**arg, "uid": "446"}, row, eventType=kind, curPage=1, lastPage=True)


def _execution(fill: Fill) -> dict[str, object]:
    return {
        "fillPx": number_text(fill.price),
        "tradeId": fill.fill_id,
        "fillTime": stamp(fill.time_ns),
        "fillFee": number_text(None if fill.fee is None else -fill.fee),
        "fillFeeCcy": fill.fee_asset or "",
        "execType": "M" if fill.maker else "T",
        "fillPnl": number_text(fill.realized_pnl),
    }
