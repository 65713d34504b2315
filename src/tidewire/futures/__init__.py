"""Chinese futures: products, trading calendar and sessions, symbols in ten spellings.

Every table carries grades of certainty and dates; what an exchange itself says through CTP always wins.
"""

from __future__ import annotations

from .bars import BarBuilder, Bars, BarStats
from .calendar import CHINA, Calendar, Session
from .contracts import Combination, Continuous, Contract, FuturesSymbol, Option
from .products import Product, check_product, product, products
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
    "Dialect",
    "FuturesSymbol",
    "Option",
    "Product",
    "Session",
    "check_product",
    "format_symbol",
    "parse_symbol",
    "product",
    "products",
]
