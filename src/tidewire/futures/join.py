"""Join history of one source to live bars of another: what both have is compared, and what differs is told."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from .bars import Bars, Provenance
from .calendar import CHINA, Calendar, shipped_calendar
from .contracts import Contract
from .symbols import parse_symbol

__all__ = ["Difference", "Seam", "join"]

_COMPARED = ("open", "high", "low", "close", "volume")
_EPOCH = datetime(1970, 1, 1, tzinfo=CHINA) + timedelta(hours=8)


class Difference(msgspec.Struct, frozen=True):
    """What the two sources say of one bar; NaN where one has no such bar."""

    open_time: int
    column: str
    history: float
    live: float


class Seam(msgspec.Struct, frozen=True):
    """How two sources were joined: live bars from ``at`` (UTC nanoseconds) on, history's before and after them.

    ``compared`` counts the bars that both have, ``differences`` tells every value in which they do not agree, and every
    bar of the stretch that only one has. ``missing_minutes`` are minutes of trading between the two that neither has.
    """

    at: int
    compared: int
    differences: tuple[Difference, ...]
    missing_minutes: int

    @property
    def is_clean(self) -> bool:
        """True when the sources agree on all that both have, and nothing is missing between them."""
        return not self.differences and not self.missing_minutes


def join(history: Bars, live: Bars, *, calendar: Calendar | None = None) -> tuple[Bars, Seam]:
    """Join bars of one contract from two sources, and tell how.

    The seam lies at the first bar on which both agree; where they agree on none, at the first live bar, so that a live
    bar which was not seen from its beginning is taken from history. No value is mixed or mended: each bar is one
    source's, and ``Seam.differences`` tells what the other says. Provenance names both. Raises ``ConfigError`` unless
    both are of one contract and interval.
    """
    if (str(history.symbol), history.interval) != (str(live.symbol), live.interval):
        raise ConfigError(
            f"join: {history.symbol} {history.interval} and {live.symbol} {live.interval} are not the same market"
        )
    if not len(history) or not len(live):
        raise ConfigError("join: one of the two has no bars")
    differences, common, agree = _compare(history, live)
    at = int(common[agree.argmax()]) if agree.any() else int(live.open_time[0])
    parts = history.between(None, at), live.between(at), history.between(int(live.open_time[-1]) + 1)
    seam = Seam(
        at=at,
        compared=len(common),
        differences=tuple(differences),
        missing_minutes=0 if len(common) else _missing(history, live, calendar or shipped_calendar()),
    )
    venues = [each.venue for each in (history, live) if each.venue]
    joined = Bars.concat(parts).labelled(
        symbol=str(live.symbol),
        interval=live.interval,
        venue="+".join(dict.fromkeys(venues)) or None,
        provenance=_provenance(history, live, seam),
    )
    return joined, seam


def _compare(history: Bars, live: Bars) -> tuple[list[Difference], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """What differs where both could have bars; the times that both have, and where they agree."""
    first, end = int(live.open_time[0]), int(min(history.open_time[-1], live.open_time[-1])) + 1
    old, new = history.between(first, end), live.between(first, end)
    common, in_old, in_new = np.intersect1d(old.open_time, new.open_time, return_indices=True)
    agree = np.ones(len(common), np.bool_)
    found: list[Difference] = []
    for name in _COMPARED:
        theirs, ours = getattr(old, name)[in_old], getattr(new, name)[in_new]
        same = (theirs == ours) | (np.isnan(theirs) & np.isnan(ours))
        agree &= same
        found += [
            Difference(int(common[row]), name, float(theirs[row]), float(ours[row])) for row in np.flatnonzero(~same)
        ]
    for only, side in ((old, 0), (new, 1)):
        for row in np.flatnonzero(~np.isin(only.open_time, common)):
            values = [float("nan"), float("nan")]
            values[side] = float(only.close[row])
            found.append(Difference(int(only.open_time[row]), "close", *values))
    return sorted(found, key=lambda each: (each.open_time, each.column)), common, agree


def _missing(history: Bars, live: Bars, calendar: Calendar) -> int:
    """Minutes of trading between the end of history and the first live bar."""
    contract = parse_symbol(str(live.symbol), "canonical")
    if not isinstance(contract, Contract):
        raise ConfigError(f"join: {contract} is not one contract")
    begin, end = (_EPOCH + timedelta(microseconds=int(ns) // 1000) for ns in (history.end_time[-1], live.open_time[0]))
    day, last = calendar.trading_day_of(begin), calendar.trading_day_of(end)
    minutes = 0
    while day <= last:
        for session in calendar.sessions(contract.product, day):
            minutes += max(0, (min(session.end, end) - max(session.start, begin)) // timedelta(minutes=1))
        day = calendar.next(day)
    return minutes


def _provenance(history: Bars, live: Bars, seam: Seam) -> Provenance:
    of = [each.provenance or Provenance("unknown", "") for each in (history, live)]
    facts = {f"history.{name}": text for name, text in of[0].facts.items()}
    facts |= {f"live.{name}": text for name, text in of[1].facts.items()}
    moment = _EPOCH + timedelta(microseconds=seam.at // 1000)
    facts |= {
        "seam": moment.isoformat(),
        "compared": str(seam.compared),
        "differences": str(len(seam.differences)),
        "missing_minutes": str(seam.missing_minutes),
    }
    return Provenance("+".join(each.provider for each in of), " + ".join(each.source for each in of), facts)
