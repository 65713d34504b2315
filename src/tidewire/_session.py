"""One conversation with a venue: limits, clock, retries and order safety, written once for sync and async.

Everything here is a generator that yields *effects* and receives their results; ``_transport`` performs them with
threads or with asyncio. No I/O happens in this file.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

from . import _redact
from ._call import Call, Request, Response
from ._clock import VenueClock
from ._limits import Ticket
from ._meter import meter_for
from ._venue import Venue
from .credentials import Credentials
from .errors import (
    AuthenticationError,
    Banned,
    ClockSkew,
    ConfigError,
    DecodeError,
    Error,
    NotSupported,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    TransportError,
    VenueError,
)
from .models import Health

__all__ = ["All", "Effects", "Send", "Session", "Sleep"]

T = TypeVar("T")
log = logging.getLogger("tidewire")

_BACKOFF_S = 0.25
_BACKOFF_CAP_S = 8.0
_FREEZE_S = 1.0  # a 429 without Retry-After
_BAN_S = 120.0  # a 418 without Retry-After: Binance's bans start at two minutes
_GAVE_UP = 408  # of something between us and the venue, which may have passed the request on
_SMOOTHING = 0.2


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: exchange a request for a ``Response``; raises ``TransportError``."""

    request: Request


@dataclass(frozen=True, slots=True)
class Sleep:
    """Effect: let ``seconds`` pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class All:
    """Effect: run generators, at most ``concurrency`` at a time; ``done`` is told the index of each that ends."""

    parts: Sequence[Effects[Any]]
    concurrency: int
    done: Callable[[int], None]


# A bare Future is an effect too: its result, which somebody else provides.
Effects = Generator[Send | Sleep | Future[Any] | All, Any, T]


class Session:
    """State shared by all calls of one client. Safe to use from several threads or tasks at once.

    Clients of one venue at one address share a limiter, because the venue counts per address.
    """

    def __init__(self, venue: Venue, credentials: Credentials | None, *, retries: int) -> None:
        if retries < 0:
            raise ConfigError(f"retries must not be negative, got {retries}")
        if credentials is not None and venue.spec.needs_passphrase and credentials.passphrase is None:
            raise ConfigError(
                f"{venue.name} keys have a passphrase: Credentials(key, secret, passphrase)", venue=venue.name
            )
        self.venue = venue
        self.clock = VenueClock()
        self.traded: set[str] = set()
        """Markets in which orders were placed, or may have been."""
        self._credentials = credentials
        self._retries = retries
        self._account = ""
        if credentials is not None:
            _redact.register(credentials.key, credentials.secret, credentials.passphrase)
            self._account = blake2b(credentials.key.encode(), digest_size=4).hexdigest()
        self._meter = meter_for(venue)
        self._meter.join(self._account)
        self._limiter = self._meter.limiter
        self._latency_ms: float | None = None
        self._last_error: Error | None = None

    def run(self, call: Call[T]) -> Effects[T]:
        """Send a call and those that complete its answer; wait for turns, retry reads, tell the truth about writes."""
        value, following = yield from self._run(call)
        while following is not None:
            value, following = yield from self._run(following)
        return value

    def _run(self, call: Call[T]) -> Effects[tuple[T, Call[T] | None]]:
        if call.signer is not None and self._credentials is None:
            raise ConfigError(
                f"{call.verb} needs credentials: Client({self.venue.name!r}, credentials=tw.Credentials(key, secret)) "
                f"or Credentials.load({self.venue.name!r})",
                venue=self.venue.name,
            )
        if call.signer is not None and self.clock.needs_sample():
            yield from self._learn_clock()
        if call.needs_account and (query := self.venue.account_query()) is not None:
            self.venue.learn_account((yield from self.run(query)))
        failures = 0
        while True:
            try:
                return (yield from self._attempt(call))
            except Error as error:
                self._note(call, error)
                failures += 1
                if not self._may_repeat(call, error, failures):
                    raise
                if isinstance(error, ClockSkew):
                    yield from self._learn_clock()
                elif not isinstance(error, RateLimited):
                    yield Sleep(_backoff(failures))

    def server_time(self) -> Effects[int]:
        """The venue's clock, UTC nanoseconds; feeds the estimate of its offset."""
        call = self.venue.server_time()
        started = time.time_ns()
        server_ns = yield from self.run(call)
        self.clock.sample(started, server_ns, time.time_ns())
        return server_ns

    def venue_time(self) -> Effects[int]:
        """The venue's clock by our estimate, UTC nanoseconds; asks for it where the estimate is not good enough."""
        if self.clock.needs_sample():
            yield from self._learn_clock()
        return self.clock.now_ns()

    def admit(self, costs: Mapping[str, int]) -> Effects[None]:
        """Wait until the quotas allow so much, for what is not an HTTP request: connecting, a query over a socket."""
        self._limiter.settle((yield from self._enter(costs)))

    def _enter(self, costs: Mapping[str, int]) -> Effects[Ticket]:
        ticket = self._limiter.enter(self._meter.costs(costs, self._account))
        try:
            while (delay := self._limiter.delay(ticket)) > 0:
                yield Sleep(delay)
        except BaseException:
            self._limiter.abandon(ticket)
            raise
        return ticket

    def ping(self) -> Effects[int]:
        """Nanoseconds until the venue answered."""
        started = time.perf_counter_ns()
        yield from self.run(self.venue.ping())
        return time.perf_counter_ns() - started

    @property
    def last_error(self) -> Error | None:
        """The latest failure, unless something has worked since."""
        return self._last_error

    def health(self) -> Health:
        """State of the session, without asking anybody."""
        failed, used = self._last_error, self._limiter.usage()
        return Health(
            ok=failed is None,
            latency_ms=self._latency_ms,
            clock_offset_ms=None if self.clock.error_ns is None else self.clock.offset_ns / 1e6,
            limits={scope: used[name] for scope, name in self._meter.scopes(self._account).items() if name in used},
            last_error=None if failed is None else f"{type(failed).__name__}: {failed}",
        )

    # One attempt.

    def _attempt(self, call: Call[T]) -> Effects[tuple[T, Call[T] | None]]:
        ticket = yield from self._enter(call.costs)
        try:
            request = call.request if self._credentials is None else call.signed(self._credentials, self.clock.now_ns())
        except BaseException:
            self._limiter.abandon(ticket)
            raise
        response = yield from self._exchange(call, request, ticket)
        try:
            value = call.parse(response.body, status=response.status, headers=response.headers)
        except RateLimited as error:
            self._obey(call, error)
            raise
        except AuthenticationError as error:
            skew = self._clock_skew(error)
            if skew is None:
                raise
            self.clock.distrust()
            raise skew from None
        except (VenueError, DecodeError) as error:
            if call.writes and self._is_ambiguous(error):
                raise self._unknown(call, str(error)) from error
            raise
        if call.verb == "fetch_instruments":
            self._meter.configure(self.venue.quotas_from(call.kind, response.body))
            self._settle(call, ticket, response)  # again: limits just learnt begin with what the venue has counted
        self._last_error = None
        return value, None if call.then is None else call.then(response, value)

    def _exchange(self, call: Call[Any], request: Request, ticket: Ticket) -> Effects[Response]:
        answered: Response | None = None
        if call.verb == "create_order" and call.symbol is not None:
            self.traded.add(call.symbol)
        started, sent_ns = time.perf_counter(), time.time_ns()
        try:
            response: Response = yield Send(request)
            answered = response
        except TransportError as error:
            if call.writes and error.sent:
                raise self._unknown(call, str(error)) from error
            raise
        finally:
            self._settle(call, ticket, answered)
        self.clock.observe(sent_ns, response.headers, time.time_ns())
        took_ms = (time.perf_counter() - started) * 1e3
        old = self._latency_ms
        self._latency_ms = took_ms if old is None else old + _SMOOTHING * (took_ms - old)
        return response

    def _settle(self, call: Call[Any], ticket: Ticket, response: Response | None) -> None:
        used = {} if response is None else self.venue.usage(call, response.headers)
        names = self._meter.scopes(self._account)
        self._limiter.settle(ticket, {names[scope]: amount for scope, amount in used.items() if scope in names})

    # Judgement.

    def _may_repeat(self, call: Call[Any], error: Error, failures: int) -> bool:
        if call.writes or not error.retryable or failures > self._retries:
            return False
        return not isinstance(error, ClockSkew) or failures == 1

    def _is_ambiguous(self, error: VenueError | DecodeError) -> bool:
        if isinstance(error, DecodeError) or error.http_status == _GAVE_UP:
            return True
        return self.venue.outcome_unknown(error)

    def _clock_skew(self, error: AuthenticationError) -> ClockSkew | None:
        """The refusal, if our time stamp is its cause: by its kind, or because the answer's date belies our clock."""
        if isinstance(error, ClockSkew):
            return error
        if isinstance(error, PermissionDenied) or not self.clock.is_doubted:
            return None
        why = f"{error.message} (and its clock is not what it was: the request's time stamp is off)"
        return ClockSkew(why, venue=error.venue, code=error.code, http_status=error.http_status)

    def _unknown(self, call: Call[Any], why: str) -> OutcomeUnknown:
        own_id, order_id = call.client_order_id, call.order_id
        if own_id or order_id:
            name = f"client order id {own_id}" if own_id else f"order {order_id}"
            mend = f"pass this error to resolve_order, do not repeat it [{name}]"
        else:
            mend = "fetch_open_orders tells what is left"
        return OutcomeUnknown(
            f"{call.verb} {call.symbol} may or may not have happened ({why}); {mend}",
            venue=self.venue.name,
            client_order_id=own_id,
            order_id=order_id,
            symbol=call.symbol,
            verb=call.verb,
            sent_ns=time.time_ns(),
        )

    def _obey(self, call: Call[Any], error: RateLimited) -> None:
        if isinstance(error, Banned):
            self._limiter.ban(error.retry_after or _BAN_S)
            return
        for scope in self._meter.costs(call.costs, self._account):
            if error.scope is None or error.scope in scope:
                self._limiter.freeze(scope, error.retry_after or _FREEZE_S)

    def _note(self, call: Call[Any], error: Error) -> None:
        error.venue = error.venue or self.venue.name
        self._last_error = error
        log.debug("%s %s failed: %s: %s", self.venue.name, call.verb, type(error).__name__, error)

    # The clock.

    def _learn_clock(self) -> Effects[None]:
        """Sample the venue's clock. A failure shows in log and health, and the call goes on with what we know."""
        try:
            for _ in range(3):
                yield from self.server_time()
        except NotSupported:
            return
        except (Banned, ConfigError):
            raise
        except Error as error:
            log.warning(
                "%s: cannot read its clock (%s); using an offset of %s ns", self.venue.name, error, self.clock.offset_ns
            )


def _backoff(failures: int) -> float:
    """Full jitter: spread between zero and the doubled cap, so that many clients do not return at once."""
    return random.uniform(0, min(_BACKOFF_CAP_S, _BACKOFF_S * 2**failures))
