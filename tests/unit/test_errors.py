"""The error tree is what the documentation draws, and every error says what, where and whose."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Iterator

import pytest

from tidewire import _redact, errors
from tidewire._call import decoder
from tidewire.errors import Error

CLASSES = [getattr(errors, name) for name in errors.__all__]


def drawn_tree() -> Iterator[tuple[str, str | None, list[str]]]:
    """Yield (class, parent, attributes) for each line of the drawing."""
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^    ([ │]*(?:[├└]─ )?)([A-Z]\w+)(.*)$", line)
        if match:
            depth = (len(match[1]) + 1) // 4
            del branch[depth:]
            yield match[2], branch[-1] if branch else None, re.findall(r"\.(\w+)", match[3])
            branch.append(match[2])


def test_the_drawing_is_the_tree() -> None:
    drawn = {name: parent for name, parent, _ in drawn_tree()}
    real = {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES if cls is not Error}
    real.pop("SymbolRejected")  # two parents: the drawing says so in words
    assert drawn.pop("Error") is None
    assert drawn == real


def test_the_drawing_names_real_attributes() -> None:
    named = {name: attributes for name, _, attributes in drawn_tree() if attributes}
    assert set(named) >= {"Error", "VenueError", "RateLimited", "DecodeError", "OutcomeUnknown", "CtpError"}
    for name, attributes in named.items():
        error = getattr(errors, name)()
        assert [a for a in attributes if not hasattr(error, a)] == [], name


def test_a_rejected_symbol_is_caught_both_ways() -> None:
    error = errors.SymbolRejected("Invalid symbol.", venue="binance", code=-1121, http_status=400)
    assert isinstance(error, errors.UnknownSymbol)
    assert isinstance(error, errors.InvalidRequest)
    assert (error.code, error.message, error.http_status) == (-1121, "Invalid symbol.", 400)
    assert str(error) == "binance: Invalid symbol. [code -1121] [HTTP 400]"


def test_exports_are_sorted_and_complete() -> None:
    defined = [n for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, Error)]
    assert errors.__all__ == sorted(defined)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_error_tells_venue_retryable_and_message(cls: type[Error]) -> None:
    error = cls("went wrong")
    assert error.venue == ("ctp" if issubclass(cls, errors.CtpError) else None)
    assert isinstance(error.retryable, bool)
    assert "went wrong" in str(error)
    assert cls.__doc__
    if not issubclass(cls, errors.CtpError):
        assert cls("went wrong", venue="okx").venue == "okx"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_errors_survive_pickling_and_copying(cls: type[Error]) -> None:
    error = cls("went wrong")
    error.venue = "okx"
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is cls
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


def test_only_what_a_repeated_read_can_mend_is_retryable() -> None:
    retryable = {cls.__name__ for cls in CLASSES if cls.retryable}
    assert retryable == {
        "TransportError",
        "Timeout",
        "ConnectionFailed",
        "ClockSkew",
        "RateLimited",
        "VenueUnavailable",
    }


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.VenueError("no", venue="okx"), "okx: no"),
        (errors.VenueError("no", code="51000"), "no [code 51000]"),
        (errors.VenueError("no", venue="okx", code=0, http_status=200), "okx: no [code 0]"),
        (errors.RateLimited("slow down", venue="binance", http_status=429), "binance: slow down [HTTP 429]"),
        (errors.DecodeError("not a number", offset=7, excerpt=b'"x"'), "not a number at byte 7: b'\"x\"'"),
        (errors.DecodeError("not JSON"), "not JSON"),
        (errors.CtpError("CTP: not logged in", error_id=6), "CTP: not logged in [ErrorID 6]"),
    ],
)
def test_messages(error: Error, text: str) -> None:
    assert str(error) == text


def test_a_decode_error_shows_at_most_80_bytes() -> None:
    error = errors.DecodeError("not JSON", offset=0, excerpt=b"x" * 1000)
    assert error.excerpt == b"x" * 80
    assert len(str(error)) < 120


def test_an_excerpt_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_redact, "_registered", frozenset())
    monkeypatch.setattr(_redact, "_registered_pattern", None)
    _redact.register("hush-hush-hush")
    listen_key = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
    body = b'{"listenKey":"%s","note":"\xe4\xbd\x99 hush-hush-hush"}' % listen_key.encode()
    error = errors.DecodeError("unexpected answer", excerpt=body)
    assert error.excerpt == b'{"listenKey":"***","note":"\xe4\xbd\x99 ***"}'
    # At the edge of what is shown it is recognised as well: half a secret is one.
    cut = decoder(int, "okx")
    with pytest.raises(errors.DecodeError) as caught:
        cut(b"x" * 75 + b"hush-hush-hush")
    assert caught.value.excerpt == b"x" * 75 + b"***"
    assert "hush" not in str(caught.value)


def test_what_was_sent_tells_whether_a_write_may_have_happened() -> None:
    assert errors.ConnectionFailed("refused", sent=False).sent is False
    assert errors.Timeout("no answer").sent is True
