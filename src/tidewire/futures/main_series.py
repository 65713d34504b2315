"""From contracts' bars to the daily rows that a roll rule looks at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np

from .bars import Bars
from .contracts import Contract
from .rolls import DailyRow

__all__ = ["daily_rows"]


def daily_rows(bars: Mapping[Contract, Bars]) -> list[DailyRow]:
    """Sum each contract's bars up by trading day: lots traded, and lots open at the end; ascending by day.

    The last day that any contract has is left out: it may not be over, and a rule decides on finished days only.
    """
    rows: list[DailyRow] = []
    for contract, own in bars.items():
        known = np.flatnonzero(~np.isnat(own.trading_day))
        days, first = np.unique(own.trading_day[known], return_index=True)
        ends = np.append(first[1:], len(known))
        for day, begin, end in zip(days.tolist(), first, ends, strict=True):
            at = known[begin:end]
            rows.append(_row(day, contract, own, at[0], at[-1]))
    last = max((row.day for row in rows), default=date.min)
    return sorted((row for row in rows if row.day < last), key=lambda row: (row.day, row.contract))


def _row(day: date, contract: Contract, own: Bars, first: int, last: int) -> DailyRow:
    volume = float(own.volume[first : last + 1].sum())
    return DailyRow(day, contract, round(volume), round(float(own.open_interest[last])))
