"""The kline decoder against json, float and Decimal, on real, reformatted, truncated and damaged bodies."""

from __future__ import annotations

import json
import random
import struct
from concurrent.futures import ThreadPoolExecutor
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire._native import KlineDecoder
from tidewire.errors import DecodeError
from tidewire.klines import KlineLayout, decode_klines

EXACT = Context(prec=2000)
PATHS = ("best", "portable", "general")
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
FIELDS = ("open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades", "closed")
FLOATS = FIELDS[1:7]

BINANCE = KlineLayout(open_time=0, open=1, high=2, low=3, close=4, volume=5, quote_volume=7, trades=8)
OKX = KlineLayout(
    open_time=0, open=1, high=2, low=3, close=4, volume=5, quote_volume=7, closed=8, rows=("data",), time_unit="ms"
)
HTX = KlineLayout(
    open_time="id",
    open="open",
    high="high",
    low="low",
    close="close",
    volume="amount",
    quote_volume="vol",
    trades="count",
    rows=("data",),
    time_unit="s",
)
COINBASE = KlineLayout(open_time=0, low=1, high=2, open=3, close=4, volume=5, time_unit="s")
ADVANCED = KlineLayout(
    open_time="start",
    low="low",
    high="high",
    open="open",
    close="close",
    volume="volume",
    rows=("candles",),
    time_unit="s",
)
LAYOUTS = {"binance": BINANCE, "okx": OKX, "htx": HTX, "coinbase": COINBASE, "coinbase_advanced": ADVANCED}

SMALL = {  # two rows each; the tests take the line breaks out
    "binance": """[[1586987400000,"6733.55000000","6737.79","6726.61","6727.14","121.20139100",1586987699999,
        "815879.49",2208,"5","3","0"],[1586987700000,"6726.62000000","6729.38","6723.30","6727.40","78.98081300",
        1586987999999,"531266.74",1209,"3","2","0"]]""",
    "okx": """{"code":"0","msg":"","data":[["1597026383085","3.721","3.743","3.677","3.708","8422410","22698348.04",
        "12698348.04828491","0"],["1597026323085","3.731","3.799","3.494","3.72","24912403","67632347.24",
        "37632347.24399722","1"]]}""",
    "htx": """{"ch":"market.btcusdt.kline.5min","status":"ok","ts":1629769247172,"data":[{"id":1629769200,
        "open":49056.37,"close":4.9E+4,"low":49022.86,"high":49056.38,"amount":5.33E-4,"vol":193489.67275732,
        "count":196},{"id":1629768900,"open":48994.61,"close":49056.37,"low":48966.72,"high":49072.46,
        "amount":30.72223099519689,"vol":1.5,"count":1504}]}""",
    "coinbase": "[[1639508110,140.2,141,140.21,140.3,5643.73],[1639508050,139.99,140.5,140.1,140.21,0.00000001]]",
    "coinbase_advanced": """{"candles":[{"start":"1639508050","low":"140.21","high":"140.21","open":"140.21",
        "close":"140.21","volume":"56437345"},{"start":"1639508110","low":"1","high":"2","open":"1","close":"2",
        "volume":"0"}]}""",
}


def decode(body: bytes, layout: KlineLayout, path: str = "best") -> dict[str, Any]:
    """Columns as sent, by a chosen path."""
    fields = tuple(getattr(layout, name) for name in FIELDS)
    block, capacity, rows, _, _ = KlineDecoder(fields, layout.rows, layout.time_unit).decode(body, path)
    kinds = {"open_time": "<i8", "trades": "<i8", "closed": "?"}
    return {
        name: np.frombuffer(block, kinds.get(name, "<f8"), rows, place * capacity * 8)
        for place, name in enumerate(FIELDS)
        if name != "closed" or layout.closed is not None
    }


def number(value: Any) -> str:
    """The text of a JSON number, bare or quoted."""
    text = value if isinstance(value, str) else str(value)
    json.loads(text, parse_constant=refuse)
    if not isinstance(value, (str, Bare)) or text != text.strip():
        raise ValueError(f"not a number: {value!r}")
    return text


class Bare(str):
    """A bare number's own text."""

    __slots__ = ()


def refuse(word: str) -> None:
    raise ValueError(f"not JSON: {word}")


def whole(text: str, unit: int = 1) -> int:
    value = EXACT.multiply(Decimal(text), unit)
    if not -(2**63) <= value < 2**63 or value != value.to_integral_value(context=EXACT):
        raise ValueError(f"not a whole number: {text}")
    return int(value)


def finite(text: str) -> float:
    if not np.isfinite(value := float(text)):
        raise ValueError(f"not finite: {text}")
    return value


def reference(body: bytes, layout: KlineLayout) -> dict[str, Any]:
    """The slow way; raises ValueError, LookupError or TypeError for what is not klines."""
    data = json.loads(body.decode(), parse_float=Bare, parse_int=Bare, parse_constant=refuse)
    for key in layout.rows:
        data = data[key]
    rows = [row_of(row, layout) for row in data]
    if rows != sorted(rows, key=lambda row: row["open_time"]) and rows == sorted(
        rows, key=lambda row: -row["open_time"]
    ):
        rows.reverse()
    kinds: dict[str, Any] = {"open_time": np.int64, "trades": np.int64, "closed": np.bool_}
    return {
        name: np.array([row[name] for row in rows], kinds.get(name, np.float64))
        for name in FIELDS
        if name != "closed" or layout.closed is not None
    }


def row_of(row: Any, layout: KlineLayout) -> dict[str, Any]:
    got: dict[str, Any] = {"quote_volume": float("nan"), "trades": -1}
    if isinstance(row, str) or isinstance(row, dict) != isinstance(layout.open, str):
        raise TypeError("not a row")
    for name in FIELDS:
        place = getattr(layout, name)
        if place is None:
            continue
        optional = name in ("quote_volume", "trades")
        if optional and (row.get(place) if isinstance(row, dict) else (*row, *[None] * 20)[place]) is None:
            continue
        value = row[place]
        if name == "open_time":
            got[name] = whole(number(value), UNITS[layout.time_unit])
        elif name == "trades":
            got[name] = whole(number(value))
            if got[name] < 0:
                raise ValueError("negative count")
        elif name == "closed":
            got[name] = value if isinstance(value, bool) else {0: False, 1: True}[whole(number(value))]
        else:
            got[name] = finite(number(value))
    return got


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Equal to the bit."""
    return ours.keys() == theirs.keys() and all(
        ours[name].dtype == theirs[name].dtype and ours[name].tobytes() == theirs[name].tobytes() for name in ours
    )


def compact(text: bytes | str) -> bytes:
    return json.dumps(json.loads(text, parse_float=RawFloat), separators=(",", ":")).encode()


class RawFloat(float):
    """A float that prints as it was written."""

    def __new__(cls, text: str) -> Self:
        self = super().__new__(cls, text)
        self.text = text
        return self

    def __repr__(self) -> str:
        return self.text


@pytest.mark.parametrize("path", PATHS)
def test_every_real_binance_row(fixtures: Path, path: str) -> None:
    count = 0
    for file in sorted((fixtures / "klines").glob("binance_*.json")):
        stored = file.read_bytes()
        for body in (stored, compact(stored)):  # the venue sends it compact
            assert same(decode(body, BINANCE, path), reference(body, BINANCE)), file.name
        count += len(decode(stored, BINANCE, path)["open"])
    assert count == 4574


@pytest.mark.parametrize(
    ("file", "layout"),
    [
        ("GetKlines_OKX_UnifiedApi.json", OKX),
        ("GetKlines_HTX_Spot.json", HTX),
        ("GetKlines_HTX_UsdtMarginSwap.json", HTX),
        ("GetKlines_Coinbase_AdvancedTrade.json", ADVANCED),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_real_bodies_of_other_venues(fixtures: Path, file: str, layout: KlineLayout, path: str) -> None:
    body = (fixtures / "klines" / file).read_bytes()
    assert same(decode(body, layout, path), reference(body, layout))
    assert len(decode(body, layout, path)["open"]) > 0


def test_published_numbers(fixtures: Path) -> None:
    """Each of 21,232 decimal texts gives the published bits, quoted and bare; what JSON forbids is refused."""
    lines = [
        line.split() for file in sorted((fixtures / "numbers").glob("*.txt")) for line in file.read_text().splitlines()
    ]
    assert len(lines) == 21232
    accepted, refused = [], 0
    for _, _, bits, text in lines:
        try:
            json.loads(text)
            fine = bits[:3] not in {"7FF", "FFF"}  # an infinity
        except ValueError:
            fine = False
        if fine:
            accepted.append((text, bits))
            continue
        refused += 1
        with pytest.raises(DecodeError):
            decode_klines(f'[[1,"{text}",1,1,1,1]]'.encode(), COINBASE)
    for form in ('[%d,1,1,"%s",1,1]', "[%d,1,1,%s,1,1]"):
        body = "[" + ",".join(form % (i, text) for i, (text, _) in enumerate(accepted)) + "]"
        for path in PATHS:
            got = [f"{value:016X}" for value in decode(body.encode(), COINBASE, path)["open"].view("<u8").tolist()]
            assert got == [bits for _, bits in accepted]
    assert refused < 1000


def test_json_suite(fixtures: Path) -> None:
    """None of the documents that must fail is decoded; sound documents fail for what they lack, not as JSON."""
    files = sorted((fixtures / "json_suite" / "test_parsing").glob("*.json"))
    must_fail = [file for file in files if file.name.startswith("n_")]
    assert len(must_fail) == 188
    for file in must_fail:
        body = file.read_bytes()
        for layout in LAYOUTS.values():
            with pytest.raises(DecodeError):
                decode_klines(body, layout)
        # The same document where the layout has no use for it, and where a number is due.
        for wrapped in (b"[[1,1,1,1,1,1," + body + b"]]", b"[[1," + body + b",1,1,1,1]]"):
            if not is_json(wrapped):  # "1,1" and the like are sound inside an array
                with pytest.raises(DecodeError):
                    decode_klines(wrapped, COINBASE)
    for file in (file for file in files if file.name.startswith("y_")):
        assert len(decode_klines(b"[[1,1,1,1,1,1," + file.read_bytes() + b"]]", COINBASE)) == 1, file.name


def is_json(body: bytes) -> bool:
    try:
        json.loads(body.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize("venue", SMALL)
def test_every_truncation(venue: str) -> None:
    body, layout = compact(SMALL[venue]), LAYOUTS[venue]
    assert same(decode(body, layout), reference(body, layout))
    for cut in range(len(body)):
        for path in PATHS:
            with pytest.raises(DecodeError) as caught:
                decode(body[:cut], layout, path)
            assert caught.value.offset is not None
            assert caught.value.offset <= cut
            assert len(caught.value.excerpt) <= 80


@pytest.mark.parametrize("venue", SMALL)
def test_damaged_bytes(venue: str) -> None:
    """Whatever happens to a body: the reference's columns, or a refusal exactly where the reference refuses."""
    source = random.Random(venue)
    layout = LAYOUTS[venue]
    body = bytearray(compact(SMALL[venue]))
    for _ in range(6000):
        damaged = bytearray(body)
        for _ in range(source.choice((1, 1, 1, 2, 3))):
            at = source.randrange(len(damaged))
            damaged[at : at + source.choice((0, 1, 1, 2))] = source.choice(
                (
                    b"",
                    b"0",
                    b"-",
                    b".",
                    b"e5",
                    b'"',
                    b",",
                    b"[",
                    b"]",
                    b"{",
                    b"}",
                    b" ",
                    b"null",
                    b"\\",
                    b"\xff",
                    b"\x00",
                )
            )
        outcomes = {outcome(bytes(damaged), layout, path) for path in PATHS}
        assert len(outcomes) == 1, bytes(damaged)
        assert outcomes == {expected(bytes(damaged), layout)}, bytes(damaged)


def outcome(body: bytes, layout: KlineLayout, path: str) -> bytes | None:
    try:
        return b"".join(column.tobytes() for column in decode(body, layout, path).values())
    except DecodeError:
        return None


def expected(body: bytes, layout: KlineLayout) -> bytes | None:
    try:
        return b"".join(column.tobytes() for column in reference(body, layout).values())
    except (ValueError, LookupError, TypeError, ArithmeticError):
        return None


# Bodies with the same meaning in any dress.

prices = st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=8)
spaces = st.sampled_from(["", "", "", " ", "\n  ", "\t", "\r\n"])


def spelling(value: Decimal) -> st.SearchStrategy[str]:
    plain = f"{value:f}"
    digits, exponent = f"{value:e}".split("e")
    return st.sampled_from(
        [
            plain,
            f"{digits}e{exponent}",
            f"{digits}E{int(exponent)}",
            plain.rstrip("0").rstrip(".") if "." in plain else plain,
        ]
    )


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, KlineLayout, int]:
    """A body in array or object rows, regular for long or irregular throughout."""
    count = draw(st.integers(0, 30))
    as_objects = draw(st.booleans())
    layout = HTX if as_objects else BINANCE
    irregular = draw(st.sampled_from([0, 0, 1, 5]))  # tenths of values drawn anew
    gap = draw(spaces)
    quote = draw(st.sampled_from(['"', ""]))
    keys = draw(st.permutations(["id", "open", "high", "low", "close", "amount", "vol", "count", "note"]))
    rows = []
    for i in range(count):
        odd = draw(st.integers(0, 9)) < irregular
        price = draw(prices)
        text = draw(spelling(price)) if odd else f"{price:f}"
        value = f"{quote}{text}{quote}"
        time = str(1_600_000_000 + 60 * i)
        space = draw(spaces) if odd else gap
        optional = draw(st.sampled_from([value, "null"])) if odd else value
        if as_objects:
            cells = dict.fromkeys(keys, value) | {"id": time, "count": str(i), "vol": optional, "note": '"n\\"o,te"'}
            pairs = [f'"{key}"{space}:{space}{cells[key]}' for key in (reversed(keys) if odd else keys)]
            rows.append("{" + f"{space},".join(pairs) + space + "}")
        else:
            cells_ = [time + "000", value, value, value, value, value, time + "999", optional, str(i), '"0"']
            rows.append("[" + f"{space},{space}".join(cells_) + space + "]")
    body = f"[{gap}" + f",{gap}".join(rows) + f"{gap}]"
    if as_objects:
        body = f'{gap}{{"status":"ok",{gap}"d\\u0061ta":{body},"ts":1}}{gap}'
    return body.encode(), layout, count


@given(bodies())
def test_any_formatting(drawn: tuple[bytes, KlineLayout, int]) -> None:
    body, layout, count = drawn
    expected_columns = reference(body, layout)
    assert len(expected_columns["open"]) == count
    for path in PATHS:
        assert same(decode(body, layout, path), expected_columns), path


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_every_float_survives(values: list[float]) -> None:
    rows = ",".join(f"[{i},{v!r},{v!r},{v!r},{v!r},{v!r}]" for i, v in enumerate(values))
    got = decode_klines(f"[{rows}]".encode(), COINBASE).open
    assert got.tobytes() == struct.pack(f"<{len(values)}d", *values)


def test_bytes_like_bodies_and_threads() -> None:
    rows = [f'[{1_600_000_000 + 60 * i},1.5,2.5,{i}.25,2,"{i}"]' for i in range(3000)]
    body = f"[{','.join(rows)}]".encode()
    expected_open = np.arange(3000) + 0.25
    for kind in (bytes, bytearray, memoryview):
        assert np.array_equal(decode_klines(kind(body), COINBASE).open, expected_open)
    with ThreadPoolExecutor(4) as pool:
        for bars in pool.map(lambda _: decode_klines(body, COINBASE), range(64)):
            assert np.array_equal(bars.open, expected_open)
    with pytest.raises(TypeError):
        decode_klines("text", COINBASE)  # type: ignore[arg-type]


def test_iso_times() -> None:
    layout = KlineLayout(open_time=0, open=1, high=2, low=3, close=4, volume=5, time_unit="iso")
    body = b'[["2021-08-24T00:00:00Z",1,2,0.5,1.5,9],["2021-08-24T08:01:00.25+08:00",1,2,0.5,1.5,9]]'
    assert decode_klines(body, layout).open_time.tolist() == [1629763200000000000, 1629763260250000000]
    with pytest.raises(DecodeError, match="another type"):
        decode_klines(b'[["2021-08-24T00:00:00",1,2,0.5,1.5,9]]', layout)


@pytest.mark.parametrize(
    ("body", "offset", "what"),
    [
        (b"", 0, "ends inside"),
        (b"<html>502 Bad Gateway</html>", 0, "another type"),
        (b'{"code":-1121,"msg":"Invalid symbol."}', 0, "another type"),
        (b'[[1,2,3,4,"x",6]]', 11, "not a decimal number"),
        (b"[[1,2,3,4,5]]", 12, "missing"),
        (b"[[1,2,3,4,1e999,6]]", 10, "does not fit"),
        (b"[[1,2,3,4,5,6]]\xef\xbb\xbf", 15, "not JSON"),
    ],
)
def test_refusals_say_what_and_where(body: bytes, offset: int, what: str) -> None:
    with pytest.raises(DecodeError, match=what) as caught:
        decode_klines(body, COINBASE, venue="coinbase")
    assert caught.value.offset == offset
    assert caught.value.venue == "coinbase"
    assert f"at byte {offset}" in str(caught.value)


def test_rows_in_no_order_are_sorted() -> None:
    bars = decode_klines(b"[[3,1,1,1,1,3],[1,1,1,1,1,1],[2,1,1,1,1,2]]", COINBASE)
    assert bars.open_time.tolist() == [10**9, 2 * 10**9, 3 * 10**9]
    assert bars.volume.tolist() == [1, 2, 3]
