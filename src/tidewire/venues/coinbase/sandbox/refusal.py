"""How Coinbase Exchange says no: an HTTP status and a sentence."""

from __future__ import annotations

import json
from typing import Final

from ...._call import Response
from ....errors import (
    DuplicateOrder,
    Error,
    FilterViolation,
    InsufficientFunds,
    OrderNotFound,
    UnknownSymbol,
)

__all__ = ["JSON", "Refusal", "refusal_of"]

JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
_REFUSALS: Final[dict[type[Error], tuple[str, int]]] = {
    UnknownSymbol: ("NotFound", 404),
    OrderNotFound: ("NotFound", 404),
    InsufficientFunds: ("Insufficient funds", 400),
    DuplicateOrder: ("Duplicate client_oid", 400),
}
_FILTERS: Final = {
    "price": "price is too accurate. Smallest unit is the quote increment",
    "lot": "size is too accurate. Smallest unit is the base increment",
    "market_lot": "size is too accurate. Smallest unit is the base increment",
    "notional": "funds is too small. Minimum size is the product's min_market_funds",
    "band": "price too small",
}


class Refusal(Exception):
    """An answer of ``{"message": …}``."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status

    def response(self) -> Response:
        return Response(self.status, json.dumps({"message": self.message}, separators=(",", ":")).encode(), JSON)


def refusal_of(error: Error) -> Refusal:
    """The venue's words for an error of the neutral exchange."""
    if isinstance(error, FilterViolation):
        return Refusal(_FILTERS[str(error.code)])
    for cls in type(error).__mro__:
        if cls in _REFUSALS:
            return Refusal(*_REFUSALS[cls])
    return Refusal("Internal server error", 500)
