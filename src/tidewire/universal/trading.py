"""The verbs of AsyncUniversal that trade at the best of several venues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from .._order import Number
from ..errors import ConfigError
from ..symbols import Symbol
from . import execution, routing
from .asking import Asking
from .market_books import market_books, told
from .report import ExecutionReport
from .route import BestVenue, Route
from .routing import Balances, Limits, ParentOrder
from .venue_book import VenueBook

__all__ = ["Trading"]

T = TypeVar("T")


class Trading(Asking):
    """Books are live where a stream is open, else asked for, ``depth`` levels a side or as many as a venue gives."""

    async def best_venue(
        self,
        symbol: str | Symbol,
        side: str,
        quantity: Number,
        *,
        balances: Balances | None = None,
        limits: Limits | None = None,
        max_age: float | None = None,
        depth: int = 500,
    ) -> BestVenue:
        """Return the venues that can fill an order alone, by all-in cost, and why the others cannot.

        ``quantity`` is in base units. ``balances`` are what is free per venue: ``{"okx": {"USDT": "1000"}}``, or what
        ``fetch_balances`` returned; a buy must be covered at its limit price with its fee, a contract either way
        without leverage. ``limits`` are the most to trade per venue, in base units. Books count that are LIVE and not
        older than ``max_age`` seconds, of which ``depth`` levels a side are asked for where none is open already.

        Raises ``Unfillable`` when no venue can, saying how much one does.
        """
        order = ParentOrder.of(symbol, side, quantity, balances=self._by_venue(balances), limits=self._by_venue(limits))
        books, absent = await self._books(order, depth, max_age)
        return routing.best_venue(order, books, fees=self._fees, absent=absent, max_age_s=max_age)

    async def route(
        self,
        symbol: str | Symbol,
        side: str,
        quantity: Number,
        *,
        max_venues: int | None = None,
        balances: Balances | None = None,
        limits: Limits | None = None,
        allow_partial: bool = False,
        max_age: float | None = None,
        depth: int = 500,
    ) -> Route:
        """Return the split over at most ``max_venues`` that fills an order at the least all-in cost, exact to the lot.

        Arguments are otherwise those of ``best_venue``. Costs are expected ones, of books that move on; ``execute``
        reports the real ones. Raises ``Unfillable`` when the order cannot be filled exactly; with ``allow_partial`` the
        route then fills as much as can be had.
        """
        order = ParentOrder.of(
            symbol,
            side,
            quantity,
            max_venues=max_venues,
            balances=self._by_venue(balances),
            limits=self._by_venue(limits),
        )
        books, absent = await self._books(order, depth, max_age)
        return routing.route(
            order, books, fees=self._fees, absent=absent, max_age_s=max_age, allow_partial=allow_partial
        )

    async def execute(self, route: Route, *, time_in_force: str = "ioc") -> ExecutionReport:
        """Place every slice of a route as a limit order at its limit price, all at once, each once; report each.

        Waits until each has ended and its fills and fees are read. Nothing that goes wrong with one slice is raised or
        hides another's fill: it is in that slice's report. A lost answer is reported as ``UNKNOWN`` with its client
        order id, for ``resolve_execution``, and never sent again. ``time_in_force`` is ``"ioc"``, which fills what
        is still there, or ``"fok"``. Cancelling the task leaves the orders as they are.

        Raises ``ConfigError`` before anything is sent when a venue of the route has no client or credentials here.
        """
        without = [each.venue for each in route.slices if each.venue not in self._private]
        if without:
            raise ConfigError(f"execute needs credentials for {', '.join(without)}: credentials={{venue: …}}")
        return await execution.execute(self._clients, route, time_in_force=time_in_force)

    async def resolve_execution(self, report: ExecutionReport) -> ExecutionReport:
        """Find out what became of the slices in doubt, and return the report with what was found.

        Asks each venue by id until the order shows or can no longer appear (see ``AsyncClient.resolve_order``); one
        that still cannot be reached stays in doubt.
        """
        return await execution.resolve(self._clients, report)

    def _by_venue(self, given: Mapping[str, T] | None) -> dict[str, T] | None:
        """The same by the venues' own names; a name that is none of them is an error, not a bound that never binds."""
        return None if given is None else {self._known(venue): each for venue, each in given.items()}

    async def _books(
        self, order: ParentOrder, depth: int, max_age_s: float | None
    ) -> tuple[list[VenueBook], dict[str, str]]:
        books, failed = await market_books(
            self._clients, self._live, order.symbol, depth=depth, timeout=self._desk.timeout, max_age_s=max_age_s
        )
        return books, told(failed)
