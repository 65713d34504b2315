"""What each verb does beyond one round trip: paging, caching, local checks. Generators of effects, no I/O."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from . import _paging
from ._cache import Cache
from ._call import Call
from ._instruments import Instruments, hint
from ._order import NewOrder, Number
from ._progress import Progress, watch
from ._session import All, Effects, Session, Sleep
from .errors import ConfigError, Error, OrderNotFound, OutcomeUnknown, SymbolRejected, UnknownSymbol
from .klines import Klines
from .models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Instrument,
    OpenInterest,
    Order,
    OrderStatus,
    Position,
    Ticker,
    Trade,
    TradingFee,
    utc,
)
from .symbols import Kind, Symbol, Time, parse_window

__all__ = ["Verbs"]

T = TypeVar("T")
_DEFAULT_KLINES = 500
_RESOLVE_FIRST_S = 0.1
_RESOLVE_CAP_S = 2.0

Via = Callable[[Call[Order]], Call[Order]]
"""How a call about an order goes: what its request becomes elsewhere than over REST."""


def _as_it_is(call: Call[Order]) -> Call[Order]:
    return call


class Verbs:
    """Every verb as a generator. One instance per client; as safe to share as its session."""

    def __init__(self, session: Session, cache_ttl: float) -> None:
        self._session = session
        self._venue = session.venue
        self._cache: Cache[tuple[Kind, Symbol | None], Instruments] = Cache(ttl=cache_ttl, max_entries=4096)

    def _ask(self, call: Call[T]) -> Effects[T]:
        """Run a call; where the venue does not know the symbol, look what the user may have meant."""
        if call.needs_instrument:
            yield from self._instruments(call.kind) if call.symbol is None else self.instrument(call.symbol)
        try:
            return (yield from self._session.run(call))
        except SymbolRejected as error:
            near = yield from self._near(call.symbol or "")
            others = [name for name in near if name != call.symbol]
            why = f"{error.message}{f' {call.symbol}' if call.symbol else ''}{hint(others)}"
            raise SymbolRejected(why, venue=error.venue, code=error.code, http_status=error.http_status) from None

    # The venue itself.

    def server_time(self) -> Effects[dt.datetime]:
        return utc((yield from self._session.server_time()))

    def ping(self) -> Effects[int]:
        return (yield from self._session.ping())

    # Instruments.

    def fetch_instruments(self, kind: Kind | None = None, *, refresh: bool = False) -> Effects[list[Instrument]]:
        if refresh:
            self._cache.invalidate()
        found: list[Instrument] = []
        for each in self._venue.spec.kinds if kind is None else (_kind(kind),):
            found += (yield from self._instruments(each)).rows
        return found

    def instrument(self, symbol: str | Symbol) -> Effects[Instrument]:
        try:
            parsed = self._venue.symbol(symbol)
        except ConfigError as error:
            raise (yield from self._unknown_symbol(str(symbol), error)) from None
        if parsed.kind in self._venue.spec.single_instrument and self._cache.get((parsed.kind, None)) is None:
            try:
                return (yield from self._instruments(parsed.kind, parsed)).by_symbol[parsed]
            except (KeyError, SymbolRejected) as error:
                raise (yield from self._unknown_symbol(str(parsed), error)) from error
        listed = yield from self._instruments(parsed.kind)
        if parsed not in listed.by_symbol:
            raise (yield from self._unknown_symbol(str(parsed), None))
        return listed.by_symbol[parsed]

    def _instruments(self, kind: Kind, symbol: Symbol | None = None) -> Effects[Instruments]:
        def fetch() -> Effects[Instruments]:
            one = symbol is not None
            calls = [self._venue.fetch_instruments(kind, symbol=symbol)] if one else self._venue.instrument_lists(kind)
            rows: list[Instrument] = []
            for call in calls:
                rows += yield from self._session.run(call)
            self._venue.learn(rows)
            return Instruments(rows)

        return (yield from self._cache.through((kind, symbol), fetch))

    def _unknown_symbol(self, text: str, cause: Exception | None) -> Effects[Error]:
        """Spend a look at the whole list to tell what the user may have meant."""
        near = yield from self._near(text)
        if isinstance(cause, ConfigError) and not isinstance(cause, UnknownSymbol) and not near:
            return cause
        return UnknownSymbol(f"{self._venue.name} has no instrument {text!r}{hint(near)}", venue=self._venue.name)

    def _near(self, text: str) -> Effects[list[str]]:
        near: list[str] = []
        for kind in self._venue.spec.kinds:
            near += (yield from self._instruments(kind)).near(text)
        return near

    # Klines.

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        closed: bool = True,
    ) -> Effects[Klines]:
        market = self._venue.symbol(symbol)
        bar, _ = self._venue.interval(interval, market.kind)
        first, last = parse_window(start, end)
        if limit is not None and limit < 1:
            raise ConfigError(f"limit must be positive, not {limit}")
        now = self._session.clock.now_ns()
        until = self._venue.spec.open_time(bar, now) if closed else None  # the bar that is still open starts here
        if until is not None and (last is None or last > until):
            last = until
        if first is not None and last is not None and last <= first:
            return Klines.concat([], symbol=market, interval=bar, venue=self._venue.name)
        if first is not None:
            until = now if last is None else min(last, now)
            pages = yield from _paging.forward(self._venue, self._ask, market, bar, first, until, limit)
        else:
            size = limit or _DEFAULT_KLINES
            pages = yield from _paging.backward(self._venue, self._ask, market, bar, last, size)
        bars = Klines.concat(pages, symbol=market, interval=bar, venue=self._venue.name).between(first, last)
        if first is None:
            return bars[-(limit or _DEFAULT_KLINES) :]
        return bars if limit is None else bars[:limit]

    def fetch_klines_many(
        self,
        symbols: Sequence[str],
        interval: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        concurrency: int = 8,
        progress: Progress = None,
    ) -> Effects[dict[str, Klines]]:
        names = [str(symbol) for symbol in symbols]
        if isinstance(symbols, str) or len(set(names)) < len(names):
            raise ConfigError("fetch_klines_many: give a list of different symbols")
        if concurrency < 1:
            raise ConfigError(f"concurrency must be positive, not {concurrency}")
        parts = [self.fetch_klines(name, interval, start=start, end=end) for name in names]
        with watch(progress, names, f"{self._venue.name} {interval}") as done:
            results = yield All(parts, concurrency, done)
        return dict(zip(names, results, strict=True))

    # Market data, one round trip each.

    def fetch_price(self, symbol: str | Symbol) -> Effects[Decimal]:
        return (yield from self._ask(self._venue.fetch_price(symbol)))

    def fetch_ticker(self, symbol: str | Symbol) -> Effects[Ticker]:
        return (yield from self._ask(self._venue.fetch_ticker(symbol)))

    def fetch_tickers(self, symbols: Sequence[str | Symbol] | None = None) -> Effects[list[Ticker]]:
        if symbols is not None:
            parsed = [self._venue.symbol(symbol) for symbol in symbols]
            tickers: list[Ticker] = []
            for group in self._venue.ticker_groups(parsed):
                tickers += yield from self._ask(self._venue.fetch_tickers(group))
            return tickers
        yield from self._instruments("spot")
        return (yield from self._ask(self._venue.fetch_tickers()))

    def fetch_quote(self, symbol: str | Symbol) -> Effects[Ticker]:
        return (yield from self._ask(self._venue.fetch_quote(symbol)))

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> Effects[BookSnapshot]:
        return (yield from self._ask(self._venue.fetch_book(symbol, depth)))

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> Effects[list[Trade]]:
        return (yield from self._ask(self._venue.fetch_trades(symbol, limit)))

    def fetch_funding_rate(self, symbol: str | Symbol) -> Effects[FundingRate]:
        return (yield from self._ask(self._venue.fetch_funding_rate(symbol)))

    def fetch_funding_history(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> Effects[list[FundingRate]]:
        rates = yield from self._ask(self._venue.fetch_funding_history(symbol, start=start, end=end, limit=limit))
        return _cut(rates, start, limit)

    def fetch_open_interest(self, symbol: str | Symbol) -> Effects[OpenInterest]:
        return (yield from self._ask(self._venue.fetch_open_interest(symbol)))

    # The account.

    def fetch_trading_fee(self, symbol: str | Symbol) -> Effects[TradingFee]:
        return (yield from self._ask(self._venue.fetch_trading_fee(symbol)))

    def fetch_balances(self, *, kind: Kind = "spot") -> Effects[list[Balance]]:
        return (yield from self._ask(self._venue.fetch_balances(kind=_kind(kind))))

    def fetch_positions(self) -> Effects[list[Position]]:
        yield from self._instruments("linear")
        return (yield from self._ask(self._venue.fetch_positions()))

    def fetch_orders(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> Effects[list[Order]]:
        call = self._venue.fetch_orders(symbol, start=start, end=end, limit=limit)
        if not self._venue.spec.orders_are_final:
            return _cut((yield from self._ask(call)), start, limit)
        first, last = parse_window(start, end)
        # The working ones first: an order that ends meanwhile is then met twice rather than never.
        working = yield from self._ask(self._venue.fetch_open_orders(symbol))
        orders = {row.order_id: row for row in working if _within(row.created_ns, first, last)}
        orders |= {row.order_id: row for row in (yield from self._ask(call))}
        # Venues number orders upwards: that decides within one millisecond. Length first sorts digits as numbers.
        rows = sorted(orders.values(), key=lambda row: (row.created_ns or 0, len(row.order_id), row.order_id))
        return _cut(rows, start, limit)

    def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> Effects[list[Order]]:
        if symbol is None:
            yield from self._instruments(_kind(kind))
        return (yield from self._ask(self._venue.fetch_open_orders(symbol, kind=kind)))

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Effects[Order]:
        call = self._venue.fetch_order(symbol, order_id=order_id, client_order_id=client_order_id)
        return (yield from self._ask(call))

    def fetch_fills(
        self, symbol: str | Symbol, *, start: Time | None = None, end: Time | None = None, limit: int | None = None
    ) -> Effects[list[Fill]]:
        fills = yield from self._ask(self._venue.fetch_fills(symbol, start=start, end=end, limit=limit))
        return _cut(fills, start, limit)

    # Orders.

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
        via: Via = _as_it_is,
    ) -> Effects[Order]:
        order = NewOrder.of(
            self._venue.symbol(symbol),
            side=side,
            type=type,
            quantity=quantity,
            price=price,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
        )
        if order.symbol.kind in self._venue.spec.contracts:
            yield from self.instrument(order.symbol)
        # Built before the rules are asked for: what the venue does not offer is refused first.
        made = self._venue.create_order(
            order.symbol,
            side=order.side,
            type=order.type,
            quantity=order.quantity,
            price=order.price,
            time_in_force=order.time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
            client_order_id=client_order_id,
        )
        call = via(made)
        rules = yield from self.instrument(order.symbol)
        rules.check(quantity=order.quantity, price=order.price)
        return (yield from self._ask(call))

    def cancel_order(
        self,
        symbol: str | Symbol,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        via: Via = _as_it_is,
    ) -> Effects[Order]:
        call = self._venue.cancel_order(symbol, order_id=order_id, client_order_id=client_order_id)
        return (yield from self._ask(via(call)))

    def cancel_all_orders(self, symbol: str | Symbol) -> Effects[list[Order]]:
        size = self._venue.spec.cancel_batch
        if not size:
            return (yield from self._ask(self._venue.cancel_all_orders(symbol)))
        ids = [row.order_id for row in (yield from self._ask(self._venue.fetch_open_orders(symbol)))]
        canceled: list[Order] = []
        for start in range(0, len(ids), size):
            canceled += yield from self._ask(self._venue.batch_cancel(symbol, ids[start : start + size]))
        return canceled

    def resolve_order(self, unknown: OutcomeUnknown, *, timeout: float | None = None) -> Effects[Order]:
        """Ask until the order shows or can no longer appear. A 'not found' right after a lost answer proves nothing."""
        if unknown.symbol is None or (unknown.client_order_id is None and unknown.order_id is None):
            raise ConfigError("resolve_order takes the OutcomeUnknown that a verb on one order raised")
        patience = self._venue.spec.validity_s if timeout is None else timeout
        sent_ns = unknown.sent_ns if unknown.sent_ns is not None else time.time_ns()
        deadline_ns = sent_ns + int(patience * 1e9)
        pause = _RESOLVE_FIRST_S
        own_id = unknown.client_order_id
        ids = {"order_id": unknown.order_id} if own_id is None else {"client_order_id": own_id}
        while True:
            last_look = time.time_ns() >= deadline_ns
            try:
                return (yield from self._ask(self._venue.fetch_order(unknown.symbol, **ids)))
            except OrderNotFound as error:
                if self._is_forgotten(unknown, error):
                    return self._canceled_unfilled(unknown.symbol, unknown.order_id or "")
                if last_look:
                    raise self._no_trace(unknown, error) from error
            left_s = (deadline_ns - time.time_ns()) / 1e9
            yield Sleep(max(0.0, min(pause, left_s)))
            pause = min(_RESOLVE_CAP_S, pause * 2)

    def _is_forgotten(self, unknown: OutcomeUnknown, error: OrderNotFound) -> bool:
        """Whether 'not found' is the end of a cancel: the venue had given the order an id, and now knows it no more.

        A refusal without an HTTP status is our own: the order exists, but is another market's.
        """
        canceled = unknown.verb == "cancel_order" and unknown.client_order_id is None
        return canceled and self._venue.spec.forgets_unfilled and error.http_status is not None

    def _canceled_unfilled(self, symbol: str, order_id: str) -> Order:
        return Order(
            venue=self._venue.name,
            symbol=self._venue.symbol(symbol),
            order_id=order_id,
            status=OrderStatus.CANCELED,
            filled=Decimal(0),
        )

    def _no_trace(self, unknown: OutcomeUnknown, error: OrderNotFound) -> OrderNotFound:
        name = unknown.client_order_id or unknown.order_id
        gone = ", or ended without a fill (the venue forgets such orders)" if self._venue.spec.forgets_unfilled else ""
        why = f"{error.message}: {unknown.symbol} {name} does not exist{gone}"
        return OrderNotFound(why, venue=error.venue, code=error.code, http_status=error.http_status)

    # One door for plug-in hosts.

    def fetch_data(self, kind: str, symbol: str | None, **options: Any) -> Effects[Any]:
        if kind not in _DATA:
            raise ConfigError(f"fetch_data: kind must be one of {', '.join(_DATA)}, not {kind!r}")
        verb: Callable[..., Effects[Any]] = getattr(self, _DATA[kind])
        if kind in ("instruments", "tickers"):
            if symbol is not None:
                raise ConfigError(f"fetch_data({kind!r}): the symbol must be None")
            return (yield from verb(**options))
        if symbol is None:
            raise ConfigError(f"fetch_data({kind!r}): a symbol is needed")
        return (yield from verb(symbol, **options))


_DATA: Mapping[str, str] = {
    "klines": "fetch_klines",
    "ticker": "fetch_ticker",
    "tickers": "fetch_tickers",
    "price": "fetch_price",
    "book": "fetch_book",
    "trades": "fetch_trades",
    "instruments": "fetch_instruments",
    "funding_rate": "fetch_funding_rate",
    "open_interest": "fetch_open_interest",
}


def _cut(rows: list[T], start: Time | None, limit: int | None) -> list[T]:
    """Of rows that are oldest first, the oldest ``limit`` from a start on, else the newest."""
    return rows if limit is None else rows[:limit] if start is not None else rows[-limit:]


def _within(time_ns: int | None, first: int | None, last: int | None) -> bool:
    return time_ns is None or ((first is None or time_ns >= first) and (last is None or time_ns < last))


def _kind(kind: str) -> Kind:
    if kind not in ("spot", "linear"):
        raise ConfigError(f"kind must be 'spot' or 'linear', not {kind!r}")
    return kind  # type: ignore[return-value]
