"""Shared by every test: where the recordings are, and reproducible randomness."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = Path(os.environ.get("TIDEWIRE_FIXTURES", ROOT.parent / "shared" / "fixtures"))

settings.register_profile("tidewire", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("tidewire")


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Folder of third-party recordings; tests that need it skip where it is absent."""
    if not FIXTURES.is_dir():
        pytest.skip(f"recordings are not here: {FIXTURES} (set TIDEWIRE_FIXTURES)")
    return FIXTURES
