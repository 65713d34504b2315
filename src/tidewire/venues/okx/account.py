"""OKX's private streams, and orders over a socket.

See: https://www.okx.com/docs-v5/en/#overview-websocket-login and #order-book-trading-trade-ws-place-multiple-orders
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final

from ..._channel import BalanceChannel, OrderChannel
from ..._feed import Feed, Moment
from ...errors import ConfigError
from ...symbols import Kind, Symbol
from . import events
from .auth import login
from .messages import ACCOUNT, ORDERS
from .stream import OKXStreams

__all__ = ["OKXAccount"]

PRIVATE: Final = "/ws/v5/private"

# What to ask for, and what of it belongs to a kind. Swaps and futures can only be had together with everything else.
_LISTS: Final[Mapping[Kind, tuple[str, tuple[str, ...]]]] = {
    "spot": ("SPOT", ("SPOT",)),
    "linear": ("ANY", ("SWAP", "FUTURES")),
}


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

    def _private_feed(self) -> Feed:
        return replace(self._feed(PRIVATE), private=True, login=_login)

    def _market(self, kind: Kind, native: str) -> tuple[Symbol, Decimal] | None:
        """What is not offered here, such as an inverse contract, is not known."""
        symbol = self._symbols.get((kind, native))
        return None if symbol is None else (symbol, self._size(symbol))

    def _kind(self, kind: Kind) -> Kind:
        if kind not in _LISTS:
            raise ConfigError(f"kind must be one of {', '.join(_LISTS)}, not {kind!r}", venue=self.name)
        return kind


def _login(moment: Moment) -> str:
    if moment.credentials is None:
        raise ConfigError("an account's streams need credentials", venue="okx")
    return login(moment.credentials, moment.time_ns)
