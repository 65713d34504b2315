"""Which venue to ask next, and what an outcome means: every decision of a read, without I/O.

``Desk.read`` is a generator. It yields ``Ask`` (begin to ask a venue, and do not wait) and ``Wait`` (give me the next
event, or ``None`` when the seconds have passed), and returns a ``Verdict`` or raises. ``attempts`` performs it; a test
does with a clock of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..errors import ConfigError, Error, RateLimited, Timeout, UnknownSymbol, VenuesFailed
from ..symbols import Symbol
from .health import Record, VenueHealth
from .provenance import Failed
from .strategies import Strategy

__all__ = ["Ask", "Desk", "Ended", "Event", "Moved", "Option", "Plan", "Rests", "Steps", "Troubled", "Verdict", "Wait"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Option:
    """A venue that may be asked, and the symbol to ask it for."""

    venue: str
    symbol: Symbol | None


@dataclass(frozen=True, slots=True)
class Ask:
    """Effect: begin to ask."""

    option: Option


@dataclass(frozen=True, slots=True)
class Wait:
    """Effect: the next event, or ``None`` after so many seconds without one."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Moved:
    """The venue answered one of the requests that the read takes."""

    option: Option


@dataclass(frozen=True, slots=True)
class Rests:
    """Our own limits, or a pause before a repetition, let it wait for so long."""

    option: Option
    seconds: float


@dataclass(frozen=True, slots=True)
class Troubled:
    """A request failed; it is going to be repeated."""

    option: Option
    error: Error


@dataclass(frozen=True, slots=True)
class Ended:
    """It gave its answer, ``staleness_s`` old by its own time stamp, or failed for good."""

    option: Option
    value: Any = None
    error: Exception | None = None
    staleness_s: float | None = None


Event = Moved | Rests | Troubled | Ended
Steps = Generator[Ask | Wait, Event | None, T]


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """The answer, who gave it, and what happened before."""

    value: T
    option: Option
    failed: tuple[Failed, ...]
    skipped: Mapping[str, str]
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Options in the order in which to ask; what some are known to lack; why venues are not asked in their turn."""

    options: Sequence[Option]
    lacking: Mapping[Option, UnknownSymbol]
    skipped: Mapping[str, str]


class Desk:
    """Knows how the venues are doing and decides every read. For one thread at a time.

    After ``patience`` seconds without an answer, or less so that all have their turn in time, another venue is asked
    as well and the first answer wins; after ``timeout`` seconds without a sign of life from any, the read fails. That a
    venue has no such market is remembered for ``memory_s`` seconds.
    """

    def __init__(
        self,
        venues: Sequence[str],
        strategy: Strategy,
        *,
        patience: float,
        timeout: float,
        memory_s: float,
        clock: Callable[[], float],
    ) -> None:
        self.records = {venue: Record(venue, patience) for venue in venues}
        self.patience, self.timeout, self.clock = patience, timeout, clock
        self._strategy = strategy
        self._memory_s = memory_s
        self._lacks: dict[Option, tuple[float, UnknownSymbol]] = {}

    def health(self) -> dict[str, VenueHealth]:
        """How each venue is doing."""
        now = self.clock()
        return {venue: record.health(now) for venue, record in self.records.items()}

    def rests_for(self, venue: str) -> Error | None:
        """What a venue that cools down now is resting for."""
        record = self.records[venue]
        return None if record.may_be_asked(self.clock()) else record.last_error

    def read(self, verb: str, symbols: Sequence[Symbol | None], pinned: str | None = None) -> Steps[Verdict[Any]]:
        """Decide one read of a symbol, or else of the next one that stands for it.

        Pinned to a venue it raises what that venue did, otherwise ``VenuesFailed``.
        """
        plan = self.plan(verb, symbols, pinned)
        try:
            return (yield from _Race(self, verb, symbols[0], plan).run())
        except VenuesFailed as error:
            if pinned is None:
                raise
            raise error.causes[pinned] from None

    def plan(self, verb: str, symbols: Sequence[Symbol | None], pinned: str | None) -> Plan:
        """The order in which to ask: those that may be, of each symbol in turn, then those that rest."""
        now = self.clock()
        records = list(self.records.values()) if pinned is None else [self.records[pinned]]
        ranked = self._strategy.order(records, now) if pinned is None else records
        ready: list[Option] = []
        resting: list[Option] = []
        lacking: dict[Option, UnknownSymbol] = {}
        skipped: dict[str, str] = {}
        for symbol in symbols:
            for record in ranked:
                option = Option(record.venue, symbol)
                if (error := self._lack(option, now)) is not None:
                    lacking[option] = error
                    skipped[record.venue] = f"{type(error).__name__}: {error}"
                elif record.may_be_asked(now):
                    ready.append(option)
                else:
                    resting.append(option)
                    skipped[record.venue] = record.why_not(now)
        return Plan([*ready, *resting] or list(lacking), lacking, skipped)

    # What the outcomes mean.

    def succeeded(self, option: Option, latency_s: float, staleness_s: float | None) -> None:
        """An answer came."""
        self.records[option.venue].succeeded(self.clock(), latency_s, staleness_s)
        self._strategy.answered(option.venue)

    def failed(self, option: Option, error: Error, *, again: bool = False) -> None:
        """A venue failed, or has no such market; ``again`` when it had failed in this read already."""
        now = self.clock()
        self.records[option.venue].failed(now, error, again=again)
        if isinstance(error, UnknownSymbol) and option.symbol is not None:
            self._lacks[option] = now, error

    def _lack(self, option: Option, now: float) -> UnknownSymbol | None:
        since, error = self._lacks.get(option, (now, None))
        return error if now - since < self._memory_s else None


@dataclass(slots=True)
class _Attempt:
    """A venue under way. Without ``hope`` it has been silent too long, or has to repeat a request."""

    started: float
    moved: float
    probes: bool
    answered: float | None = None
    rests_until: float = 0.0
    hope: bool = True

    def silence(self, now: float) -> Error:
        """What to call it that nothing has come since it last moved."""
        if self.rests_until > now:
            return RateLimited("our own limits let it wait for its turn", retry_after=self.rests_until - now)
        return Timeout(f"no answer within {now - self.moved:.3g} s")


class _Race:
    """One read under way."""

    def __init__(self, desk: Desk, verb: str, asked: Symbol | None, plan: Plan) -> None:
        self._desk, self._verb, self._asked, self._plan = desk, verb, asked, plan
        self._waiting = deque(plan.options)
        self._running: dict[Option, _Attempt] = {}
        self._failed: dict[Option, Failed] = {}
        self._started = self._alive = desk.clock()
        self._patience = min(desk.patience, desk.timeout / len(plan.options))  # so that each has its turn in time

    def run(self) -> Steps[Verdict[Any]]:
        another = True
        try:
            while True:
                if self._waiting and another:
                    option = self._waiting.popleft()
                    self._begin(option)
                    yield Ask(option)
                if not self._running:
                    if not self._waiting:
                        raise self._failure()
                    another = True
                    continue
                event = yield Wait(self._patience_left())
                if isinstance(event, Ended) and event.error is None:
                    return self._win(event)
                another = self._judge(event)
        finally:
            for option, attempt in self._running.items():
                if attempt.probes:
                    self._desk.records[option.venue].dropped()

    def _begin(self, option: Option) -> None:
        now = self._desk.clock()
        self._running[option] = _Attempt(now, now, self._desk.records[option.venue].asked(now))

    def _patience_left(self) -> float:
        until = self._alive + self._desk.timeout
        if self._waiting:
            latest = max(attempt.moved for attempt in self._running.values() if attempt.hope)
            until = min(until, latest + self._patience)
        return max(0.0, until - self._desk.clock())

    def _judge(self, event: Event | None) -> bool:
        """Take note of an event; tell whether another venue is to be asked now: when of no other is there hope."""
        now = self._desk.clock()
        match event:
            case None:
                self._silence(now)
            case Moved(option):
                attempt = self._running[option]
                attempt.moved = now
                self._alive = max(self._alive, now)
                attempt.answered, attempt.hope = attempt.answered or now, True
            case Rests(option, seconds):
                self._running[option].rests_until = now + seconds
                self._alive = max(self._alive, now + seconds)
            case Troubled(option, error):
                self._running[option].hope = False
                self._lose(option, error)
            case Ended(option, error=Error() as error) if not isinstance(error, ConfigError) or error.venue is not None:
                del self._running[option]
                self._lose(option, error)
            case Ended(error=Exception() as error):
                raise error  # the caller's mistake, or ours, which no other venue would mend
        return not any(attempt.hope for attempt in self._running.values())

    def _silence(self, now: float) -> None:
        """Nobody has answered in time: there is no hope of those asked so far; and perhaps no time for others."""
        late = now >= self._alive + self._desk.timeout
        if late:
            self._waiting.clear()
        for option, attempt in tuple(self._running.items()):
            if late:
                del self._running[option]
            if attempt.hope:
                attempt.hope = False
                self._lose(option, attempt.silence(now))

    def _lose(self, option: Option, error: Error) -> None:
        error.venue = error.venue or option.venue
        again = self._failed.pop(option, None) is not None
        self._failed[option] = Failed(option.venue, option.symbol, error, self._desk.clock() - self._started)
        self._desk.failed(option, error, again=again)

    def _win(self, event: Ended) -> Verdict[Any]:
        option, now = event.option, self._desk.clock()
        attempt = self._running.pop(option)
        self._desk.succeeded(option, (attempt.answered or now) - attempt.started, event.staleness_s)
        self._failed.pop(option, None)  # it was slow, or had to repeat a request
        skipped = {venue: why for venue, why in self._plan.skipped.items() if venue != option.venue}
        return Verdict(event.value, option, tuple(self._failed.values()), skipped, now - self._started)

    def _failure(self) -> VenuesFailed:
        raised: list[tuple[str, Error]] = [(option.venue, error) for option, error in self._plan.lacking.items()]
        raised += [(failed.venue, failed.error) for failed in self._failed.values()]
        causes: dict[str, Error] = {}
        for venue, error in raised:  # of a venue asked for several symbols, what is not just a missing one
            if venue not in causes or not isinstance(error, UnknownSymbol):
                causes[venue] = error
        what = self._verb if self._asked is None else f"{self._verb} {self._asked}"
        return VenuesFailed(f"{what}: no venue gave an answer", causes=causes)
