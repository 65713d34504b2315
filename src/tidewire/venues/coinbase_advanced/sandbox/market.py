"""Coinbase Advanced's public endpoints, answered from the neutral exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from ...._dialect import Bar
from ...._order import plain
from ....models import Instrument, Level, Trade
from ....symbols import Interval
from .ask import Ask, S, iso
from .refusal import bad

__all__ = ["book", "candles", "product", "products", "server_time", "ticker"]

_GRANULARITIES: Final = {
    "ONE_MINUTE": "1m",
    "FIVE_MINUTE": "5m",
    "FIFTEEN_MINUTE": "15m",
    "THIRTY_MINUTE": "30m",
    "ONE_HOUR": "1h",
    "TWO_HOUR": "2h",
    "FOUR_HOUR": "4h",
    "SIX_HOUR": "6h",
    "ONE_DAY": "1d",
}
_MOST_CANDLES: Final = 350


def server_time(ask: Ask) -> Any:
    now = ask.exchange.now_ns()
    return {"iso": iso(now), "epochSeconds": str(now // S), "epochMillis": str(now // 10**6)}


def products(ask: Ask) -> Any:
    kind = ask.text("product_type")
    if kind not in (None, "SPOT", "FUTURE"):
        raise bad(f"product_type {kind!r} is unknown")
    listed = ask.products() or ask.exchange.instruments("spot")
    rows = [] if kind == "FUTURE" else [_product(ask, instrument) for instrument in listed]
    start, size = ask.integer("offset") or 0, ask.limit(len(rows) or 1, 10**4)
    return {"products": rows[start : start + size], "num_products": len(rows)}


def product(ask: Ask) -> Any:
    return _product(ask, ask.instrument(ask.name))


def _product(ask: Ask, instrument: Instrument) -> dict[str, object]:
    stats = ask.exchange.ticker(instrument.symbol)
    last, opened = stats.last or Decimal(0), stats.open or Decimal(1)
    symbol = instrument.symbol
    return {
        "product_id": instrument.native,
        "price": plain(last),
        "price_percentage_change_24h": f"{(last - opened) / opened * 100:.14f}",
        "volume_24h": plain(stats.volume or Decimal(0)),
        "volume_percentage_change_24h": "0",
        "base_increment": plain(instrument.lot_size),
        "quote_increment": plain(instrument.tick_size),
        "quote_min_size": plain(instrument.min_notional or Decimal(0)),
        "quote_max_size": "150000000",
        "base_min_size": plain(instrument.min_quantity or instrument.lot_size),
        "base_max_size": plain(instrument.max_quantity or Decimal(10**9)),
        "base_name": symbol.base,
        "quote_name": symbol.quote,
        "watched": False,
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": symbol.quote,
        "base_currency_id": symbol.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": "",
        "alias_to": [],
        "base_display_symbol": symbol.base,
        "quote_display_symbol": symbol.quote,
        "view_only": False,
        "price_increment": plain(instrument.tick_size),
        "display_name": instrument.native,
        "product_venue": "CBE",
        "approximate_quote_24h_volume": f"{stats.quote_volume or 0:.2f}",
        "best_bid_price": "",
        "best_ask_price": "",
    }


def candles(ask: Ask) -> Any:
    """Newest first. Both bounds are taken as inclusive; bars in which nothing traded are left out."""
    instrument = ask.instrument(ask.name)
    granularity = ask.needed("granularity")
    if granularity not in _GRANULARITIES:
        raise bad(f"granularity {granularity!r} is unknown")
    interval = Interval.parse(_GRANULARITIES[granularity])
    length = (interval.ns or S) // S
    for bound in ("start", "end"):
        ask.needed(bound)
    start, end = ask.integer("start") or 0, ask.integer("end") or 0
    if end < start:
        raise bad("start must be before end")
    if (end - start) // length > _MOST_CANDLES:
        raise bad(f"number of candles requested should be less than {_MOST_CANDLES}")
    bars = ask.exchange.bars(
        instrument.symbol, interval, start=start * S, end=end * S + 1, limit=ask.limit(_MOST_CANDLES, _MOST_CANDLES)
    )
    return {"candles": [_candle(bar) for bar in reversed(bars) if bar.trades]}


def _candle(bar: Bar) -> dict[str, str]:
    return {
        "start": str(bar.open_ns // S),
        "low": plain(bar.low),
        "high": plain(bar.high),
        "open": plain(bar.open),
        "close": plain(bar.close),
        "volume": plain(bar.volume),
    }


def ticker(ask: Ask) -> Any:
    instrument = ask.instrument(ask.name)
    trades = ask.exchange.trades(instrument.symbol, ask.limit(100, 1000))
    book = ask.exchange.book(instrument.symbol, 1)
    return {
        "trades": [_trade(instrument, trade) for trade in reversed(trades)],
        "best_bid": plain(book.bids[0].price) if book.bids else "",
        "best_ask": plain(book.asks[0].price) if book.asks else "",
    }


def _trade(instrument: Instrument, trade: Trade) -> dict[str, str]:
    return {
        "trade_id": trade.trade_id,
        "product_id": instrument.native,
        "price": plain(trade.price),
        "size": plain(trade.quantity),
        "time": iso(trade.time_ns),
        "side": trade.side.upper(),
        "bid": "",
        "ask": "",
        "exchange": "coinbase",
    }


def book(ask: Ask) -> Any:
    instrument = ask.instrument(ask.needed("product_id"))
    found = ask.exchange.book(instrument.symbol, ask.limit(10**5, 10**5))
    return {
        "pricebook": {
            "product_id": instrument.native,
            "bids": [_level(level) for level in found.bids],
            "asks": [_level(level) for level in found.asks],
            "time": iso(found.time_ns or ask.exchange.now_ns()),
        }
    }


def _level(level: Level) -> dict[str, str]:
    return {"price": plain(level.price), "size": plain(level.quantity)}
