"""What one connection has asked its venue for, and what the venue has said to that. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from ._feed import LOGIN

__all__ = ["Ledger", "Pace"]


@dataclass(slots=True)
class _Command:
    waiting: set[str]  # topics that the venue has not answered for
    sent: float


class Ledger:
    """Compares the topics wanted with those held at the venue, in batches of what one command can take.

    ``held`` topics were asked for, and not refused. ``together`` and ``limit`` are the feed's.
    """

    def __init__(self, limit: int, together: Callable[[str], object] | None = None) -> None:
        self.held: set[str] = set()
        self._limit = limit
        self._together = together
        self._renewed: set[str] = set()  # held ones that are to be asked for anew
        self._alone: set[str] = set()  # topics that were refused in company
        self._commands: dict[int, _Command] = {}

    @property
    def is_waiting(self) -> bool:
        """True while a command is unanswered."""
        return bool(self._commands)

    @property
    def oldest(self) -> float | None:
        """When the oldest unanswered command was sent."""
        return min((command.sent for command in self._commands.values()), default=None)

    def renew(self, topic: str) -> bool:
        """Have a topic unsubscribed and asked for again; return whether it is held at all."""
        if topic in self.held:
            self._renewed.add(topic)
        return topic in self.held

    def flows(self, topic: str) -> bool:
        """True when data of the topic belongs to the subscription that is wanted."""
        return topic in self.held and topic not in self._renewed

    def surplus(self, wanted: Collection[str]) -> list[str]:
        """The next batch to unsubscribe from."""
        return self._batch([topic for topic in self.held if topic not in wanted or topic in self._renewed])

    def missing(self, wanted: Iterable[str]) -> list[str]:
        """The next batch to subscribe to."""
        return self._batch([topic for topic in wanted if topic not in self.held])

    def _batch(self, topics: Sequence[str]) -> list[str]:
        if not topics or topics[0] in self._alone:
            return [*topics[:1]]
        fit = [topic for topic in topics if topic not in self._alone]
        if self._together is not None:
            fit = [topic for topic in fit if self._together(topic) == self._together(topics[0])]
        return fit[: self._limit]

    def asked(self, number: int, topics: Iterable[str], now: float, *, subscribing: bool = True) -> None:
        """Note that a command for some topics was sent."""
        if subscribing:
            self._commands[number] = _Command({*topics}, now)
            self.held |= self._commands[number].waiting - {LOGIN}
        else:
            self.held.difference_update(topics)
            self._renewed.difference_update(topics)

    def answered(self, number: int | None, topics: Sequence[str] = ()) -> Sequence[str]:
        """Note an answer to a command, or for some topics of it; return the topics that it is about.

        An answer that names neither belongs to the command that waits for one, if only one does.
        """
        if number is None and not topics and len(self._commands) == 1:
            (number,) = self._commands
        command = None if number is None else self._commands.get(number)
        if not topics:
            topics = tuple(command.waiting) if command is not None else ()
        for each in self._commands.values() if command is None else (command,):
            each.waiting.difference_update(topics)
        self._commands = {key: each for key, each in self._commands.items() if each.waiting}
        return topics

    def refused(self, number: int | None, topics: Sequence[str] = ()) -> Sequence[str]:
        """Note a refusal; return the topics that are refused for good.

        Where several were refused together without being named, one may have spoilt the others' chances: none is
        refused yet, and each will be asked for alone.
        """
        about = self.answered(number, topics)
        self.held.difference_update(about)
        if len(about) > 1 and not topics:
            self._alone.update(about)
            return ()
        self._alone.difference_update(about)
        return about

    def ended(self, topics: Iterable[str]) -> None:
        """Note that the venue holds some topics no more."""
        self.held.difference_update(topics)
        self._renewed.difference_update(topics)


class Pace:
    """A token bucket: ``burst`` at once, then ``per_s`` on the whole. Times are seconds of any one clock."""

    def __init__(self, per_s: float, burst: int, now: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._tokens, self._since = float(burst), now

    def delay(self, now: float) -> float:
        """Seconds until the next may go."""
        self._tokens = min(self._burst, self._tokens + (now - self._since) * self._per_s)
        self._since = now
        return 0.0 if self._tokens >= 1.0 - 1e-9 else (1.0 - self._tokens) / self._per_s

    def take(self) -> None:
        """Note that one goes now."""
        self._tokens -= 1.0
