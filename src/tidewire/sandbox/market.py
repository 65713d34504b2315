"""One market: its rules, its price path, its book and its tape."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal

import numpy as np

from .._dialect import Bar, BookDelta, Event, Quote
from ..models import BookSnapshot, FundingRate, Instrument, Level, OpenInterest, Side, Ticker, Trade
from ..symbols import Interval, Symbol
from .bars import bars_of, open_times
from .house import LEVELS, House
from .listings import LISTED_NS, Listing, dollars
from .matching import MatchingBook
from .path import CrossPath, PricePath

__all__ = ["Market", "Markets"]

_DAY = Interval.parse("1d")
_SECOND_NS = 10**9
_FUNDING_NS = 8 * 3600 * _SECOND_NS
_WANDER_NS = 5 * _SECOND_NS
_TAPE = 5_000
_BACKFILL = 1_000


class Market:
    """Everything that the public can know of one instrument. Not thread-safe: the sandbox's loop owns it."""

    def __init__(self, listing: Listing, seed: int, now_ns: int, levels: int = LEVELS, apart: float = 0.0) -> None:
        self.instrument: Instrument = listing.instrument
        symbol = self.instrument.symbol
        self.path = _path(listing, seed)
        rng = random.Random(f"{seed}/{self.instrument.venue}/{symbol}")
        self.book = MatchingBook(sequence=rng.randrange(10**6, 10**7))
        self.house = House(self.instrument, self.path, rng, levels, _wander(self.instrument, seed, apart))
        self.house.open(self.book, self.house.middle(now_ns))
        self.book.drain()
        self.tape: deque[Trade] = deque(maxlen=_TAPE)
        self.next_trade_id = 10**6
        self._backfill(rng, now_ns)
        self._quoted: tuple[Level, Level] | None = None

    @property
    def symbol(self) -> Symbol:
        return self.instrument.symbol

    def price(self, ticks: int) -> Decimal:
        return self.instrument.tick_size * ticks

    def quantity(self, lots: int) -> Decimal:
        return self.instrument.lot_size * lots

    def print(self, side: Side, ticks: int, lots: int, time_ns: int) -> Trade:
        """Put an execution on the tape; ``side`` is the taker's."""
        trade = Trade(
            venue=self.instrument.venue,
            symbol=self.symbol,
            trade_id=str(self.next_trade_id),
            price=self.price(ticks),
            quantity=self.quantity(lots),
            side=side,
            time_ns=time_ns,
        )
        self.next_trade_id += 1
        self.tape.append(trade)
        return trade

    def mark(self) -> Decimal:
        """Middle of the best bid and ask, or the one there is, or the last price."""
        quotes = [self.price(ticks) for ticks in (self.book.bids.best, self.book.asks.best) if ticks is not None]
        return sum(quotes, Decimal(0)) / len(quotes) if quotes else self.tape[-1].price

    def snapshot(self, depth: int, time_ns: int) -> BookSnapshot:
        """The best ``depth`` levels a side."""
        sides = [
            tuple(self._level(ticks, side.lots[ticks]) for ticks, _ in zip(side, range(depth), strict=False))
            for side in (self.book.bids, self.book.asks)
        ]
        return BookSnapshot(
            venue=self.instrument.venue,
            symbol=self.symbol,
            bids=sides[0],
            asks=sides[1],
            sequence=self.book.sequence,
            time_ns=time_ns,
        )

    def new_quote(self, time_ns: int) -> Event | None:
        """The best bid and ask, if they changed since the last call."""
        quote = (self._best(Side.BUY), self._best(Side.SELL))
        if quote == self._quoted:
            return None
        self._quoted = quote
        return Quote(symbol=self.symbol, sequence=self.book.sequence, bid=quote[0], ask=quote[1], time_ns=time_ns)

    def new_delta(self, time_ns: int) -> Event | None:
        """Level changes since the last call, if there are any."""
        changes = self.book.drain()
        if changes is None:
            return None
        first, last, bids, asks = changes
        return BookDelta(
            symbol=self.symbol,
            first=first,
            last=last,
            bids=tuple(self._level(*level) for level in bids),
            asks=tuple(self._level(*level) for level in asks),
            time_ns=time_ns,
        )

    def bars(self, interval: Interval, start: int | None, end: int | None, limit: int, now_ns: int) -> list[Bar]:
        """Klines of a window."""
        opens = open_times(interval, start, end, limit, now_ns)
        return bars_of(self.path, self.instrument, interval, opens, now_ns)

    def ticker(self, now_ns: int) -> Ticker:
        """Best quotes and the last 24 hours."""
        since = now_ns - (_DAY.ns or 0)
        minutes = self.bars(Interval.parse("1m"), since, None, 1441, now_ns)
        bid, ask, last = self._best(Side.BUY), self._best(Side.SELL), self.tape[-1].price
        return Ticker(
            venue=self.instrument.venue,
            symbol=self.symbol,
            last=last,
            bid=bid.price,
            bid_quantity=bid.quantity,
            ask=ask.price,
            ask_quantity=ask.quantity,
            open=minutes[0].open,
            high=max(last, *(bar.high for bar in minutes)),
            low=min(last, *(bar.low for bar in minutes)),
            volume=sum((bar.volume for bar in minutes), Decimal(0)),
            quote_volume=sum((bar.quote_volume for bar in minutes), Decimal(0)),
            trades=sum(bar.trades for bar in minutes),
            time_ns=now_ns,
        )

    def funding(self, now_ns: int) -> FundingRate:
        """The rate now forming, due at the next full eight hours."""
        due = (now_ns // _FUNDING_NS + 1) * _FUNDING_NS
        index = self.price(round(self.path.at(now_ns) / float(self.instrument.tick_size)))
        return self._funding_rate(due, self.mark(), index, now_ns)

    def funding_history(self, start: int | None, end: int | None, limit: int, now_ns: int) -> list[FundingRate]:
        """Rates paid in ``[start, end)``, oldest first: the oldest ``limit`` when there is a start, else the newest."""
        first = -(-max(start or 0, LISTED_NS) // _FUNDING_NS)
        last = min(now_ns, now_ns if end is None else end - 1) // _FUNDING_NS
        indexes = range(first, last + 1)
        times = [index * _FUNDING_NS for index in (indexes[-limit:] if start is None else indexes[:limit])]
        tick = float(self.instrument.tick_size)
        return [self._funding_rate(time, self.price(round(self.path.at(time) / tick)), None, time) for time in times]

    def open_interest(self, now_ns: int) -> OpenInterest:
        """Open contracts, a slow signal."""
        lots = (
            self.path.turnover
            * 600
            * (1 + 0.3 * self.path.noise(now_ns, _FUNDING_NS, 108))
            / float(self.instrument.lot_size)
        )
        return OpenInterest(
            venue=self.instrument.venue, symbol=self.symbol, quantity=self.quantity(round(lots)), time_ns=now_ns
        )

    def _funding_rate(self, due: int, mark: Decimal, index: Decimal | None, time_ns: int) -> FundingRate:
        rate = Decimal(round(10_000 + 15_000 * self.path.noise(due, _FUNDING_NS, 107))) / 10**8
        return FundingRate(
            venue=self.instrument.venue,
            symbol=self.symbol,
            rate=rate,
            funding_time_ns=due,
            mark_price=mark,
            index_price=index,
            time_ns=time_ns,
        )

    def _level(self, ticks: int, lots: int) -> Level:
        return Level(self.price(ticks), self.quantity(lots))

    def _best(self, side: Side) -> Level:
        levels = self.book.side(side)
        return (
            Level(Decimal(0), Decimal(0)) if levels.best is None else self._level(levels.best, levels.lots[levels.best])
        )

    def _backfill(self, rng: random.Random, now_ns: int) -> None:
        gaps = [rng.randrange(10**8, 2 * 10**9) for _ in range(_BACKFILL)]
        times = now_ns - np.cumsum(np.array(gaps, np.int64))[::-1]
        ticks = np.rint(self.path.sample(times) / float(self.instrument.tick_size)).astype(np.int64)
        mean = self.path.turnover / 40 / float(self.instrument.lot_size)
        for time, price in zip(times.tolist(), ticks.tolist(), strict=True):
            lots = max(1, round(mean * rng.lognormvariate(-0.5, 1.0)))
            self.print(rng.choice((Side.BUY, Side.SELL)), price, lots, time)


def _path(listing: Listing, seed: int) -> PricePath:
    """An asset moves alike against every dollar, on every venue, on spot and as a contract."""
    symbol = listing.instrument.symbol
    if "USD" in symbol.quote:
        return PricePath(seed, symbol.base, listing.reference, listing.turnover)
    base, quote = (PricePath(seed, asset, dollars(asset), 1.0) for asset in (symbol.base, symbol.quote))
    return CrossPath(seed, f"{symbol.base}/{symbol.quote}", base, quote, listing.turnover)


def _wander(instrument: Instrument, seed: int, apart: float) -> Callable[[int], float]:
    """How far a market of its own accord stands beside its path, as a fraction of the price, at each moment."""
    own = PricePath(seed, f"{instrument.venue} {instrument.symbol}", 1.0, 1.0)
    return lambda time_ns: apart * own.noise(time_ns, _WANDER_NS, 109) if apart else 0.0


class Markets(dict[Symbol, Market]):
    """Markets by symbol. Each opens at its first use; iterating shows those that are open."""

    def __init__(
        self,
        listed: Iterable[Listing],
        seed: int,
        now_ns: Callable[[], int],
        levels: int = LEVELS,
        apart: float = 0.0,
    ) -> None:
        super().__init__()
        self.listed = {listing.instrument.symbol: listing for listing in listed}
        self._seed, self._now_ns, self._levels, self._apart = seed, now_ns, levels, apart

    def __missing__(self, symbol: Symbol) -> Market:
        market = self[symbol] = Market(self.listed[symbol], self._seed, self._now_ns(), self._levels, self._apart)
        return market
