"""How Wenhua's terminals are publicly described to lay out their bar files, and finding which one a file has.

Community knowledge, unverified: nobody here has a licensed installation. So a file is read only when one layout fits it
and no other does; else ``WenhuaFormatError`` tells the scores.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .._native import count_sound
from ..errors import DecodeError

__all__ = ["LAYOUTS", "Layout", "WenhuaFormatError", "detect"]

Memory = npt.NDArray[np.uint8]

_ENOUGH = 0.995  # of the records must be sound in the layout that is chosen
_CLEARLY_WORSE = 0.5  # at most, in every other
_WINDOW = 4096  # records looked at, at four places


class WenhuaFormatError(DecodeError):
    """A file has no layout that we know, or could have several; ``scores`` gives the share of sound records in each."""

    def __init__(self, message: str, *, scores: dict[str, float] | None = None) -> None:
        told = "".join(f"; {name}: {score:.1%} sound" for name, score in (scores or {}).items())
        super().__init__(message + told)
        self.scores = scores or {}


class Layout(NamedTuple):
    """Bytes of a file's header and record, and offsets of open, high, low, close, volume, open interest, settlement."""

    name: str
    header: int
    record: int
    offsets: tuple[int, ...]
    source: str


# Open, close, high, low: in this order. Files of minutes have a settlement too, which is described as zero.
_DAILY = (4, 12, 16, 8, 20, 24, 28)
_INTRADAY = (4, 12, 16, 8, 20, 24, -1)

LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("intraday", 4, 36, _INTRADAY, "three agreeing public parsers of minute and hour files"),
        Layout("daily", 0, 37, _DAILY, "two public descriptions of day, week and month files"),
        Layout("headless-36", 0, 36, _INTRADAY, "one description"),
        Layout("counted-28", 4, 28, _INTRADAY, "one description"),
        Layout("headless-28", 0, 28, _INTRADAY, "one description"),
        Layout("headless-32", 0, 32, _INTRADAY, "one description, of older versions"),
        Layout("counted-32", 4, 32, _INTRADAY, "one description, of older versions"),
    )
}


def detect(memory: Memory) -> tuple[Layout, float]:
    """Return the one layout that fits, and its score; ``WenhuaFormatError`` for none or several."""
    scores = {name: _score(memory, layout) for name, layout in LAYOUTS.items()}
    best = max(scores, key=lambda name: scores[name])
    told = {name: score for name, score in scores.items() if score > 0}
    if scores[best] < _ENOUGH:
        raise WenhuaFormatError("no known layout fits this file", scores=told)
    if rivals := [name for name, score in scores.items() if name != best and score > _CLEARLY_WORSE]:
        raise WenhuaFormatError(f"this file could have the layout {best}, or {' or '.join(rivals)}", scores=told)
    return LAYOUTS[best], scores[best]


def body(memory: Memory, layout: Layout) -> Memory:
    """Return the records that the file says it has; a terminal that is writing may leave others, or part of one."""
    rows = (len(memory) - layout.header) // layout.record
    if layout.header:
        rows = min(rows, int(memory[:4].view("<u4")[0]))
    return memory[layout.header : layout.header + max(rows, 0) * layout.record]


def _score(memory: Memory, layout: Layout) -> float:
    rows = (len(memory) - layout.header) // layout.record
    if rows < 1:
        return 0.0
    if layout.header:
        count = int(memory[:4].view("<u4")[0])
        # It is written before or after the last record, so it may be one off; more is no count of these records.
        if not rows / 2 <= count <= rows + 1:
            return 0.0
    records = body(memory, layout)
    rows = len(records) // layout.record
    windows = {max(0, min(place, rows - _WINDOW)) for place in (0, rows // 3, 2 * rows // 3, rows - _WINDOW)}
    looked = sound = 0
    for first in windows:
        part = records[first * layout.record : (first + _WINDOW) * layout.record]
        looked += len(part) // layout.record
        sound += count_sound(part, layout.record, layout.offsets)
    return sound / looked
