"""OKX's private answers: balances, positions, orders, fills and acknowledgements, as they come and as our models.

See: https://www.okx.com/docs-v5/en/#trading-account-rest-api and #order-book-trading-trade
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ...errors import DecodeError
from ...models import Balance, Fill, Order, OrderStatus, Position, TradingFee
from ...symbols import Symbol
from .errors import VENUE, refusal
from .wire import nanoseconds, number, positive, scaled, side_of


class FeeGroup(msgspec.Struct):
    maker: str = ""
    taker: str = ""


class TradeFee(msgspec.Struct):
    """An account's rates: of one group of instruments, or in fields named after what a market is quoted in."""

    maker: str = ""
    taker: str = ""
    makerU: str = ""
    takerU: str = ""
    makerUSDC: str = ""
    takerUSDC: str = ""
    feeGroup: list[FeeGroup] = []

    def trading_fee(self, symbol: Symbol) -> TradingFee:
        maker, taker = (number(text) for text in self._rates(symbol))
        if maker is None or taker is None:
            raise DecodeError(f"the answer holds no fee of {symbol}", venue=VENUE)
        return TradingFee(venue=VENUE, symbol=symbol, maker=-maker, taker=-taker)

    def _rates(self, symbol: Symbol) -> tuple[str, str]:
        if len(self.feeGroup) == 1:  # all that was asked for is one group
            return self.feeGroup[0].maker, self.feeGroup[0].taker
        if symbol.quote == "USDC" and self.takerUSDC:
            return self.makerUSDC, self.takerUSDC
        if symbol.kind == "linear" and self.takerU:
            return self.makerU, self.takerU  # maker and taker are then those of coin-margined contracts
        return self.maker, self.taker


class BalanceRow(msgspec.Struct):
    ccy: str
    cashBal: str = ""
    availBal: str = ""
    availEq: str = ""
    frozenBal: str = ""
    eq: str = ""

    def balance(self, *, margin: bool) -> Balance:
        """One account holds everything: for derivatives, what is free is equity where the venue reports it."""
        nothing = Decimal(0)
        free = number(self.availBal)
        if free is None or (margin and self.availEq):
            free = number(self.availEq) or nothing
        locked = number(self.frozenBal) or nothing
        total = number(self.eq) if self.eq else number(self.cashBal)
        return Balance(
            venue=VENUE, asset=self.ccy, free=free, locked=locked, total=free + locked if total is None else total
        )


class Account(msgspec.Struct):
    details: list[BalanceRow] = []


class PositionRow(msgspec.Struct):
    instId: str
    instType: str
    pos: str = ""
    posSide: str = "net"
    ccy: str = ""
    avgPx: str = ""
    markPx: str = ""
    liqPx: str = ""
    upl: str = ""
    lever: str = ""
    mgnMode: str = ""
    uTime: str = ""

    @property
    def is_open_and_linear(self) -> bool:
        """Inverse contracts, which we do not offer, are margined in their base currency."""
        return self.instType in ("SWAP", "FUTURES") and self.ccy != self.instId.partition("-")[0] and bool(self._pos)

    @property
    def _pos(self) -> Decimal:
        return number(self.pos) or Decimal(0)

    def position(self, symbol: Symbol, size: Decimal) -> Position:
        """In long/short mode the side is beside the quantity, in net mode the sign tells."""
        quantity = (-abs(self._pos) if self.posSide == "short" else self._pos) * size
        mark = positive(self.markPx)
        return Position(
            venue=VENUE,
            symbol=symbol,
            quantity=quantity,
            entry_price=positive(self.avgPx),
            mark_price=mark,
            liquidation_price=positive(self.liqPx),
            unrealized_pnl=number(self.upl),
            notional=None if mark is None else quantity * mark,
            leverage=number(self.lever),
            margin_mode=self.mgnMode or None,
            position_side=self.posSide,
            time_ns=nanoseconds(self.uTime),
        )


_STATUS = {
    "live": OrderStatus.OPEN,
    "partially_filled": OrderStatus.PARTIAL,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "mmp_canceled": OrderStatus.CANCELED,
}
_LIMITS = {"limit": "gtc", "post_only": "gtc", "ioc": "ioc", "fok": "fok"}


class OrderRow(msgspec.Struct):
    instId: str
    ordId: str
    state: str
    clOrdId: str = ""
    side: str = ""
    ordType: str = ""
    px: str = ""
    sz: str = ""
    accFillSz: str = ""
    avgPx: str = ""
    tgtCcy: str = ""
    reduceOnly: str = ""
    cTime: str = ""
    uTime: str = ""

    def order(self, symbol: Symbol, size: Decimal) -> Order:
        try:
            status = _STATUS[self.state]
        except KeyError:
            raise DecodeError(f"order {self.ordId} has the unknown state {self.state!r}", venue=VENUE) from None
        filled, average = scaled(self.accFillSz, size), positive(self.avgPx)
        by_value = self.ordType == "market" and self.tgtCcy == "quote_ccy"
        return Order(
            venue=VENUE,
            symbol=symbol,
            order_id=self.ordId,
            client_order_id=self.clOrdId or None,
            status=status,
            side=side_of(self.side) if self.side else None,
            type="limit" if self.ordType in _LIMITS else self.ordType or None,
            quantity=None if by_value else scaled(self.sz, size),
            filled=filled,
            price=positive(self.px),
            average_price=average,
            quote_filled=None if filled is None else filled * (average or Decimal(0)),
            time_in_force=_LIMITS.get(self.ordType),
            post_only=self.ordType == "post_only",
            reduce_only=self.reduceOnly == "true",
            created_ns=nanoseconds(self.cTime),
            updated_ns=nanoseconds(self.uTime),
        )


class Acknowledgement(msgspec.Struct):
    """What the venue says to a write: that it took the request, not what became of it."""

    ordId: str = ""
    clOrdId: str = ""
    sCode: str = "0"
    sMsg: str = ""
    ts: str = ""

    def order(self, symbol: Symbol, status: OrderStatus) -> Order:
        """Raise the typed error of a refused row."""
        if self.sCode != "0":
            raise refusal(self.sCode, self.sMsg)
        return Order(
            venue=VENUE,
            symbol=symbol,
            order_id=self.ordId,
            client_order_id=self.clOrdId or None,
            status=status,
            updated_ns=nanoseconds(self.ts),
        )


class FillRow(msgspec.Struct):
    instId: str
    tradeId: str
    ordId: str
    fillPx: Decimal
    fillSz: Decimal
    side: str
    clOrdId: str = ""
    fee: str = ""
    feeCcy: str = ""
    execType: str = ""
    fillPnl: str = ""
    fillTime: str = ""
    ts: str = ""

    def fill(self, symbol: Symbol, size: Decimal) -> Fill:
        """The venue's fee is negative when charged, ours positive."""
        fee = number(self.fee)
        return Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=self.tradeId,
            order_id=self.ordId,
            client_order_id=self.clOrdId or None,
            price=self.fillPx,
            quantity=self.fillSz * size,
            side=side_of(self.side),
            fee=None if fee is None else -fee,
            fee_asset=self.feeCcy or None,
            maker={"M": True, "T": False}.get(self.execType),
            realized_pnl=number(self.fillPnl),
            time_ns=nanoseconds(self.fillTime or self.ts),
        )
