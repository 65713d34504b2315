"""The vocabulary between a venue's sandbox dialect and the generic sandbox: neutral verbs in, models out.

A venue's ``sandbox.py`` is the mirror image of its ``rest.py`` and ``stream.py``: there, a verb becomes a request and
an answer becomes models; here, a request becomes a verb of ``Exchange`` and models become an answer. Refusals travel
as the errors of ``errors.py``, with a neutral ``code`` where one class has several causes. Both sides import this
leaf and never each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

import msgspec

from ._call import Request, Response
from ._events import BalanceUpdate, Bar, BarUpdate, BookDelta, Event, OrderUpdate, PassEnded, Private, Quote
from .credentials import Credentials
from .models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Instrument,
    Level,
    OpenInterest,
    Order,
    OrderType,
    Position,
    Side,
    Ticker,
    TimeInForce,
    Trade,
    TradingFee,
)
from .symbols import Interval, Kind, Symbol

__all__ = [
    "BalanceUpdate",
    "Bar",
    "BarUpdate",
    "Beats",
    "BookDelta",
    "Breach",
    "ChargesQuote",
    "DepthView",
    "Dialect",
    "Disconnect",
    "Event",
    "Exchange",
    "FollowsNoMarket",
    "IssuesKeys",
    "Limit",
    "OrderUpdate",
    "PassEnded",
    "Placement",
    "Private",
    "Quote",
    "Session",
    "SignsHost",
    "Usage",
    "Warns",
]


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """An order as a venue receives it: ``quantity`` in base units, or ``quote_quantity`` for a market order.

    A ``post_only`` order that would take is refused, or with ``cancel_if_taking`` accepted and canceled at once.
    ``repeats_id``: the client order id may be that of another working order.
    """

    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    cancel_if_taking: bool = False
    reduce_only: bool = False
    client_order_id: str | None = None
    repeats_id: bool = False


class Limit(msgspec.Struct, frozen=True):
    """At most ``limit`` units in every calendar window of ``period_s`` seconds.

    ``bans`` tells whether insisting after a refusal ends in a ban of the address.
    """

    limit: int
    period_s: float
    bans: bool = True


class Usage(msgspec.Struct, frozen=True):
    """How much of a limit is used in the current window, and how long that lasts."""

    limit: Limit
    used: int
    resets_in_s: float


class Breach(msgspec.Struct, frozen=True):
    """A request refused for its weight: wait ``retry_after_s``; ``banned`` when the whole address is locked out."""

    scope: str
    limit: Limit
    retry_after_s: float
    until_ns: int
    banned: bool


class Exchange(Protocol):
    """What every venue can do, in neutral terms. Private verbs take the owner: the API key that signed.

    Times are UTC nanoseconds, windows half-open. Raises ``UnknownSymbol``, ``OrderNotFound``, ``DuplicateOrder``,
    ``InsufficientFunds``, ``WouldTakeLiquidity``, ``FilterViolation`` (``code``: ``price``, ``lot``, ``market_lot``,
    ``notional``, ``band``) and ``OrderRejected`` (``code``: ``reduce_only``, ``no_liquidity``).
    """

    limits: Mapping[str, Limit]

    def now_ns(self) -> int: ...
    def credentials(self, key: str) -> Credentials | None: ...
    def usage(self, scope: str) -> Usage: ...

    def charge(self, costs: Mapping[str, int]) -> Breach | None:
        """Meter a request that came over a stream; requests over HTTP are metered before the dialect sees them."""
        ...

    def refund(self, costs: Mapping[str, int]) -> None:
        """Give back what the venue does not count after all."""
        ...

    def open_pass(self, owner: str, valid_s: float) -> str:
        """Give the owner's secret address part for a private stream, the one there is or a new one, valid anew."""
        ...

    def renew_pass(self, owner: str, valid_s: float) -> bool:
        """Make the owner's pass valid anew; ``False`` when there is none."""
        ...

    def close_pass(self, owner: str) -> None:
        """End the owner's pass."""
        ...

    def pass_owner(self, text: str) -> str | None:
        """Who a valid pass belongs to."""
        ...

    def instruments(self, kind: Kind) -> Sequence[Instrument]: ...
    def instrument(self, native: str, kind: Kind) -> Instrument: ...
    def bars(
        self, symbol: Symbol, interval: Interval, *, start: int | None, end: int | None, limit: int
    ) -> Sequence[Bar]:
        """At most ``limit`` bars that open in the window: its oldest if it has a start, else its newest. Ascending."""
        ...

    def ticker(self, symbol: Symbol) -> Ticker: ...
    def book(self, symbol: Symbol, depth: int) -> BookSnapshot: ...
    def trades(self, symbol: Symbol, limit: int) -> Sequence[Trade]: ...
    def funding(self, symbol: Symbol) -> FundingRate: ...
    def funding_history(
        self, symbol: Symbol, *, start: int | None, end: int | None, limit: int
    ) -> Sequence[FundingRate]:
        """As ``bars``, by funding time."""
        ...

    def open_interest(self, symbol: Symbol) -> OpenInterest: ...

    def trading_fee(self, symbol: Symbol) -> TradingFee:
        """What every owner pays."""
        ...

    def balances(self, owner: str, kind: Kind) -> Sequence[Balance]: ...
    def positions(self, owner: str) -> Sequence[Position]: ...
    def place(self, owner: str, placement: Placement) -> Order: ...
    def cancel(
        self, owner: str, symbol: Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order: ...
    def cancel_all(self, owner: str, symbol: Symbol) -> Sequence[Order]: ...
    def order(
        self, owner: str, symbol: Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order: ...
    def orders(
        self, owner: str, kind: Kind, symbol: Symbol | None = None, *, open_only: bool = False
    ) -> Sequence[Order]:
        """Oldest first."""
        ...

    def fills(self, owner: str, symbol: Symbol) -> Sequence[Fill]:
        """Oldest first."""
        ...


class Disconnect(Exception):
    """The venue closes the connection, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Session(Protocol):
    """One WebSocket connection's state in the venue's dialect. Text frames are ``str``, binary ones ``bytes``.

    Sequence numbers that a venue counts per connection, compression and topics are its own affair: whatever leaves a
    connection was made by ``receive``, ``publish`` or, see ``Beats``, ``beat``, in the order in which it leaves.
    """

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[str | bytes]:
        """Act on a client's message; return the frames to send back. Raises ``Disconnect``.

        What the books had to tell has been published before: a snapshot taken here is continued by the next delta.
        """
        ...

    def publish(self, event: Event) -> Iterable[str | bytes]:
        """Frames that this connection's subscriptions get for an event of the market."""
        ...

    def symbols(self) -> Iterable[Symbol]:
        """Markets that this connection follows."""
        ...

    def intervals(self) -> Iterable[tuple[Symbol, Interval]]:
        """Klines that this connection follows: each is published at every step of its market."""
        ...

    def tickers(self) -> Iterable[Symbol]:
        """Markets whose last 24 hours this connection follows: published (``Ticker``) at every step."""
        ...

    def funding(self) -> Iterable[Symbol]:
        """Markets whose funding rate this connection follows: published (``FundingRate``) at every step."""
        ...


class FollowsNoMarket:
    """The part of a ``Session`` that a connection for private events, or for orders, has no use for."""

    def symbols(self) -> Iterable[Symbol]:
        return ()

    def intervals(self) -> Iterable[tuple[Symbol, Interval]]:
        return ()

    def tickers(self) -> Iterable[Symbol]:
        return ()

    def funding(self) -> Iterable[Symbol]:
        return ()


@runtime_checkable
class Beats(Protocol):
    """A session that speaks up by itself: heartbeat channels, and pings in the venue's own words."""

    beat_s: float

    def beat(self, exchange: Exchange) -> Iterable[str | bytes]:
        """Frames due now; asked for every ``beat_s`` seconds. Raises ``Disconnect`` for a client that was silent."""
        ...


@runtime_checkable
class SignsHost(Protocol):
    """A session that proves a signature over the address that was called; it is told which that is."""

    host: str


@runtime_checkable
class Warns(Protocol):
    """A session whose venue announces that it will close the connection."""

    def farewell(self) -> Iterable[str | bytes]:
        """The announcement."""
        ...


class DepthView:
    """The best ``depth`` levels a side of a book as one connection was told: for venues that keep no more.

    A level that leaves the best is told as gone, one that enters them as changed.
    """

    def __init__(self, exchange: Exchange, symbol: Symbol, depth: int) -> None:
        self._exchange, self._symbol, self._depth = exchange, symbol, depth
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}

    def snapshot(self) -> BookSnapshot:
        """The levels now. To be taken in ``receive`` or ``publish``, whose moment the next delta continues."""
        now = self._exchange.book(self._symbol, self._depth)
        self._bids, self._asks = _quantities(now.bids), _quantities(now.asks)
        return now

    def changes(self, event: BookDelta) -> BookDelta:
        """The event as it looks from here: possibly without any level, but with its sequence numbers."""
        bids, asks = self._bids, self._asks
        self.snapshot()
        return msgspec.structs.replace(event, bids=_changed(bids, self._bids), asks=_changed(asks, self._asks))


def _quantities(levels: Iterable[Level]) -> dict[Decimal, Decimal]:
    return {level.price: level.quantity for level in levels}


def _changed(before: Mapping[Decimal, Decimal], after: Mapping[Decimal, Decimal]) -> tuple[Level, ...]:
    gone = (Level(price, Decimal(0)) for price in before if price not in after)
    return (*gone, *(Level(price, quantity) for price, quantity in after.items() if before.get(price) != quantity))


class Dialect(Protocol):
    """How one venue speaks: pure functions between wire bytes and ``Exchange``."""

    name: str
    kinds: tuple[Kind, ...]
    limits: Mapping[str, Limit]
    ping_s: float | None
    """Seconds between the server's WebSocket pings; ``None`` where the venue pings in words, see ``Beats``."""

    def native(self, symbol: Symbol) -> str:
        """The venue's id of a symbol."""
        ...

    def costs(self, request: Request) -> Mapping[str, int]:
        """Weight of a request per scope of ``limits``."""
        ...

    def answer(self, request: Request, exchange: Exchange) -> Response:
        """Do what the request asks, or refuse it, in the venue's words."""
        ...

    def refund(self, request: Request, response: Response) -> Mapping[str, int]:
        """Weight that the venue gives back once it has answered."""
        ...

    def refuse(self, request: Request, breach: Breach) -> Response:
        """Say that a limit is exceeded."""
        ...

    def headers(self, request: Request, exchange: Exchange) -> Mapping[str, str]:
        """What every answer's headers report about limits."""
        ...

    def session(self, path: str, exchange: Exchange) -> Session | None:
        """State for a WebSocket connection to ``path`` (with query); ``None`` where the venue has no such address."""
        ...


@runtime_checkable
class ChargesQuote(Protocol):
    """A dialect whose venue takes spot fees in quote currency from buyers too, and holds them for working orders."""

    charges_quote: Literal[True]


@runtime_checkable
class IssuesKeys(Protocol):
    """A dialect whose keys are not just any text."""

    def issue_key(self, text: Callable[[str], str]) -> Credentials:
        """Make a key; ``text`` gives 64 hexadecimal digits for a name, the same for the same seed."""
        ...
