"""Sign a request: the messages that venues have signed, each rung written the way one writes it with that library.

A batch of a hundred messages that differ in their time stamps, so that nothing is cached and the loop costs little.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

import ccxt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from pytest_benchmark.fixture import BenchmarkFixture

from tidewire.signing import Signer

SECRET = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
BATCH = 100

Batch = list[bytes]
Sign = Callable[[Batch], list[str]]


def messages(template: str) -> Batch:
    return [template.replace("<ms>", str(1_700_000_000_000 + i)).encode() for i in range(BATCH)]


WORK: dict[str, tuple[str, Batch]] = {
    "OKX balance": ("base64", messages("<ms>-08T09:08:57.715ZGET/api/v5/account/balance?ccy=BTC")),
    "Binance order": (
        "hex",
        messages(
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=<ms>"
        ),
    ),
    "OKX order": (
        "base64",
        messages(
            "<ms>-08T09:08:57.715ZPOST/api/v5/trade/order"
            '{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"2.15","sz":"2"}'
        ),
    ),
    "Binance order over WebSocket": (
        "hex",
        messages(
            "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A&newClientOrderId=tw4f7d0c9e21aa5b36"
            "&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC"
            "&timestamp=<ms>&type=LIMIT"
        ),
    ),
}


def hmac_new(form: str) -> Sign:
    if form == "hex":
        return lambda batch: [hmac.new(SECRET, message, hashlib.sha256).hexdigest() for message in batch]
    return lambda batch: [
        base64.b64encode(hmac.new(SECRET, message, hashlib.sha256).digest()).decode() for message in batch
    ]


def hmac_digest(form: str) -> Sign:
    if form == "hex":
        return lambda batch: [hmac.digest(SECRET, message, "sha256").hex() for message in batch]
    return lambda batch: [base64.b64encode(hmac.digest(SECRET, message, "sha256")).decode() for message in batch]


def hmac_copy(form: str) -> Sign:
    keyed = hmac.new(SECRET, digestmod=hashlib.sha256)

    def sign(message: bytes) -> str:
        signature = keyed.copy()
        signature.update(message)
        return signature.hexdigest() if form == "hex" else base64.b64encode(signature.digest()).decode()

    return lambda batch: [sign(message) for message in batch]


def cryptography_copy(form: str) -> Sign:
    keyed = HMAC(SECRET, hashes.SHA256())

    def sign(message: bytes) -> str:
        signature = keyed.copy()
        signature.update(message)
        tag = signature.finalize()
        return tag.hex() if form == "hex" else base64.b64encode(tag).decode()

    return lambda batch: [sign(message) for message in batch]


def ccxt_hmac(form: str) -> Sign:
    sign = ccxt.Exchange.hmac
    return lambda batch: [sign(message, SECRET, hashlib.sha256, form) for message in batch]


def tidewire(form: str) -> Sign:
    sign = getattr(Signer(SECRET), form)
    return lambda batch: [sign(message) for message in batch]


RUNGS = {
    "hmac.new()": hmac_new,
    "hmac.digest()": hmac_digest,
    "hmac, keyed once and copied": hmac_copy,
    "cryptography, keyed once and copied": cryptography_copy,
    "ccxt Exchange.hmac": ccxt_hmac,
    "tidewire": tidewire,
}


@pytest.mark.parametrize("rung", RUNGS.values(), ids=RUNGS)
@pytest.mark.parametrize(
    "work",
    [
        pytest.param(
            work, marks=pytest.mark.benchmark(group=f"sign {BATCH} × {name}, {len(work[1][0])} B to {work[0]}"), id=name
        )
        for name, work in WORK.items()
    ],
)
def test_sign(benchmark: BenchmarkFixture, work: tuple[str, Batch], rung: Callable[[str], Sign]) -> None:
    form, batch = work
    sign = rung(form)
    benchmark.extra_info["rung"] = next(name for name, made in RUNGS.items() if made is rung)
    assert sign(batch) == hmac_new(form)(batch)
    benchmark(sign, batch)
