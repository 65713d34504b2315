"""Gzip frames: alike with zlib for any text, refused when damaged or endless, one buffer for all."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire._inflate import Inflater
from tidewire.errors import DecodeError

LIMIT = 1 << 20
TEXT = st.one_of(
    st.binary(max_size=4000),
    st.text('0123456789.,[]"', max_size=6000).map(str.encode),
    st.tuples(st.binary(min_size=1, max_size=40), st.integers(0, 3000)).map(lambda made: made[0] * made[1]),
)


@given(TEXT, st.integers(0, 9))
def test_what_gzip_made_comes_back(text: bytes, level: int) -> None:
    inflater = Inflater(LIMIT)
    for _ in range(2):
        with inflater.inflate(gzip.compress(text, level)) as found:
            assert bytes(found) == text


@given(TEXT, st.integers(0, 9), st.data())
def test_a_damaged_frame_is_refused_or_means_the_same(text: bytes, level: int, data: st.DataObject) -> None:
    frame = bytearray(gzip.compress(text, level))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    try:
        with Inflater(LIMIT).inflate(frame) as found:
            assert bytes(found) == text
    except DecodeError:
        pass


@given(TEXT, st.data())
def test_a_frame_cut_short_is_refused(text: bytes, data: st.DataObject) -> None:
    frame = gzip.compress(text)
    with pytest.raises(DecodeError, match="cut short"):
        Inflater(LIMIT).inflate(frame[: data.draw(st.integers(0, len(frame) - 1))])


def test_a_bomb_is_refused_without_the_memory() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    with pytest.raises(DecodeError, match="beyond the limit"):
        Inflater(LIMIT).inflate(bomb)


@pytest.mark.parametrize("frame", [b"", b'{"ping":1492420473027}', b"\x1f\x8b\x08\xff" + bytes(40)])
def test_what_is_no_gzip_is_refused(frame: bytes) -> None:
    with pytest.raises(DecodeError, match="gzip frame"):
        Inflater(LIMIT).inflate(frame)


def test_a_view_that_is_kept_stops_the_next_frame_instead_of_showing_it() -> None:
    inflater = Inflater(LIMIT)
    first = inflater.inflate(gzip.compress(b"first"))
    part = first[1:3]
    first.release()
    with pytest.raises(BufferError, match="still in use"):
        inflater.inflate(gzip.compress(b"second"))
    assert bytes(part) == b"ir"
    part.release()
    with inflater.inflate(gzip.compress(b"second")) as found:
        assert bytes(found) == b"second"
        with pytest.raises(TypeError):
            found[0] = 0
