"""Coinbase Advanced's answers: their shapes on the wire, and how each becomes one of our models.

Numbers are text, built into decimals as they stand; an empty text means that the venue does not say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from ... import _call
from ...errors import DecodeError
from ...models import Balance, BookSnapshot, Fill, Instrument, Level, Side, Ticker, Trade, TradingFee
from ...symbols import Symbol

__all__ = [
    "VENUE",
    "Accounts",
    "Book",
    "Fills",
    "MarketTrades",
    "Product",
    "Products",
    "ServerTime",
    "TransactionSummary",
    "decimal",
    "decoder",
    "number",
    "positive",
    "side_of",
    "time_ns",
]

T = TypeVar("T")
VENUE: Final = "coinbase_advanced"
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_OTHER: Final = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


def decoder(shape: type[T]) -> Callable[[bytes], T]:
    """A decoder of one shape."""
    return _call.decoder(shape, VENUE)


def decimal(text: str | None) -> Decimal | None:
    """A number; ``None`` for an empty text."""
    if not text:
        return None
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise DecodeError("this is no number", venue=VENUE, excerpt=text.encode()) from None
    if not value.is_finite():
        raise DecodeError("this is no finite number", venue=VENUE, excerpt=text.encode())
    return value


def number(text: str) -> Decimal:
    value = decimal(text)
    if value is None:
        raise DecodeError("a number is missing", venue=VENUE)
    return value


def positive(text: str | None) -> Decimal | None:
    value = decimal(text)
    return value if value is not None and value > 0 else None


def time_ns(text: str | None) -> int | None:
    """UTC nanoseconds of ``2026-04-07T00:28:58.544778Z``, with as many decimals as there are up to nine."""
    if not text:
        return None
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    try:
        whole = dt.datetime.fromisoformat(f"{seconds}+00:00")
        return int(whole.timestamp()) * 10**9 + int(fraction[:9].ljust(9, "0"))
    except ValueError:
        raise DecodeError("this is no UTC time", venue=VENUE, excerpt=text.encode()) from None


def _moment(text: str) -> int:
    ns = time_ns(text)
    if ns is None:
        raise DecodeError("a time is missing", venue=VENUE)
    return ns


def side_of(text: str) -> Side:
    """``BUY`` or ``SELL``."""
    try:
        return _SIDES[text]
    except KeyError:
        raise DecodeError(f"the side {text!r} is neither BUY nor SELL", venue=VENUE) from None


class FeeTier(msgspec.Struct):
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal

    def trading_fee(self, symbol: Symbol) -> TradingFee:
        return TradingFee(venue=VENUE, symbol=symbol, maker=self.maker_fee_rate, taker=self.taker_fee_rate)


class TransactionSummary(msgspec.Struct):
    fee_tier: FeeTier


class ServerTime(msgspec.Struct):
    iso: str

    @property
    def ns(self) -> int:
        return _moment(self.iso)


class Product(msgspec.Struct):
    product_id: str
    base_currency_id: str
    quote_currency_id: str
    base_increment: str
    quote_increment: str
    price_increment: str = ""
    base_min_size: str = ""
    base_max_size: str = ""
    quote_min_size: str = ""
    quote_max_size: str = ""
    status: str = ""
    price: str = ""
    volume_24h: str = ""
    approximate_quote_24h_volume: str = ""
    best_bid_price: str = ""
    best_ask_price: str = ""
    alias_to: list[str] = []
    is_disabled: bool = False
    trading_disabled: bool = False
    cancel_only: bool = False
    view_only: bool = False

    def instrument(self) -> Instrument:
        stopped = self.is_disabled or self.trading_disabled or self.cancel_only or self.view_only
        return Instrument(
            venue=VENUE,
            symbol=Symbol(self.base_currency_id, self.quote_currency_id),
            native=self.product_id,
            kind="spot",
            tick_size=_step(self.price_increment or self.quote_increment),
            lot_size=_step(self.base_increment),
            min_quantity=positive(self.base_min_size),
            max_quantity=positive(self.base_max_size),
            min_notional=positive(self.quote_min_size),
            max_notional=positive(self.quote_max_size),
            active=self.status in ("online", "") and not stopped,
            status=self.status,
        )

    @property
    def last(self) -> Decimal:
        """The price; a market that has never traded has none."""
        value = decimal(self.price)
        if value is None:
            raise DecodeError(f"{self.product_id} has no price", venue=VENUE)
        return value

    def ticker(self, symbol: Symbol) -> Ticker:
        """24 h volumes and the last price, without a time, an opening price or extremes."""
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            last=decimal(self.price),
            bid=positive(self.best_bid_price),
            ask=positive(self.best_ask_price),
            volume=decimal(self.volume_24h),
            quote_volume=decimal(self.approximate_quote_24h_volume),
        )

    def complete(self, ticker: Ticker) -> Ticker:
        """The ticker with these 24 h volumes."""
        return msgspec.structs.replace(
            ticker,
            volume=decimal(self.volume_24h),
            quote_volume=decimal(self.approximate_quote_24h_volume),
        )


def _step(text: str) -> Decimal:
    """A step without the zeros that it may be padded with: what is rounded to it prints well."""
    return Decimal(f"{number(text).normalize():f}")


class Products(msgspec.Struct):
    products: list[Product]


class PublicTrade(msgspec.Struct):
    trade_id: str
    price: str
    size: str
    time: str
    side: str

    def trade(self, symbol: Symbol, *, from_makers: bool) -> Trade:
        """``from_makers``: ``side`` is the maker's, and the taker's is the other."""
        said = side_of(self.side)
        return Trade(
            venue=VENUE,
            symbol=symbol,
            trade_id=self.trade_id,
            price=number(self.price),
            quantity=number(self.size),
            side=_OTHER[said] if from_makers else said,
            time_ns=_moment(self.time),
        )


class MarketTrades(msgspec.Struct):
    """The ``ticker`` endpoint: the latest trades, newest first, and the best quotes."""

    trades: list[PublicTrade]
    best_bid: str = ""
    best_ask: str = ""

    def ticker(self, symbol: Symbol) -> Ticker:
        latest = self.trades[0] if self.trades else None
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            last=None if latest is None else number(latest.price),
            bid=positive(self.best_bid),
            ask=positive(self.best_ask),
            time_ns=None if latest is None else _moment(latest.time),
        )


class BookLevel(msgspec.Struct):
    price: str
    size: str

    def level(self) -> Level:
        return Level(number(self.price), number(self.size))


class PriceBook(msgspec.Struct):
    bids: list[BookLevel]
    asks: list[BookLevel]
    time: str = ""


class Book(msgspec.Struct):
    pricebook: PriceBook

    def snapshot(self, symbol: Symbol, depth: int) -> BookSnapshot:
        book = self.pricebook
        return BookSnapshot(
            venue=VENUE,
            symbol=symbol,
            bids=tuple(row.level() for row in book.bids[:depth]),
            asks=tuple(row.level() for row in book.asks[:depth]),
            time_ns=time_ns(book.time),
        )

    def quote(self, symbol: Symbol) -> Ticker:
        bid, ask = (next((row.level() for row in side), None) for side in (self.pricebook.bids, self.pricebook.asks))
        return Ticker(
            venue=VENUE,
            symbol=symbol,
            bid=None if bid is None else bid.price,
            bid_quantity=None if bid is None else bid.quantity,
            ask=None if ask is None else ask.price,
            ask_quantity=None if ask is None else ask.quantity,
            time_ns=time_ns(self.pricebook.time),
        )


class Amount(msgspec.Struct):
    value: str


class Account(msgspec.Struct):
    currency: str
    available_balance: Amount
    hold: Amount | None = None


class Accounts(msgspec.Struct):
    """A page of accounts. An asset has several where it is spread over wallets and vaults."""

    accounts: list[Account]
    has_next: bool = False
    cursor: str = ""

    def added_to(self, known: list[Balance]) -> list[Balance]:
        """One balance for each asset with anything in it, on earlier pages or this one."""
        sums = {row.asset: (row.free, row.locked) for row in known}
        for row in self.accounts:
            free, locked = sums.get(row.currency, (Decimal(0), Decimal(0)))
            held = None if row.hold is None else decimal(row.hold.value)
            sums[row.currency] = (free + number(row.available_balance.value), locked + (held or Decimal(0)))
        return [
            Balance(venue=VENUE, asset=asset, free=free, locked=locked, total=free + locked)
            for asset, (free, locked) in sums.items()
            if free or locked
        ]


class OwnTrade(msgspec.Struct):
    trade_id: str
    order_id: str
    price: str
    size: str
    trade_time: str
    side: str = ""
    entry_id: str = ""
    commission: str = ""
    liquidity_indicator: str = ""
    size_in_quote: bool = False

    def fill(self, symbol: Symbol) -> Fill:
        """``size_in_quote``: the order named money to spend, and ``size`` is the part of it that was spent."""
        price, size, fee = number(self.price), number(self.size), decimal(self.commission)
        return Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=self.trade_id,
            order_id=self.order_id,
            side=side_of(self.side) if self.side in _SIDES else None,
            price=price,
            quantity=size / price if self.size_in_quote and price else size,
            fee=fee,
            fee_asset=None if fee is None else symbol.quote,
            maker={"MAKER": True, "TAKER": False}.get(self.liquidity_indicator),
            time_ns=_moment(self.trade_time),
        )


class Fills(msgspec.Struct):
    """A page of fills, newest first; the last one names no cursor."""

    fills: list[OwnTrade]
    cursor: str = ""
