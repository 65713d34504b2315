"""A book as a table, and a book that is followed live."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import zip_longest

from rich.live import Live
from rich.table import Table

import tidewire as tw

from .output import DATA, decimals, table

__all__ = ["follow", "in_lines", "ladder", "on_terminal"]

Levels = Sequence[tw.Level]

_FRAMES_PER_S = 10
_LINES_PER_S = 2
_BAR = 16


def ladder(bids: Levels, asks: Levels, title: str) -> Table:
    """Return levels side by side, best first, with bars for their size."""
    most = max((level.quantity for level in (*bids, *asks)), default=Decimal(1))
    made = table("size", "bid", "ask", "size ", title=title, numbers="size bid")
    made.columns[0].min_width = made.columns[3].min_width = _BAR + 12
    prices = iter(decimals(level.price for level in (*bids, *asks)))
    sizes = iter(decimals(level.quantity for level in (*bids, *asks)))
    left = [(f"[green]{_bar(bid, most)}[/] {next(sizes)}", f"[green]{next(prices)}[/]") for bid in bids]
    right = [(f"[red]{next(prices)}[/]", f"{next(sizes)} [red]{_bar(ask, most)}[/]") for ask in asks]
    for bid, ask in zip_longest(left, right, fillvalue=("", "")):
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

    return paced(draw, _FRAMES_PER_S)


def in_lines() -> Callable[[tw.OrderBook], None]:
    """Return a viewer that prints a line now and then: for pipes and logs."""
    return paced(lambda book: DATA.print(one_line(book), markup=False, soft_wrap=True), _LINES_PER_S)


def paced(see: Callable[[tw.OrderBook], None], per_second: float) -> Callable[[tw.OrderBook], None]:
    """Return a viewer that passes books on at most so often."""
    due = 0.0

    def maybe(book: tw.OrderBook) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + 1 / per_second
            see(book)

    return maybe


def _bar(level: tw.Level, most: Decimal) -> str:
    return "▇" * max(1, round(_BAR * level.quantity / most))
