"""Routes taken and executed over real sockets: four venues, each with its own mishap."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox
from tidewire.sandbox.account import LINEAR_FEES, SPOT_FEES
from tidewire.sandbox.exchange import VenueExchange
from tidewire.universal import AsyncUniversal, ExecutionReport, Fees, Outcome, Route, Slice, Universal

VENUES = ("binance", "okx", "htx", "coinbase")
FEES = Fees(
    {
        venue: {
            "spot": (SPOT_FEES.taker, SPOT_FEES.maker),
            "linear": (LINEAR_FEES.taker, LINEAR_FEES.maker),
        }
        for venue in VENUES
    }
)
LOT = Decimal("0.00001")
ORDER_PATHS = {"binance": "/api/v3/order", "okx": "/trade/batch-orders", "htx": "/orders/place", "coinbase": "/orders"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(VENUES, pace=None, seed=3) as running:
        yield running


def universal(sandbox: Sandbox, venues: tuple[str, ...] = VENUES) -> Universal:
    keys = {venue: sandbox.credentials(venue) for venue in venues}
    return Universal(venues, environment=sandbox, credentials=keys, fees=FEES)


def outcomes(report: ExecutionReport) -> dict[str, Outcome]:
    return {each.slice.venue: each.outcome for each in report.slices}


def sweep(sandbox: Sandbox, part: Slice, leave: Decimal) -> None:
    """Let somebody else be faster, and leave so much within a slice's limit."""
    other = tw.Credentials("somebody else", "c2VjcmV0", "passphrase")
    sandbox.add_key(part.venue, other)
    with tw.Client(part.venue, environment=sandbox, credentials=other) as client:
        asks = client.fetch_book("BTC-USDT", 100).asks
        there = sum(level.quantity for level in asks if level.price <= part.limit_price)
        placed = client.create_order(
            "BTC-USDT",
            side="buy",
            type="limit",
            quantity=there - leave,
            price=part.limit_price,
            time_in_force="ioc",
        )
        assert client.fetch_order("BTC-USDT", order_id=placed.order_id).filled == there - leave


def placed(sandbox: Sandbox, venue: str) -> int:
    return sandbox.inspect(venue, lambda exchange: len(exchange._tickets))


def test_a_route_is_filled_as_expected_to_the_last_lot(sandbox: Sandbox) -> None:
    with universal(sandbox) as market:
        for side in ("buy", "sell"):
            route = market.route("BTC-USDT", side, "6.5")
            assert len(route.slices) == 4
            report = market.execute(route)
            assert set(outcomes(report).values()) == {Outcome.FILLED}
            assert (report.filled, report.remaining, report.in_doubt, report.errors) == (Decimal("6.5"), 0, 0, {})
            assert report.value == route.value
            # The sandbox rounds a fee down to 1e-8 of its asset, once a fill.
            assert report.fee is not None
            assert 0 <= route.fee - report.fee < Decimal("0.2")
            assert report.cost is not None
            assert "filled 6.5, 0 remains" in report.explain()


def test_best_venue_walks_the_books_of_all(sandbox: Sandbox) -> None:
    with universal(sandbox) as market:
        found = market.best_venue("BTC-USDT", "buy", 1)
        assert [each.cost for each in found.ranking] == sorted(each.cost for each in found.ranking)
        assert {each.venue for each in found.ranking} == set(VENUES)
        for each in found.ranking:
            with tw.Client(each.venue, environment=sandbox) as client:
                rest, value = Decimal(1), Decimal(0)
                for level in client.fetch_book("BTC-USDT", 100).asks:
                    value += level.price * min(rest, level.quantity)
                    rest -= min(rest, level.quantity)
                assert (rest, each.value) == (0, value)
        route = market.route("BTC-USDT", "buy", 1)
        assert route.saving is not None
        assert route.saving >= 0
        assert route.best_single is not None
        assert route.best_single.venue == found.venue


def test_each_slice_tells_its_own_fate_and_hides_no_other(sandbox: Sandbox) -> None:
    with universal(sandbox) as market:
        route = market.route("BTC-USDT", "buy", 6)
        parts = {each.venue: each for each in route.slices}
        assert set(parts) == set(VENUES)
        # The answer of one is lost, one has lost its funds, and at one somebody else was faster.
        sandbox.fail("drop_after", venue="okx", method="POST", path=ORDER_PATHS["okx"])
        sandbox.inspect("htx", penniless)
        left = parts["binance"].quantity / 2 // LOT * LOT
        sweep(sandbox, parts["binance"], left)
        before = {venue: placed(sandbox, venue) for venue in VENUES}
        report = market.execute(route)
        assert outcomes(report) == {
            "binance": Outcome.PARTIAL,
            "okx": Outcome.UNKNOWN,
            "htx": Outcome.NOT_PLACED,
            "coinbase": Outcome.FILLED,
        }
        by_venue = {each.slice.venue: each for each in report.slices}
        assert isinstance(report.errors["okx"], tw.OutcomeUnknown)
        assert isinstance(report.errors["htx"], tw.InsufficientFunds)
        assert by_venue["binance"].filled == left
        assert report.filled == left + parts["coinbase"].quantity
        assert report.in_doubt == parts["okx"].quantity
        assert report.remaining == 6 - report.filled - report.in_doubt
        assert [each.slice.venue for each in report.unknown] == ["okx"]
        own_id = by_venue["okx"].client_order_id
        assert own_id
        assert own_id in report.explain()

        resolved = market.resolve_execution(report)
        assert outcomes(resolved)["okx"] is Outcome.FILLED
        assert (resolved.in_doubt, resolved.filled) == (0, report.filled + parts["okx"].quantity)
        again = {each.slice.venue: each for each in resolved.slices}
        assert again["okx"].client_order_id == own_id
        assert again["okx"].fees == {"BTC": again["okx"].filled * SPOT_FEES.taker}
        assert {venue: placed(sandbox, venue) - before[venue] for venue in VENUES} == {
            "binance": 1,
            "okx": 1,
            "htx": 0,
            "coinbase": 1,
        }


def penniless(exchange: VenueExchange) -> None:
    for owner in exchange.keys:
        exchange.account(owner).spot["USDT"] = Decimal(0)


def test_a_lost_order_that_never_arrived_is_found_not_to_exist(sandbox: Sandbox) -> None:
    sandbox.fail("drop_before", venue="binance", method="POST", path=ORDER_PATHS["binance"])
    with universal(sandbox, ("binance", "coinbase")) as market:
        report = market.execute(market.route("BTC-USDT", "buy", 4))
        assert outcomes(report) == {"binance": Outcome.UNKNOWN, "coinbase": Outcome.FILLED}
        unknown = report.unknown[0].error
        assert isinstance(unknown, tw.OutcomeUnknown)
        assert unknown.sent_ns is not None
        unknown.sent_ns -= 120 * 10**9  # as if its validity had passed
        resolved = market.resolve_execution(report)
        assert outcomes(resolved)["binance"] is Outcome.NOT_PLACED
        assert isinstance(resolved.errors["binance"], tw.OrderNotFound)
        assert resolved.remaining == resolved.slices[0].slice.quantity


def test_when_the_books_have_moved_nothing_is_chased_beyond_the_limit(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidewire.universal.execution._FORGOTTEN_S", 0.1)  # Coinbase knows no order that ended unfilled
    with universal(sandbox) as market:
        route = market.route("BTC-USDT", "buy", 1)
        for each in route.slices:
            sweep(sandbox, each, Decimal(0))
        report = market.execute(route)
        assert set(outcomes(report).values()) == {Outcome.UNFILLED}
        assert (report.filled, report.in_doubt, report.remaining, report.cost) == (0, 0, 1, 0)


def test_an_answer_that_cannot_be_read_is_in_doubt_until_it_is(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidewire.universal.execution._READ_S", 0.05)
    with universal(sandbox, ("okx",)) as market:
        route = market.route("BTC-USDT", "buy", "0.1")
        fault = sandbox.fail("status", venue="okx", method="GET", path="/trade/order", times=None, status=401)
        report = market.execute(route)
        assert outcomes(report) == {"okx": Outcome.PLACED}
        assert report.in_doubt == Decimal("0.1")
        assert report.slices[0].order is not None
        fault.cancel()
        resolved = market.resolve_execution(report)
        assert outcomes(resolved) == {"okx": Outcome.FILLED}
        assert placed(sandbox, "okx") == 1


def test_perpetuals_are_routed_in_base_units(sandbox: Sandbox) -> None:
    with universal(sandbox, ("binance", "okx", "htx")) as market:
        route = market.route("BTC-USDT-PERP", "sell", "6.2")
        assert {each.venue for each in route.slices} == {"binance", "okx", "htx"}
        report = market.execute(route)
        assert (report.filled, report.value) == (Decimal("6.2"), route.value)


async def test_it_awaits_alike_and_takes_open_books_live() -> None:
    async with Sandbox(("binance", "okx"), pace=None) as sandbox:
        keys = {venue: sandbox.credentials(venue) for venue in sandbox.venues}
        async with AsyncUniversal(sandbox.venues, environment=sandbox, credentials=keys, fees=FEES) as market:
            async with market.live_books.watch([("okx", "BTC-USDT")]) as watch:
                while not watch.books:
                    await watch.changed()
                asked = sandbox.requests("okx")
                route: Route = await market.route("BTC-USDT", "buy", 4)
                assert len(route.slices) == 2
                assert sandbox.requests("okx") == asked
                live = next(each for each in route.slices if each.venue == "okx")
                assert live.sequence == watch.books[0].sequence
            report = await market.execute(route)
            assert (report.filled, report.value) == (4, route.value)
            assert await market.resolve_execution(report) == report


def test_a_venue_that_does_not_answer_is_left_out_and_named(sandbox: Sandbox) -> None:
    sandbox.fail("status", venue="htx", times=None, status=503)
    with Universal(VENUES, environment=sandbox, retries=0, fees=FEES) as market:
        route = market.route("BTC-USDT", "buy", 1)
        assert route.excluded.keys() == {"htx"}
        assert "VenueUnavailable" in route.excluded["htx"]
        with pytest.raises(tw.ConfigError, match="execute needs credentials for binance"):
            market.execute(route)


def test_bounds_are_by_venue_under_any_of_its_names(sandbox: Sandbox) -> None:
    with Universal(VENUES, environment=sandbox, fees=FEES) as market:
        free = {"huobi": {"BTC": 2}, "okx": {"BTC": "0.5"}}
        route = market.route("BTC-USDT", "sell", 2, balances=free, limits={"huobi": "1.5"})
        assert {each.venue: each.quantity for each in route.slices} == {"okx": Decimal("0.5"), "htx": Decimal("1.5")}
        assert route.excluded.keys() == {"binance", "coinbase"}
        for bounds in ({"balances": {"okex!": {"BTC": 1}}}, {"limits": {"okex!": 1}}):
            with pytest.raises(tw.ConfigError, match="no venue 'okex!' here"):
                market.best_venue("BTC-USDT", "sell", 1, **bounds)  # type: ignore[arg-type]


def test_what_would_not_take_at_once_is_refused(sandbox: Sandbox) -> None:
    with universal(sandbox) as market:
        route = market.route("BTC-USDT", "buy", "0.1")
        with pytest.raises(tw.ConfigError, match="'ioc' or 'fok'"):
            market.execute(route, time_in_force="gtc")
    assert [placed(sandbox, venue) for venue in VENUES] == [0, 0, 0, 0]
