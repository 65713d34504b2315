"""Buy, watch the fill, close: Chinese futures on the simulated front, from asyncio."""

import asyncio

from tidewire import ctp

SYMBOL = "rb2610"


async def trade() -> None:
    trading, quotes = "tcp://127.0.0.1:10130", "tcp://127.0.0.1:10131"
    login = {"broker_id": "9999", "user_id": "1", "password": "tidewire", "library": "sim"}
    async with (
        ctp.Market(quotes, **login) as market,
        ctp.Trader(trading, app_id="app", auth_code="0000000000000000", **login) as trader,
        market.watch_ticks(SYMBOL) as ticks,
        trader.watch_fills() as fills,
    ):
        tick = await anext(ticks)
        print(f"{SYMBOL} {tick.bid} | {tick.ask}, trading day {tick.trading_day}")
        await trader.create_order(SYMBOL, side="buy", quantity=1, price=tick.upper_limit, offset="open")
        fill = await anext(fills)
        print(f"bought {fill.quantity} at {fill.price}")
        (close,) = await trader.create_order(
            SYMBOL, side="sell", quantity=1, price=tick.lower_limit, offset="auto", time_in_force="fak"
        )
        fill = await anext(fills)
        print(f"sold {fill.quantity} at {fill.price} ({close.offset})")


asyncio.run(trade())
