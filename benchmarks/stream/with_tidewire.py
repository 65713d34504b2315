"""The recorded venue through tidewire's ``watch_book``."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version

from lap import Lap, ports

import tidewire as tw
from tidewire._livebook import LiveBook


async def main() -> None:
    rest, stream = ports()
    lap = Lap(rest)
    if "marks" in sys.argv:
        note_changes(lap)
    async with tw.AsyncClient(
        "binance", base_url=f"http://127.0.0.1:{rest}", stream_url=f"ws://127.0.0.1:{stream}"
    ) as client:
        # As for ccxt: played in seconds, the price leaves a thousand levels before others are fetched.
        async with client.watch_book("BTC-USDT", 5000) as books:
            async for book in books:
                if book.sequence == lap.lead:
                    lap.go()
                elif book.sequence == lap.last:
                    lap.stop()
                    book.require_live()
                    lap.tell(f"tidewire {version('tidewire')}", *book.arrays(500).tolist())
                    break


def note_changes(lap: Lap) -> None:
    """Take the time as soon as a book has changed, before any reader runs."""
    tell = LiveBook._tell

    def told(live: LiveBook) -> None:
        lap.mark(0 if live._book is None else live._book.sequence or 0)
        tell(live)

    LiveBook._tell = told  # type: ignore[method-assign]


asyncio.run(main())
