"""One venue's book of a market, with what must be known to trade on it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from ..book import BookLayout, BookState, LevelArray, MessageLayout, OrderBook
from ..models import BookSnapshot, Instrument, Level

__all__ = ["VenueBook"]

_SNAPSHOT = BookLayout(
    delta=MessageLayout(bids=LevelArray("bids"), asks=LevelArray("asks"), last="sequence", time="time_ns"),
    time_unit="ns",
)
"""How ``VenueBook.of`` writes a snapshot: numbers as text, so that each is read as it stands."""


@dataclass(frozen=True, slots=True)
class VenueBook:
    """A venue, its rules for the market, and its book, which lives on: it is the one that a stream keeps.

    Prices are in quote currency, quantities in base units, also where the venue counts contracts.
    """

    venue: str
    instrument: Instrument
    book: OrderBook

    @classmethod
    def of(cls, snapshot: BookSnapshot, instrument: Instrument, *, received_ns: int | None = None) -> VenueBook:
        """Fill a LIVE book from the answer of ``fetch_book``, exactly.

        It was received at ``received_ns`` (UTC nanoseconds; now by default), which its age counts from: it never
        changes again.
        """
        message: dict[str, object] = {"bids": _texts(snapshot.bids), "asks": _texts(snapshot.asks)}
        if snapshot.sequence is not None:
            message["sequence"] = snapshot.sequence
        if snapshot.time_ns is not None:
            message["time_ns"] = snapshot.time_ns
        book = OrderBook(instrument.tick_size, instrument.lot_size)
        book.apply_snapshot(
            msgspec.json.encode(message), _SNAPSHOT, time.time_ns() if received_ns is None else received_ns
        )
        return cls(snapshot.venue, instrument, book)

    @property
    def sequence(self) -> int | None:
        """The venue's number of the book as it stands, or ``None`` where it numbers nothing."""
        return self.book.sequence

    @property
    def age_s(self) -> float:
        """Seconds since the book's last message was received; infinite before the first."""
        return self.age_at(time.time_ns())

    def age_at(self, now_ns: int) -> float:
        """Seconds from the book's last message to ``now_ns`` (UTC nanoseconds); infinite before the first."""
        updated_ns = self.book.updated_ns
        return math.inf if updated_ns is None else (now_ns - updated_ns) / 1e9

    def why_not(self, max_age_s: float | None = None, now_ns: int | None = None) -> str | None:
        """Tell why the book must not be acted on: ``"stale: …"``, ``"syncing"``, ``"crossed"``, ``"older than 2 s"``.

        ``None``: it may. Pass ``now_ns`` (UTC nanoseconds) to judge several books at one moment.
        """
        match self.book.state:
            case BookState.SYNCING:
                return "syncing"
            case BookState.STALE:
                return f"stale: {self.book.reason}"
            case BookState.LIVE:
                pass
        if self.book.crossed:
            return "crossed"  # within one venue that is a mistake, never an opportunity
        if max_age_s is not None and self.age_at(time.time_ns() if now_ns is None else now_ns) > max_age_s:
            return f"older than {max_age_s:g} s"
        return None


def _texts(levels: tuple[Level, ...]) -> list[tuple[str, str]]:
    return [(_text(level.price), _text(level.quantity)) for level in levels]


def _text(number: Decimal) -> str:
    return f"{number:f}"
