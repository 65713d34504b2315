"""Coinbase Exchange's private endpoints, answered from the neutral exchange."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from ...._dialect import Placement
from ....errors import OrderNotFound, WouldTakeLiquidity
from ....models import Fill, Instrument, Order, OrderStatus, OrderType, Side, TimeInForce
from .ask import Ask, Page, iso
from .refusal import Refusal

__all__ = [
    "account_id",
    "accounts",
    "cancel",
    "cancel_all",
    "fees",
    "fills",
    "new_order",
    "order",
    "orders",
    "own_id",
    "wire_id",
]

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TAIL: Final = "-7a1d-4e3c-8b5f-c01ba5e00000"  # of order ids; in front of it is the exchange's own number
_WORKING: Final = (OrderStatus.OPEN, OrderStatus.PARTIAL)


def fees(ask: Ask) -> Any:
    fee = ask.exchange.trading_fee(ask.exchange.instruments("spot")[0].symbol)
    return {"maker_fee_rate": f"{fee.maker:f}", "taker_fee_rate": f"{fee.taker:f}", "usd_volume": "0.00"}


def accounts(ask: Ask) -> Any:
    return [
        {
            "id": account_id(ask.owner, row.asset),
            "currency": row.asset,
            "balance": f"{row.total:.16f}",
            "hold": f"{row.locked:.16f}",
            "available": f"{row.free:.16f}",
            "profile_id": _profile(ask),
            "trading_enabled": True,
        }
        for row in ask.exchange.balances(ask.owner, "spot")
    ]


def account_id(owner: str, asset: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{owner}/{asset}"))


def new_order(ask: Ask) -> Any:
    """Taken, but still ``pending``; a post-only order that would take is ``rejected`` with status 200."""
    instrument = ask.instrument("product_id")
    placement = _placement(ask, instrument)
    try:
        placed = ask.exchange.place(ask.owner, placement)
    except WouldTakeLiquidity:
        return _rejected(ask, placement, instrument)
    return {**_terms(ask, placed), "filled_size": "0", "executed_value": "0", "status": "pending", "settled": False}


def _placement(ask: Ask, instrument: Instrument) -> Placement:
    side = ask.choice("side", ("buy", "sell"))
    kind = ask.choice("type", ("limit", "market"), "limit")
    force = ask.choice("time_in_force", ("GTC", "IOC", "FOK"), "GTC")
    post_only = ask.params.get("post_only", False)
    if not isinstance(post_only, bool):
        raise Refusal("post_only must be a boolean")
    if post_only and force != "GTC":
        raise Refusal("post only is not allowed with IOC and FOK")
    own_id = ask.text("client_oid")
    if own_id is not None and not _UUID.fullmatch(own_id):
        raise Refusal("client_oid must be a UUID")
    return Placement(
        symbol=instrument.symbol,
        side=Side(side),
        type=OrderType(kind),
        quantity=ask.decimal("size"),
        price=ask.decimal("price") if kind == "limit" else None,
        time_in_force=TimeInForce(force.lower()),
        post_only=post_only,
        client_order_id=own_id,
    )


def _rejected(ask: Ask, placement: Placement, instrument: Instrument) -> dict[str, object]:
    return {
        "id": str(uuid5(NAMESPACE_OID, f"{ask.owner}/{placement.client_order_id}/{ask.exchange.now_ns()}")),
        "price": f"{placement.price:f}",
        "size": f"{placement.quantity:f}",
        "product_id": instrument.native,
        "profile_id": _profile(ask),
        "side": placement.side,
        "type": placement.type,
        "time_in_force": "GTC",
        "post_only": True,
        "created_at": iso(ask.exchange.now_ns()),
        "reject_reason": "post only",
        "fill_fees": "0",
        "filled_size": "0",
        "executed_value": "0",
        "status": "rejected",
        "settled": False,
        **({} if placement.client_order_id is None else {"client_oid": placement.client_order_id}),
    }


def order(ask: Ask) -> Any:
    return _row(ask, _named(ask))


def cancel(ask: Ask) -> Any:
    found = _named(ask)
    product = ask.text("product_id")
    if product is not None and product.upper() != _product(found):
        raise OrderNotFound("not of this product")
    if found.status not in _WORKING:
        raise Refusal("Order already done")
    ask.exchange.cancel(ask.owner, found.symbol, order_id=found.order_id)
    return ask.needed("order").removeprefix("client:")


def cancel_all(ask: Ask) -> Any:
    wanted = [ask.instrument("product_id")] if "product_id" in ask.params else ask.exchange.instruments("spot")
    return [wire_id(row.order_id) for item in wanted for row in ask.exchange.cancel_all(ask.owner, item.symbol)]


def orders(ask: Ask) -> Page:
    """Working orders, or those of the states asked for. What ended without a fill is gone."""
    symbol = ask.instrument("product_id").symbol if "product_id" in ask.params else None
    states = set((ask.text("status") or "open,pending,active").split(","))
    if states - {"open", "pending", "active", "done", "all", "received", "rejected"}:
        raise Refusal("Invalid status")
    start, end = ask.time("start_date"), ask.time("end_date")
    rows = [
        row
        for row in ask.exchange.orders(ask.owner, "spot", symbol)
        if _is_kept(row)
        and ("all" in states or ("open" if row.status in _WORKING else "done") in states)
        and _within(row.created_ns or 0, start, end)
    ]
    return ask.page(rows[::-1], lambda row: int(row.order_id), lambda row: _row(ask, row))


def fills(ask: Ask) -> Page:
    if "product_id" not in ask.params and "order_id" not in ask.params:
        raise Refusal("either product_id or order_id is required")
    order_id = _number(ask.needed("order_id")) if "order_id" in ask.params else None
    wanted = [ask.instrument("product_id")] if "product_id" in ask.params else ask.exchange.instruments("spot")
    start, end = ask.time("start_date"), ask.time("end_date")
    rows = [
        row
        for item in wanted
        for row in ask.exchange.fills(ask.owner, item.symbol)
        if order_id in (None, row.order_id) and _within(row.time_ns or 0, start, end)
    ]
    rows.sort(key=lambda row: -int(row.fill_id))
    return ask.page(rows, lambda row: int(row.fill_id), lambda row: _fill(ask, row))


# An order, as the venue writes it.


def _row(ask: Ask, order: Order) -> dict[str, object]:
    row = {
        **_terms(ask, order),
        "fill_fees": f"{sum((fill.fee or Decimal(0) for fill in order.fills), Decimal(0)):.16f}",
        "filled_size": f"{order.filled or 0:f}",
        "executed_value": f"{order.quote_filled or 0:.16f}",
        "status": "open",
        "settled": False,
    }
    if order.status not in _WORKING:
        reason = "filled" if order.status is OrderStatus.FILLED else "canceled"
        row |= {"status": "done", "settled": True, "done_at": iso(order.updated_ns or 0), "done_reason": reason}
    return row


def _terms(ask: Ask, order: Order) -> dict[str, object]:
    limit = order.type == OrderType.LIMIT
    terms = {"price": f"{order.price:f}", "time_in_force": (order.time_in_force or "gtc").upper()} if limit else {}
    given = own_id(order)
    own = {} if given is None else {"client_oid": given}
    return {
        "id": wire_id(order.order_id),
        "size": f"{order.quantity:f}",
        "product_id": _product(order),
        "profile_id": _profile(ask),
        "side": order.side,
        "type": order.type,
        **terms,
        "post_only": bool(order.post_only),
        "created_at": iso(order.created_ns or 0),
        "fill_fees": "0",
        "market_type": "spot",
        **own,
    }


def _fill(ask: Ask, fill: Fill) -> dict[str, object]:
    return {
        "created_at": iso(fill.time_ns or 0),
        "trade_id": int(fill.fill_id),
        "product_id": f"{fill.symbol.base}-{fill.symbol.quote}",
        "order_id": wire_id(fill.order_id),
        "user_id": "5cf6e115aaf44503db300f1e",
        "profile_id": _profile(ask),
        "liquidity": "M" if fill.maker else "T",
        "price": f"{fill.price:f}",
        "size": f"{fill.quantity:f}",
        "fee": f"{fill.fee or 0:.16f}",
        "side": fill.side,
        "settled": True,
        "usd_volume": f"{fill.price * fill.quantity:.16f}",
        "market_type": "spot",
        "funding_currency": fill.symbol.quote,
    }


def _is_kept(order: Order) -> bool:
    return order.status in _WORKING or bool(order.filled)


def wire_id(order_id: str) -> str:
    """The venue's id of an order."""
    return f"{int(order_id):08x}{_TAIL}"


def own_id(order: Order) -> str | None:
    """The client order id; ``None`` where the client gave none."""
    return order.client_order_id if _UUID.fullmatch(order.client_order_id or "") else None


def _number(text: str) -> str:
    """The exchange's own number behind an order id."""
    if not _UUID.fullmatch(text):
        raise Refusal("Invalid order id")
    head, tail = text[:8], text[8:].lower()
    return str(int(head, 16)) if tail == _TAIL else ""


def _named(ask: Ask) -> Order:
    """The order that the path names, unless it has been forgotten."""
    name = ask.needed("order")
    own_id = name.removeprefix("client:") if name.startswith("client:") else None
    number = _number(name) if own_id is None else None
    rows: Sequence[Order] = ask.exchange.orders(ask.owner, "spot")
    for row in reversed(rows):
        if (row.order_id == number if own_id is None else row.client_order_id == own_id) and _is_kept(row):
            return row
    raise OrderNotFound("no such order")


def _product(order: Order) -> str:
    return f"{order.symbol.base}-{order.symbol.quote}"


def _profile(ask: Ask) -> str:
    return str(uuid5(NAMESPACE_OID, ask.owner))


def _within(time_ns: int, start: int | None, end: int | None) -> bool:
    """Both bounds are inclusive."""
    return (start is None or time_ns >= start) and (end is None or time_ns <= end)
