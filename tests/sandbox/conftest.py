"""A running sandbox, a plain HTTP client for it, and signatures made without any of our own code."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tidewire.credentials import Credentials
from tidewire.sandbox import Sandbox

Signed = Callable[..., httpx.Response]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    before = threading.active_count()
    with Sandbox("binance", pace=None) as running:
        yield running
    assert threading.active_count() == before


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url("binance"), timeout=5) as client:
        yield client


@pytest.fixture
def signed(sandbox: Sandbox, http: httpx.Client) -> Signed:
    """``signed("POST", "/api/v3/order", symbol="BTCUSDT", …)``, by the sandbox's own key or by another."""
    first = sandbox.credentials("binance")

    def send(method: str, path: str, *, key: Credentials = first, **params: Any) -> httpx.Response:
        query = urlencode({"timestamp": time.time_ns() // 1_000_000, **params})
        signature = hmac.new(key.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        return http.request(method, f"{path}?{query}&signature={signature}", headers={"X-MBX-APIKEY": key.key})

    return send
