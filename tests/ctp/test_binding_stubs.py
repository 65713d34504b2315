"""The type stub that the build makes names every field, method and callback of every version."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tidewire.ctp import schema

TOOL = Path(__file__).resolve().parents[2] / "tools/ctp_stubs.py"


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, ast.stmt]]:
    """Members of the stub's classes, by their names."""
    made = tmp_path_factory.mktemp("stubs") / "wire.pyi"
    subprocess.run([sys.executable, TOOL, made], check=True)
    found: dict[str, dict[str, ast.stmt]] = {}
    for node in ast.parse(made.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            assert node.name not in found
            found[node.name] = {
                one.name if isinstance(one, ast.FunctionDef) else ast.unparse(one).split(":")[0].split(" ")[0]: one
                for one in node.body
            }
    return found


@pytest.mark.parametrize("version", schema.versions())
def test_nothing_is_missing(classes: dict[str, dict[str, ast.stmt]], version: str) -> None:
    told = schema.load(version)
    for struct in told.structs.values():
        assert set(classes[struct.name]) >= {field.name for field in struct.fields}, struct.name
    assert set(classes["Names"]) >= set(told.structs) | set(told.constants)
    for spi in ("MdSpi", "TraderSpi"):
        assert set(classes[spi]) >= {method.name for method in told.classes[spi]}
    for api in ("MdApi", "TraderApi"):
        requests = {method.name for method in told.classes[api] if method.name.startswith("Req")}
        assert set(classes[api.replace("Api", "Methods")]) >= requests


def test_signatures(classes: dict[str, dict[str, ast.stmt]]) -> None:
    def written(of: str, name: str) -> str:
        return ast.unparse(classes[of][name])

    assert written("TraderMethods", "ReqOrderInsert") == (
        "def ReqOrderInsert(self, field: InputOrder, request_id: int) -> int:\n    ..."
    )
    assert written("MdMethods", "SubscribeMarketData").startswith(
        "def SubscribeMarketData(self, ids: Iterable[str]) -> int"
    )
    assert written("TraderMethods", "SubscribePrivateTopic").startswith(
        "def SubscribePrivateTopic(self, mode: str | int, sequence: int=1) -> None"
    )
    assert written("TraderSpi", "OnRspUserLogin").startswith(
        "def OnRspUserLogin(self, field: RspUserLogin | None, info: RspInfo | None, request_id: int, is_last: bool, /)"
    )
    assert written("DepthMarketData", "Volume") == "Volume: int = ..."
    assert written("DirectionType", "Buy") == "Buy = '0'"
