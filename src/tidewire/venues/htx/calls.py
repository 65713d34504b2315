"""How HTX's calls are put together: hosts, paths, costs, the account's id, and times as the venue counts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal, TypedDict, TypeVar
from urllib.parse import quote

import msgspec

from ..._call import Call, Request, encode_query
from ..._order import checked_limit
from ..._venue import Venue
from ...book import BookLayout
from ...credentials import Credentials
from ...errors import ConfigError, NotSupported, VenueError
from ...klines import KlineLayout
from ...symbols import Kind, Symbol
from .auth import sign
from .errors import check, outcome_unknown
from .reports import Accounts
from .spec import BOOK, KLINES, PATHS, RESOURCES, SPEC
from .wire import MS, decoder

__all__ = ["HtxCalls", "Named", "Params", "milliseconds"]

T = TypeVar("T")
Params = Mapping[str, object]
_HOLE = "{account-id}"

_accounts = decoder(Accounts)


class Named(TypedDict):
    """The one order that a call is about."""

    symbol: Symbol
    order_id: str | None
    client_order_id: str | None


class HtxCalls(Venue):
    """What public and private verbs share."""

    spec = SPEC

    def __init__(
        self, *, environment: str = "live", base_url: str | None = None, stream_url: str | None = None
    ) -> None:
        super().__init__(environment=environment, base_url=base_url, stream_url=stream_url)
        self._account_id: str | None = None

    def native_symbol(self, symbol: Symbol) -> str:
        """Spot ``BTC-USDT`` → ``btcusdt``; ``BTC-USDT-PERP`` → ``BTC-USDT``; ``BTC-USDT-261225`` stays."""
        if symbol.kind == "spot":
            return f"{symbol.base}{symbol.quote}".lower()
        return f"{symbol.base}-{symbol.quote}" + (f"-{symbol.expiry}" if symbol.expiry else "")

    def kline_layout(self, kind: Kind = "spot") -> KlineLayout:
        """Rows are objects, newest first on spot. Quote volume is ``vol`` there and ``trade_turnover`` on swaps."""
        return KLINES[kind]

    def book_layout(self, kind: Kind = "spot") -> BookLayout:
        """Spot: channel ``mbp.150`` (for another N: ``msgspec.structs.replace(layout, depth=N)``) and its snapshot.

        Swaps: ``depth.size_150.high_freq`` with ``"data_type":"incremental"``; quantities are contracts.
        """
        return BOOK[kind]

    def usage(self, call: Call[Any], headers: Mapping[str, str]) -> Mapping[str, int]:
        """What is left of the call's own limit: ``X-HB-RateLimit-Requests-Remain`` on spot, ``ratelimit-…`` on swaps.

        Spot does not say of how many: where it allows more than we think, nothing is told.
        """
        (resource,) = call.costs
        quota = next(quota for quota in self.spec.quotas if quota.resource == resource)
        left = headers.get("x-hb-ratelimit-requests-remain" if call.kind == "spot" else "ratelimit-remaining", "")
        limit = headers.get("ratelimit-limit", "")
        if not left.isdigit():
            return {}
        used = (int(limit) if limit.isdigit() else quota.limit) - int(left)
        return {quota.scope: used} if used > 0 else {}

    def outcome_unknown(self, error: VenueError) -> bool:
        """5xx, and the spot codes for a gateway or matching engine that did not answer."""
        return outcome_unknown(error)

    # The account.

    def account_query(self) -> Call[str] | None:
        """See: GET /v1/account/accounts. Balances, orders and open orders on spot name the account's number."""
        if self._account_id is not None:
            return None
        return self._private("account_query", "spot", {}, lambda body: _accounts(body).spot_id())

    def learn_account(self, account_id: str) -> None:
        """Remember the spot account's number, as ``account_query`` finds it. It belongs to one key."""
        if not account_id.isdigit():
            raise ConfigError(f"{self.name}: an account id is digits, not {account_id!r}", venue=self.name)
        self._account_id = account_id

    def _sign_for_account(self, request: Request, credentials: Credentials, time_ns: int) -> Request:
        """Fill the account's number in before signing."""
        if self._account_id is None:
            hint = "learn_account(account_query().parse(…)) first, or give its number to learn_account()"
            raise ConfigError(f"{self.name}: the spot account's id is not known yet; {hint}", venue=self.name)
        url = request.url.replace(quote(_HOLE), self._account_id).replace(_HOLE, self._account_id)
        body = request.body.replace(_HOLE.encode(), self._account_id.encode())
        return sign(Request(request.method, url, request.headers, body), credentials, time_ns)

    # Calls.

    def _get(
        self,
        verb: str,
        kind: Kind,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        symbol: Symbol | None = None,
        needs_instrument: bool = False,
    ) -> Call[T]:
        return Call(
            verb=verb,
            request=Request("GET", self._url(verb, kind, params)),
            parser=parser,
            check=check,
            costs={RESOURCES[kind][verb]: 1},
            kind=kind,
            symbol=None if symbol is None else str(symbol),
            needs_instrument=needs_instrument,
        )

    def _private(
        self,
        verb: str,
        kind: Kind,
        params: Params,
        parser: Callable[[bytes], T],
        *,
        method: Literal["GET", "POST"] = "GET",
        address: str | None = None,
        names: Mapping[str, str] | None = None,
        symbol: Symbol | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
        needs_account: bool = False,
    ) -> Call[T]:
        """``address`` is the path's name where it is not the verb's; ``names`` fill the path."""
        writes = method == "POST"
        address = address or verb
        sent = {name: value for name, value in params.items() if value is not None}
        return Call(
            verb=verb,
            request=Request(
                method,
                self._url(address, kind, {} if writes else sent, names),
                body=msgspec.json.encode(sent) if writes else b"",
            ),
            parser=parser,
            check=check,
            costs={RESOURCES[kind][address]: 1},
            signer=self._sign_for_account if needs_account else sign,
            kind=kind,
            writes=writes,
            symbol=None if symbol is None else str(symbol),
            order_id=order_id,
            client_order_id=client_order_id,
            needs_instrument=kind == "linear" and verb not in ("fetch_balances", "cancel_order", "cancel_all_orders"),
            needs_account=needs_account,
        )

    def _url(self, address: str, kind: Kind, params: Params, names: Mapping[str, str] | None = None) -> str:
        path = PATHS[kind][address]
        for name, value in (names or {}).items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        query = encode_query(params)
        return f"{self.rest_hosts[kind]}{path}" + (f"?{query}" if query else "")

    def _target(self, symbol: Symbol) -> dict[str, Any]:
        """The parameter that names a market."""
        return {"symbol" if symbol.kind == "spot" else "contract_code": self.native_symbol(symbol)}

    def _size(self, symbol: Symbol) -> Decimal:
        """Base units that the venue's unit of quantity is worth: one on spot, a contract's on swaps."""
        return Decimal(1) if symbol.kind == "spot" else self.known_instrument(symbol).contract_size

    def _page(self, limit: int | None, most: int) -> int | None:
        return None if limit is None else min(checked_limit(limit), most)

    def _contract(self, symbol: str | Symbol) -> Symbol:
        market = self.symbol(symbol)
        if market.kind == "spot":
            raise NotSupported(
                f"{self.name}: {market} is spot; its perpetual is written {market}-PERP", venue=self.name
            )
        return market

    def _perpetual(self, symbol: str | Symbol) -> Symbol:
        market = self._contract(symbol)
        if market.expiry:
            raise NotSupported(f"{self.name}: {market} is a dated contract and pays no funding", venue=self.name)
        return market


def milliseconds(start_ns: int | None, end_ns: int | None) -> tuple[int | None, int | None]:
    """Half-open nanoseconds as the venue's inclusive milliseconds."""
    return None if start_ns is None else -(-start_ns // MS), None if end_ns is None else -(-end_ns // MS) - 1
