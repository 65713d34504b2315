"""Every order and fill of the day, each known once however often it is told.

The private flow repeats itself: identical rows, rows replayed from the morning on after each login, trades before or
after the order rows that they belong to. The ledger takes them in any order and answers with what is new. Pure; not
thread-safe.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from decimal import Decimal
from sys import intern
from typing import Any

from msgspec.structs import replace

from ..errors import Error
from ..models import OrderStatus
from . import codes
from .amounts import amount, price
from .identity import FillKey, Remembered, SeatKey, SessionKey, name_order
from .models import Fill, Hedge, Offset, Order
from .order_state import advance, read_status
from .refusals import Refuser, order_refused
from .ticktime import parse_day, parse_seconds, repair

__all__ = ["Entry", "Ledger"]

_LIMIT_PRICE, _ANY_PRICE = "2", "1"
_ORDER_TYPES = {_ANY_PRICE: "market", _LIMIT_PRICE: "limit", "3": "best", "G": "five_levels"}
_IOC, _ALL_AT_ONCE = "1", "3"
_CANCEL_REJECTED = "5"


class Entry:
    """One order, and what nobody else needs to know of it. A day may have 50,000, so that nothing is kept twice."""

    __slots__ = ("_error", "closed", "error_id", "order", "request_id", "told", "told_status")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.request_id: int | None = None  # while an answer to its insertion may come
        self.told = False  # by CTP or the exchange: before that it is only known here
        self.told_status = OrderStatus.PENDING  # without regard to cancels
        self.closed = False  # by a row that said so, rather than by fills alone
        self.error_id: int | None = None  # of CTP's refusal
        self._error: Error | None = None

    @property
    def key(self) -> SessionKey:
        """CTP's name for the order."""
        return SessionKey(self.order.front_id, self.order.session_id, self.order.order_ref)

    @property
    def is_working(self) -> bool:
        """True until nothing more can be filled."""
        return not self.order.status.is_final

    @property
    def is_undecided(self) -> bool:
        """True until the exchange has said what it does with it: until its end, where that comes at once."""
        at_once = self.order.time_in_force != "gfd" and self.order.trigger is None
        return self.is_working if at_once else self.order.status is OrderStatus.PENDING

    @property
    def unsettled(self) -> int:
        """Lots that may still be filled, or were and whose fills have not come: a trade is told after its order."""
        return self.owed + self.order.remaining if self.is_working else self.owed

    @property
    def owed(self) -> int:
        """Lots that were filled and whose fills have not come."""
        return self.order.filled - sum(fill.quantity for fill in self.order.fills)

    @property
    def error(self) -> Error | None:
        """Why there is no such order, if it was refused or could not be sent."""
        order = self.order
        if self._error is not None or order.rejected_by is None:
            return self._error
        return order_refused(order.reason, by=order.rejected_by, exchange=order.exchange, error_id=self.error_id)

    def unsent(self, error: Error) -> None:
        """It could not be sent, but must be accounted for."""
        self._error = error
        self.change(status=OrderStatus.REJECTED, reason=str(error))

    def change(self, **fields: Any) -> bool:
        """Draw the order anew; false when nothing changed."""
        before, self.order = self.order, replace(self.order, **fields)
        return before != self.order


class Ledger:
    """Orders and fills by all their names."""

    def __init__(self) -> None:
        self.clear(())

    def clear(self, remembered: Iterable[Remembered]) -> None:
        """Begin a trading day, with what the journal has of it."""
        self._remembered: dict[SessionKey | str, str] = {}  # names of orders not heard of yet
        for entry in remembered:
            self._remembered[entry.key] = entry.client_order_id
            if entry.order_id:
                self._remembered[entry.order_id] = entry.client_order_id
        self._by_key: dict[SessionKey, Entry] = {}
        self._by_order_id: dict[str, Entry] = {}
        self._by_seat: dict[SeatKey, Entry] = {}  # of orders without an order id yet
        self._by_client: dict[str, Entry] = {}
        self._fills: dict[FillKey, Fill] = {}
        self._orphans: dict[str, list[tuple[FillKey, Any]]] = {}
        self._entries: dict[Entry, None] = {}

    # What is known.

    @property
    def orders(self) -> list[Order]:
        """All orders of the day, as first heard of."""
        return [entry.order for entry in self._entries]

    @property
    def fills(self) -> list[Fill]:
        """All fills of the day, as first heard of."""
        return list(self._fills.values())

    def working(self) -> Iterator[Entry]:
        """Orders that may still be filled."""
        return (entry for entry in self._entries if entry.is_working)

    def unsettled(self) -> Iterator[Entry]:
        """Orders of which fills may still come."""
        return (entry for entry in self._entries if entry.unsettled > 0)

    def owes_fills(self, symbol: str) -> bool:
        """True while orders of an instrument say that more was filled than their fills."""
        return any(entry.owed > 0 for entry in self._entries if entry.order.symbol == symbol)

    def find(self, *, client_order_id: str | None = None, order_id: str | None = None) -> Entry | None:
        """An order by either of the names that users hold."""
        if client_order_id is not None:
            return self._by_client.get(client_order_id)
        return self._by_order_id.get(order_id or "")

    def by_key(self, key: SessionKey) -> Entry | None:
        """An order by CTP's name."""
        return self._by_key.get(key)

    def client_order_id(self, key: SessionKey) -> str | None:
        """Our name for an order, be it heard of, or known to the journal only."""
        known = self._by_key.get(key)
        return self._remembered.get(key) if known is None else known.order.client_order_id

    # What is told.

    def sent(self, key: SessionKey, row: Any, client_order_id: str) -> Entry:
        """An order is about to be sent: ``row`` holds its fields."""
        entry = self._by_key[key] = _new_entry(row, key, client_order_id, replayed=False)
        self._add(entry)
        return entry

    def unheard(self, session: tuple[int, int]) -> list[Entry]:
        """Orders sent in other sessions than this, of which nothing has ever been heard."""
        return [entry for entry in self._entries if not entry.told and entry.key[:2] != session]

    def forget(self, entry: Entry) -> None:
        """An order was not sent after all; should it be heard of, its name is known."""
        key, name = entry.key, entry.order.client_order_id
        self._entries.pop(entry, None)
        self._by_key.pop(key, None)
        if name is not None:
            self._remembered[key] = name
            if self._by_client.get(name) is entry:
                del self._by_client[name]

    def on_order(self, row: Any, *, replayed: bool = False) -> tuple[Entry, bool]:
        """A row of the private flow or of a query; true when it told something new."""
        entry, is_new = self._entry_of(row, replayed)
        order, filled = entry.order, row.VolumeTraded
        if entry.closed and filled <= order.filled:
            return entry, is_new  # nothing can be new: most rows of a replayed day end here
        fresh = read_status(row.OrderStatus, row.OrderSubmitStatus)
        status = advance(order.status, fresh, cancel_refused=row.OrderSubmitStatus == _CANCEL_REJECTED)
        entry.told = True
        changes: dict[str, Any] = {"status": status, "filled": max(order.filled, filled)}
        # A replayed row of long ago must not take the place of a later one, but the first one has more than we sent.
        if status is fresh or status is not order.status:
            changes |= _terms(row)
            changes["updated_ns"] = _later(order, _moment(row, row.CancelTime or row.UpdateTime or row.InsertTime))
            if row.StatusMsg:
                changes["reason"] = intern(row.StatusMsg)
            entry.told_status = read_status(row.OrderStatus, "")
            entry.closed = fresh.is_final
        if fresh is OrderStatus.REJECTED and status is fresh and entry.error is None:
            changes["rejected_by"] = "exchange"
        return entry, entry.change(**changes) or is_new

    def on_trade(self, row: Any, *, replayed: bool = False) -> tuple[Fill | None, Entry | None]:
        """A trade: the fill if it is new, and the order that it changed if that is known already."""
        key = FillKey(intern(row.ExchangeID), row.TradeID.strip(), intern(row.Direction))
        if key in self._fills:
            return None, None
        order_id = name_order(row.ExchangeID, row.OrderSysID)
        entry = self._by_order_id.get(order_id) or self._by_seat.get(_seat_key(row))
        fill = self._fills[key] = _fill(key, row, entry, replayed=entry.order.replayed if entry else replayed)
        if entry is None:
            self._orphans.setdefault(order_id, []).append((key, row))
            return fill, None
        _book(entry, fill)
        return fill, entry

    def refuse(self, entry: Entry, *, by: Refuser, error_id: int, message: str) -> bool:
        """CTP refused an order; true when that is new."""
        if entry.order.status.is_final:
            return False
        entry.told, entry.error_id = True, error_id
        now = _later(entry.order, time.time_ns())
        return entry.change(status=OrderStatus.REJECTED, rejected_by=by, reason=intern(message), updated_ns=now)

    def canceling(self, entry: Entry, *, refused: bool = False) -> bool:
        """A cancel is on its way, or was refused; true when that changed the order's state."""
        order, base = entry.order, entry.told_status
        if order.filled and base is OrderStatus.OPEN:
            base = OrderStatus.PARTIAL
        new = base if refused else OrderStatus.CANCELING
        return entry.change(status=advance(order.status, new, cancel_refused=refused))

    # Names.

    def _entry_of(self, row: Any, replayed: bool) -> tuple[Entry, bool]:
        key = SessionKey(row.FrontID, row.SessionID, row.OrderRef.strip())
        order_id = name_order(row.ExchangeID, row.OrderSysID)
        entry = self._by_order_id.get(order_id) or self._by_key.get(key)
        if entry is not None and entry.order.order_id and order_id and entry.order.order_id != order_id:
            entry = None  # what came of a conditional order may bear its parent's session and reference
        is_new = entry is None
        if entry is None:
            ours = self.client_order_id(key) or self._remembered.get(order_id)
            entry = _new_entry(row, key, ours or getattr(row, "OrderMemo", "").strip() or None, replayed=replayed)
            self._by_key.setdefault(key, entry)
            self._add(entry)
            self._remembered.pop(key, None)
        if entry.order.order_id:
            return entry, is_new
        if order_id:
            entry.change(order_id=order_id)
            self._by_order_id[order_id] = entry
            self._by_seat.pop(_seat_key(row), None)
            self._remembered.pop(order_id, None)
            self._adopt(entry)
        elif row.OrderLocalID.strip():
            self._by_seat[_seat_key(row)] = entry
        return entry, is_new

    def _add(self, entry: Entry) -> None:
        self._entries[entry] = None
        name = entry.order.client_order_id
        if name is not None:
            bearer = self._by_client.get(name)
            if bearer is None or not bearer.is_working:  # such as a conditional order that this one came of
                self._by_client[name] = entry

    def _adopt(self, entry: Entry) -> None:
        for key, row in self._orphans.pop(entry.order.order_id, ()):
            fill = self._fills[key] = _fill(key, row, entry, replayed=entry.order.replayed)
            _book(entry, fill)


def _book(entry: Entry, fill: Fill) -> None:
    order = entry.order
    fills = (*order.fills, fill)
    if fill.symbol != order.symbol:  # a combination's fills are its legs'
        entry.change(fills=fills)
        return
    own = [each for each in fills if each.symbol == order.symbol]
    filled = max(order.filled, sum(each.quantity for each in own))
    status = OrderStatus.FILLED if filled >= order.quantity else OrderStatus.PARTIAL
    entry.change(
        fills=fills,
        filled=filled,
        average_price=_average(own),
        status=advance(order.status, status),
        updated_ns=_later(order, fill.time_ns),
    )


def _new_entry(row: Any, key: SessionKey, client_order_id: str | None, *, replayed: bool) -> Entry:
    return Entry(
        Order(
            **_terms(row),
            front_id=key.front_id,
            session_id=key.session_id,
            order_ref=key.order_ref,
            order_id="",
            client_order_id=client_order_id,
            status=OrderStatus.PENDING,
            filled=0,
            average_price=None,
            rejected_by=None,
            reason="",
            updated_ns=None,
            fills=(),
            replayed=replayed,
        )
    )


def _terms(row: Any) -> dict[str, Any]:
    """What was ordered. Texts that many orders share are kept once."""
    exchange, condition = intern(row.ExchangeID), codes.CONDITIONS.get(row.ContingentCondition)
    parent = getattr(row, "RelativeOrderSysID", "")
    return {
        "symbol": intern(row.InstrumentID),
        "exchange": exchange,
        "side": codes.side(row.Direction),
        "offset": codes.OFFSETS.get(row.CombOffsetFlag[:1], Offset.FORCED),
        "hedge": codes.HEDGES.get(row.CombHedgeFlag[:1], Hedge.OTHER),
        "type": _ORDER_TYPES.get(row.OrderPriceType) or str(row.OrderPriceType),
        "quantity": row.VolumeTotalOriginal,
        "price": None if row.OrderPriceType == _ANY_PRICE else price(row.LimitPrice),
        "stop_price": price(row.StopPrice) if condition else None,
        "trigger": condition,
        "time_in_force": _time_in_force(row),
        "parent": name_order(exchange, parent) or None,
        "trading_day": parse_day(getattr(row, "TradingDay", "")),
        "created_ns": _moment(row, getattr(row, "InsertTime", "")),
    }


def _moment(row: Any, clock: str) -> int | None:
    return _time_ns(parse_day(getattr(row, "TradingDay", "")), getattr(row, "InsertDate", ""), clock)


def _later(order: Order, time_ns: int | None) -> int | None:
    """When an order last changed, now that something was told of this moment."""
    if time_ns is None or (order.updated_ns is not None and order.updated_ns >= time_ns):
        return order.updated_ns
    return time_ns


def _seat_key(row: Any) -> SeatKey:
    return SeatKey(row.ExchangeID, row.TraderID, row.OrderLocalID)


def _time_in_force(row: Any) -> str:
    if row.TimeCondition != _IOC:
        return "gfd"
    return "fok" if row.VolumeCondition == _ALL_AT_ONCE else "fak"


def _average(fills: list[Fill]) -> Decimal | None:
    if len(fills) == 1:
        return fills[0].price
    lots = sum(fill.quantity for fill in fills)
    return sum((fill.price * fill.quantity for fill in fills), Decimal(0)) / lots if lots else None


def _fill(key: FillKey, row: Any, entry: Entry | None, *, replayed: bool) -> Fill:
    trading_day = parse_day(row.TradingDay)
    order_id = name_order(key.exchange, row.OrderSysID)
    if entry is not None and entry.order.order_id == order_id:
        order_id = entry.order.order_id  # the same text, once
    return Fill(
        symbol=intern(row.InstrumentID),
        exchange=key.exchange,
        fill_id=key.trade_id,
        order_id=order_id,
        client_order_id=entry.order.client_order_id if entry else None,
        side=codes.side(row.Direction),
        offset=codes.OFFSETS.get(row.OffsetFlag, Offset.FORCED),
        hedge=codes.HEDGES.get(row.HedgeFlag, Hedge.OTHER),
        price=amount(row.Price),
        quantity=row.Volume,
        trading_day=trading_day,
        time_ns=_time_ns(trading_day, row.TradeDate, row.TradeTime),
        replayed=replayed,
    )


def _time_ns(trading_day: Any, date: str, clock: str) -> int | None:
    """Each exchange dates orders and trades in its own way, but the trading day of both is CTP's own, and right."""
    return repair("", trading_day, parse_day(date), parse_seconds(clock)).time_ns
