"""OKX's streams over real sockets: the sandbox's dialect as it is, and the client on it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from time import time as time_now
from typing import Any
from zlib import crc32

import pytest

from tidewire import AsyncClient, _websocket
from tidewire._connection import Patience
from tidewire.book import BookState, OrderBook
from tidewire.credentials import Credentials
from tidewire.errors import ConnectionFailed, UnknownSymbol
from tidewire.models import BookSnapshot, Level
from tidewire.sandbox import Sandbox
from tidewire.symbols import Symbol
from tidewire.venues.okx import stream
from tidewire.venues.okx.sandbox.stream import OKXSession

from .listener import Listener, listen

PUBLIC, BUSINESS, PRIVATE = "/ws/v5/public", "/ws/v5/business", "/ws/v5/private"
MARKETS = ("BTC-USDT", "BTC-USDT-PERP")


@pytest.fixture
async def okx() -> AsyncIterator[Sandbox]:
    async with Sandbox("okx", pace=None) as sandbox:
        yield sandbox


def subscribe(listener: Listener, channel: str, native: str = "BTC-USDT", *, op: str = "subscribe") -> None:
    listener.send(id="1", op=op, args=[{"channel": channel, "instId": native}])


def inside(sandbox: Sandbox, symbol: str) -> BookSnapshot:
    return sandbox.inspect("okx", lambda exchange: exchange.book(Symbol.parse(symbol), 400))


# The dialect.


async def test_commands_and_their_answers(okx: Sandbox) -> None:
    async with listen(okx, PUBLIC, "okx") as listener:
        subscribe(listener, "tickers")
        answer = await listener.next()
        assert (answer["id"], answer["event"]) == ("1", "subscribe")
        assert answer["arg"] == {"channel": "tickers", "instId": "BTC-USDT"}
        assert (await listener.next())["data"][0]["instId"] == "BTC-USDT", "the first comes at once"
        subscribe(listener, "tickers", op="unsubscribe")
        assert (await listener.next())["event"] == "unsubscribe"
        await asyncio.to_thread(okx.step)
        subscribe(listener, "bbo-tbt")
        assert (await listener.next())["event"] == "subscribe", "nothing was said meanwhile"


@pytest.mark.parametrize(
    ("path", "message", "code"),
    [
        (PUBLIC, "{", "60012"),
        (PUBLIC, "[]", "60012"),
        (PUBLIC, '{"op":"shout","args":[]}', "60012"),
        (PUBLIC, '{"op":"subscribe","args":["tickers"]}', "60012"),
        (PUBLIC, '{"op":"subscribe","args":[{"channel":"tickers","instId":"NO-SUCH"}]}', "60018"),
        (PUBLIC, '{"op":"subscribe","args":[{"channel":"gossip","instId":"BTC-USDT"}]}', "60018"),
        (PUBLIC, '{"op":"subscribe","args":[{"channel":"candle1m","instId":"BTC-USDT"}]}', "60018"),
        (BUSINESS, '{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}', "60018"),
        (BUSINESS, '{"op":"subscribe","args":[{"channel":"candle7m","instId":"BTC-USDT"}]}', "60018"),
        (PUBLIC, '{"op":"subscribe","args":[{"channel":"funding-rate","instId":"BTC-USDT"}]}', "60018"),
        (PUBLIC, '{"op":"subscribe","args":[' + '{"channel":"tickers","instId":"BTC-USDT"},' * 2000 + "{}]}", "60012"),
    ],
)
async def test_bad_commands(okx: Sandbox, path: str, message: str, code: str) -> None:
    async with listen(okx, path, "okx") as listener:
        assert listener.socket is not None
        listener.socket.send(message)
        refusal = await listener.next()
        assert (refusal["event"], refusal["code"]) == ("error", code)


async def test_commands_are_rationed(okx: Sandbox) -> None:
    async with listen(okx, PUBLIC, "okx") as listener:
        for _ in range(240):
            subscribe(listener, "funding-rate", "BTC-USDT-SWAP")
            subscribe(listener, "funding-rate", "BTC-USDT-SWAP", op="unsubscribe")
        subscribe(listener, "tickers")
        refusal = (await listener.until(lambda frame: frame.get("event") == "error"))[-1]
        assert refusal["code"] == "60014"


async def test_only_real_addresses_answer(okx: Sandbox) -> None:
    with pytest.raises(ConnectionFailed, match="404"):
        async with listen(okx, "/ws/v5/nothing", "okx"):
            raise AssertionError("connected")


class Echo:
    """A client that keeps text as it comes."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
        self.heard.put_nowait(bytes(payload).decode())

    def on_closed(self, reason: str) -> None:
        self.heard.put_nowait(f"closed: {reason}")


async def test_pings_are_words(okx: Sandbox) -> None:
    echo = Echo()
    socket = await _websocket.connect(okx.stream_url("okx") + PUBLIC, lambda socket: echo)
    socket.send("ping")
    assert await asyncio.wait_for(echo.heard.get(), 5) == "pong"
    socket.close()
    await socket.wait_closed()


async def test_silence_ends_a_connection_and_a_quiet_book_says_so(
    okx: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OKXSession, "beat_s", 0.05)
    async with listen(okx, PUBLIC, "okx") as listener:
        subscribe(listener, "books")
        first = (await listener.drained(2))[1]["data"][0]
        okx.set_clock_offset("okx", 61)
        alive = await listener.next()
        row = alive["data"][0]
        assert (alive["action"], row["bids"], row["asks"]) == ("update", [], [])
        assert row["seqId"] == row["prevSeqId"] == first["seqId"]
        subscribe(listener, "books", op="unsubscribe")
        await listener.next()
        okx.set_clock_offset("okx", 120)
        assert "4004" in await asyncio.wait_for(listener.closed, 5)


@pytest.mark.parametrize("native", ["BTC-USDT", "BTC-USDT-SWAP"])
async def test_snapshot_and_updates_give_the_engines_book(okx: Sandbox, native: str) -> None:
    """The venue's documented procedure, step by step."""
    book: dict[str, dict[Decimal, Decimal]] = {}
    async with listen(okx, PUBLIC, "okx") as listener:
        subscribe(listener, "books", native)
        messages = (await listener.drained(2))[1:]
        await asyncio.to_thread(okx.step, 30)
        messages += await listener.drained(30)
    last = -1
    for message in messages:
        (row,) = message["data"]
        assert row["prevSeqId"] == last
        assert row["checksum"] == 0
        last = row["seqId"]
        if message["action"] == "snapshot":
            book = {"bids": {}, "asks": {}}
        for side, levels in book.items():
            for price, size, *_ in row[side]:
                levels[Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del levels[Decimal(price)]
    size = Decimal(1) if native == "BTC-USDT" else Decimal("0.01")
    true = inside(okx, native.replace("SWAP", "PERP"))
    assert last == true.sequence
    for side, levels in (("bids", true.bids), ("asks", true.asks)):
        assert book[side] == {level.price: level.quantity / size for level in levels}


async def test_small_books_and_aggregated_trades(okx: Sandbox) -> None:
    async with listen(okx, PUBLIC, "okx") as listener:
        for channel in ("books5", "bbo-tbt", "trades"):
            subscribe(listener, channel)
        frames = await listener.drained(6)
        rows = {frame["arg"]["channel"]: frame["data"][0] for frame in frames if "data" in frame}
        assert (len(rows["books5"]["bids"]), len(rows["bbo-tbt"]["bids"])) == (5, 1)
        assert rows["trades"]["count"] == "1"
        seen: set[str] = set()
        while len(seen) < 3:
            await asyncio.to_thread(okx.step)
            seen |= {frame["arg"]["channel"] for frame in [await listener.next()]}


# The private half of the dialect.


def proof(key: Credentials, **changes: str) -> dict[str, str]:
    """A login made without any of our own code."""
    time = changes.get("timestamp", str(int(time_now())))
    payload = f"{time}GET/users/self/verify".encode()
    signature = base64.b64encode(hmac.new(key.secret.encode(), payload, hashlib.sha256).digest()).decode()
    made = {"apiKey": key.key, "passphrase": key.passphrase or "", "timestamp": time, "sign": signature}
    return made | changes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"apiKey": "nobody"}, "60005"),
        ({"passphrase": "wrong"}, "60024"),
        ({"timestamp": "soon"}, "60004"),
        ({"timestamp": "1700000000"}, "60006"),
        ({"sign": "x"}, "60007"),
    ],
)
async def test_a_login_is_proved(okx: Sandbox, changes: dict[str, str], code: str) -> None:
    async with listen(okx, PRIVATE, "okx") as listener:
        listener.send(op="login", args=[proof(okx.credentials("okx"), **changes)])
        assert (await listener.next())["code"] == code
        listener.send(op="subscribe", args=[{"channel": "account"}])
        assert (await listener.next())["code"] == "60011"


async def test_the_account_s_channels(okx: Sandbox) -> None:
    async with listen(okx, PRIVATE, "okx") as listener:
        listener.send(op="login", args=[proof(okx.credentials("okx"))])
        assert (await listener.next())["event"] == "login"
        for arg in ({"channel": "orders"}, {"channel": "orders", "instType": "X"}, {"channel": "positions"}):
            listener.send(op="subscribe", args=[arg])
            assert (await listener.next())["code"] == "60018"
        listener.send(op="subscribe", args=[{"channel": "account"}, {"channel": "orders", "instType": "SPOT"}])
        told, snapshot, also = await listener.drained(3)
        assert (told["event"], also["event"], snapshot["eventType"]) == ("subscribe", "subscribe", "snapshot")
        assert {detail["ccy"] for detail in snapshot["data"][0]["details"]} >= {"BTC", "USDT"}
        code = crc32(b"BTC-USDT")
        order = {"instIdCode": code, "tdMode": "cash", "side": "buy", "ordType": "market", "sz": "0.01"}
        listener.send(id="7", op="order", args=[order | {"tgtCcy": "base_ccy"}])
        frames = await listener.until(lambda frame: frame.get("arg", {}).get("channel") == "account")
        answer = frames[0]
        assert (answer["id"], answer["op"], answer["code"]) == ("7", "order", "0")
        rows = [frame["data"][0] for frame in frames if frame.get("arg", {}).get("channel") == "orders"]
        assert [row["state"] for row in rows] == ["live", "filled"]
        assert [row["tradeId"] != "" for row in rows] == [False, True]
        assert rows[1]["ordId"] == answer["data"][0]["ordId"]
        listener.send(id="8", op="cancel-order", args=[{"instIdCode": code, "ordId": rows[1]["ordId"]}])
        refused = (await listener.until(lambda frame: frame.get("id") == "8"))[-1]
        assert (refused["code"], refused["data"][0]["sCode"]) == ("1", "51400")
        listener.send(id="9", op="cancel-order", args=[{"instId": "BTC-USDT", "ordId": rows[1]["ordId"]}])
        refused = (await listener.until(lambda frame: frame.get("id") == "9"))[-1]
        assert refused["data"][0]["sCode"] == "50014", "the name alone is not enough"


# The client.


def hurried(client: AsyncClient) -> AsyncClient:
    client.streams.patience = replace(Patience(first_s=0.005, cap_s=0.05))
    return client


def levels(book: OrderBook | BookSnapshot) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    return (book.bids(), book.asks()) if isinstance(book, OrderBook) else (book.bids, book.asks)


async def until(books: Any, reached: Callable[[OrderBook], bool]) -> OrderBook:
    async with asyncio.timeout(10):
        async for book in books:
            if reached(book):
                return book  # type: ignore[no-any-return]
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("symbol", MARKETS)
async def test_a_book_in_base_units(okx: Sandbox, symbol: str) -> None:
    async with AsyncClient("okx", environment=okx) as client, client.watch_book(symbol) as books:
        book = await until(books, lambda book: book.state is BookState.LIVE)
        await asyncio.to_thread(okx.step, 20)
        true = inside(okx, symbol)
        await until(books, lambda book: book.sequence == true.sequence)
        rest = await client.fetch_book(symbol, 400)
        assert levels(book) == levels(true) == levels(rest)
        assert (books.stats.gaps, books.stats.snapshots, str(book.guarantee)) == (0, 1, "sequence")
        instrument = await client.instrument(symbol)
        assert book.lot_size == instrument.lot_size
        assert book.time_ns is not None


@pytest.mark.parametrize("symbol", MARKETS)
async def test_a_service_upgrade_loses_nothing(okx: Sandbox, symbol: str) -> None:
    async with hurried(AsyncClient("okx", environment=okx)) as client:
        okx.fail("retire", seconds=1.5)
        async with client.watch_book(symbol) as books, client.watch_trades(symbol) as trades:
            await until(books, lambda book: book.state is BookState.LIVE)
            states, numbers = set[BookState](), list[int]()

            async def collect() -> None:
                async for trade in trades:
                    numbers.append(int(trade.trade_id))

            collecting = asyncio.create_task(collect())
            async with asyncio.timeout(20):
                while not any(each.rotations for each in client.streams.stats().connections):
                    await asyncio.to_thread(okx.step)
                    states.add((await anext(books)).state)
            await asyncio.to_thread(okx.step, 10)
            true = inside(okx, symbol)
            book = await until(books, lambda book: book.sequence == true.sequence)
            assert levels(book) == levels(true)
            await trades.aclose()
            await collecting
        assert states == {BookState.LIVE}
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("symbol", MARKETS)
async def test_trades_are_whole_through_faults_and_as_rest_lists_them(okx: Sandbox, symbol: str) -> None:
    async with hurried(AsyncClient("okx", environment=okx)) as client:
        stream, told = client.watch_trades(symbol), []

        async def collect() -> None:
            async for trade in stream:
                told.append(trade)

        collecting = asyncio.create_task(collect())
        async with asyncio.timeout(20):
            while not told:
                await asyncio.to_thread(okx.step)
            for kind in ("lose", "duplicate", "swap", "garble"):
                okx.fail(kind, path="trades-all", times=None, probability=0.08)
            for _ in range(30):
                await asyncio.to_thread(okx.step)
            okx.clear_faults()
            newest = (await client.fetch_trades(symbol, limit=1))[-1]
            while int(told[-1].trade_id) < int(newest.trade_id):
                await asyncio.to_thread(okx.step)
        await stream.aclose()
        await collecting
        listed = {trade.trade_id: trade for trade in await client.fetch_trades(symbol, limit=500)}
    numbers = [int(trade.trade_id) for trade in told]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(listed.get(trade.trade_id, trade) == trade for trade in told)
    assert len(listed.keys() & {trade.trade_id for trade in told}) > 10


@pytest.mark.parametrize("symbol", MARKETS)
async def test_a_ticker_and_klines_equal_rests(okx: Sandbox, symbol: str) -> None:
    async with AsyncClient("okx", environment=okx) as client:
        async with (
            asyncio.timeout(10),
            client.watch_ticker(symbol) as tickers,
            client.watch_klines(symbol, "1m") as bars,
        ):
            ticker, bar = await anext(tickers), await anext(bars)
            rest = await client.fetch_ticker(symbol)
            assert (ticker.bid, ticker.ask, ticker.bid_quantity) == (rest.bid, rest.ask, rest.bid_quantity)
            assert (ticker.volume, ticker.quote_volume) != (None, None)
            recent = await client.fetch_klines(symbol, "1m", limit=2, closed=False)
            assert bar.open_time_ns in recent.open_time.tolist()
            assert not bar.closed
            await asyncio.to_thread(okx.step)
            assert (await anext(tickers)).time_ns != ticker.time_ns


async def test_klines_close(okx: Sandbox) -> None:
    async with AsyncClient("okx", environment=okx) as client:
        async with asyncio.timeout(10), client.watch_klines("BTC-USDT", "1m") as bars:
            first = await anext(bars)
            okx.set_clock_offset("okx", 180)
            await asyncio.to_thread(okx.step)
            closed = [bar async for bar in _until_forming(bars)]
    opens = [bar.open_time_ns for bar in closed]
    assert opens[0] == first.open_time_ns
    assert all(after - before == 60 * 10**9 for before, after in itertools.pairwise(opens))
    assert len(opens) >= 3


async def _until_forming(bars: Any) -> AsyncIterator[Any]:
    async for bar in bars:
        if not bar.closed:
            return
        yield bar


async def test_a_funding_rate(okx: Sandbox) -> None:
    async with AsyncClient("okx", environment=okx) as client:
        async with asyncio.timeout(10), client.watch_funding_rate("BTC-USDT-PERP") as rates:
            rate, rest = await anext(rates), await client.fetch_funding_rate("BTC-USDT-PERP")
    assert (rate.rate, rate.funding_time_ns) == (rest.rate, rest.funding_time_ns)


async def test_many_books_are_spread_and_leave_nothing(okx: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_TOPICS", 7)
    async with AsyncClient("okx", environment=okx) as client:
        kinds = [*await client.fetch_instruments("spot"), *await client.fetch_instruments("linear")]
        symbols = [str(each.symbol) for each in kinds]
        assert len(symbols) > 14
        streams = [client.watch_book(symbol) for symbol in symbols]
        async with asyncio.timeout(30):
            books = await asyncio.gather(*map(anext, streams))
        assert all(book.state is BookState.LIVE for book in books)
        assert okx.connections("okx") == -(-len(symbols) // 7)
    assert all(book.state is BookState.STALE for book in books)
    names = {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("tidewire")}
    assert names <= {"tidewire socket"}, "only a closing handshake may still be under way"


async def test_a_market_that_does_not_exist(okx: Sandbox) -> None:
    async with AsyncClient("okx", environment=okx) as client:
        with pytest.raises(UnknownSymbol):
            await anext(client.watch_book("NO-SUCH"))
        assert not client.streams.stats().books
