"""How OKX says no: an envelope with a code, or for orders a row with one.

See: https://www.okx.com/docs-v5/en/#error-code
"""

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
    OrderRejected,
    UnknownSymbol,
)

__all__ = ["JSON", "Refusal", "envelope", "refusal_of"]

JSON: Final = {"Content-Type": "application/json"}


class Refusal(Exception):
    """An answer of ``{"code": …, "msg": …, "data": []}``, or a row's ``sCode`` and ``sMsg``."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status

    def response(self) -> Response:
        return Response(self.status, envelope([], self.code, self.message), JSON)


def envelope(data: list[object], code: str = "0", message: str = "") -> bytes:
    """The body of every answer."""
    return json.dumps({"code": code, "msg": message, "data": data}, separators=(",", ":")).encode()


_WORDS: Final[dict[type[Error], tuple[str, str]]] = {
    UnknownSymbol: ("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist."),
    InsufficientFunds: ("51008", "Order failed. Insufficient balance in account."),
    DuplicateOrder: ("51016", "Duplicated client order ID"),
    OrderNotFound: ("51603", "Order does not exist"),
    OrderRejected: ("51169", "Order failed because you don't have any positions in this direction to reduce."),
}
_FILTERS: Final = {
    "price": ("51000", "Parameter px error"),
    "lot": ("51121", "Order quantity must be a multiple of the lot size."),
    "market_lot": ("51121", "Order quantity must be a multiple of the lot size."),
    "notional": ("51020", "Your order should meet or exceed the minimum order amount."),
    "band": ("51006", "Order price is not within the price limit."),
}


def refusal_of(error: Error) -> Refusal:
    """The venue's words for an error of the neutral exchange."""
    if isinstance(error, FilterViolation):
        return Refusal(*_FILTERS[str(error.code)])
    for cls in type(error).__mro__:
        if cls in _WORDS:
            return Refusal(*_WORDS[cls])
    return Refusal("50026", "System error. Try again later.", 500)
