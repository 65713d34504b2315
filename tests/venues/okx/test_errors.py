"""OKX's refusals: by code, in the envelope or in a row, with any HTTP status; texts as sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox
from tidewire.venues.okx.errors import outcome_unknown

V = tw.venue("okx")
READ = V.fetch_price("BTC-USDT")
PLACE = V.create_order("BTC-USDT", side="buy", type="limit", quantity="1", price="1", client_order_id="own")
CANCEL = V.batch_cancel("BTC-USDT", ["1", "2", "3"])


def answer(code: str, message: str = "", *rows: dict[str, Any]) -> bytes:
    return json.dumps({"code": code, "msg": message, "data": rows}).encode()


def row(code: str, message: str = "", **more: str) -> dict[str, Any]:
    return {"ordId": "", "clOrdId": "", "sCode": code, "sMsg": message, "ts": "1695190491421", **more}


TABLE = [
    ("50001", tw.VenueUnavailable),
    ("50004", tw.VenueUnavailable),
    ("50011", tw.RateLimited),
    ("50013", tw.VenueUnavailable),
    ("50026", tw.VenueUnavailable),
    ("50061", tw.RateLimited),
    ("50071", tw.DuplicateOrder),
    ("50100", tw.PermissionDenied),
    ("50101", tw.AuthenticationError),
    ("50102", tw.ClockSkew),
    *((f"5010{digit}", tw.AuthenticationError) for digit in range(3, 8)),
    ("50110", tw.PermissionDenied),
    ("50111", tw.AuthenticationError),
    ("50113", tw.AuthenticationError),
    ("51000", tw.InvalidRequest),
    ("51001", tw.SymbolRejected),
    ("51006", tw.FilterViolation),
    ("51008", tw.InsufficientFunds),
    ("51016", tw.DuplicateOrder),
    ("51020", tw.FilterViolation),
    ("51120", tw.FilterViolation),
    ("51121", tw.FilterViolation),
    ("51131", tw.InsufficientFunds),
    ("51149", tw.OrderRejected),
    ("51400", tw.OrderNotFound),
    ("51410", tw.OrderRejected),
    ("51603", tw.OrderNotFound),
    ("59999", tw.VenueError),
]


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(("code", "error"), TABLE)
def test_codes(code: str, error: type[tw.VenueError], status: int) -> None:
    with pytest.raises(error, match="系统繁忙 busy") as caught:
        READ.parse(answer(code, "系统繁忙 busy"), status=status)
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.http_status, caught.value.venue) == (code, status, "okx")


@pytest.mark.parametrize(("code", "error"), [entry for entry in TABLE if entry[0].startswith("51")])
def test_codes_of_rows(code: str, error: type[tw.VenueError]) -> None:
    for whole in ("0", "1", "2"):
        with pytest.raises(error, match="because") as caught:
            PLACE.parse(answer(whole, "All operations failed", row(code, "because")))
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, tw.AuthenticationError),
        (403, tw.Banned),
        (404, tw.VenueError),
        (429, tw.RateLimited),
        (502, tw.VenueUnavailable),
    ],
)
def test_answers_without_a_code(status: int, error: type[tw.VenueError]) -> None:
    for body in (b"", b"<html>no</html>", b"[]", b'"x"', b"\xff\xfe", b"{}"):
        with pytest.raises(error) as caught:
            READ.parse(body, status=status)
        assert type(caught.value) is error


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[]", b"{}", b'{"code":"0","data":[{}]}', b'{"code":"0"'])
def test_nonsense_with_200_is_no_answer(body: bytes) -> None:
    with pytest.raises(tw.DecodeError):
        READ.parse(body)


def test_what_may_have_happened_all_the_same() -> None:
    def unknown(body: bytes, status: int) -> bool:
        with pytest.raises(tw.VenueError) as caught:
            PLACE.parse(body, status=status)
        assert V.outcome_unknown(caught.value) is outcome_unknown(caught.value)
        return outcome_unknown(caught.value)

    assert unknown(answer("50004", "Endpoint request timeout"), 200)
    assert unknown(answer("1", "", row("50004", "Endpoint request timeout")), 200)
    assert unknown(b"<html>bad gateway</html>", 502)
    assert not unknown(answer("50011", "Too Many Requests"), 429)
    assert not unknown(answer("1", "", row("51008", "Insufficient balance")), 200)
    assert not unknown(answer("50102", "Timestamp request expired"), 401)


def test_a_sub_accounts_limit_stops_orders_only() -> None:
    with pytest.raises(tw.RateLimited) as caught:
        PLACE.parse(answer("1", "", row("50061", "Too many orders")))
    assert caught.value.scope == "batch-orders"


def test_a_batch_leaves_out_what_was_final_already() -> None:
    body = answer("2", "", row("0", ordId="1"), row("51400", "filled", ordId="2"), row("0", ordId="3"))
    assert [order.order_id for order in CANCEL.parse(body)] == ["1", "3"]
    assert {order.status for order in CANCEL.parse(body)} == {tw.OrderStatus.CANCELING}
    assert CANCEL.parse(answer("1", "", row("51400"), row("51402"))) == []
    with pytest.raises(tw.VenueUnavailable):
        CANCEL.parse(answer("1", "", row("50026", "System error")))
    with pytest.raises(tw.VenueError, match="Operation failed"):
        CANCEL.parse(answer("1", "Operation failed"))


def test_a_plain_refusal_is_no_lost_answer() -> None:
    with Sandbox("okx", pace=None) as sandbox:
        other = tw.Credentials("stranger", "secret", "passphrase")
        with tw.Client("okx", environment=sandbox, credentials=other) as client:
            with pytest.raises(tw.AuthenticationError, match="50111"):
                client.create_order("BTC-USDT", side="buy", type="market", quantity="0.01")
