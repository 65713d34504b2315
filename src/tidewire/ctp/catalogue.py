"""The day's instruments: asked for once a trading day, kept in memory and in the flow folder.

A full list has some thirty thousand rows and takes tens of seconds, because a front sends them at its own pace.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from . import codes
from .amounts import amount, price
from .models import Instrument
from .ticktime import parse_day

__all__ = ["Catalogue", "read_instrument"]

_OPTIONS: dict[str, Literal["call", "put"]] = {"1": "call", "2": "put"}


class _File(msgspec.Struct):
    trading_day: dt.date
    instruments: list[Instrument]


class Catalogue:
    """Instruments by symbol. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._day: dt.date | None = None
        self._known: dict[str, Instrument] = {}
        self._is_whole = False

    def begin(self, trading_day: dt.date) -> None:
        """Forget another day's instruments; take this day's from the file, if it has them."""
        if trading_day == self._day:
            return
        self._day, self._known, self._is_whole = trading_day, {}, False
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except (FileNotFoundError, msgspec.MsgspecError):
            return  # none yet, or of another version: it is asked for again
        if kept.trading_day == trading_day:
            self._known = {each.symbol: each for each in kept.instruments}
            self._is_whole = True

    @property
    def whole(self) -> list[Instrument] | None:
        """Every instrument there is, once the full list has been asked for today."""
        return list(self._known.values()) if self._is_whole else None

    def get(self, symbol: str) -> Instrument | None:
        """An instrument, if it is known."""
        return self._known.get(symbol)

    def add(self, rows: Iterable[Any]) -> None:
        """Take rows of ReqQryInstrument."""
        for row in rows:
            self._known[row.InstrumentID] = read_instrument(row)

    def complete(self) -> None:
        """The rows added were all there are: keep them for later sessions of the day."""
        self._is_whole = True
        if self._day is None:
            return
        draft = self._path.with_suffix(".tmp")
        draft.write_bytes(msgspec.json.encode(_File(self._day, list(self._known.values()))))
        draft.replace(self._path)


def read_instrument(row: Any) -> Instrument:
    """An instrument of a row of ReqQryInstrument."""
    option = _OPTIONS.get(row.OptionsType)
    return Instrument(
        symbol=row.InstrumentID,
        exchange=row.ExchangeID,
        product=row.ProductID,
        name=row.InstrumentName,
        kind=codes.INSTRUMENT_KINDS.get(row.ProductClass, "other"),
        multiplier=row.VolumeMultiple,
        tick_size=amount(row.PriceTick),
        min_limit_quantity=row.MinLimitOrderVolume,
        max_limit_quantity=row.MaxLimitOrderVolume,
        min_market_quantity=row.MinMarketOrderVolume,
        max_market_quantity=row.MaxMarketOrderVolume,
        listed=parse_day(row.OpenDate),
        expires=parse_day(row.ExpireDate),
        active=bool(row.IsTrading),
        long_margin_ratio=row.LongMarginRatio,
        short_margin_ratio=row.ShortMarginRatio,
        underlying=row.UnderlyingInstrID if option else "",
        strike=price(row.StrikePrice) if option else None,
        option=option,
    )
