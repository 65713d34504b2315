"""OKX's messages on every stream: commands, their answers, notices, and which channel's data a frame is.

A topic is a channel's name, and after a colon what it is about: ``books:BTC-USDT``, ``orders:SPOT``. The account has
one channel, of which we make a topic for each kind.

See: https://www.okx.com/docs-v5/en/#overview-websocket-subscribe and #overview-websocket-notification
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from ... import _call
from ..._feed import LOGIN, Acknowledged, Answer, Buffer, Leaving, Message, Moment, Refused, Several
from .errors import VENUE, refusal

__all__ = ["ACCOUNT", "ORDERS", "read", "subscribe", "unsubscribe"]

ACCOUNT: Final = "account"
ORDERS: Final = "orders"

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
    """Do without them, except for the account: the topic of the other kind may still need its channel."""
    given_up = [topic for topic in topics if not topic.startswith(ACCOUNT)]
    return _command("unsubscribe", given_up, moment) if given_up else "ping"


def _command(op: Literal["subscribe", "unsubscribe"], topics: Sequence[str], moment: Moment) -> str:
    message = {"id": str(moment.number), "op": op, "args": [_arg(topic) for topic in topics]}
    return json.dumps(message, separators=(",", ":"))


def _arg(topic: str) -> dict[str, str]:
    channel, _, about = topic.partition(":")
    if channel == ACCOUNT:
        return {"channel": channel}
    return {"channel": channel, "instType" if channel == ORDERS else "instId": about}


class _Arg(msgspec.Struct):
    channel: str = ""
    instId: str = ""  # noqa: N815
    instType: str = ""  # noqa: N815


class _Frame(msgspec.Struct):
    """Any frame: data has no ``event``, and the answer to an order has an ``op``."""

    arg: _Arg | None = None
    event: str = ""
    op: str = ""
    id: str = ""
    channel: str = ""
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
    topics = () if found.arg is None else _topics(found.arg)
    match found.event:
        case "" if topics and bytes(found.data):
            return (topics[0], frame) if len(topics) == 1 else Several([(topic, frame) for topic in topics])
        case "" if found.op and found.id.isdigit():
            return Answer(int(found.id), frame)
        case "login":
            return Acknowledged(None, (LOGIN,))
        case "subscribe":
            return Acknowledged(None, topics)
        case "error" if found.code == _TOO_MANY_COMMANDS:
            return Leaving("too many commands on one connection")  # what it did not take, another one will
        case "error":
            return _refused(found)
        case "channel-conn-count-error":
            why = f"too many connections with the channel {found.channel}"
            return Refused(None, refusal(found.code, why), _all_of(found.channel))
        case "notice" if found.code == _SERVICE_UPGRADE:
            return Leaving("service upgrade")
    return None


def _topics(arg: _Arg) -> tuple[str, ...]:
    return _all_of(ACCOUNT) if arg.channel == ACCOUNT else (f"{arg.channel}:{arg.instId or arg.instType}",)


def _all_of(channel: str) -> tuple[str, ...]:
    """The topics of a private channel."""
    return tuple(f"{channel}:{about}" for about in (("spot", "linear") if channel == ACCOUNT else ("SPOT", "ANY")))


def _refused(found: _Frame) -> Refused:
    """A refusal names its command by number, and at best the channel in its text."""
    number = int(found.id) if found.id.isdigit() else None
    named = _UNKNOWN.search(found.msg)
    return Refused(number, refusal(found.code, found.msg), () if named is None else (f"{named[1]}:{named[2]}",))
