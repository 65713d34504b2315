"""Five million ticks and 50,000 orders through the binding while connections are cut every few simulated seconds.

Ten trading days or more; after each, what the front knows of orders and trades must be what the client was told, and no
day may take more memory than the days before. That is ``TIDEWIRE_SOAK_SHARE=1``; by default it has a fifth of both.
"""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path
from typing import Any

from tidewire import ctp
from tidewire.ctp import sim

DAYS, FLOODS = 10, 100  # a day
SHARE = float(os.environ.get("TIDEWIRE_SOAK_SHARE", "0.2"))
TICKS, ORDERS = round(5_000 * SHARE), round(70 * SHARE)  # a flood; of the orders some are refused
REASONS = (0x1001, 0x1002, 0x2001, 0x2002, 0x2003)
USER, SECRET = "u1", "secret"
FLAT_KB = 16 * 1024


class Connected:
    """Knows when it has logged in."""

    def __init__(self) -> None:
        self.ready = threading.Event()

    def OnFrontDisconnected(self, reason: int) -> None:
        self.ready.clear()


class Prices(Connected):
    """Counts ticks and subscribes again after each cut."""

    def __init__(self, lib: ctp.Ctp, address: str) -> None:
        super().__init__()
        self.lib, self.ticks = lib, 0
        self.api: Any = lib.MdApi()
        self.api.RegisterSpi(self)
        self.api.RegisterFront(address)
        self.api.Init()

    def OnFrontConnected(self) -> None:
        self.api.ReqUserLogin(self.lib.ReqUserLogin(), 1)

    def OnRspUserLogin(self, *_: Any) -> None:
        self.api.SubscribeMarketData(["rb2610"])

    def OnRspSubMarketData(self, *_: Any) -> None:
        self.ready.set()

    def OnRtnDepthMarketData(self, tick: Any) -> None:
        self.ticks += 1


class Desk(Connected):
    """Keeps the last word on every order, and every trade."""

    def __init__(self, lib: ctp.Ctp, address: str, flow: Path, mode: str) -> None:
        super().__init__()
        self.lib, self.next_ref = lib, 1
        self.orders: dict[int, Any] = {}
        self.trades: dict[tuple[str, str], Any] = {}
        self.api: Any = lib.TraderApi(flow)
        self.api.RegisterSpi(self)
        self.api.RegisterFront(address)
        self.api.SubscribePrivateTopic(mode)
        self.api.SubscribePublicTopic("NONE")
        self.api.Init()

    def OnFrontConnected(self) -> None:
        self.api.ReqAuthenticate(self.lib.ReqAuthenticate(BrokerID=sim.BROKER, UserID=USER), 1)

    def OnRspAuthenticate(self, *_: Any) -> None:
        self.api.ReqUserLogin(self.lib.ReqUserLogin(BrokerID=sim.BROKER, UserID=USER, Password=SECRET), 2)

    def OnRspUserLogin(self, login: Any, info: Any, *_: Any) -> None:
        if info.ErrorID == 0:  # else this answers for a connection that has been cut since
            self.next_ref = int(login.MaxOrderRef) + 1
            field = self.lib.SettlementInfoConfirm(BrokerID=sim.BROKER, InvestorID=USER)
            self.api.ReqSettlementInfoConfirm(field, 3)

    def OnRspSettlementInfoConfirm(self, *_: Any) -> None:
        self.ready.set()

    def OnRtnOrder(self, order: Any) -> None:
        self.orders[order.BrokerOrderSeq] = order

    def OnRtnTrade(self, trade: Any) -> None:
        self.trades[trade.TradeID, trade.Direction] = trade

    def order(self, dice: random.Random) -> None:
        buys = dice.random() < 0.5
        self.next_ref += 1
        self.api.ReqOrderInsert(
            self.lib.InputOrder(
                BrokerID=sim.BROKER, InvestorID=USER, InstrumentID="rb2610", ExchangeID="SHFE",
                OrderRef=str(self.next_ref - 1), OrderPriceType="2", Direction="0" if buys else "1",
                CombOffsetFlag=dice.choice("003"), CombHedgeFlag="1", VolumeTotalOriginal=dice.randint(1, 5),
                LimitPrice=float(dice.randint(3180, 3240) if buys else dice.randint(3200, 3260)),
                TimeCondition=dice.choice("133"), VolumeCondition="1", ContingentCondition="1", ForceCloseReason="0",
            ),
            4,
        )  # fmt: skip

    def cancel(self, dice: random.Random) -> None:
        order = self.orders.get(dice.randint(1, max(self.orders, default=1)))
        if order is not None:
            self.api.ReqOrderAction(
                self.lib.InputOrderAction(
                    BrokerID=sim.BROKER, InvestorID=USER, ActionFlag="0", ExchangeID="SHFE", OrderSysID=order.OrderSysID
                ),
                5,
            )

    def check_day(self, front: sim.Front) -> int:
        known = front.orders(USER)
        assert len(known) == len(self.orders)
        for row in known:
            told = self.orders[row["BrokerOrderSeq"]]
            names = ("OrderStatus", "VolumeTraded", "OrderSysID", "StatusMsg", "CancelTime")
            assert [getattr(told, name) for name in names] == [row[name] for name in names]
        assert {(row["TradeID"], row["Direction"]): row["Volume"] for row in front.trades(USER)} == {
            key: trade.Volume for key, trade in self.trades.items()
        }
        self.orders.clear()
        self.trades.clear()
        return len(known)


def resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def is_sanitized() -> bool:
    maps = Path("/proc/self/maps").read_text()  # they keep freed memory, or shadows of it, on purpose
    return "libasan" in maps or "libtsan" in maps


def test_nothing_is_lost_and_memory_stays_flat(tmp_path: Path) -> None:
    dice, lib, orders, cuts = random.Random(11), ctp.load("sim"), 0, 0
    sizes: list[int] = []
    with sim.Front(seed=5, clock=0, query_rate=1000) as front:
        front.add_user(sim.BROKER, USER, SECRET, balance=1e12)
        prices, desk = Prices(lib, front.address), Desk(lib, front.address, tmp_path / "restart", "RESTART")
        resumed = Desk(lib, front.address, tmp_path / "resume", "RESUME")  # another session of the same user
        clients = (prices, desk, resumed)

        def wait_ready() -> None:
            assert all(client.ready.wait(60) for client in clients)

        while len(sizes) < DAYS or (orders < 50_000 * SHARE and len(sizes) < 3 * DAYS):
            for _flood in range(FLOODS):
                wait_ready()
                front.flood("rb2610", TICKS)
                for number in range(ORDERS):
                    desk.order(dice)
                    if number % 4 == 0:
                        desk.cancel(dice)
                    if number % 20 == 0:
                        front.advance(0.5)
                if dice.random() < 0.3:
                    if dice.random() < 0.5:  # else what is under way is lost, and told again
                        front.drain(60)
                    front.disconnect(dice.choice(REASONS))
                    front.advance(1.5)
                    cuts += 1
            wait_ready()
            front.drain(60)
            orders += desk.check_day(front)
            resumed.check_day(front)
            sizes.append(resident_kb())
            front.next_day()
            front.advance(1.5)
        while prices.ticks < DAYS * FLOODS * TICKS:  # those that a cut lost, again
            wait_ready()
            front.flood("rb2610", TICKS)
            front.drain(60)
        front.drain(60)
        wait_ready()  # the night's logins are over: none calls an API that is closed
        for client in clients:
            client.api.close()
        assert front.connections == 0
    print(f"{prices.ticks} ticks, {orders} orders, {cuts} cuts, kB after each day {sizes}")
    assert orders >= 50_000 * SHARE
    assert is_sanitized() or max(sizes[5:]) < max(sizes[:5]) + FLAT_KB
