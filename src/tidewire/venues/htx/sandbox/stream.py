"""HTX's stream connections: gzip frames, pings in words, and what each of the addresses offers.

See: https://huobiapi.github.io/docs/spot/v1/en/#websocket-market-data
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from ...._dialect import BarUpdate, BookDelta, DepthView, Disconnect, Event, Exchange
from ....models import FundingRate, Instrument, Level, Ticker, Trade
from ....symbols import Interval, Kind, Symbol
from . import market
from .account import AccountSession
from .ask import MS
from .market import PERIODS, kline, unit
from .swap_account import SwapAccountSession

__all__ = ["open_session"]

_encode = msgspec.json.Encoder(decimal_format="number").encode
_MBP: Final = (5, 20, 150, 400)
_SIZES: Final = (20, 150)


def open_session(
    path: str, exchange: Exchange
) -> MarketSession | AccountSession | NoticeSession | SwapAccountSession | None:
    """State for one of the venue's addresses."""
    match urlsplit(path).path:
        case "/ws":
            return MarketSession("spot", exchange, books=False)
        case "/feed":
            return MarketSession("spot", exchange, books=True)
        case "/ws/v2":
            return AccountSession(exchange)
        case "/linear-swap-ws":
            return MarketSession("linear", exchange, books=True)
        case "/linear-swap-notification":
            return NoticeSession(exchange)
        case "/ws/v5/notification":
            return SwapAccountSession(exchange)
    return None


class _Pinging:
    """Pings every five seconds, and gives up on who has left so many unanswered."""

    beat_s = 5.0
    patience = 2

    def __init__(self) -> None:
        self._unanswered = 0

    def _ping(self, frame: bytes) -> Iterable[bytes]:
        if self._unanswered >= self.patience:
            raise Disconnect(1003, "ping check expired")
        self._unanswered += 1
        return (frame,)


class MarketSession(_Pinging):
    """A connection to market data: topics by name, one to a command."""

    def __init__(self, kind: Kind, exchange: Exchange, *, books: bool) -> None:
        super().__init__()
        self.patience = 2 if kind == "spot" else 5
        self._kind, self._exchange, self._books = kind, exchange, books
        self._instruments = {instrument.native: instrument for instrument in exchange.instruments(kind)}
        self._topics: dict[str, None] = {}
        self._views: dict[str, DepthView] = {}
        self._versions: dict[str, int] = {}

    def beat(self, exchange: Exchange) -> Iterable[bytes]:
        return self._ping(_pack({"ping": exchange.now_ns() // MS}))

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[bytes]:
        try:
            message = json.loads(text)
        except ValueError:
            return [self._refuse(None, "bad-request", "invalid json")]
        if "pong" in message:
            self._unanswered = 0
            return []
        number = message.get("id")
        for word in ("sub", "unsub", "req"):
            topic = message.get(word)
            if isinstance(topic, str):
                if self._find(topic) is None:
                    return [self._refuse(number, "bad-request", f"invalid topic {topic}")]
                return list(self._obey(word, topic, number, message.get("data_type") == "incremental"))
        return [self._refuse(number, "bad-request", "invalid command")]

    def publish(self, event: Event) -> Iterable[bytes]:
        if not isinstance(event, BookDelta | Trade | BarUpdate | Ticker) or event.symbol.kind != self._kind:
            return
        for topic in tuple(self._topics):
            instrument, channel = self._known(topic)
            if instrument.symbol == event.symbol:
                yield from self._render(topic, channel, instrument, event)

    def symbols(self) -> Iterable[Symbol]:
        return [self._known(topic)[0].symbol for topic in self._topics]

    def intervals(self) -> Iterable[tuple[Symbol, Interval]]:
        for topic in self._topics:
            instrument, channel = self._known(topic)
            if channel.startswith("kline."):
                yield instrument.symbol, Interval.parse(PERIODS[channel.removeprefix("kline.")])

    def tickers(self) -> Iterable[Symbol]:
        for topic in self._topics:
            instrument, channel = self._known(topic)
            if channel in ("ticker", "detail"):
                yield instrument.symbol

    def funding(self) -> Iterable[Symbol]:
        return ()

    # Commands.

    def _obey(self, word: str, topic: str, number: object, incremental: bool) -> Iterator[bytes]:
        instrument, channel = self._known(topic)
        now = self._exchange.now_ns() // MS
        if word == "req":
            book = self._exchange.book(instrument.symbol, _levels(channel))
            data = {"seqNum": book.sequence, **_sides(instrument, book.bids, book.asks)}
            yield _pack({"id": number, "rep": topic, "status": "ok", "ts": now, "data": data})
            return
        if word == "unsub":
            self._topics.pop(topic, None)
            yield _pack({"id": number, "status": "ok", "unsubbed": topic, "ts": now})
            return
        if channel.startswith("depth.") and not incremental:
            yield self._refuse(number, "bad-request", "the sandbox sends data_type incremental only")
            return
        self._topics[topic] = None
        yield _pack({"id": number, "status": "ok", "subbed": topic, "ts": now})
        if channel.startswith(("mbp.", "depth.")):
            view = self._views[topic] = DepthView(self._exchange, instrument.symbol, _levels(channel))
            snapshot = view.snapshot()
            if channel.startswith("depth."):
                # Numbers start anywhere, and differ from connection to connection; within one they only rise.
                self._versions[topic] = self._versions.get(topic, 10**6 + now % 10**6) + 1
                yield self._depth(topic, instrument, "snapshot", snapshot.bids, snapshot.asks)

    def _find(self, topic: str) -> tuple[Instrument, str] | None:
        """The instrument and the channel of ``market.<symbol>.<channel>``, where this address offers it."""
        parts = topic.split(".", 2)
        if len(parts) < 3 or parts[0] != "market" or parts[1] not in self._instruments:
            return None
        instrument, channel = self._instruments[parts[1]], parts[2]
        return (instrument, channel) if self._offers(channel) else None

    def _known(self, topic: str) -> tuple[Instrument, str]:
        found = self._find(topic)
        if found is None:
            raise LookupError(topic)
        return found

    def _offers(self, channel: str) -> bool:
        name, _, rest = channel.partition(".")
        if name == "kline":
            return rest in PERIODS and not (self._kind == "spot" and self._books)
        if self._kind == "spot" and self._books:
            return name == "mbp" and rest in map(str, _MBP)
        if name == "depth":
            return self._kind == "linear" and rest in (f"size_{size}.high_freq" for size in _SIZES)
        return channel == "trade.detail" or channel == ("ticker" if self._kind == "spot" else "detail")

    def _refuse(self, number: object, code: str, message: str) -> bytes:
        now = self._exchange.now_ns() // MS
        return _pack({"status": "error", "ts": now, "id": number, "err-code": code, "err-msg": message})

    # Data.

    def _render(self, topic: str, channel: str, instrument: Instrument, event: Event) -> Iterator[bytes]:
        match event:
            case BookDelta() if topic in self._views and channel.startswith(("mbp.", "depth.")):
                changed = self._views[topic].changes(event)
                if channel.startswith("depth."):
                    self._versions[topic] += 1
                    yield self._depth(topic, instrument, "update", changed.bids, changed.asks)
                else:
                    numbers = {"seqNum": event.last, "prevSeqNum": event.first - 1}
                    yield self._data(topic, {**numbers, **_sides(instrument, changed.bids, changed.asks)})
            case Trade() if channel == "trade.detail":
                yield self._data(topic, _trade(instrument, event))
            case BarUpdate() if channel.startswith("kline.") and PERIODS[channel[6:]] == str(event.interval):
                yield self._data(topic, kline(instrument, event.bar))
            case Ticker() if channel in ("ticker", "detail"):
                yield self._data(topic, _ticker(instrument, event))

    def _depth(self, topic: str, instrument: Instrument, word: str, bids: Levels, asks: Levels) -> bytes:
        version, now = self._versions[topic], self._exchange.now_ns() // MS
        numbers = {"mrid": version, "id": now // 1000, "ch": topic, "event": word, "ts": now, "version": version}
        return self._data(topic, {**numbers, **_sides(instrument, bids, asks)})

    def _data(self, topic: str, tick: dict[str, Any]) -> bytes:
        return _pack({"ch": topic, "ts": self._exchange.now_ns() // MS, "tick": tick})


class NoticeSession(_Pinging):
    """A connection to the swaps' notifications: here, public funding rates."""

    patience = 5

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange
        perpetual = (each for each in exchange.instruments("linear") if each.expiry_ns is None)
        self._offered = {f"public.{each.native}.funding_rate": each for each in perpetual}
        self._topics: dict[str, None] = {}

    def beat(self, exchange: Exchange) -> Iterable[bytes]:
        return self._ping(_pack({"op": "ping", "ts": str(exchange.now_ns() // MS)}))

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[bytes]:
        try:
            message = json.loads(text)
        except ValueError:
            return [_pack({"op": "error", "err-code": 2002, "err-msg": "invalid json", "ts": exchange.now_ns() // MS})]
        word, topic, now = message.get("op"), message.get("topic"), exchange.now_ns() // MS
        if word == "pong":
            self._unanswered = 0
            return []
        answer = {"op": word, "cid": message.get("cid"), "topic": topic, "ts": now, "err-code": 0}
        if word not in ("sub", "unsub") or topic not in self._offered:
            return [_pack({**answer, "err-code": 2013, "err-msg": "topic is invalid"})]
        if word == "sub":
            self._topics[topic] = None
        else:
            self._topics.pop(topic, None)
        return [_pack(answer)]

    def publish(self, event: Event) -> Iterable[bytes]:
        if not isinstance(event, FundingRate):
            return
        for topic in self._topics:
            instrument = self._offered[topic]
            if instrument.symbol == event.symbol:
                row = {
                    "symbol": instrument.symbol.base,
                    "contract_code": instrument.native,
                    "fee_asset": instrument.symbol.quote,
                    "funding_time": str(self._exchange.now_ns() // MS),
                    "funding_rate": f"{event.rate:f}",
                    "settlement_time": str((event.funding_time_ns or 0) // MS),
                    "estimated_rate": None,
                }
                yield _pack({"op": "notify", "topic": topic, "ts": self._exchange.now_ns() // MS, "data": [row]})

    def symbols(self) -> Iterable[Symbol]:
        return self.funding()

    def intervals(self) -> Iterable[tuple[Symbol, Interval]]:
        return ()

    def tickers(self) -> Iterable[Symbol]:
        return ()

    def funding(self) -> Iterable[Symbol]:
        return [self._offered[topic].symbol for topic in self._topics]


Levels = Sequence[Level]


def _pack(message: dict[str, Any]) -> bytes:
    return gzip.compress(_encode(message), compresslevel=1, mtime=0)


def _levels(channel: str) -> int:
    """``mbp.150`` and ``depth.size_150.high_freq`` alike."""
    return int(channel.split(".")[1].removeprefix("size_"))


def _sides(instrument: Instrument, bids: Levels, asks: Levels) -> dict[str, list[list[Decimal]]]:
    """A side without changes is left out of a spot message, and empty in one of swaps."""
    size = unit(instrument)
    sides = {
        name: [[level.price, level.quantity / size] for level in levels]
        for name, levels in (("bids", bids), ("asks", asks))
    }
    return {name: rows for name, rows in sides.items() if rows or instrument.kind == "linear"}


def _trade(instrument: Instrument, trade: Trade) -> dict[str, Any]:
    stamp, number = trade.time_ns // MS, int(trade.trade_id)
    row: dict[str, Any] = {"ts": stamp, "price": trade.price, "direction": str(trade.side)}
    if instrument.kind == "spot":
        row |= {"id": Decimal(10**22 + number), "tradeId": number, "amount": trade.quantity}
    else:
        amount = trade.quantity / instrument.lot_size
        row |= {
            "id": number,
            "amount": amount,
            "quantity": trade.quantity,
            "trade_turnover": trade.quantity * trade.price,
        }
    return {"id": number, "ts": stamp, "data": [row]}


def _ticker(instrument: Instrument, ticker: Ticker) -> dict[str, Any]:
    size, zero = unit(instrument), Decimal(0)
    tick: dict[str, Any] = {
        "open": ticker.open,
        "high": ticker.high,
        "low": ticker.low,
        "close": ticker.last,
        "amount": ticker.volume,
        "count": ticker.trades,
        **market.turnover(instrument, ticker.volume or zero, ticker.quote_volume or zero),
    }
    bid, ask = (ticker.bid, ticker.bid_quantity or zero), (ticker.ask, ticker.ask_quantity or zero)
    if instrument.kind == "spot":
        quotes = {"bid": bid[0], "bidSize": bid[1], "ask": ask[0], "askSize": ask[1]}
        return {**tick, **quotes, "lastPrice": ticker.last, "lastSize": zero}
    return {**tick, "id": 0, "mrid": 0, "bid": [bid[0], bid[1] / size], "ask": [ask[0], ask[1] / size]}
