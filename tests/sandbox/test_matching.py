"""The matching engine against a slow one that keeps a list of orders and sorts it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.models import Side
from tidewire.sandbox.matching import HOUSE, MatchingBook, Resting


@dataclass
class SlowOrder:
    order_id: int
    owner: str
    side: Side
    ticks: int
    lots: int


class SlowBook:
    """Every question is answered by looking at every order."""

    def __init__(self) -> None:
        self.orders: list[SlowOrder] = []

    def makers(self, side: Side, limit: int | None) -> list[SlowOrder]:
        sign = 1 if side is Side.BUY else -1
        found = [
            order
            for order in self.orders
            if order.side is not side and (limit is None or sign * order.ticks <= sign * limit)
        ]
        return sorted(found, key=lambda order: sign * order.ticks)  # stable: equal prices keep their time

    def match(self, side: Side, lots: int, limit: int | None, owner: str) -> list[tuple[int, int, int]]:
        matches = []
        for maker in self.makers(side, limit):
            if not lots:
                break
            if maker.owner == owner != HOUSE:
                self.orders.remove(maker)
                continue
            part = min(lots, maker.lots)
            matches.append((maker.order_id, maker.ticks, part))
            maker.lots -= part
            lots -= part
            if not maker.lots:
                self.orders.remove(maker)
        return matches

    def levels(self, side: Side) -> dict[int, int]:
        levels: dict[int, int] = {}
        for order in self.orders:
            if order.side is side:
                levels[order.ticks] = levels.get(order.ticks, 0) + order.lots
        return levels


sides = st.sampled_from(list(Side))
actions = st.lists(
    st.tuples(
        st.sampled_from(["order", "order", "order", "cancel"]),
        sides,
        st.integers(90, 110) | st.none(),
        st.integers(1, 20),
        st.sampled_from(["ann", "bob", HOUSE]),
    ),
    max_size=60,
)


def submit(fast: MatchingBook, slow: SlowBook, live: dict[int, Resting], number: int, action: tuple) -> None:
    """Give both books the same limit or market order, and compare what they match."""
    _, side, limit, lots, owner = action
    matches, expired = fast.match(side, lots, limit, owner)
    expected = slow.match(side, lots, limit, owner)
    assert [(match.maker.order_id, match.ticks, match.lots) for match in matches] == expected
    for order in expired:
        live.pop(order.order_id)
    left = lots - sum(match.lots for match in matches)
    if left and limit is not None:
        live[number] = Resting(number, owner, side, limit, left)
        fast.rest(live[number])
        slow.orders.append(SlowOrder(number, owner, side, limit, left))


def cancel(fast: MatchingBook, slow: SlowBook, live: dict[int, Resting], which: int) -> None:
    """Take the same order out of both books."""
    working = [number for number, order in live.items() if order.lots]
    if working:
        number = working[which % len(working)]
        fast.remove(live.pop(number))
        slow.orders = [order for order in slow.orders if order.order_id != number]


@given(actions)
def test_same_matches_and_same_levels_as_the_slow_book(script: list[tuple]) -> None:
    fast, slow, live = MatchingBook(), SlowBook(), {}
    for number, action in enumerate(script, 1):
        if action[0] == "cancel":
            cancel(fast, slow, live, action[3])
        else:
            submit(fast, slow, live, number, action)
        for side in Side:
            assert fast.side(side).lots == slow.levels(side)
        assert list(fast.bids) == sorted(fast.bids.lots, reverse=True)
        assert list(fast.asks) == sorted(fast.asks.lots)
        best_bid, best_ask = fast.bids.best, fast.asks.best
        assert best_bid is None or best_ask is None or best_bid < best_ask


@given(actions)
def test_changes_rebuild_the_book_and_their_numbers_have_no_hole(script: list[tuple]) -> None:
    book, slow, live = MatchingBook(), SlowBook(), {}
    rebuilt: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    expected_first = book.sequence + 1
    for number, action in enumerate(script, 1):
        if action[0] == "cancel":
            cancel(book, slow, live, action[3])
        else:
            submit(book, slow, live, number, action)
        if number % 3:
            continue
        changes = book.drain()
        if changes is None:
            assert book.sequence + 1 == expected_first
            continue
        first, last, bids, asks = changes
        assert (first, last) == (expected_first, book.sequence)
        expected_first = last + 1
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            rebuilt[side].update(levels)
            rebuilt[side] = {ticks: lots for ticks, lots in rebuilt[side].items() if lots}
            assert rebuilt[side] == book.side(side).lots


@given(sides, st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_the_house_adds_behind_and_takes_from_the_back(side: Side, house: int, own: int, target: int) -> None:
    book = MatchingBook()
    book.set_house(side, 100, house)
    mine = Resting(7, "ann", side, 100, own)
    book.rest(mine)
    book.set_house(side, 100, target)
    assert book.side(side).lots[100] == own + target
    taker = Side.SELL if side is Side.BUY else Side.BUY
    matches, _ = book.match(taker, own + target, None, "bob")
    ahead = min(house, target)
    assert [(match.maker.order_id, match.lots) for match in matches][:2] == [(0, ahead), (7, own)]
    assert book.side(side).best is None


def test_what_would_cross_cannot_rest() -> None:
    book = MatchingBook()
    book.rest(Resting(1, "ann", Side.SELL, 100, 5))
    assert book.crosses(Side.BUY, 100)
    assert not book.crosses(Side.BUY, 99)
    with pytest.raises(ValueError, match="crosses"):
        book.rest(Resting(2, "bob", Side.BUY, 100, 5))


@given(actions)
def test_offers_without_ones_own_are_what_a_match_would_give(script: list[tuple]) -> None:
    fast, slow, live = MatchingBook(), SlowBook(), {}
    for number, action in enumerate(script, 1):
        if action[0] != "cancel":
            submit(fast, slow, live, number, action)
    for side in Side:
        offered = sum(lots for _, lots in fast.offers(side, 100, excluding="ann"))
        assert offered == sum(lots for _, _, lots in slow.match(side, 10**6, 100, "ann"))
