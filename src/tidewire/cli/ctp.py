"""``tidewire ctp ticks``: Chinese futures as they trade."""

from __future__ import annotations

import datetime as dt
import os
from itertools import islice
from typing import Annotated

import typer

import tidewire as tw

from ..ctp.market import Market
from ..ctp.models import Tick
from .options import JsonOption
from .output import as_json

__all__ = ["ctp"]

_CHINA = dt.timezone(dt.timedelta(hours=8))
_SIM_FRONT, _SIM_BROKER, _SIM_PASSWORD = "tcp://127.0.0.1:10131", "9999", "tidewire"
_PASSWORD = "TIDEWIRE_CTP_PASSWORD"  # noqa: S105 - a variable's name

ctp = typer.Typer(no_args_is_help=True, help="Chinese futures through CTP.")


@ctp.callback()
def _ctp() -> None:
    """Chinese futures through CTP; without --library on the simulated front."""


@ctp.command()
def ticks(
    symbols: Annotated[list[str], typer.Argument(help="rb2610, SR609, IF2609 … as CTP spells them.")],
    *,
    front: Annotated[str, typer.Option(help="tcp://host:port; the simulated front's if left out.")] = "",
    broker: Annotated[str, typer.Option(help="Broker id, where the front wants a login.")] = "",
    user: Annotated[str, typer.Option(help=f"User id; the password is read from {_PASSWORD}.")] = "",
    library: Annotated[str, typer.Option(help='A CTP library or its folder, "installed", or "sim".')] = "sim",
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="End after so many.")] = None,
    json: JsonOption = False,
) -> None:
    """Print ticks as they come, with their times repaired, until Ctrl-C."""
    password = os.environ.get(_PASSWORD, "")
    if library == "sim":
        front, broker, user, password = front or _SIM_FRONT, _SIM_BROKER, user or "1", _SIM_PASSWORD
    elif not front:
        raise tw.ConfigError("name a front: --front tcp://host:port")
    where = None if library == "installed" else library
    with Market(front, broker_id=broker, user_id=user, password=password, library=where) as market:
        with market.watch_ticks(*symbols) as stream:
            for tick in islice(stream, count):
                if json:
                    as_json(tick)
                else:
                    typer.echo(_line(tick))


def _line(tick: Tick) -> str:
    when = "--:--:--.---" if tick.time_ns is None else _clock(tick.time_ns)
    bid, ask = f"{tick.bid_quantity:>5} {tick.bid:<10g}", f"{tick.ask:>10g} {tick.ask_quantity:<5}"
    tail = "  stale" if tick.stale else ""
    return f"{tick.trading_day} {when} {tick.symbol:<10} {tick.last:>10g} {bid}|{ask} {tick.volume:>9}{tail}"


def _clock(time_ns: int) -> str:
    return dt.datetime.fromtimestamp(time_ns // 10**6 / 1000, _CHINA).strftime("%H:%M:%S.%f")[:-3]
