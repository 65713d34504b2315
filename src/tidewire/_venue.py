"""What a venue is: data about hosts and limits, and pure functions that build calls. A venue never does I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Literal

import msgspec

from ._call import Call
from ._channel import BalanceChannel, BookChannel, EntryChannel, KlineChannel, OrderChannel, TradeChannel, ValueChannel
from ._order import Number
from .book import BookLayout
from .errors import ConfigError, NotSupported, UnknownSymbol, VenueError
from .klines import KlineLayout, Klines
from .models import (
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
    TradingFee,
)
from .symbols import Interval, Kind, Symbol, Time

__all__ = ["Hosts", "Quota", "Spec", "Venue"]

_DAY_NS = 86_400 * 10**9


class Quota(msgspec.Struct, frozen=True):
    """A limit of the venue: at most ``limit`` units of weight per ``period_s`` seconds in ``scope``.

    A scope is named by what it meters and its period, as in ``spot-weight-1m``. ``per`` tells what the venue counts by:
    the network address, or the account behind the key.
    """

    scope: str
    limit: int
    period_s: float
    per: Literal["address", "account"] = "address"

    @property
    def resource(self) -> str:
        """What calls cost, without the period: ``spot-weight``. Several quotas may limit one resource."""
        return self.scope.rpartition("-")[0]


class Hosts(msgspec.Struct, frozen=True):
    """Base URLs of one environment, keyed by the venue's own names for its services (``"spot"``, ``"linear"`` …)."""

    rest: Mapping[str, str]
    stream: Mapping[str, str]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue is, as data.

    ``intervals`` maps ours to the venue's spelling, per kind. ``klines_page`` and ``book_depths`` are the venue's
    maxima. ``single_instrument`` lists the kinds whose instrument list can be narrowed to one symbol. ``validity_s`` is
    how long a request that was sent can still take effect: ``resolve_order`` keeps asking that long.

    ``contracts`` lists the kinds whose orders count contracts: clients learn the instrument before they place one.
    ``klines_by_span``: a page of klines with a start covers ``limit`` bars of time and may hold fewer, or none, where
    bars are missing. ``orders_are_final``: ``fetch_orders`` leaves out working orders, and clients add them.
    ``forgets_unfilled``: an order that ended without a fill is gone from ``fetch_order`` and ``fetch_orders``.
    ``cancel_batch`` is how many orders ``batch_cancel`` takes, where the venue cannot cancel all at once.

    ``day_offset_s``: bars of a day and longer open so many seconds after UTC midnight. ``market_buys_by_value`` lists
    the kinds whose market buys name the money to spend: ``create_order``, which takes base units, refuses them.
    ``without``: what to add to the refusal of a verb, to say why it is not offered.
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
    single_instrument: tuple[Kind, ...] = ()
    needs_passphrase: bool = False
    validity_s: float = 60.0
    contracts: tuple[Kind, ...] = ()
    klines_by_span: bool = False
    orders_are_final: bool = False
    forgets_unfilled: bool = False
    cancel_batch: int = 0
    day_offset_s: int = 0
    market_buys_by_value: tuple[Kind, ...] = ()
    without: Mapping[str, str] = {}

    def open_time(self, interval: Interval, time_ns: int) -> int:
        """Open time (UTC ns) of this venue's bar that contains ``time_ns``."""
        offset_ns = self.day_offset_s * 10**9 if interval.ns is None or interval.ns >= _DAY_NS else 0
        return interval.floor(time_ns - offset_ns) + offset_ns


class Venue:
    """Base of every venue: verbs that build calls. A verb that a venue does not override is one that it does not offer.

    ``environment`` picks hosts from the spec; ``base_url`` and ``stream_url`` replace all of them (a sandbox, a proxy).
    Each verb is one page, one round trip: clients page and merge. Times are what ``symbols.parse_time`` accepts,
    windows are half-open ``[start, end)``, ``limit`` is capped at the venue's page. Safe to share between threads.
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
        self._symbols: dict[tuple[Kind, str], Symbol] = {}
        self._instruments: dict[Symbol, Instrument] = {}

    @property
    def name(self) -> str:
        """The venue's canonical name."""
        return self.spec.name

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that this venue really offers."""
        offered = {name for name in _VERBS if self._overrides(name)}
        return frozenset(offered | {"cancel_all_orders"} if self._overrides("batch_cancel") else offered)

    def _overrides(self, name: str) -> bool:
        return getattr(type(self), name) is not getattr(Venue, name)

    def __repr__(self) -> str:
        return f"<venue {self.name} ({self.environment})>"

    # Symbols: by rule towards the venue, by its own instrument list back, never by guessing where a native id splits.

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Remember instruments: which symbol each native id stands for, and what a contract is worth."""
        for item in instruments:
            self._symbols[item.kind, item.native] = item.symbol
            self._instruments[item.symbol] = item

    def account_query(self) -> Call[str] | None:
        """A call for the id of the key's account: ``None`` where calls need no such id, or it is known already."""
        return None

    def learn_account(self, account_id: str) -> None:
        """Remember the account's id, which calls with ``needs_account`` name. A venue object serves one key then."""
        raise self._unsupported("account ids")

    def native_symbol(self, symbol: Symbol) -> str:
        """The venue's own id of a symbol, by rule."""
        raise self._unsupported("symbols")

    def symbol(self, symbol: str | Symbol) -> Symbol:
        """Parse a symbol and refuse a kind that this venue does not trade."""
        parsed = Symbol.parse(symbol)
        if parsed.kind not in self.spec.kinds or (parsed.settle is not None and parsed.settle != parsed.quote):
            raise NotSupported(f"{self.name}: {parsed} is not a market that tidewire offers here", venue=self.name)
        return parsed

    def known_symbol(self, native: str, kind: Kind) -> Symbol:
        """The symbol behind a native id; ``UnknownSymbol`` until ``learn`` was given the instruments."""
        try:
            return self._symbols[kind, native]
        except KeyError:
            hint = "pass the venue's instruments to learn() first"
            raise UnknownSymbol(
                f"{self.name}: no instrument {native!r} among {kind}; {hint}", venue=self.name
            ) from None

    def known_instrument(self, symbol: Symbol) -> Instrument:
        """The instrument of a symbol; ``UnknownSymbol`` until ``learn`` was given it."""
        try:
            return self._instruments[symbol]
        except KeyError:
            hint = "pass the venue's instruments to learn() first"
            raise UnknownSymbol(f"{self.name} counts {symbol} in contracts: {hint}", venue=self.name) from None

    def interval(self, interval: str | Interval, kind: Kind) -> tuple[Interval, str]:
        """Parse an interval and spell it the venue's way; raise ``ConfigError`` naming what the venue offers."""
        offered = self.spec.intervals[kind]
        parsed = Interval.parse(interval)
        if parsed.text not in offered:
            raise ConfigError(
                f"{self.name} has no {parsed} klines for {kind}: one of {' '.join(offered)}", venue=self.name
            )
        return parsed, offered[parsed.text]

    # What the machinery needs to know beyond single calls.

    def usage(self, call: Call[Any], headers: Mapping[str, str]) -> Mapping[str, int]:
        """Used weight per quota scope, as the headers of a call's answer report it; empty where they report none."""
        return {}

    def quotas_from(self, kind: Kind, instruments_body: bytes) -> tuple[Quota, ...]:
        """Limits that the venue publishes with its instruments; empty where it publishes none."""
        return ()

    def outcome_unknown(self, error: VenueError) -> bool:
        """Whether this answer to a write leaves open if it happened. By default any HTTP 5xx."""
        return error.http_status is not None and error.http_status >= 500

    def instrument_lists(self, kind: Kind) -> Sequence[Call[list[Instrument]]]:
        """Calls that together give every instrument of a kind."""
        return [self.fetch_instruments(kind)]

    def ticker_groups(self, symbols: Sequence[Symbol]) -> Sequence[Sequence[Symbol]]:
        """Symbols parted into those that one ``fetch_tickers`` can ask for."""
        groups = ([symbol for symbol in symbols if symbol.kind == kind] for kind in self.spec.kinds)
        return [group for group in groups if group]

    def kline_layout(self, kind: Kind = "spot") -> KlineLayout:
        """Where the fields of a kline row are."""
        raise self._unsupported("klines")

    def book_layout(self, kind: Kind = "spot") -> BookLayout:
        """Where sequence numbers and levels of book frames are."""
        raise self._unsupported("order books")

    # Public verbs.

    def ping(self) -> Call[None]:
        """Ask for nothing, successfully."""
        raise self._unsupported("ping")

    def server_time(self) -> Call[int]:
        """The venue's clock, UTC nanoseconds."""
        raise self._unsupported("server_time")

    def fetch_instruments(self, kind: Kind = "spot", *, symbol: str | Symbol | None = None) -> Call[list[Instrument]]:
        """Every instrument of one kind; only ``symbol``'s where the venue can narrow the list."""
        raise self._unsupported("fetch_instruments")

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str | Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[Klines]:
        """One page of klines, ascending, that open in ``[start, end)``: the oldest from ``start``, else the newest."""
        raise self._unsupported("fetch_klines")

    def fetch_price(self, symbol: str | Symbol) -> Call[Decimal]:
        """Last traded price."""
        raise self._unsupported("fetch_price")

    def fetch_ticker(self, symbol: str | Symbol) -> Call[Ticker]:
        """Quotes and 24 h statistics of one symbol."""
        raise self._unsupported("fetch_ticker")

    def fetch_tickers(
        self, symbols: Sequence[str | Symbol] | None = None, *, kind: Kind = "spot"
    ) -> Call[list[Ticker]]:
        """Tickers of the symbols given (of one kind), or of all of a kind (``learn`` its instruments first)."""
        raise self._unsupported("fetch_tickers")

    def fetch_quote(self, symbol: str | Symbol) -> Call[Ticker]:
        """Best bid and ask of one symbol, and nothing else."""
        raise self._unsupported("fetch_quote")

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> Call[BookSnapshot]:
        """Order book snapshot of at most ``depth`` levels a side."""
        raise self._unsupported("fetch_book")

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> Call[list[Trade]]:
        """Latest public trades, oldest first."""
        raise self._unsupported("fetch_trades")

    def fetch_funding_rate(self, symbol: str | Symbol) -> Call[FundingRate]:
        """The rate now forming."""
        raise self._unsupported("fetch_funding_rate")

    def fetch_funding_history(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> Call[list[FundingRate]]:
        """Rates paid, oldest first, with funding time in ``[start, end)``."""
        raise self._unsupported("fetch_funding_history")

    def fetch_open_interest(self, symbol: str | Symbol) -> Call[OpenInterest]:
        """Open interest now."""
        raise self._unsupported("fetch_open_interest")

    # Private verbs.

    def fetch_trading_fee(self, symbol: str | Symbol) -> Call[TradingFee]:
        """The account's own maker and taker rates in one market."""
        raise self._unsupported("fetch_trading_fee")

    def fetch_balances(self, *, kind: Kind = "spot") -> Call[list[Balance]]:
        """Every asset with a balance in the spot or the derivatives wallet."""
        raise self._unsupported("fetch_balances")

    def fetch_positions(self) -> Call[list[Position]]:
        """Open positions (``learn`` the linear instruments first)."""
        raise self._unsupported("fetch_positions")

    def fetch_orders(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> Call[list[Order]]:
        """Orders of one symbol in any state, oldest first."""
        raise self._unsupported("fetch_orders")

    def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> Call[list[Order]]:
        """Working orders of one symbol, or of all of a kind (``learn`` its instruments first)."""
        raise self._unsupported("fetch_open_orders")

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """One order by either id."""
        raise self._unsupported("fetch_order")

    def fetch_fills(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> Call[list[Fill]]:
        """Own executions of one symbol, oldest first."""
        raise self._unsupported("fetch_fills")

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
    ) -> Call[Order]:
        """Place an order; ``quantity`` in base units. A client order id is made when none is given."""
        raise self._unsupported("create_order")

    def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """Cancel one order by either id."""
        raise self._unsupported("cancel_order")

    def cancel_all_orders(self, symbol: str | Symbol) -> Call[list[Order]]:
        """Cancel every working order of a symbol; returns those the venue names."""
        raise self._unsupported("cancel_all_orders in one call")

    def batch_cancel(self, symbol: str | Symbol, order_ids: Sequence[str]) -> Call[list[Order]]:
        """Cancel up to ``Spec.cancel_batch`` orders of a symbol; returns those that the venue took the cancel of.

        For venues that cannot cancel all orders at once: there clients cancel the open ones in batches.
        """
        raise self._unsupported("batch_cancel")

    # Streams: what to subscribe to. The client's ``watch_*`` runs them.

    def watch_book(self, symbol: str | Symbol, depth: int | None = None) -> BookChannel:
        """A book's messages; its snapshot has at least ``depth`` levels a side, or all that the venue offers."""
        raise self._unsupported("watch_book")

    def watch_trades(self, symbol: str | Symbol) -> TradeChannel:
        """Public trades."""
        raise self._unsupported("watch_trades")

    def watch_ticker(self, symbol: str | Symbol) -> ValueChannel[Ticker]:
        """Quotes and 24 h statistics."""
        raise self._unsupported("watch_ticker")

    def watch_klines(self, symbol: str | Symbol, interval: str | Interval) -> KlineChannel:
        """The forming kline, and each that closes."""
        raise self._unsupported("watch_klines")

    def watch_funding_rate(self, symbol: str | Symbol) -> ValueChannel[FundingRate]:
        """The rate now forming."""
        raise self._unsupported("watch_funding_rate")

    def watch_orders(self, *, kind: Kind = "spot") -> OrderChannel:
        """Own orders of one kind of account, and their fills (``learn`` its instruments first)."""
        raise self._unsupported("watch_orders")

    def watch_balances(self, *, kind: Kind = "spot") -> BalanceChannel:
        """What the spot or the derivatives wallet holds."""
        raise self._unsupported("watch_balances")

    def order_entry(self, *, kind: Kind = "spot") -> EntryChannel:
        """Orders over a connection that stays open. The client's ``order_entry`` runs it."""
        raise self._unsupported("order_entry")

    def _unsupported(self, what: str) -> NotSupported:
        return NotSupported(f"{self.name} does not offer {what}{self.spec.without.get(what, '')}", venue=self.name)


_VERBS: tuple[str, ...] = (
    "ping",
    "server_time",
    "order_entry",
    *(name for name in vars(Venue) if name.startswith(("fetch_", "watch_", "create_", "cancel_", "amend_"))),
)
