"""The folder where the vendor's library keeps its flow files, one per API.

Without it the library ends the process, and two APIs that share one lose messages of the private flow.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ..errors import ConfigError

try:
    import fcntl
except ImportError:  # Windows, where no library is loaded yet
    fcntl = None  # type: ignore[assignment]

__all__ = ["Flow"]

_LOCK = ".tidewire.lock"


class Flow:
    """A folder that exists, can be written to and is ours alone until ``close``. ``ConfigError`` says why it is not."""

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        # No TemporaryDirectory: at exit it may go before the library, which opens files in it when it likes.
        self._is_temporary = folder is None
        if folder is None:
            folder = tempfile.mkdtemp(prefix="tidewire-ctp-")
        self.path = Path(folder).absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"the flow folder {self.path} cannot be used: {error.strerror}") from error
        try:
            if fcntl is not None:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._try_writing()
        except OSError as error:
            os.close(self._lock)
            if isinstance(error, BlockingIOError):
                raise ConfigError(f"the flow folder {self.path} is in use by another API: give each its own") from None
            raise ConfigError(f"the flow folder {self.path} cannot be used: {error.strerror}") from error

    def _try_writing(self) -> None:
        """The library opens these itself, and ends the process where it cannot."""
        for file in self.path.glob("*.con"):
            os.close(os.open(file, os.O_RDWR | os.O_CLOEXEC))

    @property
    def prefix(self) -> bytes:
        """What the library puts before the names of its files."""
        return os.fsencode(self.path) + b"/"

    def close(self) -> None:
        os.close(self._lock)
        if self._is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)
