"""Quote families: the same asset priced in several currencies, joined only when asked, by a live conversion price."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

import msgspec

from ..errors import ConfigError
from ..models import Ticker
from ..symbols import Symbol
from .provenance import Conversion

__all__ = ["alternatives", "conversion", "conversion_pairs", "convert", "family", "is_price_of_now"]


def family(quotes: Collection[str] | None) -> frozenset[str]:
    """Check the quote currencies that may stand for each other."""
    if isinstance(quotes, str):
        raise ConfigError('quotes: give the currencies that stand for each other, such as {"USDT", "USD"}')
    return frozenset(quote.upper() for quote in quotes or ())


def alternatives(symbol: Symbol, quotes: frozenset[str]) -> tuple[Symbol, ...]:
    """The symbol, then the same market in each other currency of its family, in alphabetical order."""
    if symbol.quote not in quotes:
        return (symbol,)
    return (symbol, *(_in(symbol, quote) for quote in sorted(quotes - {symbol.quote})))


def _in(symbol: Symbol, quote: str) -> Symbol:
    settle = quote if symbol.settle == symbol.quote else symbol.settle
    return msgspec.structs.replace(symbol, quote=quote, settle=settle)


def conversion_pairs(listed: Symbol, asked: Symbol) -> tuple[Symbol, Symbol]:
    """Markets that tell what the listed quote currency is worth in the one asked for: directly, or inverted."""
    return Symbol(listed.quote, asked.quote), Symbol(asked.quote, listed.quote)


def conversion(ticker: Ticker, listed: Symbol, received_ns: int) -> Conversion:
    """Make the conversion price of a ticker of one of ``conversion_pairs``: the price at which it traded last."""
    if not ticker.last:
        raise ConfigError(f"{ticker.venue}: {ticker.symbol} has never traded: nothing to convert by")
    inverted = ticker.symbol.base != listed.quote
    price = 1 / ticker.last if inverted else ticker.last
    return Conversion(ticker.symbol, price, inverted, ticker.venue, ticker.time_ns, received_ns)


def is_price_of_now(value: object) -> bool:
    """Whether a live price can convert it. Klines and trades are of other moments, a book is on its market's grid."""
    return isinstance(value, (Decimal, Ticker))


def convert(value: Decimal | Ticker, price: Decimal, asked: Symbol) -> Decimal | Ticker:
    """The value in the quote currency asked for.

    A ticker's 24 h statistics are prices of other moments: they are left out.
    """
    if isinstance(value, Decimal):
        return value * price
    now = {name: None if (old := getattr(value, name)) is None else old * price for name in ("last", "bid", "ask")}
    past = dict.fromkeys(("open", "high", "low", "quote_volume"))
    return msgspec.structs.replace(value, symbol=asked, **now, **past)
