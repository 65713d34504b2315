"""What must hold of a source of data, or of a way to trade, for ``Futures`` to use it. Your own is as good as ours.

A provider has a ``name``, and ``capabilities``: the verbs that it offers. It defines those verbs as ``Verbs`` spells
them, and no others. An error of ``tidewire.errors``, or an ``OSError``, means that it has not what was asked for, and
the next provider is asked; anything else is a fault of the program and is raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ConfigError, Error
from ..models import Instrument, Ticker
from ..symbols import Interval
from .bars import Bars
from .contracts import Contract
from .ticks import Ticks
from .watch import LiveSource

if TYPE_CHECKING:
    # The models of Chinese futures trading are those of CTP, whoever trades.
    from ..ctp.models import Account, Fill, Order, Position

__all__ = ["READS", "TRADES", "Failure", "Provider", "Verbs", "check_provider"]

Failure = tuple[str, Error]
"""Who could not help, and why."""

READS = frozenset(
    {
        "fetch_contracts",
        "fetch_instruments",
        "fetch_klines",
        "fetch_ticker",
        "fetch_ticks",
        "watch_klines",
        "watch_ticker",
    }
)
TRADES = frozenset(
    {
        "cancel_all_orders",
        "cancel_order",
        "create_order",
        "fetch_account",
        "fetch_fills",
        "fetch_orders",
        "fetch_positions",
        "resolve_order",
        "watch_fills",
        "watch_orders",
    }
)


class Provider(Protocol):
    """A source of data, a way to trade, or both. ``open()`` and ``close()`` are called where it has them."""

    @property
    def name(self) -> str:
        """What errors and provenance call it."""
        ...

    @property
    def capabilities(self) -> frozenset[str]:
        """The verbs of ``Verbs`` that it offers."""
        ...


class Verbs(Provider, Protocol):
    """Every verb that a provider may offer. Times are UTC nanoseconds; windows are half-open.

    No frame is ever empty: where there is nothing, a verb raises ``UnknownSymbol``. Bars and ticks carry a
    ``Provenance``; more of them than the window asks for does no harm.
    """

    def fetch_klines(self, contract: Contract, interval: Interval, start: int | None, end: int | None) -> Bars:
        """Bars that are over, ascending."""
        ...

    def fetch_ticks(self, contract: Contract, start: int | None, end: int | None) -> Ticks:
        """Snapshots, ascending."""
        ...

    def fetch_contracts(self, product: str) -> list[Contract]:
        """Contracts of a product that it has bars of, those that have expired included."""
        ...

    def fetch_instruments(self) -> list[Instrument]:
        """Every future that is listed, each with a ``ContractSymbol``."""
        ...

    def fetch_ticker(self, contract: Contract) -> Ticker:
        """The market as it is now."""
        ...

    def watch_ticker(self, contract: Contract) -> LiveSource[Ticker]:
        """The market whenever it changes."""
        ...

    def watch_klines(self, contract: Contract, interval: Interval) -> LiveSource[Bars]:
        """Bars as they end, each once, one or several at a time, beginning with one that was seen whole."""
        ...

    # As those of ``tidewire.ctp.Trader``.

    def create_order(self, contract: Contract, **order: Any) -> Order | list[Order]:
        """Send an order and wait for its verdict."""
        ...

    def cancel_order(self, *, client_order_id: str | None = None, order_id: str | None = None) -> Order:
        """Cancel an order and wait until it is final."""
        ...

    def cancel_all_orders(self, contract: Contract | None = None) -> list[Order]:
        """Cancel every working order."""
        ...

    def resolve_order(self, unknown: Any, *, timeout: float = 10.0) -> Order:
        """Find out what became of an order whose answer was lost."""
        ...

    def fetch_account(self) -> Account:
        """The account's money."""
        ...

    def fetch_positions(self, contract: Contract | None = None) -> list[Position]:
        """Positions held."""
        ...

    def fetch_orders(self, contract: Contract | None = None) -> list[Order]:
        """The day's orders."""
        ...

    def fetch_fills(self, contract: Contract | None = None) -> list[Fill]:
        """The day's fills."""
        ...

    def watch_orders(self) -> LiveSource[Order]:
        """Every change of every order."""
        ...

    def watch_fills(self) -> LiveSource[Fill]:
        """Every fill, once."""
        ...


def check_provider(provider: Provider) -> None:
    """Raise ``ConfigError`` unless a provider has a name and defines what it says that it offers."""
    kind = type(provider).__name__
    name, offered = getattr(provider, "name", None), getattr(provider, "capabilities", None)
    if not isinstance(name, str) or not name:
        raise ConfigError(f"a provider has a name, a text: {kind} has {name!r}")
    if not isinstance(offered, (frozenset, set)):
        raise ConfigError(f"{name}: capabilities is a frozenset of verbs such as 'fetch_klines', not {offered!r}")
    if unknown := offered - READS - TRADES:
        known = ", ".join(sorted(READS | TRADES))
        raise ConfigError(f"{name} offers {', '.join(sorted(unknown))}; the verbs are {known}")
    if missing := [verb for verb in sorted(offered) if not callable(getattr(provider, verb, None))]:
        raise ConfigError(f"{name} offers {', '.join(missing)}, but {kind} does not define that")
