"""The recorded venue through cryptofeed's order book feed."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

import cryptofeed.connection as dialling
from cryptofeed import FeedHandler
from cryptofeed.defines import L2_BOOK
from cryptofeed.exchanges import Binance
from lap import Lap, ports


def main() -> None:
    rest, stream = ports()
    lap = Lap(rest)
    dial = dialling.connect
    # It takes no other than TLS addresses: the "s" goes when it dials.
    dialling.connect = lambda address, **options: dial(address.replace("wss://", "ws://"), **options)
    Binance.websocket_endpoints[0].address = f"wss://127.0.0.1:{stream}"
    Binance.rest_endpoints[0].address = f"http://127.0.0.1:{rest}"
    handler = FeedHandler(config={"uvloop": True, "log": {"disabled": True}})

    async def on_book(book: Any, receipt_timestamp: float) -> None:
        if book.sequence_number == lap.lead:
            lap.go()
        elif book.sequence_number == lap.last:
            lap.stop()
            sides = ([(p, side[p]) for p in list(side.keys())[:500]] for side in (book.book.bids, book.book.asks))
            lap.tell(f"cryptofeed {version('cryptofeed')}", *sides)
            asyncio.get_running_loop().stop()

    handler.add_feed(Binance(symbols=["BTC-USDT"], channels=[L2_BOOK], callbacks={L2_BOOK: on_book}))
    asyncio.set_event_loop(asyncio.new_event_loop())
    handler.run(install_signal_handlers=False)


main()
