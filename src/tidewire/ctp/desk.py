"""Place and cancel orders, and tell their senders what became of them, or that it is not known."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import Future
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import (
    ConfigError,
    CtpDisconnected,
    CtpFlowControl,
    DuplicateOrder,
    Error,
    OrderNotFound,
    OutcomeUnknown,
)
from ..models import OrderStatus, Side
from .identity import Remembered, SessionKey, new_client_order_id
from .ledger import Entry
from .models import Instrument, Offset, Order, PositionSide
from .offsets import split_close
from .order_entry import NewOrder
from .pacing import IN_FLIGHT, TOO_MANY
from .refusals import order_refused, read_info, who_refused
from .steps import Steps, fail, fulfil

if TYPE_CHECKING:
    from .trader_session import TraderSession

__all__ = ["Desk"]

_DELETE = "0"
_PAUSE_S = 1.0
_SETTLE_S, _GLANCE_S = 1.0, 0.01


class Desk:
    """Orders on their way. Runs under the session's lock."""

    def __init__(self, session: TraderSession) -> None:
        self._session = session
        self._verdicts: dict[SessionKey, Future[Order]] = {}
        self._inserts: dict[int, Entry] = {}
        self._cancels: dict[int, tuple[Entry, Future[Order]]] = {}
        self._next_action = itertools.count(1).__next__

    # What users ask for.

    def create(self, new: NewOrder, *, wait: bool, timeout: float) -> Steps[list[Order]]:
        """Send an order, or the legs of an automatic close; wait until each is accepted or refused, if told to."""
        session = self._session
        session.require_ready()
        instrument = yield from session.instrument(new.symbol)
        instrument.check(quantity=new.quantity, price=new.price)
        if new.offset is None:
            yield session.synced
            yield from self._fills_told(new.symbol)
            legs = self._close_legs(new, instrument)
        else:
            legs = [(new.offset, new.quantity)]
        session.require_ready()
        if new.client_order_id is not None and session.ledger.find(client_order_id=new.client_order_id):
            raise DuplicateOrder(f"client order id {new.client_order_id} has been used today", venue="ctp")
        entries = self._send_legs(new, instrument, legs)
        if wait:
            for verdict in [self._verdict(entry, timeout) for entry in entries]:  # noqa: UP028 - a list takes no answers
                yield verdict
            errors = [entry.error for entry in entries if entry.error is not None]
            if errors and len(errors) == len(entries):
                raise errors[0]
        return [entry.order for entry in entries]

    def cancel(self, *, client_order_id: str | None, order_id: str | None, timeout: float) -> Steps[Order]:
        """Cancel an order; wait until it is final."""
        session = self._session
        session.require_ready()
        entry = session.ledger.find(client_order_id=client_order_id, order_id=order_id)
        if entry is None and not session.synced.done():
            yield session.synced
            entry = session.ledger.find(client_order_id=client_order_id, order_id=order_id)
        if entry is None:
            raise OrderNotFound(f"no order {client_order_id or order_id} is known today", venue="ctp")
        return (yield from self.cancel_entry(entry, timeout=timeout))

    def cancel_entry(self, entry: Entry, *, timeout: float) -> Steps[Order]:
        """Cancel an order that is known; wait until it is final."""
        if not entry.is_working:
            name = entry.order.client_order_id or entry.order.order_id
            raise OrderNotFound(f"order {name} is {entry.order.status} already", venue="ctp")
        self._session.require_ready()
        final: Order = yield self._send_cancel(entry, timeout)
        return final

    def resolve(self, unknown: OutcomeUnknown, *, timeout: float) -> Steps[Order]:
        """Find out what became of an order whose answer was lost."""
        session = self._session
        names = {"client_order_id": unknown.client_order_id, "order_id": unknown.order_id}
        if unknown.client_order_id is None and unknown.order_id is None:
            raise ConfigError("resolve_order takes the OutcomeUnknown that create_order or cancel_order raised")
        deadline = session.clock() + timeout
        while True:
            yield session.ready(timeout)
            yield from session.fetch_orders(unknown.symbol)
            entry = session.ledger.find(**names)
            if entry is not None and entry.told:
                return entry.order
            if session.clock() >= deadline:
                break
            yield session.pause(min(_PAUSE_S, deadline - session.clock()))
        if entry is not None:
            session.orders.put(self.never_arrived(entry))
        raise OrderNotFound(f"order {unknown.client_order_id or unknown.order_id} never reached CTP", venue="ctp")

    # What is heard.

    def heard(self, entry: Entry) -> None:
        """An order changed: tell those who wait for it."""
        if entry.request_id is not None and entry.told:
            self._inserts.pop(entry.request_id, None)
            entry.request_id = None
        if entry.is_undecided:
            return
        verdict = self._verdicts.pop(entry.key, None)
        if verdict is not None:
            fulfil(verdict, entry.order)
        if not entry.is_working:
            for request_id in self._cancels_of(entry):
                fulfil(self._cancels.pop(request_id)[1], entry.order)

    def lost(self, error: Error) -> None:
        """The connection is gone: what CTP has not acknowledged may or may not exist."""
        ledger = self._session.ledger
        for key in list(self._verdicts):
            entry = ledger.by_key(key)
            if entry is None or not entry.told:
                fail(self._verdicts.pop(key), self._unknown(key, "create_order", str(error)))
        for entry, waiting in self._cancels.values():
            fail(waiting, self._unknown(entry.key, "cancel_order", str(error)))
        self._cancels.clear()
        self._inserts.clear()

    def never_arrived(self, entry: Entry) -> Order:
        """Forget an order that CTP does not know; should it show after all, it is taken up again."""
        self._session.ledger.forget(entry)
        return msgspec.structs.replace(entry.order, status=OrderStatus.REJECTED, reason="the order never reached CTP")

    def insert_answered(self, info: Any, request_id: int) -> None:
        """OnRspOrderInsert: CTP refused an order of this connection."""
        error_id, message = read_info(info)
        if error_id:
            self.refused(request_id, error_id, message)

    def insert_failed(self, row: Any, info: Any) -> None:
        """OnErrRtnOrderInsert: an order was refused, of this session or another; only its memo tells which."""
        error_id, message = read_info(info)
        if row is None or not error_id:
            return
        entry = self._inserts.get(row.RequestID)
        if entry is None or entry.key.order_ref != row.OrderRef.strip():
            entry = self._session.ledger.find(client_order_id=getattr(row, "OrderMemo", "").strip() or None)
        if entry is not None and entry.order.symbol == row.InstrumentID:
            self._refuse(entry, error_id, message)

    def action_answered(self, info: Any, request_id: int) -> None:
        """OnRspOrderAction: CTP refused a cancel of this connection."""
        error_id, message = read_info(info)
        if error_id:
            self._keep(request_id, error_id, message)

    def action_failed(self, row: Any, info: Any) -> None:
        """OnErrRtnOrderAction: a cancel was refused, ours or another's; by the exchange or, once more, by CTP."""
        error_id, message = read_info(info)
        if row is not None and error_id:
            self._keep(row.RequestID, error_id, message)

    def refused(self, request_id: int, error_id: int, message: str) -> bool:
        """A request was refused; false when it is no order's."""
        entry = self._inserts.get(request_id)
        if entry is not None:
            self._refuse(entry, error_id, message)
            return True
        return self._keep(request_id, error_id, message)

    # Sending.

    def _fills_told(self, symbol: str) -> Steps[None]:
        """Wait a moment for the fills of which orders told already: a trade is told after its order's row."""
        session = self._session
        deadline = session.clock() + _SETTLE_S
        while session.clock() < deadline and session.ledger.owes_fills(symbol):
            yield session.pause(_GLANCE_S)

    def _close_legs(self, new: NewOrder, instrument: Instrument) -> list[tuple[Offset, int]]:
        session = self._session
        side = PositionSide.SHORT if new.side is Side.BUY else PositionSide.LONG
        closable = session.positions.closable(
            new.symbol, instrument.exchange, side, new.hedge, session.ledger.unsettled()
        )
        return split_close(new.symbol, instrument.exchange, new.quantity, closable, prefer=new.prefer)

    def _send_legs(self, new: NewOrder, instrument: Instrument, legs: list[tuple[Offset, int]]) -> list[Entry]:
        entries: list[Entry] = []
        for offset, lots in legs:
            name = new.client_order_id if new.client_order_id and not entries else new_client_order_id()
            entry, error = self._send(new.fields(instrument.exchange, offset, lots), name)
            if error is not None and not entries:
                self._session.ledger.forget(entry)
                raise error  # nothing was sent
            entries.append(entry)
            if error is not None:  # the first leg stands: its sender must hear of it
                entry.unsent(error)
            self._session.changed(entry)
        return entries

    def _send(self, order: dict[str, Any], name: str) -> tuple[Entry, Error | None]:
        session = self._session
        request_id = session.next_id()
        key = SessionKey(session.front_id, session.session_id, session.next_ref())
        # Before it is sent, so that no crash can leave an order that we do not know.
        if session.journal is not None:
            session.journal.add(Remembered(name, *key))
        entry = session.ledger.sent(key, SimpleNamespace(**order), name)
        self._inserts[request_id] = entry
        entry.request_id = request_id
        fields = {
            **session.sender,
            **order,
            "OrderRef": key.order_ref.rjust(12),
            "RequestID": request_id,
            "OrderMemo": name,
        }
        try:
            code = session.link.request("ReqOrderInsert", fields, request_id)
        except ConfigError:  # a text that does not fit
            session.ledger.forget(entry)
            del self._inserts[request_id]
            raise
        if code:
            del self._inserts[request_id]
        return entry, _unsent("ReqOrderInsert", code)

    def _send_cancel(self, entry: Entry, timeout: float) -> Future[Order]:
        session = self._session
        request_id = session.next_id()
        order = entry.order
        name: dict[str, Any] = {"OrderSysID": order.order_id.partition(":")[2]}
        if not order.order_id:
            name = {"FrontID": order.front_id, "SessionID": order.session_id, "OrderRef": order.order_ref.rjust(12)}
        fields = {
            **session.sender,
            **name,
            "ExchangeID": order.exchange,
            "InstrumentID": order.symbol,
            "OrderActionRef": self._next_action(),
            "RequestID": request_id,
            "ActionFlag": _DELETE,
        }
        error = _unsent("ReqOrderAction", session.link.request("ReqOrderAction", fields, request_id))
        if error is not None:
            raise error
        waiting: Future[Order] = Future()
        self._cancels[request_id] = (entry, waiting)
        session.deadlines.add(session.clock() + timeout, waiting, lambda: self._cancel_late(request_id, timeout))
        session.poke()
        if session.ledger.canceling(entry):
            session.changed(entry)
        return waiting

    # Verdicts.

    def _verdict(self, entry: Entry, timeout: float) -> Future[Order]:
        session = self._session
        verdict: Future[Order] = Future()
        if not entry.is_undecided:
            verdict.set_result(entry.order)
            return verdict
        self._verdicts[entry.key] = verdict
        session.deadlines.add(session.clock() + timeout, verdict, lambda: self._late(entry, timeout))
        session.poke()
        return verdict

    def _late(self, entry: Entry, timeout: float) -> None:
        verdict = self._verdicts.pop(entry.key)
        if entry.told:
            fulfil(verdict, entry.order)  # CTP has it, and the exchange takes its time
        else:
            fail(verdict, self._unknown(entry.key, "create_order", f"no answer within {timeout:g} s"))

    def _cancel_late(self, request_id: int, timeout: float) -> None:
        entry, waiting = self._cancels.pop(request_id)
        fail(waiting, self._unknown(entry.key, "cancel_order", f"no answer within {timeout:g} s"))

    def _refuse(self, entry: Entry, error_id: int, message: str) -> None:
        if self._session.ledger.refuse(entry, by=who_refused(error_id, message), error_id=error_id, message=message):
            self._session.changed(entry)

    def _keep(self, request_id: int, error_id: int, message: str) -> bool:
        """A cancel was refused: its order stays; false when it is none of this connection's."""
        if request_id not in self._cancels:
            return False
        entry, waiting = self._cancels.pop(request_id)
        by = who_refused(error_id, message)
        fail(waiting, order_refused(message, by=by, exchange=entry.order.exchange, error_id=error_id))
        if not self._cancels_of(entry) and self._session.ledger.canceling(entry, refused=True):
            self._session.changed(entry)
        return True

    def _cancels_of(self, entry: Entry) -> list[int]:
        return [request_id for request_id, (each, _) in self._cancels.items() if each is entry]

    def _unknown(self, key: SessionKey, verb: str, why: str) -> OutcomeUnknown:
        entry = self._session.ledger.by_key(key)
        name = self._session.ledger.client_order_id(key)
        symbol = entry.order.symbol if entry else None
        return OutcomeUnknown(
            f"{verb} {symbol or ''} may or may not have happened ({why}); pass this error to resolve_order, "
            f"do not repeat it [client order id {name}]",
            venue="ctp",
            client_order_id=name,
            order_id=(entry.order.order_id or None) if entry else None,
            symbol=symbol,
            verb=verb,
            sent_ns=time.time_ns(),
        )


def _unsent(method: str, code: int) -> Error | None:
    if code == 0:
        return None
    if code in (IN_FLIGHT, TOO_MANY):
        return CtpFlowControl(f"{method} returned {code}: too many requests; nothing was sent")
    return CtpDisconnected(f"{method} returned {code}: no connection; nothing was sent")
