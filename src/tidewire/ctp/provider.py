"""Ctp: a CTP front as a provider of ``tidewire.futures.Futures``: live data by ``Market``, orders by ``Trader``."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

from ..errors import ConfigError, CtpDisconnected, OutcomeUnknown, Timeout
from ..futures.bars import BarBuilder, Provenance
from ..futures.calendar import CHINA, Calendar, shipped_calendar
from ..futures.contracts import Contract, ContractSymbol
from ..futures.products import check_product
from ..futures.symbols import format_symbol, parse_symbol
from ..futures.ticks import Ticks
from ..futures.watch import LiveSource, Watch
from ..models import Instrument as MarketInstrument
from ..models import Ticker
from ..symbols import Interval
from .amounts import price
from .login import State
from .market import Market
from .models import Account, Fill, Instrument, Order, Position, Tick
from .streams import Stream
from .tickbars import BarWatch
from .trader import Trader

__all__ = ["Ctp", "ticks_of"]

log = logging.getLogger("tidewire.ctp")

_MARKET = frozenset({"fetch_ticker", "watch_klines", "watch_ticker"})
_TRADER = frozenset(
    {
        "cancel_all_orders",
        "cancel_order",
        "create_order",
        "fetch_account",
        "fetch_fills",
        "fetch_instruments",
        "fetch_orders",
        "fetch_positions",
        "resolve_order",
        "watch_fills",
        "watch_orders",
    }
)


class Ctp:
    """Live prices and bars through a ``Market``, instruments and orders through a ``Trader``; either may be left out.

    Sessions that are not open are opened and closed with the facade, once; those that are open stay so. Bars are made
    of ticks as they come, with ``align`` and ``fill`` as ``BarBuilder`` has them: CTP tells no history. ``wait`` is how
    many seconds ``fetch_ticker`` waits for a contract's first snapshot.
    """

    def __init__(
        self,
        market: Market | None = None,
        trader: Trader | None = None,
        *,
        align: Literal["session", "clock"] = "session",
        fill: Literal["skip", "flat"] = "skip",
        calendar: Calendar | None = None,
        wait: float = 5.0,
        name: str = "ctp",
    ) -> None:
        self.name = name
        if market is None and trader is None:
            raise ConfigError("Ctp needs a Market, a Trader, or both")
        self._market = market
        self._trader = trader
        self._align: Literal["session", "clock"] = align
        self._fill: Literal["skip", "flat"] = fill
        self._calendar = calendar or shipped_calendar()
        self._wait = wait
        self._opened: list[Market | Trader] = []
        self._kept: set[str] = set()  # subscribed for tickers

    def __repr__(self) -> str:
        return f"Ctp({self._market!r}, {self._trader!r})"

    @property
    def capabilities(self) -> frozenset[str]:
        """What the sessions that it was given can do."""
        return (_MARKET if self._market else frozenset()) | (_TRADER if self._trader else frozenset())

    def open(self) -> None:
        """Open the sessions that are not."""
        try:
            for session in (self._market, self._trader):
                if session is not None and session.state is not State.READY:
                    session.open()
                    self._opened.append(session)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the sessions that ``open`` opened."""
        while self._opened:
            self._opened.pop().close()

    # Market data.

    def fetch_ticker(self, contract: Contract) -> Ticker:
        """The newest snapshot; it stays subscribed, so that the next call need not wait."""
        market, name = self._of_market(), _name(contract)
        if market.state is not State.READY:
            raise CtpDisconnected(f"the session with {market.front} is {market.state}: its newest snapshot may be old")
        with market.watch_ticks(name, conflate=True) as stream:
            if name not in self._kept:
                market.subscribe(name)
                self._kept.add(name)
            tick = market.latest(name)
            if tick is None:
                with suppress(TimeoutError):
                    tick = stream.next(self._wait)
        if tick is None:
            raise Timeout(f"no snapshot of {name} came within {self._wait:g} s", venue="ctp")
        return read_ticker(tick, contract)

    def watch_ticker(self, contract: Contract) -> Watch[Ticker]:
        """Every snapshot; slow readers see the newest."""
        ticks = self._of_market().watch_ticks(_name(contract), conflate=True)
        return _Mapped(ticks, lambda tick: read_ticker(tick, contract))

    def watch_klines(self, contract: Contract, interval: Interval) -> BarWatch:
        """Bars of the ticks that come, each as soon as it is over."""
        market = self._of_market()
        builder = BarBuilder(
            contract.product,
            interval,
            symbol=str(contract),
            provenance=Provenance("ctp", market.front, {"made_of": "ticks", "align": self._align, "fill": self._fill}),
            calendar=self._calendar,
            align=self._align,
            fill=self._fill,
        )
        return BarWatch(market.watch_ticks(_name(contract)), builder)

    # Instruments.

    def fetch_instruments(self) -> list[MarketInstrument]:
        """Every future that the front lists; asked for once a trading day.

        Where it contradicts the table of products, the front is right, and a warning is logged.
        """
        trader = self._of_trader()
        listed = [each for each in trader.fetch_instruments() if each.kind == "futures"]
        if self._market is not None:
            self._market.learn(listed)
        found: list[MarketInstrument] = []
        told: set[str] = set()
        for each in listed:
            try:
                contract = _contract(each)
                doubts = [] if each.product in told else _contradictions(each, trader.trading_day)
            except ConfigError as error:  # a product that is newer than our tables
                doubts = [f"{each.symbol} is left out: {error}"]
            else:
                found.append(_instrument(each, contract))
            told.add(each.product)
            for doubt in doubts:
                log.warning("CTP %s: %s", trader.front, doubt)
        return found

    # Trading.

    def create_order(self, contract: Contract, **order: Any) -> Any:
        """Send an order and wait until the exchange accepts or refuses it."""
        return self._of_trader().create_order(_name(contract), **order)

    def cancel_order(self, *, client_order_id: str | None = None, order_id: str | None = None) -> Order:
        """Cancel an order and wait until it is final."""
        return self._of_trader().cancel_order(client_order_id=client_order_id, order_id=order_id)

    def cancel_all_orders(self, contract: Contract | None = None) -> list[Order]:
        """Cancel every working order."""
        return self._of_trader().cancel_all_orders(_maybe(contract))

    def resolve_order(self, unknown: OutcomeUnknown, *, timeout: float = 10.0) -> Order:
        """Find out what became of an order whose answer was lost."""
        return self._of_trader().resolve_order(unknown, timeout=timeout)

    def fetch_account(self) -> Account:
        """The account's money."""
        return self._of_trader().fetch_account()

    def fetch_positions(self, contract: Contract | None = None) -> list[Position]:
        """Positions held."""
        return self._of_trader().fetch_positions(_maybe(contract))

    def fetch_orders(self, contract: Contract | None = None) -> list[Order]:
        """The day's orders."""
        return self._of_trader().fetch_orders(_maybe(contract))

    def fetch_fills(self, contract: Contract | None = None) -> list[Fill]:
        """The day's fills."""
        return self._of_trader().fetch_fills(_maybe(contract))

    def watch_orders(self) -> Stream[Order]:
        """Every change of every order."""
        return self._of_trader().watch_orders()

    def watch_fills(self) -> Stream[Fill]:
        """Every fill, once."""
        return self._of_trader().watch_fills()

    def _of_market(self) -> Market:
        if self._market is None:
            raise ConfigError("this Ctp has no Market")
        return self._market

    def _of_trader(self) -> Trader:
        if self._trader is None:
            raise ConfigError("this Ctp has no Trader")
        return self._trader


T = TypeVar("T")
U = TypeVar("U")


class _Mapped(Watch[U], Generic[T, U]):
    """A stream of what a function makes of another's items."""

    def __init__(self, source: LiveSource[T], make: Callable[[T], U]) -> None:
        self._source = source
        self._make = make

    def next(self, timeout: float | None = None) -> U | None:
        item = self._source.next(timeout)
        return None if item is None else self._make(item)

    async def __anext__(self) -> U:
        return self._make(await self._source.__anext__())

    def close(self) -> None:
        self._source.close()


def read_ticker(tick: Tick, contract: Contract) -> Ticker:
    """A snapshot as every market's ticker; no value is ``None``."""
    return Ticker(
        venue="ctp",
        symbol=ContractSymbol.of(contract),
        last=price(tick.last),
        bid=price(tick.bid),
        bid_quantity=Decimal(tick.bid_quantity) if tick.bids else None,
        ask=price(tick.ask),
        ask_quantity=Decimal(tick.ask_quantity) if tick.asks else None,
        open=price(tick.open),
        high=price(tick.high),
        low=price(tick.low),
        volume=Decimal(tick.volume),
        quote_volume=price(tick.turnover),
        time_ns=tick.time_ns,
    )


def ticks_of(ticks: Iterable[Tick], contract: Contract, *, source: str = "") -> Ticks:
    """Put ticks of one contract, such as ``Market.watch_ticks`` gives, into columns; those without a time are left out.

    ``source`` is the front that they are of, for the provenance.
    """
    timed = [(tick.time_ns, tick) for tick in ticks if tick.time_ns is not None and not tick.stale]
    columns: dict[str, list[Any]] = {
        "time": [at for at, _ in timed],
        "trading_day": [tick.trading_day for _, tick in timed],
    }
    for name in ("last", "volume", "turnover", "open_interest", "bid", "bid_quantity", "ask", "ask_quantity"):
        columns[name] = [getattr(tick, name) for _, tick in timed]
    return Ticks(columns, symbol=str(contract), provenance=Provenance("ctp", source))


def _instrument(row: Instrument, contract: Contract) -> MarketInstrument:
    ends = None if row.expires is None else dt.datetime.combine(row.expires, dt.time(15), CHINA)
    return MarketInstrument(
        venue="ctp",
        symbol=ContractSymbol.of(contract),
        native=row.symbol,
        kind="linear",
        tick_size=row.tick_size,
        lot_size=Decimal(1),
        min_quantity=_lots(row.min_limit_quantity),
        max_quantity=_lots(row.max_limit_quantity),
        market_min_quantity=_lots(row.min_market_quantity),
        market_max_quantity=_lots(row.max_market_quantity),
        contract_size=Decimal(row.multiplier),
        active=row.active,
        expiry_ns=None if ends is None else int(ends.timestamp()) * 10**9,
    )


def _contract(row: Instrument) -> Contract:
    found = parse_symbol(row.symbol, "ctp", on=row.expires)
    if not isinstance(found, Contract):
        raise ConfigError(f"{row.symbol} is no future")
    return found


def _contradictions(row: Instrument, day: dt.date | None) -> list[str]:
    if day is None:
        return []
    return check_product(row.product, multiplier=row.multiplier, tick=row.tick_size, on=day)


def _lots(count: int) -> Decimal | None:
    return Decimal(count) if count else None


def _name(contract: Contract) -> str:
    return format_symbol(contract, "ctp")


def _maybe(contract: Contract | None) -> str | None:
    return None if contract is None else _name(contract)
