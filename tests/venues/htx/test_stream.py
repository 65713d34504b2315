"""HTX's stream dialect: what is asked for, and what each frame is taken for, with messages recorded by others."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tidewire._feed import Acknowledged, Answer, Moment, Query, Refused, Reply
from tidewire.errors import ConfigError, DecodeError
from tidewire.models import Instrument, Side
from tidewire.symbols import Symbol
from tidewire.venues import venue
from tidewire.venues.htx.stream import read, read_notice

HTX = venue("htx")
MOMENT = Moment(7, 1_700_000_000_000_000_000)


def test_what_is_asked_for() -> None:
    spot, swap = HTX.watch_book("BTC-USDT"), HTX.watch_book("BTC-USDT-PERP", 20)
    assert spot.feed.url == "wss://api.huobi.pro/feed"
    assert json.loads(spot.feed.subscribe([spot.topic], MOMENT)) == {"sub": "market.btcusdt.mbp.150", "id": "7"}
    assert isinstance(spot.snapshot, Query)
    assert json.loads(spot.snapshot.write(MOMENT)) == {"req": "market.btcusdt.mbp.150", "id": "7"}
    assert swap.feed.url == "wss://api.hbdm.com/linear-swap-ws"
    assert json.loads(swap.feed.subscribe([swap.topic], MOMENT)) == {
        "sub": "market.BTC-USDT.depth.size_20.high_freq",
        "id": "7",
        "data_type": "incremental",
    }
    funding = HTX.watch_funding_rate("BTC-USDT-PERP")
    assert json.loads(funding.feed.subscribe([funding.topic], MOMENT)) == {
        "op": "sub",
        "cid": "7",
        "topic": "public.BTC-USDT.funding_rate",
    }
    assert HTX.watch_trades("BTC-USDT").feed.url == "wss://api.huobi.pro/ws"


@pytest.mark.parametrize(
    ("symbol", "depth", "levels"),
    [("BTC-USDT", 5, 150), ("BTC-USDT", 151, 400), ("BTC-USDT-PERP", 5, 20), ("BTC-USDT-PERP", 21, 150)],
)
def test_the_smallest_book_that_is_deep_enough(symbol: str, depth: int, levels: int) -> None:
    channel = HTX.watch_book(symbol, depth)
    assert str(levels) in channel.topic
    assert channel.layout.depth == levels


@pytest.mark.parametrize(("symbol", "depth"), [("BTC-USDT", 401), ("BTC-USDT-PERP", 151), ("BTC-USDT", 0)])
def test_a_depth_that_is_not_sent_is_refused(symbol: str, depth: int) -> None:
    with pytest.raises(ConfigError, match="has at most"):
        HTX.watch_book(symbol, depth)


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        (b'{"ping":1492420473027}', Reply('{"pong":1492420473027}')),
        (b'{"id":"3","status":"ok","subbed":"market.btcusdt.mbp.150","ts":1489474081631}', Acknowledged(3)),
        (b'{"id":"4","status":"ok","unsubbed":"market.btcusdt.mbp.150","ts":1489474081631}', Acknowledged(4)),
        (b'{"pong":1492420473027}', None),
    ],
)
def test_frames_that_are_not_data(frame: bytes, meaning: object) -> None:
    assert read(frame) == meaning


def test_an_answer_in_band_and_a_refusal() -> None:
    frame = b'{"id":"5","rep":"market.btcusdt.mbp.150","status":"ok","data":{"seqNum":1,"bids":[],"asks":[]}}'
    assert read(frame) == Answer(5, frame)
    refusal = read(b'{"status":"error","ts":1,"id":"6","err-code":"bad-request","err-msg":"invalid topic"}')
    assert isinstance(refusal, Refused)
    assert (refusal.number, refusal.error.code, refusal.error.message) == (6, "bad-request", "invalid topic")


def test_members_in_another_order_mean_the_same() -> None:
    frame = b'{"ts":1, "tick":{}, "ch" : "market.btcusdt.trade.detail"}'
    assert read(frame) == ("market.btcusdt.trade.detail", frame)


def test_notices() -> None:
    assert read_notice(b'{"op":"ping","ts":"1489474081631"}') == Reply('{"op":"pong","ts":"1489474081631"}')
    assert read_notice(b'{"op":"sub","cid":"2","topic":"x","ts":1,"err-code":0}') == Acknowledged(2)
    refusal = read_notice(b'{"op":"sub","cid":"2","topic":"x","ts":1,"err-code":2013,"err-msg":"no such topic"}')
    assert isinstance(refusal, Refused)
    assert (refusal.number, refusal.error.code) == (2, 2013)


@pytest.mark.parametrize("frame", [b"", b"[]", b"{", b'{"ch":1}'])
def test_what_cannot_be_read_is_an_error(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        read(frame)


# Messages collected by two other projects.


def jkorf(fixtures: Path, name: str) -> bytes:
    path = next((fixtures / "jkorf" / "HTX").rglob(f"{name}.txt"))
    return path.read_text(encoding="utf-8").partition("\n= ")[2].split("\n= ")[0].encode()


def test_trades_of_others(fixtures: Path) -> None:
    seen = 0
    for line in (fixtures / "crypto_msg_parser" / "huobi.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["kind"] != "trade" or case["case"] not in ("spot", "linear_swap", "linear_swap_2"):
            continue
        symbol = "BTC-USDT" if case["case"] == "spot" else "BTC-USDT-PERP"
        rows = json.loads(case["raw"], parse_float=Decimal)["tick"]["data"]
        topic, frame = read(case["raw"].encode())  # type: ignore[misc]
        assert topic.endswith(".trade.detail")
        trades = HTX.watch_trades(symbol).parse(frame)
        for row, trade in zip(rows, trades, strict=True):
            assert (trade.price, trade.side) == (row["price"], Side(row["direction"]))
            assert trade.quantity == row["amount" if symbol == "BTC-USDT" else "quantity"]
            assert trade.trade_id == str(row.get("tradeId", row["id"]))
            assert trade.time_ns == row["ts"] * 1_000_000
            seen += 1
    assert seen >= 4


def test_klines_and_tickers_of_others(fixtures: Path) -> None:
    (spot,) = HTX.watch_klines("ETH-USDT", "1d").parse(jkorf(fixtures, "Spot/Klines"))
    assert (spot.open_time_ns, spot.close, spot.volume) == (1630981680 * 10**9, Decimal("0.074848"), Decimal("2.4448"))
    assert spot.quote_volume == Decimal("0.1829884187")
    (swap,) = HTX.watch_klines("ETH-USDT-PERP", "1d").parse(jkorf(fixtures, "UsdtMarginSwap/Klines"))
    assert (swap.volume, swap.quote_volume) == (Decimal("0.004"), Decimal("52.2708"))
    ticker = HTX.watch_ticker("ETH-USDT").parse(jkorf(fixtures, "Spot/Ticker"))
    assert ticker is not None
    assert (ticker.last, ticker.bid, ticker.ask_quantity) == (
        Decimal("52735.63"),
        Decimal("52732.88"),
        Decimal("0.583653"),
    )


def test_a_swap_ticker_is_in_base_units(fixtures: Path) -> None:
    htx = venue("htx")
    symbol = Symbol.parse("ETH-USDT-PERP")
    one = Decimal("0.01")
    htx.learn(
        [
            Instrument(
                venue="htx",
                symbol=symbol,
                native="ETH-USDT",
                kind="linear",
                tick_size=one,
                lot_size=one,
                contract_size=one,
            )
        ]
    )
    ticker = htx.watch_ticker(symbol).parse(jkorf(fixtures, "UsdtMarginSwap/Ticker"))
    assert ticker is not None
    assert (ticker.bid, ticker.bid_quantity, ticker.ask_quantity) == (
        Decimal("13071.9"),
        Decimal("0.38"),
        Decimal("2.06"),
    )
    assert (ticker.volume, ticker.quote_volume) == (Decimal("30.316"), Decimal("395073.4918"))


def test_a_funding_rate_of_others(fixtures: Path) -> None:
    topic, frame = read_notice(jkorf(fixtures, "UsdtMarginSwap/Funding"))  # type: ignore[misc]
    assert topic == "public.*.funding_rate"
    rate = HTX.watch_funding_rate("BTC-USDT-PERP").parse(frame)
    assert rate is not None
    assert (rate.rate, rate.funding_time_ns) == (Decimal("-0.000220068774978695"), 1603785600000 * 10**6)
    assert HTX.watch_funding_rate("ETH-USDT-PERP").parse(frame) is None
