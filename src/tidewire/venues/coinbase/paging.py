"""Lists in pages, newest first, chained by the cursor that each answer's headers carry.

See: https://docs.cdp.coinbase.com/exchange/rest-api/pagination
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..._call import Call, Response

__all__ = ["Listing"]

T = TypeVar("T")
Then = Callable[[Response, list[T]], Call[list[T]] | None]
_SMALLEST_DEFAULT = 100  # rows of a page that nobody asked a size of: the documents say 1000, ccxt says 100


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Rows, oldest first: the newest ``limit``, or ``everything``, of which the oldest ``limit``, or just a page.

    ``read`` parses a body, oldest row first. ``call`` makes the call of a page from its parameters, its parser and what
    follows it. ``keep`` says which rows are wanted. ``page`` is the venue's maximum.
    """

    read: Callable[[bytes], list[T]]
    call: Callable[[Mapping[str, object], Callable[[bytes], list[T]], Then[T]], Call[list[T]]]
    page: int
    limit: int | None = None
    everything: bool = False
    keep: Callable[[T], bool] = lambda row: True

    def first(self) -> Call[list[T]]:
        """The call for the newest page."""
        return self._page([], {})

    def _page(self, newer: list[T], cursor: Mapping[str, object]) -> Call[list[T]]:
        wanted = None if self.limit is None or self.everything else self.limit - len(newer)
        size = self.page if self.everything and self.limit is not None else None
        size = size if wanted is None else min(wanted, self.page)

        def parse(body: bytes) -> list[T]:
            rows = [*filter(self.keep, self.read(body)), *newer]
            if self.limit is None:
                return rows
            return rows[: self.limit] if self.everything else rows[-self.limit :]

        def then(response: Response, rows: list[T]) -> Call[list[T]] | None:
            after = response.headers.get("cb-after")
            full = len(self.read(response.body)) >= (size or _SMALLEST_DEFAULT)
            enough = not self.everything and len(rows) >= (self.limit or 0)
            return None if after is None or enough or not full else self._page(rows, {"after": after})

        return self.call({"limit": size, **cursor}, parse, then)
