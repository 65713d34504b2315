"""HTX's refusals as typed errors. A code that is not in the table is a plain ``VenueError``, never a guess.

Refusals come with HTTP 200, in three envelopes: ``err-code`` (spot, words), ``err_code`` (swaps, numbers) and ``code``
(version 2 and 5). Texts, English or Chinese, are passed through as sent.

See: https://huobiapi.github.io/docs/spot/v1/en/#error-code and https://huobiapi.github.io/docs/usdt_swap/v1/en/#error-code
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..._call import Response
from ...errors import (
    AuthenticationError,
    Banned,
    ClockSkew,
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
)

__all__ = ["CODES", "check", "outcome_unknown", "refusal"]

CODES: Final[Mapping[str, type[VenueError]]] = {
    # spot
    "api-signature-not-valid": AuthenticationError,
    "api-signature-check-failed": AuthenticationError,
    "api-not-support-temp-addr": PermissionDenied,
    "rate-too-many-requests": RateLimited,
    "base-request-exceed-frequency-limit": RateLimited,
    "system-maintenance": VenueUnavailable,
    "gateway-internal-error": VenueUnavailable,
    "order-update-error": VenueUnavailable,
    "timeout": VenueUnavailable,
    "base-symbol-error": SymbolRejected,
    "base-symbol-trade-disabled": OrderRejected,
    "require-symbol": InvalidRequest,
    "bad-request": InvalidRequest,
    "invalid-parameter": InvalidRequest,
    "validation-format-error": InvalidRequest,
    "validation-constraints-required": InvalidRequest,
    "base-date-limit-error": InvalidRequest,
    "invalid-amount": FilterViolation,
    "order-invalid-price": FilterViolation,
    "order-orderprice-precision-error": FilterViolation,
    "order-orderamount-precision-error": FilterViolation,
    "order-limitorder-amount-min-error": FilterViolation,
    "order-limitorder-amount-max-error": FilterViolation,
    "order-marketorder-amount-min-error": FilterViolation,
    "order-limitorder-price-min-error": FilterViolation,
    "order-limitorder-price-max-error": FilterViolation,
    "order-limitorder-price-buy-min-error": FilterViolation,
    "order-limitorder-price-buy-max-error": FilterViolation,
    "order-limitorder-price-sell-min-error": FilterViolation,
    "order-limitorder-price-sell-max-error": FilterViolation,
    "order-etp-nav-price-max-error": FilterViolation,
    "order-value-min-error": FilterViolation,
    "order-stop-order-hit-trigger": OrderRejected,
    "order-holding-limit-failed": OrderRejected,
    "account-frozen-balance-insufficient-error": InsufficientFunds,
    "invalid-client-order-id": DuplicateOrder,
    "base-record-invalid": OrderNotFound,
    "order-queryorder-invalid": OrderNotFound,
    "order-orderstate-error": OrderNotFound,  # to cancel what is final already
    # swaps
    "403": AuthenticationError,
    "1003": AuthenticationError,
    "1010": PermissionDenied,
    "1013": SymbolRejected,
    "1017": OrderNotFound,
    "1032": RateLimited,
    "1034": InvalidRequest,
    "1036": InvalidRequest,
    "1039": FilterViolation,
    "1041": FilterViolation,
    "1047": InsufficientFunds,
    "1048": InsufficientFunds,
    "1051": OrderNotFound,
    "1061": OrderNotFound,
    "1066": InvalidRequest,
    "1067": InvalidRequest,
    "1084": Banned,  # five minutes without the interface, for cancelling more than 99 % of many orders
    "1094": OrderRejected,
    "1220": PermissionDenied,
    "1461": OrderRejected,
}

# What one code means in several words; a signature's text says what is wrong with it.
_WORDS: Final[Mapping[str, tuple[tuple[str, type[VenueError]], ...]]] = {
    **dict.fromkeys(
        ("api-signature-not-valid", "403", "1003"),
        (
            ("submission time", ClockSkew),
            ("提交时间", ClockSkew),
            ("timestamp", ClockSkew),
            ("ip address", PermissionDenied),
            ("ip地址", PermissionDenied),
        ),
    ),
    "invalid-parameter": (
        ("invalid symbol", SymbolRejected),
        ("symbol trade not open now", SymbolRejected),
        ("request limit", RateLimited),
        ("request timeout", VenueUnavailable),
    ),
}

# Answers to a write after which it may have happened all the same.
_AMBIGUOUS: Final = frozenset({"gateway-internal-error", "order-update-error", "timeout"})
_BAN_S: Final = 300.0


class _Envelope(msgspec.Struct, rename={"word": "err-code", "text": "err-msg"}):
    status: str = ""
    word: str | int | None = None
    text: str | None = None
    err_code: str | int | None = None
    err_msg: str | None = None
    code: str | int | None = None
    message: str | None = None


_decode = msgspec.json.Decoder(_Envelope).decode


def check(response: Response) -> None:
    """Raise the typed error that an answer stands for; return for an answer that is none."""
    body = response.body
    if response.status < 400 and (b'"status":"ok"' in body[:128] or b'"status":"ok"' in body[-128:]):
        return
    try:
        envelope = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if response.status < 400:
            return  # not an object of theirs: the verb's own parser judges it
        envelope = _Envelope()
    code = next((str(c) for c in (envelope.word, envelope.err_code, envelope.code) if c not in (None, "")), None)
    if response.status < 400 and envelope.status != "error" and code in (None, "200"):
        return
    text = next((text for text in (envelope.text, envelope.err_msg, envelope.message) if text), None)
    raise refusal(code, text or f"the answer has no readable error text ({len(body)} bytes)", response)


def refusal(code: str | None, message: str, response: Response | None = None) -> VenueError:
    """The typed error for one of the venue's codes."""
    status = None if response is None else response.status
    kind = _kind(code, message, status)
    if issubclass(kind, RateLimited):
        wait = _BAN_S if kind is Banned else None if response is None else _retry_after(response)
        return kind(message, venue="htx", code=code, http_status=status, retry_after=wait)
    return kind(message, venue="htx", code=code, http_status=status)


def outcome_unknown(error: VenueError) -> bool:
    """Whether a write answered by this error may have happened all the same."""
    return str(error.code) in _AMBIGUOUS or (error.http_status is not None and error.http_status >= 500)


def _kind(code: str | None, message: str, status: int | None) -> type[VenueError]:
    if status == 429:
        return RateLimited
    lowered = message.lower()
    for words, kind in _WORDS.get(code or "", ()):
        if words in lowered:
            return kind
    if code is not None and code in CODES:
        return CODES[code]
    if status is not None and status >= 500:
        return VenueUnavailable
    if status == 403:
        return PermissionDenied
    return AuthenticationError if status == 401 else VenueError


def _retry_after(response: Response) -> float | None:
    try:
        return float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
