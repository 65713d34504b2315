"""Coinbase Advanced's stream dialect, byte by byte: what is asked for, and what each frame is taken for."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidewire._feed import Acknowledged, Moment, Numbered, Refused, Several
from tidewire.errors import ConfigError, DecodeError, NotSupported
from tidewire.models import Side
from tidewire.venues import venue
from tidewire.venues.coinbase_advanced import CoinbaseAdvanced
from tidewire.venues.coinbase_advanced.stream import read

ADVANCED = venue("coinbase_advanced")


def frame(channel: str, *events: dict[str, Any], number: int = 7, **more: Any) -> bytes:
    head = {"channel": channel, "client_id": "", "timestamp": "2024-10-04T07:13:31.158696693Z", "sequence_num": number}
    return json.dumps({**head, "events": events, **more}, separators=(",", ":")).encode()


def levels(kind: str = "update", product: str = "BTC-USD") -> dict[str, Any]:
    update = {"side": "bid", "event_time": "1970-01-01T00:00:00Z", "price_level": "21921.73", "new_quantity": "0.06"}
    return {"type": kind, "product_id": product, "updates": [update]}


def trade(number: int, product: str = "BTC-USD", side: str = "BUY") -> dict[str, str]:
    time = "2024-10-04T07:13:31.088388Z"
    return {
        "product_id": product,
        "trade_id": str(number),
        "price": "2375.56",
        "size": "0.5",
        "time": time,
        "side": side,
    }


def candle(start: int, product: str = "BTC-USD") -> dict[str, str]:
    prices = {"high": "1867.72", "low": "1865.63", "open": "1867.38", "close": "1866.81", "volume": "0.20269406"}
    return {"start": str(start), **prices, "product_id": product}


TRADES = {"type": "update", "trades": [trade(22381691), trade(22381690)]}
QUOTES = {"type": "snapshot", "tickers": [{"type": "ticker", "product_id": "BTC-USD", "price": "21932.98"}]}
CANDLES = {"type": "update", "candles": [candle(1688998200)]}


@pytest.mark.parametrize(
    ("sent", "topic"),
    [
        (frame("l2_data", levels()), "level2@BTC-USD"),
        (frame("l2_data", levels("snapshot")), "level2@BTC-USD"),
        (frame("l2_data", levels("snapshot"), levels()), "level2@BTC-USD"),
        (json.dumps(json.loads(frame("l2_data", levels()))).encode(), "level2@BTC-USD"),
        (frame("market_trades", TRADES), "market_trades@BTC-USD"),
        (frame("ticker", QUOTES), "ticker@BTC-USD"),
        (frame("candles", CANDLES), "candles@BTC-USD"),
    ],
)
def test_data_is_told_by_its_topic_and_number_and_not_copied(sent: bytes, topic: str) -> None:
    view = memoryview(sent)
    message = read(view)
    assert isinstance(message, Numbered)
    assert message.number == 7
    assert isinstance(message.message, tuple)
    assert message.message[0] == topic
    assert message.message[1] is view


def test_a_message_about_several_products_is_taken_apart() -> None:
    book = read(frame("l2_data", levels(), levels(product="ETH-USD")))
    mixed = read(frame("market_trades", {"type": "update", "trades": [trade(1), trade(5, "ETH-USD"), trade(2)]}))
    for message, name in ((book, "level2"), (mixed, "market_trades")):
        assert isinstance(message, Numbered)
        assert isinstance(message.message, Several)
        assert [part[0] for part in message.message.messages] == [f"{name}@BTC-USD", f"{name}@ETH-USD"]  # type: ignore[index]
    own, _ = mixed.message.messages  # type: ignore[union-attr]
    trades = ADVANCED.watch_trades("BTC-USD").parse(own[1])  # type: ignore[index]
    assert [row.trade_id for row in trades] == ["1", "2"]


def test_the_list_of_all_that_is_subscribed() -> None:
    said = {"subscriptions": {"level2": ["BTC-USD", "ETH-USD"], "heartbeats": ["heartbeats"], "status": None}}
    topics = ["level2@BTC-USD", "level2@ETH-USD", "heartbeats"]
    assert read(frame("subscriptions", said)) == Numbered(7, Acknowledged(topics=topics))
    assert read(frame("subscriptions", {"subscriptions": {}})) == Numbered(7, None), "no answer to what waits for one"


def test_a_heartbeat_shows_that_heartbeats_were_granted() -> None:
    beat = {"current_time": "2024-10-04 07:04:40.820713045 +0000 UTC m=+66987.628148662", "heartbeat_counter": 66987}
    assert read(frame("heartbeats", beat)) == Numbered(7, Acknowledged(topics=("heartbeats",)))


def test_what_concerns_no_topic_still_counts() -> None:
    assert read(frame("status", {"type": "snapshot", "products": []})) == Numbered(7, None)


def test_refusals() -> None:
    refused = read(b'{"type":"error","message":"authentication failure"}')
    assert isinstance(refused, Refused)
    assert (refused.number, refused.topics) == (None, ())
    assert "authentication failure" in str(refused.error)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"channel":7}',
        frame("l2_data", levels())[:80],
        frame("l2_data", {"type": "update", "updates": []}),
        frame("market_trades", {"type": "update", "trades": [{"trade_id": "1"}]}),
    ],
)
def test_what_cannot_be_read(sent: bytes) -> None:
    with pytest.raises(DecodeError):
        read(sent)


def test_trades_come_oldest_first_and_of_a_snapshot_only_the_newest() -> None:
    parse = ADVANCED.watch_trades("BTC-USD").parse
    older, newer = parse(frame("market_trades", TRADES))
    assert (older.trade_id, newer.trade_id, newer.side) == ("22381690", "22381691", Side.BUY)
    assert (newer.price, newer.quantity) == (Decimal("2375.56"), Decimal("0.5"))
    assert newer.time_ns == 1_728_026_011_088_388_000
    (last,) = parse(frame("market_trades", {**TRADES, "type": "snapshot"}))
    assert last.trade_id == "22381691"


def test_the_side_of_trades_can_be_turned_round() -> None:
    advanced = CoinbaseAdvanced()
    advanced.trades_name_the_maker = True
    assert advanced.watch_trades("BTC-USD").parse(frame("market_trades", TRADES))[0].side is Side.SELL


def test_a_trade_without_a_number_for_an_id_cannot_be_read() -> None:
    odd = {"type": "update", "trades": [{**trade(1), "trade_id": "one"}]}
    with pytest.raises(DecodeError):
        ADVANCED.watch_trades("BTC-USD").parse(frame("market_trades", odd))


def test_a_ticker() -> None:
    row = {
        "type": "ticker",
        "product_id": "BTC-USD",
        "price": "21932.98",
        "volume_24_h": "16038.28770938",
        "low_24_h": "21835.29",
        "high_24_h": "23011.18",
        "best_bid": "21931.98",
        "best_bid_quantity": "8000.21",
        "best_ask": "21933.98",
        "best_ask_quantity": "8038.07770938",
    }
    parse = ADVANCED.watch_ticker("BTC-USD").parse
    ticker = parse(frame("ticker", {"type": "update", "tickers": [row]}))
    assert ticker is not None
    assert (ticker.last, ticker.bid, ticker.ask) == (Decimal("21932.98"), Decimal("21931.98"), Decimal("21933.98"))
    assert (ticker.bid_quantity, ticker.ask_quantity) == (Decimal("8000.21"), Decimal("8038.07770938"))
    assert (ticker.high, ticker.low, ticker.volume) == (
        Decimal("23011.18"),
        Decimal("21835.29"),
        Decimal("16038.28770938"),
    )
    assert (ticker.open, ticker.time_ns) == (None, 1_728_026_011_158_696_693)
    bare = parse(frame("ticker", QUOTES))
    assert bare is not None
    assert (bare.bid, bare.bid_quantity) == (None, None)


def test_klines_of_five_minutes() -> None:
    parse = ADVANCED.watch_klines("BTC-USD", "5m").parse
    older, newer = parse(frame("candles", {"type": "update", "candles": [candle(1688998500), candle(1688998200)]}))
    assert (older.open_time_ns, newer.open_time_ns) == (1_688_998_200 * 10**9, 1_688_998_500 * 10**9)
    assert (newer.open, newer.high, newer.low, newer.close, newer.volume) == tuple(
        map(Decimal, ("1867.38", "1867.72", "1865.63", "1866.81", "0.20269406"))
    )
    assert (newer.interval, newer.closed, newer.quote_volume) == ("5m", False, None)
    (last,) = parse(frame("candles", {"type": "snapshot", "candles": [candle(1688998500), candle(1688998200)]}))
    assert last == newer


@pytest.mark.parametrize("interval", ["1m", "1h", "1d"])
def test_no_other_klines_as_a_stream(interval: str) -> None:
    with pytest.raises(NotSupported, match="5m only"):
        ADVANCED.watch_klines("BTC-USD", interval)


def test_where_and_what_to_subscribe() -> None:
    book = ADVANCED.watch_book("BTC-USD", 10)
    assert (book.feed.url, book.topic) == ("wss://advanced-trade-ws.coinbase.com", "level2@BTC-USD")
    assert (book.snapshot, book.depth) == (None, None), "the whole book comes in the stream"
    assert ADVANCED.watch_trades("ETH-BTC").topic == "market_trades@ETH-BTC"
    assert not ADVANCED.watch_klines("BTC-USD", "5m").says_closed
    with pytest.raises(ConfigError, match="depth"):
        ADVANCED.watch_book("BTC-USD", 0)


def test_what_is_quoted_in_usdc_comes_under_the_name_of_usd_on_a_connection_of_its_own() -> None:
    book, other = ADVANCED.watch_book("BTC-USDC"), ADVANCED.watch_book("BTC-USD")
    assert book.feed.url != other.feed.url
    assert book.topic == "level2@BTC-USDC"
    for product in ("BTC-USD", "BTC-USDC"):
        message = book.feed.read(frame("l2_data", levels(product=product)))
        assert isinstance(message, Numbered)
        assert message.message[0] == "level2@BTC-USDC"  # type: ignore[index]
    assert book.feed.read(frame("subscriptions", {"subscriptions": {"level2": ["BTC-USD"]}})) == Numbered(
        7, Acknowledged(topics=["level2@BTC-USDC"])
    )


def test_commands_hold_one_channel() -> None:
    feed = ADVANCED.watch_book("BTC-USD").feed
    assert feed.together is not None
    assert feed.together("level2@BTC-USD") == feed.together("level2@ETH-USD") != feed.together("candles@BTC-USD")
    assert json.loads(feed.subscribe(["level2@BTC-USD", "level2@ETH-USD"], Moment(1, 0))) == {
        "type": "subscribe",
        "channel": "level2",
        "product_ids": ["BTC-USD", "ETH-USD"],
    }
    assert json.loads(feed.unsubscribe(["candles@BTC-USD"], Moment(2, 0)))["type"] == "unsubscribe"
    assert json.loads(feed.subscribe(feed.standing, Moment(3, 0))) == {"type": "subscribe", "channel": "heartbeats"}
    assert feed.commands_per_s < 8


def test_what_is_offered() -> None:
    offered = {verb for verb in ADVANCED.capabilities if verb.startswith("watch_")}
    assert offered >= {"watch_book", "watch_trades", "watch_ticker", "watch_klines"}
    assert not offered & {"watch_funding_rate", "watch_balances"}
    with pytest.raises(NotSupported, match="balances of futures only"):
        ADVANCED.watch_balances()


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("Trades", "market_trades@ETH-USDT"),
        ("Ticker", "ticker@ETH-USDT"),
        ("Klines", "candles@ETH-USDT"),
        ("Heartbeat", "heartbeats"),
    ],
)
def test_pairs_of_question_and_answer_that_others_keep(fixtures: Path, name: str, topic: str) -> None:
    """See: JKorf/Coinbase.Net's tests: what is sent, what acknowledges it, and a first message."""
    text = (fixtures / "jkorf" / "Coinbase" / "AdvancedTrade" / f"{name}.txt").read_text()
    sent, answer, data = re.match(r"> (.*)\n< (.*)\n= ?((?:.|\n)*)", text).groups()  # type: ignore[union-attr]
    channels = {
        "market_trades": ADVANCED.watch_trades("ETH-USDT"),
        "ticker": ADVANCED.watch_ticker("ETH-USDT"),
        "candles": ADVANCED.watch_klines("ETH-USDT", "5m"),
    }
    feed = ADVANCED.watch_book("ETH-USDT").feed
    theirs = {key: value for key, value in json.loads(sent).items() if key != "jwt"}
    assert json.loads(feed.subscribe([topic], Moment(1, 0))) == theirs
    acknowledged = read(answer.encode())
    assert isinstance(acknowledged, Numbered)
    assert acknowledged.message == Acknowledged(topics=[topic])
    message = read(data.encode())
    assert isinstance(message, Numbered)
    if topic != "heartbeats":
        assert message.message[0] == topic  # type: ignore[index]
        assert channels[topic.partition("@")[0]].parse(message.message[1])  # type: ignore[index]
