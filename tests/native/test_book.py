"""The order book against a dict and Decimal."""

from __future__ import annotations

from decimal import Decimal

import pytest

import tidewire.errors as errors
from tidewire.book import BookLayout, BookState, LevelArray, MessageLayout, OrderBook, SequenceRule

SPOT = BookLayout(
    delta=MessageLayout(bids=LevelArray("b"), asks=LevelArray("a"), first="U", last="u"),
    snapshot=MessageLayout(bids=LevelArray("bids"), asks=LevelArray("asks"), last="lastUpdateId"),
    rule=SequenceRule.RANGE,
    envelope="data",
)
SNAPSHOT = b'{"lastUpdateId":10,"bids":[["0.99","3"],["0.98","4"]],"asks":[["1.01","5"]]}'


def test_a_book_from_snapshot_to_gap() -> None:
    book = OrderBook(tick_size="0.01", lot_size="0.001")
    with pytest.raises(errors.BookError, match="SYNCING"):
        book.apply(b'{"U":1,"u":2,"b":[],"a":[]}', SPOT)
    book.apply_snapshot(SNAPSHOT, SPOT)
    assert book.state is BookState.LIVE
    assert book.apply(b'{"U":9,"u":10,"b":[["0.50","1"]],"a":[]}', SPOT) is False
    assert book.apply(b'{"stream":"x","data":{"U":9,"u":12,"b":[["0.99","0"]],"a":[["1.00","2.5"]]}}', SPOT) is True
    assert book.sequence == 12
    assert (book.best_bid.price, book.best_ask.quantity) == (Decimal("0.98"), Decimal("2.5"))
    with pytest.raises(errors.SequenceGap) as gap:
        book.apply(b'{"U":14,"u":15,"b":[["0.50","1"]],"a":[]}', SPOT)
    assert (gap.value.expected, gap.value.received) == (13, 14)
    assert book.state is BookState.STALE
