"""The rates of your own accounts, asked of every venue that there are keys for, and why others are not known."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from functools import partial

from ..client import AsyncClient
from ..errors import Error, NotSupported, Timeout, UnknownSymbol, VenuesFailed
from ..models import TradingFee
from ..symbols import Symbol
from .together import together

__all__ = ["account_fees"]

Market = tuple[str, Symbol]


async def account_fees(
    clients: Mapping[str, AsyncClient],
    private: Collection[str],
    symbols: Iterable[Symbol],
    *,
    timeout: float,  # noqa: ASYNC109 — each venue's own
) -> tuple[list[TradingFee], dict[Market, str]]:
    """Return the rates told, and by venue and symbol why there is none: no key, no such endpoint, not listed.

    Raises ``VenuesFailed`` when a venue that can tell did not: then the base tier would be a guess, not a fallback.
    """
    markets = [(venue, symbol) for venue in clients for symbol in symbols]
    unknown = {market: "no credentials" for market in markets if market[0] not in private}
    asked = {
        market: partial(_ask, clients[market[0]], market[1], timeout) for market in markets if market not in unknown
    }
    answers = await together(asked)
    failed = {market: each for market, each in answers.items() if isinstance(each, Error)}
    lost = {
        venue: error for (venue, _), error in failed.items() if not isinstance(error, (NotSupported, UnknownSymbol))
    }
    if lost:
        raise VenuesFailed("load_fees: not every account's rates could be read", causes=lost)
    unknown |= {market: str(error) for market, error in failed.items()}
    return [each for each in answers.values() if isinstance(each, TradingFee)], unknown


async def _ask(client: AsyncClient, symbol: Symbol, seconds: float) -> TradingFee | Error:
    try:
        async with asyncio.timeout(seconds):
            return await client.fetch_trading_fee(symbol)
    except TimeoutError:
        return Timeout(f"no rates within {seconds:g} s", venue=client.venue.name)
    except Error as error:
        return error
