"""Orders and fills of any window, however many pages it takes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

import tidewire as tw
from tidewire._dialect import Placement
from tidewire.sandbox import Sandbox

COUNT = 230  # more than two pages of a hundred
SANDBOX = {"pace": None}


@pytest.fixture(scope="module")
def history(sandbox: Sandbox, venue_name: str, spot: str) -> list[tuple[str, int]]:
    """The account's market orders, oldest first: each with its quantity in lots."""
    if venue_name == "binance":
        pytest.skip("this venue's lists are one page of the venue's")
    key, symbol = sandbox.credentials(venue_name).key, tw.Symbol.parse(spot)
    placed = []

    def trade(exchange: Any) -> None:
        rules = next(item for item in exchange.instruments("spot") if item.symbol == symbol)
        least = rules.round_quantity(Decimal(20) / exchange.ticker(symbol).last, "up")
        for number in range(COUNT):
            placement = Placement(
                symbol=symbol,
                side=tw.Side.BUY if number % 2 else tw.Side.SELL,
                type=tw.OrderType.MARKET,
                quantity=least + number * rules.lot_size,
                client_order_id=str(UUID(int=number)),
            )
            placed.append((exchange.place(key, placement).client_order_id, number))

    sandbox.inspect(venue_name, trade)
    return placed


@pytest.fixture
def yesterday(client: tw.Client) -> dt.datetime:
    return client.server_time() - dt.timedelta(days=1)


def test_every_page_of_a_window(
    client: tw.Client, spot: str, history: list[tuple[str, int]], yesterday: dt.datetime
) -> None:
    own = [name for name, _ in history]
    orders = client.fetch_orders(spot, start=yesterday)
    assert [row.client_order_id for row in orders] == own
    fills = client.fetch_fills(spot, start=yesterday)
    assert len(fills) >= COUNT
    assert len({fill.fill_id for fill in fills}) == len(fills)
    assert [fill.time_ns for fill in fills] == sorted(fill.time_ns or 0 for fill in fills)
    assert sum(fill.quantity for fill in fills) == sum(row.filled for row in orders)
    moments = [row.created_ns or 0 for row in orders]
    inside = client.fetch_orders(spot, start=moments[20], end=moments[200])
    assert inside == [row for row in orders if moments[20] <= (row.created_ns or 0) < moments[200]]


def test_limits(client: tw.Client, spot: str, history: list[tuple[str, int]], yesterday: dt.datetime) -> None:
    """The oldest where there is a start, the newest where there is none."""
    own = [name for name, _ in history]
    since = {"start": yesterday}
    assert [row.client_order_id for row in client.fetch_orders(spot, limit=150, **since)] == own[:150]
    assert [row.client_order_id for row in client.fetch_orders(spot, limit=150)] == own[-150:]
    everything = client.fetch_fills(spot, **since)
    assert client.fetch_fills(spot, limit=7, **since) == everything[:7]
    assert client.fetch_fills(spot, limit=150) == everything[-150:]
    assert client.fetch_orders(spot, start="2020-01-01", end="2020-01-02") == []
