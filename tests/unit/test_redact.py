"""Nothing that looks like a secret, or was registered as one, reaches a log record."""

# ruff: noqa: E501 - a table of shapes reads best unbroken
from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire import _redact
from tidewire._redact import RedactingFilter, install, redact_text, register

SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u
-----END PRIVATE KEY-----"""


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_redact, "_registered", frozenset())
    monkeypatch.setattr(_redact, "_registered_pattern", None)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a user's root handler at DEBUG shows."""
    root, stream = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"GET https://a.b/c?symbol=BTCUSDT&timestamp=1&signature={SIGNATURE}", "GET https://a.b/c?symbol=BTCUSDT&timestamp=1&signature=***"),
        (f"?signature={SIGNATURE}&recvWindow=5", "?signature=***&recvWindow=5"),
        ("?AccessKeyId=e2xx-99&SignatureMethod=HmacSHA256&Signature=4F65x%2Bg%3D", "?AccessKeyId=***&SignatureMethod=HmacSHA256&Signature=***"),
        (f"apiKey={KEY}&price=1", "apiKey=***&price=1"),
        (f"X-MBX-APIKEY: {KEY}", "X-MBX-APIKEY: ***"),
        (f"[(b'X-MBX-APIKEY', b'{KEY}'), (b'Host', b'a.b')]", "[(b'X-MBX-APIKEY', b'***'), (b'Host', b'a.b')]"),
        ("{'OK-ACCESS-SIGN': 'Hi/+=', 'OK-ACCESS-TIMESTAMP': '1'}", "{'OK-ACCESS-SIGN': '***', 'OK-ACCESS-TIMESTAMP': '1'}"),
        ('{"OK-ACCESS-PASSPHRASE":"two words","op":"x"}', '{"OK-ACCESS-PASSPHRASE":"***","op":"x"}'),
        (r'"{\"passphrase\":\"two words\",\"op\":\"login\"}"', r'"{\"passphrase\":\"***\",\"op\":\"login\"}"'),
        ('{"op":"login","args":[{"apiKey":"k1","sign":"s1","timestamp":"1"}]}', '{"op":"login","args":[{"apiKey":"***","sign":"***","timestamp":"1"}]}'),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("CB-ACCESS-KEY=abc, CB-ACCESS-SIGN=def", "CB-ACCESS-KEY=***, CB-ACCESS-SIGN=***"),
        ("wss://a.b/ws/pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1", "wss://a.b/ws/***"),
        ('{"listenKey": "pqia91"}', '{"listenKey": "***"}'),
        (f"loaded {PEM} ok", "loaded *** ok"),
        (f"loaded {PEM[:60]}", "loaded ***"),
        ("proxy http://me:pw@10.0.0.1:3128/x", "proxy http://***@10.0.0.1:3128/x"),
        ("sent eyJhbGciOi.eyJzdWIi.c2ln-_x now", "sent *** now"),
        ("signature=", "signature="),
        ("assigned: 5, designed=true, monkey=1, tokens used", "assigned: 5, designed=true, monkey=1, tokens used"),
        ("symbol=BTCUSDT&orderId=28&side=BUY", "symbol=BTCUSDT&orderId=28&side=BUY"),
    ],
)  # fmt: skip
def test_known_shapes(text: str, shown: str) -> None:
    assert redact_text(text) == shown


@given(st.text(min_size=4).filter(str.strip), st.text(), st.text())
def test_registered_text_disappears_in_every_spelling(secret: str, before: str, after: str) -> None:
    register(secret)
    for spelling in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
        hidden = redact_text(f"{before}\0{spelling}\0{after}")
        assert spelling not in hidden or spelling in _redact.HIDDEN or spelling in f"{before}{after}"


def test_registered_pem_is_hidden_line_by_line() -> None:
    register(PEM.replace("\n", "\\n"), None, "")
    assert "MC4CAQ" not in redact_text(PEM) + redact_text(f"body {PEM.splitlines()[1]}")


def test_a_longer_secret_is_hidden_whole_when_a_shorter_one_begins_it() -> None:
    register("abcd", "abcdefgh")
    assert redact_text("abcdefgh abcd") == "*** ***"


def test_very_short_texts_do_not_blank_the_log() -> None:
    register("a", "")
    assert redact_text("a banana") == "a banana"


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
def test_filter_on_every_level(level: int, log: io.StringIO) -> None:
    install()
    for name in ("tidewire", "httpx", "httpcore.http11"):
        logging.getLogger(name).log(level, "sent %s&signature=%s", httpx.URL("https://a.b/c?apiKey=" + KEY), SIGNATURE)
    text = log.getvalue()
    assert text.count("sent https://a.b/c?apiKey=***&signature=***") == text.count("\n") > 0
    assert KEY not in text
    assert SIGNATURE not in text


def test_tracebacks_and_stacks_are_redacted(log: io.StringIO) -> None:
    install()
    register("the-secret-itself")
    try:
        raise ValueError(f"https://a.b/?signature={SIGNATURE}") from KeyError("the-secret-itself")
    except ValueError:
        logging.getLogger("tidewire").exception("failed", stack_info=True)
    assert "ValueError: https://a.b/?signature=***" in log.getvalue()
    assert "the-secret-itself" not in log.getvalue()
    assert SIGNATURE not in log.getvalue()


def test_record_that_cannot_be_formatted_is_hidden(log: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    install()
    logging.getLogger("tidewire").info("%d", KEY)
    assert "does not fit its arguments (TypeError)" in log.getvalue()
    assert KEY not in log.getvalue() + capsys.readouterr().err


def test_a_clean_record_keeps_its_arguments() -> None:
    record = logging.LogRecord("tidewire", logging.INFO, "f", 1, "%s has %d", ("BTC-USDT", 3), None)
    assert RedactingFilter().filter(record)
    assert record.args == ("BTC-USDT", 3)


def test_install_covers_every_logger_of_httpcore() -> None:
    """A new release of httpcore may log under a new name: then this fails, and ``_LOGGERS`` must name it."""
    sources = [file.read_text(encoding="utf-8") for file in Path(httpcore.__file__).parent.rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'getLogger\("([^"]+)"\)', source)}
    assert len(named) >= 5
    assert named <= set(_redact._LOGGERS)


def test_install_covers_later_children_on_the_next_call(log: io.StringIO) -> None:
    install()
    logger = logging.getLogger("tidewire.made_later")
    install()
    install()
    logger.warning("signature=%s", SIGNATURE)
    assert log.getvalue() == "signature=***\n"
    assert len(logger.filters) == 1


def test_httpx_at_debug_never_shows_a_signed_url(log: io.StringIO) -> None:
    install()
    answer = httpx.MockTransport(lambda request: httpx.Response(200, headers={"Set-Cookie": "session=abc123def"}))
    with httpx.Client(transport=answer) as client:
        client.get(f"https://a.b/api/v3/account?timestamp=1&signature={SIGNATURE}", headers={"X-MBX-APIKEY": KEY})
    assert "/api/v3/account?timestamp=1&signature=***" in log.getvalue()
    assert SIGNATURE not in log.getvalue()
