"""OKX's envelope and public answers: their shapes on the wire, and how each becomes one of our models.

Everything is text, and empty text means none. Contracts become base units by ``size``, base units per contract; on spot
it is 1. Decimals are built from the venue's own digits.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Generic, TypeVar

import msgspec

from ... import _call
from ..._feed import Buffer
from ...errors import DecodeError
from ...models import BookSnapshot, FundingRate, Instrument, Level, OpenInterest, Side, Ticker, Trade
from ...symbols import Symbol
from .errors import VENUE

T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T]):
    """The envelope, once its code has been judged."""

    data: list[T]


def rows(shape: type[T]) -> Callable[[Buffer], list[T]]:
    """A decoder of the rows of an answer's envelope, or of a stream's message."""
    decode = _call.decoder(Answer[shape], VENUE)  # type: ignore[valid-type]
    return lambda body: decode(body).data  # type: ignore[arg-type]


def row(shape: type[T]) -> Callable[[Buffer], T]:
    """A decoder of the only row."""
    decode = rows(shape)

    def read(body: Buffer) -> T:
        found = decode(body)
        if not found:
            raise DecodeError("the answer holds no row", venue=VENUE, excerpt=bytes(body))
        return found[0]

    return read


def number(text: str) -> Decimal | None:
    """The venue writes empty text where it means none."""
    if not text:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise DecodeError(f"{text!r} is not a number", venue=VENUE) from None


def positive(text: str) -> Decimal | None:
    value = number(text)
    return value if value is not None and value > 0 else None


def scaled(text: str, size: Decimal) -> Decimal | None:
    """Contracts as base units."""
    value = number(text)
    return None if value is None else value * size


def _step(size: Decimal) -> Decimal:
    """A step without trailing zeros: what is rounded to it prints well."""
    return Decimal(f"{size.normalize():f}")


def nanoseconds(milliseconds: str) -> int | None:
    value = number(milliseconds)
    return None if value is None else int(value) * 1_000_000


class Time(msgspec.Struct):
    ts: int


class InstrumentRow(msgspec.Struct):
    instId: str
    instType: str
    baseCcy: str = ""
    quoteCcy: str = ""
    settleCcy: str = ""
    instFamily: str = ""
    uly: str = ""
    ctType: str = ""
    ctVal: str = ""
    ctMult: str = ""
    tickSz: str = ""
    lotSz: str = ""
    minSz: str = ""
    maxLmtSz: str = ""
    maxMktSz: str = ""
    state: str = ""
    expTime: str = ""
    instIdCode: int | None = None

    def instrument(self) -> Instrument | None:
        """``None`` for what is not offered here (inverse contracts), or has no rules yet (some before they open)."""
        symbol, size = self._symbol(), self._contract_size()
        tick, lot = positive(self.tickSz), positive(self.lotSz)
        if symbol is None or size is None or tick is None or lot is None:
            return None
        spot = symbol.kind == "spot"
        return Instrument(
            venue=VENUE,
            symbol=symbol,
            native=self.instId,
            kind=symbol.kind,
            tick_size=_step(tick),
            lot_size=_step(lot * size),
            min_quantity=scaled(self.minSz, size),
            max_quantity=scaled(self.maxLmtSz, size),
            # On spot the venue states it in USDT.
            market_max_quantity=None if spot else scaled(self.maxMktSz, size),
            contract_size=size,
            active=self.state == "live",
            status=self.state,
            expiry_ns=nanoseconds(self.expTime) if symbol.expiry else None,
            native_code=self.instIdCode,
        )

    def _symbol(self) -> Symbol | None:
        if self.instType == "SPOT":
            return Symbol(self.baseCcy, self.quoteCcy)
        base, _, quote = (self.instFamily or self.uly).partition("-")
        if self.ctType != "linear" or not quote or quote != self.settleCcy:
            return None
        return Symbol(base, quote, quote, self.instId.rpartition("-")[2] if self.instType == "FUTURES" else None)

    def _contract_size(self) -> Decimal | None:
        if self.instType == "SPOT":
            return Decimal(1)
        value = positive(self.ctVal)
        return None if value is None else _step(value * (positive(self.ctMult) or Decimal(1)))


class TickerRow(msgspec.Struct):
    instId: str
    last: str = ""
    bidPx: str = ""
    bidSz: str = ""
    askPx: str = ""
    askSz: str = ""
    open24h: str = ""
    high24h: str = ""
    low24h: str = ""
    vol24h: str = ""
    volCcy24h: str = ""
    ts: str = ""

    def ticker(self, symbol: Symbol, size: Decimal) -> Ticker:
        """``volCcy24h`` is quote volume on spot and base volume on contracts, which have no quote volume."""
        spot = symbol.kind == "spot"
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            last=number(self.last),
            bid=positive(self.bidPx),
            bid_quantity=scaled(self.bidSz, size),
            ask=positive(self.askPx),
            ask_quantity=scaled(self.askSz, size),
            open=number(self.open24h),
            high=number(self.high24h),
            low=number(self.low24h),
            volume=number(self.vol24h if spot else self.volCcy24h),
            quote_volume=number(self.volCcy24h) if spot else None,
            time_ns=nanoseconds(self.ts),
        )

    def price(self) -> Decimal:
        last = number(self.last)
        if last is None:
            raise DecodeError(f"{self.instId} has not traded: no last price", venue=VENUE)
        return last


class Book(msgspec.Struct):
    bids: list[list[Decimal]]
    asks: list[list[Decimal]]
    ts: str = ""
    seqId: int | None = None

    def snapshot(self, symbol: Symbol, size: Decimal, depth: int) -> BookSnapshot:
        return BookSnapshot(
            venue=VENUE,
            symbol=symbol,
            bids=tuple(_level(parts, size) for parts in self.bids[:depth]),
            asks=tuple(_level(parts, size) for parts in self.asks[:depth]),
            sequence=self.seqId,
            time_ns=nanoseconds(self.ts),
        )


def _level(parts: list[Decimal], size: Decimal) -> Level:
    if len(parts) < 2:
        raise DecodeError(f"a level of {len(parts)} parts", venue=VENUE)
    return Level(parts[0], parts[1] * size)


class TradeRow(msgspec.Struct):
    tradeId: str
    px: Decimal
    sz: Decimal
    side: str
    ts: int

    def trade(self, symbol: Symbol, size: Decimal) -> Trade:
        return Trade(
            venue=VENUE,
            symbol=symbol,
            trade_id=self.tradeId,
            price=self.px,
            quantity=self.sz * size,
            side=side_of(self.side),
            time_ns=self.ts * 1_000_000,
        )


def side_of(text: str) -> Side:
    try:
        return Side(text)
    except ValueError:
        raise DecodeError(f"{text!r} is no side", venue=VENUE) from None


class Funding(msgspec.Struct):
    fundingRate: Decimal
    fundingTime: int
    realizedRate: str = ""
    ts: str = ""

    def funding_rate(self, symbol: Symbol) -> FundingRate:
        """The rate paid where it is known, else the one now forming."""
        paid = number(self.realizedRate)
        return FundingRate(
            venue=VENUE,
            symbol=symbol,
            rate=self.fundingRate if paid is None else paid,
            funding_time_ns=self.fundingTime * 1_000_000,
            time_ns=nanoseconds(self.ts),
        )


class Interest(msgspec.Struct):
    oi: Decimal
    oiCcy: Decimal
    ts: str = ""

    def open_interest(self, symbol: Symbol) -> OpenInterest:
        """The venue's value in dollars, ``oiUsd``, is not in quote currency and left out."""
        return OpenInterest(
            venue=VENUE, symbol=symbol, quantity=self.oiCcy, contracts=self.oi, time_ns=nanoseconds(self.ts)
        )
