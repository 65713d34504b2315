"""Chinese futures through CTP.

``Market`` and ``Trader`` are the pleasant layer; ``MdApi`` and ``TraderApi`` are the vendor's API, method by method.

The vendor's library is never part of tidewire: it is found in ``TIDEWIRE_CTP_PATH`` or in an installed package that
carries it. Verified on Linux x86-64; not verified on Windows and macOS, where every library is reported as not
loadable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .api import Ctp, MdApi, ResumeType, TraderApi, load
from .library import Library, find_libraries
from .wire import MdSpi, TraderSpi

if TYPE_CHECKING:
    from .market import Market
    from .models import Account, Connection, Fill, Hedge, Instrument, Offset, Order, Position, PositionSide, Tick
    from .provider import ticks_of
    from .streams import Stream
    from .trader import AsyncTrader, Trader

# Loaded when first asked for: those who drive the API themselves need none of it.
_LATE = {
    "Account": "models",
    "AsyncTrader": "trader",
    "Connection": "models",
    "Fill": "models",
    "Hedge": "models",
    "Instrument": "models",
    "Market": "market",
    "Offset": "models",
    "Order": "models",
    "Position": "models",
    "PositionSide": "models",
    "Stream": "streams",
    "Tick": "models",
    "Trader": "trader",
    "ticks_of": "provider",
}

__all__ = [
    "Account",
    "AsyncTrader",
    "Connection",
    "Ctp",
    "Fill",
    "Hedge",
    "Instrument",
    "Library",
    "Market",
    "MdApi",
    "MdSpi",
    "Offset",
    "Order",
    "Position",
    "PositionSide",
    "ResumeType",
    "Stream",
    "Tick",
    "Trader",
    "TraderApi",
    "TraderSpi",
    "find_libraries",
    "load",
    "ticks_of",
]


def __getattr__(name: str) -> Any:
    if name in _LATE:
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f".{_LATE[name]}", __name__), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
