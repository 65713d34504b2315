"""The sans-I/O atom: a call is a request and the parser of its answer. Everything that talks to a venue runs these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from .credentials import Credentials
from .errors import DecodeError
from .symbols import Kind

__all__ = ["Call", "Request", "Response", "decoder", "encode_query", "redact_url"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as bytes on the wire will have it. ``url`` is absolute, query included."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """Path without the query: safe to show."""
        return urlsplit(self.url).path

    def __repr__(self) -> str:
        return f"Request({self.method} {redact_url(self.url)})"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Header names are lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One round trip to a venue: ``request`` out, ``parse`` back.

    ``costs`` maps what the venue meters (``Quota.resource``) to weights. ``writes`` marks calls that change the world:
    they are never repeated, and a lost answer becomes ``OutcomeUnknown`` with ``client_order_id``. ``signer`` is
    ``None`` for public calls; private ones are signed by ``signed`` at the moment of sending, because the signature
    covers the time. ``needs_instrument`` says that the parser turns contracts into base units: clients ``learn`` the
    symbol's instrument first, or all of the kind's. ``then`` is for answers that do not hold all of the value: given
    the answer and what it was parsed to, it returns the call whose parser adds what is missing, or ``None`` at the end.
    ``needs_account``: the request names the account, whose id the venue fills in when it signs; clients ask
    ``Venue.account_query`` first.
    """

    verb: str
    request: Request
    parser: Callable[[bytes], T] = field(repr=False)
    check: Callable[[Response], None] = field(repr=False)
    costs: Mapping[str, int] = field(default_factory=dict)
    signer: Callable[[Request, Credentials, int], Request] | None = field(default=None, repr=False)
    kind: Kind = "spot"
    writes: bool = False
    symbol: str | None = None
    order_id: str | None = None
    client_order_id: str | None = None
    needs_instrument: bool = False
    needs_account: bool = False
    then: Callable[[Response, T], Call[T] | None] | None = field(default=None, repr=False)

    def signed(self, credentials: Credentials, time_ns: int) -> Request:
        """Return the request with key, time stamp and signature; the request itself when the call is public.

        ``time_ns`` is the venue's clock, UTC nanoseconds.
        """
        return self.request if self.signer is None else self.signer(self.request, credentials, time_ns)

    def parse(self, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> T:
        """Turn the answer's body into the verb's value; raise the venue's typed error if it holds one."""
        self.check(Response(status, body, headers or {}))
        return self.parser(body)


_EXCERPT = 1024  # more than an error shows, so that a secret at its end is still whole when it is looked for


def decoder(shape: type[T], venue: str) -> Callable[[bytes], T]:
    """Return a JSON decoder of one shape that raises our ``DecodeError``. Lax about numbers written as text."""
    decode = msgspec.json.Decoder(shape, strict=False).decode

    def read(body: bytes) -> T:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DecodeError(f"unexpected answer ({error})", venue=venue, excerpt=bytes(body[:_EXCERPT])) from None

    return read


def encode_query(params: Mapping[str, object]) -> str:
    """Percent-encode what is not ``None``, spaces as ``%20``."""
    return urlencode({k: v for k, v in params.items() if v is not None}, quote_via=quote, safe="")


def redact_url(url: str) -> str:
    """Scheme, host and path only: queries may carry keys and signatures."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{'?…' if parts.query else ''}"
