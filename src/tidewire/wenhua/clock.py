"""What the times in a bar file mean: which clock they count, and whether they stamp a bar's beginning or its end.

Neither is proven for any version of the terminal, so both are found from the file itself, by the exchanges' hours.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from .layouts import WenhuaFormatError

__all__ = ["Stamp", "TimeBase", "find_stamp", "find_time_base"]

TimeBase = Literal["utc", "local"]
"""``"utc"``: seconds since 1970 in UTC. ``"local"``: the clock on the wall in China, counted as if it were UTC."""

Stamp = Literal["begin", "end"]

Seconds = npt.NDArray[np.int64]

OFFSET_S = 8 * 3600
_DAY_S = 86_400
_MOST = 0.99
_CLEARLY_WORSE = 0.8
_SAMPLE = 100_000  # rows are enough to tell
_ENOUGH_DAYS = 3


def _clock(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


# When trading begins in the morning and ends in the afternoon, on any exchange.
_BEGINS = [_clock(text) for text in ("09:00", "09:15", "09:30")]
_ENDS = [_clock(text) for text in ("15:00", "15:15")]


def find_time_base(seconds: Seconds, *, daily: bool) -> TimeBase:
    """Find the clock that puts bars into the exchanges' hours, or days at midnight; refuse when it is not clear."""
    if daily:
        rest = int(seconds[0]) % _DAY_S
        if rest == 0:
            return "local"
        if rest == _DAY_S - OFFSET_S:
            return "utc"
        raise WenhuaFormatError("days are stamped neither at midnight in China nor in UTC; give time_base=")
    sample = seconds[:: max(1, len(seconds) // _SAMPLE)]
    shares = {"local": _within_hours(sample), "utc": _within_hours(sample + OFFSET_S)}
    best: TimeBase = "local" if shares["local"] >= shares["utc"] else "utc"
    if shares[best] < _MOST or min(shares.values()) > _CLEARLY_WORSE:
        told = ", ".join(f"{share:.1%} if {name}" for name, share in shares.items())
        raise WenhuaFormatError(f"which clock the times count is not clear ({told} within hours); give time_base=")
    return best


def find_stamp(local: Seconds, step: int) -> Stamp | None:
    """Find whether bars of ``step`` seconds are stamped at their beginning or end; ``None`` where it does not show."""
    sample = local[:_SAMPLE]
    clock = sample % _DAY_S
    by_day = (clock >= _clock("08:00")) & (clock <= _clock("16:00"))
    if not np.any(by_day):
        return None
    first, last = int(clock[by_day].min()), int(clock[by_day].max())
    begins, ends = first in _BEGINS, last in _ENDS
    # The end of a bar may be another exchange's beginning (09:15). Only whole days, which would show 15:00, exclude it.
    days = len(np.unique(sample[by_day] // _DAY_S))
    if begins == ends or (begins and first - step in _BEGINS and days < _ENOUGH_DAYS):
        return None
    return "begin" if begins else "end"


def _within_hours(local: Seconds) -> float:
    clock = local % _DAY_S
    day = (clock >= _clock("09:00")) & (clock <= _clock("15:15"))
    night = (clock >= _clock("21:00")) | (clock <= _clock("02:30"))
    return float(np.mean(day | night)) if len(clock) else 0.0
