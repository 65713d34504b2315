"""Orders over a socket, on every venue that takes them: as over REST, and no lost answer is taken for a refusal."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire._connection import Patience
from tidewire._entry import OrderEntry
from tidewire.sandbox import Sandbox
from tidewire.symbols import Symbol

from .conftest import roomy

Place = Callable[..., Awaitable[tw.Order]]
ACCEPTS_POST_ONLY = ("okx",)
"""Venues that take a post-only order that would trade at once, and cancel it."""


@pytest.fixture(scope="module")
def sandbox(venue_name: str) -> Iterator[Sandbox]:
    if not hasattr(tw.AsyncClient, "order_entry") or "order_entry" not in tw.venue(venue_name).capabilities:
        pytest.skip(f"{venue_name} does not take orders over a stream")
    with Sandbox(venue_name, seed=7, pace=None, limits=roomy(venue_name)) as running:
        try:
            running.credentials(venue_name)
        except tw.ConfigError as missing:
            pytest.skip(str(missing))
        yield running


@pytest.fixture
async def client(sandbox: Sandbox, venue_name: str) -> AsyncIterator[tw.AsyncClient]:
    sandbox.clear_faults()
    key = sandbox.credentials(venue_name)
    async with tw.AsyncClient(venue_name, environment=sandbox, credentials=key, timeout=1.0, retries=0) as made:
        made.streams.patience = Patience(first_s=0.005, cap_s=0.05)
        yield made
    sandbox.clear_faults()


@pytest.fixture
async def terms(client: tw.AsyncClient, symbol: str) -> dict[str, Any]:
    """A limit order that rests."""
    rules = await client.instrument(symbol)
    price = rules.round_price((await client.fetch_price(symbol)) * Decimal("0.95"))
    quantity = rules.round_quantity(Decimal(200) / price, "up")
    return {"symbol": symbol, "side": "buy", "type": "limit", "price": price, "quantity": quantity}


def kind_of(terms: dict[str, Any]) -> Any:
    return Symbol.parse(terms["symbol"]).kind


async def test_an_order_is_placed_and_canceled(client: tw.AsyncClient, terms: dict[str, Any]) -> None:
    symbol = terms["symbol"]
    async with client.order_entry(kind=kind_of(terms)) as entry:
        placed = await entry.create_order(**terms)
        stored = await client.fetch_order(symbol, order_id=placed.order_id)
        assert placed.status in (stored.status, tw.OrderStatus.PENDING), "some venues only take an order at first"
        for name in ("symbol", "client_order_id", "side", "type", "price", "quantity"):
            assert getattr(stored, name) == getattr(placed, name) or getattr(placed, name) is None
        canceled = await entry.cancel_order(symbol, order_id=placed.order_id)
        assert canceled.order_id == placed.order_id
        own = await entry.create_order(**terms, client_order_id=placed.client_order_id)
        await entry.cancel_order(symbol, client_order_id=own.client_order_id)
    assert not await client.fetch_open_orders(symbol)


async def refusal(place: Place, terms: dict[str, Any]) -> tw.Error:
    with pytest.raises(tw.Error) as caught:
        await place(**terms)
    return caught.value


async def test_refusals_are_those_of_rest(client: tw.AsyncClient, terms: dict[str, Any], sandbox: Sandbox) -> None:
    rules = await client.instrument(terms["symbol"])
    async with client.order_entry(kind=kind_of(terms)) as entry:
        first = await entry.create_order(**terms)
        changes: list[dict[str, Any]] = [
            {"price": terms["price"] + rules.tick_size / 3},
            {"quantity": Decimal(0)},
            {"client_order_id": first.client_order_id},
            {"quantity": rules.round_quantity(Decimal(50_000_000) / terms["price"])},
            {"symbol": terms["symbol"].replace("BTC", "NOSUCH")},
        ]
        if client.venue.name not in ACCEPTS_POST_ONLY:
            changes.append({"price": rules.round_price(terms["price"] * Decimal("1.2")), "post_only": True})
        for change in changes:
            over_rest = await refusal(client.create_order, {**terms, **change})
            over_socket = await refusal(entry.create_order, {**terms, **change})
            assert (type(over_socket), str(over_socket)) == (type(over_rest), str(over_rest))
        await entry.cancel_order(terms["symbol"], order_id=first.order_id)
        gone = {"symbol": terms["symbol"], "order_id": first.order_id}
        assert type(await refusal(entry.cancel_order, gone)) is type(await refusal(client.cancel_order, gone))


@pytest.mark.parametrize(
    ("fault", "exists"), [("close", True), ("lose", True), ("garble", True), ("close_before", False), ("ignore", False)]
)
async def test_a_lost_answer_is_an_unknown_outcome(
    client: tw.AsyncClient, terms: dict[str, Any], sandbox: Sandbox, venue_name: str, fault: Any, exists: bool
) -> None:
    async with client.order_entry(kind=kind_of(terms)) as entry:
        sandbox.fail(fault, venue=venue_name)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(entry, "_timeout", 0.4)  # there will be no answer
            with pytest.raises(tw.OutcomeUnknown) as caught:
                await entry.create_order(**terms)
        own_id = caught.value.client_order_id
        assert own_id
        if exists:
            found = await client.resolve_order(caught.value)
            assert (found.client_order_id, found.status) == (own_id, tw.OrderStatus.OPEN)
        else:
            with pytest.raises(tw.OrderNotFound):
                await client.resolve_order(caught.value, timeout=0.3)
        orders = await client.fetch_orders(terms["symbol"])
        assert sum(order.client_order_id == own_id for order in orders) == exists
        again = await until_sent(entry, terms)
        for order_id in {again.order_id, *(order.order_id for order in orders if not order.status.is_final)}:
            await client.cancel_order(terms["symbol"], order_id=order_id)


async def until_sent(entry: OrderEntry, terms: dict[str, Any]) -> tw.Order:
    """Place an order as soon as the connection is back."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await entry.create_order(**terms)
            except tw.ConnectionFailed:
                await asyncio.sleep(0.01)


async def test_while_the_connection_is_down_nothing_is_sent(
    client: tw.AsyncClient, terms: dict[str, Any], sandbox: Sandbox, venue_name: str
) -> None:
    async with client.order_entry(kind=kind_of(terms)) as entry:
        sandbox.fail("reject", venue=venue_name, times=None)
        sandbox.fail("close_before", venue=venue_name)
        with pytest.raises(tw.OutcomeUnknown):
            await entry.create_order(**terms)
        with pytest.raises(tw.ConnectionFailed) as caught:
            await entry.create_order(**terms)
        assert not isinstance(caught.value, tw.OutcomeUnknown)
        sandbox.clear_faults()
        order = await until_sent(entry, terms)
        await client.cancel_order(terms["symbol"], order_id=order.order_id)
    assert not await client.fetch_open_orders(terms["symbol"])


async def test_no_order_is_lost_to_a_rotation(
    client: tw.AsyncClient, terms: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = client.venue.order_entry

    def short_lived(**which: Any) -> Any:
        channel = offered(**which)
        return replace(channel, feed=replace(channel.feed, life_s=0.1))

    monkeypatch.setattr(client.venue, "order_entry", short_lived)
    async with client.order_entry(kind=kind_of(terms)) as entry:
        async with asyncio.timeout(20):
            while entry.stats.rotations < 3:
                order = await entry.create_order(**terms)
                await entry.cancel_order(terms["symbol"], order_id=order.order_id)
                await asyncio.sleep(0.005)
        assert entry.stats.reconnects == 0


async def test_what_cannot_work_is_refused_at_once(
    client: tw.AsyncClient, terms: dict[str, Any], sandbox: Sandbox
) -> None:
    entry = client.order_entry(kind=kind_of(terms))
    with pytest.raises(tw.ConfigError, match="enter it first"):
        await entry.create_order(**terms)
    async with tw.AsyncClient(client.venue.name, environment=sandbox) as nobody:
        with pytest.raises(tw.ConfigError, match="credentials"):
            nobody.order_entry()
    async with entry:
        with pytest.raises(tw.ConfigError):
            await entry.create_order(**{**terms, "price": None})
        with pytest.raises(tw.ConfigError, match="entered once"):
            await entry.__aenter__()
    with pytest.raises(tw.ConnectionFailed):
        await entry.create_order(**terms)


async def test_secrets_stay_secret(client: tw.AsyncClient, terms: dict[str, Any], sandbox: Sandbox) -> None:
    root, stream = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        key = sandbox.credentials(client.venue.name)
        async with client.order_entry(kind=kind_of(terms)) as entry:
            order = await entry.create_order(**terms)
            await entry.cancel_order(terms["symbol"], order_id=order.order_id)
            sandbox.fail("close", venue=client.venue.name)
            with pytest.raises(tw.OutcomeUnknown) as caught:
                await entry.create_order(**terms)
            await client.cancel_all_orders(terms["symbol"])
            shown = stream.getvalue() + repr(entry) + repr(caught.value) + str(vars(caught.value))
        async with client.watch_orders(kind=kind_of(terms)) as orders:
            await client.create_order(**terms)
            await anext(orders)
            shown += repr(orders) + repr(client.streams.stats())
            await client.cancel_all_orders(terms["symbol"])
        shown += stream.getvalue()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "listenKey=" not in shown.replace("listenKey=***", "")
    for secret in (key.key, key.secret, key.passphrase):
        assert secret is None or secret not in shown
