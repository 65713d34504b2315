"""OKX's messages on every stream: commands, their answers, notices, and which channel's data a frame is.

A topic is a channel's name, and after a colon what it is about: ``books:BTC-USDT``.

See: https://www.okx.com/docs-v5/en/#overview-websocket-subscribe and #overview-websocket-notification
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from ... import _call
from ..._feed import Acknowledged, Buffer, Leaving, Message, Moment, Refused
from .errors import VENUE, refusal

__all__ = ["read", "subscribe", "unsubscribe"]

_SERVICE_UPGRADE: Final = "64008"
_TOO_MANY_COMMANDS: Final = "60014"
_PONG: Final = b"pong"

# What data begins with, as the venue has always written it; anything else is parsed.
_DATA: Final = re.compile(rb'\{"arg":\{"channel":"([\w-]+)","instId":"([\w-]+)"\},"(?:action|data)":')

# "Wrong URL or channel:trades,instId:BTC-USDT1 doesn't exist. Please use the correct URL, channel and parameters …"
_UNKNOWN: Final = re.compile(r"channel:([\w-]+),instId:([\w-]+) doesn't exist")


def subscribe(topics: Sequence[str], moment: Moment) -> str:
    """Ask for channels."""
    return _command("subscribe", topics, moment)


def unsubscribe(topics: Sequence[str], moment: Moment) -> str:
    """Do without them."""
    return _command("unsubscribe", topics, moment)


def _command(op: Literal["subscribe", "unsubscribe"], topics: Sequence[str], moment: Moment) -> str:
    args = [dict(zip(("channel", "instId"), topic.split(":"), strict=True)) for topic in topics]
    return json.dumps({"id": str(moment.number), "op": op, "args": args}, separators=(",", ":"))


class _Arg(msgspec.Struct):
    channel: str = ""
    instId: str = ""  # noqa: N815


class _Frame(msgspec.Struct):
    """Any frame: data has no ``event``."""

    arg: _Arg | None = None
    event: str = ""
    id: str = ""
    code: str = ""
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw()


_frame = _call.decoder(_Frame, VENUE)


def read(frame: Buffer) -> Message:
    """Tell what a frame is. Raises ``DecodeError`` for what the venue does not document."""
    found = _DATA.match(frame)
    if found is not None:
        return f"{found[1].decode()}:{found[2].decode()}", frame
    if frame == _PONG:
        return None
    return _parse(frame)


def _parse(frame: Buffer) -> Message:
    found = _frame(frame)  # type: ignore[arg-type]
    topics = () if found.arg is None else (f"{found.arg.channel}:{found.arg.instId}",)
    match found.event:
        case "" if topics and bytes(found.data):
            return topics[0], frame
        case "subscribe":
            return Acknowledged(None, topics)
        case "error" if found.code == _TOO_MANY_COMMANDS:
            return Leaving("too many commands on one connection")  # what it did not take, another one will
        case "error":
            return _refused(found)
        case "notice" if found.code == _SERVICE_UPGRADE:
            return Leaving("service upgrade")
    return None


def _refused(found: _Frame) -> Refused:
    """A refusal names its command by number, and at best the channel in its text."""
    number = int(found.id) if found.id.isdigit() else None
    named = _UNKNOWN.search(found.msg)
    return Refused(number, refusal(found.code, found.msg), () if named is None else (f"{named[1]}:{named[2]}",))
