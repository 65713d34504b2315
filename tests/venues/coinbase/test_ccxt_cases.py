"""ccxt's static cases for Coinbase Exchange: see ``ccxt_cases``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tidewire._call import Request

from ..ccxt_cases import METHODS, MS, Cases, trades


class Exchange(Cases):
    """ccxt calls the venue ``coinbaseexchange``, sends no client order id unless given one, and cuts times to ms."""

    def load(self, kind: str) -> dict[str, Any]:
        name, self.name = self.name, "coinbaseexchange"
        try:
            found = super().load(kind)
        finally:
            self.name = name
        return {**found, "skipKeys": [*found["skipKeys"], "client_oid"]} if kind == "request" else found

    def _pairs(self, value: Any, theirs: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        pairs = super()._pairs(value, theirs)
        ours, other = pairs.get("time", (0, 0))
        return {**pairs, "time": (ours // MS * MS, other)}


@pytest.fixture(scope="module")
def cases(fixtures: Path) -> Cases:
    return Exchange("coinbase", fixtures, {**METHODS, "fetchTrades": trades})


def check_signature(request: Request, signed: dict[str, Any]) -> None:
    """Recompute the HMAC over what is really sent."""
    sent = request.headers
    assert sent["CB-ACCESS-TIMESTAMP"] == str(signed["clockMs"] // 1000)
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    payload = f"{sent['CB-ACCESS-TIMESTAMP']}{request.method}{target}".encode() + request.body
    digest = hmac.new(base64.b64decode(signed["secret"]), payload, hashlib.sha256).digest()
    assert sent["CB-ACCESS-SIGN"] == base64.b64encode(digest).decode()
    assert (sent["CB-ACCESS-KEY"], sent["CB-ACCESS-PASSPHRASE"]) == (signed["apiKey"], signed["password"])


def test_requests(cases: Cases, capsys: Any) -> None:
    cases.requests(check_signature, capsys)


def test_requests_without_a_body_carry_ccxts_own_signature(cases: Cases) -> None:
    """What has no client order id of ours in it is signed to the same text."""
    signed = cases.load("signed")
    compared = 0
    for case in signed["cases"]:
        if case["http"]["body"] is None:
            request = cases.call(case).signed(cases.credentials, signed["clockMs"] * MS)
            assert request.headers["CB-ACCESS-SIGN"] == case["http"]["headers"]["CB-ACCESS-SIGN"]
            compared += 1
    assert compared


def test_responses(cases: Cases, capsys: Any) -> None:
    cases.responses(capsys)
