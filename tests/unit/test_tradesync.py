"""Trades, each once and in order, whatever the stream does to them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire._tradesync import TradeSync
from tidewire.models import Side, Trade
from tidewire.symbols import Symbol


def trade(number: int) -> Trade:
    return Trade(
        venue="binance",
        symbol=Symbol("BTC", "USDT"),
        trade_id=str(number),
        price=Decimal(1),
        quantity=Decimal(1),
        side=Side.BUY,
        time_ns=number,
    )


class Tape:
    """A synchroniser, what it passed on, and how often it asked."""

    def __init__(self, *, contiguous: bool = True) -> None:
        self.asked = 0
        self.passed: list[int] = []
        self.sync = TradeSync(self._ask, contiguous=contiguous)

    def _ask(self) -> None:
        self.asked += 1

    def hears(self, *numbers: int) -> Tape:
        for number in numbers:
            self.passed += [int(each.trade_id) for each in self.sync.on_trade(trade(number))]
        return self

    def fetches(self, *numbers: int) -> Tape:
        self.passed += [int(each.trade_id) for each in self.sync.on_recent(map(trade, numbers))]
        return self


def test_trades_in_order_pass_at_once() -> None:
    tape = Tape().hears(7, 8, 9)
    assert (tape.passed, tape.asked) == ([7, 8, 9], 0)


def test_repeated_trades_are_dropped() -> None:
    tape = Tape().hears(7, 8, 8, 7, 9)
    assert (tape.passed, tape.sync.duplicates) == ([7, 8, 9], 2)


def test_a_hole_is_filled_before_what_follows_it_passes() -> None:
    tape = Tape().hears(7, 10, 11)
    assert (tape.passed, tape.asked, tape.sync.gaps) == ([7], 1, 1)
    tape.fetches(5, 6, 7, 8, 9, 10)
    assert tape.passed == [7, 8, 9, 10, 11]
    assert tape.hears(12).passed[-1] == 12
    assert tape.asked == 1


def test_numbers_that_the_venue_itself_leaves_out_are_no_hole() -> None:
    tape = Tape().hears(7, 10).fetches(6, 7, 10, 11)
    assert tape.passed == [7, 10, 11]
    assert tape.sync.failure is None


def test_a_list_that_lags_behind_the_stream_is_asked_for_again() -> None:
    tape = Tape().hears(7, 12).fetches(6, 7, 8)
    assert (tape.passed, tape.asked, tape.sync.failure) == ([7, 8], 2, None)
    tape.fetches(8, 9, 10, 11, 12)
    assert tape.passed == [7, 8, 9, 10, 11, 12]


def test_a_list_that_lags_for_ever_is_given_up() -> None:
    tape = Tape().hears(7, 12)
    for _ in range(4):
        tape.fetches(6, 7)
    assert tape.sync.failure is None
    tape.fetches(6, 7)
    assert tape.sync.failure is not None
    assert tape.sync.failure.missed == 4


def test_a_hole_older_than_the_list_is_counted() -> None:
    tape = Tape().hears(7).hears(100).fetches(90, 91, 100)
    assert tape.passed == [7]
    assert tape.sync.failure is not None
    assert tape.sync.failure.missed == 82


def test_after_an_interruption_what_was_missed_is_fetched() -> None:
    tape = Tape().hears(7)
    tape.sync.interrupted()
    assert tape.asked == 0, "there is nothing to ask before the stream flows again"
    tape.sync.resumed()
    assert tape.asked == 1
    tape.hears(10)
    tape.fetches(7, 8, 9)
    assert tape.passed == [7, 8, 9, 10]


def test_an_interruption_before_the_first_trade_asks_nothing() -> None:
    tape = Tape()
    tape.sync.interrupted()
    tape.sync.resumed()
    assert tape.asked == 0
    assert tape.hears(7).passed == [7]


def test_a_list_that_nobody_wants_any_more_is_ignored() -> None:
    assert Tape().fetches(1, 2, 3).passed == []
    assert Tape().hears(7).fetches(8, 9).passed == [7]


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewire._tradesync._HELD", 10)
    tape = Tape().hears(7, *range(9, 20))
    assert tape.sync.failure is not None
    assert tape.sync.failure.missed == 1


@settings(max_examples=300)
@given(
    plan=st.lists(st.sampled_from(["pass"] * 4 + ["drop", "twice", "swap", "cut"]), min_size=1, max_size=60),
    delay=st.integers(0, 5),
    lag=st.integers(0, 3),
    reach=st.integers(20, 100),
)
def test_any_plan_of_faults_leaves_them_whole_or_says_so(plan: list[str], delay: int, lag: int, reach: int) -> None:
    """The venue's list answers ``delay`` trades after it was asked, is ``lag`` trades old and ``reach`` trades long."""
    due: list[int] = []
    now = 0
    passed: list[int] = []
    sync = TradeSync(lambda: due.append(now + delay))
    waiting: int | None = None
    for fault in [*plan, *["pass"] * (2 * (delay + lag) + 10)]:
        now += 1
        arrivals = {"drop": [], "cut": [], "twice": [now, now]}.get(fault, [now])
        if fault == "cut":
            sync.interrupted()
            sync.resumed()
        if fault == "swap" and waiting is None:
            waiting, arrivals = now, []
        elif arrivals and waiting is not None:
            arrivals, waiting = [*arrivals, waiting], None
        for number in arrivals:
            passed += [int(each.trade_id) for each in sync.on_trade(trade(number))]
        for _ in [moment for moment in due if moment <= now]:
            due.pop(0)
            listed = range(max(1, now - lag - reach), now - lag + 1)
            passed += [int(each.trade_id) for each in sync.on_recent(map(trade, listed))]
    if passed:
        assert passed == list(range(passed[0], passed[0] + len(passed)))
    if sync.failure is None and passed:
        assert passed[-1] == now


# Ids that rise, but not by one.


def test_rising_ids_pass_and_repeated_ones_do_not() -> None:
    tape = Tape(contiguous=False).hears(7, 70, 71, 70, 900)
    assert (tape.passed, tape.asked, tape.sync.duplicates) == ([7, 70, 71, 900], 0, 1)


def test_after_an_interruption_the_list_is_put_between() -> None:
    tape = Tape(contiguous=False).hears(7, 20)
    tape.sync.interrupted()
    tape.sync.resumed()
    tape.hears(60, 75).fetches(5, 7, 20, 33, 41)
    assert (tape.passed, tape.asked) == ([7, 20], 2), "the list ends before what the stream has sent: asked again"
    tape.fetches(7, 20, 33, 41, 60).hears(75, 80)
    assert tape.passed == [7, 20, 33, 41, 60, 75, 80]


def test_a_list_that_does_not_reach_back_far_enough_is_a_loss() -> None:
    tape = Tape(contiguous=False).hears(7)
    tape.sync.interrupted()
    tape.sync.resumed()
    tape.fetches(20, 30)
    assert tape.passed == [7]
    assert tape.sync.failure is not None
    assert "unknown number" in str(tape.sync.failure)


@given(st.data(), st.lists(st.integers(1, 500), min_size=3, max_size=30, unique=True).map(sorted))
def test_rising_ids_come_once_and_in_order_across_interruptions(data: st.DataObject, numbers: list[int]) -> None:
    tape = Tape(contiguous=False).hears(numbers[0])
    for index, number in enumerate(numbers[1:], start=1):
        match data.draw(st.sampled_from(["sent", "sent", "twice", "cut"])):
            case "cut":
                tape.sync.interrupted()
                tape.sync.resumed()
                tape.fetches(*numbers[: index + 1])
            case "twice":
                tape.hears(number, number)
            case _:
                tape.hears(number)
    assert tape.passed == numbers
