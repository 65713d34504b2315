"""AsyncFutures: the verbs of ``Futures``, awaited.

Providers block: files are read, a front is asked one query a second. So each verb runs in a thread, and a provider of
one's own stays a plain class. ``watch_*`` are the same streams, read with ``async for``. Who needs an order out without
a thread in between awaits ``tidewire.ctp.AsyncTrader``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import OutcomeUnknown
from ..models import Instrument, Ticker
from ..symbols import Interval, Time
from .bars import Bars
from .contracts import Contract
from .live import KlineStream
from .rolls import RollTable, Rule, volume_and_open_interest
from .stitch import Stitched
from .ticks import Ticks
from .watch import LiveSource

if TYPE_CHECKING:
    from ..ctp.models import Account, Fill, Order, Position
    from .facade import Futures

__all__ = ["AsyncFutures"]


class AsyncFutures:
    """What ``async with Futures(…)`` gives. See ``Futures`` for every verb."""

    def __init__(self, futures: Futures) -> None:
        self._futures = futures

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that some provider offers."""
        return self._futures.capabilities

    async def fetch_klines(
        self,
        symbol: str | Contract,
        interval: str | Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Bars:
        """Return the bars that open in ``[start, end)``, ascending."""
        return await asyncio.to_thread(self._futures.fetch_klines, symbol, interval, start=start, end=end, limit=limit)

    async def fetch_ticks(self, symbol: str | Contract, *, start: Time | None = None, end: Time | None = None) -> Ticks:
        """Return the snapshots of ``[start, end)``, ascending."""
        return await asyncio.to_thread(self._futures.fetch_ticks, symbol, start=start, end=end)

    async def fetch_contracts(self, product: str) -> list[Contract]:
        """Return the contracts of a product that any provider knows."""
        return await asyncio.to_thread(self._futures.fetch_contracts, product)

    async def fetch_instruments(self, product: str | None = None) -> list[Instrument]:
        """Return the futures that are listed."""
        return await asyncio.to_thread(self._futures.fetch_instruments, product)

    async def instrument(self, symbol: str | Contract) -> Instrument:
        """Return one instrument."""
        return await asyncio.to_thread(self._futures.instrument, symbol)

    async def fetch_ticker(self, symbol: str | Contract) -> Ticker:
        """Return the market as it is now."""
        return await asyncio.to_thread(self._futures.fetch_ticker, symbol)

    def watch_ticker(self, symbol: str | Contract) -> LiveSource[Ticker]:
        """Follow the market."""
        return self._futures.watch_ticker(symbol)

    def watch_klines(
        self, symbol: str | Contract, interval: str | Interval = "1m", *, start: Time | None = None
    ) -> KlineStream:
        """Follow closed klines, with the history from ``start`` on before them."""
        return self._futures.watch_klines(symbol, interval, start=start)

    async def continuous(
        self,
        product: str,
        *,
        interval: str | Interval = "1d",
        rule: Rule = volume_and_open_interest,
        rolls: RollTable | None = None,
        adjust: Literal["diff", "ratio"] | None = None,
        side: Literal["front", "back"] = "front",
        start: Time | None = None,
        end: Time | None = None,
    ) -> Stitched:
        """Return a product's main contracts joined into one series."""
        return await asyncio.to_thread(
            self._futures.continuous,
            product,
            interval=interval,
            rule=rule,
            rolls=rolls,
            adjust=adjust,
            side=side,
            start=start,
            end=end,
        )

    @overload
    async def create_order(self, symbol: str | Contract, *, offset: Literal["auto"], **order: Any) -> list[Order]: ...
    @overload
    async def create_order(
        self,
        symbol: str | Contract,
        *,
        offset: Literal["open", "close", "close_today", "close_yesterday"],
        **order: Any,
    ) -> Order: ...
    async def create_order(self, symbol: str | Contract, *, offset: Any, **order: Any) -> Any:
        """Send an order and wait until the exchange accepts or refuses it."""
        create: Any = self._futures.create_order
        return await asyncio.to_thread(create, symbol, offset=offset, **order)

    async def cancel_order(self, *, client_order_id: str | None = None, order_id: str | None = None) -> Order:
        """Cancel an order and wait until it is final."""
        return await asyncio.to_thread(self._futures.cancel_order, client_order_id=client_order_id, order_id=order_id)

    async def cancel_all_orders(self, symbol: str | Contract | None = None) -> list[Order]:
        """Cancel every working order."""
        return await asyncio.to_thread(self._futures.cancel_all_orders, symbol)

    async def resolve_order(self, unknown: OutcomeUnknown, *, timeout: float = 10.0) -> Order:  # noqa: ASYNC109
        """Find out what became of an order whose answer was lost."""
        return await asyncio.to_thread(self._futures.resolve_order, unknown, timeout=timeout)

    async def fetch_account(self) -> Account:
        """Ask for the account's money."""
        return await asyncio.to_thread(self._futures.fetch_account)

    async def fetch_positions(self, symbol: str | Contract | None = None) -> list[Position]:
        """Ask for positions."""
        return await asyncio.to_thread(self._futures.fetch_positions, symbol)

    async def fetch_orders(self, symbol: str | Contract | None = None) -> list[Order]:
        """Ask for the day's orders."""
        return await asyncio.to_thread(self._futures.fetch_orders, symbol)

    async def fetch_fills(self, symbol: str | Contract | None = None) -> list[Fill]:
        """Ask for the day's fills."""
        return await asyncio.to_thread(self._futures.fetch_fills, symbol)

    def watch_orders(self) -> LiveSource[Order]:
        """Read every change of every order of the account."""
        return self._futures.watch_orders()

    def watch_fills(self) -> LiveSource[Fill]:
        """Read every fill of the account once."""
        return self._futures.watch_fills()
