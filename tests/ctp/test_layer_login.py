"""The way from a connection to a working session, as a table."""

from __future__ import annotations

import pytest

from tidewire.ctp.login import REASONS, Login, State, reason_text
from tidewire.errors import AuthenticationError, CtpError

STEPS = (State.AUTHENTICATING, State.LOGGING_IN, State.CONFIRMING)
NO = AuthenticationError("CTP:不合法的登录", venue="ctp", code=3)
BUSY = CtpError("CTP:还没有初始化", error_id=7)


def at(state: State) -> Login:
    login = Login(STEPS, timeout=10)
    if state is State.CLOSED:
        login.close()
    if state in (State.OFFLINE, State.CLOSED):
        return login
    login.connected(0)
    if state is State.REFUSED:
        login.refused(NO, 0, transient=False)
    while login.state is not state:
        login.accepted(0)
    return login


EVENTS = {
    "connected": lambda login: login.connected(1),
    "disconnected": lambda login: login.disconnected(),
    "accepted": lambda login: login.accepted(1),
    "refused": lambda login: login.refused(NO, 1, transient=False),
    "busy": lambda login: login.refused(BUSY, 1, transient=True),
}
A, L, C = STEPS
# state before, event -> state after, step to send
TABLE = {
    (State.OFFLINE, "connected"): (A, A),
    (State.OFFLINE, "disconnected"): (State.OFFLINE, None),
    (State.OFFLINE, "accepted"): (State.OFFLINE, None),
    (State.OFFLINE, "refused"): (State.OFFLINE, None),
    (State.OFFLINE, "busy"): (State.OFFLINE, None),
    (A, "connected"): (A, A),
    (A, "disconnected"): (State.OFFLINE, None),
    (A, "accepted"): (L, L),
    (A, "refused"): (State.REFUSED, None),
    (A, "busy"): (A, None),
    (L, "connected"): (A, A),
    (L, "disconnected"): (State.OFFLINE, None),
    (L, "accepted"): (C, C),
    (L, "refused"): (State.REFUSED, None),
    (L, "busy"): (L, None),
    (C, "connected"): (A, A),
    (C, "disconnected"): (State.OFFLINE, None),
    (C, "accepted"): (State.READY, None),
    (C, "refused"): (State.REFUSED, None),
    (C, "busy"): (C, None),
    (State.READY, "connected"): (A, A),
    (State.READY, "disconnected"): (State.OFFLINE, None),
    (State.READY, "accepted"): (State.READY, None),
    (State.READY, "refused"): (State.READY, None),
    (State.READY, "busy"): (State.READY, None),
    **{((over, event)): (over, None) for over in (State.REFUSED, State.CLOSED) for event in EVENTS},
}


def test_the_table_is_complete():
    assert TABLE.keys() == {(state, event) for state in State for event in EVENTS}


@pytest.mark.parametrize(("state", "event"), TABLE, ids=lambda part: str(part))
def test_each_event_in_each_state(state, event):
    login = at(state)
    assert (EVENTS[event](login), login.state) == tuple(reversed(TABLE[state, event]))
    assert login.is_over == (login.state in (State.REFUSED, State.CLOSED))


def test_a_refused_password_is_never_sent_again():
    login = at(State.LOGGING_IN)
    login.refused(NO, 1, transient=False)
    for moment in range(2, 2000, 7):
        login.disconnected()
        assert login.connected(moment) is None
        assert login.wake(moment) is None
    assert login.error is NO


def test_a_system_that_is_starting_is_asked_ever_more_slowly():
    login, now, times = at(State.AUTHENTICATING), 0.0, []
    for _ in range(9):
        login.refused(BUSY, now, transient=True)
        assert login.wake(login.due - 0.001) is None
        now = login.due
        times.append(now)
        assert login.wake(now) is State.AUTHENTICATING
    pauses = [after - before for before, after in zip([0.0, *times], times, strict=False)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_unanswered_step_is_sent_again_after_a_pause():
    login = at(State.LOGGING_IN)
    assert login.due == 10
    assert login.wake(10) is None
    assert login.wake(11) is State.LOGGING_IN
    assert login.accepted(12) is State.CONFIRMING


@pytest.mark.parametrize("code", REASONS)
def test_reasons_are_named(code):
    assert f"0x{code:04x}" in reason_text(code)
    assert "unknown" not in reason_text(code)
    assert "unknown" in reason_text(0x1234)
