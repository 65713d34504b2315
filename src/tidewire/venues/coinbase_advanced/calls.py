"""How Coinbase Advanced's calls are put together, and the ones that take several requests."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from ..._call import Call, Request, Response
from ..._cursor import Chain
from ..._order import checked_limit
from ..._venue import Venue
from ...errors import NotSupported, OrderNotFound
from ...models import Balance, Fill, Order
from ...symbols import Kind, Symbol
from . import orders, wire
from .auth import sign
from .errors import check, check_product

__all__ = ["LOOKUP", "CoinbaseAdvancedCalls"]

T = TypeVar("T")
Check = Callable[[Response], None]
Params = Mapping[str, object]
Window = tuple[int | None, int | None]
Then = Callable[[Response, T], Call[T] | None]

LOOKUP: Final = 1000
"""How many of a market's latest orders are searched for a client order id: as many as one page can hold."""

_FRESH: Final = {"Cache-Control": "no-cache"}  # else public answers may be a second old
_ROOT: Final = "/api/v3/brokerage"
_ACCOUNTS_PAGE: Final = 250
_PAGE: Final = 100

_accounts = wire.decoder(wire.Accounts)
_fills = wire.decoder(wire.Fills)
_orders = wire.decoder(orders.Orders)


class CoinbaseAdvancedCalls(Venue):
    """Builds requests: public ones, signed reads, signed writes with a JSON body."""

    def native_symbol(self, symbol: Symbol) -> str:
        """``BTC-USD``."""
        return f"{symbol.base}-{symbol.quote}"

    def usage(self, call: Call[Any], headers: Mapping[str, str]) -> Mapping[str, int]:
        """Read ``x-ratelimit-limit`` and ``x-ratelimit-remaining``, where the limit is the one that we know."""
        limit, left = (headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining"))
        if not (limit.isdecimal() and left.isdecimal()):
            return {}
        metered = [quota for quota in self.spec.quotas if quota.resource in call.costs and quota.limit == int(limit)]
        return {quota.scope: max(0, quota.limit - int(left)) for quota in metered}

    def _get(
        self,
        verb: str,
        path: str,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        checker: Check = check,
        symbol: Symbol | None = None,
        then: Then[T] | None = None,
    ) -> Call[T]:
        return Call(
            verb=verb,
            request=Request("GET", self._url(path, params), _FRESH),
            parser=parser,
            check=checker,
            costs={"public": 1},
            symbol=None if symbol is None else str(symbol),
            then=then,
        )

    def _get_for(
        self,
        verb: str,
        symbol: str | Symbol,
        path: str,
        params: Params,
        parser: Callable[[bytes, Symbol], T],
        *,
        then: Then[T] | None = None,
    ) -> Call[T]:
        """A call under ``/market/products/{id}``."""
        market = self.symbol(symbol)
        return self._get(
            verb,
            f"/market/products/{quote(self.native_symbol(market), safe='')}{path}",
            params,
            lambda body: parser(body, market),
            checker=check_product,
            symbol=market,
            then=then,
        )

    def _private(
        self,
        verb: str,
        path: str,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        checker: Check = check,
        symbol: Symbol | None = None,
        order_id: str | None = None,
        then: Then[T] | None = None,
    ) -> Call[T]:
        return Call(
            verb=verb,
            request=Request("GET", self._url(path, params)),
            parser=parser,
            check=checker,
            costs={"private": 1},
            signer=sign,
            symbol=None if symbol is None else str(symbol),
            order_id=order_id,
            then=then,
        )

    def _post(
        self,
        verb: str,
        path: str,
        body: Mapping[str, object],
        parser: Callable[[bytes], T],
        *,
        checker: Check = check,
        symbol: Symbol,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> Call[T]:
        content = json.dumps(body, separators=(",", ":")).encode()
        return Call(
            verb=verb,
            request=Request("POST", self._url(path, {}), {"Content-Type": "application/json"}, content),
            parser=parser,
            check=checker,
            costs={"private": 1},
            signer=sign,
            writes=True,
            symbol=str(symbol),
            order_id=order_id,
            client_order_id=client_order_id,
        )

    def _url(self, path: str, params: Params) -> str:
        """Lists become one parameter for each item."""
        query = urlencode({k: v for k, v in params.items() if v is not None}, doseq=True, quote_via=quote, safe="")
        url = f"{self.rest_hosts['spot']}{_ROOT}{path}"
        return f"{url}?{query}" if query else url

    def _check_kind(self, kind: Kind) -> None:
        if kind not in self.spec.kinds:
            raise NotSupported(f"{self.name}: only spot is offered here, not {kind}", venue=self.name)

    # Calls of several requests.

    def _balances(self, known: list[Balance], cursor: str | None) -> Call[list[Balance]]:
        """The page of accounts at ``cursor``, and those after it."""

        def rest(response: Response, balances: list[Balance]) -> Call[list[Balance]] | None:
            page = _accounts(response.body)
            return self._balances(balances, page.cursor) if page.has_next and page.cursor else None

        params = {"limit": _ACCOUNTS_PAGE, "cursor": cursor}
        return self._private(
            "fetch_balances", "/accounts", params, lambda body: _accounts(body).added_to(known), then=rest
        )

    def _orders(
        self,
        verb: str,
        market: Symbol | None,
        params: Params,
        *,
        window: Window = (None, None),
        limit: int | None = None,
        everything: bool,
    ) -> Call[list[Order]]:
        """Orders, newest first on the wire, page by page."""

        def read(body: bytes) -> list[Order]:
            rows = [row for row in _orders(body).orders if row.product_type in ("SPOT", "")]
            return [row.order(market or self.known_symbol(row.product_id, "spot")) for row in reversed(rows)]

        def older(response: Response) -> str | None:
            page = _orders(response.body)
            return page.cursor if page.has_next and page.cursor else None

        dates = {"start_date": rfc3339(window[0]), "end_date": rfc3339(window[1])}
        path = "/orders/historical/batch"
        return self._chain(
            verb,
            path,
            market,
            {**params, **dates},
            read,
            older,
            _within(window, _created),
            limit,
            everything=everything,
        )

    def _fills(self, market: Symbol, window: Window, limit: int | None) -> Call[list[Fill]]:
        """Fills, newest first on the wire, page by page."""
        dates = {"start_sequence_timestamp": rfc3339(window[0]), "end_sequence_timestamp": rfc3339(window[1])}
        return self._chain(
            "fetch_fills",
            "/orders/historical/fills",
            market,
            dates,
            lambda body: [row.fill(market) for row in reversed(_fills(body).fills)],
            lambda response: _fills(response.body).cursor or None,
            _within(window, lambda row: row.time_ns),
            limit,
            everything=window[0] is not None,
        )

    def _chain(
        self,
        verb: str,
        path: str,
        market: Symbol | None,
        params: Params,
        read: Callable[[bytes], list[T]],
        older: Callable[[Response], str | None],
        keep: Callable[[T], bool],
        limit: int | None,
        *,
        everything: bool,
    ) -> Call[list[T]]:
        named = {"product_ids": None if market is None else self.native_symbol(market), **params}
        return Chain(
            read=read,
            call=lambda size, cursor, parse, then: self._private(
                verb, path, {**named, "limit": size or _PAGE, "cursor": cursor}, parse, symbol=market, then=then
            ),
            older=older,
            page=LOOKUP,
            limit=None if limit is None else checked_limit(limit),
            everything=everything,
            keep=keep,
        ).first()

    def _look_up(self, verb: str, market: Symbol, client_order_id: str, then: Then[Order] | None = None) -> Call[Order]:
        """An order by client order id: the newest with it among the market's latest."""

        def parse(body: bytes) -> Order:
            for row in _orders(body).orders:
                if row.client_order_id == client_order_id:
                    return row.order(market)
            raise OrderNotFound(
                f"none of the latest {LOOKUP} orders of {market} has the client order id {client_order_id}",
                venue=self.name,
            )

        params = {"product_ids": self.native_symbol(market), "limit": LOOKUP}
        return self._private(verb, "/orders/historical/batch", params, parse, symbol=market, then=then)


def _created(order: Order) -> int | None:
    return order.created_ns


def _within(window: Window, time_of: Callable[[T], int | None]) -> Callable[[T], bool]:
    """Whether a row's time is in the half-open window: the venue's bounds may be inclusive."""
    first, last = window

    def inside(row: T) -> bool:
        at = time_of(row)
        return at is None or ((first is None or at >= first) and (last is None or at < last))

    return inside


def rfc3339(ns: int | None) -> str | None:
    """A bound of a window as the venue writes times, to the microsecond not before it."""
    if ns is None:
        return None
    micros = -(-ns // 1000)
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
