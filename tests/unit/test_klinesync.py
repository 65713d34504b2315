"""Klines kept whole: any loss, repetition or interruption, and every closed one still comes once and in order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tidewire._klinesync import KlineSync
from tidewire.models import KlineUpdate
from tidewire.symbols import Interval, Symbol

MINUTE = Interval.parse("1m")
NS = 60 * 10**9
BTC = Symbol.parse("BTC-USDT")


def kline(index: int, close: int = 0, *, closed: bool = False) -> KlineUpdate:
    one = Decimal(1)
    return KlineUpdate(
        venue="binance", symbol=BTC, interval="1m", open_time_ns=index * NS, open=one, high=one, low=one,
        close=Decimal(close), volume=one, closed=closed,
    )  # fmt: skip


class Reader:
    """A stream's reader, and the venue's REST side."""

    def __init__(self, *, says_closed: bool = True) -> None:
        self.asked = 0
        self.sync = KlineSync(MINUTE, self._ask, says_closed=says_closed)
        self.got: list[KlineUpdate] = []

    def _ask(self) -> None:
        self.asked += 1

    def take(self, *klines: KlineUpdate) -> None:
        for each in klines:
            self.got += self.sync.on_kline(each)

    def recent(self, *klines: KlineUpdate) -> None:
        self.got += self.sync.on_recent(klines)

    def closed(self) -> list[tuple[int, int]]:
        return [(each.open_time_ns // NS, int(each.close)) for each in self.got if each.closed]


def test_forming_and_closed_klines_pass() -> None:
    reader = Reader()
    reader.take(kline(1, 1), kline(1, 2), kline(1, 3, closed=True), kline(2, 4))
    assert [(each.open_time_ns // NS, int(each.close), each.closed) for each in reader.got] == [
        (1, 1, False),
        (1, 2, False),
        (1, 3, True),
        (2, 4, False),
    ]
    reader.take(kline(1, 3, closed=True), kline(1, 9))
    assert len(reader.got) == 4, "what has closed does not come again"
    assert reader.asked == 0


def test_a_closing_message_that_was_lost_is_fetched() -> None:
    reader = Reader()
    reader.take(kline(1, 1), kline(2, 5))
    assert reader.asked == 1
    assert len(reader.got) == 1, "the next one waits"
    reader.recent(kline(0), kline(1, 3), kline(2, 4))
    assert reader.closed() == [(1, 3)]
    assert int(reader.got[-1].close) == 5


def test_klines_missed_while_disconnected_come_first() -> None:
    reader = Reader()
    reader.take(kline(1, 1, closed=True))
    reader.sync.interrupted()
    reader.sync.resumed()
    reader.take(kline(5, 9))
    reader.recent(kline(1, 1), kline(2, 2), kline(3, 3))
    assert reader.asked == 2, "REST lags behind: asked again"
    reader.recent(*(kline(index, index) for index in range(6)))
    assert reader.closed() == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert int(reader.got[-1].close) == 9


def test_a_venue_that_omits_empty_klines_is_believed() -> None:
    reader = Reader()
    reader.take(kline(1, 1, closed=True), kline(9, 2))
    reader.recent(kline(1, 1), kline(9, 2))
    assert (reader.closed(), int(reader.got[-1].close), reader.sync.gaps) == ([(1, 1)], 2, 1)


def test_where_the_venue_does_not_say_the_next_kline_closes_the_one_before() -> None:
    reader = Reader(says_closed=False)
    reader.take(kline(1, 1), kline(1, 2), kline(2, 3))
    assert reader.closed() == [(1, 2)]
    assert reader.asked == 0


def test_nothing_is_fetched_for_a_stream_that_has_not_begun() -> None:
    reader = Reader()
    reader.sync.interrupted()
    reader.sync.resumed()
    reader.take(kline(7, 1))
    assert (reader.asked, len(reader.got)) == (0, 1)


@given(st.data(), st.integers(2, 30))
def test_every_closed_kline_comes_once_whatever_is_lost(data: st.DataObject, count: int) -> None:
    reader = Reader()
    reader.take(kline(0, 0))
    for index in range(count):
        messages = [kline(index, 1), kline(index, index, closed=True)]
        for message in messages:
            fate = data.draw(st.sampled_from(["sent", "sent", "lost", "twice", "cut"]))
            if fate == "cut":
                reader.sync.interrupted()
                reader.sync.resumed()
            elif fate != "lost":
                reader.take(*[message] * (2 if fate == "twice" else 1))
        if data.draw(st.booleans()):
            reader.recent(*(kline(each, each) for each in range(index + 1)), kline(index + 1))
    reader.take(kline(count, 1))
    for _ in range(3):
        reader.recent(*(kline(each, each) for each in range(count)), kline(count))
    assert reader.closed() == [(index, index) for index in range(count)]
