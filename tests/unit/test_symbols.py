"""Symbols, intervals and times: read everything that users write, refuse what would have to be guessed."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.errors import ConfigError
from tidewire.symbols import Interval, Symbol, parse_time

CODES = st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True)
EXPIRIES = st.dates(dt.date(2020, 1, 1), dt.date(2060, 1, 1)).map(lambda day: day.strftime("%y%m%d"))
SPOT = st.builds(Symbol, CODES, CODES)
CONTRACTS = st.builds(Symbol, CODES, CODES, CODES, st.none() | EXPIRIES)

INTERVALS = [
    "1s",
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
    "3M",
    "1y",
]
# Between the years 1900 and 2200.
TIMES = st.integers(-2_208_988_800, 7_258_118_400).flatmap(
    lambda s: st.integers(0, 10**9 - 1).map(lambda n: s * 10**9 + n)
)


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * 10**9


@given(SPOT | CONTRACTS)
def test_what_a_symbol_prints_it_parses(symbol: Symbol) -> None:
    assert Symbol.parse(str(symbol)) == symbol
    assert Symbol.parse(str(symbol).lower()) == symbol
    assert Symbol.parse(symbol) is symbol


@pytest.mark.parametrize(
    ("text", "symbol", "printed"),
    [
        ("BTC-USDT", Symbol("BTC", "USDT"), "BTC-USDT"),
        ("btc/usdt", Symbol("BTC", "USDT"), "BTC-USDT"),
        ("BTC-USDT-PERP", Symbol("BTC", "USDT", "USDT"), "BTC-USDT-PERP"),
        ("BTC/USDT:USDT", Symbol("BTC", "USDT", "USDT"), "BTC-USDT-PERP"),
        ("BTC/USD:BTC", Symbol("BTC", "USD", "BTC"), "BTC-USD-PERP:BTC"),
        ("BTC-USDT-261225", Symbol("BTC", "USDT", "USDT", "261225"), "BTC-USDT-261225"),
        ("BTC/USDT:USDT-261225", Symbol("BTC", "USDT", "USDT", "261225"), "BTC-USDT-261225"),
        ("BTC/USD:BTC-261225", Symbol("BTC", "USD", "BTC", "261225"), "BTC-USD-261225:BTC"),
        ("1000SATS-FDUSD", Symbol("1000SATS", "FDUSD"), "1000SATS-FDUSD"),
    ],
)
def test_the_spellings(text: str, symbol: Symbol, printed: str) -> None:
    assert Symbol.parse(text) == symbol
    assert str(symbol) == printed
    assert repr(symbol) == f"Symbol({printed!r})"
    assert symbol.kind == ("spot" if symbol.settle is None else "linear")


@pytest.mark.parametrize(
    "text",
    ["", "BTC", "btcusdt", "BTC_USDT", "BTC-USDT-", "-USDT", "BTC/", "BTC-USDT-SWAP", "BTC-USDT-2612", "BTC USDT",
     "BTC-USDT\n", " BTC-USDT", "BTC/USDT-PERP", "BTC-USDT:USDT", "BTC-USDT-261225-C", "BTC/USDT:USDT-261225-80000-C"],
)  # fmt: skip
def test_anything_else_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(ConfigError, match="write spot as 'BTC-USDT'") as caught:
        Symbol.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("value", [None, 1, b"BTC-USDT", ["BTC-USDT"]])
def test_a_symbol_is_text(value: object) -> None:
    with pytest.raises(ConfigError, match=f"not {type(value).__name__}"):
        Symbol.parse(value)  # type: ignore[arg-type]


def test_symbols_are_ordered_hashable_and_frozen() -> None:
    spot, perpetual = Symbol.parse("BTC-USDT"), Symbol.parse("ETH-USDT-PERP")
    assert {spot: 1}[Symbol("BTC", "USDT")] == 1
    assert sorted([perpetual, spot]) == [spot, perpetual]
    with pytest.raises(AttributeError):
        spot.base = "ETH"  # type: ignore[misc]


def test_intervals_are_one_closed_list() -> None:
    assert [str(Interval.parse(text)) for text in INTERVALS] == INTERVALS
    with pytest.raises(ConfigError, match=re.escape(" ".join(INTERVALS))):
        Interval.parse("7m")
    for text in ("", "1D", "60", "1H", "1min"):
        with pytest.raises(ConfigError):
            Interval.parse(text)


def test_a_month_is_not_a_minute() -> None:
    assert Interval.parse("1m").ns == 60 * 10**9
    assert Interval.parse("1M").ns is None


@given(st.sampled_from(INTERVALS), TIMES)
def test_bars_tile_the_time_line(text: str, time_ns: int) -> None:
    interval = Interval.parse(text)
    opened = interval.floor(time_ns)
    closed = interval.next(opened)
    assert opened <= time_ns < closed
    assert interval.floor(opened) == opened
    assert interval.floor(closed) == closed
    assert interval.floor(closed - 1) == opened
    if interval.ns is not None:
        assert closed - opened == interval.ns


@pytest.mark.parametrize(
    ("interval", "time", "opens", "next_opens"),
    [
        ("1w", "2026-11-22T23:59:59Z", "2026-11-16T00:00Z", "2026-11-23T00:00Z"),  # weeks open on Monday
        ("1M", "2024-02-29T12:00Z", "2024-02-01T00:00Z", "2024-03-01T00:00Z"),
        ("1M", "2025-12-31T23:59Z", "2025-12-01T00:00Z", "2026-01-01T00:00Z"),
        ("3M", "2025-12-31T23:59Z", "2025-10-01T00:00Z", "2026-01-01T00:00Z"),
        ("1y", "2024-12-31T23:59Z", "2024-01-01T00:00Z", "2025-01-01T00:00Z"),
        ("4h", "2026-03-29T05:30Z", "2026-03-29T04:00Z", "2026-03-29T08:00Z"),  # no daylight saving in UTC
    ],
)
def test_known_bars(interval: str, time: str, opens: str, next_opens: str) -> None:
    parsed = Interval.parse(interval)
    assert parsed.floor(at(time)) == at(opens)
    assert parsed.next(at(opens)) == at(next_opens)


NOON = at("2026-01-31T12:00Z")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (NOON, NOON),
        (0, 0),
        (np.int64(NOON), NOON),  # as klines.open_time[i] is
        (np.uint64(NOON), NOON),
        (dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), NOON),
        (dt.datetime(2026, 1, 31, 20, tzinfo=dt.timezone(dt.timedelta(hours=8))), NOON),
        (dt.datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=dt.UTC), NOON + 1000),
        (dt.date(2026, 1, 31), NOON - 12 * 3600 * 10**9),
        ("2026-01-31", NOON - 12 * 3600 * 10**9),
        ("2026-01-31T12:00Z", NOON),
        ("2026-01-31T20:00+08:00", NOON),
        ("2026-01-31 12:00:00.000001+00:00", NOON + 1000),
    ],
)
def test_times_that_are_certain(value: object, expected: int | None) -> None:
    time_ns = parse_time(value)  # type: ignore[arg-type]
    assert time_ns == expected
    assert type(time_ns) in (int, type(None))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (dt.datetime(2026, 1, 31, 12), "no time zone"),  # noqa: DTZ001 - the point
        ("2026-01-31T12:00", "no time zone"),
        ("yesterday", "ISO-8601"),
        ("2026-13-01", "ISO-8601"),
        ("", "ISO-8601"),
        (1769860800, "coarser unit"),
        (1769860800_000, "coarser unit"),
        (1769860800_000_000, "coarser unit"),
        (-1769860800, "coarser unit"),
        (True, "not bool"),
        (np.bool_(True), "not bool"),
        (np.int64(1769860800), "coarser unit"),
        (np.array([NOON]), "not ndarray"),
        (1769860800.5, "not float"),
        ([], "not list"),
    ],
)
def test_times_that_would_be_a_guess(value: object, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        parse_time(value, "start")  # type: ignore[arg-type]
    assert str(caught.value).startswith("start: ")


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_a_datetime_is_exact_to_the_microsecond(value: dt.datetime) -> None:
    time_ns = parse_time(value)
    assert time_ns is not None
    assert dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=time_ns // 1000) == value.astimezone(
        dt.UTC
    )
    assert time_ns % 1000 == 0
