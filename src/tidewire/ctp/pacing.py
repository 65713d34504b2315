"""Query as fast as the front allows, and no faster: one at a time, in order, some a second.

A front answers one query at a time per session, and counts them per second. What comes too early is refused with -2 or
-3 at once, or with error 90 later; it is asked again here until its time is up. Orders do not pass through here: they
never wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ..errors import CtpFlowControl, Error, Timeout
from .refusals import NOT_READY, request_refused

__all__ = ["IN_FLIGHT", "TOO_MANY", "UNCONNECTED", "Query", "QueryLane"]

UNCONNECTED, IN_FLIGHT, TOO_MANY = -1, -2, -3  # return codes of a request that was not sent

_BACKOFF_CAP_S = 8.0


class Query:
    """One question: the request's method and fields, the rows of its answer so far, and who waits for them."""

    __slots__ = ("deadline", "failures", "fields", "future", "method", "refusal", "request_id", "rows")

    def __init__(self, method: str, fields: dict[str, Any], deadline: float) -> None:
        self.method = method
        self.fields = fields
        self.deadline = deadline
        self.future: Future[list[Any]] = Future()
        self.rows: list[Any] = []
        self.failures = 0
        self.refusal: Error | None = None
        self.request_id: int | None = None


class QueryLane:
    """Queries in order, at most one in flight. Pure: time and sending are the caller's; not thread-safe.

    ``send(query)`` puts one on the wire under ``query.request_id`` and returns the library's code.
    """

    def __init__(self, send: Callable[[Query], int], next_id: Callable[[], int]) -> None:
        self._send = send
        self._next_id = next_id
        self._waiting: deque[Query] = deque()
        self._flying: Query | None = None
        self._interval = 1.0
        self._not_before = 0.0
        self._open = False

    def ask(self, method: str, fields: dict[str, Any], deadline: float) -> Query:
        """Put a question at the end of the line."""
        query = Query(method, fields, deadline)
        self._waiting.append(query)
        return query

    def open(self, per_second: float) -> None:
        """A session is ready. ``per_second`` is what its front allows."""
        self._open = True
        self._interval = 1.0 / per_second

    def shut(self) -> None:
        """The session is gone: what was in flight is asked again in the next one."""
        self._open = False
        if self._flying is not None:
            self._return(self._flying)

    def give_up(self, query: Query, error: Error) -> None:
        """Ask no more for what nobody wants now."""
        if query in self._waiting:
            self._waiting.remove(query)
            _fail(query, error)

    def end(self, error: Error) -> None:
        """There will be no other session: fail everything."""
        self.shut()
        while self._waiting:
            _fail(self._waiting.popleft(), error)

    def pump(self, now: float) -> float | None:
        """Send what may go and give up what has waited too long; return when to come back, or ``None``."""
        self._expire(now)
        if self._open and self._flying is None and self._waiting and now >= self._not_before:
            query = self._waiting.popleft()
            query.rows, query.request_id = [], self._next_id()
            self._flying = query  # before sending: the answer may be quicker than the return
            code = self._send(query)
            self._not_before = now + self._interval
            if code:
                self._return(query)
                if code in (IN_FLIGHT, TOO_MANY):
                    self._refused(query, CtpFlowControl(f"{query.method} returned {code}"), now)
        return self._next_time()

    def answer(self, request_id: int, row: Any, error_id: int, message: str, *, last: bool, now: float) -> bool:
        """Take one part of an answer; false when it belongs to no question in flight."""
        query = self._flying
        if query is None or query.request_id != request_id:
            return False
        if error_id == NOT_READY:
            self._return(query)
            self._refused(query, request_refused(error_id, message), now)
        elif error_id:
            self._flying = None
            _fail(query, request_refused(error_id, message))
        else:
            if row is not None:
                query.rows.append(row)
            if last:
                self._flying = None
                query.future.set_result(query.rows)
        return True

    def _refused(self, query: Query, refusal: Error, now: float) -> None:
        query.failures += 1
        query.refusal = refusal
        self._not_before = now + min(_BACKOFF_CAP_S, self._interval * 2 ** (query.failures - 1))

    def _return(self, query: Query) -> None:
        self._flying = None
        query.request_id = None
        self._waiting.appendleft(query)

    def _expire(self, now: float) -> None:
        late = [query for query in self._waiting if query.deadline <= now]
        for query in late:
            self._waiting.remove(query)
            _fail(query, query.refusal or Timeout(f"{query.method} was not sent in time", venue="ctp", sent=False))
        if self._flying is not None and self._flying.deadline <= now:
            query, self._flying = self._flying, None
            _fail(query, Timeout(f"{query.method} was not answered in time", venue="ctp"))

    def _next_time(self) -> float | None:
        times = [query.deadline for query in self._waiting]
        if self._flying is not None:
            times.append(self._flying.deadline)
        elif self._open and self._waiting:
            times.append(self._not_before)
        return min(times, default=None)


def _fail(query: Query, error: Error) -> None:
    query.future.set_exception(error)
