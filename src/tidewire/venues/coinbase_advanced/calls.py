"""How Coinbase Advanced's calls are put together, and the ones that take several requests."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from ..._call import Call, Request, Response
from ..._venue import Venue
from ...errors import NotSupported, OrderNotFound
from ...models import Balance, Order
from ...symbols import Kind, Symbol
from . import orders, wire
from .auth import sign
from .errors import check, check_product

__all__ = ["LOOKUP", "CoinbaseAdvancedCalls", "rfc3339"]

T = TypeVar("T")
Check = Callable[[Response], None]
Params = Mapping[str, object]
Then = Callable[[Response, T], Call[T] | None]

LOOKUP: Final = 1000
"""How many of a market's latest orders are searched for a client order id: as many as one page can hold."""

_ROOT: Final = "/api/v3/brokerage"
_ACCOUNTS_PAGE: Final = 250
_OPEN_PAGE: Final = 100

_accounts = wire.decoder(wire.Accounts)
_orders = wire.decoder(orders.Orders)


class CoinbaseAdvancedCalls(Venue):
    """Builds requests: public ones, signed reads, signed writes with a JSON body."""

    def native_symbol(self, symbol: Symbol) -> str:
        """``BTC-USD``."""
        return f"{symbol.base}-{symbol.quote}"

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
            request=Request("GET", self._url(path, params)),
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

    def _open_orders(self, market: Symbol | None, known: list[Order], cursor: str | None) -> Call[list[Order]]:
        """The page of open orders at ``cursor``, which are newest first, and those after it."""

        def parse(body: bytes) -> list[Order]:
            rows = [row for row in _orders(body).orders if row.product_type in ("SPOT", "")]
            page = [row.order(market or self.known_symbol(row.product_id, "spot")) for row in rows]
            return [*reversed(page), *known]

        def rest(response: Response, found: list[Order]) -> Call[list[Order]] | None:
            page = _orders(response.body)
            return self._open_orders(market, found, page.cursor) if page.has_next and page.cursor else None

        params = {
            "order_status": "OPEN",
            "product_ids": None if market is None else self.native_symbol(market),
            "limit": _OPEN_PAGE,
            "cursor": cursor,
        }
        return self._private("fetch_open_orders", "/orders/historical/batch", params, parse, symbol=market, then=rest)

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


def rfc3339(ns: int | None) -> str | None:
    """A bound of a window as the venue writes times, to the microsecond not before it."""
    if ns is None:
        return None
    micros = -(-ns // 1000)
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
