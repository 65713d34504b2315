"""Check that the schemas number the virtual methods as the vendor's libraries do, by reading the libraries' tables.

    python tools/ctp_vtables.py FILE_OR_FOLDER…        libraries, wheels and source archives that carry them
    python tools/ctp_vtables.py --download FOLDER      the packages on PyPI that carry one library of each version

Nothing is loaded or run: the symbol table and the relocations of the ELF file say which function stands in which slot.
"""

from __future__ import annotations

import argparse
import os
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src/tidewire/ctp"))
import schema  # by path: tidewire itself need not be built

PACKAGES = (
    "openctp-ctp==6.3.15.7 vnpy_ctp==6.5.1.12 ctpwrapper==6.6.1 vnpy_ctp==6.6.7.2 openctp-ctp==6.6.9.9 "
    "openctp-ctp==6.7.2.8 openctp-ctp==6.7.7.1 ctpwrapper==6.7.9 openctp-ctp==6.7.11.0 ctpwrapper==6.7.13"
).split()
LIBRARY = re.compile(r"(?:.*/)?(?:lib)?thost(mduser|trader)api(_se)?([-.]\w+)*\.so")
TABLES = {"MdApi": "_ZTV14CFtdcMdApiImpl", "TraderApi": "_ZTV18CFtdcTraderApiImpl"}
VERSION = re.compile(rb"v?(\d+\.\d+\.\d+)_\w*20\d{6}[ \d:.]*")
SYMTAB, RELA, DYNSYM = 2, 4, 11  # section types
R_64, R_RELATIVE = 1, 8  # relocations of x86-64


class Elf:
    """As much of a 64-bit ELF file as its function tables need."""

    def __init__(self, data: bytes) -> None:
        if data[:5] != b"\x7fELF\x02":
            raise ValueError("no 64-bit ELF file")
        self.data = data
        (start,) = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, start + at * size) for at in range(count)]
        self.symbols = list(self._symbols())

    def _symbols(self) -> Iterator[tuple[str, int]]:
        for _, kind, _, _, offset, size, link, _, _, entry in self.sections:
            if kind != DYNSYM:
                continue
            names = self.sections[link][4]
            for at in range(offset, offset + size, entry):
                name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
                yield self.data[names + name : self.data.index(b"\0", names + name)].decode("latin1"), value

    def pointers(self) -> Iterator[tuple[int, int]]:
        """Addresses of pointers and where they point, as the dynamic linker would fill them in."""
        for _, kind, _, _, offset, size, _, _, _, entry in self.sections:
            if kind != RELA:
                continue
            for at in range(offset, offset + size, entry):
                place, info, addend = struct.unpack_from("<QQq", self.data, at)
                if info & 0xFFFFFFFF == R_RELATIVE:
                    yield place, addend
                elif info & 0xFFFFFFFF == R_64:
                    yield place, self.symbols[info >> 32][1] + addend


def method(mangled: str) -> str:
    """Name of the method that ``_ZN14CFtdcMdApiImpl7ReleaseEv`` is; empty for other symbols."""
    found = re.match(r"_ZNK?(\d+)", mangled)
    if not found:
        return ""
    rest = mangled[found.end() + int(found[1]) :]
    length = re.match(r"\d+", rest)
    return rest[length.end() : length.end() + int(length[0])] if length else ""


def check(data: bytes) -> str:
    """Say what one library is and where its slots differ from the schema."""
    elf = Elf(data)
    told = VERSION.search(data)
    if told is None:
        raise ValueError("does not tell its version")
    version = told[1].decode()
    addresses = dict(elf.symbols)
    names = defaultdict(set)
    for name, value in elf.symbols:
        names[value].add(method(name))
    pointers = dict(elf.pointers())
    (api,) = (api for api, table in TABLES.items() if table in addresses)
    start = addresses[TABLES[api]] + 16  # behind the offset to top and the type information
    slots = schema.load(version).classes[api]
    wrong = [
        f"{slot} is {sorted(names[pointers.get(start + 8 * slot, 0)])}, not {one.name}"
        for slot, one in enumerate(slots)
        if one.name not in names[pointers.get(start + 8 * slot, 0)]
    ]
    if wrong:
        raise ValueError(f"{version} {api}: " + "; ".join(wrong))
    return f"{version} {api}: {len(slots)} slots as in the schema"


def libraries(place: Path) -> Iterator[tuple[str, bytes]]:
    """The vendor's libraries in a file, a folder, a wheel or a source archive."""
    if place.is_dir():
        for file in sorted(place.rglob("*")):
            if file.is_file() and (LIBRARY.fullmatch(file.as_posix()) or file.name.endswith((".whl", ".tar.gz"))):
                yield from libraries(file)
    elif place.suffix == ".whl":
        with zipfile.ZipFile(place) as wheel:
            yield from ((f"{place.name}:{one}", wheel.read(one)) for one in wheel.namelist() if LIBRARY.fullmatch(one))
    elif place.name.endswith(".tar.gz"):
        with tarfile.open(place) as archive:
            for member in archive:
                content = archive.extractfile(member) if LIBRARY.fullmatch(member.name) else None
                if content is not None:
                    yield f"{place.name}:{member.name}", content.read()
    else:
        yield str(place), place.read_bytes()


def download(package: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0:
        return
    # pip asks for a package's builders although it builds nothing, and older packages do not say what they need.
    with tempfile.TemporaryDirectory() as builders:
        needed = ["cython", "setuptools", "wheel"]
        subprocess.run([*command[:3], "install", "--quiet", "--target", builders, *needed], check=True)
        environment = os.environ | {"PYTHONPATH": builders}
        subprocess.run([*command, "--no-build-isolation"], env=environment, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="+", type=Path)
    parser.add_argument("--download", action="store_true", help="fetch the packages into the folder first")
    arguments = parser.parse_args()
    if arguments.download:
        for package in PACKAGES:
            download(package, arguments.places[0])
    failures, seen = 0, 0
    for place in arguments.places:
        for name, data in libraries(place):
            seen += 1
            try:
                print(f"{name}: {check(data)}")
            except ValueError as problem:
                failures += 1
                print(f"{name}: {problem}")
    return 1 if failures or not seen else 0


if __name__ == "__main__":
    raise SystemExit(main())
