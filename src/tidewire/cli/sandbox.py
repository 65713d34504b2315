"""``tidewire sandbox``: local venues as a process, for any client in any language."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

import tidewire as tw

from ..sandbox import Fault, Sandbox, dialects
from .options import JsonOption
from .output import TALK, as_json

__all__ = ["sandbox"]

_SNIPPETS = """\
# {venue}
rest         {rest}
stream       {stream}
API key      {key}
API secret   {secret}{passphrase}

import tidewire as tw
client = tw.Client({venue!r}, base_url={rest!r}, stream_url={stream!r},
                   credentials=tw.Credentials({arguments}))

import ccxt
exchange = ccxt.{venue}({{"apiKey": {key!r}, "secret": {secret!r}{password},
    "options": {{"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {{"types": ["spot", "linear"]}}}}}})
for name, url in exchange.urls["api"].items():
    if isinstance(url, str):
        exchange.urls["api"][name] = "/".join([{rest!r}, *url.split("/")[3:]])
"""


def sandbox(
    venues: Annotated[list[str] | None, typer.Argument(help="Which to run; all if none is named.")] = None,
    *,
    seed: Annotated[int, typer.Option(help="Decides prices, quotes and chance.")] = 1,
    pace: Annotated[float, typer.Option(help="Seconds between steps of the market.")] = 0.1,
    port: Annotated[int | None, typer.Option(help="Of the first venue's REST; streams and others follow.")] = None,
    faults: Annotated[list[str] | None, typer.Option("--fault", help="KIND:PROBABILITY, repeatable.")] = None,
    json: JsonOption = False,
) -> None:
    """Run local venues until Ctrl-C: real HTTP and WebSocket, the venues' own protocol, no real money.

    Prints addresses, a test key with funds, and lines to paste; with --json one line of JSON.
    """
    names = tuple(venues or dialects())
    ports = {} if port is None else {name: (port + 2 * i, port + 2 * i + 1) for i, name in enumerate(names)}
    with Sandbox(names, seed=seed, pace=pace, ports=ports, faults=[_fault(text) for text in faults or ()]) as running:
        places = {name: _place(running, name) for name in names}
        if json:
            as_json(places)
        else:
            typer.echo("\n".join(_SNIPPETS.format(**_spelled(place)) for place in places.values()))
        TALK.print("[bold]running[/] - Ctrl-C ends it")
        _wait_for_signal()
    TALK.print("stopped")


def _wait_for_signal() -> None:
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    done.wait()


def _fault(text: str) -> Fault:
    kind, _, chance = text.partition(":")
    try:
        probability = float(chance or 1)
    except ValueError:
        raise tw.ConfigError(f"--fault {text}: write KIND or KIND:PROBABILITY, such as lose:0.01") from None
    return Fault(kind=kind, times=None, probability=probability)  # type: ignore[arg-type]  # Fault checks it


def _place(running: Sandbox, venue: str) -> dict[str, str | None]:
    place: dict[str, str | None] = {
        "venue": venue,
        "rest": running.base_url(venue),
        "stream": running.stream_url(venue),
    }
    try:
        key = running.credentials(venue)
    except tw.ConfigError as error:  # without it, the public addresses are of use
        TALK.print(f"{venue}: {error}", markup=False)
        return place | {"key": None, "secret": None, "passphrase": None}
    return place | {"key": key.key, "secret": key.secret, "passphrase": key.passphrase}


def _spelled(place: dict[str, str | None]) -> dict[str, str | None]:
    needed = tw.venue(str(place["venue"])).spec.needs_passphrase
    parts = [place["key"], place["secret"], *([place["passphrase"]] if needed else [])]
    return place | {
        "arguments": ", ".join(map(repr, parts)),
        "passphrase": f"\npassphrase   {place['passphrase']}" if needed else "",
        "password": f', "password": {place["passphrase"]!r}' if needed else "",
    }
