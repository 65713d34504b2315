"""What became of a route that was executed: per slice, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ..errors import Error, OutcomeUnknown
from ..models import Fill, Order, Side
from .allocation import EXACT
from .route import Route, Slice

__all__ = ["ExecutionReport", "Outcome", "SliceReport"]

_ZERO = Decimal(0)


class Outcome(StrEnum):
    """What became of a slice's order.

    ``FILLED``, ``PARTIAL`` and ``UNFILLED`` are final. ``NOT_PLACED``: it does not exist, ``error`` says why.
    ``UNKNOWN``: its answer was lost, it may or may not have happened. ``PLACED``: the venue took it, but what became of
    it could not be read. The last two are in doubt until resolved.
    """

    FILLED = "filled"
    PARTIAL = "partial"
    UNFILLED = "unfilled"
    NOT_PLACED = "not placed"
    UNKNOWN = "unknown"
    PLACED = "placed"


@dataclass(frozen=True, slots=True)
class SliceReport:
    """One slice's order as its venue reports it. ``error`` is what kept it from being placed, or from being read."""

    slice: Slice
    order: Order | None = None
    fills: tuple[Fill, ...] = ()
    error: Exception | None = None

    @property
    def outcome(self) -> Outcome:
        """What became of the order."""
        if self.order is None:
            refused = isinstance(self.error, Error) and not isinstance(self.error, OutcomeUnknown)
            return Outcome.NOT_PLACED if refused else Outcome.UNKNOWN
        if not self.order.status.is_final or self.order.filled is None:
            return Outcome.PLACED
        if self.order.filled == 0:
            return Outcome.UNFILLED
        return Outcome.FILLED if self.order.filled >= self.slice.quantity else Outcome.PARTIAL

    @property
    def in_doubt(self) -> bool:
        """True while more may have been filled than is known."""
        return self.outcome in (Outcome.UNKNOWN, Outcome.PLACED)

    @property
    def client_order_id(self) -> str | None:
        """The id that finds the order at its venue, whatever became of the answer."""
        if isinstance(self.error, OutcomeUnknown):
            return self.error.client_order_id
        return None if self.order is None else self.order.client_order_id

    @property
    def filled(self) -> Decimal:
        """What is known to be filled, in base units."""
        return _ZERO if self.order is None else self.order.filled or _ZERO

    @property
    def remaining(self) -> Decimal:
        """What is not known to be filled, in base units."""
        return EXACT.subtract(self.slice.quantity, self.filled)

    @property
    def value(self) -> Decimal | None:
        """Price times quantity of what is filled, in quote currency; ``None`` when the venue has not told."""
        if not self.filled:
            return _ZERO
        if sum((fill.quantity for fill in self.fills), _ZERO) == self.filled:
            return _sum(EXACT.multiply(fill.price, fill.quantity) for fill in self.fills)
        order = self.order
        if order is None or (order.quote_filled is None and order.average_price is None):
            return None
        return order.quote_filled if order.average_price is None else order.average_price * self.filled

    @property
    def average_price(self) -> Decimal | None:
        """Price at which it was filled, before fees."""
        value = self.value
        return value / self.filled if value is not None and self.filled else None

    @property
    def fees(self) -> dict[str, Decimal] | None:
        """What the venue charged, by asset; ``None`` when it has not told of every fill."""
        if sum((fill.quantity for fill in self.fills), _ZERO) != self.filled:
            return None
        charged: dict[str, Decimal] = {}
        for fill in self.fills:
            if fill.fee is None or fill.fee_asset is None:
                return None
            charged[fill.fee_asset] = EXACT.add(charged.get(fill.fee_asset, _ZERO), fill.fee)
        return charged

    @property
    def fee(self) -> Decimal | None:
        """What the venue charged, in quote currency: base at the fill's own price; ``None`` for any other asset."""
        fees, symbol = self.fees, self.slice.symbol
        if fees is None or set(fees) - {symbol.quote, symbol.base}:
            return None
        rows = (fill for fill in self.fills if fill.fee is not None)
        return _sum(
            EXACT.multiply(row.fee or _ZERO, row.price) if row.fee_asset == symbol.base else row.fee or _ZERO
            for row in rows
        )

    def describe(self) -> str:
        """Return a line."""
        at = "" if self.average_price is None else f" at {self.average_price:.10g}"
        fees = self.fees
        charged = "not told" if fees is None else " + ".join(f"{fees[a].normalize():f} {a}" for a in sorted(fees))
        part = f"{self.filled.normalize():f} of {self.slice.quantity.normalize():f}"
        line = f"{self.slice.venue}: {self.outcome}, {part}{at}"
        if self.filled:
            line += f", fee {charged}"
        if self.in_doubt:
            line += f"; client order id {self.client_order_id}: resolve it, never send it again first"
        return line if self.error is None else f"{line}; {type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """What became of every slice of a route, in its order."""

    route: Route
    slices: tuple[SliceReport, ...]

    @property
    def filled(self) -> Decimal:
        """What is known to be filled, in base units."""
        return _sum(each.filled for each in self.slices)

    @property
    def in_doubt(self) -> Decimal:
        """What may be filled besides, for all that is known: nothing once every slice is resolved."""
        return _sum(each.remaining for each in self.slices if each.in_doubt)

    @property
    def remaining(self) -> Decimal:
        """What of the request is certainly not filled, in base units."""
        return EXACT.subtract(EXACT.subtract(self.route.requested, self.filled), self.in_doubt)

    @property
    def unknown(self) -> tuple[SliceReport, ...]:
        """The slices in doubt: pass the report to ``resolve_execution``."""
        return tuple(each for each in self.slices if each.in_doubt)

    @property
    def errors(self) -> dict[str, Exception]:
        """What went wrong, by venue."""
        return {each.slice.venue: each.error for each in self.slices if each.error is not None}

    @property
    def value(self) -> Decimal | None:
        """Price times quantity of all that is filled; ``None`` while a venue has not told."""
        return _all(each.value for each in self.slices)

    @property
    def average_price(self) -> Decimal | None:
        """Price at which it was filled, before fees."""
        value = self.value
        return value / self.filled if value is not None and self.filled else None

    @property
    def fee(self) -> Decimal | None:
        """Fees in quote currency; ``None`` where a venue has not told, or took another asset: see the slices."""
        return _all(each.fee for each in self.slices)

    @property
    def cost(self) -> Decimal | None:
        """All-in: what a buy cost with its fees, or a sell brought after them; ``None`` where ``fee`` is."""
        value, fee = self.value, self.fee
        if value is None or fee is None:
            return None
        return EXACT.add(value, fee if self.route.side is Side.BUY else -fee)

    def explain(self) -> str:
        """Return what became of every slice, and what remains."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from (each.describe() for each in self.slices)
        doubt = f", {self.in_doubt.normalize():f} in doubt" if self.in_doubt else ""
        yield f"filled {self.filled.normalize():f}{doubt}, {self.remaining.normalize():f} remains"
        if self.cost is not None and self.filled:
            yield f"{self.cost.normalize():f} all-in; {self.route.cost.normalize():f} was expected of the whole"


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    total = _ZERO
    for number in numbers:
        total = EXACT.add(total, number)
    return total


def _all(numbers: Iterable[Decimal | None]) -> Decimal | None:
    total = _ZERO
    for number in numbers:
        if number is None:
            return None
        total = EXACT.add(total, number)
    return total
