"""The session's thread, and procedures that wait for futures."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest

from tidewire.ctp.steps import Deadlines, fulfil, run
from tidewire.ctp.worker import Worker


@pytest.fixture
def started():
    workers = []

    def start(handle, pump=lambda now: None) -> Worker:
        worker = Worker("test", handle, pump)
        workers.append(worker)
        worker.start()
        return worker

    yield start
    for worker in workers:
        worker.stop()
        worker.stop()
        assert not worker._thread.is_alive()


def test_events_of_many_threads_are_handled_in_their_order(started):
    seen: list[tuple[int, int]] = []
    worker = started(seen.append)
    threads = [
        threading.Thread(target=lambda name=name: [worker.put((name, number)) for number in range(2000)])
        for name in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker.stop()
    assert len(seen) == 8000
    for name in range(4):
        assert [number for each, number in seen if each == name] == list(range(2000))


def test_one_bad_event_does_not_end_the_session(started, caplog):
    done = threading.Event()

    def handle(event) -> None:
        if event == "bad":
            raise ValueError("a bug")
        done.set()

    worker = started(handle)
    worker.put("bad")
    worker.put("good")
    assert done.wait(10)
    assert "a bug" in caplog.text


def test_what_is_due_is_done_in_time_and_when_poked(started):
    moments: list[float] = []
    thrice, poked = threading.Event(), threading.Event()

    def pump(now: float) -> float | None:
        moments.append(now)
        if len(moments) == 3:
            thrice.set()
        if len(moments) == 4:
            poked.set()
        return now + 0.01 if len(moments) < 3 else None

    worker = started(lambda event: None, pump)
    began = time.monotonic()
    worker.poke()
    assert thrice.wait(10)
    assert moments[2] - began >= 0.02
    worker.poke()
    assert poked.wait(10)


def test_stopping_handles_what_is_there(started):
    seen: list[int] = []
    worker = Worker("test", seen.append, lambda now: None)
    for number in range(1000):
        worker.put(number)
    worker.start()
    worker.stop()
    assert seen == list(range(1000))


def test_a_worker_that_never_began_stops():
    Worker("test", lambda event: None, lambda now: None).stop()


LOCK = threading.RLock()


def test_a_procedure_waits_and_gets_results_and_errors():
    first, second, third = Future(), Future(), Future()

    def steps():
        total = yield first
        total += yield second
        try:
            yield third
        except KeyError:
            return total
        raise AssertionError

    outcome = run(LOCK, steps())
    first.set_result(1)
    second.set_result(2)
    assert not outcome.done()
    third.set_exception(KeyError())
    assert outcome.result(0) == 3


def test_what_a_procedure_raises_is_its_outcome():
    def steps():
        done: Future[None] = Future()
        done.set_result(None)
        yield done
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(LOCK, steps()).result(0)


def test_many_futures_that_are_done_do_not_pile_up():
    done: Future[int] = Future()
    done.set_result(1)

    def steps():
        total = 0
        for _ in range(100_000):
            total += yield done
        return total

    assert run(LOCK, steps()).result(0) == 100_000


def test_nobody_hears_of_a_cancelled_outcome():
    waiting: Future[int] = Future()

    def steps():
        return (yield waiting)

    outcome = run(LOCK, steps())
    assert outcome.cancel()
    waiting.set_result(1)
    fulfil(outcome, 2)
    assert outcome.cancelled()


def test_deadlines_call_in_their_order_and_skip_what_is_done():
    deadlines, called = Deadlines(), []
    futures = {name: Future() for name in "abc"}
    for when, name in ((3, "a"), (1, "b"), (2, "c")):
        deadlines.add(when, futures[name], lambda name=name: (called.append(name), futures[name].set_result(None)))
    assert deadlines.pump(0.5) == 1
    futures["c"].set_result(None)
    assert deadlines.pump(1.0) == 3
    assert deadlines.pump(5.0) is None
    assert called == ["b", "a"]
