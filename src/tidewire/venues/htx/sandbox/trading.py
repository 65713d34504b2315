"""HTX's private endpoints of spot, answered from the neutral exchange."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from ...._dialect import Placement
from ....errors import OrderNotFound, OrderRejected
from ....models import Order, OrderStatus, OrderType, Side, TimeInForce
from . import reports
from .ask import MS, Ask
from .refusal import Refusal

__all__ = [
    "accounts",
    "balance",
    "cancel",
    "cancel_all",
    "cancel_by_own_id",
    "fee_rates",
    "fills",
    "open_orders",
    "order",
    "orders",
    "place",
]

_WORDS: Final[dict[str, tuple[OrderType, TimeInForce, bool]]] = {
    "market": (OrderType.MARKET, TimeInForce.GTC, False),
    "limit": (OrderType.LIMIT, TimeInForce.GTC, False),
    "limit-maker": (OrderType.LIMIT, TimeInForce.GTC, True),
    "ioc": (OrderType.LIMIT, TimeInForce.IOC, False),
    "limit-fok": (OrderType.LIMIT, TimeInForce.FOK, False),
}
_TYPES: Final = tuple(f"{side}-{word}" for side in ("buy", "sell") for word in _WORDS)
_TWO_DAYS_MS: Final = 48 * 3_600_000


def accounts(ask: Ask) -> Any:
    number = _account_of(ask)
    return [
        {"id": number + 1, "type": "point", "subtype": "", "state": "working"},
        {"id": number, "type": "spot", "subtype": "", "state": "working"},
    ]


def fee_rates(ask: Ask) -> Any:
    names = ask.needed("symbols").split(",")
    fees = [(name, ask.exchange.trading_fee(ask.exchange.instrument(name, "spot").symbol)) for name in names]
    return [
        {
            "symbol": name,
            "makerFeeRate": f"{fee.maker:f}",
            "takerFeeRate": f"{fee.taker:f}",
            "actualMakerRate": f"{fee.maker:f}",
            "actualTakerRate": f"{fee.taker:f}",
        }
        for name, fee in fees
    ]


def _account_of(ask: Ask) -> int:
    return 10**6 + int.from_bytes(sha256(ask.owner.encode()).digest()[:3])


def _check_account(ask: Ask) -> None:
    if ask.integer("account-id") != _account_of(ask):
        raise Refusal("account-get-accounts-inexistent-error", 1010, "account for id does not exist")


def balance(ask: Ask) -> Any:
    _check_account(ask)
    rows = [
        {"currency": row.asset.lower(), "type": kind, "balance": f"{amount:f}", "seq-num": "0"}
        for row in ask.exchange.balances(ask.owner, "spot")
        for kind, amount in (("trade", row.free), ("frozen", row.locked))
    ]
    return {"id": _account_of(ask), "type": "spot", "state": "working", "list": rows}


def place(ask: Ask) -> Any:
    """The amount of a market buy is the money to spend. A post-only order that would take is canceled at once.

    Nobody checks that client order ids are unique, since 2021-05-26.
    """
    _check_account(ask)
    instrument = ask.instrument()
    side, _, word = ask.choice("type", _TYPES).partition("-")
    kind, force, post_only = _WORDS[word]
    amount, price = ask.decimal("amount"), ask.decimal("price")
    if amount is None or (kind is OrderType.LIMIT) != (price is not None):
        raise Refusal("validation-constraints-required", 1066, "amount, and for limit orders price, is needed")
    by_value = (side, word) == ("buy", "market")
    placed = ask.exchange.place(
        ask.owner,
        Placement(
            symbol=instrument.symbol,
            side=Side(side),
            type=kind,
            quantity=None if by_value else amount,
            quote_quantity=amount if by_value else None,
            price=price,
            time_in_force=force,
            post_only=post_only,
            cancel_if_taking=True,
            client_order_id=ask.text("client-order-id"),
            repeats_id=True,
        ),
    )
    return placed.order_id


def open_orders(ask: Ask) -> Any:
    """Newest first. Account and symbol go together, or not at all."""
    symbol = None
    if ask.text("symbol") is not None:
        _check_account(ask)
        symbol = ask.instrument().symbol
    rows = list(ask.exchange.orders(ask.owner, "spot", symbol, open_only=True))
    return reports.spot_orders(ask, rows[::-1][: ask.size("size", 100, 500)], "filled")


def orders(ask: Ask) -> Any:
    """Newest first, of two days at most."""
    instrument, states = ask.instrument(), ask.needed("states").split(",")
    start, end = _two_days(ask)
    rows = [
        row
        for row in ask.exchange.orders(ask.owner, "spot", instrument.symbol)
        if reports.spot_state(row) in states and start <= (row.created_ns or 0) < end
    ]
    return reports.spot_orders(ask, rows[::-1][: ask.size("size", 100, 100)], "field")


def order(ask: Ask) -> Any:
    return reports.spot_orders(ask, [_named(ask)], "field")[0]


def _named(ask: Ask) -> Order:
    """The order that a path or a client id names: its market is not said."""
    order_id, own_id = ask.text("order-id"), ask.text("clientOrderId") or ask.text("client-order-id")
    found = []
    for instrument in ask.exchange.instruments("spot"):
        try:
            found.append(ask.exchange.order(ask.owner, instrument.symbol, order_id=order_id, client_order_id=own_id))
        except OrderNotFound:
            continue
    if not found:
        raise OrderNotFound("no such order")
    return max(found, key=lambda row: int(row.order_id))  # ids are not checked: the latest order with one counts


def cancel(ask: Ask) -> Any:
    found = _named(ask)
    if found.status.is_final:
        raise OrderRejected("the order is final")
    return ask.exchange.cancel(ask.owner, found.symbol, order_id=found.order_id).order_id


def cancel_by_own_id(ask: Ask) -> Any:
    """A state rather than an error: 10 canceling, 7 canceled, 6 filled, 5 partly filled and canceled, 0 unknown."""
    try:
        found = _named(ask)
    except OrderNotFound:
        return 0
    if found.status is OrderStatus.FILLED:
        return 6
    if found.status.is_final:
        return 5 if found.filled else 7
    ask.exchange.cancel(ask.owner, found.symbol, order_id=found.order_id)
    return 10


def cancel_all(ask: Ask) -> Any:
    if ask.text("account-id") is not None:
        _check_account(ask)
    canceled = ask.exchange.cancel_all(ask.owner, ask.instrument().symbol)
    return {"success-count": len(canceled), "failed-count": 0, "next-id": -1}


def fills(ask: Ask) -> Any:
    """Newest first, of two days at most."""
    instrument = ask.instrument()
    start, end = _two_days(ask)
    rows = [row for row in ask.exchange.fills(ask.owner, instrument.symbol) if start <= (row.time_ns or 0) < end]
    return [reports.spot_fill(instrument, row) for row in rows[::-1][: ask.size("size", 100, 500)]]


def _two_days(ask: Ask) -> tuple[int, int]:
    """A window's end is now, and its start two days before, unless said; it is never longer."""
    last = ask.integer("end-time")
    until = ask.exchange.now_ns() // MS + 1 if last is None else last
    first = ask.integer("start-time")
    since = until - _TWO_DAYS_MS if first is None else first
    if not 0 <= until - since <= _TWO_DAYS_MS + 1:
        raise Refusal("invalid-parameter", 1066, "the window is longer than 48 hours")
    return since * MS, (until + 1) * MS
