"""A recorded session of 17 April 2021 (cryptofeed's sample): instruments, and books against what the tickers quote.

This product includes software developed by Bryant Moscon (http://www.bryantmoscon.com/): the recording is from his
cryptofeed.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tidewire as tw


@pytest.fixture(scope="module")
def session(fixtures: Path) -> list[dict[str, Any]]:
    path = fixtures / "cryptofeed" / "COINBASE_EXCHANGE_2021.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def instruments(session: list[dict[str, Any]]) -> dict[str, tw.Instrument]:
    (body,) = (record["data"] for record in session if record["t"] == "http")
    rows = tw.venue("coinbase").fetch_instruments().parse(body.encode())
    return {row.native: row for row in rows}


def test_instruments(instruments: dict[str, tw.Instrument]) -> None:
    assert len(instruments) == 162
    assert all(row.active and str(row.symbol) == row.native for row in instruments.values())
    bitcoin = instruments["BTC-USD"]
    assert (bitcoin.tick_size, bitcoin.lot_size) == (Decimal("0.01"), Decimal("1e-8"))
    assert (bitcoin.min_quantity, bitcoin.max_quantity, bitcoin.min_notional) == (Decimal("0.0001"), 280, 5)


def frames(session: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], bytes]]:
    for record in session:
        if record["t"] == "recv":
            yield json.loads(record["data"]), record["data"].encode()


def test_books(session: list[dict[str, Any]], instruments: dict[str, tw.Instrument]) -> None:
    """Every book agrees with a plain dict of levels to the last one, and with nearly every ticker's quotes."""
    layout = tw.venue("coinbase").book_layout()
    books: dict[str, tw.OrderBook] = {}
    plain: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
    seen: Counter[str] = Counter()
    agreed = 0
    for message, frame in frames(session):
        kind, product = message["type"], message.get("product_id", "")
        seen[kind] += 1
        if kind == "snapshot":
            rules = instruments[product]
            books[product] = tw.OrderBook(rules.tick_size, rules.lot_size)
            books[product].apply_snapshot(frame, layout)
            sides = {side: {Decimal(p): Decimal(q) for p, q in message[side]} for side in ("bids", "asks")}
            plain[product] = sides
        elif kind == "l2update":
            books[product].apply(frame, layout)
            for side, price, size in message["changes"]:
                levels = plain[product]["bids" if side == "buy" else "asks"]
                levels[Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del levels[Decimal(price)]
        elif kind == "ticker" and product in books and seen["l2update"] > 1000:
            best = books[product].best_bid, books[product].best_ask
            agreed += [level and level.price for level in best] == [
                Decimal(message["best_bid"]),
                Decimal(message["best_ask"]),
            ]
            seen["compared"] += 1
    assert (seen["snapshot"], seen["l2update"]) == (10, 9719)
    for product, book in books.items():
        assert book.state is tw.BookState.LIVE
        for ours, theirs, newest in ((book.bids, "bids", True), (book.asks, "asks", False)):
            levels = plain[product][theirs]
            expected = [(p, levels[p]) for p in sorted(levels, reverse=newest)]
            assert [(level.price, level.quantity) for level in ours(10**6)] == expected
    assert seen["compared"] > 50
    assert agreed >= 0.9 * seen["compared"]  # quotes and levels come over separate paths of the venue
