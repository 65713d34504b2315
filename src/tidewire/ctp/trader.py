"""Trader and AsyncTrader: one account at a futures broker. Names and signatures are equal; one awaits."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from ..errors import OutcomeUnknown
from .folders import default_folder
from .link import LibraryLink
from .login import State
from .models import Account, Connection, Fill, Instrument, Order, Position
from .opened import Opened, shown
from .order_entry import Number
from .streams import Stream
from .trader_session import TraderSession
from .trader_verbs import TraderVerbs

__all__ = ["AsyncTrader", "Trader"]

T = TypeVar("T")

_PlainOffset = Literal["open", "close", "close_today", "close_yesterday"]


class _Base:
    """What both hold: a session, its verbs and what never waits."""

    _opened: Opened[TraderSession]
    _verbs: TraderVerbs

    def watch_orders(self, limit: int = 65_536) -> Stream[Order]:
        """Read every change of every order of the account, with ``for`` or ``async for``, from now on.

        Each is told once, however often the front repeats it; orders of earlier sessions have ``replayed`` set. A
        reader more than ``limit`` behind gets ``StreamClosed`` with the number missed.
        """
        return self._opened.session.orders.watch(limit)

    def watch_fills(self, limit: int = 65_536) -> Stream[Fill]:
        """Read every fill of the account once, with ``for`` or ``async for``, from now on."""
        return self._opened.session.fills.watch(limit)

    def watch_connection(self) -> Stream[Connection]:
        """Read what becomes of the connection, with reasons named."""
        return self._opened.watch()

    def orders(self) -> list[Order]:
        """Return the day's orders as they are known here, without asking the front."""
        return self._verbs.orders()

    def fills(self) -> list[Fill]:
        """Return the day's fills as they are known here, without asking the front."""
        return self._verbs.fills()

    @property
    def state(self) -> State:
        """Where the session is on its way to work."""
        return self._opened.state

    @property
    def front(self) -> str:
        """The addresses that it was given."""
        return self._opened.session.front

    @property
    def trading_day(self) -> dt.date | None:
        """The front's trading day, known once logged in."""
        return self._opened.session.trading_day

    def __repr__(self) -> str:
        return shown(type(self).__name__, front=self._opened.session.front, state=str(self.state))


class Trader(_Base):
    """Trade one account, blocking; ``async with`` gives an ``AsyncTrader`` instead.

    ``front`` is ``tcp://host:port``, or several to choose from. ``app_id`` and ``auth_code`` are what the broker issued
    for your program; leave both out where none is wanted. ``library`` is as in ``load``: a path, ``"sim"`` for the
    simulated front, or nothing for an installed vendor library. ``flow_folder`` keeps the vendor's flow files, the
    names of today's orders and the instruments; one session at a time may use it, and without one a folder of the
    user's is taken. ``production=False`` is for brokers' test fronts (6.7.11 and later). ``timeout`` is seconds to
    connect and log in, and to wait for an order's verdict; ``query_timeout`` is for queries, which fronts allow about
    one of a second.

    Entering raises ``Timeout`` when nobody answers and ``AuthenticationError`` when the front refuses; a refused login
    is not tried again, because brokers lock users after a few. After a lost connection it logs in again by itself and
    asks for the day's orders, fills and positions. Verbs raise ``CtpDisconnected`` while there is no session,
    ``CtpFlowControl`` and ``CtpError`` when the front refuses a request, ``Timeout`` when it does not answer. Safe to
    share between threads.
    """

    def __init__(
        self,
        front: str | Iterable[str],
        broker_id: str,
        user_id: str,
        password: str,
        app_id: str = "",
        auth_code: str = "",
        *,
        investor_id: str | None = None,
        product_info: str = "tidewire",
        library: str | os.PathLike[str] | None = None,
        flow_folder: str | os.PathLike[str] | None = None,
        production: bool = True,
        timeout: float = 10.0,
        query_timeout: float = 30.0,
    ) -> None:
        fronts = [front] if isinstance(front, str) else list(front)
        forget: Callable[[], object] | None = None
        if flow_folder is not None:
            folder = Path(flow_folder)
        elif library == "sim":  # what is simulated is gone with the process, so its files are, too
            folder = Path(tempfile.mkdtemp(prefix="tidewire-ctp-"))
            forget = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        else:
            folder = default_folder("trader", *fronts[:1], broker_id, user_id)
        session = TraderSession(
            LibraryLink("trader", fronts, library=library, folder=folder, production=production),
            front=", ".join(fronts),
            timeout=timeout,
            query_timeout=query_timeout,
            folder=folder,
            broker_id=broker_id,
            user_id=user_id,
            investor_id=investor_id or user_id,
            password=password,
            app_id=app_id,
            auth_code=auth_code,
            product_info=product_info,
        )
        # The simulator's password is a word that logs need.
        secrets = () if library == "sim" else (password, auth_code)
        self._opened = Opened(session, name="tidewire-ctp-trader", secrets=secrets, at_end=forget)
        self._verbs = TraderVerbs(session)

    def open(self) -> Self:
        """Connect and log in; ``with`` does this."""
        self._opened.open()
        return self

    def close(self) -> None:
        """End every stream and the connection; orders stay as they are. Repeating it is harmless."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> AsyncTrader:
        await self._opened.aopen()
        return AsyncTrader(self._opened, self._verbs)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    @overload
    def create_order(
        self,
        symbol: str,
        *,
        side: str,
        quantity: int,
        offset: Literal["auto"],
        type: str = ...,
        price: Number | None = ...,
        time_in_force: str | None = ...,
        stop_price: Number | None = ...,
        trigger: str | None = ...,
        hedge: str = ...,
        prefer: str = ...,
        client_order_id: str | None = ...,
        wait: bool = ...,
    ) -> list[Order]: ...

    @overload
    def create_order(
        self,
        symbol: str,
        *,
        side: str,
        quantity: int,
        offset: _PlainOffset,
        type: str = ...,
        price: Number | None = ...,
        time_in_force: str | None = ...,
        stop_price: Number | None = ...,
        trigger: str | None = ...,
        hedge: str = ...,
        client_order_id: str | None = ...,
        wait: bool = ...,
    ) -> Order: ...

    def create_order(self, symbol: str, **order: Any) -> Any:
        """Send an order and wait until the exchange accepts or refuses it; until its end, if it is to end at once.

        ``quantity`` is in lots, ``type`` ``"limit"`` (default) or ``"market"``, ``time_in_force`` ``"gfd"`` (default),
        ``"fak"`` or ``"fok"``. ``offset`` is ``"open"``, ``"close"``, ``"close_today"``, ``"close_yesterday"``, or
        ``"auto"``: that closes what is held, as its exchange wants it, in one or two orders, and returns them as a
        list; ``prefer`` says whether yesterday's lots (default) or ``"today"``'s go first. It never opens.
        ``stop_price`` with ``trigger`` (``"last>="``, ``"bid<"`` …) makes a conditional order, kept by CTP until it is
        touched.

        With ``wait=False`` it returns once sent. Waiting ends with the order as it is after ``timeout`` seconds, if CTP
        has acknowledged it. Raises ``FilterViolation`` before sending when price or lots break the contract's rules, or
        when ``"auto"`` finds too little to close; ``OrderRejected`` (its ``venue`` is ``"ctp"`` or the exchange, its
        ``message`` theirs) when it is refused; ``OutcomeUnknown`` when the answer was lost: pass that to
        ``resolve_order``. One leg refused of two is returned as such, not raised.
        """
        return self._verbs.create_order(symbol, **order).result()

    def cancel_order(self, *, client_order_id: str | None = None, order_id: str | None = None) -> Order:
        """Cancel an order and wait until it is final: canceled, or filled if that came first.

        Raises ``OrderNotFound`` when it is final or unknown, ``OrderRejected`` when the cancel is refused,
        ``OutcomeUnknown`` when the answer was lost.
        """
        return self._verbs.cancel_order(client_order_id, order_id).result()

    def cancel_all_orders(self, symbol: str | None = None) -> list[Order]:
        """Cancel every working order, of one instrument or of all; return them as they ended."""
        return self._verbs.cancel_all_orders(symbol).result()

    def resolve_order(self, unknown: OutcomeUnknown, *, timeout: float = 10.0) -> Order:
        """Find out what became of an order whose answer was lost; waits for the connection to come back.

        Raises ``OrderNotFound`` when CTP does not know it ``timeout`` seconds later.
        """
        return self._verbs.resolve_order(unknown, timeout).result()

    def fetch_account(self) -> Account:
        """Ask for the account's money."""
        return self._verbs.fetch_account().result()

    def fetch_positions(self, symbol: str | None = None) -> list[Position]:
        """Ask for positions, merged from the front's rows."""
        return self._verbs.fetch_positions(symbol).result()

    def fetch_orders(self, symbol: str | None = None) -> list[Order]:
        """Ask for the day's orders."""
        return self._verbs.fetch_orders(symbol).result()

    def fetch_fills(self, symbol: str | None = None) -> list[Fill]:
        """Ask for the day's fills."""
        return self._verbs.fetch_fills(symbol).result()

    def fetch_settlement(self, day: dt.date | None = None) -> str:
        """Ask for the statement of a trading day, by default the last one; empty where there is none."""
        return self._verbs.fetch_settlement(day).result()

    def fetch_instruments(self) -> list[Instrument]:
        """Ask for every instrument, once a trading day; takes tens of seconds on a real front."""
        return self._verbs.fetch_instruments().result()

    def instrument(self, symbol: str) -> Instrument:
        """Return one instrument, asked for once a trading day. Raises ``UnknownSymbol``."""
        return self._verbs.instrument(symbol).result()

    def wait_synced(self) -> None:
        """Wait until the day's orders, fills and positions are known after logging in."""
        self._verbs.wait_synced().result()


class AsyncTrader(_Base):
    """Trade one account from asyncio: what ``async with Trader(…)`` gives. See ``Trader`` for every verb."""

    def __init__(self, opened: Opened[TraderSession], verbs: TraderVerbs) -> None:
        self._opened = opened
        self._verbs = verbs

    @overload
    async def create_order(
        self,
        symbol: str,
        *,
        side: str,
        quantity: int,
        offset: Literal["auto"],
        type: str = ...,
        price: Number | None = ...,
        time_in_force: str | None = ...,
        stop_price: Number | None = ...,
        trigger: str | None = ...,
        hedge: str = ...,
        prefer: str = ...,
        client_order_id: str | None = ...,
        wait: bool = ...,
    ) -> list[Order]: ...

    @overload
    async def create_order(
        self,
        symbol: str,
        *,
        side: str,
        quantity: int,
        offset: _PlainOffset,
        type: str = ...,
        price: Number | None = ...,
        time_in_force: str | None = ...,
        stop_price: Number | None = ...,
        trigger: str | None = ...,
        hedge: str = ...,
        client_order_id: str | None = ...,
        wait: bool = ...,
    ) -> Order: ...

    async def create_order(self, symbol: str, **order: Any) -> Any:
        """Send an order and wait until the exchange accepts or refuses it."""
        return await _answer(self._verbs.create_order(symbol, **order))

    async def cancel_order(self, *, client_order_id: str | None = None, order_id: str | None = None) -> Order:
        """Cancel an order and wait until it is final."""
        return await _answer(self._verbs.cancel_order(client_order_id, order_id))

    async def cancel_all_orders(self, symbol: str | None = None) -> list[Order]:
        """Cancel every working order, of one instrument or of all; return them as they ended."""
        return await _answer(self._verbs.cancel_all_orders(symbol))

    async def resolve_order(self, unknown: OutcomeUnknown, *, timeout: float = 10.0) -> Order:  # noqa: ASYNC109 - as Trader
        """Find out what became of an order whose answer was lost."""
        return await _answer(self._verbs.resolve_order(unknown, timeout))

    async def fetch_account(self) -> Account:
        """Ask for the account's money."""
        return await _answer(self._verbs.fetch_account())

    async def fetch_positions(self, symbol: str | None = None) -> list[Position]:
        """Ask for positions, merged from the front's rows."""
        return await _answer(self._verbs.fetch_positions(symbol))

    async def fetch_orders(self, symbol: str | None = None) -> list[Order]:
        """Ask for the day's orders."""
        return await _answer(self._verbs.fetch_orders(symbol))

    async def fetch_fills(self, symbol: str | None = None) -> list[Fill]:
        """Ask for the day's fills."""
        return await _answer(self._verbs.fetch_fills(symbol))

    async def fetch_settlement(self, day: dt.date | None = None) -> str:
        """Ask for the statement of a trading day, by default the last one; empty where there is none."""
        return await _answer(self._verbs.fetch_settlement(day))

    async def fetch_instruments(self) -> list[Instrument]:
        """Ask for every instrument, once a trading day."""
        return await _answer(self._verbs.fetch_instruments())

    async def instrument(self, symbol: str) -> Instrument:
        """Return one instrument, asked for once a trading day. Raises ``UnknownSymbol``."""
        return await _answer(self._verbs.instrument(symbol))

    async def wait_synced(self) -> None:
        """Wait until the day's orders, fills and positions are known after logging in."""
        await _answer(self._verbs.wait_synced())


async def _answer(future: Future[T]) -> T:
    return await asyncio.wrap_future(future)
