"""Last trading days, against dates that were published."""

from datetime import date

import pytest

import tidewire as tw
from tidewire.futures import Calendar, Contract, last_trading_day, parse_symbol
from tidewire.futures.products import price_step

CALENDAR = Calendar()


@pytest.mark.parametrize(
    ("symbol", "day"),
    [
        ("SHFE.rb2410", date(2024, 10, 15)),  # a Tuesday
        ("SHFE.cu2306", date(2023, 6, 15)),
        ("SHFE.au2502", date(2025, 2, 17)),  # the 15th was a Saturday
        ("INE.sc2103", date(2021, 2, 26)),  # the last trading day of February
        ("INE.sc2101", date(2020, 12, 31)),
        ("CFFEX.IF2101", date(2021, 1, 15)),  # the third Friday
        ("CFFEX.T2103", date(2021, 3, 12)),  # the second
        ("CFFEX.IF2302", date(2023, 2, 17)),
        ("DCE.m2309", date(2023, 9, 14)),  # the tenth trading day: the 1st was a Friday
        ("CZCE.AP2101", date(2021, 1, 15)),  # the tenth trading day after New Year's Friday
        ("DCE.jd2309", date(2023, 9, 25)),  # the fourth from the end: then came the 26th to 28th, and the holiday
    ],
)
def test_the_last_day(symbol, day):
    contract = parse_symbol(symbol, "canonical", on=day)
    assert isinstance(contract, Contract)
    assert last_trading_day(contract) == last_trading_day(contract, CALENDAR) == day


def test_what_is_not_known_is_not_guessed():
    with pytest.raises(tw.ConfigError, match="when contracts of ec end is not known to us"):
        last_trading_day(Contract("INE", "ec", 2026, 10))
    for code in ("rb", "m", "sc", "IF", "jd"):
        with pytest.raises(tw.ConfigError, match="update tidewire"):
            last_trading_day(Contract("SHFE", code, 2027, 10))


def test_the_step_that_all_ticks_of_a_product_share():
    assert [str(price_step(code)) for code in ("rb", "au", "lc", "ec", "IF", "cu")] == [
        "1",
        "0.01",
        "10",
        "0.1",
        "0.2",
        "10",
    ]
