"""Bars from ticks: against a slow reference, and against recordings of two exchanges."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidewire as tw
from tidewire.futures import CHINA, BarBuilder, Bars, Calendar

CALENDAR = Calendar()
MINUTE = 60_000_000_000
DAYS = [date(2026, 11, 20), date(2026, 11, 23), date(2026, 9, 28)]  # a Monday after a night, one after a holiday


def ns(moment: datetime) -> int:
    return int(moment.replace(tzinfo=moment.tzinfo or CHINA).timestamp()) * 1_000_000_000


def ns_of(text: str) -> int:
    return ns(datetime.fromisoformat(text))


def columns(ticks):
    time, price, volume = zip(*ticks, strict=True)
    return time, price, volume, [each * 1000.0 for each in volume], [7.0] * len(time)


def build(code, ticks, interval="1m", **options):
    builder = BarBuilder(code, interval, **options)
    return Bars.concat([builder.add(*columns(ticks)), builder.finish()]), builder.stats


def clock(bars):
    return [datetime.fromtimestamp(int(t) / 1e9, CHINA).strftime("%d %H:%M") for t in bars.klines.open_time]


# The rules, one at a time.


def test_the_auction_belongs_to_the_first_bar_and_the_close_to_the_last():
    bars, stats = build(
        "rb",
        [
            (ns_of("2026-11-20 15:05"), 3000.0, 99),  # yesterday's snapshot, at login
            (ns_of("2026-11-20 20:59"), 3001.0, 10),
            (ns_of("2026-11-20 21:00:30"), 3003.0, 12),
            (ns_of("2026-11-23 10:14:59"), 3002.0, 15),
            (ns_of("2026-11-23 10:15:00"), 3004.0, 16),
            (ns_of("2026-11-23 10:20"), 3004.0, 16),
            (ns_of("2026-11-23 10:30:00"), 3005.0, 18),
            (ns_of("2026-11-23 15:00:03"), 3000.0, 20),
        ],
    )
    assert clock(bars) == ["20 21:00", "23 10:14", "23 10:30", "23 14:59"]
    assert bars.klines.volume.tolist() == [12, 4, 2, 2]
    assert bars.klines.open.tolist() == [3001, 3002, 3005, 3000]
    assert bars.klines.close.tolist() == [3003, 3004, 3005, 3000]
    assert set(bars.trading_day.tolist()) == {date(2026, 11, 23)}
    assert stats.outside == 2


def test_a_trading_day_begins_with_new_totals():
    bars, _ = build("rb", [(ns_of("2026-11-20 14:59:30"), 3000.0, 900), (ns_of("2026-11-20 20:59"), 3001.0, 5)], "1d")
    # The first tick came in the middle of a day: what was traded before it belongs to no bar that could be told.
    assert bars.klines.volume.tolist() == [5]
    assert bars.trading_day.tolist() == [date(2026, 11, 23)]


def test_half_hours_by_session_and_by_clock():
    ticks = [(ns_of("2026-11-23 09:00") + n * MINUTE, 3000.0, n + 1) for n in range(150)]
    traded = [tick for tick in ticks if not ns_of("2026-11-23 10:15:01") < tick[0] < ns_of("2026-11-23 10:30")]
    by_session, _ = build("AP", traded, "30m")
    assert clock(by_session) == ["23 09:00", "23 09:30", "23 10:00", "23 10:45", "23 11:15"]
    by_clock, _ = build("AP", traded, "30m", align="clock")
    assert clock(by_clock) == ["23 09:00", "23 09:30", "23 10:00", "23 10:30", "23 11:00"]
    assert by_session.klines.volume.sum() == by_clock.klines.volume.sum() == 150


def test_flat_bars_are_as_many_as_minutes():
    for code, minutes in (("au", 555), ("cu", 465), ("rb", 345), ("AP", 225), ("IF", 240), ("T", 255)):
        sessions = CALENDAR.sessions(code, date(2026, 11, 23))
        ticks = [(ns(sessions[0].start), 10.0, 1), (ns(sessions[-1].end), 11.0, 2)]
        bars, _ = build(code, ticks, fill="flat")
        assert len(bars) == sum(session.minutes for session in sessions) == minutes
        assert bars.klines.volume.sum() == 2
        assert (bars.klines.close[:-1] == 10.0).all()


def test_a_timer_ends_bars_without_a_tick():
    builder = BarBuilder("rb")
    assert len(builder.add(*columns([(ns_of("2026-11-23 14:59:10"), 3000.0, 5)]))) == 0
    assert len(builder.advance(ns_of("2026-11-23 15:00:04"))) == 0
    assert len(builder.add(*columns([(ns_of("2026-11-23 15:00:04"), 3001.0, 8)]))) == 0
    (bar,) = builder.advance(ns_of("2026-11-23 15:00:05")).klines
    assert (bar.volume, bar.close) == (3, 3001)  # the first five came before anything that we know
    assert builder.stats.missed_volume == 5


@pytest.mark.parametrize("nothing", [float("nan"), 1.7976931348623157e308, 0.0])
def test_a_price_that_is_none_forms_no_bar_price(nothing):
    bars, stats = build("IF", [(ns_of("2026-11-23 09:29"), 5000.0, 1), (ns_of("2026-11-23 09:30:10"), nothing, 3)])
    (bar,) = bars.klines
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (5000, 5000, 5000, 5000, 3)
    assert stats.unpriced == 1


def test_bad_input_is_refused():
    for options, why in [
        ({"interval": "1s"}, "whole minutes"),
        ({"interval": "1w"}, "whole minutes"),
        ({"align": "bar"}, "align"),
        ({"fill": "zero"}, "fill"),
        ({"grace_s": -1}, "grace_s"),
    ]:
        with pytest.raises(tw.ConfigError, match=why):
            BarBuilder("rb", **options)
    with pytest.raises(tw.ConfigError, match="columns of one length"):
        BarBuilder("rb").add([1, 2], [1.0], [1], [1.0], [1.0])
    with pytest.raises(tw.ConfigError, match="lies outside the calendar"):
        BarBuilder("rb").add(ns_of("2031-11-23 09:00"), 1.0, 1, 1.0, 1.0)


# Against a reference that looks every tick up in the calendar.


def reference(code, ticks, minutes):
    """Rows of (trading day, bar of the day, open, high, low, close, volume), by the rules and nothing else."""
    found = {}
    totals = {}
    previous = None
    for time, price, volume in ticks:
        moment = datetime.fromtimestamp(time / 1e9, CHINA)
        day = CALENDAR.trading_day_of(moment)
        index = None
        passed = 0
        for session in CALENDAR.sessions(code, day):
            opens = session.auction[0] if session.auction else session.start
            if opens <= moment < session.end + timedelta(seconds=5):
                minute = (moment - session.start) // timedelta(minutes=1)
                index = passed + min(max(minute, 0), session.minutes - 1)
            passed += session.minutes
        if index is None or (previous is not None and time < previous):
            continue
        before = totals.get(day, 0 if totals or index < minutes else volume)
        if volume < before:
            continue
        previous = time
        totals[day] = volume
        if volume == before:
            continue
        key = (day, index // minutes)
        if key in found:
            o, h, low, _, v = found[key]
            found[key] = (o, max(h, price), min(low, price), price, v + volume - before)
        else:
            found[key] = (price, price, price, price, volume - before)
    return [(*key, *row) for key, row in found.items()]


@st.composite
def streams(draw):
    code = draw(st.sampled_from(["rb", "au", "AP", "IF", "m"]))
    start = ns_of("2026-11-20 08:50" if draw(st.booleans()) else "2026-11-20 20:50")
    steps = draw(st.lists(st.tuples(st.integers(-2, 4000), st.integers(1, 9), st.integers(-1, 3)), max_size=60))
    ticks, time, volume = [], start, 0
    for seconds, price, traded in steps:
        time += seconds * 1_000_000_000
        volume = max(volume + traded, 0)
        ticks.append((time, float(price), volume))
    return code, ticks


@settings(max_examples=300)
@given(streams(), st.sampled_from([1, 5, 30]), st.lists(st.integers(0, 60), max_size=4))
def test_bars_equal_the_reference_however_the_ticks_are_cut(stream, minutes, cuts):
    code, ticks = stream
    builder = BarBuilder(code, f"{minutes}m")
    parts = []
    edges = [0, *sorted(cuts), len(ticks)]
    for one, two in pairwise(edges):
        if ticks[one:two]:
            parts.append(builder.add(*columns(ticks[one:two])))
    parts.append(builder.finish())
    bars = Bars.concat(parts)
    expected = reference(code, ticks, minutes)
    klines = bars.klines
    found = list(
        zip(
            bars.trading_day.tolist(),
            *(getattr(klines, name).tolist() for name in ("open", "high", "low", "close", "volume")),
            strict=True,
        )
    )
    assert found == [(day, *row) for day, _, *row in expected]
    for day, start in zip(bars.trading_day.tolist(), klines.open_time.tolist(), strict=True):
        assert CALENDAR.minute_index(code, datetime.fromtimestamp(start / 1e9, CHINA)) is not None
        assert CALENDAR.trading_day_of(datetime.fromtimestamp(start / 1e9, CHINA)) == day


def dense(seed):
    """Two ticks a second over a night and a morning, a twentieth of them wrong in some way."""
    source = np.random.default_rng(seed)
    sessions = CALENDAR.sessions("rb", date(2026, 11, 23))
    starts = [ns(session.end) - 400 * 1_000_000_000 for session in sessions[:3]]
    time = np.concatenate([start + np.arange(900) * 500_000_000 for start in starts])  # to a little after the end
    price = 3000.0 + np.cumsum(source.integers(-1, 2, len(time)))
    volume = 50 + np.cumsum(source.integers(0, 3, len(time)))
    wrong = source.random(len(time)) < 0.05
    kind = source.integers(0, 4, len(time))
    time = np.where(wrong & (kind == 0), time - source.integers(0, 3_000_000_000, len(time)), time)
    volume = np.where(wrong & (kind == 1), volume - source.integers(0, 5, len(time)), volume)
    price = np.where(wrong & (kind == 2), source.choice([np.nan, 0.0, 1.7976931348623157e308], len(time)), price)
    volume[kind == 3] = np.maximum.accumulate(volume)[kind == 3]
    return time, price, volume, volume * 7.0, np.where(wrong, np.nan, 1e5 + np.arange(len(time)))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("interval", ["1m", "1d"])
def test_a_whole_day_at_once_gives_the_same_bars_as_one_tick_at_a_time(seed, interval):
    ticks = dense(seed)
    whole, single = BarBuilder("rb", interval), BarBuilder("rb", interval)
    together = Bars.concat([whole.add(*ticks), whole.finish()])
    one_by_one = Bars.concat([*(single.add(*row) for row in zip(*ticks, strict=True)), single.finish()])
    assert together.klines == one_by_one.klines
    np.testing.assert_array_equal(together.open_interest, one_by_one.open_interest)
    assert whole.stats == single.stats
    assert min(whole.stats.late, whole.stats.shrinking, whole.stats.unpriced, whole.stats.outside) > 0


def test_bars_before_a_time_beyond_the_calendar_are_not_lost():
    start = ns_of("2026-11-23 09:00")
    times = [start, start + MINUTE, ns_of("2031-01-01 09:00"), start + 2 * MINUTE]
    builder = BarBuilder("AP")
    with pytest.raises(tw.ConfigError, match="lies outside the calendar"):
        builder.add(times, [1.0, 2.0, 3.0, 4.0], [1, 2, 3, 4], [0.0] * 4, [0.0] * 4)
    bars = Bars.concat([builder.add(times[3:], [4.0], [4], [0.0], [0.0]), builder.finish()])
    assert bars.klines.close.tolist() == [1, 2, 4]
    assert bars.klines.volume.sum() == 4


# Recordings.


def cffex(fixtures):
    path = fixtures / "ctp" / "CFFEX.IF2101_tick_20210104.csv.gz"
    if not path.exists():
        pytest.skip(f"no recording {path.name}")
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    time = []
    for row in rows:
        digits = f"{row['action_date']}{int(row['action_time']):09}"
        time.append(ns_of(f"{digits[:8]}T{digits[8:14]}") + int(digits[14:]) * 1_000_000)
    numbers = {name: [float(row[name]) for row in rows] for name in ("price", "total_turnover", "open_interest")}
    return time, numbers["price"], [int(row["total_volume"]) for row in rows], *list(numbers.values())[1:]


def test_index_futures_recorded(fixtures):
    """IF2101 on 2021-01-04: 240 minutes; its first snapshot, at 09:29:00.4, is the auction's."""
    ticks = cffex(fixtures)
    builder = BarBuilder("IF", fill="flat")
    bars = Bars.concat([builder.add(*ticks), builder.finish()])
    assert len(bars) == 240
    assert bars.klines.volume.sum() == ticks[2][-1] == max(ticks[2])
    assert bars.klines.quote_volume.sum() == ticks[3][-1]  # sums of whole numbers below 2**53: exact
    assert (builder.stats.late, builder.stats.shrinking) == (0, 0)
    assert builder.stats.outside == 2  # at 15:30 and 15:35, with the settlement
    first = bars.klines[0]
    # By hand: the auction matched 240 lots at 5230.0, which the day's "open" field says too; the last snapshot before
    # 09:31:00 carries the total that the first bar must have.
    assert first.open == 5230.0
    before = [total for at, total in zip(ticks[0], ticks[2], strict=True) if at < ns_of("2021-01-04 09:31")]
    assert first.volume == before[-1]
    # The morning's last snapshot says 49599 lots at 5287.0, the afternoon's first 49630 at 5287.4: no break loses any.
    noon = bars.klines.between(ns_of("2021-01-04 11:29"), ns_of("2021-01-04 13:01"))
    assert [datetime.fromtimestamp(row.open_time / 1e9, CHINA).hour for row in noon] == [11, 13]
    assert (noon[0].close, noon[1].open) == (5287.0, 5287.4)
    assert bars.klines.between(None, ns_of("2021-01-04 13:00")).volume.sum() == 49599
    # At 14:59:59.9 the total is 84285; three lots at 5260.0 are told at 15:00:00.4, and belong to the last minute.
    assert bars.klines.volume[:-1].sum() + bars.klines[-1].volume == 84288
    assert clock(bars)[-1] == "04 14:59"
    assert (bars.klines[-1].close, bars.open_interest[-1]) == (5260.0, 84531.0)
    for start in bars.klines.open_time.tolist():
        assert CALENDAR.minute_index("IF", datetime.fromtimestamp(start / 1e9, CHINA)) is not None
    daily = BarBuilder("IF", "1d")
    (day,) = Bars.concat([daily.add(*ticks), daily.finish()]).klines
    assert (day.open, day.close) == (5230.0, ticks[1][-1])
    assert day.volume == ticks[2][-1]


def apples(fixtures):
    path = fixtures / "ctp" / "czce_AP101_tick-ctp.zip"
    if not path.exists():
        pytest.skip(f"no recording {path.name}")
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            yield name, list(csv.DictReader(io.StringIO(archive.read(name).decode("gb18030"))))


def test_apples_recorded(fixtures):
    """AP101 of CZCE over ten days, without nights. Snapshots of the evening before come first, and are not traded."""
    builder = BarBuilder("AP")
    parts, totals, stale = [], {}, 0
    for _, rows in apples(fixtures):
        time = []
        for row in rows:
            moment = datetime.fromisoformat(f"{row['ActionDay']}T{row['UpdateTime'].replace(':', '')}")
            time.append(ns(moment) + int(row["UpdateMillisec"]) * 1_000_000)
            stale += moment.hour > 15
            totals[row["TradingDay"]] = max(totals.get(row["TradingDay"], 0), int(row["Volume"]))
        numbers = ([float(row[name]) for row in rows] for name in ("LastPrice", "Turnover", "OpenInterest"))
        price, turnover, interest = numbers
        parts.append(builder.add(time, price, [int(row["Volume"]) for row in rows], turnover, interest))
    bars = Bars.concat([*parts, builder.finish()])
    for day, total in totals.items():
        rows_of_day = bars.trading_day == np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}")
        assert bars.klines.volume[rows_of_day].sum() == total, day
    assert len(totals) == 10
    assert len(bars) <= 10 * 225
    by_hand = {
        # The auction, told at 08:59:00, traded 88 lots at 7278, the highest too; 850 had been by 09:00:59, at 7245.
        "2020-08-03 09:00": (7278.0, 7278.0, 7245.0, 7245.0, 850),
        # Totals 15854 at 10:13:59 and 15933 at 10:14:58; nothing is told at 10:15 or in the break.
        "2020-08-03 10:14": (7185.0, 7185.0, 7180.0, 7180.0, 15933 - 15854),
        # So that what is told at 10:30:00 is of the next bar, which ends with a total of 15957.
        "2020-08-03 10:30": (7180.0, 7185.0, 7180.0, 7185.0, 15957 - 15933),
        # 31068 at 14:58:58, 31314 at the end.
        "2020-08-03 14:59": (7302.0, 7303.0, 7299.0, 7300.0, 31314 - 31068),
    }
    for start, expected in by_hand.items():
        (bar,) = bars.klines.between(ns_of(start), ns_of(start) + MINUTE)
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == expected, start
    assert stale > 0
    assert builder.stats.outside >= stale
    for start in bars.klines.open_time.tolist():
        assert CALENDAR.minute_index("AP", datetime.fromtimestamp(start / 1e9, CHINA)) is not None
