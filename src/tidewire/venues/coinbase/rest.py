"""Coinbase Exchange's private verbs: which request each one is, and what its answer means.

See: https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/introduction
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import TypeVar
from uuid import uuid4

import msgspec

from ..._call import Call, Request, Response
from ..._cursor import Chain
from ..._order import NewOrder, Number, checked_limit, one_id, plain
from ...errors import ConfigError, NotSupported, OrderNotFound
from ...models import Balance, Fill, Order, OrderStatus, TradingFee
from ...symbols import Kind, Symbol, Time, parse_window
from . import wire
from .account import CoinbaseAccount
from .auth import sign
from .errors import check, check_order, check_product, rejection
from .market import SMALLEST_PAGE, cursor_of
from .spec import HEADERS
from .wire import iso

__all__ = ["Coinbase"]

T = TypeVar("T")
_OWN = "client:"  # in front of a client order id it names the order like the venue's own id
_JSON = {**HEADERS, "Content-Type": "application/json"}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_fees = wire.decoder(wire.Fees)
_accounts = wire.decoder(list[wire.Account])
_order = wire.decoder(wire.OrderRow)
_orders = wire.decoder(list[wire.OrderRow])
_fills = wire.decoder(list[wire.FillRow])
_canceled = wire.decoder(str | list[str])  # type: ignore[arg-type]
_canceled_ids = wire.decoder(list[str])


class Coinbase(CoinbaseAccount):
    """Coinbase Exchange spot. Symbols: ``BTC-USD``, as the venue writes them.

    An order that is canceled without a fill disappears: asking for it raises ``OrderNotFound``. Client order ids are
    UUIDs.
    """

    def fetch_trading_fee(self, symbol: str | Symbol) -> Call[TradingFee]:
        """See: GET /fees. One pair of rates for the whole account: what a stable pair costs less is not told."""
        market = self.symbol(symbol)
        call = self._private(
            "fetch_trading_fee", "/fees", {}, lambda body: _fees(body).trading_fee(market), symbol=market
        )
        return dataclasses.replace(call, needs_instrument=True)  # the request names no market that could be refused

    def fetch_balances(self, *, kind: Kind = "spot") -> Call[list[Balance]]:
        """See: GET /accounts, of the profile that the key belongs to."""
        if kind != "spot":
            raise NotSupported(f"{self.name} has no {kind} wallet", venue=self.name)
        return self._private(
            "fetch_balances", "/accounts", {}, lambda body: [row.model() for row in _accounts(body) if row.balance]
        )

    def fetch_orders(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Order]]:
        """See: GET /orders. With a start every page of the window is read, else the newest page, or ``limit`` orders.

        Orders that were canceled without a fill are not in it.
        """
        market = self.symbol(symbol)
        return self._listing(
            "fetch_orders",
            "/orders",
            {"product_id": self.native_symbol(market), "status": "all"},
            lambda body: [row.order(market) for row in reversed(_orders(body))],
            lambda row: row.created_ns,
            (start, end, limit),
            market,
        )

    def fetch_open_orders(self, symbol: str | Symbol | None = None, *, kind: Kind = "spot") -> Call[list[Order]]:
        """See: GET /orders, every page of it."""
        market = None if symbol is None else self.symbol(symbol)

        def read(body: bytes) -> list[Order]:
            rows = reversed(_orders(body))
            return [row.order(market or self.known_symbol(row.product_id, "spot")) for row in rows]

        params = {} if market is None else {"product_id": self.native_symbol(market)}
        return self._chain("fetch_open_orders", "/orders", params, read, market, everything=True)

    def fetch_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: GET /orders/{id}, GET /orders/client:{client_oid}. Gone once canceled without a fill."""
        market = self.symbol(symbol)
        native = self.native_symbol(market)

        def parse(body: bytes) -> Order:
            row = _order(body)
            if row.product_id != native:
                raise OrderNotFound(f"the order is one of {row.product_id}", venue=self.name)
            return row.order(market)

        return self._by_id("fetch_order", "GET", market, {}, parse, order_id, client_order_id)

    def fetch_fills(
        self,
        symbol: str | Symbol,
        *,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
    ) -> Call[list[Fill]]:
        """See: GET /fills. With a start every page of the window is read, else the newest page, or ``limit`` fills."""
        market = self.symbol(symbol)
        return self._listing(
            "fetch_fills",
            "/fills",
            {"product_id": self.native_symbol(market)},
            lambda body: [row.fill(market) for row in reversed(_fills(body))],
            lambda row: row.time_ns,
            (start, end, limit),
            market,
        )

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
        """See: POST /orders. The answer is mostly ``PENDING``: the matching engine has yet to see the order."""
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
        if order.reduce_only:
            raise NotSupported(f"{self.name}: reduce_only is for futures, {order.symbol} is spot", venue=self.name)
        own_id = str(uuid4()) if client_order_id is None else self._uuid(client_order_id)

        def parse(body: bytes) -> Order:
            row = _order(body)
            if row.status == "rejected":
                raise rejection(row.reject_reason or "no reason given")
            return row.order(order.symbol)

        terms = {"client_oid": own_id, "product_id": self.native_symbol(order.symbol), **_order_terms(order)}
        return self._private(
            "create_order",
            "/orders",
            {},
            parse,
            method="POST",
            body=msgspec.json.encode(terms),
            check=check_product,
            symbol=order.symbol,
            client_order_id=own_id,
        )

    def cancel_order(
        self, symbol: str | Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Call[Order]:
        """See: DELETE /orders/{id}. The venue only repeats the id: all else of the order returned is unknown.

        By client order id, ``order_id`` is the venue's other name of the order, ``client:{client_oid}``, which every
        verb takes.
        """
        market = self.symbol(symbol)
        params = {"product_id": self.native_symbol(market)}

        def parse(body: bytes) -> Order:
            _canceled(body)
            return self._ended(market, order_id or f"{_OWN}{client_order_id}", client_order_id)

        return self._by_id("cancel_order", "DELETE", market, params, parse, order_id, client_order_id)

    def cancel_all_orders(self, symbol: str | Symbol) -> Call[list[Order]]:
        """See: DELETE /orders. "With best effort": orders may remain, ``fetch_open_orders`` tells."""
        market = self.symbol(symbol)
        return self._private(
            "cancel_all_orders",
            "/orders",
            {"product_id": self.native_symbol(market)},
            lambda body: [self._ended(market, order_id) for order_id in _canceled_ids(body)],
            method="DELETE",
            check=check_product,
            symbol=market,
        )

    # How calls are put together.

    def _ended(self, market: Symbol, order_id: str, client_order_id: str | None = None) -> Order:
        return Order(
            venue=self.name,
            symbol=market,
            order_id=order_id,
            client_order_id=client_order_id,
            status=OrderStatus.CANCELED,
        )

    def _uuid(self, text: str) -> str:
        if not _UUID.fullmatch(text):
            raise ConfigError(f"{self.name}: a client order id must be a UUID, not {text!r}", venue=self.name)
        return text

    def _by_id(
        self,
        verb: str,
        method: str,
        market: Symbol,
        params: Mapping[str, object],
        parser: Callable[[bytes], Order],
        order_id: str | None,
        client_order_id: str | None,
    ) -> Call[Order]:
        order_id, client_order_id = one_id(order_id, client_order_id)
        if order_id is not None and order_id.startswith(_OWN):
            client_order_id, order_id = order_id.removeprefix(_OWN), None
        name = f"{_OWN}{self._uuid(client_order_id)}" if client_order_id is not None else order_id
        if not re.fullmatch(r"[\w:-]+", name or ""):
            raise ConfigError(f"{self.name}: {name!r} cannot be an order's id", venue=self.name)
        return self._private(
            verb,
            f"/orders/{name}",
            params,
            parser,
            method=method,
            check=check_order,
            symbol=market,
            order_id=order_id,
            client_order_id=client_order_id,
        )

    def _listing(
        self,
        verb: str,
        path: str,
        params: Mapping[str, object],
        read: Callable[[bytes], list[T]],
        time_of: Callable[[T], int | None],
        window: tuple[Time | None, Time | None, int | None],
        market: Symbol,
    ) -> Call[list[T]]:
        first, last = parse_window(window[0], window[1])
        limit = None if window[2] is None else checked_limit(window[2])
        dates = {
            "start_date": None if first is None else iso(first),
            "end_date": None if last is None else iso(last),
        }

        def inside(row: T) -> bool:
            time = time_of(row)
            return time is None or ((first is None or time >= first) and (last is None or time < last))

        return self._chain(
            verb, path, {**params, **dates}, read, market, everything=first is not None, limit=limit, keep=inside
        )

    def _chain(
        self,
        verb: str,
        path: str,
        params: Mapping[str, object],
        read: Callable[[bytes], list[T]],
        market: Symbol | None,
        *,
        everything: bool,
        limit: int | None = None,
        keep: Callable[[T], bool] = lambda row: True,
    ) -> Call[list[T]]:
        return Chain(
            read=read,
            call=lambda size, cursor, parse, then: self._private(
                verb,
                path,
                {**params, "limit": size, "after": cursor},
                parse,
                symbol=market,
                check=check_product,
                then=then,
            ),
            older=cursor_of,
            short=SMALLEST_PAGE,
            page=self.spec.trades_page["spot"],
            limit=limit,
            everything=everything,
            keep=keep,
        ).first()

    def _private(
        self,
        verb: str,
        path: str,
        params: Mapping[str, object],
        parser: Callable[[bytes], T],
        *,
        method: str = "GET",
        body: bytes = b"",
        check: Callable[[Response], None] = check,
        symbol: Symbol | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
        then: Callable[[Response, T], Call[T] | None] | None = None,
    ) -> Call[T]:
        return Call(
            verb=verb,
            request=Request(method, self._url(path, params), _JSON if body else HEADERS, body),
            parser=parser,
            check=check,
            costs={"fills" if verb == "fetch_fills" else "private": 1},
            signer=sign,
            writes=method != "GET",
            symbol=None if symbol is None else str(symbol),
            order_id=order_id,
            client_order_id=client_order_id,
            then=then,
        )


def _order_terms(order: NewOrder) -> dict[str, object]:
    terms: dict[str, object] = {"type": str(order.type), "side": str(order.side), "size": plain(order.quantity)}
    if order.price is not None:
        terms["price"] = plain(order.price)
    if order.time_in_force is not None:
        terms["time_in_force"] = order.time_in_force.upper()
    if order.post_only:
        terms["post_only"] = True
    return terms
