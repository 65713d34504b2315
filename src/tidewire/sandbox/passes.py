"""Passes to private streams: secret parts of an address that an owner asks for, and that end unless renewed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .._dialect import PassEnded

__all__ = ["Passes"]


@dataclass(slots=True)
class _Pass:
    text: str
    ends_ns: int


class Passes:
    """At most one pass per owner."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._issued = 0
        self._by_owner: dict[str, _Pass] = {}

    def open(self, owner: str, now_ns: int, valid_s: float) -> str:
        """The owner's pass, or a new one, valid from now."""
        if not self.renew(owner, now_ns, valid_s):
            self._issued += 1
            text = hashlib.sha256(f"tidewire pass/{self._seed}/{self._issued}/{owner}".encode()).hexdigest()
            self._by_owner[owner] = _Pass(text, now_ns + round(valid_s * 1e9))
        return self._by_owner[owner].text

    def renew(self, owner: str, now_ns: int, valid_s: float) -> bool:
        """Let a valid pass last from now; ``False`` when there is none."""
        held = self._by_owner.get(owner)
        if held is None or held.ends_ns <= now_ns:
            return False
        held.ends_ns = now_ns + round(valid_s * 1e9)
        return True

    def close(self, owner: str) -> None:
        """End the owner's pass now; told by the next ``ended``."""
        if owner in self._by_owner:
            self._by_owner[owner].ends_ns = 0

    def owner(self, text: str, now_ns: int) -> str | None:
        """Who holds a valid pass of this text."""
        return next((o for o, held in self._by_owner.items() if held.text == text and held.ends_ns > now_ns), None)

    def ended(self, now_ns: int) -> list[PassEnded]:
        """Forget the passes that are over, and tell of each."""
        over = {owner: held for owner, held in self._by_owner.items() if held.ends_ns <= now_ns}
        for owner in over:
            del self._by_owner[owner]
        return [PassEnded(owner=owner, text=held.text, time_ns=now_ns) for owner, held in over.items()]
