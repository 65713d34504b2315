"""Binance's private endpoints, answered from the neutral exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from ...._dialect import Placement
from ....errors import OrderNotFound
from ....models import Instrument, OrderType, Position, Side, TimeInForce
from . import reports
from .ask import MS, Ask
from .info import rate_limits
from .refusal import Refusal

__all__ = [
    "account",
    "all_orders",
    "balances",
    "cancel",
    "cancel_all",
    "commission",
    "commission_rate",
    "leverage_brackets",
    "linear_account",
    "new_order",
    "open_orders",
    "order",
    "order_counts",
    "own_trades",
    "positions",
    "test_order",
]

_SPOT_TYPES: Final = ("LIMIT", "MARKET", "LIMIT_MAKER")
_STOPS: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
_DAY_MS: Final = 86_400_000


def account(ask: Ask) -> Any:
    hide_empty = ask.flag("omitZeroBalances")
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": "0.00100000",
            "taker": "0.00100000",
            "buyer": "0.00000000",
            "seller": "0.00000000",
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": ask.exchange.now_ns() // MS,
        "accountType": "SPOT",
        "balances": [
            {"asset": row.asset, "free": f"{row.free:.8f}", "locked": f"{row.locked:.8f}"}
            for row in ask.exchange.balances(ask.owner, "spot")
            if row.total or not hide_empty
        ],
        "permissions": ["SPOT"],
        "uid": 354937868,
    }


def commission(ask: Ask) -> Any:
    instrument = ask.instrument()
    fee = ask.exchange.trading_fee(instrument.symbol)
    nothing = dict.fromkeys(("maker", "taker", "buyer", "seller"), f"{0:.8f}")
    return {
        "symbol": instrument.native,
        "standardCommission": {**nothing, "maker": f"{fee.maker:.8f}", "taker": f"{fee.taker:.8f}"},
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.75000000",
        },
    }


def commission_rate(ask: Ask) -> Any:
    instrument = ask.instrument()
    fee = ask.exchange.trading_fee(instrument.symbol)
    return {
        "symbol": instrument.native,
        "makerCommissionRate": f"{fee.maker:f}",
        "takerCommissionRate": f"{fee.taker:f}",
    }


def balances(ask: Ask) -> Any:
    profit = _unrealised(ask)
    return [
        {
            "accountAlias": "SgsR",
            "asset": row.asset,
            "balance": f"{row.total:.8f}",
            "crossWalletBalance": f"{row.total:.8f}",
            "crossUnPnl": f"{profit:.8f}",
            "availableBalance": f"{row.free:.8f}",
            "maxWithdrawAmount": f"{row.free:.8f}",
            "marginAvailable": True,
            "updateTime": ask.exchange.now_ns() // MS,
        }
        for row in ask.exchange.balances(ask.owner, "linear")
    ]


def linear_account(ask: Ask) -> Any:
    profit = _unrealised(ask)
    assets = [
        {
            "asset": row.asset,
            "walletBalance": f"{row.total:.8f}",
            "unrealizedProfit": f"{profit:.8f}",
            "marginBalance": f"{row.total + profit:.8f}",
            "maintMargin": f"{row.locked / 2:.8f}",
            "initialMargin": f"{row.locked:.8f}",
            "positionInitialMargin": f"{row.locked:.8f}",
            "openOrderInitialMargin": "0.00000000",
            "crossWalletBalance": f"{row.total:.8f}",
            "crossUnPnl": f"{profit:.8f}",
            "availableBalance": f"{row.free:.8f}",
            "maxWithdrawAmount": f"{row.free:.8f}",
            "marginAvailable": True,
            "updateTime": ask.exchange.now_ns() // MS,
        }
        for row in ask.exchange.balances(ask.owner, "linear")
    ]
    totals = {
        "totalInitialMargin": "initialMargin",
        "totalMaintMargin": "maintMargin",
        "totalWalletBalance": "walletBalance",
        "totalUnrealizedProfit": "unrealizedProfit",
        "totalMarginBalance": "marginBalance",
        "totalPositionInitialMargin": "positionInitialMargin",
        "totalOpenOrderInitialMargin": "openOrderInitialMargin",
        "totalCrossWalletBalance": "crossWalletBalance",
        "totalCrossUnPnl": "crossUnPnl",
        "availableBalance": "availableBalance",
        "maxWithdrawAmount": "maxWithdrawAmount",
    }
    summary = {
        name: f"{sum((Decimal(str(row[column])) for row in assets), Decimal(0)):.8f}" for name, column in totals.items()
    }
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "multiAssetsMargin": False,
        "updateTime": 0,
        **summary,
        "assets": assets,
        "positions": [_account_position(ask, row) for row in ask.exchange.positions(ask.owner)],
    }


def _unrealised(ask: Ask) -> Decimal:
    return sum((row.unrealized_pnl or Decimal(0) for row in ask.exchange.positions(ask.owner)), Decimal(0))


def _account_position(ask: Ask, position: Position) -> dict[str, object]:
    margin = abs(position.notional or Decimal(0)) / (position.leverage or 1)
    return {
        "symbol": _native(ask, position),
        "positionSide": "BOTH",
        "positionAmt": str(position.quantity),
        "unrealizedProfit": f"{position.unrealized_pnl or 0:.8f}",
        "isolatedMargin": "0",
        "notional": f"{position.notional or 0:.8f}",
        "isolatedWallet": "0",
        "initialMargin": f"{margin:.8f}",
        "maintMargin": f"{margin / 2:.8f}",
        "updateTime": (position.time_ns or 0) // MS,
    }


def positions(ask: Ask) -> Any:
    """Version 3: only symbols that hold something."""
    wanted = ask.instrument().symbol if ask.text("symbol") is not None else None
    return [
        {
            "symbol": _native(ask, row),
            "positionSide": "BOTH",
            "positionAmt": str(row.quantity),
            "entryPrice": f"{row.entry_price or 0:.8f}",
            "breakEvenPrice": f"{row.entry_price or 0:.8f}",
            "markPrice": f"{row.mark_price or 0:.8f}",
            "unRealizedProfit": f"{row.unrealized_pnl or 0:.8f}",
            "liquidationPrice": "0",
            "isolatedMargin": "0.00000000",
            "notional": f"{row.notional or 0:.8f}",
            "marginAsset": row.symbol.settle,
            "isolatedWallet": "0",
            "initialMargin": f"{abs(row.notional or Decimal(0)) / (row.leverage or 1):.8f}",
            "maintMargin": f"{abs(row.notional or Decimal(0)) / 40:.8f}",
            "positionInitialMargin": f"{abs(row.notional or Decimal(0)) / (row.leverage or 1):.8f}",
            "openOrderInitialMargin": "0",
            "adl": 1,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": (row.time_ns or 0) // MS,
        }
        for row in ask.exchange.positions(ask.owner)
        if wanted in (None, row.symbol)
    ]


def leverage_brackets(ask: Ask) -> Any:
    """One bracket: twenty-fold leverage, whatever the size."""
    bracket = {
        "bracket": 1,
        "initialLeverage": 20,
        "notionalCap": 1_000_000_000,
        "notionalFloor": 0,
        "maintMarginRatio": 0.025,
        "cum": 0.0,
    }
    rows = [{"symbol": instrument.native, "brackets": [bracket]} for instrument in ask.instruments()]
    return rows[0] if ask.text("symbol") is not None else rows


def _native(ask: Ask, position: Position) -> str:
    return next(i.native for i in ask.exchange.instruments("linear") if i.symbol == position.symbol)


def test_order(ask: Ask) -> Any:
    _placement(ask)
    return {}


def new_order(ask: Ask) -> Any:
    instrument, placement = _placement(ask)
    default = "FULL" if ask.kind == "spot" else "ACK"
    shape = ask.text("newOrderRespType") or default
    if shape not in ("ACK", "RESULT", "FULL"):
        raise Refusal(-1158, "Invalid newOrderRespType.")
    placed = ask.exchange.place(ask.owner, placement)
    if ask.kind == "linear":
        return reports.linear_order(instrument, placed)
    return reports.spot_answer(instrument, placed, shape)


def _placement(ask: Ask) -> tuple[Instrument, Placement]:
    instrument = ask.instrument()
    side = ask.choice("side", ("BUY", "SELL"), -1117, "Invalid side.")
    kind = ask.needed("type")
    if ask.kind == "linear" and kind in _STOPS:
        raise Refusal(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    if kind not in (_SPOT_TYPES if ask.kind == "spot" else _SPOT_TYPES[:2]):
        raise Refusal(-1116, "Invalid orderType.")
    by_value = ask.decimal("quoteOrderQty") if kind == "MARKET" and ask.kind == "spot" else None
    if by_value is None:
        ask.needed("quantity")
    elif ask.text("quantity") is not None:
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    force, post_only = _force(ask, kind)
    if kind == "MARKET" and ask.text("price") is not None:
        raise Refusal(-1106, "Parameter 'price' sent when not required.")
    if kind != "MARKET":
        ask.needed("price")
    if ask.kind == "linear" and ask.text("positionSide") not in (None, "BOTH"):
        raise Refusal(-4061, "Order's position side does not match user's setting.")
    quantity = ask.decimal("quantity")
    if quantity == 0:
        raise (
            Refusal(-1013, "Invalid quantity.")
            if ask.kind == "spot"
            else Refusal(-4003, "Quantity less than or equal to zero.")
        )
    return instrument, Placement(
        symbol=instrument.symbol,
        side=Side(side.lower()),
        type=OrderType.MARKET if kind == "MARKET" else OrderType.LIMIT,
        quantity=quantity,
        quote_quantity=by_value,
        price=ask.decimal("price"),
        time_in_force=force,
        post_only=post_only,
        reduce_only=ask.flag("reduceOnly"),
        client_order_id=ask.text("newClientOrderId", "id"),
    )


def _force(ask: Ask, kind: str) -> tuple[TimeInForce, bool]:
    if kind == "LIMIT_MAKER":
        return TimeInForce.GTC, True
    if kind == "MARKET":
        if ask.text("timeInForce") is not None:
            raise Refusal(-1106, "Parameter 'timeInForce' sent when not required.")
        return TimeInForce.GTC, False
    options = ("GTC", "IOC", "FOK") if ask.kind == "spot" else ("GTC", "IOC", "FOK", "GTX")
    force = ask.choice("timeInForce", options, -1115, "Invalid timeInForce.")
    return (TimeInForce.GTC, True) if force == "GTX" else (TimeInForce(force.lower()), False)


def cancel(ask: Ask) -> Any:
    instrument = ask.instrument()
    try:
        canceled = ask.exchange.cancel(ask.owner, instrument.symbol, **_ids(ask))
    except OrderNotFound:
        raise Refusal(-2011, "Unknown order sent.") from None
    if ask.kind == "linear":
        return reports.linear_order(instrument, canceled)
    return reports.canceled(ask, instrument, canceled)


def cancel_all(ask: Ask) -> Any:
    instrument = ask.instrument()
    canceled = ask.exchange.cancel_all(ask.owner, instrument.symbol)
    if ask.kind == "linear":
        return {"code": 200, "msg": "The operation of cancel all open order is done."}
    if not canceled:
        raise Refusal(-2011, "Unknown order sent.")
    return [reports.canceled(ask, instrument, order) for order in canceled]


def order(ask: Ask) -> Any:
    instrument = ask.instrument()
    return reports.stored(instrument, ask.exchange.order(ask.owner, instrument.symbol, **_ids(ask)))


def _ids(ask: Ask) -> dict[str, str | None]:
    order_id, client_id = ask.integer("orderId"), ask.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise Refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return {"order_id": None if order_id is None else str(order_id), "client_order_id": client_id}


def open_orders(ask: Ask) -> Any:
    symbol = ask.instrument().symbol if ask.text("symbol") is not None else None
    return reports.stored_all(ask, ask.exchange.orders(ask.owner, ask.kind, symbol, open_only=True))


def all_orders(ask: Ask) -> Any:
    symbol = ask.instrument().symbol
    size = ask.limit(500, 1000)
    start, end = _short_window(ask)
    first = ask.integer("orderId") or 0
    rows = [
        row
        for row in ask.exchange.orders(ask.owner, ask.kind, symbol)
        if int(row.order_id) >= first and _within(row.created_ns or 0, start, end)
    ]
    return reports.stored_all(ask, rows[:size] if first or start is not None else rows[-size:])


def own_trades(ask: Ask) -> Any:
    instrument = ask.instrument()
    size = ask.limit(500, 1000)
    start, end = _short_window(ask)
    from_id, order_id = ask.integer("fromId") or 0, ask.integer("orderId")
    rows = [
        row
        for row in ask.exchange.fills(ask.owner, instrument.symbol)
        if int(row.fill_id) >= from_id
        and order_id in (None, int(row.order_id))
        and _within(row.time_ns or 0, start, end)
    ]
    return [
        reports.own_trade(instrument, row) for row in (rows[:size] if from_id or start is not None else rows[-size:])
    ]


def order_counts(ask: Ask) -> Any:
    rows = rate_limits({k: v for k, v in ask.exchange.limits.items() if k.startswith(f"{ask.kind}-orders")}, ask.kind)
    scopes = [scope for scope in ask.exchange.limits if scope.startswith(f"{ask.kind}-orders")]
    return [{**row, "count": ask.exchange.usage(scope).used} for row, scope in zip(rows, scopes, strict=True)]


def _short_window(ask: Ask) -> tuple[int | None, int | None]:
    """Spot gives at most 24 hours between both bounds, futures seven days."""
    start, end = ask.window()
    days, code = (1, -1127) if ask.kind == "spot" else (7, -4165)
    if start is not None and end is not None and end - start > days * _DAY_MS * MS + MS:
        raise Refusal(code, f"More than {24 * days} hours between startTime and endTime.")
    return start, end


def _within(time_ns: int, start: int | None, end: int | None) -> bool:
    milliseconds = time_ns // MS * MS
    return (start is None or milliseconds >= start) and (end is None or milliseconds < end)
