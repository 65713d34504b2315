"""HTX's public verbs: which request each one is, and what its answer means.

See: https://huobiapi.github.io/docs/spot/v1/en/#market-data and https://huobiapi.github.io/docs/usdt_swap/v1/en/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from decimal import Decimal

from ..._call import Call
from ..._listing import Listing, Then
from ..._order import checked_limit
from ...errors import ConfigError, NotSupported
from ...klines import Klines, decode_klines
from ...models import BookSnapshot, FundingRate, Instrument, OpenInterest, Ticker, Trade
from ...symbols import Interval, Kind, Symbol, Time, parse_window
from . import wire
from .calls import HtxCalls, milliseconds
from .spec import DEFAULT_KLINES, KLINES
from .wire import MS

__all__ = ["HtxMarket"]

_SECOND = 10**9
_FUNDING_PAGE = 100
_SHORTEST_PERIOD = 3600 * 10**9  # between two payments of funding

_server_time = wire.decoder(wire.ServerTime)
_spot_symbols = wire.decoder(wire.SpotSymbols)
_contracts = wire.decoder(wire.Contracts)
_last_trade = wire.decoder(wire.LastTrade)
_trades = wire.decoder(wire.TradeHistory)
_merged = wire.decoder(wire.MergedAnswer)
_merged_batch = wire.decoder(wire.MergedBatch)
_spot_tickers = wire.decoder(wire.SpotTickers)
_depth = wire.decoder(wire.DepthAnswer)
_funding = wire.decoder(wire.FundingAnswer)
_interest = wire.decoder(wire.InterestAnswer)


class HtxMarket(HtxCalls):
    """Public verbs of HTX spot and USDT-margined swaps."""

    def ping(self) -> Call[None]:
        """See: /v1/common/timestamp, the lightest address there is."""
        return self._get("ping", "spot", {}, lambda body: None)

    def server_time(self) -> Call[int]:
        """See: /v1/common/timestamp."""
        return self._get("server_time", "spot", {}, lambda body: _server_time(body).data * MS)

    def fetch_instruments(self, kind: Kind = "spot", *, symbol: str | Symbol | None = None) -> Call[list[Instrument]]:
        """See: /v1/common/symbols, /linear-swap-api/v1/swap_contract_info. ``symbol`` filters the answer."""
        wanted = None if symbol is None else self.native_symbol(self.symbol(symbol))

        def parse(body: bytes) -> list[Instrument]:
            if kind == "spot":
                rows = [row.instrument() for row in _spot_symbols(body).data]
            else:
                rows = [row.instrument() for row in _contracts(body).data]
            return [row for row in rows if wanted in (None, row.native)]

        return self._get("fetch_instruments", kind, {} if kind == "spot" else {"business_type": "all"}, parse)

    def fetch_klines(
        self,
        symbol: str | Symbol,
        interval: str | Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[Klines]:
        """See: /market/history/candles, /linear-swap-ex/market/history/kline. Bounds are inclusive seconds.

        The venue gives the newest bars of a window, so a window is never longer than a page. Swaps ignore it when a
        size comes with it: only requests without a window carry one there. Days and weeks open at 16:00 UTC, which
        is midnight in Singapore: build UTC days from ``1h`` or ``4h``.
        """
        market = self.symbol(symbol)
        parsed, spelling = self.interval(interval, market.kind)
        size = self._page(limit, self.spec.klines_page[market.kind])
        first, last = _span(parsed, *parse_window(start, end), DEFAULT_KLINES if size is None else size)
        params = {
            **self._target(market),
            "period": spelling,
            "size": size if market.kind == "spot" or first is None else None,
            "from": None if first is None else -(-first // _SECOND),
            "to": None if last is None else -(-last // _SECOND) - 1,
        }

        def parse(body: bytes) -> Klines:
            bars = decode_klines(body, KLINES[market.kind], symbol=market, interval=parsed, venue=self.name)
            return bars.between(first, last)

        return self._get("fetch_klines", market.kind, params, parse, symbol=market)

    def fetch_price(self, symbol: str | Symbol) -> Call[Decimal]:
        """See: /market/trade, /linear-swap-ex/market/trade."""
        market = self.symbol(symbol)
        return self._get(
            "fetch_price",
            market.kind,
            self._target(market),
            lambda body: _last_trade(body).price(),
            symbol=market,
        )

    def fetch_ticker(self, symbol: str | Symbol) -> Call[Ticker]:
        """See: /market/detail/merged, /linear-swap-ex/market/detail/merged."""
        market = self.symbol(symbol)

        def parse(body: bytes) -> Ticker:
            answer = _merged(body)
            return answer.tick.ticker(market, self._size(market), answer.ts)

        return self._get(
            "fetch_ticker",
            market.kind,
            self._target(market),
            parse,
            symbol=market,
            needs_instrument=market.kind == "linear",
        )

    def fetch_tickers(
        self, symbols: Sequence[str | Symbol] | None = None, *, kind: Kind = "spot"
    ) -> Call[list[Ticker]]:
        """See: /market/tickers, /linear-swap-ex/market/detail/batch_merged. Both answer with every symbol.

        Spot's open, high and low there are a calendar day's, not of 24 hours: they are ``None``. Of contracts only
        perpetuals are listed under their own code.
        """
        wanted = None if symbols is None else self._wanted(symbols)
        if wanted:
            kind = next(iter(wanted.values())).kind
        if kind == "linear":
            return self._get(
                "fetch_tickers",
                kind,
                {"business_type": "swap"},
                lambda body: self._swap_tickers(body, wanted),
                needs_instrument=True,
            )
        return self._get("fetch_tickers", kind, {}, lambda body: self._spot_tickers(body, wanted))

    def fetch_book(self, symbol: str | Symbol, depth: int = 100) -> Call[BookSnapshot]:
        """See: /market/depth, /linear-swap-ex/market/depth. Unmerged: 150 levels, or the next larger of 5, 10, 20."""
        market = self.symbol(symbol)
        depths = self.spec.book_depths[market.kind]
        if not 1 <= depth <= depths[-1]:
            raise ConfigError(
                f"{self.name}: depth must be 1 to {depths[-1]} for {market.kind}, not {depth}", venue=self.name
            )
        levels = next(size for size in depths if size >= depth)
        if market.kind == "spot":
            terms = {"type": "step0", "depth": levels if levels != depths[-1] else None}
        else:
            terms = {"type": "step0" if levels == depths[-1] else "step6"}
        return self._get(
            "fetch_book",
            market.kind,
            {**self._target(market), **terms},
            lambda body: _depth(body).snapshot(market, depth, self._size(market)),
            symbol=market,
            needs_instrument=market.kind == "linear",
        )

    def fetch_trades(self, symbol: str | Symbol, limit: int = 100) -> Call[list[Trade]]:
        """See: /market/history/trade, /linear-swap-ex/market/history/trade. The size counts batches of trades."""
        market = self.symbol(symbol)
        size = min(checked_limit(limit), self.spec.trades_page[market.kind])

        def parse(body: bytes) -> list[Trade]:
            rows = _trades(body).rows()[-size:]
            contracts = market.kind == "linear" and any(row.quantity is None for row in rows)
            return [row.trade(market, self._size(market) if contracts else None) for row in rows]

        return self._get("fetch_trades", market.kind, {**self._target(market), "size": size}, parse, symbol=market)

    def fetch_funding_rate(self, symbol: str | Symbol) -> Call[FundingRate]:
        """See: /v5/market/funding_rate."""
        market = self._perpetual(symbol)

        def parse(body: bytes) -> FundingRate:
            answer = _funding(body)
            if not answer.data:
                raise NotSupported(f"{self.name}: {market} has no funding rate", venue=self.name)
            return answer.data[0].rate(market, answer.ts)

        return self._get("fetch_funding_rate", "linear", self._target(market), parse, symbol=market)

    def fetch_funding_history(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[FundingRate]]:
        """See: /v5/market/funding_rate_history. Pages of 100, newest first.

        Which of them comes when a window holds more is not known: with a start, no window is longer than 100 hours.
        """
        market = self._perpetual(symbol)

        def call(
            first: int | None,
            last: int | None,
            size: int | None,
            parse: Callable[[bytes], list[FundingRate]],
            then: Then[FundingRate],
        ) -> Call[list[FundingRate]]:
            since, until = milliseconds(first, last)
            params = {**self._target(market), "limit": size, "start_time": since, "end_time": until}
            page = self._get("fetch_funding_history", "linear", params, parse, symbol=market)
            return dataclasses.replace(page, then=then)

        return Listing(
            call,
            read=lambda body: [row.rate(market) for row in reversed(_funding(body).data)],
            moment=lambda rate: rate.funding_time_ns,
            name=lambda rate: str(rate.funding_time_ns),
            page=_FUNDING_PAGE,
            window=parse_window(start, end),
            limit=limit,
            span=_FUNDING_PAGE * _SHORTEST_PERIOD,
        ).begin()

    def fetch_open_interest(self, symbol: str | Symbol) -> Call[OpenInterest]:
        """See: /v5/market/open_interest."""
        market = self._contract(symbol)
        return self._get(
            "fetch_open_interest",
            "linear",
            self._target(market),
            lambda body: _interest(body).open_interest(market),
            symbol=market,
        )

    def _wanted(self, symbols: Sequence[str | Symbol]) -> dict[str, Symbol]:
        parsed = [self.symbol(symbol) for symbol in symbols]
        if len({symbol.kind for symbol in parsed}) != 1:
            raise ConfigError("fetch_tickers: give at least one symbol, all spot or all perpetuals")
        for symbol in parsed:
            if symbol.expiry:
                raise NotSupported(f"{self.name}: for {symbol}, ask fetch_ticker", venue=self.name)
        return {self.native_symbol(symbol): symbol for symbol in parsed}

    def _spot_tickers(self, body: bytes, wanted: dict[str, Symbol] | None) -> list[Ticker]:
        answer = _spot_tickers(body)
        if wanted is None:
            return [row.ticker(self.known_symbol(row.symbol, "spot"), answer.ts) for row in answer.data]
        return [row.ticker(wanted[row.symbol], answer.ts) for row in answer.data if row.symbol in wanted]

    def _swap_tickers(self, body: bytes, wanted: dict[str, Symbol] | None) -> list[Ticker]:
        answer = _merged_batch(body)
        tickers = []
        for row in answer.ticks:
            if wanted is None or row.contract_code in wanted:
                symbol = self.known_symbol(row.contract_code, "linear")
                tickers.append(row.ticker(symbol, self._size(symbol), answer.ts))
        return tickers


def _span(interval: Interval, first: int | None, last: int | None, size: int) -> tuple[int | None, int | None]:
    """The window, cut to what ``size`` bars cover: from its start, else back from its end."""
    length = interval.ns or 0
    if first is not None:
        end = interval.after(first, size)
        return first, end if last is None else min(end, last)
    return (None, None) if last is None else (last - size * length, last)
