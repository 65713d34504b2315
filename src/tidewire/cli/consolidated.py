"""``tidewire book --consolidated``: the books of several venues as one, once or live."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

from rich.live import Live

from ..universal import AsyncUniversal, ConsolidatedBook, ConsolidatedStream, Universal
from .ladder import LINES_PER_S, ladder, paced
from .market import market
from .output import DATA, TALK, as_json, decimals, show

__all__ = ["show_consolidated"]


def show_consolidated(
    symbol: str,
    venues: str,
    environment: str,
    depth: int,
    *,
    after_fees: bool,
    live: bool,
    seconds: float | None,
    json: bool,
) -> None:
    """Show one book of several venues."""
    with market(venues, environment) as place:
        if live:
            changes = asyncio.run(_watch(place, symbol, depth, seconds, after_fees=after_fees, json=json))
            TALK.print(f"{changes:,} changes")
            return
        with Universal(**place) as universal:
            book = universal.consolidated_book(symbol, depth, after_fees=after_fees)
    if json:
        as_json(_fields(book, depth))
    else:
        show(ladder(book.bids(depth), book.asks(depth), _title(book)))


async def _watch(
    place: dict[str, Any], symbol: str, depth: int, seconds: float | None, *, after_fees: bool, json: bool
) -> int:
    async with AsyncUniversal(**place) as universal:
        stream = universal.watch_consolidated_book(symbol, after_fees=after_fees)
        if json:
            return await _follow(stream, seconds, lambda book: as_json(_fields(book, depth)))
        if not DATA.is_terminal:
            return await _follow(stream, seconds, paced(_print_line, LINES_PER_S))
        with Live(console=DATA, auto_refresh=False) as screen:

            def draw(book: ConsolidatedBook) -> None:
                screen.update(ladder(book.bids(depth), book.asks(depth), _title(book)), refresh=True)

            return await _follow(stream, seconds, paced(draw))


async def _follow(stream: ConsolidatedStream, seconds: float | None, see: Callable[[ConsolidatedBook], None]) -> int:
    """Show it to ``see`` whenever it has changed, for so long or until cancelled; return how many times it had."""
    changes = 0
    try:
        async with asyncio.timeout(seconds), stream:
            async for book in stream:
                changes += 1
                see(book)
    except TimeoutError:
        pass
    return changes


def _print_line(book: ConsolidatedBook) -> None:
    DATA.print(_line(book), markup=False, soft_wrap=True)


def _title(book: ConsolidatedBook) -> str:
    state = ", crossed" if book.crossed else ""
    without = "".join(f"; without {venue}: {why}" for venue, why in book.excluded.items())
    return f"{book.symbol} at {', '.join(book.included) or 'no venue'}{state}{without}"


def _line(book: ConsolidatedBook) -> str:
    now = dt.datetime.now(dt.UTC).strftime("%H:%M:%S.%f")[:-3]
    bid, ask = book.best_bid, book.best_ask
    if bid is None or ask is None:
        return f"{now} {_title(book)}: one side is empty"
    prices, sizes = decimals([bid.price, ask.price]), decimals([bid.quantity, ask.quantity])
    best = f"bid {sizes[0]} @ {prices[0]} {bid.venue} | ask {sizes[1]} @ {prices[1]} {ask.venue}"
    return f"{now} {best} | {_title(book)}"


def _fields(book: ConsolidatedBook, depth: int) -> dict[str, object]:
    return {
        "symbol": book.symbol,
        "venues": book.included,
        "excluded": book.excluded,
        "crossed": book.crossed,
        "sequences": book.sequences,
        "bids": book.bids(depth),
        "asks": book.asks(depth),
    }
