"""Whatever goes wrong, a live book is right; and when nothing goes wrong any more, it is live again.

Every plan of faults is drawn from a seed. To replay one that failed::

    TIDEWIRE_FAULT_SEED=1234 pytest tests/faults/test_plans.py -k "okx and linear"

``TIDEWIRE_FAULT_PLANS`` is how many are tried altogether.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

import msgspec
import pytest

from tidewire import _line
from tidewire.book import SequenceRule
from tidewire.errors import NotSupported
from tidewire.sandbox import dialects
from tidewire.sandbox.faults import Armed, FaultPlan
from tidewire.symbols import Kind
from tidewire.venues import venue
from tidewire.venues.binance import stream as binance_stream
from tidewire.venues.binance.stream import BOOK as BINANCE

from .plans import ASTRAY, DATA, ENDS, HANDSHAKE, draw
from .virtual import VirtualLoop, seeded, virtual_time
from .world import STEP_S, World

PLANS = int(os.environ.get("TIDEWIRE_FAULT_PLANS", "10000"))
HEALS_WITHIN = 600
"""Messages, at ten a second, after which a book is live and right again once the faults have stopped.

Nearly always it takes a few. This many is what a connection costs that went dead without a word: the venue's own
heartbeat, or ten seconds without one; ten more for an answer; and the way back.
"""


def books() -> list[tuple[str, Kind]]:
    """Every venue that has book streams, and the kinds of market that it has them for."""
    found: list[tuple[str, Kind]] = []
    for name in dialects():
        for kind, symbol in (("spot", "BTC-USDT"), ("linear", "BTC-USDT-PERP")):
            with contextlib.suppress(NotSupported):
                if kind in venue(name).spec.kinds:
                    venue(name).watch_book(symbol)
                    found.append((name, kind))  # type: ignore[arg-type]
    return found


UNNUMBERED = {(name, kind) for name, kind in books() if venue(name).book_layout(kind).rule is SequenceRule.NONE}
"""Books that prove nothing about a message that was lost on the way: ``Guarantee.NONE``."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of lost connections are not worth a line each."""
    logger = logging.getLogger("tidewire")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@dataclass
class Outcome:
    """How a plan went: messages until the book was right again, what was wrong, and which faults struck."""

    took: int
    violations: list[str]
    hits: Counter[str]


@pytest.mark.parametrize(("name", "kind"), books())
def test_a_live_book_is_right_whatever_goes_wrong(name: str, kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    only = os.environ.get("TIDEWIRE_FAULT_SEED")
    seeds = [int(only)] if only else range(-(-PLANS // len(books())))
    slowest, hits = 0, Counter[str]()
    for seed in seeds:
        outcome = run(name, kind, seed)
        slowest, hits = max(slowest, outcome.took), hits + outcome.hits
        assert not outcome.violations, f"TIDEWIRE_FAULT_SEED={seed}: {outcome.violations[0]}"
        assert outcome.took <= HEALS_WITHIN, f"TIDEWIRE_FAULT_SEED={seed}: not healed after {HEALS_WITHIN} messages"
    with capsys.disabled():
        print(
            f"\n{name} {kind}: {len(seeds)} plans, {hits.total()} faults, right again after {slowest} messages at most"
        )
    if len(seeds) >= 1000:
        expected = {*DATA, *ENDS, *HANDSHAKE} - ({*ASTRAY} if (name, kind) in UNNUMBERED else set())
        assert hits.keys() >= expected, "every kind of fault must have struck"


@pytest.mark.parametrize("kind", ["spot", "linear"])
def test_a_book_that_knows_five_levels_shows_the_best_and_none_that_it_cannot_know(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the snapshot is cut at a depth, and deltas tell of every level."""
    monkeypatch.setattr(binance_stream, "_LEAST_DEPTH", 5)
    for seed in range(PLANS // 20):
        outcome = run("binance", kind, seed, depth=5)
        assert not outcome.violations, f"seed {seed}: {outcome.violations[0]}"
        assert outcome.took <= HEALS_WITHIN, f"seed {seed}: not healed after {HEALS_WITHIN} messages"


def test_these_tests_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A book whose sequence nobody checks is caught."""
    unchecked = msgspec.structs.replace(BINANCE["spot"], rule=SequenceRule.NONE)
    monkeypatch.setitem(BINANCE, "spot", unchecked)  # type: ignore[misc]
    outcomes = [run("binance", "spot", seed) for seed in range(40)]
    assert sum(bool(outcome.violations) for outcome in outcomes) >= 5


def test_a_plan_repeats_exactly() -> None:
    first, again = (run("binance", "linear", 7) for _ in range(2))
    assert first == again


def run(name: str, kind: Kind, seed: int, depth: int | None = None) -> Outcome:
    """Play one plan."""
    loop = VirtualLoop()
    try:
        with virtual_time(loop), seeded(seed):
            return loop.run_until_complete(play(loop, name, kind, random.Random(seed), depth))
    finally:
        loop.close()


async def play(loop: VirtualLoop, name: str, kind: Kind, rng: random.Random, depth: int | None) -> Outcome:
    plan, armed, took = draw(rng, numbered=(name, kind) not in UNNUMBERED), FaultPlan(rng.randrange(2**32)), 0
    handles: list[Armed] = []
    world = World(loop, name, kind, rng, armed, depth)
    with mock.patch.object(_line, "connect", world.connect):
        reader = asyncio.create_task(world.read())
        for move in range(plan.moves):
            handles += [armed.arm(fault) for when, fault in plan.faults if when == move]
            world.move(publish=rng.random() < 0.8)
            await asyncio.sleep(STEP_S)
            world.check("move")
        armed.clear()
        while not world.is_right and took <= HEALS_WITHIN:
            took += 1
            world.move()
            await asyncio.sleep(STEP_S if took % 4 else 4 * STEP_S)  # now and then long enough for all to arrive
            world.check("move")
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await world.streams.aclose()
    leftover = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    violations = [*world.violations, *(f"left over: {task}" for task in leftover)]
    return Outcome(took, violations, Counter({handle.fault.kind: handle.hits for handle in handles}))
