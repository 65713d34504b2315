"""Which venue, or which split over venues, fills an order at the least all-in cost: exact, from books as they stand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from .._order import Number, exact
from ..errors import ConfigError, Unfillable
from ..models import Balance, Instrument, Side
from ..symbols import Symbol
from .allocation import EXACT, Allocation, Offer, Taken
from .fees import Fees
from .route import BestVenue, Route, Slice
from .venue_book import VenueBook

__all__ = ["Balances", "Limits", "ParentOrder", "best_venue", "route"]

Balances = Mapping[str, Mapping[str, Number] | list[Balance]]
"""Per venue what is free there: asset to quantity, or what ``fetch_balances`` returned."""

Limits = Mapping[str, Number]
"""Per venue the most that may be traded there, in base units."""


@dataclass(frozen=True, slots=True)
class ParentOrder:
    """What is to be bought or sold somewhere, and within which bounds."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    max_venues: int | None
    balances: Balances | None
    limits: Limits

    @classmethod
    def of(
        cls,
        symbol: str | Symbol,
        side: str,
        quantity: Number,
        *,
        max_venues: int | None = None,
        balances: Balances | None = None,
        limits: Limits | None = None,
    ) -> ParentOrder:
        """Check the words and numbers; raise ``ConfigError`` naming the one at fault."""
        if str(side).lower() not in tuple(Side):
            raise ConfigError(f"side must be 'buy' or 'sell', not {side!r}")
        amount = exact(quantity, "quantity")
        if amount <= 0:
            raise ConfigError(f"quantity must be positive, not {amount}; side='sell' says the direction")
        if max_venues is not None and max_venues < 1:
            raise ConfigError(f"max_venues must be at least 1, not {max_venues}")
        return cls(Symbol.parse(symbol), Side(str(side).lower()), amount, max_venues, balances, limits or {})


def best_venue(
    order: ParentOrder, books: Sequence[VenueBook], *, fees: Fees, absent: Mapping[str, str], max_age_s: float | None
) -> BestVenue:
    """Rank the venues that can fill an order alone. ``absent`` says why the others have no book at all.

    Raises ``Unfillable`` when none can.
    """
    market = _Market.of(order, books, fees, absent, max_age_s)
    excluded = market.excluded
    ranking = []
    for found in market.alone():
        if found.quantity == order.quantity:
            ranking.append(found)
        elif found.quantity:
            excluded[found.venue] = f"takes only {found.quantity:f} of it ({_bound(found, market.book(found.venue))})"
    if not ranking:
        most = max((each.quantity for each in market.alone()), default=Decimal(0))
        raise _unfillable(order, most, excluded, "no single venue takes it")
    ranking.sort(key=_cheapest_first(order.side))
    return BestVenue(order.symbol, order.side, order.quantity, tuple(ranking), excluded)


def route(
    order: ParentOrder,
    books: Sequence[VenueBook],
    *,
    fees: Fees,
    absent: Mapping[str, str],
    max_age_s: float | None,
    allow_partial: bool,
) -> Route:
    """Split an order over venues at the least all-in cost. ``absent`` says why some have no book at all.

    Raises ``Unfillable`` when it cannot be filled exactly, unless a part was allowed and there is any.
    """
    market = _Market.of(order, books, fees, absent, max_age_s)
    slices = tuple(market.split())
    filled = sum((each.quantity for each in slices), Decimal(0))
    if filled != order.quantity and not (allow_partial and filled):
        raise _unfillable(order, filled, market.excluded, "it cannot be filled exactly")
    alone = [each for each in market.alone() if each.quantity == filled]
    return Route(
        order.symbol,
        order.side,
        order.quantity,
        slices,
        min(alone, key=_cheapest_first(order.side), default=None),
        market.excluded,
    )


class _Market:
    """The venues that an order can go to as they stand at one moment, and why the others are out."""

    def __init__(self, order: ParentOrder, offers: list[Offer], excluded: dict[str, str], now_ns: int) -> None:
        self.excluded = excluded
        self._order = order
        self._offers = offers
        self._now_ns = now_ns
        self._allocation = Allocation(offers, order.side, order.quantity)
        self._alone = [self._slice(i, self._allocation.alone(i)) for i in range(len(offers))]
        for offer, each in zip(offers, self._alone, strict=True):
            if not each.quantity:
                excluded[each.venue] = _why_nothing(offer, order)

    @classmethod
    def of(
        cls,
        order: ParentOrder,
        books: Sequence[VenueBook],
        fees: Fees,
        absent: Mapping[str, str],
        max_age_s: float | None,
    ) -> _Market:
        now_ns = time.time_ns()
        excluded = dict(absent)
        offers = []
        for each in books:
            reason = _why_not(each, order, max_age_s, now_ns)
            if reason is None:
                offers.append(_offer(each, order, fees))
            else:
                excluded[each.venue] = reason
        return cls(order, offers, excluded, now_ns)

    def split(self) -> Iterable[Slice]:
        """The orders of the cheapest split."""
        most = len(self._offers) if self._order.max_venues is None else self._order.max_venues
        taken = self._allocation.split(most)
        return (self._slice(i, each) for i, each in enumerate(taken) if each.quantity)

    def alone(self) -> Iterable[Slice]:
        """What each venue takes without the others; those that take nothing are left out."""
        return (each for each in self._alone if each.quantity)

    def book(self, venue: str) -> VenueBook:
        return next(offer.book for offer in self._offers if offer.book.venue == venue)

    def _slice(self, at: int, taken: Taken) -> Slice:
        offer = self._offers[at]
        age_s = offer.book.age_at(self._now_ns)
        return Slice(
            offer.book.venue, self._order.symbol, self._order.side, taken, offer.rate, offer.book.sequence, age_s
        )


def _why_not(book: VenueBook, order: ParentOrder, max_age_s: float | None, now_ns: int) -> str | None:
    reason = book.why_not(max_age_s, now_ns)
    if reason is not None:
        return reason
    if not book.instrument.active:
        return f"not trading: {book.instrument.status or 'the venue takes no orders for it'}"
    if _depth(book, order.side) == 0:
        return "nobody sells" if order.side is Side.BUY else "nobody buys"
    if order.balances is not None and book.venue not in order.balances:
        return "no balance was given for it"
    return None


def _offer(book: VenueBook, order: ParentOrder, fees: Fees) -> Offer:
    rate = fees.rate(book.venue, book.instrument)
    most = order.limits.get(book.venue)
    limit = None if most is None else exact(most, f"limits of {book.venue}")
    if order.balances is None:
        return Offer(book, rate, limit)
    free = _free(order.balances[book.venue], book.venue, spent_asset(book.instrument, order.side))
    if order.side is Side.BUY:
        return Offer(book, rate, limit, funds=free)
    if book.instrument.kind == "spot":
        return Offer(book, rate, free if limit is None else min(free, limit))
    # A short position is opened on margin: no more than the balance is worth at the best price, unlevered.
    best = book.book.bids(1)[0].price
    worth = free / (best * (1 + rate.taker))
    return Offer(book, rate, worth if limit is None else min(worth, limit))


def spent_asset(instrument: Instrument, side: Side) -> str:
    """Return the asset that an order uses up: quote to buy, base to sell, and what a contract settles in either way."""
    symbol = instrument.symbol
    if symbol.settle is not None:
        return symbol.settle
    return symbol.quote if side is Side.BUY else symbol.base


def _free(balances: Mapping[str, Number] | list[Balance], venue: str, asset: str) -> Decimal:
    if isinstance(balances, list):
        free = sum((each.free for each in balances if each.asset == asset), Decimal(0))
    else:
        free = exact(balances.get(asset, 0), f"balances of {venue}")
    return max(free, Decimal(0))


def _depth(book: VenueBook, side: Side) -> int:
    return book.book.ask_count if side is Side.BUY else book.book.bid_count


def _bound(taken: Slice, book: VenueBook) -> str:
    deepest = taken.depth == _depth(book, taken.side)
    return f"all of the {taken.depth} levels known" if deepest else "by its rules, limit or balance"


def _why_nothing(offer: Offer, order: ParentOrder) -> str:
    rules = offer.book.instrument
    bounds = {
        "lot": rules.lot_size,
        "least quantity": rules.min_quantity,
        "least notional": rules.min_notional,
        "limit or balance": offer.most,
        f"{spent_asset(rules, order.side)} there": offer.funds,
    }
    told = ", ".join(f"{name} {bound:f}" for name, bound in bounds.items() if bound is not None)
    return f"no order there can be a part of it ({told})"


def _cheapest_first(side: Side) -> Callable[[Slice], tuple[Decimal, str]]:
    sign = 1 if side is Side.BUY else -1
    return lambda each: (sign * each.cost, each.venue)


def _unfillable(order: ParentOrder, most: Decimal, excluded: Mapping[str, str], why: str) -> Unfillable:
    out = "".join(f"; {venue}: {reason}" for venue, reason in sorted(excluded.items()))
    return Unfillable(
        f"{order.side} {order.quantity:f} {order.symbol}: {why}; at most {EXACT.plus(most).normalize():f} now{out}",
        fillable=most,
        excluded=excluded,
    )
