"""Binance's answers: their shapes on the wire, and how each becomes one of our models.

Integers may arrive as text, so decoding is lax about that; decimals are built from the venue's own digits.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import msgspec

from ... import _call
from ...errors import DecodeError
from ...models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Instrument,
    Level,
    OpenInterest,
    Order,
    OrderStatus,
    Position,
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


def _positive(value: Decimal | None) -> Decimal | None:
    """The venue writes 0 where it means none."""
    return value if value is not None and value > 0 else None


def _step(value: Decimal | None) -> Decimal | None:
    """A step without the zeros that the venue pads it with: what is rounded to it prints well."""
    return None if value is None or value <= 0 else Decimal(f"{value.normalize():f}")


def _ns(milliseconds: int | None) -> int | None:
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
            min_quantity=_positive(lot.minQty),
            max_quantity=_positive(lot.maxQty),
            min_price=_positive(price.minPrice),
            max_price=_positive(price.maxPrice),
            min_notional=_positive(notional.minNotional) or _positive(notional.notional),
            max_notional=_positive(notional.maxNotional),
            market_lot_size=_step(market.stepSize),
            market_min_quantity=_positive(market.minQty),
            market_max_quantity=_positive(market.maxQty),
            active=self.status == "TRADING",
            status=self.status,
            expiry_ns=_ns(self.deliveryDate) if "_" in self.symbol else None,
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
            bid=_positive(self.bidPrice),
            bid_quantity=_positive(self.bidQty),
            ask=_positive(self.askPrice),
            ask_quantity=_positive(self.askQty),
            open=self.openPrice,
            high=self.highPrice,
            low=self.lowPrice,
            volume=self.volume,
            quote_volume=self.quoteVolume,
            trades=self.count,
            time_ns=_ns(self.closeTime),
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
            bid=_positive(self.bidPrice),
            bid_quantity=_positive(self.bidQty),
            ask=_positive(self.askPrice),
            ask_quantity=_positive(self.askQty),
            time_ns=_ns(self.time),
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
            time_ns=_ns(self.T),
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
            mark_price=_positive(self.markPrice),
            index_price=_positive(self.indexPrice),
            time_ns=_ns(self.time),
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
            mark_price=_positive(Decimal(self.markPrice)) if self.markPrice else None,
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
            time_ns=_ns(self.time),
        )


class SpotBalance(msgspec.Struct):
    asset: str
    free: Decimal
    locked: Decimal

    def balance(self) -> Balance:
        return Balance(venue=VENUE, asset=self.asset, free=self.free, locked=self.locked, total=self.free + self.locked)


class SpotAccount(msgspec.Struct):
    balances: list[SpotBalance]

    def nonzero(self) -> list[Balance]:
        return [row.balance() for row in self.balances if row.free or row.locked]


class FuturesBalance(msgspec.Struct):
    asset: str
    balance: Decimal
    availableBalance: Decimal

    def model(self) -> Balance:
        return Balance(
            venue=VENUE,
            asset=self.asset,
            free=self.availableBalance,
            locked=max(self.balance - self.availableBalance, Decimal(0)),
            total=self.balance,
        )


class PositionRisk(msgspec.Struct):
    symbol: str
    positionAmt: Decimal
    entryPrice: Decimal | None = None
    markPrice: Decimal | None = None
    unRealizedProfit: Decimal | None = None
    liquidationPrice: Decimal | None = None
    notional: Decimal | None = None
    leverage: Decimal | None = None
    marginType: str | None = None
    positionSide: str | None = None
    updateTime: int | None = None

    def position(self, symbol: Symbol) -> Position:
        return Position(
            venue=VENUE,
            symbol=symbol,
            quantity=self.positionAmt,
            entry_price=_positive(self.entryPrice),
            mark_price=_positive(self.markPrice),
            liquidation_price=_positive(self.liquidationPrice),
            unrealized_pnl=self.unRealizedProfit,
            notional=self.notional,
            leverage=self.leverage,
            margin_mode=self.marginType.lower() if self.marginType else None,
            position_side=self.positionSide.lower() if self.positionSide else None,
            time_ns=_ns(self.updateTime),
        )


_STATUS = {
    "PENDING_NEW": OrderStatus.PENDING,
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIAL,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "PENDING_CANCEL": OrderStatus.CANCELING,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}


class OrderFill(msgspec.Struct):
    price: Decimal
    qty: Decimal
    commission: Decimal | None = None
    commissionAsset: str | None = None
    tradeId: int | None = None


class OrderReport(msgspec.Struct):
    symbol: str
    orderId: int
    status: str
    clientOrderId: str | None = None
    origClientOrderId: str | None = None
    side: str | None = None
    type: str | None = None
    price: Decimal | None = None
    origQty: Decimal | None = None
    executedQty: Decimal | None = None
    cummulativeQuoteQty: Decimal | None = None
    cumQuote: Decimal | None = None
    avgPrice: Decimal | None = None
    stopPrice: Decimal | None = None
    timeInForce: str | None = None
    reduceOnly: bool | None = None
    time: int | None = None
    updateTime: int | None = None
    transactTime: int | None = None
    fills: list[OrderFill] = []

    def order(self, symbol: Symbol) -> Order:
        try:
            status = _STATUS[self.status]
        except KeyError:
            raise DecodeError(f"order {self.orderId} has the unknown status {self.status!r}", venue=VENUE) from None
        post_only = self.type == "LIMIT_MAKER" or self.timeInForce == "GTX"
        created = self.time if self.time is not None else self.transactTime
        return Order(
            venue=VENUE,
            symbol=symbol,
            order_id=str(self.orderId),
            # A cancel's answer carries the cancel's own id in clientOrderId and the order's in origClientOrderId.
            client_order_id=self.origClientOrderId or self.clientOrderId,
            status=status,
            side=Side(self.side.lower()) if self.side else None,
            type="limit" if self.type == "LIMIT_MAKER" else self.type.lower() if self.type else None,
            quantity=self.origQty,
            filled=self.executedQty,
            price=_positive(self.price),
            average_price=self._average_price(),
            quote_filled=self._quote_filled(),
            stop_price=_positive(self.stopPrice),
            time_in_force="gtc"
            if self.timeInForce == "GTX"
            else self.timeInForce.lower()
            if self.timeInForce
            else None,
            post_only=post_only,
            reduce_only=self.reduceOnly,
            fills=tuple(self._fill(fill, symbol) for fill in self.fills),
            created_ns=_ns(created),
            updated_ns=_ns(self.updateTime or self.transactTime or self.time),
        )

    def _quote_filled(self) -> Decimal | None:
        quote = self.cummulativeQuoteQty if self.cummulativeQuoteQty is not None else self.cumQuote
        if quote is not None:
            return quote if quote >= 0 else None  # negative means "not known" on very old orders
        average = _positive(self.avgPrice)
        return average * self.executedQty if average is not None and self.executedQty is not None else None

    def _average_price(self) -> Decimal | None:
        if (average := _positive(self.avgPrice)) is not None:
            return average
        quote, filled = self._quote_filled(), _positive(self.executedQty)
        return quote / filled if quote is not None and filled is not None else None

    def _fill(self, fill: OrderFill, symbol: Symbol) -> Fill:
        return Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=str(fill.tradeId) if fill.tradeId is not None else "",
            order_id=str(self.orderId),
            client_order_id=self.clientOrderId,
            side=Side(self.side.lower()) if self.side else None,
            price=fill.price,
            quantity=fill.qty,
            fee=fill.commission,
            fee_asset=fill.commissionAsset,
            time_ns=_ns(self.transactTime),
        )


class OrderList(msgspec.Struct):
    """What cancelling everything returns for a one-cancels-other pair: its orders' reports."""

    orderReports: list[OrderReport]


class OwnTrade(msgspec.Struct):
    id: int
    orderId: int
    price: Decimal
    qty: Decimal
    time: int
    commission: Decimal | None = None
    commissionAsset: str | None = None
    isBuyer: bool | None = None
    buyer: bool | None = None
    isMaker: bool | None = None
    maker: bool | None = None
    realizedPnl: Decimal | None = None

    def fill(self, symbol: Symbol) -> Fill:
        bought = self.isBuyer if self.isBuyer is not None else self.buyer
        return Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=str(self.id),
            order_id=str(self.orderId),
            side=None if bought is None else Side.BUY if bought else Side.SELL,
            price=self.price,
            quantity=self.qty,
            fee=self.commission,
            fee_asset=self.commissionAsset,
            maker=self.isMaker if self.isMaker is not None else self.maker,
            realized_pnl=self.realizedPnl,
            time_ns=_ns(self.time),
        )
