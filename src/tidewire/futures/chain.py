"""Providers in order of trust: which of them is asked, and what becomes of those that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar, cast

from ..errors import ConfigError, Error, NotSupported, TransportError, VenuesFailed
from .bars import Provenance
from .provider import TRADES, Failure, Provider, Verbs, check_provider

__all__ = ["Answer", "Chain", "failed", "in_words"]

T = TypeVar("T")


class Answer(NamedTuple, Generic[T]):
    """What a provider gave, and who was asked before it in vain."""

    provider: Verbs
    value: T
    passed_over: list[Failure]

    def told(self, provenance: Provenance | None) -> Provenance:
        """A frame's provenance, with those passed over."""
        known = provenance or Provenance(self.provider.name, "")
        if not self.passed_over:
            return known
        return Provenance(known.provider, known.source, {**known.facts, "passed_over": in_words(self.passed_over)})


class Chain:
    """Providers, the most trusted first. Safe to share between threads once open."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers = tuple(cast("Verbs", provider) for provider in providers)
        if not self._providers:
            raise ConfigError("Futures needs a provider: Ctp(…), Wenhua(path), Parquet(path) or your own")
        for provider in self._providers:
            check_provider(provider)
        traders = [each.name for each in self._providers if each.capabilities & TRADES]
        if len(traders) > 1:
            raise ConfigError(f"{' and '.join(traders)} both trade; orders must have one way to go")
        names = [each.name for each in self._providers]
        if len(set(names)) < len(names):
            raise ConfigError(f"providers need names of their own, not {', '.join(names)}; give name=")
        self._unreachable: dict[int, Error] = {}

    def open(self) -> None:
        """Open all; keep the errors of those that cannot be reached, raise what waiting cannot mend."""
        self._unreachable.clear()
        for index, provider in enumerate(self._providers):
            try:
                _call(provider, "open")
            except (TransportError, OSError) as error:
                self._unreachable[index] = _typed(error)
            except BaseException:
                self.close()
                raise
        if len(self._unreachable) == len(self._providers):
            raise failed("open", [(self._providers[at].name, error) for at, error in self._unreachable.items()])

    def close(self) -> None:
        """Close all. Repeating it is harmless."""
        for provider in self._providers:
            _call(provider, "close")

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that some provider offers."""
        return frozenset[str]().union(*(provider.capabilities for provider in self._providers))

    def require(self, verb: str) -> None:
        """Raise ``NotSupported`` unless some provider offers a verb."""
        if verb not in self.capabilities:
            names = ", ".join(each.name for each in self._providers)
            raise NotSupported(f"{verb} is offered by none of the providers ({names}); add one that has it")

    def first(self, verb: str, ask: Callable[[Verbs], T]) -> Answer[T]:
        """Ask those that offer a verb, in order, until one has it."""
        self.require(verb)
        passed_over: list[Failure] = []
        for each in self._ask(verb, ask):
            if isinstance(each, Answer):
                return each._replace(passed_over=passed_over)
            passed_over.append(each)
        raise failed(verb, passed_over)

    def every(self, verb: str, ask: Callable[[Verbs], T]) -> tuple[list[T], list[Failure]]:
        """Ask all that offer a verb; return their answers, and the failures of the others."""
        asked = list(self._ask(verb, ask))
        answers = [each.value for each in asked if isinstance(each, Answer)]
        return answers, [each for each in asked if not isinstance(each, Answer)]

    def _ask(self, verb: str, ask: Callable[[Verbs], T]) -> Iterator[Answer[T] | Failure]:
        """Ask one after the other, as far as the caller goes on."""
        for index, provider in enumerate(self._providers):
            if verb not in provider.capabilities:
                continue
            outcome: Answer[T] | Failure
            try:
                outcome = Answer(provider, ask(self._within_reach(index)), [])
            except (Error, OSError) as error:
                outcome = (provider.name, _typed(error))
            yield outcome

    def trader(self, verb: str) -> Verbs:
        """The one that trades; its errors are the caller's to see."""
        self.require(verb)
        return self._within_reach(next(at for at, each in enumerate(self._providers) if verb in each.capabilities))

    def _within_reach(self, index: int) -> Verbs:
        if index in self._unreachable:
            raise self._unreachable[index]
        return self._providers[index]

    def __repr__(self) -> str:
        return ", ".join(each.name for each in self._providers)


def failed(verb: str, failures: list[Failure]) -> Error:
    """The error of all that were asked: their own where it was one."""
    return failures[0][1] if len(failures) == 1 else VenuesFailed(f"{verb}: no provider has it", causes=dict(failures))


def in_words(failures: Iterable[Failure]) -> str:
    """Who failed, and why."""
    return "; ".join(f"{name}: {error}" for name, error in failures)


def _typed(error: Error | OSError) -> Error:
    if isinstance(error, Error):
        return error
    typed = Error(f"{type(error).__name__}: {error}")
    typed.__cause__ = error
    return typed


def _call(provider: Verbs, name: str) -> None:
    step = getattr(provider, name, None)
    if step is not None:
        step()
