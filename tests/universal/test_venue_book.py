"""A venue's book with what must be known to trade on it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.book import BookState
from tidewire.models import BookSnapshot, Instrument, Level
from tidewire.symbols import Symbol
from tidewire.universal import VenueBook

SYMBOL = Symbol("BTC", "USDT")
SECOND = 1_000_000_000


def instrument(*, tick: str = "0.01", lot: str = "0.0001") -> Instrument:
    return Instrument(
        venue="binance", symbol=SYMBOL, native="BTCUSDT", kind="spot", tick_size=Decimal(tick), lot_size=Decimal(lot)
    )


def snapshot(bids: list[tuple[str, str]], asks: list[tuple[str, str]], sequence: int | None = 7) -> BookSnapshot:
    def side(levels: list[tuple[str, str]]) -> tuple[Level, ...]:
        return tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in levels)

    return BookSnapshot(venue="binance", symbol=SYMBOL, bids=side(bids), asks=side(asks), sequence=sequence, time_ns=5)


def test_it_is_filled_exactly_and_live() -> None:
    # Off the tick, no whole number of lots, and an exponent: all as the venue says.
    taken = snapshot([("99.995", "1.00005"), ("99.9", "1E-3")], [("100.01", "0.0001")])
    book = VenueBook.of(taken, instrument(), received_ns=5 * SECOND)
    assert book.book.state is BookState.LIVE
    assert book.book.bids() == taken.bids
    assert book.book.asks() == taken.asks
    assert (book.venue, book.sequence, book.book.time_ns) == ("binance", 7, 5)
    assert book.age_at(7 * SECOND) == 2.0


def test_a_venue_that_does_not_number_leaves_no_sequence() -> None:
    assert VenueBook.of(snapshot([("1", "1")], [], None), instrument()).sequence is None


def test_it_tells_why_it_must_not_be_used() -> None:
    book = VenueBook.of(snapshot([("99", "1")], [("100", "1")]), instrument(), received_ns=5 * SECOND)
    assert book.why_not(2, 6 * SECOND) is None
    assert book.why_not() is None
    assert book.why_not(2, 8 * SECOND) == "older than 2 s"
    book.book.mark_stale("gap")
    assert book.why_not(2, 6 * SECOND) == "stale: gap"
    book.book.reset()
    assert book.why_not() == "syncing"
    assert book.age_s == float("inf")


def test_a_crossed_book_of_one_venue_is_no_market() -> None:
    assert VenueBook.of(snapshot([("100", "1")], [("100", "1")]), instrument()).why_not() == "crossed"


numbers = st.decimals("0.00000001", "99999999", allow_nan=False, places=8)


@given(st.dictionaries(numbers, numbers, max_size=20), st.sampled_from(["0.00000001", "0.05", "1"]))
def test_every_snapshot_is_taken_over_to_the_last_digit(levels: dict[Decimal, Decimal], tick: str) -> None:
    best_first = tuple(Level(price, levels[price]) for price in sorted(levels))
    taken = BookSnapshot(venue="okx", symbol=SYMBOL, bids=best_first[::-1], asks=best_first)
    book = VenueBook.of(taken, instrument(tick=tick, lot=tick)).book
    assert (book.bids(), book.asks()) == (taken.bids, taken.asks)


def test_it_cannot_be_changed() -> None:
    book = VenueBook.of(snapshot([], []), instrument())
    with pytest.raises(AttributeError):
        book.venue = "okx"  # type: ignore[misc]
