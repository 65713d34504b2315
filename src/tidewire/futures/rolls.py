"""Which contract is the main one, day by day: rules, and the table that they make.

A rule looks at one finished trading day and says which contract is the main one from the next day on, so no decision
knows anything of the day that it holds for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Self

import msgspec

from ..errors import ConfigError
from .contracts import Contract

__all__ = [
    "DailyRow",
    "Roll",
    "RollTable",
    "Rule",
    "days_before_expiry",
    "open_interest_lead",
    "volume_and_open_interest",
    "wenhua_main",
]


class DailyRow(msgspec.Struct, frozen=True):
    """What a contract did on one trading day: lots traded, and lots open at its end."""

    day: date
    contract: Contract
    volume: int
    open_interest: int


Rule = Callable[[Sequence[DailyRow], Contract | None], Contract]
"""Takes the rows of one finished trading day and the contract that was main on it (``None`` at the beginning); returns
the one that is main from the next trading day on. Write your own as you like."""


class Roll(msgspec.Struct, frozen=True):
    """From trading day ``day`` on, its night included, ``contract`` is the main one; decided by ``decided_on``'s rows.

    ``old`` and ``new`` are the evidence: that day's rows of the contract that was main and of the one that is.
    """

    day: date
    contract: Contract
    decided_on: date
    old: DailyRow | None
    new: DailyRow


def volume_and_open_interest(rows: Sequence[DailyRow], current: Contract | None) -> Contract:
    """Take the contract with both the largest volume and the largest open interest; never go back to an earlier month.

    As TqSdk describes its main contracts. Where no contract has both, the current one stays.
    """
    leader = _largest(rows, "open_interest")
    if current is None:
        return leader
    return leader if leader == _largest(rows, "volume") and _later(leader, current) else current


def open_interest_lead(factor: float = 1.1) -> Rule:
    """Make the rule: take the contract whose open interest exceeds the current one's ``factor`` times; never go back.

    As RiceQuant describes its dominant contracts, with 1.1.
    """
    if not factor >= 1:
        raise ConfigError(f"a lead is a factor of 1 or more, not {factor!r}")

    def rule(rows: Sequence[DailyRow], current: Contract | None) -> Contract:
        leader = _largest(rows, "open_interest")
        if current is None:
            return leader
        interest = {row.contract: row.open_interest for row in rows}
        exceeds = interest[leader] > factor * interest.get(current, 0)
        return leader if exceeds and _later(leader, current) else current

    return rule


def wenhua_main(rows: Sequence[DailyRow], current: Contract | None) -> Contract:
    """Take the contract with both the largest volume and open interest; where the current has neither, that of volume.

    Wenhua's rule as publicly described; not compared with its terminal. It may go back to an earlier month.
    """
    busiest, leader = _largest(rows, "volume"), _largest(rows, "open_interest")
    if current is not None and busiest != leader and current in (busiest, leader):
        return current
    return busiest


def days_before_expiry(days: int, last_day: Callable[[Contract], date]) -> Rule:
    """Make the rule: take the nearest month whose last trading day is more than ``days`` calendar days away."""

    def rule(rows: Sequence[DailyRow], current: Contract | None) -> Contract:
        living = [row.contract for row in rows if (last_day(row.contract) - row.day).days > days]
        if not living:
            raise ConfigError(f"no contract of {rows[0].day} lives for more than {days} days")
        return min(living, key=lambda contract: (contract.year, contract.month))

    return rule


class RollTable(Sequence[Roll]):
    """The main contract of every trading day, as a list of rolls. Immutable; safe to share."""

    def __init__(self, rolls: Iterable[Roll]) -> None:
        self._rolls = tuple(rolls)
        self._days = [roll.day for roll in self._rolls]
        if self._days != sorted(set(self._days)):
            raise ConfigError("rolls ascend by day, one a day")

    @classmethod
    def build(cls, rows: Iterable[DailyRow], rule: Rule, *, next_day: Callable[[date], date]) -> Self:
        """Apply a rule to the rows of many days; ``next_day`` gives the trading day after one (``Calendar().next``).

        Raises ``ConfigError`` for days that do not ascend, and when a rule names a contract that has no row.
        """
        rolls: list[Roll] = []
        current: Contract | None = None
        before: date | None = None
        for day, group in groupby(rows, key=lambda row: row.day):
            if before is not None and day <= before:
                raise ConfigError(f"rows ascend by day: {day} comes after {before}")
            before = day
            of_day = {row.contract: row for row in group}
            chosen = rule(list(of_day.values()), current)
            if chosen == current:
                continue
            if chosen not in of_day:
                raise ConfigError(f"the rule chose {chosen} on {day}, of which there is no row")
            old = None if current is None else of_day.get(current)
            rolls.append(Roll(next_day(day), chosen, day, old, of_day[chosen]))
            current = chosen
        return cls(rolls)

    def contract_on(self, day: date) -> Contract:
        """Return the contract that is main on a trading day; ``ConfigError`` before the first decision."""
        index = bisect_right(self._days, day) - 1
        if index < 0:
            raise ConfigError(f"there is no main contract on {day}: the first decision holds from {self._days[:1]} on")
        return self._rolls[index].contract

    def save(self, path: str | Path) -> None:
        """Write the table as JSON, to be audited, edited and loaded again."""
        Path(path).write_bytes(msgspec.json.format(msgspec.json.encode(self._rolls)) + b"\n")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a table that ``save`` wrote; ``ConfigError`` for anything else."""
        try:
            return cls(msgspec.json.decode(Path(path).read_bytes(), type=tuple[Roll, ...]))
        except msgspec.DecodeError as error:
            raise ConfigError(f"{path} is no table of rolls: {error}") from error

    def __len__(self) -> int:
        return len(self._rolls)

    def __getitem__(self, index: int) -> Roll:  # type: ignore[override]
        return self._rolls[index]

    def __iter__(self) -> Iterator[Roll]:
        return iter(self._rolls)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RollTable) and self._rolls == other._rolls

    def __hash__(self) -> int:
        return hash(self._rolls)

    def __repr__(self) -> str:
        chain = ", ".join(f"{roll.day} {roll.contract}" for roll in self._rolls[-3:])
        return f"<RollTable of {len(self)}{': … ' if len(self) > 3 else ': '}{chain}>"


_KEYS: Mapping[str, Callable[[DailyRow], int]] = {
    "volume": lambda row: row.volume,
    "open_interest": lambda row: row.open_interest,
}


def _largest(rows: Sequence[DailyRow], what: str) -> Contract:
    """Of equals the nearest month, so that the answer does not depend on the order of rows."""
    return min(rows, key=lambda row: (-_KEYS[what](row), row.contract.year, row.contract.month)).contract


def _later(contract: Contract, current: Contract) -> bool:
    return (contract.year, contract.month) > (current.year, current.month)
