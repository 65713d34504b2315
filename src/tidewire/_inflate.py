"""Inflating gzip frames, bounded against those that would grow without end."""

from __future__ import annotations

import zlib

from ._feed import Buffer
from ._websocket import MAX_MESSAGE
from .errors import DecodeError

__all__ = ["Inflater"]

_GZIP = 31  # zlib's word for a gzip header and the largest window


class Inflater:
    """Inflates one connection's frames. What ``inflate`` returns is valid until it is called again."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit

    def inflate(self, frame: Buffer) -> Buffer:
        """Return the text of a gzip frame; raise ``DecodeError`` for garbage, and for more than ``limit`` bytes."""
        stream = zlib.decompressobj(_GZIP)
        try:
            text = stream.decompress(frame, self._limit)
        except zlib.error as error:
            raise DecodeError(f"not a gzip frame: {error}") from None
        if not stream.eof:
            why = f"it inflates to more than {self._limit} bytes" if len(text) >= self._limit else "it is cut short"
            raise DecodeError(f"not a whole gzip frame: {why}")
        return text
