"""Turn pytest-benchmark's JSON into the Markdown tables of README and docs, so that no figure is typed by hand.

Usage: python benchmarks/report.py build/benchmarks.json [FILE.md …]

Prints every rung; in each file named it replaces what is between ``<!-- benchmarks -->`` and ``<!-- /benchmarks -->``,
in README.md with the headlines only. A group is one piece of work; its rung ``tidewire`` is compared with every other.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tidewire.signing import cpu_features

RIVALS = ("ccxt", "cryptography", "msgspec", "numpy", "openctp-ctp", "orjson", "vnpy_ctp")
OWN = "tidewire"

# The groups that README shows, by how their names begin, and what README calls them.
HEADLINES = {
    "sign 100 × Binance order, ": "sign 100 orders (HMAC-SHA256, hex)",
    "1,000 Binance klines to columns, real newest": "1,000 klines into columns",
    "1,000 book diffs of 20 levels": "merge 1,000 book updates of 20 levels",
    "1,000 recorded Binance spot diffs": "the same, recorded: 35 levels, many of them far from the best price",
    "a recorded Binance session of": "34,500 recorded updates, from the socket to the book, whole clients",
    "50,000 CTP ticks to Python": "50,000 CTP ticks to a Python callback",
}


def rung(benchmark: Mapping[str, Any]) -> str:
    """Name of the library or technique: ``extra_info["rung"]``, else the parameter's id, else the test's own name."""
    given = benchmark.get("extra_info", {}).get("rung") or benchmark.get("param")
    return str(given or benchmark["name"].removeprefix("test_").replace("_", " "))


def duration(seconds: float) -> str:
    """Three figures and the fitting unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if seconds >= size or unit == "ns":
            return f"{seconds / size:#.3g}".rstrip(".") + f" {unit}"
    raise AssertionError


Ladders = dict[str, dict[str, float]]


def ladders(benchmarks: list[dict[str, Any]]) -> Ladders:
    """Median seconds by work and rung, slowest first."""
    groups: Ladders = defaultdict(dict)
    for benchmark in benchmarks:
        groups[benchmark["group"] or benchmark["name"]][rung(benchmark)] = benchmark["stats"]["median"]
    for work, medians in groups.items():
        if OWN not in medians:
            raise SystemExit(f"{work}: no rung is called {OWN!r}: {', '.join(medians)}")
    return {work: dict(sorted(medians.items(), key=lambda item: -item[1])) for work, medians in groups.items()}


def machine(report: Mapping[str, Any]) -> str:
    """Processor, interpreter and versions, in one sentence."""
    info = report["machine_info"]
    cpu = info.get("cpu", {})
    told = {benchmark.get("extra_info", {}).get("version") for benchmark in report["benchmarks"]} - {None}
    versions = dict(text.rsplit(" ", 1) for text in told) | dict(installed())
    own = f"{versions.pop(OWN)} using {' and '.join(cpu_features()) or 'portable code'}"
    names = ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
    return (
        f"Median times on {cpu.get('brand_raw', info['machine'])} ({cpu.get('count', '?')} cores), {info['system']}, "
        f"Python {info['python_version']}; {OWN} {own}, {names}. Reproduce: `make bench`."
    )


def installed() -> Iterator[tuple[str, str]]:
    """Versions of tidewire and of those rivals that are installed here; others tell theirs with their results."""
    for name in (OWN, *RIVALS):
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def every_rung(groups: Ladders) -> list[str]:
    """A row per rival."""
    lines = ["| work | rival | rival takes | tidewire takes | ratio |", "|---|---|---:|---:|---:|"]
    for work, medians in groups.items():
        ours = medians[OWN]
        lines += [
            f"| {work} | {name} | {duration(theirs)} | {duration(ours)} | {theirs / ours:.1f}× |"
            for name, theirs in medians.items()
            if name != OWN
        ]
    return lines


def headlines(groups: Ladders) -> list[str]:
    """A row per headline, the rivals in one cell; our other ways are told in the whole table only."""
    lines = ["| work | tidewire | times faster than |", "|---|---:|---|"]
    for start, title in HEADLINES.items():
        found = [medians for work, medians in groups.items() if work.startswith(start)]
        if len(found) != 1:
            raise SystemExit(f"{len(found)} groups begin with {start!r}, expected one of: {', '.join(groups)}")
        ours = found[0][OWN]
        rivals = (f"**{theirs / ours:.1f}×** {name}" for name, theirs in found[0].items() if not name.startswith(OWN))
        lines.append(f"| {title} | {duration(ours)} | {', '.join(rivals)} |")
    return lines


def replace(file: Path, text: str) -> None:
    """Put the table between the marks of a file."""
    old = file.read_text(encoding="utf-8")
    new, count = re.subn(
        r"(?<=<!-- benchmarks -->\n).*?(?=<!-- /benchmarks -->)", lambda _: text + "\n", old, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"{file}: expected one pair of <!-- benchmarks --> marks, found {count}")
    file.write_text(new, encoding="utf-8")


def main(source: Path, *targets: Path) -> None:
    """Print the whole table, and put the fitting one into each file."""
    report = json.loads(source.read_text(encoding="utf-8"))
    groups = ladders(report["benchmarks"])
    closing = ["", machine(report)]
    print("\n".join(every_rung(groups) + closing))
    for target in targets:
        lines = headlines(groups) if target.name == "README.md" else every_rung(groups)
        replace(target, "\n".join(lines + closing))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
