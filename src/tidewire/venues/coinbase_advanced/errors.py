"""Coinbase Advanced's refusals as typed errors. A reason that is not in the tables is never guessed at.

Requests are refused by HTTP status with ``{"error", "error_details", "message"}``; orders and cancels on HTTP 200.

See: https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/create-order
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..._call import Response
from ...errors import (
    AuthenticationError,
    Banned,
    DuplicateOrder,
    FilterViolation,
    InsufficientFunds,
    InvalidRequest,
    OrderNotFound,
    OrderRejected,
    PermissionDenied,
    RateLimited,
    SymbolRejected,
    VenueError,
    VenueUnavailable,
    WouldTakeLiquidity,
)

__all__ = ["cancel_refusal", "check", "check_order", "check_placement", "check_product", "stream_refusal"]

VENUE: Final = "coinbase_advanced"

# Why an order was not created; a preview's reasons are the same words after ``PREVIEW_``.
_PLACEMENT: Final[Mapping[str, type[VenueError]]] = {
    "INSUFFICIENT_FUND": InsufficientFunds,
    "INSUFFICIENT_FUNDS": InsufficientFunds,
    "INSUFFICIENT_LEDGER_BALANCE": InsufficientFunds,
    "INVALID_LIMIT_PRICE_POST_ONLY": WouldTakeLiquidity,
    "DUPLICATE_CLIENT_ORDER_ID": DuplicateOrder,
    "INVALID_PRODUCT_ID": SymbolRejected,
    "INELIGIBLE_PAIR": PermissionDenied,
    "GEOFENCING_RESTRICTION": PermissionDenied,
    **dict.fromkeys(
        (
            "INVALID_SIDE",
            "INVALID_REQUEST",
            "INVALID_ORDER_CONFIG",
            "UNSUPPORTED_ORDER_CONFIGURATION",
            "NON_NUMERIC_ORDER_SIZE",
        ),
        InvalidRequest,
    ),
    **dict.fromkeys(
        (
            "INVALID_SIZE_PRECISION",
            "INVALID_PRICE_PRECISION",
            "INVALID_LIMIT_PRICE_PRECISION",
            "INVALID_QUOTE_SIZE_PRECISION",
            "INVALID_LIMIT_PRICE",
            "INVALID_PRICE_TOO_LARGE",
            "INVALID_BASE_SIZE_TOO_SMALL",
            "INVALID_BASE_SIZE_TOO_LARGE",
            "INVALID_QUOTE_SIZE_TOO_SMALL",
            "INVALID_QUOTE_SIZE_TOO_LARGE",
            "BREACHED_PRICE_LIMIT",
            "LIMIT_PRICE_TOO_FAR_FROM_MARKET",
            "LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_BUY",
            "LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_SELL",
        ),
        FilterViolation,
    ),
}
_CANCEL: Final[Mapping[str, type[VenueError]]] = {
    "UNKNOWN_CANCEL_ORDER": OrderNotFound,
    "ORDER_IS_FULLY_FILLED": OrderNotFound,
    "INVALID_CANCEL_REQUEST": InvalidRequest,
    "INVALID_CANCEL_PRODUCT_ID": InvalidRequest,
    "NOT_ALLOWED_TO_CANCEL": PermissionDenied,
}
# The ``error`` of a request, in lower case: both spellings are about.
_ERRORS: Final[Mapping[str, type[VenueError]]] = {
    "invalid_argument": InvalidRequest,
    "invalid_request": InvalidRequest,
    "permission_denied": PermissionDenied,
    "invalid_scope": PermissionDenied,
    "unauthenticated": AuthenticationError,
    "unauthorized": AuthenticationError,
    "authentication_error": AuthenticationError,
    "invalid_token": AuthenticationError,
    "rate_limit_exceeded": RateLimited,
    "resource_exhausted": RateLimited,
    "unavailable": VenueUnavailable,
}
_STATUS: Final[Mapping[int, type[VenueError]]] = {
    400: InvalidRequest,
    401: AuthenticationError,
    403: PermissionDenied,
    429: RateLimited,
}
# Parts of messages, in lower case, where ``error`` says nothing.
_WORDS: Final[tuple[tuple[str, type[VenueError]], ...]] = (
    ("product_id", SymbolRejected),  # "valid product_id is required"
    ("productid", SymbolRejected),  # "ProductID … could not be found"
    ("order with this orderid was not found", OrderNotFound),
)


class _Refusal(msgspec.Struct):
    error: str = ""
    error_details: str = ""
    message: str = ""


class _Rejection(_Refusal):
    new_order_failure_reason: str = ""
    preview_failure_reason: str = ""


class _Placement(msgspec.Struct):
    success: bool
    failure_reason: str = ""
    error_response: _Rejection | None = None


_refusal = msgspec.json.Decoder(_Refusal).decode
_placement = msgspec.json.Decoder(_Placement).decode


def check(response: Response) -> None:
    """Raise the typed error that an answer stands for; return for an answer that is none."""
    _check(response, VenueError)


def check_product(response: Response) -> None:
    """The same where "not found" is said of a product."""
    _check(response, SymbolRejected)


def check_order(response: Response) -> None:
    """The same where "not found" is said of an order."""
    _check(response, OrderNotFound)


def check_placement(response: Response) -> None:
    """The same for a new order, which is refused with ``success: false`` on HTTP 200."""
    _check(response, SymbolRejected)
    try:
        answer = _placement(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # the verb's own parser judges it
    if answer.success:
        return
    told = answer.error_response or _Rejection()
    reasons = (told.new_order_failure_reason, told.error, told.preview_failure_reason, answer.failure_reason)
    stated = [reason.removeprefix("PREVIEW_") for reason in reasons if reason and "UNKNOWN_" not in reason]
    code = stated[0] if stated else "UNKNOWN_FAILURE_REASON"
    text = told.error_details or told.message or "the order was refused without a reason"
    kind = next((_PLACEMENT[reason] for reason in stated if reason in _PLACEMENT), OrderRejected)
    raise kind(text, venue=VENUE, code=code, http_status=response.status)


def cancel_refusal(reason: str) -> VenueError:
    """The error for a cancel that one of ``results`` refuses."""
    return _CANCEL.get(reason, OrderRejected)("the order was not canceled", venue=VENUE, code=reason, http_status=200)


def _check(response: Response, not_found: type[VenueError]) -> None:
    if response.status < 400:
        return
    try:
        refusal = _refusal(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        refusal = None
    code = refusal.error if refusal is not None else ""
    text = _text(response, refusal)
    raise _kind(response.status, refusal, not_found)(text, venue=VENUE, code=code or None, http_status=response.status)


def _kind(status: int, refusal: _Refusal | None, not_found: type[VenueError]) -> type[VenueError]:
    if status >= 500:
        return VenueUnavailable
    if refusal is None:  # a bare 401 says "Unauthorized"; the firewall in front of the venue speaks HTML
        return Banned if status == 403 else _STATUS.get(status, VenueError)
    words = f"{refusal.error_details} {refusal.message}".lower()
    by_words = next((kind for part, kind in _WORDS if part in words), None)
    if status == 404:
        return by_words or not_found
    named = _ERRORS.get(refusal.error.lower())
    if named is None or named is InvalidRequest:
        return by_words or named or _STATUS.get(status, VenueError)
    return named


def _text(response: Response, refusal: _Refusal | None) -> str:
    if refusal is not None:
        return refusal.error_details or refusal.message or refusal.error
    if len(response.body) < 80 and response.body.isascii() and b"<" not in response.body:
        return response.body.decode("ascii").strip() or "no explanation"
    return f"the answer has no readable error text ({len(response.body)} bytes)"


def stream_refusal(message: str) -> VenueError:
    """The error for a command that a stream refused. It has only words."""
    text = message or "no reason given"
    kind = AuthenticationError if "authentication" in text.lower() else VenueError
    return kind(text, venue=VENUE)
