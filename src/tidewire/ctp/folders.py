"""Where a session keeps its files: the vendor's flow files, our journal and the day's instruments."""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from pathlib import Path

__all__ = ["default_folder"]


def default_folder(kind: str, *identity: str) -> Path:
    """A folder of the user's for this kind of session and this account, the same at every start.

    One session at a time may use it: two on one folder lose each other's returns.
    """
    mark = blake2b("\0".join(identity).encode(), digest_size=8).hexdigest()
    return _state_root() / "tidewire" / "ctp" / f"{kind}-{mark}"


def _state_root() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
