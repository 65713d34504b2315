"""Orders on the simulated exchanges: their states, their fills, and who says no and how."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tidewire.ctp import sim

from .sim_clients import USER, Client, still_front

FAK = {"TimeCondition": "1"}
FOK = {"TimeCondition": "1", "VolumeCondition": "3"}
MARKET = {"OrderPriceType": "1", "TimeCondition": "1"}


@pytest.fixture
def front() -> Any:
    with still_front() as made:
        made.quote("rb2610", bid=3199, ask=3201)
        yield made


@pytest.fixture
def trader(front: sim.Front) -> Any:
    with Client(front) as client:
        client.log_in()
        yield client


def refusal(client: Client) -> tuple[int, int]:
    """What CTP itself answered last, and what it told all sessions."""
    answer = client.told.all("OnRspOrderInsert")[-1]
    told = client.told.all("OnErrRtnOrderInsert")[-1]
    assert bytes(answer[0]) == bytes(told[0])
    return answer[1].ErrorID, told[1].ErrorID


def test_a_limit_order_rests_fills_in_parts_and_is_cancelled(front: sim.Front, trader: Client) -> None:
    ref = trader.order("rb2610", "buy", 10, 3200.0)
    assert trader.life(ref) == "aa3"  # 'a' twice, byte for byte the same
    assert bytes(trader.rows(ref)[0]) == bytes(trader.rows(ref)[1])
    front.quote("rb2610", bid=3199, ask=3200, ask_volume=4)  # somebody sells four at our price
    front.drain()
    assert trader.trades(ref) == [(3200.0, 4)]
    trader.cancel(trader.rows(ref)[-1])
    assert trader.life(ref) == "aa315"
    last = trader.rows(ref)[-1]
    assert (last.VolumeTraded, last.VolumeTotal, last.StatusMsg) == (4, 6, "已撤单")
    assert last.OrderSysID == "1".rjust(12)
    assert (last.OrderLocalID, last.FrontID) == ("1".rjust(12), 1)


def test_the_better_price_first_and_then_the_earlier(front: sim.Front, trader: Client) -> None:
    first, best, second = (trader.order("rb2610", "buy", 2, price) for price in (3199.0, 3200.0, 3199.0))
    front.quote("rb2610", bid=3190, ask=3199, ask_volume=5)
    front.drain()
    assert [trader.trades(ref) for ref in (first, best, second)] == [[(3199.0, 2)], [(3200.0, 2)], [(3199.0, 1)]]


def test_a_trade_of_ones_own_two_orders(trader: Client) -> None:
    buy = trader.order("rb2610", "buy", 3, 3200.0)
    sell = trader.order("rb2610", "sell", 3, 3200.0)
    trades = [trade for (trade,) in trader.told.all("OnRtnTrade")]
    assert trades[0].TradeID == trades[1].TradeID
    assert {trade.Direction for trade in trades} == {"0", "1"}
    assert trader.life(buy) == trader.life(sell) == "aa30"


def test_fill_and_kill_ends_before_its_trades_are_told(front: sim.Front, trader: Client) -> None:
    ref = trader.order("rb2610", "buy", 15, 3201.0, **FAK)
    assert trader.life(ref) == "aa315"
    assert trader.trades(ref) == [(3201.0, 10)]
    names = trader.told.names()
    assert names[-2:] == ["OnRtnOrder", "OnRtnTrade"]
    assert trader.rows(ref)[-1].VolumeTraded == 10


def test_fill_or_kill_and_a_least_volume(trader: Client) -> None:
    assert trader.life(trader.order("rb2610", "buy", 11, 3201.0, **FOK)) == "aa35"
    assert trader.life(trader.order("rb2610", "buy", 12, 3201.0, **FAK, VolumeCondition="2", MinVolume=11)) == "aa35"
    assert trader.life(trader.order("rb2610", "buy", 10, 3201.0, **FOK)) == "aa30"
    assert trader.told.all("OnRtnTrade")[0][0].Volume == 10


def test_market_orders_where_the_exchange_takes_them(front: sim.Front, trader: Client) -> None:
    front.quote("m2609", bid=3000, ask=3001, ask_volume=2)
    refused = trader.rows(trader.order("rb2610", "buy", 1, 0.0, **MARKET))[-1]
    assert (refused.OrderStatus, refused.OrderSubmitStatus) == ("5", "4")
    assert refused.StatusMsg.startswith("已撤单报单被拒绝")
    ref = trader.order("m2609", "buy", 3, 0.0, **MARKET)
    assert trader.life(ref) == "aa315"
    assert trader.trades(ref) == [(3001.0, 2)]
    front.quote("IF2607", bid=4600, ask=4600.4)
    assert trader.life(trader.order("IF2607", "buy", 1, 0.0, OrderPriceType="3", TimeCondition="1")) == "aa30"
    assert trader.life(trader.order("m2609", "buy", 1, 0.0, OrderPriceType="G", TimeCondition="1")) == "aa5"


def test_prices_between_two_ticks(front: sim.Front, trader: Client) -> None:
    assert trader.life(trader.order("rb2610", "buy", 1, 3200.5)) == "aa5"
    front.quote("SR609", bid=5800, ask=5801)
    cut = trader.rows(trader.order("SR609", "buy", 1, 5799.7))[-1]  # CZCE takes it, cut
    assert (cut.OrderStatus, cut.LimitPrice) == ("3", 5799.0)


def test_the_exchange_rejects(front: sim.Front, trader: Client) -> None:
    front.quote("c2609", bid=2350, ask=2351)
    for instrument, side, volume, price in (
        ("rb2610", "sell", 1, 9999.0),
        ("rb2610", "buy", 1, 1.0),
        ("c2609", "buy", 501, 2350.0),
    ):
        last = trader.rows(trader.order(instrument, side, volume, price))[-1]
        assert (last.OrderStatus, last.OrderSubmitStatus, last.OrderSysID.strip()) == ("5", "4", "")
    front.fail_next("exchange order")
    assert trader.rows(trader.order("rb2610", "buy", 1, 3200.0))[-1].StatusMsg == "已撤单报单被拒绝:模拟的拒单"
    assert front.account(USER)["FrozenMargin"] == 0
    assert trader.told.all("OnRspOrderInsert") == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"InstrumentID": "rb9999"}, 16),
        ({"ExchangeID": "DCE"}, 16),
        ({"VolumeTotalOriginal": 0}, 15),
        ({"LimitPrice": -1.0}, 15),
        ({"LimitPrice": 1e13}, 15),
        ({"Direction": "9"}, 15),
        ({"CombOffsetFlag": "9"}, 15),
        ({"InvestorID": "somebody"}, 15),
        ({"OrderRef": "x"}, 15),
        ({"VolumeTotalOriginal": 500, "LimitPrice": 3300.0}, 31),
        ({"CombOffsetFlag": "3"}, 50),
        ({"CombOffsetFlag": "1"}, 51),
        ({"CombOffsetFlag": "4"}, 51),
    ],
)
def test_ctp_itself_refuses(trader: Client, fields: dict[str, Any], error: int) -> None:
    trader.order("rb2610", "buy", 1, 3200.0, **fields)
    assert refusal(trader) == (error, error)
    assert trader.told.all("OnRtnOrder") == []


def test_orders_before_the_settlement_is_confirmed(front: sim.Front) -> None:
    with Client(front) as client:
        client.ask("ReqAuthenticate", BrokerID=sim.BROKER, UserID=USER, AppID="app", AuthCode="code")
        client.ask("ReqUserLogin", BrokerID=sim.BROKER, UserID=USER, Password="secret")
        client.order("rb2610", "buy", 1, 3200.0)
        assert refusal(client) == (42, 42)


def test_order_refs_only_grow(trader: Client) -> None:
    assert trader.life(trader.order("rb2610", "buy", 1, 3190.0, OrderRef="10")) == "aa3"
    for ref in ("10", "9", "         10"):
        trader.order("rb2610", "buy", 1, 3190.0, OrderRef=ref)
        assert refusal(trader) == (22, 22)
    trader.order("rb2610", "buy", 1, 3190.0, OrderRef="")
    assert trader.told.all("OnRtnOrder")[-1][0].OrderRef.strip() == "11"


def test_other_sessions_hear_returns_but_not_answers(front: sim.Front, trader: Client) -> None:
    with Client(front) as other:
        answer = other.log_in()
        ref = trader.order("rb2610", "buy", 1, 3190.0)
        assert other.life(ref) == "aa3"
        trader.order("rb2610", "buy", 0, 3190.0)
        assert other.told.all("OnRspOrderInsert") == []
        assert [info.ErrorID for _, info in other.told.all("OnErrRtnOrderInsert")] == [15]
        assert answer.SessionID != other.rows(ref)[0].SessionID
        other.cancel(trader.rows(ref)[-1])  # by the exchange's number
        assert trader.life(ref) == other.life(ref) == "aa35"


def test_cancels_that_ctp_refuses(trader: Client) -> None:
    order = trader.rows(trader.order("rb2610", "buy", 1, 3190.0))[-1]
    trader.cancel(order, OrderSysID="77", OrderRef="")
    trader.cancel(order, ActionFlag="3")
    trader.cancel(order)
    trader.cancel(order)
    assert [info.ErrorID for _, info, *_ in trader.told.all("OnRspOrderAction")] == [25, 23, 26]
    assert [info.ErrorID for _, info in trader.told.all("OnErrRtnOrderAction")] == [25, 23, 26]


def test_a_cancel_by_session_and_reference(trader: Client) -> None:
    ref = trader.order("rb2610", "buy", 1, 3190.0)
    order = trader.rows(ref)[-1]
    session = {"FrontID": order.FrontID, "SessionID": order.SessionID, "OrderRef": f" {ref} "}
    trader.ask("ReqOrderAction", ActionFlag="0", InstrumentID="rb2610", **session)
    assert trader.life(ref) == "aa35"


def test_a_cancel_that_the_exchange_rejects(front: sim.Front, trader: Client) -> None:
    ref = trader.order("rb2610", "buy", 1, 3190.0)
    front.fail_next("exchange cancel")
    trader.cancel(trader.rows(ref)[-1])
    last = trader.rows(ref)[-1]
    assert (last.OrderStatus, last.OrderSubmitStatus) == ("3", "5")
    assert trader.told.all("OnRspOrderAction") == []
    assert len(trader.told.all("OnErrRtnOrderAction")) == 1


def test_an_order_on_its_way_is_unknown(front: sim.Front, trader: Client) -> None:
    front.quote("SR609", bid=5800, ask=5801)
    front.delay_exchanges(0.2)
    here, there = trader.order("rb2610", "buy", 1, 3190.0), trader.order("SR609", "buy", 1, 5790.0)
    assert trader.life(here) == trader.life(there) == "aa"
    for ref in (here, there):
        order = trader.rows(ref)[-1]
        own = {"FrontID": order.FrontID, "SessionID": order.SessionID, "OrderRef": ref}
        trader.cancel(order, OrderSysID="", **own)
    front.advance(1)
    front.drain()
    assert trader.life(here) == "aa35"
    assert trader.life(there) == "aaa3"  # CZCE cancels nothing that it does not know yet


def test_a_conditional_order_waits_for_its_price(front: sim.Front, trader: Client) -> None:
    ref = trader.order("rb2610", "buy", 2, 3210.0, ContingentCondition="5", StopPrice=3205.0)
    assert trader.life(ref) == "aab"
    front.quote("rb2610", bid=3204, ask=3206, last=3205)
    front.drain()
    assert trader.life(ref) == "aab"
    front.quote("rb2610", bid=3205, ask=3207, last=3206)
    front.drain()
    assert trader.life(ref) == "aabca30"
    waiting, new = trader.rows(ref)[2], trader.rows(ref)[-1]
    assert waiting.OrderSysID.startswith("TJBD_")
    assert new.RelativeOrderSysID == waiting.OrderSysID
    assert trader.trades(ref) == [(3207.0, 2)]


def test_a_conditional_order_is_cancelled(front: sim.Front, trader: Client) -> None:
    ref = trader.order("rb2610", "buy", 2, 3210.0, ContingentCondition="8", StopPrice=3000.0)
    trader.cancel(trader.rows(ref)[-1])
    front.quote("rb2610", bid=2998, ask=2999, last=2999)
    front.drain()
    assert trader.life(ref) == "aab5"
    assert front.account(USER)["FrozenMargin"] == 0


def test_orders_and_trades_are_queried_as_they_were_told(front: sim.Front, trader: Client) -> None:
    for volume in (1, 2):
        trader.order("rb2610", "buy", volume, 3201.0)
    trader.order("rb2610", "buy", 1, 3190.0)
    trader.ask("ReqQryOrder", BrokerID=sim.BROKER, InvestorID=USER)
    trader.ask("ReqQryTrade", BrokerID=sim.BROKER, InvestorID=USER, InstrumentID="rb2610")
    queried = [bytes(row) for row, *_ in trader.told.all("OnRspQryOrder")]
    assert queried == [bytes(trader.rows(ref)[-1]) for ref in ("1", "2", "3")]
    assert [bytes(row) for row, *_ in trader.told.all("OnRspQryTrade")] == [
        bytes(row) for (row,) in trader.told.all("OnRtnTrade")
    ]
    assert [last for *_, last in trader.told.all("OnRspQryOrder")] == [False, False, True]
    trader.ask("ReqQryTrade", InstrumentID="au2608")
    assert trader.told.all("OnRspQryTrade")[-1][0] is None


def test_sessions_of_the_exchanges_when_hours_are_kept() -> None:
    with (
        still_front(hours="sessions", start=datetime.fromisoformat("2026-07-01T09:15")) as front,
        Client(front) as client,
    ):
        client.log_in()
        for instrument, price in (("rb2610", 3200.0), ("IF2607", 4600.0)):
            front.quote(instrument, bid=price, ask=price + 10)
        assert client.life(client.order("rb2610", "buy", 1, 3199.0)) == "aa3"
        assert client.life(client.order("IF2607", "buy", 1, 4599.0)) == "aa5"  # CFFEX opens at 09:30
        front.advance(16 * 60)
        assert client.life(client.order("IF2607", "buy", 1, 4599.0)) == "aa3"
