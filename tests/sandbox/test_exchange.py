"""Money and orders inside a venue: nothing is created, nothing lost, and no order lies about its state."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire._dialect import Placement
from tidewire.errors import (
    DuplicateOrder,
    FilterViolation,
    InsufficientFunds,
    OrderNotFound,
    OrderRejected,
    UnknownSymbol,
    VenueError,
    WouldTakeLiquidity,
)
from tidewire.models import Order, OrderStatus, OrderType, Side, TimeInForce
from tidewire.sandbox import FUNDS
from tidewire.sandbox.exchange import VenueExchange
from tidewire.sandbox.quotas import Quotas
from tidewire.symbols import Interval, Symbol
from tidewire.venues.binance.sandbox import DIALECT

SPOT, LINEAR = Symbol.parse("BTC-USDT"), Symbol.parse("BTC-USDT-PERP")
D = Decimal


@pytest.fixture
def exchange() -> VenueExchange:
    return build()


def build(seed: int = 3) -> VenueExchange:
    return VenueExchange(DIALECT, seed, FUNDS, Quotas(DIALECT.limits))


def order(
    exchange: VenueExchange,
    side: str,
    quantity: str | None,
    price: Decimal | None = None,
    *,
    owner: str = "ann",
    **more: Any,
) -> Order:
    symbol = more.pop("symbol", SPOT)
    type = OrderType.MARKET if price is None else OrderType.LIMIT
    return exchange.place(
        owner,
        Placement(
            symbol=symbol,
            side=Side(side),
            type=type,
            quantity=None if quantity is None else D(quantity),
            price=price,
            **more,
        ),
    )


def best(exchange: VenueExchange, symbol: Symbol = SPOT) -> tuple[Decimal, Decimal]:
    book = exchange.book(symbol, 1)
    return book.bids[0].price, book.asks[0].price


def near(exchange: VenueExchange, side: str, percent: int, symbol: Symbol = SPOT) -> Decimal:
    """A price on the grid, some percent better (or worse) than the market's."""
    sign = 1 if side == "buy" else -1
    market = exchange.markets[symbol]
    return market.instrument.round_price(market.mark() * (100 + sign * percent) / 100)


scripts = st.lists(
    st.one_of(
        st.tuples(
            st.just("limit"),
            st.sampled_from(["buy", "sell"]),
            st.integers(-3, 1),
            st.integers(1, 400),
            st.sampled_from(list(TimeInForce)[:3]),
            st.booleans(),
        ),
        st.tuples(st.just("market"), st.sampled_from(["buy", "sell"]), st.integers(1, 400)),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("step")),
    ),
    max_size=25,
)


def play(
    exchange: VenueExchange, script: list[tuple], symbol: Symbol, owners: tuple[str, ...] = ("ann", "bob")
) -> None:
    for number, action in enumerate(script):
        owner = owners[number % len(owners)]
        try:
            if action[0] == "limit":
                _, side, percent, lots, force, post_only = action
                price = near(exchange, side, percent, symbol)
                quantity = str(D(lots) * D("0.01"))
                force = TimeInForce.GTC if post_only else force
                order(
                    exchange,
                    side,
                    quantity,
                    price,
                    owner=owner,
                    symbol=symbol,
                    time_in_force=force,
                    post_only=post_only,
                )
            elif action[0] == "market":
                order(exchange, action[1], str(D(action[2]) * D("0.01")), owner=owner, symbol=symbol)
            elif action[0] == "cancel":
                working = exchange.orders(owner, symbol.kind, open_only=True)
                if working:
                    exchange.cancel(owner, symbol, order_id=working[action[1] % len(working)].order_id)
            else:
                exchange.step()
        except (InsufficientFunds, WouldTakeLiquidity, FilterViolation):
            continue


def check_orders(exchange: VenueExchange, symbol: Symbol) -> None:
    """Every order's figures agree with its state and its fills."""
    for owner in ("ann", "bob"):
        for found in exchange.orders(owner, symbol.kind):
            filled = sum((fill.quantity for fill in found.fills), D(0))
            assert found.filled == filled
            assert found.quote_filled == sum((fill.quantity * fill.price for fill in found.fills), D(0))
            assert found.quantity is not None
            expected = {
                OrderStatus.OPEN: filled == 0,
                OrderStatus.PARTIAL: 0 < filled < found.quantity,
                OrderStatus.FILLED: filled == found.quantity,
            }
            assert expected.get(found.status, filled < found.quantity)
            if found.price is not None:
                limit = 1 if found.side is Side.BUY else -1
                assert all(limit * fill.price <= limit * found.price for fill in found.fills)
        working = exchange.orders(owner, symbol.kind, open_only=True)
        assert all(found.status in (OrderStatus.OPEN, OrderStatus.PARTIAL) for found in working)


def check_book(exchange: VenueExchange, symbol: Symbol) -> None:
    bid, ask = best(exchange, symbol)
    assert bid < ask
    resting = defaultdict(D)
    for owner in ("ann", "bob"):
        for found in exchange.orders(owner, symbol.kind, open_only=True):
            resting[found.side, found.price] += found.remaining or 0
    levels = exchange.book(symbol, 10**6)
    shown = {(Side.BUY, level.price): level.quantity for level in levels.bids}
    shown |= {(Side.SELL, level.price): level.quantity for level in levels.asks}
    assert all(shown[where] >= quantity for where, quantity in resting.items())


@settings(max_examples=30)
@given(scripts)
def test_spot_assets_are_conserved(script: list[tuple]) -> None:
    exchange = build()
    play(exchange, script, SPOT)
    check_orders(exchange, SPOT)
    check_book(exchange, SPOT)
    owners = [account for name, account in exchange.accounts.items() if name]
    for asset in FUNDS:
        held = sum((account.spot[asset] for account in exchange.accounts.values()), D(0))
        assert held + exchange.fees_taken[asset] == FUNDS[asset] * len(owners)
    for owner in ("ann", "bob"):
        account = exchange.account(owner)
        assert all(account.free(asset) >= 0 for asset in account.spot)
        backing: dict[str, Decimal] = defaultdict(D)
        for found in exchange.orders(owner, "spot", open_only=True):
            assert found.price is not None
            left = found.remaining or D(0)
            asset, needed = ("USDT", left * found.price) if found.side is Side.BUY else ("BTC", left)
            backing[asset] += needed
        assert {a: q for a, q in account.locked.items() if q} == {a: q for a, q in backing.items() if q}


@settings(max_examples=30)
@given(scripts)
def test_futures_equity_is_conserved(script: list[tuple]) -> None:
    exchange = build()
    play(exchange, script, LINEAR)
    check_orders(exchange, LINEAR)
    check_book(exchange, LINEAR)
    owners = [name for name in exchange.accounts if name]
    native = exchange.markets[LINEAR].instrument.native
    held = [account.positions[native] for account in exchange.accounts.values()]
    assert sum(holding.quantity for holding in held) == 0
    mark = D(50_000)  # any: whoever is long gains what the short loses
    wallets = sum((account.margin["USDT"] for account in exchange.accounts.values()), D(0))
    profit = sum((holding.quantity * (mark - holding.entry) for holding in held), D(0))
    total = wallets + profit + exchange.fees_taken["USDT"]
    assert total == pytest.approx(FUNDS["USDT"] * len(owners), abs=D("1e-12"))


def test_a_user_order_rests_fills_and_prints(exchange: VenueExchange) -> None:
    bid, ask = best(exchange)
    price = bid + (ask - bid) / 2
    price = exchange.markets[SPOT].instrument.round_price(price, "up")
    price = min(price, ask - exchange.markets[SPOT].instrument.tick_size)
    mine = order(exchange, "buy", "0.5", price)
    assert mine.status is OrderStatus.OPEN
    at_price = {level.price: level.quantity for level in exchange.book(SPOT, 5).bids}[price]
    assert at_price >= D("0.5")
    theirs = order(exchange, "sell", str(at_price), owner="bob", price=price)
    assert theirs.status is OrderStatus.FILLED
    mine = exchange.order("ann", SPOT, order_id=mine.order_id)
    assert mine.status is OrderStatus.FILLED
    assert mine.fills[0].maker is True
    assert mine.fills[0].fill_id in {trade.trade_id for trade in exchange.trades(SPOT, 5)}
    assert {trade.side for trade in exchange.trades(SPOT, len(theirs.fills))} == {Side.SELL}


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_time_in_force(exchange: VenueExchange, side: str) -> None:
    front = best(exchange)[1 if side == "buy" else 0]
    levels = exchange.book(SPOT, 1)
    first = (levels.asks if side == "buy" else levels.bids)[0].quantity
    more = str(first + 1)
    killed = order(exchange, side, more, front, time_in_force=TimeInForce.FOK)
    assert (killed.status, killed.filled) == (OrderStatus.EXPIRED, 0)
    part = order(exchange, side, more, front, time_in_force=TimeInForce.IOC)
    assert (part.status, part.filled) == (OrderStatus.EXPIRED, first)
    rest = order(exchange, side, more, front)
    assert (rest.status, rest.filled) == (OrderStatus.OPEN, 0)
    with pytest.raises(WouldTakeLiquidity):
        order(exchange, side, "1", near(exchange, side, 1), post_only=True)


def test_ones_own_order_is_expired_instead_of_traded_with(exchange: VenueExchange) -> None:
    bid, ask = best(exchange)
    tick = exchange.markets[SPOT].instrument.tick_size
    house = exchange.book(SPOT, 1).asks[0].quantity
    mine = order(exchange, "sell", "0.3", ask)
    taken = order(exchange, "buy", str(house + D("0.3")), ask)
    assert exchange.order("ann", SPOT, order_id=mine.order_id).status is OrderStatus.EXPIRED
    assert (taken.status, taken.filled) == (OrderStatus.PARTIAL, house)
    assert exchange.account("ann").locked["BTC"] == 0
    assert best(exchange)[0] == ask
    assert bid < ask - tick or bid == ask - tick


def test_a_market_order_by_value_spends_no_more(exchange: VenueExchange) -> None:
    bought = order(exchange, "buy", None, quote_quantity=D(1000))
    assert bought.quote_filled is not None
    assert bought.average_price is not None
    lot = exchange.markets[SPOT].instrument.lot_size
    assert D(1000) - bought.average_price * lot * 2 < bought.quote_filled <= D(1000)


def test_reduce_only_reduces_and_never_turns(exchange: VenueExchange) -> None:
    with pytest.raises(OrderRejected) as refused:
        order(exchange, "sell", "0.1", symbol=LINEAR, reduce_only=True)
    assert refused.value.code == "reduce_only"
    order(exchange, "buy", "0.1", symbol=LINEAR)
    resting = order(exchange, "sell", "0.1", near(exchange, "sell", -2, LINEAR), symbol=LINEAR, reduce_only=True)
    closed = order(exchange, "sell", "0.4", symbol=LINEAR, reduce_only=True)
    assert (closed.quantity, closed.filled) == (D("0.1"), D("0.1"))
    assert exchange.positions("ann") == []
    assert exchange.order("ann", LINEAR, order_id=resting.order_id).status is OrderStatus.EXPIRED


def test_a_position_averages_and_realises(exchange: VenueExchange) -> None:
    opened = order(exchange, "buy", "0.2", symbol=LINEAR)
    wallet = exchange.account("ann").margin["USDT"]
    (position,) = exchange.positions("ann")
    assert position.entry_price == pytest.approx(opened.average_price)
    closed = order(exchange, "sell", "0.1", symbol=LINEAR)
    assert closed.average_price is not None
    assert opened.average_price is not None
    profit = D("0.1") * (closed.average_price - opened.average_price)
    fees = sum((fill.fee or D(0) for fill in closed.fills), D(0))
    assert exchange.account("ann").margin["USDT"] - wallet == pytest.approx(profit - fees, abs=D("1e-15"))
    assert sum((fill.realized_pnl or D(0) for fill in closed.fills), D(0)) == pytest.approx(profit, abs=D("1e-15"))


@pytest.mark.parametrize(
    ("quantity", "percent", "more", "error", "code"),
    [
        ("0.000001", -1, {}, FilterViolation, "lot"),
        ("0", -1, {}, FilterViolation, "lot"),
        ("0.00001", -1, {}, FilterViolation, "notional"),
        ("1000000", -1, {}, FilterViolation, "lot"),
        ("0.01", -90, {}, FilterViolation, "band"),
        ("100", -1, {}, InsufficientFunds, None),
    ],
)
def test_refusals(
    exchange: VenueExchange, quantity: str, percent: int, more: dict, error: type[VenueError], code: str | None
) -> None:
    with pytest.raises(error) as refused:
        order(exchange, "buy", quantity, near(exchange, "buy", percent), **more)
    assert refused.value.code == code
    assert exchange.orders("ann", "spot") == []


def test_a_price_off_the_grid_is_refused(exchange: VenueExchange) -> None:
    with pytest.raises(FilterViolation) as refused:
        order(exchange, "buy", "0.01", near(exchange, "buy", -1) + D("0.001"))
    assert refused.value.code == "price"


def test_margin_is_limited(exchange: VenueExchange) -> None:
    mark = exchange.markets[LINEAR].mark()
    most = FUNDS["USDT"] * 20 / mark
    with pytest.raises(InsufficientFunds):
        order(exchange, "buy", f"{most * D('1.05'):.3f}", near(exchange, "buy", -1, LINEAR), symbol=LINEAR)
    order(exchange, "buy", f"{most * D('0.5'):.3f}", near(exchange, "buy", -1, LINEAR), symbol=LINEAR)
    with pytest.raises(InsufficientFunds):
        order(exchange, "buy", f"{most * D('0.55'):.3f}", near(exchange, "buy", -1, LINEAR), symbol=LINEAR)


def test_client_ids_are_unique_among_open_orders_only(exchange: VenueExchange) -> None:
    price = near(exchange, "buy", -2)
    first = order(exchange, "buy", "0.01", price, client_order_id="mine")
    with pytest.raises(DuplicateOrder):
        order(exchange, "buy", "0.01", price, client_order_id="mine")
    order(exchange, "buy", "0.01", price, client_order_id="mine", owner="bob")
    exchange.cancel("ann", SPOT, client_order_id="mine")
    second = order(exchange, "buy", "0.01", price, client_order_id="mine")
    assert exchange.order("ann", SPOT, client_order_id="mine").order_id == second.order_id != first.order_id


def test_orders_are_found_by_their_owner_and_symbol_only(exchange: VenueExchange) -> None:
    placed = order(exchange, "buy", "0.01", near(exchange, "buy", -2), client_order_id="mine")
    for owner, symbol, ids in (
        ("bob", SPOT, {"order_id": placed.order_id}),
        ("ann", LINEAR, {"order_id": placed.order_id}),
        ("ann", SPOT, {"order_id": "1"}),
        ("ann", SPOT, {"client_order_id": "other"}),
        ("ann", SPOT, {"order_id": placed.order_id, "client_order_id": "other"}),
    ):
        with pytest.raises(OrderNotFound):
            exchange.cancel(owner, symbol, **ids)
    exchange.cancel("ann", SPOT, order_id=placed.order_id)
    with pytest.raises(OrderNotFound):
        exchange.cancel("ann", SPOT, order_id=placed.order_id)


def test_the_same_seed_gives_the_same_market() -> None:
    first, second, other = build(5), build(5), build(6)
    now = first.now_ns()
    for exchange in (first, second, other):
        exchange.now_ns = lambda: now  # type: ignore[method-assign]
    window = {"start": now - 10**12, "end": None, "limit": 10}
    minute = Interval.parse("1m")
    assert first.bars(SPOT, minute, **window) == second.bars(SPOT, minute, **window)
    assert first.bars(SPOT, minute, **window) != other.bars(SPOT, minute, **window)


def test_markets_keep_moving_and_never_cross() -> None:
    exchange = build()
    for _ in range(300):
        exchange.offset_ns += 10**9  # a second a step: the path moves many ticks
        exchange.step()
        for symbol in (SPOT, LINEAR, Symbol.parse("PEPE-USDT")):
            bid, ask = best(exchange, symbol)
            assert bid < ask
            market = exchange.markets[symbol]
            path = D(market.path.at(exchange.now_ns()))
            tick = market.instrument.tick_size
            assert bid - 2 * tick <= path * D("1.002")
            assert ask + 2 * tick >= path * D("0.998")
    sizes = [len(market.book.bids.keys) for market in exchange.markets.values()]
    assert min(sizes) > 150
    assert max(sizes) < 600


def test_an_unknown_instrument(exchange: VenueExchange) -> None:
    with pytest.raises(UnknownSymbol):
        exchange.instrument("NOPE", "spot")
