"""Somebody else's binding, as it is on PyPI, trades on the simulator as if it were the vendor's library."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tidewire.ctp import sim

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="openctp-ctp's wheel is used on Linux only"
)

CLIENT = Path(__file__).with_name("openctp_client.py")


@pytest.fixture(scope="module")
def package() -> Path:
    spec = importlib.util.find_spec("openctp_ctp")  # located, not imported: that needs its locale
    if spec is None or spec.origin is None:
        pytest.skip("openctp-ctp is not installed")
    return Path(spec.origin).parent


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's wrapper dies without this locale; ours needs none."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef to make the locale that openctp-ctp needs")
    folder = tmp_path_factory.mktemp("locales")
    subprocess.run(
        ["localedef", "-i", "zh_CN", "-f", "GB18030", folder / "zh_CN.GB18030"], check=False, capture_output=True
    )
    assert (folder / "zh_CN.GB18030" / "LC_CTYPE").exists()
    return folder


def trade(folder: Path, locales: Path, **environment: str) -> dict[str, Any]:
    flow = folder / "flow"
    flow.mkdir()
    ran = subprocess.run(
        [sys.executable, CLIENT, f"{flow}/"],
        env={**os.environ, "LOCPATH": str(locales), "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode("utf-8", "replace")
    said: dict[str, Any] = json.loads(ran.stdout.decode().splitlines()[-1])
    return said


def check(said: dict[str, Any]) -> None:
    assert said["version"].startswith("v6.7.11_SIM")
    assert said["authenticated"] == [63, 0]
    assert said["login"][0] == "20260701"
    assert said["unconfirmed"] == [42, "CTP:结算结果未确认"]
    instruments = {row[0]: row[1:] for row in said["instruments"]}
    assert instruments["rb2610"] == ["SHFE", "螺纹钢2610", 1.0]
    assert {row[0] for row in instruments.values()} == {"SHFE", "DCE", "CZCE", "CFFEX", "INE", "GFEX"}
    assert all(tick[0] == "rb2610" for tick in said["ticks"])
    volumes = [tick[3] for tick in said["ticks"]]
    assert volumes == sorted(volumes)
    assert volumes[-1] > volumes[0]
    assert sum(volume for ref, _price, volume in said["trades"] if ref == "2") == 10
    assert [row[:4] for row in said["positions"]] == [["rb2610", "2", "1", 10]]
    assert said["positions"] == said["front positions"]


def test_in_place_of_its_two_files(package: Path, locales: Path, tmp_path: Path) -> None:
    shutil.copytree(package, tmp_path / "openctp_ctp")
    libraries = tmp_path / "openctp_ctp.libs"
    libraries.mkdir()
    for file in package.with_name("openctp_ctp.libs").iterdir():
        (libraries / file.name).symlink_to(sim.library_path())  # one file under two names is one library in memory
    check(trade(tmp_path, locales, PYTHONPATH=str(tmp_path)))


def test_preloaded(package: Path, locales: Path, tmp_path: Path) -> None:
    check(trade(tmp_path, locales, LD_PRELOAD=str(sim.library_path())))
