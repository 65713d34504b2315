"""OKX's public verbs: which request each one is, and what its answer means.

See: https://www.okx.com/docs-v5/en/#order-book-trading-market-data and #public-data
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from ..._call import Call, Request, encode_query
from ..._listing import Listing, Then
from ..._order import checked_limit
from ..._venue import Venue
from ...book import BookLayout
from ...errors import ConfigError, NotSupported, UnknownSymbol, VenueError
from ...klines import KlineLayout, Klines, decode_klines
from ...models import BookSnapshot, FundingRate, Instrument, OpenInterest, Ticker, Trade
from ...symbols import Interval, Kind, Symbol, Time, parse_window
from . import wire
from .errors import check, outcome_unknown
from .spec import BOOK, DEMO, KLINES, PATHS, RECENT_BARS, SPEC

__all__ = ["OKXMarket", "ceil_ms", "inst_type"]

T = TypeVar("T")
Params = Mapping[str, object]
_MS = 1_000_000
_DEFAULT_BARS = 100
_FUNDING_PAGE = 400
_ONE = Decimal(1)
_CONTRACT_PARTS = 3  # BTC-USDT-SWAP, BTC-USDT-261225; spot has two, options five
_ELSEWHERE = frozenset({"USD", "USD_UM"})  # what inverse contracts, and those settled in several currencies, quote in

_time = wire.row(wire.Time)
_instruments = wire.rows(wire.InstrumentRow)
_ticker = wire.row(wire.TickerRow)
_tickers = wire.rows(wire.TickerRow)
_book = wire.row(wire.Book)
_trades = wire.rows(wire.TradeRow)
_funding = wire.row(wire.Funding)
_paid_funding = wire.rows(wire.Funding)
_interest = wire.row(wire.Interest)


class OKXMarket(Venue):
    """The public half of ``OKX``. Sizes of contracts become base units: ``learn`` the instruments first."""

    spec = SPEC

    def native_symbol(self, symbol: Symbol) -> str:
        """``BTC-USDT`` as it is; ``BTC-USDT-PERP`` → ``BTC-USDT-SWAP``; ``BTC-USDT-261225`` as it is."""
        pair = f"{symbol.base}-{symbol.quote}"
        return pair if symbol.kind == "spot" else f"{pair}-{symbol.expiry or 'SWAP'}"

    def kline_layout(self, kind: Kind = "spot") -> KlineLayout:
        """Rows are arrays, newest first; base volume is another column on contracts."""
        return KLINES[kind]

    def book_layout(self, kind: Kind = "spot") -> BookLayout:
        """The ``prevSeqId``/``seqId`` chain of the channel ``books``. Quantities of contracts stay contracts."""
        return BOOK

    def outcome_unknown(self, error: VenueError) -> bool:
        """5xx, 50004 and 50026."""
        return outcome_unknown(error)

    def instrument_lists(self, kind: Kind) -> Sequence[Call[list[Instrument]]]:
        """Perpetual swaps and dated futures are two lists."""
        kinds = ("SPOT",) if kind == "spot" else ("SWAP", "FUTURES")
        return [self._instrument_list(inst_type, kind) for inst_type in kinds]

    def ticker_groups(self, symbols: Sequence[Symbol]) -> Sequence[Sequence[Symbol]]:
        """Tickers are listed as instruments are."""
        groups: dict[str, list[Symbol]] = {}
        for symbol in symbols:
            groups.setdefault(inst_type(symbol), []).append(symbol)
        return [*groups.values()]

    # Public.

    def ping(self) -> Call[None]:
        """See: /public/time. The venue has nothing cheaper."""
        return self._get("ping", "time", {}, lambda body: None)

    def server_time(self) -> Call[int]:
        """See: /public/time."""
        return self._get("server_time", "time", {}, lambda body: _time(body).ts * _MS)

    def fetch_instruments(self, kind: Kind = "spot", *, symbol: str | Symbol | None = None) -> Call[list[Instrument]]:
        """See: /public/instruments. One list a call: of contracts, the perpetuals; ``instrument_lists`` has all."""
        if symbol is None:
            return self._instrument_list("SPOT" if kind == "spot" else "SWAP", kind)
        market = self.symbol(symbol)
        return self._instrument_list(inst_type(market), market.kind, market)

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str | Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[Klines]:
        """See: /market/candles for the latest 1440 bars, /market/history-candles for others and for seconds.

        ``after`` and ``before`` mean older and newer than, both exclusive. With ``before`` alone the venue answers with
        its newest rows: a start is therefore always given an end, ``limit`` bars later.
        """
        market = self.symbol(symbol)
        bar, spelling = self.interval(interval, market.kind)
        limit = min(checked_limit(_DEFAULT_BARS if limit is None else limit), self.spec.klines_page[market.kind])
        first, last = parse_window(start, end)
        if first is not None:
            page_end = bar.after(first, limit)
            last = page_end if last is None else min(last, page_end)
        params = {
            "instId": self.native_symbol(market),
            "bar": spelling,
            "after": None if last is None else ceil_ms(last),
            "before": None if first is None else ceil_ms(first) - 1,
            "limit": limit,
        }

        def parse(body: bytes) -> Klines:
            return decode_klines(body, KLINES[market.kind], symbol=market, interval=bar, venue=self.name)

        resource = "candles" if _is_recent(bar, first, last, limit) else "history-candles"
        return self._get("fetch_klines", resource, params, parse, symbol=market)

    def fetch_price(self, symbol: str | Symbol) -> Call[Decimal]:
        """See: /market/ticker."""
        market = self.symbol(symbol)
        return self._get_for("fetch_price", "ticker", market, {}, lambda body: _ticker(body).price())

    def fetch_ticker(self, symbol: str | Symbol) -> Call[Ticker]:
        """See: /market/ticker."""
        market = self.symbol(symbol)
        return self._get_for(
            "fetch_ticker",
            "ticker",
            market,
            {},
            lambda body: _ticker(body).ticker(market, self._size(market)),
            sized=True,
        )

    def fetch_tickers(
        self, symbols: Sequence[str | Symbol] | None = None, *, kind: Kind = "spot"
    ) -> Call[list[Ticker]]:
        """See: /market/tickers. All of spot, all perpetuals, or those given of one list (``ticker_groups``)."""
        wanted = None if symbols is None else {self.native_symbol(s): s for s in map(self.symbol, symbols)}
        types = (
            {inst_type(s) for s in wanted.values()} if wanted is not None else {"SPOT" if kind == "spot" else "SWAP"}
        )
        if len(types) != 1:
            raise ConfigError("fetch_tickers: give at least one symbol, all spot, all perpetual or all dated")
        listed = types.pop()
        kind = "spot" if listed == "SPOT" else "linear"

        def parse(body: bytes) -> list[Ticker]:
            symbols = self._learnt(kind) if wanted is None else wanted
            rows = {row.instId: row for row in _tickers(body) if row.instId in symbols}
            if wanted is not None and (missing := set(wanted) - set(rows)):
                raise UnknownSymbol(f"{self.name} has no ticker of {', '.join(sorted(missing))}", venue=self.name)
            return [row.ticker(symbols[native], self._size(symbols[native])) for native, row in rows.items()]

        needs = wanted is None or kind == "linear"
        return self._get("fetch_tickers", "tickers", {"instType": listed}, parse, kind=kind, sized=needs)

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> Call[BookSnapshot]:
        """See: /market/books up to 400 levels a side, /market/books-full (once a second) up to 5000."""
        market = self.symbol(symbol)
        usual, most = self.spec.book_depths[market.kind]
        if not 1 <= depth <= most:
            raise ConfigError(f"{self.name}: depth must be 1 to {most}, not {depth}", venue=self.name)
        return self._get_for(
            "fetch_book",
            "books" if depth <= usual else "books-full",
            market,
            {"sz": depth},
            lambda body: _book(body).snapshot(market, self._size(market), depth),
            sized=True,
        )

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> Call[list[Trade]]:
        """See: /market/trades, newest first on the wire."""
        market = self.symbol(symbol)
        params = {"limit": min(checked_limit(limit), self.spec.trades_page[market.kind])}
        return self._get_for(
            "fetch_trades",
            "trades",
            market,
            params,
            lambda body: [row.trade(market, self._size(market)) for row in reversed(_trades(body))],
            sized=True,
        )

    def fetch_funding_rate(self, symbol: str | Symbol) -> Call[FundingRate]:
        """See: /public/funding-rate. Prices are not in it: mark and index are ``None``."""
        market = self._perpetual(symbol)
        return self._get_for(
            "fetch_funding_rate", "funding-rate", market, {}, lambda body: _funding(body).funding_rate(market)
        )

    def fetch_funding_history(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[FundingRate]]:
        """See: /public/funding-rate-history: three months, in pages of 400, newest first."""
        market = self._perpetual(symbol)

        def call(
            first: int | None,
            last: int | None,
            size: int | None,
            parse: Callable[[bytes], list[FundingRate]],
            then: Then[FundingRate],
        ) -> Call[list[FundingRate]]:
            params = {
                "after": None if last is None else ceil_ms(last),
                "before": None if first is None else ceil_ms(first) - 1,
                "limit": size,
            }
            page = self._get_for("fetch_funding_history", "funding-rate-history", market, params, parse)
            return dataclasses.replace(page, then=then)

        return Listing(
            call,
            read=lambda body: [row.funding_rate(market) for row in reversed(_paid_funding(body))],
            moment=lambda row: row.funding_time_ns,
            name=lambda row: str(row.funding_time_ns),
            page=_FUNDING_PAGE,
            window=parse_window(start, end),
            limit=limit,
        ).begin()

    def fetch_open_interest(self, symbol: str | Symbol) -> Call[OpenInterest]:
        """See: /public/open-interest."""
        market = self._contract(symbol)
        return self._get_for(
            "fetch_open_interest",
            "open-interest",
            market,
            {},
            lambda body: _interest(body).open_interest(market),
            inst_type=inst_type(market),
        )

    # How calls are put together.

    def _instrument_list(self, listed: str, kind: Kind, symbol: Symbol | None = None) -> Call[list[Instrument]]:
        params = {"instType": listed, "instId": None if symbol is None else self.native_symbol(symbol)}

        def parse(body: bytes) -> list[Instrument]:
            found = (row.instrument() for row in _instruments(body))
            return [item for item in found if item is not None and self.native_symbol(item.symbol) == item.native]

        return self._get("fetch_instruments", "instruments", params, parse, kind=kind, symbol=symbol)

    def _get(
        self,
        verb: str,
        resource: str,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        kind: Kind = "spot",
        symbol: Symbol | None = None,
        sized: bool = False,
    ) -> Call[T]:
        kind = kind if symbol is None else symbol.kind
        return Call(
            verb=verb,
            request=Request("GET", self._url(resource, params), self._headers()),
            parser=parser,
            check=check,
            costs={resource: 1},
            kind=kind,
            symbol=None if symbol is None else str(symbol),
            needs_instrument=sized and (kind in self.spec.contracts or symbol is None),
        )

    def _get_for(
        self,
        verb: str,
        resource: str,
        market: Symbol,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        inst_type: str | None = None,
        sized: bool = False,
    ) -> Call[T]:
        params = {"instType": inst_type, "instId": self.native_symbol(market), **params}
        return self._get(verb, resource, params, parser, symbol=market, sized=sized)

    def _url(self, resource: str, params: Params) -> str:
        query = encode_query(params)
        url = self.rest_hosts["spot"] + PATHS[resource]
        return f"{url}?{query}" if query else url

    def _headers(self) -> dict[str, str]:
        return {"x-simulated-trading": "1"} if self.environment in DEMO else {}

    def _size(self, symbol: Symbol) -> Decimal:
        """Base units per contract."""
        return _ONE if symbol.kind == "spot" else self.known_instrument(symbol).contract_size

    def _learnt(self, kind: Kind) -> Mapping[str, Symbol]:
        """Symbols by native id. Lists of everything also hold what is not offered here, such as inverse contracts."""
        found = {native: symbol for (each, native), symbol in self._symbols.items() if each == kind}
        if not found:
            why = f"{self.name}: no {kind} instruments known; pass the venue's instruments to learn() first"
            raise UnknownSymbol(why, venue=self.name)
        return found

    def _offered(self, native: str, kind: Kind) -> Symbol | None:
        """The symbol behind an id in a list of everything; ``None`` for what is of another kind, or not offered here.

        Raises ``UnknownSymbol`` for a market that may have been listed since the instruments were read.
        """
        parts = native.split("-")
        if kind != "spot" and (len(parts) != _CONTRACT_PARTS or parts[1] in _ELSEWHERE):
            return None
        return self.known_symbol(native, kind)

    def _contract(self, symbol: str | Symbol) -> Symbol:
        market = self.symbol(symbol)
        if market.kind == "spot":
            raise NotSupported(
                f"{self.name}: {market} is spot; its perpetual is written {market}-PERP", venue=self.name
            )
        return market

    def _perpetual(self, symbol: str | Symbol) -> Symbol:
        market = self._contract(symbol)
        if market.expiry:
            raise NotSupported(f"{self.name}: {market} is a dated contract and pays no funding", venue=self.name)
        return market


def inst_type(symbol: Symbol) -> str:
    """The venue's word for a symbol's list."""
    return "SPOT" if symbol.kind == "spot" else "FUTURES" if symbol.expiry else "SWAP"


def ceil_ms(time_ns: int) -> int:
    """The first millisecond that is not before a time."""
    return -(-time_ns // _MS)


def _is_recent(bar: Interval, first: int | None, last: int | None, limit: int) -> bool:
    """Whether the newest 1440 bars hold the page. One to spare, for clocks that differ."""
    if bar.text == "1s":
        return False
    if bar.ns is None or (first is None and last is None):
        return True
    oldest = first if first is not None else (last or 0) - limit * bar.ns
    return oldest >= time.time_ns() - (RECENT_BARS - 1) * bar.ns
