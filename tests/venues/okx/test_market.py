"""OKX's public calls: what is asked for, and what recorded answers mean, in base units."""

from __future__ import annotations

import gzip
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

import tidewire as tw
from tidewire.book import BookState, SequenceRule
from tidewire.models import Instrument
from tidewire.symbols import Interval

HOUR = 3600 * 10**9
OLD = 1_700_000_000 * 10**9 // HOUR * HOUR


def instrument(native: str, size: str) -> Instrument:
    symbol = tw.Symbol.parse(native.replace("SWAP", "PERP"))
    one = Decimal("0.01")
    return Instrument(
        venue="okx",
        symbol=symbol,
        native=native,
        kind=symbol.kind,
        tick_size=one,
        lot_size=one,
        contract_size=Decimal(size),
    )


@pytest.fixture
def okx() -> Any:
    venue = tw.venue("okx")
    venue.learn([instrument("BTC-USDT", "1"), instrument("BTC-USDT-SWAP", "0.01")])
    return venue


def asked(call: Any) -> tuple[str, dict[str, str]]:
    parts = urlsplit(call.request.url)
    return parts.path.removeprefix("/api/v5"), dict(parse_qsl(parts.query))


def body(*rows: Any) -> bytes:
    return json.dumps({"code": "0", "msg": "", "data": rows}).encode()


# Instruments.

SPOT = {"instType": "SPOT", "instId": "BTC-USDT", "baseCcy": "BTC", "quoteCcy": "USDT", "tickSz": "0.10"}
SPOT |= {
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "maxLmtSz": "99",
    "maxMktSz": "1000000",
    "state": "live",
    "ctVal": "",
}
SWAP = {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "instFamily": "BTC-USDT",
    "settleCcy": "USDT",
    "ctType": "linear",
}
SWAP |= {"ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC", "tickSz": "0.1", "lotSz": "0.1", "minSz": "0.1"}
SWAP |= {"maxLmtSz": "1000", "maxMktSz": "500", "state": "live", "expTime": ""}
DATED = SWAP | {"instType": "FUTURES", "instId": "BTC-USDT-261225", "expTime": "1798185600000", "state": "suspend"}


def test_spot_rules(okx: Any) -> None:
    (found,) = okx.fetch_instruments("spot").parse(body(SPOT))
    assert (str(found.symbol), found.native, str(found.tick_size), found.active) == (
        "BTC-USDT",
        "BTC-USDT",
        "0.1",
        True,
    )
    assert (found.contract_size, found.min_quantity, found.max_quantity) == (1, Decimal("0.00001"), 99)
    assert found.market_max_quantity is None  # the venue states it in USDT


def test_rules_of_contracts_are_in_base_units(okx: Any) -> None:
    swap, dated = okx.fetch_instruments("linear").parse(body(SWAP, DATED))
    assert (str(swap.symbol), swap.contract_size, swap.lot_size) == ("BTC-USDT-PERP", Decimal("0.01"), Decimal("0.001"))
    assert (swap.min_quantity, swap.max_quantity, swap.market_max_quantity) == (Decimal("0.001"), 10, 5)
    assert (str(dated.symbol), dated.active, dated.status) == ("BTC-USDT-261225", False, "suspend")
    assert dated.expiry_ns == 1_798_185_600_000 * 10**6
    multiplied = SWAP | {"ctVal": "10", "ctMult": "0.1"}
    assert okx.fetch_instruments("linear").parse(body(multiplied))[0].contract_size == 1


def test_what_is_not_offered_is_left_out(okx: Any) -> None:
    inverse = SWAP | {"instId": "BTC-USD-SWAP", "instFamily": "BTC-USD", "settleCcy": "BTC", "ctType": "inverse"}
    foreign = SWAP | {"instId": "BTC-USD_UM-SWAP", "instFamily": "BTC-USD_UM", "settleCcy": "USDC"}
    early = SPOT | {"instId": "NEW-USDT", "baseCcy": "NEW", "state": "preopen", "tickSz": "", "lotSz": ""}
    found = okx.fetch_instruments("linear").parse(body(inverse, foreign, SWAP))
    assert [item.native for item in found] == ["BTC-USDT-SWAP"]
    assert [item.native for item in okx.fetch_instruments().parse(body(early, SPOT))] == ["BTC-USDT"]


def test_each_list_is_asked_for(okx: Any) -> None:
    assert [asked(call)[1] for call in okx.instrument_lists("linear")] == [
        {"instType": "SWAP"},
        {"instType": "FUTURES"},
    ]
    dated = okx.fetch_instruments("linear", symbol="BTC-USDT-261225")
    assert asked(dated) == ("/public/instruments", {"instType": "FUTURES", "instId": "BTC-USDT-261225"})


def test_recorded_instruments(fixtures: Path, okx: Any) -> None:
    seen = 0
    with gzip.open(fixtures / "cryptofeed" / "OKX.jsonl.gz", "rt") as lines:
        for line in lines:
            record = json.loads(line)
            if record["t"] == "http" and "instType=OPTION" not in record["url"]:
                kind = "spot" if "SPOT" in record["url"] else "linear"
                for item in okx.fetch_instruments(kind).parse(record["data"].encode()):
                    assert (item.kind, item.native) == (kind, okx.native_symbol(item.symbol))
                    assert item.tick_size > 0 < item.lot_size
                    assert (item.contract_size == 1) or kind == "linear"
                    seen += 1
    assert seen > 500


# Klines.


def test_a_start_always_has_an_end(okx: Any) -> None:
    path, params = asked(okx.fetch_klines("BTC-USDT", "1h", start=OLD, limit=10))
    assert path == "/market/history-candles"
    oldest, end = OLD // 10**6, (OLD + 10 * HOUR) // 10**6
    assert params == {
        "instId": "BTC-USDT",
        "bar": "1H",
        "after": str(end),
        "before": str(oldest - 1),
        "limit": "10",
    }
    _, params = asked(okx.fetch_klines("BTC-USDT", "1h", start=OLD + 1, end=OLD + 3 * HOUR + 1, limit=10))
    assert (int(params["before"]), int(params["after"])) == (oldest, (OLD + 3 * HOUR) // 10**6 + 1)
    _, params = asked(okx.fetch_klines("BTC-USDT", "1M", start="2024-01-31", limit=2))
    assert int(params["after"]) == 1_709_251_200_001  # March opened: February and March are what is asked for


def test_recent_bars_have_an_address_of_their_own(okx: Any) -> None:
    now = time.time_ns()
    recent, old = "/market/candles", "/market/history-candles"
    for interval, changes, path in (
        ("1m", {}, recent),
        ("1m", {"start": now - 23 * HOUR}, recent),
        ("1m", {"start": now - 25 * HOUR}, old),
        ("1m", {"end": now - HOUR, "limit": 100}, recent),
        ("1m", {"end": now - 23 * HOUR, "limit": 300}, old),
        ("1M", {"start": OLD}, recent),
        ("1s", {}, old),
    ):
        assert asked(okx.fetch_klines("BTC-USDT", interval, **changes))[0] == path


@pytest.mark.parametrize("interval", ["6h", "12h", "1d", "3d", "1w", "1M", "3M"])
def test_long_bars_are_asked_for_in_utc(okx: Any, interval: str) -> None:
    assert asked(okx.fetch_klines("BTC-USDT", interval))[1]["bar"].endswith("utc")


def test_stretches_of_bars() -> None:
    hour, month = Interval.parse("1h"), Interval.parse("1M")
    assert hour.after(OLD + 1, 3) == OLD + 1 + 3 * HOUR
    january = 1_704_067_200 * 10**9
    assert month.next(month.next(january)) == month.after(january, 3) - 1
    assert month.after(january + 1, 1) == month.next(january) + 1


def test_base_volume_is_another_column_on_contracts(okx: Any) -> None:
    newest_first = body(
        ["1700003600000", "2", "4", "1", "3", "700", "7", "21000", "0"],
        ["1700000000000", "1", "3", "1", "2", "500", "5", "10000", "1"],
    )
    spot = okx.fetch_klines("BTC-USDT", "1h").parse(newest_first)
    swap = okx.fetch_klines("BTC-USDT-PERP", "1h").parse(newest_first)
    assert spot.open_time.tolist() == [1_700_000_000_000_000_000, 1_700_003_600_000_000_000]
    assert (spot.volume.tolist(), swap.volume.tolist()) == ([500, 700], [5, 7])
    assert spot.quote_volume.tolist() == swap.quote_volume.tolist() == [10000, 21000]
    assert spot.closed is not None
    assert spot.closed.tolist() == [True, False]


def test_recorded_klines(fixtures: Path, okx: Any) -> None:
    text = (fixtures / "klines" / "GetKlines_OKX_UnifiedApi.json").read_bytes()
    bars = tw.decode_klines(text, okx.kline_layout("linear"))
    assert (bars.volume[0], bars.quote_volume[0]) in (
        (22698348.04828491, 12698348.04828491),
        (67632347.24399722, 37632347.24399722),
    )


# Prices, books and trades.

TICKER = {"instId": "BTC-USDT-SWAP", "last": "60000.1", "bidPx": "60000", "bidSz": "150", "askPx": "60000.2"}
TICKER |= {"askSz": "0.5", "open24h": "59000", "high24h": "61000", "low24h": "58000", "vol24h": "300", "volCcy24h": "3"}
TICKER |= {"ts": "1700000000123"}


def test_tickers_are_in_base_units(okx: Any) -> None:
    swap = okx.fetch_ticker("BTC-USDT-PERP").parse(body(TICKER))
    assert (swap.bid_quantity, swap.ask_quantity) == (Decimal("1.50"), Decimal("0.005"))
    assert (swap.volume, swap.quote_volume, swap.time_ns) == (3, None, 1_700_000_000_123_000_000)
    spot = okx.fetch_ticker("BTC-USDT").parse(body(TICKER | {"instId": "BTC-USDT"}))
    assert (spot.bid_quantity, spot.volume, spot.quote_volume) == (150, 300, 3)


def test_tickers_of_a_list(okx: Any) -> None:
    inverse = TICKER | {"instId": "BTC-USD-SWAP"}
    assert [str(t.symbol) for t in okx.fetch_tickers(kind="linear").parse(body(inverse, TICKER))] == ["BTC-USDT-PERP"]
    with pytest.raises(tw.UnknownSymbol, match="ETH-USDT"):
        okx.fetch_tickers(["ETH-USDT"]).parse(body(TICKER))
    with pytest.raises(tw.ConfigError, match="all spot"):
        okx.fetch_tickers(["BTC-USDT", "BTC-USDT-PERP"])
    groups = okx.ticker_groups([tw.Symbol.parse(s) for s in ("A-USDT", "B-USDT-PERP", "C-USDT", "D-USDT-261225")])
    assert [[str(s) for s in group] for group in groups] == [["A-USDT", "C-USDT"], ["B-USDT-PERP"], ["D-USDT-261225"]]


def test_contracts_need_their_instrument() -> None:
    bare = tw.venue("okx")
    call = bare.fetch_ticker("BTC-USDT-PERP")
    assert call.needs_instrument
    assert not bare.fetch_ticker("BTC-USDT").needs_instrument
    with pytest.raises(tw.UnknownSymbol, match=r"learn\(\)"):
        call.parse(body(TICKER))
    with pytest.raises(tw.UnknownSymbol, match=r"learn\(\)"):
        bare.create_order("BTC-USDT-PERP", side="buy", type="market", quantity="1")
    assert bare.fetch_price("BTC-USDT-PERP").parse(body(TICKER)) == Decimal("60000.1")


def test_books(okx: Any) -> None:
    row = {
        "asks": [["2", "10", "0", "1"]],
        "bids": [["1", "20", "0", "2"], ["0.5", "1", "0", "1"]],
        "ts": "5",
        "seqId": 7,
    }
    book = okx.fetch_book("BTC-USDT-PERP", 1).parse(body(row))
    assert book.bids == (tw.Level(Decimal(1), Decimal("0.20")),)
    assert (book.sequence, book.time_ns) == (7, 5_000_000)
    assert asked(okx.fetch_book("BTC-USDT", 400)) == ("/market/books", {"instId": "BTC-USDT", "sz": "400"})
    assert asked(okx.fetch_book("BTC-USDT", 401)) == ("/market/books-full", {"instId": "BTC-USDT", "sz": "401"})
    full = {"asks": [["2", "10", "1"]], "bids": [["1", "20", "2"]], "ts": "5"}
    assert okx.fetch_book("BTC-USDT", 5000).parse(body(full)).asks[0].quantity == 10
    with pytest.raises(tw.DecodeError):
        okx.fetch_book("BTC-USDT").parse(body(full | {"asks": [["2"]]}))


def test_trades_are_oldest_first_by_the_taker(okx: Any) -> None:
    rows = [
        {"tradeId": str(i), "px": "1", "sz": "10", "side": side, "ts": str(i)} for i, side in ((2, "buy"), (1, "sell"))
    ]
    trades = okx.fetch_trades("BTC-USDT-PERP").parse(body(*rows))
    assert [(t.trade_id, str(t.side), t.quantity) for t in trades] == [
        ("1", "sell", Decimal("0.10")),
        ("2", "buy", Decimal("0.10")),
    ]


def test_funding(okx: Any) -> None:
    rows = [{"fundingRate": "0.1", "realizedRate": str(i), "fundingTime": str(i)} for i in (3, 2, 1)]
    window = {"start": "2026-01-01", "end": "2026-01-02"}
    call = okx.fetch_funding_history("BTC-USDT-PERP", **window, limit=3)
    assert [rate.rate for rate in call.parse(body(*rows))] == [1, 2, 3]
    assert asked(call)[1]["limit"] == "3"
    assert asked(okx.fetch_funding_history("BTC-USDT-PERP", **window))[1]["limit"] == "400"
    assert asked(okx.fetch_funding_history("BTC-USDT-PERP", limit=2))[1] == {"instId": "BTC-USDT-SWAP", "limit": "2"}
    for symbol in ("BTC-USDT", "BTC-USDT-261225"):
        with pytest.raises(tw.NotSupported):
            okx.fetch_funding_rate(symbol)


# Books by stream frames, as recorded.


def test_recorded_books_with_sequence_numbers(fixtures: Path, okx: Any) -> None:
    books: dict[str, tw.OrderBook] = {}
    layout, count = okx.book_layout("spot"), 0
    with gzip.open(fixtures / "derived" / "okx_books_seq.jsonl.gz", "rb") as frames:
        for frame in frames:
            native = json.loads(frame)["arg"]["instId"]
            book = books.setdefault(native, tw.OrderBook(tick_size="0.0001", lot_size="0.00000001"))
            assert book.apply(frame, layout)
            count += 1
    assert count == 290
    assert {book.state for book in books.values()} == {BookState.LIVE}


def test_recorded_books_with_checksums(fixtures: Path, okx: Any) -> None:
    """Recorded before sequence numbers came: without them, every frame is proved by its checksum."""
    layout = okx.book_layout("linear")
    delta = msgspec.structs.replace(layout.delta, last=None, previous=None)
    layout = msgspec.structs.replace(layout, rule=SequenceRule.NONE, delta=delta)
    books: dict[str, tw.OrderBook] = {}
    with gzip.open(fixtures / "cryptofeed" / "OKX.jsonl.gz", "rt") as lines:
        for line in lines:
            record = json.loads(line)
            if record["t"] != "recv" or '"books"' not in record["data"] or '"data"' not in record["data"]:
                continue
            native = json.loads(record["data"])["arg"]["instId"]
            book = books.setdefault(native, tw.OrderBook(tick_size="0.0001", lot_size="0.00000001"))
            assert book.apply(record["data"].encode(), layout)
    assert len(books) == 3
    assert {book.state for book in books.values()} == {BookState.LIVE}
