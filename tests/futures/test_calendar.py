"""Trading days, nights and sessions against what is published of them."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidewire as tw
from tidewire.futures import CHINA, Calendar, products

CALENDAR = Calendar()
SESSION_DAYS = [day for day in CALENDAR.trading_days if day >= date(2015, 1, 1)]


TODAYS_HOURS = date(2020, 7, 21)  # from here on hours are those of today


def at(text):
    return datetime.fromisoformat(text)


def minutes(code, day):
    return sum(each.minutes for each in CALENDAR.sessions(code, day))


def test_every_day_of_every_product_has_the_minutes_of_its_kind():
    """Until 2020: 225 by day; 120, 150, 240 or 330 more by night; index futures 240, bonds 255, both 270 once."""
    for day in (each for each in SESSION_DAYS if each < TODAYS_HOURS):
        late = day == date(2019, 12, 26)  # that night began at 22:30
        for each in products(on=day):
            if each.exchange == "CFFEX":
                allowed = {240, 270} if each.code.startswith("I") else {255, 270}
            else:
                allowed = {225, 255, 375, 465} if late else {225, 345, 375, 465, 555}
            assert minutes(each.code, day) in allowed, (each.code, day)


# Minutes of the night by the products' own table of today (facts of the exchanges' notices; see docs/futures.md).
NIGHTS = {
    330: "au ag sc",
    240: "cu al zn pb ni sn ss ao ad bc",
    120: "rb hc bu ru fu sp br op lu nr a b m y p c cs rr i j jm l v pp eg eb pg bz l_F v_F pp_F "
    "CF CY SR TA OI RM FG MA SA PF ZC PX SH PR PL",
}


def test_every_days_minutes_of_every_product_since_the_nights_of_today():
    """Exactly 225, 345, 465 or 555, only holidays leave a night out; 240 or 255 at CFFEX."""
    night_of = {code: minutes for minutes, codes in NIGHTS.items() for code in codes.split()}
    checked = 0
    for before, day in pairwise(SESSION_DAYS):
        if day < TODAYS_HOURS:
            continue
        # A night is left out on the eve of a holiday: when a weekday lies between two trading days.
        gap = [before + timedelta(days=n) for n in range(1, (day - before).days)]
        eve = any(each.weekday() < 5 for each in gap)
        listed = {one.code for one in products(on=before)}
        for each in products(on=day):
            if each.exchange == "CFFEX":
                expected = 240 if each.code in {"IF", "IH", "IC", "IM"} else 255
            else:
                first = each.code not in listed  # no night comes before the first morning
                expected = 225 + (0 if eve or first else night_of.get(each.code, 0))
            assert minutes(each.code, day) == expected, (each.code, day)
            checked += 1
    assert checked > 100_000


def test_sessions_lie_in_order_and_apart():
    for day in SESSION_DAYS[::7]:
        for each in products(on=day):
            sessions = CALENDAR.sessions(each.code, day)
            assert all(one.end <= two.start for one, two in pairwise(sessions))
            assert all(CALENDAR.trading_day_of(one.start) == day for one in sessions)


# Counted in a public log of one-minute rows, from each product's listing to 2026-09-04.
@pytest.mark.parametrize(
    ("code", "listed", "days", "nights"),
    [
        ("ad", date(2025, 6, 10), 304, 298),
        ("op", date(2025, 9, 10), 238, 232),
        ("bz", date(2025, 7, 8), 284, 278),
        ("PL", date(2025, 7, 22), 274, 268),
        ("PR", date(2024, 8, 30), 487, 474),
        ("pd", date(2025, 11, 27), 188, 0),
        ("ps", date(2024, 12, 26), 410, 0),
    ],
)
def test_days_and_nights_are_as_many_as_were_recorded(code, listed, days, nights):
    traded = [day for day in CALENDAR.trading_days if listed <= day < date(2026, 9, 4)]
    assert len(traded) == days
    begun = [*traded, date(2026, 9, 4)]  # its night was recorded, its day not yet
    assert sum(CALENDAR.sessions(code, day)[0].kind == "night" for day in begun) == nights


@pytest.mark.parametrize(
    ("evening", "trading_day", "has_night"),
    [
        (date(2026, 11, 20), date(2026, 11, 23), True),  # a Friday
        (date(2026, 9, 24), date(2026, 9, 28), False),  # the eve of Mid-Autumn
        (date(2026, 9, 30), date(2026, 10, 8), False),  # the eve of National Day
        (date(2024, 2, 8), date(2024, 2, 19), False),  # Friday the 9th was a working day, and closed
        (date(2015, 9, 25), date(2015, 9, 28), False),  # a holiday on a Sunday
        (date(2020, 1, 23), date(2020, 2, 3), False),
        (date(2020, 3, 3), date(2020, 3, 4), False),  # the epidemic
        (date(2020, 4, 30), date(2020, 5, 6), False),
        (date(2020, 5, 6), date(2020, 5, 7), True),
    ],
)
def test_nights_before_holidays(evening, trading_day, has_night):
    assert CALENDAR.next(evening) == trading_day
    first = CALENDAR.sessions("rb", trading_day)[0]
    assert (first.kind == "night") == has_night
    if has_night:
        assert first.start == datetime.combine(evening, datetime.min.time().replace(hour=21), CHINA)


@pytest.mark.parametrize(
    ("code", "day", "end"),
    [
        ("m", date(2015, 5, 8), "02:30"),
        ("m", date(2015, 5, 11), "23:30"),
        ("m", date(2019, 3, 29), "23:30"),
        ("m", date(2019, 4, 1), "23:00"),
        ("SR", date(2019, 12, 11), "23:30"),
        ("SR", date(2019, 12, 12), "23:00"),
        ("rb", date(2016, 4, 29), "01:00"),
        ("rb", date(2016, 5, 4), "23:00"),
        ("au", date(2026, 11, 23), "02:30"),
        ("sc", date(2018, 3, 27), "02:30"),
    ],
)
def test_night_ends_through_history(code, day, end):
    assert CALENDAR.sessions(code, day)[0].end.strftime("%H:%M") == end


@pytest.mark.parametrize(
    ("code", "day", "grade"),
    [
        ("au", date(2026, 11, 23), "V"),
        ("ad", date(2026, 11, 23), "D"),  # from recorded row counts
        ("rb", date(2016, 4, 29), "U"),  # until 01:00, as commonly known
        ("rb", date(2016, 5, 4), "V"),
    ],
)
def test_how_sure_a_night_is(code, day, grade):
    night, *rest = CALENDAR.sessions(code, day)
    assert (night.kind, night.grade) == ("night", grade)
    assert {each.grade for each in rest} == {"V"}


def test_special_nights():
    assert CALENDAR.sessions("SR", date(2019, 9, 2))[0].kind == "day"
    assert CALENDAR.sessions("rb", date(2019, 9, 2))[0].kind == "night"
    assert CALENDAR.sessions("au", date(2019, 12, 26))[0].start.strftime("%H:%M") == "22:30"


def test_no_night_comes_before_the_first_morning():
    assert [each.kind for each in CALENDAR.sessions("sc", date(2018, 3, 26))] == ["day"] * 3


@pytest.mark.parametrize(
    ("moment", "trading_day"),
    [
        ("2026-11-20 21:00", "2026-11-23"),  # Friday night is Monday's
        ("2026-11-21 02:29", "2026-11-23"),
        ("2026-11-23 09:00", "2026-11-23"),
        ("2026-11-23 15:00", "2026-11-23"),
        ("2026-11-23 20:59", "2026-11-24"),
        ("2026-11-24 00:30", "2026-11-24"),
    ],
)
def test_the_trading_day_of_a_moment(moment, trading_day):
    local = datetime.fromisoformat(moment)
    expected = date.fromisoformat(trading_day)
    assert CALENDAR.trading_day_of(local) == expected
    assert CALENDAR.trading_day_of(local.replace(tzinfo=CHINA).astimezone(UTC)) == expected


def test_a_moment_outside_a_products_sessions_is_refused():
    with pytest.raises(tw.ConfigError, match="rb is not traded at 2026-11-21 01:30:00"):
        CALENDAR.trading_day_of(at("2026-11-21 01:30"), "rb")
    assert CALENDAR.trading_day_of(at("2026-11-21 01:30"), "au") == date(2026, 11, 23)
    assert CALENDAR.trading_day_of(at("2026-11-20 20:57"), "rb") == date(2026, 11, 23)  # the auction


@given(st.sampled_from(SESSION_DAYS), st.sampled_from([each.code for each in products()]), st.data())
def test_minutes_are_counted_over_all_sessions(day, code, data):
    if code not in {each.code for each in products(on=day)}:
        return
    sessions = CALENDAR.sessions(code, day)
    every = [each.start + timedelta(minutes=n) for each in sessions for n in range(each.minutes)]
    index = data.draw(st.integers(0, len(every) - 1))
    assert CALENDAR.minute_index(code, every[index]) == index
    assert CALENDAR.minute_index(code, every[index] + timedelta(seconds=59)) == index
    assert CALENDAR.minute_index(code, sessions[-1].end) is None


def test_auctions():
    assert CALENDAR.is_auction("rb", at("2026-11-20 20:59:30"))
    assert not CALENDAR.is_auction("rb", at("2026-11-23 08:59"))  # its auction was in the evening
    assert CALENDAR.is_auction("m", at("2026-11-23 08:59"))  # DCE holds a second one
    assert CALENDAR.is_auction("AP", at("2026-11-23 08:56"))
    assert CALENDAR.is_auction("IF", at("2026-11-23 09:29"))
    assert not CALENDAR.is_auction("IF", at("2026-11-23 09:30"))


def test_a_bond_future_expires_before_noon():
    day = date(2026, 11, 23)
    assert [each.end.strftime("%H:%M") for each in CALENDAR.sessions("TL", day, expires=True)] == ["11:30"]
    assert len(CALENDAR.sessions("IF", day, expires=True)) == 2


@pytest.mark.parametrize("day", [date(2009, 12, 31), date(2027, 1, 4)])
def test_nothing_is_extrapolated(day):
    with pytest.raises(tw.ConfigError, match=r"lies outside the calendar of 2010 to 2026 .*update tidewire"):
        CALENDAR.is_trading_day(day)


def test_the_day_after_the_last_is_not_guessed():
    with pytest.raises(tw.ConfigError, match="update tidewire"):
        CALENDAR.next(CALENDAR.last)
    with pytest.raises(tw.ConfigError, match="update tidewire"):
        CALENDAR.trading_day_of(at("2026-12-31 21:00"))


@pytest.mark.parametrize("day", [date(2009, 6, 1), date(2028, 6, 1)])
def test_no_day_is_next_to_one_that_is_not_known(day):
    for ask in (
        CALENDAR.next,
        CALENDAR.previous,
        lambda day: CALENDAR.trading_day_of(datetime(day.year, 6, 1, 9, tzinfo=CHINA)),
    ):
        with pytest.raises(tw.ConfigError, match=r"lies outside the calendar of 2010 to 2026 .*update tidewire"):
            ask(day)
    assert CALENDAR.previous(date(2027, 1, 1)) == date(2026, 12, 31)
    assert CALENDAR.next(date(2009, 12, 31)) == date(2010, 1, 4)


def test_saturdays_declared_working_days_are_no_trading_days():
    assert not CALENDAR.is_trading_day(date(2026, 10, 10))


def test_sessions_are_refused_for_a_day_without_any():
    with pytest.raises(tw.ConfigError, match="2026-11-21 is not a trading day; the next is 2026-11-23"):
        CALENDAR.sessions("rb", date(2026, 11, 21))
    with pytest.raises(tw.ConfigError, match="sessions are known from 2015"):
        CALENDAR.sessions("rb", date(2014, 12, 31))


def test_a_contradiction_with_the_front_is_put_into_words():
    evening = at("2026-11-20 21:00")
    assert CALENDAR.check(date(2026, 11, 23), evening) is None
    assert "says 2026-11-23" in CALENDAR.check(date(2026, 11, 24), evening)


def test_a_calendar_of_ones_own(tmp_path):
    path = tmp_path / "calendar.txt"
    path.write_text("version 2027-01-01\n2027 01-01 02-08\n", encoding="utf-8")
    mine = Calendar.load(str(path))
    assert mine.first == date(2027, 1, 4)
    assert not mine.is_trading_day(date(2027, 2, 8))
    assert str(mine) == "<Calendar 2027 to 2027, version 2027-01-01>"


@pytest.mark.parametrize("text", ["", "version 2027-01-01", "2027 13-01", "2027 01-01\n2029 01-01", "nonsense here"])
def test_a_calendar_that_cannot_be_read_is_refused(text):
    with pytest.raises(tw.ConfigError):
        Calendar(text)
