"""An independent client, ccxt.pro, follows its orders and places them over the sandbox's sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tidewire.sandbox import Sandbox

pro = pytest.importorskip("ccxt.pro")


@pytest.fixture
async def exchange(sandbox: Sandbox) -> AsyncIterator[Any]:
    key = sandbox.credentials("binance")
    options = {"fetchMarkets": {"types": ["spot", "linear"]}, "fetchCurrencies": False, "fetchMargins": False}
    exchange = pro.binance({"apiKey": key.key, "secret": key.secret, "options": options, "enableRateLimit": False})
    sockets = sandbox.stream_url("binance")
    for name, url in exchange.urls["api"].items():
        if isinstance(url, str):
            exchange.urls["api"][name] = sandbox.base_url("binance") + url.split("binance.com")[1]
    exchange.urls["api"]["ws"] |= {"spot": f"{sockets}/ws", "linear": f"{sockets}/ws"}
    exchange.urls["api"]["ws"]["ws-api"] |= {"spot": f"{sockets}/ws-api/v3", "linear": f"{sockets}/ws-fapi/v1"}
    yield exchange
    await exchange.close()


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
async def test_orders_are_watched_and_placed(exchange: Any, symbol: str) -> None:
    async with asyncio.timeout(20):
        await exchange.load_markets()
        price = exchange.price_to_precision(symbol, (await exchange.fetch_ticker(symbol))["last"] * 0.9)
        watched = asyncio.create_task(exchange.watch_orders(symbol))
        order = None
        while not watched.done():  # ccxt does not say when it listens
            if order is not None:
                await exchange.cancel_order(order["id"], symbol)
            order = await exchange.create_order_ws(symbol, "limit", "buy", 0.01, price)
            await asyncio.sleep(0.2)
        seen = (await watched)[-1]
        assert (seen["symbol"], seen["side"], seen["amount"]) == (symbol, "buy", 0.01)
        canceled = await exchange.cancel_order_ws(order["id"], symbol)
        assert canceled["status"] == "canceled"
