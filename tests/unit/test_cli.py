"""The command line as a user meets it: what is printed where, files, exit codes, Ctrl-C."""

from __future__ import annotations

import csv
import importlib.util
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tidewire as tw

pytest.importorskip("typer")

from typer.testing import CliRunner, Result

from tidewire.cli import demo as demo_module
from tidewire.cli.app import app
from tidewire.cli.exits import MEANINGS, exit_code
from tidewire.cli.plot import plot
from tidewire.sandbox import Sandbox

PROGRAM = [sys.executable, "-c", "from tidewire.cli import main; main()"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever the machine is connected to: every live venue is behind a port that nobody listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        yield


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


class TestProgram:
    def test_help_names_every_command_and_exit_code(self) -> None:
        shown = " ".join(run("--help").stdout.split())
        for word in (
            "demo",
            "sandbox",
            "venues",
            "klines",
            "book",
            "route",
            "wenhua",
            "doctor",
            *(f"{code} " for code in MEANINGS),
        ):
            assert word in shown

    def test_version(self) -> None:
        assert run("--version").stdout == f"tidewire {tw.__version__}\n"

    @pytest.mark.parametrize("extra", ["typer", "rich"])
    def test_a_missing_extra_is_one_line(self, extra: str) -> None:
        code = f"import sys; sys.modules[{extra!r}] = None; from tidewire.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code, "venues"], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr == f'the command line needs {extra}: pip install "tidewire[cli]"\n'

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (tw.ConnectionFailed(), 1),
            (tw.Timeout(), 1),
            (tw.UnknownSymbol(), 2),
            (tw.NotSupported(), 2),
            (tw.InvalidRequest(), 3),
            (tw.OrderNotFound(), 3),
            (tw.PermissionDenied(), 4),
            (tw.Banned(), 5),
            (tw.DecodeError(), 6),
            (tw.SequenceGap(), 6),
            (tw.StreamClosed(), 6),
        ],
    )
    def test_exit_codes_follow_the_error_tree(self, error: tw.Error, code: int) -> None:
        assert exit_code(error) == code


class TestVenues:
    def test_lists_every_venue(self) -> None:
        shown = run("venues").stdout
        assert all(venue in shown for venue in tw.venues())

    def test_json_tells_what_each_offers(self) -> None:
        told = json.loads(run("venues", "--json").stdout)
        assert tuple(told) == tw.venues()
        assert "fetch_klines" in told["binance"]["capabilities"]
        assert "1m" in told["binance"]["intervals"]["spot"]


class TestKlines:
    def test_csv_into_a_pipe_and_talk_elsewhere(self) -> None:
        result = run("klines", "binance", "BTC-USDT", "1m", "-n", "50", "--sandbox")
        assert result.exit_code == 0
        rows = list(csv.DictReader(result.stdout.splitlines()))
        assert len(rows) == 50
        assert all(float(row["low"]) <= float(row["close"]) <= float(row["high"]) for row in rows)
        assert [row["open_time"] for row in rows] == sorted(row["open_time"] for row in rows)
        assert rows[0]["open_time"].endswith("Z")
        assert "local sandbox" in result.stderr

    def test_json(self) -> None:
        rows = json.loads(run("klines", "binance", "BTC-USDT", "1h", "-n", "3", "--json", "--sandbox").stdout)
        assert len(rows) == 3
        assert set(rows[0]) >= {"open_time", "open", "high", "low", "close", "volume"}

    @pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
    def test_files_hold_the_same_bars(self, suffix: str, tmp_path: Path) -> None:
        if suffix == ".parquet":
            pytest.importorskip("pyarrow")
        file = tmp_path / f"bars{suffix}"
        window = ("--start", "2026-01-01", "--end", "2026-01-01T02:00Z")
        result = run("klines", "binance", "BTC-USDT", "1m", *window, "-o", str(file), "--sandbox")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "120 klines" in result.stderr
        assert [path.name for path in tmp_path.iterdir()] == [file.name]
        if suffix == ".csv":
            count = len(list(csv.DictReader(file.read_text().splitlines())))
        elif suffix == ".json":
            count = len(json.loads(file.read_text()))
        else:
            from pyarrow import parquet

            count = parquet.read_table(file).num_rows
        assert count == 120

    def test_a_long_window_comes_whole(self, tmp_path: Path) -> None:
        file = tmp_path / "bars.csv"
        window = ("--start", "2026-01-01", "--end", "2026-01-16")
        run("klines", "binance", "BTC-USDT", "1m", *window, "-o", str(file), "--sandbox")
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert len({row["open_time"] for row in rows}) == len(rows) == 15 * 24 * 60
        assert (rows[0]["open_time"], rows[-1]["open_time"]) == ("2026-01-01T00:00:00Z", "2026-01-15T23:59:00Z")

    def test_a_file_that_cannot_be_written_is_refused_before_anything_is_fetched(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = run("klines", "binance", "BTC-USDT", "-o", str(tmp_path / "bars.xlsx"), "--sandbox")
        assert result.exit_code == 2
        assert "must end in .csv, .json or .parquet" in result.stderr
        assert "local sandbox" not in result.stderr
        result = run("klines", "binance", "BTC-USDT", "-o", str(tmp_path / "nowhere" / "bars.csv"), "--sandbox")
        assert result.exit_code == 2
        assert "there is no folder" in result.stderr
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        result = run("klines", "binance", "BTC-USDT", "-o", str(tmp_path / "bars.parquet"), "--sandbox")
        assert result.exit_code == 2
        assert 'pip install "tidewire[frames]"' in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("binance", "BTC-USTD", "1m", "--sandbox"), "ymbol"),
            (("binance", "BTC-USDT", "7m", "--sandbox"), "1m 3m 5m"),
            (("binanse", "BTC-USDT", "1m"), "did you mean"),
            (("binance", "BTC-USDT", "1m", "--start", "2026-01-01T00:00", "--sandbox"), "no time zone"),
            (("binance", "BTC-USDT", "1m", "--start", "2026-01-02", "--end", "2026-01-01", "--sandbox"), "end"),
        ],
    )
    def test_bad_input_exits_with_2_and_says_how_to_mend_it(self, arguments: tuple[str, ...], told: str) -> None:
        result = run("klines", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert told in result.stderr
        assert "Traceback" not in result.stderr

    @pytest.mark.usefixtures("no_network")
    def test_no_network_exits_with_1(self) -> None:
        result = run("klines", "binance", "BTC-USDT")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "ConnectionFailed" in result.stderr

    def test_a_reader_that_goes_away_is_no_error(self) -> None:
        command = [*PROGRAM, "klines", "binance", "BTC-USDT", "1m", "-n", "5000", "--sandbox"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline().startswith("open_time")
            process.stdout.close()
            assert "Traceback" not in process.stderr.read()


class TestBook:
    def test_shows_so_many_levels(self) -> None:
        shown = run("book", "binance", "BTC-USDT", "--depth", "7", "--sandbox").stdout.splitlines()
        assert "BTC-USDT at binance" in shown[0]
        assert len(shown) == 2 + 7

    def test_json_is_exact(self) -> None:
        told = json.loads(run("book", "binance", "BTC-USDT", "-d", "3", "--json", "--sandbox").stdout)
        assert told["symbol"] == "BTC-USDT"
        assert len(told["bids"]) == len(told["asks"]) == 3
        assert isinstance(told["bids"][0]["price"], str)

    def test_live_json_is_a_line_per_change(self) -> None:
        result = run("book", "binance", "BTC-USDT", "-d", "2", "--live", "--seconds", "1", "--json", "--sandbox")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert len(lines) >= 3
        assert {line["state"] for line in lines} == {"LIVE"}
        sequences = [line["sequence"] for line in lines]
        assert sequences == sorted(sequences)
        assert "updates" in result.stderr

    def test_live_in_a_pipe_is_plain_lines(self) -> None:
        shown = run("book", "binance", "BTC-USDT", "--live", "--seconds", "0.8", "--sandbox").stdout
        assert " LIVE #" in shown
        assert "\x1b" not in shown

    def test_ctrl_c_ends_it_cleanly(self) -> None:
        command = [*PROGRAM, "book", "binance", "BTC-USDT", "--live", "--json", "--sandbox"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, talk = process.communicate(timeout=10)
        assert process.returncode == 130
        assert "Traceback" not in talk


class TestDemo:
    def test_shows_everything_in_the_local_sandbox(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("LIVE", raising=False)
        monkeypatch.setattr(demo_module, "_LIVE_S", 1.0)
        result = run("demo")
        assert result.exit_code == 0, result.stderr
        for part in (
            "No exchange is contacted",
            "BTC-USDT 1m at binance: 1,000 klines",
            " LIVE #",
            "create_order",
            "canceled",
            "spot-weight-1m",
            "clock offset",
            "no real price is involved",
            "SHFE.rb2610  00063580.dat",
            "rolls: 2026-07-02 SHFE.rb2607 (decided on 2026-07-01); 2026-07-06 SHFE.rb2610",
            "All of it was served by the local sandbox",
        ):
            assert part in result.stdout
        key = Sandbox("binance").credentials("binance")
        assert key.secret not in result.output
        assert key.key not in result.output

    @pytest.mark.usefixtures("no_network")
    def test_live_without_a_network_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LIVE", "1")
        result = run("demo")
        assert result.exit_code == 1
        assert "binance cannot be reached from here" in result.stdout
        assert "All of it" not in result.stdout
        assert "Traceback" not in result.stderr


class TestDoctor:
    def test_examines_a_venue_that_answers(self) -> None:
        result = run("doctor", "binance", "--sandbox")
        assert result.exit_code == 0
        for part in (tw.__version__, "numpy", "cpu features", "reachable     yes", "clock", "key may read  yes"):
            assert part in result.stdout
        key = Sandbox("binance").credentials("binance")
        assert key.secret not in result.output

    @pytest.mark.usefixtures("no_network", "no_credentials")
    def test_exits_with_1_when_a_venue_cannot_be_reached(self) -> None:
        result = run("doctor", "binance", "--json")
        assert result.exit_code == 1
        told = json.loads(result.stdout)
        assert told["binance"]["reachable"].startswith("no: ConnectionFailed")
        assert "BINANCE_API_KEY" in told["binance"]["credentials"]
        assert str(Path.home()) not in result.stdout

    @pytest.mark.usefixtures("no_network")
    def test_shows_no_more_of_a_key_than_its_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BINANCE_API_KEY", "abcdefghijklmnop")
        monkeypatch.setenv("BINANCE_API_SECRET", "a secret that nobody may see")
        result = run("doctor", "binance")
        assert "…mnop" in result.stdout
        assert "abcdefghijkl" not in result.output
        assert "a secret" not in result.output


class TestSandbox:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_runs_until_it_is_told_to_stop(self, number: signal.Signals) -> None:
        command = [*PROGRAM, "sandbox", "binance", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            place = json.loads(process.stdout.readline())["binance"]
            key = tw.Credentials(place["key"], place["secret"])
            with tw.Client("binance", base_url=place["rest"], stream_url=place["stream"], credentials=key) as client:
                assert client.fetch_balances()
            process.send_signal(number)
            _, talk = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "stopped" in talk
        assert "Traceback" not in talk

    def test_prints_lines_to_paste(self) -> None:
        with subprocess.Popen(
            [*PROGRAM, "sandbox", "binance", "--pace", "5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            lines: list[str] = []
            while not lines or lines[-1].strip():
                lines.append(process.stdout.readline())
            ours, theirs = [], []
            for block in (ours, theirs):
                while not block or block[-1].strip():
                    block.append(process.stdout.readline())
            try:
                names: dict[str, object] = {}
                exec("".join(ours), names)
                with names["client"] as client:  # type: ignore[attr-defined]
                    assert client.fetch_balances()
                if importlib.util.find_spec("ccxt"):
                    exec("".join(theirs), names)
                    exchange = names["exchange"]
                    assert exchange.fetch_ohlcv("BTC/USDT", "1m", limit=3)  # type: ignore[attr-defined]
                    assert exchange.fetch_balance()["USDT"]["free"]  # type: ignore[attr-defined]
                    exchange.session.close()  # type: ignore[attr-defined]
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=10)

    def test_a_port_in_use_is_one_line(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            result = run("sandbox", "binance", "--port", str(taken.getsockname()[1]))
        assert result.exit_code == 1
        assert "address already in use" in result.stderr
        assert "Traceback" not in result.stderr

    @pytest.mark.parametrize("fault", ["lose:often", "vanish"])
    def test_a_fault_that_there_is_not_is_refused(self, fault: str) -> None:
        result = run("sandbox", "binance", "--fault", fault)
        assert result.exit_code == 2
        assert fault.partition(":")[0] in result.stderr


class TestPlot:
    def test_lines_rise_with_the_values(self) -> None:
        assert plot([0, 1, 2, 3], width=4, height=2) == ["  ▃█", "▁▆██"]

    def test_many_values_are_averaged_into_columns(self) -> None:
        assert plot([0, 0, 7, 7], width=2, height=1) == ["▁█"]

    def test_equal_values_are_a_low_line(self) -> None:
        assert plot([5.0] * 3, width=10, height=2) == ["   ", "▁▁▁"]
