"""Rows as a front sends them, for tests of the pleasant layer without a library."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

ORDER = {
    "FrontID": 1,
    "SessionID": 100,
    "OrderRef": "           7",
    "ExchangeID": "SHFE",
    "OrderSysID": "",
    "TraderID": "seat1",
    "OrderLocalID": "         11",
    "InstrumentID": "rb2610",
    "Direction": "0",
    "CombOffsetFlag": "0",
    "CombHedgeFlag": "1",
    "OrderPriceType": "2",
    "LimitPrice": 3000.0,
    "StopPrice": 0.0,
    "ContingentCondition": "1",
    "TimeCondition": "3",
    "VolumeCondition": "1",
    "VolumeTotalOriginal": 5,
    "VolumeTraded": 0,
    "OrderStatus": "a",
    "OrderSubmitStatus": "0",
    "StatusMsg": "",
    "OrderMemo": "",
    "RelativeOrderSysID": "",
    "TradingDay": "20261124",
    "InsertDate": "20261123",
    "InsertTime": "21:00:01",
    "UpdateTime": "",
    "CancelTime": "",
}

TRADE = {
    "ExchangeID": "SHFE",
    "TradeID": "      1001",
    "Direction": "0",
    "OrderSysID": "       5001",
    "TraderID": "seat1",
    "OrderLocalID": "         11",
    "InstrumentID": "rb2610",
    "OffsetFlag": "0",
    "HedgeFlag": "1",
    "Price": 3000.0,
    "Volume": 2,
    "TradingDay": "20261124",
    "TradeDate": "20261123",
    "TradeTime": "21:00:02",
}

POSITION = {
    "InstrumentID": "rb2610",
    "ExchangeID": "SHFE",
    "PosiDirection": "2",
    "HedgeFlag": "1",
    "PositionDate": "1",
    "YdPosition": 0,
    "Position": 0,
    "TodayPosition": 0,
    "LongFrozen": 0,
    "ShortFrozen": 0,
    "OpenCost": 0.0,
    "PositionCost": 0.0,
    "UseMargin": 0.0,
    "CloseProfit": 0.0,
    "PositionProfit": 0.0,
    "Commission": 0.0,
    "CombPosition": 0,
}


def order_row(**fields: Any) -> SimpleNamespace:
    """An OnRtnOrder row."""
    return _row(ORDER, fields)


def trade_row(**fields: Any) -> SimpleNamespace:
    """An OnRtnTrade row."""
    return _row(TRADE, fields)


def position_row(**fields: Any) -> SimpleNamespace:
    """A row of ReqQryInvestorPosition."""
    return _row(POSITION, fields)


def _row(base: dict[str, Any], fields: dict[str, Any]) -> SimpleNamespace:
    assert not fields.keys() - base.keys(), fields.keys() - base.keys()
    return SimpleNamespace(**{**base, **fields})
