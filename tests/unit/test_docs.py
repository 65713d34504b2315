"""Every Python example in README and docs, and every program in examples, runs against the sandbox."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import tidewire as tw
from tidewire import errors
from tidewire._venue import Hosts
from tidewire.cli.app import app
from tidewire.venues.binance.spec import MARKETS, SPEC

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_CODE = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def _venue_is_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tw.sandbox.Sandbox(["binance"], seed=7) as sandbox:
        rest, stream = sandbox.base_url("binance"), sandbox.stream_url("binance")
        live = SPEC.environments["live"]
        hosts = Hosts(rest=dict.fromkeys(live.rest, rest), stream=dict.fromkeys(live.stream, stream))
        monkeypatch.setitem(SPEC.environments, "live", hosts)
        credentials = sandbox.credentials("binance")
        monkeypatch.setenv("BINANCE_API_KEY", credentials.key)
        monkeypatch.setenv("BINANCE_API_SECRET", credentials.secret)
        yield


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
@pytest.mark.usefixtures("_venue_is_a_sandbox")
def test_examples_run(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    text = page.read_text(encoding="utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert blocks
    for block in blocks:
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], name(page), "exec"), namespace)
    assert capsys.readouterr().out


@pytest.mark.parametrize("program", sorted((ROOT / "examples").glob("*.py")), ids=name)
def test_example_programs_run(program: Path) -> None:
    command = [sys.executable, "-W", "error", program]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_page_on_errors_shows_the_tree() -> None:
    drawing = (errors.__doc__ or "").partition("::\n\n")[2].partition("\n\nCatch")[0]
    shown = "\n".join(line.removeprefix("    ") for line in drawing.splitlines())
    assert shown in (ROOT / "docs" / "when-it-fails.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "venues").glob("*.md")), ids=name)
def test_the_page_on_a_venue_lists_what_it_offers(page: Path) -> None:
    listed = set(re.findall(r"`([a-z_]+)`", page.read_text(encoding="utf-8")))
    offered = tw.venue(page.stem).capabilities
    verbs = {verb for verb in offered if verb.startswith(("fetch_", "create_", "cancel_", "ping", "server"))}
    assert verbs - listed == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_shown_are_commands(page: Path) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for line in re.findall(r"^tidewire (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        command, *arguments = shlex.split(line, comments=True)
        group.commands[command].make_context(command, arguments)


def test_the_page_on_binance_has_the_paths_and_weights_of_the_code() -> None:
    page = (ROOT / "docs" / "venues" / "binance.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| `")
    ]
    compared = 0
    for verbs, spot, spot_weight, linear, linear_weight in (row for row in rows if len(row) == 5):
        for verb in re.findall(r"`(\w+)`", verbs):
            for kind, path, weight in (("spot", spot, spot_weight), ("linear", linear, linear_weight)):
                market = MARKETS[kind]  # type: ignore[index]
                if path == "–":
                    assert verb not in market.paths or verb in ("ping", "server_time"), f"{verb}: {kind}"
                    continue
                assert market.paths[verb] == path, f"{verb}: {kind}"
                if weight.isdigit() and verb in market.weights:  # the others go by steps
                    assert market.weights[verb] == int(weight), f"{verb}: {kind}"
                compared += 1
    assert compared > 30
