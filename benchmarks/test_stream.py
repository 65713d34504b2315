"""From the bytes on a socket to the merged book: a recorded Binance session, played over loopback to whole clients.

Every client is a process of its own, on a core of its own, with the environment that it needs: ccxt and cryptofeed in
``build/rivals``, which ``make bench`` makes. What is timed is the client's processor time, system included, from the
start of the frames to the book that has all of them. The latencies come from frames that arrive one by one: from the
moment before a frame is given to the socket to the moment when the client has taken it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
FIXTURES = Path(os.environ.get("TIDEWIRE_FIXTURES", HERE.parents[1] / "shared" / "fixtures"))
RECORDING = FIXTURES / "hftbacktest" / "spot_btcusdt_20240808.gz"
RIVALS = HERE.parent / "build" / "rivals" / "bin" / "python"
PACE_US, PACED = 1_000, 3_000
TIMEOUT_S = 120

sys.path.insert(0, str(HERE / "stream"))
from venue import LEAD, last_number, recorded, repeated  # noqa: E402 - a script of the same folder, not a package


@dataclass
class Session:
    """A playing venue. ``lead`` and ``last`` are (book's number, count of frames) where a client starts and ends."""

    process: subprocess.Popen[str]
    ports: tuple[int, int]
    numbers: list[int]
    held: int

    def run(self, client: str, *extra: str) -> dict[str, Any]:
        """Let a client take everything; return what it tells."""
        python = RIVALS if client in ("ccxt", "cryptofeed") else Path(sys.executable)
        counts = client == "picows"
        lead = self.held + LEAD if counts else self.numbers[LEAD - 1]
        last = self.held + len(self.numbers) if counts else self.numbers[-1]
        command = [python, HERE / "stream" / f"with_{client}.py", *self.ports, lead, last, *extra]
        done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=True)
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    def latencies(self, told: dict[str, Any], client: str) -> list[float]:
        """Seconds from socket to client for each frame after the lead, in ascending order."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[0]}/sent") as answer:
            sent = json.load(answer)
        frames = range(self.held + 1, self.held + 1 + len(self.numbers)) if client == "picows" else self.numbers
        index = {number: place - LEAD for place, number in enumerate(frames)}
        seen = [(index.get(number, -1), moment) for number, moment in zip(*told["marks"], strict=True)]
        taken = sorted((moment - sent[place]) / 1e9 for place, moment in seen if place >= 0)
        assert len(taken) == len(sent)
        return taken


def play(passes: int, pause_us: float = 0, frames: int = 0) -> Iterator[Session]:
    if not RECORDING.is_file():
        pytest.skip(f"the recording is not here: {RECORDING}")
    held, snapshot, after = recorded(RECORDING)
    after = after[: frames or None]
    numbers = [last_number(frame) for frame in repeated(snapshot, after, passes)]
    command = [sys.executable, HERE / "stream" / "venue.py", RECORDING, passes, pause_us, frames]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        yield Session(process, (ports["rest"], ports["stream"]), numbers, len(held))
        process.kill()


@pytest.fixture(scope="module")
def passes(request: pytest.FixtureRequest) -> int:
    """How often the recording is played: once where nothing is timed."""
    return 1 if request.config.getoption("benchmark_disable") else 10


@pytest.fixture(scope="module")
def rush(passes: int) -> Iterator[Session]:
    """The recording as quickly as the client takes it."""
    yield from play(passes)


@pytest.fixture(scope="module")
def calm(passes: int) -> Iterator[Session]:
    """The recording's beginning, frame by frame."""
    yield from play(1, PACE_US, 200 if passes == 1 else PACED)


class Clock:
    """Shows the seconds that the clients have told, so that those are what is recorded."""

    total = 0.0

    def __call__(self) -> float:
        return self.total


told_s = Clock()


def available(client: str) -> None:
    if client in ("ccxt", "cryptofeed") and not RIVALS.is_file():
        pytest.skip(f"{client} is not installed in build/rivals: `make build/rivals/installed`")


@pytest.mark.benchmark(group="a recorded Binance session of 34,500 updates, from the socket to the book", timer=told_s)
@pytest.mark.parametrize("client", ["cryptofeed", "ccxt", "tidewire"])
def test_throughput(benchmark: Any, rush: Session, passes: int, client: str) -> None:
    available(client)
    results: list[dict[str, Any]] = []

    def run() -> None:
        results.append(rush.run(client))
        told_s.total += results[-1]["took"]

    benchmark.pedantic(run, rounds=5 if passes > 1 else 1)
    benchmark.extra_info.update(rung={"ccxt": "ccxt.pro"}.get(client, client), version=results[0]["version"])
    benchmark.extra_info["messages"] = len(rush.numbers) - LEAD
    for result in results:
        assert [side[:400] for side in result["sides"]] == expected()


def expected() -> list[list[list[float]]]:
    """The best 400 levels a side by dicts of floats. The last delta leads back to the snapshot, whole."""
    snapshot = json.loads(recorded(RECORDING)[1])
    sides = ([[float(price), float(quantity)] for price, quantity in snapshot[name]] for name in ("bids", "asks"))
    return [side[:400] for side in sides]


@pytest.mark.benchmark(timer=told_s)
@pytest.mark.parametrize("client", ["picows", "tidewire"])
@pytest.mark.parametrize("share", ["p50", "p99"])
def test_latency(benchmark: Any, calm: Session, client: str, share: str) -> None:
    benchmark.group = f"one update, from the socket to the book: {share}"
    rounds = 1 if benchmark.disabled else 3
    versions = []

    def run() -> None:
        told = calm.run(client, "marks")
        taken = calm.latencies(told, client)
        told_s.total += taken[int(len(taken) * (0.5 if share == "p50" else 0.99))]
        versions.append(told["version"])

    benchmark.pedantic(run, rounds=rounds)
    rung = "a bare picows loop, without a book" if client == "picows" else client
    benchmark.extra_info.update(rung=rung, version=versions[0])
