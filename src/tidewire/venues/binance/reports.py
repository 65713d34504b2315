"""Binance's private answers: balances, positions, orders and fills, and how each becomes one of our models."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ...errors import DecodeError
from ...models import Balance, Fill, Order, OrderStatus, Position, Side, TradingFee
from ...symbols import Symbol
from .wire import VENUE, nanoseconds, positive


class Commission(msgspec.Struct):
    maker: Decimal
    taker: Decimal
    buyer: Decimal = Decimal(0)
    seller: Decimal = Decimal(0)


class SpotCommission(msgspec.Struct):
    standardCommission: Commission
    specialCommission: Commission | None = None
    taxCommission: Commission | None = None

    def trading_fee(self, symbol: Symbol) -> TradingFee:
        """Each part is charged on top of the others, and each by role and by side."""
        parts = [each for each in (self.standardCommission, self.specialCommission, self.taxCommission) if each]
        nothing = Decimal(0)
        side = max(sum((each.buyer for each in parts), nothing), sum((each.seller for each in parts), nothing))
        maker = sum((each.maker for each in parts), side)
        taker = sum((each.taker for each in parts), side)
        return TradingFee(venue=VENUE, symbol=symbol, maker=maker, taker=taker)


class FuturesCommission(msgspec.Struct):
    makerCommissionRate: Decimal
    takerCommissionRate: Decimal

    def trading_fee(self, symbol: Symbol) -> TradingFee:
        return TradingFee(venue=VENUE, symbol=symbol, maker=self.makerCommissionRate, taker=self.takerCommissionRate)


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
            entry_price=positive(self.entryPrice),
            mark_price=positive(self.markPrice),
            liquidation_price=positive(self.liquidationPrice),
            unrealized_pnl=self.unRealizedProfit,
            notional=self.notional,
            leverage=self.leverage,
            margin_mode=self.marginType.lower() if self.marginType else None,
            position_side=self.positionSide.lower() if self.positionSide else None,
            time_ns=nanoseconds(self.updateTime),
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
            price=positive(self.price),
            average_price=self._average_price(),
            quote_filled=self._quote_filled(),
            stop_price=positive(self.stopPrice),
            time_in_force="gtc"
            if self.timeInForce == "GTX"
            else self.timeInForce.lower()
            if self.timeInForce
            else None,
            post_only=post_only,
            reduce_only=self.reduceOnly,
            fills=tuple(self._fill(fill, symbol) for fill in self.fills),
            created_ns=nanoseconds(created),
            updated_ns=nanoseconds(self.updateTime or self.transactTime or self.time),
        )

    def _quote_filled(self) -> Decimal | None:
        quote = self.cummulativeQuoteQty if self.cummulativeQuoteQty is not None else self.cumQuote
        if quote is not None:
            return quote if quote >= 0 else None  # negative means "not known" on very old orders
        average = positive(self.avgPrice)
        return average * self.executedQty if average is not None and self.executedQty is not None else None

    def _average_price(self) -> Decimal | None:
        if (average := positive(self.avgPrice)) is not None:
            return average
        quote, filled = self._quote_filled(), positive(self.executedQty)
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
            time_ns=nanoseconds(self.transactTime),
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
            time_ns=nanoseconds(self.time),
        )
