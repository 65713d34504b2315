"""OKX's private verbs: which request each one is, and what its answer means.

See: https://www.okx.com/docs-v5/en/#order-book-trading-trade and #trading-account-rest-api
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from uuid import uuid4

import msgspec

from ..._call import Call, Request, Response
from ..._listing import Listing, Then
from ..._order import NewOrder, Number, one_id, plain
from ...errors import ConfigError, NotSupported, OrderNotFound
from ...models import Balance, Fill, Order, OrderStatus, OrderType, Position, TimeInForce, TradingFee
from ...symbols import Kind, Symbol, Time, parse_window
from . import reports, wire
from .account import OKXAccount
from .auth import sign
from .errors import check, check_envelope
from .market import Params, ceil_ms, inst_type

__all__ = ["OKX"]

T = TypeVar("T")
_PAGE = 100
_HISTORY_NS = 7 * 86_400 * 10**9
_MARGIN_MODE = "cross"
_OWN_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")

_trade_fee = wire.row(reports.TradeFee)
_account = wire.row(reports.Account)
_positions = wire.rows(reports.PositionRow)
_order = wire.row(reports.OrderRow)
_orders = wire.rows(reports.OrderRow)
_fills = wire.rows(reports.FillRow)
_acknowledgement = wire.row(reports.Acknowledgement)
_acknowledgements = wire.rows(reports.Acknowledgement)


class OKX(OKXAccount):
    """OKX spot and linear contracts: ``BTC-USDT``, ``BTC-USDT-PERP`` (a swap) and ``BTC-USDT-261225`` (a future).

    Contracts are traded in cross margin and in net mode; an account in long/short mode is refused by the venue. Sizes
    are base units: orders and answers about contracts need their instruments (``learn``), which clients see to.
    """

    def fetch_trading_fee(self, symbol: str | Symbol) -> Call[TradingFee]:
        """See: /account/trade-fee, where what is charged is negative: here it is positive."""
        market = self.symbol(symbol)
        named = {"instId": self.native_symbol(market)}
        if market.kind == "linear":
            named = {"instFamily": f"{market.base}-{market.quote}"}
        return self._private(
            "fetch_trading_fee",
            "trade-fee",
            {"instType": inst_type(market), **named},
            lambda body: _trade_fee(body).trading_fee(market),
            symbol=market,
        )

    def fetch_balances(self, *, kind: Kind = "spot") -> Call[list[Balance]]:
        """See: /account/balance. One account holds everything: both kinds show the same assets."""

        def parse(body: bytes) -> list[Balance]:
            found = [row.balance(margin=kind == "linear") for row in _account(body).details]
            return [balance for balance in found if balance.total or balance.free or balance.locked]

        return self._private("fetch_balances", "balance", {}, parse, kind=kind)

    def fetch_positions(self) -> Call[list[Position]]:
        """See: /account/positions. Inverse contracts, options and margin positions are left out."""

        def parse(body: bytes) -> list[Position]:
            found = [row for row in _positions(body) if row.is_open_and_linear]
            symbols = [self.known_symbol(row.instId, "linear") for row in found]
            return [row.position(symbol, self._size(symbol)) for row, symbol in zip(found, symbols, strict=True)]

        return self._private("fetch_positions", "positions", {}, parse, kind="linear", sized=True)

    def fetch_orders(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Order]]:
        """See: /trade/orders-history, and -archive (three months) for a start more than seven days ago.

        These are finished orders: working ones are in ``fetch_open_orders``, and clients show both. Orders canceled
        without a fill are kept for two hours only. Pages of 100, newest first, filtered by when they were created.
        """
        market = self.symbol(symbol)
        first, _ = parse_window(start, end)
        is_old = first is not None and first < time.time_ns() - _HISTORY_NS
        return Listing(
            self._window_of("fetch_orders", "orders-history-archive" if is_old else "orders-history", market),
            read=lambda body: [row.order(market, self._size(market)) for row in reversed(_orders(body))],
            moment=lambda row: row.created_ns or 0,
            name=lambda row: row.order_id,
            page=_PAGE,
            window=parse_window(start, end),
            limit=limit,
        ).begin()

    def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> Call[list[Order]]:
        """See: /trade/orders-pending, 100 a page, newest first; a full page is followed by the one before it."""
        market = None if symbol is None else self.symbol(symbol)
        kind = kind if market is None else market.kind
        params: Params = {"instType": "SPOT"} if market is None and kind == "spot" else {}
        if market is not None:
            params = {"instType": inst_type(market), "instId": self.native_symbol(market)}
        return self._open_orders(market, kind, params, [])

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: GET /trade/order. By client order id the venue finds the latest order with it."""
        market = self.symbol(symbol)
        ids = _ids(order_id, client_order_id)
        return self._private(
            "fetch_order",
            "order",
            {"instId": self.native_symbol(market), **ids},
            lambda body: _order(body).order(market, self._size(market)),
            symbol=market,
            sized=True,
            order_id=ids.get("ordId"),
            client_order_id=ids.get("clOrdId"),
        )

    def fetch_fills(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Fill]]:
        """See: /trade/fills-history: three months, in pages of 100, newest first."""
        market = self.symbol(symbol)
        return Listing(
            self._window_of("fetch_fills", "fills-history", market),
            read=lambda body: [row.fill(market, self._size(market)) for row in reversed(_fills(body))],
            moment=lambda row: row.time_ns or 0,
            name=lambda row: f"{row.order_id} {row.fill_id}",
            page=_PAGE,
            window=parse_window(start, end),
            limit=limit,
        ).begin()

    def create_order(
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
    ) -> Call[Order]:
        """See: /trade/batch-orders, with one order: it takes five times as many as /trade/order.

        The venue only acknowledges: the order comes back ``PENDING``. One that is post-only and would take is accepted,
        and canceled at once.
        """
        order = NewOrder.of(
            self.symbol(symbol),
            side=side,
            type=type,
            quantity=quantity,
            price=price,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
        )
        if order.reduce_only and order.symbol.kind == "spot":
            raise NotSupported(f"{self.name}: reduce_only is for contracts, {order.symbol} is spot", venue=self.name)
        own_id = uuid4().hex if client_order_id is None else client_order_id
        if not _OWN_ID.fullmatch(own_id):
            why = f"{self.name}: client_order_id must be 1 to 32 letters and digits, not {own_id!r}"
            raise ConfigError(why, venue=self.name)
        return self._write(
            "create_order",
            "batch-orders",
            [self._terms(order, own_id)],
            lambda body: _placed(_acknowledgement(body).order(order.symbol, OrderStatus.PENDING), order, own_id),
            symbol=order.symbol,
            client_order_id=own_id,
        )

    def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: /trade/cancel-order. The venue only takes the request: the order comes back ``CANCELING``."""
        market = self.symbol(symbol)
        ids = _ids(order_id, client_order_id)
        return self._write(
            "cancel_order",
            "cancel-order",
            {"instId": self.native_symbol(market), **ids},
            lambda body: _acknowledgement(body).order(market, OrderStatus.CANCELING),
            symbol=market,
            order_id=ids.get("ordId"),
            client_order_id=ids.get("clOrdId"),
        )

    def batch_cancel(self, symbol: str | Symbol, order_ids: Sequence[str]) -> Call[list[Order]]:
        """See: /trade/cancel-batch-orders: up to 20. Those that are final already are left out."""
        market = self.symbol(symbol)
        if not 1 <= len(order_ids) <= self.spec.cancel_batch:
            raise ConfigError(f"{self.name}: give 1 to {self.spec.cancel_batch} order ids, not {len(order_ids)}")

        def parse(body: bytes) -> list[Order]:
            canceled = []
            for row in _acknowledgements(body):
                try:
                    canceled.append(row.order(market, OrderStatus.CANCELING))
                except OrderNotFound:
                    continue  # filled or canceled meanwhile: there is nothing left to cancel
            return canceled

        native = self.native_symbol(market)
        return self._write(
            "cancel_all_orders",
            "cancel-batch-orders",
            [{"instId": native, "ordId": order_id} for order_id in order_ids],
            parse,
            symbol=market,
            check=check_envelope,
        )

    # How calls are put together.

    def _window_of(self, verb: str, resource: str, market: Symbol) -> Callable[..., Call[list[Any]]]:
        """Make the calls of a ``Listing``: half-open nanoseconds become the venue's inclusive milliseconds."""
        named = {"instType": inst_type(market), "instId": self.native_symbol(market)}

        def call(
            first: int | None, last: int | None, size: int | None, parse: Callable[[bytes], list[T]], then: Then[T]
        ) -> Call[list[T]]:
            begin, end = None if first is None else ceil_ms(first), None if last is None else ceil_ms(last) - 1
            params = {**named, "begin": begin, "end": end, "limit": size}
            page = self._private(verb, resource, params, parse, symbol=market, sized=True)
            return dataclasses.replace(page, then=then)

        return call

    def _open_orders(self, market: Symbol | None, kind: Kind, params: Params, newer: list[Order]) -> Call[list[Order]]:
        def parse(body: bytes) -> list[Order]:
            found = [(row, market or self._offered(row.instId, kind)) for row in reversed(_orders(body))]
            return [row.order(which, self._size(which)) for row, which in found if which is not None] + newer

        def then(response: Response, value: list[Order]) -> Call[list[Order]] | None:
            page = _orders(response.body)
            if len(page) < _PAGE:
                return None
            return self._open_orders(market, kind, {**params, "after": page[-1].ordId}, value)

        call = self._private("fetch_open_orders", "orders-pending", params, parse, kind=kind, symbol=market, sized=True)
        return dataclasses.replace(call, then=then)

    def _terms(self, order: NewOrder, own_id: str) -> dict[str, object]:
        spot = order.symbol.kind == "spot"
        terms: dict[str, object] = {
            "instId": self.native_symbol(order.symbol),
            "tdMode": "cash" if spot else _MARGIN_MODE,
            "side": str(order.side),
            "ordType": _order_type(order),
            "sz": plain(order.quantity / self._size(order.symbol)),
            "clOrdId": own_id,
        }
        if order.type is OrderType.LIMIT:
            terms["px"] = plain(order.price)
        if spot:
            terms["tgtCcy"] = "base_ccy"  # else a market buy's size would be in quote currency
        if order.reduce_only:
            terms["reduceOnly"] = True
        return terms

    def _private(
        self,
        verb: str,
        resource: str,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        kind: Kind = "spot",
        symbol: Symbol | None = None,
        sized: bool = False,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> Call[T]:
        kind = kind if symbol is None else symbol.kind
        return Call(
            verb=verb,
            request=Request("GET", self._url(resource, params), self._headers()),
            parser=parser,
            check=check,
            costs={resource: 1},
            signer=sign,
            kind=kind,
            symbol=None if symbol is None else str(symbol),
            order_id=order_id,
            client_order_id=client_order_id,
            needs_instrument=sized and (kind in self.spec.contracts or symbol is None),
        )

    def _write(
        self,
        verb: str,
        resource: str,
        body: object,
        parser: Callable[[bytes], T],
        *,
        symbol: Symbol,
        order_id: str | None = None,
        client_order_id: str | None = None,
        check: Callable[[Response], None] = check,
    ) -> Call[T]:
        text = json.dumps(body, separators=(",", ":")).encode()
        return Call(
            verb=verb,
            request=Request("POST", self._url(resource, {}), self._headers(), text),
            parser=parser,
            check=check,
            costs={resource: len(body) if isinstance(body, list) else 1},
            signer=sign,
            kind=symbol.kind,
            writes=True,
            symbol=str(symbol),
            order_id=order_id,
            client_order_id=client_order_id,
        )


def _order_type(order: NewOrder) -> str:
    if order.type is OrderType.MARKET:
        return "market"
    if order.post_only:
        return "post_only"
    return "limit" if order.time_in_force in (None, TimeInForce.GTC) else str(order.time_in_force)


def _placed(taken: Order, order: NewOrder, own_id: str) -> Order:
    """What the venue took, with the terms that it does not repeat."""
    limit = order.type is OrderType.LIMIT
    return msgspec.structs.replace(
        taken,
        client_order_id=own_id,
        side=order.side,
        type=str(order.type),
        quantity=order.quantity,
        price=order.price,
        time_in_force=str(order.time_in_force or TimeInForce.GTC) if limit else None,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        created_ns=taken.updated_ns,
    )


def _ids(order_id: str | None, client_order_id: str | None) -> dict[str, str]:
    order_id, client_order_id = one_id(order_id, client_order_id)
    return {"ordId": order_id} if order_id is not None else {"clOrdId": client_order_id or ""}
