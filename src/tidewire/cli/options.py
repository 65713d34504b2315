"""Arguments that several commands share, and the place that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ..sandbox import Sandbox
from .output import TALK

__all__ = ["EnvironmentOption", "JsonOption", "Place", "SandboxOption", "SymbolArgument", "VenueArgument", "place"]

VenueArgument = Annotated[str, typer.Argument(help="A name that `tidewire venues` lists.", show_default=False)]
SymbolArgument = Annotated[str, typer.Argument(help="BTC-USDT, or BTC-USDT-PERP for a perpetual.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EnvironmentOption = Annotated[str, typer.Option("--environment", "-e", help="live, or testnet where there is one.")]
SandboxOption = Annotated[bool, typer.Option("--sandbox", help="Use a fresh local sandbox instead of the venue.")]

Place = str | Sandbox
"""What a client takes as its ``environment``."""


@contextmanager
def place(venue: str, environment: str, *, sandbox: bool) -> Iterator[Place]:
    """Yield the environment of that name, or a sandbox that lives as long as the block."""
    if not sandbox:
        yield environment
        return
    with Sandbox(venue) as local:
        TALK.print(f"[dim]{venue}: a local sandbox at {local.base_url(venue)}, not the venue[/]")
        yield local
