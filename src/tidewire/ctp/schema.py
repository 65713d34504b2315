"""What each version of the vendor's API looks like: its types, structs and the order of its virtual methods.

The vendor inserts methods in the middle of its classes and fields in the middle of its structs, so every version needs
its own map. The folder ``versions`` holds one text file each: the oldest in full, every other one as its differences
from the one before. ``tools/ctp_schema.py`` writes such a file from a vendor's headers. This module needs nothing but
the standard library, so that a build can read the same files by path.

Names are the vendor's without ``CThostFtdc…Field``, ``TThostFtdc`` and ``THOST_FTDC_``. A file reads like this::

    base 6.7.11
    types
    DirectionType char D Buy=0 Sell=1
    InstrumentIDType char[81]
    drop SessionType
    struct RspUserLogin
    after INETime
    SysVersion SysVersionType
    drop struct ReqUserLoginSC
    class TraderApi
    after ReqAuthenticate
    int ReqUserLogin(ReqUserLogin*, int)

Lines below ``struct`` and ``class`` are added behind the member that ``after`` names, or before the ``first``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Field", "Method", "Schema", "Struct", "Type", "load", "versions"]

FOLDER = Path(__file__).with_name("versions")

_SIZES = {"char": 1, "short": 2, "int": 4, "double": 8}
_TYPE = re.compile(r"(\w+) (char|short|int|double)(?:\[(\d+)\])?(?: (\w+)((?: \w+=\S+)+))?")
_METHOD = re.compile(r"(void|int|const char\*) (\w+)\((.*)\)")


@dataclass(frozen=True, slots=True)
class Type:
    """A type of the vendor's: ``count`` is 0 for a single value; ``values`` maps the names of an enumeration."""

    name: str
    c_type: str
    count: int = 0
    prefix: str = ""
    values: Mapping[str, str] | None = None

    @property
    def size(self) -> int:
        return _SIZES[self.c_type] * (self.count or 1)


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a struct, at ``offset`` bytes."""

    name: str
    type: Type
    offset: int


@dataclass(frozen=True, slots=True)
class Struct:
    """Layout of a struct; sizes in bytes. Natural alignment: the vendor packs nothing."""

    name: str
    size: int
    align: int
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A virtual method; its place in its class is its slot. ``parameters`` are C types such as ``InputOrder*``."""

    name: str
    returns: str
    parameters: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.returns} {self.name}({', '.join(self.parameters)})"


@dataclass(frozen=True, slots=True)
class Schema:
    """One version of the API. ``classes`` are ``MdApi``, ``MdSpi``, ``TraderApi`` and ``TraderSpi``, in slot order."""

    version: str
    types: Mapping[str, Type]
    structs: Mapping[str, Struct]
    classes: Mapping[str, tuple[Method, ...]]

    @property
    def constants(self) -> dict[str, str]:
        """The vendor's enumeration constants, such as ``THOST_FTDC_D_Buy`` = ``"0"``."""
        return {
            f"THOST_FTDC_{kind.prefix}_{name}": value
            for kind in self.types.values()
            for name, value in (kind.values or {}).items()
        }


def versions() -> tuple[str, ...]:
    """Return the versions that have a schema, oldest first."""
    return tuple(sorted((file.stem for file in FOLDER.glob("*.txt")), key=_number))


@cache
def load(version: str) -> Schema:
    """Read the schema of a version such as ``"6.7.11"``; ``KeyError`` for one that is not in ``versions()``."""
    if version not in versions():
        raise KeyError(version)
    source = Source()
    source.read(version)
    types = source.types
    structs = {name: lay_out(name, fields.values(), types) for name, fields in source.structs.items()}
    classes = {name: tuple(map(parse_method, methods.values())) for name, methods in source.classes.items()}
    return Schema(version, types, structs, classes)


def lay_out(name: str, fields: Iterable[str], types: Mapping[str, Type]) -> Struct:
    """Place fields, each written ``Name Type``, by natural alignment as every compiler does here."""
    placed, end, align = [], 0, 1
    for field, _, kind in (line.partition(" ") for line in fields):
        size = _SIZES[types[kind].c_type]
        offset = -(-end // size) * size
        placed.append(Field(field, types[kind], offset))
        end, align = offset + types[kind].size, max(align, size)
    return Struct(name, -(-end // align) * align, align, tuple(placed))


def parse_type(line: str) -> Type:
    """Read ``DirectionType char D Buy=0 Sell=1``."""
    found = _TYPE.fullmatch(line)
    if not found:
        raise ValueError(f"not a type: {line!r}")
    name, c_type, count, prefix, values = found.groups()
    pairs = dict(pair.split("=", 1) for pair in values.split()) if values else None
    return Type(name, c_type, int(count or 0), prefix or "", pairs)


def parse_method(line: str) -> Method:
    """Read ``int ReqUserLogin(ReqUserLogin*, int)``."""
    found = _METHOD.fullmatch(line)
    if not found:
        raise ValueError(f"not a method: {line!r}")
    returns, name, parameters = found.groups()
    return Method(name, returns, tuple(parameters.split(", ")) if parameters else ())


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


class Source:
    """The files of a version and of those that it is based on, put together line by line.

    Structs and classes are kept as their lines, by the names of their members.
    """

    def __init__(self) -> None:
        self.types: dict[str, Type] = {}
        self.structs: dict[str, dict[str, str]] = {}
        self.classes: dict[str, dict[str, str]] = {}

    def read(self, version: str) -> None:
        lines = (FOLDER / f"{version}.txt").read_text(encoding="utf-8").splitlines()
        section: dict[str, str] | None = None
        block: list[str] = []
        for line in [*lines, "types"]:
            first, _, rest = line.partition(" ")
            if first == "base":
                self.read(rest)
            elif first in {"types", "struct", "class"} or line.startswith("drop struct "):
                self._apply(section, block)
                section, block = self._open(first, rest), []
            elif line:
                block.append(line)

    def _open(self, first: str, rest: str) -> dict[str, str] | None:
        if first == "struct":
            return self.structs.setdefault(rest, {})
        if first == "class":
            return self.classes.setdefault(rest, {})
        if first == "drop":
            del self.structs[rest.removeprefix("struct ")]
        return None

    def _apply(self, section: dict[str, str] | None, block: list[str]) -> None:
        if section is not None:
            edited = dict(_edit(section, block))
            section.clear()
            section.update(edited)
            return
        for line in block:
            if line.startswith("drop "):
                del self.types[line.removeprefix("drop ")]
            else:
                kind = parse_type(line)
                self.types[kind.name] = kind


def _edit(section: Mapping[str, str], block: list[str]) -> Iterator[tuple[str, str]]:
    """Put the lines of a block in their places among the lines of a struct or class."""
    members: list[tuple[str, str]] = list(section.items())
    at = len(members)
    for line in block:
        first, _, rest = line.partition(" ")
        if first == "drop":
            members = [member for member in members if member[0] != rest]
        elif first == "after":
            at = [name for name, _ in members].index(rest) + 1
        elif line == "first":
            at = 0
        else:
            name = line.partition("(")[0].rpartition(" ")[2] if line.endswith(")") else first
            members.insert(at, (name, line))
            at += 1
    yield from members
