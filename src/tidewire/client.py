"""Client and AsyncClient: one-line shells over the same verbs. Names and signatures are equal; one awaits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Protocol, Self

from ._entry import OrderEntry
from ._order import Number
from ._progress import Progress
from ._session import Session
from ._transport import AsyncTransport, SyncTransport
from ._venue import Venue
from ._verbs import Verbs
from .credentials import Credentials
from .errors import ConfigError, OutcomeUnknown
from .klines import Klines
from .models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Health,
    Instrument,
    OpenInterest,
    Order,
    Position,
    Ticker,
    Trade,
    TradingFee,
)
from .stream import (
    BalanceStream,
    BookStream,
    FundingRateStream,
    KlineStream,
    OrderStream,
    Streams,
    TickerStream,
    TradeStream,
)
from .symbols import Kind, Symbol, Time
from .venues import venue as load_venue

__all__ = ["AsyncClient", "Client", "Environment"]

# Verbs that every client adds to what its venue offers, each with the venue verb that it is made of.
_DERIVED = {
    "fetch_klines_many": "fetch_klines",
    "instrument": "fetch_instruments",
    "resolve_order": "fetch_order",
    "fetch_data": "fetch_instruments",
}


class Environment(Protocol):
    """Somewhere else that a venue lives: a running ``tw.sandbox.Sandbox``, for one."""

    def base_url(self, venue: str) -> str:
        """Root of its REST addresses."""
        ...

    def stream_url(self, venue: str) -> str:
        """Root of its WebSocket addresses."""
        ...


class _Base:
    """What both clients hold: a venue, a session and its verbs."""

    def __init__(
        self,
        venue: str | Venue | type[Venue],
        *,
        credentials: Credentials | None = None,
        environment: str | Environment = "live",
        base_url: str | None = None,
        stream_url: str | None = None,
        http: Any = None,
        timeout: float = 10.0,
        retries: int = 3,
        cache_ttl: float = 3600.0,
    ) -> None:
        if credentials is not None and not isinstance(credentials, Credentials):
            raise ConfigError(f"credentials: expected tw.Credentials, not {type(credentials).__name__}")
        if not timeout > 0:
            raise ConfigError(f"timeout must be positive seconds, not {timeout}")
        self._venue = _place(venue, environment, base_url, stream_url)
        self._session = Session(self._venue, credentials, retries=retries)
        self._verbs = Verbs(self._session, cache_ttl)
        self._credentials = credentials
        self._timeout = timeout

    @property
    def venue(self) -> Venue:
        """The venue behind this client: spec, layouts and calls without I/O."""
        return self._venue

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that this venue really offers here; any other raises ``NotSupported`` before anything is sent."""
        offered = self._venue.capabilities
        derived = {verb for verb, part in _DERIVED.items() if part in offered}
        return frozenset(verb for verb in {*offered, *derived, "health"} if hasattr(type(self), verb))

    def health(self) -> Health:
        """Return latency, clock offset, used limits and the last error, without asking the venue."""
        return self._session.health()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._venue!r})"


class Client(_Base):
    """Talk to one venue, blocking.

    ``venue`` is a name of ``tw.venues()``. ``environment`` is ``"live"``, ``"testnet"`` where the venue has one, or a
    running ``tw.sandbox.Sandbox``. ``base_url`` and ``stream_url`` override its hosts. ``http`` is your own
    ``httpx.Client`` (proxies, HTTP/2 …), which stays yours to close. ``timeout`` is in seconds per request, ``retries``
    counts repeats of *reads*; writes are never repeated. ``cache_ttl`` is how long instruments are kept, in seconds.

    Use as a context manager, or call ``close``. Safe to share between threads. All verbs may raise ``ConfigError``
    before sending, ``TransportError``, ``VenueError`` and ``DecodeError``.
    """

    def __init__(
        self,
        venue: str | Venue | type[Venue],
        *,
        credentials: Credentials | None = None,
        environment: str | Environment = "live",
        base_url: str | None = None,
        stream_url: str | None = None,
        http: Any = None,
        timeout: float = 10.0,
        retries: int = 3,
        cache_ttl: float = 3600.0,
    ) -> None:
        super().__init__(
            venue,
            credentials=credentials,
            environment=environment,
            base_url=base_url,
            stream_url=stream_url,
            timeout=timeout,
            retries=retries,
            cache_ttl=cache_ttl,
        )
        self._transport = SyncTransport(http, timeout)
        self._run = self._transport.run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections (not your own ``http`` client)."""
        self._transport.close()

    def ping(self) -> int:
        """Return how long the venue took to answer, in nanoseconds."""
        return self._run(self._verbs.ping())

    def server_time(self) -> dt.datetime:
        """Return the venue's clock as an aware UTC datetime."""
        return self._run(self._verbs.server_time())

    def fetch_instruments(self, kind: Kind | None = None, *, refresh: bool = False) -> list[Instrument]:
        """Return the instruments of a kind (``"spot"``, ``"linear"``), or of all.

        They are kept for ``cache_ttl`` seconds, for ``instrument`` and order checks too; ``refresh`` forgets them
        first.
        """
        return self._run(self._verbs.fetch_instruments(kind, refresh=refresh))

    def instrument(self, symbol: str | Symbol) -> Instrument:
        """Return one instrument, cached; raise ``UnknownSymbol`` with near matches."""
        return self._run(self._verbs.instrument(symbol))

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        closed: bool = True,
    ) -> Klines:
        """Return the klines that open in ``[start, end)``, ascending, however many pages that takes.

        Without ``start`` the newest ``limit`` (500) up to ``end`` (now); with it at most ``limit`` from there. Times
        are aware datetimes, dates, ISO-8601 text or integer nanoseconds. The unfinished bar is left out unless
        ``closed=False``. Bars that the venue does not have are listed in ``Klines.gaps``, never invented.
        """
        return self._run(self._verbs.fetch_klines(symbol, interval, start=start, end=end, limit=limit, closed=closed))

    def fetch_klines_many(
        self,
        symbols: Sequence[str],
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        concurrency: int = 8,
        progress: Progress = None,
    ) -> dict[str, Klines]:
        """Return klines of many symbols, ``concurrency`` at a time within the venue's limits, keyed as given.

        ``progress=True`` shows a bar (tqdm or rich); a callable is given ``(done, total, symbol)``. The first failure
        ends it.
        """
        return self._run(
            self._verbs.fetch_klines_many(
                symbols, interval, start=start, end=end, concurrency=concurrency, progress=progress
            )
        )

    def fetch_price(self, symbol: str | Symbol) -> Decimal:
        """Return the last traded price."""
        return self._run(self._verbs.fetch_price(symbol))

    def fetch_ticker(self, symbol: str | Symbol) -> Ticker:
        """Return quotes and rolling 24 h statistics."""
        return self._run(self._verbs.fetch_ticker(symbol))

    def fetch_tickers(self, symbols: Sequence[str | Symbol] | None = None) -> list[Ticker]:
        """Return the tickers of the symbols given, or of every spot symbol."""
        return self._run(self._verbs.fetch_tickers(symbols))

    def fetch_quote(self, symbol: str | Symbol) -> Ticker:
        """Return the best bid and ask alone: cheaper than a ticker, and what some venues' tickers leave out."""
        return self._run(self._verbs.fetch_quote(symbol))

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> BookSnapshot:
        """Return the order book, at most ``depth`` levels a side."""
        return self._run(self._verbs.fetch_book(symbol, depth))

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> list[Trade]:
        """Return the latest public trades, oldest first; ``side`` is the taker's."""
        return self._run(self._verbs.fetch_trades(symbol, limit))

    def fetch_funding_rate(self, symbol: str | Symbol) -> FundingRate:
        """Return the funding rate now forming on a perpetual."""
        return self._run(self._verbs.fetch_funding_rate(symbol))

    def fetch_funding_history(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> list[FundingRate]:
        """Return funding rates paid, oldest first; ``start`` and ``limit`` as in ``fetch_orders``."""
        return self._run(self._verbs.fetch_funding_history(symbol, start=start, end=end, limit=limit))

    def fetch_open_interest(self, symbol: str | Symbol) -> OpenInterest:
        """Return the open interest of a contract."""
        return self._run(self._verbs.fetch_open_interest(symbol))

    def fetch_trading_fee(self, symbol: str | Symbol) -> TradingFee:
        """Return the account's own maker and taker rates in a market, as fractions; a negative one is a rebate."""
        return self._run(self._verbs.fetch_trading_fee(symbol))

    def fetch_balances(self, *, kind: Kind = "spot") -> list[Balance]:
        """Return the assets held in the spot wallet, or with ``kind="linear"`` in the derivatives wallet."""
        return self._run(self._verbs.fetch_balances(kind=kind))

    def fetch_positions(self) -> list[Position]:
        """Return the open derivatives positions."""
        return self._run(self._verbs.fetch_positions())

    def fetch_orders(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> list[Order]:
        """Return orders of a symbol in any state, oldest first: from ``start`` on, else the newest; ``limit`` of them.

        Without a limit, as many as the venue's page in the docs says: all from the start on, or one answer.
        """
        return self._run(self._verbs.fetch_orders(symbol, start=start, end=end, limit=limit))

    def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> list[Order]:
        """Return working orders of a symbol, or of every symbol of a kind."""
        return self._run(self._verbs.fetch_open_orders(symbol, kind=kind))

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        """Return one order by either id; raise ``OrderNotFound``."""
        return self._run(self._verbs.fetch_order(symbol, order_id=order_id, client_order_id=client_order_id))

    def fetch_fills(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> list[Fill]:
        """Return own executions of a symbol, oldest first; ``start`` and ``limit`` as in ``fetch_orders``."""
        return self._run(self._verbs.fetch_fills(symbol, start=start, end=end, limit=limit))

    def create_order(
        self,
        symbol: str | Symbol,
        *,
        side: str,
        type: str,
        quantity: Number,
        price: Number | None = None,
        time_in_force: str | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        client_order_id: str | None = None,
    ) -> Order:
        """Place an order. ``quantity`` in base units; numbers as ``Decimal`` or text (a float counts as its shortest
        text).

        Raises ``FilterViolation`` before sending when tick, lot or notional rules are broken: round explicitly with
        ``instrument(symbol).round_price``. Raises ``OutcomeUnknown`` when the answer was lost: pass it to
        ``resolve_order``. Never repeated by us. Venues that only acknowledge (OKX, HTX) give the order back as
        ``PENDING``, with the terms that were sent: what became of it is in ``fetch_order``.
        """
        return self._run(
            self._verbs.create_order(
                symbol,
                side=side,
                type=type,
                quantity=quantity,
                price=price,
                time_in_force=time_in_force,
                post_only=post_only,
                reduce_only=reduce_only,
                client_order_id=client_order_id,
            )
        )

    def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        """Cancel one order by either id; return it as the venue then reports it."""
        return self._run(self._verbs.cancel_order(symbol, order_id=order_id, client_order_id=client_order_id))

    def cancel_all_orders(self, symbol: str | Symbol) -> list[Order]:
        """Cancel every working order of a symbol; return those that the venue names."""
        return self._run(self._verbs.cancel_all_orders(symbol))

    def resolve_order(self, unknown: OutcomeUnknown, *, timeout: float | None = None) -> Order:
        """Find out what became of a write whose answer was lost.

        Asks by id until the order shows, or until the request can no longer take effect (the venue's validity window
        after it was sent, or ``timeout`` seconds): then raises ``OrderNotFound``, which means that it does not exist.
        A cancel's order comes back as it stands; one that still works may be canceled again without harm.
        """
        return self._run(self._verbs.resolve_order(unknown, timeout=timeout))

    def fetch_data(self, kind: str, symbol: str | None, **options: Any) -> Any:
        """Return any public data by name: one door for plug-in hosts.

        ``kind`` is one of ``klines ticker tickers price book trades instruments funding_rate open_interest``;
        ``options`` are those of the verb; ``symbol`` is ``None`` for ``tickers`` and ``instruments``.
        """
        return self._run(self._verbs.fetch_data(kind, symbol, **options))


class AsyncClient(_Base):
    """Talk to one venue with asyncio: ``Client``'s verbs awaited, and its streams.

    ``http`` is your own ``httpx.AsyncClient``. Use as an async context manager, or await ``close``. For the tasks of
    one event loop.
    """

    def __init__(
        self,
        venue: str | Venue | type[Venue],
        *,
        credentials: Credentials | None = None,
        environment: str | Environment = "live",
        base_url: str | None = None,
        stream_url: str | None = None,
        http: Any = None,
        timeout: float = 10.0,
        retries: int = 3,
        cache_ttl: float = 3600.0,
    ) -> None:
        super().__init__(
            venue,
            credentials=credentials,
            environment=environment,
            base_url=base_url,
            stream_url=stream_url,
            timeout=timeout,
            retries=retries,
            cache_ttl=cache_ttl,
        )
        self._transport = AsyncTransport(http, timeout)
        self._run = self._transport.run
        self._streams = Streams(
            self._venue,
            run=lambda call: self._run(self._session.run(call)),
            instrument=lambda symbol: self._run(self._verbs.instrument(symbol)),
            admit=lambda costs: self._run(self._session.admit(costs)),
            venue_time=lambda: self._run(self._session.venue_time()),
            now_ns=self._session.clock.now_ns,
            account=self,
            traded=lambda: map(self._venue.symbol, tuple(self._session.traded)),
            credentials=credentials,
        )

    @property
    def streams(self) -> Streams:
        """The streams behind ``watch_*``: connections and their counters."""
        return self._streams

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close streams and connections (not your own ``http`` client)."""
        await self._streams.aclose()
        await self._transport.close()

    def watch_book(self, symbol: str | Symbol, depth: int | None = None, *, every: bool = False) -> BookStream:
        """Follow a live order book: an async iterator, and an async context manager, of the same ``OrderBook``.

        Slow readers see the newest state; with ``every`` they see the book after every single update, one by one, and
        ``StreamClosed`` with the count when they fall too far behind. Check ``book.state``, or call
        ``book.require_live()``: a gap makes the book STALE until it has been rebuilt, which happens by itself.
        """
        return self._streams.watch_book(symbol, depth, every=every)

    def watch_trades(self, symbol: str | Symbol) -> TradeStream:
        """Follow public trades: every one, in order. A reader too far behind gets ``StreamClosed`` with the count."""
        return self._streams.watch_trades(symbol)

    def watch_ticker(self, symbol: str | Symbol) -> TickerStream:
        """Follow quotes and 24 h statistics. Slow readers see the newest."""
        return self._streams.watch_ticker(symbol)

    def watch_klines(self, symbol: str | Symbol, interval: str) -> KlineStream:
        """Follow klines: the forming one as it changes, and each that closes, exactly once and in order.

        ``closed`` tells them apart. Klines that closed during a disconnection are fetched and come first.
        """
        return self._streams.watch_klines(symbol, interval)

    def watch_funding_rate(self, symbol: str | Symbol) -> FundingRateStream:
        """Follow a perpetual's funding rate now forming. Slow readers see the newest."""
        return self._streams.watch_funding_rate(symbol)

    def watch_orders(self, *, kind: Kind = "spot") -> OrderStream:
        """Follow the orders in the spot account, or with ``kind="linear"`` in the derivatives account, and their fills.

        Begins with the orders that are open. ``order.fills`` holds what is new: each fill once and in order, also those
        made while the connection was down. A reader too far behind gets ``StreamClosed`` with the count.
        """
        return self._streams.watch_orders(kind=kind)

    def watch_balances(self, *, kind: Kind = "spot") -> BalanceStream:
        """Follow what the spot wallet, or with ``kind="linear"`` the derivatives wallet, holds: an asset at a time.

        Begins with all that is held. Slow readers see the newest state of each asset.
        """
        return self._streams.watch_balances(kind=kind)

    def order_entry(self, *, kind: Kind = "spot") -> OrderEntry:
        """Place and cancel orders over one connection that stays open, for markets of a kind.

        ``async with client.order_entry() as entry: await entry.create_order(…)``. See ``OrderEntry``.
        """
        channel = self._venue.order_entry(kind=kind)
        if self._credentials is None:
            raise ConfigError(f"order_entry needs credentials: AsyncClient({self._venue.name!r}, credentials=…)")
        streams = self._streams
        return OrderEntry(
            channel, verbs=self._verbs, run=self._run, desk=streams, patience=streams.patience, timeout=self._timeout
        )

    async def ping(self) -> int:
        return await self._run(self._verbs.ping())

    async def server_time(self) -> dt.datetime:
        return await self._run(self._verbs.server_time())

    async def fetch_instruments(self, kind: Kind | None = None, *, refresh: bool = False) -> list[Instrument]:
        return await self._run(self._verbs.fetch_instruments(kind, refresh=refresh))

    async def instrument(self, symbol: str | Symbol) -> Instrument:
        return await self._run(self._verbs.instrument(symbol))

    async def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        closed: bool = True,
    ) -> Klines:
        return await self._run(
            self._verbs.fetch_klines(symbol, interval, start=start, end=end, limit=limit, closed=closed)
        )

    async def fetch_klines_many(
        self,
        symbols: Sequence[str],
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        concurrency: int = 8,
        progress: Progress = None,
    ) -> dict[str, Klines]:
        return await self._run(
            self._verbs.fetch_klines_many(
                symbols, interval, start=start, end=end, concurrency=concurrency, progress=progress
            )
        )

    async def fetch_price(self, symbol: str | Symbol) -> Decimal:
        return await self._run(self._verbs.fetch_price(symbol))

    async def fetch_ticker(self, symbol: str | Symbol) -> Ticker:
        return await self._run(self._verbs.fetch_ticker(symbol))

    async def fetch_tickers(self, symbols: Sequence[str | Symbol] | None = None) -> list[Ticker]:
        return await self._run(self._verbs.fetch_tickers(symbols))

    async def fetch_quote(self, symbol: str | Symbol) -> Ticker:
        return await self._run(self._verbs.fetch_quote(symbol))

    async def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> BookSnapshot:
        return await self._run(self._verbs.fetch_book(symbol, depth))

    async def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> list[Trade]:
        return await self._run(self._verbs.fetch_trades(symbol, limit))

    async def fetch_funding_rate(self, symbol: str | Symbol) -> FundingRate:
        return await self._run(self._verbs.fetch_funding_rate(symbol))

    async def fetch_funding_history(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> list[FundingRate]:
        return await self._run(self._verbs.fetch_funding_history(symbol, start=start, end=end, limit=limit))

    async def fetch_open_interest(self, symbol: str | Symbol) -> OpenInterest:
        return await self._run(self._verbs.fetch_open_interest(symbol))

    async def fetch_trading_fee(self, symbol: str | Symbol) -> TradingFee:
        """Return the account's own maker and taker rates in a market, as fractions; a negative one is a rebate."""
        return await self._run(self._verbs.fetch_trading_fee(symbol))

    async def fetch_balances(self, *, kind: Kind = "spot") -> list[Balance]:
        return await self._run(self._verbs.fetch_balances(kind=kind))

    async def fetch_positions(self) -> list[Position]:
        return await self._run(self._verbs.fetch_positions())

    async def fetch_orders(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> list[Order]:
        return await self._run(self._verbs.fetch_orders(symbol, start=start, end=end, limit=limit))

    async def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> list[Order]:
        return await self._run(self._verbs.fetch_open_orders(symbol, kind=kind))

    async def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        return await self._run(self._verbs.fetch_order(symbol, order_id=order_id, client_order_id=client_order_id))

    async def fetch_fills(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> list[Fill]:
        return await self._run(self._verbs.fetch_fills(symbol, start=start, end=end, limit=limit))

    async def create_order(
        self,
        symbol: str | Symbol,
        *,
        side: str,
        type: str,
        quantity: Number,
        price: Number | None = None,
        time_in_force: str | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        client_order_id: str | None = None,
    ) -> Order:
        return await self._run(
            self._verbs.create_order(
                symbol,
                side=side,
                type=type,
                quantity=quantity,
                price=price,
                time_in_force=time_in_force,
                post_only=post_only,
                reduce_only=reduce_only,
                client_order_id=client_order_id,
            )
        )

    async def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        return await self._run(self._verbs.cancel_order(symbol, order_id=order_id, client_order_id=client_order_id))

    async def cancel_all_orders(self, symbol: str | Symbol) -> list[Order]:
        return await self._run(self._verbs.cancel_all_orders(symbol))

    async def resolve_order(self, unknown: OutcomeUnknown, *, timeout: float | None = None) -> Order:  # noqa: ASYNC109
        return await self._run(self._verbs.resolve_order(unknown, timeout=timeout))

    async def fetch_data(self, kind: str, symbol: str | None, **options: Any) -> Any:
        return await self._run(self._verbs.fetch_data(kind, symbol, **options))


def _place(
    venue: str | Venue | type[Venue], environment: str | Environment, base_url: str | None, stream_url: str | None
) -> Venue:
    if isinstance(venue, Venue):
        return venue
    if isinstance(environment, str):
        return load_venue(venue, environment=environment, base_url=base_url, stream_url=stream_url)
    name = load_venue(venue).name
    return load_venue(
        venue,
        base_url=base_url or environment.base_url(name),
        stream_url=stream_url or environment.stream_url(name),
    )


for _name, _method in vars(AsyncClient).items():  # one text for both: the contract is the same
    if callable(_method) and _method.__doc__ is None and hasattr(Client, _name):
        _method.__doc__ = getattr(Client, _name).__doc__
