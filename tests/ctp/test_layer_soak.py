"""Many orders through many disconnections: no order and no fill is lost or told twice.

``TIDEWIRE_SOAK_ORDERS`` says how many; the figure in the documentation is of 50,000.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter

from tidewire import ctp
from tidewire.ctp import sim
from tidewire.errors import CtpDisconnected, Error, OrderNotFound, OutcomeUnknown, Timeout
from tidewire.models import OrderStatus

ORDERS = int(os.environ.get("TIDEWIRE_SOAK_ORDERS", "600"))
BETWEEN = max(150, ORDERS // 50)  # orders from one disconnection to the next, on average
USER, PASSWORD = "u1", "open-sesame-77"
ENDS = {"0": OrderStatus.FILLED, "5": OrderStatus.CANCELED}
PATIENCE_S = 600  # after each login the whole day is told again, which a busy machine takes its time for
REASONS = (0x1001, 0x1002, 0x2001, 0x2002, 0x2003)


class Soak:
    """One user who trades as fast as he can while the front drops him again and again."""

    def __init__(self, front: sim.Front, account: ctp.Trader, symbol: str, seed: int) -> None:
        self.front, self.account, self.symbol = front, account, symbol
        self.random = random.Random(seed)
        self.outcomes: Counter[str] = Counter()
        self.never: set[str] = set()
        self.cuts: list[threading.Thread] = []

    def wait_ready(self, connections: ctp.Stream[ctp.Connection]) -> None:
        while self.account.state != "ready":
            connections.next(PATIENCE_S)

    def trade(self, count: int) -> None:
        with self.account.watch_connection() as connections:
            for number in range(count):
                if self.random.random() < 1 / BETWEEN:
                    # From another thread, so that it falls between the sending of an order and its answer, too.
                    cut = threading.Thread(target=self.front.disconnect, args=(self.random.choice(REASONS),))
                    cut.start()
                    self.cuts.append(cut)
                self.outcomes[self.one(f"o{number}", connections)] += 1

    def one(self, name: str, connections: ctp.Stream[ctp.Connection]) -> str:
        kind = self.random.choice(["fills", "rests", "fak"])
        price = 2990 if kind == "rests" else 3001
        life = "fak" if kind == "fak" else "gfd"
        words = {"quantity": self.random.randint(1, 3), "price": price, "time_in_force": life}
        outcome = self.surely(connections, name, lambda: self.buy(name, words))
        if kind == "rests" and name not in self.never:
            outcome = self.surely(connections, name, lambda: self.account.cancel_order(client_order_id=name))
        return f"{kind} {outcome}"

    def buy(self, name: str, words: dict) -> ctp.Order:
        return self.account.create_order(self.symbol, side="buy", offset="open", client_order_id=name, **words)

    def surely(self, connections: ctp.Stream[ctp.Connection], name: str, act) -> str:
        """Do it until it is done or known to be impossible."""
        while True:
            try:
                return str(act().status)
            except CtpDisconnected:  # nothing was sent
                self.wait_ready(connections)
            except OrderNotFound:
                return "gone"
            except OutcomeUnknown as unknown:
                order = self.resolve(name, unknown, connections)
                if order is None or unknown.verb == "create_order" or order.status.is_final:
                    return f"{unknown.verb} resolved"

    def resolve(self, name: str, unknown: OutcomeUnknown, connections: ctp.Stream[ctp.Connection]) -> ctp.Order | None:
        while True:
            self.wait_ready(connections)
            try:
                return self.account.resolve_order(unknown, timeout=0)
            except OrderNotFound:
                self.never.add(name)
                return None
            except (CtpDisconnected, Timeout):
                continue


def test_no_return_is_lost(tmp_path):
    with sim.Front(clock=50, query_rate=1_000_000, market="still") as front:
        front.add_user("9999", USER, PASSWORD, balance=1e12)
        symbol = next(row["InstrumentID"] for row in front.instruments() if row["ProductID"] == "rb")
        front.quote(symbol, bid=3000, ask=3001, bid_volume=10**9, ask_volume=10**9)
        words = {"library": "sim", "flow_folder": tmp_path / "flow", "timeout": PATIENCE_S, "query_timeout": PATIENCE_S}
        with ctp.Trader(front.address, "9999", USER, PASSWORD, "app", "code", **words) as account:
            connections = account.watch_connection()
            changes, fills = account.watch_orders(10_000_000), account.watch_fills(10_000_000)
            soak = Soak(front, account, symbol, seed=20261123)
            soak.trade(ORDERS)
            for cut in soak.cuts:
                cut.join()
            settle(account)
            truth_orders, truth_trades = front.orders(USER), front.trades(USER)
            mine, told_fills = {order.order_id: order for order in account.orders()}, drained(fills)
            told = {order.order_id: order for order in drained(changes) if order.order_id}
            lost = sum(change.state == "offline" for change in drained(connections))
    print(f"{lost} connections lost", soak.outcomes)
    assert len(truth_orders) + len(soak.never) == ORDERS
    assert {order.client_order_id for order in mine.values()} == {row["OrderMemo"] for row in truth_orders}
    assert soak.never.isdisjoint(row["OrderMemo"] for row in truth_orders)
    for row in truth_orders:
        order = mine[f"{row['ExchangeID']}:{row['OrderSysID']}"]
        assert order.filled == row["VolumeTraded"] == sum(fill.quantity for fill in order.fills)
        assert order.status is {"0": OrderStatus.FILLED, "5": OrderStatus.CANCELED}.get(
            row["OrderStatus"], OrderStatus.OPEN
        )
        assert told[order.order_id] == order  # the last word that was told
    names = Counter((fill.exchange, fill.fill_id) for fill in told_fills)
    assert set(names.values()) <= {1}
    assert names.keys() == {(row["ExchangeID"], row["TradeID"].strip()) for row in truth_trades}


def settle(account: ctp.Trader) -> None:
    """Wait until the day is known after the last login."""
    while True:
        try:
            account.wait_synced()
        except Error:
            continue
        return


def drained(stream):
    items = []
    try:
        while True:
            items.append(stream.next(0))
    except TimeoutError:
        return items
