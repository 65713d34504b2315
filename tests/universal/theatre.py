"""Plays a decision against scripted venues, on a clock that only the script moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidewire.errors import Error
from tidewire.symbols import Symbol
from tidewire.universal.failover import Ask, Desk, Ended, Event, Moved, Option, Rests, Troubled, Verdict, Wait
from tidewire.universal.strategies import strategy

BTC = Symbol("BTC", "USDT")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Answers:
    """After ``after`` seconds it answers, or raises ``error``; ``pages`` requests before that, evenly spread."""

    after: float = 0.05
    error: Exception | None = None
    pages: int = 1
    staleness_s: float | None = None
    trouble: Error | None = None  # at half time
    rests: float = 0.0  # from the start

    def script(self, option: Option, start: float) -> list[tuple[float, Event]]:
        step = self.after / self.pages
        events: list[tuple[float, Event]] = [
            (start + step * page, Moved(option)) for page in range(1, self.pages + 1) if self.error is None
        ]
        if self.rests:
            events.append((start, Rests(option, self.rests)))
        if self.trouble is not None:
            events.append((start + self.after / 2, Troubled(option, self.trouble)))
        value = f"{option.symbol} at {option.venue}"
        events.append((start + self.after, Ended(option, value, self.error, self.staleness_s)))
        return events


FROZEN = Answers(after=1e9)


@dataclass
class Theatre:
    """Venues by name, each with what it does; a mapping of symbols where that differs."""

    venues: Mapping[str, Answers | Mapping[Symbol, Answers]]
    strategy: str = "priority"
    weights: Mapping[str, float] | None = None
    patience: float = 1.0
    timeout: float = 10.0
    clock: Clock = field(default_factory=Clock)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.venues = dict(self.venues)
        names = tuple(self.venues)
        self.desk = Desk(
            names,
            strategy(self.strategy, names, self.weights),
            patience=self.patience,
            timeout=self.timeout,
            memory_s=3600.0,
            clock=self.clock,
        )

    def set(self, venue: str, answers: Answers) -> None:
        assert isinstance(self.venues, dict)
        self.venues[venue] = answers

    def read(
        self, *symbols: Symbol | None, verb: str = "fetch_price", pinned: str | None = None, after: float = 0.0
    ) -> Verdict[Any]:
        """Perform one read, ``after`` so many seconds."""
        self.clock.now += after
        self.asked.clear()
        pending: list[tuple[float, int, Event]] = []
        steps = self.desk.read(verb, symbols or (BTC,), pinned)
        event: Event | None = None
        try:
            while True:
                match steps.send(event):
                    case Ask(option):
                        self.asked.append(option.venue)
                        answers = self.venues[option.venue]
                        if not isinstance(answers, Answers):
                            assert option.symbol is not None
                            answers = answers[option.symbol]
                        for time, due in answers.script(option, self.clock.now):
                            pending.append((time, len(pending), due))
                        event = None
                    case Wait(seconds):
                        until = self.clock.now + seconds
                        pending.sort()
                        if pending and pending[0][0] <= until:
                            time, _, event = pending.pop(0)
                            self.clock.now = max(self.clock.now, time)
                        else:
                            self.clock.now, event = until, None
        except StopIteration as stop:
            verdict: Verdict[Any] = stop.value
            return verdict

    def names(self, reads: int, *, after: float = 0.0) -> Sequence[str]:
        """Who answers so many reads in a row."""
        return [self.read(after=after).option.venue for _ in range(reads)]
