"""Inflating gzip frames in native code: into one buffer, checked by CRC32, bounded against those that never end."""

from __future__ import annotations

from ._native import Inflater

__all__ = ["Inflater"]
