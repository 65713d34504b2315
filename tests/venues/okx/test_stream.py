"""OKX's stream dialect, byte by byte: what is asked for, and what each frame is taken for."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tidewire._feed import Acknowledged, Leaving, Message, Moment, Refused
from tidewire.book import BookState, OrderBook
from tidewire.errors import ConfigError, DecodeError, InvalidRequest, NotSupported, SequenceGap, UnknownSymbol
from tidewire.models import Instrument, Side
from tidewire.symbols import Symbol
from tidewire.venues import venue
from tidewire.venues.okx.messages import read

OKX = venue("okx")
PERP = Symbol.parse("BTC-USDT-PERP")
OKX.learn(
    [
        Instrument(
            venue="okx",
            symbol=PERP,
            native="BTC-USDT-SWAP",
            kind="linear",
            tick_size=Decimal("0.1"),
            lot_size=Decimal("0.0001"),
            contract_size=Decimal("0.01"),
        )
    ]
)
ARG = '"arg":{"channel":"books","instId":"BTC-USDT"}'
DATA = '"data":[{"asks":[],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","prevSeqId":-1,"seqId":7}]'
SNAPSHOT = f'{{{ARG},"action":"snapshot",{DATA}}}'.encode()


def payload(message: Message) -> bytes:
    assert isinstance(message, tuple)
    return bytes(message[1])


def test_data_is_told_by_its_channel_and_not_copied() -> None:
    frame = memoryview(SNAPSHOT)
    topic, data = read(frame)  # type: ignore[misc]
    assert topic == OKX.watch_book("BTC-USDT").topic == "books:BTC-USDT"
    assert data is frame


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(f'{{"action":"snapshot",{ARG},{DATA}}}', id="other order"),
        pytest.param(f'{{ {ARG.replace(":", " : ")} , "action":"snapshot", {DATA} }}', id="white space"),
        pytest.param(f'{{{ARG},"eventType":"x","action":"snapshot",{DATA}}}', id="unknown member"),
        pytest.param(f'{{{ARG.replace("}", "")},"instType":"SPOT"}},{DATA}}}', id="longer arg"),
    ],
)
def test_any_other_spelling_means_the_same(frame: str) -> None:
    message = read(frame.encode())
    assert isinstance(message, tuple)
    assert message[0] == "books:BTC-USDT"


def test_answers_to_commands() -> None:
    assert read(f'{{"id":"3","event":"subscribe",{ARG},"connId":"a4d3ae55"}}'.encode()) == Acknowledged(
        None, ("books:BTC-USDT",)
    )
    assert read(f'{{"event":"unsubscribe",{ARG},"connId":"a4d3ae55"}}'.encode()) is None
    assert read(b"pong") is None
    assert read(memoryview(b"pong")) is None


def test_refusals() -> None:
    text = "Wrong URL or channel:books,instId:NO-SUCH doesn't exist. Please use the correct URL, channel and parameters"
    named = read(json.dumps({"event": "error", "code": "60018", "msg": text, "connId": "a4d3ae55"}).encode())
    assert isinstance(named, Refused)
    assert (named.number, named.topics, type(named.error)) == (None, ("books:NO-SUCH",), InvalidRequest)
    numbered = read(b'{"id":"12","event":"error","code":"60012","msg":"Illegal request","connId":"a4d3ae55"}')
    assert isinstance(numbered, Refused)
    assert (numbered.number, numbered.topics, numbered.error.code) == (12, (), "60012")


@pytest.mark.parametrize(
    "frame",
    [
        b'{"event":"notice","code":"64008","msg":"The connection will soon be closed.","connId":"a4d3ae55"}',
        b'{"id":"500","event":"error","code":"60014","msg":"Requests too frequent","connId":"a4d3ae55"}',
    ],
    ids=["service upgrade", "commands used up"],
)
def test_what_makes_another_connection_take_over(frame: bytes) -> None:
    assert isinstance(read(frame), Leaving)


@pytest.mark.parametrize(
    "frame",
    [
        b"{}",
        b'{"event":"notice","code":"1","msg":"hello"}',
        b'{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}',
        f"{{{ARG}}}".encode(),
    ],
)
def test_what_concerns_no_topic(frame: bytes) -> None:
    assert read(frame) is None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"pon", id="half a pong"),
        pytest.param(b"<html>", id="HTML"),
        pytest.param(b"[]", id="array"),
        pytest.param(b"null", id="null"),
        pytest.param(SNAPSHOT[:30], id="truncated in the name"),
        pytest.param(b'{"arg":{"channel":"bo\xffks","instId":"BTC-USDT"},"data":[]}', id="no UTF-8"),
        pytest.param(b'{"arg":7,"data":[]}', id="wrong type"),
    ],
)
def test_what_cannot_be_read(frame: bytes) -> None:
    with pytest.raises(DecodeError):
        read(frame)


def test_where_and_what_to_subscribe() -> None:
    book = OKX.watch_book("BTC-USDT-PERP")
    assert (book.feed.url, book.topic) == ("wss://ws.okx.com:8443/ws/v5/public", "books:BTC-USDT-SWAP")
    assert (book.snapshot, book.depth, book.in_contracts) == (None, 400, True)
    assert not OKX.watch_book("BTC-USDT").in_contracts
    assert OKX.watch_book("BTC-USDT-261225").topic == "books:BTC-USDT-261225"
    trades, klines = OKX.watch_trades("BTC-USDT"), OKX.watch_klines("BTC-USDT", "1d")
    assert trades.feed.url == klines.feed.url == "wss://ws.okx.com:8443/ws/v5/business"
    assert (trades.topic, klines.topic) == ("trades-all:BTC-USDT", "candle1Dutc:BTC-USDT")
    assert OKX.watch_ticker("ETH-BTC").topic == "tickers:ETH-BTC"
    assert OKX.watch_funding_rate("BTC-USDT-PERP").topic == "funding-rate:BTC-USDT-SWAP"
    assert venue("okx", environment="eea-demo").watch_ticker("BTC-EUR").feed.url.startswith("wss://wseeapap.okx.com")


def test_commands_keep_the_venues_limits() -> None:
    feed = OKX.watch_book("BTC-USDT").feed
    topics = ["books:BTC-USDT", "tickers:BTC-USDT-SWAP"]
    assert json.loads(feed.subscribe(topics, Moment(3, 0))) == {
        "id": "3",
        "op": "subscribe",
        "args": [{"channel": "books", "instId": "BTC-USDT"}, {"channel": "tickers", "instId": "BTC-USDT-SWAP"}],
    }
    assert json.loads(feed.unsubscribe(topics[:1], Moment(4, 0))) == {
        "id": "4",
        "op": "unsubscribe",
        "args": [{"channel": "books", "instId": "BTC-USDT"}],
    }
    assert feed.commands_burst + 3600 * feed.commands_per_s <= 480, "commands an hour on one connection"
    assert feed.idle_s + feed.answer_s < 30, "the venue closes what has been silent for so long"
    assert feed.topics_per_connection < 30, "channels of books on one connection"
    assert {quota.resource for quota in OKX.spec.quotas} >= feed.connect_costs.keys()


def test_what_is_not_offered() -> None:
    for depth in (0, 401):
        with pytest.raises(ConfigError, match="1 to 400"):
            OKX.watch_book("BTC-USDT", depth)
    for symbol in ("BTC-USDT", "BTC-USDT-261225"):
        with pytest.raises(NotSupported):
            OKX.watch_funding_rate(symbol)
    with pytest.raises(ConfigError, match="klines"):
        OKX.watch_klines("BTC-USDT", "8h")


# What data means.

TRADE = '{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"12","side":"buy","ts":"1630048897897"}'


def frame(channel: str, row: str, native: str = "BTC-USDT") -> bytes:
    return f'{{"arg":{{"channel":"{channel}","instId":"{native}"}},"data":[{row}]}}'.encode()


def test_trades_are_in_base_units_and_the_side_is_the_takers() -> None:
    (trade,) = OKX.watch_trades("BTC-USDT").parse(frame("trades-all", TRADE))
    assert (trade.price, trade.quantity, trade.side) == (Decimal("42219.9"), Decimal(12), Side.BUY)
    assert (trade.trade_id, trade.time_ns) == ("130639474", 1_630_048_897_897_000_000)
    (trade,) = OKX.watch_trades("BTC-USDT-PERP").parse(frame("trades-all", TRADE.replace("buy", "sell")))
    assert (trade.quantity, trade.side, trade.symbol) == (Decimal("0.12"), Side.SELL, PERP)
    with pytest.raises(UnknownSymbol):
        venue("okx").watch_trades("BTC-USDT-PERP").parse(frame("trades-all", TRADE))


@pytest.mark.parametrize("broken", [("buy", "hold"), ("42219.9", "cheap"), ('"tradeId":"130639474",', ""), ("}", "")])
def test_a_trade_that_is_none_is_a_decode_error(broken: tuple[str, str]) -> None:
    with pytest.raises(DecodeError):
        OKX.watch_trades("BTC-USDT").parse(frame("trades-all", TRADE.replace(*broken)))


def test_klines() -> None:
    row = '["1597026383085","8533.02","8553.74","8527.17","8548.26","45247","529.5858061","5529.5858061","0"]'
    (spot,) = OKX.watch_klines("BTC-USDT", "1d").parse(frame("candle1Dutc", row))
    assert (spot.open, spot.high, spot.low, spot.close) == (
        Decimal("8533.02"), Decimal("8553.74"), Decimal("8527.17"), Decimal("8548.26"),
    )  # fmt: skip
    assert (spot.volume, spot.quote_volume, spot.closed) == (Decimal(45247), Decimal("5529.5858061"), False)
    assert (spot.open_time_ns, spot.interval) == (1_597_026_383_085_000_000, "1d")
    closed = row.replace('"0"]', '"1"]')
    (perp,) = OKX.watch_klines("BTC-USDT-PERP", "1d").parse(frame("candle1Dutc", closed))
    assert (perp.volume, perp.closed) == (Decimal("529.5858061"), True)


@pytest.mark.parametrize(
    "row", ['["1","2","3","4","5","6","7"]', '["1","2","","4","5","6","7","8","0"]', '["x"]', "{}"]
)
def test_a_kline_that_is_none_is_a_decode_error(row: str) -> None:
    with pytest.raises(DecodeError):
        OKX.watch_klines("BTC-USDT", "1m").parse(frame("candle1m", row))


def test_a_ticker_and_a_funding_rate() -> None:
    row = (
        '{"instType":"SWAP","instId":"BTC-USDT-SWAP","last":"29963","askPx":"29960","askSz":"12","bidPx":"29959.9",'
        '"bidSz":"431","open24h":"31589.3","high24h":"31907.2","low24h":"29302","volCcy24h":"108540.53",'
        '"vol24h":"10854053","ts":"1654166233877"}'
    )
    ticker = OKX.watch_ticker("BTC-USDT-PERP").parse(frame("tickers", row))
    assert ticker is not None
    assert (ticker.bid_quantity, ticker.volume, ticker.quote_volume) == (Decimal("4.31"), Decimal("108540.53"), None)
    row = '{"fundingRate":"0.0001","fundingTime":"1646323200000","instId":"BTC-USDT-SWAP","nextFundingRate":""}'
    funding = OKX.watch_funding_rate("BTC-USDT-PERP").parse(frame("funding-rate", row))
    assert funding is not None
    assert (funding.rate, funding.funding_time_ns) == (Decimal("0.0001"), 1_646_323_200_000_000_000)


# The book's rule.


def book_frame(action: str, sequence: int, previous: int, **more: object) -> bytes:
    row = {"asks": [["20", "1", "0", "1"]], "bids": [["10", "1", "0", "1"]], "ts": "1597026383085"}
    return json.dumps({"action": action, "data": [row | {"seqId": sequence, "prevSeqId": previous} | more]}).encode()


def test_the_checksum_counts_only_where_there_is_one() -> None:
    layout = OKX.book_layout("spot")
    for without in ({}, {"checksum": 0}):
        book = OrderBook("0.1", "0.1")
        assert book.apply(book_frame("snapshot", 5, -1, **without), layout)
        assert book.apply(book_frame("update", 6, 5, **without), layout)
        assert (book.state, book.time_ns) == (BookState.LIVE, 1_597_026_383_085_000_000)
    wrong = OrderBook("0.1", "0.1")
    with pytest.raises(Exception, match="CRC32"):
        wrong.apply(book_frame("snapshot", 5, -1, checksum=1), layout)
    assert wrong.state is not BookState.LIVE


def test_a_gap_is_seen_before_it_is_applied() -> None:
    layout, book = OKX.book_layout("spot"), OrderBook("0.1", "0.1")
    book.apply(book_frame("snapshot", 5, -1), layout)
    with pytest.raises(SequenceGap) as gap:
        book.apply(book_frame("update", 8, 7, bids=[["15", "1", "0", "1"]]), layout)
    assert (gap.value.expected, gap.value.received) == (5, 7)
    assert [str(level.price) for level in book.bids()] == ["10.0"]


def test_no_more_levels_are_kept_than_the_venue_maintains() -> None:
    book = OrderBook("1", "1")
    levels = [[str(1000 - number), "1", "0", "1"] for number in range(400)]
    book.apply(book_frame("snapshot", 5, -1, bids=levels, asks=[]), OKX.book_layout("spot"))
    book.apply(book_frame("update", 6, 5, bids=[["1001", "1", "0", "1"]], asks=[]), OKX.book_layout("spot"))
    assert (book.bid_count, book.bids()[-1].price) == (400, Decimal(602))
