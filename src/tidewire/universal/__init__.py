"""Several venues behind one object: read from whichever answers, one ladder out of many books, routing, arbitrage."""

from __future__ import annotations

from .fees import FeeRate, Fees
from .venue_book import VenueBook

__all__ = [
    "FeeRate",
    "Fees",
    "VenueBook",
]
