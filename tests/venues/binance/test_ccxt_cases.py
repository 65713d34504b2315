"""ccxt's static cases for Binance: see ``ccxt_cases``."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tidewire._call import Call, Request

from ..ccxt_cases import METHODS, Cases, one_symbol, positions


@pytest.fixture(scope="module")
def cases(fixtures: Path) -> Cases:
    own = {"fetchPositionsRisk": positions, "fetchMarkPrice": one_symbol("fetch_funding_rate")}
    return Cases("binance", fixtures, {**METHODS, **own})


def check_signature(request: Request, signed: dict[str, Any]) -> None:
    """Recompute the HMAC over what is really sent: everything before ``&signature=``, query first, then body."""
    text = urlsplit(request.url).query + request.body.decode()
    payload, _, signature = text.rpartition("&signature=")
    assert hmac.new(signed["secret"].encode(), payload.encode(), hashlib.sha256).hexdigest() == signature
    assert request.headers["X-MBX-APIKEY"] == signed["apiKey"]


def by_answer(cases: Cases, case: dict[str, Any]) -> Call[Any] | None:
    """How an order was asked for does not change how its answer reads."""
    if "orderId" not in case["httpResponse"]:
        return None
    return cases.venue.fetch_order(case["input"][0], order_id="0")


def test_requests(cases: Cases, capsys: Any) -> None:
    cases.requests(check_signature, capsys)


def test_responses(cases: Cases, capsys: Any) -> None:
    cases.responses(capsys, by_answer)
