"""A small cache that fetches once for many: values age out, the least recently used goes first, waiters share."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Generic, TypeVar

__all__ = ["Cache", "Claim"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
E = TypeVar("E")


class Cache(Generic[K, V]):
    """Values by key, each at most ``ttl`` seconds old and fetched by one caller at a time.

    Age counts from the moment the fetch began, since the value may be as old as that. Failures reach every waiter and
    are not kept. ``None`` is no value. Thread-safe, also between event loops.
    """

    def __init__(self, *, ttl: float, max_entries: int = 256, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl, self._max, self._clock = ttl, max_entries, clock
        self._lock = threading.Lock()
        self._values: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._claims: dict[K, Claim[K, V]] = {}

    def through(self, key: K, fetch: Callable[[], Generator[E, Any, V]]) -> Generator[E | Future[V | None], Any, V]:
        """Return the value, fetched only if need be and by nobody else: yields what ``fetch`` yields, or a future.

        Whoever drives this sends in the future's result, or throws in its error.
        """
        while True:
            entry = self.begin(key)
            if isinstance(entry, Claim):
                with entry:
                    return entry.fulfil((yield from fetch()))
            if not isinstance(entry, Future):
                return entry
            value: V | None = yield entry
            if value is not None:
                return value

    def begin(self, key: K) -> V | Claim[K, V] | Future[V | None]:
        """Return the value, a future of it while somebody else fetches, or a claim: then the caller must fetch.

        The future gives ``None`` when whoever was fetching has been cancelled: begin again.
        """
        with self._lock:
            value = self._fresh(key)
            if value is not None:
                return value
            if claim := self._claims.get(key):
                return claim.future
            claim = self._claims[key] = Claim(self, key, self._clock())
            return claim

    def get(self, key: K) -> V | None:
        """Return the value if it is there and fresh."""
        with self._lock:
            return self._fresh(key)

    def invalidate(self, key: K | None = None) -> None:
        """Forget one key, or everything. A fetch under way still answers its waiters, but is not kept."""
        with self._lock:
            for table in (self._values, self._claims):
                if key is None:
                    table.clear()
                else:
                    table.pop(key, None)

    def __len__(self) -> int:
        return len(self._values)

    def land(self, claim: Claim[K, V], value: V | None) -> None:
        """End a claim's flight, keeping its value if there is one: for claims only."""
        with self._lock:
            if self._claims.get(claim.key) is not claim:
                return  # invalidated while it was fetched
            del self._claims[claim.key]
            if value is not None:
                self._values[claim.key] = value, claim.born
                while len(self._values) > self._max:
                    self._values.popitem(last=False)

    def _fresh(self, key: K) -> V | None:
        if key not in self._values:
            return None
        value, born = self._values[key]
        if self._clock() - born >= self._ttl:
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return value


class Claim(Generic[K, V]):
    """The duty to fetch one key and to say how it went: a context manager, so that waiters are never left hanging.

    Leaving it by an ``Exception`` fails the claim. Leaving it without a value, or by anything else such as a
    cancellation, abandons it: the waiters ask again, and one of them fetches.
    """

    def __init__(self, cache: Cache[K, V], key: K, born: float) -> None:
        self.key, self.born = key, born
        self.future: Future[V | None] = Future()
        # A running future cannot be cancelled: else one asyncio waiter that is cancelled would cancel it for all.
        self.future.set_running_or_notify_cancel()
        self._cache = cache

    def fulfil(self, value: V) -> V:
        """Keep the value, hand it to every waiter, and return it."""
        self._cache.land(self, value)
        self.future.set_result(value)
        return value

    def __enter__(self) -> Claim[K, V]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.future.done():
            return
        self._cache.land(self, None)
        if isinstance(error, Exception):
            self.future.set_exception(error)
        else:
            self.future.set_result(None)
