"""Turn pytest-benchmark's JSON into the Markdown table of README and docs, so that no figure is typed by hand.

Usage: python benchmarks/report.py build/benchmarks.json [FILE.md …]

Prints the table; in each file named it replaces what is between ``<!-- benchmarks -->`` and ``<!-- /benchmarks -->``.
A group is one piece of work; its rung ``tidewire`` is compared with every other rung on the same bytes.
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

RIVALS = ("ccxt", "cryptography", "httpx", "msgspec", "numpy", "orjson", "pandas", "sortedcontainers")
OWN = "tidewire"


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


def rows(benchmarks: list[dict[str, Any]]) -> Iterator[tuple[str, str, float, float]]:
    """Yield (work, rival, rival's median, our median), slowest rival first."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for benchmark in benchmarks:
        groups[benchmark["group"] or benchmark["name"]][rung(benchmark)] = benchmark["stats"]["median"]
    for work, medians in groups.items():
        own = medians.pop(OWN, None)
        if own is None:
            raise SystemExit(f"{work}: no rung is called {OWN!r}: {', '.join(medians)}")
        yield from ((work, name, median, own) for name, median in sorted(medians.items(), key=lambda item: -item[1]))


def machine(info: Mapping[str, Any]) -> str:
    """Processor, interpreter and versions, in one sentence."""
    cpu = info.get("cpu", {})
    return (
        f"Median times on {cpu.get('brand_raw', info['machine'])} ({cpu.get('count', '?')} cores), {info['system']}, "
        f"Python {info['python_version']}; {', '.join(installed())}. Reproduce: `make bench`."
    )


def installed() -> Iterator[str]:
    """Versions of tidewire and of those rivals that are installed."""
    for name in (OWN, *RIVALS):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


def table(report: Mapping[str, Any]) -> str:
    """The whole table."""
    lines = ["| work | rival | rival takes | tidewire takes | ratio |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| {work} | {name} | {duration(theirs)} | {duration(ours)} | **{theirs / ours:.1f}×** |"
        for work, name, theirs, ours in rows(report["benchmarks"])
    ]
    return "\n".join([*lines, "", machine(report["machine_info"])])


def replace(file: Path, text: str) -> None:
    """Put the table between the marks of a file."""
    old = file.read_text(encoding="utf-8")
    new, count = re.subn(
        r"(?<=<!-- benchmarks -->\n).*?(?=<!-- /benchmarks -->)", lambda _: text + "\n", old, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"{file}: expected one pair of <!-- benchmarks --> marks, found {count}")
    file.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    source, *targets = map(Path, sys.argv[1:])
    result = table(json.loads(source.read_text(encoding="utf-8")))
    print(result)
    for target in targets:
        replace(target, result)
