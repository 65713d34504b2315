"""Ed25519 and ES256 signatures: published answers, every form of key, and refusals that do not quote the key."""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidewire.errors import ConfigError
from tidewire.signing import Ed25519Signer, Es256Signer, is_private_key, private_key_signer

pytest.importorskip("cryptography", reason="private keys need cryptography: pip install 'tidewire[asymmetric]'")

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

# Binance's FIX documentation publishes this key.
DER = "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u"
PEM = f"-----BEGIN PRIVATE KEY-----\n{DER}\n-----END PRIVATE KEY-----\n"
SEED = base64.b64encode(base64.b64decode(DER)[16:]).decode()

REST = (
    "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2&timestamp=1668481559918&recvWindow=5000"
)
WEBSOCKET = (
    "apiKey=4yNzx3yWC5bS6YTwEkSRaC0nRmSQIIStAUOh1b6kqaBrTLIhjCpI5lJH8q8R8WNO&price=52000.00&quantity=0.01000000"
    "&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
)

# Section 7.1 of RFC 8032: seed, public key, message, signature.
RFC8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "signature"),
    [
        pytest.param(
            "\x01".join(("A", "EXAMPLE", "SPOT", "1", "20240627-11:17:25.223")),
            "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA==",
            id="FIX logon, as Binance publishes it",
        ),
        pytest.param(
            REST,
            "inDT086KVIP8vgUfw5sV3VTkescWztiAGlf4x8FLKHM4NInsn0c1kYVLoGMO8cyjfR6vmTku2YQE0gtfVVlfCw==",
            id="REST order",
        ),
        pytest.param(
            WEBSOCKET,
            "82wlF5RobwT7JZehRQgOaupNEm5GrAqJj5tqZeCCE6ZxkhlUbWBThOx00q3FVnCKn882P+9p85phztjk4bOMAQ==",
            id="WebSocket order",
        ),
    ],
)
def test_binance_answers(message: str, signature: str) -> None:
    signer = Ed25519Signer(PEM)
    assert signer.base64(message) == signature
    for form in (message.encode(), bytearray(message.encode()), memoryview(message.encode())):
        assert signer.base64(form) == signature


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC8032)
def test_rfc8032(seed: str, public: str, message: str, signature: str) -> None:
    for key in (seed, seed + public):
        signer = Ed25519Signer(base64.b64encode(bytes.fromhex(key)).decode())
        assert base64.b64decode(signer.base64(bytes.fromhex(message))).hex() == signature


@pytest.mark.parametrize(
    "key",
    [
        PEM,
        PEM.strip(),
        PEM.replace("\n", "\\n"),
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", " "),
        f"\n{DER}\n",
        SEED,
        DER[:20] + "\n" + DER[20:],
    ],
)
def test_every_form_of_one_key_signs_alike(key: str) -> None:
    assert Ed25519Signer(key).base64(REST) == Ed25519Signer(PEM).base64(REST)


def _rsa_pem() -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _wrong_public_half() -> str:
    return base64.b64encode(base64.b64decode(SEED) + bytes(32)).decode()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("not a key!", "neither PEM nor base64"),
        (DER[:-1], "neither PEM nor base64"),
        ("", "0 bytes of private key"),
        ("AAAA", "3 bytes of private key"),
        (DER[:-4], "45 bytes of private key"),
        (PEM.replace("PRIVATE", "ENCRYPTED PRIVATE"), "not ENCRYPTED PRIVATE KEY"),
        (PEM.replace("PRIVATE", "OPENSSH PRIVATE"), "not OPENSSH PRIVATE KEY"),
        (PEM.replace("PRIVATE", "PUBLIC"), "not PUBLIC KEY"),
        (PEM.removesuffix("-----END PRIVATE KEY-----\n"), "neither PEM nor base64"),
        (_wrong_public_half(), "not the public key of the first"),
        pytest.param(_rsa_pem(), "must be an Ed25519 key, not RSA", id="RSA"),
    ],
)
def test_other_keys_are_refused_and_not_quoted(key: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        Ed25519Signer(key)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert DER[10:40] not in str(caught.value)


def test_wrong_types() -> None:
    with pytest.raises(TypeError, match="private_key must be str, not bytes"):
        Ed25519Signer(PEM.encode())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="message must be str or bytes-like, not int"):
        Ed25519Signer(PEM).base64(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="lone surrogates"):
        Ed25519Signer(PEM).base64("\ud800")


def test_nothing_shows_the_key() -> None:
    signer = Ed25519Signer(PEM)
    assert repr(signer) == "Ed25519Signer()"
    assert not hasattr(signer, "__dict__")
    with pytest.raises(TypeError, match="not picklable"):
        pickle.dumps(signer)


def test_threads_share_one_signer() -> None:
    signer = Ed25519Signer(PEM)
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: signer.base64(REST), range(200)))) == 1


@pytest.mark.parametrize(
    ("secret", "private"),
    [
        (PEM, True),
        (PEM.replace("\n", "\\n"), True),
        (f"  {PEM}", True),
        (PEM.replace("PRIVATE", "RSA PRIVATE"), True),
        (DER, True),
        ("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j", False),
        ("22582BD0CFF14C41EDBF1AB98506286D", False),
        (SEED, False),  # bare seeds look like any base64 secret: Coinbase's HMAC secrets are such
        ("", False),
    ],
)
def test_hmac_secret_or_private_key(secret: str, private: bool) -> None:
    assert is_private_key(secret) is private


# ES256: each signature has a random part, so the public key judges them, and Wycheproof's vectors judge the judge.


def p256(curve: str = "SECP256R1") -> EllipticCurvePrivateKey:
    return ec.derive_private_key(0x1F2E3D4C5B6A7988, getattr(ec, curve)())


def pem(key: EllipticCurvePrivateKey, form: PrivateFormat = PrivateFormat.TraditionalOpenSSL) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def accepts(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def test_wycheproof_judges_the_judge(fixtures: Path) -> None:
    groups = json.loads((fixtures / "wycheproof" / "ecdsa_secp256r1_sha256_p1363_test.json").read_text())["testGroups"]
    judged = 0
    for group in groups:
        key = ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256R1(), bytes.fromhex(group["publicKey"]["uncompressed"])
        )
        for case in group["tests"]:
            signature = bytes.fromhex(case["sig"])
            if len(signature) == 64:
                assert accepts(key, bytes.fromhex(case["msg"]), signature) is (case["result"] == "valid"), case
                judged += 1
    assert judged > 100


@pytest.mark.parametrize(
    "key",
    [
        pem(p256()),
        pem(p256(), PrivateFormat.PKCS8),
        pem(p256()).replace("\n", "\\n"),
        pem(p256()).replace("\n", "\r\n"),
        "".join(pem(p256()).split("\n")[1:-2]),
    ],
    ids=["SEC 1", "PKCS 8", "literal line ends", "CR LF", "bare"],
)
def test_es256_in_every_form_of_key(key: str) -> None:
    for signer in (Es256Signer(key), private_key_signer(key)):
        assert isinstance(signer, Es256Signer)
        signatures = {signer.digest(REST) for _ in range(50)}
        assert len(signatures) == 50
        assert all(len(each) == 64 and accepts(p256().public_key(), REST.encode(), each) for each in signatures)
        assert accepts(p256().public_key(), b"", base64.b64decode(signer.base64(b"")))
        assert not accepts(p256().public_key(), b"another", signer.digest(b"this"))


def test_the_signer_is_the_keys_own() -> None:
    for key in (PEM, DER, SEED):
        assert private_key_signer(key).base64(REST) == Ed25519Signer(PEM).base64(REST)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (PEM, "must be a P-256 key, not Ed25519"),
        (_rsa_pem(), "must be a P-256 key, not RSA"),
        (pem(p256("SECP384R1")), "must be on the curve P-256, not secp384r1"),
        (pem(p256()).replace("EC PRIVATE", "PUBLIC"), "not PUBLIC KEY"),
        (SEED, "32 bytes of private key"),
    ],
    ids=["Ed25519", "RSA", "P-384", "public", "seed"],
)
def test_other_keys_are_refused_by_es256(key: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Es256Signer(key)


def test_nothing_shows_the_es256_key() -> None:
    signer = Es256Signer(pem(p256()))
    assert repr(signer) == "Es256Signer()"
    assert not hasattr(signer, "__dict__")
    with pytest.raises(TypeError, match="not picklable"):
        pickle.dumps(signer)
    with pytest.raises(TypeError, match="private_key must be str"):
        Es256Signer(b"key")  # type: ignore[arg-type]


def test_without_cryptography_the_error_names_the_extra() -> None:
    program = f"""
import sys
sys.modules["cryptography"] = None
from tidewire.signing import Ed25519Signer, ConfigError
try:
    Ed25519Signer({DER!r})
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'private keys need cryptography: pip install "tidewire[asymmetric]"'


def test_importing_signing_does_not_import_cryptography() -> None:
    program = "import sys, tidewire.signing; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
