"""The verbs of AsyncUniversal that look for arbitrage."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from .._order import Number
from ..models import exact
from ..symbols import Symbol
from .arbitrage import KINDS, ArbitrageScanner
from .arbitrage_stream import ArbitrageStream, ArbitrageTerms
from .asking import Asking
from .funding import Funding, FundingKeeper, ask_funding
from .live_books import Market
from .market_books import market_books
from .market_books import told as why_absent
from .opportunity import ArbitrageKind, ArbitrageScan
from .venue_book import VenueBook

__all__ = ["Arbitraging"]


class Arbitraging(Asking):
    """Sizes, fees and profits are those of ``ArbitrageScanner``."""

    async def scan_arbitrage(
        self,
        symbols: Iterable[str | Symbol],
        *,
        kinds: Collection[str] = KINDS,
        min_profit: Number = 0,
        min_bps: Number = 0,
        max_age: float | None = 5.0,
        balances: Mapping[str, Mapping[str, Number]] | None = None,
        payments: int = 0,
        depth: int = 500,
    ) -> ArbitrageScan:
        """Return what pays now among these markets on all venues, after taker fees, at the largest size that does.

        ``kinds`` are ``"cross"`` (bought on one venue, sold on another), ``"basis"`` (spot against a perpetual) and
        ``"triangular"`` (three spot markets of one venue, all among ``symbols``). ``min_profit`` is in an opportunity's
        own asset, ``min_bps`` in 1/10,000 of what is bought. ``balances`` (free quantity by venue and asset) bound the
        size. ``payments`` counts so many funding payments at the rate now forming into a basis; without them it is what
        the entry alone brings.

        Books are live where a stream is open, else asked for, ``depth`` levels a side or as many as a venue gives. One
        that is not LIVE, or older than ``max_age`` seconds, takes no part: ``excluded`` says which and why.
        """
        asked = list(dict.fromkeys(map(Symbol.parse, symbols)))
        # What makes no sense is said before anything is sent.
        ArbitrageScanner([], kinds=kinds, payments=payments).scan(
            min_profit=min_profit, min_bps=min_bps, balances=balances
        )
        found = await asyncio.gather(
            *(market_books(self._clients, self._live, each, depth=depth, timeout=self._desk.timeout) for each in asked)
        )
        books = [book for some, _ in found for book in some]
        markets = [(book.venue, book.instrument.symbol) for book in books]
        funding, silent = await self._funding(markets, kinds)
        scanner = ArbitrageScanner(books, fees=self._fees, kinds=kinds, funding=funding, payments=payments)
        opportunities = scanner.scan(min_profit=min_profit, min_bps=min_bps, max_age=max_age, balances=balances)
        excluded = {f"{venue} {symbol} funding": why for (venue, symbol), why in silent.items()}
        for symbol, (_, absent) in zip(asked, found, strict=True):
            excluded |= {f"{venue} {symbol}": why for venue, why in why_absent(absent).items()}
        excluded |= scanner.excluded(max_age)
        return ArbitrageScan(opportunities=tuple(opportunities), books=len(books), excluded=excluded)

    def watch_arbitrage(
        self,
        symbols: Iterable[str | Symbol],
        *,
        kinds: Collection[str] = KINDS,
        min_profit: Number = 0,
        min_bps: Number = 0,
        max_age: float | None = 5.0,
        balances: Mapping[str, Mapping[str, Number]] | None = None,
        payments: int = 0,
        updates: bool = False,
    ) -> ArbitrageStream:
        """Follow what pays among these markets on all venues: an ``ArbitrageEvent`` whenever one opens or closes.

        An async iterator, and an async context manager. Arguments are those of ``scan_arbitrage``; with ``updates``
        every change of size or profit is an event too. Every change of any book is a look at all of them. Rates of
        funding are asked for every five minutes.
        """
        ArbitrageScanner([], kinds=kinds, payments=payments).scan(balances=balances)
        markets: list[Market] = [(venue, each) for each in map(Symbol.parse, symbols) for venue in self.venues]

        def scanner(books: Sequence[VenueBook], funding: Mapping[Market, Funding]) -> ArbitrageScanner:
            return ArbitrageScanner(books, fees=self._fees, kinds=kinds, funding=funding, payments=payments)

        terms = ArbitrageTerms(
            min_profit=exact(min_profit, "min_profit"),
            min_bps=exact(min_bps, "min_bps"),
            max_age=max_age,
            balances=balances,
        )
        of_basis = markets if ArbitrageKind.BASIS in kinds else []
        keeper = FundingKeeper(self._clients, of_basis, self._desk.timeout)
        return ArbitrageStream(self._live, markets, scanner, keeper, terms, updates=updates)

    async def _funding(
        self, markets: Sequence[Market], kinds: Collection[str]
    ) -> tuple[Mapping[Market, Funding], Mapping[Market, str]]:
        if ArbitrageKind.BASIS not in kinds:
            return {}, {}
        return await ask_funding(self._clients, markets, self._desk.timeout)
