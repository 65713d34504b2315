"""An order's life inside the sandbox, and the view of it that the models give."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from .._dialect import Placement
from ..models import Fill, Order, OrderStatus, OrderType
from .market import Market
from .matching import Resting

__all__ = ["Ticket"]


@dataclass(slots=True, eq=False)
class Ticket:
    """One accepted order: what was asked, what has happened."""

    order_id: int
    owner: str
    market: Market
    placement: Placement
    client_order_id: str
    ticks: int | None
    lots: int
    created_ns: int
    updated_ns: int
    status: OrderStatus = OrderStatus.OPEN
    filled_lots: int = 0
    value: Decimal = Decimal(0)
    fills: list[Fill] = field(default_factory=list)
    resting: Resting | None = None

    @property
    def open_lots(self) -> int:
        return 0 if self.status.is_final else self.lots - self.filled_lots

    @property
    def open_quantity(self) -> Decimal:
        """Base quantity that can still be filled."""
        return self.market.quantity(self.open_lots)

    def fill(self, fill: Fill, lots: int) -> None:
        """Record an execution."""
        self.filled_lots += lots
        self.value += fill.price * fill.quantity
        self.fills.append(fill)
        self.status = OrderStatus.FILLED if self.filled_lots == self.lots else OrderStatus.PARTIAL
        self.updated_ns = fill.time_ns or self.updated_ns

    def finish(self, status: OrderStatus, time_ns: int) -> None:
        """End the order's life; what was filled stays filled."""
        self.status, self.updated_ns, self.resting = status, time_ns, None

    def view(self) -> Order:
        """The order as a model."""
        filled = self.market.quantity(self.filled_lots)
        instrument, placement = self.market.instrument, self.placement
        return Order(
            venue=instrument.venue,
            symbol=instrument.symbol,
            order_id=str(self.order_id),
            client_order_id=self.client_order_id,
            status=self.status,
            side=placement.side,
            type=placement.type,
            quantity=self.market.quantity(self.lots),
            filled=filled,
            price=placement.price if placement.type is OrderType.LIMIT else None,
            average_price=self.value / filled if filled else None,
            quote_filled=self.value,
            time_in_force=placement.time_in_force,
            post_only=placement.post_only,
            reduce_only=placement.reduce_only,
            fills=tuple(self.fills),
            created_ns=self.created_ns,
            updated_ns=self.updated_ns,
        )
