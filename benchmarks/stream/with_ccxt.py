"""The recorded venue through ccxt.pro's ``watch_order_book``."""

from __future__ import annotations

import asyncio

import ccxt.pro
from lap import Lap, ports


async def main() -> None:
    rest, stream = ports()
    lap = Lap(rest)
    exchange = ccxt.pro.binance({"options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}}})
    exchange.urls["api"]["public"] = f"http://127.0.0.1:{rest}/api/v3"
    exchange.urls["api"]["ws"]["spot"] = f"ws://127.0.0.1:{stream}/ws"
    exchange.has["fetchCurrencies"] = False
    try:
        while True:
            # With its usual limit of 1,000 it forgets levels that the price later comes back to.
            book = await exchange.watch_order_book("BTC/USDT", 5000)
            if book["nonce"] == lap.lead:
                lap.go()
            elif book["nonce"] == lap.last:
                break
        lap.stop()
        lap.tell(f"ccxt {ccxt.__version__}", book["bids"][:500], book["asks"][:500])
    finally:
        await exchange.close()


asyncio.run(main())
