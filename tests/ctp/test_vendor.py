"""The vendor's own library: what it dies of is an exception here, and the process lives on.

It comes in the openctp-ctp package, which is never imported. Every case runs in a process of its own, as the library's
failures end one. Nothing leaves this machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tidewire import ctp

PRELUDE = """
import gc, json, os, socket, sys, threading
from collections import Counter
from pathlib import Path
from tidewire import ctp
from tidewire.errors import *

lib = ctp.load(sys.argv[1])


def listen():
    server = socket.create_server(("127.0.0.1", 0))
    return server, f"tcp://127.0.0.1:{server.getsockname()[1]}"


def failure(call, *arguments):
    try:
        call(*arguments)
    except Error as error:
        return [type(error).__name__, str(error)]
    return ["nothing", ""]


def told(result):
    Path(sys.argv[2]).write_text(json.dumps(result))


"""


@pytest.fixture(scope="session")
def vendor_folder() -> Path:
    spec = find_spec("openctp_ctp")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the vendor's library is not here: pip install openctp-ctp")
    folder = Path(spec.submodule_search_locations[0]).with_name("openctp_ctp.libs")
    if not folder.is_dir():
        pytest.skip(f"openctp-ctp brings no Linux library: {folder}")
    return folder


class Vendor:
    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self.scratch = folder, scratch
        self.output = ""

    def run(self, script: str) -> Any:
        """Run it in a process of its own and return what it told."""
        answer = self.scratch / "answer.json"
        program = PRELUDE + textwrap.dedent(script)
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", program, self.folder, answer],
            cwd=self.scratch,
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.output = done.stderr.decode(errors="replace")
        assert done.returncode == 0, self.output
        return json.loads(answer.read_text())


@pytest.fixture
def vendor(vendor_folder: Path, tmp_path: Path) -> Vendor:
    return Vendor(vendor_folder, tmp_path)


def test_it_tells_its_version(vendor_folder: Path) -> None:
    lib = ctp.load(vendor_folder)
    assert lib.version == "6.7.11"
    assert lib.build == "v6.7.11_20250617 16:22:00.10369"
    assert set(lib.libraries) == {"market", "trader"}


def test_bad_addresses(vendor: Vendor) -> None:
    """Without the check the first two end the process with SIGSEGV."""
    bad = ["127.0.0.1:45713", "", "garbage", "tcp://127.0.0.1"]
    failures = vendor.run(f"""
        with lib.TraderApi() as trader, lib.MdApi() as md:
            told([failure(api.RegisterFront, address) for api in (trader, md) for address in {bad}])
    """)
    assert [name for name, _ in failures] == ["ConfigError"] * 8


def test_a_host_that_does_not_exist(vendor: Vendor) -> None:
    assert vendor.run("""
        with lib.MdApi() as api:
            api.RegisterFront("tcp://nobody.invalid:1")
            told(failure(api.Init, 0.5))
    """) == ["Timeout", "no front answered within 0.5 s"]


def test_flow_folders(vendor: Vendor) -> None:
    """The library ends the process when it cannot open its flow files, and loses messages when two APIs share them."""
    made, files, shared, unusable = vendor.run("""
        with lib.TraderApi("new/deep") as api:
            api.SubscribePrivateTopic("RESTART")
            api.SubscribePublicTopic("QUICK")
            files = sorted(file.name for file in Path("new/deep").glob("*.con"))
            shared = failure(lib.MdApi, "new/deep")
        Path("file").touch()
        told([Path("new/deep").is_dir(), files, shared, failure(lib.TraderApi, "file")])
    """)
    assert made
    assert files == ["DialogRsp.con", "Private.con", "Public.con", "QueryRsp.con", "TradingDay.con"]
    assert shared[0] == "ConfigError"
    assert "in use" in shared[1]
    assert unusable[0] == "ConfigError"


def test_release_in_a_callback_and_codes_of_lost_links(vendor: Vendor) -> None:
    """0x1001 when the peer closes, 0x2003 after garbage. Releasing in there ends the process without the check."""
    for kind in ("Md", "Trader"):
        reasons, failures, after = vendor.run(f"""
            server, address = listen()
            reasons, failures, lost = [], [], threading.Semaphore(0)

            class Listener:
                def OnFrontDisconnected(self, reason):
                    reasons.append(reason)
                    failures.extend([failure(api.Release), failure(api.close), failure(api.Join)])
                    lost.release()
                    raise RuntimeError("a callback that fails")

            api = lib.{kind}Api()
            api.RegisterSpi(Listener())
            api.RegisterFront(address)
            api.Init()
            link, _ = server.accept()
            link.close()
            assert lost.acquire(timeout=10)
            link, _ = server.accept()
            link.sendall(b"garbage" * 100)
            assert lost.acquire(timeout=10)
            api.Release()
            told([reasons, failures, failure(api.Release)])
        """)
        assert reasons == [0x1001, 0x2003]
        assert {name for name, _ in failures} == {"CtpError"}
        assert after == ["CtpError", "the API has been released"]
        assert "a callback that fails" in vendor.output


def test_the_link_lost_before_connecting(vendor: Vendor) -> None:
    name, message = vendor.run("""
        server, address = listen()
        threading.Thread(target=lambda: server.accept()[0].close()).start()
        with lib.TraderApi() as api:
            api.RegisterFront(address)
            told(failure(api.Init, 10))
    """)
    assert (name, "0x1001" in message) == ("CtpDisconnected", True)


def test_nobody_listening(vendor: Vendor) -> None:
    assert vendor.run("""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with lib.MdApi() as api:
            api.RegisterFront(f"tcp://127.0.0.1:{port}")
            told(failure(api.Init, 0.3))
    """) == ["Timeout", "no front answered within 0.3 s"]


def test_release_while_a_thread_joins(vendor: Vendor) -> None:
    """The library's own Release hangs for ever while a thread is in its Join."""
    assert vendor.run("""
        server, address = listen()
        api = lib.TraderApi()
        api.RegisterFront(address)
        api.Init()
        results = []
        joining = threading.Thread(target=lambda: results.append(api.Join()))
        joining.start()
        assert failure(api.Join, 0.05)[0] == "Timeout"
        api.Release()
        joining.join(10)
        told(results)
    """) == [1]


def test_what_is_no_struct_of_the_request(vendor: Vendor) -> None:
    assert {
        name
        for name, _ in vendor.run("""
        other = ctp.structs.structs("6.7.13").ReqUserLogin()
        with lib.TraderApi() as api:
            told([failure(api.ReqUserLogin, wrong, 1) for wrong in (None, lib.InputOrder(), other, b"bytes")])
    """)
    } == {"ConfigError"}


def test_calls_after_the_release(vendor: Vendor) -> None:
    failures = vendor.run("""
        api = lib.TraderApi()
        api.Release()
        told([failure(getattr(api, method.name)) if not method.parameters else
              failure(getattr(api, method.name), *[getattr(lib, kind[:-1])() if kind[-1] == "*" else 1
                                                   for kind in method.parameters])
              for method in lib.schema.classes["TraderApi"]
              if method.name not in {"Join", "RegisterSpi", "RegisterFront", "RegisterNameServer", "Init"}]
             + [failure(api.RegisterFront, "tcp://127.0.0.1:1")])
    """)
    assert {name for name, _ in failures} == {"CtpError"}
    assert len(failures) == 129


def test_every_request_returns_a_documented_code_before_logging_in(vendor: Vendor) -> None:
    """-1 without a connection; with one, 0 for what is sent and -2 for a query while another one is under way."""
    before, after, others = vendor.run("""
        def all_requests(api, of):
            codes = {}
            for method in lib.schema.classes[of]:
                if method.returns != "int" or method.name == "Join":
                    continue
                if method.parameters[0] == "char*[]":
                    codes[method.name] = getattr(api, method.name)(["rb2701"])
                    continue
                given = [getattr(lib, kind[:-1])() if kind[-1] == "*" else 1 for kind in method.parameters]
                codes[method.name] = getattr(api, method.name)(*given)
            return codes

        server, address = listen()
        results = []
        with lib.TraderApi() as trader, lib.MdApi() as md:
            results.append(all_requests(trader, "TraderApi") | all_requests(md, "MdApi"))
            links, codes = [], {}
            for api, of in ((trader, "TraderApi"), (md, "MdApi")):
                api.RegisterFront(address)
                api.Init()
                links.append(server.accept()[0])
                links[-1].recv(1)
                while api.ReqUserLogin(lib.ReqUserLogin(), 1) == -1:  # it sends before it says so
                    threading.Event().wait(0.001)
                codes |= all_requests(api, of)
            results.append(codes)
            results.append([trader.GetTradingDay(), md.GetTradingDay(), repr(trader.GetFrontInfo())])
        told(results)
    """)
    assert others[:2] == ["19800100", "19800100"]
    assert "QryFreq=1" in others[2]  # one query a second, before any front has said so
    assert len(before) == len(after) == 118 + 4 + 4 + 1  # of 6.7.11: requests, system information, subscriptions, MD's
    assert set(before.values()) == {-1}
    assert set(after.values()) == {0, -1, -2}
    assert {name for name, code in after.items() if code == -1} == {
        "RegisterUserSystemInfo",
        "SubmitUserSystemInfo",
        "RegisterWechatUserSystemInfo",
        "SubmitWechatUserSystemInfo",
    }
    assert after["ReqUserLogin"] == after["ReqAuthenticate"] == after["ReqOrderInsert"] == 0
    assert after["ReqQryInvestor"] == -2


def test_logging_in_from_many_threads(vendor: Vendor) -> None:
    assert (
        vendor.run("""
        server, address = listen()
        apis = [lib.TraderApi() for _ in range(3)] + [lib.MdApi() for _ in range(3)]
        links = []
        for api in apis:
            api.RegisterFront(address)
            api.Init()
            links.append(server.accept()[0])
            links[-1].recv(1)
        codes = []
        login = lib.ReqUserLogin(BrokerID="9999", UserID="1", Password="x")

        def log_in(api):
            while (code := api.ReqUserLogin(login, 1)) == -1:  # it sends before it says that it is connected
                threading.Event().wait(0.001)
            codes.append(code)

        threads = [threading.Thread(target=log_in, args=(api,)) for api in apis]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for api in apis:
            api.close()
        told(codes)
    """)
        == [0] * 6
    )


@pytest.mark.parametrize("delivery", ["direct", "queue", "batch"])
def test_exit_with_live_apis(vendor: Vendor, delivery: str) -> None:
    """The interpreter's end waits for no thread of the vendor's, and none of them finds the interpreter gone."""
    assert (
        vendor.run(f"""
        server, address = listen()

        def drop():
            while True:
                server.accept()[0].close()

        threading.Thread(target=drop, daemon=True).start()
        lost = threading.Event()

        class Listener:
            def OnFrontDisconnected(self, reason):
                lost.set()

        for create in (lib.MdApi, lib.TraderApi, lib.MdApi):
            api = create(delivery={delivery!r})
            api.RegisterSpi(Listener())
            api.RegisterFront(address)
            api.Init()
        assert lost.wait(10)
        told("alive to the end")
    """)
        == "alive to the end"
    )


def test_exit_while_threads_wait(vendor: Vendor) -> None:
    """They wake up when the interpreter is ending already."""
    assert (
        vendor.run("""
        server, address = listen()
        apis = [lib.MdApi() for _ in range(4)]
        for api in apis:
            api.RegisterFront(address)
            api.Init()
            for wait in (api.wait_connected, api.Join):
                threading.Thread(target=lambda wait=wait: failure(wait, 600), daemon=True).start()
        told("alive to the end")
    """)
        == "alive to the end"
    )


def test_a_forked_child_leaves_the_library_alone(vendor: Vendor) -> None:
    assert vendor.run("""
        server, address = listen()
        api = lib.TraderApi()
        api.RegisterFront(address)
        api.Init()
        child = os.fork()
        if child == 0:
            code = 0 if failure(api.ReqUserLogin, lib.ReqUserLogin(), 1)[0] == "CtpError" else 1
            sys.exit(code)
        _, status = os.waitpid(child, 0)
        told([os.waitstatus_to_exitcode(status), api.ReqUserLogin(lib.ReqUserLogin(), 1)])
    """) == [0, 0]


def test_many_apis_one_after_another(vendor: Vendor) -> None:
    """Creating, starting and releasing leaves neither threads nor descriptors behind."""
    threads, files = vendor.run("""
        server, address = listen()

        def cycle():
            with lib.TraderApi(delivery="queue") as trader, lib.MdApi() as md:
                for api in (trader, md):
                    api.RegisterFront(address)
                    api.Init()

        def open_files():
            return len(os.listdir("/proc/self/fd"))

        cycle()
        threads, files = threading.active_count(), open_files()
        for _ in range(10):
            cycle()
        told([threading.active_count() - threads, open_files() - files])
    """)
    assert threads == 0
    assert files <= 2
