"""One fetch for many, across threads and tasks; ageing, eviction, failure and cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tidewire._cache import Cache, Claim


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def put(cache: Cache[str, str], key: str, value: str = "value") -> None:
    claim = cache.begin(key)
    assert isinstance(claim, Claim)
    with claim:
        claim.fulfil(value)


class TestKeeping:
    def test_a_value_is_kept_until_it_is_as_old_as_the_ttl(self, clock: Clock) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0, clock=clock)
        put(cache, "a")
        clock.now = 9.9
        assert cache.begin("a") == "value"
        assert cache.get("a") == "value"
        clock.now = 10.0
        assert cache.get("a") is None
        assert isinstance(cache.begin("a"), Claim)

    def test_age_counts_from_the_beginning_of_the_fetch(self, clock: Clock) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0, clock=clock)
        claim = cache.begin("a")
        clock.now = 6.0
        with claim:
            claim.fulfil("slow")
        clock.now = 10.0
        assert cache.get("a") is None

    def test_no_ttl_still_shares_a_flight(self, clock: Clock) -> None:
        cache: Cache[str, str] = Cache(ttl=0.0, clock=clock)
        claim, waiter = cache.begin("a"), cache.begin("a")
        with claim:
            claim.fulfil("value")
        assert waiter.result(0) == "value"
        assert isinstance(cache.begin("a"), Claim)

    def test_the_least_recently_used_goes_first(self, clock: Clock) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0, max_entries=3, clock=clock)
        for key in "abc":
            put(cache, key)
        cache.begin("a")
        put(cache, "d")
        cache.get("c")
        put(cache, "e")
        assert [key for key in "abcde" if cache.get(key)] == ["c", "d", "e"]
        assert len(cache) == 3

    def test_invalidate_forgets_one_or_all(self, clock: Clock) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0, clock=clock)
        for key in "abc":
            put(cache, key)
        cache.invalidate("b")
        assert [key for key in "abc" if cache.get(key)] == ["a", "c"]
        cache.invalidate()
        assert len(cache) == 0

    def test_a_fetch_that_began_before_invalidate_is_not_kept(self, clock: Clock) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0, clock=clock)
        old, waiter = cache.begin("a"), cache.begin("a")
        cache.invalidate("a")
        new = cache.begin("a")
        assert isinstance(new, Claim)
        with old:
            old.fulfil("old")
        assert waiter.result(0) == "old"
        assert cache.get("a") is None
        with new:
            new.fulfil("new")
        assert cache.get("a") == "new"


class TestSharing:
    def test_threads_fetch_once(self) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        fetches: list[str] = []
        waiting = threading.Semaphore(0)
        everyone_waits = threading.Event()

        def read() -> str | None:
            entry = cache.begin("a")
            if isinstance(entry, Claim):
                with entry:
                    everyone_waits.wait(5)
                    fetches.append("a")
                    return entry.fulfil("value")
            assert isinstance(entry, Future)
            waiting.release()
            return entry.result(5)

        with ThreadPoolExecutor(16) as pool:
            results = [pool.submit(read) for _ in range(16)]
            for _ in range(15):
                assert waiting.acquire(timeout=5)
            everyone_waits.set()
            assert [result.result(5) for result in results] == ["value"] * 16
        assert fetches == ["a"]

    async def test_tasks_and_threads_share_a_fetch(self) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        claim = cache.begin("a")
        thread = asyncio.create_task(asyncio.to_thread(cache.begin("a").result, 5))
        task = asyncio.wrap_future(cache.begin("a"))
        with claim:
            claim.fulfil("value")
        assert await asyncio.gather(thread, task) == ["value", "value"]

    def test_a_failure_reaches_every_waiter_and_is_not_kept(self) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        claim = cache.begin("a")
        waiters = [cache.begin("a") for _ in range(3)]
        with pytest.raises(OSError, match="no network"), claim:
            raise OSError("no network")
        for waiter in waiters:
            with pytest.raises(OSError, match="no network"):
                waiter.result(0)
        assert isinstance(cache.begin("a"), Claim)

    @pytest.mark.parametrize("interruption", [KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
    def test_a_cancelled_fetch_lets_a_waiter_take_over(self, interruption: type[BaseException]) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        claim, waiter = cache.begin("a"), cache.begin("a")
        with pytest.raises(interruption), claim:
            raise interruption
        assert waiter.result(0) is None
        assert isinstance(cache.begin("a"), Claim)

    def test_a_claim_left_without_a_value_leaves_nobody_hanging(self) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        claim, waiter = cache.begin("a"), cache.begin("a")
        with claim:
            pass
        assert waiter.result(0) is None

    async def test_a_cancelled_waiter_does_not_cancel_the_others(self) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        claim = cache.begin("a")
        impatient, patient = (asyncio.ensure_future(asyncio.wrap_future(cache.begin("a"))) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
        assert impatient.cancelled()
        with claim:
            claim.fulfil("value")
        assert await patient == "value"


class TestThrough:
    """The whole protocol as a generator, driven by hand."""

    @staticmethod
    def fetch() -> Generator[str, str, str]:
        return "fetched " + (yield "send")

    def test_fetches_once_for_two(self) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        first, second = cache.through("a", self.fetch), cache.through("a", self.fetch)
        assert next(first) == "send"
        future = next(second)
        assert isinstance(future, Future)
        assert returned(first, "it") == "fetched it"
        assert returned(second, future.result(0)) == "fetched it"
        assert returned(cache.through("a", self.fetch), None) == "fetched it"

    def test_a_waiter_takes_over_from_one_that_is_closed(self) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        first, second = cache.through("a", self.fetch), cache.through("a", self.fetch)
        next(first)
        future = next(second)
        first.close()
        assert second.send(future.result(0)) == "send"
        assert returned(second, "again") == "fetched again"

    def test_a_failure_is_thrown_into_both(self) -> None:
        cache: Cache[str, str] = Cache(ttl=10.0)
        first, second = cache.through("a", self.fetch), cache.through("a", self.fetch)
        next(first)
        future = next(second)
        with pytest.raises(OSError, match="no network"):
            first.throw(OSError("no network"))
        with pytest.raises(OSError, match="no network"):
            second.throw(future.exception(0))
        assert next(cache.through("a", self.fetch)) == "send"


def returned(generator: Generator[object, object, str], value: object) -> str:
    with pytest.raises(StopIteration) as stop:
        generator.send(value)
    return stop.value.value
