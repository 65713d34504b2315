"""``tidewire arb``: arbitrage among venues, as it opens and closes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table

from ..universal import ArbitrageEvent, ArbitrageStream, AsyncUniversal, Opportunity, Universal
from .market import VENUES, MarketOption, VenuesOption, market
from .options import JsonOption
from .output import DATA, TALK, as_json, show, table

__all__ = ["arb"]

SYMBOLS = ("BTC-USDT", "ETH-USDT", "ETH-BTC", "BTC-USDT-PERP", "ETH-USDT-PERP")
KINDS = "cross,basis,triangular"

_APART = 0.002  # of the sandbox's markets: now and then more than two fees of 0.1 %, most of the time not
_KEPT = 8  # closed ones on the screen
_REDRAWN_S = 0.1

SymbolsArgument = Annotated[list[str] | None, typer.Argument(help=f"Markets; without any {' '.join(SYMBOLS)}.")]


def arb(
    symbols: SymbolsArgument = None,
    *,
    venues: VenuesOption = VENUES,
    environment: MarketOption = "sandbox",
    kinds: Annotated[str, typer.Option(help="Which to look for, with commas between.")] = KINDS,
    min_profit: Annotated[str, typer.Option(help="In the asset that is earned.")] = "0",
    min_bps: Annotated[str, typer.Option(help="In 1/10,000 of what is bought.")] = "0",
    max_age: Annotated[float, typer.Option(help="Seconds; older books take no part.")] = 5.0,
    payments: Annotated[int, typer.Option(min=0, help="Funding payments to count into a basis.")] = 0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and show the arithmetic of the best.")] = False,
    seconds: Annotated[float | None, typer.Option(help="End after so long.")] = None,
    json: JsonOption = False,
) -> None:
    """Look for arbitrage in live books: what pays after taker fees, at the largest size that does.

    Nothing is ever ordered. Fees are the sandbox's own, or elsewhere the venues' base tiers: yours are likely lower.
    """
    wish: dict[str, Any] = {
        "kinds": [kind.strip() for kind in kinds.split(",")],
        "min_profit": min_profit,
        "min_bps": min_bps,
        "max_age": max_age,
        "payments": payments,
    }
    with market(venues, environment, apart=_APART) as place:
        if once:
            _scan(place, symbols or SYMBOLS, wish, json=json)
        else:
            asyncio.run(_watch(place, symbols or SYMBOLS, wish, seconds, json=json))


def _scan(place: dict[str, Any], symbols: Iterable[str], wish: dict[str, Any], *, json: bool) -> None:
    with Universal(**place) as universal:
        found = universal.scan_arbitrage(symbols, **wish)
    if json:
        as_json({"opportunities": found.opportunities, "books": found.books, "excluded": found.excluded})
        return
    show(_open(found))
    for market_, why in found.excluded.items():
        TALK.print(f"{market_}: {why}", markup=False, soft_wrap=True)
    if len(found):
        DATA.print(f"\n{found[0].explain()}", markup=False, soft_wrap=True)


async def _watch(
    place: dict[str, Any], symbols: Iterable[str], wish: dict[str, Any], seconds: float | None, *, json: bool
) -> None:
    async with AsyncUniversal(**place) as universal:
        screen = DATA.is_terminal and not json
        async with universal.watch_arbitrage(symbols, **wish, updates=screen) as stream:
            try:
                async with asyncio.timeout(seconds):
                    if screen:
                        await _draw(stream)
                        return
                    async for event in stream:
                        as_json(_fields(event)) if json else DATA.print(_line(event), markup=False, soft_wrap=True)
            except TimeoutError:
                pass


async def _draw(stream: ArbitrageStream) -> None:
    """Redraw what is open, and what closed last, a few times a second."""
    closed: deque[ArbitrageEvent] = deque(maxlen=_KEPT)
    with Live(console=DATA, auto_refresh=False) as live:
        due = 0.0
        async for event in stream:
            if event.change == "close":
                closed.appendleft(event)
            now = asyncio.get_running_loop().time()
            if now >= due or event.change != "update":
                due = now + _REDRAWN_S
                live.update(Group(_open(stream.open), _closed(closed)), refresh=True)


def _open(found: Iterable[Opportunity]) -> Table:
    columns = ("kind", "trades", "size", "profit", "", "bps", "funding", "age")
    made = table(*columns, title="open", numbers="size profit bps funding age")
    for each in sorted(found, key=lambda each: -each.profit_bps):
        carry = "" if each.carry is None else f"{each.carry.rate:.6f}"
        money = (f"{each.profit:.6g}", each.asset, f"{each.profit_bps:.2f}")
        made.add_row(each.kind, _way(each), f"{each.quantity.normalize():f}", *money, carry, f"{each.age_s:.2f} s")
    return made


def _closed(events: Iterable[ArbitrageEvent]) -> Table:
    made = table("kind", "trades", "lasted", "best", "", "why", title="closed", numbers="lasted best")
    for event in events:
        best = event.best
        made.add_row(
            best.kind, _way(best), f"{event.lasted_s:.2f} s", f"{best.profit:.6g}", best.asset, event.reason or ""
        )
    return made


def _way(found: Opportunity) -> str:
    return ", ".join(f"{trade.side} {trade.symbol} at {trade.venue}" for trade in found.trades)


def _line(event: ArbitrageEvent) -> str:
    when = dt.datetime.fromtimestamp((event.closed_ns or event.opened_ns) / 1e9, dt.UTC).strftime("%H:%M:%S.%f")[:-3]
    each = event.opportunity
    money = f"{each.profit:.6g} {each.asset} ({each.profit_bps:.2f} bps) on {each.quantity.normalize():f}"
    if event.reason is None:
        return f"{when} {event.change} {each.kind} {_way(each)}: {money}"
    best = f"{event.best.profit:.6g} {each.asset}"
    return f"{when} {event.change} {each.kind} {_way(each)}: {event.reason}, after {event.lasted_s:.2f} s, best {best}"


def _fields(event: ArbitrageEvent) -> dict[str, object]:
    return {
        "change": event.change,
        "opened_ns": event.opened_ns,
        "closed_ns": event.closed_ns,
        "lasted_s": event.lasted_s,
        "reason": event.reason,
        "best_profit": event.best.profit,
        "opportunity": event.opportunity,
    }
