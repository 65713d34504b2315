"""HTX as data: hosts, paths, limits, intervals, and the layouts of klines and books.

See: https://huobiapi.github.io/docs/spot/v1/en/ and https://huobiapi.github.io/docs/usdt_swap/v1/en/ (June 2021); the
``/v5`` paths from https://www.htx.com/en-us/opend/newApiPages/ as peer libraries use them (2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from ..._venue import Hosts, Quota, Spec
from ...book import BookLayout, LevelArray, MessageLayout, SequenceRule
from ...klines import KlineLayout
from ...symbols import Kind

__all__ = ["BOOK", "DEFAULT_KLINES", "KLINES", "PATHS", "RESOURCES", "SPEC"]

DEFAULT_KLINES: Final = 150  # what the venue returns when no size is sent

_INTERVALS: Final = {
    "1m": "1min",
    "5m": "5min",
    "15m": "15min",
    "30m": "30min",
    "1h": "60min",
    "4h": "4hour",
    "1d": "1day",
    "1w": "1week",
}

PATHS: Final[Mapping[Kind, Mapping[str, str]]] = {
    "spot": {
        "ping": "/v1/common/timestamp",
        "server_time": "/v1/common/timestamp",
        "fetch_instruments": "/v1/common/symbols",
        "fetch_klines": "/market/history/candles",
        "fetch_price": "/market/trade",
        "fetch_ticker": "/market/detail/merged",
        "fetch_tickers": "/market/tickers",
        "fetch_book": "/market/depth",
        "fetch_trades": "/market/history/trade",
        "account_query": "/v1/account/accounts",
        "fetch_trading_fee": "/v2/reference/transact-fee-rate",
        "fetch_balances": "/v1/account/accounts/{account-id}/balance",
        "fetch_orders": "/v1/order/orders",
        "fetch_open_orders": "/v1/order/openOrders",
        "fetch_order": "/v1/order/orders/{order-id}",
        "fetch_client_order": "/v1/order/orders/getClientOrder",
        "fetch_fills": "/v1/order/matchresults",
        "create_order": "/v1/order/orders/place",
        "cancel_order": "/v1/order/orders/{order-id}/submitcancel",
        "cancel_client_order": "/v1/order/orders/submitCancelClientOrder",
        "cancel_all_orders": "/v1/order/orders/batchCancelOpenOrders",
    },
    "linear": {
        "fetch_instruments": "/linear-swap-api/v1/swap_contract_info",
        "fetch_klines": "/linear-swap-ex/market/history/kline",
        "fetch_price": "/linear-swap-ex/market/trade",
        "fetch_ticker": "/linear-swap-ex/market/detail/merged",
        "fetch_tickers": "/linear-swap-ex/market/detail/batch_merged",
        "fetch_book": "/linear-swap-ex/market/depth",
        "fetch_trades": "/linear-swap-ex/market/history/trade",
        "fetch_funding_rate": "/v5/market/funding_rate",
        "fetch_funding_history": "/v5/market/funding_rate_history",
        "fetch_open_interest": "/v5/market/open_interest",
        "fetch_balances": "/v5/account/balance",
        "fetch_positions": "/v5/trade/position/opens",
        "fetch_orders": "/v5/trade/order/history",
        "fetch_open_orders": "/v5/trade/order/opens",
        "fetch_order": "/v5/trade/order",
        "fetch_fills": "/v5/trade/order/details",
        "create_order": "/v5/trade/order",
        "cancel_order": "/v5/trade/cancel_order",
        "cancel_all_orders": "/v5/trade/cancel_all_orders",
    },
}

_Counts = tuple[int, float, Literal["address", "account"]]
# Spot counts every address by itself. The public figure is the lower of two that are told (10 and 100 a second).
_OPEN: Final[_Counts] = (10, 1, "address")
_FAST: Final[_Counts] = (100, 2, "account")
_SLOW: Final[_Counts] = (50, 2, "account")
_LEGACY: Final[_Counts] = (10, 1, "account")
# Swaps share few limits: per address 800 market requests a second and 120 others in 3 s, 36 + 36 private ones in 3 s.
_LIMITS: Final[Mapping[str, _Counts]] = {
    "spot-reference": _OPEN,
    "spot-klines": _OPEN,
    "spot-price": _OPEN,
    "spot-ticker": _OPEN,
    "spot-tickers": _OPEN,
    "spot-depth": _OPEN,
    "spot-trades": _OPEN,
    "spot-accounts": _FAST,
    "spot-balance": _FAST,
    "spot-place": _FAST,
    "spot-cancel": _FAST,
    "spot-open": _SLOW,
    "spot-order": _SLOW,
    "spot-orders": _SLOW,
    "spot-fills": _LEGACY,
    "spot-fees": _LEGACY,  # no limit was found: the lowest that the account has elsewhere
    "linear-market": (800, 1, "address"),
    "linear-reference": (120, 3, "address"),
    "linear-query": (36, 3, "account"),
    "linear-trade": (36, 3, "account"),
}

RESOURCES: Final[Mapping[Kind, Mapping[str, str]]] = {
    "spot": {
        "ping": "spot-reference",
        "server_time": "spot-reference",
        "fetch_instruments": "spot-reference",
        "fetch_klines": "spot-klines",
        "fetch_price": "spot-price",
        "fetch_ticker": "spot-ticker",
        "fetch_tickers": "spot-tickers",
        "fetch_book": "spot-depth",
        "fetch_trades": "spot-trades",
        "account_query": "spot-accounts",
        "fetch_trading_fee": "spot-fees",
        "fetch_balances": "spot-balance",
        "fetch_orders": "spot-orders",
        "fetch_open_orders": "spot-open",
        "fetch_order": "spot-order",
        "fetch_client_order": "spot-order",
        "fetch_fills": "spot-fills",
        "create_order": "spot-place",
        "cancel_order": "spot-cancel",
        "cancel_client_order": "spot-cancel",
        "cancel_all_orders": "spot-cancel",
    },
    "linear": {
        **dict.fromkeys(
            ("fetch_klines", "fetch_price", "fetch_ticker", "fetch_tickers", "fetch_book", "fetch_trades"),
            "linear-market",
        ),
        **dict.fromkeys(
            ("fetch_instruments", "fetch_funding_rate", "fetch_funding_history", "fetch_open_interest"),
            "linear-reference",
        ),
        **dict.fromkeys(
            ("fetch_balances", "fetch_positions", "fetch_orders", "fetch_open_orders", "fetch_order", "fetch_fills"),
            "linear-query",
        ),
        **dict.fromkeys(("create_order", "cancel_order", "cancel_all_orders"), "linear-trade"),
    },
}

SPEC: Final = Spec(
    name="htx",
    title="HTX (Huobi)",
    documentation="https://www.htx.com/en-us/opend/newApiPages/",
    aliases=("huobi",),
    environments={
        "live": Hosts(
            rest={"spot": "https://api.huobi.pro", "linear": "https://api.hbdm.com"},
            stream={"spot": "wss://api.huobi.pro", "linear": "wss://api.hbdm.com"},
        ),
        # The same exchange by another entry, for those who are in the same cloud. There is no public test exchange.
        "aws": Hosts(
            rest={"spot": "https://api-aws.huobi.pro", "linear": "https://api.hbdm.vn"},
            stream={"spot": "wss://api-aws.huobi.pro", "linear": "wss://api.hbdm.vn"},
        ),
    },
    quotas=tuple(
        Quota(f"{resource}-{period:g}s", limit, period, per=per) for resource, (limit, period, per) in _LIMITS.items()
    ),
    kinds=("spot", "linear"),
    intervals={"spot": _INTERVALS, "linear": _INTERVALS},
    klines_page={"spot": 1000, "linear": 2000},
    book_depths={"spot": (5, 10, 20, 150), "linear": (20, 150)},
    trades_page={"spot": 2000, "linear": 2000},
    # A signature is good for five minutes; the venue tells nothing of its own time-outs. Lost answers were seen to
    # settle within seconds, and the back end gives up after ten.
    validity_s=15.0,
    contracts=("linear",),
    klines_by_span=True,
    # Nothing is said on whether the swaps' history lists working orders: they are asked for, and met twice at worst.
    orders_are_final=True,
    day_offset_s=-8 * 3600,
    market_buys_by_value=("spot",),
)

# ``amount`` is base volume on both. ``vol`` is quote volume on spot, contracts on swaps: there it is trade_turnover.
_ROW: Final = {"open_time": "id", "open": "open", "high": "high", "low": "low", "close": "close", "volume": "amount"}
KLINES: Final[Mapping[Kind, KlineLayout]] = {
    "spot": KlineLayout(**_ROW, quote_volume="vol", trades="count", rows=("data",), time_unit="s"),
    "linear": KlineLayout(**_ROW, quote_volume="trade_turnover", trades="count", rows=("data",), time_unit="s"),
}

BOOK: Final[Mapping[Kind, BookLayout]] = {
    # Channel mbp.150, and the answer to a request for its snapshot. Levels beyond 150 are not kept up.
    "spot": BookLayout(
        delta=MessageLayout(
            bids=LevelArray("tick.bids"),
            asks=LevelArray("tick.asks"),
            last="tick.seqNum",
            previous="tick.prevSeqNum",
            time="ts",
        ),
        snapshot=MessageLayout(bids=LevelArray("data.bids"), asks=LevelArray("data.asks"), last="data.seqNum"),
        rule=SequenceRule.CHAIN,
        depth=150,
    ),
    # Channel depth.size_150.high_freq: quantities in contracts, versions dense within a connection.
    "linear": BookLayout(
        delta=MessageLayout(
            bids=LevelArray("tick.bids"),
            asks=LevelArray("tick.asks"),
            kind="tick.event",
            last="tick.version",
            time="ts",
        ),
        rule=SequenceRule.INCREMENT,
        depth=150,
    ),
}
