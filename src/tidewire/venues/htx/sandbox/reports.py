"""Orders, fills and positions as HTX writes them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from ....models import Fill, Instrument, Order, OrderStatus, OrderType, Position, Side
from .ask import MS, Ask

__all__ = [
    "position",
    "spot_fill",
    "spot_orders",
    "spot_state",
    "spot_type",
    "swap_fill",
    "swap_names",
    "swap_order",
    "swap_state",
]

_ZERO: Final = Decimal(0)


def spot_state(order: Order) -> str:
    """What an order's state is called; what is left of an order that may not rest is canceled."""
    match order.status:
        case OrderStatus.OPEN:
            return "submitted"
        case OrderStatus.PARTIAL:
            return "partial-filled"
        case OrderStatus.FILLED:
            return "filled"
    return "partial-canceled" if order.filled else "canceled"


def swap_state(order: Order) -> str:
    """The same by the swaps' spelling."""
    state = spot_state(order)
    return "new" if state == "submitted" else state.replace("partial-", "partially_")


def spot_type(order: Order) -> str:
    if order.type == OrderType.MARKET:
        word = "market"
    elif order.post_only:
        word = "limit-maker"
    else:
        word = {"ioc": "ioc", "fok": "limit-fok"}.get(order.time_in_force or "gtc", "limit")
    return f"{order.side}-{word}"


def spot_orders(ask: Ask, orders: Sequence[Order], prefix: Literal["field", "filled"]) -> list[dict[str, Any]]:
    """One shape under two spellings: ``field-amount`` of details and lists, ``filled-amount`` of open orders."""
    native = {instrument.symbol: instrument.native for instrument in ask.exchange.instruments("spot")}
    return [_spot_order(native[order.symbol], order, prefix) for order in orders]


def _spot_order(native: str, order: Order, prefix: str) -> dict[str, Any]:
    kind, done = spot_type(order), (order.updated_ns or 0) // MS if order.status.is_final else 0
    fees = sum((fill.fee or _ZERO for fill in order.fills), _ZERO)
    amount = order.quote_filled if kind == "buy-market" else order.quantity
    return {
        "id": int(order.order_id),
        "symbol": native,
        "account-id": 1_000_000,
        "client-order-id": order.client_order_id or "",
        "amount": f"{amount or _ZERO:.18f}",
        "price": f"{order.price or _ZERO:.18f}",
        "created-at": (order.created_ns or 0) // MS,
        "type": kind,
        f"{prefix}-amount": f"{order.filled or _ZERO:f}",
        f"{prefix}-cash-amount": f"{order.quote_filled or _ZERO:f}",
        f"{prefix}-fees": f"{fees:f}",
        "finished-at": done,
        "source": "spot-api",
        "state": spot_state(order),
        "canceled-at": done if "canceled" in spot_state(order) else 0,
    }


def spot_fill(instrument: Instrument, fill: Fill) -> dict[str, Any]:
    return {
        "symbol": instrument.native,
        "fee-currency": (fill.fee_asset or "").lower(),
        "source": "spot-api",
        "price": f"{fill.price:f}",
        "created-at": (fill.time_ns or 0) // MS,
        "role": "maker" if fill.maker else "taker",
        "order-id": int(fill.order_id),
        "match-id": int(fill.fill_id),
        "trade-id": int(fill.fill_id),
        "filled-amount": f"{fill.quantity:f}",
        "filled-fees": f"{fill.fee or _ZERO:f}",
        "filled-points": "0.0",
        "fee-deduct-currency": "",
        "id": 10**14 + int(fill.fill_id),
        "type": f"{fill.side}-limit",
    }


def swap_names(order: Order) -> dict[str, Any]:
    """Both ids of an order; the venue's own stands for a client's where none was given."""
    own_id = order.client_order_id or ""
    return {"order_id": order.order_id, "client_order_id": own_id if own_id.isdigit() else order.order_id}


def swap_order(instrument: Instrument, order: Order) -> dict[str, Any]:
    fees = sum((fill.fee or _ZERO for fill in order.fills), _ZERO)
    return {
        "id": order.order_id,
        "side": str(order.side),
        "type": "market" if order.type == OrderType.MARKET else "post_only" if order.post_only else "limit",
        "price": f"{order.price or _ZERO:f}",
        "volume": _contracts(instrument, order.quantity),
        "state": swap_state(order),
        "profit": None,
        "contract_code": instrument.native,
        "position_side": "both",
        "price_match": None,
        **swap_names(order),
        "margin_mode": "cross",
        "lever_rate": 20,
        "order_source": "api",
        "reduce_only": bool(order.reduce_only),
        "time_in_force": order.time_in_force or "gtc",
        "trade_avg_price": f"{order.average_price or _ZERO:f}",
        "trade_volume": _contracts(instrument, order.filled),
        "trade_turnover": f"{order.quote_filled or _ZERO:f}",
        "fee_currency": instrument.symbol.settle if order.fills else "",
        "fee": f"{-fees:f}",
        "price_protect": False,
        "contract_type": "swap",
        "created_time": str((order.created_ns or 0) // MS),
        "updated_time": str((order.updated_ns or 0) // MS),
        "cancel_reason": None,
        "self_match_prevent": "cancel_taker",
    }


def swap_fill(instrument: Instrument, fill: Fill) -> dict[str, Any]:
    return {
        "id": fill.fill_id,
        "contract_code": instrument.native,
        "order_id": fill.order_id,
        "trade_id": str(10**15 + int(fill.fill_id) // 3),  # of a match: not each fill has one of its own
        "side": str(fill.side),
        "position_side": "both",
        "order_type": "1",
        "margin_mode": "cross",
        "type": "limit",
        "role": "MAKER" if fill.maker else "TAKER",
        "trade_price": f"{fill.price:f}",
        "trade_volume": _contracts(instrument, fill.quantity),
        "trade_turnover": f"{fill.price * fill.quantity:f}",
        "created_time": str((fill.time_ns or 0) // MS),
        "updated_time": str((fill.time_ns or 0) // MS),
        "order_source": "api",
        "fee_currency": fill.fee_asset,
        "trade_fee": f"{fill.fee or _ZERO:f}",
        "deduction_price": "",
        "profit": f"{fill.realized_pnl or _ZERO:f}",
        "contract_type": "swap",
    }


def position(instrument: Instrument, row: Position) -> dict[str, Any]:
    volume = _contracts(instrument, abs(row.quantity))
    margin = f"{abs(row.notional or _ZERO) / (row.leverage or 1):f}"
    return {
        "contract_code": instrument.native,
        "position_side": "both",
        "direction": str(Side.BUY if row.quantity > 0 else Side.SELL),
        "margin_mode": "cross",
        "open_avg_price": f"{row.entry_price or _ZERO:f}",
        "volume": volume,
        "available": volume,
        "lever_rate": int(row.leverage or 1),
        "adl_risk_percent": 3,
        "liquidation_price": "0",
        "margin": margin,
        "initial_margin": margin,
        "maintenance_margin": f"{abs(row.notional or _ZERO) / 40:f}",
        "profit_unreal": f"{row.unrealized_pnl or _ZERO:f}",
        "profit_rate": "0",
        "margin_rate": "0",
        "mark_price": f"{row.mark_price or _ZERO:f}",
        "last_price": f"{row.mark_price or _ZERO:f}",
        "margin_currency": instrument.symbol.settle,
        "contract_type": "swap",
        "created_time": str((row.time_ns or 0) // MS),
        "updated_time": str((row.time_ns or 0) // MS),
    }


def _contracts(instrument: Instrument, quantity: Decimal | None) -> str:
    return f"{(quantity or _ZERO) / instrument.lot_size:.0f}"
