"""Rows of a stretch of time, where an answer holds the newest of what was asked for: its pages, as chained calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ._call import Call, Response
from ._order import checked_limit

__all__ = ["Listing", "Parse", "Then"]

T = TypeVar("T")
Parse = Callable[[bytes], list[T]]
Then = Callable[[Response, list[T]], Call[list[T]] | None]
_MS = 1_000_000
_MARGIN_NS = 60 * 10**9
"""How far the venue's clock may be ahead: a window without an end must not be longer than ``span`` there."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Rows in a ``window``, oldest first: all of them, or enough to hold the oldest ``limit``.

    Without a start the newest ``limit``; and where that is missing too, what the venue gives in one answer.

    ``call(first, last, size, parse, then)`` makes the call for the newest ``size`` rows of a window. ``read`` parses a
    body, oldest row first; ``moment`` (UTC ns, in whole milliseconds) and ``name`` are of a row. ``page`` is the most
    rows that an answer holds, ``span`` the longest window that the venue takes and ``kept`` how long it keeps rows, in
    nanoseconds: what is older is asked for once. A full page is followed by the one before it, which ends with the same
    millisecond: rows that are met twice count once.
    """

    call: Callable[[int | None, int | None, int | None, Parse[T], Then[T]], Call[list[T]]]
    read: Parse[T]
    moment: Callable[[T], int]
    name: Callable[[T], str]
    page: int
    window: tuple[int | None, int | None] = (None, None)
    limit: int | None = None
    span: int | None = None
    kept: int | None = None

    def begin(self) -> Call[list[T]]:
        """The call for the first page."""
        first, _ = self.window
        if self.limit is not None:
            return self._stretch(first, min(checked_limit(self.limit), self.page), [])
        return self._stretch(first, None if first is None else self.page, [])

    def _stretch(self, first: int | None, size: int | None, known: list[T]) -> Call[list[T]]:
        """The newest page of the stretch that begins at ``first``."""
        end = self.window[1]
        if first is not None and self.span is not None:
            now_ns = time.time_ns() + _MARGIN_NS
            end = first + self.span if first + self.span < (now_ns if end is None else end) else end
        return self._page(first, end, end, size, known)

    def _page(
        self, first: int | None, last: int | None, end: int | None, size: int | None, known: list[T]
    ) -> Call[list[T]]:
        """The page before ``last`` of the stretch that ends at ``end``."""

        def parse(body: bytes) -> list[T]:
            rows = {self.name(row): row for row in (*self.read(body), *known)}
            return sorted(rows.values(), key=self.moment)

        def then(response: Response, rows: list[T]) -> Call[list[T]] | None:
            if self.window[0] is None and len(rows) >= (self.limit or 0):
                return None
            found = self.read(response.body)
            if size is not None and len(found) >= size:
                edge = min(map(self.moment, found))
                before = edge + _MS if last is None or edge + _MS < last else edge
                if first is None or before > first:
                    return self._page(first, before, end, self.page, rows)
            if end is None or (self.limit is not None and len(rows) >= self.limit):
                return None
            now_ns = time.time_ns() // _MS * _MS
            following = end if self.kept is None else max(end, now_ns - self.kept)
            done = following >= (now_ns if self.window[1] is None else self.window[1])
            return None if done else self._stretch(following, self.page, rows)

        return self.call(first, last, size, parse, then)
