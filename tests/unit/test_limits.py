"""The limiter against a simulated venue, on a virtual clock: nothing here waits for real time but the last tests."""

from __future__ import annotations

import asyncio
import heapq
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator, Mapping
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire._limits import Limiter
from tidewire.errors import Banned, ConfigError


class Quota(NamedTuple):
    """Shaped like ``tidewire._venue.Quota``, without loading the compiled module."""

    scope: str
    limit: int
    period_s: float


class World:
    """A virtual clock that runs generators which yield the seconds they sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wakes = 0
        self._due: list[tuple[float, int, Iterator[float]]] = []
        self._started = 0

    def clock(self) -> float:
        return self.now

    def start(self, actor: Iterator[float], after: float = 0.0) -> None:
        self._started += 1
        heapq.heappush(self._due, (self.now + after, self._started, actor))

    def run(self, until: float = float("inf")) -> None:
        while self._due and self._due[0][0] <= until:
            self.now, order, actor = heapq.heappop(self._due)
            self.wakes += 1
            delay = next(actor, None)
            if delay is not None:
                assert delay > 0
                heapq.heappush(self._due, (self.now + delay, order, actor))
        self.now = max(self.now, until) if until < float("inf") else self.now


class VenueCounter:
    """Counts weight in fixed windows at any alignment, as Binance does; keeps every arrival for the sliding check."""

    def __init__(self, world: World, quotas: tuple[Quota, ...], phase: float = 0.0) -> None:
        self.world, self.quotas, self.phase = world, quotas, phase
        self.windows: dict[str, Counter[int]] = defaultdict(Counter)
        self.arrivals: dict[str, list[tuple[float, int]]] = defaultdict(list)

    def count(self, costs: Mapping[str, int]) -> dict[str, int]:
        used = {}
        for quota in self.quotas:
            window = int((self.world.now + self.phase * quota.period_s) // quota.period_s)
            weight = costs.get(quota.scope, 0)
            self.windows[quota.scope][window] += weight
            self.arrivals[quota.scope].append((self.world.now, weight))
            used[quota.scope] = self.windows[quota.scope][window]
        return used

    def most_in_any_window(self, scope: str) -> int:
        return max(self.windows[scope].values(), default=0)

    def most_in_any_stretch(self, quota: Quota) -> int:
        """The hardest check there is: windows that begin at every arrival."""
        arrivals, most, total, first = self.arrivals[quota.scope], 0, 0, 0
        for moment, weight in arrivals:
            total += weight
            while arrivals[first][0] <= moment - quota.period_s:
                total -= arrivals[first][1]
                first += 1
            most = max(most, total)
        return most


class Caller:
    """Makes calls through a limiter to a venue, with jittered latency each way."""

    def __init__(self, world: World, limiter: Limiter, venue: VenueCounter, latency: float, seed: int = 0) -> None:
        self.world, self.limiter, self.venue, self.latency = world, limiter, venue, latency
        self.random = random.Random(seed)
        self.sent: list[tuple[int, dict[str, int]]] = []

    def call(self, name: int, costs: dict[str, int]) -> Generator[float, None, None]:
        ticket = self.limiter.enter(costs)
        while delay := self.limiter.delay(ticket):
            yield delay
        self.sent.append((name, costs))
        yield self.latency * self.random.uniform(0.1, 1.0)
        used = self.venue.count(costs)
        yield self.latency * self.random.uniform(0.1, 1.0)
        self.limiter.settle(ticket, used)

    def forever(self, costs: dict[str, int]) -> Generator[float, None, None]:
        while True:
            yield from self.call(0, costs)


def scene(*quotas: Quota, phase: float = 0.0, latency: float = 0.05) -> tuple[World, Limiter, VenueCounter, Caller]:
    world = World()
    limiter = Limiter(quotas, clock=world.clock)
    venue = VenueCounter(world, quotas, phase)
    return world, limiter, venue, Caller(world, limiter, venue, latency)


def grant(limiter: Limiter, costs: dict[str, int]) -> object:
    ticket = limiter.enter(costs)
    assert limiter.delay(ticket) == 0.0
    return ticket


WEIGHT = Quota("weight", 100, 10.0)
ORDERS = Quota("orders", 5, 10.0)


class TestNeverExceeds:
    @given(
        limit=st.integers(5, 60),
        period=st.sampled_from([0.5, 1.0, 2.0, 10.0, 60.0]),
        phase=st.floats(0, 1),
        latency=st.floats(1e-4, 1.5),
        seed=st.integers(0, 2**16),
        costs=st.lists(st.tuples(st.integers(1, 5), st.floats(0, 30)), min_size=1, max_size=150),
    )
    def test_at_any_alignment_and_latency(self, limit, period, phase, latency, seed, costs) -> None:
        quota = Quota("weight", limit, period)
        world, limiter, venue, _ = scene(quota, phase=phase)
        caller = Caller(world, limiter, venue, latency, seed)
        for name, (weight, after) in enumerate(costs):
            world.start(caller.call(name, {"weight": weight}), after)
        world.run()
        assert len(caller.sent) == len(costs)
        assert venue.most_in_any_window("weight") <= limit
        assert venue.most_in_any_stretch(quota) <= limit

    @given(seed=st.integers(0, 2**16), phase=st.floats(0, 1))
    def test_with_several_scopes(self, seed, phase) -> None:
        quotas = (Quota("weight", 40, 6.0), Quota("orders", 7, 2.0), Quota("orders-long", 30, 20.0))
        world, limiter, venue, _ = scene(*quotas, phase=phase)
        caller = Caller(world, limiter, venue, 0.3, seed)
        chance = random.Random(seed)
        for name in range(200):
            order = {"weight": 1, "orders": 1, "orders-long": 1}
            read = {"weight": chance.randint(1, 20)}
            world.start(caller.call(name, order if chance.random() < 0.4 else read), chance.uniform(0, 10))
        world.run()
        assert len(caller.sent) == 200
        for quota in quotas:
            assert venue.most_in_any_stretch(quota) <= quota.limit

    @pytest.mark.parametrize("quota", [Quota("weight", 6000, 60.0), Quota("orders", 50, 10.0), Quota("books", 40, 2.0)])
    @pytest.mark.parametrize("phase", [0.0, 0.37])
    def test_and_uses_at_least_95_percent_under_load(self, quota: Quota, phase: float) -> None:
        world, limiter, venue, _ = scene(quota, phase=phase)
        caller = Caller(world, limiter, venue, latency=quota.period_s / 100)
        weight = 5 if quota.limit > 1000 else 1
        for worker in range(max(8, quota.limit // weight // 20)):
            world.start(caller.forever({quota.scope: weight}), after=worker / 1000)
        begin, windows = world.now, 6
        world.run(until=begin + windows * quota.period_s)
        # The first period fills an empty log and would flatter the figure.
        counted = sum(weight for at, weight in venue.arrivals[quota.scope] if at >= begin + quota.period_s)
        assert counted >= 0.95 * quota.limit * (windows - 1)
        assert venue.most_in_any_stretch(quota) <= quota.limit


class TestOrder:
    def test_is_first_come_first_served(self) -> None:
        world, _, _, caller = scene(WEIGHT)
        weights = random.Random(1)
        for name in range(300):
            world.start(caller.call(name, {"weight": weights.randint(1, 40)}), after=name * 1e-6)
        world.run()
        assert [name for name, _ in caller.sent] == list(range(300))

    def test_a_small_call_does_not_overtake_a_large_one(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        grant(limiter, {"weight": 60})
        large = limiter.enter({"weight": 50})
        small = limiter.enter({"weight": 1})
        assert limiter.delay(small) > 0
        assert limiter.delay(large) > 0

    def test_a_full_scope_does_not_hold_up_calls_that_need_only_others(self) -> None:
        world, limiter, _, _ = scene(WEIGHT, ORDERS)
        for _ in range(5):
            limiter.settle(grant(limiter, {"weight": 1, "orders": 1}))
        order = limiter.enter({"weight": 1, "orders": 1})
        assert limiter.delay(order) > 0
        read = grant(limiter, {"weight": 90})
        limiter.settle(read)
        # The order's turn comes in the second queue by its age: before the read that was there first.
        late = limiter.enter({"weight": 90})
        world.now += 10.0
        assert limiter.delay(late) == 0.0
        assert limiter.delay(order) == 0.0

    def test_an_old_call_that_comes_late_to_a_queue_goes_to_its_front(self) -> None:
        world, limiter, _, _ = scene(Quota("weight", 100, 1.0), ORDERS)
        orders = [grant(limiter, {"orders": 1}) for _ in range(5)]
        old = limiter.enter({"weight": 40, "orders": 1})
        for _ in range(2):
            limiter.settle(grant(limiter, {"weight": 50}))
            world.now += 0.25
        young = limiter.enter({"weight": 60})
        limiter.abandon(orders[0])
        assert limiter.delay(young) == pytest.approx(0.75)
        assert limiter.delay(old) == pytest.approx(0.5)  # as if nobody were before it
        world.now += 0.5
        assert limiter.delay(young) > 0
        assert limiter.delay(old) == 0.0

    def test_thousands_of_waiters_wake_seldom(self) -> None:
        world, limiter, venue, _ = scene(Quota("weight", 1000, 10.0))
        caller = Caller(world, limiter, venue, latency=0.1)
        for name in range(5000):
            world.start(caller.call(name, {"weight": 1}))
        world.run()
        assert [name for name, _ in caller.sent] == list(range(5000))
        # Three wake-ups are the call itself; the longest wait is some 40 s, halved each time.
        assert world.wakes / 5000 < 12


class TestTiming:
    def test_the_delay_is_exact_once_it_can_be_known(self) -> None:
        world, limiter, _, _ = scene(Quota("weight", 100, 1.0))
        first, second = grant(limiter, {"weight": 60}), grant(limiter, {"weight": 40})
        world.now += 0.25
        limiter.settle(first)
        world.now += 0.25
        limiter.settle(second)
        waiter, behind = limiter.enter({"weight": 50}), limiter.enter({"weight": 20})
        assert limiter.delay(waiter) == pytest.approx(0.75)
        assert limiter.delay(behind) == pytest.approx(1.0)
        world.now += 0.75
        assert limiter.delay(waiter) == 0.0

    def test_weight_counts_from_the_grant_to_a_period_after_the_end(self) -> None:
        world, limiter, _, _ = scene(WEIGHT)
        ticket = grant(limiter, {"weight": 100})
        world.now += 300.0
        assert limiter.usage() == {"weight": 1.0}
        limiter.settle(ticket)
        world.now += 9.999
        assert limiter.usage() == {"weight": 1.0}
        world.now += 0.002
        assert limiter.usage() == {"weight": 0.0}

    def test_calls_that_share_a_log_entry_expire_with_the_last_of_them(self) -> None:
        world, limiter, _, _ = scene(WEIGHT)
        for _ in range(2):
            limiter.settle(grant(limiter, {"weight": 50}))
            world.now += 0.005
        world.now += 9.993
        assert limiter.usage() == {"weight": 1.0}
        world.now += 0.005
        assert limiter.usage() == {"weight": 0.0}

    def test_long_waits_are_cut_so_that_news_is_heard(self) -> None:
        _, limiter, _, _ = scene(Quota("weight", 10, 86_400.0))
        limiter.settle(grant(limiter, {"weight": 10}))
        assert 40_000 <= limiter.delay(limiter.enter({"weight": 1})) <= 43_200


class TestCorrection:
    def test_a_report_above_our_count_adds_the_difference(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        limiter.settle(grant(limiter, {"weight": 5}), used={"weight": 81})
        assert limiter.usage()["weight"] == pytest.approx(0.81)
        assert limiter.delay(limiter.enter({"weight": 20})) > 0

    def test_a_report_below_our_count_gives_nothing_back(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        for _ in range(3):
            limiter.settle(grant(limiter, {"weight": 30}), used={"weight": 30})
        assert limiter.usage()["weight"] == pytest.approx(0.9)

    def test_reports_of_calls_in_flight_are_not_counted_twice(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        first, second = grant(limiter, {"weight": 10}), grant(limiter, {"weight": 10})
        limiter.settle(second, used={"weight": 20})
        limiter.settle(first, used={"weight": 10})
        assert limiter.usage()["weight"] == pytest.approx(0.2)

    def test_a_new_window_does_not_hide_others_behind_our_old_calls(self) -> None:
        world, limiter, _, _ = scene(WEIGHT)
        # The venue's window turns after the second call; then others use 38, which our old 60 must not hide.
        for ours, used in ((60, 60), (1, 61), (1, 1), (1, 41)):
            ticket = grant(limiter, {"weight": ours})
            world.now += 0.1
            limiter.settle(ticket, used={"weight": used})
            world.now += 2.0
        assert limiter.usage()["weight"] == pytest.approx(1.01)

    def test_scopes_that_we_do_not_know_are_passed_over(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        limiter.settle(grant(limiter, {"weight": 1}), used={"raw": 7})
        assert limiter.usage() == {"weight": 0.01}

    @pytest.mark.parametrize("programs", [2, 3])
    @pytest.mark.parametrize("seed", range(4))
    def test_programs_that_share_an_address_share_its_quota(self, programs: int, seed: int) -> None:
        quota = Quota("weight", 1200, 60.0)
        world, _, venue, _ = scene(quota, phase=seed / 4)
        for program in range(programs):
            limiter = Limiter([quota], clock=world.clock)
            caller = Caller(world, limiter, venue, latency=0.2, seed=seed)
            for worker in range(4):
                world.start(caller.forever({"weight": 2}), after=program * 7 + worker / 100)
        begin = world.now
        world.run(until=begin + 600.0)
        settled = [weight for at, weight in venue.arrivals["weight"] if at >= begin + 120.0]
        assert sum(settled) >= 0.95 * quota.limit * 8
        assert venue.most_in_any_window("weight") <= quota.limit


class TestFreezeAndBan:
    def test_a_freeze_holds_its_scope_and_no_other(self) -> None:
        world, limiter, _, _ = scene(WEIGHT, ORDERS)
        limiter.freeze("orders", 0.5)
        order = limiter.enter({"weight": 1, "orders": 1})
        assert limiter.delay(order) == pytest.approx(0.5)
        grant(limiter, {"weight": 1})
        world.now += 0.5
        assert limiter.delay(order) == 0.0

    def test_a_freeze_of_everything_holds_even_calls_without_a_quota(self) -> None:
        world, limiter, _, _ = scene(WEIGHT)
        ticket = limiter.enter({})
        limiter.freeze(None, 0.5)
        limiter.freeze(None, 0.1)
        assert limiter.delay(ticket) == pytest.approx(0.5)
        world.now += 0.5
        assert limiter.delay(ticket) == 0.0

    def test_a_ban_refuses_new_calls_and_waiters_until_it_is_over(self) -> None:
        world, limiter, _, _ = scene(WEIGHT)
        limiter.settle(grant(limiter, {"weight": 100}))
        waiter, unsent = limiter.enter({"weight": 100}), limiter.enter({})
        limiter.ban(120.0)
        for attempt in (lambda: limiter.delay(waiter), lambda: limiter.delay(unsent), lambda: limiter.enter({})):
            with pytest.raises(Banned, match="120 s more") as caught:
                attempt()
            assert caught.value.retry_after == pytest.approx(120.0)
            assert not caught.value.retryable
        world.now += 120.0
        grant(limiter, {"weight": 100})

    def test_a_call_in_flight_when_the_ban_comes_still_settles(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        ticket = grant(limiter, {"weight": 10})
        limiter.ban(60.0)
        limiter.settle(ticket)
        assert limiter.usage()["weight"] == pytest.approx(0.1)


class TestGivingBack:
    def test_a_cancelled_waiter_frees_its_place(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        grant(limiter, {"weight": 60})
        large, small = limiter.enter({"weight": 50}), limiter.enter({"weight": 40})
        assert limiter.delay(small) > 0
        limiter.abandon(large)
        assert limiter.delay(small) == 0.0
        with pytest.raises(RuntimeError, match="given back"):
            limiter.delay(large)

    def test_an_unused_grant_is_not_spent_and_giving_back_twice_does_nothing(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        ticket = grant(limiter, {"weight": 100})
        limiter.abandon(ticket)
        limiter.abandon(ticket)
        limiter.settle(ticket)
        assert limiter.usage() == {"weight": 0.0}
        spent = grant(limiter, {"weight": 100})
        limiter.settle(spent)
        limiter.abandon(spent)
        assert limiter.usage() == {"weight": 1.0}

    @given(seed=st.integers(0, 2**16))
    def test_any_mix_of_cancellations_leaves_nothing_behind(self, seed: int) -> None:
        world, limiter, venue, _ = scene(WEIGHT, ORDERS)
        caller, chance = Caller(world, limiter, venue, 0.3, seed), random.Random(seed)

        def impatient(costs: dict[str, int], patience: float) -> Generator[float, None, None]:
            ticket, deadline = limiter.enter(costs), world.now + patience
            while delay := limiter.delay(ticket):
                if world.now + delay > deadline:
                    yield max(1e-6, deadline - world.now)
                    limiter.abandon(ticket)
                    return
                yield delay
            yield 0.1
            limiter.settle(ticket, venue.count(costs))

        for name in range(100):
            costs = {"weight": chance.randint(1, 40)} | ({"orders": 1} if chance.random() < 0.3 else {})
            patient = chance.random() < 0.5
            actor = caller.call(name, costs) if patient else impatient(costs, chance.uniform(0, 20))
            world.start(actor, chance.uniform(0, 5))
        world.run()
        world.now += 10.001
        assert limiter.usage() == {"weight": 0.0, "orders": 0.0}
        for quota in (WEIGHT, ORDERS):
            assert venue.most_in_any_stretch(quota) <= quota.limit


class TestConfigure:
    def test_learnt_limits_keep_what_was_used(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        limiter.settle(grant(limiter, {"weight": 50}))
        limiter.configure([Quota("weight", 200, 10.0), ORDERS])
        assert limiter.usage() == {"weight": 0.25, "orders": 0.0}
        grant(limiter, {"weight": 150})

    def test_a_waiter_that_no_longer_fits_is_told(self) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        grant(limiter, {"weight": 50})
        waiter = limiter.enter({"weight": 80})
        limiter.configure([Quota("weight", 70, 10.0)])
        with pytest.raises(ConfigError, match="weight 80 can never fit into weight: 70 per 10 s"):
            limiter.delay(waiter)
        grant(limiter, {"weight": 20})

    @pytest.mark.parametrize(
        ("costs", "told"),
        [
            ({"weight": 101}, "weight 101 can never fit into weight: 100 per 10 s"),
            ({"weight": -1}, "weight -1 can never"),
            ({"wieght": 1}, "no quota has the scope 'wieght': the known ones are weight"),
        ],
    )
    def test_costs_that_make_no_sense_are_refused(self, costs: dict[str, int], told: str) -> None:
        _, limiter, _, _ = scene(WEIGHT)
        with pytest.raises(ConfigError, match=told):
            limiter.enter(costs)
        assert limiter.usage() == {"weight": 0.0}

    @pytest.mark.parametrize(
        "quotas", [[Quota("w", 0, 1.0)], [Quota("w", 1, 0.0)], [Quota("w", 1, 1), Quota("w", 2, 2)]]
    )
    def test_quotas_that_make_no_sense_are_refused(self, quotas: list[Quota]) -> None:
        with pytest.raises(ConfigError):
            Limiter(quotas)


class TestRealTime:
    def test_threads_and_tasks_share_one_limiter(self) -> None:
        quota = Quota("weight", 20, 0.1)
        limiter = Limiter([quota])
        sent: list[float] = []
        lock = threading.Lock()

        def send() -> None:
            with lock:
                sent.append(time.monotonic())

        def thread() -> None:
            for _ in range(15):
                ticket = limiter.enter({"weight": 1})
                while delay := limiter.delay(ticket):
                    time.sleep(delay)
                send()
                limiter.settle(ticket)

        async def task() -> None:
            for _ in range(15):
                ticket = limiter.enter({"weight": 1})
                while delay := limiter.delay(ticket):  # noqa: ASYNC110 - the limiter tells how long, exactly
                    await asyncio.sleep(delay)
                send()
                limiter.settle(ticket)

        async def tasks() -> None:
            await asyncio.gather(*(task() for _ in range(4)))

        threads = [threading.Thread(target=thread) for _ in range(4)]
        for each in threads:
            each.start()
        asyncio.run(tasks())
        for each in threads:
            each.join()
        sent.sort()
        assert len(sent) == 120
        assert all(later - earlier >= 0.1 for earlier, later in zip(sent, sent[20:], strict=False))
