"""What lives behind a watched account: its orders and its balances, shared by all who watch them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

import msgspec

from ._channel import BalanceChannel, OrderChannel
from ._feed import Buffer
from ._heir import Heir, PlainHeir, Ready
from ._live import Engine, Inbox, Live, QueueInbox
from ._ordersync import OrderSync
from .errors import DecodeError, Error, OrderNotFound, UnknownSymbol
from .models import Balance, Fill, Instrument, Order, OrderStatus
from .symbols import Kind, Symbol, Time

__all__ = ["Account", "BalanceInbox", "LiveBalances", "LiveOrders"]

R = TypeVar("R", Order, Fill)
LAG_S = 5.0
"""How long a venue's lists over REST may lag behind what happened: so much later they are read once more."""

log = logging.getLogger("tidewire.stream")


class Account(Protocol):
    """The lists over REST that mend an account's streams: verbs of the client."""

    def fetch_instruments(
        self, kind: Kind | None = None, /, *, refresh: bool = False
    ) -> Awaitable[list[Instrument]]: ...
    def fetch_open_orders(self, symbol: None = None, *, kind: Kind) -> Awaitable[list[Order]]: ...
    def fetch_orders(self, symbol: Symbol, *, start: Time) -> Awaitable[list[Order]]: ...
    def fetch_order(self, symbol: Symbol, *, order_id: str) -> Awaitable[Order]: ...
    def fetch_fills(self, symbol: Symbol, *, start: Time) -> Awaitable[list[Fill]]: ...
    def fetch_balances(self, *, kind: Kind) -> Awaitable[list[Balance]]: ...


class SecondLook:
    """Has something done once more ``LAG_S`` after it was last done."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._handle: asyncio.TimerHandle | None = None

    def due(self) -> None:
        """Count from now."""
        self.cancel()
        self._handle = asyncio.get_running_loop().call_later(LAG_S, self._act)

    def cancel(self) -> None:
        """Forget it."""
        if self._handle is not None:
            self._handle.cancel()


class BalanceInbox(Inbox[Balance]):
    """Remembers the assets that changed: a slow reader sees the newest state of each."""

    def __init__(self) -> None:
        super().__init__()
        self._changed: dict[str, Balance] = {}

    def put(self, balance: Balance) -> None:
        """Note a change."""
        self._changed[balance.asset] = balance
        self.ready.set()

    def take(self) -> Balance | None:
        """The asset that changed first of those not taken yet."""
        return self._changed.pop(next(iter(self._changed))) if self._changed else None


class LiveOrders(Live[OrderChannel, QueueInbox[Order]]):
    """Own orders: every change once, every fill once and in order.

    ``traded`` tells the markets that this client has placed orders in.
    """

    def __init__(
        self, channel: OrderChannel, engine: Engine, account: Account, traded: Callable[[], Iterable[Symbol]]
    ) -> None:
        super().__init__(channel, engine)
        self._account = account
        self._traded = traded
        self._sync = OrderSync(self._asked.set)
        self._unread: list[bytes] = []  # messages about markets that were not known when they came
        self._not_offered: set[str] = set()
        self._looks_again = False
        self._second_look = SecondLook(self._look_again)
        self.begun = asyncio.Event()
        """Set once every change from now on will be told, or none ever."""

    def enter(self, inbox: QueueInbox[Order]) -> None:
        """Let a reader in, and show it the orders that are open."""
        super().enter(inbox)
        if self._has_worked:
            for order in self._sync.working:
                inbox.put(order)

    def on_up(self) -> None:
        """Find out whether anything was missed."""
        self._sync.resumed(self._engine.now_ns())

    def on_data(self, payload: Buffer) -> None:
        """Pass on what a message tells."""
        super().on_data(payload)
        try:
            self._read(payload)
        except DecodeError as error:
            log.warning("%s: a message cannot be read: %s", self.channel.topic, error)
            self.on_doubt("a message could not be read")
        except UnknownSymbol as error:  # a market listed since we asked
            if str(error) not in self._not_offered:
                self._unread.append(bytes(payload))
                self.on_doubt(str(error))

    def on_doubt(self, reason: str) -> None:
        """Find out what was missed."""
        self._sync.interrupted(self._engine.now_ns())
        self._sync.resumed(self._engine.now_ns())

    def on_down(self, reason: str) -> None:
        """Hold messages until it is known what was missed."""
        self._sync.interrupted(self._engine.now_ns())

    def on_failed(self, error: Error) -> None:
        """Nothing more will come: tell the readers, and those who wait for the beginning."""
        super().on_failed(error)
        self._second_look.cancel()
        self.begun.set()

    async def aclose(self) -> None:
        """Stop, and tell the readers that nothing more comes."""
        await super().aclose()
        self._second_look.cancel()
        self.begun.set()

    def heir(self, ready: Ready) -> Heir:
        """Messages can come from both lines: what was told is known."""
        return PlainHeir(self, ready, merging=True)

    async def _prepare(self) -> None:
        await self._account.fetch_instruments(self.channel.kind)  # messages name markets by their native ids

    async def _fetch(self) -> None:
        is_second = self._sync.is_whole
        if not (self._looks_again if is_second else self._sync.wants_lists):
            return
        if self._unread:
            await self._account.fetch_instruments(self.channel.kind, refresh=True)
            self._read_again()
        ticket, since = self._sync.ticket, self._sync.since_ns
        orders = await self._orders(since)
        fills = [
            fill for symbol in self._markets(orders) for fill in await _all(self._account.fetch_fills, symbol, since)
        ]
        found = {(order.symbol, order.order_id) for order in orders}
        for symbol, order_id in {(fill.symbol, fill.order_id) for fill in fills if self._sync.is_news(fill)} - found:
            orders.append(await self._account.fetch_order(symbol, order_id=order_id))
        told = self._sync.on_lists(orders, fills, ticket)
        self._looks_again = False
        if self._sync.is_whole:
            self._has_worked = True
            self.begun.set()
            if not is_second:
                self._second_look.due()
        self._pass(told)

    def _look_again(self) -> None:
        """What happened while we were away may have been missing in lists that lagged, and nothing would tell."""
        self._looks_again = True
        self._asked.set()

    def _read(self, payload: Buffer) -> None:
        for order in self.channel.parse(payload):
            self._pass(self._sync.on_order(order))

    def _read_again(self) -> None:
        """Read what has waited for the newest instruments. A market that is not among them is not offered."""
        unread, self._unread = self._unread, []
        for payload in unread:
            try:
                self._read(payload)
            except UnknownSymbol as error:
                log.warning("%s: own orders that are not told: %s", self.channel.topic, error)
                self._not_offered.add(str(error))

    async def _orders(self, since_ns: int) -> list[Order]:
        """The open orders, those placed since in the markets concerned, and what became of the others."""
        orders = await self._working()
        for symbol in self._markets(orders):
            orders += await _all(self._account.fetch_orders, symbol, since_ns)
        found = {(order.symbol, order.order_id) for order in orders}
        for order in self._sync.doubtful:
            if (order.symbol, order.order_id) not in found:
                orders.append(await self._look_up(order))
        return orders

    async def _working(self) -> list[Order]:
        try:
            return await self._account.fetch_open_orders(kind=self.channel.kind)
        except UnknownSymbol:  # a market listed since we asked
            await self._account.fetch_instruments(self.channel.kind, refresh=True)
            return await self._account.fetch_open_orders(kind=self.channel.kind)

    async def _look_up(self, order: Order) -> Order:
        try:
            return await self._account.fetch_order(order.symbol, order_id=order.order_id)
        except OrderNotFound:
            if self._engine.now_ns() - (order.updated_ns or 0) < LAG_S * 1e9:
                return order  # too young for lists that lag; they are read once more
            if order.filled:
                raise
            return msgspec.structs.replace(order, status=OrderStatus.CANCELED)  # some venues forget those at once

    def _markets(self, listed: Iterable[Order]) -> list[Symbol]:
        traded = (symbol for symbol in self._traded() if symbol.kind == self.channel.kind)
        return sorted({*self._sync.symbols, *traded, *(order.symbol for order in listed if order.filled)}, key=str)

    def _pass(self, orders: Sequence[Order]) -> None:
        for order in orders:
            for inbox in self.inboxes:
                inbox.put(order)
        if self._sync.failure is not None:
            self.on_failed(self._sync.failure)


class LiveBalances(Live[BalanceChannel, BalanceInbox]):
    """What an account holds, asset by asset."""

    def __init__(self, channel: BalanceChannel, engine: Engine, account: Account) -> None:
        super().__init__(channel, engine)
        self._account = account
        self._known: dict[str, Balance] = {}
        self._looks_again = False
        self._second_look = SecondLook(self._look_again)
        self._held: list[Balance] | None = None
        """Messages that came while the balances were fetched, and that are newer than those, or the same."""

    def enter(self, inbox: BalanceInbox) -> None:
        """Let a reader in, and show it what there is."""
        super().enter(inbox)
        for balance in self._known.values():
            inbox.put(balance)

    def on_up(self) -> None:
        """Fetch what there is now."""
        self._asked.set()

    def on_data(self, payload: Buffer) -> None:
        """Pass on what a message tells."""
        super().on_data(payload)
        try:
            balances = self.channel.parse(payload)
        except DecodeError as error:
            log.warning("%s: a message cannot be read: %s", self.channel.topic, error)
            balances = None
        if balances is None:
            self._asked.set()
        elif self._held is not None:
            self._held += balances
        else:
            self._pass(balances)

    def on_doubt(self, reason: str) -> None:
        """Fetch what there is now."""
        self._asked.set()

    def on_down(self, reason: str) -> None:
        """What is known stays known: the next connection begins with a fetch."""

    def on_failed(self, error: Error) -> None:
        """Nothing more will come."""
        super().on_failed(error)
        self._second_look.cancel()

    async def aclose(self) -> None:
        """Stop, and tell the readers that nothing more comes."""
        await super().aclose()
        self._second_look.cancel()

    async def _prepare(self) -> None:
        if self.channel.accounts is not None:
            await self._engine.run(self.channel.accounts)

    def _look_again(self) -> None:
        self._looks_again = True
        self._asked.set()

    async def _fetch(self) -> None:
        if not self._looks_again:
            self._second_look.due()
        self._looks_again = False
        self._held = []
        try:
            listed = {row.asset: row for row in await self._account.fetch_balances(kind=self.channel.kind)}
            gone = [_emptied(row) for asset, row in self._known.items() if asset not in listed]
            self._has_worked = True
            self._pass([*listed.values(), *gone])
        finally:
            held, self._held = self._held or [], None
            self._pass(held)

    def _pass(self, balances: Iterable[Balance]) -> None:
        for balance in balances:
            if self._known.get(balance.asset) != balance:
                self._known[balance.asset] = balance
                for inbox in self.inboxes:
                    inbox.put(balance)


async def _all(fetch: Callable[..., Awaitable[list[R]]], symbol: Symbol, since_ns: int) -> list[R]:
    """Every page of a list that starts at a time: until one brings nothing new."""
    found: dict[tuple[str, str], R] = {}
    while True:
        page = {_id(row): row for row in await fetch(symbol, start=since_ns)}
        if page.keys() <= found.keys():
            return list(found.values())
        found |= page
        since_ns = max(since_ns, *(_moment(row) for row in page.values()))


def _id(row: Order | Fill) -> tuple[str, str]:
    return row.order_id, row.fill_id if isinstance(row, Fill) else ""


def _moment(row: Order | Fill) -> int:
    return (row.time_ns if isinstance(row, Fill) else row.created_ns) or 0


def _emptied(balance: Balance) -> Balance:
    return msgspec.structs.replace(balance, free=Decimal(0), locked=Decimal(0), total=Decimal(0))
