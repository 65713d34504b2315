"""Rolls by rule, without a look ahead; continuous series whose steps are told."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidewire as tw
from tidewire.futures import (
    Bars,
    Calendar,
    Contract,
    DailyRow,
    RollTable,
    days_before_expiry,
    open_interest_lead,
    stitch,
    volume_and_open_interest,
    weighted_index,
    wenhua_main,
)
from tidewire.klines import Klines

CALENDAR = Calendar()
DAYS = [day for day in CALENDAR.trading_days if date(2026, 3, 2) <= day <= date(2026, 6, 30)]
NEAR, NEXT, FAR = (Contract("SHFE", "rb", 2026, month) for month in (5, 10, 12))
MINUTE = 60_000_000_000


def last_day(contract):
    return date(contract.year, contract.month, 15)


RULES = [volume_and_open_interest, open_interest_lead(), wenhua_main, days_before_expiry(30, last_day)]


def row(day, contract, volume, interest):
    return DailyRow(day, contract, volume, interest)


def table(rule, *days):
    rows = [row(DAYS[i], contract, *numbers) for i, day in enumerate(days) for contract, numbers in day.items()]
    return RollTable.build(rows, rule, next_day=CALENDAR.next)


def chain(rolls):
    return [(roll.day, roll.contract) for roll in rolls]


def test_a_decision_holds_from_the_next_trading_day():
    rolls = table(volume_and_open_interest, {NEAR: (9, 9), NEXT: (1, 1)}, {NEAR: (5, 5), NEXT: (9, 9)})
    assert chain(rolls) == [(DAYS[1], NEAR), (DAYS[2], NEXT)]
    assert rolls[1].decided_on == DAYS[1]
    assert (rolls[1].old.open_interest, rolls[1].new.open_interest) == (5, 9)
    with pytest.raises(tw.ConfigError, match="no main contract"):
        rolls.contract_on(DAYS[0])
    assert rolls.contract_on(DAYS[1]) == NEAR
    assert rolls.contract_on(DAYS[60]) == NEXT


def test_volume_and_open_interest_must_agree_and_never_go_back():
    rolls = table(
        volume_and_open_interest,
        {NEAR: (9, 9), NEXT: (1, 1)},
        {NEAR: (5, 9), NEXT: (9, 5)},
        {NEAR: (5, 5), NEXT: (9, 9)},
        {NEAR: (9, 9), NEXT: (5, 5)},
    )
    assert chain(rolls) == [(DAYS[1], NEAR), (DAYS[3], NEXT)]


def test_open_interest_must_lead_by_a_tenth():
    rolls = table(
        open_interest_lead(),
        {NEAR: (1, 100), NEXT: (9, 1)},
        {NEAR: (1, 100), NEXT: (9, 110)},
        {NEAR: (1, 100), NEXT: (9, 111)},
        {NEAR: (1, 200), NEXT: (9, 100)},
    )
    assert chain(rolls) == [(DAYS[1], NEAR), (DAYS[3], NEXT)]


def test_wenhua_lets_the_busiest_take_over_from_one_that_leads_in_nothing():
    rolls = table(
        wenhua_main,
        {NEAR: (9, 9), NEXT: (1, 1), FAR: (1, 1)},
        {NEAR: (5, 9), NEXT: (9, 5), FAR: (1, 1)},
        {NEAR: (5, 5), NEXT: (9, 6), FAR: (1, 9)},
    )
    assert chain(rolls) == [(DAYS[1], NEAR), (DAYS[3], NEXT)]


def test_days_before_expiry():
    rows = [row(day, contract, 1, 1) for day in DAYS for contract in (NEAR, NEXT) if day <= last_day(contract)]
    rolls = RollTable.build(rows, days_before_expiry(30, last_day), next_day=CALENDAR.next)
    # 2026-04-15 is the first day from which the 15th of May is not more than 30 days away.
    assert chain(rolls) == [(DAYS[1], NEAR), (date(2026, 4, 16), NEXT)]


def test_a_rule_of_ones_own():
    rolls = table(lambda rows, current: FAR, {NEAR: (9, 9), FAR: (1, 1)})
    assert chain(rolls) == [(DAYS[1], FAR)]
    with pytest.raises(tw.ConfigError, match=r"the rule chose SHFE\.rb2612 .* no row"):
        table(lambda rows, current: FAR, {NEAR: (9, 9)})


@st.composite
def histories(draw):
    count = draw(st.integers(1, 25))
    numbers = st.tuples(st.integers(0, 50), st.integers(0, 50))
    return [row(day, contract, *draw(numbers)) for day in DAYS[:count] for contract in (NEAR, NEXT, FAR)]


@given(histories(), st.sampled_from(range(len(RULES))), st.integers(0, 30))
def test_no_decision_looks_ahead(rows, rule, cut):
    """Whatever happens from some day on, the table up to it is the same."""
    whole = RollTable.build(rows, RULES[rule], next_day=CALENDAR.next)
    part = RollTable.build([each for each in rows if each.day < DAYS[cut]], RULES[rule], next_day=CALENDAR.next)
    assert chain(part) == [entry for entry in chain(whole) if entry[0] <= DAYS[cut]][: len(part)]
    assert len(part) == len([entry for entry in chain(whole) if entry[0] <= DAYS[cut]])


@given(histories(), st.sampled_from([0, 1]))
def test_forward_rules_never_go_back(rows, rule):
    months = [
        (roll.contract.year, roll.contract.month) for roll in RollTable.build(rows, RULES[rule], next_day=CALENDAR.next)
    ]
    assert months == sorted(months)


def test_tables_are_saved_and_loaded(tmp_path):
    rolls = table(wenhua_main, {NEAR: (9, 9), NEXT: (1, 1)}, {NEAR: (5, 5), NEXT: (9, 9)})
    rolls.save(tmp_path / "rolls.json")
    assert RollTable.load(tmp_path / "rolls.json") == rolls
    (tmp_path / "rolls.json").write_text("{}")
    with pytest.raises(tw.ConfigError, match="no table of rolls"):
        RollTable.load(tmp_path / "rolls.json")


def test_rows_must_ascend():
    rows = [row(DAYS[1], NEAR, 1, 1), row(DAYS[0], NEAR, 1, 1)]
    with pytest.raises(tw.ConfigError, match="rows ascend by day"):
        RollTable.build(rows, wenhua_main, next_day=CALENDAR.next)


# Continuous series.


def bars_of(prices, *, interest=10.0, start=0):
    """One bar a day, at the night's opening."""
    days = DAYS[start : start + len(prices)]
    times = np.array([int(CALENDAR.sessions("rb", day)[0].start.timestamp()) * 10**9 for day in days], np.int64)
    price = np.array(prices, float)
    columns = {"open_time": times, **dict.fromkeys(("open", "high", "low", "close"), price), "volume": price * 0 + 1}
    return Bars(
        Klines(columns, interval="1d"),
        end_time=times + MINUTE,
        trading_day=np.array(days, "datetime64[D]"),
        open_interest=np.full(len(days), interest),
    )


ROLLS = table(
    volume_and_open_interest, {NEAR: (9, 9), NEXT: (1, 1)}, {NEAR: (5, 5), NEXT: (9, 9)}, {FAR: (99, 99), NEXT: (9, 9)}
)
SERIES = {
    NEAR: bars_of([100.0, 101.0, 102.0]),
    NEXT: bars_of([110.0, 111.0, 113.0, 114.0, 115.0]),
    FAR: bars_of([90.0, 91.0, 92.0, 95.0, 96.0]),
}


def closes(stitched):
    return stitched.bars.klines.close.tolist()


def test_plain_series_keep_real_prices():
    plain = stitch(SERIES, ROLLS)
    assert closes(plain) == [101.0, 113.0, 95.0, 96.0]
    assert [plain.contracts[i] for i in plain.which] == [NEAR, NEXT, FAR, FAR]
    # Both had a bar on the day before each roll: 111 against 101, 92 against 113.
    assert plain.steps == ((111.0, 101.0), (92.0, 113.0))


def test_differences():
    front = stitch(SERIES, ROLLS, adjust="diff")
    assert closes(front) == [101.0 + 10 - 21, 113.0 - 21, 95.0, 96.0]
    back = stitch(SERIES, ROLLS, adjust="diff", side="back")
    assert closes(back) == [101.0, 113.0 - 10, 95.0 - 10 + 21, 96.0 - 10 + 21]
    assert front.raw.klines.close.tolist() == [101.0, 113.0, 95.0, 96.0]


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize("adjust", ["diff", "ratio"])
def test_factors_reproduce_the_gaps(adjust, side):
    stitched = stitch(SERIES, ROLLS, adjust=adjust, side=side)
    again = stitched.raw.klines.close * stitched.factor + stitched.offset
    np.testing.assert_array_equal(again, stitched.bars.klines.close)
    for index, (new, old) in enumerate(stitched.steps):
        one, two = (np.flatnonzero(stitched.which == index + i)[0] for i in (0, 1))
        if adjust == "ratio":
            assert stitched.factor[one] / stitched.factor[two] == pytest.approx(new / old, rel=1e-12)
        else:
            assert stitched.offset[one] - stitched.offset[two] == pytest.approx(new - old, abs=1e-9)
    real = slice(2, None) if side == "front" else slice(0, 1)
    np.testing.assert_array_equal(stitched.bars.klines.close[real], stitched.raw.klines.close[real])


def test_a_price_below_zero_is_refused():
    series = SERIES | {NEAR: bars_of([5.0, 6.0, 7.0])}
    with pytest.raises(tw.ConfigError, match=r'zero or less; use adjust="ratio"'):
        stitch(series | {NEXT: bars_of([3.0, 1.0, 2.0, 2.0, 2.0]), FAR: bars_of([1.0] * 5)}, ROLLS, adjust="diff")


def test_what_is_missing_is_named():
    with pytest.raises(tw.ConfigError, match=r"no bars of SHFE\.rb2610"):
        stitch({NEAR: SERIES[NEAR]}, ROLLS)
    with pytest.raises(tw.ConfigError, match="no bar in common"):
        stitch(SERIES | {FAR: bars_of([95.0, 96.0], start=3)}, ROLLS)
    with pytest.raises(tw.ConfigError, match="adjust is"):
        stitch(SERIES, ROLLS, adjust="difference")


def test_the_index_is_weighted_by_the_open_interest_of_the_day_before():
    index = weighted_index({NEAR: bars_of([100.0, 110.0], interest=30.0), NEXT: bars_of([200.0, 230.0], interest=10.0)})
    assert index.trading_day.tolist() == [DAYS[1]]
    assert index.klines.close.tolist() == [(110.0 * 30 + 230.0 * 10) / 40]
    assert index.klines.volume.tolist() == [2.0]
    assert index.open_interest.tolist() == [40.0]


def test_a_contract_counts_with_its_last_close_until_it_ends():
    one = bars_of([100.0, 100.0, 100.0])
    sparse = bars_of([200.0, 200.0, 200.0])
    sparse = Bars.concat([sparse[:1], sparse[2:]])
    index = weighted_index({NEAR: one, NEXT: sparse})
    assert index.klines.close.tolist() == [150.0, 150.0]


def test_an_ended_contract_leaves_the_index():
    """NEAR ends with the 15th of May, whatever bars a source has of it later; and may be told to end earlier."""
    days = DAYS.index(date(2026, 5, 14))
    series = {NEAR: bars_of([100.0] * 4, start=days), NEXT: bars_of([200.0] * 4, start=days)}
    assert weighted_index(series).klines.close.tolist() == [150.0, 200.0, 200.0]
    early = weighted_index(series, last_day=lambda contract: date(2026, 5 if contract == NEAR else 10, 1))
    assert early.klines.close.tolist() == [200.0, 200.0, 200.0]


def until(bars, day):
    return bars[: int(np.searchsorted(bars.trading_day, np.datetime64(day)))]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=3, max_size=30), st.data())
def test_the_index_does_not_look_ahead(present, data):
    """Whatever comes from some day on, bars or none, the index up to it is the same."""
    source = np.random.default_rng(7)
    start = DAYS.index(date(2026, 5, 6))  # NEAR ends amid them
    whole = {}
    for index, contract in enumerate((NEAR, NEXT, FAR)):
        every = bars_of(source.integers(90, 110, len(present)).astype(float), start=start)
        kept = [every[i : i + 1] for i, each in enumerate(present) if each[index] and start + i < len(DAYS)]
        if kept:
            whole[contract] = Bars.concat(kept)
    cut = DAYS[start + data.draw(st.integers(2, len(present) - 1))]
    part = {
        contract: bars[: int(np.searchsorted(bars.trading_day, np.datetime64(cut)))] for contract, bars in whole.items()
    }
    if not any(len(bars) for bars in part.values()):
        return
    assert weighted_index(part).klines == until(weighted_index(whole), cut).klines
