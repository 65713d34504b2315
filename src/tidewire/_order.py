"""Turn what a user writes about an order into exact, checked values: once, for every venue."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

import msgspec

from .errors import ConfigError
from .models import OrderType, Side, TimeInForce, exact
from .symbols import Symbol

__all__ = ["NewOrder", "Number", "checked_limit", "exact", "one_id", "plain"]

Number = Decimal | str | int | float
E = TypeVar("E", bound=StrEnum)


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to be: exact numbers, known words, no contradictions. ``quantity`` in base units."""

    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    post_only: bool = False
    reduce_only: bool = False

    @classmethod
    def of(
        cls,
        symbol: Symbol,
        *,
        side: str,
        type: str,
        quantity: Number,
        price: Number | None,
        time_in_force: str | None,
        post_only: bool,
        reduce_only: bool,
    ) -> NewOrder:
        """Check the words and numbers of an order; raise ``ConfigError`` naming the one at fault."""
        order = cls(
            symbol=symbol,
            side=_word(Side, side, "side"),
            type=_word(OrderType, type, "type"),
            quantity=exact(quantity, "quantity"),
            price=None if price is None else exact(price, "price"),
            time_in_force=None if time_in_force is None else _word(TimeInForce, time_in_force, "time_in_force"),
            post_only=post_only,
            reduce_only=reduce_only,
        )
        order._refuse_contradictions()
        return order

    def _refuse_contradictions(self) -> None:
        if self.quantity <= 0:
            raise ConfigError(f"quantity must be positive, not {self.quantity}; side='sell' says the direction")
        if self.price is not None and self.price <= 0:
            raise ConfigError(f"price must be positive, not {self.price}")
        if self.type is OrderType.LIMIT and self.price is None:
            raise ConfigError("a limit order needs a price")
        if self.type is OrderType.MARKET:
            for name in ("price", "time_in_force"):
                if getattr(self, name) is not None:
                    raise ConfigError(f"a market order takes no {name}")
            if self.post_only:
                raise ConfigError("a market order cannot be post_only")
        if self.post_only and self.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            raise ConfigError(f"post_only contradicts time_in_force={str(self.time_in_force)!r}")
        if self.time_in_force is TimeInForce.GTD:
            raise ConfigError("time_in_force='gtd' needs an expiry, which create_order does not take")


def one_id(order_id: str | int | None, client_order_id: str | None) -> tuple[str | None, str | None]:
    """Check that exactly one of the two ids of an order was given."""
    if (order_id is None) == (client_order_id is None):
        raise ConfigError("name the order by order_id or by client_order_id, one of the two")
    return (None if order_id is None else str(order_id)), client_order_id


def plain(number: Decimal | None) -> str:
    """Write a number without an exponent or trailing zeros: venues refuse both ``1E-5`` and too many decimals."""
    if number is None:
        raise ConfigError("a limit order needs a price")
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def checked_limit(limit: int) -> int:
    """Check that a page holds something."""
    if limit < 1:
        raise ConfigError(f"limit must be positive, not {limit}")
    return limit


def _word(words: type[E], text: str, name: str) -> E:
    try:
        return words(str(text).lower())
    except ValueError:
        raise ConfigError(f"{name} must be one of {', '.join(words)}, not {text!r}") from None
