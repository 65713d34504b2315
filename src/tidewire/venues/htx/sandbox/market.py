"""HTX's public endpoints of spot and of swaps' classic family, answered from the neutral exchange."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from ...._dialect import Bar
from ....models import Instrument, Level, Trade
from ....symbols import Interval
from .ask import MS, Ask
from .bars import bars
from .refusal import Refusal

__all__ = [
    "PERIODS",
    "Whole",
    "contracts",
    "depth",
    "kline",
    "klines",
    "last_trade",
    "merged",
    "server_time",
    "spot_tickers",
    "swap_tickers",
    "symbols",
    "trades",
    "turnover",
    "unit",
]

PERIODS: Final = {
    "1min": "1m",
    "5min": "5m",
    "15min": "15m",
    "30min": "30m",
    "60min": "1h",
    "4hour": "4h",
    "1day": "1d",
    "1week": "1w",
}
_SECOND: Final = 10**9
_PAGE: Final = 2000


class Whole(dict[str, Any]):
    """An answer that brings its own members, beside ``status`` and ``ts``, instead of ``data`` alone."""


def server_time(ask: Ask) -> Any:
    return ask.exchange.now_ns() // MS


def symbols(ask: Ask) -> Any:
    return [_symbol(instrument) for instrument in ask.exchange.instruments("spot")]


def _symbol(instrument: Instrument) -> dict[str, object]:
    low, high = instrument.min_quantity, instrument.max_quantity
    return {
        "base-currency": instrument.symbol.base.lower(),
        "quote-currency": instrument.symbol.quote.lower(),
        "price-precision": _places(instrument.tick_size),
        "amount-precision": _places(instrument.lot_size),
        "symbol-partition": "main",
        "symbol": instrument.native,
        "state": "online",
        "value-precision": 8,
        "min-order-amt": low,
        "max-order-amt": high,
        "min-order-value": instrument.min_notional,
        "limit-order-min-order-amt": low,
        "limit-order-max-order-amt": high,
        "limit-order-max-buy-amt": high,
        "limit-order-max-sell-amt": high,
        "sell-market-min-order-amt": low,
        "sell-market-max-order-amt": high,
        "buy-market-max-order-value": 1_500_000,
        "api-trading": "enabled",
        "tags": "",
    }


def _places(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))


def contracts(ask: Ask) -> Any:
    """A contract is one lot of the neutral instrument."""
    kind = ask.text("business_type") or "swap"
    rows = ask.exchange.instruments("linear")
    return [_contract(row) for row in rows if kind == "all" or (kind == "swap") == (row.expiry_ns is None)]


def _contract(instrument: Instrument) -> dict[str, object]:
    symbol, dated = instrument.symbol, instrument.expiry_ns is not None
    padded = Decimal("1E-18")
    return {
        "symbol": symbol.base,
        "contract_code": instrument.native,
        "contract_size": instrument.lot_size.quantize(padded),
        "price_tick": instrument.tick_size.quantize(padded),
        "delivery_date": f"20{symbol.expiry}" if dated else "",
        "delivery_time": str((instrument.expiry_ns or 0) // MS) if dated else "",
        "create_date": "20201021",
        "contract_status": 1,
        "settlement_date": str((instrument.expiry_ns or 0) // MS),
        "support_margin_mode": "cross" if dated else "all",
        "business_type": "futures" if dated else "swap",
        "pair": f"{symbol.base}-{symbol.quote}",
        "contract_type": "quarter" if dated else "swap",
        "trade_partition": symbol.quote,
    }


def klines(ask: Ask) -> Any:
    """Newest first on spot. Bounds are inclusive seconds; on swaps a size makes the venue ignore them."""
    instrument = ask.instrument()
    interval = Interval.parse(PERIODS[ask.choice("period", tuple(PERIODS))])
    spot, first, last = ask.kind == "spot", ask.integer("from"), ask.integer("to")
    start = None if first is None else first * _SECOND
    end = None if last is None else last * _SECOND + 1
    size = ask.size("size", 150, 1000 if spot and (first is not None or last is not None) else _PAGE)
    if not spot and ask.text("size") is not None:
        start = end = None
    elif not spot and (start is None) != (end is None):
        raise Refusal("invalid-parameter", 1066, "from and to go together")
    elif not spot and start is not None:
        size = _PAGE + 1
    found = bars(ask.exchange, instrument.symbol, interval, start, end, size)
    rows = [kline(instrument, bar) for bar in found if len(found) <= _PAGE]  # more than a page is no answer at all
    channel = f"market.{instrument.native}.kline.{ask.needed('period')}"
    return Whole(ch=channel, data=rows[::-1] if spot else rows)


def kline(instrument: Instrument, bar: Bar) -> dict[str, object]:
    return {
        "id": bar.open_ns // _SECOND,
        "open": bar.open,
        "close": bar.close,
        "low": bar.low,
        "high": bar.high,
        "amount": bar.volume,
        "count": bar.trades,
        **turnover(instrument, bar.volume, bar.quote_volume),
    }


def turnover(instrument: Instrument, volume: Decimal, value: Decimal) -> dict[str, object]:
    """``vol`` is quote on spot, contracts on swaps."""
    if instrument.kind == "spot":
        return {"vol": value}
    return {"vol": volume / instrument.lot_size, "trade_turnover": value}


def last_trade(ask: Ask) -> Any:
    instrument = ask.instrument()
    batch = _batch(instrument, ask.exchange.trades(instrument.symbol, 1)[-1])
    return Whole(ch=f"market.{instrument.native}.trade.detail", tick=batch)


def trades(ask: Ask) -> Any:
    """Newest first, each trade in a batch of its own."""
    instrument = ask.instrument()
    rows = ask.exchange.trades(instrument.symbol, ask.size("size", 1, 2000))
    data = [_batch(instrument, row) for row in reversed(rows)]
    return Whole(ch=f"market.{instrument.native}.trade.detail", data=data)


def _batch(instrument: Instrument, trade: Trade) -> dict[str, object]:
    stamp, number = trade.time_ns // MS, int(trade.trade_id)
    row: dict[str, object] = {"ts": stamp, "price": trade.price, "direction": str(trade.side)}
    if instrument.kind == "spot":
        row |= {"amount": trade.quantity, "id": _long(10**22 + number), "trade-id": number}
    else:
        turnover = trade.quantity * trade.price
        amount = trade.quantity / instrument.lot_size
        row |= {"amount": amount, "quantity": trade.quantity, "trade_turnover": turnover, "id": number}
    return {"id": number, "ts": stamp, "data": [row]}


def _long(number: int) -> Decimal:
    """An identifier of 23 digits: no integer type of JSON encoders holds it."""
    return Decimal(number)


def merged(ask: Ask) -> Any:
    instrument = ask.instrument()
    return Whole(ch=f"market.{instrument.native}.detail.merged", tick=_merged(ask, instrument))


def _merged(ask: Ask, instrument: Instrument) -> dict[str, object]:
    ticker = ask.exchange.ticker(instrument.symbol)
    size, zero = unit(instrument), Decimal(0)
    tick: dict[str, object] = {
        "id": ask.exchange.book(instrument.symbol, 1).sequence,
        "open": ticker.open,
        "close": ticker.last,
        "low": ticker.low,
        "high": ticker.high,
        "amount": ticker.volume,
        "count": ticker.trades,
        "bid": [ticker.bid, (ticker.bid_quantity or zero) / size],
        "ask": [ticker.ask, (ticker.ask_quantity or zero) / size],
        **turnover(instrument, ticker.volume or zero, ticker.quote_volume or zero),
    }
    if instrument.kind == "spot":
        return {**tick, "version": tick["id"]}
    # Swaps write all but the quotes as text.
    text = {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in tick.items()}
    return {**text, "ts": (ticker.time_ns or 0) // MS}


def spot_tickers(ask: Ask) -> Any:
    return [_spot_ticker(ask, row) for row in ask.exchange.instruments("spot")]


def _spot_ticker(ask: Ask, instrument: Instrument) -> dict[str, object]:
    """Open, high and low of the day in Singapore, amounts of 24 hours."""
    ticker = ask.exchange.ticker(instrument.symbol)
    day = bars(ask.exchange, instrument.symbol, Interval.parse("1d"), None, None, 1)[-1]
    return {
        "symbol": instrument.native,
        "open": day.open,
        "high": day.high,
        "low": day.low,
        "close": ticker.last,
        "amount": ticker.volume,
        "vol": ticker.quote_volume,
        "count": ticker.trades,
        "bid": ticker.bid,
        "bidSize": ticker.bid_quantity,
        "ask": ticker.ask,
        "askSize": ticker.ask_quantity,
    }


def swap_tickers(ask: Ask) -> Any:
    """Perpetuals under their own codes; dated contracts go by an alias that the sandbox does not make up."""
    if ask.text("business_type") not in (None, "swap"):
        raise Refusal("invalid-parameter", 1066, "the sandbox lists business_type=swap only")
    rows = [row for row in ask.exchange.instruments("linear") if row.expiry_ns is None]
    return Whole(ticks=[{**_merged(ask, row), "contract_code": row.native, "business_type": "swap"} for row in rows])


def depth(ask: Ask) -> Any:
    """Unmerged books only: ``step0``, and on swaps ``step6`` for 20 levels."""
    instrument = ask.instrument()
    kind = ask.choice("type", ("step0",) if ask.kind == "spot" else ("step0", "step6"))
    levels = 150 if kind == "step0" else 20
    if ask.text("depth") is not None:
        levels = int(ask.choice("depth", ("5", "10", "20")))
    book = ask.exchange.book(instrument.symbol, levels)
    sides = {"bids": _side(book.bids, unit(instrument)), "asks": _side(book.asks, unit(instrument))}
    tick = {**sides, "version": book.sequence, "ts": (book.time_ns or 0) // MS}
    return Whole(ch=f"market.{instrument.native}.depth.{kind}", tick=tick)


def _side(levels: Sequence[Level], unit: Decimal) -> list[list[Decimal]] | None:
    return [[level.price, level.quantity / unit] for level in levels] or None


def unit(instrument: Instrument) -> Decimal:
    return Decimal(1) if instrument.kind == "spot" else instrument.lot_size
