"""A live order book for five seconds. Runs against the local sandbox; pass --live for Binance."""

import asyncio
import sys
from contextlib import nullcontext

import tidewire as tw


async def follow(environment: object) -> None:
    async with tw.AsyncClient("binance", environment=environment) as binance:
        async with asyncio.timeout(5):
            async for book in binance.watch_book("BTC-USDT"):
                bid, ask = book.best_bid, book.best_ask
                if book.state == tw.BookState.LIVE and bid and ask:
                    print(f"{book.sequence}  {bid.quantity} @ {bid.price}  |  {ask.price} @ {ask.quantity}")
                else:
                    print(book.state)


with nullcontext("live") if "--live" in sys.argv else tw.sandbox.Sandbox("binance") as place:
    try:
        asyncio.run(follow(place))
    except TimeoutError:
        print("five seconds are over")
