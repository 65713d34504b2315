"""An independent client, ccxt.pro, follows books, trades and its own orders on both of the sandbox's Coinbase feeds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tidewire.sandbox import Sandbox

pro = pytest.importorskip("ccxt.pro")
pytest.importorskip("cryptography")  # for the keys of Coinbase Advanced

SYMBOL = "BTC/USD"


class Redirected(pro.coinbase):  # type: ignore[misc]
    """ccxt signs for api.coinbase.com; only where its requests go is another place."""

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        where = url.replace("https://api.coinbase.com", self.options["where"])
        return await super().fetch(where, method, headers, body)


CLASSES = {"coinbase": pro.coinbaseexchange, "coinbase_advanced": Redirected}


@pytest.fixture(params=CLASSES)
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    venue: str = request.param
    async with Sandbox(venue, pace=0.05, levels=20) as sandbox:
        key = sandbox.credentials(venue)
        made = CLASSES[venue]({"apiKey": key.key, "secret": key.secret, "password": key.passphrase, "rateLimit": 110})
        made.options["where"] = sandbox.base_url(venue)
        if venue == "coinbase":
            made.urls["api"] |= dict.fromkeys(made.urls["api"], sandbox.base_url(venue))
        made.urls["api"]["ws"] = sandbox.stream_url(venue)
        made.has["fetchCurrencies"] = False  # wallet addresses, which the sandbox does not fake
        yield made
        await made.close()


async def test_books_and_trades(exchange: Any) -> None:
    async with asyncio.timeout(30):
        await exchange.load_markets()
        book = await exchange.watch_order_book(SYMBOL)
        while len(book["bids"]) < 15:
            book = await exchange.watch_order_book(SYMBOL)
        for _ in range(5):
            book = await exchange.watch_order_book(SYMBOL)
            assert book["bids"][0][0] < book["asks"][0][0]
        trades = await exchange.watch_trades(SYMBOL)
        assert trades[-1]["symbol"] == SYMBOL
        assert (await exchange.watch_ticker(SYMBOL))["last"] > 0


async def test_own_orders(exchange: Any) -> None:
    async with asyncio.timeout(30):
        await exchange.load_markets()
        price = exchange.price_to_precision(SYMBOL, (await exchange.fetch_ticker(SYMBOL))["last"] * 0.9)
        watched = asyncio.create_task(exchange.watch_orders(SYMBOL))
        while not watched.done():  # ccxt does not say when it listens
            order = await exchange.create_order(SYMBOL, "limit", "buy", 0.01, price)
            await asyncio.sleep(0.2)
            await exchange.cancel_order(order["id"], SYMBOL)
        seen = (await watched)[-1]
        assert seen["symbol"] == SYMBOL
        assert seen["side"] == "buy"
