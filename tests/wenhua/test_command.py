"""``tidewire wenhua`` as a user meets it."""

from __future__ import annotations

import csv
import json

import pytest

pytest.importorskip("typer")

from typer.testing import CliRunner

from tidewire.cli.app import app

from .files import independent, minutes, walk

ROWS = walk(minutes(days=1))


def run(*arguments):
    return CliRunner().invoke(app, ["wenhua", *map(str, arguments)])


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "Data" / "SHME" / "min1" / "00063580.dat"
    path.parent.mkdir(parents=True)
    path.write_bytes(independent(ROWS))
    table = tmp_path / "sys" / "MarketIni" / "Market4.ini"
    table.parent.mkdir(parents=True)
    table.write_bytes("63580=rb10,螺纹10\r\n63570=螺纹主连\r\n".encode("gb18030"))
    return tmp_path


def test_an_installation_is_listed(root):
    shown = run(root)
    assert shown.exit_code == 0
    assert [word for word in "SHME min1 63580 rb10 螺纹10".split() if word not in shown.stdout] == []
    assert "1 of 2 entries are not understood" in shown.stderr
    (file,) = json.loads(run(root, "--json").stdout)
    assert (file["number"], file["symbol"], file["bytes"]) == (63580, "rb10", 4 + 36 * len(ROWS))


@pytest.mark.parametrize("what", ["63580", "rb10", "rb2710"])
def test_bars_go_into_a_pipe(root, what):
    shown = run(root, what)
    rows = list(csv.DictReader(shown.stdout.splitlines()))
    assert len(rows) == len(ROWS)
    assert float(rows[-1]["close"]) == ROWS[-1][4]
    assert "layout intraday" in shown.stderr


def test_a_single_file_is_shown(root):
    path = root / "Data" / "SHME" / "min1" / "00063580.dat"
    assert len(json.loads(run(path, "--json", "--code", "rb").stdout)) == len(ROWS)


def test_what_is_wrong_is_one_line(root, tmp_path):
    for arguments in ((root, "hc10"), (tmp_path / "none.dat",), (root / "sys",)):
        shown = run(*arguments)
        assert (shown.exit_code, shown.stdout) == (2, "")
        assert shown.stderr.splitlines()[-1].startswith("ConfigError ")
