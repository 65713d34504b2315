"""Trading day, natural day and time of day, as each exchange writes them and as they were."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.ctp.ticktime import china_ns, parse_day, parse_seconds, repair

CHINA = dt.timezone(dt.timedelta(hours=8))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


FRI, SAT, MON, TUE = (day(f"2026-11-{number}") for number in (20, 21, 23, 24))

# exchange, TradingDay and ActionDay as sent, time -> trading day, natural day
TABLE = [
    ("SHFE", TUE, MON, "21:00:00", TUE, MON),
    ("SHFE", MON, FRI, "23:59:59", MON, FRI),
    ("SHFE", MON, SAT, "00:00:00", MON, SAT),
    ("INE", MON, SAT, "02:29:59", MON, SAT),
    ("SHFE", MON, MON, "09:00:00", MON, MON),
    ("DCE", TUE, TUE, "21:00:00", TUE, MON),
    ("DCE", MON, MON, "22:59:59", MON, FRI),
    ("DCE", MON, MON, "00:30:00", MON, SAT),
    ("DCE", MON, MON, "14:59:59", MON, MON),
    ("CZCE", MON, MON, "21:00:00", TUE, MON),
    ("CZCE", FRI, FRI, "22:00:00", MON, FRI),
    ("CZCE", SAT, SAT, "00:10:00", MON, SAT),
    ("CZCE", MON, MON, "10:14:59", MON, MON),
    ("CZCE", MON, FRI, "19:29:00", MON, FRI),  # before the opening: both are right
    ("CFFEX", MON, MON, "09:30:00", MON, MON),
    ("GFEX", MON, MON, "15:00:00", MON, MON),
    ("", TUE, TUE, "21:00:00", TUE, MON),
    ("SHFE", None, MON, "21:00:00", TUE, MON),  # multicast fronts send no trading day
    ("DCE", MON, None, "21:00:00", MON, FRI),
]


@pytest.mark.parametrize(("exchange", "trading", "action", "clock", "true_trading", "natural"), TABLE)
def test_each_exchange_at_each_hour(exchange, trading, action, clock, true_trading, natural):
    stamp = repair(exchange, trading, action, parse_seconds(clock))
    assert (stamp.trading_day, stamp.action_day) == (true_trading, natural)
    when = dt.datetime.combine(natural, dt.time.fromisoformat(clock), CHINA)
    assert stamp.time_ns == int(when.timestamp()) * 10**9


def test_no_time_is_no_time():
    assert repair("SHFE", MON, MON, None).time_ns is None
    assert repair("SHFE", None, None, 0) == (None, None, None)


def sent_as(exchange: str, trading: dt.date, natural: dt.date, at_night: bool):
    """What a front writes for a moment whose days are these: the table of the facts, the other way round."""
    if at_night and exchange == "DCE":
        return trading, trading
    if at_night and exchange == "CZCE":
        return natural, natural
    return trading, natural


@given(
    st.sampled_from(["SHFE", "INE", "DCE", "CZCE"]),
    st.dates(dt.date(2015, 1, 1), dt.date(2040, 1, 1)),
    st.one_of(st.integers(21 * 3600, 86_399), st.integers(0, 2 * 3600 + 1800), st.integers(9 * 3600, 15 * 3600)),
)
def test_what_is_written_wrongly_is_read_rightly(exchange, trading, seconds):
    while trading.weekday() >= 5:
        trading += dt.timedelta(days=1)
    evening = trading - dt.timedelta(days=3 if trading.weekday() == 0 else 1)
    natural = trading
    if seconds >= 21 * 3600:
        natural = evening
    elif seconds < 9 * 3600:
        natural = evening + dt.timedelta(days=1)
    stamp = repair(exchange, *sent_as(exchange, trading, natural, natural != trading), seconds)
    assert stamp == (trading, natural, china_ns(natural, seconds))


@pytest.mark.parametrize("text", ["", "0", "20261301", "2026112", "abcdefgh", "００００００００"])
def test_blank_days(text):
    assert parse_day(text) is None


@pytest.mark.parametrize("text", ["", "24:00:00", "09:60:00", "9:00:00", "ab:cd:ef", "09:00:0"])
def test_blank_times(text):
    assert parse_seconds(text) is None
    assert parse_seconds("23:59:59") == 86_399
