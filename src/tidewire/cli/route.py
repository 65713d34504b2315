"""``tidewire route``: the cheapest split of an order over venues, once or live, with its arithmetic."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table

import tidewire as tw

from ..universal import AsyncUniversal, ExecutionReport, Route, Slice, Universal
from .market import VENUES, MarketOption, VenuesOption, market
from .options import JsonOption, SymbolArgument
from .output import DATA, TALK, as_json, decimals, show, table

__all__ = ["route"]

_REDRAWN_S = 0.2

SideArgument = Annotated[str, typer.Argument(help="buy or sell.", show_default=False)]
QuantityArgument = Annotated[str, typer.Argument(help="In base units, such as 2.5.", show_default=False)]


def route(
    symbol: SymbolArgument,
    side: SideArgument,
    quantity: QuantityArgument,
    *,
    venues: VenuesOption = VENUES,
    environment: MarketOption = "sandbox",
    max_venues: Annotated[int | None, typer.Option(min=1, help="Split over so many at most.")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Take what can be had when all cannot.")] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Place the orders, in the sandbox.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Follow the live books until Ctrl-C.")] = False,
    seconds: Annotated[float | None, typer.Option(help="With --live: end after so long.")] = None,
    json: JsonOption = False,
) -> None:
    """Split an order over venues at the least all-in cost, and show the arithmetic.

    Nothing is ordered without --execute, and never outside the sandbox. Fees are the sandbox's own, or elsewhere the
    venues' base tiers: yours are likely lower.
    """
    if execute and (environment != "sandbox" or live):
        raise tw.ConfigError("--execute is for the sandbox, once: to trade, call Universal.execute from your own code")
    wish: dict[str, Any] = {"max_venues": max_venues, "allow_partial": partial}
    with market(venues, environment) as place:
        if live:
            asyncio.run(_follow(place, (symbol, side, quantity), wish, seconds, json=json))
            return
        with Universal(**place) as universal:
            found = universal.route(symbol, side, quantity, **wish)
            report = universal.execute(found) if execute else None
    if json:
        as_json(_fields(found) | ({} if report is None else {"execution": _outcome(report)}))
        return
    show(_slices(found))
    DATA.print(found.explain(), markup=False, soft_wrap=True)
    if report is not None:
        DATA.print(f"\n{report.explain()}", markup=False, soft_wrap=True)


async def _follow(
    place: dict[str, Any], order: tuple[str, str, str], wish: dict[str, Any], seconds: float | None, *, json: bool
) -> None:
    """Route again whenever books have changed, from the live books alone."""
    async with AsyncUniversal(**place) as universal:
        with Live(console=DATA, auto_refresh=False) as screen:
            try:
                async with (
                    asyncio.timeout(seconds),
                    universal.live_books.watch((venue, order[0]) for venue in universal.venues) as watch,
                ):
                    while True:
                        await watch.changed()
                        await _redraw(universal, order, wish, screen, json=json)
                        await asyncio.sleep(_REDRAWN_S)
            except TimeoutError:
                pass


async def _redraw(
    universal: AsyncUniversal, order: tuple[str, str, str], wish: dict[str, Any], screen: Live, *, json: bool
) -> None:
    try:
        found = await universal.route(*order, **wish)
    except tw.Unfillable as error:
        TALK.print(error, markup=False, soft_wrap=True)
        return
    if json:
        as_json(_fields(found))
    elif DATA.is_terminal:
        screen.update(_slices(found), refresh=True)
    else:
        parts = ", ".join(f"{each.quantity.normalize():f} {each.venue}" for each in found.slices)
        DATA.print(f"{found.cost.normalize():f} all-in: {parts}", markup=False, soft_wrap=True)


def _slices(found: Route) -> Table:
    """A row a slice, and their sum."""
    columns = ("venue", "quantity", "limit", "average", "bps", "fee", "all-in", "levels", "book", "age")
    title = f"{found.side} {found.requested.normalize():f} {found.symbol}"
    made = table(*columns, title=title, numbers=" ".join(columns[1:]))
    quantities = decimals([*(each.quantity for each in found.slices), found.quantity])
    limits = decimals(each.limit_price for each in found.slices)
    for each, quantity, limit in zip(found.slices, quantities, limits, strict=False):
        bps = f"{each.slippage * 10_000:.2f}"
        money = _money(each)
        made.add_row(each.venue, quantity, limit, money[0], bps, *money[1:], *_origin(each))
    average, *costs = _money(found)
    made.add_row("together", quantities[-1], "", average, "", *costs, style="bold")
    return made


def _money(part: Slice | Route) -> tuple[str, str, str]:
    return f"{part.average_price:.10g}", f"{part.fee:.8g}", f"{part.cost:.10g}"


def _origin(part: Slice) -> tuple[str, str, str]:
    return str(part.depth), f"#{part.sequence}", f"{part.age_s:.2f} s"


def _fields(found: Route) -> dict[str, object]:
    return {
        "symbol": found.symbol,
        "side": found.side,
        "requested": found.requested,
        "quantity": found.quantity,
        "value": found.value,
        "fee": found.fee,
        "cost": found.cost,
        "saving": found.saving,
        "best_single": found.best_single and found.best_single.venue,
        "excluded": found.excluded,
        "slices": [_slice(each) for each in found.slices],
    }


def _slice(each: Slice) -> dict[str, object]:
    return {
        "venue": each.venue,
        "quantity": each.quantity,
        "limit_price": each.limit_price,
        "value": each.value,
        "fee": each.fee,
        "fee_rate": each.fee_rate.taker,
        "fee_source": each.fee_rate.source,
        "cost": each.cost,
        "sequence": each.sequence,
        "age_s": round(each.age_s, 3),
        "levels": each.levels,
    }


def _outcome(report: ExecutionReport) -> dict[str, object]:
    rows = [
        {
            "venue": each.slice.venue,
            "outcome": each.outcome,
            "filled": each.filled,
            "average_price": each.average_price,
            "fees": each.fees,
            "client_order_id": each.client_order_id,
            "error": None if each.error is None else f"{type(each.error).__name__}: {each.error}",
        }
        for each in report.slices
    ]
    return {
        "filled": report.filled,
        "in_doubt": report.in_doubt,
        "remaining": report.remaining,
        "cost": report.cost,
        "slices": rows,
    }
