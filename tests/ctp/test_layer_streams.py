"""One bounded queue per reader, for threads and for asyncio."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tidewire.ctp.streams import Topic
from tidewire.errors import CtpDisconnected, StreamClosed


def test_every_reader_gets_everything_from_when_it_came():
    topic: Topic[int] = Topic()
    first = topic.watch(10)
    topic.put(1)
    second = topic.watch(10)
    topic.put(2)
    topic.end(None)
    assert list(first) == [1, 2]
    assert list(second) == [2]
    assert list(topic.watch(10)) == []


def test_overflow_is_told_with_its_count_after_what_was_kept():
    topic: Topic[int] = Topic()
    stream = topic.watch(3)
    for number in range(8):
        topic.put(number)
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(StreamClosed) as caught:
        next(stream)
    assert caught.value.missed == 5
    assert not topic
    assert list(stream) == []


def test_a_stream_that_nobody_holds_is_forgotten():
    topic: Topic[int] = Topic()
    kept, dropped = topic.watch(10), topic.watch(10)
    assert topic.put(1)
    del dropped
    assert topic.put(2)
    kept.close()
    assert not topic.put(3)
    assert topic._streams == ()


def test_conflated_readers_see_the_newest_of_each_and_miss_nothing_else():
    topic: Topic[tuple[str, int]] = Topic()
    stream = topic.watch(1, latest_of=lambda item: item[0])
    for number in range(1000):
        topic.put(("ab"[number % 2], number))
    topic.end(None)
    assert list(stream) == [("a", 998), ("b", 999)]


def test_an_end_with_a_cause_is_raised_after_the_rest():
    topic: Topic[int] = Topic()
    stream = topic.watch(3)
    topic.put(1)
    topic.end(CtpDisconnected("gone"))
    assert next(stream) == 1
    with pytest.raises(CtpDisconnected):
        next(stream)


def test_a_thread_that_waits_is_woken():
    topic: Topic[int] = Topic()
    got: list[int] = []
    with topic.watch(1000) as stream:
        reader = threading.Thread(target=lambda: got.extend(stream))
        reader.start()
        for number in range(500):
            topic.put(number)
        topic.end(None)
        reader.join(10)
    assert got == list(range(500))
    with pytest.raises(TimeoutError):
        Topic().watch(1).next(timeout=0)


async def test_a_task_that_waits_is_woken_from_another_thread():
    topic: Topic[int] = Topic()

    def write() -> None:
        for number in range(5000):
            topic.put(number)
        topic.end(None)

    async with topic.watch(10_000) as stream:
        writer = threading.Thread(target=write)
        writer.start()
        got = [number async for number in stream]
        writer.join(10)
    assert got == list(range(5000))


async def test_closing_ends_a_waiting_task():
    topic: Topic[int] = Topic()
    stream = topic.watch(10)
    waiting = asyncio.ensure_future(anext(stream, None))
    await asyncio.sleep(0)
    stream.close()
    assert await waiting is None
    assert not topic


def test_a_writer_does_not_mind_a_loop_that_is_gone():
    topic: Topic[int] = Topic()
    stream = topic.watch(10)

    async def give_up() -> None:
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(give_up())
    topic.put(1)
    assert next(stream) == 1
