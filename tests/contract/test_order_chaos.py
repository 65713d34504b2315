"""The answer to a new order is lost at every point: one order exists or none, and the client ends up knowing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox


def place(client: tw.Client, spot: str, type_: str) -> tw.Order:
    rules = client.instrument(spot)
    last = client.fetch_price(spot)
    price = rules.round_price(last * Decimal("0.95"))
    quantity = rules.round_quantity(Decimal(200) / last, "up")
    limit = {} if type_ == "market" else {"price": price}
    side = "sell" if type_ == "market" and "spot" in client.venue.spec.market_buys_by_value else "buy"
    return client.create_order(spot, side=side, type=type_, quantity=quantity, **limit)


def count(client: tw.Client, spot: str, own_id: str) -> int:
    return sum(order.client_order_id == own_id for order in client.fetch_orders(spot))


CASES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("drop_before", "limit", {}, False),
    ("drop_before", "market", {}, False),
    ("drop_after", "limit", {}, True),
    ("drop_after", "market", {}, True),
    ("drop_late", "limit", {"seconds": 0.3}, True),
    ("truncate", "limit", {}, True),
    ("html", "market", {}, True),
    ("status", "limit", {"status": 500}, False),
]


@pytest.mark.parametrize(
    ("kind", "type_", "how", "exists"), CASES, ids=[f"{kind}-{type_}" for kind, type_, _, _ in CASES]
)
def test_lost_answers(
    sandbox: Sandbox,
    venue_name: str,
    client: tw.Client,
    spot: str,
    kind: Any,
    type_: str,
    how: dict[str, Any],
    exists: bool,
) -> None:
    client.instrument(spot)
    client.fetch_balances()
    fault = sandbox.fail(kind, venue=venue_name, method="POST", **how)
    with pytest.raises(tw.OutcomeUnknown) as caught:
        place(client, spot, type_)
    assert fault.hits == 1
    own_id = caught.value.client_order_id
    assert own_id
    if exists:
        found = client.resolve_order(caught.value)
        assert found.client_order_id == own_id
        assert found.status is (tw.OrderStatus.FILLED if type_ == "market" else tw.OrderStatus.OPEN)
        assert count(client, spot, own_id) == 1
        if type_ == "limit":
            client.cancel_order(spot, order_id=found.order_id)
    else:
        with pytest.raises(tw.OrderNotFound):
            client.resolve_order(caught.value, timeout=0.25)
        assert count(client, spot, own_id) == 0
