"""Listen keys: the passes to the futures' private streams.

See: https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams
"""

from __future__ import annotations

from typing import Any, Final

from .ask import Ask
from .refusal import Refusal

__all__ = ["VALID_S", "close_key", "open_key", "renew_key"]

VALID_S: Final = 3600.0


def open_key(ask: Ask) -> Any:
    """The active key if there is one, and either way an hour from now."""
    return {"listenKey": ask.exchange.open_pass(ask.owner, VALID_S)}


def renew_key(ask: Ask) -> Any:
    if not ask.exchange.renew_pass(ask.owner, VALID_S):
        raise Refusal(-1125, "This listenKey does not exist.")
    return open_key(ask)


def close_key(ask: Ask) -> Any:
    ask.exchange.close_pass(ask.owner)
    return {}
