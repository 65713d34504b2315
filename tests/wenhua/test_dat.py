"""Bar files: written by an independent writer, read back exactly; corrupted ones refused or read right, never wrong."""

from __future__ import annotations

import random
import struct
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

import tidewire as tw
from tidewire.futures import CHINA, Bars
from tidewire.klines import Klines
from tidewire.wenhua import LAYOUTS, WenhuaFormatError, read_dat, write_dat

from .files import CALENDAR, assert_same, independent, minutes, walk

DAYS = [datetime.combine(day, datetime.min.time(), CHINA) for day in CALENDAR.trading_days if day.year >= 2024]
INTRADAY = [name for name in LAYOUTS if name != "daily"]


@pytest.mark.parametrize("stamp", ["begin", "end"])
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("layout", INTRADAY)
def test_minutes_are_read_back_exactly(tmp_path, layout, local, stamp):
    rows = walk(minutes())
    path = tmp_path / "00063580.dat"
    path.write_bytes(independent(rows, layout, local=local, end_s=60 if stamp == "end" else 0))
    bars = read_dat(path, code="rb")
    assert_same(bars, rows)
    facts = bars.provenance.facts
    assert (facts["layout"], facts["time_base"], facts["stamp"]) == (layout, "local" if local else "utc", stamp)
    assert str(bars.klines.interval) == "1m"
    assert [str(day) for day in np.unique(bars.trading_day)] == ["2026-11-17", "2026-11-18", "2026-11-19"]


@pytest.mark.parametrize("local", [False, True])
def test_days_are_read_back_exactly(tmp_path, local):
    days = [day for day in CALENDAR.trading_days if date(2024, 1, 1) <= day <= date(2026, 6, 30)]
    rows = walk([datetime.combine(day, datetime.min.time(), CHINA) for day in days])
    (tmp_path / "day.dat").write_bytes(independent(rows, "daily", local=local))
    bars = read_dat(tmp_path / "day.dat", code="rb")
    assert_same(bars, rows)
    assert bars.trading_day.tolist() == days
    assert bars.settlement.tolist() == [row[4] for row in rows]
    write_dat(tmp_path / "again.dat", bars, layout="daily", time_base="local" if local else "utc")
    again = read_dat(tmp_path / "again.dat", code="rb")
    assert_same(again, rows)
    assert again.settlement.tolist() == bars.settlement.tolist()
    assert bars.provenance.facts["layout"] == "daily"


@pytest.mark.parametrize(
    ("code", "tick", "start"), [("IF", "0.2", 25000), ("au", "0.02", 40000), ("T", "0.005", 20500)]
)
def test_rounding(tmp_path, code, tick, start):
    """32-bit floats hold steps of 0.02 near 800 and of 0.2 near 5000 only nearly."""
    rows = [
        (moment, *(float(Decimal(round(price)) * Decimal(tick)) for price in prices), volume, interest)
        for moment, *prices, volume, interest in walk(minutes(code), start=start)
    ]
    (tmp_path / "a.dat").write_bytes(independent(rows, "intraday"))
    assert_same(read_dat(tmp_path / "a.dat", code=code), rows)
    assert_same(read_dat(tmp_path / "a.dat", tick=tick), rows)
    raw = read_dat(tmp_path / "a.dat")
    assert raw.provenance.facts["rounded_to"] == "nothing"
    assert raw.klines.close.tolist() == [float(np.float32(row[4])) for row in rows]


def bars_of(rows):
    begin = np.array([int(row[0].timestamp()) for row in rows], np.int64) * 10**9
    names = ("open", "high", "low", "close", "volume")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names, 1)}
    return Bars(
        Klines({"open_time": begin, **columns}, interval="1m"),
        end_time=begin + 60 * 10**9,
        trading_day=np.array([CALENDAR.trading_day_of(row[0]) for row in rows], "datetime64[D]"),
        open_interest=np.array([row[6] for row in rows], float),
    )


@pytest.mark.parametrize("stamp", ["begin", "end"])
@pytest.mark.parametrize("time_base", ["utc", "local"])
@pytest.mark.parametrize("layout", INTRADAY)
def test_what_is_written_is_what_the_independent_writer_writes(tmp_path, layout, time_base, stamp):
    rows = walk(minutes())
    write_dat(tmp_path / "a.dat", bars_of(rows), layout=layout, time_base=time_base, stamp=stamp)
    end_s = 60 if stamp == "end" else 0
    expected = independent(rows, layout, local=time_base == "local", end_s=end_s, unknown=0.0)
    assert (tmp_path / "a.dat").read_bytes() == expected
    assert_same(read_dat(tmp_path / "a.dat", code="rb"), rows)


def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    rows = walk(minutes(days=1))
    write_dat(tmp_path / "a.dat", bars_of(rows))
    before = (tmp_path / "a.dat").read_bytes()
    with pytest.raises(tw.ConfigError, match="is there already"):
        write_dat(tmp_path / "a.dat", bars_of(rows[:5]))
    assert (tmp_path / "a.dat").read_bytes() == before


# What is wrong.


WAYS = (
    "cut grow shift shuffle swap nan zero random count double endian noise "  # corrupted
    "few other clock tick"  # ambiguous
).split()


def corrupt(source, rows, layout):
    """A file as it was written, and what became of it in one of the ways in which files go wrong or are unclear."""
    way = source.choice(WAYS)
    if way == "few":
        rows = rows[: source.randrange(1, 4)]
    elif way == "clock":
        late = timedelta(hours=source.randrange(1, 8))
        rows = [(row[0] + late * (source.random() < 0.9), *row[1:]) for row in rows]
    elif way == "tick":
        rows[source.randrange(len(rows))] = (rows[0][0], 3000.5, 3000.5, 3000.5, 3000.5, 1, 1)
    data = bytearray(independent(rows, layout, local=source.random() < 0.5))
    header, record = LAYOUTS[layout].header, LAYOUTS[layout].record
    at = header + source.randrange(len(rows)) * record
    match way:
        case "cut":
            del data[source.randrange(len(data)) :]
        case "grow":
            data += source.randbytes(source.randrange(1, 400))
        case "shift":
            data[0:0] = source.randbytes(source.randrange(1, 9))
        case "shuffle":
            order = list(range(len(rows)))
            source.shuffle(order)
            body = bytes(data[header:])
            data[header:] = b"".join(body[i * record : (i + 1) * record] for i in order)
        case "swap":
            data[at + 12 : at + 20] = data[at + 16 : at + 20] + data[at + 12 : at + 16]  # high and low
            data[at + 12 : at + 16] = struct.pack("<f", 0.5)
        case "nan":
            field = at + 4 * source.randrange(1, 7)
            data[field : field + 4] = struct.pack("<f", float("nan"))
        case "zero":
            data[at : at + record] = bytes(record)
        case "random":
            data[at : at + record] = source.randbytes(record)
        case "count":
            counts = [0, 1, len(rows) - 1, len(rows) + 1, len(rows) * 2, 2**32 - 1]
            data[:4] = struct.pack("<I", source.choice(counts))
        case "double":
            data[at:at] = data[at : at + record]
        case "endian":
            for place in range(0, len(data) - 3, 4):
                data[place : place + 4] = data[place : place + 4][::-1]
        case "noise":
            data = bytearray(source.randbytes(len(data)))
        case "other":  # two files in one, of two layouts
            data += independent(rows[::-1] if source.random() < 0.5 else rows, source.choice(list(LAYOUTS)))
    return rows, bytes(data)


@pytest.mark.parametrize("seed", range(200))
def test_a_corrupted_or_ambiguous_file_is_refused_or_read_right(tmp_path, seed):
    """Read right: every row returned is one that was written, in its place from the first on."""
    source = random.Random(seed)
    layout = source.choice(list(LAYOUTS))
    count = source.choice([1, 2])
    moments = minutes(days=count) if layout != "daily" else DAYS[: 300 * count]
    rows, data = corrupt(source, walk(moments, seed=seed), layout)
    (tmp_path / "a.dat").write_bytes(data)
    try:
        bars = read_dat(tmp_path / "a.dat", code="rb")
    except WenhuaFormatError:
        return
    assert bars.provenance.facts["layout"] == layout
    assert_same(bars, rows[: len(bars)])


def test_a_file_that_could_be_several_things_is_refused(tmp_path):
    """Zeros to one layout are zeros to all; a handful of bytes is no evidence."""
    for data in (b"\0" * 3600, b"\x01\0\0\0", struct.pack("<I", 1) + b"\0" * 36):
        (tmp_path / "a.dat").write_bytes(data)
        with pytest.raises(WenhuaFormatError, match="no known layout"):
            read_dat(tmp_path / "a.dat")


def test_doubt_is_told_with_the_scores(tmp_path):
    rows = walk(minutes(days=1))
    rows[100] = (*rows[100][:3], 99999.0, *rows[100][4:])  # a low above the high
    (tmp_path / "a.dat").write_bytes(independent(rows, "intraday"))
    told = r"record 100 of 345, at byte 3604, is not sound as intraday: its prices are \d+, \d+, 99999, \d+"
    with pytest.raises(WenhuaFormatError, match=told):
        read_dat(tmp_path / "a.dat")
    for index in range(0, 345, 3):
        rows[index] = (*rows[index][:3], 99999.0, *rows[index][4:])
    (tmp_path / "b.dat").write_bytes(independent(rows, "intraday"))
    with pytest.raises(WenhuaFormatError, match=r"no known layout fits this file; intraday: 6[67]") as caught:
        read_dat(tmp_path / "b.dat")
    assert caught.value.scores["intraday"] == pytest.approx(2 / 3, abs=0.02)


def test_prices_off_the_products_tick_are_refused(tmp_path):
    """A wrong code must not move prices onto its ticks."""
    rows = walk(minutes(days=1))
    (tmp_path / "a.dat").write_bytes(independent(rows))
    with pytest.raises(WenhuaFormatError, match=r"record \d+ of 345, .* on a tick of 10: its prices are"):
        read_dat(tmp_path / "a.dat", code="cu")


def test_prices_of_an_earlier_tick_stay(tmp_path):
    """Gold had ticks of 0.05 until 2019, which are no multiples of today's 0.02."""
    rows = walk(minutes("au", first=date(2019, 12, 9)), tick=0.01, start=34305)
    rows = [(moment, *(round(p, 2) for p in prices), volume, oi) for moment, *prices, volume, oi in rows]
    (tmp_path / "a.dat").write_bytes(independent(rows))
    assert_same(read_dat(tmp_path / "a.dat", code="au"), rows)


def test_a_settlement_between_two_ticks_stays(tmp_path):
    days = [day for day in CALENDAR.trading_days if date(2026, 1, 1) <= day <= date(2026, 6, 30)]
    rows = walk([datetime.combine(day, datetime.min.time(), CHINA) for day in days])
    data = bytearray(independent(rows, "daily"))
    data[28:32] = struct.pack("<f", 3000.5)
    (tmp_path / "a.dat").write_bytes(data)
    assert read_dat(tmp_path / "a.dat", code="rb").settlement[:2].tolist() == [3000.5, rows[1][4]]


def test_a_stamp_that_a_short_file_does_not_show_is_not_guessed(tmp_path):
    """Quarters of one morning, from 09:15: it may be CFFEX's first of 2015, or the end of any other's."""
    moments = [moment for moment in minutes("AP", days=1) if moment.minute % 15 == 0 and moment.hour < 11]
    (tmp_path / "a.dat").write_bytes(independent(walk(moments), end_s=900))
    assert read_dat(tmp_path / "a.dat", code="AP").provenance.facts["stamp"] == "unknown"


def test_a_clock_that_fits_no_session_is_refused(tmp_path):
    rows = [(row[0] + timedelta(hours=5), *row[1:]) for row in walk(minutes(days=1))]
    (tmp_path / "a.dat").write_bytes(independent(rows, "intraday"))
    with pytest.raises(WenhuaFormatError, match="which clock the times count is not clear"):
        read_dat(tmp_path / "a.dat")
    assert len(read_dat(tmp_path / "a.dat", time_base="utc")) == len(rows)


def test_what_a_terminal_is_writing_is_cut(tmp_path):
    rows = walk(minutes(days=1))
    whole = independent(rows, "intraday")
    (tmp_path / "a.dat").write_bytes(whole + struct.pack("<I4f", 1, 2, 3, 4, 5))
    assert_same(read_dat(tmp_path / "a.dat", code="rb"), rows)
    (tmp_path / "b.dat").write_bytes(whole[:-20])
    bars = read_dat(tmp_path / "b.dat", code="rb")
    assert_same(bars, rows[:-1])


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(tw.ConfigError, match="cannot be read: No such file"):
        read_dat(tmp_path / "none.dat")
    with pytest.raises(tw.ConfigError, match="there is no layout 'weekly'"):
        read_dat(tmp_path / "none.dat", layout="weekly")
    (tmp_path / "empty.dat").touch()
    with pytest.raises(WenhuaFormatError, match="is empty"):
        read_dat(tmp_path / "empty.dat")
