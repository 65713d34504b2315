"""Whatever is sent, Binance's dialect answers with data or with one of the venue's refusals, and never crashes."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewire._call import Request
from tidewire.credentials import Credentials
from tidewire.sandbox import FUNDS
from tidewire.sandbox.exchange import VenueExchange
from tidewire.sandbox.quotas import Quotas
from tidewire.venues.binance.sandbox import DIALECT, ENDPOINTS

KEY = Credentials("fuzz", "secret")
EXCHANGE = VenueExchange(DIALECT, 1, FUNDS, Quotas(DIALECT.limits))
EXCHANGE.keys[KEY.key] = KEY

digits = st.text("0123456789", max_size=22)
numbers = (
    st.builds("{}.{}".format, digits, digits) | digits | st.sampled_from(["-1", "1e5", "NaN", "Infinity", "0x10", "٣"])
)
words = st.sampled_from(
    "BTCUSDT ETHUSDT BTCUSDT_ BUY SELL LIMIT MARKET STOP GTC IOC FOK GTX 1m 1M 1s true false BOTH FULL".split()
)
values = st.one_of(words, words, numbers, st.just('["BTCUSDT"]'), st.just("[1]"), st.text(max_size=8))
likely = {
    "symbol": st.sampled_from(["BTCUSDT", "BTCUSDT", "PEPEUSDT", "NOPE"]),
    "interval": st.sampled_from(["1m", "1d", "1M", "7m"]),
    "side": st.sampled_from(["BUY", "SELL"]),
    "type": st.sampled_from(["LIMIT", "MARKET", "LIMIT_MAKER"]),
    "timeInForce": st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
    "price": st.decimals(1, 10**6, places=2).map(str),
    "quantity": st.decimals(0, 10**6, places=3).map(str),
}


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, str]]:
    method, path = draw(st.sampled_from(sorted(ENDPOINTS)))
    accepted = sorted(ENDPOINTS[method, path].accepts) or ["limit"]
    names = draw(st.sets(st.sampled_from([*accepted, "symbol"])))
    return method, path, {name: draw(likely.get(name, values) | values) for name in names}


def ask(method: str, path: str, sent: dict[str, str]) -> tuple[int, Any]:
    stamped = {**sent, "timestamp": str(EXCHANGE.now_ns() // 1_000_000)}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in stamped.items())
    signature = hmac.new(KEY.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    private = ENDPOINTS[method, path].is_private
    tail = f"{query}&signature={signature}" if private else query.rpartition("timestamp=")[0].rstrip("&")
    request = Request(method, f"http://sandbox{path}?{tail}", {"x-mbx-apikey": KEY.key})
    assert all(cost >= 0 for cost in DIALECT.costs(request).values())
    response = DIALECT.answer(request, EXCHANGE)
    return response.status, json.loads(response.body)


@settings(max_examples=600)
@given(requests())
def test_every_request_is_answered_or_refused(asked: tuple[str, str, dict[str, str]]) -> None:
    status, body = ask(*asked)
    if status != 200:
        assert status == 400
        assert -6000 < body["code"] < -1000
        assert body["msg"]
    book = EXCHANGE.book(EXCHANGE.instrument("BTCUSDT", "spot").symbol, 1)
    assert book.bids[0].price < book.asks[0].price


@settings(max_examples=300)
@given(
    st.text(max_size=200)
    | st.dictionaries(
        st.sampled_from(["method", "params", "id"]),
        st.none() | st.integers() | st.text() | st.lists(st.text() | st.integers()),
    ).map(json.dumps)
)
def test_every_control_message_is_answered(text: str) -> None:
    session = DIALECT.session("/stream", EXCHANGE)
    assert session is not None
    (answer,) = session.receive(text.encode(), EXCHANGE)
    assert {"result", "code"} & set(json.loads(answer))
