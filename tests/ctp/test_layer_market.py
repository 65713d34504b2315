"""The market session against a front that does what each test says: batches, resubscription, refusals."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tidewire.ctp.market_session import MarketSession
from tidewire.ctp.session import Event
from tidewire.errors import CtpError, StreamClosed

from .layer_front import Front, failure
from .test_layer_ticks import instrument, snapshot


@pytest.fixture
def front():
    front = Front()
    session = MarketSession(
        front, front="tcp://127.0.0.1:1", timeout=10.0, broker_id="9999", user_id="u1", password="secret"
    )
    front.attach(session)
    yield front
    session.close()


def watch(front, *symbols, limit=100, conflate=False):
    return front.session.watch(symbols, limit, conflate=conflate)


def test_many_instruments_are_subscribed_in_batches_a_second_apart(front):
    symbols = [f"x{number}" for number in range(1201)]
    front.session.subscribe(symbols)
    front.log_in()
    front.wait(0.5)
    assert [len(batch) for batch in front.subscribed] == [500]
    front.wait(1.0)
    assert [len(batch) for batch in front.subscribed] == [500, 500]
    front.wait(5)
    assert [name for batch in front.subscribed for name in batch] == symbols


def test_a_few_more_need_not_wait_for_the_next_second(front):
    front.log_in()
    front.session.subscribe(["rb2610"])
    front.wait(0)
    front.session.subscribe([f"x{number}" for number in range(600)])
    front.wait(0)
    assert [len(batch) for batch in front.subscribed] == [1, 499]
    front.wait(1.0)
    assert [len(batch) for batch in front.subscribed] == [1, 499, 101]


def test_what_is_not_subscribed_has_no_newest_tick(front):
    front.log_in()
    stream = watch(front, "rb2610")
    front.wait()
    front.say("OnRtnDepthMarketData", snapshot())
    assert front.session.latest("rb2610") is not None
    stream.close()
    assert front.session.latest("rb2610") is None


def test_subscriptions_come_back_with_the_connection(front):
    front.log_in()
    stream = watch(front, "rb2610", "SR701")
    front.wait()
    front.say("OnRtnDepthMarketData", snapshot())
    front.say("OnFrontDisconnected", 0x1001)
    front.log_in()
    front.wait(1)
    assert front.subscribed == [["rb2610", "SR701"], ["rb2610", "SR701"]]
    front.say("OnRtnDepthMarketData", snapshot(Volume=11))
    assert [stream.next(0).sequence for _ in range(2)] == [1, 2]


def test_what_could_not_be_subscribed_is_tried_again(front):
    front.codes["subscribe"] = [-1, -3]
    front.log_in()
    watch(front, "rb2610")
    front.wait(5)
    assert front.subscribed == [["rb2610"]]


def test_the_last_reader_takes_the_subscription_along(front):
    front.log_in()
    first, second = watch(front, "rb2610"), watch(front, "rb2610", "SR701")
    front.wait()
    first.close()
    first.close()
    assert front.unsubscribed == []
    second.close()
    assert front.unsubscribed == [["rb2610", "SR701"]]
    front.say("OnRtnDepthMarketData", snapshot())
    assert list(first) == []


def test_a_reader_who_is_gone_without_a_word_takes_it_along_too(front):
    front.log_in()
    stream = watch(front, "rb2610")
    front.wait()
    del stream
    front.say("OnRtnDepthMarketData", snapshot())
    assert front.unsubscribed == [["rb2610"]]
    front.say("OnRtnDepthMarketData", snapshot())
    assert front.unsubscribed == [["rb2610"]]
    again = watch(front, "rb2610")
    front.wait(1)
    assert front.subscribed == [["rb2610"]] * 2
    again.close()


def test_kept_instruments_stay_subscribed(front):
    front.log_in()
    front.session.subscribe(["rb2610"])
    stream = watch(front, "rb2610")
    front.wait(1)
    stream.close()
    assert front.subscribed == [["rb2610"]]
    assert front.unsubscribed == []
    front.session.unsubscribe(["rb2610", "SR701"])
    assert front.unsubscribed == [["rb2610"]]
    front.session.unsubscribe(["rb2610"])
    assert front.unsubscribed == [["rb2610"]]


def test_readers_get_their_instruments_only(front):
    front.log_in()
    one, both = watch(front, "rb2610"), watch(front, "rb2610", "SR701")
    for symbol in ("rb2610", "SR701", "rb2610"):
        front.say("OnRtnDepthMarketData", snapshot(InstrumentID=symbol))
    assert [one.next(0).symbol for _ in range(2)] == ["rb2610", "rb2610"]
    assert [both.next(0).symbol for _ in range(3)] == ["rb2610", "SR701", "rb2610"]
    assert front.session.latest("SR701").symbol == "SR701"
    assert front.session.latest("IF2612") is None


def test_a_slow_reader_is_told_or_sees_the_newest(front):
    front.log_in()
    strict, newest = watch(front, "rb2610", limit=2), watch(front, "rb2610", conflate=True)
    for volume in range(5):
        front.say("OnRtnDepthMarketData", snapshot(Volume=volume))
    assert newest.next(0).volume == 4
    assert [strict.next(0).volume for _ in range(2)] == [0, 1]
    with pytest.raises(StreamClosed) as caught:
        strict.next(0)
    assert caught.value.missed == 3
    front.say("OnRtnDepthMarketData", snapshot(Volume=5))
    assert newest.next(0).volume == 5


def test_snapshots_beyond_what_can_be_kept_are_left_out_and_told(front):
    front.log_in()
    strict, newest = watch(front, "rb2610"), watch(front, "rb2610", conflate=True)
    snap = Event("OnRtnDepthMarketData", (snapshot(),))
    assert front.session.admits(snap, 65_535)
    assert [front.session.admits(snap, 65_536) for _ in range(3)] == [False] * 3
    assert front.session.admits(Event("OnFrontDisconnected", (0x1001,)), 10**6)
    front.say("OnRtnDepthMarketData", snapshot(Volume=9))
    with pytest.raises(StreamClosed) as caught:
        strict.next(0)
    assert caught.value.missed == 4  # the one after a gap would hide it
    assert newest.next(0).volume == 9


def test_a_refused_subscription_ends_its_readers(front):
    front.log_in()
    stream = watch(front, "nosuch")
    front.wait()
    row = SimpleNamespace(InstrumentID="nosuch")
    front.say("OnRspSubMarketData", row, failure(16, "CTP:找不到合约"), 0, True)
    with pytest.raises(CtpError, match="nosuch: CTP:找不到合约"):
        stream.next(0)
    front.say("OnFrontDisconnected", 0x1001)
    front.log_in()
    front.wait(2)
    assert front.subscribed == [["nosuch"]]


def test_the_catalogue_gives_averages(front):
    front.log_in()
    stream = watch(front, "rb2610")
    front.session.learn([instrument()])
    front.say("OnRtnDepthMarketData", snapshot())
    tick = stream.next(0)
    assert (tick.vwap, tick.exchange) == (3001.0, "SHFE")


def test_closing_ends_the_readers(front):
    front.log_in()
    stream = watch(front, "rb2610")
    front.session.close()
    assert list(stream) == []
    with pytest.raises(StreamClosed):
        next(watch(front, "rb2610"))
    assert front.closed == 1
