"""Binance's refusals as typed errors. A code that is not in the table is a plain ``VenueError``, never a guess.

See: https://developers.binance.com/docs/binance-spot-api-docs/errors and the USD-M futures error page.
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
    WouldTakeLiquidity,
)

__all__ = ["check", "outcome_unknown"]

_CODES: Final[Mapping[int, type[VenueError]]] = {
    -1001: VenueUnavailable,
    -1002: AuthenticationError,
    -1003: RateLimited,
    -1006: VenueUnavailable,
    -1007: VenueUnavailable,
    -1008: VenueUnavailable,
    -1013: FilterViolation,
    -1015: RateLimited,
    -1016: VenueUnavailable,
    -1021: ClockSkew,
    -1022: AuthenticationError,
    **dict.fromkeys(range(-1130, -1099), InvalidRequest),
    -1121: SymbolRejected,
    -2010: OrderRejected,
    -2011: OrderRejected,
    -2013: OrderNotFound,
    -2014: AuthenticationError,
    -2015: AuthenticationError,
    -2018: InsufficientFunds,
    -2019: InsufficientFunds,
    -2021: OrderRejected,
    -2022: OrderRejected,
    -4003: FilterViolation,
    -4004: FilterViolation,
    -4005: FilterViolation,
    -4013: FilterViolation,
    -4014: FilterViolation,
    -4023: FilterViolation,
    -4061: OrderRejected,
    -4116: DuplicateOrder,
    -4120: InvalidRequest,
    -4131: FilterViolation,
    -4164: FilterViolation,
    -5021: OrderRejected,
    -5022: WouldTakeLiquidity,
}

# -2010 and -2011 say why only in words.
_WORDS: Final[Mapping[int, tuple[tuple[str, type[VenueError]], ...]]] = {
    -2010: (
        ("insufficient balance", InsufficientFunds),
        ("duplicate order", DuplicateOrder),
        ("immediately match", WouldTakeLiquidity),
    ),
    -2011: (("unknown order", OrderNotFound),),
}

# Of the futures' three 503 texts these two, and an overload (-1008), say that nothing was executed.
_SURELY_FAILED = ("service unavailable", "internal error; unable to process")


class _Refusal(msgspec.Struct):
    code: int = 0
    msg: str = ""


_decode = msgspec.json.Decoder(_Refusal, strict=False).decode


def check(response: Response) -> None:
    """Raise the typed error that an answer stands for; return for an answer that is none."""
    if response.status < 400 and b'"code"' not in response.body[:64]:
        return
    try:
        refusal = _decode(response.body)
    except msgspec.DecodeError:
        if response.status < 400:
            return  # not an error object: the verb's own parser judges it
        refusal = _Refusal()
    if response.status < 400 and refusal.code >= 0:
        return  # {"code":200,"msg":"The operation of cancel all open order is done."}
    raise _error(response, refusal)


def outcome_unknown(error: VenueError) -> bool:
    """Whether a write answered by this error may have happened all the same.

    See: "5XX return codes … it is important to NOT treat this as a failure operation" in the general API information.
    """
    if error.code in (-1006, -1007):
        return True
    if error.http_status is None or error.http_status < 500:
        return False
    return not (error.code == -1008 or error.message.lower().startswith(_SURELY_FAILED))


def _error(response: Response, refusal: _Refusal) -> VenueError:
    status, code = response.status, refusal.code or None
    message = refusal.msg or f"the answer has no readable error text ({len(response.body)} bytes)"
    if status in (418, 429) or code in (-1003, -1015):
        kind = Banned if status == 418 else RateLimited
        scope = "orders" if code == -1015 else "weight"
        return kind(
            message, venue="binance", code=code, http_status=status, retry_after=_retry_after(response), scope=scope
        )
    return _kind(status, refusal)(message, venue="binance", code=code, http_status=status)


def _kind(status: int, refusal: _Refusal) -> type[VenueError]:
    text = refusal.msg.lower()
    for words, kind in _WORDS.get(refusal.code, ()):
        if words in text:
            return kind
    if refusal.code in _CODES:
        return _CODES[refusal.code]
    if status >= 500:
        return VenueUnavailable
    if status == 403:
        return PermissionDenied  # the web application firewall, before the exchange saw the request
    if status == 401:
        return AuthenticationError
    return VenueError


def _retry_after(response: Response) -> float | None:
    try:
        return float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
