"""What a futures symbol names: a contract, an option, a continuous series or a combination.

``str()`` writes our own, canonical spelling; ``symbols`` reads and writes those of other systems.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

import msgspec

from ..symbols import Symbol
from .products import Exchange

__all__ = ["Combination", "Continuous", "Contract", "ContractSymbol", "FuturesSymbol", "Option"]


class Contract(msgspec.Struct, frozen=True, order=True):
    """A future: its product's code in the exchange's own case, delivery year and month.

    ``settled`` marks one that trades at the day's settlement price (TAS).
    """

    exchange: Exchange
    product: str
    year: int
    month: int
    settled: bool = False

    def __str__(self) -> str:
        # A contract on a month's average price (product l_F) carries its letter at the end: l2602F.
        product, _, average = self.product.partition("_")
        return f"{self.exchange}.{product}{self.year % 100:02}{self.month:02}{average}{'TAS' if self.settled else ''}"


class ContractSymbol(Symbol, frozen=True, kw_only=True):
    """A contract where the models that all markets share want a ``Symbol``; prints as the contract: ``SHFE.rb2610``.

    ``base`` is the product's code, ``quote`` and ``settle`` are ``CNY``, ``expiry`` is the delivery month as ``yymm``.
    """

    contract: Contract

    @classmethod
    def of(cls, contract: Contract) -> Self:
        """The symbol of a contract."""
        month = f"{contract.year % 100:02}{contract.month:02}"
        return cls(contract.product, "CNY", "CNY", month, contract=contract)

    def __str__(self) -> str:
        return str(self.contract)


class Option(msgspec.Struct, frozen=True, order=True):
    """An option on a contract or, at CFFEX, on an index (whose product is the option's own code)."""

    contract: Contract
    right: Literal["C", "P"]
    strike: Decimal

    def __str__(self) -> str:
        return f"{self.contract}-{self.right}-{self.strike:f}"

    @property
    def exchange(self) -> Exchange:
        """Where it is traded."""
        return self.contract.exchange


class Continuous(msgspec.Struct, frozen=True, order=True):
    """A product's joined series: the main contract's, the second's, or the index weighted by open interest.

    ``adjusted`` tells how the gaps at rolls are closed: ``"front"`` shifts older prices, ``"back"`` newer ones.
    """

    exchange: Exchange
    product: str
    series: Literal["main", "2nd", "index"] = "main"
    adjusted: Literal["", "front", "back"] = ""

    def __str__(self) -> str:
        return f"{self.exchange}.{self.product}@{self.series}{':' if self.adjusted else ''}{self.adjusted}"


class Combination(msgspec.Struct, frozen=True, order=True):
    """Two legs that an exchange trades as one: ``kind`` is its own word, such as ``SP``, ``SPC`` or ``IPS``."""

    kind: str
    first: Contract | Option
    second: Contract | Option

    def __str__(self) -> str:
        return f"{self.exchange}.{self.kind} {_bare(self.first)}&{_bare(self.second)}"

    @property
    def exchange(self) -> Exchange:
        """Where it is traded."""
        return self.first.exchange


FuturesSymbol = Contract | Option | Continuous | Combination


def _bare(leg: Contract | Option) -> str:
    return str(leg).partition(".")[2]
