"""Coinbase Advanced's verbs: which request each one is, and what its answer means.

See: https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/introduction
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

from ..._call import Call, Response
from ..._order import NewOrder, Number, checked_limit, one_id
from ...book import BookLayout
from ...errors import ConfigError, NotSupported, OrderNotFound
from ...klines import KlineLayout, Klines, decode_klines
from ...models import Balance, BookSnapshot, Fill, Instrument, Order, Ticker, Trade, TradingFee
from ...symbols import Interval, Kind, Symbol, Time, parse_window
from . import orders, wire
from .account import CoinbaseAdvancedAccount
from .errors import check_order, check_placement, check_product
from .spec import BOOK, KLINES, SPEC

__all__ = ["CoinbaseAdvanced"]

T = TypeVar("T")
_S = 10**9

_server_time = wire.decoder(wire.ServerTime)
_product = wire.decoder(wire.Product)
_products = wire.decoder(wire.Products)
_market_trades = wire.decoder(wire.MarketTrades)
_book = wire.decoder(wire.Book)
_summary = wire.decoder(wire.TransactionSummary)
_one_order = wire.decoder(orders.OneOrder)
_placed = wire.decoder(orders.Placed)
_cancels = wire.decoder(orders.Cancels)


class CoinbaseAdvanced(CoinbaseAdvancedAccount):
    """Coinbase Advanced Trade, spot. Symbols: ``BTC-USD``; ``BTC-USDC`` is another name of the same book.

    ``trades_name_the_maker``: whose side public trades carry is disputed. Most peers read the taker's, some notes of
    2026 say the maker's, and nothing here has been checked against the live venue: set it to turn them round.
    """

    spec = SPEC

    def kline_layout(self, kind: Kind = "spot") -> KlineLayout:
        """Rows are objects, newest first, under ``candles``."""
        return KLINES

    def book_layout(self, kind: Kind = "spot") -> BookLayout:
        """``apply`` reads the stream's ``l2_data``, ``apply_snapshot`` the answer of ``/market/product_book``."""
        return BOOK

    # Public.

    def ping(self) -> Call[None]:
        """See: /time."""
        return self._get("ping", "/time", {}, lambda body: None)

    def server_time(self) -> Call[int]:
        """See: /time."""
        return self._get("server_time", "/time", {}, lambda body: _server_time(body).ns)

    def fetch_instruments(self, kind: Kind = "spot", *, symbol: str | Symbol | None = None) -> Call[list[Instrument]]:
        """See: /market/products, /market/products/{id}."""
        self._check_kind(kind)
        if symbol is not None:
            return self._get_for("fetch_instruments", symbol, "", {}, lambda body, _: [_product(body).instrument()])
        params = {"product_type": "SPOT"}
        return self._get(
            "fetch_instruments",
            "/market/products",
            params,
            lambda body: [row.instrument() for row in _products(body).products],
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
        """See: /market/products/{id}/candles. Bars in which nothing traded are left out: a page is a stretch of time.

        The venue wants both bounds: where ``end`` is not given the page ends now, by our own clock. Whether its
        ``end`` is inclusive is not documented: the one asked for is the last second of the last bar wanted.
        """
        market = self.symbol(symbol)
        parsed, granularity = self.interval(interval, market.kind)
        first, last = parse_window(start, end)
        page = self.spec.klines_page[market.kind]
        size = min(checked_limit(page if limit is None else limit), page)
        opens, ends = _stretch(parsed, first, last, size)
        params = {"granularity": granularity, "start": opens // _S, "end": ends // _S - 1}

        def parse(body: bytes, which: Symbol) -> Klines:
            bars = decode_klines(body, KLINES, symbol=which, interval=parsed, venue=self.name)
            return bars.between(opens, ends if last is None else min(ends, last))

        return self._get_for("fetch_klines", market, "/candles", params, parse)

    def fetch_price(self, symbol: str | Symbol) -> Call[Decimal]:
        """See: /market/products/{id}."""
        return self._get_for("fetch_price", symbol, "", {}, lambda body, _: _product(body).last)

    def fetch_ticker(self, symbol: str | Symbol) -> Call[Ticker]:
        """See: /market/products/{id}/ticker for last trade and quotes, then /market/products/{id} for the volumes.

        The venue gives no opening price and no extremes of the day: ``open``, ``high`` and ``low`` are ``None``.
        """

        def volumes(_: Response, ticker: Ticker) -> Call[Ticker]:
            return self._get_for("fetch_ticker", ticker.symbol, "", {}, lambda body, _: _product(body).complete(ticker))

        return self._get_for(
            "fetch_ticker",
            symbol,
            "/ticker",
            {"limit": 1},
            lambda body, which: _market_trades(body).ticker(which),
            then=volumes,
        )

    def fetch_tickers(
        self, symbols: Sequence[str | Symbol] | None = None, *, kind: Kind = "spot"
    ) -> Call[list[Ticker]]:
        """See: /market/products. Last price and 24 h volumes; most rows have no quotes."""
        self._check_kind(kind)
        wanted = None if symbols is None else {self.native_symbol(s): s for s in map(self.symbol, symbols)}
        if wanted is not None and not wanted:
            raise ConfigError("fetch_tickers: give at least one symbol")
        params = {"product_type": "SPOT", "product_ids": None if wanted is None else [*wanted]}

        def parse(body: bytes) -> list[Ticker]:
            rows = _products(body).products
            if wanted is None:
                return [row.ticker(Symbol(row.base_currency_id, row.quote_currency_id)) for row in rows]
            named = {alias: row for row in rows for alias in row.alias_to} | {row.product_id: row for row in rows}
            return [named[native].ticker(symbol) for native, symbol in wanted.items() if native in named]

        return self._get("fetch_tickers", "/market/products", params, parse)

    def fetch_quote(self, symbol: str | Symbol) -> Call[Ticker]:
        """See: /market/product_book with one level."""
        return self._book("fetch_quote", symbol, 1, lambda body, which: _book(body).quote(which))

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> Call[BookSnapshot]:
        """See: /market/product_book. The answer has no sequence number."""
        most = self.spec.book_depths["spot"][-1]
        if not 1 <= depth <= most:
            raise ConfigError(f"{self.name}: depth must be 1 to {most}, not {depth}", venue=self.name)
        return self._book("fetch_book", symbol, depth, lambda body, which: _book(body).snapshot(which, depth))

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> Call[list[Trade]]:
        """See: /market/products/{id}/ticker, and ``trades_name_the_maker`` for the sides."""
        makers = self.trades_name_the_maker

        def parse(body: bytes, which: Symbol) -> list[Trade]:
            return [row.trade(which, from_makers=makers) for row in reversed(_market_trades(body).trades)]

        params = {"limit": min(checked_limit(limit), self.spec.trades_page["spot"])}
        return self._get_for("fetch_trades", symbol, "/ticker", params, parse)

    # Private.

    def fetch_trading_fee(self, symbol: str | Symbol) -> Call[TradingFee]:
        """See: /transaction_summary. The account's tier: what a stable pair costs less is not told."""
        market = self.symbol(symbol)
        call = self._private(
            "fetch_trading_fee",
            "/transaction_summary",
            {"product_type": "SPOT"},
            lambda body: _summary(body).fee_tier.trading_fee(market),
            symbol=market,
        )
        return dataclasses.replace(call, needs_instrument=True)  # the request names no market that could be refused

    def fetch_balances(self, *, kind: Kind = "spot") -> Call[list[Balance]]:
        """See: /accounts, 250 a page."""
        self._check_kind(kind)
        return self._balances([], None)

    def fetch_orders(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Order]]:
        """See: /orders/historical/batch. With a start the window's oldest ``limit``, or all; else the newest (100)."""
        market, window = self.symbol(symbol), parse_window(start, end)
        return self._orders("fetch_orders", market, {}, window=window, limit=limit, everything=window[0] is not None)

    def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> Call[list[Order]]:
        """See: /orders/historical/batch with ``order_status=OPEN``, 100 a page. Orders of futures are left out."""
        self._check_kind(kind)
        market = None if symbol is None else self.symbol(symbol)
        return self._orders("fetch_open_orders", market, {"order_status": "OPEN"}, everything=True)

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: /orders/historical/{id}. The venue has no look-up by client order id: the latest 1000 are searched."""
        market = self.symbol(symbol)
        order_id, client_order_id = one_id(order_id, client_order_id)
        if client_order_id is not None:
            return self._look_up("fetch_order", market, client_order_id)

        def parse(body: bytes) -> Order:
            row = _one_order(body).order
            if _book_of(row.product_id) != _book_of(self.native_symbol(market)):
                raise OrderNotFound(f"the order is one of {row.product_id}", venue=self.name)
            return row.order(market)

        return self._private(
            "fetch_order",
            f"/orders/historical/{quote(order_id or '', safe='')}",
            {},
            parse,
            checker=check_order,
            symbol=market,
            order_id=order_id,
        )

    def fetch_fills(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Fill]]:
        """See: /orders/historical/fills. With a start the window's oldest ``limit``, or all; else the newest (100)."""
        return self._fills(self.symbol(symbol), parse_window(start, end), limit)

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
        """See: POST /orders. The answer says only that the order was taken: its status is ``PENDING``."""
        order = NewOrder.of(
            self.symbol(symbol),
            side=side,
            type=type,
            quantity=quantity,
            price=price,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
        )
        if order.reduce_only:
            raise NotSupported(f"{self.name}: reduce_only is for contracts, {order.symbol} is spot", venue=self.name)
        own_id = client_order_id or str(uuid4())
        body = {
            "client_order_id": own_id,
            "product_id": self.native_symbol(order.symbol),
            "side": order.side.upper(),
            "order_configuration": orders.configuration(order),
        }
        return self._post(
            "create_order",
            "/orders",
            body,
            lambda answer: _placed(answer).order(order, own_id),
            checker=check_placement,
            symbol=order.symbol,
            client_order_id=own_id,
        )

    def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: POST /orders/batch_cancel. By client order id the order is looked up first, then canceled.

        The answer says only that the cancel was taken: the status is ``CANCELING``.
        """
        market = self.symbol(symbol)
        order_id, client_order_id = one_id(order_id, client_order_id)
        if order_id is not None:
            return self._cancel(market, order_id, None)
        return self._look_up(
            "cancel_order",
            market,
            client_order_id or "",
            then=lambda _, order: self._cancel(market, order.order_id, client_order_id),
        )

    def batch_cancel(self, symbol: str | Symbol, order_ids: Sequence[str]) -> Call[list[Order]]:
        """See: POST /orders/batch_cancel."""
        market = self.symbol(symbol)
        if not 1 <= len(order_ids) <= self.spec.cancel_batch:
            raise ConfigError(
                f"{self.name} cancels 1 to {self.spec.cancel_batch} orders at a time, not {len(order_ids)}",
                venue=self.name,
            )
        return self._post(
            "cancel_all_orders",
            "/orders/batch_cancel",
            {"order_ids": [*order_ids]},
            lambda body: _cancels(body).taken(market),
            symbol=market,
        )

    def _book(self, verb: str, symbol: str | Symbol, depth: int, parser: Callable[[bytes, Symbol], T]) -> Call[T]:
        market = self.symbol(symbol)
        return self._get(
            verb,
            "/market/product_book",
            {"product_id": self.native_symbol(market), "limit": depth},
            lambda body: parser(body, market),
            checker=check_product,
            symbol=market,
        )

    def _cancel(self, market: Symbol, order_id: str, client_order_id: str | None) -> Call[Order]:
        return self._post(
            "cancel_order",
            "/orders/batch_cancel",
            {"order_ids": [order_id]},
            lambda body: _cancels(body).one(market, client_order_id),
            symbol=market,
            order_id=order_id,
            client_order_id=client_order_id,
        )


def _book_of(native: str) -> str:
    """The product whose book it is: ``BTC-USDC`` trades in that of ``BTC-USD``, and orders may carry either name."""
    return native.removesuffix("C") if native.endswith("-USDC") else native


def _stretch(interval: Interval, first: int | None, last: int | None, bars: int) -> tuple[int, int]:
    """The stretch of time, whole bars, that a page covers: its oldest ``bars`` if it has a start, else its newest."""
    length = interval.ns
    if length is None:
        raise ConfigError(f"{interval} bars have no fixed length")
    if first is not None:
        opens = -(-first // length) * length
        until = opens + bars * length
        return opens, until if last is None else max(opens + length, min(until, -(-last // length) * length))
    until = interval.floor(time.time_ns()) + length if last is None else -(-last // length) * length
    return until - bars * length, until
