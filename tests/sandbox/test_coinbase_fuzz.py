"""Whatever is sent, Coinbase's dialect answers with data or with a sentence of the venue's, and never crashes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire._call import Request
from tidewire.credentials import Credentials
from tidewire.sandbox import FUNDS
from tidewire.sandbox.exchange import VenueExchange
from tidewire.sandbox.quotas import Quotas
from tidewire.venues.coinbase.sandbox import DIALECT, ENDPOINTS, Endpoint

KEY = Credentials("fuzz", "c2VjcmV0", "words")
EXCHANGE = VenueExchange(DIALECT, 1, FUNDS, Quotas(DIALECT.limits))
EXCHANGE.keys[KEY.key] = KEY
MARK = EXCHANGE.ticker(EXCHANGE.instrument("BTC-USD", "spot").symbol).last or Decimal(0)
STATUSES: Counter[tuple[str, str, int]] = Counter()


def latest() -> str:
    """The newest order's id."""
    orders = EXCHANGE.orders(KEY.key, "spot")
    return f"{int(orders[-1].order_id) if orders else 0:08x}-7a1d-4e3c-8b5f-c01ba5e00000"


digits = st.text("0123456789", max_size=22)
numbers = st.builds("{}.{}".format, digits, digits) | digits | st.sampled_from(["-1", "1e5", "NaN", "Infinity", "٣"])
words = st.sampled_from("BTC-USD ETH-USD buy sell limit market GTC IOC FOK GTT all done open 60 86400 1 2 3".split())
values = st.one_of(words, words, numbers, st.text(max_size=8))
any_json = values | st.booleans() | st.none() | st.integers() | st.lists(st.integers(), max_size=2)
times = st.sampled_from(["2026-01-01", "2026-01-01T00:00:00Z", "1767225600", "1767225660"])
likely: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("product", "product_id"), st.sampled_from(["BTC-USD", "BTC-USD", "PEPE-USDT", "btc-usd"])),
    **dict.fromkeys(("order", "order_id"), st.builds(latest)),
    "before": st.just("0"),
    "after": st.integers(1, 10**9).map(str),
    "granularity": st.sampled_from(["60", "86400", "7"]),
    "side": st.sampled_from(["buy", "sell"]),
    "type": st.sampled_from(["limit", "market"]),
    "time_in_force": st.sampled_from(["GTC", "IOC", "FOK"]),
    "price": st.sampled_from(["0.6", "1.6"]).map(lambda part: f"{MARK * Decimal(part):.2f}"),
    "size": st.decimals(0, 10, places=3).map(str),
    "limit": st.integers(0, 2000).map(str),
    "status": st.sampled_from(["all", "open", "done,open"]),
    "level": st.sampled_from(["1", "2", "3"]),
    "client_oid": st.uuids().map(str),
    "post_only": st.booleans(),
    **dict.fromkeys(("start", "end", "start_date", "end_date"), times),
}


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Now and then something odd: a request with several oddities is refused for its first."""
    return st.integers(0, 15).flatmap(lambda n: odd if n == 15 else usual)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Endpoint, str, dict[str, Any]]:
    endpoint = draw(st.sampled_from(ENDPOINTS))
    path = endpoint.path
    for name in ("product", "order"):
        value = draw(mostly(likely[name], values)) if f"{{{name}}}" in path else ""
        path = path.replace(f"{{{name}}}", quote(value, safe=":"))
    accepted = endpoint.accepts.split()
    missing = draw(mostly(st.just(set()), st.sets(st.sampled_from([*accepted, ""]))))
    stray = draw(mostly(st.just([]), st.just(["profile"])))
    other = any_json if endpoint.method == "POST" else values
    names = [*(name for name in accepted if name not in missing), *stray]
    return endpoint, path, {name: draw(mostly(likely.get(name, other), other)) for name in names}


@settings(max_examples=1500)
@given(requests())
def test_every_request_is_answered_or_refused(asked: tuple[Endpoint, str, dict[str, Any]]) -> None:
    endpoint, path, sent = asked
    body = json.dumps(sent).encode() if endpoint.method == "POST" else b""
    texts = {name: str(value) for name, value in sent.items()}
    query = "" if body else "&".join(f"{name}={quote(value, safe='')}" for name, value in texts.items())
    target = f"{path}?{query}" if query else path
    stamp = str(EXCHANGE.now_ns() // 10**9)
    digest = hmac.new(b"secret", f"{stamp}{endpoint.method}{target}".encode() + body, hashlib.sha256).digest()
    headers = {
        "user-agent": "fuzz",
        "cb-access-key": KEY.key,
        "cb-access-sign": base64.b64encode(digest).decode(),
        "cb-access-timestamp": stamp,
        "cb-access-passphrase": "words",
    }
    request = Request(endpoint.method, f"http://sandbox{target}", headers, body)
    assert set(DIALECT.costs(request)) <= set(DIALECT.limits)
    response = DIALECT.answer(request, EXCHANGE)
    STATUSES[endpoint.method, endpoint.path, response.status] += 1
    answer = json.loads(response.body)
    if response.status != 200:
        assert response.status in (400, 404)
        assert answer["message"]
    for balance in EXCHANGE.balances(KEY.key, "spot"):
        assert balance.free >= 0
        assert balance.locked >= 0
    book = EXCHANGE.book(EXCHANGE.instrument("BTC-USD", "spot").symbol, 1)
    assert book.bids[0].price < book.asks[0].price


def test_every_endpoint_was_reached_and_answered() -> None:
    test_every_request_is_answered_or_refused()
    assert {(e.method, e.path) for e in ENDPOINTS} == {row[:2] for row in STATUSES if row[2] == 200}
