"""Futures: one face over several sources of Chinese futures data, and over a way to trade."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from ..errors import ConfigError, Error, UnknownSymbol
from ..models import Instrument, Ticker
from ..symbols import Interval, Time, parse_window
from .aio import AsyncFutures
from .bars import Bars, Provenance
from .calendar import Calendar, shipped_calendar
from .chain import Answer, Chain, failed, in_words
from .contracts import Contract, ContractSymbol
from .live import KlineStream
from .main_series import daily_rows
from .naming import contract_of
from .products import product as terms_of
from .provider import Failure, Provider, Verbs
from .rolls import RollTable, Rule, volume_and_open_interest
from .stitch import Stitched, stitch
from .ticks import Ticks
from .trading import Trading
from .watch import LiveSource

__all__ = ["Futures"]

T = TypeVar("T")

_LISTS = ("fetch_contracts", "fetch_instruments")


class Futures(Trading):
    """Read and trade Chinese futures through several providers; ``async with`` gives an ``AsyncFutures`` instead.

    ``providers`` are ``Ctp(…)``, ``Wenhua(path)``, ``Parquet(path)`` or your own (see ``Provider``), the most trusted
    first. With ``strategy="priority"`` a verb asks the first that offers it, and the next when that has not what was
    asked for; who was passed over, and why, is in the frame's ``provenance``. When none has it, ``VenuesFailed`` tells
    the causes; the error of a single one is raised as it is. A verb that nobody offers raises ``NotSupported``
    before anything is done. Orders go to the one provider that trades, and are never sent to another.

    Symbols are read in any spelling (``rb2610``, ``SHFE.rb2610``, ``RB2610.SHF``); what comes back carries ours.
    Entering opens the providers; one that cannot be reached is left out, and its error told by verbs that would have
    asked it. Safe to share between threads.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        strategy: Literal["priority"] = "priority",
        *,
        calendar: Calendar | None = None,
    ) -> None:
        if strategy != "priority":
            raise ConfigError(f"there is no strategy {strategy!r}; there is 'priority'")
        self._chain = Chain(providers)
        self._calendar = calendar or shipped_calendar()

    def open(self) -> Self:
        """Open the providers; ``with`` does this.

        Raises what waiting cannot mend (``AuthenticationError``, ``ConfigError`` …), and when none can be reached.
        """
        self._chain.open()
        return self

    def close(self) -> None:
        """Close the providers. Repeating it is harmless."""
        self._chain.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> AsyncFutures:
        await asyncio.to_thread(self.open)
        return AsyncFutures(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    @property
    def capabilities(self) -> frozenset[str]:
        """Verbs that some provider offers; any other raises ``NotSupported`` before anything is done."""
        offered = self._chain.capabilities
        derived = {"instrument"} if "fetch_instruments" in offered else set()
        if not offered.isdisjoint(_LISTS):
            derived |= {"fetch_contracts"} | ({"continuous"} if "fetch_klines" in offered else set())
        return offered | derived

    def fetch_klines(
        self,
        symbol: str | Contract,
        interval: str | Interval,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Bars:
        """Return the bars that open in ``[start, end)``, ascending.

        At most ``limit``: the first from ``start`` on, or the newest. All are of one provider: ``join`` joins those of
        two. Raises ``UnknownSymbol`` where there are none.
        """
        contract, length, window = contract_of(symbol, start), Interval.parse(interval), parse_window(start, end)
        if limit is not None and limit < 1:
            raise ConfigError(f"limit is 1 or more, not {limit}")
        bars = self._klines(contract, length, *window)
        if limit is None:
            return bars
        return bars[-limit:] if start is None else bars[:limit]

    def fetch_ticks(self, symbol: str | Contract, *, start: Time | None = None, end: Time | None = None) -> Ticks:
        """Return the snapshots of ``[start, end)``, ascending."""
        contract, window = contract_of(symbol, start), parse_window(start, end)

        def ask(provider: Verbs) -> Ticks:
            return _some(provider.fetch_ticks(contract, *window).between(*window), contract)

        answer = self._chain.first("fetch_ticks", ask)
        return answer.value.labelled(symbol=str(contract), provenance=answer.told(answer.value.provenance))

    def fetch_contracts(self, product: str) -> list[Contract]:
        """Return the contracts of a product that any provider knows, ascending; stores know expired ones, too."""
        found, failures = self._contracts(terms_of(product).code)
        if not found and failures:
            raise failed("fetch_contracts", failures)
        return found

    def fetch_instruments(self, product: str | None = None) -> list[Instrument]:
        """Return the futures that are listed, of one product or of all: ticks, lots, limits, ``contract_size``.

        Quantities are lots. ``kind`` is ``"linear"``, ``native`` the exchange's own spelling, ``symbol`` a
        ``ContractSymbol``. Options are not among them: ``Trader.fetch_instruments`` has all.
        """
        code = None if product is None else terms_of(product).code
        found = self._chain.first("fetch_instruments", lambda provider: provider.fetch_instruments()).value
        return [each for each in found if code in (None, each.symbol.base)]

    def instrument(self, symbol: str | Contract) -> Instrument:
        """Return one instrument; ``UnknownSymbol`` where it is not listed."""
        wanted = ContractSymbol.of(contract_of(symbol))
        found = next((each for each in self.fetch_instruments() if each.symbol == wanted), None)
        if found is None:
            raise UnknownSymbol(f"{wanted} is not listed")
        return found

    def fetch_ticker(self, symbol: str | Contract) -> Ticker:
        """Return the market as it is now; open, high, low and volume are the trading day's, volume in lots."""
        contract = contract_of(symbol)
        return self._chain.first("fetch_ticker", lambda provider: provider.fetch_ticker(contract)).value

    def watch_ticker(self, symbol: str | Contract) -> LiveSource[Ticker]:
        """Follow the market; slow readers see the newest. Read with ``for`` or ``async for``."""
        contract = contract_of(symbol)
        return self._chain.first("watch_ticker", lambda provider: provider.watch_ticker(contract)).value

    def watch_klines(
        self, symbol: str | Contract, interval: str | Interval = "1m", *, start: Time | None = None
    ) -> KlineStream:
        """Follow closed klines, with the history from ``start`` on before them. Read with ``for`` or ``async for``.

        Live bars and history may be of two providers. The stream's ``seam`` tells how they were joined, and in what
        they differ.
        """
        contract, length = contract_of(symbol, start), Interval.parse(interval)
        first, _ = parse_window(start, None)
        if start is not None:
            self._chain.require("fetch_klines")
        answer = self._chain.first("watch_klines", lambda provider: provider.watch_klines(contract, length))

        def history(since: int | None) -> Bars:
            return self._klines(contract, length, first if since is None else since, None)

        return KlineStream(
            answer.value,
            lambda bars: _labelled(bars, contract, length, answer),
            contract,
            None if start is None else history,
        )

    def continuous(
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
        """Return a product's main contracts joined into one series; see ``RollTable`` and ``stitch``.

        ``rule`` looks at the days that these bars have, so the series begins on their second; ``rolls`` is a table of
        your own instead. Provenance tells the contracts, where the bars of each are from, the rolls, and which
        contracts had no bars.
        """
        code, length, window = terms_of(product).code, Interval.parse(interval), parse_window(start, end)
        self._chain.require("fetch_klines")
        listed, failures = self._contracts(code)
        bars: dict[Contract, Bars] = {}
        for contract in listed:
            try:
                bars[contract] = self._klines(contract, length, *window)
            except Error as error:
                failures.append((str(contract), error))
        if not bars:
            raise failed("continuous", failures) if failures else UnknownSymbol(f"nobody knows a contract of {code}")
        table = RollTable.build(daily_rows(bars), rule, next_day=self._calendar.next) if rolls is None else rolls
        if not len(table):
            raise ConfigError(f"a main contract of {code} is decided by the day before: there are bars of one day only")
        stitched = stitch(bars, table, adjust=adjust, side=side)
        _tell(stitched, failures)
        return stitched

    def __repr__(self) -> str:
        return f"Futures({self._chain!r})"

    def _klines(self, contract: Contract, interval: Interval, start: int | None, end: int | None) -> Bars:
        def ask(provider: Verbs) -> Bars:
            return _some(provider.fetch_klines(contract, interval, start, end).between(start, end), contract)

        answer = self._chain.first("fetch_klines", ask)
        return _labelled(answer.value, contract, interval, answer)

    def _contracts(self, code: str) -> tuple[list[Contract], list[Failure]]:
        """What stores have bars of, and what is listed."""
        if self._chain.capabilities.isdisjoint(_LISTS):
            self._chain.require("fetch_contracts")
        stored, failures = self._chain.every("fetch_contracts", lambda provider: provider.fetch_contracts(code))
        listed, more = self._chain.every("fetch_instruments", lambda provider: provider.fetch_instruments())
        symbols = [each.symbol for instruments in listed for each in instruments if each.symbol.base == code]
        found = {each.contract for each in symbols if isinstance(each, ContractSymbol)}.union(*stored)
        return sorted(found), [*failures, *more]


def _labelled(bars: Bars, contract: Contract, interval: Interval, answer: Answer[Any]) -> Bars:
    return bars.labelled(
        symbol=str(contract), interval=interval, venue=answer.provider.name, provenance=answer.told(bars.provenance)
    )


F = TypeVar("F", Bars, Ticks)


def _some(frame: F, contract: Contract) -> F:
    if not len(frame):
        raise UnknownSymbol(f"nothing of {contract} in this window")
    return frame


def _tell(stitched: Stitched, failures: list[Failure]) -> None:
    """Add what could not be had."""
    if not failures:
        return
    for frame in (stitched.raw, stitched.bars):
        known = frame.provenance or Provenance("stitch", "")
        frame.provenance = Provenance(known.provider, known.source, {**known.facts, "without": in_words(failures)})
