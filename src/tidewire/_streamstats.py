"""Everything that streams count, in one object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from ._booksync import BookStats
from ._connection import Connection, ConnectionStats
from ._live import Live
from ._livebook import LiveBook
from .latency import Latency

__all__ = ["StreamStats", "count"]


class StreamStats(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the streams have counted: per connection, per book (by symbol), and of all books together.

    ``latency`` is from the arrival of a frame to the book's having it, ``lag`` from the venue's time to its arrival.
    """

    connections: tuple[ConnectionStats, ...]
    books: dict[str, BookStats]
    latency: Latency = Latency()
    lag: Latency = Latency()


def count(
    books: Sequence[LiveBook], connections: Iterable[Connection], placed: Mapping[Live[Any, Any], Connection]
) -> StreamStats:
    """Sum up the books, and those that each connection carries."""
    return StreamStats(
        connections=tuple(
            _with_books(connection.stats, [live for live in books if placed.get(live) is connection])
            for connection in connections
        ),
        books={str(live.channel.symbol): live.stats for live in books},
        latency=_sum(books, 0),
        lag=_sum(books, 1),
    )


def _with_books(stats: ConnectionStats, books: Sequence[LiveBook]) -> ConnectionStats:
    gaps = sum(live.stats.gaps for live in books)
    return msgspec.structs.replace(stats, gaps=gaps, latency=_sum(books, 0), lag=_sum(books, 1))


def _sum(books: Iterable[LiveBook], which: Literal[0, 1]) -> Latency:
    return Latency.of(histogram for live in books for histogram in live.histograms[which])
