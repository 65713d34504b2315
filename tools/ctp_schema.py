"""Write a schema file for a version of CTP from the vendor's headers, or its differences from the version before.

    python tools/ctp_schema.py HEADERS 6.7.13 --base 6.7.11

HEADERS is a folder with ThostFtdcUserApiDataType.h, ThostFtdcUserApiStruct.h, ThostFtdcMdApi.h and
ThostFtdcTraderApi.h. Only names, types and orders go into the file. The headers are licensed by the vendor and are no
part of tidewire.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


sys.path.insert(0, str(ROOT / "src/tidewire/ctp"))
import schema  # noqa: E402  by path: tidewire itself need not be built


def read_header(path: Path) -> str:
    """Return the text without comments. Some packages recode the headers from GBK to UTF-8."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", errors="replace")
    return re.sub(r"//[^\n]*", "", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))


def read_types(text: str) -> Iterator[str]:
    """An enumeration's constants stand before its typedef and share a prefix."""
    constants: list[tuple[str, str, str]] = []
    pattern = r"#define\s+THOST_FTDC_(\w+?)_(\w+)\s+'([^'\s]+)'|typedef\s+(\w+)\s+TThostFtdc(\w+)\s*(\[\d+\])?\s*;"
    for prefix, constant, value, c_type, name, count in re.findall(pattern, text):
        if constant:
            constants.append((prefix, constant, value))
            continue
        line = f"{name} {c_type}{count}"
        if constants:
            (prefix,) = {prefix for prefix, _, _ in constants}
            line = " ".join([line, prefix, *(f"{constant}={value}" for _, constant, value in constants)])
        yield line
        constants = []
    if constants:
        raise ValueError(f"constants without a type: {constants}")


def read_structs(text: str) -> dict[str, dict[str, str]]:
    found = re.findall(r"struct\s+CThostFtdc(\w+)Field\s*\{(.*?)\}\s*;", text, flags=re.DOTALL)
    return {
        name: {field: f"{field} {kind}" for kind, field in re.findall(r"TThostFtdc(\w+)\s+(\w+)\s*;", body)}
        for name, body in found
    }


def read_classes(text: str) -> dict[str, dict[str, str]]:
    found = re.findall(r"class\s+(?:\w+_EXPORT\s+)?CThostFtdc(\w+)\s*\{(.*?)\n\}\s*;", text, flags=re.DOTALL)
    pattern = r"\bvirtual\s+([\w\s*]+?)\s*\b(\w+)\s*\(([^)]*)\)"
    return {
        name: {method: line(returns, method, parameters) for returns, method, parameters in re.findall(pattern, body)}
        for name, body in found
    }


def line(returns: str, method: str, parameters: str) -> str:
    kinds = [parameter(one) for one in parameters.split(",") if one.strip()]
    return f"{tidy(returns)} {method}({', '.join(kinds)})"


def parameter(text: str) -> str:
    """Drop the parameter's name and default."""
    kind, array = re.fullmatch(r"(.*?)\b\w+\s*(\[\])?", text.partition("=")[0].strip(), flags=re.DOTALL).groups()
    return tidy(kind) + (array or "")


def tidy(c_type: str) -> str:
    short = re.sub(r"CThostFtdc(\w+?)(Field)?\b", r"\1", c_type)
    short = re.sub(r"\b(Md|Trader)Spi\b", "Spi", short).replace("THOST_TE_RESUME_TYPE", "ResumeType")
    return re.sub(r"\s*\*", "*", " ".join(short.split()))


def edits(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Lines that turn one list of members into the other: all that goes, then what comes, front to back."""
    members = list(new)
    changes = SequenceMatcher(a=list(old.values()), b=list(new.values()), autojunk=False).get_opcodes()
    changed = [change for change in changes if change[0] != "equal"]
    lines = [f"drop {name}" for _, a, b, _, _ in changed for name in list(old)[a:b]]
    for _, _, _, a, b in changed:
        if a < b and old:
            lines.append(f"after {members[a - 1]}" if a else "first")
        lines += list(new.values())[a:b]
    return lines


def write(headers: Path, base: str | None) -> Iterator[str]:
    source = schema.Source()
    if base:
        source.read(base)
        yield f"base {base}"
    data_types = read_header(headers / "ThostFtdcUserApiDataType.h")
    types = {line.partition(" ")[0]: line for line in read_types(data_types)}
    yield "types"
    yield from (f"drop {name}" for name in source.types if name not in types)
    yield from (line for name, line in types.items() if source.types.get(name) != schema.parse_type(line))
    structs = read_structs(read_header(headers / "ThostFtdcUserApiStruct.h"))
    yield from (f"drop struct {name}" for name in source.structs if name not in structs)
    yield from sections("struct", source.structs, structs)
    for header in ("ThostFtdcMdApi.h", "ThostFtdcTraderApi.h"):
        yield from sections("class", source.classes, read_classes(read_header(headers / header)))


def sections(kind: str, old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, members in new.items():
        lines = edits(old.get(name, {}), members)
        if lines:
            yield f"\n{kind} {name}"
            yield from lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("headers", type=Path)
    parser.add_argument("version")
    parser.add_argument("--base", help="an earlier version that has a schema")
    arguments = parser.parse_args()
    target = schema.FOLDER / f"{arguments.version}.txt"
    target.write_text("\n".join(write(arguments.headers, arguments.base)) + "\n", encoding="utf-8")
    made = schema.load(arguments.version)
    methods = ", ".join(f"{len(slots)} {name}" for name, slots in made.classes.items())
    print(f"{target.name}: {len(made.types)} types, {len(made.structs)} structs; methods: {methods}")


if __name__ == "__main__":
    main()
