"""Coinbase Advanced Trade as data: hosts, limits, intervals, kline and book layouts.

See: https://docs.cdp.coinbase.com/advanced-trade/docs/welcome (read second-hand, 2026-06).
"""

from __future__ import annotations

from typing import Final

from ..._venue import Hosts, Quota, Spec
from ...book import BookLayout, LevelArray, MessageLayout, SequenceRule
from ...klines import KlineLayout

__all__ = ["BOOK", "KLINES", "LIFETIME_S", "SPEC"]

LIFETIME_S: Final = 60
"""How long a token is good for. The venue allows 120 s; a lost order's fate is settled only when its token is stale."""

_STREAMS: Final = {"spot": "wss://advanced-trade-ws.coinbase.com", "user": "wss://advanced-trade-ws-user.coinbase.com"}

SPEC: Final = Spec(
    name="coinbase_advanced",
    title="Coinbase Advanced Trade",
    documentation="https://docs.cdp.coinbase.com/advanced-trade/docs/welcome",
    aliases=("coinbase_advanced_trade", "coinbaseadvanced"),
    environments={
        "live": Hosts(
            rest={"spot": "https://api.coinbase.com"},
            stream=_STREAMS,
        ),
        # Static answers for accounts and orders, whatever is asked: good for shapes, not for trading.
        "testnet": Hosts(
            rest={"spot": "https://api-sandbox.coinbase.com"},
            stream=_STREAMS,
        ),
    },
    quotas=(Quota("public-1s", 10, 1), Quota("private-1s", 30, 1, per="account"), Quota("connections-1s", 8, 1)),
    kinds=("spot",),
    intervals={
        "spot": {
            "1m": "ONE_MINUTE",
            "5m": "FIVE_MINUTE",
            "15m": "FIFTEEN_MINUTE",
            "30m": "THIRTY_MINUTE",
            "1h": "ONE_HOUR",
            "2h": "TWO_HOUR",
            "4h": "FOUR_HOUR",
            "6h": "SIX_HOUR",
            "1d": "ONE_DAY",
        }
    },
    klines_page={"spot": 350},
    # The venue documents no maximum: this is the order of a whole book (46,000 levels of BTC-USD, recorded 2021).
    book_depths={"spot": (50_000,)},
    trades_page={"spot": 1000},
    single_instrument=("spot",),
    validity_s=float(LIFETIME_S),
    # Bars in which nothing traded are left out.
    klines_by_span=True,
    cancel_batch=100,
    without={"watch_balances": ": its streams tell balances of futures only; fetch_balances has those of spot"},
)

KLINES: Final = KlineLayout(
    open_time="start",
    open="open",
    high="high",
    low="low",
    close="close",
    volume="volume",
    rows=("candles",),
    time_unit="s",
)

# ``sequence_num`` counts the messages of a connection, of all its channels: a missing one taints them all.
BOOK: Final = BookLayout(
    delta=MessageLayout(
        changes=LevelArray("events[*].updates", price="price_level", quantity="new_quantity", side="side"),
        kind="events[*].type",
        time="timestamp",
    ),
    snapshot=MessageLayout(
        bids=LevelArray("pricebook.bids", price="price", quantity="size"),
        asks=LevelArray("pricebook.asks", price="price", quantity="size"),
        time="pricebook.time",
    ),
    rule=SequenceRule.CONNECTION,
    time_unit="iso",
)
