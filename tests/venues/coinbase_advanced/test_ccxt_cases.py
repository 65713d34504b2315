"""ccxt's static cases for Coinbase, which in ccxt is Advanced Trade: see ``ccxt_cases``."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

import tidewire as tw
from tidewire._call import Call, Request
from tidewire.venues.coinbase_advanced.sandbox.token import verify

pytest.importorskip("cryptography", reason="CDP keys need cryptography: pip install 'tidewire[asymmetric]'")

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .. import ccxt_cases
from ..ccxt_cases import METHODS, Cases, NotOffered, symbol_of

KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
NAME = "organizations/11111111-aaaa/apiKeys/22222222-bbbb"
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


class CoinbaseCases(Cases):
    """ccxt's ``coinbase``; its keys are of the old kind, so that ours are made here."""

    def load(self, kind: str) -> dict[str, Any]:
        return json.loads((self.fixtures / "ccxt" / kind / "coinbase.json").read_text())


def balances(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    raise NotOffered("balances of the v2 wallet, which is not Advanced Trade's")


def create_order(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    if case["input"][1:3] == ["market", "buy"] and len(case["input"]) > 4 and case["input"][4] is not None:
        raise NotOffered("market buys by value")
    return ccxt_cases.create_order(cases, case)


def cancel_orders(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    ids, symbol = case["input"]
    return cases.venue.batch_cancel(symbol_of(symbol), ids)


def tickers(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    symbols, params = [*case["input"], None, None][:2]
    if symbols is not None:
        return cases.venue.fetch_tickers([symbol_of(symbol) for symbol in symbols])
    if params == {"defaultType": "spot"}:
        return cases.venue.fetch_tickers()
    raise NotOffered("tickers of spot and futures together")


OWN = {"createOrder": create_order, "cancelOrders": cancel_orders, "fetchTickers": tickers, "fetchBalance": balances}


@pytest.fixture(scope="module")
def cases(fixtures: Path) -> Cases:
    return CoinbaseCases("coinbase_advanced", fixtures, {**METHODS, **OWN}, tw.Credentials(NAME, PEM))


def part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check_signature(request: Request, signed: dict[str, Any]) -> None:
    """Read the token's claims, and verify its signature with the public key."""
    head, claims, signature = request.headers["Authorization"].removeprefix("Bearer ").split(".")
    assert verify("ES256", KEY.public_key(), f"{head}.{claims}".encode(), part(signature))
    stated = json.loads(part(claims))
    address = request.url.partition("://")[2].partition("?")[0]
    assert (stated["uri"], stated["sub"]) == (f"{request.method} {address}", NAME)
    assert stated["nbf"] <= signed["clockMs"] // 1000 < stated["exp"] <= signed["clockMs"] // 1000 + 120


def test_requests(cases: Cases, capsys: Any) -> None:
    cases.requests(check_signature, capsys)


def test_responses(cases: Cases, capsys: Any) -> None:
    cases.responses(capsys)
