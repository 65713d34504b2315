"""One number of Wenhua's stands for a month, year after year: its bars are those of a chain of contracts.

A contract's bars end with its last trading day; with the next, its successor's begin.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from ..errors import ConfigError
from ..futures.bars import Bars
from ..futures.calendar import Calendar
from ..futures.contracts import Contract
from ..futures.expiry import LastDay, last_trading_day
from ..futures.products import product
from ..klines import Klines
from .layouts import WenhuaFormatError

__all__ = ["split_by_delivery"]


def split_by_delivery(
    bars: Bars, code: str, month: int, *, calendar: Calendar, last_day: LastDay | None = None
) -> dict[Contract, Bars]:
    """Give every bar to the contract that was the next to be delivered on its trading day, oldest contract first.

    ``last_day`` tells a contract's last trading day; by default ``last_trading_day`` does, by the product's rule.
    Raises ``ConfigError`` where no rule is known, or a bar is of weeks or months, which two contracts may share; and
    ``WenhuaFormatError`` for bars outside the calendar's years.
    """
    if bars.klines.interval is None or str(bars.klines.interval)[-1] in "wMy":
        raise ConfigError(
            f"bars of {bars.klines.interval or 'unknown length'} may be of two contracts; read the number"
        )
    terms = product(code)
    ends: dict[Contract, date] = {}
    for year in range(calendar.first.year, calendar.last.year + 1):
        contract = Contract(terms.exchange, terms.code, year, month)
        try:
            ends[contract] = last_day(contract) if last_day else last_trading_day(contract, calendar)
        except ConfigError:
            if year != calendar.first.year:  # whose rule may look at the month before
                raise
    if np.any(np.isnat(bars.trading_day)):
        raise WenhuaFormatError(f"some bars lie outside the calendar of {calendar.first.year} to {calendar.last.year}")
    contracts = [*ends, Contract(terms.exchange, terms.code, calendar.last.year + 1, month)]
    which = np.searchsorted(np.array(list(ends.values()), "datetime64[D]"), bars.trading_day)
    first = np.flatnonzero(np.diff(which, prepend=-1))
    stretches = zip(first.tolist(), [*first[1:].tolist(), len(bars)], strict=True)
    return {contracts[which[start]]: _named(bars[start:end], contracts[which[start]]) for start, end in stretches}


def _named(bars: Bars, contract: Contract) -> Bars:
    klines = bars.klines
    names = ("open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades")
    columns = {name: getattr(klines, name) for name in names}
    return Bars(
        Klines.wrap(columns, symbol=str(contract), interval=klines.interval),
        end_time=bars.end_time,
        trading_day=bars.trading_day,
        open_interest=bars.open_interest,
        settlement=bars.settlement,
        provenance=bars.provenance,
    )
