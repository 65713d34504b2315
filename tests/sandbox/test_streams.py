"""Binance's streams over real sockets: control messages, and books that follow the venue's own rule."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tidewire import _websocket
from tidewire.credentials import Credentials
from tidewire.errors import ConnectionFailed
from tidewire.sandbox import Sandbox
from tidewire.venues.binance.sandbox import DIALECT

from .listener import Listener, listen

Signed = Callable[..., httpx.Response]
Levels = dict[Decimal, Decimal]


def apply(book: dict[str, Levels], event: dict[str, Any]) -> None:
    for side in ("b", "a"):
        for price, quantity in event[side]:
            book[side][Decimal(price)] = Decimal(quantity)
            if not Decimal(quantity):
                del book[side][Decimal(price)]


def levels(rest: dict[str, Any]) -> dict[str, Levels]:
    return {
        name: {Decimal(price): Decimal(quantity) for price, quantity in rest[side]}
        for name, side in (("b", "bids"), ("a", "asks"))
    }


def snapshot(sandbox: Sandbox, path: str = "/api/v3", limit: int = 5000) -> dict[str, Any]:
    with httpx.Client() as client:
        query = {"symbol": "BTCUSDT", "limit": limit}
        return client.get(f"{sandbox.base_url('binance')}{path}/depth", params=query).json()


async def test_control_messages(sandbox: Sandbox) -> None:
    async with listen(sandbox, "/stream") as listener:
        listener.send(method="SUBSCRIBE", params=["btcusdt@trade", "btcusdt@depth@100ms"], id=1)
        assert await listener.next() == {"result": None, "id": 1}
        listener.send(method="UNSUBSCRIBE", params=["btcusdt@trade"], id=2)
        assert await listener.next() == {"result": None, "id": 2}
        listener.send(method="LIST_SUBSCRIPTIONS", id=3)
        assert await listener.next() == {"result": ["btcusdt@depth@100ms"], "id": 3}
        await asyncio.to_thread(sandbox.step)
        frame = await listener.next()
        assert list(frame) == ["stream", "data"]
        assert frame["stream"] == "btcusdt@depth@100ms"
        assert sandbox.connections("binance") == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 3),
        ("[]", 3),
        ('{"id":1}', 3),
        ('{"method":"SHOUT","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":["nope@trade"],"id":1}', 2),
        ('{"method":"SUBSCRIBE","params":["btcusdt@gossip"],"id":1}', 2),
        ('{"method":"SUBSCRIBE","params":["btcusdt@kline_7m"],"id":1}', 2),
    ],
)
async def test_bad_control_messages(sandbox: Sandbox, message: str, code: int) -> None:
    async with listen(sandbox, "/ws") as listener:
        assert listener.socket is not None
        listener.socket.send(message)
        assert (await listener.next())["code"] == code


async def test_chatterers_are_cut_off(sandbox: Sandbox) -> None:
    async with listen(sandbox, "/ws") as listener:
        for number in range(6):
            listener.send(method="LIST_SUBSCRIPTIONS", id=number)
        reason = await asyncio.wait_for(listener.closed, 5)
        assert "1008" in reason


async def test_only_real_addresses_answer(sandbox: Sandbox) -> None:
    with pytest.raises(ConnectionFailed, match="404"):
        async with listen(sandbox, "/nothing"):
            raise AssertionError("connected")


@pytest.mark.parametrize("kind", ["spot", "linear"])
async def test_snapshot_and_deltas_give_the_engines_book(sandbox: Sandbox, kind: str) -> None:
    """The venue's documented procedure, step by step, with the snapshot taken in the middle."""
    path, rest = ("/ws", "/api/v3") if kind == "spot" else ("/public/ws", "/fapi/v1")
    await asyncio.to_thread(snapshot, sandbox, rest, 1000)  # opens the market
    async with listen(sandbox, f"{path}/btcusdt@depth@100ms") as listener:
        await asyncio.to_thread(sandbox.step, 5)
        base = await asyncio.to_thread(snapshot, sandbox, rest, 1000)
        await asyncio.to_thread(sandbox.step, 30)
        final = await asyncio.to_thread(snapshot, sandbox, rest, 1000)
        book, last = levels(base), base["lastUpdateId"]
        events = await listener.until(lambda event: event["u"] == final["lastUpdateId"])
    assert events[0]["U"] <= last
    kept = [event for event in events if event["u"] > last]
    assert len(kept) == 30
    if kind == "spot":
        assert kept[0]["U"] <= last + 1 <= kept[0]["u"]
        assert all(after["U"] == before["u"] + 1 for before, after in itertools.pairwise(events))
    else:
        assert kept[0]["pu"] == last
        assert all(after["pu"] == before["u"] for before, after in itertools.pairwise(events))
        assert all(after["U"] > before["u"] + 1 for before, after in itertools.pairwise(events))
    for event in kept:
        apply(book, event)
    assert book == levels(final)


async def test_a_users_order_shows_in_the_book_and_its_fill_on_the_tape(
    sandbox: Sandbox, http: httpx.Client, signed: Signed
) -> None:
    best = snapshot(sandbox)
    bid, ask = Decimal(best["bids"][0][0]), Decimal(best["asks"][0][0])
    price = bid if ask - bid == Decimal("0.01") else bid + Decimal("0.01")
    before = dict(best["bids"]).get(f"{price:.8f}", "0")
    other = Credentials("another", "secret")  # nobody trades with himself
    sandbox.add_key("binance", other)
    names = "btcusdt@depth/btcusdt@trade/btcusdt@aggTrade/btcusdt@bookTicker"
    terms = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC", "price": str(price)}
    async with listen(sandbox, f"/stream?streams={names}") as listener:
        placed = await asyncio.to_thread(lambda: signed("POST", "/api/v3/order", side="BUY", quantity="0.5", **terms))
        frame = (await listener.until(lambda frame: frame["stream"] == "btcusdt@bookTicker"))[-1]
        held = Decimal(before) + Decimal("0.5")
        assert (Decimal(frame["data"]["b"]), Decimal(frame["data"]["B"])) == (price, held)
        sell = lambda: signed("POST", "/api/v3/order", key=other, side="SELL", quantity=str(held), **terms)  # noqa: E731
        sold = (await asyncio.to_thread(sell)).json()
        assert sold["status"] == "FILLED"
        prints = await listener.until(lambda frame: frame["stream"] == "btcusdt@bookTicker")
        trades = [frame["data"] for frame in prints if frame["stream"] == "btcusdt@trade"]
        assert [trade["t"] for trade in trades] == [fill["tradeId"] for fill in sold["fills"]]
        assert all(trade["m"] for trade in trades)  # the buyer was the maker
        assert [frame["data"]["a"] for frame in prints if frame["stream"] == "btcusdt@aggTrade"] == [
            trade["t"] for trade in trades
        ]
        await asyncio.to_thread(sandbox.step)
        await listener.until(lambda frame: frame["stream"] == "btcusdt@depth")
    found = signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=placed.json()["orderId"]).json()
    assert found["status"] == "FILLED"


async def test_klines_are_streamed_while_they_form(sandbox: Sandbox) -> None:
    async with listen(sandbox, "/ws/btcusdt@kline_1m") as listener:
        await asyncio.to_thread(sandbox.step)
        kline = (await listener.next())["k"]
        assert kline["T"] - kline["t"] == 59_999
        assert Decimal(kline["l"]) <= Decimal(kline["c"]) <= Decimal(kline["h"])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("lose", [0, 2, 3]),
        ("duplicate", [0, 1, 1, 2, 3]),
        ("swap", [0, 2, 1, 3]),
    ],
)
async def test_frames_go_astray_by_plan(sandbox: Sandbox, kind: str, expected: list[int]) -> None:
    async with listen(sandbox, "/ws/btcusdt@depth@100ms") as listener:
        await asyncio.to_thread(sandbox.step)  # the first frame, unharmed
        armed = sandbox.fail(kind, path="depthUpdate")  # type: ignore[arg-type]
        await asyncio.to_thread(sandbox.step, 3)
        events = await listener.drained(len(expected))
        order = sorted({event["u"] for event in events})
        positions = [order.index(event["u"]) for event in events]
        squeezed = sorted(set(expected))
        assert positions == [squeezed.index(number) for number in expected]
        has_gap = any(after["U"] != before["u"] + 1 for before, after in itertools.pairwise(events))
        assert has_gap
        assert armed.hits == 1
        assert listener.frames.empty()


async def test_a_held_frame_comes_late(sandbox: Sandbox) -> None:
    async with listen(sandbox, "/ws/btcusdt@depth") as listener:
        sandbox.fail("hold", path="depthUpdate", seconds=0.1)
        await asyncio.to_thread(sandbox.step, 2)
        later, earlier = await listener.drained(2)
        assert later["U"] == earlier["u"] + 1


async def test_a_cut_connection_and_garbled_frames(sandbox: Sandbox) -> None:
    async with listen(sandbox, "/ws/btcusdt@depth") as listener:
        sandbox.fail("close")
        await asyncio.to_thread(sandbox.step)
        assert "without a close frame" in await asyncio.wait_for(listener.closed, 5)
    raw: asyncio.Queue[bytes] = asyncio.Queue()

    class Raw(Listener):
        def on_frame(self, payload: memoryview | bytes, is_text: bool) -> None:
            raw.put_nowait(bytes(payload))

    socket = await _websocket.connect(sandbox.stream_url("binance") + "/ws/btcusdt@depth", lambda _: Raw())
    sandbox.fail("garble")
    await asyncio.to_thread(sandbox.step)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        json.loads(await asyncio.wait_for(raw.get(), 5))
    socket.close()
    await socket.wait_closed()


async def test_the_markets_move_by_themselves_at_their_pace() -> None:
    async with Sandbox("binance", pace=0.01) as sandbox:
        async with listen(sandbox, "/ws/btcusdt@depth") as listener:
            events = await listener.drained(10)
        assert all(after["U"] == before["u"] + 1 for before, after in itertools.pairwise(events))
    assert sandbox.connections("binance") == 0


async def test_who_does_not_answer_pings_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DIALECT, "ping_s", 0.2)
    async with Sandbox("binance", pace=None) as sandbox:
        async with listen(sandbox, "/ws/btcusdt@trade") as lively:
            host, port = sandbox.stream_url("binance").removeprefix("ws://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
            upgrade = f"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n\r\n"
            writer.write(upgrade.encode())
            heard = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := await asyncio.wait_for(reader.read(4096), 5):
                    heard += piece
            writer.close()
            assert heard.startswith(b"HTTP/1.1 101")
            assert heard.endswith(b"\x89\x00" * 2)  # empty pings, unanswered
            assert not lively.closed.done()
