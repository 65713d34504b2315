"""``tidewire book``: the order book, once or live."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.live import Live

import tidewire as tw

from .ladder import follow, in_lines, ladder, on_terminal
from .options import EnvironmentOption, JsonOption, Place, SandboxOption, SymbolArgument, VenueArgument, place
from .output import DATA, TALK, as_json, show

__all__ = ["book"]


def book(
    venue: VenueArgument,
    symbol: SymbolArgument,
    *,
    depth: Annotated[int, typer.Option("--depth", "-d", min=1, help="Levels a side.")] = 10,
    live: Annotated[bool, typer.Option("--live", help="Keep it up to date until Ctrl-C.")] = False,
    seconds: Annotated[float | None, typer.Option(help="With --live: end after so long.")] = None,
    json: JsonOption = False,
    environment: EnvironmentOption = "live",
    sandbox: SandboxOption = False,
) -> None:
    """Show the order book: a snapshot, or the live book that a stream keeps gap-checked.

    With --live --json every change is a line of JSON.
    """
    with place(venue, environment, sandbox=sandbox) as where:
        if live:
            updates = asyncio.run(_watch(venue, where, symbol, depth, seconds, json=json))
            TALK.print(f"{updates:,} updates")
            return
        with tw.Client(venue, environment=where) as client:
            snapshot = client.fetch_book(symbol, depth)
    if json:
        as_json(snapshot)
    else:
        show(ladder(snapshot.bids, snapshot.asks, f"{snapshot.symbol} at {venue} #{snapshot.sequence}"))


async def _watch(venue: str, where: Place, symbol: str, depth: int, seconds: float | None, *, json: bool) -> int:
    async with tw.AsyncClient(venue, environment=where) as client:
        if json:
            return await follow(client, symbol, depth, seconds, lambda book: as_json(_top(book, symbol, depth)))
        if not DATA.is_terminal:
            return await follow(client, symbol, depth, seconds, in_lines())
        with Live(console=DATA, auto_refresh=False) as screen:
            return await follow(client, symbol, depth, seconds, on_terminal(screen, symbol, depth))


def _top(book: tw.OrderBook, symbol: str, depth: int) -> dict[str, object]:
    return {
        "symbol": symbol,
        "state": book.state,
        "sequence": book.sequence,
        "bids": book.bids(depth),
        "asks": book.asks(depth),
    }
