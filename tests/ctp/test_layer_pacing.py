"""Queries: in order, one in flight, at the front's pace, asked again when it is not ready."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.ctp.pacing import QueryLane
from tidewire.errors import CtpError, CtpFlowControl, StreamClosed, Timeout


class Front:
    """Answers codes from a script, then 0."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.sent: list[tuple[str, int]] = []
        self.lane = QueryLane(self.send, itertools.count(1).__next__)

    def send(self, query) -> int:
        self.sent.append((query.method, query.request_id))
        return self.codes.pop(0) if self.codes else 0


def test_one_in_flight_and_one_a_second():
    front = Front()
    front.lane.open(1.0)
    first, second = (front.lane.ask(name, {}, 30) for name in "ab")
    assert front.lane.pump(0) == 30  # nothing to do but to wait for the answer
    assert front.lane.pump(5) == 30
    assert front.sent == [("a", 1)]
    assert front.lane.answer(1, "row", 0, "", last=True, now=0.2)
    assert first.future.result() == ["row"]
    assert front.lane.pump(0.2) == 1.0  # the second goes a second after the first
    assert front.lane.pump(1.0) == 30
    assert front.sent == [("a", 1), ("b", 2)]
    assert not second.future.done()


def test_the_pace_holds_between_quick_answers():
    front = Front()
    front.lane.open(2.0)
    for name in "abc":
        front.lane.ask(name, {}, 30)
    now, times = 0.0, []
    while len(times) < 3:
        before = len(front.sent)
        due = front.lane.pump(now)
        if len(front.sent) > before:
            times.append(now)
            front.lane.answer(len(times), None, 0, "", last=True, now=now)
            due = front.lane.pump(now)
        now = due if due is not None else now
    assert times == [0.0, 0.5, 1.0]


def test_pages_are_joined_and_an_empty_answer_is_an_empty_list():
    front = Front()
    front.lane.open(1.0)
    pages, empty = front.lane.ask("a", {}, 30), front.lane.ask("b", {}, 30)
    front.lane.pump(0)
    for number in range(30_000):
        assert front.lane.answer(1, number, 0, "", last=number == 29_999, now=0)
    assert pages.future.result() == list(range(30_000))
    front.lane.pump(1)
    front.lane.answer(2, None, 0, "", last=True, now=1)
    assert empty.future.result() == []


@pytest.mark.parametrize("code", [-2, -3])
def test_too_early_is_asked_again_ever_more_slowly(code):
    front = Front(code, code, code)
    front.lane.open(1.0)
    query = front.lane.ask("a", {}, 30)
    now, times = 0.0, []
    while len(front.sent) < 4:
        before = len(front.sent)
        due = front.lane.pump(now)
        if len(front.sent) > before:
            times.append(now)
        now = due
    assert times == [0, 1, 3, 7]
    front.lane.answer(4, "row", 0, "", last=True, now=7)
    assert query.future.result() == ["row"]


def test_not_ready_is_asked_again_and_keeps_its_place():
    front = Front()
    front.lane.open(1.0)
    first = front.lane.ask("a", {}, 30)
    front.lane.ask("b", {}, 30)
    front.lane.pump(0)
    front.lane.answer(1, None, 90, "CTP：查询未就绪，请稍后重试", last=True, now=0.1)
    assert front.lane.pump(0.1) == pytest.approx(1.1)
    front.lane.pump(1.1)
    assert front.sent == [("a", 1), ("a", 2)]
    front.lane.answer(2, "row", 0, "", last=True, now=1.2)
    assert first.future.result() == ["row"]


def test_half_an_answer_is_not_kept_when_the_connection_goes():
    front = Front()
    front.lane.open(1.0)
    query = front.lane.ask("a", {}, 30)
    front.lane.pump(0)
    front.lane.answer(1, "half", 0, "", last=False, now=0)
    front.lane.shut()
    assert front.lane.pump(1) == 30
    assert not front.lane.answer(1, "late", 0, "", last=True, now=1)
    front.lane.open(1.0)
    front.lane.pump(2)
    front.lane.answer(2, "whole", 0, "", last=True, now=2)
    assert query.future.result() == ["whole"]


def test_other_errors_are_the_callers():
    front = Front()
    front.lane.open(1.0)
    query = front.lane.ask("a", {}, 30)
    front.lane.pump(0)
    front.lane.answer(1, None, 9, "CTP:无此权限", last=True, now=0)
    with pytest.raises(CtpError, match="无此权限") as caught:
        query.future.result()
    assert caught.value.error_id == 9


def test_time_out_says_what_was_in_the_way():
    front = Front(0, *[-3] * 40)
    front.lane.open(1.0)
    silent, refused = front.lane.ask("a", {}, 5), front.lane.ask("b", {}, 12)
    never = front.lane.ask("c", {}, 6)
    now = 0.0
    while (due := front.lane.pump(now)) is not None:
        now = due
    for query, kind in ((silent, Timeout), (refused, CtpFlowControl), (never, Timeout)):
        with pytest.raises(kind):
            query.future.result()


def test_nothing_is_sent_before_there_is_a_session_and_all_fails_at_the_end():
    front = Front()
    query = front.lane.ask("a", {}, 30)
    assert front.lane.pump(0) == 30
    assert front.sent == []
    front.lane.end(StreamClosed("closed"))
    with pytest.raises(StreamClosed):
        query.future.result()


@given(st.lists(st.sampled_from([0, 0, 0, -2, -3, -1]), max_size=40), st.integers(1, 8), st.floats(0.5, 20))
def test_every_query_ends_and_no_second_sees_more_than_the_pace(codes, queries, rate):
    front = Front(*codes)
    front.lane.open(rate)
    asked = [front.lane.ask(str(number), {}, 60.0) for number in range(queries)]
    now, times = 0.0, []
    for _ in range(500):
        before = len(front.sent)
        due = front.lane.pump(now)
        if len(front.sent) > before:
            times.append(now)
            if front.lane._flying is not None:
                front.lane.answer(front.sent[-1][1], now, 0, "", last=True, now=now)
                continue
        if due is None:
            break
        now = max(now, due)
    assert all(query.future.done() for query in asked)
    assert all(after - before >= 1 / rate - 1e-9 for before, after in itertools.pairwise(times))
