"""HTX's swap endpoints of version 5, answered from the neutral exchange. Cross margin, one-way positions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ...._dialect import Placement
from ....errors import OrderNotFound
from ....models import FundingRate, Instrument, Order, OrderType, Side, TimeInForce
from . import reports
from .ask import MS, Ask
from .refusal import Refusal

__all__ = [
    "balance",
    "cancel",
    "cancel_all",
    "fills",
    "funding_history",
    "funding_rate",
    "open_interest",
    "open_orders",
    "order",
    "orders",
    "place",
    "positions",
]


def funding_rate(ask: Ask) -> Any:
    instrument = ask.instrument()
    rate = ask.exchange.funding(instrument.symbol)
    following = str(rate.funding_time_ns // MS + 8 * 3_600_000)
    return [{**_funding(instrument, rate), "next_funding_time": following}]


def funding_history(ask: Ask) -> Any:
    """Newest first."""
    instrument = ask.instrument()
    start, end = ask.window("start_time", "end_time")
    size = ask.size("limit", 20, 100)
    rates = ask.exchange.funding_history(instrument.symbol, start=start, end=end, limit=size)
    return [{"id": str(number), **_funding(instrument, rate)} for number, rate in enumerate(reversed(rates), 1)]


def _funding(instrument: Instrument, rate: FundingRate) -> dict[str, object]:
    return {
        "contract_code": instrument.native,
        "funding_rate": f"{rate.rate:.18f}",
        "funding_time": str(rate.funding_time_ns // MS),
    }


def open_interest(ask: Ask) -> Any:
    instrument = ask.instrument()
    interest = ask.exchange.open_interest(instrument.symbol)
    price = ask.exchange.trades(instrument.symbol, 1)[-1].price
    return {
        "amount": f"{interest.quantity:f}",
        "volume": f"{interest.quantity / instrument.lot_size:f}",
        "value": f"{interest.quantity * price:f}",
        "contract_code": instrument.native,
    }


def balance(ask: Ask) -> Any:
    held = ask.exchange.positions(ask.owner)
    profit = sum((row.unrealized_pnl or Decimal(0) for row in held), Decimal(0))
    details = [
        {
            "currency": row.asset,
            "equity": f"{row.total:f}",
            "available": f"{row.free:f}",
            "profit_unreal": f"{profit:f}",
            "initial_margin": f"{row.locked:f}",
            "available_margin": f"{row.free:f}",
            "withdraw_available": f"{row.free:f}",
        }
        for row in ask.exchange.balances(ask.owner, "linear")
    ]
    return {"state": "normal", "details": details}


def positions(ask: Ask) -> Any:
    rows = {row.symbol: row for row in ask.exchange.positions(ask.owner)}
    wanted = ask.text("contract_code")
    return [
        reports.position(instrument, rows[instrument.symbol])
        for instrument in ask.exchange.instruments("linear")
        if instrument.symbol in rows and wanted in (None, instrument.native)
    ]


def place(ask: Ask) -> Any:
    instrument = ask.instrument()
    if ask.text("margin_mode") not in (None, "cross"):
        raise Refusal("", 1066, "the sandbox has cross margin only")
    kind, volume = ask.choice("type", ("limit", "market", "post_only")), ask.decimal("volume")
    price, own_id = ask.decimal("price"), ask.integer("client_order_id")
    if volume is None or volume % 1:
        raise Refusal("", 1041, "The volume must be a whole number of contracts.")
    if (kind == "market") != (price is None):
        raise Refusal("", 1039, "limit orders have a price, market orders none")
    placed = ask.exchange.place(
        ask.owner,
        Placement(
            symbol=instrument.symbol,
            side=Side(ask.choice("side", ("buy", "sell"))),
            type=OrderType.MARKET if kind == "market" else OrderType.LIMIT,
            quantity=volume * instrument.lot_size,
            price=price,
            time_in_force=TimeInForce(ask.text("time_in_force") or "gtc"),
            post_only=kind == "post_only",
            cancel_if_taking=True,
            reduce_only=ask.text("reduce_only") in ("1", "True"),
            client_order_id=None if own_id is None else str(own_id),
        ),
    )
    return reports.swap_names(placed)


def cancel(ask: Ask) -> Any:
    found = _named(ask)
    if found.status.is_final:
        raise OrderNotFound("the order is final")
    return reports.swap_names(ask.exchange.cancel(ask.owner, found.symbol, order_id=found.order_id))


def cancel_all(ask: Ask) -> Any:
    canceled = ask.exchange.cancel_all(ask.owner, ask.instrument().symbol)
    return [{"code": 200, "message": "Success", **reports.swap_names(row)} for row in canceled]


def order(ask: Ask) -> Any:
    return reports.swap_order(ask.instrument(), _named(ask))


def _named(ask: Ask) -> Order:
    instrument = ask.instrument()
    order_id, own_id = ask.text("order_id"), ask.text("client_order_id")
    if order_id is None and own_id is None:
        raise Refusal("", 1066, "order_id or client_order_id is needed")
    return ask.exchange.order(ask.owner, instrument.symbol, order_id=order_id, client_order_id=own_id)


def open_orders(ask: Ask) -> Any:
    """Newest first."""
    symbol = None if ask.text("contract_code") is None else ask.instrument().symbol
    rows = ask.exchange.orders(ask.owner, "linear", symbol, open_only=True)
    named = {row.symbol: row for row in ask.exchange.instruments("linear")}
    return [reports.swap_order(named[row.symbol], row) for row in rows[::-1][: ask.size("limit", 20, 100)]]


def orders(ask: Ask) -> Any:
    """Those that are final, newest first."""
    instrument = ask.instrument()
    start, end = ask.window("start_time", "end_time")
    states = ask.text("states")
    rows = [
        row
        for row in ask.exchange.orders(ask.owner, "linear", instrument.symbol)
        if row.status.is_final
        and (states is None or reports.swap_state(row) in states.split(","))
        and _within(row.created_ns, start, end)
    ]
    return [reports.swap_order(instrument, row) for row in rows[::-1][: ask.size("limit", 20, 100)]]


def fills(ask: Ask) -> Any:
    """Newest first."""
    instrument = ask.instrument()
    start, end = ask.window("start_time", "end_time")
    rows = [row for row in ask.exchange.fills(ask.owner, instrument.symbol) if _within(row.time_ns, start, end)]
    return [reports.swap_fill(instrument, row) for row in rows[::-1][: ask.size("limit", 20, 100)]]


def _within(time_ns: int | None, start: int | None, end: int | None) -> bool:
    return (start is None or (time_ns or 0) >= start) and (end is None or (time_ns or 0) < end)
