"""An independent client, ccxt.pro, on the sandbox's sockets: what it sees there shows that the dialect is OKX's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tidewire.sandbox import Sandbox
from tidewire.symbols import Symbol

pro = pytest.importorskip("ccxt.pro")
OURS = {"BTC/USDT": "BTC-USDT", "BTC/USDT:USDT": "BTC-USDT-PERP"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox("okx", pace=None) as running:
        yield running


@pytest.fixture
async def exchange(sandbox: Sandbox) -> AsyncIterator[Any]:
    key = sandbox.credentials("okx")
    options = {"fetchMarkets": {"types": ["spot", "swap"]}}
    secrets = {"apiKey": key.key, "secret": key.secret, "password": key.passphrase}
    exchange = pro.okx({**secrets, "options": options, "enableRateLimit": False, "timeout": 5000})
    exchange.has["fetchCurrencies"] = False  # wallet addresses, which the sandbox does not fake
    exchange.urls["api"] |= {"rest": sandbox.base_url("okx"), "ws": f"{sandbox.stream_url('okx')}/ws/v5"}
    yield exchange
    await exchange.close()


async def seen(sandbox: Sandbox, watch: Callable[[], Awaitable[Any]]) -> Any:
    """What a watcher is told first, the markets moving until then: ccxt does not say when it listens."""
    watched = asyncio.ensure_future(watch())
    async with asyncio.timeout(20):
        while not watched.done():
            await asyncio.to_thread(sandbox.step)
            await asyncio.sleep(0.05)
    return watched.result()


@pytest.mark.parametrize("symbol", OURS)
async def test_market_data(sandbox: Sandbox, exchange: Any, symbol: str) -> None:
    await exchange.load_markets()
    ours = Symbol.parse(OURS[symbol])
    contract = exchange.market(symbol)["contractSize"] or 1
    book = await seen(sandbox, lambda: exchange.watch_order_book(symbol))
    await asyncio.to_thread(sandbox.step, 20)  # its book follows ours through every update
    true = sandbox.inspect("okx", lambda exchange: exchange.book(ours, 400))
    async with asyncio.timeout(10):
        while (book := exchange.orderbooks[symbol])["nonce"] != true.sequence:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for side, levels in (("bids", true.bids), ("asks", true.asks)):
        expected = [(float(level.price), float(level.quantity)) for level in levels]
        assert [(price, pytest.approx(size * contract)) for price, size, *_ in book[side]] == expected
    trades = await seen(sandbox, lambda: exchange.watch_trades(symbol))
    assert trades[-1]["side"] in ("buy", "sell")
    ticker = await seen(sandbox, lambda: exchange.watch_ticker(symbol))
    assert ticker["bid"] < ticker["ask"]
    (bar, *_) = await seen(sandbox, lambda: exchange.watch_ohlcv(symbol, "1m"))
    assert bar[0] % 60_000 == 0


@pytest.mark.parametrize("symbol", OURS)
async def test_orders_are_watched_and_placed(exchange: Any, symbol: str) -> None:
    async with asyncio.timeout(20):
        await exchange.load_markets()
        price = exchange.price_to_precision(symbol, (await exchange.fetch_ticker(symbol))["last"] * 0.9)
        watched = asyncio.create_task(exchange.watch_orders(symbol))
        order = None
        while not watched.done():
            if order is not None:
                await exchange.cancel_order(order["id"], symbol)
            order = await exchange.create_order_ws(symbol, "limit", "buy", 1, price)
            await asyncio.sleep(0.2)
        told = (await watched)[-1]
        assert (told["symbol"], told["side"], told["amount"]) == (symbol, "buy", 1)
        await exchange.cancel_order_ws(order["id"], symbol)
        assert (await exchange.fetch_order(order["id"], symbol))["status"] == "canceled"


async def test_balances_are_watched(exchange: Any) -> None:
    balance = await asyncio.wait_for(exchange.watch_balance(), 10)
    assert balance["USDT"]["free"] > 0
