"""Orders as Coinbase Advanced writes them, in requests and in answers.

What an order is, its ``order_configuration`` says by a key: ``limit_limit_gtc``, ``market_market_ioc`` and so on.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ..._order import NewOrder, plain
from ...errors import DecodeError
from ...models import Order, OrderStatus, OrderType, Side
from ...symbols import Symbol
from .errors import cancel_refusal
from .wire import VENUE, decimal, side_of, time_ns

__all__ = ["FORCES", "Cancels", "OneOrder", "Orders", "Placed", "configuration", "status_of"]

_STATUS: Final = {
    "PENDING": OrderStatus.PENDING,
    "QUEUED": OrderStatus.PENDING,
    "OPEN": OrderStatus.OPEN,
    "EDIT_QUEUED": OrderStatus.OPEN,
    "CANCEL_QUEUED": OrderStatus.CANCELING,
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    "FAILED": OrderStatus.REJECTED,
}
FORCES: Final = {
    "GOOD_UNTIL_CANCELLED": "gtc",
    "GOOD_UNTIL_DATE_TIME": "gtd",
    "IMMEDIATE_OR_CANCEL": "ioc",
    "FILL_OR_KILL": "fok",
}
_CONFIGURATIONS: Final = {"gtc": "limit_limit_gtc", "ioc": "sor_limit_ioc", "fok": "limit_limit_fok"}


def configuration(order: NewOrder) -> dict[str, dict[str, object]]:
    """A new order's ``order_configuration``. Immediate-or-cancel exists only through the venue's smart order router."""
    terms: dict[str, object] = {"base_size": plain(order.quantity)}
    if order.type is OrderType.MARKET:
        return {"market_market_ioc": terms}
    terms["limit_price"] = plain(order.price)
    name = _CONFIGURATIONS[order.time_in_force or "gtc"]
    if name == "limit_limit_gtc":
        terms["post_only"] = order.post_only
    return {name: terms}


def status_of(order_id: str, text: str) -> OrderStatus:
    """Our word for the venue's; an open order with fills is ``OPEN`` here."""
    if text not in _STATUS:
        raise DecodeError(f"order {order_id} has the unknown status {text!r}", venue=VENUE)
    return _STATUS[text]


class Terms(msgspec.Struct):
    base_size: str = ""
    quote_size: str = ""
    limit_price: str = ""
    stop_price: str = ""
    post_only: bool | None = None


class OrderRow(msgspec.Struct):
    order_id: str
    product_id: str
    status: str
    client_order_id: str = ""
    side: str = ""
    order_type: str = ""
    time_in_force: str = ""
    order_configuration: dict[str, Terms | None] | None = None
    filled_size: str = ""
    average_filled_price: str = ""
    filled_value: str = ""
    pending_cancel: bool = False
    product_type: str = "SPOT"
    created_time: str = ""
    last_fill_time: str | None = None
    last_update_time: str | None = None

    def order(self, symbol: Symbol) -> Order:
        """An order of money to spend has no ``quantity``; ``filled`` is what it bought."""
        terms = self._terms()
        average = decimal(self.average_filled_price)
        return Order(
            venue=VENUE,
            symbol=symbol,
            order_id=self.order_id,
            client_order_id=self.client_order_id or None,
            status=self._status(),
            side=side_of(self.side) if self.side else None,
            type=self.order_type.lower() or None,
            quantity=decimal(terms.base_size),
            filled=decimal(self.filled_size),
            price=decimal(terms.limit_price),
            average_price=average or None,
            quote_filled=decimal(self.filled_value),
            stop_price=decimal(terms.stop_price),
            time_in_force=FORCES.get(self.time_in_force),
            post_only=terms.post_only,
            created_ns=time_ns(self.created_time),
            updated_ns=time_ns(self.last_update_time or self.last_fill_time),
        )

    def _terms(self) -> Terms:
        given = (self.order_configuration or {}).values()
        return next((terms for terms in given if terms is not None), Terms())

    def _status(self) -> OrderStatus:
        status = status_of(self.order_id, self.status)
        if status is not OrderStatus.OPEN:
            return status
        if self.pending_cancel:
            return OrderStatus.CANCELING
        return OrderStatus.PARTIAL if decimal(self.filled_size) else status


class OneOrder(msgspec.Struct):
    order: OrderRow


class Orders(msgspec.Struct):
    """A page of orders, newest first."""

    orders: list[OrderRow]
    has_next: bool = False
    cursor: str = ""


class Success(msgspec.Struct):
    order_id: str
    client_order_id: str = ""


class Placed(msgspec.Struct):
    """The answer to a new order says that it was taken, and nothing of what became of it."""

    success_response: Success

    def order(self, sent: NewOrder, client_order_id: str) -> Order:
        """The order as it was sent."""
        return Order(
            venue=VENUE,
            symbol=sent.symbol,
            order_id=self.success_response.order_id,
            client_order_id=self.success_response.client_order_id or client_order_id,
            status=OrderStatus.PENDING,
            side=Side(sent.side),
            type=sent.type,
            quantity=sent.quantity,
            price=sent.price,
            time_in_force=sent.time_in_force or ("ioc" if sent.type is OrderType.MARKET else "gtc"),
            post_only=sent.post_only,
        )


class Cancel(msgspec.Struct):
    success: bool
    order_id: str
    failure_reason: str = ""


class Cancels(msgspec.Struct):
    """What became of each cancel asked for: taken, which is not yet done, or refused."""

    results: list[Cancel]

    def taken(self, symbol: Symbol) -> list[Order]:
        return [_canceling(row.order_id, symbol) for row in self.results if row.success]

    def one(self, symbol: Symbol, client_order_id: str | None) -> Order:
        """The only order, or its refusal."""
        if len(self.results) != 1:
            raise DecodeError(f"{len(self.results)} results for one cancel", venue=VENUE)
        row = self.results[0]
        if not row.success:
            raise cancel_refusal(row.failure_reason)
        return msgspec.structs.replace(_canceling(row.order_id, symbol), client_order_id=client_order_id)


def _canceling(order_id: str, symbol: Symbol) -> Order:
    return Order(venue=VENUE, symbol=symbol, order_id=order_id, status=OrderStatus.CANCELING)
