"""Every refusal becomes the typed error that it is, and what is unknown is not guessed at."""

from __future__ import annotations

import json
from typing import Any

import pytest

import tidewire as tw

VENUE = tw.venue("coinbase_advanced")
SPOT = "BTC-USD"
UNKNOWN = {"error": "UNKNOWN_FAILURE_REASON"}


def refusal(error: str, details: str) -> bytes:
    return json.dumps({"error": error, "error_details": details, "message": details}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"Unauthorized\n", tw.AuthenticationError),
        (401, refusal("unauthorized", "no"), tw.AuthenticationError),
        (403, refusal("PERMISSION_DENIED", "Missing required scopes"), tw.PermissionDenied),
        (403, b"<html>blocked</html>", tw.Banned),
        (429, refusal("rate_limit_exceeded", "Rate limit exceeded"), tw.RateLimited),
        (429, b"too many", tw.RateLimited),
        (400, refusal("INVALID_ARGUMENT", "limit must be positive"), tw.InvalidRequest),
        (400, refusal("INVALID_ARGUMENT", "valid product_id is required"), tw.SymbolRejected),
        (404, refusal("NOT_FOUND", "nothing here"), tw.SymbolRejected),
        (500, refusal("INTERNAL", "oh"), tw.VenueUnavailable),
        (503, b"<html></html>", tw.VenueUnavailable),
    ],
)
def test_requests(status: int, body: bytes, kind: type[tw.VenueError]) -> None:
    with pytest.raises(kind) as caught:
        VENUE.fetch_price(SPOT).parse(body, status=status)
    assert type(caught.value) is kind
    assert (caught.value.venue, caught.value.http_status) == ("coinbase_advanced", status)


def test_an_unknown_refusal_is_plain() -> None:
    with pytest.raises(tw.VenueError, match="brewing") as caught:
        VENUE.fetch_balances().parse(refusal("TEAPOT", "brewing"), status=418)
    assert type(caught.value) is tw.VenueError
    assert caught.value.code == "TEAPOT"


def test_what_is_not_found_depends_on_what_was_asked_for() -> None:
    with pytest.raises(tw.OrderNotFound):
        VENUE.fetch_order(SPOT, order_id="1").parse(refusal("NOT_FOUND", "nothing here"), status=404)
    with pytest.raises(tw.OrderNotFound):
        VENUE.fetch_order(SPOT, order_id="1").parse(
            refusal("unknown", "order with this orderID was not found"), status=400
        )
    with pytest.raises(tw.OrderNotFound, match="none of the latest 1000"):
        VENUE.fetch_order(SPOT, client_order_id="mine").parse(b'{"orders":[],"has_next":false}')


def failed(**told: str) -> bytes:
    return json.dumps({"success": False, "failure_reason": "UNKNOWN_FAILURE_REASON", "error_response": told}).encode()


def order() -> Any:
    return VENUE.create_order(SPOT, side="buy", type="limit", quantity="1", price="1", client_order_id="mine")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"error": "INSUFFICIENT_FUND", "message": "Insufficient balance"}, tw.InsufficientFunds),
        ({**UNKNOWN, "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND"}, tw.InsufficientFunds),
        ({**UNKNOWN, "new_order_failure_reason": "INVALID_LIMIT_PRICE_POST_ONLY"}, tw.WouldTakeLiquidity),
        ({"error": "INVALID_SIZE_PRECISION"}, tw.FilterViolation),
        ({"error": "INVALID_PRICE_PRECISION"}, tw.FilterViolation),
        ({"preview_failure_reason": "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"}, tw.FilterViolation),
        ({"error": "DUPLICATE_CLIENT_ORDER_ID"}, tw.DuplicateOrder),
        ({"error": "INVALID_PRODUCT_ID"}, tw.SymbolRejected),
        ({"error": "UNSUPPORTED_ORDER_CONFIGURATION"}, tw.InvalidRequest),
        ({"error": "GEOFENCING_RESTRICTION"}, tw.PermissionDenied),
        ({"error": "ORDER_ENTRY_DISABLED"}, tw.OrderRejected),
        (UNKNOWN, tw.OrderRejected),
        ({}, tw.OrderRejected),
    ],
    ids=str,
)
def test_orders_are_refused_on_http_200(told: dict[str, str], kind: type[tw.VenueError]) -> None:
    with pytest.raises(kind) as caught:
        order().parse(failed(**told))
    assert type(caught.value) is kind
    assert not VENUE.outcome_unknown(caught.value)


def test_the_venues_own_words_are_kept() -> None:
    with pytest.raises(tw.InsufficientFunds, match="余额不足") as caught:
        order().parse(failed(error="INSUFFICIENT_FUND", message="余额不足 (insufficient balance)"))
    assert caught.value.code == "INSUFFICIENT_FUND"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"success":true}', b"<html>", b"[]"])
def test_an_answer_to_an_order_that_makes_no_sense_is_no_refusal(body: bytes) -> None:
    with pytest.raises(tw.DecodeError):  # which the session turns into OutcomeUnknown
        order().parse(body)


def test_success_with_an_unknown_failure_reason_is_success() -> None:
    success = {"order_id": "52cf", "product_id": SPOT, "side": "BUY", "client_order_id": "mine"}
    body = {"success": True, "failure_reason": "UNKNOWN_FAILURE_REASON", "success_response": success}
    placed = order().parse(json.dumps(body).encode())
    assert (placed.order_id, placed.client_order_id, placed.status) == ("52cf", "mine", tw.OrderStatus.PENDING)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("UNKNOWN_CANCEL_ORDER", tw.OrderNotFound),
        ("ORDER_IS_FULLY_FILLED", tw.OrderNotFound),
        ("INVALID_CANCEL_REQUEST", tw.InvalidRequest),
        ("NOT_ALLOWED_TO_CANCEL", tw.PermissionDenied),
        ("COMMANDER_REJECTED_CANCEL_ORDER", tw.OrderRejected),
        ("DUPLICATE_CANCEL_REQUEST", tw.OrderRejected),
    ],
)
def test_cancels_are_refused_one_by_one(reason: str, kind: type[tw.VenueError]) -> None:
    rows = [
        {"success": False, "failure_reason": reason, "order_id": "1"},
        {"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": "2"},
    ]
    with pytest.raises(kind) as caught:
        VENUE.cancel_order(SPOT, order_id="1").parse(json.dumps({"results": rows[:1]}).encode())
    assert (type(caught.value), caught.value.code) == (kind, reason)
    taken = VENUE.batch_cancel(SPOT, ["1", "2"]).parse(json.dumps({"results": rows}).encode())
    assert [(row.order_id, row.status) for row in taken] == [("2", tw.OrderStatus.CANCELING)]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_leaves_an_order_open(status: int) -> None:
    with pytest.raises(tw.VenueUnavailable) as caught:
        order().parse(b"upstream failed", status=status)
    assert VENUE.outcome_unknown(caught.value)


def test_what_the_venue_has_not_is_refused_before_sending() -> None:
    with pytest.raises(tw.NotSupported):
        VENUE.create_order(SPOT, side="buy", type="limit", quantity="1", price="1", reduce_only=True)
    with pytest.raises(tw.NotSupported):
        VENUE.fetch_balances(kind="linear")
    with pytest.raises(tw.NotSupported):
        VENUE.fetch_price("BTC-USD-PERP")
    with pytest.raises(tw.ConfigError, match="1 to 100"):
        VENUE.batch_cancel(SPOT, ["1"] * 101)
