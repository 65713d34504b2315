"""One sandbox for the contract suite, and clients on it. Every test runs for every venue that has a sandbox."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import msgspec
import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox, dialects

DOLLARS = ("USD", "USDT", "USDC")


def pytest_generate_tests(metafunc: Any) -> None:
    parametrized = [name for mark in metafunc.definition.iter_markers("parametrize") for name in mark.args[0]]
    if "venue_name" in metafunc.fixturenames and "venue_name" not in parametrized:
        metafunc.parametrize("venue_name", dialects(), scope="module")


MANIFOLD = 1000
"""How much more than the venue grants we take, so that no test waits for a quota. ``test_limits`` keeps to them."""


@pytest.fixture(scope="module", autouse=True)
def unhurried(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let clients think that the venues grant more, as their sandboxes do (``roomy``)."""
    with pytest.MonkeyPatch.context() as patched:
        for kind in {type(tw.venue(name)) for name in dialects()} if not hasattr(request.module, "LIMITED") else ():
            more = tuple(msgspec.structs.replace(quota, limit=MANIFOLD * quota.limit) for quota in kind.spec.quotas)
            patched.setattr(kind, "spec", msgspec.structs.replace(kind.spec, quotas=more))
        yield


@functools.cache
def roomy(venue_name: str) -> Mapping[str, tuple[int, float]]:
    """Limits of a sandbox that nobody reaches."""
    usual = Sandbox(venue_name).exchange(venue_name).limits
    return {scope: (MANIFOLD * limit.limit, limit.period_s) for scope, limit in usual.items()}


@pytest.fixture(scope="module")
def sandbox(request: pytest.FixtureRequest, venue_name: str) -> Iterator[Sandbox]:
    how = getattr(request.module, "SANDBOX", {})  # what a file's tests need of it
    with Sandbox(venue_name, seed=7, limits=roomy(venue_name), **how) as running:
        try:
            running.credentials(venue_name)
        except tw.ConfigError as missing:
            pytest.skip(str(missing))
        yield running


@pytest.fixture
def client(sandbox: Sandbox, venue_name: str) -> Iterator[tw.Client]:
    sandbox.clear_faults()
    with tw.Client(venue_name, environment=sandbox, credentials=sandbox.credentials(venue_name), retries=0) as made:
        yield made
    sandbox.clear_faults()


@pytest.fixture
async def async_client(sandbox: Sandbox, venue_name: str) -> AsyncIterator[tw.AsyncClient]:
    sandbox.clear_faults()
    async with tw.AsyncClient(
        venue_name, environment=sandbox, credentials=sandbox.credentials(venue_name), retries=0
    ) as made:
        yield made
    sandbox.clear_faults()


def listed(sandbox: Sandbox, venue_name: str, kind: str, tail: str = "") -> list[str]:
    """Markets of Bitcoin and Ether against one dollar that the venue lists, in this order."""
    have = {str(item.symbol) for item in sandbox.exchange(venue_name).instruments(kind)}
    for dollar in DOLLARS:
        names = [f"{asset}-{dollar}{tail}" for asset in ("BTC", "ETH")]
        if have.issuperset(names):
            return names
    pytest.skip(f"the venue has no {kind} markets")


@pytest.fixture(scope="module")
def spots(sandbox: Sandbox, venue_name: str) -> list[str]:
    """Two liquid spot markets with one quote currency."""
    return listed(sandbox, venue_name, "spot")


@pytest.fixture(scope="module")
def spot(spots: list[str]) -> str:
    """A liquid spot market."""
    return spots[0]


@pytest.fixture(scope="module")
def perp(sandbox: Sandbox, venue_name: str) -> str:
    """A liquid perpetual."""
    return listed(sandbox, venue_name, "linear", "-PERP")[0]


@pytest.fixture(params=["spot", "perp"])
def symbol(request: pytest.FixtureRequest, venue_name: str) -> str:
    """A liquid market of each kind that the venue trades."""
    name: str = request.getfixturevalue(request.param)
    return name
