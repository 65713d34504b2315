"""Prices of the simulated front: recorded ones byte for byte, seeded ones the same again, dates as exchanges do."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidewire import ctp
from tidewire.ctp import sim

from .sim_clients import Client, still_front


def recorded(fixtures: Path, days: int) -> Any:
    with zipfile.ZipFile(fixtures / "ctp" / "czce_AP101_tick-ctp.zip") as archive:
        parts = [
            sim.read_ticks(list(io.TextIOWrapper(archive.open(name), "ascii")))
            for name in sorted(archive.namelist())[:days]
        ]
    return np.concatenate(parts)


def list_apples(front: sim.Front) -> None:
    front.add_instrument("AP101", "CZCE", product="AP", tick=1.0, multiplier=10, price=7357.0)


def test_recorded_ticks_come_out_byte_for_byte(fixtures: Path) -> None:
    ticks = recorded(fixtures, 10)
    assert len(ticks) == 87_782
    with still_front(instruments="none") as front, Client(front, "Md") as client:
        list_apples(front)
        client.ask("ReqUserLogin")
        client.api.SubscribeMarketData(["AP101"])
        front.advance(front.feed(ticks))
        front.drain(60)
        told = client.told.all("OnRtnDepthMarketData")
        heard = np.frombuffer(b"".join(bytes(tick) for (tick,) in told), sim.struct_dtype("DepthMarketData"))
        assert len(heard) == len(ticks)
        for name in ticks.dtype.names:
            assert heard[name].tobytes() == ticks[name].tobytes(), name


def test_recorded_quotes_fill_waiting_orders(fixtures: Path) -> None:
    ticks = recorded(fixtures, 1)
    with still_front(instruments="none") as front, Client(front) as client:
        list_apples(front)
        client.log_in()
        front.feed(ticks[:100], pace=0.5)
        front.advance(51)
        ask = float(ticks[99]["AskPrice1"])
        ref = client.order("AP101", "buy", 1, ask - 3)
        assert client.life(ref) == "aa3"
        front.advance(front.feed(ticks[100:], pace=0.5))
        front.drain()
        assert client.trades(ref) == [(ask - 3, 1)]
        touching = np.flatnonzero((ticks[100:]["AskPrice1"] <= ask - 3) | (ticks[100:]["LastPrice"] < ask - 3))
        assert len(touching) > 0  # the recording does come down to our price


def seeded(seed: int, count: int = 50) -> list[bytes]:
    with sim.Front(seed=seed, clock=0) as front, Client(front, "Md") as client:
        client.ask("ReqUserLogin")
        client.api.SubscribeMarketData(["rb2610", "au2608", "SR609", "IF2607"])
        front.advance(count / 2)
        front.drain()
        return [bytes(tick) for (tick,) in client.told.all("OnRtnDepthMarketData")]


def test_the_same_seed_is_the_same_market() -> None:
    first, again, other = seeded(1), seeded(1), seeded(2)
    assert first == again
    assert first != other
    assert len(first) >= 4 * 50


def test_the_seeded_market_makes_sense() -> None:
    dtype = sim.struct_dtype("DepthMarketData")
    ticks = np.frombuffer(b"".join(seeded(4, 400)), dtype)
    for name, tick in ((b"rb2610", 1.0), (b"au2608", 0.02), (b"IF2607", 0.2)):
        rows = ticks[ticks["InstrumentID"] == name][2:]
        assert (rows["BidPrice1"] < rows["AskPrice1"]).all()
        assert (np.diff(rows["Volume"]) >= 0).all()
        assert (rows["LowestPrice"] <= rows["LastPrice"]).all()
        assert (rows["LastPrice"] <= rows["HighestPrice"]).all()
        assert np.allclose(rows["LastPrice"] / tick, np.round(rows["LastPrice"] / tick))
        assert len(set(rows["LastPrice"].tolist())) > 5
        assert (rows["AskPrice2"] > 1e300).all()  # no second level on an ordinary front
        assert set(rows["UpdateMillisec"].tolist()) == {0, 500}


@pytest.mark.parametrize(
    ("instrument", "trading", "action", "insert", "traded"),
    [
        ("rb2610", "20260706", "20260703", "20260703", "20260703"),
        ("sc2608", "20260706", "20260703", "20260703", "20260703"),
        ("m2609", "20260706", "20260706", "20260706", "20260706"),
        ("SR609", "20260703", "20260703", "20260703", "20260706"),
    ],
)
def test_dates_of_a_friday_night(instrument: str, trading: str, action: str, insert: str, traded: str) -> None:
    """3 July 2026 is a Friday: its night belongs to Monday the 6th."""
    with still_front(start=datetime.fromisoformat("2026-07-03T21:00"), market="seeded") as front:
        with Client(front, "Md") as market, Client(front) as trader:
            market.ask("ReqUserLogin")
            assert market.api.GetTradingDay() == "20260706"
            market.api.SubscribeMarketData([instrument])
            front.advance(5)
            front.drain()
            tick = market.told.all("OnRtnDepthMarketData")[-1][0]
            assert (tick.TradingDay, tick.ActionDay, tick.UpdateTime) == (trading, action, "21:00:05")
            assert tick.ExchangeID == ""
            trader.log_in()
            ref = trader.order(instrument, "buy", 1, tick.UpperLimitPrice)
            assert trader.rows(ref)[0].InsertDate == insert
            trade = trader.told.all("OnRtnTrade")[0][0]
            assert (trade.TradeDate, trade.TradingDay) == (traded, "20260706")


def test_subscriptions_end_with_the_connection(tmp_path: Path) -> None:
    with still_front() as front, Client(front, "Md") as client:
        client.ask("ReqUserLogin")
        client.api.SubscribeMarketData(["rb2610", "nothing"])
        front.drain()
        answers = client.told.all("OnRspSubMarketData")
        assert [(row.InstrumentID, info.ErrorID, last) for row, info, _, last in answers] == [
            ("rb2610", 0, False),
            ("nothing", 0, True),
        ]
        front.quote("rb2610", bid=3199, ask=3200)
        front.disconnect()
        front.advance(2)
        front.quote("rb2610", bid=3198, ask=3199)
        front.drain()
        assert len(client.told.all("OnRtnDepthMarketData")) <= 1  # the cut may have come before its delivery
        client.ask("ReqUserLogin")
        client.api.SubscribeMarketData(["rb2610"])  # answered with the present snapshot
        front.drain()
        assert client.told.all("OnRtnDepthMarketData")[-1][0].BidPrice1 == 3198
        client.api.UnSubscribeMarketData(["rb2610"])
        told = len(client.told.all("OnRtnDepthMarketData"))
        front.quote("rb2610", bid=3197, ask=3198)
        front.drain()
        assert len(client.told.all("OnRtnDepthMarketData")) == told


def test_time_runs_while_somebody_is_connected() -> None:
    with sim.Front(clock=100) as front:
        began = front.now
        with Client(front, "Md") as client:
            client.ask("ReqUserLogin")
            client.api.SubscribeMarketData(["rb2610"])
            while len(client.told.all("OnRtnDepthMarketData")) < 10:
                front.drain()
            assert (front.now - began).total_seconds() >= 4


def test_a_flood_is_counted_and_timed() -> None:
    with still_front() as front, Client(front, "Md") as client:
        client.ask("ReqUserLogin")
        client.api.SubscribeMarketData(["rb2610"])
        front.quote("rb2610", bid=3199, ask=3200)
        front.drain()
        told = len(client.told.all("OnRtnDepthMarketData"))
        front.flood("rb2610", 1000)
        front.drain()
        ticks = [tick for (tick,) in client.told.all("OnRtnDepthMarketData")][told:]
        assert [tick.Volume for tick in ticks] == list(range(1, 1001))
        assert 0 < front.flood_seconds < 10


def test_what_read_ticks_refuses() -> None:
    with pytest.raises(ValueError, match="'Price' is no field"):
        sim.read_ticks(["InstrumentID,Price", "rb2610,1"])
    assert sim.read_ticks(["InstrumentID,SettlementPrice", "rb2610,N/A"])["SettlementPrice"][0] > 1e300
    assert len(sim.read_ticks(["InstrumentID"])) == 0


def test_every_struct_has_the_layout_of_the_schema() -> None:
    for name, struct in ctp.load("sim").schema.structs.items():
        assert sim.struct_dtype(name).itemsize == struct.size
