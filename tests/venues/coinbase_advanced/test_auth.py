"""Tokens: what they say, and that the public key accepts them; vectors made elsewhere judge the verifier itself."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tidewire as tw
from tidewire._call import Request
from tidewire.errors import ConfigError
from tidewire.sandbox import Sandbox
from tidewire.venues.coinbase_advanced.auth import sign
from tidewire.venues.coinbase_advanced.sandbox.token import verify
from tidewire.venues.coinbase_advanced.spec import SPEC

pytest.importorskip("cryptography", reason="CDP keys need cryptography: pip install 'tidewire[asymmetric]'")

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NOW = 1_785_000_000_123_456_789
NAME = "organizations/3b910e93-1111-2222-3333-444455556666/apiKeys/9d7e6f5a-1111-2222-3333-444455556666"
UUID = "d2efa49a-369c-43d7-a60e-ae26e28853c2"
EC_KEY = ec.derive_private_key(0x123456789ABCDEF, ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED_SEED, ED_PUBLIC = ED_KEY.private_bytes_raw(), ED_KEY.public_key().public_bytes_raw()
ACCOUNTS = "https://api.coinbase.com/api/v3/brokerage/accounts"


def pem(key: Any, form: PrivateFormat) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


EC_SECRETS = {
    "SEC 1": pem(EC_KEY, PrivateFormat.TraditionalOpenSSL),
    "PKCS 8": pem(EC_KEY, PrivateFormat.PKCS8),
    "literal line ends": pem(EC_KEY, PrivateFormat.TraditionalOpenSSL).replace("\n", "\\n"),
}
ED_SECRETS = {
    "64 bytes": base64.b64encode(ED_SEED + ED_PUBLIC).decode(),
    "32 bytes": base64.b64encode(ED_SEED).decode(),
    "PKCS 8": pem(ED_KEY, PrivateFormat.PKCS8),
    "literal line ends": pem(ED_KEY, PrivateFormat.PKCS8).replace("\n", "\\n"),
}


def decoded(part: str) -> bytes:
    assert "=" not in part
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def token(request: Request, credentials: tw.Credentials) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, what is signed, and the signature."""
    scheme, value = sign(request, credentials, NOW).headers["Authorization"].split(" ")
    head, claims, signature = value.split(".")
    assert scheme == "Bearer"
    return json.loads(decoded(head)), json.loads(decoded(claims)), f"{head}.{claims}".encode(), decoded(signature)


@pytest.mark.parametrize("secret", EC_SECRETS.values(), ids=EC_SECRETS)
def test_es256(secret: str) -> None:
    head, claims, message, signature = token(Request("GET", f"{ACCOUNTS}?limit=250"), tw.Credentials(NAME, secret))
    assert head.pop("nonce")
    assert head == {"alg": "ES256", "typ": "JWT", "kid": NAME}
    assert claims.pop("exp") - claims.pop("nbf") <= 120
    assert claims == {"sub": NAME, "iss": "cdp", "uri": "GET api.coinbase.com/api/v3/brokerage/accounts"}
    assert len(signature) == 64
    assert verify("ES256", EC_KEY.public_key(), message, signature)
    assert not verify("ES256", EC_KEY.public_key(), message + b"x", signature)
    assert not verify("EdDSA", EC_KEY.public_key(), message, signature)


@pytest.mark.parametrize("secret", ED_SECRETS.values(), ids=ED_SECRETS)
def test_eddsa(secret: str) -> None:
    head, claims, message, signature = token(Request("GET", ACCOUNTS), tw.Credentials(UUID, secret))
    assert (head["alg"], head["kid"], claims["sub"]) == ("EdDSA", UUID, UUID)
    assert verify("EdDSA", ED_KEY.public_key(), message, signature)
    assert signature == ED_KEY.sign(message)  # EdDSA has nothing random


def test_a_token_is_for_one_request_at_the_host_really_called() -> None:
    credentials = tw.Credentials(NAME, EC_SECRETS["SEC 1"])
    url = "http://127.0.0.1:8765/api/v3/brokerage/orders"
    request = Request("POST", url, {"Content-Type": "application/json"}, b"{}")
    (head, claims, *_), (other, *_) = token(request, credentials), token(request, credentials)
    assert claims["uri"] == "POST 127.0.0.1:8765/api/v3/brokerage/orders"
    assert head["nonce"] != other["nonce"]
    assert claims["nbf"] <= NOW / 1e9 < claims["exp"] <= NOW / 1e9 + 120
    assert SPEC.validity_s >= claims["exp"] - NOW // 10**9  # resolve_order outlasts the token
    signed = sign(request, credentials, NOW)
    assert (signed.url, signed.body) == (request.url, request.body)
    assert signed.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("key", "secret", "reason"),
    [
        ("aBcDeFgHiJkLmNoP", "a" * 32, "legacy .HMAC. API keys are not supported"),
        (UUID, "not a private key", "legacy .HMAC. API keys are not supported"),
        (NAME, pem(ec.derive_private_key(7, ec.SECP384R1()), PrivateFormat.PKCS8), "on the curve P-256"),
        (NAME, EC_SECRETS["SEC 1"].replace("EC PRIVATE", "PUBLIC"), "not PUBLIC KEY"),
    ],
    ids=["legacy", "no key", "P-384", "public"],
)
def test_other_keys_are_refused_with_a_reason(key: str, secret: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        sign(Request("GET", ACCOUNTS), tw.Credentials(key, secret), NOW)
    assert secret not in str(caught.value)
    assert key not in str(caught.value)


def vectors(fixtures: Path, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    groups = json.loads((fixtures / "wycheproof" / name).read_text())["testGroups"]
    return [(group["publicKey"], case) for group in groups for case in group["tests"]]


def test_wycheproof_judges_es256(fixtures: Path) -> None:
    cases = vectors(fixtures, "ecdsa_secp256r1_sha256_p1363_test.json")
    for public, case in cases:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(public["uncompressed"]))
        accepted = verify("ES256", key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
        assert accepted is (case["result"] == "valid"), case
    assert len(cases) > 200


def test_wycheproof_judges_eddsa(fixtures: Path) -> None:
    cases = vectors(fixtures, "ed25519_test.json")
    for public, case in cases:
        key = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public["pk"]))
        accepted = verify("EdDSA", key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
        assert accepted is (case["result"] == "valid"), case
    assert len(cases) > 100


def balances_of(sandbox: Sandbox, credentials: tw.Credentials) -> list[tw.Balance]:
    with tw.Client("coinbase_advanced", environment=sandbox, credentials=credentials, retries=0) as client:
        return client.fetch_balances()


def test_the_sandbox_takes_both_kinds_of_key() -> None:
    with Sandbox("coinbase_advanced", pace=None) as sandbox:
        both = [tw.Credentials(NAME, EC_SECRETS["PKCS 8"]), tw.Credentials(UUID, ED_SECRETS["64 bytes"])]
        for credentials in both:
            with pytest.raises(tw.AuthenticationError):
                balances_of(sandbox, credentials)
            sandbox.add_key("coinbase_advanced", credentials)
            assert balances_of(sandbox, credentials)
        # One key's name with the other's secret: an algorithm that is not the key's own is refused.
        with pytest.raises(tw.AuthenticationError):
            balances_of(sandbox, tw.Credentials(NAME, ED_SECRETS["64 bytes"]))


def test_the_sandbox_refuses_tokens_for_other_requests_and_times(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox("coinbase_advanced", pace=None) as sandbox:
        credentials = sandbox.credentials("coinbase_advanced")
        venue = tw.venue("coinbase_advanced", base_url=sandbox.base_url("coinbase_advanced"))
        import httpx

        now = int(sandbox.inspect("coinbase_advanced", lambda exchange: exchange.now_ns()))
        balances, fills = venue.fetch_balances(), venue.fetch_fills("BTC-USD")
        good = balances.signed(credentials, now)
        stolen = {"Authorization": fills.signed(credentials, now).headers["Authorization"]}
        stale = balances.signed(credentials, now - 300 * 10**9).headers
        early = balances.signed(credentials, now + 300 * 10**9).headers
        assert httpx.get(good.url, headers=dict(good.headers)).status_code == 200
        for headers in (stolen, stale, early, {}, {"Authorization": "Bearer a.b.c"}):
            answer = httpx.get(good.url, headers=dict(headers))
            assert (answer.status_code, answer.text.strip()) == (401, "Unauthorized")


def test_without_cryptography_public_data_works_and_the_key_names_the_extra() -> None:
    program = """
import sys
sys.modules["cryptography"] = None
import tidewire as tw
with tw.sandbox.Sandbox("coinbase_advanced", pace=None) as sandbox:
    with tw.Client("coinbase_advanced", environment=sandbox) as client:
        assert client.fetch_price("BTC-USD") > 0
    try:
        sandbox.credentials("coinbase_advanced")
    except tw.ConfigError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 'pip install "tidewire[asymmetric]"' in done.stdout
