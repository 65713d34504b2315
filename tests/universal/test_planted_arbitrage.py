"""A thousand markets of four venues with opportunities planted in them: each is found, exactly, and no other.

The sandbox's dialects write the books as the venues would, and the venues' own parsers read them. What is planted is
known beforehand: where, how much, what it earns, from when until when.
"""

from __future__ import annotations

import importlib
import math
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import pytest

import tidewire as tw
from tidewire._dialect import Dialect
from tidewire._venue import Venue
from tidewire.models import Instrument, Side
from tidewire.sandbox.exchange import VenueExchange
from tidewire.sandbox.matching import MatchingBook
from tidewire.symbols import Symbol
from tidewire.universal import ArbitrageScanner, Fees, Opportunity, VenueBook
from tidewire.universal.arbitrage_events import OpenOpportunities, why_gone
from tidewire.venues import home

MARKETS = int(os.environ.get("TIDEWIRE_PLANTED_MARKETS", "1000"))
VENUES = ("binance", "okx", "htx", "coinbase")
PERPETUALS = VENUES[:3]  # Coinbase Exchange lists none
SPOT, PERPETUAL, OUTER, INNER = map(Symbol.parse, ("BTC-USDT", "BTC-USDT-PERP", "ETH-USDT", "ETH-BTC"))
FEE = Fraction(1, 1000)
FEES = Fees({venue: {"spot": ("0.001", 0), "linear": ("0.001", 0)} for venue in VENUES})
Market = tuple[str, Symbol]


@dataclass(frozen=True)
class Quote:
    """A book: one level a side at the front, known to the lot, and a wall of worse ones far behind it."""

    bid: int
    bid_lots: int
    ask: int
    ask_lots: int

    def written(self, sequence: int) -> MatchingBook:
        book = MatchingBook(sequence)
        for side, front, lots, sign in (
            (Side.BUY, self.bid, self.bid_lots, -1),
            (Side.SELL, self.ask, self.ask_lots, 1),
        ):
            book.set_house(side, front, lots)
            for n in range(1, 4):  # a hundredth of the price behind, which no plan reaches
                book.set_house(side, front + sign * n * max(1, front // 100), lots * 5)
        return book


@dataclass(frozen=True)
class Planted:
    """What must be found: trades in order, and the profit to the last digit."""

    route: tuple[tuple[str, Symbol, str], ...]
    quantities: tuple[Fraction, ...]
    profit: Fraction


class World:
    """Four venues that write and read their own dialect, without a socket between."""

    def __init__(self) -> None:
        self.exchanges: dict[str, VenueExchange] = {}
        self.venues: dict[str, Venue] = {}
        self.instruments: dict[Market, Instrument] = {}
        self.dialects: dict[str, Dialect] = {}
        sandbox = tw.sandbox.Sandbox(VENUES, levels=1)  # never started: only its exchanges are wanted
        for name in VENUES:
            exchange, venue = sandbox.exchange(name), tw.venue(name)
            self.exchanges[name], self.venues[name] = exchange, venue
            self.dialects[name] = importlib.import_module(f"{home(name)}.sandbox").DIALECT
            for kind in ("spot", "linear") if name in PERPETUALS else ("spot",):
                call = venue.fetch_instruments(kind)
                found = call.parse(self.dialects[name].answer(call.request, exchange).body)
                venue.learn(found)
                self.instruments |= {(name, each.symbol): each for each in found}
        self.sequence = 10**6

    def read(self, market: Market, quote: Quote, now_ns: int) -> VenueBook:
        """Let a venue show this book, and read what it writes."""
        name, symbol = market
        self.sequence += 1
        self.exchanges[name].markets[symbol].book = quote.written(self.sequence)
        call = self.venues[name].fetch_book(symbol, 5)
        snapshot = call.parse(self.dialects[name].answer(call.request, self.exchanges[name]).body)
        return VenueBook.of(snapshot, self.instruments[market], received_ns=now_ns)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def quiet(rng: random.Random, instrument: Instrument, price: Fraction, lots: tuple[int, int], of: int = 1) -> Quote:
    """A book around a price, give or take a ten-thousandth: less than fees by far. Lots are multiples of ``of``."""
    middle = price / Fraction(instrument.tick_size) * (1 + Fraction(rng.randint(-100, 100), 10**6))
    half = max(1, math.floor(middle * Fraction(1, 10**4)))
    bid_lots, ask_lots = (rng.randint(*lots) * of for _ in range(2))
    return Quote(math.floor(middle) - half, bid_lots, math.floor(middle) + half, ask_lots)


def moved(quote: Quote, part: Fraction) -> Quote:
    shift = round(quote.bid * part)
    return Quote(quote.bid + shift, quote.bid_lots, quote.ask + shift, quote.ask_lots)


@dataclass
class Plan:
    """A market: its books before, and those that are others while the opportunity is there."""

    before: dict[Market, Quote]
    during: dict[Market, Quote]
    planted: Planted | None


def plan(rng: random.Random, instruments: Mapping[Market, Instrument]) -> Plan:
    """Cross, basis or triangular; one in four is a decoy, which fees eat up."""
    kind, decoy = rng.choice(("cross", "basis", "triangular")), rng.random() < 0.25
    price = Fraction(rng.randint(20_000_00, 90_000_00), 100)
    # Lots that contracts have too: else a part of the last one would come from the wall.
    spots = {(venue, SPOT): quiet(rng, instruments[venue, SPOT], price, (100, 9000), of=100) for venue in VENUES}
    if kind == "triangular":
        return triangular(rng, instruments, spots, price, decoy=decoy)
    perpetuals = {(v, PERPETUAL): quiet(rng, instruments[v, PERPETUAL], price, (100, 9000)) for v in PERPETUALS}
    before = {**spots, **(perpetuals if kind == "basis" else {})}
    if kind == "cross":
        buy, sell = rng.sample(list(spots), 2)
    else:
        buy, sell = rng.choice(list(spots)), rng.choice(list(perpetuals))
        buy, sell = (buy, sell) if rng.random() < 0.5 else (sell, buy)
    # Each alone stays within the fees of two trades, both together do not; a decoy's do.
    part = Fraction(8 if decoy else rng.randint(13, 17), 10**4)
    during = {buy: moved(before[buy], -part), sell: moved(before[sell], part)}
    return Plan(before, during, None if decoy else pair(instruments, during, buy, sell))


def pair(
    instruments: Mapping[Market, Instrument], quotes: Mapping[Market, Quote], buy: Market, sell: Market
) -> Planted:
    ask, bid = quotes[buy], quotes[sell]
    lots = [Fraction(instruments[market].lot_size) for market in (buy, sell)]
    lot = Fraction(math.lcm(*(x.numerator for x in lots)), math.gcd(*(x.denominator for x in lots)))
    size = min(ask.ask_lots * lots[0], bid.bid_lots * lots[1]) // lot * lot
    paid = ask.ask * Fraction(instruments[buy].tick_size) * size * (1 + FEE)
    received = bid.bid * Fraction(instruments[sell].tick_size) * size * (1 - FEE)
    return Planted(((*buy, "buy"), (*sell, "sell")), (size, size), received - paid)


def triangular(
    rng: random.Random,
    instruments: Mapping[Market, Instrument],
    spots: dict[Market, Quote],
    price: Fraction,
    *,
    decoy: bool,
) -> Plan:
    """ETH-BTC at one venue is dearer or cheaper than ETH-USDT and BTC-USDT there say."""
    venue, dollars = rng.choice(VENUES), Fraction(rng.randint(1500_00, 4500_00), 100)
    outer, inner, middle = ((venue, symbol) for symbol in (OUTER, INNER, SPOT))
    before = {
        **spots,
        **{(v, OUTER): quiet(rng, instruments[v, OUTER], dollars, (100_000, 900_000)) for v in VENUES},
        inner: quiet(rng, instruments[inner], dollars / price, (1000, 90_000)),
        middle: quiet(rng, instruments[middle], price, (10_000_000, 90_000_000)),
    }
    dearer = rng.random() < 0.5
    part = Fraction(10 if decoy else rng.randint(60, 90), 10**4) * (1 if dearer else -1)
    during = {inner: moved(before[inner], part)}
    now = before | during
    tick, lot = ({m: Fraction(getattr(instruments[m], name)) for m in now} for name in ("tick_size", "lot_size"))
    if decoy:
        return Plan(before, during, None)
    if dearer:  # buy ETH for dollars, sell it for BTC, sell that
        size = min(now[outer].ask_lots * lot[outer], now[inner].bid_lots * lot[inner])
        got = size * now[inner].bid * tick[inner] * (1 - FEE) // lot[middle] * lot[middle]
        profit = got * now[middle].bid * tick[middle] * (1 - FEE) - size * now[outer].ask * tick[outer] * (1 + FEE)
        route = ((*outer, "buy"), (*inner, "sell"), (*middle, "sell"))
        return Plan(before, during, Planted(route, (size, size, got), profit))
    size = min(now[outer].bid_lots * lot[outer], now[inner].ask_lots * lot[inner])
    need = -(-size * now[inner].ask * tick[inner] * (1 + FEE) // lot[middle]) * lot[middle]
    profit = size * now[outer].bid * tick[outer] * (1 - FEE) - need * now[middle].ask * tick[middle] * (1 + FEE)
    route = ((*middle, "buy"), (*inner, "buy"), (*outer, "sell"))
    return Plan(before, during, Planted(route, (need, size, size), profit))


def told(found: Opportunity) -> Planted:
    route = tuple((trade.venue, trade.symbol, str(trade.side)) for trade in found.trades)
    return Planted(route, tuple(Fraction(trade.quantity) for trade in found.trades), Fraction(found.profit))


def test_every_planted_opportunity_is_found_and_none_is_invented(world: World) -> None:
    planted = found = 0
    for seed in range(MARKETS):
        rng = random.Random(seed)
        made = plan(rng, world.instruments)
        clock = [1_700_000_000 * 10**9]
        clock += [clock[0] + rng.randint(10**6, 10**9)]
        clock += [clock[1] + rng.randint(10**6, 10**9)]
        books = {market: world.read(market, quote, clock[0]) for market, quote in made.before.items()}
        scanner, opened = ArbitrageScanner(books.values(), fees=FEES), OpenOpportunities()

        def look(now: int, scanner: ArbitrageScanner = scanner, opened: OpenOpportunities = opened) -> list[str]:
            events = opened.update(scanner.scan(now_ns=now), lambda gone: why_gone(gone, scanner.books, 5.0, now), now)
            return [f"{event.change} {event.reason} {event.lasted_s:.9f}" for event in events]

        assert look(clock[0]) == [], seed
        for market, quote in made.during.items():
            books[market].book.copy_from(world.read(market, quote, clock[1]).book)
        opening = look(clock[1])
        assert [told(each) for each in opened] == ([made.planted] if made.planted else []), seed
        assert opening == ["open None 0.000000000"] * (made.planted is not None), seed
        for market in made.during:
            books[market].book.copy_from(world.read(market, made.before[market], clock[2]).book)
        lasted = (clock[2] - clock[1]) / 1e9
        assert look(clock[2]) == [f"close the prices moved {lasted:.9f}"] * len(opening), seed
        planted += made.planted is not None
        found += len(opening)
    assert found == planted > MARKETS // 2
