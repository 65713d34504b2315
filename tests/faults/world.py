"""One venue in a virtual world: its own sandbox dialect, a tiny market whose every state is known, and a reader."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from collections.abc import Iterator
from typing import Any, TypeVar

from tidewire._call import Call
from tidewire._connection import Patience
from tidewire._dialect import BookDelta, Event, Session
from tidewire.book import BookState, OrderBook
from tidewire.errors import ConnectionFailed, Error
from tidewire.models import Instrument, Side
from tidewire.sandbox import _load
from tidewire.sandbox.exchange import VenueExchange
from tidewire.sandbox.faults import FaultPlan
from tidewire.sandbox.matching import MatchingBook
from tidewire.sandbox.quotas import Quotas
from tidewire.sandbox.service import VenueService
from tidewire.stream import Streams
from tidewire.symbols import Kind, Symbol
from tidewire.venues import venue

from .virtual import End, Network, VirtualLoop

__all__ = ["STEP_S", "World"]

T = TypeVar("T")
State = tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]

STEP_S = 0.1  # between two moves of the market
_REACH = 8  # ticks from the middle within which levels change
_PATIENCE = Patience(first_s=0.05, cap_s=0.4, calm_s=10.0, connect_s=2.0)


@functools.cache
def _exchange(name: str) -> VenueExchange:
    """Opening a market takes far longer than a plan: one serves all."""
    dialect = _load(name)
    return VenueExchange(dialect, 1, {}, Quotas(dialect.limits), levels=1)


@functools.cache
def _instrument(name: str, symbol: Symbol) -> Instrument:
    """The instrument as the client reads it in the venue's words: contracts are its own affair."""
    call = venue(name).fetch_instruments(symbol.kind)
    answer = _load(name).answer(call.request, _exchange(name))
    return next(each for each in call.parse(answer.body) if each.symbol == symbol)


class TinyMarket:
    """A dozen levels a side that change at the word, and the memory of every state that they were in.

    ``number`` counts the states; ``numbers`` finds the latest with given levels.
    """

    def __init__(self, exchange: VenueExchange, symbol: Symbol, rng: random.Random) -> None:
        self.market, self._rng = exchange.markets[symbol], rng
        self.market.book = self._book = MatchingBook(sequence=rng.randrange(10**6, 10**7))
        self._middle = 10_000  # the best bid is here or below, the best ask above
        self.number = 0
        self.numbers: dict[State, int] = {}
        for distance in range(_REACH):
            for side in Side:
                self._set(side, distance)
        self._book.drain()
        self._remember()

    def move(self) -> None:
        """Change a few levels, or the price."""
        if self._rng.random() < 0.2:
            self._shift(self._rng.choice((-1, 1)))
        for _ in range(self._rng.randint(1, 3)):
            side, distance = self._rng.choice((Side.BUY, Side.SELL)), self._rng.randrange(_REACH)
            gone = self._rng.random() < 0.25 and len(self._book.side(side).keys) > 2
            self._set(side, distance, gone=gone)
        self._remember()

    def _shift(self, up: int) -> None:
        side, front = (Side.SELL, self._middle + 1) if up > 0 else (Side.BUY, self._middle)
        self._book.set_house(side, front, 0)
        self._middle += up
        for each in Side:
            if not self._book.side(each).keys:
                self._set(each, 0)

    def _set(self, side: Side, distance: int, *, gone: bool = False) -> None:
        ticks = self._middle - distance if side is Side.BUY else self._middle + 1 + distance
        self._book.set_house(side, ticks, 0 if gone else self._rng.randint(1, 10**6))

    def _remember(self) -> None:
        self.number += 1
        self.numbers[frozenset(self._book.bids.lots.items()), frozenset(self._book.asks.lots.items())] = self.number


def levels_of(book: OrderBook) -> State:
    """All levels of a book in ticks and lots."""
    bids, asks = ([(ticks, lots) for ticks, lots in side if lots] for side in book.ticks().tolist())
    return frozenset(bids), frozenset(asks)


def is_best(shown: State, state: State) -> bool:
    """True when what is shown are the best levels of both sides, at least one of each, with none left out."""
    bids, asks = (sorted(side, reverse=bids) for side, bids in zip(state, (True, False), strict=True))
    return all(
        0 < len(own) <= len(all_) and own == frozenset(all_[: len(own)])
        for own, all_ in zip(shown, (bids, asks), strict=True)
    )


class World:
    """A client's watched book and the venue behind it, on a virtual network. ``violations`` is what must stay empty.

    Whenever the book is ``LIVE`` it must equal a state that the market was in, and none older than the newest delta
    that has reached the client undamaged.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        name: str,
        kind: Kind,
        rng: random.Random,
        plan: FaultPlan,
        depth: int | None = None,
    ) -> None:
        dialect, self._exchange = _load(name), _exchange(name)
        self._exchange.quotas = Quotas(dialect.limits)
        self.plan = plan
        self.symbol = main_market(self._exchange, kind)
        self.market = TinyMarket(self._exchange, self.symbol, rng)
        self.service = VenueService(dialect, self._exchange, plan)
        self.network = Network(loop, self.service, rng.choice((0.0, 0.004, 0.03, 0.15)))
        self.book: OrderBook | None = None
        self.violations: list[str] = []
        self._depth = depth
        self._born: dict[str | bytes, int] = {}
        self._delivered: dict[End, int] = {}
        self.streams = Streams(
            venue(name, base_url="http://virtual", stream_url="ws://virtual"),
            run=self._run,
            instrument=self._instrument,
            patience=_PATIENCE,
        )

    # The venue.

    def move(self, *, publish: bool = True) -> None:
        """Let the market move; what nobody was told yet comes with the next delta."""
        self.market.move()
        if publish:
            self.service.flush()

    async def _run(self, call: Call[T]) -> T:
        reply = await self.service._respond(call.request)
        await asyncio.sleep(2 * self.network.latency)
        head, _, body = reply.data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        if not reply.data or int(headers["content-length"]) != len(body):
            raise ConnectionFailed("the answer was cut short")
        return call.parse(body, status=int(lines[0].split()[1]), headers=headers)

    async def _instrument(self, symbol: str | Symbol) -> Instrument:
        return _instrument(self.service.dialect.name, self.symbol)

    # The client.

    async def read(self) -> None:
        """Watch the book for ever, as a user does who opens it again whenever it fails."""
        while True:
            with contextlib.suppress(Error):
                async with self.streams.watch_book(self.symbol, self._depth) as stream:
                    async for self.book in stream:
                        self.check("read")
            await asyncio.sleep(STEP_S)

    async def connect(self, url: str, peer_factory: Any, **options: Any) -> End:
        """In the place of the engine's: sees what reaches the client."""
        end = await self.network.connect(url, peer_factory, **options)
        self._delivered[end] = 0
        end.on_received = lambda frame: self._received(end, frame)
        self._witness(end.other.peer.session)
        return end

    def _witness(self, session: Session) -> None:
        publish = session.publish

        def witnessed(event: Event) -> Iterator[str | bytes]:
            for frame in publish(event):
                if isinstance(event, BookDelta):
                    self._born[frame] = self.market.number
                yield frame

        session.publish = witnessed  # type: ignore[method-assign]

    def _received(self, end: End, frame: str | bytes) -> None:
        self._delivered[end] = max(self._delivered[end], self._born.get(frame, 0))
        self.check("frame")

    # What must hold.

    def check(self, when: str) -> None:
        """Note a violation if the book looks right and is not."""
        if self.book is None or self.book.state is not BookState.LIVE:
            return
        number = self._number_of(self.book)
        newest = min((count for end, count in self._delivered.items() if not end.is_closing), default=0)
        if self.book.crossed:
            self.violations.append(f"after a {when}: LIVE and crossed: {self.book}")
        elif number is None:
            self.violations.append(f"after a {when}: LIVE and equal to no state that the market was in: {self.book}")
        elif number < newest:
            self.violations.append(f"after a {when}: LIVE at state {number}, while {newest} has been delivered")

    @property
    def is_right(self) -> bool:
        """True when the book is live and shows the market as it is now."""
        book = self.book
        return book is not None and book.state is BookState.LIVE and self._number_of(book) == self.market.number

    def _number_of(self, book: OrderBook) -> int | None:
        """The latest state of the market that the book shows, or the best levels of, if it knows no more."""
        shown = levels_of(book)
        if self._depth is None:
            return self.market.numbers.get(shown)
        alike = (number for state, number in self.market.numbers.items() if is_best(shown, state))
        return max(alike, default=None)


def main_market(exchange: VenueExchange, kind: Kind) -> Symbol:
    """The Bitcoin market of a kind."""
    found = (item.symbol for item in exchange.instruments(kind))
    return next(symbol for symbol in found if symbol.base == "BTC" and symbol.expiry is None)
