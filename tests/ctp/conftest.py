"""A library with the vendor's ABI that does what a test tells it, for every version."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidewire import ctp
from tidewire.ctp import schema


class FakeVendor:
    """The library of one version: what it was called with, and its callbacks."""

    def __init__(self, file: Path, version: str) -> None:
        self.file, self.schema = file, schema.load(version)
        self.lib = ctp.load(file)
        self._open = ctypes.CDLL(str(file))  # the same library: the linker keeps one of each file

    def number(self, name: str, value: int | None = None) -> int:
        variable = ctypes.c_int.in_dll(self._open, name)
        if value is not None:
            variable.value = value
        return variable.value

    def data(self, size: int) -> bytes:
        return bytes((ctypes.c_char * size).in_dll(self._open, "last_data"))

    @property
    def spi(self) -> int | None:
        return ctypes.c_void_p.in_dll(self._open, "spi").value

    def slot(self, of: str, name: str) -> int:
        return [method.name for method in self.schema.classes[of]].index(name)

    def fire(self, of: str, name: str, *arguments: Any) -> None:
        """Call back, in the calling thread: structs as our objects or ``None``, then ints and bools."""
        method = self.schema.classes[of][self.slot(of, name)]
        kinds = [
            ctypes.c_char_p if kind.endswith("*") else {"int": ctypes.c_int, "bool": ctypes.c_bool}[kind]
            for kind in method.parameters
        ]
        table = ctypes.cast(self.spi or 0, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
        call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *kinds)(table[self.slot(of, name)] or 0)
        call(self.spi, *(bytes(one) if hasattr(one, "to_dict") else one for one in arguments))

    def flood(self, record: Any, field: str, count: int, name: str = "OnRtnDepthMarketData", of: str = "MdSpi") -> None:
        """Call back so often in a thread of the library's own; ``field`` counts up. Returns when all are delivered."""
        data = bytes(record)
        offset = next(one.offset for one in self.schema.structs[type(record).__name__].fields if one.name == field)
        self._open.flood(self.slot(of, name), data, len(data), offset, count)


@pytest.fixture(scope="session")
def fake_vendor(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FakeVendor]:
    """Make the library of a version; each is built once."""
    if not sys.platform.startswith("linux"):
        pytest.skip("CTP libraries are loaded on Linux only")
    program = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if program is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("fake-vendor")
    made: dict[str, FakeVendor] = {}

    def build(version: str) -> FakeVendor:
        if version not in made:
            classes = schema.load(version).classes
            slots = {of: [method.name for method in classes[of]] for of in ("MdApi", "TraderApi")}
            defines = {
                "VERSION": f'"v{version}_20260101 00:00:00.1   "',
                "MD_SLOTS": len(slots["MdApi"]),
                "MD_REGISTER_SPI": slots["MdApi"].index("RegisterSpi"),
                "TRADER_SLOTS": len(slots["TraderApi"]),
                "TRADER_REGISTER_SPI": slots["TraderApi"].index("RegisterSpi"),
            }
            if version not in {"6.7.11", "6.7.13"}:
                defines["OLD_SPELLING"] = 1
            flags = [f"-D{name}={value}" for name, value in defines.items()]
            file = folder / f"fake-{version}.so"
            source = Path(__file__).with_name("fake_vendor.cpp")
            command = [program, "-std=c++20", "-shared", "-fPIC", "-fvisibility=default", *flags, "-o", file, source]
            subprocess.run([*map(str, command), "-lpthread"], check=True)
            made[version] = FakeVendor(file, version)
        return made[version]

    return build
