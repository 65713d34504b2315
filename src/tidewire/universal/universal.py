"""AsyncUniversal: several venues behind one object. ``blocking.Universal`` is the same without ``await``."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from .._venue import Venue
from ..client import AsyncClient, Environment
from ..credentials import Credentials
from ..errors import ConfigError
from ..klines import Klines
from ..models import BookSnapshot, FundingRate, Instrument, OpenInterest, Ticker, Trade
from ..symbols import Kind, Symbol, Time
from . import families
from .attempts import VenueClient, perform
from .failover import Desk, Verdict
from .health import VenueHealth
from .provenance import Answer, Conversion, Provenance, note, trailing
from .strategies import StrategyName
from .strategies import strategy as make_strategy

__all__ = ["AsyncUniversal"]

P = ParamSpec("P")
T = TypeVar("T")


class AsyncUniversal:
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

    Raises ``VenuesFailed`` with every cause when all fail; what is wrong with the call itself (``ConfigError``) is
    raised at once. For the tasks of one event loop.
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
    ) -> None:
        keys = dict(credentials or {})
        named = {each if isinstance(each, str) else each.spec.name: each for each in _several(venues)}
        if stray := set(keys) - set(named):
            raise ConfigError(f"credentials for {', '.join(sorted(stray))}, which is none of the venues given")
        made = [
            VenueClient(
                place,
                credentials=keys.get(name),
                environment=environment,
                timeout=timeout,
                retries=retries,
                cache_ttl=cache_ttl,
            )
            for name, place in named.items()
        ]
        self._clients = {client.venue.name: client for client in made}
        if len(self._clients) < len(made):
            raise ConfigError(f"the same venue twice: {', '.join(named)}")
        self._private = tuple(client.venue.name for client, name in zip(made, named, strict=True) if name in keys)
        self._quotes = families.family(quotes)
        names = tuple(self._clients)
        self._desk = Desk(
            names,
            make_strategy(strategy, names, weights),
            patience=_patience(patience, timeout, len(names)),
            timeout=timeout,
            memory_s=cache_ttl,
            clock=time.monotonic,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection and stream."""
        await asyncio.gather(*(client.close() for client in self._clients.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._clients)})"

    # The venues.

    @property
    def venues(self) -> tuple[str, ...]:
        """Names of the venues, in the order given."""
        return tuple(self._clients)

    @property
    def clients(self) -> Mapping[str, AsyncClient]:
        """The client of each venue, for what concerns one venue alone."""
        return MappingProxyType(self._clients)

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that at least one of the venues offers."""
        return frozenset().union(*(client.capabilities for client in self._clients.values()))

    def health(self) -> dict[str, VenueHealth]:
        """Tell how each venue is doing, without asking any."""
        return self._desk.health()

    # Where an answer comes from.

    async def answer(self, verb: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        """Call a verb and return its value together with its provenance.

        ``answer = await universal.answer(universal.fetch_price, "BTC-USDT")``: ``answer.value`` and
        ``answer.provenance``, which names the venue, those that failed before it and why, and any conversion.
        """
        with trailing() as trail:
            value = await verb(*args, **kwargs)
        return Answer(value, tuple(trail))

    async def _ask(
        self, verb: str, question: Callable[[AsyncClient], Awaitable[T]], venue: str | None, asked: Symbol | None = None
    ) -> T:
        """Read what needs no symbol, or one that no other stands for."""
        verdict = await self._decide(verb, (asked,), lambda client, _: question(client), venue)
        note(_provenance(verb, asked, verdict, None))
        value: T = verdict.value
        return value

    async def _ask_for(
        self,
        verb: str,
        symbol: str | Symbol,
        question: Callable[[AsyncClient, Symbol], Awaitable[T]],
        venue: str | None,
    ) -> T:
        """Read what is a fact about one market, for which no other stands."""
        asked = Symbol.parse(symbol)
        return await self._ask(verb, lambda client: question(client, asked), venue, asked)

    async def _read(
        self,
        verb: str,
        symbol: str | Symbol,
        question: Callable[[AsyncClient, Symbol], Awaitable[T]],
        venue: str | None,
    ) -> T:
        """Read what is known about a symbol, or about one of its quote family, converted where that can be."""
        asked = Symbol.parse(symbol)
        verdict = await self._decide(verb, families.alternatives(asked, self._quotes), question, venue)
        value: Any = verdict.value
        listed, by = verdict.option.symbol, None
        if listed is not None and listed != asked and families.is_price_of_now(value):
            by = await self._conversion(listed, asked)
            value = families.convert(value, by.price, asked)
        note(_provenance(verb, asked, verdict, by))
        answer: T = value
        return answer

    async def _decide(
        self,
        verb: str,
        symbols: Sequence[Symbol | None],
        question: Callable[[AsyncClient, Any], Awaitable[Any]],
        venue: str | None,
    ) -> Verdict[Any]:
        pinned = () if venue is None else (self._known(venue),)
        return await perform(self._desk.read(verb, symbols, pinned), self._clients, question)

    async def _conversion(self, listed: Symbol, asked: Symbol) -> Conversion:
        pairs = families.conversion_pairs(listed, asked)
        verdict = await self._decide("fetch_ticker", pairs, lambda client, pair: client.fetch_ticker(pair), None)
        return families.conversion(verdict.value, listed, time.time_ns())

    def _known(self, venue: str) -> str:
        for name, client in self._clients.items():
            if venue == name or venue in client.venue.spec.aliases:
                return name
        raise ConfigError(f"no venue {venue!r} here: one of {', '.join(self._clients)}")

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


def _provenance(verb: str, asked: Symbol | None, verdict: Verdict[Any], by: Conversion | None) -> Provenance:
    return Provenance(
        verb=verb,
        venue=verdict.option.venue,
        asked=asked,
        symbol=verdict.option.symbol,
        failed=verdict.failed,
        skipped=verdict.skipped,
        conversion=by,
        elapsed_s=verdict.elapsed_s,
    )


def _several(venues: Iterable[str | type[Venue]]) -> list[str | type[Venue]]:
    several = [] if isinstance(venues, str) else list(venues)
    if not several:
        raise ConfigError('give a list of venues, such as Universal(["binance", "okx"])')
    return several


def _patience(patience: float | None, timeout: float, venues: int) -> float:
    if patience is None:
        return min(1.0, timeout / 2 / venues)
    if not 0 < patience * (venues - 1) < timeout:
        raise ConfigError(
            f"patience {patience:g} s times {venues} venues must leave time for the last within timeout {timeout:g} s"
        )
    return patience
