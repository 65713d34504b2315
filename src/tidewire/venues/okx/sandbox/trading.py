"""OKX's private endpoints, answered from the neutral exchange.

The venue has one account for everything; the exchange behind has a spot and a margin wallet, whose sum is shown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

from ...._dialect import Exchange, Placement
from ....errors import Error, OrderNotFound, UnknownSymbol
from ....models import Fill, Instrument, Order, OrderStatus, OrderType, Position, Side, TimeInForce
from ....symbols import Kind
from .ask import Ask, inst_type
from .refusal import Refusal, refusal_of
from .text import contract_size, number_text, size_text, stamp

__all__ = [
    "account_row",
    "balance",
    "cancel",
    "fills",
    "leverage",
    "open_orders",
    "order",
    "order_history",
    "order_row",
    "place",
    "positions",
    "trade_fee",
    "verdict",
]

_TYPES: Final = ("market", "limit", "post_only", "fok", "ioc")
_STATES: Final = {
    OrderStatus.OPEN: "live",
    OrderStatus.PARTIAL: "partially_filled",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELED: "canceled",
    OrderStatus.EXPIRED: "canceled",
}
_BOTH: Final[tuple[Kind, ...]] = ("spot", "linear")
_ZERO: Final = Decimal(0)


def trade_fee(ask: Ask) -> list[Any]:
    """Charged is negative. Contracts are named by family, and theirs are the fields that end in U."""
    family = ask.text("instFamily")
    found = [item for item in ask.listed() if family in (None, f"{item.symbol.base}-{item.symbol.quote}")]
    if not found:
        raise UnknownSymbol(f"no instrument of the family {family!r}")
    fee, spot = ask.exchange.trading_fee(found[0].symbol), found[0].kind == "spot"
    maker, taker = number_text(-fee.maker), number_text(-fee.taker)
    return [
        {
            "level": "Lv1",
            "instType": inst_type(found[0]),
            "maker": maker if spot else "-0.0002",
            "taker": taker if spot else "-0.0005",
            "makerU": "" if spot else maker,
            "takerU": "" if spot else taker,
            "makerUSDC": maker,
            "takerUSDC": taker,
            "delivery": "",
            "exercise": "",
            "ts": stamp(ask.exchange.now_ns()),
        }
    ]


def balance(ask: Ask) -> list[Any]:
    wanted = ask.text("ccy")
    return [account_row(ask.exchange, ask.owner, None if wanted is None else wanted.split(","))]


def account_row(exchange: Exchange, owner: str, assets: Collection[str] | None = None) -> dict[str, object]:
    """The account, or some assets of it."""
    free: defaultdict[str, Decimal] = defaultdict(Decimal)
    locked: defaultdict[str, Decimal] = defaultdict(Decimal)
    cash: defaultdict[str, Decimal] = defaultdict(Decimal)
    for kind in _BOTH:
        for row in exchange.balances(owner, kind):
            free[row.asset] += row.free
            locked[row.asset] += row.locked
            cash[row.asset] += row.total
    details = [
        {
            "ccy": asset,
            "eq": number_text(free[asset] + locked[asset]),
            "cashBal": number_text(cash[asset]),
            "availBal": number_text(free[asset]),
            "availEq": "",
            "frozenBal": number_text(locked[asset]),
            "ordFrozen": number_text(locked[asset]),
            "upl": number_text(free[asset] + locked[asset] - cash[asset]),
            "uTime": stamp(exchange.now_ns()),
        }
        for asset in sorted(cash)
        if assets is None or asset in assets
    ]
    return {"uTime": stamp(exchange.now_ns()), "totalEq": "", "details": details}


def positions(ask: Ask) -> list[Any]:
    wanted = ask.text("instId")
    held = {instrument.symbol: instrument for instrument in ask.exchange.instruments("linear")}
    found = [(held[row.symbol], row) for row in ask.exchange.positions(ask.owner)]
    return [_position(item, row) for item, row in found if wanted is None or item.native in wanted.split(",")]


def _position(item: Instrument, row: Position) -> dict[str, object]:
    size = size_text(item, row.quantity)
    return {
        "instType": inst_type(item),
        "instId": item.native,
        "mgnMode": "cross",
        "posId": str(crc32(item.native.encode())),
        "posSide": "net",
        "pos": size,
        "availPos": size,
        "ccy": item.symbol.settle,
        "avgPx": number_text(row.entry_price),
        "markPx": number_text(row.mark_price),
        "last": number_text(row.mark_price),
        "upl": number_text(row.unrealized_pnl),
        "uplRatio": "0",
        "lever": number_text(row.leverage),
        "liqPx": "",
        "imr": number_text(abs(row.notional or _ZERO) / (row.leverage or 1)),
        "mmr": number_text(abs(row.notional or _ZERO) / 40),
        "mgnRatio": "",
        "margin": "",
        "notionalUsd": number_text(abs(row.notional or _ZERO)),
        "cTime": stamp(row.time_ns),
        "uTime": stamp(row.time_ns),
    }


def leverage(ask: Ask) -> list[Any]:
    """Ten- or hundredfold, it is twenty here whatever is asked for."""
    item = ask.instrument()
    return [{"instId": item.native, "mgnMode": "cross", "posSide": "net", "lever": "20"}]


# Orders: each is answered by a row of its own, refused or not.


def place(ask: Ask) -> dict[str, object]:
    return _acknowledge(ask, _place)


def cancel(ask: Ask) -> dict[str, object]:
    return _acknowledge(ask, _cancel)


def _acknowledge(ask: Ask, act: Callable[[Ask], Order]) -> dict[str, object]:
    try:
        done = act(ask)
        row = {"ordId": done.order_id, "clOrdId": done.client_order_id or "", "sCode": "0", "sMsg": ""}
    except (Refusal, Error) as why:
        refusal = why if isinstance(why, Refusal) else refusal_of(why)
        own = ask.text("clOrdId") or ""
        row = {"ordId": ask.text("ordId") or "", "clOrdId": own, "sCode": refusal.code, "sMsg": refusal.message}
    return {**row, "tag": ask.text("tag") or "", "ts": stamp(ask.exchange.now_ns())}


def verdict(rows: Sequence[Mapping[str, object]]) -> tuple[str, str]:
    """Code and message of the whole: all done, all refused, or some of each."""
    refused = sum(row["sCode"] != "0" for row in rows)
    if not refused:
        return "0", ""
    return ("1", "All operations failed") if refused == len(rows) else ("2", "Bulk operation partially successful")


def _place(ask: Ask) -> Order:
    if ask.expires_ms is not None and ask.exchange.now_ns() > ask.expires_ms * 1_000_000:
        raise Refusal("51149", "Order timed out. Please try again later.")
    item = ask.instrument()
    spot = item.kind == "spot"
    ask.choice("tdMode", ("cash",) if spot else ("cross", "isolated"))
    if ask.text("posSide") not in (None, "net"):
        raise Refusal("51000", "Parameter posSide error")
    side, kind, size = Side(ask.choice("side", ("buy", "sell"))), ask.choice("ordType", _TYPES), ask.decimal("sz")
    default = "quote_ccy" if side is Side.BUY else "base_ccy"
    by_value = spot and kind == "market" and (ask.text("tgtCcy") or default) == "quote_ccy"
    own = ask.text("clOrdId")
    if own is not None and not re.fullmatch(r"[A-Za-z0-9]{1,32}", own):
        raise Refusal("51000", "Parameter clOrdId error")
    reduce_only = str(ask.params.get("reduceOnly", "")).lower() == "true"
    return ask.exchange.place(
        ask.owner,
        Placement(
            symbol=item.symbol,
            side=side,
            type=OrderType.MARKET if kind == "market" else OrderType.LIMIT,
            quantity=None if by_value else size * contract_size(item),
            quote_quantity=size if by_value else None,
            price=None if kind == "market" else ask.decimal("px"),
            time_in_force=TimeInForce(kind) if kind in ("ioc", "fok") else TimeInForce.GTC,
            post_only=kind == "post_only",
            cancel_if_taking=True,
            reduce_only=reduce_only and not spot,
            client_order_id=own,
        ),
    )


def _cancel(ask: Ask) -> Order:
    try:
        return ask.exchange.cancel(ask.owner, ask.instrument().symbol, **_ids(ask))
    except OrderNotFound:
        why = "Order cancellation failed as the order has been filled, canceled or does not exist."
        raise Refusal("51400", why) from None


def order(ask: Ask) -> list[Any]:
    item = ask.instrument()
    return [order_row(item, ask.exchange.order(ask.owner, item.symbol, **_ids(ask)))]


def _ids(ask: Ask) -> dict[str, str | None]:
    """Of both ids the venue's own counts."""
    order_id, own = ask.text("ordId"), ask.text("clOrdId")
    if order_id is None and own is None:
        raise Refusal("51003", "Either client order ID or order ID is required.")
    return {"order_id": order_id, "client_order_id": own if order_id is None else None}


def open_orders(ask: Ask) -> list[Any]:
    """Newest first."""
    return [order_row(item, row) for item, row in _orders(ask) if not row.status.is_final][: ask.limit(100, 100)]


def order_history(ask: Ask) -> list[Any]:
    """Finished orders of the mandatory ``instType``, newest first."""
    ask.needed("instType")
    start, end = ask.window()
    found = [(item, row) for item, row in _orders(ask) if row.status.is_final and start <= (row.created_ns or 0) < end]
    return [order_row(item, row) for item, row in found][: ask.limit(100, 100)]


def _orders(ask: Ask) -> list[tuple[Instrument, Order]]:
    one = ask.instrument() if ask.text("instId") is not None else None
    listed = ask.text("instType")
    older, newer = ask.integer("after"), ask.integer("before")
    found = []
    for kind in _BOTH:
        known = {item.symbol: item for item in ask.exchange.instruments(kind)}
        for row in ask.exchange.orders(ask.owner, kind):
            item, number = known[row.symbol], int(row.order_id)
            wanted = one in (None, item) and listed in (None, inst_type(item))
            if wanted and (older is None or number < older) and (newer is None or number > newer):
                found.append((item, row))
    return sorted(found, key=lambda pair: int(pair[1].order_id), reverse=True)


def fills(ask: Ask) -> list[Any]:
    """Newest first."""
    start, end = ask.window()
    items = [ask.instrument()] if ask.text("instId") else [i for k in _BOTH for i in ask.exchange.instruments(k)]
    listed, wanted = ask.text("instType"), ask.text("ordId")
    found = [
        (item, row)
        for item in items
        if listed in (None, inst_type(item))
        for row in ask.exchange.fills(ask.owner, item.symbol)
        if wanted in (None, row.order_id) and start <= (row.time_ns or 0) < end
    ]
    found.sort(key=lambda pair: pair[1].time_ns or 0, reverse=True)
    return [_fill(item, row) for item, row in found[: ask.limit(100, 100)]]


def order_row(item: Instrument, row: Order) -> dict[str, object]:
    last = row.fills[-1] if row.fills else None
    kind = str(row.type) if row.type == OrderType.MARKET else "post_only" if row.post_only else row.time_in_force
    assets = [fill.fee_asset for fill in row.fills]
    return {
        "instType": inst_type(item),
        "instId": item.native,
        "tgtCcy": "base_ccy" if item.kind == "spot" and kind == "market" else "",
        "ccy": "",
        "ordId": row.order_id,
        "clOrdId": row.client_order_id or "",
        "tag": "",
        "px": number_text(row.price),
        "sz": size_text(item, row.quantity),
        "pnl": number_text(sum((fill.realized_pnl or _ZERO for fill in row.fills), _ZERO)),
        "ordType": "limit" if kind == TimeInForce.GTC else str(kind),
        "side": str(row.side),
        "posSide": "" if item.kind == "spot" else "net",
        "tdMode": "cash" if item.kind == "spot" else "cross",
        "accFillSz": size_text(item, row.filled),
        "fillPx": number_text(None if last is None else last.price),
        "fillSz": "0" if last is None else size_text(item, last.quantity),
        "fillTime": "" if last is None else stamp(last.time_ns),
        "tradeId": "" if last is None else last.fill_id,
        "avgPx": number_text(row.average_price),
        "state": _STATES[row.status],
        "lever": "" if item.kind == "spot" else "20",
        "feeCcy": (assets[0] if assets else item.symbol.settle or item.symbol.quote) or "",
        "fee": number_text(-sum((fill.fee or _ZERO for fill in row.fills), _ZERO)),
        "rebateCcy": item.symbol.quote,
        "rebate": "0",
        "category": "normal",
        "reduceOnly": "true" if row.reduce_only else "false",
        "cancelSource": "31" if row.status is OrderStatus.CANCELED and row.created_ns == row.updated_ns else "",
        "algoId": "",
        "uTime": stamp(row.updated_ns),
        "cTime": stamp(row.created_ns),
    }


def _fill(item: Instrument, row: Fill) -> dict[str, object]:
    return {
        "instType": inst_type(item),
        "instId": item.native,
        "tradeId": row.fill_id,
        "ordId": row.order_id,
        "clOrdId": row.client_order_id or "",
        "billId": f"{row.order_id}{row.fill_id}",
        "tag": "",
        "fillPx": number_text(row.price),
        "fillSz": size_text(item, row.quantity),
        "fillPnl": number_text(row.realized_pnl or _ZERO),
        "side": str(row.side),
        "posSide": "net",
        "execType": "M" if row.maker else "T",
        "feeCcy": row.fee_asset or "",
        "fee": number_text(-(row.fee or _ZERO)),
        "fillTime": stamp(row.time_ns),
        "ts": stamp(row.time_ns),
    }
