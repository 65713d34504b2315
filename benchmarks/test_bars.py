"""Ten million futures ticks to one-minute bars: pandas, done right by session, and the kernel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tidewire.futures import BarBuilder, Bars, Calendar

CODE = "rb"
TICKS = 10_000_000  # and a fiftieth where only the results are compared
NS = 1_000_000_000

Columns = tuple[Any, Any, Any, Any, Any]


@pytest.fixture(scope="module")
def ticks(request: pytest.FixtureRequest) -> Columns:
    """Two ticks a second of trading days in 2026 and before, a seeded walk; totals grow from each day's auction on."""
    wanted = TICKS // 50 if request.config.getoption("benchmark_disable") else TICKS
    source = np.random.default_rng(7)
    calendar = Calendar()
    day, times, volumes, rows = date(2026, 6, 1), [], [], 0
    while rows < wanted:
        day = calendar.previous(day)
        parts = []
        for session in calendar.sessions(CODE, day):
            start = int(((session.auction or (session.start,))[0] + timedelta(minutes=4)).timestamp()) * NS
            start = start if session.auction else int(session.start.timestamp()) * NS
            parts.append(np.arange(start, int(session.end.timestamp()) * NS + 1, NS // 2))
        times.append(np.concatenate(parts))
        volumes.append(np.cumsum(source.integers(0, 3, len(times[-1]))))
        rows += len(times[-1])
    time, volume = np.concatenate(times[::-1]), np.concatenate(volumes[::-1])
    price = 100_000.0 + np.cumsum(source.integers(-1, 2, rows))
    return time, price, volume, volume * 30_000.0, 1e6 + np.cumsum(source.integers(-5, 6, rows))


def with_pandas(ticks: Columns) -> pd.DataFrame:
    """Auctions into the first minute, closes into the last, totals by trading day: what a careful user writes."""
    time, price, volume, turnover, interest = ticks
    local = pd.DatetimeIndex(time).tz_localize("UTC").tz_convert("Asia/Shanghai").tz_localize(None)
    frame = pd.DataFrame({"price": price, "volume": volume, "turnover": turnover, "interest": interest}, index=local)
    days = pd.DatetimeIndex([pd.Timestamp(day) for day in Calendar().trading_days])
    frame["day"] = days[days.searchsorted((local + pd.Timedelta(hours=6)).normalize())]
    minute = local.hour * 60 + local.minute
    bar = local.floor("min")
    bar = bar.where(~minute.isin([20 * 60 + 59, 8 * 60 + 59]), bar + pd.Timedelta(minutes=1))
    second = (local.second == 0) & minute.isin([23 * 60, 10 * 60 + 15, 11 * 60 + 30, 15 * 60])
    frame["bar"] = bar.where(~second, bar - pd.Timedelta(minutes=1))
    for name in ("volume", "turnover"):
        grown = frame.groupby("day")[name].diff()
        frame[name] = grown.fillna(frame[name])
    frame = frame.set_index("bar")
    traded = frame[frame["volume"] > 0].resample("1min")
    bars = traded.agg({"price": "ohlc", "volume": "sum", "turnover": "sum", "day": "first"})
    bars.columns = ["open", "high", "low", "close", "volume", "turnover", "day"]
    bars["interest"] = frame["interest"].resample("1min").last()  # also of snapshots without a trade
    return bars.dropna(subset="open")


def with_tidewire(ticks: Columns) -> Bars:
    builder = BarBuilder(CODE)
    return Bars.concat([builder.add(*ticks), builder.finish()])


@pytest.mark.benchmark(group="bars: 10 million ticks to minutes")
@pytest.mark.parametrize("build", [with_pandas, with_tidewire], ids=["pandas", "tidewire"])
def test_bars(benchmark: Any, ticks: Columns, build: Callable[[Columns], Any]) -> None:
    reference, bars = with_pandas(ticks), with_tidewire(ticks)
    ours = bars.klines
    columns: dict[str, Any] = {"open": ours.open, "high": ours.high, "low": ours.low, "close": ours.close}
    columns |= {"volume": ours.volume, "turnover": ours.quote_volume, "interest": bars.open_interest}
    columns |= {"day": bars.trading_day.astype("datetime64[ns]")}
    np.testing.assert_array_equal(
        (reference.index - pd.Timedelta(hours=8)).astype("datetime64[ns]").view("i8"), ours.open_time
    )
    for name, column in columns.items():
        np.testing.assert_array_equal(reference[name], column, err_msg=name)
    benchmark.pedantic(build, args=(ticks,), rounds=3 if build is with_tidewire else 1, warmup_rounds=0)
