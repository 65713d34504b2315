"""The limiter: decides when a call may leave, so that the venue never has to refuse one.

Every quota is a sliding log. A call's weight counts from the moment it is granted until one period after it *ended*.
The venue counted it somewhere in between, so no stretch of one period, wherever the venue's own windows begin and
whatever the latency, ever holds more than the limit; and while latency is short against the period, almost all of the
limit is used. The limiter never sleeps: it tells how long to, so that threads and tasks share one.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from .errors import Banned, ConfigError

if TYPE_CHECKING:
    from ._venue import Quota

__all__ = ["Limiter", "Ticket"]

_GRAIN = 1 / 1024
"""Calls that end within this part of a period share one log entry, so that a day's log stays short."""

_MARGIN = 1 / 32
"""Part of a quota left alone while other programs use it too: their calls are seen only with the next answer."""

_SHORTEST_NAP_S = 1e-4
_PATIENCE_S = 1.0
"""A wait that is longer is halved: a cancelled waiter, a new limit or a ban may change what was foretold."""


class Limiter:
    """Grants calls in the order in which they came, within every quota, across threads and tasks.

    ::

        ticket = limiter.enter({"weight": 5, "orders": 1})
        while delay := limiter.delay(ticket):
            time.sleep(delay)                      # or: await asyncio.sleep(delay)
        ...                                        # send; a cancelled waiter calls limiter.abandon(ticket)
        limiter.settle(ticket, used={"weight": 131})

    A call that needs several quotas takes the scarcest first and keeps what it has: it is never overtaken in a queue
    where it waits, and never holds up calls that need none of what it waits for. Thread-safe; operations are O(log n).
    """

    def __init__(
        self, quotas: Iterable[Quota], *, clock: Callable[[], float] = time.monotonic, venue: str | None = None
    ) -> None:
        self._clock = clock
        self._venue = venue
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}
        self._tickets = 0
        self._frozen_until = self._banned_until = -math.inf
        self.configure(quotas)

    def configure(self, quotas: Iterable[Quota]) -> None:
        """Replace the limits of the scopes given, keeping what they have used; other scopes stay as they are."""
        with self._lock:
            given = tuple(quotas)
            if len({quota.scope for quota in given}) < len(given):
                raise ConfigError(f"a scope has one quota: {given!r}", venue=self._venue)
            for quota in given:
                if quota.limit < 1 or not quota.period_s > 0:
                    raise ConfigError(f"{quota!r}: limit and period must be positive", venue=self._venue)
                bucket = self._buckets.setdefault(quota.scope, _Bucket(quota))
                bucket.limit, bucket.period = quota.limit, quota.period_s

    def enter(self, costs: Mapping[str, int]) -> Ticket:
        """Take a place in the queue of every scope in ``costs`` (scope → weight).

        Raises ``ConfigError`` for an unknown scope or a weight that no window could ever hold, ``Banned`` during a ban.
        """
        with self._lock:
            now = self._clock()
            self._refuse_if_banned(now)
            self._tickets += 1
            stages = [(self._bucket(scope), weight) for scope, weight in costs.items() if weight]
            stages.sort(key=lambda stage: stage[0].rank)
            ticket = Ticket(self._tickets, tuple(stages))
            self._refuse_if_hopeless(ticket)
            self._queue(ticket, now)
            return ticket

    def delay(self, ticket: Ticket) -> float:
        """Seconds to sleep before asking again; 0.0 says go, and from then on the call counts as sent.

        Raises ``Banned``, which also gives the ticket back, while the breaker is open.
        """
        with self._lock:
            if ticket.started is not None:
                return 0.0
            if ticket.closed:
                raise RuntimeError("this ticket has been given back: enter again")
            now = self._clock()
            try:
                self._refuse_if_banned(now)
                self._refuse_if_hopeless(ticket)
            except (Banned, ConfigError):
                self._close(ticket)
                raise
            thaw = max((bucket.frozen_until for bucket, _ in ticket.stages), default=-math.inf)
            if (frozen := max(thaw, self._frozen_until) - now) > 0:
                return _nap(frozen)
            if waiting := ticket.waits_for:
                self._advance(waiting[0], now)
            if waiting := ticket.waits_for:
                bucket, weight = waiting
                return _nap(bucket.foretell(now, weight + bucket.queue.ahead(ticket)))
            ticket.started = now
            ticket.seen = {bucket.scope: bucket.report for bucket, _ in ticket.stages if bucket.report}
            return 0.0

    def settle(self, ticket: Ticket, used: Mapping[str, int] | None = None) -> None:
        """Tell that the call has ended, however it did, and what the venue says was used in its window.

        Where the venue has counted more than we know of, other programs share the quota: the difference counts too.
        """
        with self._lock:
            now = self._clock()
            for bucket, weight in self._close(ticket):
                bucket.log(now, weight)
            for scope, amount in (used or {}).items():
                if scope in self._buckets:
                    self._buckets[scope].correct(now, amount, ticket)

    def abandon(self, ticket: Ticket) -> None:
        """Give a place, or a grant that was never used, back. Does nothing to a ticket that has been settled."""
        with self._lock:
            self._close(ticket)

    def freeze(self, scope: str | None, seconds: float) -> None:
        """Start no call that needs ``scope`` (``None``: no call at all) for so long; waiters keep their places."""
        with self._lock:
            until = self._clock() + seconds
            if scope is None:
                self._frozen_until = max(self._frozen_until, until)
            else:
                bucket = self._bucket(scope)
                bucket.frozen_until = max(bucket.frozen_until, until)

    def ban(self, seconds: float) -> None:
        """Open the breaker: every call, waiting or new, raises ``Banned`` for so long and nothing is sent."""
        with self._lock:
            self._banned_until = max(self._banned_until, self._clock() + seconds)

    def usage(self) -> dict[str, float]:
        """Used fraction of every scope, 1.0 being the limit; calls in flight included."""
        with self._lock:
            now = self._clock()
            return {scope: bucket.used(now) / bucket.limit for scope, bucket in self._buckets.items()}

    # Below, the lock is held.

    def _queue(self, ticket: Ticket, now: float) -> None:
        """Let the ticket stand in the queue of its current stage, and take what is free."""
        if waiting := ticket.waits_for:
            bucket, weight = waiting
            bucket.queue.join(ticket, weight)
            self._advance(bucket, now)

    def _advance(self, bucket: _Bucket, now: float) -> None:
        """Grant this bucket's queue, oldest first, until one does not fit."""
        room = bucket.room(now)
        while ticket := bucket.queue.head():
            weight = ticket.stages[ticket.stage][1]
            if weight > room:
                return
            room -= weight
            bucket.held += weight
            bucket.queue.take(weight)
            ticket.stage += 1
            self._queue(ticket, now)

    def _close(self, ticket: Ticket) -> tuple[_Stage, ...]:
        """Take the ticket out of everything; return what it held. Closing twice does nothing."""
        if ticket.closed:
            return ()
        ticket.closed = True
        held = ticket.stages[: ticket.stage]
        for bucket, weight in held:
            bucket.held -= weight
        if waiting := ticket.waits_for:
            bucket, weight = waiting
            bucket.queue.drop(ticket, weight)
        return held

    def _bucket(self, scope: str) -> _Bucket:
        if scope not in self._buckets:
            known = ", ".join(self._buckets) or "none"
            raise ConfigError(f"no quota has the scope {scope!r}: the known ones are {known}", venue=self._venue)
        return self._buckets[scope]

    def _refuse_if_banned(self, now: float) -> None:
        if (left := self._banned_until - now) > 0:
            raise Banned(
                f"this address is banned for {left:.0f} s more: nothing is sent until then",
                venue=self._venue,
                retry_after=left,
            )

    def _refuse_if_hopeless(self, ticket: Ticket) -> None:
        for bucket, weight in ticket.stages:
            if not 0 < weight <= bucket.limit:
                raise ConfigError(
                    f"weight {weight} can never fit into {bucket.scope}: {bucket.limit} per {bucket.period:g} s",
                    venue=self._venue,
                )


class Ticket:
    """A call's place in the queue, then its grant. Opaque to callers."""

    __slots__ = ("closed", "number", "place", "seen", "stage", "stages", "started")

    def __init__(self, number: int, stages: tuple[_Stage, ...]) -> None:
        self.number = number
        self.stages = stages
        self.stage = 0
        self.place: int | None = None
        self.started: float | None = None
        self.seen: Mapping[str, _Report] = {}
        self.closed = False

    @property
    def waits_for(self) -> _Stage | None:
        """The bucket whose queue it stands in, and the weight it needs there; ``None`` when it has everything."""
        return self.stages[self.stage] if self.stage < len(self.stages) else None


class _Report(NamedTuple):
    """What the venue said was used, in the answer to a call that started at ``since``."""

    used: int
    since: float


class _Queue:
    """Waiters of one bucket, oldest first, and how much weight stands before each."""

    __slots__ = ("_closed", "_entered", "_heap", "_left", "_newest")

    def __init__(self) -> None:
        self._heap: list[tuple[int, Ticket]] = []
        self._entered = self._left = self._newest = self._closed = 0

    def join(self, ticket: Ticket, weight: int) -> None:
        """Stand where the ticket's number says: at the end, unless it comes late from another bucket's queue."""
        if ticket.number > self._newest:
            self._newest, ticket.place = ticket.number, self._entered
            self._entered += weight
        else:
            ticket.place = None
        heappush(self._heap, (ticket.number, ticket))

    def head(self) -> Ticket | None:
        """The oldest waiter."""
        while self._heap and self._heap[0][1].closed:
            heappop(self._heap)
            self._closed -= 1
        return self._heap[0][1] if self._heap else None

    def take(self, weight: int) -> None:
        """Remove the head, which has been granted."""
        ticket = heappop(self._heap)[1]
        self._left += weight if ticket.place is not None else 0

    def drop(self, ticket: Ticket, weight: int) -> None:
        """Forget a waiter that has closed; sweep when most of the queue has."""
        self._left += weight if ticket.place is not None else 0
        self._closed += 1
        if self._closed * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if not entry[1].closed]
            heapify(self._heap)
            self._closed = 0

    def ahead(self, ticket: Ticket) -> int:
        """Weight of those before the ticket; never too much, too little when some have come late or gone."""
        return 0 if ticket.place is None else max(0, ticket.place - self._left)


class _Bucket:
    """One quota: its queue, the weight in flight, and the log of what has ended.

    The log keeps running totals, so that sums over any stretch of it are differences found by bisection.
    """

    def __init__(self, quota: Quota) -> None:
        self.scope, self.limit, self.period = quota.scope, quota.limit, quota.period_s
        # One order for all tickets, fixed for good, so that no two ever hold what the other waits for.
        self.rank = (quota.limit / quota.period_s, quota.scope)
        self.queue = _Queue()
        self.held = 0
        self.frozen_until = -math.inf
        self.report: _Report | None = None
        self._ends: list[float] = []
        self._sums: list[int] = []
        self._opened = self._shared_until = -math.inf
        self._total = self._expired = self._window = 0

    def used(self, now: float) -> int:
        """Weight that may count at the venue now."""
        if gone := bisect_right(self._ends, now - self.period):
            self._expired = self._sums[gone - 1]
            del self._ends[:gone], self._sums[:gone]
        return self.held + self._total - self._expired

    def room(self, now: float) -> int:
        """Weight that may still be granted now."""
        return self.limit - self.used(now) - (int(self.limit * _MARGIN) if now < self._shared_until else 0)

    def log(self, now: float, weight: int) -> None:
        """Count weight that was used no later than now, for one period."""
        self._total += weight
        if self._ends and now - self._opened < self.period * _GRAIN:
            self._ends[-1], self._sums[-1] = now, self._total
        else:
            self._opened = now
            self._ends.append(now)
            self._sums.append(self._total)

    def correct(self, now: float, used: int, ticket: Ticket) -> None:
        """Count what the venue has counted in its current window and we have not: other programs' calls.

        Our log also holds calls from before that window, which would hide as much of theirs. So learn when it began: if
        the venue's count fell by more than half between two answers that cannot have crossed, not before the first.
        """
        seen = ticket.seen.get(self.scope)
        if seen and used < seen.used / 2:
            before = bisect_left(self._ends, seen.since)
            self._window = max(self._window, self._sums[before - 1] if before else self._expired)
        ours = self.used(now) + min(0, self._expired - self._window)
        if used > ours:
            self.log(now, used - ours)
            self._shared_until = now + self.period
        self.report = _Report(used, now if ticket.started is None else ticket.started)

    def foretell(self, now: float, wanted: int) -> float:
        """Seconds until so much weight can be free, at the earliest; at least one more unit than is free now."""
        logged = self._total - self._expired
        missing = max(1, wanted - self.room(now))
        if missing <= logged:
            return self._ends[bisect_left(self._sums, self._expired + missing)] + self.period - now
        # The rest is in flight or not yet sent: it counts for a period from when it ends, a limit's worth at a time.
        return self.period * (1 + (missing - logged - 1) // self.limit)


_Stage = tuple[_Bucket, int]


def _nap(seconds: float) -> float:
    if seconds > _PATIENCE_S:
        return max(_PATIENCE_S, seconds / 2)
    return max(_SHORTEST_NAP_S, seconds)
