"""Vendor libraries are found and told apart by what they export; nothing that is none takes the process down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tidewire.ctp import Library, find_libraries

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="CTP libraries are loaded on Linux only")

MARKET_OLD = "_ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbb"
MARKET_NEW = "_ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbbb"
MARKET_VERSION = "_ZN15CThostFtdcMdApi13GetApiVersionEv"
TRADER_OLD = "_ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKc"
TRADER_NEW = "_ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKcb"
TRADER_VERSION = "_ZN19CThostFtdcTraderApi13GetApiVersionEv"

NO_API = "exports no CTP API that tidewire knows"


class Compiler:
    """Makes shared libraries that export the vendor's names."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder

    def library(self, name: str, source: str, *arguments: str) -> Path:
        file, code = self.folder / name, self.folder / f"{name}.cpp"
        file.parent.mkdir(exist_ok=True)
        code.write_text(source)
        subprocess.run([self.program, "-shared", "-fPIC", "-o", file, code, *arguments], check=True)
        code.unlink()
        return file

    def ctp(self, name: str, exports: dict[str, str | None]) -> Path:
        """``exports`` maps version symbols to what they return; other symbols to ``None``."""
        lines = []
        for symbol, text in exports.items():
            value = "nullptr" if text is None else f'"{text}"'
            lines.append(f'extern "C" const char* {symbol}() {{ return {value}; }}')
        return self.library(name, "\n".join(lines))


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    program = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if program is None:
        pytest.skip("no C++ compiler")
    return Compiler(program, tmp_path)


def test_versions_of_both_spellings(compiler: Compiler) -> None:
    old = compiler.ctp("libthostmduserapi_se.so", {MARKET_VERSION: "6.3.15_20190220 15:47:00", MARKET_OLD: None})
    new = compiler.ctp(
        "libthosttraderapi_se-ad4da959.so",
        {TRADER_VERSION: "v6.7.13_20260225 14:16:30.12079          ", TRADER_NEW: None},
    )
    assert find_libraries([compiler.folder]) == [
        Library(old, "market", "6.3.15", "6.3.15_20190220 15:47:00"),
        Library(new, "trader", "6.7.13", "v6.7.13_20260225 14:16:30.12079"),
    ]


def test_one_library_may_offer_both(compiler: Compiler) -> None:
    exports = {MARKET_VERSION: "v6.6.9_A", MARKET_NEW: None, TRADER_VERSION: "v6.6.9_B", TRADER_OLD: None}
    file = compiler.ctp("any_name.so", exports)
    assert [(found.kind, found.build) for found in find_libraries([file])] == [
        ("market", "v6.6.9_A"),
        ("trader", "v6.6.9_B"),
    ]
    assert find_libraries([compiler.folder]) == []  # not one of the vendor's names


@pytest.mark.parametrize(
    ("exports", "problem"),
    [
        ({}, NO_API),
        ({MARKET_OLD: None}, NO_API),
        ({MARKET_VERSION: "v6.7.2_1"}, NO_API),
        ({MARKET_VERSION: None, MARKET_OLD: None}, NO_API),
        ({TRADER_VERSION: "v6.7.2_1", MARKET_OLD: None}, NO_API),
        ({TRADER_VERSION: "", TRADER_OLD: None}, "does not tell its version: ''"),
        ({TRADER_VERSION: "\\xce\\xc4", TRADER_OLD: None}, r"does not tell its version: '\\xce\\xc4'"),
    ],
)
def test_libraries_without_a_usable_api(compiler: Compiler, exports: dict[str, str | None], problem: str) -> None:
    (found,) = find_libraries([compiler.ctp("thosttraderapi_se.so", exports)])
    assert found.version is None
    assert found.problem == problem


def test_a_version_text_without_end_is_cut(compiler: Compiler) -> None:
    text = "v6.7.2_" + "x" * 4000
    (found,) = find_libraries([compiler.ctp("a.so", {MARKET_VERSION: text, MARKET_OLD: None})])
    assert found.build == text[:128]


def test_code_of_other_libraries_is_never_run(compiler: Compiler) -> None:
    """Also of one that imports the vendor's names, as other people's bindings do: openctp's ends the process."""
    imports = f'extern "C" const char* {MARKET_VERSION}(); const char* call() {{ return {MARKET_VERSION}(); }}'
    file = compiler.library(
        "thostmduserapi_se.so",
        f"#include <cstdlib>\n{imports}\n__attribute__((constructor)) void run() {{ std::abort(); }}",
    )
    assert find_libraries([file]) == [Library(file, problem=NO_API)]


def test_a_missing_dependency_is_named(compiler: Compiler) -> None:
    needed = compiler.library("libneeded.so", "int needed() { return 1; }")
    source = f"""
int needed();
extern "C" const char* {MARKET_VERSION}() {{ return needed() ? "v6.7.2_1" : nullptr; }}
extern "C" const char* {MARKET_OLD}() {{ return nullptr; }}
"""
    file = compiler.library("market.so", source, str(needed), "-Wl,-soname,market.so")
    needed.unlink()
    (found,) = find_libraries([file])
    assert "libneeded.so" in (found.problem or "")


def test_truncated_libraries_are_refused(compiler: Compiler) -> None:
    whole = compiler.ctp("whole.so", {MARKET_VERSION: "v6.7.2_1", MARKET_OLD: None})
    data = whole.read_bytes()
    cut = compiler.folder / "cut.so"
    for size in range(0, len(data), 61):
        cut.write_bytes(data[:size])
        (found,) = find_libraries([cut])
        if size < len(data) * 0.8:
            assert found.problem in {"not an ELF file", "truncated", NO_API}, size
        else:  # all that the linker and we read may be there
            assert found.problem in {"truncated", NO_API} or found.version == "6.7.2", size


def test_headers_that_lie_are_refused(compiler: Compiler) -> None:
    whole = compiler.ctp("whole.so", {MARKET_VERSION: "v6.7.2_1", MARKET_OLD: None})
    data = whole.read_bytes()
    lying = compiler.folder / "lying.so"
    fields = {32: 8, 40: 8, 56: 2}  # offsets of e_phoff, e_shoff and e_phnum in the ELF header, and their widths
    for at, width in fields.items():
        for value in (b"\xff" * width, b"\x7f" + b"\xff" * (width - 1)):
            lying.write_bytes(data[:at] + value + data[at + width :])
            (found,) = find_libraries([lying])
            assert found.problem in {"truncated", NO_API}, (at, value)
    lying.write_bytes(data[:4] + b"\x01" + data[5:])
    assert find_libraries([lying])[0].problem == "built for another machine"
    lying.write_bytes(data[:18] + b"\x08\x00" + data[20:])
    assert find_libraries([lying])[0].problem == "built for another machine"


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ" + bytes(600), b"#!/bin/sh\n", os.urandom(5000)])
def test_garbage(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "thostmduserapi_se.so"
    file.write_bytes(content)
    assert [found.path for found in find_libraries([tmp_path])] == [file]
    assert find_libraries([tmp_path])[0].problem in {"not an ELF file", "built for another machine"}


def test_things_that_are_no_files(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # opening one would wait for a writer for ever
    program = Path(sys.executable).resolve()
    paths = [tmp_path / "absent.so", pipe, "/dev/null", program]
    problems = {found.path: found.problem for found in find_libraries(paths)}
    assert problems[tmp_path / "absent.so"] == "no such file"
    assert problems[pipe] == problems[Path("/dev/null")] == "not a regular file"
    assert problems[program]
    assert find_libraries([tmp_path]) == []
    assert find_libraries([]) == []


def test_names_in_any_encoding(tmp_path: Path, compiler: Compiler) -> None:
    made = compiler.ctp("market.so", {MARKET_VERSION: "v6.7.2_1", MARKET_OLD: None})
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb8\xdf.so"))
    made.rename(odd)
    assert find_libraries([odd]) == [Library(odd, "market", "6.7.2", "v6.7.2_1")]


def test_relative_names_are_of_the_working_folder(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    made = compiler.ctp("market.so", {MARKET_VERSION: "v6.7.2_1", MARKET_OLD: None})
    monkeypatch.chdir(compiler.folder)
    assert find_libraries(["market.so"]) == [Library(made, "market", "6.7.2", "v6.7.2_1")]


def test_environment_comes_first_and_packages_are_not_imported(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = {MARKET_VERSION: "v6.7.2_1", MARKET_OLD: None}
    own = compiler.ctp("own/thostmduserapi_se.so", exports)
    site = compiler.folder / "site"
    for package in ("openctp_ctp", "vnpy_ctp"):
        (site / package).mkdir(parents=True)
        (site / package / "__init__.py").write_text("raise RuntimeError('imported')")
    (site / "vnpy_ctp/api").mkdir()
    beside = compiler.ctp("site/openctp_ctp.libs/libthostmduserapi_se-9c6d321f.so", exports)
    inside = compiler.ctp("site/vnpy_ctp/api/libthostmduserapi_se.so", exports)
    (site / "openctp_ctp/_thostmduserapi.so").write_bytes(b"")  # openctp's own binding: not the vendor's
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("TIDEWIRE_CTP_PATH", os.pathsep.join((str(own.parent), str(own), "")))
    assert [found.path for found in find_libraries()] == [own, beside, inside]
    assert not {"openctp_ctp", "vnpy_ctp"} & set(sys.modules)


def test_threads(compiler: Compiler) -> None:
    file = compiler.ctp("market.so", {MARKET_VERSION: "v6.7.2_1", MARKET_OLD: None})
    results: list[list[Library]] = []
    threads = [threading.Thread(target=lambda: results.append(find_libraries([file] * 3))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[Library(file, "market", "6.7.2", "v6.7.2_1")]] * 8
