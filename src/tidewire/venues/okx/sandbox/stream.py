"""OKX's public stream connections: what a client may ask, and how events look on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ...._dialect import BarUpdate, BookDelta, DepthView, Event, Exchange, Private, Quote
from ....errors import UnknownSymbol
from ....models import BookSnapshot, FundingRate, Instrument, Ticker, Trade
from ....symbols import Interval, Symbol
from .ask import INTERVALS, inst_type
from .market import candle_row, funding_row, level_row, ticker_row, trade_row
from .talk import SECOND_NS, Talk
from .text import stamp

__all__ = ["OKXSession"]

_CANDLE: Final = "candle"
_CHANNELS: Final = {
    "/ws/v5/public": ("tickers", "trades", "bbo-tbt", "books5", "books", "funding-rate"),
    "/ws/v5/business": ("trades-all", *(f"{_CANDLE}{bar}" for bar in INTERVALS)),
}
_DEPTHS: Final = {"bbo-tbt": 1, "books5": 5, "books": 400}
_KEEP_ALIVE_NS: Final = 60 * SECOND_NS

Channel = tuple[str, str]


class OKXSession(Talk):
    """One connection: the channels that it follows, and what it was told of the books among them."""

    def __init__(self, exchange: Exchange, names: Iterable[str]) -> None:
        super().__init__(exchange)
        self._names = frozenset(names)
        self._channels: dict[Channel, Instrument] = {}
        self._views: dict[Channel, _View] = {}

    @classmethod
    def open(cls, path: str, exchange: Exchange) -> OKXSession | None:
        """``/ws/v5/public`` and ``/ws/v5/business``."""
        place = path.partition("?")[0]
        return cls(exchange, _CHANNELS[place]) if place in _CHANNELS else None

    # What the client says.

    def _obey(self, op: str, number: str, args: list[dict[str, Any]], message: Mapping[str, Any]) -> Iterator[str]:
        """Each channel is answered, and its first data follow."""
        for arg in args:
            key = channel, native = str(arg.get("channel", "")), str(arg.get("instId", ""))
            instrument = _find(self._exchange, native)
            is_missing = channel not in self._names or instrument is None
            if instrument is None or is_missing or (channel == "funding-rate" and inst_type(instrument) != "SWAP"):
                yield self._no_channel(number, arg)
                continue
            yield self._told(op, number, arg)
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
                more = {"action": "snapshot"} if key[0] == "books" else {}
                yield self._push(_arg(key), view.whole(), **more)
            case "tickers":
                last = exchange.trades(symbol, 1)[-1]
                yield self._push(_arg(key), ticker_row(instrument, exchange.ticker(symbol), last))
            case "trades":
                yield self._push(_arg(key), _aggregate(instrument, exchange.trades(symbol, 1)[-1]))
            case "funding-rate":
                yield self._push(_arg(key), funding_row(instrument, exchange.funding(symbol)))
            case name if name.startswith(_CANDLE):
                interval = Interval.parse(INTERVALS[name.removeprefix(_CANDLE)])
                bars = exchange.bars(symbol, interval, start=None, end=None, limit=1)
                yield self._push(_arg(key), candle_row(instrument, bars[-1]))

    # What the client is told.

    def publish(self, event: Event) -> Iterator[str]:
        """Every channel of this connection that the event belongs to."""
        if isinstance(event, Private):
            return
        for key, instrument in self._channels.items():
            if instrument.symbol == event.symbol:
                yield from self._news(key, instrument, event)

    def _news(self, key: Channel, instrument: Instrument, event: Event) -> Iterator[str]:
        match key[0], event:
            case "books", BookDelta():
                yield self._push(_arg(key), self._views[key].change(event), action="update")
            case "books5", BookDelta():
                yield self._push(_arg(key), self._views[key].whole())
            case "bbo-tbt", Quote():
                yield self._push(_arg(key), self._views[key].whole())
            case "trades", Trade():
                yield self._push(_arg(key), _aggregate(instrument, event))
            case "trades-all", Trade():
                yield self._push(_arg(key), trade_row(instrument, event))
            case "tickers", Ticker():
                yield self._push(_arg(key), ticker_row(instrument, event, self._exchange.trades(event.symbol, 1)[-1]))
            case "funding-rate", FundingRate():
                yield self._push(_arg(key), funding_row(instrument, event))
            case name, BarUpdate() if INTERVALS.get(name.removeprefix(_CANDLE)) == str(event.interval):
                yield self._push(_arg(key), candle_row(instrument, event.bar))

    def beat(self, exchange: Exchange) -> Iterator[str]:
        """An empty update of a book without changes; a connection on which nothing is said is closed."""
        now = exchange.now_ns()
        for key, view in self._views.items():
            if key[0] == "books" and now - view.told_ns >= _KEEP_ALIVE_NS:
                yield self._push(_arg(key), view.nothing(), action="update")
        yield from super().beat(exchange)

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


def _arg(key: Channel) -> dict[str, str]:
    return {"channel": key[0], "instId": key[1]}
