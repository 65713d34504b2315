"""HMAC signatures against published answers, Wycheproof and the standard library; and that no secret shows."""

from __future__ import annotations

import base64
import copy
import gc
import hashlib
import hmac
import json
import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.errors import ConfigError
from tidewire.signing import Signer, cpu_features

ALGORITHMS = ("sha256", "sha384", "sha512")

BINANCE_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
BINANCE = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
BINANCE_FUTURES = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
OKX = "22582BD0CFF14C41EDBF1AB98506286D"
HTX = "b0xxxxxx-c6xxxxxx-94xxxxxx-dxxxx"
COINBASE = "Y29pbmJhc2UtZXhjaGFuZ2UtZXhhbXBsZS1zZWNyZXQtMzJieXRlcyE="

# Published by the venues, or recomputed from their published rule where they print no answer.
# form, secret, message, signature
VENUES = {
    "binance order": (
        "hex",
        BINANCE,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ),
    "binance percent-encoded symbol": (
        "hex",
        BINANCE,
        "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
    "binance query and body": (
        "hex",
        BINANCE,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
    ),
    "binance time stamp alone": (
        "hex",
        BINANCE,
        "timestamp=1578963600000",
        "d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4",
    ),
    "binance websocket": (
        "hex",
        BINANCE,
        f"apiKey={BINANCE_KEY}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT",
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
    "binance websocket, not ASCII": (
        "hex",
        BINANCE,
        f"apiKey={BINANCE_KEY}&price=0.10000000&quantity=1.00000000&recvWindow=5000&side=BUY&symbol=１２３４５６&timeInForce=GTC&timestamp=1645423376532&type=LIMIT",
        "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
    ),
    "binance futures": (
        "hex",
        BINANCE_FUTURES,
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943",
        "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
    ),
    "okx get": (
        "base64",
        OKX,
        "2020-12-08T09:08:57.715ZGET/api/v5/account/balance?ccy=BTC",
        "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY=",
    ),
    "okx post": (
        "base64",
        OKX,
        '2020-12-08T09:08:57.715ZPOST/api/v5/trade/order{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"2.15","sz":"2"}',
        "iwrdSpN7pm4G4u8+fswZUyH6mOM48+sBF6WvKpj4Dvk=",
    ),
    "okx websocket login": (
        "base64",
        OKX,
        "1538054050GET/users/self/verify",
        "+LdIr8lkkvhr5hoA3g9TMC0+uQJ849ftAcocA/ouu4M=",
    ),
    "htx get": (
        "base64",
        HTX,
        "GET\napi.huobi.pro\n/v1/order/orders\nAccessKeyId=e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx&SignatureMethod=HmacSHA256&SignatureVersion=2&Timestamp=2017-05-11T15%3A19%3A30&order-id=1234567890",
        "Nmd8AU8uAe0mkFpxNbiava0aeZzBEtYjCdie1ZYZjoM=",
    ),
    "htx websocket": (
        "base64",
        HTX,
        "GET\napi.huobi.pro\n/ws/v2\naccessKey=0664b695-rfhfg2mkl3-abbf6c5d-49810&signatureMethod=HmacSHA256&signatureVersion=2.1&timestamp=2019-12-05T11%3A53%3A03",
        "SK7gFpd9yXNOK/y9G5rRONG+lpjm7mnpKFNMx+HXaH8=",
    ),
    "coinbase get": (
        "coinbase",
        COINBASE,
        "1700000000GET/accounts",
        "PUqaJmex9wBjD4pY3Xn+Fe4JFPWMjZuyYIhlGy0x1DU=",
    ),
    "coinbase post": (
        "coinbase",
        COINBASE,
        '1700000000POST/orders{"type":"limit","side":"buy","product_id":"BTC-USD","price":"10000.00","size":"0.01"}',
        "1/NtPPmDjFRr6Ueo24+RvwSaqHl4n7SdcZZCOGeospI=",
    ),
    "coinbase websocket": (
        "coinbase",
        COINBASE,
        "1700000000GET/users/self/verify",
        "dgQvXy1TsQO/Bex2Hj0dIp7CuOqmN5mdES1P0UNHNWs=",
    ),
}


def reference(secret: bytes, message: bytes, algorithm: str) -> bytes:
    return hmac.new(secret, message, getattr(hashlib, algorithm)).digest()


def assert_signs_like_the_standard_library(secret: bytes, message: bytes, algorithm: str) -> None:
    signer, expected = Signer(secret, algorithm), reference(secret, message, algorithm)
    assert signer.digest(message) == expected
    assert signer.hex(message) == expected.hex()
    assert signer.base64(message) == base64.b64encode(expected).decode()


@pytest.mark.parametrize(("form", "secret", "message", "signature"), VENUES.values(), ids=VENUES)
def test_venues_answers(form: str, secret: str, message: str, signature: str) -> None:
    if form == "coinbase":
        signer, sign = Signer(secret, encoding="base64"), "base64"
        assert Signer(base64.b64decode(secret)).base64(message) == signature
    else:
        signer, sign = Signer(secret), form
    assert getattr(signer, sign)(message) == signature
    assert getattr(signer, sign)(message.encode()) == signature


def test_binance_published_file(fixtures: Path) -> None:
    published = json.loads((fixtures / "vectors/binance_signing.json").read_bytes())
    signer = Signer(published["secretKey"])
    assert len(published["cases"]) == 4
    for case in published["cases"]:
        assert signer.hex(case["payload"]) == case["signature"], case["name"]


def test_rfc4231(fixtures: Path) -> None:
    cases = json.loads((fixtures / "vectors/rfc4231.json").read_bytes())
    assert len(cases) == 7
    for case in cases:
        key, data = bytes.fromhex(case["key"]), bytes.fromhex(case["data"])
        for algorithm in ("sha256", "sha512"):
            tag = case[f"hmac_{algorithm}"]  # test case 5 prints the first 128 bits only
            assert Signer(key, algorithm).hex(data)[: len(tag)] == tag


def test_rfc4231_case_2_with_sha384() -> None:
    assert Signer("Jefe", "sha384").hex("what do ya want for nothing?") == (
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
    )


def test_wycheproof(fixtures: Path) -> None:
    """Valid tags are ours, cut to the group's length; tags marked invalid are not."""
    groups = json.loads((fixtures / "wycheproof/hmac_sha256_test.json").read_bytes())["testGroups"]
    counted = {"valid": 0, "invalid": 0}
    for group in groups:
        for case in group["tests"]:
            tag = Signer(bytes.fromhex(case["key"])).hex(bytes.fromhex(case["msg"]))[: group["tagSize"] // 4]
            assert (tag == case["tag"]) is (case["result"] == "valid"), case
            counted[case["result"]] += 1
    assert counted == {"valid": 66, "invalid": 108}


@given(st.binary(min_size=1, max_size=300), st.binary(max_size=600), st.sampled_from(ALGORITHMS))
def test_random_messages(secret: bytes, message: bytes, algorithm: str) -> None:
    assert_signs_like_the_standard_library(secret, message, algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_length_to_300_and_where_the_gil_goes(algorithm: str) -> None:
    text = bytes(i * 31 % 256 for i in range(20_000))
    for length in (*range(301), 4095, 4096, 4097, 20_000):
        assert_signs_like_the_standard_library(b"k", text[:length], algorithm)
        if length:
            assert_signs_like_the_standard_library(text[:length], b"m", algorithm)


@given(st.text(), st.text(min_size=1))
def test_text_is_its_utf8(message: str, secret: str) -> None:
    try:
        raw_secret, raw_message = secret.encode(), message.encode()
    except UnicodeEncodeError:
        with pytest.raises(ConfigError, match="lone surrogates"):
            Signer(secret).hex(message)
    else:
        assert Signer(secret).hex(message) == Signer(raw_secret).hex(raw_message)


@pytest.mark.parametrize(
    "form", [bytes, bytearray, memoryview, lambda text: np.frombuffer(text, np.uint8), lambda text: memoryview(text)[:]]
)
def test_bytes_like(form: Callable[[bytes], Any]) -> None:
    message, secret = b"message " * 1000, b"secret"
    assert Signer(form(secret)).digest(form(message)) == reference(secret, message, "sha256")


def test_results_are_plain_ascii_text_and_bytes() -> None:
    signer = Signer("secret")
    assert type(signer.hex("m")) is str
    assert signer.hex("m").isascii()
    assert type(signer.base64("m")) is str
    assert type(signer.digest("m")) is bytes
    assert signer.hex("m") == signer.hex("m")
    assert hash(signer.hex("m")) == hash("".join(signer.hex("m")))
    assert {signer.hex("m"): 1}[bytes.fromhex(signer.hex("m")).hex()] == 1


def test_buffers_are_given_back() -> None:
    secret, message = bytearray(b"secret"), bytearray(5000)
    signer = Signer(secret)
    signer.hex(message)
    secret.clear()  # BufferError if an export were still held
    message.clear()
    assert signer.hex(b"m") == reference(b"secret", b"m", "sha256").hex()


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda: Signer(""), ConfigError, "the secret is empty"),
        (lambda: Signer(b""), ConfigError, "the secret is empty"),
        (lambda: Signer("", encoding="base64"), ConfigError, "the secret is empty"),
        (lambda: Signer("s", "md5"), ConfigError, "no signing algorithm 'md5': one of sha256, sha384, sha512"),
        (lambda: Signer("s", "SHA256"), ConfigError, "no signing algorithm"),
        (lambda: Signer("s", "sha256\0"), ConfigError, "no signing algorithm"),
        (lambda: Signer("s", encoding="hex"), ConfigError, "no secret encoding 'hex': one of utf-8, base64"),
        (lambda: Signer("Zm9v!", encoding="base64"), ConfigError, "not base64: wrong at character 5 of 5"),
        (lambda: Signer("Zm 9", encoding="base64"), ConfigError, "not base64: wrong at character 2 of 4"),
        (lambda: Signer("A" * 4100, encoding="base64"), ConfigError, "not base64"),
        (lambda: Signer("\udc80"), ConfigError, "secret holds lone surrogates"),
        (lambda: Signer(12), TypeError, "secret must be str or bytes-like, not int"),
        (lambda: Signer(None), TypeError, "secret must be str or bytes-like, not NoneType"),
        (lambda: Signer(["s"]), TypeError, "secret must be str or bytes-like, not list"),
        (lambda: Signer("s", 256), TypeError, "algorithm"),
        (lambda: Signer(), TypeError, "argument"),
        (lambda: Signer("s").hex(1), TypeError, "message must be str or bytes-like, not int"),
        (lambda: Signer("s").base64(None), TypeError, "message must be str or bytes-like, not NoneType"),
        (lambda: Signer("s").digest(object()), TypeError, "message must be str or bytes-like, not object"),
        (lambda: Signer("s").hex("\ud800"), ConfigError, "message holds lone surrogates"),
        (lambda: Signer("s").hex(memoryview(b"abcd")[::2]), BufferError, "contiguous"),
    ],
)
def test_refusals(make: Callable[[], object], error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make()


@pytest.mark.parametrize(
    "secret",
    ["the-Secret-Itself\udc80", "the-Secret-Itself", "the-Secret-Itself" * 300],
)
def test_no_refusal_quotes_the_secret(secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Signer(secret, encoding="base64")
    error = caught.value
    assert error.__context__ is None
    shown = "".join(traceback.format_exception_only(error)) + repr(error) + repr(error.args) + repr(vars(error))
    assert "Secret" not in shown


def test_nothing_shows_or_keeps_the_secret() -> None:
    secret = "the-Secret-Itself-" + os.urandom(8).hex()
    signer = Signer(secret, "sha512")
    assert repr(signer) == str(signer) == f"{signer}" == "Signer(algorithm='sha512')"
    assert signer.algorithm == "sha512"
    assert not hasattr(signer, "__dict__")
    assert secret not in gc.get_referents(signer)
    for save in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="a Signer is not picklable"):
            save(signer)


def test_a_signer_cannot_change() -> None:
    signer = Signer("secret")
    expected = signer.hex("m")
    with pytest.raises(AttributeError):
        signer.algorithm = "sha512"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        signer.other = 1  # type: ignore[attr-defined]
    signer.__init__("another", "sha512")  # type: ignore[misc]  # object's own, which does nothing
    assert signer.hex("m") == expected
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (Signer,), {})


@pytest.mark.parametrize("length", [100, 100_000])
def test_threads_share_one_signer(length: int) -> None:
    signer, messages = Signer("secret"), [os.urandom(length) for _ in range(8)]
    expected = [reference(b"secret", message, "sha256").hex() for message in messages]
    start = threading.Barrier(4)

    def work(_: int) -> bool:
        start.wait()
        return all([signer.hex(message) for message in messages] == expected for _ in range(20))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_long_messages_are_signed_without_the_gil() -> None:
    """Another thread runs Python code while one message is being signed."""
    signer, message = Signer("secret", "sha512"), bytes(100_000_000)
    ticks, done = 0, threading.Event()
    worker = threading.Thread(target=lambda: (signer.hex(message), done.set()))
    worker.start()
    while not done.wait(0.001):
        ticks += 1
    worker.join()
    assert ticks >= 5


def test_portable_path_signs_alike() -> None:
    """The same answers in a process that may not use the CPU's instructions."""
    program = """
import json, sys
from tidewire.signing import Signer, cpu_features
assert cpu_features() == ()
print(json.dumps([Signer("secret").hex("x" * n) for n in range(301)]))
"""
    environment = {**os.environ, "TIDEWIRE_PORTABLE": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout) == [Signer("secret").hex("x" * n) for n in range(301)]


def test_cpu_features_are_the_cpu_s() -> None:
    assert set(cpu_features()) <= {"sha256", "avx2"}
    info = Path("/proc/cpuinfo")
    if not info.exists() or os.environ.get("TIDEWIRE_PORTABLE"):
        pytest.skip("no /proc/cpuinfo to compare with, or TIDEWIRE_PORTABLE is set")
    flags = info.read_text().split()
    assert ("sha256" in cpu_features()) is ("sha_ni" in flags)
    assert ("avx2" in cpu_features()) is ("avx2" in flags and "bmi2" in flags)
