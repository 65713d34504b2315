"""Positions from rows and fills, and closes that never open."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.ctp.amounts import amount, price
from tidewire.ctp.ledger import Ledger
from tidewire.ctp.models import Hedge, Instrument, Offset, PositionSide
from tidewire.ctp.offsets import Closable, split_close
from tidewire.ctp.positions import PositionBook, merge_positions
from tidewire.errors import ConfigError, FilterViolation

from .layer_rows import order_row, position_row, trade_row

RB = Instrument(
    symbol="rb2610",
    exchange="SHFE",
    product="rb",
    name="螺纹钢2610",
    kind="futures",
    multiplier=10,
    tick_size=Decimal(1),
)
EXCHANGES = ["SHFE", "INE", "DCE", "CZCE", "CFFEX", "GFEX"]
SPECULATION, LONG, SHORT = Hedge.SPECULATION, PositionSide.LONG, PositionSide.SHORT


@pytest.mark.parametrize(
    ("double", "decimal"),
    [
        (4000.2000000000003, "4000.2"),
        (0.1 + 0.2, "0.3"),
        (3000.0, "3000"),
        (-3.5, "-3.5"),
        (1e-5, "0.00001"),
        (123456789012345.0, "123456789012345"),
        (0.0, "0"),
    ],
)
def test_doubles_are_read_as_what_they_stand_for(double, decimal):
    assert price(double) == amount(double) == Decimal(decimal)
    assert (price(math.nan), amount(math.nan)) == (None, 0)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**9), max_value=10**9))
def test_every_price_survives(number):
    assert price(float(number)) == number


def test_two_rows_of_shfe_are_one_position():
    rows = [
        position_row(PositionDate="1", Position=3, TodayPosition=3, ShortFrozen=1, OpenCost=90_300.0, UseMargin=10.0),
        position_row(
            PositionDate="2", YdPosition=9, Position=4, ShortFrozen=2, OpenCost=119_700.0, PositionCost=120_000.0
        ),
        position_row(PosiDirection="3", PositionDate="2", YdPosition=2),
        position_row(InstrumentID="au2612", PosiDirection="3", Position=1, TodayPosition=1, LongFrozen=1),
    ]
    long, gold = merge_positions(rows, {"rb2610": RB}.get)
    assert (long.side, long.quantity, long.today, long.yesterday) == (LONG, 7, 3, 4)
    assert (long.frozen, long.frozen_today, long.frozen_yesterday) == (3, 1, 2)
    assert (long.closable, long.closable_today, long.closable_yesterday) == (4, 2, 2)
    assert long.entry_price == Decimal(3000)  # 210,000 for 7 lots of 10
    assert long.margin == Decimal(10)
    assert (gold.side, gold.frozen, gold.entry_price) == (SHORT, 1, None)


def test_one_row_of_dce_tells_both_days():
    (row,) = merge_positions(
        [
            position_row(
                ExchangeID="DCE", InstrumentID="m2701", Position=7, TodayPosition=3, YdPosition=6, ShortFrozen=2
            )
        ],
        lambda symbol: None,
    )
    assert (row.quantity, row.today, row.yesterday, row.frozen, row.closable) == (7, 3, 4, 2, 5)


# exchange, asked, closable -> legs
SPLITS = [
    ("SHFE", 3, Closable(5, 2, 3), "yesterday", [(Offset.CLOSE_YESTERDAY, 3)]),
    ("SHFE", 4, Closable(5, 2, 3), "yesterday", [(Offset.CLOSE_YESTERDAY, 3), (Offset.CLOSE_TODAY, 1)]),
    ("SHFE", 4, Closable(5, 2, 3), "today", [(Offset.CLOSE_TODAY, 2), (Offset.CLOSE_YESTERDAY, 2)]),
    ("INE", 2, Closable(2, 2, 0), "yesterday", [(Offset.CLOSE_TODAY, 2)]),
    ("DCE", 4, Closable(5, 2, 3), "yesterday", [(Offset.CLOSE, 4)]),
    ("CFFEX", 5, Closable(5, 5, 0), "today", [(Offset.CLOSE, 5)]),
]


@pytest.mark.parametrize(("exchange", "asked", "closable", "prefer", "legs"), SPLITS)
def test_splits(exchange, asked, closable, prefer, legs):
    assert split_close("x", exchange, asked, closable, prefer=prefer) == legs


@given(
    st.sampled_from(EXCHANGES),
    st.integers(1, 50),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from(["today", "yesterday"]),
)
def test_auto_never_opens_and_never_exceeds(exchange, asked, today, yesterday, prefer):
    closable = Closable(today + yesterday, today, yesterday)
    if asked > today + yesterday:
        with pytest.raises(FilterViolation, match="never opens"):
            split_close("x", exchange, asked, closable, prefer=prefer)
        return
    legs = split_close("x", exchange, asked, closable, prefer=prefer)
    assert sum(lots for _, lots in legs) == asked <= today + yesterday
    assert all(lots > 0 and offset is not Offset.OPEN for offset, lots in legs)
    taken = dict(legs)
    assert taken.get(Offset.CLOSE_TODAY, 0) <= today
    assert taken.get(Offset.CLOSE_YESTERDAY, 0) <= yesterday
    assert (Offset.CLOSE in taken) == (exchange not in ("SHFE", "INE"))


def test_words_of_preference():
    with pytest.raises(ConfigError, match="prefer"):
        split_close("x", "SHFE", 1, Closable(1, 1, 0), prefer="cheapest")


class Exchange:
    """A slow, obvious model: every lot is an object with its day."""

    def __init__(self, exchange: str, yesterday: int) -> None:
        self.exchange = exchange
        self.lots = ["yesterday"] * yesterday
        self.began = yesterday
        self.ledger, self.book, self.number = Ledger(), PositionBook(), 0
        self.book.restate(self.rows(), quiet=True)

    def rows(self):
        today, yesterday = self.lots.count("today"), self.lots.count("yesterday")
        fields = {"ExchangeID": self.exchange}
        if self.exchange in ("SHFE", "INE"):
            return [
                position_row(**fields, PositionDate="1", Position=today, TodayPosition=today),
                position_row(**fields, PositionDate="2", Position=yesterday, YdPosition=self.began),
            ]
        return [position_row(**fields, Position=today + yesterday, TodayPosition=today, YdPosition=self.began)]

    def trade(self, offset: str, lots: int) -> None:
        for _ in range(lots):
            if offset == "0":
                self.lots.append("today")
            elif self.exchange in ("SHFE", "INE"):
                self.lots.remove("today" if offset == "3" else "yesterday")
            else:
                self.lots.pop(0)
        self.number += 1
        direction = "0" if offset == "0" else "1"
        row = trade_row(
            ExchangeID=self.exchange, TradeID=str(self.number), Direction=direction, OffsetFlag=offset, Volume=lots
        )
        self.ledger.on_trade(row)
        self.book.on_fill(self.ledger.fills[-1])

    def closable(self) -> Closable:
        return self.book.closable("rb2610", self.exchange, LONG, SPECULATION, self.ledger.unsettled())


@given(
    st.sampled_from(EXCHANGES), st.integers(0, 9), st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=12)
)
def test_the_book_agrees_with_the_obvious_model(exchange, yesterday, moves):
    model = Exchange(exchange, yesterday)
    for opens, lots in moves:
        if opens:
            model.trade("0", lots)
            continue
        try:
            legs = split_close("rb2610", exchange, lots, model.closable())
        except FilterViolation:
            assert lots > len(model.lots)
            continue
        for offset, part in legs:
            model.trade({Offset.CLOSE: "1", Offset.CLOSE_TODAY: "3", Offset.CLOSE_YESTERDAY: "4"}[offset], part)
        assert model.closable().total == len(model.lots)
    assert model.book.restate(model.rows(), quiet=False)  # what the front says is what we have


def test_working_closes_hold_their_lots():
    model = Exchange("SHFE", 3)
    model.trade("0", 2)
    fields = {"Direction": "1", "VolumeTotalOriginal": 2, "OrderStatus": "3"}
    model.ledger.on_order(order_row(OrderRef="1", CombOffsetFlag="4", **fields))
    model.ledger.on_order(order_row(OrderRef="2", CombOffsetFlag="3", VolumeTraded=1, **fields))
    model.ledger.on_order(order_row(OrderRef="3", CombOffsetFlag="0", **fields))
    model.ledger.on_order(order_row(OrderRef="4", CombOffsetFlag="1", CombHedgeFlag="3", **fields))
    # Of the second, one lot is filled, of which the trade has not been told: the order still holds both.
    assert model.closable() == Closable(1, 0, 1)


def test_an_order_that_is_filled_holds_its_lots_until_its_trades_are_told():
    """The front tells an order's end before the trade that ended it."""
    model = Exchange("SHFE", 0)
    model.trade("0", 3)
    model.ledger.on_order(
        order_row(
            OrderRef="1", CombOffsetFlag="3", Direction="1", VolumeTotalOriginal=2, VolumeTraded=2, OrderStatus="0"
        )
    )
    assert model.closable() == Closable(1, 1, 0)


def test_a_difference_counts_when_two_queries_show_it():
    model = Exchange("SHFE", 3)
    exercised = [position_row(PositionDate="2", Position=1, YdPosition=3)]
    assert not model.book.restate(exercised, quiet=True)
    assert model.closable().yesterday == 3
    assert not model.book.restate(exercised, quiet=False)  # a fill came meanwhile: it proves nothing
    assert not model.book.restate(exercised, quiet=True)
    assert model.book.restate(exercised, quiet=True)
    assert model.closable() == Closable(1, 0, 1)
    assert model.book.restate(exercised, quiet=True)


def test_a_position_that_is_gone_has_no_row():
    model = Exchange("DCE", 2)
    model.trade("1", 2)
    assert model.book.restate([], quiet=True)
    assert model.closable().total == 0
