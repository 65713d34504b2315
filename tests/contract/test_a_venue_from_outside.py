"""A fifth venue: a folder that nobody here knows, found through its entry point, keeps the whole contract.

It is Binance's folder under another name, in a package of its own in a temporary place. Nothing else is edited.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tidewire.venues.binance import rest

NAME = "toyex"
HERE = Path(__file__).parent


def outside(text: str) -> str:
    """A module of the venue's folder as another distribution would write it."""
    text = re.sub(r"^(\s*from )\.\.\.\.?(\w+) import", r"\1tidewire.\2 import", text, flags=re.MULTILINE)
    text = re.sub(r"^(\s*from )\.\.\. import", r"\1tidewire import", text, flags=re.MULTILINE)
    return text.replace('"binance"', f'"{NAME}"')


@pytest.fixture
def site(tmp_path: Path) -> Path:
    source = Path(rest.__file__).parent
    for file in source.rglob("*.py"):
        target = tmp_path / f"{NAME}_for_tidewire" / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(outside(file.read_text(encoding="utf-8")), encoding="utf-8")
    info = tmp_path / f"{NAME}_for_tidewire-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}-for-tidewire\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[tidewire.venues]\n{NAME} = {NAME}_for_tidewire:VENUE\n")
    return tmp_path


def run(site: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_it_is_found_and_keeps_the_contract(site: Path) -> None:
    found = run(site, "-c", f"import tidewire as tw; print(tw.venues(), tw.venue({NAME!r}))")
    assert f"'{NAME}'" in found
    assert f"<venue {NAME} (live)>" in found
    # What the wire does to a venue is no matter of where its folder is, and takes its time.
    calm = f"{NAME} and not (test_limits or survives or breaks or rotation or lost_answer or test_wire)"
    report = run(site, "-m", "pytest", str(HERE), "-q", "-p", "no:cacheprovider", "-k", calm)
    passed = re.search(r"(\d+) passed", report)
    assert passed
    assert int(passed[1]) > 120, report[-500:]
