"""Our map of every version of CTP is what its headers say and what a compiler makes of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tidewire.ctp import schema

ALL = ("6.3.15", "6.5.1", "6.6.1", "6.6.7", "6.6.9", "6.7.2", "6.7.7", "6.7.9", "6.7.11", "6.7.13")


@pytest.fixture
def facts(fixtures: Path) -> Path:
    """Folder of what was read mechanically from the vendor's headers, beside the recordings."""
    folder = fixtures.parent / "facts/ctp_schema"
    if not folder.is_dir():
        pytest.skip(f"the independent reading of the headers is not here: {folder}")
    return folder


def test_every_version_is_there() -> None:
    assert schema.versions() == ALL
    with pytest.raises(KeyError):
        schema.load("6.7.12")


@pytest.mark.parametrize("version", ALL)
def test_layouts_equal_an_independent_reading_of_the_headers(version: str, facts: Path) -> None:
    told = json.loads((facts / f"schema_{version}.json").read_text())
    ours = schema.load(version)
    layouts = {
        f"CThostFtdc{struct.name}Field": {
            "size": struct.size,
            "align": struct.align,
            "fields": [
                [field.name, f"TThostFtdc{field.type.name}", field.type.c_type, field.type.count, field.offset]
                for field in struct.fields
            ],
        }
        for struct in ours.structs.values()
    }
    assert layouts == told["structs"]
    assert {f"TThostFtdc{kind.name}": [kind.c_type, kind.count or None] for kind in ours.types.values()} == told[
        "types"
    ]
    assert ours.constants == {name: value.strip("'") for name, value in told["defines"].items()}
    for name, slots in told["classes"].items():
        short = name.removeprefix("CThostFtdc")
        assert [method.name for method in ours.classes[short]] == [slot[0] for slot in slots["virtual"]]
        for method, (_, returns, parameters) in zip(ours.classes[short], slots["virtual"], strict=True):
            assert method.returns.split() == returns.replace(" *", "*").split()
            assert len(method.parameters) == (parameters.count(",") + 1 if parameters else 0)
            assert [kind.removesuffix("*") for kind in method.parameters if kind.removesuffix("*") in ours.structs] == [
                word.removeprefix("CThostFtdc").removesuffix("Field")
                for word in parameters.replace("*", " ").split()
                if word.startswith("CThostFtdc") and word.endswith("Field")
            ]


def test_a_compiler_agrees_on_every_size_and_offset(tmp_path: Path) -> None:
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    lines = ["#include <cstddef>"]
    for version in ALL:
        lines.append(f"namespace v{version.replace('.', '_')} {{")
        for struct in schema.load(version).structs.values():
            name = f"S_{struct.name}"
            members = " ".join(
                f"{field.type.c_type} {field.name}{f'[{field.type.count}]' if field.type.count else ''};"
                for field in struct.fields
            )
            lines.append(f"struct {name} {{ {members} }};")
            offsets = "".join(f" && offsetof({name}, {field.name}) == {field.offset}" for field in struct.fields)
            lines.append(
                f"static_assert(sizeof({name}) == {struct.size} && alignof({name}) == {struct.align}{offsets});"
            )
        lines.append("}")
    source = tmp_path / "layouts.cpp"
    source.write_text("\n".join(lines))
    subprocess.run([compiler, "-std=c++20", "-fsyntax-only", source], check=True)
    source.write_text("\n".join(lines).replace(" == 584 ", " == 585 "))
    failed = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", source], capture_output=True, check=False)
    assert failed.returncode != 0  # the assertions are looked at


def test_figures_of_the_present_version() -> None:
    made = schema.load("6.7.11")
    assert {name: len(slots) for name, slots in made.classes.items()} == {
        "MdSpi": 13,
        "MdApi": 15,
        "TraderSpi": 164,
        "TraderApi": 133,
    }
    assert len(made.structs) == 502
    assert sum(len(struct.fields) for struct in made.structs.values()) == 5463
    tick = made.structs["DepthMarketData"]
    assert tick.size == 584
    assert {field.name: field.offset for field in tick.fields}["InstrumentID"] == 401
    assert str(made.classes["TraderApi"][16]) == "int ReqUserLogin(ReqUserLogin*, int)"
    assert made.types["DirectionType"].values == {"Buy": "0", "Sell": "1"}


@pytest.mark.parametrize(
    ("old", "new", "name", "edit"),
    [
        ("6.7.2", "6.7.7", "TraderApi", (4, "GetFrontInfo")),
        ("6.6.1", "6.6.7", "TraderApi", (52, "ReqQryTraderOffer")),
        ("6.6.1", "6.6.7", "TraderSpi", (40, "OnRspQryTraderOffer")),
        ("6.7.11", "6.7.13", "TraderSpi", (4, "OnRtnPrivateSeqNo")),
    ],
)
def test_insertions_move_every_later_slot(old: str, new: str, name: str, edit: tuple[int, str]) -> None:
    at, method = edit
    before = [slot.name for slot in schema.load(old).classes[name]]
    after = [slot.name for slot in schema.load(new).classes[name]]
    assert after[at] == method
    assert after[: len(before) + 1] == [*before[:at], method, *before[at:]]


@pytest.mark.parametrize("line", ["A", "A long", "A char[]", "A char D", "A char D x", "A char D Buy=", "A char D =1"])
def test_lines_that_are_no_types(line: str) -> None:
    with pytest.raises(ValueError, match="not a type"):
        schema.parse_type(line)


@pytest.mark.parametrize("line", ["Req(int)", "int Req", "long Req()", "int Req(int"])
def test_lines_that_are_no_methods(line: str) -> None:
    with pytest.raises(ValueError, match="not a method"):
        schema.parse_method(line)


def test_reading_is_quick_enough_for_every_start() -> None:
    schema.load.cache_clear()
    began = time.perf_counter()
    schema.load("6.7.13")
    assert time.perf_counter() - began < 1.0  # about 40 ms; the machine may be busy
