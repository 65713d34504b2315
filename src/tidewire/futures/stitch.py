"""Continuous series: the main contracts' bars one after the other, with the gaps at rolls left, shifted or scaled.

The step at a roll is measured where both contracts have a bar at the same moment, the last one before the roll; never
from one contract's close to the other's next open. Real prices and the terms of every bar are kept beside the adjusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..klines import Klines
from .bars import Bars, Provenance
from .contracts import Continuous, Contract
from .expiry import LastDay, ended_before
from .rolls import RollTable

__all__ = ["Stitched", "stitch", "weighted_index"]

_PRICES = ("open", "high", "low", "close")


class Stitched:
    """A continuous series: ``bars`` with adjusted prices, ``raw`` with those that were traded, and what made them.

    For bar ``i``, ``contracts[which[i]]`` is its contract, and its adjusted prices are ``raw * factor[i] + offset[i]``
    (float64). ``steps`` holds, for each roll, the new and the old contract's price at the moment they were compared;
    ``symbol`` names the series.
    """

    __slots__ = ("bars", "contracts", "factor", "offset", "raw", "steps", "symbol", "which")

    def __init__(
        self,
        raw: Bars,
        *,
        contracts: tuple[Contract, ...],
        which: npt.NDArray[np.int64],
        factor: npt.NDArray[np.float64],
        offset: npt.NDArray[np.float64],
        steps: tuple[tuple[float, float], ...],
        symbol: Continuous,
    ) -> None:
        self.raw = raw
        self.contracts = contracts
        self.which = which
        self.factor = factor
        self.offset = offset
        self.steps = steps
        self.symbol = symbol
        self.bars = _adjusted(raw, factor, offset, symbol)

    def __len__(self) -> int:
        return len(self.raw)

    def __repr__(self) -> str:
        return f"<Stitched of {len(self.contracts)} contracts, {len(self)} bars>"


def stitch(
    bars: Mapping[Contract, Bars],
    rolls: RollTable,
    *,
    adjust: Literal["diff", "ratio"] | None = None,
    side: Literal["front", "back"] = "front",
) -> Stitched:
    """Join the main contracts' bars into one continuous series.

    A roll takes effect with the trading day that it names, at its night's opening. ``adjust="diff"`` shifts by the
    difference at each roll, ``"ratio"`` scales by the quotient, ``None`` leaves prices as they were traded.
    ``side="front"`` changes the older prices, so that the newest are real; ``"back"`` the newer ones.

    Raises ``ConfigError`` when a contract of the table has no bars, when two contracts have no bar in common before
    their roll, and when shifting makes a price zero or less (use ``"ratio"``, or ``side="back"``).
    """
    if adjust not in (None, "diff", "ratio") or side not in ("front", "back"):
        raise ConfigError(f"adjust is 'diff', 'ratio' or None and side 'front' or 'back', not {adjust!r} and {side!r}")
    if not len(rolls):
        raise ConfigError("the table of rolls is empty")
    parts: list[Bars] = []
    steps: list[tuple[float, float]] = []
    for index, roll in enumerate(rolls):
        if roll.contract not in bars:
            raise ConfigError(f"there are no bars of {roll.contract}, which is main from {roll.day} on")
        own = bars[roll.contract]
        until = rolls[index + 1].day if index + 1 < len(rolls) else None
        days = own.trading_day
        first = int(np.searchsorted(days, np.datetime64(roll.day)))
        last = len(own) if until is None else int(np.searchsorted(days, np.datetime64(until)))
        parts.append(own[first:last])
        if index:
            steps.append(_step(bars[rolls[index - 1].contract], own, np.datetime64(roll.day), roll.contract))
    whose = rolls[0].contract
    raw = Bars.concat(parts).labelled(
        symbol=str(Continuous(whose.exchange, whose.product)),
        interval=parts[0].interval,
        venue="+".join(dict.fromkeys(part.venue for part in parts if part.venue)) or None,
        provenance=_provenance(bars, rolls, f"{adjust}, {side}" if adjust else "none"),
    )
    which = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    factors, offsets = _terms(steps, adjust, side)
    stitched = Stitched(
        raw,
        contracts=tuple(roll.contract for roll in rolls),
        which=which,
        factor=factors[which],
        offset=offsets[which],
        steps=tuple(steps),
        symbol=Continuous(whose.exchange, whose.product, "main", side if adjust else ""),
    )
    if adjust is not None and np.any(stitched.bars.klines.low <= 0) and not np.any(raw.klines.low <= 0):
        first = int(np.argmax(stitched.bars.klines.low <= 0))
        raise ConfigError(
            f"the difference makes prices of {rolls[int(which[first])].contract} zero or less; "
            'use adjust="ratio", or side="back"'
        )
    return stitched


def weighted_index(bars: Mapping[Contract, Bars], *, last_day: LastDay | None = None) -> Bars:
    """Make a product's index: the mean of all its contracts' prices, weighted by open interest.

    The weights of a trading day are the open interests at the end of the one before, so that none knows the future; the
    first day, which has none, is left out. A contract without a bar at some moment counts with its last close, until it
    ends: on ``last_day(contract)``, or by its product's rule (``last_trading_day``, which see for what it raises).
    Volumes, turnovers and open interests are summed.
    """
    contracts = [each for each in bars.values() if len(each)]
    if not contracts:
        raise ConfigError("an index needs bars of a contract")
    moments = np.unique(np.concatenate([each.klines.open_time for each in contracts]))
    total = np.zeros(len(moments))
    sums = {name: np.zeros(len(moments)) for name in (*_PRICES, "volume", "quote_volume", "open_interest")}
    trades = np.zeros(len(moments), np.int64)
    days = np.zeros(len(moments), "datetime64[D]")
    ends = np.zeros(len(moments), np.int64)
    for each in contracts:
        at = np.searchsorted(moments, each.klines.open_time)
        days[at], ends[at] = each.trading_day, each.end_time
    ends_on = _ends([contract for contract, each in bars.items() if len(each)], days.max(), last_day)
    for each, last in zip(contracts, ends_on, strict=True):
        klines = each.klines
        row = np.searchsorted(klines.open_time, moments, "right") - 1  # the bar at, or the last before, each moment
        present = (row >= 0) & (klines.open_time[row] == moments)
        # The last bar of an earlier trading day gives the weight; a contract that has ended has none.
        eve = np.searchsorted(each.trading_day, days, "left") - 1
        alive = (eve >= 0) & (days <= last)
        weight = np.where(alive, each.open_interest[eve], 0.0)
        total += weight
        for name in _PRICES:
            price = np.where(present, getattr(klines, name)[row], klines.close[row])
            sums[name] += np.where(alive, weight * price, 0.0)
        for name in ("volume", "quote_volume"):
            sums[name] += np.where(present, getattr(klines, name)[row], 0.0)
        sums["open_interest"] += np.where((row >= 0) & (days <= last), each.open_interest[row], 0.0)
        trades += np.where(present, klines.trades[row], 0)
    known = total > 0
    prices = {name: sums[name][known] / total[known] for name in _PRICES}
    columns = {"open_time": moments[known], **prices, "trades": trades[known]}
    columns |= {name: sums[name][known] for name in ("volume", "quote_volume")}
    return Bars(
        Klines(columns, symbol=str(_index_of(bars)), interval=contracts[0].klines.interval),
        end_time=ends[known],
        trading_day=days[known],
        open_interest=sums["open_interest"][known],
        provenance=Provenance("weighted_index", ", ".join(map(str, bars))),
    )


def _index_of(bars: Mapping[Contract, Bars]) -> Continuous:
    first = next(iter(bars))
    return Continuous(first.exchange, first.product, "index")


def _ends(contracts: list[Contract], until: np.datetime64, last_day: LastDay | None) -> list[np.datetime64]:
    """The last trading day of each contract that ended before the last of all bars; for the others that of all bars."""
    day = until.astype("datetime64[D]").item()
    ended = (last_day(each) if last_day else ended_before(each, day) for each in contracts)
    return [np.datetime64(last) if last is not None else until for last in ended]


def _step(old: Bars, new: Bars, day: np.datetime64, contract: Contract) -> tuple[float, float]:
    """Prices of both contracts at the last moment before the roll at which both have a bar: new, old."""
    before_old, before_new = (each[: int(np.searchsorted(each.trading_day, day))] for each in (old, new))
    _, at_old, at_new = np.intersect1d(before_old.klines.open_time, before_new.klines.open_time, return_indices=True)
    if not len(at_old):
        raise ConfigError(f"before the roll to {contract} on {day} the two contracts have no bar in common")
    return float(before_new.klines.close[at_new[-1]]), float(before_old.klines.close[at_old[-1]])


def _terms(
    steps: list[tuple[float, float]], adjust: str | None, side: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Factor and offset of each contract's stretch."""
    count = len(steps) + 1
    factors, offsets = np.ones(count), np.zeros(count)
    if adjust == "diff":
        offsets[1:] = -np.cumsum([new - old for new, old in steps])
        offsets -= offsets[-1] if side == "front" else 0.0
    elif adjust == "ratio":
        factors[1:] = np.cumprod([old / new for new, old in steps])
        factors /= factors[-1] if side == "front" else 1.0
    return factors, offsets


def _adjusted(raw: Bars, factor: npt.NDArray[np.float64], offset: npt.NDArray[np.float64], symbol: Continuous) -> Bars:
    klines = raw.klines
    columns = {name: getattr(klines, name) for name in ("open_time", "volume", "quote_volume", "trades")}
    columns |= {name: getattr(klines, name) * factor + offset for name in _PRICES}
    return Bars(
        Klines(columns, symbol=str(symbol), interval=klines.interval, venue=klines.venue),
        end_time=raw.end_time,
        trading_day=raw.trading_day,
        open_interest=raw.open_interest,
        provenance=raw.provenance,
    )


def _provenance(bars: Mapping[Contract, Bars], rolls: RollTable, adjusted: str) -> Provenance:
    contracts = dict.fromkeys(roll.contract for roll in rolls)
    of = {contract: bars[contract].provenance or Provenance("unknown", "") for contract in contracts}
    facts = {
        "contracts": ", ".join(map(str, contracts)),
        "rolls": "; ".join(f"{roll.day} {roll.contract} (decided on {roll.decided_on})" for roll in rolls),
        "adjusted": adjusted,
        **{f"{contract} from": f"{told.provider} {told.source}".rstrip() for contract, told in of.items()},
    }
    return Provenance("stitch", ", ".join(dict.fromkeys(told.provider for told in of.values())), facts)
