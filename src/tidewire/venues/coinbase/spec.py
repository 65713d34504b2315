"""Coinbase Exchange as data: hosts, limits, intervals, kline and book layouts.

See: https://docs.cdp.coinbase.com/exchange (read second-hand, 2026-05).
"""

from __future__ import annotations

from typing import Final

import msgspec

from ..._venue import Hosts, Quota, Spec
from ...book import BookLayout, LevelArray, MessageLayout, SequenceRule
from ...klines import KlineLayout

__all__ = ["BOOK", "HEADERS", "KLINES", "SPEC"]

HEADERS: Final = {"User-Agent": "tidewire"}  # the venue refuses requests that do not name their client

SPEC: Final = Spec(
    name="coinbase",
    title="Coinbase Exchange",
    documentation="https://docs.cdp.coinbase.com/exchange",
    aliases=("coinbase_exchange", "coinbaseexchange", "coinbase_pro", "coinbasepro"),
    environments={
        "live": Hosts(
            rest={"spot": "https://api.exchange.coinbase.com"},
            stream={"spot": "wss://ws-feed.exchange.coinbase.com"},
        ),
        "testnet": Hosts(
            rest={"spot": "https://api-public.sandbox.exchange.coinbase.com"},
            stream={"spot": "wss://ws-feed-public.sandbox.exchange.coinbase.com"},
        ),
    },
    # Token buckets at the venue, with bursts of 15, 30 and 20: we keep to the steady rates.
    quotas=(
        Quota("public-1s", 10, 1),
        Quota("private-1s", 15, 1, per="account"),
        Quota("fills-1s", 10, 1, per="account"),
        Quota("connections-1s", 8, 1),
    ),
    kinds=("spot",),
    intervals={"spot": {"1m": "60", "5m": "300", "15m": "900", "1h": "3600", "6h": "21600", "1d": "86400"}},
    klines_page={"spot": 300},
    # The best level, or the whole book: one of BTC-USD has some 46,000 levels (recorded 2021).
    book_depths={"spot": (1, 200_000)},
    trades_page={"spot": 1000},
    single_instrument=("spot",),
    needs_passphrase=True,
    # A signature is good for 30 seconds.
    validity_s=30.0,
    # Bars in which nothing traded are left out.
    klines_by_span=True,
    forgets_unfilled=True,
)

KLINES: Final = KlineLayout(open_time=0, low=1, high=2, open=3, close=4, volume=5, time_unit="s")

# Snapshots and deltas of ``level2`` carry no numbers: nothing tells a missed one. Over REST a snapshot names no kind.
_SNAPSHOT: Final = MessageLayout(bids=LevelArray("bids"), asks=LevelArray("asks"), time="time")
BOOK: Final = BookLayout(
    delta=msgspec.structs.replace(_SNAPSHOT, changes=LevelArray("changes", price=1, quantity=2, side=0), kind="type"),
    snapshot=_SNAPSHOT,
    rule=SequenceRule.NONE,
    time_unit="iso",
)
