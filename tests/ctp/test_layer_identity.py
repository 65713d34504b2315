"""Names that outlive a session: client order ids and the journal."""

from __future__ import annotations

import datetime as dt
import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.ctp.identity import Journal, Remembered, SessionKey, new_client_order_id
from tidewire.errors import ConfigError

TODAY, TOMORROW = dt.date(2026, 11, 24), dt.date(2026, 11, 25)
MINE = Remembered("mine", 1, -7, "12")


def test_client_order_ids_ascend_and_fit_the_memo():
    names = [new_client_order_id() for _ in range(5000)]
    assert names == sorted(set(names))
    assert {len(name) for name in names} == {12}


def reopened(path, day=TODAY):
    journal = Journal(path, day)
    journal.close()
    journal.close()
    return {entry.key: entry for entry in journal.recall()}


def test_what_was_written_is_read_again(tmp_path):
    path = tmp_path / "orders.jsonl"
    journal = Journal(path, TODAY)
    journal.add(MINE)
    learnt = Remembered("mine", 1, -7, "12", "SHFE", "       5001")
    journal.learn(MINE.key, "SHFE:       5001")
    journal.learn(MINE.key, "SHFE:another")
    journal.learn(SessionKey(9, 9, "9"), "SHFE:nobody's")
    journal.close()
    assert reopened(path) == {SessionKey(1, -7, "12"): learnt}
    assert len(path.read_bytes().splitlines()) == 2  # the day, and one order
    assert reopened(path, TOMORROW) == {}
    assert reopened(path) == {}


@given(st.integers(0, 200))
def test_a_crash_in_the_middle_of_a_line_costs_only_that_line(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("flow") / "orders.jsonl"
    journal = Journal(path, TODAY)
    for number in range(3):
        journal.add(Remembered(f"o{number}", 1, 2, str(number)))
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    kept = [entry.client_order_id for entry in reopened(path).values()]
    ends = [position for position, letter in enumerate(whole) if letter == 10]
    expected = sum(end < len(whole) - cut for end in ends) - 1
    assert kept == [f"o{number}" for number in range(max(0, expected))]


@pytest.mark.parametrize("half", [True, False])
def test_a_full_disk_is_told_and_leaves_no_half_line(tmp_path, monkeypatch, half):
    path = tmp_path / "orders.jsonl"
    journal = Journal(path, TODAY)
    write = os.write

    def full(file, line):
        if half:
            return write(file, line[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(ConfigError, match="nothing was sent"):
            journal.add(MINE)
    journal.add(Remembered("next", 1, -7, "13"))
    journal.close()
    assert [entry.client_order_id for entry in reopened(path).values()] == ["next"]


def test_what_is_not_ours_is_not_thrown_away(tmp_path):
    path = tmp_path / "orders.jsonl"
    journal = Journal(path, TODAY)
    journal.close()
    path.write_bytes(path.read_bytes() + b"{}\nmore\n")
    with pytest.raises(ConfigError, match=r"orders\.jsonl, line 2"):
        Journal(path, TODAY)
