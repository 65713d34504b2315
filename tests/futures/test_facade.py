"""The facade over providers of one's own: priority, capabilities, provenance, seams, continuous series."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

import tidewire as tw
from tidewire import futures as futures_package
from tidewire.futures import (
    Bars,
    Calendar,
    Contract,
    ContractSymbol,
    Futures,
    Parquet,
    Provenance,
    RollTable,
    Ticks,
    daily_rows,
    days_before_expiry,
    join,
)

CALENDAR = Calendar()
RB10 = Contract("SHFE", "rb", 2026, 10)
RB11 = Contract("SHFE", "rb", 2026, 11)
DAYS = [date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 3)]


def minutes(days=DAYS[:1], code="rb"):
    sessions = [session for day in days for session in CALENDAR.sessions(code, day)]
    return [each.start + timedelta(minutes=n) for each in sessions for n in range(each.minutes)]


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def bars_of(moments, contract=RB10, price=3000.0, volume=5.0, interest=100.0, source="memory", symbol=None) -> Bars:
    times = np.array([ns(moment) for moment in moments], np.int64)
    close = price + np.arange(len(times)) % 7
    klines = tw.Klines(
        {
            "open_time": times,
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": np.full(len(times), volume),
        },
        symbol=symbol or str(contract),
        interval="1m",
    )
    days = np.array([CALENDAR.trading_day_of(moment) for moment in moments], "datetime64[D]")
    return Bars(
        klines,
        end_time=times + 60 * 10**9,
        trading_day=days,
        open_interest=np.full(len(times), interest),
        provenance=Provenance("own", source),
    )


def altered(bars: Bars, row: int, **values: float) -> Bars:
    columns = {name: getattr(bars, name).copy() for name in ("open_time", "open", "high", "low", "close", "volume")}
    for name, value in values.items():
        columns[name][row] = value
    klines = tw.Klines(columns, symbol=bars.symbol, interval=bars.interval)
    return Bars(
        klines,
        end_time=bars.end_time,
        trading_day=bars.trading_day,
        open_interest=bars.open_interest,
        provenance=bars.provenance,
    )


class History:
    """Bars of contracts from memory."""

    capabilities = frozenset({"fetch_klines", "fetch_contracts"})

    def __init__(self, *frames: Bars, name: str = "history") -> None:
        self.name = name
        self.frames = {str(frame.symbol): frame for frame in frames}
        self.asked = 0

    def fetch_klines(self, contract, interval, start, end):
        self.asked += 1
        if str(contract) not in self.frames:
            raise tw.UnknownSymbol(f"{self.name} has no {contract}")
        return self.frames[str(contract)]

    def fetch_contracts(self, product):
        return [RB10, RB11] if product == "rb" else []


class Replay:
    """A live source that plays frames; then it ends."""

    def __init__(self, frames) -> None:
        self.frames = list(frames)
        self.closed = False

    def next(self, timeout=None):
        return self.frames.pop(0) if self.frames else None

    async def __anext__(self):
        await asyncio.sleep(0)
        if not self.frames:
            raise StopAsyncIteration
        return self.frames.pop(0)

    def close(self):
        self.closed = True


class Live:
    name = "live"
    capabilities = frozenset({"watch_klines"})

    def __init__(self, *frames: Bars) -> None:
        self.replay = Replay(frames)

    def watch_klines(self, contract, interval):
        return self.replay


class Broken:
    name = "broken"
    capabilities = frozenset({"fetch_klines", "fetch_ticker"})

    def __init__(self, error: Exception) -> None:
        self.error = error

    def fetch_klines(self, contract, interval, start, end):
        raise self.error

    def fetch_ticker(self, contract):
        raise self.error


# Priority.


def test_the_first_that_has_it_answers_and_says_so():
    day = bars_of(minutes())
    first, second = History(day, name="first"), History(day, name="second")
    found = Futures([first, second]).fetch_klines("rb2610", "1m")
    assert isinstance(found, tw.Klines)  # the same columns as on the crypto side
    assert (found.venue, str(found.symbol), str(found.interval)) == ("first", "SHFE.rb2610", "1m")
    assert found.provenance == Provenance("own", "memory")
    assert second.asked == 0


@pytest.mark.parametrize(
    ("error", "text"), [(tw.Timeout("no answer"), "no answer"), (OSError("disk gone"), "OSError: disk gone")]
)
def test_who_was_passed_over_is_told(error, text):
    futures = Futures([Broken(error), History(name="empty"), History(bars_of(minutes()), name="third")])
    found = futures.fetch_klines("rb2610", "1m")
    assert found.venue == "third"
    told = found.provenance.facts["passed_over"]
    assert told == f"broken: {text}; empty: empty has no SHFE.rb2610"


def test_when_nobody_has_it_one_error_tells_every_cause():
    error = tw.Timeout("no answer")
    with pytest.raises(
        tw.VenuesFailed, match=r"broken: Timeout: no answer; empty: UnknownSymbol: empty has no"
    ) as caught:
        Futures([Broken(error), History(name="empty")]).fetch_klines("rb2610", "1m")
    assert list(caught.value.causes) == ["broken", "empty"]
    assert caught.value.causes["broken"] is error
    assert caught.value.retryable


def test_the_error_of_a_single_provider_is_its_own():
    with pytest.raises(tw.UnknownSymbol, match="has no"):
        Futures([History()]).fetch_klines("rb2610", "1m")


def test_a_fault_of_the_program_is_not_passed_over():
    with pytest.raises(ZeroDivisionError):
        Futures([Broken(ZeroDivisionError()), History(bars_of(minutes()))]).fetch_klines("rb2610", "1m")


def test_a_window_in_which_there_is_nothing_is_no_empty_frame():
    with pytest.raises(tw.UnknownSymbol, match="nothing of"):
        Futures([History(bars_of(minutes()))]).fetch_klines("rb2610", "1m", start="2026-08-01")


def test_windows_and_limits():
    day = bars_of(minutes())
    futures = Futures([History(day)])
    start, end = int(day.open_time[10]), int(day.open_time[20])
    inside = futures.fetch_klines("rb2610", "1m", start=start, end=end)
    assert inside.open_time.tolist() == day.open_time[10:20].tolist()
    assert inside.trading_day.tolist() == day.trading_day[10:20].tolist()
    assert (
        futures.fetch_klines("rb2610", "1m", start=start, limit=3).open_time.tolist() == day.open_time[10:13].tolist()
    )
    assert futures.fetch_klines("rb2610", "1m", limit=3).open_time.tolist() == day.open_time[-3:].tolist()
    with pytest.raises(tw.ConfigError, match="limit"):
        futures.fetch_klines("rb2610", "1m", limit=0)


@pytest.mark.parametrize("spelling", ["rb2610", "SHFE.rb2610", "RB2610.SHF", "rb2610.SHFE", RB10])
def test_symbols_in_any_spelling(spelling):
    assert str(Futures([History(bars_of(minutes()))]).fetch_klines(spelling, "1m").symbol) == "SHFE.rb2610"


def test_the_decade_of_a_month_of_three_digits_is_that_of_the_window():
    sugar = Contract("CZCE", "SR", 2017, 1)
    futures = Futures([History(bars_of(minutes([date(2016, 11, 1)], "SR"), sugar))])
    assert str(futures.fetch_klines("SR701", "1m", start="2016-10-01").symbol) == "CZCE.SR1701"


@pytest.mark.parametrize("wrong", ["SHFE.rb@main", "nonsense", "m2701-C-2900"])
def test_what_is_not_one_contract_is_refused_before_anybody_is_asked(wrong):
    history = History(bars_of(minutes()))
    with pytest.raises(tw.ConfigError):
        Futures([history]).fetch_klines(wrong, "1m")
    assert history.asked == 0


# Capabilities.


def test_capabilities_are_what_the_providers_offer():
    futures = Futures([Live(), History()])
    assert futures.capabilities == {"watch_klines", "fetch_klines", "fetch_contracts", "continuous"}


def test_a_verb_that_nobody_offers_is_refused_before_anything_is_done():
    history = History(bars_of(minutes()))
    futures = Futures([history])
    for call in (
        lambda: futures.fetch_ticker("rb2610"),
        lambda: futures.fetch_ticks("rb2610"),
        lambda: futures.watch_klines("rb2610"),
        lambda: futures.fetch_instruments(),
        lambda: futures.create_order("rb2610", side="buy", quantity=1, price=3000, offset="open"),
        lambda: futures.cancel_all_orders(),
        lambda: futures.watch_fills(),
    ):
        with pytest.raises(tw.NotSupported, match=r"offered by none of the providers \(history\)"):
            call()
    live = Live(bars_of(minutes()))
    with pytest.raises(tw.NotSupported, match="fetch_klines"):
        Futures([live]).watch_klines("rb2610", start="2026-07-01")
    assert history.asked == 0


class Misspelt:
    name = "misspelt"
    capabilities = frozenset({"fetch_candles"})


class Boastful:
    name = "boastful"
    capabilities = frozenset({"fetch_ticks"})


class Nameless:
    name = ""
    capabilities = frozenset({"fetch_ticks"})


class Desk:
    """Trades, after a fashion."""

    capabilities = frozenset({"create_order"})

    def __init__(self, name: str) -> None:
        self.name = name
        self.orders: list[object] = []

    def create_order(self, contract, **order):
        self.orders.append((contract, order))
        raise tw.OutcomeUnknown("lost", client_order_id="1")


@pytest.mark.parametrize(
    ("providers", "match"),
    [
        ([], "needs a provider"),
        ([Misspelt()], "fetch_candles; the verbs are"),
        ([Boastful()], "does not define"),
        ([Nameless()], "has a name"),
        ([object()], "has a name"),
        ([Desk("one"), Desk("two")], "one and two both trade"),
        ([History(), History()], "names of their own"),
    ],
)
def test_providers_are_looked_at_first(providers, match):
    with pytest.raises(tw.ConfigError, match=match):
        Futures(providers)


def test_there_is_one_strategy():
    with pytest.raises(tw.ConfigError, match="priority"):
        Futures([History()], strategy="fastest")  # type: ignore[arg-type]


def test_an_order_goes_to_one_desk_and_its_error_is_told_as_it_is():
    desk = Desk("desk")
    with pytest.raises(tw.OutcomeUnknown):
        Futures([History(), desk]).create_order("RB2610.SHF", side="buy", quantity=1, price=3000, offset="open")
    assert desk.orders == [(RB10, {"offset": "open", "side": "buy", "quantity": 1, "price": 3000})]


# Life.


class Opened(History):
    def __init__(self, error: Exception | None = None, **rest) -> None:
        super().__init__(bars_of(minutes()), **rest)
        self.error = error
        self.is_open = False

    def open(self):
        if self.error is not None:
            raise self.error
        self.is_open = True

    def close(self):
        self.is_open = False


def test_providers_are_opened_and_closed():
    one = Opened()
    with Futures([one, History(name="other")]):
        assert one.is_open
    assert not one.is_open


def test_a_provider_out_of_reach_is_passed_over():
    away, there = Opened(tw.Timeout("closed on Sundays"), name="away"), Opened(name="there")
    with Futures([away, there]) as futures:
        found = futures.fetch_klines("rb2610", "1m")
    assert found.provenance.facts["passed_over"] == "away: closed on Sundays"
    assert away.asked == 0


def test_what_waiting_cannot_mend_is_raised_and_the_others_are_closed():
    one = Opened()
    with (
        pytest.raises(tw.AuthenticationError),
        Futures([one, Opened(tw.AuthenticationError("wrong password"), name="other")]),
    ):
        raise AssertionError
    assert not one.is_open


def test_nobody_in_reach():
    with pytest.raises(tw.VenuesFailed, match="a: Timeout: away; b: Timeout: away"):
        Futures([Opened(tw.Timeout("away"), name="a"), Opened(tw.Timeout("away"), name="b")]).open()


# Seams.


def test_history_and_live_bars_are_joined_without_a_seam():
    day = minutes()
    history, live = bars_of(day[:200]), bars_of(day)[190:]
    joined, seam = join(history, live)
    assert seam.is_clean
    assert seam.compared == 10
    assert seam.at == ns(day[190])
    assert joined.open_time.tolist() == [ns(moment) for moment in day]
    assert joined.close.tolist() == bars_of(day).close.tolist()
    assert joined.end_time.tolist() == bars_of(day).end_time.tolist()
    assert joined.provenance.provider == "own+own"
    assert joined.provenance.facts["compared"] == "10"


def test_a_planted_difference_is_told_and_not_mended():
    day = minutes()
    history, live = altered(bars_of(day[:200]), 195, close=2999.5, low=2999.0), bars_of(day)[190:]
    joined, seam = join(history, live)
    assert [(each.open_time, each.column, each.history, each.live) for each in seam.differences] == [
        (ns(day[195]), "close", 2999.5, live.close[5]),
        (ns(day[195]), "low", 2999.0, live.low[5]),
    ]
    assert not seam.is_clean
    assert seam.at == ns(day[190])  # they agree there: what follows is live
    assert joined.close[195] == live.close[5]
    assert joined.provenance.facts["differences"] == "2"


def test_a_live_bar_not_seen_whole_is_taken_from_history():
    day = minutes()
    history, live = bars_of(day[:200]), altered(bars_of(day)[190:], 0, volume=1.0)
    joined, seam = join(history, live)
    assert seam.at == ns(day[191])
    assert joined.volume[190] == 5.0
    assert [each.column for each in seam.differences] == ["volume"]


def test_a_history_that_reaches_further_than_the_live_bars_is_kept():
    day = minutes()
    joined, seam = join(bars_of(day), bars_of(day)[190:200])
    assert (seam.compared, seam.is_clean, len(joined)) == (10, True, len(day))


def test_a_bar_that_only_one_has_is_told():
    day = minutes()
    history = bars_of([*day[:195], *day[196:200]])
    live = bars_of(day)[190:]
    _, seam = join(history, live)
    # Without that bar the prices of those behind it differ, too: they count on.
    assert np.isnan(next(each for each in seam.differences if each.open_time == ns(day[195])).history)


def test_minutes_that_nobody_has_are_counted_by_session():
    day = minutes()  # the night to 23:00, then 09:00
    joined, seam = join(bars_of(day[:100]), bars_of(day)[130:])
    assert seam.compared == 0
    assert seam.missing_minutes == 30  # ten hours pass between, and thirty minutes of trading
    assert not seam.is_clean
    assert len(joined) == len(day) - 30


def test_the_next_session_is_no_gap():
    day = minutes(DAYS[1:])  # Thursday and Friday, each with its night
    _, seam = join(bars_of(day[:345]), bars_of(day)[345:])
    assert seam.is_clean


def test_only_the_same_market_is_joined():
    day = minutes()
    with pytest.raises(tw.ConfigError, match="not the same market"):
        join(bars_of(day), bars_of(day, RB11))


def test_a_watch_begins_with_history_and_goes_on_live():
    day = minutes()
    whole = bars_of(day)
    history, live = History(bars_of(day[:200])), Live(whole[199:201], whole[201:203])
    with Futures([live, history]).watch_klines("rb2610", "1m", start="2026-06-30T12:00Z") as stream:
        updates = list(stream)
    assert live.replay.closed
    assert [update.open_time_ns for update in updates] == [ns(moment) for moment in day[:203]]
    assert {(type(each), each.venue, each.closed) for each in updates[-3:]} == {(tw.KlineUpdate, "live", True)}
    assert updates[0].venue == "history"
    assert updates[-1].close == Decimal(str(whole.close[202]))
    assert str(updates[0].symbol) == "SHFE.rb2610"
    assert stream.seam is not None
    assert (stream.seam.compared, stream.seam.is_clean) == (1, True)
    assert stream.bars is not None
    assert stream.bars.close.tolist() == whole.close[:203].tolist()
    assert stream.bars.provenance.facts["compared"] == "1"
    assert stream.bars.venue == "history+live"


def test_live_bars_are_compared_as_long_as_history_has_them():
    day = minutes()
    whole = bars_of(day)
    live = Live(whole[190:191], altered(whole[191:193], 1, high=9999.0), whole[193:203], whole[203:205])
    stream = Futures([live, History(bars_of(day[:200]))]).watch_klines("rb2610", "1m", start="2026-06-30T12:00Z")
    assert [update.open_time_ns for update in stream] == [ns(moment) for moment in day[:205]]
    assert stream.seam.compared == 10
    assert [(each.open_time, each.column) for each in stream.seam.differences] == [(ns(day[192]), "high")]
    assert stream.bars.high[192] == 9999.0
    assert stream.bars.open_time.tolist() == [ns(moment) for moment in day[:205]]


def test_a_history_that_has_grown_meanwhile_is_read_again():
    day = minutes()
    whole = bars_of(day)
    history = History(bars_of(day[:200]))
    stream = Futures([Live(whole[210:212]), history]).watch_klines("rb2610", "1m", start="2026-06-30T12:00Z")
    assert stream.next().open_time_ns == ns(day[0])
    history.frames["SHFE.rb2610"] = bars_of(day[:211])
    rest = [update.open_time_ns for update in stream]
    assert rest == [ns(moment) for moment in day[1:212]]
    assert stream.seam.is_clean


def test_a_history_with_nothing_newer_leaves_a_hole_that_is_told():
    day = minutes()
    stream = Futures([Live(bars_of(day)[210:]), History(bars_of(day[:200]))]).watch_klines(
        "rb2610", "1m", start="2026-06-30T12:00Z"
    )
    assert sum(1 for _ in stream) == len(day) - 10
    assert stream.seam.missing_minutes == 10
    assert "nothing of SHFE.rb2610" in stream.bars.provenance.facts["history.nothing_newer"]


def test_a_history_that_another_goes_on_with_is_told():
    day = minutes()
    first, second = History(bars_of(day[:200]), name="first"), History(bars_of(day[:210]), name="second")
    stream = Futures([Live(bars_of(day)[210:]), first, second]).watch_klines("rb2610", "1m", start="2026-06-30T12:00Z")
    assert sum(1 for _ in stream) == len(day)
    assert stream.seam.is_clean
    assert stream.bars.provenance.facts["history.continued_by"] == "second"


def test_watching_without_history():
    day = minutes()
    stream = Futures([Live(bars_of(day)[:3])]).watch_klines("rb2610")
    assert len(list(stream)) == 3
    assert stream.seam is None
    assert len(stream.bars) == 3


async def test_the_same_from_asyncio():
    day = minutes()
    history, live = History(bars_of(day[:200])), Live(bars_of(day)[199:203])
    async with Futures([live, history]) as futures:
        assert futures.capabilities >= {"fetch_klines", "watch_klines"}
        assert len(await futures.fetch_klines("rb2610", "1m", limit=5)) == 5
        assert await futures.fetch_contracts("rb") == [RB10, RB11]
        async with futures.watch_klines("rb2610", "1m", start="2026-06-30T12:00Z") as stream:
            times = [update.open_time_ns async for update in stream]
        with pytest.raises(tw.NotSupported):
            await futures.fetch_ticker("rb2610")
    assert times == [ns(moment) for moment in day[:203]]


# Continuous.


def last_day(contract: Contract) -> date:
    return {RB10: date(2026, 7, 10), RB11: date(2026, 8, 10)}[contract]


def test_a_continuous_series_of_what_the_providers_have():
    days = minutes(DAYS)
    store = History(bars_of(days), bars_of(days, RB11, price=3100.0, interest=50.0))
    series = Futures([store]).continuous("rb", interval="1m", rule=days_before_expiry(8, last_day), adjust="diff")
    # The first day decides on the second: nine days before the end RB10 still is main; on the second it is eight.
    assert series.contracts == (RB10, RB11)
    assert set(series.bars.trading_day.tolist()) == set(DAYS[1:])
    assert series.steps == ((3100.0 + (690 - 1) % 7, 3000.0 + (690 - 1) % 7),)
    assert (str(series.bars.symbol), str(series.raw.symbol)) == ("SHFE.rb@main:front", "SHFE.rb@main")
    assert series.bars.venue == "history"
    facts = series.bars.provenance.facts
    assert facts["contracts"] == "SHFE.rb2610, SHFE.rb2611"
    assert facts["rolls"] == (
        "2026-07-02 SHFE.rb2610 (decided on 2026-07-01); 2026-07-03 SHFE.rb2611 (decided on 2026-07-02)"
    )
    assert facts["SHFE.rb2610 from"] == "own memory"
    assert series.raw.provenance.facts["adjusted"] == "diff, front"


def test_the_last_day_decides_nothing_because_it_may_not_be_over():
    days = minutes(DAYS)
    rows = daily_rows({RB10: bars_of(days), RB11: bars_of(days[: 345 * 2], RB11)})
    assert {row.day for row in rows} == set(DAYS[:2])
    assert {(row.volume, row.open_interest) for row in rows} == {(345 * 5, 100)}


def test_contracts_without_bars_are_named():
    store = History(bars_of(minutes(DAYS)))
    series = Futures([store]).continuous("rb", interval="1m")
    assert series.contracts == (RB10,)
    assert series.bars.provenance.facts["without"] == "SHFE.rb2611: history has no SHFE.rb2611"


def test_a_table_of_rolls_of_your_own():
    days = minutes(DAYS)
    store = History(bars_of(days), bars_of(days, RB11))
    table = RollTable.build(daily_rows(store_frames(store)), days_before_expiry(8, last_day), next_day=CALENDAR.next)
    assert len(Futures([store]).continuous("rb", interval="1m", rolls=table)) == 345 * 2


def store_frames(store: History):
    return {RB10: store.frames["SHFE.rb2610"], RB11: store.frames["SHFE.rb2611"]}


def test_nothing_to_join():
    with pytest.raises(tw.UnknownSymbol, match="nobody knows"):
        Futures([History()]).continuous("hc", interval="1m")
    with pytest.raises(tw.VenuesFailed):
        Futures([History()]).continuous("rb", interval="1m")
    with pytest.raises(tw.ConfigError, match="one day only"):
        Futures([History(bars_of(minutes()))]).continuous("rb", interval="1m")


# Parquet.


def ticks_of(day: date) -> Ticks:
    times = [ns(moment) for moment in minutes([day])]
    count = len(times)
    columns = {name: np.arange(count) for name in ("last", "turnover", "open_interest", "bid", "ask")}
    columns |= {name: np.arange(count) for name in ("volume", "bid_quantity", "ask_quantity")}
    columns |= {"time": times, "trading_day": np.full(count, day, "datetime64[D]")}
    return Ticks(columns, symbol=str(RB10), provenance=Provenance("ctp", "tcp://front"))


def test_bars_come_back_from_parquet_as_they_went(tmp_path):
    day = bars_of(minutes())
    store = Parquet(tmp_path)
    assert store.write(day[:200]) == 200
    assert store.write(day[150:]) == len(day) - 150 - 50  # what is there already is the same
    found = Futures([Parquet(tmp_path)]).fetch_klines("rb2610", "1m")
    for name in ("open_time", "open", "high", "low", "close", "volume", "trades", "end_time", "trading_day"):
        assert getattr(found, name).tolist() == getattr(day, name).tolist()
    assert np.isnan(found.quote_volume).all()
    assert found.open_interest.tolist() == day.open_interest.tolist()
    assert found.settlement is None
    assert found.provenance.facts == {"files": "2", "from": "own memory"}
    assert Futures([store]).fetch_contracts("rb") == [RB10]
    inside = Futures([store]).fetch_klines("rb2610", "1m", start=int(day.open_time[7]), end=int(day.open_time[9]))
    assert len(inside) == 2
    assert inside.provenance.facts["files"] == "1"


def test_what_is_stored_is_never_changed(tmp_path):
    day = bars_of(minutes())
    store = Parquet(tmp_path)
    store.write(day)
    with pytest.raises(tw.ConfigError, match=r"has another close of SHFE\.rb2610 1m"):
        store.write(altered(day, 3, close=1.0))
    assert store.write(day) == 0
    assert len(list(tmp_path.rglob("*"))) == 4  # folders and one file: no draft is left


def test_other_readers_find_the_partitions(tmp_path):
    dataset = pytest.importorskip("pyarrow.dataset")
    Parquet(tmp_path).write(bars_of(minutes()))
    table = dataset.dataset(tmp_path / "klines", partitioning="hive").to_table()
    assert set(table.column("symbol").to_pylist()) == {"SHFE.rb2610"}
    assert set(table.column("interval").to_pylist()) == {"1m"}


def test_months_and_minutes_do_not_share_a_folder(tmp_path):
    day = bars_of(minutes())
    month = day[:1].labelled(symbol=str(RB10), interval=tw.Interval("1M"), venue="", provenance=Provenance("own", ""))
    Parquet(tmp_path).write(month)
    assert {each.name for each in (tmp_path / "klines" / "symbol=SHFE.rb2610").iterdir()} == {"interval=1mo"}


def test_ticks_come_back_from_parquet_as_they_went(tmp_path):
    store = Parquet(tmp_path)
    for day in DAYS:
        assert store.write_ticks(ticks_of(day)) == 345
    with pytest.raises(tw.ConfigError, match="later than"):
        store.write_ticks(ticks_of(DAYS[1]))
    found = Futures([store]).fetch_ticks("rb2610", start=int(ticks_of(DAYS[1]).time[0]))
    assert len(found) == 345 * 2
    for name, column in ticks_of(DAYS[1]).columns.items():
        assert found.columns[name][:345].tolist() == column.tolist(), name
    assert found.provenance.facts["from"] == "ctp tcp://front"


def test_nothing_stored(tmp_path):
    futures = Futures([Parquet(tmp_path)])
    with pytest.raises(tw.UnknownSymbol, match="has no 1m bars"):
        futures.fetch_klines("rb2610", "1m")
    with pytest.raises(tw.UnknownSymbol, match="has no ticks"):
        futures.fetch_ticks("rb2610")
    assert futures.fetch_contracts("rb") == []


@pytest.mark.parametrize("symbol", ["rb2610", "SHFE.rb@main"])
def test_only_contracts_by_their_full_name_are_stored(tmp_path, symbol):
    with pytest.raises(tw.ConfigError):
        Parquet(tmp_path).write(bars_of(minutes(), symbol=symbol))


def test_without_pyarrow_parquet_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(tw.ConfigError, match=r"tidewire\[frames\]"):
        Parquet(tmp_path)


# Names.


def test_a_contract_where_a_symbol_is_wanted():
    symbol = ContractSymbol.of(RB10)
    assert isinstance(symbol, tw.Symbol)
    assert tw.Symbol.parse(symbol) is symbol
    assert (str(symbol), symbol.base, symbol.quote, symbol.kind) == ("SHFE.rb2610", "rb", "CNY", "linear")
    assert symbol == ContractSymbol.of(RB10) != ContractSymbol.of(RB11)


def test_every_name_can_be_had_and_the_providers_come_only_when_asked_for():
    assert [name for name in futures_package.__all__ if not hasattr(futures_package, name)] == []
    code = "import sys, tidewire.futures; print(*(m for m in sys.modules if m.startswith('tidewire.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "tidewire.futures.stitch" in loaded
    assert not {"tidewire.ctp", "tidewire.wenhua", "tidewire.futures.facade"}.intersection(loaded)
