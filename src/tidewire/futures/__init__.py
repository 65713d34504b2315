"""Chinese futures: products, trading calendar and sessions, symbols in ten spellings.

Every table carries grades of certainty and dates; what an exchange itself says through CTP always wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .bars import BarBuilder, Bars, BarStats, Provenance
from .calendar import CHINA, Calendar, Session
from .contracts import Combination, Continuous, Contract, ContractSymbol, FuturesSymbol, Option
from .expiry import last_trading_day
from .join import Difference, Seam, join
from .main_series import daily_rows
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
from .ticks import Ticks

if TYPE_CHECKING:
    from ..ctp.provider import Ctp
    from ..wenhua.provider import Wenhua
    from .aio import AsyncFutures
    from .facade import Futures
    from .live import KlineStream
    from .parquet import Parquet
    from .provider import Provider, Verbs

# Loaded when first asked for. Ctp and Wenhua live with their sources and are named here because users look for them
# here; nothing in this package needs them.
_LATE = {
    "AsyncFutures": ".aio",
    "Ctp": "..ctp.provider",
    "Futures": ".facade",
    "KlineStream": ".live",
    "Parquet": ".parquet",
    "Provider": ".provider",
    "Verbs": ".provider",
    "Wenhua": "..wenhua.provider",
}

__all__ = [
    "CHINA",
    "AsyncFutures",
    "BarBuilder",
    "BarStats",
    "Bars",
    "Calendar",
    "Combination",
    "Continuous",
    "Contract",
    "ContractSymbol",
    "Ctp",
    "DailyRow",
    "Dialect",
    "Difference",
    "Futures",
    "FuturesSymbol",
    "KlineStream",
    "Option",
    "Parquet",
    "Product",
    "Provenance",
    "Provider",
    "Roll",
    "RollTable",
    "Rule",
    "Seam",
    "Session",
    "Stitched",
    "Ticks",
    "Verbs",
    "Wenhua",
    "check_product",
    "daily_rows",
    "days_before_expiry",
    "format_symbol",
    "join",
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


def __getattr__(name: str) -> Any:
    if name in _LATE:
        from importlib import import_module

        value = globals()[name] = getattr(import_module(_LATE[name], __name__), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
