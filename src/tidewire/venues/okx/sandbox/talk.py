"""What all of OKX's stream connections have in common: commands in JSON, pings in words, silence, rations, notices."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ...._dialect import Disconnect, Exchange

__all__ = ["SECOND_NS", "Talk", "compact"]

SECOND_NS: Final = 10**9
_RATIONED: Final = ("subscribe", "unsubscribe", "login")
_COMMANDS_AN_HOUR: Final = 480
_LONGEST_MESSAGE: Final = 64 * 1024
_SILENCE_NS: Final = 30 * SECOND_NS


class Talk(ABC):
    """One connection, as far as its address does not matter."""

    beat_s = 5.0
    commands: tuple[str, ...] = ("subscribe", "unsubscribe")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rationed: list[int] = []
        self._active_ns = exchange.now_ns()
        self._id = f"{self._active_ns // 1000 & 0xFFFFFFFF:08x}"

    @abstractmethod
    def _obey(self, op: str, number: str, args: list[dict[str, Any]], message: Mapping[str, Any]) -> Iterable[str]:
        """Carry out a well-formed command."""

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterator[str]:
        """``ping``, or a command."""
        self._active_ns = exchange.now_ns()
        if text in ("ping", b"ping"):
            yield "pong"
            return
        try:
            message = json.loads(text)
            op, number, args = message["op"], str(message.get("id", "")), message["args"]
            well_formed = op in self.commands and all(isinstance(arg, dict) for arg in args)
        except (ValueError, KeyError, TypeError, AttributeError):
            op, number, args, message, well_formed = "", "", [], {}, False
        if not well_formed:
            quoted = text if isinstance(text, str) else text.decode("utf-8", "replace")
            yield self._error(number, "60012", f"Illegal request: {quoted}")
        elif len(text) > _LONGEST_MESSAGE:
            yield self._error(number, "60012", "Illegal request: longer than 64 KB")
        elif op in _RATIONED and self._is_too_busy():
            yield self._error(number, "60014", "Requests too frequent")
        else:
            yield from self._obey(op, number, args, message)

    def _is_too_busy(self) -> bool:
        now = self._active_ns
        self._rationed = [moment for moment in self._rationed if now - moment < 3600 * SECOND_NS] + [now]
        return len(self._rationed) > _COMMANDS_AN_HOUR

    def beat(self, exchange: Exchange) -> Iterator[str]:
        """A connection on which nothing is said is closed."""
        if exchange.now_ns() - self._active_ns > _SILENCE_NS:
            raise Disconnect(4004, "No data received in 30s.")
        return iter(())

    def farewell(self) -> Iterator[str]:
        """Notice of an upgrade, a minute ahead at the venue."""
        message = "The connection will soon be closed for a service upgrade. Please reconnect."
        yield compact({"event": "notice", "code": "64008", "msg": message, "connId": self._id})

    def _told(self, op: str, number: str, arg: Mapping[str, Any]) -> str:
        return compact({**_numbered(number), "event": op, "arg": arg, "connId": self._id})

    def _no_channel(self, number: str, arg: Mapping[str, Any]) -> str:
        about = ",".join(f"{name}:{value}" for name, value in arg.items())
        hint = "Please use the correct URL, channel and parameters referring to API document."
        return self._error(number, "60018", f"Wrong URL or {about} doesn't exist. {hint}")

    def _push(self, arg: Mapping[str, str], row: object, **more: object) -> str:
        self._active_ns = self._exchange.now_ns()
        return compact({"arg": arg, **more, "data": [row]})

    def _error(self, number: str, code: str, message: str) -> str:
        return compact({**_numbered(number), "event": "error", "code": code, "msg": message, "connId": self._id})


def _numbered(number: str) -> dict[str, str]:
    return {"id": number} if number else {}


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
