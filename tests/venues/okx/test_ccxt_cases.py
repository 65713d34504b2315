"""ccxt's static cases for OKX: see ``ccxt_cases``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tidewire._call import Call, Request

from ..ccxt_cases import METHODS, Cases, NotOffered, plain, positions, symbol_of, trades


def all_positions(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    symbols, _ = plain(case, 1)
    if symbols is not None:
        raise NotOffered("positions of some symbols: fetch_positions gives all, in one request as well")
    return positions(cases, case)


@pytest.fixture(scope="module")
def cases(fixtures: Path) -> Cases:
    return Cases("okx", fixtures, {**METHODS, "fetchPositions": all_positions, "fetchTrades": trades})


def check_signature(request: Request, signed: dict[str, Any]) -> None:
    """Recompute the HMAC over what is really sent."""
    sent = request.headers
    assert sent["OK-ACCESS-TIMESTAMP"] == "2026-07-25T17:20:00.123Z"  # the clock of the cases
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    payload = f"{sent['OK-ACCESS-TIMESTAMP']}{request.method}{target}".encode() + request.body
    digest = hmac.new(signed["secret"].encode(), payload, hashlib.sha256).digest()
    assert sent["OK-ACCESS-SIGN"] == base64.b64encode(digest).decode()
    assert (sent["OK-ACCESS-KEY"], sent["OK-ACCESS-PASSPHRASE"]) == (signed["apiKey"], signed["password"])


def by_answer(cases: Cases, case: dict[str, Any]) -> Call[Any] | None:
    """How something was asked for does not change how its answer reads."""
    expected = case["parsedResponse"]
    first = expected[0] if isinstance(expected, list) else expected
    symbol = symbol_of(first["symbol"]) if isinstance(first, dict) and "symbol" in first else None
    match case["method"]:
        case "fetchMyTrades":
            return cases.venue.fetch_fills(symbol)
        case "fetchClosedOrders":
            return cases.venue.fetch_orders(symbol)
        case "fetchPositions" | "fetchPosition":
            return cases.venue.fetch_positions()
    return None


def test_requests(cases: Cases, capsys: Any) -> None:
    cases.requests(check_signature, capsys)


def test_responses(cases: Cases, capsys: Any) -> None:
    cases.responses(capsys, by_answer)


def test_ccxts_own_signature_is_ours(cases: Cases) -> None:
    """The very bytes that ccxt sent, signed by us, get the very signature that ccxt sent."""
    from tidewire.venues.okx.auth import sign

    signed = cases.load("signed")
    compared = 0
    for case in signed["cases"]:
        theirs = case["http"]
        if "OK-ACCESS-SIGN" in (theirs["headers"] or {}):
            request = Request(theirs["verb"], theirs["url"], {}, (theirs["body"] or "").encode())
            ours = sign(request, cases.credentials, signed["clockMs"] * 1_000_000).headers
            assert ours["OK-ACCESS-SIGN"] == theirs["headers"]["OK-ACCESS-SIGN"]
            compared += 1
    assert compared > 20
