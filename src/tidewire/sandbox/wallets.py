"""What orders and fills have touched in the accounts since the streams were last told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from .._dialect import BalanceUpdate
from ..models import Balance, Position
from ..symbols import Kind, Symbol
from .matching import HOUSE

__all__ = ["Wallets"]


@dataclass(slots=True)
class _Touched:
    changes: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    symbols: set[Symbol] = field(default_factory=set)


class Wallets:
    """Collects touches; one ``BalanceUpdate`` per owner and wallet tells of all of them at once."""

    def __init__(
        self, balances: Callable[[str, Kind], Sequence[Balance]], positions: Callable[[str], Sequence[Position]]
    ) -> None:
        self._balances, self._positions = balances, positions
        self._touched: dict[tuple[str, Kind], _Touched] = {}

    def touch(self, owner: str, symbol: Symbol, changes: Mapping[str, Decimal]) -> None:
        """Note by how much assets' totals moved because of a market; zero when only what is locked did."""
        if owner == HOUSE:
            return
        touched = self._touched.setdefault((owner, symbol.kind), _Touched())
        touched.symbols.add(symbol)
        for asset, change in changes.items():
            touched.changes[asset] += change

    def drain(self, now_ns: int) -> list[BalanceUpdate]:
        """What was touched since the last call, as it is now."""
        touched, self._touched = self._touched, {}
        return [self._update(owner, kind, what, now_ns) for (owner, kind), what in touched.items()]

    def _update(self, owner: str, kind: Kind, what: _Touched, now_ns: int) -> BalanceUpdate:
        held = {row.symbol: row for row in self._positions(owner)} if kind == "linear" else {}
        rows = [row for row in self._balances(owner, kind) if row.asset in what.changes]
        symbols = sorted(what.symbols, key=str) if kind == "linear" else []
        return BalanceUpdate(
            owner=owner,
            kind=kind,
            balances=tuple(rows),
            changes=dict(what.changes),
            positions=tuple(held.get(symbol) or _flat(rows[0].venue, symbol) for symbol in symbols),
            time_ns=now_ns,
        )


def _flat(venue: str, symbol: Symbol) -> Position:
    return Position(venue=venue, symbol=symbol, quantity=Decimal(0), entry_price=Decimal(0), unrealized_pnl=Decimal(0))
