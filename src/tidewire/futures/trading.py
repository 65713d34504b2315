"""The trading verbs of the facade: those of ``tidewire.ctp.Trader``, with symbols in any spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import OutcomeUnknown
from .chain import Chain
from .contracts import Contract
from .naming import contract_of
from .watch import LiveSource

if TYPE_CHECKING:
    from ..ctp.models import Account, Fill, Order, Position

__all__ = ["Trading"]


class Trading:
    """What every verb does goes to the one provider that trades, and to no other, whatever becomes of it."""

    _chain: Chain

    @overload
    def create_order(self, symbol: str | Contract, *, offset: Literal["auto"], **order: Any) -> list[Order]: ...
    @overload
    def create_order(
        self,
        symbol: str | Contract,
        *,
        offset: Literal["open", "close", "close_today", "close_yesterday"],
        **order: Any,
    ) -> Order: ...
    def create_order(self, symbol: str | Contract, *, offset: str, **order: Any) -> Any:
        """Send an order and wait until the exchange accepts or refuses it; arguments and errors as ``Trader``'s."""
        return self._chain.trader("create_order").create_order(contract_of(symbol), offset=offset, **order)

    def cancel_order(self, *, client_order_id: str | None = None, order_id: str | None = None) -> Order:
        """Cancel an order and wait until it is final."""
        trader = self._chain.trader("cancel_order")
        return trader.cancel_order(client_order_id=client_order_id, order_id=order_id)

    def cancel_all_orders(self, symbol: str | Contract | None = None) -> list[Order]:
        """Cancel every working order, of one contract or of all; return them as they ended."""
        return self._chain.trader("cancel_all_orders").cancel_all_orders(_maybe(symbol))

    def resolve_order(self, unknown: OutcomeUnknown, *, timeout: float = 10.0) -> Order:
        """Find out what became of an order whose answer was lost."""
        return self._chain.trader("resolve_order").resolve_order(unknown, timeout=timeout)

    def fetch_account(self) -> Account:
        """Ask for the account's money."""
        return self._chain.trader("fetch_account").fetch_account()

    def fetch_positions(self, symbol: str | Contract | None = None) -> list[Position]:
        """Ask for positions."""
        return self._chain.trader("fetch_positions").fetch_positions(_maybe(symbol))

    def fetch_orders(self, symbol: str | Contract | None = None) -> list[Order]:
        """Ask for the day's orders."""
        return self._chain.trader("fetch_orders").fetch_orders(_maybe(symbol))

    def fetch_fills(self, symbol: str | Contract | None = None) -> list[Fill]:
        """Ask for the day's fills."""
        return self._chain.trader("fetch_fills").fetch_fills(_maybe(symbol))

    def watch_orders(self) -> LiveSource[Order]:
        """Read every change of every order of the account, from now on."""
        return self._chain.trader("watch_orders").watch_orders()

    def watch_fills(self) -> LiveSource[Fill]:
        """Read every fill of the account once, from now on."""
        return self._chain.trader("watch_fills").watch_fills()


def _maybe(symbol: str | Contract | None) -> Contract | None:
    return None if symbol is None else contract_of(symbol)
