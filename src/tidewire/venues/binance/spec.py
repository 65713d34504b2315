"""Binance as data: hosts, paths, weights, limits, intervals and kline layout.

See: https://developers.binance.com/docs/binance-spot-api-docs/rest-api (read 2026-07-21) and the USD-M futures pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..._venue import Hosts, Quota, Spec
from ...klines import KlineLayout
from ...symbols import Kind

__all__ = ["KLINES", "MARKETS", "SPEC", "Market"]

_SPOT_INTERVALS = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split()

SPEC: Final = Spec(
    name="binance",
    title="Binance",
    documentation="https://developers.binance.com/docs",
    environments={
        "live": Hosts(
            rest={"spot": "https://api.binance.com", "linear": "https://fapi.binance.com"},
            stream={
                "spot": "wss://stream.binance.com:9443",
                "linear": "wss://fstream.binance.com",
                "spot-api": "wss://ws-api.binance.com:443",
                "linear-api": "wss://ws-fapi.binance.com",
            },
        ),
        "testnet": Hosts(
            rest={"spot": "https://testnet.binance.vision", "linear": "https://testnet.binancefuture.com"},
            stream={
                "spot": "wss://stream.testnet.binance.vision",
                "linear": "wss://fstream.binancefuture.com",
                "spot-api": "wss://ws-api.testnet.binance.vision",
                "linear-api": "wss://testnet.binancefuture.com",
            },
        ),
        "demo": Hosts(
            rest={"spot": "https://demo-api.binance.com", "linear": "https://demo-fapi.binance.com"},
            stream={
                "spot": "wss://demo-stream.binance.com",
                "linear": "wss://demo-fstream.binance.com",
                "spot-api": "wss://demo-ws-api.binance.com",
                "linear-api": "wss://testnet.binancefuture.com",  # as ccxt 4.5.90 has it; not verified
            },
        ),
    },
    # Starting points; the limits in exchangeInfo replace them as soon as it is read.
    quotas=(
        Quota("spot-weight-1m", 6000, 60),
        Quota("spot-raw-5m", 300_000, 300),
        Quota("spot-connections-5m", 300, 300),
        Quota("spot-snapshots-1m", 80, 60),  # our own: of weight 50 each they leave a third of the minute to others
        Quota("spot-orders-10s", 50, 10, per="account"),
        Quota("spot-orders-1d", 160_000, 86_400, per="account"),
        Quota("linear-weight-1m", 2400, 60),
        Quota("linear-connections-5m", 300, 300),
        Quota("linear-snapshots-1m", 80, 60),  # likewise, of weight 20
        Quota("linear-orders-10s", 300, 10, per="account"),
        Quota("linear-orders-1m", 1200, 60, per="account"),
    ),
    kinds=("spot", "linear"),
    intervals={
        "spot": {text: text for text in _SPOT_INTERVALS},
        "linear": {text: text for text in _SPOT_INTERVALS if text != "1s"},
    },
    klines_page={"spot": 1000, "linear": 1500},
    book_depths={"spot": (5, 10, 20, 50, 100, 500, 1000, 5000), "linear": (5, 10, 20, 50, 100, 500, 1000)},
    trades_page={"spot": 1000, "linear": 1000},
    single_instrument=("spot",),
    # recvWindow (5 s) plus the matching engine's own time-out (10 s).
    validity_s=15.0,
)

KLINES: Final = KlineLayout(
    open_time=0, open=1, high=2, low=3, close=4, volume=5, quote_volume=7, trades=8, time_unit="ms"
)


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """What spot and USD-M futures differ in. Weights are per request; ``*_weights`` are (up to limit, weight) steps."""

    kind: Kind
    paths: Mapping[str, str]
    weights: Mapping[str, int]
    klines_weights: tuple[tuple[int, int], ...]
    book_weights: tuple[tuple[int, int], ...]
    default_depth: int
    response_type: str
    all_tickers_weight: int
    all_open_orders_weight: int


MARKETS: Final[Mapping[Kind, Market]] = {
    "spot": Market(
        kind="spot",
        paths={
            "ping": "/api/v3/ping",
            "server_time": "/api/v3/time",
            "fetch_instruments": "/api/v3/exchangeInfo",
            "fetch_klines": "/api/v3/klines",
            "fetch_price": "/api/v3/ticker/price",
            "fetch_ticker": "/api/v3/ticker/24hr",
            "fetch_tickers": "/api/v3/ticker/24hr",
            "fetch_quote": "/api/v3/ticker/bookTicker",
            "fetch_book": "/api/v3/depth",
            "fetch_trades": "/api/v3/trades",
            "fetch_trading_fee": "/api/v3/account/commission",
            "fetch_balances": "/api/v3/account",
            "fetch_orders": "/api/v3/allOrders",
            "fetch_open_orders": "/api/v3/openOrders",
            "fetch_order": "/api/v3/order",
            "fetch_fills": "/api/v3/myTrades",
            "create_order": "/api/v3/order",
            "cancel_order": "/api/v3/order",
            "cancel_all_orders": "/api/v3/openOrders",
        },
        weights={
            "ping": 1,
            "server_time": 1,
            "fetch_instruments": 20,
            "fetch_price": 2,
            "fetch_ticker": 2,
            "fetch_quote": 2,
            "fetch_trades": 25,
            "fetch_trading_fee": 20,
            "fetch_balances": 20,
            "fetch_orders": 20,
            "fetch_open_orders": 6,
            "fetch_order": 4,
            "fetch_fills": 20,
            "create_order": 1,
            "cancel_order": 1,
            "cancel_all_orders": 1,
        },
        klines_weights=((1000, 2),),
        book_weights=((100, 5), (500, 25), (1000, 50), (5000, 250)),
        default_depth=100,
        response_type="FULL",
        all_tickers_weight=80,
        all_open_orders_weight=80,
    ),
    "linear": Market(
        kind="linear",
        paths={
            "ping": "/fapi/v1/ping",
            "server_time": "/fapi/v1/time",
            "fetch_instruments": "/fapi/v1/exchangeInfo",
            "fetch_klines": "/fapi/v1/klines",
            "fetch_price": "/fapi/v1/ticker/price",
            "fetch_ticker": "/fapi/v1/ticker/24hr",
            "fetch_tickers": "/fapi/v1/ticker/24hr",
            "fetch_quote": "/fapi/v1/ticker/bookTicker",
            "fetch_book": "/fapi/v1/depth",
            "fetch_trades": "/fapi/v1/trades",
            "fetch_funding_rate": "/fapi/v1/premiumIndex",
            "fetch_funding_history": "/fapi/v1/fundingRate",
            "fetch_open_interest": "/fapi/v1/openInterest",
            "fetch_trading_fee": "/fapi/v1/commissionRate",
            "fetch_balances": "/fapi/v3/balance",
            "fetch_positions": "/fapi/v3/positionRisk",
            "fetch_orders": "/fapi/v1/allOrders",
            "fetch_open_orders": "/fapi/v1/openOrders",
            "fetch_order": "/fapi/v1/order",
            "fetch_fills": "/fapi/v1/userTrades",
            "create_order": "/fapi/v1/order",
            "cancel_order": "/fapi/v1/order",
            "cancel_all_orders": "/fapi/v1/allOpenOrders",
        },
        weights={
            "ping": 1,
            "server_time": 1,
            "fetch_instruments": 1,
            "fetch_price": 1,
            "fetch_ticker": 1,
            "fetch_quote": 2,
            "fetch_trades": 5,
            "fetch_funding_rate": 1,
            "fetch_funding_history": 1,
            "fetch_open_interest": 1,
            "fetch_trading_fee": 20,
            "fetch_balances": 5,
            "fetch_positions": 5,
            "fetch_orders": 5,
            "fetch_open_orders": 1,
            "fetch_order": 1,
            "fetch_fills": 5,
            "create_order": 1,
            "cancel_order": 1,
            "cancel_all_orders": 1,
        },
        klines_weights=((99, 1), (499, 2), (1000, 5), (1500, 10)),
        book_weights=((50, 2), (100, 5), (500, 10), (1000, 20)),
        default_depth=500,
        response_type="RESULT",
        all_tickers_weight=40,
        all_open_orders_weight=40,
    ),
}
