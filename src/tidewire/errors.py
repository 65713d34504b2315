"""Every error that tidewire raises.

::

    Error                       .venue .retryable
     ├─ ConfigError             bad symbol, interval, argument or missing credentials, before anything is sent
     │   ├─ NotSupported        the venue has no such thing
     │   └─ UnknownSymbol       no such instrument; carries near matches
     ├─ TransportError          no answer was understood; retried for reads
     │   ├─ Timeout
     │   ├─ ConnectionFailed
     │   └─ OutcomeUnknown      a write may have happened; .client_order_id; never retried by us
     ├─ VenueError              the venue said no: .code .message .http_status
     │   ├─ AuthenticationError
     │   │   ├─ PermissionDenied
     │   │   └─ ClockSkew
     │   ├─ RateLimited         .retry_after .scope
     │   │   └─ Banned
     │   ├─ VenueUnavailable    maintenance, overload
     │   ├─ InvalidRequest      (SymbolRejected is both this and UnknownSymbol)
     │   └─ OrderRejected
     │       ├─ InsufficientFunds
     │       ├─ OrderNotFound
     │       ├─ DuplicateOrder
     │       ├─ WouldTakeLiquidity
     │       └─ FilterViolation
     ├─ DecodeError             .offset .excerpt (at most 80 bytes)
     ├─ BookError
     │   ├─ SequenceGap
     │   ├─ ChecksumMismatch
     │   └─ CrossedBook
     ├─ StreamClosed
     ├─ VenuesFailed            .causes: what each venue that was asked raised
     ├─ Unfillable              no venue, or split over venues, fills the order; .fillable .excluded
     └─ CtpError                .error_id .message
         ├─ CtpDisconnected
         ├─ CtpFlowControl
         └─ CtpIncompatible

Catch the branch that you can act on. ``retryable`` says whether repeating the same *read* may succeed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ._redact import redact_text

__all__ = [
    "AuthenticationError",
    "Banned",
    "BookError",
    "ChecksumMismatch",
    "ClockSkew",
    "ConfigError",
    "ConnectionFailed",
    "CrossedBook",
    "CtpDisconnected",
    "CtpError",
    "CtpFlowControl",
    "CtpIncompatible",
    "DecodeError",
    "DuplicateOrder",
    "Error",
    "FilterViolation",
    "InsufficientFunds",
    "InvalidRequest",
    "NotSupported",
    "OrderNotFound",
    "OrderRejected",
    "OutcomeUnknown",
    "PermissionDenied",
    "RateLimited",
    "SequenceGap",
    "StreamClosed",
    "SymbolRejected",
    "Timeout",
    "TransportError",
    "Unfillable",
    "UnknownSymbol",
    "VenueError",
    "VenueUnavailable",
    "VenuesFailed",
    "WouldTakeLiquidity",
]


class Error(Exception):
    """Root of every tidewire error."""

    retryable: bool = False

    def __init__(self, message: str = "", *, venue: str | None = None) -> None:
        super().__init__(message)
        self.venue = venue


class ConfigError(Error):
    """The call cannot be made as written; nothing was sent."""


class NotSupported(ConfigError):
    """The venue, or this version of tidewire, does not offer the capability named."""


class UnknownSymbol(ConfigError):
    """No instrument has this symbol on the venue."""


class TransportError(Error):
    """No answer, or none that was understood. Reads are retried.

    ``sent`` is false only when it is certain that nothing reached the venue.
    """

    retryable = True

    def __init__(self, message: str = "", *, venue: str | None = None, sent: bool = True) -> None:
        super().__init__(message, venue=venue)
        self.sent = sent


class Timeout(TransportError):
    """The venue did not answer in time."""


class ConnectionFailed(TransportError):
    """The connection could not be made, or broke before a whole answer arrived."""


class OutcomeUnknown(TransportError):
    """A write was sent and its answer was lost: the order may or may not exist.

    Pass this error to ``resolve_order``; never send the order again first. ``client_order_id`` and ``symbol``
    identify the order; ``sent_ns`` is when it left (UTC nanoseconds).
    """

    retryable = False

    def __init__(
        self,
        message: str = "",
        *,
        venue: str | None = None,
        client_order_id: str | None = None,
        symbol: str | None = None,
        order_id: str | None = None,
        verb: str | None = None,
        sent_ns: int | None = None,
    ) -> None:
        super().__init__(message, venue=venue)
        self.client_order_id = client_order_id
        self.order_id = order_id
        self.symbol = symbol
        self.verb = verb
        self.sent_ns = sent_ns


class VenueError(Error):
    """The venue answered and refused. ``code`` and ``message`` are the venue's own, ``http_status`` the transport's."""

    def __init__(
        self,
        message: str = "",
        *,
        venue: str | None = None,
        code: str | int | None = None,
        http_status: int | None = None,
    ) -> None:
        where = f"{venue}: " if venue else ""
        tail = f" [code {code}]" if code is not None else ""
        tail += f" [HTTP {http_status}]" if http_status not in (None, 200) else ""
        super().__init__(f"{where}{message}{tail}", venue=venue)
        self.code = code
        self.message = message
        self.http_status = http_status


class AuthenticationError(VenueError):
    """Key, secret, passphrase or signature was refused."""


class PermissionDenied(AuthenticationError):
    """The key is valid but may not do this (permissions, IP allow-list, sub-account)."""


class ClockSkew(AuthenticationError):
    """The request's time stamp is outside the venue's window. Reads are signed again once with a fresh clock."""

    retryable = True


class RateLimited(VenueError):
    """Too many requests. ``retry_after`` is in seconds when the venue gives it, ``scope`` names the quota."""

    retryable = True

    def __init__(
        self,
        message: str = "",
        *,
        venue: str | None = None,
        code: str | int | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
        scope: str | None = None,
    ) -> None:
        super().__init__(message, venue=venue, code=code, http_status=http_status)
        self.retry_after = retry_after
        self.scope = scope


class Banned(RateLimited):
    """The venue has blocked this address; every further call is refused locally until ``retry_after`` has passed."""

    retryable = False


class VenueUnavailable(VenueError):
    """Maintenance or overload at the venue."""

    retryable = True


class InvalidRequest(VenueError):
    """The venue calls the request malformed."""


class SymbolRejected(UnknownSymbol, InvalidRequest):
    """The venue itself says that it does not know the symbol: an ``UnknownSymbol`` and a ``VenueError`` at once."""

    def __init__(
        self,
        message: str = "",
        *,
        venue: str | None = None,
        code: str | int | None = None,
        http_status: int | None = None,
    ) -> None:
        InvalidRequest.__init__(self, message, venue=venue, code=code, http_status=http_status)


class OrderRejected(VenueError):
    """The order was not accepted, or the operation on it was refused."""


class InsufficientFunds(OrderRejected):
    """Not enough balance or margin."""


class OrderNotFound(OrderRejected):
    """The venue knows no such order (any more)."""


class DuplicateOrder(OrderRejected):
    """An open order already carries this client order id."""


class WouldTakeLiquidity(OrderRejected):
    """A post-only order would have matched at once."""


class FilterViolation(OrderRejected):
    """Price, quantity or notional breaks the instrument's rules; raised locally before sending where we know them."""


class DecodeError(Error):
    """Bytes that are not what the venue documents. ``offset`` is in bytes, ``excerpt`` at most 80 bytes around it.

    What looks like a secret, or was registered as one, is ``***`` in the excerpt.
    """

    def __init__(
        self, message: str = "", *, venue: str | None = None, offset: int | None = None, excerpt: bytes = b""
    ) -> None:
        where = f" at byte {offset}" if offset is not None else ""
        self.offset = offset
        # Before it is cut: half a secret would not be known for one.
        self.excerpt = redact_text(excerpt.decode("latin-1")).encode("latin-1")[:80]
        shown = f": {self.excerpt!r}" if excerpt else ""
        super().__init__(f"{message}{where}{shown}", venue=venue)


class BookError(Error):
    """The order book cannot be trusted as it stands."""


class SequenceGap(BookError):
    """An update is missing: ``expected`` and ``received`` are the venue's sequence numbers."""

    def __init__(
        self, message: str = "", *, venue: str | None = None, expected: int | None = None, received: int | None = None
    ) -> None:
        super().__init__(message, venue=venue)
        self.expected = expected
        self.received = received


class ChecksumMismatch(BookError):
    """The book's CRC32 differs from the venue's."""


class CrossedBook(BookError):
    """Best bid is at or above best ask."""


class StreamClosed(Error):
    """The stream ended, or its consumer fell behind a queue that must not drop; ``missed`` counts what was lost."""

    def __init__(self, message: str = "", *, venue: str | None = None, missed: int = 0) -> None:
        super().__init__(message, venue=venue)
        self.missed = missed


class VenuesFailed(Error):
    """Every venue that was asked failed. ``causes`` maps each to what it raised, in the order in which they failed.

    ``retryable`` is true where one of the causes is.
    """

    def __init__(
        self, message: str = "", *, venue: str | None = None, causes: Mapping[str, Error] | None = None
    ) -> None:
        self.causes = dict(causes or {})
        listed = "; ".join(f"{name}: {type(error).__name__}: {error}" for name, error in self.causes.items())
        super().__init__(f"{message} ({listed})" if listed else message, venue=venue)
        self.retryable = any(error.retryable for error in self.causes.values())


class Unfillable(Error):
    """The venues together do not fill the order: depth, lots, least orders, balances. Nothing was sent.

    ``fillable`` is how much of it they do, ``excluded`` why venues are out.
    """

    def __init__(
        self,
        message: str = "",
        *,
        venue: str | None = None,
        fillable: Decimal | None = None,
        excluded: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, venue=venue)
        self.fillable = fillable
        self.excluded = dict(excluded or {})


class CtpError(Error):
    """The CTP library or front refused. ``error_id`` and ``message`` are as sent."""

    def __init__(self, message: str = "", *, error_id: int | None = None) -> None:
        super().__init__(f"{message} [ErrorID {error_id}]" if error_id is not None else message, venue="ctp")
        self.error_id = error_id
        self.message = message


class CtpDisconnected(CtpError):
    """The front connection is down."""


class CtpFlowControl(CtpError):
    """The front's flow control refused the request."""


class CtpIncompatible(CtpError):
    """The vendor library's version has no schema here."""
