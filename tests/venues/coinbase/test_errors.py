"""The venue's statuses and sentences as our errors."""

from __future__ import annotations

import json

import pytest

import tidewire as tw
from tidewire._call import Call

OPEN = tw.venue("coinbase")
PRICE, ORDER = OPEN.fetch_price("BTC-USD"), OPEN.fetch_order("BTC-USD", order_id="a")
NEW = OPEN.create_order("BTC-USD", side="buy", type="market", quantity=1)

CASES: list[tuple[Call[object], int, str | None, type[tw.Error]]] = [
    (PRICE, 404, "NotFound", tw.UnknownSymbol),
    (ORDER, 404, "NotFound", tw.OrderNotFound),
    (ORDER, 404, "order not found", tw.OrderNotFound),
    (ORDER, 400, "Invalid order id", tw.OrderNotFound),
    (ORDER, 400, "Order already done", tw.OrderNotFound),
    (NEW, 400, "Insufficient funds", tw.InsufficientFunds),
    (NEW, 400, "Post only mode", tw.WouldTakeLiquidity),
    (NEW, 400, "Limit only mode", tw.OrderRejected),
    (NEW, 400, "Cancel only mode", tw.OrderRejected),
    (NEW, 404, "Product not found", tw.UnknownSymbol),
    (NEW, 400, "size is too accurate. Smallest unit is 0.00000001", tw.FilterViolation),
    (NEW, 400, "size is too small. Minimum size is 0.001", tw.FilterViolation),
    (NEW, 400, "price too small", tw.FilterViolation),
    (NEW, 400, "price too precise (55000.123)", tw.FilterViolation),
    (PRICE, 400, "something new", tw.InvalidRequest),
    (ORDER, 401, "Invalid API Key", tw.AuthenticationError),
    (ORDER, 400, "invalid signature", tw.AuthenticationError),
    (ORDER, 401, "Invalid Passphrase", tw.AuthenticationError),
    (ORDER, 401, "request timestamp expired", tw.ClockSkew),
    (ORDER, 400, "request timestamp expired", tw.ClockSkew),
    (ORDER, 403, "Forbidden", tw.PermissionDenied),
    (PRICE, 403, None, tw.Banned),
    (PRICE, 429, "Public rate limit exceeded", tw.RateLimited),
    (PRICE, 429, None, tw.RateLimited),
    (PRICE, 500, "Internal server error", tw.VenueUnavailable),
    (PRICE, 503, None, tw.VenueUnavailable),
    (NEW, 400, "Trading is under maintenance", tw.VenueUnavailable),
    (PRICE, 418, "teapot", tw.VenueError),
]


@pytest.mark.parametrize(
    ("call", "status", "message", "error"), CASES, ids=[f"{row[1]} {row[2]} {row[0].verb}" for row in CASES]
)
def test_table(call: Call[object], status: int, message: str | None, error: type[tw.Error]) -> None:
    body = b"<html></html>" if message is None else json.dumps({"message": message}).encode()
    with pytest.raises(error) as caught:
        call.parse(body, status=status)
    if not issubclass(error, tw.UnknownSymbol):
        assert type(caught.value) is error
    assert isinstance(caught.value, tw.VenueError)
    assert caught.value.http_status == status
    assert caught.value.venue == "coinbase"
    assert message is None or caught.value.message == message


def test_a_limit_is_told_apart() -> None:
    for word, scope in (("Public", "public"), ("Private", "private")):
        with pytest.raises(tw.RateLimited) as caught:
            PRICE.parse(json.dumps({"message": f"{word} rate limit exceeded"}).encode(), status=429)
        assert caught.value.scope == scope


def test_words_of_any_language_pass_through() -> None:
    with pytest.raises(tw.InvalidRequest, match="余额不足"):
        NEW.parse(json.dumps({"message": "余额不足"}).encode(), status=400)


@pytest.mark.parametrize(
    ("reason", "error"),
    [("post only", tw.WouldTakeLiquidity), ("self trade", tw.OrderRejected), (None, tw.OrderRejected)],
)
def test_an_order_rejected_with_status_200(reason: str | None, error: type[tw.Error]) -> None:
    row = {"id": "91950000-24f2-4c72-b487-986a4331e548", "product_id": "BTC-USD", "status": "rejected"}
    with pytest.raises(error) as caught:
        NEW.parse(json.dumps({**row, "reject_reason": reason}).encode())
    assert type(caught.value) is error
    assert not OPEN.outcome_unknown(caught.value)  # type: ignore[arg-type]
    found = OPEN.fetch_order("BTC-USD", order_id=row["id"]).parse(json.dumps(row).encode())
    assert found.status is tw.OrderStatus.REJECTED
