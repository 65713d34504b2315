"""Binance's account events: how an owner's orders and balances look on the wire, and the futures' stream of them.

See: https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream and
https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from ...._dialect import BalanceUpdate, Event, Exchange, FollowsNoMarket, OrderUpdate, PassEnded, Private
from ....models import Instrument, Order, OrderStatus, OrderType, Position, Side
from ....symbols import Kind
from .ask import MS
from .reports import STATUS
from .text import price_text, quantity_text

__all__ = ["Accounts", "FuturesAccountSession"]

_ZERO: Final = Decimal(0)


class Accounts:
    """Renders what concerns owners of one kind of account."""

    def __init__(self, kind: Kind, exchange: Exchange) -> None:
        self._kind = kind
        self._instruments = {instrument.symbol: instrument for instrument in exchange.instruments(kind)}

    def render(self, event: Event, owner: str) -> dict[str, Any] | None:
        """The venue's event, or ``None`` when it concerns another owner or another kind of account."""
        if not isinstance(event, Private) or event.owner != owner:
            return None
        match event:
            case OrderUpdate() if event.order.symbol.kind == self._kind:
                instrument = self._instruments[event.order.symbol]
                return _report(instrument, event) if self._kind == "spot" else _trade_update(instrument, event)
            case BalanceUpdate() if event.kind == self._kind:
                return _position(event) if self._kind == "spot" else self._account_update(event)
            case PassEnded() if self._kind == "linear":
                return {"e": "listenKeyExpired", "E": event.time_ns // MS, "listenKey": event.text}
        return None

    def _account_update(self, event: BalanceUpdate) -> dict[str, Any]:
        moment = event.time_ns // MS
        rows = [
            # ``bc`` is the change without profit and fees: there are no transfers here.
            {"a": row.asset, "wb": f"{row.total:.8f}", "cw": f"{row.total:.8f}", "bc": "0"}
            for row in event.balances
        ]
        positions = [_holding(self._instruments[row.symbol], row) for row in event.positions]
        return {"e": "ACCOUNT_UPDATE", "T": moment, "E": moment, "a": {"B": rows, "P": positions, "m": "ORDER"}}


class FuturesAccountSession(FollowsNoMarket):
    """``/private/ws?listenKey=…[&events=…]``: everything flows unasked, for as long as the key is valid."""

    def __init__(self, exchange: Exchange, owner: str, events: frozenset[str]) -> None:
        self._accounts = Accounts("linear", exchange)
        self._owner, self._events = owner, events
        self._over = False

    @classmethod
    def open(cls, path: str, exchange: Exchange) -> FuturesAccountSession | None:
        """The session of a valid key; no other address of this form is answered."""
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        owner = exchange.pass_owner(query.get("listenKey", [""])[0])
        if parts.path != "/private/ws" or owner is None:
            return None
        return cls(exchange, owner, frozenset("/".join(query.get("events", [])).split("/")) - {""})

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[str]:
        """There is nothing to ask for."""
        return [json.dumps({"error": {"code": 2, "msg": "Invalid request: nothing can be asked for here"}})]

    def publish(self, event: Event) -> Iterator[str]:
        """The owner's events, until the key ends."""
        data = None if self._over else self._accounts.render(event, self._owner)
        if data is None:
            return
        self._over = isinstance(event, PassEnded)
        if not self._events or data["e"] in self._events or self._over:
            yield json.dumps(data, separators=(",", ":"))


def _report(instrument: Instrument, event: OrderUpdate) -> dict[str, Any]:
    """``executionReport``."""
    order, fill, canceled = event.order, event.fill, event.order.status is OrderStatus.CANCELED
    moment, working = event.time_ns // MS, not order.status.is_final
    created = (order.created_ns or 0) // MS
    return {
        "e": "executionReport",
        "E": moment,
        "s": instrument.native,
        # A cancel has a client id of its own; the order's moves to ``C``.
        "c": f"c{order.order_id}" if canceled else order.client_order_id,
        "S": (order.side or Side.BUY).upper(),
        "o": _type(order, "LIMIT_MAKER" if order.post_only else "LIMIT"),
        "f": (order.time_in_force or "gtc").upper(),
        "q": quantity_text(instrument, order.quantity or _ZERO),
        "p": price_text(instrument, order.price or _ZERO),
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": order.client_order_id if canceled else "",
        "x": _execution(event),
        "X": STATUS[order.status],
        "r": "NONE",
        "i": int(order.order_id),
        "l": quantity_text(instrument, fill.quantity if fill else _ZERO),
        "z": quantity_text(instrument, order.filled or _ZERO),
        "L": price_text(instrument, fill.price if fill else _ZERO),
        "n": f"{fill.fee or 0:.8f}" if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": moment if fill is None else (fill.time_ns or 0) // MS,
        "t": int(fill.fill_id) if fill else -1,
        "I": event.time_ns // 1000,
        "w": working,
        "m": bool(fill and fill.maker),
        "M": False,
        "O": created,
        "Z": f"{order.quote_filled or 0:.8f}",
        "Y": f"{fill.price * fill.quantity if fill else 0:.8f}",
        "Q": "0.00000000",
        **({"W": created} if working else {}),
        "V": "EXPIRE_MAKER",
    }


def _position(event: BalanceUpdate) -> dict[str, Any]:
    """``outboundAccountPosition``: absolute figures of what was touched."""
    moment = event.time_ns // MS
    rows = [{"a": row.asset, "f": f"{row.free:.8f}", "l": f"{row.locked:.8f}"} for row in event.balances]
    return {"e": "outboundAccountPosition", "E": moment, "u": moment, "B": rows}


def _trade_update(instrument: Instrument, event: OrderUpdate) -> dict[str, Any]:
    """``ORDER_TRADE_UPDATE``."""
    order, fill, moment = event.order, event.fill, event.time_ns // MS
    kind = _type(order, "LIMIT")
    body = {
        "s": instrument.native,
        "c": order.client_order_id,
        "S": (order.side or Side.BUY).upper(),
        "o": kind,
        "f": "GTX" if order.post_only else (order.time_in_force or "gtc").upper(),
        "q": quantity_text(instrument, order.quantity or _ZERO),
        "p": price_text(instrument, order.price or _ZERO),
        "ap": f"{order.average_price or 0:.8f}",
        "sp": "0",
        "x": _execution(event),
        "X": STATUS[order.status],
        "i": int(order.order_id),
        "l": quantity_text(instrument, fill.quantity if fill else _ZERO),
        "z": quantity_text(instrument, order.filled or _ZERO),
        "L": price_text(instrument, fill.price if fill else _ZERO),
        **({"n": f"{fill.fee or 0:.8f}", "N": fill.fee_asset} if fill else {}),
        "T": moment if fill is None else (fill.time_ns or 0) // MS,
        "t": int(fill.fill_id) if fill else 0,
        "b": "0",
        "a": "0",
        "m": bool(fill and fill.maker),
        "R": bool(order.reduce_only),
        "wt": "CONTRACT_PRICE",
        "ot": kind,
        "ps": "BOTH",
        "cp": False,
        "rp": f"{(fill.realized_pnl if fill else None) or 0:.8f}",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "EXPIRE_MAKER",
        "pm": "NONE",
        "gtd": 0,
    }
    return {"e": "ORDER_TRADE_UPDATE", "T": moment, "E": moment, "o": body}


def _holding(instrument: Instrument, row: Position) -> dict[str, Any]:
    entry = f"{row.entry_price or 0:.8f}"
    return {
        "s": instrument.native,
        "pa": str(row.quantity),
        "ep": entry,
        "bep": entry,
        "cr": "0",
        "up": f"{row.unrealized_pnl or 0:.8f}",
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
        "ma": instrument.symbol.settle,
    }


def _type(order: Order, limit: str) -> str:
    return "MARKET" if order.type == OrderType.MARKET else limit


def _execution(event: OrderUpdate) -> str:
    """``x``: what just happened, where ``X`` says how the order stands."""
    if event.fill is not None:
        return "TRADE"
    return STATUS[event.order.status] if event.order.status.is_final else "NEW"
