"""Live books, trades, klines, values and accounts: what ``watch_*`` returns, and how they share connections."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from ._account import Account, BalanceInbox, LiveBalances, LiveOrders
from ._booksync import BookStats
from ._channel import BalanceChannel, BookChannel, Channel, KlineChannel, OrderChannel, TradeChannel, ValueChannel
from ._connection import Connection, ConnectionStats, Patience
from ._feed import Feed, Query
from ._live import Inbox, Live, LiveTrades, NewestInbox, QueueInbox, Run
from ._livebook import EveryInbox, LiveBook
from ._livevalue import KlineInbox, LiveKlines, LiveValue
from ._streamstats import StreamStats, count
from ._venue import Venue
from .book import OrderBook
from .credentials import Credentials
from .errors import ConfigError, ConnectionFailed, NotSupported, StreamClosed
from .models import Balance, FundingRate, Instrument, KlineUpdate, Order, Ticker, Trade
from .symbols import Interval, Kind, Symbol

__all__ = [
    "BalanceStream",
    "BookStats",
    "BookStream",
    "ConnectionStats",
    "FundingRateStream",
    "KlineStream",
    "OrderStream",
    "Patience",
    "StreamStats",
    "Streams",
    "TickerStream",
    "TradeStream",
]

T = TypeVar("T")

P = TypeVar("P", bound="OrderChannel | BalanceChannel")

ORDER_QUEUE = 10_000
"""Changes of orders kept for a slow reader."""

TRADE_QUEUE = 10_000
"""Trades kept for a reader that is slower than the market: about two minutes of a busy one."""

KLINE_QUEUE = 10_000
"""Closed klines kept for a slow reader."""


class _Stream(Generic[T]):
    """An async iterator of live data that is also an async context manager.

    Closing it, leaving its ``async with`` or dropping it unsubscribes. For one task at a time.
    """

    def __init__(self, streams: Streams, channel: Channel, inbox: Inbox[T]) -> None:
        self._streams = streams
        self._channel = channel
        self._inbox = inbox
        self._live: Live[Any, Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        self._open()
        inbox = self._inbox
        while not inbox.closed or inbox.error is not None:
            item = inbox.take()
            if item is not None:
                return item
            if inbox.error is not None:
                await self.aclose()
                raise inbox.error
            inbox.ready.clear()
            await inbox.ready.wait()
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Unsubscribe. The last reader of a connection closes it. Closing twice does nothing."""
        self._inbox.end()
        live, self._live = self._live, None
        if live is not None:
            await self._streams.leave(live, self._inbox)

    def _open(self) -> None:
        if self._live is None and not self._inbox.closed:
            self._loop = asyncio.get_running_loop()
            self._live = self._streams.enter(self._channel, self._inbox)

    def __del__(self) -> None:
        # ``async for book in client.watch_book(…): break`` closes nothing by itself.
        live, loop = getattr(self, "_live", None), getattr(self, "_loop", None)
        if live is not None and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._streams.drop, live, self._inbox)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._channel.topic}>"


class BookStream(_Stream[OrderBook]):
    """A live book.

    Yields the same ``OrderBook`` each time it has changed: after every update, or fewer when the reader is slower, and
    after every change of ``book.state``. The first comes when the book is first live. Between two ``await``s nothing
    in it changes. A book that is not live keeps its last content and mends itself: look at ``book.state`` before
    acting on it.

    Iterating raises what kept the book from ever becoming live (``UnknownSymbol``, ``ConnectionFailed``, ``Timeout``
    …), and later only what waiting cannot mend, such as ``Banned``.
    """

    @property
    def stats(self) -> BookStats:
        """Updates, gaps, resyncs and the like of the book so far."""
        return self._live.stats if isinstance(self._live, LiveBook) else BookStats()

    @property
    def reason(self) -> str:
        """Why the book is not live; empty when it is."""
        return self._live.reason if isinstance(self._live, LiveBook) else "not opened"

    @property
    def age(self) -> float:
        """Seconds since the venue last sent anything for this book; infinite before that."""
        received_ns = self._live.received_ns if isinstance(self._live, LiveBook) else None
        return float("inf") if received_ns is None else (time.time_ns() - received_ns) / 1e9


class TradeStream(_Stream[Trade]):
    """Public trades, each once and in order, holes after a disconnection filled from the venue's recent trades.

    Raises ``StreamClosed`` with ``missed`` when the reader falls so far behind that its queue overflows, or when more
    trades went by during a disconnection than the venue still lists.
    """


class KlineStream(_Stream[KlineUpdate]):
    """Klines of one interval: the forming one as it changes, and each closed one, once and in order.

    Slow readers see the forming kline's newest state and every closed one; those missed during a disconnection are
    filled from the venue's recent klines. Raises ``StreamClosed`` with ``missed`` when closed klines no longer fit the
    reader's queue.
    """


class TickerStream(_Stream[Ticker]):
    """Quotes and 24 h statistics. Slow readers see the newest."""


class FundingRateStream(_Stream[FundingRate]):
    """The funding rate now forming. Slow readers see the newest."""


class OrderStream(_Stream[Order]):
    """Own orders of one kind of account: first those that are open, then each whenever it changes.

    ``order.fills`` is the execution that brought it there, if one did: each is reported exactly once, those of an order
    in their order, also those made while the connection was down; ``order.filled`` is the sum so far. Raises
    ``StreamClosed`` with ``missed`` when the reader's queue overflows, or the venue does not list fills that it counts.

    Entering it (``async with``) waits until it has begun, or raises what prevents that: every change from then on is
    told. An order that something else placed in a market where this client has seen none is not found after an
    interruption in which it ended.
    """

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if isinstance(self._live, LiveOrders):
            await self._live.begun.wait()
        if self._inbox.error is not None:
            await self.aclose()
            raise self._inbox.error
        return self


class BalanceStream(_Stream[Balance]):
    """Balances of one kind of account, an asset at a time: first all that is held, then each whenever it changes.

    Slow readers see the newest state of each.
    """


async def _freely(costs: Mapping[str, int]) -> None:
    """No quotas to keep."""


async def _own_time() -> int:
    """Our own clock, for want of the venue's."""
    return time.time_ns()


class Streams:
    """All streams of one client. For the tasks of one event loop.

    ``run`` performs a call (limits and retries included), ``instrument`` looks a market up, ``admit`` waits until the
    venue's quotas allow a cost, ``venue_time`` tells its clock and ``now_ns`` our present idea of it; ``credentials``
    open private feeds, ``account`` fetches their lists, and ``traded`` tells the markets in which we placed orders.
    ``patience`` paces whatever is tried again; ``trade_queue`` bounds what is kept for a slow reader of trades.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        run: Run,
        instrument: Callable[[str | Symbol], Awaitable[Instrument]],
        admit: Callable[[Mapping[str, int]], Awaitable[None]] = _freely,
        venue_time: Callable[[], Awaitable[int]] = _own_time,
        now_ns: Callable[[], int] = time.time_ns,
        account: Account | None = None,
        traded: Callable[[], Iterable[Symbol]] = tuple,
        credentials: Credentials | None = None,
        patience: Patience | None = None,
        trade_queue: int = TRADE_QUEUE,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self.run = run
        self.instrument = instrument
        self.admit = admit
        self.venue_time = venue_time
        self.now_ns = now_ns
        self.credentials = credentials
        self.ssl_context = ssl_context
        self._venue = venue
        self._account = account
        self._traded = traded
        self._trade_queue = trade_queue
        self._live: dict[tuple[str, str], Live[Any, Any]] = {}
        self._placed: dict[Live[Any, Any], Connection] = {}
        self._connections: list[tuple[Feed, Connection]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    def watch_book(self, symbol: str | Symbol, depth: int | None = None, *, every: bool = False) -> BookStream:
        """Follow a book; its snapshot holds at least ``depth`` levels a side (the venue's usual number by default)."""
        inbox = EveryInbox(self._trade_queue) if every else NewestInbox[OrderBook]()
        return BookStream(self, self._venue.watch_book(symbol, depth), inbox)

    def watch_trades(self, symbol: str | Symbol) -> TradeStream:
        """Follow public trades."""
        return TradeStream(self, self._venue.watch_trades(symbol), QueueInbox(self._trade_queue, "trades"))

    def watch_ticker(self, symbol: str | Symbol) -> TickerStream:
        """Follow quotes and 24 h statistics."""
        return TickerStream(self, self._venue.watch_ticker(symbol), NewestInbox())

    def watch_klines(self, symbol: str | Symbol, interval: str | Interval) -> KlineStream:
        """Follow the forming kline, and each that closes."""
        return KlineStream(self, self._venue.watch_klines(symbol, interval), KlineInbox(KLINE_QUEUE))

    def watch_funding_rate(self, symbol: str | Symbol) -> FundingRateStream:
        """Follow the funding rate now forming."""
        return FundingRateStream(self, self._venue.watch_funding_rate(symbol), NewestInbox())

    def watch_orders(self, *, kind: Kind = "spot") -> OrderStream:
        """Follow the orders of one kind of account, and their fills."""
        return OrderStream(self, self._private(self._venue.watch_orders(kind=kind)), QueueInbox(ORDER_QUEUE, "changes"))

    def watch_balances(self, *, kind: Kind = "spot") -> BalanceStream:
        """Follow the balances of one kind of account."""
        return BalanceStream(self, self._private(self._venue.watch_balances(kind=kind)), BalanceInbox())

    def _private(self, channel: P) -> P:
        if self.credentials is None or self._account is None:
            name = self._venue.name
            raise ConfigError(f"an account needs credentials: AsyncClient({name!r}, credentials=…)", venue=name)
        return channel

    def stats(self) -> StreamStats:
        """Return the counters of every connection and book."""
        books = [live for live in self._live.values() if isinstance(live, LiveBook)]
        return count(books, [connection for _, connection in self._connections], self._placed)

    async def aclose(self) -> None:
        """End every stream, close every connection, and wait until no task or socket is left."""
        self._closed = True
        live, self._live = tuple(self._live.values()), {}
        await asyncio.gather(*(each.aclose() for each in live))
        connections, self._connections = self._connections, []
        self._placed.clear()
        await asyncio.gather(*(connection.aclose() for _, connection in connections), *self._leaving)

    # For the streams themselves.

    def enter(self, channel: Channel, inbox: Inbox[Any]) -> Live[Any, Any]:
        """Give a reader what lives behind a channel, shared with those who watch the same."""
        if self._closed:
            raise StreamClosed("the client is closed", venue=self._venue.name)
        key = (channel.feed.url, channel.topic)
        live = self._live.get(key)
        if live is None or live.error is not None:
            live = self._live[key] = self._make(channel)
        else:
            _deepen(live, channel)
        live.enter(inbox)
        return live

    def _make(self, channel: Channel) -> Live[Any, Any]:
        match channel:
            case BookChannel():
                return LiveBook(channel, self)
            case TradeChannel():
                return LiveTrades(channel, self)
            case KlineChannel():
                return LiveKlines(channel, self)
            case ValueChannel():
                return LiveValue(channel, self)
            case OrderChannel() if self._account is not None:
                return LiveOrders(channel, self, self._account, self._traded)
            case BalanceChannel() if self._account is not None:
                return LiveBalances(channel, self, self._account)
        raise NotSupported(f"{self._venue.name} does not offer {channel.topic}", venue=self._venue.name)

    async def leave(self, live: Live[Any, Any], inbox: Inbox[Any]) -> None:
        """Take a reader away; with the last one goes the subscription, and with the last of those the connection."""
        live.leave(inbox)
        if live.inboxes:
            return
        key = (live.channel.feed.url, live.channel.topic)
        if self._live.get(key) is live:
            del self._live[key]
        # All of this before the first await: somebody may watch the same again meanwhile.
        connection = self._placed.pop(live, None)
        if connection is not None:
            for topic, subscriber in live.subscriptions.items():
                connection.remove(topic, subscriber)
            if connection.is_idle:
                self._connections = [(feed, each) for feed, each in self._connections if each is not connection]
        await live.aclose()
        if connection is not None and connection.is_idle:
            await connection.aclose()

    def drop(self, live: Live[Any, Any], inbox: Inbox[Any]) -> None:
        """Take away a reader that nobody holds any more."""
        task = asyncio.ensure_future(self.leave(live, inbox))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def join(self, live: Live[Any, Any]) -> None:
        """Place a topic on a connection of its feed that has room, or on a new one."""
        wanted = live.channel.feed
        for feed, connection in self._connections:
            if (feed.url, feed.private) == (wanted.url, wanted.private) and connection.has_room:
                break
        else:
            connection = Connection(wanted, self, self.patience)
            self._connections.append((wanted, connection))
        self._placed[live] = connection
        for topic, subscriber in live.subscriptions.items():
            connection.add(topic, subscriber)

    def renew(self, live: Live[Any, Any]) -> None:
        """Subscribe to its topic anew."""
        if live in self._placed:
            self._placed[live].renew(live.channel.topic)

    async def ask(self, live: Live[Any, Any], query: Query[T]) -> T:
        """Ask something over the connection that carries its topic."""
        if live not in self._placed:
            raise ConnectionFailed(f"{live.channel.topic}: not connected", venue=self._venue.name)
        await self.admit(query.costs)
        return query.parse(await self._placed[live].ask(live.channel.topic, query.write))


def _deepen(live: Live[Any, Any], channel: Channel) -> None:
    """Let a book that is watched already keep as many levels as its newest reader wants."""
    if not (isinstance(live, LiveBook) and isinstance(channel, BookChannel)):
        return
    if (channel.depth or 0) > (live.channel.depth or 0):
        live.deepen(channel)
