"""Ctp and Wenhua behind the facade: the simulated front's ticks become bars, with history of files before them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest

import tidewire as tw
from tidewire.ctp import Market, Trader, sim, ticks_of
from tidewire.ctp.tickbars import BarWatch
from tidewire.futures import BarBuilder, Bars, Contract, Ctp, Futures, Parquet, Wenhua
from tidewire.wenhua import write_dat

USER = ("9999", "u1", "secret-word")
RB10 = Contract("SHFE", "rb", 2026, 10)
WAIT_S = 10.0
MINUTE = 60 * 10**9
EVENING = datetime(2026, 6, 30, 20, 58)  # noqa: DTZ001 - the simulator's clock is China's, without a zone


@pytest.fixture
def front() -> Iterator[sim.Front]:
    """A seeded market shortly before the night of Wednesday 1 July 2026; time moves when we say so."""
    with sim.Front(clock=0, seed=7, start=EVENING, hours="sessions", query_rate=100_000) as front:
        front.add_user(*USER)
        yield front


def market(front: sim.Front) -> Market:
    broker, user, password = USER
    return Market(front.address, broker_id=broker, user_id=user, password=password, library="sim", timeout=WAIT_S)


def trader(front: sim.Front) -> Trader:
    return Trader(front.address, *USER, "app", "code", library="sim", timeout=WAIT_S)


def pass_time(front: sim.Front, minutes: float) -> None:
    front.advance(minutes * 60)
    front.drain(WAIT_S)


def subscribed(watched: Market, symbol: str = "rb2610") -> None:
    """Wait until the front has heard: it answers with a snapshot, and time stands still until then."""
    late = time.monotonic() + WAIT_S
    while watched.latest(symbol) is None:
        assert time.monotonic() < late
        time.sleep(0.001)


def read(stream, count: int) -> list[tw.KlineUpdate]:
    return [stream.next(WAIT_S) for _ in range(count)]


def test_live_bars_are_those_of_the_ticks(front, tmp_path):
    watched = market(front)
    with Futures([Ctp(watched)]) as futures, futures.watch_klines("rb2610") as stream:
        ticks = watched.watch_ticks("rb2610")
        subscribed(watched)
        pass_time(front, 12.5)
        updates = read(stream, 10)
        seen = []
        while len(seen) < 10 * 120:
            seen.append(ticks.next(WAIT_S))
        assert stream.seam is None
    frame = ticks_of(seen, RB10, source=front.address)
    builder = BarBuilder("rb", symbol=str(RB10))
    whole = Bars.concat([builder.add(*frame.for_bars), builder.finish()])
    assert [update.open_time_ns for update in updates[:9]] == whole.open_time[:9].tolist()
    assert [float(update.close) for update in updates[:9]] == whole.close[:9].tolist()
    assert [update.volume for update in updates[:9]] == [Decimal(int(volume)) for volume in whole.volume[:9]]
    assert {update.venue for update in updates} == {"ctp"}
    assert stream.bars.provenance.source == front.address
    assert {str(day) for day in stream.bars.trading_day} == {"2026-07-01"}
    store = Parquet(tmp_path)
    store.write_ticks(frame)
    store.write(stream.bars)
    stored = Futures([store])
    builder = BarBuilder("rb", symbol=str(RB10))
    again = builder.add(*stored.fetch_ticks("rb2610").for_bars)
    assert again.close[:9].tolist() == stored.fetch_klines("rb2610", "1m").close[:9].tolist()
    assert stored.fetch_ticks("rb2610").provenance.facts["from"] == f"ctp {front.address}"


def test_a_watch_that_begins_in_the_middle_of_a_bar_leaves_that_bar_out(front):
    watched = market(front)
    with Futures([Ctp(watched)]) as futures:
        pass_time(front, 5.5)  # 21:03:30
        with futures.watch_klines("rb2610") as stream:
            subscribed(watched)
            pass_time(front, 3)
            first = stream.next(WAIT_S)
    assert first.open_time_ns % (60 * MINUTE) == 4 * MINUTE


async def test_live_bars_from_asyncio(front):
    watched = market(front)
    async with Futures([Ctp(watched)]) as futures, futures.watch_klines("rb2610") as stream:
        subscribed(watched)
        pass_time(front, 6)
        times = [(await anext(stream)).open_time_ns for _ in range(3)]
    assert [time - times[0] for time in times] == [0, MINUTE, 2 * MINUTE]


class Ticks:
    """A live source that a test feeds; its clock is the test's."""

    def __init__(self) -> None:
        self.waiting: list = []
        self.now = 0.0

    def next(self, timeout=None):
        if self.waiting:
            return self.waiting.pop(0)
        self.now += timeout
        raise TimeoutError

    async def __anext__(self):
        while not self.waiting:
            await asyncio.sleep(0.001)
            self.now += 0.5
        return self.waiting.pop(0)

    def close(self):
        pass


@pytest.fixture
def last_ticks(front) -> list:
    """The snapshots of the last minute before a break, and none after it."""
    watched = market(front)
    with watched, watched.watch_ticks("rb2610") as stream:
        subscribed(watched)
        pass_time(front, 3.5)
        return [stream.next(WAIT_S) for _ in range(120)]


def test_the_clock_ends_a_bar_to_which_no_tick_comes(last_ticks):
    source = Ticks()
    source.waiting = list(last_ticks)
    bars = BarWatch(source, BarBuilder("rb"), clock=lambda: source.now)
    bars.next(WAIT_S)
    assert source.now < 61  # as soon as its minute is over by the exchange's clock
    with pytest.raises(TimeoutError):
        bars.next(5.0)


def test_ticks_that_end_no_bar_do_not_keep_a_reader_longer_than_it_wants(last_ticks):
    source = Ticks()

    class Busy(Ticks):
        """Always has a tick, half a second later each."""

        def next(self, timeout=None):
            source.now += 0.5
            return last_ticks[1 + int(source.now * 2) % 50]

    busy = Busy()
    bars = BarWatch(busy, BarBuilder("rb"), clock=lambda: source.now)
    with pytest.raises(TimeoutError, match="no bar ended"):
        bars.next(3.0)


async def test_the_clock_ends_a_bar_for_asyncio_too(last_ticks):
    source = Ticks()
    source.waiting = list(last_ticks)
    bars = BarWatch(source, BarBuilder("rb"), clock=lambda: source.now)
    first = await asyncio.wait_for(anext(bars), WAIT_S)
    assert len(first) == 1


def test_tickers_and_instruments_are_the_models_of_every_market(front):
    with Futures([Ctp(market(front), trader(front))]) as futures:
        assert futures.capabilities >= {"fetch_ticker", "fetch_instruments", "instrument", "create_order"}
        pass_time(front, 5)
        ticker = futures.fetch_ticker("rb2610")
        assert isinstance(ticker, tw.Ticker)
        assert (ticker.venue, str(ticker.symbol)) == ("ctp", "SHFE.rb2610")
        assert ticker.low <= ticker.last <= ticker.high
        assert ticker.bid < ticker.ask
        with futures.watch_ticker("rb2610") as stream:
            pass_time(front, 1)
            assert stream.next(WAIT_S).time_ns > ticker.time_ns
        assert futures.fetch_ticker("rb2610").time_ns > ticker.time_ns  # kept up to date
        instrument = futures.instrument("rb2610")
        assert isinstance(instrument, tw.Instrument)
        assert (instrument.tick_size, instrument.contract_size) == (Decimal(1), Decimal(10))
        assert instrument.round_price("3100.4") == Decimal(3100)
        assert futures.fetch_contracts("rb")[1] == RB10
        assert {str(each.symbol) for each in futures.fetch_instruments("SR")} >= {"CZCE.SR2609"}
        with pytest.raises(tw.UnknownSymbol):
            futures.instrument("rb3010")


def test_a_lost_connection_has_no_ticker_either(front):
    watched = market(front)
    with Futures([Ctp(watched)]) as futures, watched.watch_connection() as connection:
        futures.fetch_ticker("rb2610")
        front.disconnect(0x1001)
        while connection.next(WAIT_S).code != 0x1001:
            pass
        with pytest.raises(tw.CtpDisconnected, match="may be old"):
            futures.fetch_ticker("rb2610")


def test_a_contract_that_does_not_trade_has_no_ticker(front):
    with Futures([Ctp(market(front), wait=0.2)]) as futures, pytest.raises(tw.Error):
        futures.fetch_ticker("rb3010")


def test_the_traders_verbs_with_symbols_in_any_spelling(front):
    with Futures([Ctp(market(front), trader(front))]) as futures:
        pass_time(front, 5)
        fills = futures.watch_fills()
        price = futures.fetch_ticker("rb2610").ask + 20
        order = futures.create_order("SHFE.rb2610", side="buy", quantity=2, price=price, offset="open")
        assert order.symbol == "rb2610"
        pass_time(front, 0.1)
        assert fills.next(WAIT_S).quantity > 0
        assert [(each.symbol, each.quantity) for each in futures.fetch_positions("RB2610.SHF")] == [("rb2610", 2)]
        assert futures.fetch_account().margin > 0
        resting = futures.create_order("rb2610", side="buy", quantity=1, price=price - 100, offset="open")
        assert [each.order_id for each in futures.cancel_all_orders("rb2610")] == [resting.order_id]
        assert len(futures.fetch_orders()) == 2
        assert sum(each.quantity for each in futures.fetch_fills("rb2610")) == 2
        closed = futures.create_order("rb2610", side="sell", quantity=2, price=price - 60, offset="auto")
        assert [each.offset for each in closed] == ["close_today"]
        with pytest.raises(tw.OrderNotFound):
            futures.cancel_order(client_order_id=resting.client_order_id)


async def test_the_traders_verbs_from_asyncio(front):
    async with Futures([Ctp(market(front), trader(front))]) as futures:
        await asyncio.to_thread(pass_time, front, 5)
        ticker = await futures.fetch_ticker("rb2610")
        assert (await futures.instrument("rb2610")).contract_size == 10
        changes = futures.watch_orders()
        order = await futures.create_order("rb2610", side="buy", quantity=1, price=ticker.bid - 50, offset="open")
        assert (await anext(changes)).order_ref == order.order_ref
        canceled = await futures.cancel_order(client_order_id=order.client_order_id)
        assert canceled.status == tw.OrderStatus.CANCELED
        assert [each.order_id for each in await futures.fetch_orders("rb2610")] == [order.order_id]
        assert await futures.fetch_fills() == await futures.fetch_positions() == await futures.cancel_all_orders() == []
        assert (await futures.fetch_account()).margin == 0


def test_a_front_out_of_reach_leaves_the_files(tmp_path, stored):
    away = Market("tcp://127.0.0.1:9", library="sim", timeout=0.2)
    with Futures([Ctp(away), wenhua(tmp_path, stored)]) as futures:
        assert len(futures.fetch_klines("rb2610", "1m")) == 30
        with pytest.raises(tw.Timeout, match="no front answered"):
            futures.fetch_ticker("rb2610")


def test_nobody_has_the_contract(tmp_path, stored):
    with Futures([wenhua(tmp_path, stored), Parquet(tmp_path)]) as futures:
        with pytest.raises(tw.VenuesFailed, match=r"wenhua: .* rb01 has .*; parquet: "):
            futures.fetch_klines("rb2701", "1m")


@pytest.fixture(scope="module")
def stored() -> Bars:
    """The first half hour of the night of 1 July 2026, as the seeded market makes it."""
    with sim.Front(clock=0, seed=7, start=EVENING, hours="sessions") as front:
        front.add_user(*USER)
        watched = market(front)
        with Futures([Ctp(watched)]) as futures, futures.watch_klines("rb2610") as stream:
            subscribed(watched)
            pass_time(front, 33)
            read(stream, 30)
            return stream.bars[:30]


def wenhua(folder, bars: Bars) -> Wenhua:
    """A terminal's folder, as publicly described; its file of bars is written from simulated history."""
    data = folder / "Data" / "SHFE" / "min1"
    data.mkdir(parents=True)
    write_dat(data / "00063580.dat", bars)
    return Wenhua(folder, codes={63580: "rb10"}, time_base="utc")  # half an hour of a night does not show its clock


@pytest.mark.parametrize("planted", [0.0, 2.0])
def test_history_of_wenhuas_file_joined_to_live_bars_of_the_front(front, tmp_path, stored, planted):
    """One market, seen twice: its first half hour stored in a file, and live from 21:20 on."""
    columns = {name: getattr(stored, name) for name in ("open_time", "open", "high", "low", "close", "volume")}
    columns["high"] = stored.high + planted * (np.arange(30) == 25)
    history = Bars(
        tw.Klines(columns, symbol=stored.symbol, interval="1m"),
        end_time=stored.end_time,
        trading_day=stored.trading_day,
        open_interest=stored.open_interest,
    )
    watched = market(front)
    with Futures([Ctp(watched), wenhua(tmp_path, history)]) as futures:
        pass_time(front, 2 + 20.5)  # 21:20:30
        with futures.watch_klines("rb2610", "1m", start="2026-06-30T12:00Z") as stream:
            subscribed(watched)
            pass_time(front, 15)
            updates = read(stream, 33)
        joined, seam = stream.bars, stream.seam
    assert [update.open_time_ns - updates[0].open_time_ns for update in updates] == [n * MINUTE for n in range(33)]
    assert [update.venue for update in updates] == ["wenhua"] * 30 + ["ctp"] * 3
    assert (seam.compared, seam.missing_minutes) == (9, 0)
    assert seam.at == stored.open_time[21]
    told = [(each.open_time, each.column, each.history - each.live) for each in seam.differences]
    assert told == ([(stored.open_time[25], "high", planted)] if planted else [])
    assert joined.high[:30].tolist() == stored.high.tolist()  # from the seam on the live ones
    assert joined.provenance.provider == "wenhua+ctp"
    assert joined.provenance.facts["history.layout"] == "intraday"
    assert joined.provenance.facts["live.made_of"] == "ticks"
