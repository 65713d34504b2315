"""Market and Trader over the vendor's own library, as far as it goes without a broker: in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAM = """
import json, socket, sys, threading
from tidewire import ctp
from tidewire.errors import Timeout

folder, result, flow = sys.argv[1:]
server = socket.create_server(("127.0.0.1", 0))
front = f"tcp://127.0.0.1:{server.getsockname()[1]}"



def drop_everybody():
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        peer.recv(100)
        peer.close()


threading.Thread(target=drop_everybody).start()
trader = ctp.Trader(front, "9999", "u1", "open-sesame-77", "app", "code", library=folder, flow_folder=flow, timeout=3)
told = {"connections": [], "errors": []}
with trader.watch_connection() as connections:
    try:
        trader.open()
    except Timeout as error:
        told["errors"].append(str(error))
    told["connections"] = [[change.state, change.code, change.reason] for change in connections]
try:
    ctp.Market("tcp://127.0.0.1:9", library=folder, timeout=0.5).open()
except Timeout as error:
    told["errors"].append(str(error))
server.shutdown(socket.SHUT_RDWR)
server.close()
told["threads"] = [thread.name for thread in threading.enumerate() if thread.name.startswith("tidewire")]
with open(result, "w", encoding="utf-8") as file:
    json.dump(told, file)
"""


def test_lost_connections_are_named_and_nobody_is_waited_for_in_vain(tmp_path):
    spec = find_spec("openctp_ctp")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the vendor's library is not here: pip install openctp-ctp")
    folder = Path(spec.submodule_search_locations[0]).with_name("openctp_ctp.libs")
    result = tmp_path / "told.json"
    command = [sys.executable, "-W", "error", "-c", PROGRAM, folder, result, tmp_path / "flow"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    told = json.loads(result.read_text(encoding="utf-8"))
    assert told["connections"]
    for state, code, reason in told["connections"]:
        assert (state, code) == ("offline", 0x1001)
        assert "the front closed the connection" in reason
    assert len(told["errors"]) == 2
    assert all("no front answered" in error for error in told["errors"])
    assert told["threads"] == []
    assert b"open-sesame-77" not in done.stdout + done.stderr
