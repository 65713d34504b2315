"""HTX's private verbs: spot by version 1, swaps by version 5 in cross margin and one-way position mode.

Version 5 rather than the classic swap addresses, which come in an isolated and a cross edition each, know no look-up of
fills by contract and take writes for reads: it is what peers moved to in 2026.

See: https://huobiapi.github.io/docs/spot/v1/en/#trading and https://www.htx.com/en-us/opend/newApiPages/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from ..._call import Call
from ..._listing import Listing, Then
from ..._order import NewOrder, Number, one_id
from ...errors import OrderNotFound, VenueError
from ...models import Balance, Fill, Order, OrderStatus, Position, TradingFee
from ...symbols import Kind, Symbol, Time, parse_window
from . import reports
from .account import HtxAccount
from .calls import Named, Params, milliseconds
from .errors import refusal
from .orders import MARGIN, acknowledged, new_id, spot_terms, swap_id, swap_terms
from .wire import decoder

__all__ = ["Htx"]

T = TypeVar("T")
_DAY = 24 * 3600 * 10**9
_ORDERS_KEPT = 180 * _DAY
_FILLS_KEPT = 120 * _DAY
_ORDERS_PAGE = 100
_FILLS_PAGE = {"spot": 500, "linear": 100}
_OPEN_PAGE = 500
_STATES = "pre-submitted,submitted,partial-filled,filled,partial-canceled,canceled"
# What a spot cancel by client id answers instead of an error: gone long ago, unknown, or the state it found.
_CANCEL_CODES = {
    -1: "the order was final long ago",
    0: "no order has this client order id",
    5: "the order is partly filled and canceled already",
    6: "the order is filled already",
    7: "the order is canceled already",
}

_fee_rates = decoder(reports.FeeRates)
_spot_account = decoder(reports.SpotAccount)
_margin_account = decoder(reports.MarginAccount)
_positions = decoder(reports.Positions)
_spot_order = decoder(reports.SpotOrderAnswer)
_spot_orders = decoder(reports.SpotOrders)
_swap_order = decoder(reports.SwapOrderAnswer)
_swap_orders = decoder(reports.SwapOrders)
_spot_fills = decoder(reports.SpotFills)
_swap_fills = decoder(reports.SwapFills)
_spot_placed = decoder(reports.SpotPlaced)
_swap_placed = decoder(reports.SwapPlaced)
_spot_cancel_state = decoder(reports.SpotCancelState)
_spot_canceled = decoder(reports.SpotCanceledAnswer)
_swap_canceled = decoder(reports.SwapCanceled)


class Htx(HtxAccount):
    """HTX spot and USDT-margined swaps. Symbols: ``BTC-USDT`` spot, ``BTC-USDT-PERP`` and ``BTC-USDT-261225`` swaps.

    New orders and cancels are only acknowledged: their status is ``PENDING`` and ``CANCELING`` until ``fetch_order``.
    """

    def fetch_trading_fee(self, symbol: str | Symbol) -> Call[TradingFee]:
        """See: /v2/reference/transact-fee-rate: what is really charged, deductions in the venue's coin counted.

        Spot only: version 5 of the swaps documents no address for it.
        """
        market = self.symbol(symbol)
        if market.kind != "spot":
            raise self._unsupported(f"fetch_trading_fee for {market.kind}")
        native = self.native_symbol(market)
        call = self._private(
            "fetch_trading_fee",
            "spot",
            {"symbols": native},
            lambda body: _fee_rates(body).trading_fee(native, market),
            symbol=market,
        )
        return dataclasses.replace(call, needs_instrument=True)  # a wrong symbol is an invalid value like any other

    def fetch_balances(self, *, kind: Kind = "spot") -> Call[list[Balance]]:
        """See: /v1/account/accounts/{account-id}/balance, /v5/account/balance (totals are equity)."""
        if kind == "spot":
            return self._private(
                "fetch_balances", kind, {}, lambda body: _spot_account(body).nonzero(), needs_account=True
            )

        def parse(body: bytes) -> list[Balance]:
            return [row.model() for row in _margin_account(body).data.details if row.equity]

        return self._private("fetch_balances", kind, {}, parse)

    def fetch_positions(self) -> Call[list[Position]]:
        """See: /v5/trade/position/opens."""

        def parse(body: bytes) -> list[Position]:
            rows = [row for row in _positions(body).data if row.volume]
            named = [(row, self.known_symbol(row.contract_code, "linear")) for row in rows]
            return [row.position(symbol, self._size(symbol)) for row, symbol in named]

        return self._private("fetch_positions", "linear", {}, parse)

    def fetch_orders(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Order]]:
        """See: /v1/order/orders, /v5/trade/order/history: pages of 100, in windows of 48 hours, within 180 days.

        Without a start, the venue looks back 48 hours from the end on spot. Canceled spot orders are kept for two hours
        only.
        """
        market = self.symbol(symbol)
        return Listing(
            self._windows(
                "fetch_orders", market, {"states": _STATES} if market.kind == "spot" else {"margin_mode": MARGIN}
            ),
            read=lambda body: self._orders(body, market.kind, market)[::-1],
            moment=lambda row: row.created_ns or 0,
            name=lambda row: row.order_id,
            page=_ORDERS_PAGE,
            window=parse_window(start, end),
            limit=limit,
            span=2 * _DAY,
            kept=_ORDERS_KEPT,
        ).begin()

    def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> Call[list[Order]]:
        """See: /v1/order/openOrders (at most 500), /v5/trade/order/opens (at most 100)."""
        market = None if symbol is None else self.symbol(symbol)
        kind = kind if market is None else market.kind
        params = {} if market is None else self._target(market)
        if kind == "spot":  # account and symbol go together, or not at all
            params = {**params, "size": _OPEN_PAGE, **({} if market is None else {"account-id": "{account-id}"})}
        else:  # what is given without a size is not known
            params = {**params, "limit": _ORDERS_PAGE}
        return self._private(
            "fetch_open_orders",
            kind,
            params,
            lambda body: self._orders(body, kind, market),
            symbol=market,
            needs_account=kind == "spot" and market is not None,
        )

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: /v1/order/orders/{order-id}, /v1/order/orders/getClientOrder, /v5/trade/order.

        By client order id spot finds open orders for eight hours and others for two, swaps all for eight.
        """
        market = self.symbol(symbol)
        order_id, client_order_id = one_id(order_id, client_order_id)
        ids = Named(symbol=market, order_id=order_id, client_order_id=client_order_id)
        if market.kind == "linear":
            named = {"margin_mode": MARGIN, "order_id": order_id, "client_order_id": swap_id(client_order_id)}
            params = {**self._target(market), **named}
            return self._private("fetch_order", "linear", params, lambda body: self._swap_order(body, market), **ids)

        def parse(body: bytes) -> Order:
            row = _spot_order(body).data
            order = row.order(market)
            if row.symbol != self.native_symbol(market):
                raise OrderNotFound(f"the order is one of {row.symbol}", venue=self.name)
            return order

        if order_id is not None:
            return self._private("fetch_order", "spot", {}, parse, names={"order-id": order_id}, **ids)
        params = {"clientOrderId": client_order_id}
        return self._private("fetch_order", "spot", params, parse, address="fetch_client_order", **ids)

    def fetch_fills(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Fill]]:
        """See: /v1/order/matchresults (pages of 500), /v5/trade/order/details (100): in windows of 48 hours, within
        120 days.

        Without a start, the venue looks back 48 hours from the end on spot.
        """
        market = self.symbol(symbol)

        def read(body: bytes) -> list[Fill]:
            if market.kind == "spot":
                return [row.fill(market) for row in reversed(_spot_fills(body).data)]
            return [row.fill(market, self._size(market)) for row in reversed(_swap_fills(body).data)]

        return Listing(
            self._windows("fetch_fills", market, {}),
            read,
            moment=lambda row: row.time_ns or 0,
            name=lambda row: f"{row.order_id} {row.fill_id}",
            page=_FILLS_PAGE[market.kind],
            window=parse_window(start, end),
            limit=limit,
            span=2 * _DAY,
            kept=_FILLS_KEPT,
        ).begin()

    # Orders.

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
        """See: POST /v1/order/orders/place, /v5/trade/order. The answer is the order's id and nothing else.

        A market buy on spot names the money to spend, not a quantity: ``NotSupported``; a limit order with
        ``time_in_force="ioc"`` buys at once what is offered up to the highest price that you accept. A post-only order
        that would take is accepted and canceled at once. Client order ids: 1 to 64 characters on spot, whole numbers on
        swaps. Spot does not check that they are unique.
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
        market = order.symbol
        own_id = new_id(market.kind) if client_order_id is None else client_order_id
        native = self.native_symbol(market)
        spot = market.kind == "spot"
        terms = spot_terms(order, own_id, native) if spot else swap_terms(order, own_id, native, self._size(market))

        def parse(body: bytes) -> Order:
            order_id = str(_spot_placed(body).data) if market.kind == "spot" else _swap_placed(body).data.order_id
            return acknowledged(order, order_id, own_id)

        return self._private(
            "create_order",
            market.kind,
            terms,
            parse,
            method="POST",
            symbol=market,
            client_order_id=own_id,
            needs_account=market.kind == "spot",
        )

    def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: POST /v1/order/orders/{order-id}/submitcancel, …/submitCancelClientOrder, /v5/trade/cancel_order.

        Success means that the cancel was taken, not that the order is canceled.
        """
        market = self.symbol(symbol)
        order_id, client_order_id = one_id(order_id, client_order_id)
        ids = Named(symbol=market, order_id=order_id, client_order_id=client_order_id)
        if market.kind == "linear":

            def parse(body: bytes) -> Order:
                named = _swap_placed(body).data
                return self._canceling(market, named.order_id, named.client_order_id)

            params = {**self._target(market), "order_id": order_id, "client_order_id": swap_id(client_order_id)}
            return self._private("cancel_order", "linear", params, parse, method="POST", **ids)
        if order_id is not None:
            return self._private(
                "cancel_order",
                "spot",
                {},
                lambda body: self._canceling(market, str(_spot_placed(body).data), None),
                method="POST",
                names={"order-id": order_id},
                **ids,
            )
        return self._private(
            "cancel_order",
            "spot",
            {"client-order-id": client_order_id},
            lambda body: self._canceled_by_own_id(body, market, client_order_id),
            method="POST",
            address="cancel_client_order",
            **ids,
        )

    def cancel_all_orders(self, symbol: str | Symbol) -> Call[list[Order]]:
        """See: POST /v1/order/orders/batchCancelOpenOrders (100 at a time, and only counts), /v5/…/cancel_all_orders.

        Raises ``VenueError`` when orders remain: ask again.
        """
        market = self.symbol(symbol)

        def parse(body: bytes) -> list[Order]:
            if market.kind == "linear":
                rows = [row for row in _swap_canceled(body).data if str(row.code) in ("None", "200")]
                return [self._canceling(market, row.order_id, row.client_order_id) for row in rows]
            done = _spot_canceled(body).data
            if done.failed_count or done.next_id > 0:
                counts = f"{done.success_count} canceled, {done.failed_count} not"
                raise VenueError(f"{counts}, and there may be more: cancel_all_orders again", venue=self.name)
            return []

        target = self._target(market)
        return self._private("cancel_all_orders", market.kind, target, parse, method="POST", symbol=market)

    # Inside.

    def _windows(self, verb: str, market: Symbol, terms: Params) -> Callable[..., Call[list[Any]]]:
        """Make the calls of a ``Listing``: half-open nanoseconds become the venue's inclusive milliseconds."""
        names = ("start-time", "end-time", "size") if market.kind == "spot" else ("start_time", "end_time", "limit")

        def call(
            first: int | None, last: int | None, size: int | None, parse: Callable[[bytes], list[T]], then: Then[T]
        ) -> Call[list[T]]:
            window = dict(zip(names, (*milliseconds(first, last), size), strict=True))
            page = self._private(verb, market.kind, {**self._target(market), **terms, **window}, parse, symbol=market)
            return dataclasses.replace(page, then=then)

        return call

    def _orders(self, body: bytes, kind: Kind, market: Symbol | None) -> list[Order]:
        if kind == "spot":
            return [row.order(market or self.known_symbol(row.symbol, kind)) for row in _spot_orders(body).data]
        named = [(row, market or self.known_symbol(row.contract_code, kind)) for row in _swap_orders(body).data]
        return [row.order(symbol, self._size(symbol)) for row, symbol in named]

    def _swap_order(self, body: bytes, market: Symbol) -> Order:
        rows = _swap_order(body).rows()
        if not rows:
            raise OrderNotFound("the venue knows no such order", venue=self.name)
        return rows[0].order(market, self._size(market))

    def _canceling(self, market: Symbol, order_id: str, own_id: str | None) -> Order:
        return Order(
            venue=self.name, symbol=market, order_id=order_id, client_order_id=own_id, status=OrderStatus.CANCELING
        )

    def _canceled_by_own_id(self, body: bytes, market: Symbol, own_id: str | None) -> Order:
        code = _spot_cancel_state(body).data
        if code in _CANCEL_CODES:
            raise OrderNotFound(_CANCEL_CODES[code], venue=self.name, code=code)
        if code != 10:
            raise refusal(str(code), f"the venue answers a cancel with state {code}")
        return self._canceling(market, "", own_id)
