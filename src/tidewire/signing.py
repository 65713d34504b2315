"""Signatures of requests."""

from __future__ import annotations

from ._native import Signer, cpu_features

__all__ = ["Signer", "cpu_features"]
