"""The verbs of an account, each a future: what the blocking and the awaiting face are shells over."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future
from typing import Any, TypeVar

from ..errors import Error, OrderNotFound, OutcomeUnknown
from .models import Account, Fill, Instrument, Order, Position
from .order_entry import AUTO, NewOrder, Number, one_name
from .steps import Steps, run
from .trader_session import TraderSession

__all__ = ["TraderVerbs"]

T = TypeVar("T")


class TraderVerbs:
    """Any thread may call any verb; each begins at once and never blocks."""

    def __init__(self, session: TraderSession) -> None:
        self._session = session

    def orders(self) -> list[Order]:
        with self._session.lock:
            return self._session.ledger.orders

    def fills(self) -> list[Fill]:
        with self._session.lock:
            return self._session.ledger.fills

    def create_order(
        self,
        symbol: str,
        *,
        side: str,
        quantity: int,
        offset: str,
        type: str = "limit",
        price: Number | None = None,
        time_in_force: str | None = None,
        stop_price: Number | None = None,
        trigger: str | None = None,
        hedge: str = "speculation",
        prefer: str = "yesterday",
        client_order_id: str | None = None,
        wait: bool = True,
    ) -> Future[Any]:
        """Future of a list for ``"auto"``, of one order otherwise."""
        new = NewOrder.of(
            symbol,
            side=side,
            quantity=quantity,
            type=type,
            price=price,
            offset=offset,
            hedge=hedge,
            time_in_force=time_in_force,
            stop_price=stop_price,
            trigger=trigger,
            client_order_id=client_order_id,
            prefer=prefer,
        )
        orders = self._session.desk.create(new, wait=wait, timeout=self._session.timeout)
        return self._run(orders) if offset == AUTO else self._run(_only(orders))

    def cancel_order(self, client_order_id: str | None, order_id: str | None) -> Future[Order]:
        one_name(client_order_id, order_id)
        return self._run(self._cancel(client_order_id, order_id))

    def cancel_all_orders(self, symbol: str | None) -> Future[list[Order]]:
        return self._run(self._cancel_all(symbol))

    def resolve_order(self, unknown: OutcomeUnknown, timeout: float) -> Future[Order]:
        return self._run(self._session.desk.resolve(unknown, timeout=timeout))

    def fetch_account(self) -> Future[Account]:
        return self._run(self._session.account())

    def fetch_positions(self, symbol: str | None) -> Future[list[Position]]:
        return self._run(self._session.fetch_positions(symbol))

    def fetch_orders(self, symbol: str | None) -> Future[list[Order]]:
        return self._run(self._session.fetch_orders(symbol))

    def fetch_fills(self, symbol: str | None) -> Future[list[Fill]]:
        return self._run(self._session.fetch_fills(symbol))

    def fetch_settlement(self, day: dt.date | None) -> Future[str]:
        return self._run(self._session.settlement(day))

    def fetch_instruments(self) -> Future[list[Instrument]]:
        return self._run(self._session.instruments())

    def instrument(self, symbol: str) -> Future[Instrument]:
        return self._run(self._session.instrument(symbol))

    def wait_synced(self) -> Future[None]:
        return self._run(self._synced())

    def _run(self, steps: Steps[T]) -> Future[T]:
        return run(self._session.lock, steps)

    def _cancel(self, client_order_id: str | None, order_id: str | None) -> Steps[Order]:
        session = self._session
        return (
            yield from session.desk.cancel(client_order_id=client_order_id, order_id=order_id, timeout=session.timeout)
        )

    def _cancel_all(self, symbol: str | None) -> Steps[list[Order]]:
        session = self._session
        if not session.synced.done():
            yield session.synced
        entries = [entry for entry in session.ledger.working() if symbol in (None, entry.order.symbol)]
        cancels = [self._run(session.desk.cancel_entry(entry, timeout=session.timeout)) for entry in entries]
        ended: list[Order] = []
        failed: Error | None = None
        for entry, cancel in zip(entries, cancels, strict=True):
            try:
                ended.append((yield cancel))
            except OrderNotFound:
                ended.append(entry.order)  # it ended by itself
            except Error as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return ended

    def _synced(self) -> Steps[None]:
        yield self._session.ready(self._session.timeout)
        yield self._session.synced


def _only(orders: Steps[list[Order]]) -> Steps[Order]:
    (order,) = yield from orders
    return order
