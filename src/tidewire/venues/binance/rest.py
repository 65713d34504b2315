"""Binance's verbs: which request each one is, and what its answer means.

See: https://developers.binance.com/docs/binance-spot-api-docs/rest-api and
https://developers.binance.com/docs/derivatives/usds-margined-futures
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeVar
from uuid import uuid4

import msgspec

from ..._call import Call, Request, encode_query
from ..._order import NewOrder, Number, checked_limit, one_id, plain
from ..._venue import Quota
from ...book import BookLayout
from ...errors import ConfigError, NotSupported, VenueError
from ...klines import KlineLayout, Klines, decode_klines
from ...models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Instrument,
    OpenInterest,
    Order,
    OrderType,
    Position,
    Ticker,
    Trade,
    TradingFee,
)
from ...symbols import Interval, Kind, Symbol, Time, parse_window
from . import reports, wire
from .account import BinanceAccount
from .auth import sign
from .errors import check, outcome_unknown
from .spec import KLINES, MARKETS, SPEC
from .stream import BOOK, BinanceStreams

__all__ = ["Binance"]

T = TypeVar("T")
Params = Mapping[str, object]
_MS = 1_000_000
_DEFAULT_PAGE = 500

_server_time = wire.decoder(wire.ServerTime)
_exchange_info = wire.decoder(wire.ExchangeInfo)
_limits = wire.decoder(wire.Limits)
_price = wire.decoder(wire.Price)
_ticker = wire.decoder(wire.Ticker24h)
_tickers = wire.decoder(list[wire.Ticker24h])
_quotes = wire.decoder(wire.BestQuotes)
_depth = wire.decoder(wire.Depth)
_trades = wire.decoder(list[wire.PublicTrade])
_premium_index = wire.decoder(wire.PremiumIndex)
_paid_funding = wire.decoder(list[wire.PaidFunding])
_interest = wire.decoder(wire.Interest)
_spot_commission = wire.decoder(reports.SpotCommission)
_futures_commission = wire.decoder(reports.FuturesCommission)
_spot_account = wire.decoder(reports.SpotAccount)
_futures_balances = wire.decoder(list[reports.FuturesBalance])
_positions = wire.decoder(list[reports.PositionRisk])
_order = wire.decoder(reports.OrderReport)
_orders = wire.decoder(list[reports.OrderReport])
_own_trades = wire.decoder(list[reports.OwnTrade])
_raw_reports = wire.decoder(list[msgspec.Raw])
_order_list = wire.decoder(reports.OrderList)

# What exchangeInfo calls a limit and its period, in our words.
_RESOURCES = {"REQUEST_WEIGHT": "weight", "ORDERS": "orders", "RAW_REQUESTS": "raw"}
_UNITS = {"SECOND": ("s", 1), "MINUTE": ("m", 60), "HOUR": ("h", 3600), "DAY": ("d", 86_400)}


class Binance(BinanceStreams, BinanceAccount):
    """Binance spot and USD-M futures. Symbols: ``BTC-USDT`` spot, ``BTC-USDT-PERP`` and ``BTC-USDT-261225`` futures."""

    spec = SPEC

    def native_symbol(self, symbol: Symbol) -> str:
        """``BTC-USDT`` → ``BTCUSDT``; ``BTC-USDT-261225`` → ``BTCUSDT_261225``."""
        return f"{symbol.base}{symbol.quote}" + (f"_{symbol.expiry}" if symbol.expiry else "")

    def kline_layout(self, kind: Kind = "spot") -> KlineLayout:
        """Rows are arrays, oldest first, on both markets."""
        return KLINES

    def book_layout(self, kind: Kind = "spot") -> BookLayout:
        """``U``/``u`` ranges on spot, the ``pu`` chain on futures."""
        return BOOK[kind]

    def outcome_unknown(self, error: VenueError) -> bool:
        """5xx, -1006 and -1007, but for the two futures texts that say nothing was done."""
        return outcome_unknown(error)

    def usage(self, call: Call[Any], headers: Mapping[str, str]) -> Mapping[str, int]:
        """Read ``X-MBX-USED-WEIGHT-1M`` and ``X-MBX-ORDER-COUNT-10S``."""
        used: dict[str, int] = {}
        for name, value in headers.items():
            what, _, window = name.removeprefix("x-mbx-").rpartition("-")
            if what in ("used-weight", "order-count") and value.isdigit():
                resource = "weight" if what == "used-weight" else "orders"
                used[f"{call.kind}-{resource}-{window}"] = int(value)
        return used

    def quotas_from(self, kind: Kind, instruments_body: bytes) -> tuple[Quota, ...]:
        """Read ``rateLimits`` of exchangeInfo."""
        quotas = []
        for limit in _limits(instruments_body).rateLimits:
            resource, (unit, seconds) = _RESOURCES[limit.rateLimitType], _UNITS[limit.interval]
            per: Literal["address", "account"] = "account" if resource == "orders" else "address"
            scope = f"{kind}-{resource}-{limit.intervalNum}{unit}"
            quotas.append(Quota(scope, limit.limit, limit.intervalNum * seconds, per=per))
        return tuple(quotas)

    # Public.

    def ping(self) -> Call[None]:
        """See: /api/v3/ping."""
        return self._get("ping", "spot", {}, lambda body: None)

    def server_time(self) -> Call[int]:
        """See: /api/v3/time."""
        return self._get("server_time", "spot", {}, lambda body: _server_time(body).serverTime * _MS)

    def fetch_instruments(self, kind: Kind = "spot", *, symbol: str | Symbol | None = None) -> Call[list[Instrument]]:
        """See: /api/v3/exchangeInfo, /fapi/v1/exchangeInfo (not to be narrowed: ``symbol`` filters the answer)."""
        wanted = None if symbol is None else self.native_symbol(self.symbol(symbol))
        params = {"symbol": wanted} if kind == "spot" else {}

        def parse(body: bytes) -> list[Instrument]:
            rows = _exchange_info(body).symbols
            return [row.instrument(kind) for row in rows if wanted in (None, row.symbol)]

        return self._get("fetch_instruments", kind, params, parse)

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str | Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[Klines]:
        """See: /api/v3/klines, /fapi/v1/klines. The venue's bounds are inclusive milliseconds of the open time."""
        market = self.symbol(symbol)
        parsed, spelling = self.interval(interval, market.kind)
        limit = min(checked_limit(_DEFAULT_PAGE if limit is None else limit), self.spec.klines_page[market.kind])
        params = {"symbol": self.native_symbol(market), "interval": spelling, **_window(start, end), "limit": limit}

        def parse(body: bytes) -> Klines:
            return decode_klines(body, KLINES, symbol=market, interval=parsed, venue=self.name)

        weight = _step(MARKETS[market.kind].klines_weights, limit)
        return self._get("fetch_klines", market.kind, params, parse, weight=weight, symbol=market)

    def fetch_price(self, symbol: str | Symbol) -> Call[Decimal]:
        """See: /api/v3/ticker/price."""
        return self._get_for("fetch_price", symbol, {}, lambda body, market: _price(body).price)

    def fetch_ticker(self, symbol: str | Symbol) -> Call[Ticker]:
        """See: /api/v3/ticker/24hr. The futures' answer has no best quotes: ``fetch_quote`` has."""
        return self._get_for("fetch_ticker", symbol, {}, lambda body, market: _ticker(body).ticker(market))

    def fetch_tickers(
        self, symbols: Sequence[str | Symbol] | None = None, *, kind: Kind = "spot"
    ) -> Call[list[Ticker]]:
        """See: /api/v3/ticker/24hr. Futures answer with every symbol; those not asked for are left out."""
        wanted = None if symbols is None else self._wanted(symbols)
        if wanted:
            kind = next(iter(wanted.values())).kind
        count = len(wanted) if wanted is not None and kind == "spot" else 101
        params = {} if wanted is None or kind == "linear" else {"symbols": json.dumps([*wanted], separators=(",", ":"))}

        def parse(body: bytes) -> list[Ticker]:
            rows = [row for row in _tickers(body) if wanted is None or row.symbol in wanted]
            return [row.ticker(wanted[row.symbol] if wanted else self.known_symbol(row.symbol, kind)) for row in rows]

        weight = _step(((20, 2), (100, 40), (101, MARKETS[kind].all_tickers_weight)), min(count, 101))
        return self._get("fetch_tickers", kind, params, parse, weight=weight)

    def fetch_quote(self, symbol: str | Symbol) -> Call[Ticker]:
        """See: /api/v3/ticker/bookTicker, /fapi/v1/ticker/bookTicker."""
        return self._get_for("fetch_quote", symbol, {}, lambda body, market: _quotes(body).ticker(market))

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> Call[BookSnapshot]:
        """See: /api/v3/depth, /fapi/v1/depth. The venue has fixed depths: the next larger is asked for and cut."""
        market = self.symbol(symbol)
        depths = self.spec.book_depths[market.kind]
        if not 1 <= depth <= depths[-1]:
            raise ConfigError(
                f"{self.name}: depth must be 1 to {depths[-1]} for {market.kind}, not {depth}", venue=self.name
            )
        limit = next(size for size in depths if size >= depth)
        rules = MARKETS[market.kind]
        params = {"limit": limit} if limit != rules.default_depth else {}
        weight = _step(rules.book_weights, limit)
        return self._get_for(
            "fetch_book", market, params, lambda body, which: _depth(body).snapshot(which, depth), weight=weight
        )

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> Call[list[Trade]]:
        """See: /api/v3/trades."""
        market = self.symbol(symbol)
        params = {"limit": self._page(limit, market.kind)}
        return self._get_for(
            "fetch_trades", market, params, lambda body, which: [row.trade(which) for row in _trades(body)]
        )

    def fetch_funding_rate(self, symbol: str | Symbol) -> Call[FundingRate]:
        """See: /fapi/v1/premiumIndex."""
        market = self._perpetual(symbol)
        return self._get_for(
            "fetch_funding_rate", market, {}, lambda body, which: _premium_index(body).funding_rate(which)
        )

    def fetch_funding_history(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[FundingRate]]:
        """See: /fapi/v1/fundingRate."""
        market = self._perpetual(symbol)
        return self._get_for(
            "fetch_funding_history",
            market,
            {**_window(start, end), "limit": self._page(limit, "linear")},
            lambda body, which: [row.funding_rate(which) for row in _paid_funding(body)],
        )

    def fetch_open_interest(self, symbol: str | Symbol) -> Call[OpenInterest]:
        """See: /fapi/v1/openInterest. USD-M contracts are one base unit each."""
        market = self._contract(symbol)
        return self._get_for(
            "fetch_open_interest", market, {}, lambda body, which: _interest(body).open_interest(which)
        )

    # Private.

    def fetch_trading_fee(self, symbol: str | Symbol) -> Call[TradingFee]:
        """See: /api/v3/account/commission, /fapi/v1/commissionRate.

        Spot: the sum of standard, special and tax commission, with the dearer of the buyer's and the seller's part. The
        discount for paying in BNB is not taken off.
        """
        market = self.symbol(symbol)
        decode = _spot_commission if market.kind == "spot" else _futures_commission
        return self._private(
            "fetch_trading_fee",
            market.kind,
            {"symbol": self.native_symbol(market)},
            lambda body: decode(body).trading_fee(market),
            symbol=market,
        )

    def fetch_balances(self, *, kind: Kind = "spot") -> Call[list[Balance]]:
        """See: /api/v3/account, /fapi/v3/balance."""
        if kind == "spot":
            return self._private("fetch_balances", kind, {}, lambda body: _spot_account(body).nonzero())
        return self._private(
            "fetch_balances", kind, {}, lambda body: [row.model() for row in _futures_balances(body) if row.balance]
        )

    def fetch_positions(self) -> Call[list[Position]]:
        """See: /fapi/v3/positionRisk."""

        def parse(body: bytes) -> list[Position]:
            rows = [row for row in _positions(body) if row.positionAmt]
            return [row.position(self.known_symbol(row.symbol, "linear")) for row in rows]

        return self._private("fetch_positions", "linear", {}, parse)

    def fetch_orders(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Order]]:
        """See: /api/v3/allOrders. With both bounds the window is at most 24 hours on spot, 7 days on futures."""
        market = self.symbol(symbol)
        params = {"symbol": self.native_symbol(market), **_window(start, end), "limit": self._page(limit, market.kind)}
        return self._private(
            "fetch_orders",
            market.kind,
            params,
            lambda body: [row.order(market) for row in _orders(body)],
            symbol=market,
        )

    def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> Call[list[Order]]:
        """See: /api/v3/openOrders. Without a symbol it costs 80 (spot) or 40 (futures) instead of 6 or 1."""
        market = None if symbol is None else self.symbol(symbol)
        kind = kind if market is None else market.kind
        params = {} if market is None else {"symbol": self.native_symbol(market)}

        def parse(body: bytes) -> list[Order]:
            return [row.order(market or self.known_symbol(row.symbol, kind)) for row in _orders(body)]

        weight = MARKETS[kind].all_open_orders_weight if market is None else None
        return self._private("fetch_open_orders", kind, params, parse, weight=weight, symbol=market)

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: GET /api/v3/order."""
        return self._by_id("fetch_order", "GET", symbol, order_id, client_order_id)

    def fetch_fills(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Fill]]:
        """See: /api/v3/myTrades, /fapi/v1/userTrades. A window is at most 24 hours (spot), 7 days (futures)."""
        market = self.symbol(symbol)
        params = {"symbol": self.native_symbol(market), **_window(start, end), "limit": self._page(limit, market.kind)}
        return self._private(
            "fetch_fills",
            market.kind,
            params,
            lambda body: [row.fill(market) for row in _own_trades(body)],
            symbol=market,
        )

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
        """See: POST /api/v3/order, /fapi/v1/order. Post-only is LIMIT_MAKER on spot, time in force GTX on futures."""
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
        kind = order.symbol.kind
        if order.reduce_only and kind == "spot":
            raise NotSupported(f"{self.name}: reduce_only is for futures, {order.symbol} is spot", venue=self.name)
        own_id = client_order_id or f"tw-{uuid4().hex}"
        params = {
            "symbol": self.native_symbol(order.symbol),
            "side": order.side.upper(),
            **_order_terms(order),
            "quantity": plain(order.quantity),
            "newClientOrderId": own_id,
            "newOrderRespType": MARKETS[kind].response_type,
        }
        return self._private(
            "create_order",
            kind,
            params,
            lambda body: _order(body).order(order.symbol),
            method="POST",
            orders=1,
            symbol=order.symbol,
            client_order_id=own_id,
        )

    def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: DELETE /api/v3/order."""
        return self._by_id("cancel_order", "DELETE", symbol, order_id, client_order_id)

    def cancel_all_orders(self, symbol: str | Symbol) -> Call[list[Order]]:
        """See: DELETE /api/v3/openOrders. Futures only acknowledge: the list is empty there."""
        market = self.symbol(symbol)

        def parse(body: bytes) -> list[Order]:
            if market.kind == "linear":
                return []
            rows: list[reports.OrderReport] = []
            for raw in _raw_reports(body):
                item = bytes(raw)
                rows += _order_list(item).orderReports if b'"orderReports"' in item else [_order(item)]
            return [row.order(market) for row in rows]

        params = {"symbol": self.native_symbol(market)}
        return self._private("cancel_all_orders", market.kind, params, parse, method="DELETE", symbol=market)

    # How calls are put together.

    def _by_id(
        self, verb: str, method: str, symbol: str | Symbol, order_id: str | None, client_order_id: str | None
    ) -> Call[Order]:
        market = self.symbol(symbol)
        order_id, client_order_id = one_id(order_id, client_order_id)
        name = {"orderId": order_id} if order_id is not None else {"origClientOrderId": client_order_id}
        return self._private(
            verb,
            market.kind,
            {"symbol": self.native_symbol(market), **name},
            lambda body: _order(body).order(market),
            method=method,
            symbol=market,
            order_id=order_id,
            client_order_id=client_order_id,
        )

    def _get(
        self,
        verb: str,
        kind: Kind,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        weight: int | None = None,
        symbol: Symbol | None = None,
    ) -> Call[T]:
        return Call(
            verb=verb,
            request=Request("GET", self._url(verb, kind, params)),
            parser=parser,
            check=check,
            costs=self._costs(verb, kind, weight),
            kind=kind,
            symbol=None if symbol is None else str(symbol),
        )

    def _get_for(
        self,
        verb: str,
        symbol: str | Symbol,
        params: Params,
        parser: Callable[[bytes, Symbol], T],
        *,
        weight: int | None = None,
    ) -> Call[T]:
        market = self.symbol(symbol)
        params = {"symbol": self.native_symbol(market), **params}
        return self._get(verb, market.kind, params, lambda body: parser(body, market), weight=weight, symbol=market)

    def _private(
        self,
        verb: str,
        kind: Kind,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        method: str = "GET",
        weight: int | None = None,
        orders: int = 0,
        symbol: Symbol | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> Call[T]:
        in_body = method == "POST"
        url = self._url(verb, kind, {} if in_body else params)
        return Call(
            verb=verb,
            request=Request(method, url, body=encode_query(params).encode() if in_body else b""),
            parser=parser,
            check=check,
            costs={**self._costs(verb, kind, weight), f"{kind}-orders": orders},
            signer=sign,
            kind=kind,
            writes=method != "GET",
            symbol=None if symbol is None else str(symbol),
            order_id=order_id,
            client_order_id=client_order_id,
        )

    def _url(self, verb: str, kind: Kind, params: Params) -> str:
        url = self.rest_hosts[kind] + MARKETS[kind].paths[verb]
        query = encode_query(params)
        return f"{url}?{query}" if query else url

    def _costs(self, verb: str, kind: Kind, weight: int | None) -> dict[str, int]:
        costs = {f"{kind}-weight": MARKETS[kind].weights[verb] if weight is None else weight}
        return {**costs, "spot-raw": 1} if kind == "spot" else costs

    def _page(self, limit: int | None, kind: Kind) -> int | None:
        return None if limit is None else min(checked_limit(limit), self.spec.trades_page[kind])

    def _wanted(self, symbols: Sequence[str | Symbol]) -> dict[str, Symbol]:
        parsed = [self.symbol(symbol) for symbol in symbols]
        if len({symbol.kind for symbol in parsed}) != 1:
            raise ConfigError("fetch_tickers: give at least one symbol, all spot or all futures")
        return {self.native_symbol(symbol): symbol for symbol in parsed}

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


def _order_terms(order: NewOrder) -> dict[str, str]:
    if order.type is OrderType.MARKET:
        terms = {"type": "MARKET"}
    elif order.post_only and order.symbol.kind == "spot":
        terms = {"type": "LIMIT_MAKER", "price": plain(order.price)}
    else:
        force = "GTX" if order.post_only else (order.time_in_force or "gtc").upper()
        terms = {"type": "LIMIT", "timeInForce": force, "price": plain(order.price)}
    return {**terms, "reduceOnly": "true"} if order.reduce_only else terms


def _window(start: Time | None, end: Time | None) -> dict[str, int | None]:
    """Half-open nanoseconds as the venue's inclusive milliseconds."""
    start_ns, end_ns = parse_window(start, end)
    return {
        "startTime": None if start_ns is None else -(-start_ns // _MS),
        "endTime": None if end_ns is None else -(-end_ns // _MS) - 1,
    }


def _step(steps: Sequence[tuple[int, int]], size: int) -> int:
    return next(weight for limit, weight in steps if size <= limit)
