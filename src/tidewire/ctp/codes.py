"""CTP's one-letter codes and our words for them, both ways."""

from __future__ import annotations

from ..models import Side
from .models import Hedge, Offset, PositionSide

__all__ = [
    "BUY",
    "CONDITIONS",
    "HEDGES",
    "HEDGE_CODES",
    "INSTRUMENT_KINDS",
    "OFFSETS",
    "OFFSET_CODES",
    "POSITION_SIDES",
    "SELL",
    "TRIGGERS",
    "direction",
    "side",
]

BUY, SELL = "0", "1"

OFFSET_CODES = {Offset.OPEN: "0", Offset.CLOSE: "1", Offset.CLOSE_TODAY: "3", Offset.CLOSE_YESTERDAY: "4"}
OFFSETS = {code: offset for offset, code in OFFSET_CODES.items()} | dict.fromkeys("256", Offset.FORCED)

HEDGE_CODES = {Hedge.SPECULATION: "1", Hedge.ARBITRAGE: "2", Hedge.HEDGE: "3", Hedge.MARKET_MAKER: "5"}
HEDGES = {code: hedge for hedge, code in HEDGE_CODES.items()}

POSITION_SIDES = {"1": PositionSide.NET, "2": PositionSide.LONG, "3": PositionSide.SHORT}

# What sets a conditional order off: the price named reaches the stop price from this side.
TRIGGERS = {
    "last>": "5",
    "last>=": "6",
    "last<": "7",
    "last<=": "8",
    "ask>": "9",
    "ask>=": "A",
    "ask<": "B",
    "ask<=": "C",
    "bid>": "D",
    "bid>=": "E",
    "bid<": "F",
    "bid<=": "H",
}
CONDITIONS = {code: trigger for trigger, code in TRIGGERS.items()}

INSTRUMENT_KINDS = {
    "1": "futures",
    "2": "options",
    "3": "combination",
    "4": "spot",
    "5": "efp",
    "6": "spot_option",
    "7": "tas",
    "I": "index",
}


def side(direction: str) -> Side:
    """Our word for a direction."""
    return Side.BUY if direction == BUY else Side.SELL


def direction(side: Side) -> str:
    """CTP's code for a side."""
    return BUY if side is Side.BUY else SELL
