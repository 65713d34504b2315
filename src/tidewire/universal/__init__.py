"""Several venues behind one object: read from whichever answers, one ladder out of many books, routing, arbitrage."""

from __future__ import annotations

from .arbitrage import ArbitrageScanner, Funding
from .blocking import Universal
from .fees import FeeRate, Fees
from .health import VenueHealth
from .live_books import BookWatch, LiveBooks
from .opportunity import ArbitrageKind, ArbitrageScan, ArbitrageTrade, Carry, Holding, Opportunity
from .provenance import Answer, Conversion, Failed, Provenance
from .report import ExecutionReport, Outcome, SliceReport
from .route import BestVenue, Route, Slice
from .universal import AsyncUniversal
from .venue_book import VenueBook

__all__ = [
    "Answer",
    "ArbitrageKind",
    "ArbitrageScan",
    "ArbitrageScanner",
    "ArbitrageTrade",
    "AsyncUniversal",
    "BestVenue",
    "BookWatch",
    "Carry",
    "Conversion",
    "ExecutionReport",
    "Failed",
    "FeeRate",
    "Fees",
    "Funding",
    "Holding",
    "LiveBooks",
    "Opportunity",
    "Outcome",
    "Provenance",
    "Route",
    "Slice",
    "SliceReport",
    "Universal",
    "VenueBook",
    "VenueHealth",
]
