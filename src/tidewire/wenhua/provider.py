"""Wenhua: what a terminal has stored on this machine, as a provider of ``tidewire.futures.Futures``. History only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Unpack

from ..errors import UnknownSymbol
from ..futures.bars import Bars
from ..futures.calendar import Calendar
from ..futures.contracts import Contract
from ..symbols import Interval
from .chain import LastDay
from .dat import Reading
from .install import open_install

__all__ = ["Wenhua"]


class Wenhua:
    """Bars of an installation, or of a copy of one.

    Arguments and errors as ``open_install`` has them; ``tick``, ``layout``, ``time_base``, ``stamp`` as ``read_dat``.
    """

    capabilities = frozenset({"fetch_contracts", "fetch_klines"})

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
