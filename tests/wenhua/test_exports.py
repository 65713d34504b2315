"""Text exports: many spellings of the same bars, and refusals wherever two readings fit."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidewire as tw
from tidewire.futures import CHINA
from tidewire.wenhua import WenhuaFormatError, read_csv, write_csv

from .test_dat import CALENDAR, assert_same, bars_of, minutes, walk

ROWS = walk(minutes(days=2))
HEADER = "日期,时间,开盘,最高,最低,收盘,成交量,持仓量"


def lines(rows, *, day="%Y/%m/%d", clock="%H:%M", separator=",", order=(1, 2, 3, 4, 5, 6)):
    for row in rows:
        moment = row[0]
        yield separator.join([moment.strftime(day), moment.strftime(clock), *(f"{row[i]:g}" for i in order)])


def write(tmp_path, text, encoding="utf-8-sig"):
    path = tmp_path / "rb.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "  "])
@pytest.mark.parametrize("day", ["%Y/%m/%d", "%Y-%m-%d", "%Y%m%d", "%Y年%m月%d日", "%y%m%d"])
def test_spellings_of_the_same_bars(tmp_path, day, separator, encoding):
    text = "\n".join([HEADER.replace(",", separator), *lines(ROWS, day=day, separator=separator)])
    bars = read_csv(write(tmp_path, text, encoding), code="rb")
    assert_same(bars, ROWS)
    assert bars.provenance.facts["stamp"] == "begin"
    assert str(bars.klines.interval) == "1m"
    assert [str(each) for each in np.unique(bars.trading_day)] == ["2026-11-17", "2026-11-18"]


@pytest.mark.parametrize("clock", ["%H:%M", "%H:%M:%S", "%H%M", "%H%M%S", "%-H%M"])
def test_spellings_of_the_time(tmp_path, clock):
    day = [row for row in ROWS if 9 <= row[0].hour < 16]
    assert_same(read_csv(write(tmp_path, "\n".join([HEADER, *lines(day, clock=clock)]))), day)


def test_one_column_of_date_and_time(tmp_path):
    text = "\n".join(["datetime,open,high,low,close,volume,oi", *lines(ROWS, separator=",")])
    text = text.replace("\n", "\n").replace("/17,", "/17 ").replace("/16,", "/16 ").replace("/18,", "/18 ")
    assert_same(read_csv(write(tmp_path, text)), ROWS)


@pytest.mark.parametrize("order", [(1, 2, 3, 4, 5, 6), (1, 4, 2, 3, 5, 6), (1, 4, 2, 3, 5)])
def test_without_a_header_the_order_of_prices_is_found(tmp_path, order):
    rows = ROWS if 6 in order else [(*row[:6], float("nan")) for row in ROWS]
    assert_same(read_csv(write(tmp_path, "\n".join(lines(ROWS, order=order)))), rows)


def test_without_a_header_doubt_is_refused(tmp_path):
    flat = [(row[0], *[row[1]] * 4, *row[5:]) for row in ROWS]
    text = "\n".join(lines(flat))
    with pytest.raises(WenhuaFormatError, match="which column is which price is not clear; give columns="):
        read_csv(write(tmp_path, text))
    columns = "date time open high low close volume open_interest".split()
    assert_same(read_csv(tmp_path / "rb.csv", columns=columns), flat)
    nine = "\n".join(line + ",1" for line in lines(ROWS))
    with pytest.raises(WenhuaFormatError, match="9 columns could mean anything"):
        read_csv(write(tmp_path, nine))
    assert_same(read_csv(tmp_path / "rb.csv", columns=[*columns, "-"]), ROWS)
    assert read_csv(tmp_path / "rb.csv", columns=[*columns, "settlement"]).settlement.tolist() == [1.0] * len(ROWS)


def test_nights_may_carry_their_trading_day(tmp_path):
    """Friday's night is then written as Monday's."""
    rows = walk(minutes("au", first=date(2026, 11, 23), days=2))
    told = [
        (datetime.combine(CALENDAR.trading_day_of(row[0]), row[0].time()), *row[1:])
        if row[0].hour >= 18 or row[0].hour < 4
        else row
        for row in rows
    ]
    bars = read_csv(write(tmp_path, "\n".join([HEADER, *lines(told)])))
    assert bars.provenance.facts["night_date"] == "trading"
    assert_same(bars, rows)
    natural = read_csv(write(tmp_path, "\n".join([HEADER, *lines(rows)])))
    assert natural.provenance.facts["night_date"] == "natural"
    assert_same(natural, rows)


def test_days(tmp_path):
    days = [day for day in CALENDAR.trading_days if 2025 <= day.year <= 2026]
    rows = walk([datetime.combine(day, datetime.min.time(), CHINA) for day in days])
    text = "\n".join(
        ["交易日期,开盘价,最高价,最低价,收盘价,成交量,持仓量"] + [line.replace(",00:00", "") for line in lines(rows)]
    )
    bars = read_csv(write(tmp_path, text))
    assert_same(bars, rows)
    assert bars.trading_day.tolist() == days


@pytest.mark.parametrize("dialect", ["wenhua", "tdx"])
def test_what_is_written_is_read_back(tmp_path, dialect):
    path = tmp_path / "out.csv"
    write_csv(path, bars_of(ROWS), dialect=dialect, title="螺纹钢2610")
    assert_same(read_csv(path, code="rb"), ROWS)
    with pytest.raises(tw.ConfigError, match="is there already"):
        write_csv(path, bars_of(ROWS), dialect=dialect)


def test_titles_before_and_a_trailer_after_are_left_out(tmp_path):
    text = "\n".join(["螺纹钢2610 1分钟线", HEADER, *lines(ROWS), "数据来源:通达信"])
    assert_same(read_csv(write(tmp_path, text, "gb18030")), ROWS)


def spoiled(line, text):
    changed = list(lines(ROWS))
    changed[line] = text
    return "\n".join([HEADER, *changed])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no line begins with a date"),
        ("hello\nworld", "no line begins with a date"),
        (spoiled(5, "not a bar"), "line 7 lies among bars"),
        (spoiled(5, "2026/11/16,21:05,3000,3001"), "not clear: lines have different numbers of fields"),
        (spoiled(5, "2026/13/16,21:05,3000,3001,2999,3000,5,6"), "line 7: 2026/13/16 21:05: month must be in 1..12"),
        (spoiled(5, "2026/11/16,21:99,3000,3001,2999,3000,5,6"), "line 7: .* minute must be in"),
        (spoiled(5, "2026/11/16,noon,3000,3001,2999,3000,5,6"), "line 7: 2026/11/16 noon is no date and time"),
        (spoiled(5, "2026/11/16,21:05,3000,many,2999,3000,5,6"), "line 7: high is 'many', which is no number"),
        (spoiled(5, "2026/11/16,21:05,3000,2998,2999,3000,5,6"), "line 7: low, open, close and high are not in order"),
        (spoiled(5, "2026/11/16,21:05,3000,3001,2999,3000,-5,6"), "line 7: a volume below zero"),
        (spoiled(5, "2026/11/16,21:05,3000.5,3001,2999,3000,5,6"), "line 7: a price is no multiple of rb's tick of 1"),
        (spoiled(5, "2026/11/16,21:03,3000,3001,2999,3000,5,6"), "times do not rise: 2026-11-16 21:03"),
        ("日期,时间,开盘,最高\n2026/11/16,21:00,1,2", "columns are missing: low, close, volume|could mean anything"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, why):
    with pytest.raises(WenhuaFormatError, match=why):
        read_csv(write(tmp_path, text), code="rb")


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x81\x20\xff")
    with pytest.raises(WenhuaFormatError, match="neither in UTF-8 nor in GB18030"):
        read_csv(tmp_path / "x.csv")
    with pytest.raises(tw.ConfigError, match="cannot be read"):
        read_csv(tmp_path / "none.csv")


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((WenhuaFormatError, tw.ConfigError)):
        read_csv(path)


@given(st.integers(0, len(ROWS) - 1), st.integers(0, 7), st.text(max_size=6))
def test_a_changed_field_is_refused_or_changes_only_itself(tmp_path_factory, line, field, text):
    changed = [row.split(",") for row in lines(ROWS)]
    changed[line][field] = text
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_text("\n".join([HEADER, *map(",".join, changed)]), encoding="utf-8", newline="")
    try:
        bars = read_csv(path)
    except (WenhuaFormatError, tw.ConfigError):
        return
    keep = np.arange(len(bars)) != line
    expected = bars_of(ROWS)
    if len(bars) == len(ROWS):
        np.testing.assert_array_equal(bars.klines.close[keep], expected.klines.close[keep])
        np.testing.assert_array_equal(bars.klines.open_time[keep], expected.klines.open_time[keep])


def test_stamps_at_the_end(tmp_path):
    later = [(row[0] + timedelta(minutes=1), *row[1:]) for row in ROWS]
    bars = read_csv(write(tmp_path, "\n".join([HEADER, *lines(later)])))
    assert bars.provenance.facts["stamp"] == "end"
    assert_same(bars, ROWS)
