"""Several venues behind one object: read from whichever answers, one ladder out of many books, routing, arbitrage."""

from __future__ import annotations

from .fees import FeeRate, Fees
from .live_books import BookWatch, LiveBooks
from .venue_book import VenueBook

__all__ = [
    "BookWatch",
    "FeeRate",
    "Fees",
    "LiveBooks",
    "VenueBook",
]
