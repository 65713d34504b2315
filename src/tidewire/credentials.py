"""API credentials: where they come from, and how they stay out of sight."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from .errors import ConfigError

__all__ = ["Credentials"]

S = TypeVar("S")


class Credentials:
    """A venue's API key, secret and, where the venue has one, passphrase.

    Never printed, logged or pickled: ``repr`` shows the last four characters of the key. Immutable and safe to share
    between threads.
    """

    __slots__ = ("__key", "__passphrase", "__secret", "__signers")

    def __init__(self, key: str, secret: str, passphrase: str | None = None) -> None:
        for name, value in (("key", key), ("secret", secret), ("passphrase", passphrase)):
            if not isinstance(value, str) and not (name == "passphrase" and value is None):
                raise ConfigError(f"credentials: {name} must be text, not {type(value).__name__}")
        self.__key, self.__secret, self.__passphrase = key.strip(), secret.strip(), passphrase or None
        if not self.__key or not self.__secret:
            raise ConfigError(f"credentials: the {'secret' if self.__key else 'key'} is empty")
        self.__signers: dict[Callable[[str], Any], Any] = {}

    @property
    def key(self) -> str:
        """The public half. Not a secret by itself, but treat it as one."""
        return self.__key

    @property
    def secret(self) -> str:
        """The secret: for signers only."""
        return self.__secret

    @property
    def passphrase(self) -> str | None:
        """The passphrase, where the venue has one."""
        return self.__passphrase

    def signer(self, make: Callable[[str], S]) -> S:
        """Return ``make(secret)``, made once: signers keep precomputed state, which is what makes a signature cheap."""
        try:
            return cast("S", self.__signers[make])
        except KeyError:
            return cast("S", self.__signers.setdefault(make, make(self.__secret)))

    @classmethod
    def load(
        cls,
        venue: str,
        *,
        key: str | None = None,
        secret: str | None = None,
        passphrase: str | None = None,
        environment: str = "live",
        path: str | Path | None = None,
    ) -> Credentials:
        """Find credentials: arguments, then environment variables, then the user's file; the first with any wins whole.

        Variables are ``OKX_API_KEY``, ``OKX_API_SECRET``, ``OKX_API_PASSPHRASE`` (``OKX_TESTNET_API_KEY`` … for the
        testnet). The file is ``tidewire/credentials.toml`` in the user's configuration folder with a table per venue,
        and is refused unless only its owner can read it. Raises ``ConfigError`` naming what was looked for when
        nothing, or only half, is found.
        """
        if any(part is not None for part in (key, secret, passphrase)):
            return cls._complete(venue, "the arguments", key, secret, passphrase)
        table = venue if environment == "live" else f"{venue}_{environment}"
        prefix = table.upper()
        names = [f"{prefix}_API_{part}" for part in ("KEY", "SECRET", "PASSPHRASE")]
        values = [os.environ.get(name) for name in names]
        if any(values):
            return cls._complete(venue, "the environment", *values)
        file = Path(path) if path is not None else _config_file()
        if file.exists():
            section = _read_private(file).get(table)
            if section is not None and not isinstance(section, dict):
                raise ConfigError(f"{table} must be a table in {file}: [{table}] with key and secret", venue=venue)
            if section is not None:
                parts = [section.get(part) for part in ("key", "secret", "passphrase")]
                return cls._complete(venue, str(file), *parts)
        raise ConfigError(
            f"no credentials for {venue}: pass Credentials(key, secret), set {names[0]} and {names[1]}, "
            f"or add a [{table}] table with key and secret to {file}",
            venue=venue,
        )

    @classmethod
    def _complete(
        cls, venue: str, source: str, key: str | None, secret: str | None, passphrase: str | None
    ) -> Credentials:
        if not key or not secret:
            missing = [name for name, part in (("key", key), ("secret", secret)) if not part]
            raise ConfigError(f"{venue}: {source} gave no {' and no '.join(missing)}, only half of a pair", venue=venue)
        return cls(key, secret, passphrase)

    def __repr__(self) -> str:
        tail = self.__key[-4:] if len(self.__key) >= 12 else ""
        return f"Credentials(key='…{tail}')"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Credentials):
            return NotImplemented
        return (self.key, self.secret, self.passphrase) == (other.key, other.secret, other.passphrase)

    def __hash__(self) -> int:
        return hash((self.__key, self.__secret, self.__passphrase))

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not picklable: load them where they are used")


def _config_file() -> Path:
    if sys.platform == "win32":
        root = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        root = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return root / "tidewire" / "credentials.toml"


def _read_private(file: Path) -> dict[str, object]:
    import tomllib

    try:
        with file.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise ConfigError(f"{file} can be read by others (mode {mode:04o}): run chmod 600 on it")
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # Their messages and attributes may quote the line, and the line may be a secret.
        raise ConfigError(f"{file} is not valid TOML in UTF-8") from None
