"""HTX's private stream of swaps, version 5: who is asked for a signature, and what an owner is told.

See: https://www.htx.com/en-us/opend/newApiPages/?id=8cb89359-77b5-11ed-9966-195a208afe7
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode

from ...._call import Request
from ...._dialect import BalanceUpdate, Disconnect, Event, Exchange, FollowsNoMarket, OrderUpdate
from .ask import MS, authenticate
from .refusal import Refusal
from .reports import swap_order

__all__ = ["SwapAccountSession"]

_PATH: Final = "/ws/v5/notification"
_SIGNED: Final = ("AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp", "Signature")
_PATIENCE: Final = 5


class SwapAccountSession(FollowsNoMarket):
    """``/ws/v5/notification``: gzip frames, a login first, then ``orders`` of all contracts, or one, ``account``."""

    beat_s = 5.0

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._instruments = {each.symbol: each for each in exchange.instruments("linear")}
        self.host = ""
        self._owner = ""
        self._contracts: set[str] = set()  # whose orders are told
        self._tells_account = False
        self._unanswered = 0

    def beat(self, exchange: Exchange) -> Iterable[bytes]:
        if self._unanswered >= _PATIENCE:
            raise Disconnect(1003, "ping check expired")
        self._unanswered += 1
        return (self._pack({"op": "ping"}),)

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[bytes]:
        try:
            message = json.loads(text)
        except ValueError:
            return [self._pack({"op": "error", "err-code": 2002, "err-msg": "invalid json"})]
        word, topic = message.get("op"), message.get("topic")
        answer = {"op": word, "cid": message.get("cid"), "err-code": 0}
        if word == "pong":
            self._unanswered = 0
            return []
        if word == "auth":
            return [self._pack({**answer, "type": "api", **self._authenticate(message)})]
        if word not in ("sub", "unsub") or topic not in ("orders", "account"):
            return [self._pack({**answer, "topic": topic, "err-code": 2013, "err-msg": "topic is invalid"})]
        if not self._owner:
            return [self._pack({**answer, "topic": topic, "err-code": 2001, "err-msg": "authentication required"})]
        frames = [self._pack({**answer, "topic": topic})]
        if topic == "account":
            self._tells_account = word == "sub"
            frames += [self._account("snapshot")] if self._tells_account else []
        elif word == "sub":
            self._contracts.add(str(message.get("contract_code")).upper())
        else:
            self._contracts.discard(str(message.get("contract_code")).upper())
        return frames

    def publish(self, event: Event) -> Iterable[bytes]:
        match event:
            case OrderUpdate() if event.owner == self._owner and event.order.symbol in self._instruments:
                instrument = self._instruments[event.order.symbol]
                if self._contracts & {"*", instrument.native}:
                    row = swap_order(instrument, event.order)
                    yield self._notify("orders", {"contract_code": instrument.native, "data": row})
                if self._tells_account:  # margin was frozen or released
                    yield self._account("open_order")
            case BalanceUpdate() if event.owner == self._owner and event.kind == "linear" and self._tells_account:
                yield self._account("filled")

    def _authenticate(self, message: dict[str, Any]) -> dict[str, Any]:
        query = urlencode({name: str(message.get(name, "")) for name in _SIGNED})
        try:
            self._owner = authenticate(Request("GET", f"https://{self.host}{_PATH}?{query}"), self._exchange)
        except Refusal:
            return {"err-code": 2003, "err-msg": "Authentication failed"}
        return {"data": {"user-id": "41312018"}}

    def _account(self, why: str) -> bytes:
        """What the account holds: of each asset not, what is free of it to open positions with."""
        details = [
            {"currency": row.asset, "equity": f"{row.total:f}", "available": f"{row.total:f}"}
            for row in self._exchange.balances(self._owner, "linear")
        ]
        return self._notify("account", {"contract_code": "", "event": why, "data": {"details": details}})

    def _notify(self, topic: str, body: dict[str, Any]) -> bytes:
        return self._pack({"op": "notify", "topic": topic, "uid": "41312018", **body})

    def _pack(self, message: dict[str, Any]) -> bytes:
        stamped = {**message, "ts": self._exchange.now_ns() // MS}
        return gzip.compress(json.dumps(stamped, separators=(",", ":")).encode(), compresslevel=1, mtime=0)
