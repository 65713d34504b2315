"""What the exit code of a command tells."""

from __future__ import annotations

import tidewire as tw

__all__ = ["INTERRUPTED", "MEANINGS", "exit_code"]

INTERRUPTED = 130

MEANINGS = {
    0: "done",
    1: "no answer from the venue, or any failure that is not below",
    2: "the command cannot be run as written (usage, symbol, credentials), or an extra is not installed",
    3: "the venue refused",
    4: "the venue refused the key, its permissions or the time stamp",
    5: "rate limit or ban",
    6: "data that cannot be trusted: undecodable, a broken book, a stream that ended",
    INTERRUPTED: "interrupted by Ctrl-C",
}

# The first that fits: leaves before their branch.
_FAMILIES: tuple[tuple[type[tw.Error], int], ...] = (
    (tw.RateLimited, 5),
    (tw.AuthenticationError, 4),
    (tw.ConfigError, 2),
    (tw.VenueError, 3),
    (tw.DecodeError, 6),
    (tw.BookError, 6),
    (tw.StreamClosed, 6),
)


def exit_code(error: tw.Error) -> int:
    """Return the exit code of an error's family."""
    return next((code for family, code in _FAMILIES if isinstance(error, family)), 1)
