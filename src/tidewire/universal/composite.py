"""One market as several venues see it, side by side: a volume-weighted composite, and a check of each by the others.

This is the only place where venues are averaged, and the result says so: a composite is a type of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, Error
from ..klines import Klines
from ..models import Ticker, exact
from ..symbols import Interval, Symbol
from .provenance import Provenance

__all__ = ["AggregateKlines", "AggregateTicker", "Outlier", "Outliers"]

Outliers = Literal["exclude", "flag"]

D = TypeVar("D", bound=np.generic)

_QUOTED = ("last", "bid", "bid_quantity", "ask", "ask_quantity", "open", "high", "low", "volume", "quote_volume")
_PRICES = ("open", "high", "low", "close")


def deviation_allowed(max_deviation: Decimal | str | float, outliers: str) -> Decimal:
    """Check how outliers are found and treated."""
    allowed = exact(max_deviation, "max_deviation")
    if allowed <= 0 or outliers not in get_args(Outliers):
        raise ConfigError('max_deviation is a positive fraction, such as 0.01, and outliers "exclude" or "flag"')
    return allowed


@dataclass(frozen=True, slots=True)
class Outlier:
    """A venue whose price is further from the median of all than allowed; ``excluded`` from the composite or not."""

    venue: str
    price: Decimal
    median: Decimal
    deviation: Decimal
    excluded: bool


@dataclass(frozen=True, slots=True)
class AggregateTicker:
    """Tickers of one symbol, by venue, and what they come to together.

    ``last`` is the mean of the venues' last prices weighted by their 24 h base volume, ``weights`` each one's share.
    ``volume`` and ``quote_volume`` are the sums over the same venues; the latter is ``None`` where one does not tell
    it. ``outliers`` deviate from the ``median`` of all last prices by more than ``max_deviation`` (a fraction); they
    are excluded only while more than half of the venues agree with the median, otherwise nobody can tell who is right.
    ``unweighted`` told no last price or no volume. ``failed`` gave no ticker at all, for the cause named.
    ``provenance`` is each ticker's own.
    """

    symbol: Symbol
    tickers: Mapping[str, Ticker]
    failed: Mapping[str, Error]
    provenance: Mapping[str, Provenance]
    max_deviation: Decimal
    median: Decimal | None
    last: Decimal | None
    volume: Decimal | None
    quote_volume: Decimal | None
    weights: Mapping[str, Decimal]
    outliers: tuple[Outlier, ...]
    unweighted: tuple[str, ...]

    @classmethod
    def of(
        cls,
        symbol: Symbol,
        tickers: Mapping[str, Ticker],
        failed: Mapping[str, Error],
        provenance: Mapping[str, Provenance],
        *,
        max_deviation: Decimal,
        outliers: Outliers,
    ) -> AggregateTicker:
        """Weigh tickers of one symbol and check each by the others."""
        prices = {venue: ticker.last for venue, ticker in tickers.items() if ticker.last}
        far = _outliers(prices, max_deviation, outliers)
        excluded = {each.venue for each in far if each.excluded}
        weighed = {venue: row for venue, row in tickers.items() if venue in prices and row.volume and row.last}
        kept = {venue: row for venue, row in weighed.items() if venue not in excluded}
        volume = sum((row.volume for row in kept.values() if row.volume), Decimal(0))
        value = sum((row.volume * row.last for row in kept.values() if row.volume and row.last), Decimal(0))
        turnovers = [row.quote_volume for row in kept.values() if row.quote_volume is not None]
        return cls(
            symbol=symbol,
            tickers=tickers,
            failed=failed,
            provenance=provenance,
            max_deviation=max_deviation,
            median=median(prices.values()) if prices else None,
            last=value / volume if volume else None,
            volume=volume or None,
            quote_volume=sum(turnovers, Decimal(0)) if volume and len(turnovers) == len(kept) else None,
            weights={venue: row.volume / volume for venue, row in kept.items() if row.volume},
            outliers=far,
            unweighted=tuple(venue for venue in tickers if venue not in weighed),
        )

    @property
    def venues(self) -> tuple[str, ...]:
        """Venues that gave a ticker."""
        return tuple(self.tickers)

    def column(self, name: str) -> dict[str, Decimal | None]:
        """One field of every venue's ticker, such as ``"bid"``; ``None`` where a venue does not tell it."""
        if name not in _QUOTED:
            raise ConfigError(f"no column {name!r}: one of {', '.join(_QUOTED)}")
        return {venue: getattr(ticker, name) for venue, ticker in self.tickers.items()}


def _outliers(prices: Mapping[str, Decimal], allowed: Decimal, treated: Outliers) -> tuple[Outlier, ...]:
    if not prices:
        return ()
    middle = median(prices.values())
    away = {venue: abs(price - middle) / middle for venue, price in prices.items()}
    far = [venue for venue, share in away.items() if share > allowed]
    sure = treated == "exclude" and Fraction(len(prices) - len(far), len(prices)) > Fraction(1, 2)
    return tuple(Outlier(venue, prices[venue], middle, away[venue], sure) for venue in far)


class AggregateKlines:
    """Klines of one symbol, by venue and aligned by open time, and what they come to together.

    ``venues`` gave klines; ``failed`` did not, for the cause named. ``column("close")`` has a row per open time and a
    column per venue. ``deviation`` of each close is the fraction by which it is away from the median close of its bar;
    ``outliers`` is true where that exceeds ``max_deviation``, and ``excluded`` where such a bar was left out of the
    composite: only while more than half of the venues that have the bar agree with the median.

    ``composite`` are ``Klines`` of the venue ``"composite"``: open and close are means weighted by base volume, high
    and low the extremes, volumes and trades the sums (unknown where one venue does not tell them). A bar in which
    nothing was traded anywhere has no weighted price: it is in ``composite.gaps``. Immutable.
    """

    __slots__ = (
        "_rows",
        "composite",
        "deviation",
        "excluded",
        "failed",
        "interval",
        "klines",
        "max_deviation",
        "open_time",
        "outliers",
        "symbol",
        "venues",
    )  # fmt: skip

    def __init__(
        self,
        symbol: Symbol,
        interval: Interval,
        klines: Mapping[str, Klines],
        failed: Mapping[str, Error],
        *,
        max_deviation: Decimal,
        outliers: Outliers,
    ) -> None:
        self.symbol, self.interval = symbol, interval
        self.klines, self.failed = dict(klines), dict(failed)
        self.venues = tuple(klines)
        self.max_deviation = max_deviation
        times = [bars.open_time for bars in klines.values()]
        self.open_time = _frozen(np.unique(np.concatenate([np.empty(0, np.int64), *times])))
        self._rows = [np.searchsorted(self.open_time, each) for each in times]
        close = self.column("close")
        self.deviation = _frozen(_deviation(close))
        self.outliers = _frozen(self.deviation > float(max_deviation))
        present = ~np.isnan(close)
        agreeing = (present & ~self.outliers).sum(axis=1, keepdims=True) * 2 > present.sum(axis=1, keepdims=True)
        self.excluded = _frozen(self.outliers & agreeing & (outliers == "exclude"))
        self.composite = self._compose(present & ~self.excluded)

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """A column of all venues: float64 of shape (bars, venues), NaN where a venue lacks the bar or the value."""
        if name not in (*_PRICES, "volume", "quote_volume", "trades"):
            raise ConfigError(f"no column {name!r}: one of {', '.join(_PRICES)}, volume, quote_volume, trades")
        table = np.full((len(self.open_time), len(self.venues)), np.nan)
        for index, (rows, bars) in enumerate(zip(self._rows, self.klines.values(), strict=True)):
            values = getattr(bars, name).astype(np.float64)
            table[rows, index] = np.where(values < 0, np.nan, values) if name == "trades" else values
        return _frozen(table)

    def _compose(self, kept: npt.NDArray[np.bool_]) -> Klines:
        volume = np.where(kept, self.column("volume"), 0.0)
        total = volume.sum(axis=1)
        traded = total > 0
        volume, total, kept = volume[traded], total[traded], kept[traded]

        def of(name: str, otherwise: float) -> npt.NDArray[np.float64]:
            return np.where(kept, self.column(name)[traded], otherwise)

        trades = of("trades", 0.0).sum(axis=1)
        columns = {
            "open_time": self.open_time[traded],
            "open": (of("open", 0.0) * volume).sum(axis=1) / total,
            "high": of("high", -np.inf).max(axis=1, initial=-np.inf),
            "low": of("low", np.inf).min(axis=1, initial=np.inf),
            "close": (of("close", 0.0) * volume).sum(axis=1) / total,
            "volume": total,
            "quote_volume": of("quote_volume", 0.0).sum(axis=1),
            "trades": np.where(np.isnan(trades), -1, trades).astype(np.int64),
        }
        return Klines(columns, symbol=self.symbol, interval=self.interval, venue="composite")

    def __len__(self) -> int:
        return len(self.open_time)

    def __repr__(self) -> str:
        found = int(self.outliers.sum())
        told = f", {found} outliers" if found else ""
        return f"<AggregateKlines {self.symbol} {self.interval}: {len(self)} bars × {', '.join(self.venues)}{told}>"


def _deviation(close: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not close.size:
        return np.zeros_like(close)
    middle = np.nanmedian(close, axis=1, keepdims=True)  # no row is all NaN: each open time is some venue's
    away: npt.NDArray[np.float64] = np.abs(close - middle) / middle
    return np.where(np.isnan(close), 0.0, away)


def _frozen(array: npt.NDArray[D]) -> npt.NDArray[D]:
    array.flags.writeable = False
    return array
