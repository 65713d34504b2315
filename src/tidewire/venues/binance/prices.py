"""Binance's market events: what the data of a frame means. The structs name the fields as the venue does.

See: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams (read 2026-07-21)
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ..._feed import Buffer
from ...models import FundingRate, KlineUpdate, Side, Ticker, Trade
from ...symbols import Interval, Symbol
from . import wire

__all__ = ["aggregate_trade", "funding_rate", "kline", "ticker", "trade"]


class _Trade(msgspec.Struct, tag_field="e", tag="trade"):
    t: int
    p: Decimal
    q: Decimal
    T: int
    m: bool


class _TradeFrame(msgspec.Struct):
    data: _Trade


_trade_frame = wire.decoder(_TradeFrame)


def trade(frame: Buffer, symbol: Symbol) -> tuple[Trade]:
    event = _trade_frame(frame).data  # type: ignore[arg-type]
    made = Trade(
        venue=wire.VENUE,
        symbol=symbol,
        trade_id=str(event.t),
        price=event.p,
        quantity=event.q,
        side=Side.SELL if event.m else Side.BUY,
        time_ns=event.T * 1_000_000,
    )
    return (made,)


class _Aggregate(wire.AggregateTrade, tag_field="e", tag="aggTrade"):
    """As over REST."""


class _AggregateFrame(msgspec.Struct):
    data: _Aggregate


_aggregate_frame = wire.decoder(_AggregateFrame)


def aggregate_trade(frame: Buffer, symbol: Symbol) -> tuple[Trade]:
    return (_aggregate_frame(frame).data.trade(symbol),)  # type: ignore[arg-type]


class _Ticker(msgspec.Struct, tag_field="e", tag="24hrTicker"):
    E: int
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741
    c: Decimal
    v: Decimal
    q: Decimal
    n: int
    b: Decimal | None = None
    B: Decimal | None = None
    a: Decimal | None = None
    A: Decimal | None = None


class _TickerFrame(msgspec.Struct):
    data: _Ticker


_ticker_frame = wire.decoder(_TickerFrame)


def ticker(frame: Buffer, symbol: Symbol) -> Ticker:
    event = _ticker_frame(frame).data  # type: ignore[arg-type]
    return Ticker(
        venue=wire.VENUE,
        symbol=symbol,
        last=event.c,
        bid=event.b,
        bid_quantity=event.B,
        ask=event.a,
        ask_quantity=event.A,
        open=event.o,
        high=event.h,
        low=event.l,
        volume=event.v,
        quote_volume=event.q,
        trades=event.n,
        time_ns=event.E * 1_000_000,
    )


class _Bar(msgspec.Struct):
    t: int
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741
    c: Decimal
    v: Decimal
    q: Decimal
    n: int
    x: bool


class _Kline(msgspec.Struct, tag_field="e", tag="kline"):
    E: int
    k: _Bar


class _KlineFrame(msgspec.Struct):
    data: _Kline


_kline_frame = wire.decoder(_KlineFrame)


def kline(frame: Buffer, symbol: Symbol, interval: Interval) -> tuple[KlineUpdate]:
    event = _kline_frame(frame).data  # type: ignore[arg-type]
    bar = event.k
    made = KlineUpdate(
        venue=wire.VENUE,
        symbol=symbol,
        interval=interval.text,
        open_time_ns=bar.t * 1_000_000,
        open=bar.o,
        high=bar.h,
        low=bar.l,
        close=bar.c,
        volume=bar.v,
        quote_volume=bar.q,
        trades=bar.n,
        closed=bar.x,
        time_ns=event.E * 1_000_000,
    )
    return (made,)


class _Mark(msgspec.Struct, tag_field="e", tag="markPriceUpdate"):
    E: int
    p: Decimal
    i: Decimal
    r: Decimal
    T: int


class _MarkFrame(msgspec.Struct):
    data: _Mark


_mark_frame = wire.decoder(_MarkFrame)


def funding_rate(frame: Buffer, symbol: Symbol) -> FundingRate:
    event = _mark_frame(frame).data  # type: ignore[arg-type]
    return FundingRate(
        venue=wire.VENUE,
        symbol=symbol,
        rate=event.r,
        funding_time_ns=event.T * 1_000_000,
        mark_price=event.p,
        index_price=event.i,
        time_ns=event.E * 1_000_000,
    )
