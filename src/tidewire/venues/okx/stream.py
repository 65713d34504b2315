"""OKX's public streams: which channels there are, how to ask for them, and what each message is.

See: https://www.okx.com/docs-v5/en/#overview-websocket and #order-book-trading-market-data (a copy of August 2025)
"""

from __future__ import annotations

from functools import partial
from typing import Final

from ..._channel import BookChannel, KlineChannel, TradeChannel, ValueChannel
from ..._feed import Feed
from ...errors import ConfigError
from ...models import FundingRate, Ticker
from ...symbols import Interval, Symbol
from . import prices
from .market import OKXMarket
from .messages import read, subscribe, unsubscribe
from .spec import BOOK, BOOK_DEPTH

__all__ = ["OKXStreams"]

PUBLIC: Final = "/ws/v5/public"
BUSINESS: Final = "/ws/v5/business"
"""Candles and single trades have an address of their own."""

_TOPICS = 29  # the venue asks for fewer than 30 channels of books on a connection, and sets no number for others
_BOOK_QUIET_S = 150.0  # "around 60 seconds" without a change, the venue sends an empty update
_QUIET_S = 900.0  # of what comes as the market moves; asking anew more often might use up 480 commands an hour
_FUNDING_QUIET_S = 300.0  # every 30 to 90 s


class OKXStreams(OKXMarket):
    """The public streaming half of ``OKX``."""

    def watch_book(self, symbol: str | Symbol, depth: int | None = None) -> BookChannel:
        """Up to 400 levels a side, changes every 100 ms. See: books."""
        market = self.symbol(symbol)
        if depth is not None and not 1 <= depth <= BOOK_DEPTH:
            raise ConfigError(f"{self.name}: depth must be 1 to {BOOK_DEPTH} on a stream, not {depth}", venue=self.name)
        return BookChannel(
            feed=self._feed(PUBLIC),
            topic=self._topic("books", market),
            symbol=market,
            layout=BOOK,
            snapshot=None,
            depth=BOOK_DEPTH,
            in_contracts=market.kind in self.spec.contracts,
            quiet_s=_BOOK_QUIET_S,
        )

    def watch_trades(self, symbol: str | Symbol) -> TradeChannel:
        """Single trades, as REST lists them; the channel ``trades`` would put several into one. See: trades-all."""
        market = self.symbol(symbol)
        return TradeChannel(
            feed=self._feed(BUSINESS),
            topic=self._topic("trades-all", market),
            symbol=market,
            parse=lambda frame: prices.trades(frame, market, self._size(market)),
            recent=self.fetch_trades(market, self.spec.trades_page[market.kind]),
            quiet_s=_QUIET_S,
        )

    def watch_ticker(self, symbol: str | Symbol) -> ValueChannel[Ticker]:
        """At most every 100 ms, when something changes. See: tickers."""
        market = self.symbol(symbol)
        return ValueChannel(
            feed=self._feed(PUBLIC),
            topic=self._topic("tickers", market),
            symbol=market,
            parse=lambda frame: prices.ticker(frame, market, self._size(market)),
            quiet_s=_QUIET_S,
        )

    def watch_klines(self, symbol: str | Symbol, interval: str | Interval) -> KlineChannel:
        """At most once a second. See: candle<bar>."""
        market = self.symbol(symbol)
        bar, spelling = self.interval(interval, market.kind)
        return KlineChannel(
            feed=self._feed(BUSINESS),
            topic=self._topic(f"candle{spelling}", market),
            symbol=market,
            interval=bar,
            parse=partial(prices.klines, symbol=market, interval=bar),
            recent=self.fetch_klines(market, bar, limit=self.spec.klines_page[market.kind]),
            quiet_s=_QUIET_S,
        )

    def watch_funding_rate(self, symbol: str | Symbol) -> ValueChannel[FundingRate]:
        """Every 30 to 90 s. See: funding-rate."""
        market = self._perpetual(symbol)
        return ValueChannel(
            feed=self._feed(PUBLIC),
            topic=self._topic("funding-rate", market),
            symbol=market,
            parse=partial(prices.funding_rate, symbol=market),
            quiet_s=_FUNDING_QUIET_S,
        )

    def _topic(self, channel: str, market: Symbol) -> str:
        return f"{channel}:{self.native_symbol(market)}"

    def _feed(self, path: str) -> Feed:
        return Feed(
            url=self.stream_hosts["spot"] + path,
            subscribe=subscribe,
            unsubscribe=unsubscribe,
            read=read,
            topics_per_connection=_TOPICS,
            topics_per_command=_TOPICS,
            # 480 commands an hour on a connection: these are 120 + 360.
            commands_per_s=0.1,
            commands_burst=120,
            connect_costs={"connections": 1},
            # The venue closes what has been silent for 30 s.
            idle_s=15.0,
            answer_s=10.0,
            ping="ping",
        )
