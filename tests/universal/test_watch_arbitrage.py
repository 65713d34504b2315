"""Arbitrage over real sockets: markets of a sandbox that lean apart, found, told and closed as they do."""

from __future__ import annotations

import asyncio
import gc
from fractions import Fraction

import pytest

import tidewire as tw
from tidewire.models import Side
from tidewire.sandbox import Sandbox
from tidewire.sandbox.exchange import VenueExchange
from tidewire.symbols import Symbol
from tidewire.universal import ArbitrageEvent, ArbitrageStream, AsyncUniversal, Fees, Opportunity, Universal

from .slow_arbitrage import Leg, pairs, triangle

VENUES = ("binance", "okx", "htx", "coinbase")
SPOT, PERPETUAL, OUTER, INNER = map(Symbol.parse, ("BTC-USDT", "BTC-USDT-PERP", "ETH-USDT", "ETH-BTC"))
RATES = {venue: {"spot": ("0.001", 0), "linear": ("0.0005", 0)} for venue in VENUES}
LIMIT_S = 30.0
Route = tuple[tuple[str, Symbol, str], ...]
Terms = dict[Route, tuple[tuple[Fraction, ...], Fraction]]


def told(found: Opportunity) -> tuple[Route, tuple[tuple[Fraction, ...], Fraction]]:
    route = tuple((trade.venue, trade.symbol, str(trade.side)) for trade in found.trades)
    return route, (tuple(Fraction(trade.quantity) for trade in found.trades), Fraction(found.profit))


def leg(sandbox: Sandbox, venue: str, symbol: Symbol, side: Side) -> Leg:
    """What a taker finds, as the venue itself has it."""

    def look(exchange: VenueExchange) -> Leg:
        market = exchange.markets[symbol]
        snapshot = market.snapshot(1000, 0)
        levels = snapshot.asks if side is Side.BUY else snapshot.bids
        rate = Fraction(RATES[venue][symbol.kind][0])  # type: ignore[index]
        return Leg(
            [(Fraction(level.price), Fraction(level.quantity)) for level in levels],
            1 + rate if side is Side.BUY else 1 - rate,
            Fraction(market.instrument.lot_size),
        )

    return sandbox.inspect(venue, look)


def crosses(sandbox: Sandbox, symbol: Symbol, venues: tuple[str, ...]) -> Terms:
    sides = [{v: leg(sandbox, v, symbol, side) for v in venues} for side in (Side.BUY, Side.SELL)]
    found = pairs(*({v: (each.levels, each.factor, each.lot) for v, each in side.items()} for side in sides))
    return {
        ((one, symbol, "buy"), (other, symbol, "sell")): (each.quantities, each.profit)
        for (one, other), each in found.items()
    }


def triangles(sandbox: Sandbox, venue: str) -> Terms:
    found: Terms = {}
    for sells_outer in (True, False):
        way, back = (Side.SELL, Side.BUY) if sells_outer else (Side.BUY, Side.SELL)
        legs = [leg(sandbox, venue, s, side) for s, side in ((OUTER, way), (INNER, back), (SPOT, back))]
        each = triangle(*legs, sells_outer=sells_outer)
        route = ((venue, OUTER, str(way)), (venue, INNER, str(back)), (venue, SPOT, str(back)))
        if each is not None:
            found[route[::-1] if sells_outer else route] = (each.quantities, each.profit)
    return found


def there(sandbox: Sandbox) -> Terms:
    """All that pays on the spot markets."""
    found: Terms = {}
    for symbol in (SPOT, OUTER, INNER):
        found |= crosses(sandbox, symbol, VENUES)
    for venue in VENUES:
        found |= triangles(sandbox, venue)
    return found


async def stepped(sandbox: Sandbox, stream: ArbitrageStream) -> ArbitrageEvent:
    """The next event, while the markets go on."""
    event = asyncio.ensure_future(anext(stream))
    while not event.done():
        sandbox.step()
        await asyncio.wait([event], timeout=0.05)
    return event.result()


async def until(stream: ArbitrageStream, opened: dict[Route, ArbitrageEvent], want: Terms) -> list[ArbitrageEvent]:
    """Follow events until just these are open; return them all."""
    events = []
    async with asyncio.timeout(LIMIT_S):
        while {route: told(event.opportunity)[1] for route, event in opened.items()} != want:
            event = await anext(stream)
            events.append(event)
            route = told(event.opportunity)[0]
            if event.change == "close":
                del opened[route]
            else:
                opened[route] = event
    return events


async def test_markets_that_lean_apart_open_and_close_what_the_slow_one_says() -> None:
    with tw.sandbox.Sandbox(VENUES, pace=None, levels=12, seed=3) as sandbox:
        async with AsyncUniversal(VENUES, environment=sandbox, fees=Fees(RATES)) as universal:
            watching = universal.watch_arbitrage([SPOT, OUTER, INNER], max_age=None, updates=True)
            async with watching as stream:
                opened: dict[Route, ArbitrageEvent] = {}
                leans = {("okx", SPOT): 0.006, ("htx", SPOT): -0.009, ("okx", INNER): 0.012, ("binance", INNER): -0.01}
                for (venue, symbol), lean in leans.items():
                    sandbox.lean(venue, symbol, lean)
                    want = there(sandbox)
                    while not any((venue, symbol) == (where, what) for route in want for where, what, _ in route):
                        sandbox.step()  # more than once where the house has just taken its best quote away
                        want = there(sandbox)
                    events = await until(stream, opened, want)
                    assert all(event.opportunity.profit > 0 for event in events)
                for venue, symbol in leans:
                    sandbox.lean(venue, symbol, 0.0)
                while there(sandbox):
                    sandbox.step()
                closings = await until(stream, opened, {})
                assert {event.reason for event in closings if event.change == "close"} == {"the prices moved"}
                assert all(event.lasted_s > 0 for event in closings if event.change == "close")
                assert stream.open == []


async def test_a_venue_that_dies_closes_what_it_was_part_of() -> None:
    with tw.sandbox.Sandbox(VENUES[:2], pace=None, levels=12) as sandbox:
        sandbox.lean("okx", SPOT, 0.01)
        async with AsyncUniversal(VENUES[:2], environment=sandbox, fees=Fees(RATES)) as universal:
            async with universal.watch_arbitrage([SPOT], max_age=None) as stream, asyncio.timeout(LIMIT_S):
                opening = await stepped(sandbox, stream)
                assert opening.change == "open"
                sandbox.fail("refuse", venue="okx", times=None)
                sandbox.fail("close", venue="okx")
                closing = await stepped(sandbox, stream)
                while not (closing.reason or "").startswith("BTC-USDT at okx: stale: "):
                    closing = await stepped(sandbox, stream)  # the prices may have moved just before
                assert (closing.change, closing.opportunity.route) == ("close", opening.opportunity.route)
                sandbox.clear_faults()
                assert (await stepped(sandbox, stream)).change == "open"


def test_a_scan_from_rest_books_is_the_slow_ones_and_bears_its_funding() -> None:
    with tw.sandbox.Sandbox(VENUES, pace=None, levels=12, seed=5) as sandbox:
        sandbox.lean("binance", PERPETUAL, 0.01)
        while not crosses(sandbox, PERPETUAL, VENUES[:3]):
            sandbox.step()
        with Universal(VENUES, environment=sandbox, fees=Fees(RATES)) as universal:
            found = universal.scan_arbitrage([SPOT, PERPETUAL], max_age=60)
            counted = universal.scan_arbitrage([SPOT, PERPETUAL], kinds=["basis"], max_age=60, payments=3)
            with pytest.raises(tw.ConfigError):
                universal.scan_arbitrage([SPOT], kinds=["magic"])
        slow = crosses(sandbox, SPOT, VENUES) | crosses(sandbox, PERPETUAL, VENUES[:3])
        assert dict(told(each) for each in found if each.kind == "cross") == slow != {}
    assert "coinbase BTC-USDT-PERP" in found.excluded
    basis = [each for each in found if each.kind == "basis"]
    assert {(each.trades[0].symbol, each.trades[1].venue) for each in basis} == {(SPOT, "binance")}
    for each in basis:
        assert each.carry is not None
        assert (each.carry.interval_s, each.carry.payments) == (8 * 3600.0, 0)
        assert each.profit == each.gross - each.fees
    more = {each.route: each for each in counted}
    assert {route: each.carry.payments for route, each in more.items() if each.carry} == dict.fromkeys(more, 3)
    assert all(more[each.route].profit != each.profit for each in basis)


async def test_books_that_fall_silent_close_what_they_were_part_of() -> None:
    with tw.sandbox.Sandbox(VENUES[:2], pace=None, levels=12) as sandbox:
        sandbox.lean("okx", SPOT, 0.01)
        async with AsyncUniversal(VENUES[:2], environment=sandbox, fees=Fees(RATES)) as universal:
            async with universal.watch_arbitrage([SPOT], max_age=1.0) as stream, asyncio.timeout(LIMIT_S):
                assert (await stepped(sandbox, stream)).change == "open"
                while (closing := await anext(stream)).change != "close":
                    pass
                assert closing.reason is not None
                assert closing.reason.endswith("older than 1 s")
                assert {why for name, why in stream.excluded.items()} == {"older than 1 s"}


async def test_a_stream_that_is_dropped_leaves_nothing_behind() -> None:
    with tw.sandbox.Sandbox(VENUES[:2], pace=0.05, levels=12) as sandbox:
        sandbox.lean("okx", SPOT, 0.01)
        async with AsyncUniversal(VENUES[:2], environment=sandbox, fees=Fees(RATES)) as universal:
            async with asyncio.timeout(LIMIT_S):
                async for event in universal.watch_arbitrage([SPOT, PERPETUAL]):
                    assert event.change == "open"
                    own = ("tidewire funding", "tidewire book ")
                    tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith(own)]
                    assert len(tasks) == 5
                    break
                gc.collect()
                await asyncio.wait(tasks)
            assert universal.live_books.opened(SPOT) == []
            for wrong in ({"min_profit": "much"}, {"kinds": ["magic"]}, {"balances": {"okx": {"BTC": "some"}}}):
                with pytest.raises(tw.ConfigError):
                    universal.watch_arbitrage([SPOT], **wrong)  # type: ignore[arg-type]
