"""The scanner against the slow one, and what it must refuse, leave out and tell."""

from __future__ import annotations

import itertools
import math
import random
import re
import time
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire.errors import ConfigError
from tidewire.models import BookSnapshot, Instrument, Level
from tidewire.symbols import Symbol
from tidewire.universal import ArbitrageKind, ArbitrageScanner, Fees, Funding, Opportunity, VenueBook
from tidewire.universal.arbitrage_events import OpenOpportunities, why_gone

from .slow_arbitrage import Leg, pairs, triangle, whole

VENUES = ("binance", "okx", "htx", "coinbase")
Rows = Sequence[tuple[Any, Any]]


def market(
    venue: str, symbol: str, bids: Rows, asks: Rows, tick: Any = "0.01", lot: Any = "0.001", **rules: Any
) -> VenueBook:
    """A LIVE book of one market, just received."""
    name = Symbol.parse(symbol)
    instrument = Instrument(
        venue=venue, symbol=name, native=symbol, kind=name.kind, tick_size=Decimal(tick), lot_size=Decimal(lot), **rules
    )
    sides = [tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in rows) for rows in (bids, asks)]
    return VenueBook.of(BookSnapshot(venue=venue, symbol=name, bids=sides[0], asks=sides[1], sequence=7), instrument)


def rates(**spot: str) -> Fees:
    """Taker rates by venue, the same for spot and contracts; half a per mille where none is given."""
    table = {venue: spot.get(venue, "0.0005") for venue in VENUES}
    return Fees({venue: {"spot": (rate, 0), "linear": (rate, 0)} for venue, rate in table.items()})


def fractions(levels: Sequence[Level]) -> list[tuple[Fraction, Fraction]]:
    return [(Fraction(level.price), Fraction(level.quantity)) for level in levels]


def told(found: Opportunity) -> tuple[tuple[Fraction, ...], Fraction]:
    return tuple(Fraction(trade.quantity) for trade in found.trades), Fraction(found.profit)


# Against the slow one.

TICKS = ("0.01", "0.02", "0.05", "0.1", "0.0001")
LOTS = ("1", "2", "3", "0.5", "0.3", "0.25")
RATES = ("0", "0.0001", "0.00075", "0.001", "0.002", "-0.0001")
SHIFTS = ("0.97", "0.985", "1", "1.015", "1.03")
SEEDS = st.integers(0, 2**64)  # drawn number by number, nearly all markets would be without an opportunity


def sides(rng: random.Random, middle: int | Decimal, tick: str, lot: str, lots: int = 9) -> tuple[Rows, Rows]:
    """Bids and asks around a price, on their grid; a quantity may have a part that is no whole lot."""
    best = round(middle * Decimal(rng.choice(SHIFTS)) / Decimal(tick)) + rng.randint(-2, 2)
    rows: list[list[tuple[Decimal, Decimal]]] = []
    for sign in (-1, 1):
        ticks = itertools.accumulate((sign * rng.randint(1, 3) for _ in range(rng.choice((0, 2, 3, 4)))), initial=best)
        odd = (0, 0, 0, Decimal("0.4"))
        rows.append([(Decimal(tick) * t, Decimal(lot) * (rng.randint(1, lots) + rng.choice(odd))) for t in ticks][1:])
    return rows[0], rows[1]


@settings(max_examples=150)
@given(SEEDS)
def test_pairs_are_what_the_slow_one_finds(seed: int) -> None:
    rng = random.Random(seed)
    books, terms = [], {}
    for venue in VENUES[: rng.randint(2, 4)]:
        tick, lot, terms[venue] = rng.choice(TICKS), rng.choice(LOTS), rng.choice(RATES)
        books.append(market(venue, "BTC-USDT", *sides(rng, 20, tick, lot), tick, lot))
    slow = pairs(*_both_ways(books, terms))
    found = ArbitrageScanner(books, fees=rates(**terms)).scan()
    assert {(f.trades[0].venue, f.trades[1].venue): told(f) for f in found} == {
        route: (each.quantities, each.profit) for route, each in slow.items()
    }


def _both_ways(books: Sequence[VenueBook], terms: dict[str, str]) -> Any:
    buys, sells = {}, {}
    for book in books:
        lot, rate = Fraction(book.instrument.lot_size), Fraction(terms[book.venue])
        buys[book.venue] = (whole(fractions(book.book.asks()), lot), 1 + rate, lot)
        sells[book.venue] = (whole(fractions(book.book.bids()), lot), 1 - rate, lot)
    return buys, sells


def slow_triangles(books: Sequence[VenueBook], rate: str) -> dict[bool, Any]:
    """What the slow one finds, by whether the outer market is sold on."""
    slow = {}
    for sells_outer in (True, False):
        legs = []
        for book, sells in zip(books, (sells_outer, not sells_outer, not sells_outer), strict=True):
            lot = Fraction(book.instrument.lot_size)
            levels = whole(fractions(book.book.bids() if sells else book.book.asks()), lot)
            legs.append(Leg(levels, 1 - Fraction(rate) if sells else 1 + Fraction(rate), lot))
        each = triangle(*legs, sells_outer=sells_outer)
        if each is not None:
            slow[sells_outer] = (each.quantities, each.profit)
    return slow


@settings(max_examples=150)
@given(SEEDS)
def test_triangles_are_what_the_slow_one_finds(seed: int) -> None:
    rng = random.Random(seed)
    rate = rng.choice(RATES)
    books = []
    for name, middle, ticks, lots, most in (
        ("ETH-USDT", 30, TICKS, LOTS, 9),
        ("ETH-BTC", Decimal("1.5"), ("0.01", "0.0005"), LOTS, 9),
        ("BTC-USDT", 20, TICKS, ("0.01", "0.003", "0.3"), 900),
    ):
        tick, lot = rng.choice(ticks), rng.choice(lots)
        books.append(market("okx", name, *sides(rng, middle, tick, lot, most), tick, lot))
    found = ArbitrageScanner(books, fees=rates(okx=rate)).scan()
    assert {f.trades[1].side == "buy": told(f) for f in found} == slow_triangles(books, rate)
    for each in found:
        assert [str(trade.symbol) for trade in each.trades][1] == "ETH-BTC"
        assert all(holding.asset == "BTC" and holding.quantity > 0 for holding in each.leftover)


@settings(max_examples=100)
@given(SEEDS)
def test_a_basis_is_what_the_slow_one_finds(seed: int) -> None:
    rng = random.Random(seed)
    names = ("BTC-USDT", "BTC-USDT-PERP")
    books, payments, funding = [], rng.randrange(4), Decimal(rng.randint(-200, 400)).scaleb(-5)
    for venue, name in itertools.product(VENUES[:2], names):
        tick, lot = rng.choice(TICKS), rng.choice(LOTS)
        books.append(market(venue, name, *sides(rng, 20, tick, lot), tick, lot))
    perpetuals = [book for book in books if book.instrument.kind == "linear"]
    told_of = {(book.venue, book.instrument.symbol): Funding(funding, 8 * 3600.0, 0) for book in perpetuals}
    found = ArbitrageScanner(books, fees=rates(), kinds=["basis"], funding=told_of, payments=payments).scan()
    slow = {}
    for buying in names:
        buys, sells = {}, {}
        for book in books:
            lot, linear = Fraction(book.instrument.lot_size), book.instrument.kind == "linear"
            carry = Fraction(funding) * payments if linear else 0
            key = f"{book.venue} {book.instrument.symbol}"
            if str(book.instrument.symbol) == buying:
                buys[key] = (whole(fractions(book.book.asks()), lot), 1 + Fraction("0.0005") + carry, lot)
            else:
                sells[key] = (whole(fractions(book.book.bids()), lot), 1 - Fraction("0.0005") + carry, lot)
        slow |= {route: (each.quantities, each.profit) for route, each in pairs(buys, sells).items()}
    assert {tuple(f"{t.venue} {t.symbol}" for t in f.trades): told(f) for f in found} == slow
    for each in found:
        assert each.carry is not None
        sold = next(t for t in each.trades if t.symbol.kind == "linear").side == "sell"
        assert each.carry.amount == (1 if sold else -1) * funding * each.trades[int(sold)].notional
        assert each.carry.payments == payments


# What does not fit, is not allowed, or not to be trusted.


def crossing(**rules: Any) -> list[VenueBook]:
    """Buy 3 at 100 and 101 on Binance, sell them at 103 and 102 on OKX."""
    return [
        market("binance", "BTC-USDT", [(99, 5)], [(100, 1), (101, 2), (104, 9)], **rules),
        market("okx", "BTC-USDT", [(103, 2), (102, 4)], [(105, 1)]),
    ]


@settings(max_examples=100)
@given(SEEDS)
def test_numbers_too_large_are_refused_and_never_wrong(seed: int) -> None:
    rng = random.Random(seed)
    places, size, digits = rng.randint(0, 18), rng.randint(0, 18), rng.randint(2, 16)
    books = []
    for venue in VENUES[:3]:
        finer = rng.randint(0, 2)
        tick = Decimal(1).scaleb(-max(0, places - finer))
        lot = Decimal(rng.randint(1, 9)).scaleb(-max(0, size - rng.randint(0, 2)))
        best = max(10, round(10 ** (digits - finer) * float(rng.choice(SHIFTS))))
        most = 10 ** rng.randint(1, 17)
        rows = [[(tick * (best + s * n), lot * rng.randint(1, most)) for n in (1, 2, 3)] for s in (-1, 1)]
        books.append(market(venue, "BTC-USDT", *rows, tick, lot))
    scanner = ArbitrageScanner(books, fees=rates())
    found = {(f.trades[0].venue, f.trades[1].venue): told(f) for f in scanner.scan()}
    if scanner.excluded():
        return
    buys, sells = _both_ways(books, dict.fromkeys(VENUES, "0.0005"))
    assert found == {route: (each.quantities, each.profit) for route, each in pairs(buys, sells).items()}


@settings(max_examples=100)
@given(SEEDS)
def test_triangles_too_large_are_refused_and_never_wrong(seed: int) -> None:
    rng = random.Random(seed)
    prices = [Decimal(rng.randint(10, 10**6)).scaleb(rng.randint(-6, 3)) for _ in range(2)]
    prices.insert(1, prices[0] / prices[1])
    books = []
    for name, price in zip(("ETH-USDT", "ETH-BTC", "BTC-USDT"), prices, strict=True):
        tick = Decimal(1).scaleb(price.adjusted() - rng.randint(3, 9))
        lot = Decimal(rng.randint(1, 9)).scaleb(-rng.randint(0, 12))
        best = round(price * Decimal(rng.choice(SHIFTS)) / tick)
        rows = [[(tick * (best + s * n), lot * rng.randint(1, 10**9)) for n in (1, 2, 3)] for s in (-1, 1)]
        books.append(market("okx", name, *rows, tick, lot))
    scanner = ArbitrageScanner(books, fees=rates())
    found = {each.trades[1].side == "buy": told(each) for each in scanner.scan()}
    if not scanner.excluded():
        assert found == slow_triangles(books, "0.0005")


def test_a_number_beyond_64_bits_is_refused_by_name() -> None:
    huge = [market(v, "BTC-USDT", [(b, "1e9")], [(a, "1e9")], "1e-9", "1") for v, b, a in
            (("binance", "4e9", "4.1e9"), ("okx", "4.2e9", "4.3e9"))]  # fmt: skip
    scanner = ArbitrageScanner(huge, fees=rates(), kinds=["cross"])
    assert scanner.scan() == []
    assert scanner.excluded() == {"cross BTC-USDT": "numbers too large for exact arithmetic"}


@pytest.mark.parametrize("spoil", ["stale", "syncing", "crossed", "old"])
def test_a_book_that_must_not_be_acted_on_takes_no_part(spoil: str) -> None:
    books = crossing()
    scanner = ArbitrageScanner(books, fees=rates())
    assert len(scanner.scan()) == 1
    now = time.time_ns()
    match spoil:
        case "stale":
            books[1].book.mark_stale("the line was lost")
        case "syncing":
            books[1].book.reset()
        case "crossed":
            books[1].book.copy_from(market("okx", "BTC-USDT", [(103, 2)], [(102, 1)]).book)
        case "old":
            books[1].book.copy_from(books[1].book)
            now += 6 * 10**9
            books[0].book.copy_from(crossing()[0].book)
    assert scanner.scan(now_ns=now) == []
    reason = scanner.excluded(5.0, now)["okx BTC-USDT"]
    assert spoil.replace("old", "older than 5 s") in reason
    if spoil == "old":
        assert len(scanner.scan(max_age=None, now_ns=now)) == 1


def test_a_finer_price_than_the_tick_is_reckoned_with() -> None:
    books = crossing()
    scanner = ArbitrageScanner(books, fees=rates())
    books[0].book.copy_from(market("binance", "BTC-USDT", [], [("100.00025", 1)], "0.00005").book)
    (found,) = scanner.scan()
    assert found.trades[0].worst_price == Decimal("100.00025")
    assert found.trades[0].limit_price == Decimal("100.01")  # what an order may say


def test_balances_bound_the_size_to_the_last_lot() -> None:
    scanner = ArbitrageScanner(crossing(), fees=rates())
    plenty = {"binance": {"USDT": 10**6}, "okx": {"BTC": 10**6}}
    assert told(scanner.scan(balances=plenty)[0]) == told(scanner.scan()[0])
    (found,) = scanner.scan(balances={"binance": {"USDT": "150.3"}, "okx": {"BTC": 9}})
    (cost,) = [need.quantity for need in found.required if need.venue == "binance"]
    assert cost <= Decimal("150.3") < cost + Decimal("0.001") * 101 * Decimal("1.0005")
    assert scanner.scan(balances={"binance": {"USDT": "1000"}, "okx": {"BTC": "0.5"}})[0].quantity == Decimal("0.5")
    assert scanner.scan(balances={"binance": {"USDT": "1000"}}) == []


def test_the_venues_own_bounds_hold() -> None:
    def size(**rules: Any) -> list[Decimal]:
        return [found.quantity for found in ArbitrageScanner(crossing(**rules), fees=rates()).scan()]

    assert size() == [Decimal(3)]
    assert size(max_quantity=Decimal("1.5")) == [Decimal("1.5")]
    assert size(max_notional=Decimal(202)) == [Decimal(2)]  # at the limit price, which is the worst
    assert size(min_notional=Decimal(303)) == [Decimal(3)]
    assert size(min_notional=Decimal(304)) == []
    assert size(min_quantity=Decimal("3.001")) == []
    assert size(active=False) == []
    assert "binance BTC-USDT" in ArbitrageScanner(crossing(active=False), fees=rates()).excluded()


def test_least_profits_are_kept() -> None:
    scanner = ArbitrageScanner(crossing(), fees=rates())
    (found,) = scanner.scan()
    assert [told(each) for each in scanner.scan(min_profit=found.profit, min_bps=found.profit_bps)] == [told(found)]
    assert scanner.scan(min_profit=found.profit + Decimal("1e-9")) == []
    assert scanner.scan(min_bps=found.profit_bps + 1) == []


@pytest.mark.parametrize(
    "given_", [{"kinds": ["magic"]}, {"payments": -1}, {"fees": Fees({"okx": {"spot": ("1e-13", 0)}})}]
)
def test_what_makes_no_sense_is_said_at_once(given_: Any) -> None:
    with pytest.raises(ConfigError):
        ArbitrageScanner(crossing(), **given_)


def test_every_figure_of_the_explanation_follows_from_its_line() -> None:
    books = [
        *crossing(),
        market("okx", "BTC-USDT-PERP", [("103.5", 4)], [(106, 1)]),
        market("okx", "ETH-USDT", [(12, 4)], [("12.1", 5)]),
        market("okx", "ETH-BTC", [("0.1", 9)], [("0.1011", 9)], "0.0001"),
    ]
    funding = {("okx", books[2].instrument.symbol): Funding(Decimal("0.0001"), 28800.0, 10**18)}
    found = ArbitrageScanner(books, fees=rates(), funding=funding, payments=2).scan()
    assert {each.kind for each in found} == set(ArbitrageKind)
    checked = 0
    for each in found:
        for line in each.explain().splitlines():
            for left, right in re.findall(r"([\d.][\d.×+\- ]*) = (-?[\d.]+)", line):
                assert _reckoned(left) == Fraction(right), line
                checked += 1
        assert sum(price * quantity for t in each.trades for price, quantity in fractions(t.fills)) == sum(
            Fraction(t.notional) for t in each.trades
        )
        assert each.sequences == {(t.venue, t.symbol): 7 for t in each.trades}
        assert all(0 <= age_s < 60 for age_s in each.ages.values())
        assert each.age_s == max(each.ages.values())
    assert checked > 20


def _reckoned(text: str) -> Fraction:
    """Value of numbers joined by ×, + and -."""
    return sum(
        (-1 if sign == "-" else 1) * math.prod(Fraction(factor) for factor in term.split("×"))
        for sign, term in re.findall(r"(^|[+-]) *([\d.]+(?: × [\d.]+)*)", text.strip())
    )


# From one scan to the next.


def test_a_scan_again_tells_the_same_with_newer_ages_and_other_levels_at_once() -> None:
    books = crossing()
    scanner = ArbitrageScanner(books, fees=rates())
    first, later = scanner.scan()[0], scanner.scan(now_ns=time.time_ns() + 10**9)[0]
    assert told(first) == told(later)
    assert later.found_at_ns > first.found_at_ns
    assert later.age_s > first.age_s + 0.5
    books[1].book.copy_from(market("okx", "BTC-USDT", [(103, "0.5"), (102, 4)], [(105, 1)]).book)
    assert told(scanner.scan()[0]) == told(ArbitrageScanner(books, fees=rates()).scan()[0])
    assert scanner.scan()[0].profit < first.profit


def test_openings_and_closings_are_told_with_their_reasons() -> None:
    books = crossing()
    scanner, opened = ArbitrageScanner(books, fees=rates()), OpenOpportunities()

    def look(now_ns: int) -> list[tuple[str, str | None]]:
        events = opened.update(scanner.scan(max_age=None), lambda gone: why_gone(gone, books, None, now_ns), now_ns)
        return [(event.change, event.reason) for event in events]

    assert look(1) == [("open", None)]
    assert look(2) == []  # the same levels
    (best,) = opened
    books[1].book.copy_from(market("okx", "BTC-USDT", [(103, "0.5")], [(105, 1)]).book)
    assert look(3) == [("update", None)]
    books[1].book.copy_from(market("okx", "BTC-USDT", [("99.5", 1)], [(105, 1)]).book)
    (event,) = opened.update(scanner.scan(), lambda gone: why_gone(gone, books, None, 0), best.found_at_ns + 10**9)
    assert (event.change, event.reason, event.lasted_s) == ("close", "the prices moved", 1.0)
    assert (event.best, event.opportunity.quantity) == (best, Decimal("0.5"))
    books[1].book.copy_from(crossing()[1].book)
    assert look(5) == [("open", None)]
    books[0].book.mark_stale("the line was lost")
    assert look(6) == [("close", "BTC-USDT at binance: stale: the line was lost")]
    assert list(opened) == []
