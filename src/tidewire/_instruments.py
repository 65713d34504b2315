"""The instruments of a kind, and what somebody may have meant who named one that is not among them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from .models import Instrument

__all__ = ["Instruments", "hint"]


class Instruments:
    """The instruments of one kind, by symbol."""

    def __init__(self, rows: Sequence[Instrument]) -> None:
        self.rows = list(rows)
        self.by_symbol = {row.symbol: row for row in rows}

    def near(self, text: str) -> list[str]:
        """Symbols that look like ``text``, also when it is the venue's own id."""
        own = [str(row.symbol) for row in self.rows if row.native.upper() == text.upper()]
        names = [str(row.symbol) for row in self.rows if row.active]
        return own or difflib.get_close_matches(text.upper(), names, n=3, cutoff=0.6)


def hint(near: Sequence[str]) -> str:
    """The end of an error about a symbol that the venue does not know."""
    return f"; did you mean {' or '.join(near[:4])}?" if near else "; fetch_instruments() lists what there is"
