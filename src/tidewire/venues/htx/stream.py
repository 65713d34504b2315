"""HTX's public streams: which topics there are, how to ask for them, and what its frames are.

Every frame is gzip. The venue pings in words every five seconds and hangs up on who does not echo. Spot has its books
on an address of their own; the swaps' funding rates come from that of their notifications, in another dialect.

See: https://huobiapi.github.io/docs/spot/v1/en/#websocket-market-data and
https://huobiapi.github.io/docs/usdt_swap/v1/en/#websocket-market-data (June 2021). No life of a connection is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from ..._channel import BookChannel, KlineChannel, TradeChannel, ValueChannel
from ..._feed import Acknowledged, Answer, Buffer, Feed, Message, Moment, Query, Refused, Reply
from ...errors import ConfigError, DecodeError, VenueError
from ...models import FundingRate, KlineUpdate, Side, Ticker, Trade
from ...symbols import Interval, Symbol
from . import wire
from .market import HtxMarket
from .spec import BOOK
from .wire import MS, VENUE, base

__all__ = ["HtxStreams", "read", "read_notice"]

_SPOT_DEPTHS: Final = (150, 400)  # the two that are sent for every symbol
_SWAP_DEPTHS: Final = (20, 150)
_MISSED_S: Final = 10.0  # two of the venue's pings

# Not documented for subscriptions; requests may come every 100 ms.
_COMMANDS_PER_S: Final = 8.0
_TOPICS: Final = 200

# Nothing is told of how long a channel may be silent. A spot book is said to come every 100 ms, changed or not.
_BOOK_QUIET_S: Final = 60.0
_QUIET_S: Final = 300.0


class HtxStreams(HtxMarket):
    """The public streams of ``Htx``."""

    def watch_book(self, symbol: str | Symbol, depth: int | None = None) -> BookChannel:
        """Spot: every 100 ms over a snapshot asked for in band. Swaps: every 30 ms, beginning with a snapshot.

        See: market.<symbol>.mbp.150 (or 400), market.<contract>.depth.size_150.high_freq (or 20), incremental. Levels
        beyond are not sent, and not kept.
        """
        market = self.symbol(symbol)
        native, levels = self.native_symbol(market), self._levels(market, depth)
        layout = msgspec.structs.replace(BOOK[market.kind], depth=levels)
        if market.kind == "linear":
            topic = f"market.{native}.depth.size_{levels}.high_freq"
            return BookChannel(
                feed=self._feed("linear", "/linear-swap-ws"),
                topic=topic,
                symbol=market,
                layout=layout,
                snapshot=None,
                in_contracts=True,
                quiet_s=_BOOK_QUIET_S,
            )
        topic = f"market.{native}.mbp.{levels}"
        return BookChannel(
            feed=self._feed("spot", "/feed"),
            topic=topic,
            symbol=market,
            layout=layout,
            snapshot=Query("fetch_book", partial(_request, topic), bytes),  # the layout's depth is kept up by the venue
            quiet_s=_BOOK_QUIET_S,
        )

    def watch_trades(self, symbol: str | Symbol) -> TradeChannel:
        """See: market.<symbol>.trade.detail. Ids rise; whether they leave none out is not told."""
        market = self.symbol(symbol)
        return TradeChannel(
            feed=self._market_feed(market),
            topic=f"market.{self.native_symbol(market)}.trade.detail",
            symbol=market,
            parse=partial(self._read_trades, market),
            recent=self.fetch_trades(market, self.spec.trades_page[market.kind]),
            contiguous=False,
            quiet_s=_QUIET_S,
        )

    def watch_ticker(self, symbol: str | Symbol) -> ValueChannel[Ticker]:
        """Rolling 24 hours and best quotes. See: market.<symbol>.ticker, market.<contract>.detail."""
        market = self.symbol(symbol)
        channel = "ticker" if market.kind == "spot" else "detail"
        return ValueChannel(
            feed=self._market_feed(market),
            topic=f"market.{self.native_symbol(market)}.{channel}",
            symbol=market,
            parse=partial(self._read_ticker, market),
            quiet_s=_QUIET_S,
        )

    def watch_klines(self, symbol: str | Symbol, interval: str | Interval) -> KlineChannel:
        """See: market.<symbol>.kline.<period>. The venue does not say that a kline has closed: the next one does."""
        market = self.symbol(symbol)
        parsed, spelling = self.interval(interval, market.kind)
        return KlineChannel(
            feed=self._market_feed(market),
            topic=f"market.{self.native_symbol(market)}.kline.{spelling}",
            symbol=market,
            interval=parsed,
            parse=partial(_klines, symbol=market, interval=parsed),
            recent=self.fetch_klines(market, parsed, limit=self.spec.klines_page[market.kind]),
            says_closed=False,
            quiet_s=_QUIET_S,
        )

    def watch_funding_rate(self, symbol: str | Symbol) -> ValueChannel[FundingRate]:
        """See: public.<contract>.funding_rate, pushed once a minute. Needs no login."""
        market = self._perpetual(symbol)
        return ValueChannel(
            feed=self._notices(),
            topic=f"public.{self.native_symbol(market)}.funding_rate",
            symbol=market,
            parse=partial(_funding_rate, symbol=market),
            quiet_s=_QUIET_S,
        )

    def _levels(self, market: Symbol, depth: int | None) -> int:
        depths = _SPOT_DEPTHS if market.kind == "spot" else _SWAP_DEPTHS
        wanted = 150 if depth is None else depth
        if not 1 <= wanted <= depths[-1]:
            raise ConfigError(
                f"{self.name}: the stream of a {market.kind} book has at most {depths[-1]} levels, not {depth}",
                venue=self.name,
            )
        return next(levels for levels in depths if levels >= wanted)

    def _market_feed(self, market: Symbol) -> Feed:
        return self._feed(market.kind, "/ws" if market.kind == "spot" else "/linear-swap-ws")

    def _feed(self, kind: str, path: str) -> Feed:
        return Feed(
            url=self.stream_hosts["spot" if kind == "spot" else "linear"] + path,
            subscribe=partial(_command, "sub"),
            unsubscribe=partial(_command, "unsub"),
            read=read,
            gzip=True,
            topics_per_connection=_TOPICS,
            topics_per_command=1,
            commands_per_s=_COMMANDS_PER_S,
            idle_s=_MISSED_S,
        )

    def _notices(self) -> Feed:
        return replace(
            self._feed("linear", "/linear-swap-notification"),
            subscribe=partial(_notice, "sub"),
            unsubscribe=partial(_notice, "unsub"),
            read=read_notice,
        )

    def _read_trades(self, market: Symbol, frame: Buffer) -> list[Trade]:
        rows = _trades(frame).tick.data  # type: ignore[arg-type]
        contracts = market.kind == "linear" and any(row.quantity is None for row in rows)
        size = self._size(market) if contracts else None
        return [row.trade(market, size) for row in sorted(rows, key=_Trade.number)]

    def _read_ticker(self, market: Symbol, frame: Buffer) -> Ticker:
        if market.kind == "spot":
            found = _spot_ticker(frame)  # type: ignore[arg-type]
            return found.tick.ticker(market, found.ts)
        answer = _swap_ticker(frame)  # type: ignore[arg-type]
        return answer.tick.ticker(market, self._size(market), answer.ts)


# Commands.


def _command(word: str, topics: Sequence[str], moment: Moment) -> str:
    (topic,) = topics
    command = {word: topic, "id": str(moment.number)}
    if topic.endswith(".high_freq"):
        command["data_type"] = "incremental"
    return _json(command)


def _request(topic: str, moment: Moment) -> str:
    return _json({"req": topic, "id": str(moment.number)})


def _notice(word: str, topics: Sequence[str], moment: Moment) -> str:
    (topic,) = topics
    return _json({"op": word, "cid": str(moment.number), "topic": topic})


def _json(command: dict[str, str]) -> str:
    return json.dumps(command, separators=(",", ":"))


# Frames of the market addresses.

_DATA = re.compile(rb'\{"ch":"([\w.-]+)"')


def read(frame: Buffer) -> Message:
    """Tell what a frame of the market addresses is: data, an answer, or a ping to be echoed.

    Data begins with ``{"ch":"market.…"``; any other order of its members is found by parsing. Raises ``DecodeError``
    for what the venue does not document.
    """
    found = _DATA.match(frame)
    if found is not None:
        return found[1].decode("ascii"), frame
    return _parse(frame)


class _Frame(msgspec.Struct, rename={"code": "err-code", "message": "err-msg"}):
    ch: str | None = None
    rep: str | None = None
    id: str | int | None = None  # as the client wrote it
    status: str | None = None
    ping: int | None = None
    code: str | int | None = None
    message: str = ""


_frame = wire.decoder(_Frame)


def _parse(frame: Buffer) -> Message:
    found = _frame(frame)  # type: ignore[arg-type]
    number = int(found.id) if str(found.id).isdigit() else None  # type: ignore[arg-type]
    if found.ch is not None:
        return found.ch, frame
    if found.ping is not None:
        return Reply(f'{{"pong":{found.ping}}}')
    if found.status == "error":
        return Refused(number, VenueError(found.message, venue=VENUE, code=found.code))
    if found.rep is not None and number is not None:
        return Answer(number, frame)
    return Acknowledged(number) if found.status == "ok" and number is not None else None


# Frames of the notifications.


class _Notice(msgspec.Struct, rename={"code": "err-code", "message": "err-msg"}):
    op: str
    cid: str | None = None
    topic: str | None = None
    ts: int | str | None = None
    code: int = 0
    message: str = ""


_notices = wire.decoder(_Notice)


def read_notice(frame: Buffer) -> Message:
    """Tell what a frame of the swaps' notifications is."""
    found = _notices(frame)  # type: ignore[arg-type]
    number = int(found.cid) if found.cid is not None and found.cid.isdigit() else None
    match found.op:
        case "notify" if found.topic is not None:
            return found.topic, frame
        case "ping":
            return Reply(_json({"op": "pong", "ts": str(found.ts)}))
        case "sub" | "unsub" if found.code == 0:
            return Acknowledged(number)
        case "sub" | "unsub" | "error":
            return Refused(number, VenueError(found.message, venue=VENUE, code=found.code))
    return None


# Data.


class _Trade(msgspec.Struct, rename={"trade_id": "tradeId"}):
    """As over REST, but that spot writes ``tradeId``. Spot's ``id`` is longer than any integer type, and not used."""

    price: Decimal
    amount: Decimal
    direction: Side
    ts: int
    id: int | float | None = None
    trade_id: int | None = None
    quantity: Decimal | None = None

    def number(self) -> int:
        found = self.id if self.trade_id is None else self.trade_id
        if not isinstance(found, int):
            raise DecodeError("a trade without an id", venue=VENUE)
        return found

    def trade(self, symbol: Symbol, size: Decimal | None) -> Trade:
        quantity = self.amount if size is None else base(self.amount, size)
        return Trade(
            venue=VENUE,
            symbol=symbol,
            trade_id=str(self.number()),
            price=self.price,
            quantity=quantity if self.quantity is None else self.quantity,
            side=self.direction,
            time_ns=self.ts * MS,
        )


class _TradeBatch(msgspec.Struct):
    data: list[_Trade]


class _Trades(msgspec.Struct):
    tick: _TradeBatch


class _SpotTicker(wire.SpotFigures, kw_only=True):
    open: Decimal
    high: Decimal
    low: Decimal

    def ticker(self, symbol: Symbol, ts: int) -> Ticker:
        return msgspec.structs.replace(super().ticker(symbol, ts), open=self.open, high=self.high, low=self.low)


class _SpotTickerFrame(msgspec.Struct):
    tick: _SpotTicker
    ts: int


class _Kline(msgspec.Struct):
    """``id`` is the opening time in seconds. ``vol`` is quote on spot, contracts on swaps."""

    id: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    amount: Decimal
    vol: Decimal
    count: int | None = None
    trade_turnover: Decimal | None = None


class _KlineFrame(msgspec.Struct):
    tick: _Kline
    ts: int


class _FundingRow(msgspec.Struct):
    """``funding_time`` is when the rate was reckoned, ``settlement_time`` when it is paid."""

    contract_code: str
    funding_rate: Decimal
    settlement_time: str


class _FundingFrame(msgspec.Struct):
    data: list[_FundingRow]
    ts: int


_trades = wire.decoder(_Trades)
_spot_ticker = wire.decoder(_SpotTickerFrame)
_swap_ticker = wire.decoder(wire.MergedAnswer)
_kline = wire.decoder(_KlineFrame)
_funding = wire.decoder(_FundingFrame)


def _klines(frame: Buffer, symbol: Symbol, interval: Interval) -> tuple[KlineUpdate]:
    found = _kline(frame)  # type: ignore[arg-type]
    row = found.tick
    made = KlineUpdate(
        venue=VENUE,
        symbol=symbol,
        interval=str(interval),
        open_time_ns=row.id * 1_000_000_000,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.amount,
        quote_volume=row.vol if symbol.kind == "spot" else row.trade_turnover,
        trades=row.count,
        time_ns=found.ts * MS,
    )
    return (made,)


def _funding_rate(frame: Buffer, symbol: Symbol) -> FundingRate | None:
    found = _funding(frame)  # type: ignore[arg-type]
    for row in found.data:
        if row.contract_code == f"{symbol.base}-{symbol.quote}":
            return FundingRate(
                venue=VENUE,
                symbol=symbol,
                rate=row.funding_rate,
                funding_time_ns=int(row.settlement_time) * MS,
                time_ns=found.ts * MS,
            )
    return None
