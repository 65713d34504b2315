"""Who owns what: spot wallets and margined positions, exact to the last digit.

The house, which quotes the market model's liquidity, has the same books and may go below zero, so that assets are
conserved: over all owners and the fees taken, every asset's sum stays what was paid in.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from ..models import Instrument, Side

__all__ = ["LEVERAGE", "LINEAR_FEES", "SPOT_FEES", "Account", "Fees", "Holding"]

LEVERAGE = Decimal(20)
_ZERO = Decimal(0)
_FEE_STEP = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Fees:
    """Rates charged on a fill."""

    maker: Decimal
    taker: Decimal


SPOT_FEES = Fees(Decimal("0.001"), Decimal("0.001"))
LINEAR_FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))


@dataclass(slots=True)
class Holding:
    """A position: signed base quantity and its average entry price."""

    quantity: Decimal = _ZERO
    entry: Decimal = _ZERO

    def trade(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Add a signed fill; return the profit that it realises."""
        closing = min(abs(quantity), abs(self.quantity)) if quantity * self.quantity < 0 else _ZERO
        profit = closing * (price - self.entry) * (1 if self.quantity > 0 else -1)
        opening = abs(quantity) - closing
        if opening:
            kept = abs(self.quantity) - closing
            self.entry = (self.entry * kept + price * opening) / (kept + opening)
        self.quantity += quantity
        if not self.quantity:
            self.entry = _ZERO
        return profit


@dataclass(slots=True)
class Account:
    """One owner's spot assets, margin wallet and positions. ``locked`` backs working spot orders.

    Spot fees are taken out of what is received, or with ``charges_quote`` always in quote currency.
    """

    spot: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    locked: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    margin: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    positions: dict[str, Holding] = field(default_factory=lambda: defaultdict(Holding))
    charges_quote: bool = False

    def to_pay(self, value: Decimal) -> Decimal:
        """Quote currency that a buy for ``value`` may take."""
        return value * (1 + SPOT_FEES.taker) if self.charges_quote else value

    def free(self, asset: str) -> Decimal:
        """Spot balance that no working order holds."""
        return self.spot[asset] - self.locked[asset]

    def trade(
        self, instrument: Instrument, side: Side, quantity: Decimal, price: Decimal, rate: Decimal
    ) -> tuple[Decimal, str, Decimal]:
        """Book a fill; return the fee, its asset and the realised profit (zero for spot)."""
        if instrument.kind == "spot":
            return self._trade_spot(instrument, side, quantity, price, rate)
        settle = instrument.symbol.settle or instrument.symbol.quote
        signed = quantity if side is Side.BUY else -quantity
        profit = self.positions[instrument.native].trade(signed, price)
        fee = (quantity * price * rate).quantize(_FEE_STEP, ROUND_DOWN)
        self.margin[settle] += profit - fee
        return fee, settle, profit

    def _trade_spot(
        self, instrument: Instrument, side: Side, quantity: Decimal, price: Decimal, rate: Decimal
    ) -> tuple[Decimal, str, Decimal]:
        base, quote = instrument.symbol.base, instrument.symbol.quote
        value = quantity * price
        in_base = side is Side.BUY and not self.charges_quote
        received, asset = (quantity, base) if in_base else (value, quote)
        fee = (received * rate).quantize(_FEE_STEP, ROUND_DOWN)
        direction = 1 if side is Side.BUY else -1
        self.spot[base] += direction * quantity
        self.spot[quote] -= direction * value
        self.spot[asset] -= fee
        return fee, asset, _ZERO
