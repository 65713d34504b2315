"""What a venue is: data about hosts and limits, and pure functions that build calls. A venue never does I/O."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from ._call import Call, Response
from .book import BookLayout
from .errors import ConfigError, NotSupported
from .klines import KlineLayout, Klines
from .models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Instrument,
    OpenInterest,
    Order,
    OrderType,
    Position,
    Side,
    Ticker,
    TimeInForce,
    Trade,
)
from .symbols import Interval, Kind, Symbol

__all__ = ["Hosts", "NewOrder", "Quota", "Spec", "Venue"]


class Quota(msgspec.Struct, frozen=True):
    """A limit of the venue: at most ``limit`` units of weight per ``period_s`` seconds in the scope ``scope``."""

    scope: str
    limit: int
    period_s: float


class Hosts(msgspec.Struct, frozen=True):
    """Base URLs of one environment, keyed by the venue's own names for its services (``"spot"``, ``"linear"`` …)."""

    rest: Mapping[str, str]
    stream: Mapping[str, str]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue is, as data.

    ``intervals`` maps ours to the venue's spelling, per kind. ``klines_page`` and ``book_depths`` are the venue's maxima.
    ``validity_s`` is how long a request that was sent can still take effect: ``resolve_order`` keeps asking that long.
    """

    name: str
    title: str
    documentation: str
    aliases: tuple[str, ...] = ()
    environments: Mapping[str, Hosts]
    quotas: tuple[Quota, ...]
    kinds: tuple[Kind, ...]
    intervals: Mapping[str, Mapping[str, str]]
    klines_page: Mapping[str, int]
    book_depths: Mapping[str, tuple[int, ...]]
    trades_page: Mapping[str, int]
    needs_passphrase: bool = False
    validity_s: float = 60.0


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to be, checked and exact. ``quantity`` in base units."""

    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Decimal
    client_order_id: str
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    post_only: bool = False
    reduce_only: bool = False


class Venue:
    """Base of every venue. A verb that a venue does not override is one that it does not offer.

    Instances are immutable and cheap. ``environment`` picks hosts from the spec; ``base_url`` and ``stream_url`` replace all of
    them (a sandbox, a proxy). Times are UTC nanoseconds, ``None`` bounds are open, ``limit`` is capped at the venue's page.
    """

    spec: ClassVar[Spec]

    def __init__(
        self, *, environment: str = "live", base_url: str | None = None, stream_url: str | None = None
    ) -> None:
        if environment not in self.spec.environments:
            known = ", ".join(self.spec.environments)
            raise NotSupported(f"{self.name} has no environment {environment!r}: one of {known}", venue=self.name)
        hosts = self.spec.environments[environment]
        self.environment = environment
        self.rest_hosts = {k: (base_url or url).rstrip("/") for k, url in hosts.rest.items()}
        self.stream_hosts = {k: (stream_url or url).rstrip("/") for k, url in hosts.stream.items()}

    @property
    def name(self) -> str:
        """The venue's canonical name."""
        return self.spec.name

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that this venue really offers."""
        own = {name for name in _VERBS if getattr(type(self), name) is not getattr(Venue, name)}
        return frozenset(own)

    def __repr__(self) -> str:
        return f"<venue {self.name} ({self.environment})>"

    # What the transport needs to know beyond single calls.

    def usage(self, response: Response) -> Mapping[str, int]:
        """Used weight per quota scope, as the answer's headers report it; empty where the venue reports none."""
        return {}

    def quotas_from(self, instruments_body: bytes) -> tuple[Quota, ...]:
        """Limits that the venue publishes with its instruments; empty where it publishes none."""
        return ()

    def new_client_order_id(self) -> str:
        """A fresh id that the venue accepts and that no other process will make."""
        raise self._unsupported("client order ids")

    # Names and layouts.

    def native_symbol(self, symbol: Symbol) -> str:
        """The venue's own id of a symbol, by rule."""
        raise self._unsupported("symbols")

    def kline_layout(self, kind: Kind = "spot") -> KlineLayout:
        """Where the fields of a kline row are."""
        raise self._unsupported("klines")

    def book_layout(self, kind: Kind = "spot") -> BookLayout:
        """Where sequence numbers and levels of book frames are."""
        raise self._unsupported("order books")

    # Public verbs.

    def ping(self) -> Call[None]:
        """Do nothing, successfully."""
        raise self._unsupported("ping")

    def server_time(self) -> Call[int]:
        """The venue's clock, UTC nanoseconds."""
        raise self._unsupported("server_time")

    def fetch_instruments(self, kind: Kind = "spot") -> Call[list[Instrument]]:
        """Every instrument of one kind."""
        raise self._unsupported("fetch_instruments")

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str | Interval,
        *,
        start: int | None = None,
        end: int | None = None,
        limit: int | None = None,
    ) -> Call[Klines]:
        """One page of klines, ascending, that open in ``[start, end)``."""
        raise self._unsupported("fetch_klines")

    def fetch_price(self, symbol: str | Symbol) -> Call[Decimal]:
        """Last traded price."""
        raise self._unsupported("fetch_price")

    def fetch_ticker(self, symbol: str | Symbol) -> Call[Ticker]:
        """Quotes and 24 h statistics of one symbol."""
        raise self._unsupported("fetch_ticker")

    def fetch_tickers(self, symbols: Mapping[str, Symbol], kind: Kind = "spot", *, every: bool = False) -> Call[list[Ticker]]:
        """Tickers of many symbols, given as native id → symbol. ``every`` asks for all the venue has and keeps the known."""
        raise self._unsupported("fetch_tickers")

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> Call[BookSnapshot]:
        """Order book snapshot of at least ``depth`` levels a side, cut to it."""
        raise self._unsupported("fetch_book")

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> Call[list[Trade]]:
        """Latest public trades, oldest first."""
        raise self._unsupported("fetch_trades")

    def fetch_funding_rate(self, symbol: str | Symbol) -> Call[FundingRate]:
        """The rate now forming."""
        raise self._unsupported("fetch_funding_rate")

    def fetch_funding_history(
        self, symbol: str | Symbol, *, start: int | None = None, end: int | None = None, limit: int | None = None
    ) -> Call[list[FundingRate]]:
        """Rates paid, oldest first, with funding time in ``[start, end)``."""
        raise self._unsupported("fetch_funding_history")

    def fetch_open_interest(self, symbol: str | Symbol) -> Call[OpenInterest]:
        """Open interest now."""
        raise self._unsupported("fetch_open_interest")

    # Private verbs.

    def fetch_balances(self, kind: Kind = "spot") -> Call[list[Balance]]:
        """Every asset with a balance."""
        raise self._unsupported("fetch_balances")

    def fetch_positions(self, symbols: Mapping[str, Symbol]) -> Call[list[Position]]:
        """Open positions; ``symbols`` maps native ids to symbols."""
        raise self._unsupported("fetch_positions")

    def fetch_orders(
        self, symbol: str | Symbol, *, start: int | None = None, end: int | None = None, limit: int | None = None
    ) -> Call[list[Order]]:
        """Orders of one symbol in any state, oldest first."""
        raise self._unsupported("fetch_orders")

    def fetch_open_orders(
        self, symbol: str | Symbol | None, symbols: Mapping[str, Symbol], kind: Kind = "spot"
    ) -> Call[list[Order]]:
        """Working orders of one symbol, or of all of a kind (``symbols`` maps native ids to symbols)."""
        raise self._unsupported("fetch_open_orders")

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """One order by either id."""
        raise self._unsupported("fetch_order")

    def fetch_fills(
        self, symbol: str | Symbol, *, start: int | None = None, end: int | None = None, limit: int | None = None
    ) -> Call[list[Fill]]:
        """Own executions of one symbol, oldest first."""
        raise self._unsupported("fetch_fills")

    def create_order(self, order: NewOrder) -> Call[Order]:
        """Place an order."""
        raise self._unsupported("create_order")

    def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """Cancel one order by either id."""
        raise self._unsupported("cancel_order")

    def cancel_all_orders(self, symbol: str | Symbol) -> Call[list[Order]]:
        """Cancel every working order of a symbol."""
        raise self._unsupported("cancel_all_orders")

    # For venues.

    def symbol(self, symbol: str | Symbol) -> Symbol:
        """Parse a symbol and refuse a kind that this venue does not trade."""
        parsed = Symbol.parse(symbol)
        if parsed.kind not in self.spec.kinds or (parsed.settle is not None and parsed.settle != parsed.quote):
            raise NotSupported(f"{self.name}: {parsed} is not a market that tidewire offers here", venue=self.name)
        return parsed

    def interval(self, interval: str | Interval, kind: Kind) -> tuple[Interval, str]:
        """Parse an interval and spell it the venue's way; raise ``ConfigError`` naming what the venue offers."""
        offered = self.spec.intervals[kind]
        parsed = Interval.parse(interval)
        if parsed.text not in offered:
            raise ConfigError(f"{self.name} has no {parsed} klines for {kind}: one of {' '.join(offered)}", venue=self.name)
        return parsed, offered[parsed.text]

    def _unsupported(self, what: str) -> NotSupported:
        return NotSupported(f"{self.name} does not offer {what}", venue=self.name)


_VERBS: tuple[str, ...] = (
    "ping",
    "server_time",
    *(name for name in vars(Venue) if name.startswith(("fetch_", "create_", "cancel_", "amend_"))),
)

AnyCall = Call[Any]
