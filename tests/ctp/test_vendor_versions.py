"""The vendor's libraries of other versions: what is installed, and what a folder of packages from PyPI has.

``python tools/ctp_vtables.py --download FOLDER`` fetches them; ``TIDEWIRE_CTP_PACKAGES`` names the folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidewire.ctp import find_libraries, schema

TOOL = Path(__file__).resolve().parents[2] / "tools/ctp_vtables.py"

SCRIPT = """
import json, socket, sys, threading
from pathlib import Path
from tidewire import ctp

apis, told = [], {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    lib = ctp.load(folder)
    for kind in ("MdApi", "TraderApi"):
        api, codes, reasons, lost = getattr(lib, kind)(), set(), [], threading.Event()
        apis.append(api)
        for method in lib.schema.classes[kind]:
            if method.returns == "int" and method.parameters[:1] == ("char*[]",):
                codes.add(getattr(api, method.name)(["rb2701"]))
            elif method.returns == "int" and method.parameters:
                given = [getattr(lib, one[:-1])() if one[-1] == "*" else 1 for one in method.parameters]
                codes.add(getattr(api, method.name)(*given))

        class Listener:
            def OnFrontDisconnected(self, reason, reasons=reasons, lost=lost):
                reasons.append(reason)
                lost.set()

        with socket.create_server(("127.0.0.1", 0)) as server:
            api.RegisterSpi(Listener())
            api.RegisterFront(f"tcp://127.0.0.1:{server.getsockname()[1]}")
            api.Init()
            server.accept()[0].close()
        lost.wait(10)
        told[f"{lib.version} {kind}"] = [sorted(codes), api.GetTradingDay(), reasons]
for api in apis:  # all of them have lived at the same time
    api.Release()
Path(sys.argv[2]).write_text(json.dumps(told))
"""


@pytest.fixture(scope="session")
def packages() -> Path:
    named = os.environ.get("TIDEWIRE_CTP_PACKAGES")
    if not named:
        pytest.skip("set TIDEWIRE_CTP_PACKAGES to a folder made by: python tools/ctp_vtables.py --download FOLDER")
    return Path(named)


def check_slots(*places: Path) -> str:
    done = subprocess.run([sys.executable, TOOL, *places], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_slots_of_installed_libraries() -> None:
    installed = {one.path for one in find_libraries() if one.version in schema.versions()}
    if not installed:
        pytest.skip("no CTP library is installed: pip install openctp-ctp")
    assert check_slots(*sorted(installed)).count("slots as in the schema") == len(installed)


def test_slots_of_every_version(packages: Path) -> None:
    said = check_slots(packages)
    for version in schema.versions():
        for api in ("MdApi", "TraderApi"):
            assert f" {version} {api}: {len(schema.load(version).classes[api])} slots" in said


def test_every_version_alive_in_one_process(packages: Path, tmp_path: Path) -> None:
    sys.path.insert(0, str(TOOL.parent))
    import ctp_vtables

    libraries = tmp_path / "libraries"
    for name, data in ctp_vtables.libraries(packages):
        version = ctp_vtables.check(data).split()[0]
        (libraries / version).mkdir(parents=True, exist_ok=True)
        (libraries / version / Path(name).name).write_bytes(data)
    answer = tmp_path / "answer.json"
    subprocess.run([sys.executable, "-c", SCRIPT, libraries, answer], check=True, cwd=tmp_path, timeout=200)
    told = json.loads(answer.read_text())
    assert set(told) == {f"{version} {api}" for version in schema.versions() for api in ("MdApi", "TraderApi")}
    assert {json.dumps(one) for one in told.values()} == {'[[-1], "19800100", [4097]]'}
