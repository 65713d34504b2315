"""Klines by HTX's calendar: days and weeks begin at midnight in Singapore, which is 16:00 UTC."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final

from ...._dialect import Bar, Exchange
from ....symbols import Interval, Symbol

__all__ = ["bars"]

_HOUR: Final = 3600 * 10**9
_EAST: Final = 8 * _HOUR
_PIECE: Final = Interval.parse("4h")


def bars(
    exchange: Exchange, symbol: Symbol, interval: Interval, start: int | None, end: int | None, size: int
) -> Sequence[Bar]:
    """At most ``size`` bars that open in the window: its oldest if it has a start, else its newest. Ascending."""
    length = interval.ns or 0
    if length < 24 * _HOUR:
        return exchange.bars(symbol, interval, start=start, end=end, limit=size)
    step = 4 * _HOUR
    stop = None if end is None else _open(interval, end - 1) + length
    pieces = exchange.bars(symbol, _PIECE, start=start, end=stop, limit=(size + 1) * length // step)
    groups = groupby(pieces, lambda bar: _open(interval, bar.open_ns))
    whole = [_joined(list(parts), opened, length) for opened, parts in groups]
    kept = [bar for bar in whole if (start is None or bar.open_ns >= start) and (end is None or bar.open_ns < end)]
    return kept[:size] if start is not None else kept[-size:]


def _open(interval: Interval, time_ns: int) -> int:
    return interval.floor(time_ns + _EAST) - _EAST


def _joined(parts: list[Bar], opened: int, length: int) -> Bar:
    zero = Decimal(0)
    return Bar(
        open_ns=opened,
        end_ns=opened + length,
        open=parts[0].open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=parts[-1].close,
        volume=sum((part.volume for part in parts), zero),
        quote_volume=sum((part.quote_volume for part in parts), zero),
        trades=sum(part.trades for part in parts),
        taker_volume=sum((part.taker_volume for part in parts), zero),
        taker_quote_volume=sum((part.taker_quote_volume for part in parts), zero),
        closed=parts[-1].end_ns == opened + length and parts[-1].closed,
    )
