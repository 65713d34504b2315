"""Venues by name: a folder here, or an entry point of the group ``tidewire.venues``. Adding one edits nothing else."""

from __future__ import annotations

import difflib
import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .._venue import Venue

__all__ = ["home", "venue", "venues"]

GROUP = "tidewire.venues"


def venues() -> tuple[str, ...]:
    """Return the names of all venues, sorted."""
    return tuple(sorted({*_folders(), *_entry_points()}))


def venue(
    name: str | type[Venue], *, environment: str = "live", base_url: str | None = None, stream_url: str | None = None
) -> Venue:
    """Return a venue: spec, layouts, calls, no I/O. Raises ``ConfigError`` with near matches for an unknown name."""
    kind = _find(name) if isinstance(name, str) else name
    return kind(environment=environment, base_url=base_url, stream_url=stream_url)


def home(name: str) -> str:
    """Return the package that a venue lives in, where its other modules (its sandbox's dialect) are found."""
    return _find(name).__module__.rpartition(".")[0]


def _find(name: str) -> type[Venue]:
    lowered = name.lower()
    if lowered in venues():
        return _load(lowered)
    for candidate in map(_load, venues()):
        if lowered in candidate.spec.aliases:
            return candidate
    near = difflib.get_close_matches(lowered, venues(), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ConfigError(f"no venue {name!r}: one of {', '.join(venues())}{hint}")


@cache
def _folders() -> tuple[str, ...]:
    return tuple(item.name for item in pkgutil.iter_modules(__path__) if item.ispkg)


@cache
def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # 10 ms that only those who name a venue pay

    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def _load(name: str) -> type[Venue]:
    from .._venue import Venue  # brings the compiled core along, which a mere list of names does not need

    found = import_module(f"{__name__}.{name}").VENUE if name in _folders() else _entry_points()[name].load()
    if not (isinstance(found, type) and issubclass(found, Venue)):
        raise ConfigError(f"venue {name!r}: {found!r} is not a subclass of tidewire's Venue")
    return found
