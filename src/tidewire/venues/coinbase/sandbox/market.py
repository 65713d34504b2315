"""Coinbase Exchange's public endpoints, answered from the neutral exchange."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from ...._dialect import Bar
from ....models import Instrument, Level, Side, Trade
from ....symbols import Interval
from .ask import Ask, Page, iso
from .refusal import Refusal

__all__ = ["book", "candles", "currencies", "product", "products", "server_time", "stats", "ticker", "trades"]

_INTERVALS: Final = {"60": "1m", "300": "5m", "900": "15m", "3600": "1h", "21600": "6h", "86400": "1d"}
_BARS: Final = 300
_EVERYTHING: Final = 10**6


def server_time(ask: Ask) -> Any:
    now = ask.exchange.now_ns()
    return {"iso": iso(now)[:23] + "Z", "epoch": now // 10**6 / 1000}


def currencies(ask: Ask) -> Any:
    names = {n for i in ask.exchange.instruments("spot") for n in (i.symbol.base, i.symbol.quote)}
    return [
        {"id": name, "name": name, "min_size": "0.00000001", "status": "online", "max_precision": "0.00000001"}
        for name in sorted(names)
    ]


def products(ask: Ask) -> Any:
    return [_product(instrument) for instrument in ask.exchange.instruments("spot")]


def product(ask: Ask) -> Any:
    return _product(ask.instrument())


def _product(instrument: Instrument) -> dict[str, object]:
    return {
        "id": instrument.native,
        "base_currency": instrument.symbol.base,
        "quote_currency": instrument.symbol.quote,
        "quote_increment": f"{instrument.tick_size:f}",
        "base_increment": f"{instrument.lot_size:f}",
        "display_name": f"{instrument.symbol.base}-{instrument.symbol.quote}",
        "min_market_funds": f"{instrument.min_notional or 0:f}",
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
        "fx_stablecoin": False,
        "max_slippage_percentage": "0.02000000",
        "auction_mode": False,
        "high_bid_limit_percentage": "",
    }


def candles(ask: Ask) -> Any:
    """Newest first, without the bars in which nothing traded. One bound alone is ignored."""
    instrument = ask.instrument()
    name = _INTERVALS.get(ask.text("granularity") or "60")
    if name is None:
        raise Refusal("Unsupported granularity")
    interval = Interval.parse(name)
    start, end = ask.time("start"), ask.time("end")
    if start is None or end is None:
        start = end = None
    elif end < start:
        raise Refusal("start must be before end")
    elif (end - start) // (interval.ns or 1) >= _BARS:
        raise Refusal(
            f"granularity too small for the requested time range. Count of aggregations requested exceeds {_BARS}"
        )
    bars = ask.exchange.bars(
        instrument.symbol, interval, start=start, end=None if end is None else end + 1, limit=_BARS
    )
    return [_candle(bar) for bar in reversed(bars) if bar.trades]


def _candle(bar: Bar) -> list[object]:
    prices = (bar.low, bar.high, bar.open, bar.close)
    return [bar.open_ns // 10**9, *(_bare(number) for number in (*prices, bar.volume))]


def _bare(number: Decimal) -> object:
    """A number without quotes, as candles have them."""
    return int(number) if number == number.to_integral_value() else float(number)


def ticker(ask: Ask) -> Any:
    instrument = ask.instrument()
    summary = ask.exchange.ticker(instrument.symbol)
    (last,) = ask.exchange.trades(instrument.symbol, 1)
    return {
        "ask": f"{summary.ask or 0:f}",
        "bid": f"{summary.bid or 0:f}",
        "volume": f"{summary.volume or 0:.8f}",
        "trade_id": int(last.trade_id),
        "price": f"{last.price:f}",
        "size": f"{last.quantity:f}",
        "time": iso(last.time_ns),
        "rfq_volume": "0.000000",
    }


def stats(ask: Ask) -> Any:
    summary = ask.exchange.ticker(ask.instrument().symbol)
    names = ("open", "high", "low", "last")
    return {
        **{name: f"{getattr(summary, name):f}" for name in names},
        "volume": f"{summary.volume or 0:.8f}",
        "volume_30day": f"{30 * (summary.volume or 0):.8f}",
    }


def book(ask: Ask) -> Any:
    """Level 1 is the best of each side, 2 the whole book by price. Level 3, order by order, is not offered here."""
    instrument = ask.instrument()
    level = ask.choice("level", ("1", "2"), "1")
    snapshot = ask.exchange.book(instrument.symbol, 1 if level == "1" else _EVERYTHING)

    def rows(side: Sequence[Level]) -> list[list[object]]:
        return [[f"{row.price:f}", f"{row.quantity:f}", 1] for row in side]

    return {
        "bids": rows(snapshot.bids),
        "asks": rows(snapshot.asks),
        "sequence": snapshot.sequence,
        "auction_mode": False,
        "auction": None,
        "time": iso(snapshot.time_ns or 0),
    }


def trades(ask: Ask) -> Page:
    rows = ask.exchange.trades(ask.instrument().symbol, _EVERYTHING)
    return ask.page(rows[::-1], lambda row: int(row.trade_id), _trade)


def _trade(trade: Trade) -> dict[str, object]:
    """``side`` is that of the order that waited in the book."""
    return {
        "trade_id": int(trade.trade_id),
        "side": "sell" if trade.side is Side.BUY else "buy",
        "size": f"{trade.quantity:f}",
        "price": f"{trade.price:f}",
        "time": iso(trade.time_ns),
    }
