"""What was asked of the venue, and its answers in every style: what is wanted is held in the end, within the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidewire._feed import LOGIN
from tidewire._ledger import Ledger, Pace


def test_an_answer_by_number_is_for_the_whole_command_and_one_by_topic_for_that() -> None:
    ledger = Ledger(10)
    ledger.asked(1, ["a", "b"], 1.0)
    ledger.asked(2, ["c"], 2.0)
    assert (ledger.is_waiting, ledger.oldest) == (True, 1.0)
    assert ledger.answered(None, ["a", "z"]) == ["a", "z"]
    assert ledger.oldest == 1.0, "b is still to be answered"
    assert set(ledger.answered(1)) == {"b"}
    assert ledger.oldest == 2.0
    assert ledger.answered(7) == ()
    assert ledger.answered(None) == ("c",), "only one command waits: it is the one"
    assert not ledger.is_waiting


def test_topics_refused_in_company_are_asked_for_alone() -> None:
    ledger = Ledger(10)
    ledger.asked(1, ["a", "b", "c"], 0.0)
    assert ledger.refused(1) == ()
    assert [ledger.missing(["a", "b", "c"]) for _ in range(2)] == [["a"], ["a"]]
    ledger.asked(2, ["a"], 0.0)
    ledger.answered(2)
    ledger.asked(3, ledger.missing(["a", "b", "c"]), 0.0)
    assert ledger.refused(3) == ("b",)
    assert ledger.missing(["a", "c"]) == ["c"]


def test_a_named_refusal_leaves_the_rest_of_the_command() -> None:
    ledger = Ledger(10)
    ledger.asked(1, ["a", "b"], 0.0)
    assert ledger.refused(1, ["b"]) == ["b"]
    assert (ledger.held, ledger.is_waiting) == ({"a"}, True)


def test_a_renewed_topic_is_let_go_and_asked_for_again() -> None:
    ledger = Ledger(10)
    assert not ledger.renew("a"), "not held yet: the first subscription is still to come"
    ledger.asked(1, ["a", "b"], 0.0)
    assert ledger.renew("a")
    assert (ledger.flows("a"), ledger.flows("b")) == (False, True)
    assert ledger.surplus(["a", "b"]) == ["a"]
    ledger.asked(2, ["a"], 0.0, subscribing=False)
    assert ledger.missing(["a", "b"]) == ["a"]
    ledger.ended(["b"])
    assert ledger.missing(["a", "b"]) == ["a", "b"]


def test_a_login_is_waited_for_but_never_a_topic_to_unsubscribe_from() -> None:
    ledger = Ledger(10)
    ledger.asked(1, [LOGIN], 0.0)
    assert (ledger.is_waiting, ledger.surplus([])) == (True, [])
    assert ledger.answered(None, [LOGIN]) == [LOGIN]
    assert not ledger.is_waiting


@given(st.data(), st.integers(1, 4))
def test_whatever_is_wanted_is_held_in_the_end_in_batches_that_fit(data: st.DataObject, limit: int) -> None:
    topics = st.sets(st.sampled_from("abcdefgh"))
    ledger, venue, number = Ledger(limit, together=lambda topic: topic < "e"), set[str](), 0
    for _ in range(5):
        wanted = data.draw(topics)
        for topic in data.draw(topics):
            ledger.renew(topic)
        while (surplus := ledger.surplus(wanted)) or (missing := ledger.missing(wanted)):
            number += 1
            batch = surplus or missing
            assert 0 < len(batch) <= limit
            assert len({topic < "e" for topic in batch}) == 1
            ledger.asked(number, batch, 0.0, subscribing=not surplus)
            venue = venue - {*batch} if surplus else venue | {*batch}
            if not surplus:
                assert {*ledger.answered(number)} == {*batch}
        assert venue == wanted == ledger.held
        assert not ledger.is_waiting


def test_a_burst_goes_at_once_and_the_rest_at_the_venues_pace() -> None:
    pace, now, sent = Pace(2.0, 3, 0.0), 0.0, []
    for _ in range(7):
        now += pace.delay(now)
        pace.take()
        sent.append(now)
    assert sent == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0]
    assert pace.delay(100.0) == 0.0
