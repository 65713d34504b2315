"""One session with a front: connected, logged in, kept so. What market and trading sessions share.

Events come from the vendor's threads through a worker; requests go out in the caller's thread. Both hold the session's
lock, and nothing that blocks happens under it.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from ..errors import ConfigError, CtpDisconnected, Error, StreamClosed, Timeout
from .login import Login, State, reason_text
from .models import Connection
from .refusals import TRANSIENT_LOGIN, login_refused, read_info, request_refused
from .steps import Deadlines, fail, fulfil
from .streams import Topic

__all__ = ["Event", "Link", "Session"]

log = logging.getLogger("tidewire.ctp")


class Event(NamedTuple):
    """A callback of the vendor's library: its name and arguments."""

    name: str
    arguments: tuple[Any, ...]


class Link(Protocol):
    """What a session needs of the library."""

    def start(self, deliver: Callable[[Event], None], wants: Callable[[str], bool]) -> None:
        """Connect, and stay so; every callback that is wanted is delivered from the vendor's threads."""
        ...

    def request(self, method: str, fields: dict[str, Any], request_id: int) -> int:
        """Call a ``Req…`` method with a struct of these fields; fields that the version lacks are left out."""
        ...

    def subscribe(self, symbols: list[str]) -> int:
        """Ask for market data."""
        ...

    def unsubscribe(self, symbols: list[str]) -> int:
        """Ask for no more of it."""
        ...

    def queries_per_second(self) -> float | None:
        """What the front allows, where the version tells."""
        ...

    def close(self) -> None:
        """Let go of the library; no callback comes after."""
        ...


class Session:
    """A session's life. Subclasses say how to log in and what to do with the rest.

    ``handle`` and ``pump`` are the worker's to call; ``poke`` has it call ``pump`` soon.
    """

    steps: tuple[State, ...]

    def __init__(self, link: Link, *, front: str, timeout: float) -> None:
        if not timeout > 0:
            raise ConfigError(f"timeout must be positive seconds, not {timeout}")
        self.link = link
        self.front = front
        self.timeout = timeout
        self.lock = threading.RLock()
        self.deadlines = Deadlines()
        self.login = Login(self.steps, timeout=timeout)
        self.connections: Topic[Connection] = Topic()
        self.poke: Callable[[], None] = lambda: None
        self.clock: Callable[[], float] = time.monotonic
        self._next_id = itertools.count(1).__next__
        self._step_id: int | None = None
        self._opening: list[Future[None]] = []
        self._handlers = self._find_handlers()

    # Life.

    def ready(self, timeout: float) -> Future[None]:
        """Done when the session works; fails when it cannot, or has not within ``timeout`` seconds."""
        with self.lock:
            opening: Future[None] = Future()
            if self.login.state is State.READY:
                opening.set_result(None)
            elif self.login.is_over:
                opening.set_exception(self.closed_error())
            else:
                self._opening.append(opening)
                self.deadlines.add(self.clock() + timeout, opening, lambda: self._open_late(opening, timeout))
                self.poke()
            return opening

    def close(self) -> None:
        """End everything; the library is let go. Repeating it is harmless."""
        with self.lock:
            was_over = self.login.state is State.CLOSED
            if not was_over:
                self.login.close()
                self._end(StreamClosed("the session was closed", venue="ctp"))
        if not was_over:
            self.link.close()

    def closed_error(self) -> Error:
        """Why nothing can be asked any more."""
        return self.login.error or StreamClosed("the session is closed", venue="ctp")

    def require_ready(self) -> None:
        """Raise ``CtpDisconnected`` unless requests can be sent now."""
        if self.login.is_over:
            raise self.closed_error()
        if self.login.state is not State.READY:
            raise CtpDisconnected(f"the session with {self.front} is {self.login.state}; nothing was sent")

    def pause(self, seconds: float) -> Future[None]:
        """Done after so long."""
        pause: Future[None] = Future()
        self.deadlines.add(self.clock() + seconds, pause, lambda: fulfil(pause, None))
        self.poke()
        return pause

    # The worker's.

    def wants(self, callback: str) -> bool:
        """True for callbacks that ``handle`` does something with."""
        return callback in self._handlers or callback.startswith("OnRspQry")

    def admits(self, event: Event, backlog: int) -> bool:
        """In the vendor's thread: false for what may be left out when so many events wait; never for orders, fills."""
        return True

    def handle(self, event: Event) -> None:
        """Take one callback."""
        handler = self._handlers.get(event.name)
        with self.lock:
            if handler is not None:
                handler(*event.arguments)
            else:
                row, info, request_id, last = event.arguments
                self.on_answer(row, info, request_id, last=last)

    def pump(self, now: float) -> float | None:
        """Do what is due; return when to come back."""
        with self.lock:
            step = self.login.wake(now)
            if step is not None:
                self._send_step(step)
            return _earliest(self.login.due, self.deadlines.pump(now), self.pump_more(now))

    # For subclasses.

    def step_request(self, step: State) -> tuple[str, dict[str, Any]]:
        """Method and fields of a step of the login."""
        raise NotImplementedError

    def logged_in(self, answer: Any) -> None:
        """The answer of the login itself."""

    def on_ready(self) -> None:
        """The session works."""

    def on_lost(self, error: CtpDisconnected) -> None:
        """The connection is gone."""

    def on_over(self, error: Error) -> None:
        """There will be no other session."""

    def on_answer(self, row: Any, info: Any, request_id: int, *, last: bool) -> None:
        """A row of a query's answer."""

    def on_error(self, error_id: int, message: str, request_id: int) -> None:
        """A refusal that belongs to no other callback."""

    def pump_more(self, now: float) -> float | None:
        """What else is due."""
        return None

    def next_id(self) -> int:
        """A request id that no other request of this session has."""
        return self._next_id()

    # Callbacks.

    def _find_handlers(self) -> dict[str, Callable[..., None]]:
        return {
            "OnFrontConnected": self._connected,
            "OnFrontDisconnected": self._disconnected,
            "OnHeartBeatWarning": self._warned,
            "OnRspAuthenticate": self._answered,
            "OnRspUserLogin": self._answered,
            "OnRspSettlementInfoConfirm": self._answered,
            "OnRspError": self._errored,
        }

    def _connected(self) -> None:
        step = self.login.connected(self.clock())
        if step is not None:
            self._tell(f"connected to {self.front}")
            self._send_step(step)

    def _disconnected(self, code: int) -> None:
        reason = reason_text(code)
        self.login.disconnected()
        self._step_id = None
        self._tell(reason, code)
        log.warning("CTP %s: connection lost: %s", self.front, reason)
        self.on_lost(CtpDisconnected(f"the connection with {self.front} was lost: {reason}", error_id=code))

    def _warned(self, seconds: int) -> None:
        log.warning("CTP %s: nothing heard for %s s", self.front, seconds)

    def _answered(self, row: Any, info: Any, request_id: int, last: bool) -> None:
        if request_id != self._step_id:
            return  # of an earlier connection
        error_id, message = read_info(info)
        if error_id:
            self._step_refused(error_id, message)
            return
        if self.login.state is State.LOGGING_IN:
            self.logged_in(row)
        step = self.login.accepted(self.clock())
        if step is not None:
            self._send_step(step)
        elif self.login.state is State.READY:
            self._tell("logged in")
            self.on_ready()
            opening, self._opening = self._opening, []
            for each in opening:
                fulfil(each, None)

    def _errored(self, info: Any, request_id: int, last: bool) -> None:
        error_id, message = read_info(info)
        if request_id == self._step_id and self.login.state is not State.READY:
            self._step_refused(error_id, message)
        elif self.login.state is State.OFFLINE and error_id:  # the library could not agree with the front on a key
            self.login.error = request_refused(error_id, message)
        else:
            self.on_error(error_id, message, request_id)

    # Steps.

    def _send_step(self, step: State) -> None:
        method, fields = self.step_request(step)
        self._step_id = self.next_id()
        try:
            code = self.link.request(method, fields, self._step_id)
        except ConfigError as error:  # such as a password that is too long: it will never do
            self._give_up(step, error)
            return
        if code:
            self.login.unsent(CtpDisconnected(f"{method} could not be sent (it returned {code})"), self.clock())

    def _step_refused(self, error_id: int, message: str) -> None:
        step = self.login.state
        error = login_refused(error_id, message)
        self.login.refused(error, self.clock(), transient=error_id in TRANSIENT_LOGIN)
        self._tell(f"{step} was refused: {message}", error_id)
        if self.login.is_over:
            self._give_up(step, error)

    def _give_up(self, step: State, error: Error) -> None:
        self.login.refused(error, self.clock(), transient=False)
        log.error("CTP %s: %s was refused and will not be tried again: %s", self.front, step, error)
        self._end(error)

    def _end(self, error: Error) -> None:
        opening, self._opening = self._opening, []
        for each in opening:
            fail(each, error)
        self.on_over(error)
        self.connections.end(None if self.login.state is State.CLOSED else error)

    def _open_late(self, opening: Future[None], timeout: float) -> None:
        self._opening.remove(opening)
        if self.login.error is not None:
            error = self.login.error
        elif self.login.state is State.OFFLINE:
            error = Timeout(
                f"no front answered at {self.front} within {timeout:g} s: check address, network and hours of service",
                venue="ctp",
            )
        else:
            error = Timeout(f"{self.front} did not answer within {timeout:g} s while {self.login.state}", venue="ctp")
        fail(opening, error)

    def _tell(self, reason: str, code: int | None = None) -> None:
        self.connections.put(Connection(state=str(self.login.state), reason=reason, code=code, time_ns=time.time_ns()))


def _earliest(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)
