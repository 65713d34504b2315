"""``tidewire book``: the order book, once or live."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.live import Live

import tidewire as tw

from . import consolidated as several
from .ladder import follow, in_lines, ladder, on_terminal
from .market import VENUES, VenuesOption
from .options import JsonOption, Place, SandboxOption, VenueArgument, place
from .output import DATA, TALK, as_json, show

__all__ = ["book"]


def book(
    venue: VenueArgument,
    symbol: Annotated[
        str | None, typer.Argument(help="BTC-USDT, or BTC-USDT-PERP for a perpetual.", show_default=False)
    ] = None,
    *,
    consolidated: Annotated[
        bool, typer.Option("--consolidated", help="One book of several venues: `book --consolidated BTC-USDT`.")
    ] = False,
    venues: VenuesOption = VENUES,
    after_fees: Annotated[
        bool, typer.Option("--after-fees", help="With --consolidated: prices with the taker's fee inside.")
    ] = False,
    depth: Annotated[int, typer.Option("--depth", "-d", min=1, help="Levels a side.")] = 10,
    live: Annotated[
        bool | None, typer.Option("--live/--once", help="Keep it up to date until Ctrl-C, or show it once.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="When live: end after so long.")] = None,
    json: JsonOption = False,
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", help="live, testnet, or with --consolidated sandbox.")
    ] = None,
    sandbox: SandboxOption = False,
) -> None:
    """Show the order book: a snapshot, or the live book that a stream keeps gap-checked.

    With --consolidated, the books of several venues as one, each level with its venue: live, and from a local sandbox
    of them all, unless told otherwise. When live, --json prints every change as a line.
    """
    if consolidated:
        if symbol is not None:
            raise tw.ConfigError(f"--consolidated takes a symbol alone, not {venue} {symbol}: its venues are --venues")
        where = "sandbox" if sandbox else environment or "sandbox"
        several.show_consolidated(
            venue, venues, where, depth, after_fees=after_fees, live=live is not False, seconds=seconds, json=json
        )
    elif symbol is None:
        raise tw.ConfigError(f"which symbol at {venue}? tidewire book {venue} BTC-USDT")
    else:
        with place(venue, environment or "live", sandbox=sandbox) as where_to:
            _show(venue, where_to, symbol, depth, live=bool(live), seconds=seconds, json=json)


def _show(venue: str, where: Place, symbol: str, depth: int, *, live: bool, seconds: float | None, json: bool) -> None:
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
