"""Coinbase Exchange's public verbs, and how every call is put together.

See: https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-all-known-trading-pairs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from ..._call import Call, Request, Response, encode_query
from ..._cursor import Chain
from ..._order import checked_limit
from ..._venue import Venue
from ...book import BookLayout
from ...errors import ConfigError
from ...klines import KlineLayout, Klines, decode_klines
from ...models import BookSnapshot, Instrument, Ticker, Trade
from ...symbols import Interval, Kind, Symbol, Time, parse_window
from . import wire
from .errors import check, check_product
from .spec import BOOK, HEADERS, KLINES, SPEC
from .wire import iso

__all__ = ["SMALLEST_PAGE", "CoinbaseMarket", "cursor_of"]

SMALLEST_PAGE = 100
"""Rows of a page that nobody asked a size of: the documents say 1000, ccxt says 100."""

T = TypeVar("T")

_server_time = wire.decoder(wire.ServerTime)
_product = wire.decoder(wire.Product)
_products = wire.decoder(list[wire.Product])
_quotes = wire.decoder(wire.Quotes)
_stats = wire.decoder(wire.Stats)
_book = wire.decoder(wire.Book)
_trades = wire.decoder(list[wire.PublicTrade])


class CoinbaseMarket(Venue):
    """What anybody may ask."""

    spec = SPEC

    def native_symbol(self, symbol: Symbol) -> str:
        """``BTC-USD`` → ``BTC-USD``."""
        return f"{symbol.base}-{symbol.quote}"

    def kline_layout(self, kind: Kind = "spot") -> KlineLayout:
        """Rows are ``[time, low, high, open, close, volume]``, newest first."""
        return KLINES

    def book_layout(self, kind: Kind = "spot") -> BookLayout:
        """The ``level2`` channel's messages, which are not numbered."""
        return BOOK

    def ping(self) -> Call[None]:
        """See: GET /time."""
        return self._get("ping", "/time", {}, lambda body: None)

    def server_time(self) -> Call[int]:
        """See: GET /time."""
        return self._get("server_time", "/time", {}, lambda body: _server_time(body).ns)

    def fetch_instruments(self, kind: Kind = "spot", *, symbol: str | Symbol | None = None) -> Call[list[Instrument]]:
        """See: GET /products, GET /products/{id}."""
        if symbol is not None:
            return self._of_product(
                "fetch_instruments", symbol, "", {}, lambda body, market: [_product(body).instrument()]
            )
        return self._get(
            "fetch_instruments", "/products", {}, lambda body: [row.instrument() for row in _products(body)]
        )

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str | Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[Klines]:
        """See: GET /products/{id}/candles. A page covers ``limit`` bars of time; those without trades are left out.

        The venue takes both bounds (inclusive, of opening times) or neither, and may add bars from before the first.
        """
        first, last = parse_window(start, end)
        parsed, seconds = self.interval(interval, "spot")
        size = min(checked_limit(limit or self.spec.klines_page["spot"]), self.spec.klines_page["spot"])
        opens = None if first is None and last is None else _open_times(parsed, first, last, size)
        params = {"granularity": seconds}
        if opens is not None:
            params |= {"start": iso(opens[0]), "end": iso(opens[1])}

        def parse(body: bytes, market: Symbol) -> Klines:
            bars = decode_klines(body, KLINES, symbol=market, interval=parsed, venue=self.name)
            return bars[-size:] if opens is None else bars.between(opens[0], opens[1] + 1).between(first, last)

        return self._of_product("fetch_klines", symbol, "/candles", params, parse)

    def fetch_price(self, symbol: str | Symbol) -> Call[Decimal]:
        """See: GET /products/{id}/ticker."""
        return self._of_product("fetch_price", symbol, "/ticker", {}, lambda body, market: _quotes(body).price)

    def fetch_ticker(self, symbol: str | Symbol) -> Call[Ticker]:
        """See: GET /products/{id}/ticker, then GET /products/{id}/stats: quotes are in one, 24 hours in the other."""

        def complete(response: Response, ticker: Ticker) -> Call[Ticker]:
            return self._of_product(
                "fetch_ticker", symbol, "/stats", {}, lambda body, market: _stats(body).complete(ticker)
            )

        return self._of_product(
            "fetch_ticker", symbol, "/ticker", {}, lambda body, market: _quotes(body).ticker(market), then=complete
        )

    def fetch_quote(self, symbol: str | Symbol) -> Call[Ticker]:
        """See: GET /products/{id}/book, of one level."""
        return self._of_product(
            "fetch_quote", symbol, "/book", {"level": 1}, lambda body, market: _book(body).quote(market)
        )

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> Call[BookSnapshot]:
        """See: GET /products/{id}/book. One level, or the whole aggregated book, which is cut to ``depth``."""
        deepest = self.spec.book_depths["spot"][-1]
        if not 1 <= depth <= deepest:
            raise ConfigError(f"{self.name}: depth must be 1 to {deepest}, not {depth}", venue=self.name)
        level = {"level": 1 if depth == 1 else 2}
        return self._of_product(
            "fetch_book", symbol, "/book", level, lambda body, market: _book(body).snapshot(market, depth)
        )

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> Call[list[Trade]]:
        """See: GET /products/{id}/trades. More than 1000 are fetched in several calls."""
        market = self.symbol(symbol)
        return Chain(
            read=lambda body: [row.trade(market) for row in reversed(_trades(body))],
            call=lambda size, cursor, parse, then: self._of_product(
                "fetch_trades",
                market,
                "/trades",
                {"limit": size, "after": cursor},
                lambda body, _: parse(body),
                then=then,
            ),
            older=cursor_of,
            short=SMALLEST_PAGE,
            page=self.spec.trades_page["spot"],
            limit=checked_limit(limit),
        ).first()

    # How calls are put together.

    def _of_product(
        self,
        verb: str,
        symbol: str | Symbol,
        path: str,
        params: Mapping[str, object],
        parser: Callable[[bytes, Symbol], T],
        *,
        then: Callable[[Response, T], Call[T] | None] | None = None,
    ) -> Call[T]:
        market = self.symbol(symbol)
        return self._get(
            verb,
            f"/products/{self.native_symbol(market)}{path}",
            params,
            lambda body: parser(body, market),
            check=check_product,
            symbol=market,
            then=then,
        )

    def _get(
        self,
        verb: str,
        path: str,
        params: Mapping[str, object],
        parser: Callable[[bytes], T],
        *,
        check: Callable[[Response], None] = check,
        symbol: Symbol | None = None,
        then: Callable[[Response, T], Call[T] | None] | None = None,
    ) -> Call[T]:
        return Call(
            verb=verb,
            request=Request("GET", self._url(path, params), HEADERS),
            parser=parser,
            check=check,
            costs={"public": 1},
            symbol=None if symbol is None else str(symbol),
            then=then,
        )

    def _url(self, path: str, params: Mapping[str, object]) -> str:
        query = encode_query(params)
        return f"{self.rest_hosts['spot']}{path}{'?' if query else ''}{query}"


def cursor_of(response: Response) -> str | None:
    """The cursor of the page of older rows, which the last page names too.

    See: https://docs.cdp.coinbase.com/exchange/rest-api/pagination
    """
    return response.headers.get("cb-after")


def _open_times(bar: Interval, first: int | None, last: int | None, size: int) -> tuple[int, int]:
    """Opening times of the first and last of ``size`` bars from ``first`` on, else up to ``last``."""
    step = bar.ns or 0
    if first is not None:
        opening = -(-first // step) * step
        latest = opening + (size - 1) * step
        return opening, max(opening, latest if last is None else min(latest, (last - 1) // step * step))
    latest = ((last or 0) - 1) // step * step
    return latest - (size - 1) * step, latest
