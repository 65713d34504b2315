"""How HTX says no: words on spot, numbers on swaps, three envelopes, and HTTP 200.

See: https://huobiapi.github.io/docs/spot/v1/en/#error-code and https://huobiapi.github.io/docs/usdt_swap/v1/en/#error-code
"""

from __future__ import annotations

import json
from typing import Final, Literal

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
from ....symbols import Kind

__all__ = ["JSON", "Envelope", "Refusal", "refusal_of"]

JSON: Final = {"Content-Type": "application/json;charset=UTF-8"}
Envelope = Literal["spot", "v2", "swap", "v5"]


class Refusal(Exception):
    """A refusal: the word that spot calls it, the number that swaps do, and the text."""

    def __init__(self, word: str, number: int, message: str) -> None:
        super().__init__(message)
        self.word, self.number, self.message = word, number, message

    def response(self, envelope: Envelope, now_ms: int, status: int = 200) -> Response:
        """The answer's bytes; texts in Chinese go out as they are, in UTF-8."""
        body: dict[str, object]
        if envelope == "spot":
            body = {"status": "error", "err-code": self.word, "err-msg": self.message, "data": None}
        elif envelope == "swap":
            body = {"status": "error", "err_code": self.number, "err_msg": self.message, "ts": now_ms}
        elif envelope == "v2":  # an invalid value is 2002, a signature that does not hold 1003 as on swaps
            body = {"code": self.number if self.number == 1003 else 2002, "message": self.message}
        else:
            body = {"code": self.number, "message": self.message, "data": None, "ts": now_ms}
        return Response(status, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), JSON)


_SPOT: Final[dict[type[Error], tuple[str, str]]] = {
    UnknownSymbol: ("base-symbol-error", "The symbol is invalid"),
    InsufficientFunds: ("account-frozen-balance-insufficient-error", "trade account balance is not enough, left: `0`"),
    DuplicateOrder: ("invalid-client-order-id", "Invalid client order id"),
    OrderNotFound: ("base-record-invalid", "record invalid"),
    OrderRejected: ("order-orderstate-error", "Incorrect order state"),
}
_SWAPS: Final[dict[type[Error], tuple[int, str]]] = {
    UnknownSymbol: (1013, "This contract symbol doesnt exist."),
    InsufficientFunds: (1047, "Insufficient margin available."),
    DuplicateOrder: (1067, "The client_order_id field is invalid. Please re-enter."),
    OrderNotFound: (1017, "Order doesnt exist."),
    OrderRejected: (1048, "Insufficient close amount available."),
}
_FILTERS: Final = {
    "price": ("order-orderprice-precision-error", 1039, "order price precision error"),
    "lot": ("order-limitorder-amount-min-error", 1041, "limit order amount error"),
    "market_lot": ("order-marketorder-amount-min-error", 1041, "market order amount error"),
    "notional": ("order-value-min-error", 1041, "Order total cannot be lower than the minimum"),
    "band": ("order-limitorder-price-max-error", 1039, "limit order price error"),
}


def refusal_of(error: Error, kind: Kind) -> Refusal:
    """The venue's words for an error of the neutral exchange."""
    if isinstance(error, FilterViolation):
        return Refusal(*_FILTERS[str(error.code)])
    for cls in type(error).__mro__:
        if kind == "spot" and cls in _SPOT:
            word, text = _SPOT[cls]
            return Refusal(word, 0, text)
        if kind == "linear" and cls in _SWAPS:
            return Refusal("", *_SWAPS[cls])
    return Refusal("gateway-internal-error", 1030, "Failed to load data. Try again later.")
