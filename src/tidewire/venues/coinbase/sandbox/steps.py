"""The steps of an owner's orders, as Coinbase Exchange's ``user`` channel tells them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from ...._dialect import Exchange, OrderUpdate
from ....models import Fill, Order, OrderStatus, OrderType, Side
from .ask import iso
from .trading import own_id, wire_id

__all__ = ["steps"]


def steps(update: OrderUpdate, exchange: Exchange) -> Iterator[dict[str, Any]]:
    """Received; matched; open, once all that can match at once has; done."""
    order, fill = update.order, update.fill
    head = _head(update)
    if fill is not None:
        yield _match(update.owner, order, fill, head)
    elif order.status is OrderStatus.OPEN:
        yield _received(order, head)
    if order.status.is_final:
        yield _done(order, head)
    elif _comes_to_rest(order, fill, exchange, update.owner):
        yield {
            "type": "open",
            "order_id": wire_id(order.order_id),
            "price": f"{order.price:f}",
            "remaining_size": f"{order.remaining:f}",
            "side": order.side,
            **head,
        }


def _head(update: OrderUpdate) -> dict[str, Any]:
    user = str(uuid5(NAMESPACE_OID, update.owner))
    symbol = update.order.symbol
    return {
        "product_id": f"{symbol.base}-{symbol.quote}",
        "sequence": 0,
        "time": iso(update.time_ns),
        "user_id": user,
        "profile_id": user,
    }


def _comes_to_rest(order: Order, fill: Fill | None, exchange: Exchange, owner: str) -> bool:
    """Whether a limit order rests now, with just so much filled."""
    if order.type != OrderType.LIMIT or (fill is not None and fill.maker):
        return False
    now = exchange.order(owner, order.symbol, order_id=order.order_id)
    return now.filled == order.filled and not now.status.is_final


def _received(order: Order, head: dict[str, Any]) -> dict[str, Any]:
    price = {} if order.price is None else {"price": f"{order.price:f}"}
    return {
        "type": "received",
        "order_id": wire_id(order.order_id),
        "order_type": order.type,
        "size": f"{order.quantity:f}",
        **price,
        "side": order.side,
        "client_oid": own_id(order) or "",
        **head,
    }


def _match(owner: str, order: Order, fill: Fill, head: dict[str, Any]) -> dict[str, Any]:
    """``side`` is the maker's; whose fee is named tells which of the two orders is the owner's."""
    own, role, other = wire_id(order.order_id), "maker" if fill.maker else "taker", "taker" if fill.maker else "maker"
    maker_side = fill.side if fill.maker else Side.SELL if fill.side is Side.BUY else Side.BUY
    rate = (fill.fee or Decimal(0)) / (fill.price * fill.quantity)
    return {
        "type": "match",
        "trade_id": int(fill.fill_id),
        f"{role}_order_id": own,
        f"{other}_order_id": str(uuid5(NAMESPACE_OID, f"{other}/{fill.fill_id}")),
        "size": f"{fill.quantity:f}",
        "price": f"{fill.price:f}",
        "side": maker_side,
        **head,
        f"{role}_user_id": head["user_id"],
        f"{role}_profile_id": head["profile_id"],
        f"{role}_fee_rate": f"{rate.normalize():f}",
        "time": iso(fill.time_ns or 0),
    }


def _done(order: Order, head: dict[str, Any]) -> dict[str, Any]:
    price = {} if order.price is None else {"price": f"{order.price:f}"}
    return {
        "type": "done",
        "order_id": wire_id(order.order_id),
        "reason": "filled" if order.status is OrderStatus.FILLED else "canceled",
        "remaining_size": f"{order.remaining:f}",
        **price,
        "side": order.side,
        **head,
    }
