"""Local venues: real HTTP and WebSocket servers on loopback that speak each venue's own dialect.

::

    with Sandbox(["binance"]) as sandbox:
        client = tw.Client("binance", environment=sandbox, credentials=sandbox.credentials("binance"))
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeVar

from .._dialect import Dialect, IssuesKeys, Limit, Usage
from .._loop import LoopThread
from ..credentials import Credentials
from ..errors import ConfigError
from ..symbols import Symbol
from ..venues import home, venues
from .exchange import VenueExchange
from .faults import Armed, Fault, FaultKind, FaultPlan
from .house import LEVELS
from .quotas import Quotas
from .service import VenueService

__all__ = ["Armed", "Fault", "Sandbox", "Usage", "dialects"]

T = TypeVar("T")
_FOREVER_S = 1e9  # of a market that stands still
FUNDS: Mapping[str, Decimal] = {
    "USDT": Decimal(1_000_000),
    "USDC": Decimal(1_000_000),
    "USD": Decimal(1_000_000),
    "BTC": Decimal(10),
    "ETH": Decimal(100),
    "BNB": Decimal(100),
    "SOL": Decimal(1000),
}


def dialects() -> tuple[str, ...]:
    """Venues that have a sandbox: a module of that name beside them."""
    return tuple(name for name in venues() if importlib.util.find_spec(f"{home(name)}.sandbox"))


class Sandbox:
    """Local venues with a market model, a matching engine and faults on request.

    ``venues`` is one name or several, all that have a dialect when omitted. ``seed`` decides prices, quotes and
    chance. ``faults`` are armed from the start. ``pace`` is the seconds between steps of the markets; with ``None``
    they stand still until ``step()``. ``levels`` is how many levels a side their books have. ``apart`` is how far
    each market wanders from what its asset is worth elsewhere, as a fraction of the price: more than fees cost, and
    there is arbitrage between venues. ``limits`` replaces request limits: scope to (limit, whole seconds), where
    ``"weight"`` stands for every scope that ends so. ``patience`` and ``ban_s`` rule bans. ``ports`` fixes ports: venue
    to (REST, stream).

    A context manager, sync or async: either way the servers run in one background thread with an event loop of its own,
    and are gone, with every connection, when the block ends. Methods may be called from any thread.
    """

    def __init__(
        self,
        venues: str | Iterable[str] | None = None,
        *,
        seed: int = 1,
        faults: Iterable[Fault] = (),
        pace: float | None = 0.1,
        levels: int = LEVELS,
        apart: float = 0.0,
        limits: Mapping[str, tuple[int, float]] | None = None,
        patience: int = 10,
        ban_s: float = 120.0,
        funds: Mapping[str, Decimal] = FUNDS,
        ports: Mapping[str, tuple[int, int]] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        if pace is not None and pace <= 0:
            raise ConfigError(f"pace must be positive seconds, or None to step by hand, not {pace}")
        if levels < 1:
            raise ConfigError(f"levels must be a positive number of levels a side, not {levels}")
        names = dialects() if venues is None else (venues,) if isinstance(venues, str) else tuple(venues)
        self._seed, self._pace, self._host, self._ports = seed, pace, host, dict(ports or {})
        self._plan = FaultPlan(seed, faults)
        if not 0 <= apart < 1:
            raise ConfigError(f"apart must be a fraction of the price such as 0.005, not {apart}")
        self._services = {
            name: self._build(name, limits or {}, patience, ban_s, funds, levels, apart) for name in names
        }
        self._thread = LoopThread("tidewire-sandbox")
        self._keys: dict[str, Credentials] = {}
        for name in names:
            with contextlib.suppress(ConfigError):  # raised again when somebody asks for the key
                self.credentials(name)

    # Life.

    def start(self) -> Self:
        """Listen; returns when every venue answers."""
        if self._thread.is_running:
            raise ConfigError("the sandbox is running already")
        self._thread.start(self._serve)
        return self

    def stop(self) -> None:
        """Close every connection and wait until the thread is gone; raise what failed inside meanwhile."""
        self._plan.clear()
        self._thread.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def __repr__(self) -> str:
        state = "running" if self._thread.is_running else "stopped"
        return f"<Sandbox {' '.join(self._services)} ({state})>"

    # What a client needs.

    @property
    def venues(self) -> tuple[str, ...]:
        """Venues served."""
        return tuple(self._services)

    def base_url(self, venue: str) -> str:
        """Where the venue's REST is."""
        return f"http://{self._host}:{self._running(venue).rest_port}"

    def stream_url(self, venue: str) -> str:
        """Where the venue's WebSocket is."""
        return f"ws://{self._host}:{self._running(venue).stream_port}"

    def credentials(self, venue: str) -> Credentials:
        """A key that the sandbox knows, with funds behind it; always the same one.

        Raises ``ConfigError`` where a key of the venue's form needs a package that is not installed.
        """
        if venue not in self._keys:
            self._keys[venue] = _make_key(self._service(venue).dialect, self._seed)
            self.add_key(venue, self._keys[venue])
        return self._keys[venue]

    def add_key(self, venue: str, credentials: Credentials) -> None:
        """Open another account. For an Ed25519 key the secret is its public half, in PEM."""
        self._service(venue).exchange.keys[credentials.key] = credentials

    # Control.

    def step(self, times: int = 1) -> None:
        """Let every market trade and quote, and send the streams what changed."""

        def move() -> None:
            for _ in range(times):
                for service in self._services.values():
                    service.step()

        self._thread.call(move)

    def flush(self, venue: str) -> None:
        """Send the streams what changed, for one who changed something by ``inspect``."""
        self._thread.call(self._service(venue).flush)

    def fail(
        self,
        kind: FaultKind,
        *,
        venue: str = "",
        method: str = "",
        path: str = "",
        times: int | None = 1,
        probability: float = 1.0,
        seconds: float = 1.0,
        status: int = 503,
    ) -> Armed:
        """Arm a fault (see ``Fault``); returns its handle: ``hits``, ``release()``, ``cancel()``."""
        fault = Fault(
            kind=kind,
            venue=venue,
            method=method,
            path=path,
            times=times,
            probability=probability,
            seconds=seconds,
            status=status,
        )
        return self._plan.arm(fault)

    def clear_faults(self) -> None:
        """Disarm every fault and let go of what hangs."""
        self._plan.clear()

    def set_clock_offset(self, venue: str, seconds: float) -> None:
        """Let the venue's clock be this far ahead of the true one (negative: behind)."""
        self._service(venue).exchange.offset_ns = round(seconds * 1e9)

    def lean(self, venue: str, symbol: str | Symbol, fraction: float) -> None:
        """Let a market stand this far beside its price elsewhere from the next step on, as a fraction of the price."""
        market = Symbol.parse(symbol)

        def push(exchange: VenueExchange) -> None:
            exchange.markets[market].house.lean = fraction

        self.inspect(venue, push)

    def exchange(self, venue: str) -> VenueExchange:
        """The venue's inside, to look at. It belongs to the sandbox's thread: use ``inspect`` while it runs."""
        return self._service(venue).exchange

    def inspect(self, venue: str, look: Callable[[VenueExchange], T]) -> T:
        """Call ``look(exchange)`` in the sandbox's thread, between requests, and return what it returns."""
        exchange = self._service(venue).exchange
        return self._thread.call(lambda: look(exchange))

    # Counters.

    def requests(self, venue: str) -> Counter[str]:
        """Requests so far, by ``"METHOD /path"``."""
        service = self._service(venue)
        return self._thread.call(lambda: Counter(service.requests))

    def refusals(self, venue: str) -> Counter[int]:
        """Requests refused for their weight so far, by status: 429 and 418."""
        return self.inspect(venue, lambda exchange: Counter(exchange.quotas.refusals))

    def usage(self, venue: str, scope: str) -> Usage:
        """Weight used in the present window."""
        return self.inspect(venue, lambda exchange: exchange.usage(scope))

    def peak(self, venue: str, scope: str) -> int:
        """Most weight granted in any window so far."""
        return self.inspect(venue, lambda exchange: exchange.quotas.peak(scope))

    def windows(self, venue: str, scope: str) -> dict[int, int]:
        """Weight granted in each window so far; windows are numbered since the epoch."""
        return self.inspect(venue, lambda exchange: dict(exchange.quotas.windows[scope]))

    def connections(self, venue: str) -> int:
        """Stream connections open now."""
        return self._service(venue).connections

    # Inside.

    def _build(
        self,
        name: str,
        limits: Mapping[str, tuple[int, float]],
        patience: int,
        ban_s: float,
        funds: Mapping[str, Decimal],
        levels: int,
        apart: float,
    ) -> VenueService:
        dialect = _load(name)
        quotas = Quotas(_override(dialect.limits, limits), patience=patience, ban_s=ban_s)
        exchange = VenueExchange(dialect, self._seed, funds, quotas, levels, apart)
        return VenueService(dialect, exchange, self._plan)

    def _service(self, venue: str) -> VenueService:
        try:
            return self._services[venue]
        except KeyError:
            raise ConfigError(f"this sandbox does not serve {venue!r}: it has {', '.join(self._services)}") from None

    def _running(self, venue: str) -> VenueService:
        if not self._thread.is_running:
            raise ConfigError("the sandbox is not running: use it as a context manager, or call start()")
        return self._service(venue)

    async def _serve(self, ready: Callable[[], None]) -> None:
        try:
            for name, service in self._services.items():
                await service.start(self._host, *self._ports.get(name, (0, 0)))
            ready()
            while True:
                await asyncio.sleep(_FOREVER_S if self._pace is None else self._pace)
                for service in self._services.values():
                    service.step()
        finally:
            for service in self._services.values():
                await service.close()


def _load(name: str) -> Dialect:
    if name not in dialects():
        raise ConfigError(f"no sandbox for {name!r}: one of {', '.join(dialects())}")
    dialect: Dialect = importlib.import_module(f"{home(name)}.sandbox").DIALECT
    return dialect


def _override(limits: Mapping[str, Limit], wanted: Mapping[str, tuple[int, float]]) -> dict[str, Limit]:
    changed = dict(limits)
    for name, (most, period_s) in wanted.items():
        scopes = [scope for scope in limits if scope == name or scope.endswith(f"-{name}")]
        if not scopes or most < 1 or period_s < 1 or period_s % 1:
            raise ConfigError(f"limits: {name!r} must be one of {', '.join(limits)}, with (limit, whole seconds)")
        for scope in scopes:
            changed[scope] = Limit(most, period_s, limits[scope].bans)
    return changed


def _make_key(dialect: Dialect, seed: int) -> Credentials:
    def text(part: str) -> str:
        return hashlib.sha256(f"tidewire sandbox/{dialect.name}/{seed}/{part}".encode()).hexdigest()

    if isinstance(dialect, IssuesKeys):
        return dialect.issue_key(text)
    return Credentials(text("key"), text("secret"), text("passphrase")[:12])
