"""Positions: merged from the front's rows, and carried on with our own fills, because CTP never pushes them.

A row's YdPosition is what the day began with and never changes; with the day's fills, each known once, it gives the
position at any moment without a race between queries and fills. Only what neither tells (exercised options,
combinations, transfers) needs the queried figure, and that is believed when two queries in a row show the same
difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from ..models import Side
from . import codes
from .amounts import amount
from .ledger import Entry
from .models import Fill, Hedge, Instrument, Offset, Position, PositionSide
from .offsets import Closable, keeps_days_apart

__all__ = ["PositionBook", "PositionKey", "merge_positions"]

_HISTORY = "2"


class PositionKey(NamedTuple):
    """What makes two rows one position."""

    symbol: str
    side: PositionSide
    hedge: Hedge


def merge_positions(rows: Iterable[Any], instrument: Callable[[str], Instrument | None]) -> list[Position]:
    """Add up the rows of ReqQryInvestorPosition; positions of zero lots with nothing frozen are left out."""
    groups: dict[PositionKey, list[Any]] = {}
    for row in rows:
        groups.setdefault(_key_of(row), []).append(row)
    merged = (_merge(key, parts, instrument(key.symbol)) for key, parts in groups.items())
    return [position for position in merged if position.quantity or position.frozen]


def _merge(key: PositionKey, rows: list[Any], instrument: Instrument | None) -> Position:
    quantity = sum(row.Position for row in rows)
    today = sum(row.TodayPosition for row in rows)
    frozen = sum(_frozen(row) for row in rows)
    apart = keeps_days_apart(rows[0].ExchangeID)
    frozen_yesterday = sum(_frozen(row) for row in rows if row.PositionDate == _HISTORY) if apart else 0
    units = Decimal(quantity * instrument.multiplier) if instrument else Decimal(0)
    return Position(
        symbol=key.symbol,
        exchange=rows[0].ExchangeID,
        side=key.side,
        hedge=key.hedge,
        quantity=quantity,
        today=today,
        yesterday=quantity - today,
        frozen=frozen,
        frozen_today=frozen - frozen_yesterday if apart else 0,
        frozen_yesterday=frozen_yesterday,
        entry_price=_total(rows, "OpenCost") / units if units else None,
        cost_price=_total(rows, "PositionCost") / units if units else None,
        margin=_total(rows, "UseMargin"),
        realized_pnl=_total(rows, "CloseProfit"),
        unrealized_pnl=_total(rows, "PositionProfit"),
        commission=_total(rows, "Commission"),
        combined=sum(row.CombPosition for row in rows),
    )


def _frozen(row: Any) -> int:
    """Lots that close orders hold. The front counts them by the order's direction: a sale freezes a long position."""
    frozen: int = row.LongFrozen if codes.POSITION_SIDES[row.PosiDirection] is PositionSide.SHORT else row.ShortFrozen
    return frozen


def _total(rows: list[Any], field: str) -> Decimal:
    return sum((amount(getattr(row, field)) for row in rows), Decimal(0))


def _key_of(row: Any) -> PositionKey:
    side = codes.POSITION_SIDES[row.PosiDirection]
    return PositionKey(row.InstrumentID, side, codes.HEDGES.get(row.HedgeFlag, Hedge.OTHER))


class _Lots:
    """One position of the moment."""

    __slots__ = ("began", "closed_today", "closed_yesterday", "difference", "opened", "suspect")

    def __init__(self) -> None:
        self.began = 0
        self.opened = 0
        self.closed_today = 0
        self.closed_yesterday = 0  # and, where days are not kept apart, every close
        self.difference: tuple[int, int] = (0, 0)
        self.suspect: tuple[int, int] | None = None

    @property
    def today(self) -> int:
        return self.opened - self.closed_today + self.difference[0]

    @property
    def yesterday(self) -> int:
        return self.began - self.closed_yesterday + self.difference[1]


class PositionBook:
    """What is held now, from the day's beginning, its fills and what was queried. Pure; not thread-safe."""

    def __init__(self) -> None:
        self._lots: dict[PositionKey, _Lots] = {}

    def clear(self) -> None:
        """Begin a trading day."""
        self._lots.clear()

    def on_fill(self, fill: Fill) -> None:
        """Count a fill; each may come once only."""
        opens = fill.offset is Offset.OPEN
        long = (fill.side is Side.BUY) == opens
        lots = self._at(PositionKey(fill.symbol, PositionSide.LONG if long else PositionSide.SHORT, fill.hedge))
        if opens:
            lots.opened += fill.quantity
        elif fill.offset is Offset.CLOSE_TODAY and keeps_days_apart(fill.exchange):
            lots.closed_today += fill.quantity
        else:
            lots.closed_yesterday += fill.quantity

    def restate(self, rows: Iterable[Any], *, quiet: bool) -> bool:
        """Take a query's rows; ``quiet`` says that no fill came meanwhile. False when another query must decide."""
        groups: dict[PositionKey, list[Any]] = {key: [] for key in self._lots}
        for row in rows:
            groups.setdefault(_key_of(row), []).append(row)
        settled = [self._settle(self._at(key), parts, quiet=quiet) for key, parts in groups.items()]
        return all(settled)

    def closable(
        self, symbol: str, exchange: str, side: PositionSide, hedge: Hedge, unsettled: Iterable[Entry]
    ) -> Closable:
        """Lots that a new order could close, without what other close orders hold or have taken."""
        lots = self._lots.get(PositionKey(symbol, side, hedge)) or _Lots()
        today, yesterday = lots.today, lots.yesterday
        for entry in unsettled:
            order = entry.order
            closes = PositionSide.SHORT if order.side is Side.BUY else PositionSide.LONG
            if order.offset is Offset.OPEN or (order.symbol, closes, order.hedge) != (symbol, side, hedge):
                continue
            if order.offset is Offset.CLOSE_TODAY and keeps_days_apart(exchange):
                today -= entry.unsettled
            else:
                yesterday -= entry.unsettled
        return Closable(max(0, today + yesterday), max(0, today), max(0, yesterday))

    def _at(self, key: PositionKey) -> _Lots:
        return self._lots.setdefault(key, _Lots())

    def _settle(self, lots: _Lots, rows: list[Any], *, quiet: bool) -> bool:
        if rows:
            lots.began = sum(row.YdPosition for row in rows)
        quantity = sum(row.Position for row in rows)
        today = sum(row.TodayPosition for row in rows)
        apart = keeps_days_apart(rows[0].ExchangeID) if rows else False
        # Where days are not kept apart, only the sum of both is ours to tell.
        off = (
            (today - lots.today, quantity - today - lots.yesterday)
            if apart
            else (quantity - lots.today - lots.yesterday, 0)
        )
        if off == (0, 0):
            lots.suspect = None
            return True
        if quiet and lots.suspect == off:
            lots.difference = (lots.difference[0] + off[0], lots.difference[1] + off[1])
            lots.suspect = None
            return True
        lots.suspect = off if quiet else None
        return False
