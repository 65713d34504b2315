"""Symbols in ten spellings: round trips for every product, decade borders, refusals."""

from datetime import date
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidewire as tw
from tidewire.futures import (
    Combination,
    Continuous,
    Contract,
    Dialect,
    Option,
    format_symbol,
    parse_symbol,
    products,
)

DIALECTS = get_args(Dialect)
ON = date(2026, 11, 23)


@given(st.sampled_from(products()), st.sampled_from(DIALECTS), st.integers(-11, 59))
def test_every_product_comes_back_from_every_dialect(product, dialect, ahead):
    months = ON.year * 12 + ON.month - 1 + ahead
    contract = Contract(product.exchange, product.code, months // 12, months % 12 + 1)
    if product.code.endswith("_F") and dialect not in ("canonical", "ctp", "vnpy", "tqsdk"):
        with pytest.raises(tw.NotSupported, match="is not known"):
            format_symbol(contract, dialect)
        return
    text = format_symbol(contract, dialect)
    assert parse_symbol(text, dialect, on=ON) == contract
    assert parse_symbol(text.lower() if dialect in ("ctp", "sina") else text, on=ON) == contract  # whatever the dialect


def test_every_product_and_dialect_once():
    """The same without chance: 88 products by ten dialects."""
    for product in products():
        for dialect in DIALECTS:
            if not product.code.endswith("_F"):
                contract = Contract(product.exchange, product.code, 2027, 1)
                assert parse_symbol(format_symbol(contract, dialect), dialect, on=ON) == contract


@pytest.mark.parametrize(
    ("canonical", "spellings"),
    [
        (
            "SHFE.rb2610",
            "rb2610 rb2610.SHFE SHFE.rb2610 SHFE.rb.2610 RB2610 RB2610.SHF RB2610 RB2610.XSGE 30#RB2610",
        ),
        (
            "CZCE.SR2701",
            "SR701 SR701.CZCE CZCE.SR701 CZCE.SR.2701 SR2701 SR2701.ZCE SR2701 SR2701.XZCE 28#SR2701",
        ),
        (
            "CFFEX.IF2612",
            "IF2612 IF2612.CFFEX CFFEX.IF2612 CFFEX.IF.2612 IF2612 IF2612.CFX IF2612 IF2612.CCFX 47#IF2612",
        ),
        ("INE.sc2701", "sc2701 sc2701.INE INE.sc2701 INE.sc.2701 SC2701 SC2701.INE SC2701 SC2701.XINE 30#SC2701"),
    ],
)
def test_known_spellings(canonical, spellings):
    others = [each for each in DIALECTS if each != "canonical"]
    for dialect, text in zip(others, spellings.split(), strict=True):
        assert format_symbol(canonical, dialect) == text, dialect
        assert str(parse_symbol(text, dialect, on=ON)) == canonical


@pytest.mark.parametrize(
    ("dialect", "main", "index"),
    [
        ("canonical", "SHFE.rb@main", "SHFE.rb@index"),
        ("tqsdk", "KQ.m@SHFE.rb", "KQ.i@SHFE.rb"),
        ("wondertrader", "SHFE.rb.HOT", None),
        ("sina", "RB0", None),
        ("tushare", "RB.SHF", None),
        ("ricequant", "RB88", "RB99"),
        ("joinquant", "RB9999.XSGE", "RB8888.XSGE"),
        ("tdx", "30#RBL8", "30#RBL9"),
        ("ctp", None, None),
        ("vnpy", None, None),
    ],
)
def test_continuous_series(dialect, main, index):
    for series, text in (("main", main), ("index", index)):
        symbol = Continuous("SHFE", "rb", series)
        if text is None:
            with pytest.raises(tw.NotSupported):
                format_symbol(symbol, dialect)
        else:
            assert format_symbol(symbol, dialect) == text
            assert parse_symbol(text, dialect) == parse_symbol(text) == symbol


@pytest.mark.parametrize("series", ["main", "2nd"])
@pytest.mark.parametrize("adjusted", ["", "front", "back"])
@pytest.mark.parametrize("dialect", ["canonical", "wondertrader"])
def test_adjusted_series(series, adjusted, dialect):
    symbol = Continuous("CZCE", "SR", series, adjusted)
    assert parse_symbol(format_symbol(symbol, dialect), dialect) == symbol


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("m2701-C-2900", "DCE.m2701-C-2900"),
        ("CF701C14000", "CZCE.CF2701-C-14000"),
        ("IO2612-P-4000", "CFFEX.IO2612-P-4000"),
        ("au2612C308", "SHFE.au2612-C-308"),
        ("si2708-C-12000", "GFEX.si2708-C-12000"),
        ("fu2701P2950.5", "SHFE.fu2701-P-2950.5"),
    ],
)
def test_options(text, canonical):
    option = parse_symbol(text, on=ON)
    assert isinstance(option, Option)
    assert str(option) == canonical
    for dialect in ("canonical", "ctp", "vnpy", "tqsdk"):
        assert parse_symbol(format_symbol(option, dialect), dialect, on=ON) == option
    assert format_symbol(option, "ctp") == text
    with pytest.raises(tw.NotSupported):
        format_symbol(option, "sina")


@pytest.mark.parametrize(
    ("text", "canonical", "on"),
    [
        ("SP a1709&a1801", "DCE.SP a1709&a1801", date(2017, 1, 3)),
        ("SPC y1709&p1709", "DCE.SPC y1709&p1709", date(2017, 1, 3)),
        ("SPD SR901&SR903", "CZCE.SPD SR1901&SR1903", date(2018, 5, 2)),
        ("IPS SF901&SM901", "CZCE.IPS SF1901&SM1901", date(2018, 5, 2)),
    ],
)
def test_combinations(text, canonical, on):
    combination = parse_symbol(text, "ctp", on=on)
    assert isinstance(combination, Combination)
    assert str(combination) == canonical
    assert format_symbol(combination, "ctp") == text
    for dialect in ("canonical", "vnpy", "tqsdk"):
        assert parse_symbol(format_symbol(combination, dialect), dialect, on=on) == combination


def test_trade_at_settlement_and_monthly_averages():
    assert parse_symbol("sc2706TAS", on=ON) == Contract("INE", "sc", 2027, 6, settled=True)
    assert parse_symbol("l2702F", on=ON) == Contract("DCE", "l_F", 2027, 2)
    assert format_symbol("l2702F", "ctp") == "l2702F"


@pytest.mark.parametrize(
    ("text", "on", "year"),
    [
        ("SR001", date(2009, 6, 1), 2010),
        ("SR911", date(2009, 12, 31), 2009),
        ("SR912", date(2010, 1, 4), 2009),  # just delivered
        ("SR001", date(2019, 6, 1), 2020),
        ("SR909", date(2019, 6, 1), 2019),
        ("SR105", date(2020, 12, 31), 2021),
        ("SR001", date(2029, 6, 1), 2030),
        ("SR912", date(2030, 1, 2), 2029),
    ],
)
def test_the_decade_of_a_czce_month(text, on, year):
    assert parse_symbol(text, "ctp", on=on).year == year


def test_an_unclear_decade_is_refused():
    with pytest.raises(tw.ConfigError, match=r"the decade of month '505' is unclear.*give the day"):
        parse_symbol("SR505", "ctp", on=ON)


def test_former_codes_keep_their_names():
    assert str(parse_symbol("ME505", "ctp", on=date(2014, 9, 1))) == "CZCE.ME1505"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no such spelling"),
        ("rb", "no such spelling"),
        ("XX2701", "no futures product 'XX'"),
        ("DCE.rb2610", "rb is traded at SHFE"),
        ("rb2613", "no delivery month"),
        ("rb2610\n; rm", "no such spelling"),
        ("SP a1709&", "no such spelling"),
    ],
)
def test_what_cannot_be_read_is_refused(text, why):
    with pytest.raises(tw.ConfigError, match=why):
        parse_symbol(text, on=ON)


def test_an_unknown_dialect_is_refused():
    with pytest.raises(tw.ConfigError, match="there is no dialect 'ctpp'; there are canonical, ctp"):
        parse_symbol("rb2610", "ctpp")


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text):
    try:
        symbol = parse_symbol(text, on=ON)
    except tw.ConfigError:
        return
    assert parse_symbol(str(symbol), "canonical", on=ON) == symbol


def test_symbols_sort_and_hash():
    one, two = (Option(Contract("SHFE", "au", 2026, 12), "C", Decimal(n)) for n in ("308", "316"))
    assert sorted({two, one, one}) == [one, two]
