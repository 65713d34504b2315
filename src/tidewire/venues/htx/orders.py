"""A new order on HTX: which words and numbers it is made of, and what is known of it once it is taken."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal
from uuid import uuid4

from ..._order import NewOrder, plain
from ...errors import ConfigError, FilterViolation, NotSupported
from ...models import Order, OrderStatus, OrderType, TimeInForce
from ...symbols import Kind
from .wire import EXACT, VENUE

__all__ = ["MARGIN", "acknowledged", "new_id", "spot_terms", "swap_id", "swap_terms"]

MARGIN = "cross"
_LONGEST_OWN_ID = 64
_FORCES = {TimeInForce.GTC: "limit", TimeInForce.IOC: "ioc", TimeInForce.FOK: "limit-fok"}


def spot_terms(order: NewOrder, own_id: str, native: str) -> Mapping[str, object]:
    """Side, type, time in force and post-only are one word. The account's number is filled in when it is signed."""
    if order.reduce_only:
        raise NotSupported(f"{VENUE}: reduce_only is for swaps, {order.symbol} is spot", venue=VENUE)
    if order.type is OrderType.MARKET and order.side == "buy":
        why = "a market buy on spot names the money to spend, and create_order takes a quantity"
        hint = "type='limit', time_in_force='ioc' and the highest price that you accept buy at once what is offered"
        raise NotSupported(f"{VENUE}: {why}; {hint} up to that price, and no more than the quantity", venue=VENUE)
    if not 1 <= len(own_id) <= _LONGEST_OWN_ID:
        raise ConfigError(
            f"{VENUE}: a client order id has 1 to {_LONGEST_OWN_ID} characters, not {len(own_id)}",
            venue=VENUE,
        )
    if order.type is OrderType.MARKET:
        word = "market"
    elif order.post_only:
        word = "limit-maker"
    else:
        word = _FORCES[order.time_in_force or TimeInForce.GTC]
    return {
        "account-id": "{account-id}",
        "symbol": native,
        "type": f"{order.side}-{word}",
        "amount": plain(order.quantity),
        "price": None if order.price is None else plain(order.price),
        "client-order-id": own_id,
    }


def swap_terms(order: NewOrder, own_id: str, native: str, size: Decimal) -> Mapping[str, object]:
    """Whole contracts of ``size`` base units, cross margin, one-way positions."""
    contracts, rest = EXACT.divmod(order.quantity, size)
    if rest:
        below = contracts * size
        raise FilterViolation(
            f"{order.symbol}: quantity {order.quantity} is not a multiple of {size}, the size of a contract; "
            f"{below} and {below + size} are",
            venue=VENUE,
        )
    return {
        "contract_code": native,
        "margin_mode": MARGIN,
        "side": str(order.side),
        "type": "post_only" if order.post_only else str(order.type),
        "time_in_force": None if order.type is OrderType.MARKET else str(order.time_in_force or TimeInForce.GTC),
        "volume": f"{contracts:f}",
        "price": None if order.price is None else plain(order.price),
        "reduce_only": 1 if order.reduce_only else None,
        "client_order_id": swap_id(own_id),
    }


def acknowledged(order: NewOrder, order_id: str, own_id: str) -> Order:
    """What the venue took, with the terms that it does not repeat."""
    force = order.time_in_force or TimeInForce.GTC
    return Order(
        venue=VENUE,
        symbol=order.symbol,
        order_id=order_id,
        client_order_id=own_id,
        status=OrderStatus.PENDING,
        side=order.side,
        type=str(order.type),
        quantity=order.quantity,
        price=order.price,
        time_in_force=None if order.type is OrderType.MARKET else str(force),
        post_only=order.post_only,
        reduce_only=order.reduce_only if order.symbol.kind == "linear" else None,
    )


def new_id(kind: Kind) -> str:
    """A client order id of our own."""
    return f"tw-{uuid4().hex}" if kind == "spot" else str(secrets.randbits(62) + 1)


def swap_id(own_id: str | None) -> int | None:
    """Swaps take whole numbers of 63 bits as client order ids."""
    if own_id is None:
        return None
    if not own_id.isdigit() or not 0 < int(own_id) < 2**63:
        raise ConfigError(
            f"{VENUE}: a swap's client order id is a whole number below 2**63, not {own_id!r}", venue=VENUE
        )
    return int(own_id)
