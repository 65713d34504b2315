"""tidewire connects latency-sensitive strategy code to exchanges.

>>> import tidewire as tw
>>> with tw.Client("binance") as binance:  # doctest: +SKIP
...     bars = binance.fetch_klines("BTC-USDT", "1h", start="2026-01-01", end="2026-02-01")

``Client`` blocks, ``AsyncClient`` awaits, ``venue`` gives the calls without I/O, ``OrderBook``, ``decode_klines`` and
``Signer`` work alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from .credentials import Credentials
from .errors import (
    AuthenticationError,
    Banned,
    BookError,
    ChecksumMismatch,
    ClockSkew,
    ConfigError,
    ConnectionFailed,
    CrossedBook,
    CtpDisconnected,
    CtpError,
    CtpFlowControl,
    CtpIncompatible,
    DecodeError,
    DuplicateOrder,
    Error,
    FilterViolation,
    InsufficientFunds,
    InvalidRequest,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    SequenceGap,
    StreamClosed,
    SymbolRejected,
    Timeout,
    TransportError,
    Unfillable,
    UnknownSymbol,
    VenueError,
    VenuesFailed,
    VenueUnavailable,
    WouldTakeLiquidity,
)
from .models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Health,
    Instrument,
    KlineUpdate,
    Level,
    OpenInterest,
    Order,
    OrderStatus,
    OrderType,
    Position,
    Side,
    Ticker,
    TimeInForce,
    Trade,
    TradingFee,
)
from .symbols import Interval, Symbol
from .venues import venue, venues

if TYPE_CHECKING:
    from . import sandbox, universal
    from .book import BookLayout, BookState, Guarantee, OrderBook
    from .client import AsyncClient, Client
    from .klines import KlineLayout, Klines, decode_klines
    from .signing import Signer

# Loaded when first asked for: what brings NumPy, the compiled core, httpx or servers along.
_LATE = {
    "AsyncClient": "client",
    "BookLayout": "book",
    "BookState": "book",
    "Client": "client",
    "Guarantee": "book",
    "KlineLayout": "klines",
    "Klines": "klines",
    "OrderBook": "book",
    "Signer": "signing",
    "decode_klines": "klines",
}

__all__ = [
    "AsyncClient",
    "AuthenticationError",
    "Balance",
    "Banned",
    "BookError",
    "BookLayout",
    "BookSnapshot",
    "BookState",
    "ChecksumMismatch",
    "Client",
    "ClockSkew",
    "ConfigError",
    "ConnectionFailed",
    "Credentials",
    "CrossedBook",
    "CtpDisconnected",
    "CtpError",
    "CtpFlowControl",
    "CtpIncompatible",
    "DecodeError",
    "DuplicateOrder",
    "Error",
    "Fill",
    "FilterViolation",
    "FundingRate",
    "Guarantee",
    "Health",
    "Instrument",
    "InsufficientFunds",
    "Interval",
    "InvalidRequest",
    "KlineLayout",
    "KlineUpdate",
    "Klines",
    "Level",
    "NotSupported",
    "OpenInterest",
    "Order",
    "OrderBook",
    "OrderNotFound",
    "OrderRejected",
    "OrderStatus",
    "OrderType",
    "OutcomeUnknown",
    "PermissionDenied",
    "Position",
    "RateLimited",
    "SequenceGap",
    "Side",
    "Signer",
    "StreamClosed",
    "Symbol",
    "SymbolRejected",
    "Ticker",
    "TimeInForce",
    "Timeout",
    "Trade",
    "TradingFee",
    "TransportError",
    "Unfillable",
    "UnknownSymbol",
    "VenueError",
    "VenueUnavailable",
    "VenuesFailed",
    "WouldTakeLiquidity",
    "decode_klines",
    "sandbox",
    "universal",
    "venue",
    "venues",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _LATE:
        value = globals()[name] = getattr(import_module(f".{_LATE[name]}", __name__), name)
        return value
    if name in ("sandbox", "universal"):
        return import_module(f".{name}", __name__)
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
