"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sorted((ROOT / "src").rglob("*.py"))
NATIVE = sorted(p for p in (ROOT / "native").rglob("*") if p.suffix in {".cpp", ".hpp", ".pyx", ".pxi", ".pxd"})

SITTING = 420

# Files that may be longer, each with the reason.
LONGER = {
    "src/tidewire/client.py": "every verb twice, blocking and awaiting, in one place so that one sees them agree",
    "src/tidewire/venues/binance/rest.py": "every verb of two markets, in the order of the venue's own document",
}

BANNED = re.compile(r"(^|_)(utils?|helpers?|common|managers?|misc|handle_data)($|_)", re.IGNORECASE)
MACHINE = re.compile("|".join(["/" + "work/", "/" + "tmp/wt", "/" + "root/", "/" + "home/", "/" + "opt/pypi"]))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), relative(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports(path: Path) -> Iterator[str]:
    """Absolute names of the modules that a source file imports."""
    package = path.relative_to(ROOT / "src").with_suffix("").parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))
            base = base if node.level else str(node.module)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def test_there_is_something_to_check() -> None:
    assert len(PYTHON) > 5
    assert len(NATIVE) > 5


@pytest.mark.parametrize("path", [*PYTHON, *NATIVE], ids=relative)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert relative(path) not in LONGER or lines > SITTING, "short enough: strike it from LONGER"
    assert lines <= SITTING or relative(path) in LONGER, f"{lines} lines: split it, or justify it in LONGER"


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_a_function_fits_a_screen(path: Path) -> None:
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(path)}
    assert {name: length for name, length in lengths.items() if length > 60} == {}


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_names_are_the_fields_own(path: Path) -> None:
    classes = (node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef))
    names = [*path.relative_to(ROOT / "src").with_suffix("").parts, *classes, *(f.name for f in functions(path))]
    spelled = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name) for name in names]
    assert [name for name in spelled if BANNED.search(name)] == []


@pytest.mark.parametrize("path", [p for p in PYTHON if not p.name.startswith("_")], ids=relative)
def test_no_public_function_takes_a_bag_of_params_or_a_positional_flag(path: Path) -> None:
    bags, flags = [], []
    for function in functions(path):
        if function.name.startswith("_") and not function.name.endswith("__"):
            continue
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args]
        bags += [function.name for a in [*named, *arguments.kwonlyargs] if a.arg == "params"]
        flags += [f"{function.name}({a.arg})" for a in named if a.annotation and ast.unparse(a.annotation) == "bool"]
    assert bags == []
    assert flags == []


def test_few_modules_own_the_compiled_core() -> None:
    importers = {relative(p) for p in PYTHON if "tidewire._native" in set(imports(p))}
    owners = (
        *("_inflate", "book", "futures/bars", "klines", "latency", "signing"),
        *("universal/allocation", "universal/arbitrage", "universal/consolidated", "wenhua/dat", "wenhua/layouts"),
    )
    assert importers <= {f"src/tidewire/{name}.py" for name in owners}


def test_every_module_says_what_it_is() -> None:
    assert [relative(p) for p in PYTHON if not ast.get_docstring(tree(p))] == []


def test_the_core_uses_the_standard_library_only() -> None:
    foreign = []
    for path in (ROOT / "native" / "core").rglob("*.[ch]pp"):
        for name in re.findall(r"^\s*#\s*include\s+<([^>]+)>", path.read_text(encoding="utf-8"), re.MULTILINE):
            known = re.fullmatch(r"[a-z_0-9]+|\w*intrin\.h|cpuid\.h|sys/\w+\.h|asm/\w+\.h", name)
            foreign += [] if known else [f"{relative(path)}: {name}"]
    assert foreign == []


def test_four_dependencies_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[^A-Za-z0-9_-]", requirement)[0] for requirement in project["dependencies"]}
    assert names == {"httpx", "msgspec", "numpy", "picows"}


def test_no_tracked_file_names_a_machine() -> None:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    named = []
    for name in listing.stdout.splitlines():
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace") if (ROOT / name).is_file() else ""
        named += [f"{name}: {match[0]}" for match in MACHINE.finditer(text)]
    assert named == []
