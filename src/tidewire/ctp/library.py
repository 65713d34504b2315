"""Which of the vendor's libraries are on this machine, and what they offer."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tidewire import _ctp

from ..errors import ConfigError, CtpIncompatible
from . import schema

__all__ = ["Library", "choose_libraries", "find_libraries"]

Places = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None
Kind = Literal["market", "trader"]

# Packages on PyPI that carry the vendor's libraries. They are located, never imported.
_PACKAGES = ("openctp_ctp", "vnpy_ctp")
# libthostmduserapi_se.so, thosttraderapi_se.so, libthostmduserapi_se-9c6d321f.so (renamed by auditwheel) …
_NAME = re.compile(r"(lib)?thost(mduser|trader)api(_se)?([-.]\w+)*\.so")
# v6.6.9_20220914  9:57:19.2466, or 6.3.15_20190220 15:47:00 without the v.
_VERSION = re.compile(r"v?(\d+\.\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class Library:
    """A file that could be a CTP library, and what loading it showed.

    ``kind`` is ``"market"`` or ``"trader"``; ``version`` is the number such as ``"6.7.11"`` and ``build`` the whole
    text that the library gives; ``problem`` says why a file is of no use, and is ``None`` for one that is.
    """

    path: Path
    kind: Kind | None = None
    version: str | None = None
    build: str | None = None
    problem: str | None = None
    factory: str = field(default="", repr=False, compare=False)  # the exported Create, whose name tells what it takes


def find_libraries(search_paths: Iterable[str | os.PathLike[str]] | None = None) -> list[Library]:
    """Report the CTP libraries in the files and folders given, with their versions.

    Without ``search_paths``: in ``TIDEWIRE_CTP_PATH`` (several are separated as in ``PATH``), then in the installed
    packages ``openctp_ctp`` and ``vnpy_ctp``. Folders are read one level deep and by the vendor's file names; a file
    named outright is tried whatever its name. A file that defines the vendor's symbols is loaded and let go again, so
    name only files that you trust: a library runs code when it is loaded. A file of no use is reported with its
    ``problem``, never raised.
    """
    places = _default_paths() if search_paths is None else map(Path, search_paths)
    # Absolute, because the dynamic linker looks for a bare name elsewhere than in the working folder.
    files = dict.fromkeys(file.absolute() for place in places for file in _candidates(place))
    return [library for file in files for library in _probe(file)]


def choose_libraries(places: Places) -> dict[Kind, Library]:
    """Return the first library that has a schema and, of the same version, the first of the other kind.

    ``places`` are as for ``load``. Raises ``ConfigError`` and ``CtpIncompatible`` where there is none.
    """
    found = find_libraries(_search_paths(places))
    usable = [one for one in found if one.version in schema.versions()]
    if not usable:
        raise _nothing_usable(places, found)
    kinds: dict[Kind, Library] = {}
    for one in usable:
        if one.version == usable[0].version and one.kind is not None:
            kinds.setdefault(one.kind, one)
    return kinds


def _search_paths(places: Places) -> Iterable[str | os.PathLike[str]] | None:
    if places == "sim":
        return [Path(_ctp.__file__).with_name("libtidewire_ctp_sim.so")]  # built beside the binding
    if isinstance(places, (str, os.PathLike)):
        return [places]
    if places is None or isinstance(places, Iterable):
        return places
    raise ConfigError(f"library is a file, a folder, several of them or 'sim', not {places!r}")


def _nothing_usable(places: Places, found: list[Library]) -> Exception:
    for one in found:
        if one.version is not None:
            supported = ", ".join(schema.versions())
            return CtpIncompatible(f"{one.path} is CTP {one.version} ({one.build}); supported are {supported}")
    if found:
        return ConfigError("no CTP library: " + "; ".join(f"{one.path}: {one.problem}" for one in found))
    if places is not None:
        return ConfigError(f"no CTP library in {places}")
    return ConfigError("no CTP library: install openctp-ctp or vnpy_ctp, or name its folder in TIDEWIRE_CTP_PATH")


def _default_paths() -> Iterator[Path]:
    yield from (Path(part) for part in os.environ.get("TIDEWIRE_CTP_PATH", "").split(os.pathsep) if part)
    for name in _PACKAGES:
        spec = find_spec(name)
        for folder in map(Path, spec.submodule_search_locations or () if spec else ()):
            beside = folder.with_name(f"{name}.libs")  # where auditwheel puts a wheel's libraries
            yield from (place for place in (folder, folder / "api", beside) if place.is_dir())


def _candidates(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    try:
        yield from sorted(file for file in place.iterdir() if _NAME.fullmatch(file.name))
    except OSError:
        yield place  # a folder that cannot be listed is reported like a file that cannot be read


def _probe(file: Path) -> Iterator[Library]:
    offers, problem = _ctp.probe(os.fsencode(file))
    if problem:
        yield Library(file, problem=problem)
    for offered, build, factory in offers:
        kind: Kind = "market" if offered == "market" else "trader"
        number = _VERSION.match(build)
        if number:
            yield Library(file, kind, number[1], build, factory=factory)
        else:
            yield Library(file, kind, None, build, f"does not tell its version: {build!r}", factory)
