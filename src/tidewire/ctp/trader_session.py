"""A session with a trading front: orders, fills and positions kept right through disconnections and restarts.

After every login the day's orders, trades and positions are queried, which tells for certain what became of orders
whose answers were lost; meanwhile the private flow replays the day. ``synced`` is done when all that is known.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import CtpDisconnected, Error, UnknownSymbol
from .account import read_account
from .catalogue import Catalogue
from .desk import Desk
from .identity import Journal
from .ledger import Entry, Ledger
from .login import State
from .models import Account, Fill, Instrument, Order, Position
from .pacing import Query, QueryLane
from .positions import PositionBook, merge_positions
from .refusals import read_info
from .session import Link, Session
from .steps import Steps, run
from .streams import Topic
from .ticktime import parse_day

__all__ = ["TraderSession"]

log = logging.getLogger("tidewire.ctp")

_PER_SECOND = 1.0  # where the version does not tell: what fronts have always allowed
_TRIES = 5  # of the positions, while queries and fills disagree
_SETTLE_S = 1.0  # between them: a fill that a query knows may be on its way to us


class TraderSession(Session):
    """Everything about one account, under one lock."""

    def __init__(
        self,
        link: Link,
        *,
        front: str,
        timeout: float,
        query_timeout: float,
        folder: Path,
        broker_id: str,
        user_id: str,
        investor_id: str,
        password: str,
        app_id: str,
        auth_code: str,
        product_info: str,
    ) -> None:
        self.steps = (State.LOGGING_IN, State.CONFIRMING)
        if app_id:
            self.steps = (State.AUTHENTICATING, *self.steps)
        super().__init__(link, front=front, timeout=timeout)
        self._user = {"BrokerID": broker_id, "UserID": user_id, "UserProductInfo": product_info}
        self._secrets = {"Password": password, "AppID": app_id, "AuthCode": auth_code}
        self.investor = {"BrokerID": broker_id, "InvestorID": investor_id}
        self.sender = {**self.investor, "UserID": user_id}
        self._query_timeout = query_timeout
        self._folder = folder
        self.trading_day: dt.date | None = None
        self.front_id = self.session_id = 0
        self._last_ref = 0
        self.journal: Journal | None = None
        self.ledger = Ledger()
        self.positions = PositionBook()
        self.catalogue = Catalogue(folder / "instruments.json")
        self.desk = Desk(self)
        self.orders: Topic[Order] = Topic()
        self.fills: Topic[Fill] = Topic()
        self.synced: Future[None] = Future()
        self._syncing: Query | None = None
        self._lane = QueryLane(self._send_query, self.next_id)

    # Questions.

    def account(self) -> Steps[Account]:
        """The account's money."""
        rows = yield self.ask("ReqQryTradingAccount")
        if not rows:
            raise CtpDisconnected("the front knows no account for this investor")
        home = (row for row in rows if row.CurrencyID in ("", "CNY"))
        return read_account(next(home, rows[0]))

    def instrument(self, symbol: str) -> Steps[Instrument]:
        """One instrument: known, or asked for."""
        known = self.catalogue.get(symbol)
        if known is None:
            rows = yield self.ask("ReqQryInstrument", InstrumentID=symbol)
            # A front answers with every instrument whose id begins so.
            self.catalogue.add(row for row in rows if row.InstrumentID == symbol)
            known = self.catalogue.get(symbol)
        if known is None:
            raise UnknownSymbol(f"the front lists no instrument {symbol!r}; mind upper and lower case", venue="ctp")
        return known

    def instruments(self) -> Steps[list[Instrument]]:
        """Every instrument there is."""
        whole = self.catalogue.whole
        if whole is None:
            rows = yield self.ask("ReqQryInstrument")
            self.catalogue.add(rows)
            self.catalogue.complete()
            whole = self.catalogue.whole
        return whole or []

    def fetch_positions(self, symbol: str | None) -> Steps[list[Position]]:
        """Positions as the front has them now."""
        rows = yield self.ask("ReqQryInvestorPosition", **_only(symbol))
        for name in dict.fromkeys(row.InstrumentID for row in rows if row.Position):
            with suppress(UnknownSymbol):  # then its prices are not told
                yield from self.instrument(name)  # for its multiplier
        return merge_positions(rows, self.catalogue.get)

    def fetch_orders(self, symbol: str | None) -> Steps[list[Order]]:
        """The day's orders, asked for anew."""
        self._take_orders((yield self.ask("ReqQryOrder", **_only(symbol))))
        return [order for order in self.ledger.orders if symbol in (None, order.symbol)]

    def fetch_fills(self, symbol: str | None) -> Steps[list[Fill]]:
        """The day's fills, asked for anew."""
        self._take_trades((yield self.ask("ReqQryTrade", **_only(symbol))))
        return [fill for fill in self.ledger.fills if symbol in (None, fill.symbol)]

    def settlement(self, day: dt.date | None) -> Steps[str]:
        """The statement of a trading day. Its rows are cut in the middle of letters: bytes first, text afterwards."""
        fields = {} if day is None else {"TradingDay": f"{day:%Y%m%d}"}
        rows = yield self.ask("ReqQrySettlementInfo", **fields)
        return b"".join(row.raw("Content").partition(b"\0")[0] for row in rows).decode("gb18030", "replace")

    def ask(self, method: str, **fields: Any) -> Future[list[Any]]:
        """Put a query in line; its rows come in time, or an error does."""
        return self._ask(method, fields).future

    def _ask(self, method: str, fields: dict[str, Any]) -> Query:
        if self.login.is_over:
            raise self.closed_error()
        query = self._lane.ask(method, {**self.investor, **fields}, self.clock() + self._query_timeout)
        self.poke()
        return query

    def _send_query(self, query: Query) -> int:
        return self.link.request(query.method, query.fields, query.request_id or 0)

    # The session's life.

    def step_request(self, step: State) -> tuple[str, dict[str, Any]]:
        if step is State.AUTHENTICATING:
            return "ReqAuthenticate", {
                **self._user,
                "AppID": self._secrets["AppID"],
                "AuthCode": self._secrets["AuthCode"],
            }
        if step is State.LOGGING_IN:
            return "ReqUserLogin", {**self._user, "Password": self._secrets["Password"]}
        return "ReqSettlementInfoConfirm", self.investor

    def logged_in(self, answer: Any) -> None:
        self.front_id, self.session_id = answer.FrontID, answer.SessionID
        highest = answer.MaxOrderRef.strip()
        if highest.isdecimal():  # others may count with letters; those do not get in our way
            self._last_ref = max(self._last_ref, int(highest))
        day = parse_day(answer.TradingDay)
        if day is not None and day != self.trading_day:
            self._begin_day(day)

    def _begin_day(self, day: dt.date) -> None:
        self.trading_day = day
        if self.journal is not None:
            self.journal.close()
        self.journal = Journal(self._folder / "orders.jsonl", day)
        self.ledger.clear(self.journal.recall())
        self.positions.clear()
        self.catalogue.begin(day)

    def next_ref(self) -> str:
        """An OrderRef above all that this user has used."""
        self._last_ref += 1
        return str(self._last_ref)

    def on_ready(self) -> None:
        self._lane.open(self.link.queries_per_second() or _PER_SECOND)
        self.synced = run(self.lock, self._sync())

    def on_lost(self, error: CtpDisconnected) -> None:
        self._lane.shut()
        if self._syncing is not None:
            self._lane.give_up(self._syncing, error)
        self.desk.lost(error)

    def on_over(self, error: Error) -> None:
        self._lane.end(error)
        self.desk.lost(error)
        if self.journal is not None:
            self.journal.close()
        ending = None if self.login.state is State.CLOSED else error
        self.orders.end(ending)
        self.fills.end(ending)

    def pump_more(self, now: float) -> float | None:
        return self._lane.pump(now)

    # Knowing the day.

    def _sync(self) -> Steps[None]:
        try:
            self._take_orders((yield self._sync_query("ReqQryOrder")))
            for entry in self.ledger.unheard((self.front_id, self.session_id)):
                self._publish(self.desk.never_arrived(entry))
            self._take_trades((yield self._sync_query("ReqQryTrade")))
            for _ in range(_TRIES):
                fills = len(self.ledger.fills)
                rows = yield self._sync_query("ReqQryInvestorPosition")
                if self.positions.restate(rows, quiet=fills == len(self.ledger.fills)):
                    return
                yield self.pause(_SETTLE_S)
            log.warning("CTP %s: positions as queried and as traded differ; auto offsets go by the trades", self.front)
        except Error as error:
            if self.login.state is State.READY:  # otherwise the next login asks again
                log.warning("CTP %s: the day's orders and positions could not be told: %s", self.front, error)
            raise
        finally:
            self._syncing = None

    def _sync_query(self, method: str) -> Future[list[Any]]:
        self._syncing = self._ask(method, {})
        return self._syncing.future

    def _take_orders(self, rows: Iterable[Any]) -> None:
        for row in rows:
            self._on_order(row)

    def _take_trades(self, rows: Iterable[Any]) -> None:
        for row in rows:
            self._on_trade(row)

    # Callbacks.

    def _find_handlers(self) -> dict[str, Any]:
        return {
            **super()._find_handlers(),
            "OnRtnOrder": self._on_order,
            "OnRtnTrade": self._on_trade,
            "OnRspOrderInsert": lambda row, info, request_id, last: self.desk.insert_answered(info, request_id),
            "OnErrRtnOrderInsert": lambda row, info: self.desk.insert_failed(row, info),
            "OnRspOrderAction": lambda row, info, request_id, last: self.desk.action_answered(info, request_id),
            "OnErrRtnOrderAction": lambda row, info: self.desk.action_failed(row, info),
        }

    def on_answer(self, row: Any, info: Any, request_id: int, *, last: bool) -> None:
        error_id, message = read_info(info)
        self._lane.answer(request_id, row, error_id, message, last=last, now=self.clock())

    def on_error(self, error_id: int, message: str, request_id: int) -> None:
        known = self._lane.answer(request_id, None, error_id, message, last=True, now=self.clock())
        if not known and not self.desk.refused(request_id, error_id, message):
            log.error("CTP %s: request %s failed: %s [ErrorID %s]", self.front, request_id, message, error_id)

    def _on_order(self, row: Any) -> None:
        own = (row.FrontID, row.SessionID) == (self.front_id, self.session_id)
        entry, changed = self.ledger.on_order(row, replayed=not own and not self.synced.done())
        if changed:
            self.desk.heard(entry)
            self._publish(entry.order)
            if self.journal is not None and entry.order.order_id:
                self.journal.learn(entry.key, entry.order.order_id)

    def _on_trade(self, row: Any) -> None:
        fill, entry = self.ledger.on_trade(row, replayed=not self.synced.done())
        if fill is None:
            return
        self.positions.on_fill(fill)
        self.fills.put(fill)
        if entry is not None:
            self.desk.heard(entry)
            self._publish(entry.order)

    def changed(self, entry: Entry) -> None:
        """The desk changed an order."""
        self.desk.heard(entry)
        self._publish(entry.order)

    def _publish(self, order: Order) -> None:
        self.orders.put(order)


def _only(symbol: str | None) -> dict[str, str]:
    return {} if symbol is None else {"InstrumentID": symbol}
