"""Every decision of a read, on a clock that stands still unless told to move."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.errors import (
    AuthenticationError,
    Banned,
    ConfigError,
    ConnectionFailed,
    DecodeError,
    Error,
    InvalidRequest,
    NotSupported,
    RateLimited,
    Timeout,
    UnknownSymbol,
    VenuesFailed,
    VenueUnavailable,
)
from tidewire.symbols import Symbol
from tidewire.universal.failover import Verdict
from tidewire.universal.health import COOL_DOWN_S, LONGEST_COOL_DOWN_S
from tidewire.universal.strategies import strategy

from .theatre import BTC, FROZEN, Answers, Theatre

DOWN = Answers(after=0.01, error=ConnectionFailed("refused", sent=False))
LACKING = Answers(after=0.01, error=UnknownSymbol("no such market", venue="a"))
FAILING_OVER = [
    ConnectionFailed("refused"),
    Timeout("no answer"),
    RateLimited("slow down", retry_after=3.0),
    Banned("go away", retry_after=120.0),
    VenueUnavailable("maintenance"),
    DecodeError("not JSON"),
    UnknownSymbol("no such market", venue="a"),
    NotSupported("no funding here", venue="a"),
    ConfigError("a has no 3m klines", venue="a"),
    InvalidRequest("malformed"),
    AuthenticationError("who are you?"),
]


def play(strategy: str = "priority", **venues: Answers) -> Theatre:
    return Theatre(venues, strategy)


# Failing over.


@pytest.mark.parametrize("error", FAILING_OVER, ids=lambda error: type(error).__name__)
def test_the_next_venue_answers_the_same_read_and_the_first_is_named_with_its_cause(error: Error) -> None:
    verdict = play(a=Answers(after=0.2, error=error), b=Answers(after=0.1)).read()
    assert verdict.value == "BTC-USDT at b"
    assert [(failed.venue, failed.error, round(failed.after_s, 6)) for failed in verdict.failed] == [("a", error, 0.2)]
    assert verdict.elapsed_s == pytest.approx(0.3)


@pytest.mark.parametrize("error", [ConfigError("unknown interval '7m'"), TypeError("limit is text")])
def test_a_mistake_of_the_caller_is_raised_at_once(error: Exception) -> None:
    theatre = play(a=Answers(error=error), b=Answers())
    with pytest.raises(type(error)) as caught:
        theatre.read()
    assert caught.value is error
    assert theatre.asked == ["a"]
    assert theatre.desk.health()["a"].success_rate == 1.0


def test_when_all_fail_one_error_has_every_cause_in_the_order_of_failing() -> None:
    down, gone = ConnectionFailed("refused"), UnknownSymbol("no such market", venue="b")
    theatre = play(a=Answers(error=down), b=Answers(error=gone), c=DOWN)
    with pytest.raises(VenuesFailed, match=r"BTC-USDT: no venue gave an answer \(a: ConnectionFailed: refused; b:"):
        theatre.read()
    with pytest.raises(VenuesFailed) as caught:
        theatre.read()
    assert caught.value.retryable
    assert theatre.asked == ["a", "c"]  # b lacks it, which is remembered
    assert set(caught.value.causes) == {"a", "b", "c"}


def test_a_read_that_is_pinned_asks_nobody_else_and_raises_what_happened() -> None:
    theatre = play(a=DOWN, b=Answers())
    with pytest.raises(ConnectionFailed, match="refused"):
        theatre.read(pinned="a")
    assert theatre.asked == ["a"]
    assert theatre.read(pinned="b").option.venue == "b"


# Time.


def test_a_frozen_venue_costs_its_patience_and_not_the_time_out() -> None:
    theatre = play(a=FROZEN, b=Answers(after=0.1))
    verdict = theatre.read()
    assert verdict.elapsed_s == pytest.approx(1.1)
    assert isinstance(verdict.failed[0].error, Timeout)
    assert str(verdict.failed[0].error) == "no answer within 1 s"
    assert theatre.read().elapsed_s == pytest.approx(0.1)  # it rests now


@given(st.permutations(["frozen", "frozen", "frozen", "slow"]), st.floats(0.1, 100.0))
def test_every_venue_gets_its_turn_within_the_time_out(order: list[str], patience: float) -> None:
    kinds = {"frozen": FROZEN, "slow": Answers(after=2.4)}
    theatre = Theatre({name: kinds[kind] for name, kind in zip("abcd", order, strict=True)}, patience=patience)
    verdict = theatre.read()
    assert verdict.option.venue == "abcd"[order.index("slow")]
    assert verdict.elapsed_s <= 10.0


def test_patience_is_shared_among_all_that_may_be_asked() -> None:
    dollar = Symbol("BTC", "USD")
    theatre = Theatre({"a": FROZEN, "b": {BTC: FROZEN, dollar: Answers(after=2.0)}}, patience=9.0)
    assert theatre.read(BTC, dollar).option.venue == "b"
    assert theatre.clock.now <= 1000 + 10.0


def test_a_slow_venue_still_wins_when_the_other_is_slower() -> None:
    verdict = play(a=Answers(after=1.5), b=Answers(after=2.0)).read()
    assert (verdict.option.venue, verdict.failed) == ("a", ())
    assert verdict.elapsed_s == pytest.approx(1.5)


def test_nothing_from_anybody_ends_with_the_time_out() -> None:
    theatre = play(a=FROZEN, b=FROZEN)
    with pytest.raises(VenuesFailed) as caught:
        theatre.read()
    assert theatre.clock.now == pytest.approx(1000 + 10.0)
    assert {type(cause) for cause in caught.value.causes.values()} == {Timeout}


def test_a_long_answer_that_comes_page_by_page_is_waited_for() -> None:
    verdict = play(a=Answers(after=300.0, pages=600), b=Answers()).read()
    assert (verdict.option.venue, verdict.elapsed_s, verdict.failed) == ("a", pytest.approx(300.0), ())


def test_waiting_for_our_own_limits_sends_others_first_and_never_ends_a_read() -> None:
    theatre = play(a=Answers(after=40.0, rests=39.0), b=Answers(after=0.1))
    verdict = theatre.read()
    assert verdict.option.venue == "b"
    (failed,) = verdict.failed
    assert isinstance(failed.error, RateLimited)  # and not that the venue was silent
    theatre.read(after=37.0)
    assert theatre.asked == ["b"]
    theatre.read(after=1.0)
    assert theatre.asked[0] == "a"
    theatre = play(a=Answers(after=40.0, rests=39.0))
    assert theatre.read().elapsed_s == pytest.approx(40.0)


def test_a_request_that_is_repeated_at_its_venue_is_asked_of_the_next_meanwhile() -> None:
    trouble = ConnectionFailed("reset")
    theatre = play(a=Answers(after=0.6, trouble=trouble), b=Answers(after=0.1))
    verdict = theatre.read()
    assert (verdict.option.venue, verdict.failed[0].error) == ("b", trouble)
    assert verdict.elapsed_s == pytest.approx(0.4)
    # Where the repetition comes first, nothing has failed.
    verdict = play(a=Answers(after=0.6, trouble=trouble), b=Answers(after=0.9)).read()
    assert (verdict.option.venue, verdict.failed) == ("a", ())


def test_the_end_of_one_in_trouble_hurries_nobody_while_there_is_hope_of_another() -> None:
    ended = Answers(after=0.5, error=ConnectionFailed("refused"), trouble=ConnectionFailed("reset"))
    theatre = play(a=ended, b=Answers(after=0.9), c=Answers())
    assert theatre.read().option.venue == "b"
    assert theatre.asked == ["a", "b"]


def test_one_read_is_one_failure_however_often_a_request_was_repeated() -> None:
    theatre = play(a=Answers(after=0.5, error=ConnectionFailed("refused"), trouble=ConnectionFailed("reset")))
    with pytest.raises(VenuesFailed):
        theatre.read()
    assert theatre.desk.health()["a"].success_rate == pytest.approx(0.5, abs=0.01)
    assert theatre.desk.health()["a"].cooling_s <= COOL_DOWN_S


# Cooling down, and probing.


def test_a_venue_that_failed_rests_and_is_probed_by_itself() -> None:
    theatre = play(a=DOWN, b=Answers())
    theatre.read()
    assert theatre.read().skipped["a"].startswith("cooling down for 1.0 s after ConnectionFailed")
    assert theatre.asked == ["b"]
    theatre.set("a", Answers())
    assert theatre.read(after=COOL_DOWN_S).option.venue == "a"
    assert theatre.read().option.venue == "a"
    assert theatre.desk.health()["a"].state == "ready"


def test_each_failed_probe_doubles_the_rest_up_to_a_minute() -> None:
    theatre = play(a=DOWN, b=Answers())
    rests = []
    for _ in range(9):
        theatre.read()
        assert "a" in theatre.asked
        rests.append(theatre.desk.health()["a"].cooling_s)
        theatre.clock.now += rests[-1]
    assert [round(rest, 1) for rest in rests] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert LONGEST_COOL_DOWN_S == 60


@pytest.mark.parametrize("error", [Banned("go away", retry_after=120.0), RateLimited("slow", retry_after=120.0)])
def test_a_ban_is_waited_out(error: Error) -> None:
    theatre = play(a=Answers(error=error), b=Answers())
    theatre.read()
    theatre.read(after=119.0)
    assert theatre.asked == ["b"]
    theatre.read(after=2.0)
    assert theatre.asked == ["a", "b"]


def test_one_read_at_a_time_probes() -> None:
    theatre = play(a=DOWN, b=Answers())
    theatre.read()
    theatre.clock.now += COOL_DOWN_S
    probe = theatre.desk.read("fetch_price", [BTC])
    next(probe)  # asks a, and waits
    assert theatre.desk.health()["a"].state == "probing"
    theatre.read()
    assert theatre.asked == ["b"]
    probe.close()  # given up without a verdict: the next one may
    theatre.read()
    assert theatre.asked == ["a", "b"]


def test_a_resting_venue_is_asked_when_no_other_is_left() -> None:
    theatre = play(a=DOWN, b=Answers())
    theatre.read()
    theatre.set("a", Answers())
    theatre.set("b", DOWN)
    assert theatre.read().option.venue == "a"
    assert theatre.asked == ["b", "a"]


@pytest.mark.parametrize("error", FAILING_OVER[6:], ids=lambda error: type(error).__name__)
def test_what_is_not_the_venues_fault_does_not_count_against_it(error: Error) -> None:
    theatre = play(a=Answers(error=error), b=Answers())
    theatre.read()
    health = theatre.desk.health()["a"]
    assert (health.state, health.success_rate) == ("ready", 1.0)


def test_what_a_venue_lacks_is_not_asked_for_again() -> None:
    eth = Symbol("ETH", "USDT")
    theatre = Theatre({"a": {BTC: LACKING, eth: Answers()}, "b": Answers()})
    theatre.read()
    assert theatre.read(verb="fetch_ticker").skipped == {"a": "UnknownSymbol: no such market"}
    assert theatre.asked == ["b"]
    assert theatre.read(eth).option.venue == "a"
    theatre.read(after=3601.0)  # until it may have been listed
    assert theatre.asked == ["a", "b"]


def test_what_a_venue_is_known_to_lack_is_a_cause_too() -> None:
    theatre = play(a=LACKING, b=Answers())
    theatre.read()
    theatre.set("b", DOWN)
    with pytest.raises(VenuesFailed) as caught:
        theatre.read()
    assert theatre.asked == ["b"]
    assert {venue: type(cause) for venue, cause in caught.value.causes.items()} == {
        "a": UnknownSymbol,
        "b": ConnectionFailed,
    }


def test_an_unknown_symbol_among_several_says_nothing_about_the_next_list() -> None:
    theatre = play(a=LACKING, b=Answers())
    theatre.read(None, verb="fetch_tickers")
    theatre.set("a", Answers())
    assert theatre.read(None, verb="fetch_tickers").option.venue == "a"


# Symbols that stand for each other.


def test_an_exact_listing_anywhere_comes_before_one_in_another_quote_currency() -> None:
    dollar = Symbol("BTC", "USD")
    lacking, listed = LACKING, Answers()
    theatre = Theatre({"a": {BTC: lacking, dollar: listed}, "b": {BTC: listed, dollar: listed}})
    assert theatre.read(BTC, dollar).value == "BTC-USDT at b"
    theatre = Theatre({"a": {BTC: lacking, dollar: listed}, "b": {BTC: lacking, dollar: lacking}})
    assert theatre.read(BTC, dollar).value == "BTC-USD at a"
    theatre.read(BTC, dollar)
    assert theatre.asked == ["a"]


# Strategies.


def test_priority_is_the_order_given() -> None:
    assert play("priority", a=Answers(after=0.9), b=Answers(after=0.01)).names(5) == ["a"] * 5


def test_round_robin_takes_turns() -> None:
    assert play("round_robin", a=Answers(), b=Answers(), c=Answers()).names(6) == ["a", "b", "c", "a", "b", "c"]


def test_weights_share_reads_out_evenly() -> None:
    theatre = Theatre({"a": Answers(), "b": Answers(), "c": Answers()}, "weighted", {"a": 5, "b": 1, "c": 1})
    names = theatre.names(70)
    assert Counter(names) == {"a": 50, "b": 10, "c": 10}
    assert "".join(names[:7]) == "aabacaa"  # spread, not in a block


def test_latency_prefers_the_fastest_after_trying_each() -> None:
    theatre = play("latency", a=Answers(after=0.3), b=Answers(after=0.05), c=Answers(after=0.2))
    assert theatre.names(10)[3:] == ["b"] * 7


def test_health_prefers_fresh_answers_over_quick_ones() -> None:
    theatre = play("health", a=Answers(after=0.02, staleness_s=5.0), b=Answers(after=0.08, staleness_s=0.1))
    assert theatre.names(10)[2:] == ["b"] * 8


def test_health_leaves_a_venue_that_fails_now_and_then() -> None:
    theatre = play("health", a=Answers(after=0.05), b=Answers(after=0.06))
    theatre.names(10)
    theatre.set("a", DOWN)
    theatre.read(after=1.0)
    theatre.set("a", Answers(after=0.05))
    assert "a" not in theatre.names(20, after=0.5)


def test_a_venue_that_recovered_is_trusted_again_as_the_evidence_fades() -> None:
    theatre = play("health", a=Answers(after=0.02), b=Answers(after=0.3))
    theatre.names(4)
    theatre.set("a", DOWN)
    for _ in range(3):
        theatre.read(after=2.0)
    theatre.set("a", Answers(after=0.02))
    assert theatre.read().option.venue == "b"
    assert "a" in theatre.names(40, after=10.0)
    assert theatre.read().option.venue == "a"


def test_nearly_equal_venues_do_not_alternate() -> None:
    theatre = play("health", a=Answers(after=0.050), b=Answers(after=0.051), c=Answers(after=0.049))
    names = theatre.names(60, after=0.5)
    assert len(set(names[3:])) == 1


@pytest.mark.parametrize(
    ("name", "weights", "why"),
    [
        ("best", None, "strategy must be one of health, latency"),
        ("weighted", None, "belong to"),
        ("health", {"a": 1.0}, "belong to"),
        ("weighted", {"a": 1.0}, "give each of a, b a positive number"),
        ("weighted", {"a": 1.0, "b": 0.0}, "give each of a, b a positive number"),
    ],
)
def test_a_strategy_that_makes_no_sense_is_refused(name: str, weights: dict[str, float] | None, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        strategy(name, ["a", "b"], weights)


# Any venues, any order of events: a read ends, with an answer that some venue gave or with every cause.

KINDS = [Answers(), Answers(after=0.7), Answers(after=2.5), FROZEN, DOWN, LACKING, Answers(after=3.0, pages=10)]


@given(
    st.lists(st.lists(st.sampled_from(KINDS), min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from(["health", "latency", "priority", "round_robin"]),
    st.floats(0.0, 30.0),
)
def test_a_read_ends_in_time_with_an_answer_or_every_cause(
    script: list[list[Answers]], name: str, pause: float
) -> None:
    theatre = Theatre(dict.fromkeys("abc", Answers()), name)
    for answers in script:
        for venue, does in zip("abc", answers, strict=True):
            theatre.set(venue, does)
        started = theatre.clock.now + pause
        able = {venue for venue, does in zip("abc", answers, strict=True) if does.error is None and does is not FROZEN}
        verdict, causes = outcome(theatre, pause)
        took = theatre.clock.now - started
        if verdict is None:
            assert not able & set(theatre.asked)
            assert causes == set("abc")
            assert took <= 10.0 + 1e-6
        else:
            assert verdict.option.venue in able
            assert verdict.option.venue not in {failed.venue for failed in verdict.failed}
            assert took <= 2 * 1.0 + 3.0 + 1e-6


def outcome(theatre: Theatre, pause: float) -> tuple[Verdict[Any] | None, set[str]]:
    try:
        return theatre.read(after=pause), set()
    except VenuesFailed as error:
        return None, set(error.causes)
