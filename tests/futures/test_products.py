"""The table of products: complete, consistent, dated."""

from datetime import date
from decimal import Decimal

import pytest

import tidewire as tw
from tidewire.futures import check_product, product, products


def test_there_are_the_88_products_and_three_on_monthly_averages():
    codes = [each.code for each in products()]
    assert len([code for code in codes if not code.endswith("_F")]) == 88
    assert [code for code in codes if code.endswith("_F")] == ["l_F", "pp_F", "v_F"]


def test_codes_are_unique_whatever_their_case():
    codes = [each.code.lower() for each in products()]
    assert len(codes) == len(set(codes))


def test_an_exchange_writes_all_its_codes_alike():
    for each in products():
        assert each.code.partition("_")[0].isupper() == (each.exchange in ("CZCE", "CFFEX")), each


@pytest.mark.parametrize(
    ("code", "on", "multiplier", "tick"),
    [
        ("lc", date(2024, 12, 17), 1, "50"),
        ("lc", date(2024, 12, 18), 1, "20"),
        ("au", date(2019, 12, 10), 1000, "0.05"),
        ("au", date(2019, 12, 11), 1000, "0.02"),
        ("ME", date(2014, 6, 3), 50, "1"),
        ("ma", date(2026, 1, 5), 10, "1"),
        ("TC", date(2015, 1, 5), 200, "0.2"),
    ],
)
def test_terms_are_those_of_the_day(code, on, multiplier, tick):
    terms = product(code, on=on)
    assert (terms.multiplier, terms.tick) == (multiplier, Decimal(tick))


def test_stretches_of_one_product_do_not_overlap():
    for day in (date(2014, 1, 2), date(2019, 12, 10), date(2019, 12, 11), date(2024, 12, 18), date(2026, 5, 11)):
        codes = [each.code for each in products(on=day)]
        assert len(codes) == len(set(codes))


def test_a_product_is_refused_before_it_was_listed():
    with pytest.raises(tw.ConfigError, match="ad was not traded on 2025-06-09"):
        product("ad", on=date(2025, 6, 9))
    assert "ad" not in {each.code for each in products(on=date(2025, 6, 9))}
    assert "ad" in {each.code for each in products(on=date(2025, 6, 10))}


def test_an_unknown_product_is_refused():
    with pytest.raises(tw.ConfigError, match="no futures product 'zz'"):
        product("zz")


def test_what_the_exchange_says_is_compared():
    on = date(2026, 1, 5)
    assert check_product("lc", multiplier=1, tick=Decimal(20), on=on) == []
    (contradiction,) = check_product("lc", multiplier=1, tick=Decimal(50), on=on)
    assert "the exchange says a tick of 50, the table 20" in contradiction
