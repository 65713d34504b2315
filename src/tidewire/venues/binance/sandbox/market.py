"""Binance's public endpoints, answered from the neutral exchange."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ...._dialect import Bar, Exchange
from ....models import FundingRate, Instrument, Side, Ticker, Trade
from .ask import MS, Ask
from .refusal import Refusal
from .text import aggregate_of, price_text, quantity_text, sequence_of, value_text

__all__ = [
    "agg_trades",
    "best_quotes",
    "depth",
    "funding_history",
    "klines",
    "open_interest",
    "ping",
    "premium_index",
    "prices",
    "server_time",
    "tickers",
    "trades",
]

_LINEAR_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)


def ping(ask: Ask) -> Any:
    return {}


def server_time(ask: Ask) -> Any:
    return {"serverTime": ask.exchange.now_ns() // MS}


def depth(ask: Ask) -> Any:
    instrument = ask.instrument()
    size = ask.limit(100, 5000) if ask.kind == "spot" else ask.limit(500, 10**6)
    if ask.kind == "linear" and size not in _LINEAR_DEPTHS:
        raise Refusal(-4021, f"{size} is not valid depth limit.")
    book = ask.exchange.book(instrument.symbol, size)
    now = ask.exchange.now_ns() // MS
    sides = [
        [[price_text(instrument, level.price), quantity_text(instrument, level.quantity)] for level in side]
        for side in (book.bids, book.asks)
    ]
    stamp = {} if ask.kind == "spot" else {"E": now, "T": now}
    return {"lastUpdateId": sequence_of(ask.kind, book.sequence or 0), **stamp, "bids": sides[0], "asks": sides[1]}


def trades(ask: Ask) -> Any:
    instrument = ask.instrument()
    return [_trade(instrument, row) for row in ask.exchange.trades(instrument.symbol, ask.limit(500, 1000))]


def _trade(instrument: Instrument, trade: Trade) -> dict[str, object]:
    row: dict[str, object] = {
        "id": int(trade.trade_id),
        "price": price_text(instrument, trade.price),
        "qty": quantity_text(instrument, trade.quantity),
        "quoteQty": value_text(instrument, trade.price * trade.quantity),
        "time": trade.time_ns // MS,
        "isBuyerMaker": trade.side is Side.SELL,
    }
    return {**row, "isBestMatch": True} if instrument.kind == "spot" else row


def agg_trades(ask: Ask) -> Any:
    """Every trade is an aggregate of its own: nothing here fills at one price from several makers in one print."""
    instrument, size = ask.instrument(), ask.limit(500, 1000)
    start, end = ask.window()
    from_id = ask.integer("fromId")
    rows = [
        trade
        for trade in ask.exchange.trades(instrument.symbol, 10**6)
        if (from_id is None or aggregate_of(ask.kind, int(trade.trade_id)) >= from_id)
        and (start is None or trade.time_ns // MS * MS >= start)
        and (end is None or trade.time_ns // MS * MS < end)
    ]
    page = rows[-size:] if start is None and from_id is None else rows[:size]
    return [
        {
            "a": aggregate_of(ask.kind, int(trade.trade_id)),
            "p": price_text(instrument, trade.price),
            "q": quantity_text(instrument, trade.quantity),
            "f": int(trade.trade_id),
            "l": int(trade.trade_id),
            "T": trade.time_ns // MS,
            "m": trade.side is Side.SELL,
            **({"M": True} if ask.kind == "spot" else {}),
        }
        for trade in page
    ]


def klines(ask: Ask) -> Any:
    instrument, interval = ask.instrument(), ask.interval()
    size = ask.limit(500, 1000 if ask.kind == "spot" else 1500)
    start, end = ask.window()
    bars = ask.exchange.bars(instrument.symbol, interval, start=start, end=end, limit=size)
    return [_kline(instrument, bar) for bar in bars]


def _kline(instrument: Instrument, bar: Bar) -> list[object]:
    return [
        bar.open_ns // MS,
        *(price_text(instrument, price) for price in (bar.open, bar.high, bar.low, bar.close)),
        quantity_text(instrument, bar.volume),
        bar.end_ns // MS - 1,
        value_text(instrument, bar.quote_volume),
        bar.trades,
        quantity_text(instrument, bar.taker_volume),
        value_text(instrument, bar.taker_quote_volume),
        "0",
    ]


def tickers(ask: Ask) -> Any:
    return _one_or_all(
        ask, lambda instrument: _ticker(ask.exchange, instrument, ask.exchange.ticker(instrument.symbol))
    )


def _ticker(exchange: Exchange, instrument: Instrument, ticker: Ticker) -> dict[str, object]:
    zero = Decimal(0)
    last, opened = ticker.last or zero, ticker.open or zero
    volume, value = ticker.volume or zero, ticker.quote_volume or zero
    latest = exchange.trades(instrument.symbol, 1)[-1]
    now = ticker.time_ns or 0
    day = 86_400 * 10**9
    row: dict[str, object] = {
        "symbol": instrument.native,
        "priceChange": price_text(instrument, last - opened),
        "priceChangePercent": f"{(last - opened) / opened * 100:.3f}",
        "weightedAvgPrice": price_text(instrument, value / volume if volume else zero),
        "lastPrice": price_text(instrument, last),
        "lastQty": quantity_text(instrument, latest.quantity),
        "openPrice": price_text(instrument, opened),
        "highPrice": price_text(instrument, ticker.high or zero),
        "lowPrice": price_text(instrument, ticker.low or zero),
        "volume": quantity_text(instrument, volume),
        "quoteVolume": value_text(instrument, value),
        "openTime": (now - day) // MS,
        "closeTime": now // MS,
        "firstId": int(latest.trade_id) - (ticker.trades or 0) + 1,
        "lastId": int(latest.trade_id),
        "count": ticker.trades or 0,
    }
    if instrument.kind == "linear":
        return row
    return {
        **row,
        "prevClosePrice": price_text(instrument, opened),
        "bidPrice": price_text(instrument, ticker.bid or zero),
        "bidQty": quantity_text(instrument, ticker.bid_quantity or zero),
        "askPrice": price_text(instrument, ticker.ask or zero),
        "askQty": quantity_text(instrument, ticker.ask_quantity or zero),
    }


def prices(ask: Ask) -> Any:
    def row(instrument: Instrument) -> dict[str, object]:
        trade = ask.exchange.trades(instrument.symbol, 1)[-1]
        stamp = {} if ask.kind == "spot" else {"time": trade.time_ns // MS}
        return {"symbol": instrument.native, "price": price_text(instrument, trade.price), **stamp}

    return _one_or_all(ask, row)


def best_quotes(ask: Ask) -> Any:
    def row(instrument: Instrument) -> dict[str, object]:
        book = ask.exchange.book(instrument.symbol, 1)
        quotes: dict[str, object] = {"symbol": instrument.native}
        for name, side in (("bid", book.bids), ("ask", book.asks)):
            quotes[f"{name}Price"] = price_text(instrument, side[0].price if side else Decimal(0))
            quotes[f"{name}Qty"] = quantity_text(instrument, side[0].quantity if side else Decimal(0))
        if ask.kind == "linear":
            quotes |= {"time": (book.time_ns or 0) // MS, "lastUpdateId": sequence_of("linear", book.sequence or 0)}
        return quotes

    return _one_or_all(ask, row)


def premium_index(ask: Ask) -> Any:
    def row(instrument: Instrument) -> dict[str, object]:
        rate = ask.exchange.funding(instrument.symbol)
        perpetual = instrument.symbol.expiry is None
        return {
            "symbol": instrument.native,
            "markPrice": f"{rate.mark_price or 0:.8f}",
            "indexPrice": f"{rate.index_price or 0:.8f}",
            "estimatedSettlePrice": f"{rate.index_price or 0:.8f}",
            "lastFundingRate": f"{rate.rate:.8f}" if perpetual else "",
            "interestRate": "0.00010000" if perpetual else "",
            "nextFundingTime": rate.funding_time_ns // MS if perpetual else 0,
            "time": (rate.time_ns or 0) // MS,
        }

    return _one_or_all(ask, row)


def funding_history(ask: Ask) -> Any:
    start, end = ask.window()
    size = ask.limit(100, 1000)
    wanted = [i for i in ask.instruments() if i.symbol.expiry is None]
    found = [
        (instrument.native, rate)
        for instrument in wanted
        for rate in ask.exchange.funding_history(instrument.symbol, start=start, end=end, limit=size)
    ]
    found.sort(key=lambda row: row[1].funding_time_ns)
    return [_paid(native, rate) for native, rate in (found[:size] if start is not None else found[-size:])]


def _paid(native: str, rate: FundingRate) -> dict[str, object]:
    return {
        "symbol": native,
        "fundingTime": rate.funding_time_ns // MS,
        "fundingRate": f"{rate.rate:.8f}",
        "markPrice": f"{rate.mark_price or 0:.8f}",
    }


def open_interest(ask: Ask) -> Any:
    instrument = ask.instrument()
    interest = ask.exchange.open_interest(instrument.symbol)
    return {
        "symbol": instrument.native,
        "openInterest": quantity_text(instrument, interest.quantity),
        "time": (interest.time_ns or 0) // MS,
    }


def _one_or_all(ask: Ask, row: Any) -> object | Sequence[object]:
    """An object for ``symbol``, a list otherwise."""
    rows = [row(instrument) for instrument in ask.instruments()]
    return rows[0] if ask.text("symbol") is not None else rows
