"""Recorded ticks, through the simulated front, the binding and Market, equal the file that they came from."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from tidewire import ctp
from tidewire.ctp import sim

CHINA = dt.timezone(dt.timedelta(hours=8))
BATCH = 20_000  # unread ticks that a stream holds by default are more


def czce(fixtures: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """AP101 on ten days of 2020: the 44 columns as CTP sent them."""
    with zipfile.ZipFile(fixtures / "ctp" / "czce_AP101_tick-ctp.zip") as archive:
        for name in sorted(archive.namelist()):
            yield name, list(csv.DictReader(io.TextIOWrapper(archive.open(name), "gb18030")))


def cffex(fixtures: Path) -> list[dict[str, str]]:
    """IF2101 on a day of 2021: the columns of wondertrader, told in CTP's words."""
    names = {
        "code": "InstrumentID",
        "price": "LastPrice",
        "open": "OpenPrice",
        "high": "HighestPrice",
        "low": "LowestPrice",
        "settle": "SettlementPrice",
        "upper_limit": "UpperLimitPrice",
        "lower_limit": "LowerLimitPrice",
        "total_volume": "Volume",
        "total_turnover": "Turnover",
        "open_interest": "OpenInterest",
        "trading_date": "TradingDay",
        "action_date": "ActionDay",
        "pre_close": "PreClosePrice",
        "pre_settle": "PreSettlementPrice",
        "pre_interest": "PreOpenInterest",
    }
    for level in range(1, 6):
        for side, word in (("bid", "Bid"), ("ask", "Ask")):
            names |= {f"{side}{level}": f"{word}Price{level}", f"{side}vol{level}": f"{word}Volume{level}"}
    with gzip.open(fixtures / "ctp" / "CFFEX.IF2101_tick_20210104.csv.gz", "rt", encoding="ascii") as lines:
        rows = []
        for row in csv.DictReader(lines):
            told = {name: row[column] for column, name in names.items()}
            clock, told["UpdateMillisec"] = f"{int(row['action_time']):09d}"[:6], row["action_time"][-3:]
            told["UpdateTime"] = f"{clock[:2]}:{clock[2:4]}:{clock[4:]}"
            rows.append(told)
    return rows


def lines_of(rows: list[dict[str, str]]) -> list[str]:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().splitlines()


def replayed(rows: list[dict[str, str]], **contract) -> list[ctp.Tick]:
    """What Market makes of the rows, in batches that its reader can hold."""
    symbol = rows[0]["InstrumentID"]
    with sim.Front(clock=0, market="still", instruments="none") as front:
        front.add_instrument(symbol, **contract)
        words = {"broker_id": sim.BROKER, "user_id": "1", "password": sim.PASSWORD}
        with ctp.Market(front.address, library="sim", **words) as quotes, quotes.watch_ticks(symbol) as stream:
            first = subscribed(front, symbol, stream)
            ticks = []
            for start in range(0, len(rows), BATCH):
                part = rows[start : start + BATCH]
                front.feed(lines_of(part), pace=0)
                front.advance(1)
                ticks += [stream.next(10) for _ in part]
    assert [tick.sequence for tick in ticks] == list(range(first + 1, first + 1 + len(rows)))
    return ticks


def subscribed(front: sim.Front, symbol: str, stream: ctp.Stream[ctp.Tick]) -> int:
    """Show quotes until they arrive; return the sequence of the last."""
    shown, newest = 0, None
    while newest is None or newest.bid != shown:
        shown += 1
        assert shown < 1000, "nothing was ever subscribed"
        front.quote(symbol, bid=shown, ask=shown + 1)
        front.drain()
        with suppress(TimeoutError):
            while newest is None or newest.bid != shown:
                newest = stream.next(0.01)
    return newest.sequence


def number(text: str) -> float:
    return math.nan if text in ("N/A", "") else float(text)


@cache
def midnight_of(day: str) -> dt.datetime:
    return dt.datetime.strptime(day, "%Y%m%d").replace(tzinfo=CHINA)


FIELDS = {
    "last": "LastPrice",
    "open": "OpenPrice",
    "high": "HighestPrice",
    "low": "LowestPrice",
    "settlement": "SettlementPrice",
    "upper_limit": "UpperLimitPrice",
    "lower_limit": "LowerLimitPrice",
    "volume": "Volume",
    "turnover": "Turnover",
    "open_interest": "OpenInterest",
    "pre_close": "PreClosePrice",
    "pre_settlement": "PreSettlementPrice",
    "pre_open_interest": "PreOpenInterest",
}


def compare(tick: ctp.Tick, row: dict[str, str]) -> None:
    for field, column in FIELDS.items():
        mine, theirs = getattr(tick, field), number(row[column])
        assert mine == theirs or (math.isnan(mine) and math.isnan(theirs)), (field, row)
    for levels, side in ((tick.bids, "Bid"), (tick.asks, "Ask")):
        told = [(number(row[f"{side}Price{n}"]), int(row[f"{side}Volume{n}"])) for n in range(1, 6)]
        assert levels == tuple(level for level in told if level[1])
    midnight, (hours, minutes, seconds) = midnight_of(row["ActionDay"]), map(int, row["UpdateTime"].split(":"))
    second = int(midnight.timestamp()) + hours * 3600 + minutes * 60 + seconds
    assert tick.time_ns == second * 10**9 + int(row["UpdateMillisec"]) * 10**6
    assert tick.trading_day == midnight_of(row["TradingDay"]).date()
    assert tick.action_day == midnight.date()


def test_ten_days_of_czce(fixtures):
    count = averages = 0
    for _, rows in czce(fixtures):
        ticks = replayed(rows, exchange="CZCE", product="AP", tick=1.0, multiplier=10, price=7290.0)
        for tick, row in zip(ticks, rows, strict=True):
            compare(tick, row)
            # CZCE's turnover lacks the multiplier and its average is a true price, cut to whole yuan.
            if not math.isnan(tick.vwap):
                assert abs(tick.vwap - float(row["AveragePrice"])) <= 1.0, row
                averages += 1
        count += len(rows)
    assert count == 87_782
    assert averages > count * 0.99


def test_a_day_of_cffex(fixtures):
    rows = cffex(fixtures)
    ticks = replayed(rows, exchange="CFFEX", product="IF", tick=0.2, multiplier=300, price=5230.0)
    for tick, row in zip(ticks, rows, strict=True):
        compare(tick, row)
        assert tick.vwap == pytest.approx(float(row["Turnover"]) / int(row["Volume"]) / 300)
    assert len(ticks) == len(rows) == 27_955
