"""Own orders against an oracle: whatever the wire does, each fill is told once, in order, and the end state is true."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from decimal import Decimal

import msgspec
import pytest

from tidewire._ordersync import OrderSync
from tidewire.models import Fill, Order, OrderStatus, Side
from tidewire.symbols import Symbol

SYMBOLS = (Symbol.parse("BTC-USDT"), Symbol.parse("ETH-USDT"))
START_NS = 1_790_000_000_000_000_000
MS = 1_000_000
PRICE = Decimal(100)


class Venue:
    """The truth: orders, their fills, and the messages that tell of both. A millisecond passes with each change."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.now_ns = START_NS
        self.orders: dict[str, Order] = {}
        self.fills: dict[str, list[Fill]] = defaultdict(list)
        self.messages: list[Order] = []
        self.next_id = itertools.count(99)
        self.old: dict[str, tuple[Order, int]] = {}  # as lists that lag have it: the orders, and how many fills of each

    def grow_old(self) -> None:
        """Keep how it is now, for lists that lag behind."""
        self.old = {number: (order, len(self.fills[number])) for number, order in self.orders.items()}

    def place(self) -> None:
        number = str(next(self.next_id))
        self._change(
            Order(
                venue="v",
                symbol=self.rng.choice(SYMBOLS),
                order_id=number,
                client_order_id=f"mine-{number}",
                status=OrderStatus.OPEN,
                side=Side.BUY,
                quantity=Decimal(self.rng.randint(1, 4)),
                filled=Decimal(0),
                quote_filled=Decimal(0),
                price=PRICE,
                created_ns=self.now_ns,
            )
        )

    def fill(self) -> None:
        if not (working := self.working):
            return
        order = self.rng.choice(working)
        assert order.remaining is not None
        assert order.filled is not None
        quantity = min(Decimal(self.rng.choice(("0.5", "1"))), order.remaining)
        fill = Fill(
            venue="v",
            symbol=order.symbol,
            fill_id=str(next(self.next_id)),
            order_id=order.order_id,
            price=PRICE,
            quantity=quantity,
            time_ns=self.now_ns,
        )
        self.fills[order.order_id].append(fill)
        filled = order.filled + quantity
        status = OrderStatus.FILLED if filled == order.quantity else OrderStatus.PARTIAL
        self._change(
            msgspec.structs.replace(order, status=status, filled=filled, quote_filled=filled * PRICE), fills=(fill,)
        )

    def cancel(self) -> None:
        if working := self.working:
            self._change(msgspec.structs.replace(self.rng.choice(working), status=OrderStatus.CANCELED))

    @property
    def working(self) -> list[Order]:
        return [order for order in self.orders.values() if not order.status.is_final]

    def _change(self, order: Order, fills: tuple[Fill, ...] = ()) -> None:
        average = order.quote_filled / order.filled if order.filled and order.quote_filled else None
        order = msgspec.structs.replace(order, updated_ns=self.now_ns, average_price=average)
        self.orders[order.order_id] = order
        self.messages.append(msgspec.structs.replace(order, fills=fills))
        self.now_ns += MS

    def lists(self, sync: OrderSync, lag: int = 0, *, old: bool = False) -> tuple[list[Order], list[Fill]]:
        """What the engine would fetch; the newest ``lag`` fills are not listed yet, or all is as it was."""
        since = sync.since_ns
        orders = {number: order for number, (order, _) in self.old.items()} if old else self.orders
        upto = {number: count for number, (_, count) in self.old.items()} if old else {}
        rows = (self.fills[number][: upto.get(number)] for number in orders)
        fills = [f for row in rows for f in row if (f.time_ns or 0) >= since]
        fills.sort(key=lambda fill: fill.time_ns or 0)
        fills = fills[: len(fills) - lag]
        wanted = {number for number, order in orders.items() if not order.status.is_final}
        wanted |= {order.order_id for order in sync.doubtful}
        wanted |= {fill.order_id for fill in fills if sync.is_news(fill)}
        wanted |= {number for number, order in orders.items() if (order.created_ns or 0) >= since}
        self.rng.shuffle(fills)
        return [orders.get(number, self.orders[number]) for number in wanted], fills


class Wire:
    """Between the venue and the sync: delivers, twice, out of order, or not at all."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.asked = False
        self.sync = OrderSync(self.ask)
        self.told: list[Order] = []
        self.sent = 0
        self.pending: list[Order] = []
        self.connected = False
        self.begun_at: int | None = None
        self.began_old = False

    def ask(self) -> None:
        self.asked = True

    def pump(self) -> None:
        """Messages of a dead connection are lost."""
        fresh = self.venue.messages[self.sent :]
        self.sent = len(self.venue.messages)
        if self.connected:
            self.pending += fresh

    def deliver(self, *, twice: bool = False) -> None:
        self.pump()
        if self.pending:
            message = self.pending.pop(0)
            for _ in range(1 + twice):
                self.told += self.sync.on_order(message)

    def swap(self) -> None:
        self.pump()
        if len(self.pending) > 1:
            self.pending[0], self.pending[1] = self.pending[1], self.pending[0]

    def connect(self) -> None:
        if not self.connected:
            self.pump()
            self.connected = True
            self.sync.resumed(self.venue.now_ns)
            if not self.sync._has_begun:
                self.begun_at = self.venue.now_ns

    def disconnect(self) -> None:
        if self.connected:
            self.connected = False
            self.venue.grow_old()
            self.pending.clear()
            self.sync.interrupted(self.venue.now_ns)

    def doubt(self) -> None:
        """A frame could not be read."""
        self.pump()
        if self.connected and self.pending:
            self.pending.pop(0)
            if not self.sync._has_begun:
                self.begun_at = self.venue.now_ns
                self.pending.clear()  # else what happened before this beginning would be told as well
            self.sync.interrupted(self.venue.now_ns)
            self.sync.resumed(self.venue.now_ns)

    def answer(self, *, lag: int = 0, late: bool = False, lost: bool = False) -> None:
        """The lists arrive, if they were asked for; the world may move on between reading and arriving."""
        if not self.asked:
            return
        self.asked = False
        ticket = self.sync.ticket
        orders, fills = self.venue.lists(self.sync, lag if self.knows_all else 0)
        self.venue.grow_old()  # lists may lag, but do not go back behind those seen before
        if late:
            self.venue.fill()
            self.deliver()
        if lost:
            self.disconnect()
            self.venue.fill()
            self.connect()
        told = self.sync.on_lists(orders, fills, ticket)
        times = [fill.time_ns or 0 for order in told for fill in order.fills]
        assert times == sorted(times)
        self.told += told

    def answer_of_old(self) -> None:
        """The lists are those of before the interruption, or before the beginning: nothing in them tells."""
        if self.asked and not self.pending:
            self.asked = False
            self.began_old = self.began_old or not self.sync._has_begun
            self.told += self.sync.on_lists(*self.venue.lists(self.sync, old=True), self.sync.ticket)

    def look_again(self) -> None:
        """Lists that nobody asked for."""
        if self.connected and self.sync.is_whole:
            self.told += self.sync.on_lists(*self.venue.lists(self.sync), self.sync.ticket)

    @property
    def knows_all(self) -> bool:
        """False while an order that is older than our beginning has ended since, and nobody told us of it.

        Of such a one, a list that lags cannot be told from one that forgets.
        """
        told = {order.order_id for order in self.told}
        begun = self.begun_at or 0
        return self.sync._has_begun and all(
            (order.created_ns or 0) >= begun or (order.updated_ns or 0) < begun or order.order_id in told
            for order in self.venue.orders.values()
        )

    def settle(self) -> None:
        self.connect()
        self.pump()
        for _ in range(1000):
            self.deliver()
            self.answer()
            if not self.pending and not self.asked:
                self.look_again()
                if not self.asked:
                    return
        pytest.fail("it does not settle")


ACTIONS = {
    "place": (6, lambda wire: wire.venue.place()),
    "fill": (14, lambda wire: wire.venue.fill()),
    "cancel": (3, lambda wire: wire.venue.cancel()),
    "deliver": (20, lambda wire: wire.deliver()),
    "deliver twice": (2, lambda wire: wire.deliver(twice=True)),
    "swap": (3, lambda wire: wire.swap()),
    "connect": (6, lambda wire: wire.connect()),
    "disconnect": (1, lambda wire: wire.disconnect()),
    "doubt": (1, lambda wire: wire.doubt()),
    "answer": (8, lambda wire: wire.answer()),
    "answer with lag": (2, lambda wire: wire.answer(lag=1)),
    "answer late": (2, lambda wire: wire.answer(late=True)),
    "answer too late": (2, lambda wire: wire.answer(lost=True)),
    "answer of old": (2, lambda wire: wire.answer_of_old()),
    "look again": (1, lambda wire: wire.look_again()),
}
WEIGHTS = [weight for weight, _ in ACTIONS.values()]


def check(wire: Wire) -> None:
    venue, sync = wire.venue, wire.sync
    assert wire.begun_at is not None
    assert sync.is_whole
    assert sync.failure is None
    told: dict[str, list[Order]] = defaultdict(list)
    for order in wire.told:
        told[order.order_id].append(order)
    for number, truth in venue.orders.items():
        if number not in told:
            # It was there before us, and ended before the first lists were read: nobody was told that it was open.
            assert (truth.created_ns or 0) < wire.begun_at
            assert all((fill.time_ns or 0) < wire.begun_at for fill in venue.fills[number])
            continue
        check_order(truth, venue.fills[number], told[number], 0 if wire.began_old else wire.begun_at)
    assert {order.order_id for order in sync.working} == {order.order_id for order in venue.working}


def check_order(truth: Order, fills: list[Fill], told: list[Order], begun_ns: int) -> None:
    upto = [Decimal(0), *itertools.accumulate(fill.quantity for fill in fills)]
    news = [fill for order in told for fill in order.fills]
    first = told[0]
    assert first.filled is not None
    base = first.filled - sum(fill.quantity for fill in first.fills)
    # What was filled before we began is no news; what was filled since is, unless the first we told includes it.
    least = sum(fill.quantity for fill in fills if (fill.time_ns or 0) < begun_ns)
    if begun_ns:
        assert base >= least if not first.fills else base == least
    assert [fill.fill_id for fill in news] == [
        f.fill_id for f, after in zip(fills, upto[1:], strict=True) if after > base
    ]
    for order in told:
        assert order.filled in upto
        known = {PRICE} if base == 0 else {PRICE, None}  # of what came before the first message nobody told the price
        assert order.average_price in (known if order.filled else {None})
        assert order.client_order_id == truth.client_order_id
        if order.fills:
            assert order.filled == upto[fills.index(order.fills[-1]) + 1]
    assert [order.filled for order in told] == sorted(order.filled for order in told if order.filled is not None)
    assert (told[-1].status, told[-1].filled) == (truth.status, truth.filled)


def run(seed: int, length: int) -> Wire:
    rng = random.Random(seed)
    wire = Wire(Venue(rng))
    for _ in range(rng.randrange(12)):
        rng.choice((wire.venue.place, wire.venue.fill, wire.venue.cancel))()
        if rng.random() < 0.2:
            wire.venue.grow_old()
    wire.connect()
    for name in rng.choices([*ACTIONS], WEIGHTS, k=length):
        ACTIONS[name][1](wire)
    wire.settle()
    return wire


@pytest.mark.parametrize("seed", range(50))
def test_whatever_happens_each_fill_is_told_once(seed: int) -> None:
    for number in range(200):
        name, length = 1000 * seed + number, 10 + number % 150
        try:
            check(run(name, length))
        except BaseException:
            print(f"run({name}, {length}) fails")  # replays it
            raise
