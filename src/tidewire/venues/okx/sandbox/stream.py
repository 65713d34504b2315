"""OKX's public stream connections: what a client may ask, and how events look on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ...._dialect import BarUpdate, BookDelta, DepthView, Disconnect, Event, Exchange, Private, Quote
from ....errors import UnknownSymbol
from ....models import BookSnapshot, FundingRate, Instrument, Ticker, Trade
from ....symbols import Interval, Symbol
from .ask import INTERVALS, inst_type
from .market import candle_row, funding_row, level_row, ticker_row, trade_row
from .text import stamp

__all__ = ["OKXSession"]

_CANDLE: Final = "candle"
_CHANNELS: Final = {
    "/ws/v5/public": ("tickers", "trades", "bbo-tbt", "books5", "books", "funding-rate"),
    "/ws/v5/business": ("trades-all", *(f"{_CANDLE}{bar}" for bar in INTERVALS)),
}
_DEPTHS: Final = {"bbo-tbt": 1, "books5": 5, "books": 400}
_OPERATIONS_AN_HOUR: Final = 480
_LONGEST_MESSAGE: Final = 64 * 1024
_SECOND_NS: Final = 10**9
_SILENCE_NS: Final = 30 * _SECOND_NS
_KEEP_ALIVE_NS: Final = 60 * _SECOND_NS

Channel = tuple[str, str]


class OKXSession:
    """One connection: the channels that it follows, and what it was told of the books among them."""

    beat_s = 5.0

    def __init__(self, path: str, exchange: Exchange, names: Iterable[str]) -> None:
        self._path, self._exchange, self._names = path, exchange, frozenset(names)
        self._channels: dict[Channel, Instrument] = {}
        self._views: dict[Channel, _View] = {}
        self._operations: list[int] = []
        self._active_ns = exchange.now_ns()
        self._id = f"{self._active_ns // 1000 & 0xFFFFFFFF:08x}"

    @classmethod
    def open(cls, path: str, exchange: Exchange) -> OKXSession | None:
        """``/ws/v5/public`` and ``/ws/v5/business``."""
        place = path.partition("?")[0]
        return cls(place, exchange, _CHANNELS[place]) if place in _CHANNELS else None

    # What the client says.

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterator[str]:
        """``ping``, subscribe and unsubscribe: each channel is answered, and its first data follow."""
        self._active_ns = exchange.now_ns()
        if text in ("ping", b"ping"):
            yield "pong"
            return
        try:
            message = json.loads(text)
            op, number = message["op"], str(message.get("id", ""))
            args = [{str(name): str(value) for name, value in arg.items()} for arg in message["args"]]
        except (ValueError, KeyError, TypeError, AttributeError):
            yield self._error("", "60012", f"Illegal request: {_quoted(text)}")
            return
        if len(text) > _LONGEST_MESSAGE:
            yield self._error(number, "60012", "Illegal request: longer than 64 KB")
        elif self._is_too_busy():
            yield self._error(number, "60014", "Requests too frequent")
        elif op not in ("subscribe", "unsubscribe"):
            yield self._error(number, "60012", f"Illegal request: {_quoted(text)}")
        else:
            for arg in args:
                yield from self._obey(op, number, arg)

    def _is_too_busy(self) -> bool:
        now = self._active_ns
        self._operations = [moment for moment in self._operations if now - moment < 3600 * _SECOND_NS] + [now]
        return len(self._operations) > _OPERATIONS_AN_HOUR

    def _obey(self, op: str, number: str, arg: Mapping[str, str]) -> Iterator[str]:
        channel, native = arg.get("channel", ""), arg.get("instId", "")
        instrument = _find(self._exchange, native)
        perpetual_only = channel == "funding-rate"
        if channel not in self._names or instrument is None or (perpetual_only and inst_type(instrument) != "SWAP"):
            why = f"Wrong URL or channel:{channel},instId:{native} doesn't exist."
            yield self._error(
                number, "60018", f"{why} Please use the correct URL, channel and parameters referring to API document."
            )
            return
        yield _json({**_numbered(number), "event": op, "arg": arg, "connId": self._id})
        key = channel, native
        if op == "subscribe":
            self._channels[key] = instrument
            yield from self._first(key, instrument)
        else:
            self._channels.pop(key, None)
            self._views.pop(key, None)

    def _first(self, key: Channel, instrument: Instrument) -> Iterator[str]:
        """What a new subscriber is told at once."""
        exchange, symbol = self._exchange, instrument.symbol
        match key[0]:
            case "books" | "books5" | "bbo-tbt":
                view = self._views[key] = _View(exchange, instrument, _DEPTHS[key[0]])
                yield self._push(key, view.whole(), "snapshot" if key[0] == "books" else "")
            case "tickers":
                last = exchange.trades(symbol, 1)[-1]
                yield self._push(key, ticker_row(instrument, exchange.ticker(symbol), last))
            case "trades":
                yield self._push(key, _aggregate(instrument, exchange.trades(symbol, 1)[-1]))
            case "funding-rate":
                yield self._push(key, funding_row(instrument, exchange.funding(symbol)))
            case name if name.startswith(_CANDLE):
                interval = Interval.parse(INTERVALS[name.removeprefix(_CANDLE)])
                bars = exchange.bars(symbol, interval, start=None, end=None, limit=1)
                yield self._push(key, candle_row(instrument, bars[-1]))

    # What the client is told.

    def publish(self, event: Event) -> Iterator[str]:
        """Every channel of this connection that the event belongs to."""
        if isinstance(event, Private):
            return
        for key, instrument in self._channels.items():
            if instrument.symbol == event.symbol:
                yield from self._told(key, instrument, event)

    def _told(self, key: Channel, instrument: Instrument, event: Event) -> Iterator[str]:
        match key[0], event:
            case "books", BookDelta():
                yield self._push(key, self._views[key].change(event), "update")
            case "books5", BookDelta():
                yield self._push(key, self._views[key].whole())
            case "bbo-tbt", Quote():
                yield self._push(key, self._views[key].whole())
            case "trades", Trade():
                yield self._push(key, _aggregate(instrument, event))
            case "trades-all", Trade():
                yield self._push(key, trade_row(instrument, event))
            case "tickers", Ticker():
                yield self._push(key, ticker_row(instrument, event, self._exchange.trades(event.symbol, 1)[-1]))
            case "funding-rate", FundingRate():
                yield self._push(key, funding_row(instrument, event))
            case name, BarUpdate() if INTERVALS.get(name.removeprefix(_CANDLE)) == str(event.interval):
                yield self._push(key, candle_row(instrument, event.bar))

    def _push(self, key: Channel, row: object, action: str = "") -> str:
        self._active_ns = self._exchange.now_ns()
        arg = {"channel": key[0], "instId": key[1]}
        return _json({"arg": arg, **({"action": action} if action else {}), "data": [row]})

    def beat(self, exchange: Exchange) -> Iterator[str]:
        """An empty update of a book without changes; a connection on which nothing is said is closed."""
        now = exchange.now_ns()
        for key, view in self._views.items():
            if key[0] == "books" and now - view.told_ns >= _KEEP_ALIVE_NS:
                yield self._push(key, view.nothing(), "update")
        if now - self._active_ns > _SILENCE_NS:
            raise Disconnect(4004, "No data received in 30s.")

    def farewell(self) -> Iterator[str]:
        """Notice of an upgrade, a minute ahead at the venue."""
        message = "The connection will soon be closed for a service upgrade. Please reconnect."
        yield _json({"event": "notice", "code": "64008", "msg": message, "connId": self._id})

    # What the exchange must publish for it.

    def symbols(self) -> Iterator[Symbol]:
        """Markets that this connection follows."""
        return (instrument.symbol for instrument in self._channels.values())

    def intervals(self) -> Iterator[tuple[Symbol, Interval]]:
        """Klines that this connection follows."""
        for (name, _), instrument in self._channels.items():
            if name.startswith(_CANDLE):
                yield instrument.symbol, Interval.parse(INTERVALS[name.removeprefix(_CANDLE)])

    def tickers(self) -> Iterator[Symbol]:
        """Tickers that this connection follows."""
        return self._followers("tickers")

    def funding(self) -> Iterator[Symbol]:
        """Funding rates that this connection follows."""
        return self._followers("funding-rate")

    def _followers(self, channel: str) -> Iterator[Symbol]:
        return (instrument.symbol for (name, _), instrument in self._channels.items() if name == channel)

    def _error(self, number: str, code: str, message: str) -> str:
        return _json({**_numbered(number), "event": "error", "code": code, "msg": message, "connId": self._id})


class _View:
    """A book as one channel tells it."""

    def __init__(self, exchange: Exchange, instrument: Instrument, depth: int) -> None:
        self._exchange, self._instrument = exchange, instrument
        self._view = DepthView(exchange, instrument.symbol, depth)
        self._last = 0
        self.told_ns = 0

    def whole(self) -> dict[str, object]:
        found = self._view.snapshot()
        self._last = found.sequence or 0
        return self._row(found, -1)

    def change(self, event: BookDelta) -> dict[str, object]:
        """``seqId`` counts changes of the whole book, those that are not seen here included."""
        found = self._view.changes(event)
        self._last, before = event.last, self._last
        return self._row(found, before)

    def nothing(self) -> dict[str, object]:
        symbol, last, now = self._instrument.symbol, self._last, self._exchange.now_ns()
        return self._row(BookDelta(symbol=symbol, first=last, last=last, bids=(), asks=(), time_ns=now), last)

    def _row(self, found: BookSnapshot | BookDelta, before: int) -> dict[str, object]:
        self.told_ns = found.time_ns or 0
        return {
            "asks": [level_row(self._instrument, level, "0", "1") for level in found.asks],
            "bids": [level_row(self._instrument, level, "0", "1") for level in found.bids],
            "ts": stamp(found.time_ns),
            "checksum": 0,
            "seqId": self._last,
            "prevSeqId": before,
        }


def _aggregate(instrument: Instrument, trade: Trade) -> dict[str, object]:
    """The channel ``trades`` puts trades of one taker at one price together: here, each alone."""
    return {**trade_row(instrument, trade), "count": "1", "seqId": int(trade.trade_id)}


def _find(exchange: Exchange, native: str) -> Instrument | None:
    for kind in ("linear", "spot"):
        try:
            return exchange.instrument(native, kind)
        except UnknownSymbol:
            continue
    return None


def _numbered(number: str) -> dict[str, str]:
    return {"id": number} if number else {}


def _quoted(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
