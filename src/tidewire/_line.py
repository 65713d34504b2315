"""One socket of a feed, from dialling to its end: login, paced commands, answers, heartbeats, silence."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Self, TypeVar

from ._feed import (
    LOGIN,
    Acknowledged,
    Answer,
    Buffer,
    Ended,
    Feed,
    Leaving,
    Message,
    Moment,
    Numbered,
    Refused,
    Reply,
    Several,
)
from ._inflate import Inflater
from ._ledger import Ledger, Pace
from ._subscriber import Desk, Owner, Subscriber, Traffic
from ._websocket import MAX_MESSAGE, Socket, connect
from .errors import ConnectionFailed, DecodeError, Error

__all__ = ["Line"]

T = TypeVar("T")
log = logging.getLogger("tidewire.stream")


class Line:
    """Brings the topics that it is told of up on one socket. ``topics`` is its owner's to change: ``wake`` afterwards.

    ``run`` returns why it ended, once nothing of it is left; the topics that were up have been told before.
    """

    def __init__(
        self, feed: Feed, desk: Desk, owner: Owner, topics: dict[str, Subscriber], traffic: Traffic, connect_s: float
    ) -> None:
        self.topics = topics
        self.up: set[str] = set()
        self._feed = feed
        self._desk = desk
        self._owner = owner
        self._traffic = traffic
        self._connect_s = connect_s
        self._read = feed.read
        self._inflater = Inflater(MAX_MESSAGE) if feed.gzip else None
        self._ledger = Ledger(feed.topics_per_command, feed.together)
        self._queries: deque[tuple[Callable[[Moment], str], asyncio.Future[bytes]]] = deque()
        self._answers: dict[int, tuple[asyncio.Future[bytes], float]] = {}  # awaited, and since when
        self._number = 0
        self._last_number: int | None = None  # of the venue's messages, where it counts them
        self._pace = Pace(feed.commands_per_s, feed.commands_burst, time.monotonic())
        self._logged_in = feed.login is None
        self._clock_ns = time.time_ns() - time.monotonic_ns()  # a UTC clock minus time.monotonic_ns
        self._socket: Socket | None = None
        self._why: Error | None = None
        self._pinged = 0.0
        self._arrived_ns = 0
        self._wake = asyncio.Event()

    @property
    def connected(self) -> bool:
        """True while the socket is open."""
        return self._socket is not None and not self._socket.is_closing

    @property
    def complete(self) -> bool:
        """True when every topic is up."""
        return self.connected and self.topics.keys() <= self.up

    def wake(self) -> None:
        """Act on what has changed."""
        self._wake.set()

    def renew(self, topic: str) -> None:
        """Unsubscribe from a topic and subscribe to it again, which makes the venue send its snapshot."""
        if self._ledger.renew(topic):
            self.up.discard(topic)
            self._wake.set()

    async def ask(self, write: Callable[[Moment], str]) -> bytes:
        """Ask a question and return the answer's payload. Raises the venue's refusal, or why the line ended."""
        if not self.connected or self._why is not None:
            raise ConnectionFailed(f"{self._feed}: not connected", sent=False)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._queries.append((write, answer))
        self._wake.set()
        return await answer

    async def settle(self) -> None:
        """Wait for the answers that are still to come, for as long as an answer may take."""
        waiting = [answer for answer, _ in self._answers.values()] + [answer for _, answer in self._queries]
        if waiting:
            await asyncio.wait(waiting, timeout=self._feed.answer_s)

    def hang_up(self, reason: str | Error) -> None:
        """End the line now."""
        self._why = self._why or (reason if isinstance(reason, Error) else ConnectionFailed(f"{self._feed}: {reason}"))
        self._tell_down(str(reason))
        if self._socket is not None:
            self._socket.abort()
        self._wake.set()

    async def run(self) -> Error:
        """Connect and serve until that ends; return why."""
        try:
            socket = await self._connect()
        except Error as error:
            return error
        extending = asyncio.create_task(self._extend_key(), name="tidewire listen key")
        try:
            await self._attend(socket)
        finally:
            socket.close()
            extending.cancel()
            await asyncio.gather(extending, return_exceptions=True)
            await socket.wait_closed()
            why = self._why or ConnectionFailed(f"{self._feed}: closed")
            for answer in (*(future for _, future in self._queries), *(future for future, _ in self._answers.values())):
                if not answer.done():
                    answer.set_exception(why)
        return why

    # Peer of the socket.

    def on_frame(self, payload: Buffer, is_text: bool) -> None:
        """Read one frame and hand it on."""
        self._arrived_ns = time.perf_counter_ns()
        if self._inflater is None or is_text:
            self._take(payload)
        else:
            self._inflate(self._inflater, payload)
        traffic = self._traffic  # afterwards, so that nobody is kept waiting
        traffic.messages += 1
        traffic.bytes += len(payload)

    def _inflate(self, inflater: Inflater, payload: Buffer) -> None:
        try:
            text = inflater.inflate(payload)
        except DecodeError as error:
            self._lost_frame(error)
            return
        with text:
            self._take(text)

    def _take(self, payload: Buffer) -> None:
        try:
            message = self._read(payload)
        except DecodeError as error:
            self._lost_frame(error)
            return
        if type(message) is tuple:
            self._data(*message)
        elif message is not None:
            self._control(message)

    def on_closed(self, reason: str) -> None:
        """Tell the subscribers why, and let the keeper act."""
        self.hang_up(reason)

    def _data(self, topic: str, payload: Buffer) -> None:
        subscriber = self.topics.get(topic)
        if subscriber is None:
            return  # still under way when it was unsubscribed
        if topic not in self.up:
            self._now_up(self._ledger.answered(None, (topic,)))
            if topic not in self.up:
                return  # of a subscription that has been given up: what it loses, nobody would be told
        subscriber.on_data(payload)
        if subscriber.latency is not None:
            subscriber.latency.record(time.perf_counter_ns() - self._arrived_ns)

    # Messages that are not data.

    def _control(self, message: Message) -> None:
        match message:
            case (topic, payload):
                self._data(topic, payload)
            case Several(messages):
                for each in messages:
                    self._control(each)
            case Numbered(number, inner):
                if self._counts(number):
                    self._control(inner)
            case Reply(data):
                if self._socket is not None:
                    self._socket.send(data)
            case Acknowledged(number, topics):
                self._now_up(self._ledger.answered(number, topics))
            case Answer(number, payload):
                if (awaited := self._answers.pop(number, None)) is not None and not awaited[0].done():
                    awaited[0].set_result(bytes(payload))
            case Refused():
                self._refused(message)
            case Ended(topics, reason):
                self._tell_down(reason, topics)
                self._ledger.ended(topics)
                self._wake.set()
            case Leaving(reason):
                self._owner.on_leaving(self, reason)

    def _counts(self, number: int) -> bool:
        """Note a message's number; return whether the message is news."""
        last, self._last_number = self._last_number, max(number, self._last_number or 0)
        if last is None or number == last + 1:
            return True
        if number > last:
            self._traffic.missing += number - last - 1
            self._doubt(f"{number - last - 1} messages of the connection are missing")
        return number > last

    def _now_up(self, topics: Iterable[str]) -> None:
        self._owner.on_alive()
        self._wake.set()
        for topic in topics:
            if topic == LOGIN:
                self._logged_in = True
            elif topic not in self.up and self._ledger.flows(topic):
                self.up.add(topic)
                if topic in self.topics:
                    self.topics[topic].on_up()

    def _refused(self, refusal: Refused) -> None:
        if refusal.number is not None and (awaited := self._answers.pop(refusal.number, None)) is not None:
            if not awaited[0].done():
                awaited[0].set_exception(refusal.error)
            return
        topics = self._ledger.refused(refusal.number, refusal.topics)
        log.warning("%s refused %s: %s", self._feed, ", ".join(topics) or "a command", refusal.error)
        self._traffic.last_error = str(refusal.error)
        self._wake.set()
        if LOGIN in topics:
            self.hang_up(refusal.error)
            return
        for topic in topics:
            self.topics.pop(topic, None)
            self._owner.on_refused(topic, refusal.error)

    def _lost_frame(self, error: DecodeError) -> None:
        """Whose frame that was cannot be known: every topic may have lost something."""
        self._traffic.unreadable += 1
        self._traffic.last_error = str(error)
        log.warning("%s sent a frame that cannot be read: %s", self._feed, error)
        self._doubt("a frame could not be read")

    def _doubt(self, reason: str) -> None:
        for topic in tuple(self.up):
            if topic in self.topics:
                self.topics[topic].on_doubt(reason)

    def _tell_down(self, reason: str, topics: Sequence[str] | None = None) -> None:
        down = self.up.intersection(topics) if topics is not None else set(self.up)
        self.up -= down
        for topic in down:
            if topic in self.topics:
                self.topics[topic].on_down(reason)

    # The keeper.

    async def _connect(self) -> Socket:
        await self._desk.admit(self._feed.connect_costs)
        url = self._feed.url
        if self._feed.private:
            self._clock_ns = await self._desk.venue_time() - time.monotonic_ns()
        if self._feed.key is not None:
            self._key = await self._desk.run(self._feed.key.obtain)
            url = self._feed.key.url(self._key)
        return await connect(url, self._attach, ssl_context=self._desk.ssl_context, timeout=self._connect_s)

    def _attach(self, socket: Socket) -> Self:
        self._socket = socket
        return self

    async def _extend_key(self) -> None:
        """Keep the key of the URL alive; a venue that will not is one that we must come back to with another key."""
        key = self._feed.key
        while key is not None:
            await asyncio.sleep(key.every_s)
            try:
                await self._desk.run(key.extend(self._key))
            except Error as error:
                self._owner.on_leaving(self, f"the listen key cannot be kept: {error}")
                return

    async def _attend(self, socket: Socket) -> None:
        """Send what is to be sent, no faster than the venue allows, and watch for silence."""
        tick = min(self._feed.idle_s, self._feed.answer_s, 4.0) / 4
        while not socket.is_closing:
            self._wake.clear()
            wait = tick
            if self._has_work():
                wait = min(tick, self._pace.delay(time.monotonic()))
                if wait <= 0:
                    self._work(socket)
                    continue
            self._check_silence(socket)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    def _has_work(self) -> bool:
        if not self._logged_in:
            return not self._ledger.is_waiting
        if self._queries:
            return True
        if self._feed.one_at_a_time and self._ledger.is_waiting:
            return False
        return bool(self._ledger.surplus(self._wanted()) or self._ledger.missing(self._wanted()))

    def _wanted(self) -> dict[str, object]:
        return {**dict.fromkeys(self._feed.standing), **self.topics}

    def _work(self, socket: Socket) -> None:
        """Send the one message that brings the venue's idea of us closest to ours."""
        self._pace.take()
        self._number += 1
        number, now = self._number, time.monotonic()
        key = self._desk.credentials if self._feed.private else None
        moment = Moment(number, time.monotonic_ns() + self._clock_ns, key)
        if not self._logged_in and self._feed.login is not None:
            self._ledger.asked(number, (LOGIN,), now)
            socket.send(self._feed.login(moment))
        elif self._queries:
            write, answer = self._queries.popleft()
            if not answer.done():  # else who asked has given up
                self._answers[number] = answer, now
                socket.send(write(moment))
        elif surplus := self._ledger.surplus(self._wanted()):
            self._ledger.asked(number, surplus, now, subscribing=False)
            self.up.difference_update(surplus)
            if self._feed.unsubscribe is not None:
                socket.send(self._feed.unsubscribe(surplus, moment))
        else:
            missing = self._ledger.missing(self._wanted())
            self._ledger.asked(number, missing, now)
            if self._feed.subscribe is not None:
                socket.send(self._feed.subscribe(missing, moment))
            else:
                self._now_up(self._ledger.answered(number))

    def _check_silence(self, socket: Socket) -> None:
        now = time.monotonic()
        quiet = now - socket.last_received
        asked = min((since for future, since in self._answers.values() if not future.done()), default=now)
        if now - min(asked, self._ledger.oldest or now) > self._feed.answer_s:
            self.hang_up(f"a command was not answered within {self._feed.answer_s:g} s")
        elif quiet > self._feed.idle_s + self._feed.answer_s:
            self.hang_up(f"silent for {quiet:.1f} s")
        elif quiet > self._feed.idle_s and self._pinged <= socket.last_received:
            self._pinged = now
            socket.ping() if self._feed.ping is None else socket.send(self._feed.ping)
        for topic in tuple(self.up):
            if topic in self.topics:
                self.topics[topic].on_tick(now)
