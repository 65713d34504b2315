"""``tidewire doctor``: what to paste into a report when something does not work."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

import tidewire as tw

from ..ctp import Library, find_libraries
from ..sandbox import Sandbox
from ..signing import cpu_features
from .options import EnvironmentOption, JsonOption, Place, SandboxOption, place
from .output import as_json, working

__all__ = ["doctor"]

_PACKAGES = ("httpx", "msgspec", "numpy", "picows", "rich", "typer", "cryptography", "pandas", "polars", "pyarrow")


def doctor(
    venues: Annotated[list[str] | None, typer.Argument(help="Which to look at; all if none is named.")] = None,
    *,
    json: JsonOption = False,
    environment: EnvironmentOption = "live",
    sandbox: SandboxOption = False,
) -> None:
    """Check the installation, the venues' reachability and clocks, and your credentials. Shows no secret.

    Exits with 1 unless every venue asked for could be reached.
    """
    report: dict[str, dict[str, str]] = {"tidewire": _installation()}
    reached = True
    for name in venues or tw.venues():
        with place(name, environment, sandbox=sandbox) as where, working(f"asking {name}"):
            findings = _examine(name, where)
        reached = reached and findings["reachable"].startswith("yes")
        report[name] = findings
    if json:
        as_json(report)
    else:
        typer.echo("\n\n".join(_section(title, findings) for title, findings in report.items()))
    if not reached:
        raise typer.Exit(1)


def _installation() -> dict[str, str]:
    return {
        "version": tw.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu features": " ".join(cpu_features()) or "none: portable code",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "ctp libraries": "; ".join(map(_library, find_libraries())) or "none: pip install openctp-ctp, or vnpy_ctp",
    }


def _library(found: Library) -> str:
    told = found.problem or f"{found.version} {found.kind}"
    return f"{told}, {found.path}".replace(str(Path.home()), "~")


def _examine(venue: str, where: Place) -> dict[str, str]:
    """Ask a venue harmless things; every failure is a finding."""
    credentials, found = _credentials(venue, where)
    with tw.Client(venue, environment=where, credentials=credentials, retries=0, timeout=5.0) as client:
        findings = {"environment": where if isinstance(where, str) else "sandbox"}
        try:
            latency = client.ping() / 1e6
            client.server_time()
        except tw.Error as error:
            return findings | {"reachable": f"no: {_told(error)}", "credentials": found}
        health = client.health()
        findings["reachable"] = f"yes, {latency:.1f} ms"
        findings["clock"] = f"the venue's is {health.clock_offset_ms or 0:+.1f} ms against ours"
        findings["credentials"] = found
        if credentials is not None:
            findings["key may read"] = _permission(client)
        used = [f"{scope} {share:.2%}" for scope, share in client.health().limits.items() if share]
        findings["limits used"] = ", ".join(used) or "none"
    return findings


def _credentials(venue: str, where: Place) -> tuple[tw.Credentials | None, str]:
    if isinstance(where, Sandbox):
        return where.credentials(venue), "the sandbox's own"
    try:
        credentials = tw.Credentials.load(venue, environment=where)
    except tw.ConfigError as error:
        return None, f"none: {error}".replace(str(Path.home()), "~")
    return credentials, repr(credentials)


def _permission(client: tw.Client) -> str:
    try:
        client.fetch_balances()
    except tw.Error as error:
        return f"no: {_told(error)}"
    return "yes"


def _told(error: tw.Error) -> str:
    return f"{type(error).__name__}: {error}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _section(title: str, findings: dict[str, str]) -> str:
    width = max(map(len, findings))
    return "\n".join([title, *(f"  {name:<{width}}  {finding}" for name, finding in findings.items())])
