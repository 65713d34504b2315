"""``tidewire wenhua``: what a terminal of Wenhua's has stored, and its bars."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..futures.bars import Bars
from ..wenhua import Install, open_install, read_csv, read_dat
from .frames import picture, write_csv, write_json
from .options import JsonOption
from .output import DATA, TALK, as_json, show, table

__all__ = ["wenhua"]


def wenhua(
    path: Annotated[Path, typer.Argument(help="An installation's folder (or a copy), a .dat file, or a text export.")],
    symbol: Annotated[str, typer.Argument(help="Of an installation: 63580, rb10 or rb2610.")] = "",
    interval: Annotated[str, typer.Argument(help="Of an installation: 1m, 5m, 1h, 1d …")] = "1m",
    *,
    code: Annotated[str | None, typer.Option(help="A file's product (rb), whose ticks its prices lie on.")] = None,
    json: JsonOption = False,
) -> None:
    """List what an installation has stored, or show the bars of one symbol, or of one file.

    Nothing is written to. What could not be understood is said on stderr.
    """
    if not path.is_dir():
        text = path.suffix.lower() in (".csv", ".txt")
        _bars(read_csv(path, code=code) if text else read_dat(path, code=code), path.name, json=json)
        return
    install = open_install(path)
    for doubt in install.doubts:
        TALK.print(f"[yellow]{doubt}[/]")
    if symbol:
        _bars(install.read(int(symbol) if symbol.isdigit() else symbol, interval), symbol, json=json)
    else:
        _listing(install, json=json)


def _listing(install: Install, *, json: bool) -> None:
    files = install.files()
    known = [install.catalogue.get(file.number) for file in files]
    names = [("", "") if each is None else (f"{each.product}{each.month:02}", each.name) for each in known]
    cells = [
        (file.market, file.period, file.number, *name, file.bytes) for file, name in zip(files, names, strict=True)
    ]
    columns = ("market", "period", "number", "symbol", "name", "bytes")
    if json:
        as_json([dict(zip(columns, row, strict=True)) for row in cells])
    else:
        show(table(*columns, rows=cells, title=str(install.root), numbers="number bytes"))


def _bars(bars: Bars, name: str, *, json: bool) -> None:
    told = {} if bars.provenance is None else bars.provenance.facts
    klines = bars.klines[:]
    if json:
        write_json(klines, sys.stdout)
    elif not DATA.is_terminal:
        write_csv(klines, sys.stdout)
    elif len(klines):
        klines.symbol, klines.venue = klines.symbol or name, "Wenhua"
        show(picture(klines, min(100, DATA.width)))
    TALK.print(", ".join(f"{key} {value}" for key, value in told.items()), style="dim", highlight=False)
