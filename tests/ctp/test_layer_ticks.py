"""Snapshots to ticks: levels, averages, sequence, staleness."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from types import SimpleNamespace

import pytest

from tidewire.ctp.models import Instrument
from tidewire.ctp.ticks import TickMaker, terms_of

NAN = math.nan
NOW = int(dt.datetime(2026, 11, 23, 13, 0, 1, tzinfo=dt.UTC).timestamp()) * 10**9  # 21:00:01 in China


def snapshot(**fields):
    base = {
        "InstrumentID": "rb2610",
        "ExchangeID": "",
        "TradingDay": "20261124",
        "ActionDay": "20261123",
        "UpdateTime": "21:00:00",
        "UpdateMillisec": 500,
        "LastPrice": 3001.0,
        "Volume": 10,
        "Turnover": 300_100.0,
        "OpenInterest": 5.0,
        "OpenPrice": 3000.0,
        "HighestPrice": 3002.0,
        "LowestPrice": 3000.0,
    }
    for name in ("ClosePrice", "SettlementPrice", "UpperLimitPrice", "LowerLimitPrice"):
        base[name] = NAN
    for name in ("PreClosePrice", "PreSettlementPrice", "PreOpenInterest"):
        base[name] = 1.0
    for level in range(1, 6):
        for side in ("Bid", "Ask"):
            base[f"{side}Price{level}"], base[f"{side}Volume{level}"] = NAN, 0
    base |= {"BidPrice1": 3000.0, "BidVolume1": 7, "AskPrice1": 3001.0, "AskVolume1": 8}
    return SimpleNamespace(**{**base, **fields})


def instrument(symbol="rb2610", exchange="SHFE", multiplier=10):
    return Instrument(
        symbol=symbol,
        exchange=exchange,
        product="",
        name="",
        kind="futures",
        multiplier=multiplier,
        tick_size=Decimal(1),
    )


def test_levels_that_do_not_exist_are_not_there():
    tick = TickMaker().make(snapshot(), NOW)
    assert (tick.bids, tick.asks) == (((3000.0, 7),), ((3001.0, 8),))
    assert (tick.bid, tick.bid_quantity, tick.ask, tick.ask_quantity) == (3000.0, 7, 3001.0, 8)
    deep = TickMaker().make(snapshot(BidPrice2=2999.0, BidVolume2=1), NOW)
    assert deep.bids == ((3000.0, 7), (2999.0, 1))
    limit = TickMaker().make(snapshot(BidPrice1=0.0, BidVolume1=0), NOW)  # limit-locked, as CZCE writes it
    assert (limit.bids, limit.bid_quantity, len(limit.asks)) == ((), 0, 1)
    assert math.isnan(limit.bid)


def test_spreads_may_trade_at_zero_and_below():
    tick = TickMaker().make(snapshot(BidPrice1=-3.0, AskPrice1=0.0), NOW)
    assert (tick.bid, tick.ask) == (-3.0, 0.0)


# turnover, volume, multiplier, low, high -> vwap
AVERAGES = [
    (300_100.0, 10, 10, 3000.0, 3002.0, 3001.0),
    (30_010.0, 10, 10, 3000.0, 3002.0, 3001.0),  # CZCE before 6.7.1: without the multiplier
    (300_100.0, 10, 5, 3000.0, 3002.0, NAN),
    (999_999.0, 10, 10, 3000.0, 3002.0, NAN),
    (0.0, 0, 10, 3000.0, 3002.0, NAN),
    (300_100.0, 10, 10, NAN, NAN, NAN),
    (-50.0, 10, 1, -6.0, -4.0, -5.0),
]


@pytest.mark.parametrize(("turnover", "volume", "multiplier", "low", "high", "average"), AVERAGES)
def test_an_average_lies_between_the_extremes(turnover, volume, multiplier, low, high, average):
    maker = TickMaker()
    maker.learn(instrument(multiplier=multiplier))
    tick = maker.make(snapshot(Turnover=turnover, Volume=volume, LowestPrice=low, HighestPrice=high), NOW)
    assert tick.vwap == average or (math.isnan(tick.vwap) and math.isnan(average))


def test_equal_time_stamps_are_told_apart_by_their_sequence():
    maker = TickMaker()
    ticks = [
        maker.make(snapshot(InstrumentID=name, UpdateMillisec=0), NOW) for name in ("SR701", "SR701", "rb2610", "SR701")
    ]
    assert [tick.sequence for tick in ticks] == [1, 2, 1, 3]
    assert ticks[0].exchange == "CZCE"


def test_only_the_first_snapshot_after_a_subscription_can_be_stale():
    maker = TickMaker()
    friday = snapshot(TradingDay="20261120", ActionDay="20261120", UpdateTime="15:00:00")
    assert maker.make(friday, NOW).stale
    assert not maker.make(snapshot(), NOW).stale
    assert not maker.make(friday, NOW).stale
    maker.subscribed("rb2610")
    assert not maker.make(snapshot(), NOW).stale
    maker.subscribed("rb2610")
    assert maker.make(snapshot(UpdateTime=""), NOW).stale


def test_the_catalogue_tells_the_exchange_even_later():
    maker = TickMaker()
    assert maker.make(snapshot(), NOW).exchange == "SHFE"
    maker.learn(instrument(exchange="INE"))
    assert maker.make(snapshot(), NOW).exchange == "INE"
    assert maker.make(snapshot(ExchangeID="SHFE"), NOW).exchange == "SHFE"


@pytest.mark.parametrize(
    ("symbol", "terms"),
    [
        ("SR701", ("CZCE", 10)),
        ("CF701C14000", ("CZCE", 0)),
        ("IF2612", ("CFFEX", 300)),
        ("rb2610", ("SHFE", 10)),
        ("sc2612", ("INE", 1000)),
        ("m2701-C-2900", ("DCE", 0)),
        ("si2701", ("GFEX", 5)),
        ("l2602F", ("DCE", 0)),
        ("IO2612-C-4000", ("", 0)),
        ("SPD SR701&SR703", ("", 0)),
        ("zz2610", ("", 0)),
    ],
)
def test_terms_without_a_catalogue(symbol, terms):
    assert terms_of(symbol) == terms
