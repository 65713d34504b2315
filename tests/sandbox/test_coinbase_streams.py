"""Both of Coinbase's feeds as the sandbox speaks them, heard by a bare socket and by our own client."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw
from tidewire.book import Guarantee
from tidewire.sandbox import Sandbox

from .listener import Listener, listen

EXCHANGE, ADVANCED = "coinbase", "coinbase_advanced"
BTC = "BTC-USD"


@pytest.fixture
async def market() -> AsyncIterator[Sandbox]:
    async with Sandbox((EXCHANGE, ADVANCED), pace=None, levels=20) as running:
        yield running


def levels(pairs: Any) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(size) for price, size in pairs}


async def step(market: Sandbox, times: int = 1) -> None:
    await asyncio.to_thread(market.step, times)


# Exchange.


async def ask(listener: Listener, **message: Any) -> dict[str, Any]:
    listener.send(**message)
    answer: dict[str, Any] = await listener.next()
    return answer


async def test_exchange_lists_all_that_is_subscribed_and_then_begins(market: Sandbox) -> None:
    async with listen(market, "/", EXCHANGE) as listener:
        first = await ask(listener, type="subscribe", product_ids=[BTC], channels=["level2_batch", "heartbeat"])
        assert first["type"] == "subscriptions"
        assert {row["name"]: row["product_ids"] for row in first["channels"]} == {
            "level2_batch": [BTC],
            "heartbeat": [BTC],
        }
        snapshot = await listener.next()
        assert (snapshot["type"], snapshot["product_id"], len(snapshot["bids"])) == ("snapshot", BTC, 20)
        book = {"buy": levels(snapshot["bids"]), "sell": levels(snapshot["asks"])}
        for _ in range(5):
            await step(market)
            for update in await listener.until(lambda frame: frame["type"] == "l2update"):
                for side, price, size in update.get("changes", ()):
                    book[side][Decimal(price)] = Decimal(size)
        truth = market.inspect(EXCHANGE, lambda exchange: exchange.book(tw.Symbol.parse(BTC), 10**6))
        for side, held in ((truth.bids, book["buy"]), (truth.asks, book["sell"])):
            assert {level.price: level.quantity for level in side} == {p: q for p, q in held.items() if q}
        beat = await listener.until(lambda frame: frame["type"] == "heartbeat")
        assert {"sequence", "last_trade_id", "product_id", "time"} <= beat[-1].keys()
        then = await ask(listener, type="unsubscribe", channels=["level2_batch", "heartbeat"])
        while then["type"] != "subscriptions":
            then = await listener.next()
        assert then["channels"] == []


async def test_exchange_names_the_makers_side_and_counts_trades(market: Sandbox) -> None:
    async with listen(market, "/", EXCHANGE) as listener:
        channels = [{"name": name, "product_ids": [BTC]} for name in ("matches", "ticker")]
        await ask(listener, type="subscribe", channels=channels)
        last, ticker = await listener.drained(2)
        assert (last["type"], ticker["type"]) == ("last_match", "ticker")
        await step(market, 20)
        frames = await listener.until(lambda frame: frame["type"] == "ticker" and not listener.frames.qsize())
        matches = [last, *(frame for frame in frames if frame["type"] == "match")]
        assert all(after["trade_id"] == before["trade_id"] + 1 for before, after in itertools.pairwise(matches))
        tape = market.inspect(EXCHANGE, lambda exchange: exchange.trades(tw.Symbol.parse(BTC), 100))
        sides = {int(trade.trade_id): trade.side for trade in tape}
        assert all(match["side"] != sides[match["trade_id"]] for match in matches[1:])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "subscribe", "channels": ["level2"], "product_ids": [BTC]}, "authentication"),
        ({"type": "subscribe", "channels": ["user"], "product_ids": [BTC]}, "authentication"),
        ({"type": "subscribe", "channels": ["matches"], "product_ids": ["FOO-USD"]}, "FOO-USD is not a valid product"),
        ({"type": "subscribe", "channels": ["candles"], "product_ids": [BTC]}, "candles is not a valid channel"),
        ({"type": "subscribe", "channels": ["matches"]}, "products"),
        ({"type": "subscribe"}, "channels"),
        ({"type": "login"}, "login"),
    ],
)
async def test_exchange_refuses_in_words(market: Sandbox, message: dict[str, Any], reason: str) -> None:
    async with listen(market, "/", EXCHANGE) as listener:
        answer = await ask(listener, **message)
        assert answer["type"] == "error"
        assert reason in answer["reason"]


# Advanced.


async def test_advanced_counts_every_message_of_a_connection(market: Sandbox) -> None:
    async with listen(market, "/", ADVANCED) as listener:
        for channel in ("heartbeats", "level2", "market_trades", "ticker", "candles"):
            listener.send(type="subscribe", channel=channel, product_ids=[BTC])
        await step(market, 3)
        frames = await listener.until(lambda frame: frame["channel"] == "heartbeats")
        assert [frame["sequence_num"] for frame in frames] == list(range(len(frames)))
        seen = {frame["channel"] for frame in frames}
        assert seen == {"subscriptions", "l2_data", "market_trades", "ticker", "candles", "heartbeats"}
        firsts = {name: next(f for f in frames if f["channel"] == name) for name in seen - {"subscriptions"}}
        assert all(first["events"][0]["type"] == "snapshot" for n, first in firsts.items() if n != "heartbeats")


async def test_advanced_gives_the_usd_book_to_who_asks_for_usdc(market: Sandbox) -> None:
    async with listen(market, "/", ADVANCED) as listener:
        listener.send(type="subscribe", channel="level2", product_ids=["BTC-USDC"])
        acknowledged, snapshot = await listener.drained(2)
        assert acknowledged["events"] == [{"subscriptions": {"level2": [BTC]}}]
        assert snapshot["events"][0]["product_id"] == BTC


@pytest.mark.parametrize(
    "message",
    [
        {"type": "subscribe", "channel": "user"},
        {"type": "subscribe", "channel": "user", "jwt": "a.b.c"},
        {"type": "subscribe", "channel": "level3", "product_ids": [BTC]},
        {"type": "subscribe", "channel": "level2", "product_ids": ["FOO-USD"]},
        {"type": "subscribe", "channel": "level2"},
        {"type": "login"},
    ],
)
async def test_advanced_refuses_in_words(market: Sandbox, message: dict[str, Any]) -> None:
    async with listen(market, "/", ADVANCED) as listener:
        answer = await ask(listener, **message)
        assert answer["type"] == "error"
        assert answer["message"]


async def test_a_client_that_says_too_much_is_cut_off(market: Sandbox) -> None:
    async with listen(market, "/", ADVANCED) as listener:
        for _ in range(9):
            listener.send(type="subscribe", channel="heartbeats")
        assert "rate limit" in await asyncio.wait_for(listener.closed, 5)


# Our own client.


@pytest.mark.parametrize("venue", [EXCHANGE, ADVANCED])
async def test_trades_and_tickers(market: Sandbox, venue: str) -> None:
    async with tw.AsyncClient(venue, environment=market) as client, asyncio.timeout(20):
        async with client.watch_trades(BTC) as tape, client.watch_ticker(BTC) as tickers:
            last = await anext(tape)
            before = await client.fetch_trades(BTC, 1)
            assert last == before[0]
            await anext(tickers)
            trades = [last]
            while len(trades) < 10:
                await step(market)
                truth = await client.fetch_trades(BTC, 50)
                while trades[-1] != truth[-1]:
                    trades.append(await anext(tape))
            assert trades == truth[-len(trades) :]
            ticker = await anext(tickers)
            book = await client.fetch_book(BTC, 1)
            while (ticker.bid, ticker.ask) != (book.bids[0].price, book.asks[0].price):
                ticker = await anext(tickers)
            assert ticker.last == (await client.fetch_ticker(BTC)).last
            assert ticker.volume is not None


async def test_trades_that_a_broken_connection_swallowed_are_fetched(market: Sandbox) -> None:
    async with tw.AsyncClient(EXCHANGE, environment=market) as client, asyncio.timeout(30):
        async with client.watch_trades(BTC) as tape:
            trades = [await anext(tape)]
            for kind in ("close", "lose"):
                market.fail(kind, venue=EXCHANGE, path='"type":"match"')  # type: ignore[arg-type]
                await step(market, 20)
                await step(market, 20)
            truth = await client.fetch_trades(BTC, 500)
            while trades[-1] != truth[-1]:
                trades.append(await anext(tape))
            assert trades == truth[-len(trades) :]


async def test_klines_of_five_minutes(market: Sandbox) -> None:
    async with tw.AsyncClient(ADVANCED, environment=market) as client, asyncio.timeout(20):
        async with client.watch_klines(BTC, "5m") as klines:
            forming = await anext(klines)
            assert not forming.closed
            await step(market)
            again = await anext(klines)
            assert again.open_time_ns >= forming.open_time_ns
            assert again.low <= again.close <= again.high
        with pytest.raises(tw.NotSupported, match="5m"):
            client.watch_klines(BTC, "1m")


async def test_a_missing_number_taints_every_book_of_the_connection(market: Sandbox) -> None:
    symbols = (BTC, "ETH-USD")
    async with tw.AsyncClient(ADVANCED, environment=market) as client, asyncio.timeout(20):
        async with client.watch_book(symbols[0]) as one, client.watch_book(symbols[1]) as other:
            books = [await anext(one), await anext(other)]
            market.fail("lose", venue=ADVANCED, path=symbols[0])
            while not all(stream.stats.resyncs for stream in (one, other)):
                await step(market)
                await asyncio.sleep(0.01)
            assert all(book.guarantee is Guarantee.CONNECTION for book in books)
            assert sum(connection.missing for connection in client.streams.stats().connections) == 1


async def test_exchange_s_book_says_that_it_proves_nothing(market: Sandbox) -> None:
    async with tw.AsyncClient(EXCHANGE, environment=market) as client, asyncio.timeout(20):
        async with client.watch_book(BTC) as books:
            assert (await anext(books)).guarantee is Guarantee.NONE


@pytest.mark.parametrize("venue", [EXCHANGE, ADVANCED])
async def test_an_unknown_product_is_told_before_anything_is_subscribed(market: Sandbox, venue: str) -> None:
    async with tw.AsyncClient(venue, environment=market) as client, asyncio.timeout(20):
        with pytest.raises(tw.UnknownSymbol):
            await anext(client.watch_book("FOO-USD"))


@pytest.mark.parametrize("venue", [EXCHANGE, ADVANCED])
async def test_a_whole_book_in_one_message(venue: str) -> None:
    """As large as Bitcoin's was when it was recorded, on each side: 2 and 10 MB."""
    async with Sandbox(venue, pace=None, levels=46_000) as sandbox:
        async with tw.AsyncClient(venue, environment=sandbox) as client, asyncio.timeout(60):
            async with client.watch_book(BTC) as books:
                book = await anext(books)
                assert (book.bid_count, book.ask_count) == (46_000, 46_000)


async def test_a_fill_that_the_feed_lost_is_found_when_its_order_is_done(market: Sandbox) -> None:
    """The messages are not numbered, but a filled order is filled whole."""
    key = market.credentials(EXCHANGE)
    async with tw.AsyncClient(EXCHANGE, environment=market, credentials=key) as client, asyncio.timeout(30):
        async with client.watch_orders() as orders:
            resting = await rest(client)
            while (await anext(orders)).order_id != resting.order_id:
                pass
            market.fail("lose", venue=EXCHANGE, path='"type":"match"')
            placed = await client.create_order(BTC, side="buy", type="market", quantity="0.01")
            seen = [await anext(orders)]
            while not (seen[-1].order_id == placed.order_id and seen[-1].status.is_final):
                seen.append(await anext(orders))
            fills = await client.fetch_fills(BTC)
            told = [fill for order in seen for fill in order.fills]
            assert [(fill.fill_id, fill.quantity, fill.fee) for fill in told] == [
                (fill.fill_id, fill.quantity, fill.fee) for fill in fills
            ]
            assert seen[-1].filled == Decimal("0.01")


async def rest(client: tw.AsyncClient) -> tw.Order:
    """Place an order that nobody takes: once it is told of, the stream has begun."""
    price = (await client.instrument(BTC)).round_price((await client.fetch_price(BTC)) * 9 / 10)
    return await client.create_order(BTC, side="buy", type="limit", quantity="0.01", price=price)
