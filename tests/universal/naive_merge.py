"""What a consolidated book must equal: every level of every venue, sorted anew. And books to merge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, localcontext
from heapq import nsmallest

from tidewire.book import BookState, OrderBook
from tidewire.models import Instrument
from tidewire.symbols import Symbol
from tidewire.universal import ConsolidatedBook, ConsolidatedLevel, VenueBook

from ..book_layouts import DictBook

SYMBOL = Symbol("BTC", "USDT")
_EXACT = Context(prec=60, traps=[Inexact])


@dataclass
class Source:
    """A venue's book, and beside it the dicts that it must equal. Quantities of the dicts are in contracts."""

    venue: str
    tick: str = "0.01"
    lot: str = "0.0001"
    contract: str = "1"
    rate: Decimal = Decimal(0)
    levels: DictBook = field(default_factory=DictBook)

    def __post_init__(self) -> None:
        self.book = OrderBook(self.tick, self.lot, contract_size=self.contract)
        instrument = Instrument(
            venue=self.venue,
            symbol=SYMBOL,
            native="BTCUSDT",
            kind="spot",
            tick_size=Decimal(self.tick),
            lot_size=Decimal(self.lot),
            contract_size=Decimal(self.contract),
        )
        self.venue_book = VenueBook(self.venue, instrument, self.book)

    @property
    def counts(self) -> bool:
        bids, asks = self.levels.bids, self.levels.asks
        crossed = bool(bids) and bool(asks) and max(bids) >= min(asks)
        return self.book.state is BookState.LIVE and not crossed


def naive(sources: Sequence[Source], n: int | None, *, bids: bool) -> list[ConsolidatedLevel]:
    """The best ``n`` levels of one side, or all, best first."""
    found = []
    with localcontext(_EXACT):
        for number, source in enumerate(sources):
            factor = Decimal(1) - source.rate if bids else Decimal(1) + source.rate
            for quoted, quantity in (source.levels.bids if bids else source.levels.asks).items():
                price = quoted * factor
                found.append((-price if bids else price, number, quoted, quantity))
        best = sorted(found) if n is None else nsmallest(n, found)
        return [
            ConsolidatedLevel(abs(key), quantity * Decimal(sources[number].contract), sources[number].venue, quoted)
            for key, number, quoted, quantity in best
        ]


def check(book: ConsolidatedBook, sources: Sequence[Source], n: int | None = None) -> None:
    """The book must say all that the naive merge says, of its best ``n`` levels (all: ``None``)."""
    counted = [source for source in sources if source.counts]
    names = tuple(source.venue for source in counted)
    bids, asks = naive(counted, n, bids=True), naive(counted, n, bids=False)
    assert book.bids(n) == tuple(bids)
    assert book.asks(n) == tuple(asks)
    assert book.best_bid == next(iter(bids), None)
    assert book.best_ask == next(iter(asks), None)
    assert book.crossed == (bool(bids) and bool(asks) and bids[0].price >= asks[0].price)
    assert book.included == names
    assert set(book.excluded) == set(book.venues) - set(names)
    assert book.sequences == {source.venue: source.book.sequence for source in counted}
    arrays = book.arrays(n)
    for side, levels in zip(arrays, (bids, asks), strict=True):
        rows = [tuple(row) for row in side if row[0] == row[0]]
        assert len(rows) == len(levels)
        for (price, quantity, number), level in zip(rows, levels, strict=True):
            assert book.venues[int(number)] == level.venue
            assert abs(price - float(level.price)) <= 2.0**-52 * abs(price)
            assert abs(quantity - float(level.quantity)) <= 2.0**-52 * quantity
