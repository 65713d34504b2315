"""Several venues at once, for a command: a sandbox of them all unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

import tidewire as tw

from ..sandbox import Sandbox
from ..sandbox.account import LINEAR_FEES, SPOT_FEES
from ..universal import Fees
from .output import TALK

__all__ = ["VENUES", "MarketOption", "VenuesOption", "market"]

VENUES = "binance,okx,htx,coinbase"

VenuesOption = Annotated[str, typer.Option("--venues", help="Names that `tidewire venues` lists, with commas between.")]
MarketOption = Annotated[
    str, typer.Option("--environment", "-e", help="sandbox: fresh and local; live: the venues; or testnet.")
]


@contextmanager
def market(venues: str, environment: str, *, apart: float = 0.0) -> Iterator[dict[str, Any]]:
    """Yield the arguments of a ``Universal`` over venues; a sandbox lives as long as the block.

    A sandbox comes with keys, and with the fees that it charges; its markets wander ``apart``.
    """
    names = tuple(name.strip() for name in venues.split(",") if name.strip())
    if environment != "sandbox":
        yield {"venues": names, "environment": environment}
        return
    with Sandbox([tw.venue(name).name for name in names], apart=apart) as local:
        TALK.print(f"[dim]{', '.join(local.venues)}: local sandboxes, not the venues[/]")
        if apart:
            TALK.print(f"[dim]Their markets wander {apart:.2%} about their price, so that there is arbitrage[/]")
        rates = {"spot": (SPOT_FEES.taker, SPOT_FEES.maker), "linear": (LINEAR_FEES.taker, LINEAR_FEES.maker)}
        yield {
            "venues": local.venues,
            "environment": local,
            "credentials": {name: local.credentials(name) for name in local.venues},
            "fees": Fees(dict.fromkeys(local.venues, rates)),  # type: ignore[arg-type]
        }
