"""Klines of symbols × venues."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from .._progress import Progress, watch
from ..errors import ConfigError, Error
from ..klines import Klines
from ..symbols import Interval
from .together import together

__all__ = ["KlineGrid", "gather_klines", "names_of"]


T = TypeVar("T")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class KlineGrid:
    """What several venues have of several symbols: ``grid["BTC-USDT", "okx"]`` are ``Klines``.

    ``symbols`` and ``venues`` are those asked for. ``klines`` holds what came, by (symbol, venue), and ``failed`` what
    each of the others raised: between them they have every pair.
    """

    interval: Interval
    symbols: tuple[str, ...]
    venues: tuple[str, ...]
    klines: Mapping[Pair, Klines]
    failed: Mapping[Pair, Error]

    @classmethod
    def of(cls, interval: Interval, pairs: Sequence[Pair], outcomes: Mapping[Pair, Klines | Error]) -> KlineGrid:
        """Part what came from what failed."""
        return cls(
            interval=interval,
            symbols=tuple(dict.fromkeys(symbol for symbol, _ in pairs)),
            venues=tuple(dict.fromkeys(venue for _, venue in pairs)),
            klines={pair: each for pair, each in outcomes.items() if isinstance(each, Klines)},
            failed={pair: each for pair, each in outcomes.items() if isinstance(each, Error)},
        )

    def __getitem__(self, pair: Pair) -> Klines:
        """Klines of a (symbol, venue); raises what the venue raised where there are none."""
        if pair in self.failed:
            raise self.failed[pair]
        if pair not in self.klines:
            raise ConfigError(f"{pair!r} was not asked for: this is {self!r}")
        return self.klines[pair]

    def by_venue(self, symbol: str) -> dict[str, Klines]:
        """Klines of one symbol, by venue."""
        return {venue: bars for (name, venue), bars in self.klines.items() if name == symbol}

    def __repr__(self) -> str:
        lost = f", {len(self.failed)} failed" if self.failed else ""
        return f"<KlineGrid {self.interval}: {len(self.symbols)} symbols × {', '.join(self.venues)}{lost}>"


def names_of(symbols: Sequence[str]) -> list[str]:
    """Check that there are several, and no two the same."""
    names = [] if isinstance(symbols, str) else [str(symbol) for symbol in symbols]
    if not names or len(set(names)) < len(names):
        raise ConfigError("give a list of different symbols")
    return names


async def gather_klines(
    pairs: Sequence[Pair],
    read: Callable[[str, str], Coroutine[Any, Any, T]],
    concurrency: int,
    progress: Progress,
    title: str,
) -> dict[Pair, T]:
    """Read every (symbol, venue), so many at a time at each venue, and show how far it is."""
    if concurrency < 1:
        raise ConfigError(f"concurrency must be positive, not {concurrency}")
    budgets: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(concurrency))
    with watch(progress, [" ".join(pair).strip() for pair in pairs], title) as done:
        return await together({pair: partial(read, *pair) for pair in pairs}, lambda pair: budgets[pair[1]], done)
