"""A watched account, where its messages name markets that the client does not know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tidewire._account import LiveOrders
from tidewire._channel import OrderChannel
from tidewire._connection import Patience
from tidewire._live import QueueInbox
from tidewire.errors import OrderNotFound, UnknownSymbol
from tidewire.models import Fill, Order, OrderStatus, Side
from tidewire.symbols import Symbol

BTC = Symbol.parse("BTC-USDT")
NEW = Symbol.parse("NEW-USDT")


def order(symbol: Symbol, order_id: str) -> Order:
    """One that was filled at once."""
    fill = Fill(
        venue="x",
        symbol=symbol,
        fill_id=f"f{order_id}",
        order_id=order_id,
        side=Side.BUY,
        price=Decimal(1),
        quantity=Decimal(1),
        time_ns=2_000_000_000,
    )
    return Order(
        venue="x",
        symbol=symbol,
        order_id=order_id,
        status=OrderStatus.FILLED,
        quantity=Decimal(1),
        filled=Decimal(1),
        created_ns=2_000_000_000,
        updated_ns=2_000_000_000,
        fills=(fill,),
    )


@dataclass
class Venue:
    """Its messages are names of markets, and its lists over REST lag so far behind that they are empty."""

    listed: set[str] = field(default_factory=lambda: {"BTC-USDT"})
    known: set[str] = field(default_factory=lambda: {"BTC-USDT"})
    patience: Patience = field(default_factory=lambda: Patience(first_s=0.001, cap_s=0.002))
    read: int = 0
    refreshed: int = 0

    def parse(self, frame: Any) -> list[Order]:
        name = bytes(frame).decode()
        if name not in self.known:
            raise UnknownSymbol(f"no instrument {name!r}")
        self.read += 1
        return [order(Symbol.parse(name), str(self.read))]

    def now_ns(self) -> int:
        return 1_000_000_000

    def join(self, live: LiveOrders) -> None:
        live.on_up()

    async def fetch_instruments(self, kind: str, *, refresh: bool = False) -> list[Any]:
        if refresh:
            self.refreshed += 1
            self.known = {*self.listed}
        return []

    async def fetch_open_orders(self, symbol: None = None, *, kind: str) -> list[Order]:
        return []

    async def fetch_orders(self, symbol: Symbol, *, start: int) -> list[Order]:
        return []

    async def fetch_fills(self, symbol: Symbol, *, start: int) -> list[Fill]:
        return []

    async def fetch_order(self, symbol: Symbol, *, order_id: str) -> Order:
        return order(symbol, order_id)


@pytest.fixture
def venue() -> Venue:
    return Venue()


@pytest.fixture
async def live(venue: Venue) -> AsyncIterator[LiveOrders]:
    channel = OrderChannel(feed=None, topic="orders", kind="spot", parse=lambda frame: venue.parse(frame))  # type: ignore[arg-type]
    made = LiveOrders(channel, venue, venue, tuple)  # type: ignore[arg-type]
    await made.begun.wait()
    yield made
    await made.aclose()


async def told(live: LiveOrders, count: int) -> list[Order]:
    (inbox,) = live.inboxes or {QueueInbox[Order](100, "changes")}
    found: list[Order] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            await inbox.ready.wait()
            inbox.ready.clear()
            while (each := inbox.take()) is not None:
                found.append(each)
    return found


async def test_a_message_about_a_market_listed_since_is_told_once_the_market_is_known(
    venue: Venue, live: LiveOrders
) -> None:
    live.enter(QueueInbox(100, "changes"))
    venue.listed.add("NEW-USDT")
    live.on_data(b"NEW-USDT")  # of another program, and over at once: no list will ever name it
    (found,) = await told(live, 1)
    assert (found.symbol, found.filled, len(found.fills)) == (NEW, 1, 1)
    live.on_data(b"NEW-USDT")
    assert [each.symbol for each in await told(live, 1)] == [NEW]
    assert venue.refreshed == 1


async def test_a_market_that_is_not_offered_is_looked_for_once_and_said(
    venue: Venue, live: LiveOrders, caplog: pytest.LogCaptureFixture
) -> None:
    live.enter(QueueInbox(100, "changes"))
    with caplog.at_level(logging.WARNING, "tidewire.stream"):
        live.on_data(b"ODD-USDT")
        live.on_data(b"BTC-USDT")
        assert [each.symbol for each in await told(live, 1)] == [BTC]
    assert "own orders that are not told" in caplog.text
    assert "ODD-USDT" in caplog.text
    live.on_data(b"ODD-USDT")
    live.on_data(b"BTC-USDT")
    assert [each.symbol for each in await told(live, 1)] == [BTC], "what is known to be foreign interrupts nothing"
    assert venue.refreshed == 1


async def test_an_order_too_young_for_the_lists_is_not_taken_for_gone(
    venue: Venue, live: LiveOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_found(symbol: Symbol, *, order_id: str) -> Order:
        raise OrderNotFound("no such order")

    monkeypatch.setattr(venue, "fetch_order", not_found)
    live.enter(QueueInbox(100, "changes"))
    placed = msgspec.structs.replace(order(BTC, "9"), status=OrderStatus.OPEN, filled=Decimal(0), fills=())
    monkeypatch.setattr(venue, "parse", lambda frame: [placed])
    live.on_data(b"BTC-USDT")
    assert [each.status for each in await told(live, 1)] == [OrderStatus.OPEN]
    live._look_again()
    await until_read(live)
    assert [each.status for each in live._sync.working] == [OrderStatus.OPEN]
    monkeypatch.setattr(venue, "now_ns", lambda: 2_000_000_000 + 6 * 10**9)
    live._look_again()
    assert [each.status for each in await told(live, 1)] == [OrderStatus.CANCELED]


async def until_read(live: LiveOrders) -> None:
    async with asyncio.timeout(5):
        while live._looks_again:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
