"""OKX as data: hosts, paths, limits, intervals and layouts.

See: https://www.okx.com/docs-v5/en/ (a copy of August 2025 was read, and the official client of 2026-07-07).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from ..._venue import Hosts, Quota, Spec
from ...book import BookLayout, LevelArray, MessageLayout, SequenceRule
from ...klines import KlineLayout
from ...symbols import Kind

__all__ = ["BOOK", "BOOK_DEPTH", "DEMO", "KLINES", "PATHS", "RECENT_BARS", "SPEC"]

DEMO: Final = ("demo", "testnet", "eea-demo")
"""Environments whose requests carry ``x-simulated-trading: 1``: they have the live REST host."""

BOOK_DEPTH: Final = 400
"""Levels a side that the channel ``books`` maintains: one that falls out is told as gone."""

RECENT_BARS: Final = 1440
"""How many bars ``/market/candles`` reaches back; older ones are in ``/market/history-candles``."""

# Without "utc" bars of six hours and more open at 16:00 UTC, midnight in Hong Kong.
_INTERVALS: Final = {
    **{text: text for text in ("1s", "1m", "3m", "5m", "15m", "30m")},
    "1h": "1H",
    "2h": "2H",
    "4h": "4H",
    "6h": "6Hutc",
    "12h": "12Hutc",
    "1d": "1Dutc",
    "3d": "3Dutc",
    "1w": "1Wutc",
    "1M": "1Mutc",
    "3M": "3Mutc",
}

PATHS: Final[Mapping[str, str]] = {
    "time": "/api/v5/public/time",
    "instruments": "/api/v5/public/instruments",
    "candles": "/api/v5/market/candles",
    "history-candles": "/api/v5/market/history-candles",
    "ticker": "/api/v5/market/ticker",
    "tickers": "/api/v5/market/tickers",
    "books": "/api/v5/market/books",
    "books-full": "/api/v5/market/books-full",
    "trades": "/api/v5/market/trades",
    "funding-rate": "/api/v5/public/funding-rate",
    "funding-rate-history": "/api/v5/public/funding-rate-history",
    "open-interest": "/api/v5/public/open-interest",
    "trade-fee": "/api/v5/account/trade-fee",
    "balance": "/api/v5/account/balance",
    "positions": "/api/v5/account/positions",
    "orders-history": "/api/v5/trade/orders-history",
    "orders-history-archive": "/api/v5/trade/orders-history-archive",
    "orders-pending": "/api/v5/trade/orders-pending",
    "order": "/api/v5/trade/order",
    "fills-history": "/api/v5/trade/fills-history",
    "batch-orders": "/api/v5/trade/batch-orders",
    "cancel-order": "/api/v5/trade/cancel-order",
    "cancel-batch-orders": "/api/v5/trade/cancel-batch-orders",
}
"""Addresses by what they are metered as: each has its own limit."""


def _host(rest: str, stream: str) -> Hosts:
    return Hosts(rest={"spot": rest, "linear": rest}, stream={"spot": stream, "linear": stream})


def _quotas(per: Literal["address", "account"], **limits: int) -> tuple[Quota, ...]:
    """Requests per two seconds, each of its own resource."""
    return tuple(Quota(f"{name.replace('_', '-')}-2s", limit, 2.0, per=per) for name, limit in limits.items())


SPEC: Final = Spec(
    name="okx",
    title="OKX",
    documentation="https://www.okx.com/docs-v5/en/",
    environments={
        "live": _host("https://www.okx.com", "wss://ws.okx.com:8443"),
        "demo": _host("https://www.okx.com", "wss://wspap.okx.com:8443"),
        "testnet": _host("https://www.okx.com", "wss://wspap.okx.com:8443"),
        "eea": _host("https://eea.okx.com", "wss://wseea.okx.com:8443"),
        "eea-demo": _host("https://eea.okx.com", "wss://wseeapap.okx.com:8443"),
        "us": _host("https://us.okx.com", "wss://wsus.okx.com:8443"),
    },
    # No header reports use. Where the venue counts per instrument or instrument family, we count them all together:
    # never more than it allows. So 300 new orders come before the 1000 that a sub-account may place on all instruments
    # (50061), which only other programs with the same account can make us meet.
    quotas=(
        *_quotas("address", time=10, instruments=20, ticker=20, tickers=20, books=40, books_full=10),
        *_quotas("address", candles=40, history_candles=20, trades=100),
        *_quotas("address", funding_rate=10, funding_rate_history=10, open_interest=20),
        *_quotas("account", balance=10, positions=10, orders_history=40, orders_history_archive=20),
        *_quotas("account", orders_pending=60, order=60, fills_history=10, trade_fee=5),
        *_quotas("account", batch_orders=300, cancel_order=60, cancel_batch_orders=300),
        Quota("connections-1s", 3, 1.0),
    ),
    kinds=("spot", "linear"),
    intervals={"spot": _INTERVALS, "linear": _INTERVALS},
    klines_page={"spot": 300, "linear": 300},
    book_depths={"spot": (400, 5000), "linear": (400, 5000)},
    trades_page={"spot": 500, "linear": 500},
    single_instrument=("spot", "linear"),
    needs_passphrase=True,
    # expTime (5 s after signing) plus the endpoint's own time-out (50004), taken as ten seconds.
    validity_s=15.0,
    contracts=("linear",),
    klines_by_span=True,
    orders_are_final=True,
    cancel_batch=20,
)

# [ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm], newest first. ``vol`` is base on spot and contracts on swaps.
KLINES: Final[Mapping[Kind, KlineLayout]] = {
    "spot": KlineLayout(
        open_time=0, open=1, high=2, low=3, close=4, volume=5, quote_volume=7, closed=8, rows=("data",), time_unit="ms"
    ),
    "linear": KlineLayout(
        open_time=0, open=1, high=2, low=3, close=4, volume=6, quote_volume=7, closed=8, rows=("data",), time_unit="ms"
    ),
}

# The checksum is 0 on the main site since 2026, and then not checked; recordings and other sites have true ones.
BOOK: Final = BookLayout(
    delta=MessageLayout(
        kind="action",
        bids=LevelArray("data[0].bids"),
        asks=LevelArray("data[0].asks"),
        last="data[0].seqId",
        previous="data[0].prevSeqId",
        checksum="data[0].checksum",
        time="data[0].ts",
    ),
    rule=SequenceRule.CHAIN,
    resets=True,
    depth=BOOK_DEPTH,
    checksum_depth=25,
)
