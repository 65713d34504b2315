"""AsyncUniversal: several venues behind one object. ``blocking.Universal`` is the same without ``await``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Sequence
from decimal import Decimal

from ..client import AsyncClient
from ..klines import Klines
from ..models import BookSnapshot, FundingRate, Instrument, OpenInterest, Ticker, Trade
from ..symbols import Kind, Symbol, Time
from .trading import Trading

__all__ = ["AsyncUniversal"]


class AsyncUniversal(Trading):
    """Read from several venues as from one, with asyncio.

    ``venues`` are names of ``tw.venues()``, in order of preference. ``strategy`` tells which is asked first:
    ``"health"`` (least expected time until an answer, failures included, plus the answer's age), ``"latency"``,
    ``"priority"`` (as given), ``"round_robin"`` or ``"weighted"`` (``weights`` by venue). A venue that fails is
    followed by the next within the same read, rests, and is probed again by itself. Every verb takes ``venue=``, which
    pins it to one venue. ``answer`` tells where a value came from.

    ``timeout`` is in seconds: a read fails when no venue has shown a sign of life for so long. After ``patience``
    seconds without an answer the next venue is asked as well, and the first answer wins; by default that leaves each
    venue its turn within half the time-out, and is at most 1 s. ``retries`` repeats a failed request at its own venue
    while others are asked already. Waiting for our own request limits counts against patience, not the time-out.

    ``quotes={"USDT", "USD"}`` lets a market that a venue lists in another currency of the set stand for the one asked
    for. ``credentials`` maps venues to keys. ``environment`` and ``cache_ttl`` are those of ``tw.AsyncClient``.
    ``fees`` are your accounts' rates; what they leave out is the venues' base tier.

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
        """Return one venue's instrument of a symbol."""
        return await self._read("instrument", symbol, lambda client, listed: client.instrument(listed), venue)

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
