"""Lists that HTX and OKX give by windows of time, over real sockets; the contract suite has spot orders and fills."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire._dialect import Placement
from tidewire.sandbox import Sandbox
from tidewire.symbols import Symbol

COUNT = 230  # more than two pages of 100
PERP = Symbol.parse("BTC-USDT-PERP")
DAY = 86_400 * 10**9


@pytest.fixture(scope="module", params=["okx", "htx"])
def client(request: pytest.FixtureRequest) -> Iterator[tw.Client]:
    """An account with many finished orders."""
    name = request.param
    with Sandbox(name, seed=11, pace=None) as sandbox:
        key = sandbox.credentials(name)

        def trade(exchange: Any) -> None:
            for number in range(COUNT):
                side = tw.Side.SELL if number % 4 else tw.Side.BUY
                order = Placement(symbol=PERP, side=side, type=tw.OrderType.MARKET, quantity=Decimal("0.01"))
                exchange.place(key.key, order)

        sandbox.inspect(name, trade)
        with tw.Client(name, environment=sandbox, credentials=key) as made:
            yield made


def days_ago(client: tw.Client, days: int) -> int:
    return int(client.server_time().timestamp()) * 10**9 - days * DAY


def test_a_start_of_days_ago_reaches_today(client: tw.Client) -> None:
    """HTX takes windows of two days at most: one after the other is asked for."""
    since = days_ago(client, 5)
    orders = client.fetch_orders(PERP, start=since)
    assert len(orders) == len({order.order_id for order in orders}) == COUNT
    assert orders == sorted(orders, key=lambda order: (order.created_ns, int(order.order_id)))
    fills = client.fetch_fills(PERP, start=since)
    assert {fill.order_id for fill in fills} == {order.order_id for order in orders}
    assert sum(fill.quantity for fill in fills) == sum(order.filled or 0 for order in orders)
    assert client.fetch_fills(PERP, start=since, limit=7) == fills[:7]
    assert client.fetch_fills(PERP, limit=150) == fills[-150:]


def test_funding_comes_whole(client: tw.Client) -> None:
    since = days_ago(client, 80)
    rates = client.fetch_funding_history(PERP, start=since)
    times = [rate.funding_time_ns for rate in rates]
    assert len(rates) == 240
    assert {b - a for a, b in itertools.pairwise(times)} == {8 * 3600 * 10**9}
    assert client.fetch_funding_history(PERP, start=since, limit=3) == rates[:3]
    assert client.fetch_funding_history(PERP, limit=120) == rates[-120:]
