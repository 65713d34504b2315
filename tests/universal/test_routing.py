"""Routes against every possibility on small books, and against their own rules on large ones."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pytest

import tidewire as tw
from tidewire.book import BookLayout, LevelArray, MessageLayout
from tidewire.universal import BestVenue, Fees, Route, Slice, VenueBook
from tidewire.universal.routing import ParentOrder, best_venue, route

BTC = tw.Symbol("BTC", "USDT")
VENUES = ("binance", "okx", "htx", "coinbase")
ROUNDS = int(os.environ.get("TIDEWIRE_ROUTES", "10000"))
LARGE = int(os.environ.get("TIDEWIRE_LARGE_ROUTES", "40"))


def instrument(venue: str, symbol: tw.Symbol = BTC, *, tick: str = "1", lot: str = "1", **rules: str) -> tw.Instrument:
    return tw.Instrument(
        venue=venue,
        symbol=symbol,
        native=str(symbol),
        kind=symbol.kind,
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        **{name: Decimal(value) for name, value in rules.items()},  # type: ignore[arg-type]
    )


Levels = Sequence[tuple[object, object]]


def venue_book(rules: tw.Instrument, bids: Levels = (), asks: Levels = ()) -> VenueBook:
    def levels(rows: Levels) -> tuple[tw.Level, ...]:
        return tuple(tw.Level(Decimal(str(price)), Decimal(str(quantity))) for price, quantity in rows)

    snapshot = tw.BookSnapshot(venue=rules.venue, symbol=rules.symbol, bids=levels(bids), asks=levels(asks), sequence=7)
    return VenueBook.of(snapshot, rules)


def flat_fees(rate: str) -> Fees:
    return Fees({venue: {"spot": (rate, rate), "linear": (rate, rate)} for venue in VENUES})


def routed(order: ParentOrder, books: Sequence[VenueBook], fees: Fees, *, allow_partial: bool = False) -> Route:
    return route(order, books, fees=fees, absent={}, max_age_s=None, allow_partial=allow_partial)


def ranked(order: ParentOrder, books: Sequence[VenueBook], fees: Fees) -> BestVenue:
    return best_venue(order, books, fees=fees, absent={}, max_age_s=None)


# What an order costs, in whole numbers, by the rules as they are documented; nothing of the code under test.

PARTS = 10_000  # of money: rates have four decimals


@dataclass
class Case:
    order: ParentOrder
    books: list[VenueBook]
    fees: Fees


def costs_at(case: Case, book: VenueBook) -> dict[int, int]:
    """All-in cost of each quantity that may be bought, or minus what it brings when sold."""
    rules, order = book.instrument, case.order
    buys = order.side is tw.Side.BUY
    levels = [
        (int(price), int(quantity)) for price, quantity in map(_pair, book.book.asks() if buys else book.book.bids())
    ]
    units = [price for price, quantity in levels for _ in range(quantity)]
    tick, rate = int(rules.tick_size), int(case.fees.taker(book.venue, rules) * PARTS)
    held = None if order.balances is None else order.balances[book.venue]
    assert held is None or isinstance(held, dict)
    costs = {0: 0}
    for quantity in range(int(rules.lot_size), min(int(order.quantity), len(units)) + 1, int(rules.lot_size)):
        limit = -(-units[quantity - 1] // tick) * tick if buys else units[quantity - 1] // tick * tick
        kept = (
            rules.min_quantity is None or quantity >= rules.min_quantity,
            rules.max_quantity is None or quantity <= rules.max_quantity,
            rules.min_notional is None or limit * quantity >= rules.min_notional,
            rules.max_notional is None or limit * quantity <= rules.max_notional,
            quantity <= order.limits.get(book.venue, quantity),  # type: ignore[operator]
            held is None or not buys or limit * quantity * (PARTS + rate) <= held["USDT"] * PARTS,
            held is None or buys or quantity <= held["BTC"],
        )
        if all(kept):
            costs[quantity] = sum(units[:quantity]) * (PARTS + rate if buys else rate - PARTS)
    return costs


def _pair(level: tw.Level) -> tuple[Decimal, Decimal]:
    return level.price, level.quantity


def best_of_all(tables: list[dict[int, int]], order: ParentOrder) -> tuple[int, int]:
    """What remains unfilled at best, and the least cost of that, over every split there is."""
    return min(every_split(tables, int(order.quantity), order.max_venues or len(tables)))


def every_split(tables: list[dict[int, int]], rest: int, room: int) -> Iterator[tuple[int, int]]:
    """What each split leaves unfilled, and its cost."""
    if not tables:
        yield rest, 0
        return
    for quantity, cost in tables[0].items():
        if quantity <= rest and (room or not quantity):
            for unfilled, others in every_split(tables[1:], rest - quantity, room - bool(quantity)):
                yield unfilled, cost + others


def any_case(chance: random.Random) -> Case:
    """A small market in which each rule there is binds now and then."""
    side = chance.choice(list(tw.Side))
    names = VENUES[: chance.randint(1, 4)]
    books, balances, table = [], {}, {}
    for venue in names:
        optional = {
            "min_quantity": (0.3, 1, 4),
            "max_quantity": (0.2, 1, 8),
            "min_notional": (0.3, 50, 500),
            "max_notional": (0.15, 100, 1200),
        }
        rules = {
            name: str(chance.randint(low, high))
            for name, (odds, low, high) in optional.items()
            if chance.random() < odds
        }
        price = chance.randint(95, 105)
        levels = []
        for _ in range(chance.randint(0, 4)):
            levels.append((price, chance.choice([1, 1, 2, 3, 5])))
            price += chance.randint(1, 6) * (1 if side is tw.Side.BUY else -1)
        lot, tick = chance.choice(["1", "1", "1", "2", "3", "4"]), chance.choice(["1", "1", "2"])
        listed = instrument(venue, lot=lot, tick=tick, **rules)
        books.append(venue_book(listed, asks=levels) if side is tw.Side.BUY else venue_book(listed, bids=levels))
        balances[venue] = {"USDT": chance.randint(0, 1500), "BTC": chance.randint(0, 12)}
        table[venue] = {"spot": (f"0.00{chance.randint(0, 40):02}", "0")}
    order = ParentOrder.of(
        BTC,
        side,
        chance.randint(1, 9),
        max_venues=chance.choice([None, None, 1, 2, 3]),
        balances=balances if chance.random() < 0.3 else None,
        limits={venue: chance.randint(1, 6) for venue in names if chance.random() < 0.15},
    )
    return Case(order, books, Fees(table))  # type: ignore[arg-type]


def check_against_all(case: Case) -> str:
    """Compare; return what kind of case it was."""
    tables = {book.venue: costs_at(case, book) for book in case.books}
    unfilled, cost = best_of_all(list(tables.values()), case.order)
    filled = int(case.order.quantity) - unfilled
    usable = {book.venue for book in case.books if (book.book.asks() or book.book.bids())}
    if not filled:
        with pytest.raises(tw.Unfillable) as caught:
            routed(case.order, case.books, case.fees, allow_partial=True)
        assert caught.value.fillable == 0
        return "nothing"
    if unfilled:
        with pytest.raises(tw.Unfillable) as caught:
            routed(case.order, case.books, case.fees)
        assert caught.value.fillable == filled
    found = routed(case.order, case.books, case.fees, allow_partial=True)
    sign = 1 if case.order.side is tw.Side.BUY else -1
    assert (found.unfilled, sign * found.cost * PARTS) == (unfilled, cost)
    for each in found.slices:
        assert sign * each.cost * PARTS == tables[each.venue][int(each.quantity)]
        each_level_adds_up(each)
    assert len(found.slices) <= (case.order.max_venues or 4)
    assert found.saving is None or found.saving >= 0
    assert {each.venue for each in found.slices} <= usable - set(found.excluded)
    return "part" if unfilled else "whole"


def each_level_adds_up(each: Slice) -> None:
    assert sum(level.quantity for level in each.levels) == each.quantity
    assert sum(level.quantity * level.price for level in each.levels) == each.value
    assert each.levels[0].price == each.best_price
    assert len(each.levels) == each.depth


def test_every_small_route_is_the_best_there_is() -> None:
    chance = random.Random(20261123)
    kinds = {"nothing": 0, "part": 0, "whole": 0}
    for number in range(ROUNDS):
        case = any_case(chance)
        try:
            kinds[check_against_all(case)] += 1
        except Exception as error:
            error.add_note(f"case {number} of seed 20261123: {case}")
            raise
    assert min(kinds.values()) > ROUNDS / 50, kinds


def large_case(chance: random.Random) -> Case:
    """A deep market: a thousand levels a venue, the venues' own steps."""
    side = chance.choice(list(tw.Side))
    steps = [("0.01", "0.00001"), ("0.1", "0.00000001"), ("0.01", "0.000001"), ("0.01", "0.00000001")]
    books = []
    for venue, (tick, lot) in zip(VENUES, steps, strict=True):
        ticks = Decimal(60_000 + chance.randint(-20, 20)) // Decimal(tick)
        levels = []
        for _ in range(1000):
            levels.append((ticks * Decimal(tick), chance.randint(1, int(Decimal("0.5") / Decimal(lot))) * Decimal(lot)))
            ticks += chance.randint(1, 30) * (1 if side is tw.Side.BUY else -1)
        listed = instrument(venue, tick=tick, lot=lot, min_notional="5", max_quantity="90")
        books.append(venue_book(listed, asks=levels) if side is tw.Side.BUY else venue_book(listed, bids=levels))
    places = chance.choice([1, 3, 5, 8])
    order = ParentOrder.of(
        BTC,
        side,
        Decimal(chance.randint(1, 200 * 10**places)).scaleb(-places),
        max_venues=chance.choice([None, 1, 2, 3]),
        balances={venue: {"USDT": 6_000_000, "BTC": 80} for venue in VENUES} if chance.random() < 0.5 else None,
    )
    return Case(order, books, Fees())


def test_a_large_route_keeps_every_rule_and_is_never_worse_than_a_single_venue() -> None:
    chance = random.Random(6)
    compared, most = 0, []
    for _ in range(LARGE):
        case = large_case(chance)
        found = routed(case.order, case.books, case.fees, allow_partial=True)
        assert len(found.slices) <= (case.order.max_venues or 4)
        instruments = {book.venue: book.instrument for book in case.books}
        for each in found.slices:
            instruments[each.venue].check(quantity=each.quantity, price=each.limit_price)
            each_level_adds_up(each)
            if case.order.balances is not None:
                reserved = each.limit_price * each.quantity * (1 + each.fee_rate.taker)
                assert reserved <= 6_000_000 if case.order.side is tw.Side.BUY else each.quantity <= 80
        try:
            alone = ranked(case.order, case.books, case.fees).best
        except tw.Unfillable as error:
            most.append((found.quantity, error.fillable or 0))
            continue
        compared += 1
        assert not found.unfilled
        assert found.best_single is not None
        assert found.best_single.cost == alone.cost
        assert found.cost <= alone.cost if case.order.side is tw.Side.BUY else found.cost >= alone.cost
    assert all(together >= alone for together, alone in most)
    assert min(compared, len(most)) > LARGE / 5


# Words and figures.


@pytest.fixture
def two() -> list[VenueBook]:
    return [
        venue_book(instrument("binance", lot="0.1"), bids=[(99, 1), (98, 5)], asks=[(101, 1), (103, 5)]),
        venue_book(instrument("okx", lot="0.1"), bids=[(98, 1), (97, 5)], asks=[(102, 1), (104, 5)]),
    ]


def test_a_route_takes_the_cheapest_levels_of_both(two: list[VenueBook]) -> None:
    found = routed(ParentOrder.of("BTC-USDT", "buy", 3), two, flat_fees("0.001"))
    assert [(each.venue, each.quantity, each.limit_price) for each in found.slices] == [
        ("binance", 2, 103),
        ("okx", 1, 102),
    ]
    assert (found.value, found.fee, found.cost) == (Decimal(306), Decimal("0.306"), Decimal("306.306"))
    assert (found.average_price, found.all_in_price) == (Decimal(102), Decimal("102.102"))
    assert found.best_single is not None
    assert (found.best_single.venue, found.saving) == ("binance", Decimal("1.001"))
    assert found.slices[0].slippage == Decimal(1) / Decimal(101)
    assert (found.slices[0].sequence, found.excluded) == (7, {})
    assert 0 <= found.slices[0].age_s < 60


def test_fees_decide_between_venues(two: list[VenueBook]) -> None:
    fees = Fees({"binance": {"spot": ("0.02", "0")}, "okx": {"spot": ("0.001", "0")}})
    found = ranked(ParentOrder.of("BTC-USDT", "sell", 1), two, fees)
    assert [each.venue for each in found.ranking] == ["okx", "binance"]
    assert (found.venue, found.best.cost) == ("okx", Decimal("97.902"))
    assert found.ranking[1].cost == Decimal("97.02")


def test_the_explanation_is_the_arithmetic(two: list[VenueBook]) -> None:
    two.append(venue_book(instrument("htx"), bids=[(1, 1)]))
    told = routed(ParentOrder.of("BTC-USDT", "buy", 3), two, flat_fees("0.001")).explain()
    for line in (
        "buy 3 BTC-USDT over 2 venues",
        "binance: buy 2 at 103 or better",
        "  1 × 101 = 101",
        "  1 × 103 = 103",
        "  value 204 + fee 0.204 = 204.204; fee 0.1 % (own rate)",
        "together 3: value 306 + fees 0.306 = 306.306, 102.102 each",
        "binance alone: 307.307, so the split saves 1.001",
        "htx: out, nobody sells",
    ):
        assert line in told.splitlines()


def test_what_cannot_be_used_is_named(two: list[VenueBook]) -> None:
    stale = venue_book(instrument("htx"), asks=[(90, 9)])
    stale.book.mark_stale("gap")
    crossed = venue_book(instrument("coinbase"), bids=[(95, 1)], asks=[(90, 9)])
    order = ParentOrder.of("BTC-USDT", "buy", 3)
    found = route(
        order,
        [*two, stale, crossed],
        fees=flat_fees("0"),
        absent={"elsewhere": "Timeout: no answer"},
        max_age_s=None,
        allow_partial=False,
    )
    assert found.excluded == {"htx": "stale: gap", "coinbase": "crossed", "elsewhere": "Timeout: no answer"}
    with pytest.raises(tw.Unfillable, match=r"at most 0 now; binance: older than 0 s"):
        route(order, two, fees=flat_fees("0"), absent={}, max_age_s=0, allow_partial=True)


def test_a_venue_that_stopped_trading_or_holds_no_balance_is_out(two: list[VenueBook]) -> None:
    halted = VenueBook(
        "okx", tw.Instrument(**{**_fields(two[1].instrument), "active": False, "status": "BREAK"}), two[1].book
    )
    found = routed(ParentOrder.of("BTC-USDT", "buy", 1), [two[0], halted], flat_fees("0"))
    assert found.excluded == {"okx": "not trading: BREAK"}
    balances = {"binance": {"USDT": "0"}}
    with pytest.raises(tw.Unfillable) as caught:
        routed(ParentOrder.of("BTC-USDT", "buy", 1, balances=balances), two, flat_fees("0"))
    assert caught.value.fillable == 0
    assert caught.value.excluded["okx"] == "no balance was given for it"
    assert "USDT there 0" in caught.value.excluded["binance"]


def _fields(rules: tw.Instrument) -> dict[str, object]:
    return {name: getattr(rules, name) for name in rules.__struct_fields__}


def test_balances_may_come_as_fetch_balances_returns_them(two: list[VenueBook]) -> None:
    rows = [tw.Balance(venue="okx", asset="BTC", free=Decimal("0.25"), locked=Decimal(1), total=Decimal("1.25"))]
    order = ParentOrder.of("BTC-USDT", "sell", 1, balances={"okx": rows, "binance": {"BTC": 5}})
    assert {each.venue: each.quantity for each in routed(order, two, flat_fees("0")).slices} == {"binance": 1}
    alone = ParentOrder.of("BTC-USDT", "sell", 1, balances={"okx": rows})
    found = routed(alone, two, flat_fees("0"), allow_partial=True)
    assert (found.quantity, found.unfilled) == (Decimal("0.2"), Decimal("0.8"))


def test_a_perpetual_spends_its_settlement_asset_either_way() -> None:
    perpetual = tw.Symbol.parse("BTC-USDT-PERP")
    book = venue_book(instrument("okx", perpetual, lot="0.01"), bids=[(100, 9)], asks=[(101, 9)])
    for side, most in (("sell", Decimal("0.99")), ("buy", Decimal("0.98"))):
        order = ParentOrder.of(perpetual, side, 5, balances={"okx": {"USDT": 100}})
        assert routed(order, [book], flat_fees("0.001"), allow_partial=True).quantity == most


def test_a_quantity_between_lots_says_how_much_can_be_had(two: list[VenueBook]) -> None:
    with pytest.raises(tw.Unfillable, match=r"cannot be filled exactly; at most 2\.3 now") as caught:
        routed(ParentOrder.of("BTC-USDT", "buy", "2.345"), two, flat_fees("0"))
    assert caught.value.fillable == Decimal("2.3")
    assert caught.value.retryable is False


def test_levels_may_hold_parts_of_a_lot() -> None:
    book = venue_book(instrument("htx", lot="0.1"), asks=[(10, "0.57561040453504299"), (11, "1")])
    found = routed(ParentOrder.of("BTC-USDT", "buy", "0.6"), [book], flat_fees("0"))
    assert [(level.price, level.quantity) for level in found.slices[0].levels] == [
        (10, Decimal("0.57561040")),
        (11, Decimal("0.02438960")),
    ]


def test_a_live_book_in_contracts_is_routed_in_base_units() -> None:
    layout = BookLayout(delta=MessageLayout(bids=LevelArray("b"), asks=LevelArray("a")))
    book = tw.OrderBook("0.1", "0.01", contract_size="0.01")  # a lot is one contract
    book.apply_snapshot(b'{"b": [], "a": [["100.1", "3"], ["100.2", "2.5"], ["100.3", "100"]]}', layout, 1)
    perpetual = instrument("okx", tw.Symbol.parse("BTC-USDT-PERP"), tick="0.1", lot="0.01")
    found = routed(ParentOrder.of("BTC-USDT-PERP", "buy", "0.06"), [VenueBook("okx", perpetual, book)], flat_fees("0"))
    levels = [(level.price, level.quantity) for level in found.slices[0].levels]
    assert levels == [
        (Decimal("100.1"), Decimal("0.03")),
        (Decimal("100.2"), Decimal("0.025")),
        (Decimal("100.3"), Decimal("0.005")),
    ]


def test_a_price_off_the_tick_is_ordered_at_the_next_tick() -> None:
    for side, limit in (("buy", "10.1"), ("sell", "10")):
        book = venue_book(instrument("htx", tick="0.1"), bids=[("10.04", 1)], asks=[("10.05", 1)])
        found = routed(ParentOrder.of("BTC-USDT", side, 1), [book], flat_fees("0"))
        assert found.slices[0].limit_price == Decimal(limit)


def test_lots_without_a_common_step_are_refused_rather_than_guessed() -> None:
    books = [venue_book(instrument("okx", lot="49.99"), asks=[(1, 500)])]
    books.append(venue_book(instrument("htx", lot="50.03"), asks=[(1, 500)]))
    with pytest.raises(tw.ConfigError, match="too little in common"):
        routed(ParentOrder.of("BTC-USDT", "buy", 200), books, flat_fees("0"))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("BTC-USDT", "hold", 1), "'buy' or 'sell'"),
        (("BTC-USDT", "buy", 0), "must be positive"),
        (("BTC-USDT", "buy", "x"), "not a decimal"),
        (("btcusdt", "buy", 1), "cannot read the symbol"),
    ],
)
def test_a_wrong_order_is_refused(arguments: tuple[str, str, object], what: str) -> None:
    with pytest.raises(tw.ConfigError, match=what):
        ParentOrder.of(*arguments)  # type: ignore[arg-type]
