"""Over real sockets, with every logger at DEBUG: no key, secret or signature in a record, an error or a traceback."""

from __future__ import annotations

import io
import logging
import re
import traceback
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

import tidewire as tw
from tidewire._call import Call, Request
from tidewire.sandbox import Sandbox


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a user's own handler on the root logger shows, tracebacks included."""
    root, stream = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def added_by_signing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every long text that signing put into a request but times: keys, signatures, whatever the venue calls them."""
    added: list[str] = []
    sign = Call.signed

    def texts(request: Request) -> set[str]:
        wire = " ".join((urlsplit(request.url).query, *request.headers.values(), request.body.decode()))
        for mark in "?&=,:\"'{}":
            wire = wire.replace(mark, " ")
        return {word for word in wire.split() if len(word) >= 20 and not re.match(r"\d{4}-\d\d-\d\dT\d\d", word)}

    def spy(call: Call[object], credentials: tw.Credentials, time_ns: int) -> Request:
        signed = sign(call, credentials, time_ns)
        added.extend(texts(signed) - texts(call.request))
        return signed

    monkeypatch.setattr(Call, "signed", spy)
    return added


def shown_by(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


def assert_hidden(text: str, credentials: tw.Credentials, added: list[str]) -> None:
    assert added
    for secret in (credentials.key, credentials.secret, credentials.passphrase, *added):
        assert secret is None or secret not in text


def test_blocking_client(
    sandbox: Sandbox, venue_name: str, client: tw.Client, spot: str, log: io.StringIO, added_by_signing: list[str]
) -> None:
    client.fetch_balances()
    rules = client.instrument(spot)
    price = rules.round_price(client.fetch_price(spot) * Decimal("0.95"))
    order = client.create_order(
        spot, side="buy", type="limit", price=price, quantity=rules.round_quantity(Decimal(200) / price, "up")
    )
    client.cancel_order(spot, order_id=order.order_id)
    errors = []
    for fault in ("drop_after", "html", "truncate"):
        sandbox.fail(fault, venue=venue_name)
        with pytest.raises(tw.Error) as caught:
            client.fetch_balances()
        errors.append(shown_by(caught.value))
    text = log.getvalue()
    assert "httpcore" in text
    assert "httpx HTTP Request: GET" in text
    assert_hidden(text + repr(client) + "".join(errors), sandbox.credentials(venue_name), added_by_signing)


def test_a_refused_signature(sandbox: Sandbox, venue_name: str, log: io.StringIO, added_by_signing: list[str]) -> None:
    real = sandbox.credentials(venue_name)
    wrong = tw.Credentials(real.key, Sandbox(venue_name, seed=8).credentials(venue_name).secret, real.passphrase)
    with (
        tw.Client(venue_name, environment=sandbox, credentials=wrong, retries=0) as client,
        pytest.raises(tw.AuthenticationError) as caught,
    ):
        client.fetch_balances()
    assert_hidden(log.getvalue() + shown_by(caught.value), wrong, added_by_signing)


async def test_awaiting_client_and_streams(
    sandbox: Sandbox,
    venue_name: str,
    async_client: tw.AsyncClient,
    spot: str,
    log: io.StringIO,
    added_by_signing: list[str],
) -> None:
    await async_client.fetch_balances()
    if "watch_book" in async_client.capabilities:
        async with async_client.watch_book(spot) as books:
            async for _ in books:
                break
    sandbox.fail("drop_after", venue=venue_name)
    with pytest.raises(tw.Error) as caught:
        await async_client.fetch_balances()
    text = log.getvalue() + shown_by(caught.value)
    assert "httpcore" in text
    assert_hidden(text, sandbox.credentials(venue_name), added_by_signing)
