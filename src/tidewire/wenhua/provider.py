"""Wenhua: what a terminal stores on this machine, as a provider of ``tidewire.futures.Futures``."""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections.abc import Mapping
from typing import Unpack

from ..errors import UnknownSymbol
from ..futures.bars import Bars
from ..futures.calendar import Calendar
from ..futures.contracts import Contract
from ..futures.expiry import LastDay
from ..futures.watch import Watch
from ..symbols import Interval
from .dat import Reading
from .install import open_install
from .watch import Watch as FileWatch

__all__ = ["Wenhua"]


class Wenhua:
    """Bars of an installation, or of a copy of one; live ones as the terminal writes them, a minute late at most.

    Arguments and errors as ``open_install`` has them; ``tick``, ``layout``, ``time_base``, ``stamp`` as ``read_dat``.
    """

    capabilities = frozenset({"fetch_contracts", "fetch_klines", "watch_klines"})

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        codes: Mapping[int, str] | None = None,
        calendar: Calendar | None = None,
        last_day: LastDay | None = None,
        name: str = "wenhua",
        **reading: Unpack[Reading],
    ) -> None:
        self.name = name
        self._reading = reading
        self._install = open_install(path, codes=codes, calendar=calendar, last_day=last_day)

    def __repr__(self) -> str:
        return f"Wenhua({os.fspath(self._install.root)!r})"

    def fetch_contracts(self, product: str) -> list[Contract]:
        """Contracts of a product of which a file of bars has some, by 1-minute bars or longer ones."""
        found: set[Contract] = set()
        for listing in self._install.contracts():
            if listing.product == product:
                for interval in {file.interval for file in self._install.files(number=listing.number)}:
                    if interval is not None and str(interval)[-1] not in "wM":
                        found.update(self._install.chain(listing.number, interval, **self._reading))
        return sorted(found)

    def fetch_klines(self, contract: Contract, interval: Interval, start: int | None, end: int | None) -> Bars:
        """Bars that the terminal has stored, read anew each time."""
        chain = self._install.chain(contract, interval, **self._reading)
        if contract not in chain:
            raise UnknownSymbol(f"the file of {contract}'s month has {', '.join(map(str, chain))}")
        return chain[contract]

    def watch_klines(self, contract: Contract, interval: Interval) -> GrowingBars:
        """Bars that the terminal adds to its file from now on."""
        return GrowingBars(self._install.watch(contract, interval, **self._reading))


class GrowingBars(Watch[Bars]):
    """A file that grows, for one reader."""

    def __init__(self, file: FileWatch, every_s: float = 1.0) -> None:
        self._file = file
        self._every_s = every_s
        self._closed = threading.Event()
        self._file.poll()  # what is there already is history

    def next(self, timeout: float | None = None) -> Bars | None:
        """Bars that have come, ``None`` at the end; ``TimeoutError`` after ``timeout`` seconds without any."""
        until = math.inf if timeout is None else time.monotonic() + timeout
        while not self._closed.is_set():
            bars = self._file.poll()
            if bars is not None:
                return bars
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self._file.path} did not grow within {timeout} s")
            self._closed.wait(min(self._every_s, left))
        return None

    async def __anext__(self) -> Bars:
        while not self._closed.is_set():
            bars = await asyncio.to_thread(self._file.poll)
            if bars is not None:
                return bars
            await asyncio.sleep(self._every_s)
        raise StopAsyncIteration

    def close(self) -> None:
        """End the stream. Repeating it is harmless."""
        self._closed.set()
