"""On a machine that lacks something, make says so in one line that names the package."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Answers the four questions that tools/prepare asks of an interpreter.
PYTHON = """#!/bin/sh
case "$*" in
    --version) echo "Python {version}" ;;
    *version_info*) exit {old} ;;
    *ensurepip*) exit {no_venv} ;;
    *sysconfig*) echo {include} ;;
    *) exit 1 ;;
esac
"""


class Machine:
    """A folder of programs that is the whole PATH."""

    def __init__(self, root: Path) -> None:
        self.bin = root / "bin"
        self.bin.mkdir()
        self.include = root / "include"
        self.include.mkdir()
        (self.include / "Python.h").touch()
        self.venv = root / "venv"

    def install(self, name: str, text: str) -> None:
        program = self.bin / name
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)

    def install_python(
        self,
        name: str = "python3",
        *,
        version: str = "3.11.2",
        old: int = 0,
        no_venv: int = 0,
        include: Path | None = None,
    ) -> None:
        self.install(name, PYTHON.format(version=version, old=old, no_venv=no_venv, include=include or self.include))

    def install_compiler(self, name: str = "g++", *, knows_cxx20: bool = True) -> None:
        self.install(name, f"#!/bin/sh\nexit {0 if knows_cxx20 else 1}\n")

    def complaint(self, *arguments: str, cxx: str | None = None) -> str:
        env = {"PATH": str(self.bin)} | ({"CXX": cxx} if cxx else {})
        command = ["/bin/sh", ROOT / "tools" / "prepare", self.venv, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        assert not self.venv.exists()
        return done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    if os.name != "posix" or not (ROOT / "tools" / "prepare").exists():
        pytest.skip("needs sh and a checkout")
    return Machine(tmp_path)


def test_no_python(machine: Machine) -> None:
    machine.install_compiler()
    said = machine.complaint()
    assert "Python 3.11 or newer (found no python3): install python3 python3-venv python3-dev (Debian, Ubuntu)" in said


def test_an_old_python(machine: Machine) -> None:
    machine.install_compiler()
    machine.install_python(version="3.10.12", old=1)
    assert "Python 3.11 or newer (found Python 3.10.12)" in machine.complaint()


def test_the_chosen_python_is_the_one_asked_about(machine: Machine) -> None:
    machine.install_compiler()
    machine.install_python()
    machine.install_python("python3.9", version="3.9.18", old=1)
    assert "(found Python 3.9.18)" in machine.complaint("python3.9")


def test_a_newer_python_beside_an_old_one_is_found(machine: Machine) -> None:
    machine.install_compiler()
    machine.install_python(version="3.10.12", old=1)
    machine.install_python("python3.12", no_venv=1)
    assert "the venv module of python3.12: install python3.12-venv (Debian, Ubuntu)" in machine.complaint()


def test_no_headers(machine: Machine) -> None:
    machine.install_compiler()
    machine.install_python(include=machine.bin)
    assert (
        "the C headers of python3: install python3-dev (Debian, Ubuntu), python3-devel (Fedora)" in machine.complaint()
    )


def test_no_compiler(machine: Machine) -> None:
    machine.install_python()
    assert "a C++20 compiler" in (said := machine.complaint())
    assert "install g++ (Debian, Ubuntu), gcc-c++ (Fedora)" in said
    assert "xcode-select --install" in said


def test_a_compiler_without_cxx20(machine: Machine) -> None:
    machine.install_python()
    machine.install_compiler("c++", knows_cxx20=False)
    machine.install_compiler("old-g++", knows_cxx20=False)
    assert "(tried c++, g++, clang++)" in machine.complaint()
    machine.install_compiler("g++")  # not the one that CXX names
    assert "(tried old-g++)" in machine.complaint(cxx="old-g++")
