"""What the messages of Coinbase Advanced's public streams hold: trades, quotes, candles.

A message holds events, each a snapshot of what was before the subscription, of which only the newest row is passed on,
or an update.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from ..._feed import Buffer
from ...errors import DecodeError
from ...models import KlineUpdate, Ticker, Trade
from ...symbols import Symbol
from . import wire

__all__ = ["klines", "ticker", "trades"]

T = TypeVar("T")
_BARS = "5m"  # candles come in no other length


class _Trades(msgspec.Struct):
    trades: list[wire.PublicTrade]
    type: str = ""


class _TradesMessage(msgspec.Struct):
    events: list[_Trades]


class _Quotes(msgspec.Struct):
    """Of the last 24 hours."""

    price: str
    best_bid: str = ""
    best_bid_quantity: str = ""
    best_ask: str = ""
    best_ask_quantity: str = ""
    volume_24_h: str = ""
    low_24_h: str = ""
    high_24_h: str = ""


class _Tickers(msgspec.Struct):
    tickers: list[_Quotes]


class _TickersMessage(msgspec.Struct):
    events: list[_Tickers]
    timestamp: str = ""


class _Candle(msgspec.Struct):
    start: int
    open: str
    high: str
    low: str
    close: str
    volume: str


class _Candles(msgspec.Struct):
    candles: list[_Candle]
    type: str = ""


class _CandlesMessage(msgspec.Struct):
    events: list[_Candles]
    timestamp: str = ""


_trades = wire.decoder(_TradesMessage)
_tickers = wire.decoder(_TickersMessage)
_candles = wire.decoder(_CandlesMessage)


def trades(frame: Buffer, symbol: Symbol, *, from_makers: bool) -> list[Trade]:
    """Trades, oldest first; they come newest first."""
    found: list[Trade] = []
    for event in _trades(frame).events:  # type: ignore[arg-type]
        rows = [row.trade(symbol, from_makers=from_makers) for row in event.trades]
        if not all(row.trade_id.isascii() and row.trade_id.isdigit() for row in rows):
            raise DecodeError("a trade's id is no number", venue=wire.VENUE)
        rows.sort(key=lambda row: int(row.trade_id))
        found += _news(event.type, rows)
    return found


def ticker(frame: Buffer, symbol: Symbol) -> Ticker | None:
    """The newest quotes; there is no opening price."""
    message = _tickers(frame)  # type: ignore[arg-type]
    rows = [row for event in message.events for row in event.tickers]
    if not rows:
        return None
    quotes = rows[-1]
    bid, ask = wire.positive(quotes.best_bid), wire.positive(quotes.best_ask)
    return Ticker(
        venue=wire.VENUE,
        symbol=symbol,
        last=wire.decimal(quotes.price),
        bid=bid,
        bid_quantity=None if bid is None else wire.decimal(quotes.best_bid_quantity),
        ask=ask,
        ask_quantity=None if ask is None else wire.decimal(quotes.best_ask_quantity),
        high=wire.decimal(quotes.high_24_h),
        low=wire.decimal(quotes.low_24_h),
        volume=wire.decimal(quotes.volume_24_h),
        time_ns=wire.time_ns(message.timestamp),
    )


def klines(frame: Buffer, symbol: Symbol) -> list[KlineUpdate]:
    """Klines, oldest first. Nothing says that one has closed, but that the next one is there."""
    message = _candles(frame)  # type: ignore[arg-type]
    moment = wire.time_ns(message.timestamp)
    found: list[KlineUpdate] = []
    for event in message.events:
        rows = sorted(event.candles, key=lambda row: row.start)
        found += [_kline(row, symbol, moment) for row in _news(event.type, rows)]
    return found


def _kline(row: _Candle, symbol: Symbol, time_ns: int | None) -> KlineUpdate:
    return KlineUpdate(
        venue=wire.VENUE,
        symbol=symbol,
        interval=_BARS,
        open_time_ns=row.start * 10**9,
        open=wire.number(row.open),
        high=wire.number(row.high),
        low=wire.number(row.low),
        close=wire.number(row.close),
        volume=wire.number(row.volume),
        time_ns=time_ns,
    )


def _news(kind: str, rows: list[T]) -> list[T]:
    return rows[-1:] if kind == "snapshot" else rows
