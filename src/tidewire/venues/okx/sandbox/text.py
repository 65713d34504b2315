"""Numbers as OKX writes them: plain digits without trailing zeros, and contracts where the market counts them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from zlib import crc32

from ....models import Instrument

__all__ = ["MS", "contract_size", "native_code", "number_text", "size_text", "stamp"]

MS: Final = 1_000_000
_CONTRACTS: Final = {"BTC": "0.01", "ETH": "0.1", "SOL": "1", "XRP": "100", "DOGE": "1000"}


def contract_size(instrument: Instrument) -> Decimal:
    """Base units per contract; spot counts base units."""
    if instrument.kind == "spot":
        return Decimal(1)
    listed = _CONTRACTS.get(instrument.symbol.base)
    return instrument.lot_size if listed is None else Decimal(listed)


def native_code(instrument: Instrument) -> int:
    """The number that stands for the native id in operations on streams."""
    return crc32(instrument.native.encode())


def number_text(number: Decimal | None) -> str:
    """Empty where there is none."""
    return "" if number is None else f"{number.normalize():f}"


def size_text(instrument: Instrument, quantity: Decimal | None) -> str:
    """A base quantity as the market's size."""
    return "" if quantity is None else number_text(quantity / contract_size(instrument))


def stamp(time_ns: int | None) -> str:
    """Milliseconds as text."""
    return "" if time_ns is None else str(time_ns // MS)
