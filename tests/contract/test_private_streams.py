"""Own orders and balances over real sockets, on every venue that streams them: each fill once, whatever breaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire._connection import Patience
from tidewire._dialect import Placement
from tidewire.models import OrderType, Side
from tidewire.sandbox import Sandbox
from tidewire.sandbox.exchange import VenueExchange
from tidewire.stream import OrderStream
from tidewire.symbols import Symbol

from .conftest import roomy

QUICK = Patience(first_s=0.005, cap_s=0.05)
UNNUMBERED = {"coinbase"}  # nothing in its messages could tell that two of them changed places
OTHER = "another owner, who takes what we offer"


@pytest.fixture(scope="module")
def sandbox(venue_name: str) -> Iterator[Sandbox]:
    """Markets that stand still, so that only we and the other owner trade."""
    if "watch_orders" not in tw.venue(venue_name).capabilities:
        pytest.skip(f"{venue_name} does not offer watch_orders")
    with Sandbox(venue_name, seed=7, pace=None, limits=roomy(venue_name)) as running:
        try:
            running.credentials(venue_name)
        except tw.ConfigError as missing:
            pytest.skip(str(missing))
        yield running


class World:
    """One market of one venue: our client, the truth, and somebody to trade with."""

    def __init__(self, sandbox: Sandbox, client: tw.AsyncClient, symbol: str) -> None:
        self.sandbox, self.client, self.venue = sandbox, client, client.venue.name
        self.symbol = Symbol.parse(symbol)
        self.kind = self.symbol.kind
        self.key = sandbox.credentials(self.venue).key
        self.since = len(self.fills())
        self.names: dict[str, str] = {}  # the venue's ids of our orders, which need not be the sandbox's own

    def fills(self) -> list[tw.Fill]:
        return list(self.sandbox.inspect(self.venue, lambda exchange: exchange.fills(self.key, self.symbol)))

    def truth(self) -> list[tuple[str, str, Decimal]]:
        """Our fills since this world began, in the order in which they happened."""
        fills = self.fills()[self.since :]
        return [(self.names[str(fill.client_order_id)], fill.fill_id, fill.quantity) for fill in fills]

    def forgets(self, order: tw.Order) -> bool:
        """Whether the venue knows nothing more of an order."""
        return self.client.venue.spec.forgets_unfilled and order.status.is_final and not order.filled

    async def offer(self, lots: int = 4) -> tw.Order:
        """Rest at the top of the book, where the next taker finds us."""
        rules = await self.client.instrument(self.symbol)
        book = await self.client.fetch_book(self.symbol, 5)
        price = book.asks[0].price - rules.tick_size
        quantity = lots * rules.round_quantity(Decimal(200) / price, "up")
        order = await self.client.create_order(self.symbol, side="buy", type="limit", price=price, quantity=quantity)
        self.names[str(order.client_order_id)] = order.order_id
        return order

    def take(self, part: int = 1) -> None:
        """Sell into the top of the book, without our knowing."""

        def sell(exchange: VenueExchange) -> None:
            market = exchange.markets[self.symbol]
            ours = [order.price for order in exchange.orders(self.key, self.kind, self.symbol, open_only=True)]
            for ticks in list(market.book.bids):
                if market.price(ticks) in ours:
                    market.book.set_house(Side.BUY, ticks, 0)  # which stands before us in the queue
            quantity = part * market.instrument.round_quantity(Decimal(200) / market.mark(), "up")
            exchange.place(
                OTHER, Placement(symbol=self.symbol, side=Side.SELL, type=OrderType.MARKET, quantity=quantity)
            )

        self.sandbox.inspect(self.venue, sell)
        self.sandbox.flush(self.venue)

    async def cut(self) -> None:
        """Break the connection in the middle of telling us something, and keep it broken."""
        self.sandbox.fail("reject", venue=self.venue, times=None)
        self.sandbox.fail("close", venue=self.venue)
        await self.offer(1)
        while self.client.streams.stats().connections[0].connected:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)

    async def tidy(self) -> None:
        for order in await self.client.fetch_open_orders(self.symbol):
            await self.client.cancel_order(self.symbol, order_id=order.order_id)


@pytest.fixture
async def world(sandbox: Sandbox, venue_name: str, symbol: str) -> AsyncIterator[World]:
    sandbox.clear_faults()
    key = sandbox.credentials(venue_name)
    async with tw.AsyncClient(venue_name, environment=sandbox, credentials=key, timeout=5.0) as client:
        client.streams.patience = QUICK
        made = World(sandbox, client, symbol)
        try:
            client.watch_orders(kind=made.kind)
        except tw.NotSupported as missing:
            pytest.skip(str(missing))
        await made.tidy()
        yield made
        sandbox.clear_faults()
        await made.tidy()


async def read(orders: OrderStream, enough: Any, seconds: float = 20.0) -> list[tw.Order]:
    """Updates until there are enough of them."""
    seen: list[tw.Order] = []
    async with asyncio.timeout(seconds):
        async for order in orders:
            seen.append(order)
            if enough(seen):
                return seen
    raise AssertionError("the stream ended")


def shown(*ids: str) -> Any:
    return lambda seen: {order.order_id for order in seen} >= set(ids)


def ended(*ids: str) -> Any:
    return lambda seen: {order.order_id for order in seen if order.status.is_final} >= set(ids)


def told(orders: Sequence[tw.Order]) -> list[tuple[str, str, Decimal]]:
    return [(fill.order_id, fill.fill_id, fill.quantity) for order in orders for fill in order.fills]


async def test_an_order_s_life(world: World) -> None:
    before = await world.offer()
    async with world.client.watch_orders(kind=world.kind) as orders:
        first = await read(orders, shown(before.order_id))
        assert [(order.order_id, order.status) for order in first] == [(before.order_id, tw.OrderStatus.OPEN)]
        placed = await world.offer()
        await read(orders, shown(placed.order_id))
        world.take()
        world.take(2)
        await world.client.cancel_order(world.symbol, order_id=placed.order_id)
        seen = await read(orders, ended(placed.order_id))
        assert told(seen) == world.truth()
        last = seen[-1]
        forgotten = world.forgets(last)
        stored = placed if forgotten else await world.client.fetch_order(world.symbol, order_id=placed.order_id)
        status = tw.OrderStatus.CANCELED if forgotten else stored.status
        assert (last.status, last.filled, last.client_order_id) == (status, stored.filled, stored.client_order_id)
        assert (last.symbol, last.side, last.price, last.quantity) == (
            stored.symbol,
            stored.side,
            stored.price,
            stored.quantity,
        )


async def test_an_order_placed_the_next_moment_is_told(world: World) -> None:
    for _ in range(3):
        async with world.client.watch_orders(kind=world.kind) as orders:
            placed = await world.offer(1)
            await world.client.cancel_order(world.symbol, order_id=placed.order_id)
            await read(orders, ended(placed.order_id))


async def test_what_was_filled_while_away_is_told_once_and_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidewire._account.LAG_S", 0.2)
    async with world.client.watch_orders(kind=world.kind) as orders:
        known = [await world.offer() for _ in range(3)]
        await read(orders, shown(*(order.order_id for order in known)))
        world.take()
        await world.cut()
        world.take(7)  # the first is filled, the second half
        await world.client.cancel_order(world.symbol, order_id=known[2].order_id)
        unseen = await world.offer()
        world.take(2)
        world.sandbox.clear_faults()
        seen = await read(orders, lambda seen: len(told(seen)) >= len(world.truth()) and ended(known[2].order_id)(seen))
        world.take(1)
        seen += await read(orders, lambda more: told(more))
    assert told(seen) == world.truth()
    assert unseen.order_id in {order.order_id for order in seen}
    filled = {order.order_id: order.filled for order in seen}
    for order_id, amount in filled.items():
        if not any(world.forgets(order) for order in seen if order.order_id == order_id):
            assert amount == (await world.client.fetch_order(world.symbol, order_id=order_id)).filled


class Lagging:
    """The lists over REST. Once ``stale``, those of the next pass are as they were the last time."""

    def __init__(self, client: tw.AsyncClient) -> None:
        self._client = client
        self._last: dict[tuple[Any, ...], Any] = {}
        self.stale = False
        self.passes = 0

    def __getattr__(self, verb: str) -> Any:
        async def fetch(*about: Any, **terms: Any) -> Any:
            if verb == "fetch_open_orders":  # each pass begins with those
                self.passes += 1
                self.stale = self.stale and self.passes < 2
            about = (verb, *about, terms.get("order_id"))
            if not (self.stale and about in self._last):
                self._last[about] = await getattr(self._client, verb)(*about[1:-1], **terms)
            return self._last[about]

        return fetch

    async def look(self, symbol: Symbol) -> None:
        """Remember how it is now."""
        for verb in ("fetch_orders", "fetch_fills"):
            await getattr(self, verb)(symbol, start=self._client.streams.now_ns() - 60 * 10**9)
        await self.fetch_open_orders(kind=symbol.kind)
        self.stale, self.passes = True, 0


async def test_lists_that_lag_are_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was filled while away is told although the first lists after it know nothing of it."""
    monkeypatch.setattr("tidewire._account.LAG_S", 0.2)
    lists = Lagging(world.client)
    monkeypatch.setattr(world.client.streams, "_account", lists)
    async with world.client.watch_orders(kind=world.kind) as orders:
        known = await world.offer()
        await read(orders, shown(known.order_id))
        await lists.look(world.symbol)
        await world.cut()
        world.take(2)
        world.sandbox.clear_faults()
        seen = await read(orders, lambda seen: len(told(seen)) >= len(world.truth()))
        world.take(1)
        seen += await read(orders, told)
    assert lists.passes > 1
    assert told(seen) == world.truth()


OF_ORDERS = {
    ("binance", "spot"): "executionReport",
    ("binance", "linear"): "ORDER_TRADE_UPDATE",
    ("okx", "spot"): '"ordId"',
    ("okx", "linear"): '"ordId"',
    ("htx", "spot"): '"orderId"',
}
"""What the venue's messages about orders have in them, and no answer to a command; elsewhere ``order_id``."""


async def test_a_subscription_that_has_died_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewire._account.LAG_S", 1e6)
    offered = world.client.venue.watch_orders
    assert offered(kind=world.kind).quiet_s is not None
    monkeypatch.setattr(world.client.venue, "watch_orders", lambda **which: replace(offered(**which), quiet_s=0.3))
    hurry(world, monkeypatch, idle_s=0.2)
    async with world.client.watch_orders(kind=world.kind) as orders:
        known = await world.offer()
        await read(orders, shown(known.order_id))
        path = OF_ORDERS.get((world.venue, world.kind), '"order_id"')
        world.sandbox.fail("lose", venue=world.venue, path=path, times=None)
        world.take(2)
        seen = await read(orders, lambda seen: len(told(seen)) >= len(world.truth()))
        world.sandbox.clear_faults()
    assert told(seen) == world.truth()


async def test_an_order_in_a_market_that_was_listed_meanwhile(world: World) -> None:
    async with world.client.watch_orders(kind=world.kind) as orders:
        known = await world.offer()
        await read(orders, shown(known.order_id))
        world.client.venue._symbols.clear()
        placed = await world.offer()
        world.take()
        seen = await read(orders, lambda seen: shown(placed.order_id)(seen) and told(seen))
        assert told(seen) == world.truth()


def hurry(world: World, monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    """Let connections for own orders live, or wait for an answer, as long as given."""
    offered = world.client.venue.watch_orders

    def hurried(**which: Any) -> Any:
        channel = offered(**which)
        return replace(channel, feed=replace(channel.feed, **limits))

    monkeypatch.setattr(world.client.venue, "watch_orders", hurried)


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_breaks(world: World, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are cut, messages come twice, swapped, or unreadable; the accounts agree in the end."""
    hurry(world, monkeypatch, answer_s=1.0)  # an answer that came unreadable is waited for
    rng = random.Random(seed)
    async with world.client.watch_orders(kind=world.kind) as orders:
        first = await world.offer(20)
        seen = await read(orders, shown(first.order_id))
        for _ in range(25):
            kind = rng.choice(("take", "take", "take", "offer", "close", "duplicate", "swap", "junk"))
            if kind == "swap" and world.venue in UNNUMBERED:
                continue
            if kind == "take":
                world.take(rng.randint(1, 2))
            elif kind == "offer":
                await world.offer(rng.randint(1, 4))
            else:
                world.sandbox.fail(kind, venue=world.venue)
            await asyncio.sleep(rng.choice((0, 0, 0.01)))
        world.sandbox.clear_faults()
        for order in await world.client.fetch_open_orders(world.symbol):
            await world.client.cancel_order(world.symbol, order_id=order.order_id)
        last = await world.offer(1)  # a swapped message needs another one behind it
        seen += await read(
            orders, lambda more: shown(last.order_id)(more) and len(told(seen + more)) >= len(world.truth())
        )
    assert told(seen) == world.truth(), f"seed {seed}"


async def test_nothing_is_lost_to_a_rotation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(world, monkeypatch, life_s=0.2)
    async with world.client.watch_orders(kind=world.kind) as orders:
        await world.offer(40)
        for _ in range(30):
            world.take()
            await asyncio.sleep(0.03)
        last = await world.offer(1)
        seen = await read(orders, lambda seen: shown(last.order_id)(seen) and len(told(seen)) >= len(world.truth()))
        (stats,) = world.client.streams.stats().connections
    assert told(seen) == world.truth()
    assert stats.rotations > 1
    assert stats.reconnects == 0


async def test_a_slow_reader_is_told_what_it_missed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await world.offer(40)
    async with world.client.watch_orders(kind=world.kind) as quick:
        await read(quick, shown(first.order_id))
        monkeypatch.setattr("tidewire.stream.ORDER_QUEUE", 5)
        slow = world.client.watch_orders(kind=world.kind)
        await read(slow, shown(first.order_id))
        for _ in range(9):
            world.take()
        await read(quick, lambda seen: len(told(seen)) == 9)
        for _ in range(5):
            await anext(slow)
        with pytest.raises(tw.StreamClosed) as caught:
            await anext(slow)
        assert caught.value.missed == 4


async def test_balances_follow(world: World) -> None:
    if "watch_balances" not in world.client.capabilities:
        pytest.skip("the venue does not offer watch_balances")
    async with world.client.watch_balances(kind=world.kind) as balances:
        held: dict[str, tw.Balance] = {}

        async def agree() -> None:
            """Read until what was told is what the venue has."""
            while True:
                true = {row.asset: row for row in await world.client.fetch_balances(kind=world.kind)}
                if {asset: row for asset, row in held.items() if row.total} == true:
                    return
                row = await anext(balances)
                held[row.asset] = row

        async with asyncio.timeout(20):
            await agree()
            await world.offer()
            await agree()
            world.take()
            await agree()
            await world.cut()
            world.take(2)
            world.sandbox.clear_faults()
            await agree()


async def test_without_a_key_nothing_is_sent(sandbox: Sandbox, venue_name: str) -> None:
    async with tw.AsyncClient(venue_name, environment=sandbox) as client:
        for verb in client.capabilities & {"watch_orders", "watch_balances"}:
            with pytest.raises(tw.ConfigError, match="credentials"):
                getattr(client, verb)()
    assert not sandbox.connections(venue_name)


async def test_a_wrong_key_is_refused(sandbox: Sandbox, venue_name: str) -> None:
    real = sandbox.credentials(venue_name)
    wrong = tw.Credentials(real.key, Sandbox(venue_name, seed=8).credentials(venue_name).secret, real.passphrase)
    async with tw.AsyncClient(venue_name, environment=sandbox, credentials=wrong, retries=0) as client:
        with pytest.raises(tw.AuthenticationError):
            await asyncio.wait_for(anext(client.watch_orders()), 10)
        with pytest.raises(tw.AuthenticationError):
            async with client.watch_orders():
                pytest.fail("it has begun")
