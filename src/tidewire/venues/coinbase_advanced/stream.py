"""Coinbase Advanced's public streams: which topics there are, how to ask for them, and what its frames are.

A topic is ``channel@product``, as in ``market_trades@BTC-USD``. Every message carries its number on the connection.

See: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels (read second-hand,
2026-06).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Literal

import msgspec

from ..._channel import BookChannel, KlineChannel, TradeChannel, ValueChannel
from ..._feed import Acknowledged, Buffer, Feed, Message, Moment, Numbered, Refused, Several
from ...errors import ConfigError, DecodeError, NotSupported
from ...models import Ticker
from ...symbols import Interval, Symbol
from . import events, wire
from .calls import CoinbaseAdvancedCalls
from .errors import stream_refusal
from .spec import BOOK

__all__ = ["BEATS", "CoinbaseAdvancedStreams", "read"]

BEATS: Final = "heartbeats"
_BARS: Final = Interval.parse("5m")
_RECENT_BARS: Final = 350
_QUIET_S: Final = 90.0  # the venue ends idle subscriptions after 60 to 90 s, and nothing else would tell
_PUBLIC: Final = {"l2_data": "level2", "market_trades": "market_trades", "ticker": "ticker", "candles": "candles"}


class CoinbaseAdvancedStreams(CoinbaseAdvancedCalls):
    """The streaming half of ``CoinbaseAdvanced``."""

    trades_name_the_maker = False

    def watch_book(self, symbol: str | Symbol, depth: int | None = None) -> BookChannel:
        """The whole book, whatever ``depth``. See: level2.

        A number is missing on the connection: every book on it is doubted, and begins again from another snapshot.
        """
        if depth is not None and depth < 1:
            raise ConfigError(f"{self.name}: depth must be 1 or more, not {depth}", venue=self.name)
        market = self.symbol(symbol)
        return BookChannel(
            feed=self._feed(market),
            topic=self._topic("level2", market),
            symbol=market,
            layout=BOOK,
            snapshot=None,
            quiet_s=_QUIET_S,
        )

    def watch_trades(self, symbol: str | Symbol) -> TradeChannel:
        """Trades, beginning with the last one before the subscription. See: market_trades."""
        market = self.symbol(symbol)
        return TradeChannel(
            feed=self._feed(market),
            topic=self._topic("market_trades", market),
            symbol=market,
            parse=partial(events.trades, symbol=market, from_makers=self.trades_name_the_maker),
            recent=self.fetch_trades(market, self.spec.trades_page[market.kind]),
            quiet_s=_QUIET_S,
        )

    def watch_ticker(self, symbol: str | Symbol) -> ValueChannel[Ticker]:
        """Quotes and 24 h statistics, without an opening price. See: ticker."""
        market = self.symbol(symbol)
        return ValueChannel(
            feed=self._feed(market),
            topic=self._topic("ticker", market),
            symbol=market,
            parse=partial(events.ticker, symbol=market),
            quiet_s=_QUIET_S,
        )

    def watch_klines(self, symbol: str | Symbol, interval: str | Interval) -> KlineChannel:
        """Klines of five minutes, the only ones there are as a stream. See: candles."""
        market = self.symbol(symbol)
        parsed, _ = self.interval(interval, market.kind)
        if parsed != _BARS:
            raise NotSupported(
                f"{self.name} streams klines of {_BARS} only, not of {parsed}: fetch_klines has them", venue=self.name
            )
        return KlineChannel(
            feed=self._feed(market),
            topic=self._topic("candles", market),
            symbol=market,
            interval=parsed,
            parse=partial(events.klines, symbol=market),
            recent=self.fetch_klines(market, parsed, limit=_RECENT_BARS),
            says_closed=False,
            quiet_s=_QUIET_S,
        )

    def _topic(self, channel: str, market: Symbol) -> str:
        return f"{channel}@{self.native_symbol(market)}"

    def _feed(self, market: Symbol) -> Feed:
        """What is quoted in USDC trades in the USD book, and comes under its name: on a connection of its own."""
        url, product_of = self.stream_hosts["spot"], _as_named
        if market.quote == "USDC":
            url, product_of = f"{url}/", _as_usdc
        return Feed(
            url=url,
            subscribe=partial(_command, "subscribe"),
            unsubscribe=partial(_command, "unsubscribe"),
            read=partial(read, product_of=product_of),
            topics_per_connection=50,  # no limit is documented: a number that is missing doubts them all
            topics_per_command=50,
            commands_per_s=4.0,  # of the 8 that an address may send
            commands_burst=4,
            together=lambda topic: topic.partition("@")[0],
            one_at_a_time=True,  # a refusal does not say what it refuses
            connect_costs={"connections": 1},
            idle_s=5.0,  # heartbeats come every second
            standing=(BEATS,),
        )


def _command(type_: Literal["subscribe", "unsubscribe"], topics: Sequence[str], moment: Moment) -> str:
    parts = [topic.partition("@") for topic in topics]
    products = [product for _, _, product in parts if product]
    message = {"type": type_, "channel": parts[0][0], **({"product_ids": products} if products else {})}
    return json.dumps(message, separators=(",", ":"))


def _as_named(product: str) -> str:
    return product


def _as_usdc(product: str) -> str:
    return f"{product}C" if product.endswith("-USD") else product


# Frames.

_BOOK_FRAME = re.compile(
    rb'\{"channel":"l2_data","client_id":"[^"]*","timestamp":"[^"]*","sequence_num":(\d{1,18}),'
    rb'"events":\[\{"type":"\w+","product_id":"([\w-]+)"'
)
_PRODUCT = re.compile(rb'"product_id"')


def read(frame: Buffer, product_of: Callable[[str], str] = _as_named) -> Message:
    """Tell what a frame is: data of a topic, the list of all that is subscribed, or a refusal; with its number.

    A book's frame is told by its beginning, any other by parsing it. ``product_of`` turns the name of a product in a
    message into the one in its topic. Raises ``DecodeError`` for what is no message.
    """
    found = _BOOK_FRAME.match(frame)
    if found is not None and _PRODUCT.search(frame, found.end()) is None:
        return Numbered(int(found[1]), (f"level2@{product_of(found[2].decode('ascii'))}", frame))
    return _parse(frame, product_of)


class _Row(msgspec.Struct):
    product_id: str


class _Event(msgspec.Struct):
    """One of the fields is there, as the channel has it."""

    type: str = ""
    product_id: str | None = None
    trades: list[msgspec.Raw] = []
    tickers: list[msgspec.Raw] = []
    candles: list[msgspec.Raw] = []
    updates: msgspec.Raw = msgspec.Raw(b"[]")
    subscriptions: dict[str, list[str] | None] = {}


class _Frame(msgspec.Struct):
    channel: str = ""
    timestamp: str = ""
    sequence_num: int | None = None
    events: list[_Event] = []
    type: str = ""
    message: str = ""


_frame = wire.decoder(_Frame)
_row = wire.decoder(_Row)


def _parse(frame: Buffer, product_of: Callable[[str], str]) -> Message:
    found = _frame(frame)  # type: ignore[arg-type]
    message: Message = None
    if found.type == "error":
        message = Refused(None, stream_refusal(found.message))
    elif found.channel == "subscriptions":
        message = _acknowledged(found.events, product_of)
    elif found.channel == BEATS:
        message = Acknowledged(topics=(BEATS,))  # whose answer was lost on the way
    elif found.channel in _PUBLIC:
        message = _data(found, frame, product_of)
    elif not found.channel:
        raise DecodeError("a message without a channel", venue=wire.VENUE, excerpt=bytes(frame[:1024]))
    return message if found.sequence_num is None else Numbered(found.sequence_num, message)


def _acknowledged(listed: Iterable[_Event], product_of: Callable[[str], str]) -> Acknowledged | None:
    topics = [
        channel if channel == BEATS else f"{channel}@{product_of(product)}"
        for event in listed
        for channel, products in event.subscriptions.items()
        for product in products or ()
    ]
    return Acknowledged(topics=topics) if topics else None


def _data(found: _Frame, frame: Buffer, product_of: Callable[[str], str]) -> Message:
    """A message is about one product as a rule; any other is taken apart."""
    parts: dict[str, list[dict[str, object]]] = {}
    for event in found.events:
        for product, part in _by_product(event, found.channel):
            parts.setdefault(f"{_PUBLIC[found.channel]}@{product_of(product)}", []).append(part)
    if len(parts) == 1:
        return next(iter(parts)), frame
    kept = {"channel": found.channel, "timestamp": found.timestamp}
    return Several([(topic, msgspec.json.encode({**kept, "events": events})) for topic, events in parts.items()])


def _by_product(event: _Event, channel: str) -> Iterable[tuple[str, dict[str, object]]]:
    if channel == "l2_data":
        if event.product_id is None:
            raise DecodeError("a book's message without a product", venue=wire.VENUE)
        return [(event.product_id, {"type": event.type, "updates": event.updates})]
    name, rows = {
        "market_trades": ("trades", event.trades),
        "ticker": ("tickers", event.tickers),
        "candles": ("candles", event.candles),
    }[channel]
    found: dict[str, list[msgspec.Raw]] = {}
    for row in rows:
        found.setdefault(_row(memoryview(row)).product_id, []).append(row)  # type: ignore[arg-type]
    return [(product, {"type": event.type, name: own}) for product, own in found.items()]
