"""Klines as a value: columns, views, gaps, joining, frames."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import weakref
from typing import Any

import numpy as np
import pytest

from tidewire.errors import ConfigError
from tidewire.klines import Kline, KlineLayout, Klines, decode_klines
from tidewire.symbols import Interval, Symbol

MINUTE = 60 * 10**9
REQUIRED = ("open_time", "open", "high", "low", "close", "volume")
LAYOUT = KlineLayout(open_time=0, open=1, high=2, low=3, close=4, volume=5, quote_volume=6, trades=7, time_unit="s")
DAY = 86_400 * 10**9


def made(times: list[int], **more: Any) -> Klines:
    ones = np.ones(len(times))
    columns: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close", "volume"), ones) | {"open_time": times}
    extra = {name: more.pop(name) for name in ("quote_volume", "trades", "closed", "close") if name in more}
    return Klines(columns | extra, **more)


def minutes(*numbers: int, **more: Any) -> Klines:
    return made([number * MINUTE for number in numbers], **({"interval": "1m"} | more))


@pytest.fixture
def bars() -> Klines:
    rows = [f"[{60 * i},{i}.5,{i + 1},{i},{i}.25,{10 * i},{'null' if i == 3 else i},{100 * i}]" for i in range(10)]
    body = f"[{','.join(rows)}]".encode()
    return decode_klines(body, LAYOUT, symbol=Symbol.parse("BTC-USDT"), interval="1m", venue="binance")


def test_columns_are_read_only_views_of_one_block(bars: Klines) -> None:
    assert len(bars) == 10
    assert bars.open_time.dtype == bars.trades.dtype == np.int64
    blocks = set()
    for name in ("open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades"):
        column = getattr(bars, name)
        assert not column.flags.owndata
        assert column.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0
        blocks.add(id(column.base))
    assert len(blocks) == 1
    assert bars.closed is None
    assert (bars.symbol, bars.interval, bars.venue) == (Symbol("BTC", "USDT"), Interval("1m"), "binance")


def test_rows_and_slices(bars: Klines) -> None:
    assert bars[2] == Kline(2 * MINUTE, 2.5, 3.0, 2.0, 2.25, 20.0, 2.0, 200)
    assert bars[-1].open_time == 9 * MINUTE
    assert [bar.trades for bar in bars] == bars.trades.tolist()
    assert isinstance(bars[2].trades, int)
    view = bars[2:5]
    assert len(view) == 3
    assert np.shares_memory(view.open, bars.open)
    assert view.symbol == bars.symbol
    assert view[0] == bars[2]
    assert bars[::3].open_time.tolist() == [0, 3 * MINUTE, 6 * MINUTE, 9 * MINUTE]
    assert len(bars[20:]) == 0
    with pytest.raises(IndexError):
        bars[10]
    with pytest.raises(ConfigError, match="ascend"):
        bars[::-1]


def test_equality(bars: Klines) -> None:
    assert bars == bars[:]
    assert bars != bars[1:]
    assert bars != Klines.concat([bars], venue="okx")
    assert bars != "bars"
    assert pickle.loads(pickle.dumps(bars)) == bars


def test_gaps() -> None:
    assert minutes(0, 1, 2).gaps == ()
    assert minutes(0, 1, 5, 6, 8).gaps == ((2 * MINUTE, 5 * MINUTE), (7 * MINUTE, 8 * MINUTE))
    assert minutes(7).gaps == minutes().gaps == ()
    assert minutes(1, 1, 2).gaps == ()
    with pytest.raises(ConfigError, match="interval"):
        _ = made([0, 1]).gaps


def test_gaps_of_months() -> None:
    january, february, april = 0, 31 * DAY, 90 * DAY
    assert made([january, february], interval="1M").gaps == ()
    assert made([january, february, april], interval="1M").gaps == ((59 * DAY, 90 * DAY),)


def test_between_is_half_open() -> None:
    bars = minutes(0, 1, 2, 3, 4)
    assert bars.between(MINUTE, 3 * MINUTE).open_time.tolist() == [MINUTE, 2 * MINUTE]
    assert bars.between(MINUTE + 1).open_time.tolist() == [2 * MINUTE, 3 * MINUTE, 4 * MINUTE]
    assert bars.between(end=MINUTE).open_time.tolist() == [0]
    assert len(bars.between(3 * MINUTE, MINUTE)) == 0
    assert bars.between() == bars


def test_finished_drops_the_bar_that_still_forms() -> None:
    bars = minutes(0, 1, 2)
    assert len(bars.finished(3 * MINUTE)) == 3
    assert len(bars.finished(3 * MINUTE - 1)) == 2
    assert len(bars.finished(0)) == 0
    flagged = minutes(0, 1, 2, closed=[True, True, False])
    assert len(flagged.finished(10 * MINUTE)) == 2
    assert flagged[:2].finished(0) == flagged[:2]
    with pytest.raises(ConfigError, match="interval"):
        made([0]).finished(1)


def test_concat_sorts_and_lets_later_parts_win() -> None:
    old = minutes(0, 1, 2, close=[1.0, 1.0, 1.0])
    new = minutes(2, 3, close=[2.0, 2.0])
    assert Klines.concat([old, new]).close.tolist() == [1, 1, 2, 2]
    assert Klines.concat([new, old]).close.tolist() == [1, 1, 1, 2]
    assert Klines.concat([minutes(2, 2, close=[1.0, 5.0])]).close.tolist() == [5]
    assert Klines.concat([old, new]).open_time.dtype == np.int64
    late = made([2**62 + 1, 2**62 + 3])  # beyond what float64 can tell apart
    assert Klines.concat([late, late]).open_time.tolist() == [2**62 + 1, 2**62 + 3]
    assert Klines.concat([old, new]).interval == Interval("1m")
    assert not Klines.concat([old, new]).close.flags.writeable


def test_concat_of_nothing_and_of_flags() -> None:
    nothing = Klines.concat([], symbol="BTC-USDT", interval="1h", venue="okx")
    assert len(nothing) == 0
    assert (nothing.symbol, nothing.interval, nothing.venue) == ("BTC-USDT", Interval("1h"), "okx")
    assert nothing.gaps == ()
    assert nothing.trades.dtype == np.int64
    flagged, plain = minutes(0, closed=[False]), minutes(1)
    joined = Klines.concat([flagged, minutes(1, closed=[True])]).closed
    assert joined is not None
    assert joined.tolist() == [False, True]
    assert Klines.concat([flagged, plain]).closed is None


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"open_time": [0]}, "missing"),
        (dict.fromkeys((*REQUIRED, "vwap"), (0,)), "vwap"),
        (dict.fromkeys(REQUIRED, (0,)) | {"volume": (1, 2)}, "volume"),
        (dict.fromkeys(REQUIRED, (2, 1)), "ascend"),
    ],
)
def test_bad_columns(columns: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Klines(columns)


def test_columns_given_are_copied() -> None:
    times = np.array([1, 2])
    bars = made(times)  # type: ignore[arg-type]
    times[0] = 9
    assert bars.open_time.tolist() == [1, 2]
    assert np.isnan(bars.quote_volume).all()
    assert bars.trades.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"open": "o"}, "every field"),
        ({"high": 1}, "one place"),
        ({"open": -1}, "count from 0"),
        ({"open": 2**40}, "count from 0"),
        ({"time_unit": "m"}, "time_unit"),
        ({"rows": "data"}, "tuple"),
        ({"open": 1.5}, "every field"),
    ],
)
def test_bad_layouts(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        KlineLayout(**({"open_time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5} | change))


def test_to_pandas(bars: Klines) -> None:
    pandas = pytest.importorskip("pandas")
    frame = bars.to_pandas()
    assert list(frame.columns) == "open_time open high low close volume quote_volume trades".split()
    assert str(frame["open_time"].dtype) == "datetime64[ns, UTC]"
    assert frame["open_time"][9] == pandas.Timestamp(9 * MINUTE, tz="UTC")
    assert frame["close"].tolist() == bars.close.tolist()
    assert str(frame["trades"].dtype) == "int64"
    assert frame["quote_volume"].isna().sum() == 1
    frame.loc[0, "close"] = 99.0
    assert frame["close"][0] == 99.0 != bars.close[0]
    unknown = minutes(0, 1, trades=[-1, 5]).to_pandas()["trades"]
    assert str(unknown.dtype) == "Int64"
    assert unknown.isna().tolist() == [True, False]
    assert len(minutes().to_pandas()) == 0


def test_to_polars(bars: Klines) -> None:
    polars = pytest.importorskip("polars")
    frame = bars.to_polars()
    assert frame.schema["open_time"] == polars.Datetime("ns", "UTC")
    assert frame["open"].to_list() == bars.open.tolist()
    assert frame["quote_volume"].to_list()[2:5] == [2.0, None, 4.0]
    assert polars.DataFrame(bars).equals(frame)


def test_to_arrow(bars: Klines) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = bars[1:].to_arrow()
    assert table.schema.field("open_time").type == pyarrow.timestamp("ns", "UTC")
    assert not table.schema.field("open").nullable
    assert table["quote_volume"].to_pylist() == [1.0, 2.0, None, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert table["trades"].null_count == 0
    assert table["open"].chunk(0).buffers()[1].address == bars.open[1:].ctypes.data
    assert bars[::2].to_arrow()["trades"].to_pylist() == [0, 200, 400, 600, 800]
    assert pyarrow.table(minutes(trades=[])).num_rows == 0
    many = minutes(*range(1000), trades=np.arange(1000) - 500)
    assert many.to_arrow()["trades"].to_pylist() == [None] * 500 + list(range(500))


def test_arrow_memory_lives_as_long_as_anyone_needs_it() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    bars = decode_klines(b"[[1,2,3,4,5,6],[2,2.5,3,4,5,6]]", LAYOUT)
    opened = weakref.ref(bars.open)
    bars.__arrow_c_stream__()  # never read
    column = pyarrow.table(bars)["open"]
    del bars
    gc.collect()
    assert opened() is not None
    assert column.to_pylist() == [2.0, 2.5]
    del column
    gc.collect()
    assert opened() is None


@pytest.mark.parametrize(
    ("method", "library"), [("to_pandas", "pandas"), ("to_polars", "polars"), ("to_arrow", "pyarrow")]
)
def test_a_missing_library_is_named(bars: Klines, monkeypatch: pytest.MonkeyPatch, method: str, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=rf'{library} is not installed: pip install "tidewire\[frames\]"'):
        getattr(bars, method)()


def test_importing_needs_no_frame_library() -> None:
    code = "import sys, tidewire.klines; sys.exit(bool({'pandas', 'polars', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_repr_and_html(bars: Klines) -> None:
    assert repr(bars) == "<Klines binance BTC-USDT 1m, 10 bars: 1970-01-01 00:00 … 1970-01-01 00:09>"
    assert repr(minutes()) == "<Klines 1m, 0 bars>"
    html = bars._repr_html_()
    assert html.count("<tr>") == 1 + 3 + 1 + 3
    assert "<svg" in html
    assert "1970-01-01 00:09:00Z" in html
    assert ">nan<" not in html
    assert "<td>–</td>" in minutes(1)._repr_html_()
    assert "<svg" not in minutes(1)._repr_html_()
    assert "<svg" in minutes(1, 2)._repr_html_()
    assert "&lt;b&gt;" in minutes(1, venue="<b>")._repr_html_()
