"""One sandbox for the contract suite, and clients on it. Every test runs for every venue that has a sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox, dialects


def pytest_generate_tests(metafunc: Any) -> None:
    if "venue_name" in metafunc.fixturenames:
        metafunc.parametrize("venue_name", dialects(), scope="module")


@pytest.fixture(scope="module")
def sandbox(venue_name: str) -> Iterator[Sandbox]:
    with Sandbox(venue_name, seed=7) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox, venue_name: str) -> Iterator[tw.Client]:
    sandbox.clear_faults()
    with tw.Client(
        venue_name, environment=sandbox, credentials=sandbox.credentials(venue_name), timeout=2.0, retries=0
    ) as made:
        yield made
    sandbox.clear_faults()


@pytest.fixture
async def async_client(sandbox: Sandbox, venue_name: str) -> AsyncIterator[tw.AsyncClient]:
    sandbox.clear_faults()
    async with tw.AsyncClient(
        venue_name, environment=sandbox, credentials=sandbox.credentials(venue_name), timeout=2.0, retries=0
    ) as made:
        yield made
    sandbox.clear_faults()
