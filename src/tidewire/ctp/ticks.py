"""Turn snapshots into ticks: times repaired, levels that exist, an average that is one, counted per instrument."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from ..errors import ConfigError
from ..futures.products import product
from .models import Instrument, Tick
from .ticktime import repair_texts

__all__ = ["TickMaker", "terms_of"]

# A front sends the last snapshot there is on subscription, be it of last Friday. Real ones are seconds old.
_STALE_NS = 15 * 60 * 10**9
_SLACK = 1e-6  # between an average and the extremes: it is rounded by some exchanges
_LEVELS = [(f"BidPrice{n}", f"BidVolume{n}", f"AskPrice{n}", f"AskVolume{n}") for n in range(1, 6)]

# A future, or anything else whose id begins with a product: an option, a TAS contract. Combinations begin otherwise.
_ID = re.compile(r"([A-Za-z]{1,2})\d{3,4}(.*)")


@cache
def terms_of(symbol: str) -> tuple[str, int]:
    """Exchange and multiplier by the table of products; empty and 0 where it does not tell.

    The multiplier is told for futures only: options may have another than their product.
    """
    found = _ID.fullmatch(symbol)
    if found is None:
        return "", 0
    try:
        known = product(found[1])
    except ConfigError:
        return "", 0
    return known.exchange, 0 if found[2] else known.multiplier


class _Series:
    """What is known of one instrument."""

    __slots__ = ("awaits_first", "exchange", "multiplier", "sequence")

    def __init__(self, exchange: str, multiplier: int) -> None:
        self.exchange = exchange
        self.multiplier = multiplier
        self.sequence = 0
        self.awaits_first = True


class TickMaker:
    """Make ticks of DepthMarketData, for any number of instruments. Not thread-safe.

    Normal fronts leave the exchange empty, and none tells the multiplier that ``vwap`` needs: both come from the
    catalogue, and without one from the table of products.
    """

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}
        self._catalogue: dict[str, Instrument] = {}

    def learn(self, instrument: Instrument) -> None:
        """Take an instrument's exchange and multiplier."""
        self._catalogue[instrument.symbol] = instrument
        series = self._series.get(instrument.symbol)
        if series is not None:
            series.exchange, series.multiplier = instrument.exchange, instrument.multiplier

    def subscribed(self, symbol: str) -> None:
        """The next snapshot is one of those that a front sends on subscription."""
        self._at(symbol).awaits_first = True

    def make(self, row: Any, received_ns: int) -> Tick:
        """One tick of one snapshot."""
        symbol = row.InstrumentID
        series = self._series.get(symbol) or self._at(symbol)
        exchange = row.ExchangeID or series.exchange
        trading_day, action_day, time_ns = repair_texts(exchange, row.TradingDay, row.ActionDay, row.UpdateTime)
        if time_ns is not None:
            time_ns += row.UpdateMillisec * 10**6
        series.sequence += 1
        stale = False
        if series.awaits_first:
            series.awaits_first = False
            stale = time_ns is None or abs(received_ns - time_ns) > _STALE_NS
        volume, turnover, low, high = row.Volume, row.Turnover, row.LowestPrice, row.HighestPrice
        bids, asks = _levels(row)
        return Tick(
            symbol=symbol,
            exchange=exchange,
            trading_day=trading_day,
            action_day=action_day,
            time_ns=time_ns,
            received_ns=received_ns,
            sequence=series.sequence,
            stale=stale,
            last=row.LastPrice,
            volume=volume,
            turnover=turnover,
            open_interest=row.OpenInterest,
            vwap=_vwap(turnover, volume, series.multiplier, low, high),
            bids=bids,
            asks=asks,
            open=row.OpenPrice,
            high=high,
            low=low,
            close=row.ClosePrice,
            settlement=row.SettlementPrice,
            upper_limit=row.UpperLimitPrice,
            lower_limit=row.LowerLimitPrice,
            pre_close=row.PreClosePrice,
            pre_settlement=row.PreSettlementPrice,
            pre_open_interest=row.PreOpenInterest,
        )

    def _at(self, symbol: str) -> _Series:
        series = self._series.get(symbol)
        if series is None:
            known = self._catalogue.get(symbol)
            terms = (known.exchange, known.multiplier) if known else terms_of(symbol)
            series = self._series[symbol] = _Series(*terms)
        return series


def _levels(row: Any) -> tuple[tuple[tuple[float, int], ...], tuple[tuple[float, int], ...]]:
    """Levels with a price and lots. Normal fronts send one, and no value or zeros for the others."""
    bids, asks = [], []
    for bid_price, bid_volume, ask_price, ask_volume in _LEVELS:
        bid = (getattr(row, bid_price), getattr(row, bid_volume))
        ask = (getattr(row, ask_price), getattr(row, ask_volume))
        has_bid, has_ask = bid[1] > 0 and bid[0] == bid[0], ask[1] > 0 and ask[0] == ask[0]
        if has_bid:
            bids.append(bid)
        if has_ask:
            asks.append(ask)
        if not (has_bid or has_ask):
            break
    return tuple(bids), tuple(asks)


def _vwap(turnover: float, volume: int, multiplier: int, low: float, high: float) -> float:
    """Average price per unit: by the multiplier, or without (CZCE before 6.7.1); whichever lies within the extremes."""
    if volume > 0:
        for average in (turnover / volume / multiplier if multiplier else math.nan, turnover / volume):
            if low - abs(low) * _SLACK <= average <= high + abs(high) * _SLACK:
                return average
    return math.nan
