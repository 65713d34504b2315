"""How Binance says no: codes and texts, in the spot and the futures wording.

See: https://developers.binance.com/docs/binance-spot-api-docs/errors and the USD-M futures error page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    WouldTakeLiquidity,
)
from ....symbols import Kind

__all__ = ["JSON", "Refusal", "refusal_of"]

JSON: Final = {"Content-Type": "application/json;charset=UTF-8"}


class Refusal(Exception):
    """An answer of ``{"code": …, "msg": …}``."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        body = json.dumps({"code": self.code, "msg": self.message}, separators=(",", ":")).encode()
        return Response(self.status, body, {**JSON, **(headers or {})})


_SPOT: Final[dict[type[Error], tuple[int, str]]] = {
    UnknownSymbol: (-1121, "Invalid symbol."),
    InsufficientFunds: (-2010, "Account has insufficient balance for requested action."),
    WouldTakeLiquidity: (-2010, "Order would immediately match and take."),
    DuplicateOrder: (-2010, "Duplicate order sent."),
    OrderNotFound: (-2013, "Order does not exist."),
}
_POST_ONLY: Final = (
    "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history"
)
_LINEAR: Final[dict[type[Error], tuple[int, str]]] = {
    UnknownSymbol: (-1121, "Invalid symbol."),
    InsufficientFunds: (-2019, "Margin is insufficient."),
    WouldTakeLiquidity: (
        -5022,
        _POST_ONLY,
    ),
    DuplicateOrder: (-4116, "ClientOrderId is duplicated."),
    OrderNotFound: (-2013, "Order does not exist."),
    OrderRejected: (-2022, "ReduceOnly Order is rejected."),
}
_SPOT_FILTERS: Final = {
    "price": "PRICE_FILTER",
    "lot": "LOT_SIZE",
    "market_lot": "MARKET_LOT_SIZE",
    "notional": "NOTIONAL",
    "band": "PERCENT_PRICE_BY_SIDE",
}
_LINEAR_FILTERS: Final = {
    "price": (-4014, "Price not increased by tick size."),
    "lot": (-4023, "Quantity not increased by step size."),
    "market_lot": (-4023, "Quantity not increased by step size."),
    "notional": (
        -4164,
        "Order's notional must be no smaller than the symbol's minimum (unless you choose reduce only).",
    ),
    "band": (-4024, "Limit price can't be lower or higher than the allowed band."),
}


def refusal_of(error: Error, kind: Kind) -> Refusal:
    """The venue's words for an error of the neutral exchange."""
    if isinstance(error, FilterViolation):
        reason = str(error.code)
        if kind == "spot":
            return Refusal(-1013, f"Filter failure: {_SPOT_FILTERS[reason]}")
        return Refusal(*_LINEAR_FILTERS[reason])
    table = _SPOT if kind == "spot" else _LINEAR
    for cls in type(error).__mro__:
        if cls in table:
            return Refusal(*table[cls])
    return Refusal(-1000, "An unknown error occurred while processing the request.", 500)
