"""What an installation says of itself: which of its numbers stands for which contract month.

How these tables are laid out is known from one public source each, and only in part: that ``sys/MarketIni/Market*.ini``
are INI files in GBK, and that ``WHData/CodeTable/*.dat`` are protocol buffers whose entries hold the number in field 2.
So an entry is taken when exactly one thing in it can be the number and exactly one the code; everything else is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ..errors import ConfigError
from ..futures.products import Exchange, product

__all__ = ["Catalogue", "Listing", "inside", "month_of", "read_catalogue"]

_NUMBER = re.compile(r"[1-9]\d{3,7}|0\d{7}")
_CODE = re.compile(r"([A-Za-z]{1,2})(\d{2}|\d{3,4})")
_FIELDS = re.compile(r"[\s=,|;:]+")
_COMMENT = re.compile(r"#|//|;|；")
_ENTRY_NUMBER = 2  # the field of an entry that holds its number

# Which exchange a file of MarketIni belongs to; one public source.
_MARKETS: Final[Mapping[str, Exchange]] = {
    "market2.ini": "CZCE",
    "market3.ini": "DCE",
    "market4.ini": "SHFE",
    "market5.ini": "SHFE",
    "market30.ini": "INE",
    "market47.ini": "CFFEX",
}


_Reader = Callable[[Path], Iterator[list[str]]]


class Listing(msgspec.Struct, frozen=True, order=True):
    """One of the terminal's numbers: the contract month that it stands for, year after year, and who says so.

    ``product`` and ``month`` as the exchange has them (``rb``, 10); ``name`` is the terminal's. ``source`` is the table
    that has it; all of them but your own ``codes`` are known from single public sources.
    """

    number: int
    product: str
    month: int
    name: str
    source: str


class Catalogue(NamedTuple):
    """What could be read, by number, and what could not, in words."""

    listings: dict[int, Listing]
    doubts: tuple[str, ...]


class _Doubt(Exception):
    """An entry that could mean several things."""


def month_of(code: str) -> tuple[str, int]:
    """Read a product's code and a delivery month: of ``rb10``, ``rb2610`` or ``SR701``. Raises ``ConfigError``."""
    match = _CODE.fullmatch(code)
    month = int(match[2][-2:]) if match else 0
    if match is None or not 1 <= month <= 12:
        raise ConfigError(f"{code!r} is no product with a delivery month, such as rb10")
    return product(match[1]).code, month


def read_catalogue(root: Path, codes: Mapping[int, str]) -> Catalogue:
    """Read every table under an installation; ``codes`` are the user's own, which win."""
    found: dict[int, Listing] = {}
    contradicted: set[int] = set()
    doubts: list[str] = []
    for path, read in _tables(root):
        source = path.relative_to(root).as_posix()
        unread = 0
        try:
            entries = list(read(path))
        except (_Doubt, UnicodeDecodeError) as error:
            doubts.append(f"{source} cannot be read: {error}")
            continue
        for fields in entries:
            listing = _listing(fields, source)
            if listing is None or not _belongs(listing, path):
                unread += 1
            elif _differs(found.setdefault(listing.number, listing), listing):
                contradicted.add(listing.number)
        if unread:
            doubts.append(f"{source}: {unread} of {len(entries)} entries are not understood")
    for number in sorted(contradicted - set(codes)):
        del found[number]
        doubts.append(f"the tables contradict each other about {number}")
    for number, text in codes.items():
        code, month = month_of(text)
        found[number] = Listing(number, code, month, "", "codes")
    return Catalogue(dict(sorted(found.items())), tuple(doubts))


def inside(folder: Path, *names: str) -> Path | None:
    """Go down into a folder by names whose letters' case does not matter, as on Windows; ``None`` if there is none."""
    for name in names:
        if not folder.is_dir():
            return None
        hits = [each for each in sorted(folder.iterdir()) if each.name.lower() == name.lower()]
        if not hits:
            return None
        folder = hits[0]
    return folder


def _tables(root: Path) -> Iterator[tuple[Path, _Reader]]:
    ini, code_table = inside(root, "sys", "MarketIni"), inside(root, "WHData", "CodeTable")
    for path in sorted(ini.iterdir()) if ini is not None else ():
        if path.name.lower() in _MARKETS:  # others are of stocks, and of markets abroad
            yield path, _ini
    for path in sorted(code_table.iterdir()) if code_table is not None else ():
        if path.suffix.lower() == ".dat":
            yield path, _protobuf


def _listing(fields: Iterable[str], source: str) -> Listing | None:
    """Make a listing of an entry's texts, where only one reading of them is possible."""
    texts = list(fields)
    numbers = {int(each) for each in texts if _NUMBER.fullmatch(each)}
    months = set()
    for text in texts:
        try:
            months.add(month_of(text))
        except ConfigError:
            continue
    if len(numbers) != 1 or len(months) != 1:
        return None
    names = [each for each in texts if not each.isascii()]
    (code, month), name = months.pop(), names[0] if len(names) == 1 else ""
    return Listing(numbers.pop(), code, month, name, source)


def _belongs(listing: Listing, path: Path) -> bool:
    return product(listing.product).exchange == _MARKETS.get(path.name.lower(), product(listing.product).exchange)


def _differs(one: Listing, other: Listing) -> bool:
    return (one.product, one.month) != (other.product, other.month)


# The two kinds of tables: each gives the texts of its entries.


def _ini(path: Path) -> Iterator[list[str]]:
    for line in path.read_bytes().decode("gb18030").splitlines():
        text = _COMMENT.split(line.strip(), maxsplit=1)[0]
        fields = [each for each in _FIELDS.split(text) if each]
        # Settings of the file itself have no number in them.
        if not text.startswith("[") and any(_NUMBER.fullmatch(each) for each in fields):
            yield fields


def _protobuf(path: Path) -> Iterator[list[str]]:
    for _, entry in _parts(path.read_bytes()):
        if isinstance(entry, bytes):
            parts = list(_parts(entry))
            numbers = [str(value) for field, value in parts if field == _ENTRY_NUMBER and isinstance(value, int)]
            yield numbers + [value.decode("gb18030") for _, value in parts if isinstance(value, bytes)]


def _parts(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield a message's fields: numbers, and what has a length.

    See: https://protobuf.dev/programming-guides/encoding/
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield field, value
            continue
        length = {1: 8, 5: 4}.get(wire)
        if wire == 2:
            length, at = _varint(data, at)
        if length is None or field == 0 or at + length > len(data):
            raise _Doubt(f"what is at byte {at} is no field of a protocol buffer")
        if wire == 2:
            yield field, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at == len(data):
            break
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise _Doubt(f"the number at byte {at} has no end")
