"""Orders and fills: states, names, replays, in whatever order the returns arrive."""

from __future__ import annotations

import datetime as dt
import gc
import itertools
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.ctp.identity import Journal, Remembered, SessionKey, new_client_order_id
from tidewire.ctp.ledger import Ledger
from tidewire.ctp.order_state import advance, read_status
from tidewire.ctp.structs import structs
from tidewire.errors import InsufficientFunds, OrderRejected
from tidewire.models import OrderStatus, Side

from .layer_rows import order_row, trade_row

S = OrderStatus
SYS = "       5001"

# OrderStatus, OrderSubmitStatus -> ours. Every pair that a front sends; the rest of the cross product follows the same
# rules.
READ = {
    ("a", "0"): S.PENDING,
    ("a", "1"): S.CANCELING,
    ("3", "3"): S.OPEN,
    ("3", "1"): S.CANCELING,
    ("3", "5"): S.OPEN,
    ("1", "3"): S.PARTIAL,
    ("1", "1"): S.CANCELING,
    ("2", "3"): S.PARTIAL,
    ("4", "3"): S.PENDING,
    ("0", "3"): S.FILLED,
    ("0", "1"): S.FILLED,
    ("5", "3"): S.CANCELED,
    ("5", "0"): S.CANCELED,
    ("5", "4"): S.REJECTED,
    ("b", "0"): S.OPEN,
    ("c", "3"): S.EXPIRED,
}

# state before, state told -> state after
P, Q, T, C, F, X, R, E = (S.PENDING, S.OPEN, S.PARTIAL, S.CANCELING, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED)
ADVANCE = {
    P: {P: P, Q: Q, T: T, C: C, F: F, X: X, R: R, E: E},
    Q: {P: Q, Q: Q, T: T, C: C, F: F, X: X, R: R, E: E},
    T: {P: T, Q: T, T: T, C: C, F: F, X: X, R: R, E: E},
    C: {P: C, Q: C, T: C, C: C, F: F, X: X, R: R, E: E},
    **{final: dict.fromkeys((P, Q, T, C, F, X, R, E), final) for final in (F, X, R, E)},
}


@pytest.mark.parametrize(("codes", "status"), list(READ.items()))
def test_what_a_row_says(codes, status):
    assert read_status(*codes) is status


@pytest.mark.parametrize(("old", "new"), list(itertools.product(S, S)))
def test_a_state_never_goes_back(old, new):
    assert advance(old, new) is ADVANCE[old][new]


@pytest.mark.parametrize("told", [Q, T, P])
def test_only_a_refused_cancel_leads_back(told):
    assert advance(C, told, cancel_refused=True) is told
    assert advance(X, told, cancel_refused=True) is X
    assert advance(T, Q, cancel_refused=True) is T


LIFE = [
    order_row(),
    order_row(OrderStatus="3", OrderSubmitStatus="3", OrderSysID=SYS),
    order_row(OrderStatus="1", OrderSubmitStatus="3", OrderSysID=SYS, VolumeTraded=2),
    trade_row(),
    order_row(OrderStatus="0", OrderSubmitStatus="3", OrderSysID=SYS, VolumeTraded=5),
    trade_row(TradeID="      1002", Volume=3, Price=3005.0),
]


def play(ledger: Ledger, rows) -> list[tuple]:
    events = []
    for row in rows:
        if hasattr(row, "TradeID"):
            fill, entry = ledger.on_trade(row)
            events += [("fill", fill)] if fill else []
            events += [("order", entry.order)] if entry else []
        else:
            entry, changed = ledger.on_order(row)
            events += [("order", entry.order)] if changed else []
    return events


def test_a_whole_life():
    ledger = Ledger()
    events = play(ledger, LIFE)
    statuses = [item.status for kind, item in events if kind == "order"]
    assert statuses == [P, Q, T, T, F, F]
    order = ledger.find(order_id=f"SHFE:{SYS}").order
    assert (order.filled, order.remaining, order.average_price) == (5, 0, Decimal(3003))
    assert [fill.quantity for fill in order.fills] == [2, 3]
    assert order.fills[0].order_id == order.order_id
    assert order.side is Side.BUY
    # Evening of Monday 23 November counts for Tuesday; 21:00:01 in China is 13:00:01 UTC.
    assert str(order.trading_day) == "2026-11-24"
    assert order.created_ns == 1795438801 * 10**9
    assert order.fills[0].time_ns == 1795438802 * 10**9


def test_the_whole_day_told_again_tells_nothing_new():
    ledger = Ledger()
    play(ledger, LIFE)
    before = ledger.orders, ledger.fills
    assert play(ledger, LIFE * 3) == []
    assert (ledger.orders, ledger.fills) == before


@given(st.permutations(range(len(LIFE))), st.lists(st.integers(0, len(LIFE) - 1), max_size=8))
def test_any_order_and_any_repetition_of_returns_ends_in_the_same_state(order, again):
    straight, mixed = Ledger(), Ledger()
    play(straight, LIFE)
    events = play(mixed, [LIFE[number] for number in (*order, *again)])
    (one,), (other,) = straight.orders, mixed.orders
    assert (other.status, other.filled, other.average_price, other.order_id) == (F, 5, Decimal(3003), one.order_id)
    assert {fill.fill_id for fill in other.fills} == {fill.fill_id for fill in one.fills}
    fills = [item for kind, item in events if kind == "fill"]
    assert len(fills) == len(mixed.fills) == 2
    filled = [item.filled for kind, item in events if kind == "order"]
    assert filled == sorted(filled)


def test_a_finished_order_takes_little_room(tmp_path):
    """With its fill and all its names, as our own orders have them: 1.25 kB on CPython 3.11."""
    lib, ledger = structs("6.7.11"), Ledger()
    journal = Journal(tmp_path / "orders.jsonl", dt.date(2026, 11, 24))

    def trade(number):
        key, name = SessionKey(1, 100, str(number)), new_client_order_id()
        names = {"OrderRef": key.order_ref, "OrderLocalID": f"{number:12}", "OrderSysID": f"{number:12}"}
        terms = {**names, "OrderMemo": name, "LimitPrice": 3000.0 + number % 50}
        journal.add(Remembered(name, *key))
        ledger.sent(key, order_row(**terms), name)
        ledger.on_order(lib.Order(**vars(order_row(**{**terms, "OrderSysID": ""}))))
        for row in (order_row(**terms, OrderStatus="3"), order_row(**terms, OrderStatus="0", VolumeTraded=5)):
            entry, _ = ledger.on_order(lib.Order(**vars(row)))
            journal.learn(entry.key, entry.order.order_id)
        row = trade_row(
            TradeID=f"{number:12}", Volume=5, **{name: names[name] for name in ("OrderLocalID", "OrderSysID")}
        )
        assert ledger.on_trade(lib.Trade(**vars(row)))[1] is entry
        assert entry.unsettled == 0

    for number in range(200):
        trade(number)
    gc.collect()
    tracemalloc.start()
    for number in range(200, 1224):
        trade(number)
    gc.collect()
    each = tracemalloc.get_traced_memory()[0] / 1024
    tracemalloc.stop()
    journal.close()
    assert each < 1700


def test_a_fill_after_the_cancel_is_kept():
    ledger = Ledger()
    play(ledger, [order_row(OrderStatus="5", OrderSubmitStatus="3", OrderSysID=SYS, VolumeTraded=2)])
    (fill, entry) = ledger.on_trade(trade_row())
    assert fill is not None
    assert (entry.order.status, entry.order.filled, len(entry.order.fills)) == (X, 2, 1)


def test_a_fill_before_its_order_finds_it_by_the_seat_or_later():
    by_seat, later = Ledger(), Ledger()
    play(by_seat, [order_row()])
    assert by_seat.on_trade(trade_row())[1] is not None
    fill, entry = later.on_trade(trade_row(OrderLocalID="        99"))
    assert fill is not None
    assert entry is None
    play(later, [order_row(OrderStatus="3", OrderSubmitStatus="3", OrderSysID=SYS, OrderMemo="mine")])
    assert later.orders[0].filled == 2
    assert later.fills[0].client_order_id == "mine"


def test_the_same_numbers_on_two_exchanges_are_two_orders():
    ledger = Ledger()
    for exchange, ref in (("SHFE", "1"), ("DCE", "2")):
        ledger.on_order(order_row(ExchangeID=exchange, OrderRef=ref, OrderSysID=SYS, OrderStatus="3"))
    assert len(ledger.orders) == 2
    assert ledger.find(order_id=f"DCE:{SYS}").order.order_ref == "2"


def test_both_sides_of_a_trade_with_oneself_are_two_fills():
    ledger = Ledger()
    ledger.on_order(order_row(OrderRef="1", OrderSysID="A", OrderLocalID="1"))
    ledger.on_order(order_row(OrderRef="2", OrderSysID="B", OrderLocalID="2", Direction="1"))
    assert ledger.on_trade(trade_row(OrderSysID="A", OrderLocalID="1"))[0]
    assert ledger.on_trade(trade_row(OrderSysID="B", OrderLocalID="2", Direction="1"))[0]
    assert [order.filled for order in ledger.orders] == [2, 2]


def test_who_refused_and_why():
    ledger = Ledger()
    entry, _ = ledger.on_order(
        order_row(OrderStatus="5", OrderSubmitStatus="4", StatusMsg="已撤单报单被拒绝SHFE:最小变动价位")
    )
    assert (entry.order.status, entry.order.rejected_by, entry.order.reason) == (
        R,
        "exchange",
        "已撤单报单被拒绝SHFE:最小变动价位",
    )
    assert type(entry.error) is OrderRejected
    assert entry.error.venue == "SHFE"
    sent = ledger.sent(SessionKey(1, 100, "8"), order_row(OrderRef="8"), "mine")
    assert ledger.refuse(sent, by="ctp", error_id=31, message="CTP:资金不足")
    assert (sent.order.status, sent.order.rejected_by, sent.order.reason) == (R, "ctp", "CTP:资金不足")
    assert isinstance(sent.error, InsufficientFunds)
    assert "资金不足" in str(sent.error)
    assert not ledger.refuse(sent, by="ctp", error_id=31, message="CTP:资金不足")  # OnErrRtnOrderInsert says it again


def test_what_came_of_a_conditional_order_is_another_order():
    ledger = Ledger()
    ledger.clear([Remembered("mine", 1, 100, "7")])
    waiting = order_row(OrderStatus="b", OrderSysID="TJBD_00000001", ContingentCondition="6", StopPrice=3100.0)
    ledger.on_order(waiting)
    assert ledger.orders[0].status is Q
    assert (ledger.orders[0].trigger, ledger.orders[0].stop_price) == ("last>=", Decimal(3100))
    ledger.on_order(order_row(OrderStatus="c", OrderSysID="TJBD_00000001", ContingentCondition="6", StopPrice=3100.0))
    ledger.on_order(order_row(OrderStatus="3", OrderSysID=SYS, RelativeOrderSysID="TJBD_00000001"))
    first, second = ledger.orders
    assert first.status is E
    assert first.client_order_id == second.client_order_id == "mine"
    assert ledger.find(client_order_id="mine").order == second
    assert second.parent == first.order_id == "SHFE:TJBD_00000001"


def test_the_legs_of_a_combination_do_not_count_twice():
    ledger = Ledger()
    ledger.on_order(order_row(InstrumentID="SP a2701&a2705", OrderSysID=SYS, VolumeTraded=2, OrderStatus="1"))
    for number, leg in enumerate(("a2701", "a2705")):
        ledger.on_trade(trade_row(InstrumentID=leg, TradeID=str(number)))
    (order,) = ledger.orders
    assert (order.filled, len(order.fills), order.average_price) == (2, 2, None)


def test_the_journal_gives_back_our_names():
    ledger = Ledger()
    ledger.clear([Remembered("mine", 1, 100, "7"), Remembered("hers", 1, 100, "8", "SHFE", SYS)])
    other, _ = ledger.on_order(order_row(OrderRef="", SessionID=0, OrderSysID=SYS, OrderStatus="3"))
    assert other.order.client_order_id == "hers"
    entry, _ = ledger.on_order(order_row(), replayed=True)
    assert entry.order.client_order_id == "mine"
    assert entry.order.replayed
    assert ledger.find(client_order_id="mine") is entry


def test_cancel_on_its_way_and_back():
    ledger = Ledger()
    entry, _ = ledger.on_order(order_row(OrderStatus="3", OrderSubmitStatus="3", OrderSysID=SYS))
    assert ledger.canceling(entry)
    assert entry.order.status is C
    ledger.on_trade(trade_row())
    assert entry.order.status is C
    assert ledger.canceling(entry, refused=True)
    assert entry.order.status is T
    ledger.on_order(order_row(OrderStatus="5", OrderSubmitStatus="3", OrderSysID=SYS, VolumeTraded=2))
    assert not ledger.canceling(entry, refused=True)
    assert entry.order.status is X
