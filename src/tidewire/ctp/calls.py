"""From Python's arguments to the vendor's, by the shape of a method. What does not fit is refused before it is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any

from tidewire import _ctp

from ..errors import ConfigError, NotSupported
from . import schema
from .structs import Structs

__all__ = ["ResumeType", "caller", "front_address"]

# tcp://host:port, optionally followed by a SOCKS proxy: SFIT's FAQ, no. 25. Anything else ends the process.
_ADDRESS = re.compile(r"(tcp|tcp6|ssl)://[^\s/]+?:(\d{1,5})(\W*sock\w*://\S+)?")


class ResumeType(IntEnum):
    """How a flow goes on: THOST_TE_RESUME_TYPE."""

    RESTART = 0  # the whole trading day again
    RESUME = 1  # what came since the flow files were written
    QUICK = 2  # what comes after logging in
    NONE = 3  # nothing; the public flow only
    RESUME_FROM_SEQ_NO = 4  # what came from a number on, counted from 1; the private flow of 6.7.13


def caller(session: _ctp.Session, structs: Structs, slot: int, method: schema.Method) -> Callable[..., Any]:
    """Make the function that calls a slot, by what the method takes."""
    match method.parameters:
        case [record, "int"] if record != "ResumeType" and record != "char*[]":
            expected = getattr(structs, record.removesuffix("*"))
            is_login = method.name.startswith("ReqUserLogin") and method.name != "ReqUserLogout"

            def request(field: _ctp.Record, request_id: int) -> int:
                if not isinstance(request_id, int) or not -(2**31) <= request_id < 2**31:
                    raise ConfigError(f"{method.name} takes an int of 32 bits as request_id, not {request_id!r}")
                return session.request(slot, field, expected, request_id, is_login)

            return request
        case ["char*[]", "int"]:

            def subscribe(ids: Iterable[str]) -> int:
                return session.names(slot, instrument_ids(ids))

            return subscribe
        case ["ResumeType", *more]:

            def resume(mode: ResumeType | str | int, sequence: int = 1) -> None:
                number = resume_type(mode)
                if number == ResumeType.RESUME_FROM_SEQ_NO and not more:
                    raise NotSupported(f"{method.name} of this version of CTP takes no sequence number to resume from")
                session.resume(slot, number, sequence if more else None)

            return resume
        case [record] if method.returns == "int":
            expected = getattr(structs, record.removesuffix("*"))

            def send(field: _ctp.Record) -> int:
                return session.request(slot, field, expected, None, False)

            return send
        case [record]:
            expected = getattr(structs, record.removesuffix("*"))

            def exchange(field: _ctp.Record | None = None) -> _ctp.Record:
                filled: _ctp.Record = expected() if field is None else field
                session.fill(slot, filled, expected)
                return filled

            return exchange
    raise NotSupported(f"{method} takes what tidewire does not know")


def front_address(address: str) -> bytes:
    """Check the address of a front or name server: others end the vendor's process."""
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if not found or not 0 < int(found[2]) < 65_536:
        shown = address.partition("sock")[0] if isinstance(address, str) else address  # a proxy may have a password
        raise ConfigError(f"{shown!r} is no address of a front: those read tcp://host:port, tcp6:// or ssl://")
    return address.encode()


def instrument_ids(given: Iterable[str]) -> list[bytes]:
    if isinstance(given, (str, bytes)):
        raise ConfigError(f"give a list of instruments, not the one text {given!r}")
    names = list(given)
    for name in names:
        if not isinstance(name, str) or not name or "\0" in name or len(name.encode("gb18030", "replace")) > 80:
            raise ConfigError(f"{name!r} is no instrument: those are texts of 1 to 80 bytes")
    if not names:
        raise ConfigError("give at least one instrument")
    return [name.encode("gb18030") for name in names]


def resume_type(mode: ResumeType | str | int) -> int:
    try:
        return (ResumeType[mode] if isinstance(mode, str) else ResumeType(mode)).value
    except (KeyError, ValueError):
        raise ConfigError(f"a flow resumes by {', '.join(ResumeType.__members__)}, not {mode!r}") from None
