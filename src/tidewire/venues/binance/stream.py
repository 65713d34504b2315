"""Binance's streams: which topics there are, how to ask for them, and what its frames are.

See: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams (read 2026-07-21) and
https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal

import msgspec

from ..._call import Call, Request, encode_query
from ..._channel import BookChannel, KlineChannel, TradeChannel, ValueChannel
from ..._feed import Acknowledged, Buffer, Feed, Leaving, Message, Moment, Refused
from ..._venue import Venue
from ...book import BookLayout, LevelArray, MessageLayout, SequenceRule
from ...errors import VenueError
from ...models import BookSnapshot, FundingRate, Ticker
from ...symbols import Interval, Kind, Symbol
from . import prices, wire

__all__ = ["BOOK", "BinanceStreams", "read"]

_DELTA = MessageLayout(bids=LevelArray("b"), asks=LevelArray("a"), first="U", last="u", time="E")
_SNAPSHOT = MessageLayout(bids=LevelArray("bids"), asks=LevelArray("asks"), last="lastUpdateId")

BOOK: Final[Mapping[Kind, BookLayout]] = {
    "spot": BookLayout(delta=_DELTA, snapshot=_SNAPSHOT, rule=SequenceRule.RANGE, envelope="data"),
    "linear": BookLayout(
        delta=msgspec.structs.replace(_DELTA, previous="pu"),
        snapshot=_SNAPSHOT,
        rule=SequenceRule.CHAIN,
        envelope="data",
    ),
}

# The futures streams were split by topic on 2026-04-23: books are "public"; klines, tickers and funding are "market".
_BOOKS: Final[Mapping[Kind, str]] = {"spot": "/stream", "linear": "/public/stream"}
_VALUES: Final[Mapping[Kind, str]] = {"spot": "/stream", "linear": "/market/stream"}

# Commands and heartbeats a second that the venue takes: 5 on spot, 10 on futures. Beyond that it closes, then bans.
_COMMANDS_PER_S: Final[Mapping[Kind, float]] = {"spot": 3.0, "linear": 5.0}

_AGGREGATES: Final = "/fapi/v1/aggTrades"
_AGGREGATES_WEIGHT: Final = 20
_aggregates = wire.decoder(list[wire.AggregateTrade])

_LIFE_S = 23.5 * 3600.0  # the venue ends a connection after 24 hours

# A market may be quiet for so long; then one call of weight 5 (2 on futures) tells whether it is, or we are cut off.
_QUIET_S = 60.0
_TRADES_QUIET_S = 300.0  # of trades and klines, which may stay away for long; then they are asked for anew
_VALUE_QUIET_S = 30.0  # tickers and marks come every few seconds, whatever the market does

# Beyond a snapshot's last level nothing is known: of a few levels nothing is left as soon as the market moves.
_LEAST_DEPTH = 500
_SNAPSHOT_DEPTH = 1000  # weight 50 on spot; the 5000 that the documentation suggests cost 250 of 6000 a minute


class BinanceStreams(Venue):
    """The streaming half of ``Binance``."""

    def watch_book(self, symbol: str | Symbol, depth: int | None = None) -> BookChannel:
        """Deltas every 100 ms over a REST snapshot. See: <symbol>@depth@100ms."""
        market = self.symbol(symbol)
        levels = _SNAPSHOT_DEPTH if depth is None else max(depth, _LEAST_DEPTH) if depth > 0 else depth
        call = self.fetch_book(market, levels)
        return BookChannel(
            feed=self._feed(market.kind),
            topic=f"{self.native_symbol(market).lower()}@depth@100ms",
            symbol=market,
            layout=BOOK[market.kind],
            snapshot=_raw(call, {f"{market.kind}-snapshots": 1}),
            quiet_s=_QUIET_S,
            probe=_raw(self.fetch_book(market, 5)),
            depth=next(size for size in self.spec.book_depths[market.kind] if size >= levels),
        )

    def watch_trades(self, symbol: str | Symbol) -> TradeChannel:
        """Spot: single trades. Futures: what a taker filled at one price, in one. See: <symbol>@trade, @aggTrade.

        Aggregates have ids of their own, which rise by one: ``fetch_trades`` lists single trades with other ids.
        """
        market = self.symbol(symbol)
        if market.kind != "spot":
            return self._watch_aggregates(market)
        return TradeChannel(
            feed=self._feed(market.kind),
            topic=f"{self.native_symbol(market).lower()}@trade",
            symbol=market,
            parse=partial(prices.trade, symbol=market),
            recent=self.fetch_trades(market, self.spec.trades_page[market.kind]),
            quiet_s=_TRADES_QUIET_S,
        )

    def _watch_aggregates(self, market: Symbol) -> TradeChannel:
        """The latest 1000 over REST mend a hole. See: /fapi/v1/aggTrades."""
        native, single = self.native_symbol(market), self.fetch_trades(market)
        query = encode_query({"symbol": native, "limit": self.spec.trades_page[market.kind]})
        latest = replace(
            single,
            request=Request("GET", f"{self.rest_hosts[market.kind]}{_AGGREGATES}?{query}"),
            parser=lambda body: [row.trade(market) for row in _aggregates(body)],
            costs={f"{market.kind}-weight": _AGGREGATES_WEIGHT},
        )
        return TradeChannel(
            feed=self._feed(market.kind, _VALUES),
            topic=f"{native.lower()}@aggTrade",
            symbol=market,
            parse=partial(prices.aggregate_trade, symbol=market),
            recent=latest,
            quiet_s=_TRADES_QUIET_S,
        )

    def watch_ticker(self, symbol: str | Symbol) -> ValueChannel[Ticker]:
        """Once a second on spot, every two on futures, where quotes are not part of it. See: <symbol>@ticker."""
        market = self.symbol(symbol)
        return ValueChannel(
            feed=self._feed(market.kind, _VALUES),
            topic=f"{self.native_symbol(market).lower()}@ticker",
            symbol=market,
            parse=partial(prices.ticker, symbol=market),
            quiet_s=_VALUE_QUIET_S,
        )

    def watch_klines(self, symbol: str | Symbol, interval: str | Interval) -> KlineChannel:
        """Every 1 or 2 s on spot, 250 ms on futures, while there are trades. See: <symbol>@kline_<interval>."""
        market = self.symbol(symbol)
        parsed, spelling = self.interval(interval, market.kind)
        return KlineChannel(
            feed=self._feed(market.kind, _VALUES),
            topic=f"{self.native_symbol(market).lower()}@kline_{spelling}",
            symbol=market,
            interval=parsed,
            parse=partial(prices.kline, symbol=market, interval=parsed),
            recent=self.fetch_klines(market, parsed, limit=self.spec.klines_page[market.kind]),
            quiet_s=_TRADES_QUIET_S,
        )

    def watch_funding_rate(self, symbol: str | Symbol) -> ValueChannel[FundingRate]:
        """Every 3 s. See: <symbol>@markPrice."""
        market = self.symbol(symbol)
        if market.kind != "linear" or market.expiry is not None:
            raise self._unsupported(f"funding rates for {market}")
        return ValueChannel(
            feed=self._feed(market.kind, _VALUES),
            topic=f"{self.native_symbol(market).lower()}@markPrice",
            symbol=market,
            parse=partial(prices.funding_rate, symbol=market),
            quiet_s=_VALUE_QUIET_S,
        )

    def _feed(self, kind: Kind, paths: Mapping[Kind, str] = _BOOKS) -> Feed:
        return Feed(
            url=self.stream_hosts[kind] + paths[kind],
            subscribe=partial(_command, "SUBSCRIBE"),
            unsubscribe=partial(_command, "UNSUBSCRIBE"),
            read=read,
            topics_per_connection=1024,
            topics_per_command=100,
            commands_per_s=_COMMANDS_PER_S[kind],
            connect_costs={f"{kind}-connections": 1},
            idle_s=10.0,  # the venue itself pings every 20 s on spot, every 3 min on futures
            life_s=_LIFE_S,
        )


def _raw(call: Call[BookSnapshot], costs: Mapping[str, int] | None = None) -> Call[bytes]:
    """The same call for the venue's own bytes, which a live book reads itself."""
    return replace(call, parser=bytes, costs={**call.costs, **(costs or {})})  # type: ignore[arg-type, return-value]


def _command(method: Literal["SUBSCRIBE", "UNSUBSCRIBE"], topics: Sequence[str], moment: Moment) -> str:
    return json.dumps({"method": method, "params": topics, "id": moment.number}, separators=(",", ":"))


# Frames.

_DATA = re.compile(rb'\{"stream":"([\w@]+)"')
_SHUTDOWN = "serverShutdown"


def read(frame: Buffer) -> Message:
    """Tell what a frame is: data of a topic, the answer to a command, or a farewell.

    Data comes as ``{"stream":"btcusdt@trade","data":{…}}``. Exactly this beginning is looked for first, any other
    spelling is parsed; the rest is the topic's own to read, envelope and all. ``None`` is a well-formed message that
    concerns no topic. Raises ``DecodeError`` for what the venue does not document.
    """
    found = _DATA.match(frame)
    if found is not None:
        return found[1].decode("ascii"), frame
    return _parse(frame)


class _Refusal(msgspec.Struct):
    code: int
    msg: str = ""


class _Frame(msgspec.Struct):
    stream: str | None = None
    e: str | None = None
    id: int | None = None
    result: Any = msgspec.UNSET
    error: _Refusal | None = None
    code: int | None = None
    msg: str = ""


_frame = wire.decoder(_Frame)


def _parse(frame: Buffer) -> Message:
    found = _frame(frame)  # type: ignore[arg-type]
    if found.stream is not None and not found.stream.startswith("!"):
        return found.stream, frame
    if _SHUTDOWN in (found.e, (found.stream or "").removeprefix("!")):
        return Leaving("server shutdown for maintenance")
    refusal = found.error or (None if found.code is None else _Refusal(found.code, found.msg))
    if refusal is not None:
        return Refused(found.id, VenueError(refusal.msg, venue=wire.VENUE, code=refusal.code))
    if found.id is not None and found.result is not msgspec.UNSET:
        return Acknowledged(found.id)
    return None
