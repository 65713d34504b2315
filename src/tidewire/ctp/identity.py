"""Who an order is: to CTP, to the exchange, to its seat, and to us; and how we remember it across restarts."""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ..errors import ConfigError

__all__ = ["FillKey", "Journal", "Remembered", "SeatKey", "SessionKey", "name_order", "new_client_order_id"]


class SessionKey(NamedTuple):
    """CTP's name for an order, given when it is sent. Trades do not carry it."""

    front_id: int
    session_id: int
    order_ref: str


def name_order(exchange: str, order_sys_id: str) -> str:
    """The exchange's name for an order, as ``order_id`` has it; empty before there is one. Its leading blanks count."""
    return f"{exchange}:{order_sys_id}" if order_sys_id.strip() else ""


class SeatKey(NamedTuple):
    """Name that the seat gives, on orders and trades; known before the exchange's."""

    exchange: str
    trader_id: str
    order_local_id: str


class FillKey(NamedTuple):
    """Name of a fill. Both sides of a trade with oneself carry one TradeID."""

    exchange: str
    trade_id: str
    direction: str


# OrderMemo is char[13], so twelve letters. 32**12 nanoseconds from 2020 on last until 2056.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_EPOCH_NS = 1_577_836_800 * 10**9
_lock = threading.Lock()
_last = 0


def new_client_order_id() -> str:
    """Twelve letters that no other order of this process has, ascending in time."""
    global _last
    with _lock:
        _last = number = max(_last + 1, time.time_ns() - _EPOCH_NS)
    letters = []
    for _ in range(12):
        number, digit = divmod(number, 32)
        letters.append(_ALPHABET[digit])
    return "".join(reversed(letters))


class Remembered(msgspec.Struct, omit_defaults=True):
    """One line of the journal: an order about to be sent, or what the exchange called it later."""

    client_order_id: str
    front_id: int
    session_id: int
    order_ref: str
    exchange: str = ""
    order_sys_id: str = ""

    @property
    def key(self) -> SessionKey:
        """CTP's name for the order."""
        return SessionKey(self.front_id, self.session_id, self.order_ref)

    @property
    def order_id(self) -> str:
        """The exchange's name for it, empty before that was learnt."""
        return name_order(self.exchange, self.order_sys_id)


class Journal:
    """The day's orders, a line each, written before they are sent. Not thread-safe.

    Lines are appended in one write each, so that a crash can tear only the last, which is then ignored; opening the
    journal replaces the file at once by one without other days' lines. What is written survives the process, not the
    machine's fall.
    """

    def __init__(self, path: Path, trading_day: dt.date) -> None:
        self._path = path
        self._head = {"trading_day": trading_day.isoformat()}
        self._encode = msgspec.json.Encoder().encode
        self._found = {entry.key: entry for entry in self._read()}
        self._unlearnt = {key: entry for key, entry in self._found.items() if not entry.order_id}
        self._file = self._rewrite()

    def recall(self) -> list[Remembered]:
        """Tell once what was there when the journal was opened; the ledger keeps it from then on."""
        found, self._found = self._found, {}
        return list(found.values())

    def add(self, entry: Remembered) -> None:
        """Remember an order, or what has been learnt about it. ``ConfigError`` when the disk does not take it."""
        line = self._encode(entry) + b"\n"
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise ConfigError(
                f"the journal {self._path} cannot be written ({error.strerror}); nothing was sent"
            ) from error
        if written != len(line):
            os.ftruncate(self._file, self._size)  # half a line would spoil the next
            raise ConfigError(f"the journal {self._path} cannot be written (the disk is full); nothing was sent")
        self._size += written
        if not entry.order_id:
            self._unlearnt[entry.key] = entry

    def learn(self, key: SessionKey, order_id: str) -> None:
        """Remember what the exchange calls an order of ours, if it is one and that is news."""
        known = self._unlearnt.get(key)
        if known is not None:
            exchange, _, sys_id = order_id.partition(":")
            self.add(msgspec.structs.replace(known, exchange=exchange, order_sys_id=sys_id))
            del self._unlearnt[key]

    def close(self) -> None:
        """Close the file. Repeating it is harmless."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _read(self) -> Iterator[Remembered]:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        if _decoded(lines[0], dict[str, Any]) != self._head:
            return
        # Whatever follows the last line end was torn by a crash: its order was never sent.
        for number, line in enumerate(lines[1:-1], 2):
            entry = _decoded(line, Remembered)
            if entry is None:
                where = f"{self._path}, line {number}"
                raise ConfigError(f"{where}: not an order of ours; move the file away if no order of today matters")
            yield entry

    def _rewrite(self) -> int:
        draft = self._path.with_suffix(".tmp")
        lines = [self._encode(self._head), *map(self._encode, self._found.values())]
        draft.write_bytes(b"".join(line + b"\n" for line in lines))
        draft.replace(self._path)
        self._size = self._path.stat().st_size
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def _decoded(line: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.MsgspecError:
        return None
