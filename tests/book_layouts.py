"""How venues write their books, for tests of the book itself, and the slow book to compare with: dicts of Decimals.

Binance's layouts are the product's own; the other venues' stand here until the venues do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from tidewire.book import BookLayout, LevelArray, MessageLayout, OrderBook, SequenceRule
from tidewire.venues.binance.stream import BOOK
from tidewire.venues.okx.spec import BOOK as OKX

BINANCE_SPOT = BOOK["spot"]
BINANCE_LINEAR = BOOK["linear"]

# Before sequence numbers came (2023) the checksum was all there was.
OKX_2022 = msgspec.structs.replace(
    OKX, rule=SequenceRule.NONE, delta=msgspec.structs.replace(OKX.delta, last=None, previous=None)
)
HTX_MBP = BookLayout(
    delta=MessageLayout(
        bids=LevelArray("tick.bids"), asks=LevelArray("tick.asks"), last="tick.seqNum", previous="tick.prevSeqNum"
    ),
    snapshot=MessageLayout(bids=LevelArray("data.bids"), asks=LevelArray("data.asks"), last="data.seqNum"),
    rule=SequenceRule.CHAIN,
)
HTX_DEPTH = BookLayout(
    delta=MessageLayout(bids=LevelArray("tick.bids"), asks=LevelArray("tick.asks"), last="tick.version")
)
HTX_SWAP = BookLayout(
    delta=MessageLayout(
        bids=LevelArray("tick.bids"), asks=LevelArray("tick.asks"), kind="tick.event", last="tick.version"
    ),
    rule=SequenceRule.INCREMENT,
)
COINBASE = BookLayout(
    delta=MessageLayout(
        bids=LevelArray("bids"),
        asks=LevelArray("asks"),
        changes=LevelArray("changes", side=0, price=1, quantity=2),
        kind="type",
    )
)
COINBASE_ADVANCED = BookLayout(
    delta=MessageLayout(
        changes=LevelArray("events[*].updates", side="side", price="price_level", quantity="new_quantity"),
        kind="events[*].type",
        last="sequence_num",
    )
)

Pairs = Iterable[tuple[Decimal, Decimal]]


class DictBook:
    """Two dicts of price → quantity, exact and slow."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}

    def replace(self, bids: Iterable[Any], asks: Iterable[Any]) -> None:
        self.bids, self.asks = {}, {}
        self.merge(bids, asks)

    def merge(self, bids: Iterable[Any], asks: Iterable[Any]) -> None:
        for levels, changes in ((self.bids, bids), (self.asks, asks)):
            for price, quantity, *_ in changes:
                if Decimal(quantity):
                    levels[Decimal(price)] = Decimal(quantity)
                else:
                    levels.pop(Decimal(price), None)

    def sides(self) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


def sides(book: OrderBook) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
    """All levels of a book, in the form of ``DictBook.sides``."""
    bids, asks = book.bids(), book.asks()
    return [(level.price, level.quantity) for level in bids], [(level.price, level.quantity) for level in asks]


def exact(body: bytes | str) -> Any:
    """JSON with numbers as Decimals."""
    return json.loads(body, parse_float=Decimal, parse_int=Decimal)
