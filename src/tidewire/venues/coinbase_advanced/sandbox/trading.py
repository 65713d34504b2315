"""Coinbase Advanced's private endpoints, answered from the neutral exchange."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from ...._dialect import Placement
from ...._order import plain
from ....errors import Error, OrderNotFound, UnknownSymbol
from ....models import Fill, Instrument, Order, OrderStatus, OrderType, Side, TimeInForce
from .ask import Ask, iso, number
from .refusal import Refusal, bad, placement_refusal

__all__ = [
    "FORCES",
    "STATUS",
    "accounts",
    "batch_cancel",
    "create",
    "fills",
    "order",
    "orders",
    "transaction_summary",
    "wire_id",
]

STATUS: Final = {
    OrderStatus.OPEN: "OPEN",
    OrderStatus.PARTIAL: "OPEN",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELED: "CANCELLED",
    OrderStatus.EXPIRED: "CANCELLED",  # what an immediate-or-cancel order leaves is canceled, in the venue's words
}
FORCES: Final = {
    "gtc": "GOOD_UNTIL_CANCELLED",
    "ioc": "IMMEDIATE_OR_CANCEL",
    "fok": "FILL_OR_KILL",
}
_KINDS: Final = {
    "market_market_ioc": (OrderType.MARKET, TimeInForce.GTC, {"base_size", "quote_size"}),
    "limit_limit_gtc": (OrderType.LIMIT, TimeInForce.GTC, {"base_size", "limit_price", "post_only"}),
    "sor_limit_ioc": (OrderType.LIMIT, TimeInForce.IOC, {"base_size", "limit_price"}),
    "limit_limit_fok": (OrderType.LIMIT, TimeInForce.FOK, {"base_size", "limit_price"}),
}


def accounts(ask: Ask) -> Any:
    rows = [
        {
            "uuid": f"00000000-0000-4000-9000-{index:012d}",
            "name": f"{row.asset} Wallet",
            "currency": row.asset,
            "available_balance": {"value": plain(row.free), "currency": row.asset},
            "default": True,
            "active": True,
            "created_at": "2023-01-04T06:20:06.456Z",
            "updated_at": "2023-01-04T06:20:07.181Z",
            "deleted_at": None,
            "type": "ACCOUNT_TYPE_FIAT" if row.asset == "USD" else "ACCOUNT_TYPE_CRYPTO",
            "ready": True,
            "hold": {"value": plain(row.locked), "currency": row.asset},
        }
        for index, row in enumerate(ask.exchange.balances(ask.owner, "spot"))
    ]
    page, more, cursor = ask.page(rows, ask.limit(49, 250))
    return {"accounts": page, "has_next": more, "cursor": cursor, "size": len(page)}


def create(ask: Ask) -> Any:
    sent = ask.body.get("order_configuration")
    try:
        instrument, placement = _placement(ask.body, ask)
        placed = _placed_before(ask, instrument, placement) or ask.exchange.place(ask.owner, placement)
    except Error as error:
        return placement_refusal(error, sent)
    return {
        "success": True,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": wire_id(placed.order_id),
        "success_response": {
            "order_id": wire_id(placed.order_id),
            "product_id": instrument.native,
            "side": (placed.side or Side.BUY).upper(),
            "client_order_id": placed.client_order_id,
            "attached_order_id": "",
        },
        "order_configuration": sent,
    }


def _placed_before(ask: Ask, instrument: Instrument, placement: Placement) -> Order | None:
    """The venue answers a client order id that it knows with the order that has it."""
    try:
        return ask.exchange.order(ask.owner, instrument.symbol, client_order_id=placement.client_order_id)
    except OrderNotFound:
        return None


def _placement(body: Mapping[str, Any], ask: Ask) -> tuple[Instrument, Placement]:
    for name in ("client_order_id", "product_id", "side"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise bad(f"{name} is required")
    if body["side"] not in ("BUY", "SELL"):
        raise bad("side must be BUY or SELL")
    if stray := set(body) - {"client_order_id", "product_id", "side", "order_configuration"}:
        raise bad(f"the sandbox does not know {', '.join(sorted(stray))}")
    name, terms = _one_kind(body.get("order_configuration"))
    kind, force, known = _KINDS[name]
    if stray := set(terms) - known:
        raise bad(f"{name} does not take {', '.join(sorted(stray))}")
    size, value, price = (number(terms, part) for part in ("base_size", "quote_size", "limit_price"))
    if (size is None) == (value is None) or (price is None) != (kind is OrderType.MARKET):
        raise bad(f"{name} takes exactly one size, and a price if it is a limit order")
    instrument = ask.instrument(body["product_id"])
    return instrument, Placement(
        symbol=instrument.symbol,
        side=Side(body["side"].lower()),
        type=kind,
        quantity=size,
        quote_quantity=value,
        price=price,
        time_in_force=force,
        post_only=bool(terms.get("post_only")),
        client_order_id=body["client_order_id"],
    )


def _one_kind(value: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(value, dict) or len(value) != 1:
        raise bad("order_configuration must have exactly one kind of order")
    ((name, terms),) = value.items()
    if name not in _KINDS or not isinstance(terms, dict):
        raise bad(f"order_configuration {name!r} is not one that the sandbox knows")
    return name, terms


def batch_cancel(ask: Ask) -> Any:
    ids = ask.body.get("order_ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 100:
        raise bad("order_ids must be 1 to 100 ids")
    return {"results": [_cancel(ask, str(order_id)) for order_id in ids]}


def _cancel(ask: Ask, order_id: str) -> dict[str, object]:
    reason = "UNKNOWN_CANCEL_FAILURE_REASON"
    try:
        found = _find(ask, order_id)
        if found.status is OrderStatus.FILLED:
            reason = "ORDER_IS_FULLY_FILLED"
        ask.exchange.cancel(ask.owner, found.symbol, order_id=found.order_id)
    except OrderNotFound:
        known = reason == "ORDER_IS_FULLY_FILLED"
        return {
            "success": False,
            "failure_reason": reason if known else "UNKNOWN_CANCEL_ORDER",
            "order_id": order_id,
        }
    return {"success": True, "failure_reason": reason, "order_id": order_id}


def order(ask: Ask) -> Any:
    try:
        found = _find(ask, ask.name)
    except OrderNotFound:
        raise Refusal(404, "NOT_FOUND", "order with this orderID was not found") from None
    return {"order": _report(ask, found)}


def orders(ask: Ask) -> Any:
    """Newest first."""
    wanted, kind = ask.products(), ask.text("product_type")
    statuses = ask.query.get("order_status", ())
    if "OPEN" in statuses and len(statuses) > 1:
        raise bad("order_status OPEN cannot be asked for together with others")
    start, end = ask.time("start_date"), ask.time("end_date")
    rows = [
        row
        for row in reversed(ask.exchange.orders(ask.owner, "spot"))
        if (wanted is None or row.symbol in {item.symbol for item in wanted})
        and (not statuses or STATUS[row.status] in statuses)
        and _within(row.created_ns or 0, start, end)
        and kind in (None, "SPOT")
    ]
    page, more, cursor = ask.page(rows, ask.limit(1000, 1000))
    return {"orders": [_report(ask, row) for row in page], "sequence": "0", "has_next": more, "cursor": cursor}


def fills(ask: Ask) -> Any:
    """Newest first."""
    wanted = ask.products() or ask.exchange.instruments("spot")
    start, end = ask.time("start_sequence_timestamp"), ask.time("end_sequence_timestamp")
    found = [(item, fill) for item in wanted for fill in ask.exchange.fills(ask.owner, item.symbol)]
    found.sort(key=lambda row: (row[1].time_ns or 0, int(row[1].fill_id)), reverse=True)
    rows = [row for row in found if _within(row[1].time_ns or 0, start, end)]
    page, _, cursor = ask.page(rows, ask.limit(100, 1000))
    return {"fills": [_fill(instrument, fill) for instrument, fill in page], "cursor": cursor}


def transaction_summary(ask: Ask) -> Any:
    fee = ask.exchange.trading_fee(ask.exchange.instruments("spot")[0].symbol)
    return {
        "total_volume": 0,
        "total_fees": 0,
        "fee_tier": {
            "pricing_tier": "Advanced 1",
            "usd_from": "0",
            "usd_to": "1000",
            "taker_fee_rate": f"{fee.taker:f}",
            "maker_fee_rate": f"{fee.maker:f}",
        },
        "advanced_trade_only_volume": 0,
        "advanced_trade_only_fees": 0,
    }


def _find(ask: Ask, order_id: str) -> Order:
    prefix, _, digits = order_id.rpartition("-")
    if prefix == _PREFIX:
        for row in ask.exchange.orders(ask.owner, "spot"):
            if row.order_id == digits.lstrip("0"):
                return row
    raise OrderNotFound(f"no order {order_id}")


_PREFIX: Final = "00000000-0000-4000-8000"


def wire_id(order_id: str) -> str:
    """The venue's id of an order."""
    return f"{_PREFIX}-{int(order_id):012d}"


def _report(ask: Ask, row: Order) -> dict[str, object]:
    instrument = next((item for item in ask.exchange.instruments("spot") if item.symbol == row.symbol), None)
    if instrument is None:
        raise UnknownSymbol(f"no instrument for {row.symbol}")
    zero = Decimal(0)
    market, force = row.type == OrderType.MARKET, str(row.time_in_force or "gtc")
    filled, quantity = row.filled or zero, row.quantity or zero
    fees = sum((fill.fee or zero for fill in row.fills), zero)
    return {
        "order_id": wire_id(row.order_id),
        "product_id": instrument.native,
        "user_id": "11111111-1111-4111-8111-111111111111",
        "order_configuration": _configuration(row, market=market, force=force),
        "side": (row.side or Side.BUY).upper(),
        "client_order_id": row.client_order_id,
        "status": STATUS[row.status],
        "time_in_force": "IMMEDIATE_OR_CANCEL" if market else FORCES[force],
        "created_time": iso(row.created_ns or 0),
        "completion_percentage": f"{filled / quantity * 100 if quantity else zero:.2f}",
        "filled_size": plain(filled),
        "average_filled_price": plain(row.average_price or zero),
        "fee": "",
        "number_of_fills": str(len(row.fills)),
        "filled_value": plain(row.quote_filled or zero),
        "pending_cancel": False,
        "size_in_quote": False,
        "total_fees": plain(fees),
        "size_inclusive_of_fees": False,
        "total_value_after_fees": plain((row.quote_filled or zero) + fees),
        "trigger_status": "INVALID_ORDER_TYPE",
        "order_type": "MARKET" if market else "LIMIT",
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "settled": row.status is OrderStatus.FILLED,
        "product_type": "SPOT",
        "reject_message": "",
        "cancel_message": "",
        "last_fill_time": iso(row.fills[-1].time_ns or 0) if row.fills else None,
    }


def _configuration(row: Order, *, market: bool, force: str) -> dict[str, dict[str, object]]:
    terms: dict[str, object] = {"base_size": plain(row.quantity)}
    if market:
        return {"market_market_ioc": terms}
    terms["limit_price"] = plain(row.price)
    if force == "gtc":
        return {"limit_limit_gtc": {**terms, "post_only": bool(row.post_only)}}
    return {"sor_limit_ioc" if force == "ioc" else "limit_limit_fok": terms}


def _fill(instrument: Instrument, fill: Fill) -> dict[str, object]:
    return {
        "entry_id": f"entry-{fill.fill_id}-{fill.order_id}",
        "trade_id": fill.fill_id,
        "order_id": wire_id(fill.order_id),
        "trade_time": iso(fill.time_ns or 0),
        "trade_type": "FILL",
        "price": plain(fill.price),
        "size": plain(fill.quantity),
        "commission": plain(fill.fee or Decimal(0)),
        "product_id": instrument.native,
        "sequence_timestamp": iso(fill.time_ns or 0),
        "liquidity_indicator": "MAKER" if fill.maker else "TAKER",
        "size_in_quote": False,
        "user_id": "11111111-1111-4111-8111-111111111111",
        "side": (fill.side or Side.BUY).upper(),
        "retail_portfolio_id": "",
    }


def _within(time_ns: int, start: int | None, end: int | None) -> bool:
    """Microseconds, as the venue's times have them; ``end`` is exclusive."""
    moment = time_ns // 1000 * 1000
    return (start is None or moment >= start) and (end is None or moment < end)
