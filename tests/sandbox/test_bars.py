"""Klines off the price path: the same for every page, every interval and every run."""

from __future__ import annotations

import itertools
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire._dialect import Bar
from tidewire.models import Instrument
from tidewire.sandbox.bars import bars_of, open_times
from tidewire.sandbox.listings import LISTED_NS, listings
from tidewire.sandbox.path import MINUTE_NS, PricePath
from tidewire.symbols import Interval, Symbol

NOW = 1_750_000_030_500_000_000  # thirty seconds into a minute
DAY = 86_400 * 10**9


def instrument() -> Instrument:
    return next(
        listing.instrument
        for listing in listings("nowhere", ("spot",), str, NOW)
        if listing.instrument.symbol == Symbol.parse("BTC-USDT")
    )


RULES = instrument()
PATH = PricePath(1, "BTC", 60_000.0, 6.0)


def bars(
    interval: str, start: int | None = None, end: int | None = None, limit: int = 1000, now: int = NOW
) -> list[Bar]:
    parsed = Interval.parse(interval)
    return bars_of(PATH, RULES, parsed, open_times(parsed, start, end, limit, now), now)


@pytest.mark.parametrize("interval", "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split())
def test_bars_join_up(interval: str) -> None:
    rows = bars(interval, limit=200)
    parsed = Interval.parse(interval)
    for one, next_one in itertools.pairwise(rows):
        assert one.end_ns == next_one.open_ns == parsed.next(one.open_ns)
        assert one.close == next_one.open
    for row in rows:
        assert row.open_ns == parsed.floor(row.open_ns)
        assert row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high
        assert 0 <= row.taker_volume <= row.volume
        assert all(price % RULES.tick_size == 0 for price in (row.open, row.high, row.low, row.close))
        assert row.volume % RULES.lot_size == 0
    assert [row.closed for row in rows] == [True] * (len(rows) - 1) + [False]


@given(st.integers(1, 60), st.integers(1, 17))
def test_pages_are_pieces_of_one_history(count: int, page: int) -> None:
    start = NOW // DAY * DAY - 40 * DAY
    whole = bars("1h", start=start, limit=count)
    pieces, cursor = [], start
    while len(pieces) < count:
        pieces += bars("1h", start=cursor, limit=min(page, count - len(pieces)))
        cursor = pieces[-1].open_ns + 1
    assert pieces == whole
    backwards = bars("1h", end=whole[-1].open_ns + 1, limit=count)
    assert backwards == whole


@pytest.mark.parametrize(("fine", "coarse", "ratio"), [("1m", "5m", 5), ("1m", "1h", 60), ("1h", "1d", 24)])
def test_coarse_bars_are_made_of_fine_ones(fine: str, coarse: str, ratio: int) -> None:
    start = NOW // DAY * DAY - 3 * DAY
    small, large = bars(fine, start=start, limit=ratio * 3), bars(coarse, start=start, limit=3)
    for i, bar in enumerate(large):
        part = small[i * ratio : (i + 1) * ratio]
        assert bar.open == part[0].open
        assert bar.close == part[-1].close
        assert bar.high == max(row.high for row in part)
        assert bar.low == min(row.low for row in part)
        assert bar.volume == sum(row.volume for row in part)
        assert bar.trades == sum(row.trades for row in part)


def test_a_forming_bar_only_grows() -> None:
    seen = [bars("1m", limit=1, now=NOW + second * 10**9)[0] for second in range(29)]
    assert len({row.open_ns for row in seen}) == 1
    for before, after in itertools.pairwise(seen):
        assert after.open == before.open
        assert after.high >= before.high
        assert after.low <= before.low
        assert after.volume >= before.volume
    final = bars("1m", start=seen[0].open_ns, limit=1, now=NOW + 60 * 10**9)[0]
    assert final.closed
    assert final.high >= seen[-1].high
    assert final.low <= seen[-1].low


def test_nothing_before_the_listing_and_nothing_from_the_future() -> None:
    assert bars("1d", start=0, limit=2)[0].open_ns == LISTED_NS
    assert bars("1d", end=LISTED_NS) == []
    assert bars("1d", start=NOW + 1) == []
    assert bars("1M", limit=1000)[0].open_ns >= LISTED_NS


@given(st.integers(0, 10**6), st.integers(1, 400))
def test_the_path_does_not_depend_on_what_was_asked_before(first: int, count: int) -> None:
    whole = PATH.minutes(first, first + count)
    middle = first + count // 2
    assert PATH.minutes(middle, first + count)[0] == whole[count // 2]
    assert PATH.at(middle * MINUTE_NS) == pytest.approx(whole[count // 2], rel=1e-12)


def test_volume_never_falls_and_volatility_is_plausible() -> None:
    times = np.arange(NOW - DAY, NOW, 10**9)
    assert (np.diff(PATH.volume_until(times)) >= 0).all()
    last = NOW // MINUTE_NS
    returns = np.diff(np.log(PATH.minutes(last - 400 * 1440, last)[::1440]))
    yearly = returns.std() * np.sqrt(365)
    assert 0.2 < yearly < 1.5


def test_dated_contracts_expire_in_the_future() -> None:
    dated = [
        listing.instrument
        for listing in listings("nowhere", ("linear",), str, NOW)
        if listing.instrument.expiry_ns is not None
    ]
    assert len(dated) == 1
    assert dated[0].expiry_ns > NOW
    assert dated[0].min_notional == Decimal(50)
