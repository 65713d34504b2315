"""Write the type stub of tidewire.ctp.wire: every struct, field, method, callback and constant, for editors.

    python tools/ctp_stubs.py build/wire.pyi

The build does this and installs the file beside wire.py. It names what any version has; which ones the loaded version
has shows at run time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src/tidewire/ctp"))
import schema  # by path: tidewire itself is being built

HEAD = """# Made by tools/ctp_stubs.py from the schemas of CTP {versions}.
from collections.abc import Iterable
from enum import StrEnum
from typing import dataclass_transform

from tidewire._ctp import Record as _Record

@dataclass_transform(kw_only_default=True)
class _Struct(_Record): ...
"""
PYTHON = {"char": "str", "short": "int", "int": "int", "double": "float"}
BY_HAND = {"Release", "Init", "Join", "RegisterSpi", "RegisterFront", "RegisterNameServer", "GetTradingDay"}


def lines() -> Iterator[str]:
    all_versions = [schema.load(version) for version in reversed(schema.versions())]  # the newest signature counts
    yield HEAD.format(versions=", ".join(schema.versions()))
    structs: dict[str, dict[str, schema.Field]] = {}
    types: dict[str, schema.Type] = {}
    constants: dict[str, str] = {}
    for one in all_versions:
        for struct in one.structs.values():
            structs.setdefault(struct.name, {}).update({field.name: field for field in struct.fields})
        for kind in one.types.values():
            types.setdefault(kind.name, kind)
        constants = one.constants | constants
    enumerations = {kind.name: spellable(kind) for kind in types.values() if spellable(kind)}
    for name, fields in structs.items():
        yield f"class {name}(_Struct):"
        yield from (f"    {field.name}: {PYTHON[field.type.c_type]} = ..." for field in fields.values())
    for name, values in enumerations.items():
        yield f"class {name}(StrEnum):"
        yield from (f"    {member} = {value!r}" for member, value in values.items())
    yield from (f"_{name} = {name}" for name in [*structs, *enumerations])
    yield "class Names:"
    yield from (f"    {name}: type[_{name}]" for name in [*structs, *enumerations])
    yield from (f"    {name}: str" for name in constants)
    for of in ("MdSpi", "TraderSpi", "MdApi", "TraderApi"):
        yield f"class {of.replace('Api', 'Methods')}:"
        methods: dict[str, schema.Method] = {}
        for one in all_versions:
            for method in one.classes[of]:
                methods.setdefault(method.name, method)
        yield from (f"    {signature(method)}" for method in methods.values() if method.name not in BY_HAND)


def spellable(kind: schema.Type) -> dict[str, str]:
    """Members of an enumeration that Python can write; the others, such as 3DES and None, are had by ``[name]``."""
    return {name: value for name, value in (kind.values or {}).items() if name.isidentifier() and not iskeyword(name)}


def signature(method: schema.Method) -> str:
    """Spell out a method as tidewire.ctp.calls offers it, or a callback."""
    kinds = method.parameters
    if method.name.startswith("On"):
        return f"def {method.name}({', '.join(['self', *callback(kinds)])}) -> None: ..."
    record = kinds[0].removesuffix("*")
    if "char*[]" in kinds:
        return f"def {method.name}(self, ids: Iterable[str]) -> int: ..."
    if record == "ResumeType":
        more = ", sequence: int = 1" if len(kinds) > 1 else ""
        return f"def {method.name}(self, mode: str | int{more}) -> None: ..."
    if len(kinds) == 2:
        return f"def {method.name}(self, field: {record}, request_id: int) -> int: ..."
    if method.returns == "int":
        return f"def {method.name}(self, field: {record}) -> int: ..."
    return f"def {method.name}(self, field: {record} | None = None) -> {record}: ..."


def callback(kinds: tuple[str, ...]) -> Iterator[str]:
    """Parameters by position: the vendor's data, its error, the request's number and whether it is the last row."""
    names = {"int": "number" if len(kinds) == 1 else "request_id", "bool": "is_last"}
    for at, kind in enumerate(kinds):
        if kind.endswith("*"):
            name = "info" if kind == "RspInfo*" else "field"
            yield f"{name}: {kind.removesuffix('*')}{' | None' if len(kinds) > 1 else ''}"
        else:
            yield f"{names[kind]}: {kind}"
        if at == len(kinds) - 1:
            yield "/"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(lines()) + "\n", encoding="utf-8")
