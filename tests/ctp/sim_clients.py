"""Clients of the simulated front that note what they are told. With a still clock a test asks, drains and looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from tidewire import ctp
from tidewire.ctp import sim

USER, SECRET = "u1", "secret"


class Told:
    """Every callback, in order, as (name, arguments)."""

    def __init__(self, kind: str) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        for method in ctp.load("sim").schema.classes[f"{kind}Spi"]:
            setattr(self, method.name, self._noter(method.name))

    def _noter(self, name: str) -> Any:
        return lambda *arguments: self.events.append((name, arguments))

    def all(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for told, arguments in self.events if told == name]

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


class Client:
    """One API instance on a front; ``kind`` is ``"Md"`` or ``"Trader"``."""

    def __init__(
        self, front: sim.Front, kind: str = "Trader", *, flow: Path | None = None, mode: str = "RESTART"
    ) -> None:
        self.front, self.lib, self.told = front, ctp.load("sim"), Told(kind)
        self.api: Any = self.lib.TraderApi(flow) if kind == "Trader" else self.lib.MdApi(flow)
        self.api.RegisterSpi(self.told)
        self.api.RegisterFront(front.address)
        if kind == "Trader":
            self.api.SubscribePrivateTopic(mode)
            self.api.SubscribePublicTopic("NONE")
        self.api.Init(timeout=20)
        self._requests = 0
        self._ref = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()

    def ask(self, method: str, **fields: Any) -> int:
        """Make a request and wait for everything that comes of it."""
        code = self.send(method, **fields)
        self.front.drain()
        return code

    def send(self, method: str, **fields: Any) -> int:
        self._requests += 1
        kinds = {
            "ReqAuthenticate": "ReqAuthenticate", "ReqUserLogin": "ReqUserLogin", "ReqUserLogout": "UserLogout",
            "ReqUserPasswordUpdate": "UserPasswordUpdate", "ReqSettlementInfoConfirm": "SettlementInfoConfirm",
            "ReqOrderInsert": "InputOrder", "ReqOrderAction": "InputOrderAction",
        }  # fmt: skip
        struct = kinds.get(method) or method.removeprefix("Req")
        return int(getattr(self.api, method)(getattr(self.lib, struct)(**fields), self._requests))

    def log_in(self, user: str = USER, password: str = SECRET) -> Any:
        """Authenticate, log in and confirm; return OnRspUserLogin's answer."""
        self.ask("ReqAuthenticate", BrokerID=sim.BROKER, UserID=user, AppID="app", AuthCode="code")
        self.ask("ReqUserLogin", BrokerID=sim.BROKER, UserID=user, Password=password)
        self.ask("ReqSettlementInfoConfirm", BrokerID=sim.BROKER, InvestorID=user)
        answer, info, *_ = self.told.all("OnRspUserLogin")[-1]
        assert info.ErrorID == 0, info
        return answer

    def order(self, instrument: str, side: str, volume: int, price: float, **fields: Any) -> str:
        """Send a limit order, good for the day, to open; return its OrderRef."""
        self._ref += 1
        exchange = next(row["ExchangeID"] for row in self.front.instruments() if row["InstrumentID"] == instrument)
        given = {
            "BrokerID": sim.BROKER, "InvestorID": USER, "InstrumentID": instrument, "ExchangeID": exchange,
            "OrderRef": str(self._ref), "OrderPriceType": "2", "Direction": {"buy": "0", "sell": "1"}[side],
            "CombOffsetFlag": "0", "CombHedgeFlag": "1", "LimitPrice": price, "VolumeTotalOriginal": volume,
            "TimeCondition": "3", "VolumeCondition": "1", "MinVolume": 1, "ContingentCondition": "1",
            "ForceCloseReason": "0",
        }  # fmt: skip
        self.ask("ReqOrderInsert", **{**given, **fields})
        return str({**given, **fields}["OrderRef"])

    def cancel(self, order: Any, **fields: Any) -> int:
        """Cancel by the exchange's number."""
        named = {"ExchangeID": order.ExchangeID, "OrderSysID": order.OrderSysID, "InstrumentID": order.InstrumentID}
        given = {"BrokerID": sim.BROKER, "InvestorID": USER, "ActionFlag": "0", **named}
        return self.ask("ReqOrderAction", **{**given, **fields})

    def next_day(self) -> None:
        """Let a day of trading end, reconnect and log in again."""
        self.front.next_day()
        self.front.advance(1.5)
        self.front.drain()
        self.log_in()

    def rows(self, ref: str) -> list[Any]:
        """OnRtnOrder's rows of one order, as told."""
        return [order for (order,) in self.told.all("OnRtnOrder") if order.OrderRef.strip() == ref]

    def life(self, ref: str) -> str:
        """The states that OnRtnOrder told of one order."""
        return "".join(order.OrderStatus for order in self.rows(ref))

    def trades(self, ref: str) -> list[tuple[float, int]]:
        return [(row.Price, row.Volume) for (row,) in self.told.all("OnRtnTrade") if row.OrderRef.strip() == ref]


def still_front(**options: Any) -> sim.Front:
    """A front where nothing moves unless a test says so."""
    front = sim.Front(**{"clock": 0, "market": "still", "query_rate": 1000, **options})
    front.add_user(sim.BROKER, USER, SECRET, app_id="app", auth_code="code", balance=1_000_000)
    return front
