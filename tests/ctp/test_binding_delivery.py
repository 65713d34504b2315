"""Callbacks arrive whole, in order, in the right thread; what they raise stays in Python."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tidewire import _ctp, ctp
from tidewire.errors import ConfigError, CtpDisconnected, CtpError, Timeout

DBL_MAX = sys.float_info.max
FRONT = "tcp://127.0.0.1:1"


@pytest.fixture
def vendor(fake_vendor: Callable[[str], Any]) -> Any:
    return fake_vendor("6.7.11")


def started(api: Any, listener: Any) -> Any:
    api.RegisterSpi(listener)
    api.RegisterFront(FRONT)
    api.Init()
    return api


class Ticks:
    def __init__(self) -> None:
        self.volumes: list[int] = []
        self.threads: set[str] = set()
        self.arrays: list[np.ndarray[Any, Any]] = []

    def OnRtnDepthMarketData(self, tick: Any) -> None:
        self.volumes.append(tick.Volume)
        self.threads.add(threading.current_thread().name)

    def OnRtnDepthMarketDataBatch(self, records: Any) -> None:
        self.arrays.append(records)


def test_direct_runs_in_the_vendors_thread(vendor: Any) -> None:
    listener = Ticks()
    with started(vendor.lib.MdApi(), listener):
        vendor.flood(vendor.lib.DepthMarketData(InstrumentID="rb2701"), "Volume", 1000)
        assert listener.volumes == list(range(1000))
        vendor.flood(vendor.lib.DepthMarketData(InstrumentID="rb2701"), "Volume", 10)
    assert len(listener.volumes) == 1010
    assert all(name.startswith("Dummy") for name in listener.threads)


def test_queue_runs_in_its_own_thread_and_waits_when_full(vendor: Any) -> None:
    listener = Ticks()
    with started(vendor.lib.MdApi(delivery="queue", capacity=8), listener) as api:
        vendor.flood(vendor.lib.DepthMarketData(InstrumentID="rb2701"), "Volume", 20_000)
    assert listener.volumes == list(range(20_000))
    assert listener.threads == {"tidewire-ctp-MdApi"}
    assert api.waits > 0
    assert api.conflated == 0


class Gate:
    """Holds the consumer in its first callback until told."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self.calls: list[Any] = []

    def OnFrontConnected(self) -> None:
        self.entered.set()
        assert self.open.wait(10)

    def OnRtnDepthMarketData(self, tick: Any) -> None:
        self.calls.append((tick.InstrumentID, tick.Volume))

    def OnHeartBeatWarning(self, seconds: int) -> None:
        self.calls.append(seconds)

    def OnRtnDepthMarketDataBatch(self, records: Any) -> None:
        self.calls.append(records)


def held(api: Any) -> tuple[Any, Gate]:
    gate = Gate()
    started(api, gate)
    return api, gate


def test_conflation_keeps_the_last_tick_and_every_other_event(vendor: Any) -> None:
    api, gate = held(vendor.lib.MdApi(delivery="queue", conflate=True))
    vendor.fire("MdSpi", "OnFrontConnected")
    assert gate.entered.wait(10)
    for name, count in (("rb2701", 100), ("au2702", 50), ("rb2701", 100)):
        vendor.flood(vendor.lib.DepthMarketData(InstrumentID=name), "Volume", count)
        vendor.fire("MdSpi", "OnHeartBeatWarning", count)
    gate.open.set()
    api.close()
    assert gate.calls == [("rb2701", 99), 100, ("au2702", 49), 50, 100]
    assert api.conflated == 99 + 49 + 100


def test_batches_are_records_in_their_place_among_other_events(vendor: Any) -> None:
    api, gate = held(vendor.lib.MdApi(delivery="batch"))
    vendor.fire("MdSpi", "OnFrontConnected")
    assert gate.entered.wait(10)
    tick = vendor.lib.DepthMarketData(InstrumentID="rb2701", LastPrice=3921.5, UpdateTime="21:00:00")
    data = bytearray(bytes(tick))
    field = next(one for one in vendor.schema.structs["DepthMarketData"].fields if one.name == "SettlementPrice")
    data[field.offset : field.offset + 8] = np.float64(DBL_MAX).tobytes()
    vendor.flood(type(tick).from_bytes(bytes(data)), "Volume", 300)
    vendor.fire("MdSpi", "OnHeartBeatWarning", 61)
    vendor.flood(tick, "Volume", 2)
    vendor.fire("MdSpi", "OnRtnDepthMarketData", None)
    gate.open.set()
    with pytest.MonkeyPatch.context() as patch:  # a tick without data is delivered alone, where Gate fails on it
        patch.setattr(sys, "unraisablehook", lambda failure: gate.calls.append(failure.exc_type))
        api.close()
    first, warning, second, failed = gate.calls
    assert (warning, failed) == (61, AttributeError)
    assert first["Volume"].tolist() == list(range(300))
    assert second["Volume"].tolist() == [0, 1]
    assert set(first["InstrumentID"].tolist()) == {b"rb2701"}
    assert first["LastPrice"][0] == 3921.5
    assert math.isnan(first["SettlementPrice"][0])
    assert second["SettlementPrice"][0] == 0.0
    assert first.dtype.itemsize == 584


def test_no_delivery_drops_anything_but_ticks(vendor: Any) -> None:
    """Orders flood a queue of one place; every one arrives, in order."""
    seen: list[int] = []

    class Orders:
        def OnRtnOrder(self, order: Any) -> None:
            seen.append(order.VolumeTraded)

    with started(vendor.lib.TraderApi(delivery="queue", capacity=1), Orders()):
        vendor.flood(vendor.lib.Order(OrderRef="1"), "VolumeTraded", 3000, "OnRtnOrder", "TraderSpi")
    assert seen == list(range(3000))


def test_closing_frees_a_vendor_that_waits_for_room(vendor: Any) -> None:
    api, gate = held(vendor.lib.MdApi(delivery="queue", capacity=2))
    vendor.fire("MdSpi", "OnFrontConnected")
    assert gate.entered.wait(10)
    tick = vendor.lib.DepthMarketData(InstrumentID="rb2701")
    flood = threading.Thread(target=vendor.flood, args=(tick, "Volume", 50))
    flood.start()
    while api.waits == 0:
        threading.Event().wait(0.001)
    closing = threading.Thread(target=api.close)
    closing.start()
    flood.join(10)
    assert not flood.is_alive()
    gate.open.set()
    closing.join(10)
    assert gate.calls == [("rb2701", volume) for volume in range(len(gate.calls))]  # what came before the end, whole
    assert len(gate.calls) >= 2


async def test_queue_in_an_event_loop(vendor: Any) -> None:
    loop, done, threads = asyncio.get_running_loop(), asyncio.Event(), set()
    volumes: list[int] = []

    class Listener:
        def OnRtnDepthMarketData(self, tick: Any) -> None:
            threads.add(threading.current_thread())
            volumes.append(tick.Volume)
            if len(volumes) == 5000:
                done.set()

    with started(vendor.lib.MdApi(delivery="queue", loop=loop, capacity=64), Listener()) as api:
        tick = vendor.lib.DepthMarketData(InstrumentID="rb2701")
        flood = loop.run_in_executor(None, vendor.flood, tick, "Volume", 5000)
        await asyncio.wait_for(done.wait(), 20)
        await flood
        vendor.fire("MdSpi", "OnRtnDepthMarketData", tick)  # still waits when the API is closed
    assert volumes == [*range(5000), 0]
    assert threads == {threading.main_thread()}
    assert api.closed


async def test_closing_from_another_thread_delivers_the_rest_in_the_loop(vendor: Any) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    class Listener:
        def OnHeartBeatWarning(self, seconds: int) -> None:
            assert threading.current_thread() is threading.main_thread()
            done.set()

    api = started(vendor.lib.MdApi(delivery="queue", loop=loop), Listener())
    vendor.fire("MdSpi", "OnHeartBeatWarning", 61)
    await loop.run_in_executor(None, api.close)
    await asyncio.wait_for(done.wait(), 10)


@pytest.mark.parametrize("delivery", ["direct", "queue"])
def test_exceptions_are_reported_and_the_rest_goes_on(vendor: Any, delivery: ctp.api.Delivery) -> None:
    errors: list[BaseException] = []
    seen: list[int] = []

    class Listener:
        def OnHeartBeatWarning(self, seconds: int) -> None:
            seen.append(seconds)
            raise [ValueError("callback"), SystemExit(3), KeyboardInterrupt()][seconds]

    with started(vendor.lib.MdApi(delivery=delivery, on_error=errors.append), Listener()):
        for seconds in range(3):
            vendor.fire("MdSpi", "OnHeartBeatWarning", seconds)
    assert seen == [0, 1, 2]
    assert [type(error) for error in errors] == [ValueError, SystemExit, KeyboardInterrupt]
    trace = errors[0].__traceback__
    assert trace is not None
    assert trace.tb_frame.f_code.co_name == "OnHeartBeatWarning"


def test_without_on_error_exceptions_go_to_the_hook(vendor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda failure: reported.append((failure.exc_type, failure.exc_value)))

    class Listener:
        def OnHeartBeatWarning(self) -> None:  # takes too little: a TypeError
            pytest.fail("must not run")

    def broken(error: BaseException) -> None:
        raise RuntimeError("on_error itself fails") from error

    for on_error, wanted in ((None, TypeError), (broken, RuntimeError)):
        with started(vendor.lib.MdApi(on_error=on_error), Listener()):
            vendor.fire("MdSpi", "OnHeartBeatWarning", 1)
        assert reported[-1][0] is wanted


def test_structs_outlive_the_callback(vendor: Any) -> None:
    kept: list[Any] = []

    class Listener:
        OnRtnDepthMarketData = staticmethod(kept.append)

    with started(vendor.lib.MdApi(), Listener()):
        vendor.flood(vendor.lib.DepthMarketData(InstrumentID="rb2701"), "Volume", 100)
    gc.collect()
    assert [tick.Volume for tick in kept] == list(range(100))


def test_waiting_for_the_connection(vendor: Any) -> None:
    with vendor.lib.MdApi() as api:
        api.RegisterFront(FRONT)
        with pytest.raises(Timeout, match=r"no front answered within 0\.01 s"):
            api.Init(timeout=0.01)
        vendor.fire("MdSpi", "OnFrontDisconnected", 0x1001)
        with pytest.raises(CtpDisconnected, match="0x1001") as caught:
            api.wait_connected(1)
        assert caught.value.error_id == 4097
        vendor.fire("MdSpi", "OnFrontConnected")
        api.wait_connected(1)


def test_life_cycle(vendor: Any) -> None:
    releases = vendor.number("releases")
    api = vendor.lib.TraderApi()
    with pytest.raises(ConfigError, match="name a front"):
        api.Init()
    api.RegisterFront(FRONT)
    api.Init()
    with pytest.raises(CtpError, match="before Init only"):
        api.SubscribePrivateTopic("QUICK")
    with pytest.raises(CtpError, match="has been called"):
        api.Init()
    with pytest.raises(Timeout):
        api.Join(timeout=0.01)
    joined: list[int] = []
    waiting = threading.Thread(target=lambda: joined.append(api.Join()))
    waiting.start()
    api.Release()
    waiting.join(10)
    assert joined == [1]
    api.close()
    with pytest.raises(CtpError, match="has been released"):
        api.Release()
    for call in (
        lambda: api.ReqUserLogin(vendor.lib.ReqUserLogin(), 1),
        lambda: api.RegisterFront(FRONT),
        lambda: api.SubscribePublicTopic("NONE"),
        api.GetTradingDay,
        api.GetFrontInfo,
    ):
        with pytest.raises(CtpError):
            call()
    assert vendor.number("releases") == releases + 1


def test_release_and_join_in_a_callback_are_refused(vendor: Any) -> None:
    errors: list[BaseException] = []

    class Listener:
        def OnHeartBeatWarning(self, seconds: int) -> None:
            [api.Release, api.Join, api.close, lambda: api.Init(timeout=1)][seconds]()

    api = started(vendor.lib.MdApi(on_error=errors.append), Listener())
    for number in range(3):
        vendor.fire("MdSpi", "OnHeartBeatWarning", number)
    assert [type(error) for error in errors] == [CtpError] * 3
    assert "callback" in str(errors[0])
    assert not api.closed
    api.close()


def test_close_in_a_callback_of_the_queue_is_fine(vendor: Any) -> None:
    closed = threading.Event()

    class Listener:
        def OnHeartBeatWarning(self, seconds: int) -> None:
            api.close()
            closed.set()

    api = started(vendor.lib.MdApi(delivery="queue"), Listener())
    vendor.fire("MdSpi", "OnHeartBeatWarning", 1)
    assert closed.wait(10)
    assert api.closed


def test_logins_never_overlap(fake_vendor: Callable[[str], Any]) -> None:
    vendor = fake_vendor("6.7.11")
    vendor.number("linger_ms", 20)
    try:
        with vendor.lib.MdApi() as md, vendor.lib.TraderApi() as trader:
            for name, expected in (("ReqUserLogin", 1), ("ReqUserLogout", 2)):
                vendor.number("most_inside", 0)
                record = getattr(vendor.lib, {"ReqUserLogin": "ReqUserLogin", "ReqUserLogout": "UserLogout"}[name])()
                calls = [getattr(api, name) for api in (md, trader, md, trader)]
                threads = [threading.Thread(target=call, args=(record, 1)) for call in calls]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(10)
                assert (vendor.number("most_inside") > 1) == (expected > 1), name
    finally:
        vendor.number("linger_ms", 0)


def test_release_waits_for_calls_under_way(vendor: Any) -> None:
    vendor.number("linger_ms", 200)
    try:
        api = vendor.lib.TraderApi()
        results: list[int] = []
        call = threading.Thread(target=lambda: results.append(api.ReqUserLogin(vendor.lib.ReqUserLogin(), 7)))
        call.start()
        while vendor.number("inside") == 0:
            threading.Event().wait(0.001)
        api.close()
        assert vendor.number("inside") == 0
        call.join(10)
        assert len(results) == 1
    finally:
        vendor.number("linger_ms", 0)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:45713",
        "garbage",
        "tcp://127.0.0.1",
        "tcp://:1",
        "tcp://h:0",
        "tcp://h:65536",
        "tcp://h:x",
        None,
        5,
    ],
)
def test_addresses_that_end_the_vendors_process_are_refused(vendor: Any, address: Any) -> None:
    with vendor.lib.MdApi() as api:
        vendor.number("last_slot", -1)
        for register in (api.RegisterFront, api.RegisterNameServer):
            with pytest.raises(ConfigError, match="no address of a front"):
                register(address)
        assert vendor.number("last_slot") == -1


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "ssl://front.example:65535", "tcp6://fe80::1:41205", "tcp://h:1 sock5://u:p@h:2"]
)
def test_addresses_that_the_vendor_documents_are_passed_on(vendor: Any, address: str) -> None:
    with vendor.lib.MdApi() as api:
        vendor.number("peek", len(address) + 1)
        api.RegisterFront(address)
        vendor.number("peek", 0)
        assert vendor.data(len(address) + 1) == address.encode() + b"\0"


def test_a_proxys_password_is_not_shown(vendor: Any) -> None:
    with vendor.lib.MdApi() as api, pytest.raises(ConfigError) as caught:
        api.RegisterFront("tcp://h:x sock5://u:secret@h:2")
    assert "secret" not in str(caught.value)


def test_flow_folders(vendor: Any, tmp_path: Any) -> None:
    flow = tmp_path / "deep/flow"
    with vendor.lib.MdApi(flow):
        assert flow.is_dir()
        with pytest.raises(ConfigError, match="in use by another API"):
            vendor.lib.TraderApi(flow)
    vendor.lib.TraderApi(flow).close()  # free again
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        vendor.lib.MdApi(tmp_path / "file")
    (flow / "Private.con").mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        vendor.lib.TraderApi(flow)


@pytest.mark.parametrize(
    "options",
    [{"delivery": "soon"}, {"conflate": True}, {"capacity": 0, "delivery": "queue"}, {"loop": object()}],
)
def test_options_that_make_no_sense(vendor: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        vendor.lib.MdApi(**options)


STRAGGLER = """
import atexit, ctypes, sys
atexit.register(ctypes.PyDLL(sys.argv[1]).let_end)  # after all others, and with the GIL
from tidewire import ctp

lib = ctp.load(sys.argv[1])
heard = []


class Listener:
    def OnHeartBeatWarning(self, seconds):
        heard.append(seconds)


api = lib.MdApi()
api.RegisterSpi(Listener())
api.RegisterFront("tcp://127.0.0.1:1")
api.Init()
ctypes.CDLL(sys.argv[1]).straggle(int(sys.argv[2]), 61)
print(heard, flush=True)
"""


def test_a_thread_of_the_vendors_ends_while_the_interpreter_does(vendor: Any) -> None:
    """It waits for a GIL that is not given any more; CPython unwinds its stack, which is in a destructor."""
    slot = str(vendor.slot("MdSpi", "OnHeartBeatWarning"))
    done = subprocess.run(
        [sys.executable, "-c", STRAGGLER, vendor.file, slot], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[61]\n", "")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # CPython 3.12's, where there are threads
def test_a_child_that_is_forked_in_a_callback_ends(vendor: Any) -> None:
    codes: list[int] = []

    class Listener:
        def OnHeartBeatWarning(self, seconds: int) -> None:
            if os.fork() == 0:
                signal.alarm(60)  # rather than to wait for ever for a thread that is not there
                return  # out of the callback, and on to the child's end
            codes.append(os.waitstatus_to_exitcode(os.wait()[1]))

    parent = os.getpid()
    with started(vendor.lib.MdApi(), Listener()):
        vendor.fire("MdSpi", "OnHeartBeatWarning", 61)
        if os.getpid() != parent:
            _ctp.shut_door()
            os._exit(7)
    assert codes == [7]


def test_a_closed_api_is_forgotten(vendor: Any) -> None:
    """Listener, API and callbacks refer to each other: closing must break the circle."""

    class Listener:
        def __init__(self, api: Any) -> None:
            self.api = api

        def OnFrontConnected(self) -> None: ...

    for delivery in ("direct", "queue", "batch"):
        api = vendor.lib.MdApi(delivery=delivery)
        listener = Listener(api)
        started(api, listener)
        gone = weakref.ref(listener)
        api.close()
        del api, listener
        gc.collect()
        assert gone() is None, delivery
