"""What perpetuals' funding is now, and how often it is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..client import AsyncClient
from ..errors import Error
from ..symbols import Symbol

__all__ = ["Funding", "FundingKeeper", "ask_funding"]

Market = tuple[str, Symbol]

_EVERY_S = 300.0  # venues form the next rate over hours


@dataclass(frozen=True, slots=True)
class Funding:
    """What is known of a perpetual's funding: the rate now forming, seconds between payments, and the next one.

    ``interval_s`` is what lay between the last two payments; ``None`` where the venue has not told two.
    """

    rate: Decimal
    interval_s: float | None
    due_ns: int


async def ask_funding(
    clients: Mapping[str, AsyncClient],
    markets: Iterable[Market],
    timeout: float,  # noqa: ASYNC109 — each venue's own: one that is late must not keep the others' rates
) -> tuple[dict[Market, Funding], dict[Market, str]]:
    """Return the funding of those markets that are perpetuals, and why some of them tell none."""
    wanted = [(venue, symbol) for venue, symbol in markets if symbol.settle is not None and symbol.expiry is None]
    found = await asyncio.gather(*(_ask(clients[venue], symbol, timeout) for venue, symbol in wanted))
    told = dict(zip(wanted, found, strict=True))
    return (
        {market: each for market, each in told.items() if isinstance(each, Funding)},
        {market: each for market, each in told.items() if isinstance(each, str)},
    )


async def _ask(client: AsyncClient, symbol: Symbol, seconds: float) -> Funding | str:
    try:
        async with asyncio.timeout(seconds):
            now = await client.fetch_funding_rate(symbol)
            paid = await client.fetch_funding_history(symbol, limit=2)
    except TimeoutError:
        return f"no rate of funding within {seconds:g} s"
    except Error as error:
        return f"no rate of funding: {type(error).__name__}: {error}"
    times = [each.funding_time_ns for each in paid][-2:]
    return Funding(now.rate, (times[1] - times[0]) / 1e9 if len(times) == 2 else None, now.funding_time_ns)


class FundingKeeper:
    """The funding of some markets, asked for every five minutes by a task of its own. For one event loop."""

    def __init__(self, clients: Mapping[str, AsyncClient], markets: Iterable[Market], timeout: float) -> None:
        self.rates: Mapping[Market, Funding] = {}
        self.reasons: Mapping[Market, str] = {}
        self._clients, self._markets, self._timeout = clients, tuple(markets), timeout
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask; ``rates`` is another object whenever there are new ones."""
        self._task = asyncio.create_task(self._keep(), name="tidewire funding")

    def stop(self) -> None:
        """Let the task end."""
        if self._task is not None:
            self._task.cancel()

    async def aclose(self) -> None:
        """End the task."""
        self.stop()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            self.rates, self.reasons = await ask_funding(self._clients, self._markets, self._timeout)
            await asyncio.sleep(_EVERY_S)
