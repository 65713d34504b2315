"""Plans of faults, drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tidewire.sandbox.faults import Fault, FaultKind

__all__ = ["Plan", "draw"]

DATA: tuple[FaultKind, ...] = ("lose", "duplicate", "swap", "hold", "garble", "scramble", "junk")
ASTRAY: tuple[FaultKind, ...] = ("lose", "swap", "hold", "answer_late")
ENDS: tuple[FaultKind, ...] = ("close", "mute", "close_open", "expire", "retire")
HANDSHAKE: tuple[FaultKind, ...] = (
    "refuse", "half_upgrade", "stall", "reject", "ignore", "answer_late", "close_before", "close_after",
)  # fmt: skip
SNAPSHOT: tuple[FaultKind, ...] = (
    "stale", "delay", "truncate", "corrupt", "html", "drop_before", "drop_after", "status",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """Faults, each armed before some move of the market, and how many moves there are until they all stop."""

    moves: int
    faults: tuple[tuple[int, Fault], ...]


def draw(rng: random.Random, *, numbered: bool = True) -> Plan:
    """Draw a plan: a few faults of any kind, once or again and again, in a session of a few seconds.

    Where messages are not ``numbered``, no whole one is lost or overtaken by another: nobody could tell.
    """
    moves = rng.randint(8, 30)
    left_out = () if numbered else ASTRAY
    return Plan(moves, tuple((rng.randrange(moves), _fault(rng, left_out)) for _ in range(rng.randint(1, 6))))


def _fault(rng: random.Random, left_out: tuple[FaultKind, ...]) -> Fault:
    kinds = rng.choices((DATA, ENDS, HANDSHAKE, SNAPSHOT), (6, 2, 2, 2))[0]
    kinds = tuple(kind for kind in kinds if kind not in left_out)
    often: dict[str, Any] = rng.choice(
        ({}, {"times": rng.randint(2, 5)}, {"times": None, "probability": rng.choice((0.1, 0.3, 0.6))})
    )
    return Fault(kind=rng.choice(kinds), seconds=rng.choice((0.05, 0.3, 1.0, 3.0)), **often)
