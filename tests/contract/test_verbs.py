"""Every verb of every venue against its sandbox, over real sockets, blocking and with asyncio."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import time
from decimal import Decimal
from typing import Any

import msgspec
import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox

HOUR = 3600 * 10**9


class Blocking:
    """Lets one test body drive either client: every call is awaited, and the blocking one simply answers at once."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if not callable(member):
            return member

        async def call(*args: Any, **kwargs: Any) -> Any:
            value = member(*args, **kwargs)
            return await value if inspect.isawaitable(value) else value

        return call


@pytest.fixture(params=["sync", "async"])
def api(request: pytest.FixtureRequest, client: tw.Client, async_client: tw.AsyncClient) -> Any:
    return Blocking(client if request.param == "sync" else async_client)


def needs(api: Any, *verbs: str) -> None:
    missing = set(verbs) - api.capabilities
    if missing:
        pytest.skip(f"the venue does not offer {', '.join(sorted(missing))}")


async def settled(api: Any, order: tw.Order) -> tw.Order:
    """The order's true state: some venues only say that they took the request."""
    if order.status in (tw.OrderStatus.PENDING, tw.OrderStatus.CANCELING):
        try:
            return await api.fetch_order(order.symbol, order_id=order.order_id)
        except tw.OrderNotFound:
            if not forgets(order.venue):
                raise
            return msgspec.structs.replace(order, status=tw.OrderStatus.CANCELED, filled=Decimal(0))
    return order


def forgets(venue: str) -> bool:
    """Whether an order that ended without a fill is gone."""
    return tw.venue(venue).spec.forgets_unfilled


async def test_ping_and_time(api: Any) -> None:
    assert 0 < await api.ping() < 5e9
    now = await api.server_time()
    assert now.tzinfo is not None
    assert abs(now - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)


async def test_instruments(api: Any, spot: str) -> None:
    everything = await api.fetch_instruments()
    rows = await api.fetch_instruments("spot")
    assert {item.kind for item in rows} == {"spot"}
    assert len(everything) >= len(rows) > 0
    one = await api.instrument(spot)
    assert one in rows
    assert one.active
    assert one.tick_size > 0
    assert one.round_price("100.123456789", "up") >= Decimal("100.123456789")


async def test_klines_for_any_window(api: Any, symbol: str) -> None:
    end = time.time_ns() // HOUR * HOUR - 3 * HOUR
    bars = await api.fetch_klines(symbol, "1m", start=end - 60 * HOUR, end=end)
    assert len(bars) == 3600  # several pages
    assert bars.open_time[0] == end - 60 * HOUR
    assert bars.open_time[-1] == end - HOUR // 60
    assert not bars.gaps
    steps = bars.open_time[1:] - bars.open_time[:-1]
    assert (steps == HOUR // 60).all()
    assert (bars.high >= bars.low).all()
    assert (bars.low <= bars.open).all()
    odd = await api.fetch_klines(symbol, "1m", start=end - 60 * HOUR + 1, end=end - 60 * HOUR + HOUR // 60 * 3 + 1)
    assert odd.open_time.tolist() == bars.open_time[1:4].tolist()
    first = await api.fetch_klines(symbol, "1m", start=end - 60 * HOUR, end=end, limit=2500)
    assert first.open_time.tolist() == bars.open_time[:2500].tolist()
    last = await api.fetch_klines(symbol, "1m", end=end, limit=2500)
    assert last.open_time.tolist() == bars.open_time[-2500:].tolist()
    assert last.close.tolist() == bars.close[-2500:].tolist()


async def test_the_unfinished_bar_is_left_out_unless_asked_for(api: Any, spot: str) -> None:
    closed = await api.fetch_klines(spot, "1d", limit=3)
    running = await api.fetch_klines(spot, "1d", limit=3, closed=False)
    assert len(await api.fetch_klines(spot, "1h")) == 500
    assert len(closed) == len(running) == 3
    today = api.venue.spec.open_time(tw.Interval.parse("1d"), time.time_ns())
    assert running.open_time[-1] == today
    assert closed.open_time[-1] == today - 24 * HOUR


async def test_many_symbols_at_once(api: Any, spots: list[str]) -> None:
    seen: list[tuple[int, int, str]] = []
    found = await api.fetch_klines_many(
        spots,
        "1h",
        start="2026-01-01",
        end="2026-01-03T00:00Z",
        concurrency=2,
        progress=lambda done, total, symbol: seen.append((done, total, symbol)),
    )
    assert list(found) == spots
    assert {len(bars) for bars in found.values()} == {48}
    assert sorted(seen) == sorted((n + 1, 2, s) for n, (_, _, s) in enumerate(seen))
    with pytest.raises(tw.Error):
        await api.fetch_klines_many([spots[0], "NO-SUCH"], "1h", start="2026-01-01", end="2026-01-02")


async def test_market_data(api: Any, spot: str) -> None:
    price = await api.fetch_price(spot)
    assert isinstance(price, Decimal)
    ticker = await api.fetch_ticker(spot)
    assert ticker.low is None or ticker.low <= ticker.last <= ticker.high
    book = await api.fetch_book(spot, 7)
    assert len(book.bids) == len(book.asks) == 7
    assert book.bids[0].price < book.asks[0].price
    assert [level.price for level in book.bids] == sorted((level.price for level in book.bids), reverse=True)
    trades = await api.fetch_trades(spot, 20)
    assert len(trades) == 20
    assert [trade.time_ns for trade in trades] == sorted(trade.time_ns for trade in trades)


async def test_tickers(api: Any, spots: list[str], symbol: str) -> None:
    needs(api, "fetch_tickers")
    some = await api.fetch_tickers(list({*spots, symbol}))
    assert {str(item.symbol) for item in some} == {*spots, symbol}
    assert len(await api.fetch_tickers()) >= 2


@pytest.mark.parametrize("kind", ["spot", "linear"])
async def test_best_quotes(api: Any, kind: str) -> None:
    needs(api, "fetch_quote")
    if kind not in api.venue.spec.kinds:
        pytest.skip(f"the venue has no {kind} markets")
    symbol = next(item.symbol for item in await api.fetch_instruments(kind) if item.active)
    quote = await api.fetch_quote(symbol)
    assert quote.symbol == symbol
    assert 0 < quote.bid < quote.ask
    assert quote.bid_quantity > 0
    assert quote.ask_quantity > 0
    assert quote.last is None


async def test_derivatives_data(api: Any, perp: str) -> None:
    needs(api, "fetch_funding_rate", "fetch_funding_history", "fetch_open_interest")
    now = await api.fetch_funding_rate(perp)
    assert now.funding_time_ns > time.time_ns() - 10**9
    history = await api.fetch_funding_history(perp, limit=5)
    assert len(history) == 5
    assert [item.funding_time_ns for item in history] == sorted(item.funding_time_ns for item in history)
    assert (await api.fetch_open_interest(perp)).quantity > 0


async def test_fetch_data_is_every_public_verb(api: Any, spot: str) -> None:
    assert len(await api.fetch_data("klines", spot, interval="1h", limit=5)) == 5
    assert (await api.fetch_data("ticker", spot)).symbol == tw.Symbol.parse(spot)
    assert isinstance(await api.fetch_data("price", spot), Decimal)
    assert len((await api.fetch_data("book", spot, depth=5)).bids) == 5
    assert await api.fetch_data("trades", spot, limit=3)
    assert await api.fetch_data("instruments", None)
    if "fetch_tickers" in api.capabilities:
        assert await api.fetch_data("tickers", None)
    with pytest.raises(tw.ConfigError):
        await api.fetch_data("weather", spot)


async def test_an_order_from_birth_to_death(api: Any, symbol: str) -> None:
    rules = await api.instrument(symbol)
    book = await api.fetch_book(symbol, 5)
    price = rules.round_price(book.bids[0].price * Decimal("0.97"))
    quantity = rules.round_quantity(Decimal(60) / price, "up")
    placed = await api.create_order(symbol, side="buy", type="limit", quantity=quantity, price=price)
    assert (await settled(api, placed)).status is tw.OrderStatus.OPEN
    assert (placed.price, placed.quantity, placed.side) == (price, quantity, tw.Side.BUY)
    assert placed.client_order_id
    by_id = await api.fetch_order(symbol, order_id=placed.order_id)
    by_own_id = await api.fetch_order(symbol, client_order_id=placed.client_order_id)
    assert by_id == by_own_id
    assert by_id.order_id in {order.order_id for order in await api.fetch_open_orders(symbol)}
    assert by_id.order_id in {order.order_id for order in await api.fetch_open_orders(kind=rules.kind)}
    canceled = await api.cancel_order(symbol, order_id=placed.order_id)
    canceled = await settled(api, canceled)
    assert canceled.status is tw.OrderStatus.CANCELED
    assert canceled.client_order_id in (None, placed.client_order_id)  # some venues name only the id they were given
    with pytest.raises(tw.OrderNotFound):
        await api.cancel_order(symbol, order_id=placed.order_id)
    found = {order.order_id for order in await api.fetch_orders(symbol)}
    assert (placed.order_id in found) is not forgets(rules.venue)


async def test_a_market_order_fills(api: Any, symbol: str) -> None:
    rules = await api.instrument(symbol)
    by_value = rules.kind in api.venue.spec.market_buys_by_value
    side = tw.Side.SELL if by_value else tw.Side.BUY
    quantity = rules.round_quantity(Decimal(500) / await api.fetch_price(symbol), "up")
    order = await settled(api, await api.create_order(symbol, side=side, type="market", quantity=quantity))
    assert order.status is tw.OrderStatus.FILLED
    assert order.filled == quantity
    assert order.average_price is not None
    fills = [fill for fill in await api.fetch_fills(symbol) if fill.order_id == order.order_id]
    assert sum(fill.quantity for fill in fills) == quantity
    assert {fill.side for fill in fills} == {side}
    if by_value:
        with pytest.raises(tw.NotSupported, match="ioc"):
            await api.create_order(symbol, side="buy", type="market", quantity=quantity)
    if rules.kind == "linear":
        assert next(row for row in await api.fetch_positions() if str(row.symbol) == symbol).quantity > 0
        await api.create_order(symbol, side="sell", type="market", quantity=quantity, reduce_only=True)


async def test_post_only_ioc_and_cancel_all(api: Any, symbol: str) -> None:
    rules = await api.instrument(symbol)
    book = await api.fetch_book(symbol, 5)
    quantity = rules.round_quantity(Decimal(200) / book.asks[0].price, "up")
    through = rules.round_price(book.asks[0].price * Decimal("1.02"))
    try:
        taking = await api.create_order(
            symbol, side="buy", type="limit", quantity=quantity, price=through, post_only=True
        )
    except tw.WouldTakeLiquidity:
        pass
    else:  # other venues accept it, and cancel it at once
        taking = await settled(api, taking)
        assert (taking.status, taking.filled) == (tw.OrderStatus.CANCELED, 0)
    away = rules.round_price(book.bids[0].price * Decimal("0.96"))
    resting = await api.create_order(symbol, side="buy", type="limit", quantity=quantity, price=away, post_only=True)
    assert resting.post_only
    terms = {"quantity": quantity, "price": away, "time_in_force": "ioc"}
    lost = await settled(api, await api.create_order(symbol, side="buy", type="limit", **terms))
    assert lost.status in (tw.OrderStatus.EXPIRED, tw.OrderStatus.CANCELED)
    await api.cancel_all_orders(symbol)
    assert await api.fetch_open_orders(symbol) == []


async def test_balances_change_with_orders(api: Any, spot: str) -> None:
    before = {row.asset: row for row in await api.fetch_balances()}
    rules = await api.instrument(spot)
    price = rules.round_price((await api.fetch_price(spot)) * Decimal("0.95"))
    quantity = rules.round_quantity(Decimal(100) / price, "up")
    order = await api.create_order(spot, side="buy", type="limit", quantity=quantity, price=price)
    after = {row.asset: row for row in await api.fetch_balances()}
    quote = rules.symbol.quote
    locked = after[quote].locked - before[quote].locked
    # Venues show eight decimals of an asset, and some hold the fee too.
    assert price * quantity - Decimal("1e-8") <= locked <= price * quantity * Decimal("1.01")
    assert after[quote].total == after[quote].free + after[quote].locked
    await api.cancel_order(spot, client_order_id=order.client_order_id)


async def test_the_accounts_fee_is_what_a_fill_pays(api: Any, symbol: str) -> None:
    needs(api, "fetch_trading_fee")
    rules = await api.instrument(symbol)
    if (rules.venue, rules.kind) == ("htx", "linear"):
        with pytest.raises(tw.NotSupported, match="fetch_trading_fee for linear"):
            await api.fetch_trading_fee(symbol)
        return
    fee = await api.fetch_trading_fee(symbol)
    assert (fee.venue, str(fee.symbol)) == (rules.venue, symbol)
    assert 0 < fee.maker <= fee.taker < Decimal("0.01")  # fractions, and charged is positive
    quantity = rules.round_quantity(Decimal(500) / await api.fetch_price(symbol), "up")
    order = await api.create_order(symbol, side="sell", type="market", quantity=quantity)
    fills = [fill for fill in await api.fetch_fills(symbol) if fill.order_id == order.order_id]
    assert fills
    for fill in fills:  # venues show and round down to eight decimals
        assert fill.fee_asset in (rules.symbol.quote, None)
        assert abs(fill.fee - fee.taker * fill.price * fill.quantity) <= Decimal("1e-8")
    if rules.kind == "linear":
        await api.create_order(symbol, side="buy", type="market", quantity=quantity, reduce_only=True)


async def test_the_fee_of_an_unknown_market_is_a_typed_error(api: Any) -> None:
    needs(api, "fetch_trading_fee")
    with pytest.raises((tw.UnknownSymbol, tw.SymbolRejected)):
        await api.fetch_trading_fee("NOSUCH-USDT")


async def test_what_is_not_offered_is_refused_before_sending(
    api: Any, sandbox: Sandbox, venue_name: str, spot: str
) -> None:
    before = sandbox.requests(venue_name)
    offered = api.capabilities
    for verb in ("fetch_funding_rate", "fetch_open_interest"):
        if verb in offered:
            with pytest.raises(tw.NotSupported):
                await getattr(api, verb)(spot)
    assert sandbox.requests(venue_name) == before


async def test_concurrent_calls_share_one_client(async_client: tw.AsyncClient, spot: str) -> None:
    prices = await asyncio.gather(*(async_client.fetch_price(spot) for _ in range(50)))
    assert len(prices) == 50
