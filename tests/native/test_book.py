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


def test_prices_and_quantities_older_than_the_rules_are_kept_exactly() -> None:
    book = OrderBook(tick_size="0.05", lot_size="0.001")
    book.apply_snapshot(b'{"lastUpdateId":10,"bids":[["0.95","3"],["0.9","4"]],"asks":[["1.05","5"]]}', SPOT)
    assert book.apply(b'{"U":11,"u":11,"b":[["0.87","1"],["0.9","0"]],"a":[["1.1234","0.00005"]]}', SPOT)
    assert (book.tick_size, book.lot_size) == (Decimal("0.0001"), Decimal("0.001"))
    assert [(level.price, level.quantity) for level in book.bids()] == [
        (Decimal("0.95"), Decimal(3)),
        (Decimal("0.87"), Decimal(1)),
    ]
    assert [(level.price, level.quantity) for level in book.asks()] == [
        (Decimal("1.05"), Decimal(5)),
        (Decimal("1.1234"), Decimal("0.00005")),
    ]
    assert (book.valid_bid, book.valid_ask) == (Decimal("0.9"), Decimal("1.05"))
    assert book.apply(b'{"U":12,"u":12,"b":[["0.95","0"]],"a":[["1.1234","0"]]}', SPOT)
    assert (len(book.bids()), len(book.asks())) == (1, 1)


@pytest.mark.parametrize("price", ["1e-19", "1" * 30, "0.0000000000000000001"])
def test_a_price_that_no_grid_can_hold_changes_nothing(price: str) -> None:
    book = OrderBook(tick_size="0.01", lot_size="0.001")
    book.apply_snapshot(SNAPSHOT, SPOT)
    before = book.bids(), book.asks()
    with pytest.raises(errors.DecodeError):
        book.apply(f'{{"U":11,"u":11,"b":[["{price}","1"],["0.98","7"]],"a":[]}}'.encode(), SPOT)
    assert (book.bids(), book.asks()) == before
    assert (book.state, book.sequence) == (BookState.LIVE, 10)


def test_a_checksum_that_cannot_be_verified_is_refused() -> None:
    layout = BookLayout(delta=MessageLayout(bids=LevelArray("b"), asks=LevelArray("a"), checksum="cs"))
    book = OrderBook(tick_size="0.01", lot_size="0.001")
    with pytest.raises(errors.ConfigError, match="checksum_depth"):
        book.apply_snapshot(b'{"b":[["0.99","3"]],"a":[["1.01","5"]],"cs":7}', layout)
