"""Binance's stream dialect, byte by byte: what is asked for, and what each frame is taken for."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tidewire._call import Call
from tidewire._feed import Acknowledged, Leaving, Moment, Refused
from tidewire.errors import ConfigError, DecodeError
from tidewire.models import Side
from tidewire.venues import venue
from tidewire.venues.binance.stream import read

BINANCE = venue("binance")
TRADE = (
    b'{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000",'
    b'"T":1723161255342,"m":true,"M":true}'
)


def wrapped(event: bytes, stream: bytes = b"btcusdt@trade") -> bytes:
    return b'{"stream":"' + stream + b'","data":' + event + b"}"


def test_data_is_told_by_its_topic_and_not_copied() -> None:
    frame = memoryview(wrapped(TRADE))
    topic, payload = read(frame)  # type: ignore[misc]
    assert topic == "btcusdt@trade"
    assert payload is frame


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b'{"data":' + TRADE + b',"stream":"btcusdt@trade"}', id="other order"),
        pytest.param(b'{ "stream" : "btcusdt@trade", "data" : ' + TRADE + b" }", id="white space"),
        pytest.param(wrapped(TRADE) + b"\n", id="trailing newline"),
        pytest.param(b'{"stream":"btcusdt\\u0040trade","data":' + TRADE + b"}", id="escaped name"),
        pytest.param(b'{"stream":"btcusdt@trade","data":' + TRADE + b',"more":1}', id="unknown member after"),
        pytest.param(b'{"more":1,"stream":"btcusdt@trade","data":' + TRADE + b"}", id="unknown member before"),
    ],
)
def test_any_other_spelling_means_the_same(frame: bytes) -> None:
    message = read(frame)
    assert isinstance(message, tuple)
    assert message[0] == "btcusdt@trade"
    trade = BINANCE.watch_trades("BTC-USDT").parse
    assert trade(message[1])[0].trade_id == "3735683259"


def test_a_name_of_any_length_is_found() -> None:
    name = b"x" * 200 + b"@trade"
    assert read(wrapped(TRADE, name)) == (name.decode(), wrapped(TRADE, name))


def test_answers_to_commands() -> None:
    assert read(b'{"result":null,"id":7}') == Acknowledged(7)
    refusal = read(b'{"error":{"code":2,"msg":"Invalid request: unknown variant"},"id":7}')
    assert isinstance(refusal, Refused)
    assert (refusal.number, refusal.error.code) == (7, 2)
    assert "unknown variant" in str(refusal.error)
    bare = read(b'{"code":3,"msg":"Invalid JSON"}')
    assert isinstance(bare, Refused)
    assert (bare.number, bare.error.code) == (None, 3)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1723161255343}}',
        b'{"e":"serverShutdown","E":1723161255343}',
    ],
)
def test_a_farewell(frame: bytes) -> None:
    assert isinstance(read(frame), Leaving)


@pytest.mark.parametrize("frame", [b"{}", b'{"e":"somethingNew"}', b'{"stream":"!news@arr","data":[]}', b'{"id":null}'])
def test_what_concerns_no_topic(frame: bytes) -> None:
    assert read(frame) is None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="HTML"),
        pytest.param(b"[]", id="array"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"stream":"btcusdt@tr', id="truncated in the name"),
        pytest.param(b'{"stream":"btcusdt\xff@trade","data":{}}', id="no UTF-8"),
        pytest.param(b'{"stream":7,"data":{}}', id="wrong type"),
    ],
)
def test_what_cannot_be_read(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        read(frame)


def test_trades_are_typed_and_the_side_is_the_takers() -> None:
    parse = BINANCE.watch_trades("BTC-USDT").parse
    (trade,) = parse(wrapped(TRADE))
    assert (trade.price, trade.quantity, trade.side) == (Decimal("61837.63"), Decimal("0.02"), Side.SELL)
    assert (trade.time_ns, str(trade.symbol)) == (1_723_161_255_342_000_000, "BTC-USDT")
    assert parse(wrapped(TRADE.replace(b'"m":true', b'"m":false')))[0].side is Side.BUY


@pytest.mark.parametrize(
    "frame",
    [
        wrapped(TRADE)[:-1],
        wrapped(TRADE)[:-20],
        wrapped(TRADE.replace(b'"e":"trade"', b'"e":"aggTrade"')),
        wrapped(TRADE.replace(b'"61837.63000000"', b'"cheap"')),
        wrapped(TRADE.replace(b'"t":3735683259,', b"")),
        wrapped(b"{}"),
        b'{"stream":"btcusdt@trade"}',
        b"",
    ],
)
def test_a_trade_that_is_none_is_a_decode_error(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        BINANCE.watch_trades("BTC-USDT").parse(frame)


AGGREGATE = (
    b'{"e":"aggTrade","E":1616202009196,"a":389551486,"s":"BTCUSDT","p":"58665.00","q":"0.043","nq":"0.043",'
    b'"f":621622993,"l":621622995,"T":1616202009188,"m":false}'
)


def test_futures_have_aggregates_with_ids_of_their_own() -> None:
    channel = BINANCE.watch_trades("BTC-USDT-PERP")
    assert (channel.feed.url, channel.topic) == ("wss://fstream.binance.com/market/stream", "btcusdt@aggTrade")
    (trade,) = channel.parse(wrapped(AGGREGATE, b"btcusdt@aggTrade"))
    assert (trade.trade_id, trade.price, trade.quantity) == ("389551486", Decimal("58665.00"), Decimal("0.043"))
    assert (trade.side, trade.time_ns) == (Side.BUY, 1_616_202_009_188_000_000)
    assert channel.contiguous
    assert channel.recent.request.url == "https://fapi.binance.com/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000"
    assert channel.recent.costs == {"linear-weight": 20}
    row = b'[{"a":389551486,"p":"58665.00","q":"0.043","f":621622993,"l":621622995,"T":1616202009188,"m":false}]'
    assert channel.recent.parse(row) == [trade]
    with pytest.raises(DecodeError):
        channel.parse(wrapped(TRADE, b"btcusdt@aggTrade"))


def test_recorded_aggregates(fixtures: Path) -> None:
    """Of perpetuals and dated futures, as the venue sent them in 2021."""
    found: dict[str, str] = {}
    for line in (fixtures / "crypto_msg_parser" / "binance.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["case"] in ("linear_swap", "linear_future") and "@aggTrade" in row["raw"]:
            channel = BINANCE.watch_trades("BTC-USDT-PERP" if row["case"] == "linear_swap" else "BTC-USDT-210625")
            topic, payload = read(row["raw"].encode())  # type: ignore[misc]
            assert topic == channel.topic
            (trade,) = channel.parse(payload)
            found[topic] = f"{trade.trade_id} {trade.side} {trade.quantity} at {trade.price}"
    assert found == {
        "btcusdt@aggTrade": "389551486 buy 0.043 at 58665.00",
        "btcusdt_210625@aggTrade": "21021 buy 0.094 at 62595.8",
    }


def test_where_and_what_to_subscribe() -> None:
    spot, linear = BINANCE.watch_book("BTC-USDT"), BINANCE.watch_book("BTC-USDT-PERP", 500)
    assert (spot.feed.url, spot.topic) == ("wss://stream.binance.com:9443/stream", "btcusdt@depth@100ms")
    assert (linear.feed.url, linear.topic) == ("wss://fstream.binance.com/public/stream", "btcusdt@depth@100ms")
    assert BINANCE.watch_book("BTC-USDT-261225").topic == "btcusdt_261225@depth@100ms"
    assert BINANCE.watch_trades("ETH-BTC").topic == "ethbtc@trade"
    assert spot.snapshot.request.url == "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000"
    assert spot.snapshot.costs != linear.snapshot.costs
    assert isinstance(spot.snapshot, Call)
    assert spot.snapshot.parse(b'{"lastUpdateId":1,"bids":[],"asks":[]}').startswith(b'{"lastUpdateId"')


def test_commands_keep_the_venues_limits() -> None:
    feed = BINANCE.watch_book("BTC-USDT").feed
    topics = ["btcusdt@trade", "ethusdt@depth@100ms"]
    subscribe, unsubscribe = (
        json.loads(feed.subscribe(topics, Moment(3, 0))),
        json.loads(feed.unsubscribe(topics, Moment(4, 0))),
    )
    assert subscribe == {"method": "SUBSCRIBE", "params": topics, "id": 3}
    assert unsubscribe == {"method": "UNSUBSCRIBE", "params": topics, "id": 4}
    assert feed.topics_per_connection <= 1024
    assert feed.commands_per_s < 5, "pings and pongs count too"


def test_what_is_offered() -> None:
    assert {verb for verb in BINANCE.capabilities if verb.startswith("watch_")} >= {
        "watch_book",
        "watch_trades",
        "watch_ticker",
        "watch_klines",
        "watch_funding_rate",
    }
    with pytest.raises(ConfigError, match="depth"):
        BINANCE.watch_book("BTC-USDT", 5001)
