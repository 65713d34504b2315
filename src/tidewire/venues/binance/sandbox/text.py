"""Numbers as Binance writes them."""

from __future__ import annotations

from decimal import Decimal

from ....models import Instrument
from ....symbols import Kind

__all__ = ["aggregate_of", "price_text", "quantity_text", "sequence_of", "value_text"]


def price_text(instrument: Instrument, price: Decimal) -> str:
    """Spot writes eight decimals always, futures as many as the tick has."""
    return f"{price:.8f}" if instrument.kind == "spot" else f"{price.quantize(instrument.tick_size)}"


def quantity_text(instrument: Instrument, quantity: Decimal) -> str:
    """As ``price_text``, with the lot."""
    return f"{quantity:.8f}" if instrument.kind == "spot" else f"{quantity.quantize(instrument.lot_size)}"


def value_text(instrument: Instrument, value: Decimal) -> str:
    return f"{value:.8f}" if instrument.kind == "spot" else f"{value:.5f}"


def sequence_of(kind: Kind, sequence: int) -> int:
    """The book's update id. On futures ids are shared by all symbols and thus not dense: only every third is ours."""
    return sequence if kind == "spot" else 3 * sequence


def aggregate_of(kind: Kind, trade_id: int) -> int:
    """The id of a trade's aggregate: on futures of a series of its own, so that nobody takes one for the other."""
    return trade_id if kind == "spot" else trade_id + 10**9
