"""Orders, fills and funding over real sockets, where they fill more than a page of the venue's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal

import pytest

import tidewire as tw
from tidewire._dialect import Placement
from tidewire.models import OrderType, Side
from tidewire.sandbox import Sandbox
from tidewire.symbols import Symbol

COUNT = 230  # more than two pages of 100


@pytest.fixture(scope="module", params=["okx", "htx"])
def client(request: pytest.FixtureRequest) -> Iterator[tw.Client]:
    """An account with many finished orders of each kind, half of them filled."""
    name = request.param
    with Sandbox(name, seed=11, pace=None) as sandbox:
        key = sandbox.credentials(name)
        for text in ("BTC-USDT", "BTC-USDT-PERP"):
            sandbox.inspect(name, lambda exchange, text=text: trade(exchange, key.key, Symbol.parse(text)))
        with tw.Client(name, environment=sandbox, credentials=key) as made:
            yield made


def trade(exchange: object, owner: str, symbol: Symbol) -> None:
    place, book = exchange.place, exchange.book(symbol, 1)  # type: ignore[attr-defined]
    rule = next(i for i in exchange.instruments(symbol.kind) if i.symbol == symbol)  # type: ignore[attr-defined]
    quantity = rule.round_quantity(Decimal(20) / book.bids[0].price + rule.lot_size, "up")
    for number in range(COUNT):
        side = Side.SELL if number % 4 else Side.BUY
        place(owner, Placement(symbol=symbol, side=side, type=OrderType.MARKET, quantity=quantity))


@pytest.mark.parametrize("symbol", ["BTC-USDT", "BTC-USDT-PERP"])
def test_orders_and_fills_come_whole(client: tw.Client, symbol: str) -> None:
    start = client.server_time().replace(microsecond=0).timestamp()
    since = (int(start) - 3600) * 10**9
    orders = client.fetch_orders(symbol, start=since)
    assert len(orders) == len({order.order_id for order in orders}) == COUNT
    assert orders == sorted(orders, key=lambda order: (order.created_ns, int(order.order_id)))
    assert client.fetch_orders(symbol, start=since, limit=7) == orders[:7]
    assert client.fetch_orders(symbol, limit=150) == orders[-150:]
    assert client.fetch_orders(symbol, start=since, end=orders[0].created_ns) == []
    fills = client.fetch_fills(symbol, start=since)
    assert {fill.order_id for fill in fills} == {order.order_id for order in orders}
    assert sum(fill.quantity for fill in fills) == sum(order.filled or 0 for order in orders)
    assert client.fetch_fills(symbol, start=since, limit=7) == fills[:7]
    assert client.fetch_fills(symbol, limit=150) == fills[-150:]


def test_a_start_of_days_ago_reaches_today(client: tw.Client) -> None:
    """HTX takes windows of two days at most: clients ask for one after the other."""
    since = int(client.server_time().timestamp() - 5 * 86_400) * 10**9
    assert len(client.fetch_orders("BTC-USDT", start=since)) == COUNT
    assert client.fetch_fills("BTC-USDT-PERP", start=since, limit=1)


def test_funding_comes_whole(client: tw.Client) -> None:
    since = int(client.server_time().timestamp() - 80 * 86_400) * 10**9
    rates = client.fetch_funding_history("BTC-USDT-PERP", start=since)
    times = [rate.funding_time_ns for rate in rates]
    assert len(rates) == 240
    assert {b - a for a, b in itertools.pairwise(times)} == {8 * 3600 * 10**9}
    assert client.fetch_funding_history("BTC-USDT-PERP", start=since, limit=3) == rates[:3]
    assert client.fetch_funding_history("BTC-USDT-PERP", limit=120) == rates[-120:]
