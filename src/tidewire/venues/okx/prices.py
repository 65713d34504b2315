"""OKX's market messages: what the data of a frame means.

See: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-all-trades-channel and the channels beside it
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from ..._feed import Buffer
from ...errors import DecodeError
from ...models import FundingRate, KlineUpdate, Ticker, Trade
from ...symbols import Interval, Symbol
from . import wire
from .errors import VENUE

__all__ = ["funding_rate", "klines", "ticker", "trades"]

_trades = wire.rows(wire.TradeRow)
_ticker = wire.row(wire.TickerRow)
_funding = wire.row(wire.Funding)
_candles = wire.rows(list[str])

_COLUMNS: Final = 9  # time, open, high, low, close, vol, volCcy, volCcyQuote, confirm


def trades(frame: Buffer, symbol: Symbol, size: Decimal) -> list[Trade]:
    return [row.trade(symbol, size) for row in _trades(frame)]


def ticker(frame: Buffer, symbol: Symbol, size: Decimal) -> Ticker:
    return _ticker(frame).ticker(symbol, size)


def funding_rate(frame: Buffer, symbol: Symbol) -> FundingRate:
    return _funding(frame).funding_rate(symbol)


def klines(frame: Buffer, symbol: Symbol, interval: Interval) -> list[KlineUpdate]:
    """``vol`` is base volume on spot and contracts elsewhere, where ``volCcy`` is base volume."""
    base = 5 if symbol.kind == "spot" else 6
    return [_kline(row, base, symbol, interval) for row in _candles(frame)]


def _kline(row: list[str], base: int, symbol: Symbol, interval: Interval) -> KlineUpdate:
    if len(row) < _COLUMNS:
        raise DecodeError(f"a kline of {len(row)} columns, not {_COLUMNS}", venue=VENUE)
    numbers = [wire.number(text) for text in row[1:8]]
    open_, high, low, close, volume, quote = (numbers[index - 1] for index in (1, 2, 3, 4, base, 7))
    opens = wire.nanoseconds(row[0])
    if opens is None or open_ is None or high is None or low is None or close is None or volume is None:
        raise DecodeError(f"a kline with an empty column: {row}", venue=VENUE)
    return KlineUpdate(
        venue=VENUE,
        symbol=symbol,
        interval=interval.text,
        open_time_ns=opens,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        quote_volume=quote,
        closed=row[8] == "1",
    )
