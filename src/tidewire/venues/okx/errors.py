"""OKX's refusals as typed errors. A code that is not in the table is a plain ``VenueError``, never a guess.

Order endpoints say ``"code":"1"`` (or ``"2"``: some) and put what went wrong into each row's ``sCode``.

See: https://www.okx.com/docs-v5/en/#error-code
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

__all__ = ["check", "check_envelope", "outcome_unknown", "refusal"]

VENUE = "okx"

_CODES: Final[Mapping[str, type[VenueError]]] = {
    **dict.fromkeys(("50000", "50002", "50006", "50014", "50015", "50016", "50024", "50025", "50115"), InvalidRequest),
    **dict.fromkeys(("50001", "50004", "50005", "50013", "50026"), VenueUnavailable),
    **dict.fromkeys(("50007", "50027", "50030", "50035", "50100", "50110", "50120"), PermissionDenied),
    "50011": RateLimited,
    "50061": RateLimited,
    "50071": DuplicateOrder,
    **dict.fromkeys(("50101", "50103", "50104", "50105", "50106", "50107", "50108", "50109"), AuthenticationError),
    **dict.fromkeys(("50111", "50112", "50113", "50114", "50119"), AuthenticationError),
    "50102": ClockSkew,
    **dict.fromkeys(("51000", "51003", "51111", "51407"), InvalidRequest),
    **dict.fromkeys(("51001", "51015"), SymbolRejected),
    **dict.fromkeys(("51004", "51005", "51006", "51007", "51020", "51100", "51101", "51116"), FilterViolation),
    **dict.fromkeys(("51118", "51120", "51121", "51122", "51136", "51137", "51138", "51201"), FilterViolation),
    **dict.fromkeys(("51202", "51203"), FilterViolation),
    **dict.fromkeys(("51008", "51119", "51127", "51131", "51502"), InsufficientFunds),
    **dict.fromkeys(("51011", "51016"), DuplicateOrder),
    # A suspended or expired contract, a position that is not there, an order that came too late (expTime).
    **dict.fromkeys(("51010", "51021", "51022", "51023", "51024", "51025", "51027", "51028", "51029"), OrderRejected),
    **dict.fromkeys(("51112", "51149", "51169", "51205", "51403", "51404", "51410"), OrderRejected),
    # Only on streams.
    "60006": ClockSkew,
    **dict.fromkeys(("60004", "60005", "60007", "60009", "60011", "60024", "60032"), AuthenticationError),
    **dict.fromkeys(("60008", "60012", "60013", "60018", "60019"), InvalidRequest),
    **dict.fromkeys(("60014", "60023"), RateLimited),
    **dict.fromkeys(("60029", "60030"), PermissionDenied),
    # 51400 says filled, canceled or unknown, all in one: query the order to learn which.
    **dict.fromkeys(("51400", "51401", "51402", "51603"), OrderNotFound),
}

_STATUSES: Final[Mapping[int, type[VenueError]]] = {
    401: AuthenticationError,
    403: Banned,  # the network in front refuses the address: an answer of the exchange has a code
    429: RateLimited,
}


class _Row(msgspec.Struct):
    sCode: str = "0"  # noqa: N815 - the venue's own name
    sMsg: str = ""  # noqa: N815


class _Envelope(msgspec.Struct):
    code: str = "0"
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")


_decode = msgspec.json.Decoder(_Envelope, strict=False).decode
_decode_rows = msgspec.json.Decoder(list[_Row], strict=False).decode


def check(response: Response) -> None:
    """Raise the typed error that an answer stands for, or that its first refused row does."""
    _check(response, ())


def check_envelope(response: Response) -> None:
    """The same for answers about several orders: their parser judges each row."""
    _check(response, ("1", "2"))


def refusal(code: str, message: str, http_status: int | None = None) -> VenueError:
    """The typed error of a code."""
    kind = _CODES.get(code) or _STATUSES.get(http_status or 200)
    if kind is None:
        kind = VenueUnavailable if http_status is not None and http_status >= 500 else VenueError
    if issubclass(kind, RateLimited):
        scope = "batch-orders" if code == "50061" else None
        return kind(message, venue=VENUE, code=code or None, http_status=http_status, scope=scope)
    return kind(message, venue=VENUE, code=code or None, http_status=http_status)


def outcome_unknown(error: VenueError) -> bool:
    """Whether a write answered by this error may have happened all the same.

    50004 "does not indicate success or failure of the order"; any other server error leaves it open as well.
    """
    return error.code in ("50004", "50026") or (error.http_status is not None and error.http_status >= 500)


def _check(response: Response, accepted: tuple[str, ...]) -> None:
    if response.status < 400 and response.body.startswith(b'{"code":"0"'):
        return
    try:
        envelope = _decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if response.status < 400:
            return  # not an error object: the verb's own parser judges it
        message = f"the answer has no readable error text ({len(response.body)} bytes)"
        raise refusal("", message, response.status) from None
    if response.status < 400 and (envelope.code == "0" or (envelope.code in accepted and _rows(envelope))):
        return
    code, message = _cause(envelope)
    raise refusal(code if code != "0" else "", message, response.status)


def _cause(envelope: _Envelope) -> tuple[str, str]:
    """Code and text of the row that was refused, where rows have any, else of the whole."""
    for row in _rows(envelope):
        if row.sCode != "0":
            return row.sCode, row.sMsg or envelope.msg
    return envelope.code, envelope.msg


def _rows(envelope: _Envelope) -> list[_Row]:
    try:
        return _decode_rows(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
