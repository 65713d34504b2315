"""What an investor holds and owes on the simulated front, against a reckoning that keeps every lot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire.ctp import sim

from .sim_clients import USER, Client, still_front

FEES = (0.0001, 0.0, 0.0, 2.0, 0.0002, 1.0)  # open, close, close today; of money, a lot
MARGIN, MULTIPLIER, BALANCE = 0.1, 10, 1_000_000.0


def front_with(exchange: str) -> sim.Front:
    front = still_front(instruments="none")
    front.add_instrument(
        "x2610", exchange, product="x", tick=1.0, multiplier=MULTIPLIER, price=1000.0, margin=MARGIN, fees=FEES
    )
    return front


def fill(client: Client, side: str, volume: int, price: float, offset: str = "0") -> None:
    """Trade with the market at a price."""
    if side == "buy":
        client.front.quote("x2610", bid=price - 1, ask=price, ask_volume=volume, last=price)
    else:
        client.front.quote("x2610", bid=price, ask=price + 1, bid_volume=volume, last=price)
    client.order("x2610", side, volume, price, CombOffsetFlag=offset)


def rows(front: sim.Front) -> list[tuple[Any, ...]]:
    names = ("PosiDirection", "PositionDate", "Position", "TodayPosition", "YdPosition")
    return [tuple(row[name] for name in names) for row in front.positions(USER)]


def refused(client: Client) -> list[int]:
    return [info.ErrorID for _, info, *_ in client.told.all("OnRspOrderInsert")]


def test_shfe_keeps_today_and_history_apart() -> None:
    with front_with("SHFE") as front, Client(front) as client:
        client.log_in()
        fill(client, "buy", 5, 1000.0)
        assert rows(front) == [("2", "1", 5, 5, 0)]
        client.next_day()
        fill(client, "buy", 2, 1010.0)
        assert rows(front) == [("2", "2", 5, 0, 5), ("2", "1", 2, 2, 0)]
        fill(client, "sell", 3, 1010.0, "3")
        assert refused(client) == [50]
        fill(client, "sell", 6, 1010.0, "4")
        assert refused(client) == [50, 51]
        fill(client, "sell", 4, 1010.0, "1")
        fill(client, "sell", 2, 1010.0, "3")
        assert rows(front) == [("2", "2", 1, 0, 5), ("2", "1", 0, 0, 0)]  # YdPosition stays what the day began with


def test_dce_keeps_one_row_and_closes_the_oldest_first() -> None:
    with front_with("DCE") as front, Client(front) as client:
        client.log_in()
        fill(client, "sell", 5, 1000.0)
        client.next_day()
        fill(client, "sell", 2, 1010.0)
        assert rows(front) == [("3", "1", 7, 2, 5)]
        fill(client, "buy", 6, 1000.0, "3")  # CTP makes it a plain close
        assert client.told.all("OnRtnTrade")[-1][0].OffsetFlag == "1"
        assert rows(front) == [("3", "1", 1, 1, 5)]
        fill(client, "buy", 2, 1000.0, "1")
        assert refused(client) == [30]


def test_waiting_orders_freeze_what_they_may_use() -> None:
    with front_with("SHFE") as front, Client(front) as client:
        client.log_in()
        fill(client, "buy", 5, 1000.0)
        front.quote("x2610", bid=999, ask=1003)
        client.order("x2610", "buy", 2, 990.0)
        client.order("x2610", "sell", 3, 1002.0, CombOffsetFlag="3")
        row, account = front.positions(USER)[0], front.account(USER)
        assert (row["LongFrozen"], row["ShortFrozen"], row["Position"]) == (2, 3, 5)
        assert account["FrozenMargin"] == pytest.approx(990 * MULTIPLIER * MARGIN * 2)
        assert account["FrozenCommission"] == pytest.approx(990 * 10 * 0.0001 * 2 + (1002 * 10 * 0.0002 + 1) * 3)
        client.order("x2610", "sell", 3, 1002.0, CombOffsetFlag="3")
        assert refused(client) == [50]
        for ref in ("2", "3"):
            client.cancel(client.rows(ref)[-1])
        row, account = front.positions(USER)[0], front.account(USER)
        assert (row["LongFrozen"], row["ShortFrozen"]) == (0, 0)
        assert (account["FrozenMargin"], account["FrozenCommission"]) == (0, 0)


def test_margin_fees_and_profit_by_hand() -> None:
    with front_with("SHFE") as front, Client(front) as client:
        client.log_in()
        fill(client, "buy", 4, 1000.0)
        fill(client, "sell", 1, 1020.0, "3")
        account = front.account(USER)
        assert account["CurrMargin"] == pytest.approx(3 * 1000 * 10 * 0.1)
        assert account["Commission"] == pytest.approx(4 * 1000 * 10 * 0.0001 + 1020 * 10 * 0.0002 + 1)
        assert account["CloseProfit"] == pytest.approx(200)
        assert account["PositionProfit"] == pytest.approx(3 * 20 * 10)
        assert account["Balance"] == pytest.approx(BALANCE + 200 + 600 - account["Commission"])
        assert account["Available"] == pytest.approx(account["Balance"] - account["CurrMargin"])
        client.ask("ReqQryTradingAccount", BrokerID=sim.BROKER, InvestorID=USER)
        told = client.told.all("OnRspQryTradingAccount")[0][0]
        assert told.Available == account["Available"]
        client.ask("ReqQryInvestorPosition", BrokerID=sim.BROKER, InvestorID=USER)
        row = client.told.all("OnRspQryInvestorPosition")[0][0]
        assert (row.Position, row.OpenCost, row.PositionCost) == (3, 30_000.0, 30_000.0)


# -- any sequence of trades and days ---------------------------------------------------------------------------------


@dataclass
class Lot:
    side: str
    price: float
    basis: float
    today: bool


@dataclass
class Reckoning:
    """One lot at a time, nothing carried along: what the account must show."""

    split: bool
    balance: float = BALANCE
    fees: float = 0.0
    closed: float = 0.0
    lots: list[Lot] = field(default_factory=list)

    def trade(self, side: str, volume: int, price: float, offset: str) -> bool:
        if offset == "0":
            self.lots += [Lot(side, price, price, today=True) for _ in range(volume)]
            self.fees += volume * price * MULTIPLIER * FEES[0]
            return True
        mine = [lot for lot in self.lots if lot.side != side]
        if self.split:
            mine = [lot for lot in mine if lot.today == (offset == "3")]
        mine.sort(key=lambda lot: lot.today)
        if len(mine) < volume:
            return False
        for lot in mine[:volume]:
            self.lots.remove(lot)
            sign = 1 if lot.side == "buy" else -1
            self.closed += sign * (price - lot.basis) * MULTIPLIER
            by_money, a_lot = FEES[4:6] if lot.today else FEES[2:4]
            self.fees += price * MULTIPLIER * by_money + a_lot
        return True

    def profit(self, last: float) -> float:
        return sum((1 if lot.side == "buy" else -1) * (last - lot.basis) * MULTIPLIER for lot in self.lots)

    def next_day(self, settlement: float) -> None:
        self.balance += self.closed + self.profit(settlement) - self.fees
        self.fees = self.closed = 0.0
        for lot in self.lots:
            lot.basis, lot.today = settlement, False

    def volumes(self, side: str, today: bool) -> int:
        return sum(lot.side == side and lot.today == today for lot in self.lots)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["buy", "sell"]),
            st.integers(1, 4),
            st.integers(960, 1040),
            st.sampled_from(["0", "1", "3"]),
        ),
        st.just("next day"),
    ),
    max_size=25,
)


@pytest.mark.parametrize("exchange", ["SHFE", "DCE"])
@given(steps=STEPS)
@settings(max_examples=25)
def test_any_trades_and_days_add_up(exchange: str, steps: list[Any]) -> None:
    expected, last = Reckoning(split=exchange == "SHFE"), 1000.0
    with front_with(exchange) as front, Client(front) as client:
        client.log_in()
        for step in steps:
            if step == "next day":
                client.next_day()
                expected.next_day(last)
                continue
            side, volume, price, offset = step
            last = float(price)
            before = len(refused(client))
            fill(client, side, volume, last, offset)
            assert expected.trade(side, volume, last, offset) == (len(refused(client)) == before)
        account = front.account(USER)
        assert account["PreBalance"] == pytest.approx(expected.balance)
        assert account["Commission"] == pytest.approx(expected.fees)
        assert account["CloseProfit"] == pytest.approx(expected.closed)
        assert account["PositionProfit"] == pytest.approx(expected.profit(last))
        assert account["CurrMargin"] == pytest.approx(sum(lot.basis * MULTIPLIER * MARGIN for lot in expected.lots))
        for side, direction in (("buy", "2"), ("sell", "3")):
            held = [row for row in front.positions(USER) if row["PosiDirection"] == direction]
            assert sum(row["TodayPosition"] for row in held) == expected.volumes(side, today=True)
            history = sum(row["Position"] - row["TodayPosition"] for row in held)
            assert history == expected.volumes(side, today=False)
