"""How klines look in a notebook: a line of closing prices and a few rows. Plain HTML and SVG, no script."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from .models import utc

__all__ = ["render"]

_SHOWN = 3  # rows at either end
_WIDTH, _HEIGHT, _POINTS = 480, 64, 240


def render(title: str, columns: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return HTML for columns of one length, of which ``open_time`` is int64 UTC nanoseconds."""
    rows = len(columns["open_time"])
    ends = range(rows) if rows <= 2 * _SHOWN else [*range(_SHOWN), None, *range(rows - _SHOWN, rows)]
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join(
        f"<tr>{_cells(columns, row)}</tr>" if row is not None else f'<tr><td colspan="{len(columns)}">⋮</td></tr>'
        for row in ends
    )
    return f"<div><p>{escape(title)}</p>{_line(columns['close'])}<table><tr>{head}</tr>{body}</table></div>"


def _cells(columns: Mapping[str, npt.NDArray[Any]], row: int) -> str:
    time, *values = (column[row].item() for column in columns.values())
    texts = [f"{utc(time):%Y-%m-%d %H:%M:%S}Z", *(_number(value) for value in values)]
    return "".join(f"<td>{text}</td>" for text in texts)


def _number(value: float) -> str:
    unknown = value != value or (isinstance(value, int) and value < 0)
    return "–" if unknown else f"{value:.10g}"


def _line(close: npt.NDArray[np.float64]) -> str:
    if len(close) < 2:
        return ""
    picked = close[np.linspace(0, len(close) - 1, min(len(close), _POINTS)).astype(np.int64)]
    low, high = float(picked.min()), float(picked.max())
    x = np.linspace(0, _WIDTH, len(picked))
    y = (high - picked) / ((high - low) or 1) * _HEIGHT
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT + 4}" viewBox="0 -2 {_WIDTH} {_HEIGHT + 4}" role="img">'
        f'<polyline points="{points}" fill="none" stroke="currentColor"/></svg>'
    )
