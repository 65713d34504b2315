"""The contract that a user's text means."""

from __future__ import annotations

from datetime import datetime

from ..errors import ConfigError
from ..symbols import Time, parse_time
from .calendar import CHINA
from .contracts import Contract
from .symbols import parse_symbol

__all__ = ["contract_of"]


def contract_of(symbol: str | Contract, start: Time | None = None) -> Contract:
    """Read one contract in any spelling; CZCE's decade is that of ``start``, or of today."""
    if isinstance(symbol, Contract):
        return symbol
    since = parse_time(start, "start")
    day = None if since is None else datetime.fromtimestamp(since / 1e9, CHINA).date()
    found = parse_symbol(str(symbol), on=day)
    if not isinstance(found, Contract):
        raise ConfigError(f"{symbol!r} is not one contract; continuous(product) joins several, a Trader has options")
    return found
