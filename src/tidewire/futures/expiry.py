"""Last trading days of contracts, as the exchanges' terms are commonly known: grade U, and the exchange's word wins."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

from ..errors import ConfigError
from .calendar import Calendar, shipped_calendar
from .contracts import Contract
from .products import rows

__all__ = ["LastDay", "ended_before", "last_trading_day"]

LastDay = Callable[[Contract], date]

_DAY = timedelta(days=1)
_FRIDAY = 4


def last_trading_day(contract: Contract, calendar: Calendar | None = None) -> date:
    """Return the last day on which a contract is traded, by its product's rule in ``data/expiry.txt`` (grade U).

    What CTP's instrument query says (``ExpireDate``) always wins. Raises ``ConfigError`` for a product whose rule is
    not known to us, and for months outside the calendar.
    """
    rule = _rules().get(contract.product)
    if rule is None:
        raise ConfigError(f"when contracts of {contract.product} end is not known to us; ask the exchange")
    calendar = calendar or shipped_calendar()
    kind, number = rule
    first = date(contract.year, contract.month, 1)
    match kind:
        case "day":
            return calendar.next(first + (number - 2) * _DAY)
        case "friday":
            until = (_FRIDAY - first.weekday()) % 7 + 7 * (number - 1)
            return calendar.next(first + (until - 1) * _DAY)
        case "month-before":
            return calendar.previous(first)
        case _:
            days = _of_month(calendar, first)
            return days[number - 1 if number > 0 else number]


def ended_before(contract: Contract, day: date, calendar: Calendar | None = None) -> date | None:
    """Return a contract's last trading day if that was before a day, else ``None``: nothing is asked of later years."""
    first = date(contract.year, contract.month, 1)
    kind = _rules().get(contract.product, ("unknown", 0))[0]
    if day < (first - 31 * _DAY if kind in ("month-before", "unknown") else first):
        return None
    last = last_trading_day(contract, calendar)
    return last if last < day else None


def _of_month(calendar: Calendar, first: date) -> tuple[date, ...]:
    calendar.is_trading_day(first)  # raises outside the calendar
    after = (first + 31 * _DAY).replace(day=1)
    every = calendar.trading_days
    return every[bisect_left(every, first) : bisect_left(every, after)]


@cache
def _rules() -> dict[str, tuple[str, int]]:
    found = {}
    for codes, rule, _ in rows("expiry.txt"):
        kind, number = rule.split()
        found.update(dict.fromkeys(codes.split(), (kind, int(number))))
    return found
