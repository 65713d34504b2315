"""Live books over real sockets: right whenever they say so, whatever the venue's wire does to them.

The thousands of plans are in ``tests/faults``, where neither sockets nor time are real; here a few of each kind.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

import tidewire as tw
from tidewire._connection import Patience
from tidewire.book import SequenceRule
from tidewire.models import Level
from tidewire.sandbox import Sandbox
from tidewire.stream import BookStream

from .conftest import listed, roomy

DEPTH = 20
PLANS = [
    ["lose"], ["duplicate"], ["swap"], ["garble"], ["scramble"], ["junk"], ["close"],
    ["close", "refuse"], ["close", "half_upgrade"], ["close", "reject"], ["close", "close_open"],
    ["close", "close_before"], ["close", "close_after"], ["lose", "answer_late"], ["garble", "stale"],
]  # fmt: skip
UNSEEN = {"lose", "swap"}  # by a client of a venue that does not number its messages
HEALS_WITHIN = 200

Sides = tuple[list[Level], list[Level]]


@dataclass
class Watched:
    """A sandbox whose markets move only when told, and a book on it that is live and that somebody reads."""

    sandbox: Sandbox
    venue: str
    symbol: str
    stream: BookStream
    book: tw.OrderBook
    changed: asyncio.Event

    async def step(self) -> None:
        await asyncio.to_thread(self.sandbox.step)

    async def is_right(self, within_s: float) -> bool:
        """Tell whether the book shows within some time what the venue's does now."""
        symbol = tw.Symbol.parse(self.symbol)
        look = lambda: self.sandbox.inspect(self.venue, lambda exchange: exchange.book(symbol, DEPTH))  # noqa: E731
        truth = await asyncio.to_thread(look)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.book.state is not tw.BookState.LIVE or self.sides() != (truth.bids, truth.asks):
                    self.changed.clear()
                    await self.changed.wait()
                return True
        return False

    def sides(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        return self.book.bids(DEPTH), self.book.asks(DEPTH)


@pytest.fixture(params=["spot", "perp"])
async def watched(request: pytest.FixtureRequest, venue_name: str) -> AsyncIterator[Watched]:
    async with Sandbox(venue_name, pace=None, seed=7, limits=roomy(venue_name)) as sandbox:
        kind, tail = ("spot", "") if request.param == "spot" else ("linear", "-PERP")
        symbol = listed(sandbox, venue_name, kind, tail)[0]
        async with tw.AsyncClient(venue_name, environment=sandbox) as client:
            client.streams.patience = Patience(first_s=0.02, cap_s=0.2)
            if "watch_book" not in client.capabilities:
                pytest.skip("the venue has no book streams")
            async with contextlib.AsyncExitStack() as stack:
                try:
                    stream = await stack.enter_async_context(client.watch_book(symbol))
                except tw.NotSupported as missing:
                    pytest.skip(str(missing))
                async with asyncio.timeout(10):
                    book = await anext(stream)
                changed = asyncio.Event()
                reader = asyncio.create_task(follow(stream, changed))
                yield Watched(sandbox, venue_name, symbol, stream, book, changed)
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)


async def follow(stream: BookStream, changed: asyncio.Event) -> None:
    """Read as a user does."""
    async for _ in stream:
        changed.set()


@pytest.mark.parametrize("kinds", PLANS, ids="+".join)
async def test_a_book_survives(watched: Watched, kinds: Sequence[Any]) -> None:
    if UNSEEN.intersection(kinds) and watched.stream._channel.layout.rule is SequenceRule.NONE:
        pytest.skip("this venue does not number its messages: that one is missing cannot be seen")
    for kind in kinds:
        watched.sandbox.fail(kind, seconds=0.3)
        await watched.step()
        await asyncio.sleep(0.02)
    for _ in range(HEALS_WITHIN):
        await watched.step()
        if await watched.is_right(within_s=0.05):
            return
    raise AssertionError(f"not right after {HEALS_WITHIN} messages: {watched.book} ({watched.stream.reason})")


async def test_a_book_tells_how_late_it_is(watched: Watched) -> None:
    """On every venue: by the clock of its own messages, and by ours."""
    for _ in range(3):
        await watched.step()
        assert await watched.is_right(within_s=5)
    stats = watched.stream.stats
    assert stats.lag.count >= 3
    assert stats.latency.count >= 3
    assert 0 <= stats.lag.p50_us < 60e6
