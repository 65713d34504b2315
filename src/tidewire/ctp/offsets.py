"""Split a close into the orders that its exchange wants. Nothing here ever opens a position.

SHFE and INE keep today's lots apart from yesterday's: plain "close" takes yesterday's only, and today's need "close
today". DCE, CZCE, CFFEX and GFEX know one kind of close.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ConfigError, FilterViolation
from .models import Offset

__all__ = ["Closable", "keeps_days_apart", "split_close"]

_DAYS_APART = frozenset({"SHFE", "INE"})


class Closable(NamedTuple):
    """Lots that can be closed now, without what working orders hold."""

    total: int
    today: int
    yesterday: int


def keeps_days_apart(exchange: str) -> bool:
    """True where today's and yesterday's lots are closed by different orders."""
    return exchange in _DAYS_APART


def split_close(
    symbol: str, exchange: str, quantity: int, closable: Closable, *, prefer: str = "yesterday"
) -> list[tuple[Offset, int]]:
    """Return the closes, with their lots, that add up to ``quantity``.

    ``prefer`` is ``"yesterday"`` or ``"today"``: which to close first where the exchange keeps them apart. Raises
    ``FilterViolation`` when fewer lots can be closed: what is missing is never opened.
    """
    if prefer not in ("yesterday", "today"):
        raise ConfigError(f"prefer must be 'yesterday' or 'today', not {prefer!r}")
    if not keeps_days_apart(exchange):
        if quantity > closable.total:
            raise _too_few(symbol, exchange, quantity, f"{closable.total} can be closed")
        return [(Offset.CLOSE, quantity)]
    parts = [(Offset.CLOSE_YESTERDAY, closable.yesterday), (Offset.CLOSE_TODAY, closable.today)]
    if prefer == "today":
        parts.reverse()
    legs, left = [], quantity
    for offset, lots in parts:
        taken = min(left, max(0, lots))
        if taken:
            legs.append((offset, taken))
            left -= taken
    if left:
        raise _too_few(
            symbol, exchange, quantity, f"{closable.yesterday} of yesterday and {closable.today} of today can be closed"
        )
    return legs


def _too_few(symbol: str, exchange: str, quantity: int, what: str) -> FilterViolation:
    return FilterViolation(
        f"{symbol}: asked to close {quantity} lots, but only {what}; offset='auto' never opens", venue=exchange
    )
