"""Charts made of characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["plot"]

_EIGHTHS = " ▁▂▃▄▅▆▇█"


def plot(values: Sequence[float], width: int, height: int) -> list[str]:
    """Return values as lines of an area chart, top line first. Each column is the mean of its share of the values."""
    means = _means(values, min(width, len(values)))
    low, high = min(means), max(means)
    # One eighth at least, so that the lowest column still shows.
    steps = [1 + round((mean - low) / (high - low or 1) * (height * 8 - 1)) for mean in means]
    return ["".join(_EIGHTHS[max(0, min(8, step - 8 * row))] for step in steps) for row in reversed(range(height))]


def _means(values: Sequence[float], columns: int) -> list[float]:
    bounds = [index * len(values) // columns for index in range(columns + 1)]
    return [sum(values[i:j]) / (j - i) for i, j in pairwise(bounds)]
