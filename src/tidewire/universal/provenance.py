"""Where an answer comes from: which venue gave it, which failed before it and why, and what was converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

from ..errors import ConfigError, Error
from ..symbols import Symbol

__all__ = ["Answer", "Conversion", "Failed", "Provenance", "note", "trailing"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Failed:
    """A venue that was asked first and did not give the answer: what it raised, ``after_s`` seconds into the read."""

    venue: str
    symbol: Symbol | None
    error: Error
    after_s: float


@dataclass(frozen=True, slots=True)
class Conversion:
    """The price by which prices were multiplied: that of ``pair``, as ``venue`` gave it.

    One unit of the quote currency that was listed is worth ``price`` of the one that was asked for. ``inverted`` tells
    that the venue lists the opposite market, of which this is the reciprocal. ``time_ns`` is the venue's time of the
    price, ``received_ns`` ours (both UTC nanoseconds).
    """

    pair: Symbol
    price: Decimal
    inverted: bool
    venue: str
    time_ns: int | None
    received_ns: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """One read: who gave the answer, and what happened before.

    ``asked`` is the symbol asked for and ``symbol`` the one that the venue answered for: they differ only where quote
    families were joined. ``conversion`` is ``None`` where nothing was converted: prices are then in the quote currency
    of ``symbol``. ``failed`` are those that were asked first, in the order in which they failed; ``skipped`` tells why
    venues that come first otherwise were not asked. ``elapsed_s`` is how long all that took.
    """

    verb: str
    venue: str
    asked: Symbol | None
    symbol: Symbol | None
    failed: tuple[Failed, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    conversion: Conversion | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    """What a verb returned, and the provenance of every read that it took, in the order in which they ended."""

    value: T_co
    trail: tuple[Provenance, ...]

    @property
    def provenance(self) -> Provenance:
        """Provenance of the only read; ``ConfigError`` where the verb took several: ``trail`` has all."""
        if len(self.trail) != 1:
            raise ConfigError(f"this answer took {len(self.trail)} reads: look at its trail")
        return self.trail[0]


_trail: ContextVar[list[Provenance] | None] = ContextVar("tidewire_universal_trail", default=None)


@contextmanager
def trailing() -> Iterator[list[Provenance]]:
    """Collect the provenance of every read that this thread or task begins in the block, also by way of others."""
    trail: list[Provenance] = []
    outer = _trail.set(trail)
    try:
        yield trail
    finally:
        _trail.reset(outer)
        for each in trail:
            note(each)


def note(provenance: Provenance) -> None:
    """Add to what is being collected, if anything is."""
    if (trail := _trail.get()) is not None:
        trail.append(provenance)
