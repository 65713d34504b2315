"""Prices and quantities as exact ticks and lots, against Decimal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.book import OrderBook
from tidewire.errors import ConfigError, DecodeError

from ..book_layouts import BINANCE_SPOT

STEPS = ["0.01", "0.05", "5", "1e-8", "0.25", "3e-7", "1000", "0.00001000", "1E-10", "7e-2"]
LIMIT = 2**62 - 1  # in units of the step's last decimal


def read(tick_size: str, lot_size: str, price: str, quantity: str) -> OrderBook:
    """A book of one bid."""
    book = OrderBook(tick_size=tick_size, lot_size=lot_size)
    book.apply_snapshot(f'{{"lastUpdateId":1,"bids":[[{price},{quantity}]],"asks":[]}}'.encode(), BINANCE_SPOT)
    return book


@st.composite
def spelled(draw: st.DrawFn, steps: int, step: Decimal) -> str:
    """One of the many ways to write ``steps × step``: zeros, exponents, quotes."""
    value = steps * step
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = f"{value:f}"
    form = draw(st.sampled_from(["plain", "zeros", "exponent", "shifted"]))
    if form == "zeros":
        text += ("" if "." in text else ".") + "0" * draw(st.integers(1, 12))
    elif form == "exponent":
        text = f"{'-' * sign}{int(''.join(map(str, digits)))}{draw(st.sampled_from('eE'))}{exponent}"
    elif form == "shifted":
        shift = draw(st.integers(-6, 6))
        text = f"{value.scaleb(shift):f}{draw(st.sampled_from('eE'))}{-shift:+d}"
    return f'"{text}"' if draw(st.booleans()) else text


@given(st.sampled_from(STEPS), st.sampled_from(STEPS), st.integers(0, 10**15), st.integers(1, 10**15), st.data())
def test_every_spelling_is_read_exactly(tick: str, lot: str, ticks: int, lots: int, data: st.DataObject) -> None:
    step, lot_step = Decimal(tick), Decimal(lot)
    book = read(tick, lot, data.draw(spelled(ticks, step)), data.draw(spelled(lots, lot_step)))
    assert book.best_bid is not None
    assert (book.best_bid.price, book.best_bid.quantity) == (ticks * step, lots * lot_step)
    assert book.ticks(1)[0, 0].tolist() == [ticks, lots]
    assert book.arrays(1)[0, 0].tolist() == [float(ticks * step), float(lots * lot_step)]
    assert (book.tick_size, book.lot_size) == (step, lot_step)


@given(
    st.sampled_from(STEPS), st.decimals(0, 10**9, allow_nan=False, places=12), st.decimals("1e-12", 10**9, places=12)
)
def test_numbers_between_the_steps_are_kept_exactly(step: str, price: Decimal, quantity: Decimal) -> None:
    if abs(price) > LIMIT * Decimal("1e-12"):
        return
    book = read(step, step, f'"{price:f}"', f'"{quantity:f}"')
    assert book.best_bid is not None
    assert (book.best_bid.price, book.best_bid.quantity) == (price, quantity)
    assert book.arrays(1)[0, 0].tolist() == [float(price), float(quantity)]


@pytest.mark.parametrize(
    "text", ["", "x", "1.", ".5", "+1", "01", "1e", "0x10", "1 ", " 1", "NaN", "Infinity", "1_000", "-", "١"]
)
@pytest.mark.parametrize("which", ["price", "quantity"])
def test_texts_that_are_no_numbers(text: str, which: str) -> None:
    with pytest.raises(DecodeError) as error:
        read("0.01", "1", *((f'"{text}"', '"1"') if which == "price" else ('"1"', f'"{text}"')))
    assert error.value.offset is not None
    assert len(error.value.excerpt) <= 80


@pytest.mark.parametrize("text", ["1e19", "4611686018427387904", "1e400", "9" * 40])
@pytest.mark.parametrize("which", ["price", "quantity"])
def test_numbers_beyond_the_range(text: str, which: str) -> None:
    with pytest.raises(DecodeError, match="does not fit"):
        read("1", "1", *((text, "1") if which == "price" else ("1", text)))


def test_a_negative_quantity_is_refused_and_a_negative_price_is_not() -> None:
    book = read("0.01", "1", '"-37.63"', '"2"')
    assert book.best_bid is not None
    assert book.best_bid.price == Decimal("-37.63")
    for quantity in ("-1", "-0.5", "-1e-9"):
        with pytest.raises(DecodeError, match="does not fit"):
            read("0.01", "1", '"1"', quantity)


@pytest.mark.parametrize("size", ["", "0", "-0.01", "x", "1e-19", "1e19", "nan", "0.1.1", " 1"])
def test_sizes_that_are_no_steps(size: str) -> None:
    with pytest.raises(ConfigError, match="step"):
        OrderBook(tick_size=size, lot_size="1")
    with pytest.raises(ConfigError, match="step"):
        OrderBook(tick_size="1", lot_size=size)


def test_a_size_is_text_or_decimal_never_a_float() -> None:
    assert OrderBook(Decimal("0.010"), 5).tick_size == Decimal("0.01")
    with pytest.raises(ConfigError, match="float"):
        OrderBook(0.01, "1")  # type: ignore[arg-type]


@given(
    st.sampled_from(["0.01", "1", "10", "0.0001", "0.5"]),
    st.sampled_from(["0.1", "1", "0.01"]),
    st.lists(st.decimals(min_value=0, max_value=10**6, places=3), min_size=1, max_size=8),
)
def test_contracts_are_shown_in_base_units(contract: str, counted: str, quantities: list[Decimal]) -> None:
    """Messages count contracts; levels, lot size and arrays are in base units, exactly."""
    size, lot = Decimal(contract), Decimal(contract) * Decimal(counted)
    book = OrderBook("1", lot, contract_size=contract)
    levels = {price: quantity for price, quantity in enumerate(quantities, 1) if quantity}
    rows = ",".join(f'["{price}","{quantity}"]' for price, quantity in levels.items())
    book.apply_snapshot(f'{{"lastUpdateId":1,"bids":[{rows}],"asks":[]}}'.encode(), BINANCE_SPOT)
    assert book.lot_size == lot
    assert {level.price: level.quantity for level in book.bids()} == {p: q * size for p, q in levels.items()}
    values = book.arrays()[0, :, 1][: len(levels)]
    whole = [quantity % Decimal(counted) == 0 for quantity in reversed(levels.values())]
    exact = [float(quantity * size) for quantity in reversed(levels.values())]
    for value, nearest, is_whole in zip(values, exact, whole, strict=True):
        assert value == (nearest if is_whole else pytest.approx(nearest, rel=1e-15))


def test_a_lot_that_is_no_number_of_contracts_is_refused() -> None:
    with pytest.raises(ConfigError, match="no exact number of contracts"):
        OrderBook("1", "1", contract_size="0.3")
    with pytest.raises(ConfigError, match="no exact number of contracts"):
        OrderBook("1", "1", contract_size="many")
