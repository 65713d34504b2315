"""``tidewire demo``: everything once, in half a minute, without a key and without a network."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.live import Live
from rich.panel import Panel

import tidewire as tw

from ..sandbox import Sandbox
from .frames import picture
from .ladder import follow, in_lines, on_terminal
from .options import Place, place
from .output import DATA, decimals, heading, show, table

__all__ = ["demo"]

_VENUE = "binance"
_SYMBOL = "BTC-USDT"
_LIVE_S = 5.0
_LOCAL = (
    "Everything here runs against tidewire's own sandbox on this machine: real HTTP and WebSocket in Binance's\n"
    "protocol, and a simulated CTP front, with invented prices. No exchange is contacted. LIVE=1 shows the real\n"
    "venue's public data instead."
)
_REAL = "LIVE=1: real public data from Binance. Nothing is ordered, and nothing below is simulated."


def demo(
    *,
    live: Annotated[bool, typer.Option("--live", envvar="LIVE", help="Real public data; no orders.")] = False,
) -> None:
    """Show instruments, klines, a live book, a signed order and futures; ends by itself. Runs in the local sandbox."""
    show(Panel(_REAL if live else _LOCAL, title=f"tidewire {tw.__version__}", expand=False))
    try:
        with place(_VENUE, "live", sandbox=not live) as where:
            credentials = where.credentials(_VENUE) if isinstance(where, Sandbox) else None
            with tw.Client(_VENUE, environment=where, credentials=credentials) as client:
                _instruments(client)
                _klines(client)
                asyncio.run(_book(where))
                if credentials is not None:
                    _order(client)
                _health(client)
        if not live:
            from .demo_futures import chinese_futures  # brings much along that no other command needs

            chinese_futures()
    except tw.TransportError:
        if live:
            show(f"[bold red]{_VENUE} cannot be reached from here[/], so there is no live data to show:")
        raise
    show(f"\n[bold]All of it was {'live public data' if live else 'served by the local sandbox'}.[/]")


def _instruments(client: tw.Client) -> None:
    heading("Instruments", "client.fetch_instruments()")
    instruments = client.fetch_instruments()
    some = [each for each in instruments if each.active][:6]
    names = [(each.symbol, each.native, each.kind) for each in some]
    steps = (decimals(getattr(each, rule) for each in some) for rule in ("tick_size", "lot_size", "min_notional"))
    rows = [(*name, *rules) for name, *rules in zip(names, *steps, strict=True)]
    columns = ("symbol", "native", "kind", "tick_size", "lot_size", "min_notional")
    show(table(*columns, rows=rows, numbers="tick_size lot_size min_notional"))
    show(f"[dim]{len(instruments):,} in all, kept for an hour[/]")


def _klines(client: tw.Client) -> None:
    heading("1,000 klines", f'client.fetch_klines("{_SYMBOL}", "1m", limit=1000)')
    show(picture(client.fetch_klines(_SYMBOL, "1m", limit=1000), min(100, DATA.width)))


async def _book(where: Place) -> None:
    heading(f"A live book, {_LIVE_S:.0f} seconds", f'async for book in client.watch_book("{_SYMBOL}"): …')
    async with tw.AsyncClient(_VENUE, environment=where) as client:
        if DATA.is_terminal:
            with Live(console=DATA, auto_refresh=False) as screen:
                updates = await follow(client, _SYMBOL, 8, _LIVE_S, on_terminal(screen, _SYMBOL, 8))
        else:
            updates = await follow(client, _SYMBOL, 8, _LIVE_S, in_lines())
    show(f"[dim]{updates:,} updates, each checked to follow the last before it was applied[/]")


def _order(client: tw.Client) -> None:
    heading("A signed order", f'client.create_order("{_SYMBOL}", side="buy", type="limit", …)')
    instrument = client.instrument(_SYMBOL)
    price = instrument.round_price(client.fetch_price(_SYMBOL) * 9 / 10)
    quantity = instrument.round_quantity(2 * (instrument.min_notional or 10) / price, "up")
    placed = client.create_order(_SYMBOL, side="buy", type="limit", quantity=quantity, price=price)
    found = client.fetch_order(_SYMBOL, client_order_id=placed.client_order_id)
    canceled = client.cancel_order(_SYMBOL, order_id=found.order_id)
    orders = {"create_order": placed, "fetch_order": found, "cancel_order": canceled}
    quantities = decimals(order.quantity for order in orders.values())
    prices = decimals(order.price for order in orders.values())
    names = [(verb, order.order_id, order.status) for verb, order in orders.items()]
    rows = [(*name, *numbers) for name, *numbers in zip(names, quantities, prices, strict=True)]
    show(table("verb", "order_id", "status", "quantity", "price", rows=rows, numbers="quantity price"))
    show(f"[dim]client order id {placed.client_order_id}, chosen before sending: a lost answer can be looked up[/]")


def _health(client: tw.Client) -> None:
    heading("Limits and health", "client.health()")
    health = client.health()
    rows = [(scope, f"{used:.2%}", "▇" * round(40 * used) or "▏") for scope, used in health.limits.items()]
    show(table("quota", "used", "", rows=rows, numbers="used"))
    latency = "unknown" if health.latency_ms is None else f"{health.latency_ms:.1f} ms"
    offset = "unknown" if health.clock_offset_ms is None else f"{health.clock_offset_ms:+.1f} ms"
    show(f"ok {health.ok}, latency {latency}, clock offset {offset}, last error {health.last_error}")
