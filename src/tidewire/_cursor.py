"""Lists in pages, newest first, chained by the cursor that each answer names: all pages, as calls in a chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ._call import Call, Response

__all__ = ["Chain"]

T = TypeVar("T")
Parse = Callable[[bytes], list[T]]
Then = Callable[[Response, list[T]], Call[list[T]] | None]


@dataclass(frozen=True, slots=True)
class Chain(Generic[T]):
    """Rows, oldest first: the newest ``limit``, or ``everything``, of which the oldest ``limit``, or just a page.

    ``read`` parses a body, oldest row first. ``call`` makes the call of a page from its size, its cursor, its parser
    and what follows it. ``older`` finds the cursor of the next page. ``page`` is the venue's maximum. ``keep`` says
    which rows are wanted. ``short``: a page of fewer rows than asked for (than this many, where nobody asked for a
    size) is the last, whatever cursor it names; 0 where only the cursor tells.
    """

    read: Parse[T]
    call: Callable[[int | None, str | None, Parse[T], Then[T]], Call[list[T]]]
    older: Callable[[Response], str | None]
    page: int
    limit: int | None = None
    everything: bool = False
    keep: Callable[[T], bool] = lambda row: True
    short: int = 0

    def first(self) -> Call[list[T]]:
        """The call for the newest page."""
        return self._page([], None)

    def _page(self, newer: list[T], cursor: str | None) -> Call[list[T]]:
        wanted = None if self.limit is None or self.everything else self.limit - len(newer)
        size = self.page if self.everything and self.limit is not None else None
        size = size if wanted is None else min(wanted, self.page)

        def parse(body: bytes) -> list[T]:
            rows = [*filter(self.keep, self.read(body)), *newer]
            if self.limit is None:
                return rows
            return rows[: self.limit] if self.everything else rows[-self.limit :]

        def then(response: Response, rows: list[T]) -> Call[list[T]] | None:
            older = self.older(response)
            ended = bool(self.short) and len(self.read(response.body)) < (size or self.short)
            enough = not self.everything and len(rows) >= (self.limit or 0)
            return None if older is None or enough or ended else self._page(rows, older)

        return self.call(size, cursor, parse, then)
