"""The venue's clock, seen through unequal delays, drifting clocks and clocks that are set."""

from __future__ import annotations

import random
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire._clock import VenueClock

MS, S = 1_000_000, 1_000_000_000
EPOCH = 1_700_000_000 * S


class World:
    """A local clock and a venue's that is ahead by an offset which drifts."""

    def __init__(self, offset_ns: int = 0, drift_ppm: float = 0.0) -> None:
        self.elapsed, self.offset_ns, self.drift_ppm = 0, offset_ns, drift_ppm
        self.stepped = 0

    def local_ns(self) -> int:
        return EPOCH + self.elapsed + self.stepped

    @property
    def true_offset(self) -> int:
        return self.offset_ns + int(self.elapsed * self.drift_ppm / 1e6) - self.stepped

    def server_ns(self) -> int:
        return self.local_ns() + self.true_offset

    def sample(self, clock: VenueClock, out_ns: int, back_ns: int, resolution_ns: int = MS) -> None:
        sent = self.local_ns()
        self.elapsed += out_ns
        server = self.server_ns() // resolution_ns * resolution_ns
        self.elapsed += back_ns
        clock.sample(sent, server, self.local_ns(), resolution_ns=resolution_ns)

    def answer(self, clock: VenueClock, out_ns: int, back_ns: int, **headers: str) -> None:
        sent = self.local_ns()
        self.elapsed += out_ns
        date = formatdate(self.server_ns() // S, usegmt=True)
        self.elapsed += back_ns
        clock.observe(sent, {"date": date} | headers, self.local_ns())


class TestSamples:
    def test_nothing_is_known_at_first(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        assert clock.offset_ns == 0
        assert clock.error_ns is None
        assert clock.needs_sample()
        assert clock.now_ns() == world.local_ns()

    def test_equal_delays_give_the_offset_to_the_resolution(self) -> None:
        world = World(offset_ns=-1234 * MS)
        clock = VenueClock(world.local_ns)
        world.sample(clock, 40 * MS, 40 * MS)
        assert abs(clock.offset_ns - world.true_offset) <= MS
        assert clock.error_ns == pytest.approx(40.5 * MS, abs=MS)
        assert not clock.needs_sample()

    @given(
        offset=st.integers(-5000 * MS, 5000 * MS),
        drift=st.floats(-99, 99),
        samples=st.lists(
            st.tuples(st.integers(1, 900 * MS), st.integers(1, 900 * MS), st.integers(0, 900 * S)),
            min_size=1,
            max_size=30,
        ),
        resolution=st.sampled_from([1, MS, S]),
    )
    def test_the_offset_is_always_within_the_error(self, offset, drift, samples, resolution) -> None:
        world = World(offset, drift)
        clock = VenueClock(world.local_ns)
        for out, back, pause in samples:
            world.sample(clock, out, back, resolution)
            assert abs(clock.offset_ns - world.true_offset) <= clock.error_ns + 2
            world.elapsed += pause
            assert abs(clock.offset_ns - world.true_offset) <= clock.error_ns + 2
        assert abs(clock.now_ns() - world.server_ns()) <= clock.error_ns + 2

    def test_unequal_delays_that_vary_beat_the_fastest_round_trip(self) -> None:
        world, chance = World(offset_ns=777 * MS), random.Random(7)
        clock = VenueClock(world.local_ns)
        fastest = S
        for _ in range(20):
            out, back = (int((20 + chance.expovariate(1 / 30)) * MS) for _ in range(2))
            fastest = min(fastest, out + back)
            world.sample(clock, out, back, resolution_ns=1)
        assert clock.error_ns < fastest // 2
        assert abs(clock.offset_ns - world.true_offset) <= clock.error_ns

    def test_a_slow_sample_does_not_spoil_a_good_one(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 5 * MS, 5 * MS)
        world.sample(clock, 1900 * MS, 100 * MS)
        assert abs(clock.offset_ns) <= MS

    def test_old_samples_lose_their_weight(self) -> None:
        world = World(drift_ppm=80)
        clock = VenueClock(world.local_ns)
        world.sample(clock, 1 * MS, 1 * MS)
        world.elapsed += 3600 * S
        assert clock.error_ns >= 360 * MS
        world.sample(clock, 50 * MS, 50 * MS)
        assert abs(clock.offset_ns - world.true_offset) <= 1 * MS
        assert clock.error_ns <= 52 * MS

    def test_a_clock_that_is_set_is_noticed_at_the_next_sample(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 5 * MS, 5 * MS)
        world.stepped = -3 * S
        world.sample(clock, 50 * MS, 50 * MS)
        assert abs(clock.offset_ns - 3 * S) <= MS


class TestWhenToSample:
    def test_every_five_minutes(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 5 * MS, 5 * MS)
        world.elapsed += 299 * S
        assert not clock.needs_sample()
        assert clock.needs_sample(world.local_ns() + 2 * S)

    def test_soon_again_while_inexact_but_not_all_the_time(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 400 * MS, 400 * MS)
        assert not clock.needs_sample()
        world.elapsed += 5 * S
        assert clock.needs_sample()

    def test_when_the_local_clock_was_set_far_back(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 5 * MS, 5 * MS)
        world.stepped = -3600 * S
        assert clock.needs_sample()

    def test_at_once_when_the_venue_has_refused_our_time(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 0, 800 * MS)
        world.stepped = -2 * S
        clock.distrust()
        assert clock.needs_sample()
        world.sample(clock, 0, 3000 * MS)
        assert abs(clock.offset_ns - world.true_offset) <= clock.error_ns


class TestDateHeader:
    def test_bounds_the_offset_for_nothing(self) -> None:
        world = World(offset_ns=4321 * MS)
        clock = VenueClock(world.local_ns)
        world.answer(clock, 30 * MS, 30 * MS)
        assert abs(clock.offset_ns - world.true_offset) <= clock.error_ns <= 540 * MS
        assert clock.needs_sample()

    def test_many_answers_bound_it_closely(self) -> None:
        world, chance = World(offset_ns=4321 * MS), random.Random(3)
        clock = VenueClock(world.local_ns)
        for _ in range(200):
            world.answer(clock, 30 * MS, 30 * MS)
            world.elapsed += int(chance.uniform(0, 2) * S)
        assert abs(clock.offset_ns - world.true_offset) <= clock.error_ns
        assert clock.error_ns < 60 * MS

    def test_never_moves_what_samples_say(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 30 * MS, 30 * MS)
        before = clock.offset_ns
        # The answering machine is 100 ms ahead and its second has just begun: that bounds its offset from below.
        world.offset_ns = 100 * MS
        world.elapsed = S - 100 * MS
        world.answer(clock, 1 * MS, 1 * MS)
        assert clock.offset_ns == before
        world.elapsed += 6 * S
        assert not clock.needs_sample()

    def test_a_plain_contradiction_asks_for_a_sample(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 5 * MS, 5 * MS)
        world.stepped = 3 * S
        world.answer(clock, 5 * MS, 5 * MS)
        world.elapsed += 3 * S
        assert clock.needs_sample()
        world.sample(clock, 5 * MS, 5 * MS)
        assert abs(clock.offset_ns - world.true_offset) <= MS
        assert not clock.needs_sample()

    def test_after_a_contradiction_the_next_sample_alone_counts(self) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        world.sample(clock, 0, 800 * MS)
        world.stepped = -2 * S
        world.answer(clock, 0, 0)
        # So slow that it would agree with what was known before the clock was set.
        world.sample(clock, 0, 3000 * MS)
        assert abs(clock.offset_ns - world.true_offset) <= clock.error_ns

    @pytest.mark.parametrize("headers", [{"date": "yesterday"}, {"date": ""}, {}, {"age": "12"}])
    def test_what_cannot_be_trusted_is_passed_over(self, headers: dict[str, str]) -> None:
        world = World()
        clock = VenueClock(world.local_ns)
        if "age" in headers:
            world.answer(clock, 5 * MS, 5 * MS, **headers)
        else:
            clock.observe(world.local_ns(), headers, world.local_ns())
        assert clock.error_ns is None
