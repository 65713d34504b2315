"""``tidewire klines``: any window of klines, to the terminal, a pipe or a file."""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.progress import track

import tidewire as tw
from tidewire.symbols import parse_time

from .frames import picture, write_csv, write_json, writer
from .options import EnvironmentOption, JsonOption, SandboxOption, SymbolArgument, VenueArgument, place
from .output import DATA, TALK, show

__all__ = ["klines"]

_STRETCH = 10_000
"""Bars fetched between two steps of the progress bar: ten pages or so."""


def klines(
    venue: VenueArgument,
    symbol: SymbolArgument,
    interval: Annotated[str, typer.Argument(help="1m, 5m, 1h, 1d …")] = "1m",
    *,
    start: Annotated[str | None, typer.Option(help="First open time: 2026-01-31, or 2026-01-31T12:00Z.")] = None,
    end: Annotated[str | None, typer.Option(help="Open times end before this.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", help="At most so many.")] = None,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Include the bar that is still open.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A .csv, .json or .parquet file.")] = None,
    json: JsonOption = False,
    environment: EnvironmentOption = "live",
    sandbox: SandboxOption = False,
) -> None:
    """Fetch klines: a table on a terminal, CSV into a pipe, or a file with -o.

    Without --start the newest; missing bars are reported, never invented.
    """
    write = None if output is None else writer(output)
    with place(venue, environment, sandbox=sandbox) as where, tw.Client(venue, environment=where) as client:
        bars = _fetch(client, symbol, interval, _Window(start, end, limit, closed=not unfinished))
    if output is not None and write is not None:
        # Whole or not at all: an interrupted run must not leave half a file under the name asked for.
        part = output.with_name(output.name + ".part")
        try:
            write(bars, part)
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)
        TALK.print(f"{len(bars):,} klines in {output}")
    elif json:
        write_json(bars, sys.stdout)
    elif DATA.is_terminal:
        show(picture(bars, min(100, DATA.width)))
    else:
        write_csv(bars, sys.stdout)
    if len(bars.gaps):
        TALK.print(f"[yellow]{len(bars.gaps)} gaps: the venue has no bars there[/]")


class _Window(NamedTuple):
    start: str | None
    end: str | None
    limit: int | None
    closed: bool


def _fetch(client: tw.Client, symbol: str, interval: str, window: _Window) -> tw.Klines:
    """Fetch a window; one that is long goes in stretches, so that its progress can be shown."""
    bar = tw.Interval.parse(interval).ns
    start, end = parse_time(window.start, "start"), parse_time(window.end, "end") or time.time_ns()
    if start is None or bar is None or window.limit is not None or (end - start) // bar <= _STRETCH:
        with TALK.status(f"fetching {symbol} {interval}"):
            return client.fetch_klines(symbol, interval, **window._asdict())
    bounds = [*range(start, end, bar * _STRETCH), end]
    stretches = track(
        list(pairwise(bounds)), f"{symbol} {interval}", console=TALK, transient=True, disable=not TALK.is_terminal
    )
    parts = [
        client.fetch_klines(symbol, interval, start=begin, end=until, closed=window.closed)
        for begin, until in stretches
    ]
    return tw.Klines.concat(parts)
