"""CTP's doubles as the decimal numbers that they stand for."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache

__all__ = ["amount", "price"]

# Every decimal of up to 15 digits survives a double; what is beyond is noise of somebody's arithmetic, such as
# 4000.2000000000003 for a price of 4000.2.
_DIGITS = 15


def amount(value: float) -> Decimal:
    """A sum of money, or a step; no value counts as nothing."""
    return price(value) or Decimal(0)


def price(value: float) -> Decimal | None:
    """A price; ``None`` for no value."""
    return _decimal(value) if math.isfinite(value) else None


@lru_cache(maxsize=4096)  # a day's orders share their prices
def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.{_DIGITS}g}")
