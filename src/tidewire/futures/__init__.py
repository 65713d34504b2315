"""Chinese futures: products, trading calendar and sessions, symbols in ten spellings.

Every table carries grades of certainty and dates; what an exchange itself says through CTP always wins.
"""

from __future__ import annotations

from .bars import BarBuilder, Bars, BarStats, Provenance
from .calendar import CHINA, Calendar, Session
from .contracts import Combination, Continuous, Contract, FuturesSymbol, Option
from .expiry import last_trading_day
from .products import Product, check_product, product, products
from .rolls import (
    DailyRow,
    Roll,
    RollTable,
    Rule,
    days_before_expiry,
    open_interest_lead,
    volume_and_open_interest,
    wenhua_main,
)
from .stitch import Stitched, stitch, weighted_index
from .symbols import Dialect, format_symbol, parse_symbol

__all__ = [
    "CHINA",
    "BarBuilder",
    "BarStats",
    "Bars",
    "Calendar",
    "Combination",
    "Continuous",
    "Contract",
    "DailyRow",
    "Dialect",
    "FuturesSymbol",
    "Option",
    "Product",
    "Provenance",
    "Roll",
    "RollTable",
    "Rule",
    "Session",
    "Stitched",
    "check_product",
    "days_before_expiry",
    "format_symbol",
    "last_trading_day",
    "open_interest_lead",
    "parse_symbol",
    "product",
    "products",
    "stitch",
    "volume_and_open_interest",
    "weighted_index",
    "wenhua_main",
]
