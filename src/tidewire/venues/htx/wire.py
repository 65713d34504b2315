"""HTX's public answers: their shapes on the wire, and how each becomes one of our models.

Market data are bare JSON numbers, with exponents at times: ``Decimal`` fields take their digits from the text itself,
never by way of a double. Identifiers are longer than 64 bits and stay whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Context, Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from ... import _call
from ...errors import DecodeError
from ...models import BookSnapshot, FundingRate, Instrument, Level, OpenInterest, Side, Ticker, Trade
from ...symbols import Symbol

T = TypeVar("T")
VENUE = "htx"
MS = 1_000_000


def decoder(shape: type[T]) -> Callable[[bytes], T]:
    """A decoder of one shape."""
    return _call.decoder(shape, VENUE)


# The default 28 digits would round long numbers silently.
EXACT = Context(prec=100, traps=[InvalidOperation])


def base(quantity: Decimal, size: Decimal) -> Decimal:
    """Base units of a quantity in contracts of ``size``, or in units of 1."""
    return EXACT.multiply(quantity, size)


def positive(value: Decimal | None) -> Decimal | None:
    """The venue writes 0 where it means none."""
    return value if value is not None and value > 0 else None


def nanoseconds(milliseconds: int | None) -> int | None:
    return milliseconds * MS if milliseconds is not None and milliseconds > 0 else None


def plain(value: Decimal) -> Decimal:
    """A step without the zeros that the venue pads it with: what is rounded to it prints well."""
    return Decimal(f"{value.normalize():f}")


class ServerTime(msgspec.Struct):
    data: int


class SpotSymbol(msgspec.Struct, rename="kebab"):
    symbol: str
    base_currency: str
    quote_currency: str
    price_precision: int
    amount_precision: int
    state: str = ""
    api_trading: str = "enabled"
    min_order_amt: Decimal | None = None
    max_order_amt: Decimal | None = None
    limit_order_min_order_amt: Decimal | None = None
    limit_order_max_order_amt: Decimal | None = None
    sell_market_min_order_amt: Decimal | None = None
    sell_market_max_order_amt: Decimal | None = None
    min_order_value: Decimal | None = None

    def instrument(self) -> Instrument:
        return Instrument(
            venue=VENUE,
            symbol=Symbol(self.base_currency.upper(), self.quote_currency.upper()),
            native=self.symbol,
            kind="spot",
            tick_size=Decimal(1).scaleb(-self.price_precision),
            lot_size=Decimal(1).scaleb(-self.amount_precision),
            min_quantity=positive(self.limit_order_min_order_amt) or positive(self.min_order_amt),
            max_quantity=positive(self.limit_order_max_order_amt) or positive(self.max_order_amt),
            market_min_quantity=positive(self.sell_market_min_order_amt),
            market_max_quantity=positive(self.sell_market_max_order_amt),
            min_notional=positive(self.min_order_value),
            active=self.state == "online" and self.api_trading == "enabled",
            status=self.state,
        )


class SpotSymbols(msgspec.Struct):
    data: list[SpotSymbol]


class Contract(msgspec.Struct):
    """A swap (``delivery_date`` empty) or a dated contract; ``contract_status`` 1 is trading."""

    symbol: str
    contract_code: str
    contract_size: Decimal
    price_tick: Decimal
    contract_status: int = 0
    delivery_date: str = ""
    delivery_time: str = ""
    pair: str = ""

    def instrument(self) -> Instrument:
        base, _, quote = (self.pair or self.contract_code).partition("-")
        size = plain(self.contract_size)
        return Instrument(
            venue=VENUE,
            symbol=Symbol(base, quote, quote, self.delivery_date[2:] or None),
            native=self.contract_code,
            kind="linear",
            tick_size=plain(self.price_tick),
            lot_size=size,
            min_quantity=size,
            contract_size=size,
            active=self.contract_status == 1,
            status=str(self.contract_status),
            expiry_ns=nanoseconds(int(self.delivery_time)) if self.delivery_time else None,
        )


class Contracts(msgspec.Struct):
    data: list[Contract]


class PublicTrade(msgspec.Struct, rename={"trade_id": "trade-id"}):
    """``amount`` is base on spot and contracts on swaps, where ``quantity`` is base. ``id`` has 23 digits on spot."""

    id: int
    price: Decimal
    amount: Decimal
    direction: Side
    ts: int
    trade_id: int | None = None
    quantity: Decimal | None = None

    def trade(self, symbol: Symbol, size: Decimal | None) -> Trade:
        quantity = self.amount if size is None else base(self.amount, size)
        return Trade(
            venue=VENUE,
            symbol=symbol,
            trade_id=str(self.id if self.trade_id is None else self.trade_id),
            price=self.price,
            quantity=quantity if self.quantity is None else self.quantity,
            side=self.direction,
            time_ns=self.ts * MS,
        )


class TradeBatch(msgspec.Struct):
    data: list[PublicTrade]


class TradeHistory(msgspec.Struct):
    """Batches of one matching each, newest first."""

    data: list[TradeBatch]

    def rows(self) -> list[PublicTrade]:
        """Oldest first."""
        rows = [row for batch in self.data for row in batch.data]
        return sorted(rows, key=lambda row: (row.ts, row.id if row.trade_id is None else row.trade_id))


class LastTrade(msgspec.Struct):
    tick: TradeBatch

    def price(self) -> Decimal:
        if not self.tick.data:
            raise DecodeError("the last trade holds no price: nothing was traded yet", venue=VENUE)
        return self.tick.data[-1].price


class Merged(msgspec.Struct):
    """Rolling 24 hours. ``vol`` is quote on spot and contracts on swaps, where ``trade_turnover`` is quote."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    amount: Decimal
    vol: Decimal
    count: int | None = None
    trade_turnover: Decimal | None = None
    bid: tuple[Decimal, Decimal] | None = None
    ask: tuple[Decimal, Decimal] | None = None
    ts: int | None = None
    contract_code: str = ""

    def ticker(self, symbol: Symbol, size: Decimal, ts: int) -> Ticker:
        bid, ask = self.bid or (None, None), self.ask or (None, None)
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            last=self.close,
            bid=bid[0],
            bid_quantity=None if bid[1] is None else base(bid[1], size),
            ask=ask[0],
            ask_quantity=None if ask[1] is None else base(ask[1], size),
            open=self.open,
            high=self.high,
            low=self.low,
            volume=self.amount,
            quote_volume=self.vol if symbol.kind == "spot" else self.trade_turnover,
            trades=self.count,
            time_ns=nanoseconds(self.ts or ts),
        )


class MergedAnswer(msgspec.Struct):
    tick: Merged
    ts: int


class MergedBatch(msgspec.Struct):
    ticks: list[Merged]
    ts: int


class SpotFigures(msgspec.Struct, kw_only=True):
    """What a spot ticker has over REST and in a stream."""

    close: Decimal
    amount: Decimal
    vol: Decimal
    count: int | None = None
    bid: Decimal | None = None
    bidSize: Decimal | None = None
    ask: Decimal | None = None
    askSize: Decimal | None = None

    def ticker(self, symbol: Symbol, ts: int) -> Ticker:
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            last=self.close,
            bid=positive(self.bid),
            bid_quantity=positive(self.bidSize),
            ask=positive(self.ask),
            ask_quantity=positive(self.askSize),
            volume=self.amount,
            quote_volume=self.vol,
            trades=self.count,
            time_ns=nanoseconds(ts),
        )


class SpotTicker(SpotFigures, kw_only=True):
    """Of all spot symbols at once. Its open, high and low are the calendar day's in Singapore: left out."""

    symbol: str


class SpotTickers(msgspec.Struct):
    data: list[SpotTicker]
    ts: int


Levels = list[tuple[Decimal, Decimal]]


class Depth(msgspec.Struct):
    """A side without levels is ``null``."""

    bids: Levels | None = None
    asks: Levels | None = None
    version: int | None = None
    ts: int | None = None


class DepthAnswer(msgspec.Struct):
    tick: Depth
    ts: int

    def snapshot(self, symbol: Symbol, depth: int, size: Decimal) -> BookSnapshot:
        return BookSnapshot(
            venue=VENUE,
            symbol=symbol,
            bids=_levels(self.tick.bids, depth, size),
            asks=_levels(self.tick.asks, depth, size),
            sequence=self.tick.version,
            time_ns=nanoseconds(self.tick.ts or self.ts),
        )


def _levels(rows: Sequence[tuple[Decimal, Decimal]] | None, depth: int, size: Decimal) -> tuple[Level, ...]:
    return tuple(Level(price, base(quantity, size)) for price, quantity in (rows or ())[:depth])


class Funding(msgspec.Struct):
    contract_code: str
    funding_rate: Decimal
    funding_time: int

    def rate(self, symbol: Symbol, ts: int | None = None) -> FundingRate:
        return FundingRate(
            venue=VENUE,
            symbol=symbol,
            rate=self.funding_rate,
            funding_time_ns=self.funding_time * MS,
            time_ns=nanoseconds(ts),
        )


class FundingAnswer(msgspec.Struct):
    data: list[Funding]
    ts: int


class Interest(msgspec.Struct):
    """``amount`` in base, ``volume`` in contracts, ``value`` in quote."""

    amount: Decimal
    volume: Decimal | None = None
    value: Decimal | None = None


class InterestAnswer(msgspec.Struct):
    data: Interest
    ts: int

    def open_interest(self, symbol: Symbol) -> OpenInterest:
        return OpenInterest(
            venue=VENUE,
            symbol=symbol,
            quantity=self.data.amount,
            contracts=self.data.volume,
            notional=self.data.value,
            time_ns=nanoseconds(self.ts),
        )
