"""What cryptofeed recorded of HTX in April 2021: its instruments, and whole books as it sent them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import tidewire as tw
from tidewire.book import LevelArray, MessageLayout

# The channel depth.step0 sends whole books under ``tick``, and numbers them by ``version``.
WHOLE = MessageLayout(bids=LevelArray("tick.bids"), asks=LevelArray("tick.asks"), last="tick.version")


@pytest.fixture(scope="module")
def session(fixtures: Path) -> list[dict[str, Any]]:
    with gzip.open(fixtures / "cryptofeed" / "HUOBI.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def instruments(session: list[dict[str, Any]]) -> dict[str, tw.Instrument]:
    body = next(row["data"] for row in session if row["t"] == "http").encode()
    return {row.native: row for row in tw.venue("htx").fetch_instruments().parse(body)}


def frames(session: list[dict[str, Any]]) -> Iterator[bytes]:
    for row in session:
        if row["t"] == "recv" and "b64" in row:
            yield gzip.decompress(base64.b64decode(row["b64"]))


def test_every_instrument_is_read(instruments: dict[str, tw.Instrument]) -> None:
    assert len(instruments) == 938
    assert sum(row.active for row in instruments.values()) == 883
    btc = instruments["btcusdt"]
    assert (btc.symbol, btc.tick_size, btc.lot_size) == (tw.Symbol.parse("BTC-USDT"), Decimal("0.01"), Decimal("1E-6"))
    assert btc.min_notional == 5


def test_whole_books_are_read_to_the_last_digit(
    session: list[dict[str, Any]], instruments: dict[str, tw.Instrument]
) -> None:
    layout = msgspec.structs.replace(tw.venue("htx").book_layout("spot"), snapshot=WHOLE)
    read = 0
    for frame in frames(session):
        message = json.loads(frame, parse_float=Decimal)
        if ".depth." not in message.get("ch", ""):
            continue
        rules = instruments[message["ch"].split(".")[1]]
        book = tw.OrderBook(tick_size=str(rules.tick_size), lot_size=str(rules.lot_size))
        book.apply_snapshot(frame, layout)
        tick = message["tick"]
        assert [(level.price, level.quantity) for level in book.bids()] == [(p, q) for p, q in tick["bids"] or ()]
        assert [(level.price, level.quantity) for level in book.asks()] == [(p, q) for p, q in tick["asks"] or ()]
        assert book.sequence == tick["version"]
        read += 1
    assert read == 292
