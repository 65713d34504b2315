"""Several venues behind one object: read from whichever answers, one ladder out of many books, routing, arbitrage."""

from __future__ import annotations

from .arbitrage import ArbitrageScanner
from .arbitrage_events import ArbitrageChange, ArbitrageEvent
from .arbitrage_stream import ArbitrageStream
from .blocking import Universal
from .composite import AggregateKlines, AggregateTicker, Outlier
from .consolidated import ConsolidatedBook, ConsolidatedLevel
from .consolidated_stream import ConsolidatedStream
from .failover_stream import FailoverStream
from .fees import FeeRate, Fees
from .funding import Funding
from .health import VenueHealth
from .kline_grid import KlineGrid
from .live_books import BookWatch, LiveBooks
from .opportunity import ArbitrageKind, ArbitrageScan, ArbitrageTrade, Carry, Holding, Opportunity
from .provenance import Answer, Conversion, Failed, Provenance
from .report import ExecutionReport, Outcome, SliceReport
from .route import BestVenue, Route, Slice
from .universal import AsyncUniversal
from .venue_book import VenueBook

__all__ = [
    "AggregateKlines",
    "AggregateTicker",
    "Answer",
    "ArbitrageChange",
    "ArbitrageEvent",
    "ArbitrageKind",
    "ArbitrageScan",
    "ArbitrageScanner",
    "ArbitrageStream",
    "ArbitrageTrade",
    "AsyncUniversal",
    "BestVenue",
    "BookWatch",
    "Carry",
    "ConsolidatedBook",
    "ConsolidatedLevel",
    "ConsolidatedStream",
    "Conversion",
    "ExecutionReport",
    "Failed",
    "FailoverStream",
    "FeeRate",
    "Fees",
    "Funding",
    "Holding",
    "KlineGrid",
    "LiveBooks",
    "Opportunity",
    "Outcome",
    "Outlier",
    "Provenance",
    "Route",
    "Slice",
    "SliceReport",
    "Universal",
    "VenueBook",
    "VenueHealth",
]
