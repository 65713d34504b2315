"""A trading day of the openctp-ctp package, told as JSON lines; run by test_openctp_on_sim.py in its own process."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from openctp_ctp import mdapi, tdapi

from tidewire.ctp import sim

WAIT = 20.0


class Steps:
    """Events by name, with what came along."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seen: dict[str, list[Any]] = {}

    def saw(self, name: str, what: Any = None) -> None:
        with self._changed:
            self._seen.setdefault(name, []).append(what)
            self._changed.notify_all()

    def wait(self, name: str, count: int = 1) -> list[Any]:
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._seen.get(name, ())) >= count, WAIT):
                raise TimeoutError(f"{name}: {self._seen}")
            return list(self._seen[name])


steps = Steps()


class Prices(mdapi.CThostFtdcMdSpi):
    def OnFrontConnected(self) -> None:
        steps.saw("market connected")

    def OnRspUserLogin(self, login: Any, info: Any, request: int, last: bool) -> None:
        steps.saw("market login", info.ErrorID)

    def OnRtnDepthMarketData(self, tick: Any) -> None:
        steps.saw("tick", (tick.InstrumentID, tick.LastPrice, tick.AskPrice1, tick.Volume))


class Desk(tdapi.CThostFtdcTraderSpi):
    def OnFrontConnected(self) -> None:
        steps.saw("trader connected")

    def OnRspAuthenticate(self, answer: Any, info: Any, request: int, last: bool) -> None:
        steps.saw("authenticated", info.ErrorID)

    def OnRspUserLogin(self, login: Any, info: Any, request: int, last: bool) -> None:
        steps.saw("trader login", (login.TradingDay, login.SessionID, info.ErrorID))

    def OnRspSettlementInfoConfirm(self, answer: Any, info: Any, request: int, last: bool) -> None:
        steps.saw("confirmed", info.ErrorID)

    def OnRspQryInstrument(self, row: Any, info: Any, request: int, last: bool) -> None:
        steps.saw("instrument", (row.InstrumentID, row.ExchangeID, row.InstrumentName, row.PriceTick))
        if last:
            steps.saw("instruments end")

    def OnRspOrderInsert(self, order: Any, info: Any, request: int, last: bool) -> None:
        steps.saw("refused", (info.ErrorID, info.ErrorMsg))

    def OnErrRtnOrderInsert(self, order: Any, info: Any) -> None:
        steps.saw("refused return", info.ErrorID)

    def OnRtnOrder(self, order: Any) -> None:
        steps.saw(f"order {order.OrderRef.strip()} {order.OrderStatus}", order.VolumeTraded)

    def OnRtnTrade(self, trade: Any) -> None:
        steps.saw("trade", (trade.OrderRef.strip(), trade.Price, trade.Volume))

    def OnRspQryInvestorPosition(self, row: Any, info: Any, request: int, last: bool) -> None:
        if row is not None:
            steps.saw("position", (row.InstrumentID, row.PosiDirection, row.PositionDate, row.Position, row.UseMargin))
        if last:
            steps.saw("positions end")


def order(ref: int, price: float, volume: int, offset: str = "0") -> Any:
    field = tdapi.CThostFtdcInputOrderField()
    field.BrokerID, field.InvestorID, field.InstrumentID, field.ExchangeID = sim.BROKER, "u1", "rb2610", "SHFE"
    field.OrderRef, field.OrderPriceType, field.LimitPrice = str(ref), "2", price
    field.Direction, field.CombOffsetFlag, field.CombHedgeFlag = "0", offset, "1"
    field.VolumeTotalOriginal, field.TimeCondition, field.VolumeCondition, field.MinVolume = volume, "3", "1", 1
    field.ContingentCondition, field.ForceCloseReason = "1", "0"
    return field


def main(flow: str) -> None:
    front = sim.Front(seed=3, clock=20)
    front.add_user(sim.BROKER, "u1", "secret", app_id="app", auth_code="code")
    said: dict[str, Any] = {"version": tdapi.CThostFtdcTraderApi.GetApiVersion()}

    market = mdapi.CThostFtdcMdApi.CreateFtdcMdApi(flow + "m_")
    prices = Prices()
    market.RegisterSpi(prices)
    market.RegisterFront(front.address)
    market.Init()
    steps.wait("market connected")
    market.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(), 1)
    steps.wait("market login")
    market.SubscribeMarketData([b"rb2610"], 1)
    said["ticks"] = steps.wait("tick", 20)

    trader = tdapi.CThostFtdcTraderApi.CreateFtdcTraderApi(flow + "t_")
    desk = Desk()
    trader.RegisterSpi(desk)
    trader.RegisterFront(front.address)
    trader.SubscribePrivateTopic(tdapi.THOST_TERT_QUICK)
    trader.Init()
    steps.wait("trader connected")
    authentication = tdapi.CThostFtdcReqAuthenticateField()
    authentication.BrokerID, authentication.UserID = sim.BROKER, "u1"
    authentication.AppID, authentication.AuthCode = "app", "wrong"
    trader.ReqAuthenticate(authentication, 1)
    steps.wait("authenticated")
    authentication.AuthCode = "code"
    trader.ReqAuthenticate(authentication, 2)
    said["authenticated"] = steps.wait("authenticated", 2)
    login = tdapi.CThostFtdcReqUserLoginField()
    login.BrokerID, login.UserID, login.Password = sim.BROKER, "u1", "secret"
    trader.ReqUserLogin(login, 3)
    said["login"] = steps.wait("trader login")[0]
    trader.ReqOrderInsert(order(1, 3300.0, 10), 4)
    said["unconfirmed"] = steps.wait("refused")[0]
    steps.wait("refused return")
    confirmation = tdapi.CThostFtdcSettlementInfoConfirmField()
    confirmation.BrokerID, confirmation.InvestorID = sim.BROKER, "u1"
    trader.ReqSettlementInfoConfirm(confirmation, 5)
    steps.wait("confirmed")

    trader.ReqQryInstrument(tdapi.CThostFtdcQryInstrumentField(), 6)
    steps.wait("instruments end")
    said["instruments"] = steps.wait("instrument")

    trader.ReqOrderInsert(order(2, 3400.0, 10), 7)
    steps.wait("order 2 0")
    trader.ReqOrderInsert(order(3, 3000.0, 4), 8)
    steps.wait("order 3 3")
    action = tdapi.CThostFtdcInputOrderActionField()
    action.BrokerID, action.InvestorID, action.ActionFlag = sim.BROKER, "u1", "0"
    action.FrontID, action.SessionID, action.OrderRef = 1, said["login"][1], "3"
    action.ExchangeID, action.InstrumentID = "SHFE", "rb2610"
    trader.ReqOrderAction(action, 9)
    steps.wait("order 3 5")
    said["trades"] = steps.wait("trade")

    for attempt in range(100):  # the front's own pace: one query a simulated second
        if trader.ReqQryInvestorPosition(tdapi.CThostFtdcQryInvestorPositionField(), 10 + attempt) == 0:
            break
        threading.Event().wait(0.05)
    steps.wait("positions end")
    said["positions"] = steps.wait("position")
    keys = ("InstrumentID", "PosiDirection", "PositionDate", "Position", "UseMargin")
    said["front positions"] = [[row[key] for key in keys] for row in front.positions("u1")]

    trader.Release()
    market.Release()
    front.close()
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1])
