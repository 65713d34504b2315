"""Asking several venues as one: who is asked, and where the answer comes from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from .._venue import Venue
from ..client import AsyncClient, Environment
from ..credentials import Credentials
from ..errors import ConfigError, Error, NotSupported, UnknownSymbol, VenuesFailed
from ..symbols import Symbol
from . import families
from .account_fees import account_fees
from .attempts import VenueClient, perform
from .failover import Desk, Verdict
from .failover_stream import FailoverStream
from .fees import Fees
from .health import VenueHealth
from .live_books import LiveBooks
from .provenance import Answer, Conversion, Provenance, note, trailing
from .strategies import StrategyName
from .strategies import strategy as make_strategy
from .together import together

__all__ = ["Asking", "or_error"]

P = ParamSpec("P")
T = TypeVar("T")


class Asking:
    """What every verb of ``AsyncUniversal`` is made of."""

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
        self._fees = fees or Fees()
        self._live = LiveBooks(self._clients)
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
        await self._live.aclose()
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
    def live_books(self) -> LiveBooks:
        """Live books of these venues: while a watch over them is open, what needs a book takes it from there."""
        return self._live

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that at least one of the venues offers."""
        offered: set[str] = set().union(*(client.capabilities for client in self._clients.values()))
        return frozenset(verb for verb in offered if hasattr(type(self), verb))

    def health(self) -> dict[str, VenueHealth]:
        """Tell how each venue is doing, without asking any."""
        return self._desk.health()

    async def load_fees(self, symbols: Iterable[str | Symbol]) -> Fees:
        """Ask the venues for your accounts' own rates in these markets, and reckon with them from now on.

        Returns the rates now used; ``rate(venue, instrument).source`` tells where one comes from. A venue without
        credentials, or that tells no rates (of this market), keeps its base tier, whose source then says why. Rates
        given as ``fees`` stand. Streams and books made before keep the rates that they were made with.

        Raises ``ConfigError`` without any credentials, and ``VenuesFailed`` when a venue that can tell did not answer:
        then nothing has changed.
        """
        asked = [] if isinstance(symbols, str) else [Symbol.parse(symbol) for symbol in symbols]
        if not asked:
            raise ConfigError('load_fees: give a list of symbols, such as ["BTC-USDT"]')
        self._need_credentials("load_fees")
        told, unknown = await account_fees(self._clients, self._private, asked, timeout=self._desk.timeout)
        self._fees = self._fees.with_account(told, unknown)
        return self._fees

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
        pinned = None if venue is None else self._known(venue)
        return await perform(self._desk.read(verb, symbols, pinned), self._clients, question)

    def _follow(
        self, verb: str, symbol: str | Symbol, begin: Callable[[AsyncClient, Symbol], Any], venue: str | None
    ) -> FailoverStream[Any]:
        """Follow live data of a market, at another venue when its own is lost."""
        asked, pinned = Symbol.parse(symbol), None if venue is None else self._known(venue)
        return FailoverStream(self._desk, self._clients, verb, asked, lambda client: begin(client, asked), pinned)

    async def _each(
        self, verb: str, venues: Iterable[str], read: Callable[[str], Awaitable[T]]
    ) -> tuple[dict[str, Answer[T]], dict[str, Error]]:
        """Ask several venues at once, each for itself."""

        async def one(venue: str) -> Answer[T] | Error:
            return await or_error(self.answer(read, venue))

        outcomes = await together({venue: partial(one, venue) for venue in venues})
        answers = {venue: each for venue, each in outcomes.items() if isinstance(each, Answer)}
        failed = {venue: each for venue, each in outcomes.items() if isinstance(each, Error)}
        if not answers:
            raise VenuesFailed(f"{verb}: no venue gave an answer", causes=failed)
        return answers, failed

    async def _accounts(
        self, verb: str, read: Callable[[AsyncClient], Awaitable[list[T]]], venue: str | None
    ) -> list[T]:
        """Read every account of which we have keys, or one. All of them answer, or it fails: half a sum is none."""
        self._need_credentials(verb)
        if venue is not None:
            return await self._ask(verb, read, venue)
        answers, failed = await self._each(verb, self._private, lambda name: self._ask(verb, read, name))
        lost = {name: error for name, error in failed.items() if not isinstance(error, (NotSupported, UnknownSymbol))}
        if lost:
            raise VenuesFailed(f"{verb}: not every account could be read", causes=lost)
        return [row for answer in answers.values() for row in answer.value]

    def _need_credentials(self, verb: str) -> None:
        if not self._private:
            raise ConfigError(f'{verb} needs credentials: Universal(…, credentials={{"okx": tw.Credentials(…)}})')

    async def _conversion(self, listed: Symbol, asked: Symbol) -> Conversion:
        pairs = families.conversion_pairs(listed, asked)
        verdict = await self._decide("fetch_ticker", pairs, lambda client, pair: client.fetch_ticker(pair), None)
        return families.conversion(verdict.value, listed, time.time_ns())

    def _known(self, venue: str) -> str:
        for name, client in self._clients.items():
            if venue == name or venue in client.venue.spec.aliases:
                return name
        raise ConfigError(f"no venue {venue!r} here: one of {', '.join(self._clients)}")


async def or_error(reading: Awaitable[T]) -> T | Error:
    """What one venue answers or raises; what is wrong with the call itself is raised."""
    try:
        return await reading
    except Error as error:
        if isinstance(error, ConfigError) and error.venue is None:
            raise
        return error


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
    if not patience > 0:
        raise ConfigError(f"patience must be positive seconds, not {patience}")
    return patience
