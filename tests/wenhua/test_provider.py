"""Wenhua's files behind the facade."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta

import pytest

import tidewire as tw
from tidewire.futures import Contract, Futures, Wenhua, days_before_expiry, last_trading_day

from .files import independent, minutes, walk

RB10, RB11 = Contract("SHFE", "rb", 2026, 10), Contract("SHFE", "rb", 2026, 11)
CODES = {63580: "rb10", 63581: "rb11"}
DAYS = [date(2026, 9, 28), date(2026, 9, 29), date(2026, 9, 30)]
MOMENTS = minutes(first=DAYS[0])


@pytest.fixture
def install(tmp_path):
    folder = tmp_path / "Data" / "SHFE" / "min1"
    folder.mkdir(parents=True)
    for number, price in ((63580, 3000), (63581, 3100)):
        (folder / f"{number:08}.dat").write_bytes(independent(walk(MOMENTS, seed=number, start=price)))
    return tmp_path


def test_bars_of_a_contract(install):
    with Futures([Wenhua(install, codes=CODES)]) as futures:
        assert futures.fetch_contracts("rb") == [RB10, RB11]
        bars = futures.fetch_klines("rb2610", "1m", start="2026-09-29T00:00+08:00", limit=10)
    assert (str(bars.symbol), bars.venue, len(bars)) == ("SHFE.rb2610", "wenhua", 10)
    assert bars.provenance.facts["layout"] == "intraday"
    assert bars.provenance.source.endswith("00063580.dat")


def test_what_the_terminal_has_not_stored(install):
    with Futures([Wenhua(install, codes=CODES)]) as futures:
        with pytest.raises(tw.ConfigError, match="has stored no 5m bars"):
            futures.fetch_klines("rb2610", "5m")
        with pytest.raises(tw.UnknownSymbol, match=r"has SHFE\.rb2610"):
            futures.fetch_klines("rb2710", "1m")
        with pytest.raises(tw.NotSupported, match="watch_ticker"):
            futures.watch_ticker("rb2610")


def test_a_continuous_series_of_a_terminals_files(install):
    rule = days_before_expiry(16, last_trading_day)  # rb2610 ends on 15 October
    with Futures([Wenhua(install, codes=CODES)]) as futures:
        series = futures.continuous("rb", interval="1m", rule=rule, adjust="ratio")
    assert series.contracts == (RB10, RB11)
    assert set(series.bars.trading_day.tolist()) == set(DAYS[1:])
    assert series.bars.provenance.facts["SHFE.rb2611 from"].endswith("00063581.dat")


def test_a_file_that_grows_is_a_live_source(install):
    path = install / "Data" / "SHFE" / "min1" / "00063580.dat"
    rows = walk(MOMENTS, seed=63580, start=3000)
    path.write_bytes(independent(rows[:600]))
    with Futures([Wenhua(install, codes=CODES)]) as futures:
        start = MOMENTS[590].isoformat()
        with futures.watch_klines("rb2610", "1m", start=start) as stream:
            before = [stream.next(5) for _ in range(10)]
            path.write_bytes(independent(rows[:606]))
            after = [stream.next(5) for _ in range(5)]
            with pytest.raises(TimeoutError):
                stream.next(0.01)
        assert stream.next(5) is None
    times = [update.open_time_ns for update in (*before, *after)]
    assert times == [int(moment.timestamp()) * 10**9 for moment in MOMENTS[590:605]]
    assert stream.seam.is_clean


async def test_the_same_from_asyncio(install):
    path = install / "Data" / "SHFE" / "min1" / "00063580.dat"
    rows = walk(MOMENTS, seed=63580, start=3000)
    path.write_bytes(independent(rows[:600]))
    async with Futures([Wenhua(install, codes=CODES)]) as futures, futures.watch_klines("rb2610", "1m") as stream:
        path.write_bytes(independent(rows[:602]))
        first = await asyncio.wait_for(anext(stream), 5)
    assert datetime.fromtimestamp(first.open_time_ns / 1e9, MOMENTS[0].tzinfo) == MOMENTS[599]  # the last one there was
    assert first.time_ns - first.open_time_ns == timedelta(minutes=1).total_seconds() * 1e9
