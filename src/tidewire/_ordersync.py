"""Keeping own orders whole: every change told, every fill exactly once and in order. Pure: no I/O, no venue, no clock.

A fill is known by its order and its id. That none is missing shows in the order's cumulative quantity, which only
grows. Where it jumps, or the stream was interrupted, everything is held back until the venue's lists of orders and
fills have been read; these are then merged with what was held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

import msgspec

from .errors import StreamClosed
from .models import Fill, Order, OrderStatus
from .symbols import Symbol

__all__ = ["OrderSync"]

_ATTEMPTS = 8  # at lists that contradict each other: a venue's REST may lag behind its stream
_HELD = 100_000
_MARGIN_NS = 60 * 10**9  # what is older than the newest message by more than this has arrived, or never will
_UNNOTICED_NS = 600 * 10**9  # a connection is not dead for longer than this before we notice
_PRUNE = 1000
_ZERO = Decimal(0)
_AGES = {status: age for age, status in enumerate(OrderStatus)}  # the order in which a life may pass through them

Key = tuple[Symbol, str]
M = TypeVar("M", Fill, Order)


@dataclass(slots=True)
class _Known:
    """An order as last told. ``fills`` are those it includes; ``base`` is what was filled by ``met_ns`` otherwise."""

    order: Order
    base: Decimal = _ZERO
    met_ns: int = 0
    fills: dict[str, Decimal] = field(default_factory=dict)

    @property
    def accounted(self) -> Decimal:
        return sum(self.fills.values(), self.base)

    def includes(self, fill: Fill) -> bool:
        """True for a fill that was told, or that the order had when it was first met."""
        if fill.fill_id in self.fills:
            return True
        if self.base < fill.quantity or (fill.time_ns or 0) > self.met_ns:
            return False
        self.fills[fill.fill_id] = fill.quantity
        self.base -= fill.quantity
        return True


@dataclass(slots=True)
class _Found:
    """What is newly known of an order: its newest view, and fills that were not told."""

    known: _Known
    view: Order
    fills: dict[str, Fill] = field(default_factory=dict)
    before: Decimal | None = None  # what was filled before the first message

    def note(self, fills: Iterable[Fill]) -> None:
        """Take fills, unless they were told."""
        for fill in fills:
            if not self.known.includes(fill):
                other = self.fills.get(fill.fill_id)
                self.fills[fill.fill_id] = fill if other is None else _completed(other, fill)

    @property
    def quantity(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills.values()), _ZERO)

    @property
    def unlisted(self) -> Decimal:
        """Of what the view says was filled, the part that no fill tells of."""
        filled, moment = self.view.filled or _ZERO, self.view.updated_ns or 0
        rest = filled - sum(fill.quantity for fill in self.fills.values() if (fill.time_ns or 0) <= moment)
        return max(rest if self.before is None else min(rest, self.before), _ZERO)

    @property
    def is_complete(self) -> bool:
        return self.known.accounted + self.quantity >= (self.view.filled or _ZERO)


class OrderSync:
    """Decides what to tell of one account's orders. ``ask`` is called whenever the venue's lists are wanted.

    Belongs to one thread. What is told is an order as it stands then, with the fill, if any, that brought it there.
    The first lists begin it: the orders open then are told as they stand, and what came before is no news.
    ``failure`` is set, after what could be told was, when fills are lost for good. ``gaps`` counts holes and
    interruptions, ``duplicates`` messages that told nothing new. Times are the venue's clock, UTC nanoseconds.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._orders: dict[Key, _Known] = {}
        self._held: list[Order] | None = []
        self._begun_ns: int | None = None
        self._has_begun = self._is_up = False
        self._newest_ns = self._down_ns = 0
        self._attempts = 0
        self._prune_at = _PRUNE
        self.ticket = 0
        """Changes whenever lists that were read before are of no use any more."""
        self.failure: StreamClosed | None = None
        self.gaps = 0
        self.duplicates = 0

    # What lists are wanted.

    @property
    def is_whole(self) -> bool:
        """True while the stream continues what was told."""
        return self._held is None

    @property
    def wants_lists(self) -> bool:
        """True when lists read from now on would make it whole: not while the stream is interrupted."""
        return self._held is not None and self._is_up

    @property
    def since_ns(self) -> int:
        """From when on the lists must reach. The first may have lagged, so that those after it begin before us."""
        begun = (self._begun_ns or 0) - _MARGIN_NS if self._has_begun else self._begun_ns or 0
        return max(self._newest_ns - _MARGIN_NS, self._down_ns - _UNNOTICED_NS - _MARGIN_NS, begun)

    @property
    def working(self) -> list[Order]:
        """Orders that are open as far as was told, oldest first."""
        orders = (known.order for known in self._orders.values() if not known.order.status.is_final)
        return sorted(orders, key=lambda order: (order.created_ns or 0, _number(order.order_id)))

    @property
    def doubtful(self) -> list[Order]:
        """Orders whose present state must be in the lists: the working ones, and those that messages are held of."""
        return [*{_key(order): order for order in (*self.working, *(self._held or ()))}.values()]

    @property
    def symbols(self) -> set[Symbol]:
        """Markets of the orders that were told of lately."""
        return {symbol for symbol, _ in self._orders} | {order.symbol for order in self._held or ()}

    def is_news(self, fill: Fill) -> bool:
        """True when a fill of the lists was not told: its order must be in them."""
        known = self._orders.get((fill.symbol, fill.order_id))
        if known is not None:
            return fill.fill_id not in known.fills
        return self._has_begun and not self._is_history(fill)

    # What happens.

    def on_order(self, order: Order) -> Sequence[Order]:
        """Take a message of the stream, ``fills`` being those that it tells of; return what may be told."""
        if self._held is not None:
            self._hold(order)
            return ()
        found = self._find((order,), (), 0)
        if all(each.is_complete for each in found.values()):
            told = self._tell(found)
            self.duplicates += not told
            return told
        self.gaps += 1
        self._held = []
        self._hold(order)
        self._ask()
        return ()

    def interrupted(self, now_ns: int) -> None:
        """Messages may be missing from here on: hold what comes until that is known."""
        self.ticket += 1
        self._is_up = False
        self._down_ns = now_ns
        if self._held is None:
            self.gaps += 1
            self._held = []
        elif not self._has_begun:
            self._held, self._begun_ns = [], None  # nothing was told yet: begin anew

    def resumed(self, now_ns: int) -> None:
        """Messages flow again: find out what was missed."""
        self.ticket += 1
        self._is_up = True
        if self._begun_ns is None:
            self._begun_ns = now_ns
        self._ask()

    def on_lists(self, orders: Iterable[Order], fills: Iterable[Fill], ticket: int) -> Sequence[Order]:
        """Take the venue's lists; return what may be told.

        ``orders``: those open, those placed since ``since_ns`` where the venue lists such, every ``doubtful`` one, and
        every one with a fill that ``is_news``. ``fills``: all since ``since_ns`` in the markets concerned, read after
        the orders. ``ticket`` is what it was before the first was read. While it ``is_whole``, lists may be taken too:
        those before may have lagged behind what they were read for.
        """
        if not self._is_up or ticket != self.ticket:
            return ()
        orders, fills = tuple(orders), tuple(fills)
        told = [] if self._has_begun else self._begin(orders, fills)
        news = (order for order in orders if _key(order) in self._orders or not self._is_over(order))
        found = self._find((*news, *(self._held or ())), fills, max(self.since_ns, self._begun_ns or 0))
        lacking = sum(not each.is_complete for each in found.values())
        if lacking:
            self._held = self._held or []
            self._attempts += 1
            if self._attempts < _ATTEMPTS:
                self._ask()
                return told
            self.failure = StreamClosed(f"the venue does not list all fills of {lacking} orders", missed=lacking)
        self._attempts, self._held = 0, None
        return told + self._tell(found)

    def _begin(self, orders: Sequence[Order], fills: Sequence[Fill]) -> list[Order]:
        """Start with the orders that are open; their fills so far are known, and will not be told."""
        for order in orders:
            if not order.status.is_final:
                known = self._orders[_key(order)] = _Known(_bare(order), order.filled or _ZERO, order.updated_ns or 0)
                for fill in _in_order(fill for fill in fills if (fill.symbol, fill.order_id) == _key(order)):
                    known.includes(fill)
        self._has_begun = True
        return self.working

    def _hold(self, order: Order) -> None:
        if self._held is not None:
            self._held.append(order)
            if len(self._held) > _HELD:
                self.failure = StreamClosed(f"{_HELD} changes came before the missing ones could be fetched")

    # Merging.

    def _find(self, views: Iterable[Order], fills: Iterable[Fill], since_ns: int) -> dict[Key, _Found]:
        """Sort views and fills by order. One met only now, but placed before ``since_ns``, may have fills that nobody
        lists any more.
        """
        found: dict[Key, _Found] = {}
        for view in views:
            known = self._orders.get(_key(view))
            each = found.setdefault(_key(view), _Found(known or _Known(_unborn(view)), _bare(view)))
            each.view = _newer(each.view if known is None else _newer(known.order, each.view), _bare(view))
            each.note(view.fills)
            if view.fills and view.filled is not None:
                before = view.filled - sum(fill.quantity for fill in view.fills)
                each.before = before if each.before is None else min(each.before, before)
        for fill in fills:
            key = fill.symbol, fill.order_id
            if key in found and (key in self._orders or not self._is_history(fill)):
                found[key].note((fill,))
        for key, each in found.items():
            created_ns = each.view.created_ns
            if key not in self._orders and (created_ns is None or created_ns < since_ns):
                each.known.base, each.known.met_ns = each.unlisted, each.view.updated_ns or 0
        return found

    def _is_over(self, order: Order) -> bool:
        """True for an order that ended before we began."""
        return order.status.is_final and (order.updated_ns or 0) < (self._begun_ns or 0) // 10**6 * 10**6

    def _is_history(self, fill: Fill) -> bool:
        return fill.time_ns is not None and fill.time_ns < (self._begun_ns or 0) // 10**6 * 10**6

    def _tell(self, found: dict[Key, _Found]) -> list[Order]:
        """Bring what is known up to date, and return each step of that, over all orders by time."""
        self._orders |= {key: each.known for key, each in found.items()}
        steps = [step for each in found.values() for step in _steps(each)]
        steps.sort(key=lambda step: step[0])
        self._newest_ns = max(self._newest_ns, *(each.view.updated_ns or 0 for each in found.values()), 0)
        self._forget()
        return [order for _, order in steps]

    def _forget(self) -> None:
        """Drop orders that are over, and whose fills no list will name again."""
        if len(self._orders) < self._prune_at:
            return
        limit = self.since_ns - _MARGIN_NS
        self._orders = {
            key: known
            for key, known in self._orders.items()
            if not known.order.status.is_final or (known.order.updated_ns or 0) >= limit
        }
        self._prune_at = max(_PRUNE, 2 * len(self._orders))


def _steps(found: _Found) -> list[tuple[tuple[int, tuple[int, str]], Order]]:
    """What happened to an order, fill by fill, each with its place in time."""
    known, steps = found.known, []
    moment, total = 0, known.accounted
    for fill in _in_order(found.fills.values()):
        total += fill.quantity
        known.fills[fill.fill_id] = fill.quantity
        known.order = _after(known.order, found.view, fill, total)
        moment = max(moment, fill.time_ns or 0)
        steps.append(((moment, _number(fill.fill_id)), msgspec.structs.replace(known.order, fills=(fill,))))
    if _rank(found.view) > _rank(known.order):
        known.order = found.view
        steps.append(((max(moment, found.view.updated_ns or 0), (1 << 30, "")), found.view))
    return steps


def _key(order: Order) -> Key:
    return order.symbol, order.order_id


def _number(text: str) -> tuple[int, str]:
    """Sorts ids that are numbers as numbers."""
    return len(text), text


def _in_order(fills: Iterable[Fill]) -> list[Fill]:
    return sorted(fills, key=lambda fill: (fill.time_ns or 0, _number(fill.fill_id)))


def _bare(order: Order) -> Order:
    return msgspec.structs.replace(order, fills=())


def _unborn(order: Order) -> Order:
    """The order before anything that was told of it."""
    return msgspec.structs.replace(_bare(order), status=OrderStatus.PENDING, filled=None, updated_ns=-1)


def _rank(order: Order) -> tuple[Decimal, bool, int, int]:
    """Grows through an order's life: what is filled never shrinks, and an end is final."""
    return order.filled or _ZERO, order.status.is_final, order.updated_ns or 0, _AGES[order.status]


def _newer(known: Order, view: Order) -> Order:
    """The later of two views, with what only the other one says."""
    if view.filled is None:
        whole = known.quantity if view.quantity is None else view.quantity
        filled = whole if view.status is OrderStatus.FILLED and whole is not None else known.filled
        view = msgspec.structs.replace(view, filled=filled)
    return _completed(view, known) if _rank(view) >= _rank(known) else _completed(known, view)


def _completed(first: M, second: M) -> M:
    """The first of two accounts of one thing, with what only the second one says."""
    gaps = {name: getattr(second, name) for name in first.__struct_fields__ if getattr(first, name) is None}
    return msgspec.structs.replace(first, **gaps) if gaps else first


def _after(before: Order, newest: Order, fill: Fill, total: Decimal) -> Order:
    """The order right after a fill: its newest view if that is no further, else what must have been."""
    if newest.filled == total:
        return newest
    spent = before.quote_filled if before.filled else _ZERO if total == fill.quantity else None
    quote = None if spent is None else spent + fill.price * fill.quantity
    full = newest.quantity is not None and total >= newest.quantity
    ended = newest.status.is_final and newest.filled is not None and newest.filled < total
    status = OrderStatus.FILLED if full else newest.status if ended else OrderStatus.PARTIAL
    return msgspec.structs.replace(
        newest,
        status=status,
        filled=total,
        quote_filled=quote,
        average_price=None if quote is None else quote / total,
        updated_ns=fill.time_ns,
    )
