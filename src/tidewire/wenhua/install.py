"""An installation of Wenhua's terminal on disk: what it knows, what it has stored, and its bars. Never written to."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final, Unpack

import msgspec

from ..errors import ConfigError, NotSupported
from ..futures.bars import Bars
from ..futures.calendar import Calendar, shipped_calendar
from ..futures.contracts import Contract
from ..futures.expiry import LastDay
from ..futures.symbols import parse_symbol
from ..symbols import Interval, Time, parse_time
from .catalogue import Listing, inside, month_of, read_catalogue
from .chain import split_by_delivery
from .dat import Reading, copy, decode
from .watch import Watch

__all__ = ["DataFile", "Install", "open_install"]

# Folders of bars by their length, as one public program has them.
_PERIODS: Final[Mapping[str, str]] = {
    "min1": "1m",
    "min3": "3m",
    "min5": "5m",
    "min15": "15m",
    "min30": "30m",
    "hour": "1h",
    "hour2": "2h",
    "day": "1d",
    "week": "1w",
    "month": "1M",
}
_FILE = re.compile(r"(\d{8})\.dat", re.IGNORECASE)


class DataFile(msgspec.Struct, frozen=True, order=True):
    """A file of bars: the folder of its market, the folder of its bars' length, and its number.

    ``interval`` is ``None`` for lengths that we cannot read (15 and 30 seconds). ``bytes`` is its size.
    """

    market: str
    period: str
    number: int
    interval: Interval | None
    path: Path
    bytes: int


def open_install(
    path: str | os.PathLike[str],
    *,
    codes: Mapping[int, str] | None = None,
    calendar: Calendar | None = None,
    last_day: LastDay | None = None,
) -> Install:
    """Open the folder in which a terminal of Wenhua's is installed, or a copy of it; nothing in it is ever written to.

    ``codes`` says what numbers stand for, where the installation's tables do not or are wrong: ``{63580: "rb10"}``.
    ``last_day`` gives the last trading day of a contract; ``futures.last_trading_day`` does by default. Raises
    ``ConfigError`` with what was seen for a folder that holds no ``Data``, and for codes that are none.

    Folders and tables are as publicly described, by single sources; no installation was at hand to compare with.
    """
    return Install(Path(path), codes or {}, calendar or shipped_calendar(), last_day)


class Install:
    """A terminal's installation: ``catalogue``, ``files``, and their bars. Safe to share between threads.

    ``catalogue`` has the listings by number, and ``doubts`` says in words what of its tables could not be understood.
    """

    def __init__(self, root: Path, codes: Mapping[int, str], calendar: Calendar, last_day: LastDay | None) -> None:
        data = inside(root, "Data")
        if data is None or not data.is_dir():
            seen = ", ".join(sorted(each.name for each in root.iterdir())[:8]) if root.is_dir() else "no such folder"
            raise ConfigError(f"{root} has no folder Data, so it is no installation of Wenhua's (seen: {seen or '-'})")
        self.root = root
        self.catalogue, self.doubts = read_catalogue(root, codes)
        self._data = data
        self._calendar = calendar
        self._last_day = last_day

    def __repr__(self) -> str:
        return f"<Install {self.root}: {len(self.catalogue)} numbers known, {len(self.files())} files of bars>"

    def files(self, *, number: int | None = None, interval: Interval | str | None = None) -> list[DataFile]:
        """List the files of bars that are there now, by market, length and number; or only some of them."""
        wanted = None if interval is None else Interval.parse(interval)
        found = []
        for path in self._data.glob("*/*/*"):
            match = _FILE.fullmatch(path.name)
            if match is None or not path.is_file():
                continue
            period, text = path.parent.name, _PERIODS.get(path.parent.name.lower())
            length = None if text is None else Interval.parse(text)
            if number in (None, int(match[1])) and wanted in (None, length):
                size = path.stat().st_size
                found.append(DataFile(path.parent.parent.name, period, int(match[1]), length, path, size))
        return sorted(found, key=lambda file: (file.market, file.period, file.number))

    def contracts(self, interval: Interval | str | None = None) -> list[Listing]:
        """List what is known by a code and has a file of bars, of one length or any."""
        numbers = {file.number for file in self.files(interval=interval)}
        return sorted(
            (each for number, each in self.catalogue.items() if number in numbers),
            key=lambda each: (each.product.lower(), each.month),
        )

    def number(self, symbol: Contract | str) -> int:
        """Return the number that a contract (or a month of every year: ``"rb10"``) is kept under.

        Raises ``ConfigError`` where no table has it, or several numbers do.
        """
        code, month = _series(symbol)[:2]
        numbers = [each.number for each in self.catalogue.values() if (each.product, each.month) == (code, month)]
        if not numbers:
            known = " ".join(sorted({each.product for each in self.catalogue.values()}))
            raise ConfigError(
                f"no table of {self.root} says which number {code}{month:02} has (it knows {known or 'none'}); "
                f'give codes={{number: "{code}{month:02}"}}, or read the number'
            )
        if len(numbers) > 1:
            raise ConfigError(f"{code}{month:02} could be any of {numbers}; give codes=, or read the number")
        return numbers[0]

    def file(
        self, what: int | Contract | str, interval: Interval | str = "1m", *, market: str | None = None
    ) -> DataFile:
        """Find the one file of a number or symbol; ``ConfigError`` where there is none, or one in several markets."""
        number = what if isinstance(what, int) else self.number(what)
        found = [each for each in self.files(number=number, interval=interval) if market in (None, each.market)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigError(f"{number} is in several markets: {[each.market for each in found]}; name one by market=")
        others = " ".join(sorted({each.period for each in self.files(number=number)}))
        raise ConfigError(
            f"the terminal has stored no {interval} bars of {what} ({number:08}.dat; of it there are: "
            f"{others or 'none'}). It keeps what somebody has looked at: open it there once"
        )

    def read(
        self,
        what: int | Contract | str,
        interval: Interval | str = "1m",
        *,
        market: str | None = None,
        **reading: Unpack[Reading],
    ) -> Bars:
        """Read the bars of a number, of a month of every year (``"rb10"``), or of one contract (``"rb2610"``).

        A number's bars stand as they are in its file, prices rounded to the tick where its code is known. Those of a
        contract are its share of the number's chain. ``market`` names one where a number has files in several;
        ``tick``, ``layout``, ``time_base`` and ``stamp`` are those of ``read_dat``, which see for what it raises.
        ``ConfigError`` for a contract of which there is no bar.
        """
        if isinstance(what, int) or _series(what)[2] is None:
            return self._whole(what, interval, market, reading)
        contract = _series(what)[2]
        chain = self.chain(what, interval, market=market, **reading)
        if contract not in chain:
            there = ", ".join(map(str, chain))
            raise ConfigError(f"there is no bar of {contract} in the file of its month, which has {there}")
        return chain[contract]

    def chain(
        self,
        what: int | Contract | str,
        interval: Interval | str = "1m",
        *,
        market: str | None = None,
        **reading: Unpack[Reading],
    ) -> dict[Contract, Bars]:
        """Read a number's bars, split by delivery into its contracts, the oldest first; as ``read`` else.

        Where an exchange lists a month more than a year ahead, two contracts of it are traded at a time; which of them
        a number then holds is not known, and taken to be the nearer one.
        """
        whole = self._whole(what, interval, market, reading)
        listing = self.catalogue.get(what) if isinstance(what, int) else None
        if isinstance(what, int) and listing is None:
            raise ConfigError(f"which contracts {what} stands for is not known; give codes={{{what}: …}}")
        code, month = (listing.product, listing.month) if listing is not None else _series(what)[:2]
        return split_by_delivery(whole, code, month, calendar=self._calendar, last_day=self._last_day)

    def watch(
        self,
        what: int | Contract | str,
        interval: Interval | str = "1m",
        *,
        market: str | None = None,
        after: Time | None = None,
        every_s: float = 1.0,
        grace_s: float = 10.0,
        **reading: Unpack[Reading],
    ) -> Watch:
        """Watch the bars of a number, a month of every year or a contract grow: see ``wenhua.watch``."""
        file = self.file(what, interval, market=market)
        contract = None if isinstance(what, int) else _series(what)[2]
        return Watch(
            file.path,
            after=parse_time(after, "after"),
            every_s=every_s,
            grace_s=grace_s,
            code=self._code(file.number),
            interval=interval,
            calendar=self._calendar,
            reading=reading,
            pick=None if contract is None else partial(self._share, contract),
        )

    def _share(self, contract: Contract, bars: Bars) -> Bars:
        """A contract's bars of its number's; none where there are none."""
        parts = split_by_delivery(
            bars, contract.product, contract.month, calendar=self._calendar, last_day=self._last_day
        )
        return parts.get(contract, bars[:0])

    def _code(self, number: int) -> str | None:
        listing = self.catalogue.get(number)
        return None if listing is None else listing.product

    def _whole(
        self,
        what: int | Contract | str,
        interval: Interval | str,
        market: str | None,
        reading: Reading,
    ) -> Bars:
        file = self.file(what, interval, market=market)
        code = self._code(file.number)
        return decode(copy(file.path), file.path, code=code, interval=interval, calendar=self._calendar, **reading)


def _series(symbol: Contract | str | int) -> tuple[str, int, Contract | None]:
    """A symbol's product and month, and the contract if it names one year's."""
    if isinstance(symbol, str) and re.fullmatch(r"[A-Za-z]{1,2}\d{2}", symbol):
        return *month_of(symbol), None
    parsed = parse_symbol(symbol) if isinstance(symbol, str) else symbol
    if not isinstance(parsed, Contract) or parsed.settled:
        raise NotSupported(f"Wenhua's files are read by number, month (rb10) or contract (rb2610), not as {symbol}")
    return parsed.product, parsed.month, parsed
