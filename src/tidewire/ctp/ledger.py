"""Every order and fill of the day, each known once however often it is told.

The private flow repeats itself: identical rows, rows replayed from the morning on after each login, trades before or
after the order rows that they belong to. The ledger takes them in any order and answers with what is new. Pure; not
thread-safe.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from ..errors import Error
from ..models import OrderStatus
from . import codes
from .amounts import amount, price
from .identity import ExchangeKey, FillKey, Remembered, SeatKey, SessionKey
from .models import Fill, Hedge, Offset, Order
from .order_state import advance, read_status
from .refusals import Refuser, order_refused
from .ticktime import parse_day, parse_seconds, repair

__all__ = ["Entry", "Ledger"]

_LIMIT_PRICE, _ANY_PRICE = "2", "1"
_ORDER_TYPES = {_ANY_PRICE: "market", _LIMIT_PRICE: "limit", "3": "best", "G": "five_levels"}
_IOC, _ALL_AT_ONCE = "1", "3"


class Entry:
    """One order: what was last told of it, and by which names it goes."""

    __slots__ = (
        "client_order_id",
        "closed",
        "error",
        "exchange_key",
        "filled",
        "fills",
        "key",
        "order",
        "reason",
        "rejected_by",
        "replayed",
        "request_id",
        "row",
        "status",
        "told",
        "updated_ns",
    )

    def __init__(self, key: SessionKey, row: Any, client_order_id: str | None, *, replayed: bool) -> None:
        self.key = key
        self.row = row
        self.client_order_id = client_order_id
        self.replayed = replayed
        self.request_id: int | None = None  # while an answer to its insertion may come
        self.exchange_key: ExchangeKey | None = None
        self.status = OrderStatus.PENDING
        self.filled = 0
        self.fills: list[Fill] = []
        self.reason = ""
        self.rejected_by: Refuser | None = None
        self.error: Error | None = None
        self.updated_ns: int | None = None
        self.closed = False  # by a row that said so, rather than by fills alone
        self.told = False  # by CTP or the exchange: before that it is only known here
        self.order: Order = self._picture()

    @property
    def is_working(self) -> bool:
        """True until nothing more can be filled."""
        return not self.status.is_final

    @property
    def remaining(self) -> int:
        """Lots that may still be filled."""
        return int(self.row.VolumeTotalOriginal) - self.filled if self.is_working else 0

    @property
    def unsettled(self) -> int:
        """Lots that may still be filled, or were and whose fills have not come: a trade is told after its order."""
        most = int(self.row.VolumeTotalOriginal) if self.is_working else self.filled
        return most - sum(fill.quantity for fill in self.fills)

    def at(self, time_ns: int | None) -> None:
        """Something was told of this moment."""
        if time_ns is not None and (self.updated_ns is None or time_ns > self.updated_ns):
            self.updated_ns = time_ns

    def refresh(self) -> bool:
        """Make a new picture of the order; false when nothing changed."""
        picture = self._picture()
        changed = picture != self.order
        self.order = picture
        return changed

    def _picture(self) -> Order:
        row, key = self.row, self.key
        exchange = row.ExchangeID
        market = row.OrderPriceType == _ANY_PRICE
        condition = codes.CONDITIONS.get(row.ContingentCondition)
        own = [fill for fill in self.fills if fill.symbol == row.InstrumentID]  # a combination's fills are its legs'
        trading_day = parse_day(getattr(row, "TradingDay", ""))
        parent = getattr(row, "RelativeOrderSysID", "")
        return Order(
            symbol=row.InstrumentID,
            exchange=exchange,
            order_id=_order_id(self.exchange_key),
            client_order_id=self.client_order_id,
            status=self.status,
            side=codes.side(row.Direction),
            offset=codes.OFFSETS.get(row.CombOffsetFlag[:1], Offset.FORCED),
            hedge=codes.HEDGES.get(row.CombHedgeFlag[:1], Hedge.OTHER),
            type=_ORDER_TYPES.get(row.OrderPriceType) or str(row.OrderPriceType),
            quantity=row.VolumeTotalOriginal,
            filled=self.filled,
            price=None if market else price(row.LimitPrice),
            average_price=_average(own),
            stop_price=price(row.StopPrice) if condition else None,
            trigger=condition,
            time_in_force=_time_in_force(row),
            rejected_by=self.rejected_by,
            reason=self.reason,
            front_id=key.front_id,
            session_id=key.session_id,
            order_ref=key.order_ref,
            parent=f"{exchange}:{parent}" if parent.strip() else None,
            trading_day=trading_day,
            created_ns=_time_ns(trading_day, getattr(row, "InsertDate", ""), getattr(row, "InsertTime", "")),
            updated_ns=self.updated_ns,
            fills=tuple(self.fills),
            replayed=self.replayed,
        )


class Ledger:
    """Orders and fills by all their names."""

    def __init__(self) -> None:
        self.clear(())

    def clear(self, remembered: Iterable[Remembered]) -> None:
        """Begin a trading day, with what the journal has of it."""
        entries = list(remembered)
        self._remembered: dict[tuple[Any, ...], str] = {entry.key: entry.client_order_id for entry in entries}
        self._remembered |= {entry.exchange_key: entry.client_order_id for entry in entries if entry.exchange_key}
        self._by_key: dict[SessionKey, Entry] = {}
        self._by_exchange: dict[ExchangeKey, Entry] = {}
        self._by_seat: dict[SeatKey, Entry] = {}
        self._by_client: dict[str, Entry] = {}
        self._fills: dict[FillKey, Fill] = {}
        self._orphans: dict[ExchangeKey, list[tuple[FillKey, Any]]] = {}
        self._entries: dict[int, Entry] = {}

    # What is known.

    @property
    def orders(self) -> list[Order]:
        """All orders of the day, as first heard of."""
        return [entry.order for entry in self._entries.values()]

    @property
    def fills(self) -> list[Fill]:
        """All fills of the day, as first heard of."""
        return list(self._fills.values())

    def working(self) -> Iterator[Entry]:
        """Orders that may still be filled."""
        return (entry for entry in self._entries.values() if entry.is_working)

    def unsettled(self) -> Iterator[Entry]:
        """Orders of which fills may still come."""
        return (entry for entry in self._entries.values() if entry.unsettled > 0)

    def find(self, *, client_order_id: str | None = None, order_id: str | None = None) -> Entry | None:
        """An order by either of the names that users hold."""
        if client_order_id is not None:
            return self._by_client.get(client_order_id)
        exchange, _, sys_id = (order_id or "").partition(":")
        return self._by_exchange.get(ExchangeKey(exchange, sys_id))

    def by_key(self, key: SessionKey) -> Entry | None:
        """An order by CTP's name."""
        return self._by_key.get(key)

    def client_order_id(self, key: SessionKey) -> str | None:
        """Our name for an order that the journal knows, heard of again or not."""
        return self._remembered.get(key)

    # What is told.

    def sent(self, key: SessionKey, row: Any, client_order_id: str) -> Entry:
        """An order is about to be sent: ``row`` holds its fields."""
        entry = Entry(key, row, client_order_id, replayed=False)
        self._remembered[key] = client_order_id
        self._by_key[key] = entry
        self._add(entry)
        return entry

    def unheard(self, session: tuple[int, int]) -> list[Entry]:
        """Orders sent in other sessions than this, of which nothing has ever been heard."""
        return [entry for entry in self._entries.values() if not entry.told and entry.key[:2] != session]

    def unsent(self, entry: Entry, error: Error) -> None:
        """An order could not be sent, but must be accounted for."""
        entry.status, entry.error, entry.reason = OrderStatus.REJECTED, error, str(error)
        entry.refresh()

    def forget(self, entry: Entry) -> None:
        """An order was not sent after all."""
        self._entries.pop(id(entry), None)
        self._by_key.pop(entry.key, None)
        if entry.client_order_id is not None and self._by_client.get(entry.client_order_id) is entry:
            del self._by_client[entry.client_order_id]

    def on_order(self, row: Any, *, replayed: bool = False) -> tuple[Entry, bool]:
        """A row of the private flow or of a query; true when it told something new."""
        entry, is_new = self._entry_of(row, replayed)
        status, filled = entry.status, row.VolumeTraded
        if entry.closed and filled <= entry.filled:
            return entry, is_new  # nothing can be new: most rows of a replayed day end here
        fresh = read_status(row.OrderStatus, row.OrderSubmitStatus)
        refused = row.OrderSubmitStatus == "5"
        entry.told = True
        entry.status = advance(status, fresh, cancel_refused=refused)
        # A replayed row of long ago must not take the place of a later one, but the first one has more than we sent.
        if entry.status is fresh or entry.status is not status:
            entry.row = row
            if row.StatusMsg:
                entry.reason = row.StatusMsg
            moment = row.CancelTime or row.UpdateTime or row.InsertTime
            entry.at(_time_ns(parse_day(row.TradingDay), row.InsertDate, moment))
            entry.closed = fresh.is_final
        if fresh is OrderStatus.REJECTED and entry.error is None and entry.status is fresh:
            entry.rejected_by = "exchange"
            entry.error = order_refused(row.StatusMsg, by="exchange", exchange=row.ExchangeID)
        entry.filled = max(entry.filled, filled)
        return entry, entry.refresh() or is_new

    def on_trade(self, row: Any, *, replayed: bool = False) -> tuple[Fill | None, Entry | None]:
        """A trade: the fill if it is new, and the order that it changed if that is known already."""
        key = FillKey(row.ExchangeID, row.TradeID.strip(), row.Direction)
        if key in self._fills:
            return None, None
        exchange_key = ExchangeKey(row.ExchangeID, row.OrderSysID)
        entry = self._by_exchange.get(exchange_key) or self._by_seat.get(_seat_key(row))
        fill = self._fills[key] = _fill(row, entry, replayed=entry.replayed if entry else replayed)
        if entry is None:
            self._orphans.setdefault(exchange_key, []).append((key, row))
            return fill, None
        self._book(entry, fill)
        entry.refresh()
        return fill, entry

    def refuse(self, entry: Entry, *, by: Refuser, error_id: int, message: str) -> bool:
        """CTP refused an order; true when that is new."""
        if entry.status.is_final:
            return False
        entry.told, entry.status, entry.rejected_by, entry.reason = True, OrderStatus.REJECTED, by, message
        entry.error = order_refused(message, by=by, exchange=entry.row.ExchangeID, error_id=error_id)
        entry.at(time.time_ns())
        return entry.refresh()

    def canceling(self, entry: Entry, *, refused: bool = False) -> bool:
        """A cancel is on its way, or was refused; true when that changed the order's state."""
        told = read_status(getattr(entry.row, "OrderStatus", "a"), "")
        base = OrderStatus.PARTIAL if entry.filled and told is OrderStatus.OPEN else told
        entry.status = advance(entry.status, base if refused else OrderStatus.CANCELING, cancel_refused=refused)
        return entry.refresh()

    # Names.

    def _entry_of(self, row: Any, replayed: bool) -> tuple[Entry, bool]:
        key = SessionKey(row.FrontID, row.SessionID, row.OrderRef.strip())
        exchange_key = ExchangeKey(row.ExchangeID, row.OrderSysID) if row.OrderSysID.strip() else None
        entry = (exchange_key and self._by_exchange.get(exchange_key)) or self._by_key.get(key)
        if entry is not None and entry.exchange_key and exchange_key and entry.exchange_key != exchange_key:
            entry = None  # what came of a conditional order may bear its parent's session and reference
        is_new = entry is None
        if entry is None:
            ours = self._remembered.get(key) or self._remembered.get(exchange_key or ())
            name = ours or getattr(row, "OrderMemo", "").strip() or None
            entry = Entry(key, row, name, replayed=replayed)
            self._by_key.setdefault(key, entry)
            self._add(entry)
        if row.OrderLocalID.strip():
            self._by_seat[_seat_key(row)] = entry
        if exchange_key and entry.exchange_key is None:
            entry.exchange_key = exchange_key
            self._by_exchange[exchange_key] = entry
            self._adopt(entry, exchange_key)
        return entry, is_new

    def _add(self, entry: Entry) -> None:
        self._entries[id(entry)] = entry
        name = entry.client_order_id
        if name is not None:
            bearer = self._by_client.get(name)
            if bearer is None or not bearer.is_working:  # such as a conditional order that this one came of
                self._by_client[name] = entry

    def _adopt(self, entry: Entry, exchange_key: ExchangeKey) -> None:
        for key, row in self._orphans.pop(exchange_key, ()):
            fill = self._fills[key] = _fill(row, entry, replayed=entry.replayed)
            self._book(entry, fill)

    def _book(self, entry: Entry, fill: Fill) -> None:
        entry.fills.append(fill)
        if fill.symbol != entry.row.InstrumentID:
            return
        filled = sum(each.quantity for each in entry.fills if each.symbol == fill.symbol)
        entry.filled = max(entry.filled, filled)
        whole = entry.filled >= entry.row.VolumeTotalOriginal
        entry.status = advance(entry.status, OrderStatus.FILLED if whole else OrderStatus.PARTIAL)
        entry.at(fill.time_ns)


def _order_id(key: ExchangeKey | None) -> str:
    return "" if key is None else f"{key.exchange}:{key.order_sys_id}"


def _seat_key(row: Any) -> SeatKey:
    return SeatKey(row.ExchangeID, row.TraderID, row.OrderLocalID)


def _time_in_force(row: Any) -> str:
    if row.TimeCondition != _IOC:
        return "gfd"
    return "fok" if row.VolumeCondition == _ALL_AT_ONCE else "fak"


def _average(fills: list[Fill]) -> Decimal | None:
    lots = sum(fill.quantity for fill in fills)
    return sum((fill.price * fill.quantity for fill in fills), Decimal(0)) / lots if lots else None


def _fill(row: Any, entry: Entry | None, *, replayed: bool) -> Fill:
    trading_day = parse_day(row.TradingDay)
    return Fill(
        symbol=row.InstrumentID,
        exchange=row.ExchangeID,
        fill_id=row.TradeID.strip(),
        order_id=_order_id(ExchangeKey(row.ExchangeID, row.OrderSysID)),
        client_order_id=entry.client_order_id if entry else None,
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
