"""All commands together, and what becomes of their errors."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import tidewire as tw

from . import arb, book, ctp, demo, doctor, klines, route, sandbox, venues, wenhua
from .exits import INTERRUPTED, MEANINGS, exit_code
from .output import TALK

__all__ = ["app"]


class Commands(TyperGroup):
    """Turns the library's errors into one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except tw.Error as error:
            _tell(error)
            raise typer.Exit(exit_code(error)) from None
        except BrokenPipeError:
            raise  # typer ends quietly when the reader of a pipe has gone
        except OSError as error:
            _tell(error)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items()) + ".",
)
for command in (
    demo.demo,
    sandbox.sandbox,
    venues.venues,
    klines.klines,
    book.book,
    route.route,
    arb.arb,
    wenhua.wenhua,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(ctp.ctp, name="ctp")


def _tell(error: Exception) -> None:
    TALK.print(f"[bold red]{type(error).__name__}[/]", end=" ")
    TALK.print(error, markup=False, soft_wrap=True)


def _version(wanted: bool | None) -> None:
    if wanted:
        typer.echo(f"tidewire {tw.__version__}")
        raise typer.Exit


@app.callback()
def tidewire(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Exchanges from the command line: data on stdout, talk on stderr."""
