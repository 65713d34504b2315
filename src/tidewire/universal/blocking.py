"""Universal: ``AsyncUniversal`` for code that does not await. Everything happens in one background thread."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from decimal import Decimal
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from .._loop import LoopThread
from .._order import Number
from .._progress import Progress
from .._venue import Venue
from ..client import Environment
from ..credentials import Credentials
from ..errors import ConfigError
from ..klines import Klines
from ..models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Instrument,
    OpenInterest,
    Order,
    Position,
    Ticker,
    Trade,
)
from ..symbols import Kind, Symbol, Time
from .arbitrage import KINDS
from .composite import AggregateKlines, AggregateTicker, Outliers
from .consolidated import ConsolidatedBook
from .fees import Fees
from .health import VenueHealth
from .kline_grid import KlineGrid
from .opportunity import ArbitrageScan
from .provenance import Answer, trailing
from .report import ExecutionReport
from .route import BestVenue, Route
from .routing import Balances, Limits
from .strategies import StrategyName
from .universal import AsyncUniversal

__all__ = ["Universal"]

P = ParamSpec("P")
T = TypeVar("T")


class Universal:
    """Read from several venues as from one, blocking: ``AsyncUniversal``'s verbs without ``await``.

    Its arguments are those of ``AsyncUniversal``. The work is done in a background thread with an event loop, so that a
    slow venue never holds up a fast one, and Ctrl-C ends a read at once. Use as a context manager, or call ``close``,
    which ends the thread. Safe to share between threads; never call it from a callback that it calls.
    """

    def __init__(
        self,
        venues: Iterable[str | type[Venue]],
        *,
        strategy: StrategyName = "health",
        weights: Mapping[str, float] | None = None,
        credentials: Mapping[str, Credentials] | None = None,
        environment: str | Environment = "live",
        quotes: Collection[str] | None = None,
        timeout: float = 10.0,
        patience: float | None = None,
        retries: int = 3,
        cache_ttl: float = 3600.0,
        fees: Fees | None = None,
    ) -> None:
        self._universal = universal = AsyncUniversal(
            venues,
            strategy=strategy,
            weights=weights,
            credentials=credentials,
            environment=environment,
            quotes=quotes,
            timeout=timeout,
            patience=patience,
            retries=retries,
            cache_ttl=cache_ttl,
            fees=fees,
        )

        async def serve(ready: Callable[[], None]) -> None:
            async with universal:
                ready()
                await asyncio.Event().wait()

        self._thread = LoopThread("tidewire-universal")
        self._thread.start(serve)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what an ``AsyncUniversal`` verb returns in the background thread, and return its result."""
        if not self._thread.is_running:
            work.close()
            raise ConfigError("this Universal is closed")
        try:
            return self._thread.wait(work)
        except CancelledError:  # by nobody else
            raise ConfigError("this Universal was closed meanwhile") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection and end the background thread. Closing twice does nothing."""
        self._thread.stop()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.venues)})"

    @property
    def venues(self) -> tuple[str, ...]:
        """Names of the venues, in the order given."""
        return self._universal.venues

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that at least one of the venues offers."""
        return frozenset(verb for verb in self._universal.capabilities if hasattr(type(self), verb))

    def health(self) -> dict[str, VenueHealth]:
        return self._universal.health()

    def answer(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        """Call a verb and return its value together with its provenance.

        ``answer = universal.answer(universal.fetch_price, "BTC-USDT")``: ``answer.value`` and ``answer.provenance``,
        which names the venue, those that failed before it and why, and any conversion.
        """
        with trailing() as trail:
            value = verb(*args, **kwargs)
        return Answer(value, tuple(trail))

    # Market data.

    def ping(self, *, venue: str | None = None) -> int:
        return self._wait(self._universal.ping(venue=venue))

    def server_time(self, *, venue: str | None = None) -> dt.datetime:
        return self._wait(self._universal.server_time(venue=venue))

    def fetch_instruments(self, kind: Kind | None = None, *, venue: str | None = None) -> list[Instrument]:
        return self._wait(self._universal.fetch_instruments(kind, venue=venue))

    def instrument(self, symbol: str | Symbol, *, venue: str | None = None) -> Instrument:
        return self._wait(self._universal.instrument(symbol, venue=venue))

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        closed: bool = True,
        venue: str | None = None,
    ) -> Klines:
        return self._wait(
            self._universal.fetch_klines(
                symbol, interval, start=start, end=end, limit=limit, closed=closed, venue=venue
            )
        )

    def fetch_price(self, symbol: str | Symbol, *, venue: str | None = None) -> Decimal:
        return self._wait(self._universal.fetch_price(symbol, venue=venue))

    def fetch_ticker(self, symbol: str | Symbol, *, venue: str | None = None) -> Ticker:
        return self._wait(self._universal.fetch_ticker(symbol, venue=venue))

    def fetch_tickers(self, symbols: Sequence[str | Symbol] | None = None, *, venue: str | None = None) -> list[Ticker]:
        return self._wait(self._universal.fetch_tickers(symbols, venue=venue))

    def fetch_quote(self, symbol: str | Symbol, *, venue: str | None = None) -> Ticker:
        return self._wait(self._universal.fetch_quote(symbol, venue=venue))

    def fetch_book(self, symbol: str | Symbol, depth: int = 100, *, venue: str | None = None) -> BookSnapshot:
        return self._wait(self._universal.fetch_book(symbol, depth, venue=venue))

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100, *, venue: str | None = None) -> list[Trade]:
        return self._wait(self._universal.fetch_trades(symbol, limit, venue=venue))

    def fetch_funding_rate(self, symbol: str | Symbol, *, venue: str | None = None) -> FundingRate:
        return self._wait(self._universal.fetch_funding_rate(symbol, venue=venue))

    def fetch_funding_history(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        venue: str | None = None,
    ) -> list[FundingRate]:
        return self._wait(self._universal.fetch_funding_history(symbol, start=start, end=end, limit=limit, venue=venue))

    def fetch_open_interest(self, symbol: str | Symbol, *, venue: str | None = None) -> OpenInterest:
        return self._wait(self._universal.fetch_open_interest(symbol, venue=venue))

    def fetch_klines_many(
        self,
        symbols: Sequence[str],
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        concurrency: int = 8,
        progress: Progress = None,
        venue: str | None = None,
    ) -> dict[str, Klines]:
        return self._wait(
            self._universal.fetch_klines_many(
                symbols, interval, start=start, end=end, concurrency=concurrency, progress=progress, venue=venue
            )
        )

    def fetch_klines_across(
        self,
        symbols: Sequence[str],
        interval: str,
        *,
        venues: Sequence[str] | None = None,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        concurrency: int = 8,
        progress: Progress = None,
    ) -> KlineGrid:
        return self._wait(
            self._universal.fetch_klines_across(
                symbols,
                interval,
                venues=venues,
                start=start,
                end=end,
                limit=limit,
                concurrency=concurrency,
                progress=progress,
            )
        )

    def aggregate_klines(
        self,
        symbol: str | Symbol,
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        max_deviation: Decimal | str | float = 0.01,
        outliers: Outliers = "exclude",
    ) -> AggregateKlines:
        return self._wait(
            self._universal.aggregate_klines(
                symbol, interval, start=start, end=end, limit=limit, max_deviation=max_deviation, outliers=outliers
            )
        )

    def aggregate_ticker(
        self,
        symbol: str | Symbol,
        *,
        max_deviation: Decimal | str | float = 0.01,
        outliers: Outliers = "exclude",
    ) -> AggregateTicker:
        return self._wait(self._universal.aggregate_ticker(symbol, max_deviation=max_deviation, outliers=outliers))

    def fetch_data(self, kind: str, symbol: str | None, *, venue: str | None = None, **options: Any) -> Any:
        return self._wait(self._universal.fetch_data(kind, symbol, venue=venue, **options))

    def fetch_balances(self, *, kind: Kind = "spot", venue: str | None = None) -> list[Balance]:
        return self._wait(self._universal.fetch_balances(kind=kind, venue=venue))

    def fetch_positions(self, *, venue: str | None = None) -> list[Position]:
        return self._wait(self._universal.fetch_positions(venue=venue))

    def fetch_open_orders(
        self, symbol: str | Symbol | None = None, *, kind: Kind = "spot", venue: str | None = None
    ) -> list[Order]:
        return self._wait(self._universal.fetch_open_orders(symbol, kind=kind, venue=venue))

    def fetch_orders(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        venue: str | None = None,
    ) -> list[Order]:
        return self._wait(self._universal.fetch_orders(symbol, start=start, end=end, limit=limit, venue=venue))

    def fetch_order(
        self, symbol: str | Symbol, *, venue: str, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        return self._wait(
            self._universal.fetch_order(symbol, venue=venue, order_id=order_id, client_order_id=client_order_id)
        )

    def fetch_fills(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        venue: str | None = None,
    ) -> list[Fill]:
        return self._wait(self._universal.fetch_fills(symbol, start=start, end=end, limit=limit, venue=venue))

    def load_fees(self, symbols: Iterable[str | Symbol]) -> Fees:
        return self._wait(self._universal.load_fees(symbols))

    def consolidated_book(
        self,
        symbol: str | Symbol,
        depth: int = 100,
        *,
        venues: Iterable[str] | None = None,
        after_fees: bool = False,
    ) -> ConsolidatedBook:
        return self._wait(self._universal.consolidated_book(symbol, depth, venues=venues, after_fees=after_fees))

    # Trading on the best terms.

    def best_venue(
        self,
        symbol: str | Symbol,
        side: str,
        quantity: Number,
        *,
        balances: Balances | None = None,
        limits: Limits | None = None,
        max_age: float | None = None,
        depth: int = 500,
    ) -> BestVenue:
        return self._wait(
            self._universal.best_venue(
                symbol, side, quantity, balances=balances, limits=limits, max_age=max_age, depth=depth
            )
        )

    def route(
        self,
        symbol: str | Symbol,
        side: str,
        quantity: Number,
        *,
        max_venues: int | None = None,
        balances: Balances | None = None,
        limits: Limits | None = None,
        allow_partial: bool = False,
        max_age: float | None = None,
        depth: int = 500,
    ) -> Route:
        return self._wait(
            self._universal.route(
                symbol,
                side,
                quantity,
                max_venues=max_venues,
                balances=balances,
                limits=limits,
                allow_partial=allow_partial,
                max_age=max_age,
                depth=depth,
            )
        )

    def execute(self, route: Route, *, time_in_force: str = "ioc") -> ExecutionReport:
        return self._wait(self._universal.execute(route, time_in_force=time_in_force))

    def resolve_execution(self, report: ExecutionReport) -> ExecutionReport:
        return self._wait(self._universal.resolve_execution(report))

    # Arbitrage.

    def scan_arbitrage(
        self,
        symbols: Iterable[str | Symbol],
        *,
        kinds: Collection[str] = KINDS,
        min_profit: Number = 0,
        min_bps: Number = 0,
        max_age: float | None = 5.0,
        balances: Mapping[str, Mapping[str, Number]] | None = None,
        payments: int = 0,
        depth: int = 500,
    ) -> ArbitrageScan:
        return self._wait(
            self._universal.scan_arbitrage(
                symbols,
                kinds=kinds,
                min_profit=min_profit,
                min_bps=min_bps,
                max_age=max_age,
                balances=balances,
                payments=payments,
                depth=depth,
            )
        )


for _name, _method in vars(Universal).items():  # one text for both: the contract is the same
    if callable(_method) and _method.__doc__ is None and hasattr(AsyncUniversal, _name):
        _method.__doc__ = getattr(AsyncUniversal, _name).__doc__
