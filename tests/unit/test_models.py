"""The instrument's arithmetic, and the promises all models make."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire import models
from tidewire.errors import ConfigError, FilterViolation
from tidewire.models import Instrument, Order, OrderStatus, Side
from tidewire.symbols import Symbol

BTC = Instrument(
    venue="binance",
    symbol=Symbol("BTC", "USDT"),
    native="BTCUSDT",
    kind="spot",
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9000),
    min_price=Decimal("0.01"),
    max_price=Decimal(1000000),
    min_notional=Decimal(5),
    max_notional=Decimal(9000000),
    market_lot_size=Decimal("0.001"),
    market_min_quantity=Decimal("0.001"),
    market_max_quantity=Decimal(50),
)
NO_RULES = Instrument(
    venue="binance", symbol=Symbol("A", "B"), native="AB", kind="spot", tick_size=Decimal(0), lot_size=Decimal(0)
)


@pytest.mark.parametrize(
    ("quantity", "price"),
    [("0.00010", "50000.00"), ("0.0001", "50000"), ("9000", "999.99"), ("0.001", None), ("50", None)],
)
def test_an_order_that_keeps_the_rules_passes(quantity: str, price: str | None) -> None:
    BTC.check(quantity=Decimal(quantity), price=None if price is None else Decimal(price))


@pytest.mark.parametrize(
    ("quantity", "price", "says"),
    [
        ("0.000015", "50000", "quantity 0.000015 is not a multiple of 0.00001; 0.00001 and 0.00002 are"),
        ("9000.00001", "1", "quantity 9000.00001 is above the maximum 9000"),
        ("1", "50000.001", "price 50000.001 is not a multiple of 0.01; 50000.00 and 50000.01 are"),
        ("1", "1000000.01", "price 1000000.01 is above the maximum 1000000"),
        ("0.00001", "50000", "notional 0.50000 is below the minimum 5"),
        ("9000", "50000", "notional 450000000 is above the maximum 9000000"),
        ("0.0015", None, "quantity 0.0015 is not a multiple of 0.001; 0.001 and 0.002 are"),
        ("51", None, "quantity 51 is above the maximum 50"),
        ("1E+60", "1", "quantity 1E+60 is above the maximum 9000"),
    ],
)
def test_an_order_that_breaks_a_rule_names_it(quantity: str, price: str | None, says: str) -> None:
    with pytest.raises(FilterViolation, match=re.escape(says)) as caught:
        BTC.check(quantity=Decimal(quantity), price=None if price is None else Decimal(price))
    assert caught.value.venue == "binance"
    assert "BTC-USDT" in str(caught.value)


@pytest.mark.parametrize(
    ("quantity", "price", "name"), [("0", "1", "quantity"), ("-1", "1", "quantity"), ("1", "-1", "price")]
)
def test_nothing_negative_is_sent(quantity: str, price: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be positive"):
        BTC.check(quantity=Decimal(quantity), price=Decimal(price))


def test_a_venue_without_rules_accepts_anything_positive() -> None:
    NO_RULES.check(quantity=Decimal("1E-30"), price=Decimal("1E+60"))
    assert NO_RULES.round_price("1.23456") == Decimal("1.23456")


@pytest.mark.parametrize(("direction", "expected"), [("nearest", "50000.02"), ("down", "50000.01"), ("up", "50000.02")])
def test_prices_round_to_the_tick(direction: str, expected: str) -> None:
    assert BTC.round_price("50000.018", direction) == Decimal(expected)
    assert BTC.round_price(50000.018, direction) == Decimal(expected)  # a float counts as its shortest text
    assert BTC.round_price(Decimal("50000.018"), direction) == Decimal(expected)


def test_ties_round_to_even_and_quantities_round_down() -> None:
    assert BTC.round_price("0.005") == Decimal("0.00")
    assert BTC.round_price("0.015") == Decimal("0.02")
    assert BTC.round_quantity(0.1 + 0.2) == Decimal("0.30000")
    assert BTC.round_quantity("0.000019") == Decimal("0.00001")


@given(
    st.decimals(Decimal("1E-12"), Decimal("1E+12"), allow_nan=False, places=18),
    st.sampled_from(["1E-18", "0.00001", "0.01", "0.5", "2.5", "5", "1000"]).map(Decimal),
)
def test_rounding_is_exact_whatever_the_grid(value: Decimal, step: Decimal) -> None:
    grid = msgspec.structs.replace(BTC, tick_size=step)
    down, nearest, up = (grid.round_price(value, direction) for direction in ("down", "nearest", "up"))
    fine = 10**18
    units = int(value.scaleb(18))
    size = int(step * fine)
    assert int(down.scaleb(18)) == units // size * size
    assert int(up.scaleb(18)) == -(-units // size) * size
    assert nearest in (down, up)


@pytest.mark.parametrize("value", ["abc", "", "nan", "inf", float("nan"), None, True, [1]])
def test_rounding_refuses_what_is_no_number(value: object) -> None:
    with pytest.raises(ConfigError):
        BTC.round_price(value)  # type: ignore[arg-type]


def test_rounding_refuses_an_unknown_direction() -> None:
    with pytest.raises(ConfigError, match="'nearest', 'down' or 'up'"):
        BTC.round_price(1, "sideways")


@pytest.mark.parametrize("name", models.__all__)
def test_models_are_documented_and_frozen(name: str) -> None:
    cls = getattr(models, name)
    assert cls.__doc__
    if issubclass(cls, msgspec.Struct):
        assert cls.__struct_config__.frozen


def test_models_compare_by_value_and_survive_json() -> None:
    assert msgspec.structs.replace(BTC) == BTC
    assert msgspec.json.decode(msgspec.json.encode(BTC), type=Instrument) == BTC
    with pytest.raises(AttributeError):
        BTC.native = "X"  # type: ignore[misc]


def test_final_states() -> None:
    final = {status for status in OrderStatus if status.is_final}
    assert final == {"filled", "canceled", "expired", "rejected"}


def test_what_remains_of_an_order() -> None:
    order = Order(venue="okx", symbol=Symbol("BTC", "USDT"), order_id="1", status=OrderStatus.PARTIAL, side=Side.BUY)
    assert order.remaining is None
    order = msgspec.structs.replace(order, quantity=Decimal("1.5"), filled=Decimal("0.25"))
    assert order.remaining == Decimal("1.25")


def test_utc_times_are_aware() -> None:
    assert models.utc(1_769_860_800_000_000_999) == dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
