"""Asks venues as ``failover`` decides: one task per venue asked, those that lose are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from .._session import Effects, Send, Session, Sleep
from .._transport import Exchange
from ..client import AsyncClient
from ..models import BookSnapshot, Ticker
from .failover import Ask, Ended, Event, Moved, Option, Rests, Steps, Troubled, Wait

__all__ = ["Question", "VenueClient", "perform"]

T = TypeVar("T")
Question = Callable[["VenueClient", Any], Awaitable[Any]]
"""What to ask a venue for, given the symbol as it is listed there."""

Tell = Callable[[Event], None]


class _Attempt:
    """A read at one venue, which tells how it goes on."""

    def __init__(self, option: Option, tell: Tell) -> None:
        self._option, self._tell = option, tell

    def watch(self, effects: Effects[T], session: Session) -> Effects[T]:
        """Pass effects and their results on, and tell what they mean."""
        step: Callable[[Any], Any] = effects.send
        value: Any = None
        while True:
            before = session.last_error
            try:
                effect = step(value)
            except StopIteration as stop:
                result: T = stop.value
                return result
            # What a failed request raised is judged within the step, before it yields the pause and its repetition.
            if (error := session.last_error) is not None and error is not before:
                self._tell(Troubled(self._option, error))
            if isinstance(effect, Sleep):
                self._tell(Rests(self._option, effect.seconds))
            try:
                step, value = effects.send, (yield effect)
            except BaseException as error:  # noqa: BLE001 — thrown into the generator, which decides
                step, value = effects.throw, error
            else:
                if isinstance(effect, Send):
                    self._tell(Moved(self._option))


_attempt: ContextVar[_Attempt | None] = ContextVar("tidewire_universal_attempt", default=None)


class VenueClient(AsyncClient):
    """A client whose verbs tell the read that they are part of how it goes on."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._run = self._watched

    async def _watched(self, effects: Effects[T], over: Exchange | None = None) -> T:
        attempt = _attempt.get()
        return await self._transport.run(effects if attempt is None else attempt.watch(effects, self._session), over)

    def staleness_s(self, value: object) -> float | None:
        """Age of an answer by the venue's own time stamp and clock, in seconds, where it has one."""
        if not isinstance(value, (Ticker, BookSnapshot)) or value.time_ns is None:
            return None
        return (self._session.clock.now_ns() - value.time_ns) / 1e9


async def perform(steps: Steps[T], clients: Mapping[str, VenueClient], question: Question) -> T:
    """Drive a decision to its end. Nothing that it began is left when it has one."""
    events: asyncio.Queue[Event] = asyncio.Queue()
    asked: list[asyncio.Task[None]] = []
    event: Event | None = None
    try:
        while True:
            match steps.send(event):
                case Ask(option):
                    work = _ask(clients[option.venue], option, question, events.put_nowait)
                    asked.append(asyncio.create_task(work))
                    event = None
                case Wait(seconds):
                    event = await _next(events, seconds)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def _ask(client: VenueClient, option: Option, question: Question, tell: Tell) -> None:
    _attempt.set(_Attempt(option, tell))
    try:
        value = await question(client, option.symbol)
    except Exception as error:  # noqa: BLE001 — the decision raises what is not the venue's fault
        tell(Ended(option, error=error))
    else:
        tell(Ended(option, value, staleness_s=client.staleness_s(value)))


async def _next(events: asyncio.Queue[Event], seconds: float) -> Event | None:
    try:
        async with asyncio.timeout(seconds):
            return await events.get()
    except TimeoutError:
        return None
