"""Wenhua's licensed history service (历史数据服务), through the object of whoever has bought it.

What is published of it (https://www.wenhua.com.cn/guide/lssj.htm, read 2026): it is for back-tests, without the current
trading day; bars are of 1 and 15 minutes and of days; a C++ and a Python package connect to a terminal (WT9) that runs
and is logged in on the same machine, by ``Init``, ``GetKLineData`` and ``GetTickData``. What these take and return is
not published, so nothing here calls them: a few lines of the user's, shaped as ``OfficialHistory``, do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

import numpy as np

from ..errors import ConfigError, NotSupported, UnknownSymbol
from ..futures.bars import Bars, Provenance
from ..futures.calendar import CHINA, Calendar, shipped_calendar
from ..futures.contracts import Contract
from ..futures.products import price_step
from ..futures.symbols import parse_symbol
from ..klines import Klines
from ..symbols import Interval
from .dat import trading_days
from .layouts import WenhuaFormatError

__all__ = ["Official", "OfficialBar", "OfficialHistory", "official"]

_SECONDS: Final[Mapping[str, int]] = {"1m": 60, "15m": 900, "1d": 86_400}  # the lengths of its price list
_PRICES: Final = ("open", "high", "low", "close")


class OfficialBar(Protocol):
    """A bar as your object gives it; ``time`` is its beginning on the wall's clock in China (a day's: its midnight)."""

    @property
    def time(self) -> datetime:
        """Aware, or naive and then China's; of a night the natural day."""
        ...

    @property
    def open(self) -> float:
        """Price of the first trade."""
        ...

    @property
    def high(self) -> float:
        """Highest price."""
        ...

    @property
    def low(self) -> float:
        """Lowest price."""
        ...

    @property
    def close(self) -> float:
        """Price of the last trade."""
        ...

    @property
    def volume(self) -> float:
        """Lots traded."""
        ...

    @property
    def open_interest(self) -> float:
        """Lots open at the bar's end."""
        ...


class OfficialHistory(Protocol):
    """What your object around the vendor's package must be able to do."""

    def klines(self, symbol: str, interval: str, start: datetime, end: datetime) -> Iterable[OfficialBar]:
        """Return a symbol's bars that begin in ``[start, end)``, ascending.

        ``symbol`` is what ``Official.read`` was given; ``interval`` ``"1m"``, ``"15m"`` or ``"1d"``.
        """
        ...


def official(api: OfficialHistory, *, calendar: Calendar | None = None) -> Official:
    """Read bars through your own object around the package of the licensed history service.

    Raises ``ConfigError`` for an object that has no ``klines``. Never tried with the vendor's package: nobody here has
    it.
    """
    if not callable(getattr(api, "klines", None)):
        raise ConfigError(f"{type(api).__name__} has no klines(symbol, interval, start, end); see OfficialHistory")
    return Official(api, calendar or shipped_calendar())


class Official:
    """Bars of the licensed service, as proven and typed as those of files. As safe for threads as your object is.

    A provider of ``tidewire.futures.Futures``, too.
    """

    name = "wenhua-official"
    capabilities = frozenset({"fetch_klines"})

    def __init__(self, api: OfficialHistory, calendar: Calendar) -> None:
        self._api = api
        self._calendar = calendar

    def __repr__(self) -> str:
        return f"<Official history through {type(self._api).__name__}>"

    def read(self, symbol: Contract | str, interval: Interval | str, *, start: datetime, end: datetime) -> Bars:
        """Read the bars that begin in ``[start, end)``; naive times are China's.

        A symbol that names a contract has its prices checked against its product's ticks; any other text
        (``"沪铜加权"``) is passed on as it is. Raises ``NotSupported`` for a length that the service has not, and
        ``WenhuaFormatError`` with the row for a bar that cannot be: outside the window, out of order, with prices below
        zero, not in order or off the tick. What your object raises comes through.
        """
        length = Interval.parse(interval)
        if str(length) not in _SECONDS:
            raise NotSupported(f"the service's price list has bars of {', '.join(_SECONDS)}, not of {length}")
        contract = _contract(symbol)
        window = _china(start), _china(end)
        rows = list(self._api.klines(str(symbol), str(length), *window))
        step = None if contract is None else price_step(contract.product)
        for number, row in enumerate(rows):
            if wrong := _wrong(row, rows[number - 1] if number else None, window, step):
                raise WenhuaFormatError(f"row {number} of {symbol} ({_china(row.time):%Y-%m-%d %H:%M:%S}): {wrong}")
        return self._bars(rows, str(symbol if contract is None else contract), length)

    def fetch_klines(self, contract: Contract, interval: Interval, start: int | None, end: int | None) -> Bars:
        """Read a window of UTC nanoseconds, until now where it has no end. ``ConfigError`` where it has no start."""
        if start is None:
            raise ConfigError("the licensed service is asked for a window: give start=")
        begin, until = (datetime.fromtimestamp(ns / 1e9, CHINA) for ns in (start, end or time.time_ns()))
        bars = self.read(contract, interval, start=begin, end=until)
        if not len(bars):
            raise UnknownSymbol(f"the licensed service has no {interval} bars of {contract} in this window")
        return bars

    def _bars(self, rows: list[OfficialBar], symbol: str, length: Interval) -> Bars:
        begins = np.array([int(_china(row.time).timestamp()) for row in rows], np.int64)
        columns = {name: [float(getattr(row, name)) for row in rows] for name in (*_PRICES, "volume")}
        return Bars(
            Klines({"open_time": begins * 10**9, **columns}, symbol=symbol, interval=length),
            end_time=(begins + _SECONDS[str(length)]) * 10**9,
            trading_day=trading_days(begins + 8 * 3600, self._calendar, daily=str(length) == "1d"),
            open_interest=np.array([float(row.open_interest) for row in rows]),
            provenance=Provenance("wenhua", "licensed history service", {"through": type(self._api).__name__}),
        )


def _contract(symbol: Contract | str) -> Contract | None:
    if isinstance(symbol, Contract):
        return symbol
    try:
        parsed = parse_symbol(symbol)
    except ConfigError:
        return None  # the service's own name of something
    return parsed if isinstance(parsed, Contract) else None


def _china(moment: datetime) -> datetime:
    return moment.replace(tzinfo=CHINA) if moment.tzinfo is None else moment.astimezone(CHINA)


def _wrong(
    row: OfficialBar, before: OfficialBar | None, window: tuple[datetime, datetime], step: Decimal | None
) -> str | None:
    """What cannot be about a bar."""
    begin = _china(row.time)
    prices = [float(getattr(row, name)) for name in _PRICES]
    open_, high, low, close = prices
    if not window[0] <= begin < window[1]:
        return f"it begins outside {window[0]:%Y-%m-%d %H:%M} to {window[1]:%Y-%m-%d %H:%M}"
    if before is not None and begin <= _china(before.time):
        return "it does not begin after the row before"
    if not (0 < low <= open_ <= high < float("inf") and low <= close <= high):
        return f"open {open_:g}, high {high:g}, low {low:g} and close {close:g} are not in order"
    if step is not None and any(Decimal(str(price)) % step for price in prices):
        return f"a price of {', '.join(f'{price:g}' for price in prices)} is no multiple of {step}"
    if not (float(row.volume) >= 0 and float(row.open_interest) >= 0):
        return f"volume {row.volume} and open interest {row.open_interest}"
    return None
