"""OKX's private streams, and orders over a socket.

See: https://www.okx.com/docs-v5/en/#overview-websocket-login and #order-book-trading-trade-ws-place-multiple-orders
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final

from ..._call import Call, Request, Response
from ..._channel import BalanceChannel, EntryChannel, OrderChannel
from ..._feed import Feed, Moment
from ...credentials import Credentials
from ...errors import ConfigError
from ...models import Order
from ...symbols import Kind, Symbol
from . import events
from .auth import expiry, login
from .messages import ACCOUNT, ORDERS
from .stream import OKXStreams

__all__ = ["OKXAccount"]

PRIVATE: Final = "/ws/v5/private"

# What to ask for, and what of it belongs to a kind. Swaps and futures can only be had together with everything else.
_LISTS: Final[Mapping[Kind, tuple[str, tuple[str, ...]]]] = {
    "spot": ("SPOT", ("SPOT",)),
    "linear": ("ANY", ("SWAP", "FUTURES")),
}

_OPERATIONS: Final = {"create_order": "batch-orders", "cancel_order": "cancel-order"}
_ORDERS_PER_S = 200.0
_ORDERS_BURST = 300


class OKXAccount(OKXStreams):
    """The private streaming half of ``OKX``."""

    def watch_orders(self, *, kind: Kind = "spot") -> OrderChannel:
        """See: orders."""
        wanted, lists = _LISTS[self._kind(kind)]
        market = partial(self._market, kind)
        return OrderChannel(
            feed=self._private_feed(),
            topic=f"{ORDERS}:{wanted}",
            kind=kind,
            parse=lambda frame: events.orders(frame, lists, market),
        )

    def watch_balances(self, *, kind: Kind = "spot") -> BalanceChannel:
        """See: account. One account holds everything: both kinds show the same assets."""
        return BalanceChannel(
            feed=self._private_feed(),
            topic=f"{ACCOUNT}:{self._kind(kind)}",
            kind=kind,
            parse=partial(events.balances, margin=kind == "linear"),
        )

    def order_entry(self, *, kind: Kind = "spot") -> EntryChannel:
        """See: batch-orders, of one order each as over REST, and cancel-order. One connection takes both kinds."""
        self._kind(kind)
        feed = replace(
            self._private_feed(),
            subscribe=None,
            unsubscribe=None,
            commands_per_s=_ORDERS_PER_S,  # only logins are rationed by the hour; orders share the quotas of REST
            commands_burst=_ORDERS_BURST,
        )
        command = partial(self._command, url=feed.url)
        return EntryChannel(
            feed=feed, topic="entry", kinds=self.spec.kinds, command=command, write=_write, response=_response
        )

    def _command(self, call: Call[Order], url: str) -> Call[Order]:
        """A call of REST as an operation: the body is what goes into ``args``."""
        if call.verb not in _OPERATIONS or call.symbol is None:
            raise ConfigError(f"{call.verb} cannot go over a stream", venue=self.name)
        request = Request(_OPERATIONS[call.verb], url, body=call.request.body)
        signer = partial(self._stamp, symbol=self.symbol(call.symbol))
        return replace(call, request=request, signer=signer, needs_instrument=True)

    def _stamp(self, request: Request, credentials: Credentials, time_ns: int, symbol: Symbol) -> Request:
        """The connection is logged in, so nothing is signed; but an order that is held up must still die.

        Since February 2026 operations name their market by ``instIdCode`` and no more by ``instId``, which REST takes.
        """
        args = json.loads(request.body)
        code = self.known_instrument(symbol).native_code
        for arg in args if isinstance(args, list) else [args]:
            if code is not None:
                del arg["instId"]
                arg["instIdCode"] = code
        body = json.dumps(args, separators=(",", ":")).encode()
        return Request(request.method, request.url, {"expTime": expiry(time_ns)}, body)

    def _private_feed(self) -> Feed:
        return replace(self._feed(PRIVATE), private=True, login=_login)

    def _market(self, kind: Kind, native: str) -> tuple[Symbol, Decimal] | None:
        symbol = self._offered(native, kind)
        return None if symbol is None else (symbol, self._size(symbol))

    def _kind(self, kind: Kind) -> Kind:
        if kind not in _LISTS:
            raise ConfigError(f"kind must be one of {', '.join(_LISTS)}, not {kind!r}", venue=self.name)
        return kind


def _write(request: Request, moment: Moment) -> str:
    body = request.body.decode()
    args = body if body.startswith("[") else f"[{body}]"
    expires = request.headers["expTime"]
    return f'{{"id":"{moment.number}","op":"{request.method}","expTime":"{expires}","args":{args}}}'


def _response(answer: bytes) -> Response:
    """An operation is answered in REST's envelope."""
    return Response(200, answer)


def _login(moment: Moment) -> str:
    if moment.credentials is None:
        raise ConfigError("an account's streams need credentials", venue="okx")
    return login(moment.credentials, moment.time_ns)
