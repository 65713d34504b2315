"""A month of hourly bars of three symbols as data frames. Needs the extra [frames].

Runs against the local sandbox; pass --live for Binance.
"""

import sys
from contextlib import nullcontext

import tidewire as tw

live = "--live" in sys.argv
with nullcontext("live") if live else tw.sandbox.Sandbox("binance") as environment:
    with tw.Client("binance", environment=environment) as binance:
        bars = binance.fetch_klines_many(
            ["BTC-USDT", "ETH-USDT", "SOL-USDT"], "1h", start="2026-01-01", end="2026-02-01", progress=True
        )
for symbol, klines in bars.items():
    print(symbol, len(klines), "bars, gaps:", klines.gaps or "none")
    print(klines.to_pandas().tail(3))
