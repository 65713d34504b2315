"""AsyncUniversal: several venues behind one object. ``blocking.Universal`` is the same without ``await``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

from .._progress import Progress
from ..book import OrderBook
from ..client import AsyncClient
from ..errors import Error, VenuesFailed
from ..klines import Klines
from ..models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Instrument,
    KlineUpdate,
    OpenInterest,
    Order,
    Position,
    Ticker,
    Trade,
)
from ..symbols import Interval, Kind, Symbol, Time
from .arbitraging import Arbitraging
from .asking import or_error
from .composite import AggregateKlines, AggregateTicker, Outliers, deviation_allowed
from .consolidating import Consolidating
from .failover_stream import FailoverStream
from .kline_grid import KlineGrid, gather_klines, names_of
from .trading import Trading

__all__ = ["AsyncUniversal"]


class AsyncUniversal(Consolidating, Trading, Arbitraging):
    """Read from several venues as from one, with asyncio.

    ``venues`` are names of ``tw.venues()``, in order of preference. ``strategy`` tells which is asked first:
    ``"health"`` (least expected time until an answer, failures included, plus the answer's age), ``"latency"``,
    ``"priority"`` (as given), ``"round_robin"`` or ``"weighted"`` (``weights`` by venue). A venue that fails is
    followed by the next within the same read, rests, and is probed again by itself. Every verb takes ``venue=``, which
    pins it to one venue. ``answer`` tells where a value came from.

    ``timeout`` is in seconds: a read fails when no venue has shown a sign of life for so long. After ``patience``
    seconds without an answer (1 s, or half the time-out shared by the venues; less where that is needed for each to
    have its turn in time) the next venue is asked as well, and the first answer wins. ``retries`` repeats a failed
    request at its own venue while others are asked already. Waiting for our own request limits counts against patience,
    not the time-out.

    ``quotes={"USDT", "USD"}`` lets a market that a venue lists in another currency of the set stand for the one asked
    for. ``credentials`` maps venues to keys. ``environment`` and ``cache_ttl`` are those of ``tw.AsyncClient``.
    ``fees`` are your accounts' rates, and ``load_fees`` asks for them; what they leave out is the venues' base tier.

    Raises ``VenuesFailed`` with every cause when all fail; what is wrong with the call itself (``ConfigError``) is
    raised at once. For the tasks of one event loop.
    """

    # Market data. Units and arguments are those of ``tw.Client``.

    async def ping(self, *, venue: str | None = None) -> int:
        """Return how long the venue that is asked first took to answer, in nanoseconds."""
        return await self._ask("ping", lambda client: client.ping(), venue)

    async def server_time(self, *, venue: str | None = None) -> dt.datetime:
        """Return a venue's clock as an aware UTC datetime."""
        return await self._ask("server_time", lambda client: client.server_time(), venue)

    async def fetch_instruments(self, kind: Kind | None = None, *, venue: str | None = None) -> list[Instrument]:
        """Return the instruments of one venue: rules differ, so they are never merged."""
        return await self._ask("fetch_instruments", lambda client: client.fetch_instruments(kind), venue)

    async def instrument(self, symbol: str | Symbol, *, venue: str | None = None) -> Instrument:
        """Return one venue's instrument of a symbol: no other market's rules stand in."""
        return await self._ask_for("instrument", symbol, lambda client, listed: client.instrument(listed), venue)

    async def fetch_klines(
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
        """Return klines of one venue, named by ``Klines.venue``: all of its bars, never some of another's."""

        def question(client: AsyncClient, listed: Symbol) -> Awaitable[Klines]:
            return client.fetch_klines(listed, interval, start=start, end=end, limit=limit, closed=closed)

        return await self._read("fetch_klines", symbol, question, venue)

    async def fetch_klines_many(
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
        """Return klines of many symbols, ``concurrency`` at a time, keyed as given, each by the venue that it names.

        ``progress=True`` shows a bar (tqdm or rich); a callable is given ``(done, total, symbol)``. The first symbol
        that every venue fails for ends it.
        """

        def read(symbol: str, _: str) -> Coroutine[Any, Any, Klines]:
            return self.fetch_klines(symbol, interval, start=start, end=end, venue=venue)

        pairs = [(symbol, "") for symbol in names_of(symbols)]
        found = await gather_klines(pairs, read, concurrency, progress, f"{interval} klines")
        return {symbol: bars for (symbol, _), bars in found.items()}

    async def fetch_klines_across(
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
        """Return klines of symbols × venues (all by default), ``concurrency`` at a time at each venue.

        What a venue does not have, or fails to give, is in ``KlineGrid.failed`` and ends nothing. Markets in another
        quote currency do not stand in. ``progress`` as in ``fetch_klines_many``, by ``"symbol venue"``.
        """
        length, names = Interval.parse(interval), names_of(symbols)
        places = tuple(map(self._known, venues or self.venues))

        async def read(symbol: str, place: str) -> Klines | Error:
            def question(client: AsyncClient, listed: Symbol) -> Awaitable[Klines]:
                return client.fetch_klines(listed, interval, start=start, end=end, limit=limit)

            return await or_error(self._ask_for("fetch_klines", symbol, question, place))

        pairs = [(symbol, place) for symbol in names for place in places]
        title = f"{interval} klines of {len(places)} venues"
        return KlineGrid.of(length, pairs, await gather_klines(pairs, read, concurrency, progress, title))

    async def aggregate_klines(
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
        """Return every venue's klines of a symbol side by side, and their volume-weighted composite.

        A close that is further than ``max_deviation`` (a fraction) from the median of its bar is flagged, and left out
        of the composite unless ``outliers="flag"``. Raises ``VenuesFailed`` when no venue has any.
        """
        allowed, asked = deviation_allowed(max_deviation, outliers), Symbol.parse(symbol)
        grid = await self.fetch_klines_across([str(asked)], interval, start=start, end=end, limit=limit)
        failed = {venue: error for (_, venue), error in grid.failed.items()}
        if not grid.klines:
            raise VenuesFailed(f"aggregate_klines: no venue has {asked}", causes=failed)
        return AggregateKlines(
            asked, grid.interval, grid.by_venue(str(asked)), failed, max_deviation=allowed, outliers=outliers
        )

    async def aggregate_ticker(
        self,
        symbol: str | Symbol,
        *,
        max_deviation: Decimal | str | float = 0.01,
        outliers: Outliers = "exclude",
    ) -> AggregateTicker:
        """Return every venue's ticker of a symbol side by side, and their volume-weighted last price.

        All venues are asked at once, except those that rest after a failure: ``failed`` tells what they rest for. A
        price further than ``max_deviation`` (a fraction) from the median is flagged, and left out of the composite
        unless ``outliers="flag"``. Raises ``VenuesFailed`` when no venue gives a ticker.
        """
        allowed, asked = deviation_allowed(max_deviation, outliers), Symbol.parse(symbol)
        resting = {venue: error for venue in self.venues if (error := self._desk.rests_for(venue)) is not None}
        awake = [venue for venue in self.venues if venue not in resting] or self.venues
        answers, failed = await self._each(
            "aggregate_ticker", awake, lambda venue: self.fetch_ticker(asked, venue=venue)
        )
        return AggregateTicker.of(
            asked,
            {venue: answer.value for venue, answer in answers.items()},
            {**resting, **failed},
            {venue: answer.provenance for venue, answer in answers.items()},
            max_deviation=allowed,
            outliers=outliers,
        )

    async def fetch_price(self, symbol: str | Symbol, *, venue: str | None = None) -> Decimal:
        """Return the last traded price."""
        return await self._read("fetch_price", symbol, lambda client, listed: client.fetch_price(listed), venue)

    async def fetch_ticker(self, symbol: str | Symbol, *, venue: str | None = None) -> Ticker:
        """Return quotes and rolling 24 h statistics."""
        return await self._read("fetch_ticker", symbol, lambda client, listed: client.fetch_ticker(listed), venue)

    async def fetch_tickers(
        self, symbols: Sequence[str | Symbol] | None = None, *, venue: str | None = None
    ) -> list[Ticker]:
        """Return the tickers of the symbols given, or of every spot symbol: all of one venue."""
        return await self._ask("fetch_tickers", lambda client: client.fetch_tickers(symbols), venue)

    async def fetch_quote(self, symbol: str | Symbol, *, venue: str | None = None) -> Ticker:
        """Return the best bid and ask of one venue."""
        return await self._read("fetch_quote", symbol, lambda client, listed: client.fetch_quote(listed), venue)

    async def fetch_book(self, symbol: str | Symbol, depth: int = 100, *, venue: str | None = None) -> BookSnapshot:
        """Return the order book of one venue, at most ``depth`` levels a side."""
        return await self._read("fetch_book", symbol, lambda client, listed: client.fetch_book(listed, depth), venue)

    async def fetch_trades(self, symbol: str | Symbol, limit: int = 100, *, venue: str | None = None) -> list[Trade]:
        """Return the latest public trades of one venue, oldest first."""
        return await self._read(
            "fetch_trades", symbol, lambda client, listed: client.fetch_trades(listed, limit), venue
        )

    async def fetch_funding_rate(self, symbol: str | Symbol, *, venue: str | None = None) -> FundingRate:
        """Return the funding rate now forming on a perpetual: each venue's perpetual has its own."""
        return await self._ask_for("fetch_funding_rate", symbol, lambda at, of: at.fetch_funding_rate(of), venue)

    async def fetch_funding_history(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        venue: str | None = None,
    ) -> list[FundingRate]:
        """Return funding rates paid at one venue, oldest first."""

        def question(client: AsyncClient, listed: Symbol) -> Awaitable[list[FundingRate]]:
            return client.fetch_funding_history(listed, start=start, end=end, limit=limit)

        return await self._ask_for("fetch_funding_history", symbol, question, venue)

    async def fetch_open_interest(self, symbol: str | Symbol, *, venue: str | None = None) -> OpenInterest:
        """Return the open interest of one venue's contract."""
        return await self._ask_for("fetch_open_interest", symbol, lambda at, of: at.fetch_open_interest(of), venue)

    async def fetch_data(self, kind: str, symbol: str | None, *, venue: str | None = None, **options: Any) -> Any:
        """Return any public data by name, as ``Client.fetch_data`` does: one door for plug-in hosts."""
        return await self._ask("fetch_data", lambda client: client.fetch_data(kind, symbol, **options), venue)

    # Live data of one venue at a time; ``watch_orders`` and ``watch_balances`` are those of ``clients[venue]``.

    def watch_book(
        self, symbol: str | Symbol, depth: int | None = None, *, venue: str | None = None
    ) -> FailoverStream[OrderBook]:
        """Follow a live order book; the stream's ``venue`` tells whose. Another venue's is another ``OrderBook``."""
        return self._follow("watch_book", symbol, lambda client, listed: client.watch_book(listed, depth), venue)

    def watch_trades(self, symbol: str | Symbol, *, venue: str | None = None) -> FailoverStream[Trade]:
        """Follow public trades: all of one venue, in order, while it lasts."""
        return self._follow("watch_trades", symbol, lambda client, listed: client.watch_trades(listed), venue)

    def watch_ticker(self, symbol: str | Symbol, *, venue: str | None = None) -> FailoverStream[Ticker]:
        """Follow quotes and 24 h statistics."""
        return self._follow("watch_ticker", symbol, lambda client, listed: client.watch_ticker(listed), venue)

    def watch_klines(
        self, symbol: str | Symbol, interval: str, *, venue: str | None = None
    ) -> FailoverStream[KlineUpdate]:
        """Follow klines: the forming one as it changes, and each that closes."""
        return self._follow("watch_klines", symbol, lambda client, listed: client.watch_klines(listed, interval), venue)

    def watch_funding_rate(self, symbol: str | Symbol, *, venue: str | None = None) -> FailoverStream[FundingRate]:
        """Follow a perpetual's funding rate now forming: each venue's perpetual has its own."""
        return self._follow("watch_funding_rate", symbol, lambda at, of: at.watch_funding_rate(of), venue)

    # Own accounts: of every venue that was given credentials, or of one. Which is which is in each row's ``venue``.

    async def fetch_balances(self, *, kind: Kind = "spot", venue: str | None = None) -> list[Balance]:
        """Return the assets held in the spot (or derivatives) wallets; raise unless every account can be read."""
        return await self._accounts("fetch_balances", lambda client: client.fetch_balances(kind=kind), venue)

    async def fetch_positions(self, *, venue: str | None = None) -> list[Position]:
        """Return the open derivatives positions; raise unless every account can be read."""
        return await self._accounts("fetch_positions", lambda client: client.fetch_positions(), venue)

    async def fetch_open_orders(
        self, symbol: str | Symbol | None = None, *, kind: Kind = "spot", venue: str | None = None
    ) -> list[Order]:
        """Return working orders of a symbol, or of every symbol of a kind; raise unless every account can be read."""
        return await self._accounts(
            "fetch_open_orders", lambda client: client.fetch_open_orders(symbol, kind=kind), venue
        )

    async def fetch_orders(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        venue: str | None = None,
    ) -> list[Order]:
        """Return orders of a symbol in any state, venue by venue; ``limit`` counts at each."""
        return await self._accounts(
            "fetch_orders", lambda client: client.fetch_orders(symbol, start=start, end=end, limit=limit), venue
        )

    async def fetch_order(
        self, symbol: str | Symbol, *, venue: str, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        """Return one order of one venue by either id; raise ``OrderNotFound``."""
        return await self._ask(
            "fetch_order",
            lambda client: client.fetch_order(symbol, order_id=order_id, client_order_id=client_order_id),
            venue,
        )

    async def fetch_fills(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        venue: str | None = None,
    ) -> list[Fill]:
        """Return own executions of a symbol, venue by venue; ``limit`` counts at each."""
        return await self._accounts(
            "fetch_fills", lambda client: client.fetch_fills(symbol, start=start, end=end, limit=limit), venue
        )
