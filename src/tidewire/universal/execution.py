"""Executes a route: every slice at once, each once, and what became of it read from its venue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from ..client import AsyncClient
from ..errors import ConfigError, Error, OrderNotFound, OutcomeUnknown
from ..models import Fill, Order, OrderStatus, TimeInForce
from .report import ExecutionReport, SliceReport
from .route import Route, Slice

__all__ = ["execute", "resolve"]

_READ_S = 5.0
"""How long an order's end and its fills are asked for."""
_PAUSE_S, _PAUSE_CAP_S = 0.02, 0.5
_CLOCKS_S = 120  # how far a venue's clock may be behind ours, and its fills' times with it
_FORGOTTEN_S = 1.0
"""How long an order must be unknown, without a fill, at a venue that forgets those that ended unfilled."""


async def execute(clients: Mapping[str, AsyncClient], route: Route, *, time_in_force: str) -> ExecutionReport:
    """Place every slice at its limit price, all at once, and report each; whatever one raises is in its report."""
    if time_in_force not in (TimeInForce.IOC, TimeInForce.FOK):
        raise ConfigError(f"a route takes what is there: time_in_force is 'ioc' or 'fok', not {time_in_force!r}")
    absent = [each.venue for each in route.slices if each.venue not in clients]
    if absent:
        raise ConfigError(f"the route goes to {', '.join(absent)}, of which there is no client here")
    placed = (_place(clients[each.venue], each, time_in_force) for each in route.slices)
    return ExecutionReport(route, tuple(await asyncio.gather(*placed)))


async def resolve(clients: Mapping[str, AsyncClient], report: ExecutionReport) -> ExecutionReport:
    """Find out what became of the slices in doubt; the others are kept as they are."""
    found = (_resolve(clients[each.slice.venue], each) if each.in_doubt else _as_it_is(each) for each in report.slices)
    return ExecutionReport(report.route, tuple(await asyncio.gather(*found)))


async def _place(client: AsyncClient, part: Slice, time_in_force: str) -> SliceReport:
    since_ns = time.time_ns() - _CLOCKS_S * 10**9
    try:
        order = await client.create_order(
            part.symbol,
            side=part.side,
            type="limit",
            quantity=part.quantity,
            price=part.limit_price,
            time_in_force=time_in_force,
        )
    except Exception as error:  # noqa: BLE001 — reported: it must not hide what the other slices did
        return SliceReport(part, error=error)
    return await _read(client, part, order, since_ns)


async def _resolve(client: AsyncClient, report: SliceReport) -> SliceReport:
    order = report.order
    sent_ns = None if order is None else order.created_ns
    if order is None:
        if not isinstance(report.error, OutcomeUnknown):
            return report
        sent_ns = report.error.sent_ns
        try:
            order = await client.resolve_order(report.error)
        except OrderNotFound as error:
            return SliceReport(report.slice, error=error)
        except Error as error:
            report.error.add_note(f"could not be resolved: {type(error).__name__}: {error}")
            return report
    return await _read(client, report.slice, order, (sent_ns or time.time_ns()) - _CLOCKS_S * 10**9)


async def _as_it_is(report: SliceReport) -> SliceReport:
    return report


async def _read(client: AsyncClient, part: Slice, order: Order, since_ns: int) -> SliceReport:
    """Ask for the order until it has ended, then for its fills until they are all there, with their fees."""
    began = time.monotonic()
    fills = order.fills
    trouble: Exception | None = None
    pause = _PAUSE_S
    while not _is_told(order, fills):
        waited_s = time.monotonic() - began
        order, fills, trouble = await _look(client, order, fills, since_ns)
        if isinstance(trouble, OrderNotFound) and client.venue.spec.forgets_unfilled and waited_s >= _FORGOTTEN_S:
            return SliceReport(part, msgspec.structs.replace(order, status=OrderStatus.CANCELED, filled=Decimal(0)))
        if _is_told(order, fills) or waited_s >= _READ_S:
            break
        await asyncio.sleep(pause)
        pause = min(2 * pause, _PAUSE_CAP_S)
    return SliceReport(part, order, fills, trouble)


async def _look(
    client: AsyncClient, order: Order, fills: tuple[Fill, ...], since_ns: int
) -> tuple[Order, tuple[Fill, ...], Exception | None]:
    """Ask for what is not told yet; return it, and what went wrong: ``OrderNotFound`` when there is no fill either."""
    missing: OrderNotFound | None = None
    try:
        if not _has_ended(order):
            order = _merge(order, await client.fetch_order(order.symbol, order_id=order.order_id))
    except OrderNotFound as error:
        missing = error
    except Exception as error:  # noqa: BLE001 — reported, like what placing raises
        return order, fills, error
    try:
        if missing is not None or _has_ended(order):
            rows = await client.fetch_fills(order.symbol, start=since_ns)
            fills = tuple(row for row in rows if row.order_id == order.order_id)
    except Exception as error:  # noqa: BLE001 — likewise
        return order, fills, error
    return order, fills, None if fills else missing


def _has_ended(order: Order) -> bool:
    return order.status.is_final and order.filled is not None


def _is_told(order: Order, fills: tuple[Fill, ...]) -> bool:
    """Whether nothing more can be learnt: the order has ended, and its fills are all there with their fees."""
    together = sum((fill.quantity for fill in fills), Decimal(0))
    return _has_ended(order) and together == order.filled and all(fill.fee is not None for fill in fills)


def _merge(placed: Order, read: Order) -> Order:
    """The order as read, under the name by which it was placed."""
    return msgspec.structs.replace(read, client_order_id=read.client_order_id or placed.client_order_id)
