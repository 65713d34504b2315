"""Every venue's way to hand a book over: another connection every two seconds for a minute, in virtual time.

Fifty books at once, over real sockets and numbered as Binance does, are in ``tests/unit/test_rotation.py``.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import pytest

from tidewire import _line
from tidewire._heir import numbers_alike
from tidewire.book import BookState
from tidewire.models import Side
from tidewire.sandbox.faults import FaultPlan
from tidewire.symbols import Kind
from tidewire.venues import venue

from .test_plans import books
from .virtual import VirtualLoop, seeded, virtual_time
from .world import World

LIFE_S = 2.0
MINUTE_S = 60.0
STEP_S = 0.05
FAR_OFF = 11_000
SEED = 1  # by which a message takes 0.15 s


@dataclass
class Minute:
    """What a reader of every update saw: the states of the market, in the order in which they were shown."""

    states: list[int]
    rotations: int
    reconnects: int
    violations: list[str]
    moves: set[int]
    """The states that the market was in since."""


def short_lived(world: World) -> None:
    watch_book = world.streams._venue.watch_book

    def offered(*about: Any) -> Any:
        channel = watch_book(*about)
        return replace(channel, feed=replace(channel.feed, life_s=LIFE_S))

    world.streams._venue.watch_book = offered  # type: ignore[method-assign]


async def live_through(world: World) -> Minute:
    states: list[int] = []
    begun = asyncio.Event()

    async def read() -> None:
        async with world.streams.watch_book(world.symbol, every=True) as stream:
            async for book in stream:
                if book.state is not BookState.LIVE:
                    world.violations.append(f"not LIVE after {len(states)} updates: {stream.reason}")
                world.book = stream._live._book  # type: ignore[union-attr]  # which every frame is compared with
                states.append(world._number_of(book) or -1)
                begun.set()

    with mock.patch.object(_line, "connect", world.connect):
        reader = asyncio.create_task(read())
        async with asyncio.timeout(30):
            await begun.wait()
        until = asyncio.get_running_loop().time() + MINUTE_S
        while asyncio.get_running_loop().time() < until:
            world.market.market.book.set_house(Side.SELL, FAR_OFF, world.market.number)  # no two states are alike
            world.move()
            await asyncio.sleep(STEP_S)
        await asyncio.sleep(1.0)
        (connection,) = world.streams.stats().connections
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await world.streams.aclose()
    moves = {number for number in world.market.numbers.values() if number > states[0]}
    return Minute(states, connection.rotations, connection.reconnects, world.violations, moves)


@pytest.mark.parametrize(("name", "kind"), books())
def test_a_rotation_every_two_seconds_for_a_minute_loses_nothing(name: str, kind: Kind) -> None:
    loop = VirtualLoop()
    try:
        with virtual_time(loop), seeded(SEED):
            world = World(loop, name, kind, random.Random(SEED), FaultPlan(SEED))
            short_lived(world)
            seen = loop.run_until_complete(live_through(world))
    finally:
        loop.close()
    assert seen.violations == []
    assert seen.rotations >= 18  # each takes its handshake, on a network that may be slow
    assert seen.reconnects == 0
    assert seen.states == sorted(seen.states)
    assert len(seen.moves) > 1000
    assert seen.states[-1] == max(seen.moves)
    missed = seen.moves.difference(seen.states)
    if numbers_alike(venue(name).book_layout(kind)):
        assert not missed
    else:  # a second book takes over as it stands, by as much as its connection is ahead
        assert len(missed) <= seen.rotations
