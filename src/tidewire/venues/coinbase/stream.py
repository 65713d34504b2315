"""Coinbase Exchange's public streams: which topics there are, how to ask for them, and what its frames are.

A topic is ``channel@product``, as in ``matches@BTC-USD``.

See: https://docs.cdp.coinbase.com/exchange/websocket-feed/overview (read second-hand, 2026-05).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Final, Literal

import msgspec

from ..._channel import BookChannel, Guard, TradeChannel, ValueChannel
from ..._feed import Acknowledged, Buffer, Feed, Message, Moment, Refused
from ...errors import ConfigError
from ...models import Ticker, Trade
from ...symbols import Symbol
from . import wire
from .errors import refusal
from .market import CoinbaseMarket
from .spec import BOOK

__all__ = ["CoinbaseStreams", "read"]

_LEVELS: Final = "level2_batch"  # every 50 ms; ``level2`` itself is for those who log in

# Nobody may trade for long; a subscription that the venue has lost would look the same.
_QUIET_S: Final = 300.0

_CHANNELS: Final = {
    "snapshot": _LEVELS,
    "l2update": _LEVELS,
    "match": "matches",
    "last_match": "matches",
    "ticker": "ticker",
    "heartbeat": "heartbeat",
}


class CoinbaseStreams(CoinbaseMarket):
    """The streaming half of ``Coinbase``. It has no klines."""

    def watch_book(self, symbol: str | Symbol, depth: int | None = None) -> BookChannel:
        """The whole book, whatever ``depth``; the heartbeat watches over it. See: level2_batch.

        Its messages are not numbered: the venue promises to deliver them all, and nothing shows if it does not.
        """
        if depth is not None and depth < 1:
            raise ConfigError(f"{self.name}: depth must be 1 or more, not {depth}", venue=self.name)
        market = self.symbol(symbol)
        product = self.native_symbol(market)
        return BookChannel(
            feed=self._feed(),
            topic=f"{_LEVELS}@{product}",
            symbol=market,
            layout=BOOK,
            snapshot=None,
            guard=Guard(f"heartbeat@{product}", _sequence),
        )

    def watch_trades(self, symbol: str | Symbol) -> TradeChannel:
        """Trades, beginning with the last one before the subscription. See: matches."""
        market = self.symbol(symbol)
        return TradeChannel(
            feed=self._feed(),
            topic=f"matches@{self.native_symbol(market)}",
            symbol=market,
            parse=partial(_trade, symbol=market),
            recent=self.fetch_trades(market, self.spec.trades_page[market.kind]),
            quiet_s=_QUIET_S,
        )

    def watch_ticker(self, symbol: str | Symbol) -> ValueChannel[Ticker]:
        """Quotes and 24 h statistics, at every trade. See: ticker."""
        market = self.symbol(symbol)
        return ValueChannel(
            feed=self._feed(),
            topic=f"ticker@{self.native_symbol(market)}",
            symbol=market,
            parse=partial(_ticker, symbol=market),
            quiet_s=_QUIET_S,
        )

    def _feed(self) -> Feed:
        return Feed(
            url=self.stream_hosts["spot"],
            subscribe=partial(_command, "subscribe"),
            unsubscribe=partial(_command, "unsubscribe"),
            read=read,
            topics_per_connection=100,  # no limit is documented, but a book's snapshot may take megabytes
            topics_per_command=50,
            commands_per_s=20.0,  # of the 100 that an address may send
            commands_burst=5,
            one_at_a_time=True,  # a refusal does not say what it refuses
            connect_costs={"connections": 1},
            idle_s=10.0,
        )


def _command(type_: Literal["subscribe", "unsubscribe"], topics: Sequence[str], moment: Moment) -> str:
    channels: dict[str, list[str]] = {}
    for topic in topics:
        name, _, product = topic.partition("@")
        channels.setdefault(name, []).append(product)
    listed = [{"name": name, "product_ids": products} for name, products in channels.items()]
    return json.dumps({"type": type_, "channels": listed}, separators=(",", ":"))


# Frames.

_BOOK_FRAME = re.compile(rb'\{"type":"(?:l2update|snapshot)","product_id":"([\w-]+)"')


def read(frame: Buffer) -> Message:
    """Tell what a frame is: data of a topic, the list of all that is subscribed, or a refusal.

    A book's frames are told by their beginning, any other by parsing it. ``None`` is a message that concerns no topic;
    the venue may add types at any time. Raises ``DecodeError`` for what is no message.
    """
    found = _BOOK_FRAME.match(frame)
    if found is not None:
        return f"{_LEVELS}@{found[1].decode('ascii')}", frame
    return _parse(frame)


class _Subscribed(msgspec.Struct):
    name: str
    product_ids: list[str] | None = None


class _Frame(msgspec.Struct):
    type: str
    product_id: str | None = None
    channels: list[_Subscribed] = []
    message: str = ""
    reason: str = ""


_frame = wire.decoder(_Frame)


def _parse(frame: Buffer) -> Message:
    found = _frame(frame)  # type: ignore[arg-type]
    if found.type in _CHANNELS and found.product_id is not None:
        return f"{_CHANNELS[found.type]}@{found.product_id}", frame
    if found.type == "subscriptions":
        topics = [f"{each.name}@{product}" for each in found.channels for product in each.product_ids or ()]
        return Acknowledged(topics=topics) if topics else None
    if found.type == "error":
        return Refused(None, refusal(found.message, found.reason))
    return None


# Events.


class _Heartbeat(msgspec.Struct):
    sequence: int


class _Quotes(msgspec.Struct):
    """Statistics are of the last 24 hours."""

    price: Decimal
    time: wire.Time | None = None
    best_bid: Decimal | None = None
    best_bid_size: Decimal | None = None
    best_ask: Decimal | None = None
    best_ask_size: Decimal | None = None
    open_24h: Decimal | None = None
    high_24h: Decimal | None = None
    low_24h: Decimal | None = None
    volume_24h: Decimal | None = None


_heartbeat = wire.decoder(_Heartbeat)
_match = wire.decoder(wire.PublicTrade)
_quotes = wire.decoder(_Quotes)


def _sequence(frame: Buffer) -> int:
    return _heartbeat(frame).sequence  # type: ignore[arg-type]


def _trade(frame: Buffer, symbol: Symbol) -> tuple[Trade]:
    return (_match(frame).trade(symbol),)  # type: ignore[arg-type]


def _ticker(frame: Buffer, symbol: Symbol) -> Ticker:
    quotes = _quotes(frame)  # type: ignore[arg-type]
    return Ticker(
        venue=wire.VENUE,
        symbol=symbol,
        last=quotes.price,
        bid=wire.positive(quotes.best_bid),
        bid_quantity=quotes.best_bid_size if wire.positive(quotes.best_bid) else None,
        ask=wire.positive(quotes.best_ask),
        ask_quantity=quotes.best_ask_size if wire.positive(quotes.best_ask) else None,
        open=quotes.open_24h,
        high=quotes.high_24h,
        low=quotes.low_24h,
        volume=quotes.volume_24h,
        time_ns=wire.ns(quotes.time),
    )
