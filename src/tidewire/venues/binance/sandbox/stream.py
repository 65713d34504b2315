"""Binance's stream connections: what a client may ask, and how events look on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from ...._dialect import BarUpdate, BookDelta, Disconnect, Event, Exchange, Private, Quote
from ....errors import ConfigError
from ....models import FundingRate, Instrument, Level, Side, Ticker, Trade
from ....symbols import Interval, Kind, Symbol
from .ask import MS
from .text import aggregate_of, price_text, quantity_text, sequence_of

__all__ = ["BinanceSession"]

_DEPTH: Final = {"spot": ("depth", "depth@100ms"), "linear": ("depth", "depth@100ms", "depth@500ms")}
# The futures' streams were split by topic on 2026-04-23. A stream at the wrong address is silent there; here, refused.
_PARTS: Final = {
    "/public": (*_DEPTH["linear"], "bookTicker", "trade"),
    "/market": ("aggTrade", "ticker", "markPrice"),
}
_MESSAGES_A_SECOND: Final = {"spot": 5, "linear": 10}
_MOST_STREAMS: Final = 1024


class BinanceSession:
    """One connection: the streams that it follows, raw or wrapped in ``{"stream": …, "data": …}``."""

    def __init__(self, kind: Kind, exchange: Exchange, names: Iterable[str], *, combined: bool, part: str = "") -> None:
        self._kind, self._combined, self._part = kind, combined, part
        self._instruments = {instrument.symbol: instrument for instrument in exchange.instruments(kind)}
        self._symbols = {instrument.native.lower(): symbol for symbol, instrument in self._instruments.items()}
        self._names: dict[str, None] = dict.fromkeys(names)
        self._received: list[int] = []

    @classmethod
    def open(cls, path: str, exchange: Exchange) -> BinanceSession | None:
        """Read ``/ws``, ``/ws/<stream>``, ``/stream?streams=<a>/<b>``, behind ``/public`` or ``/market`` on futures."""
        parts = urlsplit(path)
        place, part = parts.path, ""
        for prefix in _PARTS:
            if place.startswith(prefix + "/"):
                place, part = place.removeprefix(prefix), prefix
        if place == "/stream":
            names = [name for text in parse_qs(parts.query).get("streams", []) for name in text.split("/")]
        elif place == "/ws" or place.startswith("/ws/"):
            names = [name for name in place.split("/")[2:] if name]
        else:
            return None
        return cls("linear" if part else "spot", exchange, names, combined=place == "/stream", part=part)

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[str]:
        """SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS; too many messages in a second end the connection."""
        now = exchange.now_ns()
        self._received = [moment for moment in self._received if now - moment < 10**9] + [now]
        if len(self._received) > _MESSAGES_A_SECOND[self._kind]:
            raise Disconnect(1008, "Too many requests")
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict) or "method" not in message:
            return [_error(None, 3, "Invalid JSON: expected value at line 1 column 1")]
        return [self._answer(message)]

    def publish(self, event: Event) -> Iterator[str]:
        """Every stream of this connection that the event belongs to."""
        if isinstance(event, Private):
            return
        instrument = self._instruments.get(event.symbol)
        if instrument is None:
            return
        prefix = instrument.native.lower()
        for channel, data in self._render(instrument, event):
            name = f"{prefix}@{channel}"
            if name in self._names:
                yield _json({"stream": name, "data": data} if self._combined else data)

    def symbols(self) -> Iterator[Symbol]:
        """Markets that this connection follows."""
        return (symbol for symbol, _ in self._followed())

    def intervals(self) -> Iterator[tuple[Symbol, Interval]]:
        """Klines that this connection follows."""
        for symbol, channel in self._followed():
            if channel.startswith("kline_"):
                yield symbol, Interval.parse(channel.removeprefix("kline_"))

    def tickers(self) -> Iterator[Symbol]:
        """Tickers that this connection follows."""
        return (symbol for symbol, channel in self._followed() if channel == "ticker")

    def funding(self) -> Iterator[Symbol]:
        """Funding rates that this connection follows."""
        return (symbol for symbol, channel in self._followed() if channel == "markPrice")

    def _followed(self) -> Iterator[tuple[Symbol, str]]:
        for name in self._names:
            native, _, channel = name.partition("@")
            if native in self._symbols:
                yield self._symbols[native], channel

    def _answer(self, message: dict[str, Any]) -> str:
        number, params = message.get("id"), message.get("params", [])
        if message["method"] == "LIST_SUBSCRIPTIONS":
            return _json({"result": list(self._names), "id": number})
        if message["method"] not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return _error(number, 2, f"Invalid request: unknown variant `{message['method']}`")
        if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
            return _error(number, 2, "Invalid request: params must be a list of stream names")
        if message["method"] == "UNSUBSCRIBE":
            for name in params:
                self._names.pop(name, None)
        else:
            unknown = [name for name in params if not self._offers(name)]
            if unknown:
                return _error(number, 2, f"Invalid request: the sandbox has no stream {unknown[0]!r}")
            if len({*self._names, *params}) > _MOST_STREAMS:
                return _error(number, 2, f"Invalid request: more than {_MOST_STREAMS} streams")
            self._names |= dict.fromkeys(params)
        return _json({"result": None, "id": number})

    def _offers(self, name: str) -> bool:
        native, _, channel = name.partition("@")
        if native not in self._symbols:
            return False
        if channel.startswith("kline_"):
            try:
                Interval.parse(channel.removeprefix("kline_"))
            except ConfigError:
                return False
            return self._part != "/public"
        if self._part:
            return channel in _PARTS[self._part]
        return channel in ("trade", "aggTrade", "bookTicker", "ticker", *_DEPTH[self._kind])

    def _render(self, instrument: Instrument, event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
        match event:
            case Trade():
                yield "trade", _trade(instrument, event)
                yield "aggTrade", _agg_trade(instrument, event)
            case BookDelta():
                delta = _delta(instrument, event)
                yield from ((channel, delta) for channel in _DEPTH[self._kind])
            case Quote():
                yield "bookTicker", _quote(instrument, event)
            case BarUpdate():
                yield f"kline_{event.interval}", _kline(instrument, event)
            case Ticker():
                yield "ticker", _ticker(instrument, event)
            case FundingRate():
                yield "markPrice", _mark(instrument, event)


def _trade(instrument: Instrument, trade: Trade) -> dict[str, Any]:
    moment = trade.time_ns // MS
    return {
        "e": "trade",
        "E": moment,
        "s": instrument.native,
        "t": int(trade.trade_id),
        "p": price_text(instrument, trade.price),
        "q": quantity_text(instrument, trade.quantity),
        "T": moment,
        **({"X": "MARKET"} if instrument.kind == "linear" else {}),
        "m": trade.side is Side.SELL,
        **({"M": True} if instrument.kind == "spot" else {}),
    }


def _agg_trade(instrument: Instrument, trade: Trade) -> dict[str, Any]:
    number, moment = int(trade.trade_id), trade.time_ns // MS
    return {
        "e": "aggTrade",
        "E": moment,
        "s": instrument.native,
        "a": aggregate_of(instrument.kind, number),
        "p": price_text(instrument, trade.price),
        "q": quantity_text(instrument, trade.quantity),
        "f": number,
        "l": number,
        "T": moment,
        "m": trade.side is Side.SELL,
        **({"M": True} if instrument.kind == "spot" else {}),
    }


def _delta(instrument: Instrument, delta: BookDelta) -> dict[str, Any]:
    """Spot ranges are contiguous; on futures each event names the last id of the one before it (``pu``)."""
    moment, spot = delta.time_ns // MS, instrument.kind == "spot"
    last_before = sequence_of(instrument.kind, delta.first - 1)
    return {
        "e": "depthUpdate",
        "E": moment,
        **({} if spot else {"T": moment}),
        "s": instrument.native,
        "U": last_before + (1 if spot else 2),
        "u": sequence_of(instrument.kind, delta.last),
        **({} if spot else {"pu": last_before}),
        "b": [_level(instrument, level) for level in delta.bids],
        "a": [_level(instrument, level) for level in delta.asks],
    }


def _quote(instrument: Instrument, quote: Quote) -> dict[str, Any]:
    """Spot's has no event type and no time."""
    bid, ask = _level(instrument, quote.bid), _level(instrument, quote.ask)
    body = {
        "u": sequence_of(instrument.kind, quote.sequence),
        "s": instrument.native,
        "b": bid[0],
        "B": bid[1],
        "a": ask[0],
        "A": ask[1],
    }
    if instrument.kind == "spot":
        return body
    return {"e": "bookTicker", **body, "T": quote.time_ns // MS, "E": quote.time_ns // MS}


def _kline(instrument: Instrument, update: BarUpdate) -> dict[str, Any]:
    bar = update.bar
    return {
        "e": "kline",
        "E": update.time_ns // MS,
        "s": instrument.native,
        "k": {
            "t": bar.open_ns // MS,
            "T": bar.end_ns // MS - 1,
            "s": instrument.native,
            "i": str(update.interval),
            "f": -1,
            "L": -1,
            "o": price_text(instrument, bar.open),
            "c": price_text(instrument, bar.close),
            "h": price_text(instrument, bar.high),
            "l": price_text(instrument, bar.low),
            "v": quantity_text(instrument, bar.volume),
            "n": bar.trades,
            "x": bar.closed,
            "q": f"{bar.quote_volume:.8f}",
            "V": quantity_text(instrument, bar.taker_volume),
            "Q": f"{bar.taker_quote_volume:.8f}",
            "B": "0",
        },
    }


def _ticker(instrument: Instrument, ticker: Ticker) -> dict[str, Any]:
    """Futures' has no quotes."""
    moment, zero = (ticker.time_ns or 0) // MS, Decimal(0)
    prices = {"o": ticker.open, "h": ticker.high, "l": ticker.low, "c": ticker.last}
    quotes = {"b": ticker.bid, "a": ticker.ask} if instrument.kind == "spot" else {}
    sizes = {"B": ticker.bid_quantity, "A": ticker.ask_quantity} if quotes else {}
    return {
        "e": "24hrTicker",
        "E": moment,
        "s": instrument.native,
        **{name: price_text(instrument, price or zero) for name, price in {**prices, **quotes}.items()},
        **{name: quantity_text(instrument, size or zero) for name, size in sizes.items()},
        "v": quantity_text(instrument, ticker.volume or zero),
        "q": f"{ticker.quote_volume or zero:.8f}",
        "n": ticker.trades or 0,
    }


def _mark(instrument: Instrument, funding: FundingRate) -> dict[str, Any]:
    return {
        "e": "markPriceUpdate",
        "E": (funding.time_ns or 0) // MS,
        "s": instrument.native,
        "p": f"{funding.mark_price or Decimal(0):.8f}",
        "i": f"{funding.index_price or Decimal(0):.8f}",
        "P": "0",
        "r": f"{funding.rate:.8f}",
        "T": funding.funding_time_ns // MS,
    }


def _level(instrument: Instrument, level: Level) -> list[str]:
    return [price_text(instrument, level.price), quantity_text(instrument, level.quantity)]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _error(number: object, code: int, message: str) -> str:
    return _json({"code": code, "msg": message, "id": number})
