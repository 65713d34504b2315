"""Files that grow: half-written records, corrections, cuts and replacements; bars go forward and none comes twice."""

from __future__ import annotations

import asyncio
import random
import struct
import threading
from datetime import timedelta

import pytest

import tidewire as tw
from tidewire.futures import Bars
from tidewire.wenhua import WenhuaFormatError, open_install, watch
from tidewire.wenhua.watch import Watch

from .files import CALENDAR, assert_same, independent, minutes, walk

ROWS = walk(minutes())
START = len(ROWS) - 100
HEADER, RECORD = 4, 36


def ns(row) -> int:
    return int(row[0].timestamp()) * 10**9


def at_the_end_of(row) -> int:
    return ns(row) + 60 * 10**9


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def watched(path, *, after=None, clock=None, code="rb", interval=None) -> Watch:
    return Watch(
        path,
        after=after,
        every_s=0.001,
        grace_s=10.0,
        code=code,
        interval=interval,
        calendar=CALENDAR,
        reading={},
        now=clock or Clock(),
    )


def got(frames):
    return Bars.concat([frame for frame in frames if frame is not None])


def test_bars_are_given_once_the_next_one_is_there(tmp_path):
    path = tmp_path / "00063580.dat"
    path.write_bytes(independent(ROWS[:START]))
    look = watched(path)
    assert look.poll() is None
    frames = []
    for count in range(START + 1, len(ROWS) + 1):
        path.write_bytes(independent(ROWS[:count]))
        frames.append(look.poll())
        assert len(frames[-1]) == 1
        assert look.poll() is None
    # The last of what was there at first was not over then; the last of all is not over now.
    assert_same(got(frames), ROWS[START - 1 : -1])
    assert look.rewrites == 0
    assert {str(frame.klines.interval) for frame in frames} == {"1m"}
    assert frames[-1].provenance.facts["layout"] == "intraday"
    assert frames[-1].trading_day[-1] == CALENDAR.trading_day_of(ROWS[-1][0])


def test_the_days_last_bar_is_given_when_it_is_over_and_rests(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS))
    clock = Clock()
    look = watched(path, clock=clock, after=ns(ROWS[-2]))
    assert look.poll() is None
    clock.now = at_the_end_of(ROWS[-1]) + 9 * 10**9
    assert look.poll() is None
    changed = (*ROWS[-1][:5], ROWS[-1][5] + 7, ROWS[-1][6])  # volume of the closing auction
    path.write_bytes(independent([*ROWS[:-1], changed]))
    clock.now += 10**9
    assert look.poll() is None
    assert_same(look.poll(), [changed])
    assert look.poll() is None


@pytest.mark.parametrize("layout", ["intraday", "headless-36", "counted-28", "headless-32"])
def test_bars_after_a_moment_come_first(tmp_path, layout):
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS[:-10], layout))
    look = watched(path, after=ns(ROWS[START]))
    frames = [look.poll()]
    assert_same(frames[0], ROWS[START + 1 : -11])
    path.write_bytes(independent(ROWS, layout))
    frames.append(look.poll())
    assert_same(got(frames), ROWS[START + 1 : -1])


def test_a_record_may_come_in_pieces_and_the_count_before_or_after(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS[:START]))
    look = watched(path, after=ns(ROWS[START - 2]))
    source, frames = random.Random(7), [look.poll()]
    size = HEADER + RECORD * START
    whole = independent(ROWS)
    while size < len(whole):
        size = min(len(whole), size + source.randrange(1, 60))
        count = (size - HEADER) // RECORD + source.choice([-1, 0, 0, 1])
        path.write_bytes(struct.pack("<I", count) + whole[HEADER:size])
        frames.append(look.poll())
    path.write_bytes(whole)
    frames.append(look.poll())
    assert_same(got(frames), ROWS[START - 1 : -1])


def test_a_file_is_cut_corrected_emptied_replaced_and_removed(tmp_path):
    """What a terminal does to a file while it fetches history anew; and nothing of it comes twice, or out of order."""
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS[:START]))
    look = watched(path, after=ns(ROWS[START - 2]))
    frames = [look.poll()]
    path.write_bytes(independent(ROWS[: START // 2]))  # cut
    frames.append(look.poll())
    path.write_bytes(b"")  # emptied
    frames.append(look.poll())
    path.unlink()
    frames.append(look.poll())
    other = tmp_path / "new"
    other.write_bytes(independent(ROWS[5 : START + 3]))  # replaced, with less history
    other.replace(path)
    frames.append(look.poll())
    assert_same(got(frames), ROWS[START - 1 : START + 2])
    assert look.rewrites == 2
    shifted = [(row[0], *(price + 1 for price in row[1:5]), *row[5:]) for row in ROWS[: START + 3]]
    path.write_bytes(independent([*shifted, *ROWS[START + 3 :]]))  # what was given already is corrected
    frames.append(look.poll())
    assert_same(frames[-1], [shifted[-1], *ROWS[START + 3 : -1]])
    assert look.rewrites == 3


def test_what_stays_unreadable_is_an_error(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS[:START]))
    look = watched(path)
    look.poll()
    path.write_bytes(b"\xff" * 5000)
    assert look.poll() is None
    path.write_bytes(b"\xff" * 5001)  # it changes: somebody is at work
    assert look.poll() is None
    assert look.poll() is None
    with pytest.raises(WenhuaFormatError, match="no known layout"):
        look.poll()
    path.write_bytes(independent(ROWS[: START + 5]))
    assert len(look.poll()) == 5
    path.unlink()
    assert look.poll() is None
    assert look.poll() is None
    with pytest.raises(tw.ConfigError, match="cannot be read: No such file"):
        look.poll()


def test_what_was_never_readable_is_an_error_at_once(tmp_path):
    with pytest.raises(tw.ConfigError, match="No such file"):
        watched(tmp_path / "none.dat").poll()
    (tmp_path / "a.dat").write_bytes(b"\0" * 500)
    with pytest.raises(WenhuaFormatError):
        watched(tmp_path / "a.dat").poll()
    for every_s, grace_s in ((0, 1), (-1, 1), (float("nan"), 1), (1, -1)):
        with pytest.raises(tw.ConfigError, match="every_s is above"):
            watch(tmp_path / "a.dat", every_s=every_s, grace_s=grace_s)


def test_bars_whose_stamp_is_not_known_wait_for_the_next(tmp_path):
    rows = [row for row in ROWS if (row[0].hour, row[0].minute) not in {(9, 0), (14, 59)}]
    (tmp_path / "a.dat").write_bytes(independent(rows[:-5]))
    clock = Clock()
    look = watched(tmp_path / "a.dat", clock=clock)
    look.poll()
    clock.now = at_the_end_of(ROWS[-1]) + 10**12
    assert look.poll() is None
    assert look.poll() is None
    (tmp_path / "a.dat").write_bytes(independent(rows))
    assert_same(look.poll(), rows[-6:-1])


@pytest.mark.parametrize("seed", range(30))
def test_whatever_a_terminal_does_bars_go_forward_and_are_true(tmp_path, seed):
    """Random writes, torn at any byte; every bar that is given is one of those written, in order."""
    source = random.Random(seed)
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS[:START]))
    look = watched(path, after=ns(ROWS[START - 2]))
    frames, count = [look.poll()], START
    for _ in range(40):
        count = min(len(ROWS), count + source.choice([0, 1, 1, 2, 5]))
        whole = independent(ROWS[:count])
        action = source.choice(["grow", "grow", "torn", "cut", "gone", "noise"])
        if action == "gone":
            path.unlink(missing_ok=True)
        elif action == "noise":
            path.write_bytes(whole + source.randbytes(source.randrange(1, 5 * RECORD)))
        else:
            size = source.randrange(len(whole)) if action == "cut" else len(whole) - source.randrange(RECORD)
            path.write_bytes(whole[:size] if action != "grow" else whole)
        try:
            frames.append(look.poll())
        except (WenhuaFormatError, tw.ConfigError):
            continue
    path.write_bytes(independent(ROWS))
    frames.append(look.poll())
    assert_same(got(frames), ROWS[START - 1 : -1])


async def test_async_iteration_goes_on_until_it_is_closed(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS[:START]))
    look = watch(path, code="rb", after=ns(ROWS[START - 2]), every_s=0.001)
    count, frames = START, []
    async for bars in look:
        frames.append(bars)
        count = min(count + 7, len(ROWS))
        if bars.klines.open_time[-1] == ns(ROWS[-2]):
            look.close()
        path.write_bytes(independent(ROWS[:count]))
    assert_same(got(frames), ROWS[START - 1 : -1])


async def test_a_task_that_watches_can_be_cancelled(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS))
    first = asyncio.Event()

    async def follow() -> None:
        async for _ in watch(path, after=ns(ROWS[0]), every_s=3600):
            first.set()

    task = asyncio.create_task(follow())
    await first.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_blocking_iteration_ends_when_it_is_closed(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(independent(ROWS))
    look = watch(path, after=ns(ROWS[START]), every_s=3600)
    seen = threading.Event()
    frames = []

    def follow() -> None:
        for bars in look:
            frames.append(bars)
            seen.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert seen.wait(30)
    look.close()
    thread.join(30)
    assert not thread.is_alive()
    assert len(frames) == 1


def test_an_installations_contract_is_watched(tmp_path):
    path = tmp_path / "Data" / "SHME" / "min1" / "00063580.dat"
    path.parent.mkdir(parents=True)
    path.write_bytes(independent(ROWS[:START]))
    install = open_install(tmp_path, codes={63580: "rb10"})
    living, over = (install.watch(each, after=ns(ROWS[START - 2])) for each in ("rb2710", "rb2610"))
    living.poll()
    over.poll()
    path.write_bytes(independent(ROWS))
    bars = living.poll()
    assert bars.klines.symbol == "SHFE.rb2710"
    assert_same(bars, ROWS[START - 1 : -1])
    assert over.poll() is None


def test_bars_of_another_length_than_was_said_are_refused(tmp_path):
    (tmp_path / "a.dat").write_bytes(independent(ROWS))
    with pytest.raises(WenhuaFormatError, match="most bars are less than 5m apart"):
        watched(tmp_path / "a.dat", interval="5m").poll()


def test_daily_bars_are_watched(tmp_path):
    days = [ROWS[0][0].replace(hour=0, minute=0) + timedelta(days=n) for n in range(-40, 0)]
    rows = walk([day for day in days if CALENDAR.is_trading_day(day.date())])
    path = tmp_path / "a.dat"
    path.write_bytes(independent(rows[:-3], "daily"))
    look = watched(path)
    look.poll()
    path.write_bytes(independent(rows, "daily"))
    assert_same(look.poll(), rows[-4:-1])
