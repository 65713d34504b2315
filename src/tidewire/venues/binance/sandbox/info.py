"""exchangeInfo: what is listed, under which rules and limits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ...._dialect import Breach, Limit
from ....models import Instrument
from ....symbols import Kind
from .ask import MS, Ask
from .refusal import Refusal

__all__ = ["exchange_info", "limit_refusal", "rate_limits"]

_UNITS = ((86_400, "DAY"), (3600, "HOUR"), (60, "MINUTE"), (1, "SECOND"))
_TYPES = {"weight": "REQUEST_WEIGHT", "orders": "ORDERS", "raw": "RAW_REQUESTS"}


def rate_limits(limits: Mapping[str, Limit], kind: Kind) -> list[dict[str, object]]:
    """exchangeInfo's ``rateLimits``, as configured."""
    rows = []
    for scope, limit in limits.items():
        prefix, what, *_ = scope.split("-")
        if prefix == kind:
            seconds, unit = next((s, name) for s, name in _UNITS if limit.period_s % s == 0)
            rows.append(
                {
                    "rateLimitType": _TYPES[what],
                    "interval": unit,
                    "intervalNum": int(limit.period_s // seconds),
                    "limit": limit.limit,
                }
            )
    return rows


def limit_refusal(breach: Breach) -> Refusal:
    """429 for a limit that is used up, 418 once banned."""
    limit = breach.limit
    if breach.banned:
        return Refusal(
            -1003,
            f"Way too much request weight used; IP banned until {breach.until_ns // MS}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
            418,
        )
    row = rate_limits({"spot-weight": limit}, "spot")[0]
    span = f"{row['intervalNum']} {row['interval']}"
    if "orders" in breach.scope:
        return Refusal(-1015, f"Too many new orders; current limit is {limit.limit} orders per {span}.", 429)
    text = (
        f"Too much request weight used; current limit is {limit.limit} request weight per {span}. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return Refusal(-1003, text, 429)


def exchange_info(ask: Ask) -> Any:
    describe = _spot_symbol if ask.kind == "spot" else _linear_symbol
    wanted = ask.instruments() if ask.kind == "spot" else ask.exchange.instruments("linear")
    info = {
        "timezone": "UTC",
        "serverTime": ask.exchange.now_ns() // MS,
        "rateLimits": rate_limits(ask.exchange.limits, ask.kind),
        "exchangeFilters": [],
        "symbols": [describe(instrument) for instrument in wanted],
    }
    if ask.kind == "linear":
        info |= {
            "futuresType": "U_MARGINED",
            "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        }
    return info


def _spot_symbol(instrument: Instrument) -> dict[str, object]:
    return {
        "symbol": instrument.native,
        "status": instrument.status,
        "baseAsset": instrument.symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _spot_filters(instrument),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def _linear_symbol(instrument: Instrument) -> dict[str, object]:
    symbol = instrument.symbol
    return {
        "symbol": instrument.native,
        "pair": symbol.base + symbol.quote,
        "contractType": "PERPETUAL" if symbol.expiry is None else "CURRENT_QUARTER",
        "deliveryDate": 4133404800000 if instrument.expiry_ns is None else instrument.expiry_ns // MS,
        "onboardDate": 1567965300000,
        "status": instrument.status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": symbol.base,
        "quoteAsset": symbol.quote,
        "marginAsset": symbol.settle,
        "pricePrecision": max(2, -int(instrument.tick_size.as_tuple().exponent)),
        "quantityPrecision": max(0, -int(instrument.lot_size.as_tuple().exponent)),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": str(instrument.min_price),
                "maxPrice": str(instrument.max_price),
                "tickSize": str(instrument.tick_size),
            },
            *(
                {
                    "filterType": name,
                    "minQty": str(instrument.min_quantity),
                    "maxQty": str(instrument.max_quantity),
                    "stepSize": str(instrument.lot_size),
                }
                for name in ("LOT_SIZE", "MARKET_LOT_SIZE")
            ),
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": str(instrument.min_notional)},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "5.0000",
                "multiplierDown": "0.2000",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _spot_filters(instrument: Instrument) -> list[dict[str, object]]:
    def text(value: Decimal | None) -> str:
        return f"{value or 0:.8f}"

    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(instrument.min_price),
            "maxPrice": text(instrument.max_price),
            "tickSize": text(instrument.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": text(instrument.min_quantity),
            "maxQty": text(instrument.max_quantity),
            "stepSize": text(instrument.lot_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": text(instrument.market_min_quantity),
            "maxQty": text(instrument.market_max_quantity),
            "stepSize": text(instrument.market_lot_size),
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(instrument.min_notional),
            "applyMinToMarket": True,
            "maxNotional": "9000000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
    ]
