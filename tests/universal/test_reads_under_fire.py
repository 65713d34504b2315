"""Each venue in turn is killed, banned, frozen and slowed while many tasks read, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import tidewire as tw
from tidewire import _session
from tidewire.sandbox import Sandbox
from tidewire.universal import Answer, AsyncUniversal, health

VENUES = ("binance", "okx", "htx", "coinbase")
WORKERS = 4
TIMEOUT_S = 20.0
PATIENCE_S = 0.25


class Street:
    """A sandbox of its own for every venue, so that one can be killed and come back at the same address."""

    def __init__(self) -> None:
        self.houses = {venue: Sandbox(venue, pace=None).start() for venue in VENUES}

    def base_url(self, venue: str) -> str:
        return self.houses[venue].base_url(venue)

    def stream_url(self, venue: str) -> str:
        return self.houses[venue].stream_url(venue)

    async def restart(self, venue: str, ports: tuple[int, int]) -> None:
        self.houses[venue] = await asyncio.to_thread(Sandbox(venue, pace=None, ports={venue: ports}).start)

    def close(self) -> None:
        for house in self.houses.values():
            house.stop()


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    monkeypatch.setattr(health, "COOL_DOWN_S", 0.05)
    monkeypatch.setattr(health, "LONGEST_COOL_DOWN_S", 0.2)
    monkeypatch.setattr(_session, "_BAN_S", 0.3)  # of a ban that does not say how long it lasts
    street = Street()
    yield street
    street.close()


@asynccontextmanager
async def killed(street: Street, venue: str) -> AsyncIterator[None]:
    url = [street.houses[venue].base_url(venue), street.houses[venue].stream_url(venue)]
    await asyncio.to_thread(street.houses[venue].stop)
    yield
    rest, stream = (int(each.rpartition(":")[2]) for each in url)
    await street.restart(venue, (rest, stream))


@asynccontextmanager
async def faulty(street: Street, venue: str, kind: Any, seconds: float) -> AsyncIterator[None]:
    armed = street.houses[venue].fail(kind, times=None, seconds=seconds)
    yield
    armed.cancel()
    street.houses[venue].clear_faults()


# How, and what a read says about it: on a busy machine also that it was too slow.
FIRES: dict[str, tuple[Callable[[Street, str], Any], set[type[tw.Error]]]] = {
    "kill": (killed, {tw.ConnectionFailed, tw.Timeout}),
    "ban": (lambda street, venue: faulty(street, venue, "ban", 0.3), {tw.Banned, tw.RateLimited, tw.Timeout}),
    "freeze": (lambda street, venue: faulty(street, venue, "hang", 0.0), {tw.Timeout}),
    "slow": (lambda street, venue: faulty(street, venue, "delay", 5.0), {tw.Timeout}),
}


async def load(market: AsyncUniversal) -> list[Answer[Any]]:
    """Every worker reads several things; every read must be answered, and in time."""
    verbs: list[Callable[[], Awaitable[Answer[Any]]]] = [
        lambda: market.answer(market.fetch_ticker, "BTC-USDT"),
        lambda: market.answer(market.fetch_book, "ETH-USDT", 20),
        lambda: market.answer(market.fetch_klines, "BTC-USDT", "1m", limit=5),
    ]

    async def worker(first: int) -> list[Answer[Any]]:
        answers = []
        for step in range(len(verbs)):
            started = time.monotonic()
            answers.append(await verbs[(first + step) % len(verbs)]())
            assert time.monotonic() - started < TIMEOUT_S
        return answers

    return [answer for answers in await asyncio.gather(*map(worker, range(WORKERS))) for answer in answers]


@pytest.mark.parametrize("fire", FIRES)
async def test_reads_go_on_and_tell_the_truth(street: Street, fire: str) -> None:
    lit, causes = FIRES[fire]
    for victim in VENUES:
        # Everybody would ask the victim. Coinbase, with its 10 requests a second, is the last resort.
        order = (victim, *(venue for venue in VENUES if venue != victim))
        options: dict[str, Any] = {"strategy": "priority", "timeout": TIMEOUT_S, "patience": PATIENCE_S, "retries": 1}
        async with AsyncUniversal(order, environment=street, **options) as market:
            await answered_by(market, victim)
            async with lit(street, victim):
                first = await market.answer(market.fetch_price, "BTC-USDT")
                answers = [first, *await load(market)]
            (cause,) = (failed.error for failed in first.provenance.failed if failed.venue == victim)
            assert type(cause) in causes or "our own limits" in str(cause)
            for answer in answers:
                told = answer.provenance
                assert told.venue in order[1:]
                assert told.venue == getattr(answer.value, "venue", told.venue)
                assert victim in {*(failed.venue for failed in told.failed), *told.skipped}
            await answered_by(market, victim)  # it comes back by itself: nothing is called but reads
            assert market.health()[victim].state == "ready"


async def answered_by(market: AsyncUniversal, venue: str) -> None:
    """Read until a venue gives the answer."""
    async with asyncio.timeout(60):
        while (await market.answer(market.fetch_price, "BTC-USDT")).provenance.venue != venue:
            pass
