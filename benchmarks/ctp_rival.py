"""One rung of test_ctp.py, in a process of its own: somebody else's binding of CTP on the simulated front.

Usage: python ctp_rival.py (openctp|vnpy) FOLDER, where FOLDER holds a copy of their package with the simulator in place
of the vendor's library. Each line read is a number of ticks; each line written is what came of them.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from tidewire.ctp import sim

INSTRUMENT = "rb2610"
Seen = list[tuple[str, float, int]]


class Counter:
    """What every rung's callback does: read three fields and count."""

    def __init__(self) -> None:
        self.ready, self.done = threading.Event(), threading.Event()
        self.wanted, self.seen = 0, 0
        self.volume = 0
        self.first: Seen = []

    def expect(self, count: int) -> None:
        self.wanted, self.seen, self.volume, self.first = count, 0, 0, []
        self.done.clear()

    def tick(self, instrument: str, price: float, volume: int) -> None:
        self.seen += 1
        self.volume = volume
        if self.seen <= 1000:
            self.first.append((instrument, price, volume))
        if self.seen == self.wanted:
            self.done.set()


def openctp(counter: Counter, address: str) -> Any:
    from openctp_ctp import mdapi

    class Listener(mdapi.CThostFtdcMdSpi):  # type: ignore[misc]
        def OnFrontConnected(self) -> None:
            api.ReqUserLogin(mdapi.CThostFtdcReqUserLoginField(), 1)

        def OnRspUserLogin(self, login: Any, info: Any, request: int, last: bool) -> None:
            counter.ready.set()

        def OnRtnDepthMarketData(self, tick: Any) -> None:
            counter.tick(tick.InstrumentID, tick.PreSettlementPrice, tick.Volume)

    api = mdapi.CThostFtdcMdApi.CreateFtdcMdApi("openctp_")
    listener = Listener()
    api.RegisterSpi(listener)
    api.RegisterFront(address)
    api.Init()
    counter.ready.wait(20)
    api.SubscribeMarketData([INSTRUMENT.encode()], 1)
    return api, listener


def vnpy(counter: Counter, address: str) -> Any:
    import vnctpmd

    class Listener(vnctpmd.MdApi):  # type: ignore[misc]
        def onFrontConnected(self) -> None:
            self.reqUserLogin({}, 1)

        def onRspUserLogin(self, login: Any, info: Any, request: int, last: bool) -> None:
            counter.ready.set()

        def onRspSubMarketData(self, *answer: Any) -> None: ...

        def onRtnDepthMarketData(self, tick: dict[str, Any]) -> None:
            counter.tick(tick["InstrumentID"], tick["PreSettlementPrice"], tick["Volume"])

    listener = Listener()
    listener.createFtdcMdApi(b"vnpy_", True)
    listener.registerFront(address)
    listener.init()
    counter.ready.wait(20)
    listener.subscribeMarketData(INSTRUMENT)
    return listener


def main(rival: Callable[[Counter, str], Any]) -> None:
    counter = Counter()
    with sim.Front(seed=1, clock=0) as front:
        counter.expect(1)  # a subscription begins with a snapshot
        kept = rival(counter, front.address)
        counter.done.wait(20)
        print("ready", flush=True)
        for line in sys.stdin:
            counter.expect(int(line))
            front.flood(INSTRUMENT, int(line))
            if not counter.done.wait(120):
                raise SystemExit("not all ticks came")
            print(json.dumps([counter.seen, counter.volume, counter.first]), flush=True)
        del kept
    raise SystemExit(0)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    main({"openctp": openctp, "vnpy": vnpy}[sys.argv[1]])
