"""OKX's answers: their shapes on the wire, and how each becomes one of our models.

Everything is text, and empty text means none. Contracts become base units by ``size``, base units per contract; on spot
it is 1. Decimals are built from the venue's own digits.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Generic, TypeVar

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
from ...symbols import Symbol
from .errors import VENUE, refusal

T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T]):
    """The envelope, once its code has been judged."""

    data: list[T]


def rows(shape: type[T]) -> Callable[[bytes], list[T]]:
    """A decoder of the envelope's rows."""
    decode = _call.decoder(Answer[shape], VENUE)  # type: ignore[valid-type]
    return lambda body: decode(body).data


def row(shape: type[T]) -> Callable[[bytes], T]:
    """A decoder of the only row."""
    decode = rows(shape)

    def read(body: bytes) -> T:
        found = decode(body)
        if not found:
            raise DecodeError("the answer holds no row", venue=VENUE, excerpt=body)
        return found[0]

    return read


def _number(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise DecodeError(f"{text!r} is not a number", venue=VENUE) from None


def _positive(text: str) -> Decimal | None:
    number = _number(text)
    return number if number is not None and number > 0 else None


def _scaled(text: str, size: Decimal) -> Decimal | None:
    """Contracts as base units."""
    number = _number(text)
    return None if number is None else number * size


def _step(number: Decimal) -> Decimal:
    """A step without trailing zeros: what is rounded to it prints well."""
    return Decimal(f"{number.normalize():f}")


def _ns(milliseconds: str) -> int | None:
    number = _number(milliseconds)
    return None if number is None else int(number) * 1_000_000


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

    def instrument(self) -> Instrument | None:
        """``None`` for what is not offered here (inverse contracts), or has no rules yet (some before they open)."""
        symbol, size = self._symbol(), self._contract_size()
        tick, lot = _positive(self.tickSz), _positive(self.lotSz)
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
            min_quantity=_scaled(self.minSz, size),
            max_quantity=_scaled(self.maxLmtSz, size),
            # On spot the venue states it in USDT.
            market_max_quantity=None if spot else _scaled(self.maxMktSz, size),
            contract_size=size,
            active=self.state == "live",
            status=self.state,
            expiry_ns=_ns(self.expTime) if symbol.expiry else None,
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
        value = _positive(self.ctVal)
        return None if value is None else _step(value * (_positive(self.ctMult) or Decimal(1)))


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
            last=_number(self.last),
            bid=_positive(self.bidPx),
            bid_quantity=_scaled(self.bidSz, size),
            ask=_positive(self.askPx),
            ask_quantity=_scaled(self.askSz, size),
            open=_number(self.open24h),
            high=_number(self.high24h),
            low=_number(self.low24h),
            volume=_number(self.vol24h if spot else self.volCcy24h),
            quote_volume=_number(self.volCcy24h) if spot else None,
            time_ns=_ns(self.ts),
        )

    def price(self) -> Decimal:
        last = _number(self.last)
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
            time_ns=_ns(self.ts),
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
            side=_side(self.side),
            time_ns=self.ts * 1_000_000,
        )


def _side(text: str) -> Side:
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
        paid = _number(self.realizedRate)
        return FundingRate(
            venue=VENUE,
            symbol=symbol,
            rate=self.fundingRate if paid is None else paid,
            funding_time_ns=self.fundingTime * 1_000_000,
            time_ns=_ns(self.ts),
        )


class Interest(msgspec.Struct):
    oi: Decimal
    oiCcy: Decimal
    ts: str = ""

    def open_interest(self, symbol: Symbol) -> OpenInterest:
        """The venue's value in dollars, ``oiUsd``, is not in quote currency and left out."""
        return OpenInterest(venue=VENUE, symbol=symbol, quantity=self.oiCcy, contracts=self.oi, time_ns=_ns(self.ts))


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
        free = _number(self.availBal)
        if free is None or (margin and self.availEq):
            free = _number(self.availEq) or nothing
        locked = _number(self.frozenBal) or nothing
        total = _number(self.eq) if self.eq else _number(self.cashBal)
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
        return _number(self.pos) or Decimal(0)

    def position(self, symbol: Symbol, size: Decimal) -> Position:
        """In long/short mode the side is beside the quantity, in net mode the sign tells."""
        quantity = (-abs(self._pos) if self.posSide == "short" else self._pos) * size
        mark = _positive(self.markPx)
        return Position(
            venue=VENUE,
            symbol=symbol,
            quantity=quantity,
            entry_price=_positive(self.avgPx),
            mark_price=mark,
            liquidation_price=_positive(self.liqPx),
            unrealized_pnl=_number(self.upl),
            notional=None if mark is None else quantity * mark,
            leverage=_number(self.lever),
            margin_mode=self.mgnMode or None,
            position_side=self.posSide,
            time_ns=_ns(self.uTime),
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
        filled, average = _scaled(self.accFillSz, size), _positive(self.avgPx)
        by_value = self.ordType == "market" and self.tgtCcy == "quote_ccy"
        return Order(
            venue=VENUE,
            symbol=symbol,
            order_id=self.ordId,
            client_order_id=self.clOrdId or None,
            status=status,
            side=_side(self.side) if self.side else None,
            type="limit" if self.ordType in _LIMITS else self.ordType or None,
            quantity=None if by_value else _scaled(self.sz, size),
            filled=filled,
            price=_positive(self.px),
            average_price=average,
            quote_filled=None if filled is None else filled * (average or Decimal(0)),
            time_in_force=_LIMITS.get(self.ordType),
            post_only=self.ordType == "post_only",
            reduce_only=self.reduceOnly == "true",
            created_ns=_ns(self.cTime),
            updated_ns=_ns(self.uTime),
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
            updated_ns=_ns(self.ts),
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
        fee = _number(self.fee)
        return Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=self.tradeId,
            order_id=self.ordId,
            client_order_id=self.clOrdId or None,
            price=self.fillPx,
            quantity=self.fillSz * size,
            side=_side(self.side),
            fee=None if fee is None else -fee,
            fee_asset=self.feeCcy or None,
            maker={"M": True, "T": False}.get(self.execType),
            realized_pnl=_number(self.fillPnl),
            time_ns=_ns(self.fillTime or self.ts),
        )
