"""Data on stdout, talk on stderr."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.table import Table

import tidewire as tw

__all__ = ["DATA", "TALK", "as_json", "decimals", "heading", "plain", "show", "table", "working"]

DATA = Console(highlight=False)
TALK = Console(stderr=True, highlight=False)

_PIPE = Console(highlight=False, width=160)  # a pipe has no width of its own, and the usual 80 would cut columns


def show(content: RenderableType) -> None:
    """Print something to look at on stdout."""
    (DATA if DATA.is_terminal else _PIPE).print(content)


def heading(what: str, call: str) -> None:
    """Print what comes next, and the call that does it."""
    show(f"\n[bold cyan]{what}[/]  [dim]{call}[/]")


def as_json(value: object) -> None:
    """Print a value as one line of JSON on stdout. Decimals are text, so that nothing is rounded."""
    typer.echo(msgspec.json.encode(plain(value)))


def plain(value: object) -> object:
    """Return models as dicts and symbols as text, all the way down."""
    match value:
        case tw.Symbol() | Decimal():
            return str(value)
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value


def decimals(values: Iterable[Decimal | None]) -> list[str]:
    """Return numbers as text with one number of decimal places: as many as any of them needs."""
    texts = [None if value is None else f"{value.normalize():f}" for value in values]
    places = max((len(text.partition(".")[2]) for text in texts if text), default=0)
    return ["" if text is None else f"{Decimal(text):.{places}f}" for text in texts]


def table(*columns: str, rows: Sequence[Sequence[Any]] = (), title: str | None = None, numbers: str = "") -> Table:
    """Return a plain table; ``numbers`` names the columns that are set flush right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers.split() else "left", no_wrap=True)
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something is being done."""
    with TALK.status(what):
        yield
