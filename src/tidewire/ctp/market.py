"""Market: ticks of Chinese futures, with times repaired and subscriptions kept."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from .link import LibraryLink
from .login import State
from .market_session import MarketSession
from .models import Connection, Instrument, Tick
from .opened import Opened, shown
from .streams import Stream

__all__ = ["Market"]

_UNREAD = 65_536


class Market:
    """Watch a market data front, with ``with`` or with ``async with``.

    ``front`` is ``tcp://host:port``, or several to choose from. Many fronts let anyone in; others want the credentials
    of a user who has logged in for trading that day. ``library`` is as in ``load``: a path, ``"sim"`` for the simulated
    front, or nothing for an installed vendor library. ``instruments`` (from ``Trader.fetch_instruments``) give
    exchanges and multipliers where the table of products has none or another. ``production=False`` is for brokers' test
    fronts (6.7.11 and later). ``timeout`` is seconds to connect and log in.

    Entering raises ``Timeout`` when nobody answers and ``AuthenticationError`` when the front refuses; a refused login
    is not tried again. After a lost connection it logs in and subscribes again by itself. Safe to share between
    threads.
    """

    def __init__(
        self,
        front: str | Iterable[str],
        *,
        broker_id: str = "",
        user_id: str = "",
        password: str = "",
        library: str | os.PathLike[str] | None = None,
        flow_folder: str | os.PathLike[str] | None = None,
        production: bool = True,
        instruments: Iterable[Instrument] = (),
        timeout: float = 10.0,
    ) -> None:
        fronts = [front] if isinstance(front, str) else list(front)
        session = MarketSession(
            LibraryLink("market", fronts, library=library, folder=flow_folder, production=production),
            front=", ".join(fronts),
            timeout=timeout,
            broker_id=broker_id,
            user_id=user_id,
            password=password,
        )
        session.learn(instruments)
        self._opened = Opened(session, name="tidewire-ctp-market", secrets=() if library == "sim" else (password,))

    def open(self) -> Self:
        """Connect and log in; ``with`` does this."""
        self._opened.open()
        return self

    def close(self) -> None:
        """End every stream and the connection. Repeating it is harmless."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        await self._opened.aopen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def watch_ticks(self, *symbols: str, conflate: bool = False, limit: int = _UNREAD) -> Stream[Tick]:
        """Read ticks of these instruments with ``for`` or ``async for``, from now on.

        They stay subscribed until the stream is closed; leave it with ``with``, or call its ``close``. A reader more
        than ``limit`` ticks behind gets ``StreamClosed``; with ``conflate`` it gets the newest of each instrument
        instead. An instrument that the front refuses ends the stream with ``CtpError``.
        """
        return self._opened.session.watch(symbols, limit, conflate=conflate)

    def subscribe(self, *symbols: str) -> None:
        """Keep instruments subscribed without reading them; ``latest`` then has their newest ticks."""
        self._opened.session.subscribe(symbols)

    def unsubscribe(self, *symbols: str) -> None:
        """Undo one ``subscribe`` of each."""
        self._opened.session.unsubscribe(symbols)

    def latest(self, symbol: str) -> Tick | None:
        """Return the newest tick of an instrument; ``None`` before the first, and when it is not subscribed.

        Never waits.
        """
        return self._opened.session.latest(symbol)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take exchanges and multipliers from a list of instruments."""
        self._opened.session.learn(instruments)

    def watch_connection(self) -> Stream[Connection]:
        """Read what becomes of the connection, with reasons named."""
        return self._opened.watch()

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
        return shown("Market", front=self._opened.session.front, state=str(self.state))
