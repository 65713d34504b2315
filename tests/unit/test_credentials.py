"""Where credentials come from, and that they show nowhere."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tidewire.credentials import Credentials
from tidewire.errors import ConfigError

KEY, SECRET, PASSPHRASE = "public-half-0123", "the-Secret-Itself", "the-Pass-Phrase"
VARIABLES = ("API_KEY", "API_SECRET", "API_PASSPHRASE")


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the developer's own variables or file."""
    for name in list(os.environ):
        if name.endswith(VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file that load() looks for when no path is given (on Linux)."""
    file = tmp_path / "tidewire" / "credentials.toml"
    file.parent.mkdir()
    file.touch(mode=0o600)
    return file


def parts(credentials: Credentials) -> tuple[str, str, str | None]:
    return credentials.key, credentials.secret, credentials.passphrase


def set_variables(monkeypatch: pytest.MonkeyPatch, prefix: str, *values: str | None) -> None:
    for name, value in zip(VARIABLES, values, strict=False):
        if value is not None:
            monkeypatch.setenv(f"{prefix}_{name}", value)


def test_arguments_win_over_environment_and_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text('[okx]\nkey = "file-key"\nsecret = "file-secret"\npassphrase = "file-phrase"\n')
    assert parts(Credentials.load("okx")) == ("file-key", "file-secret", "file-phrase")
    set_variables(monkeypatch, "OKX", "env-key", "env-secret")
    assert parts(Credentials.load("okx")) == ("env-key", "env-secret", None)  # whole: no passphrase from the file
    assert parts(Credentials.load("okx", key="k", secret="s")) == ("k", "s", None)
    assert parts(Credentials.load("okx", key="k", secret="s", passphrase="p")) == ("k", "s", "p")


def test_each_environment_has_its_own(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    set_variables(monkeypatch, "BINANCE", "live-key", "live-secret")
    set_variables(monkeypatch, "BINANCE_TESTNET", "test-key", "test-secret")
    file.write_text('[okx_testnet]\nkey = "k"\nsecret = "s"\n')
    assert Credentials.load("binance").key == "live-key"
    assert Credentials.load("binance", environment="testnet").key == "test-key"
    assert Credentials.load("okx", environment="testnet").key == "k"
    with pytest.raises(ConfigError):
        Credentials.load("okx")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.touch(mode=0o600)
    own.write_text(f'[binance]\nkey = "k"\nsecret = """{SECRET}\n"""\n')
    assert parts(Credentials.load("binance", path=own)) == ("k", SECRET, None)
    assert parts(Credentials.load("binance", path=str(own))) == ("k", SECRET, None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601, 0o644])
@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_file_that_others_can_reach_is_refused(file: Path, mode: int) -> None:
    file.write_text(f'[okx]\nkey = "k"\nsecret = "{SECRET}"\n')
    file.chmod(mode)
    with pytest.raises(ConfigError, match=rf"can be read by others \(mode {mode:04o}\): run chmod 600") as caught:
        Credentials.load("okx")
    assert_hidden(caught.value)
    file.chmod(0o400)
    assert Credentials.load("okx").key == "k"


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ({"key": KEY}, "no secret"),
        ({"secret": SECRET}, "no key"),
        ({"key": KEY, "secret": ""}, "no secret"),
        ({"key": "", "secret": SECRET}, "no key"),
        ({"passphrase": PASSPHRASE}, "no key and no secret"),
    ],
)
def test_half_of_a_pair_is_refused_wherever_it_comes_from(
    arguments: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    file.write_text('[okx]\nkey = "k"\nsecret = "s"\n')
    with pytest.raises(ConfigError, match=f"okx: the arguments gave {missing}, ") as caught:
        Credentials.load("okx", **arguments)
    assert_hidden(caught.value)

    set_variables(monkeypatch, "HTX", *(arguments.get(name) for name in ("key", "secret", "passphrase")))
    with pytest.raises(ConfigError, match=f"htx: the environment gave {missing}, ") as caught:
        Credentials.load("htx")
    assert_hidden(caught.value)

    file.write_text("[okx]\n" + "".join(f'{name} = "{value}"\n' for name, value in arguments.items()))
    with pytest.raises(ConfigError, match=rf"okx: .*credentials.toml gave {missing}, ") as caught:
        Credentials.load("okx")
    assert_hidden(caught.value)


def test_nothing_found_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Credentials.load("okx", path=tmp_path / "absent.toml")
    assert caught.value.venue == "okx"
    for place in ("Credentials(key, secret)", "OKX_API_KEY", "OKX_API_SECRET", "[okx]", "absent.toml"):
        assert place in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f'[okx]\nsecret = "{SECRET}\n'.encode(), "is not valid TOML"),
        (f'[okx]\nsecret = "{SECRET}\xff"\n'.encode("latin-1"), "is not valid TOML"),
        (f'okx = "{SECRET}"\n'.encode(), "okx must be a table"),
        (f'[okx]\nkey = 12\nsecret = "{SECRET}"\n'.encode(), "key must be text, not int"),
        (f'[okx]\nkey = "k"\nsecret = ["{SECRET}"]\n'.encode(), "secret must be text, not list"),
        (f'[okx]\nkey = "k"\nsecret = "s"\npassphrase = {{a = "{SECRET}"}}\n'.encode(), "passphrase must be text, not"),
    ],
)
def test_a_broken_file_is_refused_without_quoting_it(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as caught:
        Credentials.load("okx")
    assert_hidden(caught.value)


def test_an_unreadable_path_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        Credentials.load("okx", path=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("", SECRET), "the key is empty"),
        ((KEY, ""), "the secret is empty"),
        ((KEY, " \n"), "the secret is empty"),
        (("\t", SECRET), "the key is empty"),
        ((None, SECRET), "key must be text, not NoneType"),
        ((KEY, SECRET.encode()), "secret must be text, not bytes"),
        ((KEY, SECRET, 3), "passphrase must be text, not int"),
    ],
)
def test_bad_parts(arguments: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        Credentials(*arguments)
    assert_hidden(caught.value)


def test_pasted_white_space_is_dropped() -> None:
    assert parts(Credentials(f" {KEY}\n", f"{SECRET}\r\n", "")) == (KEY, SECRET, None)


def test_equality() -> None:
    one, same, other = Credentials("k", "s", "p"), Credentials("k", "s", "p"), Credentials("k", "s")
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != ("k", "s", "p")


def test_a_signer_is_made_once() -> None:
    made: list[str] = []

    def make(secret: str) -> Any:
        made.append(secret)
        return secret.__add__

    credentials = Credentials(KEY, SECRET)
    assert credentials.signer(make)("!") == f"{SECRET}!"
    assert credentials.signer(make) is credentials.signer(make)
    assert made == [SECRET]


def test_threads_get_one_signer() -> None:
    credentials = Credentials(KEY, SECRET)

    def make(secret: str) -> Any:
        return lambda message: secret + message

    with ThreadPoolExecutor(8) as pool:
        assert len({id(signer) for signer in pool.map(lambda _: credentials.signer(make), range(100))}) == 1


# Nothing shows.


def assert_hidden(error: BaseException) -> None:
    """Neither the error, nor what it hangs on to, nor its printed traceback holds a secret."""
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    # Without source lines: those of this file hold the secrets.
    frames = "".join(traceback.format_exception_only(error))
    for text in (str(error), repr(error), repr(error.args), repr(vars(error)), frames):
        assert SECRET not in text
        assert PASSPHRASE not in text
        assert "Secret" not in text


def test_no_spelling_shows_a_secret() -> None:
    credentials = Credentials(KEY, SECRET, PASSPHRASE)
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s %r", (credentials, [credentials]), None)
    shown = [
        repr(credentials),
        str(credentials),
        f"{credentials}",
        f"{credentials!r:>40}",
        repr({"c": (credentials,)}),
        f"{credentials}",
        record.getMessage(),
    ]
    for text in shown:
        assert "Credentials(key='…0123')" in text
        for hidden in (SECRET, PASSPHRASE, KEY):
            assert hidden not in text
    assert repr(Credentials("short-key", SECRET)) == "Credentials(key='…')"


def test_a_traceback_shows_no_secret() -> None:
    credentials = Credentials(KEY, SECRET, PASSPHRASE)
    with pytest.raises(AttributeError) as caught:
        credentials.nothing  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(TypeError) as added:
        credentials + credentials  # type: ignore[operator]
    for info in (caught, added):
        lines = traceback.TracebackException.from_exception(info.value, capture_locals=True).format()
        text = "".join(lines)
        assert "Credentials(key='…0123')" in text
        assert SECRET not in text
        assert PASSPHRASE not in text


def test_never_pickled_copied_or_opened() -> None:
    credentials = Credentials(KEY, SECRET, PASSPHRASE)
    for save in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not picklable"):
            save(credentials)
    assert not hasattr(credentials, "__dict__")
    with pytest.raises(AttributeError):
        credentials.secret = "another"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        credentials.other = 1  # type: ignore[attr-defined]
