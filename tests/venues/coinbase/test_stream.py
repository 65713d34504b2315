"""Coinbase Exchange's stream dialect, byte by byte: what is asked for, and what each frame is taken for."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tidewire._feed import Acknowledged, Moment, Refused
from tidewire.errors import AuthenticationError, ConfigError, DecodeError, NotSupported, UnknownSymbol
from tidewire.models import Side
from tidewire.venues import venue
from tidewire.venues.coinbase.stream import read

COINBASE = venue("coinbase")
UPDATE = (
    b'{"type":"l2update","product_id":"BTC-USD","changes":[["buy","37378.26","0.02460000"]],'
    b'"time":"2021-06-02T09:02:09.048568Z"}'
)
MATCH = (
    b'{"type":"last_match","trade_id":147587438,"maker_order_id":"3dbaddb1-3dcf-4511-b81c-89450a56deb4",'
    b'"taker_order_id":"421f3aaa-dfdd-4192-805a-bb73462ea6db","side":"sell","size":"0.00031874","price":"57786.82",'
    b'"product_id":"BTC-USD","sequence":22962703070,"time":"2021-03-21T03:47:27.112041Z"}'
)
TICKER = (
    b'{"type":"ticker","sequence":38332655422,"product_id":"BTC-USD","price":"29940.91","open_24h":"31677.61",'
    b'"volume_24h":"27783.70216674","low_24h":"29308.01","high_24h":"31888","volume_30d":"778633.19135445",'
    b'"best_bid":"29940.90","best_bid_size":"0.5","best_ask":"29940.91","best_ask_size":"0.25","side":"buy",'
    b'"time":"2022-06-02T09:20:54.127011Z","trade_id":347875517,"last_size":"0.00061522"}'
)


@pytest.mark.parametrize(
    ("frame", "topic"),
    [
        (UPDATE, "level2_batch@BTC-USD"),
        (b'{"type":"snapshot","product_id":"BTC-USD","asks":[],"bids":[]}', "level2_batch@BTC-USD"),
        (b'{ "product_id" : "BTC-USD", "type" : "l2update", "changes":[] }', "level2_batch@BTC-USD"),
        (b'{"asks":[],"bids":[],"product_id":"BTC-USD","type":"snapshot"}', "level2_batch@BTC-USD"),
        (MATCH, "matches@BTC-USD"),
        (MATCH.replace(b"last_match", b"match"), "matches@BTC-USD"),
        (TICKER, "ticker@BTC-USD"),
        (b'{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD"}', "heartbeat@BTC-USD"),
    ],
)
def test_data_is_told_by_its_topic_and_not_copied(frame: bytes, topic: str) -> None:
    view = memoryview(frame)
    found, payload = read(view)  # type: ignore[misc]
    assert found == topic
    assert payload is view


def test_the_list_of_all_that_is_subscribed() -> None:
    frame = (
        b'{"type":"subscriptions","channels":[{"name":"level2_batch","product_ids":["BTC-USD","ETH-USD"],'
        b'"account_ids":null},{"name":"heartbeat","product_ids":["BTC-USD"]},{"name":"status","product_ids":null}]}'
    )
    topics = ["level2_batch@BTC-USD", "level2_batch@ETH-USD", "heartbeat@BTC-USD"]
    assert read(frame) == Acknowledged(topics=topics)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type":"subscriptions","channels":[]}',
        b'{"type":"status","products":[]}',
        b'{"type":"something_new","product_id":"BTC-USD"}',
        b'{"type":"match"}',
    ],
)
def test_what_concerns_no_topic(frame: bytes) -> None:
    """Above all an empty list: it is no answer to the command that waits for one."""
    assert read(frame) is None


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("FOO-USD is not a valid product", UnknownSymbol),
        ("level2, level3, and full channels now require authentication", AuthenticationError),
    ],
)
def test_refusals(reason: str, error: type[Exception]) -> None:
    frame = json.dumps({"type": "error", "message": "Failed to subscribe", "reason": reason})
    refused = read(frame.encode())
    assert isinstance(refused, Refused)
    assert (refused.number, refused.topics) == (None, ())
    assert type(refused.error).__mro__.count(error)
    assert reason in str(refused.error)


@pytest.mark.parametrize(
    "frame", [b"", b"<html>", b"[]", b"null", b"{}", b'{"type":7}', UPDATE[:20], b'{"type":"\xff"}']
)
def test_what_cannot_be_read(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        read(frame)


def test_a_trade_has_the_side_of_its_taker() -> None:
    parse = COINBASE.watch_trades("BTC-USD").parse
    (trade,) = parse(MATCH)
    assert (trade.trade_id, trade.price, trade.quantity) == ("147587438", Decimal("57786.82"), Decimal("0.00031874"))
    assert (trade.side, trade.time_ns) == (Side.BUY, 1_616_298_447_112_041_000)
    assert parse(MATCH.replace(b'"sell"', b'"buy"'))[0].side is Side.SELL


def test_a_ticker() -> None:
    parse = COINBASE.watch_ticker("BTC-USD").parse
    ticker = parse(TICKER)
    assert ticker is not None
    assert (ticker.last, ticker.bid, ticker.ask) == (Decimal("29940.91"), Decimal("29940.90"), Decimal("29940.91"))
    assert (ticker.bid_quantity, ticker.ask_quantity) == (Decimal("0.5"), Decimal("0.25"))
    assert (ticker.open, ticker.high, ticker.low) == (Decimal("31677.61"), 31888, Decimal("29308.01"))
    assert (ticker.volume, ticker.time_ns) == (Decimal("27783.70216674"), 1_654_161_654_127_011_000)
    bare = parse(b'{"type":"ticker","product_id":"BTC-USD","price":"1","best_bid":"0","best_bid_size":"0"}')
    assert bare is not None
    assert (bare.bid, bare.bid_quantity, bare.ask) == (None, None, None)


@pytest.mark.parametrize("frame", [b"", b"{}", MATCH[:-1], MATCH.replace(b'"57786.82"', b'"cheap"')])
def test_what_is_no_trade(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        COINBASE.watch_trades("BTC-USD").parse(frame)


def test_where_and_what_to_subscribe() -> None:
    book = COINBASE.watch_book("BTC-USD", 10)
    assert (book.feed.url, book.topic) == ("wss://ws-feed.exchange.coinbase.com", "level2_batch@BTC-USD")
    assert (book.snapshot, book.depth) == (None, None), "the whole book comes in the stream"
    assert book.guard is not None
    assert (book.guard.topic, book.guard.number(b'{"type":"heartbeat","sequence":90}')) == ("heartbeat@BTC-USD", 90)
    trades = COINBASE.watch_trades("ETH-BTC")
    assert (trades.topic, trades.contiguous) == ("matches@ETH-BTC", True)
    assert trades.recent.request.url == "https://api.exchange.coinbase.com/products/ETH-BTC/trades?limit=1000"


def test_commands() -> None:
    feed = COINBASE.watch_book("BTC-USD").feed
    topics = ["level2_batch@BTC-USD", "heartbeat@BTC-USD", "level2_batch@ETH-USD"]
    channels = [
        {"name": "level2_batch", "product_ids": ["BTC-USD", "ETH-USD"]},
        {"name": "heartbeat", "product_ids": ["BTC-USD"]},
    ]
    assert json.loads(feed.subscribe(topics, Moment(1, 0))) == {"type": "subscribe", "channels": channels}
    assert json.loads(feed.unsubscribe(topics, Moment(2, 0))) == {"type": "unsubscribe", "channels": channels}
    assert feed.commands_per_s < 100


def test_what_is_offered() -> None:
    offered = {verb for verb in COINBASE.capabilities if verb.startswith("watch_")}
    assert offered >= {"watch_book", "watch_trades", "watch_ticker"}
    assert not offered & {"watch_klines", "watch_funding_rate"}
    with pytest.raises(NotSupported):
        COINBASE.watch_klines("BTC-USD", "1m")
    with pytest.raises(NotSupported):
        COINBASE.watch_book("BTC-USD-PERP")
    with pytest.raises(ConfigError, match="depth"):
        COINBASE.watch_book("BTC-USD", 0)


def test_messages_that_others_recorded(fixtures: Path) -> None:
    """See: crypto-msg-parser's tests."""
    with (fixtures / "crypto_msg_parser" / "coinbase_pro.jsonl").open() as lines:
        frames = [json.loads(line)["raw"].encode() for line in lines]
    topics = [message[0] for message in map(read, filter(is_typed, frames)) if isinstance(message, tuple)]
    assert topics == ["matches@BTC-USD", "level2_batch@BTC-USD", "level2_batch@BTC-USD", "ticker@BTC-USD"]


def is_typed(frame: bytes) -> bool:
    """Not an answer over REST."""
    return "type" in json.loads(frame)
