"""The engine against every style of heartbeat, login, acknowledgement, snapshot and numbering that venues have."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tidewire._call import Call, Request
from tidewire._channel import Guard
from tidewire._feed import LOGIN, ListenKey, Query
from tidewire.book import BookState, OrderBook, SequenceRule
from tidewire.errors import AuthenticationError, VenueError, VenueUnavailable
from tidewire.stream import BookStream

from .babel import LAYOUT, Babel, talking, written


async def live_at(stream: BookStream, number: int) -> OrderBook:
    """Read until the book is live and its bid's quantity is the number."""
    async with asyncio.timeout(5):
        async for book in stream:
            if book.state is BookState.LIVE and book.best_bid is not None and book.best_bid.quantity == number:
                return book
    raise AssertionError("the stream ended")


async def stale(stream: BookStream, why: str = "") -> OrderBook:
    async with asyncio.timeout(5):
        async for book in stream:
            if book.state is BookState.STALE:
                assert why in book.reason
                assert why in stream.reason
                return book
    raise AssertionError("the stream ended")


# Heartbeats.


async def test_a_text_ping_keeps_an_idle_connection_and_its_absence_is_noticed() -> None:
    babel = Babel()
    async with talking(babel, ping="ping", idle_s=0.05, answer_s=0.1) as desk, desk.book() as stream:
        await live_at(stream, 10)
        await babel.until(lambda: babel.said.count("ping") >= 3)
        assert len(babel.opened) == 1
        babel.answers = "nothing"
        await stale(stream, "silent")
        babel.answers = "number"
        await live_at(stream, 10)
        assert len(babel.opened) >= 2


async def test_a_ping_of_the_venue_inside_gzip_is_echoed() -> None:
    babel = Babel(gzips=True)
    async with talking(babel, gzip=True) as desk, desk.book() as stream:
        await live_at(stream, 10)
        babel.send(desk.socket, {"ping": 77})
        await babel.until(lambda: {"pong": 77} in babel.said)
        babel.change("book-A")
        await live_at(stream, 11)


@pytest.mark.parametrize("garbage", [b"\x1f\x8b\x08\x00garbage", b"{}", b""])
async def test_gzip_garbage_taints_the_books_until_they_are_subscribed_anew(garbage: bytes) -> None:
    babel = Babel(gzips=True)
    async with talking(babel, gzip=True) as desk, desk.book() as stream:
        await live_at(stream, 10)
        babel.change("book-A", lost=True)
        desk.socket.send(garbage)
        await live_at(stream, 11)
        assert babel.ops("unsub") == [["book-A"]]
        assert desk.streams.stats().connections[0].unreadable == 1


async def test_standing_topics_are_held_on_every_connection() -> None:
    babel = Babel()
    async with talking(babel, standing=("heartbeats",), topics_per_connection=1) as desk:
        async with desk.book("A") as first, desk.book("B") as second:
            await asyncio.gather(live_at(first, 10), live_at(second, 10))
            babel.send(next(iter(babel.held)), {"t": "heartbeats", "n": 1})
            assert sorted(sorted(topics) for topics in babel.held.values()) == [
                ["book-A", "heartbeats"],
                ["book-B", "heartbeats"],
            ]
        await babel.until(lambda: not babel.held)


# Commands and answers.


@pytest.mark.parametrize("answers", ["number", "topics", "state", "nothing"])
async def test_books_come_up_however_commands_are_answered(answers: str) -> None:
    babel = Babel(answers=answers)
    async with talking(babel) as desk, desk.book("A") as first, desk.book("B") as second:
        await asyncio.gather(live_at(first, 10), live_at(second, 10))
        babel.change("book-B")
        await live_at(second, 11)


async def test_an_answer_to_some_topics_of_a_command_leaves_the_others_unanswered() -> None:
    babel = Babel(answers="nothing", snapshots=False)
    async with talking(babel, answer_s=0.2) as desk, desk.book("A") as first, desk.book("B") as second:
        for stream in (first, second):
            stream._open()
        await babel.until(lambda: babel.held and set(desk.babel.held[desk.socket]) == {"book-A", "book-B"})
        babel.send(desk.socket, {"ok": None, "topics": ["book-A"]})
        await babel.until(lambda: len(babel.opened) == 2)


async def test_only_topics_that_go_together_share_a_command() -> None:
    babel = Babel()
    async with talking(babel, together=lambda topic: topic[-1] in "AB") as desk:
        streams = [desk.book(name) for name in "ACBD"]
        await asyncio.gather(*(live_at(stream, 10) for stream in streams))
        assert all({*batch} <= {"book-A", "book-B"} or {*batch} <= {"book-C", "book-D"} for batch in babel.ops("sub"))


@pytest.mark.parametrize(
    ("answers", "names"), [("number", True), ("number", False), ("topics", True), ("state", False)]
)
async def test_a_refused_topic_does_not_take_the_others_down(answers: str, names: bool) -> None:
    babel = Babel(answers=answers, refuses={"book-B"}, names_refused=names)
    async with talking(babel, one_at_a_time=not names) as desk:
        first, second, third = (desk.book(name) for name in "ABC")
        waiting = [asyncio.create_task(live_at(stream, 10)) for stream in (first, third)]
        with pytest.raises(VenueError, match="no"):
            await live_at(second, 10)
        await asyncio.gather(*waiting)
        babel.change("book-A")
        await live_at(first, 11)


async def test_commands_are_paced_after_a_burst() -> None:
    babel = Babel()
    loop = asyncio.get_running_loop()
    async with talking(babel, topics_per_command=1, commands_per_s=20.0, commands_burst=3) as desk:
        began = loop.time()
        streams = [desk.book(name) for name in "ABCDE"]
        await asyncio.gather(*(live_at(stream, 10) for stream in streams))
        assert 0.08 < loop.time() - began < 1.0


async def test_what_connecting_costs_is_paid_every_time() -> None:
    babel = Babel()
    async with talking(babel, connect_costs={"connections": 1}) as desk, desk.book() as stream:
        await live_at(stream, 10)
        assert babel.admitted == [{"connections": 1}]
        desk.socket.abort()
        await stale(stream)
        await live_at(stream, 10)
        assert babel.admitted == [{"connections": 1}] * 2


# Login.


async def test_nothing_is_sent_before_the_login_is_acknowledged_and_after_a_reconnection_it_comes_again() -> None:
    babel = Babel(answers="topics")
    login = lambda moment: written("login")([LOGIN], moment)  # noqa: E731
    async with talking(babel, private=True, login=login) as desk, desk.book() as stream:
        await live_at(stream, 10)
        assert [(said["op"], said["id"]) for said in babel.said] == [("login", 1), ("sub", 2)]
        for said in babel.said:
            assert said["key"] == "the key"
            assert 0 <= said["ns"] - 1_700_000_000 * 10**9 < 10 * 10**9, "the venue's clock, not ours"
        desk.socket.abort()
        await stale(stream)
        await live_at(stream, 10)
        assert [said["op"] for said in babel.said] == ["login", "sub"] * 2


@pytest.mark.parametrize("names", [True, False])
async def test_a_refused_login_is_the_readers_error(names: bool) -> None:
    babel = Babel(answers="topics", refuses={LOGIN}, names_refused=names)
    login = lambda moment: written("login")([LOGIN], moment)  # noqa: E731
    async with talking(babel, private=True, login=login) as desk:
        with pytest.raises(AuthenticationError if names else VenueError):
            await live_at(desk.book(), 10)
        assert [said["op"] for said in babel.said] == ["login"]


async def test_a_public_feed_is_never_shown_the_key() -> None:
    babel = Babel()
    async with talking(babel) as desk, desk.book() as stream:
        await live_at(stream, 10)
        assert babel.said[0]["key"] is None


# A key in the URL.


async def test_a_listen_key_is_obtained_extended_and_replaced_when_it_cannot_be() -> None:
    babel, keys, extended, broken = Babel(), iter(("one", "two", "three")), [], []

    async def run(call: Call[Any]) -> Any:
        if call.verb == "obtain":
            return next(keys)
        if broken:
            raise VenueUnavailable("no")
        extended.append(call.request.url)
        return None

    def call(verb: str, url: str = "") -> Call[Any]:
        return Call(verb, Request("POST", url), parser=lambda body: None, check=lambda response: None)

    async with talking(babel, run=run) as desk:
        url = desk.feed.url
        key = ListenKey(
            obtain=call("obtain"), extend=lambda key: call("extend", key), every_s=0.05, url=lambda key: url + key
        )
        desk.feed = replace(desk.feed, key=key, private=True, answer_s=0.3)
        async with desk.book() as stream:
            await live_at(stream, 10)
            await babel.until(lambda: babel.opened == ["/one"])
            async with asyncio.timeout(5):
                while len(extended) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert {*extended} == {"one"}
            broken.append(1)
            await babel.until(lambda: "/two" in babel.opened)
            broken.clear()
            babel.change("book-A")
            await live_at(stream, 11)


# Snapshots.


async def test_a_gap_in_a_stream_that_brings_its_snapshot_is_mended_by_subscribing_anew() -> None:
    babel = Babel()
    async with talking(babel) as desk, desk.book() as stream:
        await live_at(stream, 10)
        babel.change("book-A", lost=True)
        babel.snapshots = False
        babel.change("book-A")
        book = await stale(stream, "gap")
        assert book.best_bid is not None
        assert book.best_bid.quantity == 10, "what cannot be trusted is not applied"
        await babel.until(lambda: len(babel.ops("sub")) == 2)
        babel.change("book-A")
        babel.send(desk.socket, babel.snapshot("book-A"))
        await live_at(stream, 13)
        assert (stream.stats.gaps, stream.stats.resyncs) == (1, 1)
        babel.change("book-A")
        await live_at(stream, 14)


async def test_a_snapshot_that_does_not_come_is_asked_for_by_subscribing_anew() -> None:
    babel = Babel(snapshots=False)
    async with talking(babel, answer_s=0.1) as desk, desk.book() as stream:
        waiting = asyncio.create_task(live_at(stream, 10))
        await babel.until(lambda: len(babel.ops("unsub")) == 2)
        babel.snapshots = True
        await waiting


async def test_a_snapshot_can_be_asked_for_over_the_same_connection() -> None:
    babel = Babel(snapshots=False)
    query = Query("book", lambda moment: written("ask")(["book-A"], moment), lambda body: body, {"weight": 5})
    async with talking(babel) as desk, desk.book(snapshot=query) as stream:
        await live_at(stream, 10)
        assert {"weight": 5} in babel.admitted
        babel.change("book-A", lost=True)
        babel.change("book-A")
        await live_at(stream, 12)
        assert (babel.ops("ask"), babel.ops("unsub")) == ([["book-A"]] * 2, [])


async def test_a_query_that_is_refused_or_cut_off_is_asked_again() -> None:
    babel = Babel(snapshots=False)
    query = Query("book", lambda moment: written("ask")(["book-A"], moment), lambda body: body)
    async with talking(babel) as desk, desk.book(snapshot=query) as stream:
        await live_at(stream, 10)
        babel.change("book-A", lost=True)
        desk.socket.abort()
        await live_at(stream, 11)


async def test_topics_that_the_venue_ends_are_asked_for_again() -> None:
    babel = Babel()
    async with talking(babel) as desk, desk.book("A") as first, desk.book("B") as second:
        await asyncio.gather(live_at(first, 10), live_at(second, 10))
        babel.held[desk.socket].remove("book-A")
        babel.change("book-A")
        babel.send(desk.socket, {"ended": ["book-A"]})
        await live_at(first, 11)
        assert (second.stats.resyncs, babel.ops("unsub")) == (0, [])


async def test_a_frame_may_hold_several_messages() -> None:
    babel = Babel()
    async with talking(babel) as desk, desk.book("A") as first, desk.book("B") as second:
        await asyncio.gather(live_at(first, 10), live_at(second, 10))
        events = [
            {"t": f"book-{name}", "kind": "delta", "b": [["10", "11"]], "a": [], "n": 11, "p": 10} for name in "AB"
        ]
        babel.send(desk.socket, events)
        await asyncio.gather(live_at(first, 11), live_at(second, 11))


# Numbers of the connection.

UNNUMBERED = msgspec.structs.replace(LAYOUT, rule=SequenceRule.CONNECTION)


async def test_one_message_missing_from_the_connection_taints_every_book_of_it() -> None:
    babel = Babel(seq=0)
    async with talking(babel) as desk:
        async with desk.book("A", layout=UNNUMBERED) as first, desk.book("B", layout=UNNUMBERED) as second:
            book, _ = await asyncio.gather(live_at(first, 10), live_at(second, 10))
            assert book.guarantee == "connection"
            babel.change("book-A", lost=True)
            babel.change("book-B")
            await asyncio.gather(live_at(first, 11), live_at(second, 11))
            assert sorted(topic for batch in babel.ops("unsub") for topic in batch) == ["book-A", "book-B"]
            assert desk.streams.stats().connections[0].missing == 1
            assert (first.stats.resyncs, second.stats.resyncs) == (1, 1)


async def test_a_message_that_comes_twice_is_read_once() -> None:
    babel = Babel(seq=0)
    async with talking(babel) as desk, desk.book("A", layout=UNNUMBERED) as stream:
        await live_at(stream, 10)
        babel.change("book-A")
        assert babel.seq is not None
        babel.seq -= 1
        babel.send(desk.socket, {"t": "book-A", "kind": "delta", "b": [["10", "99"]], "a": [], "n": 1, "p": 0})
        babel.change("book-A")
        await live_at(stream, 12)
        assert (stream.stats.updates, desk.streams.stats().connections[0].missing) == (2, 0)


# Silence of one topic.


async def test_a_topic_that_falls_silent_is_doubted_although_the_connection_lives() -> None:
    babel = Babel()
    async with talking(babel, idle_s=0.4) as desk, desk.book(quiet_s=0.3) as stream, desk.book("B") as other:
        await asyncio.gather(live_at(stream, 10), live_at(other, 10))
        babel.held[desk.socket].remove("book-A")
        babel.change("book-A")
        await stale(stream, "silent for 0.3 s")
        await live_at(stream, 11)
        assert (other.stats.resyncs, len(babel.opened)) == (0, 1)


async def test_silence_is_noticed_though_somebody_sets_the_clock_back(monkeypatch: pytest.MonkeyPatch) -> None:
    babel = Babel()
    async with talking(babel, idle_s=0.4) as desk, desk.book(quiet_s=0.3) as stream:
        await live_at(stream, 10)
        an_hour_ago = time.time_ns() - 3_600_000_000_000
        monkeypatch.setattr(time, "time_ns", lambda: an_hour_ago)
        babel.held[desk.socket].remove("book-A")
        await stale(stream, "silent for 0.3 s")


def asking(babel: Babel, verbs: list[str]) -> Any:
    async def run(call: Call[Any]) -> Any:
        verbs.append(call.verb)
        return call.parse(json.dumps(babel.snapshot("book-A")).encode())

    return run


def over_rest(verb: str) -> Call[bytes]:
    return Call(verb, Request("GET", "http://x/"), parser=bytes, check=lambda response: None)


async def test_a_quiet_market_is_told_from_a_lost_subscription_by_asking() -> None:
    babel, verbs = Babel(snapshots=False), list[str]()
    async with talking(babel, run=asking(babel, verbs), idle_s=0.2) as desk:
        async with desk.book(snapshot=over_rest("snapshot"), probe=over_rest("probe"), quiet_s=0.2) as stream:
            await live_at(stream, 10)
            async with asyncio.timeout(5):
                while verbs.count("probe") < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert (stream.stats.snapshots, babel.ops("unsub")) == (1, []), "quiet, and known to be so"
            babel.change("book-A")
            await live_at(stream, 11)
            babel.held[desk.socket].remove("book-A")
            babel.change("book-A")
            await stale(stream, "while the market moved")
            await live_at(stream, 12)
            assert babel.ops("unsub") == [["book-A"]]


async def test_a_side_with_too_few_known_levels_is_read_again_without_a_doubt() -> None:
    babel, wide = Babel(snapshots=False), {"n": 10, "p": -1, "kind": "snapshot", "a": [["50", "1"]]}
    asked = []

    async def run(call: Call[Any]) -> bytes:
        asked.append(call)
        top = 40 if len(asked) == 1 else 30
        return json.dumps(wide | {"n": 9 + len(asked), "b": [[str(top - n), "1"] for n in range(10)]}).encode()

    async with talking(babel, run=run, idle_s=0.2) as desk:
        async with desk.book(snapshot=over_rest("snapshot"), depth=10) as stream:
            async with asyncio.timeout(5):
                book = await anext(stream)
            assert (book.bid_count, book.valid_bid, book.asks_cut) == (10, 31, False)
            gone = {
                "t": "book-A",
                "kind": "delta",
                "b": [[str(n), "0"] for n in range(35, 41)],
                "a": [],
                "n": 11,
                "p": 10,
            }
            babel.send(desk.socket, gone)
            async with asyncio.timeout(5):
                while book.valid_bid != 21:
                    assert book.state is BookState.LIVE
                    await asyncio.sleep(0.01)
            assert (book.bid_count, stream.stats.resyncs, len(asked)) == (10, 0, 2)


def number_of(payload: Any) -> int:
    return int(msgspec.json.decode(payload)["n"])


@pytest.mark.parametrize(
    ("beats", "why"), [((5, 6, 4), "fell from 6 to 4"), ((), "guard is silent"), (range(100), "while the market moved")]
)
async def test_a_guard_watches_over_a_book_without_numbers(beats: Any, why: str) -> None:
    babel = Babel()
    guard = Guard("beat-A", number_of, quiet_s=0.3)
    async with talking(babel, idle_s=0.4) as desk:
        async with desk.book(layout=msgspec.structs.replace(LAYOUT, rule=SequenceRule.NONE), guard=guard) as stream:
            book = await live_at(stream, 10)
            assert book.guarantee == "none"
            assert set(babel.held[desk.socket]) == {"book-A", "beat-A"}

            async def beat() -> None:
                for number in beats:
                    babel.send(desk.socket, {"t": "beat-A", "n": number})
                    await asyncio.sleep(0.02)

            beating = asyncio.create_task(beat())
            await stale(stream, why)
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await live_at(stream, 10)
        await babel.until(lambda: not babel.held)


# Rotation where numbers differ between connections, or there are none.


@pytest.mark.parametrize("rule", [SequenceRule.INCREMENT, SequenceRule.NONE, SequenceRule.CHAIN])
async def test_a_second_book_takes_over_where_the_first_cannot_go_on(rule: SequenceRule) -> None:
    babel = Babel()
    async with talking(babel) as desk, desk.book(layout=msgspec.structs.replace(LAYOUT, rule=rule)) as stream:
        book = await live_at(stream, 10)
        old = desk.socket
        babel.send(old, {"bye": "maintenance"})
        async with asyncio.timeout(5):
            while len(babel.held) != 1 or old in babel.held:
                babel.change("book-A")
                assert book.state is BookState.LIVE
                await asyncio.sleep(0.01)
        await live_at(stream, babel.numbers["book-A"])
        babel.change("book-A")
        await live_at(stream, babel.numbers["book-A"])
        assert (stream.stats.gaps, stream.stats.resyncs) == (0, 0)
        assert desk.streams.stats().connections[0].rotations == 1


async def test_an_answer_that_is_still_to_come_is_waited_for_before_a_line_goes() -> None:
    babel = Babel(holds_answers=True)
    async with talking(babel) as desk, desk.book() as stream:
        await live_at(stream, 10)
        (_, connection), old = desk.streams._connections[0], desk.socket
        answer = asyncio.create_task(connection.ask("book-A", lambda moment: written("ask")(["order"], moment)))
        await babel.until(lambda: babel.ops("ask"))
        babel.send(old, {"bye": "maintenance"})
        async with asyncio.timeout(5):
            while connection.stats.rotations == 0:
                babel.change("book-A")
                await asyncio.sleep(0.01)
        assert not answer.done()
        babel.send(old, {"answer": next(said["id"] for said in babel.said if said["op"] == "ask"), "filled": "1"})
        assert json.loads(await answer)["filled"] == "1"
        await babel.until(lambda: old not in babel.held)


async def test_a_second_book_that_does_not_come_in_time_shows() -> None:
    babel = Babel()
    layout = msgspec.structs.replace(LAYOUT, rule=SequenceRule.NONE)
    async with talking(babel, answer_s=0.2) as desk, desk.book(layout=layout) as stream:
        await live_at(stream, 10)
        babel.snapshots = False
        babel.send(desk.socket, {"bye": "maintenance"})
        await stale(stream, "did not come")
        babel.snapshots = True
        await live_at(stream, 10)
