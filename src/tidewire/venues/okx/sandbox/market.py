"""OKX's public endpoints, answered from the neutral exchange."""

from __future__ import annotations

from typing import Any, Final

from ...._dialect import Bar
from ....models import FundingRate, Instrument, Level, Ticker, Trade
from .ask import Ask, inst_type
from .refusal import Refusal
from .text import MS, contract_size, native_code, number_text, size_text, stamp

__all__ = [
    "book",
    "candle_row",
    "candles",
    "full_book",
    "funding_history",
    "funding_rate",
    "funding_row",
    "history_candles",
    "instruments",
    "level_row",
    "mark_price",
    "open_interest",
    "server_time",
    "ticker",
    "ticker_row",
    "tickers",
    "trade_row",
    "trades",
]

_RECENT: Final = 1440
_DAY_NS: Final = 86_400 * 10**9


def server_time(ask: Ask) -> list[Any]:
    return [{"ts": stamp(ask.exchange.now_ns())}]


def instruments(ask: Ask) -> list[Any]:
    return [_instrument(item) for item in ask.listed()]


def _instrument(item: Instrument) -> dict[str, object]:
    spot, pair = item.kind == "spot", f"{item.symbol.base}-{item.symbol.quote}"
    return {
        "instType": inst_type(item),
        "instId": item.native,
        "instIdCode": native_code(item),
        "uly": "" if spot else pair,
        "instFamily": "" if spot else pair,
        "category": "1",
        "baseCcy": item.symbol.base if spot else "",
        "quoteCcy": item.symbol.quote if spot else "",
        "settleCcy": item.symbol.settle or "",
        "ctVal": "" if spot else number_text(contract_size(item)),
        "ctMult": "" if spot else "1",
        "ctValCcy": "" if spot else item.symbol.base,
        "ctType": "" if spot else "linear",
        "optType": "",
        "stk": "",
        "alias": "this_quarter" if item.symbol.expiry else "",
        "listTime": "1611916860000",
        "expTime": stamp(item.expiry_ns),
        "lever": "10" if spot else "100",
        "tickSz": number_text(item.tick_size),
        "lotSz": size_text(item, item.lot_size),
        "minSz": size_text(item, item.min_quantity),
        "maxLmtSz": size_text(item, item.max_quantity),
        "maxMktSz": "1000000" if spot else size_text(item, item.max_quantity),
        "maxLmtAmt": "20000000",
        "maxMktAmt": "1000000" if spot else "",
        "ruleType": "normal",
        "state": "live" if item.active else "suspend",
    }


def candles(ask: Ask) -> list[Any]:
    """The latest 1440 bars, the one that forms included; seconds are in the history only."""
    interval = ask.interval()
    if interval.text == "1s":
        raise Refusal("51000", "Parameter bar error")
    now = ask.exchange.now_ns()
    oldest = 0 if interval.ns is None else interval.floor(now) - (_RECENT - 1) * interval.ns
    start, end = ask.between()
    return _page(ask, max(start or 0, oldest), end)


def history_candles(ask: Ask) -> list[Any]:
    """Finished bars of any age."""
    start, end = ask.between()
    forming = ask.interval().floor(ask.exchange.now_ns())
    return _page(ask, start or 0, forming if end is None else min(end, forming))


def _page(ask: Ask, start: int, end: int | None) -> list[Any]:
    """The newest rows of the window, newest first."""
    item, size = ask.instrument(), ask.limit(100, 300)
    found = ask.exchange.bars(item.symbol, ask.interval(), start=None, end=end, limit=size)
    return [candle_row(item, bar) for bar in reversed(found) if bar.open_ns >= start]


def candle_row(instrument: Instrument, bar: Bar) -> list[str]:
    base, quote = number_text(bar.volume), number_text(bar.quote_volume)
    return [
        stamp(bar.open_ns),
        *(number_text(price) for price in (bar.open, bar.high, bar.low, bar.close)),
        *((base, quote) if instrument.kind == "spot" else (size_text(instrument, bar.volume), base)),
        quote,
        "1" if bar.closed else "0",
    ]


def ticker(ask: Ask) -> list[Any]:
    return [_ticker(ask, ask.instrument())]


def tickers(ask: Ask) -> list[Any]:
    return [_ticker(ask, item) for item in ask.listed()]


def _ticker(ask: Ask, item: Instrument) -> dict[str, object]:
    return ticker_row(item, ask.exchange.ticker(item.symbol), ask.exchange.trades(item.symbol, 1)[-1])


def ticker_row(item: Instrument, found: Ticker, last: Trade) -> dict[str, object]:
    spot = item.kind == "spot"
    base = number_text(found.volume)
    return {
        "instType": inst_type(item),
        "instId": item.native,
        "last": number_text(found.last),
        "lastSz": size_text(item, last.quantity),
        "askPx": number_text(found.ask),
        "askSz": size_text(item, found.ask_quantity),
        "bidPx": number_text(found.bid),
        "bidSz": size_text(item, found.bid_quantity),
        "open24h": number_text(found.open),
        "high24h": number_text(found.high),
        "low24h": number_text(found.low),
        "volCcy24h": number_text(found.quote_volume) if spot else base,
        "vol24h": base if spot else size_text(item, found.volume),
        "sodUtc0": number_text(found.open),
        "sodUtc8": number_text(found.open),
        "ts": stamp(found.time_ns),
    }


def book(ask: Ask) -> list[Any]:
    """Levels of price, size, a zero of old, and the number of orders."""
    return _book(ask, ask.limit(1, 400, "sz"), ("0", "1"))


def full_book(ask: Ask) -> list[Any]:
    """Deeper, without the zero."""
    return _book(ask, ask.limit(1, 5000, "sz"), ("1",))


def _book(ask: Ask, depth: int, tail: tuple[str, ...]) -> list[Any]:
    item = ask.instrument()
    found = ask.exchange.book(item.symbol, depth)
    return [
        {
            "asks": [level_row(item, row, *tail) for row in found.asks],
            "bids": [level_row(item, row, *tail) for row in found.bids],
            "ts": stamp(found.time_ns),
            "seqId": found.sequence,
        }
    ]


def level_row(item: Instrument, level: Level, *tail: str) -> list[str]:
    return [number_text(level.price), size_text(item, level.quantity), *tail]


def trades(ask: Ask) -> list[Any]:
    item = ask.instrument()
    return [trade_row(item, row) for row in reversed(ask.exchange.trades(item.symbol, ask.limit(100, 500)))]


def trade_row(item: Instrument, trade: Trade) -> dict[str, object]:
    return {
        "instId": item.native,
        "tradeId": trade.trade_id,
        "px": number_text(trade.price),
        "sz": size_text(item, trade.quantity),
        "side": str(trade.side),
        "source": "0",
        "ts": stamp(trade.time_ns),
    }


def funding_rate(ask: Ask) -> list[Any]:
    item = _perpetual(ask)
    return [funding_row(item, ask.exchange.funding(item.symbol))]


def funding_row(item: Instrument, rate: FundingRate) -> dict[str, object]:
    return {
        "instType": "SWAP",
        "instId": item.native,
        "method": "current_period",
        "formulaType": "withRate",
        "fundingRate": number_text(rate.rate),
        "nextFundingRate": "",
        "fundingTime": stamp(rate.funding_time_ns),
        "nextFundingTime": stamp(rate.funding_time_ns + _DAY_NS // 3),
        "minFundingRate": "-0.00375",
        "maxFundingRate": "0.00375",
        "interestRate": "0.0001",
        "settState": "settled",
        "settFundingRate": number_text(rate.rate),
        "premium": "0",
        "ts": stamp(rate.time_ns),
    }


def funding_history(ask: Ask) -> list[Any]:
    """The newest rates between ``before`` and ``after``."""
    item = _perpetual(ask)
    start, end = ask.between()
    found = ask.exchange.funding_history(item.symbol, start=None, end=end, limit=ask.limit(400, 400))
    return [
        {
            "instType": "SWAP",
            "instId": item.native,
            "method": "current_period",
            "formulaType": "withRate",
            "fundingRate": number_text(rate.rate),
            "realizedRate": number_text(rate.rate),
            "fundingTime": stamp(rate.funding_time_ns),
        }
        for rate in reversed(found)
        if start is None or rate.funding_time_ns // MS * MS >= start
    ]


def _perpetual(ask: Ask) -> Instrument:
    item = ask.instrument()
    if inst_type(item) != "SWAP":
        raise Refusal("51000", "Parameter instId error")
    return item


def open_interest(ask: Ask) -> list[Any]:
    rows: list[Any] = []
    for item in ask.listed():
        interest, mark = ask.exchange.open_interest(item.symbol), ask.exchange.ticker(item.symbol).last
        rows.append(
            {
                "instType": inst_type(item),
                "instId": item.native,
                "oi": size_text(item, interest.quantity),
                "oiCcy": number_text(interest.quantity),
                "oiUsd": number_text(None if mark is None else interest.quantity * mark),
                "ts": stamp(interest.time_ns),
            }
        )
    return rows


def mark_price(ask: Ask) -> list[Any]:
    return [
        {
            "instType": inst_type(item),
            "instId": item.native,
            "markPx": number_text(ask.exchange.funding(item.symbol).mark_price),
            "ts": stamp(ask.exchange.now_ns()),
        }
        for item in ask.listed()
    ]
