"""Everything a user, a network or a venue can get wrong: each gives a typed error that says what to do."""

from __future__ import annotations

import datetime as dt
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox

Act = Callable[[tw.Client, str], Any]

USER: list[tuple[str, Act, type[tw.Error], str | None]] = [
    ("unknown symbol", lambda c, spot: c.fetch_klines("BTC-USTD", "1h"), tw.UnknownSymbol, "did you mean .*BTC-USD"),
    ("unknown symbol, looked up", lambda c, spot: c.instrument("BTC-USDR"), tw.UnknownSymbol, "did you mean .*BTC-USD"),
    ("a venue's own id", lambda c, spot: c.fetch_price("btcusdt"), tw.ConfigError, "BTC-USDT"),
    ("no symbol at all", lambda c, spot: c.fetch_price(42), tw.ConfigError, "symbol"),  # type: ignore[arg-type]
    ("bad interval", lambda c, spot: c.fetch_klines(spot, "7m"), tw.ConfigError, "15m"),
    ("an interval not offered there", lambda c, spot: c.fetch_klines(spot, "1y"), tw.ConfigError, "1d"),
    (
        "end before start",
        lambda c, spot: c.fetch_klines(spot, "1h", start="2026-02-01", end="2026-01-01"),
        tw.ConfigError,
        "after start",
    ),
    (
        "naive datetime",
        lambda c, spot: c.fetch_klines(spot, "1h", start=dt.datetime(2026, 1, 1)),  # noqa: DTZ001
        tw.ConfigError,
        "time zone",
    ),
    ("naive text", lambda c, spot: c.fetch_klines(spot, "1h", start="2026-01-01T00:00"), tw.ConfigError, "time zone"),
    ("unreadable time", lambda c, spot: c.fetch_klines(spot, "1h", start="yesterday"), tw.ConfigError, "ISO-8601"),
    (
        "milliseconds",
        lambda c, spot: c.fetch_klines(spot, "1h", start=1_700_000_000_000),
        tw.ConfigError,
        "nanoseconds",
    ),
    ("negative limit", lambda c, spot: c.fetch_klines(spot, "1h", limit=-1), tw.ConfigError, "positive"),
    ("negative depth", lambda c, spot: c.fetch_book(spot, -5), tw.ConfigError, "depth"),
    ("huge depth", lambda c, spot: c.fetch_book(spot, 10**6), tw.ConfigError, "depth"),
    ("negative size", lambda c, spot: order(c, spot, quantity="-1"), tw.ConfigError, "side='sell'"),
    ("zero size", lambda c, spot: order(c, spot, quantity=0), tw.ConfigError, "positive"),
    (
        "price off tick",
        lambda c, spot: order(c, spot, price="100.0000001"),
        tw.FilterViolation,
        "not a multiple of 0.0",
    ),
    (
        "size off lot",
        lambda c, spot: order(c, spot, quantity="0.1234567891"),
        tw.FilterViolation,
        "not a multiple of 0.0",
    ),
    ("dust", lambda c, spot: order(c, spot, quantity="0.00001"), tw.FilterViolation, "notional|minimum"),
    ("too little money", lambda c, spot: order(c, spot, quantity="500", divisor=1), tw.InsufficientFunds, None),
    (
        "two ids",
        lambda c, spot: c.fetch_order(spot, order_id="1", client_order_id="a"),
        tw.ConfigError,
        "one of the two",
    ),
    ("no id", lambda c, spot: c.cancel_order(spot), tw.ConfigError, "one of the two"),
    ("no such order", lambda c, spot: c.fetch_order(spot, order_id="999999999"), tw.OrderNotFound, None),
    ("one text for many symbols", lambda c, spot: c.fetch_klines_many(spot, "1h"), tw.ConfigError, "list"),
]


def order(client: tw.Client, spot: str, divisor: int = 2, **changes: Any) -> tw.Order:
    price = client.instrument(spot).round_price(client.fetch_price(spot) / divisor)
    return client.create_order(spot, **{"side": "buy", "type": "limit", "quantity": "1", "price": price, **changes})


@pytest.mark.parametrize(("act", "error", "words"), [row[1:] for row in USER], ids=[row[0] for row in USER])
def test_user(client: tw.Client, spot: str, act: Act, error: type[tw.Error], words: str | None) -> None:
    with pytest.raises(error, match=words) as caught:
        act(client, spot)
    assert str(caught.value)


def impostor(sandbox: Sandbox, venue: str, change: str) -> tw.Credentials:
    true, other = sandbox.credentials(venue), Sandbox(venue, seed=8).credentials(venue)
    key, secret = (other.key, true.secret) if change == "key" else (true.key, other.secret)
    return tw.Credentials(key, secret, true.passphrase)


@pytest.mark.parametrize("change", ["key", "secret"])
def test_wrong_credentials(sandbox: Sandbox, venue_name: str, change: str) -> None:
    credentials = impostor(sandbox, venue_name, change)
    with tw.Client(venue_name, environment=sandbox, credentials=credentials) as client:
        with pytest.raises(tw.AuthenticationError) as caught:
            client.fetch_balances()
    assert credentials.secret not in str(caught.value)
    assert not isinstance(caught.value, tw.ClockSkew)


def test_an_expired_time_stamp(sandbox: Sandbox, venue_name: str, client: tw.Client, spot: str) -> None:
    client.fetch_balances()  # learns the clock
    sandbox.set_clock_offset(venue_name, 3600)
    try:
        with pytest.raises(tw.ClockSkew):
            order(client, spot)  # a write is not repeated …
        assert client.create_order  # … but the next one knows the clock
        client.fetch_balances()
    finally:
        sandbox.set_clock_offset(venue_name, 0)


WIRE: list[tuple[str, dict[str, Any], type[tw.Error]]] = [
    ("truncate", {}, tw.ConnectionFailed),
    ("corrupt", {}, tw.DecodeError),
    ("html", {}, tw.DecodeError),
    ("hang", {}, tw.Timeout),
    ("drop_before", {}, tw.ConnectionFailed),
    ("status", {"status": 500}, tw.VenueUnavailable),
    ("status", {"status": 503}, tw.VenueUnavailable),
    ("rate_limit", {"seconds": 1}, tw.RateLimited),
]


@pytest.mark.parametrize(
    ("kind", "how", "error"), WIRE, ids=[f"{kind} {how.get('status', '')}" for kind, how, _ in WIRE]
)
def test_wire(
    sandbox: Sandbox, venue_name: str, spot: str, kind: Any, how: dict[str, Any], error: type[tw.Error]
) -> None:
    with tw.Client(venue_name, environment=sandbox, timeout=0.5, retries=0) as client:
        fault = sandbox.fail(kind, venue=venue_name, **how)
        with pytest.raises(error) as caught:
            client.fetch_ticker(spot)
        fault.cancel()
        assert caught.value.venue == venue_name
        assert client.fetch_ticker(spot).last  # nothing is broken for the next call


@pytest.mark.parametrize("kind", ["drop_before", "hang", "status", "truncate", "html"])
def test_wire_is_retried_for_reads(sandbox: Sandbox, venue_name: str, spot: str, kind: Any) -> None:
    with tw.Client(venue_name, environment=sandbox, timeout=0.5, retries=2) as client:
        fault = sandbox.fail(kind, venue=venue_name)
        if kind == "html":  # a whole answer that makes no sense: asking again is not the cure
            with pytest.raises(tw.DecodeError):
                client.fetch_ticker(spot)
        else:
            assert client.fetch_ticker(spot).last
        assert fault.hits == 1
        fault.cancel()


def test_a_closed_port(venue_name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with tw.Client(venue_name, base_url=f"http://127.0.0.1:{port}", retries=0) as client:
        with pytest.raises(tw.ConnectionFailed, match="no connection to") as caught:
            client.ping()
    assert not caught.value.sent


def test_a_hanging_server(venue_name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        where = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with tw.Client(venue_name, base_url=where, retries=0, timeout=0.2) as client:
            started = time.monotonic()
            with pytest.raises(tw.Timeout):
                client.ping()
            assert time.monotonic() - started < 5


def test_an_address_that_is_none(venue_name: str) -> None:
    with tw.Client(venue_name, base_url="gopher://127.0.0.1", retries=0) as client, pytest.raises(tw.ConfigError):
        client.ping()


def test_an_unknown_venue() -> None:
    with pytest.raises(tw.ConfigError, match="did you mean 'binance'"):
        tw.Client("binanse")


def test_an_unknown_environment(venue_name: str) -> None:
    with pytest.raises(tw.NotSupported, match="live"):
        tw.Client(venue_name, environment="moon")
