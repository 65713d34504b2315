"""The command line: ticks from the simulated front, and what doctor says of libraries."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from tidewire.cli.app import app


def run(*words: str):
    return CliRunner().invoke(app, ["ctp", *words])


def test_ticks_of_the_simulated_front():
    shown = run("ticks", "rb2610", "IF2609", "-n", "3")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert len(lines) == 3
    assert {line.split()[2] for line in lines} == {"rb2610", "IF2609"}


def test_ticks_as_json():
    shown = run("ticks", "rb2610", "-n", "2", "--json")
    ticks = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [tick["sequence"] for tick in ticks] == [1, 2]
    assert ticks[1]["symbol"] == "rb2610"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ticks", "rb2610", "--library", "installed"), 2),
        (("ticks", "rb2610", "--library", "/nowhere", "--front", "tcp://127.0.0.1:1"), 2),
        (("ticks", "rb2610", "--front", "127.0.0.1"), 2),
        (("ticks",), 2),
    ],
)
def test_mistakes_are_told_in_a_line(words, code):
    assert run(*words).exit_code == code


def test_doctor_tells_of_libraries():
    shown = CliRunner().invoke(app, ["doctor", "binance", "--sandbox", "--json"])
    assert "ctp libraries" in json.loads(shown.stdout)["tidewire"]
