"""Orders over a connection that stays open: the verbs of REST, their calls carried by a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self, TypeVar

from ._call import Call, Request, Response
from ._channel import EntryChannel
from ._connection import Connection, ConnectionStats, Patience
from ._feed import Buffer, Moment
from ._heir import Heir, PlainHeir, Ready
from ._order import Number
from ._session import Effects
from ._subscriber import Desk
from ._verbs import Verbs
from .errors import ConfigError, ConnectionFailed, Error, StreamClosed, Timeout, TransportError
from .models import Order
from .symbols import Symbol

__all__ = ["OrderEntry"]

T = TypeVar("T")
_NOT_ENTERED = "enter it first: async with client.order_entry() as entry: …"


class Run(Protocol):
    """Drives effects to their value; requests to WebSocket addresses are exchanged by ``over``."""

    def __call__(self, effects: Effects[T], /, over: Callable[[Request], Awaitable[Response]]) -> Awaitable[T]: ...


class OrderEntry:
    """Place and cancel orders over one connection that stays open: no handshake, no HTTP, the same rules.

    An async context manager: entering connects, and raises what prevents it; leaving closes. The verbs are those of
    ``AsyncClient``: same arguments, models, local checks and errors; ``OutcomeUnknown`` when the answer was lost, which
    ``AsyncClient.resolve_order`` finds out over REST. A lost connection is made anew by itself; until then an order
    raises ``ConnectionFailed`` at once, and nothing was sent. For the tasks of one event loop.
    """

    def __init__(
        self, channel: EntryChannel, *, verbs: Verbs, run: Run, desk: Desk, patience: Patience, timeout: float
    ) -> None:
        self._channel = channel
        self._verbs = verbs
        self._run = run
        self._desk = desk
        self._patience = patience
        self._timeout = timeout
        self._gate = _Gate()
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        if self._connection is not None:
            raise ConfigError("an order entry is entered once: make another one")
        self._connection = Connection(self._channel.feed, self._desk, self._patience)
        self._connection.add(self._channel.topic, self._gate)
        await self._gate.opened.wait()
        if self._gate.error is not None:
            await self.aclose()
            raise self._gate.error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection. An order whose answer is awaited then raises ``OutcomeUnknown``."""
        if self._connection is not None:
            await self._connection.aclose()
            self._gate.error = self._gate.error or StreamClosed("the order entry is closed")

    async def create_order(
        self,
        symbol: str | Symbol,
        *,
        side: str,
        type: str,
        quantity: Number,
        price: Number | None = None,
        time_in_force: str | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        client_order_id: str | None = None,
    ) -> Order:
        """Place an order; see ``AsyncClient.create_order``."""
        effects = self._verbs.create_order(
            symbol,
            side=side,
            type=type,
            quantity=quantity,
            price=price,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
            client_order_id=client_order_id,
            via=self._command,
        )
        return await self._run(effects, self._exchange)

    async def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        """Cancel one order by either id; see ``AsyncClient.cancel_order``."""
        effects = self._verbs.cancel_order(
            symbol, order_id=order_id, client_order_id=client_order_id, via=self._command
        )
        return await self._run(effects, self._exchange)

    @property
    def stats(self) -> ConnectionStats:
        """The connection's counters. Raises ``ConfigError`` before it was entered."""
        if self._connection is None:
            raise ConfigError(_NOT_ENTERED)
        return self._connection.stats

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._channel.feed}>"

    def _command(self, call: Call[Order]) -> Call[Order]:
        if call.kind not in self._channel.kinds:
            here = " and ".join(self._channel.kinds)
            raise ConfigError(
                f"{call.symbol} is {call.kind}, and this entry takes orders for {here}: order_entry(kind={call.kind!r})"
            )
        return self._channel.command(call)

    async def _exchange(self, request: Request) -> Response:
        """Send a signed command and return what its answer stands for; an error tells whether it was sent."""
        if self._connection is None:
            raise ConfigError(_NOT_ENTERED)
        if self._gate.error is not None:
            raise ConnectionFailed(str(self._gate.error), sent=False)
        sent = False

        def write(moment: Moment) -> str:
            nonlocal sent
            sent = True
            return self._channel.write(request, moment)

        try:
            with self._gate:
                async with asyncio.timeout(self._timeout):
                    answer = await self._connection.ask(self._channel.topic, write)
        except TimeoutError:
            raise Timeout(f"no answer within {self._timeout:g} s from {self._channel.feed}", sent=sent) from None
        except TransportError as error:
            raise ConnectionFailed(str(error), sent=sent) from None
        return self._channel.response(answer)


class _Gate:
    """Knows when orders can be placed, and how many are under way."""

    latency = None

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.error: Error | None = None
        self._under_way = 0
        self._when_idle: Callable[[], None] | None = None

    def __enter__(self) -> None:
        self._under_way += 1

    def __exit__(self, *_: object) -> None:
        self._under_way -= 1
        if not self._under_way and self._when_idle is not None:
            act, self._when_idle = self._when_idle, None
            act()

    def when_idle(self, act: Callable[[], None]) -> None:
        """Do something as soon as no order is under way."""
        if self._under_way:
            self._when_idle = act
        else:
            act()

    def on_up(self) -> None:
        """Open."""
        self.opened.set()

    def on_data(self, payload: Buffer) -> None:
        """Nothing comes unasked."""

    def on_doubt(self, reason: str) -> None:
        """An answer that could not be read times out."""

    def on_down(self, reason: str) -> None:
        """Close until the next connection."""

    def on_failed(self, error: Error) -> None:
        """Never open again."""
        self.error = error
        self.opened.set()

    def on_tick(self, now: float) -> None:
        """Nothing to look after."""

    def heir(self, ready: Ready) -> Heir:
        """A new line takes over between two orders: an answer comes on the line that the order went out on."""
        return _Successor(self, ready)


class _Successor(PlainHeir):
    def __init__(self, gate: _Gate, ready: Ready) -> None:
        super().__init__(gate, ready)
        self._gate = gate

    def on_up(self) -> None:
        """Take over once no answer is awaited on the old line."""
        self._gate.when_idle(self._ready)
