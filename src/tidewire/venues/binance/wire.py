"""Binance's public answers: their shapes on the wire, and how each becomes one of our models.

Integers may arrive as text, so decoding is lax about that; decimals are built from the venue's own digits.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import msgspec

from ... import _call
from ...models import (
    BookSnapshot,
    FundingRate,
    Instrument,
    Level,
    OpenInterest,
    Side,
    Ticker,
    Trade,
)
from ...symbols import Kind, Symbol

T = TypeVar("T")
VENUE = "binance"


def decoder(shape: type[T]) -> Callable[[bytes], T]:
    """A decoder of one shape."""
    return _call.decoder(shape, VENUE)


def positive(value: Decimal | None) -> Decimal | None:
    """The venue writes 0 where it means none."""
    return value if value is not None and value > 0 else None


def _step(value: Decimal | None) -> Decimal | None:
    """A step without the zeros that the venue pads it with: what is rounded to it prints well."""
    return None if value is None or value <= 0 else Decimal(f"{value.normalize():f}")


def nanoseconds(milliseconds: int | None) -> int | None:
    return milliseconds * 1_000_000 if milliseconds is not None and milliseconds > 0 else None


class ServerTime(msgspec.Struct):
    serverTime: int


class Filter(msgspec.Struct):
    filterType: str
    minPrice: Decimal | None = None
    maxPrice: Decimal | None = None
    tickSize: Decimal | None = None
    minQty: Decimal | None = None
    maxQty: Decimal | None = None
    stepSize: Decimal | None = None
    minNotional: Decimal | None = None
    maxNotional: Decimal | None = None
    notional: Decimal | None = None


_NO_FILTER = Filter("")


class SymbolInfo(msgspec.Struct):
    symbol: str
    baseAsset: str
    quoteAsset: str
    status: str = ""
    marginAsset: str | None = None
    deliveryDate: int | None = None
    quotePrecision: int = 8
    filters: list[Filter] = []

    def instrument(self, kind: Kind) -> Instrument:
        rules = {item.filterType: item for item in self.filters}
        price = rules.get("PRICE_FILTER", _NO_FILTER)
        lot = rules.get("LOT_SIZE", _NO_FILTER)
        market = rules.get("MARKET_LOT_SIZE", _NO_FILTER)
        notional = rules.get("NOTIONAL") or rules.get("MIN_NOTIONAL") or _NO_FILTER
        return Instrument(
            venue=VENUE,
            symbol=self._symbol(kind),
            native=self.symbol,
            kind=kind,
            tick_size=_step(price.tickSize) or Decimal(1).scaleb(-self.quotePrecision),
            lot_size=_step(lot.stepSize) or Decimal("1e-8"),
            min_quantity=positive(lot.minQty),
            max_quantity=positive(lot.maxQty),
            min_price=positive(price.minPrice),
            max_price=positive(price.maxPrice),
            min_notional=positive(notional.minNotional) or positive(notional.notional),
            max_notional=positive(notional.maxNotional),
            market_lot_size=_step(market.stepSize),
            market_min_quantity=positive(market.minQty),
            market_max_quantity=positive(market.maxQty),
            active=self.status == "TRADING",
            status=self.status,
            expiry_ns=nanoseconds(self.deliveryDate) if "_" in self.symbol else None,
        )

    def _symbol(self, kind: Kind) -> Symbol:
        if kind == "spot":
            return Symbol(self.baseAsset, self.quoteAsset)
        expiry = self.symbol.partition("_")[2] or None
        return Symbol(self.baseAsset, self.quoteAsset, self.marginAsset or self.quoteAsset, expiry)


class RateLimit(msgspec.Struct):
    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int


class ExchangeInfo(msgspec.Struct):
    symbols: list[SymbolInfo]


class Limits(msgspec.Struct):
    """Of exchangeInfo, only the limits."""

    rateLimits: list[RateLimit] = []


class Price(msgspec.Struct):
    symbol: str
    price: Decimal


class Ticker24h(msgspec.Struct):
    symbol: str
    lastPrice: Decimal
    openPrice: Decimal
    highPrice: Decimal
    lowPrice: Decimal
    volume: Decimal
    quoteVolume: Decimal
    closeTime: int
    count: int | None = None
    bidPrice: Decimal | None = None
    bidQty: Decimal | None = None
    askPrice: Decimal | None = None
    askQty: Decimal | None = None

    def ticker(self, symbol: Symbol) -> Ticker:
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            last=self.lastPrice,
            bid=positive(self.bidPrice),
            bid_quantity=positive(self.bidQty),
            ask=positive(self.askPrice),
            ask_quantity=positive(self.askQty),
            open=self.openPrice,
            high=self.highPrice,
            low=self.lowPrice,
            volume=self.volume,
            quote_volume=self.quoteVolume,
            trades=self.count,
            time_ns=nanoseconds(self.closeTime),
        )


class BestQuotes(msgspec.Struct):
    symbol: str
    bidPrice: Decimal
    bidQty: Decimal
    askPrice: Decimal
    askQty: Decimal
    time: int | None = None

    def ticker(self, symbol: Symbol) -> Ticker:
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            bid=positive(self.bidPrice),
            bid_quantity=positive(self.bidQty),
            ask=positive(self.askPrice),
            ask_quantity=positive(self.askQty),
            time_ns=nanoseconds(self.time),
        )


class Depth(msgspec.Struct):
    lastUpdateId: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]
    T: int | None = None

    def snapshot(self, symbol: Symbol, depth: int) -> BookSnapshot:
        return BookSnapshot(
            venue=VENUE,
            symbol=symbol,
            bids=tuple(Level(price, quantity) for price, quantity in self.bids[:depth]),
            asks=tuple(Level(price, quantity) for price, quantity in self.asks[:depth]),
            sequence=self.lastUpdateId,
            time_ns=nanoseconds(self.T),
        )


class PublicTrade(msgspec.Struct):
    id: int
    price: Decimal
    qty: Decimal
    time: int
    isBuyerMaker: bool

    def trade(self, symbol: Symbol) -> Trade:
        return Trade(
            venue=VENUE,
            symbol=symbol,
            trade_id=str(self.id),
            price=self.price,
            quantity=self.qty,
            side=Side.SELL if self.isBuyerMaker else Side.BUY,
            time_ns=self.time * 1_000_000,
        )


class AggregateTrade(msgspec.Struct):
    """What one taker order filled at one price. Its id is of a series of its own, not that of single trades."""

    a: int
    p: Decimal
    q: Decimal
    T: int
    m: bool

    def trade(self, symbol: Symbol) -> Trade:
        return Trade(
            venue=VENUE,
            symbol=symbol,
            trade_id=str(self.a),
            price=self.p,
            quantity=self.q,
            side=Side.SELL if self.m else Side.BUY,
            time_ns=self.T * 1_000_000,
        )


class PremiumIndex(msgspec.Struct):
    symbol: str
    markPrice: Decimal
    lastFundingRate: Decimal
    nextFundingTime: int
    time: int
    indexPrice: Decimal | None = None

    def funding_rate(self, symbol: Symbol) -> FundingRate:
        return FundingRate(
            venue=VENUE,
            symbol=symbol,
            rate=self.lastFundingRate,
            funding_time_ns=self.nextFundingTime * 1_000_000,
            mark_price=positive(self.markPrice),
            index_price=positive(self.indexPrice),
            time_ns=nanoseconds(self.time),
        )


class PaidFunding(msgspec.Struct):
    symbol: str
    fundingRate: Decimal
    fundingTime: int
    markPrice: str | None = None  # the earliest rows have an empty text

    def funding_rate(self, symbol: Symbol) -> FundingRate:
        return FundingRate(
            venue=VENUE,
            symbol=symbol,
            rate=self.fundingRate,
            funding_time_ns=self.fundingTime * 1_000_000,
            mark_price=positive(Decimal(self.markPrice)) if self.markPrice else None,
        )


class Interest(msgspec.Struct):
    symbol: str
    openInterest: Decimal
    time: int

    def open_interest(self, symbol: Symbol) -> OpenInterest:
        return OpenInterest(
            venue=VENUE,
            symbol=symbol,
            quantity=self.openInterest,
            contracts=self.openInterest,
            time_ns=nanoseconds(self.time),
        )
