"""A book as a table, and a book that is followed live."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import TypeVar

from rich.live import Live
from rich.table import Table

import tidewire as tw

from ..universal import ConsolidatedLevel
from .output import DATA, decimals, table

__all__ = ["FRAMES_PER_S", "LINES_PER_S", "follow", "in_lines", "ladder", "on_terminal", "paced"]

T = TypeVar("T")

Levels = Sequence[tw.Level] | Sequence[ConsolidatedLevel]

FRAMES_PER_S = 10
LINES_PER_S = 2
_BAR = 16


def ladder(bids: Levels, asks: Levels, title: str) -> Table:
    """Return levels side by side, best first, with bars for their size, and their venues where these differ."""
    levels = (*bids, *asks)
    most = max((level.quantity for level in levels), default=Decimal(1))
    prices, sizes = decimals(level.price for level in levels), decimals(level.quantity for level in levels)
    columns, named = ["size", "bid", "ask", "size "], any(isinstance(level, ConsolidatedLevel) for level in levels)
    made = table(*(["venue", *columns, "venue "] if named else columns), title=title, numbers="size bid")
    for column in made.columns:
        column.min_width = _BAR + 12 if str(column.header).strip() == "size" else None
    cells = [
        (f"[{colour}]{_bar(level, most)}[/]", size, f"[{colour}]{price}[/]", getattr(level, "venue", ""))
        for level, price, size, colour in zip(
            levels, prices, sizes, ["green"] * len(bids) + ["red"] * len(asks), strict=True
        )
    ]
    left = [(venue, f"{bar} {size}", price)[not named :] for bar, size, price, venue in cells[: len(bids)]]
    right = [(price, f"{size} {bar}", venue)[: 2 + named] for bar, size, price, venue in cells[len(bids) :]]
    for bid, ask in zip_longest(left, right, fillvalue=("",) * (2 + named)):
        made.add_row(*bid, *ask)
    return made


def one_line(book: tw.OrderBook) -> str:
    """Return the top of a book as a line."""
    now = dt.datetime.now(dt.UTC).strftime("%H:%M:%S.%f")[:-3]
    if book.best_bid is None or book.best_ask is None:
        return f"{now} {book.state} one side is empty"
    bid, ask = book.best_bid, book.best_ask
    bid_price, ask_price, spread = decimals([bid.price, ask.price, ask.price - bid.price])
    bid_size, ask_size = decimals([bid.quantity, ask.quantity])
    top = f"bid {bid_size} @ {bid_price} | ask {ask_size} @ {ask_price} | spread {spread}"
    return f"{now} {book.state} #{book.sequence} {top}"


async def follow(
    client: tw.AsyncClient, symbol: str, depth: int, seconds: float | None, see: Callable[[tw.OrderBook], None]
) -> int:
    """Show a live book to ``see`` whenever it has changed, for so long or until cancelled; return the updates seen."""
    async with client.watch_book(symbol, depth) as stream:
        try:
            async with asyncio.timeout(seconds):
                async for book in stream:
                    see(book)
        except TimeoutError:
            pass
        return stream.stats.updates


def on_terminal(live: Live, symbol: str, depth: int) -> Callable[[tw.OrderBook], None]:
    """Return a viewer that redraws a ladder in place."""

    def draw(book: tw.OrderBook) -> None:
        title = f"{symbol} {book.state} #{book.sequence}"
        live.update(ladder(book.bids(depth), book.asks(depth), title), refresh=True)

    return paced(draw)


def in_lines() -> Callable[[tw.OrderBook], None]:
    """Return a viewer that prints a line now and then: for pipes and logs."""
    return paced(lambda book: DATA.print(one_line(book), markup=False, soft_wrap=True), LINES_PER_S)


def paced(see: Callable[[T], None], per_second: float = FRAMES_PER_S) -> Callable[[T], None]:
    """Return a viewer that passes books on at most so often."""
    due = 0.0

    def maybe(book: T) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + 1 / per_second
            see(book)

    return maybe


def _bar(level: tw.Level | ConsolidatedLevel, most: Decimal) -> str:
    return "▇" * max(1, round(_BAR * level.quantity / most))
