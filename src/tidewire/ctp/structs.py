"""The structs, enumerations and constants of one version as Python objects, made when first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np

from tidewire import _ctp

from . import schema

__all__ = ["Structs", "structs"]

# Fields of these types are never shown by repr. They are passwords and codes in every version.
_SECRET_TYPES = frozenset(
    "AuthCodeType AuthInfoType AuthKeyType CFMMCKeyType CFMMCTokenType PasswordKeyType PasswordType SMSCodeType".split()
)


@cache
def structs(version: str) -> Structs:
    """Return the structs of a version; ``KeyError`` for one without a schema."""
    return Structs(schema.load(version))


class Structs:
    """Attributes: structs by their short names, enumerations by the names of their types, the vendor's constants.

    ``InputOrder`` is the type of ``CThostFtdcInputOrderField``, ``DirectionType`` has the members ``Buy`` and ``Sell``,
    and ``THOST_FTDC_D_Buy`` is ``"0"``.
    """

    def __init__(self, of: schema.Schema) -> None:
        self.schema = of
        self._constants = of.constants

    def __getattr__(self, name: str) -> Any:
        made = self._make(name)
        if made is None:
            near = get_close_matches(name, dir(self))
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise AttributeError(f"CTP {self.schema.version} has no {name}{hint}")
        setattr(self, name, made)
        return made

    def __dir__(self) -> Iterator[str]:
        yield from self.schema.structs
        yield from (kind.name for kind in self.schema.types.values() if kind.values)
        yield from self._constants

    def __repr__(self) -> str:
        return f"<structs of CTP {self.schema.version}>"

    def dtype(self, name: str) -> np.dtype[np.void]:
        """Return the layout of a struct for NumPy; texts are bytes."""
        layout = self.schema.structs[name]
        numbers = {"short": "i2", "int": "i4", "double": "f8"}
        formats = [numbers.get(field.type.c_type, f"S{field.type.size}") for field in layout.fields]
        return np.dtype(
            {
                "names": [field.name for field in layout.fields],
                "formats": formats,
                "offsets": [field.offset for field in layout.fields],
                "itemsize": layout.size,
            }
        )

    def _make(self, name: str) -> object:
        if name in self.schema.structs:
            return self._record(self.schema.structs[name])
        if name in self.schema.types and self.schema.types[name].values:
            return StrEnum(name, dict(self.schema.types[name].values or {}))
        return self._constants.get(name)

    def _record(self, struct: schema.Struct) -> type[_ctp.Record]:
        fields = [
            (
                field.name,
                _kind(field.type),
                field.offset,
                field.type.size,
                field.type.name in _SECRET_TYPES,
                field.type.values,
                _describe(field.type),
            )
            for field in struct.fields
        ]
        return _ctp.make_record(self.schema.version, struct.name, struct.size, fields)


def _kind(of: schema.Type) -> str:
    if of.c_type == "char":
        return "s" if of.count else "c"
    return {"short": "h", "int": "i", "double": "d"}[of.c_type]


def _describe(of: schema.Type) -> str:
    return f"{of.name}, {of.c_type}{f'[{of.count}]' if of.count else ''}"
