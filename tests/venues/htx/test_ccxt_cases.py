"""ccxt's static cases for HTX: see ``ccxt_cases``. Swaps go by the entry that ccxt takes, ``environment="aws"``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

import tidewire as tw
from tidewire._call import Call, Request
from tidewire.venues.htx.auth import sign

from .. import ccxt_cases
from ..ccxt_cases import METHODS, Cases, NotOffered, plain, since, symbol_of

AUTH = ("AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp", "Signature")


def create_order(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    force = plain(case, 5)[-1].get("timeInForce")
    if force is None:
        return ccxt_cases.create_order(cases, case)
    text, type_, side, amount, price, _ = plain(case, 5)
    rule = cases.rules[symbol_of(text)]
    return cases.venue.create_order(
        rule.symbol,
        side=side,
        type=type_,
        quantity=rule.round_quantity(amount),
        price=rule.round_price(price),
        time_in_force=force,
    )


def klines(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    text, interval, start, limit, _ = plain(case, 4)
    symbol = symbol_of(text)
    if interval == "1M":
        raise NotOffered("months of Singapore: ours are UTC's; build them from days")
    if symbol.kind == "linear" and start is not None and limit is not None and "http" in case:
        raise NotOffered("a size beside from and to, which makes the venue ignore both")
    return cases.venue.fetch_klines(symbol, interval or "1m", start=since(start), limit=limit)


def trades(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    text, start, limit, _ = plain(case, 3)
    if start is not None:
        raise NotOffered("trades since a time")
    return cases.venue.fetch_trades(symbol_of(text), 1000 if limit is None else limit)  # ccxt's own default


def tickers(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    try:
        return ccxt_cases.tickers(cases, case)
    except tw.NotSupported:
        raise NotOffered("dated contracts, which go by aliases there") from None


def positions(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    for text in plain(case, 1)[0] or ():
        symbol_of(text)
    return cases.venue.fetch_positions()


def funding_pairs(rate: tw.FundingRate, theirs: dict[str, Any], size: object) -> dict[str, tuple[Any, Any]]:
    return {
        "rate": (rate.rate, theirs["fundingRate"]),
        "due": (rate.funding_time_ns, since(theirs["fundingTimestamp"])),
    }


OURS = {
    "createOrder": create_order,
    "fetchOHLCV": klines,
    "fetchTrades": trades,
    "fetchTickers": tickers,
    "fetchPositions": positions,
}


@pytest.fixture(scope="module")
def cases(fixtures: Path) -> Cases:
    # A start alone would make a window that ends now, and is refused when that is longer than 48 hours.
    made = Cases("htx", fixtures, {**METHODS, **OURS}, adds=frozenset({"end-time"}))
    made.venue.rest_hosts["linear"] = tw.venue("htx", environment="aws").rest_hosts["linear"]
    made.venue.learn_account("44234548")
    return made


def check_signature(request: Request, signed: dict[str, Any]) -> None:
    """Recompute the HMAC over what is really sent."""
    parts = urlsplit(request.url)
    query, _, signature = parts.query.rpartition("&Signature=")
    payload = f"{request.method}\n{parts.netloc}\n{parts.path}\n{query}".encode()
    digest = hmac.new(signed["secret"].encode(), payload, hashlib.sha256).digest()
    assert signature == quote(base64.b64encode(digest), safe="")
    names = [name for name, _ in parse_qsl(query)]
    assert names == sorted(names)
    sent = dict(parse_qsl(query))
    assert (sent["AccessKeyId"], sent["Timestamp"]) == (signed["apiKey"], "2026-07-25T17:20:00")


def test_requests(cases: Cases, capsys: Any) -> None:
    cases.requests(check_signature, capsys)


def test_responses(cases: Cases, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ccxt_cases.PAIRS, tw.FundingRate, funding_pairs)
    cases.responses(capsys)


def test_ccxts_own_signature_is_ours(cases: Cases) -> None:
    """The very parameters that ccxt sent, signed by us, get the very signature that ccxt sent."""
    signed = cases.load("signed")
    compared = 0
    for case in signed["cases"]:
        url, _, query = case["http"]["url"].partition("?")
        if "Signature=" not in query:
            continue
        bare = "&".join(part for part in query.split("&") if part.partition("=")[0] not in AUTH)
        ours = sign(Request(case["http"]["verb"], f"{url}?{bare}"), cases.credentials, signed["clockMs"] * 1_000_000)
        assert dict(parse_qsl(urlsplit(ours.url).query))["Signature"] == dict(parse_qsl(query))["Signature"]
        compared += 1
    assert compared > 20
