"""Composites equal exact arithmetic done by hand, and outliers are found and told, never silently dropped."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.errors import ConfigError, UnknownSymbol
from tidewire.klines import Klines
from tidewire.models import Ticker
from tidewire.symbols import Interval, Symbol
from tidewire.universal.composite import AggregateKlines, AggregateTicker, Outliers, deviation_allowed
from tidewire.universal.kline_grid import KlineGrid

BTC = Symbol("BTC", "USDT")
MINUTE = 60 * 10**9


def ticker(venue: str, last: str | None, volume: str | None = "1", quote_volume: str | None = "100") -> Ticker:
    return Ticker(
        venue=venue,
        symbol=BTC,
        last=None if last is None else Decimal(last),
        volume=None if volume is None else Decimal(volume),
        quote_volume=None if quote_volume is None else Decimal(quote_volume),
    )


def weigh(*rows: Ticker, allowed: str = "0.01", outliers: Outliers = "exclude") -> AggregateTicker:
    tickers = {row.venue: row for row in rows}
    return AggregateTicker.of(BTC, tickers, {}, {}, max_deviation=Decimal(allowed), outliers=outliers)


def test_the_composite_is_weighted_by_volume() -> None:
    found = weigh(ticker("a", "100", "3"), ticker("b", "101", "1"), allowed="0.1")
    assert (found.last, found.volume, found.quote_volume) == (Decimal("100.25"), Decimal(4), Decimal(200))
    assert found.weights == {"a": Decimal("0.75"), "b": Decimal("0.25")}
    assert (found.outliers, found.unweighted) == ((), ())


def test_an_outlier_is_excluded_and_named_with_its_deviation() -> None:
    found = weigh(ticker("a", "100"), ticker("b", "100"), ticker("c", "120", "50"))
    assert found.last == Decimal(100)
    assert "c" not in found.weights
    (far,) = found.outliers
    assert (far.venue, far.price, far.median, far.excluded) == ("c", Decimal(120), Decimal(100), True)
    assert far.deviation == Decimal("0.2")
    assert found.tickers["c"].last == Decimal(120)  # still there to be seen


def test_flagging_leaves_it_in() -> None:
    found = weigh(ticker("a", "100"), ticker("b", "100"), ticker("c", "130"), outliers="flag")
    assert (found.last, [far.excluded for far in found.outliers]) == (Decimal(110), [False])


def test_where_two_disagree_nobody_is_excluded() -> None:
    found = weigh(ticker("a", "100"), ticker("b", "110"))
    assert [(far.venue, far.excluded) for far in found.outliers] == [("a", False), ("b", False)]
    assert found.last == Decimal(105)


def test_what_a_venue_does_not_tell_is_not_made_up() -> None:
    found = weigh(
        ticker("a", "100"), ticker("b", None), ticker("c", "100", None), ticker("d", "100", quote_volume=None)
    )
    assert found.unweighted == ("b", "c")
    assert (found.last, found.volume, found.quote_volume) == (Decimal(100), Decimal(2), None)
    assert found.column("volume") == {"a": 1, "b": 1, "c": None, "d": 1}
    with pytest.raises(ConfigError, match="no column 'vwap'"):
        found.column("vwap")
    nothing = weigh(ticker("a", None), ticker("b", "100", "0"))
    assert (nothing.last, nothing.volume, nothing.median) == (None, None, Decimal(100))


prices = st.decimals("90", "110", places=2)
volumes = st.decimals("0.01", "50", places=2)


@given(st.lists(st.tuples(prices, volumes), min_size=1, max_size=6), st.sampled_from(["0.01", "0.05", "1"]))
def test_any_composite_equals_rational_arithmetic(rows: list[tuple[Decimal, Decimal]], allowed: str) -> None:
    found = weigh(*(ticker(str(i), str(p), str(v)) for i, (p, v) in enumerate(rows)), allowed=allowed)
    ordered = sorted(Fraction(price) for price, _ in rows)
    middle = (ordered[(len(rows) - 1) // 2] + ordered[len(rows) // 2]) / 2
    far = [i for i, (price, _) in enumerate(rows) if abs(Fraction(price) - middle) / middle > Fraction(allowed)]
    dropped = set(far) if (len(rows) - len(far)) * 2 > len(rows) else set()
    kept = [(Fraction(price), Fraction(volume)) for i, (price, volume) in enumerate(rows) if i not in dropped]
    exact = sum(price * volume for price, volume in kept) / sum(volume for _, volume in kept)
    assert found.last is not None
    assert abs(Fraction(found.last) - exact) < Fraction(1, 10**20)
    assert {far.venue for far in found.outliers if far.excluded} == {str(i) for i in dropped}
    assert [far.venue for far in found.outliers] == [str(i) for i in far]


@pytest.mark.parametrize(("deviation", "treated"), [("0", "flag"), (-0.1, "flag"), ("x", "flag"), ("0.1", "drop")])
def test_limits_that_make_no_sense_are_refused(deviation: str | float, treated: str) -> None:
    with pytest.raises(ConfigError):
        deviation_allowed(deviation, treated)


# Klines.


def bars(venue: str, rows: Mapping[int, tuple[float, float]], trades: int = 5) -> Klines:
    """Minutes to (close, volume); open one below the close, high two above, low three below it."""
    close = np.array([close for close, _ in rows.values()])
    volume = np.array([volume for _, volume in rows.values()])
    columns = {
        "open_time": np.array([minute * MINUTE for minute in rows], np.int64),
        "open": close - 1,
        "high": close + 2,
        "low": close - 3,
        "close": close,
        "volume": volume,
        "quote_volume": close * volume,
        "trades": np.full(len(rows), trades),
    }
    return Klines(columns, symbol=BTC, interval="1m", venue=venue)


def align(*parts: Klines, allowed: str = "0.01", outliers: Outliers = "exclude") -> AggregateKlines:
    klines = {str(part.venue): part for part in parts}
    return AggregateKlines(BTC, Interval("1m"), klines, {}, max_deviation=Decimal(allowed), outliers=outliers)


def test_columns_are_aligned_by_open_time() -> None:
    found = align(bars("a", {0: (100, 1), 1: (101, 1)}), bars("b", {1: (101, 3), 3: (102, 1)}))
    assert found.open_time.tolist() == [0, MINUTE, 3 * MINUTE]
    np.testing.assert_array_equal(found.column("close"), [[100, np.nan], [101, 101], [np.nan, 102]])
    assert found.composite.volume.tolist() == [1, 4, 1]
    assert found.composite.gaps == ((2 * MINUTE, 3 * MINUTE),)
    assert (found.composite.venue, found.composite.symbol) == ("composite", BTC)


def test_composite_bars() -> None:
    found = align(bars("a", {0: (100, 1)}), bars("b", {0: (104, 3)}), allowed="0.5")
    (bar,) = found.composite
    assert (bar.open, bar.close, bar.high, bar.low) == (102, 103, 106, 97)
    assert (bar.volume, bar.quote_volume, bar.trades) == (4, 412, 10)


def test_an_outlying_bar_is_excluded_bar_by_bar_and_flagged() -> None:
    steady = dict.fromkeys(range(3), (100.0, 1.0))
    found = align(bars("a", steady), bars("b", steady), bars("c", steady | {1: (150.0, 90.0)}))
    assert found.outliers.tolist() == [[False] * 3, [False, False, True], [False] * 3]
    np.testing.assert_array_equal(found.excluded, found.outliers)
    assert found.deviation[1].tolist() == [0, 0, 0.5]
    assert found.composite.close.tolist() == [100, 100, 100]
    assert found.composite.high.tolist() == [102, 102, 102]
    flagged = align(bars("a", steady), bars("b", steady), bars("c", steady | {1: (150.0, 90.0)}), outliers="flag")
    assert flagged.outliers.any()
    assert not flagged.excluded.any()
    assert flagged.composite.high.tolist() == [102, 152, 102]


def test_a_bar_without_trades_anywhere_has_no_price() -> None:
    found = align(bars("a", {0: (100, 1), 1: (100, 0), 2: (100, 1)}), bars("b", {1: (101, 0)}))
    assert found.composite.open_time.tolist() == [0, 2 * MINUTE]
    assert len(found) == 3


def test_sums_of_what_one_venue_does_not_tell_are_unknown() -> None:
    found = align(bars("a", {0: (100, 1)}), bars("b", {0: (100, 1)}, trades=-1))
    assert found.composite.trades.tolist() == [-1]
    assert found.composite.quote_volume.tolist() == [200]


def test_empty_klines_make_an_empty_composite() -> None:
    found = align(bars("a", {}), bars("b", {}))
    assert (len(found), len(found.composite), found.column("close").shape) == (0, 0, (0, 2))
    with pytest.raises(ConfigError, match="no column 'vwap'"):
        found.column("vwap")


def test_a_grid_raises_what_its_venue_raised() -> None:
    lost = UnknownSymbol("no such market", venue="okx")
    pairs = [("BTC-USDT", "binance"), ("BTC-USDT", "okx")]
    grid = KlineGrid.of(Interval("1m"), pairs, {pairs[0]: bars("binance", {0: (1, 1)}), pairs[1]: lost})
    assert len(grid["BTC-USDT", "binance"]) == 1
    with pytest.raises(UnknownSymbol, match="no such market"):
        grid["BTC-USDT", "okx"]
    with pytest.raises(ConfigError, match="was not asked for"):
        grid["ETH-USDT", "okx"]
    assert repr(grid) == "<KlineGrid 1m: 1 symbols × binance, okx, 1 failed>"
