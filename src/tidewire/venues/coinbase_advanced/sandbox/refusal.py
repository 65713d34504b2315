"""How Coinbase Advanced says no: by HTTP status to requests, by ``success: false`` to orders and cancels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ...._call import Response
from ....errors import Error, FilterViolation, InsufficientFunds, UnknownSymbol, WouldTakeLiquidity

__all__ = ["JSON", "UNAUTHORIZED", "Refusal", "bad", "placement_refusal", "refusal_of"]

JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
UNAUTHORIZED: Final = Response(401, b"Unauthorized\n", {"Content-Type": "text/plain; charset=utf-8"})


class Refusal(Exception):
    """An answer of ``{"error": …, "error_details": …, "message": …}``."""

    def __init__(self, status: int, error: str, details: str) -> None:
        super().__init__(details)
        self.status, self.error, self.details = status, error, details

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        body = {"error": self.error, "error_details": self.details, "message": self.details}
        return Response(self.status, json.dumps(body).encode(), {**JSON, **(headers or {})})


def bad(details: str) -> Refusal:
    """An argument that makes no sense."""
    return Refusal(400, "INVALID_ARGUMENT", details)


_FILTERS: Final = {
    "price": "INVALID_PRICE_PRECISION",
    "lot": "INVALID_SIZE_PRECISION",
    "market_lot": "INVALID_SIZE_PRECISION",
    "notional": "INVALID_QUOTE_SIZE_TOO_SMALL",
    "band": "LIMIT_PRICE_TOO_FAR_FROM_MARKET",
}
_REASONS: Final[dict[type[Error], str]] = {
    InsufficientFunds: "INSUFFICIENT_FUND",
    WouldTakeLiquidity: "INVALID_LIMIT_PRICE_POST_ONLY",
    UnknownSymbol: "INVALID_PRODUCT_ID",
}


def placement_refusal(error: Error, sent: object) -> dict[str, object]:
    """The answer, on HTTP 200, to an order that the neutral exchange refuses."""
    reason = _FILTERS[str(error.code)] if isinstance(error, FilterViolation) else None
    reason = reason or next((_REASONS[kind] for kind in type(error).__mro__ if kind in _REASONS), None)
    preview = "UNKNOWN_PREVIEW_FAILURE_REASON" if reason is None else f"PREVIEW_{reason}"
    return {
        "success": False,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": "",
        "error_response": {
            "error": reason or "UNKNOWN_FAILURE_REASON",
            "message": str(error),
            "error_details": "",
            "preview_failure_reason": preview,
            "new_order_failure_reason": reason or "UNKNOWN_FAILURE_REASON",
        },
        "order_configuration": sent,
    }


def refusal_of(error: Error) -> Refusal:
    """The venue's words for an error of the neutral exchange anywhere else."""
    if isinstance(error, UnknownSymbol):
        return Refusal(404, "NOT_FOUND", "valid product_id is required")
    return Refusal(500, "INTERNAL", "internal error")
