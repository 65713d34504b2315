"""What is traded on the Chinese futures exchanges: products with their multipliers and ticks, by date.

The table is a fall-back with effective dates and grades of certainty. The truth of the day is what the exchange says
through CTP (``ReqQryInstrument``): hand that to ``check_product`` to learn of contradictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from math import gcd
from typing import Literal, cast

import msgspec

from ..errors import ConfigError

__all__ = ["Exchange", "Grade", "Product", "check_product", "price_step", "product", "products", "rows"]

Exchange = Literal["SHFE", "INE", "DCE", "CZCE", "CFFEX", "GFEX"]
EXCHANGES: tuple[Exchange, ...] = ("SHFE", "INE", "DCE", "CZCE", "CFFEX", "GFEX")

Grade = Literal["V", "D", "U"]
"""How sure a fact is: ``V`` official or from two independent sources, ``D`` derived from data, ``U`` unverified."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product's terms during one stretch of time.

    ``multiplier`` is the number of units in a lot, ``tick`` the smallest price step per unit as quoted. The terms hold
    from ``valid_from`` (``None``: since before 2010, or not known) to ``valid_to``, both included. ``grade`` says how
    sure multiplier and tick are.
    """

    code: str
    exchange: Exchange
    name: str
    name_zh: str
    multiplier: int
    tick: Decimal
    valid_from: date | None
    valid_to: date | None
    grade: Grade
    remark: str = ""

    def holds_on(self, day: date) -> bool:
        """True when these terms stood on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def products(*, on: date | None = None) -> list[Product]:
    """List the products that are traded on a day (by default: those of today's table), by exchange and code."""
    found = [each[-1] if on is None else _terms_on(each, on) for each in _histories().values()]
    listed = [each for each in found if each is not None and (on is not None or each.valid_to is None)]
    return sorted(listed, key=lambda each: (EXCHANGES.index(each.exchange), each.code.lower()))


def product(code: str, *, on: date | None = None) -> Product:
    """Return a product's terms on a day, or its newest; letters' case does not matter.

    Raises ``ConfigError`` for a code that is not in the table, and for a day on which it was not traded.
    """
    history = _histories().get(code.lower())
    if history is None:
        raise ConfigError(f"there is no futures product {code!r}; tidewire.futures.products() lists them")
    if on is None:
        return history[-1]
    found = _terms_on(history, on)
    if found is None:
        spans = ", ".join(f"{each.valid_from or 'the beginning'} to {each.valid_to or 'now'}" for each in history)
        raise ConfigError(f"{history[-1].code} was not traded on {on}: the table has it from {spans}")
    return found


def price_step(code: str) -> Decimal:
    """Return the largest step that every price of a product lies on, whatever tick of the table stood at its time."""
    ticks = [terms.tick for terms in _histories()[product(code).code.lower()]]
    scale = min(Decimal(1).scaleb(cast("int", tick.as_tuple().exponent)) for tick in ticks)
    return gcd(*(int(tick / scale) for tick in ticks)) * scale


def check_product(code: str, *, multiplier: int, tick: Decimal, on: date) -> list[str]:
    """Compare the table with what the exchange's own query says; return the contradictions in words, none if it agrees.

    The exchange is right: use its figures, and report what this finds.
    """
    known = product(code, on=on)
    found = []
    if known.multiplier != multiplier:
        found.append(f"{known.code}: the exchange says {multiplier} units a lot, the table {known.multiplier}")
    if known.tick != tick:
        found.append(f"{known.code}: the exchange says a tick of {tick}, the table {known.tick}")
    return found


def rows(name: str) -> Iterator[list[str]]:
    """Yield the fields of a table that is shipped with the package, without its comments."""
    text = files("tidewire.futures").joinpath("data", name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield [field.strip() for field in line.split("|")]


def listing_day(code: str) -> date | None:
    """Return the day a product was listed; ``None`` where that is before 2010, or not known."""
    return _histories()[code.lower()][0].valid_from


def _terms_on(history: tuple[Product, ...], day: date) -> Product | None:
    return next((each for each in history if each.holds_on(day)), None)


@cache
def _histories() -> Mapping[str, tuple[Product, ...]]:
    found: dict[str, tuple[Product, ...]] = {}
    for code, exchange, multiplier, tick, first, last, grade, name_zh, name, remark in rows("products.txt"):
        terms = msgspec.convert(
            {
                "code": code,
                "exchange": exchange,
                "name": name,
                "name_zh": name_zh,
                "multiplier": int(multiplier),
                "tick": tick,
                "valid_from": None if first == "-" else first,
                "valid_to": None if last == "-" else last,
                "grade": grade,
                "remark": remark,
            },
            Product,
        )
        found[code.lower()] = (*found.get(code.lower(), ()), terms)
    return found
