"""Orders and fills as Binance writes them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from ....models import Fill, Instrument, Order, OrderStatus, OrderType, Side
from ....symbols import Kind
from .ask import MS, Ask
from .text import price_text, quantity_text

__all__ = ["STATUS", "canceled", "linear_order", "own_trade", "spot_answer", "stored", "stored_all"]

STATUS: Final = {
    OrderStatus.OPEN: "NEW",
    OrderStatus.PARTIAL: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELED: "CANCELED",
    OrderStatus.EXPIRED: "EXPIRED",
}


def _terms(instrument: Instrument, order: Order, kind: Kind) -> dict[str, object]:
    market = order.type == OrderType.MARKET
    force = "GTX" if order.post_only and kind == "linear" else (order.time_in_force or "gtc").upper()
    return {
        "price": price_text(instrument, order.price or Decimal(0)),
        "origQty": quantity_text(instrument, order.quantity or Decimal(0)),
        "executedQty": quantity_text(instrument, order.filled or Decimal(0)),
        "status": STATUS[order.status],
        "timeInForce": force,
        "type": "MARKET" if market else "LIMIT_MAKER" if order.post_only and kind == "spot" else "LIMIT",
        "side": (order.side or Side.BUY).upper(),
    }


def _spot_terms(instrument: Instrument, order: Order) -> dict[str, object]:
    terms = _terms(instrument, order, "spot")
    return {
        **terms,
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": f"{order.quote_filled or 0:.8f}",
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def spot_answer(instrument: Instrument, order: Order, shape: str) -> dict[str, object]:
    answer: dict[str, object] = {
        "symbol": instrument.native,
        "orderId": int(order.order_id),
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": (order.updated_ns or 0) // MS,
    }
    if shape == "ACK":
        return answer
    answer |= {**_spot_terms(instrument, order), "workingTime": (order.created_ns or 0) // MS}
    if shape == "FULL":
        answer["fills"] = [
            {
                "price": price_text(instrument, fill.price),
                "qty": quantity_text(instrument, fill.quantity),
                "commission": f"{fill.fee or 0:.8f}",
                "commissionAsset": fill.fee_asset,
                "tradeId": int(fill.fill_id),
            }
            for fill in order.fills
        ]
    return answer


def canceled(ask: Ask, instrument: Instrument, order: Order) -> dict[str, object]:
    """A cancel has a client id of its own; the order's moves to ``origClientOrderId``."""
    return {
        "symbol": instrument.native,
        "origClientOrderId": order.client_order_id,
        "orderId": int(order.order_id),
        "orderListId": -1,
        "clientOrderId": ask.text("newClientOrderId", "id") or f"c{order.order_id}",
        "transactTime": (order.updated_ns or 0) // MS,
        **_spot_terms(instrument, order),
    }


def stored(instrument: Instrument, order: Order) -> dict[str, object]:
    if instrument.kind == "linear":
        return {**linear_order(instrument, order), "time": (order.created_ns or 0) // MS}
    return {
        "symbol": instrument.native,
        "orderId": int(order.order_id),
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_spot_terms(instrument, order),
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": (order.created_ns or 0) // MS,
        "updateTime": (order.updated_ns or 0) // MS,
        "isWorking": True,
        "workingTime": (order.created_ns or 0) // MS,
    }


def stored_all(ask: Ask, orders: Sequence[Order]) -> list[dict[str, object]]:
    instruments = {instrument.symbol: instrument for instrument in ask.exchange.instruments(ask.kind)}
    return [stored(instruments[row.symbol], row) for row in orders]


def linear_order(instrument: Instrument, order: Order) -> dict[str, object]:
    """One shape for placing, cancelling and querying."""
    return {
        "orderId": int(order.order_id),
        "symbol": instrument.native,
        "clientOrderId": order.client_order_id,
        **_terms(instrument, order, "linear"),
        "avgPrice": f"{order.average_price or 0:.8f}",
        "cumQty": quantity_text(instrument, order.filled or Decimal(0)),
        "cumQuote": f"{order.quote_filled or 0:.8f}",
        "reduceOnly": bool(order.reduce_only),
        "closePosition": False,
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "priceProtect": False,
        "origType": "MARKET" if order.type == OrderType.MARKET else "LIMIT",
        "updateTime": (order.updated_ns or 0) // MS,
    }


def own_trade(instrument: Instrument, fill: Fill) -> dict[str, object]:
    row: dict[str, object] = {
        "symbol": instrument.native,
        "id": int(fill.fill_id),
        "orderId": int(fill.order_id),
        "price": price_text(instrument, fill.price),
        "qty": quantity_text(instrument, fill.quantity),
        "quoteQty": f"{fill.price * fill.quantity:.8f}",
        "commission": f"{fill.fee or 0:.8f}",
        "commissionAsset": fill.fee_asset,
        "time": (fill.time_ns or 0) // MS,
    }
    bought = fill.side is Side.BUY
    if instrument.kind == "spot":
        return {**row, "orderListId": -1, "isBuyer": bought, "isMaker": bool(fill.maker), "isBestMatch": True}
    return {
        **row,
        "side": (fill.side or Side.BUY).upper(),
        "positionSide": "BOTH",
        "buyer": bought,
        "maker": bool(fill.maker),
        "realizedPnl": f"{fill.realized_pnl or 0:.8f}",
        "marginAsset": instrument.symbol.settle,
    }
