"""``tidewire venues``: what there is to connect to."""

from __future__ import annotations

import tidewire as tw

from .options import JsonOption
from .output import as_json, show, table

__all__ = ["venues"]


def venues(*, json: JsonOption = False) -> None:
    """List the venues, and what each offers."""
    found = [tw.venue(name) for name in tw.venues()]
    if json:
        as_json(
            {
                venue.name: {
                    "title": venue.spec.title,
                    "aliases": venue.spec.aliases,
                    "kinds": venue.spec.kinds,
                    "environments": tuple(venue.spec.environments),
                    "intervals": {kind: tuple(offered) for kind, offered in venue.spec.intervals.items()},
                    "capabilities": venue.capabilities,
                    "documentation": venue.spec.documentation,
                }
                for venue in found
            }
        )
        return
    rows = [
        (
            venue.name,
            venue.spec.title,
            " ".join(venue.spec.kinds),
            " ".join(venue.spec.environments),
            len(venue.capabilities),
            venue.spec.documentation,
        )
        for venue in found
    ]
    show(table("venue", "title", "kinds", "environments", "verbs", "documentation", rows=rows, numbers="verbs"))
