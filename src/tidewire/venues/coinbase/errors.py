"""Coinbase Exchange's refusals as typed errors. It has no codes: HTTP status and words tell what is wrong.

Words that are not in the table leave it to the status; a status that says nothing gives a plain ``VenueError``.

See: https://docs.cdp.coinbase.com/exchange/rest-api/requests
"""

from __future__ import annotations

from collections.abc import Callable
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

__all__ = ["check", "check_order", "check_product", "refusal", "rejection"]

# Parts of messages, in lower case; the first that fits decides. Collected from ccxt's table and public bug reports.
_WORDS: Final[tuple[tuple[str, type[VenueError]], ...]] = (
    ("insufficient funds", InsufficientFunds),
    ("timestamp expired", ClockSkew),
    ("invalid timestamp", AuthenticationError),
    ("invalid api key", AuthenticationError),
    ("invalid signature", AuthenticationError),
    ("invalid passphrase", AuthenticationError),
    ("order already done", OrderNotFound),
    ("order not found", OrderNotFound),
    ("invalid order id", OrderNotFound),
    ("product not found", SymbolRejected),
    ("not a valid product", SymbolRejected),
    ("productnotfound", SymbolRejected),
    ("trading pair not available", PermissionDenied),
    ("post only", WouldTakeLiquidity),
    ("limit only mode", OrderRejected),
    ("cancel only mode", OrderRejected),
    ("duplicate client_oid", DuplicateOrder),
    ("price too small", FilterViolation),
    ("price too precise", FilterViolation),
    ("price is too accurate", FilterViolation),
    ("size is too small", FilterViolation),
    ("size is too large", FilterViolation),
    ("size is too accurate", FilterViolation),
    ("funds is too small", FilterViolation),
    ("under maintenance", VenueUnavailable),
)
_STATUS: Final = {400: InvalidRequest, 401: AuthenticationError, 403: PermissionDenied}


class _Refusal(msgspec.Struct):
    message: str


_decode = msgspec.json.Decoder(_Refusal).decode


def check(response: Response) -> None:
    """Raise the typed error that an answer stands for; return for an answer that is none."""
    _check(response, VenueError)


def check_product(response: Response) -> None:
    """The same where "not found" is said of a product."""
    _check(response, SymbolRejected)


def check_order(response: Response) -> None:
    """The same where "not found" is said of an order."""
    _check(response, OrderNotFound)


def rejection(reason: str) -> VenueError:
    """The error for an order that was taken, and then rejected by the matching engine."""
    return (_by_words(reason) or OrderRejected)(f"the order was rejected: {reason}", venue="coinbase")


def refusal(message: str, reason: str) -> VenueError:
    """The error for a command that a stream refused."""
    text = ": ".join(filter(None, (message, reason))) or "no reason given"
    kind = AuthenticationError if "authenticat" in text.lower() else _by_words(text) or VenueError
    return kind(text, venue="coinbase")


def _check(response: Response, not_found: type[VenueError]) -> None:
    status = response.status
    if status < 400:
        return
    try:
        message: str | None = _decode(response.body).message
    except msgspec.DecodeError:
        message = None
    text = message or f"the answer has no readable error text ({len(response.body)} bytes)"
    if status == 429 or "rate limit exceeded" in text.lower():
        raise RateLimited(text, venue="coinbase", http_status=status, scope=_scope(text))
    if status == 403 and message is None:  # the firewall in front of the exchange speaks HTML
        raise Banned(text, venue="coinbase", http_status=status)
    raise _kind(status, text, not_found)(text, venue="coinbase", http_status=status)


def _kind(status: int, text: str, not_found: type[VenueError]) -> Callable[..., VenueError]:
    if status >= 500:
        return VenueUnavailable
    return _by_words(text) or (not_found if status == 404 else _STATUS.get(status, VenueError))


def _by_words(text: str) -> type[VenueError] | None:
    lowered = text.lower()
    return next((kind for words, kind in _WORDS if words in lowered), None)


def _scope(text: str) -> str | None:
    """``Public rate limit exceeded`` is about the address, ``Private …`` about the account."""
    word = text.partition(" ")[0].lower()
    return word if word in ("public", "private") else None
