"""The licensed service's adapter, with an object that conforms to its protocol; the vendor's own was never at hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest

import tidewire as tw
from tidewire.futures import CHINA, Contract, Futures
from tidewire.wenhua import OfficialHistory, WenhuaFormatError, official

from .files import CALENDAR, assert_same, minutes, walk

ROWS = walk(minutes())
START, END = datetime(2026, 11, 16, 21, 0), datetime(2026, 11, 20)  # noqa: DTZ001 - naive times are China's


class Row(NamedTuple):
    time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    open_interest: float


class Bought:
    """As a user would write it around the package."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.asked: list[tuple[object, ...]] = []

    def klines(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Row]:
        self.asked.append((symbol, interval, start, end))
        return self.rows


def test_bars_come_as_those_of_a_file():
    api: OfficialHistory = Bought([Row(*row) for row in ROWS])
    bars = official(api).read("rb2701", "1m", start=START, end=END)
    assert_same(bars, ROWS)
    assert (bars.klines.symbol, str(bars.klines.interval)) == ("SHFE.rb2701", "1m")
    assert bars.trading_day[0].item() == CALENDAR.trading_day_of(ROWS[0][0])
    assert (bars.end_time - bars.klines.open_time == 60 * 10**9).all()
    assert (bars.provenance.provider, bars.provenance.facts) == ("wenhua", {"through": "Bought"})
    assert api.asked == [("rb2701", "1m", START.replace(tzinfo=CHINA), END.replace(tzinfo=CHINA))]


def test_days_and_the_services_own_names():
    rows = [Row(datetime(2026, 11, day, tzinfo=CHINA), 3.5, 4.5, 3.25, 4, 7, 9) for day in (17, 18)]
    api = Bought(rows)
    bars = official(api).read("沪铜加权", "1d", start=START, end=END)
    assert bars.trading_day.tolist() == [date(2026, 11, 17), date(2026, 11, 18)]
    assert bars.klines.symbol == "沪铜加权"
    assert len(official(Bought([])).read(Contract("SHFE", "cu", 2027, 1), "15m", start=START, end=END)) == 0
    naive = [row._replace(time=row.time.replace(tzinfo=None)) for row in rows]
    abroad = [row._replace(time=row.time.astimezone(UTC)) for row in rows]
    for same in (naive, abroad):
        assert official(Bought(same)).read("沪铜加权", "1d", start=START, end=END).klines == bars.klines


GOOD = Row(datetime(2026, 11, 17, 9, 0, tzinfo=CHINA), 3000, 3002, 2999, 3001, 5, 100)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"time": datetime(2026, 11, 20, tzinfo=CHINA)}, "outside"),
        ({"time": datetime(2026, 11, 16, 20, 59, tzinfo=CHINA)}, "outside"),
        ({"time": GOOD.time}, "does not begin after"),
        ({"high": 3000}, "not in order"),
        ({"low": -1}, "not in order"),
        ({"close": float("nan")}, "not in order"),
        ({"high": float("inf")}, "not in order"),
        ({"open": 3000.5}, "no multiple of 1"),
        ({"volume": -1}, "volume -1"),
        ({"open_interest": float("nan")}, "open interest nan"),
    ],
)
def test_a_bar_that_cannot_be_is_refused(change, why):
    later = GOOD._replace(time=datetime(2026, 11, 17, 9, 1, tzinfo=CHINA))
    with pytest.raises(WenhuaFormatError, match=rf"row 1 of rb2701 .*{why}"):
        official(Bought([GOOD, later._replace(**change)])).read("rb2701", "1m", start=START, end=END)


def test_what_the_service_has_not_is_refused():
    with pytest.raises(tw.NotSupported, match="bars of 1m, 15m, 1d, not of 5m"):
        official(Bought([])).read("rb2701", "5m", start=START, end=END)
    with pytest.raises(tw.ConfigError, match="object has no klines"):
        official(object())


def test_what_the_users_object_raises_comes_through():
    class Offline(Bought):
        def klines(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Row]:
            raise ConnectionError("no terminal is logged in")

    with pytest.raises(ConnectionError, match="no terminal"):
        official(Offline([])).read("rb2701", "1m", start=START, end=END)


def test_behind_the_facade():
    api = Bought([Row(*row) for row in ROWS])
    futures = Futures([official(api)])
    bars = futures.fetch_klines("rb2701", "1m", start=START.replace(tzinfo=CHINA), end=END.replace(tzinfo=CHINA))
    assert_same(bars, ROWS)
    assert bars.venue == "wenhua-official"
    with pytest.raises(tw.ConfigError, match="give start="):
        futures.fetch_klines("rb2701", "1m")
    api.rows = []
    with pytest.raises(tw.UnknownSymbol, match="has no 1m bars"):
        futures.fetch_klines("rb2701", "1m", start=START.replace(tzinfo=CHINA))
    assert api.asked[-1][-1] > END.replace(tzinfo=CHINA)  # until now
