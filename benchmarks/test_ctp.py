"""Ticks from the vendor's library to a Python callback that reads three fields, each binding in its own way.

All on the simulated front, which makes them at full speed. openctp-ctp is in the test environment; vnpy_ctp is built
in ``build/rivals``, which ``make bench`` makes. ``extra_info`` has the time of one tick.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tidewire import ctp
from tidewire.ctp import sim

from .ctp_rival import INSTRUMENT, Counter

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="CTP libraries are loaded on Linux only")

TICKS = 50_000
THEIRS = Path(__file__).parent.parent / f"build/rivals/lib/python3.{sys.version_info.minor}/site-packages"


class Rung(Protocol):
    def run(self, ticks: int) -> list[Any]:
        """Return how many came, the last one's volume and the first thousand."""


class Tidewire:
    def __init__(self, front: sim.Front, delivery: ctp.api.Delivery) -> None:
        self.front, self.counter = front, Counter()
        lib = ctp.load("sim")
        self.api = lib.MdApi(delivery=delivery)
        rung, counter = self, self.counter

        class Listener(ctp.MdSpi):
            def OnFrontConnected(self) -> None:
                rung.api.ReqUserLogin(lib.ReqUserLogin(), 1)

            def OnRspUserLogin(self, login: Any, info: Any, request: int, last: bool) -> None:
                counter.ready.set()

            def OnRtnDepthMarketData(self, tick: Any) -> None:
                counter.tick(tick.InstrumentID, tick.PreSettlementPrice, tick.Volume)

            def OnRtnDepthMarketDataBatch(self, records: np.ndarray[Any, Any]) -> None:
                counter.seen += len(records)
                counter.volume = int(records["Volume"][-1])
                if len(counter.first) < 1000:
                    rows = records[["InstrumentID", "PreSettlementPrice", "Volume"]][: 1000 - len(counter.first)]
                    counter.first.extend((name.decode(), price, volume) for name, price, volume in rows.tolist())
                if counter.seen >= counter.wanted:
                    counter.done.set()

        self.api.RegisterSpi(Listener())
        self.api.RegisterFront(front.address)
        self.api.Init(timeout=20)
        assert counter.ready.wait(20)
        counter.expect(1)  # a subscription begins with a snapshot
        self.api.SubscribeMarketData([INSTRUMENT])
        assert counter.done.wait(20)

    def run(self, ticks: int) -> list[Any]:
        self.counter.expect(ticks)
        self.front.flood(INSTRUMENT, ticks)
        assert self.counter.done.wait(60)
        return [self.counter.seen, self.counter.volume, [list(row) for row in self.counter.first]]


class Rival:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, ticks: int) -> list[Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(ticks, file=self.process.stdin, flush=True)
        answer: list[Any] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def opened(name: str, folder: Path) -> Iterator[Rung]:
    if name.startswith("tidewire"):
        delivery: Any = name.removeprefix("tidewire").strip() or "direct"
        with sim.Front(seed=1, clock=0) as front:
            rung = Tidewire(front, delivery)
            with rung.api:
                yield rung
        return
    {"openctp": openctp_on_the_simulator, "vnpy": vnpy_on_the_simulator}[name[:-4]](folder)
    environment = os.environ | their_locale(folder)
    command = [sys.executable, Path(__file__).with_name("ctp_rival.py"), name[:-4], folder]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "ready" in line, line
        try:
            yield Rival(process)
        finally:
            process.kill()


def openctp_on_the_simulator(folder: Path) -> None:
    spec = importlib.util.find_spec("openctp_ctp")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("openctp-ctp is not installed")
    theirs = Path(spec.submodule_search_locations[0])
    shutil.copytree(theirs, folder / "openctp_ctp")
    (folder / "openctp_ctp.libs").mkdir()
    for library in theirs.with_name("openctp_ctp.libs").iterdir():
        # A link, not a copy: the front is of the library that is in memory.
        (folder / "openctp_ctp.libs" / library.name).symlink_to(sim.library_path())


def vnpy_on_the_simulator(folder: Path) -> None:
    modules = list(THEIRS.glob("vnpy_ctp/api/vnctpmd*.so"))
    if not modules:
        pytest.skip("vnpy_ctp is not installed in build/rivals: `make build/rivals/installed`")
    for module in modules:
        shutil.copy(module, folder)
    (folder / "libthostmduserapi_se.so").symlink_to(sim.library_path())


def their_locale(folder: Path) -> dict[str, str]:
    """Both of them end the process where this locale is not installed."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef to make the locale that other bindings need")
    locale = folder / "zh_CN.GB18030"
    subprocess.run(["localedef", "-i", "zh_CN", "-f", "GB18030", locale], check=False, capture_output=True)
    return {"LOCPATH": str(folder), "LD_LIBRARY_PATH": str(folder)}


@pytest.mark.parametrize("rung", ["vnpy_ctp", "openctp-ctp", "tidewire queue", "tidewire", "tidewire batch"])
@pytest.mark.benchmark(group=f"{TICKS:,} CTP ticks to Python, three fields of each read")
def test_ticks(benchmark: BenchmarkFixture, rung: str, tmp_path: Path) -> None:
    with opened(rung, tmp_path) as one:
        seen, last, first = one.run(2000)
        assert seen == 2000
        assert len(first) == 1000
        assert {(instrument, price) for instrument, price, _ in first} == {(INSTRUMENT, first[0][1])}
        volumes = [volume for _, _, volume in first]
        assert volumes == list(range(volumes[0], volumes[0] + 1000))
        assert last == volumes[0] + 1999
        benchmark.pedantic(one.run, args=(TICKS,), rounds=7, warmup_rounds=1)
        if rung == "vnpy_ctp":
            (found,) = THEIRS.glob("vnpy_ctp-*.dist-info")
            benchmark.extra_info["version"] = f"{rung} {found.stem.partition('-')[2]}"
        if benchmark.stats is not None:
            benchmark.extra_info["us_per_tick"] = round(benchmark.stats.stats.min / TICKS * 1e6, 3)
